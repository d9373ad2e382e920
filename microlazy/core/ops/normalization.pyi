from collections.abc import Callable
from typing import Any, TypeVar

from microlazy.core.tensor import Tensor

_A = TypeVar("_A", bound=Tensor)

def compose_with(batch: Callable[..., Any], rows: Callable[..., Any]) -> None: ...
def batch_norm(
    data: _A,
    gamma: Tensor | None,
    beta: Tensor | None,
    moving_mean: Tensor | None,
    moving_var: Tensor | None,
    axis: int,
    eps: float,
    momentum: float,
    fix_gamma: bool,
    use_global_stats: bool,
    relu: bool = False,
) -> _A | None: ...
def layer_norm(
    data: _A, gamma: Tensor | None, beta: Tensor | None, axis: int, eps: float
) -> _A | None: ...
def group_norm(
    data: _A, gamma: Tensor | None, beta: Tensor | None, num_groups: int, eps: float
) -> _A | None: ...
