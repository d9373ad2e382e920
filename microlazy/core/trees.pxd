"""Trees of arrays."""

cdef list sorted_keys(object tree)    # of a dict in a tree; refuses those that have no order
