"""Singular values and eigenvalues of small matrices: one-sided Jacobi rotations.

Demmel and Veselic 1992, "Jacobi's method is more accurate than QR". A call of LAPACK's is what
takes the time with a small matrix. Rotations run in float64, for matrices of float32 too. The signs
of vectors are not LAPACK's, so these serve where signs do not matter.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from libc.math cimport INFINITY, copysign, fabs, sqrt
from microlazy.core.loops.matrices cimport are_small, doubles, in_dtype, numbers

import numpy

cdef enum:
    FEW = 12                      # rows and columns, up to which LAPACK takes longer
    FEW_FOR_VALUES = 8            # the same, of values alone
    SWEEPS = 30                   # six to eight are usual

cdef double ORTHOGONAL = 1e-30    # the square of a cosine
cdef double ORTHOGONAL_IN_SINGLE = 1e-20      # the same, for results in float32
cdef double LARGE = 1e70          # its square can still be squared

cdef object empty = numpy.empty

ctypedef fused real:
    float
    double


cdef double dot(const double* a, const double* b, Py_ssize_t n) noexcept nogil:
    cdef double s0 = 0, s1 = 0, s2 = 0, s3 = 0
    cdef Py_ssize_t i, whole = n - n % 4
    for i in range(0, whole, 4):
        s0 += a[i] * b[i]
        s1 += a[i + 1] * b[i + 1]
        s2 += a[i + 2] * b[i + 2]
        s3 += a[i + 3] * b[i + 3]
    for i in range(whole, n):
        s0 += a[i] * b[i]
    return (s0 + s1) + (s2 + s3)


cdef void turn(double* a, double* b, double c, double s, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef double x, y
    for i in range(n):
        x, y = a[i], b[i]
        a[i] = c * x - s * y
        b[i] = s * x + c * y


cdef double cosine_of(object x) except -1:
    """The square of a cosine from which on vectors of an array's dtype count as orthogonal."""
    return ORTHOGONAL if x.dtype.itemsize == 8 else ORTHOGONAL_IN_SINGLE


cdef bint make_orthogonal(double* w, Py_ssize_t count, Py_ssize_t length, double* turns,
                          double enough) noexcept nogil:
    """Turn the rows of w until each is orthogonal to the others; False if that does not end.

    `turns` becomes the orthogonal matrix that did it; `enough` is the square of a cosine.
    """
    cdef double[FEW] squares
    cdef double* wi
    cdef double* wj
    cdef double d, zeta, t, c
    cdef Py_ssize_t i, j
    cdef int _sweep
    cdef bint turned
    for i in range(count * count):
        turns[i] = 0
    for i in range(count):
        turns[i * count + i] = 1
    for _sweep in range(SWEEPS):
        turned = False
        for i in range(count):
            squares[i] = dot(w + i * length, w + i * length, length)
        for i in range(count - 1):
            wi = w + i * length
            for j in range(i + 1, count):
                wj = w + j * length
                d = dot(wi, wj, length)
                if d * d <= enough * squares[i] * squares[j]:
                    continue
                turned = True
                zeta = (squares[j] - squares[i]) / (2 * d)
                t = copysign(1 / (fabs(zeta) + sqrt(1 + zeta * zeta)), zeta)
                c = 1 / sqrt(1 + t * t)
                turn(wi, wj, c, c * t, length)
                turn(turns + i * count, turns + j * count, c, c * t, count)
                squares[i] -= t * d
                squares[j] += t * d
        if not turned:
            return True
    return False


cdef void put_in_order(const double* w, Py_ssize_t count, Py_ssize_t length, double* sizes,
                       Py_ssize_t* order) noexcept nogil:
    """The lengths of w's rows in descending order, and which rows these are."""
    cdef Py_ssize_t i, j
    cdef double size
    for i in range(count):
        size = sqrt(dot(w + i * length, w + i * length, length))
        j = i
        while j > 0 and sizes[j - 1] < size:
            sizes[j] = sizes[j - 1]
            order[j] = order[j - 1]
            j -= 1
        sizes[j] = size
        order[j] = i


