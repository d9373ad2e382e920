"""Neighbouring nodes of a plan that become one."""

# The nodes that compute the same with fewer passes over memory. Outputs are seen from outside.
cdef list fuse(list nodes, list outputs)
