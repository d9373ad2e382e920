"""`mx.sym`: graphs that are written before they run.

A symbol is a recorded call of a function that `nd` has: `sym.FullyConnected(x, num_hidden=3)` makes
a node that remembers the function, its inputs and its attributes, and a variable for each input
that is not given. An `Executor` runs the nodes on arrays. Functions are made when they are asked
for, from MXNet's table of operators.
"""

# mypy: implicit-reexport

from importlib import import_module
from typing import TYPE_CHECKING, Any

from microlazy.symbol.symbol import NotImplementedForSymbol, NumpySymbol, Symbol

if TYPE_CHECKING:
    from microlazy.symbol.composing import group as Group
    from microlazy.symbol.composing import var
    from microlazy.symbol.composing import var as Variable
    from microlazy.symbol.symbol_file import load, load_json

    def __getattr__(name: str) -> Any: ...  # the functions of operators


# What is imported when it is used: gluon needs the type alone.
_LATE = {
    "Group": "composing.group",
    "Variable": "composing.var",
    "load": "symbol_file.load",
    "load_json": "symbol_file.load_json",
    "var": "composing.var",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name in _LATE:
            module, _, member = _LATE[name].partition(".")
            return getattr(import_module(f"microlazy.symbol.{module}"), member)
        if name.startswith("__"):
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module("microlazy.symbol.namespaces").SYM, name)

    def __dir__() -> list[str]:
        return sorted({*globals(), *_LATE, *dir(import_module("microlazy.symbol.namespaces").SYM)})
