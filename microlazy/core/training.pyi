from typing import Any

from microlazy.core.optimizers import RuleSteps

def as_number(batch_size: Any) -> float: ...

class TrainerSteps:
    _scale: Any
    _amp_loss_scaler: Any
    _early: RuleSteps | None
    _generation: int
    def _step_at_once(self, batch_size: Any) -> bool: ...
