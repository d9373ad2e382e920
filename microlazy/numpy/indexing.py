"""Elements picked by places, masks and conditions; diagonals and triangles."""

from collections.abc import Sequence
from typing import Any

import numpy as onp

from microlazy.core import functions as _f
from microlazy.core.array import ndarray
from microlazy.core.creation import triangle_mask
from microlazy.core.ops.numpy_call import call
from microlazy.core.tensor import Tensor
from microlazy.numpy.arguments import NP, as_array, as_arrays, as_places, written
from microlazy.numpy.manipulation import moveaxis
from microlazy.numpy.sorting import flatnonzero
from microlazy.ops.ordering import (
    flat_places,
    place_shape,
    selected_choice,
    unravelled_places,
)
from microlazy.ops.triangles import from_diagonal

__all__ = [
    "choose",
    "compress",
    "diag",
    "diagflat",
    "diagonal",
    "extract",
    "piecewise",
    "ravel_multi_index",
    "select",
    "take",
    "take_along_axis",
    "tril",
    "triu",
    "unravel_index",
]


# ---- by places -----------------------------------------------------------------------------------


def take(
    a: ndarray,
    indices: Any,
    axis: int | None = None,
    mode: str = "raise",
    out: ndarray | None = None,
) -> ndarray:
    """Return elements, or slices along an axis, at the places in `indices`.

    `mode` says where an index outside counts: "clip", "wrap" or "raise".

    Examples
    --------
    >>> from microlazy import np
    >>> np.take(np.array([5, 6, 7]), np.array([2, 0]))
    array([7., 5.])
    """
    a = as_array(a)
    if a.ndim == 0 and axis in (0, -1):  # a number counts as a vector of one, as in NumPy
        axis = None
    return written(out, _f.take(a, indices, axis, mode))


def take_along_axis(arr: Any, indices: Any, axis: int | None = -1) -> ndarray:
    """Return elements at other places along one axis, each row with places of its own.

    Parameters
    ----------
    arr : array_like
    indices : ndarray of int
        With as many axes as `arr`; the others are broadcast.
    axis : int, optional
        None works on the flat array.

    Examples
    --------
    >>> from microlazy import np
    >>> x = np.array([[3, 1], [2, 5]])
    >>> np.take_along_axis(x, np.argsort(x), axis=1)
    array([[1., 3.],
           [2., 5.]])
    """
    arr, indices = as_array(arr), as_places(indices)
    if indices.dtype.kind == "f":
        raise IndexError(f"take_along_axis: indices must be integers, not {indices.dtype}")
    if axis is None:
        arr, axis = _f.reshape(arr, arr.size), 0
    if indices.ndim == arr.ndim and -arr.ndim <= axis < arr.ndim:
        of_arr, of_indices, place = list(arr.shape), list(indices.shape), axis % arr.ndim
        of_arr[place] = of_indices[place]
        if of_arr == of_indices:
            return _f.take_along(arr, indices, axis)
    return arr[key_along(arr, indices, axis, "take_along_axis")]


def key_along(arr: ndarray, indices: ndarray, axis: int, what: str) -> tuple[Any, ...]:
    """Return the key that picks `indices` along an axis and everything along the others."""
    if indices.ndim != arr.ndim:
        raise ValueError(
            f"{what}: indices and array must have the same number of axes, not {indices.ndim} and "
            f"{arr.ndim}"
        )
    if not -arr.ndim <= axis < arr.ndim:
        raise onp.exceptions.AxisError(axis, arr.ndim)
    key: list[Any] = [
        onp.arange(n).reshape([-1 if i == j else 1 for j in range(arr.ndim)])
        for i, n in enumerate(arr.shape)
    ]
    key[axis] = indices
    return tuple(key)


def choose(a: Any, choices: Any, out: ndarray | None = None, mode: str = "raise") -> ndarray:
    """Return, for each element, the element of the array whose number `a` holds there.

    Parameters
    ----------
    a : ndarray of int
    choices : sequence of array_like
        Broadcast with `a`.
    mode : {"raise", "wrap", "clip"}
        What becomes of numbers without a choice.

    Examples
    --------
    >>> from microlazy import np
    >>> np.choose(np.array([1, 0], dtype="int32"), [[1, 2], [3, 4]])
    array([3., 2.])
    """
    a, arrays = as_places(a), as_arrays(choices)
    shape = onp.broadcast_shapes(a.shape, *[x.shape for x in arrays])
    options = {"count": len(arrays), "mode": mode}
    number = call(selected_choice, [_f.broadcast_to(a, shape)], options, result=place_shape)
    stacked = _f.stack([_f.broadcast_to(x, shape) for x in arrays])
    chosen = take_along_axis(stacked, _f.expand_dims(number, 0), 0)
    return written(out, _f.reshape(chosen, shape))


