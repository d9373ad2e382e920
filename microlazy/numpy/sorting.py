"""Order: sorting, and searching in what is sorted or not zero."""

from collections.abc import Sequence
from typing import Any

import numpy as onp

from microlazy.core import functions as _f
from microlazy.core import places
from microlazy.core.array import ndarray
from microlazy.core.ops.numpy_call import call
from microlazy.core.tensor import Tensor
from microlazy.numpy.arguments import NP, as_array, as_arrays, whole
from microlazy.ops import ordering

__all__ = [
    "argpartition",
    "argsort",
    "argwhere",
    "flatnonzero",
    "lexsort",
    "msort",
    "nonzero",
    "partition",
    "searchsorted",
    "sort",
]

_KINDS = (None, "quicksort", "mergesort", "heapsort", "stable")


def _line(a: Any, axis: int | None, kind: str | None, order: Any) -> tuple[ndarray, int]:
    """Return the array and the axis to sort along; the flat array for None."""
    if kind not in _KINDS:
        raise ValueError(f"kind is one of {_KINDS[1:]}, not {kind!r}")
    if order is not None:
        raise ValueError(f"order={order!r} names fields, and microlazy's arrays have none")
    a = as_array(a)
    if axis is None:
        return _f.reshape(a, a.size), 0
    if not -a.ndim <= axis < a.ndim:
        raise onp.exceptions.AxisError(axis, a.ndim)
    return a, axis % a.ndim


def sort(
    a: Any,
    axis: int | None = -1,
    kind: str | None = None,
    order: None = None,
    *,
    descending: bool = False,
    stable: bool | None = None,
) -> ndarray:
    """Return the elements in ascending order along an axis; nan comes last.

    Parameters
    ----------
    a : array_like
    axis : int, optional
        None sorts the flat array.
    kind, stable : optional
        Equal elements cannot be told apart, so these change nothing.
    descending : bool
        The largest first.

    Examples
    --------
    >>> from microlazy import np
    >>> np.sort(np.array([3, 1, 2]))
    array([1., 2., 3.])
    """
    if axis == -1 and kind is None and order is None and isinstance(a, Tensor) and a.ndim:
        return ordering.sort(a, a.ndim - 1, descending)
    a, axis = _line(a, axis, kind, order)
    return ordering.sort(a, axis, descending)


def argsort(
    a: Any,
    axis: int | None = -1,
    kind: str | None = None,
    order: None = None,
    *,
    descending: bool = False,
    stable: bool | None = None,
) -> ndarray:
    """Return the places of the elements in ascending order, as int64.

    Equal elements keep their order, whatever `kind` and `stable` say.

    Examples
    --------
    >>> from microlazy import np
    >>> np.argsort(np.array([3, 1, 2]))
    array([1, 2, 0], dtype=int64)
    """
    if axis == -1 and kind is None and order is None and isinstance(a, Tensor) and a.ndim:
        return ordering.argsort(a, a.ndim - 1, descending)
    a = as_array(a)
    a = a if a.ndim else _f.reshape(a, 1)  # a number counts as a vector of one, as in NumPy
    a, axis = _line(a, axis, kind, order)
    return ordering.argsort(a, axis, descending)


def msort(a: Any) -> ndarray:
    """Return the elements in ascending order along the first axis.

    Examples
    --------
    >>> from microlazy import np
    >>> np.msort(np.array([3, 1, 2]))
    array([1., 2., 3.])
    """
    return sort(a, axis=0)


def _kth(kth: Any) -> Any:
    return kth if isinstance(kth, int) else tuple(whole(kth).reshape(-1).tolist())


def partition(
    a: Any, kth: Any, axis: int | None = -1, kind: str = "introselect", order: None = None
) -> ndarray:
    """Return the elements so that the kth is at its sorted place, smaller ones before it.

    Examples
    --------
    >>> from microlazy import np
    >>> np.partition(np.array([3, 1, 2]), 0)[0]
    array(1.)
    """
    a, axis = _line(a, axis, None if kind == "introselect" else kind, order)
    return ordering.partition(a, _kth(kth), axis)


