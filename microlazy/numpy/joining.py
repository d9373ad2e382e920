"""Joining, cutting and repeating arrays."""

import math
import numbers
import operator
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as onp

from microlazy.core import functions as _f
from microlazy.core.array import ndarray
from microlazy.core.tensor import Tensor
from microlazy.numpy.arguments import as_array, as_arrays, whole, written
from microlazy.numpy.manipulation import atleast_3d, moveaxis

__all__ = [
    "append",
    "array_split",
    "block",
    "column_stack",
    "concat",
    "concatenate",
    "delete",
    "dsplit",
    "dstack",
    "hsplit",
    "hstack",
    "insert",
    "repeat",
    "resize",
    "row_stack",
    "split",
    "stack",
    "tile",
    "trim_zeros",
    "unstack",
    "vsplit",
    "vstack",
]


# ---- joining -------------------------------------------------------------------------------------


def concatenate(
    seq: Sequence[Any],
    axis: int | None = 0,
    out: ndarray | None = None,
    *,
    dtype: Any = None,
    casting: Any = "same_kind",
) -> ndarray:
    """Join arrays along an axis they have; the flat arrays, if axis is None.

    Parameters
    ----------
    seq : sequence of array_like
    axis : int, optional
    out : ndarray, optional
    dtype : dtype or str, optional
        That of the result, if `casting` allows to cast to it, as in `numpy.can_cast`.
    casting : str

    Raises
    ------
    TypeError
        If there is no such cast.

    Examples
    --------
    >>> from microlazy import np
    >>> np.concatenate([np.zeros(1), np.ones(2)])
    array([0., 1., 1.])
    """
    return _joined("concatenate", _f.concatenate, seq, axis, out, dtype, casting)


def _joined(
    name: str, join: Any, arrays: Any, axis: Any, out: ndarray | None, dtype: Any, casting: Any
) -> ndarray:
    result = join(as_arrays(arrays), axis)
    if dtype is None and out is None:
        return result
    if dtype is not None:
        cast = _f.as_dtype(result, dtype)
        if not onp.can_cast(result.dtype, cast.dtype, casting):
            raise TypeError(
                f"{name}: cannot cast from {result.dtype} to {cast.dtype} with casting={casting!r}"
            )
        result = cast
    return written(out, result)


concat = concatenate


def stack(
    arrays: Sequence[Any],
    axis: int = 0,
    out: ndarray | None = None,
    *,
    dtype: Any = None,
    casting: Any = "same_kind",
) -> ndarray:
    """Join arrays of one shape along a new axis.

    Examples
    --------
    >>> from microlazy import np
    >>> np.stack([np.zeros(2), np.ones(2)]).shape
    (2, 2)
    """
    return _joined("stack", _f.stack, arrays, axis, out, dtype, casting)


def vstack(arrays: Sequence[Any], out: ndarray | None = None) -> ndarray:
    """Join arrays as rows.

    Examples
    --------
    >>> from microlazy import np
    >>> np.vstack([np.zeros(2), np.ones(2)]).shape
    (2, 2)
    """
    rows = [x if x.ndim > 1 else _f.reshape(x, (1, x.size)) for x in as_arrays(arrays)]
    return written(out, _f.concatenate(rows, 0))


row_stack = vstack


def hstack(arrays: Sequence[Any]) -> ndarray:
    """Join arrays side by side: along the first axis of vectors, else along the second.

    Examples
    --------
    >>> from microlazy import np
    >>> np.hstack([np.zeros(2), np.ones(2)]).shape
    (4,)
    """
    joined = [x if x.ndim else _f.reshape(x, 1) for x in as_arrays(arrays)]
    return _f.concatenate(joined, 0 if joined and joined[0].ndim == 1 else 1)


def dstack(arrays: Sequence[Any]) -> ndarray:
    """Join arrays along the third axis.

    Examples
    --------
    >>> from microlazy import np
    >>> np.dstack([np.zeros(2), np.ones(2)]).shape
    (1, 2, 2)
    """
    return _f.concatenate([atleast_3d(x) for x in arrays], 2)


