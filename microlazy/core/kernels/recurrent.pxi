# Steps of recurrent cells, behind their products of matrices, and the way back. Row r is a sequence
# of the batch; behind its end, where `step` is not below lengths[r], its states stay.

cdef inline floating before(const floating* x, Py_ssize_t i) noexcept nogil:
    return <floating> 0 if x == NULL else x[i]


cdef inline void copy_or_clear(const floating* x, floating* y, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    if x == y:
        return
    for i in range(n):
        y[i] = before(x, i)


cdef inline const floating* row_of(
    const floating* x, Py_ssize_t r, Py_ssize_t n
) noexcept nogil:
    return x if x == NULL else x + r * n


cdef inline void complete(
    const floating* hidden, const floating* bias, floating* values, Py_ssize_t n
) noexcept nogil:
    cdef Py_ssize_t i
    if hidden == NULL:
        for i in range(n):
            values[i] += bias[i]
    else:
        for i in range(n):
            values[i] += hidden[i] + bias[i]


cdef inline void complete_gates(
    const floating* hidden, const floating* bias, floating* gates, Py_ssize_t count,
    Py_ssize_t units, Py_ssize_t size
) noexcept nogil:
    """Each gate has `units` numbers here, and `size` in the bias."""
    cdef Py_ssize_t gate
    if units == size:                       # one loop over all gates
        complete(hidden, bias, gates, count * size)
        return
    for gate in range(count):
        complete(row_of(hidden, gate, units), bias + gate * size, gates + gate * units, units)


cdef inline void lstm_row(
    floating* gates, const floating* cell_before, floating* cell, floating* state, Py_ssize_t n
) noexcept nogil:
    cdef Py_ssize_t i
    map_unary(sigmoid[floating], <const floating*> gates, gates, 2 * n)
    map_unary(tanh[floating], <const floating*> gates + 2 * n, gates + 2 * n, n)
    map_unary(sigmoid[floating], <const floating*> gates + 3 * n, gates + 3 * n, n)
    if cell_before == NULL:
        for i in range(n):
            cell[i] = gates[i] * gates[2 * n + i]
    else:
        for i in range(n):
            cell[i] = gates[n + i] * cell_before[i] + gates[i] * gates[2 * n + i]
    map_unary(tanh[floating], <const floating*> cell, state, n)
    for i in range(n):
        state[i] *= gates[3 * n + i]


cdef inline void gru_row(
    floating* gates, floating* hidden, const floating* state_before, floating* state, Py_ssize_t n
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(2 * n):
        gates[i] += hidden[i]
    map_unary(sigmoid[floating], <const floating*> gates, gates, 2 * n)
    for i in range(n):
        gates[2 * n + i] += gates[i] * hidden[2 * n + i]
    map_unary(tanh[floating], <const floating*> gates + 2 * n, gates + 2 * n, n)
    if state_before == NULL:
        for i in range(n):
            state[i] = gates[2 * n + i] - gates[n + i] * gates[2 * n + i]
    else:
        for i in range(n):
            state[i] = gates[2 * n + i] + gates[n + i] * (state_before[i] - gates[2 * n + i])


cdef void cell_step(
    int kind, floating* gates, floating* hidden, const floating* bias,
    const floating* hidden_bias, const floating* state_before, const floating* cell_before,
    floating* state, floating* cell, floating* out, const double* lengths, double step,
    Py_ssize_t rows, Py_ssize_t units, Py_ssize_t size, Py_ssize_t out_step
) noexcept nogil:
    cdef Py_ssize_t r, count = 4 if kind == LSTM else 3 if kind == GRU else 1
    cdef const floating* old
    for r in range(rows):
        old = row_of(state_before, r, size)
        if lengths != NULL and not step < lengths[r]:
            copy_or_clear(old, state, units)
            if kind == LSTM:
                copy_or_clear(row_of(cell_before, r, size), cell, units)
            if out != state:
                fill(0, out, units)
        else:
            if kind == GRU:
                complete_gates(<const floating*> NULL, bias, gates, count, units, size)
                complete_gates(<const floating*> NULL, hidden_bias, hidden, count, units, size)
                gru_row(gates, hidden, old, state, units)
            else:
                complete_gates(<const floating*> hidden, bias, gates, count, units, size)
                if kind == LSTM:
                    lstm_row(gates, row_of(cell_before, r, size), cell, state, units)
                elif kind == RELU_CELL:
                    map_unary(relu[floating], <const floating*> gates, state, units)
                else:
                    map_unary(tanh[floating], <const floating*> gates, state, units)
            copy_or_clear(<const floating*> state, out, units)
        gates += count * units
        state += size
        out += out_step
        if hidden != NULL:
            hidden += count * units
        if kind == LSTM:
            cell += size


cdef inline void lstm_row_grad(
    const floating* gates, const floating* cell_before, const floating* cell,
    const floating* dstate, floating* dcell, floating* dgates, Py_ssize_t size, Py_ssize_t n
) noexcept nogil:
    cdef floating out[TILE]
    cdef floating d[TILE]
    cdef floating gate, new, slope, one = 1
    cdef Py_ssize_t done = 0, i, width
    while done < n:
        width = min(n - done, <Py_ssize_t> TILE)
        map_unary(tanh[floating], cell + done, out, width)
        for i in range(width):
            gate = gates[3 * n + done + i]
            slope = dstate[i] * out[i]
            d[i] = dcell[i] + dstate[i] * gate * (one - out[i] * out[i])
            dgates[3 * size + done + i] = slope * (gate * (one - gate))
        for i in range(width):
            gate = gates[done + i]
            new = gates[2 * n + done + i]
            dgates[done + i] = d[i] * new * (gate * (one - gate))
            dgates[2 * size + done + i] = d[i] * gate * (one - new * new)
        if cell_before == NULL:
            for i in range(width):
                dgates[size + done + i] = 0
        else:
            for i in range(width):
                gate = gates[n + done + i]
                dgates[size + done + i] = d[i] * cell_before[done + i] * (gate * (one - gate))
        for i in range(width):
            dcell[i] = d[i] * gates[n + done + i]
        dstate += width
        dcell += width
        done += width


cdef inline void gru_row_grad(
    const floating* gates, const floating* hidden, const floating* state_before, floating* dstate,
    floating* dgates, floating* dhidden, Py_ssize_t size, Py_ssize_t n
) noexcept nogil:
    cdef floating d[TILE]
    cdef floating reset, keep, new, product, one = 1
    cdef Py_ssize_t done = 0, i, j, width
    while done < n:
        width = min(n - done, <Py_ssize_t> TILE)
        for i in range(width):
            j = done + i
            keep = gates[n + j]
            new = gates[2 * n + j]
            d[i] = dstate[j] * (one - keep) * (one - new * new)
            dgates[size + j] = -new * dstate[j] * (keep * (one - keep))
        if state_before != NULL:
            for i in range(width):
                j = done + i
                keep = gates[n + j]
                dgates[size + j] += state_before[j] * dstate[j] * (keep * (one - keep))
        for i in range(width):
            dhidden[size + done + i] = dgates[size + done + i]
        for i in range(width):
            dstate[done + i] *= gates[n + done + i]
        for i in range(width):
            j = done + i
            reset = gates[j]
            product = d[i] * reset
            dgates[j] = hidden[2 * n + j] * product * (one - reset)
            dhidden[2 * size + j] = product
        for i in range(width):
            dhidden[done + i] = dgates[done + i]
        for i in range(width):
            dgates[2 * size + done + i] = d[i]
        done += width


cdef inline void clear_gates(
    floating* x, Py_ssize_t count, Py_ssize_t size, Py_ssize_t units
) noexcept nogil:
    cdef Py_ssize_t gate
    for gate in range(count):
        fill(0, x + gate * size, units)


cdef void cell_step_grad(
    int kind, const floating* gates, const floating* hidden, const floating* state_before,
    const floating* cell_before, const floating* state, const floating* cell, const floating* g,
    floating* dstate, floating* dcell, floating* dgates, floating* dhidden, const double* lengths,
    double step, Py_ssize_t rows, Py_ssize_t units, Py_ssize_t size, Py_ssize_t out_step
) noexcept nogil:
    cdef Py_ssize_t r, i, count = 4 if kind == LSTM else 3 if kind == GRU else 1
    cdef Py_ssize_t row = count * units, drow = count * size
    cdef floating one = 1
    for r in range(rows):
        # Rows are too short for the processor to guess. States and cells were those before the step
        # that was gone through last, so what is before this one has to come.
        prefetch(gates + row, row * sizeof(floating))
        if g != NULL:
            prefetch(g + out_step, units * sizeof(floating))
        if kind == LSTM and cell_before != NULL:
            prefetch(row_of(cell_before, r + 1, size), units * sizeof(floating))
        elif kind == GRU:
            prefetch(hidden + row, row * sizeof(floating))
            if state_before != NULL:
                prefetch(row_of(state_before, r + 1, size), units * sizeof(floating))
        elif kind != LSTM:
            prefetch(state + size, units * sizeof(floating))
        if lengths != NULL and not step < lengths[r]:
            clear_gates(dgates, count, size, units)
            if kind == GRU:
                clear_gates(dhidden, count, size, units)
        else:
            if g != NULL:
                for i in range(units):
                    dstate[i] += g[i]
            if kind == GRU:
                gru_row_grad(gates, hidden, row_of(state_before, r, size), dstate, dgates, dhidden,
                             size, units)
            else:
                if kind == LSTM:
                    lstm_row_grad(gates, row_of(cell_before, r, size), cell,
                                  <const floating*> dstate, dcell, dgates, size, units)
                elif kind == RELU_CELL:
                    for i in range(units):
                        dgates[i] = relu_grad(state[i], state[i], dstate[i])
                else:
                    for i in range(units):
                        dgates[i] = dstate[i] * (one - state[i] * state[i])
                fill(0, dstate, units)
        gates += row
        state += size
        dstate += size
        dgates += drow
        if g != NULL:
            g += out_step
        if kind == LSTM:
            cell += size
            dcell += size
        elif kind == GRU:
            hidden += row
            dhidden += drow
