"""Handing gradients on."""

from microlazy.core.loops.reductions cimport sum_to
from microlazy.core.strided cimport add_to, assign
from microlazy.core.tape cimport Pass, hand, share
from microlazy.core.tensor cimport Tensor, new, same_shape

cdef Fit fit = NULL


cdef void set_fit(Fit function) noexcept:
    global fit
    fit = function


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


cdef int pass_on(Pass p, Tensor x, Tensor grad) except -1:
    return 0 if share(p, x, grad) else give(p, x, grad)


cdef int hand_on(Pass p, Tensor x, Tensor grad) except -1:
    if not p.wants(x):
        return 0
    if grad.dtype != x.dtype or grad.face != x.face or not same_shape(grad, x):
        grad = fit(grad, x)
    return hand(p, x, grad)
