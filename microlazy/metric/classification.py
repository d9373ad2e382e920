"""Metrics of predicted classes."""

from __future__ import annotations

import math

import numpy

from .base import FromStatistics, Mean, Names, alias, check_label_shapes, register

__all__ = ["F1", "MCC", "PCC", "Accuracy", "BinaryAccuracy", "Fbeta", "TopKAccuracy"]


def _classes(array: numpy.ndarray) -> numpy.ndarray:
    """Classes as integers, in one axis."""
    return array.astype(numpy.int32, copy=False).ravel()


@register
@alias("acc")
class Accuracy(Mean):
    """The part of the examples whose class is predicted right.

    Parameters
    ----------
    axis : int
        The axis of the classes.
    name : str
    output_names, label_names : list of str, optional
        Which arrays `update_dict` takes.

    Notes
    -----
    Predictions are scores of the classes, of which the largest counts; or, in the shape of the
    labels, the classes themselves.

    Examples
    --------
    >>> from microlazy import metric, nd
    >>> accuracy = metric.Accuracy()
    >>> accuracy.update(nd.array([0, 1, 1]), nd.array([[0.3, 0.7], [0, 1.0], [0.4, 0.6]]))
    >>> accuracy.get()
    ('accuracy', 0.6666666666666666)
    """

    def __init__(
        self,
        axis: int = 1,
        name: str = "accuracy",
        output_names: Names = None,
        label_names: Names = None,
    ) -> None:
        super().__init__(name, output_names, label_names, axis=axis)
        self.axis = axis

    def _measure(self, label: numpy.ndarray, pred: numpy.ndarray) -> tuple[float, int]:
        if pred.shape != label.shape:
            if not -pred.ndim <= self.axis < pred.ndim:
                raise ValueError(
                    f"{self.name}: predictions of shape {pred.shape} have neither classes along "
                    f"axis {self.axis} nor the shape {label.shape} of the labels, which come first"
                )
            pred = pred.argmax(self.axis)
        label, pred = _classes(label), _classes(pred)
        check_label_shapes(label, pred)
        return int(numpy.count_nonzero(label == pred)), label.size


@register
@alias("top_k_accuracy", "top_k_acc")
class TopKAccuracy(Mean):
    """The part of the examples whose class is among the `top_k` with the largest scores.

    Parameters
    ----------
    top_k : int
        More than 1; for 1 there is `Accuracy`.
    name : str
        It is followed by the number.
    output_names, label_names : list of str, optional
        Which arrays `update_dict` takes.

    Raises
    ------
    ValueError
        If `top_k` is less than 2 or more than there are classes.

    Examples
    --------
    >>> from microlazy import metric, nd
    >>> top = metric.TopKAccuracy(top_k=2)
    >>> top.update(nd.array([2, 1]), nd.array([[0.5, 0.2, 0.3], [0.6, 0.1, 0.3]]))
    >>> top.get()
    ('top_k_accuracy_2', 0.5)
    """

    def __init__(
        self,
        top_k: int = 1,
        name: str = "top_k_accuracy",
        output_names: Names = None,
        label_names: Names = None,
    ) -> None:
        if top_k <= 1:
            raise ValueError(f"top_k must be 2 or more, but it is {top_k}; Accuracy is the first")
        super().__init__(name, output_names, label_names, top_k=top_k)
        self.top_k = top_k
        self.name += f"_{top_k}"

    def get_config(self) -> dict:
        config = super().get_config()
        return config | {"name": self.name.removesuffix(f"_{self.top_k}")}

    def _measure(self, label: numpy.ndarray, pred: numpy.ndarray) -> tuple[float, int]:
        if pred.ndim != 2 or pred.shape[1] < self.top_k:
            raise ValueError(
                f"{self.name}: predictions are (examples, classes), at least {self.top_k} classes, "
                f"but the shape is {pred.shape}"
            )
        label = _classes(label)
        check_label_shapes(label, pred)
        best = numpy.argpartition(pred, -self.top_k, axis=1)[:, -self.top_k :]
        return int(numpy.count_nonzero(best == label[:, None])), label.size


