"""What networks are made of beside products: softmax, cross-entropy, dropout, activations.

The functions at the end are what Gluon's layers call.
"""

cimport cython
from microlazy.core.kernels.select cimport kernels
from microlazy.core.kernels.table cimport *
from microlazy.core.loops.elementwise cimport apply_binary_grad, compute_binary
from microlazy.core.ops.cast cimport cast
from microlazy.core.ops.dense cimport dense
from microlazy.core.ops.elementwise cimport unary
from microlazy.core.ops.gather cimport pick as pick_places
from microlazy.core.ops.random cimport fill_mask
from microlazy.core.ops.reduce cimport sum_over
from microlazy.core.ops.shape cimport reshape, transpose
from microlazy.core.ops.slots cimport hand_on
from microlazy.core.parallel cimport CHUNK, COLUMNS, GRAIN, LIGHT_GRAIN, threads
from microlazy.core.strided cimport expanded, packed
from microlazy.core.tape cimport NEEDS_A, NEEDS_OUT, Node, Pass, output_of, run, state
from microlazy.core.tensor cimport (
    FLOAT16, FLOAT32, FLOAT64, INT32, INT64, MAX_NDIM, ND, Tensor, header, itemsize, like, new,
    numpy_dtype, parse_axis, shape_tuple, view_numpy,
)
from cython.parallel cimport prange

import numpy

from microlazy.base import MXNetError, ShapeError


# ---- softmax -----------------------------------------------------------------------------------

