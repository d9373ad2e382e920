"""Writes in place, by a key or by arithmetic."""

from microlazy.core.tensor cimport Tensor

cdef int set_item(Tensor x, object key, object value) except -1
cdef int binary_into(int op, Tensor a, Tensor b) except -1            # a = op(a, b)
cdef int binary_scalar_into(int op, Tensor a, object s) except -1
