"""Reductions over axes."""

from microlazy.core.tensor cimport Tensor

cdef Tensor sum_over(Tensor x, unsigned int mask)             # recorded; the axes stay, as 1
cdef Tensor reduce(int op, Tensor x, object axis, bint keepdims, bint exclude)
cdef Tensor mean(Tensor x, object axis, bint keepdims, bint exclude)
cdef Tensor arg_reduce(int op, Tensor x, object axis, bint keepdims)
cdef unsigned int axis_mask(object axis, int ndim, bint exclude) except? 0xffffffff
cdef Tensor variance(Tensor x, object axis, double ddof, bint keepdims)
