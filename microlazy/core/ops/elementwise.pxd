"""Elementwise mathematics: one input, two inputs with broadcasting, or one and a number."""

cimport cython
from microlazy.core.tape cimport Node, Pass
from microlazy.core.tensor cimport Tensor


@cython.final
cdef class UnaryOp(Node):
    cdef int op


@cython.final
cdef class BinaryOp(Node):
    cdef int op
    cdef int give_zero(self, Pass p, Tensor x) except -1
    cdef Tensor operand(self, Pass p, int which, Tensor x, Tensor y)
    cdef int product(self, Pass p, Tensor x, Tensor other) except -1
    cdef int partial(self, int which, Tensor a, Tensor b, Tensor y, Tensor dx,
                     bint accumulate) except -1


@cython.final
cdef class BinaryScalar(Node):
    cdef int op
    cdef double s
    cdef bint swapped
    cdef bint is_linear(self, double* slope) noexcept     # whether its gradient is slope * g

cdef Tensor unary(int op, Tensor x)
cdef Tensor binary(int op, Tensor a, Tensor b)
cdef Tensor binary_scalar(int op, Tensor a, object s, bint swapped)
cdef Tensor mask(int op, object a, object b)  # a comparison as 0 and 1 of a float dtype, constant
cdef Tensor masked(Tensor x, Tensor ones)     # x where a mask is 1, else 0, recorded
cdef Tensor detached(Tensor x)
cdef Tensor gradient_by(int op, int which, Tensor g, object a, object b)     # of op(a, b), recorded
cdef Tensor fraction(Tensor x)                # what is left of numbers without their whole part
# Numbers in [0.5, 1) without their sign, and in int32 the powers of 2 that they are multiplied by.
cdef tuple frexp(Tensor x)
