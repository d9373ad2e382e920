"""Recurrent layers: all steps of a layer, in one direction or both, are one node.

What inputs and states give to the gates is a product in each step, with weights that are packed
once; where they do not stay in the caches, or packing does not pay, the inputs' is made for all
steps before the first. The way back keeps the gradients of all steps' gates, so the weights' are
one product each.

The function at the end computes the plain cases, float32 or float64 throughout, and gives None for
any other, which is composed of other operations: see ops/recurrent.py. Gradients of gradients are
those of the composition.
"""

cimport cython
from libc.string cimport memset
from microlazy.core.blas cimport need_blas
from microlazy.core.kernels.select cimport kernels
from microlazy.core.kernels.table cimport GRU, LSTM, R_SUM, RELU_CELL, TANH_CELL
from microlazy.core.loops.cells cimport (
    THIN, WORTH_THREADS, Step, at, inputs_gradient, inputs_product, inputs_products, pack_gates,
    run_step, state_gradient, state_product, sum_is_finite, whole_panels,
)
from microlazy.core.loops.elementwise cimport fill
from microlazy.core.loops.panels cimport pack, weight_gradients
from microlazy.core.loops.reductions cimport reduce_matrix_cols
from microlazy.core.ops.cast cimport cast
from microlazy.core.ops.composed cimport derive_composed
from microlazy.core.ops.shape cimport view
from microlazy.core.parallel cimport GRAIN, threads
from microlazy.core.strided cimport packed
from microlazy.core.tape cimport (
    NEEDS_A, NEEDS_B, NEEDS_C, NEEDS_OUT, NEEDS_REST, Node, Pass, run, state,
)
from microlazy.core.tensor cimport (
    FLOAT64, INT64, ND, Tensor, header, itemsize, like, new,
)

cdef enum:
    FEWEST_FEATURES = 16          # for which single entries are looked up: a panel's columns
    PIECE = 1 << 12               # gates in a piece of a step without packed weights,
    UNITS = 128                   # and the most units in one with them, and the fewest
    FEWEST_UNITS = 64             # for which threads share them out, and not the sequences
    CACHED = 6 << 20              # bytes of weights that one step leaves in caches for the next
    PACKED_ROWS = 128             # rows up to which packing a weight once beats BLAS at each step

cdef dict CELLS = {"rnn_relu": RELU_CELL, "rnn_tanh": TANH_CELL, "lstm": LSTM, "gru": GRU}
cdef tuple GATES = (1, 1, 4, 3)
cdef object composed_layer = None


def compose_with(layer) -> None:
    """Set the composition: its module stands above, and is imported later.

    Parameters
    ----------
    layer : callable
        ``layer(data, state, cell, *rest, mode, ways, with_outputs, with_states, with_lengths)``
        gives the outputs and last states as asked for, in one row if both are; the rest are each
        direction's weights and biases, and the lengths.

    Examples
    --------
    >>> from microlazy.core.ops.recurrent import compose_with
    >>> from microlazy.ops import recurrent
    >>> compose_with(recurrent.layer_composed)
    """
    global composed_layer
    composed_layer = layer


