"""Array functions for both faces: what the namespaces nd, np and npx and the methods call.

Arguments are checked here; an op behind gets sizes that fit. A result has the face of its input.
"""

from microlazy.core.kernels.table cimport *
from microlazy.core.loops.elementwise cimport fill
from microlazy.core.ops.cast cimport cast, copied, promoted
from microlazy.core.ops.dense cimport batch_dot as batch_dot_arrays
from microlazy.core.ops.dense cimport dot as dot_arrays
from microlazy.core.ops.dense cimport matmul as matmul_arrays
from microlazy.core.ops.elementwise cimport binary, binary_scalar, mask, unary
from microlazy.core.ops.gather cimport along as along_axis, one_hot as one_hot_places
from microlazy.core.ops.gather cimport put as put_places, put_along as put_along_axis
from microlazy.core.ops.gather cimport take as take_places
from microlazy.core.ops.indexing cimport where as where_arrays
from microlazy.core.ops.numpy_call cimport numpy_call, short_view, small_ufunc
from microlazy.core.ops.reduce cimport arg_reduce, axis_mask
from microlazy.core.ops.reduce cimport mean as mean_over, reduce, variance
from microlazy.core.ops.rewrite cimport become, rewrites
from microlazy.core.ops.rewrite cimport begin as begin_rewrite, finish as finish_rewrite
from microlazy.core.ops.random cimport NORMAL, RANDINT, UNIFORM, Law, sample, sample_into
from microlazy.core.ops.scans cimport scan
from microlazy.core.ops.shape cimport (
    broadcast_to as broadcast, channels_second as move_channels_second, concatenate as join,
    expand_dims as expand, placed as put_down, reshape as reshape_to, roll as roll_axis,
    same_memory, section, stack as stack_arrays, transpose as transpose_axes, view as view_of,
)
from microlazy.core.strided cimport assign, overlap
from microlazy.core.tape cimport may_write, put as put_on, state, tracked, wrote
from microlazy.core.tensor cimport (
    BOOL, FLOAT16, FLOAT32, FLOAT64, INT64, MAX_NDIM, ND, NP, Tensor, current_device, deeper,
    device_of, dtype_number, from_numpy, is_float, need_values, new, numpy_dtype, parse_axis,
    parse_shape, same_shape, shape_tuple, view_numpy,
)

import math
import numbers
import operator

import numpy

from microlazy.base import MXNetError, ShapeError
from microlazy.context import place_of
from microlazy.core.ops.elementwise import BINARY, UNARY
from microlazy.core.ops import nn, random as random_ops
from microlazy.core.tensor import nearest_dtype


cdef Tensor array_of(object x, str what):
    if not isinstance(x, Tensor):
        raise TypeError(f"{what}: expected an array, got {x!r} of type {type(x).__name__}")
    return <Tensor>x


cdef object EXACT = 1 << 53           # integers that a double holds

# Of a literal tuple with abstract classes Cython does not see that a check of one was interrupted.
cdef tuple NUMBERS = (numbers.Real, numpy.bool_)
cdef tuple NUMPY_VALUES = (numpy.ndarray, numpy.generic)
cdef tuple LISTS = (list, tuple, numpy.ndarray)


cdef bint is_number(object x):
    return type(x) is float or type(x) is int or isinstance(x, NUMBERS)     # that one is slow


# ---- creation ----------------------------------------------------------------------------------

def new_array(int face, shape, dtype=None, fill_value=None):
    """An array of a shape, filled with a number, or uninitialized without one."""
    cdef Py_ssize_t[MAX_NDIM] sizes
    cdef int number = FLOAT32 if dtype is None else dtype_number(dtype)
    cdef int ndim = parse_shape(shape, sizes)
    cdef Tensor x = new(face, number, ndim, sizes)
    if fill_value is not None:
        if number <= FLOAT64:
            fill(x, fill_value)
        else:
            view_numpy(x)[...] = fill_value
    return x


def maker(int face, value, slow):
    """A function that makes arrays of one value: of a shape alone here, with more by `slow`.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.functions import maker
    >>> maker(1, 7, np.zeros)(2), maker(1, 7, np.zeros)(2, "int8")
    (array([7., 7.]), array([0, 0], dtype=int8))
    """
    def filled(shape, dtype=None, order="C", ctx=None, *, device=None):
        if dtype is None and ctx is None and device is None and order == "C" and (
                current_device() == 0):
            return new_array(face, shape, None, value)
        return slow(shape, dtype, order, ctx, device=device)

    return filled


def on_context(x, ctx):
    """Say that an array just made, or each of a tuple, is on a context; None changes nothing."""
    if ctx is None:
        return x
    if isinstance(x, tuple):
        return tuple([on_context(part, ctx) for part in x])
    put_on(array_of(x, "on_context"), place_of(ctx))
    return x


def beside(x, other):
    """Say that an array just made is on the context of another."""
    put_on(array_of(x, "beside"), device_of(array_of(other, "beside")))
    return x


def to_array(int face, obj, dtype=None):
    """An array with the values of an array, a list or a number."""
    cdef Tensor source
    cdef int arrays
    if dtype is None and isinstance(obj, (list, tuple)):
        source = of_numbers(face, obj)
        if source is not None:
            return source
    if isinstance(obj, Tensor):
        source = <Tensor>obj
        array = view_numpy(source)
        kept = dtype if dtype is not None else array.dtype
    elif isinstance(obj, NUMPY_VALUES):
        array = numpy.asarray(obj)
        kept = dtype
        if dtype is None and face == NP:
            kept = nearest_dtype(array.dtype)
    else:
        arrays = arrays_in(obj, 0)
        if arrays == ON_TAPE:
            return joined(face, obj, FLOAT32 if dtype is None else dtype_number(dtype), 0)
        try:
            array = numpy.asarray(unwrapped(obj, 0) if arrays else obj)
        except ValueError as error:
            raise TypeError(f"source_array must be array like object: {error}") from None
        kept = dtype
    if array.dtype.kind not in "fiubV" and array.dtype != object:
        raise TypeError(f"source_array must be array like object, with numbers; got "
                        f"{type(obj).__name__} of dtype {array.dtype}")
    number = FLOAT32 if kept is None else dtype_number(kept)
    if array.dtype == numpy_dtype(number):
        return from_numpy(array, face)
    try:
        with numpy.errstate(invalid="ignore", over="ignore"):
            array = array.astype(numpy_dtype(number), copy=False)
    except (TypeError, ValueError):
        raise TypeError(f"source_array must be array like object, with numbers; got {obj!r}"
                        ) from None
    return from_numpy(array, face)


