"""Small matrices: Gaussian elimination with partial pivoting (Golub and Van Loan 2013, 3.4).

A call of NumPy's is what takes the time with a small matrix. Elimination runs in float64, for
matrices of float32 too; what is large, or singular where that is an error, is left to NumPy.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from libc.math cimport INFINITY, exp, fabs, isfinite, log

import numpy

cdef object empty = numpy.empty
cdef object FLOAT64_TYPE = numpy.dtype("float64")
cdef object FLOAT32_TYPE = numpy.dtype("float32")


cdef bint are_small(object x, Py_ssize_t most) except -1:
    """Whether an array holds matrices of floats, with no more rows and columns than `most`."""
    cdef tuple shape = x.shape
    cdef Py_ssize_t last = len(shape) - 1
    return last >= 1 and 0 < shape[last] <= most and 0 < shape[last - 1] <= most and (
        x.dtype is FLOAT32_TYPE or x.dtype is FLOAT64_TYPE)


cdef Py_ssize_t rows_of(object x) except -2:
    """The number of rows of small square matrices of floats; -1 for other arrays."""
    cdef tuple shape = x.shape
    cdef Py_ssize_t last = len(shape) - 1
    return shape[last] if are_small(x, MOST) and shape[last] == shape[last - 1] else -1


cdef double* numbers(object array) except NULL:
    """The numbers of a packed array, which the caller keeps."""
    cdef Py_buffer buffer
    PyObject_GetBuffer(array, &buffer, PyBUF_SIMPLE)
    PyBuffer_Release(&buffer)
    return <double*>buffer.buf


cdef bint factor(double* a, Py_ssize_t n, Py_ssize_t* order, int* sign) noexcept nogil:
    """Overwrite a matrix with its factors L and U, of its rows in another order.

    False where a pivot is 0: the rest of its column is 0 then.
    """
    cdef Py_ssize_t i, j, k, best
    cdef double share
    cdef bint regular = True
    sign[0] = 1
    for k in range(n):
        best = k
        for i in range(k + 1, n):
            if fabs(a[i * n + k]) > fabs(a[best * n + k]):
                best = i
        order[k] = best
        if best != k:
            sign[0] = -sign[0]
            for j in range(n):
                a[k * n + j], a[best * n + j] = a[best * n + j], a[k * n + j]
        if a[k * n + k] == 0:
            regular = False
            continue
        for i in range(k + 1, n):
            share = a[i * n + k] / a[k * n + k]
            a[i * n + k] = share
            for j in range(k + 1, n):
                a[i * n + j] -= share * a[k * n + j]
    return regular


cdef void substitute(const double* a, Py_ssize_t n, const Py_ssize_t* order, double* b,
                     Py_ssize_t columns) noexcept nogil:
    """Overwrite b, of n rows, with the solution of a @ x = b, where `a` holds its factors."""
    cdef Py_ssize_t i, j, k
    for k in range(n):
        if order[k] != k:
            for j in range(columns):
                i = order[k] * columns + j
                b[k * columns + j], b[i] = b[i], b[k * columns + j]
    for k in range(n):
        for i in range(k + 1, n):
            for j in range(columns):
                b[i * columns + j] -= a[i * n + k] * b[k * columns + j]
    for k in range(n - 1, -1, -1):
        for j in range(columns):
            b[k * columns + j] /= a[k * n + k]
        for i in range(k):
            for j in range(columns):
                b[i * columns + j] -= a[i * n + k] * b[k * columns + j]


cdef object doubles(object x):
    return numpy.array(x, FLOAT64_TYPE, order="C")


cdef object in_dtype(object result, object dtype):
    return result if dtype is FLOAT64_TYPE else result.astype(dtype)


def inv(x):
    """numpy.linalg.inv.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.core.loops.matrices import inv
    >>> inv(numpy.array([[2.0, 0.0], [0.0, 4.0]]))
    array([[0.5 , 0.  ],
           [0.  , 0.25]])
    """
    cdef Py_ssize_t[MOST] order
    cdef Py_ssize_t n = rows_of(x), i, start
    cdef int sign
    cdef double* a
    cdef double* b
    if n < 0:
        return numpy.linalg.inv(x)
    factors = doubles(x)
    result = numpy.zeros(x.shape)
    a, b = numbers(factors), numbers(result)
    for start in range(0, <Py_ssize_t>x.size, n * n):
        for i in range(n):
            b[start + i * n + i] = 1
        if not factor(a + start, n, order, &sign):
            return numpy.linalg.inv(x)          # which refuses it
        substitute(a + start, n, order, b + start, n)
    return in_dtype(result, x.dtype)


def solve(x, y):
    """numpy.linalg.solve, for matrices y.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.core.loops.matrices import solve
    >>> solve(numpy.array([[2.0, 0.0], [0.0, 4.0]]), numpy.array([[2.0], [2.0]]))
    array([[1. ],
           [0.5]])
    """
    cdef Py_ssize_t[MOST] order
    cdef Py_ssize_t n = rows_of(x), columns, i, last = x.ndim - 1
    cdef int sign
    cdef double* a
    cdef double* b
    if n < 0 or y.dtype is not x.dtype or y.ndim != x.ndim or y.shape[:last] != x.shape[:last]:
        return numpy.linalg.solve(x, y)
    factors = doubles(x)
    result = doubles(y)
    columns = y.shape[last]
    a, b = numbers(factors), numbers(result)
    for i in range(<Py_ssize_t>x.size // (n * n)):
        if not factor(a + i * n * n, n, order, &sign):
            return numpy.linalg.solve(x, y)     # which refuses it
        substitute(a + i * n * n, n, order, b + i * n * columns, columns)
    return in_dtype(result, x.dtype)


cdef void measure(const double* a, Py_ssize_t n, int* sign, double* logarithm) noexcept nogil:
    """The sign of a product of pivots, and the logarithm of its absolute value."""
    cdef Py_ssize_t i
    logarithm[0] = 0
    for i in range(n):
        if a[i * n + i] < 0:
            sign[0] = -sign[0]
        logarithm[0] += log(fabs(a[i * n + i]))


def det(x):
    """numpy.linalg.det.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.core.loops.matrices import det
    >>> float(det(numpy.array([[0.0, 2.0], [4.0, 0.0]])))
    -8.0
    """
    cdef Py_ssize_t[MOST] order
    cdef Py_ssize_t n = rows_of(x), i, k
    cdef int sign
    cdef double product, logarithm
    cdef double* a
    cdef double* out
    if n < 0:
        return numpy.linalg.det(x)
    factors, result = doubles(x), empty(x.shape[:x.ndim - 2])
    a, out = numbers(factors), numbers(result)
    for i in range(<Py_ssize_t>x.size // (n * n)):
        if not factor(a, n, order, &sign):
            out[i] = 0
        else:
            product = sign
            for k in range(n):
                product *= a[k * n + k]
            if product == 0 or not isfinite(product):      # perhaps only on the way
                measure(a, n, &sign, &logarithm)
                product = sign * exp(logarithm)
            out[i] = product
        a += n * n
    return in_dtype(result, x.dtype)


def slogdet(x):
    """numpy.linalg.slogdet: the sign of the determinant and the logarithm of its size.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.core.loops.matrices import slogdet
    >>> [float(part) for part in slogdet(numpy.array([[0.0, 1.0], [1.0, 0.0]]))]
    [-1.0, 0.0]
    """
    cdef Py_ssize_t[MOST] order
    cdef Py_ssize_t n = rows_of(x), i
    cdef int sign
    cdef double* a
    cdef double* signs
    cdef double* logarithms
    if n < 0:
        return numpy.linalg.slogdet(x)
    factors = doubles(x)
    first, second = empty(x.shape[:x.ndim - 2]), empty(x.shape[:x.ndim - 2])
    a, signs, logarithms = numbers(factors), numbers(first), numbers(second)
    for i in range(<Py_ssize_t>x.size // (n * n)):
        if factor(a, n, order, &sign):
            measure(a, n, &sign, logarithms + i)
            signs[i] = sign
        else:
            signs[i], logarithms[i] = 0, -INFINITY
        a += n * n
    return in_dtype(first, x.dtype), in_dtype(second, x.dtype)
