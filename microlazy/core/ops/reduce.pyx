"""Sum, mean, product, maximum, minimum, the places of extremes, and the variance."""

cimport cython
from libc.float cimport DBL_MAX, DBL_MIN, FLT_MAX, FLT_MIN
from libc.math cimport fabs
from microlazy.core.kernels.select cimport kernels
from microlazy.core.kernels.table cimport *
from microlazy.core.loops.elementwise cimport compute_binary, fill, scaled
from microlazy.core.loops.reductions cimport (
    arg_into, means, reduce_scaled, reduced_header, variance_into, with_kept_axes,
)
from microlazy.core.ops.cast cimport cast
from microlazy.core.ops.elementwise cimport binary
from microlazy.core.ops.numpy_call cimport numpy_call
from microlazy.core.ops.shape cimport (
    broadcast_to, concatenate, reshape, same_memory, section, transpose,
)
from microlazy.core.ops.slots cimport hand_on, set_fit
from microlazy.core.strided cimport add_to, assign, packed
from microlazy.core.tape cimport NEEDS_A, NEEDS_OUT, Node, Pass, reach, run, state, tracked_integers
from microlazy.core.tensor cimport (
    BOOL, FLOAT16, FLOAT32, FLOAT64, INT64, MAX_NDIM, ND, NP, Tensor, allocate, is_float,
    like, new, numpy_dtype, parse_axis, same_shape, shape_tuple, view_numpy,
)

import numpy

from microlazy.core.ops import numpy_call as numpy_calls

cdef list NAMES = ["sum", "prod", "max", "min"]
cdef list FUNCTIONS = [numpy.sum, numpy.prod, numpy.max, numpy.min]


cdef unsigned int axis_mask(object axis, int ndim, bint exclude) except? 0xffffffff:
    """Which axes are reduced, a bit each. None and, under exclude, the others of `axis`."""
    cdef unsigned int mask = 0, bit, every = (1u << ndim) - 1
    if axis is None:
        mask = 0 if exclude else every
    elif ndim or axis not in (0, -1):       # as in NumPy, a number has these axes too
        for item in (axis if isinstance(axis, (tuple, list)) else (axis,)):
            bit = 1u << parse_axis(item, ndim)
            if mask & bit:
                raise ValueError(f"duplicate value in 'axis': {axis}")
            mask |= bit
        if exclude:
            mask = every & ~mask
    return mask


@cython.no_gc
@cython.final
cdef class Reduce(Node):
    cdef int forward(self) except -1:
        if self.a.size == 0:
            return self.forward_empty()
        return reduce_scaled(self.op, self.a, self.mask, self.factor, self.out)

    cdef int forward_empty(self) except -1:
        if self.op == R_SUM or self.op == R_PROD:
            return fill(self.out, numpy.nan if self.factor == 0.0 else <double>(self.op == R_PROD))
        if self.nothing_to_choose_from():
            raise ValueError(f"{NAMES[self.op]} of an empty array of shape {shape_tuple(self.a)}: "
                             "there is nothing to choose from")
        return 0

    cdef bint nothing_to_choose_from(self) noexcept:
        cdef int axis
        for axis in range(self.a.ndim):
            if self.mask >> axis & 1 and self.a.shape_[axis] == 0:
                return True
        return False

    cdef int backward(self, Pass p) except -1:
        cdef bint accumulate
        cdef Tensor x = self.a, part, dx, g
        if isinstance(x.slot, Node) and (<Node>x.slot).takes_broadcast:
            x.slot.grad = self.spread(self.grad)
            return reach(p, <Node>x.slot)
        dx = p.target(x, &accumulate)
        if dx is None or dx.size == 0:
            return 0
        if self.op != R_SUM:
            g = with_kept_axes(self.grad, x, self.mask)
            part = like(dx)
            if self.op == R_PROD and (are_normal(self.y) or not has_zero(packed(x))):
                compute_binary(B_DIVIDE, with_kept_axes(self.y, x, self.mask), x, part)
            elif self.op == R_PROD:
                view_numpy(part)[...] = product_gradient(view_numpy(packed(x)), self.mask)
            else:
                compute_binary(B_EQUAL, x, with_kept_axes(self.y, x, self.mask), part)
            compute_binary(B_MULTIPLY, part, g, part if accumulate else dx)
            return add_to(dx, part) if accumulate else 0
        g = self.spread(self.grad)
        return add_to(dx, g) if accumulate else assign(dx, g)

    cdef Tensor spread(self, Tensor g):
        cdef Tensor part = g
        if self.factor != 1.0:
            part = like(g)
            kernels.scale[g.dtype](self.factor, g.data, part.data, False, part.size)
        return with_kept_axes(part, self.a, self.mask)

    cdef int derive(self, Pass p, Tensor g) except -1:
        cdef Tensor x = self.a, y
        g = kept_axes(g, x, self.mask)
        if self.op == R_PROD:
            g = g * products_of_others(x, self.mask)
        elif self.op != R_SUM:
            y = kept_axes(self.y, x, self.mask)
            g = g * cast(equal(x, y), x.dtype)
        elif self.factor != 1.0:
            g = g * self.factor
        return hand_on(p, x, broadcast_to(g, x.ndim, x.shape_))

    cdef str name(self):
        return "mean" if self.factor != 1.0 else NAMES[self.op]


