"""Operations with several results: one node for the run, and one for each result.

A result's node hands its gradient to the run, which stands before it on the tape and so comes after
all of them on the way back.
"""

cimport cython
from microlazy.core.tape cimport Node, Pass, enlist, is_cut, lead_to, reach
from microlazy.core.tensor cimport Tensor


cdef class Source(Node):
    cdef list take_grads(self):
        cdef list grads = self.grads
        self.grads = None
        return grads


@cython.no_gc
@cython.final
cdef class Result(Node):
    cdef Source source            # None when the graph is freed
    cdef Py_ssize_t place
    cdef str of                   # then: the name that it had

    cdef int backward(self, Pass p) except -1:
        return self.derive(p, self.grad)

    cdef int derive(self, Pass p, Tensor g) except -1:
        cdef Source source = self.source
        if is_cut(p, source):
            return 0
        if source.written != p.number:
            source.grads = [None] * source.count
            reach(p, source)
        before = source.grads[self.place]
        source.grads[self.place] = g if before is None else before + g
        return 0

    cdef bint leads(self, Pass p) noexcept:
        return self.source.leading == p.number

    cdef int inspect(self, Pass p) except -1:
        return lead_to(p, self.source)

    cdef int release(self) except -1:
        self.of = self.name()
        self.source = None
        Node.release(self)
        return 0

    cdef str name(self):
        return self.of if self.source is None else self.source.name()


cdef int hand_out(Source source, Py_ssize_t place, Tensor y, Tensor x) except -1:
    """Put a result on the tape; with an input `x` its gradient may be read where it lies."""
    cdef Result node = Result.__new__(Result)
    node.source = source
    node.place = place
    node.part = True
    node.a = x
    enlist(node)
    y.slot = node
    return 0
