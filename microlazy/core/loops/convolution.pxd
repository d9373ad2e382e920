"""Images, filters and results of a convolution, each from the other two: the fastest way."""

from microlazy.core.loops.windows cimport Job

cdef int convolve(Job* job) except -1             # results
cdef Py_ssize_t workspace_of(Job* job) noexcept   # bytes that it needs for that, if they are many
cdef int filters_gradient(Job* job) except -1     # filters
cdef int convolve_back(Job* job) except -1        # images
