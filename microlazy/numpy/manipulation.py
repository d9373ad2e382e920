"""Shapes: the same elements in other axes, in another order, or broadcast."""

import operator
from collections.abc import Iterable
from typing import Any

import numpy as onp

from microlazy.core import functions as _f
from microlazy.core.array import ndarray
from microlazy.core.tensor import Tensor
from microlazy.numpy.arguments import as_array, as_arrays, written

__all__ = [
    "atleast_1d",
    "atleast_2d",
    "atleast_3d",
    "broadcast_arrays",
    "broadcast_shapes",
    "broadcast_to",
    "expand_dims",
    "flip",
    "fliplr",
    "flipud",
    "matrix_transpose",
    "moveaxis",
    "ndim",
    "permute_dims",
    "ravel",
    "reshape",
    "roll",
    "rollaxis",
    "rot90",
    "shape",
    "size",
    "squeeze",
    "swapaxes",
    "transpose",
]


def _axes(axis: Any, ndim: int) -> list[int]:
    """Return one axis or several as a list of numbers from 0 on."""
    items = axis if isinstance(axis, Iterable) and not isinstance(axis, Tensor) else (axis,)
    found = [operator.index(item) for item in items]
    for item in found:
        if not -ndim <= item < ndim:
            raise onp.exceptions.AxisError(item, ndim)
    found = [item % ndim for item in found]
    if len(set(found)) < len(found):
        raise ValueError(f"an axis is named twice in {axis}")
    return found


# ---- sizes ---------------------------------------------------------------------------------------


def shape(a: Any) -> tuple[int, ...]:
    """Return an array's shape.

    Examples
    --------
    >>> from microlazy import np
    >>> np.shape(np.zeros((2, 3)))
    (2, 3)
    """
    return a.shape if isinstance(a, Tensor) else onp.shape(a)


def ndim(a: Any) -> int:
    """Return the number of axes.

    Examples
    --------
    >>> from microlazy import np
    >>> np.ndim(np.zeros((2, 3)))
    2
    """
    return len(shape(a))


def size(a: Any, axis: Any = None) -> int:
    """Return the number of elements, or those along one axis or several.

    Examples
    --------
    >>> from microlazy import np
    >>> np.size(np.zeros((2, 3))), np.size(np.zeros((2, 3)), 1)
    (6, 3)
    """
    if axis is None and isinstance(a, Tensor):
        return a.size
    sizes = shape(a)
    count = 1
    for place in range(len(sizes)) if axis is None else _axes(axis, len(sizes)):
        count *= sizes[place]
    return count


# ---- axes ----------------------------------------------------------------------------------------


def reshape(
    a: ndarray,
    newshape: Any = None,
    order: str = "C",
    out: ndarray | None = None,
    *,
    shape: Any = None,
    copy: bool | None = None,
) -> ndarray:
    """Return the array in another shape, of which one size may be -1.

    Parameters
    ----------
    a : ndarray
    newshape, shape : int or tuple of int
        Two names of one argument.
    order : {"C", "F"}
        Which axis is counted fastest, in the source and in the result: the last or the first.
    out : ndarray, optional
    copy : bool, optional
        True for memory of its own; else a view where the memory allows one.

    Examples
    --------
    >>> from microlazy import np
    >>> np.reshape(np.zeros((2, 3)), (3, -1)).shape
    (3, 2)
    """
    if (newshape is None) == (shape is None):
        raise TypeError("reshape: give the new shape, once")
    a = as_array(a)
    target = shape if newshape is None else newshape
    if order == "F":
        reverse = tuple(target)[::-1] if isinstance(target, (tuple, list)) else target
        result = _f.transpose(_f.reshape(_f.transpose(a), reverse))
    elif order in ("C", "A"):
        result = _f.reshape(a, target)
    else:
        raise ValueError(f"reshape: order is 'C' or 'F', not {order!r}")
    return written(out, result.copy() if copy else result)


def ravel(x: Any, order: str = "C") -> ndarray:
    """Return the array with a single axis.

    Examples
    --------
    >>> from microlazy import np
    >>> np.ravel(np.zeros((2, 3))).shape
    (6,)
    """
    x = as_array(x)
    if order in ("C", "K"):
        return _f.reshape(x, -1)
    return reshape(x, x.size, order)


def transpose(a: ndarray, axes: Any = None) -> ndarray:
    """Return the array with its axes in another order, reversed by default.

    Examples
    --------
    >>> from microlazy import np
    >>> np.transpose(np.zeros((2, 3, 4))).shape
    (4, 3, 2)
    """
    return _f.transpose(as_array(a), axes)


