"""Connectionist temporal classification (Graves et al. 2006).

The probability of all alignments of a label sequence to an output sequence, by the recursions over
the label with blanks between its classes: forward (equation 6) for the loss, forward and backward
(equation 10) for its gradient (equation 16). All sequences of a batch are worked on together.
"""

from typing import Any

import numpy

from microlazy.base import MXNetError, ShapeError
from microlazy.core import functions as f
from microlazy.core.ops.numpy_call import call
from microlazy.core.tensor import Tensor
from microlazy.ops.arguments import op
from microlazy.ops.checks import check_arrays, check_shapes, required
from microlazy.ops.precision import at_least_single


def _log_softmax(x: numpy.ndarray) -> numpy.ndarray:
    shifted = x - x.max(-1, keepdims=True)
    return shifted - numpy.log(numpy.exp(shifted).sum(-1, keepdims=True))


def _lengths_of_labels(labels: numpy.ndarray, padding: int) -> numpy.ndarray:
    """Labels end before the first padding."""
    ends = labels == padding
    if not labels.shape[1]:
        return numpy.zeros(len(labels), int)
    return numpy.where(ends.any(1), ends.argmax(1), labels.shape[1])


class _Lattice:
    """The states of the recursions: blank, class, blank, class, ..., blank, for each sequence."""

    def __init__(
        self,
        data: numpy.ndarray,
        labels: numpy.ndarray,
        data_lengths: numpy.ndarray,
        label_lengths: numpy.ndarray,
        *,
        blank_first: bool,
    ) -> None:
        self.steps, self.batch, classes = data.shape
        self.times = data_lengths.astype(int)
        labels = labels.astype(int)
        padding = 0 if blank_first else -1
        if not label_lengths.size:
            self.sizes = _lengths_of_labels(labels, padding)
        else:
            self.sizes = label_lengths.astype(int)
        for what, lengths, most in (
            ("data_lengths", self.times, self.steps),
            ("label_lengths", self.sizes, labels.shape[1]),
        ):
            if lengths.size and not 0 <= lengths.min() <= lengths.max() <= most:
                raise ValueError(f"ctc_loss: {what} must be from 0 to {most}, not {lengths}")
        blank = 0 if blank_first else classes - 1
        width = 2 * labels.shape[1] + 1
        self.classes = numpy.full((self.batch, width), blank)
        inside = numpy.arange(labels.shape[1]) < self.sizes[:, None]
        used = labels[inside]
        if used.size and not (used.min() >= 0 and used.max() < classes and (used != blank).all()):
            raise ValueError(
                f"ctc_loss: labels must be classes of 0 to {classes - 1} but not the blank, {blank}"
            )
        self.classes[:, 1::2] = numpy.where(inside, labels, blank)
        # A class may follow another directly, without a blank between, if it is not the same.
        self.jumps = numpy.zeros((self.batch, width), bool)
        self.jumps[:, 3::2] = self.classes[:, 3::2] != self.classes[:, 1:-2:2]
        self.log_p = _log_softmax(data.astype("float64"))
        self.rows = numpy.arange(self.batch)
        self.emitted = self.log_p[:, self.rows[:, None], self.classes]

    def forward(self) -> numpy.ndarray:
        """log alpha: of all beginnings that are in a state at a step."""
        alpha = numpy.full(self.emitted.shape, -numpy.inf)
        alpha[0, :, :2] = self.emitted[0, :, :2]
        for t in range(1, self.steps):
            before = alpha[t - 1]
            total = before.copy()
            total[:, 1:] = numpy.logaddexp(total[:, 1:], before[:, :-1])
            skipped = numpy.where(self.jumps[:, 2:], before[:, :-2], -numpy.inf)
            total[:, 2:] = numpy.logaddexp(total[:, 2:], skipped)
            alpha[t] = total + self.emitted[t]
        return alpha

    def backward(self) -> numpy.ndarray:
        """log beta: of all endings that follow a state at a step."""
        beta = numpy.full(self.emitted.shape, -numpy.inf)
        final = numpy.full(self.classes.shape, -numpy.inf)
        final[self.rows, 2 * self.sizes] = 0
        final[self.rows[self.sizes > 0], 2 * self.sizes[self.sizes > 0] - 1] = 0
        for t in reversed(range(self.steps)):
            total = numpy.full_like(final, -numpy.inf)
            if t + 1 < self.steps:
                after = beta[t + 1] + self.emitted[t + 1]
                total[:] = after
                total[:, :-1] = numpy.logaddexp(total[:, :-1], after[:, 1:])
                skipped = numpy.where(self.jumps[:, 2:], after[:, 2:], -numpy.inf)
                total[:, :-2] = numpy.logaddexp(total[:, :-2], skipped)
            ends, over = (self.times - 1 == t)[:, None], (self.times - 1 < t)[:, None]
            beta[t] = numpy.where(ends, final, numpy.where(over, -numpy.inf, total))
        return beta

    def log_likelihood(self, alpha: numpy.ndarray) -> numpy.ndarray:
        """The logarithm of each label's probability."""
        last = alpha[self.times - 1, self.rows]
        end = last[self.rows, 2 * self.sizes]
        before = last[self.rows, numpy.maximum(2 * self.sizes - 1, 0)]
        total = numpy.logaddexp(end, numpy.where(self.sizes > 0, before, -numpy.inf))
        return numpy.where(self.times > 0, total, -numpy.inf)


