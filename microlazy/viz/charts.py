"""Charts of training, of parameters and of predictions, by matplotlib."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy

from ..gluon.block import Block

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["plot_confusion", "plot_histograms", "plot_training"]


def _figure(width: float, height: float) -> Figure:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(
            f"charts need matplotlib ({error}): pip install 'microlazy[viz]'"
        ) from error
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    layout = ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.1)  # inches around each chart
    return Figure(figsize=(width, height), layout=layout)


def plot_training(history: Any) -> Figure:
    """Draw how metrics went from epoch to epoch: one chart for each, training and validation in it.

    Parameters
    ----------
    history : HistoryHandler, or dict of name to sequence of float
        Values by metric. Names that differ by 'training' and 'validation' in front share a chart.

    Returns
    -------
    matplotlib.figure.Figure
        Its `savefig` writes a file.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If there are no values.

    Examples
    --------
    >>> losses = {"training loss": [3.0, 2.0, 1.5], "validation loss": [3.1, 2.2, 1.9]}
    >>> figure = plot_training(losses)
    >>> [line.get_label() for line in figure.axes[0].lines]
    ['training', 'validation']
    """
    values: Mapping[str, Sequence[float]] = getattr(history, "values", history)
    if callable(values):  # of a dict
        values = history
    if not values:
        raise ValueError("there are no values to draw: history is empty")
    charts: dict[str, list[tuple[str, Sequence[float]]]] = {}
    for name, line in values.items():
        part, _, rest = name.partition(" ")
        known = part in ("training", "validation") and rest
        charts.setdefault(rest if known else name, []).append((part if known else name, line))
    figure = _figure(5 * len(charts), 3.5)
    for axes, (title, lines) in zip(
        figure.subplots(1, len(charts), squeeze=False)[0], charts.items(), strict=True
    ):
        for label, line in lines:
            axes.plot(range(1, len(line) + 1), line, label=label, marker=".")
        axes.set(title=title, xlabel="epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
        if len(lines) > 1:
            axes.legend()
    return figure


def plot_histograms(net: Block, of: str = "weight", bins: int = 50, columns: int = 3) -> Figure:
    """Draw how the numbers of each parameter, or those of its gradient, are spread.

    Parameters
    ----------
    net : Block
        Whose parameters have values.
    of : {'weight', 'gradient'}
        Which of the two.
    bins : int
        How many bars each histogram has.
    columns : int
        How many charts stand side by side.

    Returns
    -------
    matplotlib.figure.Figure
        Its `savefig` writes a file.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If `of` is neither, or no parameter has values.

    Examples
    --------
    >>> from microlazy.gluon import nn
    >>> layer = nn.Dense(3, in_units=4)
    >>> layer.initialize()
    >>> [axes.get_title() for axes in plot_histograms(layer).axes]
    ['weight', 'bias']
    """
    if of not in ("weight", "gradient"):
        raise ValueError(f"of must be 'weight' or 'gradient', but it is {of!r}")
    arrays = {}
    for path, parameter in net._collect_params_with_prefix().items():
        if parameter.state == "live" and (of == "weight" or parameter.grad_req != "null"):
            array = parameter.data() if of == "weight" else parameter.grad()
            arrays[path] = array.asnumpy().ravel()
    if not arrays:
        raise ValueError(f"{net.name} has no parameter with a {of} to draw")
    columns = min(columns, len(arrays))
    rows = -(-len(arrays) // columns)
    figure = _figure(4 * columns, 2.5 * rows)
    places = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, (path, numbers) in zip(places, arrays.items(), strict=False):
        finite = numbers[numpy.isfinite(numbers)]
        axes.hist(finite, bins=bins)
        axes.locator_params(axis="x", nbins=4)
        lost = len(numbers) - len(finite)
        axes.set_title(path + (f" ({lost} not finite)" if lost else ""), fontsize=10)
    for axes in places[len(arrays) :]:
        axes.remove()
    figure.supxlabel(of)
    return figure


def plot_confusion(labels: Any, predictions: Any, classes: Sequence[Any] | None = None) -> Figure:
    """Draw how often each class was taken for each.

    Parameters
    ----------
    labels : array-like of int
        The true classes, numbered from 0.
    predictions : array-like
        The predicted classes, or scores of shape (samples, classes).
    classes : sequence, optional
        Their names; by default their numbers.

    Returns
    -------
    matplotlib.figure.Figure
        Rows are true, columns predicted classes; its `savefig` writes a file.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    ValueError
        If labels and predictions are not equally many, or a number is no class.

    Examples
    --------
    >>> figure = plot_confusion([0, 1, 1], [0, 1, 0], ["cat", "dog"])
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['1', '0', '1', '1']
    """
    true, predicted = (numpy.asarray(numbers) for numbers in (labels, predictions))
    if predicted.ndim == 2 and true.ndim == 1:
        scores = predicted
        predicted = scores.argmax(axis=1)
        classes = range(scores.shape[1]) if classes is None else classes
    true, predicted = (numbers.ravel().astype("int64") for numbers in (true, predicted))
    if len(true) != len(predicted) or not len(true):
        raise ValueError(f"{len(true)} labels do not fit {len(predicted)} predictions")
    highest, lowest = max(true.max(), predicted.max()), min(true.min(), predicted.min())
    names = range(highest + 1) if classes is None else classes
    if lowest < 0 or highest >= len(names):
        wrong = lowest if lowest < 0 else highest
        raise ValueError(f"{wrong} is no class: there are {len(names)}, numbered from 0")
    counts = numpy.zeros((len(names), len(names)), "int64")
    numpy.add.at(counts, (true, predicted), 1)
    size = max(3.5, 0.5 * len(names) + 1.5)
    figure = _figure(size + 1, size)
    axes = figure.subplots()
    shares = counts / numpy.maximum(counts.sum(axis=1, keepdims=True), 1)
    picture = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(picture, ax=axes, label="share of the true class", shrink=0.8)
    for (row, column), count in numpy.ndenumerate(counts):
        colour = "white" if shares[row, column] > 0.5 else "black"
        axes.text(column, row, str(count), ha="center", va="center", color=colour)
    places = range(len(names))
    texts = [str(name) for name in names]
    axes.set_xticks(places, texts, rotation=90 if max(map(len, texts)) > 3 else 0)
    axes.set_yticks(places, texts)
    axes.set(xlabel="predicted", ylabel="true")
    return figure
