"""The dense layer and the products of matrices.

The layer's products work on typed memoryviews. Acquiring one takes longer than a small product, so
each block of memory is acquired once, as a flat view that stays with the block; a product gets the
views, where in them its arrays begin, and the sizes. Products of few rows, in which even fetching
a block's view counts (7% of a step of 100 narrow layers), get the arrays' own pointers.
"""

cimport cython
from cython cimport floating
from cython.parallel cimport prange
from microlazy.core.blas cimport gemm, need_blas
from microlazy.core.kernels.select cimport kernels
from microlazy.core.kernels.table cimport B_GREATER, B_MULTIPLY, R_SUM, U_RELU
from microlazy.core.loops.elementwise cimport (
    apply_unary, apply_unary_grad, compute_binary, fill, scaled,
)
from microlazy.core.loops.panels cimport multiply_by_panels, suits_panels, weight_gradients
from microlazy.core.loops.reductions cimport reduce_matrix_cols
from microlazy.core.ops.cast cimport cast, promoted
from microlazy.core.ops.elementwise cimport mask, masked
from microlazy.core.ops.numpy_call cimport numpy_call
from microlazy.core.ops.reduce cimport sum_over
from microlazy.core.ops.shape cimport broadcast_to, reshape, transpose
from microlazy.core.ops.slots cimport hand_on
from microlazy.core.parallel cimport CHUNK, LIGHT_GRAIN, threads
from microlazy.core.storage cimport Block
from microlazy.core.strided cimport add_to, packed
from microlazy.core.tape cimport (
    NEEDS_A, NEEDS_B, NEEDS_OUT, Node, Pass, run, state, tracked_integers,
)
from microlazy.core.tensor cimport (
    FLOAT16, FLOAT32, FLOAT64, MAX_NDIM, ND, NP, Tensor, alias, allocate, header, itemsize, like,
    new, numpy_dtype, set_strides, shape_tuple,
)

import numpy

from microlazy.base import MXNetError, ShapeError
from microlazy.core.ops import numpy_call as numpy_calls
from microlazy.util import mixed_faces

cdef enum:
    THIN = 4                      # rows up to which our own products beat a call of BLAS
    SHORT = 1 << 14               # multiplications by a vector up to which ours beat BLAS
    LONG = 1 << 16                # multiplications from which others may have the GIL meanwhile
    ROOM = 512                    # numbers of a small gradient, which need no array


# ---- kernels on typed memoryviews --------------------------------------------------------------

@cython.no_gc
@cython.final
cdef class Views:
    """A block's memory as flat typed memoryviews, acquired once."""
    cdef float[::1] f32
    cdef double[::1] f64


