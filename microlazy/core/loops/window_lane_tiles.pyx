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
    MOST_TILES_BACK = 1 << 18     # and where their sums are read and written once for all of them
    FEWEST_FILTERS = 8            # of a task
    FEW_BLOCKS = 4                # of images, of which the gradients are found in ranges of tiles


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
    if job.panel + job.sums > MOST_LINES or PLACES * job.span * WHOLE * (
            s.channels + s.filters) > MOST_TILES:
        return False
    return True


cdef inline Py_ssize_t place_of(Py_ssize_t tiles, Py_ssize_t n) noexcept nogil:
    """Numbers of a place of some tiles of n channels or filters; no multiple of a cache's size."""
    return (n * tiles + 1) * WHOLE


cdef Tensor offsets_of(Job* job, Py_ssize_t tiles):
    """Where the channels, or filters, of a place of some tiles begin."""
    cdef Py_ssize_t n = max(job.s.channels, job.s.filters), i
    cdef Tensor owner = new(ND, INT64, 1, &n)
    job.offset = <Py_ssize_t*>owner.data
    for i in range(n):
        job.offset[i] = i * tiles * WHOLE
    return owner


cdef inline void transform_packed(const Job* job, int which, int before, int after, const char* x,
                                  char* out, Py_ssize_t n) noexcept nogil:
    """Transform n matrices side by side, of before by before numbers, to after by after."""
    kernels.winograd[job.dtype](which, x, before * n, n, out, after * n, n, n)


cdef inline char* tile_at(const Job* job, const Planes* planes, Py_ssize_t plane,
                          Py_ssize_t tile) noexcept nogil:
    return at(planes.data, plane * planes.plane + tile // job.span * 2 * planes.row
              + tile % job.span * 2 * WHOLE, job.size)


cdef inline void see_tiles(const Job* job, const Planes* seen, Py_ssize_t first, Py_ssize_t count,
                           Py_ssize_t step, char* tiles) noexcept nogil:
    """Transform what some tiles see of each plane; `step` is that of places."""
    cdef Py_ssize_t i, j
    for i in range(seen.count):
        for j in range(count):
            kernels.winograd[job.dtype](
                seen.transform, tile_at(job, seen, i, first + j), seen.row, WHOLE,
                at(tiles, job.offset[i] + j * WHOLE, job.size), 6 * step, step, WHOLE)


cdef inline void make_tiles(const Job* job, const Planes* made, Py_ssize_t first, Py_ssize_t count,
                            Py_ssize_t step, const char* products) noexcept nogil:
    """Transform products to what some tiles make of each plane."""
    cdef Py_ssize_t i, j
    for i in range(made.count):
        for j in range(count):
            kernels.winograd[job.dtype](
                made.transform, at(<char*>products, job.offset[i] + j * WHOLE, job.size), 6 * step,
                step, tile_at(job, made, i, first + j), made.row, WHOLE, WHOLE)


