"""Handing gradients on."""

from microlazy.core.ops.cast cimport cast
from microlazy.core.ops.reduce cimport sum_over, sum_to
from microlazy.core.ops.shape cimport reshape, same_memory
from microlazy.core.strided cimport add_to, assign
from microlazy.core.tape cimport Pass, hand
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


cdef int hand_on(Pass p, Tensor x, Tensor grad) except -1:
    cdef unsigned int mask = 0
    cdef int i, shift
    if not p.wants(x):
        return 0
    grad = cast(grad, x.dtype)
    if grad.face != x.face:
        grad = same_memory(grad, x.face, False)
    if not same_shape(grad, x):
        shift = grad.ndim - x.ndim
        for i in range(grad.ndim):
            if i < shift or (x.shape_[i - shift] == 1 != grad.shape_[i]):
                mask |= 1u << i
        if mask:
            grad = sum_over(grad, mask)
        grad = reshape(grad, x.ndim, x.shape_)
    return hand(p, x, grad)
