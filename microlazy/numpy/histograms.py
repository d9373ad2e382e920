"""Counting: histograms, bins, and how often numbers occur."""

import math
from typing import Any

import numpy as onp

from microlazy.core import functions as _f
from microlazy.core import places
from microlazy.core.array import ndarray
from microlazy.core.ops.numpy_call import call
from microlazy.numpy.arguments import NP, as_array, as_arrays
from microlazy.numpy.ranges import linspace
from microlazy.ops import ordering

__all__ = [
    "bincount",
    "digitize",
    "histogram",
    "histogram2d",
    "histogram_bin_edges",
    "histogramdd",
]


def bincount(x: Any, weights: Any = None, minlength: int = 0) -> ndarray:
    """Count how often each of the numbers 0, 1, ... occurs, or add up its weights.

    Parameters
    ----------
    x : ndarray of int
        A vector, without negative numbers.
    weights : array_like, optional
        Of x's shape; the result has a gradient with respect to them.
    minlength : int
        The least length of the result.

    Returns
    -------
    ndarray
        int64; int32 if x is, as in MXNet; of the weights' dtype if there are some.

    Examples
    --------
    >>> from microlazy import np
    >>> np.bincount(np.array([0, 2, 2], dtype="int32"))
    array([1, 0, 2], dtype=int32)
    """
    x = as_array(x) if not isinstance(x, (list, tuple)) else _f.to_array(NP, x, "int64")
    return ordering.bincount(x, None if weights is None else as_array(weights), minlength)


def digitize(x: Any, bins: Any, right: bool = False) -> ndarray:
    """Return the number of the bin that each element lies in; 0 is before the first edge.

    Parameters
    ----------
    x : array_like
    bins : array_like
        The edges, ascending or descending.
    right : bool
        Whether a bin has its upper edge, and not its lower one.

    Examples
    --------
    >>> from microlazy import np
    >>> np.digitize(np.array([0.5, 1, 2.5]), np.array([0, 1, 2]))
    array([1, 2, 3], dtype=int64)
    """
    found = places.searchsorted(bins, x, not right, True)
    if found is not None:
        return found
    inputs = as_arrays([x, bins])
    return call(
        onp.digitize, inputs, {"right": right}, result=ordering.place_of_first, dtype="int64"
    )


def histogram_bin_edges(a: Any, bins: Any = 10, range: Any = None, weights: Any = None) -> ndarray:
    """Return the edges of the bins of `histogram`.

    Examples
    --------
    >>> from microlazy import np
    >>> np.histogram_bin_edges(np.array([0, 1, 4]), bins=2)
    array([0., 2., 4.])
    """
    a = as_array(a)
    if not isinstance(bins, (int, onp.integer, str)):
        edges = as_array(bins, a)
        if edges.ndim != 1:
            raise ValueError(f"bins must be a number, a name or a vector, not {bins!r}")
        if not edges.is_abstract and (onp.diff(onp.asarray(edges)) < 0).any():
            raise ValueError("the edges of bins must not descend")
        return edges
    if isinstance(bins, str):
        rule = onp.histogram_bin_edges(
            onp.asarray(a), bins, range, None if weights is None else onp.asarray(weights)
        )
        bins = len(rule) - 1
    if bins < 1:
        raise ValueError(f"the number of bins must be above 0, not {bins}")
    if range is not None:
        first, last = map(float, range)
        if not first <= last < onp.inf or first == -onp.inf:
            raise ValueError(f"the range of bins must be finite and must not descend: {range}")
        if first == last:
            first, last = first - 0.5, last + 0.5
        return linspace(first, last, bins + 1, dtype=_float_dtype(a))
    if a.size == 0:
        return linspace(0, 1, bins + 1, dtype=_float_dtype(a))
    a = _f.as_dtype(a, _float_dtype(a))
    first, last = _f.reduction("min", a), _f.reduction("max", a)
    if not a.is_abstract and not onp.isfinite([first.item(), last.item()]).all():
        raise ValueError(f"the range from {first.item()} to {last.item()} is not finite")
    alone = (first == last).astype(a.dtype) / 2
    return linspace(first - alone, last + alone, bins + 1)


def _float_dtype(a: ndarray) -> Any:
    return a.dtype if a.dtype.kind == "f" else "float32"


