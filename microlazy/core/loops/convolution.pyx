"""Images, filters and results of a convolution, each from the other two: the fastest way.

The choice depends on the sizes alone, so that the number of threads changes no bit.
"""

from cython cimport floating
from cython.parallel cimport prange
from microlazy.core.kernels.select cimport kernels
from microlazy.core.kernels.table cimport *
from microlazy.core.loops.window_lane_tiles cimport (
    convolve_lane_tiles, gradients_in_lane_tiles, plan_lane_tiles,
)
from microlazy.core.loops.window_lanes cimport convolve_lanes, gradients_in_lanes, plan_lanes
from microlazy.core.loops.window_panels cimport (
    convolve_panels, convolve_phase_panels, gradient_panels, plan_panels, see_results,
    workspace_for_panels,
)
from microlazy.core.loops.window_phases cimport convolve_phases, see_phases
from microlazy.core.loops.window_products cimport add_back, convolve_packed, gradient_packed
from microlazy.core.loops.window_sums cimport (
    PLACING, convolve_directly, gradient_by_taps, gradient_directly, is_cheap, is_straight,
    is_thin, plan_lines,
)
from microlazy.core.loops.window_tiles cimport (
    convolve_tiles, gradient_tiles, plan_tiles, plan_turned_tiles, workspace_for_tiles,
)
from microlazy.core.loops.windows cimport *
from microlazy.core.parallel cimport LIGHT_GRAIN, threads
from microlazy.core.tensor cimport FLOAT32, ND, Tensor, new

cdef enum:
    BROAD = 24                    # channels and filters that fill a product of matrices
    FEW_PLACES = 48               # in a window, with which transposing the results takes too long
    TURNING = 32                  # places whose products take as long as that
    LAYING = 32                   # products that take as long as laying a number beside others


cdef bint is_direct(Job* job) noexcept nogil:
    """Whether direct sums are faster than packing."""
    if not plan_lines(job):
        return False
    return is_thin(&job.s) or is_cheap(job, 1, job.s.count, 0 if is_straight(job) else PLACING)


cdef bint suits_panels(Job* job, Py_ssize_t results) noexcept nogil:
    """Whether sums of many filters side by side are faster than direct ones, or than packing."""
    cdef const Sizes* s = &job.s
    cdef Py_ssize_t wide = panel_width(job), filters
    if wide == 0 or is_thin(s) or is_pointwise(s) or s.places < FEW_PLACES:
        return False
    filters = divided_up(s.filters, wide) * wide
    if plan_lines(job) and filters * (s.places + TURNING) * results > s.filters * (
            WHOLE * job.vectors * s.w[W_COUNT] * job.made.window * s.places + results * PLACING):
        return False
    return plan_panels(job)


cdef bint has_lanes(Job* job) noexcept:
    return is_thin(&job.s) and plan_lines(job) and plan_lanes(job, WHOLE * job.vectors)


cdef bint is_turned_for_little(const Job* job) noexcept:
    """Whether lines of whole vectors are summed before images would be laid side by side."""
    cdef const Sizes* s = &job.s
    return (is_straight(job) and s.filters * s.w[W_COUNT + 2] > kernels.lanes[job.dtype]
            and s.filters * s.places < LAYING * (s.channels + s.filters))


cdef bint sums_lie_side_by_side(Job* job) noexcept:
    return not plan_tiles(job) and (plan_lane_tiles(job) or (
        has_lanes(job) and not is_turned_for_little(job)))


cdef int convolve(Job* job) except -1:
    if plan_tiles(job):
        return convolve_tiles(job)
    if plan_lane_tiles(job):
        return convolve_lane_tiles(job)
    see_results(job)
    if suits_panels(job, job.s.count):
        return convolve_panels(job)
    if has_lanes(job) and not is_turned_for_little(job):
        return convolve_lanes(job)
    return convolve_directly(job) if is_direct(job) else convolve_packed(job)


cdef Py_ssize_t workspace_of(Job* job) noexcept:
    if plan_tiles(job):
        return workspace_for_tiles(job)
    see_results(job)
    return workspace_for_panels(job) if suits_panels(job, job.s.count) else 0


cdef bint lies_side_by_side(Job* job) noexcept:
    return not plan_tiles(job) and (plan_lane_tiles(job) or has_lanes(job))


cdef bint finds_images_beside(Job* job) noexcept:
    return plan_lane_tiles(job)


cdef int gradients_side_by_side(Job* job) except -1:
    if plan_lane_tiles(job):
        return gradients_in_lane_tiles(job)
    has_lanes(job)
    return gradients_in_lanes(job)


cdef int filters_gradient(Job* job) except -1:
    if plan_tiles(job):
        return gradient_tiles(job)
    if lies_side_by_side(job):
        job.to.w, job.to.add_w = job.w, job.accumulate
        return gradients_side_by_side(job)
    if is_thin(&job.s) and plan_lines(job):
        return gradient_directly(job)
    see_results(job)
    # With strides, windows of one place are packed as fast as they are laid out.
    if job.s.filters > BROAD and (job.s.window > 1 or is_pointwise(&job.s)) and plan_panels(job):
        return gradient_panels(job)
    if min(job.s.filters, job.s.channels) >= BROAD and plan_lines(job) and (
            is_cheap(job, 1, job.s.count, PLACING)):
        return gradient_by_taps(job)
    return gradient_packed(job)


cdef int convolve_back(Job* job) except -1:
    # A convolution with turned filters, if there is no stride.
    cdef Sizes* s = &job.s
    cdef Job turned = job[0]
    cdef Tensor w
    cdef Py_ssize_t n = s.groups * s.filters * s.places, i
    cdef int axis
    if plan_lane_tiles(job):
        job.to.x, job.to.add_x = job.x, job.accumulate
        return gradients_in_lane_tiles(job)
    if plan_turned_tiles(job, &turned):
        return convolve_tiles(&turned)
    for axis in range(MAX_AXES):
        if s.w[W_STRIDE + axis] != 1 and see_phases(job, &turned):
            if suits_panels(&turned, s.volume):
                return convolve_phase_panels(&turned, s)
            if plan_lines(&turned) and is_cheap(
                    &turned, turned.made.window, s.volume, PLACING):
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
