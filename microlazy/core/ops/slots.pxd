"""What every backward() does with a gradient that is at hand."""

from microlazy.core.tape cimport Pass
from microlazy.core.tensor cimport Tensor

# Give `grad` to x: cast to x's dtype, summed over the axes that x was broadcast along.
cdef int give(Pass p, Tensor x, Tensor grad) except -1

# The same for a gradient that nobody writes to any more: a node may read it where it lies.
cdef int pass_on(Pass p, Tensor x, Tensor grad) except -1

# The same for a recorded gradient, under create_graph: x's own, if x is broadcast.
cdef int hand_on(Pass p, Tensor x, Tensor grad) except -1

# What makes a recorded gradient fit its input is recorded operations, which stand above all nodes:
# core/ops/reduce, where all of them are at hand, puts its function here when it is imported.
ctypedef Tensor (*Fit)(Tensor grad, Tensor x)
cdef void set_fit(Fit function) noexcept