cdef bint moderate(const double* a, Py_ssize_t n) noexcept nogil:
    """Whether the numbers are finite, and squares of them neither overflow nor vanish."""
    cdef double most = 0
    cdef Py_ssize_t i
    for i in range(n):
        if not fabs(a[i]) < LARGE:
            return False
        most = max(most, fabs(a[i]))
    return most == 0 or most > 1 / LARGE


cdef bint singular(const double* a, Py_ssize_t m, Py_ssize_t n, double* u, double* s, double* vt,
                   double enough) noexcept nogil:
    """The factors of one matrix; False where rotations do not do, as with a singular value of 0."""
    cdef double[FEW * FEW] w
    cdef double[FEW * FEW] turns
    cdef Py_ssize_t[FEW] order
    cdef Py_ssize_t count = min(m, n), length = max(m, n), i, j, k
    cdef bint tall = m >= n
    if not moderate(a, m * n):
        return False
    for i in range(count):
        for j in range(length):
            w[i * length + j] = a[j * n + i] if tall else a[i * n + j]
    if not make_orthogonal(w, count, length, turns, enough):
        return False
    put_in_order(w, count, length, s, order)
    for k in range(count):
        if s[k] == 0:
            return False
        i = order[k]
        for j in range(length):
            if tall:
                u[j * count + k] = w[i * length + j] / s[k]
            else:
                vt[k * length + j] = w[i * length + j] / s[k]
        for j in range(count):
            if tall:
                vt[k * count + j] = turns[i * count + j]
            else:
                u[j * count + k] = turns[i * count + j]
    return True


