"""Running sums and products along an axis.

Each number waits for the one before it, so the chains are what threads share: the rows along the
last axis, or columns along another.
"""

from cython.parallel cimport prange
from microlazy.core.kernels.select cimport kernels
from microlazy.core.parallel cimport COLUMNS, LIGHT_GRAIN, threads
from microlazy.core.tensor cimport Tensor, itemsize

cdef enum:
    ROWS = 32                     # that one thread works on together


cdef int scan_into(bint product, bint backwards, Tensor x, int axis, Tensor out) except -1:
    return run_chains(False, product, backwards, NULL, x.data, out, axis)


cdef int recur_into(bint backwards, Tensor a, Tensor b, int axis, Tensor out) except -1:
    return run_chains(True, False, backwards, a.data, b.data, out, axis)


cdef int run_chains(bint recurrence, bint product, bint backwards, const char* a, const char* b,
                    Tensor out, int axis) except -1:
    cdef Py_ssize_t outer = 1, n = out.shape_[axis], inner = 1, size = itemsize(out.dtype)
    cdef Py_ssize_t step, width, across, chains, longest, parts, i, start
    cdef int dtype = out.dtype, j
    cdef char* target = out.data
    for j in range(axis):
        outer *= out.shape_[j]
    for j in range(axis + 1, out.ndim):
        inner *= out.shape_[j]
    if out.size == 0:
        return 0
    if inner == 1:                # rows are chains beside each other
        step, across, chains, longest = 1, n, outer, ROWS
        outer = 1
    else:
        step, across, chains, longest = inner, 1, inner, COLUMNS
    parts = (chains + longest - 1) // longest
    for i in prange(outer * parts, nogil=True, schedule="static",
                    num_threads=threads() if out.size >= LIGHT_GRAIN else 1):
        start = (i // parts * n * inner + i % parts * longest * across) * size
        width = min(longest, chains - i % parts * longest)
        if recurrence:
            kernels.recurrence[dtype](backwards, a + start, b + start, target + start, n, step,
                                      width, across)
        else:
            kernels.scan[dtype](product, backwards, b + start, target + start, n, step, width,
                                across)
    return 0
