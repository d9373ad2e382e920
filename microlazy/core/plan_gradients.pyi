from collections.abc import Callable
from typing import Any

from microlazy.core.tensor import Tensor

def value_and_gradients(
    function: Callable[..., Any], leaves: list[Tensor]
) -> tuple[Any, list[Tensor]]: ...
