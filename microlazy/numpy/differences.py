"""Along a line: differences, slopes, integrals, interpolation and convolution."""

from typing import Any

import numpy as onp

from microlazy.core import functions as _f
from microlazy.core import lines
from microlazy.core.array import ndarray
from microlazy.core.ops.numpy_call import call
from microlazy.core.tensor import Tensor
from microlazy.numpy.arguments import as_array, as_arrays
from microlazy.numpy.sorting import argsort, searchsorted
from microlazy.ops import vector_convolution as sequences

__all__ = [
    "convolve",
    "correlate",
    "diff",
    "ediff1d",
    "gradient",
    "interp",
    "trapezoid",
    "trapz",
    "unwrap",
]


def _cut(x: ndarray, axis: int, begin: int, end: int | None) -> ndarray:
    return _f.slice_axis(x, axis, begin, end, in_place=True)


def _axis(axis: int, ndim: int) -> int:
    if not -ndim <= axis < ndim:
        raise onp.exceptions.AxisError(axis, ndim)
    return axis % ndim


def diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> ndarray:
    """Return the differences of neighbours along an axis, taken n times.

    Parameters
    ----------
    a : array_like
    n : int
    axis : int
    prepend, append : array_like, optional
        Put before and after the array first; a number is put along the whole edge.

    Examples
    --------
    >>> from microlazy import np
    >>> np.diff(np.array([1, 4, 9]))
    array([3., 5.])
    """
    if n == 1 and prepend is None and append is None:
        small = lines.diff(a, axis)
        if small is not None:
            return small
    a = as_array(a)
    if a.ndim == 0:
        raise ValueError("diff: the array has no axes")
    if n < 0:
        raise ValueError(f"diff: n must not be negative: {n}")
    axis = _axis(axis, a.ndim)
    if n == 0:
        return a
    edge = (*a.shape[:axis], 1, *a.shape[axis + 1 :])
    ends = [
        x if x is None or onp.ndim(x) else _f.broadcast_to(_f.as_dtype(as_array(x), a.dtype), edge)
        for x in (prepend, append)
    ]
    parts = as_arrays(x for x in (ends[0], a, ends[1]) if x is not None)
    if len(parts) > 1:
        a = _f.concatenate(parts, axis)
    for _ in range(min(n, a.shape[axis])):  # then nothing is left
        upper, lower = _cut(a, axis, 1, None), _cut(a, axis, 0, -1)
        a = upper != lower if a.dtype == bool else upper - lower
    return a


def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> ndarray:
    """Return the differences of neighbours in the flat array, between other numbers.

    Examples
    --------
    >>> from microlazy import np
    >>> np.ediff1d(np.array([1, 4, 9]), to_end=0)
    array([3., 5., 0.])
    """
    small = lines.ediff1d(ary, to_end, to_begin)
    if small is not None:
        return small
    ary = as_array(ary)
    parts = [diff(_f.reshape(ary, ary.size))]
    for end, place in ((to_begin, 0), (to_end, 2)):
        if end is not None:
            extra = _f.as_dtype(as_array(end), ary.dtype)
            parts.insert(place, _f.reshape(extra, extra.size))
    return _f.concatenate(parts) if len(parts) > 1 else parts[0]


def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    """Estimate slopes by central differences, of second order inside [1]_.

    Parameters
    ----------
    f : array_like
    *varargs : float or array_like
        The distance of samples, for all axes or each, or their coordinates along an axis.
    axis : int or tuple of int, optional
        All axes by default.
    edge_order : {1, 2}
        The order of the estimate at the two ends.

    Returns
    -------
    ndarray, or list of ndarray if there are several axes

    References
    ----------
    .. [1] Fornberg, "Generation of finite difference formulas on arbitrarily spaced grids" (1988).

    Examples
    --------
    >>> from microlazy import np
    >>> np.gradient(np.array([1, 4, 9, 16]))
    array([3., 4., 6., 7.])
    """
    if not varargs and axis is None and edge_order == 1:
        small = lines.gradient(f)
        if small is not None:
            return small[0] if len(small) == 1 else small
    f = as_array(f)
    if f.dtype.kind != "f":
        f = f.astype("float32")
    named = range(f.ndim) if axis is None else axis if isinstance(axis, (tuple, list)) else (axis,)
    axes = [_axis(place, f.ndim) for place in named]
    if edge_order not in (1, 2):
        raise ValueError(f"gradient: edge_order is 1 or 2, not {edge_order!r}")
    if len(varargs) not in (0, 1, len(axes)) or (len(varargs) == 1 and onp.ndim(varargs[0]) > 1):
        raise TypeError(
            f"gradient: give one distance, or a distance or vector for each of {len(axes)} axes"
        )
    spacings = varargs * len(axes) if len(varargs) == 1 else varargs or (1.0,) * len(axes)
    slopes = [_slope(f, place, h, edge_order) for place, h in zip(axes, spacings, strict=True)]
    return slopes[0] if len(slopes) == 1 else slopes


