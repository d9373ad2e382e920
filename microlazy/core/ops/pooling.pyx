"""Pooling: the largest number, the sum or the mean of each window, in one pass.

The mean is linear: its gradient is its transpose, and the gradient of that is the mean again. So is
taking numbers from the places that were largest, and adding at them.
"""

cimport cython
from cython.parallel cimport prange
from libc.string cimport memcpy, memset
from microlazy.core.kernels.select cimport kernels
from microlazy.core.kernels.table cimport *
from microlazy.core.loops.windows cimport MAX_AXES
from microlazy.core.ops.convolution cimport one_for_each
from microlazy.core.ops.slots cimport hand_on
from microlazy.core.parallel cimport CHUNK, GRAIN, LIGHT_GRAIN, threads
from microlazy.core.strided cimport even_piece, packed
from microlazy.core.tape cimport Node, Pass, run, state
from microlazy.core.tensor cimport FLOAT32, FLOAT64, INT32, ND, Tensor, header, itemsize, new

cdef enum:
    NEAR = 1 << 12                # numbers that stay in the nearest cache when they are cleared
    MOST_PLACES = 0x7FFFFFFF      # what a remembered place can be


@cython.no_gc
@cython.final
cdef class WindowPool(Node):
    cdef str name(self):
        return "pooling" if self.pool in (LARGEST, SUM) else "pooling_gradient"

    cdef int forward(self) except -1:
        if self.pool == LARGEST and state().recording and self.places is None:
            self.places = new(ND, INT32, 1, &self.out.size)
        return self.compute(self.pool, packed(self.a), self.out, False)

    cdef int backward(self, Pass p) except -1:
        cdef bint accumulate
        cdef Tensor target = p.target(self.a, &accumulate)
        if target is None:
            return 0
        return self.compute(transposed(self.pool), self.grad, target, accumulate)

    cdef int derive(self, Pass p, Tensor g) except -1:
        return hand_on(p, self.a, window_pool(&self.s, transposed(self.pool), g, self.places))

    cdef int compute(self, int pool, Tensor a, Tensor out, bint accumulate) except -1:
        """out (+)= a pooled; only TAKEN, SUM and what leads back may be added."""
        cdef Windows* s = &self.s
        cdef bint back = pool == PUT or pool == SUM_BACK
        cdef Py_ssize_t size = itemsize(a.dtype), i
        cdef Py_ssize_t images = a.size // (s.count if back else s.volume)
        cdef Py_ssize_t step = max(<Py_ssize_t>1,
                                   (NEAR if back else even_piece(images * s.volume)) // s.volume)
        cdef Py_ssize_t step_a = step * size * (s.count if back else s.volume)
        cdef Py_ssize_t step_out = step * size * (s.volume if back else s.count)
        cdef int dtype = a.dtype
        cdef Tensor sums = out
        cdef const char* x = a.data
        cdef char* y
        cdef int team = threads() if images * s.volume >= GRAIN else 1
        if s.count == 1 and (pool == SUM or pool == SUM_BACK) and self.is_all():
            return self.mean_of_all(pool, a, out, accumulate)
        if accumulate and not back:
            sums = new(ND, dtype, 1, &out.size)
        y = sums.data
        if team == 1:             # a parallel region costs more than a small image
            for i in range((images + step - 1) // step):
                self.pool_piece(pool, x + i * step_a, y + i * step_out, i * step,
                                min(step, images - i * step), dtype, accumulate)
        else:
            for i in prange((images + step - 1) // step, nogil=True, schedule="static",
                            num_threads=team):
                self.pool_piece(pool, x + i * step_a, y + i * step_out, i * step,
                                min(step, images - i * step), dtype, accumulate)
        if sums is not out:
            kernels.add_to[dtype](sums.data, out.data, out.size)
        return 0

    cdef void pool_piece(self, int pool, const char* x, char* y, Py_ssize_t first, Py_ssize_t n,
                         int dtype, bint accumulate) noexcept nogil:
        """n images, of which x and y are the first ones; only what leads back accumulates."""
        cdef Windows* s = &self.s
        cdef int* places = NULL
        if self.places is not None:
            places = <int*>self.places.data + first * s.count
        if not accumulate and pool == PUT:
            memset(y, 0, n * s.volume * itemsize(dtype))
        if pool == LARGEST:
            kernels.largest_in_windows[dtype](x, s.w, y, places, n)
        elif pool == SUM:
            kernels.sums_of_windows[dtype](x, s.w, y, n, s.divide, s.with_padding)
        elif pool == SUM_BACK:
            kernels.sums_back[dtype](x, s.w, y, n, s.divide, s.with_padding, accumulate)
        elif pool == TAKEN:
            kernels.take_places[dtype](x, places, y, n, s.count, s.volume)
        else:
            kernels.add_at_places[dtype](x, places, y, n, s.count, s.volume)

    cdef bint is_all(self) noexcept:
        """Whether the only window is the whole image."""
        cdef int i
        for i in range(MAX_AXES):
            if self.s.w[W_PAD + i] or self.s.w[W_KERNEL + i] != self.s.w[W_SIZE + i]:
                return False
        return True

    cdef bint sums_squares(self) noexcept:
        cdef Py_ssize_t* w = self.s.w
        cdef int axis
        for axis in range(1, MAX_AXES):
            if w[W_KERNEL + axis] != 2 or w[W_STRIDE + axis] != 2 or w[W_PAD + axis] or (
                    2 * w[W_COUNT + axis] != w[W_SIZE + axis]):
                return False
        return self.pool == SUM and w[W_SIZE] == 1 and w[W_KERNEL] == 1 and w[W_PAD] == 0

    cdef int mean_of_all(self, int pool, Tensor a, Tensor out, bint accumulate) except -1:
        """The sum or mean of each image, or its transpose: the same for each number."""
        cdef Py_ssize_t size = itemsize(a.dtype), n = self.s.volume, i
        cdef Py_ssize_t images = a.size if pool == SUM_BACK else out.size
        cdef Py_ssize_t step = max(<Py_ssize_t>1, CHUNK // n)
        cdef int dtype = a.dtype
        cdef double divisor = n if self.s.divide else 1
        cdef char* x = a.data
        cdef char* y = out.data
        cdef int team = threads() if images * n >= LIGHT_GRAIN else 1
        cdef Tensor sums = new(ND, dtype, 1, &images)
        cdef char* s = sums.data
        if pool == SUM:
            if team == 1:
                kernels.reduce_rows[dtype](R_SUM, x, s, images, n)
            else:
                for i in prange((images + step - 1) // step, nogil=True, schedule="static",
                                num_threads=team):
                    kernels.reduce_rows[dtype](R_SUM, x + i * step * n * size, s + i * step * size,
                                               min(step, images - i * step), n)
            kernels.binary_scalar[dtype](B_DIVIDE, s, divisor, False, s, images)
            if accumulate:
                kernels.add_to[dtype](s, y, images)
            else:
                memcpy(y, s, images * size)
            return 0
        kernels.binary_scalar[dtype](B_DIVIDE, x, divisor, False, s, images)
        if team == 1:
            for i in range(images):
                spread_mean(dtype, s, y, n, accumulate, i)
        else:
            for i in prange(images, nogil=True, schedule="static", num_threads=team):
                spread_mean(dtype, s, y, n, accumulate, i)
        return 0


cdef void spread_mean(int dtype, const char* means, char* y, Py_ssize_t n, bint accumulate,
                      Py_ssize_t image) noexcept nogil:
    """An image's n numbers (+)= its mean."""
    cdef double value = (<float*>means)[image] if dtype == FLOAT32 else (<double*>means)[image]
    y += image * n * itemsize(dtype)
    if accumulate:
        kernels.binary_scalar[dtype](B_ADD, y, value, False, y, n)
    else:
        kernels.fill[dtype](value, y, n)


cdef int transposed(int pool) noexcept nogil:
    if pool == LARGEST or pool == TAKEN:
        return PUT
    if pool == PUT:
        return TAKEN
    return SUM_BACK if pool == SUM else SUM


cdef Tensor window_pool(const Windows* s, int pool, Tensor a, Tensor places):
    cdef Py_ssize_t[MAX_AXES + 2] shape
    cdef WindowPool node = WindowPool.__new__(WindowPool)
    cdef int i, kind = W_SIZE if pool == PUT or pool == SUM_BACK else W_COUNT
    shape[0], shape[1] = a.shape_[0], a.shape_[1]
    for i in range(s.axes):
        shape[2 + i] = s.w[kind + MAX_AXES - s.axes + i]
    node.s = s[0]
    node.pool = pool
    node.a = a
    node.places = places
    return run(node, header(a.face, a.dtype, s.axes + 2, shape))


# ---- what layers call --------------------------------------------------------------------------

cdef class Pooling:
    """How an array is pooled: the numbers of a pooling layer, taken apart once.

    Parameters
    ----------
    kind : {'max', 'avg', 'sum'}
    kernel, stride, pad : tuple of int
        One number for each spatial axis, of which there are one to three; they are sizes.
    full : bool
        Whether a window that lies partly behind the end counts.
    count_padding : bool
        Whether the padding counts in a mean.
    whole : bool
        One window over everything: `kernel` says how many axes there are, and no more.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.core.ops.pooling import Pooling
    >>> Pooling("avg", (2,), (2,), (0,))(nd.array([[[1, 2, 4, 6]]])).asnumpy()
    array([[[1.5, 5. ]]], dtype=float32)
    """
    cdef Windows s
    cdef int pool
    cdef bint full, whole
    cdef tuple given

    def __init__(self, str kind, kernel, stride, pad, bint full=False, bint count_padding=True,
                 bint whole=False):
        self.given = (kind, kernel, stride, pad, full, count_padding, whole)
        self.pool = LARGEST if kind == "max" else SUM
        self.full = full
        self.whole = whole
        self.s.divide = kind == "avg"
        self.s.with_padding = count_padding
        self.s.axes = len(kernel)
        one_for_each(kernel, self.s.axes, &self.s.w[W_KERNEL], 1)
        one_for_each(stride, self.s.axes, &self.s.w[W_STRIDE], 1)
        one_for_each((1,) * self.s.axes, self.s.axes, &self.s.w[W_DILATE], 1)
        one_for_each(pad, self.s.axes, &self.s.w[W_PAD], 0)

    def __reduce__(self):
        return type(self), self.given

    def __call__(self, data):
        """Return the pooled array; None if the array does not suit these kernels.

        It is of a float dtype, not float16, and has elements and as many axes as there are windows
        for.
        """
        cdef Windows s = self.s
        cdef Tensor x
        cdef Py_ssize_t n, left
        cdef int i
        if not isinstance(data, Tensor):
            return None
        x = data
        if x.dtype > FLOAT64 or not x.size or x.ndim != s.axes + 2:
            return None
        s.volume = s.count = 1
        for i in range(MAX_AXES):
            n = s.w[W_SIZE + i] = x.shape_[2 + i - MAX_AXES + s.axes] if (
                i >= MAX_AXES - s.axes) else 1
            if self.whole:
                s.w[W_KERNEL + i], s.w[W_STRIDE + i], s.w[W_PAD + i] = n, 1, 0
            left = n + 2 * s.w[W_PAD + i] - s.w[W_KERNEL + i]
            if left < 0 and not (self.full and left > -s.w[W_STRIDE + i]):
                return None
            s.w[W_COUNT + i] = (left + (s.w[W_STRIDE + i] - 1 if self.full else 0)) // (
                s.w[W_STRIDE + i]) + 1
            s.volume *= n
            s.count *= s.w[W_COUNT + i]
        if s.volume > MOST_PLACES:
            return None
        return window_pool(&s, self.pool, x, None)
