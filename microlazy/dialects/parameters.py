"""Parameters that a block makes while it runs for the first time."""

from __future__ import annotations

from typing import Any

from ..gluon import Block, Parameter
from ..gluon.block.first_call import remember
from ..gluon.block.tree import parameters_of


def hold(block: Block, name: str, **options: Any) -> Parameter:
    """Make a parameter of a block, initialized at once; a first call that fails undoes it.

    Parameters
    ----------
    block : Block
        Whose own it is.
    name : str
        Its attribute; one that a failed call left is replaced.
    **options
        As in `Parameter`.

    Raises
    ------
    ValueError
        If the block has a parameter of that name.

    Examples
    --------
    >>> from microlazy.gluon import Block
    >>> block = Block(prefix="net_")
    >>> hold(block, "scale", shape=(2,), init="ones").data().shape
    (2,)
    >>> list(block.collect_params())
    ['net_scale']
    """
    taken = parameters_of(block)
    parameter = Parameter(block.prefix + name, **options)
    if is_left_over(block, name):
        block.params.replace(taken[name], parameter)
    elif name in taken:
        raise ValueError(f"{block.name} has a parameter {name!r} already")
    else:
        block.params.update({parameter.name: parameter})
    taken[name] = parameter
    parameter.adopt(block._tell_place)
    remember([parameter])
    parameter.initialize()
    return parameter


def is_left_over(block: Block, name: str) -> bool:
    """Whether a parameter was made in a first call that failed."""
    taken = parameters_of(block)
    return name in taken and taken[name].state == "declared"
