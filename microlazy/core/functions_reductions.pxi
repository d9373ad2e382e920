# Sums, extremes and truth over axes, running sums, products, order.

REDUCTIONS = {"sum": R_SUM, "prod": R_PROD, "max": R_MAX, "min": R_MIN}


def reduction(str name, x, axis=None, keepdims=False, exclude=False):
    """sum, prod, max, min or mean over axes."""
    cdef Tensor t = array_of(x, name)
    if name == "mean":
        return mean_over(t, axis, keepdims, exclude)
    return reduce(REDUCTIONS[name], t, axis, keepdims, exclude)


def arg(str name, x, axis=None, keepdims=False):
    """argmax or argmin."""
    return arg_reduce(R_MAX if name == "argmax" else R_MIN, array_of(x, name), axis, keepdims)


def var(x, axis=None, ddof=0, keepdims=False):
    """Variance: the mean square distance from the mean."""
    return variance(array_of(x, "var"), axis, ddof, keepdims)


def root_of_variance(x):
    """The square root of a sum of squares, with the gradient 0 where it is 0."""
    cdef Tensor t = array_of(x, "std"), zero
    if not state().recording or not tracked(t):
        return unary(U_SQRT, t)
    zero = mask(B_EQUAL, t, 0.0)
    return unary(U_SQRT, t + zero) * (1.0 - zero)


cdef Tensor sum_of_squares(Tensor t, object axis, bint keepdims):
    """Over all axes of packed floats in one pass, with no squares written."""
    cdef Py_ssize_t[MAX_NDIM] ones
    cdef Tensor total = inner(t, t) if axis is None else None
    cdef int i
    if total is None:
        return reduce(R_SUM, unary(U_SQUARE, t), axis, keepdims, False)
    if not keepdims:
        return total
    for i in range(t.ndim):
        ones[i] = 1
    return reshape_to(total, t.ndim, ones)


def norm(x, ord=2, axis=None, keepdims=False):
    """The Euclidean norm (ord=2) or the sum of absolute values (ord=1)."""
    cdef Tensor t = array_of(x, "norm")
    if ord == 1:
        return reduce(R_SUM, unary(U_ABS, t), axis, keepdims, False)
    if ord != 2:
        raise ValueError(f"norm: ord is 1 or 2, not {ord!r}")
    return root_of_variance(sum_of_squares(t, axis, keepdims))


cdef enum:
    STRETCH = 1 << 15                 # numbers that are tested together


cdef object tested(object along_axes, object x, tuple axis, bint keepdims):
    """numpy.all or any; of all elements stretch by stretch, until one has the answer."""
    if len(axis) < x.ndim:
        logical = numpy.logical_and if along_axes is numpy.all else numpy.logical_or
        return logical.reduce(x, axis=axis, keepdims=keepdims)
    if x.size < STRETCH or not x.flags.c_contiguous:
        return along_axes(x, keepdims=keepdims)
    flat = x.reshape(-1)
    found = along_axes is numpy.all
    for i in range(0, x.size, STRETCH):
        if bool(along_axes(flat[i:i + STRETCH] != 0)) != found:
            found = not found
            break
    return numpy.full((1,) * x.ndim if keepdims else (), found)


def all_along(x, axis, keepdims):
    """numpy.all.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.core.functions import all_along
    >>> bool(all_along(numpy.ones(3), (0,), False))
    True
    """
    return tested(numpy.all, x, axis, keepdims)


def any_along(x, axis, keepdims):
    """numpy.any.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.core.functions import any_along
    >>> bool(any_along(numpy.zeros(3), (0,), False))
    False
    """
    return tested(numpy.any, x, axis, keepdims)


cdef class Truth(Direct):
    """numpy.all or any, of bool arrays by a loop.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.functions import Truth
    >>> from microlazy.core.ops.numpy_call import call_shaped
    >>> x = np.array([[True, False]], dtype="bool")
    >>> call_shaped(Truth(False), [x], (1,), "bool", {"axis": (1,), "keepdims": False})
    array([ True])
    """
    cdef bint every

    def __init__(self, bint every):
        Direct.__init__(self, all_along if every else any_along)
        self.every = every

    cdef bint into(self, list inputs, dict options, Tensor out) except -1:
        cdef Py_ssize_t outer, n, inner
        cdef Tensor x = inputs[0]
        cdef tuple axes = options["axis"]
        if x.dtype != BOOL or out.dtype != BOOL or not x.contiguous:
            return False
        if not as_matrix(x, axis_mask(axes, x.ndim, False), &outer, &n, &inner):
            return False
        truth_into(self.every, x, outer, n, inner, out)
        return True


cdef object every_one = Truth(True), some = Truth(False)


def truth(str name, x, axis=None, keepdims=False):
    """all or any."""
    cdef Tensor t = array_of(x, name)
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef unsigned int reduced = axis_mask(axis, t.ndim, False)
    axes = tuple([i for i in range(t.ndim) if reduced >> i & 1])
    full = shape_tuple(t)
    kept = [1 if reduced >> i & 1 else full[i]
            for i in range(t.ndim) if keepdims or not reduced >> i & 1]
    ndim = parse_shape(tuple(kept), shape)
    return numpy_call(every_one if name == "all" else some, [t],
                      {"axis": axes, "keepdims": keepdims}, t.face, BOOL, ndim, shape)


