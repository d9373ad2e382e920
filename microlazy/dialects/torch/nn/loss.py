"""Losses as modules."""

from __future__ import annotations

from typing import Any

from .._tensor import Tensor
from . import functional as F
from .layer import FunctionModule, module_of


class _Loss(FunctionModule):
    """A loss of `functional` as a module, with what is made of the losses of the examples."""

    _others = ("reduction",)

    def __init__(self, *args: Any, reduction: str = "mean", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.reduction = reduction

    def forward(self, input: Tensor, target: Tensor) -> Tensor:  # type: ignore[override]
        return self._function(input, target, reduction=self.reduction, **self._given())


def _loss(name: str, function: Any, **arguments: Any) -> type:
    return module_of(_Loss, __name__, name, function, arguments)


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

    def forward(self, input: Tensor, target: Tensor) -> Tensor:  # type: ignore[override]
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
