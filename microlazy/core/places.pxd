"""Elements of small arrays, and their places."""

from microlazy.core.tensor cimport Tensor

cdef enum:
    FEW = 1 << 12                 # elements; NumPy's loops are faster from about here on

cdef Tensor readable(object x)    # a small array with its elements in order; None for anything else
cdef long long whole_at(Tensor t, Py_ssize_t i) noexcept  # of integers and booleans
cdef double number_at(Tensor t, Py_ssize_t i) noexcept    # int64 from 2**53 on is rounded
# Python's integers, and for arrays of floats its floats, as an array of a's dtype; None for others.
cdef Tensor numbers_as(Tensor a, object items)
