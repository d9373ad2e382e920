"""Runs of elementwise nodes in a plan, joined into one that works block by block."""

from microlazy.core.loops.chain cimport Program, Tail
from microlazy.core.tape cimport Node
from microlazy.core.tensor cimport Tensor

cdef class Chain(Node):
    """Elementwise nodes one after the other, of which only the last one's result is seen."""
    cdef list members, results    # the nodes; their results, the last of which is `out`
    cdef list norms               # the batch norms among them, of fixed statistics
    cdef int operands             # how many of `rest` programs read; then come the norms' own
    cdef Program ahead, back
    cdef list targets             # in `back`: the inputs whose gradients its arrays take
    cdef long long wanted         # the inputs that `back` was written for, a bit each
    cdef bint spread              # ... and whether the result's gradient is broadcast
    cdef int find_arrays(self, char** data) except -1     # of the programs, but for gradients
    cdef int describe(self, Tail* tail, int first) except -1  # to run on stretches of an operand
    cdef int write_ahead(self) except -1
    cdef list write_back(self, long long wanted, Tensor g)    # g broadcast or None; its steps

# Whether a node can be a member of a chain with results like this.
cdef bint is_link(Node node, Tensor out) except -1
# Whether a node's elements do not depend on which others are computed with them.
cdef bint is_calm(Node node) except -1
cdef tuple operands_of(Node node)
# The last node of the longest chain that begins at a node, itself if there is none; `readers`
# has the numbers of the nodes that read each array.
cdef Py_ssize_t end_of_chain(list nodes, Py_ssize_t start, dict readers) except -1
cdef Chain join(list nodes)
# The members of a node that joined them as nodes of their own, their results computed again.
cdef list take_apart(Node joined, list members, list results)
# How x is broadcast to out, if each of some elements is repeated, and all that again; else None.
cdef dict layout_of(Tensor x, Tensor out)
