"""Losses: how far a prediction is from its label, one number for each example."""

from __future__ import annotations

import numbers
from typing import Any

import numpy

from ..base import ShapeError
from ..core.functions import unary_op
from ..core.ops.nn import activation, log_softmax, pick, softmax_cross_entropy
from ..core.tensor import Tensor
from .block import HybridBlock

__all__ = [
    "HingeLoss",
    "HuberLoss",
    "KLDivLoss",
    "L1Loss",
    "L2Loss",
    "LogisticLoss",
    "Loss",
    "SigmoidBCELoss",
    "SigmoidBinaryCrossEntropyLoss",
    "SoftmaxCELoss",
    "SoftmaxCrossEntropyLoss",
    "SquaredHingeLoss",
]

EPSILON = 1e-12  # keeps the logarithm of a probability finite


class Loss(HybridBlock):
    """Base class of losses.

    Parameters
    ----------
    weight : float or None
        Factor of the whole loss.
    batch_axis : int
        The axis of examples. All others are averaged out, so the loss has shape (batch size,).

    Raises
    ------
    TypeError
        If `weight` is not a number.

    Examples
    --------
    A loss of one's own:

    >>> from microlazy import nd
    >>> from microlazy.gluon.loss import Loss
    >>> class LargestError(Loss):
    ...     def forward(self, pred, label):
    ...         return (pred - label).abs().max(axis=1)
    >>> loss = LargestError(weight=None, batch_axis=0)
    >>> loss(nd.array([[1, 5], [2, 2]]), nd.array([[1, 1], [2, 3]])).asnumpy()
    array([4., 1.], dtype=float32)
    >>> loss
    LargestError(batch_axis=0, w=None)
    """

    def __init__(self, weight: float | None, batch_axis: int, **kwargs: Any):
        super().__init__(**kwargs)
        if weight is not None and not isinstance(weight, numbers.Real):
            raise TypeError(f"weight must be a number or None, not {weight!r}")
        self._weight = weight
        self._batch_axis = batch_axis

    def __repr__(self) -> str:
        return f"{type(self).__name__}(batch_axis={self._batch_axis}, w={self._weight})"

    def hybrid_forward(self, F: Any, x: Any, *args: Any, **parameters: Any) -> Any:
        """Compute the loss; a subclass overrides this or `forward`."""
        raise NotImplementedError(f"{type(self).__name__} overrides neither forward nor "
                                  "hybrid_forward")

    def _like(self, label: Tensor, pred: Tensor) -> Tensor:
        """Return the label in the shape and dtype of the prediction."""
        if label.shape != pred.shape:
            if label.size != pred.size:
                raise ShapeError(
                    f"{type(self).__name__}: label of shape {label.shape} has {label.size} "
                    f"elements, but pred of shape {pred.shape} has {pred.size}"
                )
            label = label.reshape(pred.shape)
        return label if label.dtype == pred.dtype else label.astype(pred.dtype)

    def _weighted(self, loss: Tensor, weight: float | None, sample_weight: Tensor | None) -> Tensor:
        if sample_weight is not None:
            loss = loss * sample_weight
        return loss if weight is None else loss * weight

    def _other_axes(self, loss: Tensor) -> tuple[int, ...]:
        """Return all axes but the batch's."""
        ndim = loss.ndim
        batch_axis = self._batch_axis
        if ndim and not -ndim <= batch_axis < ndim:
            raise ShapeError(
                f"{type(self).__name__}: batch_axis={batch_axis}, but the loss has shape "
                f"{loss.shape}"
            )
        return tuple(axis for axis in range(ndim) if axis != batch_axis % ndim)

    def _mean(self, loss: Tensor, weight: float | None, sample_weight: Tensor | None) -> Tensor:
        """Weight the loss of every element, and average all but the batch axis."""
        loss = self._weighted(loss, weight, sample_weight)
        axes = self._other_axes(loss)
        return loss.mean(axis=axes) if axes else loss


