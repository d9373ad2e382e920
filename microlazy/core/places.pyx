"""Places in arrays: of what is not 0, or is searched for, without NumPy; and what is close.

Only the usual arguments are taken here; a function returns None for others, and its caller does it
by NumPy or by the recorded way.
"""

from libc.math cimport INFINITY, fabs
from libc.string cimport memcmp, memcpy, memset
from microlazy.core.loops.ordering cimport order_places, sort_few
from microlazy.core.ops.cast cimport cast
from microlazy.core.strided cimport packed
from microlazy.core.tape cimport state
from microlazy.core.tensor cimport (
    BOOL, FLOAT32, FLOAT64, INT32, INT64, MAX_NDIM, NP, Tensor, is_float, itemsize, like, new,
    same_shape,
)


cdef enum:
    SHORT = 32                    # what is put in order by insertion


# ---- what is read --------------------------------------------------------------------------------

cdef Tensor readable(object x):
    """A small array with its elements in order; None for anything else."""
    return in_order(x) if isinstance(x, Tensor) and (<Tensor>x).size <= FEW else None


cdef Tensor in_order(object x):
    """An array with its elements in order; None for what our loops do not read."""
    cdef Tensor t
    if not isinstance(x, Tensor):
        return None
    t = <Tensor>x
    if t.abstract or (is_float(t.dtype) and t.dtype > FLOAT64):
        return None
    return packed(t)


cdef Tensor numbers_as(Tensor a, object items):
    """Python's integers, and for arrays of floats its floats, as an array of a's dtype."""
    cdef Py_ssize_t n = len(items), i
    cdef Tensor values
    cdef double number
    cdef long long whole
    if n > FEW or a.dtype not in (FLOAT32, FLOAT64, INT32, INT64):
        return None
    values = new(a.face, a.dtype, 1, &n)
    for i in range(n):
        item = items[i]
        if type(item) is int:
            if not -0x80000000 <= item <= 0x7fffffff:
                return None
        elif type(item) is not float or not is_float(a.dtype):
            return None
        if is_float(a.dtype):
            number = item
            if a.dtype == FLOAT32:
                (<float*>values.data)[i] = <float>number
            else:
                (<double*>values.data)[i] = number
        else:
            whole = item
            if a.dtype == INT32:
                (<int*>values.data)[i] = <int>whole
            else:
                (<long long*>values.data)[i] = whole
    return values


# ---- what is not 0 -------------------------------------------------------------------------------

cdef inline bint holds(const char* data, int dtype, Py_ssize_t i) noexcept nogil:
    """Whether element i is not 0."""
    if dtype == FLOAT32:
        return (<const float*>data)[i] != 0
    if dtype == FLOAT64:
        return (<const double*>data)[i] != 0
    if dtype == INT64:
        return (<const long long*>data)[i] != 0
    if dtype == INT32:
        return (<const int*>data)[i] != 0
    return data[i] != 0


cdef Py_ssize_t count_of(Tensor t) noexcept:
    cdef Py_ssize_t i, n = 0
    for i in range(t.size):
        n += holds(t.data, t.dtype, i)
    return n


def flat_nonzero(x):
    """The places of the elements that are not 0 in the flat array, as int64.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.places import flat_nonzero
    >>> flat_nonzero(np.array([[0, 1], [2, 0]]))
    array([1, 2], dtype=int64)
    """
    cdef Tensor t = in_order(x)
    return None if t is None else flat_places(t)


cdef Tensor flat_places(Tensor t):
    cdef Py_ssize_t n, i, found = 0
    cdef Tensor places
    if t.size > FEW:
        from microlazy.core.loops.counting import places_by_axis
        return places_by_axis(t, True)[0]
    n = count_of(t)
    places = new(NP, INT64, 1, &n)
    for i in range(t.size):
        if holds(t.data, t.dtype, i):
            (<long long*>places.data)[found] = i
            found += 1
    return places


def nonzero(x):
    """The places of the elements that are not 0: a tuple of int64 arrays, one for each axis.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.places import nonzero
    >>> nonzero(np.array([[0, 1], [2, 0]]))
    (array([0, 1], dtype=int64), array([1, 0], dtype=int64))
    """
    cdef Tensor t = in_order(x), places, axis
    cdef long long* flat
    cdef Py_ssize_t i
    cdef int k
    cdef list found = []
    if t is None or t.ndim == 0:          # which NumPy refuses
        return None
    if t.size > FEW:
        from microlazy.core.loops.counting import places_by_axis
        return places_by_axis(t, False)
    places = flat_places(t)
    if t.ndim == 1:
        return (places,)
    flat = <long long*>places.data
    for k in range(t.ndim - 1, 0, -1):
        axis = like(places)
        for i in range(places.size):
            (<long long*>axis.data)[i] = flat[i] % t.shape_[k]
            flat[i] //= t.shape_[k]
        found.append(axis)
    found.append(places)
    return tuple(found[::-1])


