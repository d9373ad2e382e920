"""Elementwise mathematics: one input, two inputs with broadcasting, or one and a number."""

from microlazy.core.tensor cimport Tensor

cdef Tensor unary(int op, Tensor x)
cdef Tensor binary(int op, Tensor a, Tensor b)
cdef Tensor binary_scalar(int op, Tensor a, object s, bint swapped)
cdef Tensor multiply(Tensor a, Tensor b)
cdef int binary_into(int op, Tensor a, Tensor b) except -1            # a = op(a, b), in place
cdef int binary_scalar_into(int op, Tensor a, object s) except -1
cdef int fill(Tensor x, double value) except -1
cdef int apply_unary(int op, Tensor x, Tensor out) except -1
cdef int apply_unary_grad(int op, const char* x, const char* y, const char* g, char* dx,
                          bint accumulate, Py_ssize_t n, int dtype) except -1
cdef int promoted(int a, int b) except -1
cdef Tensor mask(int op, object a, object b)  # a comparison as 0 and 1 of a float dtype, constant
cdef Tensor masked(Tensor x, Tensor ones)     # x where a mask is 1, else 0, recorded
cdef Tensor detached(Tensor x)
cdef int compute_binary(int op, Tensor a, Tensor b, Tensor out) except -1   # out is contiguous
cdef int scaled(double alpha, Tensor g, Tensor dx, bint accumulate) except -1   # dx (+)= alpha * g
