"""Change of dtype. Floats keep their gradient: it is cast back."""

cimport cython
from microlazy.core.strided cimport assign, pack
from microlazy.core.tape cimport Node, Pass, run
from microlazy.core.tensor cimport Tensor, header
from microlazy.core.ops.slots cimport give, hand_on


@cython.no_gc
@cython.final
cdef class Cast(Node):
    cdef int forward(self) except -1:
        if self.a.dtype == self.out.dtype:
            pack(self.a, self.out.data)
        else:
            assign(self.out, self.a)
        return 0

    cdef int backward(self, Pass p) except -1:
        return give(p, self.a, self.grad)

    cdef int derive(self, Pass p, Tensor g) except -1:
        return hand_on(p, self.a, g)


cdef Tensor converted(Tensor x, int dtype):
    cdef Cast node = Cast.__new__(Cast)
    node.a = x
    return run(node, header(x.face, dtype, x.ndim, x.shape_))


cdef Tensor cast(Tensor x, int dtype):
    if x.dtype == dtype:
        return x
    return converted(x, dtype)


cdef Tensor copied(Tensor x):
    return converted(x, x.dtype)
