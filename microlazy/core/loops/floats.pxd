"""Floats: loops of what has no kernel, no tape."""

from microlazy.core.tensor cimport Tensor

# Of a function of NumPy's, or of this module's; -1: no loop.
cdef int float_op(object function) except -2
cdef int float_dtype(int op, int dtype) noexcept              # of the result
# Whether all threads together are faster than NumPy's one in large arrays.
cdef bint threads_help(int op, int dtype) noexcept
# out = op(a, b), with broadcasting, of inputs of one dtype; b is None where there is one input.
cdef int floats_into(int op, Tensor a, Tensor b, Tensor out) except -1
