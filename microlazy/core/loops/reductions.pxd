"""Reductions over any axes, of arrays of any layout: kernels and threads, no tape.

An axis is reduced if its bit is set in the mask.
"""

from microlazy.core.strided cimport Pieces
from microlazy.core.tensor cimport Tensor

cdef Tensor reduced_header(Tensor x, unsigned int mask, bint keepdims, int dtype)   # no memory
cdef Tensor with_kept_axes(Tensor small, Tensor x, unsigned int mask)     # broadcast back, no copy
cdef int reduce_scaled(int op, Tensor x, unsigned int mask, double factor, Tensor out) except -1
cdef int sum_to(Tensor x, Tensor out, bint accumulate) except -1      # undo a broadcast
# out (+)= the sums of g * other over the axes along which out was broadcast to g's shape
cdef int sum_product_to(Tensor g, Tensor other, Tensor out, bint accumulate) except -1
cdef int reduce_matrix_cols(int op, const char* x, char* out, bint accumulate, Py_ssize_t rows,
                            Py_ssize_t cols, int dtype, const Pieces* p=*) except -1
cdef int arg_into(int op, Tensor x, int axis, Tensor out) except -1   # axis -1: of all elements
# x seen as (outer, n, inner), n reduced; False if the reduced axes are not neighbours
cdef bint as_matrix(Tensor x, unsigned int mask, Py_ssize_t* outer, Py_ssize_t* n,
                    Py_ssize_t* inner) noexcept
cdef Tensor means(Tensor x, unsigned int mask, Py_ssize_t count)
# out = factor * the sum of (x - mean)^2
cdef int variance_into(Tensor x, unsigned int mask, Py_ssize_t count, double factor,
                       Tensor out) except -1