cdef int softmax_of(bint log, const char* x, char* y, Py_ssize_t outer, Py_ssize_t n,
                    Py_ssize_t inner, int dtype) except -1:
    """Over the second axis of x (outer, n, inner)."""
    cdef Py_ssize_t size = itemsize(dtype), i, step, across, start
    cdef int team = 1 if outer * n * inner < GRAIN else threads()
    if inner == 1:
        step = max(<Py_ssize_t>1, CHUNK // n)
        if team == 1:
            kernels.softmax[dtype](log, x, y, outer, n)
            return 0
        for i in prange((outer + step - 1) // step, nogil=True, schedule="static",
                        num_threads=team):
            kernels.softmax[dtype](log, x + i * step * n * size, y + i * step * n * size,
                                   min(step, outer - i * step), n)
        return 0
    across = (inner + COLUMNS - 1) // COLUMNS
    for i in prange(outer * across, nogil=True, schedule="static", num_threads=team):
        start = (i // across * n * inner + i % across * COLUMNS) * size
        kernels.softmax_cols[dtype](log, x + start, y + start, n, inner,
                                    min(<Py_ssize_t>COLUMNS, inner - i % across * COLUMNS))
    return 0


cdef int softmax_gradient(bint log, const char* y, const char* g, char* dx, bint accumulate,
                          Py_ssize_t outer, Py_ssize_t n, Py_ssize_t inner, int dtype) except -1:
    cdef Py_ssize_t size = itemsize(dtype), i, step, across, start
    cdef int team = 1 if outer * n * inner < (GRAIN if log else LIGHT_GRAIN) else threads()
    if inner == 1:
        step = max(<Py_ssize_t>1, CHUNK // n)
        if team == 1:
            kernels.softmax_grad[dtype](log, y, g, dx, accumulate, outer, n)
            return 0
        for i in prange((outer + step - 1) // step, nogil=True, schedule="static",
                        num_threads=team):
            start = i * step * n * size
            kernels.softmax_grad[dtype](log, y + start, g + start, dx + start, accumulate,
                                        min(step, outer - i * step), n)
        return 0
    across = (inner + COLUMNS - 1) // COLUMNS
    for i in prange(outer * across, nogil=True, schedule="static", num_threads=team):
        start = (i // across * n * inner + i % across * COLUMNS) * size
        kernels.softmax_cols_grad[dtype](log, y + start, g + start, dx + start, accumulate, n,
                                         inner,
                                         min(<Py_ssize_t>COLUMNS, inner - i % across * COLUMNS))
    return 0


cdef Py_ssize_t product(Tensor x, int first, int last) noexcept:
    """The number of elements along the axes from first to before last."""
    cdef Py_ssize_t n = 1
    cdef int i
    for i in range(first, last):
        n *= x.shape_[i]
    return n


cdef int softmax_into(bint log, Tensor x, int axis, Tensor out) except -1:
    x = packed(x)
    if x.size == 0:
        return 0
    return softmax_of(log, x.data, out.data, product(x, 0, axis), x.shape_[axis],
                      product(x, axis + 1, x.ndim), x.dtype)


@cython.no_gc
@cython.final
cdef class Softmax(Node):
    cdef bint log
    cdef int axis

    cdef int forward(self) except -1:
        return softmax_into(self.log, self.a, self.axis, self.out)

    cdef int backward(self, Pass p) except -1:
        cdef bint accumulate
        cdef Tensor dx = p.target(self.a, &accumulate)
        if dx is None or dx.size == 0:
            return 0
        return softmax_gradient(self.log, self.y.data, self.grad.data, dx.data, accumulate,
                                product(dx, 0, self.axis), dx.shape_[self.axis],
                                product(dx, self.axis + 1, dx.ndim), dx.dtype)

    cdef int derive(self, Pass p, Tensor g) except -1:
        cdef unsigned int mask = 1u << self.axis
        y = output_of(self)
        if self.log:
            return hand_on(p, self.a, g - unary(U_EXP, y) * sum_over(g, mask))
        return hand_on(p, self.a, y * (g - sum_over(<Tensor>(g * y), mask)))

    cdef str name(self):
        return "log_softmax" if self.log else "softmax"


cdef Tensor softmax_along(Tensor x, int axis, bint log):
    cdef Softmax node
    cdef Tensor out
    if x.dtype == FLOAT16:
        return cast(softmax_along(cast(x, FLOAT32), axis, log), FLOAT16)
    if x.dtype > FLOAT64:
        raise MXNetError(f"softmax: the array must hold floats, not {numpy_dtype(x.dtype)}")
    if state().plain and not x.abstract:
        out = like(x)
        softmax_into(log, x, axis, out)
        return out
    node = Softmax.__new__(Softmax)
    node.log = log
    node.axis = axis
    node.a = x
    node.needs = NEEDS_OUT
    return run(node, header(x.face, x.dtype, x.ndim, x.shape_))


# ---- cross-entropy -----------------------------------------------------------------------------

cdef Tensor class_numbers(Tensor label, Py_ssize_t classes):
    """The labels as int64, each in [0, classes)."""
    cdef Py_ssize_t n = label.size, i
    cdef Tensor places = new(ND, INT64, 1, &n)
    cdef long long* out = <long long*>places.data
    cdef double value
    label = packed(label)
    for i in range(n):
        if label.dtype == FLOAT32:
            value = (<float*>label.data)[i]
        elif label.dtype == FLOAT64:
            value = (<double*>label.data)[i]
        elif label.dtype == INT64:
            value = <double>(<long long*>label.data)[i]
        elif label.dtype == INT32:
            value = (<int*>label.data)[i]
        else:
            value = view_numpy(label).flat[i]
        if not (0 <= value < classes):
            raise ValueError(f"softmax_cross_entropy: label {value:g} at place {i} is not a class "
                             f"of 0 to {classes - 1}")
        out[i] = <long long>value
    return places


cdef int cross_entropy_rows(const char* x, const long long* label, char* log_p, char* loss,
                            Py_ssize_t rows, Py_ssize_t cols, int dtype) except -1:
    cdef Py_ssize_t size = itemsize(dtype), step = max(<Py_ssize_t>1, CHUNK // cols), i, start
    if rows * cols < GRAIN:
        kernels.cross_entropy[dtype](x, label, log_p, loss, rows, cols)
        return 0
    for i in prange((rows + step - 1) // step, nogil=True, schedule="static",
                    num_threads=threads()):
        start = i * step * cols * size
        kernels.cross_entropy[dtype](x + start, label + i * step, log_p + start,
                                     loss + i * step * size, min(step, rows - i * step), cols)
    return 0


cdef int cross_entropy_gradient(const char* log_p, const long long* label, const char* g, char* dx,
                                bint accumulate, Py_ssize_t rows, Py_ssize_t cols,
                                int dtype) except -1:
    cdef Py_ssize_t size = itemsize(dtype), step = max(<Py_ssize_t>1, CHUNK // cols), i, start
    if rows * cols < GRAIN:
        kernels.cross_entropy_grad[dtype](log_p, label, g, dx, accumulate, rows, cols)
        return 0
    for i in prange((rows + step - 1) // step, nogil=True, schedule="static",
                    num_threads=threads()):
        start = i * step * cols * size
        kernels.cross_entropy_grad[dtype](log_p + start, label + i * step, g + i * step * size,
                                          dx + start, accumulate, min(step, rows - i * step), cols)
    return 0


@cython.no_gc
@cython.final
cdef class CrossEntropy(Node):
    """-log softmax(a)[b] over the last axis, b holding class numbers."""
    cdef Tensor places, log_p

    cdef int forward(self) except -1:
        cdef Tensor x = packed(self.a)
        cdef Py_ssize_t cols = x.shape_[x.ndim - 1]
        self.places = class_numbers(self.b, cols)
        if self.log_p is None:
            self.log_p = like(x)
        if x.size:
            cross_entropy_rows(x.data, <long long*>self.places.data, self.log_p.data,
                               self.out.data, x.size // cols, cols, x.dtype)
        return 0

    cdef int backward(self, Pass p) except -1:
        cdef bint accumulate
        cdef Tensor dx = p.target(self.a, &accumulate)
        cdef Py_ssize_t cols
        if dx is None or dx.size == 0:
            return 0
        cols = dx.shape_[dx.ndim - 1]
        return cross_entropy_gradient(self.log_p.data, <long long*>self.places.data,
                                      self.grad.data, dx.data, accumulate, dx.size // cols, cols,
                                      dx.dtype)

    cdef bint steady(self) noexcept:
        return True

    cdef int derive(self, Pass p, Tensor g) except -1:
        cdef Py_ssize_t[MAX_NDIM] shape
        cdef Tensor x = self.a
        cdef int i
        for i in range(x.ndim):
            shape[i] = 1 if i == x.ndim - 1 else x.shape_[i]
        difference = softmax_along(x, x.ndim - 1, False) - one_hot_like(x, self.places)
        return hand_on(p, x, difference * reshape(g, x.ndim, shape))


cdef Tensor one_hot_like(Tensor x, Tensor places):
    """1 at each row's place along the last axis, 0 elsewhere."""
    cdef Tensor y = like(x)
    cdef Py_ssize_t cols = x.shape_[x.ndim - 1]
    rows = view_numpy(y).reshape(-1, cols)
    rows[...] = 0
    rows[numpy.arange(len(rows)), view_numpy(places)] = 1
    return y


cdef Tensor cross_entropy(Tensor pred, Tensor label, int axis):
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef CrossEntropy node
    cdef int ndim = 0, i
    if pred.dtype == FLOAT16:
        return cast(cross_entropy(cast(pred, FLOAT32), label, axis), FLOAT16)
    if pred.dtype > FLOAT64:
        raise MXNetError(f"softmax_cross_entropy: predictions must be floats, not "
                         f"{numpy_dtype(pred.dtype)}")
    for i in range(pred.ndim):
        if i != axis:
            shape[ndim] = pred.shape_[i]
            ndim += 1
    expected = tuple([shape[i] for i in range(ndim)])
    if without_ones(shape_tuple(label)) != without_ones(expected):
        raise ShapeError(f"softmax_cross_entropy: labels of shape {shape_tuple(label)} do not fit "
                         f"predictions of shape {shape_tuple(pred)} with classes along axis "
                         f"{axis}: expected {expected}")
    if pred.shape_[axis] == 0 and label.size:
        raise ShapeError("softmax_cross_entropy: there are no classes to choose from")
    if axis != pred.ndim - 1:
        pred = with_axis_last(pred, axis)
    if ndim == 0 and pred.face == ND:
        shape[0] = 1
        ndim = 1
    node = CrossEntropy.__new__(CrossEntropy)
    node.a = pred
    node.b = label
    node.needs = NEEDS_A
    return run(node, header(pred.face, pred.dtype, ndim, shape))


cdef list without_ones(tuple shape):
    return [n for n in shape if n != 1]


cdef Tensor with_axis_last(Tensor x, int axis):
    cdef int[MAX_NDIM] axes
    order = [i for i in range(x.ndim) if i != axis] + [axis]
    for i in range(x.ndim):
        axes[i] = order[i]
    return transpose(x, axes)


# ---- dropout -----------------------------------------------------------------------------------

@cython.no_gc
@cython.final
cdef class Dropout(Node):
    """a * mask: 0 with probability `rate`, else 1 / (1 - rate); shared along some axes."""
    cdef double rate
    cdef unsigned int shared
    cdef Tensor mask

    cdef int forward(self) except -1:
        cdef Py_ssize_t[MAX_NDIM] shape
        cdef Tensor x = packed(self.a), mask
        cdef int i
        for i in range(x.ndim):
            shape[i] = 1 if self.shared >> i & 1 else x.shape_[i]
        mask = new(x.face, x.dtype, x.ndim, shape)
        fill_mask(self.rate, 1.0 / (1.0 - self.rate) if self.rate < 1.0 else 0.0, mask)
        self.mask = packed(expanded(mask, x.ndim, x.shape_))
        return compute_binary(B_MULTIPLY, x, self.mask, self.out)

    cdef int backward(self, Pass p) except -1:
        cdef bint accumulate
        cdef Tensor dx = p.target(self.a, &accumulate)
        if dx is None:
            return 0
        return apply_binary_grad(B_MULTIPLY, 0, self.grad.data, self.mask.data, self.grad.data,
                                 self.grad.data, dx.data, accumulate, dx.size, dx.dtype)

    cdef bint steady(self) noexcept:
        return True

    cdef int derive(self, Pass p, Tensor g) except -1:
        return hand_on(p, self.a, g * self.mask)


cdef Tensor need_array(object x, str what):
    if not isinstance(x, Tensor):
        raise TypeError(f"{what} must be an array (NDArray or ndarray), not {type(x).__name__}")
    return <Tensor>x


# ---- what layers call --------------------------------------------------------------------------

cdef dict ACTIVATIONS = {
    "relu": U_RELU, "sigmoid": U_SIGMOID, "tanh": U_TANH, "softrelu": U_SOFTRELU,
    "softsign": U_SOFTSIGN, "log_sigmoid": U_LOG_SIGMOID, "gelu": U_GELU, "silu": U_SILU,
    "swish": U_SILU, "erf": U_ERF, "exp": U_EXP, "square": U_SQUARE, "abs": U_ABS,
}


def activation_names():
    """The names that `activation` knows.

    Examples
    --------
    >>> from microlazy.core.ops.nn import activation_names
    >>> activation_names()[:3]
    ('relu', 'sigmoid', 'tanh')
    """
    return tuple(ACTIVATIONS)


def fully_connected(x, weight, bias=None, num_hidden=None, bint no_bias=False, bint flatten=True,
                    act_type=None, bint in_first=False):
    """The dense layer ``x @ weight.T + bias``, or with `in_first` ``x @ weight + bias``.

    Parameters
    ----------
    x : array, shape (batch, ...)
        With `flatten`, all axes but the first count as features; else the last alone.
    weight : array, shape (units, features), or (features, units) with `in_first`
    bias : array, shape (units,), optional
    num_hidden : int, optional
        The number of units, to be checked against the weight.
    no_bias : bool
        Leave `bias` out.
    flatten : bool
    act_type : str, optional
        An activation function to apply to the result; relu costs nothing extra.

    Returns
    -------
    array, shape (batch, units), or (..., units) without `flatten`

    Raises
    ------
    ShapeError
        If the features do not match.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.core.ops.nn import fully_connected
    >>> fully_connected(nd.ones((2, 3)), nd.ones((4, 3)), nd.zeros((4,))).shape
    (2, 4)
    """
    cdef Tensor w = need_array(weight, "weight")
    cdef int place = w.ndim - 1 if in_first else 0
    if num_hidden is not None and w.ndim and num_hidden != w.shape_[place]:
        raise ShapeError(f"fully_connected: num_hidden is {num_hidden}, but the weight of shape "
                         f"{shape_tuple(w)} has {w.shape_[place]} units")
    cdef bint relu = act_type == "relu"
    out = dense(need_array(x, "x"), w,
                None if no_bias or bias is None else need_array(bias, "bias"), flatten, relu,
                in_first)
    return out if relu or act_type is None else activation(out, act_type)


def activation(x, act_type):
    """Apply an activation function by name: relu, sigmoid, tanh, softrelu, softsign and others.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.core.ops.nn import activation
    >>> activation(nd.array([-1., 2.]), "relu").asnumpy()
    array([0., 2.], dtype=float32)
    """
    # What numpy.array(names) holds, numpy.str_, is a str as well, but no `str` to Cython.
    op = ACTIVATIONS.get(act_type) if isinstance(act_type, str) else None
    if op is None:
        raise MXNetError(f"unknown activation {act_type!r}; known are {', '.join(ACTIVATIONS)}")
    return unary(op, need_array(x, "x"))


def softmax(x, axis=-1):
    """exp(x) over its sum along an axis, computed so that it does not overflow.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.core.ops.nn import softmax
    >>> softmax(nd.zeros((1, 2))).asnumpy()
    array([[0.5, 0.5]], dtype=float32)
    """
    cdef Tensor t = need_array(x, "x")
    return softmax_along(t, parse_axis(axis, t.ndim), False)


def softmax_or(general):
    """npx's softmax, compiled: the plain one is computed here, any other by `general`.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.core.ops.nn import softmax_or
    >>> softmax_or(None)(nd.zeros((1, 2))).asnumpy()
    array([[0.5, 0.5]], dtype=float32)
    """
    def softmax(data, length=None, axis=-1, temperature=None, dtype=None, use_length=False, *,
                out=None, name=None):
        """Return exp(data / temperature) over its sum along an axis.

        Parameters
        ----------
        data : array of floats
        length : array of integers, optional
            With `use_length`: how many elements count, of data's shape without the axis; the others
            are 0.
        axis : int
        temperature : float, optional
        dtype : dtype, optional
            What to compute in.

        Examples
        --------
        >>> from microlazy import np, npx
        >>> npx.softmax(np.zeros((1, 4)), np.array([2], dtype="int32"), use_length=True)
        array([[0.5, 0.5, 0. , 0. ]])
        """
        if (length is None and temperature is None and dtype is None and out is None
                and not use_length and isinstance(data, Tensor)):
            return softmax_along(<Tensor>data, parse_axis(axis, (<Tensor>data).ndim), False)
        return general(data, length, axis, temperature, dtype, use_length, out=out, name=name)

    return softmax


def log_softmax(x, axis=-1):
    """The logarithm of softmax, accurate for small probabilities.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.core.ops.nn import log_softmax
    >>> float(log_softmax(nd.zeros((1, 1))).asscalar())
    0.0
    """
    cdef Tensor t = need_array(x, "x")
    return softmax_along(t, parse_axis(axis, t.ndim), True)


def softmax_cross_entropy(pred, label, axis=-1):
    """-log softmax(pred)[label]: the loss of a classifier, one number for each row.

    Parameters
    ----------
    pred : array of floats
        Scores, classes along `axis`.
    label : array
        Class numbers, of pred's shape without `axis`; any dtype.
    axis : int

    Returns
    -------
    array of pred's shape without `axis`; differentiable in pred

    Raises
    ------
    ValueError
        If a label is not a class number.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.core.ops.nn import softmax_cross_entropy
    >>> loss = softmax_cross_entropy(nd.zeros((2, 4)), nd.array([1, 3]))
    >>> loss.asnumpy().round(4)
    array([1.3863, 1.3863], dtype=float32)
    """
    cdef Tensor p = need_array(pred, "pred")
    return cross_entropy(p, need_array(label, "label"), parse_axis(axis, p.ndim))


def pick(x, index, axis=-1, bint keepdims=False, str mode="clip"):
    """One element of each row along an axis: ``x[i, index[i]]``.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.core.ops.nn import pick
    >>> pick(nd.array([[1, 2], [3, 4]]), nd.array([0, 1])).asnumpy()
    array([1., 4.], dtype=float32)
    """
    cdef Tensor t = need_array(x, "x")
    return pick_places(t, need_array(index, "index"), parse_axis(axis, t.ndim), keepdims, mode)


def dropout(x, double p=0.5, axes=(), str mode="training"):
    """Set elements to 0 with probability p and scale the others by 1 / (1 - p), while training.

    Parameters
    ----------
    x : array of floats
    p : float
        In [0, 1].
    axes : tuple of int
        Axes along which the same elements are dropped.
    mode : "training" or "always"
        Whether to drop outside `autograd.record()` and `train_mode()` too.

    Source: Srivastava et al. 2014, in the inverted form.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.core.ops.nn import dropout
    >>> x = nd.ones((3,))
    >>> dropout(x, 0.5) is x
    True
    """
    cdef Tensor t = need_array(x, "x")
    cdef Dropout node
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"dropout: the probability must be from 0 to 1, not {p}")
    if mode not in ("training", "always"):
        raise ValueError(f"dropout: mode is 'training' or 'always', not {mode!r}")
    if p == 0.0 or not (mode == "always" or state().training):
        return t
    if t.dtype == FLOAT16:
        return cast(dropout(cast(t, FLOAT32), p, axes, mode), FLOAT16)
    if t.dtype > FLOAT64:
        raise MXNetError(f"dropout: the array must hold floats, not {numpy_dtype(t.dtype)}")
    node = Dropout.__new__(Dropout)
    for axis in axes or ():
        node.shared |= 1u << parse_axis(axis, t.ndim)
    node.rate = p
    node.a = t
    return run(node, header(t.face, t.dtype, t.ndim, t.shape_))
