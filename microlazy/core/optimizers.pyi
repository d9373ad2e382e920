from collections.abc import Sequence
from typing import TypeVar

from microlazy.core.tensor import Tensor

_A = TypeVar("_A", bound=Tensor)

def sgd_update(
    weights: Sequence[Tensor],
    grads: Sequence[Tensor],
    momenta: Sequence[Tensor] | None,
    lrs: Sequence[float],
    wds: Sequence[float],
    momentum: float = 0.0,
    rescale_grad: float = 1.0,
    clip_gradient: float | None = None,
) -> None: ...
def adam_update(
    weights: Sequence[Tensor],
    grads: Sequence[Tensor],
    means: Sequence[Tensor],
    variances: Sequence[Tensor],
    lrs: Sequence[float],
    wds: Sequence[float],
    beta1: float,
    beta2: float,
    epsilon: float,
    rescale_grad: float = 1.0,
    clip_gradient: float | None = None,
) -> None: ...
def stale(weights: Sequence[Tensor]) -> list[int]: ...
def mark_used(weights: Sequence[Tensor]) -> None: ...
