# Means and deviations, and what normalization makes of them.
#
# A matrix has a mean, a factor and an offset for each column, or, without `columns`, for each row:
# row r of a piece has those of channel (first + r) % channels.

cdef enum:
    PAIRS = 32          # accumulators side by side of each of two sums
    TOGETHER = 4        # rows whose sums are finished together
    STRETCH = 512       # columns of such rows that stay in the cache


cdef inline void block_moments(
    const floating* x, Py_ssize_t rows, Py_ssize_t n, floating* mean, floating* squares
) noexcept nogil:
    """Of at most TOGETHER rows of n numbers, LANES to SUM_BLOCK; the sums end side by side."""
    cdef floating lane[LANES]
    cdef floating parts[TOGETHER][8]
    cdef floating sums[TOGETHER]
    cdef Py_ssize_t r, i, j, k
    for r in range(rows, TOGETHER):
        for j in range(8):
            parts[r][j] = 0
    for r in range(rows):
        for j in range(LANES):
            lane[j] = x[r * n + j]
        for i in range(1, n // LANES):
            for j in range(LANES):
                lane[j] += x[r * n + i * LANES + j]
        for j in range(n % LANES):
            lane[j] += x[r * n + n - n % LANES + j]
        fold_lanes(lane, parts[r])
    sum_lanes(sums, <const floating (*)[8]> parts)
    for r in range(rows):
        mean[r] = sums[r] / <floating> n
    for r in range(rows):
        for j in range(LANES):
            lane[j] = (x[r * n + j] - mean[r]) * (x[r * n + j] - mean[r])
        for i in range(1, n // LANES):
            for j in range(LANES):
                k = r * n + i * LANES + j
                lane[j] += (x[k] - mean[r]) * (x[k] - mean[r])
        for j in range(n % LANES):
            k = r * n + n - n % LANES + j
            lane[j] += (x[k] - mean[r]) * (x[k] - mean[r])
        fold_lanes(lane, parts[r])
    sum_lanes(sums, <const floating (*)[8]> parts)
    for r in range(rows):
        squares[r] = sums[r]


cdef inline void fold_lanes(floating* lane, floating* out) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(32):
        lane[j] += lane[j + 32]
    for j in range(16):
        lane[j] += lane[j + 16]
    for j in range(8):
        out[j] = lane[j] + lane[j + 8]


cdef inline void row_moments(
    const floating* x, floating* mean, floating* squares, Py_ssize_t n
) noexcept nogil:
    """By pieces that stay in the cache, so that memory is read once (Chan et al. 1979)."""
    cdef floating means[TOGETHER]
    cdef floating spreads[TOGETHER]
    cdef double total = 0, spread = 0, d
    cdef Py_ssize_t done = 0, width, count, i
    while done < n:
        width = min(n - done, <Py_ssize_t> SUM_BLOCK)
        count = max(<Py_ssize_t> 1, min((n - done) // SUM_BLOCK, <Py_ssize_t> TOGETHER))
        if width < LANES:
            means[0] = sum_of(x + done, width) / <floating> width
            spreads[0] = squares_around(x + done, means[0], width)
        else:
            block_moments(x + done, count, width, means, spreads)
        for i in range(count):
            d = means[i] - total
            spread += spreads[i]
            spread += d * d * (<double> done * <double> width / <double> (done + width))
            total += d * (<double> width / <double> (done + width))
            done += width
    mean[0] = <floating> total
    squares[0] = <floating> spread


cdef inline void moments_of_rows(
    const floating* x, floating* mean, floating* squares, Py_ssize_t rows, Py_ssize_t n
) noexcept nogil:
    cdef Py_ssize_t r
    if LANES <= n <= SUM_BLOCK:
        block_moments(x, rows, n, mean, squares)
        return
    for r in range(rows):
        row_moments(x + r * n, mean + r, squares + r, n)


cdef void moments(
    bint columns, const floating* x, floating* mean, floating* squares, Py_ssize_t rows,
    Py_ssize_t cols
) noexcept nogil:
    cdef Py_ssize_t i, done = 0
    if columns:
        reduce_cols(R_SUM, x, mean, False, rows, cols)
        for i in range(cols):
            mean[i] /= <floating> rows
        deviation_cols(x, <const floating*> mean, squares, rows, cols)
    else:
        while done < rows:
            moments_of_rows(x + done * cols, mean + done, squares + done,
                            min(<Py_ssize_t> TOGETHER, rows - done), cols)
            done += TOGETHER


cdef void join_moments(
    const floating* means, const floating* squares, Py_ssize_t count, Py_ssize_t last,
    floating* mean, floating* var, Py_ssize_t rows, Py_ssize_t cols
) noexcept nogil:
    cdef double total[TILE]
    cdef double spread[TILE]
    cdef double n = <double> count * (rows - 1) + last, share, d
    cdef Py_ssize_t tile, c, c0, r, width
    for tile in range((cols + TILE - 1) // TILE):
        c0 = tile * TILE
        width = min(<Py_ssize_t> TILE, cols - c0)
        for c in range(width):
            total[c] = 0
            spread[c] = 0
        for r in range(rows):
            share = (last if r == rows - 1 else count) / n
            for c in range(width):
                total[c] += share * means[r * cols + c0 + c]
        for r in range(rows):
            share = last if r == rows - 1 else count
            for c in range(width):
                d = means[r * cols + c0 + c] - total[c]
                spread[c] += squares[r * cols + c0 + c] + share * d * d
        for c in range(width):
            mean[c0 + c] = <floating> total[c]
            var[c0 + c] = <floating> (spread[c] / n)


cdef inline void affine_row(
    bint relu_, const floating* x, floating mean, floating weight, floating shift, floating* y,
    Py_ssize_t n
) noexcept nogil:
    cdef Py_ssize_t i
    if relu_:
        for i in range(n):
            y[i] = relu((x[i] - mean) * weight + shift)
    else:
        for i in range(n):
            y[i] = (x[i] - mean) * weight + shift


cdef void affine(
    bint columns, bint relu_, const floating* x, const floating* mean, const floating* weight,
    const floating* shift, floating* y, Py_ssize_t first, Py_ssize_t channels, Py_ssize_t rows,
    Py_ssize_t cols
) noexcept nogil:
    cdef Py_ssize_t r, c, k = first
    for r in range(rows):
        if not columns:
            affine_row(relu_, x, mean[k], weight[k], shift[k], y, cols)
            k = k + 1 if k + 1 < channels else 0
        elif relu_:
            for c in range(cols):
                y[c] = relu((x[c] - mean[c]) * weight[c] + shift[c])
        else:
            for c in range(cols):
                y[c] = (x[c] - mean[c]) * weight[c] + shift[c]
        x += cols
        y += cols


cdef inline floating passed(
    bint relu_, floating x, floating mean, floating weight, floating shift, floating g
) noexcept nogil:
    """The gradient g of the result, as it is before the rectifier."""
    cdef floating y
    if not relu_:
        return g
    y = (x - mean) * weight + shift
    return relu_grad(y, y, g)


cdef inline floating sum_pairs(floating* lane) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(16):
        lane[j] += lane[j + 16]
    for j in range(8):
        lane[j] += lane[j + 8]
    return ((lane[0] + lane[4]) + (lane[2] + lane[6])) + ((lane[1] + lane[5]) + (lane[3] + lane[7]))


cdef inline void sums_of_row(
    bint relu_, const floating* x, const floating* g, floating mean, floating weight,
    floating shift, floating* total, floating* moment, Py_ssize_t n
) noexcept nogil:
    cdef floating sums[PAIRS]
    cdef floating products[PAIRS]
    cdef floating d
    cdef Py_ssize_t done = 0, i, j, width
    total[0] = 0
    moment[0] = 0
    while done < n:
        width = min(n - done, <Py_ssize_t> SUM_BLOCK)
        for j in range(PAIRS):
            sums[j] = 0
            products[j] = 0
        for i in range(width // PAIRS):
            for j in range(PAIRS):
                d = passed(relu_, x[i * PAIRS + j], mean, weight, shift, g[i * PAIRS + j])
                sums[j] += d
                products[j] += d * (x[i * PAIRS + j] - mean)
        for i in range(width // PAIRS * PAIRS, width):
            d = passed(relu_, x[i], mean, weight, shift, g[i])
            total[0] += d
            moment[0] += d * (x[i] - mean)
        total[0] += sum_pairs(sums)
        moment[0] += sum_pairs(products)
        x, g = x + width, g + width
        done += width


cdef inline void sums_of_columns(
    bint relu_, const floating* x, const floating* g, const floating* mean,
    const floating* weight, const floating* shift, floating* sums, floating* products,
    Py_ssize_t rows, Py_ssize_t cols, Py_ssize_t width
) noexcept nogil:
    """Over some rows, of the first `width` columns."""
    cdef floating d, d1, d2, d3
    cdef Py_ssize_t r, c
    for c in range(width):
        sums[c] = 0
        products[c] = 0
    for r in range(rows // 4):
        for c in range(width):
            d = passed(relu_, x[c], mean[c], weight[c], shift[c], g[c])
            d1 = passed(relu_, x[cols + c], mean[c], weight[c], shift[c], g[cols + c])
            d2 = passed(relu_, x[2 * cols + c], mean[c], weight[c], shift[c], g[2 * cols + c])
            d3 = passed(relu_, x[3 * cols + c], mean[c], weight[c], shift[c], g[3 * cols + c])
            sums[c] += (d + d1) + (d2 + d3)
            products[c] += (d * (x[c] - mean[c]) + d1 * (x[cols + c] - mean[c])) + (
                d2 * (x[2 * cols + c] - mean[c]) + d3 * (x[3 * cols + c] - mean[c]))
        x += 4 * cols
        g += 4 * cols
    for r in range(rows % 4):
        for c in range(width):
            d = passed(relu_, x[c], mean[c], weight[c], shift[c], g[c])
            sums[c] += d
            products[c] += d * (x[c] - mean[c])
        x += cols
        g += cols


cdef void affine_sums(
    bint columns, bint relu_, const floating* x, const floating* g, const floating* mean,
    const floating* weight, const floating* shift, floating* sums, floating* products,
    Py_ssize_t first, Py_ssize_t channels, Py_ssize_t rows, Py_ssize_t cols
) noexcept nogil:
    cdef floating part[TILE]
    cdef floating part_products[TILE]
    cdef double total[TILE]
    cdef double total_products[TILE]
    cdef Py_ssize_t r, c, c0, r0, tile, block, width, height, k = first
    if not columns:
        for r in range(rows):
            if relu_:
                sums_of_row(True, x + r * cols, g + r * cols, mean[k], weight[k], shift[k],
                            sums + r, products + r, cols)
            else:
                sums_of_row(False, x + r * cols, g + r * cols, mean[k], weight[k], shift[k],
                            sums + r, products + r, cols)
            k = k + 1 if k + 1 < channels else 0
        return
    for tile in range((cols + TILE - 1) // TILE):
        c0 = tile * TILE
        width = min(<Py_ssize_t> TILE, cols - c0)
        for c in range(width):
            total[c] = 0
            total_products[c] = 0
        for block in range((rows + SHORT_BLOCK - 1) // SHORT_BLOCK):
            r0 = block * SHORT_BLOCK
            height = min(<Py_ssize_t> SHORT_BLOCK, rows - r0)
            if relu_:
                sums_of_columns(True, x + r0 * cols + c0, g + r0 * cols + c0, mean + c0,
                                weight + c0, shift + c0, part, part_products, height, cols, width)
            else:
                sums_of_columns(False, x + r0 * cols + c0, g + r0 * cols + c0, mean + c0,
                                weight + c0, shift + c0, part, part_products, height, cols, width)
            for c in range(width):
                total[c] += part[c]
                total_products[c] += part_products[c]
        for c in range(width):
            sums[c0 + c] = <floating> total[c]
            products[c0 + c] = <floating> total_products[c]


cdef inline void affine_grad_row(
    bint relu_, const floating* x, const floating* g, floating mean, floating weight,
    floating shift, floating slope, floating offset, floating* dx, bint accumulate, Py_ssize_t n
) noexcept nogil:
    cdef Py_ssize_t i
    if accumulate:
        for i in range(n):
            dx[i] += passed(relu_, x[i], mean, weight, shift, g[i]) * weight + (
                (x[i] - mean) * slope + offset)
    else:
        for i in range(n):
            dx[i] = passed(relu_, x[i], mean, weight, shift, g[i]) * weight + (
                (x[i] - mean) * slope + offset)


cdef inline void affine_grad_columns(
    bint relu_, const floating* x, const floating* g, const floating* mean,
    const floating* weight, const floating* shift, const floating* slope, const floating* offset,
    floating* dx, bint accumulate, Py_ssize_t cols
) noexcept nogil:
    cdef floating tile[TILE]
    cdef Py_ssize_t done = 0, c, width
    while done < cols:
        width = min(cols - done, <Py_ssize_t> TILE)
        for c in range(width):
            tile[c] = passed(relu_, x[c], mean[c], weight[c], shift[c], g[c]) * weight[c] + (
                (x[c] - mean[c]) * slope[c] + offset[c])
        if accumulate:
            for c in range(width):
                dx[c] += tile[c]
        else:
            for c in range(width):
                dx[c] = tile[c]
        x, g, dx, mean, weight = x + width, g + width, dx + width, mean + width, weight + width
        shift, slope, offset = shift + width, slope + width, offset + width
        done += width


cdef void affine_grad(
    bint columns, bint relu_, const floating* x, const floating* g, const floating* mean,
    const floating* weight, const floating* shift, const floating* slope, const floating* offset,
    floating* dx, bint accumulate, Py_ssize_t first, Py_ssize_t channels, Py_ssize_t rows,
    Py_ssize_t cols
) noexcept nogil:
    cdef Py_ssize_t r, k = first
    for r in range(rows):
        if columns and relu_:
            affine_grad_columns(True, x, g, mean, weight, shift, slope, offset, dx, accumulate,
                                cols)
        elif columns:
            affine_grad_columns(False, x, g, mean, weight, shift, slope, offset, dx, accumulate,
                                cols)
        else:
            if relu_:
                affine_grad_row(True, x, g, mean[k], weight[k], shift[k], slope[k], offset[k], dx,
                                accumulate, cols)
            else:
                affine_grad_row(False, x, g, mean[k], weight[k], shift[k], slope[k], offset[k], dx,
                                accumulate, cols)
            k = k + 1 if k + 1 < channels else 0
        x += cols
        g += cols
        dx += cols


# Each row by itself. A row has `parts` parts of `width` elements with a gamma and a beta each; row
# r of a piece has those of group (first + r) % groups.

cdef inline void norm_row(
    bint past_caches, const floating* x, floating mean, floating scale, const floating* gain,
    const floating* shift, floating* y, Py_ssize_t n
) noexcept nogil:
    cdef floating tile[STRETCH]
    cdef Py_ssize_t done = 0, width, i
    if not past_caches:
        for i in range(n):
            y[i] = (x[i] - mean) * scale * gain[i] + shift[i]
        return
    while done < n:
        width = min(<Py_ssize_t> STRETCH, n - done)
        for i in range(width):
            tile[i] = (x[done + i] - mean) * scale * gain[done + i] + shift[done + i]
        stream(<const floating*> tile, y + done, width)
        done += width


cdef void row_norm(
    const floating* x, const floating* gamma, const floating* beta, double eps, floating* y,
    floating* mean, floating* scale, Py_ssize_t first, Py_ssize_t groups, Py_ssize_t parts,
    Py_ssize_t width, Py_ssize_t rows, bint past_caches
) noexcept nogil:
    cdef Py_ssize_t n = parts * width, done = 0, r, i, count, k = first
    # Longer rows are written as soon as they are read: memory does both at a time.
    cdef Py_ssize_t step = TOGETHER if n <= STRETCH else 1
    cdef floating m, s
    cdef const floating* gain
    cdef const floating* shift
    while done < rows:
        count = min(step, rows - done)
        moments_of_rows(x, mean + done, scale + done, count, n)
        for r in range(done, done + count):
            scale[r] = <floating> (1 / sqrt(<double> scale[r] / <double> n + eps))
        for r in range(done, done + count):
            m, s = mean[r], scale[r]
            gain, shift = gamma + k * parts, beta + k * parts
            if width == 1:
                norm_row(past_caches, x, m, s, gain, shift, y, n)
            else:
                for i in range(parts):
                    affine_row(False, x + i * width, m, s * gain[i], shift[i], y + i * width,
                               width)
            k = k + 1 if k + 1 < groups else 0
            x += n
            y += n
        done += count
    if past_caches:
        end_streams()


cdef inline void row_norm_grad_wide(
    const floating* x, const floating* gamma, const floating* g, floating mean, floating scale,
    floating* dx, bint accumulate, floating* dgamma, floating* dbeta, Py_ssize_t parts,
    Py_ssize_t width
) noexcept nogil:
    cdef floating part, moment, slope, n = <floating> (parts * width)
    cdef double total = 0, total_moment = 0
    cdef Py_ssize_t i
    for i in range(parts):
        sums_of_row(False, x + i * width, g + i * width, mean, scale, 0, &part, &moment, width)
        dbeta[i] += part
        dgamma[i] += moment * scale
        total += gamma[i] * part
        total_moment += gamma[i] * moment
    if dx == NULL:
        return
    slope = <floating> -(total_moment * scale * scale * scale / n)
    for i in range(parts):
        affine_grad_row(False, x + i * width, g + i * width, mean, scale * gamma[i], 0, slope,
                        <floating> -(total * scale / n), dx + i * width, accumulate, width)


cdef inline void sums_of_slopes(
    Py_ssize_t rows, const floating* x, const floating* gamma, const floating* g,
    const floating* mean, const floating* scale, floating* total, floating* moment, Py_ssize_t n
) noexcept nogil:
    """Of at most TOGETHER rows: the sums of g gamma, and of its products with what x became."""
    cdef floating sums[PAIRS]
    cdef floating products[PAIRS]
    cdef floating of_sums[TOGETHER][8]
    cdef floating of_products[TOGETHER][8]
    cdef floating tail[2][TOGETHER]
    cdef floating slope
    cdef Py_ssize_t r, i, j, k
    for r in range(TOGETHER):
        for j in range(8):
            of_sums[r][j] = 0
            of_products[r][j] = 0
    for r in range(rows):
        for j in range(PAIRS):
            sums[j] = 0
            products[j] = 0
        for i in range(n // PAIRS):
            for j in range(PAIRS):
                k = i * PAIRS + j
                slope = g[r * n + k] * gamma[k]
                sums[j] += slope
                products[j] += slope * ((x[r * n + k] - mean[r]) * scale[r])
        for j in range(16):
            sums[j] += sums[j + 16]
            products[j] += products[j + 16]
        for j in range(8):
            of_sums[r][j] = sums[j] + sums[j + 8]
            of_products[r][j] = products[j] + products[j + 8]
        tail[0][r] = 0
        tail[1][r] = 0
        for i in range(n // PAIRS * PAIRS, n):
            slope = g[r * n + i] * gamma[i]
            tail[0][r] += slope
            tail[1][r] += slope * ((x[r * n + i] - mean[r]) * scale[r])
    sum_lanes(total, <const floating (*)[8]> of_sums)
    sum_lanes(moment, <const floating (*)[8]> of_products)
    for r in range(rows):
        total[r] += tail[0][r]
        moment[r] += tail[1][r]


cdef inline void add_slopes(
    Py_ssize_t rows, const floating* x, const floating* g, const floating* mean,
    const floating* scale, floating* dgamma, floating* dbeta, Py_ssize_t n, Py_ssize_t width
) noexcept nogil:
    """Add the first `width` columns of at most TOGETHER rows to the sums for gamma and beta."""
    cdef floating of_gamma[STRETCH]
    cdef floating of_beta[STRETCH]
    cdef floating m = mean[0], s = scale[0], m1, m2, m3, s1, s2, s3
    cdef const floating* x1 = x + n
    cdef const floating* x2 = x1 + n
    cdef const floating* x3 = x2 + n
    cdef const floating* g1 = g + n
    cdef const floating* g2 = g1 + n
    cdef const floating* g3 = g2 + n
    cdef Py_ssize_t r, c
    if rows < TOGETHER:
        for r in range(rows):
            m, s = mean[r], scale[r]
            for c in range(width):
                of_gamma[c] = g[c] * ((x[c] - m) * s)
            add_to(<const floating*> of_gamma, dgamma, width)
            add_to(g, dbeta, width)
            x += n
            g += n
        return
    m1, m2, m3, s1, s2, s3 = mean[1], mean[2], mean[3], scale[1], scale[2], scale[3]
    for c in range(width):
        of_beta[c] = (g[c] + g1[c]) + (g2[c] + g3[c])
        of_gamma[c] = (g[c] * ((x[c] - m) * s) + g1[c] * ((x1[c] - m1) * s1)) + (
            g2[c] * ((x2[c] - m2) * s2) + g3[c] * ((x3[c] - m3) * s3))
    add_to(<const floating*> of_beta, dbeta, width)
    add_to(<const floating*> of_gamma, dgamma, width)


cdef inline void row_norm_grad_narrow(
    Py_ssize_t rows, const floating* x, const floating* gamma, const floating* g,
    const floating* mean, const floating* scale, floating* dx, bint accumulate, floating* dgamma,
    floating* dbeta, Py_ssize_t n, bint past_caches
) noexcept nogil:
    """Of at most TOGETHER rows with the same gamma."""
    cdef floating tile[STRETCH]
    cdef floating total[TOGETHER]
    cdef floating moment[TOGETHER]
    cdef floating t, p, m, s
    cdef Py_ssize_t done = 0, r, i, width
    if dx != NULL:
        sums_of_slopes(rows, x, gamma, g, mean, scale, total, moment, n)
    while done < n:
        width = min(<Py_ssize_t> STRETCH, n - done)
        add_slopes(rows, x + done, g + done, mean, scale, dgamma + done, dbeta + done, n, width)
        for r in range(0 if dx == NULL else rows):
            m, s = mean[r], scale[r]
            t, p = total[r] / <floating> n, moment[r] * s / <floating> n
            if accumulate:
                for i in range(done, done + width):
                    dx[r * n + i] += (
                        g[r * n + i] * gamma[i] - t - (x[r * n + i] - m) * p) * s
            elif past_caches:
                for i in range(width):
                    tile[i] = (g[r * n + done + i] * gamma[done + i] - t
                               - (x[r * n + done + i] - m) * p) * s
                stream(<const floating*> tile, dx + r * n + done, width)
            else:
                for i in range(done, done + width):
                    dx[r * n + i] = (g[r * n + i] * gamma[i] - t - (x[r * n + i] - m) * p) * s
        done += width


cdef void row_norm_grad(
    const floating* x, const floating* gamma, const floating* g, const floating* mean,
    const floating* scale, floating* dx, bint accumulate, floating* dgamma, floating* dbeta,
    Py_ssize_t first, Py_ssize_t groups, Py_ssize_t parts, Py_ssize_t width, Py_ssize_t rows,
    bint past_caches
) noexcept nogil:
    cdef Py_ssize_t n = parts * width, r = 0, count, k = first
    cdef Py_ssize_t step = TOGETHER if groups == 1 and width == 1 else 1
    while r < rows:
        count = min(step, rows - r)
        if width == 1:
            row_norm_grad_narrow(count, x, gamma + k * parts, g, mean + r, scale + r, dx,
                                 accumulate, dgamma + k * parts, dbeta + k * parts, n,
                                 past_caches)
        else:
            row_norm_grad_wide(x, gamma + k * parts, g, mean[r], scale[r], dx, accumulate,
                               dgamma + k * parts, dbeta + k * parts, parts, width)
        k = k + 1 if k + 1 < groups else 0
        x += count * n
        g += count * n
        if dx != NULL:
            dx += count * n
        r += count
    if past_caches:
        end_streams()
