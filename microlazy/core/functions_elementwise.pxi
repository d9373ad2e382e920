# Functions of each element, with the arguments that NumPy's have.

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


def frexp(x):
    """Mantissas, and the powers of 2 that they are multiplied by."""
    return frexp_of(array_of(x, "frexp"))


def modf(x):
    """Fractions, and whole numbers."""
    cdef Tensor t = array_of(x, "modf")
    return fraction(t), unary(U_TRUNC, t)


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

    It is `slow` itself where we have no loop.

    Examples
    --------
    >>> import numpy
    >>> from microlazy import np
    >>> from microlazy.core.functions import loop_first
    >>> loop_first(numpy.signbit, np.signbit)(np.array([-1., 0.]))
    array([ True, False])
    """
    if float_op(ufunc) < 0 and integer_op(ufunc, INT32) < 0:
        return slow

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


cdef bint is_large(Tensor t) noexcept:
    """Whether steps that nobody records are taken in one pass, which spares memory traffic."""
    return t.size >= LIGHT_GRAIN and t.dtype <= FLOAT64 and state().plain and not t.abstract


cdef object at_once(Tensor t, list functions):
    """Functions of each element, one after the other: a name, and of two operands a number."""
    from microlazy.core.loops.chain import in_one_pass          # not before it is needed
    return in_one_pass(packed(t), [(BINARY[name], numbers[0]) if numbers else (UNARY[name], None)
                                   for name, *numbers in functions])


def clip(x, a_min=None, a_max=None):
    """Limit the elements to [a_min, a_max]."""
    cdef Tensor t = array_of(x, "clip")
    if a_min is None and a_max is None:
        raise ValueError("clip: give a_min, a_max or both")
    if is_large(t) and type(a_min) in (int, float) and type(a_max) in (int, float):
        return at_once(t, [("maximum", a_min), ("minimum", a_max)])
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
    factor = 10.0 ** decimals
    if is_large(t):
        return at_once(t, [("multiply", factor), ("rint",), ("divide", factor)])
    return unary_op("rint", t * factor) / factor


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
        raise MXNetError(f"bitwise {name} needs bool or integer arrays, not "
                         f"{numpy_dtype(t.dtype)} and {numpy_dtype(other.dtype)}; a list of "
                         "booleans becomes float32, unless dtype='bool' is given")
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
