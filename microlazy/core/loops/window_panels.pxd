"""Sums over windows with many filters side by side, whatever the strides."""

from microlazy.core.loops.windows cimport Job, Sizes

# Cut the windows into blocks; False if a line is too long. `job.made` says which place of the
# results a window of each phase has.
cdef bint plan_panels(Job* job) noexcept nogil
# The results that windows of one phase are.
cdef void see_results(Job* job) noexcept nogil

# Rows of sums, `pitch` numbers apart, set to the bias of some filters, and zeros behind it.
cdef void begin_with_bias(const Job* job, const char* bias, Py_ssize_t filters, Py_ssize_t rows,
                          Py_ssize_t pitch, char* sums) noexcept nogil
# y[start:start + count] of each filter, from sums with the filters side by side, which begin with
# the bias, `pitch` numbers from one place to the next: with relu, the tail, or what is there added.
cdef void put_results(const Job* job, char* sums, Py_ssize_t pitch, Py_ssize_t filters,
                      Py_ssize_t start, Py_ssize_t count, char* turned,
                      char* scratch) noexcept nogil

# After plan_panels:
cdef int convolve_panels(Job* job) except -1
cdef Py_ssize_t workspace_for_panels(Job* job) noexcept   # bytes
cdef int convolve_phase_panels(Job* turned, const Sizes* s) except -1   # after see_phases, too
cdef int gradient_panels(Job* job) except -1      # of the filters
