"""Elementwise operations and their gradients.

The loops are in `core/loops/elementwise`. Here dtypes without a kernel go to NumPy (integers, bool)
or through float32 (float16).
"""

cimport cython
from microlazy.core.kernels.table cimport *
from microlazy.core.loops.elementwise cimport (
    apply_binary_grad, apply_binary_scalar, apply_unary, apply_unary_grad, compare_arrays,
    compare_with_number, compute_binary, fill, mask_into, scaled,
)
from microlazy.core.loops.floats cimport (
    EXPONENT, FRACTION, MANTISSA, OVER, float_dtype, floats_into, frexp_into,
)
from microlazy.core.loops.integers cimport set_integer
from microlazy.core.loops.reductions cimport sum_product_to, sum_to
from microlazy.core.ops.cast cimport cast, copied, promoted
from microlazy.core.ops.numpy_call cimport numpy_call
from microlazy.core.ops.shape cimport (
    channels_last, channels_second, has_channels_second, same_memory,
)
from microlazy.core.ops.slots cimport give, hand_on, pass_on
from microlazy.core.strided cimport add_to, broadcast_shape, expanded, packed
from microlazy.core.tape cimport (
    NEEDS_A, NEEDS_B, NEEDS_OUT, Node, Pass, output_of, run, state, tracked_integers,
)
from microlazy.core.tensor cimport (
    BOOL, FLOAT16, FLOAT32, FLOAT64, INT8, INT32, INT64, MAX_NDIM, NP, Tensor, allocate, header,
    is_float, like, new, numpy_dtype, same_shape,
)

import numpy

from microlazy.base import MXNetError
from microlazy.core.kernels import elementwise_rows
from microlazy.core.ops import numpy_call as numpy_calls
from microlazy.util import mixed_faces

UNARY = {row.op: number for number, row in enumerate(elementwise_rows.UNARY)}
BINARY = {row.op: number for number, row in enumerate(elementwise_rows.BINARY)}
cdef list unary_names = list(UNARY)
cdef list binary_names = list(BINARY)
# What computes them for dtypes without a kernel: NumPy, or our kernels after a cast.
cdef list unary_numpy = [getattr(numpy, row.numpy) if row.numpy else None
                         for row in elementwise_rows.UNARY]
cdef list binary_numpy = [getattr(numpy, name) for name in BINARY]
cdef bint[N_UNARY] reads_x              # the gradient is written in terms of the input
cdef bint[N_UNARY] reads_y              # ... of the result
cdef bint[N_UNARY] makes_floats
cdef bint[N_BINARY] makes_floats_of_two
cdef bint[N_BINARY] reads_operands
cdef bint[2][N_BINARY] reads_result     # by each operand
cdef int[N_BINARY] mirrored             # what a comparison becomes when its operands change sides
for _op, _row in enumerate(elementwise_rows.UNARY):
    reads_x[_op] = elementwise_rows.reads(_row, "x")
    reads_y[_op] = elementwise_rows.reads(_row, "y")
    makes_floats[_op] = _row.makes_floats
for _op, _row in enumerate(elementwise_rows.BINARY):
    makes_floats_of_two[_op] = _row.makes_floats
    reads_operands[_op] = elementwise_rows.reads(_row, "ab")
    for _which in range(2):
        reads_result[_which][_op] = elementwise_rows.formula_reads(_row.gradients[_which], "y")
    mirrored[_op] = BINARY.get(_row.mirrored, _op)


# ---- gradients in recorded operations ------------------------------------------------------------

def _recorded_unary(int op):
    """The function of a row as its rules call it; of a plain number too."""
    def function(x):
        if isinstance(x, Tensor):
            return unary(op, <Tensor>x)
        with numpy.errstate(all="ignore"):
            return float(unary_numpy[op](x))
    return function


def _recorded_binary(int op):
    """The same of two, of which one may be a plain number, or both."""
    def function(a, b):
        if isinstance(a, Tensor):
            return binary(op, <Tensor>a, <Tensor>b) if isinstance(b, Tensor) else (
                binary_scalar(op, <Tensor>a, b, False))
        if isinstance(b, Tensor):
            return binary_scalar(op, <Tensor>b, a, True)
        return float(binary_numpy[op](a, b))
    return function


