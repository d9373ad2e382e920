"""Calls of blocks, what outdates their plans, and what tells that none can be made.

The plans themselves, `cached_plan`, are imported when the first one is made.
"""

cimport cython
from microlazy.core.tape cimport State, state
from microlazy.core.tensor cimport Tensor

from microlazy.base import AbstractValueError


@cython.auto_pickle(False)
cdef class Planned:
    """What a block with plans is called by."""

    cdef object call(self, tuple args):
        raise NotImplementedError


def call_block(block, *args):
    """Call a hybrid block: with its plan, once it has one.

    Parameters
    ----------
    block : gluon.HybridBlock
        What it does otherwise is its `_call_otherwise`.
    *args : array or nested list of arrays
        The inputs.

    Returns
    -------
    array or nested list of arrays
        The outputs.

    Examples
    --------
    >>> from microlazy import gluon, nd
    >>> from microlazy.core.planning import call_block
    >>> call_block(gluon.nn.Flatten(), nd.ones((2, 3, 4))).shape
    (2, 12)
    """
    if args and isinstance((<tuple> args)[0], Tensor):
        plan = block._plan
        if plan is not None:
            return (<Planned?> plan).call(args)
        if block._only_forward:
            return block.forward(*args)
    return block._call_otherwise(args)


def advance_generation():
    """Say that a plan or an optimizer's lists may be out of date; see generation()."""
    global changes
    changes += 1


def is_building() -> bool:
    """Whether this thread runs Python code to make a plan of it.

    Examples
    --------
    >>> from microlazy.core.planning import is_building
    >>> is_building()
    False
    """
    cdef State* s = state()
    return bool(s.tracing and s.unplanned)


def generation() -> int:
    """How often a parameter's array was replaced, or its grad_req, lr_mult or wd_mult changed."""
    return changes


class AttributeChange(AbstractValueError):
    """forward() gave an attribute another value, which a plan would not do again.

    Examples
    --------
    >>> from microlazy.core.planning import AttributeChange
    >>> issubclass(AttributeChange, RuntimeError)
    True
    """


class Unplannable(AbstractValueError):
    """What runs is right, but no plan can hold it.

    Examples
    --------
    >>> from microlazy.core.planning import Unplannable
    >>> issubclass(Unplannable, RuntimeError)
    True
    """
