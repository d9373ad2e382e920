"""The transpose of a convolution with strides, as convolutions without."""

from microlazy.core.loops.windows cimport Job, Sizes

# See the images as results of such convolutions; or False.
cdef bint plan_phases(const Job* job, Job* turned) noexcept nogil
cdef int convolve_phases(Job* turned, const Sizes* s) except -1