cdef Tensor kept_axes(Tensor small, Tensor x, unsigned int mask):
    """`small` with its reduced axes as 1, recorded."""
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef int axis
    for axis in range(x.ndim):
        shape[axis] = 1 if mask >> axis & 1 else x.shape_[axis]
    return reshape(small, x.ndim, shape)


cdef Tensor equal(Tensor a, Tensor b):
    """Whether elements are equal, outside the tape."""
    return binary(B_EQUAL, same_memory(a, a.face, True), same_memory(b, b.face, True))


cdef Tensor products_of_others(Tensor x, unsigned int mask):
    """For each element the product of those that it is multiplied with, recorded.

    From both sides: what comes before an element times what comes after, so zeros do no harm.
    """
    cdef int[MAX_NDIM] order
    cdef int[MAX_NDIM] back
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef Py_ssize_t n = 1, i
    cdef int axis, kept = 0
    cdef Tensor rows, before, after, out
    if mask == 0 or x.size == 0:        # without axes there is no room for one more of MAX_NDIM
        out = like(x)
        fill(out, 1.0)
        return out
    places = [a for a in range(x.ndim) if not mask >> a & 1]
    kept = len(places)
    places += [a for a in range(x.ndim) if mask >> a & 1]
    for axis in range(x.ndim):
        order[axis] = places[axis]
        back[places[axis]] = axis
        if axis >= kept:
            n *= x.shape_[places[axis]]
        else:
            shape[axis] = x.shape_[places[axis]]
    shape[kept] = n
    rows = reshape(transpose(x, order), kept + 1, shape)
    shape[kept] = 1
    ones = new(x.face, x.dtype, kept + 1, shape)
    fill(ones, 1.0)
    before, after, out = ones, ones, None
    cdef list left = [ones], parts = []
    for i in range(n - 1):
        before = before * section(rows, kept, i, i + 1)
        left.append(before)
    for i in range(n - 1, -1, -1):
        parts.append(left[i] * after)
        after = after * section(rows, kept, i, i + 1)
    out = concatenate(parts[::-1], kept)
    for axis in range(x.ndim):
        shape[axis] = x.shape_[places[axis]]
    return transpose(reshape(out, x.ndim, shape), back)


cdef bint are_normal(Tensor y) noexcept:
    """Whether products are numbers that lose nothing when they are divided by a factor."""
    cdef Py_ssize_t i
    cdef double size, least = FLT_MIN if y.dtype == FLOAT32 else DBL_MIN
    cdef double most = FLT_MAX if y.dtype == FLOAT32 else DBL_MAX
    for i in range(y.size):
        size = fabs((<float*>y.data)[i] if y.dtype == FLOAT32 else (<double*>y.data)[i])
        if not least <= size <= most:
            return False
    return True


cdef bint has_zero(Tensor x) noexcept:
    cdef Py_ssize_t i
    for i in range(x.size):
        if ((<float*>x.data)[i] if x.dtype == FLOAT32 else (<double*>x.data)[i]) == 0:
            return True
    return False


def product_gradient(values, mask):
    """Derivative of a product by each factor: the product of the others, zeros included.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.core.ops.reduce import product_gradient
    >>> product_gradient(numpy.array([0.0, 2.0, 3.0]), 1)
    array([6., 0., 0.])
    """
    axes = tuple(axis for axis in range(values.ndim) if mask >> axis & 1)
    zeros = values == 0
    count = zeros.sum(axis=axes, keepdims=True)
    product = numpy.where(zeros, 1, values).prod(axis=axes, keepdims=True)
    with numpy.errstate(all="ignore"):
        others = product / numpy.where(zeros, 1, values)
    others = numpy.where(count == 0, others, 0)
    return numpy.where(zeros, numpy.where(count == 1, product, 0), others)


