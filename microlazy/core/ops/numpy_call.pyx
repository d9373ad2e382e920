"""Ops without a kernel of ours: a NumPy function, run on views and written into our memory.

The function and its options are data of the node, so a plan replays it like any other. Its gradient
is a rule for each input, written with our own functions: under create_graph the rule itself is
recorded, and so there are gradients of every order.
"""

cimport cython
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.contextvars cimport PyContext_Enter, PyContext_Exit
from microlazy.core.loops.floats cimport float_dtype, float_op, floats_into, threads_help
from microlazy.core.loops.integers cimport integer_dtype, integer_op, integers_into, memory_bound
from microlazy.core.loops.special cimport special_into
from microlazy.core.ops.cast cimport cast
from microlazy.core.ops.shape cimport reshape, section
from microlazy.core.ops.slots cimport give, hand_on
from microlazy.core.parallel cimport LIGHT_GRAIN, threads
from microlazy.core.strided cimport add_to, broadcast_shape, copy_bytes
from microlazy.core.tape cimport (
    NEEDS_A, NEEDS_B, NEEDS_C, NEEDS_OUT, NEEDS_REST, Node, Pass, begin_early, output_of, profiling,
    run, state, tracked, wrote,
)
from microlazy.core.tensor cimport (
    BOOL, FLOAT32, FLOAT64, INT32, INT64, MAX_NDIM, N_DTYPES, ND, Tensor, allocate, dtype_number,
    header, is_float, itemsize, new, numpy_dtype, parse_shape, same_shape, shape_tuple,
    view_numpy,
)

import contextvars
import math
from types import FunctionType

import numpy

from microlazy.base import AbstractValueError, MXNetError, ShapeError


@cython.no_gc
@cython.final
cdef class NumpyCall(Node):
    """function(*inputs, **options); several outputs stand one after the other in one flat array."""
    cdef object function
    cdef dict options
    cdef object values            # the result, if it was computed to find its shape
    cdef tuple gradients          # a rule or None for each input
    cdef bint once                # the rules' results are not differentiable
    cdef list parts               # the shapes of several outputs; None for a single one
    cdef object direct            # the gradients of all inputs, by NumPy; None for the rules'
    cdef object keeping           # gives the result, and what `direct` takes in its place
    cdef object kept              # the latter

    cdef list inputs(self):
        cdef list first = [x for x in (self.a, self.b, self.c) if x is not None]
        return first if self.rest is None else first + self.rest

    cdef int forward(self) except -1:
        values = self.values
        self.values = None
        if values is None and self.keeping is not None:
            values, self.kept = compute(self.keeping, self.inputs(), self.options)
        if values is None:
            return compute_to(self.function, self.inputs(), self.options, self.parts, self.out)
        return store(values, self.parts, self.out)

    cdef int backward(self, Pass p) except -1:
        cdef Tensor x
        cdef list inputs
        if self.gradients is None or (self.direct is not None and go_directly(self, p)):
            return 0
        inputs = self.inputs()
        for x, rule in zip(inputs, self.gradients):
            if rule is not None and p.wants(x):
                give(p, x, self.gradient(rule, self.grad, self.y, inputs, x))
        return 0

    cdef int derive(self, Pass p, Tensor g) except -1:
        cdef Tensor x, y
        cdef list inputs
        if self.gradients is None:
            return 0
        if self.once:
            return Node.derive(self, p, g)
        inputs, y = self.inputs(), output_of(self) if self.needs & NEEDS_OUT else None
        for x, rule in zip(inputs, self.gradients):
            if rule is not None and p.wants(x):
                hand_on(p, x, self.gradient(rule, g, y, inputs, x))
        return 0

    cdef Tensor gradient(self, object rule, Tensor g, Tensor y, list inputs, Tensor x):
        cdef Tensor grad
        if self.parts is None:
            grad = <Tensor?>rule(g, y, *inputs, **self.options)
        else:
            ys = None if y is None else cut(y, self.parts)
            grad = <Tensor?>rule(cut(g, self.parts), ys, *inputs, **self.options)
        if not covers(grad, x):
            raise ShapeError(f"a gradient rule of {self.name()} returned an array of shape "
                             f"{shape_tuple(grad)} for an input of shape {shape_tuple(x)}")
        return grad

    cdef int release(self) except -1:
        self.kept = None
        return Node.release(self)

    cdef int inspect(self, Pass p) except -1:
        if self.gradients is None:
            return 0                  # no gradient passes: its inputs do not matter
        return Node.inspect(self, p)

    cdef str name(self):
        return "numpy:" + getattr(self.function, "__name__", "call").lstrip("_")


