"""Handing gradients on."""

from microlazy.core.ops.reduce cimport sum_to
from microlazy.core.strided cimport add_to, assign
from microlazy.core.tape cimport Pass
from microlazy.core.tensor cimport Tensor, new, same_shape


cdef int give(Pass p, Tensor x, Tensor grad) except -1:
    cdef bint accumulate
    cdef Tensor target = p.target(x, &accumulate), converted
    if target is None:
        return 0
    if grad.dtype != target.dtype:
        converted = new(grad.face, target.dtype, grad.ndim, grad.shape_)
        assign(converted, grad)
        grad = converted
    if not same_shape(grad, target):
        return sum_to(grad, target, accumulate)
    if accumulate:
        return add_to(target, grad)
    return assign(target, grad)
