"""Metrics of predicted numbers and vectors."""

from __future__ import annotations

import math

import numpy

from .base import Mean, Names, check_label_shapes, mean_of, register, sum_of

__all__ = ["MAE", "MSE", "RMSE", "MeanCosineSimilarity", "MeanPairwiseDistance"]


def _floats(array: numpy.ndarray) -> numpy.ndarray:
    """Integers as float64, since differences of unsigned ones would wrap; float16 as float32."""
    if array.dtype.kind != "f":
        return array.astype(numpy.float64)
    return array.astype(numpy.float32) if array.itemsize == 2 else array


def _difference(label: numpy.ndarray, pred: numpy.ndarray) -> numpy.ndarray:
    """Label less prediction; one number for each example may come with or without an axis of 1."""
    label, pred = (x[:, None] if x.ndim == 1 else x for x in (_floats(label), _floats(pred)))
    return label - pred


@register
class MAE(Mean):
    """The mean absolute error, as the mean over batches.

    Parameters
    ----------
    name : str
    output_names, label_names : list of str, optional
        Which arrays `update_dict` takes.

    Examples
    --------
    >>> from microlazy import metric, nd
    >>> error = metric.MAE()
    >>> error.update(nd.array([1, 2]), nd.array([3, 2]))
    >>> error.get()
    ('mae', 1.0)
    """

    def __init__(
        self, name: str = "mae", output_names: Names = None, label_names: Names = None
    ) -> None:
        super().__init__(name, output_names, label_names)

    def _measure(self, label: numpy.ndarray, pred: numpy.ndarray) -> tuple[float, int]:
        return mean_of(numpy.abs(_difference(label, pred))), 1


@register
class MSE(Mean):
    """The mean squared error, as the mean over batches.

    Parameters
    ----------
    name : str
    output_names, label_names : list of str, optional
        Which arrays `update_dict` takes.

    Examples
    --------
    >>> from microlazy import metric, nd
    >>> error = metric.MSE()
    >>> error.update(nd.array([1, 2]), nd.array([3, 2]))
    >>> error.get()
    ('mse', 2.0)
    """

    def __init__(
        self, name: str = "mse", output_names: Names = None, label_names: Names = None
    ) -> None:
        super().__init__(name, output_names, label_names)

    def _measure(self, label: numpy.ndarray, pred: numpy.ndarray) -> tuple[float, int]:
        return mean_of(numpy.square(_difference(label, pred))), 1


@register
class RMSE(MSE):
    """The root of the mean squared error, as the mean of the roots of all batches.

    Parameters
    ----------
    name : str
    output_names, label_names : list of str, optional
        Which arrays `update_dict` takes.

    Examples
    --------
    >>> from microlazy import metric, nd
    >>> error = metric.RMSE()
    >>> error.update(nd.array([1, 2]), nd.array([4, -1]))
    >>> error.get()
    ('rmse', 3.0)
    """

    def __init__(
        self, name: str = "rmse", output_names: Names = None, label_names: Names = None
    ) -> None:
        super().__init__(name, output_names, label_names)

    def _measure(self, label: numpy.ndarray, pred: numpy.ndarray) -> tuple[float, int]:
        mean, count = super()._measure(label, pred)
        return math.sqrt(mean), count


@register
class MeanPairwiseDistance(Mean):
    """The mean distance of predicted vectors, along the last axis, from their labels.

    Parameters
    ----------
    name : str
    output_names, label_names : list of str, optional
        Which arrays `update_dict` takes.
    p : float
        The order of the norm.

    Examples
    --------
    >>> from microlazy import metric, nd
    >>> distance = metric.MeanPairwiseDistance()
    >>> distance.update(nd.array([[1, 2], [3, 4]]), nd.array([[1, 2], [6, 8]]))
    >>> distance.get()
    ('mpd', 2.5)
    """

    def __init__(
        self,
        name: str = "mpd",
        output_names: Names = None,
        label_names: Names = None,
        p: float = 2,
    ) -> None:
        super().__init__(name, output_names, label_names, p=p)
        self.p = p

    def _measure(self, label: numpy.ndarray, pred: numpy.ndarray) -> tuple[float, int]:
        distances = numpy.linalg.norm(_difference(label, pred), self.p, axis=-1)
        return sum_of(distances), distances.size


@register
class MeanCosineSimilarity(Mean):
    """The mean cosine of the angle between predicted vectors, along the last axis, and labels.

    Parameters
    ----------
    name : str
    output_names, label_names : list of str, optional
        Which arrays `update_dict` takes.
    eps : float
        The least product of norms to divide by.

    Examples
    --------
    >>> from microlazy import metric, nd
    >>> similarity = metric.MeanCosineSimilarity()
    >>> similarity.update(nd.array([[1, 0], [0, 2]]), nd.array([[3, 0], [1, 0]]))
    >>> similarity.get()
    ('cos_sim', 0.5)
    """

    def __init__(
        self,
        name: str = "cos_sim",
        output_names: Names = None,
        label_names: Names = None,
        eps: float = 1e-8,
    ) -> None:
        super().__init__(name, output_names, label_names, eps=eps)
        self.eps = eps

    def _measure(self, label: numpy.ndarray, pred: numpy.ndarray) -> tuple[float, int]:
        check_label_shapes(label, pred, shape=True)
        label, pred = _floats(label), _floats(pred)
        squares = (numpy.add.reduce(x * x, axis=-1) for x in (label, pred))
        norms = numpy.sqrt(next(squares)) * numpy.sqrt(next(squares))
        cosines = numpy.add.reduce(label * pred, axis=-1) / numpy.maximum(norms, self.eps)
        return sum_of(cosines), cosines.size