def coordinates(x):
    """The coordinates of the elements that are not 0, a row of int64 for each.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.places import coordinates
    >>> coordinates(np.array([[0, 1], [2, 0]]))
    array([[0, 1],
           [1, 0]], dtype=int64)
    """
    cdef Tensor t = in_order(x), places, rows
    cdef Py_ssize_t[2] shape
    cdef long long* row
    cdef long long flat
    cdef Py_ssize_t i
    cdef int k
    if t is None or t.ndim == 0:
        return None
    if t.size > FEW:
        from microlazy.core.loops.counting import coordinates as coordinates_of_many
        return coordinates_of_many(t)
    places = flat_places(t)
    shape[0], shape[1] = places.size, t.ndim
    rows = new(NP, INT64, 2, shape)
    for i in range(places.size):
        flat = (<long long*>places.data)[i]
        row = <long long*>rows.data + i * t.ndim
        for k in range(t.ndim - 1, -1, -1):
            row[k] = flat % t.shape_[k]
            flat //= t.shape_[k]
    return rows


def count_along(x, axis, bint keepdims):
    """How many elements along an axis are not 0, as int64; None for other inputs.

    Examples
    --------
    >>> from microlazy import np
    >>> np.count_nonzero(np.array([[0, 1], [2, 3]]), axis=1)
    array([1, 2], dtype=int64)
    """
    cdef Tensor t = readable(x), counts
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef Py_ssize_t n, step = 1, i, k, first
    cdef int ndim = 0, place, j
    if t is None or not t.size or type(axis) is not int or not -t.ndim <= axis < t.ndim or (
            not state().plain):
        return None
    place = axis if axis >= 0 else axis + t.ndim
    for j in range(t.ndim):
        if j > place:
            step *= t.shape_[j]
        if j != place or keepdims:
            shape[ndim] = 1 if j == place else t.shape_[j]
            ndim += 1
    n = t.shape_[place]
    counts = new(t.face, INT64, ndim, shape)
    for i in range(counts.size):
        first = i // step * n * step + i % step
        (<long long*>counts.data)[i] = 0
        for k in range(n):
            (<long long*>counts.data)[i] += holds(t.data, t.dtype, first + k * step)
    return counts


# ---- counting and searching ----------------------------------------------------------------------

def bincount(x, weights, minlength):
    """How often each number from 0 on occurs, or the sums of its weights; None for other inputs.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.places import bincount
    >>> bincount(np.array([0.5]), None, 0) is None
    True
    """
    cdef Tensor t = in_order(x), w = None, counts
    cdef Py_ssize_t n = 0, i
    cdef long long place
    if t is None or t.ndim != 1 or is_float(t.dtype) or not state().plain or (
            type(minlength) is not int or not 0 <= minlength <= FEW):
        return None
    if weights is not None:
        w = in_order(weights)
        if w is None or w.ndim != 1 or w.size != t.size or w.face != t.face:
            return None
    n = minlength
    if t.size > FEW:
        if t.dtype not in (INT32, INT64) or (w is not None and not is_float(w.dtype)):
            return None
        from microlazy.core.loops.counting import occurrences
        counts = occurrences(t, w, n, FEW)
        if counts is None:
            return None
    else:
        for i in range(t.size):
            place = whole_at(t, i)
            if not 0 <= place < FEW:
                return None
            n = max(n, <Py_ssize_t>place + 1)
        counts = new(t.face, INT64 if w is None else FLOAT64, 1, &n)
        memset(counts.data, 0, n * sizeof(double))
        for i in range(t.size):
            if w is None:
                (<long long*>counts.data)[whole_at(t, i)] += 1
            else:
                (<double*>counts.data)[whole_at(t, i)] += number_at(w, i)
    if w is not None:
        return counts if w.dtype == FLOAT64 else cast(counts, FLOAT32)
    return cast(counts, INT32) if t.dtype == INT32 else counts


cdef inline bint before(double a, double b) noexcept nogil:
    """Whether a stands before b in order, where nan comes last."""
    return a < b or (b != b and a == a)


def searchsorted(a, v, bint right, bint ascending):
    """Where numbers belong in a sorted vector, before equal ones or behind; None for other inputs.

    Parameters
    ----------
    a, v : arrays
        Of float32 or float64; `a` may be a list of numbers.
    right : bool
    ascending : bool
        Whether to look first that `a` is in ascending order: else None.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.places import searchsorted
    >>> searchsorted(np.array([3., 1.]), np.array([2.]), False, True) is None
    True
    """
    cdef Tensor t = in_order(v), line, places
    cdef Py_ssize_t low, high, middle, i
    cdef double x
    line = numbers_as(t, a) if type(a) is list and t is not None else in_order(a)
    if line is None or t is None or line.ndim != 1 or not is_float(line.dtype) or (
            not is_float(t.dtype) or line.face != t.face or not state().plain):
        return None
    if ascending:
        for i in range(1, line.size):
            if not number_at(line, i - 1) <= number_at(line, i):
                return None
    if t.size > FEW and line.dtype == t.dtype:
        from microlazy.core.loops.counting import goals
        return goals(line, t, right)
    places = new(t.face, INT64, t.ndim, t.shape_)
    for i in range(t.size):
        x = number_at(t, i)
        low, high = 0, line.size
        while low < high:
            middle = (low + high) >> 1
            if not before(x, number_at(line, middle)) if right else (
                    before(number_at(line, middle), x)):
                low = middle + 1
            else:
                high = middle
        (<long long*>places.data)[i] = low
    return places


