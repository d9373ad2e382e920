"""Nested arguments as a flat list and back, as programs written for MXNet ask for them."""

from __future__ import annotations

from typing import Any

from ...core.tensor import Tensor


def flatten(args: Any, inout_str: str) -> tuple[list[Any], Any]:
    """Flatten arrays in nested lists, and tell their structure.

    Parameters
    ----------
    args : Tensor, None or nested list or tuple of these
        What to flatten.
    inout_str : str
        What it is, for the error: "input" or "output".

    Returns
    -------
    list of Tensor or None
        The arrays in order.
    int or nested list of int
        0 for each array, -1 for each None.

    Raises
    ------
    ValueError
        If there is anything else inside.

    Examples
    --------
    >>> from microlazy import nd
    >>> flat, structure = flatten([nd.ones(1), (nd.ones(2), None)], "input")
    >>> len(flat), structure
    (3, [0, [0, -1]])
    """
    if args is None or isinstance(args, Tensor):
        return [args], -1 if args is None else 0
    if not isinstance(args, list | tuple):
        raise ValueError(
            f"The {inout_str} of a HybridBlock must be arrays in nested lists, but got {args!r} "
            f"of type {type(args)}"
        )
    parts = [flatten(arg, inout_str) for arg in args]
    return [array for flat, _ in parts for array in flat], [structure for _, structure in parts]


def regroup(args: list[Any], fmt: Any) -> Any:
    """Nest a flat list again.

    Parameters
    ----------
    args : list
        What `flatten` returned, or as many other values.
    fmt : int or nested list of int
        The structure that `flatten` told; a number above 0 takes as many into a list.

    Returns
    -------
    object
        The values, nested.

    Examples
    --------
    >>> regroup([1, 2, None], [0, [0, -1]])
    [1, [2, None]]
    """
    return _take(iter(args), fmt)


def _take(args: Any, fmt: Any) -> Any:
    if isinstance(fmt, int):
        return [next(args) for _ in range(fmt)] if fmt > 0 else next(args)
    return [_take(args, part) for part in fmt]
