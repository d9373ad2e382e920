"""Running sums and products."""

from microlazy.core.tensor cimport Tensor

cdef Tensor scan(Tensor x, int axis, bint product, bint backwards)