cdef Views views_of(Tensor x):
    cdef Block block = x.block
    cdef Views views
    if block.views is None:
        views = Views.__new__(Views)
        views.f32 = <float[:max(block.nbytes // 4, 1)]><float*>block.data
        views.f64 = <double[:max(block.nbytes // 8, 1)]><double*>block.data
        block.views = views
    return <Views>block.views


cdef inline Py_ssize_t first(Tensor x) noexcept:
    """Where x's elements, which are packed, begin in its block's view."""
    return (x.data - x.block.data) // itemsize(x.dtype)


cdef enum Product:                # with a weight of shape (units, in_units)
    BY_TRANSPOSE                  # out (rows, units) (+)= a @ b^T: b is the weight
    BY_WEIGHT                     # out (rows, in_units) (+)= a @ b: b is the weight
    OF_ROWS                       # out (units, in_units) (+)= a^T @ b: out is like the weight


cdef void run_kernel(int product, floating[::1] a, Py_ssize_t a0, floating[::1] b, Py_ssize_t b0,
                     floating[::1] out, Py_ssize_t out0, bint accumulate, Py_ssize_t rows,
                     Py_ssize_t units, Py_ssize_t in_units) noexcept nogil:
    """A product of matrices that begin at a0, b0 and out0 of their views."""
    cdef int dtype = FLOAT32 if floating is float else FLOAT64
    cdef double beta = 1.0 if accumulate else 0.0
    if product == BY_TRANSPOSE:
        gemm(dtype, False, True, rows, units, in_units, &a[a0], in_units, &b[b0], in_units, beta,
             &out[out0], units)
    elif product == BY_WEIGHT:
        gemm(dtype, False, False, rows, in_units, units, &a[a0], units, &b[b0], in_units, beta,
             &out[out0], in_units)
    else:
        gemm(dtype, True, False, units, in_units, rows, &a[a0], units, &b[b0], in_units, beta,
             &out[out0], in_units)


cdef void run_product(int product, int dtype, Views a, Py_ssize_t a0, Views b, Py_ssize_t b0,
                      Views out, Py_ssize_t out0, bint accumulate, Py_ssize_t rows,
                      Py_ssize_t units, Py_ssize_t in_units) noexcept nogil:
    if dtype == FLOAT32:
        run_kernel(product, a.f32, a0, b.f32, b0, out.f32, out0, accumulate, rows, units, in_units)
    else:
        run_kernel(product, a.f64, a0, b.f64, b0, out.f64, out0, accumulate, rows, units, in_units)


cdef void run_thin(int product, int dtype, const char* a, const char* b, char* out,
                   bint accumulate, Py_ssize_t rows, Py_ssize_t units,
                   Py_ssize_t in_units) noexcept nogil:
    """A product of few rows; that by a transpose does not accumulate."""
    if product == BY_TRANSPOSE:
        kernels.thin_nt[dtype](a, b, NULL, out, False, rows, units, in_units)
    elif product == BY_WEIGHT:
        kernels.thin_nn[dtype](a, b, out, accumulate, rows, units, in_units)
    else:
        kernels.thin_tn[dtype](a, b, out, accumulate, rows, units, in_units)


# ---- the dense layer ---------------------------------------------------------------------------

@cython.no_gc
@cython.final
cdef class FullyConnected(Node):
    """y = x @ weight^T + bias, or relu of it: a is x, b the weight, c the bias or None.

    With `in_first` the weight has the inputs first, and y = x @ weight + bias.
    """
    cdef Py_ssize_t rows, units, in_units       # the last two: the weight's shape
    cdef bint in_first
    cdef bint relu                # whose gradient reads the result

    cdef str name(self):
        return "fully_connected"

    cdef int forward(self) except -1:
        cdef Tensor out = self.out, x, weight, bias = self.c
        cdef const char* b = NULL
        if out.size == 0:
            return 0
        x, weight = packed(self.a), packed(self.b)
        if bias is not None:
            bias = packed(bias)
            b = bias.data
        if self.rows <= THIN and not self.in_first and self.is_short():
            kernels.thin_nt[out.dtype](x.data, weight.data, b, out.data, self.relu, self.rows,
                                       self.units, self.in_units)
            return 0
        self.multiply(BY_WEIGHT if self.in_first else BY_TRANSPOSE, x, weight, out, False)
        if bias is not None:
            add_bias(b, out, self.relu, self.rows, self.width())
        elif self.relu:
            apply_unary(U_RELU, out, out)
        return 0

    cdef int backward(self, Pass p) except -1:
        cdef double[ROOM] room
        cdef bint accumulate, thin = self.rows <= THIN and not self.in_first
        cdef Tensor g = self.grad, x, target
        cdef const char* y = self.y.data if self.relu else NULL
        cdef char* dz = g.data        # the gradient of what relu was taken of
        cdef char* db = NULL
        if g.size == 0:
            return clear(p, self.a) or clear(p, self.b) or clear(p, self.c)
        if self.relu and thin and g.size <= ROOM:
            dz = <char*> room
        elif self.relu:
            g = like(g)
            dz = g.data
        if self.c is not None:
            target = p.target(self.c, &accumulate)
            if target is not None:
                db = target.data
        if self.rows <= THIN:
            if self.relu or db is not NULL:
                kernels.thin_bias_grad[g.dtype](y, self.grad.data, dz, db, accumulate, self.rows,
                                                self.width())
        else:
            if self.relu:
                apply_unary_grad(U_RELU, y, y, self.grad.data, dz, False, g.size, g.dtype)
            if db is not NULL:
                reduce_matrix_cols(R_SUM, dz, db, accumulate, self.rows, self.width(), g.dtype)
        target = p.target(self.b, &accumulate)
        if target is not None and target.size:
            x = packed(self.a)
            if thin:
                self.multiply_thin(OF_ROWS, dz, x.data, target, accumulate)
            else:
                self.multiply(OF_ROWS, x if self.in_first else g, g if self.in_first else x, target,
                              accumulate)
        target = p.target(self.a, &accumulate)
        if target is not None and target.size:
            x = packed(self.b)
            if thin:
                self.multiply_thin(BY_WEIGHT, dz, x.data, target, accumulate)
            else:
                self.multiply(BY_TRANSPOSE if self.in_first else BY_WEIGHT, g, x, target,
                              accumulate)
        return 0

    cdef bint steady(self) noexcept:
        return True

    cdef bint take_relu(self) noexcept:
        if self.relu:
            return False
        self.needs |= NEEDS_OUT
        self.relu = True
        return True

    cdef Py_ssize_t width(self) noexcept:
        """How many results there are for each row."""
        return self.in_units if self.in_first else self.units

    cdef int derive(self, Pass p, Tensor g) except -1:
        cdef Py_ssize_t[2] shape
        cdef Tensor x
        shape[0], shape[1] = self.rows, self.width()
        g = reshape(g, 2, shape)
        if self.relu:
            g = masked(g, mask(B_GREATER, reshape(self.y, 2, shape), 0.0))
        shape[1] = self.units if self.in_first else self.in_units
        x = reshape(self.a, 2, shape)
        if p.wants(self.c):
            hand_on(p, self.c, sum_over(g, 1))
        if p.wants(self.b):
            hand_on(p, self.b, multiply_matrices(x if self.in_first else g, True,
                                                 g if self.in_first else x, False, "dense"))
        if p.wants(self.a):
            x = multiply_matrices(g, False, self.b, self.in_first, "dense")
            hand_on(p, self.a, reshape(x, self.a.ndim, self.a.shape_))
        return 0

    cdef bint is_short(self) noexcept:
        """Whether others need not have the GIL during one of the layer's products."""
        return self.rows * self.units * self.in_units < LONG

    cdef int multiply(self, int product, Tensor a, Tensor b, Tensor out,
                      bint accumulate) except -1:
        """Run one of the layer's products on packed arrays; a long one lets go of the GIL."""
        cdef Py_ssize_t rows = self.rows, units = self.units, in_units = self.in_units
        cdef Py_ssize_t a0, b0, out0
        cdef Views va, vb, vo
        cdef int dtype = out.dtype
        if rows <= THIN and not (accumulate and product == BY_TRANSPOSE):
            return self.multiply_thin(product, a.data, b.data, out, accumulate)
        need_blas()
        if product == BY_TRANSPOSE and suits_panels(dtype, True, rows, units, in_units):
            return multiply_by_panels(dtype, a.data, True, b.data, out.data, accumulate, rows,
                                      units, in_units)
        if product == BY_WEIGHT and suits_panels(dtype, False, rows, in_units, units):
            return multiply_by_panels(dtype, a.data, False, b.data, out.data, accumulate, rows,
                                      in_units, units)
        if product == OF_ROWS and suits_panels(dtype, False, units, in_units, rows):
            return weight_gradients(dtype, a.data, rows, units, b.data, NULL, out.data, accumulate,
                                    in_units, NULL, NULL, False, 0)
        va, vb, vo = views_of(a), views_of(b), views_of(out)
        a0, b0, out0 = first(a), first(b), first(out)
        if self.is_short():
            run_product(product, dtype, va, a0, vb, b0, vo, out0, accumulate, rows, units, in_units)
        else:
            with nogil:
                run_product(product, dtype, va, a0, vb, b0, vo, out0, accumulate, rows, units,
                            in_units)
        return 0

    cdef int multiply_thin(self, int product, const char* a, const char* b, Tensor out,
                           bint accumulate) except -1:
        """The same of few rows."""
        cdef Py_ssize_t rows = self.rows, units = self.units, in_units = self.in_units
        cdef int dtype = out.dtype
        cdef char* to = out.data
        if self.is_short():
            run_thin(product, dtype, a, b, to, accumulate, rows, units, in_units)
        else:
            with nogil:
                run_thin(product, dtype, a, b, to, accumulate, rows, units, in_units)
        return 0


cdef int add_bias(const char* b, Tensor out, bint relu, Py_ssize_t rows,
                  Py_ssize_t units) except -1:
    cdef Py_ssize_t step = max(<Py_ssize_t>1, CHUNK // units), i
    cdef Py_ssize_t size = step * units * itemsize(out.dtype)
    cdef int dtype = out.dtype
    cdef char* y = out.data
    if rows * units < LIGHT_GRAIN:
        kernels.add_bias[dtype](b, y, relu, rows, units)
        return 0
    for i in prange((rows + step - 1) // step, nogil=True, schedule="static",
                    num_threads=threads()):
        kernels.add_bias[dtype](b, y + i * size, relu, min(step, rows - i * step), units)
    return 0


cdef int clear(Pass p, Tensor x) except -1:
    """A gradient of zeros, for a layer without rows or without units."""
    cdef bint accumulate
    if x is None:
        return 0
    cdef Tensor target = p.target(x, &accumulate)
    return 0 if target is None else zero_unless(accumulate, target)


cdef int zero_unless(bint accumulate, Tensor target) except -1:
    """The gradient of a product without terms."""
    return 0 if accumulate else fill(target, 0.0)


cdef Tensor dense(Tensor x, Tensor weight, Tensor bias, bint flatten, bint relu, bint in_first):
    """The layer y = x @ weight^T + bias; see fully_connected()."""
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef Py_ssize_t in_units = 1, rows = 1, expected, units
    cdef int i, ndim
    cdef Tensor out
    cdef FullyConnected node
    if weight.ndim != 2:
        axes = "(inputs, units)" if in_first else "(units, inputs)"
        raise ShapeError(f"fully_connected: the weight must have 2 axes {axes}, not "
                         f"{shape_tuple(weight)}")
    expected, units = weight.shape_[not in_first], weight.shape_[in_first]
    if x.ndim == 0:
        raise ShapeError("fully_connected: the input must have at least 1 axis, not 0")
    if flatten:
        for i in range(1, x.ndim):
            in_units *= x.shape_[i]
        shape[0] = rows = x.shape_[0]
        ndim = 2
    else:
        ndim = x.ndim
        in_units = x.shape_[ndim - 1]
        for i in range(ndim - 1):
            shape[i] = x.shape_[i]
            rows *= x.shape_[i]
    shape[ndim - 1] = units
    if expected != in_units:
        raise ShapeError(f"fully_connected: the input of shape {shape_tuple(x)} has {in_units} "
                         f"features, but the weight of shape {shape_tuple(weight)} expects "
                         f"{expected}")
    if bias is not None and (bias.ndim != 1 or bias.shape_[0] != units):
        raise ShapeError(f"fully_connected: the bias must have shape ({units},), not "
                         f"{shape_tuple(bias)}")
    if x.dtype != weight.dtype or (bias is not None and bias.dtype != x.dtype) or (
            x.face != weight.face):
        return refuse_mixture(x, weight)
    if x.dtype > FLOAT64:
        if x.dtype != FLOAT16:
            raise MXNetError(f"fully_connected: arrays must be floats, not {numpy_dtype(x.dtype)}")
        return cast(dense(cast(x, FLOAT32), cast(weight, FLOAT32),
                          None if bias is None else cast(bias, FLOAT32), flatten, relu, in_first),
                    FLOAT16)
    out = header(x.face, x.dtype, ndim, shape)
    node = FullyConnected.__new__(FullyConnected)
    node.rows = rows
    node.units = weight.shape_[0]
    node.in_units = weight.shape_[1]
    node.in_first = in_first
    node.a = x
    node.b = weight
    node.c = bias
    node.relu = relu
    node.needs = NEEDS_A | NEEDS_B | NEEDS_OUT if relu else NEEDS_A | NEEDS_B
    return run(node, out)


cdef Tensor refuse_mixture(Tensor x, Tensor weight):
    if x.face != weight.face:
        kinds = ("nd.NDArray", "np.ndarray")
        raise TypeError(
            f"fully_connected: the input is an {kinds[x.face]}, but the weight is an "
            f"{kinds[weight.face]}. Call npx.set_np() before a network for np arrays is made, in "
            "each process: a worker that joblib or multiprocessing starts has to call it too")
    raise MXNetError(
        f"fully_connected: the input is {numpy_dtype(x.dtype)}, but the weight is "
        f"{numpy_dtype(weight.dtype)}; cast one of them (x.astype(), net.cast())")


# ---- matrix products ---------------------------------------------------------------------------

cdef bint as_matrix(Tensor x, bint* transposed, Py_ssize_t* row_length) noexcept:
    """How BLAS can read x's last two axes as they lie in memory; False if it cannot."""
    cdef Py_ssize_t size = itemsize(x.dtype)
    cdef Py_ssize_t sr = x.strides_[x.ndim - 2], sc = x.strides_[x.ndim - 1]
    cdef Py_ssize_t rows = x.shape_[x.ndim - 2], cols = x.shape_[x.ndim - 1]
    if x.contiguous:              # strides of axes of size 1 may be anything
        transposed[0] = False
        row_length[0] = cols
        return True
    if (sc == size or cols == 1) and sr % size == 0 and sr >= cols * size:
        transposed[0] = False
        row_length[0] = sr // size
        return True
    if (sr == size or rows == 1) and sc % size == 0 and sc >= rows * size:
        transposed[0] = True
        row_length[0] = sc // size
        return True
    return False


cdef int inner_product(Tensor a, Tensor b, Tensor out) except -1:
    """out = the sum of the products of two packed vectors, in pieces that threads do not change."""
    cdef Py_ssize_t i, n = a.size, size = itemsize(a.dtype), pieces = (n + CHUNK - 1) // CHUNK
    cdef int dtype = a.dtype
    cdef const char* x = a.data
    cdef const char* y = b.data
    cdef char* sums
    cdef Tensor partial
    if pieces <= 1:
        kernels.thin_nt[dtype](x, y, NULL, out.data, False, 1, 1, n)
        return 0
    partial = new(ND, dtype, 1, &pieces)
    sums = partial.data
    for i in prange(pieces, nogil=True, schedule="static",
                    num_threads=threads() if n >= LIGHT_GRAIN else 1):
        kernels.thin_nt[dtype](x + i * CHUNK * size, y + i * CHUNK * size, NULL, sums + i * size,
                               False, 1, 1, min(<Py_ssize_t>CHUNK, n - i * CHUNK))
    kernels.reduce_rows[dtype](R_SUM, sums, out.data, 1, pieces)
    return 0


cdef int multiple(Tensor x, Tensor number, Tensor out, bint accumulate) except -1:
    """out (+)= the number times x, of as many elements."""
    if x.dtype == FLOAT32:
        return scaled((<float*>number.data)[0], x, out, accumulate)
    return scaled((<double*>number.data)[0], x, out, accumulate)


cdef Tensor as_matrix_of(Tensor x, Py_ssize_t rows, Py_ssize_t cols):
    """Packed memory seen as a matrix, outside of the tape."""
    cdef Tensor y = alias(x)
    y.ndim = 2
    y.shape_[0], y.shape_[1] = rows, cols
    set_strides(y)
    return y


cdef int vector_product(Tensor vector, const char* matrix, Py_ssize_t rows, Py_ssize_t cols,
                        bint down, Tensor out, bint accumulate) except -1:
    """out (+)= a matrix that is packed in memory times a vector; `down` its columns."""
    cdef int dtype = out.dtype
    cdef Tensor sums
    vector = packed(vector)
    if down:
        kernels.thin_nn[dtype](vector.data, matrix, out.data, accumulate, 1, rows, cols)
        return 0
    sums = like(out) if accumulate else out
    kernels.thin_nt[dtype](vector.data, matrix, NULL, sums.data, False, 1, rows, cols)
    return add_to(out, sums) if accumulate else 0


cdef int product(Tensor a, bint ta, Tensor b, bint tb, Tensor out, bint accumulate) except -1:
    """out (+)= op(a) @ op(b), the last two axes of each; leading axes are equal."""
    cdef bint flip_a, flip_b
    cdef Py_ssize_t lda, ldb, m, n, k, i, batch = 1
    cdef Py_ssize_t step_a, step_b, step_out, size = itemsize(out.dtype)
    cdef int axes = out.ndim, dtype = out.dtype
    cdef const char* pa
    cdef const char* pb
    cdef char* po
    if out.size == 0:
        return 0
    need_blas()
    if (axes > 2 and not a.contiguous) or not as_matrix(a, &flip_a, &lda):
        a = packed(a)
        as_matrix(a, &flip_a, &lda)
    if (axes > 2 and not b.contiguous) or not as_matrix(b, &flip_b, &ldb):
        b = packed(b)
        as_matrix(b, &flip_b, &ldb)
    m = out.shape_[axes - 2]
    n = out.shape_[axes - 1]
    k = a.shape_[axes - 2] if ta else a.shape_[axes - 1]
    lda, ldb = max(lda, <Py_ssize_t>1), max(ldb, <Py_ssize_t>1)
    for i in range(axes - 2):
        batch *= out.shape_[i]
    step_a, step_b, step_out = m * k * size, k * n * size, m * n * size
    pa, pb, po = a.data, b.data, out.data
    flip_a, flip_b = flip_a != ta, flip_b != tb
    if batch == m == n == 1 and a.contiguous and b.contiguous and not accumulate:
        return inner_product(a, b, out)
    if batch == k == 1 and (m == 1 or n == 1) and a.contiguous and b.contiguous:
        return multiple(b, a, out, accumulate) if m == 1 else multiple(a, b, out, accumulate)
    if batch == k == 1 and a.contiguous and b.contiguous and not accumulate:
        return compute_binary(B_MULTIPLY, as_matrix_of(a, m, 1), as_matrix_of(b, 1, n),
                              as_matrix_of(out, m, n))
    if batch == n == 1 and m * k < SHORT and lda == (m if flip_a else k):
        return vector_product(b, pa, k if flip_a else m, lda, flip_a, out, accumulate)
    if batch == m == 1 and n * k < SHORT and ldb == (k if flip_b else n):
        return vector_product(a, pb, n if flip_b else k, ldb, not flip_b, out, accumulate)
    with nogil:
        for i in range(batch):
            gemm(dtype, flip_a, flip_b, m, n, k, pa + i * step_a, lda, pb + i * step_b, ldb,
                 1.0 if accumulate else 0.0, po + i * step_out, n)
    return 0


@cython.no_gc
@cython.final
cdef class MatMul(Node):
    cdef bint ta, tb

    cdef int forward(self) except -1:
        return product(self.a, self.ta, self.b, self.tb, self.out, False)

    cdef int backward(self, Pass p) except -1:
        cdef bint accumulate
        cdef Tensor target = p.target(self.a, &accumulate)
        if target is not None:
            if self.grad.size == 0:
                zero_unless(accumulate, target)
            elif self.ta:
                product(self.b, self.tb, self.grad, True, target, accumulate)
            else:
                product(self.grad, False, self.b, not self.tb, target, accumulate)
        target = p.target(self.b, &accumulate)
        if target is not None:
            if self.grad.size == 0:
                zero_unless(accumulate, target)
            elif self.tb:
                product(self.grad, True, self.a, self.ta, target, accumulate)
            else:
                product(self.a, not self.ta, self.grad, False, target, accumulate)
        return 0

    cdef int derive(self, Pass p, Tensor g) except -1:
        cdef Tensor a = self.a, b = self.b
        if p.wants(a):
            hand_on(p, a, multiply_matrices(b, self.tb, g, True, "matmul") if self.ta else
                    multiply_matrices(g, False, b, not self.tb, "matmul"))
        if p.wants(b):
            hand_on(p, b, multiply_matrices(g, True, a, self.ta, "matmul") if self.tb else
                    multiply_matrices(a, not self.ta, g, False, "matmul"))
        return 0


cdef Tensor multiply_matrices(Tensor a, bint ta, Tensor b, bint tb, str what):
    """The product of matrices, or of equally long stacks of matrices."""
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef int n = a.ndim, dtype = a.dtype, i
    cdef Tensor out
    cdef MatMul node
    cdef Py_ssize_t inner_a = a.shape_[n - 2] if ta else a.shape_[n - 1]
    cdef Py_ssize_t inner_b = b.shape_[n - 1] if tb else b.shape_[n - 2]
    if inner_a != inner_b:
        raise ShapeError(f"{what}: shapes {shape_tuple(a)} and {shape_tuple(b)} do not match: "
                         f"{inner_a} != {inner_b}")
    if a.face != b.face:
        raise mixed_faces(f"{what}: one array")
    if a.dtype != b.dtype:
        if a.face != NP:
            raise MXNetError(f"{what}: the arrays must have one dtype, but they are "
                             f"{numpy_dtype(a.dtype)} and {numpy_dtype(b.dtype)}")
        dtype = promoted(a.dtype, b.dtype)
    if dtype == FLOAT16:
        return cast(multiply_matrices(cast(a, FLOAT32), ta, cast(b, FLOAT32), tb, what), FLOAT16)
    for i in range(n - 2):
        shape[i] = a.shape_[i]
    shape[n - 2] = a.shape_[n - 1] if ta else a.shape_[n - 2]
    shape[n - 1] = b.shape_[n - 2] if tb else b.shape_[n - 1]
    if dtype > FLOAT64:
        if a.face != NP:
            raise MXNetError(f"{what}: products of {numpy_dtype(dtype)} arrays are not supported; "
                             "use astype('float32')")
        options = {"ta": ta, "tb": tb}
        if state().recording and (tracked_integers(a) or tracked_integers(b)):
            return numpy_calls.call(whole_product, [a, b], options, WHOLE_PRODUCT_RULES,
                                    dtype=numpy_dtype(dtype))
        return numpy_call(whole_product, [a, b], options, NP, dtype, n, shape)
    out = header(a.face, dtype, n, shape)
    a, b = cast(a, dtype), cast(b, dtype)
    if state().plain and not a.abstract and not b.abstract:
        allocate(out)
        product(a, ta, b, tb, out, False)
        return out
    node = MatMul.__new__(MatMul)
    node.a = a
    node.b = b
    node.ta = ta
    node.tb = tb
    node.needs = NEEDS_A | NEEDS_B
    return run(node, out)


def whole_product(a, b, ta, tb):
    """The product of matrices of integers or truth values, each transposed or not.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.core.ops.dense import whole_product
    >>> whole_product(numpy.array([[1, 2]]), numpy.array([[3, 4]]), False, True)
    array([[11]])
    """
    return numpy.matmul(a.swapaxes(-1, -2) if ta else a, b.swapaxes(-1, -2) if tb else b)


cdef tuple WHOLE_PRODUCT_RULES = (
    lambda g, y, _a, b, ta, tb: multiply_matrices(b, tb, g, True, "matmul") if ta else
    multiply_matrices(g, False, b, not tb, "matmul"),
    lambda g, y, a, _b, ta, tb: multiply_matrices(g, True, a, ta, "matmul") if tb else
    multiply_matrices(a, not ta, g, False, "matmul"),
)


cdef Tensor as_two_axes(Tensor x, bint column):
    """A vector as a matrix of one row or one column."""
    cdef Py_ssize_t[2] shape
    shape[0] = x.shape_[0] if column else 1
    shape[1] = 1 if column else x.shape_[0]
    return reshape(x, 2, shape)


@cython.no_gc
@cython.final
cdef class InnerProduct(Node):
    """The sum of the products of the elements of two packed arrays, in the order of memory."""

    cdef int forward(self) except -1:
        return inner_product(self.a, self.b, self.out)

    cdef int backward(self, Pass p) except -1:
        cdef bint accumulate
        cdef Tensor target = p.target(self.a, &accumulate)
        if target is not None and self.a is self.b:
            return multiple(self.a, doubled(self.grad), target, accumulate)
        if target is not None:
            multiple(self.b, self.grad, target, accumulate)
        target = p.target(self.b, &accumulate)
        if target is not None:
            multiple(self.a, self.grad, target, accumulate)
        return 0

    cdef int derive(self, Pass p, Tensor g) except -1:
        cdef Tensor a = self.a, b = self.b
        if p.wants(a):
            hand_on(p, a, reshape(b, a.ndim, a.shape_) * g)
        if p.wants(b):
            hand_on(p, b, reshape(a, b.ndim, b.shape_) * g)
        return 0


cdef Tensor doubled(Tensor number):
    cdef Tensor twice = like(number)
    scaled(2.0, number, twice, False)
    return twice


cdef Tensor inner(Tensor a, Tensor b):
    cdef InnerProduct node
    cdef Py_ssize_t one = 1
    cdef Tensor out
    if a.size != b.size or not a.size or a.dtype > FLOAT64 or a.dtype != b.dtype or (
            a.face != b.face or not a.contiguous or not b.contiguous):
        return None
    out = header(a.face, a.dtype, 0 if a.face == NP else 1, &one)
    if state().plain and not a.abstract and not b.abstract:
        allocate(out)
        inner_product(a, b, out)
        return out
    node = InnerProduct.__new__(InnerProduct)
    node.a = a
    node.b = b
    node.needs = NEEDS_A | NEEDS_B
    return run(node, out)


cdef Tensor without_axis(Tensor x, int axis):
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef int i, ndim = 0
    for i in range(x.ndim):
        if i != axis:
            shape[ndim] = x.shape_[i]
            ndim += 1
    if ndim == 0 and x.face == ND:
        shape[0] = 1
        ndim = 1
    return reshape(x, ndim, shape)


cdef Tensor stretched(Tensor x, int ndim, const Py_ssize_t* lead):
    """x with its leading axes broadcast to `lead`."""
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef int i
    cdef bint same = x.ndim == ndim
    for i in range(ndim - 2):
        shape[i] = lead[i]
        same = same and x.shape_[i] == lead[i]
    if same:
        return x
    shape[ndim - 2] = x.shape_[x.ndim - 2]
    shape[ndim - 1] = x.shape_[x.ndim - 1]
    return broadcast_to(x, ndim, shape)


cdef Tensor matmul(Tensor a, Tensor b):
    """The product `a @ b` with NumPy's rules for vectors and stacks of matrices."""
    cdef Py_ssize_t[MAX_NDIM] lead
    cdef Tensor left = a, right = b, out = inner(a, b) if a.ndim == 1 and b.ndim == 1 else None
    cdef Py_ssize_t m, n
    cdef int ndim, i
    if out is not None:
        return out
    if a.ndim == 0 or b.ndim == 0:
        raise ShapeError("matmul: operands need at least 1 axis; multiply by a number with *")
    if a.ndim == 1:
        left = as_two_axes(a, False)
    if b.ndim == 1:
        right = as_two_axes(b, True)
    ndim = max(left.ndim, right.ndim)
    if ndim > 2:
        for i in range(3, ndim + 1):
            m = left.shape_[left.ndim - i] if i <= left.ndim else 1
            n = right.shape_[right.ndim - i] if i <= right.ndim else 1
            if m != n and m != 1 and n != 1:
                raise ShapeError(f"matmul: shapes {shape_tuple(a)} and {shape_tuple(b)} do not "
                                 "match in their leading axes")
            lead[ndim - i] = m if n == 1 else n
        left, right = stretched(left, ndim, lead), stretched(right, ndim, lead)
    out = multiply_matrices(left, False, right, False, "matmul")
    if b.ndim == 1:
        out = without_axis(out, out.ndim - 1)
    if a.ndim == 1:
        out = without_axis(out, out.ndim - 1 if b.ndim == 1 else out.ndim - 2)
    return out


cdef Tensor dot(Tensor a, Tensor b, bint ta, bint tb):
    """Sum over a's last axis and b's first (nd), or b's last but one (np)."""
    cdef Tensor product = inner(a, b) if a.ndim == 1 and b.ndim == 1 else None
    cdef Py_ssize_t[2] two
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef Py_ssize_t k, rows, cols
    cdef Tensor left, right, out
    cdef int ndim = 0, i, summed
    if product is not None:
        return product
    if a.ndim == 0 or b.ndim == 0:
        raise ShapeError("dot: operands need at least 1 axis; multiply by a number with *")
    if a.ndim == 2 and b.ndim == 2:
        return multiply_matrices(a, ta, b, tb, "dot")
    if ta:
        a = moved(a, 0, a.ndim - 1)
    if tb:
        b = moved(b, b.ndim - 1, 0)
    summed = 0 if a.face == ND or b.ndim == 1 else b.ndim - 2
    if summed:
        b = moved(b, summed, 0)
    k = a.shape_[a.ndim - 1]
    rows = cols = 1
    for i in range(a.ndim - 1):
        shape[ndim] = a.shape_[i]
        rows *= shape[ndim]
        ndim += 1
    for i in range(1, b.ndim):
        if ndim == MAX_NDIM:
            raise ShapeError(f"dot: the result would have more than {MAX_NDIM} axes")
        shape[ndim] = b.shape_[i]
        cols *= shape[ndim]
        ndim += 1
    if b.shape_[0] != k:
        raise ShapeError(f"dot: shapes {shape_tuple(a)} and {shape_tuple(b)} do not match: {k} != "
                         f"{b.shape_[0]}")
    two[0], two[1] = rows, k
    left = reshape(a, 2, two)
    two[0], two[1] = k, cols
    right = reshape(b, 2, two)
    out = multiply_matrices(left, False, right, False, "dot")
    if ndim == 0 and out.face == ND:
        shape[0] = 1
        ndim = 1
    return reshape(out, ndim, shape)


cdef Tensor moved(Tensor x, int source, int target):
    """x with one axis moved to another place."""
    cdef int[MAX_NDIM] axes
    order = [i for i in range(x.ndim) if i != source]
    order.insert(target, source)
    for i in range(x.ndim):
        axes[i] = order[i]
    return transpose(x, axes)


cdef Tensor batch_dot(Tensor a, Tensor b, bint ta, bint tb):
    """Products of the matrices in two equally long stacks."""
    cdef int i
    if a.ndim != b.ndim or a.ndim < 3:
        raise ShapeError(f"batch_dot: both arrays need 3 axes or more, and as many: got "
                         f"{shape_tuple(a)} and {shape_tuple(b)}")
    for i in range(a.ndim - 2):
        if a.shape_[i] != b.shape_[i]:
            raise ShapeError(f"batch_dot: shapes {shape_tuple(a)} and {shape_tuple(b)} differ in "
                             f"axis {i}")
    return multiply_matrices(a, ta, b, tb, "batch_dot")
