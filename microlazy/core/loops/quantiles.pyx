"""Quantiles of rows in order, by the method "linear" (number 7 of Hyndman and Fan 1996)."""

from cython cimport floating
from microlazy.core.loops.matrices cimport numbers

import numpy

cdef object empty = numpy.empty
cdef object FLOAT64_TYPE = numpy.dtype("float64")


cdef Py_ssize_t last_number(const floating* row, Py_ssize_t n) noexcept nogil:
    """The place of the last number of a row in order, before any nan; 0 if there is none."""
    cdef Py_ssize_t last = n - 1
    while last > 0 and row[last] != row[last]:
        last -= 1
    return last


cdef floating halfway(floating a, floating b) noexcept nogil:
    return (a + b) / 2


cdef void find(const floating* rows, const double* q, floating* out, Py_ssize_t count,
               Py_ssize_t n, Py_ssize_t parts, bint ignore_nan, bint middle) noexcept nogil:
    cdef const floating* row
    cdef Py_ssize_t i, k, last = n - 1, lower
    cdef double place, part
    cdef floating a, b, width
    for i in range(count):
        row = rows + i * n
        if ignore_nan:
            last = last_number(row, n)
        for k in range(parts):
            place = q[k] * last
            lower = <Py_ssize_t>place
            part = place - lower
            a, b = row[lower], row[min(lower + 1, last)]
            width = b - a
            if not ignore_nan and row[last] != row[last]:
                out[k * count + i] = row[last]
            elif middle:
                out[k * count + i] = halfway(a, b) if part > 0 else a
            elif part < 0.5:              # from the nearer end, as NumPy
                out[k * count + i] = <floating>(a + width * part)
            else:
                out[k * count + i] = <floating>(b - width * (1 - part))


def between(rows, q, bint ignore_nan, bint middle):
    """Quantiles of rows in order, of shape (len(q), rows).

    Parameters
    ----------
    rows : numpy.ndarray
        Packed, of shape (rows, elements), of float32 or float64; nan comes last.
    q : tuple of float
        From 0 to 1.
    ignore_nan : bool
        Count numbers alone; else a row with nan has nan.
    middle : bool
        The mean of the two elements where a quantile lies between them, however far.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.core.loops.quantiles import between
    >>> between(numpy.array([[1.0, 2.0, 4.0]]), (0.5, 0.75), False, False)
    array([[2.],
           [3.]])
    """
    cdef Py_ssize_t count = len(rows), n = rows.shape[1], parts = len(q)
    wanted, found = numpy.array(q, FLOAT64_TYPE), empty((len(q), len(rows)), rows.dtype)
    if rows.dtype is FLOAT64_TYPE:
        find[double](numbers(rows), numbers(wanted), numbers(found), count, n, parts, ignore_nan,
                     middle)
    else:
        find[float](<float*>numbers(rows), numbers(wanted), <float*>numbers(found), count, n, parts,
                    ignore_nan, middle)
    return found


cdef void put(const floating* rows, const long long* places, const double* q, const floating* g,
              floating* out, Py_ssize_t count, Py_ssize_t n, Py_ssize_t parts,
              bint ignore_nan) noexcept nogil:
    cdef const floating* row
    cdef const long long* order
    cdef Py_ssize_t i, k, last = n - 1, lower
    cdef double place, part
    for i in range(count):
        row, order = rows + i * n, places + i * n
        if ignore_nan:
            while last > 0 and row[order[last]] != row[order[last]]:
                last -= 1
            if row[order[last]] != row[order[last]]:
                last = n - 1
                continue
        for k in range(parts):
            place = q[k] * last
            lower = <Py_ssize_t>place
            part = place - lower
            out[i * n + order[lower]] += <floating>((1 - part) * g[k * count + i])
            if part > 0:
                out[i * n + order[lower + 1]] += <floating>(part * g[k * count + i])
        last = n - 1


def spread(rows, places, q, g, bint ignore_nan):
    """The gradient by rows of quantiles whose gradient g has shape (len(q), rows).

    Parameters
    ----------
    rows, places : numpy.ndarray
        Packed, of shape (rows, elements); the places, of int64, of the elements in order.
    q, ignore_nan
        As in `between`.
    g : numpy.ndarray
        Packed, of the rows' dtype.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.core.loops.quantiles import spread
    >>> rows = numpy.array([[1.0, 4.0, 2.0]])
    >>> spread(rows, rows.argsort(1), (0.75,), numpy.ones((1, 1)), False)
    array([[0. , 0.5, 0.5]])
    """
    cdef Py_ssize_t count = len(rows), n = rows.shape[1], parts = len(q)
    wanted, found = numpy.array(q, FLOAT64_TYPE), numpy.zeros(rows.shape, rows.dtype)
    if rows.dtype is FLOAT64_TYPE:
        put[double](numbers(rows), <long long*>numbers(places), numbers(wanted), numbers(g),
                    numbers(found), count, n, parts, ignore_nan)
    else:
        put[float](<float*>numbers(rows), <long long*>numbers(places), numbers(wanted),
                   <float*>numbers(g), <float*>numbers(found), count, n, parts, ignore_nan)
    return found