cdef bint go_directly(NumpyCall node, Pass p) except -1:
    """Compute the gradients of all inputs by NumPy; False if they are for the rules."""
    cdef Tensor x
    cdef list inputs = node.inputs()
    cdef bint wanted = False
    for x in inputs:
        wanted = wanted or p.wants(x)
    if not wanted or (node.keeping is None and node.y is None):
        return False
    y = seen(node.y, node.parts) if node.keeping is None else node.kept
    values = quietly(node.direct,
                     (seen(node.grad, node.parts), y, *[short_view(x) for x in inputs]),
                     node.options)
    if values is None:
        return False
    for x, value in zip(inputs, (values,) if len(inputs) == 1 else values):
        if p.wants(x):
            give_values(p, x, value)
    return True


cdef int give_values(Pass p, Tensor x, object values) except -1:
    cdef bint accumulate
    cdef Tensor target = p.target(x, &accumulate), more
    if target is not None and not accumulate:
        store(values, None, target)
    elif target is not None:
        more = new(target.face, target.dtype, target.ndim, target.shape_)
        store(values, None, more)
        add_to(target, more)
    return 0


cdef object seen(Tensor x, list parts):
    """A result, or several in one flat array, as NumPy's."""
    if parts is None:
        return short_view(x)
    return tuple([view_numpy(part) for part in cut(x, parts)])


cdef enum:
    FEW = 1 << 12                 # elements; most of NumPy's loops are faster from about here on

cdef object DOUBLE = numpy_dtype(FLOAT64)


cdef class Direct:
    def __init__(self, slow=None):
        self.slow = slow

    @property
    def __name__(self):
        return self.slow.__name__

    def __call__(self, *arrays, **options):
        return self.slow(*arrays, **options)

    cdef bint into(self, list inputs, dict options, Tensor out) except -1:
        return False


cdef int compute_to(object function, list inputs, dict options, list parts,
                    Tensor out) except -1:
    if isinstance(function, Direct) and (<Direct>function).into(inputs, options, out):
        return 0
    if parts is None and not options and len(inputs) <= 2 and small_into(
            function, inputs[0], inputs[1] if len(inputs) == 2 else None, out):
        return 0
    if type(function) is numpy.ufunc and not options and compute_into(function, inputs, out):
        return 0
    if parts is None and special_into(function, inputs, options, out):
        return 0
    return store(compute(function, inputs, options), parts, out)


cdef int store(object values, list parts, Tensor out) except -1:
    """Copy what NumPy computed, one array or the arrays of `parts`, into ours."""
    if parts is not None:
        values = numpy.concatenate([numpy.ravel(part) for part in values])
    if copy_packed(values, out):
        return 0
    array = view_numpy(out)
    quietly(numpy.copyto, (array, numpy.reshape(values, array.shape)), {"casting": "unsafe"})
    return 0


cdef bint covers(Tensor grad, Tensor x) noexcept:
    """Whether a gradient has x's shape, or one that x is broadcast to."""
    cdef int i, shift = grad.ndim - x.ndim
    for i in range(x.ndim):
        if x.shape_[i] != 1 and (shift + i < 0 or grad.shape_[shift + i] != x.shape_[i]):
            return False
    return True


cdef bint copy_packed(object result, Tensor out) except -1:
    """Copy a NumPy array that lies in memory as ours does; False if it does not.

    Few numbers of float64 are rounded to float32 on the way.
    """
    cdef Py_buffer source
    cdef bint rounded, fits
    cdef Py_ssize_t i
    if not isinstance(result, numpy.ndarray):
        return False
    dtype = result.dtype
    rounded = out.dtype == FLOAT32 and dtype is DOUBLE and out.size <= FEW
    if not rounded and dtype is not numpy_dtype(out.dtype) and dtype != numpy_dtype(out.dtype):
        return False
    if not result.flags.c_contiguous:
        return False
    PyObject_GetBuffer(result, &source, PyBUF_SIMPLE)
    fits = source.len == out.size * (<Py_ssize_t>sizeof(double) if rounded else itemsize(out.dtype))
    if fits and rounded:
        for i in range(out.size):
            (<float*>out.data)[i] = <float>(<const double*>source.buf)[i]
    elif fits:
        copy_bytes(out.data, <const char*>source.buf, source.len)
    PyBuffer_Release(&source)
    return fits


