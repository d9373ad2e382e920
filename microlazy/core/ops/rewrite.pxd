"""Writes in place that the graph takes part in."""

from microlazy.core.tensor cimport Slot, Tensor

cdef class Rewrite:
    cdef Tensor x
    cdef Tensor before            # where x stood in the graph
    cdef list bases               # arrays in use that x is a view of, and where they stood

cdef bint rewrites(Tensor x, Tensor source) except -1     # whether the graph takes part in a write
# Before a write to `part` of x; `source` may share memory with x, but not with the part.
cdef Rewrite begin(Tensor x, Tensor part, Tensor source)
cdef int finish(Rewrite r, Slot slot) except -1           # after it: where x stands now
cdef int become(Tensor x, Tensor result, Tensor source) except -1     # x[...] = result
# Where x stands after x[key] = value; `before` is where it stood, None if nothing is left of it.
cdef Slot assigned(Tensor x, object key, Tensor value, Tensor before)
