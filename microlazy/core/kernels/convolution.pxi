# Sliding windows: packed and added back, laid out for direct sums, and these sums.

cdef inline Py_ssize_t first_inside(Py_ssize_t start, Py_ssize_t stride) noexcept nogil:
    """The first j of 0, 1, ... with start + j * stride >= 0."""
    return 0 if start >= 0 else (stride - 1 - start) // stride


cdef inline Py_ssize_t end_inside(
    Py_ssize_t start, Py_ssize_t stride, Py_ssize_t size
) noexcept nogil:
    """The first j with start + j * stride >= size."""
    return 0 if start >= size else (size - 1 - start) // stride + 1


cdef inline void clear(floating* out, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        out[i] = 0


cdef inline void copy_steps(
    const floating* x, Py_ssize_t stride, floating* out, Py_ssize_t n
) noexcept nogil:
    cdef Py_ssize_t i
    if stride == 1:
        for i in range(n):
            out[i] = x[i]
    elif stride == 2:
        for i in range(n):
            out[i] = x[2 * i]
    elif stride == 4:
        for i in range(n):
            out[i] = x[4 * i]
    else:
        for i in range(n):
            out[i] = x[stride * i]


cdef inline void put_steps(
    const floating* x, Py_ssize_t stride, bint add, floating* out, Py_ssize_t n
) noexcept nogil:
    cdef Py_ssize_t i
    if not add:
        for i in range(n):
            out[i * stride] = x[i]
    elif stride == 1:
        for i in range(n):
            out[i] += x[i]
    else:
        for i in range(n):
            out[i * stride] += x[i]


cdef inline void each_row(
    const Py_ssize_t* w, bint back, bint add, floating* image, floating* packed,
    Py_ssize_t first_row, Py_ssize_t rows, Py_ssize_t first, Py_ssize_t count, Py_ssize_t step
) noexcept nogil:
    """Pack windows, or put what is packed back into the image."""
    cdef Py_ssize_t area = w[W_SIZE + 1] * w[W_SIZE + 2], volume = w[W_SIZE] * area
    cdef Py_ssize_t height = w[W_COUNT + 1], width = w[W_COUNT + 2], stride = w[W_STRIDE + 2]
    cdef Py_ssize_t window = w[W_KERNEL] * w[W_KERNEL + 1] * w[W_KERNEL + 2]
    cdef Py_ssize_t place, r, kd, kh, kw, i, n, j, d, h, plane, line, low, high, begin, end
    cdef floating* out = packed
    cdef floating* source
    for r in range(first_row, first_row + rows):
        place = r % window
        kw = place % w[W_KERNEL + 2] * w[W_DILATE + 2] - w[W_PAD + 2]
        kh = place // w[W_KERNEL + 2] % w[W_KERNEL + 1] * w[W_DILATE + 1] - w[W_PAD + 1]
        kd = place // (w[W_KERNEL + 2] * w[W_KERNEL + 1]) * w[W_DILATE] - w[W_PAD]
        low = first_inside(kw, stride)          # of a whole line of windows
        high = end_inside(kw, stride, w[W_SIZE + 2])
        plane = first // (width * height)
        line = first // width % height
        j = first % width
        i = 0
        while i < count:
            n = min(width - j, count - i)
            d = plane * w[W_STRIDE] + kd
            h = line * w[W_STRIDE + 1] + kh
            if 0 <= d < w[W_SIZE] and 0 <= h < w[W_SIZE + 1]:
                begin = min(max(low - j, <Py_ssize_t> 0), n)
                end = max(min(high - j, n), begin)
                source = image + (r // window * volume + d * area + h * w[W_SIZE + 2]
                                  + kw + (j + begin) * stride)
                if back:
                    put_steps(out + i + begin, stride, add, source, end - begin)
                else:
                    clear(out + i, begin)
                    copy_steps(source, stride, out + i + begin, end - begin)
                    clear(out + i + end, n - end)
            elif not back:
                clear(out + i, n)
            i += n
            j = 0
            line += 1
            if line == height:
                line = 0
                plane += 1
        out += step


cdef void pack_windows(
    const floating* x, const Py_ssize_t* w, floating* out, Py_ssize_t first_row, Py_ssize_t rows,
    Py_ssize_t first, Py_ssize_t count, Py_ssize_t step
) noexcept nogil:
    each_row(w, False, False, <floating*> x, out, first_row, rows, first, count, step)


cdef void put_windows(
    const floating* x, const Py_ssize_t* w, floating* out, Py_ssize_t first_row, Py_ssize_t rows,
    Py_ssize_t first, Py_ssize_t count, Py_ssize_t step, bint add
) noexcept nogil:
    if add:
        each_row(w, True, True, out, <floating*> x, first_row, rows, first, count, step)
    else:
        each_row(w, True, False, out, <floating*> x, first_row, rows, first, count, step)


cdef inline void spread_phase(
    const floating* x, const Py_ssize_t* w, floating* out, bint inside, Py_ssize_t h,
    Py_ssize_t height, Py_ssize_t width, Py_ssize_t low, Py_ssize_t high
) noexcept nogil:
    """Lines of one phase: x's numbers from low to high, or 0 outside of the image."""
    cdef Py_ssize_t r
    for r in range(height):
        if inside and 0 <= h < w[W_SIZE + 1]:
            clear(out, low)
            copy_steps(x + h * w[W_SIZE + 2], w[W_STRIDE + 2], out + low, high - low)
            clear(out + high, width - high)
        else:
            clear(out, width)
        out += width
        h += w[W_STRIDE + 1]


cdef void spread_windows(
    const floating* x, const Py_ssize_t* w, floating* out, Py_ssize_t channels, Py_ssize_t plane,
    Py_ssize_t first, Py_ssize_t rows, Py_ssize_t height, Py_ssize_t width
) noexcept nogil:
    cdef Py_ssize_t area = w[W_SIZE + 1] * w[W_SIZE + 2], volume = w[W_SIZE] * area
    cdef Py_ssize_t phases = min(w[W_STRIDE + 1], (w[W_KERNEL + 1] - 1) * w[W_DILATE + 1] + 1)
    cdef Py_ssize_t across = min(w[W_STRIDE + 2], (w[W_KERNEL + 2] - 1) * w[W_DILATE + 2] + 1)
    cdef Py_ssize_t stride = w[W_STRIDE + 2], c, k, i, j, d, start, low, high
    for j in range(across):
        start = j - w[W_PAD + 2]
        low = min(width, first_inside(start, stride))
        high = max(low, min(width, end_inside(start, stride, w[W_SIZE + 2])))
        for c in range(channels):
            for k in range(w[W_KERNEL]):
                d = plane * w[W_STRIDE] - w[W_PAD] + k * w[W_DILATE]
                for i in range(phases):
                    spread_phase(
                        x + c * volume + d * area + start + low * stride, w,
                        out + (((c * w[W_KERNEL] + k) * phases + i) * across + j) * height * width,
                        0 <= d < w[W_SIZE], first * w[W_STRIDE + 1] + i - w[W_PAD + 1], height,
                        width, low, high)


cdef inline void slide_strip(
    int filters, const floating* x, const Py_ssize_t* offset, const floating* w,
    const floating* bias, floating* y, Py_ssize_t places, Py_ssize_t w_step, Py_ssize_t y_step,
    Py_ssize_t rows, Py_ssize_t x_row, Py_ssize_t y_row, Py_ssize_t n, bint with_relu
) noexcept nogil:
    """Some rows of at most a strip of places, some vectors at a time.

    The sums of two vectors of 6 filters are as many as registers hold.
    """
    cdef Py_ssize_t i = 0, lanes = lanes_of(x)
    cdef int most = 2 if filters == 6 else 3
    while n - i > (most - 1) * lanes:
        window_rows(filters, most, places, x + i, offset, w, w_step, bias, with_relu, y + i,
                    y_step, rows, x_row, y_row)
        i += most * lanes
    if most == 3 and n - i > lanes:
        window_rows(filters, 2, places, x + i, offset, w, w_step, bias, with_relu, y + i, y_step,
                    rows, x_row, y_row)
    elif n > i:
        window_rows(filters, 1, places, x + i, offset, w, w_step, bias, with_relu, y + i, y_step,
                    rows, x_row, y_row)


cdef inline void slide_filters(
    const floating* x, const Py_ssize_t* offset, const floating* w, const floating* bias,
    floating* y, Py_ssize_t filters, Py_ssize_t places, Py_ssize_t w_step, Py_ssize_t y_step,
    Py_ssize_t rows, Py_ssize_t x_row, Py_ssize_t y_row, Py_ssize_t n, bint with_relu
) noexcept nogil:
    cdef Py_ssize_t f = filters % 4, done, step = 0 if bias is NULL else 1
    cdef bint tall = lanes_of(x) * sizeof(floating) == 64       # then there are twice the registers
    if f == 2 and filters > 2:
        f = 6
        slide_strip(6, x, offset, w, bias, y, places, w_step, y_step, rows, x_row, y_row, n,
                    with_relu)
    elif f == 2:
        slide_strip(2, x, offset, w, bias, y, places, w_step, y_step, rows, x_row, y_row, n,
                    with_relu)
    elif f == 3:
        slide_strip(3, x, offset, w, bias, y, places, w_step, y_step, rows, x_row, y_row, n,
                    with_relu)
    elif f == 1:
        slide_strip(1, x, offset, w, bias, y, places, w_step, y_step, rows, x_row, y_row, n,
                    with_relu)
    while f < filters:
        done = 8 if tall and (filters - f) % 8 == 0 else 4
        if done == 8:
            slide_strip(8, x, offset, w + f, bias + f * step, y + f * y_step, places, w_step,
                        y_step, rows, x_row, y_row, n, with_relu)
        else:
            slide_strip(4, x, offset, w + f, bias + f * step, y + f * y_step, places, w_step,
                        y_step, rows, x_row, y_row, n, with_relu)
        f += done


cdef void slide(
    const floating* x, const Py_ssize_t* offset, const floating* w, const floating* bias,
    floating* y, Py_ssize_t filters, Py_ssize_t places, Py_ssize_t w_step, Py_ssize_t y_step,
    Py_ssize_t rows, Py_ssize_t x_row, Py_ssize_t y_row, Py_ssize_t n, bint with_relu
) noexcept nogil:
    cdef Py_ssize_t i, strip = 6 * lanes_of(x)
    for i in range((n + strip - 1) // strip):
        slide_filters(x + i * strip, offset, w, bias, y + i * strip, filters, places, w_step,
                      y_step, rows, x_row, y_row, min(strip, n - i * strip), with_relu)


cdef inline void dots_of(
    int filters, const floating* x, const Py_ssize_t* offset, const floating* g, floating* sums,
    Py_ssize_t places, Py_ssize_t g_step, Py_ssize_t rows, Py_ssize_t x_row, Py_ssize_t g_row,
    Py_ssize_t n
) noexcept nogil:
    cdef Py_ssize_t k
    for k in range(places // 3):
        window_dots(filters, 3, rows, n, g, g_step, g_row, x, x_row, offset + 3 * k,
                    sums + 3 * k * lanes_of(x), places)
    for k in range(places // 3 * 3, places):
        window_dots(filters, 1, rows, n, g, g_step, g_row, x, x_row, offset + k,
                    sums + k * lanes_of(x), places)


cdef void slide_grad(
    const floating* x, const Py_ssize_t* offset, const floating* g, floating* sums,
    Py_ssize_t filters, Py_ssize_t places, Py_ssize_t g_step, Py_ssize_t rows, Py_ssize_t x_row,
    Py_ssize_t g_row, Py_ssize_t n
) noexcept nogil:
    cdef Py_ssize_t f = 0, step = places * lanes_of(x)
    if lanes_of(x) * sizeof(floating) == 64:
        while f + 8 <= filters:
            dots_of(8, x, offset, g + f * g_step, sums + f * step, places, g_step, rows, x_row,
                    g_row, n)
            f += 8
        if f + 6 <= filters:
            dots_of(6, x, offset, g + f * g_step, sums + f * step, places, g_step, rows, x_row,
                    g_row, n)
            f += 6
    while f + 4 <= filters:
        dots_of(4, x, offset, g + f * g_step, sums + f * step, places, g_step, rows, x_row, g_row,
                n)
        f += 4
    if f + 2 <= filters:
        dots_of(2, x, offset, g + f * g_step, sums + f * step, places, g_step, rows, x_row, g_row,
                n)
        f += 2
    if f < filters:
        dots_of(1, x, offset, g + f * g_step, sums + f * step, places, g_step, rows, x_row, g_row,
                n)


cdef void sum_vectors(const floating* x, floating* out, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i, j, lanes = lanes_of(x)
    cdef floating total
    for i in range(n):
        total = 0
        for j in range(lanes):
            total += x[i * lanes + j]
        out[i] += total


cdef void place_rows(
    const floating* x, const floating* bias, floating* out, Py_ssize_t x_step, Py_ssize_t x_row,
    Py_ssize_t out_step, Py_ssize_t out_row, Py_ssize_t filters, Py_ssize_t rows, Py_ssize_t width,
    bint accumulate, bint with_relu
) noexcept nogil:
    cdef Py_ssize_t f, r, i
    cdef const floating* source
    cdef floating* target
    cdef floating b
    for f in range(filters):
        b = bias[f] if bias is not NULL else 0
        for r in range(rows):
            source = x + f * x_step + r * x_row
            target = out + f * out_step + r * out_row
            if accumulate:
                for i in range(width):
                    target[i] += source[i]
            elif bias is NULL and not with_relu:
                for i in range(width):
                    target[i] = source[i]
            elif bias is NULL:
                for i in range(width):
                    target[i] = relu(source[i])
            elif with_relu:
                for i in range(width):
                    target[i] = relu(source[i] + b)
            else:
                for i in range(width):
                    target[i] = source[i] + b
