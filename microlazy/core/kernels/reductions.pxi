# Sums, products, extremes and their places, over rows or over columns.

cdef inline floating fold(
    floating (*f)(floating, floating) noexcept nogil, floating start, const floating* x,
    Py_ssize_t n
) noexcept nogil:
    """f over n numbers. Long runs go through lanes, which vector units work on side by side."""
    cdef floating lane[LANES]
    cdef Py_ssize_t i, j, width
    cdef floating total = start
    if n < LANES:
        for i in range(n):
            total = f(total, x[i])
        return total
    for j in range(LANES):
        lane[j] = x[j]
    for i in range(1, n // LANES):
        for j in range(LANES):
            lane[j] = f(lane[j], x[i * LANES + j])
    for j in range(n % LANES):
        lane[j] = f(lane[j], x[n - n % LANES + j])
    for j in range(32):
        lane[j] = f(lane[j], lane[j + 32])
    for j in range(16):
        lane[j] = f(lane[j], lane[j + 16])
    for j in range(8):
        lane[j] = f(lane[j], lane[j + 8])
    for j in range(8):
        total = f(total, lane[j])
    return total


cdef floating sum_of(const floating* x, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t half
    if n <= SUM_BLOCK:
        return fold(add[floating], 0, x, n)
    half = n // 2 // LANES * LANES
    return sum_of(x, half) + sum_of(x + half, n - half)


cdef inline floating fold_alternate(const floating* x, Py_ssize_t n) noexcept nogil:
    """x[0] + x[2] + ... of n numbers. Those between are added as well, in lanes of their own."""
    cdef floating lane[LANES]
    cdef floating total = 0
    cdef Py_ssize_t i, j, blocks = n // LANES
    for i in range(blocks * (LANES // 2), (n + 1) // 2):
        total += x[2 * i]
    if blocks == 0:
        return total
    for j in range(LANES):
        lane[j] = x[j]
    for i in range(1, blocks):
        for j in range(LANES):
            lane[j] += x[i * LANES + j]
    for j in range(32):
        lane[j] += lane[j + 32]
    for j in range(16):
        lane[j] += lane[j + 16]
    for j in range(8):
        lane[j] += lane[j + 8]
    return total + ((lane[0] + lane[2]) + (lane[4] + lane[6]))


cdef floating alternate_sum_of(const floating* x, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t half
    if n <= 2 * SUM_BLOCK:
        return fold_alternate(x, n)
    half = n // 2 // LANES * LANES
    return alternate_sum_of(x, half) + alternate_sum_of(x + half, n - half)


cdef inline floating larger(floating a, floating b) noexcept nogil:
    return a if a > b else b


cdef inline floating smaller(floating a, floating b) noexcept nogil:
    return a if a < b else b


cdef inline floating fold_extreme(
    floating (*quick)(floating, floating) noexcept nogil,
    floating (*f)(floating, floating) noexcept nogil, floating start, const floating* x,
    Py_ssize_t n
) noexcept nogil:
    """fold(f) by `quick`, which is one instruction but may lose a NaN; a sum finds whether."""
    cdef floating lane[EXTREMES]
    cdef floating sums[EXTREMES]
    cdef floating total = start
    cdef Py_ssize_t i, j
    if n < LANES:
        return fold(f, start, x, n)
    for j in range(EXTREMES):
        lane[j] = x[j]
        sums[j] = x[j]
    for i in range(1, n // EXTREMES):
        for j in range(EXTREMES):
            lane[j] = quick(lane[j], x[i * EXTREMES + j])
            sums[j] += x[i * EXTREMES + j]
    for j in range(n % EXTREMES):
        lane[j] = quick(lane[j], x[n - n % EXTREMES + j])
        sums[j] += x[n - n % EXTREMES + j]
    for j in range(16):
        lane[j] = quick(lane[j], lane[j + 16])
        sums[j] += sums[j + 16]
    for j in range(8):
        lane[j] = quick(lane[j], lane[j + 8])
        sums[j] += sums[j + 8]
    for j in range(8):
        total = quick(total, lane[j])
        sums[0] += sums[j]
    if sums[0] != sums[0]:                  # NaN, or infinities of both signs
        return fold(f, start, x, n)
    return total


cdef floating max_of(const floating* x, Py_ssize_t n) noexcept nogil:
    return fold_extreme(larger[floating], maximum[floating], <floating> -INFINITY, x, n)


cdef floating min_of(const floating* x, Py_ssize_t n) noexcept nogil:
    return fold_extreme(smaller[floating], minimum[floating], <floating> INFINITY, x, n)


cdef inline floating dot_of(const floating* x, const floating* y, Py_ssize_t n) noexcept nogil:
    cdef floating products[SUM_BLOCK]
    cdef floating total = 0
    cdef Py_ssize_t done = 0, i, width
    while done < n:
        width = min(n - done, <Py_ssize_t> SUM_BLOCK)
        for i in range(width):
            products[i] = x[done + i] * y[done + i]
        total += sum_of(<const floating*> products, width)
        done += width
    return total


cdef void reduce_rows(
    int op, const floating* x, floating* out, Py_ssize_t rows, Py_ssize_t cols
) noexcept nogil:
    cdef Py_ssize_t r
    for r in range(rows):
        if op == R_SUM:
            out[r] = sum_of(x + r * cols, cols)
        elif op == R_PROD:
            out[r] = fold(multiply[floating], 1, x + r * cols, cols)
        elif op == R_MAX:
            out[r] = max_of(x + r * cols, cols)
        elif op == R_MIN:
            out[r] = min_of(x + r * cols, cols)


cdef void sum_alternate(
    const floating* x, floating* out, Py_ssize_t rows, Py_ssize_t cols
) noexcept nogil:
    cdef Py_ssize_t r
    for r in range(rows):
        out[r] = alternate_sum_of(x + 2 * r * cols, 2 * cols - 1)


cdef inline void fold_rows(
    floating (*f)(floating, floating) noexcept nogil, const floating* x, floating* out,
    Py_ssize_t rows, Py_ssize_t cols, Py_ssize_t width
) noexcept nogil:
    """f over at least one row, for the first `width` columns."""
    cdef Py_ssize_t r, c
    for c in range(width):
        out[c] = x[c]
    for r in range(1, rows):
        for c in range(width):
            out[c] = f(out[c], x[r * cols + c])


cdef inline void sum_rows(
    const floating* x, floating* out, Py_ssize_t rows, Py_ssize_t cols, Py_ssize_t width
) noexcept nogil:
    """The same for sums, in fewer passes."""
    cdef Py_ssize_t r, c
    cdef const floating* row
    fold_rows(add[floating], x, out, (rows - 1) % 4 + 1, cols, width)
    row = x + ((rows - 1) % 4 + 1) * cols
    for r in range((rows - 1) // 4):
        for c in range(width):
            out[c] += (row[c] + row[cols + c]) + (row[2 * cols + c] + row[3 * cols + c])
        row += 4 * cols


cdef void reduce_cols(
    int op, const floating* x, floating* out, bint accumulate, Py_ssize_t rows, Py_ssize_t cols
) noexcept nogil:
    cdef floating part[TILE]
    cdef double total[TILE]
    cdef Py_ssize_t tile, block, c, c0, r0, width
    if rows == 0:
        if not accumulate:
            fill(1 if op == R_PROD else 0, out, cols)
        return
    for tile in range((cols + TILE - 1) // TILE):
        c0 = tile * TILE
        width = min(<Py_ssize_t> TILE, cols - c0)
        if op == R_PROD:
            fold_rows(multiply[floating], x + c0, part, rows, cols, width)
        elif op == R_MAX:
            fold_rows(maximum[floating], x + c0, part, rows, cols, width)
        elif op == R_MIN:
            fold_rows(minimum[floating], x + c0, part, rows, cols, width)
        elif rows <= ROW_BLOCK:
            sum_rows(x + c0, part, rows, cols, width)
        else:
            for c in range(width):
                total[c] = 0
            for block in range((rows + ROW_BLOCK - 1) // ROW_BLOCK):
                r0 = block * ROW_BLOCK
                sum_rows(x + r0 * cols + c0, part, min(<Py_ssize_t> ROW_BLOCK, rows - r0), cols,
                         width)
                for c in range(width):
                    total[c] += part[c]
            for c in range(width):
                part[c] = <floating> total[c]
        if accumulate:
            for c in range(width):
                out[c0 + c] += part[c]
        else:
            for c in range(width):
                out[c0 + c] = part[c]


cdef Py_ssize_t first_place(const floating* row, floating value, Py_ssize_t n) noexcept nogil:
    """Where the row has the value, or NaN if the value is NaN, for the first time."""
    cdef Py_ssize_t c = 0
    if value == value:
        while row[c] != value:
            c += 1
    else:
        while row[c] == row[c]:
            c += 1
    return c


cdef inline Py_ssize_t place_of(
    floating (*beats)(floating, floating) noexcept nogil,
    floating (*quick)(floating, floating) noexcept nogil,
    floating (*f)(floating, floating) noexcept nogil, floating start, const floating* x,
    Py_ssize_t n
) noexcept nogil:
    """The place of the first extreme; as fold_extreme, with a count of rounds beside each lane."""
    cdef floating lane[EXTREMES]
    cdef floating sums[EXTREMES]
    cdef floating place[EXTREMES]
    cdef floating top[EXTREMES]
    cdef floating best, v, round, far = <floating> n
    cdef Py_ssize_t i, j, whole = n - n % EXTREMES
    if n < 2 * LANES or n > EXACT:
        return first_place(x, fold_extreme(quick, f, start, x, n), n)
    for j in range(EXTREMES):
        lane[j] = x[j]
        sums[j] = x[j]
        place[j] = 0
    for i in range(1, n // EXTREMES):
        round = <floating> i
        for j in range(EXTREMES):
            v = x[i * EXTREMES + j]
            place[j] = round if beats(v, lane[j]) != 0 else place[j]
            lane[j] = quick(v, lane[j])
            sums[j] += v
    for j in range(EXTREMES):
        top[j] = lane[j]
    for j in range(16):
        top[j] = quick(top[j], top[j + 16])
        sums[j] += sums[j + 16]
    for j in range(8):
        top[j] = quick(top[j], top[j + 8])
        sums[j] += sums[j + 8]
    best = top[0]
    for j in range(1, 8):
        best = quick(best, top[j])
        sums[0] += sums[j]
    for j in range(whole, n):
        sums[0] += x[j]
    if sums[0] != sums[0]:                  # NaN, or infinities of both signs
        return first_place(x, fold(f, start, x, n), n)
    for j in range(whole, n):
        if beats(x[j], best) != 0:
            return j + first_place(x + j, fold(f, start, x + j, n - j), n - j)
    for j in range(EXTREMES):
        place[j] = place[j] * EXTREMES + <floating> j if lane[j] == best else far
    for j in range(16):
        place[j] = smaller(place[j], place[j + 16])
    for j in range(8):
        place[j] = smaller(place[j], place[j + 8])
    for j in range(1, 8):
        place[0] = smaller(place[0], place[j])
    return <Py_ssize_t> place[0]


cdef void arg_rows(
    int op, const floating* x, long long* out, Py_ssize_t rows, Py_ssize_t cols
) noexcept nogil:
    cdef Py_ssize_t r
    for r in range(rows):
        if op == R_MAX:
            out[r] = place_of(greater[floating], larger[floating], maximum[floating],
                              <floating> -INFINITY, x + r * cols, cols)
        else:
            out[r] = place_of(less[floating], smaller[floating], minimum[floating],
                              <floating> INFINITY, x + r * cols, cols)


cdef inline void arg_fold(
    floating (*f)(floating, floating) noexcept nogil, const floating* x, floating* best,
    floating* place, Py_ssize_t rows, Py_ssize_t cols, Py_ssize_t width
) noexcept nogil:
    """The extremes of columns and the rows where they stand first; f(v, b): v does not beat b."""
    cdef Py_ssize_t r, c
    cdef floating v, row
    cdef bint better
    for c in range(width):
        best[c] = x[c]
        place[c] = 0
    for r in range(1, rows):
        row = <floating> r
        for c in range(width):
            v = x[r * cols + c]
            better = (f(v, best[c]) == 0) & (best[c] == best[c])
            best[c] = v if better else best[c]
            place[c] = row if better else place[c]


cdef void arg_cols(
    int op, const floating* x, long long* out, Py_ssize_t rows, Py_ssize_t cols, Py_ssize_t width
) noexcept nogil:
    cdef floating best[TILE]
    cdef floating top[TILE]
    cdef floating place[TILE]
    cdef Py_ssize_t tile, block, c, c0, r0, columns
    for tile in range((width + TILE - 1) // TILE):
        c0 = tile * TILE
        columns = min(<Py_ssize_t> TILE, width - c0)
        for block in range((rows + EXACT_ROWS - 1) // EXACT_ROWS):
            r0 = block * EXACT_ROWS
            if op == R_MAX:
                arg_fold(less_equal[floating], x + r0 * cols + c0, best, place,
                         min(<Py_ssize_t> EXACT_ROWS, rows - r0), cols, columns)
            else:
                arg_fold(greater_equal[floating], x + r0 * cols + c0, best, place,
                         min(<Py_ssize_t> EXACT_ROWS, rows - r0), cols, columns)
            for c in range(columns):
                if r0 == 0 or (top[c] == top[c] and not (
                        best[c] <= top[c] if op == R_MAX else best[c] >= top[c])):
                    top[c] = best[c]
                    out[c0 + c] = r0 + <long long> place[c]


# Squares of the distances from means, the second pass of a variance.

cdef inline floating squares_around(
    const floating* x, floating mean, Py_ssize_t n
) noexcept nogil:
    """The sum of (x[i] - mean)^2 over at most SUM_BLOCK numbers, in lanes as in fold."""
    cdef floating lane[LANES]
    cdef Py_ssize_t i, j
    cdef floating total = 0
    if n < LANES:
        for i in range(n):
            total += (x[i] - mean) * (x[i] - mean)
        return total
    for j in range(LANES):
        lane[j] = (x[j] - mean) * (x[j] - mean)
    for i in range(1, n // LANES):
        for j in range(LANES):
            lane[j] += (x[i * LANES + j] - mean) * (x[i * LANES + j] - mean)
    for i in range(n // LANES * LANES, n):
        total += (x[i] - mean) * (x[i] - mean)
    for j in range(32):
        lane[j] += lane[j + 32]
    for j in range(16):
        lane[j] += lane[j + 16]
    for j in range(8):
        lane[j] += lane[j + 8]
    for j in range(8):
        total += lane[j]
    return total


cdef void deviation_rows(
    const floating* x, const floating* mean, floating* out, Py_ssize_t rows, Py_ssize_t cols
) noexcept nogil:
    cdef Py_ssize_t r, done
    for r in range(rows):
        out[r] = 0
        done = 0
        while done < cols:
            out[r] += squares_around(x + r * cols + done, mean[r],
                                     min(cols - done, <Py_ssize_t> SUM_BLOCK))
            done += SUM_BLOCK


cdef void deviation_cols(
    const floating* x, const floating* mean, floating* out, Py_ssize_t rows, Py_ssize_t cols
) noexcept nogil:
    cdef floating part[TILE]
    cdef double total[TILE]
    cdef Py_ssize_t tile, block, r, c, c0, r0, width, height
    cdef floating d, d1, d2, d3
    cdef const floating* row
    for tile in range((cols + TILE - 1) // TILE):
        c0 = tile * TILE
        width = min(<Py_ssize_t> TILE, cols - c0)
        for c in range(width):
            total[c] = 0
        for block in range((rows + SHORT_BLOCK - 1) // SHORT_BLOCK):
            r0 = block * SHORT_BLOCK
            height = min(<Py_ssize_t> SHORT_BLOCK, rows - r0)
            row = x + r0 * cols + c0
            for c in range(width):
                part[c] = 0
            for r in range(height // 4):
                for c in range(width):
                    d, d1 = row[c] - mean[c0 + c], row[cols + c] - mean[c0 + c]
                    d2 = row[2 * cols + c] - mean[c0 + c]
                    d3 = row[3 * cols + c] - mean[c0 + c]
                    part[c] += (d * d + d1 * d1) + (d2 * d2 + d3 * d3)
                row += 4 * cols
            for r in range(height % 4):
                for c in range(width):
                    d = row[c] - mean[c0 + c]
                    part[c] += d * d
                row += cols
            for c in range(width):
                total[c] += part[c]
        for c in range(width):
            out[c0 + c] = <floating> total[c]
