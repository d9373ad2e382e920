"""Sums over windows directly, on lines laid out so that neighbouring windows are neighbours.

Where few filters see a window, packing it would take longer than the product, and with many
filters laying out costs a part of packing.
"""

from libc.string cimport memset
from microlazy.core.blas cimport gemm_cut
from microlazy.core.kernels.select cimport kernels
from microlazy.core.kernels.table cimport *
from microlazy.core.loops.windows cimport *
from microlazy.core.tensor cimport INT64, ND, Tensor, new

cdef enum:
    LINES = 3 << 13               # numbers in a block that is laid out where little is summed
    MANY_PLACES = 64              # places in a window
    FEW_PLACES = 2048             # in a window that is summed directly
    FEW_FILTERS = 24              # that see a window: packing it would not pay
    NEAR = 1 << 12                # numbers in a block that stay in the nearest cache
    PACKING = 45                  # filters whose products take as long as packing their windows


cdef bint plan_lines(Job* job) noexcept nogil:
    cdef Sizes* s = &job.s
    cdef Py_ssize_t below = reach_of(s, 1) // s.w[W_STRIDE + 1]
    cdef Py_ssize_t beside = reach_of(s, 2) // s.w[W_STRIDE + 2]
    cdef Py_ssize_t planes = (s.channels * s.w[W_KERNEL]
                              * min(s.w[W_STRIDE + 1], reach_of(s, 1) + 1)
                              * min(s.w[W_STRIDE + 2], reach_of(s, 2) + 1))
    cdef Py_ssize_t least, most, vectors, lines
    job.width = s.w[W_COUNT + 2] + beside
    least = job.width * (planes * (below + 1) + s.filters)
    if least > MOST_LINES:
        return False
    most = LINES if s.places < MANY_PLACES else MOST_LINES
    most = 1 + max(<Py_ssize_t>0, most - least) // (job.width * (planes + s.filters))
    most = min(most, s.w[W_COUNT + 1])
    job.vectors = 0
    for lines in range(most, most // 2, -1):        # those that fill vectors best
        vectors = (s.w[W_COUNT + 1] // lines * divided_up(lines * job.width, WHOLE)
                   + divided_up(s.w[W_COUNT + 1] % lines * job.width, WHOLE))
        if job.vectors == 0 or vectors < job.vectors:
            job.vectors = vectors
            job.lines = lines
    job.across = divided_up(s.w[W_COUNT + 1], job.lines)
    job.height = job.lines + below
    job.blocks = s.batch * s.w[W_COUNT] * job.across
    job.length = divided_up(job.lines * job.width, TILE) * TILE
    job.panel = planes * job.height * job.width
    job.sums = s.filters * job.length
    job.steps = 1
    return True


cdef bint is_thin(const Sizes* s) noexcept nogil:
    return s.filters <= FEW_FILTERS and s.places <= FEW_PLACES


cdef bint is_straight(const Job* job) noexcept nogil:
    return job.s.w[W_COUNT + 2] % kernels.lanes[job.dtype] == 0


cdef bint is_cheap(const Job* job, Py_ssize_t times, Py_ssize_t results,
                   Py_ssize_t placing) noexcept nogil:
    # The sums are made for what lies between lines too, in whole vectors. The two constants were
    # measured, with AVX2 and with AVX-512.
    cdef const Sizes* s = &job.s
    cdef Py_ssize_t sums = times * WHOLE * job.vectors * s.w[W_COUNT]
    return (s.filters >= 4 and
            s.filters * (sums * s.places + results * placing) < results * (s.filters + PACKING)
            * s.places)


cdef Tensor offsets_of(Job* job):
    """Where in a block each place of its first window is."""
    cdef Sizes* s = &job.s
    cdef Py_ssize_t phases = min(s.w[W_STRIDE + 1], reach_of(s, 1) + 1)
    cdef Py_ssize_t columns = min(s.w[W_STRIDE + 2], reach_of(s, 2) + 1)
    cdef Py_ssize_t c, i, j, h, w, k = 0, area = job.height * job.width
    cdef Tensor owner = new(ND, INT64, 1, &s.places)
    job.offset = <Py_ssize_t*>owner.data
    for c in range(s.channels * s.w[W_KERNEL]):
        for i in range(s.w[W_KERNEL + 1]):
            h = i * s.w[W_DILATE + 1]
            for j in range(s.w[W_KERNEL + 2]):
                w = j * s.w[W_DILATE + 2]
                job.offset[k] = (
                    ((c * phases + h % s.w[W_STRIDE + 1]) * columns + w % s.w[W_STRIDE + 2]) * area
                    + h // s.w[W_STRIDE + 1] * job.width + w // s.w[W_STRIDE + 2])
                k += 1
    return owner


cdef Py_ssize_t lay_out(const Job* job, Py_ssize_t block, Py_ssize_t group, Py_ssize_t* lines,
                        char* scratch) noexcept nogil:
    cdef const Sizes* s = &job.s
    cdef Py_ssize_t first = block % job.across * job.lines, plane = block // job.across
    cdef Py_ssize_t image = plane // s.w[W_COUNT]
    plane %= s.w[W_COUNT]
    lines[0] = min(job.lines, s.w[W_COUNT + 1] - first)
    kernels.spread_windows[job.dtype](
        at(job.x, (image * s.groups + group) * s.channels * s.volume, job.size), s.w, scratch,
        s.channels, plane, first, lines[0], job.height, job.width)
    return (image * s.groups + group) * s.filters * s.count + (
        plane * s.w[W_COUNT + 1] + first) * s.w[W_COUNT + 2]


cdef Tensor filters_side_by_side(Job* job, const Py_ssize_t* starts, Py_ssize_t phases):
    """The filters of each group, phase by phase: (place, filter)."""
    cdef const Sizes* s = &job.s
    cdef Py_ssize_t n = s.groups * s.filters * starts[phases], group, p, places, first
    cdef Tensor owner = new(ND, job.dtype, 1, &n)
    job.transformed = owner.data
    for group in range(s.groups):
        for p in range(phases):
            first = s.filters * (group * starts[phases] + starts[p])
            places = starts[p + 1] - starts[p]
            kernels.transpose[job.dtype](
                at(job.w, first, job.size), places * job.size,
                at(job.transformed, first, job.size), s.filters, places, s.filters)
    return owner


cdef void divide_straight(Job* job) noexcept nogil:
    """Lines that fill vectors are stored where they are summed: a block is what the windows see."""
    cdef const Sizes* s = &job.s
    cdef Py_ssize_t below = job.height - job.lines, line = job.panel // job.height
    cdef Py_ssize_t least = job.lines
    job.lines = min(s.w[W_COUNT + 1], max(least, NEAR // line - below))
    while (s.groups * s.batch * s.w[W_COUNT] * divided_up(s.w[W_COUNT + 1], job.lines) < FEW
           and job.lines > least):
        job.lines = max(least, job.lines // 2)
    job.across = divided_up(s.w[W_COUNT + 1], job.lines)
    job.lines = divided_up(s.w[W_COUNT + 1], job.across)
    job.height = job.lines + below
    job.blocks = s.batch * s.w[W_COUNT] * job.across
    job.panel = line * job.height
    job.sums = 0


cdef void slide_block(const Job* job, Py_ssize_t task, char* scratch) noexcept nogil:
    """The results of one group in one block of lines."""
    cdef const Sizes* s = &job.s
    cdef Py_ssize_t group = task % s.groups, lines, start, count, step, f
    cdef Py_ssize_t across = s.w[W_COUNT + 2]
    cdef char* w = at(job.transformed, group * s.filters * s.places, job.size)
    cdef char* sums = at(scratch, job.panel + TILE, job.size)
    cdef char* placed = at(sums, job.sums, job.size)
    cdef const char* bias = NULL
    if job.bias is not NULL:
        bias = job.bias + group * s.filters * job.size
    start = lay_out(job, task // s.groups, group, &lines, scratch)
    count = step = lines * across
    memset(at(scratch, job.panel, job.size), 0, TILE * job.size)    # denormal rubbish is slow
    if job.tail is NULL:
        placed, step = at(job.y, start, job.size), s.count
    if is_straight(job) and not job.accumulate:
        kernels.slide[job.dtype](scratch, job.offset, w, bias, placed, s.filters, s.places,
                                 s.filters, step, lines, job.width, across, across, job.relu)
    else:
        kernels.slide[job.dtype](scratch, job.offset, w, bias, sums, s.filters, s.places,
                                 s.filters, job.length, 1, 0, 0, lines * job.width, job.relu)
        kernels.place_rows[job.dtype](sums, NULL, placed, job.length, job.width, step, across,
                                      s.filters, lines, across, job.accumulate, False)
    if job.tail is not NULL:
        for f in range(s.filters):
            finish(job, at(placed, f * count, job.size), start + f * s.count, count, scratch)


cdef int convolve_directly(Job* job) except -1:
    cdef Py_ssize_t[2] starts
    starts[0], starts[1] = 0, job.s.places
    _filters = filters_side_by_side(job, starts, 1)
    if is_straight(job) and not job.accumulate and job.tail is NULL:
        divide_straight(job)
    _owner = offsets_of(job)
    job.tasks = job.blocks * job.s.groups
    return run_tasks(job, slide_block, job.panel + TILE + job.sums * (
        2 if job.tail is not NULL else 1), False)


cdef void slide_back(const Job* job, Py_ssize_t task, char* scratch) noexcept nogil:
    """The filters' gradient of one group, from a part of the blocks."""
    cdef const Sizes* s = &job.s
    cdef Py_ssize_t group = task % s.groups, part = task // s.groups, size = job.size
    cdef Py_ssize_t block, lines, start, f
    cdef char* slopes = at(scratch, job.panel + TILE, size)
    cdef char* sums = at(slopes, job.sums, size)
    cdef char* w = at(job.w, (part * s.groups + group) * s.filters * s.places, size)
    if not (job.accumulate and job.parts == 1):
        memset(w, 0, s.filters * s.places * size)
    memset(at(scratch, job.panel, size), 0, TILE * size)
    memset(slopes, 0, job.sums * size)      # between lines, and behind them, it stays so
    memset(sums, 0, WHOLE * s.filters * s.places * size)
    for block in range(part * job.blocks // job.parts, (part + 1) * job.blocks // job.parts):
        start = lay_out(job, block, group, &lines, scratch)
        kernels.place_rows[job.dtype](
            at(job.y, start, size), NULL, slopes, s.count, s.w[W_COUNT + 2], job.length, job.width,
            s.filters, lines, s.w[W_COUNT + 2], False, False)
        if lines < job.lines:               # the block before had more: whole vectors are read
            for f in range(s.filters):
                memset(at(slopes, f * job.length + lines * job.width, size), 0, WHOLE * size)
        kernels.slide_grad[job.dtype](
            scratch, job.offset, slopes, sums, s.filters, s.places, job.length, 1, 0, 0,
            divided_up(lines * job.width, WHOLE) * WHOLE)
    kernels.sum_vectors[job.dtype](sums, w, s.filters * s.places)


cdef int gradient_directly(Job* job) except -1:
    _owner = offsets_of(job)
    divide_sum(job)
    return sum_parts(job, slide_back, job.panel + TILE + job.sums
                     + WHOLE * job.s.filters * job.s.places, False)


cdef void taps_block(const Job* job, Py_ssize_t task, char* scratch) noexcept nogil:
    """The gradient of one group's filters, from a part of the blocks: (place, filter, channel).

    For each place in a window, what all channels have there lies equally far apart.
    """
    cdef const Sizes* s = &job.s
    cdef Py_ssize_t group = task % s.groups, part = task // s.groups, size = job.size
    cdef Py_ssize_t block, lines, start, k, matrix = s.filters * s.channels
    cdef char* slopes = at(scratch, job.panel + TILE, size)
    cdef char* w = at(job.transformed, (part * s.groups + group) * s.window * matrix, size)
    cdef bint begun = False
    memset(at(scratch, job.panel, size), 0, TILE * size)
    memset(slopes, 0, job.sums * size)      # between lines it stays so
    for block in range(part * job.blocks // job.parts, (part + 1) * job.blocks // job.parts):
        start = lay_out(job, block, group, &lines, scratch)
        kernels.place_rows[job.dtype](
            at(job.y, start, size), NULL, slopes, s.count, s.w[W_COUNT + 2], job.length, job.width,
            s.filters, lines, s.w[W_COUNT + 2], False, False)
        for k in range(s.window):
            gemm_cut(job.dtype, False, True, s.filters, s.channels, lines * job.width, slopes,
                     job.length, at(scratch, job.offset[k], size), job.panel // s.channels,
                     1.0 if begun else 0.0, at(w, k * matrix, size), s.channels)
        begun = True


cdef void taps_back(const Job* job, Py_ssize_t task, char* scratch) noexcept nogil:
    """One filter's gradient, with the places of a channel together."""
    cdef const Sizes* s = &job.s
    cdef Py_ssize_t group = task // s.filters, matrix = s.filters * s.channels
    cdef char* w = at(job.w, task * s.places, job.size)
    kernels.transpose[job.dtype](
        at(job.transformed, group * s.window * matrix + task % s.filters * s.channels, job.size),
        matrix * job.size, scratch if job.accumulate else w, s.window, s.channels, s.window)
    if job.accumulate:
        kernels.add_to[job.dtype](scratch, w, s.places)


cdef int gradient_by_taps(Job* job) except -1:
    cdef Sizes* s = &job.s
    cdef Py_ssize_t n = s.groups * s.filters * s.places, total, i
    cdef Tensor transformed
    _owner = offsets_of(job)
    job.parts = max(<Py_ssize_t>1, min(min(job.blocks, FEW // s.groups), PARTIAL // n))
    total = n * job.parts
    transformed = new(ND, job.dtype, 1, &total)
    job.transformed = transformed.data
    job.tasks = s.groups * job.parts
    run_tasks(job, taps_block, job.panel + TILE + job.sums, True)
    for i in range(1, job.parts):
        kernels.add_to[job.dtype](at(transformed.data, i * n, job.size), transformed.data, n)
    job.tasks = s.groups * s.filters
    return run_tasks(job, taps_back, s.places, False)
