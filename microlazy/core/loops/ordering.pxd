"""The order of numbers, no tape."""

from libc.stdint cimport int64_t

# Put n places into the order of the numbers there, `step` elements apart; places of equal numbers
# stay in theirs, nan is the largest. `spare` has room for n places. The dtype is not float16.
cdef void order_places(const char* x, int dtype, Py_ssize_t step, Py_ssize_t n, bint descending,
                       long long* places, long long* spare) noexcept nogil
# Put a few numbers, `step` elements apart, into order in place; nan is the largest.
cdef void sort_few(char* x, int dtype, Py_ssize_t step, Py_ssize_t n) noexcept nogil
# The places of numbers in [0, 1) in order, as many; equal ones keep theirs.
cpdef int order_of_draws(const double[::1] x, int64_t[::1] places) except -1
