"""Reductions over axes."""

cimport cython
from microlazy.core.tape cimport Node
from microlazy.core.tensor cimport Tensor


@cython.final
cdef class Reduce(Node):
    cdef int op
    cdef unsigned int mask
    cdef double factor                # 1 / count for mean
    cdef bint nothing_to_choose_from(self) noexcept
    cdef int forward_empty(self) except -1
    cdef Tensor spread(self, Tensor g)    # the gradient of a sum or mean, broadcast to its input


cdef Tensor sum_over(Tensor x, unsigned int mask)             # recorded; the axes stay, as 1
cdef Tensor reduce(int op, Tensor x, object axis, bint keepdims, bint exclude)
cdef Tensor mean(Tensor x, object axis, bint keepdims, bint exclude)
cdef Tensor arg_reduce(int op, Tensor x, object axis, bint keepdims)
cdef unsigned int axis_mask(object axis, int ndim, bint exclude) except? 0xffffffff
cdef Tensor variance(Tensor x, object axis, double ddof, bint keepdims)
