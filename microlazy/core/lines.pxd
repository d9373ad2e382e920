"""Small arrays of floats."""

from microlazy.core.tensor cimport Tensor

cdef Tensor vector(object x)      # small and of floats, one axis, not empty, not recorded; or None
cdef bint alike(Tensor a, Tensor b) noexcept      # of one dtype and face, and neither None
cdef void put_number(Tensor t, Py_ssize_t i, double value) noexcept
cdef double rounded(Tensor t, double value) noexcept      # as t's dtype holds it
