# Elements taken from places and put there: diagonals, repetition, gathering.

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


cdef class Elements:
    """Pairs of the coordinates and the value of each element of an array of np, a view of its own.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.functions import Elements
    >>> list(Elements(np.array([[1, 2]])))
    [((0, 0), array(1.)), ((0, 1), array(2.))]
    """
    cdef Tensor array
    cdef Py_ssize_t[MAX_NDIM] place
    cdef Py_ssize_t left

    def __init__(self, array):
        self.array = array_of(array, "ndenumerate")
        self.left = self.array.size
        memset(self.place, 0, sizeof(self.place))

    def __iter__(self):
        return self

    def __next__(self):
        cdef Tensor array = self.array
        cdef int[MAX_NDIM] source
        cdef int axis
        if self.left == 0:
            raise StopIteration
        coordinates = tuple([self.place[i] for i in range(array.ndim)])
        value = view_of(array, self.place, 0, NULL, source, self.place)
        self.left -= 1
        for axis in range(array.ndim - 1, -1, -1):
            self.place[axis] += 1
            if self.place[axis] < array.shape_[axis]:
                break
            self.place[axis] = 0
        return coordinates, value


def slice_axis(x, axis, begin, end, bint in_place=False):
    """The part from begin to end along one axis; `in_place` a view, whatever its layout."""
    cdef Tensor t = array_of(x, "slice_axis"), out
    cdef int place = parse_axis(axis, t.ndim)
    first, last, _ = slice(begin, end).indices(t.shape_[place])
    out = section(t, place, first, max(first, last))
    return out if out.contiguous or in_place else copied(out)


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
    if state().plain and t.contiguous and not t.abstract and times * t.size <= FEW:
        return repeated_few(t, axis, times, shape, parts[3])
    t = reshape_to(t, 4, parts)
    parse_shape((times,), parts + 2)              # which refuses what is too large
    parse_shape((parts[1] * times,), shape + axis)
    return reshape_to(broadcast(t, 4, parts), ndim, shape)


cdef Tensor repeated_few(Tensor t, int axis, Py_ssize_t times, Py_ssize_t* shape,
                         Py_ssize_t inner):
    cdef Py_ssize_t width = inner * itemsize(t.dtype), i, k
    cdef Tensor out
    cdef char* end
    shape[axis] = t.shape_[axis] * times
    out = new(t.face, t.dtype, t.ndim, shape)
    end = out.data
    for i in range(t.size // inner if inner else 0):
        for k in range(times):
            memcpy(end, t.data + i * width, width)
            end += width
    return out


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


def chosen_places(condition):
    """The places in a list of booleans where it is true, as int64; None for anything else.

    Examples
    --------
    >>> from microlazy.core.functions import chosen_places
    >>> chosen_places([True, False, True])
    array([0, 2], dtype=int64)
    """
    cdef Py_ssize_t n = 0, i
    cdef Tensor places
    if type(condition) is not list:
        return None
    for item in condition:
        if item is True:
            n += 1
        elif item is not False:
            return None
    places = new(NP, INT64, 1, &n)
    n = 0
    for i in range(len(condition)):
        if condition[i] is True:
            (<long long*>places.data)[n] = i
            n += 1
    return places


def packed_bits(x, axis, bint little):
    """Eight elements at a time, as booleans, in the bits of a uint8, or None for other inputs.

    NumPy, whose loops use vector units, packs many of them.

    Parameters
    ----------
    x : array
        Of booleans or integers.
    axis : int or None
        The last one, or None for the flat array.
    little : bool
        Whether the first element is the lowest bit.

    Examples
    --------
    >>> from microlazy import np
    >>> np.packbits(np.array([1, 0, 1], dtype="bool"))
    array([160], dtype=uint8)
    """
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef Tensor t, out
    cdef Py_ssize_t n, width, row, i
    cdef unsigned char* bits
    if not isinstance(x, Tensor) or not state().plain:
        return None
    t = <Tensor>x
    if (t.dtype != BOOL and t.dtype != UINT8) or not t.contiguous or t.abstract or (
            not 0 < t.size <= FEW):
        return None
    n = bits_along(t, axis, shape)
    if not n:
        return None
    width = (n + 7) // 8
    shape[t.ndim - 1 if axis is not None else 0] = width
    out = new(t.face, UINT8, t.ndim if axis is not None else 1, shape)
    bits = <unsigned char*>out.data
    memset(bits, 0, out.size)
    for row in range(t.size // n):
        for i in range(n):
            bits[row * width + (i >> 3)] |= (t.data[row * n + i] != 0) << (
                i & 7 if little else 7 - (i & 7))
    return out


def unpacked_bits(x, axis, bint little):
    """The bits of a uint8 array as zeros and ones; None for other inputs. See `packed_bits`.

    Examples
    --------
    >>> from microlazy import np
    >>> np.unpackbits(np.array([160], dtype="uint8"))
    array([1, 0, 1, 0, 0, 0, 0, 0], dtype=uint8)
    """
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef Tensor t, out
    cdef Py_ssize_t n, i
    if not isinstance(x, Tensor) or not state().plain:
        return None
    t = <Tensor>x
    if t.dtype != UINT8 or not t.contiguous or t.abstract or not 0 < t.size <= FEW:
        return None
    n = bits_along(t, axis, shape)
    if not n:
        return None
    shape[t.ndim - 1 if axis is not None else 0] = 8 * n
    out = new(t.face, UINT8, t.ndim if axis is not None else 1, shape)
    for i in range(out.size):
        out.data[i] = (<unsigned char>t.data[i >> 3] >> (i & 7 if little else 7 - (i & 7))) & 1
    return out


cdef Py_ssize_t bits_along(Tensor t, object axis, Py_ssize_t* shape) noexcept:
    """The elements of a row along the last axis, or in all; 0 for another axis."""
    cdef int i
    if axis is None:
        return t.size
    if type(axis) is not int or t.ndim == 0 or (axis != -1 and axis != t.ndim - 1):
        return 0
    for i in range(t.ndim):
        shape[i] = t.shape_[i]
    return t.shape_[t.ndim - 1]
