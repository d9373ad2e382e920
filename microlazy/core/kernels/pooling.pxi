# Pooling: a number for each window, in one pass; and numbers carried back.

cdef enum:
    STRIP = 256         # windows of a row whose divided gradients are kept at hand


cdef inline floating lowest(const floating* x) noexcept nogil:
    """The least finite number: what stands around an image whose largest number is sought."""
    if floating is float:
        return <floating> -3.4028234663852886e38
    else:
        return <floating> -1.7976931348623157e308


cdef inline Py_ssize_t start_of(const Py_ssize_t* w, int axis, Py_ssize_t window) noexcept nogil:
    return window * w[W_STRIDE + axis] - w[W_PAD + axis]


cdef inline bint is_inside(const Py_ssize_t* w, int axis, Py_ssize_t window) noexcept nogil:
    """Whether a window has no padding along an axis."""
    cdef Py_ssize_t start = start_of(w, axis, window)
    return start >= 0 and start + w[W_KERNEL + axis] <= w[W_SIZE + axis]


cdef inline void inside_of(
    const Py_ssize_t* w, Py_ssize_t k, Py_ssize_t* low, Py_ssize_t* high
) noexcept nogil:
    """The windows of a row whose place k is in the image."""
    cdef Py_ssize_t start = k - w[W_PAD + 2], n = w[W_COUNT + 2]
    low[0] = min(n, first_inside(start, w[W_STRIDE + 2]))
    high[0] = max(low[0], min(n, end_inside(start, w[W_STRIDE + 2], w[W_SIZE + 2])))


cdef inline void largest_so_far(
    const floating* x, Py_ssize_t stride, floating* best, int* places, Py_ssize_t place,
    Py_ssize_t n
) noexcept nogil:
    cdef Py_ssize_t j
    cdef bint better
    if places is NULL:
        for j in range(n):
            better = (x[j * stride] > best[j]) | (x[j * stride] != x[j * stride])
            best[j] = x[j * stride] if better else best[j]
        return
    for j in range(n):
        better = (x[j * stride] > best[j]) | (x[j * stride] != x[j * stride])
        places[j] = <int> (place + j * stride) if better else places[j]
        best[j] = x[j * stride] if better else best[j]


cdef inline void largest_of_rows(
    int stride, const floating* x, const Py_ssize_t* w, floating* y, int* places
) noexcept nogil:
    """The largest numbers of one image's windows; `stride` is that of the rows, or 0 for any."""
    cdef Py_ssize_t d, h, kd, kh, kw, i, j, low, high, row, all_low, all_high
    cdef Py_ssize_t width = w[W_COUNT + 2], step = stride if stride else w[W_STRIDE + 2]
    cdef bint whole
    inside_of(w, 0, &all_low, &high)
    inside_of(w, w[W_KERNEL + 2] - 1, &low, &all_high)
    for d in range(w[W_COUNT]):
        for h in range(w[W_COUNT + 1]):
            whole = is_inside(w, 0, d) and is_inside(w, 1, h)
            row = start_of(w, 0, d) * w[W_SIZE + 1] + start_of(w, 1, h)
            for j in range(width):
                y[j] = lowest(x)
            if whole:
                for j in range(all_low, all_high):
                    y[j] = -INFINITY
            if places is not NULL:
                for j in range(width):
                    places[j] = -1
                if whole:
                    for j in range(all_low, all_high):
                        places[j] = <int> (row * w[W_SIZE + 2] + start_of(w, 2, j))
            for kd in range(w[W_KERNEL]):
                i = start_of(w, 0, d) + kd
                if not 0 <= i < w[W_SIZE]:
                    continue
                for kh in range(w[W_KERNEL + 1]):
                    row = start_of(w, 1, h) + kh
                    if not 0 <= row < w[W_SIZE + 1]:
                        continue
                    row = (i * w[W_SIZE + 1] + row) * w[W_SIZE + 2]
                    for kw in range(w[W_KERNEL + 2]):
                        inside_of(w, kw, &low, &high)
                        j = row + low * step + kw - w[W_PAD + 2]
                        largest_so_far(x + j, step, y + low,
                                       NULL if places is NULL else places + low, j, high - low)
            y += width
            if places is not NULL:
                places += width


cdef void largest_in_windows(
    const floating* x, const Py_ssize_t* w, floating* y, int* places, Py_ssize_t images
) noexcept nogil:
    cdef Py_ssize_t i, volume = w[W_SIZE] * w[W_SIZE + 1] * w[W_SIZE + 2]
    cdef Py_ssize_t count = w[W_COUNT] * w[W_COUNT + 1] * w[W_COUNT + 2]
    for i in range(images):
        if w[W_STRIDE + 2] == 2:
            largest_of_rows(2, x + i * volume, w, y + i * count,
                            NULL if places is NULL else places + i * count)
        elif w[W_STRIDE + 2] == 1:
            largest_of_rows(1, x + i * volume, w, y + i * count,
                            NULL if places is NULL else places + i * count)
        else:
            largest_of_rows(0, x + i * volume, w, y + i * count,
                            NULL if places is NULL else places + i * count)


