"""The order of the elements of rows, and of random numbers."""

from cython.parallel cimport prange
from libc.stdint cimport int64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcpy, memset
from microlazy.core.kernels.select cimport kernels
from microlazy.core.parallel cimport GRAIN, thread_number, threads
from microlazy.core.tensor cimport FLOAT32, FLOAT64, INT32, INT64, INT8

import numpy


def order_of_rows(const float[:, ::1] x, bint descending):
    """The places of each row's elements in order; equal ones keep theirs, NaN is the largest.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.core.loops.ordering import order_of_rows
    >>> order_of_rows(numpy.array([[3, 1, 2]], "float32"), False)
    array([[1, 2, 0]])
    """
    cdef Py_ssize_t rows = x.shape[0], cols = x.shape[1], r
    cdef int failed = 0
    cdef unsigned long long* spare
    cdef long long[:, ::1] out
    places = numpy.empty((rows, cols), numpy.int64)
    if rows * cols == 0:
        return places
    out = places
    for r in prange(rows, nogil=True, schedule="static",
                    num_threads=threads() if rows * cols >= GRAIN else 1):
        spare = <unsigned long long*>malloc(2 * cols * sizeof(unsigned long long))
        if spare == NULL:
            failed += 1
        else:
            kernels.order_rows(descending, <const unsigned int*>&x[r, 0], spare, &out[r, 0], 1,
                               cols)
            free(spare)
    if failed:
        raise MemoryError(f"no memory to order rows of {cols} numbers")
    return places


cdef enum:
    RUN = 16                      # numbers that are put in order by insertion

ctypedef fused comparable:
    float
    double
    int
    long long
    signed char
    unsigned char


cdef inline bint before(comparable a, comparable b) noexcept nogil:
    """Whether a stands before b in order, where nan comes last."""
    return a < b or (b != b and a == a)


cdef inline bint moves(comparable a, comparable b, bint descending) noexcept nogil:
    """Whether a number a that stands behind b belongs before it."""
    return before(b, a) if descending else before(a, b)


cdef void insert(const comparable* x, Py_ssize_t step, long long* places, Py_ssize_t n,
                 bint descending) noexcept nogil:
    """Put a few places into order."""
    cdef Py_ssize_t i, j
    cdef long long place
    cdef comparable value
    for i in range(1, n):
        place = places[i]
        value = x[place * step]
        j = i
        while j > 0 and moves(value, x[places[j - 1] * step], descending):
            places[j] = places[j - 1]
            j -= 1
        places[j] = place


cdef void merge(const comparable* x, Py_ssize_t step, long long* places, Py_ssize_t middle,
                Py_ssize_t n, bint descending, long long* spare) noexcept nogil:
    """Merge the places before the middle with those behind it, each in order already."""
    cdef Py_ssize_t left = 0, right = middle, into = 0
    memcpy(spare, places, middle * sizeof(long long))
    while left < middle and right < n:
        if moves(x[places[right] * step], x[spare[left] * step], descending):
            places[into] = places[right]
            right += 1
        else:
            places[into] = spare[left]
            left += 1
        into += 1
    memcpy(places + into, spare + left, (middle - left) * sizeof(long long))


cdef void merge_sort(const comparable* x, Py_ssize_t step, Py_ssize_t n, bint descending,
                     long long* places, long long* spare) noexcept nogil:
    cdef Py_ssize_t start = 0, width = RUN
    while start < n:
        insert(x, step, places + start, min(<Py_ssize_t>RUN, n - start), descending)
        start += RUN
    while width < n:
        start = 0
        while start + width < n:
            merge(x, step, places + start, width, min(2 * width, n - start), descending, spare)
            start += 2 * width
        width *= 2


cdef void order_places(const char* x, int dtype, Py_ssize_t step, Py_ssize_t n, bint descending,
                       long long* places, long long* spare) noexcept nogil:
    if dtype == FLOAT32:
        merge_sort(<const float*>x, step, n, descending, places, spare)
    elif dtype == FLOAT64:
        merge_sort(<const double*>x, step, n, descending, places, spare)
    elif dtype == INT32:
        merge_sort(<const int*>x, step, n, descending, places, spare)
    elif dtype == INT64:
        merge_sort(<const long long*>x, step, n, descending, places, spare)
    elif dtype == INT8:
        merge_sort(<const signed char*>x, step, n, descending, places, spare)
    else:
        merge_sort(<const unsigned char*>x, step, n, descending, places, spare)


