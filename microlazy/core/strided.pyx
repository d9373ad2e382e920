"""Walks over strided memory: packing, assigning, broadcasting."""

from cython cimport floating
from cython.parallel cimport prange
from libc.stdint cimport uintptr_t
from libc.string cimport memcpy, memset
from microlazy.core.kernels.select cimport kernels
from microlazy.core.parallel cimport CHUNK, LIGHT_GRAIN, thread_number, threads
from microlazy.core.tensor cimport (
    BOOL, FLOAT16, FLOAT32, FLOAT64, INT32, INT64, MAX_NDIM, ND, UINT8, Tensor, alias,
    is_contiguous, itemsize, like, new, same_shape, shape_tuple, view_numpy,
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
        copy_run(d, s, n[axis] * size)
    else:
        copy_steps(d, sd[axis], s, ss[axis], size, n[axis])


cdef void copy_steps(char* d, Py_ssize_t ds, const char* s, Py_ssize_t ss, Py_ssize_t size,
                     Py_ssize_t n) noexcept nogil:
    """Copy n elements of `size` bytes; the steps are in bytes."""
    if ss == 0 and ds == size and size != 2:
        repeat_one(d, s, size, n)
    elif size == 4:
        copy_row[int](<int*>d, ds // 4, <const int*>s, ss // 4, n)
    elif size == 8:
        copy_row[double](<double*>d, ds // 8, <const double*>s, ss // 8, n)
    elif size == 1:
        copy_row[char](d, ds, s, ss, n)
    else:
        copy_row[short](<short*>d, ds // 2, <const short*>s, ss // 2, n)


cdef inline void repeat_one(char* d, const char* s, Py_ssize_t size, Py_ssize_t n) noexcept nogil:
    """Copy one element n times; its bits are copied, whatever they mean."""
    if size == 4:
        kernels.repeat_each[<int>FLOAT32](s, 0, d, 1, n)
    elif size == 8:
        kernels.repeat_each[<int>FLOAT64](s, 0, d, 1, n)
    else:
        memset(d, s[0], n)


cdef void copy_parts(char* d, const char* s, Py_ssize_t size, int last, const Py_ssize_t* n,
                     const Py_ssize_t* sd, const Py_ssize_t* ss) noexcept:
    """copy_rows, by all threads along the first axis, or the next if that is short."""
    cdef Py_ssize_t i
    if last > 1 and n[0] < threads() <= n[1]:
        for i in range(n[0]):
            copy_parts(d + i * sd[0], s + i * ss[0], size, last - 1, n + 1, sd + 1, ss + 1)
        return
    for i in prange(n[0], nogil=True, schedule="static", num_threads=threads()):
        copy_rows(d + i * sd[0], s + i * ss[0], size, 1, last, n, sd, ss)


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


cdef enum:
    PAGE = 1 << 12                # bytes
    SHORT_RUN = 1 << 10           # bytes that memcpy copies by a loop of its own


cdef void copy_run(char* d, const char* s, Py_ssize_t n) noexcept nogil:
    # A processor's own instruction for long copies, which memcpy may use, takes ten times as long
    # where d lies a few bytes higher in its page than s: each load seems to need the store before.
    cdef Py_ssize_t done = 0, ahead = (<uintptr_t>d - <uintptr_t>s) & (PAGE - 1)
    if 0 < ahead < 16:
        while n - done > 2 * SHORT_RUN:
            memcpy(d + done, s + done, SHORT_RUN)
            done += SHORT_RUN
    memcpy(d + done, s + done, n - done)


cdef int copy_bytes(char* d, const char* s, Py_ssize_t n) except -1:
    cdef Py_ssize_t i
    if n < 4 * LIGHT_GRAIN:
        copy_run(d, s, n)
        return 0
    for i in prange((n + 4 * CHUNK - 1) // (4 * CHUNK), nogil=True, schedule="static",
                    num_threads=threads()):
        copy_run(d + i * 4 * CHUNK, s + i * 4 * CHUNK, min(<Py_ssize_t>(4 * CHUNK),
                                                           n - i * 4 * CHUNK))
    return 0


# ---- work in pieces ------------------------------------------------------------------------------

cdef enum:
    LONG_ROW = 256                # elements that are worth a call of a kernel
    NARROW = 4                    # elements that are not worth a loop


cdef void gather_block(char* d, const char* s, Py_ssize_t size, Py_ssize_t row_step,
                       Py_ssize_t step, Py_ssize_t rows, Py_ssize_t cols) noexcept nogil:
    """Pack (rows, cols) elements of `size` bytes that are row_step and step bytes apart."""
    cdef Py_ssize_t i
    if step == 0 and size >= 4 and rows > 1:
        i = <int>FLOAT32 if size == 4 else <int>FLOAT64         # bits, whatever they mean
        kernels.repeat_each[i](s, row_step // size, d, rows, cols)
        return
    if row_step == size and size == 4:
        kernels.transpose[<int>FLOAT32](s, step, d, cols, rows, cols)
        return
    if row_step == size and size == 8:
        kernels.transpose[<int>FLOAT64](s, step, d, cols, rows, cols)
        return
    if cols <= NARROW < rows and row_step:  # such as the channels of an image that is mirrored
        for i in range(cols):
            copy_steps(d + i * size, cols * size, s + i * step, row_step, size, rows)
        return
    for i in range(rows):
        if step == size or (i and row_step == 0):
            copy_run(d, s if step == size else d - cols * size, cols * size)
        elif size == 4:                     # bits are copied, whatever they mean
            kernels.gather[<int>FLOAT32](s, step // 4, d, cols)
        elif size == 8:
            kernels.gather[<int>FLOAT64](s, step // 8, d, cols)
        else:
            copy_steps(d, size, s, step, size, cols)
        d += cols * size
        s += row_step


cdef Py_ssize_t even_piece(Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t pieces = 4 * (n // (4 * CHUNK) + 1)
    return ((n + pieces - 1) // pieces + 15) // 16 * 16       # whole vectors


cdef Tensor cut(Pieces* p, Tensor out, int count, Tensor a, Tensor b, Tensor c):
    """Cut the work on out's elements; a, b, c are broadcast to its shape. Not for empty arrays.

    Returns scratch memory, to be kept until the work is done.
    """
    cdef Py_ssize_t most = CHUNK
    cdef bint direct = True, transposed = False, has_rows = True
    cdef int k
    describe(p, out, count, a, b, c)
    for k in range(count):
        direct = direct and p.direct[k]
        transposed = transposed or is_transposed(p, k)
        has_rows = has_rows and p.steps[k][p.axes - 1] == p.itemsize[k]
    if not direct and has_rows and p.cols >= LONG_ROW:
        most = min(p.cols, <Py_ssize_t>CHUNK)   # a piece is a row, which needs no packing
    elif transposed:
        most = 4 * CHUNK                    # tall, to read whole lines of memory at once
    elif not direct:
        most = CHUNK // 4                   # so that what is packed stays in the nearest cache
    elif p.rows == 1:
        most = even_piece(p.cols)
    p.width = min(p.cols, most)
    p.height = min(p.rows, most // p.width)
    if p.height > 16:
        p.height -= p.height % 16           # whole tiles of a transposition
    p.across = (p.cols + p.width - 1) // p.width
    p.total = p.across * ((p.rows + p.height - 1) // p.height)
    return None if direct else make_room(p, p.width * p.height)


cdef inline bint is_transposed(const Pieces* p, int k) noexcept nogil:
    """Whether operand k has neighbours below each other, not beside each other."""
    return p.axes > 1 and p.steps[k][p.axes - 2] == p.itemsize[k] != p.steps[k][p.axes - 1]


cdef bint all_transposed(const Pieces* p) noexcept:
    cdef int k
    for k in range(p.count):
        if not is_transposed(p, k):
            return False
    return p.axes == 2 and p.n[0] >= LONG_ROW


cdef Tensor unroll(Pieces* p, Tensor x, Py_ssize_t longest):
    """Make stretches of x's elements readable, up to `longest` at a time, whatever its layout.

    Returns scratch memory, to be kept until the work is done.
    """
    describe(p, x, 1, x, None, None)
    return None if p.direct[0] else make_room(p, longest + 2 * p.cols)


cdef Tensor make_room(Pieces* p, Py_ssize_t longest):
    cdef Py_ssize_t nbytes
    p.room = longest * 8
    nbytes = p.count * p.room * threads()
    cdef Tensor scratch = new(ND, UINT8, 1, &nbytes)
    p.scratch = scratch.data
    return scratch


cdef int describe(Pieces* p, Tensor out, int count, Tensor a, Tensor b, Tensor c) except -1:
    """The operands' places, with axes merged where all step evenly."""
    cdef Tensor x
    cdef int i, k, m = 0
    cdef bint merge
    p.count = count
    p.size = out.size
    for k in range(count):
        x = expanded(a if k == 0 else b if k == 1 else c, out.ndim, out.shape_)
        p.data[k] = x.data
        p.itemsize[k] = itemsize(x.dtype)
        p.direct[k] = x.contiguous
        for i in range(out.ndim):
            p.steps[k][i] = x.strides_[i]
    for i in range(out.ndim):
        if out.shape_[i] == 1:
            continue
        merge = m > 0
        for k in range(count):
            merge = merge and p.steps[k][m - 1] == p.steps[k][i] * out.shape_[i]
        if not merge:
            p.n[m] = 1
            m += 1
        p.n[m - 1] *= out.shape_[i]
        for k in range(count):
            p.steps[k][m - 1] = p.steps[k][i]
    if m == 0:
        p.n[0] = m = 1
    p.axes = m
    p.cols = p.n[m - 1]
    p.rows = p.size // p.cols
    return 0


cdef Py_ssize_t piece_start(const Pieces* p, Py_ssize_t i) noexcept nogil:
    return i // p.across * p.height * p.cols + i % p.across * p.width


cdef Py_ssize_t piece_length(const Pieces* p, Py_ssize_t i) noexcept nogil:
    return min(p.width, p.cols - i % p.across * p.width) * min(
        p.height, p.rows - i // p.across * p.height)


cdef const char* piece(const Pieces* p, int k, Py_ssize_t i) noexcept nogil:
    return stretch(p, k, piece_start(p, i), piece_length(p, i))


cdef const char* stretch(const Pieces* p, int k, Py_ssize_t start, Py_ssize_t n) noexcept nogil:
    if p.direct[k]:
        return p.data[k] + start * p.itemsize[k]
    cdef char* room = p.scratch + (thread_number() * p.count + k) * p.room
    cdef Py_ssize_t first = start % p.cols, room_in_row
    if p.steps[k][p.axes - 1] == p.itemsize[k] and first + n <= p.cols:
        return row_of(p, k, start // p.cols, &room_in_row) + first * p.itemsize[k]
    if first and is_transposed(p, k) and n + first + p.cols <= p.room // 8:
        n += first                          # whole tiles of a transposition, where there is room
        n += (p.cols - n % p.cols) % p.cols
        gather(p, k, start - first, n, room)
        return room + first * p.itemsize[k]
    gather(p, k, start, n, room)
    return room


cdef const char* row_of(const Pieces* p, int k, Py_ssize_t row, Py_ssize_t* even) noexcept nogil:
    """Where a row of operand k begins, and how many rows from it on are evenly apart."""
    cdef const char* place = p.data[k]
    cdef Py_ssize_t i
    cdef int axis
    even[0] = 1
    for axis in range(p.axes - 2, -1, -1):
        i = row % p.n[axis]
        row //= p.n[axis]
        place += i * p.steps[k][axis]
        if axis == p.axes - 2:
            even[0] = p.n[axis] - i
    return place


cdef void gather(const Pieces* p, int k, Py_ssize_t start, Py_ssize_t n, char* to) noexcept nogil:
    """Pack n elements of operand k."""
    cdef Py_ssize_t row = start // p.cols, first = start % p.cols
    cdef Py_ssize_t rows, cols, size = p.itemsize[k], step = p.steps[k][p.axes - 1]
    cdef Py_ssize_t row_step = p.steps[k][p.axes - 2] if p.axes > 1 else 0
    cdef const char* source
    while n:
        source = row_of(p, k, row, &rows) + first * step
        rows = max(<Py_ssize_t>1, min(n // p.cols, rows)) if first == 0 else 1
        cols = min(p.cols - first, n)
        gather_block(to, source, size, row_step, step, rows, cols)
        to += rows * cols * size
        n -= rows * cols
        row += rows
        first = 0


cdef enum:
    TALL = 16                     # rows, from which on pieces of a matrix are tiles as they are
    TILE_COLS = 1024              # of all rows: what lies between their elements stays in the cache
    TILE_ROWS = 64


cdef int axis_of_neighbours(const Pieces* p) noexcept:
    """The axis along which the elements of a large array of few rows lie side by side, else -1."""
    cdef int i, last = p.axes - 1
    if p.size < LIGHT_GRAIN or p.itemsize[0] < 4 or p.n[last] < TALL or (
            p.steps[0][last] == p.itemsize[0]):
        return -1
    for i in range(last):
        if p.steps[0][i] == p.itemsize[0] and (i < last - 1 or p.n[i] < TALL):
            return i
    return -1


cdef int pack_turned(const Pieces* p, int axis, char* out) except -1:
    """Pack an array whose neighbours along `axis` lie side by side, tile by tile."""
    cdef Py_ssize_t outer = p.rows // p.n[axis], i
    cdef Py_ssize_t across = (p.cols + TILE_COLS - 1) // TILE_COLS
    for i in prange(across * outer, nogil=True, schedule="static", num_threads=threads()):
        turn_tile(p, axis, i % outer, i // outer * TILE_COLS, out)
    return 0


cdef void turn_tile(const Pieces* p, int axis, Py_ssize_t place, Py_ssize_t first,
                    char* out) noexcept nogil:
    """Pack some columns of the rows that stand at a place of the axes between and before."""
    cdef Py_ssize_t size = p.itemsize[0], step = p.steps[0][p.axes - 1]
    cdef Py_ssize_t width = 0, after = p.cols, i
    cdef Py_ssize_t cols = min(<Py_ssize_t>TILE_COLS, p.cols - first)
    cdef int kernel = FLOAT32 if size == 4 else FLOAT64     # bits are copied, whatever they mean
    cdef Py_ssize_t k
    cdef const char* source = p.data[0] + first * step
    out += first * size
    for k in range(p.axes - 2, -1, -1):
        if k == axis:
            width = after
        else:
            source += place % p.n[k] * p.steps[0][k]
            out += place % p.n[k] * after * size
            place //= p.n[k]
        after *= p.n[k]
    for k in range((p.n[axis] + TILE_ROWS - 1) // TILE_ROWS):
        i = k * TILE_ROWS
        kernels.transpose[kernel](source + i * size, step, out + i * width * size, width,
                                  min(<Py_ssize_t>TILE_ROWS, p.n[axis] - i), cols)


cdef int pack(Tensor x, char* out) except -1:
    cdef Pieces p
    cdef Py_ssize_t i, size = itemsize(x.dtype)
    cdef int axis
    if x.size == 0:
        return 0
    if x.contiguous:
        return copy_bytes(out, x.data, x.size * size)
    _scratch = cut(&p, x, 1, x, None, None)
    axis = axis_of_neighbours(&p)
    if axis >= 0:
        return pack_turned(&p, axis, out)
    if x.size < LIGHT_GRAIN:
        for i in range(p.total):
            gather(&p, 0, piece_start(&p, i), piece_length(&p, i), out + piece_start(&p, i) * size)
        return 0
    for i in prange(p.total, nogil=True, schedule="static", num_threads=threads()):
        gather(&p, 0, piece_start(&p, i), piece_length(&p, i), out + piece_start(&p, i) * size)
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
        if dst.contiguous and same_shape(dst, src) and not overlap(dst, src) and (
                convert(packed(src), dst)):
            return 0
        with numpy.errstate(invalid="ignore", over="ignore"):
            numpy.copyto(view_numpy(dst), view_numpy(src), casting="unsafe")
        return 0
    if overlap(dst, src):
        src = like_copy(src)
    if src.contiguous and dst.contiguous and src.size == dst.size:
        return copy_bytes(dst.data, src.data, dst.size * itemsize(dst.dtype))
    src = expanded(src, dst.ndim, dst.shape_)
    if dst.size >= LIGHT_GRAIN:
        dst, src = in_memory_order(dst, src)
        if dst.contiguous:
            return pack(src, dst.data)
    axes = coalesce(dst.ndim, dst.shape_, dst.strides_, src.strides_, n, sd, ss)
    if dst.size < LIGHT_GRAIN or axes == 1:
        copy_rows(dst.data, src.data, itemsize(dst.dtype), 0, axes - 1, n, sd, ss)
        return 0
    copy_parts(dst.data, src.data, itemsize(dst.dtype), axes - 1, n, sd, ss)
    return 0


cdef tuple in_memory_order(Tensor x, Tensor other):
    """x seen with its axes as they lie in memory, and another array of its shape likewise."""
    cdef int i, j
    if x.contiguous:
        return x, other
    x, other = alias(x), alias(other)
    for i in range(x.ndim):
        if x.strides_[i] < 0:
            x.data += (x.shape_[i] - 1) * x.strides_[i]
            x.strides_[i] = -x.strides_[i]
            other.data += (x.shape_[i] - 1) * other.strides_[i]
            other.strides_[i] = -other.strides_[i]
    for i in range(x.ndim):
        for j in range(i, 0, -1):
            if x.strides_[j - 1] >= x.strides_[j]:
                break
            exchange_axes(x, j)
            exchange_axes(other, j)
    x.contiguous = is_contiguous(x)
    other.contiguous = is_contiguous(other)
    return x, other


cdef void exchange_axes(Tensor x, int axis) noexcept:
    """Let an axis and the one before it change places."""
    x.shape_[axis - 1], x.shape_[axis] = x.shape_[axis], x.shape_[axis - 1]
    x.strides_[axis - 1], x.strides_[axis] = x.strides_[axis], x.strides_[axis - 1]


cdef bint convert(Tensor src, Tensor dst) noexcept:
    """Convert packed elements from one dtype to another; False where there is no kernel for it."""
    cdef int source = UINT8 if src.dtype == BOOL else src.dtype, target = dst.dtype
    cdef Py_ssize_t i, n, step = CHUNK * itemsize(source), target_step = CHUNK * itemsize(target)
    cdef const char* x = src.data
    cdef char* y = dst.data
    if source == FLOAT16 or target == FLOAT16:
        if source != FLOAT32 and target != FLOAT32:
            return False
    elif target not in (FLOAT32, FLOAT64, INT32, INT64):
        return False
    if dst.size < LIGHT_GRAIN:
        convert_piece(source, target, x, y, dst.size)
        return True
    n = (dst.size + CHUNK - 1) // CHUNK
    for i in prange(n, nogil=True, schedule="static", num_threads=threads()):
        convert_piece(source, target, x + i * step, y + i * target_step,
                      min(<Py_ssize_t>CHUNK, dst.size - i * CHUNK))
    return True


cdef inline void convert_piece(int source, int target, const char* x, char* y,
                               Py_ssize_t n) noexcept nogil:
    if source == FLOAT16:
        kernels.widen(<const unsigned short*>x, <unsigned int*>y, n)
    elif target == FLOAT16:
        kernels.narrow(<const unsigned int*>x, <unsigned short*>y, n)
    else:
        kernels.convert(source, target, x, y, n)


cdef Tensor like_copy(Tensor x):
    cdef Tensor y = like(x)
    pack(x, y.data)
    return y


cdef int add_to(Tensor dst, Tensor src) except -1:
    cdef Py_ssize_t[MAX_NDIM] n
    cdef Py_ssize_t[MAX_NDIM] sd
    cdef Py_ssize_t[MAX_NDIM] ss
    cdef Py_ssize_t i, size = itemsize(dst.dtype)
    cdef Pieces p
    cdef int axes, dtype = dst.dtype
    cdef char* target
    if dst.size == 0:
        return 0
    if dst.dtype > FLOAT64:
        array = view_numpy(dst)
        array += view_numpy(src)
        return 0
    if dst.size >= LIGHT_GRAIN:
        dst, src = in_memory_order(dst, src)
    target = dst.data
    if dst.contiguous and dst.size >= LIGHT_GRAIN:
        _scratch = cut(&p, dst, 1, src, None, None)
        for i in prange(p.total, nogil=True, schedule="static", num_threads=threads()):
            kernels.add_to[dtype](piece(&p, 0, i), target + piece_start(&p, i) * size,
                                  piece_length(&p, i))
        return 0
    axes = coalesce(dst.ndim, dst.shape_, dst.strides_, src.strides_, n, sd, ss)
    add_rows(dst.data, src.data, dst.dtype, 0, axes - 1, n, sd, ss)
    return 0
