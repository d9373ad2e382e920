"""Elementwise loops over arrays of any layout.

Kernels work on contiguous memory. Here operands are broadcast row by row, other layouts are packed
first, and large work is cut into fixed pieces for the threads.
"""

from cython.parallel cimport prange
from libc.math cimport signbit
from libc.string cimport memset
from microlazy.core.kernels.select cimport kernels
from microlazy.core.kernels.table cimport *
from microlazy.core.parallel cimport CHUNK, GRAIN, LIGHT_GRAIN, threads
from microlazy.core.strided cimport (
    Pieces, all_transposed, coalesce, cut, even_piece, expanded, packed, piece, piece_length,
    piece_start,
)
from microlazy.core.tensor cimport FLOAT32, FLOAT64, MAX_NDIM, Tensor, itemsize, view_numpy

import numpy

from microlazy.core.kernels import elementwise_rows

cdef bint[N_UNARY] is_light             # a few instructions an element
cdef bint[N_BINARY] is_light_binary
for _op, _row in enumerate(elementwise_rows.UNARY):
    is_light[_op] = _row.light
for _op, _row in enumerate(elementwise_rows.BINARY):
    is_light_binary[_op] = _row.light


cdef Py_ssize_t grain(int op) noexcept nogil:
    return LIGHT_GRAIN if is_light[op] else GRAIN


cdef int apply_unary(int op, Tensor x, Tensor out) except -1:
    """out = f(x), of the same size and dtype; out is contiguous."""
    cdef Pieces p
    cdef Py_ssize_t i, size = itemsize(x.dtype)
    cdef char* target = out.data
    cdef int dtype = x.dtype
    if x.size < grain(op):
        x = packed(x)
        kernels.unary[dtype](op, x.data, target, x.size)
        return 0
    _scratch = cut(&p, out, 1, x, None, None)
    for i in prange(p.total, nogil=True, schedule="static", num_threads=threads()):
        kernels.unary[dtype](op, piece(&p, 0, i), target + piece_start(&p, i) * size,
                             piece_length(&p, i))
    return 0


cdef int apply_unary_grad(int op, const char* x, const char* y, const char* g, char* dx,
                          bint accumulate, Py_ssize_t n, int dtype) except -1:
    cdef Py_ssize_t count = even_piece(n), step = count * itemsize(dtype), i
    if n < grain(op):
        kernels.unary_grad[dtype](op, x, y, g, dx, accumulate, n)
        return 0
    for i in prange((n + count - 1) // count, nogil=True, schedule="static",
                    num_threads=threads()):
        kernels.unary_grad[dtype](op, x + i * step, y + i * step, g + i * step, dx + i * step,
                                  accumulate, min(count, n - i * count))
    return 0


cdef double number_at(const char* data, int dtype) noexcept nogil:
    return (<const float*>data)[0] if dtype == FLOAT32 else (<const double*>data)[0]


cdef Py_ssize_t binary_grain(int op) noexcept nogil:
    return LIGHT_GRAIN if is_light_binary[op] else GRAIN


cdef void binary_rows(int op, const char* a, const char* b, char* out, int dtype, int axis,
                      int last, const Py_ssize_t* n, const Py_ssize_t* sa, const Py_ssize_t* sb,
                      const Py_ssize_t* so) noexcept nogil:
    cdef Py_ssize_t i
    if axis < last:
        for i in range(n[axis]):
            binary_rows(op, a + i * sa[axis], b + i * sb[axis], out + i * so[axis], dtype,
                        axis + 1, last, n, sa, sb, so)
    elif sa[axis] == 0 and sb[axis] == 0:     # foreign memory may be broadcast already
        kernels.binary[dtype](op, a, b, out, 1)
        kernels.fill[dtype](number_at(out, dtype), out, n[axis])
    elif sa[axis] == 0:
        kernels.binary_scalar[dtype](op, b, number_at(a, dtype), True, out, n[axis])
    elif sb[axis] == 0:
        kernels.binary_scalar[dtype](op, a, number_at(b, dtype), False, out, n[axis])
    else:
        kernels.binary[dtype](op, a, b, out, n[axis])


cdef bint row_ready(Tensor x) noexcept:
    """Whether x's last axis of more than one element is packed or broadcast."""
    cdef int i
    for i in range(x.ndim - 1, -1, -1):
        if x.shape_[i] != 1:
            return x.strides_[i] == itemsize(x.dtype) or x.strides_[i] == 0
    return True


cdef enum:
    STRIP = 16                    # columns and rows of a tile that stays in the nearest cache
    RUN = 256


