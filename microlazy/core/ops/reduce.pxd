"""Reductions over axes."""

from microlazy.core.strided cimport Pieces
from microlazy.core.tensor cimport Tensor

cdef int sum_to(Tensor x, Tensor out, bint accumulate) except -1      # undo a broadcast
cdef int reduce_matrix_cols(int op, const char* x, char* out, bint accumulate, Py_ssize_t rows,
                            Py_ssize_t cols, int dtype, const Pieces* p=*) except -1
cdef Tensor sum_over(Tensor x, unsigned int mask)             # recorded; the axes stay, as 1
cdef Tensor reduce(int op, Tensor x, object axis, bint keepdims, bint exclude)
cdef Tensor mean(Tensor x, object axis, bint keepdims, bint exclude)
cdef Tensor cumsum(Tensor x, int axis)
cdef Tensor arg_reduce(int op, Tensor x, object axis, bint keepdims)
cdef unsigned int axis_mask(object axis, int ndim, bint exclude) except? 0xffffffff
cdef Tensor variance(Tensor x, object axis, double ddof, bint keepdims)