def column_stack(tup: Sequence[Any]) -> ndarray:
    """Join vectors as columns, and matrices side by side.

    Examples
    --------
    >>> from microlazy import np
    >>> np.column_stack([np.zeros(2), np.ones(2)])
    array([[0., 1.],
           [0., 1.]])
    """
    columns = [x if x.ndim > 1 else _f.reshape(x, (x.size, 1)) for x in as_arrays(tup)]
    return _f.concatenate(columns, 1)


def append(arr: Any, values: Any, axis: int | None = None) -> ndarray:
    """Join two arrays along an axis, or their elements in a vector.

    Examples
    --------
    >>> from microlazy import np
    >>> np.append(np.array([1, 2]), [3])
    array([1., 2., 3.])
    """
    return _f.concatenate(as_arrays([arr, values]), axis)


def block(arrays: Any) -> ndarray:
    """Join arrays in nested lists: inner ones along the last axis, outer ones along those before.

    Examples
    --------
    >>> from microlazy import np
    >>> np.block([[np.zeros((1, 2)), np.ones((1, 1))], [np.ones((1, 3))]])
    array([[0., 0., 1.],
           [1., 1., 1.]])
    """
    depths: set[int] = set()

    def leaves(item: Any, depth: int) -> Any:
        if isinstance(item, list):
            if not item:
                raise ValueError("block: a list is empty")
            return [leaves(part, depth + 1) for part in item]
        depths.add(depth)
        return as_array(item)

    def most_axes(item: Any) -> int:
        return max(map(most_axes, item)) if isinstance(item, list) else item.ndim

    def joined(item: Any, axis: int) -> ndarray:
        if isinstance(item, list):
            return _f.concatenate([joined(part, axis + 1) for part in item], axis)
        return _f.reshape(item, (1,) * (count - item.ndim) + item.shape)

    tree = leaves(arrays, 0)
    if len(depths) > 1:
        raise ValueError("block: the lists are not nested equally deep")
    (depth,) = depths
    count = max(depth, most_axes(tree))
    result = joined(tree, count - depth)
    return result if depth else result.copy()


# ---- cutting -------------------------------------------------------------------------------------


def split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[ndarray]:
    """Cut along an axis: into equal parts, or before each of some places.

    Examples
    --------
    >>> from microlazy import np
    >>> np.split(np.arange(4), 2)
    [array([0., 1.]), array([2., 3.])]
    """
    return _f.split(as_array(ary), _cuts(indices_or_sections), axis)


def _cuts(indices_or_sections: Any) -> Any:
    if isinstance(indices_or_sections, (Tensor, onp.ndarray)):
        return whole(indices_or_sections).tolist()
    return indices_or_sections


MOST_EMPTY = 1 << 20  # parts of an array that is cut into more parts than it has elements


def array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[ndarray]:
    """Cut along an axis, as `split`; of a number of parts, the first may be one longer.

    Examples
    --------
    >>> from microlazy import np
    >>> np.array_split(np.arange(3), 2)
    [array([0., 1.]), array([2.])]
    """
    ary, cuts = as_array(ary), _cuts(indices_or_sections)
    if isinstance(cuts, (int, onp.integer)):
        if cuts < 1:
            raise ValueError(f"array_split: the number of parts must be above 0, not {cuts}")
        if cuts > ary.shape[axis] + MOST_EMPTY:
            raise ValueError(
                f"array_split: {cuts} parts of an axis of size {ary.shape[axis]}: more than "
                f"{MOST_EMPTY} of them would be empty"
            )
        longer = ary.shape[axis] % cuts
        length = ary.shape[axis] // cuts
        cuts = [i * length + min(i, longer) for i in range(1, cuts)]
    return _f.split(ary, cuts, axis)