class L2Loss(Loss):
    """Half the squared difference, ``(label - pred)**2 / 2``, averaged over each example.

    Parameters
    ----------
    weight : float or None
        Factor of the loss, beside the half.
    batch_axis : int
        The axis of examples.

    Inputs
    ------
    pred : array of any shape
    label : array of as many elements
    sample_weight : array, optional
        Broadcasts to `pred`; (N, 1) gives each example its weight.

    Returns
    -------
    array of shape (batch size,)

    Examples
    --------
    >>> from microlazy import gluon, nd
    >>> gluon.loss.L2Loss()(nd.array([[1, 2], [3, 4]]), nd.array([[1, 0], [3, 8]])).asnumpy()
    array([1., 4.], dtype=float32)
    """

    def __init__(self, weight: float | None = 1.0, batch_axis: int = 0, **kwargs: Any):
        super().__init__(weight, batch_axis, **kwargs)

    def forward(self, pred: Tensor, label: Tensor, sample_weight: Tensor | None = None) -> Tensor:
        error = self._like(label, pred) - pred
        half = 0.5 if self._weight is None else self._weight / 2
        return self._mean(error * error, half, sample_weight)


class L1Loss(Loss):
    """The absolute difference, ``|label - pred|``, averaged over each example.

    Parameters, inputs and result are as in `L2Loss`.

    Examples
    --------
    >>> from microlazy import gluon, nd
    >>> gluon.loss.L1Loss()(nd.array([[1, 2], [3, 4]]), nd.array([[1, 0], [3, 8]])).asnumpy()
    array([1., 2.], dtype=float32)
    """

    def __init__(self, weight: float | None = None, batch_axis: int = 0, **kwargs: Any):
        super().__init__(weight, batch_axis, **kwargs)

    def forward(self, pred: Tensor, label: Tensor, sample_weight: Tensor | None = None) -> Tensor:
        error = abs(self._like(label, pred) - pred)
        return self._mean(error, self._weight, sample_weight)


class SigmoidBinaryCrossEntropyLoss(Loss):
    """The cross entropy of yes-or-no labels (also `SigmoidBCELoss`).

    With ``p = sigmoid(pred)``::

        -(pos_weight * label * log(p) + (1 - label) * log(1 - p))

    computed without overflow or cancellation as ``softplus(pred) - pred * label``.

    Parameters
    ----------
    from_sigmoid : bool
        Whether `pred` holds probabilities already.
    weight : float or None
        Factor of the loss.
    batch_axis : int
        The axis of examples.

    Inputs
    ------
    pred : array of any shape
    label : array of as many elements, in [0, 1]
    sample_weight : array, optional
        Broadcasts to `pred`.
    pos_weight : array, optional
        Weight of the positive labels, one for each class; broadcasts to `pred`.

    Returns
    -------
    array of shape (batch size,)

    Examples
    --------
    >>> from microlazy import gluon, nd
    >>> loss = gluon.loss.SigmoidBCELoss()
    >>> loss(nd.array([[0.0], [100.0]]), nd.array([[1], [0]])).asnumpy().round(4)
    array([  0.6931, 100.    ], dtype=float32)
    """

    def __init__(
        self,
        from_sigmoid: bool = False,
        weight: float | None = None,
        batch_axis: int = 0,
        **kwargs: Any,
    ):
        super().__init__(weight, batch_axis, **kwargs)
        self._from_sigmoid = from_sigmoid

    def forward(
        self,
        pred: Tensor,
        label: Tensor,
        sample_weight: Tensor | None = None,
        pos_weight: Tensor | None = None,
    ) -> Tensor:
        label = self._like(label, pred)
        if self._from_sigmoid:
            yes = unary_op("log", pred + EPSILON) * label
            if pos_weight is not None:
                yes = yes * pos_weight
            loss = -(yes + unary_op("log", 1.0 - pred + EPSILON) * (1.0 - label))
        elif pos_weight is None:
            loss = activation(pred, "softrelu") - pred * label
        else:
            factor = label * (pos_weight - 1) + 1
            loss = pred * (1 - label) + factor * activation(-pred, "softrelu")
        return self._mean(loss, self._weight, sample_weight)


SigmoidBCELoss = SigmoidBinaryCrossEntropyLoss


