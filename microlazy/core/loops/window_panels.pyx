"""Sums over windows with many filters side by side, as many as two vectors hold: a panel.

A number of the images is multiplied with a panel of filters, so that vectors are full however short
the lines are, and a stride costs nothing: of the images, or of the results of a transpose. What is
summed lies with the filters side by side, and is transposed at last. For the gradient of filters
the same is done with the results' gradient, whose filters are put side by side first.
"""

from libc.string cimport memcpy, memset
from microlazy.core.kernels.select cimport kernels
from microlazy.core.kernels.table cimport *
from microlazy.core.loops.window_phases cimport filters_of_phases, places_of_phases
from microlazy.core.loops.window_sums cimport MOST_LINES
from microlazy.core.loops.windows cimport *
from microlazy.core.parallel cimport threads
from microlazy.core.tensor cimport INT64, ND, Tensor, new

cdef enum:
    ROWS = 768                    # windows in a block
    FEW_ROWS = 96                 # from which on a block is not divided for another thread
    AT_HAND = 64                  # places whose sums are transposed at a time
    LONG = 4096                   # places that are summed at a time, so that a panel stays near


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
    cdef Py_ssize_t across = s.w[W_COUNT + 2], below = reach_of(s, 1)
    cdef Py_ssize_t planes = s.channels * s.w[W_KERNEL], line
    cdef int axis
    if job.made.w[W_STRIDE] != 1 or panel_width(job) == 0:
        return False
    job.in_place = is_pointwise(s) and s.w[W_SIZE] == 1
    job.width = across if s.w[W_KERNEL + 2] == 1 else (
        (across - 1) * s.w[W_STRIDE + 2] + reach_of(s, 2) + 1)
    line = planes * job.width
    if line * (below + 1) > MOST_LINES:
        return False
    job.seen = s[0]
    for axis in range(1, MAX_AXES):
        if s.w[W_KERNEL + axis] == 1:       # only what windows begin with is copied
            s.w[W_STRIDE + axis] = 1
        else:
            job.seen.w[W_STRIDE + axis] = 1
    job.lines = min(s.w[W_COUNT + 1], max(<Py_ssize_t>1, ROWS // across))
    job.lines = min(job.lines, 1 + (MOST_LINES // line - below - 1) // s.w[W_STRIDE + 1])
    while (s.groups * s.batch * s.w[W_COUNT] * divided_up(s.w[W_COUNT + 1], job.lines) < FEW
           and job.lines * across >= FEW_ROWS and job.lines > 1):
        job.lines = divided_up(job.lines, 2)
    job.across = divided_up(s.w[W_COUNT + 1], job.lines)
    job.lines = divided_up(s.w[W_COUNT + 1], job.across)
    job.height = s.w[W_SIZE + 1] if job.in_place else (
        (job.lines - 1) * s.w[W_STRIDE + 1] + below + 1)
    job.apart = s.groups * s.channels * s.volume if job.in_place else line * job.height
    job.images = 1
    if job.across == 1 and s.w[W_COUNT] == 1:
        job.images = min(min(ROWS // s.count, MOST_LINES // job.apart), s.batch * s.groups // FEW)
        job.images = max(<Py_ssize_t>1, job.images)
        job.blocks = divided_up(s.batch, job.images)
        job.images = divided_up(s.batch, job.blocks)
    job.blocks = divided_up(s.batch, job.images) * s.w[W_COUNT] * job.across
    job.span = job.lines * job.made.w[W_STRIDE + 1] * job.made.w[W_SIZE + 2]
    job.panel = 0 if job.in_place else job.images * job.apart
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
    """What the windows of a block see, with padding; images that are their own windows are it."""
    cdef const Sizes* s = &job.s
    cdef Py_ssize_t step = s.groups * s.channels * s.volume, i
    cdef char* x
    first[0] = block % job.across * job.lines
    plane[0] = block // job.across % s.w[W_COUNT]
    image[0] = block // job.across // s.w[W_COUNT] * job.images
    images[0] = min(job.images, s.batch - image[0])
    x = at(job.x, image[0] * step + group * s.channels * s.volume, job.size)
    if job.in_place:
        return at(x, first[0] * job.width, job.size)
    for i in range(images[0]):
        kernels.spread_windows[job.dtype](
            at(x, i * step, job.size), job.seen.w, at(scratch, i * job.apart, job.size),
            s.channels, plane[0], first[0] * s.w[W_STRIDE + 1], job.height, job.height, job.width)
    return scratch


cdef void sum_phase(const Job* job, Py_ssize_t phase, Py_ssize_t images, Py_ssize_t first,
                    Py_ssize_t lines, const char* x, const char* panel, char* sums,
                    bint begun) noexcept nogil:
    """The sums of one phase of a block, those of lines inside of the results."""
    cdef const Sizes* made = &job.made
    cdef Py_ssize_t row = job.rows_from[phase], rows = job.rows_from[phase + 1] - row
    cdef Py_ssize_t k = job.starts[phase], places = job.starts[phase + 1] - k, i
    cdef Py_ssize_t stride = made.w[W_STRIDE + 1], wide = panel_width(job), start, low, high
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
            at(<char*>panel, k * wide, job.size), wide, sums, job.goes + row, rows,
            begun or i > 0)
        k += LONG


cdef void panels_block(const Job* job, Py_ssize_t task, char* scratch) noexcept nogil:
    """The results of one group, one block of windows and some filters."""
    cdef const Sizes* s = &job.s
    cdef const Sizes* made = &job.made
    cdef Py_ssize_t size = job.size, wide = panel_width(job), group = task // job.steps % s.groups
    cdef Py_ssize_t first_share = task % job.steps * job.filters, share, line = made.w[W_SIZE + 2]
    cdef Py_ssize_t image, images, plane, first, lines, top, low, count, start
    cdef Py_ssize_t filter, filters, p, i
    cdef Py_ssize_t places = job.starts[made.window], shares = divided_up(s.filters, wide)
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
        if job.bias is not NULL:
            begin_with_bias(job, job.bias + (group * s.filters + filter) * size, filters,
                            job.images * job.span, wide, sums)
        for p in range(made.window):
            sum_phase(job, p, images, first, lines, x, panel, sums, job.bias is not NULL)
        for i in range(images):
            start = (((image + i) * s.groups + group) * s.filters + filter) * made.volume + (
                plane * made.w[W_SIZE + 1] + low) * line
            put_results(job, at(sums, (i * job.span + (low - top) * line) * wide, size), wide,
                        filters, start, count, turned, scratch)


cdef void turn_over(const Job* job, const char* sums, Py_ssize_t pitch, char* out,
                    Py_ssize_t volume, Py_ssize_t filters, Py_ssize_t count) noexcept nogil:
    """Sums transposed: as many at a time as a near cache holds, for few filters side by side."""
    cdef Py_ssize_t f, filter, i, first
    for f in range(divided_up(filters, WHOLE)):
        filter = f * WHOLE
        for i in range(divided_up(count, AT_HAND)):
            first = i * AT_HAND
            kernels.transpose[job.dtype](
                sums + (first * pitch + filter) * job.size, pitch * job.size,
                at(out, filter * volume + first, job.size), volume,
                min(<Py_ssize_t>WHOLE, filters - filter), min(<Py_ssize_t>AT_HAND, count - first))


cdef void put_results(const Job* job, char* sums, Py_ssize_t pitch, Py_ssize_t filters,
                      Py_ssize_t start, Py_ssize_t count, char* turned,
                      char* scratch) noexcept nogil:
    cdef Py_ssize_t volume = job.made.volume, f
    cdef char* y = at(job.y, start, job.size)
    if job.relu:
        kernels.place_rows[job.dtype](sums, NULL, sums, 0, 0, 0, 0, 1, 1, count * pitch, False,
                                      True)
    if job.tail is NULL and not job.accumulate:
        turn_over(job, sums, pitch, y, volume, filters, count)
        return
    turn_over(job, sums, pitch, turned, count, filters, count)
    if job.accumulate:
        kernels.place_rows[job.dtype](turned, NULL, y, count, 0, volume, 0, filters, 1, count,
                                      True, False)
        return
    for f in range(filters):
        finish(job, at(turned, f * count, job.size), start + f * volume, count, scratch)


cdef void begin_with_bias(const Job* job, const char* bias, Py_ssize_t filters, Py_ssize_t rows,
                          Py_ssize_t pitch, char* sums) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(rows):
        memset(at(sums, i * pitch, job.size), 0, pitch * job.size)
        memcpy(at(sums, i * pitch, job.size), bias, filters * job.size)


cdef void pack_filters(const Job* job, Py_ssize_t task, char* scratch) noexcept nogil:
    """A panel of one group's filters: (place, filter), phase by phase."""
    cdef const Sizes* s = &job.s
    cdef Py_ssize_t wide = panel_width(job), shares = divided_up(s.filters, wide), p, k, places
    cdef Py_ssize_t group = task // shares, filter = task % shares * wide
    cdef Py_ssize_t all_places = job.starts[job.made.window]
    cdef Py_ssize_t filters = min(wide, s.filters - filter)
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
    cdef Tensor transformed = workspace(job, job.dtype, n)
    _owner = rows_of(job)
    job.transformed = transformed.data
    job.tasks = s.groups * shares
    run_tasks(job, pack_filters, 0, False)
    job.steps = min(shares, divided_up(FEW, job.blocks * s.groups))
    job.filters = divided_up(shares, job.steps)
    job.steps = divided_up(shares, job.filters)
    job.tasks = job.blocks * s.groups * job.steps
    return run_tasks(job, panels_block, job.panel + wide * job.span * (
        job.images + (1 if job.accumulate or job.tail is not NULL else 0)), False)


cdef Py_ssize_t workspace_for_panels(Job* job) noexcept:
    cdef Sizes* s = &job.s
    cdef Py_ssize_t wide = panel_width(job), filters = divided_up(s.filters, wide) * wide
    return whole_lines(s.groups * filters * s.places * job.size) + (
        threads() * room_of_task(job, job.panel + wide * job.span * (job.images + 1)))


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
    """The gradient of some panels of a group, (place, filter), from a part of the blocks."""
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
                x, job.offset, job.begins, images * count, slopes, wide,
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
