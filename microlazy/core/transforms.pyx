"""Discrete Fourier transforms of small arrays, along the last axes, in double precision.

In a small array the way to NumPy's transform takes longer than the transform. Lengths are split
into prime factors (Cooley and Tukey 1965). A function returns None for what is NumPy's to do.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from libc.math cimport M_PI, cos, sin
from libc.stdlib cimport malloc
from microlazy.core.tape cimport state
from microlazy.core.tensor cimport FLOAT32, FLOAT64, MAX_NDIM, NP, Tensor, new, shape_tuple

import numpy

ctypedef struct Complex:
    double re, im

ctypedef Complex* Roots           # of unity

ctypedef fused real:
    float
    double

cdef enum:
    LONGEST = 128                 # numbers on a line
    PRIME = 7                     # the largest factor, whose square is what it costs
    FEW = 400                     # numbers in all

cdef enum Kind:                   # of numbers before and behind: complex, or real
    FORWARD, INVERSE, FROM_REAL, TO_REAL, HERMITIAN_TO_REAL, REAL_TO_HERMITIAN

cdef dict KINDS = {
    "fft": FORWARD, "fft2": FORWARD, "fftn": FORWARD, "ifft": INVERSE, "ifft2": INVERSE,
    "ifftn": INVERSE, "rfft": FROM_REAL, "rfft2": FROM_REAL, "rfftn": FROM_REAL,
    "irfft": TO_REAL, "irfft2": TO_REAL, "irfftn": TO_REAL, "hfft": HERMITIAN_TO_REAL,
    "ihfft": REAL_TO_HERMITIAN,
}

cdef Roots[LONGEST + 1] roots     # by how many there are; made when they are needed
cdef object SINGLE = numpy.dtype("complex64"), DOUBLE = numpy.dtype("complex128")
cdef object numpy_array = numpy.ndarray, empty = numpy.empty


cdef inline Complex product(Complex a, Complex b) noexcept nogil:
    cdef Complex c
    c.re = a.re * b.re - a.im * b.im
    c.im = a.re * b.im + a.im * b.re
    return c


cdef Complex root(Py_ssize_t k, Py_ssize_t n) noexcept nogil:
    """exp(-2 pi i k / n), from an angle of an eighth of the circle."""
    cdef Py_ssize_t quarter = 4 * k // n, rest = 4 * k - quarter * n
    cdef Complex w, turned
    if 2 * rest > n:
        w.re, w.im = sin(M_PI / 2 * (n - rest) / n), -cos(M_PI / 2 * (n - rest) / n)
    else:
        w.re, w.im = cos(M_PI / 2 * rest / n), -sin(M_PI / 2 * rest / n)
    while quarter > 0:            # times -i
        turned.re, turned.im = w.im, -w.re
        w = turned
        quarter -= 1
    return w


cdef Complex* roots_of(Py_ssize_t n) except NULL:
    cdef Py_ssize_t k
    if roots[n] == NULL:
        roots[n] = <Complex*>malloc(n * sizeof(Complex))
        if roots[n] == NULL:
            raise MemoryError(f"no memory for {n} roots of unity")
        for k in range(n):
            roots[n][k] = root(k, n)
    return roots[n]


cdef Py_ssize_t least_factor(Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t p = 2
    while p * p <= n:
        if n % p == 0:
            return p
        p += 1
    return n


cdef bint is_short(Py_ssize_t n) noexcept nogil:
    """Whether a line of n numbers is transformed here."""
    if not 0 < n <= LONGEST:
        return False
    while n > 1:
        if least_factor(n) > PRIME:
            return False
        n //= least_factor(n)
    return True


cdef void transform(const Complex* x, Py_ssize_t step, Complex* y, Py_ssize_t n,
                    const Complex* w, Py_ssize_t turn, Py_ssize_t total) noexcept nogil:
    """y[k] = the sum of x[j * step] * w[j * k * turn % total], with turn * n = total roots w."""
    cdef Complex[PRIME] part
    cdef Complex term
    cdef Py_ssize_t p, m, k, q, r
    cdef double re, im
    if n == 1:
        y[0] = x[0]
        return
    p = least_factor(n)
    m = n // p
    if m > 1:
        for r in range(p):
            transform(x + r * step, step * p, y + r * m, m, w, turn * p, total)
    for k in range(m):
        part[0] = y[k] if m > 1 else x[0]
        for r in range(1, p):
            if m == 1:
                part[r] = x[r * step]
            else:
                part[r] = product(y[r * m + k], w[r * k * turn])
        if p == 2:
            y[k].re, y[k].im = part[0].re + part[1].re, part[0].im + part[1].im
            y[m + k].re, y[m + k].im = part[0].re - part[1].re, part[0].im - part[1].im
            continue
        for q in range(p):
            re, im = part[0].re, part[0].im
            for r in range(1, p):
                term = product(part[r], w[r * q % p * m * turn])
                re += term.re
                im += term.im
            y[q * m + k].re, y[q * m + k].im = re, im


cdef int along(Complex* x, Py_ssize_t rows, Py_ssize_t n, Py_ssize_t step, bint inverse) except -1:
    """Transform lines of n numbers, `step` apart, in place; the inverse is divided by n."""
    cdef Complex[LONGEST] line
    cdef const Complex* w = roots_of(n)
    cdef Complex* at
    cdef Py_ssize_t i, j, k, from_end
    for i in range(rows):
        for j in range(step):
            at = x + i * n * step + j
            transform(at, step, line, n, w, 1, n)
            for k in range(n):
                if inverse:       # of what is read the other way round
                    from_end = (n - k) % n
                    at[k * step].re, at[k * step].im = line[from_end].re / n, line[from_end].im / n
                else:
                    at[k * step] = line[k]
    return 0


cdef void load(const real* x, Complex* w, Py_ssize_t n, bint is_complex) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        w[i].re = x[i * (1 + is_complex)]
        w[i].im = x[2 * i + 1] if is_complex else 0


cdef bint store(const Complex* w, real* y, Py_ssize_t n, bint is_complex) noexcept nogil:
    """Round; False where a number is not finite."""
    cdef Py_ssize_t i
    cdef bint finite = True
    for i in range(n):
        if is_complex:
            y[2 * i], y[2 * i + 1] = <real>w[i].re, <real>w[i].im
            finite = finite and y[2 * i] - y[2 * i] == 0 and y[2 * i + 1] - y[2 * i + 1] == 0
        else:
            y[i] = <real>w[i].re
            finite = finite and y[i] - y[i] == 0
    return finite


cdef void scale(Complex* w, Py_ssize_t n, double factor, bint conjugate) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        w[i].re *= factor
        w[i].im *= -factor if conjugate else factor


cdef void halve(Complex* w, Py_ssize_t rows, Py_ssize_t n) noexcept nogil:
    """Keep the frequencies of each row that are not negative."""
    cdef Py_ssize_t i, k, half = n // 2 + 1
    for i in range(1, rows):
        for k in range(half):
            w[i * half + k] = w[i * n + k]


cdef void unfold(Complex* w, Py_ssize_t rows, Py_ssize_t half, Py_ssize_t n) noexcept nogil:
    """Give each row its negative frequencies, whose numbers are conjugates of the others."""
    cdef Py_ssize_t i, k
    for i in range(rows - 1, -1, -1):
        for k in range(half - 1, -1, -1):
            w[i * n + k] = w[i * half + k]
        w[i * n].im = 0
        if n % 2 == 0:
            w[i * n + half - 1].im = 0
        for k in range(half, n):
            w[i * n + k].re, w[i * n + k].im = w[i * n + n - k].re, -w[i * n + n - k].im


cdef int compute(int kind, int axes, Complex* w, int ndim, Py_ssize_t* shape) except -1:
    """Transform the last axes in place; the last one's size may change."""
    cdef bint inverse = kind == INVERSE or kind == TO_REAL
    cdef Py_ssize_t n = shape[ndim - 1], rows = 1, step, size = 1, i, full = n
    for i in range(ndim - 1):
        rows *= shape[i]
    if kind == HERMITIAN_TO_REAL:
        scale(w, rows * n, 1, True)
    if kind == FORWARD or kind == INVERSE:
        along(w, rows, n, 1, inverse)
    elif kind == FROM_REAL or kind == REAL_TO_HERMITIAN:
        along(w, rows, n, 1, False)
        shape[ndim - 1] = n // 2 + 1
        halve(w, rows, n)
    if kind == REAL_TO_HERMITIAN:
        scale(w, rows * shape[ndim - 1], 1.0 / n, True)
    step = shape[ndim - 1]
    size = rows
    for i in range(ndim - 2, ndim - axes - 1, -1):
        size //= shape[i]
        along(w, size, shape[i], step, inverse)
        step *= shape[i]
    if kind == TO_REAL or kind == HERMITIAN_TO_REAL:
        full = 2 * (n - 1)
        unfold(w, rows, n, full)
        along(w, rows, full, 1, True)
        shape[ndim - 1] = full
        if kind == HERMITIAN_TO_REAL:
            scale(w, rows * full, full, False)
    return 0


