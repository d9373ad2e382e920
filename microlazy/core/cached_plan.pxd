"""The plans of a block."""

from microlazy.core.calls cimport Contents
from microlazy.core.optimizers.steps cimport Rescaler, RuleSteps
from microlazy.core.plan cimport Plan
from microlazy.core.planning cimport Planned

cdef class CachedPlan(Planned):
    cdef object source
    cdef long long generation     # when the plans were last checked
    cdef bint looked              # at the attributes, since one was last written
    cdef list attributes
    cdef Contents contents        # of the attributes
    cdef dict plans               # lists of them by their kind
    cdef Plan latest              # the last one that ran
    cdef long long calls
    cdef readonly Py_ssize_t count        # of the plans
    cdef Py_ssize_t nbytes, most_bytes
    cdef bint once                # see the parameters
    cdef object leaf
    cdef int paid                 # runs that have not yet paid for a plan
    cdef int eager                # bits of the modes in which no plan can be made
    cdef int unrolled             # plans that create_graph used up
    cdef object refusal           # why the plan for the call that is going on could not be made
    cdef set changing             # kinds of calls in which forward() changed an attribute
    cdef object run(self, tuple args)
    cdef object go_and_back(self, tuple args, Rescaler rescaler, RuleSteps group,
                            object batch_size, bint* moved)      # what train() returns
    cdef Plan choose(self, tuple args, list tensors)
    cdef object take_apart(self, tuple args, list tensors)
    cdef Plan build_unchanged(self, object structure, list tensors)
    cdef Plan make(self, size_t kind, object structure, list tensors)
    cdef object run_without(self, tuple args)
    cdef object fall_back(self, tuple args, object refusal)
    cdef int look_at_attributes(self) except -1
    cdef Plan find(self, size_t kind, object structure, list tensors)
    cdef object run_eagerly(self, tuple args)
    cdef int add(self, Plan plan) except -1
    cdef int drop(self, Plan plan) except -1
    cdef int drop_stale(self) except -1
