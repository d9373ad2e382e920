"""Errors in PyTorch's words."""

from __future__ import annotations

from typing import Any

from ...base import MXNetError
from ...core import gradients


def axis_of(dim: Any, ndim: int) -> int:
    """An axis counted from the beginning; refuses one that is not there."""
    rank = max(ndim, 1)
    if not -rank <= dim < rank:
        raise IndexError(
            f"Dimension out of range (expected to be in range of [{-rank}, {rank - 1}], but got "
            f"{dim})"
        )
    return dim % rank


def translated(error: Exception, args: tuple[Any, ...]) -> Exception:
    """An error of the core in PyTorch's words, where the inputs do not fit each other."""
    shapes = [each.shape for each in args if hasattr(each, "shape")]
    if len(shapes) == 2 and "broadcast" in str(error):
        first, second = shapes
        rank = max(len(first), len(second))
        for dim in range(-1, -rank - 1, -1):
            a = first[dim] if -dim <= len(first) else 1
            b = second[dim] if -dim <= len(second) else 1
            if a != b and 1 not in (a, b):
                return RuntimeError(
                    f"The size of tensor a ({a}) must match the size of tensor b ({b}) at "
                    f"non-singleton dimension {rank + dim}"
                )
    return RuntimeError(str(error)) if isinstance(error, MXNetError) else error


def check_graph(array: Any) -> None:
    """Refuse a backward pass from what no gradient leads to."""
    if not gradients.tracked(array):
        raise RuntimeError("element 0 of tensors does not require grad and does not have a grad_fn")


def raise_used(error: MXNetError) -> None:
    """Say in PyTorch's words that a graph was used up."""
    if "already used by a backward pass" in str(error):
        raise RuntimeError(
            "Trying to backward through the graph a second time (or directly access saved tensors "
            "after they have already been freed). Saved intermediate values of the graph are freed "
            "when you call .backward() or autograd.grad(). Specify retain_graph=True if you need "
            "to backward through the graph a second time or if you need to access saved tensors "
            "after calling backward."
        ) from None
