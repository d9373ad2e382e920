"""Shapes: the same elements arranged, joined and cut."""

import math
from collections.abc import Sequence
from typing import Any

import numpy
from numpy.lib.array_utils import normalize_axis_tuple

from microlazy.base import MXNetError, ShapeError
from microlazy.core import functions as _f
from microlazy.core.array import NDArray
from microlazy.ops import manipulation as _manipulation
from microlazy.ops.arguments import ND, copied, need_arrays, op
from microlazy.ops.checks import as_tuple
from microlazy.ops.manipulation import shape_array
from microlazy.ops.triangles import diagonal, from_diagonal

__all__ = [
    "Concat",
    "Flatten",
    "Pad",
    "Reshape",
    "SliceChannel",
    "SwapAxis",
    "broadcast_axes",
    "broadcast_axis",
    "broadcast_like",
    "broadcast_to",
    "concat",
    "concatenate",
    "depth_to_space",
    "diag",
    "expand_dims",
    "flatten",
    "flip",
    "moveaxis",
    "pad",
    "repeat",
    "reshape",
    "reshape_like",
    "reverse",
    "shape_array",
    "size_array",
    "space_to_depth",
    "split",
    "split_v2",
    "squeeze",
    "stack",
    "swapaxes",
    "tile",
    "transpose",
]


@op
def reshape(
    data: NDArray, shape: Any = None, reverse: bool = False, target_shape: Any = None
) -> NDArray:
    """Return the array in another shape; see `NDArray.reshape` for the codes.

    `target_shape` is MXNet's old name of `shape`.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.reshape(nd.zeros((2, 3, 4)), (-3, 0)).shape
    (6, 4)
    """
    if shape is None and target_shape is None:
        raise MXNetError("reshape: give the shape")
    return _f.reshape_codes(data, target_shape if shape is None else shape, reverse).copy()


flatten = copied(_manipulation.batch_flatten)


@op
def transpose(data: NDArray, axes: Any = None) -> NDArray:
    """Return the array with its axes in another order, reversed by default.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.transpose(nd.zeros((2, 3, 4)), (1, 0, 2)).shape
    (3, 2, 4)
    """
    return _f.transpose(data, axes or None)


@op
def swapaxes(data: NDArray, dim1: int = 0, dim2: int = 0) -> NDArray:
    """Return the array with two axes exchanged.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.swapaxes(nd.zeros((2, 3)), 0, 1).shape
    (3, 2)
    """
    return _f.swapaxes(data, dim1, dim2)


@op
def expand_dims(data: NDArray, axis: int) -> NDArray:
    """Return the array with a new axis of size 1.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.expand_dims(nd.zeros((2,)), 0).shape
    (1, 2)
    """
    return _f.expand_dims(data, axis).copy()


@op
def squeeze(data: NDArray, axis: Any = None) -> NDArray:
    """Return the array without its axes of size 1, or without those named.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.squeeze(nd.zeros((1, 2))).shape
    (2,)
    """
    return _f.squeeze(data, axis).copy()


@op
def broadcast_to(data: NDArray, shape: Any) -> NDArray:
    """Return the array broadcast to a shape; 0 keeps a size.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.broadcast_to(nd.ones((1, 2)), (3, 0)).shape
    (3, 2)
    """
    return _f.broadcast_to(data, shape).copy()


@op
def concat(*data: NDArray, dim: int = 1, num_args: int | None = None) -> NDArray:
    """Join arrays along an axis they have, the second by default.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.concat(nd.zeros((2, 1)), nd.ones((2, 2))).shape
    (2, 3)
    """
    need_arrays(data, num_args)
    return _f.concatenate(data, dim).copy()


def concatenate(arrays: Sequence[NDArray], axis: int = 0, always_copy: bool = True) -> NDArray:
    """Join a list of arrays along an axis they have, the first by default.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.concatenate([nd.zeros((1, 2)), nd.ones((2, 2))]).shape
    (3, 2)
    """
    return _f.concatenate(arrays, axis).copy()


@op
def stack(*data: NDArray, axis: int = 0, num_args: int | None = None) -> NDArray:
    """Join arrays of one shape along a new axis.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.stack(nd.zeros((2,)), nd.ones((2,))).shape
    (2, 2)
    """
    need_arrays(data, num_args)
    return _f.stack(data, axis)