def argpartition(
    a: Any, kth: Any, axis: int | None = -1, kind: str = "introselect", order: None = None
) -> ndarray:
    """Return the places of the elements in the order of `partition`, as int64.

    Examples
    --------
    >>> from microlazy import np
    >>> np.argpartition(np.array([3, 1, 2]), 0)[0]
    array(1, dtype=int64)
    """
    a, axis = _line(a, axis, None if kind == "introselect" else kind, order)
    return ordering.argpartition(a, _kth(kth), axis)


def lexsort(keys: Any, axis: int = -1) -> ndarray:
    """Return the places of the elements in order of the last key, ties by the one before it.

    Examples
    --------
    >>> from microlazy import np
    >>> np.lexsort([np.array([2, 1, 3]), np.array([1, 1, 0])])
    array([2, 1, 0], dtype=int64)
    """
    if axis == -1:
        found = places.lexsort(keys)
        if found is not None:
            return found
    stacked = _f.stack(as_arrays(keys)) if isinstance(keys, (tuple, list)) else as_array(keys)
    return call(ordering.lexsorted, [stacked], {"axis": axis}, dtype="int64")


def searchsorted(a: Any, v: Any, side: str = "left", sorter: Any = None) -> ndarray:
    """Return where elements belong in a sorted vector, as int64.

    Parameters
    ----------
    a : array_like
        In ascending order, or in the order of `sorter`.
    v : array_like
    side : {"left", "right"}
        Before or behind equal elements.
    sorter : ndarray of int, optional
        Such as from `argsort`.

    Examples
    --------
    >>> from microlazy import np
    >>> np.searchsorted(np.array([1, 3, 5]), np.array([2, 5]))
    array([1, 2], dtype=int64)
    """
    if sorter is None and side in ("left", "right"):
        found = places.searchsorted(a, v, side == "right", False)
        if found is not None:
            return found
    inputs = as_arrays([a, v] if sorter is None else [a, v, sorter])
    return call(
        ordering.insertion_places,
        inputs,
        {"side": side},
        result=ordering.second_shape,
        dtype="int64",
    )


# ---- what is not zero ----------------------------------------------------------------------------


def nonzero(a: Any) -> tuple[ndarray, ...]:
    """Return the places of the elements that are not 0: one int64 array for each axis.

    Examples
    --------
    >>> from microlazy import np
    >>> np.nonzero(np.array([[0, 1], [2, 0]]))
    (array([0, 1], dtype=int64), array([1, 0], dtype=int64))
    """
    found = places.nonzero(a)
    if found is not None:
        return found
    return tuple([_f.from_numpy_result(NP, part, "int64") for part in _found(a)])


def _found(a: Any) -> Sequence[onp.ndarray]:
    return onp.nonzero(onp.asarray(as_array(a)))


def flatnonzero(a: Any) -> ndarray:
    """Return the places of the elements that are not 0 in the flat array.

    Examples
    --------
    >>> from microlazy import np
    >>> np.flatnonzero(np.array([[0, 1], [2, 0]]))
    array([1, 2], dtype=int64)
    """
    found = places.flat_nonzero(a)
    if found is not None:
        return found
    return _f.from_numpy_result(NP, onp.flatnonzero(onp.asarray(as_array(a))), "int64")


def argwhere(a: Any) -> ndarray:
    """Return the coordinates of the elements that are not 0, a row for each.

    Examples
    --------
    >>> from microlazy import np
    >>> np.argwhere(np.array([[0, 1], [2, 0]]))
    array([[0, 1],
           [1, 0]], dtype=int64)
    """
    found = places.coordinates(a)
    if found is not None:
        return found
    return _f.from_numpy_result(NP, onp.argwhere(onp.asarray(as_array(a))), "int64")
