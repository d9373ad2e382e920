"""Gradients of gradients, of nodes that have a slower equal made of other operations."""

from microlazy.core.tape cimport Pass
from microlazy.core.tensor cimport Tensor

# Hand on the recorded gradients of compose(*inputs, *options), whose own gradient is g. Inputs may
# be None.
cdef int derive_composed(Pass p, object compose, list inputs, tuple options, Tensor g) except -1