def _constant_mask(int op):
    def function(a, b):
        return mask(op, a, b)
    return function


class Recorded:
    """What the rules of the rows are written with: `f` in them."""


for _row in elementwise_rows.UNARY:
    setattr(Recorded, _row.op, staticmethod(_recorded_unary(UNARY[_row.op])))
for _row in elementwise_rows.ARITHMETIC:
    setattr(Recorded, _row.op, staticmethod(_recorded_binary(BINARY[_row.op])))
for _row in elementwise_rows.COMPARISONS:
    setattr(Recorded, _row.op, staticmethod(_constant_mask(BINARY[_row.op])))
Recorded.masked = staticmethod(lambda x, ones: masked(<Tensor>x, <Tensor>ones))
Recorded.detached = staticmethod(lambda x: detached(<Tensor>x))
Recorded.slope_of_power = staticmethod(lambda a, b: slope_of_power(a, b))
Recorded.growth_of_power = staticmethod(lambda a, b: growth_of_power(a, b))


cdef Tensor detached(Tensor x):
    return same_memory(x, x.face, True)


cdef Tensor zeros_of(Tensor x):
    cdef Tensor y = like(x)
    fill(y, 0.0)
    return y


cdef Tensor constant(Tensor x, double value):
    """An array of one number, to be used beside x."""
    cdef Tensor y = header(x.face, x.dtype, x.ndim, x.shape_)
    allocate(y)
    fill(y, value)
    return y


cdef Tensor mask(int op, object a, object b):
    """1 where the comparison holds and 0 elsewhere, in the dtype of the arrays; a constant."""
    cdef Tensor x = <Tensor>(a if isinstance(a, Tensor) else b)
    a = detached(<Tensor>a) if isinstance(a, Tensor) else constant(x, a)
    b = detached(<Tensor>b) if isinstance(b, Tensor) else constant(x, b)
    return cast(binary(op, <Tensor>a, <Tensor>b), x.dtype)


@cython.no_gc
@cython.final
cdef class Masked(Node):
    """`a` where c is 1, and 0 where c is 0, even if `a` is infinite there."""

    cdef int forward(self) except -1:
        return mask_into(self.a, self.c, self.out)

    cdef int backward(self, Pass p) except -1:
        cdef Tensor part
        if p.wants(self.a):
            part = like(self.a)
            mask_into(self.grad, self.c, part)
            give(p, self.a, part)
        return 0

    cdef int derive(self, Pass p, Tensor g) except -1:
        return hand_on(p, self.a, masked(g, self.c))


cdef Tensor masked(Tensor x, Tensor ones):
    cdef Masked node = Masked.__new__(Masked)
    node.a = x
    node.c = ones
    return run(node, header(x.face, x.dtype, x.ndim, x.shape_))


cdef Tensor gradient_by(int op, int which, Tensor g, object a, object b):
    """The gradient of op(a, b) by one of its operands, recorded."""
    rules = elementwise_rows.BINARY[op].rules
    rule = None if rules is None else rules[which]
    return zeros_of(g) if rule is None else rule(Recorded, g, a, b)


cdef Tensor slope_by(int op, Tensor g, object x, object y):
    """The gradient of op(x), recorded; y is its result where the rule reads it."""
    rule = elementwise_rows.UNARY[op].rule
    return zeros_of(g) if rule is None else rule(Recorded, g, x, y)


cdef Tensor unary_of_integers(int op, Tensor x):
    """By NumPy, recorded: MXNet lets integers have gradients."""
    return numpy_calls.call(unary_numpy[op], [x], dtype=numpy_dtype(x.dtype),
                            gradients=(lambda g, y, x: slope_by(op, g, x, y),))


