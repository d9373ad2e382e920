"""Elements of small arrays, and their places."""

from microlazy.core.tensor cimport FLOAT32, FLOAT64, INT32, INT64, INT8, Tensor

cdef enum:
    FEW = 1 << 12                 # elements; NumPy's loops are faster from about here on

cdef Tensor readable(object x)    # a small array with its elements in order; None for anything else
cdef Tensor in_order(object x)    # one of any size with them; None for what our loops do not read
cdef Tensor flat_places(Tensor t)              # of what is not 0, in order, as int64
# Python's integers, and for arrays of floats its floats, as an array of a's dtype; None for others.
cdef Tensor numbers_as(Tensor a, object items)


cdef inline long long whole_at(Tensor t, Py_ssize_t i) noexcept:
    """An element of integers or booleans."""
    if t.dtype == INT64:
        return (<long long*>t.data)[i]
    if t.dtype == INT32:
        return (<int*>t.data)[i]
    if t.dtype == INT8:
        return (<signed char*>t.data)[i]
    return (<unsigned char*>t.data)[i]


cdef inline double number_at(Tensor t, Py_ssize_t i) noexcept:
    """An element of any dtype; of int64 it is rounded from 2**53 on."""
    if t.dtype == FLOAT32:
        return (<float*>t.data)[i]
    if t.dtype == FLOAT64:
        return (<double*>t.data)[i]
    return <double>whole_at(t, i)
