"""Numbers written at places of arrays, without NumPy.

Only the usual arguments are taken here; a function returns False for others, and its caller does it
by NumPy or by the recorded way.
"""

from libc.string cimport memcpy
from microlazy.core.ops.cast cimport cast
from microlazy.core.ops.rewrite cimport rewrites
from microlazy.core.places cimport flat_places, in_order, numbers_as, readable
from microlazy.core.strided cimport overlap, packed
from microlazy.core.tape cimport may_write, wrote
from microlazy.core.tensor cimport BOOL, INT64, NP, Tensor, is_float, itemsize, like, new


cdef Tensor values_for(Tensor a, object v):
    """The numbers to be written into `a`, packed, in its dtype; None if they are others."""
    cdef Tensor values
    if isinstance(v, Tensor):
        values = <Tensor>v
        if values.abstract or values.face != a.face or overlap(a, values) or (
                values.dtype != a.dtype and not is_float(a.dtype)):
            return None
        return packed(cast(values, a.dtype))
    return numbers_as(a, v if type(v) in (list, tuple) else (v,))


cdef Tensor places_for(object places):
    """Places as packed int64; None if they are no integers, or many."""
    cdef Tensor found
    if isinstance(places, Tensor):
        found = readable(places)
        if found is None or is_float(found.dtype) or found.dtype == BOOL:
            return None
        return cast(found, INT64)
    return numbers_as(new(NP, INT64, 0, NULL),
                      places if type(places) in (list, tuple) else (places,))


cdef bint writable(object x, object v) except -1:
    """Whether x takes a write that the graph has no part in, with its elements in order."""
    cdef Tensor a
    if not isinstance(x, Tensor):
        return False
    a = <Tensor>x
    return a.contiguous and not a.abstract and a.size and not rewrites(
        a, <Tensor>v if isinstance(v, Tensor) else None)


cdef int write(Tensor a, Tensor places, Tensor values, bint own_places) except -1:
    """Write at places of the flat array, all of which are in it: values in a row, repeated.

    With `own_places` each value comes from its own place instead.
    """
    cdef int size = itemsize(a.dtype)
    may_write(a)
    if size == 1:
        write_items(a.data, places, values.data, values.size, own_places)
    elif size == 4:
        write_items(<int*>a.data, places, <const int*>values.data, values.size, own_places)
    else:
        write_items(<long long*>a.data, places, <const long long*>values.data, values.size,
                    own_places)
    wrote(a)
    return 0


ctypedef fused item:                  # of any dtype of its size
    char
    int
    long long


cdef void write_items(item* x, Tensor places, const item* values, Py_ssize_t n,
                      bint own_places) noexcept:
    cdef const long long* flat = <const long long*>places.data
    cdef Py_ssize_t i
    for i in range(places.size):
        x[flat[i]] = values[(flat[i] if own_places else i) % n]


def put(a, ind, v) -> bool:
    """Write values at places of the flat array; False if that is not done here.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.puts import put
    >>> x = np.zeros(4)
    >>> put(x, [0, -2], [7, 8]), x
    (True, array([7., 0., 8., 0.]))
    """
    cdef Tensor x, places, values
    cdef long long* flat
    cdef Py_ssize_t i
    if not writable(a, v):
        return False
    x, places = a, places_for(ind)
    if places is None:
        return False
    values = values_for(x, v)
    if values is None or not values.size:
        return False
    if isinstance(ind, Tensor):
        places = like_of(places)
    flat = <long long*>places.data
    for i in range(places.size):
        if flat[i] < 0:
            flat[i] += x.size
        if not 0 <= flat[i] < x.size:
            return False
    write(x, places, values, False)
    return True


cdef Tensor like_of(Tensor places):
    """A copy, to be changed."""
    cdef Tensor copy = like(places)
    memcpy(copy.data, places.data, places.size * sizeof(long long))
    return copy


def put_where(a, mask, v, bint own_places) -> bool:
    """Write values where a mask is true, one after the other; False if that is not done here.

    With `own_places` each value comes from the place of its element.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.puts import put_where
    >>> x = np.array([1., 2., 3.])
    >>> put_where(x, x > 1, [7., 8., 9.], True), x
    (True, array([1., 8., 9.]))
    """
    cdef Tensor x, values, marks = in_order(mask)
    if marks is None or not writable(a, v):
        return False
    x = a
    if marks.size != x.size:
        return False
    values = values_for(x, v)
    if values is None or not values.size:
        return False
    write(x, flat_places(marks), values, own_places)
    return True


def put_diagonal(a, v) -> bool:
    """Write values on the diagonal of a matrix; False if that is not done here.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.puts import put_diagonal
    >>> x = np.zeros((2, 2))
    >>> put_diagonal(x, 5), x
    (True, array([[5., 0.],
           [0., 5.]]))
    """
    cdef Tensor x, values, places
    cdef Py_ssize_t n, i
    if not writable(a, v):
        return False
    x = a
    values = values_for(x, v)
    if x.ndim != 2 or values is None or not values.size:
        return False
    n = min(x.shape_[0], x.shape_[1])
    places = new(NP, INT64, 1, &n)
    for i in range(n):
        (<long long*>places.data)[i] = i * (x.shape_[1] + 1)
    write(x, places, values, False)
    return True


def put_number_along(a, indices, v, Py_ssize_t axis) -> bool:
    """Write a number at other places along one axis; False if that is not done here.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.puts import put_number_along
    >>> x = np.zeros((2, 2))
    >>> put_number_along(x, np.array([[0], [1]], dtype="int64"), 9, 1), x
    (True, array([[9., 0.],
           [0., 9.]]))
    """
    cdef Tensor x, values, along, places
    cdef Py_ssize_t n, inner = 1, i, row, column, count
    cdef long long place
    cdef int k
    if type(v) not in (int, float) or not writable(a, v):
        return False
    x = a
    values = values_for(x, v)
    along = places_for(indices) if isinstance(indices, Tensor) else None
    if values is None or along is None or along.ndim != x.ndim or not -x.ndim <= axis < x.ndim:
        return False
    axis = axis + x.ndim if axis < 0 else axis
    for k in range(x.ndim):
        if k != axis and along.shape_[k] != x.shape_[k]:
            return False
        if k > axis:
            inner *= x.shape_[k]
    n, count = x.shape_[axis], along.shape_[axis]
    places = like(along)
    for i in range(along.size):
        place = (<long long*>along.data)[i]
        if place < 0:
            place += n
        if not 0 <= place < n:
            return False
        column = i % inner
        row = i // inner // count
        (<long long*>places.data)[i] = (row * n + place) * inner + column
    write(x, places, values, False)
    return True
