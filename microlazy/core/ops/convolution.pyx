"""Convolution, its transpose and their gradients, over one, two or three axes.

All of them are one sum over products x w y of images, filters and results, where each of the three
is found from the other two. So one node does all, and its gradients, of any order, are such nodes.
How each is computed is for `core/loops/convolution` to choose.
"""

cimport cython
from cython.parallel cimport prange
from libc.string cimport memset
from microlazy.core.kernels.select cimport kernels
from microlazy.core.kernels.table cimport *
from microlazy.core.loops.chain cimport Tail
from microlazy.core.loops.convolution cimport (
    convolve, convolve_back, filters_gradient, finds_images_beside, gradients_side_by_side,
    lies_side_by_side, workspace_of,
)
from microlazy.core.loops.elementwise cimport apply_unary_grad
from microlazy.core.loops.windows cimport MAX_AXES, Gradients, Job, Sizes, divided_up, reach_of
from microlazy.core.ops.chain cimport Chain
from microlazy.core.ops.elementwise cimport mask, masked
from microlazy.core.ops.reduce cimport sum_over
from microlazy.core.ops.shape cimport reshape
from microlazy.core.ops.slots cimport hand_on
from microlazy.core.parallel cimport CHUNK, LIGHT_GRAIN, threads
from microlazy.core.strided cimport packed
from microlazy.core.tape cimport NEEDS_A, NEEDS_B, NEEDS_OUT, Node, Pass, run
from microlazy.core.tensor cimport FLOAT64, ND, Tensor, allocate, header, itemsize, like, new


@cython.no_gc
@cython.final
cdef class WindowProduct(Node):

    cdef str name(self):
        cdef str op = ("deconvolution", "convolution_weight", "convolution")[self.role]
        return op if self.tail is None else op + "+relu" * self.relu + "+" + self.tail.name()

    cdef int forward(self) except -1:
        cdef Job job
        cdef Tail tail
        cdef Tensor bias = None if self.c is None else packed(self.c)
        memset(&job, 0, sizeof(job))
        job.relu = self.relu
        if bias is not None:
            job.bias = bias.data
        if self.tail is not None:
            self.tail.describe(&tail, self.raw)
            job.tail = &tail
        if self.lender is not None:
            job.lent = self.lender.out.block.data + self.lent_from
            job.lent_bytes = self.lent
        return compute(&job, &self.s, self.role, packed(self.a), packed(self.b), self.out)

    cdef int backward(self, Pass p) except -1:
        cdef bint accumulate
        cdef Tensor g = self.grad, target
        cdef Job job
        cdef int first = 1 if self.role == IMAGES else 0
        cdef int second = 1 if self.role == RESULTS else 2
        if self.relu:
            g = like(g)
            apply_unary_grad(U_RELU, self.y.data, self.y.data, self.grad.data, g.data, False,
                             g.size, g.dtype)
        memset(&job, 0, sizeof(job))
        fill_job(&job, &self.s, g.dtype)
        if self.role == RESULTS and lies_side_by_side(&job):
            return go_back_side_by_side(self, p, g, &job)
        if self.c is not None:
            target = p.target(self.c, &accumulate)
            if target is not None:
                sum_channels(g, target, accumulate)
        target = p.target(self.b, &accumulate)
        if target is not None:
            self.find_from(second, first, packed(self.a), g, target, accumulate)
        target = p.target(self.a, &accumulate)
        if target is not None:
            self.find_from(first, second, packed(self.b), g, target, accumulate)
        return 0

    cdef bint take_relu(self) noexcept:
        if self.relu or self.role == FILTERS:
            return False
        self.needs |= NEEDS_OUT
        self.relu = True
        return True

    cdef Py_ssize_t workspace(self) except -1:
        cdef Job job
        cdef Tail tail
        memset(&job, 0, sizeof(job))
        fill_job(&job, &self.s, self.out.dtype)
        if self.tail is not None:
            self.tail.ahead.describe(&tail)
            job.tail = &tail
        return workspace_of(&job) if self.role == RESULTS else 0

    cdef bint may_have_tail(self) noexcept:
        return self.role == RESULTS and self.tail is None and self.out.slot is None

    cdef int take_tail(self, Chain chain, Tensor raw) except -1:
        self.tail = chain
        self.raw = <int>[id(x) for x in chain.rest].index(id(raw))
        self.rest = [x for x in chain.rest if x is not raw]
        self.out = chain.out
        self.with_relu = False        # its name tells where the relu is
        return 0

    cdef int derive(self, Pass p, Tensor g) except -1:
        cdef int first = 1 if self.role == IMAGES else 0
        cdef int second = 1 if self.role == RESULTS else 2
        if self.relu:
            g = masked(g, mask(B_GREATER, self.y, 0.0))
        if p.wants(self.c):
            hand_on(p, self.c, reshape(sum_over(g, ~2u & ((1u << g.ndim) - 1)), 1,
                                       self.c.shape_))
        if p.wants(self.b):
            hand_on(p, self.b, window_product(&self.s, second, self.a, g, None, False)
                    if first < self.role else
                    window_product(&self.s, second, g, self.a, None, False))
        if p.wants(self.a):
            hand_on(p, self.a, window_product(&self.s, first, self.b, g, None, False)
                    if second < self.role else
                    window_product(&self.s, first, g, self.b, None, False))
        return 0

    cdef int find_from(self, int role, int other, Tensor x, Tensor g, Tensor out,
                       bint accumulate) except -1:
        """What has a role, from what has the other one and the gradient of the result."""
        if other < self.role:
            return find(&self.s, role, x, g, out, accumulate)
        return find(&self.s, role, g, x, out, accumulate)


