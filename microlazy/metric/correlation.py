"""The correlation of labels and predictions."""

from __future__ import annotations

import math

import numpy

from .base import FromStatistics, Names, alias, check_label_shapes, mean_of, register

__all__ = ["PearsonCorrelation"]


@register
@alias("pearsonr")
class PearsonCorrelation(FromStatistics):
    """Pearson's correlation coefficient, from -1 to 1; NaN where one side is constant.

    Parameters
    ----------
    name : str
    output_names, label_names : list of str, optional
        Which arrays `update_dict` takes.
    average : {"macro", "micro"}
        The mean over batches, or of all numbers together.

    Notes
    -----
    Means and products of deviations are merged batch by batch (Chan, Golub and LeVeque, "Updating
    formulae and a pairwise algorithm for computing sample variances", 1979), so a large mean costs
    no digits.

    Examples
    --------
    >>> from microlazy import metric, nd
    >>> correlation = metric.PearsonCorrelation()
    >>> correlation.update(nd.array([1, 2, 3]), nd.array([1, 3, 2]))
    >>> round(correlation.get()[1], 4)
    0.5
    """

    def __init__(
        self,
        name: str = "pearsonr",
        output_names: Names = None,
        label_names: Names = None,
        average: str = "macro",
    ) -> None:
        super().__init__(name, output_names, label_names, average)
        self._kwargs = {"average": average}

    # The statistics: how many, two means, and sums of products of deviations from them.

    def _nothing(self) -> numpy.ndarray:
        return numpy.zeros(6)

    def _statistics(self, label: numpy.ndarray, pred: numpy.ndarray) -> numpy.ndarray:
        check_label_shapes(label, pred, shape=True)
        if not label.size:
            return self._nothing()
        x, y = label.ravel().astype(numpy.float64), pred.ravel().astype(numpy.float64)
        mean_x, mean_y = mean_of(x), mean_of(y)
        x -= mean_x
        y -= mean_y
        return numpy.array([x.size, mean_x, mean_y, x @ x, y @ y, x @ y])

    def _merge(self, one: numpy.ndarray, other: numpy.ndarray) -> numpy.ndarray:
        count = one[0] + other[0]
        if not count:
            return one
        dx, dy = other[1:3] - one[1:3]
        merged = one + other
        merged[1:3] = one[1:3] + (other[0] / count) * numpy.array([dx, dy])
        merged[3:] += (one[0] * other[0] / count) * numpy.array([dx * dx, dy * dy, dx * dy])
        return merged

    def _batches(self, parts: list[numpy.ndarray]) -> list[numpy.ndarray]:
        return parts

    def _count(self, statistics: numpy.ndarray) -> float:
        return float(statistics[0])

    def _value(self, statistics: numpy.ndarray) -> float:
        spread = math.sqrt(statistics[3]) * math.sqrt(statistics[4])
        return float(statistics[5] / spread) if spread else float("nan")