permute_dims = transpose


def matrix_transpose(x: Any, /) -> ndarray:
    """Return the array with its last two axes exchanged.

    Examples
    --------
    >>> from microlazy import np
    >>> np.matrix_transpose(np.zeros((2, 3, 4))).shape
    (2, 4, 3)
    """
    x = as_array(x)
    if x.ndim < 2:
        raise ValueError(f"matrix_transpose: the array must have at least 2 axes, not {x.ndim}")
    return _f.swapaxes(x, -1, -2)


def swapaxes(a: Any, axis1: int, axis2: int) -> ndarray:
    """Return the array with two axes exchanged.

    Examples
    --------
    >>> from microlazy import np
    >>> np.swapaxes(np.zeros((2, 3)), 0, 1).shape
    (3, 2)
    """
    return _f.swapaxes(as_array(a), axis1, axis2)


def moveaxis(a: Any, source: Any, destination: Any) -> ndarray:
    """Return the array with some axes at other places; the rest keep their order.

    Examples
    --------
    >>> from microlazy import np
    >>> np.moveaxis(np.zeros((2, 3, 4)), 0, -1).shape
    (3, 4, 2)
    """
    a = as_array(a)
    if type(source) is int and type(destination) is int:
        n = a.ndim
        if -n <= source < n and -n <= destination < n:
            return _f.move_axis(a, source % n, destination % n)
    sources, targets = _axes(source, a.ndim), _axes(destination, a.ndim)
    if len(sources) != len(targets):
        raise ValueError(
            f"moveaxis: {len(sources)} axes cannot move to {len(targets)} places: source is "
            f"{source}, destination is {destination}"
        )
    order = [axis for axis in range(a.ndim) if axis not in sources]
    for target, origin in sorted(zip(targets, sources, strict=True)):
        order.insert(target, origin)
    return _f.transpose(a, order)


def rollaxis(a: Any, axis: int, start: int = 0) -> ndarray:
    """Return the array with an axis moved to before another; `moveaxis` is easier to read.

    Examples
    --------
    >>> from microlazy import np
    >>> np.rollaxis(np.zeros((2, 3, 4)), 2).shape
    (4, 2, 3)
    """
    a = as_array(a)
    n = a.ndim
    if type(axis) is int and -n <= axis < n:
        axis %= n
    else:
        (axis,) = _axes(axis, n)
    if not -n <= start <= n:
        raise onp.exceptions.AxisError(f"rollaxis: start is {start}, for {n} axes")
    start = start + n if start < 0 else start
    return _f.move_axis(a, axis, start - 1 if axis < start else start)


def expand_dims(a: Any, axis: Any) -> ndarray:
    """Return the array with new axes of size 1, at one place or several of the result.

    Examples
    --------
    >>> from microlazy import np
    >>> np.expand_dims(np.zeros(2), 0).shape
    (1, 2)
    """
    a = as_array(a)
    if not isinstance(axis, (tuple, list)):
        return _f.expand_dims(a, axis)
    places = _axes(axis, a.ndim + len(axis))
    sizes = iter(a.shape)
    return _f.reshape(a, [1 if i in places else next(sizes) for i in range(a.ndim + len(places))])


def squeeze(a: Any, axis: Any = None, out: ndarray | None = None) -> ndarray:
    """Return the array without its axes of size 1, or without those named.

    Examples
    --------
    >>> from microlazy import np
    >>> np.squeeze(np.zeros((1, 2))).shape
    (2,)
    """
    a = as_array(a)
    if axis is None and out is None:
        return _f.squeeze(a)
    if a.ndim == 0 and axis in (0, -1):  # as NumPy and MXNet allow
        axis = None
    return written(out, _f.squeeze(a, axis))


