# Arrays made: of numbers, lists, other arrays; with another face, context, dtype; written over.

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


def row_of(items, dtype):
    """A list of few of Python's integers, or floats, as an array of np; None for anything else.

    Examples
    --------
    >>> from microlazy.core.functions import row_of
    >>> row_of([1, 2], "int32"), row_of([1.5], "int32")
    (array([1, 2], dtype=int32), None)
    """
    if current_device():
        return None
    return numbers_as(new(NP, FLOAT32 if dtype is None else dtype_number(dtype), 0, NULL), items)


def open_grid(lists):
    """Lists of integers as int64 arrays, each along an axis of its own; None for anything else.

    Examples
    --------
    >>> from microlazy.core.functions import open_grid
    >>> open_grid(([0, 2], [1]))
    (array([[0],
           [2]], dtype=int64), array([[1]], dtype=int64))
    """
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef Tensor row
    cdef int ndim = <int>min(len(lists), MAX_NDIM + 1), i
    cdef list found = []
    if ndim > MAX_NDIM or current_device():
        return None
    for i in range(ndim):
        shape[i] = 1
    for i in range(ndim):
        items = lists[i]
        row = numbers_as(new(NP, INT64, 0, NULL), items) if type(items) is list and items else None
        if row is None:
            return None
        shape[i] = row.size
        found.append(reshape_to(row, ndim, shape))
        shape[i] = 1
    return tuple(found)


def contiguous(x):
    """The array itself if its memory has no gaps, else a copy; a number as a vector of one.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.functions import contiguous
    >>> contiguous(np.ones((2, 3)).T).shape
    (3, 2)
    """
    cdef Tensor t = array_of(x, "ascontiguousarray")
    if t.ndim == 0:
        return reshape(x, 1)
    return x if t.contiguous else copied(t)


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


def are_arrays(list items) -> bool:
    """Whether all are arrays.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.functions import are_arrays
    >>> are_arrays([np.ones(1)]), are_arrays([np.ones(1), 2])
    (True, False)
    """
    for x in items:
        if not isinstance(x, Tensor):
            return False
    return True


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
