"""Sums over windows directly, of as many images at once as a vector has lanes."""

from microlazy.core.loops.windows cimport Job

# Whether few filters' sums are cheaper so than on `lines` numbers that are laid out for an image.
cdef bint plan_lanes(Job* job, Py_ssize_t lines) noexcept nogil
cdef int convolve_lanes(Job* job) except -1
cdef int gradient_lanes(Job* job) except -1       # of the filters