cdef void binary_strip(int op, const Pieces* p, char* out, Py_ssize_t first,
                       int dtype) noexcept nogil:
    """Some columns of a result, computed along them and turned tile by tile."""
    cdef double[STRIP * RUN] room
    cdef char* tile = <char*>room
    cdef Py_ssize_t size = itemsize(dtype), rows = p.n[0], cols = p.n[1], i, j, n, row
    cdef Py_ssize_t width = min(<Py_ssize_t>STRIP, cols - first)
    for i in range((rows + RUN - 1) // RUN):
        row = i * RUN
        n = min(<Py_ssize_t>RUN, rows - row)
        for j in range(width):
            kernels.binary[dtype](op, p.data[0] + (first + j) * p.steps[0][1] + row * size,
                                  p.data[1] + (first + j) * p.steps[1][1] + row * size,
                                  tile + j * n * size, n)
        kernels.transpose[dtype](tile, n * size, out + (row * cols + first) * size, cols, n, width)


cdef int binary_pieces(int op, Tensor a, Tensor b, Tensor out) except -1:
    cdef Pieces p
    cdef Py_ssize_t i, size = itemsize(out.dtype)
    cdef char* target = out.data
    cdef int dtype = out.dtype
    _scratch = cut(&p, out, 2, a, b, None)
    if all_transposed(&p):
        for i in prange((p.cols + STRIP - 1) // STRIP, nogil=True, schedule="static",
                        num_threads=threads()):
            binary_strip(op, &p, target, i * STRIP, dtype)
        return 0
    for i in prange(p.total, nogil=True, schedule="static", num_threads=threads()):
        kernels.binary[dtype](op, piece(&p, 0, i), piece(&p, 1, i),
                              target + piece_start(&p, i) * size, piece_length(&p, i))
    return 0


cdef int compute_binary(int op, Tensor a, Tensor b, Tensor out) except -1:
    """out = op(a, b) with broadcasting; out is contiguous and may be a or b."""
    cdef Py_ssize_t[MAX_NDIM] n
    cdef Py_ssize_t[MAX_NDIM] sa
    cdef Py_ssize_t[MAX_NDIM] sb
    cdef Py_ssize_t[MAX_NDIM] so
    cdef Py_ssize_t step, i, rows
    cdef int axes, dtype = out.dtype, j
    cdef const char* pa
    cdef const char* pb
    cdef char* po
    if out.size == 0:
        return 0
    if out.size < binary_grain(op):
        if a.contiguous and b.contiguous and a.size == out.size and b.size == out.size:
            kernels.binary[dtype](op, a.data, b.data, out.data, out.size)
            return 0
        a = a if row_ready(a) else packed(a)
        b = b if row_ready(b) else packed(b)
    elif b.size == 1 and a.size == out.size:
        return apply_binary_scalar(op, a, number_at(b.data, dtype), False, out)
    elif a.size == 1 and b.size == out.size:
        return apply_binary_scalar(op, b, number_at(a.data, dtype), True, out)
    elif not (row_ready(a) and row_ready(b)) or (a.size == out.size and b.size == out.size):
        return binary_pieces(op, a, b, out)
    a = expanded(a, out.ndim, out.shape_)
    b = expanded(b, out.ndim, out.shape_)
    axes = coalesce(out.ndim, out.shape_, a.strides_, b.strides_, n, sa, sb)
    step = itemsize(dtype)
    for j in range(axes - 1, -1, -1):
        so[j] = step
        step *= n[j]
    pa, pb, po = a.data, b.data, out.data
    if out.size < LIGHT_GRAIN or axes == 1 or n[0] < 2:
        with nogil:
            binary_rows(op, pa, pb, po, dtype, 0, axes - 1, n, sa, sb, so)
        return 0
    rows = n[0]
    for i in prange(rows, nogil=True, schedule="static", num_threads=threads()):
        binary_rows(op, pa + i * sa[0], pb + i * sb[0], po + i * so[0], dtype, 1, axes - 1, n,
                    sa, sb, so)
    return 0


cdef int apply_binary_grad(int op, int which, const char* a, const char* b, const char* y,
                           const char* g, char* dx, bint accumulate, Py_ssize_t n,
                           int dtype) except -1:
    cdef Py_ssize_t step = CHUNK * itemsize(dtype), i
    if n < binary_grain(op):
        kernels.binary_grad[dtype](op, which, a, b, y, g, dx, accumulate, n)
        return 0
    for i in prange((n + CHUNK - 1) // CHUNK, nogil=True, schedule="static",
                    num_threads=threads()):
        kernels.binary_grad[dtype](op, which, a + i * step, b + i * step, y + i * step,
                                   g + i * step, dx + i * step, accumulate,
                                   min(<Py_ssize_t>CHUNK, n - i * CHUNK))
    return 0


cdef int compare_with_number(int op, Tensor a, Tensor number, Tensor out) except -1:
    cdef Pieces p
    cdef Py_ssize_t i
    cdef double s = number_at(number.data, a.dtype)
    cdef unsigned char* target = <unsigned char*>out.data
    cdef int dtype = a.dtype
    if out.size < LIGHT_GRAIN:
        a = packed(a)
        kernels.compare_scalar[dtype](op, a.data, s, target, out.size)
        return 0
    _scratch = cut(&p, out, 1, a, None, None)
    for i in prange(p.total, nogil=True, schedule="static", num_threads=threads()):
        kernels.compare_scalar[dtype](op, piece(&p, 0, i), s, target + piece_start(&p, i),
                                      piece_length(&p, i))
    return 0


cdef int compare_arrays(int op, Tensor a, Tensor b, Tensor out) except -1:
    cdef Pieces p
    cdef Py_ssize_t i
    cdef unsigned char* target = <unsigned char*>out.data
    cdef int dtype = a.dtype
    if out.size < LIGHT_GRAIN:
        a = packed(expanded(a, out.ndim, out.shape_))
        b = packed(expanded(b, out.ndim, out.shape_))
        kernels.compare[dtype](op, a.data, b.data, target, out.size)
        return 0
    _scratch = cut(&p, out, 2, a, b, None)
    for i in prange(p.total, nogil=True, schedule="static", num_threads=threads()):
        kernels.compare[dtype](op, piece(&p, 0, i), piece(&p, 1, i), target + piece_start(&p, i),
                               piece_length(&p, i))
    return 0


cdef int apply_binary_scalar(int op, Tensor a, double s, bint swapped, Tensor out) except -1:
    cdef Pieces p
    cdef Py_ssize_t i, size = itemsize(out.dtype)
    cdef char* target = out.data
    cdef int dtype = a.dtype
    if a.size < binary_grain(op):
        a = packed(a)
        kernels.binary_scalar[dtype](op, a.data, s, swapped, target, a.size)
        return 0
    _scratch = cut(&p, out, 1, a, None, None)
    for i in prange(p.total, nogil=True, schedule="static", num_threads=threads()):
        kernels.binary_scalar[dtype](op, piece(&p, 0, i), s, swapped,
                                     target + piece_start(&p, i) * size, piece_length(&p, i))
    return 0


cdef int scaled(double alpha, Tensor g, Tensor dx, bint accumulate) except -1:
    """dx (+)= alpha * g."""
    cdef Py_ssize_t n = g.size, step = CHUNK * itemsize(g.dtype), i
    cdef int dtype = g.dtype
    cdef const char* source = g.data
    cdef char* target = dx.data
    if n < LIGHT_GRAIN:
        kernels.scale[dtype](alpha, source, target, accumulate, n)
        return 0
    for i in prange((n + CHUNK - 1) // CHUNK, nogil=True, schedule="static",
                    num_threads=threads()):
        kernels.scale[dtype](alpha, source + i * step, target + i * step, accumulate,
                             min(<Py_ssize_t>CHUNK, n - i * CHUNK))
    return 0


cdef int zero_bytes(char* target, Py_ssize_t n) except -1:
    cdef Py_ssize_t i
    if n < 4 * LIGHT_GRAIN:
        memset(target, 0, n)
        return 0
    for i in prange((n + 4 * CHUNK - 1) // (4 * CHUNK), nogil=True, schedule="static",
                    num_threads=threads()):
        memset(target + i * 4 * CHUNK, 0, min(<Py_ssize_t>(4 * CHUNK), n - i * 4 * CHUNK))
    return 0


cdef int fill(Tensor x, double value) except -1:
    """x[...] = value for a contiguous float array that is ours to write."""
    cdef Py_ssize_t n = x.size, step, i
    cdef char* target = x.data
    cdef int dtype = x.dtype
    if value == 0 and not signbit(value) and x.contiguous:
        return zero_bytes(target, n * itemsize(dtype))
    if dtype > FLOAT64 or not x.contiguous:
        view_numpy(x)[...] = value
        return 0
    if n < LIGHT_GRAIN:
        kernels.fill[dtype](value, target, n)
        return 0
    step = CHUNK * itemsize(dtype)
    for i in prange((n + CHUNK - 1) // CHUNK, nogil=True, schedule="static",
                    num_threads=threads()):
        kernels.fill[dtype](value, target + i * step, min(<Py_ssize_t>CHUNK, n - i * CHUNK))
    return 0


cdef int mask_into(Tensor x, Tensor ones, Tensor out) except -1:
    if x.dtype > FLOAT64:
        view_numpy(out)[...] = numpy.where(view_numpy(ones) != 0, view_numpy(x), 0)
        return 0
    ones = packed(ones)
    return apply_unary_grad(U_RELU, ones.data, ones.data, packed(x).data, out.data, False, x.size,
                            x.dtype)
