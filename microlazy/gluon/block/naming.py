"""Automatic names: which prefix a new block gets."""

from __future__ import annotations

import threading

from ...name import NameManager, current
from ..parameter import ParameterDict


class _Names(threading.local):
    """Per thread: the scopes entered."""

    def __init__(self) -> None:
        self.scopes: list[NameScope] = []


_names = _Names()


class NameScope:
    """What `block.name_scope()` returns: blocks made inside are named after `block`.

    Parameters
    ----------
    prefix : str
        That of the block.
    params : ParameterDict
        The block's own parameters.
    transparent : bool
        Whether the names of what is around count instead.

    Examples
    --------
    >>> from microlazy.gluon import nn
    >>> net = nn.Sequential(prefix="net_")
    >>> with net.name_scope():
    ...     print(nn.Dense(3).name)
    net_dense0
    """

    def __init__(self, prefix: str, params: ParameterDict, transparent: bool) -> None:
        self.prefix, self.params = prefix, params
        self.names = NameManager()
        self.transparent = transparent

    def __enter__(self) -> NameScope:
        if not self.transparent:
            _names.scopes.append(self)
        return self

    def __exit__(self, *exception: object) -> None:
        if not self.transparent:
            _names.scopes.pop()


def new_scope(prefix: str | None, shared: ParameterDict | None, hint: str) -> NameScope:
    """Choose the prefix of a new block and make its parameter dictionary."""
    outer = _names.scopes[-1] if _names.scopes else None
    # A block made with prefix='' is transparent: its children are named by what is around.
    transparent = prefix == ""
    if prefix is None:
        names = outer.names if outer else current()
        prefix = names.get(None, hint) + "_"
    if shared is not None:
        params = ParameterDict(shared.prefix, shared)
    else:
        params = outer.params.for_child(prefix) if outer else ParameterDict(prefix)
    return NameScope((outer.prefix if outer else "") + prefix, params, transparent)
