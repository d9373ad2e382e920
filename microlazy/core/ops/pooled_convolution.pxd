"""Convolutions in a plan whose results are pooled as they are stored."""

cimport cython
from microlazy.core.tape cimport Node
from microlazy.core.tensor cimport Tensor


@cython.final
cdef class PooledConvolution(Node):
    """A convolution, perhaps a function of its results, and sums or means of squares of 2 by 2."""
    cdef list members, results    # the nodes; their results, the last of which is `out`
    cdef int function             # as a unary op, or -1
    cdef Tensor kept              # its values, for the gradient, or None

# The nodes, with those joined that this can compute; `readers` as for chains.
cdef list with_pools(list nodes, dict readers)
cdef Py_ssize_t bytes_kept(Node node) noexcept    # from the forward to the backward pass
cdef list members_of(Node node)           # of a node that joined others, or []
