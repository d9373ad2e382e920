"""Minimal filtering: results of 3 by 3 filters in tiles of 4 by 4."""

from microlazy.core.loops.windows cimport Job

# Cut the results into tiles; False where packing is faster, or the filters are not 3 by 3.
cdef bint plan_tiles(Job* job) noexcept nogil
cdef int convolve_tiles(Job* job) except -1
cdef Py_ssize_t workspace_for_tiles(Job* job) noexcept    # bytes
cdef int gradient_tiles(Job* job) except -1       # of the filters
