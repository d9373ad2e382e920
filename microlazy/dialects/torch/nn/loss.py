"""Losses as modules."""

from __future__ import annotations

from typing import Any

from .._tensor import Tensor
from . import functional as F
from .module import Module


class _Loss(Module):
    """A loss of `functional` as a module; what it is made with are arguments of the function."""

    _function: Any
    _arguments: dict[str, Any] = {}  # besides reduction, with their defaults

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        return object.__new__(cls)

    def __init__(self, *args: Any, reduction: str = "mean", **kwargs: Any) -> None:
        super().__init__()
        known = list(self._arguments)
        if len(args) > len(known) or kwargs.keys() - known:
            raise TypeError(f"{type(self).__name__}() takes {', '.join([*known, 'reduction'])}")
        self.reduction = reduction
        given = self._arguments | dict(zip(known, args, strict=False)) | kwargs
        for name, value in given.items():
            if isinstance(value, Tensor):
                self.register_buffer(name, value)
            else:
                object.__setattr__(self, name, value)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        options = {name: getattr(self, name) for name in self._arguments}
        return self._function(input, target, reduction=self.reduction, **options)


def _loss(name: str, function: Any, **arguments: Any) -> type[_Loss]:
    return type(
        name,
        (_Loss,),
        {
            "__doc__": f"As a module: {function.__doc__}",
            "__module__": __name__,
            "_function": staticmethod(function),
            "_arguments": arguments,
        },
    )


class CrossEntropyLoss(_Loss):
    """Softmax cross-entropy of scores and classes, as a module; see `functional.cross_entropy`.

    Parameters
    ----------
    weight : Tensor, optional
        How much each class counts.
    ignore_index : int
        A target that does not count.
    reduction : {"mean", "sum", "none"}
        What is made of the losses of the examples.
    label_smoothing : float
        The part of the target that is spread over all classes.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> from microlazy.dialects.torch import nn
    >>> nn.CrossEntropyLoss()(torch.zeros(2, 4), torch.tensor([1, 3]))
    tensor(1.3863)
    """

    _arguments = {"weight": None, "ignore_index": -100, "label_smoothing": 0.0}

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(
            input, target, self.weight, self.ignore_index, self.reduction, self.label_smoothing
        )


NLLLoss = _loss("NLLLoss", F.nll_loss, weight=None, ignore_index=-100)
MSELoss = _loss("MSELoss", F.mse_loss)
L1Loss = _loss("L1Loss", F.l1_loss)
SmoothL1Loss = _loss("SmoothL1Loss", F.smooth_l1_loss, beta=1.0)
HuberLoss = _loss("HuberLoss", F.huber_loss, delta=1.0)
BCELoss = _loss("BCELoss", F.binary_cross_entropy)
BCEWithLogitsLoss = _loss("BCEWithLogitsLoss", F.binary_cross_entropy_with_logits)
KLDivLoss = _loss("KLDivLoss", F.kl_div, log_target=False)