class SoftmaxCrossEntropyLoss(Loss):
    """The cross entropy of a softmax with the label (also `SoftmaxCELoss`).

    ``-log softmax(pred)[label]`` for class numbers, ``-sum(label * log softmax(pred))`` for
    distributions, averaged over each example.

    Parameters
    ----------
    axis : int
        The axis of classes.
    sparse_label : bool
        Whether labels are class numbers; otherwise they are distributions of `pred`'s shape.
    from_logits : bool
        Whether `pred` holds logarithms of probabilities already.
    weight : float or None
        Factor of the loss.
    batch_axis : int
        The axis of examples.

    Inputs
    ------
    pred : array, for example (N, classes)
    label : array
        Class numbers from 0 in `pred`'s shape without `axis`, or with size 1 there, of any dtype;
        or distributions of `pred`'s shape. A class number out of range, or NaN, is refused.
    sample_weight : array, optional
        Broadcasts to `pred`'s shape with size 1 along `axis`; (N, 1) for two axes.

    Returns
    -------
    array of shape (batch size,)

    Examples
    --------
    >>> from microlazy import gluon, nd
    >>> loss = gluon.loss.SoftmaxCrossEntropyLoss()
    >>> loss(nd.array([[0, 0], [100, 0]]), nd.array([1, 1])).asnumpy().round(4)
    array([  0.6931, 100.    ], dtype=float32)
    """

    def __init__(
        self,
        axis: int = -1,
        sparse_label: bool = True,
        from_logits: bool = False,
        weight: float | None = None,
        batch_axis: int = 0,
        **kwargs: Any,
    ):
        super().__init__(weight, batch_axis, **kwargs)
        self._axis = axis
        self._sparse_label = sparse_label
        self._from_logits = from_logits
        self._one_call = weight is None and batch_axis == 0 and sparse_label and not from_logits

    def forward(self, pred: Tensor, label: Tensor, sample_weight: Tensor | None = None) -> Tensor:
        if self._one_call and sample_weight is None and pred.ndim == 2 and label.ndim == 1:
            return softmax_cross_entropy(pred, label, self._axis)
        loss = self._sparse(pred, label) if self._sparse_label else self._dense(pred, label)
        return self._mean(loss, self._weight, sample_weight)

    def _sparse(self, pred: Tensor, label: Tensor) -> Tensor:
        axis = self._axis
        if not -pred.ndim <= axis < pred.ndim:
            raise ShapeError(f"{self}: axis={axis}, but pred has shape {pred.shape}")
        ones = list(pred.shape)
        ones[axis] = 1
        kept = list(pred.shape)
        del kept[axis]
        if label.shape not in (tuple(kept), tuple(ones)):
            raise ShapeError(
                f"{self}: label of shape {label.shape} does not fit pred of shape {pred.shape}; "
                f"expected {tuple(kept)}"
            )
        if self._from_logits:
            _check_classes(label, pred.shape[axis])
            return -pick(pred, label, axis=axis, keepdims=True)
        return softmax_cross_entropy(pred, label, axis).reshape(tuple(ones))

    def _dense(self, pred: Tensor, label: Tensor) -> Tensor:
        logarithms = pred if self._from_logits else log_softmax(pred, self._axis)
        return -(logarithms * self._like(label, pred)).sum(axis=self._axis, keepdims=True)


SoftmaxCELoss = SoftmaxCrossEntropyLoss


def _check_classes(label: Tensor, classes: int) -> None:
    """Refuse numbers that `pick` would clip to the nearest class."""
    if not label.is_abstract:
        numbers = numpy.asarray(label)
        bad = numbers[~((numbers >= 0) & (numbers < classes))]
        if bad.size:
            raise ValueError(f"label {bad[0]:g} is not a class of 0 to {classes - 1}")


class KLDivLoss(Loss):
    """The Kullback-Leibler divergence, ``label * (log(label) - log p)``, summed over each example.

    Parameters
    ----------
    from_logits : bool
        Whether `pred` holds the logarithms ``log p``; otherwise their softmax over `axis` is taken.
    axis : int
        The axis of classes.
    weight : float or None
        Factor of the loss.
    batch_axis : int
        The axis of examples.

    Inputs
    ------
    pred : array of any shape
    label : array of distributions, of the same shape
    sample_weight : array, optional
        Broadcasts to `pred`.

    Returns
    -------
    array of shape (batch size,)

    Examples
    --------
    >>> from microlazy import gluon, nd
    >>> loss = gluon.loss.KLDivLoss(from_logits=False)
    >>> loss(nd.array([[0, 0]]), nd.array([[1, 0]])).asnumpy().round(4)
    array([0.6931], dtype=float32)
    """

    def __init__(
        self,
        from_logits: bool = True,
        axis: int = -1,
        weight: float | None = None,
        batch_axis: int = 0,
        **kwargs: Any,
    ):
        super().__init__(weight, batch_axis, **kwargs)
        self._from_logits = from_logits
        self._axis = axis

    def forward(self, pred: Tensor, label: Tensor, sample_weight: Tensor | None = None) -> Tensor:
        if not self._from_logits:
            pred = log_softmax(pred, self._axis)
        loss = label * (unary_op("log", label + EPSILON) - pred)
        loss = self._weighted(loss, self._weight, sample_weight)
        axes = self._other_axes(loss)
        return loss.sum(axis=axes) if axes else loss


