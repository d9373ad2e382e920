"""The order of the elements of rows."""

from cython.parallel cimport prange
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy
from microlazy.core.kernels.select cimport kernels
from microlazy.core.parallel cimport GRAIN, threads
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
