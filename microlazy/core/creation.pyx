"""Arrays of numbers in a row, of ones on diagonals, and like other arrays, and their dtypes.

Only the usual arguments are taken here, Python's numbers and the default dtype; a function returns
None for others, and its caller asks NumPy.
"""

from cython.parallel cimport prange
from libc.math cimport M_PI, ceil, cos, log10, pow
from libc.string cimport memcpy, memset
from microlazy.core.loops.elementwise cimport fill
from microlazy.core.loops.integers cimport set_integer
from microlazy.core.ops.cast cimport promoted
from microlazy.core.parallel cimport CHUNK, LIGHT_GRAIN, threads
from microlazy.core.tape cimport put
from microlazy.core.tensor cimport (
    BOOL, FLOAT32, FLOAT64, INT32, INT64, MAX_NDIM, NP, Tensor, allocate, current_device, device_of,
    dtype_number, header, is_float, itemsize, new, numpy_dtype, parse_shape, view_numpy,
)

cdef double EXACT = <double>((<long long>1) << 52)      # whose sums a double holds
cdef Py_ssize_t MANY = <Py_ssize_t>1 << 24              # what is as large is NumPy's to make


cdef bint is_plain(object number):
    return type(number) is int or type(number) is float


cdef bint bounds(object start, object stop, double* first, double* last) except -1:
    """Read two numbers that a double holds exactly; False if they are others."""
    if not is_plain(start) or not is_plain(stop):
        return False
    if not (-EXACT <= start <= EXACT and -EXACT <= stop <= EXACT):
        return False
    first[0], last[0] = start, stop
    return True


def arange(start, stop, step):
    """The float32 numbers of numpy.arange, computed in float64.

    Examples
    --------
    >>> from microlazy.core.creation import arange
    >>> arange(1, 2.5, 0.5)
    array([1. , 1.5, 2. ])
    """
    cdef double first, last, by, unused, delta
    cdef Py_ssize_t n, i
    cdef Tensor x
    cdef float* out
    if stop is None:
        start, stop = 0, start
    if not bounds(start, stop, &first, &last) or not bounds(step, 0, &by, &unused):
        return None
    if by == 0 or current_device():
        return None
    delta = (last - first) / by
    if not delta < MANY or (delta == 0 and first != last):
        return None
    n = <Py_ssize_t>ceil(delta) if delta > 0 else 0
    x = new(NP, FLOAT32, 1, &n)
    out = <float*>x.data
    delta = (first + by) - first          # as NumPy, whose second number is exactly first + by
    for i in range(n):
        out[i] = <float>(first + i * delta)
    if n > 1:
        out[1] = <float>(first + by)
    return x


def whole_numbers(Py_ssize_t n):
    """The numbers from 0 to before n, as int64.

    Examples
    --------
    >>> from microlazy.core.creation import whole_numbers
    >>> whole_numbers(3)
    array([0, 1, 2], dtype=int64)
    """
    cdef Tensor x = new(NP, INT64, 1, &n)
    cdef Py_ssize_t i
    for i in range(n):
        (<long long*>x.data)[i] = i
    return x


def linspace(start, stop, num):
    """The float32 numbers of numpy.linspace, computed in float64.

    Examples
    --------
    >>> from microlazy.core.creation import linspace
    >>> linspace(0, 1, 3)
    array([0. , 0.5, 1. ])
    """
    cdef double first, last, step
    cdef Py_ssize_t n, i
    cdef Tensor x
    cdef float* out
    if type(num) is not int or not 1 < num < MANY or current_device():
        return None
    if not bounds(start, stop, &first, &last):
        return None
    n = num
    step = (last - first) / (n - 1)
    if step == 0:
        return None
    x = new(NP, FLOAT32, 1, &n)
    out = <float*>x.data
    for i in range(n - 1):
        out[i] = <float>(i * step + first)
    out[n - 1] = <float>last
    return x


def powers(start, stop, num, base):
    """The float32 numbers of numpy.logspace, computed in float64.

    Examples
    --------
    >>> from microlazy.core.creation import powers
    >>> powers(0, 2, 3, 10)
    array([  1.,  10., 100.])
    """
    cdef double first, last, root, unused
    if not bounds(start, stop, &first, &last) or not bounds(base, 0, &root, &unused) or root <= 0:
        return None
    return powers_between(first, last, num, root)


cdef Tensor powers_between(double first, double last, object num, double base):
    cdef double step
    cdef Py_ssize_t n, i
    cdef Tensor x
    if type(num) is not int or not 1 < num < MANY or current_device():
        return None
    n = num
    step = (last - first) / (n - 1)
    if step == 0:
        return None
    x = new(NP, FLOAT32, 1, &n)
    for i in range(n):
        (<float*>x.data)[i] = <float>pow(base, i * step + first if i < n - 1 else last)
    return x


