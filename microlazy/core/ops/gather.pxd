"""Rows of an array at places, both ways."""

from microlazy.core.tensor cimport Tensor

# x[key], if the key is a mask, or places along each of the first axes; else None.
cdef Tensor gather_rows(Tensor x, object key)
cdef Tensor take(Tensor x, Tensor index, int axis, str mode)
cdef Tensor pick(Tensor x, Tensor index, int axis, bint keepdims, str mode)
# x's elements at places along one axis: index has x's shape, but any size along the axis.
cdef Tensor along(Tensor x, Tensor index, int axis)
# Its adjoint: zeros, of a size along the axis, with the values added at the places.
cdef Tensor put_along(Tensor values, Tensor index, int axis, Py_ssize_t size)
# `base`, or zeros of a shape, with values put or added at rows: one index for each first axis.
cdef Tensor put(Tensor base, int ndim, const Py_ssize_t* shape, Tensor values, list rows, bint add)
cdef Tensor one_hot(Tensor index, Py_ssize_t depth, double on, double off, int dtype)
