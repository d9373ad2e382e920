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
    add_slopes, lay_images_out, lay_results_out, store_lanes, turn_back,
)
from microlazy.core.loops.window_sums cimport MOST_LINES, is_thin
from microlazy.core.loops.windows cimport *
from microlazy.core.parallel cimport threads
from microlazy.core.tensor cimport FLOAT32, INT64, ND, Tensor, new

cdef enum:
    PLACES = 36                   # of a tile, as images are seen
    FILTER = 25                   # places in a filter
    SPARED = 15                   # multiplications for a result, a channel and a filter
    OF_CHANNEL = 73               # multiplications that take as long as transforming the images
    OF_FILTER = 39                # and the results; these were measured
    MOST_TILES = 1 << 17          # numbers in transformed tiles that stay in the second cache
    FEWEST_FILTERS = 8            # of a task
    FEWEST_CHANNELS = 3


ctypedef struct Planes:
    # Channels, or filters' results, of images side by side; and how their tiles are transformed.
    int transform
    char* data
    Py_ssize_t count, plane, row          # how many; numbers from one to the next, and of a row


cdef bint plan_lane_tiles(Job* job) noexcept nogil:
    cdef const Sizes* s = &job.s
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
    job.together = 2
    job.lines = s.w[W_COUNT + 1]
    job.height = s.w[W_COUNT + 1] + 4
    job.width = s.w[W_COUNT + 2] + 4
    job.span = s.w[W_COUNT + 2] // 2
    job.panel = s.channels * job.height * job.width * WHOLE
    job.length = s.count * WHOLE
    job.sums = s.filters * job.length
    if job.panel + job.sums > MOST_LINES or PLACES * length_of(job, 1) * (
            s.channels + s.filters) > MOST_TILES:
        return False
    return True


cdef inline Py_ssize_t length_of(const Job* job, Py_ssize_t lines) noexcept nogil:
    """Numbers of a place of some lines of tiles: whole vectors."""
    return lines * job.span * WHOLE


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


cdef inline void see_line(const Job* job, const Planes* seen, Py_ssize_t line, Py_ssize_t step,
                          char* tiles) noexcept nogil:
    """Transform what a line of tiles sees of each plane; `step` is that of places."""
    cdef Py_ssize_t i
    for i in range(seen.count):
        transform_line(job, seen.transform,
                       at(seen.data, i * seen.plane + 2 * line * seen.row, job.size), seen.row,
                       WHOLE, 2 * WHOLE, at(tiles, job.offset[i], job.size), 6 * step, step, WHOLE)


cdef inline void make_line(const Job* job, const Planes* made, Py_ssize_t line, Py_ssize_t step,
                           const char* products) noexcept nogil:
    """Transform products to what a line of tiles makes of each plane; `step` is that of places."""
    cdef Py_ssize_t i
    for i in range(made.count):
        transform_line(job, made.transform, at(<char*>products, job.offset[i], job.size), 6 * step,
                       step, WHOLE,
                       at(made.data, i * made.plane + 2 * line * made.row, job.size), made.row,
                       WHOLE, 2 * WHOLE)


cdef inline void sum_places(const Job* job, const char* tiles, Py_ssize_t seen, Py_ssize_t step,
                            const char* w, Py_ssize_t w_step, char* products, Py_ssize_t made,
                            Py_ssize_t made_step, Py_ssize_t y_step, Py_ssize_t n) noexcept nogil:
    """The products of n numbers of each place, summed over all that is seen."""
    cdef Py_ssize_t size = job.size, k
    for k in range(PLACES):
        kernels.slide[job.dtype](
            at(<char*>tiles, k * step, size), job.offset, w + k * seen * w_step * size, NULL,
            at(products, k * made_step, size), made, seen, w_step, y_step, 1, 0, 0, n, False)


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


cdef Py_ssize_t threads_of(Py_ssize_t tasks) noexcept:
    """How many threads should divide one of some tasks, with work that they do twice."""
    cdef Py_ssize_t count = threads()
    if tasks >= 4 * count or tasks % count == 0:
        return 1
    return max(<Py_ssize_t>2, divided_up(count, tasks))


