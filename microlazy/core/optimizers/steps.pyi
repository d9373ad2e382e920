from collections.abc import Callable
from typing import Any

from microlazy.core.optimizers.program import BoundProgram
from microlazy.core.tensor import Tensor

class RuleSteps:
    optimizer: Any
    indices: list[Any]
    lr_mults: list[float]
    wd_mults: list[float]
    marks: list[float] | None
    counts: list[int]
    bound: BoundProgram | None
    steps: int
    asks: bool
    has_own_rate: bool
    names: tuple[str, ...]
    rates: tuple[Any, ...]
    copies: tuple[tuple[list[Tensor], list[Tensor]], ...] | None
    take_note: Callable[[float], None] | None
    def update(self) -> None: ...
