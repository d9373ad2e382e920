"""The whole table: the rows of every file, those of the elementwise functions made here."""

import importlib
import pkgutil
from pathlib import Path
from typing import Any

from microlazy.core.kernels.elementwise_rows import BINARY, UNARY
from microlazy.ops.elementwise import BINARY_CALLS, UNARY_CALLS

from .inspect import Call, evaluate, find, leaves
from .rows import Function

MODULES = (
    *("np", "np.linalg", "np.fft", "np.random", "npx", "npx.random", "npx.image"),
    *("nd", "nd.linalg", "nd.random", "nd.contrib", "nd.image"),
)
NAMESPACES = ("np", "npx", "nd")
LIKE = {"np.ldexp": "x * 2.0**y"}  # NumPy's takes no float exponent
ARGUMENTS = {"one": ("x", "u", "p + 1", "k"), "two": ("x, y", "p, u", "k, k[::-1]")}


def rows() -> list[Function]:
    """Return all rows, in the order of the files.

    Examples
    --------
    >>> from op_table.table import rows
    >>> next(row for row in rows() if "np.exp" in row.names).names
    'np.exp nd.exp'
    """
    found = [*_made("one", (*UNARY, *UNARY_CALLS)), *_made("two", (*BINARY, *BINARY_CALLS))]
    for module in pkgutil.iter_modules([str(Path(__file__).parent)], f"{__package__}."):
        if not module.name.endswith("__main__"):
            found.extend(getattr(importlib.import_module(module.name), "ROWS", ()))
    return found


def _made(kind: str, table: tuple[Any, ...]) -> list[Function]:
    """Rows of elementwise functions; np and nd apart where only one of them has a gradient."""
    made = []
    for row in table:
        groups: dict[tuple[str, bool], list[str]] = {}
        for namespace in NAMESPACES:
            names = [f"{namespace}.{name}" for name in getattr(row, namespace).split()]
            if names:
                groups.setdefault(_example(kind, names[0]), []).extend(names)
        for (arguments, gradient), names in groups.items():
            like = LIKE.get(names[0], "")
            call = f"{names[0]}({arguments})"
            made.append(Function(" ".join(names), call, gradient=gradient, like=like))
    return made


def _example(kind: str, name: str) -> tuple[str, bool]:
    """Arguments in the domain of a function, and whether it has a gradient: its result is float."""
    for arguments in ARGUMENTS[kind]:
        call = Call(name, f"{name}({arguments})", Function(name, ""), True)
        try:
            (result,) = leaves(evaluate(call, call.arrays()))
        except TypeError:
            continue  # such as a bitwise function of floats
        values = result.asnumpy()
        if values.dtype.kind != "f" or abs(values).max() < float("inf"):
            return arguments, values.dtype.kind == "f"
    raise ValueError(f"{name}: no example of {ARGUMENTS[kind]} is in its domain")


def public_functions(module: str) -> list[str]:
    """Return the names of the functions of "np", "nd.random", ...; a module may not exist.

    Examples
    --------
    >>> from op_table.table import public_functions
    >>> "np.linalg.norm" in public_functions("np.linalg")
    True
    """
    found = find(module)
    if found is None:
        return []
    own = f"{found.__name__}.", "microlazy.ops."
    names = vars(found).get("__all__")  # written down; those of faces have all that they import
    if names is None:
        names = [
            name
            for name in dir(found)  # those too that are imported when they are used
            if f"{getattr(getattr(found, name), '__module__', '')}.".startswith(own)
        ]
    return sorted(
        f"{module}.{name}"
        for name in names
        if not name.startswith("_")
        and callable(getattr(found, name))
        and not isinstance(getattr(found, name), type)
    )