cdef Tensor of_numbers(int face, object obj):
    """Nested lists of Python's numbers as a float32 array; None if they are anything else."""
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef int ndim = 0
    cdef Tensor x
    cdef float* end
    first = obj
    while isinstance(first, (list, tuple)):
        if ndim == MAX_NDIM or not len(first):
            return None
        shape[ndim] = len(first)
        ndim += 1
        first = first[0]
    if type(first) is not float and type(first) is not int:
        return None
    x = new(face, FLOAT32, ndim, shape)
    end = <float*>x.data
    return x if copy_numbers(obj, ndim, shape, &end) else None


cdef bint copy_numbers(object obj, int ndim, const Py_ssize_t* shape, float** end) except -1:
    """Write the numbers of nested lists; False if the lists have another shape, or hold others."""
    cdef double value
    if not isinstance(obj, (list, tuple)) or len(obj) != shape[0]:
        return False
    for item in obj:
        if ndim > 1:
            if not copy_numbers(item, ndim - 1, shape + 1, end):
                return False
            continue
        if type(item) is int:
            if not -EXACT <= item <= EXACT:
                return False                  # which a double would round first
        elif type(item) is not float:
            return False
        value = item
        end[0][0] = <float>value
        end[0] += 1
    return True


cdef enum:
    PLAIN                             # nested lists hold numbers alone
    HELD                              # ... arrays, or lists nested too deeply to tell
    ON_TAPE                           # ... an array that is recorded now, or one without values


cdef int arrays_in(object obj, int depth) except -1:
    """Which arrays nested lists hold."""
    cdef int most = PLAIN, found
    if isinstance(obj, Tensor):
        return ON_TAPE if (<Tensor>obj).abstract or (
            state().recording and tracked(<Tensor>obj)) else HELD
    if isinstance(obj, (list, tuple)):
        if depth > MAX_NDIM:
            return HELD
        for item in obj:
            if type(item) is float or type(item) is int:
                continue
            found = arrays_in(item, depth + 1)
            if found == ON_TAPE:
                return ON_TAPE
            most = max(most, found)
    return most


cdef Tensor joined(int face, object obj, int dtype, int depth):
    """Nested lists of arrays and numbers as one array, recorded."""
    if isinstance(obj, Tensor):
        return cast(with_face(obj, face), dtype)
    if isinstance(obj, (list, tuple)):
        if not obj:
            return to_array(face, obj, numpy_dtype(dtype))
        if depth == MAX_NDIM:
            raise ShapeError(f"an array has at most {MAX_NDIM} axes, but the lists are nested "
                             "deeper")
        return stack_arrays([joined(face, item, dtype, depth + 1) for item in obj], 0)
    array = numpy.asarray(obj)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"source_array must be array like object, with numbers; got {obj!r}")
    return from_numpy(array.astype(numpy_dtype(dtype)), face)


cdef object unwrapped(object obj, int depth):
    """Nested lists with our arrays in them as nested lists of NumPy arrays."""
    if isinstance(obj, Tensor):
        return view_numpy(<Tensor>obj)
    if isinstance(obj, (list, tuple)):
        depth = deeper(depth)
        return [unwrapped(item, depth) for item in obj]
    return obj


def from_numpy_result(int face, array, dtype=None):
    """An array with the values of a NumPy result, of a dtype, float32 by default."""
    return from_numpy(numpy.asarray(array, dtype=numpy_dtype(
        FLOAT32 if dtype is None else dtype_number(dtype))), face)


def with_face(x, int face):
    """The same memory as an array of another face, on the tape as well."""
    cdef Tensor t = array_of(x, "with_face")
    return x if t.face == face else same_memory(t, face, False)


def detach(x):
    """The same memory, cut off from the graph."""
    cdef Tensor t = array_of(x, "detach")
    return same_memory(t, t.face, True)


def face_of(x) -> int:
    """0 for an nd.NDArray, 1 for an np.ndarray."""
    return array_of(x, "face_of").face


def as_float(x):
    """x itself if it holds floats, else its numbers in float32."""
    cdef Tensor t = array_of(x, "as_float")
    return x if is_float(t.dtype) else cast(t, FLOAT32)


def has_half(*args) -> bool:
    """Whether one of some arguments is an array of float16.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.functions import has_half
    >>> has_half(np.ones(1, dtype="float16"), 2), has_half(np.ones(1))
    (True, False)
    """
    for x in args:
        if isinstance(x, Tensor) and (<Tensor>x).dtype == FLOAT16:
            return True
    return False


def as_dtype(x, dtype):
    """x in a dtype; x itself if None."""
    return x if dtype is None else cast(array_of(x, "astype"), dtype_number(dtype))


# ---- elementwise -------------------------------------------------------------------------------

def unary_op(str name, x):
    """Apply the op of that name from the table UNARY."""
    return unary(UNARY[name], array_of(x, name))


def binary_op(str name, a, b):
    """Apply the op of that name from the table BINARY to arrays or an array and a number."""
    cdef int op = BINARY[name]
    if isinstance(a, Tensor):
        if isinstance(b, Tensor):
            return binary(op, <Tensor>a, <Tensor>b)
        if is_number(b):
            return binary_scalar(op, <Tensor>a, b, False)
        raise TypeError(f"{name}: type {type(b)} not supported")
    if isinstance(b, Tensor) and is_number(a):
        return binary_scalar(op, <Tensor>b, a, True)
    if is_number(a) and is_number(b):
        return getattr(numpy, name)(a, b)
    raise TypeError(f"{name}: type {type(a)} not supported")


cdef inline bint is_list(object x):
    return isinstance(x, LISTS)


