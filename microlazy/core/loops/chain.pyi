from typing import Any

from microlazy.core.tensor import Tensor

def in_one_pass(x: Tensor, functions: list[tuple[int, float | None]]) -> Any: ...
