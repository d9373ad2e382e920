"""What is not 0, what is close, and what lies in bins: counted and found by all threads.

An array is cut into pieces. Those that are not 0 are counted piece by piece first, so that each
piece's places can be written where they belong. All arrays are packed. Only large ones come here,
so that it is imported when one does.
"""

from cython.parallel cimport prange
from libc.math cimport INFINITY, fabs
from libc.stdint cimport int32_t, int64_t
from libc.string cimport memcpy, memset
from microlazy.core.parallel cimport CHUNK, LIGHT_GRAIN, thread_number, threads
from microlazy.core.tensor cimport (
    BOOL, FLOAT32, FLOAT64, INT32, INT64, MAX_NDIM, ND, NP, Tensor, new,
)

import numpy

ctypedef fused number:
    unsigned char                 # bool, int8 and uint8
    int32_t
    int64_t
    float
    double

ctypedef fused real:
    float
    double

ctypedef fused whole:
    int32_t
    int64_t

cdef enum:
    LINE = 8                      # numbers in a cache line, of which threads share none


cdef inline Py_ssize_t length_of(Py_ssize_t piece, Py_ssize_t n) noexcept nogil:
    return min(<Py_ssize_t>CHUNK, n - piece * CHUNK)


cdef inline int team_for(Py_ssize_t n) noexcept nogil:
    return threads() if n >= LIGHT_GRAIN else 1


# ---- what is not 0 -------------------------------------------------------------------------------

cdef Py_ssize_t count(const number* x, Py_ssize_t n) noexcept nogil:
    cdef int i, found = 0         # as wide as a float, for vector units
    for i in range(<int>n):
        found += x[i] != 0
    return found


cdef void count_pieces(const number* x, Py_ssize_t n, long long* found) noexcept:
    cdef Py_ssize_t i
    for i in prange((n + CHUNK - 1) // CHUNK, nogil=True, schedule="static",
                    num_threads=team_for(n)):
        found[i] = count(x + i * CHUNK, length_of(i, n))


cdef Tensor counts_before(Tensor x):
    """How many elements are not 0 before each piece, and in all of them."""
    cdef Py_ssize_t pieces = (x.size + CHUNK - 1) // CHUNK, room = pieces + 1, i
    cdef Tensor before = new(ND, INT64, 1, &room)
    cdef long long* found = <long long*>before.data
    found[0] = 0
    if x.dtype == FLOAT32:
        count_pieces(<const float*>x.data, x.size, found + 1)
    elif x.dtype == FLOAT64:
        count_pieces(<const double*>x.data, x.size, found + 1)
    elif x.dtype == INT64:
        count_pieces(<const int64_t*>x.data, x.size, found + 1)
    elif x.dtype == INT32:
        count_pieces(<const int32_t*>x.data, x.size, found + 1)
    else:
        count_pieces(<const unsigned char*>x.data, x.size, found + 1)
    for i in range(pieces):
        found[i + 1] += found[i]
    return before


cdef enum:
    STRIDE = 8                    # elements without a look at whether all places are found


cdef void find(const number* x, Py_ssize_t start, Py_ssize_t n, int ndim, const Py_ssize_t* shape,
               long long** outs, Py_ssize_t step, Py_ssize_t k, Py_ssize_t end) noexcept nogil:
    """Write the places k to before `end` of x's, whose elements start to start + n are at x.

    If another thread of Python's has changed x since it was counted, the places left are 0.
    """
    cdef Py_ssize_t cols = shape[ndim - 1], row = start // cols, col = start % cols, i = 0, j
    cdef Py_ssize_t stop, first, lead
    cdef long long* last = outs[ndim - 1]
    cdef int axis
    while k < end and i < n:
        stop = min(n, i + cols - col)
        first = k
        while i + STRIDE <= stop and k + STRIDE <= end:
            for j in range(STRIDE):
                last[k * step] = col + j
                k += x[i + j] != 0
            i += STRIDE
            col += STRIDE
        while i < stop and k < end:
            last[k * step] = col
            k += x[i] != 0
            i += 1
            col += 1
        lead = row
        for axis in range(ndim - 2, -1, -1):
            for j in range(first, k):
                outs[axis][j * step] = lead % shape[axis]
            lead //= shape[axis]
        row += 1
        col = 0
    for i in range(k, end):
        for axis in range(ndim):
            outs[axis][i * step] = 0


