"""Minimal filtering (Winograd 1980; Lavin & Gray 2016) of 5 by 5 filters, images side by side.

A tile of 2 by 2 results is found from 6 by 6 numbers of each channel by 36 multiplications where
plain sums make 100. A block is 16 images, transposed as for sums of lanes. The tiles of a line are
transformed, so that each of their 36 places is a row of neighbours for each channel: direct sums
over the channels are what is left to do. This is for few channels and few filters, in float32. It
rounds to some 1e-5 of the largest number, where plain sums come to 1e-6.
"""

from libc.string cimport memset
from microlazy.core.kernels.select cimport kernels
from microlazy.core.kernels.table cimport *
from microlazy.core.loops.window_lanes cimport (
    SLACK, lay_images_out, lay_results_out, store_lanes, turn_back,
)
from microlazy.core.loops.window_sums cimport MOST_LINES, is_thin
from microlazy.core.loops.windows cimport *
from microlazy.core.tensor cimport FLOAT32, INT64, ND, Tensor, new

cdef enum:
    PLACES = 36                   # of a tile, as images are seen
    FILTER = 25                   # places in a filter
    SPARED = 15                   # multiplications for a result, a channel and a filter
    OF_CHANNEL = 73               # multiplications that take as long as transforming the images
    OF_FILTER = 39                # and the results; these were measured
    MOST_TILES = 1 << 17          # numbers in transformed tiles that stay in the second cache
    SHARED = 4                    # tasks into which few images are divided
    FEWEST_FILTERS = 8            # of a task
    FEWEST_CHANNELS = 3


cdef bint plan_lane_tiles(Job* job) noexcept nogil:
    cdef const Sizes* s = &job.s
    cdef Py_ssize_t lines
    cdef int axis
    job.blocks = divided_up(s.batch, WHOLE)
    if (job.dtype != FLOAT32 or not is_thin(s) or 5 * s.batch < 4 * WHOLE * job.blocks
            or SPARED * s.channels * s.filters < OF_CHANNEL * s.channels + OF_FILTER * s.filters
            or s.w[W_SIZE] != 1 or s.w[W_KERNEL] != 1 or s.w[W_COUNT] != 1 or s.w[W_PAD] != 0):
        return False
    for axis in range(1, MAX_AXES):
        if (s.w[W_KERNEL + axis] != 5 or s.w[W_STRIDE + axis] != 1 or s.w[W_DILATE + axis] != 1
                or s.w[W_COUNT + axis] % 2):
            return False
    job.images = WHOLE
    job.across = 1
    job.lines = s.w[W_COUNT + 1]
    job.height = s.w[W_COUNT + 1] + 4
    job.width = s.w[W_COUNT + 2] + 4
    job.span = s.w[W_COUNT + 2] // 2
    job.panel = (s.channels * job.height * job.width + SLACK) * WHOLE
    job.length = s.count * WHOLE
    job.sums = s.filters * job.length
    if job.panel + job.sums > MOST_LINES or PLACES * length_of(job, 1) * (
            s.channels + s.filters) > MOST_TILES:
        return False
    lines = job.lines // 2
    while PLACES * length_of(job, lines) * (s.channels + s.filters) > MOST_TILES:
        lines -= 1
    job.rows = lines
    return True


cdef inline Py_ssize_t length_of(const Job* job, Py_ssize_t lines) noexcept nogil:
    """Numbers of a place of some lines of tiles, and what a tile of sums may take too many."""
    return (lines * job.span + SLACK - 1) * WHOLE


cdef inline Py_ssize_t place_of(const Job* job, Py_ssize_t lines, Py_ssize_t n) noexcept nogil:
    """Numbers of a place of n channels or filters; no multiple of a cache's size."""
    return n * length_of(job, lines) + WHOLE


cdef Tensor offsets_of(Job* job, Py_ssize_t lines):
    """Where the channels, or filters, of a place begin."""
    cdef Py_ssize_t n = max(job.s.channels, job.s.filters), i
    cdef Tensor owner = new(ND, INT64, 1, &n)
    job.offset = <Py_ssize_t*>owner.data
    for i in range(n):
        job.offset[i] = i * length_of(job, lines)
    return owner


cdef inline void transform_packed(const Job* job, int which, int before, int after, const char* x,
                                  char* out, Py_ssize_t n) noexcept nogil:
    """Transform n matrices side by side, of before by before numbers, to after by after."""
    kernels.winograd[job.dtype](which, x, before * n, n, out, after * n, n, n)


