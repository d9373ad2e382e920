"""The arrays of a step: copied, and what is noted of the weights and their gradients."""

from cpython.list cimport PyList_GET_ITEM, PyList_GET_SIZE
from microlazy.core.strided cimport assign
from microlazy.core.tape cimport Variable, wrote
from microlazy.core.tensor cimport Tensor


def convert(list targets, list sources) -> None:
    """
    Copy each source to its target, of the same shape and any dtype; the tape does not see it.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.core.optimizers import convert
    >>> half = nd.zeros((2,), dtype="float16")
    >>> convert([half], [nd.ones((2,))])
    >>> half.asnumpy()
    array([1., 1.], dtype=float16)
    """
    cdef Tensor target
    for target, source in zip(targets, sources, strict=True):
        assign(target, <Tensor?> source)
        wrote(target)


def stale(list weights) -> list:
    """Places of the weights whose gradient no backward pass wrote since mark_used().

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.core.optimizers import stale
    >>> w = nd.ones((1,))
    >>> w.attach_grad()
    >>> stale([w])
    [0]
    """
    cdef Py_ssize_t i
    return [i for i in range(len(weights)) if not is_fresh(<Tensor?>weights[i])]


cdef inline bint is_fresh(Tensor weight) noexcept:
    return type(weight.slot) is Variable and (<Variable>weight.slot).fresh


cdef bint all_fresh(list weights) noexcept:
    cdef Py_ssize_t i
    for i in range(PyList_GET_SIZE(weights)):
        if not is_fresh(<Tensor>PyList_GET_ITEM(weights, i)):
            return False
    return True


def versions(list arrays) -> list:
    """How often the memory of each array was written in place; a backward pass does not count.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.core.optimizers import versions
    >>> x = nd.ones((1,))
    >>> before = versions([x])
    >>> x *= 2
    >>> versions([x]) == before
    False
    """
    cdef Py_ssize_t i
    return [(<Tensor?>arrays[i]).block.version for i in range(PyList_GET_SIZE(arrays))]


def mark_used(list weights) -> None:
    """Count the weights' gradients as used, until a backward pass writes them again.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.core.optimizers import mark_used
    >>> w = nd.ones((1,))
    >>> w.attach_grad()
    >>> mark_used([w])
    >>> w.fresh_grad
    False
    """
    mark_all_used(weights)


cdef int mark_all_used(list weights) except -1:
    cdef Py_ssize_t i
    cdef Tensor weight
    for i in range(PyList_GET_SIZE(weights)):
        weight = <Tensor?>weights[i]
        if type(weight.slot) is Variable:
            (<Variable>weight.slot).fresh = False
    return 0