def argsort(x, int axis, bint descending):
    """The places of the elements in order along an axis; None for other inputs.

    Examples
    --------
    >>> from microlazy import np
    >>> np.argsort(np.array([3., 1., 2.]))
    array([1, 2, 0], dtype=int64)
    """
    cdef Tensor t = readable(x), places
    cdef long long[FEW] line, spare
    cdef Py_ssize_t n, step = 1, i, j, first
    if t is None or not t.size or not 0 <= axis < t.ndim or not state().plain:
        return None
    n = t.shape_[axis]
    for i in range(axis + 1, t.ndim):
        step *= t.shape_[i]
    places = new(t.face, INT64, t.ndim, t.shape_)
    for i in range(t.size // n):
        first = i // step * step * n + i % step
        for j in range(n):
            line[j] = j
        order_places(t.data + first * itemsize(t.dtype), t.dtype, step, n, descending, line, spare)
        for j in range(n):
            (<long long*>places.data)[first + j * step] = line[j]
    return places


def sort(x, int axis):
    """The elements in order along an axis of few; None for other inputs, and where recorded.

    Examples
    --------
    >>> from microlazy import np
    >>> np.sort(np.array([3., 1., 2.]))
    array([1., 2., 3.])
    """
    cdef Tensor t = readable(x), out
    cdef Py_ssize_t n, step = 1, i
    if t is None or not t.size or not 0 <= axis < t.ndim or not state().plain:
        return None
    n = t.shape_[axis]
    if n > SHORT:
        return None
    for i in range(axis + 1, t.ndim):
        step *= t.shape_[i]
    out = like(t)
    memcpy(out.data, t.data, t.size * itemsize(t.dtype))
    for i in range(t.size // n):
        sort_few(out.data + (i // step * step * n + i % step) * itemsize(t.dtype), t.dtype, step, n)
    return out


def lexsort(keys):
    """The places of vectors in the order of the last one, ties by the one before it; or None.

    Examples
    --------
    >>> from microlazy import np
    >>> np.lexsort((np.array([2., 1., 3.]), np.array([1., 1., 0.])))
    array([2, 1, 0], dtype=int64)
    """
    cdef Tensor t, places = None
    cdef long long[FEW] spare
    cdef Py_ssize_t i
    if type(keys) not in (tuple, list) or not state().plain:
        return None
    for key in keys:
        t = readable(key)
        if t is None or t.ndim != 1 or (places is not None and (
                t.size != places.size or t.face != places.face)):
            return None
        if places is None:
            places = new(t.face, INT64, 1, t.shape_)
            for i in range(t.size):
                (<long long*>places.data)[i] = i
        order_places(t.data, t.dtype, 1, t.size, False, <long long*>places.data, spare)
    return places


# ---- comparing -----------------------------------------------------------------------------------

def isclose(a, b, rtol, atol, bint equal_nan):
    """Whether abs(a - b) <= atol + rtol * abs(b), for each pair; None for other inputs.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.places import isclose
    >>> isclose(np.array([1., 2.]), np.array([1.]), 1e-5, 1e-8, False) is None
    True
    """
    cdef Tensor x = in_order(a), y = in_order(b), found
    cdef double relative, absolute, first, second, distance
    cdef Py_ssize_t i
    if x is None or y is None or x.dtype != y.dtype or not is_float(x.dtype) or (
            not same_shape(x, y) or x.face != y.face or type(rtol) is not float
            or type(atol) is not float or not state().plain):
        return None
    relative, absolute = rtol, atol
    if x.size > FEW:
        from microlazy.core.loops.counting import close
        return close(x, y, relative, absolute, equal_nan)
    found = new(x.face, BOOL, x.ndim, x.shape_)
    for i in range(x.size):
        first, second = number_at(x, i), number_at(y, i)
        distance = first - second
        if x.dtype == FLOAT32:
            distance = <float>distance
        found.data[i] = first == second or (
            fabs(distance) <= absolute + relative * fabs(second) and fabs(second) < INFINITY) or (
            equal_nan and first != first and second != second)
    return found


def array_equal(a, b):
    """Whether two arrays have one shape and equal elements; None for other inputs.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.places import array_equal
    >>> array_equal(np.zeros(2), np.zeros(2))
    True
    """
    cdef Tensor x = readable(a), y = readable(b)
    cdef Py_ssize_t i
    if x is None or y is None or x.dtype != y.dtype:
        return None
    if not same_shape(x, y):
        return False
    if not is_float(x.dtype):
        return memcmp(x.data, y.data, x.size * itemsize(x.dtype)) == 0
    for i in range(x.size):
        if number_at(x, i) != number_at(y, i):
            return False
    return True