def _split_axis(name: str, axis: int, least: int, summary: str) -> Any:
    def function(ary: Any, indices_or_sections: Any) -> list[ndarray]:
        ary = as_array(ary)
        if ary.ndim < least:
            raise ValueError(f"{name} only works on arrays of {least} or more dimensions")
        return split(ary, indices_or_sections, min(axis, ary.ndim - 1))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""{summary}, as `split`.

    Examples
    --------
    >>> from microlazy import np
    >>> [x.shape for x in np.{name}(np.zeros((2, 2, 2)), 2)]
    [{", ".join([str(tuple([1 if i == axis else 2 for i in range(3)]))] * 2)}]
    """
    return function


vsplit = _split_axis("vsplit", 0, 2, "Cut along the first axis, of two or more")
hsplit = _split_axis("hsplit", 1, 1, "Cut along the second axis, or the only one")
dsplit = _split_axis("dsplit", 2, 3, "Cut along the third axis")


def unstack(x: Any, /, *, axis: int = 0) -> tuple[ndarray, ...]:
    """Return the slices along an axis.

    Examples
    --------
    >>> from microlazy import np
    >>> np.unstack(np.array([[1, 2], [3, 4]]), axis=1)
    (array([1., 3.]), array([2., 4.]))
    """
    x = as_array(x)
    if x.ndim == 0:
        raise ValueError("unstack: the array has no axes")
    if not -x.ndim <= axis < x.ndim:
        raise onp.exceptions.AxisError(axis, x.ndim)
    return _f.unstack(x, axis)


def trim_zeros(filt: Any, trim: str = "fb", axis: Any = None) -> ndarray:
    """Return the array without the zeros at its ends.

    Parameters
    ----------
    filt : array_like
    trim : {"fb", "f", "b"}
        Whether to cut in front, at the back, or both.
    axis : int or tuple of int, optional
        Cut along these axes only.

    Examples
    --------
    >>> from microlazy import np
    >>> np.trim_zeros(np.array([0, 1, 0, 2, 0]))
    array([1., 0., 2.])
    """
    filt, trim = as_array(filt), trim.lower()
    if trim not in ("fb", "bf", "f", "b"):
        raise ValueError(f"trim_zeros: trim is 'fb', 'f' or 'b', not {trim!r}")
    filled = onp.argwhere(onp.asarray(filt))
    nothing = (filt.shape, (0,) * filt.ndim)
    first, last = (filled.min(0), filled.max(0) + 1) if len(filled) else nothing
    named = {axis} if isinstance(axis, int) else axis
    chosen = range(filt.ndim) if named is None else {place % filt.ndim for place in named}
    return filt[
        tuple(
            [
                slice(
                    int(first[i]) if i in chosen and "f" in trim else None,
                    int(last[i]) if i in chosen and "b" in trim else None,
                )
                for i in range(filt.ndim)
            ]
        )
    ]


# ---- repeating, inserting, deleting --------------------------------------------------------------


def repeat(a: Any, repeats: Any, axis: int | None = None) -> ndarray:
    """Repeat each element, or each slice along an axis, the same number of times or each its own.

    Examples
    --------
    >>> from microlazy import np
    >>> np.repeat(np.array([1, 2]), 2)
    array([1., 1., 2., 2.])
    """
    if type(repeats) is not int and isinstance(repeats, (Tensor, list, tuple, onp.ndarray)):
        repeats = whole(repeats)
    return _f.repeat(as_array(a), repeats, axis)


def tile(A: Any, reps: Any) -> ndarray:
    """Repeat the whole array along each axis.

    Examples
    --------
    >>> from microlazy import np
    >>> np.tile(np.array([1, 2]), 2)
    array([1., 2., 1., 2.])
    """
    return _f.tile(as_array(A), reps)


def resize(a: Any, new_shape: Any) -> ndarray:
    """Return an array of another size, filled with the elements as often as needed.

    Examples
    --------
    >>> from microlazy import np
    >>> np.resize(np.array([1, 2, 3]), 5)
    array([1., 2., 3., 1., 2.])
    """
    a = as_array(a)
    size = math.prod(new_shape) if isinstance(new_shape, (tuple, list)) else new_shape
    if size < 0:
        raise ValueError(f"resize: sizes must not be negative: {new_shape}")
    if a.size == 0:
        return _f.new_array(_f.face_of(a), new_shape, a.dtype, 0)
    flat = _f.tile(_f.reshape(a, a.size), -(-size // a.size))
    return _f.reshape(_f.slice_axis(flat, 0, 0, size), new_shape)


def insert(arr: Any, obj: Any, values: Any, axis: int | None = None) -> ndarray:
    """Return the array with values put in before some places.

    Parameters
    ----------
    arr : array_like
    obj : int, slice, list or array of int, or mask
    values : array_like
        Broadcast to the places; cast to the array's dtype.
    axis : int, optional
        None inserts into the flat array.

    Examples
    --------
    >>> from microlazy import np
    >>> np.insert(np.array([1, 2, 3]), [0, 2], [8, 9])
    array([8., 1., 2., 9., 3.])
    """
    arr = as_array(arr)
    values = _f.as_dtype(as_array(values, arr), arr.dtype)
    if isinstance(obj, (int, onp.integer)) and not isinstance(obj, bool):
        return _inserted(arr, int(obj), values, axis)
    new = arr.size + onp.arange(values.size).reshape(values.shape)
    both = _f.concatenate([_f.reshape(arr, arr.size), _f.reshape(values, values.size)])
    old = onp.arange(arr.size).reshape(arr.shape)
    return _f.take(both, onp.insert(old, _object(obj), new, axis), 0, "clip")


def _inserted(arr: ndarray, place: int, values: ndarray, axis: int | None) -> ndarray:
    """Return the array with values before one place."""
    if axis is None:
        arr, axis = _f.reshape(arr, arr.size), 0
    elif not -arr.ndim <= axis < arr.ndim:
        raise onp.exceptions.AxisError(axis, arr.ndim)
    axis %= arr.ndim
    n = arr.shape[axis]
    if not -n <= place <= n:
        raise IndexError(f"index {place} is out of bounds for axis {axis} with size {n}")
    place += n if place < 0 else 0
    if values.ndim < arr.ndim:
        values = _f.reshape(values, (1,) * (arr.ndim - values.ndim) + values.shape)
    if axis:
        values = moveaxis(values, 0, axis)
    shape = (*arr.shape[:axis], values.shape[axis], *arr.shape[axis + 1 :])
    if values.shape != shape:
        values = _f.broadcast_to(values, shape)
    parts = [_f.slice_axis(arr, axis, 0, place), _f.slice_axis(arr, axis, place, None)]
    return _f.concatenate([parts[0], values, parts[1]], axis)


FEW = 32  # places, up to which the stretches between them are copied one by one


def delete(arr: Any, obj: Any, axis: int | None = None) -> ndarray:
    """Return the array without the elements, or slices along an axis, at some places.

    Examples
    --------
    >>> from microlazy import np
    >>> np.delete(np.array([1, 2, 3]), 1)
    array([1., 3.])
    """
    arr = as_array(arr)
    if axis is None:
        arr, axis = _f.reshape(arr, arr.size), 0
    elif not -arr.ndim <= axis < arr.ndim:
        raise onp.exceptions.AxisError(axis, arr.ndim)
    if (type(obj) is int or isinstance(obj, onp.integer)) and -arr.shape[axis] <= obj < arr.shape[
        axis
    ]:
        return _without(arr, [int(obj)], axis)
    places = _object(obj)
    n = arr.shape[axis]
    if isinstance(places, slice):
        if len(range(*places.indices(n))) <= FEW:
            return _without(arr, range(*places.indices(n)), axis)
    elif isinstance(places, onp.ndarray) and places.dtype.kind == "i" and places.size <= FEW:
        few = places.ravel().tolist()
        if all(-n <= place < n for place in few):
            return _without(arr, few, axis)
    return _f.take(arr, onp.delete(onp.arange(n), places), axis, "raise")


def _without(arr: ndarray, places: Iterable[int], axis: int) -> ndarray:
    """Return the stretches of the array between some places, joined."""
    n = arr.shape[axis]
    gone = sorted({place % n for place in places})
    parts, first = [], 0
    for last in (*gone, n):
        if first < last:
            parts.append(_f.slice_axis(arr, axis, first, last))
        first = last + 1
    return _f.concatenate(parts or [_f.slice_axis(arr, axis, 0, 0)], axis)


def _object(obj: Any) -> Any:
    """Return places in NumPy's terms: numbers and slices as they are."""
    if isinstance(obj, slice):
        return obj
    if isinstance(obj, Tensor):
        return onp.asarray(obj) if obj.dtype == bool else whole(obj)
    if isinstance(obj, (numbers.Number, onp.generic)):
        try:
            return operator.index(obj)  # type: ignore[arg-type]
        except TypeError:
            raise IndexError(f"places must be integers, not {obj!r}") from None
    return onp.asarray(obj, None if len(obj) else int)
