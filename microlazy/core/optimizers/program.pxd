"""A rule, and a rule bound to arrays."""

from microlazy.core.optimizers.formula cimport Formula, Task
from microlazy.core.tensor cimport Tensor

cdef class Program:
    cdef readonly tuple inputs          # names of the numbers behind lr and wd
    cdef readonly int kernel            # of its first pass; -1 if the build did not see the rule
    cdef tuple states                   # what errors call them
    cdef tuple bounds                   # which of `inputs` limit something
    cdef tuple carried                  # which of `inputs` change, and the numbers they become
    cdef Formula formula
    cdef int take_numbers(self, tuple values, double* given) except -1
    cdef double number(self, Py_ssize_t k, object value) except? -1

cdef class BoundProgram:
    cdef readonly list weights
    cdef Program program
    cdef list grads, states
    cdef Py_ssize_t n, width      # how many weights, and arrays for each
    cdef void** arrays            # of each weight: the gradient, the weight, the states
    cdef void** blocks            # of the weights' memory, which the weights own
    cdef Py_ssize_t* sizes
    cdef bint together            # a kernel makes the step of all weights, on one thread
    cdef bint twice               # some weight is there twice
    cdef list lr_mults, wd_mults, counts      # by which the weights were put into runs
    cdef list runs                # (first, end) of weights in a row with the same numbers
    cdef object move(self, tuple values, list lr_mults, list wd_mults, list counts,
                     long long steps, list marks)           # see step()
    cdef int put_into_runs(self, list lr_mults, list wd_mults, list counts) except -1
    cdef int evaluate_run(self, Task* task, Py_ssize_t first, long long steps) except -1
    cdef object step_each(self, double* given, list lr_mults, list wd_mults, list counts,
                          long long steps, list marks)
