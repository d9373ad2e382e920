"""Products with matrices that are packed into panels of our own, where that beats BLAS.

A matrix is packed once, where BLAS packs it for each product and each of our threads. Each sum is
made in the order of its terms, so neither threads nor the rows that are multiplied together change
a bit.
"""

from cython.parallel cimport prange
from libc.string cimport memcpy
from microlazy.core.blas cimport gemm
from microlazy.core.kernels.select cimport kernels
from microlazy.core.parallel cimport COLUMNS, LIGHT_GRAIN, thread_number, threads
from microlazy.core.tensor cimport ND, Tensor, itemsize, new

cdef enum:
    THIN = 4                      # rows up to which our own products beat a call of BLAS
    WORTH_THREADS = 1 << 19       # multiplications from which a second core pays
    UNITS = 64                    # rows of a weight's gradient that are found at once,
    TERMS = 1024                  # and terms that are summed at once
    NARROW = 16                   # columns of a weight that fill a panel
    SHARE = 32                    # columns that a thread packs and multiplies by at once,
    WIDE_SHARE = 128              # and where there are enough of them for all threads
    BLOCK = 1 << 16               # numbers of the other matrix that stay in the second cache
    FEWEST_ROWS = 16              # of a product for which packing pays
    FEWEST_COLUMNS = 64
    FEWEST_TERMS = 24
    LEAST = 1 << 20               # multiplications from which it pays,
    LEAST_TURNED = 1 << 18        # and of a transpose, with which BLAS is slower


cdef bint suits_panels(int dtype, bint transposed, Py_ssize_t rows, Py_ssize_t cols,
                       Py_ssize_t k) noexcept nogil:
    return (kernels.lanes[dtype] * itemsize(dtype) > 16 and rows >= FEWEST_ROWS
            and cols >= FEWEST_COLUMNS and k >= FEWEST_TERMS
            and rows * cols * k >= (LEAST_TURNED if transposed else LEAST))


