"""What a group of weights does in each step by a rule."""

from microlazy.core.optimizers.program cimport BoundProgram

cdef class RuleSteps:
    cdef public object optimizer
    cdef public list indices, lr_mults, wd_mults, marks, counts
    cdef public BoundProgram bound
    cdef public long long steps       # made since the counts were read
    cdef public bint asks             # methods of a user's class for the rates
    cdef public bint has_own_rate     # the learning rate is a property of a user's class
    cdef public tuple names           # of the numbers that the rule asks the optimizer for
    cdef public tuple rates           # of the last step
    cdef public tuple copies          # None, or (to where, from where) before a step and after it
    cdef public object take_note
    cdef long long most               # the largest of the counts
    cdef tuple begin(self)            # the numbers of the next step, which counts from now on
    cdef int finish(self) except -1   # the step was made
    cdef int count(self) except -1
    cdef tuple numbers(self)

cdef class Rescaler:
    cdef int rescale(self, RuleSteps group, object batch_size) except -1  # its gradients
