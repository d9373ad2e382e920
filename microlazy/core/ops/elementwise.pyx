"""Elementwise operations and their gradients.

Kernels work on contiguous memory. Here operands are broadcast row by row, other layouts are packed
first, large work is cut into fixed pieces for the threads, and dtypes without a kernel go to NumPy
(integers, bool) or through float32 (float16).
"""

cimport cython
from cython.parallel cimport prange
from microlazy.core.kernels.select cimport kernels
from microlazy.core.kernels.table cimport *
from microlazy.core.ops.cast cimport cast, copied
from microlazy.core.ops.numpy_call cimport numpy_call
from microlazy.core.ops.reduce cimport sum_to
from microlazy.core.ops.shape cimport same_memory
from microlazy.core.ops.slots cimport give, hand_on
from microlazy.core.parallel cimport CHUNK, GRAIN, LIGHT_GRAIN, threads
from microlazy.core.strided cimport (
    Pieces, all_transposed, assign, broadcast_shape, coalesce, cut, expanded, overlap, packed,
    piece, piece_length, piece_start,
)
from microlazy.core.tape cimport (
    NEEDS_A, NEEDS_B, NEEDS_OUT, Node, Pass, may_write, need_sole_view, output_of, run, state,
    tracked, wrote,
)
from microlazy.core.tensor cimport (
    BOOL, FLOAT16, FLOAT32, FLOAT64, INT32, INT64, MAX_NDIM, NP, Tensor, allocate, dtype_number,
    header, is_float, itemsize, like, new, numpy_dtype, same_shape, shape_tuple, view_numpy,
)

import math

import numpy

from microlazy.base import MXNetError, ShapeError

# What NumPy calls them, for dtypes without a kernel, and which gradients read y = f(x).
UNARY = {
    "negative": (U_NEGATIVE, numpy.negative), "abs": (U_ABS, numpy.abs),
    "sign": (U_SIGN, numpy.sign), "square": (U_SQUARE, numpy.square),
    "sqrt": (U_SQRT, numpy.sqrt), "rsqrt": (U_RSQRT, None), "reciprocal": (U_RECIPROCAL, None),
    "exp": (U_EXP, numpy.exp), "expm1": (U_EXPM1, numpy.expm1), "log": (U_LOG, numpy.log),
    "log1p": (U_LOG1P, numpy.log1p), "log2": (U_LOG2, numpy.log2),
    "log10": (U_LOG10, numpy.log10), "sin": (U_SIN, numpy.sin), "cos": (U_COS, numpy.cos),
    "tanh": (U_TANH, numpy.tanh), "sigmoid": (U_SIGMOID, None),
    "log_sigmoid": (U_LOG_SIGMOID, None), "relu": (U_RELU, None),
    "softrelu": (U_SOFTRELU, None), "softsign": (U_SOFTSIGN, None), "erf": (U_ERF, None),
    "gelu": (U_GELU, None), "silu": (U_SILU, None), "floor": (U_FLOOR, numpy.floor),
    "ceil": (U_CEIL, numpy.ceil), "rint": (U_RINT, numpy.rint), "trunc": (U_TRUNC, numpy.trunc),
}
BINARY = {
    "add": (B_ADD, numpy.add), "subtract": (B_SUBTRACT, numpy.subtract),
    "multiply": (B_MULTIPLY, numpy.multiply), "divide": (B_DIVIDE, numpy.true_divide),
    "power": (B_POWER, numpy.power), "maximum": (B_MAXIMUM, numpy.maximum),
    "minimum": (B_MINIMUM, numpy.minimum), "mod": (B_MOD, numpy.mod),
    "equal": (B_EQUAL, numpy.equal), "not_equal": (B_NOT_EQUAL, numpy.not_equal),
    "less": (B_LESS, numpy.less), "less_equal": (B_LESS_EQUAL, numpy.less_equal),
    "greater": (B_GREATER, numpy.greater),
    "greater_equal": (B_GREATER_EQUAL, numpy.greater_equal),
}
cdef list unary_names = [None] * N_UNARY
cdef list unary_numpy = [None] * N_UNARY
cdef list binary_names = [None] * N_BINARY
cdef list binary_numpy = [None] * N_BINARY
for _name, (_op, _function) in UNARY.items():
    unary_names[_op] = _name
    unary_numpy[_op] = _function