cdef Py_ssize_t share(Py_ssize_t all, Py_ssize_t fewest, Py_ssize_t count) noexcept:
    """The filters, or channels, of each of so many tasks."""
    return divided_up(all, max(<Py_ssize_t>1, min(count, all // fewest)))


cdef inline Planes images_of(const Job* job, int transform, Py_ssize_t count,
                             char* data) noexcept nogil:
    cdef Planes planes
    planes.transform, planes.data, planes.count = transform, data, count
    planes.row = job.width * WHOLE
    planes.plane = job.height * planes.row
    return planes


cdef inline Planes results_of(const Job* job, int transform, Py_ssize_t count,
                              char* data) noexcept nogil:
    cdef Planes planes
    planes.transform, planes.data, planes.count = transform, data, count
    planes.row = job.s.w[W_COUNT + 2] * WHOLE
    planes.plane = job.length
    return planes


cdef void tiles_block(const Job* job, Py_ssize_t task, char* scratch) noexcept nogil:
    """The results of one group and some filters in one block of images."""
    cdef const Sizes* s = &job.s
    cdef Py_ssize_t size = job.size, group = task // job.steps % s.groups
    cdef Py_ssize_t block = task // job.steps // s.groups
    cdef Py_ssize_t first = task % job.steps * job.filters
    cdef Py_ssize_t filters = min(job.filters, s.filters - first), top, lines, images, start
    cdef char* tiles = at(scratch, job.panel, size)
    cdef char* products = at(tiles, PLACES * place_of(job, 1, s.channels), size)
    cdef char* sums = at(products, PLACES * place_of(job, 1, job.filters), size)
    cdef char* turned = at(sums, job.filters * job.length, size)
    cdef Py_ssize_t step = place_of(job, 1, s.channels), made_step = place_of(job, 1, filters), line
    cdef Planes seen = images_of(job, TILE_IMAGES, s.channels, scratch)
    cdef Planes made = results_of(job, TILE_PAIRS, filters, sums)
    start = lay_images_out(job, block, group, &top, &lines, &images, scratch) + first * s.count
    for line in range(job.lines // 2):
        see_line(job, &seen, line, step, tiles)
        sum_places(job, tiles, s.channels, step,
                   at(job.transformed, group * PLACES * s.channels * s.filters + first, size),
                   s.filters, products, filters, made_step, length_of(job, 1), length_of(job, 1))
        make_line(job, &made, line, made_step, products)
    add_bias(job, sums, group * s.filters + first, filters, job.length)
    store_lanes(job, sums, filters, start, job.lines, images, turned, scratch)


cdef int convolve_lane_tiles(Job* job) except -1:
    cdef const Sizes* s = &job.s
    _transformed = transform_filters(job, by_channels=True)
    _owner = offsets_of(job, 1)
    job.filters = share(s.filters, FEWEST_FILTERS, threads_of(job.blocks * s.groups))
    job.steps = divided_up(s.filters, job.filters)
    job.tasks = job.blocks * s.groups * job.steps
    return run_tasks(
        job, tiles_block, job.panel + PLACES * (place_of(job, 1, s.channels)
                                                + place_of(job, 1, job.filters))
        + job.filters * job.length + job.length, False)


cdef void gradients_part(const Job* job, Py_ssize_t task, char* scratch) noexcept nogil:
    """The gradients of one group, from a part of the blocks: of some filters, or of the images.

    Of both if the part is not divided, from what the results' gradient is transformed to once.
    """
    cdef const Sizes* s = &job.s
    cdef Py_ssize_t size = job.size, turn = task % job.steps, group = task // job.steps % s.groups
    cdef Py_ssize_t part = task // job.steps // s.groups, lanes = kernels.lanes[job.dtype]
    cdef bint for_filters = turn < job.turns, for_images = turn >= job.turns or job.steps == 1
    cdef Py_ssize_t first = 0, filters = s.filters, channel = 0, channels = s.channels
    cdef Py_ssize_t begin = part * job.blocks // job.parts, block, line, count, i, k, pairs
    cdef Py_ssize_t top, lines, images, start, n, step = place_of(job, job.rows, s.channels)
    cdef Py_ssize_t slope_step, made_step, length = length_of(job, job.rows)
    for_images = for_images and job.to.x is not NULL
    if for_filters:
        first = turn * job.filters
        filters = min(job.filters, s.filters - first)
    elif for_images:
        channel = (turn - job.turns) * job.channels
        channels = min(job.channels, s.channels - channel)
    pairs = filters * s.channels
    slope_step, made_step = place_of(job, job.rows, filters), place_of(job, job.rows, channels)
    cdef char* spread = at(scratch, job.panel, size)
    cdef char* tiles = at(spread, job.panel, size)
    cdef char* slope_tiles = at(tiles, PLACES * step, size)
    cdef char* slopes = at(slope_tiles, PLACES * place_of(job, job.rows, s.filters), size)
    cdef char* turned = at(slopes, job.sums, size)
    cdef char* sums = at(turned, room_to_turn(job), size)
    cdef char* totals = at(sums, PLACES * pairs * lanes, size)
    cdef Planes seen = images_of(job, TILE_IMAGES, s.channels, scratch)
    cdef Planes made = images_of(job, TILE_IMAGES_BACK, channels, spread)
    cdef Planes seen_slopes = results_of(job, TILE_PAIRS_BACK, filters, slopes)
    if for_filters:
        memset(sums, 0, PLACES * pairs * lanes * size)
    for block in range(begin, (part + 1) * job.blocks // job.parts):
        start = results_from(job, block, group)
        images = min(<Py_ssize_t>WHOLE, s.batch - block * WHOLE)
        if for_filters and job.w is not NULL:
            lay_images_out(job, block, group, &top, &lines, &images, scratch)
        if for_images:
            memset(spread, 0, channels * made.plane * size)
        lay_results_out(job, start + first * s.count, filters, job.lines, images, slopes, turned)
        if for_filters and job.to.bias is not NULL:
            add_slopes(job, slopes, filters, job.length, block > begin,
                       at(job.bias_sums, (part * s.groups + group) * s.filters + first, size))
        line = 0
        while line < job.lines // 2:
            count = min(job.rows, job.lines // 2 - line)
            n = count * job.span * WHOLE
            for i in range(count):
                see_line(job, &seen_slopes, line + i, slope_step,
                         at(slope_tiles, i * job.span * WHOLE, size))
            if for_filters and job.w is not NULL:
                for i in range(count):
                    see_line(job, &seen, line + i, step, at(tiles, i * job.span * WHOLE, size))
                for k in range(PLACES):
                    kernels.slide_grad[job.dtype](
                        at(tiles, k * step, size), job.offset,
                        at(slope_tiles, k * slope_step, size), at(sums, k * pairs * lanes, size),
                        filters, s.channels, length, 1, 0, 0, n)
            if for_images:               # the products where the images' tiles are not needed any more
                sum_places(job, slope_tiles, s.filters, slope_step,
                           at(job.transformed, group * PLACES * s.channels * s.filters + channel,
                              size), s.channels, tiles, channels, made_step, length, n)
                for i in range(count):
                    make_line(job, &made, line + i, made_step,
                              at(tiles, i * job.span * WHOLE, size))
            line += count
        if for_images:
            store_images(job, &made, block, group, channel, images, turned)
    if for_filters and job.w is not NULL:
        store_filters(job, part, group, first, filters, sums, totals)


cdef inline Py_ssize_t results_from(const Job* job, Py_ssize_t block,
                                    Py_ssize_t group) noexcept nogil:
    return (block * WHOLE * job.s.groups + group) * job.s.filters * job.s.count


cdef inline Py_ssize_t room_to_turn(const Job* job) noexcept nogil:
    """Numbers: an image's that are added, or what was pooled."""
    return max(WHOLE * job.s.volume, job.length)


cdef void store_images(const Job* job, const Planes* made, Py_ssize_t block, Py_ssize_t group,
                       Py_ssize_t first, Py_ssize_t images, char* turned) noexcept nogil:
    """Store some channels of a block of images' gradient."""
    cdef const Sizes* s = &job.s
    cdef Py_ssize_t size = job.size, wide = s.w[W_SIZE + 2], c, h
    cdef Py_ssize_t apart = s.groups * s.channels * s.volume
    cdef char* x = at(job.to.x, ((block * WHOLE * s.groups + group) * s.channels + first) * s.volume,
                      size)
    cdef char* source
    add_bias(job, made.data, group * s.channels + first, made.count, made.plane)
    for c in range(made.count):
        source = at(made.data,
                    c * made.plane + s.w[W_PAD + 1] * made.row + s.w[W_PAD + 2] * WHOLE, size)
        if job.width == wide:
            turn_back(job, source, s.volume, at(x, c * s.volume, size), apart, images,
                      job.to.add_x, turned)
            continue
        for h in range(s.w[W_SIZE + 1]):
            turn_back(job, at(source, h * made.row, size), wide,
                      at(x, c * s.volume + h * wide, size), apart, images, job.to.add_x, turned)


cdef void store_filters(const Job* job, Py_ssize_t part, Py_ssize_t group, Py_ssize_t first,
                        Py_ssize_t filters, char* sums, char* totals) noexcept nogil:
    """Store what a part adds to some filters' gradient."""
    cdef const Sizes* s = &job.s
    cdef Py_ssize_t pairs = filters * s.channels, size = job.size
    cdef char* w = at(job.w, ((part * s.groups + group) * s.filters + first) * s.places, size)
    memset(totals, 0, PLACES * pairs * size)
    kernels.sum_vectors[job.dtype](sums, totals, PLACES * pairs)
    transform_packed(job, TILE_FIVES_BACK, 6, 5, totals, sums, pairs)
    if job.accumulate and job.parts == 1:
        kernels.transpose[job.dtype](sums, pairs * size, totals, FILTER, pairs, FILTER)
        kernels.add_to[job.dtype](totals, w, FILTER * pairs)
    else:
        kernels.transpose[job.dtype](sums, pairs * size, w, FILTER, pairs, FILTER)


cdef int gradients_in_lane_tiles(Job* job) except -1:
    cdef const Sizes* s = &job.s
    cdef bint for_filters = job.to.w is not NULL or job.to.bias is not NULL
    cdef bint for_images = job.to.x is not NULL
    cdef Py_ssize_t each
    cdef Tensor _transformed = None
    if for_images:
        _transformed = transform_filters(job, by_channels=False)
    job.rows = job.lines // 2
    while job.rows > 1 and PLACES * length_of(job, job.rows) * (
            s.channels + s.filters) > MOST_TILES:
        job.rows -= 1
    _owner = offsets_of(job, job.rows)
    job.w, job.accumulate = job.to.w, job.to.add_w
    job.steps = 1
    divide_sum(job)
    if not for_filters:
        job.parts = job.blocks
    each = threads_of(job.parts * s.groups)
    if for_filters and for_images and each > 1:
        each = divided_up(each, 2)
        job.steps = 2
    job.filters = share(s.filters, FEWEST_FILTERS, each)
    job.channels = share(s.channels, FEWEST_CHANNELS, each)
    job.turns = divided_up(s.filters, job.filters) if for_filters else 0
    if not for_filters or job.steps == 2:
        job.steps = job.turns + divided_up(s.channels, job.channels)
    else:
        job.steps = job.turns
    job.tasks = job.parts * s.groups * job.steps
    return sum_parts(
        job, gradients_part, 2 * job.panel + PLACES * (place_of(job, job.rows, s.channels)
                                                       + place_of(job, job.rows, s.filters))
        + job.sums + room_to_turn(job) + PLACES * s.filters * s.channels * (WHOLE + 1), False)
