"""Polynomials with few coefficients, without NumPy; None for others, as in `core/lines`.

Coefficients stand in order of descending powers. Each step is rounded, as where it is an operation.
"""

from libc.math cimport fabs
from microlazy.core.lines cimport alike, put_number, rounded, vector
from microlazy.core.places cimport FEW, number_at
from microlazy.core.tensor cimport Tensor, new

cdef Tensor stored(Tensor like, const double* x, Py_ssize_t n):
    """Numbers as a vector of another's face and dtype."""
    cdef Tensor out = new(like.face, like.dtype, 1, &n)
    cdef Py_ssize_t i
    for i in range(n):
        put_number(out, i, x[i])
    return out


def added(a, b, double sign):
    """The sum of one polynomial and another times a number.

    Examples
    --------
    >>> from microlazy import np
    >>> np.polysub(np.array([3., 1.]), np.array([1.]))
    array([3., 0.])
    """
    cdef Tensor p = vector(a), q = vector(b), out
    cdef Py_ssize_t n, i
    cdef double value
    if not alike(p, q):
        return None
    n = max(p.size, q.size)
    out = new(p.face, p.dtype, 1, &n)
    for i in range(n):
        value = number_at(p, i - (n - p.size)) if i >= n - p.size else 0
        if i >= n - q.size:
            value += sign * number_at(q, i - (n - q.size))
        put_number(out, i, value)
    return out


def derivative(a, m):
    """The m-th derivative.

    Examples
    --------
    >>> from microlazy import np
    >>> np.polyder(np.array([1., 1., 5.]))
    array([2., 1.])
    """
    cdef Tensor p = vector(a)
    cdef double[FEW] x
    cdef Py_ssize_t n, i, left
    if p is None or type(m) is not int or not 0 <= m < p.size:
        return None
    n = p.size
    left = n - m
    for i in range(n):
        x[i] = number_at(p, i)
    while n > left:
        n -= 1
        for i in range(n):
            x[i] = rounded(p, x[i] * (n - i))
    return stored(p, x, n)


def antiderivative(a, m, k):
    """The m-th antiderivative; the constants are the list k, or one for all, 0 if it is None.

    Examples
    --------
    >>> from microlazy import np
    >>> np.polyint(np.array([2., 1.]))
    array([1., 1., 0.])
    """
    cdef Tensor p = vector(a)
    cdef double[FEW] x
    cdef Py_ssize_t n, i, step, steps
    if p is None or type(m) is not int or not 0 < m <= FEW - p.size or (
            k is not None and (type(k) is not list or len(k) not in (1, m))):
        return None
    steps, n = m, p.size
    for i in range(n):
        x[i] = number_at(p, i)
    for step in range(steps):
        for i in range(n):
            x[i] = rounded(p, x[i] / (n - i))
        constant = 0 if k is None else k[step if len(k) > 1 else 0]
        if type(constant) is not int and type(constant) is not float:
            return None
        x[n] = rounded(p, constant)
        n += 1
    return stored(p, x, n)


def with_zeros(a):
    """The polynomial that has these zeros.

    Examples
    --------
    >>> from microlazy import np
    >>> np.poly(np.array([2., -2.]))
    array([ 1.,  0., -4.])
    """
    cdef Tensor zeros = vector(a)
    cdef double[FEW + 1] x
    cdef Py_ssize_t n, i
    cdef double zero
    if zeros is None or zeros.size > FEW // 16:
        return None
    x[0] = number_at(zeros, 0) * 0 + 1
    for n in range(zeros.size):
        zero = number_at(zeros, n)
        x[n + 1] = 0
        for i in range(n + 1, 0, -1):
            x[i] = rounded(zeros, x[i] - rounded(zeros, zero * x[i - 1]))
    return stored(zeros, x, zeros.size + 1)


def divided(u, v):
    """The quotient and the remainder, by long division; leading zeros of the latter are left out.

    Examples
    --------
    >>> from microlazy import np
    >>> np.polydiv(np.array([1., 4., 7.]), np.array([1., 2.]))
    (array([1., 2.]), array([3.]))
    """
    cdef Tensor p = vector(u), q = vector(v)
    cdef double[FEW] x
    cdef double factor
    cdef Py_ssize_t n, m, i, j, first
    if not alike(p, q) or p.size < q.size or q.size < 2 or number_at(q, 0) == 0 or (
            p.size * q.size > FEW):
        return None
    n, m = p.size, q.size
    for i in range(n):
        x[i] = number_at(p, i)
    for i in range(n - m + 1):
        factor = rounded(p, x[i] / number_at(q, 0))
        x[i] = factor             # what is left there is 0
        for j in range(1, m):
            x[i + j] = rounded(p, x[i + j] - rounded(p, factor * number_at(q, j)))
    first = n - m + 1
    while first < n - 1 and fabs(x[first]) <= 1e-14:
        first += 1
    return stored(p, x, n - m + 1), stored(p, x + first, n - first)
