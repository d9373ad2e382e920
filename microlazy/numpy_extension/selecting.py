"""Elements by their places, and other shapes."""

import builtins
from collections.abc import Sequence
from typing import Any

import numpy

from microlazy.base import MXNetError
from microlazy.context import Context, check_ctx
from microlazy.core import functions as _f
from microlazy.core.ops import nn as _nn
from microlazy.core.ops.numpy_call import call as _call
from microlazy.core.tensor import Tensor
from microlazy.ndarray.arguments import op
from microlazy.ops import gathering as _selecting
from microlazy.ops.sequence_lengths import sequence_mask as _sequence_mask
from microlazy.ops.target_shapes import reshape_npx as _reshape

__all__ = [
    "arange_like",
    "batch_dot",
    "batch_flatten",
    "broadcast_like",
    "cast",
    "gather_nd",
    "index_add",
    "index_update",
    "nonzero",
    "one_hot",
    "pick",
    "reshape",
    "reshape_like",
    "scatter_nd",
    "sequence_mask",
    "shape_array",
    "slice",
    "slice_axis",
    "slice_like",
    "stop_gradient",
    "topk",
]


# ---- elements ------------------------------------------------------------------------------------


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
    return _f.one_hot(indices, depth, on_value, off_value, dtype)


@op
def pick(
    data: Tensor, index: Tensor, axis: int = -1, keepdims: bool = False, mode: str = "clip"
) -> Tensor:
    """Return one element of each row along an axis: ``data[i, index[i]]``.

    Parameters
    ----------
    data : array
    index : array
        Places, of data's shape without the axis, or with size 1 there.
    axis : int
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
        raise MXNetError("pick: axis=None is not supported; name an axis")
    return _nn.pick(data, index, axis, keepdims, mode)


@op
def topk(
    data: Tensor,
    axis: int | None = -1,
    k: int = 1,
    ret_typ: str = "indices",
    is_ascend: bool = False,
    dtype: Any = "float32",
) -> Any:
    """Return the k largest elements along an axis, or where they are.

    Parameters
    ----------
    data : array
    axis : int or None
        None for all elements in order.
    k : int
        0 for all.
    ret_typ : {'indices', 'value', 'both', 'mask'}
        Places, values, a list of values and places, or 1 at the elements and 0 elsewhere.
    is_ascend : bool
        The smallest instead.
    dtype : dtype
        Of the places.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.topk(np.array([3, 1, 2]), k=2)
    array([0., 2.])
    """
    return _selecting.topk(data, axis, k, ret_typ, is_ascend, dtype)


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
    return _selecting.gather_nd(data, indices)


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
    return _selecting.scatter_nd(data, indices, shape)


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
    return _selecting.index_add(a, ind, val)


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
    return _selecting.index_update(a, ind, val)


def _places(a: numpy.ndarray) -> numpy.ndarray:
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
    return _call(_places, [a], dynamic=True)


@op
def sequence_mask(
    data: Tensor,
    sequence_length: Tensor | None = None,
    use_sequence_length: bool = False,
    value: float = 0.0,
    axis: int = 0,
) -> Tensor:
    """Return data with `value` behind the end of each sequence.

    Parameters
    ----------
    data : array, shape (steps, batch, ...), or (batch, steps, ...) with axis 1
    sequence_length : array, shape (batch,), optional
        Counts with `use_sequence_length`.
    value : float
    axis : {0, 1}
        That of the steps.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.sequence_mask(np.ones((3, 2)), np.array([1, 2]), use_sequence_length=True)
    array([[1., 1.],
           [0., 1.],
           [0., 0.]])
    """
    if use_sequence_length and sequence_length is None:
        raise MXNetError("sequence_mask: use_sequence_length needs sequence_length")
    return _sequence_mask(data, sequence_length if use_sequence_length else None, value, axis)


# ---- products ------------------------------------------------------------------------------------


@op
def batch_dot(
    lhs: Tensor, rhs: Tensor, transpose_a: bool = False, transpose_b: bool = False
) -> Tensor:
    """Return the products of the matrices in two stacks.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.batch_dot(np.ones((5, 2, 3)), np.ones((5, 3, 4))).shape
    (5, 2, 4)
    """
    return _f.batch_dot(lhs, rhs, transpose_a, transpose_b)


# ---- shapes --------------------------------------------------------------------------------------


@op
def batch_flatten(data: Tensor) -> Tensor:
    """Keep the first axis and join the others.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.batch_flatten(np.zeros((2, 3, 4))).shape
    (2, 12)
    """
    return _f.flatten(data)


def reshape(a: Tensor, newshape: Any, reverse: bool = False, order: str = "C") -> Tensor:
    """Return the array in another shape.

    Parameters
    ----------
    a : array
    newshape : int or tuple of int
        Sizes, and codes: -1 is worked out, -2 keeps an axis, -3 leaves out an axis of size 1, -4
        keeps all that are left, -5 joins two, -6 splits one into the two sizes that follow.
    reverse : bool
        Read the shape from its end.
    order : str
        Only "C".

    Raises
    ------
    ShapeError
        If the codes do not fit the shape.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.reshape(np.zeros((8, 3, 4)), (-6, 2, -1, -5)).shape
    (2, 4, 12)
    """
    if order != "C":
        raise ValueError(f"reshape: only order='C' is supported, not {order!r}")
    return _reshape(a, newshape, reverse)


@op
def reshape_like(
    lhs: Tensor,
    rhs: Tensor,
    lhs_begin: int | None = None,
    lhs_end: int | None = None,
    rhs_begin: int | None = None,
    rhs_end: int | None = None,
) -> Tensor:
    """Return lhs in the shape of rhs, or some of its axes in the shape of some of rhs's.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.reshape_like(np.zeros((6,)), np.zeros((2, 3))).shape
    (2, 3)
    """
    return _selecting.reshape_like(lhs, rhs, lhs_begin, lhs_end, rhs_begin, rhs_end)


@op
def slice(data: Tensor, begin: Any, end: Any, step: Any = ()) -> Tensor:
    """Return the part from `begin` to `end` along the first axes; None leaves a bound open.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.slice(np.zeros((2, 3)), begin=(0, 1), end=(2, 3)).shape
    (2, 2)
    """
    begin, end, step = ((x,) if x is None or isinstance(x, int) else x for x in (begin, end, step))
    steps = (*step, *(None,) * (len(begin) - len(step)))
    return data[tuple(map(builtins.slice, begin, end, steps))]


@op
def slice_axis(data: Tensor, axis: int, begin: int, end: int | None) -> Tensor:
    """Return the part from begin to end along one axis.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.slice_axis(np.zeros((2, 5)), 1, 1, 3).shape
    (2, 2)
    """
    return _f.slice_axis(data, axis, begin, end)


@op
def slice_like(data: Tensor, shape_like: Tensor, axes: Sequence[int] = ()) -> Tensor:
    """Return the beginning of data, as long along all axes, or those named, as another array.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.slice_like(np.zeros((3, 4)), np.zeros((2, 3)), axes=(1,)).shape
    (3, 3)
    """
    return _selecting.slice_like(data, shape_like, axes)


@op
def broadcast_like(lhs: Tensor, rhs: Tensor, lhs_axes: Any = None, rhs_axes: Any = None) -> Tensor:
    """Return lhs broadcast to the shape of rhs, or along `lhs_axes` to its sizes at `rhs_axes`.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.broadcast_like(np.zeros((1, 3)), np.zeros((5, 3))).shape
    (5, 3)
    """
    return _selecting.broadcast_like(lhs, rhs, lhs_axes, rhs_axes)


# ---- from an array's shape -----------------------------------------------------------------------


@op
def arange_like(
    data: Tensor,
    start: float = 0.0,
    step: float = 1.0,
    repeat: int = 1,
    ctx: Context | None = None,
    axis: int | None = None,
) -> Tensor:
    """Return start, start + step, ...: one for each element, or for each place along an axis.

    Parameters
    ----------
    data : array
    start, step : float
    repeat : int
        How often each number comes.
    ctx : Context, optional
    axis : int, optional

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.arange_like(np.zeros((2, 3)), axis=1)
    array([0., 1., 2.])
    """
    check_ctx(ctx)
    return _selecting.arange_like(data, start, step, repeat, axis)


@op
def shape_array(data: Tensor) -> Tensor:
    """Return the shape as an array of int64.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.shape_array(np.zeros((2, 3)))
    array([2, 3], dtype=int64)
    """
    return _f.to_array(_f.face_of(data), data.shape, "int64")


@op
def cast(data: Tensor, dtype: Any) -> Tensor:
    """Return the array with another dtype.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.cast(np.array([1.7]), "int32")
    array([1], dtype=int32)
    """
    return data.astype(dtype)


@op
def stop_gradient(data: Tensor) -> Tensor:
    """Return the array cut off from the graph: no gradient passes.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.stop_gradient(np.ones(1))
    array([1.])
    """
    return data.detach()
