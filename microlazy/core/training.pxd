"""Steps of a Trainer."""

from microlazy.core.optimizers.steps cimport Rescaler, RuleSteps

cdef class TrainerSteps(Rescaler):
    cdef public object _scale             # of gradients, before they are divided by a batch's size
    cdef public object _amp_loss_scaler
    cdef public RuleSteps _early          # all weights, if their step may be made at any time
    cdef public long long _generation     # of the parameters, when `_early` was found
    cdef object scale, size, factor       # of the last step: the factor is scale / size
    cdef bint is_ready(self) noexcept
