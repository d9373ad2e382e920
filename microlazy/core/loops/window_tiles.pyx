"""Minimal filtering (Winograd 1980; Lavin & Gray 2016): results of 3 by 3 filters in 4 by 4 tiles.

Filters without stride, with many channels, need a quarter of the multiplications, in float32. That
rounds to some 1e-5 of the largest number where plain sums come to 1e-6.
"""

from libc.string cimport memset
from microlazy.core.blas cimport gemm_cut
from microlazy.core.kernels.select cimport kernels
from microlazy.core.kernels.table cimport *
from microlazy.core.loops.windows cimport *
from microlazy.core.parallel cimport threads
from microlazy.core.tensor cimport FLOAT32, INT64, ND, Tensor, new

cdef enum:
    MANY = 32                     # channels and filters from which tiles pay
    TILES = 64                    # in a block
    MANY_CHANNELS = 128           # whose filters BLAS would take long to copy for each block


cdef bint plan_tiles(Job* job) noexcept nogil:
    cdef Sizes* s = &job.s
    cdef Py_ssize_t wide
    cdef int i
    if job.dtype != FLOAT32 or s.channels < MANY or s.filters < MANY:
        return False
    for i in range(MAX_AXES):
        if s.w[W_KERNEL + i] != (3 if i else 1) or s.w[W_STRIDE + i] != 1 or (
                s.w[W_DILATE + i] != 1 and i) or (s.w[W_PAD + i] and not i):
            return False
    job.seen = job.made = s[0]
    for i in range(1, MAX_AXES):
        job.seen.w[W_KERNEL + i] = 6
        job.made.w[W_KERNEL + i] = job.made.w[W_STRIDE + i] = job.seen.w[W_STRIDE + i] = 4
        job.made.w[W_SIZE + i] = s.w[W_COUNT + i]
        job.made.w[W_PAD + i] = 0
        job.seen.w[W_COUNT + i] = job.made.w[W_COUNT + i] = divided_up(s.w[W_COUNT + i], 4)
    job.seen.count = s.w[W_COUNT] * job.seen.w[W_COUNT + 1] * job.seen.w[W_COUNT + 2]
    if 2 * s.count < 16 * job.seen.count or s.batch * job.seen.count < TILES:
        return False
    if job.seen.count >= TILES:
        job.images = 1
        job.span = divided_up(divided_up(job.seen.count, divided_up(job.seen.count, TILES)),
                              WHOLE) * WHOLE
        job.across = divided_up(job.seen.count, job.span)
        job.blocks = s.batch * job.across
        job.width = job.span
    else:
        job.images = min(s.batch, TILES // job.seen.count)
        job.across = 1
        job.span = job.seen.count
        job.blocks = divided_up(s.batch, job.images)
        job.width = job.images * job.span
    wide = max(<Py_ssize_t>1, panel_width(job))
    job.width = divided_up(job.width, wide) * wide
    job.filters = s.filters
    return True


cdef void share_filters(Job* job) noexcept nogil:
    """Divide the filters among tasks where there are few blocks."""
    while job.s.groups * job.blocks * divided_up(job.s.filters, job.filters) * 4 < FEW and (
            job.filters >= 2 * MANY):
        job.filters = divided_up(job.filters, 2)
    job.steps = divided_up(job.s.filters, job.filters)


cdef void transform_filters(const Job* job, Py_ssize_t task, char* scratch) noexcept nogil:
    """One filter's transform, 36 numbers for each channel, far apart."""
    cdef const Sizes* s = &job.s
    cdef Py_ssize_t group = task // s.filters
    kernels.transpose[job.dtype](at(job.w, task * s.places, job.size), 9 * job.size, scratch,
                                 s.channels, 9, s.channels)
    transform_packed(
        job, TILE_FILTERS, 3, 6, scratch, s.channels,
        at(job.transformed, group * 36 * job.apart + task % s.filters * s.channels, job.size),
        job.apart, s.channels)


cdef void transform_back(const Job* job, Py_ssize_t task, char* scratch) noexcept nogil:
    """One filter's gradient from that of its transform."""
    cdef const Sizes* s = &job.s
    cdef Py_ssize_t group = task // s.filters
    cdef char* turned = at(scratch, s.places, job.size)
    cdef char* w = at(job.w, task * s.places, job.size)
    transform_packed(
        job, TILE_FILTERS_BACK, 6, 3,
        at(job.transformed, group * 36 * job.apart + task % s.filters * s.channels, job.size),
        job.apart, scratch, s.channels, s.channels)
    kernels.transpose[job.dtype](scratch, s.channels * job.size,
                                 turned if job.accumulate else w, 9, s.channels, 9)
    if job.accumulate:
        kernels.add_to[job.dtype](turned, w, s.places)


cdef void transform_images(const Job* job, const Sizes* windows, int which, char* x,
                           Py_ssize_t step, Py_ssize_t channels, Py_ssize_t images,
                           Py_ssize_t first, Py_ssize_t count, char* scratch,
                           char* out) noexcept nogil:
    """Tiles of the images, or of the results' gradient: for each place all channels' tiles."""
    cdef Py_ssize_t c, i, wide = max(<Py_ssize_t>1, panel_width(job))
    cdef Py_ssize_t width = divided_up(images * count, wide) * wide, volume = windows.w[W_SIZE] * (
        windows.w[W_SIZE + 1] * windows.w[W_SIZE + 2])
    if images * count < width:              # what fills the last panel up: rubbish is slow
        memset(scratch, 0, 36 * job.width * job.size)
    for c in range(channels):
        for i in range(images):
            kernels.pack_windows[job.dtype](
                at(x, i * step + c * volume, job.size), windows.w, at(scratch, i * count, job.size),
                0, windows.w[W_KERNEL + 1] * windows.w[W_KERNEL + 2], first, count, job.width)
        transform_packed(job, which, windows.w[W_KERNEL + 1], 6, scratch, job.width,
                         at(out, c * job.width, job.size), channels * job.width + WHOLE, width)


cdef Tensor offsets_of_products(Job* job):
    """Where rows of transformed filters and of products begin, and the channels of a row."""
    cdef Py_ssize_t channels = job.s.channels, room = 2 * job.filters + channels, i
    cdef Tensor owner = new(ND, INT64, 1, &room)
    job.begins = <Py_ssize_t*>owner.data
    job.goes = job.begins + job.filters
    job.offset = job.goes + job.filters
    for i in range(job.filters):
        job.begins[i] = i * channels
        job.goes[i] = i * job.width
    for i in range(channels):
        job.offset[i] = i
    return owner


cdef void multiply(const Job* job, Py_ssize_t filters, Py_ssize_t width, const char* w,
                   const char* tiles, char* products) noexcept nogil:
    """The products of one place of the tiles."""
    cdef Py_ssize_t channels = job.s.channels, wide = panel_width(job), i
    if wide == 0 or channels < MANY_CHANNELS:
        gemm_cut(job.dtype, False, False, filters, width, channels, w, channels, tiles, job.width,
                 0.0, products, job.width)
        return
    for i in range(divided_up(width, wide)):
        kernels.gathered_product[job.dtype](
            w, job.begins, job.offset, channels, tiles + i * wide * job.size, job.width,
            products + i * wide * job.size, job.goes, filters, False)


cdef void finish_tiles(const Job* job, char* plane, Py_ssize_t start, Py_ssize_t first,
                       Py_ssize_t count, char* scratch) noexcept nogil:
    """Finish what some tiles of one image and filter cover, whose results begin at start."""
    cdef Py_ssize_t high = job.s.w[W_COUNT + 1], wide = job.s.w[W_COUNT + 2], row, place, n
    cdef Py_ssize_t across = job.made.w[W_COUNT + 2], down = job.made.w[W_COUNT + 1]
    cdef Py_ssize_t end = first + count, tile = first, left, lines
    if count == job.seen.count:
        finish(job, plane, start, job.s.count, scratch)
        return
    while tile < end:
        left, row = tile % across, tile // across % down * 4
        n = min(across - left, end - tile)
        place = (tile // across // down * high + row) * wide + left * 4
        lines = min(<Py_ssize_t>4, high - row)
        if n == across:
            finish(job, at(plane, place, job.size), start + place, lines * wide, scratch)
        else:
            for row in range(lines):
                finish(job, at(plane, place + row * wide, job.size), start + place + row * wide,
                       min(4 * n, wide - 4 * left), scratch)
        tile += n


cdef void filter_block(const Job* job, Py_ssize_t task, char* scratch) noexcept nogil:
    """The results of one group, one block of tiles and some filters."""
    cdef const Sizes* s = &job.s
    cdef Py_ssize_t size = job.size, group = task // job.steps % s.groups
    cdef Py_ssize_t block = task // job.steps // s.groups
    cdef Py_ssize_t filter = group * s.filters + task % job.steps * job.filters
    cdef Py_ssize_t filters = min(job.filters, (group + 1) * s.filters - filter)
    cdef Py_ssize_t image = block // job.across * job.images
    cdef Py_ssize_t images = min(job.images, s.batch - image)
    cdef Py_ssize_t first = block % job.across * job.span
    cdef Py_ssize_t count = min(job.span, job.seen.count - first), width = images * count
    cdef Py_ssize_t all_filters = s.groups * s.filters, f, i, k
    cdef char* tiles = at(scratch, 36 * job.width, size)
    cdef char* products = at(tiles, 36 * (s.channels * job.width + WHOLE), size)
    cdef char* plane = at(products, 36 * (job.filters * job.width + WHOLE), size)
    cdef char* x = at(job.x, (image * s.groups + group) * s.channels * s.volume, size)
    cdef char* y = at(job.y, (image * all_filters + filter) * s.count, size)
    cdef char* w = at(job.transformed, group * 36 * job.apart
                      + task % job.steps * job.filters * s.channels, size)
    cdef const char* bias = job.bias
    transform_images(job, &job.seen, TILE_IMAGES, x, s.groups * s.channels * s.volume, s.channels,
                     images, first, count, scratch, tiles)
    for k in range(36):
        multiply(job, filters, width, at(w, k * job.apart, size),
                 at(tiles, k * (s.channels * job.width + WHOLE), size),
                 at(products, k * (filters * job.width + WHOLE), size))
    for f in range(filters):
        transform_packed(job, TILE_RESULTS, 6, 4, at(products, f * job.width, size),
                         filters * job.width + WHOLE, scratch, width, width)
        if bias is not NULL or job.relu:
            kernels.place_rows[job.dtype](scratch, NULL if bias is NULL else
                                          bias + (filter + f) * size, scratch, 0, 0, 0, 0, 1, 1,
                                          16 * width, False, job.relu)
        for i in range(images):
            kernels.put_windows[job.dtype](
                at(scratch, i * count, size), job.made.w,
                at(y, (i * all_filters + f) * s.count, size) if job.tail is NULL else plane,
                0, 16, first, count, width, job.accumulate)
            if job.tail is not NULL:
                finish_tiles(job, plane, ((image + i) * all_filters + filter + f) * s.count, first,
                             count, scratch)


cdef Py_ssize_t scratch_for_tiles(const Job* job) noexcept nogil:
    return 36 * (job.width * (1 + job.s.channels + job.filters) + 2 * WHOLE) + (
        job.s.count if job.tail is not NULL else 0)


cdef Py_ssize_t workspace_for_tiles(Job* job) noexcept:
    job.apart = job.s.filters * job.s.channels + WHOLE
    share_filters(job)
    return whole_lines(36 * job.s.groups * job.apart * job.size) + (
        threads() * room_of_task(job, scratch_for_tiles(job)))


cdef int convolve_tiles(Job* job) except -1:
    cdef Sizes* s = &job.s
    cdef Py_ssize_t n
    cdef Tensor transformed
    job.apart = s.filters * s.channels + WHOLE      # no multiple of a cache's size
    n = 36 * s.groups * job.apart
    transformed = workspace(job, job.dtype, n)
    job.transformed = transformed.data
    job.tasks = s.groups * s.filters
    run_tasks(job, transform_filters, s.places, False)
    share_filters(job)
    _offsets = offsets_of_products(job)
    job.tasks = s.groups * job.blocks * job.steps
    return run_tasks(job, filter_block, scratch_for_tiles(job), True)


cdef void filter_back(const Job* job, Py_ssize_t task, char* scratch) noexcept nogil:
    """The gradient of some transformed filters of one group, from a part of the blocks."""
    cdef const Sizes* s = &job.s
    cdef Py_ssize_t size = job.size, group = task // job.steps % s.groups
    cdef Py_ssize_t part = task // job.steps // s.groups
    cdef Py_ssize_t filter = group * s.filters + task % job.steps * job.filters
    cdef Py_ssize_t filters = min(job.filters, (group + 1) * s.filters - filter)
    cdef Py_ssize_t all_filters = s.groups * s.filters
    cdef Py_ssize_t block, image, images, first, count, width, k
    cdef char* tiles = at(scratch, 36 * job.width, size)
    cdef char* slopes = at(tiles, 36 * (s.channels * job.width + WHOLE), size)
    cdef char* w = at(job.transformed, (part * s.groups + group) * 36 * job.apart
                      + task % job.steps * job.filters * s.channels, size)
    cdef bint begun = False
    for block in range(part * job.blocks // job.parts, (part + 1) * job.blocks // job.parts):
        image = block // job.across * job.images
        images = min(job.images, s.batch - image)
        first = block % job.across * job.span
        count = min(job.span, job.seen.count - first)
        width = images * count
        transform_images(job, &job.seen, TILE_IMAGES,
                         at(job.x, (image * s.groups + group) * s.channels * s.volume, size),
                         s.groups * s.channels * s.volume, s.channels, images, first, count,
                         scratch, tiles)
        transform_images(job, &job.made, TILE_RESULTS_BACK,
                         at(job.y, (image * all_filters + filter) * s.count, size),
                         all_filters * s.count, filters, images, first, count, scratch, slopes)
        for k in range(36):
            gemm_cut(job.dtype, False, True, filters, s.channels, width,
                     at(slopes, k * (filters * job.width + WHOLE), size), job.width,
                     at(tiles, k * (s.channels * job.width + WHOLE), size), job.width,
                     1.0 if begun else 0.0, at(w, k * job.apart, size), s.channels)
        begun = True


cdef int gradient_tiles(Job* job) except -1:
    cdef Sizes* s = &job.s
    cdef Py_ssize_t n, total, i
    cdef Tensor transformed
    job.apart = s.filters * s.channels + WHOLE
    n = 36 * s.groups * job.apart
    job.parts = max(<Py_ssize_t>1, min(min(job.blocks, FEW // s.groups), PARTIAL // n))
    job.blocks, i = job.parts, job.blocks           # few parts: the filters are divided as well
    share_filters(job)
    job.blocks = i
    total = n * job.parts
    transformed = new(ND, job.dtype, 1, &total)
    job.transformed = transformed.data
    job.tasks = s.groups * job.parts * job.steps
    run_tasks(job, filter_back, scratch_for_tiles(job), True)
    for i in range(1, job.parts):
        kernels.add_to[job.dtype](at(transformed.data, i * n, job.size), transformed.data, n)
    job.tasks = s.groups * s.filters
    return run_tasks(job, transform_back, 2 * s.places, False)
