"""The transpose of a convolution with strides, as convolutions without: one for each phase.

A place of the images is `q * stride + phase - pad`. All places of one phase are windows that slide
over the results by 1, with filters of each stride-th element, from the last to the first.
"""

from cython cimport floating
from cython.parallel cimport prange
from libc.string cimport memset
from microlazy.core.kernels.select cimport kernels
from microlazy.core.kernels.table cimport *
from microlazy.core.loops.window_sums cimport TILE, filters_side_by_side, lay_out
from microlazy.core.loops.windows cimport *
from microlazy.core.parallel cimport LIGHT_GRAIN, threads
from microlazy.core.tensor cimport FLOAT32, INT64, ND, Tensor, new


cdef bint see_phases(const Job* job, Job* turned) noexcept nogil:
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
    turned.made.volume = s.volume
    turned.made.window = turned.made.w[W_KERNEL] * turned.made.w[W_KERNEL + 1] * (
        turned.made.w[W_KERNEL + 2])
    t.channels, t.filters = s.filters, s.channels
    t.volume = s.count
    t.count = t.w[W_COUNT] * t.w[W_COUNT + 1] * t.w[W_COUNT + 2]
    t.window = t.w[W_KERNEL] * t.w[W_KERNEL + 1] * t.w[W_KERNEL + 2]
    t.places = t.channels * t.window
    turned.x, turned.y = job.y, job.x
    return True


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
    cdef char* sums = at(scratch, job.panel + TILE, size)
    cdef char* row = at(sums, job.sums, size)
    cdef const char* bias = NULL if job.bias is NULL else job.bias + group * s.filters * size
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
            at(job.transformed, s.filters * (group * job.starts[job.made.window] + job.starts[p]),
               size),
            bias, sums, s.filters, places, s.filters, job.length, 1, 0, 0, lines * job.width,
            job.relu)
        for c in range(s.filters):
            kernels.place_rows[job.dtype](at(sums, c * job.length, size), NULL, row, 0, job.width,
                                          0, across, 1, lines, across, False, False)
            kernels.put_windows[job.dtype](
                row, job.made.w, at(job.y, (image + c) * job.made.volume, size), p, 1, first,
                count, count, job.accumulate)


cdef Tensor filters_of_phases(Job* turned, const Sizes* s):
    cdef Py_ssize_t n = s.groups * s.filters * s.places, i
    cdef const char* w = turned.w
    cdef Tensor filters = new(ND, turned.dtype, 1, &n)
    turned.w = filters.data
    if n < LIGHT_GRAIN:
        for i in range(s.groups * s.channels):
            turn_phases_of(turned, s, w, i)
    else:
        for i in prange(s.groups * s.channels, nogil=True, schedule="static",
                        num_threads=threads()):
            turn_phases_of(turned, s, w, i)
    return filters


cdef int convolve_phases(Job* turned, const Sizes* s) except -1:
    _places = places_of_phases(turned, s)
    _filters = filters_of_phases(turned, s)
    _beside = filters_side_by_side(turned, turned.starts, turned.made.window)
    turned.tasks = turned.blocks * s.groups
    return run_tasks(turned, phases_block, turned.panel + TILE + turned.sums
                     + turned.lines * turned.s.w[W_COUNT + 2], False)
