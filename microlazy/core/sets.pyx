"""Small arrays as sets, without NumPy; a function returns None for what is NumPy's to do."""

from libc.string cimport memcpy
from microlazy.core.loops.ordering cimport order_places
from microlazy.core.places cimport FEW, number_at, readable, whole_at
from microlazy.core.tape cimport state
from microlazy.core.tensor cimport BOOL, INT64, NP, Tensor, itemsize, like, new

cdef dict PARTS = {               # which of the elements of both are kept: of one, shared, of other
    "union1d": (True, True, True), "intersect1d": (False, True, False),
    "setdiff1d": (True, False, False), "setxor1d": (True, False, True),
}


def distinct(x, order, bint equal_nan):
    """The first places of distinct elements, the way back and the counts; None for other inputs.

    Parameters
    ----------
    x : array
        A vector.
    order : array of int64
        The places of its elements in ascending order, equal ones in their own.
    equal_nan : bool
        Whether one nan is like another.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.sets import distinct
    >>> x = np.array([2., 1., 2.])
    >>> distinct(x, np.argsort(x), True)
    (array([1, 0], dtype=int64), array([1, 0, 1], dtype=int64), array([1, 2], dtype=int64))
    """
    cdef Tensor t = readable(x), ordered = readable(order), first, back, counts
    cdef Py_ssize_t n = 0, i
    cdef long long place
    cdef double value, before_it = 0
    if t is None or ordered is None or t.dtype == INT64 or ordered.dtype != INT64 or (
            ordered.size != t.size):
        return None
    back = new(NP, INT64, 1, &t.size)
    first, counts = like(back), like(back)
    for i in range(t.size):
        place = (<long long*>ordered.data)[i]
        value = number_at(t, place)
        if i == 0 or (value != before_it
                      and not (equal_nan and value != value and before_it != before_it)):
            (<long long*>first.data)[n] = place
            (<long long*>counts.data)[n] = 0
            n += 1
        (<long long*>counts.data)[n - 1] += 1
        (<long long*>back.data)[place] = n - 1
        before_it = value
    return head(first, n), back, head(counts, n)


cdef Tensor head(Tensor x, Py_ssize_t n):
    """The first n elements, copied."""
    cdef Tensor part = new(x.face, x.dtype, 1, &n)
    memcpy(part.data, x.data, n * itemsize(x.dtype))
    return part


cdef bint is_less(Tensor a, Py_ssize_t i, Tensor b, Py_ssize_t j) noexcept:
    """Whether a[i] < b[j], of flat arrays of one dtype."""
    if a.dtype == INT64:
        return whole_at(a, i) < whole_at(b, j)
    return number_at(a, i) < number_at(b, j)


cdef bint is_nan(Tensor a, Py_ssize_t i) noexcept:
    return number_at(a, i) != number_at(a, i)


cdef Py_ssize_t first_places(Tensor t, long long* places) noexcept:
    """The first places of distinct elements, in ascending order, and how many; nan is distinct."""
    cdef long long[FEW] spare
    cdef Py_ssize_t i, n = 0
    for i in range(t.size):
        places[i] = i
    order_places(t.data, t.dtype, 1, t.size, False, places, spare)
    for i in range(t.size):
        if i == 0 or is_less(t, places[n - 1], t, places[i]) or is_nan(t, places[i]):
            places[n] = places[i]
            n += 1
    return n


cdef Tensor taken(Tensor t, const long long* places, Py_ssize_t n):
    cdef Tensor found = new(t.face, t.dtype, 1, &n)
    cdef Py_ssize_t size = itemsize(t.dtype), i
    for i in range(n):
        memcpy(found.data + i * size, t.data + places[i] * size, size)
    return found


cdef Tensor as_array(const long long* places, Py_ssize_t n):
    cdef Tensor found = new(NP, INT64, 1, &n)
    memcpy(found.data, places, n * sizeof(long long))
    return found


def values(x, bint equal_nan):
    """The distinct elements of an array, in ascending order.

    Examples
    --------
    >>> from microlazy import np
    >>> np.unique_values(np.array([2., 1., 2.]))
    array([1., 2.])
    """
    cdef Tensor t = readable(x)
    cdef long long[FEW] places
    cdef Py_ssize_t n
    if t is None or not state().plain:
        return None
    n = first_places(t, places)
    while equal_nan and n > 1 and is_nan(t, places[n - 2]):
        n -= 1
    return taken(t, places, n)


def combined(str kind, a, b, bint with_places=False):
    """The distinct elements of one array, of the other, or of both, in ascending order.

    Parameters
    ----------
    kind : str
        The name of NumPy's function.
    a, b : arrays
        Of one dtype, without nan: else None.
    with_places : bool
        Whether to return also the first places in each array of what they share.

    Examples
    --------
    >>> from microlazy import np
    >>> np.setxor1d(np.array([2., 1., 2.]), np.array([3., 2.]))
    array([1., 3.])
    """
    cdef Tensor x = readable(a), y = readable(b), found
    cdef long long[FEW] first, second
    cdef long long[2 * FEW] both  # places in x, and behind them in y
    cdef Py_ssize_t i = 0, j = 0, n = 0, m, k, size
    cdef bint own, shared, others
    if x is None or y is None or x.dtype != y.dtype or x.face != y.face or not state().plain:
        return None
    own, shared, others = PARTS[kind]
    n, m = first_places(x, first), first_places(y, second)
    if (n and is_nan(x, first[n - 1])) or (m and is_nan(y, second[m - 1])):
        return None
    k = 0
    while i < n or j < m:
        if j == m or (i < n and is_less(x, first[i], y, second[j])):
            if own:
                both[k] = first[i]
                k += 1
            i += 1
        elif i == n or is_less(y, second[j], x, first[i]):
            if others:
                both[k] = x.size + second[j]
                k += 1
            j += 1
        else:
            if shared:
                both[k] = first[i]
                if with_places:
                    first[k], second[k] = first[i], second[j]
                k += 1
            i += 1
            j += 1
    found = new(x.face, x.dtype, 1, &k)
    size = itemsize(x.dtype)
    for i in range(k):
        memcpy(found.data + i * size, x.data + both[i] * size if both[i] < x.size else (
            y.data + (both[i] - x.size) * size), size)
    if with_places:
        return found, as_array(first, k), as_array(second, k)
    return found


def isin(x, others, bint invert):
    """Whether each element is among others, or is not.

    Examples
    --------
    >>> from microlazy import np
    >>> np.isin(np.array([1., 2.]), np.array([2., 3.]))
    array([False,  True])
    """
    cdef Tensor t = readable(x), y = readable(others), found
    cdef long long[FEW] places
    cdef Py_ssize_t n, i, low, high, middle
    if t is None or y is None or t.dtype != y.dtype or t.face != y.face or not state().plain:
        return None
    n = first_places(y, places)
    if n and is_nan(y, places[n - 1]):
        return None
    found = new(t.face, BOOL, t.ndim, t.shape_)
    for i in range(t.size):
        low, high = 0, n
        while low < high:
            middle = (low + high) >> 1
            if is_less(y, places[middle], t, i):
                low = middle + 1
            else:
                high = middle
        found.data[i] = (low < n and not is_less(t, i, y, places[low]) and not is_nan(t, i)
                         ) != invert
    return found
