"""Gradients of tensors by name: `torch.autograd.grad` and `backward`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ... import autograd
from ...base import MXNetError
from ._errors import check_graph, raise_used
from ._modes import enable_grad, no_grad, set_grad_enabled
from ._tensor import Tensor, wrap

__all__ = ["backward", "enable_grad", "grad", "no_grad", "set_grad_enabled"]


def _several(tensors: Tensor | Sequence[Tensor]) -> list[Tensor]:
    return [tensors] if isinstance(tensors, Tensor) else list(tensors)


def grad(
    outputs: Tensor | Sequence[Tensor],
    inputs: Tensor | Sequence[Tensor],
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool = False,
) -> tuple[Tensor | None, ...]:
    """The gradients of outputs with respect to inputs; the `grad` of no tensor is changed.

    Parameters
    ----------
    outputs, inputs : Tensor or list of Tensor
    grad_outputs : Tensor or list of Tensor, optional
        The gradient of each output; may be left out for single numbers.
    retain_graph : bool, optional
        Keep the graph; defaults to `create_graph`.
    create_graph : bool
        Record the gradients, so that they have gradients in turn.
    allow_unused : bool
        Give None for an input that does not lead to the outputs.

    Returns
    -------
    tuple of Tensor
        One for each input.

    Raises
    ------
    RuntimeError
        If nothing was recorded, an output is no single number, or an input leads to none.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> x = torch.tensor(2.0, requires_grad=True)
    >>> (slope,) = torch.autograd.grad(x**3, x, create_graph=True)
    >>> torch.autograd.grad(slope, x)
    (tensor(12.),)
    """
    heads, wrt = _several(outputs), _several(inputs)
    for head in heads:
        check_graph(head._array)
        if grad_outputs is None and head.numel() != 1:
            raise RuntimeError("grad can be implicitly created only for scalar outputs")
    given = None if grad_outputs is None else [each._array for each in _several(grad_outputs)]
    arrays = [head._array for head in heads], [each._leaf for each in wrt]
    keep = create_graph if retain_graph is None else retain_graph
    try:
        found = autograd.grad(*arrays, given, keep or allow_unused, create_graph)
    except MXNetError as error:
        raise_used(error)
        if "does not lead to the heads" not in str(error):
            raise RuntimeError(str(error)) from None
        if not allow_unused:
            raise RuntimeError(
                "One of the differentiated Tensors appears to not have been used in the graph. "
                "Set allow_unused=True if this is the desired behavior."
            ) from None
    else:
        return tuple(wrap(each, "Grad") for each in found)
    return tuple(_if_used(arrays[0], each, given, create_graph) for each in arrays[1])


def _if_used(heads: list[Any], variable: Any, given: Any, create_graph: bool) -> Tensor | None:
    """The gradient by one variable; None if it does not lead to the heads."""
    try:
        (found,) = autograd.grad(heads, [variable], given, True, create_graph)
    except MXNetError:
        return None
    return wrap(found, "Grad")


def backward(
    tensors: Tensor | Sequence[Tensor], grad_tensors: Any = None, retain_graph: bool | None = None
) -> None:
    """Call `Tensor.backward` of several tensors.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> x = torch.ones(1, requires_grad=True)
    >>> torch.autograd.backward([x * 2, x * 3])
    >>> x.grad
    tensor([5.])
    """
    heads = _several(tensors)
    given = [None] * len(heads) if grad_tensors is None else _several(grad_tensors)
    for head, each in zip(heads, given, strict=True):
        keep = retain_graph or head is not heads[-1]
        head.backward(each, retain_graph=keep)