cdef void find_pieces(const number* x, Py_ssize_t n, int ndim, const Py_ssize_t* shape,
                      long long** outs, Py_ssize_t step, const long long* before) noexcept:
    cdef Py_ssize_t i
    for i in prange((n + CHUNK - 1) // CHUNK, nogil=True, schedule="static",
                    num_threads=team_for(n)):
        find(x + i * CHUNK, i * CHUNK, length_of(i, n), ndim, shape, outs, step, before[i],
             before[i + 1])


cdef int places_into(Tensor x, Tensor before, int ndim, const Py_ssize_t* shape, long long** outs,
                     Py_ssize_t step) except -1:
    """Write axis k's places to every step-th number from outs[k] on."""
    cdef const long long* found = <const long long*>before.data
    if x.dtype == FLOAT32:
        find_pieces(<const float*>x.data, x.size, ndim, shape, outs, step, found)
    elif x.dtype == FLOAT64:
        find_pieces(<const double*>x.data, x.size, ndim, shape, outs, step, found)
    elif x.dtype == INT64:
        find_pieces(<const int64_t*>x.data, x.size, ndim, shape, outs, step, found)
    elif x.dtype == INT32:
        find_pieces(<const int32_t*>x.data, x.size, ndim, shape, outs, step, found)
    else:
        find_pieces(<const unsigned char*>x.data, x.size, ndim, shape, outs, step, found)
    return 0


def places_by_axis(Tensor x, bint flat):
    """The places of what is not 0, a vector of int64 for each axis, or a single one in flat order.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.loops.counting import places_by_axis
    >>> places_by_axis(np.eye(2), False), places_by_axis(np.eye(2), True)
    ((array([0, 1], dtype=int64), array([0, 1], dtype=int64)), (array([0, 3], dtype=int64),))
    """
    cdef Tensor before = counts_before(x), axis
    cdef long long* outs[MAX_NDIM]
    cdef Py_ssize_t n = (<long long*>before.data)[before.size - 1]
    cdef int ndim = 1 if flat else x.ndim, k
    cdef list found = []
    for k in range(ndim):
        axis = new(NP, INT64, 1, &n)
        outs[k] = <long long*>axis.data
        found.append(axis)
    places_into(x, before, ndim, &x.size if flat else x.shape_, outs, 1)
    return tuple(found)


def coordinates(Tensor x):
    """The places of what is not 0, a row of int64 for each.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.loops.counting import coordinates
    >>> coordinates(np.array([[0, 1], [2, 0]]))
    array([[0, 1],
           [1, 0]], dtype=int64)
    """
    cdef Tensor before = counts_before(x), rows
    cdef Py_ssize_t[2] shape
    cdef long long* outs[MAX_NDIM]
    cdef int k
    shape[0], shape[1] = (<long long*>before.data)[before.size - 1], x.ndim
    rows = new(NP, INT64, 2, shape)
    for k in range(x.ndim):
        outs[k] = <long long*>rows.data + k
    places_into(x, before, x.ndim, x.shape_, outs, x.ndim)
    return rows


# ---- where numbers belong ------------------------------------------------------------------------

cdef Py_ssize_t goal(const real* line, Py_ssize_t n, real x, bint right) noexcept nogil:
    """How many of n numbers in order, nan last, stand before x: with `right`, equal ones too."""
    cdef Py_ssize_t first = 0, half
    cdef real a
    if x != x and right:
        return n
    while n > 0:
        half = n >> 1
        a = line[first + half]
        if a == a if x != x else (a <= x if right else a < x):
            first += half + 1
            n -= half + 1
        else:
            n = half
    return first


cdef void seek(const real* line, Py_ssize_t n, const real* x, Py_ssize_t count, bint right,
               long long* out) noexcept:
    cdef Py_ssize_t i
    for i in prange(count, nogil=True, schedule="static", num_threads=team_for(count)):
        out[i] = goal(line, n, x[i], right)


def goals(Tensor line, Tensor x, bint right):
    """Where floats belong in a sorted line of their dtype, before equal ones or behind, as int64.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.loops.counting import goals
    >>> goals(np.array([1., 2.]), np.array([2., 3.]), False)
    array([1, 2], dtype=int64)
    """
    cdef Tensor out = new(x.face, INT64, x.ndim, x.shape_)
    cdef long long* target = <long long*>out.data
    if x.dtype == FLOAT32:
        seek(<const float*>line.data, line.size, <const float*>x.data, x.size, right, target)
    else:
        seek(<const double*>line.data, line.size, <const double*>x.data, x.size, right, target)
    return out


