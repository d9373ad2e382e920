"""Losses: functions of `torch.nn.functional`."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy

from .... import numpy as np
from .... import numpy_extension as npx
from ....base import MXNetError
from ....core.ops.nn import softmax_cross_entropy
from .._size import Size
from .._tensor import Tensor, apply, apply_to_two, operation

A = Any  # an array of the core with NumPy's rules


def _reduced(losses: A, reduction: str) -> A:
    if reduction == "mean":
        return np.mean(losses)
    if reduction == "sum":
        return np.sum(losses)
    if reduction != "none":
        raise ValueError(f"{reduction} is not a valid value for reduction")
    return losses


_LONG = np.array(0, dtype="int64").dtype  # one object for all arrays of it


def _plain_cross_entropy(reduction: str) -> Callable[[A, A], A]:
    def call(scores: A, target: A) -> A:
        try:
            if target.dtype is not _LONG or target.ndim != scores.ndim - 1:
                raise MXNetError("the targets are no class numbers")
            losses = softmax_cross_entropy(scores, target, 0 if scores.ndim == 1 else 1)
        except (MXNetError, ValueError):  # probabilities, ignored targets, or what is refused
            return cross_entropy_of_arrays(scores, target, None, -100, reduction, 0.0)
        return losses.mean() if reduction == "mean" else _reduced(losses, reduction)

    return call


_PLAIN = {each: _plain_cross_entropy(each) for each in ("mean", "sum", "none")}


def cross_entropy_of_arrays(
    scores: A, target: A, weight: A | None, ignore_index: int, reduction: str, smoothing: float
) -> A:
    """Softmax cross-entropy; targets are class numbers or probabilities.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.dialects.torch.nn._losses import cross_entropy_of_arrays
    >>> target = np.array([0], dtype="int64")
    >>> cross_entropy_of_arrays(np.zeros((1, 2)), target, None, -100, "mean", 0.0)
    array(0.6931472)
    """
    axis = 0 if scores.ndim == 1 else 1
    if numpy.dtype(target.dtype).kind == "f":
        if target.shape != scores.shape:  # of which they would be probabilities
            check_kind(scores, target)
        classes = scores.shape[axis]
        target = target * (1 - smoothing) + smoothing / classes
        logs: A = npx.log_softmax(scores, axis=axis)
        if weight is not None:
            logs = logs * np.reshape(weight, (-1, *(1,) * (scores.ndim - axis - 1)))
        losses = -np.sum(logs * target, axis=axis)
        if reduction == "mean":  # over examples, whatever their weights
            return np.mean(losses)
        return _reduced(losses, reduction)
    logs = npx.log_softmax(scores, axis=axis)
    hard = nll_of_arrays(logs, target, weight, ignore_index, "none")
    scale, total = _weights(logs, target, weight, ignore_index, axis)
    by_class = (
        logs
        if weight is None
        else logs * np.reshape(weight, (-1, *(1,) * (scores.ndim - axis - 1)))
    )
    smooth = -np.sum(by_class, axis=axis) * (scale != 0).astype(logs.dtype)
    losses = (1 - smoothing) * hard + smoothing / scores.shape[axis] * smooth
    return losses.sum() / total if reduction == "mean" else _reduced(losses, reduction)


_KINDS = {
    "float64": "Double",
    "float32": "Float",
    "float16": "Half",
    "int32": "Int",
    "int8": "Char",
    "bool": "Bool",
}


def check_kind(scores: A, target: A) -> None:
    """Refuse targets that are no class numbers, in PyTorch's words.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.dialects.torch.nn._losses import check_kind
    >>> check_kind(np.zeros((1, 2)), np.ones(1))
    Traceback (most recent call last):
    RuntimeError: expected target dtype to be Long or Byte, but got Float
    """
    if scores.ndim <= 2 and target.ndim > 1:
        raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
    name = numpy.dtype(target.dtype).name
    if name not in ("int64", "uint8"):
        raise RuntimeError(f"expected target dtype to be Long or Byte, but got {_KINDS[name]}")


def check_classes(scores: A, target: A, axis: int) -> None:
    """Refuse targets that do not fit their scores, in PyTorch's words.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.dialects.torch.nn._losses import check_classes
    >>> check_classes(np.zeros((1, 2)), np.array([5], dtype="int64"), 1)
    Traceback (most recent call last):
    IndexError: Target 5 is out of bounds.
    """
    wanted = (*scores.shape[:axis], *scores.shape[axis + 1 :])
    if tuple(target.shape) != wanted:
        if axis and target.ndim and target.shape[0] != scores.shape[0]:
            raise ValueError(
                f"Expected input batch_size ({scores.shape[0]}) to match target batch_size "
                f"({target.shape[0]})."
            )
        raise RuntimeError(f"Expected target size {list(wanted)}, got {list(target.shape)}")
    if not target.is_abstract and target.size:
        least, most = int(target.min()), int(target.max())
        if least < 0 or most >= scores.shape[axis]:
            raise IndexError(f"Target {least if least < 0 else most} is out of bounds.")


def _weights(logs: A, target: A, weight: A | None, ignore: int, axis: int) -> tuple[A, A]:
    """What each example counts, and the sum of that."""
    counted = target != ignore
    scale = counted.astype(logs.dtype)
    if weight is not None:
        scale = scale * np.take(weight, np.where(counted, target, 0))
    return scale, np.sum(scale)


def nll_of_arrays(logs: A, target: A, weight: A | None, ignore_index: int, reduction: str) -> A:
    """The negative of what stands in the logarithms of probabilities at the targets."""
    axis = 0 if logs.ndim == 1 else 1
    check_kind(logs, target)
    counted = target != ignore_index
    places = np.where(counted, target, 0)
    check_classes(logs, places, axis)
    scale, total = _weights(logs, target, weight, ignore_index, axis)
    losses = -npx.pick(logs, places, axis=axis) * scale
    return losses.sum() / total if reduction == "mean" else _reduced(losses, reduction)


def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """The cross-entropy of scores and classes: -log softmax(input)[target].

    Parameters
    ----------
    input : Tensor
        Scores, of shape (n, classes, ...).
    target : Tensor
        Class numbers of shape (n, ...), or probabilities of the shape of `input`.
    weight : Tensor, optional
        How much each class counts.
    ignore_index : int
        A target that does not count.
    reduction : {"mean", "sum", "none"}
        What is made of the losses of the examples.
    label_smoothing : float
        The part of the target that is spread over all classes (Szegedy et al. 2016).

    Raises
    ------
    IndexError
        If a target is no class.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> from microlazy.dialects.torch.nn import functional as F
    >>> F.cross_entropy(torch.zeros(2, 4), torch.tensor([1, 3]))
    tensor(1.3863)
    """
    if weight is None and ignore_index == -100 and not label_smoothing and reduction in _PLAIN:
        return apply_to_two("NllLoss", _PLAIN[reduction], input, target)
    given = (input, target, weight, ignore_index, reduction, label_smoothing)
    return apply("NllLoss", cross_entropy_of_arrays, *given)


def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    """The negative logarithm of the probability of each target, given logarithms."""
    return apply("NllLoss", nll_of_arrays, input, target, weight, ignore_index, reduction)


def _warn_of_sizes(given: A, wanted: A) -> None:
    warnings.warn(
        f"Using a target size ({Size(given.shape)}) that is different to the input size "
        f"({Size(wanted.shape)}). This will likely lead to incorrect results due to broadcasting. "
        "Please ensure they have the same size.",
        stacklevel=5,
    )


def _refuse_sizes(given: A, wanted: A) -> None:
    raise ValueError(
        f"Target size ({Size(given.shape)}) must be the same as input size ({Size(wanted.shape)})"
    )


def _by_element(
    op: str,
    formula: Callable[..., A],
    doc: str,
    differ: Callable[[A, A], None] = _warn_of_sizes,
) -> Callable[..., Tensor]:
    """A loss that is a formula of each element and its target, of one size."""

    def losses(input: A, target: A, reduction: str, **numbers: float) -> A:
        if input.shape != target.shape:
            differ(target, input)
        return _reduced(formula(input, target, **numbers), reduction)

    def call(input: Tensor, target: Tensor, reduction: str = "mean", **numbers: float) -> Tensor:
        return apply(op, losses, input, target, reduction, **numbers)

    call.__doc__ = doc
    return call


def _huber(x: A, y: A, delta: float = 1.0) -> A:
    size = np.abs(x - y)
    return np.where(size < delta, 0.5 * size * size, delta * (size - 0.5 * delta))


def _smooth_l1(x: A, y: A, beta: float = 1.0) -> A:
    return np.abs(x - y) if beta == 0 else _huber(x, y, beta) / beta


def _bce(p: A, y: A) -> A:
    least = -100.0  # of logarithms, as in PyTorch
    return -(y * np.maximum(np.log(p), least) + (1 - y) * np.maximum(np.log(1 - p), least))


def _bce_with_logits(x: A, y: A) -> A:
    return np.maximum(x, 0) - x * y + np.log1p(np.exp(-np.abs(x)))


mse_loss = _by_element("MseLoss", lambda x, y: np.square(x - y), "The squares of differences.")
l1_loss = _by_element("L1Loss", lambda x, y: np.abs(x - y), "The sizes of differences.")
huber_loss = _by_element("HuberLoss", _huber, "Squares of small differences, sizes of others.")
smooth_l1_loss = _by_element("SmoothL1Loss", _smooth_l1, "`huber_loss` divided by its bound.")
binary_cross_entropy = _by_element(
    "BinaryCrossEntropy",
    _bce,
    "The cross-entropy of probabilities and targets from 0 to 1.",
    _refuse_sizes,
)
binary_cross_entropy_with_logits = _by_element(
    "BinaryCrossEntropyWithLogits",
    _bce_with_logits,
    "The cross-entropy of sigmoid(input) and targets from 0 to 1.",
    _refuse_sizes,
)


@operation("KlDiv")
def kl_div(input: A, target: A, reduction: str = "mean", log_target: bool = False) -> A:
    """target (log(target) - input), the divergence from a distribution given by its logarithms."""
    if log_target:
        losses = np.exp(target) * (target - input)
    else:
        safe = np.where(target > 0, target, 1.0)
        losses = np.where(target > 0, target * np.log(safe), 0.0) - target * input
    if reduction == "batchmean":
        return np.sum(losses) / input.shape[0]
    return _reduced(losses, reduction)