cdef Tensor reduce_with(int op, Tensor x, unsigned int mask, bint keepdims, double factor):
    cdef Reduce node
    cdef Tensor out
    if state().plain and not x.abstract and x.size:
        out = reduced_header(x, mask, keepdims, x.dtype)
        allocate(out)
        reduce_scaled(op, x, mask, factor, out)
        return out
    node = Reduce.__new__(Reduce)
    node.op = op
    node.mask = mask
    node.factor = factor
    node.a = x
    node.needs = NEEDS_A | NEEDS_OUT if op != R_SUM else 0
    return run(node, reduced_header(x, mask, keepdims, x.dtype))


cdef int sum_dtype(Tensor x) noexcept:
    """Of a sum or product of x: integers are summed in int64 under np, as in NumPy."""
    return INT64 if x.dtype == BOOL or (x.face == NP and not is_float(x.dtype)) else x.dtype


# The gradients of sums, products and extremes of integers, which NumPy computes.
cdef Tensor spread(Tensor g, Tensor x, tuple axis):
    return broadcast_to(kept_axes(g, x, axis_mask(axis, x.ndim, False)), x.ndim, x.shape_)


INTEGER_RULES = {
    R_SUM: lambda g, y, x, axis, keepdims: spread(g, x, axis),
    R_PROD: lambda g, y, x, axis, keepdims:
        spread(g, x, axis) * products_of_others(x, axis_mask(axis, (<Tensor>x).ndim, False)),
    R_MAX: lambda g, y, x, axis, keepdims:
        spread(g, x, axis) * cast(equal(x, spread(y, x, axis)), (<Tensor>x).dtype),
}
INTEGER_RULES[R_MIN] = INTEGER_RULES[R_MAX]


