"""Gradients of functions of small matrices, and the QR decomposition: products in float64.

The formulas stand in `microlazy.ops.linear_algebra`, which serves larger matrices and gradients of
gradients. Each function returns None for what it does not take.
"""

from libc.math cimport copysign, fabs, sqrt
from libc.string cimport memset
from microlazy.core.loops.matrices cimport (
    MOST, are_small, doubles, factor, in_dtype, numbers, rows_of, substitute,
)

import numpy

cdef enum:
    ROOM = MOST * MOST            # numbers of a matrix

cdef object empty = numpy.empty
cdef object FLOAT64_TYPE = numpy.dtype("float64")


cdef void add_product(double times, const double* a, const double* b, double* out, Py_ssize_t m,
                      Py_ssize_t k, Py_ssize_t n) noexcept nogil:
    """out += times a b, of matrices (m, k) and (k, n)."""
    cdef Py_ssize_t i, j, p
    cdef double share
    for i in range(m):
        for p in range(k):
            share = times * a[i * k + p]
            for j in range(n):
                out[i * n + j] += share * b[p * n + j]


cdef void product(const double* a, const double* b, double* out, Py_ssize_t m, Py_ssize_t k,
                  Py_ssize_t n) noexcept nogil:
    memset(out, 0, m * n * sizeof(double))
    add_product(1, a, b, out, m, k, n)


cdef void transpose(const double* a, double* out, Py_ssize_t m, Py_ssize_t n) noexcept nogil:
    """A matrix (m, n) as one (n, m)."""
    cdef Py_ssize_t i, j
    for i in range(m):
        for j in range(n):
            out[j * m + i] = a[i * n + j]


# ---- inverse, determinant ----------------------------------------------------------------------

def of_inv(g, y, a):
    """The gradient of an inverse y by a.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.core.loops.matrix_gradients import of_inv
    >>> of_inv(numpy.ones((1, 1)), numpy.full((1, 1), 0.5), numpy.full((1, 1), 2.0))
    array([[-0.25]])
    """
    cdef double[ROOM] turned
    cdef double[ROOM] middle
    cdef Py_ssize_t n = rows_of(a), i
    cdef double* gs
    cdef double* ys
    cdef double* out
    if n < 0:
        return None
    gradients, inverses = doubles(g), doubles(y)
    result = numpy.zeros(a.shape)
    gs, ys, out = numbers(gradients), numbers(inverses), numbers(result)
    for i in range(0, <Py_ssize_t>a.size, n * n):
        transpose(ys + i, turned, n, n)
        product(turned, gs + i, middle, n, n, n)
        add_product(-1, middle, turned, out + i, n, n, n)
    return in_dtype(result, a.dtype)


