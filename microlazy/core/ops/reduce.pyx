"""Sum, mean, product, maximum, minimum, and the places of extremes.

A reduction over any set of axes becomes a chain of reductions over rows or columns of a matrix:
neighbouring axes that are both reduced, or both kept, count as one.
"""

cimport cython
from cython.parallel cimport prange
from libc.string cimport memcpy
from microlazy.core.kernels.select cimport kernels
from microlazy.core.kernels.table cimport *
from microlazy.core.ops.cast cimport cast
from microlazy.core.ops.elementwise cimport binary, compute_binary, fill, scaled
from microlazy.core.ops.numpy_call cimport numpy_call
from microlazy.core.ops.shape cimport (
    broadcast_to, concatenate, reshape, same_memory, section, transpose, view,
)
from microlazy.core.ops.slots cimport give, hand_on
from microlazy.core.parallel cimport CHUNK, COLUMNS, LIGHT_GRAIN, threads
from microlazy.core.strided cimport Pieces, add_to, assign, expanded, packed, stretch, unroll
from microlazy.core.tape cimport NEEDS_A, NEEDS_OUT, Node, Pass, run, state
from microlazy.core.tensor cimport (
    BOOL, FLOAT16, FLOAT32, FLOAT64, INT64, MAX_NDIM, ND, NP, Tensor, alias, allocate, header,
    is_float, is_contiguous, itemsize, like, new, parse_axis, set_strides, shape_tuple, view_numpy,
)

import numpy


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


# ---- the machinery -----------------------------------------------------------------------------

cdef Tensor in_memory_order(Tensor x, unsigned int* mask):
    """x seen with its axes in another order, if it is packed in that order, else x itself.

    The axes that are not in the mask keep their order; the mask follows its axes.
    """
    cdef Tensor y
    cdef int[MAX_NDIM] order
    cdef int i, j, axis, kept = -1
    cdef unsigned int moved = 0
    if x.contiguous:
        return x
    for i in range(x.ndim):
        j = i
        while j > 0 and x.strides_[order[j - 1]] < x.strides_[i]:
            order[j] = order[j - 1]
            j -= 1
        order[j] = i
    y = alias(x)
    for i in range(x.ndim):
        axis = order[i]
        y.shape_[i] = x.shape_[axis]
        y.strides_[i] = x.strides_[axis]
        if mask[0] >> axis & 1:
            moved |= 1u << i
        elif axis < kept:
            return x
        else:
            kept = axis
    if not is_contiguous(y):
        return x
    y.contiguous = True
    mask[0] = moved
    return y


cdef bint as_matrix(Tensor x, unsigned int mask, Py_ssize_t* outer, Py_ssize_t* n,
                    Py_ssize_t* inner) noexcept:
    """See x as (outer, n, inner), n reduced; False if the reduced axes are not neighbours."""
    cdef int axis, stage = 0
    outer[0] = n[0] = inner[0] = 1
    for axis in range(x.ndim):
        if x.shape_[axis] == 1:
            continue
        if mask >> axis & 1:
            if stage == 2:
                return False
            stage = 1
            n[0] *= x.shape_[axis]
        elif stage == 0:
            outer[0] *= x.shape_[axis]
        else:
            stage = 2
            inner[0] *= x.shape_[axis]
    return True


cdef inline const char* elements(const char* x, const Pieces* p, Py_ssize_t start, Py_ssize_t n,
                                 Py_ssize_t size) noexcept nogil:
    return x + start * size if p == NULL else stretch(p, 0, start, n)


cdef void reduce_stretch(int op, const char* x, const Pieces* p, Py_ssize_t start, char* out,
                         Py_ssize_t rows, Py_ssize_t cols, int dtype) noexcept nogil:
    """out[r] = op over row r of the elements of x (or p) from place `start` on."""
    cdef Py_ssize_t size = itemsize(dtype)
    if p != NULL and op == R_SUM and p.axes == 1 and p.steps[0][0] == 2 * size:
        kernels.sum_alternate[dtype](p.data[0] + 2 * start * size, out, rows, cols)
    else:
        kernels.reduce_rows[dtype](op, elements(x, p, start, rows * cols, size), out, rows, cols)