cdef Tensor binary_of_integers(int op, object function, Tensor a, Tensor b, int dtype):
    return numpy_calls.call(function, [a, b], dtype=numpy_dtype(dtype),
                            gradients=(lambda g, y, a, b: gradient_by(op, 0, g, a, b),
                                       lambda g, y, a, b: gradient_by(op, 1, g, a, b)))


cdef object slope_of_power(object a, object b):
    """d(a**b)/da, which is 0 for b = 0 whatever a is."""
    if not isinstance(b, Tensor):
        return a ** (b - 1.0) * b if b != 0 else zeros_of(<Tensor>a)
    return b * a ** (b + mask(B_EQUAL, a, 0.0) * mask(B_EQUAL, b, 0.0) - 1.0) if (
        isinstance(a, Tensor)) else b * a ** (b - 1.0)


cdef object growth_of_power(object a, object b):
    """d(a**b)/db = a**b log(a), which is 0 for a = 0 and b >= 0."""
    if isinstance(a, Tensor):
        return a ** b * unary(U_LOG, <Tensor>(
            a + mask(B_EQUAL, a, 0.0) * mask(B_GREATER_EQUAL, b, 0.0)))
    if a == 0:
        return masked(-(a ** b), mask(B_LESS, b, 0.0))
    return a ** b * (numpy.log(a) if a > 0 else numpy.nan)


# ---- one input ---------------------------------------------------------------------------------

@cython.no_gc
@cython.final
cdef class UnaryOp(Node):
    cdef int forward(self) except -1:
        return apply_unary(self.op, self.a, self.out)

    cdef int backward(self, Pass p) except -1:
        cdef bint accumulate
        cdef Tensor dx = p.target(self.a, &accumulate)
        if dx is None:
            return 0
        cdef Tensor x = packed(self.a)
        cdef Tensor y = x
        if reads_y[self.op]:
            y = self.y
        return apply_unary_grad(self.op, x.data, y.data, self.grad.data, dx.data, accumulate,
                                x.size, x.dtype)

    cdef bint steady(self) noexcept:
        return True

    cdef int derive(self, Pass p, Tensor g) except -1:
        y = output_of(self) if reads_y[self.op] else None
        return hand_on(p, self.a, slope_by(self.op, g, self.a, y))

    cdef str name(self):
        return unary_names[self.op]


cdef Tensor unary(int op, Tensor x):
    cdef Tensor out
    cdef UnaryOp node
    if x.dtype > FLOAT64:
        if x.dtype == FLOAT16 or unary_numpy[op] is None:
            out = unary(op, cast(x, FLOAT32))
            return cast(out, FLOAT16) if x.dtype == FLOAT16 else out
        if x.face == NP and makes_floats[op]:
            return unary(op, cast(x, FLOAT32))
        if state().recording and tracked_integers(x):
            return unary_of_integers(op, x)
        if x.dtype == BOOL and unary_numpy[op] is numpy.abs:
            return copied(x)
        return numpy_call(unary_numpy[op], [x], {}, x.face, x.dtype if x.dtype != BOOL else INT64,
                          x.ndim, x.shape_)
    if has_channels_second(x):
        return channels_last(unary(op, channels_second(x)))     # in the order of memory
    out = header(x.face, x.dtype, x.ndim, x.shape_)
    if state().plain and not x.abstract:
        allocate(out)
        apply_unary(op, x, out)
        return out
    node = UnaryOp.__new__(UnaryOp)
    node.op = op
    node.a = x
    node.needs = (NEEDS_A if reads_x[op] else 0) | (NEEDS_OUT if reads_y[op] else 0)
    return run(node, out)


# ---- two inputs --------------------------------------------------------------------------------

