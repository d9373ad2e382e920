from collections.abc import Callable
from typing import Any, TypeVar

from microlazy.core.tensor import Tensor

_A = TypeVar("_A", bound=Tensor)

def compose_with(batch: Callable[..., Any], rows: Callable[..., Any]) -> None: ...
def batch_norm(
    data: _A,
    gamma: Tensor,
    beta: Tensor,
    moving_mean: Tensor,
    moving_var: Tensor,
    axis: int,
    eps: float,
    momentum: float,
    fix_gamma: bool,
    use_global_stats: bool,
    relu: bool = False,
) -> _A | None: ...
def layer_norm(data: _A, gamma: Tensor, beta: Tensor, axis: int, eps: float) -> _A | None: ...
def group_norm(
    data: _A, gamma: Tensor, beta: Tensor, num_groups: int, eps: float
) -> _A | None: ...
