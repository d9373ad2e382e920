# Random arrays, and what samplers ask of their parameters.

cdef Py_ssize_t MANY = <Py_ssize_t>1 << 40          # more than any memory holds

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


ctypedef fused real:
    float
    double
    int
    long long


cdef bint within(const real* x, Py_ssize_t n, double low, bint without_low, double high) noexcept:
    cdef Py_ssize_t i
    for i in range(n):
        if not low <= x[i] <= high or (without_low and x[i] == low):
            return False
    return True


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
    cdef double value
    if not isinstance(x, Tensor):
        value = x
        return low <= value <= high and not (without_low and value == low)
    t = <Tensor>x
    if t.contiguous:
        need_values(t, "its values are to be checked")
        if t.dtype == FLOAT32:
            return within(<const float*>t.data, t.size, low, without_low, high)
        if t.dtype == FLOAT64:
            return within(<const double*>t.data, t.size, low, without_low, high)
        if t.dtype == INT32:
            return within(<const int*>t.data, t.size, low, without_low, high)
        if t.dtype == INT64:
            return within(<const long long*>t.data, t.size, low, without_low, high)
    array = view_numpy(t)
    return bool(((array > low if without_low else array >= low) & (array <= high)).all())


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


def standard_numbers(str kind, size, dtype, ctx, slow):
    """Numbers of mean 0 and deviation 1 ("normal") or in [0, 1) ("uniform"), for np.

    With more than a size, or on another context, they are those of `slow`, of the same arguments.

    Examples
    --------
    >>> from microlazy.core.functions import standard_numbers
    >>> standard_numbers("normal", (2, 3), None, None, None).shape
    (2, 3)
    """
    cdef Py_ssize_t[MAX_NDIM] sizes
    cdef Law law
    if dtype is not None or ctx is not None or current_device():
        return slow(kind, size, dtype, ctx)
    law.distribution = DISTRIBUTIONS[kind]
    law.p, law.q = 0.0, 1.0
    return sample(law, NP, FLOAT32, 0 if size is None else parse_shape(size, sizes), sizes)


def permuted(x):
    """range(x), or an array along its first axis, in a random order; None if it must be recorded.

    Examples
    --------
    >>> from microlazy import np
    >>> sorted(np.random.permutation(3).tolist())
    [0, 1, 2]
    """
    cdef Tensor t, places
    cdef Py_ssize_t n
    if not state().plain or current_device():
        return None
    if isinstance(x, Tensor):
        t = <Tensor>x
        if t.abstract or not t.ndim:
            return None
        places = new(t.face, INT64, 1, t.shape_)
        permutation_into(places)
        return take_places(t, places, 0, "clip")
    if type(x) is not int or not 0 <= x <= MANY:
        return None
    n = x
    places = new(NP, INT64, 1, &n)
    permutation_into(places)
    return places
