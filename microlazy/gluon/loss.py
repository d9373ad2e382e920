"""Losses: how far a prediction is from its label, one number for each example."""

from __future__ import annotations

import math
import numbers
from typing import TYPE_CHECKING, Any

import numpy

from .. import ndarray as nd
from .. import numpy as np
from ..base import ShapeError
from ..core import trace
from ..core.functions import unary_op
from ..core.ops.nn import activation, log_softmax, pick, softmax_cross_entropy
from ..core.tensor import Tensor
from ..initializer import ArgumentError
from ..symbol import Symbol
from .block import HybridBlock
from .block.hybrid import without_namespace
from .block.symbolic import functions_of
from .utils import axis_of, number_of

__all__ = [
    "CTCLoss",
    "CosineEmbeddingLoss",
    "HingeLoss",
    "HuberLoss",
    "KLDivLoss",
    "L1Loss",
    "L2Loss",
    "LogisticLoss",
    "Loss",
    "PoissonNLLLoss",
    "SDMLLoss",
    "SigmoidBCELoss",
    "SigmoidBinaryCrossEntropyLoss",
    "SoftmaxCELoss",
    "SoftmaxCrossEntropyLoss",
    "SquaredHingeLoss",
    "TripletLoss",
]

_F: Any = nd  # its functions take arrays of either type


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
        self._batch_axis = axis_of(type(self).__name__, "batch_axis", batch_axis)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(batch_axis={self._batch_axis}, w={self._weight})"

    def hybrid_forward(self, F: Any, x: Any, *args: Any, **parameters: Any) -> Any:
        """Compute the loss; a subclass overrides this or `forward`."""
        raise NotImplementedError(
            f"{type(self).__name__} overrides neither forward nor hybrid_forward"
        )

    def _like(self, label: Tensor, pred: Tensor) -> Tensor:
        """Return the label in the shape and dtype of the prediction."""
        if not (isinstance(label, Tensor) and isinstance(pred, Tensor)):
            if isinstance(pred, Symbol):
                return label.reshape_like(pred)
            label = _as_array(type(self).__name__, "label", label, pred)
        if label.shape != pred.shape:
            if label.size != pred.size:
                raise ShapeError(
                    f"{type(self).__name__}: label of shape {label.shape} has {label.size} "
                    f"elements, but pred of shape {pred.shape} has {pred.size}"
                )
            label = label.reshape(pred.shape)
        return label if label.dtype == pred.dtype else label.astype(pred.dtype)

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
        loss = _weigh(loss, weight, sample_weight)
        if isinstance(loss, Symbol):
            return loss.mean(axis=self._batch_axis, exclude=True)
        axes = self._other_axes(loss)
        return loss.mean(axis=axes) if axes else loss

    def _sum(self, loss: Tensor) -> Tensor:
        """Sum over all but the batch axis."""
        if isinstance(loss, Symbol):
            return loss.sum(axis=self._batch_axis, exclude=True)
        axes = self._other_axes(loss)
        return loss.sum(axis=axes) if axes else loss


def _as_array(owner: str, name: str, given: Any, pred: Any, dtype: Any = None) -> Tensor:
    """Take lists and NumPy's arrays beside a prediction, and refuse what is no array."""
    if pred is None:
        raise TypeError(f"{owner}: pred is None; does forward() of the network return its result?")
    if given is None:
        raise TypeError(f"{owner}: {name} is None, where an array is needed")
    if not hasattr(pred, "shape"):
        raise TypeError(f"{owner}: pred must be an array, not {pred!r}")
    if isinstance(given, Tensor):
        return given
    with trace.suspended():  # what is given has values, in a trace too
        return (np if isinstance(pred, np.ndarray) else nd).array(given, dtype=dtype)


def _epsilon(x: Any, wanted: float = 1e-12) -> float:
    """What keeps a logarithm finite: at least the smallest number of which `x` can hold 1 / it."""
    if not isinstance(x, Tensor):
        return wanted
    dtype = numpy.dtype(x.dtype)
    return max(wanted, float(numpy.finfo(dtype).tiny)) if dtype.kind == "f" else wanted


def _activated(x: Any, kind: str) -> Any:
    """An activation function of an array or a symbol."""
    if isinstance(x, Tensor):
        return activation(x, kind)
    return functions_of(x).Activation(x, act_type=kind)


def _each(name: str, x: Any) -> Any:
    """A function of each element of an array or a symbol."""
    return unary_op(name, x) if isinstance(x, Tensor) else getattr(functions_of(x), name)(x)


