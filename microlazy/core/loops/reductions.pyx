"""Reductions over any axes, of arrays of any layout.

A reduction over any set of axes becomes a chain of reductions over rows or columns of a matrix:
neighbouring axes that are both reduced, or both kept, count as one.
"""

from cython.parallel cimport prange
from libc.string cimport memcpy
from microlazy.core.kernels.select cimport kernels
from microlazy.core.kernels.table cimport *
from microlazy.core.loops.elementwise cimport compute_binary, fill
from microlazy.core.parallel cimport CHUNK, COLUMNS, LIGHT_GRAIN, threads
from microlazy.core.strided cimport Pieces, expanded, packed, stretch, unroll
from microlazy.core.tensor cimport (
    FLOAT32, FLOAT64, INT64, MAX_NDIM, ND, Tensor, alias, allocate, header, is_contiguous, itemsize,
    like, new, set_strides, view_numpy,
)


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


cdef enum:
    MANY_ROWS = 1 << 10           # of which sums one after the other would lose digits


cdef inline bint varies(Tensor x, int ndim, int axis) noexcept:
    """Whether x has more than one element along an axis of the `ndim` that it is broadcast to."""
    return axis >= ndim - x.ndim and x.shape_[axis - ndim + x.ndim] != 1


cdef bint thin_product(Tensor g, Tensor other, Tensor out, bint accumulate) except -1:
    """out (+)= the matrix g times `other`, from either side; False if they are not of that kind.

    They are if `other` varies along the first axes of g alone and `out` along the last, or the
    other way round. It is for few elements: many are shared by threads.
    """
    cdef Py_ssize_t[2] n = [1, 1]
    cdef bint[2] of_other = [False, False]
    cdef int i, groups = 0, dtype = g.dtype
    cdef bint along
    cdef Tensor sums
    if g.size >= LIGHT_GRAIN or g.size == 0 or not other.contiguous:
        return False
    for i in range(g.ndim):
        if g.shape_[i] == 1:
            continue
        along = varies(other, g.ndim, i)
        if along == varies(out, g.ndim, i):
            return False
        if groups == 0 or along != of_other[groups - 1]:
            if groups == 2:
                return False
            of_other[groups] = along
            groups += 1
        n[groups - 1] *= g.shape_[i]
    if groups < 2:
        return False
    if of_other[0] and n[0] <= MANY_ROWS:
        kernels.thin_nn[dtype](other.data, g.data, out.data, accumulate, 1, n[0], n[1])
    elif of_other[0]:
        return False
    elif not accumulate:
        kernels.thin_nt[dtype](other.data, g.data, NULL, out.data, False, 1, n[0], n[1])
    else:
        sums = like(out)
        kernels.thin_nt[dtype](other.data, g.data, NULL, sums.data, False, 1, n[0], n[1])
        add_flat(out, sums)
    return True


cdef int sum_product_to(Tensor g, Tensor other, Tensor out, bint accumulate) except -1:
    cdef Tensor full
    if thin_product(g, other, out, accumulate):
        return 0
    full = like(g)
    compute_binary(B_MULTIPLY, g, other, full)
    return sum_to(full, out, accumulate)


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


cdef int variance_into(Tensor x, unsigned int mask, Py_ssize_t count, double factor,
                       Tensor out) except -1:
    cdef Py_ssize_t outer, n, inner
    x = in_memory_order(x, &mask)
    if not as_matrix(x, mask, &outer, &n, &inner):
        x = reduced_last(x, &mask)
        as_matrix(x, mask, &outer, &n, &inner)
    x = packed(x)
    deviations(x, means(x, mask, count), out, outer, n, inner)
    kernels.scale[x.dtype](factor, out.data, out.data, False, out.size)
    return 0