cdef object mean_rule(object g, object y, object x, tuple axis, object keepdims):
    """The gradient of a mean of integers, cut to integers."""
    cdef Tensor part = spread(g, x, axis)
    return cast(cast(part, FLOAT64) / max((<Tensor>x).size // max((<Tensor>g).size, 1), 1),
                (<Tensor>x).dtype)


cdef Tensor sum_over(Tensor x, unsigned int mask):
    return reduce_with(R_SUM, x, mask, True, 1.0)


cdef Tensor reduce(int op, Tensor x, object axis, bint keepdims, bint exclude):
    if x.face == ND and isinstance(axis, tuple) and not axis:
        axis = None
    cdef unsigned int mask = axis_mask(axis, x.ndim, exclude)
    cdef Tensor out
    if x.dtype == FLOAT16:
        return cast(reduce(op, cast(x, FLOAT32), axis, keepdims, exclude), FLOAT16)
    if x.dtype > FLOAT64:
        out = reduced_header(x, mask, keepdims, sum_dtype(x) if op <= R_PROD else x.dtype)
        options = {"axis": tuple([i for i in range(x.ndim) if mask >> i & 1]),
                   "keepdims": out.ndim == x.ndim}
        if state().recording and tracked_integers(x):
            return numpy_calls.call(FUNCTIONS[op], [x], options, (INTEGER_RULES[op],),
                                    dtype=numpy_dtype(out.dtype))
        return numpy_call(FUNCTIONS[op], [x], options, x.face, out.dtype, out.ndim, out.shape_)
    return reduce_with(op, x, mask, keepdims, 1.0)


cdef Tensor mean(Tensor x, object axis, bint keepdims, bint exclude):
    if x.face == ND and isinstance(axis, tuple) and not axis:
        axis = None
    cdef unsigned int mask = axis_mask(axis, x.ndim, exclude)
    cdef Py_ssize_t count = 1
    cdef int i
    cdef Tensor out
    if x.dtype == FLOAT16:
        return cast(mean(cast(x, FLOAT32), axis, keepdims, exclude), FLOAT16)
    if x.dtype > FLOAT64:
        if x.face == ND and state().recording and tracked_integers(x):
            axes = tuple([i for i in range(x.ndim) if mask >> i & 1])
            options = {"axis": axes, "keepdims": bool(keepdims)}
            return numpy_calls.call(numpy.mean, [x], options, (mean_rule,),
                                    dtype=numpy_dtype(x.dtype))
        out = mean(cast(x, FLOAT64), axis, keepdims, exclude)
        return cast(out, FLOAT32 if x.face == NP else x.dtype)
    for i in range(x.ndim):
        if mask >> i & 1:
            count *= x.shape_[i]
    return reduce_with(R_SUM, x, mask, keepdims, 1.0 / count if count else 0.0)


@cython.no_gc
@cython.final
cdef class ArgReduce(Node):
    cdef int op, axis

    cdef int forward(self) except -1:
        return arg_into(self.op, self.a, self.axis, self.out)

    cdef str name(self):
        return "argmax" if self.op == R_MAX else "argmin"


cdef Tensor arg_reduce(int op, Tensor x, object axis, bint keepdims):
    cdef ArgReduce node
    cdef int place = -1 if axis is None or x.ndim == 0 else parse_axis(axis, x.ndim)
    cdef unsigned int mask = axis_mask(axis, x.ndim, False)
    cdef Tensor out
    if (x.size if place < 0 else x.shape_[place]) == 0:
        raise ValueError(f"attempt to get {'argmax' if op == R_MAX else 'argmin'} of an empty "
                         f"sequence: the array has shape {shape_tuple(x)}")
    out = reduced_header(x, mask, keepdims,
                         INT64 if x.face == NP else x.dtype if is_float(x.dtype) else FLOAT32)
    if x.dtype > FLOAT64:
        x = cast(x, FLOAT32 if x.dtype == FLOAT16 else FLOAT64)
    if state().plain and not x.abstract:
        allocate(out)
        arg_into(op, x, place, out)
        return out
    node = ArgReduce.__new__(ArgReduce)
    node.op = op
    node.axis = place
    node.a = x
    out = run(node, out)
    out.slot = None
    return out


# ---- variance ----------------------------------------------------------------------------------

@cython.no_gc
@cython.final
cdef class Variance(Node):
    """The mean square distance from the mean, in two passes."""
    cdef unsigned int mask
    cdef Py_ssize_t count
    cdef double factor                # 1 / (count - ddof)

    cdef int forward(self) except -1:
        if self.a.size == 0:
            return fill(self.out, numpy.nan)
        return variance_into(self.a, self.mask, self.count, self.factor, self.out)

    cdef int backward(self, Pass p) except -1:
        cdef bint accumulate
        cdef Tensor x = self.a, part
        cdef Tensor dx = p.target(x, &accumulate)
        if dx is None or dx.size == 0:
            return 0
        part = like(dx)
        compute_binary(B_SUBTRACT, x,
                       with_kept_axes(means(x, self.mask, self.count), x, self.mask), part)
        compute_binary(B_MULTIPLY, part, with_kept_axes(self.grad, x, self.mask), part)
        return scaled(2.0 * self.factor, part, dx, accumulate)

    cdef int derive(self, Pass p, Tensor g) except -1:
        cdef Tensor x = self.a
        center = sum_over(x, self.mask) * (1.0 / self.count)
        slope = (x - kept_axes(<Tensor>center, x, self.mask)) * (2.0 * self.factor)
        return hand_on(p, x, slope * kept_axes(g, x, self.mask))

    cdef str name(self):
        return "var"


cdef Tensor variance(Tensor x, object axis, double ddof, bint keepdims):
    cdef unsigned int mask = axis_mask(axis, x.ndim, False)
    cdef Variance node
    cdef double left
    cdef int i
    if x.dtype == FLOAT16:
        return cast(variance(cast(x, FLOAT32), axis, ddof, keepdims), FLOAT16)
    if x.dtype > FLOAT64:
        x = cast(x, FLOAT32)
    node = Variance.__new__(Variance)
    node.a = x
    node.mask = mask
    node.count = 1
    for i in range(x.ndim):
        if mask >> i & 1:
            node.count *= x.shape_[i]
    left = max(node.count - ddof, 0.0)
    node.factor = 1.0 / left if left else numpy.inf
    node.needs = NEEDS_A
    return run(node, reduced_header(x, mask, keepdims, x.dtype))


# ---- what fits a recorded gradient to its input --------------------------------------------------

cdef Tensor fitted(Tensor grad, Tensor x):
    """A gradient with x's dtype and face, summed over the axes that x was broadcast along."""
    cdef unsigned int mask = 0
    cdef int i, shift
    grad = cast(grad, x.dtype)
    if grad.face != x.face:
        grad = same_memory(grad, x.face, False)
    if same_shape(grad, x):
        return grad
    shift = grad.ndim - x.ndim
    for i in range(grad.ndim):
        if i < shift or (x.shape_[i - shift] == 1 != grad.shape_[i]):
            mask |= 1u << i
    if mask:
        grad = sum_over(grad, mask)
    return reshape(grad, x.ndim, x.shape_)


set_fit(fitted)
