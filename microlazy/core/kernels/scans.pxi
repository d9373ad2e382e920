# Running sums and products, and the recurrence that is the gradient of both.

cdef enum:
    CHAINS = 8          # rows worked on together: each number waits for the one before it


cdef inline void scan_by(
    floating (*f)(floating, floating) noexcept nogil, const floating* x, floating* out,
    Py_ssize_t n, Py_ssize_t step, Py_ssize_t width, Py_ssize_t across
) noexcept nogil:
    """Running f of `width` chains that are `across` apart, of n numbers that are `step` apart."""
    cdef floating last[CHAINS]
    cdef Py_ssize_t i, j
    cdef const floating* source
    cdef floating* target
    if across == 1:                         # columns: whole rows at once
        for j in range(width):
            out[j] = x[j]
        for i in range(1, n):
            x += step
            for j in range(width):
                out[step + j] = f(out[j], x[j])
            out += step
        return
    while width:
        source, target = x, out
        if width >= CHAINS:
            for j in range(CHAINS):
                last[j] = source[j * across]
                target[j * across] = last[j]
            for i in range(1, n):
                source += step
                target += step
                for j in range(CHAINS):
                    last[j] = f(last[j], source[j * across])
                    target[j * across] = last[j]
            j = CHAINS
        else:
            last[0] = source[0]
            target[0] = last[0]
            for i in range(1, n):
                source += step
                target += step
                last[0] = f(last[0], source[0])
                target[0] = last[0]
            j = 1
        x += j * across
        out += j * across
        width -= j


cdef void scan(
    bint product, bint backwards, const floating* x, floating* out, Py_ssize_t n, Py_ssize_t step,
    Py_ssize_t width, Py_ssize_t across
) noexcept nogil:
    if n == 0:
        return
    if backwards:
        x += (n - 1) * step
        out += (n - 1) * step
        step = -step
    if product:
        scan_by(multiply[floating], x, out, n, step, width, across)
    else:
        scan_by(add[floating], x, out, n, step, width, across)


cdef void recurrence(
    bint backwards, const floating* a, const floating* b, floating* out, Py_ssize_t n,
    Py_ssize_t step, Py_ssize_t width, Py_ssize_t across
) noexcept nogil:
    cdef floating last[CHAINS]
    cdef Py_ssize_t i, j
    if n == 0:
        return
    if backwards:                           # a is behind b: it belongs to the later of two
        a += (n - 1) * step
        b += (n - 1) * step
        out += (n - 1) * step
        step = -step
    else:
        a += step
    if across == 1:
        for j in range(width):
            out[j] = b[j]
        for i in range(1, n):
            b += step
            for j in range(width):
                out[step + j] = b[j] + a[j] * out[j]
            a += step
            out += step
        return
    while width:
        if width >= CHAINS:
            for j in range(CHAINS):
                last[j] = b[j * across]
                out[j * across] = last[j]
            for i in range(1, n):
                for j in range(CHAINS):
                    last[j] = b[i * step + j * across] + a[(i - 1) * step + j * across] * last[j]
                    out[i * step + j * across] = last[j]
            j = CHAINS
        else:
            last[0] = b[0]
            out[0] = last[0]
            for i in range(1, n):
                last[0] = b[i * step] + a[(i - 1) * step] * last[0]
                out[i * step] = last[0]
            j = 1
        a += j * across
        b += j * across
        out += j * across
        width -= j