@cython.no_gc
@cython.final
cdef class RecurrentLayer(Node):
    """a holds the inputs, b and c the first states or None for zeros.

    `rest` holds weights and biases, four for each direction, and the sequences' lengths, if any.
    """
    cdef str mode
    cdef int kind, gates, ways    # gates of the cell; directions
    cdef bint with_outputs, with_states, with_lengths
    cdef Py_ssize_t steps, batch, features, size
    cdef Py_ssize_t piece_rows, piece_units
    cdef Tensor values            # of the gates, (ways, steps, batch, gates * size), in pieces
    cdef Tensor hidden            # GRU: what the states give to the gates, likewise
    cdef Tensor cells             # LSTM: (ways, steps, batch, size)
    cdef Tensor states            # likewise, where they are not the outputs
    cdef Tensor entries           # of inputs whose rows have one at most that is not zero, as
    cdef Tensor places            # one-hot rows; and where; else None

    cdef Tensor room(self, Py_ssize_t steps, Py_ssize_t width):
        cdef Py_ssize_t n = steps * self.batch * width
        return new(ND, self.a.dtype, 1, &n)

    cdef bint packs(self) noexcept:
        """Whether weights are packed for the products of many steps, or BLAS does that in each."""
        return self.steps >= 3 and THIN < self.batch <= PACKED_ROWS

    cdef Tensor gate_panels(self, Tensor weight):
        cdef Py_ssize_t k = weight.shape_[1], room = self.gates * whole_panels(self.size) * k
        cdef Tensor out = new(ND, weight.dtype, 1, &room)
        pack_gates(weight.dtype, weight.data, out.data, self.gates, self.size, k)
        return out

    cdef Tensor back_panels(self, Tensor weight):
        """Weights (gates * size, size) for the product that goes back to the states."""
        cdef Py_ssize_t width = weight.shape_[0], room = whole_panels(self.size) * width
        cdef Tensor out = new(ND, weight.dtype, 1, &room)
        pack(weight.dtype, False, weight.data, out.data, self.size, width)
        return out

    cdef int find_entries(self, Tensor x) except -1:
        """A product of a row with one entry is a look-up, whose sums have no other terms."""
        cdef Py_ssize_t rows = self.steps * self.batch
        cdef long long count
        self.entries = self.places = None
        if not self.packs() or self.features < FEWEST_FEATURES:
            return 0
        self.entries = new(ND, x.dtype, 1, &rows)
        self.places = new(ND, INT64, 1, &rows)
        kernels.single_entries[x.dtype](x.data, self.entries.data, <long long*>self.places.data,
                                        &count, rows, self.features)
        if count < rows:
            self.entries = self.places = None
        return 0

    cdef int forward(self) except -1:
        cdef Tensor x = packed(self.a)
        cdef Tensor first = None if self.b is None else packed(self.b)
        cdef Tensor first_cell = None if self.c is None else packed(self.c)
        cdef Tensor lengths = None, i2h, h2h, i2h_bias, h2h_bias, bias, hidden = None
        cdef Py_ssize_t all_steps = self.ways * self.steps, size = self.size
        cdef Py_ssize_t width = self.gates * size
        cdef Py_ssize_t item = itemsize(x.dtype)
        cdef Py_ssize_t state_bytes = self.batch * size * item
        cdef char* last
        cdef int way
        need_blas()
        self.cut_steps()
        self.find_entries(x)
        self.values = self.hidden = self.cells = self.states = None     # a plan's run before
        self.values = self.room(all_steps, width)
        if self.kind == GRU:
            self.hidden = hidden = self.room(all_steps, width)
        elif self.batch <= THIN:
            hidden = self.room(1, width)
        if self.kind == LSTM:
            self.cells = self.room(all_steps, size)
        if self.ways == 2 or self.with_lengths or not self.with_outputs:
            self.states = self.room(all_steps, size)
        if self.with_lengths:
            lengths = packed(self.rest[4 * self.ways])
        last = self.out.data
        if self.with_outputs:
            last += all_steps * state_bytes
        for way in range(self.ways):
            i2h, h2h, i2h_bias, h2h_bias = [packed(self.rest[4 * way + i]) for i in range(4)]
            bias = i2h_bias
            if self.kind != GRU:
                bias = like(i2h_bias)
                kernels.scale[x.dtype](1.0, i2h_bias.data, bias.data, False, width)
                kernels.add_to[x.dtype](h2h_bias.data, bias.data, width)
            self.run_way(way, x, i2h, h2h, bias.data, h2h_bias.data,
                         NULL if first is None else first.data + way * state_bytes,
                         NULL if first_cell is None else first_cell.data + way * state_bytes,
                         NULL if hidden is None else hidden.data,
                         NULL if lengths is None else <const double*>lengths.data,
                         last + way * state_bytes)
        if not state().recording:
            self.values = self.hidden = self.cells = self.states = None
            self.entries = self.places = None
        return 0

    cdef char* state_at(self, int way) noexcept:
        """Where the states of a direction begin."""
        if self.states is None:
            return self.out.data if self.y is None else self.y.data
        return self.states.data + way * (self.steps * self.batch * self.size
                                         * itemsize(self.a.dtype))

    cdef void begin(self, Step* step, int way, const double* lengths) noexcept:
        """What is the same at each step, and where the arrays of a direction begin."""
        cdef Py_ssize_t rows = way * self.steps * self.batch * itemsize(self.a.dtype)
        step.kind, step.dtype, step.gate_count = self.kind, self.a.dtype, self.gates
        step.item = itemsize(self.a.dtype)
        step.batch, step.features = self.batch, self.features
        step.size, step.width = self.size, self.gates * self.size
        step.out_step = self.size * self.ways if self.with_outputs else self.size
        step.lengths = lengths
        step.gates = self.values.data + rows * step.width
        step.hidden = NULL if self.hidden is None else self.hidden.data + rows * step.width
        step.cell = NULL if self.cells is None else self.cells.data + rows * step.size
        step.state = self.state_at(way)
        step.places = NULL
        step.inputs = step.i2h_panels = step.h2h_panels = step.dhidden_behind = NULL
        step.rows, step.units = self.piece_rows, self.piece_units
        step.team = self.team()

    cdef int team(self) noexcept:
        """How many threads share a step."""
        cdef Py_ssize_t work = self.batch * self.gates * self.size
        if work >= GRAIN or (self.packs() and work * self.size >= WORTH_THREADS):
            return threads()
        return 1

    cdef void cut_steps(self) noexcept:
        """Decide on the pieces of a step: the values of the gates lie in memory by them."""
        cdef Py_ssize_t team = self.team(), most = team * UNITS, shares
        self.piece_rows, self.piece_units = self.batch, self.size
        if self.packs() and self.size >= team * FEWEST_UNITS:
            shares = team * ((self.size + most - 1) // most)
            self.piece_units = whole_panels((self.size + shares - 1) // shares)
        elif self.packs():
            self.piece_rows = ((self.batch + team - 1) // team + 7) & ~<Py_ssize_t>7
        elif team > 1:
            self.piece_rows = max(<Py_ssize_t>1, PIECE // (self.gates * self.size))

    cdef int run_way(self, int way, Tensor x, Tensor i2h, Tensor h2h, const char* bias,
                     const char* h2h_bias, const char* first, const char* first_cell, char* hidden,
                     const double* lengths, char* last) except -1:
        cdef Step step
        self.begin(&step, way, lengths)
        cdef int dtype = step.dtype, kind = self.kind
        cdef Py_ssize_t steps = self.steps, batch = self.batch, i, t
        cdef Py_ssize_t size = self.size, width = step.width, features = self.features
        cdef Py_ssize_t gate_step = batch * width * step.item
        cdef Py_ssize_t state_step = batch * size * step.item
        cdef Py_ssize_t input_step = batch * features * step.item
        cdef Py_ssize_t out_step = batch * step.out_step * step.item
        cdef Tensor h2h_panels = None, i2h_panels = None
        cdef const char* inputs = NULL
        cdef const long long* places = NULL
        cdef const char* weight = h2h.data
        cdef char* values = step.gates
        cdef char* states = step.state
        cdef char* cells = step.cell
        cdef char* products = step.hidden
        cdef char* out = self.out.data + way * size * step.item if self.with_outputs else NULL
        cdef char* cell_last = last + self.ways * state_step
        cdef bint with_states = self.with_states
        step.bias, step.h2h_bias = bias, h2h_bias
        step.state_before, step.cell_before = first, first_cell
        if self.packs():
            h2h_panels = self.gate_panels(h2h)
            i2h_panels = self.gate_panels(i2h)
            step.h2h_panels, step.i2h_panels = h2h_panels.data, i2h_panels.data
            if self.entries is not None and sum_is_finite(dtype, i2h.data, i2h.size):
                # If not, an infinite weight times a zero would have to be nan.
                inputs = self.entries.data
                places = <const long long*>self.places.data
                input_step = batch * step.item
            elif width * (features + size) * step.item > CACHED:
                inputs_products(&step, x.data, steps)
            else:
                inputs = x.data
        else:
            inputs_product(dtype, x.data, i2h.data, values, steps * batch, width, features)
        with nogil:
            for i in range(steps):
                t = steps - 1 - i if way else i
                step.time = <double>t
                step.inputs = at(inputs, t * input_step)
                if places != NULL:
                    step.places = places + t * batch
                step.gates = values + t * gate_step
                step.state = states + t * state_step
                step.cell = at(cells, t * state_step)
                step.out = step.state if out == NULL else out + t * out_step
                step.hidden = at(products, t * gate_step) if kind == GRU else hidden
                if step.state_before == NULL:
                    if kind == GRU:
                        memset(step.hidden, 0, gate_step)
                    else:
                        step.hidden = NULL
                elif step.h2h_panels == NULL:
                    state_product(dtype, step.state_before, weight,
                                  step.gates if step.hidden == NULL else step.hidden,
                                  step.hidden == NULL, batch, width, size)
                run_step(&step, False)
                step.state_before, step.cell_before = step.state, step.cell
            if with_states:
                kernels.scale[dtype](1.0, step.state, last, False, batch * size)
                if kind == LSTM:
                    kernels.scale[dtype](1.0, step.cell, cell_last, False, batch * size)
        return 0

    cdef int backward(self, Pass p) except -1:
        cdef bint accumulate = False, add_first = False, add_cell = False
        cdef Tensor x = packed(self.a), g = self.grad, lengths = None, i2h, h2h
        cdef Tensor first = None if self.b is None else packed(self.b)
        cdef Tensor first_cell = None if self.c is None else packed(self.c)
        cdef Tensor dx = p.target(self.a, &accumulate), dvalues, dhidden, dstate, dcell = None
        cdef Tensor dfirst = None, dfirst_cell = None
        cdef Py_ssize_t size = self.size, width = self.gates * size, item = itemsize(x.dtype)
        cdef Py_ssize_t rows = self.steps * self.batch, state_bytes = self.batch * size * item
        cdef int way, dtype = x.dtype
        cdef char* last
        if self.b is not None:
            dfirst = p.target(self.b, &add_first)
        if self.c is not None:
            dfirst_cell = p.target(self.c, &add_cell)
        if self.with_lengths:
            lengths = packed(self.rest[4 * self.ways])
        last = g.data
        if self.with_outputs:
            last += self.ways * self.steps * state_bytes
        for way in range(self.ways):
            i2h, h2h = packed(self.rest[4 * way]), packed(self.rest[4 * way + 1])
            dvalues = self.room(self.steps, width)
            dhidden = self.room(self.steps, width) if self.kind == GRU else dvalues
            dstate = self.room(1, size)
            if self.with_states:
                kernels.scale[dtype](1.0, last + way * state_bytes, dstate.data, False, dstate.size)
            else:
                fill(dstate, 0.0)
            if self.kind == LSTM:
                dcell = self.room(1, size)
                if self.with_states:
                    kernels.scale[dtype](1.0, last + (self.ways + way) * state_bytes, dcell.data,
                                         False, dcell.size)
                else:
                    fill(dcell, 0.0)
            self.run_back(way, h2h,
                          NULL if first is None else first.data + way * state_bytes,
                          NULL if first_cell is None else first_cell.data + way * state_bytes,
                          g.data + way * size * item if self.with_outputs else NULL, dstate.data,
                          NULL if dcell is None else dcell.data, dvalues.data, dhidden.data,
                          NULL if lengths is None else <const double*>lengths.data,
                          dfirst is not None)
            if dfirst is not None:
                kernels.scale[dtype](1.0, dstate.data, dfirst.data + way * state_bytes, add_first,
                                     dstate.size)
            if dfirst_cell is not None:
                kernels.scale[dtype](1.0, dcell.data, dfirst_cell.data + way * state_bytes,
                                     add_cell, dcell.size)
            self.give_weights(p, way, x, None if first is None else first, dvalues, dhidden)
            if dx is not None:
                inputs_gradient(dtype, dvalues.data, i2h.data, dx.data, accumulate or way == 1,
                                rows, width, self.features)
        return 0

    cdef int run_back(self, int way, Tensor h2h, const char* first, const char* first_cell,
                      char* g, char* dstate, char* dcell, char* dvalues,
                      char* dhidden, const double* lengths, bint to_first) except -1:
        """Through time: the gradients of all steps' gates, and of the first states."""
        cdef Step step
        self.begin(&step, way, lengths)
        cdef int dtype = step.dtype
        cdef Py_ssize_t steps = self.steps, batch = self.batch, i, t, earlier
        cdef Py_ssize_t size = self.size, width = step.width
        cdef Py_ssize_t gate_step = batch * width * step.item
        cdef Py_ssize_t state_step = batch * size * step.item
        cdef Py_ssize_t out_step = batch * step.out_step * step.item
        cdef char* values = step.gates
        cdef char* products = step.hidden
        cdef char* states = step.state
        cdef char* cells = step.cell
        cdef const char* weight = h2h.data
        cdef Tensor panels = None
        step.dstate, step.dcell = dstate, dcell
        if self.packs():
            panels = self.back_panels(h2h)
            step.h2h_panels = panels.data
        with nogil:
            for i in range(steps):
                t = i if way else steps - 1 - i
                earlier = t + 1 if way else t - 1
                step.time = <double>t
                step.gates = values + t * gate_step
                step.hidden = at(products, t * gate_step)
                step.state = states + t * state_step
                step.cell = at(cells, t * state_step)
                step.out = at(g, t * out_step)
                step.dgates = dvalues + t * gate_step
                step.dhidden = dhidden + t * gate_step
                if i == steps - 1:
                    step.state_before, step.cell_before = first, first_cell
                else:
                    step.state_before = states + earlier * state_step
                    step.cell_before = at(cells, earlier * state_step)
                if step.h2h_panels == NULL and i > 0:
                    state_gradient(dtype, step.dhidden_behind, weight, NULL, dstate, True, batch,
                                   width, size)
                run_step(&step, True)
                step.dhidden_behind = step.dhidden
            if to_first:
                state_gradient(dtype, step.dhidden, weight, step.h2h_panels, dstate, True, batch,
                               width, size)
        return 0

    cdef int give_weights(self, Pass p, int way, Tensor x, Tensor first, Tensor dvalues,
                          Tensor dhidden) except -1:
        cdef bint accumulate
        cdef int dtype = x.dtype
        cdef Py_ssize_t size = self.size, width = self.gates * size, item = itemsize(dtype)
        cdef Py_ssize_t steps = self.steps, batch = self.batch, rows = steps * batch
        cdef Py_ssize_t later = rows - batch
        cdef Py_ssize_t first_row = later if way else 0, next_row = 0 if way else batch
        cdef bint add_x = False, add_s = False
        cdef char* states = self.state_at(way) + (batch * size * item if way else 0)
        cdef const char* before = NULL
        cdef char* dx = NULL
        cdef char* ds = NULL
        cdef Tensor target = p.target(self.rest[4 * way], &add_x), summed = None
        if target is not None:
            dx = target.data
        target = p.target(self.rest[4 * way + 1], &add_s)
        if target is not None:
            ds = target.data
            if first is None and steps == 1 and not add_s:
                fill(target, 0.0)
        if steps > 1:
            self.give_rows(x, dvalues, dhidden, next_row, later, states, dx, add_x, ds, add_s)
        if first is not None:
            before = first.data + way * batch * size * item
        self.give_rows(x, dvalues, dhidden, first_row, batch, before, dx, add_x or steps > 1,
                       NULL if before == NULL else ds, add_s or steps > 1)
        target = p.target(self.rest[4 * way + 2], &accumulate)
        if target is not None:
            summed = target
            reduce_matrix_cols(R_SUM, dvalues.data, target.data, accumulate, rows, width, dtype)
            if accumulate:
                summed = None
        target = p.target(self.rest[4 * way + 3], &accumulate)
        if target is not None:
            if summed is None or dhidden is not dvalues or summed is target:
                reduce_matrix_cols(R_SUM, dhidden.data, target.data, accumulate, rows, width, dtype)
            else:
                kernels.scale[dtype](1.0, summed.data, target.data, accumulate, width)
        return 0

    cdef int give_rows(self, Tensor x, Tensor dvalues, Tensor dhidden, Py_ssize_t row,
                       Py_ssize_t rows, const char* before, char* dx, bint add_x, char* ds,
                       bint add_s) except -1:
        """What some rows give to the weights, with the states before them."""
        cdef int dtype = x.dtype
        cdef Py_ssize_t size = self.size, width = self.gates * size, item = itemsize(dtype)
        cdef Py_ssize_t features = self.features
        cdef const char* inputs = x.data + row * features * item
        cdef const long long* places = NULL
        cdef const char* dv = dvalues.data + row * width * item
        cdef const char* dh = dhidden.data + row * width * item
        if self.entries is not None:
            inputs = self.entries.data + row * item
            places = <const long long*>self.places.data + row
        weight_gradients(dtype, dv, rows, width, inputs, places, dx, add_x, features, before,
                         ds if dh == dv else NULL, add_s, size)
        if dh != dv:
            weight_gradients(dtype, dh, rows, width, NULL, NULL, NULL, False, features, before, ds,
                             add_s, size)
        return 0

    cdef int derive(self, Pass p, Tensor g) except -1:
        return derive_composed(
            p, composed_layer, [self.a, self.b, self.c, *self.rest],
            (self.mode, self.ways, self.with_outputs, self.with_states, self.with_lengths), g)

    cdef int release(self) except -1:
        self.values = self.hidden = self.cells = self.states = self.entries = self.places = None
        return Node.release(self)

    cdef str name(self):
        return self.mode


cdef bint fits(Tensor given, Tensor x, int ndim, Py_ssize_t rows, Py_ssize_t cols) noexcept:
    """Whether a weight or a bias has its shape, and x's dtype and face."""
    return (given.ndim == ndim and given.shape_[0] == rows
            and (ndim == 1 or given.shape_[1] == cols)
            and given.dtype == x.dtype and given.face == x.face)


cdef bint is_state(Tensor given, Tensor x, int ndim, const Py_ssize_t* shape) noexcept:
    cdef int i
    if given is None:
        return True
    for i in range(ndim):
        if given.ndim != ndim or given.shape_[i] != shape[i]:
            return False
    return given.dtype == x.dtype and given.face == x.face


cdef Tensor section(Tensor flat, Py_ssize_t start, int ndim, const Py_ssize_t* shape):
    """A part of a flat array, seen with a shape."""
    cdef Py_ssize_t[3] step
    cdef int[3] source
    cdef Py_ssize_t apart = 1
    cdef int i
    for i in range(ndim - 1, -1, -1):
        step[i] = apart
        source[i] = 0
        apart *= shape[i]
    return view(flat, &start, ndim, shape, source, step)


def recurrent_layer(str mode, data, states, lengths, weights, bint with_outputs=True,
                    bint with_states=True):
    """Run a recurrent layer over sequences; None if it must be composed.

    Parameters
    ----------
    mode : {'rnn_relu', 'rnn_tanh', 'lstm', 'gru'}
    data : array, shape (steps, batch, features)
        Or (batch, features), for a single step without outputs.
    states : list of arrays or None
        The first state, and lstm's cell state, of shape (directions, batch, size), or (batch, size)
        for a single step; None for zeros.
    lengths : array, shape (batch,), or None
    weights : list of arrays
        For each direction those from input and from state to the gates, then their biases.
    with_outputs, with_states : bool
        What is given.

    Returns
    -------
    list of arrays
        The outputs, of shape (steps, batch, directions * size), and the last states.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.core.ops.recurrent import recurrent_layer
    >>> weights = [nd.ones((1, 1)), nd.ones((1, 1)), nd.zeros((1,)), nd.zeros((1,))]
    >>> y, h = recurrent_layer("rnn_relu", nd.ones((3, 1, 1)), [None], None, weights)
    >>> y.reshape((3,)).asnumpy()
    array([1., 2., 3.], dtype=float32)
    """
    cdef RecurrentLayer node
    cdef Tensor x, h2h, out
    cdef Py_ssize_t size, gates, features, outputs = 0, n
    cdef Py_ssize_t[3] shape
    cdef Py_ssize_t[3] state_shape
    cdef Py_ssize_t* last = state_shape
    cdef int ways, way, kind, kinds, i, ndim
    cdef list parts = []
    if not isinstance(data, Tensor):
        return None
    x = <Tensor>data
    ways = len(weights) // 4
    ndim = x.ndim
    if x.dtype > FLOAT64 or x.size == 0 or not 1 <= ways <= 2 or (
            ndim != 3 and (ndim != 2 or with_outputs)):
        return None
    for given in weights:
        if not isinstance(given, Tensor):
            return None
    kind = CELLS[mode]
    gates = GATES[kind]
    kinds = 2 if kind == LSTM else 1
    h2h = weights[1]
    if h2h.ndim != 2:
        return None
    size = h2h.shape_[1]
    features = x.shape_[ndim - 1]
    for way in range(ways):
        if not (fits(weights[4 * way], x, 2, gates * size, features)
                and fits(weights[4 * way + 1], x, 2, gates * size, size)
                and fits(weights[4 * way + 2], x, 1, gates * size, 0)
                and fits(weights[4 * way + 3], x, 1, gates * size, 0)):
            return None
    state_shape[0], state_shape[1], state_shape[2] = ways, x.shape_[ndim - 2], size
    last += 3 - ndim
    if size == 0 or len(states) != kinds:
        return None
    if lengths is not None and not (isinstance(lengths, Tensor) and (<Tensor>lengths).ndim == 1
                                    and (<Tensor>lengths).shape_[0] == state_shape[1]):
        return None
    for i in range(kinds):
        if not is_state(states[i], x, ndim, last):
            return None
    node = RecurrentLayer.__new__(RecurrentLayer)
    node.mode = mode
    node.kind = kind
    node.gates = gates
    node.ways = ways
    node.with_outputs = with_outputs
    node.with_states = with_states
    node.with_lengths = lengths is not None
    node.steps = x.shape_[0] if ndim == 3 else 1
    node.batch, node.features, node.size = state_shape[1], features, size
    node.a = x
    node.b = states[0]
    node.c = states[1] if kinds == 2 else None
    node.rest = list(weights)
    if node.with_lengths:
        node.rest.append(cast(<Tensor>lengths, FLOAT64))
    node.needs = NEEDS_A | NEEDS_REST
    if node.b is not None:
        node.needs |= NEEDS_B
    if node.c is not None:
        node.needs |= NEEDS_C
    if with_outputs and ways == 1 and not node.with_lengths:
        node.needs |= NEEDS_OUT       # which are the states, then
    shape[0], shape[1], shape[2] = node.steps, node.batch, ways * size
    if not with_states:
        return [run(node, header(x.face, x.dtype, 3, shape))]
    if not with_outputs and kinds == 1:
        return [run(node, header(x.face, x.dtype, ndim, last))]
    if with_outputs:
        outputs = shape[0] * shape[1] * shape[2]
    n = outputs + kinds * ways * node.batch * size
    out = run(node, header(x.face, x.dtype, 1, &n))
    if with_outputs:
        parts.append(section(out, 0, 3, shape))
    for i in range(kinds):
        parts.append(section(out, outputs + i * ways * shape[1] * size, ndim, last))
    return parts
