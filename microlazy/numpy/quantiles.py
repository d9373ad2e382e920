"""Medians, quantiles and percentiles, with and without nan."""

import math
from collections.abc import Callable
from typing import Any

import numpy as onp

from microlazy.core import functions as _f
from microlazy.core.array import ndarray
from microlazy.numpy.arguments import as_array
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
        interpolation: str | None = None,
    ) -> ndarray:
        return _chosen(name, a, q, whole, axis, out, interpolation or method, keepdims, ignore_nan)

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


def _chosen(
    name: str,
    a: ndarray,
    q: Any,
    whole: float,
    axis: int | tuple[int, ...] | None,
    out: ndarray | None,
    method: str,
    keepdims: bool,
    ignore_nan: bool,
) -> ndarray:
    a = as_array(a)
    parts = onp.asarray(q, "float64") / whole
    if not ((parts >= 0) & (parts <= 1)).all():
        raise ValueError(f"{name}: q must be from 0 to {whole:.0f}, not {q}")
    axes = range(a.ndim) if axis is None else axis
    axes = onp.lib.array_utils.normalize_axis_tuple(axes, a.ndim)
    if not math.prod(a.shape[i] for i in axes):
        raise ValueError(f"{name}: there is nothing to choose from in shape {a.shape}")
    found = _quantiles(a, tuple(parts.ravel().tolist()), axes, method, ignore_nan)
    kept = [1 if i in axes else n for i, n in enumerate(a.shape) if keepdims or i not in axes]
    result = _f.reshape(found, (*parts.shape, *kept))
    return result if out is None else _f.write_into(out, result)


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
    return quantile(a, 0.5, axis, out, keepdims=keepdims)


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
    return nanquantile(a, 0.5, axis, out, keepdims=keepdims)
