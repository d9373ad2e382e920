# Means and deviations, and what normalization makes of them.
#
# A matrix has a mean, a factor and an offset for each column, or, without `columns`, for each row:
# row r of a piece has those of channel (first + r) % channels.

cdef enum:
    PAIRS = 32          # accumulators side by side of each of two sums


cdef inline void row_moments(
    const floating* x, floating* mean, floating* squares, Py_ssize_t n
) noexcept nogil:
    """By pieces that stay in the cache, so that memory is read once (Chan et al. 1979)."""
    cdef double total = 0, spread = 0, d
    cdef floating part
    cdef Py_ssize_t done = 0, width
    while done < n:
        width = min(n - done, <Py_ssize_t> SUM_BLOCK)
        part = sum_of(x + done, width) / <floating> width
        d = part - total
        spread += squares_around(x + done, part, width)
        spread += d * d * (<double> done * <double> width / <double> (done + width))
        total += d * (<double> width / <double> (done + width))
        done += width
    mean[0] = <floating> total
    squares[0] = <floating> spread


cdef void moments(
    bint columns, const floating* x, floating* mean, floating* squares, Py_ssize_t rows,
    Py_ssize_t cols
) noexcept nogil:
    cdef Py_ssize_t i
    if columns:
        reduce_cols(R_SUM, x, mean, False, rows, cols)
        for i in range(cols):
            mean[i] /= <floating> rows
        deviation_cols(x, <const floating*> mean, squares, rows, cols)
    else:
        for i in range(rows):
            row_moments(x + i * cols, mean + i, squares + i, cols)


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
    cdef floating total = 0
    for j in range(16):
        lane[j] += lane[j + 16]
    for j in range(8):
        lane[j] += lane[j + 8]
    for j in range(8):
        total += lane[j]
    return total


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
    cdef floating d
    cdef Py_ssize_t r, c
    for c in range(width):
        sums[c] = 0
        products[c] = 0
    for r in range(rows):
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

cdef void row_norm(
    const floating* x, const floating* gamma, const floating* beta, double eps, floating* y,
    floating* mean, floating* scale, Py_ssize_t first, Py_ssize_t groups, Py_ssize_t parts,
    Py_ssize_t width, Py_ssize_t rows
) noexcept nogil:
    cdef Py_ssize_t n = parts * width, r, i, k = first
    cdef floating m, s
    cdef const floating* gain
    cdef const floating* shift
    for r in range(rows):
        row_moments(x, mean + r, scale + r, n)
        m = mean[r]
        s = <floating> (1 / sqrt(<double> scale[r] / <double> n + eps))
        scale[r] = s
        gain, shift = gamma + k * parts, beta + k * parts
        if width == 1:
            for i in range(n):
                y[i] = (x[i] - m) * s * gain[i] + shift[i]
        else:
            for i in range(parts):
                affine_row(False, x + i * width, m, s * gain[i], shift[i], y + i * width, width)
        k = k + 1 if k + 1 < groups else 0
        x += n
        y += n


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


cdef inline void row_norm_grad_narrow(
    const floating* x, const floating* gamma, const floating* g, floating mean, floating scale,
    floating* dx, bint accumulate, floating* dgamma, floating* dbeta, Py_ssize_t n
) noexcept nogil:
    cdef floating sums[PAIRS]
    cdef floating moments[PAIRS]
    cdef floating total, moment, value, slope
    cdef Py_ssize_t i, j, k
    for j in range(PAIRS):
        sums[j] = 0
        moments[j] = 0
    for i in range(n // PAIRS):
        for j in range(PAIRS):
            k = i * PAIRS + j
            value = (x[k] - mean) * scale
            slope = g[k] * gamma[k]
            dbeta[k] += g[k]
            dgamma[k] += g[k] * value
            sums[j] += slope
            moments[j] += slope * value
    total = sum_pairs(sums)
    moment = sum_pairs(moments)
    for k in range(n // PAIRS * PAIRS, n):
        value = (x[k] - mean) * scale
        dbeta[k] += g[k]
        dgamma[k] += g[k] * value
        total += g[k] * gamma[k]
        moment += g[k] * gamma[k] * value
    if dx == NULL:
        return
    total /= <floating> n
    moment = moment * scale / <floating> n
    if accumulate:
        for i in range(n):
            dx[i] += (g[i] * gamma[i] - total - (x[i] - mean) * moment) * scale
    else:
        for i in range(n):
            dx[i] = (g[i] * gamma[i] - total - (x[i] - mean) * moment) * scale


cdef void row_norm_grad(
    const floating* x, const floating* gamma, const floating* g, const floating* mean,
    const floating* scale, floating* dx, bint accumulate, floating* dgamma, floating* dbeta,
    Py_ssize_t first, Py_ssize_t groups, Py_ssize_t parts, Py_ssize_t width, Py_ssize_t rows
) noexcept nogil:
    cdef Py_ssize_t n = parts * width, r, k = first
    for r in range(rows):
        if width == 1:
            row_norm_grad_narrow(x, gamma + k * parts, g, mean[r], scale[r], dx, accumulate,
                                 dgamma + k * parts, dbeta + k * parts, n)
        else:
            row_norm_grad_wide(x, gamma + k * parts, g, mean[r], scale[r], dx, accumulate,
                               dgamma + k * parts, dbeta + k * parts, parts, width)
        k = k + 1 if k + 1 < groups else 0
        x += n
        g += n
        if dx != NULL:
            dx += n