def _losses(data: numpy.ndarray, *label: numpy.ndarray, blank_first: bool) -> numpy.ndarray:
    lattice = _Lattice(data, *label, blank_first=blank_first)
    likelihood = lattice.log_likelihood(lattice.forward())
    return numpy.where(numpy.isfinite(likelihood), -likelihood, 0.0).astype(data.dtype)


def _slopes(data: numpy.ndarray, *label: numpy.ndarray, blank_first: bool) -> numpy.ndarray:
    """The gradient of each loss by its sequence's data."""
    lattice = _Lattice(data, *label, blank_first=blank_first)
    alpha = lattice.forward()
    likelihood = lattice.log_likelihood(alpha)
    possible = numpy.isfinite(likelihood)
    shares = numpy.exp(alpha + lattice.backward() - numpy.where(possible, likelihood, 0)[:, None])
    out = numpy.exp(lattice.log_p)
    for state in range(shares.shape[2]):
        out[:, lattice.rows, lattice.classes[:, state]] -= shares[:, :, state]
    out *= (possible & (numpy.arange(lattice.steps)[:, None] < lattice.times))[:, :, None]
    return out.astype(data.dtype)


def _of_batch(data: Tensor, *rest: Tensor, blank_first: bool) -> tuple[tuple[int, ...], Any]:
    return data.shape[1:2], data.dtype


def _of_data(data: Tensor, *rest: Tensor, blank_first: bool) -> tuple[tuple[int, ...], Any]:
    return data.shape, data.dtype


def _gradient(g: Tensor, y: Tensor, *arrays: Tensor, blank_first: bool) -> Tensor:
    slopes = call(_slopes, arrays, {"blank_first": blank_first}, result=_of_data)
    return slopes * f.reshape(g, (1, -1, 1))


@op
@at_least_single
def ctc_loss(
    data: Tensor,
    label: Tensor,
    data_lengths: Tensor | None = None,
    label_lengths: Tensor | None = None,
    use_data_lengths: bool = False,
    use_label_lengths: bool = False,
    blank_label: str = "first",
) -> Tensor:
    """Return -log of the probability of each label sequence, over all its alignments.

    Parameters
    ----------
    data : array, shape (steps, batch, classes)
        Scores, before the softmax.
    label : array, shape (batch, length)
        Classes. Without lengths a sequence ends before the first 0 (blank first) or -1 (blank
        last).
    data_lengths, label_lengths : array, shape (batch,), optional
        They count with `use_data_lengths` and `use_label_lengths`; if only the second is used, it
        may be given as the first.
    blank_label : {'first', 'last'}
        Whether the blank is class 0 or the last.

    Returns
    -------
    array, shape (batch,)
        0, with gradient 0, for a label that the data is too short for.

    Notes
    -----
    Graves et al., "Connectionist temporal classification", 2006. It has a first gradient only.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.ctc_loss(np.zeros((2, 1, 2)), np.array([[1]])).round(4)
    array([0.2877])
    """
    if use_label_lengths and label_lengths is None and not use_data_lengths:
        data_lengths, label_lengths = None, data_lengths
    if use_data_lengths:
        required("ctc_loss", "data_lengths", data_lengths)
    if use_label_lengths:
        required("ctc_loss", "label_lengths", label_lengths)
    data_lengths = data_lengths if use_data_lengths else None
    label_lengths = label_lengths if use_label_lengths else None
    if blank_label not in ("first", "last"):
        raise MXNetError(f"ctc_loss: blank_label is 'first' or 'last', not {blank_label!r}")
    check_arrays("ctc_loss", label=label)
    if data.ndim != 3 or not data.shape[0] or label.shape[:-1] != data.shape[1:2]:
        raise ShapeError(
            "ctc_loss: expected data of shape (steps, batch, classes) and labels of shape (batch, "
            f"length), got {data.shape} and {label.shape}"
        )
    face, batch = f.face_of(data), data.shape[1]
    if data_lengths is None:
        data_lengths = f.new_array(face, (batch,), "int64", data.shape[0])
    if label_lengths is None:
        label_lengths = f.new_array(face, (0,), "int64", 0)  # from the padding
    else:
        check_shapes("ctc_loss", (batch,), label_lengths=label_lengths)
    check_shapes("ctc_loss", (batch,), data_lengths=data_lengths)
    return call(
        _losses,
        [data, label, data_lengths, label_lengths],
        {"blank_first": blank_label == "first"},
        (_gradient, None, None, None),
        result=_of_batch,
        once=True,
    )
