"""Products over sliding windows: convolution, its transpose, and their gradients."""

from microlazy.core.kernels.table cimport W_NUMBERS
from microlazy.core.tape cimport Node, Pass
from microlazy.core.tensor cimport Tensor

cdef enum:
    MAX_AXES = 3                  # spatial ones; missing ones count as axes of size 1

ctypedef struct Sizes:
    # The images x (batch, groups * channels, *size), the filters w (groups * filters, channels,
    # *kernel) and the results y (batch, groups * filters, *count).
    Py_ssize_t w[W_NUMBERS]       # as the kernels' table has them
    Py_ssize_t batch, groups, channels, filters
    Py_ssize_t volume, window, places, count      # of an image, a window, a filter, a result
    int axes

cdef int one_for_each(object given, int axes, Py_ssize_t* numbers, Py_ssize_t missing) except -1
cdef int sum_channels(Tensor g, Tensor target, bint accumulate) except -1