def with_options(str name, function, inputs, out, where, dtype, str casting, order):
    """What NumPy's elementwise functions compute with the arguments beside their inputs.

    Parameters
    ----------
    name : str
        Of the function, for messages.
    function : callable
        Of arrays and numbers.
    inputs : list
        Arrays and numbers.
    out : array, or tuple of one array, optional
    where : bool or array of bool
        The other elements of `out` stay as they are.
    dtype : dtype, optional
        The inputs are cast to it first, if `casting` allows.
    casting : str
        As in `numpy.can_cast`.
    order : str
        "K", "A" or "C".

    Raises
    ------
    ValueError
        If `where` is given without `out`, or the order is another.
    TypeError
        If there is no such cast, or the result has another dtype than was asked for.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.functions import with_options
    >>> with_options("exp", np.exp, [np.zeros(1)], None, True, "float64", "same_kind", "K")
    array([1.], dtype=float64)
    """
    if order not in ("K", "A", "C", None):
        raise ValueError(f"{name}: results are in order 'C', not {order!r}")
    if isinstance(out, tuple):
        if len(out) != 1:
            raise ValueError(f"{name}: out must be one array, not {len(out)}")
        out = out[0]
    if where is not True and out is None:
        raise ValueError(f"{name}: where= needs out=, which gives the other elements")
    asked = None if dtype is None else numpy_dtype(dtype_number(dtype))
    if not any([isinstance(x, Tensor) for x in inputs]):
        inputs = [to_array(NP, x) for x in inputs]
    if asked is not None and asked.kind != "b":     # a comparison's inputs keep theirs
        inputs = [cast_by(name, x, asked, casting) for x in inputs]
    result = function(*inputs)
    given = numpy_dtype(array_of(result, name).dtype)
    if asked is not None and given != asked:
        raise TypeError(f"{name}: there is no result of dtype {asked.name} for these inputs, but "
                        f"{given.name}")
    if where is not True:
        chosen = where if isinstance(where, Tensor) else to_array(NP, where, "bool")
        result = where_arrays(chosen, cast(result, array_of(out, "out").dtype), out)
    return written(result, out)


cdef object cast_by(str name, object x, object asked, str casting):
    if not isinstance(x, Tensor):
        return x
    own = numpy_dtype((<Tensor>x).dtype)
    if not numpy.can_cast(own, asked, casting):
        raise TypeError(f"{name}: cannot cast an input from {own} to {asked} with "
                        f"casting={casting!r}")
    return cast(<Tensor>x, dtype_number(asked))


def one_input(str op_name, number=None, nd=False, operands=None):
    """A function that applies an op of the table UNARY; `number` computes what is no array.

    `operands` makes arrays of lists and of NumPy's arrays; without it they are refused. Being
    compiled, a call on a small array costs little more than the op.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.functions import one_input
    >>> one_input("square")(np.array([3.]))
    array([9.])
    """
    cdef int op = UNARY[op_name]

    def elementwise(x, out=None, *, where=True, dtype=None, casting="same_kind", order="K",
                    subok=True):
        if isinstance(x, Tensor) and out is None and where is True and dtype is None:
            return unary(op, <Tensor>x)
        cdef bint plain = out is None and where is True and dtype is None
        if plain and number is not None and is_number(x):
            return number(x)
        if operands is not None and is_list(x):
            x = operands(x)[0]
        if plain:
            return unary(op, array_of(x, op_name))
        return with_options(op_name, one, [x], out, where, dtype, casting, order)

    def one(x):
        return unary(op, array_of(x, op_name))

    def elementwise_nd(data, out=None, name=None, *, axis=None, dtype=None):
        if isinstance(data, Tensor) and out is None:
            return unary(op, <Tensor>data)
        return written(unary(op, array_of(data, op_name)), out)

    return elementwise_nd if nd else elementwise


def two_inputs(str op_name, nd=False, operands=None, bint number_alone=True):
    """A function that applies an op of the table BINARY to arrays and numbers; see `one_input`.

    Without `number_alone` one of the two must be an array.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.functions import two_inputs
    >>> two_inputs("add")(np.array([3.]), 1)
    array([4.])
    """
    cdef int op = BINARY[op_name]

    def elementwise(x1, x2, out=None, *, where=True, dtype=None, casting="same_kind", order="K",
                    subok=True):
        cdef bint plain = out is None and where is True and dtype is None
        if plain and isinstance(x1, Tensor) and isinstance(x2, Tensor):
            return binary(op, <Tensor>x1, <Tensor>x2)
        if operands is not None and (is_list(x1) or is_list(x2)):
            x1, x2 = operands(x1, x2)
        if plain:
            return binary_op(op_name, x1, x2)
        return with_options(op_name, two, [x1, x2], out, where, dtype, casting, order)

    def two(x1, x2):
        return binary_op(op_name, x1, x2)

    def elementwise_nd(lhs, rhs, out=None, name=None, *, axis=None, dtype=None):
        if out is None and isinstance(lhs, Tensor) and isinstance(rhs, Tensor):
            return binary(op, <Tensor>lhs, <Tensor>rhs)
        if not number_alone and not isinstance(lhs, Tensor):
            array_of(rhs, op_name)
        return written(binary_op(op_name, lhs, rhs), out)

    return elementwise_nd if nd else elementwise


def loop_first(ufunc, slow, bint two=False):
    """A function that computes a ufunc of small arrays by a loop of ours, all else by `slow`.

    Examples
    --------
    >>> import numpy
    >>> from microlazy import np
    >>> from microlazy.core.functions import loop_first
    >>> loop_first(numpy.signbit, np.signbit)(np.array([-1., 0.]))
    array([ True, False])
    """
    def of_one(x, out=None, *, where=True, dtype=None, casting="same_kind", order="K", subok=True):
        cdef Tensor y
        if isinstance(x, Tensor) and out is None and where is True and dtype is None:
            y = small_ufunc(ufunc, <Tensor>x, None)
            if y is not None:
                return y
        return slow(x, out, where=where, dtype=dtype, casting=casting, order=order, subok=subok)

    def of_two(x1, x2, out=None, *, where=True, dtype=None, casting="same_kind", order="K",
               subok=True):
        cdef Tensor y
        if isinstance(x1, Tensor) and isinstance(x2, Tensor) and out is None and (
                where is True and dtype is None):
            y = small_ufunc(ufunc, <Tensor>x1, <Tensor>x2)
            if y is not None:
                return y
        return slow(x1, x2, out, where=where, dtype=dtype, casting=casting, order=order,
                    subok=subok)

    return of_two if two else of_one


