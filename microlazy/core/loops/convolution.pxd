"""Images, filters and results of a convolution, each from the other two: the fastest way."""

from microlazy.core.loops.windows cimport Job

cdef int convolve(Job* job) except -1             # results
cdef Py_ssize_t workspace_of(Job* job) noexcept   # bytes that it needs for that, if they are many
cdef int filters_gradient(Job* job) except -1     # filters
cdef int convolve_back(Job* job) except -1        # images

# Whether images lie side by side in what finds the filters' gradient,
cdef bint lies_side_by_side(Job* job) noexcept
# and in what finds results, too: then squares of these may be pooled as they are stored, if
# `job.together` and the lines' length are even.
cdef bint sums_lie_side_by_side(Job* job) noexcept
# Whether the images' gradient is found so, too, beside that of the filters.
cdef bint finds_images_beside(Job* job) noexcept
# The gradients that job.to wants: the bias' with the filters'.
cdef int gradients_side_by_side(Job* job) except -1
