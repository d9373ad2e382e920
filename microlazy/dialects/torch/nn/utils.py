"""Gradients that are kept small: `torch.nn.utils`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .._creation import zeros
from .._functions import FUNCTIONS
from .._modes import no_grad
from .._tensor import Tensor

__all__ = [
    "clip_grad_norm_",
    "clip_grad_value_",
]


def _grads(parameters: Tensor | Iterable[Any]) -> list[Tensor]:
    several = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    return [each.grad for each in several if each.grad is not None]


@no_grad()
def clip_grad_norm_(
    parameters: Tensor | Iterable[Any], max_norm: float, norm_type: float = 2.0
) -> Tensor:
    """Scale all gradients so that their common norm is `max_norm` at most.

    Parameters
    ----------
    parameters : Tensor or iterable of Tensor
    max_norm : float
    norm_type : float
        2 is the Euclidean norm.

    Returns
    -------
    Tensor
        The norm before.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> from microlazy.dialects.torch import nn
    >>> x = torch.zeros(2, requires_grad=True)
    >>> (x * torch.tensor([3.0, 4.0])).sum().backward()
    >>> nn.utils.clip_grad_norm_(x, 1.0)
    tensor(5.)
    >>> x.grad
    tensor([0.6000, 0.8000])
    """
    grads = _grads(parameters)
    if not grads:
        return zeros()
    norms = FUNCTIONS["stack"]([FUNCTIONS["norm"](each, norm_type) for each in grads])
    total = FUNCTIONS["norm"](norms, norm_type)
    factor = (max_norm / (total + 1e-6)).clamp(max=1.0)
    for each in grads:
        each.mul_(factor)
    return total


@no_grad()
def clip_grad_value_(parameters: Tensor | Iterable[Any], clip_value: float) -> None:
    """Cut each element of the gradients to -clip_value to clip_value."""
    for each in _grads(parameters):
        each.clamp_(-clip_value, clip_value)