cdef list quiet = []              # contexts in which NumPy does not warn, that nobody is in


cdef object quietly(object function, tuple arguments, dict options):
    """function(*arguments, **options), where NumPy does not warn: cheaper than its errstate."""
    if quiet:
        context = quiet.pop()
    else:
        context = contextvars.Context()
        context.run(numpy.seterr, all="ignore")
    PyContext_Enter(context)
    try:
        return function(*arguments, **options) if options else function(*arguments)
    finally:
        PyContext_Exit(context)
        quiet.append(context)


cdef bint compute_into(object function, list inputs, Tensor out) except -1:
    """Let a ufunc write its result into our memory; False if it has another dtype."""
    try:
        quietly(function, tuple([short_view(x) for x in inputs]), {"out": short_view(out)})
    except TypeError:
        return False
    return True


cdef int small_op(object function, Tensor a, Tensor b) except -2:
    """The number of our loop for a ufunc; -1 if there is none."""
    if b is not None and b.dtype != a.dtype:
        return -1
    if is_float(a.dtype):
        return float_op(function) if a.dtype <= FLOAT64 else -1
    return integer_op(function, a.dtype)


cdef int small_dtype(int op, Tensor a) noexcept:
    return float_dtype(op, a.dtype) if is_float(a.dtype) else integer_dtype(op, a.dtype)


cdef int small_loop(int op, Tensor a, Tensor b, Tensor out) except -1:
    if is_float(a.dtype):
        return floats_into(op, a, b, out)
    return integers_into(op, a, b, out)


cdef bint pays(int op, Tensor a, Py_ssize_t n) noexcept:
    """Whether our loop is faster than NumPy's: in small arrays, and where all threads help."""
    if n <= FEW:
        return True
    if n < LIGHT_GRAIN:
        return False
    return threads_help(op, a.dtype) if is_float(a.dtype) else (
        memory_bound(op, a.dtype) and threads() > 1)


cdef bint small_into(object function, Tensor a, Tensor b, Tensor out) except -1:
    """Compute a function by a loop of ours; False if there is none for such arrays."""
    cdef int op = small_op(function, a, b)
    if op < 0 or not pays(op, a, out.size) or out.dtype != small_dtype(op, a):
        return False
    small_loop(op, a, b, out)
    return True


cdef Tensor small_ufunc(object function, Tensor a, Tensor b):
    """A ufunc of one or two arrays by a loop of ours; None if there is none, or it is recorded."""
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef Tensor out
    cdef int op, ndim
    if not state().plain or a.abstract or (FEW < a.size < LIGHT_GRAIN):
        return None
    op = small_op(function, a, b)
    if op < 0:
        return None
    if b is None:
        if not pays(op, a, a.size):
            return None
        out = new(a.face, small_dtype(op, a), a.ndim, a.shape_)
    elif b.abstract or b.face != a.face:
        return None
    elif same_shape(a, b):
        if not pays(op, a, a.size):
            return None
        out = new(a.face, small_dtype(op, a), a.ndim, a.shape_)
    else:
        ndim = broadcast_shape(a, b, shape, function.__name__)
        out = header(a.face, small_dtype(op, a), ndim, shape)
        if not pays(op, a, out.size):
            return None
        allocate(out)
    small_loop(op, a, b, out)
    return out


cdef object numpy_array = numpy.ndarray


cdef object short_view(Tensor x):
    """An array of NumPy's to be used in one call that keeps nothing."""
    if not x.contiguous or x.abstract or state().recording:
        return view_numpy(x)
    return numpy_array(shape_tuple(x), numpy_dtype(x.dtype), x)


cdef object compute(object function, list inputs, dict options):
    cdef Tensor x
    if len(inputs) == 1:
        return quietly(function, (short_view(inputs[0]),), options)
    return quietly(function, tuple([short_view(x) for x in inputs]), options)


