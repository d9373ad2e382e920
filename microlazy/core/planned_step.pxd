"""Training steps by a plan."""

from microlazy.core.cached_plan cimport CachedPlan
from microlazy.core.training cimport TrainerSteps

cdef class PlannedStep:
    cdef public CachedPlan _plan          # None before the first step, or if there can be none
    cdef public TrainerSteps _trainer
    cdef public object output