@cython.no_gc
@cython.final
cdef class BinaryOp(Node):
    cdef int forward(self) except -1:
        return compute_binary(self.op, self.a, self.b, self.out)

    cdef int backward(self, Pass p) except -1:
        if self.op >= FIRST_COMPARISON:
            self.give_zero(p, self.a)
            self.give_zero(p, self.b)
        elif self.op == B_ADD:
            pass_on(p, self.a, self.grad)
            pass_on(p, self.b, self.grad)
        else:
            self.operand(p, 1, self.b, self.operand(p, 0, self.a, None))
        return 0

    cdef int derive(self, Pass p, Tensor g) except -1:
        if p.wants(self.a):
            hand_on(p, self.a, gradient_by(self.op, 0, g, self.a, self.b))
        if p.wants(self.b):
            hand_on(p, self.b, gradient_by(self.op, 1, g, self.a, self.b))
        return 0

    cdef int give_zero(self, Pass p, Tensor x) except -1:
        cdef bint accumulate
        cdef Tensor dx = p.target(x, &accumulate)
        if dx is not None and not accumulate:
            fill(dx, 0.0)
        return 0

    cdef Tensor operand(self, Pass p, int which, Tensor x, Tensor y):
        """The gradient by one operand; returns the result, if it was needed and computed for it."""
        cdef Tensor g = self.grad, a, b, full
        cdef bint accumulate
        if not p.wants(x):
            return y
        a, b = self.a, self.b
        if self.op == B_MULTIPLY and not (same_shape(a, g) and same_shape(b, g)):
            self.product(p, x, b if which == 0 else a)
            return None
        if self.needs:
            a = packed(expanded(a, g.ndim, g.shape_))
            b = packed(expanded(b, g.ndim, g.shape_))
            if reads_result[which][self.op] and y is None:
                y = like(g)
                compute_binary(self.op, a, b, y)
        else:
            a = b = g
        if same_shape(x, g):
            full = p.target(x, &accumulate)
            self.partial(which, a, b, g if y is None else y, full, accumulate)
        else:
            full = like(g)
            self.partial(which, a, b, g if y is None else y, full, False)
            sum_to(full, p.target(x, &accumulate), accumulate)
        return y

    cdef int product(self, Pass p, Tensor x, Tensor other) except -1:
        """The gradient of a product, one of whose operands is broadcast and not written out."""
        cdef bint accumulate
        cdef Tensor g = self.grad, dx, full
        dx = p.target(x, &accumulate)
        if not same_shape(x, g):
            return sum_product_to(g, other, dx, accumulate)
        full = like(g) if accumulate else dx
        compute_binary(B_MULTIPLY, g, other, full)
        return add_to(dx, full) if accumulate else 0

    cdef int partial(self, int which, Tensor a, Tensor b, Tensor y, Tensor dx,
                     bint accumulate) except -1:
        return apply_binary_grad(self.op, which, a.data, b.data, y.data, self.grad.data, dx.data,
                                 accumulate, dx.size, dx.dtype)

    cdef str name(self):
        return binary_names[self.op]


@cython.no_gc
@cython.final
cdef class Compare(Node):
    """A comparison under np: bool, and no gradient."""
    cdef int op

    cdef int forward(self) except -1:
        if self.out.size == 0:
            return 0
        if self.b.size == 1:
            return compare_with_number(self.op, self.a, self.b, self.out)
        if self.a.size == 1:
            return compare_with_number(mirrored[self.op], self.b, self.a, self.out)
        return compare_arrays(self.op, self.a, self.b, self.out)

    cdef str name(self):
        return binary_names[self.op]


cdef Tensor compare(int op, Tensor a, Tensor b):
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef int ndim = broadcast_shape(a, b, shape, binary_names[op])
    cdef Compare node
    if a.dtype != b.dtype or a.dtype > FLOAT64:
        return numpy_call(binary_numpy[op], [a, b], {}, a.face, BOOL, ndim, shape)
    node = Compare.__new__(Compare)
    node.op = op
    node.a = a
    node.b = b
    return run(node, header(a.face, BOOL, ndim, shape))


