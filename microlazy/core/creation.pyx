"""Arrays of numbers in a row, of ones on diagonals, and like other arrays, and their dtypes.

Only the usual arguments are taken here, Python's numbers and the default dtype; a function returns
None for others, and its caller asks NumPy.
"""

from libc.math cimport ceil
from libc.string cimport memcpy, memset
from microlazy.core.loops.elementwise cimport fill
from microlazy.core.loops.integers cimport set_integer
from microlazy.core.ops.cast cimport promoted
from microlazy.core.tape cimport put
from microlazy.core.tensor cimport (
    BOOL, FLOAT32, FLOAT64, INT64, MAX_NDIM, NP, Tensor, allocate, current_device, device_of,
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


cdef int fill_with(Tensor x, object value) except -1:
    """x[...] = value, for an array that was just made."""
    cdef Py_ssize_t i, size = itemsize(x.dtype)
    if x.dtype <= FLOAT64:
        return fill(x, value)
    if not is_float(x.dtype) and type(value) in (int, bool) and x.size and set_integer(x, value):
        for i in range(1, x.size):
            memcpy(x.data + i * size, x.data, size)
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
