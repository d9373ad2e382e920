"""Minimal filtering of 5 by 5 filters, in tiles of 2 by 2, of many images side by side."""

from microlazy.core.loops.windows cimport Job

# Cut the results into tiles; False where direct sums are faster, or the filters are not 5 by 5.
cdef bint plan_lane_tiles(Job* job) noexcept nogil
cdef int convolve_lane_tiles(Job* job) except -1
cdef int gradients_in_lane_tiles(Job* job) except -1  # as job.to says
