# Filling, adding, scaling, and copies between layouts.

cdef void gather(
    const floating* x, Py_ssize_t step, floating* out, Py_ssize_t n
) noexcept nogil:
    cdef Py_ssize_t i
    if step == 0:
        fill(x[0], out, n)
    elif step == 2:                         # a constant step becomes vector code
        for i in range(n):
            out[i] = x[2 * i]
    elif step == -1:
        for i in range(n):
            out[i] = x[-i]
    else:
        for i in range(n):
            out[i] = x[i * step]


cdef inline void repeat_by(
    const floating* x, Py_ssize_t step, floating* out, Py_ssize_t n, Py_ssize_t width
) noexcept nogil:
    cdef Py_ssize_t i, j
    for i in range(n):
        for j in range(width):
            out[i * width + j] = x[i * step]


cdef void repeat_each(
    const floating* x, Py_ssize_t step, floating* out, Py_ssize_t n, Py_ssize_t width
) noexcept nogil:
    if width == 2:                          # a constant width becomes straight code
        repeat_by(x, step, out, n, 2)
    elif width == 3:
        repeat_by(x, step, out, n, 3)
    elif width == 4:
        repeat_by(x, step, out, n, 4)
    else:
        repeat_by(x, step, out, n, width)


cdef void fill(double value, floating* out, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    cdef floating v = <floating> value
    for i in range(n):
        out[i] = v


cdef void add_to(const floating* src, floating* dst, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        dst[i] += src[i]


cdef void scale(
    double factor, const floating* src, floating* dst, bint accumulate, Py_ssize_t n
) noexcept nogil:
    cdef Py_ssize_t i
    cdef floating alpha = <floating> factor
    if accumulate:
        for i in range(n):
            dst[i] += alpha * src[i]
    else:
        for i in range(n):
            dst[i] = alpha * src[i]
