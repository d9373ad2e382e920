"""Small arrays of floats: loops of what has no kernel, no tape."""

from microlazy.core.tensor cimport Tensor

cdef int float_op(object function) except -2                  # of a ufunc of NumPy's; -1: no loop
cdef int float_dtype(int op, int dtype) noexcept              # of the result
# out = op(a, b), with broadcasting, of inputs of one dtype; b is None where there is one input.
cdef int floats_into(int op, Tensor a, Tensor b, Tensor out) except -1
