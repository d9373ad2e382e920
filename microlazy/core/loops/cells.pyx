"""Steps of recurrent layers, with the products that they wait for.

Where weights are packed, a thread computes both the products and the states of some units, or of
some sequences, before it waits for the others: once in a step.
"""

from cython.parallel cimport prange
from libc.math cimport isfinite
from microlazy.core.blas cimport gemm
from microlazy.core.kernels.select cimport kernels
from microlazy.core.kernels.table cimport GRU, R_SUM
from microlazy.core.loops.panels cimport multiply_by_panels, panel_product, suits_panels
from microlazy.core.parallel cimport COLUMNS, LIGHT_GRAIN, threads
from microlazy.core.tensor cimport FLOAT64, itemsize

cdef enum:
    BLOCK = 1 << 16               # numbers of the inputs of all steps that stay in the second cache


# ---- products ------------------------------------------------------------------------------------

cdef int inputs_product(int dtype, const char* x, const char* weight, char* out, Py_ssize_t rows,
                        Py_ssize_t units, Py_ssize_t size) except -1:
    if suits_panels(dtype, True, rows, units, size):
        return multiply_by_panels(dtype, x, True, weight, out, False, rows, units, size)
    with nogil:
        state_product(dtype, x, weight, out, False, rows, units, size)
    return 0


cdef int inputs_gradient(int dtype, const char* g, const char* weight, char* dx, bint accumulate,
                         Py_ssize_t rows, Py_ssize_t units, Py_ssize_t size) except -1:
    if suits_panels(dtype, False, rows, size, units):
        return multiply_by_panels(dtype, g, False, weight, dx, accumulate, rows, size, units)
    with nogil:
        state_gradient(dtype, g, weight, NULL, dx, accumulate, rows, units, size)
    return 0


cdef void state_product(int dtype, const char* x, const char* weight, char* out, bint accumulate,
                        Py_ssize_t rows, Py_ssize_t units, Py_ssize_t size) noexcept nogil:
    if rows <= THIN and not accumulate:
        kernels.thin_nt[dtype](x, weight, NULL, out, False, rows, units, size)
    else:
        gemm(dtype, False, True, rows, units, size, x, size, weight, size,
             1.0 if accumulate else 0.0, out, units)


cdef void state_gradient(int dtype, const char* g, const char* weight, const char* panels,
                         char* dx, bint accumulate, Py_ssize_t rows, Py_ssize_t units,
                         Py_ssize_t size) noexcept nogil:
    if panels != NULL:
        panel_product(dtype, g, panels, dx, accumulate, rows, size, units)
    elif rows <= THIN:
        kernels.thin_nn[dtype](g, weight, dx, accumulate, rows, units, size)
    else:
        gemm(dtype, False, False, rows, size, units, g, units, weight, size,
             1.0 if accumulate else 0.0, dx, size)


cdef void pack_gates(int dtype, const char* weight, char* panels, int gates, Py_ssize_t size,
                     Py_ssize_t k) noexcept nogil:
    cdef Py_ssize_t item = itemsize(dtype), apart = whole_panels(size) * k * item
    cdef int gate, team = threads() if gates * size * k >= LIGHT_GRAIN else 1
    for gate in prange(gates, schedule="static", num_threads=team):
        kernels.pack_panels[dtype](True, weight + gate * size * k * item, panels + gate * apart,
                                   size, k, k)


cdef bint sum_is_finite(int dtype, const char* x, Py_ssize_t n) noexcept nogil:
    cdef double wide = 0
    cdef float narrow = 0
    if dtype == FLOAT64:
        kernels.reduce_rows[dtype](R_SUM, x, &wide, 1, n)
        return isfinite(wide)
    kernels.reduce_rows[dtype](R_SUM, x, &narrow, 1, n)
    return isfinite(narrow)


# ---- steps ---------------------------------------------------------------------------------------

cdef void gates_products(const Step* s, char* gates, char* hidden, Py_ssize_t row,
                         Py_ssize_t rows, Py_ssize_t unit, Py_ssize_t units) noexcept nogil:
    """What inputs and states give to the gates of a piece."""
    cdef int gate, dtype = s.dtype
    cdef Py_ssize_t panel, place, step = s.gate_count * units
    cdef char* out = hidden if s.kind == GRU else gates
    cdef bint add = out == gates and s.places == NULL
    for gate in range(s.gate_count):
        panel = (gate * whole_panels(s.size) + unit) * s.item
        place = gate * units * s.item
        if s.inputs != NULL and s.places == NULL:
            kernels.panel_product[dtype](
                s.inputs + row * s.features * s.item, s.features, 1,
                s.i2h_panels + panel * s.features, gates + place, False, rows, units, s.features,
                step)
        if s.state_before != NULL:
            kernels.panel_product[dtype](
                s.state_before + row * s.size * s.item, s.size, 1, s.h2h_panels + panel * s.size,
                out + place, add, rows, units, s.size, step)
        if s.places != NULL:                # last: the product has fetched where it is added
            kernels.panel_rows[dtype](
                s.inputs + row * s.item, s.places + row, s.i2h_panels + panel * s.features,
                gates + place, s.state_before != NULL and out == gates, rows, units, s.features,
                step)


