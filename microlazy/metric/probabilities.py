"""Metrics of predicted probabilities of classes."""

from __future__ import annotations

import math

import numpy

from .base import Mean, Names, Reading, alias, check_label_shapes, register, sum_of

__all__ = ["CrossEntropy", "NegativeLogLikelihood", "Perplexity"]


def _of_labels(name: str, pred: numpy.ndarray, label: numpy.ndarray) -> numpy.ndarray:
    """From each row of probabilities the one of its label."""
    check_label_shapes(label, pred)
    label = label.astype(numpy.int64)
    classes = pred.shape[1]
    # As unsigned numbers the negative ones are the largest: one pass finds both kinds.
    if label.size and numpy.maximum.reduce(label.view(numpy.uint64)) >= classes:
        raise IndexError(
            f"{name}: a label is a class from 0 to {classes - 1}, "
            f"but there are labels from {label.min()} to {label.max()}"
        )
    return pred[numpy.arange(label.size), label]


@register
@alias("ce")
class CrossEntropy(Mean):
    """The mean of ``-log(p + eps)``, where p is the predicted probability of the label.

    Parameters
    ----------
    eps : float
        So that no logarithm is infinite.
    name : str
    output_names, label_names : list of str, optional
        Which arrays `update_dict` takes.

    Notes
    -----
    Predictions are (examples, classes), labels as many classes as there are examples.

    Examples
    --------
    >>> from microlazy import metric, nd
    >>> entropy = metric.CrossEntropy()
    >>> entropy.update(nd.array([0, 1]), nd.array([[0.5, 0.5], [0.75, 0.25]]))
    >>> round(entropy.get()[1], 4)
    1.0397
    """

    def __init__(
        self,
        eps: float = 1e-12,
        name: str = "cross-entropy",
        output_names: Names = None,
        label_names: Names = None,
    ) -> None:
        super().__init__(name, output_names, label_names, eps=eps)
        self.eps = eps

    def _measure(self, label: numpy.ndarray, pred: numpy.ndarray) -> tuple[float, int]:
        if pred.ndim != 2:
            raise ValueError(
                f"{self.name}: predictions are (examples, classes), but the shape is {pred.shape}"
            )
        chosen = _of_labels(self.name, pred, label.ravel())
        return -sum_of(numpy.log(chosen + self.eps)), chosen.size


@register
@alias("nll_loss")
class NegativeLogLikelihood(CrossEntropy):
    """`CrossEntropy` under its other name.

    Parameters
    ----------
    eps, name, output_names, label_names
        As for `CrossEntropy`.

    Examples
    --------
    >>> from microlazy import metric
    >>> metric.NegativeLogLikelihood().name
    'nll-loss'
    """

    def __init__(
        self,
        eps: float = 1e-12,
        name: str = "nll-loss",
        output_names: Names = None,
        label_names: Names = None,
    ) -> None:
        super().__init__(eps, name, output_names, label_names)


@register
class Perplexity(Mean):
    """The exponential of the mean of ``-log p``, where p is the predicted probability of the label.

    It is the number of equally likely words among which a language model hesitates.

    Parameters
    ----------
    ignore_label : int or None
        A label that does not count, such as that of padding.
    axis : int
        The axis of the classes.
    name : str
    output_names, label_names : list of str, optional
        Which arrays `update_dict` takes.

    Notes
    -----
    A probability below 1e-10 counts as 1e-10.

    Examples
    --------
    >>> from microlazy import metric, nd
    >>> perplexity = metric.Perplexity(ignore_label=None)
    >>> perplexity.update(nd.array([0, 1]), nd.array([[0.25, 0.75], [0.75, 0.25]]))
    >>> round(perplexity.get()[1], 4)
    4.0
    """

    def __init__(
        self,
        ignore_label: int | None,
        axis: int = -1,
        name: str = "perplexity",
        output_names: Names = None,
        label_names: Names = None,
    ) -> None:
        super().__init__(name, output_names, label_names, ignore_label=ignore_label, axis=axis)
        self.ignore_label = ignore_label
        self.axis = axis

    def _measure(self, label: numpy.ndarray, pred: numpy.ndarray) -> tuple[float, int]:
        if self.axis not in (-1, pred.ndim - 1):
            pred = numpy.moveaxis(pred, self.axis, -1)
        pred, label = pred.reshape(-1, pred.shape[-1]), label.ravel()
        check_label_shapes(label, pred)
        if self.ignore_label is not None:
            counted = label != self.ignore_label
            pred, label = pred[counted], label[counted]
        chosen = _of_labels(self.name, pred, label)
        return -sum_of(numpy.log(numpy.maximum(chosen, 1e-10))), chosen.size

    def get(self) -> Reading:
        name, mean = super().get()
        return name, math.exp(mean)

    def get_global(self) -> Reading:
        name, mean = super().get_global()
        return name, math.exp(mean)