cdef Chain tail_of(Node node):
    return (<WindowProduct>node).tail if type(node) is WindowProduct else None


cdef int fill_job(Job* job, const Sizes* s, int dtype) except -1:
    job.s = s[0]
    job.dtype = dtype
    job.size = itemsize(dtype)
    return 0


cdef int compute(Job* job, const Sizes* s, int role, Tensor a, Tensor b, Tensor out) except -1:
    fill_job(job, s, out.dtype)
    if role == RESULTS:
        job.x, job.w, job.y = a.data, b.data, out.data
        return convolve(job)
    if role == FILTERS:
        job.x, job.w, job.y = a.data, out.data, b.data
        return filters_gradient(job)
    job.x, job.w, job.y = out.data, a.data, b.data
    return convolve_back(job)


cdef int go_back_side_by_side(Node node, Pass p, Tensor g, Job* job) except -1:
    """Find the gradients of a convolution's a, b and c in one run over the images, if that can be.

    If its results are pooled, g is the gradient of what that gives.
    """
    cdef Gradients* to = &job.to
    cdef Tensor x = packed(node.a), w = packed(node.b)
    cdef Tensor filters = p.target(node.b, &to.add_w), images, bias
    if filters is not None:
        to.w = filters.data
    if node.c is not None:
        bias = p.target(node.c, &to.add_bias)
        if bias is not None:
            to.bias = bias.data
    images = p.target(node.a, &to.add_x)
    job.x, job.w, job.y = x.data, w.data, g.data
    if images is not None and finds_images_beside(job) and images.data != to.w:
        to.x = images.data
        images = None
    if images is not None and job.pool is not NULL:
        g = window_array(&job.s, RESULTS, g)
        allocate(g)
        to.slopes = g.data
    if to.x is not NULL or to.w is not NULL or to.bias is not NULL or to.slopes is not NULL:
        gradients_side_by_side(job)
    return 0 if images is None else find(&job.s, IMAGES, w, g, images, to.add_x)


cdef int find(const Sizes* s, int role, Tensor a, Tensor b, Tensor out, bint accumulate) except -1:
    cdef Job job
    memset(&job, 0, sizeof(job))
    job.accumulate = accumulate
    return compute(&job, s, role, a, b, out)