@op
def split(
    data: NDArray, num_outputs: int, axis: int = 1, squeeze_axis: bool = False
) -> list[NDArray] | NDArray:
    """Cut into equal parts along an axis, the second by default.

    Returns
    -------
    list of NDArray
        Or the only part, if `num_outputs` is 1.

    Examples
    --------
    >>> from microlazy import nd
    >>> [part.shape for part in nd.split(nd.zeros((2, 6)), 3)]
    [(2, 2), (2, 2), (2, 2)]
    """
    parts = _copies(_f.split(data, num_outputs, axis, squeeze_axis))
    return parts[0] if num_outputs == 1 else parts


def split_v2(
    ary: NDArray, indices_or_sections: Any, axis: int = 0, squeeze_axis: bool = False
) -> list[NDArray]:
    """Cut along an axis: into equal parts, or before each of some places.

    Examples
    --------
    >>> from microlazy import nd
    >>> [part.shape for part in nd.split_v2(nd.zeros((5, 2)), (2,))]
    [(2, 2), (3, 2)]
    """
    return _copies(_f.split(ary, indices_or_sections, axis, squeeze_axis))


def _copies(parts: list[NDArray]) -> list[NDArray]:
    return [part.copy() for part in parts]


@op
def repeat(data: NDArray, repeats: int, axis: int | None = None) -> NDArray:
    """Repeat each element, or each slice along an axis.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.repeat(nd.array([1, 2]), 2).asnumpy()
    array([1., 1., 2., 2.], dtype=float32)
    """
    return _f.repeat(data, repeats, axis)


@op
def tile(data: NDArray, reps: Any) -> NDArray:
    """Repeat the whole array along each axis.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.tile(nd.array([1, 2]), (2, 1)).shape
    (2, 2)
    """
    return _f.tile(data, reps).copy()


@op
def flip(data: NDArray, axis: Any) -> NDArray:
    """Reverse the order of the elements along an axis.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.flip(nd.array([1, 2]), 0).asnumpy()
    array([2., 1.], dtype=float32)
    """
    return _f.flip(data, axis)


@op
def broadcast_axis(data: NDArray, axis: Any = (), size: Any = ()) -> NDArray:
    """Broadcast axes of size 1 to other sizes.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.broadcast_axis(nd.ones((1, 3)), axis=0, size=2).shape
    (2, 3)
    """
    axes, sizes = as_tuple(axis), as_tuple(size)
    if len(axes) != len(sizes):
        raise ShapeError(f"broadcast_axis: {len(axes)} axes, but {len(sizes)} sizes")
    shape = list(data.shape)
    for place, n in zip(axes, sizes, strict=True):
        shape[place] = n
    return _f.broadcast_to(data, tuple(shape)).copy()


broadcast_like = copied(_manipulation.broadcast_like)


reshape_like = copied(_manipulation.reshape_like)


def moveaxis(
    tensor: NDArray, source: int | Sequence[int], destination: int | Sequence[int]
) -> NDArray:
    """Return the array with some axes at other places; the others keep their order.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.moveaxis(nd.zeros((2, 3, 4)), 0, -1).shape
    (3, 4, 2)
    """
    sources = normalize_axis_tuple(source, tensor.ndim, "source")
    places = normalize_axis_tuple(destination, tensor.ndim, "destination")
    if len(sources) != len(places):
        raise ValueError(f"moveaxis: {len(sources)} axes cannot go to {len(places)} places")
    order = [axis for axis in range(tensor.ndim) if axis not in sources]
    for place, axis in sorted(zip(places, sources, strict=True)):
        order.insert(place, axis)
    return _f.transpose(tensor, order)


@op
def pad(
    data: NDArray, mode: str = "constant", pad_width: Any = None, constant_value: float = 0
) -> NDArray:
    """Extend an array of 4 or 5 axes at both ends of its spatial axes, the third and later.

    Parameters
    ----------
    data : NDArray, shape (batch, channels, [depth,] height, width)
    mode : "constant", "edge" or "reflect"
        Fill with a number, the outermost elements, or those mirrored at the outermost.
    pad_width : tuple of int
        How many elements before and after each axis; 0 for the first two axes.
    constant_value : float

    Examples
    --------
    >>> from microlazy import nd
    >>> x = nd.array([1, 2, 3]).reshape((1, 1, 1, 3))
    >>> nd.pad(x, "reflect", (0, 0, 0, 0, 0, 0, 1, 2)).asnumpy()
    array([[[[2., 1., 2., 3., 2., 1.]]]], dtype=float32)
    """
    widths = tuple(pad_width or ())
    if data.ndim not in (4, 5):
        raise MXNetError(f"pad: the array must have 4 or 5 axes, but its shape is {data.shape}")
    if len(widths) != 2 * data.ndim or min(widths) < 0:
        raise MXNetError(
            f"pad: pad_width must be {2 * data.ndim} numbers, two for each axis, not {pad_width}"
        )
    if any(widths[:4]):
        raise MXNetError(f"pad: the first two axes cannot be padded, but pad_width is {pad_width}")
    if mode not in ("constant", "edge", "reflect"):
        raise MXNetError(f"pad: mode is 'constant', 'edge' or 'reflect', not {mode!r}")
    for axis in range(2, data.ndim):
        data = _padded(data, axis, widths[2 * axis : 2 * axis + 2], mode, constant_value)
    return data if any(widths) else data.copy()


