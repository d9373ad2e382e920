"""Elements taken from places and put at places."""

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy

from microlazy.base import MXNetError, ShapeError
from microlazy.core import functions as f
from microlazy.core.ops import nn
from microlazy.core.ops.numpy_call import call
from microlazy.core.tensor import Tensor
from microlazy.ops.arguments import op
from microlazy.ops.checks import check_arrays

A = TypeVar("A", bound=Tensor)

# ---- by place ------------------------------------------------------------------------------------


def _key(op: str, indices: A, data_ndim: int) -> tuple[A, ...]:
    """The rows of `indices`, one for each of the first axes."""
    if indices.ndim < 1 or indices.shape[0] > data_ndim:
        raise ShapeError(
            f"{op}: indices of shape {indices.shape} name {indices.shape[:1]} axes of an array of "
            f"{data_ndim}"
        )
    return tuple(indices[i] for i in range(indices.shape[0]))


@op
def gather_nd(data: Tensor, indices: Tensor) -> Tensor:
    """Return data[indices[0], indices[1], ...].

    Parameters
    ----------
    data : array
    indices : array, shape (axes, ...)
        Places along each of the first axes.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.gather_nd(np.array([[1, 2], [3, 4]]), np.array([[0, 1], [1, 0]]))
    array([2., 3.])
    """
    return data[_key("gather_nd", indices, data.ndim)]


@op
def scatter_nd(data: Tensor, indices: Tensor, shape: Sequence[int]) -> Tensor:
    """Return zeros of a shape with data written to [indices[0], indices[1], ...].

    Of several elements for one place, the last stays.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.scatter_nd(np.array([5, 6]), np.array([[0, 1], [1, 0]]), (2, 2))
    array([[0., 5.],
           [6., 0.]])
    """
    return f.put_at(None, tuple(shape), data, _key("scatter_nd", indices, len(shape)), False)


def _rows_of(op: str, a: A, ind: A) -> tuple[A, ...]:
    if numpy.dtype(ind.dtype).kind not in "iu":
        raise MXNetError(f"{op}: the indices must be integers, not {ind.dtype}")
    return _key(op, ind, a.ndim) if ind.ndim > 1 else (ind,)


@op
def index_add(a: Tensor, ind: Tensor, val: Tensor) -> Tensor:
    """Return a copy of `a` with `val` added at some places, as often as they are named.

    Parameters
    ----------
    a : array
    ind : array of integers, shape (count,) or (axes, count)
        Places along the first axis, or along each of the first axes.
    val : array
        Broadcast to the shape of ``a[ind]``.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.index_add(np.zeros(3), np.array([0, 0], dtype="int32"), np.array([1, 2]))
    array([3., 0., 0.])
    """
    if not numpy.can_cast(val.dtype, a.dtype, "same_kind"):
        raise TypeError(f"index_add: {val.dtype} cannot be added to {a.dtype}; use astype()")
    return f.put_at(a, a.shape, val, _rows_of("index_add", a, ind), True)


@op
def index_update(a: Tensor, ind: Tensor, val: Tensor) -> Tensor:
    """Return a copy of `a` with `val` at some places; of several for one place, the last stays.

    Parameters
    ----------
    a : array
    ind : array of integers, shape (count,) or (axes, count)
        Places along the first axis, or along each of the first axes.
    val : array
        Broadcast to the shape of ``a[ind]``.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.index_update(np.zeros(3), np.array([2, 0], dtype="int32"), np.array([1, 2]))
    array([2., 0., 1.])
    """
    return f.put_at(a, a.shape, val, _rows_of("index_update", a, ind), False)


@op
def one_hot(
    indices: Tensor,
    depth: int,
    on_value: float = 1.0,
    off_value: float = 0.0,
    dtype: Any = "float32",
) -> Tensor:
    """Return rows that are `on_value` at the element's place and `off_value` elsewhere.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.one_hot(np.array([1]), 3)
    array([[0., 1., 0.]])
    """
    return f.one_hot(indices, depth, on_value, off_value, dtype)


@op
def pick(
    data: Tensor,
    index: Tensor,
    axis: int | None = -1,
    keepdims: bool = False,
    mode: str = "clip",
) -> Tensor:
    """Return one element of each row along an axis: ``data[i, index[i]]``.

    Parameters
    ----------
    data : array
    index : array
        Places, of data's shape without the axis, or with size 1 there.
    axis : int or None
        None for all elements in order.
    keepdims : bool
        Keep the axis, with size 1.
    mode : {'clip', 'wrap'}
        What becomes of places outside.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.pick(np.array([[1, 2], [3, 4]]), np.array([0, 1]))
    array([1., 4.])
    """
    if axis is None:
        data, axis = f.reshape(data, -1), 0
    return nn.pick(data, index, axis, keepdims, mode)


def _nonzero_places(a: numpy.ndarray) -> numpy.ndarray:
    return numpy.stack(numpy.nonzero(a), axis=-1)


def nonzero(a: Tensor) -> Tensor:
    """Return the places of the elements that are not 0, one row for each, as int64.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.nonzero(np.array([[1, 0], [0, 2]]))
    array([[0, 0],
           [1, 1]], dtype=int64)
    """
    check_arrays("nonzero", a=a)
    return call(_nonzero_places, [a], dynamic=True)


@op
def embedding(
    data: Tensor,
    weight: Tensor,
    input_dim: int | None = None,
    output_dim: int | None = None,
    dtype: Any = None,
    sparse_grad: bool = False,
) -> Tensor:
    """Return the rows of `weight` at the places in `data`.

    Parameters
    ----------
    data : array
        Places, of any dtype; those outside are clipped.
    weight : array, shape (input_dim, output_dim)
    dtype : dtype, optional
        What MXNet's graphs say of the weight; the result has the weight's in any case.

    Returns
    -------
    array, shape data.shape + (output_dim,)

    Raises
    ------
    MXNetError
        For `sparse_grad`: there are no sparse arrays.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.embedding(np.array([1, 0]), np.array([[1, 2], [3, 4]]), 2, 2)
    array([[3., 4.],
           [1., 2.]])
    """
    if sparse_grad:
        raise MXNetError("embedding: sparse_grad=True is outside: microlazy has no sparse arrays")
    check_arrays("embedding", data=data, weight=weight)
    expected = (input_dim or weight.shape[0], output_dim or weight.shape[-1])
    if weight.shape != expected:
        raise ShapeError(
            f"embedding: weight has shape {weight.shape}, but input_dim and output_dim say "
            f"{expected}"
        )
    return f.take(weight, data, 0, "clip")