def _slope(f: ndarray, axis: int, spacing: Any, edge_order: int) -> ndarray:
    n = f.shape[axis]
    if n < edge_order + 1:
        raise ValueError(
            f"gradient: axis {axis} has {n} elements, but edge_order={edge_order} needs "
            f"{edge_order + 1}"
        )
    first: Any
    inner: Any
    last: Any
    if onp.ndim(spacing):
        first, inner, last = _uneven_slopes(f, axis, as_array(spacing))
    else:
        step: Any = spacing if isinstance(spacing, Tensor) else float(spacing)
        first = (_cut(f, axis, 1, 2) - _cut(f, axis, 0, 1)) / step
        last = (_cut(f, axis, n - 1, n) - _cut(f, axis, n - 2, n - 1)) / step
        inner = (_cut(f, axis, 2, None) - _cut(f, axis, 0, -2)) / (2 * step) if n > 2 else None
    if inner is None:
        return _f.concatenate([first, last], axis)
    if edge_order == 2:
        # A parabola through three points: its slope changes evenly.
        first = 2 * first - _cut(inner, axis, 0, 1)
        last = 2 * last - _cut(inner, axis, n - 3, n - 2)
    return _f.concatenate([first, inner, last], axis)


def _uneven_slopes(
    f: ndarray, axis: int, places: ndarray
) -> tuple[ndarray, ndarray | None, ndarray]:
    """The first slope, those at the places between, if there are any, and the last one."""
    n = f.shape[axis]
    places = _f.as_dtype(places, f.dtype)
    if places.shape != (n,):
        raise ValueError(
            f"gradient: axis {axis} has {n} elements, but its coordinates have shape {places.shape}"
        )
    widths = _f.reshape(diff(places), [-1 if i == axis else 1 for i in range(f.ndim)])
    slope = diff(f, axis=axis) / widths
    first, last = _cut(slope, axis, 0, 1), _cut(slope, axis, n - 2, n - 1)
    if n == 2:
        return first, None, last
    # Between two slopes the one over the shorter way weighs more.
    before, after = _cut(widths, axis, 0, -1), _cut(widths, axis, 1, None)
    share = after / (before + after)
    inner = _cut(slope, axis, 0, -1) * share + _cut(slope, axis, 1, None) * (1 - share)
    return first, inner, last


def unwrap(
    p: Any, discont: float | None = None, axis: int = -1, *, period: float = 2 * onp.pi
) -> ndarray:
    """Add multiples of a period so that neighbours differ by no more than half of it.

    Examples
    --------
    >>> from microlazy import np
    >>> np.unwrap(np.array([0, 1, 2, 0, 1]), period=3)
    array([0., 1., 2., 3., 4.])
    """
    options = {"discont": discont, "axis": axis, "period": period}
    return call(onp.unwrap, [as_array(p)], options, (sequences.same_gradient,))


_WIDE = ("float32", "float64")  # a sum may be larger than the integral, which float16 cannot hold
_MANY = 1 << 12  # elements from which a pass over all of them costs more than a few calls


def trapezoid(y: Any, x: Any = None, dx: float = 1.0, axis: int = -1) -> ndarray:
    """Integrate along an axis by the trapezoidal rule.

    Parameters
    ----------
    y : array_like
    x : array_like, optional
        The places of the samples: of y's shape, or a vector.
    dx : float
        The distance of the samples, without x.
    axis : int

    Examples
    --------
    >>> from microlazy import np
    >>> np.trapezoid(np.array([1, 2, 3]))
    array(4.)
    """
    y = as_array(y)
    axis = _axis(axis, y.ndim)
    widths: Any = dx
    even = x is None and onp.ndim(dx) == 0
    if even and y.size > _MANY and y.shape[axis] > 1 and y.dtype in _WIDE:
        # Half of both ends is too much; where they are infinite or nan, so is the sum.
        ends = (_f.take(y, 0, axis) + _f.take(y, y.shape[axis] - 1, axis)) / 2
        return (_f.reduction("sum", y, axis) - _f.where(_f.test("isfinite", ends), ends, 0)) * dx
    if x is not None:
        x = as_array(x, y)
        if x.ndim == 1:
            widths = _f.reshape(diff(x), [-1 if i == axis else 1 for i in range(y.ndim)])
        else:
            widths = diff(x, axis=axis)
    middles = (_cut(y, axis, 1, None) + _cut(y, axis, 0, -1)) / 2
    return _f.reduction("sum", middles * widths, axis)


