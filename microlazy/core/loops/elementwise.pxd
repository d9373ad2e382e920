"""Elementwise loops over arrays of any layout: kernels, broadcasting and threads, no tape."""

from microlazy.core.tensor cimport Tensor

cdef Py_ssize_t grain(int op) noexcept nogil              # from how many elements threads pay
cdef Py_ssize_t binary_grain(int op) noexcept nogil
cdef double number_at(const char* data, int dtype) noexcept nogil

cdef int fill(Tensor x, double value) except -1
cdef int scaled(double alpha, Tensor g, Tensor dx, bint accumulate) except -1   # dx (+)= alpha * g
cdef int apply_unary(int op, Tensor x, Tensor out) except -1
cdef int apply_unary_grad(int op, const char* x, const char* y, const char* g, char* dx,
                          bint accumulate, Py_ssize_t n, int dtype) except -1
cdef int compute_binary(int op, Tensor a, Tensor b, Tensor out) except -1   # out is contiguous
cdef int apply_binary_grad(int op, int which, const char* a, const char* b, const char* y,
                           const char* g, char* dx, bint accumulate, Py_ssize_t n,
                           int dtype) except -1
cdef int apply_binary_scalar(int op, Tensor a, double s, bint swapped, Tensor out) except -1
cdef int compare_with_number(int op, Tensor a, Tensor number, Tensor out) except -1
cdef int compare_arrays(int op, Tensor a, Tensor b, Tensor out) except -1
cdef int mask_into(Tensor x, Tensor ones, Tensor out) except -1     # x where `ones` is 1, else 0
