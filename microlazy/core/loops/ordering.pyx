"""The order of the elements of rows."""

from cython.parallel cimport prange
from libc.stdlib cimport free, malloc
from microlazy.core.kernels.select cimport kernels
from microlazy.core.parallel cimport GRAIN, threads

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
