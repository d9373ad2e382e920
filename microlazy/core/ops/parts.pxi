# Numbers taken apart: fractions, mantissas and powers of 2, with their gradients.

cdef dict PARTS = {FRACTION: "fraction", MANTISSA: "mantissa", EXPONENT: "exponent",
                   OVER: "over_exponent"}


@cython.no_gc
@cython.final
cdef class Part(Node):
    cdef int op

    cdef int forward(self) except -1:
        return floats_into(self.op, self.a, self.b, self.out)

    cdef int backward(self, Pass p) except -1:
        cdef bint accumulate
        cdef Tensor dx
        if self.op == FRACTION:
            return pass_on(p, self.a, self.grad)
        give_over_exponent(p, self.a, self.grad, self.a if self.op == MANTISSA else self.b)
        if self.op == OVER:
            dx = p.target(self.b, &accumulate)
            if dx is not None and not accumulate:
                fill(dx, 0.0)
        return 0

    cdef int derive(self, Pass p, Tensor g) except -1:
        if self.op == FRACTION:
            return hand_on(p, self.a, g)
        if p.wants(self.a):
            hand_on(p, self.a, taken(OVER, g, self.a if self.op == MANTISSA else self.b))
        return 0

    cdef int inspect(self, Pass p) except -1:
        return 0 if self.op == EXPONENT else Node.inspect(self, p)

    cdef str name(self):
        return PARTS[self.op]


cdef int give_over_exponent(Pass p, Tensor x, Tensor g, Tensor divided) except -1:
    cdef bint accumulate
    cdef Tensor dx = p.target(x, &accumulate), part
    if dx is None:
        return 0
    part = like(dx) if accumulate else dx
    floats_into(OVER, g, divided, part)
    return add_to(dx, part) if accumulate else 0


cdef Tensor taken(int op, Tensor a, Tensor b):
    cdef Tensor out = header(a.face, float_dtype(op, a.dtype), a.ndim, a.shape_)
    cdef Part node
    if state().plain and not a.abstract:
        allocate(out)
        floats_into(op, a, b, out)
        return out
    node = Part.__new__(Part)
    node.op = op
    node.a = a
    node.b = b
    node.needs = NEEDS_A if op == MANTISSA else NEEDS_B if op == OVER else 0
    return run(node, out)


cdef Tensor fraction(Tensor x):
    if x.dtype == FLOAT16:
        return cast(fraction(cast(x, FLOAT32)), FLOAT16)
    return taken(FRACTION, x if x.dtype <= FLOAT64 else cast(x, FLOAT32), None)


cdef tuple frexp(Tensor x):
    cdef Tensor mantissas, exponents
    if x.dtype == FLOAT16:
        mantissas, exponents = frexp(cast(x, FLOAT32))
        return cast(mantissas, FLOAT16), exponents
    if x.dtype > FLOAT64:
        x = cast(x, FLOAT32)
    if not state().plain or x.abstract:
        return taken(MANTISSA, x, None), taken(EXPONENT, x, None)
    mantissas = new(x.face, x.dtype, x.ndim, x.shape_)
    exponents = new(x.face, INT32, x.ndim, x.shape_)
    frexp_into(x, mantissas, exponents)
    return mantissas, exponents
