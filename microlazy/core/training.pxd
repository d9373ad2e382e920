"""Training steps with nothing of Python between their parts."""

from microlazy.core.cached_plan cimport CachedPlan, Rescaler
from microlazy.core.optimizers.steps cimport RuleSteps

cdef class TrainerSteps(Rescaler):
    cdef public object _scale             # of gradients, before they are divided by a batch's size
    cdef public object _amp_loss_scaler
    cdef public RuleSteps _early          # all weights, if their step may be made at any time
    cdef public long long _generation     # of the parameters, when `_early` was found
    cdef object scale, size, factor       # of the last step: the factor is scale / size
    cdef bint is_ready(self) noexcept

cdef class PlannedStep:
    cdef public CachedPlan _plan          # None before the first step, or if there can be none
    cdef public TrainerSteps _trainer
    cdef public object output
