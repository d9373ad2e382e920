"""What is in a network: its blocks by path, and which of its parameters are buffers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ....gluon.block.tree import children_of
from .parameter import Held


def walk(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """The paths of a block and of all below.

    Examples
    --------
    >>> from microlazy.dialects.torch import nn
    >>> from microlazy.dialects.torch.nn.tree import walk
    >>> [path for path, _ in walk(nn.Sequential(nn.ReLU()))]
    ['', '0']
    """
    yield path, tree
    for name, child in children_of(tree).items():
        yield from walk(child, f"{path}.{name}" if path else name)


def is_buffer(held: Any) -> bool:
    """Whether a parameter of Gluon is what PyTorch calls a buffer.

    Examples
    --------
    >>> from microlazy.gluon import nn
    >>> from microlazy.dialects.torch.nn.tree import is_buffer
    >>> norm = nn.BatchNorm()
    >>> is_buffer(norm.gamma), is_buffer(norm.running_mean)
    (False, True)
    """
    return held.is_buffer if isinstance(held, Held) else held.grad_req == "null"
