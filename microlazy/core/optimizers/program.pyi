from microlazy.core.rules import Parsed, Rule
from microlazy.core.tensor import Tensor

RULES: tuple[Rule, ...]

class Program:
    inputs: tuple[str, ...]
    kernel: int
    def __init__(self, parsed: Parsed, states: tuple[str, ...], by_row: bool = False) -> None: ...
    def run(
        self,
        weights: list[Tensor],
        grads: list[Tensor],
        states: list[Tensor],
        values: tuple[float | None, ...],
        lr_mults: list[float],
        wd_mults: list[float],
        counts: list[int],
        steps: int,
        marks: list[float] | None = None,
    ) -> dict[str, float] | None: ...
    def bind(
        self, weights: list[Tensor], grads: list[Tensor], states: list[Tensor]
    ) -> BoundProgram: ...

class BoundProgram:
    weights: list[Tensor]
    def __init__(
        self,
        program: Program,
        weights: list[Tensor],
        grads: list[Tensor],
        states: list[Tensor],
    ) -> None: ...
    def step(
        self,
        values: tuple[float | None, ...],
        lr_mults: list[float],
        wd_mults: list[float],
        counts: list[int],
        steps: int,
        marks: list[float] | None = None,
    ) -> dict[str, float] | None: ...
