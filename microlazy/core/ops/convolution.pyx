"""Convolution, its transpose and their gradients, over one, two or three axes.

All of them are one sum over products x w y of images, filters and results, where each of the three
is found from the other two. So one node does all, and its gradients, of any order, are such nodes.

Three ways lead there. Windows are packed and multiplied by BLAS, a block of windows at a time that
stays in the cache (Chellapilla et al. 2006). Or an image is laid out so that neighbouring windows
are neighbours in memory, and sums run over it directly: where few filters see a window, packing
would take longer than the product, and with many filters it costs a part of it. Filters of 3 by 3
without stride, with many channels, need a quarter of the multiplications in float32: results are
found in tiles of 4 by 4 (Winograd 1980; Lavin & Gray 2016). That rounds more, to some 1e-5 of the
largest number where the others come to 1e-6. Blocks depend on the shapes alone, so that the number
of threads changes no bit.
"""

cimport cython
from cython cimport floating
from cython.parallel cimport prange
from libc.string cimport memcpy, memset
from microlazy.core.blas cimport gemm_cut, need_blas, one_blas_thread, restore_blas_threads
from microlazy.core.kernels.select cimport kernels
from microlazy.core.kernels.table cimport *
from microlazy.core.loops.elementwise cimport apply_unary_grad
from microlazy.core.ops.elementwise cimport mask, masked
from microlazy.core.ops.reduce cimport sum_over
from microlazy.core.ops.shape cimport reshape
from microlazy.core.ops.slots cimport hand_on
from microlazy.core.parallel cimport CHUNK, LIGHT_GRAIN, thread_number, threads
from microlazy.core.strided cimport packed
from microlazy.core.tape cimport NEEDS_A, NEEDS_B, NEEDS_OUT, Node, Pass, run
from microlazy.core.tensor cimport (
    FLOAT32, FLOAT64, INT64, ND, Tensor, header, itemsize, like, new,
)

cdef enum Role:                   # what is found from the other two
    IMAGES, FILTERS, RESULTS

cdef enum:
    WORTH_THREADS = 1 << 18       # multiplications from which a second core pays
    SPAN = 256                    # windows in a block
    PANEL = 1 << 16               # numbers in a block of packed windows
    LINES = 3 << 13               # numbers in a block that is laid out for direct sums,
    MOST_LINES = 3 << 15          # and where there is much to sum:
    MANY_PLACES = 64              # places in a window
    WHOLE = 16                    # numbers in the widest vector
    TILE = 96                     # a multiple of the places that all kernels sum together
    FEW_PLACES = 2048             # in a window that is summed directly
    FEW_FILTERS = 24              # that see a window: packing it would not pay
    PACKING = 45                  # filters whose products take as long as packing their windows,
    PLACING = 24                  # and places whose products, as placing a direct sum
    BROAD = 24                    # channels and filters that fill a product of BLAS
    MANY = 32                     # channels and filters from which tiles pay
    TILES = 64                    # in a block
    FEW = 8                       # tasks that a small machine can share well
    PARTIAL = 1 << 22             # numbers in partial sums

ctypedef struct Job:
    # What threads share of one product.
    Sizes s
    int dtype
    Py_ssize_t size               # bytes of a number
    char* x
    char* w
    char* y
    const char* bias
    bint accumulate, relu
    Py_ssize_t images, span       # of a block: images, or windows of one image
    Py_ssize_t across, blocks     # blocks of an image, and of all
    Py_ssize_t rows, steps        # of packed windows, at a time; how often
    Py_ssize_t filters            # of a task
    Py_ssize_t parts              # of a gradient, each summed by itself
    Py_ssize_t tasks
    bint in_place                 # windows of size 1: x has them as they have to be
    Py_ssize_t panel, sums        # numbers of scratch memory
    char* scratch
    Py_ssize_t room               # bytes of a thread's scratch memory
    Py_ssize_t* offset            # of a window's places, for direct sums
    Py_ssize_t* starts            # of each phase's offsets
    Py_ssize_t lines, height, width, length
    Py_ssize_t vectors            # that are summed for a plane of windows
    Py_ssize_t apart              # numbers from one transformed filters' place to the next
    Sizes seen, made              # tiles as windows of the images, and of the results
    char* transformed             # the filters, or their gradient


ctypedef void (*Task)(const Job* job, Py_ssize_t task, char* scratch) noexcept nogil


cdef inline Py_ssize_t divided_up(Py_ssize_t n, Py_ssize_t step) noexcept nogil:
    return (n + step - 1) // step


cdef inline char* at(char* data, Py_ssize_t place, Py_ssize_t size) noexcept nogil:
    return data + place * size


cdef int run_tasks(Job* job, Task task, Py_ssize_t numbers, bint blas) except -1:
    """Spread the tasks over threads, each with scratch memory for some numbers."""
    cdef const Sizes* s = &job.s
    cdef Py_ssize_t i, total
    cdef int team = 1, before = 1
    cdef Tensor scratch
    if s.batch * s.groups * s.filters * s.count * s.places >= WORTH_THREADS:
        team = <int>min(<Py_ssize_t>threads(), job.tasks)
    job.room = divided_up(numbers * job.size, 64) * 64
    total = job.room * team // 4
    scratch = new(ND, FLOAT32, 1, &total)
    job.scratch = scratch.data
    if blas:
        need_blas()
    with nogil:
        if blas:
            before = one_blas_thread()
        if team == 1:
            for i in range(job.tasks):
                task(job, i, job.scratch)
        else:
            for i in prange(job.tasks, schedule="dynamic", num_threads=team):
                task(job, i, job.scratch + thread_number() * job.room)
        if blas:
            restore_blas_threads(before)
    return 0


# ---- packed windows and BLAS -------------------------------------------------------------------

