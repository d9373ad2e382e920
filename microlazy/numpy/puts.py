"""Elements written at places, where a mask is true, and on the diagonal; in place."""

from typing import Any

import numpy as onp

from microlazy.core import functions as _f
from microlazy.core import puts as _puts
from microlazy.core.array import ndarray
from microlazy.numpy.arguments import as_array, as_places, need_array
from microlazy.numpy.indexing import key_along
from microlazy.numpy.joining import resize

__all__ = ["fill_diagonal", "place", "put", "put_along_axis", "putmask"]


def put_along_axis(arr: ndarray, indices: Any, values: Any, axis: int | None) -> None:
    """Write values at other places along one axis, each row with places of its own; in place.

    Examples
    --------
    >>> from microlazy import np
    >>> x = np.array([[3, 1], [2, 5]])
    >>> np.put_along_axis(x, np.array([[0], [1]]), 9, axis=1)
    >>> x
    array([[9., 1.],
           [2., 9.]])
    """
    if axis is None:
        put(arr, indices, values)
    elif not _puts.put_number_along(arr, indices, values, axis):
        need_array("put_along_axis", arr)
        arr[key_along(arr, as_places(indices), axis, "put_along_axis")] = values


def put(a: ndarray, ind: Any, v: Any, mode: str = "raise") -> None:
    """Write values at places of the flat array, in place; few are repeated, none change nothing.

    Examples
    --------
    >>> from microlazy import np
    >>> x = np.zeros(4)
    >>> np.put(x, [0, 2], [7, 8])
    >>> x
    array([7., 0., 8., 0.])
    """
    if mode == "raise" and _puts.put(a, ind, v):
        return
    need_array("put", a)
    places = onp.asarray(as_places(ind)).astype("int64")
    if mode in ("clip", "wrap"):
        places = places.clip(0, a.size - 1) if mode == "clip" else places % a.size
    elif mode != "raise":
        raise ValueError(f"put: mode is 'clip', 'wrap' or 'raise', not {mode!r}")
    elif ((places < -a.size) | (places >= a.size)).any():
        raise IndexError(f"put: a place is out of bounds for an array of size {a.size}")
    values = as_array(v, a)
    if places.size and values.size:
        values = resize(values, places.shape)
        if a.ndim == 0:
            a[()] = values[-1]  # an index of several places fits no number
        else:
            a[onp.unravel_index(places % a.size, a.shape)] = values


def putmask(a: ndarray, mask: Any, values: Any) -> None:
    """Write values where a mask is true, in place; each comes from its own place in `values`.

    Examples
    --------
    >>> from microlazy import np
    >>> x = np.array([1, 2, 3])
    >>> np.putmask(x, x > 1, [7, 8, 9])
    >>> x
    array([1., 8., 9.])
    """
    if _puts.put_where(a, mask, values, True):
        return
    places = _marked("putmask", a, mask)
    values = _f.reshape(as_array(values, a), -1)
    if places.size and values.size:
        put(a, places, _f.take(values, places % values.size, 0))


def _marked(what: str, a: ndarray, mask: Any) -> onp.ndarray:
    """The places in the flat array where a mask of its size is true."""
    need_array(what, a)
    marks = onp.asarray(mask)
    if marks.size != a.size:
        raise ValueError(
            f"{what}: the mask must have as many elements as the array, {a.size}, not {marks.size}"
        )
    return onp.flatnonzero(marks)


def place(arr: ndarray, mask: Any, vals: Any) -> None:
    """Write values one after the other where a mask is true, in place.

    Examples
    --------
    >>> from microlazy import np
    >>> x = np.array([1, 2, 3])
    >>> np.place(x, x > 1, [7, 8, 9])
    >>> x
    array([1., 7., 8.])
    """
    if _puts.put_where(arr, mask, vals, False):
        return
    places = _marked("place", arr, mask)
    if places.size and not onp.size(vals):
        raise ValueError("place: there are no values to write")
    put(arr, places, vals)


def fill_diagonal(a: ndarray, val: Any, wrap: bool = False) -> None:
    """Write values on the diagonal, in place.

    `wrap` goes on below the square of a tall matrix, after a row that is left out.

    Examples
    --------
    >>> from microlazy import np
    >>> x = np.zeros((2, 2))
    >>> np.fill_diagonal(x, 5)
    >>> x
    array([[5., 0.],
           [0., 5.]])
    """
    if not wrap and _puts.put_diagonal(a, val):
        return
    need_array("fill_diagonal", a)
    marks = onp.zeros(a.shape, bool)
    onp.fill_diagonal(marks, True, wrap)
    put(a, onp.flatnonzero(marks), val)
