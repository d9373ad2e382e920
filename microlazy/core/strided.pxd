"""Copies between layouts, broadcasting, and large work cut into pieces."""

from microlazy.core.tensor cimport MAX_NDIM, Tensor

ctypedef struct Pieces:
    # Elementwise work on up to three operands: `total` pieces of up to `height` rows and `width`
    # columns. The pieces do not depend on the number of threads.
    int count, axes
    Py_ssize_t size, rows, cols, height, width, across, total
    Py_ssize_t n[MAX_NDIM]                # the axes left after merging
    Py_ssize_t steps[3][MAX_NDIM]         # in bytes, for each operand
    const char* data[3]
    Py_ssize_t itemsize[3]
    bint direct[3]                        # in order already: its pieces are not copied
    char* scratch
    Py_ssize_t room                       # bytes of a packed piece

# Elements of a piece of n in a row, so that an even number of threads share them evenly.
cdef Py_ssize_t even_piece(Py_ssize_t n) noexcept nogil
cdef Tensor unroll(Pieces* p, Tensor x, Py_ssize_t longest)
# n elements of operand k from place `start` on, packed; in scratch memory if they had to be.
cdef const char* stretch(const Pieces* p, int k, Py_ssize_t start, Py_ssize_t n) noexcept nogil
cdef Tensor cut(Pieces* p, Tensor out, int count, Tensor a, Tensor b, Tensor c)
cdef Py_ssize_t piece_start(const Pieces* p, Py_ssize_t i) noexcept nogil     # in out, in elements
cdef Py_ssize_t piece_length(const Pieces* p, Py_ssize_t i) noexcept nogil
# Piece i of operand k, packed; in the thread's scratch memory if it had to be.
cdef const char* piece(const Pieces* p, int k, Py_ssize_t i) noexcept nogil
cdef bint all_transposed(const Pieces* p) noexcept        # long columns of two axes are packed

cdef Tensor packed(Tensor x)                              # contiguous; x itself if it is
cdef int pack(Tensor x, char* out) except -1              # x's elements in order
# memcpy; and memcpy by all threads where it is long
cdef void copy_run(char* d, const char* s, Py_ssize_t n) noexcept nogil
cdef int copy_bytes(char* d, const char* s, Py_ssize_t n) except -1
cdef int assign(Tensor dst, Tensor src) except -1         # dst[...] = src, broadcast and cast
cdef int add_to(Tensor dst, Tensor src) except -1         # dst[...] += src; the same shape, dtype
cdef bint overlap(Tensor a, Tensor b) noexcept            # whether they may share memory
cdef int broadcast_shape(Tensor a, Tensor b, Py_ssize_t* shape, str what) except -1
cdef Tensor expanded(Tensor x, int ndim, const Py_ssize_t* shape)     # zero strides, no copy
cdef int coalesce(int ndim, const Py_ssize_t* shape, const Py_ssize_t* sa, const Py_ssize_t* sb,
                  Py_ssize_t* n, Py_ssize_t* ta, Py_ssize_t* tb) noexcept nogil