def geometric(start, stop, num):
    """The float32 numbers of numpy.geomspace from one positive number to another.

    Examples
    --------
    >>> from microlazy.core.creation import geometric
    >>> geometric(1, 8, 4)
    array([1., 2., 4., 8.])
    """
    cdef double first, last
    cdef Tensor x
    if not bounds(start, stop, &first, &last) or first <= 0 or last <= 0:
        return None
    x = powers_between(log10(first), log10(last), num, 10)
    if x is not None:
        (<float*>x.data)[0] = <float>first
        (<float*>x.data)[x.size - 1] = <float>last
    return x


def window(str name, M):
    """The float32 numbers of numpy's window of that name, computed in float64.

    Examples
    --------
    >>> from microlazy.core.creation import window
    >>> window("bartlett", 3)
    array([0., 1., 0.])
    """
    cdef Py_ssize_t n, i
    cdef double place, angle, value
    cdef Tensor x
    if type(M) is not int or not 1 < M < MANY or current_device():
        return None
    n = M
    x = new(NP, FLOAT32, 1, &n)
    for i in range(n):
        place = <double>(2 * i + 1 - n)           # from the middle, in half steps
        angle = M_PI * place / (n - 1)
        if name == "hanning":
            value = 0.5 + 0.5 * cos(angle)
        elif name == "hamming":
            value = 0.54 + 0.46 * cos(angle)
        elif name == "blackman":
            value = 0.42 + 0.5 * cos(angle) + 0.08 * cos(2 * angle)
        else:
            value = 1 + (place if place <= 0 else -place) / (n - 1)
        (<float*>x.data)[i] = <float>value
    return x