cdef int reduce_matrix_rows(int op, const char* x, const Pieces* p, char* out, Py_ssize_t rows,
                            Py_ssize_t cols, int dtype) except -1:
    """out[r] = op over x[r, :]; p, if not NULL, reads an x that is not packed."""
    cdef Py_ssize_t size = itemsize(dtype), i, pieces, step, n
    cdef Tensor partial
    cdef char* q
    if rows * cols < LIGHT_GRAIN:
        kernels.reduce_rows[dtype](op, x, out, rows, cols)
    elif rows >= 4:
        step = rows_together(cols)
        for i in prange((rows + step - 1) // step, nogil=True, schedule="static",
                        num_threads=threads()):
            n = min(step, rows - i * step)
            reduce_stretch(op, x, p, i * step * cols, out + i * step * size, n, cols, dtype)
    else:
        pieces = (cols + CHUNK - 1) // CHUNK
        partial = new(ND, dtype, 1, &pieces)
        q = partial.data
        for step in range(rows):
            for i in prange(pieces, nogil=True, schedule="static", num_threads=threads()):
                n = min(<Py_ssize_t>CHUNK, cols - i * CHUNK)
                reduce_stretch(op, x, p, step * cols + i * CHUNK, q + i * size, 1, n, dtype)
            kernels.reduce_rows[dtype](op, q, out + step * size, 1, pieces)
    return 0


