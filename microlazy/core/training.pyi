from typing import Any

from microlazy.core.cached_plan import CachedPlan
from microlazy.core.optimizers import RuleSteps
from microlazy.core.tensor import Tensor

def as_number(batch_size: Any) -> float: ...

class TrainerSteps:
    _scale: Any
    _amp_loss_scaler: Any
    _early: RuleSteps | None
    _generation: int
    def _step_at_once(self, batch_size: Any) -> bool: ...

class PlannedStep:
    _plan: CachedPlan | None
    _trainer: Any
    output: Any
    def __call__(self, *batch: Any, batch_size: float | None = None) -> Tensor: ...
