"""Quantiles: sums of ordered elements, whose weights are the gradient."""

import math
from typing import Any, TypeVar

import numpy

from microlazy.core import functions as f
from microlazy.core.loops import quantiles as _loops
from microlazy.core.ops.numpy_call import call
from microlazy.core.tensor import Tensor
from microlazy.ops.ordering import ordered_places

A = TypeVar("A", bound=Tensor)
FEW = 1 << 12  # elements of a row, up to which sorting it is sooner than NumPy's function
_FLOATS = (numpy.dtype("float32"), numpy.dtype("float64"))


def quantiles(
    x: A, q: tuple[float, ...] | None, axis: tuple[int, ...], method: str, ignore_nan: bool
) -> A:
    """Quantiles over some axes, kept with size 1, behind a first axis for each of q.

    Without q the median, which is the mean of two elements even where one is infinite.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.ops.quantiles import quantiles
    >>> quantiles(np.array([1, 2, 4]), (0.5, 0.75), (0,), "linear", False)
    array([[2.],
           [3.]])
    """
    options = {"q": q, "axis": axis, "method": method, "ignore_nan": ignore_nan}
    return call(_quantiles, [x], options, (_gradient,), direct=_direct_gradient)


def _quantiles(
    x: numpy.ndarray,
    q: tuple[float, ...] | None,
    axis: tuple[int, ...],
    method: str,
    ignore_nan: bool,
) -> numpy.ndarray:
    count = math.prod(x.shape[i] for i in axis)
    if method == "linear" and count <= FEW and x.dtype in _FLOATS:
        return _between(x, (0.5,) if q is None else q, axis, ignore_nan, q is None)
    if q is None:
        middle: Any = numpy.nanmedian if ignore_nan else numpy.median
        return middle(x, axis=axis, keepdims=True)[None]
    function: Any = numpy.nanquantile if ignore_nan else numpy.quantile
    return function(x, numpy.array(q), axis=axis, method=method, keepdims=True)


def _in_rows(x: numpy.ndarray, axis: tuple[int, ...]) -> tuple[numpy.ndarray, tuple[int, ...]]:
    """The elements of each quantile as a row, and the order of axes in which the rows stand."""
    order = (*[i for i in range(x.ndim) if i not in axis], *axis)
    rows = x.transpose(order).reshape(-1, math.prod(x.shape[i] for i in axis))
    return numpy.ascontiguousarray(rows), order


def _between(
    x: numpy.ndarray,
    q: tuple[float, ...],
    axis: tuple[int, ...],
    ignore_nan: bool,
    middle: bool,
) -> numpy.ndarray:
    """Quantiles by the method "linear", or the mean of both elements in the middle."""
    rows, _ = _in_rows(x, axis)
    kept = [1 if i in axis else n for i, n in enumerate(x.shape)]
    ordered = numpy.sort(rows, 1)  # nan comes last
    return _loops.between(ordered, q, ignore_nan, middle).reshape(len(q), *kept)


def _gradient(g: Tensor, y: Tensor, x: Tensor, **options: Any) -> Tensor:
    weights = call(_weights, [x], options)
    return f.reduction("sum", g * weights, 0)


def _direct_gradient(
    g: numpy.ndarray,
    y: numpy.ndarray,
    x: numpy.ndarray,
    q: tuple[float, ...] | None,
    axis: tuple[int, ...],
    method: str,
    ignore_nan: bool,
) -> numpy.ndarray | None:
    if method != "linear" or x.dtype not in _FLOATS:
        return None
    rows, order = _in_rows(x, axis)
    places = ordered_places(rows, -1).astype("int64", "C", copy=False)
    found = _loops.spread(rows, places, (0.5,) if q is None else q, g, ignore_nan)
    return found.reshape([x.shape[i] for i in order]).transpose(numpy.argsort(order))


def _weights(
    x: numpy.ndarray,
    q: tuple[float, ...] | None,
    axis: tuple[int, ...],
    method: str,
    ignore_nan: bool,
) -> numpy.ndarray:
    """How much each element counts in each quantile: of shape (len(q), *x.shape)."""
    rows, order = _in_rows(x, axis)
    places = ordered_places(rows, -1)  # nan comes last
    if method == "linear":
        weights = _linear_weights(rows, places, (0.5,) if q is None else q, ignore_nan)
    else:
        weights = _other_weights(rows, places, q, method, ignore_nan)
    back = numpy.argsort(order)
    moved = [x.shape[i] for i in order]
    return weights.reshape(len(weights), *moved).transpose(0, *(back + 1))


def _steps(
    rows: numpy.ndarray, q: tuple[float, ...], ignore_nan: bool
) -> tuple[numpy.ndarray, numpy.ndarray, numpy.ndarray]:
    """Between which places of rows in order the quantiles lie, and how far: of (len(q), rows, 1).

    The method is "linear": number 7 of Hyndman and Fan 1996.
    """
    last: Any = rows.shape[1] - 1
    if ignore_nan:
        last = numpy.maximum(last - numpy.isnan(rows).sum(1), 0)[:, None]
    places = numpy.multiply.outer(numpy.array(q), last if ignore_nan else numpy.array([[last]]))
    lower = places.astype("int64")
    return lower, numpy.minimum(lower + 1, last), places - lower


def _no_weights(rows: numpy.ndarray, count: int) -> numpy.ndarray:
    return numpy.zeros((count, *rows.shape), rows.dtype if rows.dtype.kind == "f" else "float32")


def _linear_weights(
    rows: numpy.ndarray, places: numpy.ndarray, q: tuple[float, ...], ignore_nan: bool
) -> numpy.ndarray:
    weights = _no_weights(rows, len(q))
    lower, upper, part = [step[..., 0] for step in _steps(rows, q, ignore_nan)]
    which, each = numpy.ogrid[: len(q), : len(rows)]
    weights[which, each, places[each, lower]] = 1 - part
    weights[which, each, places[each, upper]] += part
    if ignore_nan:
        weights[:, numpy.isnan(rows).all(1)] = 0
    return weights


def _other_weights(
    rows: numpy.ndarray,
    places: numpy.ndarray,
    q: tuple[float, ...] | None,
    method: str,
    ignore_nan: bool,
) -> numpy.ndarray:
    weights = _no_weights(rows, 1 if q is None else len(q))
    lengths = (
        rows.shape[1] - numpy.isnan(rows).sum(-1) if ignore_nan
        else numpy.full(len(rows), rows.shape[1])
    )  # fmt: skip
    for length in set(lengths.tolist()) - {0}:
        chosen = numpy.flatnonzero(lengths == length)
        # In 0, 1, 2, ... a quantile is its own place.
        found = _quantiles(numpy.arange(float(length)), q, (0,), method, False)[:, 0]
        for which, place in enumerate(found):
            first = int(place)
            part = place - first
            weights[which, chosen, places[chosen, first]] = 1 - part
            if part:
                weights[which, chosen, places[chosen, first + 1]] = part
    return weights