@register
class BinaryAccuracy(Mean):
    """The part of right predictions, where each is the probability of yes.

    Parameters
    ----------
    name : str
    output_names, label_names : list of str, optional
        Which arrays `update_dict` takes.
    threshold : float
        Above it the prediction is yes.

    Notes
    -----
    Labels are 0 and 1, in the shape of the predictions; there may be several for each example.

    Examples
    --------
    >>> from microlazy import metric, nd
    >>> accuracy = metric.BinaryAccuracy(threshold=0.6)
    >>> accuracy.update(nd.array([1, 0, 1]), nd.array([0.7, 0.65, 0.9]))
    >>> accuracy.get()
    ('binary_accuracy', 0.6666666666666666)
    """

    def __init__(
        self,
        name: str = "binary_accuracy",
        output_names: Names = None,
        label_names: Names = None,
        threshold: float = 0.5,
    ) -> None:
        super().__init__(name, output_names, label_names, threshold=threshold)
        self.threshold = threshold

    def _measure(self, label: numpy.ndarray, pred: numpy.ndarray) -> tuple[float, int]:
        label = _classes(label)
        yes = pred.ravel() > self.threshold
        check_label_shapes(label, yes)
        return int(numpy.count_nonzero(yes == label)), label.size


class _Binary(FromStatistics):
    """A function of how many examples of class 1, and of all others, are predicted as which.

    The statistics are the counts of [true negatives, false positives, false negatives, true
    positives].
    """

    threshold = 0.5

    def _nothing(self) -> numpy.ndarray:
        return numpy.zeros(4, numpy.int64)

    def _statistics(self, label: numpy.ndarray, pred: numpy.ndarray) -> numpy.ndarray:
        check_label_shapes(label, pred)
        label = _classes(label)
        others = label[label != 1]
        if others.size and (others != others[0]).any():
            raise ValueError(f"{self.name} is for two classes, but there are more labels")
        scores = pred.ndim == 2 and pred.shape[1] != 1
        yes = pred.argmax(1) == 1 if scores else pred.ravel() > self.threshold
        check_label_shapes(label, yes)
        return numpy.bincount(2 * (label == 1) + yes, minlength=4)


@register
class Fbeta(_Binary):
    """The F score of two classes: of precision and recall, the weighted harmonic mean.

    ``(1 + beta**2) * precision * recall / (beta**2 * precision + recall)``, and 0 where there is
    nothing to divide by (van Rijsbergen, "Information Retrieval", 1979).

    Parameters
    ----------
    name : str
    output_names, label_names : list of str, optional
        Which arrays `update_dict` takes.
    beta : float
        How much more recall counts than precision.
    threshold : float
        Above it a probability means class 1.
    average : {"micro", "macro"}
        Of all examples together, or the mean over batches.

    Notes
    -----
    Predictions are scores of shape (examples, 2), or probabilities of class 1, of shape (examples,)
    or (examples, 1).

    Examples
    --------
    >>> from microlazy import metric, nd
    >>> score = metric.Fbeta(beta=2)
    >>> score.update(nd.array([0, 1, 1]), nd.array([0.7, 0.9, 0.1]))
    >>> score.get()
    ('fbeta', 0.5)
    """

    def __init__(
        self,
        name: str = "fbeta",
        output_names: Names = None,
        label_names: Names = None,
        beta: float = 1,
        threshold: float = 0.5,
        average: str = "micro",
    ) -> None:
        self.beta = beta
        self.threshold = threshold
        super().__init__(name, output_names, label_names, average)
        self._kwargs |= {"beta": beta, "threshold": threshold, "average": average}

    def _value(self, statistics: numpy.ndarray) -> float:
        _, false_positives, false_negatives, true_positives = map(int, statistics)
        square = self.beta**2
        hits = (1 + square) * true_positives
        return hits / (hits + square * false_negatives + false_positives) if hits else 0.0


@register
class F1(Fbeta):
    """The F1 score of two classes: the harmonic mean of precision and recall.

    Parameters
    ----------
    name : str
    output_names, label_names : list of str, optional
        Which arrays `update_dict` takes.
    average : {"macro", "micro"}
        The mean over batches, or of all examples together.

    Notes
    -----
    Predictions are as for `Fbeta`.

    Examples
    --------
    >>> from microlazy import metric, nd
    >>> score = metric.F1()
    >>> score.update(nd.array([0, 1, 1]), nd.array([[0.3, 0.7], [0, 1.0], [0.4, 0.6]]))
    >>> score.get()
    ('f1', 0.8)
    """

    def __init__(
        self,
        name: str = "f1",
        output_names: Names = None,
        label_names: Names = None,
        average: str = "macro",
    ) -> None:
        super().__init__(name, output_names, label_names, average=average)
        self._kwargs = {"average": average}


