"""Minimal filtering (Winograd 1980; Lavin & Gray 2016): results of small filters, tile by tile.

Filters of 3 by 3 without stride, with many channels, need a quarter of the multiplications. That
rounds to some 1e-5 of the largest number where plain sums come to 1e-6. With stride 2, filters of
3 by 3 or 4 by 4 and their transposes need 0.56 to 0.7 of them, by additions alone, which round as
plain sums do. All in float32. Planes are transposed first, so that the channels of a place are
neighbours: vectors are full however small the tiles are.
"""

from libc.string cimport memcpy, memset
from microlazy.core.blas cimport gemm_cut
from microlazy.core.kernels.select cimport kernels
from microlazy.core.kernels.table cimport *
from microlazy.core.loops.window_panels cimport begin_with_bias, put_results
from microlazy.core.loops.windows cimport *
from microlazy.core.parallel cimport threads
from microlazy.core.tensor cimport FLOAT32, INT64, ND, Tensor, new

cdef enum:
    MANY = 32                     # channels and filters from which tiles pay
    FEWEST = 16                   # tiles that are worth the transforms of filters
    TILES = 64                    # in a block

cdef Filtering SLIDE3, STEP3, STEP4, TURN3, TURN4

SLIDE3 = Filtering(
    images=TILE_IMAGES, filters=TILE_FILTERS, results=TILE_RESULTS, slopes=TILE_RESULTS_BACK,
    filters_back=TILE_FILTERS_BACK, kernel=3, patch=6, step=4, tile=4, products=6, sums=6,
    sum_of=[0, 1, 2, 3, 4, 5], biased=0b10, mirrored=True,
)
STEP3 = Filtering(
    images=STEP3_IMAGES, filters=STEP3_FILTERS, results=STEP_RESULTS, slopes=STEP_RESULTS_BACK,
    filters_back=STEP3_FILTERS_BACK, kernel=3, patch=5, step=4, tile=2, products=5, sums=3,
    sum_of=[0, 0, 1, 2, 2, 0], biased=0b10, mirrored=False,
)
STEP4 = Filtering(
    images=STEP4_IMAGES, filters=STEP4_FILTERS, results=STEP_RESULTS, slopes=STEP_RESULTS_BACK,
    filters_back=STEP4_FILTERS_BACK, kernel=4, patch=6, step=4, tile=2, products=6, sums=3,
    sum_of=[0, 0, 1, 1, 2, 2], biased=0b10, mirrored=False,
)
TURN3 = Filtering(
    images=TURN3_IMAGES, filters=TURN3_FILTERS, results=TURN3_RESULTS, slopes=-1, filters_back=-1,
    kernel=3, patch=3, step=2, tile=4, products=5, sums=5, sum_of=[0, 1, 2, 3, 4, 0],
    biased=0b1011, mirrored=False,
)
TURN4 = Filtering(
    images=TURN4_IMAGES, filters=TURN4_FILTERS, results=TURN4_RESULTS, slopes=-1, filters_back=-1,
    kernel=4, patch=4, step=2, tile=4, products=6, sums=6, sum_of=[0, 1, 2, 3, 4, 5],
    biased=0b10010, mirrored=False,
)


cdef inline Py_ssize_t panel_of(const Job* job) noexcept nogil:
    """Filters side by side in a product."""
    cdef Py_ssize_t wide = panel_width(job)
    return wide if wide else MANY


cdef inline Py_ssize_t pitch_of(Py_ssize_t channels) noexcept nogil:
    """Numbers from one place to the next: no multiple of a cache's size."""
    return divided_up(channels, WHOLE) * WHOLE + WHOLE


