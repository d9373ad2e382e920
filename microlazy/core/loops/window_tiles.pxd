"""Minimal filtering: results of small filters, tile by tile."""

from microlazy.core.loops.windows cimport Job

# Cut the results into tiles; False where other ways are faster, or filters do not suit.
cdef bint plan_tiles(Job* job) noexcept nogil
# The same of the images, as the results of a transpose.
cdef bint plan_turned_tiles(const Job* job, Job* turned) noexcept nogil

# After these:
cdef int convolve_tiles(Job* job) except -1
cdef Py_ssize_t workspace_for_tiles(Job* job) noexcept    # bytes
cdef int gradient_tiles(Job* job) except -1       # of the filters; after plan_tiles