cdef void plan_blocks(Job* job) noexcept nogil:
    """Cut the windows into blocks, and the places in a window into rows that are packed at once."""
    cdef Sizes* s = &job.s
    cdef Py_ssize_t width
    job.images = job.across = 1
    if s.count >= SPAN:
        job.span = divided_up(divided_up(s.count, divided_up(s.count, SPAN)), WHOLE) * WHOLE
        job.across = divided_up(s.count, job.span)
        job.blocks = s.batch * job.across
        width = min(job.span, s.count)
    else:
        job.images = min(s.batch, max(<Py_ssize_t>1, SPAN // s.count))
        job.span = s.count
        job.blocks = divided_up(s.batch, job.images)
        width = job.images * s.count
    job.steps = divided_up(s.places, min(s.places, PANEL // width))
    job.rows = divided_up(s.places, job.steps)
    job.steps = divided_up(s.places, job.rows)
    job.filters = s.filters
    job.in_place = job.images == 1 and is_pointwise(s)
    if job.in_place:
        job.rows = s.places
        job.steps = 1
    job.panel = 0 if job.in_place else job.rows * width
    job.sums = 0 if job.images == 1 else width


cdef inline bint is_pointwise(const Sizes* s) noexcept nogil:
    cdef int i
    for i in range(MAX_AXES):
        if s.w[W_KERNEL + i] != 1 or s.w[W_STRIDE + i] != 1 or s.w[W_PAD + i]:
            return False
    return True


cdef char* packed_block(const Job* job, char* x, Py_ssize_t images, Py_ssize_t row,
                        Py_ssize_t rows, Py_ssize_t first, Py_ssize_t count,
                        char* panel) noexcept nogil:
    """Rows of the windows of some images, or of a part of one; x may have them already."""
    cdef const Sizes* s = &job.s
    cdef Py_ssize_t i
    if job.in_place:
        return at(x, row * s.volume + first, job.size)
    for i in range(images):
        kernels.pack_windows[job.dtype](
            at(x, i * s.groups * s.channels * s.volume, job.size), s.w,
            at(panel, i * count, job.size), row, rows, first, count, images * count)
    return panel


cdef void convolve_block(const Job* job, Py_ssize_t task, char* scratch) noexcept nogil:
    """The results of one group, one block of windows and some filters."""
    cdef const Sizes* s = &job.s
    cdef Py_ssize_t size = job.size, shares = divided_up(s.filters, job.filters)
    cdef Py_ssize_t group = task // shares % s.groups, block = task // shares // s.groups
    cdef Py_ssize_t filter = group * s.filters + task % shares * job.filters
    cdef Py_ssize_t filters = min(job.filters, (group + 1) * s.filters - filter)
    cdef Py_ssize_t image = block // job.across * job.images
    cdef Py_ssize_t images = min(job.images, s.batch - image)
    cdef Py_ssize_t first = block % job.across * job.span
    cdef Py_ssize_t count = min(job.span, s.count - first)
    cdef Py_ssize_t step, r, rows, all_filters = s.groups * s.filters
    cdef char* x = at(job.x, (image * s.groups + group) * s.channels * s.volume, size)
    cdef char* y = at(job.y, (image * all_filters + filter) * s.count + first, size)
    cdef const char* bias = NULL if job.bias is NULL else job.bias + filter * size
    cdef bint direct = job.sums == 0
    cdef char* sums = y if direct else at(scratch, job.panel, size)
    cdef char* panel
    for step in range(job.steps):
        r = step * job.rows
        rows = min(job.rows, s.places - r)
        panel = packed_block(job, x, images, r, rows, first, count, scratch)
        gemm_cut(job.dtype, False, False, filters, images * count, rows,
                 at(job.w, filter * s.places + r, size), s.places, panel,
                 s.volume if job.in_place else images * count,
                 1.0 if r or (direct and job.accumulate) else 0.0, sums,
                 s.count if direct else images * count)
    if not direct:
        kernels.place_rows[job.dtype](sums, bias, y, images * count, count, s.count,
                                      all_filters * s.count, filters, images, count,
                                      job.accumulate, job.relu)
    elif bias is not NULL or job.relu:
        kernels.place_rows[job.dtype](y, bias, y, s.count, 0, s.count, 0, filters, 1, count, False,
                                      job.relu)


cdef int convolve_packed(Job* job) except -1:
    cdef Sizes* s = &job.s
    plan_blocks(job)
    while s.groups * job.blocks < FEW and job.images > 1 and job.images * s.count >= SPAN:
        job.images = divided_up(job.images, 2)
        job.blocks = divided_up(s.batch, job.images)
    # Each task packs its windows, so that filters are divided only where they are many.
    while s.groups * job.blocks * divided_up(s.filters, job.filters) < FEW and job.filters >= 512:
        job.filters = divided_up(job.filters, 2)
    job.tasks = s.groups * job.blocks * divided_up(s.filters, job.filters)
    return run_tasks(job, convolve_block, job.panel + job.filters * job.sums, True)


cdef void gradient_block(const Job* job, Py_ssize_t task, char* scratch) noexcept nogil:
    """Some rows of the filters' gradient of one group, from a part of the blocks."""
    cdef const Sizes* s = &job.s
    cdef Py_ssize_t size = job.size
    cdef Py_ssize_t row = task % job.steps * job.rows
    cdef Py_ssize_t group = task // job.steps % s.groups, part = task // job.steps // s.groups
    cdef Py_ssize_t rows = min(job.rows, s.places - row)
    cdef Py_ssize_t block, image, images, first, count
    cdef Py_ssize_t all_filters = s.groups * s.filters
    cdef char* w = at(job.w, (part * all_filters + group * s.filters) * s.places + row, size)
    cdef char* x
    cdef char* y
    cdef char* panel
    cdef bint begun = job.accumulate and job.parts == 1
    for block in range(part * job.blocks // job.parts, (part + 1) * job.blocks // job.parts):
        image = block // job.across * job.images
        images = min(job.images, s.batch - image)
        first = block % job.across * job.span
        count = min(job.span, s.count - first)
        x = at(job.x, (image * s.groups + group) * s.channels * s.volume, size)
        y = at(job.y, (image * all_filters + group * s.filters) * s.count + first, size)
        panel = packed_block(job, x, images, row, rows, first, count, scratch)
        if job.sums:
            kernels.place_rows[job.dtype](y, NULL, at(scratch, job.panel, size), s.count,
                                          all_filters * s.count, images * count, count, s.filters,
                                          images, count, False, False)
            y = at(scratch, job.panel, size)
        gemm_cut(job.dtype, False, True, s.filters, rows, images * count, y,
                 images * count if job.sums else s.count, panel,
                 s.volume if job.in_place else images * count, 1.0 if begun else 0.0, w, s.places)
        begun = True


cdef int gradient_packed(Job* job) except -1:
    plan_blocks(job)
    return sum_parts(job, gradient_block, job.panel + job.s.filters * job.sums, True)


cdef int sum_parts(Job* job, Task task, Py_ssize_t numbers, bint blas) except -1:
    """The filters' gradient in parts, which are then added in order."""
    cdef const Sizes* s = &job.s
    cdef Py_ssize_t n = s.groups * s.filters * s.places, i, total
    cdef char* w = job.w
    cdef Tensor partial
    job.parts = max(<Py_ssize_t>1, min(divided_up(FEW, job.steps * s.groups),
                                       min(job.blocks, PARTIAL // n)))
    job.tasks = job.parts * s.groups * job.steps
    if job.parts == 1:
        return run_tasks(job, task, numbers, blas)
    total = n * job.parts
    partial = new(ND, job.dtype, 1, &total)
    job.w = partial.data
    run_tasks(job, task, numbers, blas)
    for i in range(job.parts):
        if i or job.accumulate:
            kernels.add_to[job.dtype](at(partial.data, i * n, job.size), w, n)
        else:
            memcpy(w, partial.data, n * job.size)
    return 0


cdef void add_back_block(const Job* job, Py_ssize_t task, char* scratch) noexcept nogil:
    """The images of one block, some channels: windows multiplied, and added back."""
    cdef const Sizes* s = &job.s
    cdef Py_ssize_t size = job.size, window = s.window
    cdef Py_ssize_t channel = task % job.steps * job.filters
    cdef Py_ssize_t group = task // job.steps % s.groups
    cdef Py_ssize_t image = task // job.steps // s.groups * job.images
    cdef Py_ssize_t images = min(job.images, s.batch - image)
    cdef Py_ssize_t channels = min(job.filters, s.channels - channel)
    cdef Py_ssize_t step = s.groups * s.channels * s.volume, row = channel * window
    cdef Py_ssize_t all_filters = s.groups * s.filters, part, first, count, i, rows
    cdef char* x = at(job.x, (image * s.groups + group) * s.channels * s.volume
                      + channel * s.volume, size)
    cdef char* y
    cdef const char* bias = NULL
    rows = channels * window
    if job.bias is not NULL:
        bias = job.bias + (group * s.channels + channel) * size
    for i in range(images):
        if not job.accumulate:
            memset(at(x, i * step, size), 0, channels * s.volume * size)
    for part in range(job.across):
        first = part * job.span
        count = min(job.span, s.count - first)
        y = at(job.y, (image * all_filters + group * s.filters) * s.count + first, size)
        if job.sums:
            kernels.place_rows[job.dtype](y, NULL, at(scratch, job.panel, size), s.count,
                                          all_filters * s.count, images * count, count, s.filters,
                                          images, count, False, False)
            y = at(scratch, job.panel, size)
        gemm_cut(job.dtype, True, False, rows, images * count, s.filters,
                 at(job.w, group * s.filters * s.places + row, size), s.places, y,
                 images * count if job.sums else s.count, 0.0, scratch, images * count)
        for i in range(images):
            kernels.put_windows[job.dtype](at(scratch, i * count, size), s.w, at(x, i * step, size),
                                           0, rows, first, count, images * count, True)
    if bias is not NULL or job.relu:
        kernels.place_rows[job.dtype](x, bias, x, s.volume, step, s.volume, step, channels, images,
                                      s.volume, False, job.relu)


cdef int add_back(Job* job) except -1:
    """The images from results and filters, by adding windows back."""
    cdef Sizes* s = &job.s
    cdef Py_ssize_t width
    plan_blocks(job)
    width = min(job.span, s.count) * job.images
    job.filters = max(<Py_ssize_t>1, PANEL // (width * s.window))      # channels of a task
    job.steps = divided_up(s.channels, min(s.channels, job.filters))
    job.blocks = divided_up(s.batch, job.images)
    while s.groups * job.blocks * job.steps < FEW and s.channels // job.steps >= 32:
        job.steps *= 2
    job.filters = divided_up(s.channels, job.steps)
    job.steps = divided_up(s.channels, job.filters)
    job.tasks = s.groups * job.blocks * job.steps
    job.panel = job.filters * s.window * width
    return run_tasks(job, add_back_block, job.panel + s.filters * job.sums, True)


# ---- direct sums -------------------------------------------------------------------------------

cdef inline Py_ssize_t reach_of(const Sizes* s, int axis) noexcept nogil:
    """How many places the first window's last element lies behind its first."""
    return (s.w[W_KERNEL + axis] - 1) * s.w[W_DILATE + axis]


cdef bint plan_lines(Job* job) noexcept nogil:
    """Lay blocks of lines out so that neighbouring windows are neighbours; False if too large."""
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


cdef inline bint is_thin(const Sizes* s) noexcept nogil:
    """Whether so few filters see a window that any direct sum is faster than packing."""
    return s.filters <= FEW_FILTERS and s.places <= FEW_PLACES


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


cdef inline Py_ssize_t lay_out(const Job* job, Py_ssize_t block, Py_ssize_t group,
                               Py_ssize_t* lines, char* scratch) noexcept nogil:
    """Lay a block of lines out; returns where in the results of a filter they begin."""
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


cdef void slide_block(const Job* job, Py_ssize_t task, char* scratch) noexcept nogil:
    """The results of one group in one block of lines."""
    cdef const Sizes* s = &job.s
    cdef Py_ssize_t group = task % s.groups, lines, start
    cdef char* sums = at(scratch, job.panel + TILE, job.size)
    start = lay_out(job, task // s.groups, group, &lines, scratch)
    memset(at(scratch, job.panel, job.size), 0, TILE * job.size)    # denormal rubbish is slow
    kernels.slide[job.dtype](
        scratch, job.offset, at(job.w, group * s.filters * s.places, job.size), sums, s.filters,
        s.places, job.length, lines * job.width)
    kernels.place_rows[job.dtype](
        sums, NULL if job.bias is NULL else job.bias + group * s.filters * job.size,
        at(job.y, start, job.size), job.length, job.width, s.count, s.w[W_COUNT + 2], s.filters,
        lines, s.w[W_COUNT + 2], job.accumulate, job.relu)


cdef int convolve_directly(Job* job) except -1:
    _owner = offsets_of(job)
    job.tasks = job.blocks * job.s.groups
    return run_tasks(job, slide_block, job.panel + TILE + job.sums, False)


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
            scratch, job.offset, slopes, sums, s.filters, s.places, job.length,
            divided_up(lines * job.width, WHOLE) * WHOLE)
    kernels.sum_vectors[job.dtype](sums, w, s.filters * s.places)


cdef int gradient_directly(Job* job) except -1:
    _owner = offsets_of(job)
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


# ---- transposes, directly ----------------------------------------------------------------------

cdef bint plan_phases(const Job* job, Job* turned) noexcept nogil:
    """See the images of a convolution with strides as results of convolutions without; or False.

    A place of the images is `q * stride + phase - pad`. All places of one phase are windows that
    slide over the results by 1, with filters of each stride-th element, from the last to the first.
    """
    cdef const Sizes* s = &job.s
    cdef Sizes* t = &turned.s
    cdef Py_ssize_t stride, low, taps
    cdef int axis
    turned[0] = job[0]
    turned.made = s[0]
    for axis in range(MAX_AXES):
        stride = s.w[W_STRIDE + axis]
        low = s.w[W_PAD + axis] // stride
        taps = divided_up(s.w[W_KERNEL + axis], stride)
        if (s.w[W_DILATE + axis] != 1 and s.w[W_KERNEL + axis] != 1 or taps <= low
                or stride > s.w[W_KERNEL + axis]):
            return False
        t.w[W_SIZE + axis] = s.w[W_COUNT + axis]
        t.w[W_COUNT + axis] = (s.w[W_SIZE + axis] - 1 + s.w[W_PAD + axis]) // stride - low + 1
        t.w[W_KERNEL + axis] = taps
        t.w[W_STRIDE + axis] = t.w[W_DILATE + axis] = 1
        t.w[W_PAD + axis] = taps - 1 - low
        turned.made.w[W_COUNT + axis] = t.w[W_COUNT + axis]
        turned.made.w[W_KERNEL + axis] = stride
        turned.made.w[W_DILATE + axis] = 1
        turned.made.w[W_PAD + axis] = s.w[W_PAD + axis] - low * stride
    turned.made.window = turned.made.w[W_KERNEL] * turned.made.w[W_KERNEL + 1] * (
        turned.made.w[W_KERNEL + 2])
    t.channels, t.filters = s.filters, s.channels
    t.volume = s.count
    t.count = t.w[W_COUNT] * t.w[W_COUNT + 1] * t.w[W_COUNT + 2]
    t.window = t.w[W_KERNEL] * t.w[W_KERNEL + 1] * t.w[W_KERNEL + 2]
    t.places = t.channels * t.window
    turned.x, turned.y = job.y, job.x
    return plan_lines(turned) and is_cheap(turned, turned.made.window, s.volume)


cdef inline Py_ssize_t taps_of(const Sizes* s, Py_ssize_t phase, Py_ssize_t* first,
                               Py_ssize_t* taps) noexcept nogil:
    """Which elements of a filter a phase sees, each stride-th: the first ones, and how many."""
    cdef int axis
    for axis in range(MAX_AXES - 1, -1, -1):
        first[axis] = phase % s.w[W_STRIDE + axis]
        taps[axis] = divided_up(max(<Py_ssize_t>0, s.w[W_KERNEL + axis] - first[axis]),
                                s.w[W_STRIDE + axis])
        phase //= s.w[W_STRIDE + axis]
    return taps[0] * taps[1] * taps[2]


cdef Tensor places_of_phases(Job* turned, const Sizes* s):
    """Where each phase's filters begin, and then the offsets of their places."""
    cdef Py_ssize_t phases = turned.made.window, room = phases + 1 + s.filters * s.window
    cdef Py_ssize_t p, f, i, j, k, n = 0
    cdef Py_ssize_t[MAX_AXES] first
    cdef Py_ssize_t[MAX_AXES] taps
    cdef const Py_ssize_t* most = &turned.s.w[W_KERNEL]
    cdef Tensor owner = new(ND, INT64, 1, &room)
    turned.starts = <Py_ssize_t*>owner.data
    turned.offset = turned.starts + phases + 1
    for p in range(phases):
        turned.starts[p] = n
        taps_of(s, p, first, taps)
        for f in range(s.filters):
            for i in range(taps[0]):
                for j in range(taps[1]):
                    for k in range(taps[2]):
                        turned.offset[n] = ((f * most[0] + most[0] - 1 - i) * turned.height
                                            + most[1] - 1 - j) * turned.width + most[2] - 1 - k
                        n += 1
    turned.starts[phases] = n
    return owner


cdef inline void turn_phases(const Sizes* s, const Py_ssize_t* starts, const floating* w,
                             floating* out, Py_ssize_t channel) noexcept nogil:
    """The filters of all phases, of one channel: (phase, channel, filter, elements)."""
    cdef Py_ssize_t group = channel // s.channels, p, f, i, j, k, n
    cdef Py_ssize_t phases = s.w[W_STRIDE] * s.w[W_STRIDE + 1] * s.w[W_STRIDE + 2]
    cdef const Py_ssize_t* size = &s.w[W_KERNEL]
    cdef const Py_ssize_t* stride = &s.w[W_STRIDE]
    cdef Py_ssize_t[MAX_AXES] first
    cdef Py_ssize_t[MAX_AXES] taps
    cdef const floating* source
    channel %= s.channels
    out += group * s.channels * s.filters * s.window
    w += (group * s.filters * s.channels + channel) * s.window
    for p in range(phases):
        taps_of(s, p, first, taps)
        n = s.channels * starts[p] + channel * (starts[p + 1] - starts[p])
        for f in range(s.filters):
            for i in range(taps[0]):
                for j in range(taps[1]):
                    source = w + f * s.places + ((first[0] + i * stride[0]) * size[1]
                                                 + first[1] + j * stride[1]) * size[2] + first[2]
                    for k in range(taps[2]):
                        out[n] = source[k * stride[2]]
                        n += 1


cdef void turn_phases_of(const Job* turned, const Sizes* s, const char* w,
                         Py_ssize_t channel) noexcept nogil:
    if turned.dtype == FLOAT32:
        turn_phases(s, turned.starts, <const float*>w, <float*>turned.w, channel)
    else:
        turn_phases(s, turned.starts, <const double*>w, <double*>turned.w, channel)


cdef void phases_block(const Job* job, Py_ssize_t task, char* scratch) noexcept nogil:
    """The images of one group that one block of lines gives."""
    cdef const Sizes* s = &job.s
    cdef Py_ssize_t group = task % s.groups, block = task // s.groups, size = job.size
    cdef Py_ssize_t lines, p, c, places, count, first, image, across = s.w[W_COUNT + 2]
    cdef Py_ssize_t volume = job.made.w[W_SIZE] * job.made.w[W_SIZE + 1] * job.made.w[W_SIZE + 2]
    cdef char* sums = at(scratch, job.panel + TILE, size)
    cdef char* row = at(sums, job.sums, size)
    cdef const char* bias = NULL
    lay_out(job, block, group, &lines, scratch)
    memset(at(scratch, job.panel, size), 0, TILE * size)        # denormal rubbish is slow
    first = (block // job.across % s.w[W_COUNT] * s.w[W_COUNT + 1]
             + block % job.across * job.lines) * across
    count = lines * across
    image = (block // job.across // s.w[W_COUNT] * s.groups + group) * s.filters
    for p in range(job.made.window):
        places = job.starts[p + 1] - job.starts[p]
        kernels.slide[job.dtype](
            scratch, job.offset + job.starts[p],
            at(job.w, s.filters * (group * job.starts[job.made.window] + job.starts[p]), size),
            sums, s.filters, places, job.length, lines * job.width)
        for c in range(s.filters):
            if job.bias is not NULL:
                bias = job.bias + (group * s.filters + c) * size
            kernels.place_rows[job.dtype](at(sums, c * job.length, size), bias, row, 0, job.width,
                                          0, across, 1, lines, across, False, job.relu)
            kernels.put_windows[job.dtype](row, job.made.w, at(job.y, (image + c) * volume, size),
                                           p, 1, first, count, count, job.accumulate)


cdef int convolve_phases(Job* turned, const Sizes* s) except -1:
    cdef Py_ssize_t n = s.groups * s.filters * s.places, i
    cdef const char* w = turned.w
    cdef Tensor filters = new(ND, turned.dtype, 1, &n)
    _owner = places_of_phases(turned, s)
    turned.w = filters.data
    if n < LIGHT_GRAIN:
        for i in range(s.groups * s.channels):
            turn_phases_of(turned, s, w, i)
    else:
        for i in prange(s.groups * s.channels, nogil=True, schedule="static",
                        num_threads=threads()):
            turn_phases_of(turned, s, w, i)
    turned.tasks = turned.blocks * s.groups
    return run_tasks(turned, phases_block, turned.panel + TILE + turned.sums
                     + turned.lines * turned.s.w[W_COUNT + 2], False)


# ---- minimal filtering -------------------------------------------------------------------------

cdef bint plan_tiles(Job* job) noexcept nogil:
    """Cut the results into tiles; False where packing is faster, or the filters are not 3 by 3."""
    cdef Sizes* s = &job.s
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
    kernels.winograd[job.dtype](
        TILE_FILTERS, scratch,
        at(job.transformed, group * 36 * job.apart + task % s.filters * s.channels, job.size),
        s.channels, job.apart, s.channels)


cdef void transform_back(const Job* job, Py_ssize_t task, char* scratch) noexcept nogil:
    """One filter's gradient from that of its transform."""
    cdef const Sizes* s = &job.s
    cdef Py_ssize_t group = task // s.filters
    cdef char* turned = at(scratch, s.places, job.size)
    cdef char* w = at(job.w, task * s.places, job.size)
    kernels.winograd[job.dtype](
        TILE_FILTERS_BACK,
        at(job.transformed, group * 36 * job.apart + task % s.filters * s.channels, job.size),
        scratch, job.apart, s.channels, s.channels)
    kernels.transpose[job.dtype](scratch, s.channels * job.size,
                                 turned if job.accumulate else w, 9, s.channels, 9)
    if job.accumulate:
        kernels.add_to[job.dtype](turned, w, s.places)


cdef void transform_images(const Job* job, const Sizes* windows, int which, char* x,
                           Py_ssize_t step, Py_ssize_t channels, Py_ssize_t images,
                           Py_ssize_t first, Py_ssize_t count, char* scratch,
                           char* out) noexcept nogil:
    """Tiles of the images, or of the results' gradient: for each place all channels' tiles."""
    cdef Py_ssize_t c, i, width = images * count, volume = windows.w[W_SIZE] * (
        windows.w[W_SIZE + 1] * windows.w[W_SIZE + 2])
    for c in range(channels):
        for i in range(images):
            kernels.pack_windows[job.dtype](
                at(x, i * step + c * volume, job.size), windows.w, at(scratch, i * count, job.size),
                0, windows.w[W_KERNEL + 1] * windows.w[W_KERNEL + 2], first, count, width)
        kernels.winograd[job.dtype](which, scratch, at(out, c * width, job.size), width,
                                    channels * width + WHOLE, width)


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
    cdef char* x = at(job.x, (image * s.groups + group) * s.channels * s.volume, size)
    cdef char* y = at(job.y, (image * all_filters + filter) * s.count, size)
    cdef char* w = at(job.transformed, group * 36 * job.apart
                      + task % job.steps * job.filters * s.channels, size)
    cdef const char* bias = job.bias
    transform_images(job, &job.seen, TILE_IMAGES, x, s.groups * s.channels * s.volume, s.channels,
                     images, first, count, scratch, tiles)
    for k in range(36):
        gemm_cut(job.dtype, False, False, filters, width, s.channels,
                 at(w, k * job.apart, size), s.channels,
                 at(tiles, k * (s.channels * width + WHOLE), size), width, 0.0,
                 at(products, k * (filters * width + WHOLE), size), width)
    for f in range(filters):
        kernels.winograd[job.dtype](TILE_RESULTS, at(products, f * width, size), scratch,
                                    filters * width + WHOLE, width, width)
        if bias is not NULL or job.relu:
            kernels.place_rows[job.dtype](scratch, NULL if bias is NULL else
                                          bias + (filter + f) * size, scratch, 0, 0, 0, 0, 1, 1,
                                          16 * width, False, job.relu)
        for i in range(images):
            kernels.put_windows[job.dtype](
                at(scratch, i * count, size), job.made.w,
                at(y, (i * all_filters + f) * s.count, size), 0, 16, first, count, width,
                job.accumulate)


cdef Py_ssize_t scratch_for_tiles(const Job* job) noexcept nogil:
    return 36 * (job.width * (1 + job.s.channels + job.filters) + 2 * WHOLE)


cdef int convolve_tiles(Job* job) except -1:
    cdef Sizes* s = &job.s
    cdef Py_ssize_t n
    cdef Tensor transformed
    job.apart = s.filters * s.channels + WHOLE      # no multiple of a cache's size
    n = 36 * s.groups * job.apart
    transformed = new(ND, job.dtype, 1, &n)
    job.transformed = transformed.data
    job.tasks = s.groups * s.filters
    run_tasks(job, transform_filters, s.places, False)
    share_filters(job)
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
                     at(slopes, k * (filters * width + WHOLE), size), width,
                     at(tiles, k * (s.channels * width + WHOLE), size), width,
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


# ---- the choice --------------------------------------------------------------------------------

cdef bint is_direct(Job* job) noexcept nogil:
    """Whether direct sums are faster than packing."""
    if not plan_lines(job):
        return False
    return is_thin(&job.s) or is_cheap(job, 1, job.s.count)


cdef bint is_cheap(const Job* job, Py_ssize_t times, Py_ssize_t results) noexcept nogil:
    """Whether many filters' direct sums, made some times, cost less than packing does.

    The sums are made for what lies between lines too, in whole vectors. The two constants were
    measured, with AVX2 and with AVX-512.
    """
    cdef const Sizes* s = &job.s
    cdef Py_ssize_t sums = times * WHOLE * job.vectors * s.w[W_COUNT]
    return (s.filters >= 4 and
            s.filters * (sums * s.places + results * PLACING) < results * (s.filters + PACKING)
            * s.places)


cdef int convolve(Job* job) except -1:
    if plan_tiles(job):
        return convolve_tiles(job)
    return convolve_directly(job) if is_direct(job) else convolve_packed(job)


cdef int filters_gradient(Job* job) except -1:
    if plan_tiles(job):
        return gradient_tiles(job)
    if is_thin(&job.s) and plan_lines(job):
        return gradient_directly(job)
    if min(job.s.filters, job.s.channels) >= BROAD and plan_lines(job) and (
            is_cheap(job, 1, job.s.count)):
        return gradient_by_taps(job)
    return gradient_packed(job)


cdef int convolve_back(Job* job) except -1:
    """The images from results and filters: a convolution with turned filters, if no stride."""
    cdef Sizes* s = &job.s
    cdef Job turned = job[0]
    cdef Tensor w
    cdef Py_ssize_t n = s.groups * s.filters * s.places, i
    cdef int axis
    for axis in range(MAX_AXES):
        if s.w[W_STRIDE + axis] != 1 and plan_phases(job, &turned):
            return convolve_phases(&turned, s)
        if s.w[W_STRIDE + axis] != 1 or reach_of(s, axis) < s.w[W_PAD + axis]:
            return add_back(job)
    turned = job[0]
    for axis in range(MAX_AXES):
        turned.s.w[W_SIZE + axis] = s.w[W_COUNT + axis]
        turned.s.w[W_COUNT + axis] = s.w[W_SIZE + axis]
        turned.s.w[W_PAD + axis] = reach_of(s, axis) - s.w[W_PAD + axis]
    turned.s.channels, turned.s.filters = s.filters, s.channels
    turned.s.volume, turned.s.count = s.count, s.volume
    turned.s.places = s.filters * s.window
    w = new(ND, job.dtype, 1, &n)
    turned.x, turned.y, turned.w = job.y, job.x, w.data
    if n < LIGHT_GRAIN:         # a parallel region costs more than a few filters
        for i in range(s.groups * s.channels):
            turn_channel(job, turned.w, i)
    else:
        for i in prange(s.groups * s.channels, nogil=True, schedule="static",
                        num_threads=threads()):
            turn_channel(job, turned.w, i)
    return convolve(&turned)


cdef void turn_channel(const Job* job, char* out, Py_ssize_t channel) noexcept nogil:
    if job.dtype == FLOAT32:
        turn(&job.s, <const float*>job.w, <float*>out, channel)
    else:
        turn(&job.s, <const double*>job.w, <double*>out, channel)


cdef inline void turn(const Sizes* s, const floating* w, floating* out,
                      Py_ssize_t channel) noexcept nogil:
    """The filters' places of one channel, from the last to the first, channels for filters."""
    cdef Py_ssize_t f, k, window = s.window, group = channel // s.channels
    out += channel * s.filters * window
    w += (group * s.filters * s.channels + channel % s.channels) * window
    for f in range(s.filters):
        for k in range(window):
            out[f * window + k] = w[f * s.places + window - 1 - k]


# ---- the node ----------------------------------------------------------------------------------

@cython.no_gc
@cython.final
cdef class WindowProduct(Node):
    """One of images, filters and results from the other two, a and b in this order.

    c is a bias for each channel of images or results, or None; relu is of the sum.
    """
    cdef Sizes s
    cdef int role                 # what the result is
    cdef bint relu                # whose gradient reads the result

    cdef str name(self):
        return ("deconvolution", "convolution_weight", "convolution")[self.role]

    cdef int forward(self) except -1:
        return self.find(self.role, packed(self.a), packed(self.b), self.out,
                         None if self.c is None else packed(self.c), self.relu, False)

    cdef int backward(self, Pass p) except -1:
        cdef bint accumulate
        cdef Tensor g = self.grad, target
        cdef int first = 1 if self.role == IMAGES else 0
        cdef int second = 1 if self.role == RESULTS else 2
        if self.relu:
            g = like(g)
            apply_unary_grad(U_RELU, self.y.data, self.y.data, self.grad.data, g.data, False,
                             g.size, g.dtype)
        if self.c is not None:
            target = p.target(self.c, &accumulate)
            if target is not None:
                sum_channels(g, target, accumulate)
        target = p.target(self.b, &accumulate)
        if target is not None:
            self.find_from(second, first, packed(self.a), g, target, accumulate)
        target = p.target(self.a, &accumulate)
        if target is not None:
            self.find_from(first, second, packed(self.b), g, target, accumulate)
        return 0

    cdef bint take_relu(self) noexcept:
        if self.relu or self.role == FILTERS:
            return False
        self.needs |= NEEDS_OUT
        self.relu = True
        return True

    cdef int derive(self, Pass p, Tensor g) except -1:
        cdef int first = 1 if self.role == IMAGES else 0
        cdef int second = 1 if self.role == RESULTS else 2
        if self.relu:
            g = masked(g, mask(B_GREATER, self.y, 0.0))
        if p.wants(self.c):
            hand_on(p, self.c, reshape(sum_over(g, ~2u & ((1u << g.ndim) - 1)), 1,
                                       self.c.shape_))
        if p.wants(self.b):
            hand_on(p, self.b, window_product(&self.s, second, self.a, g, None, False)
                    if first < self.role else
                    window_product(&self.s, second, g, self.a, None, False))
        if p.wants(self.a):
            hand_on(p, self.a, window_product(&self.s, first, self.b, g, None, False)
                    if second < self.role else
                    window_product(&self.s, first, g, self.b, None, False))
        return 0

    cdef int find_from(self, int role, int other, Tensor x, Tensor g, Tensor out,
                       bint accumulate) except -1:
        """What has a role, from what has the other one and the gradient of the result."""
        if other < self.role:
            return self.find(role, x, g, out, None, False, accumulate)
        return self.find(role, g, x, out, None, False, accumulate)

    cdef int find(self, int role, Tensor a, Tensor b, Tensor out, Tensor bias, bint relu,
                  bint accumulate) except -1:
        cdef Job job
        memset(&job, 0, sizeof(job))
        job.s = self.s
        job.dtype = out.dtype
        job.size = itemsize(out.dtype)
        job.accumulate = accumulate
        job.relu = relu
        if bias is not None:
            job.bias = bias.data
        if role == RESULTS:
            job.x, job.w, job.y = a.data, b.data, out.data
            return convolve(&job)
        if role == FILTERS:
            job.x, job.w, job.y = a.data, out.data, b.data
            return filters_gradient(&job)
        job.x, job.w, job.y = out.data, a.data, b.data
        return convolve_back(&job)


cdef Tensor window_product(const Sizes* s, int role, Tensor a, Tensor b, Tensor bias, bint relu):
    """What has this role, from the other two in order: images, filters, results."""
    cdef Py_ssize_t[MAX_AXES + 2] shape
    cdef WindowProduct node = WindowProduct.__new__(WindowProduct)
    cdef int i, kind = W_SIZE if role == IMAGES else W_KERNEL if role == FILTERS else W_COUNT
    shape[0] = s.groups * s.filters if role == FILTERS else s.batch
    shape[1] = (s.channels if role == FILTERS else
                s.groups * (s.channels if role == IMAGES else s.filters))
    for i in range(s.axes):
        shape[2 + i] = s.w[kind + MAX_AXES - s.axes + i]
    node.s = s[0]
    node.role = role
    node.relu = relu
    node.a = a
    node.b = b
    node.c = bias
    node.needs = NEEDS_A | NEEDS_B | NEEDS_OUT if relu else NEEDS_A | NEEDS_B
    return run(node, header(a.face, a.dtype, s.axes + 2, shape))


cdef int sum_channels(Tensor g, Tensor target, bint accumulate) except -1:
    """target (+)= the sums of g (batch, channels, ...) over all but the channels."""
    cdef Py_ssize_t rows = g.shape_[0] * g.shape_[1], cols = g.size // rows, i
    cdef Py_ssize_t size = itemsize(g.dtype), step = max(<Py_ssize_t>1, CHUNK // cols)
    cdef int dtype = g.dtype
    cdef Tensor sums = new(ND, dtype, 1, &rows)
    cdef const char* x = g.data
    cdef char* out = sums.data
    if g.size < LIGHT_GRAIN:
        kernels.reduce_rows[dtype](R_SUM, x, out, rows, cols)
    else:
        for i in prange(divided_up(rows, step), nogil=True, schedule="static",
                        num_threads=threads()):
            kernels.reduce_rows[dtype](R_SUM, x + i * step * cols * size, out + i * step * size,
                                       min(step, rows - i * step), cols)
    kernels.reduce_cols[dtype](R_SUM, sums.data, target.data, accumulate, g.shape_[0],
                               g.shape_[1])
    return 0


# ---- what layers call --------------------------------------------------------------------------

cdef int one_for_each(object given, int axes, Py_ssize_t* numbers, Py_ssize_t missing) except -1:
    """Numbers for the last axes; the others, which the data has not, get what says nothing."""
    cdef int i
    for i in range(MAX_AXES - axes):
        numbers[i] = missing
    for i in range(axes):
        numbers[MAX_AXES - axes + i] = given[i]
    return 0


cdef class Filters:
    """How filters slide: the numbers of a convolution or its transpose, taken apart once.

    Parameters
    ----------
    kernel, stride, dilate, pad : tuple of int
        One number for each spatial axis, of which there are one to three; they are sizes.
    num_filter, num_group : int
        The filters of all groups, or what the transpose gives; the groups divide them.
    adj : tuple of int, optional
        How much longer the transpose's result is than the windows ask for.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.core.ops.convolution import Filters
    >>> x, w = nd.array([[[1, 2, 4]]]), nd.array([[[1, 1]]])
    >>> Filters((2,), (1,), (1,), (0,), 1, 1).convolution(x, w).asnumpy()
    array([[[3., 6.]]], dtype=float32)
    """
    cdef Sizes s
    cdef Py_ssize_t[MAX_AXES] extra
    cdef Py_ssize_t num_filter
    cdef tuple given

    def __init__(self, kernel, stride, dilate, pad, Py_ssize_t num_filter, Py_ssize_t num_group,
                 adj=None):
        self.given = (kernel, stride, dilate, pad, num_filter, num_group, adj)
        self.s.axes = len(kernel)
        self.s.groups = num_group
        self.num_filter = num_filter
        one_for_each(kernel, self.s.axes, &self.s.w[W_KERNEL], 1)
        one_for_each(stride, self.s.axes, &self.s.w[W_STRIDE], 1)
        one_for_each(dilate, self.s.axes, &self.s.w[W_DILATE], 1)
        one_for_each(pad, self.s.axes, &self.s.w[W_PAD], 0)
        one_for_each(adj or (0,) * self.s.axes, self.s.axes, &self.extra[0], 0)
        self.s.window = self.s.w[W_KERNEL] * self.s.w[W_KERNEL + 1] * self.s.w[W_KERNEL + 2]

    def __reduce__(self):
        return type(self), self.given

    def convolution(self, data, weight, bias=None, bint relu=False):
        """Return a convolution, or its relu; None if the arrays do not suit these kernels.

        They are of one float dtype, not float16, and of one face, and have elements and the shapes
        that fit.
        """
        cdef Sizes s = self.s
        cdef Tensor x, w, b
        cdef Py_ssize_t first
        cdef int i
        if not self.suit(data, weight, bias):
            return None
        x, w, b = data, weight, bias
        if x.shape_[1] % s.groups or self.num_filter % s.groups or (
                w.shape_[0] != self.num_filter or w.shape_[1] != x.shape_[1] // s.groups):
            return None
        first = MAX_AXES - s.axes
        s.batch = x.shape_[0]
        s.channels = w.shape_[1]
        s.filters = self.num_filter // s.groups
        for i in range(MAX_AXES):
            s.w[W_SIZE + i] = 1 if i < first else x.shape_[2 + i - first]
            s.w[W_COUNT + i] = (s.w[W_SIZE + i] + 2 * s.w[W_PAD + i] - reach_of(&s, i) - 1)
            if s.w[W_COUNT + i] < 0:
                return None
            s.w[W_COUNT + i] = s.w[W_COUNT + i] // s.w[W_STRIDE + i] + 1
        multiply_out(&s)
        return window_product(&s, RESULTS, x, w, b, relu)

    def deconvolution(self, data, weight, bias=None, bint relu=False):
        """Return the transpose of a convolution; None where `convolution` gives None."""
        cdef Sizes s = self.s
        cdef Tensor y, w, b
        cdef Py_ssize_t first
        cdef int i
        if not self.suit(data, weight, bias):
            return None
        y, w, b = data, weight, bias
        if y.shape_[1] % s.groups or self.num_filter % s.groups or (
                w.shape_[0] != y.shape_[1] or w.shape_[1] != self.num_filter // s.groups):
            return None
        first = MAX_AXES - s.axes
        s.batch = y.shape_[0]
        s.channels = w.shape_[1]
        s.filters = y.shape_[1] // s.groups
        for i in range(MAX_AXES):
            s.w[W_COUNT + i] = 1 if i < first else y.shape_[2 + i - first]
            s.w[W_SIZE + i] = ((s.w[W_COUNT + i] - 1) * s.w[W_STRIDE + i] + reach_of(&s, i) + 1
                               - 2 * s.w[W_PAD + i] + self.extra[i])
            if s.w[W_SIZE + i] < 1 or self.extra[i] >= s.w[W_STRIDE + i] and self.extra[i]:
                return None
        multiply_out(&s)
        return window_product(&s, IMAGES, w, y, b, relu)

    cdef bint suit(self, object data, object weight, object bias):
        cdef Tensor x, w, b
        cdef int i, first = MAX_AXES - self.s.axes
        if not isinstance(data, Tensor) or not isinstance(weight, Tensor):
            return False
        x, w = data, weight
        if (x.dtype > FLOAT64 or x.dtype != w.dtype or x.face != w.face or not x.size
                or not w.size or x.ndim != self.s.axes + 2 or w.ndim != x.ndim):
            return False
        for i in range(self.s.axes):
            if w.shape_[2 + i] != self.s.w[W_KERNEL + first + i]:
                return False
        if bias is None:
            return True
        if not isinstance(bias, Tensor):
            return False
        b = bias
        return (b.dtype == x.dtype and b.face == x.face and b.ndim == 1
                and b.shape_[0] == self.num_filter)


cdef void multiply_out(Sizes* s) noexcept:
    s.volume = s.w[W_SIZE] * s.w[W_SIZE + 1] * s.w[W_SIZE + 2]
    s.count = s.w[W_COUNT] * s.w[W_COUNT + 1] * s.w[W_COUNT + 2]
    s.places = s.channels * s.window