def of_solve(g, y, a, b):
    """The gradients of the solution y of a @ y = b, by a and by b, of matrices b.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.core.loops.matrix_gradients import of_solve
    >>> a, b = numpy.full((1, 1), 2.0), numpy.full((1, 1), 6.0)
    >>> of_solve(numpy.ones((1, 1)), b / a, a, b)
    (array([[-1.5]]), array([[0.5]]))
    """
    cdef double[ROOM] factors
    cdef Py_ssize_t[MOST] order
    cdef Py_ssize_t n = rows_of(a), columns, last = a.ndim - 1, i, j, k, _p
    cdef double total
    cdef int sign
    cdef double* matrix
    cdef double* of_b
    cdef double* ys
    cdef double* of_a
    if n < 0 or b.ndim != a.ndim or b.shape[:last] != a.shape[:last]:
        return None
    columns = b.shape[last]
    if columns == 0:
        return None
    matrices, by_b, solutions, by_a = doubles(a), doubles(g), doubles(y), empty(a.shape)
    matrix, of_b, ys, of_a = numbers(matrices), numbers(by_b), numbers(solutions), numbers(by_a)
    for _p in range(<Py_ssize_t>a.size // (n * n)):
        transpose(matrix, factors, n, n)
        if not factor(factors, n, order, &sign):
            return None
        substitute(factors, n, order, of_b, columns)
        for i in range(n):
            for j in range(n):
                total = 0
                for k in range(columns):
                    total -= of_b[i * columns + k] * ys[j * columns + k]
                of_a[i * n + j] = total
        matrix, of_a = matrix + n * n, of_a + n * n
        of_b, ys = of_b + n * columns, ys + n * columns
    return in_dtype(by_a, a.dtype), in_dtype(by_b, b.dtype)


cdef double norm(const double* a, Py_ssize_t n) noexcept nogil:
    """The largest sum of a row's absolute values."""
    cdef double most = 0, total
    cdef Py_ssize_t i, j
    for i in range(n):
        total = 0
        for j in range(n):
            total += fabs(a[i * n + j])
        most = max(most, total)
    return most


cdef double FAR_FROM_SINGULAR = 1e3       # condition numbers below it
cdef double FAR_IN_SINGLE = 1e8           # the same of float32, where float64 has digits to spare


def of_det(g, y, a):
    """The gradient of the determinant y by a; None where a matrix is singular, or nearly so.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.core.loops.matrix_gradients import of_det
    >>> a = numpy.array([[2.0, 0.0], [1.0, 3.0]])
    >>> of_det(numpy.array(1.0), numpy.array(6.0), a)
    array([[ 3., -1.],
           [ 0.,  2.]])
    """
    cdef double[ROOM] inverse
    cdef Py_ssize_t[MOST] order
    cdef Py_ssize_t n = rows_of(a), i, j, k
    cdef double far, size, share
    cdef int sign
    cdef double* gs
    cdef double* x
    cdef double* out
    if n < 0:
        return None
    far = FAR_FROM_SINGULAR if a.dtype is FLOAT64_TYPE else FAR_IN_SINGLE
    gradients, factors, result = doubles(g), doubles(a), empty(a.shape)
    gs, x, out = numbers(gradients), numbers(factors), numbers(result)
    for k in range(<Py_ssize_t>a.size // (n * n)):
        size = norm(x, n)
        if not factor(x, n, order, &sign):
            return None
        memset(inverse, 0, n * n * sizeof(double))
        for i in range(n):
            inverse[i * n + i] = 1
        substitute(x, n, order, inverse, n)
        if not size * norm(inverse, n) < far:
            return None
        share = gs[k] * sign
        for i in range(n):
            share *= x[i * n + i]
        for i in range(n):
            for j in range(n):
                out[i * n + j] = share * inverse[j * n + i]
        x += n * n
        out += n * n
    return in_dtype(result, a.dtype)


# ---- the pseudo-inverse ------------------------------------------------------------------------

def of_pinv(g, y, a):
    """The gradient of a pseudo-inverse y by a.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.core.loops.matrix_gradients import of_pinv
    >>> of_pinv(numpy.ones((1, 1)), numpy.full((1, 1), 0.5), numpy.full((1, 1), 2.0))
    array([[-0.25]])
    """
    cdef double[ROOM] pt
    cdef double[ROOM] gt
    cdef double[ROOM] one
    cdef double[ROOM] two
    cdef double[ROOM] side
    cdef Py_ssize_t m, n, i
    cdef double* gs
    cdef double* ps
    cdef double* x
    cdef double* out
    if not are_small(a, MOST):
        return None
    m, n = a.shape[-2:]
    gradients, inverses, matrices, result = doubles(g), doubles(y), doubles(a), numpy.zeros(a.shape)
    gs, ps, x, out = numbers(gradients), numbers(inverses), numbers(matrices), numbers(result)
    for i in range(0, <Py_ssize_t>a.size, m * n):
        transpose(ps + i, pt, n, m)
        transpose(gs + i, gt, n, m)
        product(pt, gs + i, one, m, n, m)
        add_product(-1, one, pt, out + i, m, m, n)              # - pt g pt
        # What lies outside of the columns and rows of a: gt - a p gt, and gt - gt p a.
        outside(x + i, ps + i, gt, one, two, m, n)
        product(ps + i, pt, side, n, m, n)
        add_product(1, two, side, out + i, m, n, n)             # ... p pt
        product(gt, ps + i, one, m, n, m)
        for_rest(gt, one, x + i, two, m, n)
        product(pt, ps + i, side, m, n, m)
        add_product(1, side, two, out + i, m, m, n)             # pt p ...
    return in_dtype(result, a.dtype)


cdef void outside(const double* a, const double* p, const double* gt, double* work, double* out,
                  Py_ssize_t m, Py_ssize_t n) noexcept nogil:
    """gt - a p gt."""
    cdef Py_ssize_t i
    product(p, gt, work, n, m, n)
    for i in range(m * n):
        out[i] = gt[i]
    add_product(-1, a, work, out, m, n, n)


cdef void for_rest(const double* gt, const double* gtp, const double* a, double* out, Py_ssize_t m,
                   Py_ssize_t n) noexcept nogil:
    """gt - gt p a."""
    cdef Py_ssize_t i
    for i in range(m * n):
        out[i] = gt[i]
    add_product(-1, gtp, a, out, m, m, n)


# ---- QR ----------------------------------------------------------------------------------------

cdef void reflect(double* a, Py_ssize_t m, Py_ssize_t n, double* q) noexcept nogil:
    """Householder's reflections (Golub and Van Loan 2013, 5.2), with LAPACK's signs.

    `a`, of at least as many rows as columns, becomes R with the vectors below it; q becomes Q.
    """
    cdef double[MOST] taus
    cdef double total, alpha, beta, share
    cdef Py_ssize_t i, j, k
    for k in range(n):
        total = 0
        for i in range(k + 1, m):
            total += a[i * n + k] * a[i * n + k]
        taus[k] = 0
        if total == 0:
            continue
        alpha = a[k * n + k]
        beta = -copysign(sqrt(alpha * alpha + total), alpha)
        taus[k] = (beta - alpha) / beta
        for i in range(k + 1, m):
            a[i * n + k] /= alpha - beta
        a[k * n + k] = beta
        for j in range(k + 1, n):
            share = a[k * n + j]
            for i in range(k + 1, m):
                share += a[i * n + k] * a[i * n + j]
            share *= taus[k]
            a[k * n + j] -= share
            for i in range(k + 1, m):
                a[i * n + j] -= share * a[i * n + k]
    memset(q, 0, m * n * sizeof(double))
    for k in range(n - 1, -1, -1):
        q[k * n + k] = 1
        for j in range(k, n):
            share = q[k * n + j]
            for i in range(k + 1, m):
                share += a[i * n + k] * q[i * n + j]
            share *= taus[k]
            q[k * n + j] -= share
            for i in range(k + 1, m):
                q[i * n + j] -= share * a[i * n + k]


cdef bint moderate(const double* a, Py_ssize_t n) noexcept nogil:
    """Whether squares of the numbers neither overflow nor vanish, and all are finite."""
    cdef Py_ssize_t i
    for i in range(n):
        if not (a[i] == 0 or 1e-100 < fabs(a[i]) < 1e100):
            return False
    return True


def qr(x):
    """numpy.linalg.qr, of matrices with at least as many rows as columns.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.core.loops.matrix_gradients import qr
    >>> qr(numpy.array([[3.0], [4.0]]))
    (array([[-0.6],
           [-0.8]]), array([[-5.]]))
    """
    cdef Py_ssize_t m, n, i, j, _k
    cdef double* a
    cdef double* q
    cdef double* r
    if not are_small(x, MOST):
        return tuple(numpy.linalg.qr(x))
    *stack, rows, columns = x.shape
    if rows < columns:
        return tuple(numpy.linalg.qr(x))
    m, n = rows, columns
    source, first, second = doubles(x), empty(x.shape), numpy.zeros((*stack, n, n))
    a, q, r = numbers(source), numbers(first), numbers(second)
    if not moderate(a, x.size):
        return tuple(numpy.linalg.qr(x))
    for _k in range(<Py_ssize_t>x.size // (m * n)):
        reflect(a, m, n, q)
        for i in range(n):
            for j in range(i, n):
                r[i * n + j] = a[i * n + j]
        a, q, r = a + m * n, q + m * n, r + n * n
    return in_dtype(first, x.dtype), in_dtype(second, x.dtype)


def of_qr(gs, ys, a):
    """The gradient of Q and R by a matrix with at least as many rows as columns.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.core.loops.matrix_gradients import of_qr, qr
    >>> a = numpy.array([[3.0], [4.0]])
    >>> of_qr((numpy.zeros((2, 1)), numpy.ones((1, 1))), qr(a), a)
    array([[-0.6],
           [-0.8]])
    """
    cdef double[ROOM] below
    cdef double[ROOM] turned
    cdef double[ROOM] mixed
    cdef Py_ssize_t m, n, i, j, p, _k
    cdef double* gq
    cdef double* gr
    cdef double* q
    cdef double* r
    cdef double* out
    if not are_small(a, MOST):
        return None
    m, n = a.shape[-2:]
    g1, g2, y1, y2 = doubles(gs[0]), doubles(gs[1]), doubles(ys[0]), doubles(ys[1])
    gq, gr, q, r = numbers(g1), numbers(g2), numbers(y1), numbers(y2)
    out = gq                              # the result takes the place of Q's gradient
    for _k in range(<Py_ssize_t>a.size // (m * n)):
        for i in range(n):
            if r[i * n + i] == 0:
                return None
        transpose(gr, turned, n, n)
        product(r, turned, mixed, n, n, n)
        transpose(out, turned, m, n)
        memset(below, 0, n * n * sizeof(double))
        add_product(-1, turned, q, mixed, n, m, n)              # r gr.T - gq.T q
        for i in range(n):
            for j in range(i + 1):
                below[i * n + j] = below[j * n + i] = mixed[i * n + j]
        add_product(1, q, below, out, m, n, n)
        for i in range(m):                                      # out r.T = what out is
            for j in range(n - 1, -1, -1):
                for p in range(j + 1, n):
                    out[i * n + j] -= out[i * n + p] * r[j * n + p]
                out[i * n + j] /= r[j * n + j]
        out, gr, q, r = out + m * n, gr + n * n, q + m * n, r + n * n
    return in_dtype(g1, a.dtype)


# ---- singular values and vectors ---------------------------------------------------------------

def of_svd(gs, ys, a):
    """The gradient of u, s and vt, not of full matrices, by a.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.core.loops.matrix_gradients import of_svd
    >>> a = numpy.array([[3.0, 0.0], [0.0, 2.0]])
    >>> gs = numpy.zeros((2, 2)), numpy.ones(2), numpy.zeros((2, 2))
    >>> of_svd(gs, numpy.linalg.svd(a), a)
    array([[1., 0.],
           [0., 1.]])
    """
    cdef double[ROOM] left
    cdef double[ROOM] right
    cdef double[ROOM] core
    cdef double[ROOM] work
    cdef Py_ssize_t m, n, k, i, j, _p
    cdef double gap
    cdef double* gu
    cdef double* gw
    cdef double* gvt
    cdef double* u
    cdef double* s
    cdef double* vt
    cdef double* out
    if not are_small(a, MOST):
        return None
    m, n = a.shape[-2:]
    k = min(m, n)
    g1, g2, g3 = [doubles(g) for g in gs]
    y1, y2, y3 = [doubles(y) for y in ys]
    result = numpy.zeros(a.shape)
    gu, gw, gvt, u, s, vt, out = (numbers(g1), numbers(g2), numbers(g3), numbers(y1), numbers(y2),
                                  numbers(y3), numbers(result))
    for _p in range(<Py_ssize_t>a.size // (m * n)):
        transpose(u, work, m, k)
        product(work, gu, left, k, m, k)                        # ut gu
        transpose(gvt, work, k, n)
        product(vt, work, right, k, n, k)                       # vt gv
        for i in range(k):
            for j in range(k):
                gap = s[j] * s[j] - s[i] * s[i]
                gap = 0 if gap == 0 else 1 / gap
                core[i * k + j] = gap * ((left[i * k + j] - left[j * k + i]) * s[j]
                                         + s[i] * (right[i * k + j] - right[j * k + i]))
            core[i * k + i] += gw[i]
        product(u, core, work, m, k, k)
        if m > n:                                               # (gu - u ut gu) / s
            add_product(-1, u, left, gu, m, k, k)
            for i in range(m):
                for j in range(k):
                    work[i * k + j] += 0 if s[j] == 0 else gu[i * k + j] / s[j]
        add_product(1, work, vt, out, m, k, n)
        if n > m:                                               # u (gvt - gvt v vt) / s
            transpose(right, core, k, k)
            add_product(-1, core, vt, gvt, k, k, n)
            for i in range(k):
                for j in range(n):
                    gvt[i * n + j] = 0 if s[i] == 0 else gvt[i * n + j] / s[i]
            add_product(1, u, gvt, out, m, k, n)
        gu, gw, gvt, out = gu + m * k, gw + k, gvt + k * n, out + m * n
        u, s, vt = u + m * k, s + k, vt + k * n
    return in_dtype(result, a.dtype)
