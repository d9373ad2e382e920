"""Change of dtype, and copies."""

from microlazy.core.tensor cimport Tensor

cdef Tensor cast(Tensor x, int dtype)         # x itself if it has the dtype
cdef Tensor copied(Tensor x)                  # recorded
cdef int promoted(int a, int b) except -1     # the dtype of a result of both, under np
