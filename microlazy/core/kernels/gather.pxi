# Rows taken from places and put at places: `width` elements each, `step` elements apart.

cdef void take_rows(
    const floating* x, const long long* places, floating* out, Py_ssize_t count, Py_ssize_t width,
    Py_ssize_t step
) noexcept nogil:
    cdef Py_ssize_t i, j
    cdef const floating* row
    if width == 1:
        for i in range(count):
            out[i * step] = x[places[i] * step]
    elif width < LANES:
        for i in range(count):
            row = x + places[i] * step
            for j in range(width):
                out[j] = row[j]
            out += step
    else:
        for i in range(count):
            memcpy(out, x + places[i] * step, width * sizeof(floating))
            out += step


cdef void put_rows(
    const floating* x, const long long* places, floating* out, bint add, Py_ssize_t count,
    Py_ssize_t width, Py_ssize_t step
) noexcept nogil:
    cdef Py_ssize_t i, j
    cdef floating* row
    if width == 1:
        for i in range(count):
            row = out + places[i] * step
            row[0] = row[0] + x[i * step] if add else x[i * step]
        return
    for i in range(count):                  # in order: sums come out alike, and the last one stays
        row = out + places[i] * step
        if add:
            for j in range(width):
                row[j] += x[j]
        else:
            for j in range(width):
                row[j] = x[j]
        x += step


cdef void single_entries(
    const floating* x, floating* entries, long long* places, long long* count, Py_ssize_t rows,
    Py_ssize_t cols
) noexcept nogil:
    cdef Py_ssize_t i, j
    cdef unsigned int found, place          # of the width of floats: vectors of both are as long
    for i in range(rows):
        found = place = 0
        for j in range(cols):
            found += x[j] != 0
            place += <unsigned int> j if x[j] != 0 else 0
        if found > 1:
            count[0] = i
            return
        entries[i] = x[place]
        places[i] = place
        x += cols
    count[0] = rows
