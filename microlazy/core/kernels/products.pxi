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
    int m, int rows, const floating* x, const floating* w, floating* out, Py_ssize_t n,
    Py_ssize_t k
) noexcept nogil:
    """out[i, j] = x[i] . w[j] for 1 or 2 rows of x and 1 or 4 of w, of k >= 8 numbers."""
    cdef floating sums[2][4][8]
    cdef floating dots[4]
    cdef Py_ssize_t c
    cdef int i, j, lane
    for i in range(m):
        for j in range(4):
            for lane in range(8):
                sums[i][j][lane] = 0
    for c in range(k // 8):
        for j in range(rows):
            for i in range(m):
                add_product(sums[i][j], x + i * k + 8 * c, w + j * k + 8 * c)
    if k % 8:
        for j in range(rows):
            for i in range(m):
                add_tail_product(sums[i][j], x + i * k + k - 8, w + j * k + k - 8, k % 8)
    for i in range(m):
        sum_lanes(dots, <const floating (*)[8]> sums[i])
        for j in range(rows):
            out[i * n + j] = dots[j]


cdef inline floating short_dot(
    const floating* x, const floating* y, Py_ssize_t n
) noexcept nogil:
    cdef floating total = 0
    cdef Py_ssize_t i
    for i in range(n):
        total += x[i] * y[i]
    return total


cdef void thin_nt(
    const floating* x, const floating* w, floating* out, Py_ssize_t m, Py_ssize_t n, Py_ssize_t k
) noexcept nogil:
    cdef Py_ssize_t i, j
    if k < 8:
        for i in range(m):
            for j in range(n):
                out[i * n + j] = short_dot(x + i * k, w + j * k, k)
        return
    for i in range(m // 2):
        for j in range(n // 4):
            dot_rows(2, 4, x + 2 * i * k, w + 4 * j * k, out + 2 * i * n + 4 * j, n, k)
        for j in range(n // 4 * 4, n):
            dot_rows(2, 1, x + 2 * i * k, w + j * k, out + 2 * i * n + j, n, k)
    if m % 2:
        i = m - 1
        for j in range(n // 4):
            dot_rows(1, 4, x + i * k, w + 4 * j * k, out + i * n + 4 * j, n, k)
        for j in range(n // 4 * 4, n):
            dot_rows(1, 1, x + i * k, w + j * k, out + i * n + j, n, k)


cdef inline void add_rows(
    floating* out, const floating* g, Py_ssize_t g_step, const floating* x, Py_ssize_t x_step,
    Py_ssize_t rows, Py_ssize_t width
) noexcept nogil:
    """out += g[0] x[0] + g[1] x[1] + ... over rows of x."""
    cdef Py_ssize_t r = 0, c
    cdef floating g0, g1, g2, g3
    while r + 4 <= rows:
        g0, g1, g2, g3 = g[0], g[g_step], g[2 * g_step], g[3 * g_step]
        for c in range(width):
            out[c] += (g0 * x[c] + g1 * x[x_step + c]) + (
                g2 * x[2 * x_step + c] + g3 * x[3 * x_step + c]
            )
        g += 4 * g_step
        x += 4 * x_step
        r += 4
    while r + 2 <= rows:
        g0, g1 = g[0], g[g_step]
        for c in range(width):
            out[c] += g0 * x[c] + g1 * x[x_step + c]
        g += 2 * g_step
        x += 2 * x_step
        r += 2
    if r < rows:
        g0 = g[0]
        for c in range(width):
            out[c] += g0 * x[c]


cdef void thin_nn(
    const floating* g, const floating* w, floating* dx, bint accumulate, Py_ssize_t m,
    Py_ssize_t n, Py_ssize_t k
) noexcept nogil:
    cdef Py_ssize_t i
    if not accumulate:
        fill(0, dx, m * k)
    for i in range(m):
        add_rows(dx + i * k, g + i * n, 1, w, k, n, k)


cdef inline void outer_rows(
    int m, const floating* g, const floating* x, floating* dw, bint accumulate, Py_ssize_t n,
    Py_ssize_t k
) noexcept nogil:
    """dw (n, k) (+)= g (m, n)^T @ x (m, k)."""
    cdef floating sums[8]
    cdef floating factors[4]
    cdef floating total
    cdef Py_ssize_t c, j
    cdef int i, lane
    for j in range(n):
        for i in range(m):
            factors[i] = g[i * n + j]
        for c in range(k // 8):
            if accumulate:
                copy_lanes(sums, dw + 8 * c)
            else:
                for lane in range(8):
                    sums[lane] = 0
            for i in range(m):
                add_scaled(sums, factors[i], x + i * k + 8 * c)
            copy_lanes(dw + 8 * c, sums)
        if k >= 8 and k % 8 and not accumulate:     # the last 8 once more, whole
            for lane in range(8):
                sums[lane] = 0
            for i in range(m):
                add_scaled(sums, factors[i], x + i * k + k - 8)
            copy_lanes(dw + k - 8, sums)
            dw += k
            continue
        for c in range(k // 8 * 8, k):
            total = dw[c] if accumulate else 0
            for i in range(m):
                total += factors[i] * x[i * k + c]
            dw[c] = total
        dw += k


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
    elif m >= 4:
        outer_rows(4, g, x, dw, accumulate, n, k)
        if m > 4:
            thin_tn(g + 4 * n, x + 4 * k, dw, True, m - 4, n, k)
