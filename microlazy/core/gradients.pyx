"""Gradients that add up over backward passes until they are cleared, as PyTorch has them."""

from microlazy.core.tape cimport WRITE, Node, Pass, Variable, go_back, new_pass, tracked as leads
from microlazy.core.tensor cimport (
    Slot, Tensor, alias, is_float, need_values, same_shape, shape_tuple,
)

from microlazy.base import ShapeError

# A variable's slot names the pass that last wrote to it. Passes count from 1.
cdef enum:
    NEVER = 0
    BY_HAND = -1


cdef bint is_there(Slot slot) noexcept:
    return type(slot) is Variable and slot.written != NEVER and slot.grad is not None


cdef class AddingPass(Pass):
    """A walk back that adds to each gradient that is there, whatever the variable asked for."""

    cdef Tensor target(self, Tensor x, bint* accumulate):
        cdef bint there = x.slot is not None and is_there(x.slot)
        cdef Tensor grad = Pass.target(self, x, accumulate)
        if there:
            accumulate[0] = True
        return grad


def backward(Tensor head not None, head_grad=None, bint retain_graph=False) -> None:
    """Add the gradients of `head` to those of every array that asked for one.

    Parameters
    ----------
    head : array
        What was computed under `record()`.
    head_grad : array, optional
        Its gradient, of its shape; ones when left out.
    retain_graph : bool
        Keep the graph, so that it can be gone through again.

    Examples
    --------
    >>> from microlazy import autograd, np
    >>> from microlazy.core.gradients import backward
    >>> x = np.array([3.])
    >>> x.attach_grad()
    >>> with autograd.record():
    ...     y = x * x
    >>> backward(y, retain_graph=True)
    >>> backward(y)
    >>> x.grad
    array([12.])
    """
    cdef AddingPass p = AddingPass.__new__(AddingPass)
    p.number = new_pass().number
    go_back(p, [head], None if head_grad is None else [head_grad], retain_graph, True)


def variable_on(Tensor x not None):
    """An array on the memory of another, off its graph, whose gradient is wanted.

    Returns
    -------
    array or None
        None for what is not of floats.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.gradients import variable_on
    >>> variable_on(np.ones(2)).grad_req
    'write'
    """
    cdef Tensor y
    cdef Variable variable
    if not is_float(x.dtype):
        return None
    y = alias(x)
    variable = Variable.__new__(Variable)
    variable.req = WRITE
    y.slot = variable
    return y


def absent(list variables not None) -> list:
    """Places of the arrays that no gradient was written for since it was cleared.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.gradients import absent
    >>> x = np.ones(2)
    >>> x.attach_grad()
    >>> absent([x])
    [0]
    """
    cdef Py_ssize_t i
    cdef list found = []
    for i in range(len(variables)):
        if not is_there((<Tensor?>variables[i]).slot):
            found.append(i)
    return found


def clear(list variables not None) -> bool:
    """Forget the gradients of arrays: the next pass writes them anew.

    Returns
    -------
    bool
        Whether an array that held a gradient was given up, as somebody else looks at it.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.gradients import clear
    >>> x = np.ones(2)
    >>> x.attach_grad()
    >>> clear([x])
    False
    """
    cdef bint given_up = False
    cdef Slot slot
    for x in variables:
        slot = (<Tensor?>x).slot
        if is_there(slot):
            slot.written = NEVER
            if slot.grad.block.users > 1:
                slot.grad = None
                given_up = True
    return given_up


def replace(Tensor variable not None, Tensor grad not None) -> None:
    """Let an array be the gradient of another, of the same shape, dtype and face.

    Raises
    ------
    ShapeError
        If the shapes differ.
    TypeError
        If the dtypes or faces differ.
    ValueError
        If no gradient is wanted, or passes could not write into this array.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.gradients import replace
    >>> x = np.ones(2)
    >>> x.attach_grad()
    >>> replace(x, np.array([1, 2]))
    >>> x.grad
    array([1., 2.])
    """
    if type(variable.slot) is not Variable:
        raise ValueError("only an array with attach_grad() has a gradient")
    need_values(grad, "it was to be a gradient")
    if not same_shape(variable, grad):
        raise ShapeError(f"a variable of shape {shape_tuple(variable)} cannot have a gradient of "
                         f"shape {shape_tuple(grad)}")
    if variable.dtype != grad.dtype or variable.face != grad.face:
        raise TypeError("a gradient must be of its variable's dtype and array type")
    if not grad.contiguous or grad.block.readonly or grad.block is variable.block:
        raise ValueError("a gradient must be a contiguous, writable array with memory of its own")
    variable.slot.grad = grad
    variable.slot.written = BY_HAND


def tracked(Tensor x not None) -> bool:
    """Whether a gradient is wanted of an array, or of what it was computed from.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.gradients import tracked
    >>> tracked(np.ones(2))
    False
    """
    return leads(x)


def is_leaf(Tensor x not None) -> bool:
    """Whether an array was not computed on the tape.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.gradients import is_leaf
    >>> is_leaf(np.ones(2))
    True
    """
    return not isinstance(x.slot, Node)
