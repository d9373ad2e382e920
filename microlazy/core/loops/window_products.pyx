"""Sliding windows, packed and multiplied by BLAS (Chellapilla et al. 2006).

A block of windows at a time, which stays in the cache.
"""

from libc.string cimport memset
from microlazy.core.blas cimport gemm_cut
from microlazy.core.kernels.select cimport kernels
from microlazy.core.kernels.table cimport *
from microlazy.core.loops.windows cimport *

cdef enum:
    SPAN = 256                    # windows in a block
    PANEL = 1 << 16               # numbers in a block of packed windows


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


cdef void finish_block(const Job* job, char* sums, const char* bias, Py_ssize_t image,
                       Py_ssize_t images, Py_ssize_t filter, Py_ssize_t filters, Py_ssize_t first,
                       Py_ssize_t count, char* scratch) noexcept nogil:
    """Finish the results of some filters in a block, which lie filter by filter."""
    cdef Py_ssize_t all_filters = job.s.groups * job.s.filters, i, f, start
    cdef char* placed = sums
    if images > 1:                # as they lie in y
        placed = at(sums, job.filters * job.sums, job.size)
    if images > 1 or bias is not NULL or job.relu:
        kernels.place_rows[job.dtype](sums, bias, placed, images * count, count, count,
                                      filters * count, filters, images, count, False, job.relu)
    for i in range(images):
        start = ((image + i) * all_filters + filter) * job.s.count + first
        if count == job.s.count:
            finish(job, at(placed, i * filters * count, job.size), start, filters * count, scratch)
        else:
            for f in range(filters):
                finish(job, at(placed, f * count, job.size), start + f * job.s.count, count,
                       scratch)


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
    if job.tail is not NULL:
        finish_block(job, sums, bias, image, images, filter, filters, first, count, scratch)
    elif not direct:
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
    if job.tail is not NULL:      # the block's results stay in scratch memory until it is done
        job.sums = job.images * min(job.span, s.count)
        return run_tasks(job, convolve_block, job.panel + job.filters * job.sums * (
            2 if job.images > 1 else 1), True)
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
    divide_sum(job)
    return sum_parts(job, gradient_block, job.panel + job.s.filters * job.sums, True)


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