for _name, (_op, _function) in BINARY.items():
    binary_names[_op] = _name
    binary_numpy[_op] = _function
cdef bint[N_UNARY] reads_y              # gradients written in terms of the result
for _op in (U_SQRT, U_RSQRT, U_RECIPROCAL, U_EXP, U_EXPM1, U_TANH, U_SIGMOID):
    reads_y[_op] = True
cdef bint[N_UNARY] makes_floats         # under np, of integers as well
for _op in (U_SQRT, U_EXP, U_EXPM1, U_LOG, U_LOG1P, U_LOG2, U_LOG10, U_SIN, U_COS, U_TANH):
    makes_floats[_op] = True
cdef bint[N_UNARY] is_light             # a few instructions an element
for _op in (U_NEGATIVE, U_ABS, U_SIGN, U_SQUARE, U_SQRT, U_RECIPROCAL, U_RELU, U_FLOOR, U_CEIL,
            U_RINT, U_TRUNC):
    is_light[_op] = True


# The same gradients in our own operations, for create_graph: of y = f(x), and of f(a, b) by each
# operand, where a or b may be a number. Masks are constants: they have no gradient.
UNARY_RULES = {
    "negative": lambda g, x, y: -g,
    "abs": lambda g, x, y: g * unary(U_SIGN, detached(x)),
    "sign": lambda g, x, y: zeros_of(g),
    "square": lambda g, x, y: g * x * 2.0,
    "sqrt": lambda g, x, y: g / y * 0.5,
    "rsqrt": lambda g, x, y: g * y * y * y * -0.5,
    "reciprocal": lambda g, x, y: -g * y * y,
    "exp": lambda g, x, y: g * y,
    "expm1": lambda g, x, y: g * (y + 1.0),
    "log": lambda g, x, y: g / x,
    "log1p": lambda g, x, y: g / (x + 1.0),
    "log2": lambda g, x, y: g / (x * math.log(2.0)),
    "log10": lambda g, x, y: g / (x * math.log(10.0)),
    "sin": lambda g, x, y: g * unary(U_COS, x),
    "cos": lambda g, x, y: -g * unary(U_SIN, x),
    "tanh": lambda g, x, y: g * (1.0 - y * y),
    "sigmoid": lambda g, x, y: g * y * (1.0 - y),
    "log_sigmoid": lambda g, x, y: g * unary(U_SIGMOID, -x),
    "relu": lambda g, x, y: masked(g, mask(B_GREATER, x, 0.0)),
    "softrelu": lambda g, x, y: g * unary(U_SIGMOID, x),
    "softsign": lambda g, x, y: g / unary(U_SQUARE, unary(U_ABS, x) + 1.0),
    "erf": lambda g, x, y: g * unary(U_EXP, -x * x) * (2.0 / math.sqrt(math.pi)),
    "gelu": lambda g, x, y: g * (
        (unary(U_ERF, x * math.sqrt(0.5)) + 1.0) * 0.5
        + x * unary(U_EXP, x * x * -0.5) * (1.0 / math.sqrt(2.0 * math.pi))),
    "silu": lambda g, x, y: g * (
        unary(U_SIGMOID, x) * (x * (1.0 - unary(U_SIGMOID, x)) + 1.0)),
    "floor": lambda g, x, y: zeros_of(g),
    "ceil": lambda g, x, y: zeros_of(g),
    "rint": lambda g, x, y: zeros_of(g),
    "trunc": lambda g, x, y: zeros_of(g),
}
BINARY_RULES = {
    "add": (lambda g, a, b: g, lambda g, a, b: g),
    "subtract": (lambda g, a, b: g, lambda g, a, b: -g),
    "multiply": (lambda g, a, b: g * b, lambda g, a, b: g * a),
    "divide": (lambda g, a, b: g / b, lambda g, a, b: -g * a / (b * b)),
    "power": (lambda g, a, b: g * slope_of_power(a, b), lambda g, a, b: g * a ** b * log_of(a)),
    "maximum": (lambda g, a, b: masked(g, mask(B_GREATER_EQUAL, a, b)),
                lambda g, a, b: masked(g, mask(B_LESS, a, b))),
    "minimum": (lambda g, a, b: masked(g, mask(B_LESS_EQUAL, a, b)),
                lambda g, a, b: masked(g, mask(B_GREATER, a, b))),
    "mod": (lambda g, a, b: g, lambda g, a, b: -g * floor_of(a, b)),
}
NO_GRADIENT = (lambda g, a, b: zeros_of(g), lambda g, a, b: zeros_of(g))


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