cdef tuple cut(Tensor flat, list parts):
    """The outputs that stand one after the other in a flat array."""
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef Py_ssize_t start = 0, size
    cdef int ndim
    cdef list found = []
    for part in parts:
        size = math.prod(part)
        ndim = parse_shape(part, shape)
        found.append(reshape(section(flat, 0, start, start + size), ndim, shape))
        start += size
    return tuple(found)


cdef Tensor numpy_call(object function, list inputs, dict options, int face, int dtype, int ndim,
                       const Py_ssize_t* shape):
    cdef Tensor out = header(face, dtype, ndim, shape)
    cdef NumpyCall node
    if state().plain and not any_abstract(inputs):
        allocate(out)
        compute_to(function, inputs, options, None, out)
        return out
    node = NumpyCall.__new__(NumpyCall)
    node.function = function
    node.options = options
    node.rest = inputs
    return run(node, out)


# ---- for functions in Python -------------------------------------------------------------------

# Of results that keep NumPy's dtype, whatever the inputs have.
cdef dict KEPT = {numpy_dtype(_number): _number for _number in range(N_DTYPES)
                  if _number != FLOAT64}


cdef int our_dtype(object dtype, list inputs) except -1:
    """The dtype of a NumPy result among ours: the default float, unless an input is float64."""
    cdef Tensor x
    kept = KEPT.get(dtype)
    if kept is not None:
        return kept
    if not isinstance(dtype, numpy.dtype):
        dtype = numpy.dtype(dtype)
    kind, size = dtype.kind, dtype.itemsize
    if kind == "f":
        if size >= 8:
            for x in inputs:
                if x.dtype == FLOAT64:
                    return FLOAT64
            return FLOAT32
        return dtype_number(dtype)
    if kind == "c":
        raise MXNetError("the result is complex, and microlazy has no complex dtype; take "
                         "numpy.asarray(x) and go on in NumPy")
    if kind == "i" and size == 2:
        return INT32
    if kind == "u" and size > 1:
        return INT64
    return dtype_number(dtype)


cdef tuple abstract_result(object function, list inputs, dict options, object result,
                           bint dynamic):
    """The result's shape and NumPy dtype without values; a list of shapes if there are several."""
    if dynamic:
        raise AbstractValueError(
            f"{getattr(function, '__name__', 'this function')}: the shape of the result depends on "
            "values, but this is a dry run or the trace of a hybridized block, which works with "
            "shapes alone")
    if result is not None:
        return result(*inputs, **options)
    stand_ins = [numpy.ones(shape_tuple(x), numpy_dtype((<Tensor>x).dtype))
                 if (<Tensor>x).abstract else view_numpy(x) for x in inputs]
    with numpy.errstate(all="ignore"):
        values = function(*stand_ins, **options)
    return shape_and_dtype(values)


cdef tuple shape_and_dtype(object values):
    if isinstance(values, (tuple, list)):
        return [numpy.shape(part) for part in values], numpy.result_type(*values)
    if not isinstance(values, numpy.ndarray):
        values = numpy.asarray(values)
    return values.shape, values.dtype


cdef bint on_shapes(list inputs):
    """Whether the result's values are not to be computed now: in a plan's trace never."""
    return state().trace is not NULL or any_abstract(inputs)


cdef bint any_abstract(list inputs):
    cdef Tensor x
    for x in inputs:
        if x.abstract:
            return True
    return False


cdef list arrays_of(object function, object arrays):
    """Arrays of one type, one or more."""
    cdef list inputs = list(arrays)
    cdef Tensor x
    if not inputs:
        raise MXNetError(f"{function.__name__}: at least one array is needed")
    for x in inputs:
        if x.face != (<Tensor>inputs[0]).face:
            raise TypeError(f"{function.__name__}: the arrays are of both types, nd.NDArray and "
                            "np.ndarray; convert with as_np_ndarray() or as_nd_ndarray()")
    return inputs