cdef Tensor window_array(const Sizes* s, int role, Tensor x):
    """An array for what has this role, like x otherwise, without memory."""
    cdef Py_ssize_t[MAX_AXES + 2] shape
    cdef int i, kind = W_SIZE if role == IMAGES else W_KERNEL if role == FILTERS else W_COUNT
    shape[0] = s.groups * s.filters if role == FILTERS else s.batch
    shape[1] = (s.channels if role == FILTERS else
                s.groups * (s.channels if role == IMAGES else s.filters))
    for i in range(s.axes):
        shape[2 + i] = s.w[kind + MAX_AXES - s.axes + i]
    return header(x.face, x.dtype, s.axes + 2, shape)


cdef Tensor window_product(const Sizes* s, int role, Tensor a, Tensor b, Tensor bias, bint relu):
    """What has this role, from the other two in order: images, filters, results."""
    cdef WindowProduct node = WindowProduct.__new__(WindowProduct)
    node.s = s[0]
    node.role = role
    node.relu = relu
    node.a = a
    node.b = b
    node.c = bias
    node.needs = NEEDS_A | NEEDS_B | NEEDS_OUT if relu else NEEDS_A | NEEDS_B
    return run(node, window_array(s, role, a))


cdef int sum_channels(Tensor g, Tensor target, bint accumulate) except -1:
    """target (+)= the sums of g (batch, channels, ...) over all but the channels."""
    cdef Py_ssize_t rows = g.shape_[0] * g.shape_[1], cols = g.size // rows, i
    cdef Py_ssize_t size = itemsize(g.dtype), step = max(<Py_ssize_t>1, CHUNK // cols)
    cdef int dtype = g.dtype
    cdef Tensor sums = new(ND, dtype, 1, &rows)
    cdef const char* x = g.data
    cdef char* out = sums.data
    if g.size < LIGHT_GRAIN:
        kernels.reduce_rows[dtype](R_SUM, x, out, rows, cols)
    else:
        for i in prange(divided_up(rows, step), nogil=True, schedule="static",
                        num_threads=threads()):
            kernels.reduce_rows[dtype](R_SUM, x + i * step * cols * size, out + i * step * size,
                                       min(step, rows - i * step), cols)
    kernels.reduce_cols[dtype](R_SUM, sums.data, target.data, accumulate, g.shape_[0],
                               g.shape_[1])
    return 0


# ---- what layers call --------------------------------------------------------------------------

cdef int one_for_each(object given, int axes, Py_ssize_t* numbers, Py_ssize_t missing) except -1:
    """Numbers for the last axes; the others, which the data has not, get what says nothing."""
    cdef int i
    for i in range(MAX_AXES - axes):
        numbers[i] = missing
    for i in range(axes):
        numbers[MAX_AXES - axes + i] = given[i]
    return 0


cdef class Filters:
    """How filters slide: the numbers of a convolution or its transpose, taken apart once.

    Parameters
    ----------
    kernel, stride, dilate, pad : tuple of int
        One number for each spatial axis, of which there are one to three; they are sizes.
    num_filter, num_group : int
        The filters of all groups, or what the transpose gives; the groups divide them.
    adj : tuple of int, optional
        How much longer the transpose's result is than the windows ask for.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.core.ops.convolution import Filters
    >>> x, w = nd.array([[[1, 2, 4]]]), nd.array([[[1, 1]]])
    >>> Filters((2,), (1,), (1,), (0,), 1, 1).convolution(x, w).asnumpy()
    array([[[3., 6.]]], dtype=float32)
    """
    cdef Sizes s
    cdef Py_ssize_t[MAX_AXES] extra
    cdef Py_ssize_t num_filter
    cdef tuple given

    def __init__(self, kernel, stride, dilate, pad, Py_ssize_t num_filter, Py_ssize_t num_group,
                 adj=None):
        self.given = (kernel, stride, dilate, pad, num_filter, num_group, adj)
        self.s.axes = len(kernel)
        self.s.groups = num_group
        self.num_filter = num_filter
        one_for_each(kernel, self.s.axes, &self.s.w[W_KERNEL], 1)
        one_for_each(stride, self.s.axes, &self.s.w[W_STRIDE], 1)
        one_for_each(dilate, self.s.axes, &self.s.w[W_DILATE], 1)
        one_for_each(pad, self.s.axes, &self.s.w[W_PAD], 0)
        one_for_each(adj or (0,) * self.s.axes, self.s.axes, &self.extra[0], 0)
        self.s.window = self.s.w[W_KERNEL] * self.s.w[W_KERNEL + 1] * self.s.w[W_KERNEL + 2]

    def __reduce__(self):
        return type(self), self.given

    def convolution(self, data, weight, bias=None, bint relu=False):
        """Return a convolution, or its relu; None if the arrays do not suit these kernels.

        They are of one float dtype, not float16, and of one face, and have elements and the shapes
        that fit.
        """
        cdef Sizes s = self.s
        cdef Tensor x, w, b
        cdef Py_ssize_t first
        cdef int i
        if not self.suit(data, weight, bias):
            return None
        x, w, b = data, weight, bias
        if x.shape_[1] % s.groups or self.num_filter % s.groups or (
                w.shape_[0] != self.num_filter or w.shape_[1] != x.shape_[1] // s.groups):
            return None
        first = MAX_AXES - s.axes
        s.batch = x.shape_[0]
        s.channels = w.shape_[1]
        s.filters = self.num_filter // s.groups
        for i in range(MAX_AXES):
            s.w[W_SIZE + i] = 1 if i < first else x.shape_[2 + i - first]
            s.w[W_COUNT + i] = (s.w[W_SIZE + i] + 2 * s.w[W_PAD + i] - reach_of(&s, i) - 1)
            if s.w[W_COUNT + i] < 0:
                return None
            s.w[W_COUNT + i] = s.w[W_COUNT + i] // s.w[W_STRIDE + i] + 1
        multiply_out(&s)
        return window_product(&s, RESULTS, x, w, b, relu)

    def deconvolution(self, data, weight, bias=None, bint relu=False):
        """Return the transpose of a convolution; None where `convolution` gives None."""
        cdef Sizes s = self.s
        cdef Tensor y, w, b
        cdef Py_ssize_t first
        cdef int i
        if not self.suit(data, weight, bias):
            return None
        y, w, b = data, weight, bias
        if y.shape_[1] % s.groups or self.num_filter % s.groups or (
                w.shape_[0] != y.shape_[1] or w.shape_[1] != self.num_filter // s.groups):
            return None
        first = MAX_AXES - s.axes
        s.batch = y.shape_[0]
        s.channels = w.shape_[1]
        s.filters = y.shape_[1] // s.groups
        for i in range(MAX_AXES):
            s.w[W_COUNT + i] = 1 if i < first else y.shape_[2 + i - first]
            s.w[W_SIZE + i] = ((s.w[W_COUNT + i] - 1) * s.w[W_STRIDE + i] + reach_of(&s, i) + 1
                               - 2 * s.w[W_PAD + i] + self.extra[i])
            if s.w[W_SIZE + i] < 1 or self.extra[i] >= s.w[W_STRIDE + i] and self.extra[i]:
                return None
        multiply_out(&s)
        return window_product(&s, IMAGES, w, y, b, relu)

    cdef bint suit(self, object data, object weight, object bias):
        cdef Tensor x, w, b
        cdef int i, first = MAX_AXES - self.s.axes
        if not isinstance(data, Tensor) or not isinstance(weight, Tensor):
            return False
        x, w = data, weight
        if (x.dtype > FLOAT64 or x.dtype != w.dtype or x.face != w.face or not x.size
                or not w.size or x.ndim != self.s.axes + 2 or w.ndim != x.ndim):
            return False
        for i in range(self.s.axes):
            if w.shape_[2 + i] != self.s.w[W_KERNEL + first + i]:
                return False
        if bias is None:
            return True
        if not isinstance(bias, Tensor):
            return False
        b = bias
        return (b.dtype == x.dtype and b.face == x.face and b.ndim == 1
                and b.shape_[0] == self.num_filter)


cdef void multiply_out(Sizes* s) noexcept:
    s.volume = s.w[W_SIZE] * s.w[W_SIZE + 1] * s.w[W_SIZE + 2]
    s.count = s.w[W_COUNT] * s.w[W_COUNT + 1] * s.w[W_COUNT + 2]
    s.places = s.channels * s.window