cdef Tensor running(str what, object x, object axis, object dtype, bint product):
    cdef Tensor t = array_of(x, what)
    if dtype is not None:
        t = cast(t, dtype_number(dtype))
    elif t.dtype == BOOL or (t.face == NP and not is_float(t.dtype)):
        t = cast(t, INT64)            # as NumPy; nd keeps the dtype, as MXNet
    if axis is None:
        t = reshape(t, -1)
        axis = 0
    return scan(t, parse_axis(axis, t.ndim), product, False)


def cumsum(x, axis=None, dtype=None):
    """Running sums along an axis, or over all elements in order."""
    return running("cumsum", x, axis, dtype, False)


def cumprod(x, axis=None, dtype=None):
    """Running products along an axis, or over all elements in order."""
    return running("cumprod", x, axis, dtype, True)


# ---- truth -------------------------------------------------------------------------------------

cdef dict TESTS = {"isnan": numpy.isnan, "isinf": numpy.isinf, "isfinite": numpy.isfinite}


def test(str name, x):
    """isnan, isinf, isfinite: a bool for each element."""
    cdef Tensor t = array_of(x, name), y
    if t.face == NP:
        y = small_ufunc(TESTS[name], t, None)
        if y is not None:
            return y
    if t.face == ND or t.dtype > FLOAT64:
        return numpy_call(TESTS[name], [t], {}, t.face, BOOL, t.ndim, t.shape_)
    if state().recording:
        t = same_memory(t, t.face, True)
    if name == "isnan":
        return binary(B_NOT_EQUAL, t, t)
    return binary_scalar(B_EQUAL if name == "isinf" else B_LESS, unary(U_ABS, t), math.inf, False)


cdef object truth_of(Tensor x):
    return x if x.dtype == BOOL else x != 0


def logical(str name, x, y=None):
    """not, and, or, xor of truth values: bool under np, 0 and 1 in x's dtype under nd."""
    cdef Tensor t = array_of(x, f"logical_{name}"), z
    if name == "not":
        if t.face == NP:
            z = small_ufunc(numpy.logical_not, t, None)
            if z is not None:
                return z
        return t == 0
    first = truth_of(t)
    second = truth_of(y if isinstance(y, Tensor) else to_array(t.face, y))
    if name == "and":
        return first * second
    return first != second if name == "xor" else binary_op("maximum", first, second)


# ---- products ----------------------------------------------------------------------------------

def dot(a, b, transpose_a=False, transpose_b=False):
    """The dot product; see the faces' `dot`."""
    cdef Tensor left = array_of(a, "dot")
    if is_number(b):
        return left * b
    if left.face == NP and (left.ndim == 0 or array_of(b, "dot").ndim == 0):
        return left * b
    return dot_arrays(left, array_of(b, "dot"), transpose_a, transpose_b)


def matmul(a, b):
    """The matrix product, with NumPy's rules for vectors and stacks."""
    return matmul_arrays(array_of(a, "matmul"), array_of(b, "matmul"))


def vdot(a, b):
    """The sum of the products of all elements, in order."""
    cdef Tensor x = array_of(a, "vdot"), y = array_of(b, "vdot"), product = inner(x, y)
    if product is not None:
        return product
    return dot_arrays(reshape_to(x, 1, &x.size), reshape_to(y, 1, &y.size), False, False)


def batch_dot(a, b, transpose_a=False, transpose_b=False):
    """Products of the matrices in two stacks."""
    return batch_dot_arrays(array_of(a, "batch_dot"), array_of(b, "batch_dot"), transpose_a,
                            transpose_b)


# ---- order ---------------------------------------------------------------------------------------

def loop_of(function, x):
    """A function of a small array by a loop of ours; None if it is not done so here.

    Examples
    --------
    >>> import numpy
    >>> from microlazy import np
    >>> from microlazy.core.functions import loop_of
    >>> loop_of(numpy.sinc, np.array([1, 2], dtype="int32")) is None
    True
    """
    return small_ufunc(function, array_of(x, "loop_of"), None)


def changed_copy(x, str method, *args):
    """A copy that a method of NumPy's has changed in place; None where it must be recorded.

    Examples
    --------
    >>> from microlazy import autograd, np
    >>> from microlazy.core.functions import changed_copy
    >>> with autograd.record():
    ...     changed_copy(np.array([2., 1.]), "sort", 0) is None
    True
    """
    cdef Tensor t = array_of(x, method), y
    if not state().plain or t.abstract:
        return None
    y = copied(t)
    getattr(short_view(y), method)(*args)
    return y


def may_share_memory(a, b):
    """Whether the memory of two arrays may overlap; None if NumPy has to say.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.functions import may_share_memory
    >>> may_share_memory(np.zeros(2), np.zeros(2))
    False
    """
    if not isinstance(a, Tensor) or not isinstance(b, Tensor) or (
            (<Tensor>a).abstract or (<Tensor>b).abstract):
        return None
    return overlap(<Tensor>a, <Tensor>b)


def shares_memory(a, b):
    """Whether two arrays have an element in common; None if NumPy has to say.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.functions import shares_memory
    >>> x = np.zeros(4)
    >>> shares_memory(x, x[1:3])
    True
    """
    found = may_share_memory(a, b)
    if found and not ((<Tensor>a).contiguous and (<Tensor>b).contiguous):
        return None
    return found
