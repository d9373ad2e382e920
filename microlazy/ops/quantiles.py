"""Quantiles: sums of ordered elements, whose weights are the gradient."""

from typing import Any, TypeVar

import numpy

from microlazy.core import functions as f
from microlazy.core.ops.numpy_call import call
from microlazy.core.tensor import Tensor
from microlazy.ops.ordering import ordered_places

A = TypeVar("A", bound=Tensor)


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
    return call(_quantiles, [x], options, (_gradient,))


def _quantiles(
    x: numpy.ndarray,
    q: tuple[float, ...] | None,
    axis: tuple[int, ...],
    method: str,
    ignore_nan: bool,
) -> numpy.ndarray:
    if q is None:
        middle: Any = numpy.nanmedian if ignore_nan else numpy.median
        return middle(x, axis=axis, keepdims=True)[None]
    function: Any = numpy.nanquantile if ignore_nan else numpy.quantile
    return function(x, numpy.array(q), axis=axis, method=method, keepdims=True)


def _gradient(g: Tensor, y: Tensor, x: Tensor, **options: Any) -> Tensor:
    weights = call(_weights, [x], options)
    return f.reduction("sum", g * weights, 0)


def _weights(
    x: numpy.ndarray,
    q: tuple[float, ...] | None,
    axis: tuple[int, ...],
    method: str,
    ignore_nan: bool,
) -> numpy.ndarray:
    """How much each element counts in each quantile: of shape (len(q), *x.shape)."""
    count = 1 if q is None else len(q)
    rest = tuple(i for i in range(x.ndim) if i not in axis)
    order = (*rest, *axis)
    moved = x.transpose(order)
    rows = moved.reshape(-1, int(numpy.prod([x.shape[i] for i in axis])))
    places = ordered_places(rows, -1)  # nan comes last
    weights = numpy.zeros((count, *rows.shape), x.dtype if x.dtype.kind == "f" else "float32")
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
    back = numpy.argsort(order)
    return weights.reshape(count, *moved.shape).transpose(0, *(back + 1))