cdef Tensor binary(int op, Tensor a, Tensor b):
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef Tensor out
    cdef BinaryOp node
    cdef int ndim
    if a.face != b.face:
        raise mixed_faces("one operand")
    if a.dtype == b.dtype and a.dtype <= FLOAT64 and (a.face != NP or op < FIRST_COMPARISON):
        if same_shape(a, b):
            out = header(a.face, a.dtype, a.ndim, a.shape_)
        else:
            ndim = broadcast_shape(a, b, shape, binary_names[op])
            out = header(a.face, a.dtype, ndim, shape)
        if state().plain and not a.abstract and not b.abstract:
            allocate(out)
            compute_binary(op, a, b, out)
            return out
        node = BinaryOp.__new__(BinaryOp)
        node.op = op
        node.a = a
        node.b = b
        if reads_operands[op]:
            node.needs = NEEDS_A | NEEDS_B
        return run(node, out)
    return binary_other(op, a, b)


cdef Tensor binary_other(int op, Tensor a, Tensor b):
    """Mixed dtypes, integers, bool, float16, and np's comparisons."""
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef Tensor out
    cdef int dtype, ndim
    if a.face == NP:
        dtype = promoted(a.dtype, b.dtype)
        if (op == B_DIVIDE or makes_floats_of_two[op]) and not is_float(dtype):
            dtype = FLOAT32
        if op >= FIRST_COMPARISON:
            return compare(op, a, b)
    elif a.dtype != b.dtype:
        raise MXNetError(
            f"{binary_names[op]}: the arrays must have one dtype, but they are "
            f"{numpy_dtype(a.dtype)} and {numpy_dtype(b.dtype)}; use astype()")
    else:
        dtype = FLOAT32 if makes_floats_of_two[op] and not is_float(a.dtype) else a.dtype
    if dtype <= FLOAT64:
        return binary(op, cast(a, dtype), cast(b, dtype))
    if dtype == FLOAT16:
        out = binary(op, cast(a, FLOAT32), cast(b, FLOAT32))
        return cast(out, FLOAT16)
    ndim = broadcast_shape(a, b, shape, binary_names[op])
    function = integer_divide if op == B_DIVIDE else binary_numpy[op]
    if dtype == BOOL and a.face == NP and op in (B_POWER, B_MOD, B_FMOD, B_FLOOR_DIVIDE):
        return binary(op, cast(a, INT8), cast(b, INT8))
    if dtype == BOOL and op in (B_SUBTRACT, B_POWER, B_MOD):
        raise MXNetError(f"{binary_names[op]} is not defined for bool arrays; use astype()")
    if state().recording and (tracked_integers(a) or tracked_integers(b)):
        return binary_of_integers(op, function, a, b, dtype)
    return numpy_call(function, [a, b], {}, a.face, dtype, ndim, shape)


def integer_divide(a, b):
    """Division of integers that drops the fraction, as the nd face has it.

    Examples
    --------
    >>> from microlazy.core.ops.elementwise import integer_divide
    >>> int(integer_divide(-7, 2))
    -3
    """
    quotient = numpy.floor_divide(a, b)
    return quotient + ((numpy.remainder(a, b) != 0) & (quotient < 0))


# ---- an input and a number ---------------------------------------------------------------------

@cython.no_gc
@cython.final
cdef class BinaryScalar(Node):
    cdef int forward(self) except -1:
        return apply_binary_scalar(self.op, self.a, self.s, self.swapped, self.out)

    cdef int backward(self, Pass p) except -1:
        cdef bint accumulate
        cdef Tensor dx, a, s, y, g = self.grad
        cdef int op = self.op
        cdef double slope
        cdef bint linear = self.is_linear(&slope)
        if linear and slope == 1:
            return pass_on(p, self.a, g)
        dx = p.target(self.a, &accumulate)
        if dx is None:
            return 0
        if op >= FIRST_COMPARISON:
            return 0 if accumulate else fill(dx, 0.0)
        if linear:
            return scaled(slope, g, dx, accumulate)
        a = packed(self.a)
        s = like(a)
        fill(s, self.s)
        y = a
        if reads_result[1 if self.swapped else 0][op]:
            y = like(a)
            apply_binary_scalar(op, a, self.s, self.swapped, y)
        if self.swapped:
            return apply_binary_grad(op, 1, s.data, a.data, y.data, g.data, dx.data, accumulate,
                                     a.size, a.dtype)
        return apply_binary_grad(op, 0, a.data, s.data, y.data, g.data, dx.data, accumulate,
                                 a.size, a.dtype)

    cdef bint is_linear(self, double* slope) noexcept:
        slope[0] = 1.0
        if self.op == B_MULTIPLY:
            slope[0] = self.s
        elif self.op == B_SUBTRACT:
            slope[0] = -1.0 if self.swapped else 1.0
        elif self.op == B_DIVIDE and not self.swapped:
            slope[0] = 1.0 / self.s
        else:
            return self.op == B_ADD
        return True

    cdef bint steady(self) noexcept:
        return True

    cdef int derive(self, Pass p, Tensor g) except -1:
        if self.swapped:
            return hand_on(p, self.a, gradient_by(self.op, 1, g, self.s, self.a))
        return hand_on(p, self.a, gradient_by(self.op, 0, g, self.a, self.s))

    cdef str name(self):
        return binary_names[self.op]