cdef object written(object result, object out):
    return result if out is None else write_into(out, result)


def clip(x, a_min=None, a_max=None):
    """Limit the elements to [a_min, a_max]."""
    cdef Tensor t = array_of(x, "clip")
    if a_min is None and a_max is None:
        raise ValueError("clip: give a_min, a_max or both")
    if a_min is not None:
        t = binary_op("maximum", t, a_min)
    if a_max is not None:
        t = binary_op("minimum", t, a_max)
    return t


def round(x, decimals=0, away=False):
    """Round to whole numbers or `decimals` places: halves to even, or away from zero."""
    cdef Tensor t = array_of(x, "round")
    if away or t.face == ND:
        return unary_op("sign", t) * unary_op("floor", unary_op("abs", t) + 0.5)
    if decimals == 0:
        return unary_op("rint", t)
    return unary_op("rint", t * 10.0 ** decimals) / 10.0 ** decimals


def invert(x):
    """Logical not of bool, bitwise not of integers."""
    cdef Tensor t = array_of(x, "invert")
    if is_float(t.dtype):
        raise MXNetError(f"~ needs a bool or integer array, not {numpy_dtype(t.dtype)}")
    return numpy_call(numpy.invert, [t], {}, t.face, t.dtype, t.ndim, t.shape_)


cdef dict BITWISE = {"and": numpy.bitwise_and, "or": numpy.bitwise_or, "xor": numpy.bitwise_xor}


def bitwise(str name, a, b):
    """Bitwise and, or, xor of bool or integer arrays."""
    cdef Tensor t = array_of(a, name), other
    cdef Py_ssize_t[MAX_NDIM] shape
    other = <Tensor>b if isinstance(b, Tensor) else from_numpy(
        numpy.asarray(b, numpy_dtype(t.dtype)), t.face)
    if is_float(t.dtype) or is_float(other.dtype):
        raise MXNetError(f"bitwise {name} needs bool or integer arrays")
    ndim = parse_shape(numpy.broadcast_shapes(shape_tuple(t), shape_tuple(other)), shape)
    return numpy_call(BITWISE[name], [t, other], {}, t.face, promoted(t.dtype, other.dtype),
                      ndim, shape)


def where(condition, x, y):
    """x where the condition holds, else y."""
    cdef Tensor c = array_of(condition, "where")
    if not isinstance(x, Tensor):
        x = new_array(c.face, (), dtype_for(y, x), x)
    if not isinstance(y, Tensor):
        y = new_array(c.face, (), dtype_for(x, y), y)
    return where_arrays(c, x, y)


cdef object dtype_for(object other, object number):
    """The dtype that a number takes beside an array; the default beside a number."""
    if not isinstance(other, Tensor):
        return None
    if (<Tensor>other).face == NP and not is_float((<Tensor>other).dtype):
        if isinstance(number, (float, numpy.floating)):
            return numpy_dtype(FLOAT32)
        if (<Tensor>other).dtype == BOOL and not isinstance(number, (bool, numpy.bool_)):
            return numpy_dtype(INT64)
    return numpy_dtype((<Tensor>other).dtype)


# ---- reductions --------------------------------------------------------------------------------

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


