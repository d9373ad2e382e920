"""Normalization over a batch, and of each row by itself: layers, groups, channels.

The functions at the end compute the plain cases, float32 or float64 throughout, and give None for
any other, which is composed of other operations: see ops/normalization.py. Gradients of gradients
are those of the composition.
"""

cimport cython
from cython cimport floating
from cython.parallel cimport prange
from libc.math cimport sqrt
from microlazy.core.kernels.select cimport kernels
from microlazy.core.kernels.table cimport R_SUM
from microlazy.core.loops.chain cimport KEPT, MEAN, SCALE, SHIFT, WEIGHT
from microlazy.core.loops.elementwise cimport fill
from microlazy.core.loops.reductions cimport reduce_matrix_cols
from microlazy.core.ops.composed cimport derive_composed
from microlazy.core.parallel cimport CHUNK, LIGHT_GRAIN, threads
from microlazy.core.strided cimport packed
from microlazy.core.tape cimport NEEDS_A, NEEDS_B, NEEDS_C, Node, Pass, run, state
from microlazy.core.tensor cimport (
    FLOAT32, FLOAT64, ND, Tensor, header, itemsize, new,
)

cdef object composed_batch = None
cdef object composed_rows = None


def compose_with(batch, rows) -> None:
    """Set the compositions: their module stands above, and is imported later.

    Parameters
    ----------
    batch : callable
        ``batch(data, gamma, beta, mean, scale, eps, axis, relu)``; gamma, mean and scale may be
        None: then gamma is 1, and the others are those of the batch.
    rows : callable
        ``rows(data, gamma, beta, groups, eps)`` normalizes each of `groups` stretches of each
        sample.

    Examples
    --------
    >>> from microlazy.core.ops.normalization import compose_with
    >>> from microlazy.ops import normalization
    >>> compose_with(normalization.batch_composed, normalization.rows_composed)
    """
    global composed_batch, composed_rows
    composed_batch, composed_rows = batch, rows


# ---- over a batch --------------------------------------------------------------------------------

cdef enum Slope:                  # what a backward finds for each channel
    SUM, PRODUCT, SLOPE, OFFSET, SLOPES


cdef inline void settle(floating* kept, const floating* gamma, const floating* beta, double eps,
                        Py_ssize_t channels) noexcept nogil:
    """From the variance, which stands at the scale's place, to what the data is multiplied by."""
    cdef floating* scale = kept + SCALE * channels
    cdef Py_ssize_t c
    for c in range(channels):
        scale[c] = <floating>(1 / sqrt(<double>scale[c] + eps))
        kept[WEIGHT * channels + c] = scale[c] if gamma == NULL else scale[c] * gamma[c]
        kept[SHIFT * channels + c] = beta[c]


cdef inline void move(floating* moving, const floating* found, double keep,
                      Py_ssize_t channels) noexcept nogil:
    cdef Py_ssize_t c
    for c in range(channels):
        moving[c] = <floating>(keep * moving[c] + (1 - keep) * found[c])


cdef inline void find_slopes(const floating* kept, floating* slopes, Py_ssize_t count, bint fixed,
                             Py_ssize_t channels) noexcept nogil:
    """What of a channel's gradient is the same everywhere, and what goes with the data."""
    cdef floating scale, weight
    cdef Py_ssize_t c
    for c in range(channels):
        scale, weight = kept[SCALE * channels + c], kept[WEIGHT * channels + c]
        slopes[SLOPE * channels + c] = 0 if fixed else (
            -weight * scale * scale * slopes[PRODUCT * channels + c] / count)
        slopes[OFFSET * channels + c] = 0 if fixed else (
            -weight * slopes[SUM * channels + c] / count)
        slopes[PRODUCT * channels + c] *= scale