def frequencies(n, d, bint half):
    """The float32 numbers of numpy.fft.fftfreq, or of rfftfreq, computed in float64.

    Examples
    --------
    >>> from microlazy.core.creation import frequencies
    >>> frequencies(4, 1, True)
    array([0.  , 0.25, 0.5 ])
    """
    cdef double distance, unused
    cdef Py_ssize_t count, i, places
    cdef Tensor x
    if type(n) is not int or not 0 < n < MANY or not bounds(d, 0, &distance, &unused) or (
            distance == 0 or current_device()):
        return None
    count = n
    places = count // 2 + 1 if half else count
    x = new(NP, FLOAT32, 1, &places)
    for i in range(places):
        (<float*>x.data)[i] = <float>(
            (i if half or i <= (count - 1) // 2 else i - count) * (1.0 / (count * distance)))
    return x


def grid(dimensions):
    """The int32 coordinates of each element of an array of these sizes, an array for each axis.

    Examples
    --------
    >>> from microlazy.core.creation import grid
    >>> grid((1, 2))
    array([[[0, 0]],
           [[0, 1]]], dtype=int32)
    """
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef Py_ssize_t i, inner, size = 1
    cdef int ndim, axis
    cdef Tensor x
    cdef int* out
    if type(dimensions) is not tuple or not 0 < len(dimensions) < MAX_NDIM or current_device():
        return None
    for n in dimensions:
        if type(n) is not int or not 0 <= n < MANY:
            return None
    ndim = parse_shape((len(dimensions), *dimensions), shape)
    for i in range(ndim):
        size *= shape[i]
        if size >= MANY:
            return None
    x = new(NP, INT32, ndim, shape)
    out = <int*>x.data
    inner = size = x.size // shape[0]
    for axis in range(1, ndim):
        inner = inner // shape[axis] if inner else 0
        for i in range(size):
            out[i] = <int>(i // inner % shape[axis])
        out += size
    return x


def diagonal_places(n, ndim):
    """The places of the diagonal along each of `ndim` axes of size n, as int64.

    Examples
    --------
    >>> from microlazy.core.creation import diagonal_places
    >>> diagonal_places(2, 1)
    (array([0, 1], dtype=int64),)
    """
    if type(n) is not int or type(ndim) is not int or not 0 <= n < MANY or not 0 < ndim:
        return None
    return tuple([whole_numbers(n) for _ in range(ndim)])


def on_diagonals(rows, columns, k, bint below):
    """A float32 matrix with ones on its k-th diagonal, or on and below it.

    Examples
    --------
    >>> from microlazy.core.creation import on_diagonals
    >>> on_diagonals(2, 3, 0, True)
    array([[1., 0., 0.],
           [1., 1., 0.]])
    """
    cdef Py_ssize_t[2] shape
    cdef Py_ssize_t i, j, end, offset
    cdef Tensor x
    cdef float* out
    if type(rows) is not int or type(columns) is not int or type(k) is not int or (
            current_device()):
        return None
    if not (0 <= rows < MANY and 0 <= columns < MANY and -MANY < k < MANY
            and rows * columns < MANY):
        return None
    shape[0], shape[1], offset = rows, columns, k
    x = new(NP, FLOAT32, 2, shape)
    memset(x.data, 0, x.size * sizeof(float))
    out = <float*>x.data
    for i in range(shape[0]):
        end = min(i + offset + 1, shape[1])
        for j in range(0 if below else max(<Py_ssize_t>0, i + offset), end):
            out[i * shape[1] + j] = 1
    return x


def triangle_mask(Py_ssize_t rows, Py_ssize_t columns, Py_ssize_t k, bint upper, int face):
    """A matrix of booleans: true on and below its k-th diagonal, or on and above it.

    Examples
    --------
    >>> from microlazy.core.creation import triangle_mask
    >>> triangle_mask(2, 2, 0, True, 1)
    array([[ True,  True],
           [False,  True]])
    """
    cdef Py_ssize_t[2] shape
    cdef Py_ssize_t i, edge
    cdef Tensor x
    cdef char* row
    shape[0], shape[1] = rows, columns
    x = new(face, BOOL, 2, shape)
    for i in range(rows):
        row = x.data + i * columns
        edge = min(max(<Py_ssize_t>0, i + k + (not upper)), columns)      # where it changes
        memset(row, not upper, edge)
        memset(row + edge, upper, columns - edge)
    return x


cdef void repeat_first(Tensor x) noexcept:
    """Copy the first element to all others."""
    cdef Py_ssize_t done = itemsize(x.dtype), nbytes = x.size * done, i
    cdef char* data = x.data
    while done < nbytes and done < CHUNK:
        memcpy(data + done, data, min(done, nbytes - done))
        done += min(done, nbytes - done)
    if done == nbytes:
        return
    for i in prange(1, (nbytes + CHUNK - 1) // CHUNK, nogil=True, schedule="static",
                    num_threads=threads() if nbytes >= LIGHT_GRAIN else 1):
        memcpy(data + i * CHUNK, data, min(<Py_ssize_t>CHUNK, nbytes - i * CHUNK))


cdef int fill_with(Tensor x, object value) except -1:
    """x[...] = value, for an array that was just made."""
    if x.dtype <= FLOAT64:
        return fill(x, value)
    if not is_float(x.dtype) and type(value) in (int, bool) and x.size and set_integer(x, value):
        repeat_first(x)
        return 0
    view_numpy(x)[...] = value
    return 0


def constant_like(x, value, dtype=None):
    """An array of one value, of an array's shape, face and dtype, or another, beside it.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.creation import constant_like
    >>> constant_like(np.ones(2), 0), constant_like(np.ones(2), True, "bool")
    (array([0., 0.]), array([ True,  True]))
    """
    cdef Tensor t = x
    return made_like(t, t.face, t.dtype if dtype is None else dtype_number(dtype), value)


cdef Tensor made_like(Tensor t, int face, int dtype, object value):
    """Without a value the memory is left as it is."""
    cdef Tensor y = header(face, dtype, t.ndim, t.shape_)
    allocate(y)
    if value is not None:
        fill_with(y, value)
    if device_of(t) != current_device():
        put(y, device_of(t))
    return y


def like_maker(value, slow):
    """A function that makes arrays of one value like others: like one alone here, else by `slow`.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.creation import like_maker
    >>> like_maker(7, None)(np.zeros(2, dtype="int32"))
    array([7, 7], dtype=int32)
    """
    def like(a, dtype=None, order="C", ctx=None, out=None, *, subok=True, shape=None, device=None):
        cdef Py_ssize_t[MAX_NDIM] sizes
        cdef Tensor t
        if isinstance(a, Tensor) and dtype is None and order == "C" and ctx is None and (
                out is None and device is None):
            t = <Tensor>a
            if shape is None:
                return made_like(t, NP, t.dtype, value)
            return made_like(header(NP, t.dtype, parse_shape(shape, sizes), sizes), NP, t.dtype,
                             value) if device_of(t) == 0 else slow(a, shape=shape)
        return slow(a, dtype, order, ctx, out, subok=subok, shape=shape, device=device)

    return like


# ---- dtypes --------------------------------------------------------------------------------------

def promote_types(type1, type2):
    """The dtype of a result of two dtypes, as operators find it.

    Examples
    --------
    >>> from microlazy.core.creation import promote_types
    >>> promote_types("float32", "int64")
    dtype('float32')
    """
    return numpy_dtype(promoted(dtype_number(type1), dtype_number(type2)))


def result_type(items):
    """The dtype of a result of arrays, dtypes and numbers; a number does not widen its kind.

    Examples
    --------
    >>> from microlazy.core.creation import result_type
    >>> result_type(("int8", 2.5))
    dtype('float32')
    """
    cdef int found = -1, own
    cdef bint whole = False, fraction = False
    for item in items:
        if isinstance(item, (bool, int, float)):
            fraction = fraction or isinstance(item, float)
            whole = whole or not isinstance(item, (bool, float))
        else:
            own = dtype_number(item)
            found = own if found < 0 else promoted(found, own)
    if found < 0:
        found = BOOL
    if fraction and not is_float(found):
        found = FLOAT32
    elif whole and found == BOOL:
        found = INT64
    return numpy_dtype(found)