cdef int mask_into(Tensor x, Tensor ones, Tensor out) except -1:
    if x.dtype > FLOAT64:
        view_numpy(out)[...] = numpy.where(view_numpy(ones) != 0, view_numpy(x), 0)
        return 0
    ones = packed(ones)
    return apply_unary_grad(U_RELU, ones.data, ones.data, packed(x).data, out.data, False, x.size,
                            x.dtype)


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


cdef object slope_of_power(object a, object b):
    """d(a**b)/da, which is 0 for b = 0 whatever a is."""
    if isinstance(b, Tensor):
        return b * a ** (b - 1.0)
    return a ** (b - 1.0) * b if b != 0 else zeros_of(<Tensor>a)


cdef object log_of(object a):
    return unary(U_LOG, <Tensor>a) if isinstance(a, Tensor) else math.log(a) if a > 0 else (
        -math.inf if a == 0 else math.nan)


cdef Tensor floor_of(object a, object b):
    """floor(a / b), a constant."""
    a = detached(<Tensor>a) if isinstance(a, Tensor) else a
    b = detached(<Tensor>b) if isinstance(b, Tensor) else b
    return unary(U_FLOOR, <Tensor>(a / b))


# ---- one input ---------------------------------------------------------------------------------

cdef inline Py_ssize_t grain(int op) noexcept nogil:
    return LIGHT_GRAIN if is_light[op] else GRAIN


cdef int apply_unary(int op, Tensor x, Tensor out) except -1:
    """out = f(x), of the same size and dtype; out is contiguous."""
    cdef Pieces p
    cdef Py_ssize_t i, size = itemsize(x.dtype)
    cdef char* target = out.data
    cdef int dtype = x.dtype
    if x.size < grain(op):
        x = packed(x)
        kernels.unary[dtype](op, x.data, target, x.size)
        return 0
    _scratch = cut(&p, out, 1, x, None, None)
    for i in prange(p.total, nogil=True, schedule="static", num_threads=threads()):
        kernels.unary[dtype](op, piece(&p, 0, i), target + piece_start(&p, i) * size,
                             piece_length(&p, i))
    return 0


cdef int apply_unary_grad(int op, const char* x, const char* y, const char* g, char* dx,
                          bint accumulate, Py_ssize_t n, int dtype) except -1:
    cdef Py_ssize_t step = CHUNK * itemsize(dtype), i
    if n < grain(op):
        kernels.unary_grad[dtype](op, x, y, g, dx, accumulate, n)
        return 0
    for i in prange((n + CHUNK - 1) // CHUNK, nogil=True, schedule="static",
                    num_threads=threads()):
        kernels.unary_grad[dtype](op, x + i * step, y + i * step, g + i * step, dx + i * step,
                                  accumulate, min(<Py_ssize_t>CHUNK, n - i * CHUNK))
    return 0


@cython.no_gc
@cython.final
cdef class UnaryOp(Node):
    cdef int op

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

    cdef int derive(self, Pass p, Tensor g) except -1:
        rule = UNARY_RULES[unary_names[self.op]]
        return hand_on(p, self.a, rule(g, self.a, output_of(self) if reads_y[self.op] else None))

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
        return numpy_call(unary_numpy[op], [x], {}, x.face, x.dtype if x.dtype != BOOL else INT64,
                          x.ndim, x.shape_)
    out = header(x.face, x.dtype, x.ndim, x.shape_)
    if state().plain and not x.abstract:
        allocate(out)
        apply_unary(op, x, out)
        return out
    node = UnaryOp.__new__(UnaryOp)
    node.op = op
    node.a = x
    node.needs = NEEDS_A | NEEDS_OUT if reads_y[op] else NEEDS_A
    return run(node, out)


# ---- two inputs --------------------------------------------------------------------------------

