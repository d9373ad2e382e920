"""Products over sliding windows: convolution, its transpose, and their gradients."""

cdef int one_for_each(object given, int axes, Py_ssize_t* numbers, Py_ssize_t missing) except -1