def unravel_index(indices: Any, shape: Any, order: str = "C") -> tuple[ndarray, ...]:
    """Return the coordinates, one array for each axis, of places in a flat array.

    Examples
    --------
    >>> from microlazy import np
    >>> np.unravel_index(np.array([1, 5], dtype="int64"), (2, 3))
    (array([0, 1], dtype=int64), array([1, 2], dtype=int64))
    """
    places = as_places(indices)
    sizes = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
    return tuple(
        [
            call(
                unravelled_places,
                [places],
                {"shape": sizes, "axis": axis, "order": order},
                result=place_shape,
                dtype=None if places.dtype.kind == "f" else places.dtype,
            )
            for axis in range(len(sizes))
        ]
    )


def ravel_multi_index(
    multi_index: Sequence[Any], dims: Any, mode: str = "raise", order: str = "C"
) -> ndarray:
    """Return the places in a flat array of coordinates, given as one array for each axis.

    Examples
    --------
    >>> from microlazy import np
    >>> np.ravel_multi_index([[0, 1], [1, 2]], (2, 3))
    array([1, 5], dtype=int64)
    """
    coordinates = [as_places(part) for part in multi_index]
    options = {"dims": tuple(dims), "mode": mode, "order": order}
    return call(flat_places, coordinates, options, result=place_shape)


# ---- by conditions -------------------------------------------------------------------------------


def compress(
    condition: Any, a: Any, axis: int | None = None, out: ndarray | None = None
) -> ndarray:
    """Return the slices along an axis, or the elements, whose condition is true.

    Examples
    --------
    >>> from microlazy import np
    >>> np.compress([True, False, True], np.array([1, 2, 3]))
    array([1., 3.])
    """
    chosen = _f.chosen_places(condition)
    if chosen is not None:
        return take(as_array(a), chosen, axis, "raise", out)
    condition = onp.asarray(condition)
    if condition.ndim != 1:
        raise ValueError(f"compress: the condition must have one axis, not {condition.ndim}")
    return take(as_array(a), onp.flatnonzero(condition), axis, "raise", out)


def extract(condition: Any, arr: Any) -> ndarray:
    """Return the elements whose condition is true, as a vector.

    Examples
    --------
    >>> from microlazy import np
    >>> x = np.array([1, 2, 3])
    >>> np.extract(x > 1, x)
    array([2., 3.])
    """
    return take(as_array(arr), flatnonzero(condition))


def select(condlist: Sequence[Any], choicelist: Sequence[Any], default: Any = 0) -> ndarray:
    """Return, for each element, the choice that belongs to the first condition which is true.

    Examples
    --------
    >>> from microlazy import np
    >>> x = np.arange(4)
    >>> np.select([x < 1, x > 2], [x - 5, x * 10])
    array([-5.,  0.,  0., 30.])
    """
    if len(condlist) != len(choicelist) or not condlist:
        raise ValueError(
            f"select: there must be as many conditions as choices, and at least one; got "
            f"{len(condlist)} and {len(choicelist)}"
        )
    conditions = [x if isinstance(x, Tensor) else _f.to_array(NP, x, "bool") for x in condlist]
    for condition in conditions:
        if condition.dtype != bool:
            raise TypeError(f"select: conditions must be bool arrays, not {condition.dtype}")
    result = as_array(default) if isinstance(default, (list, onp.ndarray)) else default
    for condition, choice in zip(conditions[::-1], choicelist[::-1], strict=True):
        if isinstance(choice, (list, onp.ndarray)):
            choice = as_array(choice)
        result = _f.where(condition, choice, result)
    return result


