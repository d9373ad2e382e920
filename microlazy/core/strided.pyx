"""Walks over strided memory: packing, assigning, broadcasting."""

from cython cimport floating
from libc.string cimport memcpy
from microlazy.core.kernels.select cimport kernels
from microlazy.core.tensor cimport (
    FLOAT32, FLOAT64, MAX_NDIM, Tensor, alias, is_contiguous, itemsize, like, shape_tuple,
    view_numpy,
)

import numpy

from microlazy.base import ShapeError


cdef int coalesce(int ndim, const Py_ssize_t* shape, const Py_ssize_t* sa, const Py_ssize_t* sb,
                  Py_ssize_t* n, Py_ssize_t* ta, Py_ssize_t* tb) noexcept nogil:
    """Merge neighbouring axes that both operands step through evenly; returns the axes left.

    The last axis comes last. There is always at least one axis, of one element if need be.
    """
    cdef int i, m = 0
    for i in range(ndim):
        if shape[i] == 1:
            continue
        if m > 0 and ta[m - 1] == sa[i] * shape[i] and tb[m - 1] == sb[i] * shape[i]:
            n[m - 1] *= shape[i]
            ta[m - 1] = sa[i]
            tb[m - 1] = sb[i]
        else:
            n[m] = shape[i]
            ta[m] = sa[i]
            tb[m] = sb[i]
            m += 1
    if m == 0:
        n[0] = 1
        ta[0] = tb[0] = 0
        m = 1
    return m


ctypedef fused element:
    char
    short
    int
    double


