"""The two faces of the tensor."""

from microlazy.core.tensor cimport Tensor

cdef class Array(Tensor):
    cdef object only_number(self)

cdef class NDArray(Array):
    pass

cdef class ndarray(NDArray):
    pass