def histogram(
    a: Any,
    bins: Any = 10,
    range: Any = None,
    normed: None = None,
    weights: Any = None,
    density: bool | None = None,
) -> tuple[ndarray, ndarray]:
    """Count how many elements lie in each bin.

    Parameters
    ----------
    a : array_like
        Of any shape.
    bins : int, str or array_like
        A number of equal bins, a rule of NumPy's for that number, or the edges.
    range : tuple of float, optional
        The outer edges; the smallest and the largest element by default.
    normed : None
        NumPy no longer has it; use `density`.
    weights : array_like, optional
        Of a's shape: what each element counts. The result has a gradient with respect to them.
    density : bool, optional
        Divide so that the integral is 1.

    Returns
    -------
    tuple of ndarray
        The counts, int64 without weights and density, and the edges.

    Examples
    --------
    >>> from microlazy import np
    >>> np.histogram(np.array([1, 2, 1]), bins=np.array([0, 1, 2, 3]))
    (array([0, 2, 1], dtype=int64), array([0., 1., 2., 3.]))
    """
    if normed is not None:
        raise TypeError("histogram: normed is not supported; use density")
    a = as_array(a)
    if weights is not None:
        weights = as_array(weights)
        if weights.shape != a.shape:
            raise ValueError(
                f"histogram: weights must have a's shape {a.shape}, not {weights.shape}"
            )
        weights = _f.reshape(weights, weights.size)
    edges = histogram_bin_edges(a, bins, range, weights)
    counts = ordering.histogram(_f.reshape(a, a.size), edges, weights)
    if density:
        counts = counts / (edges[1:] - edges[:-1]) / _f.reduction("sum", counts)
    return counts, edges


def histogramdd(
    sample: Any, bins: Any = 10, range: Any = None, density: bool | None = None, weights: Any = None
) -> tuple[ndarray, list[ndarray]]:
    """Count how many points lie in each cell of a grid.

    Parameters
    ----------
    sample : ndarray or list of ndarray
        A row for each point, or a vector for each coordinate.
    bins : int, list of int or list of array_like
        For each axis a number of bins, or its edges.
    range, density, weights
        As in `histogram`; a range for each axis.

    Examples
    --------
    >>> from microlazy import np
    >>> counts, edges = np.histogramdd(np.array([[0, 0], [1, 1], [1, 0]]), bins=2)
    >>> counts
    array([[1., 0.],
           [1., 1.]])
    """
    if isinstance(sample, (list, tuple)):
        sample = [onp.asarray(part) for part in sample]
    else:
        sample = onp.asarray(as_array(sample))
    if isinstance(bins, (list, tuple)):
        bins = [b if isinstance(b, int) else onp.asarray(b) for b in bins]
    _refuse_too_many(bins, len(sample) if isinstance(sample, list) else onp.shape(sample)[-1:])
    weights = None if weights is None else onp.asarray(weights)
    counts, edges = onp.histogramdd(sample, bins, range, density, weights)
    dtype = "float64" if onp.result_type(*sample) == onp.float64 else "float32"
    return (
        _f.from_numpy_result(NP, counts, dtype),
        [_f.from_numpy_result(NP, part, dtype) for part in edges],
    )


def _refuse_too_many(bins: Any, axes: Any) -> None:
    """Refuse a grid that no memory can hold before NumPy makes its edges."""
    if isinstance(bins, int):
        bins = [bins] * (axes if isinstance(axes, int) else axes[0] if axes else 1)
    cells = math.prod(b + 2 if isinstance(b, int) else len(b) + 1 for b in bins)
    if cells > 1 << 43:
        raise MemoryError(f"histogramdd: a grid of {cells} cells is larger than any memory")


def histogram2d(
    x: Any,
    y: Any,
    bins: Any = 10,
    range: Any = None,
    normed: None = None,
    weights: Any = None,
    density: bool | None = None,
) -> tuple[ndarray, ndarray, ndarray]:
    """Count how many points of the plane lie in each cell of a grid.

    Examples
    --------
    >>> from microlazy import np
    >>> np.histogram2d(np.array([0, 1, 1]), np.array([0, 1, 0]), bins=2)[0]
    array([[1., 0.],
           [1., 1.]])
    """
    if normed is not None:
        raise TypeError("histogram2d: normed is not supported; use density")
    if onp.ndim(bins) == 1 and len(bins) != 2:
        bins = [bins, bins]
    counts, (first, second) = histogramdd([as_array(x), as_array(y)], bins, range, density, weights)
    return counts, first, second
