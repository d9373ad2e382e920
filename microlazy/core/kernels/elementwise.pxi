# Elementwise loops. The build writes the functions, and the dispatch among them, from the rows of
# elementwise_rows.py. A function is a constant at each call of a loop, so compilers inline it and
# vectorize the loop.

cdef inline floating signed_like(floating b, floating r) noexcept nogil:
    """The remainder of a division by b that has b's sign, from the one with the other's sign."""
    cdef floating moved = r + b if (b < 0) != (r < 0) else r, zero = 0 if b > 0 else -<floating> 0.0
    return zero if r == 0 else moved


cdef inline floating far_mod(floating a, floating b) noexcept nogil:
    return signed_like(b, fmod(a, b))


cdef inline floating near_mod(floating a, floating b) noexcept nogil:
    return signed_like(b, near_fmod(a, b))


cdef inline void map_unary(
    floating (*f)(floating) noexcept nogil, const floating* x, floating* out, Py_ssize_t n
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        out[i] = f(x[i])


cdef inline void map_unary_grad(
    floating (*f)(floating, floating, floating) noexcept nogil, const floating* x,
    const floating* y, const floating* g, floating* dx, bint accumulate, Py_ssize_t n
) noexcept nogil:
    cdef Py_ssize_t i
    if accumulate:
        for i in range(n):
            dx[i] += f(x[i], y[i], g[i])
    else:
        for i in range(n):
            dx[i] = f(x[i], y[i], g[i])


cdef inline void map_trig(
    floating (*f)(floating) noexcept nogil, floating (*libm)(floating) noexcept nogil,
    const floating* x, floating* out, Py_ssize_t n
) noexcept nogil:
    """Sine, cosine or tangent: f where it is good, libm's in stretches that have larger numbers."""
    cdef Py_ssize_t done = 0, i, width
    cdef bint near
    while done < n:
        width = min(n - done, <Py_ssize_t> TILE)
        near = True
        for i in range(width):
            near &= abs(x[done + i]) < <floating> 1e5
        if near:
            map_unary(f, x + done, out + done, width)
        else:
            map_unary(libm, x + done, out + done, width)
        done += width


cdef inline void map_trig_grad(
    int derivative, floating sign, const floating* x, const floating* g, floating* dx,
    bint accumulate, Py_ssize_t n
) noexcept nogil:
    cdef floating slope[TILE]
    cdef Py_ssize_t done = 0, i, width
    while done < n:
        width = min(n - done, <Py_ssize_t> TILE)
        unary(derivative, x + done, slope, width)
        for i in range(width):
            slope[i] *= sign
        map_unary_grad(exp_grad[floating], x, slope, g + done, dx + done, accumulate, width)
        done += width


cdef inline void map_binary(
    floating (*f)(floating, floating) noexcept nogil, const floating* a, const floating* b,
    floating* out, Py_ssize_t n
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        out[i] = f(a[i], b[i])


cdef inline void map_after(
    floating (*first)(floating) noexcept nogil, floating (*f)(floating, floating) noexcept nogil,
    const floating* x, floating* out, Py_ssize_t n
) noexcept nogil:
    """f(x, first(x)) in two loops: half the time of one, whose long chains overlap too little."""
    cdef floating tile[TILE]
    cdef Py_ssize_t done = 0, width
    while done < n:
        width = min(n - done, <Py_ssize_t> TILE)
        map_unary(first, x + done, tile, width)
        map_binary(f, x + done, <const floating*> tile, out + done, width)
        done += width


cdef inline void map_scalar(
    floating (*f)(floating, floating) noexcept nogil, const floating* a, floating s,
    bint swapped, floating* out, Py_ssize_t n
) noexcept nogil:
    cdef Py_ssize_t i
    if swapped:
        for i in range(n):
            out[i] = f(s, a[i])
    else:
        for i in range(n):
            out[i] = f(a[i], s)


cdef inline void map_binary_grad(
    floating (*f)(floating, floating, floating, floating) noexcept nogil, const floating* a,
    const floating* b, const floating* y, const floating* g, floating* dx, bint accumulate,
    Py_ssize_t n
) noexcept nogil:
    cdef Py_ssize_t i
    if accumulate:
        for i in range(n):
            dx[i] += f(a[i], b[i], y[i], g[i])
    else:
        for i in range(n):
            dx[i] = f(a[i], b[i], y[i], g[i])


cdef inline void map_pow(
    const floating* a, const floating* b, floating* out, Py_ssize_t n
) noexcept nogil:
    cdef float high[TILE]
    cdef float low[TILE]
    cdef Py_ssize_t done = 0, i, width
    cdef bint plain
    if floating is double:
        map_binary(pow[double], a, b, out, n)
    else:
        while done < n:
            width = min(n - done, <Py_ssize_t> TILE)
            plain = True
            for i in range(width):
                plain &= f32_is_plain(a[done + i])
            if plain:
                for i in range(width):
                    high[i] = f32_plain_exponent(a[done + i], b[done + i], &low[i])
                for i in range(width):
                    out[done + i] = f32_exp2_of(high[i], low[i])
            else:
                for i in range(width):
                    high[i] = f32_exponent(a[done + i], b[done + i], &low[i])
                for i in range(width):
                    out[done + i] = f32_signed_power(f32_exp2_of(high[i], low[i]), a[done + i],
                                                     b[done + i])
            done += width


cdef inline floating near_rest(floating a, floating b) noexcept nogil:
    return copysign(near_fmod(a, b), a)


cdef inline floating far_rest(floating a, floating b) noexcept nogil:
    return fmod(a, b)


cdef inline void map_quotients(
    floating (*quick)(floating, floating) noexcept nogil,
    floating (*libm)(floating, floating) noexcept nogil, const floating* a, const floating* b,
    floating* out, Py_ssize_t n
) noexcept nogil:
    """The quick function where it is exact, libm's in stretches that have larger quotients."""
    cdef Py_ssize_t done = 0, i, width
    cdef bint all_near
    while done < n:
        width = min(n - done, <Py_ssize_t> TILE)
        all_near = True
        for i in range(width):
            all_near &= near(a[done + i], b[done + i])
        if all_near:
            map_binary(quick, a + done, b + done, out + done, width)
        else:
            map_binary(libm, a + done, b + done, out + done, width)
        done += width


cdef inline void map_mod(
    const floating* a, const floating* b, floating* out, Py_ssize_t n
) noexcept nogil:
    map_quotients(near_mod[floating], far_mod[floating], a, b, out, n)


cdef inline void map_fmod(
    const floating* a, const floating* b, floating* out, Py_ssize_t n
) noexcept nogil:
    map_quotients(near_rest[floating], far_rest[floating], a, b, out, n)


cdef inline void map_floor_divide(
    const floating* a, const floating* b, floating* out, Py_ssize_t n
) noexcept nogil:
    map_quotients(near_quotient[floating], far_quotient[floating], a, b, out, n)


cdef inline void map_tiles(
    void (*f)(const floating*, const floating*, floating*, Py_ssize_t) noexcept nogil,
    const floating* a, floating s, bint swapped, floating* out, Py_ssize_t n
) noexcept nogil:
    """f of an array and a number."""
    cdef floating numbers[TILE]
    cdef Py_ssize_t done = 0, width
    fill(s, numbers, min(n, <Py_ssize_t> TILE))
    while done < n:
        width = min(n - done, <Py_ssize_t> TILE)
        if swapped:
            f(<const floating*> numbers, a + done, out + done, width)
        else:
            f(a + done, <const floating*> numbers, out + done, width)
        done += width


cdef inline floating cube(floating x) noexcept nogil:
    return x * x * x


cdef inline void map_pow_scalar(
    const floating* a, floating s, bint swapped, floating* out, Py_ssize_t n
) noexcept nogil:
    """Powers of a number or to a number; the usual exponents need no logarithm."""
    if swapped:
        map_tiles(map_pow[floating], a, s, True, out, n)
    elif s == 2:
        map_unary(square[floating], a, out, n)
    elif s == 3:
        map_unary(cube[floating], a, out, n)
    elif s == <floating> 0.5:
        map_unary(sqrt[floating], a, out, n)
    elif s == -1:
        map_unary(reciprocal[floating], a, out, n)
    else:
        map_tiles(map_pow[floating], a, s, False, out, n)


cdef inline void map_compare(
    floating (*f)(floating, floating) noexcept nogil, const floating* a, const floating* b,
    unsigned char* out, Py_ssize_t n
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        out[i] = f(a[i], b[i]) != 0


cdef inline void map_compare_scalar(
    floating (*f)(floating, floating) noexcept nogil, const floating* a, floating s,
    unsigned char* out, Py_ssize_t n
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        out[i] = f(a[i], s) != 0


cdef void select(
    const unsigned char* condition, const floating* a, bint one_a, const floating* b, bint one_b,
    floating* out, Py_ssize_t n
) noexcept nogil:
    cdef Py_ssize_t i
    cdef floating first = a[0], second = b[0]
    if one_a and one_b:
        for i in range(n):
            out[i] = first if condition[i] else second
    elif one_a:
        for i in range(n):
            out[i] = first if condition[i] else b[i]
    elif one_b:
        for i in range(n):
            out[i] = a[i] if condition[i] else second
    else:
        for i in range(n):
            out[i] = a[i] if condition[i] else b[i]