cdef void copy_row(element* d, Py_ssize_t ds, const element* s, Py_ssize_t ss,
                   Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef element value
    if ss == 0:
        value = s[0]
        for i in range(n):
            d[i * ds] = value
    else:
        for i in range(n):
            d[i * ds] = s[i * ss]


cdef void copy_rows(char* d, const char* s, Py_ssize_t size, int axis, int last,
                    const Py_ssize_t* n, const Py_ssize_t* sd, const Py_ssize_t* ss) noexcept nogil:
    cdef Py_ssize_t i
    if axis < last:
        for i in range(n[axis]):
            copy_rows(d + i * sd[axis], s + i * ss[axis], size, axis + 1, last, n, sd, ss)
    elif sd[axis] == size and ss[axis] == size:
        memcpy(d, s, n[axis] * size)
    elif size == 4:
        copy_row[int](<int*>d, sd[axis] // 4, <const int*>s, ss[axis] // 4, n[axis])
    elif size == 8:
        copy_row[double](<double*>d, sd[axis] // 8, <const double*>s, ss[axis] // 8, n[axis])
    elif size == 1:
        copy_row[char](d, sd[axis], s, ss[axis], n[axis])
    else:
        copy_row[short](<short*>d, sd[axis] // 2, <const short*>s, ss[axis] // 2, n[axis])


cdef void add_row(floating* d, Py_ssize_t ds, const floating* s, Py_ssize_t ss,
                  Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        d[i * ds] += s[i * ss]


cdef void add_rows(char* d, const char* s, int dtype, int axis, int last, const Py_ssize_t* n,
                   const Py_ssize_t* sd, const Py_ssize_t* ss) noexcept nogil:
    cdef Py_ssize_t i, size = itemsize(dtype)
    if axis < last:
        for i in range(n[axis]):
            add_rows(d + i * sd[axis], s + i * ss[axis], dtype, axis + 1, last, n, sd, ss)
    elif sd[axis] == size and ss[axis] == size:
        kernels.add_to[dtype](s, d, n[axis])
    elif dtype == FLOAT32:
        add_row[float](<float*>d, sd[axis] // 4, <const float*>s, ss[axis] // 4, n[axis])
    else:
        add_row[double](<double*>d, sd[axis] // 8, <const double*>s, ss[axis] // 8, n[axis])


cdef int pack(Tensor x, char* out) except -1:
    cdef Py_ssize_t[MAX_NDIM] n
    cdef Py_ssize_t[MAX_NDIM] sx
    cdef Py_ssize_t[MAX_NDIM] so
    cdef Py_ssize_t[MAX_NDIM] dense
    cdef Py_ssize_t step = itemsize(x.dtype)
    cdef int i, axes
    if x.size == 0:
        return 0
    if x.contiguous:
        memcpy(out, x.data, x.size * step)
        return 0
    for i in range(x.ndim - 1, -1, -1):
        dense[i] = step
        step *= x.shape_[i]
    axes = coalesce(x.ndim, x.shape_, x.strides_, dense, n, sx, so)
    copy_rows(out, x.data, itemsize(x.dtype), 0, axes - 1, n, so, sx)
    return 0


cdef Tensor packed(Tensor x):
    cdef Tensor y
    if x.contiguous:
        return x
    y = like(x)
    pack(x, y.data)
    return y


cdef int broadcast_shape(Tensor a, Tensor b, Py_ssize_t* shape, str what) except -1:
    """The shape that a and b broadcast to; returns its number of axes."""
    cdef int i, ndim = a.ndim if a.ndim > b.ndim else b.ndim
    cdef Py_ssize_t m, n
    for i in range(1, ndim + 1):
        m = a.shape_[a.ndim - i] if i <= a.ndim else 1
        n = b.shape_[b.ndim - i] if i <= b.ndim else 1
        if m != n and m != 1 and n != 1:
            raise ShapeError(
                f"{what}: operands could not be broadcast together with shapes "
                f"{shape_tuple(a)} {shape_tuple(b)}")
        shape[ndim - i] = m if n == 1 else n
    return ndim


cdef Tensor expanded(Tensor x, int ndim, const Py_ssize_t* shape):
    cdef Tensor y
    cdef int i, shift = ndim - x.ndim
    cdef bint same = shift == 0
    if same:
        for i in range(ndim):
            if x.shape_[i] != shape[i]:
                same = False
                break
        if same:
            return x
    y = alias(x)
    y.ndim = ndim
    y.size = 1
    for i in range(ndim):
        y.shape_[i] = shape[i]
        y.size *= shape[i]
        y.strides_[i] = 0
        if i >= shift and x.shape_[i - shift] != 1:
            y.strides_[i] = x.strides_[i - shift]
    y.contiguous = is_contiguous(y)
    return y


cdef void extent(Tensor x, char** first, char** last) noexcept:
    """The first byte of an array in memory, and the one after its last."""
    cdef int i
    first[0] = x.data
    last[0] = x.data + itemsize(x.dtype)
    for i in range(x.ndim):
        if x.strides_[i] < 0:
            first[0] += (x.shape_[i] - 1) * x.strides_[i]
        else:
            last[0] += (x.shape_[i] - 1) * x.strides_[i]


cdef bint overlap(Tensor a, Tensor b) noexcept:
    """Whether two arrays may share memory."""
    cdef char* a0
    cdef char* a1
    cdef char* b0
    cdef char* b1
    if a.size == 0 or b.size == 0 or (
            a.block is not b.block and a.block.bucket >= 0 and b.block.bucket >= 0):
        return False                    # two blocks of the pool; a foreign one may lie in either
    extent(a, &a0, &a1)
    extent(b, &b0, &b1)
    return a0 < b1 and b0 < a1


cdef int assign(Tensor dst, Tensor src) except -1:
    cdef Py_ssize_t[MAX_NDIM] n
    cdef Py_ssize_t[MAX_NDIM] sd
    cdef Py_ssize_t[MAX_NDIM] ss
    cdef int i, axes, extra
    extra = src.ndim - dst.ndim
    if extra > 0:                       # leading axes of size 1 may go, as in NumPy
        for i in range(extra):
            if src.shape_[i] != 1:
                raise ShapeError(f"could not broadcast an array of shape {shape_tuple(src)} "
                                 f"into shape {shape_tuple(dst)}")
        src = alias(src)
        for i in range(dst.ndim):
            src.shape_[i] = src.shape_[i + extra]
            src.strides_[i] = src.strides_[i + extra]
        src.ndim = dst.ndim
    for i in range(1, src.ndim + 1):
        if src.shape_[src.ndim - i] not in (1, dst.shape_[dst.ndim - i]):
            raise ShapeError(f"could not broadcast an array of shape {shape_tuple(src)} "
                             f"into shape {shape_tuple(dst)}")
    if dst.size == 0:
        return 0
    if src.dtype != dst.dtype:
        with numpy.errstate(invalid="ignore", over="ignore"):
            numpy.copyto(view_numpy(dst), view_numpy(src), casting="unsafe")
        return 0
    if overlap(dst, src):
        src = like_copy(src)
    if src.contiguous and dst.contiguous and src.size == dst.size:
        memcpy(dst.data, src.data, dst.size * itemsize(dst.dtype))
        return 0
    src = expanded(src, dst.ndim, dst.shape_)
    axes = coalesce(dst.ndim, dst.shape_, dst.strides_, src.strides_, n, sd, ss)
    copy_rows(dst.data, src.data, itemsize(dst.dtype), 0, axes - 1, n, sd, ss)
    return 0


cdef Tensor like_copy(Tensor x):
    cdef Tensor y = like(x)
    pack(x, y.data)
    return y


cdef int add_to(Tensor dst, Tensor src) except -1:
    cdef Py_ssize_t[MAX_NDIM] n
    cdef Py_ssize_t[MAX_NDIM] sd
    cdef Py_ssize_t[MAX_NDIM] ss
    cdef int axes
    if dst.size == 0:
        return 0
    if dst.dtype > FLOAT64:
        array = view_numpy(dst)
        array += view_numpy(src)
        return 0
    axes = coalesce(dst.ndim, dst.shape_, dst.strides_, src.strides_, n, sd, ss)
    add_rows(dst.data, src.data, dst.dtype, 0, axes - 1, n, sd, ss)
    return 0
