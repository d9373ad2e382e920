"""What outdates plans, and calls blocks that may have one."""

cdef long long changes              # see generation()

cdef class Planned:
    cdef object call(self, tuple args)
