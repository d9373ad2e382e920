"""Sums over windows directly, on lines laid out so that neighbouring windows are neighbours."""

from microlazy.core.loops.windows cimport Job, Sizes
from microlazy.core.tensor cimport Tensor

cdef enum:
    TILE = 96                     # a multiple of the places that all kernels sum together
    MOST_LINES = 3 << 15          # numbers in a block that is laid out
    PLACING = 24                  # places whose products take as long as placing a direct sum

# Lay blocks of lines out; False if they would be too large.
cdef bint plan_lines(Job* job) noexcept nogil
# Whether so few filters see a window that any direct sum is faster than packing.
cdef bint is_thin(const Sizes* s) noexcept nogil
# Whether many filters' direct sums, made some times, cost less than packing does.
cdef bint is_cheap(const Job* job, Py_ssize_t times, Py_ssize_t results,
                   Py_ssize_t placing) noexcept nogil
# Whether lines are whole vectors, whose sums are made where the results lie.
cdef bint is_straight(const Job* job) noexcept nogil
# Lay a block of lines out; returns where in the results of a filter they begin.
cdef Py_ssize_t lay_out(const Job* job, Py_ssize_t block, Py_ssize_t group, Py_ssize_t* lines,
                        char* scratch) noexcept nogil
# Lay the filters out as direct sums read them, for the places from one start to the next.
cdef Tensor filters_side_by_side(Job* job, const Py_ssize_t* starts, Py_ssize_t phases)

# After plan_lines:
cdef int convolve_directly(Job* job) except -1
cdef int gradient_directly(Job* job) except -1    # of few filters
cdef int gradient_by_taps(Job* job) except -1     # of many: a product for each place in a window
