"""The Tensor: a block of memory seen with a shape, strides and a dtype."""

from microlazy.core.storage cimport Block

cdef enum:
    MAX_NDIM = 16

cdef enum DType:                  # the numbers that MXNet's files use
    FLOAT32, FLOAT64, FLOAT16, UINT8, INT32, INT8, INT64, BOOL, N_DTYPES

cdef enum Face:                   # which of the two array types a tensor shows
    ND, NP

cdef class Slot:
    """Where a gradient goes: a variable's gradient array, or a node of the tape."""
    cdef Tensor grad              # None until something is written
    cdef long long written        # the backward pass that last wrote to it
    cdef long long wanted         # a node's: the pass that hands this gradient out (autograd.grad)

cdef class Tensor:
    cdef char* data               # NULL while abstract
    cdef Block block
    cdef Slot slot                # None when no gradient is wanted
    cdef Py_ssize_t size
    cdef int ndim, dtype, face
    cdef bint contiguous, abstract
    cdef bint movable             # a plan may point it at other memory
    cdef Py_ssize_t shape_[MAX_NDIM]
    cdef Py_ssize_t strides_[MAX_NDIM]    # in bytes

cdef Py_ssize_t itemsize(int dtype) noexcept nogil
cdef int dtype_number(object dtype) except -1             # from anything that names a dtype
cdef object numpy_dtype(int dtype)
cdef bint is_float(int dtype) noexcept nogil

cdef void register_face(int face, type cls)
cdef Tensor header(int face, int dtype, int ndim, const Py_ssize_t* shape)   # no memory
cdef Tensor new(int face, int dtype, int ndim, const Py_ssize_t* shape)      # with memory
cdef Tensor like(Tensor x)                                # new, of x's face, dtype and shape
cdef int allocate(Tensor x) except -1
cdef int current_device() noexcept nogil                  # where this thread makes arrays
cdef int use_device(int device) noexcept nogil            # returns the one before
cdef int device_of(Tensor x) noexcept
cdef void look_at(Tensor x, Block block, char* data) noexcept
cdef void look_away(Tensor x) noexcept                    # give the memory up
cdef Tensor alias(Tensor x)                               # same memory, no gradient slot
cdef void set_strides(Tensor x) noexcept                  # row-major, from the shape
cdef void take_layout(Tensor y, Tensor x) noexcept        # strides of x, which has y's shape
cdef bint is_contiguous(Tensor x) noexcept
cdef bint same_shape(Tensor a, Tensor b) noexcept
cdef tuple shape_tuple(Tensor x)
cdef int parse_shape(object shape, Py_ssize_t* out) except -1     # returns ndim
cdef int parse_axis(object axis, int ndim) except -1
cdef int need_values(Tensor x, str what) except -1        # refuses an abstract tensor
cdef int deeper(int depth) except -1      # depth + 1, for lists in lists; refuses too many
cdef object view_numpy(Tensor x)                          # a NumPy array on the same memory
cdef void ask_before_export(int (*question)(Tensor) except -1) noexcept
cdef Tensor from_numpy(object array, int face)            # copies
