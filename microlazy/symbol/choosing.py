"""Functions that choose an operator, or its attributes, by their arguments."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from microlazy.symbol.composing import call, number_attributes
from microlazy.symbol.symbol import Symbol

__all__ = ["binary", "split_v2"]


def binary(
    two: str,
    right: str,
    left: str,
    names: tuple[str, str] = ("lhs", "rhs"),
    numpy: bool = False,
) -> Callable[..., Any]:
    """A function of two symbols, or of a symbol and a number on either side.

    Parameters
    ----------
    two, right, left : str
        The operators of two symbols, and of one with the number to the right and to the left.
    names : tuple of str
        Of its parameters.
    numpy : bool
        Whether results have NumPy's rules.

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.sym.maximum(mx.sym.var("x"), 2).list_attr()
    {'scalar': '2'}
    """
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    given = [inspect.Parameter(name, kind) for name in names]
    signature = inspect.Signature([*given, inspect.Parameter("name", kind, default=None)])

    def function(*args: Any, **kwargs: Any) -> Any:
        kwargs.pop("out", None)
        bound = signature.bind(*args, **kwargs)
        bound.apply_defaults()
        lhs, rhs, name = bound.arguments.values()
        if isinstance(lhs, Symbol) and isinstance(rhs, Symbol):
            return call(two, [lhs, rhs], {}, name, numpy=numpy)
        if isinstance(lhs, Symbol):
            return call(right, [lhs], number_attributes(rhs, numpy), name, numpy=numpy)
        if isinstance(rhs, Symbol):
            return call(left, [rhs], number_attributes(lhs, numpy), name, numpy=numpy)
        raise TypeError(f"one of {lhs!r} and {rhs!r} must be a symbol")

    function.__signature__ = signature  # type: ignore[attr-defined]
    function.__doc__ = f"Make a node of the operator {two} on two symbols, or on one and a number."
    return function


def split_v2(
    ary: Symbol,
    indices_or_sections: int | Sequence[int],
    axis: int = 0,
    squeeze_axis: bool = False,
    name: str | None = None,
) -> Symbol:
    """A node that splits along an axis: into equal parts, or before some places.

    Examples
    --------
    >>> import microlazy as mx
    >>> len(mx.sym.split_v2(mx.sym.var("x"), (1, 3)))
    3
    """
    attributes: dict[str, Any] = {"axis": axis, "squeeze_axis": squeeze_axis}
    if isinstance(indices_or_sections, int):
        attributes |= {"indices": (), "sections": indices_or_sections}
    else:
        attributes |= {"indices": (0, *indices_or_sections), "sections": 0}
    return call("_split_v2", [ary], attributes, name)
