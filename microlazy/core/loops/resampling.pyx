"""Images of bytes in other sizes."""

from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

import numpy


cdef enum:
    PAIR = 2                      # each new place is made of two old ones


def blended(const unsigned char[:, :, :] x, const long long[:, ::1] down,
            const int[:, ::1] down_weights, const long long[:, ::1] across,
            const int[:, ::1] across_weights):
    """
    Images whose pixels are weighted sums of two old ones along each axis, rounded as OpenCV does.

    Parameters
    ----------
    x : array, shape (images, rows, width), uint8
        A row is a row's pixels with all their channels.
    down, across : array, shape (new rows, 2) and (new width, 2), int64
        The old places of each new one.
    down_weights, across_weights : array, of the same shapes, int32
        Their weights, from 0 to 2048, which add to 2048.

    Returns
    -------
    numpy.ndarray, shape (images, new rows, new width), uint8

    Raises
    ------
    ValueError
        If shapes do not fit.
    IndexError
        If there is no such old place.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.core.loops.resampling import blended
    >>> x = numpy.array([[[0, 100]]], "uint8")
    >>> one, two = numpy.array([[0, 0]]), numpy.array([[0, 1], [1, 1]])
    >>> whole, half = numpy.array([[2048, 0]], "int32"), numpy.array([[1024, 1024]] * 2, "int32")
    >>> blended(x, one, whole, two, half)
    array([[[ 50, 100]]], dtype=uint8)
    """
    cdef Py_ssize_t rows = down.shape[0], width = across.shape[0], image
    cdef unsigned char[:, :, ::1] out
    cdef int* room
    check(x.shape[1], down, down_weights, "rows")
    check(x.shape[2], across, across_weights, "columns")
    made = numpy.empty((x.shape[0], rows, width), numpy.uint8)
    if made.size == 0:
        return made
    if x.shape[2] > 1 and x.strides[2] != 1:
        raise ValueError("the pixels of a row must lie one after the other")
    out = made
    room = <int*>malloc(PAIR * width * sizeof(int))
    if room == NULL:
        raise MemoryError(f"no memory to resize images {width} numbers wide")
    with nogil:
        for image in range(x.shape[0]):
            blend(&x[image, 0, 0], x.strides[1], &down[0, 0], &down_weights[0, 0], rows,
                  &across[0, 0], &across_weights[0, 0], width, room, &out[image, 0, 0])
    free(room)
    return made


cdef int check(Py_ssize_t length, const long long[:, ::1] places, const int[:, ::1] weights,
               str what) except -1:
    cdef Py_ssize_t i, k
    if places.shape[1] != PAIR or weights.shape[1] != PAIR or weights.shape[0] != places.shape[0]:
        raise ValueError(f"places and weights of {what} must have one shape, (n, 2)")
    for i in range(places.shape[0]):
        for k in range(PAIR):
            if not 0 <= places[i, k] < length:
                raise IndexError(f"no place {places[i, k]} among {length} {what}")
    return 0


cdef void blend(const unsigned char* x, Py_ssize_t step, const long long* down,
                const int* down_weights, Py_ssize_t rows, const long long* across,
                const int* across_weights, Py_ssize_t width, int* room,
                unsigned char* out) noexcept nogil:
    """Blend one image; `room` keeps two of its rows, of the new width."""
    cdef Py_ssize_t i, j, k
    cdef long long[PAIR] kept = [-1, -1]
    cdef int* upper
    cdef int* lower
    cdef int a, b
    for i in range(rows):
        # Rows come in order, so the row that was the lower one is often the upper one now.
        if kept[1] == down[PAIR * i] != kept[0]:
            kept[0] = kept[1]
            memcpy(room, room + width, width * sizeof(int))
        for k in range(PAIR):
            if kept[k] != down[PAIR * i + k]:
                kept[k] = down[PAIR * i + k]
                blend_row(x + kept[k] * step, across, across_weights, width, room + k * width)
        upper, lower = room, room + width
        a, b = down_weights[PAIR * i], down_weights[PAIR * i + 1]
        for j in range(width):
            out[j] = <unsigned char>((((upper[j] * a) >> 16) + ((lower[j] * b) >> 16) + 2) >> 2)
        out += width


cdef void blend_row(const unsigned char* x, const long long* places, const int* weights,
                    Py_ssize_t width, int* out) noexcept nogil:
    cdef Py_ssize_t j
    for j in range(width):
        out[j] = (x[places[PAIR * j]] * weights[PAIR * j]
                  + x[places[PAIR * j + 1]] * weights[PAIR * j + 1]) >> 4