cdef NumpyCall prepare(object function, list inputs, dict options, tuple gradients, bint once):
    """The node; None where nothing but the result is wanted."""
    cdef NumpyCall node
    cdef Py_ssize_t n = len(inputs)
    if state().plain and not any_abstract(inputs):
        return None
    node = NumpyCall.__new__(NumpyCall)
    node.function = function
    node.options = options
    node.once = once
    node.a = inputs[0]
    if n > 1:
        node.b = inputs[1]
    if n > 2:
        node.c = inputs[2]
    if n > 3:
        node.rest = inputs[3:]
    if gradients:
        if len(gradients) != n:
            raise ValueError(f"{n} inputs need {n} gradient rules, not {len(gradients)}")
        node.gradients = gradients
        if state().recording:
            node.needs = needs_of(gradients, n)
    return node


cdef int needs_of(tuple gradients, Py_ssize_t n) except -1:
    """Whose values the rules of n inputs read: a name that begins with _ says, not this one's."""
    cdef int needs = 0, all_needs = NEEDS_OUT | NEEDS_A
    if n > 1:
        all_needs |= NEEDS_B
    if n > 2:
        all_needs |= NEEDS_C
    if n > 3:
        all_needs |= NEEDS_REST
    for rule in gradients:
        if rule is None:
            continue
        if type(rule) is not FunctionType:
            return all_needs
        needs |= all_needs & needs_of_code(rule.__code__, n)
        if needs == all_needs:
            break
    return needs


cdef dict known_needs = {}        # by the number of a rule's code, which is kept, and of inputs


cdef int needs_of_code(object code, Py_ssize_t n) except -1:
    cdef int needs = 0
    key = (<size_t><void*>code, n)
    found = known_needs.get(key)
    if found is not None:
        return found[1]
    names = code.co_varnames[:code.co_argcount]
    others = code.co_varnames[code.co_argcount + code.co_kwonlyargcount:][:1]     # *inputs
    names += others * (n + 2 - len(names))
    for name, bit in zip(names[1:], (NEEDS_OUT, NEEDS_A, NEEDS_B, NEEDS_C, *[NEEDS_REST] * n)):
        if not name.startswith("_"):
            needs |= bit
    known_needs[key] = code, needs
    return needs


def call(function, arrays, options=None, gradients=(), result=None, dtype=None, bint dynamic=False,
         bint once=False, direct=None, keeping=None):
    """Compute a NumPy function of arrays, recorded like any op.

    Parameters
    ----------
    function : callable
        Takes NumPy arrays and the options, and returns one. It must be a function of a module (a
        plan calls it again) and must not write to its inputs.
    arrays : list of arrays
        One or more, of one type (nd or np), which is the result's too.
    options : dict, optional
        Keyword arguments of the function.
    gradients : tuple of callables or None, optional
        For each input ``rule(g, y, *arrays, **options)``, the gradient by it from the gradient g of
        the result y, in microlazy's own operations; it may have the shape that the input is
        broadcast to. Without any, no gradient passes. A parameter whose name begins with an
        underscore says that the rule does not read these values: they may be changed in place.
    result : callable, optional
        ``result(*arrays, **options)`` gives the result's shape and dtype without values. The
        default is to run the function on ones.
    dtype : dtype, optional
        Of the result; by default what NumPy returns, with float64 only if an input has it.
    dynamic : bool
        The shape of the result depends on values: refused in a dry run or a plan.
    once : bool
        The rules' results cannot be differentiated again.
    direct : callable, optional
        ``direct(g, y, *arrays, **options)``, of NumPy arrays: the gradient of the only array, or a
        tuple of each one's, as the rules give them, in fewer calls; or None for arrays that it does
        not take.
    keeping : callable, optional
        ``keeping(array, **options)`` gives the result and what `direct` takes in place of y.

    Returns
    -------
    array

    Examples
    --------
    >>> import numpy
    >>> from microlazy import np
    >>> from microlazy.core.ops.numpy_call import call
    >>> call(numpy.arctan, [np.array([0., 1.])], gradients=(lambda g, y, x: g / (1 + x * x),))
    array([0.       , 0.7853982])
    """
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef list inputs = arrays_of(function, arrays)
    cdef dict given = options or {}
    cdef NumpyCall node
    cdef int face = (<Tensor>inputs[0]).face, number, ndim
    if state().plain and not any_abstract(inputs):
        return taken(compute(function, inputs, given), inputs, dtype)
    node = prepare(function, inputs, given, gradients, once)
    node.direct = direct
    if state().recording and tracked(node.a):
        node.keeping = keeping
    values = None
    if on_shapes(inputs):
        size, kind = abstract_result(function, inputs, given, result, dynamic)
    else:
        if profiling:
            begin_early(node)
        if node.keeping is None:
            values = compute(function, inputs, given)
        else:
            values, node.kept = compute(keeping, inputs, given)
        size, kind = shape_and_dtype(values)
    number = our_dtype(kind, inputs) if dtype is None else dtype_number(dtype)
    ndim = parse_shape(tuple(size), shape)
    if ndim == 0 and face == ND:
        shape[0] = 1
        ndim = 1
    return finished(node, values, None, header(face, number, ndim, shape))


