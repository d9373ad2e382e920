"""Tables of functions by the names of operators."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

__all__ = ["entering"]

Function = TypeVar("Function", bound=Callable[..., Any])


def entering(table: dict[str, Any], operators: Iterable[str]) -> Callable[[Function], Function]:
    """A decorator that enters a function into a table, under each of some names.

    Parameters
    ----------
    table : dict of str to callable
    operators : iterable of str

    Examples
    --------
    >>> from microlazy.onnx.table import entering
    >>> table = {}
    >>> @entering(table, ["Add", "Sum"])
    ... def total(a, b):
    ...     return a + b
    >>> sorted(table), total(1, 2)
    (['Add', 'Sum'], 3)
    """

    def enter(function: Function) -> Function:
        table.update(dict.fromkeys(operators, function))
        return function

    return enter
