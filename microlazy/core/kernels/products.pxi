# Products of few rows, and the bias of a dense layer.

cdef void add_bias(
    const floating* bias, floating* out, bint with_relu, Py_ssize_t rows, Py_ssize_t cols
) noexcept nogil:
    cdef Py_ssize_t r, c
    for r in range(rows):
        if with_relu:
            for c in range(cols):
                out[c] = relu(out[c] + bias[c])
        else:
            for c in range(cols):
                out[c] += bias[c]
        out += cols


cdef inline void dot_rows(
    int m, const floating* x, const floating* w, const floating* bias, bint relu, floating* out,
    Py_ssize_t n, Py_ssize_t k
) noexcept nogil:
    """A row or two of thin_nt; where n is no multiple of 4, the last 4 columns overlap others."""
    cdef Py_ssize_t j, first
    cdef int i
    if n < 4:
        for i in range(m):
            for j in range(n):
                dot(x + i * k, w + j * k, bias + j if bias is not NULL else NULL, relu,
                    out + i * n + j, k)
        return
    for j in range((n + 3) // 4):
        first = min(4 * j, n - 4)
        dot_tile(m, x, w + first * k, bias + first if bias is not NULL else NULL, relu,
                 out + first, n, k)


cdef void thin_nt(
    const floating* x, const floating* w, const floating* bias, floating* out, bint relu,
    Py_ssize_t m, Py_ssize_t n, Py_ssize_t k
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(m // 2):
        dot_rows(2, x + 2 * i * k, w, bias, relu, out + 2 * i * n, n, k)
    if m % 2:
        dot_rows(1, x + (m - 1) * k, w, bias, relu, out + (m - 1) * n, n, k)


cdef void thin_nn(
    const floating* g, const floating* w, floating* dx, bint accumulate, Py_ssize_t m,
    Py_ssize_t n, Py_ssize_t k
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(m // 4):
        sum_of_rows(4, n, g + 4 * i * n, n, 1, w, k, dx + 4 * i * k, k, accumulate, k)
    if m & 2:
        i = m & ~<Py_ssize_t> 3
        sum_of_rows(2, n, g + i * n, n, 1, w, k, dx + i * k, k, accumulate, k)
    if m & 1:
        sum_of_rows(1, n, g + (m - 1) * n, n, 1, w, k, dx + (m - 1) * k, k, accumulate, k)


cdef enum:
    DW_ROWS = 4           # rows of dw for which a part of x stays in registers


cdef inline void outer_rows(
    int m, const floating* g, const floating* x, floating* dw, bint accumulate, Py_ssize_t n,
    Py_ssize_t k
) noexcept nogil:
    """dw (n, k) (+)= g (m, n)^T @ x (m, k)."""
    cdef Py_ssize_t j
    for j in range(n // DW_ROWS):
        sum_of_rows(DW_ROWS, m, g + DW_ROWS * j, 1, n, x, k, dw + DW_ROWS * j * k, k, accumulate, k)
    for j in range(n // DW_ROWS * DW_ROWS, n):
        sum_of_rows(1, m, g + j, 1, n, x, k, dw + j * k, k, accumulate, k)


cdef void thin_tn(
    const floating* g, const floating* x, floating* dw, bint accumulate, Py_ssize_t m,
    Py_ssize_t n, Py_ssize_t k
) noexcept nogil:
    if m == 1:
        outer_rows(1, g, x, dw, accumulate, n, k)
    elif m == 2:
        outer_rows(2, g, x, dw, accumulate, n, k)
    elif m == 3:
        outer_rows(3, g, x, dw, accumulate, n, k)
    else:
        outer_rows(m, g, x, dw, accumulate, n, k)


cdef void thin_bias_grad(
    const floating* y, const floating* g, floating* dz, floating* db, bint accumulate,
    Py_ssize_t rows, Py_ssize_t cols
) noexcept nogil:
    if y is not NULL and db is not NULL and rows == 2:
        bias_grad(2, y, g, dz, db, accumulate, cols)
    elif y is not NULL and db is not NULL and rows == 1:
        bias_grad(1, y, g, dz, db, accumulate, cols)
    else:
        bias_grad(<int> rows, y, g, dz, db, accumulate, cols)
