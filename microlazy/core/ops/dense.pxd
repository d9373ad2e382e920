"""Dense layers and matrix products."""

from microlazy.core.tensor cimport Tensor

cdef Tensor dense(Tensor x, Tensor weight, Tensor bias, bint flatten, bint relu, bint in_first)
cdef Tensor matmul(Tensor a, Tensor b)
cdef Tensor dot(Tensor a, Tensor b, bint ta, bint tb)
# The sum of the products of all elements of two packed arrays of floats; None for others.
cdef Tensor inner(Tensor a, Tensor b)
cdef Tensor batch_dot(Tensor a, Tensor b, bint ta, bint tb)
