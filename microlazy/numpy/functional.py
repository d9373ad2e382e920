"""Functional programming: a given function applied along axes."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as onp
from numpy import ndindex

from microlazy.base import MXNetError
from microlazy.core import exchange
from microlazy.core import functions as _f
from microlazy.core.array import ndarray
from microlazy.core.tensor import Tensor
from microlazy.numpy.arguments import NP, as_array
from microlazy.numpy.manipulation import moveaxis

__all__ = ["apply_along_axis", "apply_over_axes", "ndenumerate", "ndindex", "vectorize"]


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
        as_array(func1d(line, *args, **kwargs))
        for line in _f.reshape(lines, (int(onp.prod(outer)), lines.shape[-1]))
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


class ndenumerate:
    """Pairs of the coordinates and the value of each element, one after the other.

    A value is an array of shape (), as `arr[coordinates]` is: it is recorded, and sees what is
    written to `arr` meanwhile.

    Parameters
    ----------
    arr : array_like

    Examples
    --------
    >>> from microlazy import np
    >>> for place, value in np.ndenumerate(np.array([[1, 2], [3, 4]])):
    ...     print(place, value)
    (0, 0) 1.0
    (0, 1) 2.0
    (1, 0) 3.0
    (1, 1) 4.0
    """

    def __init__(self, arr: Any) -> None:
        self._pairs = _f.Elements(as_array(arr))

    def __iter__(self) -> Iterator[tuple[tuple[int, ...], ndarray]]:
        return self._pairs

    def __next__(self) -> tuple[tuple[int, ...], ndarray]:
        return next(self._pairs)


class vectorize(onp.vectorize):
    """A function of numbers, applied to each element of arrays, broadcast, by NumPy's class.

    It is a loop in Python and has no gradient: recorded arrays are refused. The arguments are those
    of `numpy.vectorize`.

    Examples
    --------
    >>> from microlazy import np
    >>> np.vectorize(lambda a, b: a if a > b else b)(np.array([1, 4]), 3.0)
    array([3., 4.])
    """

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        arrays = [x for x in (*args, *kwargs.values()) if isinstance(x, Tensor)]
        if any(exchange.is_recorded(x) for x in arrays):
            raise MXNetError("vectorize has no gradient; use functions of arrays, or detach()")
        double = any(x.dtype == onp.float64 for x in arrays)

        def plain(x: Any) -> Any:
            return onp.asarray(x) if isinstance(x, Tensor) else x

        found: Any = super().__call__(*map(plain, args), **{k: plain(v) for k, v in kwargs.items()})
        if isinstance(found, tuple):
            return tuple(exchange.from_result(NP, part, double) for part in found)
        return exchange.from_result(NP, found, double)
