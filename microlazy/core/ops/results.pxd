"""Operations with several results."""

from microlazy.core.tape cimport Node, Pass
from microlazy.core.tensor cimport Tensor


cdef class Source(Node):
    """A run with several results: one node for the run, which comes first, and one for each."""
    cdef list grads               # of the results, as far as they have come
    cdef Py_ssize_t count         # of the results
    cdef list take_grads(self)    # those of this pass, which are not kept any longer

cdef int hand_out(Source source, Py_ssize_t place, Tensor y, Tensor x) except -1    # y, on the tape
