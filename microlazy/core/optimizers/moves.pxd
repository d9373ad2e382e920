"""What a pass back over the nodes of a plan does between them; see order_moves."""

from microlazy.core.optimizers.program cimport BoundProgram
from microlazy.core.optimizers.steps cimport RuleSteps
from microlazy.core.storage cimport Block

cdef class Moves:
    """A step of small weights, each made as soon as the pass has its gradient."""
    cdef bint ready(self, RuleSteps group) except -1      # before a pass: begin the group's step
    cdef void after(self, Py_ssize_t node) noexcept       # a node's backward()
    cdef bint touches(self, Block block) noexcept         # whether a weight is in this memory

cdef Moves order_moves(BoundProgram bound, list last, Py_ssize_t nodes, list others)
