"""Elementwise mathematics: one input, two inputs with broadcasting, or one and a number."""

from microlazy.core.tensor cimport Tensor

cdef Tensor unary(int op, Tensor x)
cdef Tensor binary(int op, Tensor a, Tensor b)
cdef Tensor binary_scalar(int op, Tensor a, object s, bint swapped)
cdef Tensor mask(int op, object a, object b)  # a comparison as 0 and 1 of a float dtype, constant
cdef Tensor masked(Tensor x, Tensor ones)     # x where a mask is 1, else 0, recorded
cdef Tensor detached(Tensor x)