def transformed(str name, a, int axes):
    """The transform of that name of numpy.fft, of a real array or one of NumPy's complex ones.

    Parameters
    ----------
    name : str
    a : array or numpy.ndarray
    axes : int
        How many of the last axes; 0 for all.

    Returns
    -------
    numpy.ndarray, array or None
        None where the array is larger, recorded, of another kind or not finite.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.transforms import transformed
    >>> transformed("fft", np.array([1, 2]), 1)
    array([ 3.+0.j, -1.+0.j], dtype=complex64)
    """
    cdef Complex[FEW] w
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef Py_buffer memory
    cdef Py_ssize_t size = 1, last, i
    cdef int kind = KINDS[name], ndim
    cdef bint is_complex = type(a) is numpy_array, single, finite, to_real
    cdef Tensor x, y
    if is_complex:
        dtype = a.dtype
        if (dtype is not SINGLE and dtype is not DOUBLE) or not a.flags.c_contiguous:
            return None
        sizes = a.shape
        single = dtype is SINGLE
    elif isinstance(a, Tensor):
        x = <Tensor>a
        if x.dtype > FLOAT64 or not x.contiguous or x.abstract or state().recording:
            return None
        sizes = shape_tuple(x)
        single = x.dtype == FLOAT32
    else:
        return None
    ndim = <int>len(sizes)
    axes = axes or ndim
    if not 0 < axes <= ndim <= MAX_NDIM or (is_complex and (
            kind == FROM_REAL or kind == REAL_TO_HERMITIAN)):
        return None
    to_real = kind == TO_REAL or kind == HERMITIAN_TO_REAL
    for i in range(ndim):
        shape[i] = sizes[i]
        last = 2 * (shape[i] - 1) if to_real and i == ndim - 1 else shape[i]
        if i >= ndim - axes and not is_short(last):
            return None
        size *= max(shape[i], last)
        if not 0 < size <= FEW:
            return None
    size = size // max(shape[ndim - 1], last) * shape[ndim - 1]
    if is_complex:
        PyObject_GetBuffer(a, &memory, PyBUF_SIMPLE)
        if single:
            load(<const float*>memory.buf, w, size, True)
        else:
            load(<const double*>memory.buf, w, size, True)
        PyBuffer_Release(&memory)
    elif single:
        load(<const float*>x.data, w, size, False)
    else:
        load(<const double*>x.data, w, size, False)
    compute(kind, axes, w, ndim, shape)
    size = 1
    for i in range(ndim):
        size *= shape[i]
    if to_real:
        y = new(NP, FLOAT32 if single else FLOAT64, ndim, shape)
        finite = store(w, <float*>y.data, size, False) if single else (
            store(w, <double*>y.data, size, False))
        return y if finite else None
    result = empty(tuple([shape[i] for i in range(ndim)]), SINGLE if single else DOUBLE)
    PyObject_GetBuffer(result, &memory, PyBUF_WRITABLE)
    finite = store(w, <float*>memory.buf, size, True) if single else (
        store(w, <double*>memory.buf, size, True))
    PyBuffer_Release(&memory)
    return result if finite else None
