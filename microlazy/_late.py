"""Modules of a face that are imported when one of their names is first asked for.

Most programs use few of a face's functions. A face imports at once what layers and arrays stand on.
The rest of its modules come when a name is asked for that is not there: one after another, those
that programs use most first, until one has it.
"""

import sys
from collections.abc import Iterable
from importlib import import_module
from typing import Any


def is_symbol(x: Any) -> bool:
    """Whether a value is a `Symbol`, whose module is imported when a program first asks for one.

    Examples
    --------
    >>> from microlazy import nd, sym
    >>> from microlazy._late import is_symbol
    >>> is_symbol(sym.var("x")), is_symbol(nd.ones(1))
    (True, False)
    """
    return isinstance(x, getattr(sys.modules.get("microlazy.symbol.symbol"), "Symbol", ()))


def star_names(names: Iterable[str]) -> list[str]:
    """The public ones of a face's names: its `__all__`, so that a star import has the late ones.

    Parameters
    ----------
    names : iterable of str
        All names of the face, those that come late too.

    Examples
    --------
    >>> from microlazy._late import star_names
    >>> star_names(["_hidden", "abs"])
    ['abs']
    """
    return [name for name in names if not name.startswith("_")]


def gather(face: dict[str, Any], modules: Iterable[str], name: str | None = None) -> None:
    """Import modules of a face and put their public names into it, until it has a certain name.

    What is there stays; a second call changes nothing.

    Parameters
    ----------
    face : dict
        The globals of the face's package.
    modules : iterable of str
        Names of modules in that package, each with an `__all__`.
    name : str, optional
        The name that is asked for; without it all modules are imported.

    Examples
    --------
    >>> from microlazy import numpy
    >>> from microlazy._late import gather
    >>> gather(vars(numpy), ["statistics", "sets"], "cumsum")
    >>> "cumsum" in vars(numpy)
    True
    """
    for module in modules:
        if name in face:
            return
        found = import_module(f"{face['__name__']}.{module}")
        for public in found.__all__:
            face.setdefault(public, getattr(found, public))


class LateModule:
    """Stands for a module that is imported when one of its members is first asked for.

    Examples
    --------
    >>> from microlazy._late import LateModule
    >>> LateModule("microlazy.name").Prefix
    <class 'microlazy.name.Prefix'>
    """

    def __init__(self, module: str) -> None:
        self._module = module

    def __getattr__(self, member: str) -> Any:
        found = getattr(import_module(self._module), member)
        vars(self)[member] = found
        return found