cdef inline double number_at(const char* data, int dtype) noexcept nogil:
    return (<const float*>data)[0] if dtype == FLOAT32 else (<const double*>data)[0]


cdef void binary_rows(int op, const char* a, const char* b, char* out, int dtype, int axis,
                      int last, const Py_ssize_t* n, const Py_ssize_t* sa, const Py_ssize_t* sb,
                      const Py_ssize_t* so) noexcept nogil:
    cdef Py_ssize_t i
    if axis < last:
        for i in range(n[axis]):
            binary_rows(op, a + i * sa[axis], b + i * sb[axis], out + i * so[axis], dtype,
                        axis + 1, last, n, sa, sb, so)
    elif sa[axis] == 0 and sb[axis] == 0:     # foreign memory may be broadcast already
        kernels.binary[dtype](op, a, b, out, 1)
        kernels.fill[dtype](number_at(out, dtype), out, n[axis])
    elif sa[axis] == 0:
        kernels.binary_scalar[dtype](op, b, number_at(a, dtype), True, out, n[axis])
    elif sb[axis] == 0:
        kernels.binary_scalar[dtype](op, a, number_at(b, dtype), False, out, n[axis])
    else:
        kernels.binary[dtype](op, a, b, out, n[axis])


cdef bint row_ready(Tensor x) noexcept:
    """Whether x's last axis of more than one element is packed or broadcast."""
    cdef int i
    for i in range(x.ndim - 1, -1, -1):
        if x.shape_[i] != 1:
            return x.strides_[i] == itemsize(x.dtype) or x.strides_[i] == 0
    return True


cdef enum:
    STRIP = 16                    # columns and rows of a tile that stays in the nearest cache
    RUN = 256


