# The same elements in other shapes; arrays joined and cut.

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


def kron(a, b):
    """Blocks of b, scaled by the elements of a: a product of both, with each axis twice."""
    cdef Tensor x = array_of(a, "kron"), y = array_of(b, "kron")
    cdef Py_ssize_t[MAX_NDIM] outside, inside, merged
    cdef int ndim = max(x.ndim, y.ndim), i
    if 2 * ndim > MAX_NDIM:
        raise ShapeError(f"kron: arrays may have at most {MAX_NDIM // 2} axes, but one has {ndim}")
    for i in range(ndim):
        outside[2 * i] = x.shape_[i - ndim + x.ndim] if i >= ndim - x.ndim else 1
        inside[2 * i + 1] = y.shape_[i - ndim + y.ndim] if i >= ndim - y.ndim else 1
        outside[2 * i + 1] = inside[2 * i] = 1
        merged[i] = outside[2 * i] * inside[2 * i + 1]
    x, y = reshape_to(x, 2 * ndim, outside), reshape_to(y, 2 * ndim, inside)
    return reshape_to(binary(BINARY["multiply"], x, y), ndim, merged)


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
    pieces = recorded_parts(t, place, edges, False)
    if pieces is None:
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
    cdef list parts = recorded_parts(t, place, list(range(t.shape_[place] + 1)), True)
    if parts is not None:
        return tuple(parts)
    parts = []
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
