"""Normalization over a batch, and of each row by itself."""

cimport cython
from microlazy.core.tape cimport Node, Pass
from microlazy.core.tensor cimport Tensor


@cython.final
cdef class BatchNorm(Node):
    """(a - mean) * scale * b + c for each channel; b may be None. `rest` are the moving ones."""
    cdef bint fixed               # with the moving mean and variance, not the batch's
    cdef bint moves, relu
    cdef int axis
    cdef double eps, keep
    cdef Py_ssize_t channels
    cdef bint columns             # the channels come last
    cdef Py_ssize_t rows, cols, size      # of the data as a matrix
    cdef Py_ssize_t step, pieces          # rows in a piece; pieces
    cdef Tensor kept
    # What forward() multiplies the data by; x is not read if `fixed`.
    cdef char* find_kept(self, const char* x) except NULL
    cdef void moments_of(self, Py_ssize_t i, const char* x, char* mean, char* squares,
                         int dtype) noexcept nogil
    cdef int find_moments(self, const char* x, char* kept, int dtype) except -1
    cdef void map_piece(self, Py_ssize_t i, const char* x, const char* kept, char* y,
                        int dtype) noexcept nogil
    cdef void map(self, const char* x, const char* kept, char* y, int dtype) noexcept
    cdef void sums_of(self, Py_ssize_t i, const char* x, const char* g, char* sums,
                      char* products, int dtype) noexcept nogil
    cdef int find_sums(self, const char* x, const char* g, char* found, int dtype) except -1
    cdef void map_piece_back(self, Py_ssize_t i, const char* x, const char* g, const char* found,
                             char* dx, bint accumulate, int dtype) noexcept nogil
    cdef void map_back(self, const char* x, const char* g, const char* found, char* dx,
                       bint accumulate, int dtype) noexcept
    cdef Tensor row(self, int which)
