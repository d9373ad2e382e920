"""Along a line of a small array: differences, slopes, sums of products and interpolation.

Small arrays of float32 and float64 alone, but for `ediff1d`; a function returns None for others, or
where the result must be recorded, and its caller computes it from recorded operations, to the same
bits.
"""

from libc.math cimport isfinite
from libc.string cimport memcpy
from microlazy.core.kernels.table cimport B_SUBTRACT
from microlazy.core.loops.elementwise cimport compute_binary
from microlazy.core.ops.numpy_call cimport Direct
from microlazy.core.places cimport FEW, in_order, number_at, readable
from microlazy.core.strided cimport packed
from microlazy.core.tape cimport state
from microlazy.core.tensor cimport (
    BOOL, FLOAT64, INT64, MAX_NDIM, Tensor, header, itemsize, look_at, new,
)


cdef Tensor floats(object x):
    """A small array of float32 or float64, packed; None for anything else, or while recording."""
    cdef Tensor t = readable(x) if state().plain else None
    return t if t is not None and t.dtype <= FLOAT64 else None


cdef Tensor any_floats(object x):
    """As `floats`, of any size."""
    cdef Tensor t = in_order(x) if state().plain else None
    return t if t is not None and t.dtype <= FLOAT64 else None


cdef Tensor vector(object x):
    """As `floats`, of one axis and not empty."""
    cdef Tensor t = floats(x)
    return t if t is not None and t.ndim == 1 and t.size else None


cdef bint alike(Tensor a, Tensor b) noexcept:
    return a is not None and b is not None and a.dtype == b.dtype and a.face == b.face


cdef Py_ssize_t distance(Tensor t, int axis) noexcept:
    """How many elements lie between neighbours along an axis."""
    cdef Py_ssize_t step = 1
    cdef int i
    for i in range(axis + 1, t.ndim):
        step *= t.shape_[i]
    return step


