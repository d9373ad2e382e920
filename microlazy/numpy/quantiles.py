"""Medians, quantiles and percentiles, with and without nan."""

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as onp

from microlazy.core import functions as _f
from microlazy.core.array import ndarray
from microlazy.numpy.arguments import NP, as_array, written
from microlazy.numpy.statistics import spread_weights
from microlazy.ops.quantiles import quantiles as _quantiles

__all__ = ["median", "nanmedian", "nanpercentile", "nanquantile", "percentile", "quantile"]


def _of_family(name: str, whole: float, ignore_nan: bool, example: str) -> Callable[..., ndarray]:
    def function(
        a: ndarray,
        q: Any,
        axis: int | tuple[int, ...] | None = None,
        out: ndarray | None = None,
        overwrite_input: bool = False,
        method: str = "linear",
        keepdims: bool = False,
        *,
        weights: Any = None,
        interpolation: str | None = None,
    ) -> ndarray:
        chosen = interpolation or method
        parts = onp.asarray(q, "float64") / whole
        if not ((parts >= 0) & (parts <= 1)).all():
            raise ValueError(f"{name}: q must be from 0 to {whole:.0f}, not {q}")
        a = as_array(a)
        if weights is None:
            return _chosen(a, parts, axis, out, chosen, keepdims, ignore_nan)
        if chosen != "inverted_cdf":
            raise ValueError(f"{name}: weights need method='inverted_cdf', not {chosen!r}")
        return _weighted(name, a, parts, axis, out, as_array(weights), keepdims, ignore_nan)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""Return the numbers below which given parts of the elements lie{
        ", without nan" if ignore_nan else ""
    }.

    Parameters
    ----------
    a : ndarray
    q : float or array_like
        The parts, from 0 to {whole:.0f}.
    axis : int or tuple of int, optional
    out : ndarray, optional
    overwrite_input : bool
        Accepted for compatibility; the input is never changed.
    method : str
        What to do between two elements, as in `numpy.quantile`.
    keepdims : bool
    weights : array_like, optional
        How much each element counts, of the shape of `a` or of its size along `axis`; for
        `method="inverted_cdf"` only.
    interpolation : str, optional
        An older name of `method`.

    Returns
    -------
    ndarray
        With the shape of q in front.

    Examples
    --------
    >>> from microlazy import np
    >>> np.{name}(np.array([1, 2, 4{", np.nan" if ignore_nan else ""}]), {example})
    array(3.)
    """
    return function


def _over(a: ndarray, axis: int | tuple[int, ...] | None) -> tuple[int, ...]:
    axes = range(a.ndim) if axis is None else axis
    return onp.lib.array_utils.normalize_axis_tuple(axes, a.ndim)


def _chosen(
    a: ndarray,
    parts: onp.ndarray | None,
    axis: int | tuple[int, ...] | None,
    out: ndarray | None,
    method: str,
    keepdims: bool,
    ignore_nan: bool,
) -> ndarray:
    """Quantiles, or without parts the median."""
    axes = _over(a, axis)
    shape = () if parts is None else parts.shape
    kept = [1 if i in axes else n for i, n in enumerate(a.shape) if keepdims or i not in axes]
    if not math.prod(a.shape[i] for i in axes):
        warnings.warn("a quantile of an empty slice is nan", RuntimeWarning, stacklevel=3)
        dtype = a.dtype if a.dtype.kind == "f" else "float32"
        result = _f.new_array(NP, (*shape, *kept), dtype, onp.nan)
    else:
        q = None if parts is None else tuple(parts.ravel().tolist())
        result = _f.reshape(_quantiles(a, q, axes, method, ignore_nan), (*shape, *kept))
    return written(out, result)


def _weighted(
    name: str,
    a: ndarray,
    parts: onp.ndarray,
    axis: int | tuple[int, ...] | None,
    out: ndarray | None,
    weights: ndarray,
    keepdims: bool,
    ignore_nan: bool,
) -> ndarray:
    """The first elements in order whose weights, with those before, make up the parts.

    The gradient goes to these elements.
    """
    axes = _over(a, axis)
    weights = spread_weights(name, weights, a, axis)
    numbers = _f.detach(a == a)
    if ignore_nan:
        weights = _f.where(numbers, weights, 0)
    rest = [i for i in range(a.ndim) if i not in axes]
    rows = math.prod(a.shape[i] for i in rest)
    values, counts = [
        _f.reshape(_f.transpose(x, (*rest, *axes)), (rows, -1)) for x in (a, _f.detach(weights))
    ]
    places = onp.argsort(onp.asarray(values), axis=-1, kind="stable")  # nan comes last
    totals = onp.take_along_axis(onp.asarray(counts, "float64"), places, -1).cumsum(-1)
    if (onp.asarray(counts) < 0).any() or (totals[:, -1] <= 0).any():
        raise ValueError(f"{name}: weights must not be negative, and add up to more than 0")
    wanted = parts.reshape(-1, 1, 1) * totals[:, -1:]
    # As NumPy, a part of 0 is the first element that counts at all.
    first = onp.maximum((totals < wanted).sum(-1), (totals <= 0).sum(-1))
    chosen = onp.take_along_axis(places[None], first[..., None], -1)[..., 0]
    found = values[onp.arange(rows), chosen]
    if not ignore_nan:
        whole = _f.truth("all", numbers, axes)
        found = _f.where(_f.reshape(whole, rows), found, onp.nan)
    kept = [1 if i in axes else n for i, n in enumerate(a.shape) if keepdims or i not in axes]
    return written(out, _f.reshape(found, (*parts.shape, *kept)))


quantile = _of_family("quantile", 1.0, False, "0.75")
percentile = _of_family("percentile", 100.0, False, "75")
nanquantile = _of_family("nanquantile", 1.0, True, "0.75")
nanpercentile = _of_family("nanpercentile", 100.0, True, "75")


def median(
    a: ndarray,
    axis: int | tuple[int, ...] | None = None,
    out: ndarray | None = None,
    overwrite_input: bool = False,
    keepdims: bool = False,
) -> ndarray:
    """Return the middle element, or the mean of both; nan if there is one.

    Examples
    --------
    >>> from microlazy import np
    >>> np.median(np.array([[1, 5, 2], [4, 8, 8]]), axis=1)
    array([2., 8.])
    """
    return _chosen(as_array(a), None, axis, out, "linear", keepdims, False)


def nanmedian(
    a: ndarray,
    axis: int | tuple[int, ...] | None = None,
    out: ndarray | None = None,
    overwrite_input: bool = False,
    keepdims: bool = False,
) -> ndarray:
    """Return the middle element of those that are numbers, or the mean of both.

    Examples
    --------
    >>> from microlazy import np
    >>> np.nanmedian(np.array([1, 2, np.nan]))
    array(1.5)
    """
    return _chosen(as_array(a), None, axis, out, "linear", keepdims, True)
