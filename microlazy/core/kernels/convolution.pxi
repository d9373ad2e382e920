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
    int filters, int vectors, const floating* x, const Py_ssize_t* offset, const floating* w,
    floating* y, Py_ssize_t places, Py_ssize_t w_step, Py_ssize_t y_step, Py_ssize_t n
) noexcept nogil:
    """At most a strip of places, some vectors at a time."""
    cdef Py_ssize_t i = 0
    while i < n:
        window_tile(filters, vectors, places, x + i, offset, w, w_step, y + i, y_step)
        i += vectors * lanes_of(x)


cdef inline void slide_tall(
    const floating* x, const Py_ssize_t* offset, const floating* w, floating* y,
    Py_ssize_t places, Py_ssize_t w_step, Py_ssize_t y_step, Py_ssize_t n
) noexcept nogil:
    """At most a strip of places, and 8 filters."""
    cdef Py_ssize_t i = 0, lanes = lanes_of(x)
    while n - i > 2 * lanes:
        window_tile(8, 3, places, x + i, offset, w, w_step, y + i, y_step)
        i += 3 * lanes
    if n - i > lanes:
        window_tile(8, 2, places, x + i, offset, w, w_step, y + i, y_step)
    elif n > i:
        window_tile(8, 1, places, x + i, offset, w, w_step, y + i, y_step)


cdef void slide(
    const floating* x, const Py_ssize_t* offset, const floating* w, floating* y,
    Py_ssize_t filters, Py_ssize_t places, Py_ssize_t w_step, Py_ssize_t y_step, Py_ssize_t n
) noexcept nogil:
    cdef Py_ssize_t f, i, strip = 6 * lanes_of(x), count
    cdef bint tall = lanes_of(x) * sizeof(floating) == 64       # then there are twice the registers
    for i in range((n + strip - 1) // strip):
        count = min(strip, n - i * strip)
        f = filters % 4
        if f == 2 and filters > 2:
            f = 6
            slide_strip(6, 2, x + i * strip, offset, w, y + i * strip, places, w_step, y_step,
                        count)
        elif f == 2:
            slide_strip(2, 3, x + i * strip, offset, w, y + i * strip, places, w_step, y_step,
                        count)
        elif f == 3:
            slide_strip(3, 3, x + i * strip, offset, w, y + i * strip, places, w_step, y_step,
                        count)
        elif f == 1:
            slide_strip(1, 3, x + i * strip, offset, w, y + i * strip, places, w_step, y_step,
                        count)
        if tall and (filters - f) % 8:
            slide_strip(4, 3, x + i * strip, offset, w + f * w_step, y + f * y_step + i * strip,
                        places, w_step, y_step, count)
            f += 4
        while tall and f < filters:
            slide_tall(x + i * strip, offset, w + f * w_step, y + f * y_step + i * strip, places,
                       w_step, y_step, count)
            f += 8
        while f < filters:
            slide_strip(4, 3, x + i * strip, offset, w + f * w_step, y + f * y_step + i * strip,
                        places, w_step, y_step, count)
            f += 4


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


# Minimal filtering; mathtiles.h has the transforms, of LINE matrices at once.

cdef enum:
    LINE = 16


cdef inline void transform_tiles(
    int which, int before, int after, bint add, const floating* x, Py_ssize_t x_row,
    Py_ssize_t x_step, Py_ssize_t x_line, floating* out, Py_ssize_t out_row, Py_ssize_t out_step,
    Py_ssize_t out_line, Py_ssize_t n
) noexcept nogil:
    """out (+)= m x m^T for n matrices, LINE of them side by side; m is after by before."""
    cdef floating source[6 * 6 * LINE]
    cdef floating target[6 * 6 * LINE]
    cdef Py_ssize_t line, count = n % LINE
    cdef int i, j, p
    for line in range(n // LINE):
        transform_tile(which, before, after, add, x, x_row, x_step, out, out_row, out_step)
        x += x_line
        out += out_line
    if count == 0:
        return
    clear(source, 6 * 6 * LINE)
    for i in range(before):
        for j in range(before):
            for p in range(<int> count):
                source[(i * before + j) * LINE + p] = x[i * x_row + j * x_step + p]
    transform_tile(which, before, after, False, source, before * LINE, LINE, target, after * LINE,
                   LINE)
    for i in range(after):
        for j in range(after):
            for p in range(<int> count):
                out[i * out_row + j * out_step + p] = target[(i * after + j) * LINE + p] + (
                    out[i * out_row + j * out_step + p] if add else 0)


cdef void winograd(
    int which, const floating* x, Py_ssize_t x_row, Py_ssize_t x_step, Py_ssize_t x_line,
    floating* out, Py_ssize_t out_row, Py_ssize_t out_step, Py_ssize_t out_line, Py_ssize_t n
) noexcept nogil:
    if which == TILE_IMAGES:
        transform_tiles(TILE_IMAGES, 6, 6, False, x, x_row, x_step, x_line, out, out_row, out_step,
                        out_line, n)
    elif which == TILE_FILTERS:
        transform_tiles(TILE_FILTERS, 3, 6, False, x, x_row, x_step, x_line, out, out_row,
                        out_step, out_line, n)
    elif which == TILE_RESULTS:
        transform_tiles(TILE_RESULTS, 6, 4, False, x, x_row, x_step, x_line, out, out_row,
                        out_step, out_line, n)
    elif which == TILE_RESULTS_BACK:
        transform_tiles(TILE_RESULTS_BACK, 4, 6, False, x, x_row, x_step, x_line, out, out_row,
                        out_step, out_line, n)
    elif which == TILE_FILTERS_BACK:
        transform_tiles(TILE_FILTERS_BACK, 6, 3, False, x, x_row, x_step, x_line, out, out_row,
                        out_step, out_line, n)
    elif which == TILE_FIVES:
        transform_tiles(TILE_FIVES, 5, 6, False, x, x_row, x_step, x_line, out, out_row, out_step,
                        out_line, n)
    elif which == TILE_FIVES_BACK:
        transform_tiles(TILE_FIVES_BACK, 6, 5, False, x, x_row, x_step, x_line, out, out_row,
                        out_step, out_line, n)
    elif which == TILE_PAIRS:
        transform_tiles(TILE_PAIRS, 6, 2, False, x, x_row, x_step, x_line, out, out_row, out_step,
                        out_line, n)
    elif which == TILE_PAIRS_BACK:
        transform_tiles(TILE_PAIRS_BACK, 2, 6, False, x, x_row, x_step, x_line, out, out_row,
                        out_step, out_line, n)
    else:
        transform_tiles(TILE_IMAGES_BACK, 6, 6, True, x, x_row, x_step, x_line, out, out_row,
                        out_step, out_line, n)
