"""Sums over windows with many filters side by side, as many as two vectors hold: a panel.

A number of the images is multiplied with a panel of filters, so that vectors are full however short
the lines are, and a stride costs nothing: of the images, or of the results of a transpose. What is
summed lies with the filters side by side, and is transposed at last. For the gradient of filters
the same is done with the results' gradient, whose filters are put side by side first.
"""

from cython.parallel cimport prange
from libc.string cimport memset
from microlazy.core.kernels.select cimport kernels
from microlazy.core.kernels.table cimport *
from microlazy.core.loops.window_phases cimport filters_of_phases, places_of_phases
from microlazy.core.loops.window_sums cimport MOST_LINES
from microlazy.core.loops.windows cimport *
from microlazy.core.tensor cimport INT64, ND, Tensor, new

cdef enum:
    ROWS = 384                    # windows in a block
    FEW_ROWS = 96                 # from which on a block is not divided for another thread
    LONG = 4096                   # places that are summed at a time, so that a panel stays near


cdef inline Py_ssize_t panel_width(const Job* job) noexcept nogil:
    return 2 * kernels.lanes[job.dtype]


cdef void see_results(Job* job) noexcept nogil:
    cdef int axis
    job.made = job.s
    for axis in range(MAX_AXES):
        job.made.w[W_SIZE + axis] = job.s.w[W_COUNT + axis]
        job.made.w[W_KERNEL + axis] = job.made.w[W_STRIDE + axis] = 1
        job.made.w[W_PAD + axis] = 0
    job.made.window = 1
    job.made.volume = job.s.count


