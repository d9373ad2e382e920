"""Reductions over axes."""

from microlazy.core.tensor cimport Tensor

cdef int sum_to(Tensor x, Tensor out, bint accumulate) except -1      # undo a broadcast
cdef Tensor reduce(int op, Tensor x, object axis, bint keepdims, bint exclude)
cdef Tensor mean(Tensor x, object axis, bint keepdims, bint exclude)
cdef Tensor arg_reduce(int op, Tensor x, object axis, bint keepdims)
cdef unsigned int axis_mask(object axis, int ndim, bint exclude) except? 0xffffffff