def _log_softmax(x: Any, axis: int) -> Any:
    return log_softmax(x, axis) if isinstance(x, Tensor) else x.log_softmax(axis=axis)


def _weigh(loss: Tensor, weight: float | None, sample_weight: Tensor | None) -> Tensor:
    if sample_weight is not None:
        if not isinstance(sample_weight, Tensor | Symbol):
            sample_weight = _as_array("loss", "sample_weight", sample_weight, loss, loss.dtype)
        try:
            loss = loss * sample_weight
        except ShapeError as error:
            raise ShapeError(
                f"sample_weight of shape {sample_weight.shape} does not broadcast to a loss of "
                f"shape {loss.shape}; for a weight of each example, the other axes have size 1"
            ) from error
    return loss if weight is None else loss * weight


def _apply_weighting(
    F: Any, loss: Tensor, weight: float | None = None, sample_weight: Tensor | None = None
) -> Tensor:
    """Weigh a loss, by MXNet's name: users' own losses in its style call it."""
    if weight is not None and not isinstance(weight, numbers.Real):
        raise ArgumentError(f"weight must be a number, not {weight!r}")
    return _weigh(loss, weight, sample_weight)


def _reshape_like(F: Any, x: Tensor, y: Tensor) -> Tensor:
    """Give `x` the shape of `y`, by MXNet's name."""
    return x.reshape(y.shape) if isinstance(x, Tensor) else F.reshape_like(x, y)


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

    hybrid_forward = without_namespace(forward)


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

    hybrid_forward = without_namespace(forward)


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
            least = _epsilon(pred)
            yes = _each("log", pred + least) * label
            if pos_weight is not None:
                yes = yes * pos_weight
            loss = -(yes + _each("log", 1.0 - pred + least) * (1.0 - label))
        elif pos_weight is None:
            loss = _activated(pred, "softrelu") - pred * label
        else:
            factor = label * (pos_weight - 1) + 1
            loss = pred * (1 - label) + factor * _activated(-pred, "softrelu")
        return self._mean(loss, self._weight, sample_weight)

    hybrid_forward = without_namespace(forward)


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
        if not (isinstance(label, Tensor) and isinstance(pred, Tensor)):
            if isinstance(pred, Symbol):
                return self._mean(self._graph(pred, label), self._weight, sample_weight)
            label = _as_array(type(self).__name__, "label", label, pred)
        if self._one_call and sample_weight is None and pred.ndim == 2 and label.ndim == 1:
            return softmax_cross_entropy(pred, label, self._axis)
        loss = self._sparse(pred, label) if self._sparse_label else self._dense(pred, label)
        return self._mean(loss, self._weight, sample_weight)

    def _graph(self, pred: Any, label: Any) -> Any:
        """The loss of symbols, before the mean."""
        if not self._sparse_label:
            return self._dense(pred, label)
        logarithms = pred if self._from_logits else pred.log_softmax(axis=self._axis)
        return -logarithms.pick(label, axis=self._axis, keepdims=True)

    hybrid_forward = without_namespace(forward)

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
                + ("; one-hot labels need sparse_label=False" * (label.shape == pred.shape))
            )
        if self._from_logits:
            _check_classes(label, pred.shape[axis])
            return -pick(pred, label, axis=axis, keepdims=True)
        return softmax_cross_entropy(pred, label, axis).reshape(tuple(ones))

    def _dense(self, pred: Tensor, label: Tensor) -> Tensor:
        logarithms = pred if self._from_logits else _log_softmax(pred, self._axis)
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
        if not isinstance(label, Tensor | Symbol) or not isinstance(pred, Tensor | Symbol):
            label = _as_array(
                type(self).__name__, "label", label, pred, getattr(pred, "dtype", None)
            )
        if not self._from_logits:
            pred = _log_softmax(pred, self._axis)
        try:
            loss = label * (_each("log", label + _epsilon(label)) - pred)
        except ShapeError as error:
            raise ShapeError(
                f"{type(self).__name__}: label of shape {label.shape} does not fit pred of shape "
                f"{pred.shape}"
            ) from error
        return self._sum(_weigh(loss, self._weight, sample_weight))

    hybrid_forward = without_namespace(forward)


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
        self._rho = number_of(type(self).__name__, "rho", rho)
        if self._rho <= 0:
            raise ArgumentError(f"{type(self).__name__}: rho must be more than 0, but got {rho}")

    def forward(self, pred: Tensor, label: Tensor, sample_weight: Tensor | None = None) -> Tensor:
        error = abs(self._like(label, pred) - pred)
        small = error.clip(0, self._rho)
        loss = small * (error - small * 0.5) * (1 / self._rho)
        return self._mean(loss, self._weight, sample_weight)

    hybrid_forward = without_namespace(forward)


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
        self._margin = number_of(type(self).__name__, "margin", margin)

    def _hinge(self, pred: Tensor, label: Tensor) -> Tensor:
        return _activated(self._margin - pred * self._like(label, pred), "relu")

    def forward(self, pred: Tensor, label: Tensor, sample_weight: Tensor | None = None) -> Tensor:
        return self._mean(self._hinge(pred, label), self._weight, sample_weight)

    hybrid_forward = without_namespace(forward)


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

    hybrid_forward = without_namespace(forward)


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
        loss = _activated(pred, "softrelu") - pred * label
        return self._mean(loss, self._weight, sample_weight)

    hybrid_forward = without_namespace(forward)