trapz = trapezoid


def interp(
    x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: float | None = None
) -> ndarray:
    """Return values between the points of a curve, along straight lines.

    Parameters
    ----------
    x : array_like
        Where the curve is asked for.
    xp, fp : array_like
        The points: places, ascending unless there is a period, and values.
    left, right : float, optional
        Outside of the points; the first and the last value by default.
    period : float, optional
        The curve repeats itself.

    Examples
    --------
    >>> from microlazy import np
    >>> np.interp(np.array([1.5, 9]), np.array([1, 2]), np.array([3, 4]))
    array([3.5, 4. ])
    """
    if left is None and right is None and period is None:
        small = lines.interp(x, xp, fp)
        if small is not None:
            return small
    x, xp, fp = as_arrays([x, xp, fp])
    if xp.ndim != 1 or xp.shape != fp.shape or not len(xp):
        raise ValueError(
            f"interp: xp and fp must be vectors of one length above 0, but have shapes {xp.shape} "
            f"and {fp.shape}"
        )
    if period is not None:
        if period == 0:
            raise ValueError("interp: the period must not be 0")
        period = abs(period)
        x, xp = x % period, xp % period
        order = argsort(xp)
        xp, fp = xp[order], fp[order]
        xp = _f.concatenate([xp[-1:] - period, xp, xp[:1] + period])
        fp = _f.concatenate([fp[-1:], fp, fp[:1]])
    last = len(xp) - 1
    if last == 0:
        between = x * 0 + fp[0]
    else:
        places = _f.clip(searchsorted(xp, x, "right") - 1, 0, last - 1)
        after = places + 1
        x0, x1, f0, f1 = [
            _f.take(part, place, 0, "clip") for part in (xp, fp) for place in (places, after)
        ]
        slope = (f1 - f0) / (x1 - x0)
        between = f0 + (x - x0) * slope
        # Beside an infinite value: the point itself, the line from its other end, or no line.
        other = _f.where(f0 == f1, f0, f1 + (x - x1) * slope)
        fixed = _f.where(x == x0, f0, _f.where(x == x1, f1, other))
        between = _f.where(_f.test("isnan", between), fixed, between)
    if period is not None:
        return between
    below = fp[0] if left is None else left
    above = fp[last] if right is None else right
    return _f.where(x < xp[0], below, _f.where(x > xp[last], above, between))


def convolve(a: Any, v: Any, mode: str = "full") -> ndarray:
    """Return the convolution of two vectors: sums of products, one of them reversed.

    Parameters
    ----------
    a, v : array_like
    mode : {"full", "same", "valid"}
        All sums; as many as the longer vector has elements; or where they overlap fully.

    Examples
    --------
    >>> from microlazy import np
    >>> np.convolve(np.array([1, 2, 3]), np.array([1, 1]))
    array([1., 3., 5., 3.])
    """
    small = lines.convolve(a, v, mode, True)
    if small is not None:
        return small
    a, v = _vectors("convolve", a, v, mode)
    return sequences.convolve(a, v, mode) if len(a) >= len(v) else sequences.convolve(v, a, mode)


def correlate(a: Any, v: Any, mode: str = "valid") -> ndarray:
    """Return the sums of products of two vectors, of which the second is moved along the first.

    Examples
    --------
    >>> from microlazy import np
    >>> np.correlate(np.array([1, 2, 3]), np.array([1, 1]))
    array([3., 5.])
    """
    small = lines.convolve(a, v, mode, False)
    if small is not None:
        return small
    a, v = _vectors("correlate", a, v, mode)
    if len(a) >= len(v):
        return sequences.convolve(a, _f.flip(v), mode)
    return _f.flip(sequences.convolve(v, _f.flip(a), mode))


def _vectors(name: str, a: Any, v: Any, mode: str) -> list[ndarray]:
    vectors = as_arrays((a, v))
    if mode not in ("full", "same", "valid"):
        raise ValueError(f"{name}: mode is 'full', 'same' or 'valid', not {mode!r}")
    for x in vectors:
        if x.ndim > 1 or not x.size:
            raise ValueError(f"{name}: expected vectors that are not empty, not shape {x.shape}")
    return [x if x.ndim else _f.reshape(x, 1) for x in vectors]
