"""Padding: wider arrays, with the new edges filled in one of NumPy's ways."""

from collections.abc import Callable
from typing import Any

import numpy as onp

from microlazy.core import functions as _f
from microlazy.core.array import ndarray
from microlazy.core.ops.numpy_call import call
from microlazy.numpy.arguments import as_array, whole
from microlazy.numpy.quantiles import median
from microlazy.ops.padding import linear_gradient, padded, padded_shape

__all__ = ["pad"]

_OPTIONS: dict[str, dict[str, Any]] = {
    "constant": {"constant_values": 0},
    "edge": {},
    "empty": {},
    "linear_ramp": {"end_values": 0},
    "maximum": {"stat_length": None},
    "mean": {"stat_length": None},
    "median": {"stat_length": None},
    "minimum": {"stat_length": None},
    "reflect": {"reflect_type": "even"},
    "symmetric": {"reflect_type": "even"},
    "wrap": {},
}
_STATISTICS: dict[str, Callable[..., ndarray]] = {
    "maximum": lambda x, axis: _f.reduction("max", x, axis, True),
    "minimum": lambda x, axis: _f.reduction("min", x, axis, True),
    "median": lambda x, axis: median(x, axis, keepdims=True),
}


def _pairs(value: Any, ndim: int, what: str) -> list[list[Any]]:
    """Return an item for each side of each axis, of a number, a pair or a list of pairs."""
    try:
        return onp.broadcast_to(onp.asarray(value), (ndim, 2)).tolist()
    except ValueError:
        raise ValueError(
            f"pad: {what} must be a number, a pair or a pair for each of {ndim} axes, not {value!r}"
        ) from None


def pad(x: Any, pad_width: Any, mode: Any = "constant", **kwargs: Any) -> ndarray:
    """Return the array with more elements before and after those it has, along each axis.

    Parameters
    ----------
    x : array_like
    pad_width : int, pair of int, or one pair for each axis
        How many elements are put before and after. A dict gives pairs for some axes.
    mode : str or callable
        "constant" (`constant_values`, 0 by default), "edge", "linear_ramp" (to `end_values`),
        "maximum", "mean", "median", "minimum" (of the `stat_length` elements at the edge),
        "reflect", "symmetric" (`reflect_type` "even" or "odd"), "wrap" or "empty". A function is
        NumPy's: it fills a padded vector in place, and has no gradient.
    **kwargs
        The option of the mode.

    Raises
    ------
    ValueError
        If the mode is unknown, an option is not the mode's, or a width is negative.

    Examples
    --------
    >>> from microlazy import np
    >>> np.pad(np.array([1, 2]), 1, "edge")
    array([1., 1., 2., 2.])
    """
    x = as_array(x)
    if type(pad_width) is int and pad_width > 0 and mode == "constant" and not kwargs:
        return _constant(x, [[pad_width, pad_width]] * x.ndim, 0)
    if isinstance(pad_width, dict):
        named = {axis % x.ndim: pair for axis, pair in pad_width.items()}
        pad_width = [onp.broadcast_to(named.get(i, 0), 2) for i in range(x.ndim)]
    widths = _pairs(whole(pad_width), x.ndim, "pad_width")
    if any(n < 0 for pair in widths for n in pair):
        raise ValueError(f"pad: widths must not be negative: {pad_width}")
    if callable(mode):
        return call(padded, [x], {"widths": widths, "mode": mode, **kwargs}, result=padded_shape)
    if mode not in _OPTIONS:
        raise ValueError(f"pad: mode is one of {', '.join(_OPTIONS)}, not {mode!r}")
    if strange := set(kwargs) - set(_OPTIONS[mode]):
        raise ValueError(f"pad: mode {mode!r} has no option {sorted(strange)[0]!r}")
    options = {**_OPTIONS[mode], **kwargs}
    if not any(any(pair) for pair in widths):
        return x.copy()
    if mode in ("constant", "empty"):
        return _constant(x, widths, options.get("constant_values", 0))
    if mode in ("edge", "wrap") or options.get("reflect_type") == "even":
        return _from_places(x, widths, mode)
    if mode in _STATISTICS and x.dtype.kind == "f":
        return _statistic(x, widths, mode, options["stat_length"])
    gradients = () if mode in _STATISTICS else (linear_gradient,)
    options |= {"widths": widths, "mode": mode}
    return call(padded, [x], options, gradients, padded_shape)


EXACT = 1 << 53  # up to which a float64 holds every integer


def _constant(x: ndarray, widths: list[list[int]], values: Any) -> ndarray:
    if isinstance(values, (int, float)) and abs(values) <= EXACT:
        sizes = [n + sum(pair) for n, pair in zip(x.shape, widths, strict=True)]
        return _f.placed(x, [before for before, _ in widths], (1,) * x.ndim, sizes, values)
    for axis, (pair, fills) in enumerate(
        zip(widths, _pairs(values, x.ndim, "constant_values"), strict=True)
    ):
        if any(pair):
            before, after = [
                _f.new_array(
                    _f.face_of(x), (*x.shape[:axis], n, *x.shape[axis + 1 :]), x.dtype, fill
                )
                for n, fill in zip(pair, fills, strict=True)
            ]
            x = _f.concatenate([before, x, after], axis)
    return x


def _from_places(x: ndarray, widths: list[list[int]], mode: Any) -> ndarray:
    """Pad with elements of the array itself."""
    for axis, pair in enumerate(widths):
        if any(pair):
            x = _f.take(x, onp.pad(onp.arange(x.shape[axis]), pair, mode), axis, "raise")
    return x


def _statistic(x: ndarray, widths: list[list[int]], mode: str, stat_length: Any) -> ndarray:
    lengths = _pairs(stat_length, x.ndim, "stat_length")
    for axis, ((before, after), (first, last)) in enumerate(zip(widths, lengths, strict=True)):
        size = x.shape[axis]
        parts = [x]
        for count, length, front in ((before, first, True), (after, last, False)):
            if length == 0:
                raise ValueError(f"pad: mode {mode!r} needs a stat_length of 1 or more")
            if count:
                n = size if length is None else min(length, size)
                edge = _f.slice_axis(x, axis, 0 if front else size - n, n if front else size)
                value = _f.repeat(_STATISTICS[mode](edge, axis), count, axis)
                parts.insert(0 if front else len(parts), value)
        x = _f.concatenate(parts, axis) if len(parts) > 1 else x
    return x
