"""A picture of a plan: which step's result is in which buffer, and for how long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..gluon import HybridBlock
from .charts import _figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["plot_plan"]


def plot_plan(net: HybridBlock, *args: Any) -> Figure:
    """Draw a plan's buffers over its steps: a bar for each result, from its step to its last use.

    Parameters
    ----------
    net : HybridBlock
        The network.
    *args : Tensor
        As in a call. Under `autograd.record()` it is the plan of training.

    Returns
    -------
    matplotlib.figure.Figure
        Steps go from left to right, buffers from top to bottom, each as high as it is large; below
        a step's op are the fusions made there. Its `savefig` writes a file.

    Raises
    ------
    ImportError
        If matplotlib is not installed.
    TypeError
        If `net` is no HybridBlock.
    AbstractValueError
        If there can be no plan.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.gluon import nn
    >>> net = nn.HybridLambda(lambda F, x: F.tanh(F.exp(x) + 1) * 2)
    >>> figure = plot_plan(net, nd.ones((2, 3)))
    >>> [text.get_text().splitlines() for text in figure.axes[0].texts]
    [['0 exp+add+tanh+multiply', '4 ops in one pass']]
    """
    if not isinstance(net, HybridBlock):
        raise TypeError(f"plot_plan draws a HybridBlock, not {type(net).__name__}")
    table = net.plan(*args)
    count, largest = len(table.steps), max(table.buffers, default=0)
    heights = [max(size / max(largest, 1), 0.15) for size in table.buffers]
    tops = [sum(heights[:number]) for number in range(len(heights))]
    figure = _figure(max(5.0, min(0.8 * count + 2, 60.0)), max(2.5, sum(heights) + 1.5))
    axes = figure.subplots()
    for step in table.steps:
        if step.buffer is None or step.view:
            continue
        end = count if step.until is None else step.until + 1
        scale = heights[step.buffer] / max(table.buffers[step.buffer], 1)
        top, height = tops[step.buffer] + scale * step.offset, scale * step.bytes
        axes.barh(
            top,
            end - step.number,
            height,
            left=step.number,
            align="edge",
            color=f"C{step.number % 10}",
            alpha=0.6,
        )
        middle = top + height / 2
        text = "\n".join((f"{step.number} {step.op}", *step.fusions))
        axes.text(step.number + 0.1, middle, text, va="center", fontsize=7, clip_on=True)
    axes.set(xlabel="step", ylabel="buffer", xlim=(0, max(count, 1)))
    axes.locator_params(axis="x", integer=True)
    axes.set_yticks(
        [top + height / 2 for top, height in zip(tops, heights, strict=True)],
        [f"{number}: {size} B" for number, size in enumerate(table.buffers)],
    )
    axes.invert_yaxis()
    return figure