cdef inline Py_ssize_t rows_together(Py_ssize_t cols) noexcept nogil:
    return max(<Py_ssize_t>1, CHUNK // max(cols, <Py_ssize_t>1))


cdef int reduce_matrix_cols(int op, const char* x, char* out, bint accumulate, Py_ssize_t rows,
                            Py_ssize_t cols, int dtype, const Pieces* p=NULL) except -1:
    """out[c] = op over x[:, c]; p as above, not for fewer than 4 pieces."""
    cdef Py_ssize_t size = itemsize(dtype), i, n
    cdef Py_ssize_t step = rows_together(cols), pieces = (rows + step - 1) // step
    cdef Py_ssize_t[2] shape
    cdef Tensor partial
    cdef char* q
    if rows * cols < LIGHT_GRAIN or pieces < 4:
        kernels.reduce_cols[dtype](op, x, out, accumulate, rows, cols)
        return 0
    shape[0], shape[1] = pieces, cols
    partial = new(ND, dtype, 2, shape)
    q = partial.data
    for i in prange(pieces, nogil=True, schedule="static", num_threads=threads()):
        n = min(step, rows - i * step)
        kernels.reduce_cols[dtype](op, elements(x, p, i * step * cols, n * cols, size),
                                   q + i * cols * size, False, n, cols)
    kernels.reduce_cols[dtype](op, q, out, accumulate, pieces, cols)
    return 0


cdef int reduce_middle(int op, const char* x, char* out, bint accumulate, Py_ssize_t outer,
                       Py_ssize_t n, Py_ssize_t inner, int dtype) except -1:
    """out[i, j] = op over x[i, :, j]."""
    cdef Py_ssize_t size = itemsize(dtype), i
    if n * inner >= LIGHT_GRAIN or outer * n * inner < LIGHT_GRAIN:
        for i in range(outer):
            reduce_matrix_cols(op, x + i * n * inner * size, out + i * inner * size, accumulate, n,
                               inner, dtype)
        return 0
    for i in prange(outer, nogil=True, schedule="static", num_threads=threads()):
        kernels.reduce_cols[dtype](op, x + i * n * inner * size, out + i * inner * size,
                                   accumulate, n, inner)
    return 0


cdef int reduce_into(int op, Tensor x, unsigned int mask, Tensor out, bint accumulate) except -1:
    """out (+)= x reduced over the axes in mask; out is contiguous, both are floats."""
    cdef Py_ssize_t[MAX_NDIM] n
    cdef bint[MAX_NDIM] reduced
    cdef Py_ssize_t outer, inner, i, length, count
    cdef int axis, groups = 0, dtype = x.dtype, left = 0
    cdef Tensor source, target, _scratch
    cdef Pieces unpacked
    cdef Pieces* p = NULL
    cdef char* q
    cdef const char* s
    for axis in range(x.ndim):
        if x.shape_[axis] == 1:
            continue
        if groups and reduced[groups - 1] == <bint>(mask >> axis & 1):
            n[groups - 1] *= x.shape_[axis]
        else:
            n[groups] = x.shape_[axis]
            reduced[groups] = mask >> axis & 1
            groups += 1
    for axis in range(groups):
        left += reduced[axis]
    if not x.contiguous and x.size >= LIGHT_GRAIN and groups <= 2 and left == 1 and (
            groups == 1 or n[0] > 3 * rows_together(n[1])):
        p = &unpacked                       # a matrix is packed piece by piece, in the cache
        _scratch = unroll(p, x, max(<Py_ssize_t>CHUNK, n[1] if groups == 2 else 0))
    else:
        x = packed(x)
    source = x
    if left == 0:
        return add_flat(out, source) if accumulate else copy_flat(out, source)
    while left:
        axis = groups - 1
        while not reduced[axis]:
            axis -= 1
        outer = inner = 1
        for i in range(axis):
            outer *= n[i]
        for i in range(axis + 1, groups):
            inner *= n[i]
        length = n[axis]
        left -= 1
        if left == 0:
            target = out
        else:
            count = outer * inner
            target = new(ND, dtype, 1, &count)
        s = source.data
        q = target.data
        if inner == 1 and not (accumulate and left == 0):
            reduce_matrix_rows(op, s, p, q, outer, length, dtype)
        elif inner == 1:
            target = new(ND, dtype, 1, &outer)
            reduce_matrix_rows(op, s, p, target.data, outer, length, dtype)
            return add_flat(out, target)
        elif outer == 1:
            reduce_matrix_cols(op, s, q, accumulate and left == 0, length, inner, dtype, p)
        else:
            reduce_middle(op, s, q, accumulate and left == 0, outer, length, inner, dtype)
        source = target
        n[axis] = 1
        reduced[axis] = False
    return 0


cdef int copy_flat(Tensor dst, Tensor src) except -1:
    memcpy(dst.data, src.data, src.size * itemsize(src.dtype))
    return 0


cdef int add_flat(Tensor dst, Tensor src) except -1:
    kernels.add_to[dst.dtype](src.data, dst.data, dst.size)
    return 0


cdef int sum_to(Tensor x, Tensor out, bint accumulate) except -1:
    cdef unsigned int mask = 0
    cdef int i, shift = x.ndim - out.ndim
    if x.dtype > FLOAT64:
        axes = tuple([i for i in range(x.ndim)
                      if i < shift or out.shape_[i - shift] == 1 != x.shape_[i]])
        array = view_numpy(out)
        summed = view_numpy(x).sum(axis=axes).reshape(array.shape)
        array[...] = array + summed if accumulate else summed
        return 0
    if x.size == 0:
        if not accumulate:
            fill(out, 0.0)
        return 0
    for i in range(x.ndim):
        if i < shift or (out.shape_[i - shift] == 1 and x.shape_[i] != 1):
            mask |= 1u << i
    return reduce_into(R_SUM, x, mask, out, accumulate)


# ---- the ops -----------------------------------------------------------------------------------

cdef Tensor reduced_header(Tensor x, unsigned int mask, bint keepdims, int dtype):
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef int axis, ndim = 0
    for axis in range(x.ndim):
        if not (mask >> axis & 1):
            shape[ndim] = x.shape_[axis]
            ndim += 1
        elif keepdims:
            shape[ndim] = 1
            ndim += 1
    if ndim == 0 and x.face == ND:          # nd has no zero-dim results
        shape[0] = 1
        ndim = 1
    return header(x.face, dtype, ndim, shape)


cdef Tensor with_kept_axes(Tensor small, Tensor x, unsigned int mask):
    """`small` seen with its reduced axes as 1, and broadcast to x's shape."""
    cdef Tensor y = alias(small)
    cdef int axis
    y.ndim = x.ndim
    for axis in range(x.ndim):
        y.shape_[axis] = 1 if mask >> axis & 1 else x.shape_[axis]
    set_strides(y)
    return expanded(y, x.ndim, x.shape_)


cdef int reduce_scaled(int op, Tensor x, unsigned int mask, double factor, Tensor out) except -1:
    x = in_memory_order(x, &mask)
    reduce_into(op, x, mask, out, False)
    if factor != 1.0:
        kernels.scale[x.dtype](factor, out.data, out.data, False, out.size)
    return 0


@cython.no_gc
@cython.final
cdef class Reduce(Node):
    cdef int op
    cdef unsigned int mask
    cdef double factor                # 1 / count for mean

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
        cdef Tensor x = self.a, part
        cdef Tensor dx = p.target(x, &accumulate)
        cdef Tensor g
        if dx is None or dx.size == 0:
            return 0
        g = with_kept_axes(self.grad, x, self.mask)
        if self.op != R_SUM:
            part = like(dx)
            if self.op == R_PROD:
                view_numpy(part)[...] = product_gradient(view_numpy(packed(x)), self.mask)
            else:
                compute_binary(B_EQUAL, x, with_kept_axes(self.y, x, self.mask), part)
            compute_binary(B_MULTIPLY, part, g, part if accumulate else dx)
            return add_to(dx, part) if accumulate else 0
        if self.factor != 1.0:
            part = like(self.grad)
            kernels.scale[g.dtype](self.factor, self.grad.data, part.data, False, part.size)
            g = with_kept_axes(part, x, self.mask)
        return add_to(dx, g) if accumulate else assign(dx, g)

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
    if mask == 0:                       # and no room for one more axis, if there are MAX_NDIM
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
    return numpy.where(zeros, product * (count == 1),
                       product * (count == 0) / numpy.where(zeros, 1, values))


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
        out = reduced_header(x, mask, keepdims,
                             INT64 if x.dtype == BOOL and op <= R_PROD else x.dtype)
        return numpy_call(FUNCTIONS[op], [x],
                          {"axis": tuple([i for i in range(x.ndim) if mask >> i & 1]),
                           "keepdims": out.ndim == x.ndim}, x.face, out.dtype, out.ndim,
                          out.shape_)
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
        out = mean(cast(x, FLOAT64), axis, keepdims, exclude)
        return cast(out, FLOAT32 if x.face == NP else x.dtype)
    for i in range(x.ndim):
        if mask >> i & 1:
            count *= x.shape_[i]
    return reduce_with(R_SUM, x, mask, keepdims, 1.0 / count if count else 0.0)


cdef int find_places(int op, const char* x, long long* out, Py_ssize_t outer, Py_ssize_t n,
                     Py_ssize_t inner, int dtype) except -1:
    """Places of the extremes along the second axis of x (outer, n, inner)."""
    cdef Py_ssize_t size = itemsize(dtype), step, across, pieces, i, row
    cdef bint small = outer * n * inner < LIGHT_GRAIN
    cdef Tensor partial
    cdef char* q
    if inner > 1:
        across = (inner + COLUMNS - 1) // COLUMNS
        for i in prange(outer * across, nogil=True, schedule="static",
                        num_threads=1 if small else threads()):
            kernels.arg_cols[dtype](
                op, x + (i // across * n * inner + i % across * COLUMNS) * size,
                out + i // across * inner + i % across * COLUMNS, n, inner,
                min(<Py_ssize_t>COLUMNS, inner - i % across * COLUMNS))
    elif small:
        kernels.arg_rows[dtype](op, x, out, outer, n)
    elif outer >= 4:
        step = max(<Py_ssize_t>1, CHUNK // n)
        for i in prange((outer + step - 1) // step, nogil=True, schedule="static",
                        num_threads=threads()):
            kernels.arg_rows[dtype](op, x + i * step * n * size, out + i * step,
                                    min(step, outer - i * step), n)
    else:                                   # the piece with the extreme, then the place in it
        pieces = (n + CHUNK - 1) // CHUNK
        partial = new(ND, dtype, 1, &pieces)
        q = partial.data
        for row in range(outer):
            for i in prange(pieces, nogil=True, schedule="static", num_threads=threads()):
                kernels.reduce_rows[dtype](op, x + (row * n + i * CHUNK) * size, q + i * size, 1,
                                           min(<Py_ssize_t>CHUNK, n - i * CHUNK))
            kernels.arg_rows[dtype](op, q, out + row, 1, pieces)
            i = out[row] * CHUNK
            kernels.arg_rows[dtype](op, x + (row * n + i) * size, out + row, 1,
                                    min(<Py_ssize_t>CHUNK, n - i))
            out[row] += i
    return 0


cdef int arg_into(int op, Tensor x, int axis, Tensor out) except -1:
    cdef unsigned int mask = 1u << axis if axis >= 0 else 0
    cdef Py_ssize_t outer = 1, n = x.size, inner = 1, rows = out.size
    cdef Tensor places
    if axis >= 0:
        x = packed(in_memory_order(x, &mask))
        as_matrix(x, mask, &outer, &n, &inner)
    else:
        x = packed(x)
    places = out if out.dtype == INT64 else new(ND, INT64, 1, &rows)
    if rows:
        find_places(op, x.data, <long long*>places.data, outer, n, inner, x.dtype)
    return 0 if places is out else write_numbers(places, out)


cdef int write_numbers(Tensor places, Tensor out) except -1:
    cdef const long long* p = <const long long*>places.data
    cdef Py_ssize_t i
    if out.dtype == FLOAT32:
        for i in range(out.size):
            (<float*>out.data)[i] = <float>p[i]
    elif out.dtype == FLOAT64:
        for i in range(out.size):
            (<double*>out.data)[i] = <double>p[i]
    else:
        view_numpy(out).reshape(-1)[...] = view_numpy(places)
    return 0


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

cdef int deviations(Tensor x, Tensor mean, Tensor out, Py_ssize_t outer, Py_ssize_t n,
                    Py_ssize_t inner) except -1:
    """Sums of (x - mean)^2 over the second axis of x (outer, n, inner)."""
    cdef int dtype = x.dtype
    cdef Py_ssize_t size = itemsize(dtype), i, row, pieces, step
    cdef Py_ssize_t[2] shape
    cdef bint small = outer * n * inner < LIGHT_GRAIN
    cdef Tensor partial
    cdef const char* s = x.data
    cdef const char* m = mean.data
    cdef char* o = out.data
    cdef char* q
    if small and inner == 1:
        kernels.deviation_rows[dtype](s, m, o, outer, n)
        return 0
    if small:
        for row in range(outer):
            kernels.deviation_cols[dtype](s + row * n * inner * size, m + row * inner * size,
                                          o + row * inner * size, n, inner)
        return 0
    if inner == 1 and outer >= 4:
        step = max(<Py_ssize_t>1, CHUNK // n)
        for i in prange((outer + step - 1) // step, nogil=True, schedule="static",
                        num_threads=threads()):
            kernels.deviation_rows[dtype](s + i * step * n * size, m + i * step * size,
                                          o + i * step * size, min(step, outer - i * step), n)
        return 0
    step = max(<Py_ssize_t>1, CHUNK // inner)
    pieces = (n + step - 1) // step
    shape[0], shape[1] = pieces, inner
    partial = new(ND, dtype, 2, shape)
    q = partial.data
    for row in range(outer):
        for i in prange(pieces, nogil=True, schedule="static", num_threads=threads()):
            if inner == 1:
                kernels.deviation_rows[dtype](s + (row * n + i * step) * size, m + row * size,
                                              q + i * size, 1, min(step, n - i * step))
            else:
                kernels.deviation_cols[dtype](
                    s + (row * n + i * step) * inner * size, m + row * inner * size,
                    q + i * inner * size, min(step, n - i * step), inner)
        if inner == 1:
            kernels.reduce_rows[dtype](R_SUM, q, o + row * size, 1, pieces)
        else:
            kernels.reduce_cols[dtype](R_SUM, q, o + row * inner * size, False, pieces, inner)
    return 0


cdef Tensor means(Tensor x, unsigned int mask, Py_ssize_t count):
    """The mean over the axes in the mask, of the result's shape."""
    cdef Tensor mean = reduced_header(x, mask, False, x.dtype)
    allocate(mean)
    reduce_scaled(R_SUM, x, mask, 1.0 / count, mean)
    return mean


cdef Tensor reduced_last(Tensor x, unsigned int* mask):
    """x packed with the axes in the mask after the others."""
    cdef Tensor y = alias(x)
    cdef unsigned int last = 0
    cdef int axis, place = 0, turn
    for turn in range(2):
        for axis in range(x.ndim):
            if <int>(mask[0] >> axis & 1) == turn:
                y.shape_[place] = x.shape_[axis]
                y.strides_[place] = x.strides_[axis]
                last |= <unsigned int>turn << place
                place += 1
    mask[0] = last
    y.contiguous = is_contiguous(y)
    return packed(y)


@cython.no_gc
@cython.final
cdef class Variance(Node):
    """The mean square distance from the mean, in two passes."""
    cdef unsigned int mask
    cdef Py_ssize_t count
    cdef double factor                # 1 / (count - ddof)

    cdef int forward(self) except -1:
        cdef Py_ssize_t outer, n, inner
        cdef unsigned int mask = self.mask
        cdef Tensor x = self.a
        if x.size == 0:
            return fill(self.out, numpy.nan)
        x = in_memory_order(x, &mask)
        if not as_matrix(x, mask, &outer, &n, &inner):
            x = reduced_last(x, &mask)
            as_matrix(x, mask, &outer, &n, &inner)
        x = packed(x)
        deviations(x, means(x, mask, self.count), self.out, outer, n, inner)
        kernels.scale[x.dtype](self.factor, self.out.data, self.out.data, False, self.out.size)
        return 0

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


# ---- running sums ------------------------------------------------------------------------------

@cython.no_gc
@cython.final
cdef class CumSum(Node):
    cdef int axis

    cdef int forward(self) except -1:
        numpy.cumsum(view_numpy(self.a), axis=self.axis, out=view_numpy(self.out))
        return 0

    cdef int backward(self, Pass p) except -1:
        cdef Tensor part
        if p.wants(self.a):
            part = like(self.grad)
            backwards = numpy.flip(view_numpy(self.grad), self.axis)
            view_numpy(part)[...] = numpy.flip(numpy.cumsum(backwards, axis=self.axis), self.axis)
            give(p, self.a, part)
        return 0

    cdef int derive(self, Pass p, Tensor g) except -1:
        return hand_on(p, self.a, reversed_along(cumsum(reversed_along(g, self.axis), self.axis),
                                                 self.axis))


cdef Tensor reversed_along(Tensor x, int axis):
    cdef Py_ssize_t[MAX_NDIM] start
    cdef Py_ssize_t[MAX_NDIM] step
    cdef int[MAX_NDIM] source
    cdef int i
    for i in range(x.ndim):
        start[i] = x.shape_[i] - 1 if i == axis and x.shape_[i] else 0
        step[i] = -1 if i == axis else 1
        source[i] = i
    return view(x, start, x.ndim, x.shape_, source, step)


cdef Tensor cumsum(Tensor x, int axis):
    cdef CumSum node = CumSum.__new__(CumSum)
    node.a = x
    node.axis = axis
    return run(node, header(x.face, x.dtype, x.ndim, x.shape_))