cdef inline Py_ssize_t divisor_of(
    const Py_ssize_t* w, int axis, Py_ssize_t window, Py_ssize_t margin
) noexcept nogil:
    """How many places of a window count along an axis: `margin` of the padding's do."""
    cdef Py_ssize_t start = start_of(w, axis, window)
    return max(<Py_ssize_t> 0, min(start + w[W_KERNEL + axis], w[W_SIZE + axis] + margin)
               - max(start, -margin))


cdef inline void divide_row(
    const Py_ssize_t* w, Py_ssize_t above, bint with_padding, Py_ssize_t first, const floating* x,
    floating* y, Py_ssize_t n
) noexcept nogil:
    """y = x over the numbers of places, of windows [first, first + n) of a row."""
    cdef Py_ssize_t j, margin = w[W_PAD + 2] if with_padding else 0
    cdef floating divisor = <floating> max(<Py_ssize_t> 1, above * w[W_KERNEL + 2])
    if divisor_of(w, 2, first, margin) == w[W_KERNEL + 2] == divisor_of(
            w, 2, first + n - 1, margin):
        for j in range(n):
            y[j] = x[j] / divisor
    else:
        for j in range(n):
            y[j] = x[j] / <floating> max(<Py_ssize_t> 1,
                                         above * divisor_of(w, 2, first + j, margin))


cdef inline void add_steps(
    const floating* x, Py_ssize_t stride, floating* y, Py_ssize_t n
) noexcept nogil:
    cdef Py_ssize_t j
    if stride == 1:
        for j in range(n):
            y[j] += x[j]
    elif stride == 2:
        for j in range(n):
            y[j] += x[2 * j]
    else:
        for j in range(n):
            y[j] += x[stride * j]


cdef inline void add_to_steps(
    const floating* x, floating* y, Py_ssize_t stride, Py_ssize_t n
) noexcept nogil:
    cdef Py_ssize_t j
    if stride == 1:
        for j in range(n):
            y[j] += x[j]
    elif stride == 2:
        for j in range(n):
            y[2 * j] += x[j]
    else:
        for j in range(n):
            y[stride * j] += x[j]


