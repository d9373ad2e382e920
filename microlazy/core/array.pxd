"""The two faces of the tensor."""

from microlazy.core.tensor cimport Tensor

cdef class Array(Tensor):
    pass

cdef class NDArray(Array):
    pass

cdef class ndarray(Array):
    pass