cdef inline void sum_place(const Job* job, const char* seen, Py_ssize_t seen_count, const char* w,
                           Py_ssize_t w_step, char* made, Py_ssize_t made_count,
                           Py_ssize_t tiles) noexcept nogil:
    """The products of a place of some tiles, summed over all that is seen."""
    kernels.slide[job.dtype](seen, job.offset, w, NULL, made, made_count, seen_count, w_step,
                             job.rows * WHOLE, 1, 0, 0, tiles * WHOLE, False)


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
    cdef Py_ssize_t first = task % job.steps * job.filters, line, k
    cdef Py_ssize_t filters = min(job.filters, s.filters - first), top, lines, images, start
    cdef Py_ssize_t step = place_of(job.rows, s.channels), made_step = place_of(job.rows, filters)
    cdef char* tiles = at(scratch, job.panel, size)
    cdef char* products = at(tiles, PLACES * step, size)
    cdef char* sums = at(products, PLACES * place_of(job.rows, job.filters), size)
    cdef char* turned = at(sums, job.filters * job.length, size)
    cdef char* w = at(job.transformed, group * PLACES * s.channels * s.filters + first, size)
    cdef Planes seen = images_of(job, TILE_IMAGES, s.channels, scratch)
    cdef Planes made = results_of(job, TILE_PAIRS, filters, sums)
    start = lay_images_out(job, block, group, &top, &lines, &images, scratch) + first * s.count
    for line in range(job.lines // 2):
        see_tiles(job, &seen, line * job.rows, job.rows, step, tiles)
        for k in range(PLACES):
            sum_place(job, at(tiles, k * step, size), s.channels,
                      w + k * s.channels * s.filters * size, s.filters,
                      at(products, k * made_step, size), filters, job.rows)
        make_tiles(job, &made, line * job.rows, job.rows, made_step, products)
    add_bias(job, sums, group * s.filters + first, filters, job.length)
    store_lanes(job, sums, filters, start, job.lines, images, turned, scratch)


cdef int convolve_lane_tiles(Job* job) except -1:
    cdef const Sizes* s = &job.s
    _transformed = transform_filters(job, by_channels=True)
    job.rows = job.span
    _owner = offsets_of(job, job.rows)
    job.steps = min(threads_of(job.blocks * s.groups), max(<Py_ssize_t>1,
                                                           s.filters // FEWEST_FILTERS))
    job.filters = divided_up(s.filters, job.steps)
    job.steps = divided_up(s.filters, job.filters)
    job.tasks = job.blocks * s.groups * job.steps
    return run_tasks(
        job, tiles_block, job.panel + PLACES * (place_of(job.rows, s.channels)
                                                + place_of(job.rows, job.filters))
        + job.filters * job.length + job.length, False)


cdef void gradients_part(const Job* job, Py_ssize_t task, char* scratch) noexcept nogil:
    """The gradients of one group from a part: some blocks, or a range of the tiles of one."""
    cdef const Sizes* s = &job.s
    cdef Py_ssize_t size = job.size, group = task % s.groups, part = task // s.groups
    cdef Py_ssize_t lanes = kernels.lanes[job.dtype], pairs = s.filters * s.channels
    cdef Py_ssize_t parts = job.parts // job.steps, tiles = job.lines // 2 * job.span
    cdef Py_ssize_t first = part % job.steps * tiles // job.steps, tile, count, k
    cdef Py_ssize_t last = (part % job.steps + 1) * tiles // job.steps
    cdef Py_ssize_t begin = part // job.steps * job.blocks // parts, block
    cdef Py_ssize_t end = (part // job.steps + 1) * job.blocks // parts, top, lines, images
    cdef Py_ssize_t step = place_of(job.rows, s.channels), length = job.rows * WHOLE
    cdef Py_ssize_t slope_step = place_of(job.rows, s.filters)
    cdef bint for_filters = job.w is not NULL
    cdef char* spread = at(scratch, job.panel, size)
    cdef char* seen_tiles = at(spread, job.panel, size)
    cdef char* slope_tiles = at(seen_tiles, PLACES * step, size)
    cdef char* slopes = at(slope_tiles, PLACES * slope_step, size)
    cdef char* turned = at(slopes, job.sums, size)
    cdef char* sums = at(turned, room_to_turn(job), size)
    cdef char* totals = at(sums, PLACES * pairs * lanes, size)
    cdef char* bias_sums = NULL
    cdef const char* w = at(job.transformed, group * PLACES * pairs, size)
    if job.steps > 1:
        spread = at(job.spread, task * job.panel, size)
    cdef Planes seen = images_of(job, TILE_IMAGES, s.channels, scratch)
    cdef Planes made = images_of(job, TILE_IMAGES_BACK, s.channels, spread)
    cdef Planes seen_slopes = results_of(job, TILE_PAIRS_BACK, s.filters, slopes)
    if for_filters:
        memset(sums, 0, PLACES * pairs * lanes * size)
    if job.to.bias is not NULL:
        bias_sums = at(job.bias_sums, task * s.filters, size)
        memset(bias_sums, 0, s.filters * size)
    for block in range(begin, end):
        if for_filters:
            lay_images_out(job, block, group, &top, &lines, &images, scratch)
        if job.to.x is not NULL:
            clear_rows(job, &made, first, last)
        lay_slopes_out(job, block, group, first, last, slopes, turned, bias_sums)
        tile = first
        while tile < last:
            count = min(job.rows, last - tile)
            see_tiles(job, &seen_slopes, tile, count, slope_step, slope_tiles)
            if for_filters:
                see_tiles(job, &seen, tile, count, step, seen_tiles)
            for k in range(PLACES):   # the products go where the images' tiles were read
                if for_filters:
                    kernels.slide_grad[job.dtype](
                        at(seen_tiles, k * step, size), job.offset,
                        at(slope_tiles, k * slope_step, size), at(sums, k * pairs * lanes, size),
                        s.filters, s.channels, length, 1, 0, 0, count * WHOLE)
                if job.to.x is not NULL:
                    sum_place(job, at(slope_tiles, k * slope_step, size), s.filters,
                              w + k * pairs * size, s.channels, at(seen_tiles, k * step, size),
                              s.channels, count)
            if job.to.x is not NULL:
                make_tiles(job, &made, tile, count, step, seen_tiles)
            tile += count
        if job.to.x is not NULL and job.steps == 1:
            store_images(job, &made, block, group, 0, s.w[W_SIZE + 1], turned)
    if for_filters:
        store_filters(job, task, sums, totals)


cdef void lay_slopes_out(const Job* job, Py_ssize_t block, Py_ssize_t group, Py_ssize_t first,
                         Py_ssize_t last, char* slopes, char* turned,
                         char* bias_sums) noexcept nogil:
    """Lay the lines of some tiles out; those that begin with one of these go to the bias' sums."""
    cdef const Sizes* s = &job.s
    cdef Py_ssize_t images = min(<Py_ssize_t>WHOLE, s.batch - block * WHOLE)
    cdef Py_ssize_t start = (block * WHOLE * s.groups + group) * s.filters * s.count
    cdef Py_ssize_t top = first // job.span, begun = divided_up(first, job.span)
    cdef Py_ssize_t end = divided_up(last, job.span), pair = 2 * s.w[W_COUNT + 2]
    lay_results_out(job, start + top * pair, s.filters, 2 * (end - top), images,
                    at(slopes, top * pair * WHOLE, job.size), turned)
    if bias_sums is not NULL:
        add_slopes(job, at(slopes, begun * pair * WHOLE, job.size), s.filters,
                   (end - begun) * pair * WHOLE, bias_sums)


cdef inline Py_ssize_t room_to_turn(const Job* job) noexcept nogil:
    """Numbers: an image's that are added, or what was pooled."""
    return max(WHOLE * job.s.volume, job.length)


cdef inline Py_ssize_t top_row(const Job* job, Py_ssize_t first) noexcept nogil:
    """The first row of the images, with their padding, that the tiles from one on see."""
    return first // job.span * 2


cdef inline Py_ssize_t end_row(const Job* job, Py_ssize_t last) noexcept nogil:
    return divided_up(last, job.span) * 2 + 4


cdef void clear_rows(const Job* job, const Planes* made, Py_ssize_t first,
                     Py_ssize_t last) noexcept nogil:
    cdef Py_ssize_t top = top_row(job, first), rows = end_row(job, last) - top, c
    for c in range(made.count):
        memset(at(made.data, c * made.plane + top * made.row, job.size), 0,
               rows * made.row * job.size)


cdef void store_images(const Job* job, const Planes* made, Py_ssize_t block, Py_ssize_t group,
                       Py_ssize_t top, Py_ssize_t end, char* turned) noexcept nogil:
    """Store some rows of a block of images' gradient."""
    cdef const Sizes* s = &job.s
    cdef Py_ssize_t size = job.size, wide = s.w[W_SIZE + 2], c, h
    cdef Py_ssize_t apart = s.groups * s.channels * s.volume
    cdef Py_ssize_t images = min(<Py_ssize_t>WHOLE, s.batch - block * WHOLE)
    cdef char* x = at(job.to.x, (block * WHOLE * s.groups + group) * s.channels * s.volume, size)
    cdef char* source
    for c in range(made.count):
        source = at(made.data, c * made.plane + s.w[W_PAD + 1] * made.row, size)
        add_bias(job, at(source, top * made.row, size), group * s.channels + c, 1,
                 (end - top) * made.row)
        source = at(source, s.w[W_PAD + 2] * WHOLE, size)
        if job.width == wide:
            turn_back(job, at(source, top * made.row, size), (end - top) * wide,
                      at(x, c * s.volume + top * wide, size), apart, images, job.to.add_x, turned)
            continue
        for h in range(top, end):
            turn_back(job, at(source, h * made.row, size), wide,
                      at(x, c * s.volume + h * wide, size), apart, images, job.to.add_x, turned)


cdef void join_ranges(const Job* job, Py_ssize_t task, char* scratch) noexcept nogil:
    """Store the rows of the images' gradient that lie nearer to the tiles of a range.

    What the other range gave to them is added first. A thread had most of them in the same task.
    """
    cdef const Sizes* s = &job.s
    cdef Py_ssize_t group = task % s.groups, part = task // s.groups, block = part // job.steps
    cdef Py_ssize_t middle = job.lines // 2 * job.span // 2, high = s.w[W_SIZE + 1], c
    cdef Py_ssize_t begin = top_row(job, middle), end = end_row(job, middle)   # that both see
    cdef Py_ssize_t cut = (begin + end) // 2
    cdef Py_ssize_t inside = min(high, max(<Py_ssize_t>0, cut - s.w[W_PAD + 1]))
    cdef bint upper = part % job.steps == 0
    cdef Py_ssize_t other = (1 if upper else -1) * s.groups * job.panel
    cdef Planes made = images_of(job, TILE_IMAGES_BACK, s.channels,
                                 at(job.spread, task * job.panel, job.size))
    cdef char* rows
    if upper:
        end = cut
    else:
        begin = cut
    for c in range(s.channels):
        rows = at(made.data, c * made.plane + begin * made.row, job.size)
        kernels.add_to[job.dtype](at(rows, other, job.size), rows, (end - begin) * made.row)
    store_images(job, &made, block, group, 0 if upper else inside, inside if upper else high,
                 scratch)


cdef void store_filters(const Job* job, Py_ssize_t task, char* sums, char* totals) noexcept nogil:
    """Store what a part adds to the filters' gradient."""
    cdef const Sizes* s = &job.s
    cdef Py_ssize_t pairs = s.filters * s.channels, size = job.size
    cdef char* w = at(job.w, task * s.filters * s.places, size)
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
    cdef Py_ssize_t tiles = job.lines // 2 * job.span, most, n
    cdef Tensor _transformed = None, spread
    if job.to.x is not NULL:
        _transformed = transform_filters(job, by_channels=False)
    job.w, job.accumulate = job.to.w, job.to.add_w
    job.steps = 1
    divide_sum(job)
    if job.blocks * s.groups < FEW_BLOCKS and tiles > 1:      # then each is a part
        job.steps = 2
        job.parts *= job.steps
        job.alike = True
        n = job.parts * s.groups * job.panel
        spread = new(ND, job.dtype, 1, &n)
        job.spread = spread.data
    job.tasks = job.parts * s.groups
    tiles = divided_up(tiles, job.steps)
    most = max(<Py_ssize_t>1, MOST_TILES_BACK // (PLACES * WHOLE * (s.channels + s.filters)))
    job.rows = divided_up(tiles, divided_up(tiles, most))
    _owner = offsets_of(job, job.rows)
    sum_parts(
        job, gradients_part, 2 * job.panel + PLACES * (place_of(job.rows, s.channels)
                                                       + place_of(job.rows, s.filters))
        + job.sums + room_to_turn(job) + PLACES * s.filters * s.channels * (WHOLE + 1), False)
    if job.steps > 1 and job.to.x is not NULL:
        run_tasks(job, join_ranges, room_to_turn(job), False)
    return 0