cdef int multiply_by_panels(int dtype, const char* x, bint transposed, const char* b, char* out,
                            bint accumulate, Py_ssize_t rows, Py_ssize_t cols,
                            Py_ssize_t k) except -1:
    cdef Py_ssize_t item = itemsize(dtype), i
    cdef int team = threads() if rows * cols * k >= WORTH_THREADS else 1
    cdef Py_ssize_t share = SHARE if cols < 2 * team * WIDE_SHARE else WIDE_SHARE
    cdef Py_ssize_t room = (share + NARROW) * min(k, <Py_ssize_t>TERMS), all_room = team * room
    cdef Tensor panels = new(ND, dtype, 1, &all_room)
    cdef char* scratch = panels.data
    for i in prange((cols + share - 1) // share, nogil=True, schedule="dynamic", num_threads=team):
        multiply_share(dtype, x, transposed, b, scratch + thread_number() * room * item, out,
                       accumulate, rows, cols, k, i * share, min(share, cols - i * share))
    return 0


cdef void multiply_share(int dtype, const char* x, bint transposed, const char* b, char* panels,
                         char* out, bint accumulate, Py_ssize_t rows, Py_ssize_t cols,
                         Py_ssize_t k, Py_ssize_t first, Py_ssize_t n) noexcept nogil:
    """Columns from `first` to first + n of a product."""
    cdef Py_ssize_t item = itemsize(dtype), parts = (k + TERMS - 1) // TERMS, row, term = 0
    cdef Py_ssize_t most = (k + parts - 1) // parts, terms
    # Whole tiles of all builds.
    cdef Py_ssize_t step = max(<Py_ssize_t>1, BLOCK // most // 24) * 24
    while term < k:
        terms = min(most, k - term)
        kernels.pack_panels[dtype](
            transposed, b + (first * k + term if transposed else term * cols + first) * item,
            panels, n, terms, k if transposed else cols)
        row = 0
        while row < rows:
            kernels.panel_product[dtype](x + (row * k + term) * item, k, 1, panels,
                                         out + (row * cols + first) * item, accumulate or term > 0,
                                         min(step, rows - row), n, terms, cols)
            row += step
        term += most


cdef void panel_product(int dtype, const char* x, const char* panels, char* out, bint accumulate,
                        Py_ssize_t rows, Py_ssize_t cols, Py_ssize_t k) noexcept nogil:
    cdef Py_ssize_t size = itemsize(dtype), i
    if rows * cols * k < WORTH_THREADS:
        kernels.panel_product[dtype](x, k, 1, panels, out, accumulate, rows, cols, k, cols)
        return
    for i in prange((cols + COLUMNS - 1) // COLUMNS, schedule="static", num_threads=threads()):
        kernels.panel_product[dtype](x, k, 1, panels + i * COLUMNS * k * size,
                                     out + i * COLUMNS * size, accumulate, rows,
                                     min(<Py_ssize_t>COLUMNS, cols - i * COLUMNS), k, cols)


cdef void pack(int dtype, bint transposed, const char* b, char* panels, Py_ssize_t n,
               Py_ssize_t k) noexcept nogil:
    cdef Py_ssize_t step = k if transposed else n, size = itemsize(dtype), i
    if n * k < LIGHT_GRAIN:
        kernels.pack_panels[dtype](transposed, b, panels, n, k, step)
        return
    for i in prange((n + COLUMNS - 1) // COLUMNS, schedule="static", num_threads=threads()):
        kernels.pack_panels[dtype](transposed, b + i * COLUMNS * size * (k if transposed else 1),
                                   panels + i * COLUMNS * k * size,
                                   min(<Py_ssize_t>COLUMNS, n - i * COLUMNS), k, step)


cdef void weight_gradient(int dtype, const char* g, const char* x, char* dw, bint accumulate,
                          Py_ssize_t rows, Py_ssize_t units, Py_ssize_t size) noexcept nogil:
    if rows <= THIN:
        kernels.thin_tn[dtype](g, x, dw, accumulate, rows, units, size)
    else:
        gemm(dtype, True, False, units, size, rows, g, units, x, size,
             1.0 if accumulate else 0.0, dw, size)


cdef int weight_gradients(int dtype, const char* g, Py_ssize_t rows, Py_ssize_t units,
                          const char* x, const long long* places, char* dx, bint add_x,
                          Py_ssize_t features, const char* s, char* ds, bint add_s,
                          Py_ssize_t size) except -1:
    cdef Py_ssize_t item = itemsize(dtype), parts = (rows + TERMS - 1) // TERMS, part, i
    cdef Py_ssize_t most = (rows + parts - 1) // parts, first, n, room, all_room
    cdef Py_ssize_t room_x = (features + NARROW) * most, room_s = (size + NARROW) * most
    cdef int team = threads() if rows * units * (features + size) >= WORTH_THREADS else 1
    cdef Py_ssize_t whole = ((units + team - 1) // team + 7) & ~<Py_ssize_t>7
    cdef Py_ssize_t share = min(<Py_ssize_t>UNITS, whole)
    cdef Tensor panels_x = None, panels_s = None, scratch
    cdef const char* px = NULL
    cdef char* ps = NULL
    cdef const long long* of_part = NULL
    cdef char* near
    if dx != NULL and (features < NARROW or rows <= THIN):
        with nogil:
            weight_gradient(dtype, g, x, dx, add_x, rows, units, features)
        dx = NULL
    if ds != NULL and (size < NARROW or rows <= THIN):
        with nogil:
            weight_gradient(dtype, g, s, ds, add_s, rows, units, size)
        ds = NULL
    if dx == NULL and ds == NULL:
        return 0
    if dx != NULL and places == NULL:
        panels_x = new(ND, dtype, 1, &room_x)
        px = panels_x.data
    if ds != NULL:
        panels_s = new(ND, dtype, 1, &room_s)
        ps = panels_s.data
    room = UNITS * (most + (0 if places == NULL else 2 * features))
    all_room = team * room
    scratch = new(ND, dtype, 1, &all_room)
    near = scratch.data
    for part in range(parts):
        first = part * most
        n = min(most, rows - first)
        if places != NULL:
            px, of_part = x + first * item, places + first
        elif px != NULL:
            pack(dtype, False, x + first * features * item, panels_x.data, features, n)
        if ps != NULL:
            pack(dtype, False, s + first * size * item, ps, size, n)
        for i in prange((units + share - 1) // share, nogil=True, schedule="static",
                        num_threads=team):
            units_gradient(dtype, g + first * units * item, units, i * share,
                           min(share, units - i * share), n, px, of_part, dx, add_x or part,
                           features, ps, ds, add_s or part, size,
                           near + thread_number() * room * item)
    return 0


cdef void units_gradient(int dtype, const char* g, Py_ssize_t units, Py_ssize_t first,
                         Py_ssize_t n, Py_ssize_t rows, const char* px, const long long* places,
                         char* dx, bint add_x, Py_ssize_t features, const char* ps, char* ds,
                         bint add_s, Py_ssize_t size, char* near) noexcept nogil:
    """Some rows of both gradients, from packed x and s, or what x has at its places."""
    cdef Py_ssize_t item = itemsize(dtype), row
    for row in range(rows):                 # in g itself they are too far from each other
        memcpy(near + row * n * item, g + (row * units + first) * item, n * item)
    if dx != NULL and places != NULL:
        kernels.sum_at_places[dtype](px, places, near, near + rows * n * item,
                                     dx + first * features * item, add_x, rows, n, features)
    elif dx != NULL:
        kernels.panel_product[dtype](near, 1, n, px, dx + first * features * item, add_x, n,
                                     features, rows, features)
    if ds != NULL:
        kernels.panel_product[dtype](near, 1, n, ps, ds + first * size * item, add_s, n, size,
                                     rows, size)