cdef const Filtering* filtering_of(const Job* job, bint turned) noexcept nogil:
    """How a convolution's results, or its images, are computed by tiles; or NULL."""
    cdef const Sizes* s = &job.s
    cdef Py_ssize_t kernel = s.w[W_KERNEL + 1], stride = s.w[W_STRIDE + 1]
    cdef int i
    if job.dtype != FLOAT32 or s.channels < MANY or s.filters < MANY:
        return NULL
    if s.w[W_KERNEL] != 1 or s.w[W_STRIDE] != 1 or s.w[W_PAD] != 0:
        return NULL
    for i in range(1, MAX_AXES):
        if s.w[W_KERNEL + i] != kernel or s.w[W_STRIDE + i] != stride or s.w[W_DILATE + i] != 1:
            return NULL
        if turned and (s.w[W_PAD + i] > 2 if stride == 1 else s.w[W_PAD + i] != 1):
            return NULL
    if kernel == 3 and stride == 1:
        return &SLIDE3
    if kernel == 3 and stride == 2:
        return &TURN3 if turned else &STEP3
    if kernel == 4 and stride == 2:
        return &TURN4 if turned else &STEP4
    return NULL


cdef bint plan_tiles(Job* job) noexcept nogil:
    cdef const Sizes* s = &job.s
    cdef int i
    job.way = filtering_of(job, False)
    if job.way is NULL:
        return False
    job.turned = False
    job.seen = job.made = s[0]
    job.made.channels, job.made.volume = s.filters, s.count
    for i in range(1, MAX_AXES):
        job.made.w[W_SIZE + i] = s.w[W_COUNT + i]
        job.made.w[W_PAD + i] = 0
    return cut_into_tiles(job)


cdef bint plan_turned_tiles(const Job* job, Job* turned) noexcept nogil:
    cdef const Sizes* s = &job.s
    cdef int i
    turned[0] = job[0]
    turned.way = filtering_of(job, True)
    if turned.way is NULL:
        return False
    turned.turned = True
    turned.x, turned.y = job.y, job.x
    turned.seen = turned.made = s[0]
    turned.seen.channels, turned.seen.volume = s.filters, s.count
    for i in range(1, MAX_AXES):
        turned.seen.w[W_SIZE + i] = s.w[W_COUNT + i]
        turned.seen.w[W_PAD + i] = 2 - s.w[W_PAD + i] if turned.way.mirrored else (
            s.w[W_KERNEL + i] - 3)
    return cut_into_tiles(turned)