def piecewise(x: Any, condlist: Any, funclist: Sequence[Any], *args: Any, **kw: Any) -> ndarray:
    """Compute each element by the function, or take the number, of the last condition that holds.

    Parameters
    ----------
    x : array_like
    condlist : list of ndarray of bool
    funclist : list of callables or numbers
        One more than conditions: it is for elements where none holds, which else are 0.
    *args, **kw
        Given to the functions.

    Examples
    --------
    >>> from microlazy import np
    >>> x = np.array([-1, 4])
    >>> np.piecewise(x, [x < 0, x >= 0], [lambda x: -x, np.sqrt])
    array([1., 2.])
    """
    x = as_array(x)
    if not isinstance(condlist, (list, tuple)) or (
        condlist and isinstance(condlist[0], (bool, onp.bool_)) and x.ndim
    ):
        condlist = [condlist]
    shape, size = x.shape, x.size
    masks = [_flat_mask(condition, shape) for condition in condlist]
    if len(funclist) not in (len(masks), len(masks) + 1):
        raise ValueError(
            f"piecewise: with {len(masks)} conditions there must be {len(masks)} or "
            f"{len(masks) + 1} functions, not {len(funclist)}"
        )
    chosen = onp.empty(size, "int64")
    chosen.fill(len(masks))
    for number, mask in enumerate(masks):
        chosen[mask] = number
    functions = [*funclist, 0][: len(masks) + 1]
    flat = _f.reshape(x, size)
    pieces, back, done = [], onp.empty(size, "int64"), 0
    for number, function in enumerate(functions):
        where = (chosen == number).nonzero()[0]
        count = where.size
        if count:
            if callable(function):
                function = function(_f.take(flat, where, 0), *args, **kw)
            pieces.append(_piece(function, count, x.dtype))
            back[where] = onp.arange(done, done + count)
            done += count
    if not pieces:
        return x.copy()
    return _f.reshape(_f.take(_f.concatenate(pieces), back, 0), shape)


def _flat_mask(condition: Any, shape: tuple[int, ...]) -> onp.ndarray:
    mask = onp.asarray(condition)
    if mask.dtype.kind != "b":
        mask = mask.astype(bool)
    return (mask if mask.shape == shape else onp.broadcast_to(mask, shape)).ravel()


def _piece(value: Any, count: int, dtype: Any) -> ndarray:
    """What a function of `piecewise` gave, or a number, as a vector of `count` elements."""
    if type(value) is float or type(value) is int:
        return _f.new_array(NP, (count,), dtype, value)
    if not isinstance(value, Tensor):
        value = _f.to_array(NP, value, dtype)
    if value.shape != (count,):
        value = _f.broadcast_to(value, (count,))
    return _f.as_dtype(value, dtype)


# ---- diagonals and triangles ---------------------------------------------------------------------


def diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> ndarray:
    """Return the diagonals of the matrices in two axes, along a new last axis.

    Examples
    --------
    >>> from microlazy import np
    >>> np.diagonal(np.array([[1, 2], [3, 4]]))
    array([1., 4.])
    """
    a = as_array(a)
    if a.ndim < 2:
        raise ValueError(f"diagonal: the array must have at least 2 axes, not {a.ndim}")
    if type(axis1) is type(axis2) is type(offset) is int and 0 <= axis1 < axis2 < a.ndim:
        return _f.diagonal(a, offset, axis1, axis2)
    a = moveaxis(a, (axis1, axis2), (-2, -1))
    rows, columns = a.shape[-2:]
    count = max(0, min(rows + min(offset, 0), columns - max(offset, 0)))
    first = offset if offset > 0 else -offset * columns
    flat = _f.reshape(a, (*a.shape[:-2], rows * columns))
    return flat[..., first : first + count * (columns + 1) : columns + 1]


def diag(array: Any, k: int = 0) -> ndarray:
    """Return the k-th diagonal of a matrix, or a matrix with a vector as its k-th diagonal.

    Examples
    --------
    >>> from microlazy import np
    >>> np.diag(np.array([1, 2]))
    array([[1., 0.],
           [0., 2.]])
    """
    array = as_array(array)
    if array.ndim != 1:
        return diagonal(array, k)
    return from_diagonal(array, k)


def diagflat(array: Any, k: int = 0) -> ndarray:
    """Return a matrix with all elements of an array on its k-th diagonal.

    Examples
    --------
    >>> from microlazy import np
    >>> np.diagflat(np.array([[1, 2]]))
    array([[1., 0.],
           [0., 2.]])
    """
    array = as_array(array)
    return diag(_f.reshape(array, array.size), k)


def _triangle(name: str, side: str, result: str, upper: bool) -> Any:
    def function(m: Any, k: int = 0) -> ndarray:
        m = as_array(m)
        if m.ndim == 0:
            raise ValueError(f"{name}: the array has no axes")
        if m.ndim == 1:
            m = _f.broadcast_to(m, (len(m), len(m)))
        zero = _f.new_array(_f.face_of(m), (), m.dtype, 0)  # beside bools a 0 makes integers
        rows, columns = m.shape[-2:]
        return _f.where(triangle_mask(rows, columns, k, upper, _f.face_of(m)), m, zero)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""Return matrices with zeros {side} the k-th diagonal.

    Examples
    --------
    >>> from microlazy import np
    >>> np.{name}(np.array([[1, 2], [3, 4]]))
    {result}
    """
    return function


tril = _triangle("tril", "above", "array([[1., 0.],\n           [3., 4.]])", False)
triu = _triangle("triu", "below", "array([[1., 2.],\n           [0., 4.]])", True)
