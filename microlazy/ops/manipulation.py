"""Other shapes, parts, dtypes: what is arranged anew or taken from an array's shape."""

import builtins
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy

from microlazy.base import MXNetError, ShapeError
from microlazy.context import Context, check_ctx
from microlazy.core import functions as f
from microlazy.core.tensor import Tensor
from microlazy.ops.arguments import op
from microlazy.ops.checks import as_tuple, axis_of

A = TypeVar("A", bound=Tensor)

COPY, SKIP, REST, JOIN, SPLIT = -2, -3, -4, -5, -6


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
    codes = tuple(newshape) if isinstance(newshape, Sequence) else (newshape,)
    step = -1 if reverse else 1
    target = _resolved(a.shape[::step], codes[::step], f"{codes} for an array of {a.shape}")
    return f.reshape(a, target[::step])


def _resolved(source: tuple[int, ...], codes: tuple[int, ...], what: str) -> tuple[int, ...]:
    """The sizes that codes stand for, with at most one -1 left."""
    sizes, target = list(source), []
    waiting = list(codes)

    def take() -> int:
        if not sizes:
            raise ShapeError(f"reshape: {what} names more axes than there are")
        return sizes.pop(0)

    while waiting:
        code = waiting.pop(0)
        if code >= -1:
            target.append(code)
            del sizes[:1]
        elif code == COPY:
            target.append(take())
        elif code == SKIP:
            if take() != 1:
                raise ShapeError(f"reshape: {what} skips (-3) an axis that is not of size 1")
        elif code == REST:
            target += sizes
            sizes = []
        elif code == JOIN:
            target.append(take() * take())
        elif code == SPLIT:
            target += _split(take(), waiting[:2], what)
            del waiting[:2]
        else:
            raise ShapeError(f"reshape: {what} has the unknown code {code}")
    return tuple(target)


def _split(size: int, parts: list[int], what: str) -> list[int]:
    if len(parts) < 2 or min(parts) < -1 or parts == [-1, -1]:
        raise ShapeError(f"reshape: {what} must have two sizes after -6, of which one may be -1")
    first, second = parts
    if first == -1:
        first = size // second if second else 0
    elif second == -1:
        second = size // first if first else 0
    if first * second != size:
        raise ShapeError(f"reshape: {what} cannot split {size} into {parts[0]} and {parts[1]}")
    return [first, second]


@op
def batch_flatten(data: Tensor) -> Tensor:
    """Keep the first axis and join the others.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.batch_flatten(np.zeros((2, 3, 4))).shape
    (2, 12)
    """
    return f.flatten(data)


@op
def slice(data: Tensor, begin: Any, end: Any, step: Any = ()) -> Tensor:
    """Return the part from `begin` to `end` along the first axes; None leaves a bound open.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.slice(np.zeros((2, 3)), begin=(0, 1), end=(2, 3)).shape
    (2, 2)
    """
    begin, end, step = map(as_tuple, (begin, end, step))
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
    return f.slice_axis(data, axis, begin, end)


@op
def shape_array(data: Tensor) -> Tensor:
    """Return the shape as an array of int64.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.shape_array(np.zeros((2, 3)))
    array([2, 3], dtype=int64)
    """
    return f.to_array(f.face_of(data), data.shape, "int64")


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


# ---- shapes of other arrays ----------------------------------------------------------------------


def _bounds(begin: int | None, end: int | None, ndim: int) -> tuple[int, int]:
    first, last, _ = builtins.slice(begin, end).indices(ndim)
    return first, last


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
    first, last = _bounds(lhs_begin, lhs_end, lhs.ndim)
    start, stop = _bounds(rhs_begin, rhs_end, rhs.ndim)
    return f.reshape(lhs, lhs.shape[:first] + rhs.shape[start:stop] + lhs.shape[last:])


@op
def slice_like(data: Tensor, shape_like: Tensor, axes: int | Sequence[int] = ()) -> Tensor:
    """Return the beginning of data, as long along all axes, or those named, as another array.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.slice_like(np.zeros((3, 4)), np.zeros((2, 3)), axes=(1,)).shape
    (3, 3)
    """
    places = [axis_of("slice_like", axis, data) for axis in as_tuple(axes)] or range(data.ndim)
    key = [builtins.slice(None)] * data.ndim
    for place in places:
        if place >= shape_like.ndim or shape_like.shape[place] > data.shape[place]:
            raise ShapeError(
                f"slice_like: axis {place} of shape {data.shape} cannot become as long as in "
                f"{shape_like.shape}"
            )
        key[place] = builtins.slice(shape_like.shape[place])
    return data[tuple(key)]


@op
def broadcast_like(lhs: Tensor, rhs: Tensor, lhs_axes: Any = None, rhs_axes: Any = None) -> Tensor:
    """Return lhs broadcast to the shape of rhs, or along `lhs_axes` to its sizes at `rhs_axes`.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.broadcast_like(np.zeros((1, 3)), np.zeros((5, 3))).shape
    (5, 3)
    """
    if (lhs_axes is None) != (rhs_axes is None):
        raise MXNetError("broadcast_like: give lhs_axes and rhs_axes, or neither")
    if lhs_axes is None:
        return f.broadcast_to(lhs, rhs.shape)
    shape = list(lhs.shape)
    for place, other in zip(lhs_axes, rhs_axes, strict=True):
        shape[place] = rhs.shape[other]
    return f.broadcast_to(lhs, tuple(shape))


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
    shape = data.shape if axis is None else (data.shape[axis_of("arange_like", axis, data)],)
    count = int(numpy.prod(shape))
    if repeat < 1 or count % repeat:
        raise ShapeError(f"arange_like: {count} places cannot take each number {repeat} times")
    numbers = (start + step * numpy.arange(count // repeat)).repeat(repeat).reshape(shape)
    made = f.to_array(f.face_of(data), numbers, data.dtype)
    return f.beside(made, data) if ctx is None else f.on_context(made, ctx)
