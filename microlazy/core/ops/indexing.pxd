"""Reading and writing parts of an array."""

from microlazy.core.tensor cimport Tensor

cdef object get_item(Tensor x, object key)
cdef int set_item(Tensor x, object key, object value) except -1
cdef Tensor gather(Tensor x, object key)      # x[key] for a key with arrays
cdef Tensor scattered(Tensor values, object key, Tensor x)    # the adjoint: zeros elsewhere
cdef Tensor take(Tensor x, Tensor index, int axis, str mode)
cdef Tensor pick(Tensor x, Tensor index, int axis, bint keepdims, str mode)
cdef Tensor where(Tensor condition, Tensor x, Tensor y)
