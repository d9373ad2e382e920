"""Copies between layouts, and broadcasting."""

from microlazy.core.tensor cimport Tensor

cdef Tensor packed(Tensor x)                              # contiguous; x itself if it is
cdef int pack(Tensor x, char* out) except -1              # x's elements in order
cdef int assign(Tensor dst, Tensor src) except -1         # dst[...] = src, broadcast and cast
cdef int add_to(Tensor dst, Tensor src) except -1         # dst[...] += src; the same shape, dtype
cdef bint overlap(Tensor a, Tensor b) noexcept            # whether they may share memory
cdef int broadcast_shape(Tensor a, Tensor b, Py_ssize_t* shape, str what) except -1
cdef Tensor expanded(Tensor x, int ndim, const Py_ssize_t* shape)     # zero strides, no copy
cdef int coalesce(int ndim, const Py_ssize_t* shape, const Py_ssize_t* sa, const Py_ssize_t* sb,
                  Py_ssize_t* n, Py_ssize_t* ta, Py_ssize_t* tb) noexcept nogil