class CTCLoss(Loss):
    """Connectionist temporal classification: -log of the probability of a label sequence.

    The probability is summed over all ways to spread the labels over the steps, with repetitions
    and with blanks between them.  The blank is the last class.

    Parameters
    ----------
    layout : {'NTC', 'TNC'}
        The order of examples, steps and classes in `pred`.
    label_layout : {'NT', 'TN'}
        The order of examples and places in `label`.
    weight : float or None
        Factor of the loss.

    Inputs
    ------
    pred : array of scores before the softmax, by default (N, steps, classes)
    label : array of class numbers, by default (N, length)
        Without `label_lengths` a sequence ends before the first -1.
    pred_lengths, label_lengths : array of shape (N,), optional
        How many steps and labels of each example count.
    sample_weight : array of shape (N,), optional

    Returns
    -------
    array of shape (N,)
        0, with gradient 0, for a label that has no room in the steps.

    Raises
    ------
    ValueError
        If a layout is unknown.
    MXNetError
        If the shapes do not fit.

    Notes
    -----
    Graves et al., "Connectionist temporal classification", 2006.  It has a first gradient only.

    Examples
    --------
    >>> from microlazy import gluon, nd
    >>> loss = gluon.loss.CTCLoss()
    >>> loss(nd.zeros((1, 2, 2)), nd.array([[0]])).asnumpy().round(4)
    array([0.2877], dtype=float32)
    """

    def __init__(
        self,
        layout: str = "NTC",
        label_layout: str = "NT",
        weight: float | None = None,
        **kwargs: Any,
    ):
        for name, given, known in (
            ("layout", layout, ("NTC", "TNC")),
            ("label_layout", label_layout, ("NT", "TN")),
        ):
            if given not in known:
                raise ArgumentError(f"CTCLoss: {name} must be one of {known}, but got {given!r}")
        super().__init__(weight, label_layout.index("N"), **kwargs)
        self._layout = layout

    def forward(
        self,
        pred: Tensor,
        label: Tensor,
        pred_lengths: Tensor | None = None,
        label_lengths: Tensor | None = None,
        sample_weight: Tensor | None = None,
    ) -> Tensor:
        if isinstance(pred, Symbol):
            return self._from_steps(pred, label, pred_lengths, label_lengths, sample_weight)
        label = _as_array("CTCLoss", "label", label, pred)
        if pred.ndim != 3 or label.ndim != 2:
            raise ShapeError(
                f"CTCLoss takes pred of 3 axes and label of 2, but got shapes {pred.shape} and "
                f"{label.shape}"
            )
        return self._from_steps(pred, label, pred_lengths, label_lengths, sample_weight)

    def _from_steps(
        self, pred: Any, label: Any, pred_lengths: Any, label_lengths: Any, sample_weight: Any
    ) -> Any:
        F = functions_of(pred)
        loss = F.CTCLoss(
            F.swapaxes(pred, 0, 1) if self._layout == "NTC" else pred,
            F.swapaxes(label, 0, 1) if self._batch_axis == 1 else label,
            pred_lengths,
            label_lengths,
            use_data_lengths=pred_lengths is not None,
            use_label_lengths=label_lengths is not None,
            blank_label="last",
        )
        return _weigh(loss, self._weight, sample_weight)

    hybrid_forward = without_namespace(forward)


