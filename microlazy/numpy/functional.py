"""Functional programming: a given function applied along axes."""

from collections.abc import Callable
from typing import Any

import numpy as onp

from microlazy.core import functions as _f
from microlazy.core.array import ndarray
from microlazy.numpy.arguments import as_array
from microlazy.numpy.manipulation import moveaxis

__all__ = ["apply_along_axis", "apply_over_axes"]


def apply_along_axis(
    func1d: Callable[..., Any], axis: int, arr: Any, *args: Any, **kwargs: Any
) -> ndarray:
    """Apply a function of vectors to each line along an axis.

    Parameters
    ----------
    func1d : callable
        Called with a vector, `args` and `kwargs`; its results, all of one shape, take the place of
        the axis.
    axis : int
    arr : array_like

    Examples
    --------
    >>> from microlazy import np
    >>> np.apply_along_axis(np.sum, 1, np.array([[1, 2], [3, 4]]))
    array([3., 7.])
    """
    arr = as_array(arr)
    lines = moveaxis(arr, axis, -1)
    outer = lines.shape[:-1]
    if not onp.prod(outer):
        raise ValueError(f"apply_along_axis: there is no line along axis {axis} of {arr.shape}")
    place = axis % arr.ndim
    results = [
        as_array(func1d(line, *args, **kwargs)) for line in _f.reshape(lines, (-1, lines.shape[-1]))
    ]
    inner = results[0].shape
    together = _f.reshape(_f.stack(results), outer + inner)
    order = list(range(len(outer)))
    order[place:place] = range(len(outer), len(outer) + len(inner))
    return _f.transpose(together, order)


def apply_over_axes(func: Callable[..., Any], a: Any, axes: Any) -> ndarray:
    """Apply a function such as `np.sum` over one axis after the other, and keep them, with size 1.

    Examples
    --------
    >>> from microlazy import np
    >>> np.apply_over_axes(np.sum, np.ones((2, 3)), [0, 1])
    array([[6.]])
    """
    a = as_array(a)
    for axis in axes if isinstance(axes, (tuple, list)) else (axes,):
        result = as_array(func(a, axis))
        if result.ndim != a.ndim:
            result = _f.expand_dims(result, axis)
        if result.ndim != a.ndim:
            raise ValueError("apply_over_axes: the function does not return an array of the shape")
        a = result
    return a
