"""Metrics by Keras' names: Gluon's, added up over examples."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy

from ... import metric as gluon
from ...gluon.parameter.parameter import to_numpy
from . import losses
from ._absent import teller
from ._lookup import found

__all__ = [
    "BinaryAccuracy",
    "CategoricalAccuracy",
    "Mean",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "Metric",
    "RootMeanSquaredError",
    "SparseCategoricalAccuracy",
    "SparseTopKCategoricalAccuracy",
    "get",
]


class Metric:
    """A mean over all examples since `reset_state`.

    A subclass gives a metric of Gluon by `_make` and says what it takes.

    Parameters
    ----------
    name : str, optional
        Under which `fit` shows it.
    """

    _default_name = "metric"

    def __init__(self, name: str | None = None) -> None:
        self.name = name or self._default_name
        self.reset_state()

    def reset_state(self) -> None:
        """Forget all examples."""
        self._total, self._count = 0.0, 0.0

    def update_state(self, y_true: Any, y_pred: Any) -> None:
        """Count a batch.

        Parameters
        ----------
        y_true, y_pred : array
            Targets and predictions.
        """
        label, pred = self._prepared(to_numpy(y_true), to_numpy(y_pred))
        batch = self._make()
        batch.update([label], [pred])
        count = len(pred)
        self._total += batch.get()[1] * count
        self._count += count

    def result(self) -> float:
        """The mean; 0 before the first batch."""
        return self._total / self._count if self._count else 0.0

    def _make(self) -> gluon.EvalMetric:
        raise NotImplementedError(f"{type(self).__name__} must override update_state()")

    def _prepared(self, label: numpy.ndarray, pred: numpy.ndarray) -> Any:
        return label, pred

    def __call__(self, y_true: Any, y_pred: Any) -> float:
        """Count a batch and return the mean so far."""
        self.update_state(y_true, y_pred)
        return self.result()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


class Mean(Metric):
    """The mean of numbers, such as losses.

    Examples
    --------
    >>> mean = Mean()
    >>> mean.update_state([1.0, 2.0])
    >>> mean.update_state(6.0)
    >>> mean.result()
    3.0
    """

    _default_name = "mean"

    def update_state(self, values: Any, sample_weight: float = 1) -> None:
        """Count numbers.

        Parameters
        ----------
        values : array
            The numbers.
        sample_weight : number
            How often they count.
        """
        array = to_numpy(values)
        self._total += float(array.sum()) * sample_weight
        self._count += array.size * sample_weight


class SparseCategoricalAccuracy(Metric):
    """The part of the examples whose class, a number, is predicted right.

    Examples
    --------
    >>> SparseCategoricalAccuracy()([1, 0], [[0.2, 0.8], [0.3, 0.7]])
    0.5
    """

    _default_name = "sparse_categorical_accuracy"

    def _make(self) -> gluon.EvalMetric:
        return gluon.Accuracy(axis=-1)

    def _prepared(self, label: numpy.ndarray, pred: numpy.ndarray) -> Any:
        return label.reshape(pred.shape[:-1]), pred


class CategoricalAccuracy(SparseCategoricalAccuracy):
    """The part of the examples whose class, a one-hot row, is predicted right."""

    _default_name = "categorical_accuracy"

    def _prepared(self, label: numpy.ndarray, pred: numpy.ndarray) -> Any:
        return label.argmax(-1), pred


class SparseTopKCategoricalAccuracy(SparseCategoricalAccuracy):
    """The part of the examples whose class is among the `k` with the largest scores."""

    _default_name = "sparse_top_k_categorical_accuracy"

    def __init__(self, k: int = 5, name: str | None = None) -> None:
        super().__init__(name)
        self.k = k

    def _make(self) -> gluon.EvalMetric:
        return gluon.TopKAccuracy(self.k)


class BinaryAccuracy(Metric):
    """The part of right predictions, where each is the probability of yes."""

    _default_name = "binary_accuracy"

    def __init__(self, name: str | None = None, threshold: float = 0.5) -> None:
        super().__init__(name)
        self.threshold = threshold

    def _make(self) -> gluon.EvalMetric:
        return gluon.BinaryAccuracy(threshold=self.threshold)

    def _prepared(self, label: numpy.ndarray, pred: numpy.ndarray) -> Any:
        return label.reshape(pred.shape), pred


class MeanSquaredError(Metric):
    """The mean of the squares of the differences."""

    _default_name = "mean_squared_error"

    def _make(self) -> gluon.EvalMetric:
        return gluon.MSE()

    def _prepared(self, label: numpy.ndarray, pred: numpy.ndarray) -> Any:
        return label.reshape(pred.shape), pred


class RootMeanSquaredError(MeanSquaredError):
    """The root of the mean of the squares of the differences."""

    _default_name = "root_mean_squared_error"

    def result(self) -> float:
        """The root; 0 before the first batch."""
        return math.sqrt(super().result())


class MeanAbsoluteError(MeanSquaredError):
    """The mean of the absolute differences."""

    _default_name = "mean_absolute_error"

    def _make(self) -> gluon.EvalMetric:
        return gluon.MAE()


_BY_NAME: dict[str, type[Metric]] = {
    "binary_accuracy": BinaryAccuracy,
    "categorical_accuracy": CategoricalAccuracy,
    "mae": MeanAbsoluteError,
    "mean_absolute_error": MeanAbsoluteError,
    "mean_squared_error": MeanSquaredError,
    "mse": MeanSquaredError,
    "root_mean_squared_error": RootMeanSquaredError,
    "sparse_categorical_accuracy": SparseCategoricalAccuracy,
    "sparse_top_k_categorical_accuracy": SparseTopKCategoricalAccuracy,
}


def get(identifier: Any, loss: losses.Loss | None = None) -> Metric:
    """A metric by its name; "accuracy" is the one that suits the loss.

    Raises
    ------
    ValueError
        If there is none of that name.

    Examples
    --------
    >>> get("accuracy", losses.SparseCategoricalCrossentropy())
    <SparseCategoricalAccuracy name=accuracy>
    """
    if isinstance(identifier, Metric):
        return identifier
    name = identifier if isinstance(identifier, str) else None
    kinds = {**_BY_NAME, "accuracy": _accuracy_for(loss), "acc": _accuracy_for(loss)}
    return found("metric", identifier, kinds)(name=name)


def _accuracy_for(loss: losses.Loss | None) -> type[Metric]:
    if isinstance(loss, losses.BinaryCrossentropy):
        return BinaryAccuracy
    if type(loss) is losses.CategoricalCrossentropy:
        return CategoricalAccuracy
    return SparseCategoricalAccuracy


if not TYPE_CHECKING:  # a type checker would take it for a promise
    __getattr__ = teller(__name__, __all__)