cdef bint has_infinity(const real* a, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef bint found = False
    for i in range(n):
        found |= fabs(a[i]) == INFINITY
    return found


cdef bint may_have_infinity(object x) except -1:
    """False for packed floats none of which is infinite."""
    cdef Py_buffer memory
    cdef Py_ssize_t n = x.size
    cdef bint found
    if x.dtype.char not in "fd" or not x.flags.c_contiguous:
        return True
    PyObject_GetBuffer(x, &memory, PyBUF_SIMPLE)
    if memory.len == n * <Py_ssize_t>sizeof(float):
        found = has_infinity(<const float*>memory.buf, n)
    else:
        found = has_infinity(<const double*>memory.buf, n)
    PyBuffer_Release(&memory)
    return found


def without_infinity(x):
    """An array with nan for its infinities: LAPACK refuses nan, and may never end at infinity.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.core.loops.rotations import without_infinity
    >>> without_infinity(numpy.array([1.0, -numpy.inf]))
    array([ 1., nan])
    """
    if not may_have_infinity(x):
        return x
    infinite = numpy.isinf(x)
    return numpy.where(infinite, numpy.nan, x) if infinite.any() else x


def svdvals(x):
    """numpy.linalg.svdvals.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.core.loops.rotations import svdvals
    >>> svdvals(numpy.array([[0.0, 3.0], [4.0, 0.0]]))
    array([4., 3.])
    """
    if are_small(x, FEW_FOR_VALUES):
        return svd(x)[1]
    return numpy.linalg.svd(without_infinity(x), compute_uv=False)


def svd(x):
    """numpy.linalg.svd, not of full matrices, but for the signs of vectors.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.core.loops.rotations import svd
    >>> svd(numpy.array([[0.0, 3.0], [4.0, 0.0]]))[1]
    array([4., 3.])
    """
    cdef Py_ssize_t m, n, k, i
    cdef double* a
    cdef double* u
    cdef double* s
    cdef double* vt
    if not are_small(x, FEW):
        return numpy.linalg.svd(without_infinity(x), full_matrices=False)
    *stack, rows, columns = x.shape
    m, n = rows, columns
    k = min(m, n)
    source = doubles(x)
    first, middle, last = empty((*stack, m, k)), empty((*stack, k)), empty((*stack, k, n))
    a, u, s, vt = numbers(source), numbers(first), numbers(middle), numbers(last)
    for i in range(<Py_ssize_t>x.size // (m * n)):
        if not singular(a + i * m * n, m, n, u + i * m * k, s + i * k, vt + i * k * n,
                        cosine_of(x)):
            return numpy.linalg.svd(without_infinity(x), full_matrices=False)
    return in_dtype(first, x.dtype), in_dtype(middle, x.dtype), in_dtype(last, x.dtype)


def pinv(x, double rcond):
    """numpy.linalg.pinv.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.core.loops.rotations import pinv
    >>> pinv(numpy.array([[0.0, 4.0], [2.0, 0.0]]), 1e-15)
    array([[0.  , 0.5 ],
           [0.25, 0.  ]])
    """
    cdef double[FEW * FEW] u
    cdef double[FEW] s
    cdef double[FEW * FEW] vt
    cdef Py_ssize_t m, n, count, i, j, k, place
    cdef double share
    cdef double* a
    cdef double* out
    if not are_small(x, FEW):
        return numpy.linalg.pinv(without_infinity(x), rcond)
    *stack, rows, columns = x.shape
    m, n = rows, columns
    count = min(m, n)
    source, result = doubles(x), numpy.zeros((*stack, n, m))
    a, out = numbers(source), numbers(result)
    for place in range(0, <Py_ssize_t>x.size, m * n):
        if not singular(a + place, m, n, u, s, vt, cosine_of(x)):
            return numpy.linalg.pinv(without_infinity(x), rcond)
        for k in range(count):
            if not s[k] > rcond * s[0]:
                break
            for j in range(n):
                share = vt[k * n + j] / s[k]
                for i in range(m):
                    out[place + j * m + i] += share * u[i * count + k]
    return in_dtype(result, x.dtype)


cdef bint eigen(const double* a, Py_ssize_t n, bint lower, double* values, double* vectors,
                double enough) noexcept nogil:
    """The eigenvalues, ascending, and eigenvectors of one symmetric matrix.

    They are the singular values of the matrix moved so far that none is negative.
    """
    cdef double[FEW * FEW] w
    cdef double[FEW * FEW] turns
    cdef double[FEW] sizes
    cdef Py_ssize_t[FEW] order
    cdef double shift = 0, total
    cdef Py_ssize_t i, j, k
    for i in range(n):
        total = 0
        for j in range(n):
            w[i * n + j] = a[j * n + i] if (j > i) == lower and i != j else a[i * n + j]
            total += fabs(w[i * n + j])
        shift = max(shift, total)
    if not moderate(w, n * n):
        return False
    for i in range(n):
        w[i * n + i] += shift
    if not make_orthogonal(w, n, n, turns, enough):
        return False
    put_in_order(w, n, n, sizes, order)
    for k in range(n):
        values[n - 1 - k] = sizes[k] - shift
        for j in range(n):
            vectors[j * n + n - 1 - k] = turns[order[k] * n + j]
    return True


def eigvalsh(x, UPLO="L"):
    """numpy.linalg.eigvalsh.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.core.loops.rotations import eigvalsh
    >>> eigvalsh(numpy.array([[2.0, 0.0], [1.0, 2.0]]))
    array([1., 3.])
    """
    return eigh(x, UPLO)[0] if are_small(x, FEW_FOR_VALUES) else numpy.linalg.eigvalsh(x, UPLO)


def eigh(x, UPLO="L"):
    """numpy.linalg.eigh, but for the signs of vectors.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.core.loops.rotations import eigh
    >>> eigh(numpy.array([[2.0, 0.0], [1.0, 2.0]]))[0]
    array([1., 3.])
    """
    cdef Py_ssize_t n, i
    cdef bint lower = UPLO in ("L", "l")
    cdef double* a
    cdef double* values
    cdef double* vectors
    if not are_small(x, FEW) or not (lower or UPLO in ("U", "u")):
        return numpy.linalg.eigh(x, UPLO)
    *stack, rows, columns = x.shape
    if rows != columns:
        return numpy.linalg.eigh(x, UPLO)       # which refuses it
    n = rows
    source = doubles(x)
    first, second = empty((*stack, n)), empty(x.shape)
    a, values, vectors = numbers(source), numbers(first), numbers(second)
    for i in range(<Py_ssize_t>x.size // (n * n)):
        if not eigen(a + i * n * n, n, lower, values + i * n, vectors + i * n * n, cosine_of(x)):
            return numpy.linalg.eigh(x, UPLO)
    return in_dtype(first, x.dtype), in_dtype(second, x.dtype)
