"""Dense layers and matrix products."""

from microlazy.core.tensor cimport Tensor

cdef Tensor dense(Tensor x, Tensor weight, Tensor bias, bint flatten, bint relu, bint in_first)
cdef Tensor matmul(Tensor a, Tensor b)
cdef Tensor dot(Tensor a, Tensor b, bint ta, bint tb)
cdef Tensor batch_dot(Tensor a, Tensor b, bint ta, bint tb)
