from collections.abc import Callable
from typing import Any

from microlazy.core.tensor import Tensor

class CachedPlan:
    count: int
    def __init__(
        self,
        source: Any,
        most_bytes: int = ...,
        once: bool = ...,
        leaf: Callable[[Any], Tensor] | None = ...,
    ) -> None: ...
    def __call__(self, *args: Any) -> Any: ...
    def train(self, *args: Any) -> Any: ...
    def attribute_written(self) -> None: ...
    def steps(self, *args: Any) -> list[tuple[Any, ...]]: ...