cdef Tensor binary_scalar(int op, Tensor a, object s, bint swapped):
    cdef BinaryScalar node
    cdef Tensor out
    if a.dtype > FLOAT64 or (a.face == NP and op >= FIRST_COMPARISON):
        return binary_scalar_other(op, a, s, swapped)
    cdef double value = s
    if op == B_MAXIMUM or op == B_MINIMUM:
        swapped = False               # where both are equal, the array has the gradient
    out = header(a.face, a.dtype, a.ndim, a.shape_)
    if state().plain and not a.abstract:
        allocate(out)
        apply_binary_scalar(op, a, value, swapped, out)
        return out
    node = BinaryScalar.__new__(BinaryScalar)
    node.op = op
    node.s = value
    node.swapped = swapped
    node.a = a
    node.needs = NEEDS_A if reads_operands[op] and op != B_MULTIPLY else 0
    return run(node, out)


cdef Tensor binary_scalar_other(int op, Tensor a, object s, bint swapped):
    """Integers, bool and float16 with a number, and np's comparisons."""
    cdef Tensor number, left, right
    cdef int dtype = a.dtype
    if a.dtype <= FLOAT64:              # a comparison under np
        number = new(a.face, dtype, 0, NULL)
        fill(number, s)
        return compare(op, number, a) if swapped else compare(op, a, number)
    if a.face == NP and op >= FIRST_COMPARISON:
        if dtype != FLOAT16 and isinstance(s, int):
            number = new(a.face, dtype, 0, NULL)
            if set_integer(number, s):
                return compare(op, number, a) if swapped else compare(op, a, number)
        return numpy_call(with_number, [a], {"function": binary_numpy[op], "number": s,
                                             "swapped": swapped}, a.face, BOOL, a.ndim, a.shape_)
    if dtype == FLOAT16:
        return cast(binary_scalar(op, cast(a, FLOAT32), s, swapped), FLOAT16)
    if makes_floats_of_two[op] or (
            a.face == NP and (op == B_DIVIDE or isinstance(s, float) and not s.is_integer())):
        return binary_scalar(op, cast(a, FLOAT32), s, swapped)
    if dtype == BOOL:
        if not isinstance(s, (bool, numpy.bool_)) or a.face != NP:
            return binary_scalar(op, cast(a, INT64), s, swapped)
    if op == B_POWER and s == 2 and not swapped and dtype != BOOL:
        return binary_other(B_MULTIPLY, a, a)       # NumPy's power of integers is a loop
    number = new(a.face, dtype, 0, NULL)
    if not set_integer(number, int(s)):
        raise OverflowError(f"{binary_names[op]}: the number {s} does not fit into "
                            f"{numpy_dtype(dtype)}")
    left, right = (number, a) if swapped else (a, number)
    return binary_other(op, left, right)


def with_number(array, function, number, swapped):
    """A binary NumPy function of an array and a number, in either order.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.core.ops.elementwise import with_number
    >>> with_number(numpy.array([1, 3]), numpy.greater, 2, False)
    array([False,  True])
    """
    return function(number, array) if swapped else function(array, number)


# No module of its own, which would be loaded at import.
include "parts.pxi"
