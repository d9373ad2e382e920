"""Elements by their places, and shapes and numbers taken from other arrays."""

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy

from microlazy.base import MXNetError, ShapeError
from microlazy.core import functions as f
from microlazy.core.ops.checks import axis_of
from microlazy.core.ops.numpy_call import call
from microlazy.core.tensor import Tensor

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


def gather_nd(data: A, indices: A) -> A:
    """Return data[indices[0], indices[1], ...].

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.ops.selecting import gather_nd
    >>> gather_nd(np.array([[1, 2], [3, 4]]), np.array([[0, 1], [1, 0]]))
    array([2., 3.])
    """
    return data[_key("gather_nd", indices, data.ndim)]


def _scattered(data: numpy.ndarray, *rows: numpy.ndarray, shape: tuple[int, ...]) -> numpy.ndarray:
    out = numpy.zeros(shape, data.dtype)
    out[tuple(row.astype(int) for row in rows)] = data
    return out


def _scattered_result(
    data: Tensor, *rows: Tensor, shape: tuple[int, ...]
) -> tuple[tuple[int, ...], Any]:
    return shape, data.dtype


def _scattered_gradient(g: A, y: A, data: A, *rows: A, shape: tuple[int, ...]) -> A:
    return g[rows]


def scatter_nd(data: A, indices: A, shape: Sequence[int]) -> A:
    """Return zeros with data written to [indices[0], indices[1], ...].

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.ops.selecting import scatter_nd
    >>> scatter_nd(np.array([5, 6]), np.array([[0, 1], [1, 0]]), (2, 2))
    array([[0., 5.],
           [6., 0.]])
    """
    rows = _key("scatter_nd", indices, len(shape))
    rules = (_scattered_gradient, *(None,) * len(rows))
    options = {"shape": tuple(shape)}
    return call(_scattered, [data, *rows], options, rules, result=_scattered_result)


def _added(a: numpy.ndarray, value: numpy.ndarray, *rows: numpy.ndarray) -> numpy.ndarray:
    out = a.copy()
    numpy.add.at(out, tuple(row.astype(int) for row in rows), value)
    return out


def _updated(a: numpy.ndarray, value: numpy.ndarray, *rows: numpy.ndarray) -> numpy.ndarray:
    out = a.copy()
    out[tuple(row.astype(int) for row in rows)] = value
    return out


def _like_first(a: Tensor, *rest: Tensor, **options: Any) -> tuple[tuple[int, ...], Any]:
    return a.shape, a.dtype


def _same(g: A, y: A, *arrays: A) -> A:
    return g


def _at_rows(g: A, y: A, a: A, value: A, *rows: A) -> A:
    return g[rows]


def _elsewhere(g: A, y: A, a: A, value: A, *rows: A) -> A:
    return call(_updated, [g, value * 0, *rows], gradients=_UPDATE_RULES + (None,) * len(rows))


_UPDATE_RULES = (_elsewhere, _at_rows)


def _rows_of(op: str, a: A, ind: A) -> tuple[A, ...]:
    if numpy.dtype(ind.dtype).kind not in "iu":
        raise MXNetError(f"{op}: the indices must be integers, not {ind.dtype}")
    return _key(op, ind, a.ndim) if ind.ndim > 1 else (ind,)


def index_add(a: A, ind: A, val: A) -> A:
    """Return a copy of `a` with `val` added at the places `ind`; see `npx.index_add`.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.ops.selecting import index_add
    >>> index_add(np.zeros(3), np.array([0, 0], dtype="int32"), np.array([1, 2]))
    array([3., 0., 0.])
    """
    rows = _rows_of("index_add", a, ind)
    rules = (_same, _at_rows, *(None,) * len(rows))
    return call(_added, [a, val, *rows], gradients=rules, result=_like_first)


def index_update(a: A, ind: A, val: A) -> A:
    """Return a copy of `a` with `val` at the places `ind`; see `npx.index_update`.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.ops.selecting import index_update
    >>> index_update(np.zeros(3), np.array([2, 0], dtype="int32"), np.array([1, 2]))
    array([2., 0., 1.])
    """
    rows = _rows_of("index_update", a, ind)
    rules = _UPDATE_RULES + (None,) * len(rows)
    return call(_updated, [a, val, *rows], gradients=rules, result=_like_first)


# ---- the largest ---------------------------------------------------------------------------------


def topk(
    data: Tensor,
    axis: int | None = -1,
    k: int = 1,
    ret_typ: str = "indices",
    is_ascend: bool = False,
    dtype: Any = "float32",
) -> Any:
    """Return the k largest elements, or where they are; see `npx.topk`.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.ops.selecting import topk
    >>> topk(np.array([3, 1, 2]), k=2, ret_typ="mask")
    array([1., 0., 1.])
    """
    if axis is None:
        marks = topk(f.reshape(data, -1), 0, k, ret_typ, is_ascend, dtype)
        return f.reshape(marks, data.shape) if ret_typ == "mask" else marks
    axis = axis_of("topk", axis, data)
    size = data.shape[axis]
    if k > size:
        raise ValueError(f"topk: k must be from 1 to {size}, or less for all, not {k}")
    options = {"axis": axis, "k": k if k > 0 else size, "is_ascend": is_ascend}
    places = call(_top_places, [f.detach(data)], options, result=_top_shape)
    if ret_typ == "indices":
        return f.as_dtype(places, dtype)
    if ret_typ == "value":
        return _along(data, places, axis)
    if ret_typ == "both":
        return [_along(data, places, axis), f.as_dtype(places, dtype)]
    if ret_typ == "mask":
        options = {"axis": axis}
        return call(_marked, [f.detach(data), places], options, result=_like_first)
    raise ValueError(f"topk: ret_typ is 'indices', 'value', 'both' or 'mask', not {ret_typ!r}")