cdef Tensor taken(object values, list inputs, object dtype):
    """What NumPy computed, in memory of ours."""
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef int face = (<Tensor>inputs[0]).face, number, ndim
    cdef Tensor out
    if not isinstance(values, numpy.ndarray):
        values = numpy.asarray(values)
    number = our_dtype(values.dtype, inputs) if dtype is None else dtype_number(dtype)
    ndim = parse_shape(values.shape, shape)
    if ndim == 0 and face == ND:
        shape[0] = 1
        ndim = 1
    out = new(face, number, ndim, shape)
    store(values, None, out)
    return out


cdef Tensor finished(NumpyCall node, object values, list parts, Tensor out):
    """The result of a call whose values are known already, if any are."""
    node.values = values
    node.parts = parts
    return run(node, out)


cdef dict dtypes_of_ufuncs = {}   # of a result: by ufunc and the inputs' dtypes


cdef int dtype_of_ufunc(object function, list inputs) except -1:
    cdef Tensor x
    key = (function, *[x.dtype for x in inputs])
    number = dtypes_of_ufuncs.get(key)
    if number is None:
        with numpy.errstate(all="ignore"):
            one = function(*[numpy.ones((), numpy_dtype(x.dtype)) for x in inputs])
        number = our_dtype(one.dtype, inputs)
        dtypes_of_ufuncs[key] = number
    return number


def call_ufunc(function, arrays, gradients=()):
    """Compute a NumPy ufunc, or one of `loops.floats`, of one or two arrays, recorded like any op.

    As `call`, but nothing is computed to find the shape and the dtype of the result, and NumPy
    writes it where it belongs.

    Returns
    -------
    array

    Examples
    --------
    >>> import numpy
    >>> from microlazy import np
    >>> from microlazy.core.ops.numpy_call import call_ufunc
    >>> call_ufunc(numpy.heaviside, [np.array([-1., 0.]), np.array([0.5])])
    array([0. , 0.5])
    """
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef list inputs = arrays_of(function, arrays)
    cdef Tensor a = inputs[0], b = inputs[1] if len(inputs) == 2 else None, out
    cdef NumpyCall node
    cdef int number, ndim
    out = small_ufunc(function, a, b)
    if out is not None:
        return out
    node = prepare(function, inputs, {}, gradients, False)
    number = dtype_of_ufunc(function, inputs)
    if len(inputs) == 1:
        out = header(a.face, number, a.ndim, a.shape_)
    else:
        ndim = broadcast_shape(a, b, shape, function.__name__)
        out = header(a.face, number, ndim, shape)
    if node is not None:
        return run(node, out)
    allocate(out)
    compute_to(function, inputs, {}, None, out)
    return out


def call_shaped(function, arrays, shape, dtype, options=None, gradients=()):
    """Compute a function of arrays whose result has a known shape and dtype, recorded like any op.

    As `call`, but nothing is computed to find the two, and a function that can do so computes into
    the result's memory.

    Returns
    -------
    array

    Examples
    --------
    >>> import numpy
    >>> from microlazy import np
    >>> from microlazy.core.ops.numpy_call import call_shaped
    >>> call_shaped(numpy.diff, [np.array([1., 4.])], (1,), "float32")
    array([3.])
    """
    cdef Py_ssize_t[MAX_NDIM] sizes
    cdef list inputs = arrays_of(function, arrays)
    cdef int number = dtype_number(dtype), ndim = parse_shape(shape, sizes)
    cdef int face = (<Tensor>inputs[0]).face
    if ndim == 0 and face == ND:
        sizes[0] = 1
        ndim = 1
    return shaped(function, inputs, options or {}, gradients, header(face, number, ndim, sizes))


