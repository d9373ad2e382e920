# Softmax and cross-entropy, of rows or of columns.

cdef floating sum_exp(const floating* x, floating shift, Py_ssize_t n) noexcept nogil:
    """Sum of exp(x - shift)."""
    cdef floating part[TILE]
    cdef floating total = 0
    cdef Py_ssize_t done = 0, i, width
    while done < n:
        width = min(n - done, <Py_ssize_t> TILE)
        for i in range(width):
            part[i] = exp(x[done + i] - shift)
        total += sum_of(<const floating*> part, width)
        done += width
    return total


cdef void softmax_row(
    bint log_, const floating* x, floating* y, Py_ssize_t cols
) noexcept nogil:
    cdef Py_ssize_t c
    cdef floating shift = max_of(x, cols), total = sum_exp(x, shift, cols)
    if log_:
        total = log(total)
        for c in range(cols):
            y[c] = (x[c] - shift) - total
    else:
        total = <floating> 1 / total
        for c in range(cols):
            y[c] = exp(x[c] - shift) * total


cdef void softmax_rows(
    bint log_, const floating* x, floating* y, Py_ssize_t rows, Py_ssize_t cols
) noexcept nogil:
    """Rows that fit into a tile together: one loop over all of their exponentials."""
    cdef floating tile[TILE]
    cdef floating shift[TILE]
    cdef floating total[TILE]
    cdef floating factor
    cdef Py_ssize_t r, c
    for r in range(rows):
        shift[r] = max_of(x + r * cols, cols)
        for c in range(cols):
            tile[r * cols + c] = x[r * cols + c] - shift[r]
    map_unary(exp[floating], <const floating*> tile, tile, rows * cols)
    for r in range(rows):
        total[r] = sum_of(<const floating*> tile + r * cols, cols)
    if log_:
        map_unary(log[floating], <const floating*> total, total, rows)
    for r in range(rows):
        if log_:
            for c in range(r * cols, (r + 1) * cols):
                y[c] = (x[c] - shift[r]) - total[r]
        else:
            factor = <floating> 1 / total[r]
            for c in range(cols):
                y[r * cols + c] = tile[r * cols + c] * factor


cdef void softmax(
    bint log_, const floating* x, floating* y, Py_ssize_t rows, Py_ssize_t cols
) noexcept nogil:
    cdef Py_ssize_t done = 0, together = TILE // max(cols, <Py_ssize_t> 1)
    while done < rows:
        if together:
            softmax_rows(log_, x + done * cols, y + done * cols, min(together, rows - done), cols)
            done += together
        else:
            softmax_row(log_, x + done * cols, y + done * cols, cols)
            done += 1


cdef void softmax_grad(
    bint log_, const floating* y, const floating* g, floating* dx, bint accumulate,
    Py_ssize_t rows, Py_ssize_t cols
) noexcept nogil:
    cdef Py_ssize_t r, c
    cdef floating total, d
    for r in range(rows):
        if log_:                      # outside of the loops, which the compiler does not do
            total = sum_of(g, cols)
            for c in range(cols):
                d = g[c] - exp(y[c]) * total
                dx[c] = dx[c] + d if accumulate else d
        else:
            total = dot_of(y, g, cols)
            for c in range(cols):
                d = y[c] * (g[c] - total)
                dx[c] = dx[c] + d if accumulate else d
        y += cols
        g += cols
        dx += cols


# Softmax of columns: x is `width` columns of (rows, cols), width up to TILE.

cdef void softmax_cols(
    bint log_, const floating* x, floating* y, Py_ssize_t rows, Py_ssize_t cols, Py_ssize_t width
) noexcept nogil:
    cdef floating shift[TILE]
    cdef floating part[TILE]
    cdef double total[TILE]
    cdef Py_ssize_t block, r, r0, c
    cdef floating e
    fold_rows(maximum[floating], x, shift, rows, cols, width)
    for c in range(width):
        total[c] = 0
    for block in range((rows + SHORT_BLOCK - 1) // SHORT_BLOCK):
        r0 = block * SHORT_BLOCK
        for c in range(width):
            part[c] = 0
        for r in range(r0, min(r0 + <Py_ssize_t> SHORT_BLOCK, rows)):
            for c in range(width):
                e = exp(x[r * cols + c] - shift[c])
                y[r * cols + c] = e
                part[c] += e
        for c in range(width):
            total[c] += part[c]
    for c in range(width):
        part[c] = <floating> total[c]
    if log_:
        map_unary(log[floating], <const floating*> part, part, width)
        for r in range(rows):
            for c in range(width):
                y[r * cols + c] = (x[r * cols + c] - shift[c]) - part[c]
    else:
        map_unary(reciprocal[floating], <const floating*> part, part, width)
        for r in range(rows):
            for c in range(width):
                y[r * cols + c] *= part[c]


cdef void softmax_cols_grad(
    bint log_, const floating* y, const floating* g, floating* dx, bint accumulate,
    Py_ssize_t rows, Py_ssize_t cols, Py_ssize_t width
) noexcept nogil:
    cdef floating part[TILE]
    cdef double total[TILE]
    cdef Py_ssize_t block, r, r0, c, i
    cdef floating d
    for c in range(width):
        total[c] = 0
    for block in range((rows + SHORT_BLOCK - 1) // SHORT_BLOCK):
        r0 = block * SHORT_BLOCK
        for c in range(width):
            part[c] = 0
        for r in range(r0, min(r0 + <Py_ssize_t> SHORT_BLOCK, rows)):
            if log_:
                for c in range(width):
                    part[c] += g[r * cols + c]
            else:
                for c in range(width):
                    part[c] += y[r * cols + c] * g[r * cols + c]
        for c in range(width):
            total[c] += part[c]
    for c in range(width):
        part[c] = <floating> total[c]
    for r in range(rows):
        for c in range(width):
            i = r * cols + c
            d = g[i] - exp(y[i]) * part[c] if log_ else y[i] * (g[i] - part[c])
            dx[i] = dx[i] + d if accumulate else d


cdef void cross_entropy(
    const floating* x, const long long* label, floating* logp, floating* loss, Py_ssize_t rows,
    Py_ssize_t cols
) noexcept nogil:
    cdef Py_ssize_t r
    softmax(True, x, logp, rows, cols)
    for r in range(rows):
        loss[r] = -logp[r * cols + label[r]]


cdef void cross_entropy_grad(
    const floating* logp, const long long* label, const floating* g, floating* dx,
    bint accumulate, Py_ssize_t rows, Py_ssize_t cols
) noexcept nogil:
    cdef Py_ssize_t r, c
    cdef floating d
    for r in range(rows):
        for c in range(cols):
            d = g[r] * exp(logp[c])
            dx[c] = dx[c] + d if accumulate else d
        dx[label[r]] -= g[r]
        logp += cols
        dx += cols