def _top_places(x: numpy.ndarray, axis: int, k: int, is_ascend: bool) -> numpy.ndarray:
    if not is_ascend:
        x = -x if x.dtype.kind == "f" else ~x  # which never wraps, and turns the order as well
    order = numpy.argsort(x, axis=axis, kind="stable")
    return order.take(numpy.arange(k), axis)


def _top_shape(x: Tensor, axis: int, k: int, is_ascend: bool) -> tuple[tuple[int, ...], Any]:
    return (*x.shape[:axis], k, *x.shape[axis + 1 :]), "int64"


def _along(data: A, places: A, axis: int) -> A:
    """The elements at places along an axis."""
    face, ndim = f.face_of(data), data.ndim
    key = [
        f.to_array(face, numpy.arange(n).reshape((-1, *(1,) * (ndim - i - 1))), "int64")
        for i, n in enumerate(places.shape)
    ]
    key[axis] = places
    return data[tuple(key)]


def _marked(data: numpy.ndarray, places: numpy.ndarray, axis: int) -> numpy.ndarray:
    out = numpy.zeros_like(data)
    numpy.put_along_axis(out, places, 1, axis)
    return out


# ---- shapes of other arrays ----------------------------------------------------------------------


def _bounds(begin: int | None, end: int | None, ndim: int) -> tuple[int, int]:
    first, last, _ = slice(begin, end).indices(ndim)
    return first, last


def reshape_like(
    lhs: A,
    rhs: A,
    lhs_begin: int | None = None,
    lhs_end: int | None = None,
    rhs_begin: int | None = None,
    rhs_end: int | None = None,
) -> A:
    """Return lhs with its axes from begin to end in the shape of those of rhs.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.ops.selecting import reshape_like
    >>> reshape_like(np.ones((30, 7)), np.ones((15, 2, 4)), 0, 1, 0, 2).shape
    (15, 2, 7)
    """
    first, last = _bounds(lhs_begin, lhs_end, lhs.ndim)
    start, stop = _bounds(rhs_begin, rhs_end, rhs.ndim)
    return f.reshape(lhs, lhs.shape[:first] + rhs.shape[start:stop] + lhs.shape[last:])


def slice_like(data: A, shape_like: A, axes: Sequence[int] = ()) -> A:
    """Return the beginning of data, as long along all axes or some as another array.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.ops.selecting import slice_like
    >>> slice_like(np.ones((3, 4)), np.ones((2, 3)), axes=(1,)).shape
    (3, 3)
    """
    places = [axis_of("slice_like", axis, data) for axis in axes] or range(data.ndim)
    key = [slice(None)] * data.ndim
    for place in places:
        if place >= shape_like.ndim or shape_like.shape[place] > data.shape[place]:
            raise ShapeError(
                f"slice_like: axis {place} of shape {data.shape} cannot become as long as in "
                f"{shape_like.shape}"
            )
        key[place] = slice(shape_like.shape[place])
    return data[tuple(key)]


def broadcast_like(lhs: A, rhs: A, lhs_axes: Any = None, rhs_axes: Any = None) -> A:
    """Return lhs broadcast to rhs's shape, along all axes or some.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.ops.selecting import broadcast_like
    >>> broadcast_like(np.ones((1, 3)), np.ones((5, 6, 7)), (0,), (-1,)).shape
    (7, 3)
    """
    if (lhs_axes is None) != (rhs_axes is None):
        raise MXNetError("broadcast_like: give lhs_axes and rhs_axes, or neither")
    if lhs_axes is None:
        return f.broadcast_to(lhs, rhs.shape)
    shape = list(lhs.shape)
    for place, other in zip(lhs_axes, rhs_axes, strict=True):
        shape[place] = rhs.shape[other]
    return f.broadcast_to(lhs, tuple(shape))


def arange_like(
    data: A,
    start: float = 0.0,
    step: float = 1.0,
    repeat: int = 1,
    axis: int | None = None,
) -> A:
    """Return start, start + step, ...: for all elements of data, or for those along an axis.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.ops.selecting import arange_like
    >>> arange_like(np.zeros((2, 3)), axis=1)
    array([0., 1., 2.])
    """
    shape = data.shape if axis is None else (data.shape[axis_of("arange_like", axis, data)],)
    count = int(numpy.prod(shape))
    if repeat < 1 or count % repeat:
        raise ShapeError(f"arange_like: {count} places cannot take each number {repeat} times")
    numbers = (start + step * numpy.arange(count // repeat)).repeat(repeat).reshape(shape)
    return f.to_array(f.face_of(data), numbers, data.dtype)