@cython.no_gc
@cython.final
cdef class BatchNorm(Node):
    """(a - mean) * scale * b + c for each channel; b may be None. `rest` are the moving ones."""

    cdef int forward(self) except -1:
        cdef Tensor x = packed(self.a)
        self.map(x.data, self.find_kept(x.data), self.out.data, x.dtype)
        return 0

    cdef char* find_kept(self, const char* x) except NULL:
        cdef Tensor gamma = None if self.b is None else packed(self.b)
        cdef Tensor beta = packed(self.c), moving
        cdef int dtype = beta.dtype, i
        cdef Py_ssize_t size = itemsize(dtype), channels = self.channels
        cdef Py_ssize_t[2] shape
        if self.kept is None:
            shape[0], shape[1] = <Py_ssize_t>KEPT, channels
            self.kept = new(ND, dtype, 2, shape)
        cdef char* kept = self.kept.data
        if self.fixed:
            for i in range(2):
                moving = packed(self.rest[i])
                kernels.scale[dtype](1.0, moving.data, kept + i * channels * size, False, channels)
        else:
            self.find_moments(x, kept, dtype)
            if self.moves:
                for i in range(2):
                    moving = self.rest[i]
                    if dtype == FLOAT32:
                        move(<float*>moving.data, <float*>kept + i * channels, self.keep, channels)
                    else:
                        move(<double*>moving.data, <double*>kept + i * channels, self.keep,
                             channels)
                    moving.block.version += 1
        if dtype == FLOAT32:
            settle(<float*>kept, NULL if gamma is None else <float*>gamma.data, <float*>beta.data,
                   self.eps, channels)
        else:
            settle(<double*>kept, NULL if gamma is None else <double*>gamma.data,
                   <double*>beta.data, self.eps, channels)
        return kept

    cdef void moments_of(self, Py_ssize_t i, const char* x, char* mean, char* squares,
                         int dtype) noexcept nogil:
        kernels.moments[dtype](self.columns, x + i * self.step * self.cols * itemsize(dtype), mean,
                               squares, min(self.step, self.rows - i * self.step), self.cols)

    cdef int find_moments(self, const char* x, char* kept, int dtype) except -1:
        """The batch's means, and its variances at the scales' place."""
        cdef Py_ssize_t size = itemsize(dtype), rows = self.rows, cols = self.cols, i, n
        cdef Py_ssize_t step = self.step, pieces = self.pieces
        cdef Py_ssize_t channels = self.channels, parts
        cdef Py_ssize_t[2] shape
        cdef bint columns = self.columns
        parts = pieces if columns else rows // channels
        shape[0], shape[1] = 2, parts * channels
        cdef Tensor found = new(ND, dtype, 2, shape)
        cdef char* means = found.data
        cdef char* squares = means + parts * channels * size
        cdef Py_ssize_t each = channels * size if columns else step * size
        if self.size < LIGHT_GRAIN:
            for i in range(pieces):
                self.moments_of(i, x, means + i * each, squares + i * each, dtype)
        else:
            for i in prange(pieces, nogil=True, schedule="static", num_threads=threads()):
                self.moments_of(i, x, means + i * each, squares + i * each, dtype)
        n = step if columns else cols
        kernels.join_moments[dtype](means, squares, n, rows - (pieces - 1) * step if columns else n,
                                    kept, kept + channels * size, parts, channels)
        return 0

    cdef void map_piece(self, Py_ssize_t i, const char* x, const char* kept, char* y,
                        int dtype) noexcept nogil:
        cdef Py_ssize_t size = itemsize(dtype), each = self.channels * size
        cdef Py_ssize_t start = i * self.step * self.cols * size
        kernels.affine[dtype](self.columns, self.relu, x + start, kept + MEAN * each,
                              kept + WEIGHT * each, kept + SHIFT * each, y + start,
                              i * self.step % self.channels, self.channels,
                              min(self.step, self.rows - i * self.step), self.cols)

    cdef void map(self, const char* x, const char* kept, char* y, int dtype) noexcept:
        cdef Py_ssize_t i
        if self.size < LIGHT_GRAIN:
            for i in range(self.pieces):
                self.map_piece(i, x, kept, y, dtype)
            return
        for i in prange(self.pieces, nogil=True, schedule="static", num_threads=threads()):
            self.map_piece(i, x, kept, y, dtype)

    cdef int backward(self, Pass p) except -1:
        cdef bint accumulate
        cdef Tensor x = packed(self.a), g = self.grad, slopes, target
        cdef Py_ssize_t channels = self.channels, size = itemsize(g.dtype)
        cdef int dtype = g.dtype
        cdef Py_ssize_t[2] shape
        cdef char* found
        cdef char* kept = self.kept.data
        shape[0], shape[1] = <Py_ssize_t>SLOPES, channels
        slopes = new(ND, dtype, 2, shape)
        found = slopes.data
        if not self.fixed or p.wants(self.b) or p.wants(self.c):
            self.find_sums(x.data, g.data, found, dtype)
        if dtype == FLOAT32:
            find_slopes(<float*>kept, <float*>found, x.size // channels, self.fixed, channels)
        else:
            find_slopes(<double*>kept, <double*>found, x.size // channels, self.fixed, channels)
        if self.b is not None:
            target = p.target(self.b, &accumulate)
            if target is not None:
                kernels.scale[dtype](1.0, found + PRODUCT * channels * size, target.data,
                                     accumulate, channels)
        target = p.target(self.c, &accumulate)
        if target is not None:
            kernels.scale[dtype](1.0, found + SUM * channels * size, target.data, accumulate,
                                 channels)
        target = p.target(self.a, &accumulate)
        if target is not None:
            self.map_back(x.data, g.data, found, target.data, accumulate, dtype)
        return 0

    cdef void sums_of(self, Py_ssize_t i, const char* x, const char* g, char* sums,
                      char* products, int dtype) noexcept nogil:
        cdef Py_ssize_t size = itemsize(dtype), each = self.channels * size
        cdef Py_ssize_t start = i * self.step * self.cols * size
        cdef const char* kept = self.kept.data
        kernels.affine_sums[dtype](self.columns, self.relu, x + start, g + start,
                                   kept + MEAN * each, kept + WEIGHT * each, kept + SHIFT * each,
                                   sums, products, i * self.step % self.channels, self.channels,
                                   min(self.step, self.rows - i * self.step), self.cols)

    cdef int find_sums(self, const char* x, const char* g, char* found, int dtype) except -1:
        cdef Py_ssize_t each = self.channels * itemsize(dtype), i
        cdef Py_ssize_t parts = self.pieces if self.columns else self.rows // self.channels
        cdef Py_ssize_t apart = each if self.columns else self.step * itemsize(dtype)
        cdef Py_ssize_t room = parts * self.channels * 2
        cdef Tensor partial = new(ND, dtype, 1, &room)
        cdef char* sums = partial.data
        cdef char* products = sums + parts * each
        if self.size < LIGHT_GRAIN:
            for i in range(self.pieces):
                self.sums_of(i, x, g, sums + i * apart, products + i * apart, dtype)
        else:
            for i in prange(self.pieces, nogil=True, schedule="static", num_threads=threads()):
                self.sums_of(i, x, g, sums + i * apart, products + i * apart, dtype)
        kernels.reduce_cols[dtype](R_SUM, sums, found + SUM * each, False, parts, self.channels)
        kernels.reduce_cols[dtype](R_SUM, products, found + PRODUCT * each, False, parts,
                                   self.channels)
        return 0

    cdef void map_piece_back(self, Py_ssize_t i, const char* x, const char* g, const char* found,
                             char* dx, bint accumulate, int dtype) noexcept nogil:
        cdef Py_ssize_t size = itemsize(dtype), each = self.channels * size
        cdef Py_ssize_t start = i * self.step * self.cols * size
        cdef const char* kept = self.kept.data
        kernels.affine_grad[dtype](self.columns, self.relu, x + start, g + start,
                                   kept + MEAN * each, kept + WEIGHT * each, kept + SHIFT * each,
                                   found + SLOPE * each, found + OFFSET * each, dx + start,
                                   accumulate, i * self.step % self.channels, self.channels,
                                   min(self.step, self.rows - i * self.step), self.cols)

    cdef void map_back(self, const char* x, const char* g, const char* found, char* dx,
                       bint accumulate, int dtype) noexcept:
        cdef Py_ssize_t i
        if self.size < LIGHT_GRAIN:
            for i in range(self.pieces):
                self.map_piece_back(i, x, g, found, dx, accumulate, dtype)
            return
        for i in prange(self.pieces, nogil=True, schedule="static", num_threads=threads()):
            self.map_piece_back(i, x, g, found, dx, accumulate, dtype)

    cdef int derive(self, Pass p, Tensor g) except -1:
        cdef Tensor mean = None, scale = None
        if self.fixed:
            mean, scale = self.row(MEAN), self.row(SCALE)
        return derive_composed(p, composed_batch, [self.a, self.b, self.c],
                               (mean, scale, self.eps, self.axis, self.relu), g)

    cdef bint take_relu(self) noexcept:
        if self.relu:
            return False
        self.relu = True
        return True

    cdef Tensor row(self, int which):
        """A copy of what was kept for each channel."""
        cdef Tensor y = new(self.a.face, self.kept.dtype, 1, &self.channels)
        kernels.scale[y.dtype](1.0, self.kept.data + which * self.channels * itemsize(y.dtype),
                               y.data, False, self.channels)
        return y

    cdef str name(self):
        return "batch_norm"


cdef inline bint fits(object given, Tensor x, Py_ssize_t n) noexcept:
    """Whether `given` is an array of n numbers, of x's dtype and face."""
    cdef Tensor t
    if not isinstance(given, Tensor):
        return False
    t = <Tensor>given
    return t.ndim == 1 and t.shape_[0] == n and t.dtype == x.dtype and t.face == x.face


cdef inline bint is_plain(object data) noexcept:
    return isinstance(data, Tensor) and (<Tensor>data).dtype <= FLOAT64 and (
        (<Tensor>data).size > 0)


cdef inline bint may_move(Tensor moving) noexcept:
    return moving.contiguous and (moving.abstract or not moving.block.readonly)


def batch_norm(data, gamma, beta, moving_mean, moving_var, axis, double eps, double momentum,
               bint fix_gamma, bint use_global_stats, bint relu=False):
    """Batch normalization, and max(., 0) of it with `relu`; None if it must be composed.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.core.ops.normalization import batch_norm
    >>> one, zero = nd.ones((1,)), nd.zeros((1,))
    >>> batch_norm(nd.array([[3]]), one, zero, zero, one, 1, 0, 0.9, True, False).asnumpy()
    array([[3.]], dtype=float32)
    """
    cdef BatchNorm node
    cdef Tensor x
    cdef Py_ssize_t channels, outer = 1, inner = 1
    cdef int i, place
    if not is_plain(data) or type(axis) is not int:
        return None
    x = <Tensor>data
    if not -x.ndim <= axis < x.ndim:
        return None
    place = axis
    place += x.ndim if place < 0 else 0
    channels = x.shape_[place]
    if not (fits(gamma, x, channels) and fits(beta, x, channels)
            and fits(moving_mean, x, channels) and fits(moving_var, x, channels)
            and may_move(<Tensor>moving_mean) and may_move(<Tensor>moving_var)):
        return None
    for i in range(x.ndim):
        if i < place:
            outer *= x.shape_[i]
        elif i > place:
            inner *= x.shape_[i]
    node = BatchNorm.__new__(BatchNorm)
    node.a = x
    node.b = None if fix_gamma else <Tensor>gamma
    node.c = <Tensor>beta
    node.rest = [moving_mean, moving_var]
    node.fixed = use_global_stats or not state().training
    node.moves = not node.fixed and state().recording
    node.relu = relu
    node.eps = eps
    node.keep = momentum
    node.axis = place
    node.channels = channels
    node.columns = inner == 1
    node.rows = outer if node.columns else outer * channels
    node.cols = channels if node.columns else inner
    node.size = x.size
    node.step = max(<Py_ssize_t>1, CHUNK // node.cols)
    node.pieces = (node.rows + node.step - 1) // node.step
    node.needs = NEEDS_A if fix_gamma else NEEDS_A | NEEDS_B
    if relu:
        node.needs |= NEEDS_C
    return run(node, header(x.face, x.dtype, x.ndim, x.shape_))


# ---- each row by itself --------------------------------------------------------------------------

cdef enum:
    CACHES = 32 << 20             # bytes that a pass may go through and still find in a cache


@cython.no_gc
@cython.final
cdef class RowNorm(Node):
    """Each row of a with mean 0 and deviation 1, times b plus c: see the kernel row_norm."""
    cdef Py_ssize_t rows, groups, parts, width
    cdef Py_ssize_t step, pieces          # rows in a piece; pieces
    cdef double eps
    cdef bint layer
    cdef Tensor kept              # means, and scales

    cdef int forward(self) except -1:
        cdef Tensor x = packed(self.a), gamma = packed(self.b), beta = packed(self.c)
        cdef Py_ssize_t room = 2 * self.rows, i
        cdef const char* px = x.data
        cdef const char* pg = gamma.data
        cdef const char* pb = beta.data
        cdef int dtype = x.dtype
        if self.kept is None:
            self.kept = new(ND, dtype, 1, &room)
        if x.size < LIGHT_GRAIN:
            for i in range(self.pieces):
                self.map_piece(i, px, pg, pb, dtype)
            return 0
        for i in prange(self.pieces, nogil=True, schedule="static", num_threads=threads()):
            self.map_piece(i, px, pg, pb, dtype)
        return 0

    cdef void map_piece(self, Py_ssize_t i, const char* x, const char* gamma, const char* beta,
                        int dtype) noexcept nogil:
        cdef Py_ssize_t size = itemsize(dtype), first = i * self.step
        cdef Py_ssize_t start = first * self.parts * self.width * size
        cdef char* mean = self.kept.data + first * size
        kernels.row_norm[dtype](x + start, gamma, beta, self.eps, self.out.data + start, mean,
                                mean + self.rows * size, first % self.groups, self.groups,
                                self.parts, self.width, min(self.step, self.rows - first),
                                self.exceeds_caches(2 * size))

    cdef int backward(self, Pass p) except -1:
        cdef bint add_gamma, add_beta, accumulate = False
        cdef Tensor x = packed(self.a), gamma = packed(self.b), g = self.grad, dx, partial
        cdef Tensor dgamma = p.target(self.b, &add_gamma), dbeta = p.target(self.c, &add_beta)
        cdef int dtype = x.dtype
        cdef Py_ssize_t all_parts = self.groups * self.parts, pieces = self.pieces, i
        cdef Py_ssize_t room = 2 * pieces * all_parts
        cdef Py_ssize_t apart = all_parts * itemsize(dtype)
        dx = p.target(self.a, &accumulate)
        partial = new(ND, dtype, 1, &room)
        fill(partial, 0.0)
        cdef const char* px = x.data
        cdef const char* pg = gamma.data
        cdef const char* grad = g.data
        cdef char* pdx = NULL if dx is None else dx.data
        cdef char* of_gamma = partial.data
        cdef char* of_beta = of_gamma + pieces * apart
        if x.size < LIGHT_GRAIN:
            for i in range(pieces):
                self.map_piece_back(i, px, pg, grad, pdx, accumulate, of_gamma + i * apart,
                                    of_beta + i * apart, dtype)
        else:
            for i in prange(pieces, nogil=True, schedule="static", num_threads=threads()):
                self.map_piece_back(i, px, pg, grad, pdx, accumulate, of_gamma + i * apart,
                                    of_beta + i * apart, dtype)
        if dgamma is not None:
            reduce_matrix_cols(R_SUM, of_gamma, dgamma.data, add_gamma, pieces, all_parts, dtype)
        if dbeta is not None:
            reduce_matrix_cols(R_SUM, of_beta, dbeta.data, add_beta, pieces, all_parts, dtype)
        return 0

    cdef void map_piece_back(self, Py_ssize_t i, const char* x, const char* gamma, const char* g,
                             char* dx, bint accumulate, char* dgamma, char* dbeta,
                             int dtype) noexcept nogil:
        cdef Py_ssize_t size = itemsize(dtype), first = i * self.step
        cdef Py_ssize_t start = first * self.parts * self.width * size
        cdef const char* mean = self.kept.data + first * size
        kernels.row_norm_grad[dtype](x + start, gamma, g + start, mean, mean + self.rows * size,
                                     NULL if dx == NULL else dx + start, accumulate, dgamma, dbeta,
                                     first % self.groups, self.groups, self.parts, self.width,
                                     min(self.step, self.rows - first),
                                     self.exceeds_caches(3 * size))

    cdef bint exceeds_caches(self, Py_ssize_t size) noexcept nogil:
        """Whether the elements, of which a pass reads and writes `size` bytes each, do."""
        return self.rows * self.parts * self.width * size > CACHES

    cdef int derive(self, Pass p, Tensor g) except -1:
        return derive_composed(p, composed_rows, [self.a, self.b, self.c],
                               (0 if self.layer else self.groups, self.eps), g)

    cdef str name(self):
        return "layer_norm" if self.layer else "group_norm"


cdef Tensor norm_rows(Tensor x, Tensor gamma, Tensor beta, Py_ssize_t rows, Py_ssize_t groups,
                      Py_ssize_t parts, bint layer, double eps):
    cdef RowNorm node = RowNorm.__new__(RowNorm)
    cdef Py_ssize_t n = x.size // rows
    node.a = x
    node.b = gamma
    node.c = beta
    node.rows = rows
    node.groups = groups
    node.parts = parts
    node.width = n // parts
    # Rows in a piece: enough that the pieces' sums for gamma and beta are few beside the data.
    node.step = max(<Py_ssize_t>1, CHUNK // n)
    node.step = max(node.step, min(<Py_ssize_t>32, 32 * groups * parts // n))
    node.pieces = (rows + node.step - 1) // node.step
    node.eps = eps
    node.layer = layer
    node.needs = NEEDS_A | NEEDS_B
    return run(node, header(x.face, x.dtype, x.ndim, x.shape_))


def layer_norm(data, gamma, beta, axis, double eps):
    """Layer normalization along the last axis; None if it must be composed.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.core.ops.normalization import layer_norm
    >>> layer_norm(nd.array([[1, 3]]), nd.ones((2,)), nd.zeros((2,)), -1, 0).asnumpy()
    array([[-1.,  1.]], dtype=float32)
    """
    cdef Tensor x
    cdef Py_ssize_t n
    if not is_plain(data) or type(axis) is not int:
        return None
    x = <Tensor>data
    if x.ndim == 0 or (axis != -1 and axis != x.ndim - 1):
        return None
    n = x.shape_[x.ndim - 1]
    if not (fits(gamma, x, n) and fits(beta, x, n)):
        return None
    return norm_rows(x, <Tensor>gamma, <Tensor>beta, x.size // n, 1, n, True, eps)


def group_norm(data, gamma, beta, num_groups, double eps):
    """Group normalization; None if it must be composed.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.core.ops.normalization import group_norm
    >>> x = nd.array([[[1, 3], [5, 9]]])
    >>> group_norm(x, nd.ones((2,)), nd.zeros((2,)), 2, 0).asnumpy()
    array([[[-1.,  1.],
            [-1.,  1.]]], dtype=float32)
    """
    cdef Tensor x
    cdef Py_ssize_t groups, channels, parts = 1
    if not is_plain(data) or type(num_groups) is not int:
        return None
    x = <Tensor>data
    if x.ndim < 2 or num_groups < 1 or x.shape_[1] % num_groups:
        return None
    groups, channels = num_groups, x.shape_[1]
    if not (fits(gamma, x, groups) and fits(beta, x, groups)):
        if not (fits(gamma, x, channels) and fits(beta, x, channels)):
            return None
        parts = channels // groups
    return norm_rows(x, <Tensor>gamma, <Tensor>beta, x.shape_[0] * groups, groups, parts, False,
                     eps)