@register
class MCC(_Binary):
    """Matthews' correlation coefficient of two classes, from -1 to 1.

    (Matthews, "Comparison of the predicted and observed secondary structure of T4 phage lysozyme",
    1975.) A sum of the table that is zero is left out of the divisor.

    Parameters
    ----------
    name : str
    output_names, label_names : list of str, optional
        Which arrays `update_dict` takes.
    average : {"macro", "micro"}
        The mean over batches, or of all examples together.

    Notes
    -----
    Predictions are as for `Fbeta`.

    Examples
    --------
    >>> from microlazy import metric, nd
    >>> mcc = metric.MCC()
    >>> mcc.update(nd.array([0, 1, 1, 0]), nd.array([0.1, 0.9, 0.8, 0.7]))
    >>> round(mcc.get()[1], 4)
    0.5774
    """

    def __init__(
        self,
        name: str = "mcc",
        output_names: Names = None,
        label_names: Names = None,
        average: str = "macro",
    ) -> None:
        super().__init__(name, output_names, label_names, average)
        self._kwargs = {"average": average}

    def _value(self, statistics: numpy.ndarray) -> float:
        tn, fp, fn, tp = map(int, statistics)
        sums = (tp + fp, tp + fn, tn + fp, tn + fn)
        return (tp * tn - fp * fn) / math.sqrt(math.prod(s for s in sums if s))


@register
class PCC(FromStatistics):
    """The correlation of labels and predictions of any number of classes, of all examples together.

    For two classes it is `MCC`; 1 is the best (Gorodkin, "Comparing two K-category assignments by a
    K-category correlation coefficient", 2004). NaN when all labels, or all predictions, are one
    class.

    Parameters
    ----------
    name : str
    output_names, label_names : list of str, optional
        Which arrays `update_dict` takes.

    Notes
    -----
    Predictions are scores of shape (examples, classes), or classes in the shape of the labels.

    Examples
    --------
    >>> from microlazy import metric, nd
    >>> pcc = metric.PCC()
    >>> pcc.update(nd.array([0, 1, 2, 2]), nd.array([0, 1, 2, 1]))
    >>> round(pcc.get()[1], 4)
    0.7
    """

    def __init__(
        self, name: str = "pcc", output_names: Names = None, label_names: Names = None
    ) -> None:
        super().__init__(name, output_names, label_names, "micro")

    def _nothing(self) -> numpy.ndarray:
        return numpy.zeros((2, 2), numpy.int64)

    def _statistics(self, label: numpy.ndarray, pred: numpy.ndarray) -> numpy.ndarray:
        if pred.shape != label.shape:
            pred = pred.argmax(1)
        label, pred = _classes(label), _classes(pred)
        check_label_shapes(label, pred)
        if not label.size:
            return self._nothing()
        least = min(int(label.min()), int(pred.min()))
        if least < 0:
            raise ValueError(f"{self.name}: classes are counted from 0, but one is {least}")
        classes = max(int(label.max()), int(pred.max())) + 1
        cells = numpy.bincount(pred.astype(numpy.int64) * classes + label, minlength=classes**2)
        return cells.reshape(classes, classes)

    def _merge(self, one: numpy.ndarray, other: numpy.ndarray) -> numpy.ndarray:
        if len(one) < len(other):
            one, other = other, one
        merged = one.copy()
        merged[: len(other), : len(other)] += other
        return merged

    def _value(self, statistics: numpy.ndarray) -> float:
        total = float(statistics.sum())
        x, y = statistics.sum(1) / (total or 1), statistics.sum(0) / (total or 1)
        spread = (1 - (x**2).sum()) * (1 - (y**2).sum())
        if not total or spread <= 0:
            return float("nan")
        return float((statistics.trace() / total - (x * y).sum()) / math.sqrt(spread))