class HuberLoss(Loss):
    """The square of small differences and the size of large ones, averaged over each example.

    With ``e = |label - pred|``: ``e**2 / (2 * rho)`` up to `rho`, ``e - rho / 2`` beyond
    (Huber 1964).

    Parameters
    ----------
    rho : float
        Where the square ends.
    weight : float or None
        Factor of the loss.
    batch_axis : int
        The axis of examples.

    Inputs and result are as in `L2Loss`.

    Examples
    --------
    >>> from microlazy import gluon, nd
    >>> gluon.loss.HuberLoss()(nd.array([1, 4]), nd.array([0.5, 1])).asnumpy()
    array([0.125, 2.5  ], dtype=float32)
    """

    def __init__(
        self, rho: float = 1, weight: float | None = None, batch_axis: int = 0, **kwargs: Any
    ):
        super().__init__(weight, batch_axis, **kwargs)
        self._rho = rho

    def forward(self, pred: Tensor, label: Tensor, sample_weight: Tensor | None = None) -> Tensor:
        error = abs(self._like(label, pred) - pred)
        small = error.clip(0, self._rho)
        loss = small * (error - small * 0.5) * (1 / self._rho)
        return self._mean(loss, self._weight, sample_weight)


class HingeLoss(Loss):
    """The hinge, ``max(0, margin - pred * label)`` for labels -1 and 1, averaged over each example.

    Parameters
    ----------
    margin : float
        How clear a prediction has to be.
    weight : float or None
        Factor of the loss.
    batch_axis : int
        The axis of examples.

    Inputs and result are as in `L2Loss`.

    Examples
    --------
    >>> from microlazy import gluon, nd
    >>> gluon.loss.HingeLoss()(nd.array([0.5, 2]), nd.array([1, -1])).asnumpy()
    array([0.5, 3. ], dtype=float32)
    """

    def __init__(
        self, margin: float = 1, weight: float | None = None, batch_axis: int = 0, **kwargs: Any
    ):
        super().__init__(weight, batch_axis, **kwargs)
        self._margin = margin

    def _hinge(self, pred: Tensor, label: Tensor) -> Tensor:
        return activation(self._margin - pred * self._like(label, pred), "relu")

    def forward(self, pred: Tensor, label: Tensor, sample_weight: Tensor | None = None) -> Tensor:
        return self._mean(self._hinge(pred, label), self._weight, sample_weight)


class SquaredHingeLoss(HingeLoss):
    """The square of the hinge, ``max(0, margin - pred * label)**2``; otherwise as `HingeLoss`.

    Examples
    --------
    >>> from microlazy import gluon, nd
    >>> gluon.loss.SquaredHingeLoss()(nd.array([0.5, 2]), nd.array([1, -1])).asnumpy()
    array([0.25, 9.  ], dtype=float32)
    """

    def forward(self, pred: Tensor, label: Tensor, sample_weight: Tensor | None = None) -> Tensor:
        hinge = self._hinge(pred, label)
        return self._mean(hinge * hinge, self._weight, sample_weight)


class LogisticLoss(Loss):
    """The logistic loss, ``log(1 + exp(-pred * label))`` for labels -1 and 1, averaged.

    Parameters
    ----------
    weight : float or None
        Factor of the loss.
    batch_axis : int
        The axis of examples.
    label_format : {'signed', 'binary'}
        Labels are -1 and 1, or 0 and 1.

    Inputs and result are as in `L2Loss`.

    Examples
    --------
    >>> from microlazy import gluon, nd
    >>> gluon.loss.LogisticLoss()(nd.array([0, 100]), nd.array([1, -1])).asnumpy().round(4)
    array([  0.6931, 100.    ], dtype=float32)
    """

    def __init__(
        self,
        weight: float | None = None,
        batch_axis: int = 0,
        label_format: str = "signed",
        **kwargs: Any,
    ):
        super().__init__(weight, batch_axis, **kwargs)
        if label_format not in ("signed", "binary"):
            raise ValueError(f"label_format must be 'signed' or 'binary', not {label_format!r}")
        self._label_format = label_format

    def forward(self, pred: Tensor, label: Tensor, sample_weight: Tensor | None = None) -> Tensor:
        label = self._like(label, pred)
        if self._label_format == "signed":
            label = (label + 1) * 0.5
        loss = activation(pred, "softrelu") - pred * label
        return self._mean(loss, self._weight, sample_weight)
