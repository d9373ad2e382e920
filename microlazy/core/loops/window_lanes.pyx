"""Sums over windows directly, of as many images at once as a vector has lanes.

A block is some lines of some images, transposed: place by place, with the images side by side. All
windows of a line are neighbours then, however short it is, and no sum is made between lines. What a
line sees to its right and what the next one sees to its left are the same zeros. Rows of a window
that lie outside of the images are left out, so the filters are put in the order (row, channel,
column).
"""

from cython cimport floating
from libc.string cimport memcpy, memset
from microlazy.core.kernels.select cimport kernels
from microlazy.core.kernels.table cimport *
from microlazy.core.loops.window_sums cimport MOST_LINES, is_thin
from microlazy.core.loops.windows cimport *
from microlazy.core.tensor cimport FLOAT32, INT64, ND, Tensor, new

cdef enum:
    AT_HAND = 1 << 8              # vectors of results' gradients that stay in the nearest cache


cdef bint plan_lanes(Job* job, Py_ssize_t lines) noexcept nogil:
    cdef const Sizes* s = &job.s
    cdef Py_ssize_t lanes = kernels.lanes[job.dtype], across = s.w[W_COUNT + 2]
    cdef Py_ssize_t blocks = divided_up(s.batch, lanes), below = reach_of(s, 1)
    cdef Py_ssize_t left = s.w[W_PAD + 2], width, line, least, most
    cdef Py_ssize_t right = max(<Py_ssize_t>0, across + reach_of(s, 2) - left - s.w[W_SIZE + 2])
    if (not is_thin(s) or s.w[W_SIZE] != 1 or s.w[W_COUNT] != 1 or s.w[W_KERNEL] != 1
            or s.w[W_PAD] != 0 or s.w[W_STRIDE + 1] != 1 or s.w[W_STRIDE + 2] != 1):
        return False
    if s.batch * lines < blocks * lanes * s.count:
        return False
    width = s.w[W_SIZE + 2] + max(left, right)
    line = lanes * (s.channels * width + s.filters * across)
    least = line + lanes * (left + below * s.channels * width)
    if least > MOST_LINES:
        return False
    job.width = width
    most = 1 + (MOST_LINES - least) // line
    job.together = 2 if most > 1 and s.w[W_COUNT + 1] % 2 == 0 else 1     # for what is pooled
    job.across = divided_up(s.w[W_COUNT + 1] // job.together, most // job.together)
    while blocks * job.across < FEW and s.w[W_COUNT + 1] > 4 * job.across:
        job.across *= 2                             # as many for each of two threads
    job.images = lanes
    job.lines = divided_up(s.w[W_COUNT + 1] // job.together, job.across) * job.together
    job.height = job.lines + below
    job.blocks = blocks * job.across
    job.length = (job.lines * across + 1) * lanes       # no multiple of a cache's size
    job.panel = (left + s.channels * job.height * job.width) * lanes
    job.sums = s.filters * job.length
    job.steps = 1
    job.alike = True
    return True


cdef Tensor offsets_of(Job* job, bint by_rows):
    """Where in a block each place of its first window is, in the filters' order or by rows."""
    cdef const Sizes* s = &job.s
    cdef Py_ssize_t high = s.w[W_KERNEL + 1], wide = s.w[W_KERNEL + 2], c, i, j
    cdef Tensor owner = new(ND, INT64, 1, &s.places)
    job.offset = <Py_ssize_t*>owner.data
    for c in range(s.channels):
        for i in range(high):
            for j in range(wide):
                job.offset[((i * s.channels + c) if by_rows else (c * high + i)) * wide + j] = (
                    job.images * ((c * job.height + i * s.w[W_DILATE + 1]) * job.width
                                  + j * s.w[W_DILATE + 2]))
    return owner


cdef inline void order_by_rows(const Sizes* s, const floating* w, floating* out) noexcept nogil:
    """The filters of each group, side by side: (row, channel, column, filter)."""
    cdef Py_ssize_t high = s.w[W_KERNEL + 1], wide = s.w[W_KERNEL + 2], _, f, c, i, j
    for _ in range(s.groups):
        for f in range(s.filters):
            for c in range(s.channels):
                for i in range(high):
                    for j in range(wide):
                        out[((i * s.channels + c) * wide + j) * s.filters + f] = (
                            w[(c * high + i) * wide + j])
            w += s.places
        out += s.filters * s.places


cdef inline Py_ssize_t lines_before(const Job* job, Py_ssize_t part) noexcept nogil:
    return part * (job.s.w[W_COUNT + 1] // job.together) // job.across * job.together


cdef Py_ssize_t lay_images_out(const Job* job, Py_ssize_t task, Py_ssize_t group,
                               Py_ssize_t* first, Py_ssize_t* lines, Py_ssize_t* images,
                               char* scratch) noexcept nogil:
    """Lay a block of lines out, with zeros around; returns where in the results it begins."""
    cdef const Sizes* s = &job.s
    cdef Py_ssize_t image = task // job.across * job.images, size = job.size, lanes = job.images
    cdef Py_ssize_t wide = s.w[W_SIZE + 2], step = s.groups * s.channels * s.volume * size
    cdef Py_ssize_t top, low, high, c, h
    cdef char* x = at(job.x, (image * s.groups + group) * s.channels * s.volume, size)
    cdef char* out
    first[0] = lines_before(job, task % job.across)
    lines[0] = lines_before(job, task % job.across + 1) - first[0]
    images[0] = min(lanes, s.batch - image)
    top = first[0] - s.w[W_PAD + 1]
    low = min(max(<Py_ssize_t>0, top), s.w[W_SIZE + 1])
    high = max(low, min(s.w[W_SIZE + 1], top + job.height))
    if job.width != wide or low != top or high != top + job.height or images[0] < lanes:
        memset(scratch, 0, job.panel * size)
    scratch = at(scratch, s.w[W_PAD + 2] * lanes, size)
    for c in range(s.channels):
        out = at(scratch, (c * job.height + low - top) * job.width * lanes, size)
        if job.width == wide:
            kernels.transpose[job.dtype](at(x, low * wide, size), step, out, lanes,
                                         (high - low) * wide, images[0])
        else:
            for h in range(low, high):
                kernels.transpose[job.dtype](at(x, h * wide, size), step, out, lanes, wide,
                                             images[0])
                out = at(out, job.width * lanes, size)
        x = at(x, s.volume, size)
    return (image * s.groups + group) * s.filters * s.count + first[0] * s.w[W_COUNT + 2]


cdef inline char* kept_at(const Job* job, Py_ssize_t start) noexcept nogil:
    """What is kept of a filter's results, which begin at start in a block's first image."""
    cdef const Sizes* s = &job.s
    cdef Py_ssize_t of_image = s.groups * s.filters * s.count
    if job.pool.kept is NULL:
        return NULL
    return at(job.pool.kept, start // of_image * of_image + start % of_image * job.images, job.size)


cdef inline Py_ssize_t pooled_from(const Sizes* s, Py_ssize_t start) noexcept nogil:
    """Where what is pooled of whole lines begins, from where their results do."""
    cdef Py_ssize_t line = s.w[W_COUNT + 2]
    return start // s.count * (s.count // 4) + start % s.count // (2 * line) * (line // 2)


cdef void lay_results_out(const Job* job, Py_ssize_t start, Py_ssize_t filters, Py_ssize_t lines,
                          Py_ssize_t images, char* out, char* turned) noexcept nogil:
    """Lay the gradient of some filters' lines out, which begin at start, pooled or not."""
    cdef const Sizes* s = &job.s
    cdef Py_ssize_t line = s.w[W_COUNT + 2], size = job.size, n = lines * line, count = s.count, f
    cdef char* y = at(job.y, start, size)
    cdef char* to
    if job.pool is not NULL:
        n, count = n // 4, count // 4
        y = at(job.y, pooled_from(s, start), size)
    for f in range(filters):
        to = at(out, f * job.length, size)
        if job.pool is not NULL:
            to = turned
        if images < job.images:
            memset(to, 0, n * job.images * size)
        kernels.transpose[job.dtype](at(y, f * count, size), s.groups * s.filters * count * size,
                                     to, job.images, n, images)
        if job.pool is not NULL:
            unpool(job, turned, kept_at(job, start + f * s.count), lines,
                   at(out, f * job.length, size))


cdef void unpool(const Job* job, const char* pooled, const char* kept, Py_ssize_t lines,
                 char* out) noexcept nogil:
    """The gradient of lines of results, from that of what was pooled of a function of them."""
    cdef Py_ssize_t line = job.s.w[W_COUNT + 2]
    kernels.spread_lanes[job.dtype](pooled, out, lines // 2, line // 2, job.images, job.pool.divide)
    if job.pool.function >= 0:
        kernels.unary_grad[job.dtype](job.pool.function, kept, kept, out, out, False,
                                      lines * line * job.images)


cdef void add_slopes(const Job* job, const char* slopes, Py_ssize_t filters, Py_ssize_t n,
                     char* sums) noexcept nogil:
    """Add n numbers of some filters' lines to the bias' gradient."""
    cdef double room
    cdef Py_ssize_t f
    for f in range(filters):
        kernels.reduce_rows[job.dtype](R_SUM, at(<char*>slopes, f * job.length, job.size),
                                       <char*>&room, 1, n)
        kernels.add_to[job.dtype](<char*>&room, at(sums, f, job.size), 1)


cdef void turn_back(const Job* job, const char* x, Py_ssize_t count, char* out, Py_ssize_t step,
                    Py_ssize_t images, bint accumulate, char* turned) noexcept nogil:
    """out (+)= `count` numbers of each image, which is `step` numbers behind the one before."""
    kernels.transpose[job.dtype](x, job.images * job.size, turned if accumulate else out,
                                 count if accumulate else step, images, count)
    if accumulate:
        kernels.place_rows[job.dtype](turned, NULL, out, count, 0, step, 0, images, 1, count, True,
                                      False)


cdef void store_pooled(const Job* job, char* sums, Py_ssize_t filters, Py_ssize_t start,
                       Py_ssize_t lines, Py_ssize_t images, char* pooled) noexcept nogil:
    """Store what is pooled of some filters' lines, which begin at start, and keep them."""
    cdef const Sizes* s = &job.s
    cdef Py_ssize_t line = s.w[W_COUNT + 2], n = lines * line, count = s.count // 4, f
    cdef char* y = at(job.y, pooled_from(s, start), job.size)
    cdef char* x
    cdef char* kept
    for f in range(filters):
        x = kept = at(sums, f * job.length, job.size)
        if job.pool.kept is not NULL:
            kept = kept_at(job, start + f * s.count)
        if job.pool.function >= 0 and not job.relu:
            kernels.unary[job.dtype](job.pool.function, x, kept, n * job.images)
        elif kept is not x:
            memcpy(kept, x, n * job.images * job.size)
        kernels.pool_lanes[job.dtype](kept, pooled, lines // 2, line // 2, job.images,
                                      job.pool.divide)
        turn_back(job, pooled, n // 4, at(y, f * count, job.size), s.groups * s.filters * count,
                  images, False, NULL)


cdef void store_lanes(const Job* job, char* sums, Py_ssize_t filters, Py_ssize_t start,
                      Py_ssize_t lines, Py_ssize_t images, char* turned,
                      char* scratch) noexcept nogil:
    """Store some filters' lines, which begin at start."""
    cdef const Sizes* s = &job.s
    cdef Py_ssize_t size = job.size, step = s.groups * s.filters * s.count, f, i
    cdef Py_ssize_t count = lines * s.w[W_COUNT + 2]
    if job.pool is not NULL:
        store_pooled(job, sums, filters, start, lines, images, turned)
        return
    for f in range(filters):
        if job.tail is NULL:
            turn_back(job, at(sums, f * job.length, size), count,
                      at(job.y, start + f * s.count, size), step, images, job.accumulate, turned)
            continue
        kernels.transpose[job.dtype](at(sums, f * job.length, size), job.images * size, turned,
                                     count, images, count)
        for i in range(images):
            finish(job, at(turned, i * count, size), start + f * s.count + i * step, count, scratch)


cdef void lanes_block(const Job* job, Py_ssize_t task, char* scratch) noexcept nogil:
    """The results of one group in one block of lines."""
    cdef const Sizes* s = &job.s
    cdef Py_ssize_t group = task % s.groups, size = job.size, lanes = job.images
    cdef Py_ssize_t across = s.w[W_COUNT + 2], row = s.places // s.w[W_KERNEL + 1]
    cdef Py_ssize_t dilate = s.w[W_DILATE + 1]
    cdef Py_ssize_t first, lines, images, start, r, low, high, top
    cdef char* sums = at(scratch, job.panel, size)
    cdef char* turned = at(sums, job.sums, size)
    cdef char* w = at(job.w, group * s.filters * s.places, size)
    cdef const char* bias = NULL if job.bias is NULL else job.bias + group * s.filters * size
    start = lay_images_out(job, task // s.groups, group, &first, &lines, &images, scratch)
    for r in range(lines):
        top = first + r - s.w[W_PAD + 1]
        low = 0 if top >= 0 else divided_up(-top, dilate)
        high = 0 if top >= s.w[W_SIZE + 1] else (s.w[W_SIZE + 1] - 1 - top) // dilate + 1
        high = min(high, s.w[W_KERNEL + 1])
        low = min(low, high)
        kernels.slide[job.dtype](
            at(scratch, r * job.width * lanes, size), job.offset + low * row,
            at(w, low * row * s.filters, size), bias, at(sums, r * across * lanes, size), s.filters,
            (high - low) * row, s.filters, job.length, 1, 0, 0, across * lanes, job.relu)
    store_lanes(job, sums, s.filters, start, lines, images, turned, scratch)


cdef int convolve_lanes(Job* job) except -1:
    cdef Py_ssize_t n = job.s.groups * job.s.filters * job.s.places
    cdef Tensor filters = new(ND, job.dtype, 1, &n)
    _owner = offsets_of(job, True)
    if job.dtype == FLOAT32:
        order_by_rows(&job.s, <const float*>job.w, <float*>filters.data)
    else:
        order_by_rows(&job.s, <const double*>job.w, <double*>filters.data)
    job.w = filters.data
    job.tasks = job.blocks * job.s.groups
    return run_tasks(job, lanes_block, job.panel + job.sums
                     + (job.length if job.accumulate or job.tail is not NULL
                        or job.pool is not NULL else 0), False)


cdef void lanes_back(const Job* job, Py_ssize_t task, char* scratch) noexcept nogil:
    """The gradient of one group's filters and bias, from a part of the blocks."""
    cdef const Sizes* s = &job.s
    cdef Py_ssize_t group = task % s.groups, part = task // s.groups, size = job.size
    cdef Py_ssize_t lanes = job.images, across = s.w[W_COUNT + 2] * lanes
    cdef Py_ssize_t block, first, lines, images, start, r, f
    cdef Py_ssize_t rows = max(<Py_ssize_t>1, AT_HAND // (min(s.filters, 8) * s.w[W_COUNT + 2]))
    cdef char* slopes = at(scratch, job.panel, size)
    cdef char* sums = at(slopes, job.sums, size)
    cdef char* turned = at(sums, lanes * s.filters * s.places, size)
    cdef char* w = NULL if job.w is NULL else (
        at(job.w, (part * s.groups + group) * s.filters * s.places, size))
    cdef char* bias_sums = NULL
    memset(sums, 0, lanes * s.filters * s.places * size)
    if job.to.bias is not NULL:
        bias_sums = at(job.bias_sums, (part * s.groups + group) * s.filters, size)
        memset(bias_sums, 0, s.filters * size)
    for block in range(part * job.blocks // job.parts, (part + 1) * job.blocks // job.parts):
        start = lay_images_out(job, block, group, &first, &lines, &images, scratch)
        lay_results_out(job, start, s.filters, lines, images, slopes, turned)
        if job.to.bias is not NULL:
            add_slopes(job, slopes, s.filters, lines * across, bias_sums)
        if job.to.slopes is not NULL:
            for f in range(s.filters):
                turn_back(job, at(slopes, f * job.length, size), lines * s.w[W_COUNT + 2],
                          at(job.to.slopes, start + f * s.count, size),
                          s.groups * s.filters * s.count, images, False, NULL)
        r = 0
        while r < lines and job.w is not NULL:
            kernels.slide_grad[job.dtype](
                at(scratch, r * job.width * lanes, size), job.offset,
                at(slopes, r * across, size), sums, s.filters, s.places, job.length,
                min(rows, lines - r), job.width * lanes, across, across)
            r += rows
    if job.w is not NULL:
        if not (job.accumulate and job.parts == 1):
            memset(w, 0, s.filters * s.places * size)
        kernels.sum_vectors[job.dtype](sums, w, s.filters * s.places)


cdef int gradients_in_lanes(Job* job) except -1:
    _owner = offsets_of(job, False)
    job.w, job.accumulate = job.to.w, job.to.add_w
    divide_sum(job)
    return sum_parts(job, lanes_back, job.panel + job.sums
                     + job.images * job.s.filters * job.s.places + job.length, False)