def _padded(data: NDArray, axis: int, widths: tuple[int, ...], mode: Any, value: float) -> NDArray:
    """Pad one axis: by numbers, or by taking elements again."""
    n = data.shape[axis]
    if mode == "constant":
        shape = data.shape
        ends = [
            _f.new_array(
                _f.face_of(data), (*shape[:axis], width, *shape[axis + 1 :]), data.dtype, value
            )
            for width in widths
        ]
        parts = [part for part in (ends[0], data, ends[1]) if part.shape[axis]]
        return _f.concatenate(parts, axis) if len(parts) > 1 else data
    if mode == "reflect" and max(widths) >= n:
        raise ShapeError(f"pad: an axis of size {n} cannot be mirrored {max(widths)} wide")
    return _f.take(data, numpy.pad(numpy.arange(n), widths, mode), axis)


@op
def depth_to_space(data: NDArray, block_size: int) -> NDArray:
    """Move channels into blocks of space: (n, c, h, w) to (n, c / b**2, h * b, w * b).

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.depth_to_space(nd.zeros((1, 8, 2, 3)), 2).shape
    (1, 2, 4, 6)
    """
    n, c, h, w = _image_shape("depth_to_space", data)
    b = block_size
    if b < 1 or c % b**2:
        raise ShapeError(f"depth_to_space: {c} channels are not blocks of {b} times {b}")
    x = _f.transpose(_f.reshape(data, (n, b, b, c // b**2, h, w)), (0, 3, 4, 1, 5, 2))
    return _f.reshape(x, (n, c // b**2, h * b, w * b))


@op
def space_to_depth(data: NDArray, block_size: int) -> NDArray:
    """Move blocks of space into channels: (n, c, h, w) to (n, c * b**2, h / b, w / b).

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.space_to_depth(nd.zeros((1, 2, 4, 6)), 2).shape
    (1, 8, 2, 3)
    """
    n, c, h, w = _image_shape("space_to_depth", data)
    b = block_size
    if b < 1 or h % b or w % b:
        raise ShapeError(f"space_to_depth: {h} times {w} does not split into blocks of size {b}")
    x = _f.transpose(_f.reshape(data, (n, c, h // b, b, w // b, b)), (0, 3, 5, 1, 2, 4))
    return _f.reshape(x, (n, c * b**2, h // b, w // b))


def _image_shape(name: str, data: NDArray) -> tuple[int, ...]:
    if data.ndim != 4:
        raise ShapeError(f"{name}: the array must have 4 axes, but its shape is {data.shape}")
    return data.shape


@op
def diag(data: NDArray, k: int = 0, axis1: int = 0, axis2: int = 1) -> NDArray:
    """Return a diagonal of an array, or the matrix with a vector on its k-th diagonal.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.diag(nd.array([[1, 2], [3, 4]])).asnumpy()
    array([1., 4.], dtype=float32)
    >>> nd.diag(nd.array([1, 2])).asnumpy()
    array([[1., 0.],
           [0., 2.]], dtype=float32)
    """
    if data.ndim == 1:
        return from_diagonal(data, k)
    result = diagonal(data, k, axis1, axis2)
    if result.shape[-1] == 0:
        raise ShapeError(f"diag: an array of shape {data.shape} has no diagonal {k}")
    return result


@op
def size_array(data: NDArray) -> NDArray:
    """Return the number of elements, as int64.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.size_array(nd.zeros((2, 3))).asnumpy().tolist()
    [6]
    """
    return _f.from_numpy_result(ND, [math.prod(data.shape)], "int64")


Concat = concat
Flatten = flatten
Pad = pad
Reshape = reshape
SliceChannel = split
SwapAxis = swapaxes
broadcast_axes = broadcast_axis
reverse = flip
