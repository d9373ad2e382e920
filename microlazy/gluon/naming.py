"""Automatic names: which prefix a new block gets."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING

from .parameter import ParameterDict

if TYPE_CHECKING:
    from .block import Block


class _Names(threading.local):
    """Per thread: the scopes entered, and how often each hint was used outside of any scope."""

    def __init__(self) -> None:
        self.scopes: list[NameScope] = []
        self.counts: Counter[str] = Counter()


_names = _Names()


class NameScope:
    """What `block.name_scope()` returns: blocks made inside are named after `block`.

    Parameters
    ----------
    block : Block
        Whose prefix the new blocks get.

    Examples
    --------
    >>> from microlazy.gluon import nn
    >>> net = nn.Sequential(prefix="net_")
    >>> with net.name_scope():
    ...     print(nn.Dense(3).name)
    net_dense0
    """

    def __init__(self, block: Block) -> None:
        self._block = block

    def __enter__(self) -> NameScope:
        # A block made with prefix='' is transparent: its children are named by what is around.
        if not self._block._empty_prefix:
            _names.scopes.append(self)
        return self

    def __exit__(self, *exception: object) -> None:
        if not self._block._empty_prefix:
            _names.scopes.pop()


def name_block(
    prefix: str | None, shared: ParameterDict | None, hint: str
) -> tuple[str, ParameterDict]:
    """Choose the prefix of a new block and make its parameter dictionary."""
    scope = _names.scopes[-1] if _names.scopes else None
    if prefix is None:
        counts = scope._block._names if scope else _names.counts
        prefix = f"{hint}{counts[hint]}_"
        counts[hint] += 1
    if shared is not None:
        params = ParameterDict(shared.prefix, shared)
    elif scope:
        outer = scope._block.params
        params = ParameterDict(outer.prefix + prefix, outer._shared)
    else:
        params = ParameterDict(prefix)
    return (scope._block.prefix if scope else "") + prefix, params