# ---- what is close -------------------------------------------------------------------------------

cdef void close_piece(const real* x, const real* y, double relative, double absolute,
                      bint equal_nan, unsigned char* out, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef double size, limit
    cdef real distance
    for i in range(n):
        distance = x[i] - y[i]
        size = fabs(<double>y[i])
        limit = absolute + relative * size
        out[i] = (x[i] == y[i]) | ((fabs(<double>distance) <= limit) & (size < INFINITY)) | (
            equal_nan & (x[i] != x[i]) & (y[i] != y[i]))


cdef void close_pieces(const real* x, const real* y, double relative, double absolute,
                       bint equal_nan, unsigned char* out, Py_ssize_t n) noexcept:
    cdef Py_ssize_t i
    for i in prange((n + CHUNK - 1) // CHUNK, nogil=True, schedule="static",
                    num_threads=team_for(n)):
        close_piece(x + i * CHUNK, y + i * CHUNK, relative, absolute, equal_nan, out + i * CHUNK,
                    length_of(i, n))


def close(Tensor x, Tensor y, double relative, double absolute, bint equal_nan):
    """Whether abs(x - y) <= absolute + relative * abs(y), of floats of one dtype and shape.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.loops.counting import close
    >>> close(np.array([1., 2.]), np.array([1., 3.]), 1e-5, 1e-8, False)
    array([ True, False])
    """
    cdef Tensor out = new(x.face, BOOL, x.ndim, x.shape_)
    cdef unsigned char* target = <unsigned char*>out.data
    if x.dtype == FLOAT32:
        close_pieces(<const float*>x.data, <const float*>y.data, relative, absolute, equal_nan,
                     target, x.size)
    else:
        close_pieces(<const double*>x.data, <const double*>y.data, relative, absolute, equal_nan,
                     target, x.size)
    return out


# ---- how often numbers occur ---------------------------------------------------------------------

cdef enum:
    PARTS = 8                     # of an array, which are added up on their own; fixed, as pieces


cdef Py_ssize_t count_part(const whole* x, Py_ssize_t n, int64_t* sums,
                           Py_ssize_t size) noexcept nogil:
    """Add to the sums; the largest number, or `size` if one has no place among them."""
    cdef Py_ssize_t i
    cdef whole most = -1, place
    for i in range(n):
        place = x[i]                  # read once: another thread may write there
        if not 0 <= place < size:
            return size
        most = max(most, place)
        sums[place] += 1
    return most


cdef Py_ssize_t weigh_part(const whole* x, const real* weights, Py_ssize_t n, double* sums,
                           Py_ssize_t size) noexcept nogil:
    cdef Py_ssize_t i
    cdef whole most = -1, place
    for i in range(n):
        place = x[i]
        if not 0 <= place < size:
            return size
        most = max(most, place)
        sums[place] += weights[i]
    return most


cdef Py_ssize_t add_part(int dtype, const char* x, int weight_dtype, const char* weights,
                         Py_ssize_t first, Py_ssize_t n, char* sums,
                         Py_ssize_t size) noexcept nogil:
    """Of n numbers from `first` on; without weights, these are NULL."""
    x += first * (4 if dtype == INT32 else 8)
    weights += first * (4 if weight_dtype == FLOAT32 else 8) if weights != NULL else 0
    if weights == NULL:
        if dtype == INT32:
            return count_part(<const int32_t*>x, n, <int64_t*>sums, size)
        return count_part(<const int64_t*>x, n, <int64_t*>sums, size)
    if dtype == INT32 and weight_dtype == FLOAT32:
        return weigh_part(<const int32_t*>x, <const float*>weights, n, <double*>sums, size)
    if dtype == INT32:
        return weigh_part(<const int32_t*>x, <const double*>weights, n, <double*>sums, size)
    if weight_dtype == FLOAT32:
        return weigh_part(<const int64_t*>x, <const float*>weights, n, <double*>sums, size)
    return weigh_part(<const int64_t*>x, <const double*>weights, n, <double*>sums, size)


def occurrences(Tensor x, Tensor weights, Py_ssize_t least, Py_ssize_t size):
    """How often each number from 0 on occurs, or the sums of the weights at its places.

    Parameters
    ----------
    x : vector of int32 or int64
    weights : vector of float32 or float64, or None
    least : int
        How long the result is at least.
    size : int
        What all numbers are below: None if one is not, or is negative.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.loops.counting import occurrences
    >>> occurrences(np.array([2, 0, 2], dtype="int32"), None, 0, 9)
    array([1, 0, 2], dtype=int64)
    """
    cdef Py_ssize_t row = size + LINE, room = row * PARTS, n = x.size, first, part, k, most = -1
    cdef Tensor sums = new(x.face, INT64 if weights is None else FLOAT64, 1, &room), found
    cdef char* data = sums.data
    cdef const char* source = x.data
    cdef const char* heavy = NULL if weights is None else weights.data
    cdef int dtype = x.dtype, weight_dtype = FLOAT64 if weights is None else weights.dtype
    cdef Py_ssize_t[PARTS] largest
    memset(data, 0, room * 8)
    for part in prange(PARTS, nogil=True, schedule="static", num_threads=team_for(n)):
        first = n * part // PARTS
        largest[part] = add_part(dtype, source, weight_dtype, heavy, first,
                                 n * (part + 1) // PARTS - first, data + part * row * 8, size)
    for part in range(PARTS):
        most = max(most, largest[part])
    if most >= size:
        return None
    for part in range(1, PARTS):
        for k in range(most + 1):
            if heavy == NULL:
                (<int64_t*>data)[k] += (<int64_t*>data)[part * row + k]
            else:
                (<double*>data)[k] += (<double*>data)[part * row + k]
    most = max(least, most + 1)
    found = new(x.face, sums.dtype, 1, &most)
    memcpy(found.data, data, most * 8)
    return found


# ---- what lies in bins ---------------------------------------------------------------------------

cdef enum:
    MOST_BINS = 1 << 16


cdef inline Py_ssize_t bin_of(real x, const real* edges, Py_ssize_t bins, double low,
                              double scale) noexcept nogil:
    """The bin of x; `bins` for what lies in none. Edges are even, up to rounding."""
    cdef Py_ssize_t k
    if not edges[0] <= x <= edges[bins]:
        return bins
    k = min(<Py_ssize_t>((x - low) * scale), bins - 1)
    while x < edges[k]:
        k -= 1
    while k + 1 < bins and x >= edges[k + 1]:
        k += 1
    return k


cdef bint are_even(const real* edges, Py_ssize_t bins) noexcept:
    """Whether a bin is found by dividing, give or take one."""
    cdef double low = edges[0], width = (<double>edges[bins] - low) / bins
    cdef Py_ssize_t i
    if not (0 < width < INFINITY and 1 / width < INFINITY):
        return False
    for i in range(bins + 1):
        if not fabs(edges[i] - (low + i * width)) <= width:
            return False
    return True


def bin_counts(const real[::1] x, const real[::1] edges, const double[::1] weights=None):
    """How many elements, or the sums of their weights, lie between two edges.

    The last bin has its upper edge. Weights add up in the order of the elements, as float64.
    None for edges that are not evenly apart, or too many.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.core.loops.counting import bin_counts
    >>> bin_counts(numpy.array([0.5, 2.0, 1.0]), numpy.array([0.0, 1.0, 2.0]))
    array([1, 2])
    """
    cdef Py_ssize_t bins = edges.shape[0] - 1, n = x.shape[0], i
    cdef Py_ssize_t row = (bins // LINE + 2) * LINE
    cdef int team
    cdef double low, scale
    cdef const real* first
    cdef const real* source
    cdef int64_t[:, ::1] found
    cdef double[::1] sums
    if not 0 < bins <= MOST_BINS or n == 0 or not are_even(&edges[0], bins):
        return None
    first, source = &edges[0], &x[0]
    low, scale = first[0], bins / (<double>first[bins] - first[0])
    if weights is not None:
        total = numpy.zeros(bins + 1)
        sums = total
        for i in range(n):
            sums[bin_of(source[i], first, bins, low, scale)] += weights[i]
        return total[:bins]
    team = team_for(n)
    counts = numpy.zeros((team, row), numpy.int64)
    found = counts
    for i in prange((n + CHUNK - 1) // CHUNK, nogil=True, schedule="static", num_threads=team):
        count_bins(source + i * CHUNK, length_of(i, n), first, bins, low, scale,
                   &found[thread_number(), 0])
    return counts[:, :bins].sum(0)


cdef void count_bins(const real* x, Py_ssize_t n, const real* edges, Py_ssize_t bins, double low,
                     double scale, int64_t* found) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        found[bin_of(x[i], edges, bins, low, scale)] += 1
