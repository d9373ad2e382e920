"""Places that index arrays hold, and rows taken from there and put there.

Every place is checked here, before a kernel reads or writes there. Threads share what is taken by
pieces of the result; what is added, by columns, so that each sum has one order.
"""

from cython.parallel cimport prange
from libc.limits cimport LLONG_MIN
from libc.string cimport memcpy
from microlazy.core.kernels.select cimport kernels
from microlazy.core.loops.elementwise cimport fill
from microlazy.core.parallel cimport CHUNK, COLUMNS, LIGHT_GRAIN, threads
from microlazy.core.tensor cimport FLOAT32, FLOAT64, INT32, INT64, INT8, Tensor, itemsize

ctypedef fused Number:
    float
    double
    int
    long long
    unsigned char
    signed char


# ---- places --------------------------------------------------------------------------------------

cdef inline long long whole(double x) noexcept nogil:
    """The number without its fraction; the smallest integer for one beyond int64, as NumPy's."""
    return <long long>x if -9.2e18 < x < 9.2e18 else LLONG_MIN


cdef inline bint places_by(const Number* index, Py_ssize_t count, Py_ssize_t n, int mode,
                           bint onward, long long* out) noexcept nogil:
    cdef Py_ssize_t i
    cdef long long place
    cdef double number
    cdef bint refused = False
    for i in range(count):
        if Number is float or Number is double:
            number = index[i]
            if mode != DROP:
                refused |= number - number != 0
            if mode == CLIP:              # before it is a whole number, which large ones cannot be
                number = 0 if number < 0 else n - 1 if number > n - 1 else number
            place = whole(number)
        else:
            place = index[i]
        if mode == RAISE:
            place += n if place < 0 else 0
            refused |= <unsigned long long>place >= <unsigned long long>n
        elif mode == CLIP:
            place = 0 if place < 0 or n == 0 else n - 1 if place >= n else place
        elif mode == DROP:
            place = -1 if place < 0 or place >= n else place
        elif n:
            place %= n
            place += n if place < 0 else 0
        out[i] = out[i] * n + place if onward else place
    return refused


cdef bint places_of(const Number* index, Py_ssize_t count, Py_ssize_t n, int mode, bint onward,
                    long long* out) noexcept nogil:
    if mode == CLIP:                        # a loop for each mode, which decides nothing inside
        return places_by(index, count, n, CLIP, False, out)
    if mode == WRAP:
        return places_by(index, count, n, WRAP, False, out)
    if mode == DROP:
        return places_by(index, count, n, DROP, False, out)
    if onward:
        return places_by(index, count, n, RAISE, True, out)
    return places_by(index, count, n, RAISE, False, out)


cdef bint stretch_of_places(const char* index, int dtype, Py_ssize_t count, Py_ssize_t n, int mode,
                            bint onward, long long* out) noexcept nogil:
    if dtype == FLOAT32:
        return places_of(<const float*>index, count, n, mode, onward, out)
    if dtype == FLOAT64:
        return places_of(<const double*>index, count, n, mode, onward, out)
    if dtype == INT32:
        return places_of(<const int*>index, count, n, mode, onward, out)
    if dtype == INT64:
        return places_of(<const long long*>index, count, n, mode, onward, out)
    if dtype == INT8:
        return places_of(<const signed char*>index, count, n, mode, onward, out)
    return places_of(<const unsigned char*>index, count, n, mode, onward, out)


cdef bint find_places(Tensor index, Py_ssize_t n, int mode, bint onward, long long* out) noexcept:
    cdef Py_ssize_t i, size = itemsize(index.dtype), total = index.size
    cdef const char* data = index.data
    cdef int dtype = index.dtype, refused = 0
    if total < LIGHT_GRAIN:
        return stretch_of_places(data, dtype, total, n, mode, onward, out)
    for i in prange((total + CHUNK - 1) // CHUNK, nogil=True, schedule="static",
                    num_threads=threads()):
        refused += stretch_of_places(data + i * CHUNK * size, dtype,
                                     min(<Py_ssize_t>CHUNK, total - i * CHUNK), n, mode, onward,
                                     out + i * CHUNK)
    return refused != 0


cdef Py_ssize_t count_true(Tensor mask) noexcept:
    cdef const unsigned char* truth = <const unsigned char*>mask.data
    cdef Py_ssize_t i, count = 0
    for i in range(mask.size):
        count += truth[i] != 0
    return count


cdef Py_ssize_t find_true(Tensor mask, Py_ssize_t most, long long* out) noexcept:
    cdef const unsigned char* truth = <const unsigned char*>mask.data
    cdef Py_ssize_t i, k = 0
    for i in range(mask.size):              # no branch on the mask: a random one misleads it
        if k > most:
            break
        out[k] = i
        k += truth[i] != 0
    return k


# ---- rows ----------------------------------------------------------------------------------------

cdef void take_stretch(const char* x, const long long* places, char* y, Py_ssize_t count,
                       Py_ssize_t width, int dtype) noexcept nogil:
    cdef Py_ssize_t i, size = itemsize(dtype)
    cdef int kernel = FLOAT32 if size == 4 else FLOAT64     # bits are copied, whatever they mean
    if size >= 4:
        kernels.take_rows[kernel](x, places, y, count, width, width)
        return
    for i in range(count):
        memcpy(y + i * width * size, x + places[i] * width * size, width * size)


cdef int take_rows(const char* x, const long long* places, char* y, Py_ssize_t outer,
                   Py_ssize_t length, Py_ssize_t count, Py_ssize_t width, int dtype) except -1:
    cdef Py_ssize_t i, size = itemsize(dtype), rows, across, first
    if outer * count * width < LIGHT_GRAIN:
        for i in range(outer):
            take_stretch(x + i * length * width * size, places, y + i * count * width * size, count,
                         width, dtype)
        return 0
    rows = max(<Py_ssize_t>1, CHUNK // width)
    across = (count + rows - 1) // rows
    for i in prange(outer * across, nogil=True, schedule="static", num_threads=threads()):
        first = i % across * rows
        take_stretch(x + i // across * length * width * size, places + first,
                     y + (i // across * count + first) * width * size, min(rows, count - first),
                     width, dtype)
    return 0


cdef int put_rows(const char* y, const long long* places, char* x, bint add, Py_ssize_t outer,
                  Py_ssize_t length, Py_ssize_t count, Py_ssize_t width, int dtype) except -1:
    cdef Py_ssize_t i, size = itemsize(dtype), across, first
    if outer * count * width < LIGHT_GRAIN:
        for i in range(outer):
            kernels.put_rows[dtype](y + i * count * width * size, places,
                                    x + i * length * width * size, add, count, width, width)
        return 0
    across = (width + COLUMNS - 1) // COLUMNS
    for i in prange(outer * across, nogil=True, schedule="static", num_threads=threads()):
        first = i % across * COLUMNS
        kernels.put_rows[dtype](y + (i // across * count * width + first) * size, places,
                                x + (i // across * length * width + first) * size, add, count,
                                min(<Py_ssize_t>COLUMNS, width - first), width)
    return 0


cdef int hot_rows(const long long* places, Tensor out, double on, double off) except -1:
    cdef Py_ssize_t i, depth = out.shape_[out.ndim - 1], count
    fill(out, off)
    if depth == 0:
        return 0
    count = out.size // depth
    for i in range(count):
        if places[i] < 0:
            continue
        if out.dtype == FLOAT32:
            (<float*>out.data)[i * depth + places[i]] = <float>on
        else:
            (<double*>out.data)[i * depth + places[i]] = on
    return 0
