"""Losses by Keras' names: called with targets and predictions, they give a mean."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ... import numpy as np
from ...gluon import loss as gluon
from ..faces import as_array
from ._absent import teller
from ._lookup import found

__all__ = [
    "BinaryCrossentropy",
    "CategoricalCrossentropy",
    "Huber",
    "Loss",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "SparseCategoricalCrossentropy",
    "get",
]

_REDUCTIONS = ("sum_over_batch_size", "mean", "sum", "none", None)

# How far from 0 and 1 Keras keeps a probability before it takes the logarithm.
_EPSILON = 1e-7


class Loss:
    """A loss of Gluon, which takes predictions first and gives a number for each example.

    A loss of one's own is a function ``(y_true, y_pred) -> array``, or a subclass with `call`.

    Parameters
    ----------
    name : str, optional
        Name.
    reduction : {"sum_over_batch_size", "mean", "sum", "none", None}
        What becomes of the numbers of all examples.

    Raises
    ------
    ValueError
        If `reduction` is not one of these.

    Examples
    --------
    >>> from microlazy import np
    >>> class Largest(Loss):
    ...     def call(self, y_true, y_pred):
    ...         return abs(y_true - y_pred).max(axis=1)
    >>> Largest()(np.array([[1, 1], [2, 3]]), np.array([[1, 5], [2, 2]]))
    array(2.5)
    """

    _gluon: gluon.Loss

    def __init__(
        self, name: str | None = None, reduction: str | None = "sum_over_batch_size"
    ) -> None:
        if reduction not in _REDUCTIONS:
            raise ValueError(
                f"{type(self).__name__}: reduction must be one of "
                f"{', '.join(map(repr, _REDUCTIONS))}, not {reduction!r}"
            )
        self.name = name or type(self).__name__
        self.reduction = reduction

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The loss.

        Parameters
        ----------
        y_true : array
            Targets.
        y_pred : array
            Predictions.
        sample_weight : array of shape (batch size,), optional
            A factor for each example.

        Returns
        -------
        array
            A number, or with reduction "none" one for each example.
        """
        losses = self.call(as_array(y_true), as_array(y_pred))
        if sample_weight is not None:
            losses = losses * as_array(sample_weight).astype(losses.dtype)
        if self.reduction in ("none", None):
            return losses
        return losses.sum() if self.reduction == "sum" else losses.mean()

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """A number for each example; a subclass may override this."""
        return self._gluon(y_pred, y_true)


class MeanSquaredError(Loss):
    """The mean of the squares of the differences.

    Examples
    --------
    >>> from microlazy import np
    >>> MeanSquaredError()(np.array([[0, 1]]), np.array([[1, 3]]))
    array(2.5)
    """

    _gluon = gluon.L2Loss(weight=2.0)  # Gluon's has a factor of 1/2


class MeanAbsoluteError(Loss):
    """The mean of the absolute differences.

    Examples
    --------
    >>> from microlazy import np
    >>> MeanAbsoluteError()(np.array([[0, 1]]), np.array([[1, 3]]))
    array(1.5)
    """

    _gluon = gluon.L1Loss()


class Huber(Loss):
    """Squares for differences up to `delta`, straight lines beyond (Huber 1964).

    Examples
    --------
    >>> from microlazy import np
    >>> Huber()(np.array([[0, 0]]), np.array([[1, 3]]))
    array(1.5)
    """

    def __init__(self, delta: float = 1.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._gluon = gluon.HuberLoss(rho=delta, weight=delta)  # Gluon divides by rho


class BinaryCrossentropy(Loss):
    """The cross entropy of probabilities of yes, or with `from_logits` of sigmoids.

    Examples
    --------
    >>> from microlazy import np
    >>> BinaryCrossentropy()(np.array([[1], [0]]), np.array([[0.5], [0.5]])).round(4)
    array(0.6931)
    """

    def __init__(self, from_logits: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.from_logits = from_logits
        self._gluon = gluon.SigmoidBinaryCrossEntropyLoss(from_sigmoid=not from_logits)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """A number for each example."""
        if not self.from_logits:
            y_pred = np.clip(y_pred, _EPSILON, 1 - _EPSILON)
        return self._gluon(y_pred, y_true)


class CategoricalCrossentropy(Loss):
    """The cross entropy of probabilities with distributions, such as one-hot rows.

    Parameters
    ----------
    from_logits : bool
        Whether predictions are numbers whose softmax is meant.
    axis : int
        That of the classes.
    **kwargs
        As in `Loss`.

    Examples
    --------
    >>> from microlazy import np
    >>> CategoricalCrossentropy()(np.array([[0, 1]]), np.array([[0.5, 0.5]])).round(4)
    array(0.6931)
    """

    _sparse = False

    def __init__(self, from_logits: bool = False, axis: int = -1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.from_logits, self.axis = from_logits, axis
        self._gluon = gluon.SoftmaxCrossEntropyLoss(
            axis=axis, sparse_label=self._sparse, from_logits=not from_logits
        )

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """A number for each example."""
        if not self.from_logits:
            shares = y_pred / y_pred.sum(axis=self.axis, keepdims=True)
            y_pred = np.log(np.clip(shares, _EPSILON, 1 - _EPSILON))
        return self._gluon(y_pred, y_true)


class SparseCategoricalCrossentropy(CategoricalCrossentropy):
    """The cross entropy of probabilities with class numbers; as `CategoricalCrossentropy`.

    Examples
    --------
    >>> from microlazy import np
    >>> SparseCategoricalCrossentropy(from_logits=True)(np.array([1]), np.zeros((1, 2))).round(4)
    array(0.6931)
    """

    _sparse = True


_BY_NAME: dict[str, type[Loss]] = {
    "binary_crossentropy": BinaryCrossentropy,
    "categorical_crossentropy": CategoricalCrossentropy,
    "huber": Huber,
    "mae": MeanAbsoluteError,
    "mean_absolute_error": MeanAbsoluteError,
    "mean_squared_error": MeanSquaredError,
    "mse": MeanSquaredError,
    "sparse_categorical_crossentropy": SparseCategoricalCrossentropy,
}


class _OfFunction(Loss):
    """A function of targets and predictions as a loss."""

    def __init__(self, function: Callable[[Any, Any], Any]) -> None:
        super().__init__(name=getattr(function, "__name__", None))
        self._function = function

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return self._function(y_true, y_pred)


def get(identifier: Any) -> Loss:
    """A loss by its name; a function as a loss.

    Raises
    ------
    ValueError
        If there is none of that name.

    Examples
    --------
    >>> type(get("mse")).__name__
    'MeanSquaredError'
    """
    if isinstance(identifier, Loss):
        return identifier
    if callable(identifier):
        return _OfFunction(identifier)
    return found("loss", identifier, _BY_NAME)()


if not TYPE_CHECKING:  # a type checker would take it for a promise
    __getattr__ = teller(__name__, __all__)