cdef bint cut_into_tiles(Job* job) noexcept nogil:
    cdef const Sizes* s = &job.s
    cdef const Filtering* way = job.way
    cdef Py_ssize_t planes = s.batch * s.w[W_SIZE], down, across, tiles, wide = panel_of(job)
    down = job.made.w[W_COUNT + 1] = divided_up(job.made.w[W_SIZE + 1], way.tile)
    across = job.made.w[W_COUNT + 2] = divided_up(job.made.w[W_SIZE + 2], way.tile)
    tiles = down * across
    if (planes * tiles < FEWEST or 4 * way.products * way.products * tiles * s.w[W_SIZE]
            > 3 * s.window * s.count):
        return False
    job.images = 1
    job.lines = down
    if tiles > TILES:
        job.lines = max(<Py_ssize_t>1, TILES // across)
        job.across = divided_up(down, job.lines)
        job.lines = divided_up(down, job.across)
    else:
        job.images = min(planes, TILES // tiles)
        job.images = divided_up(planes, divided_up(planes, job.images))
        job.across = 1
    job.blocks = divided_up(planes, job.images) * job.across
    job.span = job.lines * across
    job.width = job.images * job.span
    job.apart = job.seen.channels * wide + WHOLE
    job.filters = divided_up(job.made.channels, wide) * wide
    return True


cdef void share_filters(Job* job, Py_ssize_t blocks) noexcept nogil:
    """Divide the filters among tasks where there are few blocks."""
    cdef Py_ssize_t wide = panel_of(job)
    while job.s.groups * blocks * divided_up(job.made.channels, job.filters) < FEW and (
            job.filters >= 2 * wide):
        job.filters = divided_up(job.filters, 2 * wide) * wide
    job.steps = divided_up(job.made.channels, job.filters)


cdef void lay_plane_out(const Job* job, const Sizes* planes, const char* x, Py_ssize_t channels,
                        Py_ssize_t pitch, Py_ssize_t top, Py_ssize_t left, Py_ssize_t height,
                        Py_ssize_t width, char* out) noexcept nogil:
    """Some lines of a plane, place by place with the channels side by side, and zeros around."""
    cdef Py_ssize_t size = job.size, wide = planes.w[W_SIZE + 2], h, i, c
    cdef Py_ssize_t inside = min(wide, width - left), line = width * pitch
    for h in range(height):
        if not 0 <= top + h < planes.w[W_SIZE + 1]:
            memset(at(out, h * line, size), 0, line * size)
            continue
        memset(at(out, h * line, size), 0, left * pitch * size)
        memset(at(out, h * line + (left + inside) * pitch, size), 0,
               (width - left - inside) * pitch * size)
    for i in range(divided_up(channels, WHOLE)):        # few planes are read side by side
        c = i * WHOLE
        for h in range(max(<Py_ssize_t>0, -top), min(height, planes.w[W_SIZE + 1] - top)):
            kernels.transpose[job.dtype](
                x + (c * planes.volume + (top + h) * wide) * size, planes.volume * size,
                at(out, h * line + left * pitch + c, size), pitch, inside,
                min(<Py_ssize_t>WHOLE, channels - c))


cdef void transform_planes(const Job* job, int which, const Sizes* planes, const char* x,
                           Py_ssize_t first_channel, Py_ssize_t channels, Py_ssize_t pitch,
                           Py_ssize_t patch, Py_ssize_t step, Py_ssize_t products,
                           const Block* block, char* laid, char* out) noexcept nogil:
    """The tiles of a block: for each product, all tiles' channels."""
    cdef Py_ssize_t size = job.size, depth = planes.w[W_SIZE]
    cdef Py_ssize_t across = job.made.w[W_COUNT + 2], apart = job.width * pitch + WHOLE
    cdef Py_ssize_t width = (across - 1) * step + patch, i, line, tile, plane, start
    cdef Py_ssize_t area = planes.w[W_SIZE + 1] * planes.w[W_SIZE + 2]
    for i in range(block.images):
        plane = block.image + i
        start = (plane // depth * job.s.groups * planes.channels + first_channel) * planes.volume
        lay_plane_out(job, planes, x + (start + plane % depth * area) * size, channels, pitch,
                      block.first * step - planes.w[W_PAD + 1], planes.w[W_PAD + 2],
                      (block.lines - 1) * step + patch, width, laid)
        for line in range(block.lines):
            for tile in range(across):
                kernels.winograd[job.dtype](
                    which, at(laid, (line * width + tile) * step * pitch, size), width * pitch,
                    pitch, out, products * apart, apart, channels)
                out = at(out, pitch, size)


cdef void put_block(const Job* job, Py_ssize_t number, Block* block) noexcept nogil:
    cdef Py_ssize_t planes = job.s.batch * job.s.w[W_SIZE]
    block.image = number // job.across * job.images
    block.images = min(job.images, planes - block.image)
    block.first = number % job.across * job.lines
    block.lines = min(job.lines, job.made.w[W_COUNT + 1] - block.first)
    block.tiles = block.images * block.lines * job.made.w[W_COUNT + 2]


cdef void transform_panel(const Job* job, Py_ssize_t group, Py_ssize_t share, char* out,
                          char* scratch) noexcept nogil:
    """The transforms of a panel of filters: (product, channel, filter)."""
    cdef const Filtering* way = job.way
    cdef Py_ssize_t wide = panel_of(job), size = job.size, window = way.kernel * way.kernel, c
    cdef Py_ssize_t channels = job.seen.channels, filter = share * wide, row = way.kernel * wide
    cdef Py_ssize_t filters = min(wide, job.made.channels - filter), step = wide
    cdef char* begin = scratch
    if filters < wide:
        memset(scratch, 0, channels * window * wide * size)
    if not job.turned:
        kernels.transpose[job.dtype](
            at(job.w, (group * job.made.channels + filter) * channels * window, size),
            channels * window * size, scratch, wide, channels * window, filters)
    else:
        for c in range(channels):
            kernels.transpose[job.dtype](
                at(job.w, ((group * channels + c) * job.made.channels + filter) * window, size),
                window * size, at(scratch, c * window * wide, size), wide, window, filters)
        if way.mirrored:
            begin, row, step = at(scratch, (window - 1) * wide, size), -row, -step
    for c in range(channels):
        kernels.winograd[job.dtype](
            way.filters, at(begin, c * window * wide, size), row, step, at(out, c * wide, size),
            way.products * job.apart, job.apart, wide)


cdef void transform_filters(const Job* job, Py_ssize_t task, char* scratch) noexcept nogil:
    cdef Py_ssize_t shares = divided_up(job.made.channels, panel_of(job))
    cdef Py_ssize_t products = job.way.products * job.way.products
    transform_panel(job, task // shares, task % shares,
                    at(job.transformed, task * products * job.apart, job.size), scratch)


cdef Tensor offsets_of_products(Job* job, Py_ssize_t filters):
    """Where tiles, channels, sums and rows of transformed filters begin."""
    cdef Py_ssize_t channels = job.seen.channels, room = 2 * (job.width + channels), i
    cdef Py_ssize_t wide = panel_of(job)
    cdef Tensor owner = new(ND, INT64, 1, &room)
    job.begins = <Py_ssize_t*>owner.data
    job.goes = job.begins + job.width
    job.offset = job.goes + job.width
    job.starts = job.offset + channels
    for i in range(job.width):
        job.begins[i] = i * pitch_of(channels)
        job.goes[i] = i * pitch_of(filters)
    for i in range(channels):
        job.offset[i] = i
        job.starts[i] = i * wide
    return owner


cdef void sum_products(const Job* job, const char* bias, Py_ssize_t filters, Py_ssize_t tiles,
                       char* seen, char* w, char* sums) noexcept nogil:
    """The sums of a block's tiles over the channels, of some filters."""
    cdef const Filtering* way = job.way
    cdef Py_ssize_t size = job.size, wide = panel_of(job), channels = job.seen.channels
    cdef Py_ssize_t seen_pitch = pitch_of(channels), pitch = pitch_of(job.filters)
    cdef Py_ssize_t products = way.products, i, j, k, share, down, beside
    cdef char* x
    cdef char* out
    cdef bint begun
    for i in range(products):
        for j in range(products):
            down, beside, k = way.sum_of[i], way.sum_of[j], i * products + j
            x = at(seen, k * (job.width * seen_pitch + WHOLE), size)
            out = at(sums, (down * way.sums + beside) * (job.width * pitch + WHOLE), size)
            begun = i and way.sum_of[i - 1] == down or j and way.sum_of[j - 1] == beside
            if not begun and bias is not NULL and way.biased >> down & way.biased >> beside & 1:
                begin_with_bias(job, bias, filters, tiles, pitch, out)
                begun = True
            for share in range(divided_up(filters, wide)):
                if panel_width(job):
                    kernels.gathered_product[job.dtype](
                        x, job.begins, job.offset, channels,
                        at(w, (share * products * products + k) * job.apart, size), wide,
                        at(out, share * wide, size), job.goes, tiles, begun)
                else:
                    gemm_cut(job.dtype, False, False, tiles, wide, channels, x, seen_pitch,
                             at(w, (share * products * products + k) * job.apart, size), wide,
                             1.0 if begun else 0.0, at(out, share * wide, size), pitch)


cdef void put_line(const Job* job, char* sums, Py_ssize_t line, Py_ssize_t filters, char* out,
                   char* corner) noexcept nogil:
    """The results of a line of tiles, place by place with the filters side by side."""
    cdef const Filtering* way = job.way
    cdef Py_ssize_t size = job.size, pitch = pitch_of(job.filters), tile = way.tile, i, r
    cdef Py_ssize_t apart = job.width * pitch + WHOLE, wide = job.made.w[W_SIZE + 2]
    cdef Py_ssize_t high = min(tile, job.made.w[W_SIZE + 1] - line * tile), columns
    for i in range(job.made.w[W_COUNT + 2]):
        columns = min(tile, wide - i * tile)
        if high == tile and columns == tile:
            kernels.winograd[job.dtype](
                way.results, sums, way.sums * apart, apart, at(out, i * tile * pitch, size),
                wide * pitch, pitch, filters)
        else:
            kernels.winograd[job.dtype](way.results, sums, way.sums * apart, apart, corner,
                                        tile * pitch, pitch, filters)
            for r in range(high):
                memcpy(at(out, (r * wide + i * tile) * pitch, size),
                       at(corner, r * tile * pitch, size), columns * pitch * size)
        sums = at(sums, pitch, size)


cdef inline Py_ssize_t own_panels(const Job* job) noexcept nogil:
    """Panels of filters that one task transforms for itself."""
    return job.filters // panel_of(job) if job.blocks == 1 else 0


cdef void tiles_block(const Job* job, Py_ssize_t task, char* scratch) noexcept nogil:
    """The results of one group, one block of tiles and some filters."""
    cdef const Filtering* way = job.way
    cdef const Sizes* made = &job.made
    cdef Py_ssize_t size = job.size, group = task // job.steps % job.s.groups
    cdef Py_ssize_t filter = task % job.steps * job.filters, channels = job.seen.channels
    cdef Py_ssize_t filters = min(job.filters, made.channels - filter), wide = panel_of(job)
    cdef Py_ssize_t products = way.products * way.products, share, i, line, plane, start, count
    cdef Py_ssize_t pitch = pitch_of(job.filters), area = made.w[W_SIZE + 1] * made.w[W_SIZE + 2]
    cdef Py_ssize_t shares = divided_up(made.channels, wide)
    cdef char* sums = at(scratch, products * (job.width * pitch_of(channels) + WHOLE), size)
    cdef char* w = at(sums, way.sums * way.sums * (job.width * pitch + WHOLE), size)
    cdef char* rest = at(w, products * job.apart * own_panels(job), size)
    cdef char* corner = at(rest, job.lines * way.tile * made.w[W_SIZE + 2] * pitch, size)
    cdef char* turned = at(corner, way.tile * way.tile * pitch, size)
    cdef const char* bias = NULL
    cdef Block block
    if job.bias is not NULL:
        bias = job.bias + (group * made.channels + filter) * size
    put_block(job, task // job.steps // job.s.groups, &block)
    transform_planes(job, way.images, &job.seen, job.x, group * channels, channels,
                     pitch_of(channels), way.patch, way.step, way.products, &block, rest, scratch)
    if job.blocks == 1:           # filters that are used once stay near
        for share in range(divided_up(filters, wide)):
            transform_panel(job, group, filter // wide + share,
                            at(w, share * products * job.apart, size), rest)
    else:
        w = at(job.transformed, (group * shares + filter // wide) * products * job.apart, size)
    sum_products(job, bias, filters, block.tiles, scratch, w, sums)
    for i in range(block.images):
        plane = block.image + i
        start = (plane // made.w[W_SIZE] * job.s.groups * made.channels + group * made.channels
                 + filter) * made.volume + plane % made.w[W_SIZE] * area
        for line in range(block.lines):
            put_line(job, sums, block.first + line, divided_up(filters, wide) * wide,
                     at(rest, line * way.tile * made.w[W_SIZE + 2] * pitch, size), corner)
            sums = at(sums, made.w[W_COUNT + 2] * pitch, size)
        line = block.first * way.tile
        count = min(block.lines * way.tile, made.w[W_SIZE + 1] - line)
        put_results(job, rest, pitch, filters, start + line * made.w[W_SIZE + 2],
                    count * made.w[W_SIZE + 2], turned, scratch)


cdef Py_ssize_t scratch_for_tiles(const Job* job, Py_ssize_t own) noexcept:
    """Numbers: transformed planes, sums, a task's own panels of filters, and what is laid out."""
    cdef const Filtering* way = job.way
    cdef Py_ssize_t pitch = pitch_of(job.filters), seen_pitch = pitch_of(job.seen.channels)
    cdef Py_ssize_t products = way.products * way.products, across = job.made.w[W_COUNT + 2]
    cdef Py_ssize_t laid = ((job.lines - 1) * way.step + way.patch) * (
        (across - 1) * way.step + way.patch) * seen_pitch
    cdef Py_ssize_t slopes = job.lines * way.tile * across * way.tile * pitch
    cdef Py_ssize_t whole = way.tile * pitch * (
        2 * job.lines * job.made.w[W_SIZE + 2] + way.tile)
    cdef Py_ssize_t panel = 2 * job.seen.channels * way.kernel * way.kernel * panel_of(job)
    return (products * (job.width * seen_pitch + WHOLE)
            + way.sums * way.sums * (job.width * pitch + WHOLE)
            + own * products * job.apart + max(max(laid, slopes), max(whole, panel)))


cdef Py_ssize_t workspace_for_tiles(Job* job) noexcept:
    cdef Py_ssize_t shares = divided_up(job.made.channels, panel_of(job))
    cdef Py_ssize_t products = job.way.products * job.way.products
    share_filters(job, job.blocks)
    return whole_lines(0 if job.blocks == 1 else job.s.groups * shares * products * job.apart
                       * job.size) + (
        threads() * room_of_task(job, scratch_for_tiles(job, own_panels(job))))


cdef int convolve_tiles(Job* job) except -1:
    cdef Py_ssize_t shares = divided_up(job.made.channels, panel_of(job)), n
    cdef Tensor transformed
    share_filters(job, job.blocks)
    if job.blocks > 1:
        n = job.s.groups * shares * job.way.products * job.way.products * job.apart
        transformed = workspace(job, job.dtype, n)
        job.transformed = transformed.data
        job.tasks = job.s.groups * shares
        run_tasks(job, transform_filters, job.seen.channels * job.s.window * panel_of(job), False)
    _offsets = offsets_of_products(job, job.filters)
    job.tasks = job.s.groups * job.blocks * job.steps
    return run_tasks(job, tiles_block, scratch_for_tiles(job, own_panels(job)), True)


cdef void panel_back(const Job* job, Py_ssize_t group, Py_ssize_t share, char* slopes,
                     char* scratch) noexcept nogil:
    """The gradient of a panel's filters from that of their transforms."""
    cdef const Filtering* way = job.way
    cdef Py_ssize_t wide = panel_of(job), size = job.size, window = way.kernel * way.kernel, c
    cdef Py_ssize_t channels = job.seen.channels, filter = share * wide, n = channels * window
    cdef Py_ssize_t filters = min(wide, job.made.channels - filter)
    cdef char* turned = at(scratch, n * wide, size)
    cdef char* w = at(job.w, (group * job.made.channels + filter) * n, size)
    for c in range(channels):
        kernels.winograd[job.dtype](
            way.filters_back, at(slopes, c * wide, size), way.products * job.apart, job.apart,
            at(scratch, c * window * wide, size), way.kernel * wide, wide, wide)
    kernels.transpose[job.dtype](scratch, wide * size, turned if job.accumulate else w, n, filters,
                                 n)
    if job.accumulate:
        kernels.add_to[job.dtype](turned, w, filters * n)


cdef void add_slopes(const Job* job, Py_ssize_t filters, Py_ssize_t tiles, char* seen,
                     char* slopes, char* w, bint begun) noexcept nogil:
    """Add what a block gives to the gradient of some transformed filters."""
    cdef const Filtering* way = job.way
    cdef Py_ssize_t size = job.size, wide = panel_of(job), channels = job.seen.channels
    cdef Py_ssize_t seen_pitch = pitch_of(channels), pitch = pitch_of(job.filters)
    cdef Py_ssize_t products = way.products, i, j, k, share
    cdef char* x
    cdef char* g
    for i in range(products):
        for j in range(products):
            k = i * products + j
            x = at(seen, k * (job.width * seen_pitch + WHOLE), size)
            g = at(slopes, (way.sum_of[i] * way.sums + way.sum_of[j])
                   * (job.width * pitch + WHOLE), size)
            for share in range(divided_up(filters, wide)):
                if panel_width(job):
                    kernels.gathered_product[job.dtype](
                        x, job.offset, job.begins, tiles, at(g, share * wide, size), pitch,
                        at(w, (share * products * products + k) * job.apart, size), job.starts,
                        channels, begun)
                else:
                    gemm_cut(job.dtype, True, False, channels, wide, tiles, x, seen_pitch,
                             at(g, share * wide, size), pitch, 1.0 if begun else 0.0,
                             at(w, (share * products * products + k) * job.apart, size), wide)


cdef void tiles_back(const Job* job, Py_ssize_t task, char* scratch) noexcept nogil:
    """The gradient of some filters of one group, from a part of the blocks."""
    cdef const Filtering* way = job.way
    cdef Py_ssize_t size = job.size, group = task // job.steps % job.s.groups
    cdef Py_ssize_t part = task // job.steps // job.s.groups, wide = panel_of(job)
    cdef Py_ssize_t filter = task % job.steps * job.filters, channels = job.seen.channels
    cdef Py_ssize_t filters = min(job.filters, job.made.channels - filter), number, share
    cdef Py_ssize_t products = way.products * way.products, pitch = pitch_of(job.filters)
    cdef Py_ssize_t shares = divided_up(job.made.channels, wide)
    cdef char* slopes = at(scratch, products * (job.width * pitch_of(channels) + WHOLE), size)
    cdef char* w = at(slopes, way.sums * way.sums * (job.width * pitch + WHOLE), size)
    cdef char* rest = at(w, products * job.apart * job.filters // wide if job.parts == 1 else 0,
                         size)
    cdef bint begun = False
    cdef Block block
    if job.parts > 1:
        w = at(job.transformed, ((part * job.s.groups + group) * shares + filter // wide)
               * products * job.apart, size)
    if filters % wide:                              # denormal rubbish is slow
        memset(slopes, 0, way.sums * way.sums * (job.width * pitch + WHOLE) * size)
    for number in range(part * job.blocks // job.parts, (part + 1) * job.blocks // job.parts):
        put_block(job, number, &block)
        transform_planes(job, way.images, &job.seen, job.x, group * channels, channels,
                         pitch_of(channels), way.patch, way.step, way.products, &block, rest,
                         scratch)
        transform_planes(job, way.slopes, &job.made, job.y, group * job.made.channels + filter,
                         filters, pitch, way.tile, way.tile, way.sums, &block, rest, slopes)
        add_slopes(job, filters, block.tiles, scratch, slopes, w, begun)
        begun = True
    if job.parts == 1:
        for share in range(divided_up(filters, wide)):
            panel_back(job, group, filter // wide + share,
                       at(w, share * products * job.apart, size), rest)


cdef void sum_panel(const Job* job, Py_ssize_t task, char* scratch) noexcept nogil:
    """The gradient of a panel's filters, summed over the parts."""
    cdef Py_ssize_t shares = divided_up(job.made.channels, panel_of(job)), part
    cdef Py_ssize_t n = job.way.products * job.way.products * job.apart
    cdef char* panel = at(job.transformed, task * n, job.size)
    for part in range(1, job.parts):
        kernels.add_to[job.dtype](at(panel, part * job.s.groups * shares * n, job.size), panel, n)
    panel_back(job, task // shares, task % shares, panel, scratch)


cdef int gradient_tiles(Job* job) except -1:
    cdef Py_ssize_t wide = panel_of(job), shares = divided_up(job.made.channels, wide)
    cdef Py_ssize_t n = job.s.groups * shares * job.way.products * job.way.products * job.apart
    cdef Tensor transformed
    job.parts = max(<Py_ssize_t>1, min(min(job.blocks, FEW // job.s.groups), PARTIAL // n))
    share_filters(job, job.parts)
    if job.parts > 1:
        n *= job.parts
        transformed = new(ND, job.dtype, 1, &n)
        job.transformed = transformed.data
    _offsets = offsets_of_products(job, job.filters)
    job.tasks = job.s.groups * job.parts * job.steps
    run_tasks(job, tiles_back,
              scratch_for_tiles(job, job.filters // wide if job.parts == 1 else 0), True)
    if job.parts == 1:
        return 0
    job.tasks = job.s.groups * shares
    return run_tasks(job, sum_panel, 2 * job.seen.channels * job.s.window * wide, False)
