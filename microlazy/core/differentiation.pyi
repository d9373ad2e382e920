from collections.abc import Sequence
from typing import TypeVar

from microlazy.core.tensor import Tensor

_A = TypeVar("_A", bound=Tensor)

def backward(
    heads: Tensor | Sequence[Tensor],
    head_grads: Tensor | Sequence[Tensor | None] | None = None,
    retain_graph: bool = False,
    train_mode: bool = True,
) -> None: ...
def grad(
    heads: Tensor | Sequence[Tensor],
    variables: _A | Sequence[_A],
    head_grads: Tensor | Sequence[Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    train_mode: bool = True,
) -> list[_A]: ...
def results_with_others(arrays: list[_A]) -> list[_A]: ...
def is_tracked(x: Tensor) -> bool: ...
def ops_behind(y: Tensor) -> list[str]: ...
def mark_variables(
    variables: Tensor | Sequence[Tensor],
    gradients: Tensor | Sequence[Tensor],
    grad_reqs: str | Sequence[str] = "write",
) -> None: ...
