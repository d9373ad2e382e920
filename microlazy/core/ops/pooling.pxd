"""Pooling: the largest number, the sum or the mean of each window."""

cimport cython
from microlazy.core.kernels.table cimport W_NUMBERS
from microlazy.core.tape cimport Node
from microlazy.core.tensor cimport Tensor

cdef enum Pool:
    LARGEST                       # y = x's numbers at places that are found here
    TAKEN                         # y = x's numbers at places that are known
    PUT                           # the transpose of it: x += y at the places
    SUM
    SUM_BACK                      # the transpose of it

ctypedef struct Windows:
    Py_ssize_t w[W_NUMBERS]       # as the kernels' table has them
    Py_ssize_t volume, count
    bint divide, with_padding
    int axes


@cython.final
cdef class WindowPool(Node):
    """The pooled array, or for PUT and SUM_BACK the array that is pooled, from the other one, a."""
    cdef Windows s
    cdef int pool
    cdef Tensor places
    cdef int compute(self, int pool, Tensor a, Tensor out, bint accumulate) except -1
    cdef void pool_piece(self, int pool, const char* x, char* y, Py_ssize_t first, Py_ssize_t n,
                         int dtype, bint accumulate) noexcept nogil
    cdef bint is_all(self) noexcept
    cdef int mean_of_all(self, int pool, Tensor a, Tensor out, bint accumulate) except -1
    cdef bint sums_squares(self) noexcept     # whether it sums squares of 2 by 2 that leave nothing