cdef inline void transform_line(
    const Job* job, int which, const char* x, Py_ssize_t x_row, Py_ssize_t x_step,
    Py_ssize_t x_tile, char* out, Py_ssize_t out_row, Py_ssize_t out_step, Py_ssize_t out_tile
) noexcept nogil:
    """Transform a line of tiles of the images side by side, from x_tile to out_tile numbers."""
    cdef Py_ssize_t _
    for _ in range(job.span):
        kernels.winograd[job.dtype](which, x, x_row, x_step, out, out_row, out_step, WHOLE)
        x += x_tile * job.size
        out += out_tile * job.size


cdef inline void add_bias(const Job* job, char* sums, Py_ssize_t first, Py_ssize_t count,
                          Py_ssize_t n) noexcept nogil:
    """Add the bias to n numbers of some filters, or channels, and take relu."""
    cdef const char* bias = job.bias
    if bias is not NULL:
        bias += first * job.size
    if bias is not NULL or job.relu:
        kernels.place_rows[job.dtype](sums, bias, sums, n, 0, n, 0, count, 1, n, False, job.relu)


cdef Tensor transform_filters(Job* job, bint by_channels):
    """The filters' transforms: (group, place, filter, channel), or channels before filters."""
    cdef const Sizes* s = &job.s
    cdef Py_ssize_t pairs = s.filters * s.channels, size = job.size, group, c
    cdef Py_ssize_t all_pairs = s.groups * PLACES * pairs, n = FILTER * pairs
    cdef Tensor turned = new(ND, job.dtype, 1, &n), transformed = new(ND, job.dtype, 1, &all_pairs)
    cdef char* w
    job.transformed = transformed.data
    for group in range(s.groups):
        w = at(job.w, group * n, size)
        if by_channels:
            for c in range(s.channels):
                kernels.transpose[job.dtype](
                    at(w, c * FILTER, size), s.places * size,
                    at(turned.data, c * s.filters, size), pairs, FILTER, s.filters)
        else:
            kernels.transpose[job.dtype](w, FILTER * size, turned.data, pairs, FILTER, pairs)
        transform_packed(job, TILE_FIVES, 5, 6, turned.data,
                         at(job.transformed, group * PLACES * pairs, size), pairs)
    return transformed