cdef inline void sums_of_rows(
    const Py_ssize_t* w, bint back, bint divide, bint with_padding, floating* x, floating* y
) noexcept nogil:
    """The sums or means of one image's windows, or their transpose, which adds to the image."""
    cdef Py_ssize_t d, h, kd, kh, kw, i, low, high, row, part, first, n, above, place
    cdef Py_ssize_t width = w[W_COUNT + 2], step = w[W_STRIDE + 2]
    cdef floating strip[STRIP]
    for d in range(w[W_COUNT]):
        for h in range(w[W_COUNT + 1]):
            above = divisor_of(w, 0, d, w[W_PAD] if with_padding else 0) * divisor_of(
                w, 1, h, w[W_PAD + 1] if with_padding else 0)
            for part in range((width + STRIP - 1) // STRIP):
                first = part * STRIP
                n = min(<Py_ssize_t> STRIP, width - first)
                if not back:
                    clear(strip, n)
                elif divide:
                    divide_row(w, above, with_padding, first, y + first, strip, n)
                else:
                    copy_steps(y + first, 1, strip, n)
                for kd in range(w[W_KERNEL]):
                    i = start_of(w, 0, d) + kd
                    if not 0 <= i < w[W_SIZE]:
                        continue
                    for kh in range(w[W_KERNEL + 1]):
                        row = start_of(w, 1, h) + kh
                        if not 0 <= row < w[W_SIZE + 1]:
                            continue
                        row = (i * w[W_SIZE + 1] + row) * w[W_SIZE + 2]
                        for kw in range(w[W_KERNEL + 2]):
                            inside_of(w, kw, &low, &high)
                            low = max(low, first)
                            high = min(high, first + n)
                            place = row + low * step + kw - w[W_PAD + 2]
                            if low >= high:
                                continue
                            if back:
                                add_to_steps(strip + low - first, x + place, step, high - low)
                            else:
                                add_steps(x + place, step, strip + low - first, high - low)
                if not back:
                    if divide:
                        divide_row(w, above, with_padding, first, strip, y + first, n)
                    else:
                        copy_steps(strip, 1, y + first, n)
            y += width


cdef inline bint halves(const Py_ssize_t* w) noexcept nogil:
    """Whether the windows are whole squares of 2 by 2, side by side: the usual ones."""
    cdef int i
    for i in range(3):
        if w[W_KERNEL + i] != (2 if i else 1) or w[W_STRIDE + i] != w[W_KERNEL + i] or (
                w[W_PAD + i] or w[W_COUNT + i] * w[W_STRIDE + i] > w[W_SIZE + i]):
            return False
    return True


cdef inline void sums_of_squares(
    const Py_ssize_t* w, bint back, bint divide, bint add, floating* x, floating* y
) noexcept nogil:
    """What sums_of_rows does for windows of 2 by 2, in one pass over each row."""
    cdef Py_ssize_t d, h, j, size = w[W_SIZE + 2]
    cdef floating* above
    cdef floating* below
    cdef floating value, factor = <floating> 0.25 if divide else 1
    for d in range(w[W_COUNT]):
        for h in range(w[W_COUNT + 1]):
            above = x + (d * w[W_SIZE + 1] + 2 * h) * size
            below = above + size
            if back and not add:
                for j in range(w[W_COUNT + 2]):
                    value = y[j] * factor
                    above[2 * j] = value
                    above[2 * j + 1] = value
                    below[2 * j] = value
                    below[2 * j + 1] = value
            elif back:
                for j in range(w[W_COUNT + 2]):
                    value = y[j] * factor
                    above[2 * j] += value
                    above[2 * j + 1] += value
                    below[2 * j] += value
                    below[2 * j + 1] += value
            else:
                for j in range(w[W_COUNT + 2]):
                    y[j] = (above[2 * j] + above[2 * j + 1] + below[2 * j]
                            + below[2 * j + 1]) * factor
            y += w[W_COUNT + 2]


cdef void sums_of_windows(
    const floating* x, const Py_ssize_t* w, floating* y, Py_ssize_t images, bint divide,
    bint with_padding
) noexcept nogil:
    cdef Py_ssize_t i, volume = w[W_SIZE] * w[W_SIZE + 1] * w[W_SIZE + 2]
    cdef Py_ssize_t count = w[W_COUNT] * w[W_COUNT + 1] * w[W_COUNT + 2]
    if halves(w):
        for i in range(images):
            sums_of_squares(w, False, divide, False, <floating*> x + i * volume, y + i * count)
        return
    for i in range(images):
        sums_of_rows(w, False, divide, with_padding, <floating*> x + i * volume, y + i * count)


cdef void sums_back(
    const floating* y, const Py_ssize_t* w, floating* x, Py_ssize_t images, bint divide,
    bint with_padding, bint accumulate
) noexcept nogil:
    cdef Py_ssize_t i, volume = w[W_SIZE] * w[W_SIZE + 1] * w[W_SIZE + 2]
    cdef Py_ssize_t count = w[W_COUNT] * w[W_COUNT + 1] * w[W_COUNT + 2]
    cdef bint squares = halves(w)
    if squares and not accumulate and 4 * count == volume:
        for i in range(images):
            sums_of_squares(w, True, divide, False, x + i * volume, <floating*> y + i * count)
        return
    if not accumulate:
        clear(x, images * volume)
    if squares:
        for i in range(images):
            sums_of_squares(w, True, divide, True, x + i * volume, <floating*> y + i * count)
        return
    for i in range(images):
        sums_of_rows(w, True, divide, with_padding, x + i * volume, <floating*> y + i * count)


cdef void pool_lanes(
    const floating* x, floating* y, Py_ssize_t rows, Py_ssize_t cols, Py_ssize_t n, bint divide
) noexcept nogil:
    cdef Py_ssize_t r, c, v, j, lanes = lanes_of(x)
    cdef floating factor = <floating> 0.25 if divide else 1
    cdef const floating* above
    cdef const floating* below
    for r in range(rows):
        for c in range(cols):
            above = x + (2 * r * cols + c) * 2 * n
            below = above + 2 * cols * n
            for v in range(n // lanes):
                for j in range(lanes_of(x)):
                    y[j] = (above[j] + above[n + j] + below[j] + below[n + j]) * factor
                y += lanes
                above += lanes
                below += lanes


cdef void spread_lanes(
    const floating* y, floating* x, Py_ssize_t rows, Py_ssize_t cols, Py_ssize_t n, bint divide
) noexcept nogil:
    cdef Py_ssize_t r, c, v, j, lanes = lanes_of(y)
    cdef floating value, factor = <floating> 0.25 if divide else 1
    cdef floating* above
    cdef floating* below
    for r in range(rows):
        for c in range(cols):
            above = x + (2 * r * cols + c) * 2 * n
            below = above + 2 * cols * n
            for v in range(n // lanes):
                for j in range(lanes_of(y)):
                    value = y[j] * factor
                    above[j] = value
                    above[n + j] = value
                    below[j] = value
                    below[n + j] = value
                y += lanes
                above += lanes
                below += lanes


cdef void take_places(
    const floating* x, const int* places, floating* out, Py_ssize_t images, Py_ssize_t count,
    Py_ssize_t volume
) noexcept nogil:
    cdef Py_ssize_t i, j
    for i in range(images):
        for j in range(count):
            out[j] = x[places[j]] if places[j] >= 0 else 0
        x += volume
        out += count
        places += count


cdef void add_at_places(
    const floating* x, const int* places, floating* out, Py_ssize_t images, Py_ssize_t count,
    Py_ssize_t volume
) noexcept nogil:
    cdef Py_ssize_t i, j
    for i in range(images):
        for j in range(count):
            if places[j] >= 0:
                out[places[j]] += x[j]
        x += count
        out += volume
        places += count