cdef void insert_numbers(comparable* x, Py_ssize_t step, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i, j
    cdef comparable value
    for i in range(1, n):
        value = x[i * step]
        j = i
        while j > 0 and before(value, x[(j - 1) * step]):
            x[j * step] = x[(j - 1) * step]
            j -= 1
        x[j * step] = value


cdef void sort_few(char* x, int dtype, Py_ssize_t step, Py_ssize_t n) noexcept nogil:
    if dtype == FLOAT32:
        insert_numbers(<float*>x, step, n)
    elif dtype == FLOAT64:
        insert_numbers(<double*>x, step, n)
    elif dtype == INT32:
        insert_numbers(<int*>x, step, n)
    elif dtype == INT64:
        insert_numbers(<long long*>x, step, n)
    elif dtype == INT8:
        insert_numbers(<signed char*>x, step, n)
    else:
        insert_numbers(<unsigned char*>x, step, n)


# ---- random numbers ------------------------------------------------------------------------------

cdef struct Draw:
    double key
    int64_t place

cdef enum:
    TOGETHER = 512                # numbers in a bucket, which the nearest cache holds
    MOST_BUCKETS = 1 << 14


cdef struct Buckets:
    Py_ssize_t count, parts, largest
    Py_ssize_t* starts            # for each part, where its numbers of each bucket begin
    Draw* draws                   # in the order of the buckets
    Draw* room                    # for each thread: the numbers of a bucket
    int* counts                   # and how many of them come before


cpdef int order_of_draws(const double[::1] x, int64_t[::1] places) except -1:
    """Write the places of numbers in order; equal ones keep theirs.

    Any numbers in [0, 1) are put in order; it takes time in proportion to their count where they
    are spread as evenly as random ones.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.core.loops.ordering import order_of_draws
    >>> places = numpy.empty(3, "int64")
    >>> _ = order_of_draws(numpy.array([0.75, 0.25, 0.5]), places)
    >>> places
    array([1, 2, 0])
    """
    cdef Py_ssize_t n = x.shape[0], bucket, part
    cdef Buckets b
    cdef bint done
    if places.shape[0] != n:
        raise ValueError(f"{n} numbers have as many places, not {places.shape[0]}")
    if n == 0:
        return 0
    b.count = 1
    while b.count * TOGETHER < n and b.count < MOST_BUCKETS:
        b.count *= 2
    b.parts = threads() if n >= GRAIN else 1
    b.starts = <Py_ssize_t*>calloc(b.parts * b.count, sizeof(Py_ssize_t))
    b.draws = <Draw*>malloc(n * sizeof(Draw))
    b.room, b.counts = NULL, NULL
    if b.starts != NULL and b.draws != NULL:
        for part in prange(b.parts, nogil=True, schedule="static", num_threads=<int>b.parts):
            count_draws(&x[0], n, &b, part)
        add_up(&b)
        b.room = <Draw*>malloc(b.parts * b.largest * sizeof(Draw))
        b.counts = <int*>malloc(b.parts * b.largest * sizeof(int))
    done = b.room != NULL and b.counts != NULL
    if done:
        for part in prange(b.parts, nogil=True, schedule="static", num_threads=<int>b.parts):
            spread_draws(&x[0], n, &b, part)
        for bucket in prange(b.count, nogil=True, schedule="static", num_threads=<int>b.parts):
            order_bucket(&b, bucket, &places[0], thread_number())
    free(b.starts)
    free(b.draws)
    free(b.room)
    free(b.counts)
    if not done:
        raise MemoryError(f"no memory to put {n} numbers in order")
    return 0


cdef inline Py_ssize_t bucket_of(double key, Py_ssize_t count) noexcept nogil:
    if not key > 0:
        return 0
    return <Py_ssize_t>(key * count) if key < 1 else count - 1


cdef void count_draws(const double* x, Py_ssize_t n, const Buckets* b,
                      Py_ssize_t part) noexcept nogil:
    cdef Py_ssize_t* counts = b.starts + part * b.count
    cdef Py_ssize_t i
    for i in range(n * part // b.parts, n * (part + 1) // b.parts):
        counts[bucket_of(x[i], b.count)] += 1


cdef void add_up(Buckets* b) noexcept nogil:
    """Counts become starts; those of a bucket's parts stand one behind the other."""
    cdef Py_ssize_t bucket, part, total = 0, before, found
    b.largest = 0
    for bucket in range(b.count):
        before = total
        for part in range(b.parts):
            found = b.starts[part * b.count + bucket]
            b.starts[part * b.count + bucket] = total
            total += found
        b.largest = max(b.largest, total - before)


cdef void spread_draws(const double* x, Py_ssize_t n, const Buckets* b,
                       Py_ssize_t part) noexcept nogil:
    """Put a part's numbers into their buckets; its starts move on to the next part's."""
    cdef Py_ssize_t* starts = b.starts + part * b.count
    cdef Py_ssize_t i, bucket
    cdef Draw* draw
    for i in range(n * part // b.parts, n * (part + 1) // b.parts):
        bucket = bucket_of(x[i], b.count)
        draw = b.draws + starts[bucket]
        draw.key, draw.place = x[i], i
        starts[bucket] += 1


cdef void order_bucket(const Buckets* b, Py_ssize_t bucket, int64_t* out,
                       int thread) noexcept nogil:
    """Put a bucket's numbers near their places by counting, then where they belong."""
    cdef const Py_ssize_t* ends = b.starts + (b.parts - 1) * b.count
    cdef Py_ssize_t first = ends[bucket - 1] if bucket else 0, i, k
    cdef Py_ssize_t size = ends[bucket] - first
    cdef const Draw* draws = b.draws + first
    cdef Draw* ordered = b.room + thread * b.largest
    cdef int* counts = b.counts + thread * b.largest
    cdef double scale = <double>b.count * size
    cdef Draw draw
    memset(counts, 0, size * sizeof(int))
    for i in range(size):
        counts[near(draws[i].key, bucket, scale, size)] += 1
    k = 0
    for i in range(size):
        k += counts[i]
        counts[i] = <int>(k - counts[i])
    for i in range(size):
        k = near(draws[i].key, bucket, scale, size)
        ordered[counts[k]] = draws[i]
        counts[k] += 1
    for i in range(1, size):
        draw = ordered[i]
        k = i
        while k > 0 and ordered[k - 1].key > draw.key:
            ordered[k] = ordered[k - 1]
            k -= 1
        ordered[k] = draw
    for i in range(size):
        out[first + i] = ordered[i].place


cdef inline Py_ssize_t near(double key, Py_ssize_t bucket, double scale,
                            Py_ssize_t size) noexcept nogil:
    """About where a number of a bucket stands among its `size`: never before a smaller one."""
    cdef double k = key * scale - <double>bucket * size
    if not k > 0:
        return 0
    return <Py_ssize_t>k if k < size else size - 1