cdef int share(Job* job, Py_ssize_t all, Py_ssize_t fewest) noexcept:
    """Divide all filters, or channels, among tasks where there are few images."""
    job.steps = max(<Py_ssize_t>1, min(divided_up(SHARED, job.blocks * job.s.groups),
                                       all // fewest))
    job.filters = divided_up(all, job.steps)
    job.steps = divided_up(all, job.filters)
    return 0


cdef void see_images(const Job* job, Py_ssize_t line, Py_ssize_t step, const char* images,
                     char* tiles) noexcept nogil:
    """Transform what a line of tiles sees of the images; `step` is that of places."""
    cdef Py_ssize_t c
    for c in range(job.s.channels):
        transform_line(
            job, TILE_IMAGES, images + (c * job.height + 2 * line) * job.width * WHOLE * job.size,
            job.width * WHOLE, WHOLE, 2 * WHOLE, at(tiles, job.offset[c], job.size), 6 * step, step,
            WHOLE)


cdef void see_slopes(const Job* job, Py_ssize_t line, Py_ssize_t step, Py_ssize_t filters,
                     const char* slopes, char* tiles) noexcept nogil:
    """Transform a line of tiles of the results' gradient."""
    cdef Py_ssize_t across = job.s.w[W_COUNT + 2] * WHOLE, f
    for f in range(filters):
        transform_line(
            job, TILE_PAIRS_BACK, slopes + (f * job.length + 2 * line * across) * job.size, across,
            WHOLE, 2 * WHOLE, at(tiles, job.offset[f], job.size), 6 * step, step, WHOLE)


cdef void tiles_block(const Job* job, Py_ssize_t task, char* scratch) noexcept nogil:
    """The results of one group and some filters in one block of images."""
    cdef const Sizes* s = &job.s
    cdef Py_ssize_t size = job.size, group = task // job.steps % s.groups
    cdef Py_ssize_t block = task // job.steps // s.groups, across = s.w[W_COUNT + 2] * WHOLE
    cdef Py_ssize_t first = task % job.steps * job.filters, line, k, f
    cdef Py_ssize_t filters = min(job.filters, s.filters - first), top, lines, images, start
    cdef Py_ssize_t step = place_of(job, 1, s.channels), out_step = place_of(job, 1, filters)
    cdef char* tiles = at(scratch, job.panel, size)
    cdef char* products = at(tiles, PLACES * step, size)
    cdef char* sums = at(products, PLACES * place_of(job, 1, job.filters), size)
    cdef char* turned = at(sums, job.filters * job.length, size)
    cdef char* w = at(job.transformed, (group * PLACES * s.filters + first) * s.channels, size)
    start = lay_images_out(job, block, group, &top, &lines, &images, scratch) + first * s.count
    memset(tiles, 0, PLACES * step * size)          # denormal rubbish is slow
    for line in range(lines // 2):
        see_images(job, line, step, scratch, tiles)
        for k in range(PLACES):
            kernels.slide[job.dtype](
                at(tiles, k * step, size), job.offset, at(w, k * s.filters * s.channels, size),
                NULL, at(products, k * out_step, size), filters, s.channels, s.channels,
                length_of(job, 1), job.span * WHOLE, False)
        for f in range(filters):
            transform_line(
                job, TILE_PAIRS, at(products, job.offset[f], size), 6 * out_step, out_step, WHOLE,
                at(sums, f * job.length + 2 * line * across, size), across, WHOLE, 2 * WHOLE)
    add_bias(job, sums, group * s.filters + first, filters, job.length)
    store_lanes(job, sums, filters, start, s.count, images, turned, scratch)


cdef int convolve_lane_tiles(Job* job) except -1:
    cdef const Sizes* s = &job.s
    _transformed = transform_filters(job, False)
    _owner = offsets_of(job, 1)
    share(job, s.filters, FEWEST_FILTERS)
    job.tasks = job.blocks * s.groups * job.steps
    return run_tasks(
        job, tiles_block, job.panel + PLACES * (place_of(job, 1, s.channels)
                                                + place_of(job, 1, job.filters))
        + job.filters * job.length + job.length, False)


cdef void images_block(const Job* job, Py_ssize_t task, char* scratch) noexcept nogil:
    """The gradient of some channels of one group in one block of images."""
    cdef const Sizes* s = &job.s
    cdef Py_ssize_t size = job.size, group = task // job.steps % s.groups
    cdef Py_ssize_t block = task // job.steps // s.groups, wide = s.w[W_SIZE + 2]
    cdef Py_ssize_t first = task % job.steps * job.filters, line, k, c, h
    cdef Py_ssize_t channels = min(job.filters, s.channels - first)
    cdef Py_ssize_t image = block * WHOLE, images = min(<Py_ssize_t>WHOLE, s.batch - image)
    cdef Py_ssize_t step = place_of(job, 1, s.filters), out_step = place_of(job, 1, channels)
    cdef Py_ssize_t apart = s.groups * s.channels * s.volume
    cdef Py_ssize_t area = job.height * job.width * WHOLE
    cdef char* tiles = at(scratch, job.panel, size)
    cdef char* products = at(tiles, PLACES * step, size)
    cdef char* slopes = at(products, PLACES * place_of(job, 1, job.filters), size)
    cdef char* turned = at(slopes, job.sums, size)
    cdef char* w = at(job.transformed, (group * PLACES * s.channels + first) * s.filters, size)
    cdef char* x = at(job.x, (image * s.groups + group) * s.channels * s.volume, size)
    cdef char* source
    memset(scratch, 0, channels * area * size)
    memset(tiles, 0, PLACES * step * size)
    lay_results_out(job, (image * s.groups + group) * s.filters * s.count, s.filters, s.count,
                    images, slopes)
    for line in range(job.lines // 2):
        see_slopes(job, line, step, s.filters, slopes, tiles)
        for k in range(PLACES):
            kernels.slide[job.dtype](
                at(tiles, k * step, size), job.offset, at(w, k * s.filters * s.channels, size),
                NULL, at(products, k * out_step, size), channels, s.filters, s.filters,
                length_of(job, 1), job.span * WHOLE, False)
        for c in range(channels):
            transform_line(
                job, TILE_IMAGES_BACK, at(products, job.offset[c], size), 6 * out_step, out_step,
                WHOLE, at(scratch, c * area + 2 * line * job.width * WHOLE, size),
                job.width * WHOLE, WHOLE, 2 * WHOLE)
    add_bias(job, scratch, group * s.channels + first, channels, area)
    for c in range(channels):
        source = at(scratch, c * area + (s.w[W_PAD + 1] * job.width + s.w[W_PAD + 2]) * WHOLE, size)
        if job.width == wide:
            turn_back(job, source, s.volume, at(x, (first + c) * s.volume, size), apart, images,
                      turned)
            continue
        for h in range(s.w[W_SIZE + 1]):
            turn_back(job, at(source, h * job.width * WHOLE, size), wide,
                      at(x, (first + c) * s.volume + h * wide, size), apart, images, turned)


cdef int lane_tiles_back(Job* job) except -1:
    cdef const Sizes* s = &job.s
    _transformed = transform_filters(job, True)
    _owner = offsets_of(job, 1)
    share(job, s.channels, FEWEST_CHANNELS)
    job.tasks = job.blocks * s.groups * job.steps
    return run_tasks(
        job, images_block, job.panel + PLACES * (place_of(job, 1, s.filters)
                                                 + place_of(job, 1, job.filters))
        + job.sums + WHOLE * s.volume, False)


cdef void filters_part(const Job* job, Py_ssize_t task, char* scratch) noexcept nogil:
    """The gradient of some filters of one group, from a part of the blocks."""
    cdef const Sizes* s = &job.s
    cdef Py_ssize_t size = job.size, group = task // job.steps % s.groups
    cdef Py_ssize_t part = task // job.steps // s.groups, lanes = kernels.lanes[job.dtype]
    cdef Py_ssize_t first = task % job.steps * job.filters, block, line, count, i, k
    cdef Py_ssize_t filters = min(job.filters, s.filters - first), top, lines, images, start
    cdef Py_ssize_t pairs = filters * s.channels
    cdef Py_ssize_t step = place_of(job, job.rows, s.channels)
    cdef Py_ssize_t slope_step = place_of(job, job.rows, filters)
    cdef char* tiles = at(scratch, job.panel, size)
    cdef char* slope_tiles = at(tiles, PLACES * step, size)
    cdef char* slopes = at(slope_tiles, PLACES * place_of(job, job.rows, job.filters), size)
    cdef char* sums = at(slopes, job.filters * job.length, size)
    cdef char* w = at(job.w, ((part * s.groups + group) * s.filters + first) * s.places, size)
    memset(sums, 0, PLACES * pairs * lanes * size)
    for block in range(part * job.blocks // job.parts, (part + 1) * job.blocks // job.parts):
        start = lay_images_out(job, block, group, &top, &lines, &images, scratch)
        lay_results_out(job, start + first * s.count, filters, s.count, images, slopes)
        line = 0
        while line < lines // 2:
            count = min(job.rows, lines // 2 - line)
            for i in range(count):
                see_images(job, line + i, step, scratch, at(tiles, i * job.span * WHOLE, size))
                see_slopes(job, line + i, slope_step, filters, slopes,
                           at(slope_tiles, i * job.span * WHOLE, size))
            for k in range(PLACES):
                kernels.slide_grad[job.dtype](
                    at(tiles, k * step, size), job.offset, at(slope_tiles, k * slope_step, size),
                    at(sums, k * pairs * lanes, size), filters, s.channels,
                    length_of(job, job.rows), 1, 0, 0, count * job.span * WHOLE)
            line += count
    memset(tiles, 0, PLACES * pairs * size)
    kernels.sum_vectors[job.dtype](sums, tiles, PLACES * pairs)
    transform_packed(job, TILE_FIVES_BACK, 6, 5, tiles, sums, pairs)
    if job.accumulate and job.parts == 1:
        kernels.transpose[job.dtype](sums, pairs * size, tiles, FILTER, pairs, FILTER)
        kernels.add_to[job.dtype](tiles, w, FILTER * pairs)
    else:
        kernels.transpose[job.dtype](sums, pairs * size, w, FILTER, pairs, FILTER)


cdef int gradient_lane_tiles(Job* job) except -1:
    cdef const Sizes* s = &job.s
    _owner = offsets_of(job, job.rows)
    share(job, s.filters, FEWEST_FILTERS)
    return sum_parts(
        job, filters_part, job.panel + PLACES * (place_of(job, job.rows, s.channels)
                                                 + place_of(job, job.rows, job.filters))
        + job.filters * job.length + PLACES * job.filters * s.channels * WHOLE, False)
