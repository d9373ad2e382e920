"""What is noted of weights and their gradients."""

cdef bint all_fresh(list weights) noexcept        # stale() would find none, and they are arrays
cdef int mark_all_used(list weights) except -1    # mark_used()