cdef void binary_strip(int op, const Pieces* p, char* out, Py_ssize_t first,
                       int dtype) noexcept nogil:
    """Some columns of a result, computed along them and turned tile by tile."""
    cdef double[STRIP * RUN] room
    cdef char* tile = <char*>room
    cdef Py_ssize_t size = itemsize(dtype), rows = p.n[0], cols = p.n[1], i, j, n, row
    cdef Py_ssize_t width = min(<Py_ssize_t>STRIP, cols - first)
    for i in range((rows + RUN - 1) // RUN):
        row = i * RUN
        n = min(<Py_ssize_t>RUN, rows - row)
        for j in range(width):
            kernels.binary[dtype](op, p.data[0] + (first + j) * p.steps[0][1] + row * size,
                                  p.data[1] + (first + j) * p.steps[1][1] + row * size,
                                  tile + j * n * size, n)
        kernels.transpose[dtype](tile, n * size, out + (row * cols + first) * size, cols, n, width)


cdef int binary_pieces(int op, Tensor a, Tensor b, Tensor out) except -1:
    cdef Pieces p
    cdef Py_ssize_t i, size = itemsize(out.dtype)
    cdef char* target = out.data
    cdef int dtype = out.dtype
    _scratch = cut(&p, out, 2, a, b, None)
    if all_transposed(&p):
        for i in prange((p.cols + STRIP - 1) // STRIP, nogil=True, schedule="static",
                        num_threads=threads()):
            binary_strip(op, &p, target, i * STRIP, dtype)
        return 0
    for i in prange(p.total, nogil=True, schedule="static", num_threads=threads()):
        kernels.binary[dtype](op, piece(&p, 0, i), piece(&p, 1, i),
                              target + piece_start(&p, i) * size, piece_length(&p, i))
    return 0


cdef int compute_binary(int op, Tensor a, Tensor b, Tensor out) except -1:
    """out = op(a, b) with broadcasting; out is contiguous and may be a or b."""
    cdef Py_ssize_t[MAX_NDIM] n
    cdef Py_ssize_t[MAX_NDIM] sa
    cdef Py_ssize_t[MAX_NDIM] sb
    cdef Py_ssize_t[MAX_NDIM] so
    cdef Py_ssize_t step, i, rows
    cdef int axes, dtype = out.dtype, j
    cdef const char* pa
    cdef const char* pb
    cdef char* po
    if out.size == 0:
        return 0
    if out.size < (GRAIN if op == B_POWER else LIGHT_GRAIN):
        if a.contiguous and b.contiguous and a.size == out.size and b.size == out.size:
            kernels.binary[dtype](op, a.data, b.data, out.data, out.size)
            return 0
        a = a if row_ready(a) else packed(a)
        b = b if row_ready(b) else packed(b)
    elif b.size == 1 and a.size == out.size:
        return apply_binary_scalar(op, a, number_at(b.data, dtype), False, out)
    elif a.size == 1 and b.size == out.size:
        return apply_binary_scalar(op, b, number_at(a.data, dtype), True, out)
    elif not (row_ready(a) and row_ready(b)) or (a.size == out.size and b.size == out.size):
        return binary_pieces(op, a, b, out)
    a = expanded(a, out.ndim, out.shape_)
    b = expanded(b, out.ndim, out.shape_)
    axes = coalesce(out.ndim, out.shape_, a.strides_, b.strides_, n, sa, sb)
    step = itemsize(dtype)
    for j in range(axes - 1, -1, -1):
        so[j] = step
        step *= n[j]
    pa, pb, po = a.data, b.data, out.data
    if out.size < LIGHT_GRAIN or axes == 1 or n[0] < 2:
        with nogil:
            binary_rows(op, pa, pb, po, dtype, 0, axes - 1, n, sa, sb, so)
        return 0
    rows = n[0]
    for i in prange(rows, nogil=True, schedule="static", num_threads=threads()):
        binary_rows(op, pa + i * sa[0], pb + i * sb[0], po + i * so[0], dtype, 1, axes - 1, n,
                    sa, sb, so)
    return 0


cdef int apply_binary_grad(int op, int which, const char* a, const char* b, const char* y,
                           const char* g, char* dx, bint accumulate, Py_ssize_t n,
                           int dtype) except -1:
    cdef Py_ssize_t step = CHUNK * itemsize(dtype), i
    if n < (GRAIN if op == B_POWER else LIGHT_GRAIN):
        kernels.binary_grad[dtype](op, which, a, b, y, g, dx, accumulate, n)
        return 0
    for i in prange((n + CHUNK - 1) // CHUNK, nogil=True, schedule="static",
                    num_threads=threads()):
        kernels.binary_grad[dtype](op, which, a + i * step, b + i * step, y + i * step,
                                   g + i * step, dx + i * step, accumulate,
                                   min(<Py_ssize_t>CHUNK, n - i * CHUNK))
    return 0


@cython.no_gc
@cython.final
cdef class BinaryOp(Node):
    cdef int op

    cdef int forward(self) except -1:
        return compute_binary(self.op, self.a, self.b, self.out)

    cdef int backward(self, Pass p) except -1:
        if self.op >= B_EQUAL:
            self.give_zero(p, self.a)
            self.give_zero(p, self.b)
        elif self.op == B_ADD:
            give(p, self.a, self.grad)
            give(p, self.b, self.grad)
        else:
            self.operand(p, 0, self.a)
            self.operand(p, 1, self.b)
        return 0

    cdef int derive(self, Pass p, Tensor g) except -1:
        rules = BINARY_RULES.get(binary_names[self.op], NO_GRADIENT)
        if p.wants(self.a):
            hand_on(p, self.a, rules[0](g, self.a, self.b))
        if p.wants(self.b):
            hand_on(p, self.b, rules[1](g, self.a, self.b))
        return 0

    cdef int give_zero(self, Pass p, Tensor x) except -1:
        cdef bint accumulate
        cdef Tensor dx = p.target(x, &accumulate)
        if dx is not None and not accumulate:
            fill(dx, 0.0)
        return 0

    cdef int operand(self, Pass p, int which, Tensor x) except -1:
        cdef Tensor g = self.grad, a, b, full, y
        cdef bint accumulate
        if not p.wants(x):
            return 0
        a, b, y = self.a, self.b, g
        if self.needs:
            a = packed(expanded(a, g.ndim, g.shape_))
            b = packed(expanded(b, g.ndim, g.shape_))
            if self.op == B_POWER or self.op == B_DIVIDE:
                y = like(g)
                compute_binary(self.op, a, b, y)
        else:
            a = b = g
        if same_shape(x, g):
            full = p.target(x, &accumulate)
            return self.partial(which, a, b, y, full, accumulate)
        full = like(g)
        self.partial(which, a, b, y, full, False)
        return sum_to(full, p.target(x, &accumulate), accumulate)

    cdef int partial(self, int which, Tensor a, Tensor b, Tensor y, Tensor dx,
                     bint accumulate) except -1:
        return apply_binary_grad(self.op, which, a.data, b.data, y.data, self.grad.data, dx.data,
                                 accumulate, dx.size, dx.dtype)

    cdef str name(self):
        return binary_names[self.op]


cdef int promoted(int a, int b) except -1:
    """The dtype of a result under np: the widest float, else NumPy's integer that we have."""
    if a == b:
        return a
    if is_float(a) or is_float(b):
        for dtype in (FLOAT64, FLOAT32, FLOAT16):
            if a == dtype or b == dtype:
                return dtype
    common = numpy.result_type(numpy_dtype(a), numpy_dtype(b))
    return INT32 if common == numpy.int16 else dtype_number(common)


# What a comparison becomes when its operands change sides.
cdef int[6] MIRRORED
MIRRORED[:] = [B_EQUAL, B_NOT_EQUAL, B_GREATER, B_GREATER_EQUAL, B_LESS, B_LESS_EQUAL]


cdef int compare_with_number(int op, Tensor a, Tensor number, Tensor out) except -1:
    cdef Pieces p
    cdef Py_ssize_t i
    cdef double s = number_at(number.data, a.dtype)
    cdef unsigned char* target = <unsigned char*>out.data
    cdef int dtype = a.dtype
    if out.size < LIGHT_GRAIN:
        a = packed(a)
        kernels.compare_scalar[dtype](op, a.data, s, target, out.size)
        return 0
    _scratch = cut(&p, out, 1, a, None, None)
    for i in prange(p.total, nogil=True, schedule="static", num_threads=threads()):
        kernels.compare_scalar[dtype](op, piece(&p, 0, i), s, target + piece_start(&p, i),
                                      piece_length(&p, i))
    return 0


cdef int compare_arrays(int op, Tensor a, Tensor b, Tensor out) except -1:
    cdef Pieces p
    cdef Py_ssize_t i
    cdef unsigned char* target = <unsigned char*>out.data
    cdef int dtype = a.dtype
    if out.size < LIGHT_GRAIN:
        a = packed(expanded(a, out.ndim, out.shape_))
        b = packed(expanded(b, out.ndim, out.shape_))
        kernels.compare[dtype](op, a.data, b.data, target, out.size)
        return 0
    _scratch = cut(&p, out, 2, a, b, None)
    for i in prange(p.total, nogil=True, schedule="static", num_threads=threads()):
        kernels.compare[dtype](op, piece(&p, 0, i), piece(&p, 1, i), target + piece_start(&p, i),
                               piece_length(&p, i))
    return 0


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
            return compare_with_number(MIRRORED[self.op - B_EQUAL], self.b, self.a, self.out)
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
        raise TypeError("one operand is an nd.NDArray and the other an np.ndarray; convert one "
                        "with as_np_ndarray() or as_nd_ndarray()")
    if a.dtype == b.dtype and a.dtype <= FLOAT64 and (a.face != NP or op < B_EQUAL):
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
        if B_MULTIPLY <= op < B_EQUAL:
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
        if op == B_DIVIDE and not is_float(dtype):
            dtype = FLOAT32
        if op >= B_EQUAL:
            return compare(op, a, b)
    elif a.dtype != b.dtype:
        raise MXNetError(
            f"{binary_names[op]}: the arrays must have one dtype, but they are "
            f"{numpy_dtype(a.dtype)} and {numpy_dtype(b.dtype)}; use astype()")
    else:
        dtype = a.dtype
    if dtype <= FLOAT64:
        return binary(op, cast(a, dtype), cast(b, dtype))
    if dtype == FLOAT16:
        out = binary(op, cast(a, FLOAT32), cast(b, FLOAT32))
        return cast(out, FLOAT16)
    ndim = broadcast_shape(a, b, shape, binary_names[op])
    function = integer_divide if op == B_DIVIDE else binary_numpy[op]
    if dtype == BOOL and op in (B_SUBTRACT, B_POWER, B_MOD):
        raise MXNetError(f"{binary_names[op]} is not defined for bool arrays; use astype()")
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


cdef Tensor multiply(Tensor a, Tensor b):
    return binary(B_MULTIPLY, a, b)


# ---- an input and a number ---------------------------------------------------------------------

cdef int apply_binary_scalar(int op, Tensor a, double s, bint swapped, Tensor out) except -1:
    cdef Pieces p
    cdef Py_ssize_t i, size = itemsize(out.dtype)
    cdef char* target = out.data
    cdef int dtype = a.dtype
    if a.size < (GRAIN if op == B_POWER else LIGHT_GRAIN):
        a = packed(a)
        kernels.binary_scalar[dtype](op, a.data, s, swapped, target, a.size)
        return 0
    _scratch = cut(&p, out, 1, a, None, None)
    for i in prange(p.total, nogil=True, schedule="static", num_threads=threads()):
        kernels.binary_scalar[dtype](op, piece(&p, 0, i), s, swapped,
                                     target + piece_start(&p, i) * size, piece_length(&p, i))
    return 0


@cython.no_gc
@cython.final
cdef class BinaryScalar(Node):
    cdef int op
    cdef double s
    cdef bint swapped

    cdef int forward(self) except -1:
        return apply_binary_scalar(self.op, self.a, self.s, self.swapped, self.out)

    cdef int backward(self, Pass p) except -1:
        cdef bint accumulate
        cdef Tensor dx = p.target(self.a, &accumulate), a, s, y, g = self.grad
        cdef int op = self.op
        if dx is None:
            return 0
        if op >= B_EQUAL:
            return 0 if accumulate else fill(dx, 0.0)
        if op == B_ADD or (op == B_SUBTRACT and not self.swapped):
            return scaled(1.0, g, dx, accumulate)
        if op == B_SUBTRACT:
            return scaled(-1.0, g, dx, accumulate)
        if op == B_MULTIPLY:
            return scaled(self.s, g, dx, accumulate)
        if op == B_DIVIDE and not self.swapped:
            return scaled(1.0 / self.s, g, dx, accumulate)
        a = packed(self.a)
        s = like(a)
        fill(s, self.s)
        y = a
        if op == B_DIVIDE or op == B_POWER:
            y = like(a)
            apply_binary_scalar(op, a, self.s, self.swapped, y)
        if self.swapped:
            return apply_binary_grad(op, 1, s.data, a.data, y.data, g.data, dx.data, accumulate,
                                     a.size, a.dtype)
        return apply_binary_grad(op, 0, a.data, s.data, y.data, g.data, dx.data, accumulate,
                                 a.size, a.dtype)

    cdef int derive(self, Pass p, Tensor g) except -1:
        rules = BINARY_RULES.get(binary_names[self.op], NO_GRADIENT)
        if self.swapped:
            return hand_on(p, self.a, rules[1](g, self.s, self.a))
        return hand_on(p, self.a, rules[0](g, self.a, self.s))

    cdef str name(self):
        return binary_names[self.op]


cdef int scaled(double alpha, Tensor g, Tensor dx, bint accumulate) except -1:
    """dx (+)= alpha * g."""
    cdef Py_ssize_t n = g.size, step = CHUNK * itemsize(g.dtype), i
    cdef int dtype = g.dtype
    cdef const char* source = g.data
    cdef char* target = dx.data
    if n < LIGHT_GRAIN:
        kernels.scale[dtype](alpha, source, target, accumulate, n)
        return 0
    for i in prange((n + CHUNK - 1) // CHUNK, nogil=True, schedule="static",
                    num_threads=threads()):
        kernels.scale[dtype](alpha, source + i * step, target + i * step, accumulate,
                             min(<Py_ssize_t>CHUNK, n - i * CHUNK))
    return 0


cdef Tensor binary_scalar(int op, Tensor a, object s, bint swapped):
    cdef BinaryScalar node
    cdef Tensor out
    if a.dtype > FLOAT64 or (a.face == NP and op >= B_EQUAL):
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
    node.needs = NEEDS_A if op in (B_DIVIDE, B_POWER, B_MAXIMUM, B_MINIMUM, B_MOD) else 0
    return run(node, out)


cdef Tensor binary_scalar_other(int op, Tensor a, object s, bint swapped):
    """Integers, bool and float16 with a number, and np's comparisons."""
    cdef Tensor number, left, right
    cdef int dtype = a.dtype
    if a.dtype <= FLOAT64:              # a comparison under np
        number = new(a.face, dtype, 0, NULL)
        fill(number, s)
        return compare(op, number, a) if swapped else compare(op, a, number)
    if a.face == NP and op >= B_EQUAL:
        return numpy_call(with_number, [a], {"function": binary_numpy[op], "number": s,
                                             "swapped": swapped}, a.face, BOOL, a.ndim, a.shape_)
    if dtype == FLOAT16:
        return cast(binary_scalar(op, cast(a, FLOAT32), s, swapped), FLOAT16)
    if a.face == NP and (op == B_DIVIDE or isinstance(s, float) and not s.is_integer()):
        return binary_scalar(op, cast(a, FLOAT32), s, swapped)
    if dtype == BOOL:
        return binary_scalar(op, cast(a, INT64), s, swapped)
    number = new(a.face, dtype, 0, NULL)
    try:
        view_numpy(number)[...] = int(s)
    except OverflowError:
        raise OverflowError(f"{binary_names[op]}: the number {s} does not fit into "
                            f"{numpy_dtype(dtype)}") from None
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


# ---- in place ----------------------------------------------------------------------------------

cdef int binary_into(int op, Tensor a, Tensor b) except -1:
    """a = op(a, b): b is broadcast to a, never a to b."""
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef Tensor result
    cdef int ndim = broadcast_shape(a, b, shape, binary_names[op]), i
    for i in range(ndim):
        if ndim != a.ndim or shape[i] != a.shape_[i]:
            raise ShapeError(f"{binary_names[op]} in place: an array of shape {shape_tuple(a)} "
                             "cannot hold a result of shape "
                             f"{tuple([shape[i] for i in range(ndim)])}")
    if state().recording and tracked(b) and not tracked(a):
        result = binary(op, copied(a), b)
        check_float(op, result, a)
        result = cast(result, a.dtype)
        need_sole_view(a)
        may_write(a)
        assign(a, result)
        wrote(a)
        a.slot = result.slot
        return 0
    if a.dtype == b.dtype and a.dtype <= FLOAT64 and a.contiguous and op < B_EQUAL and (
            not overlap(a, b) or (a.data == b.data and b.contiguous and same_shape(a, b))):
        may_write(a)
        compute_binary(op, a, b, a)
        wrote(a)
        return 0
    result = binary(op, a, b)
    check_float(op, result, a)
    may_write(a)
    assign(a, result)
    wrote(a)
    return 0


cdef int check_float(int op, Tensor result, Tensor a) except -1:
    if is_float(result.dtype) and not is_float(a.dtype):
        raise MXNetError(f"{binary_names[op]} in place: the result is {numpy_dtype(result.dtype)}, "
                         f"but the array holds {numpy_dtype(a.dtype)}; use astype()")
    return 0


cdef int binary_scalar_into(int op, Tensor a, object s) except -1:
    cdef Tensor result
    if a.dtype <= FLOAT64 and a.contiguous:
        may_write(a)
        apply_binary_scalar(op, a, s, False, a)
        wrote(a)
        return 0
    result = binary_scalar(op, a, s if is_float(a.dtype) or op == B_DIVIDE else int(s), False)
    check_float(op, result, a)
    may_write(a)
    assign(a, result)
    wrote(a)
    return 0


cdef int fill(Tensor x, double value) except -1:
    """x[...] = value for a contiguous float array that is ours to write."""
    cdef Py_ssize_t n = x.size, step, i
    cdef char* target = x.data
    cdef int dtype = x.dtype
    if dtype > FLOAT64 or not x.contiguous:
        view_numpy(x)[...] = value
        return 0
    if n < LIGHT_GRAIN:
        kernels.fill[dtype](value, target, n)
        return 0
    step = CHUNK * itemsize(dtype)
    for i in prange((n + CHUNK - 1) // CHUNK, nogil=True, schedule="static",
                    num_threads=threads()):
        kernels.fill[dtype](value, target + i * step, min(<Py_ssize_t>CHUNK, n - i * CHUNK))
    return 0
