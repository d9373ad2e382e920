"""Handing gradients on."""

from microlazy.core.loops.reductions cimport sum_to
from microlazy.core.strided cimport add_to, assign
from microlazy.core.tape cimport Node, Pass, Variable, hand, reach
from microlazy.core.tensor cimport Slot, Tensor, alias, device_of, new, same_shape

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


cdef bint may_share(Pass p, Tensor x, Tensor grad) noexcept:
    """Whether x's node can read `grad` where it lies: it is the first gradient that comes there.

    Not a leaf's, nor one that autograd.grad() hands out: those are the program's. A node of a plan
    has memory of its own, and one without an input hands the array itself to others.
    """
    cdef Slot slot = x.slot
    if slot is None or type(slot) is Variable or slot.grad is not None:
        return False
    if slot.written == p.number or slot.wanted == p.number:
        return False
    if (<Node>slot).planned or (<Node>slot).done or (<Node>slot).a is None:
        return False
    return grad.contiguous and grad.dtype == x.dtype and grad.face == x.face and (
        same_shape(grad, x) and device_of(grad) == device_of(x))


cdef int pass_on(Pass p, Tensor x, Tensor grad) except -1:
    if not may_share(p, x, grad):
        return give(p, x, grad)
    reach(p, <Node>x.slot)
    x.slot.grad = alias(grad)
    return 0


cdef int hand_on(Pass p, Tensor x, Tensor grad) except -1:
    if not p.wants(x):
        return 0
    if grad.dtype != x.dtype or grad.face != x.face or not same_shape(grad, x):
        grad = fit(grad, x)
    return hand(p, x, grad)
