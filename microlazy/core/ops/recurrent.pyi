from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from microlazy.core.tensor import Tensor

_A = TypeVar("_A", bound=Tensor)

def compose_with(layer: Callable[..., Any]) -> None: ...
def recurrent_layer(
    mode: str,
    data: _A,
    states: Sequence[Tensor | None],
    lengths: Tensor | None,
    weights: Sequence[Tensor | None],
    with_outputs: bool = True,
    with_states: bool = True,
) -> list[_A] | None: ...
