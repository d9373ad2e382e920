# Random numbers: Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1,
# 2, 3", SC 2011), a tile of counter blocks at a time.

cdef enum:
    BLOCKS = 64         # counter blocks in a tile


cdef inline void philox_round(u32 words[4][BLOCKS], u32 key0, u32 key1) noexcept nogil:
    cdef Py_ssize_t j
    cdef u64 left, right
    for j in range(BLOCKS):
        left = <u64> words[0][j] * <u32> 0xD2511F53u
        right = <u64> words[2][j] * <u32> 0xCD9E8D57u
        words[0][j] = <u32> (right >> 32) ^ words[1][j] ^ key0
        words[1][j] = <u32> right
        words[2][j] = <u32> (left >> 32) ^ words[3][j] ^ key1
        words[3][j] = <u32> left


cdef void philox(u64 key, u64 counter, u32 words[4][BLOCKS]) noexcept nogil:
    """Words 0 to 3 of the blocks counter, counter + 1, ..."""
    cdef Py_ssize_t j
    cdef u32 i
    for j in range(BLOCKS):
        words[0][j] = <u32> (counter + <u64> j)
        words[1][j] = <u32> ((counter + <u64> j) >> 32)
        words[2][j] = 0
        words[3][j] = 0
    for i in range(10):
        philox_round(words, <u32> key + i * <u32> 0x9E3779B9u,
                     <u32> (key >> 32) + i * <u32> 0xBB67AE85u)


# From bits to numbers. The integers are signed, since every vector unit converts those.

cdef inline float unit24(u32 word) noexcept nogil:
    """24 bits as a number in [0, 1)."""
    return <float> <int> (word >> 8) * <float> (1.0 / (1 << 24))


cdef inline double unit53(u32 low, u32 high) noexcept nogil:
    """53 bits as a number in [0, 1)."""
    return (<double> <int> (high >> 5) * (1 << 26) + <double> <int> (low >> 6)) / (<u64> 1 << 53)


cdef inline float open_unit(u32 word) noexcept nogil:
    """31 bits as a number in (0, 1]: 0 has no logarithm."""
    return (<float> <int> (word >> 1) + <float> 0.5) * <float> (1.0 / (<u64> 1 << 31))


cdef inline double half_turn(u32 low, u32 high) noexcept nogil:
    """62 bits as a number in [-1/2, 1/2)."""
    cdef double coarse = <double> <int> (high << 2) / (<u64> 1 << 32)
    return coarse + <double> <int> (low >> 1) / (<u64> 1 << 61)


cdef inline void box_muller(floating u, floating turn, u32 quarter, floating* out) noexcept nogil:
    """Two normal numbers from u in (0, 1] and the angle (quarter + turn) pi/2, |turn| <= 1/2."""
    cdef floating radius = sqrt(<floating> -2 * log(u)), r = turn * <floating> M_PI_2
    out[0] = radius * sin_quarters(r, quarter + 1)
    out[1] = radius * sin_quarters(r, quarter)


cdef void uniform_tile(u64 key, u64 counter, floating* out) noexcept nogil:
    cdef u32 words[4][BLOCKS]
    cdef Py_ssize_t j
    philox(key, counter, words)
    for j in range(BLOCKS):
        if floating is float:
            out[4 * j] = unit24(words[0][j])
            out[4 * j + 1] = unit24(words[1][j])
            out[4 * j + 2] = unit24(words[2][j])
            out[4 * j + 3] = unit24(words[3][j])
        else:
            out[2 * j] = unit53(words[0][j], words[1][j])
            out[2 * j + 1] = unit53(words[2][j], words[3][j])


cdef void normal_tile(u64 key, u64 counter, floating* out) noexcept nogil:
    cdef u32 words[4][BLOCKS]
    cdef Py_ssize_t j
    philox(key, counter, words)
    for j in range(BLOCKS):
        if floating is float:
            box_muller(open_unit(words[0][j]), <float> half_turn(0, words[1][j]),
                       words[1][j] >> 30, out + 4 * j)
            box_muller(open_unit(words[2][j]), <float> half_turn(0, words[3][j]),
                       words[3][j] >> 30, out + 4 * j + 2)
        else:
            box_muller(1 - unit53(words[0][j], words[1][j]), half_turn(words[2][j], words[3][j]),
                       words[3][j] >> 30, out + 2 * j)


cdef inline floating spread(
    floating u, floating low, floating span, floating largest
) noexcept nogil:
    cdef floating x = low + span * u
    return x if x < largest else largest


cdef inline floating shifted(floating z, floating mean, floating std, floating _) noexcept nogil:
    return mean + std * z


cdef inline floating kept(floating u, floating rate, floating value, floating _) noexcept nogil:
    return 0 if u < rate else value


cdef inline void draw(
    void (*fill_tile)(u64, u64, floating*) noexcept nogil,
    floating (*f)(floating, floating, floating, floating) noexcept nogil, u64 key, u64 offset,
    floating a, floating b, floating c, floating* out, Py_ssize_t n
) noexcept nogil:
    """out[i] = f(number i of the stream, a, b, c)."""
    cdef floating tile[4 * BLOCKS]
    cdef Py_ssize_t per_tile = 4 * BLOCKS if floating is float else 2 * BLOCKS
    cdef Py_ssize_t done = 0, i
    while done < n:
        fill_tile(key, offset, tile)
        offset += BLOCKS
        for i in range(min(per_tile, n - done)):
            out[done + i] = f(tile[i], a, b, c)
        done += per_tile


cdef void uniform(
    u64 key, u64 offset, double low, double high, floating* out, Py_ssize_t n
) noexcept nogil:
    cdef floating largest = nextafter(<floating> high, <floating> low)
    draw(uniform_tile[floating], spread[floating], key, offset, <floating> low,
         <floating> (high - low), largest, out, n)


cdef void normal(
    u64 key, u64 offset, double mean, double std, floating* out, Py_ssize_t n
) noexcept nogil:
    draw(normal_tile[floating], shifted[floating], key, offset, <floating> mean, <floating> std,
         0, out, n)


cdef void keep_mask(
    u64 key, u64 offset, double rate, double keep_value, floating* out, Py_ssize_t n
) noexcept nogil:
    draw(uniform_tile[floating], kept[floating], key, offset, <floating> rate,
         <floating> keep_value, 0, out, n)


cdef inline u64 high_product(u64 a, u64 b) noexcept nogil:
    """The upper 64 bits of a * b."""
    cdef u64 a0 = <u32> a, a1 = a >> 32, b0 = <u32> b, b1 = b >> 32
    cdef u64 middle = a1 * b0 + (a0 * b0 >> 32)
    return a1 * b1 + (middle >> 32) + (a0 * b1 + <u32> middle >> 32)


cdef void randint(
    u64 key, u64 offset, long long low, u64 span, long long* out, Py_ssize_t n
) noexcept nogil:
    cdef u32 words[4][BLOCKS]
    cdef u64 draw
    cdef Py_ssize_t t, i, i0, w
    for t in range((n + 2 * BLOCKS - 1) // (2 * BLOCKS)):
        i0 = t * 2 * BLOCKS
        philox(key, offset, words)
        offset += BLOCKS
        for i in range(min(<Py_ssize_t> (2 * BLOCKS), n - i0)):
            w = 2 * (i % 2)
            draw = words[w][i // 2] | <u64> words[w + 1][i // 2] << 32
            out[i0 + i] = <long long> (<u64> low + high_product(draw, span))