cdef bint plan_panels(Job* job) noexcept nogil:
    cdef Sizes* s = &job.s
    cdef Py_ssize_t across = s.w[W_COUNT + 2], stride = s.w[W_STRIDE + 1], below = reach_of(s, 1)
    cdef Py_ssize_t planes = s.channels * s.w[W_KERNEL], line
    if job.made.w[W_STRIDE] != 1:
        return False
    job.in_place = (s.w[W_SIZE] == 1 and s.w[W_PAD] == 0 and s.w[W_PAD + 1] == 0
                    and s.w[W_PAD + 2] == 0)
    job.width = s.w[W_SIZE + 2] if job.in_place else (
        (across - 1) * s.w[W_STRIDE + 2] + reach_of(s, 2) + 1)
    job.lines = min(s.w[W_COUNT + 1], max(<Py_ssize_t>1, ROWS // across))
    line = planes * job.width
    if not job.in_place:
        if line * (below + 1) > MOST_LINES:
            return False
        job.lines = min(job.lines, 1 + (MOST_LINES // line - below - 1) // stride)
    while (s.groups * s.batch * s.w[W_COUNT] * divided_up(s.w[W_COUNT + 1], job.lines) < FEW
           and job.lines * across >= FEW_ROWS and job.lines > 1):
        job.lines = divided_up(job.lines, 2)
    job.across = divided_up(s.w[W_COUNT + 1], job.lines)
    job.lines = divided_up(s.w[W_COUNT + 1], job.across)
    job.height = s.w[W_SIZE + 1] if job.in_place else (job.lines - 1) * stride + below + 1
    job.apart = s.groups * s.channels * s.volume if job.in_place else line * job.height
    job.images = 1
    if job.across == 1 and s.w[W_COUNT] == 1:
        job.images = ROWS // s.count
        if not job.in_place:
            job.images = min(job.images, MOST_LINES // job.apart)
        job.images = max(<Py_ssize_t>1, min(job.images, s.batch * s.groups // FEW))
        job.blocks = divided_up(s.batch, job.images)
        job.images = divided_up(s.batch, job.blocks)
    job.blocks = divided_up(s.batch, job.images) * s.w[W_COUNT] * job.across
    job.span = job.lines * job.made.w[W_STRIDE + 1] * job.made.w[W_SIZE + 2]
    job.panel = 0 if job.in_place else job.images * job.apart
    job.seen = s[0]
    job.seen.w[W_STRIDE + 1] = job.seen.w[W_STRIDE + 2] = 1
    return True


cdef void put_offsets(Job* job) noexcept nogil:
    """Where each place of the first window is."""
    cdef const Sizes* s = &job.s
    cdef Py_ssize_t c, i, j, k = 0
    for c in range(s.channels * s.w[W_KERNEL]):
        for i in range(s.w[W_KERNEL + 1]):
            for j in range(s.w[W_KERNEL + 2]):
                job.offset[k] = ((c * job.height + i * s.w[W_DILATE + 1]) * job.width
                                 + j * s.w[W_DILATE + 2])
                k += 1
    job.starts[0] = 0
    job.starts[1] = k


cdef Py_ssize_t put_rows(Job* job, Py_ssize_t phase, Py_ssize_t row) noexcept nogil:
    """Where the windows of a phase begin, and where their sums go; rows of a panel are counted."""
    cdef const Sizes* s = &job.s
    cdef const Sizes* made = &job.made
    cdef Py_ssize_t down = phase // made.w[W_KERNEL + 2], beside = phase % made.w[W_KERNEL + 2]
    cdef Py_ssize_t image, line, i, h, w, wide = panel_width(job)
    for image in range(job.images):
        for line in range(job.lines):
            h = line * made.w[W_STRIDE + 1] + down
            if job.across == 1 and not (
                    0 <= h - made.w[W_PAD + 1] < made.w[W_SIZE + 1]):
                continue
            for i in range(s.w[W_COUNT + 2]):
                w = i * made.w[W_STRIDE + 2] + beside - made.w[W_PAD + 2]
                if 0 <= w < made.w[W_SIZE + 2]:
                    job.begins[row] = (image * job.apart + line * s.w[W_STRIDE + 1] * job.width
                                       + i * s.w[W_STRIDE + 2])
                    job.goes[row] = (image * job.span + h * made.w[W_SIZE + 2] + w) * wide
                    row += 1
    return row


cdef Tensor rows_of(Job* job):
    """The rows of a block, phase by phase."""
    cdef Py_ssize_t phases = job.made.window, p, n
    cdef Py_ssize_t room = phases + 1 + 2 * job.images * job.lines * job.s.w[W_COUNT + 2] * phases
    cdef Tensor owner = new(ND, INT64, 1, &room)
    job.rows_from = <Py_ssize_t*>owner.data
    job.begins = job.rows_from + phases + 1
    job.goes = job.begins + (room - phases - 1) // 2
    n = 0
    for p in range(phases):
        job.rows_from[p] = n
        n = put_rows(job, p, n)
    job.rows_from[phases] = n
    return owner


cdef char* laid_out(const Job* job, Py_ssize_t block, Py_ssize_t group, Py_ssize_t* image,
                    Py_ssize_t* images, Py_ssize_t* plane, Py_ssize_t* first,
                    char* scratch) noexcept nogil:
    """What the windows of a block see: the images themselves, or a copy with padding."""
    cdef const Sizes* s = &job.s
    cdef Py_ssize_t step = s.groups * s.channels * s.volume, i
    cdef char* x
    first[0] = block % job.across * job.lines
    plane[0] = block // job.across % s.w[W_COUNT]
    image[0] = block // job.across // s.w[W_COUNT] * job.images
    images[0] = min(job.images, s.batch - image[0])
    x = at(job.x, image[0] * step + group * s.channels * s.volume, job.size)
    if job.in_place:
        return at(x, first[0] * s.w[W_STRIDE + 1] * job.width, job.size)
    for i in range(images[0]):
        kernels.spread_windows[job.dtype](
            at(x, i * step, job.size), job.seen.w, at(scratch, i * job.apart, job.size),
            s.channels, plane[0], first[0] * s.w[W_STRIDE + 1], job.height, job.height, job.width)
    return scratch


cdef void sum_phase(const Job* job, Py_ssize_t phase, Py_ssize_t images, Py_ssize_t first,
                    Py_ssize_t lines, const char* x, const char* panel,
                    char* sums) noexcept nogil:
    """The sums of one phase of a block, those of lines inside of the results."""
    cdef const Sizes* made = &job.made
    cdef Py_ssize_t row = job.rows_from[phase], rows = job.rows_from[phase + 1] - row
    cdef Py_ssize_t k = job.starts[phase], places = job.starts[phase + 1] - k, i
    cdef Py_ssize_t stride = made.w[W_STRIDE + 1], start, low, high
    if job.across > 1:
        rows //= job.lines
        start = first * stride + phase // made.w[W_KERNEL + 2] - made.w[W_PAD + 1]
        low = min(lines, 0 if start >= 0 else divided_up(-start, stride))
        high = max(low, min(lines, divided_up(made.w[W_SIZE + 1] - start, stride)))
        row += low * rows
        rows *= high - low
    else:
        rows = rows // job.images * images
    for i in range(divided_up(places, LONG)):
        kernels.gathered_product[job.dtype](
            x, job.begins + row, job.offset + k, min(<Py_ssize_t>LONG, places - i * LONG),
            at(<char*>panel, k * panel_width(job), job.size), sums, job.goes + row, rows, i > 0)
        k += LONG


cdef void panels_block(const Job* job, Py_ssize_t task, char* scratch) noexcept nogil:
    """The results of one group, one block of windows and some filters."""
    cdef const Sizes* s = &job.s
    cdef const Sizes* made = &job.made
    cdef Py_ssize_t size = job.size, wide = panel_width(job), group = task // job.steps % s.groups
    cdef Py_ssize_t first_share = task % job.steps * job.filters, share, line = made.w[W_SIZE + 2]
    cdef Py_ssize_t image, images, plane, first, lines, top, low, count, filter, filters, p, i
    cdef Py_ssize_t start, places = job.starts[made.window], shares = divided_up(s.filters, wide)
    cdef char* sums = at(scratch, job.panel, size)
    cdef char* turned = at(sums, job.images * job.span * wide, size)
    cdef char* x = laid_out(job, task // job.steps // s.groups, group, &image, &images, &plane,
                            &first, scratch)
    cdef char* panel
    lines = min(job.lines, s.w[W_COUNT + 1] - first)
    top = first * made.w[W_STRIDE + 1] - made.w[W_PAD + 1]
    low = max(<Py_ssize_t>0, top)
    count = (min(made.w[W_SIZE + 1], top + lines * made.w[W_STRIDE + 1]) - low) * line
    for share in range(first_share, min(shares, first_share + job.filters)):
        filter = share * wide
        filters = min(wide, s.filters - filter)
        panel = at(job.transformed, (group * shares + share) * places * wide, size)
        for p in range(made.window):
            sum_phase(job, p, images, first, lines, x, panel, sums)
        for i in range(images):
            start = ((((image + i) * s.groups + group) * s.filters + filter) * made.volume
                     + (plane * made.w[W_SIZE + 1] + low) * line)
            put_results(job, at(sums, (i * job.span + (low - top) * line) * wide, size),
                        group * s.filters + filter, filters, count, start, turned, scratch)


cdef void put_results(const Job* job, char* sums, Py_ssize_t filter, Py_ssize_t filters,
                      Py_ssize_t count, Py_ssize_t start, char* turned,
                      char* scratch) noexcept nogil:
    """Sums of a panel transposed into the results, with bias and relu, or added to them."""
    cdef Py_ssize_t volume = job.made.volume, step = panel_width(job) * job.size, f
    cdef const char* bias = NULL if job.bias is NULL else job.bias + filter * job.size
    cdef bint direct = not job.accumulate and job.tail is NULL
    cdef char* y = at(job.y, start, job.size)
    cdef char* placed = y if direct else turned
    cdef Py_ssize_t apart = volume if direct else count
    kernels.transpose[job.dtype](sums, step, placed, apart, filters, count)
    if job.accumulate:
        kernels.place_rows[job.dtype](turned, NULL, y, count, 0, volume, 0, filters, 1, count,
                                      True, False)
        return
    if bias is not NULL or job.relu:
        kernels.place_rows[job.dtype](placed, bias, placed, apart, 0, apart, 0, filters, 1, count,
                                      False, job.relu)
    if job.tail is not NULL:
        for f in range(filters):
            finish(job, at(turned, f * count, job.size), start + f * volume, count, scratch)


cdef void pack_filters(const Job* job, Py_ssize_t task, char* scratch) noexcept nogil:
    """A panel of one group's filters: (place, filter), phase by phase."""
    cdef const Sizes* s = &job.s
    cdef Py_ssize_t wide = panel_width(job), shares = divided_up(s.filters, wide), p, k, places
    cdef Py_ssize_t group = task // shares, filter = task % shares * wide
    cdef Py_ssize_t filters = min(wide, s.filters - filter), all_places = job.starts[job.made.window]
    cdef char* panel = at(job.transformed, task * all_places * wide, job.size)
    cdef char* w = at(job.w, group * s.filters * all_places, job.size)
    if filters < wide:
        memset(panel, 0, all_places * wide * job.size)
    for p in range(job.made.window):
        k = job.starts[p]
        places = job.starts[p + 1] - k
        kernels.transpose[job.dtype](
            at(w, s.filters * k + filter * places, job.size), places * job.size,
            at(panel, k * wide, job.size), wide, places, filters)


cdef int sum_panels(Job* job) except -1:
    cdef Sizes* s = &job.s
    cdef Py_ssize_t wide = panel_width(job), shares = divided_up(s.filters, wide)
    cdef Py_ssize_t n = s.groups * shares * wide * job.starts[job.made.window]
    cdef Tensor transformed = new(ND, job.dtype, 1, &n)
    _owner = rows_of(job)
    job.transformed = transformed.data
    job.tasks = s.groups * shares
    run_tasks(job, pack_filters, 0, False)
    job.steps = min(shares, divided_up(FEW, job.blocks * s.groups))
    job.filters = divided_up(shares, job.steps)
    job.steps = divided_up(shares, job.filters)
    job.tasks = job.blocks * s.groups * job.steps
    return run_tasks(job, panels_block, job.panel + wide * job.span * (
        job.images + (0 if job.tail is NULL and not job.accumulate else 1)), False)


cdef int convolve_panels(Job* job) except -1:
    cdef Py_ssize_t room = job.s.places + 2
    cdef Tensor owner = new(ND, INT64, 1, &room)
    job.starts = <Py_ssize_t*>owner.data
    job.offset = job.starts + 2
    put_offsets(job)
    return sum_panels(job)


cdef int convolve_phase_panels(Job* turned, const Sizes* s) except -1:
    _places = places_of_phases(turned, s)
    _filters = filters_of_phases(turned, s)
    return sum_panels(turned)


cdef void panels_back(const Job* job, Py_ssize_t task, char* scratch) noexcept nogil:
    """The gradient of a group's panels, (place, filter), some of them, from a part of the blocks."""
    cdef const Sizes* s = &job.s
    cdef Py_ssize_t size = job.size, wide = panel_width(job), shares = divided_up(s.filters, wide)
    cdef Py_ssize_t first_share = task % job.steps * job.filters, share
    cdef Py_ssize_t group = task // job.steps % s.groups, part = task // job.steps // s.groups
    cdef Py_ssize_t block, image, images, plane, first, count, filter, filters, i
    cdef Py_ssize_t line = s.w[W_COUNT + 2]
    cdef char* slopes = at(scratch, job.panel, size)
    cdef char* x
    cdef char* y
    cdef bint begun = False
    for block in range(part * job.blocks // job.parts, (part + 1) * job.blocks // job.parts):
        x = laid_out(job, block, group, &image, &images, &plane, &first, scratch)
        count = min(job.lines, s.w[W_COUNT + 1] - first) * line
        for share in range(first_share, min(shares, first_share + job.filters)):
            filter = share * wide
            filters = min(wide, s.filters - filter)
            if filters < wide:
                memset(slopes, 0, images * count * wide * size)
            for i in range(images):
                y = at(job.y, (((image + i) * s.groups + group) * s.filters + filter) * s.count
                       + (plane * s.w[W_COUNT + 1] + first) * line, size)
                kernels.transpose[job.dtype](y, s.count * size, at(slopes, i * count * wide, size),
                                             wide, count, filters)
            kernels.gathered_product[job.dtype](
                x, job.offset, job.begins, images * count, slopes,
                at(job.transformed, ((part * s.groups + group) * shares + share)
                   * s.places * wide, size), job.goes, s.places, begun)
        begun = True


cdef void unpack_filters(const Job* job, Py_ssize_t task, char* scratch) noexcept nogil:
    """The gradient of a panel's filters, summed over the parts."""
    cdef const Sizes* s = &job.s
    cdef Py_ssize_t wide = panel_width(job), shares = divided_up(s.filters, wide), part
    cdef Py_ssize_t filter = task % shares * wide, filters = min(wide, s.filters - filter)
    cdef Py_ssize_t n = s.places * wide
    cdef char* panel = at(job.transformed, task * n, job.size)
    cdef char* w = at(job.w, (task // shares * s.filters + filter) * s.places, job.size)
    for part in range(1, job.parts):
        kernels.add_to[job.dtype](at(panel, part * s.groups * shares * n, job.size), panel, n)
    kernels.transpose[job.dtype](panel, wide * job.size, scratch if job.accumulate else w,
                                 s.places, filters, s.places)
    if job.accumulate:
        kernels.add_to[job.dtype](scratch, w, filters * s.places)


cdef int gradient_panels(Job* job) except -1:
    cdef Sizes* s = &job.s
    cdef Py_ssize_t wide = panel_width(job), shares = divided_up(s.filters, wide)
    cdef Py_ssize_t n = s.groups * shares * wide * s.places, room = 2 * s.places + 2, k
    cdef Tensor owner = new(ND, INT64, 1, &room), transformed
    job.starts = <Py_ssize_t*>owner.data
    job.offset = job.starts + 2
    put_offsets(job)
    _rows = rows_of(job)
    job.goes = job.offset + s.places
    for k in range(s.places):
        job.goes[k] = k * wide
    job.parts = max(<Py_ssize_t>1, min(min(job.blocks, FEW // s.groups), PARTIAL // n))
    while FEW % job.parts and job.parts < FEW:
        job.parts -= 1
    job.steps = min(shares, divided_up(FEW, job.parts * s.groups))
    job.filters = divided_up(shares, job.steps)
    job.steps = divided_up(shares, job.filters)
    n *= job.parts
    transformed = new(ND, job.dtype, 1, &n)
    job.transformed = transformed.data
    job.tasks = job.parts * s.groups * job.steps
    run_tasks(job, panels_back, job.panel + wide * job.images * job.lines * s.w[W_COUNT + 2],
              False)
    job.tasks = s.groups * shares
    return run_tasks(job, unpack_filters, wide * s.places if job.accumulate else 0, False)