def norm(x, ord=2, axis=None, keepdims=False):
    """The Euclidean norm (ord=2) or the sum of absolute values (ord=1)."""
    cdef Tensor t = array_of(x, "norm")
    if ord == 1:
        return reduce(R_SUM, unary(U_ABS, t), axis, keepdims, False)
    if ord != 2:
        raise ValueError(f"norm: ord is 1 or 2, not {ord!r}")
    return root_of_variance(reduce(R_SUM, unary(U_SQUARE, t), axis, keepdims, False))


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
    return numpy_call(all_along if name == "all" else any_along, [t],
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


def batch_dot(a, b, transpose_a=False, transpose_b=False):
    """Products of the matrices in two stacks."""
    return batch_dot_arrays(array_of(a, "batch_dot"), array_of(b, "batch_dot"), transpose_a,
                            transpose_b)


# ---- order ---------------------------------------------------------------------------------------

def loop_of(name, x):
    """A function of a small array by a loop of ours; None if it is not done so here.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.functions import loop_of
    >>> loop_of("fraction", np.array([1, 2], dtype="int32")) is None
    True
    """
    return small_ufunc(name, array_of(x, "loop_of"), None)


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


# ---- shapes ------------------------------------------------------------------------------------

cdef Tensor reshape_tensor(Tensor t, tuple target):
    cdef Py_ssize_t[MAX_NDIM] shape
    known = math.prod([n for n in target if n != -1])
    unknown = [i for i, n in enumerate(target) if n == -1]
    if len(unknown) > 1:
        raise ShapeError(f"reshape: only one size may be -1, but the shape is {target}")
    if unknown:
        if known == 0 or t.size % known:
            raise ShapeError(f"reshape: cannot reshape array of size {t.size} into shape {target}")
        target = tuple([t.size // known if n == -1 else n for n in target])
    elif known != t.size:
        raise ShapeError(f"reshape: cannot reshape array of size {t.size} into shape {target}")
    ndim = parse_shape(target, shape)
    return reshape_to(t, ndim, shape)


cdef tuple plain_shape(object shape):
    if isinstance(shape, (tuple, list)):
        return tuple([operator.index(n) for n in shape])
    return (operator.index(shape),)


cdef int plain_sizes(Tensor t, object shape, Py_ssize_t* sizes) except -2:
    """The sizes of a shape of Python's numbers that fits t, and how many; else -1."""
    cdef Py_ssize_t known = 1, n
    cdef int ndim = 0, unknown = -1
    if type(shape) is int:
        shape = (shape,)
    elif type(shape) is not tuple and type(shape) is not list:
        return -1
    if len(shape) > MAX_NDIM:
        return -1
    for item in shape:
        if type(item) is not int or not -1 <= item <= t.size:
            return -1
        n = item
        sizes[ndim] = n
        if n < 0:
            if unknown >= 0:
                return -1
            unknown = ndim
        else:
            known *= n
            if known > t.size:
                return -1
        ndim += 1
    if unknown >= 0:
        if known == 0 or t.size % known:
            return -1
        sizes[unknown] = t.size // known
    elif known != t.size:
        return -1
    return ndim


def reshape(x, shape):
    """The same elements in another shape; one size may be -1."""
    cdef Py_ssize_t[MAX_NDIM] sizes
    cdef Tensor t = array_of(x, "reshape")
    cdef int ndim = plain_sizes(t, shape, sizes)
    if ndim >= 0:
        return reshape_to(t, ndim, sizes)
    return reshape_tensor(t, plain_shape(shape))      # another shape, or what it refuses


def at_least(x, Py_ssize_t count, bint behind=False):
    """The array with one to three axes or more; missing ones in front, the third one behind."""
    cdef Tensor t = array_of(x, "at_least")
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef int i, front
    if t.ndim >= count:
        return x
    for i in range(count):
        shape[i] = 1
    front = count - t.ndim - (1 if behind and t.ndim else 0)
    for i in range(t.ndim):
        shape[front + i] = t.shape_[i]
    return reshape_to(t, <int>count, shape)


def reshape_codes(x, shape, reverse=False):
    """nd's reshape with the codes 0, -1, -2, -3, -4."""
    cdef Tensor t = array_of(x, "reshape")
    codes = plain_shape(shape)
    source = list(shape_tuple(t))
    if reverse:
        target = resolve_codes(source[::-1], codes[::-1], codes, source, True)
        return reshape_tensor(t, target[::-1])
    return reshape_tensor(t, resolve_codes(source, codes, codes, source, False))


cdef tuple resolve_codes(list source, tuple codes, tuple given, list full, bint reverse):
    """The shape that codes stand for, with at most one -1 left."""
    cdef list target = []
    cdef Py_ssize_t place = 0, i = 0, first, second

    def size():
        if place >= len(source):
            raise ShapeError(f"reshape: {given} names more axes than the shape {tuple(full)} has")
        return source[place]

    while i < len(codes):
        code = codes[i]
        if code > 0:
            target.append(code)
            place += 1
        elif code == 0:
            target.append(size())
            place += 1
        elif code == -1:
            target.append(-1)
            place += 1
        elif code == -2:
            target.extend(source[place:])
            place = len(source)
        elif code == -3:
            first = size()
            place += 1
            target.append(first * size())
            place += 1
        elif code == -4:
            if i + 2 >= len(codes):
                raise ShapeError(f"reshape: -4 needs two sizes after it in {given}")
            first, second = codes[i + 1], codes[i + 2]
            n = size()
            if first == -1 and second == -1:
                raise ShapeError("reshape: of the two sizes after -4 only one may be -1")
            if first == -1:
                first = n // second if second else 0
            if second == -1:
                second = n // first if first else 0
            if first * second != n:
                raise ShapeError(f"reshape: cannot split an axis of size {n} into {first} times "
                                 f"{second}")
            target += [second, first] if reverse else [first, second]
            place += 1
            i += 2
        else:
            raise ShapeError(f"reshape: unknown code {code} in {given}")
        i += 1
    return tuple(target)


def flatten(x):
    """Keep the first axis and join the others."""
    cdef Tensor t = array_of(x, "flatten")
    if t.ndim == 0:
        raise ShapeError("flatten: the array has no axes")
    return reshape_tensor(t, (t.shape_[0], math.prod(shape_tuple(t)[1:])))


def transpose(x, axes=None):
    """The array with its axes in another order, reversed by default."""
    cdef Tensor t = array_of(x, "transpose")
    cdef int[MAX_NDIM] order
    cdef int i
    if axes is None:
        for i in range(t.ndim):
            order[i] = t.ndim - 1 - i
        return turned(t, order)
    if read_order(t, axes, order):
        return turned(t, order)
    axes = [parse_axis(axis, t.ndim) for axis in axes]
    raise ValueError(f"transpose: axes {tuple(axes)} do not match an array of {t.ndim} dimensions")


cdef bint read_order(Tensor t, object axes, int* order) except -1:
    """Read an order of t's axes; False if it names other than each of them once."""
    cdef unsigned int seen = 0
    cdef int n = 0, place
    for axis in axes:
        place = parse_axis(axis, t.ndim)
        if n == t.ndim or seen >> place & 1:
            return False
        seen |= <unsigned int>1 << place
        order[n] = place
        n += 1
    return n == t.ndim


cdef Tensor turned(Tensor t, int* order):
    """A view with the axes in another order; under nd a copy, as in MXNet."""
    cdef Tensor out = transpose_axes(t, order)
    return copied(out) if t.face == ND else out


def channels_second(x):
    """Images with the channels, their last axis, as the second one.

    What a view with the channels last was made from is given back itself.
    """
    cdef Tensor t = array_of(x, "channels_second")
    cdef Tensor out = move_channels_second(t)
    return copied(out) if t.face == ND else out


def swapaxes(x, axis1, axis2):
    """The array with two axes exchanged."""
    cdef Tensor t = array_of(x, "swapaxes")
    cdef int[MAX_NDIM] order
    cdef int first = parse_axis(axis1, t.ndim), second = parse_axis(axis2, t.ndim), i
    for i in range(t.ndim):
        order[i] = i
    order[first], order[second] = second, first
    return turned(t, order)


def move_axis(x, Py_ssize_t source, Py_ssize_t target):
    """The array with an axis at another place; both are numbers from 0 on."""
    cdef Tensor t = array_of(x, "moveaxis")
    cdef int[MAX_NDIM] order
    cdef int i
    for i in range(t.ndim):
        if i == target:
            order[i] = <int>source
        elif source < target:
            order[i] = i + (source <= i < target)
        else:
            order[i] = i - (target < i <= source)
    return turned(t, order)


def expand_dims(x, axis):
    """The array with a new axis of size 1."""
    cdef Tensor t = array_of(x, "expand_dims")
    return expand(t, parse_axis(axis, t.ndim + 1))


def squeeze(x, axis=None):
    """The array without its axes of size 1, or without those named."""
    cdef Tensor t = array_of(x, "squeeze")
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef int ndim = 0, place
    full = shape_tuple(t)
    if axis is None and t.face == NP:
        for place in range(t.ndim):
            if t.shape_[place] != 1:
                shape[ndim] = t.shape_[place]
                ndim += 1
        return reshape_to(t, ndim, shape)
    if axis is None:
        gone = {i for i, n in enumerate(full) if n == 1}
    else:
        axes = axis if isinstance(axis, (tuple, list)) else (axis,)
        gone = {parse_axis(a, t.ndim) for a in axes}
        for i in gone:
            if full[i] != 1:
                raise ShapeError(f"cannot squeeze axis {i} of size {full[i]}: only axes of size 1 "
                                 "can go")
    kept = tuple([n for i, n in enumerate(full) if i not in gone])
    if not kept and t.face == ND:
        kept = (1,)
    return reshape_tensor(t, kept)


def broadcast_to(x, shape):
    """The array broadcast to a shape; under nd, 0 keeps a size."""
    cdef Tensor t = array_of(x, "broadcast_to")
    cdef Py_ssize_t[MAX_NDIM] sizes
    target = plain_shape(shape)
    if t.face == ND and len(target) == t.ndim:
        target = tuple([m if n == 0 else n for n, m in zip(target, shape_tuple(t))])
    ndim = parse_shape(target, sizes)
    return broadcast(t, ndim, sizes)


def concatenate(arrays, axis=0):
    """Join arrays along an axis they have."""
    cdef list items = [array_of(x, "concatenate") for x in arrays]
    if not items:
        raise ValueError("need at least one array to concatenate")
    if axis is None:
        items, axis = [reshape(x, -1) for x in items], 0
    return join(items, parse_axis(axis, (<Tensor>items[0]).ndim))


def stack(arrays, axis=0):
    """Join arrays of one shape along a new axis."""
    cdef list items = [array_of(x, "stack") for x in arrays]
    if not items:
        raise ValueError("need at least one array to stack")
    return stack_arrays(items, parse_axis(axis, (<Tensor>items[0]).ndim + 1))


def split(x, indices_or_sections, axis=0, squeeze_axis=False):
    """Cut along an axis: into equal parts, or before each of some places."""
    cdef Tensor t = array_of(x, "split")
    cdef int place = parse_axis(axis, t.ndim)
    cdef Py_ssize_t n = t.shape_[place]
    if isinstance(indices_or_sections, numbers.Integral):
        parts = int(indices_or_sections)
        if parts < 1 or n % parts:
            raise ShapeError("array split does not result in an equal division: an axis of size "
                             f"{n} into {parts} parts")
        edges = [n // parts * i for i in range(parts + 1)]
    else:
        edges = [0, *[slice(operator.index(i)).indices(n)[1] for i in indices_or_sections], n]
    pieces = [section(t, place, first, max(first, last))
              for first, last in zip(edges, edges[1:])]
    pieces = [copied(p) if not (<Tensor>p).contiguous else p for p in pieces]
    return [squeeze(p, place) for p in pieces] if squeeze_axis else pieces


def unstack(x, axis):
    """The slices along an axis, without it."""
    cdef Tensor t = array_of(x, "unstack"), part
    cdef Py_ssize_t[MAX_NDIM] start
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef Py_ssize_t[MAX_NDIM] step
    cdef int[MAX_NDIM] source
    cdef int place = parse_axis(axis, t.ndim), i
    cdef Py_ssize_t k, one = 1
    cdef list parts = []
    for i in range(t.ndim):
        start[i] = 0
        step[i] = 1
        if i != place:
            source[i - (i > place)] = i
            shape[i - (i > place)] = t.shape_[i]
    for k in range(t.shape_[place]):
        start[place] = k
        part = view_of(t, start, t.ndim - 1, shape, source, step)
        part = part if part.contiguous else copied(part)
        parts.append(reshape_to(part, 1, &one) if t.ndim == 1 and t.face == ND else part)
    return tuple(parts)


def diagonal(x, Py_ssize_t k, axis1, axis2):
    """The k-th diagonal of the matrices along two axes, as the last axis."""
    cdef Tensor t = array_of(x, "diagonal")
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef Py_ssize_t[MAX_NDIM] start
    cdef Py_ssize_t[MAX_NDIM] step
    cdef int[MAX_NDIM] order
    cdef int first, second, i, n = 0
    cdef bint moved = False
    cdef Py_ssize_t rows, columns, count
    if t.ndim < 2:
        raise ShapeError(f"diagonal: the array needs two axes, but its shape is {shape_tuple(t)}")
    first, second = parse_axis(axis1, t.ndim), parse_axis(axis2, t.ndim)
    if first == second:
        raise ValueError(f"diagonal: the two axes must differ, but both are {axis1}")
    for i in range(t.ndim):
        if i != first and i != second:
            order[n] = i
            n += 1
    order[n], order[n + 1] = first, second
    for i in range(t.ndim):
        moved = moved or order[i] != i
    if moved:
        t = transpose_axes(t, order)
    rows, columns = t.shape_[n], t.shape_[n + 1]
    count = max(<Py_ssize_t>0, min(rows + min(k, <Py_ssize_t>0), columns - max(k, <Py_ssize_t>0)))
    for i in range(n):
        shape[i] = t.shape_[i]
        start[i] = 0
        step[i] = 1
        order[i] = i
    shape[n] = rows * columns
    t = reshape_to(t, n + 1, shape)       # there the diagonal is a slice with a step
    shape[n] = count
    start[n] = max(k, <Py_ssize_t>0) + max(-k, <Py_ssize_t>0) * columns if count else 0
    step[n] = columns + 1
    order[n] = n
    t = view_of(t, start, n + 1, shape, order, step)
    return t if t.contiguous else copied(t)


def recorded(x) -> bool:
    """Whether what is computed of x now goes to the tape."""
    return state().recording and tracked(array_of(x, "recorded"))


def slice_axis(x, axis, begin, end):
    """The part from begin to end along one axis."""
    cdef Tensor t = array_of(x, "slice_axis"), out
    cdef int place = parse_axis(axis, t.ndim)
    first, last, _ = slice(begin, end).indices(t.shape_[place])
    out = section(t, place, first, max(first, last))
    return out if out.contiguous else copied(out)


cdef Tensor repeated(Tensor t, int axis, object times):
    """Each slice along an axis a number of times, broadcast to an axis of its own."""
    cdef Py_ssize_t[4] parts
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef int i, ndim
    parts[0] = parts[2] = parts[3] = 1
    parts[1] = t.shape_[axis]
    for i in range(t.ndim):
        shape[i] = t.shape_[i]
        if i < axis:
            parts[0] *= t.shape_[i]
        elif i > axis:
            parts[3] *= t.shape_[i]
    ndim = t.ndim
    t = reshape_to(t, 4, parts)
    parse_shape((times,), parts + 2)              # which refuses what is too large
    parse_shape((parts[1] * times,), shape + axis)
    return reshape_to(broadcast(t, 4, parts), ndim, shape)


def repeat(x, repeats, axis=None):
    """Repeat each element, or each slice along an axis."""
    cdef Tensor t = array_of(x, "repeat")
    if axis is None:
        t, axis = reshape(t, -1), 0
    place = parse_axis(axis, t.ndim)
    if isinstance(repeats, numbers.Integral):
        if repeats < 0:
            raise ValueError(f"repeat: repeats must not be negative, but is {repeats}")
        return repeated(t, place, operator.index(repeats))
    if numpy.sum(repeats, dtype=numpy.float64) >= 2.0 ** 60:
        raise MemoryError(f"repeat: an array repeated {repeats} times is larger than any memory")
    places = numpy.repeat(numpy.arange(t.shape_[place]), repeats)
    return take_places(t, from_numpy(places, t.face), place, "clip")


def tile(x, reps):
    """x repeated as a whole along each axis."""
    cdef Tensor t = array_of(x, "tile")
    times = plain_shape(reps)
    full = (1,) * (len(times) - t.ndim) + shape_tuple(t)
    times = (1,) * (len(full) - len(times)) + times
    ones = tuple([n for size in full for n in (1, size)])
    wide = tuple([n for pair in zip(times, full) for n in pair])
    return reshape(broadcast_to(reshape(t, ones), wide) if ones != wide else copied(t),
                   tuple([m * n for m, n in zip(times, full)]))


def flip(x, axis=None):
    """x with the elements along an axis, or all axes, in reverse order."""
    cdef Tensor t = array_of(x, "flip")
    cdef unsigned int turned_round = 0
    if axis is None:
        return reversed_along(t, ~turned_round)
    if type(axis) is int:
        return reversed_along(t, <unsigned int>1 << parse_axis(axis, t.ndim))
    for item in axis if isinstance(axis, (tuple, list)) else (axis,):
        turned_round |= <unsigned int>1 << parse_axis(item, t.ndim)
    return reversed_along(t, turned_round)


cdef Tensor reversed_along(Tensor t, unsigned int axes):
    """A copy with the axes of a mask in reverse order; what needs no copy is a view."""
    cdef Py_ssize_t[MAX_NDIM] start
    cdef Py_ssize_t[MAX_NDIM] step
    cdef int[MAX_NDIM] source
    cdef Tensor out
    cdef int i
    for i in range(t.ndim):
        source[i] = i
        step[i] = -1 if axes >> i & 1 else 1
        start[i] = t.shape_[i] - 1 if axes >> i & 1 and t.shape_[i] else 0
    out = view_of(t, start, t.ndim, t.shape_, source, step)
    if not out.contiguous:
        out = copied(out)
    return out


def roll(x, shift, axis):
    """x with the elements moved along an axis; what leaves at the end comes in again in front."""
    cdef Tensor t = array_of(x, "roll")
    cdef int place = parse_axis(axis, t.ndim)
    shift = operator.index(shift) % max(t.shape_[place], 1)
    return roll_axis(t, place, shift) if shift and t.size else copied(t)


def placed(x, start, step, shape, border=0.0):
    """An array of a shape: x's axis i from `start[i]` on, in steps, and `border` elsewhere."""
    cdef Tensor t = array_of(x, "placed")
    cdef Py_ssize_t[MAX_NDIM] first
    cdef Py_ssize_t[MAX_NDIM] steps
    cdef Py_ssize_t[MAX_NDIM] sizes
    if not parse_shape(start, first) == parse_shape(step, steps) == t.ndim == (
            parse_shape(shape, sizes)):
        raise ShapeError(f"placed: {start}, {step} and {shape} are not for {t.ndim} axes")
    for i in range(t.ndim):
        if t.shape_[i] and first[i] + (t.shape_[i] - 1) * steps[i] >= sizes[i]:
            raise ShapeError(f"placed: an array of shape {shape_tuple(t)}, from {start} on in "
                             f"steps {step}, does not fit into {shape}")
    return put_down(t, first, steps, sizes, border)


def take(x, indices, axis=None, mode="clip"):
    """Elements, or slices along an axis, at the places in `indices`."""
    cdef Tensor t = array_of(x, "take")
    if axis is None:
        t, axis = (t, 0) if t.face == ND else (reshape(t, -1), 0)
    if not isinstance(indices, Tensor):
        indices = from_numpy(numpy.asarray(indices, dtype=numpy.int64), t.face)
    return take_places(t, indices, parse_axis(axis, t.ndim), mode)


def take_along(x, indices, axis):
    """Elements at places along one axis, in each row at places of its own."""
    cdef Tensor t = array_of(x, "take_along_axis"), places = array_of(indices, "take_along_axis")
    return along_axis(t, places, parse_axis(axis, t.ndim))


def put_along(values, indices, axis, Py_ssize_t size):
    """Zeros, of a size along one axis, with values added where `take_along` would take them."""
    cdef Tensor t = array_of(values, "put_along"), places = array_of(indices, "put_along")
    return put_along_axis(t, places, parse_axis(axis, t.ndim), size)


def one_hot(x, depth, on_value=1.0, off_value=0.0, dtype="float32"):
    """Rows that are `on_value` at the element's place and `off_value` elsewhere."""
    cdef Tensor t = array_of(x, "one_hot")
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef int number = dtype_number(dtype)
    cdef int ndim = parse_shape((depth,), shape)
    if number <= FLOAT64 and is_number(on_value) and is_number(off_value):
        return one_hot_places(t, shape[0], on_value, off_value, number)
    ndim = parse_shape(shape_tuple(t) + (depth,), shape)
    return numpy_call(one_hot_rows, [t], {"depth": depth, "on_value": on_value,
                                          "off_value": off_value}, t.face, number, ndim, shape)


def put_at(base, shape, values, rows, bint add):
    """`base`, or zeros of a shape, with values put or added at places along the first axes."""
    cdef Tensor t = array_of(values, "values"), into = base
    cdef Py_ssize_t[MAX_NDIM] sizes
    cdef list arrays = [array_of(row, "indices") for row in rows]
    for x in (base, *arrays):
        if x is not None and (<Tensor>x).face != t.face:
            raise TypeError("the arrays are of both types, nd.NDArray and np.ndarray; convert with "
                            "as_np_ndarray() or as_nd_ndarray()")
    return put_places(into, parse_shape(shape, sizes), sizes, t, arrays, add)


def one_hot_rows(places, depth, on_value, off_value):
    """One-hot rows in NumPy; places outside [0, depth) give a row of `off_value`."""
    return numpy.where(places[..., None].astype(numpy.int64) == numpy.arange(depth), on_value,
                       off_value)


softmax = nn.softmax
log_softmax = nn.log_softmax
pick = nn.pick


# ---- random ------------------------------------------------------------------------------------

DISTRIBUTIONS = {"uniform": UNIFORM, "normal": NORMAL, "randint": RANDINT}


def random_array(str kind, p, q, int face, shape, dtype=None, out=None):
    """A new random array, or `out` filled; p and q are the bounds, or mean and deviation."""
    cdef Py_ssize_t[MAX_NDIM] sizes
    cdef Tensor target
    cdef Law law
    cdef int number
    if out is not None:
        number = array_of(out, "out").dtype
    else:
        number = FLOAT32 if dtype is None else dtype_number(dtype)
    law.distribution = DISTRIBUTIONS[kind]
    if kind == "randint":
        p, q = operator.index(p), operator.index(q)
        if not is_float(number):
            limits = numpy.iinfo(numpy_dtype(number)) if number != BOOL else None
            least, most = (limits.min, limits.max) if limits else (0, 1)
        else:
            least, most = -1 << 53, 1 << 53
        if p >= q:
            raise ValueError(f"random.randint: low ({p}) must be below high ({q})")
        if p < least or q - 1 > most:
            raise ValueError(f"random.randint: {p} to {q - 1} is out of bounds for "
                             f"{numpy_dtype(number)}")
        law.low, law.span = p, q - p
    else:
        law.p, law.q = p, q
    if out is not None:
        target = <Tensor>out
        if shape is not None and plain_shape(shape) not in (shape_tuple(target), (1,), ()):
            raise ShapeError(f"random.{kind}: out has shape {shape_tuple(target)}, but shape "
                             f"{shape} was asked for")
        if rewrites(target, None):
            rewrite = begin_rewrite(target, target, None)
            sample_into(law, target)
            finish_rewrite(rewrite, None)
            return out
        may_write(target)
        sample_into(law, target)
        wrote(target)
        return out
    return sample(law, face, number, parse_shape(shape, sizes), sizes)


def all_within(x, double low, bint without_low, double high):
    """Whether a number, or each element of an array, is in [low, high], or in (low, high].

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.functions import all_within
    >>> all_within(np.array([0., 1.]), 0.0, False, 1.0), all_within(0, 0.0, True, 1.0)
    (True, False)
    """
    cdef Tensor t
    cdef Py_ssize_t i
    cdef double value
    if not isinstance(x, Tensor):
        value = x
        return low <= value <= high and not (without_low and value == low)
    t = <Tensor>x
    if t.dtype > FLOAT64 or not t.contiguous:
        array = view_numpy(t)
        return bool(((array > low if without_low else array >= low) & (array <= high)).all())
    need_values(t, "its values are to be checked")
    for i in range(t.size):
        value = (<float*>t.data)[i] if t.dtype == FLOAT32 else (<double*>t.data)[i]
        if not low <= value <= high or (without_low and value == low):
            return False
    return True


def as_parameters(values, bint whole):
    """What parameters say of random numbers: their dtype and shape, and the parameters for them.

    Parameters
    ----------
    values : list of (array or number)
    whole : bool
        Whether whole numbers are drawn, as int64; then the parameters stay as they are.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.functions import as_parameters
    >>> as_parameters([np.zeros(2, dtype="int32"), 1.0], False)
    ('float32', (2,), [array([0., 0.]), 1.0])
    """
    cdef Tensor t, first = None
    cdef bint alike = True
    cdef int dtype = FLOAT32
    for x in values:
        if isinstance(x, Tensor):
            t = <Tensor>x
            first = t if first is None else first
            alike = alike and same_shape(t, first)
            if t.dtype == FLOAT64:
                dtype = FLOAT64
    if first is None:
        shape = ()
    elif alike:
        shape = shape_tuple(first)
    else:
        shape = numpy.broadcast_shapes(*[x.shape for x in values if isinstance(x, Tensor)])
    if whole:
        return "int64", shape, values
    return ("float64" if dtype == FLOAT64 else "float32"), shape, [
        cast(<Tensor>x, dtype) if isinstance(x, Tensor) else x for x in values]


def shuffled_places(n):
    """A random order of range(n), an array of int64."""
    return random_ops.permutation(n)


def write_into(out, x):
    """out[...] = x; what `out=` arguments do."""
    cdef Tensor target = array_of(out, "out"), source = array_of(x, "result")
    need_values(source, "it was to be written into `out`")
    if shape_tuple(target) != shape_tuple(source):
        raise ShapeError(f"out has shape {shape_tuple(target)}, but the result has shape "
                         f"{shape_tuple(source)}")
    if rewrites(target, source):
        become(target, source, None)
        return out
    may_write(target)
    assign(target, source)
    wrote(target)
    return out