def _atleast(count: int, places: str, result: str) -> Any:
    behind = count == 3

    def function(*arys: Any) -> Any:
        if len(arys) == 1:
            return _f.at_least(as_array(arys[0]), count, behind)
        return [_f.at_least(x, count, behind) for x in as_arrays(arys)]

    name = f"atleast_{count}d"
    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""Return arrays with {count} or more axes; missing ones are put {places}.

    Returns
    -------
    ndarray, or list of ndarray if several are given

    Examples
    --------
    >>> from microlazy import np
    >>> np.{name}(np.zeros(5)).shape
    {result}
    """
    return function


atleast_1d = _atleast(1, "in front", "(5,)")
atleast_2d = _atleast(2, "in front", "(1, 5)")
atleast_3d = _atleast(3, "on both sides", "(1, 5, 1)")


# ---- broadcasting --------------------------------------------------------------------------------


def broadcast_to(array: Any, shape: Any) -> ndarray:
    """Return the array broadcast to a shape.

    Examples
    --------
    >>> from microlazy import np
    >>> np.broadcast_to(np.ones((1, 2)), (3, 2)).shape
    (3, 2)
    """
    return _f.broadcast_to(as_array(array), shape)


def broadcast_shapes(*args: Any) -> tuple[int, ...]:
    """Return the shape that arrays of these shapes are broadcast to.

    Examples
    --------
    >>> from microlazy import np
    >>> np.broadcast_shapes((3, 1), (2,))
    (3, 2)
    """
    return onp.broadcast_shapes(*args)


def broadcast_arrays(*args: Any) -> list[ndarray]:
    """Return arrays broadcast to one shape.

    Examples
    --------
    >>> from microlazy import np
    >>> [x.shape for x in np.broadcast_arrays(np.ones((3, 1)), np.ones(2))]
    [(3, 2), (3, 2)]
    """
    arrays = as_arrays(args)
    target = onp.broadcast_shapes(*[x.shape for x in arrays])
    return [x if x.shape == target else _f.broadcast_to(x, target) for x in arrays]


# ---- order along axes ----------------------------------------------------------------------------


def flip(m: Any, axis: Any = None, out: ndarray | None = None) -> ndarray:
    """Reverse the order of the elements along an axis, or all axes.

    Examples
    --------
    >>> from microlazy import np
    >>> np.flip(np.array([1, 2]))
    array([2., 1.])
    """
    result = _f.flip(as_array(m), axis)
    return result if out is None else written(out, result)


def _flip_axis(name: str, axis: int, summary: str, result: str) -> Any:
    def function(m: Any) -> ndarray:
        m = as_array(m)
        if m.ndim <= axis:
            raise ValueError(f"{name}: the array must have at least {axis + 1} axes, not {m.ndim}")
        return _f.flip(m, axis)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""{summary}.

    Examples
    --------
    >>> from microlazy import np
    >>> np.{name}(np.array([[1, 2], [3, 4]]))
    {result}
    """
    return function


flipud = _flip_axis(
    "flipud",
    0,
    "Reverse the order of the rows",
    "array([[3., 4.],\n           [1., 2.]])",
)
fliplr = _flip_axis(
    "fliplr",
    1,
    "Reverse the order of the columns",
    "array([[2., 1.],\n           [4., 3.]])",
)


def rot90(m: Any, k: int = 1, axes: Any = (0, 1)) -> ndarray:
    """Turn the plane of two axes by 90 degrees, k times, from the first axis towards the second.

    Examples
    --------
    >>> from microlazy import np
    >>> np.rot90(np.array([[1, 2], [3, 4]]))
    array([[2., 4.],
           [1., 3.]])
    """
    m = as_array(m)
    places = _axes(tuple(axes), m.ndim)
    if len(places) != 2:
        raise ValueError(f"rot90: axes must be two, not {axes}")
    first, second = places
    k %= 4
    if k == 0:
        return m.copy()
    if k == 2:
        return _f.flip(m, (first, second))
    if k == 1:
        return _f.swapaxes(_f.flip(m, second), first, second)
    return _f.flip(_f.swapaxes(m, first, second), second)


def roll(a: Any, shift: Any, axis: Any = None) -> ndarray:
    """Move the elements along axes; what leaves at the end comes in again in front.

    Parameters
    ----------
    a : array_like
    shift : int or tuple of int
    axis : int or tuple of int, optional
        None moves the elements of the flat array.

    Examples
    --------
    >>> from microlazy import np
    >>> np.roll(np.array([1, 2, 3]), 1)
    array([3., 1., 2.])
    """
    a = as_array(a)
    if axis is None:
        step = shift if isinstance(shift, int) else onp.sum(shift)
        return _f.reshape(_f.roll(_f.reshape(a, a.size), step, 0), a.shape)
    moved = a
    single = isinstance(shift, int) and isinstance(axis, int)
    for step, place in [(shift, axis)] if single else onp.broadcast(shift, axis):
        (place,) = _axes(place, a.ndim)
        moved = _f.roll(moved, step, place)
    return moved.copy() if moved is a else moved