cdef void inputs_columns(const Step* s, const char* x, Py_ssize_t rows, int gate,
                         Py_ssize_t unit, Py_ssize_t cols) noexcept nogil:
    """What the inputs of all steps give to some units of a gate, where pieces have them."""
    cdef Py_ssize_t begin = unit // s.units * s.units, units = min(s.units, s.size - begin)
    cdef Py_ssize_t place = begin * s.gate_count * s.batch + gate * units + unit - begin
    cdef Py_ssize_t panel = gate * whole_panels(s.size) + unit, row = 0, step = s.batch
    if units == s.size:                     # rows of all steps are equally far apart
        step = max(<Py_ssize_t>1, BLOCK // s.features // 24) * 24       # whole tiles of all builds
    while row < rows:
        kernels.panel_product[s.dtype](
            x + row * s.features * s.item, s.features, 1,
            s.i2h_panels + panel * s.features * s.item,
            s.gates + (row * s.width + place) * s.item, False, min(step, rows - row), cols,
            s.features, s.gate_count * units)
        row += step


cdef void inputs_products(const Step* s, const char* x, Py_ssize_t steps) noexcept nogil:
    cdef Py_ssize_t cols = min(s.units, <Py_ssize_t>COLUMNS), i
    cdef Py_ssize_t shares = (s.size + cols - 1) // cols, rows = steps * s.batch
    cdef int team = threads() if rows * s.width * s.features >= WORTH_THREADS else 1
    for i in prange(s.gate_count * shares, schedule="static", num_threads=team):
        inputs_columns(s, x, rows, <int>(i // shares), i % shares * cols,
                       min(cols, s.size - i % shares * cols))


cdef void step_piece(const Step* s, bint back, Py_ssize_t piece) noexcept nogil:
    """A step, or the way back through it, of some units of some sequences, with their products.

    A thread finds the same in each step, so that the weights stay in its caches.
    """
    cdef Py_ssize_t pieces = (s.size + s.units - 1) // s.units, row = piece // pieces * s.rows
    cdef Py_ssize_t rows = min(s.rows, s.batch - row), unit = piece % pieces * s.units
    cdef Py_ssize_t units = min(s.units, s.size - unit)
    cdef Py_ssize_t of_gates = (row * s.width + unit * s.gate_count * rows) * s.item
    cdef Py_ssize_t narrow = (row * s.size + unit) * s.item
    cdef Py_ssize_t wide = (row * s.width + unit) * s.item
    cdef char* gates = s.gates + of_gates
    cdef char* hidden = at(s.hidden, of_gates)
    cdef char* state = s.state + narrow
    cdef char* cell = at(s.cell, narrow)
    cdef char* out = at(s.out, (row * s.out_step + unit) * s.item)
    cdef const char* state_before = at(s.state_before, narrow)
    cdef const char* cell_before = at(s.cell_before, narrow)
    cdef const double* lengths = NULL if s.lengths == NULL else s.lengths + row
    if not back:
        if s.h2h_panels != NULL:
            gates_products(s, gates, hidden, row, rows, unit, units)
        kernels.cell_step[s.dtype](
            s.kind, gates, hidden, s.bias + unit * s.item, s.h2h_bias + unit * s.item, state_before,
            cell_before, state, cell, out, lengths, s.time, rows, units, s.size, s.out_step)
        return
    if s.h2h_panels != NULL and s.dhidden_behind != NULL:
        kernels.panel_product[s.dtype](
            s.dhidden_behind + row * s.width * s.item, s.width, 1,
            s.h2h_panels + unit * s.item * s.width, s.dstate + narrow, True, rows, units, s.width,
            s.size)
    kernels.cell_step_grad[s.dtype](
        s.kind, gates, hidden, state_before, cell_before, state, cell, out, s.dstate + narrow,
        at(s.dcell, narrow), s.dgates + wide, s.dhidden + wide, lengths, s.time, rows, units,
        s.size, s.out_step)


cdef void run_step(const Step* s, bint back) noexcept nogil:
    cdef Py_ssize_t i, pieces = (((s.batch + s.rows - 1) // s.rows)
                                 * ((s.size + s.units - 1) // s.units))
    if s.team == 1:
        for i in range(pieces):
            step_piece(s, back, i)
        return
    for i in prange(pieces, schedule="static", num_threads=s.team):
        step_piece(s, back, i)