def diff(x, axis):
    """The differences of neighbours along an axis; of booleans, whether they differ.

    Examples
    --------
    >>> from microlazy import np
    >>> np.diff(np.array([1., 4., 9.]))
    array([3., 5.])
    """
    cdef Tensor t = readable(x) if state().plain else None, out
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef Py_ssize_t n, step, i, k, first, into
    cdef int place, j
    if t is None or (t.dtype > FLOAT64 and t.dtype != BOOL) or type(axis) is not int or (
            not -t.ndim <= axis < t.ndim):
        return None
    place = axis if axis >= 0 else axis + t.ndim
    n = t.shape_[place]
    if n < 2 or not t.size:
        return None
    step = distance(t, place)
    for j in range(t.ndim):
        shape[j] = t.shape_[j] - (j == place)
    out = new(t.face, t.dtype, t.ndim, shape)
    for i in range(t.size // n // step):
        first, into = i * n * step, i * (n - 1) * step
        for k in range((n - 1) * step):
            if t.dtype == BOOL:
                out.data[into + k] = t.data[first + k] != t.data[first + k + step]
            else:
                put_number(out, into + k,
                           number_at(t, first + k + step) - number_at(t, first + k))
    return out


cdef Py_ssize_t end_size(object x, Tensor t) noexcept:
    """How many numbers are put at an end: of an array of t's dtype, or one; -1 for others."""
    cdef Tensor end
    if x is None:
        return 0
    if type(x) is int or type(x) is float:
        return 1
    end = any_floats(x)
    return end.size if alike(end, t) else -1


cdef int put_end(object x, Tensor out, Py_ssize_t start) except -1:
    cdef Tensor end
    if type(x) is int or type(x) is float:
        put_number(out, start, x)
    elif x is not None:
        end = any_floats(x)
        memcpy(out.data + start * itemsize(out.dtype), end.data, end.size * itemsize(out.dtype))
    return 0


cdef Tensor stretch(Tensor t, Py_ssize_t start, Py_ssize_t n):
    """Elements of packed memory in a row, outside of the tape."""
    cdef Tensor part = header(t.face, t.dtype, 1, &n)
    look_at(part, t.block, t.data + start * itemsize(t.dtype))
    return part


def ediff1d(x, to_end, to_begin):
    """The differences of neighbours in the flat array, between other numbers.

    Examples
    --------
    >>> from microlazy import np
    >>> np.ediff1d(np.array([1., 4., 9.]), 0)
    array([3., 5., 0.])
    """
    cdef Tensor t = any_floats(x), out
    cdef Py_ssize_t front, behind, size, n
    if t is None or t.size < 2:
        return None
    n = t.size - 1
    front, behind = end_size(to_begin, t), end_size(to_end, t)
    if front < 0 or behind < 0:
        return None
    size = front + n + behind
    out = new(t.face, t.dtype, 1, &size)
    put_end(to_begin, out, 0)
    compute_binary(B_SUBTRACT, stretch(t, 1, n), stretch(t, 0, n), stretch(out, front, n))
    put_end(to_end, out, front + n)
    return out


def gradient(x):
    """Slopes by central differences along each axis, at the ends by one-sided ones: a list.

    Examples
    --------
    >>> from microlazy import np
    >>> np.gradient(np.array([1., 4., 9., 16.]))
    array([3., 4., 6., 7.])
    """
    cdef Tensor t = floats(x), out
    cdef Py_ssize_t n, step, i, k, before, behind
    cdef double rise
    cdef int axis
    cdef list slopes = []
    if t is None or not t.size:
        return None
    for axis in range(t.ndim):
        n = t.shape_[axis]
        if n < 2:
            return None
        step = distance(t, axis)
        out = new(t.face, t.dtype, t.ndim, t.shape_)
        for i in range(t.size):
            k = i // step % n
            before = i - step if k > 0 else i
            behind = i + step if k < n - 1 else i
            rise = rounded(t, number_at(t, behind) - number_at(t, before))
            put_number(out, i, rise / 2 if 0 < k < n - 1 else rise)
        slopes.append(out)
    return slopes


cdef class Convolution(Direct):
    """numpy.convolve of a vector and one that is not longer; few are summed here, in double.

    Parameters
    ----------
    slow : callable
        ``slow(a, v, mode)``, what convolves others.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.lines import Convolution
    >>> from microlazy.core.ops.numpy_call import call_shaped
    >>> vectors = [np.array([1., 2., 3.]), np.array([1., 1.])]
    >>> call_shaped(Convolution(None), vectors, (4,), "float32", {"mode": "full"})
    array([1., 3., 5., 3.])
    """

    cdef bint into(self, list inputs, dict options, Tensor out) except -1:
        cdef Tensor x = inputs[0], y = inputs[1]
        if x.dtype > FLOAT64 or x.dtype != y.dtype or out.dtype != x.dtype or (
                x.size * y.size > 4 * FEW or x.size > FEW):
            return False
        convolve_into(packed(x), packed(y), options["mode"], True, out)
        return True


def convolve(a, v, mode, bint reverse):
    """numpy.convolve; numpy.correlate if the second vector, which is not longer, is not reversed.

    Examples
    --------
    >>> from microlazy import np
    >>> np.correlate(np.array([1., 2., 3.]), np.array([0., 1.]))
    array([2., 3.])
    """
    cdef Tensor x = vector(a), y = vector(v), out
    cdef Py_ssize_t n
    if not alike(x, y) or x.size * y.size > 4 * FEW or (x.size < y.size and not reverse):
        return None
    if x.size < y.size:
        x, y = y, x
    if mode == "full":
        n = x.size + y.size - 1
    elif mode == "same":
        n = x.size
    elif mode == "valid":
        n = x.size - y.size + 1
    else:
        return None
    out = new(x.face, x.dtype, 1, &n)
    convolve_into(x, y, mode, reverse, out)
    return out


cdef int convolve_into(Tensor x, Tensor y, str mode, bint reverse, Tensor out) except -1:
    cdef double[FEW] first, second            # the latter as it is moved along the other
    cdef Py_ssize_t n = x.size, m = y.size, start, i, j, k
    start = m - 1 if mode == "full" else m // 2 if mode == "same" else 0
    for i in range(n):
        first[i] = number_at(x, i)
    for j in range(m):
        second[j] = number_at(y, m - 1 - j if reverse else j)
    for i in range(out.size):
        k = i - start                         # where the second one lies along the first
        j = max(<Py_ssize_t>0, -k)
        put_number(out, i, product(first + k + j, second + j, min(m, n - k) - j))
    return 0


cdef double product(const double* x, const double* y, Py_ssize_t n) noexcept nogil:
    """The sum of products, by four sums of which none waits for another."""
    cdef double a = 0, b = 0, c = 0, d = 0
    cdef Py_ssize_t i = 0
    while i + 4 <= n:
        a += x[i] * y[i]
        b += x[i + 1] * y[i + 1]
        c += x[i + 2] * y[i + 2]
        d += x[i + 3] * y[i + 3]
        i += 4
    while i < n:
        a += x[i] * y[i]
        i += 1
    return (a + b) + (c + d)


def interp(x, xp, fp):
    """Values between the points of a curve, whose places ascend, and those at its ends outside.

    Examples
    --------
    >>> from microlazy import np
    >>> np.interp(np.array([0.5, 9.]), np.array([0., 1.]), np.array([3., 4.]))
    array([3.5, 4. ])
    """
    cdef Tensor t = floats(x), places = vector(xp), values = vector(fp), out
    cdef Py_ssize_t n, low, high, middle, i
    cdef double at, value
    if not alike(t, places) or not alike(t, values) or places.size != values.size:
        return None
    n = places.size
    for i in range(1, n):
        if not number_at(places, i - 1) <= number_at(places, i):
            return None
    out = new(t.face, t.dtype, t.ndim, t.shape_)
    for i in range(t.size):
        at = number_at(t, i)
        low, high = 0, n          # the first place behind is between the two
        while low < high:
            middle = (low + high) >> 1
            if number_at(places, middle) <= at:
                low = middle + 1
            else:
                high = middle
        if low == 0:
            value = number_at(values, 0)
        elif at > number_at(places, n - 1) or n == 1:
            value = number_at(values, n - 1)
        else:
            low = min(low, n - 1) - 1
            value = between(t, at - number_at(places, low), number_at(values, low),
                            number_at(values, low + 1) - number_at(values, low),
                            number_at(places, low + 1) - number_at(places, low))
        if not isfinite(at) or not isfinite(value):
            return None
        put_number(out, i, value)
    return out


cdef double between(Tensor t, double way, double start, double rise, double width) noexcept:
    """Where a straight line is that begins at `start`, each step rounded."""
    cdef double slope = rounded(t, rounded(t, rise) / rounded(t, width))
    return rounded(t, start + rounded(t, rounded(t, way) * slope))


def extreme(x, axis, bint largest):
    """The largest or smallest number along an axis, or of all for None, where nan is none.

    Examples
    --------
    >>> from microlazy import np
    >>> np.nanmax(np.array([[1., np.nan], [3., 2.]]), axis=0)
    array([3., 2.])
    """
    return along(x, axis, largest, False)


def place_of_extreme(x, axis, bint largest):
    """The places along an axis, as int64, of what `extreme` finds; None if a line has no number.

    Examples
    --------
    >>> from microlazy import np
    >>> np.nanargmin(np.array([np.nan, 3., 2.]))
    array(2, dtype=int64)
    """
    return along(x, axis, largest, True)


cdef Tensor along(object x, object axis, bint largest, bint places):
    cdef Tensor t = floats(x), out
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef Py_ssize_t n, step, i, k, first, best
    cdef double value, found
    cdef int ndim = 0, place, j
    if t is None or not t.size:
        return None
    if axis is None:
        n, step = t.size, 1
    else:
        if type(axis) is not int or not -t.ndim <= axis < t.ndim:
            return None
        place = axis if axis >= 0 else axis + t.ndim
        n, step = t.shape_[place], distance(t, place)
        for j in range(t.ndim):
            if j != place:
                shape[ndim] = t.shape_[j]
                ndim += 1
    out = new(t.face, INT64 if places else t.dtype, ndim, shape)
    for i in range(t.size // n):
        first = i // step * n * step + i % step
        best = -1
        found = 0
        for k in range(n):
            value = number_at(t, first + k * step)
            if value == value and (best < 0 or (value > found if largest else value < found)):
                best, found = k, value
        if best < 0:
            return None
        if places:
            (<long long*>out.data)[i] = best
        else:
            put_number(out, i, found)
    return out
