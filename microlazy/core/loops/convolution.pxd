"""Images, filters and results of a convolution, each from the other two: the fastest way."""

from microlazy.core.loops.windows cimport Job

cdef int convolve(Job* job) except -1             # results
cdef int filters_gradient(Job* job) except -1     # filters
cdef int convolve_back(Job* job) except -1        # images