cdef Tensor shaped(object function, list inputs, dict options, tuple gradients, Tensor out):
    cdef NumpyCall node = prepare(function, inputs, options, gradients, False)
    if node is not None:
        return run(node, out)
    allocate(out)
    compute_to(function, inputs, options, None, out)
    return out


def call_elementwise(function, x, options=None, gradient=None):
    """Compute a function of one array, element by element, recorded like any op.

    As `call`, but the result has the shape and the dtype of the array, and `gradient` is one rule.

    Returns
    -------
    array

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.loops.special import Special
    >>> from microlazy.core.ops.numpy_call import call_elementwise
    >>> call_elementwise(Special("gammaln"), np.array([1., 4.]))
    array([0.       , 1.7917595])
    """
    cdef list inputs = arrays_of(function, [x])
    cdef Tensor a = x
    return shaped(function, inputs, options or {}, () if gradient is None else (gradient,),
                  header(a.face, a.dtype, a.ndim, a.shape_))


def call_many(function, arrays, options=None, gradients=(), results=None, dtype=None,
              bint once=False, direct=None):
    """Compute a NumPy function with several results of one dtype, recorded as one op.

    As `call`, but `function` returns a tuple, a rule, or `direct`, gets tuples of gradients and
    results, and `results` gives a list of shapes and the dtype.

    Returns
    -------
    tuple of arrays

    Examples
    --------
    >>> import numpy
    >>> from microlazy import np
    >>> from microlazy.core.ops.numpy_call import call_many
    >>> call_many(numpy.modf, [np.array([1.5, -2.25])])
    (array([ 0.5 , -0.25]), array([ 1., -2.]))
    """
    cdef list inputs = arrays_of(function, arrays), parts
    cdef dict given = options or {}
    cdef NumpyCall node
    cdef int face = (<Tensor>inputs[0]).face, number
    cdef Py_ssize_t total = 0
    if state().plain and not any_abstract(inputs):
        values = compute(function, inputs, given)
        if dtype is None:
            kind = numpy.result_type(*values) if len({part.dtype for part in values}) > 1 else (
                values[0].dtype)
            dtype = numpy_dtype(our_dtype(kind, inputs))
        return tuple([taken(part, inputs, dtype) for part in values])
    node = prepare(function, inputs, given, gradients, once)
    values = None
    if on_shapes(inputs):
        shapes, kind = abstract_result(function, inputs, given, results, False)
    else:
        if profiling:
            begin_early(node)
        values = compute(function, inputs, given)
        shapes, kind = shape_and_dtype(values)
    node.direct = direct
    number = our_dtype(kind, inputs) if dtype is None else dtype_number(dtype)
    parts = [(1,) if face == ND and tuple(part) == () else tuple(part) for part in shapes]
    for part in parts:
        total += math.prod(part)
    return cut(finished(node, values, parts, header(face, number, 1, &total)), parts)


# ---- running statistics ------------------------------------------------------------------------

@cython.no_gc
@cython.final
cdef class Update(Node):
    """c = keep * c + (1 - keep) * a, in place; the node's own output is empty."""
    cdef double keep

    cdef int forward(self) except -1:
        array = view_numpy(self.c)
        array *= self.keep
        array += (1.0 - self.keep) * view_numpy(self.a)
        wrote(self.c)
        return 0

    cdef int inspect(self, Pass p) except -1:
        return 0


def update(target, value, double keep) -> None:
    """Set target to ``keep * target + (1 - keep) * value`` in place, outside of any gradient.

    A hybridized block does it again at every call, which an assignment to `target` would not.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.core.ops.numpy_call import update
    >>> mean = nd.zeros((2,))
    >>> update(mean, nd.ones((2,)), 0.75)
    >>> mean.asnumpy()
    array([0.25, 0.25], dtype=float32)
    """
    cdef Update node = Update.__new__(Update)
    cdef Py_ssize_t nothing = 0
    node.a = cast(<Tensor?>value, (<Tensor?>target).dtype)
    node.c = target
    node.keep = keep
    cdef Tensor out = header(node.c.face, BOOL, 1, &nothing)
    run(node, out)
