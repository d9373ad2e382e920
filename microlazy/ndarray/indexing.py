"""Parts of arrays, and elements at places."""

import builtins
from typing import Any

import numpy

from microlazy.base import MXNetError, ShapeError
from microlazy.core import functions as _f
from microlazy.core.array import NDArray
from microlazy.core.ops import nn as _nn
from microlazy.core.ops.numpy_call import call
from microlazy.ops import manipulation as _manipulation
from microlazy.ops.arguments import copied, op
from microlazy.ops.checks import as_tuple, check_arrays
from microlazy.ops.gathering import gather_nd, one_hot, pick, scatter_nd

__all__ = [
    "batch_take",
    "choose_element_0index",
    "crop",
    "fill_element_0index",
    "gather_nd",
    "one_hot",
    "onehot_encode",
    "pick",
    "ravel_multi_index",
    "scatter_nd",
    "slice",
    "slice_axis",
    "slice_like",
    "take",
    "unravel_index",
    "where",
]


def slice_key(name: str, data: NDArray, begin: Any, end: Any, step: Any = None) -> tuple:
    """Return the key of the part from `begin` to `end` along the first axes.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.ndarray.indexing import slice_key
    >>> slice_key("slice", nd.zeros((3, 3)), (0, 1), (2, None))
    (slice(0, 2, None), slice(1, None, None))
    """
    begin, end, step = (
        (bound,) if isinstance(bound, int) else tuple(bound or ()) for bound in (begin, end, step)
    )
    if len(begin) != len(end) or len(begin) > data.ndim:
        raise MXNetError(
            f"{name}: begin and end must have as many places, at most {data.ndim}, but they are "
            f"{begin} and {end}"
        )
    step += (None,) * (len(begin) - len(step))
    return tuple(map(builtins.slice, begin, end, step))


@op
def slice(data: NDArray, begin: Any, end: Any, step: Any = None) -> NDArray:
    """Return the part from `begin` to `end` along the first axes; None leaves a bound open.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.slice(nd.zeros((2, 3)), begin=(0, 1), end=(2, 3)).shape
    (2, 2)
    """
    return data[slice_key("slice", data, begin, end, step)].copy()


@op
def slice_axis(data: NDArray, axis: int, begin: int, end: int | None) -> NDArray:
    """Return the part from begin to end along one axis.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.slice_axis(nd.zeros((2, 5)), 1, 1, 3).shape
    (2, 2)
    """
    size = data.shape[numpy.lib.array_utils.normalize_axis_index(axis, data.ndim)]
    first, last = begin + size * (begin < 0), size if end is None else end + size * (end < 0)
    if not 0 <= first < last <= size:
        raise MXNetError(f"slice_axis: no part from {begin} to {end} of an axis of size {size}")
    return _f.slice_axis(data, axis, first, last).copy()


slice_like = copied(_manipulation.slice_like)


@op
def take(a: NDArray, indices: NDArray, axis: int = 0, mode: str = "clip") -> NDArray:
    """Return the slices along an axis at the places in `indices`.

    Parameters
    ----------
    a, indices : NDArray
    axis : int
    mode : "clip", "wrap" or "raise"
        What a place outside means.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.take(nd.array([5, 6, 7]), nd.array([2, 0])).asnumpy()
    array([7., 5.], dtype=float32)
    """
    return _f.take(a, indices, axis, mode)


@op
def batch_take(a: NDArray, indices: NDArray) -> NDArray:
    """Return ``a[i, indices[i]]`` for each row i.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.batch_take(nd.array([[1, 2], [3, 4]]), nd.array([0, 1], dtype="int32")).asnumpy()
    array([1., 4.], dtype=float32)
    """
    return _nn.pick(a, indices)


@op
def fill_element_0index(lhs: NDArray, mhs: NDArray, rhs: NDArray) -> NDArray:
    """Return lhs with ``mhs[i]`` in place of ``lhs[i, rhs[i]]``.

    Examples
    --------
    >>> from microlazy import nd
    >>> x = nd.array([[1, 2], [3, 4]])
    >>> nd.fill_element_0index(x, nd.array([8, 9]), nd.array([0, 1])).asnumpy()
    array([[8., 2.],
           [3., 9.]], dtype=float32)
    """
    chosen = _f.one_hot(rhs, lhs.shape[1], dtype=lhs.dtype)
    return _f.where(chosen, _f.expand_dims(mhs, 1), lhs)


def _raveled(places: numpy.ndarray, shape: tuple) -> numpy.ndarray:
    steps = numpy.cumprod((1, *shape[:0:-1]))[::-1]
    return numpy.tensordot(steps, places.astype(numpy.int64), 1).astype(places.dtype)


@op
def ravel_multi_index(data: NDArray, shape: Any) -> NDArray:
    """Return the places of elements in the flattened array, from those along each axis.

    Parameters
    ----------
    data : NDArray, shape (m, ...)
        One row of places for each axis.
    shape : tuple of m int
        The array's; the first may be -1.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.ravel_multi_index(nd.array([[3, 6], [4, 1]]), shape=(7, 6)).asnumpy()
    array([22., 37.], dtype=float32)
    """
    check_arrays("ravel_multi_index", data=data)
    shape = as_tuple(shape)
    if data.ndim == 0 or data.shape[0] != len(shape):
        raise ShapeError(
            f"ravel_multi_index: expected a row for each axis of {shape}, not {data.shape}"
        )
    return call(_raveled, [data], {"shape": shape}, dtype=data.dtype)


def _unraveled(places: numpy.ndarray, shape: tuple) -> numpy.ndarray:
    rest, rows = places.astype(numpy.int64), []
    for size in shape[:0:-1]:
        rest, row = numpy.divmod(rest, size)
        rows.append(row)
    return numpy.stack([rest, *rows[::-1]]).astype(places.dtype)


@op
def unravel_index(data: NDArray, shape: Any) -> NDArray:
    """Return the places of elements along each axis, from those in the flattened array.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.unravel_index(nd.array([22, 37]), shape=(7, 6)).asnumpy()
    array([[3., 6.],
           [4., 1.]], dtype=float32)
    """
    check_arrays("unravel_index", data=data)
    return call(_unraveled, [data], {"shape": as_tuple(shape)}, dtype=data.dtype)


def onehot_encode(indices: NDArray, out: NDArray) -> NDArray:
    """Fill the rows of `out` with 1 at the element's place and 0 elsewhere.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.onehot_encode(nd.array([1]), nd.zeros((1, 3))).asnumpy()
    array([[0., 1., 0.]], dtype=float32)
    """
    out[:] = _f.one_hot(indices, out.shape[1], dtype=out.dtype)
    return out


@op
def where(condition: NDArray, x: Any, y: Any) -> NDArray:
    """Return x where the condition is not 0, else y.

    Parameters
    ----------
    condition : NDArray
        Of the shape of x and y, or with one number for each of their first axis.
    x, y : NDArray or float

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.where(nd.array([1, 0]), nd.array([1, 2]), nd.array([3, 4])).asnumpy()
    array([1., 4.], dtype=float32)
    """
    return _f.where(condition, x, y)


choose_element_0index = pick
crop = slice
