"""The transpose of a convolution with strides, as convolutions without."""

from microlazy.core.loops.windows cimport Job, Sizes
from microlazy.core.tensor cimport Tensor

# See the images as results of such convolutions; or False.
cdef bint see_phases(const Job* job, Job* turned) noexcept nogil
# Where each phase's filters begin, and then the offsets of their places in lines laid out.
cdef Tensor places_of_phases(Job* turned, const Sizes* s)
# The filters of all phases: (group, phase, channel, filter, elements); after places_of_phases.
cdef Tensor filters_of_phases(Job* turned, const Sizes* s)
cdef int convolve_phases(Job* turned, const Sizes* s) except -1     # after plan_lines
