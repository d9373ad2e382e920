# The order of floats, by their bits.

cdef enum:
    FEW = 32            # numbers that are put in order one by one


cdef inline u64 order_key(u32 bits, bint descending) noexcept nogil:
    """A number that grows with a float; both zeros are one, and NaN is the largest."""
    cdef u32 key = ~bits if bits >> 31 else bits | 0x80000000u
    key = 0x80000000u if bits == 0x80000000u else key
    key = 0xffffffffu if (bits & 0x7fffffff) > 0x7f800000u else key
    return ~key & 0xffffffffu if descending else key


cdef void sort_few(u64* x, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i, j
    cdef u64 one
    for i in range(1, n):
        one = x[i]
        j = i
        while j and x[j - 1] > one:
            x[j] = x[j - 1]
            j -= 1
        x[j] = one


cdef u64* sort_bytes(u64* x, u64* spare, Py_ssize_t n) noexcept nogil:
    """Put numbers in the order of their upper halves, a byte at a time, the lowest first."""
    cdef Py_ssize_t counts[4][256]
    cdef Py_ssize_t i, place, count
    cdef int byte, value
    cdef u64* other
    for byte in range(4):
        for value in range(256):
            counts[byte][value] = 0
    for i in range(n):
        for byte in range(4):
            counts[byte][x[i] >> (32 + 8 * byte) & 255] += 1
    for byte in range(4):
        if counts[byte][x[0] >> (32 + 8 * byte) & 255] == n:
            continue                        # all have the same
        place = 0
        for value in range(256):
            count = counts[byte][value]
            counts[byte][value] = place
            place += count
        for i in range(n):
            value = x[i] >> (32 + 8 * byte) & 255
            spare[counts[byte][value]] = x[i]
            counts[byte][value] += 1
        other = x
        x = spare
        spare = other
    return x


cdef void order_rows(
    bint descending, const unsigned int* x, u64* spare, long long* out, Py_ssize_t rows,
    Py_ssize_t cols
) noexcept nogil:
    cdef Py_ssize_t r, i
    cdef u64* ordered
    for r in range(rows):
        for i in range(cols):
            spare[i] = order_key(x[i], descending) << 32 | <u64> i
        ordered = spare
        if cols <= FEW:
            sort_few(spare, cols)
        else:
            ordered = sort_bytes(spare, spare + cols, cols)
        for i in range(cols):
            out[i] = ordered[i] & 0xffffffffu
        x += cols
        out += cols
