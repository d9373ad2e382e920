"""Softmax, cross-entropy, dropout."""

from microlazy.core.tensor cimport Tensor

cdef Tensor softmax_along(Tensor x, int axis, bint log)
cdef Tensor cross_entropy(Tensor pred, Tensor label, int axis)