class TripletLoss(Loss):
    """How much nearer a prediction is to a negative example than to a positive one.

    ``max(0, sum((positive - pred)**2 - (negative - pred)**2) + margin)``

    Parameters
    ----------
    margin : float
        How much nearer the positive example has to be.
    weight : float or None
        Factor of the loss.
    batch_axis : int
        The axis of examples.

    Inputs
    ------
    pred, positive, negative : arrays of the same shape

    Returns
    -------
    array of shape (batch size,)

    Notes
    -----
    Schroff et al., "FaceNet", 2015, equation 1.

    Examples
    --------
    >>> from microlazy import gluon, nd
    >>> loss = gluon.loss.TripletLoss()
    >>> loss(nd.array([[0, 0]]), nd.array([[2, 0]]), nd.array([[0, 1]])).asnumpy()
    array([4.], dtype=float32)
    """

    def __init__(
        self, margin: float = 1, weight: float | None = None, batch_axis: int = 0, **kwargs: Any
    ):
        super().__init__(weight, batch_axis, **kwargs)
        self._margin = number_of(type(self).__name__, "margin", margin)

    def forward(self, pred: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        near, far = self._like(positive, pred) - pred, self._like(negative, pred) - pred
        loss = self._sum(near * near - far * far)
        return _weigh(_activated(loss + self._margin, "relu"), self._weight, None)

    hybrid_forward = without_namespace(forward)


class PoissonNLLLoss(Loss):
    """The negative log likelihood of counts under Poisson distributions, averaged over everything.

    ``exp(pred) - target * pred``, or ``pred - target * log(pred + epsilon)`` for rates.

    Parameters
    ----------
    weight : float or None
        Factor of the loss.
    from_logits : bool
        Whether `pred` holds logarithms of rates; otherwise it holds rates.
    batch_axis : int
        Of no effect, for the mean is over all axes.
    compute_full : bool
        Add what does not depend on `pred`: Stirling's approximation of log(target!), where
        `target` is more than 1.

    Inputs
    ------
    pred : array of any shape
    target : array of as many elements
    sample_weight : array, optional
        Broadcasts to `pred`.
    epsilon : float, optional
        Keeps the logarithm of a rate finite; 1e-8.

    Returns
    -------
    array of one element

    Examples
    --------
    >>> from microlazy import gluon, nd
    >>> loss = gluon.loss.PoissonNLLLoss()
    >>> loss(nd.array([0, 0]), nd.array([1, 3])).asnumpy()
    array([1.], dtype=float32)
    """

    def __init__(
        self,
        weight: float | None = None,
        from_logits: bool = True,
        batch_axis: int = 0,
        compute_full: bool = False,
        **kwargs: Any,
    ):
        super().__init__(weight, batch_axis, **kwargs)
        self._from_logits = from_logits
        self._compute_full = compute_full

    def forward(
        self,
        pred: Tensor,
        target: Tensor,
        sample_weight: Tensor | None = None,
        epsilon: float = 1e-8,
    ) -> Tensor:
        target = self._like(target, pred)
        if self._from_logits:
            loss = _each("exp", pred) - target * pred
        else:
            loss = pred - target * _each("log", pred + _epsilon(pred, epsilon))
        if self._compute_full:
            loss = loss + _log_factorial(target)
        return _weigh(loss, self._weight, sample_weight).mean()

    hybrid_forward = without_namespace(forward)


def _log_factorial(count: Tensor) -> Tensor:
    """Stirling's approximation for counts above 1, and 0 up to there."""
    above = count.clip(1, math.inf)  # where it does not count, its logarithm is finite
    value = above * unary_op("log", above) - above + unary_op("log", above * (2 * math.pi)) * 0.5
    return value * (count > 1).astype(count.dtype)


class CosineEmbeddingLoss(Loss):
    """The angle between two vectors that should be alike, or be at least so far apart.

    ``1 - cos`` for label 1, ``max(0, cos - margin)`` for label -1.

    Parameters
    ----------
    weight : float or None
        Factor of the loss.
    batch_axis : int
        Of no effect: examples are rows.
    margin : float
        Which cosine is far enough.

    Inputs
    ------
    input1, input2 : arrays of shape (N, size)
    label : array of N numbers, 1 or -1
    sample_weight : array, optional
        Broadcasts to (N, 1).

    Returns
    -------
    array of shape (N, 1)

    Notes
    -----
    The cosine with a vector of zeros is 0.

    Examples
    --------
    >>> from microlazy import gluon, nd
    >>> loss = gluon.loss.CosineEmbeddingLoss()
    >>> loss(nd.array([[1, 0], [1, 0]]), nd.array([[0, 2], [3, 0]]), nd.array([1, -1])).asnumpy()
    array([[1.],
           [1.]], dtype=float32)
    """

    def __init__(
        self, weight: float | None = None, batch_axis: int = 0, margin: float = 0, **kwargs: Any
    ):
        super().__init__(weight, batch_axis, **kwargs)
        self._margin = number_of(type(self).__name__, "margin", margin)

    def forward(
        self, input1: Tensor, input2: Tensor, label: Tensor, sample_weight: Tensor | None = None
    ) -> Tensor:
        if not isinstance(input1, Symbol):
            input2 = _as_array("CosineEmbeddingLoss", "input2", input2, input1, input1.dtype)
            label = _as_array("CosineEmbeddingLoss", "label", label, input2)
            rows = input2.size // max(input2.shape[-1], 1) if input2.ndim else 0
            if label.size != rows:
                raise ShapeError(
                    f"CosineEmbeddingLoss: {label.size} labels do not fit {rows} rows of inputs of "
                    f"shape {input2.shape}"
                )
        cosine = _cosine(self._like(input1, input2), input2)
        alike, apart = (_number(label.reshape((-1, 1)) == sign, cosine) for sign in (1, -1))
        far = _activated(cosine - self._margin, "relu")
        return _weigh((1 - cosine) * alike + far * apart, self._weight, sample_weight)

    hybrid_forward = without_namespace(forward)


def _number(truth: Any, like: Any) -> Any:
    """0 or 1, in the dtype of another array, which graphs find themselves."""
    return truth.astype(like.dtype) if isinstance(truth, Tensor) else truth


def _cosine(x: Tensor, y: Tensor) -> Tensor:
    """The cosine between rows, in one column; it and its gradient are 0 at a row of zeros."""
    squares = [(rows * rows).sum(axis=-1) for rows in (x, y)]
    least = _epsilon(x, 0.0) or float(numpy.finfo("float32").tiny)
    a, b = (_each("sqrt", square.clip(least, math.inf)) for square in squares)
    is_found = _number((squares[0] > 0) * (squares[1] > 0), x)
    cosine = (x * y).sum(axis=-1) * is_found / (a * b).clip(_epsilon(x), math.inf)
    return cosine.reshape((-1, 1))


class SDMLLoss(Loss):
    """Smoothed deep metric learning: of all rows of a batch, the one at the same place is nearest.

    The Kullback-Leibler divergence of a softmax over the negative squared distances of each row
    of `x1` from the rows of `x2`, to a distribution with most at the row's own place.

    Parameters
    ----------
    smoothing_parameter : float
        The part of the distribution that is spread over the other rows.
    weight : float or None
        Of no effect, as in MXNet.
    batch_axis : int
        Of no effect: examples are rows.

    Inputs
    ------
    x1, x2 : arrays of shape (N, size)

    Returns
    -------
    array of shape (N,)

    Raises
    ------
    ShapeError
        If the inputs are not of two axes and the same shape.

    Notes
    -----
    Bonadiman et al., "Large scale question paraphrase retrieval with smoothed deep metric
    learning", 2019.

    Examples
    --------
    >>> from microlazy import gluon, nd
    >>> x = nd.array([[0, 0], [9, 9]])
    >>> gluon.loss.SDMLLoss(smoothing_parameter=0)(x, x).asnumpy()
    array([0., 0.], dtype=float32)
    """

    def __init__(
        self,
        smoothing_parameter: float = 0.3,
        weight: float | None = 1.0,
        batch_axis: int = 0,
        **kwargs: Any,
    ):
        super().__init__(weight, batch_axis, **kwargs)
        self.kl_loss = KLDivLoss(from_logits=True)
        self.smoothing_parameter = number_of(
            type(self).__name__, "smoothing_parameter", smoothing_parameter
        )

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        x2 = _as_array("SDMLLoss", "x2", x2, x1, x1.dtype)
        if x1.ndim != 2 or x1.shape != x2.shape:
            raise ShapeError(
                f"SDMLLoss takes two arrays of the same shape (N, size), but got {x1.shape} and "
                f"{x2.shape}"
            )
        apart = _F.expand_dims(x1, 1) - _F.expand_dims(x2, 0)
        distances = (apart * apart).sum(axis=2)
        return self.kl_loss(log_softmax(-distances, 1), self._targets(x1))

    hybrid_forward = without_namespace(forward)

    def _targets(self, x: Tensor) -> Tensor:
        """The distribution that each row should have over the rows of the other input."""
        rows = x.shape[0]
        space = np if isinstance(x, np.ndarray) else nd
        rest = self.smoothing_parameter / max(rows - 1, 1)
        return space.eye(rows, dtype=x.dtype) * (1 - self.smoothing_parameter - rest) + rest


if not TYPE_CHECKING:  # a type checker would take it for a promise

    def __getattr__(name: str) -> Any:
        from ..foreign import missing

        raise missing(__name__, name, __all__)
