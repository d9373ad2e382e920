from typing import Any

from microlazy.core.cached_plan import CachedPlan
from microlazy.core.tensor import Tensor

class PlannedStep:
    _plan: CachedPlan | None
    _trainer: Any
    output: Any
    def __call__(self, *batch: Any, batch_size: float | None = None) -> Tensor: ...
