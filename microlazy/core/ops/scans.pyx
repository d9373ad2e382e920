"""Running sums and products along an axis, and the recurrence that is the products' gradient."""

cimport cython
from microlazy.core.loops.elementwise cimport fill
from microlazy.core.loops.scans cimport recur_into, scan_into
from microlazy.core.ops.elementwise cimport binary
from microlazy.core.kernels.table cimport B_MULTIPLY
from microlazy.core.ops.shape cimport concatenate, section
from microlazy.core.ops.slots cimport give, hand_on
from microlazy.core.strided cimport packed
from microlazy.core.tape cimport NEEDS_A, NEEDS_B, NEEDS_OUT, Node, Pass, output_of, run
from microlazy.core.tensor cimport (
    FLOAT64, MAX_NDIM, Tensor, header, new, view_numpy,
)

import numpy


@cython.no_gc
@cython.final
cdef class Scan(Node):
    cdef int axis
    cdef bint product, backwards

    cdef int forward(self) except -1:
        if self.a.dtype <= FLOAT64:
            return scan_into(self.product, self.backwards, packed(self.a), self.axis, self.out)
        x, out = view_numpy(self.a), view_numpy(self.out)
        if self.backwards:
            x, out = numpy.flip(x, self.axis), numpy.flip(out, self.axis)
        (numpy.cumprod if self.product else numpy.cumsum)(x, axis=self.axis, out=out)
        return 0

    cdef Tensor gradient(self, Tensor g, Tensor y):
        cdef Tensor sums
        if not self.product:
            return scan(g, self.axis, False, not self.backwards)
        # Each product holds x[i], those before it, and those behind it one after the other.
        sums = recur(self.a, g, self.axis, not self.backwards)
        return binary(B_MULTIPLY, sums, moved_on(y, self.axis, 1.0, self.backwards))

    cdef int backward(self, Pass p) except -1:
        return give(p, self.a, self.gradient(self.grad, self.y)) if p.wants(self.a) else 0

    cdef int derive(self, Pass p, Tensor g) except -1:
        return hand_on(p, self.a, self.gradient(g, output_of(self) if self.product else None))

    cdef str name(self):
        return "cumprod" if self.product else "cumsum"


cdef Tensor scan(Tensor x, int axis, bint product, bint backwards):
    cdef Scan node = Scan.__new__(Scan)
    node.a = x
    node.axis = axis
    node.product = product
    node.backwards = backwards
    node.needs = NEEDS_A | NEEDS_OUT if product else 0
    return run(node, header(x.face, x.dtype, x.ndim, x.shape_))


cdef Tensor moved_on(Tensor x, int axis, double first, bint backwards):
    """x one place further along an axis, behind a number; backwards one place nearer."""
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef Py_ssize_t n = x.shape_[axis]
    cdef Tensor number
    cdef int i
    if n == 0:
        return x
    for i in range(x.ndim):
        shape[i] = 1 if i == axis else x.shape_[i]
    number = new(x.face, x.dtype, x.ndim, shape)
    fill(number, first)
    if backwards:
        return concatenate([section(x, axis, 1, n), number], axis)
    return concatenate([number, section(x, axis, 0, n - 1)], axis)


@cython.no_gc
@cython.final
cdef class Recurrence(Node):
    """out[i] = b[i] + a[i] * out[i - 1]; backwards b[i] + a[i + 1] * out[i + 1]."""
    cdef int axis
    cdef bint backwards

    cdef int forward(self) except -1:
        if self.out.dtype <= FLOAT64:
            return recur_into(self.backwards, packed(self.a), packed(self.b), self.axis, self.out)
        a, b, out = [numpy.moveaxis(view_numpy(x), self.axis, 0)
                     for x in (self.a, self.b, self.out)]
        if self.backwards:
            a, b, out = a[:0:-1], b[::-1], out[::-1]
        else:
            a = a[1:]
        out[:1] = b[:1]
        for i in range(1, len(b)):
            out[i] = b[i] + a[i - 1] * out[i - 1]
        return 0

    cdef int backward(self, Pass p) except -1:
        cdef Tensor sums = recur(self.a, self.grad, self.axis, not self.backwards)
        if p.wants(self.b):
            give(p, self.b, sums)
        if p.wants(self.a):
            give(p, self.a, self.by_factor(sums, self.y))
        return 0

    cdef int derive(self, Pass p, Tensor g) except -1:
        cdef Tensor sums = recur(self.a, g, self.axis, not self.backwards)
        if p.wants(self.b):
            hand_on(p, self.b, sums)
        if p.wants(self.a):
            hand_on(p, self.a, self.by_factor(sums, output_of(self)))
        return 0

    cdef Tensor by_factor(self, Tensor sums, Tensor y):
        if self.backwards:
            return binary(B_MULTIPLY, moved_on(sums, self.axis, 0.0, False), y)
        return binary(B_MULTIPLY, sums, moved_on(y, self.axis, 0.0, False))


cdef Tensor recur(Tensor a, Tensor b, int axis, bint backwards):
    cdef Recurrence node = Recurrence.__new__(Recurrence)
    node.a = a
    node.b = b
    node.axis = axis
    node.backwards = backwards
    node.needs = NEEDS_A | NEEDS_B | NEEDS_OUT
    return run(node, header(b.face, b.dtype, b.ndim, b.shape_))
