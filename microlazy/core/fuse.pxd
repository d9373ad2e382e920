"""Neighbouring nodes of a plan that become one."""

from microlazy.core.tape cimport Node

# The nodes that compute the same with fewer passes over memory. Outputs are seen from outside.
cdef list fuse(list nodes, list outputs)
cdef list fusions_of(Node node)               # what was joined into a node, in words
