"""The kernels: every loop of the library, written once and compiled once per vector unit."""

from cpython.pycapsule cimport PyCapsule_New
from cython cimport floating
from libc.math cimport INFINITY, M_LN2, M_LN10, M_2_SQRTPI, M_PI_2, M_SQRT1_2

from microlazy.core.kernels.table cimport *


ctypedef unsigned int u32
ctypedef unsigned long long u64

cdef extern from "mathfuncs.h" nogil:
    float f32_abs(float x) noexcept
    double f64_abs(double x) noexcept
    float f32_sqrt(float x) noexcept
    double f64_sqrt(double x) noexcept
    float f32_floor(float x) noexcept
    double f64_floor(double x) noexcept
    float f32_ceil(float x) noexcept
    double f64_ceil(double x) noexcept
    float f32_rint(float x) noexcept
    double f64_rint(double x) noexcept
    float f32_trunc(float x) noexcept
    double f64_trunc(double x) noexcept
    float f32_exp(float x) noexcept
    double f64_exp(double x) noexcept
    float f32_expm1(float x) noexcept
    double f64_expm1(double x) noexcept
    float f32_log(float x) noexcept
    double f64_log(double x) noexcept
    float f32_log1p(float x) noexcept
    double f64_log1p(double x) noexcept
    float f32_log2(float x) noexcept
    double f64_log2(double x) noexcept
    float f32_log10(float x) noexcept
    double f64_log10(double x) noexcept
    float f32_sin(float x) noexcept
    double f64_sin(double x) noexcept
    float f32_cos(float x) noexcept
    double f64_cos(double x) noexcept
    float f32_libm_sin(float x) noexcept
    double f64_libm_sin(double x) noexcept
    float f32_libm_cos(float x) noexcept
    double f64_libm_cos(double x) noexcept
    float f32_tanh(float x) noexcept
    double f64_tanh(double x) noexcept
    float f32_sigmoid(float x) noexcept
    double f64_sigmoid(double x) noexcept
    float f32_erf(float x) noexcept
    double f64_erf(double x) noexcept
    float f32_pow(float x, float y) noexcept
    double f64_pow(double x, double y) noexcept
    bint f32_is_plain(float x) noexcept
    float f32_plain_exponent(float x, float y, float* low) noexcept
    float f32_exponent(float x, float y, float* low) noexcept
    float f32_exp2_of(float high, float low) noexcept
    float f32_signed_power(float power, float x, float y) noexcept
    float f32_fmod(float x, float y) noexcept
    double f64_fmod(double x, double y) noexcept
    bint f32_near(float x, float y) noexcept
    bint f64_near(double x, double y) noexcept
    float f32_near_fmod(float x, float y) noexcept
    double f64_near_fmod(double x, double y) noexcept
    float f32_nextafter(float x, float y) noexcept
    double f64_nextafter(double x, double y) noexcept
    void f32_copy_lanes(float* to, const float* from_) noexcept
    void f64_copy_lanes(double* to, const double* from_) noexcept
    void f32_add_scaled(float* sum, float s, const float* x) noexcept
    void f64_add_scaled(double* sum, double s, const double* x) noexcept
    void f32_add_product(float* sum, const float* x, const float* y) noexcept
    void f64_add_product(double* sum, const double* x, const double* y) noexcept
    void f32_add_tail_product(float* sum, const float* x, const float* y, Py_ssize_t n) noexcept
    void f64_add_tail_product(double* sum, const double* x, const double* y, Py_ssize_t n) noexcept
    void f32_sum_lanes(float* out, const float (*sums)[8]) noexcept
    void f64_sum_lanes(double* out, const double (*sums)[8]) noexcept
    void f32_transpose(
        const char* source, Py_ssize_t step, float* to, Py_ssize_t width, Py_ssize_t rows,
        Py_ssize_t cols) noexcept
    void f64_transpose(
        const char* source, Py_ssize_t step, double* to, Py_ssize_t width, Py_ssize_t rows,
        Py_ssize_t cols) noexcept
    float f32_sin_quarters(float r, u32 quarter) noexcept
    double f64_sin_quarters(double r, u64 quarter) noexcept


cdef inline floating absolute(floating x) noexcept nogil:
    if floating is float:
        return f32_abs(x)
    else:
        return f64_abs(x)


cdef inline floating sqrt(floating x) noexcept nogil:
    if floating is float:
        return f32_sqrt(x)
    else:
        return f64_sqrt(x)


cdef inline floating floor(floating x) noexcept nogil:
    if floating is float:
        return f32_floor(x)
    else:
        return f64_floor(x)


cdef inline floating ceil(floating x) noexcept nogil:
    if floating is float:
        return f32_ceil(x)
    else:
        return f64_ceil(x)


cdef inline floating rint(floating x) noexcept nogil:
    if floating is float:
        return f32_rint(x)
    else:
        return f64_rint(x)


cdef inline floating trunc(floating x) noexcept nogil:
    if floating is float:
        return f32_trunc(x)
    else:
        return f64_trunc(x)


cdef inline floating exp(floating x) noexcept nogil:
    if floating is float:
        return f32_exp(x)
    else:
        return f64_exp(x)


cdef inline floating expm1(floating x) noexcept nogil:
    if floating is float:
        return f32_expm1(x)
    else:
        return f64_expm1(x)


cdef inline floating log(floating x) noexcept nogil:
    if floating is float:
        return f32_log(x)
    else:
        return f64_log(x)


cdef inline floating log1p(floating x) noexcept nogil:
    if floating is float:
        return f32_log1p(x)
    else:
        return f64_log1p(x)


cdef inline floating log2(floating x) noexcept nogil:
    if floating is float:
        return f32_log2(x)
    else:
        return f64_log2(x)


cdef inline floating log10(floating x) noexcept nogil:
    if floating is float:
        return f32_log10(x)
    else:
        return f64_log10(x)


cdef inline floating sin(floating x) noexcept nogil:
    if floating is float:
        return f32_sin(x)
    else:
        return f64_sin(x)


cdef inline floating cos(floating x) noexcept nogil:
    if floating is float:
        return f32_cos(x)
    else:
        return f64_cos(x)


cdef inline floating libm_sin(floating x) noexcept nogil:
    if floating is float:
        return f32_libm_sin(x)
    else:
        return f64_libm_sin(x)


cdef inline floating libm_cos(floating x) noexcept nogil:
    if floating is float:
        return f32_libm_cos(x)
    else:
        return f64_libm_cos(x)


cdef inline floating tanh(floating x) noexcept nogil:
    if floating is float:
        return f32_tanh(x)
    else:
        return f64_tanh(x)


cdef inline floating sigmoid(floating x) noexcept nogil:
    if floating is float:
        return f32_sigmoid(x)
    else:
        return f64_sigmoid(x)


cdef inline floating erf(floating x) noexcept nogil:
    if floating is float:
        return f32_erf(x)
    else:
        return f64_erf(x)


cdef inline floating pow(floating x, floating y) noexcept nogil:
    if floating is float:
        return f32_pow(x, y)
    else:
        return f64_pow(x, y)


cdef inline floating fmod(floating x, floating y) noexcept nogil:
    if floating is float:
        return f32_fmod(x, y)
    else:
        return f64_fmod(x, y)


cdef inline bint near(floating x, floating y) noexcept nogil:
    if floating is float:
        return f32_near(x, y)
    else:
        return f64_near(x, y)


cdef inline floating near_fmod(floating x, floating y) noexcept nogil:
    if floating is float:
        return f32_near_fmod(x, y)
    else:
        return f64_near_fmod(x, y)


cdef inline floating nextafter(floating x, floating y) noexcept nogil:
    if floating is float:
        return f32_nextafter(x, y)
    else:
        return f64_nextafter(x, y)


cdef inline floating sin_quarters(floating r, u32 quarter) noexcept nogil:
    if floating is float:
        return f32_sin_quarters(r, quarter)
    else:
        return f64_sin_quarters(r, quarter)


cdef inline void copy_lanes(floating* to, const floating* source) noexcept nogil:
    if floating is float:
        f32_copy_lanes(to, source)
    else:
        f64_copy_lanes(to, source)


cdef inline void add_scaled(floating* sum, floating s, const floating* x) noexcept nogil:
    if floating is float:
        f32_add_scaled(sum, s, x)
    else:
        f64_add_scaled(sum, s, x)


cdef inline void add_product(floating* sum, const floating* x, const floating* y) noexcept nogil:
    if floating is float:
        f32_add_product(sum, x, y)
    else:
        f64_add_product(sum, x, y)


cdef inline void add_tail_product(
    floating* sum, const floating* x, const floating* y, Py_ssize_t count
) noexcept nogil:
    if floating is float:
        f32_add_tail_product(sum, x, y, count)
    else:
        f64_add_tail_product(sum, x, y, count)


cdef inline void sum_lanes(floating* out, const floating (*sums)[8]) noexcept nogil:
    if floating is float:
        f32_sum_lanes(out, sums)
    else:
        f64_sum_lanes(out, sums)


# Functions of one number, each beside its derivative: g * f'(x), where y = f(x).

cdef inline floating zero_grad(floating x, floating y, floating g) noexcept nogil:
    return 0


cdef inline floating negative(floating x) noexcept nogil:
    return -x


cdef inline floating negative_grad(floating x, floating y, floating g) noexcept nogil:
    return -g


cdef inline floating absolute_grad(floating x, floating y, floating g) noexcept nogil:
    return g * sign(x)


cdef inline floating sign(floating x) noexcept nogil:
    return <floating> (x > 0) - <floating> (x < 0) if x == x else x


cdef inline floating square(floating x) noexcept nogil:
    return x * x


cdef inline floating square_grad(floating x, floating y, floating g) noexcept nogil:
    return (g + g) * x


cdef inline floating cube(floating x) noexcept nogil:
    return x * x * x


cdef inline floating sqrt_grad(floating x, floating y, floating g) noexcept nogil:
    return <floating> 0.5 * g / y


cdef inline floating rsqrt(floating x) noexcept nogil:
    return <floating> 1 / sqrt(x)


cdef inline floating rsqrt_grad(floating x, floating y, floating g) noexcept nogil:
    return <floating> -0.5 * g * y / x


cdef inline floating reciprocal(floating x) noexcept nogil:
    return <floating> 1 / x


cdef inline floating reciprocal_grad(floating x, floating y, floating g) noexcept nogil:
    return -g * y * y


cdef inline floating exp_grad(floating x, floating y, floating g) noexcept nogil:
    return g * y


cdef inline floating expm1_grad(floating x, floating y, floating g) noexcept nogil:
    return g * exp(x)


cdef inline floating log_grad(floating x, floating y, floating g) noexcept nogil:
    return g / x


cdef inline floating log1p_grad(floating x, floating y, floating g) noexcept nogil:
    return g / (<floating> 1 + x)


cdef inline floating log2_grad(floating x, floating y, floating g) noexcept nogil:
    return g / (x * <floating> M_LN2)


cdef inline floating log10_grad(floating x, floating y, floating g) noexcept nogil:
    return g / (x * <floating> M_LN10)


cdef inline floating tanh_grad(floating x, floating y, floating g) noexcept nogil:
    return g * (<floating> 1 - y * y)


cdef inline floating sigmoid_grad(floating x, floating y, floating g) noexcept nogil:
    return g * y * (<floating> 1 - y)


cdef inline floating log_sigmoid_grad(floating x, floating y, floating g) noexcept nogil:
    return g * sigmoid(-x)


cdef inline floating relu(floating x) noexcept nogil:
    return 0 if x <= 0 else x


cdef inline floating relu_grad(floating x, floating y, floating g) noexcept nogil:
    return g if x > 0 else (0 if x <= 0 else x)


cdef inline floating exp_minus_abs(floating x) noexcept nogil:
    return exp(-absolute(x))


cdef inline floating softrelu(floating x, floating e) noexcept nogil:
    """log(1 + exp(x)), with e = exp(-|x|)."""
    return relu(x) + log1p(e)


cdef inline floating log_sigmoid(floating x, floating e) noexcept nogil:
    return -softrelu(-x, e)


cdef inline floating softrelu_grad(floating x, floating y, floating g) noexcept nogil:
    return g * sigmoid(x)


cdef inline floating softsign(floating x) noexcept nogil:
    return x / (<floating> 1 + absolute(x))


cdef inline floating softsign_grad(floating x, floating y, floating g) noexcept nogil:
    cdef floating one = 1, r = one / (one + absolute(x))
    return g * r * r


cdef inline floating erf_grad(floating x, floating y, floating g) noexcept nogil:
    return g * <floating> M_2_SQRTPI * exp(-x * x)


cdef inline floating gelu(floating x) noexcept nogil:
    return <floating> 0.5 * x * (<floating> 1 + erf(x * <floating> M_SQRT1_2))


cdef inline floating gelu_grad(floating x, floating y, floating g) noexcept nogil:
    cdef floating cdf = <floating> 0.5 * (<floating> 1 + erf(x * <floating> M_SQRT1_2))
    cdef floating pdf = <floating> (0.5 * M_2_SQRTPI * M_SQRT1_2) * exp(<floating> -0.5 * x * x)
    return g * (cdf + x * pdf)


cdef inline floating silu(floating x) noexcept nogil:
    return x * sigmoid(x)


cdef inline floating silu_grad(floating x, floating y, floating g) noexcept nogil:
    cdef floating one = 1, s = sigmoid(x)
    return g * s * (one + x * (one - s))


# Functions of two numbers, each beside its two derivatives: g * df/da and g * df/db.

cdef inline floating zero_grad2(
    floating a, floating b, floating y, floating g
) noexcept nogil:
    return 0


cdef inline floating pass_grad(floating a, floating b, floating y, floating g) noexcept nogil:
    return g


cdef inline floating add(floating a, floating b) noexcept nogil:
    return a + b


cdef inline floating subtract(floating a, floating b) noexcept nogil:
    return a - b


cdef inline floating subtract_grad_b(
    floating a, floating b, floating y, floating g
) noexcept nogil:
    return -g


cdef inline floating multiply(floating a, floating b) noexcept nogil:
    return a * b


cdef inline floating multiply_grad_a(
    floating a, floating b, floating y, floating g
) noexcept nogil:
    return g * b


cdef inline floating multiply_grad_b(
    floating a, floating b, floating y, floating g
) noexcept nogil:
    return g * a


cdef inline floating divide(floating a, floating b) noexcept nogil:
    return a / b


cdef inline floating divide_grad_a(
    floating a, floating b, floating y, floating g
) noexcept nogil:
    return g / b


cdef inline floating divide_grad_b(
    floating a, floating b, floating y, floating g
) noexcept nogil:
    return -g * y / b


cdef inline floating power_grad_a(
    floating a, floating b, floating y, floating g
) noexcept nogil:
    return g * b * pow(a, b - <floating> 1) if b != 0 else <floating> 0


cdef inline floating power_grad_b(
    floating a, floating b, floating y, floating g
) noexcept nogil:
    return <floating> 0 if (a == 0) & (b >= 0) else g * y * log(a)


cdef inline floating maximum(floating a, floating b) noexcept nogil:
    return a if (a > b) | (a != a) else b


cdef inline floating maximum_grad_a(
    floating a, floating b, floating y, floating g
) noexcept nogil:
    return g if a >= b else 0


cdef inline floating maximum_grad_b(
    floating a, floating b, floating y, floating g
) noexcept nogil:
    return g if a < b else 0


cdef inline floating minimum(floating a, floating b) noexcept nogil:
    return a if (a < b) | (a != a) else b


cdef inline floating minimum_grad_a(
    floating a, floating b, floating y, floating g
) noexcept nogil:
    return g if a <= b else 0


cdef inline floating minimum_grad_b(
    floating a, floating b, floating y, floating g
) noexcept nogil:
    return g if a > b else 0


cdef inline floating signed_like(floating b, floating r) noexcept nogil:
    """The remainder of a division by b that has b's sign, from the one with the other's sign."""
    cdef floating moved = r + b if (b < 0) != (r < 0) else r, zero = 0 if b > 0 else -<floating> 0.0
    return zero if r == 0 else moved


cdef inline floating far_mod(floating a, floating b) noexcept nogil:
    return signed_like(b, fmod(a, b))


cdef inline floating near_mod(floating a, floating b) noexcept nogil:
    return signed_like(b, near_fmod(a, b))


cdef inline floating mod_grad_b(floating a, floating b, floating y, floating g) noexcept nogil:
    return -g * floor(a / b)


cdef inline floating equal(floating a, floating b) noexcept nogil:
    return a == b


cdef inline floating not_equal(floating a, floating b) noexcept nogil:
    return a != b


cdef inline floating less(floating a, floating b) noexcept nogil:
    return a < b


cdef inline floating less_equal(floating a, floating b) noexcept nogil:
    return a <= b


cdef inline floating greater(floating a, floating b) noexcept nogil:
    return a > b


cdef inline floating greater_equal(floating a, floating b) noexcept nogil:
    return a >= b


cdef enum:
    LANES = 64          # accumulators side by side, for vector units and for accuracy
    EXTREMES = 32       # the same for maximum and minimum, each with a sum
    SUM_BLOCK = 1024    # longer sums are split in halves
    TILE = 1024         # columns reduced together
    ROW_BLOCK = 256     # rows summed before they join the total
    SHORT_BLOCK = 32    # the same where the sum is one chain
    EXACT_ROWS = 1 << 20    # row numbers that a float holds
    EXACT = 1 << 24         # the largest of them


# Elementwise loops. The function is a constant at each call, so compilers inline it and vectorize.

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
    """Sine or cosine: f where it is good, libm's in stretches that have larger numbers."""
    cdef Py_ssize_t done = 0, i, width
    cdef bint near
    while done < n:
        width = min(n - done, <Py_ssize_t> TILE)
        near = True
        for i in range(width):
            near &= absolute(x[done + i]) < <floating> 1e5
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


cdef inline void map_mod(
    const floating* a, const floating* b, floating* out, Py_ssize_t n
) noexcept nogil:
    """The quick remainder where it is exact, libm's in stretches that have larger quotients."""
    cdef Py_ssize_t done = 0, i, width
    cdef bint all_near
    while done < n:
        width = min(n - done, <Py_ssize_t> TILE)
        all_near = True
        for i in range(width):
            all_near &= near(a[done + i], b[done + i])
        if all_near:
            map_binary(near_mod[floating], a + done, b + done, out + done, width)
        else:
            map_binary(far_mod[floating], a + done, b + done, out + done, width)
        done += width


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


cdef void unary(int op, const floating* x, floating* out, Py_ssize_t n) noexcept nogil:
    if op == U_NEGATIVE:
        map_unary(negative[floating], x, out, n)
    elif op == U_ABS:
        map_unary(absolute[floating], x, out, n)
    elif op == U_SIGN:
        map_unary(sign[floating], x, out, n)
    elif op == U_SQUARE:
        map_unary(square[floating], x, out, n)
    elif op == U_SQRT:
        map_unary(sqrt[floating], x, out, n)
    elif op == U_RSQRT:
        map_unary(rsqrt[floating], x, out, n)
    elif op == U_RECIPROCAL:
        map_unary(reciprocal[floating], x, out, n)
    elif op == U_EXP:
        map_unary(exp[floating], x, out, n)
    elif op == U_EXPM1:
        map_unary(expm1[floating], x, out, n)
    elif op == U_LOG:
        map_unary(log[floating], x, out, n)
    elif op == U_LOG1P:
        map_unary(log1p[floating], x, out, n)
    elif op == U_LOG2:
        map_unary(log2[floating], x, out, n)
    elif op == U_LOG10:
        map_unary(log10[floating], x, out, n)
    elif op == U_SIN:
        map_trig(sin[floating], libm_sin[floating], x, out, n)
    elif op == U_COS:
        map_trig(cos[floating], libm_cos[floating], x, out, n)
    elif op == U_TANH:
        map_unary(tanh[floating], x, out, n)
    elif op == U_SIGMOID:
        map_unary(sigmoid[floating], x, out, n)
    elif op == U_LOG_SIGMOID:
        map_after(exp_minus_abs[floating], log_sigmoid[floating], x, out, n)
    elif op == U_RELU:
        map_unary(relu[floating], x, out, n)
    elif op == U_SOFTRELU:
        map_after(exp_minus_abs[floating], softrelu[floating], x, out, n)
    elif op == U_SOFTSIGN:
        map_unary(softsign[floating], x, out, n)
    elif op == U_ERF:
        map_unary(erf[floating], x, out, n)
    elif op == U_GELU:
        map_unary(gelu[floating], x, out, n)
    elif op == U_SILU:
        map_unary(silu[floating], x, out, n)
    elif op == U_FLOOR:
        map_unary(floor[floating], x, out, n)
    elif op == U_CEIL:
        map_unary(ceil[floating], x, out, n)
    elif op == U_RINT:
        map_unary(rint[floating], x, out, n)
    elif op == U_TRUNC:
        map_unary(trunc[floating], x, out, n)


cdef void unary_grad(
    int op, const floating* x, const floating* y, const floating* g, floating* dx,
    bint accumulate, Py_ssize_t n
) noexcept nogil:
    if op == U_NEGATIVE:
        map_unary_grad(negative_grad[floating], x, y, g, dx, accumulate, n)
    elif op == U_ABS:
        map_unary_grad(absolute_grad[floating], x, y, g, dx, accumulate, n)
    elif op == U_SQUARE:
        map_unary_grad(square_grad[floating], x, y, g, dx, accumulate, n)
    elif op == U_SQRT:
        map_unary_grad(sqrt_grad[floating], x, y, g, dx, accumulate, n)
    elif op == U_RSQRT:
        map_unary_grad(rsqrt_grad[floating], x, y, g, dx, accumulate, n)
    elif op == U_RECIPROCAL:
        map_unary_grad(reciprocal_grad[floating], x, y, g, dx, accumulate, n)
    elif op == U_EXP:
        map_unary_grad(exp_grad[floating], x, y, g, dx, accumulate, n)
    elif op == U_EXPM1:
        map_unary_grad(expm1_grad[floating], x, y, g, dx, accumulate, n)
    elif op == U_LOG:
        map_unary_grad(log_grad[floating], x, y, g, dx, accumulate, n)
    elif op == U_LOG1P:
        map_unary_grad(log1p_grad[floating], x, y, g, dx, accumulate, n)
    elif op == U_LOG2:
        map_unary_grad(log2_grad[floating], x, y, g, dx, accumulate, n)
    elif op == U_LOG10:
        map_unary_grad(log10_grad[floating], x, y, g, dx, accumulate, n)
    elif op == U_SIN:
        map_trig_grad(U_COS, 1, x, g, dx, accumulate, n)
    elif op == U_COS:
        map_trig_grad(U_SIN, -1, x, g, dx, accumulate, n)
    elif op == U_TANH:
        map_unary_grad(tanh_grad[floating], x, y, g, dx, accumulate, n)
    elif op == U_SIGMOID:
        map_unary_grad(sigmoid_grad[floating], x, y, g, dx, accumulate, n)
    elif op == U_LOG_SIGMOID:
        map_unary_grad(log_sigmoid_grad[floating], x, y, g, dx, accumulate, n)
    elif op == U_RELU:
        map_unary_grad(relu_grad[floating], x, y, g, dx, accumulate, n)
    elif op == U_SOFTRELU:
        map_unary_grad(softrelu_grad[floating], x, y, g, dx, accumulate, n)
    elif op == U_SOFTSIGN:
        map_unary_grad(softsign_grad[floating], x, y, g, dx, accumulate, n)
    elif op == U_ERF:
        map_unary_grad(erf_grad[floating], x, y, g, dx, accumulate, n)
    elif op == U_GELU:
        map_unary_grad(gelu_grad[floating], x, y, g, dx, accumulate, n)
    elif op == U_SILU:
        map_unary_grad(silu_grad[floating], x, y, g, dx, accumulate, n)
    else:
        map_unary_grad(zero_grad[floating], x, y, g, dx, accumulate, n)


cdef void binary(
    int op, const floating* a, const floating* b, floating* out, Py_ssize_t n
) noexcept nogil:
    if op == B_ADD:
        map_binary(add[floating], a, b, out, n)
    elif op == B_SUBTRACT:
        map_binary(subtract[floating], a, b, out, n)
    elif op == B_MULTIPLY:
        map_binary(multiply[floating], a, b, out, n)
    elif op == B_DIVIDE:
        map_binary(divide[floating], a, b, out, n)
    elif op == B_POWER:
        map_pow(a, b, out, n)
    elif op == B_MAXIMUM:
        map_binary(maximum[floating], a, b, out, n)
    elif op == B_MINIMUM:
        map_binary(minimum[floating], a, b, out, n)
    elif op == B_MOD:
        map_mod(a, b, out, n)
    elif op == B_EQUAL:
        map_binary(equal[floating], a, b, out, n)
    elif op == B_NOT_EQUAL:
        map_binary(not_equal[floating], a, b, out, n)
    elif op == B_LESS:
        map_binary(less[floating], a, b, out, n)
    elif op == B_LESS_EQUAL:
        map_binary(less_equal[floating], a, b, out, n)
    elif op == B_GREATER:
        map_binary(greater[floating], a, b, out, n)
    elif op == B_GREATER_EQUAL:
        map_binary(greater_equal[floating], a, b, out, n)


cdef void binary_scalar(
    int op, const floating* a, double scalar, bint swapped, floating* out, Py_ssize_t n
) noexcept nogil:
    cdef floating s = <floating> scalar
    if op == B_POWER and not swapped and s == 2:
        map_unary(square[floating], a, out, n)
    elif op == B_POWER and not swapped and s == 3:
        map_unary(cube[floating], a, out, n)
    elif op == B_POWER and not swapped and s == <floating> 0.5:
        map_unary(sqrt[floating], a, out, n)
    elif op == B_POWER and not swapped and s == -1:
        map_unary(reciprocal[floating], a, out, n)
    elif op == B_ADD:
        map_scalar(add[floating], a, s, swapped, out, n)
    elif op == B_SUBTRACT:
        map_scalar(subtract[floating], a, s, swapped, out, n)
    elif op == B_MULTIPLY:
        map_scalar(multiply[floating], a, s, swapped, out, n)
    elif op == B_DIVIDE:
        map_scalar(divide[floating], a, s, swapped, out, n)
    elif op == B_POWER:
        map_tiles(map_pow[floating], a, s, swapped, out, n)
    elif op == B_MAXIMUM:
        map_scalar(maximum[floating], a, s, swapped, out, n)
    elif op == B_MINIMUM:
        map_scalar(minimum[floating], a, s, swapped, out, n)
    elif op == B_MOD:
        map_tiles(map_mod[floating], a, s, swapped, out, n)
    elif op == B_EQUAL:
        map_scalar(equal[floating], a, s, swapped, out, n)
    elif op == B_NOT_EQUAL:
        map_scalar(not_equal[floating], a, s, swapped, out, n)
    elif op == B_LESS:
        map_scalar(less[floating], a, s, swapped, out, n)
    elif op == B_LESS_EQUAL:
        map_scalar(less_equal[floating], a, s, swapped, out, n)
    elif op == B_GREATER:
        map_scalar(greater[floating], a, s, swapped, out, n)
    elif op == B_GREATER_EQUAL:
        map_scalar(greater_equal[floating], a, s, swapped, out, n)


cdef void compare(
    int op, const floating* a, const floating* b, unsigned char* out, Py_ssize_t n
) noexcept nogil:
    if op == B_EQUAL:
        map_compare(equal[floating], a, b, out, n)
    elif op == B_NOT_EQUAL:
        map_compare(not_equal[floating], a, b, out, n)
    elif op == B_LESS:
        map_compare(less[floating], a, b, out, n)
    elif op == B_LESS_EQUAL:
        map_compare(less_equal[floating], a, b, out, n)
    elif op == B_GREATER:
        map_compare(greater[floating], a, b, out, n)
    elif op == B_GREATER_EQUAL:
        map_compare(greater_equal[floating], a, b, out, n)


cdef void compare_scalar(
    int op, const floating* a, double scalar, unsigned char* out, Py_ssize_t n
) noexcept nogil:
    cdef floating s = <floating> scalar
    if op == B_EQUAL:
        map_compare_scalar(equal[floating], a, s, out, n)
    elif op == B_NOT_EQUAL:
        map_compare_scalar(not_equal[floating], a, s, out, n)
    elif op == B_LESS:
        map_compare_scalar(less[floating], a, s, out, n)
    elif op == B_LESS_EQUAL:
        map_compare_scalar(less_equal[floating], a, s, out, n)
    elif op == B_GREATER:
        map_compare_scalar(greater[floating], a, s, out, n)
    elif op == B_GREATER_EQUAL:
        map_compare_scalar(greater_equal[floating], a, s, out, n)


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


cdef void transpose(
    const char* x, Py_ssize_t step, floating* out, Py_ssize_t width, Py_ssize_t rows,
    Py_ssize_t cols
) noexcept nogil:
    if floating is float:
        f32_transpose(x, step, out, width, rows, cols)
    else:
        f64_transpose(x, step, out, width, rows, cols)


cdef void binary_grad(
    int op, int which, const floating* a, const floating* b, const floating* y,
    const floating* g, floating* dx, bint accumulate, Py_ssize_t n
) noexcept nogil:
    if 2 * op + which == 2 * B_ADD:
        map_binary_grad(pass_grad[floating], a, b, y, g, dx, accumulate, n)
    elif 2 * op + which == 2 * B_ADD + 1:
        map_binary_grad(pass_grad[floating], a, b, y, g, dx, accumulate, n)
    elif 2 * op + which == 2 * B_SUBTRACT:
        map_binary_grad(pass_grad[floating], a, b, y, g, dx, accumulate, n)
    elif 2 * op + which == 2 * B_SUBTRACT + 1:
        map_binary_grad(subtract_grad_b[floating], a, b, y, g, dx, accumulate, n)
    elif 2 * op + which == 2 * B_MULTIPLY:
        map_binary_grad(multiply_grad_a[floating], a, b, y, g, dx, accumulate, n)
    elif 2 * op + which == 2 * B_MULTIPLY + 1:
        map_binary_grad(multiply_grad_b[floating], a, b, y, g, dx, accumulate, n)
    elif 2 * op + which == 2 * B_DIVIDE:
        map_binary_grad(divide_grad_a[floating], a, b, y, g, dx, accumulate, n)
    elif 2 * op + which == 2 * B_DIVIDE + 1:
        map_binary_grad(divide_grad_b[floating], a, b, y, g, dx, accumulate, n)
    elif 2 * op + which == 2 * B_POWER:
        map_binary_grad(power_grad_a[floating], a, b, y, g, dx, accumulate, n)
    elif 2 * op + which == 2 * B_POWER + 1:
        map_binary_grad(power_grad_b[floating], a, b, y, g, dx, accumulate, n)
    elif 2 * op + which == 2 * B_MAXIMUM:
        map_binary_grad(maximum_grad_a[floating], a, b, y, g, dx, accumulate, n)
    elif 2 * op + which == 2 * B_MAXIMUM + 1:
        map_binary_grad(maximum_grad_b[floating], a, b, y, g, dx, accumulate, n)
    elif 2 * op + which == 2 * B_MINIMUM:
        map_binary_grad(minimum_grad_a[floating], a, b, y, g, dx, accumulate, n)
    elif 2 * op + which == 2 * B_MINIMUM + 1:
        map_binary_grad(minimum_grad_b[floating], a, b, y, g, dx, accumulate, n)
    elif 2 * op + which == 2 * B_MOD:
        map_binary_grad(pass_grad[floating], a, b, y, g, dx, accumulate, n)
    elif 2 * op + which == 2 * B_MOD + 1:
        map_binary_grad(mod_grad_b[floating], a, b, y, g, dx, accumulate, n)
    else:
        map_binary_grad(zero_grad2[floating], a, b, y, g, dx, accumulate, n)


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


# Reductions.

cdef inline floating fold(
    floating (*f)(floating, floating) noexcept nogil, floating start, const floating* x,
    Py_ssize_t n
) noexcept nogil:
    """f over n numbers. Long runs go through lanes, which vector units work on side by side."""
    cdef floating lane[LANES]
    cdef Py_ssize_t i, j, width
    cdef floating total = start
    if n < LANES:
        for i in range(n):
            total = f(total, x[i])
        return total
    for j in range(LANES):
        lane[j] = x[j]
    for i in range(1, n // LANES):
        for j in range(LANES):
            lane[j] = f(lane[j], x[i * LANES + j])
    for j in range(n % LANES):
        lane[j] = f(lane[j], x[n - n % LANES + j])
    for j in range(32):
        lane[j] = f(lane[j], lane[j + 32])
    for j in range(16):
        lane[j] = f(lane[j], lane[j + 16])
    for j in range(8):
        lane[j] = f(lane[j], lane[j + 8])
    for j in range(8):
        total = f(total, lane[j])
    return total


cdef floating sum_of(const floating* x, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t half
    if n <= SUM_BLOCK:
        return fold(add[floating], 0, x, n)
    half = n // 2 // LANES * LANES
    return sum_of(x, half) + sum_of(x + half, n - half)


cdef inline floating fold_alternate(const floating* x, Py_ssize_t n) noexcept nogil:
    """x[0] + x[2] + ... of n numbers. Those between are added as well, in lanes of their own."""
    cdef floating lane[LANES]
    cdef floating total = 0
    cdef Py_ssize_t i, j, blocks = n // LANES
    for i in range(blocks * (LANES // 2), (n + 1) // 2):
        total += x[2 * i]
    if blocks == 0:
        return total
    for j in range(LANES):
        lane[j] = x[j]
    for i in range(1, blocks):
        for j in range(LANES):
            lane[j] += x[i * LANES + j]
    for j in range(32):
        lane[j] += lane[j + 32]
    for j in range(16):
        lane[j] += lane[j + 16]
    for j in range(8):
        lane[j] += lane[j + 8]
    return total + ((lane[0] + lane[2]) + (lane[4] + lane[6]))


cdef floating alternate_sum_of(const floating* x, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t half
    if n <= 2 * SUM_BLOCK:
        return fold_alternate(x, n)
    half = n // 2 // LANES * LANES
    return alternate_sum_of(x, half) + alternate_sum_of(x + half, n - half)


cdef inline floating larger(floating a, floating b) noexcept nogil:
    return a if a > b else b


cdef inline floating smaller(floating a, floating b) noexcept nogil:
    return a if a < b else b


cdef inline floating fold_extreme(
    floating (*quick)(floating, floating) noexcept nogil,
    floating (*f)(floating, floating) noexcept nogil, floating start, const floating* x,
    Py_ssize_t n
) noexcept nogil:
    """fold(f) by `quick`, which is one instruction but may lose a NaN; a sum finds whether."""
    cdef floating lane[EXTREMES]
    cdef floating sums[EXTREMES]
    cdef floating total = start
    cdef Py_ssize_t i, j
    if n < LANES:
        return fold(f, start, x, n)
    for j in range(EXTREMES):
        lane[j] = x[j]
        sums[j] = x[j]
    for i in range(1, n // EXTREMES):
        for j in range(EXTREMES):
            lane[j] = quick(lane[j], x[i * EXTREMES + j])
            sums[j] += x[i * EXTREMES + j]
    for j in range(n % EXTREMES):
        lane[j] = quick(lane[j], x[n - n % EXTREMES + j])
        sums[j] += x[n - n % EXTREMES + j]
    for j in range(16):
        lane[j] = quick(lane[j], lane[j + 16])
        sums[j] += sums[j + 16]
    for j in range(8):
        lane[j] = quick(lane[j], lane[j + 8])
        sums[j] += sums[j + 8]
    for j in range(8):
        total = quick(total, lane[j])
        sums[0] += sums[j]
    if sums[0] != sums[0]:                  # NaN, or infinities of both signs
        return fold(f, start, x, n)
    return total


cdef floating max_of(const floating* x, Py_ssize_t n) noexcept nogil:
    return fold_extreme(larger[floating], maximum[floating], <floating> -INFINITY, x, n)


cdef floating min_of(const floating* x, Py_ssize_t n) noexcept nogil:
    return fold_extreme(smaller[floating], minimum[floating], <floating> INFINITY, x, n)


cdef inline floating dot_of(const floating* x, const floating* y, Py_ssize_t n) noexcept nogil:
    cdef floating products[SUM_BLOCK]
    cdef floating total = 0
    cdef Py_ssize_t done = 0, i, width
    while done < n:
        width = min(n - done, <Py_ssize_t> SUM_BLOCK)
        for i in range(width):
            products[i] = x[done + i] * y[done + i]
        total += sum_of(<const floating*> products, width)
        done += width
    return total


cdef void reduce_rows(
    int op, const floating* x, floating* out, Py_ssize_t rows, Py_ssize_t cols
) noexcept nogil:
    cdef Py_ssize_t r
    for r in range(rows):
        if op == R_SUM:
            out[r] = sum_of(x + r * cols, cols)
        elif op == R_PROD:
            out[r] = fold(multiply[floating], 1, x + r * cols, cols)
        elif op == R_MAX:
            out[r] = max_of(x + r * cols, cols)
        elif op == R_MIN:
            out[r] = min_of(x + r * cols, cols)


cdef void sum_alternate(
    const floating* x, floating* out, Py_ssize_t rows, Py_ssize_t cols
) noexcept nogil:
    cdef Py_ssize_t r
    for r in range(rows):
        out[r] = alternate_sum_of(x + 2 * r * cols, 2 * cols - 1)


cdef inline void fold_rows(
    floating (*f)(floating, floating) noexcept nogil, const floating* x, floating* out,
    Py_ssize_t rows, Py_ssize_t cols, Py_ssize_t width
) noexcept nogil:
    """f over at least one row, for the first `width` columns."""
    cdef Py_ssize_t r, c
    for c in range(width):
        out[c] = x[c]
    for r in range(1, rows):
        for c in range(width):
            out[c] = f(out[c], x[r * cols + c])


cdef inline void sum_rows(
    const floating* x, floating* out, Py_ssize_t rows, Py_ssize_t cols, Py_ssize_t width
) noexcept nogil:
    """The same for sums, in fewer passes."""
    cdef Py_ssize_t r, c
    cdef const floating* row
    fold_rows(add[floating], x, out, (rows - 1) % 4 + 1, cols, width)
    row = x + ((rows - 1) % 4 + 1) * cols
    for r in range((rows - 1) // 4):
        for c in range(width):
            out[c] += (row[c] + row[cols + c]) + (row[2 * cols + c] + row[3 * cols + c])
        row += 4 * cols


cdef void reduce_cols(
    int op, const floating* x, floating* out, bint accumulate, Py_ssize_t rows, Py_ssize_t cols
) noexcept nogil:
    cdef floating part[TILE]
    cdef double total[TILE]
    cdef Py_ssize_t tile, block, c, c0, r0, width
    if rows == 0:
        if not accumulate:
            fill(1 if op == R_PROD else 0, out, cols)
        return
    for tile in range((cols + TILE - 1) // TILE):
        c0 = tile * TILE
        width = min(<Py_ssize_t> TILE, cols - c0)
        if op == R_PROD:
            fold_rows(multiply[floating], x + c0, part, rows, cols, width)
        elif op == R_MAX:
            fold_rows(maximum[floating], x + c0, part, rows, cols, width)
        elif op == R_MIN:
            fold_rows(minimum[floating], x + c0, part, rows, cols, width)
        elif rows <= ROW_BLOCK:
            sum_rows(x + c0, part, rows, cols, width)
        else:
            for c in range(width):
                total[c] = 0
            for block in range((rows + ROW_BLOCK - 1) // ROW_BLOCK):
                r0 = block * ROW_BLOCK
                sum_rows(x + r0 * cols + c0, part, min(<Py_ssize_t> ROW_BLOCK, rows - r0), cols,
                         width)
                for c in range(width):
                    total[c] += part[c]
            for c in range(width):
                part[c] = <floating> total[c]
        if accumulate:
            for c in range(width):
                out[c0 + c] += part[c]
        else:
            for c in range(width):
                out[c0 + c] = part[c]


cdef Py_ssize_t first_place(const floating* row, floating value, Py_ssize_t n) noexcept nogil:
    """Where the row has the value, or NaN if the value is NaN, for the first time."""
    cdef Py_ssize_t c = 0
    if value == value:
        while row[c] != value:
            c += 1
    else:
        while row[c] == row[c]:
            c += 1
    return c


cdef inline Py_ssize_t place_of(
    floating (*beats)(floating, floating) noexcept nogil,
    floating (*quick)(floating, floating) noexcept nogil,
    floating (*f)(floating, floating) noexcept nogil, floating start, const floating* x,
    Py_ssize_t n
) noexcept nogil:
    """The place of the first extreme; as fold_extreme, with a count of rounds beside each lane."""
    cdef floating lane[EXTREMES]
    cdef floating sums[EXTREMES]
    cdef floating place[EXTREMES]
    cdef floating top[EXTREMES]
    cdef floating best, v, round, far = <floating> n
    cdef Py_ssize_t i, j, whole = n - n % EXTREMES
    if n < 2 * LANES or n > EXACT:
        return first_place(x, fold_extreme(quick, f, start, x, n), n)
    for j in range(EXTREMES):
        lane[j] = x[j]
        sums[j] = x[j]
        place[j] = 0
    for i in range(1, n // EXTREMES):
        round = <floating> i
        for j in range(EXTREMES):
            v = x[i * EXTREMES + j]
            place[j] = round if beats(v, lane[j]) != 0 else place[j]
            lane[j] = quick(v, lane[j])
            sums[j] += v
    for j in range(EXTREMES):
        top[j] = lane[j]
    for j in range(16):
        top[j] = quick(top[j], top[j + 16])
        sums[j] += sums[j + 16]
    for j in range(8):
        top[j] = quick(top[j], top[j + 8])
        sums[j] += sums[j + 8]
    best = top[0]
    for j in range(1, 8):
        best = quick(best, top[j])
        sums[0] += sums[j]
    for j in range(whole, n):
        sums[0] += x[j]
    if sums[0] != sums[0]:                  # NaN, or infinities of both signs
        return first_place(x, fold(f, start, x, n), n)
    for j in range(whole, n):
        if beats(x[j], best) != 0:
            return j + first_place(x + j, fold(f, start, x + j, n - j), n - j)
    for j in range(EXTREMES):
        place[j] = place[j] * EXTREMES + <floating> j if lane[j] == best else far
    for j in range(16):
        place[j] = smaller(place[j], place[j + 16])
    for j in range(8):
        place[j] = smaller(place[j], place[j + 8])
    for j in range(1, 8):
        place[0] = smaller(place[0], place[j])
    return <Py_ssize_t> place[0]


cdef void arg_rows(
    int op, const floating* x, long long* out, Py_ssize_t rows, Py_ssize_t cols
) noexcept nogil:
    cdef Py_ssize_t r
    for r in range(rows):
        if op == R_MAX:
            out[r] = place_of(greater[floating], larger[floating], maximum[floating],
                              <floating> -INFINITY, x + r * cols, cols)
        else:
            out[r] = place_of(less[floating], smaller[floating], minimum[floating],
                              <floating> INFINITY, x + r * cols, cols)


cdef inline void arg_fold(
    floating (*f)(floating, floating) noexcept nogil, const floating* x, floating* best,
    floating* place, Py_ssize_t rows, Py_ssize_t cols, Py_ssize_t width
) noexcept nogil:
    """The extremes of columns and the rows where they stand first; f(v, b): v does not beat b."""
    cdef Py_ssize_t r, c
    cdef floating v, row
    cdef bint better
    for c in range(width):
        best[c] = x[c]
        place[c] = 0
    for r in range(1, rows):
        row = <floating> r
        for c in range(width):
            v = x[r * cols + c]
            better = (f(v, best[c]) == 0) & (best[c] == best[c])
            best[c] = v if better else best[c]
            place[c] = row if better else place[c]


cdef void arg_cols(
    int op, const floating* x, long long* out, Py_ssize_t rows, Py_ssize_t cols, Py_ssize_t width
) noexcept nogil:
    cdef floating best[TILE]
    cdef floating top[TILE]
    cdef floating place[TILE]
    cdef Py_ssize_t tile, block, c, c0, r0, columns
    for tile in range((width + TILE - 1) // TILE):
        c0 = tile * TILE
        columns = min(<Py_ssize_t> TILE, width - c0)
        for block in range((rows + EXACT_ROWS - 1) // EXACT_ROWS):
            r0 = block * EXACT_ROWS
            if op == R_MAX:
                arg_fold(less_equal[floating], x + r0 * cols + c0, best, place,
                         min(<Py_ssize_t> EXACT_ROWS, rows - r0), cols, columns)
            else:
                arg_fold(greater_equal[floating], x + r0 * cols + c0, best, place,
                         min(<Py_ssize_t> EXACT_ROWS, rows - r0), cols, columns)
            for c in range(columns):
                if r0 == 0 or (top[c] == top[c] and not (
                        best[c] <= top[c] if op == R_MAX else best[c] >= top[c])):
                    top[c] = best[c]
                    out[c0 + c] = r0 + <long long> place[c]


# Squares of the distances from means, the second pass of a variance.

cdef void deviation_rows(
    const floating* x, const floating* mean, floating* out, Py_ssize_t rows, Py_ssize_t cols
) noexcept nogil:
    cdef floating squares[SUM_BLOCK]
    cdef Py_ssize_t block, r, c, c0, width
    cdef floating total, d
    for r in range(rows):
        total = 0
        for block in range((cols + SUM_BLOCK - 1) // SUM_BLOCK):
            c0 = block * SUM_BLOCK
            width = min(<Py_ssize_t> SUM_BLOCK, cols - c0)
            for c in range(width):
                d = x[r * cols + c0 + c] - mean[r]
                squares[c] = d * d
            total += sum_of(<const floating*> squares, width)
        out[r] = total


cdef void deviation_cols(
    const floating* x, const floating* mean, floating* out, Py_ssize_t rows, Py_ssize_t cols
) noexcept nogil:
    cdef floating part[TILE]
    cdef double total[TILE]
    cdef Py_ssize_t tile, block, r, c, c0, r0, width
    cdef floating d
    for tile in range((cols + TILE - 1) // TILE):
        c0 = tile * TILE
        width = min(<Py_ssize_t> TILE, cols - c0)
        for c in range(width):
            total[c] = 0
        for block in range((rows + SHORT_BLOCK - 1) // SHORT_BLOCK):
            r0 = block * SHORT_BLOCK
            for c in range(width):
                part[c] = 0
            for r in range(r0, min(r0 + <Py_ssize_t> SHORT_BLOCK, rows)):
                for c in range(width):
                    d = x[r * cols + c0 + c] - mean[c0 + c]
                    part[c] += d * d
            for c in range(width):
                total[c] += part[c]
        for c in range(width):
            out[c0 + c] = <floating> total[c]


# Softmax and cross-entropy, a row at a time.

cdef floating sum_exp(const floating* x, floating shift, Py_ssize_t n) noexcept nogil:
    """Sum of exp(x - shift)."""
    cdef floating part[TILE]
    cdef floating total = 0
    cdef Py_ssize_t done = 0, i, width
    while done < n:
        width = min(n - done, <Py_ssize_t> TILE)
        for i in range(width):
            part[i] = exp(x[done + i] - shift)
        total += sum_of(<const floating*> part, width)
        done += width
    return total


cdef void softmax_row(
    bint log_, const floating* x, floating* y, Py_ssize_t cols
) noexcept nogil:
    cdef Py_ssize_t c
    cdef floating shift = max_of(x, cols), total = sum_exp(x, shift, cols)
    if log_:
        total = log(total)
        for c in range(cols):
            y[c] = (x[c] - shift) - total
    else:
        total = <floating> 1 / total
        for c in range(cols):
            y[c] = exp(x[c] - shift) * total


cdef void softmax_rows(
    bint log_, const floating* x, floating* y, Py_ssize_t rows, Py_ssize_t cols
) noexcept nogil:
    """Rows that fit into a tile together: one loop over all of their exponentials."""
    cdef floating tile[TILE]
    cdef floating shift[TILE]
    cdef floating total[TILE]
    cdef floating factor
    cdef Py_ssize_t r, c
    for r in range(rows):
        shift[r] = max_of(x + r * cols, cols)
        for c in range(cols):
            tile[r * cols + c] = x[r * cols + c] - shift[r]
    map_unary(exp[floating], <const floating*> tile, tile, rows * cols)
    for r in range(rows):
        total[r] = sum_of(<const floating*> tile + r * cols, cols)
    if log_:
        map_unary(log[floating], <const floating*> total, total, rows)
    for r in range(rows):
        if log_:
            for c in range(r * cols, (r + 1) * cols):
                y[c] = (x[c] - shift[r]) - total[r]
        else:
            factor = <floating> 1 / total[r]
            for c in range(cols):
                y[r * cols + c] = tile[r * cols + c] * factor


cdef void softmax(
    bint log_, const floating* x, floating* y, Py_ssize_t rows, Py_ssize_t cols
) noexcept nogil:
    cdef Py_ssize_t done = 0, together = TILE // max(cols, <Py_ssize_t> 1)
    while done < rows:
        if together:
            softmax_rows(log_, x + done * cols, y + done * cols, min(together, rows - done), cols)
            done += together
        else:
            softmax_row(log_, x + done * cols, y + done * cols, cols)
            done += 1


cdef void softmax_grad(
    bint log_, const floating* y, const floating* g, floating* dx, bint accumulate,
    Py_ssize_t rows, Py_ssize_t cols
) noexcept nogil:
    cdef Py_ssize_t r, c
    cdef floating total, d
    for r in range(rows):
        total = sum_of(g, cols) if log_ else dot_of(y, g, cols)
        for c in range(cols):
            d = g[c] - exp(y[c]) * total if log_ else y[c] * (g[c] - total)
            dx[c] = dx[c] + d if accumulate else d
        y += cols
        g += cols
        dx += cols


# Softmax of columns: x is `width` columns of (rows, cols), width up to TILE.

cdef void softmax_cols(
    bint log_, const floating* x, floating* y, Py_ssize_t rows, Py_ssize_t cols, Py_ssize_t width
) noexcept nogil:
    cdef floating shift[TILE]
    cdef floating part[TILE]
    cdef double total[TILE]
    cdef Py_ssize_t block, r, r0, c
    cdef floating e
    fold_rows(maximum[floating], x, shift, rows, cols, width)
    for c in range(width):
        total[c] = 0
    for block in range((rows + SHORT_BLOCK - 1) // SHORT_BLOCK):
        r0 = block * SHORT_BLOCK
        for c in range(width):
            part[c] = 0
        for r in range(r0, min(r0 + <Py_ssize_t> SHORT_BLOCK, rows)):
            for c in range(width):
                e = exp(x[r * cols + c] - shift[c])
                y[r * cols + c] = e
                part[c] += e
        for c in range(width):
            total[c] += part[c]
    for c in range(width):
        part[c] = <floating> total[c]
    if log_:
        map_unary(log[floating], <const floating*> part, part, width)
        for r in range(rows):
            for c in range(width):
                y[r * cols + c] = (x[r * cols + c] - shift[c]) - part[c]
    else:
        map_unary(reciprocal[floating], <const floating*> part, part, width)
        for r in range(rows):
            for c in range(width):
                y[r * cols + c] *= part[c]


cdef void softmax_cols_grad(
    bint log_, const floating* y, const floating* g, floating* dx, bint accumulate,
    Py_ssize_t rows, Py_ssize_t cols, Py_ssize_t width
) noexcept nogil:
    cdef floating part[TILE]
    cdef double total[TILE]
    cdef Py_ssize_t block, r, r0, c, i
    cdef floating d
    for c in range(width):
        total[c] = 0
    for block in range((rows + SHORT_BLOCK - 1) // SHORT_BLOCK):
        r0 = block * SHORT_BLOCK
        for c in range(width):
            part[c] = 0
        for r in range(r0, min(r0 + <Py_ssize_t> SHORT_BLOCK, rows)):
            if log_:
                for c in range(width):
                    part[c] += g[r * cols + c]
            else:
                for c in range(width):
                    part[c] += y[r * cols + c] * g[r * cols + c]
        for c in range(width):
            total[c] += part[c]
    for c in range(width):
        part[c] = <floating> total[c]
    for r in range(rows):
        for c in range(width):
            i = r * cols + c
            d = g[i] - exp(y[i]) * part[c] if log_ else y[i] * (g[i] - part[c])
            dx[i] = dx[i] + d if accumulate else d


cdef void cross_entropy(
    const floating* x, const long long* label, floating* logp, floating* loss, Py_ssize_t rows,
    Py_ssize_t cols
) noexcept nogil:
    cdef Py_ssize_t r
    softmax(True, x, logp, rows, cols)
    for r in range(rows):
        loss[r] = -logp[r * cols + label[r]]


cdef void cross_entropy_grad(
    const floating* logp, const long long* label, const floating* g, floating* dx,
    bint accumulate, Py_ssize_t rows, Py_ssize_t cols
) noexcept nogil:
    cdef Py_ssize_t r, c
    cdef floating d
    for r in range(rows):
        for c in range(cols):
            d = g[r] * exp(logp[c])
            dx[c] = dx[c] + d if accumulate else d
        dx[label[r]] -= g[r]
        logp += cols
        dx += cols


cdef void add_bias(
    const floating* bias, floating* out, bint with_relu, Py_ssize_t rows, Py_ssize_t cols
) noexcept nogil:
    cdef Py_ssize_t r, c
    for r in range(rows):
        if with_relu:
            for c in range(cols):
                out[c] = relu(out[c] + bias[c])
        else:
            for c in range(cols):
                out[c] += bias[c]
        out += cols


# Products of few rows.

cdef inline void dot_rows(
    int m, int rows, const floating* x, const floating* w, floating* out, Py_ssize_t n,
    Py_ssize_t k
) noexcept nogil:
    """out[i, j] = x[i] . w[j] for 1 or 2 rows of x and 1 or 4 of w, of k >= 8 numbers."""
    cdef floating sums[2][4][8]
    cdef floating dots[4]
    cdef Py_ssize_t c
    cdef int i, j, lane
    for i in range(m):
        for j in range(4):
            for lane in range(8):
                sums[i][j][lane] = 0
    for c in range(k // 8):
        for j in range(rows):
            for i in range(m):
                add_product(sums[i][j], x + i * k + 8 * c, w + j * k + 8 * c)
    if k % 8:
        for j in range(rows):
            for i in range(m):
                add_tail_product(sums[i][j], x + i * k + k - 8, w + j * k + k - 8, k % 8)
    for i in range(m):
        sum_lanes(dots, <const floating (*)[8]> sums[i])
        for j in range(rows):
            out[i * n + j] = dots[j]


cdef inline floating short_dot(
    const floating* x, const floating* y, Py_ssize_t n
) noexcept nogil:
    cdef floating total = 0
    cdef Py_ssize_t i
    for i in range(n):
        total += x[i] * y[i]
    return total


cdef void thin_nt(
    const floating* x, const floating* w, floating* out, Py_ssize_t m, Py_ssize_t n, Py_ssize_t k
) noexcept nogil:
    cdef Py_ssize_t i, j
    if k < 8:
        for i in range(m):
            for j in range(n):
                out[i * n + j] = short_dot(x + i * k, w + j * k, k)
        return
    for i in range(m // 2):
        for j in range(n // 4):
            dot_rows(2, 4, x + 2 * i * k, w + 4 * j * k, out + 2 * i * n + 4 * j, n, k)
        for j in range(n // 4 * 4, n):
            dot_rows(2, 1, x + 2 * i * k, w + j * k, out + 2 * i * n + j, n, k)
    if m % 2:
        i = m - 1
        for j in range(n // 4):
            dot_rows(1, 4, x + i * k, w + 4 * j * k, out + i * n + 4 * j, n, k)
        for j in range(n // 4 * 4, n):
            dot_rows(1, 1, x + i * k, w + j * k, out + i * n + j, n, k)


cdef inline void add_rows(
    floating* out, const floating* g, Py_ssize_t g_step, const floating* x, Py_ssize_t x_step,
    Py_ssize_t rows, Py_ssize_t width
) noexcept nogil:
    """out += g[0] x[0] + g[1] x[1] + ... over rows of x."""
    cdef Py_ssize_t r = 0, c
    cdef floating g0, g1, g2, g3
    while r + 4 <= rows:
        g0, g1, g2, g3 = g[0], g[g_step], g[2 * g_step], g[3 * g_step]
        for c in range(width):
            out[c] += (g0 * x[c] + g1 * x[x_step + c]) + (
                g2 * x[2 * x_step + c] + g3 * x[3 * x_step + c]
            )
        g += 4 * g_step
        x += 4 * x_step
        r += 4
    while r + 2 <= rows:
        g0, g1 = g[0], g[g_step]
        for c in range(width):
            out[c] += g0 * x[c] + g1 * x[x_step + c]
        g += 2 * g_step
        x += 2 * x_step
        r += 2
    if r < rows:
        g0 = g[0]
        for c in range(width):
            out[c] += g0 * x[c]


cdef void thin_nn(
    const floating* g, const floating* w, floating* dx, bint accumulate, Py_ssize_t m,
    Py_ssize_t n, Py_ssize_t k
) noexcept nogil:
    cdef Py_ssize_t i
    if not accumulate:
        fill(0, dx, m * k)
    for i in range(m):
        add_rows(dx + i * k, g + i * n, 1, w, k, n, k)


cdef inline void outer_rows(
    int m, const floating* g, const floating* x, floating* dw, bint accumulate, Py_ssize_t n,
    Py_ssize_t k
) noexcept nogil:
    """dw (n, k) (+)= g (m, n)^T @ x (m, k)."""
    cdef floating sums[8]
    cdef floating factors[4]
    cdef floating total
    cdef Py_ssize_t c, j
    cdef int i, lane
    for j in range(n):
        for i in range(m):
            factors[i] = g[i * n + j]
        for c in range(k // 8):
            if accumulate:
                copy_lanes(sums, dw + 8 * c)
            else:
                for lane in range(8):
                    sums[lane] = 0
            for i in range(m):
                add_scaled(sums, factors[i], x + i * k + 8 * c)
            copy_lanes(dw + 8 * c, sums)
        if k >= 8 and k % 8 and not accumulate:     # the last 8 once more, whole
            for lane in range(8):
                sums[lane] = 0
            for i in range(m):
                add_scaled(sums, factors[i], x + i * k + k - 8)
            copy_lanes(dw + k - 8, sums)
            dw += k
            continue
        for c in range(k // 8 * 8, k):
            total = dw[c] if accumulate else 0
            for i in range(m):
                total += factors[i] * x[i * k + c]
            dw[c] = total
        dw += k


cdef void thin_tn(
    const floating* g, const floating* x, floating* dw, bint accumulate, Py_ssize_t m,
    Py_ssize_t n, Py_ssize_t k
) noexcept nogil:
    if m == 1:
        outer_rows(1, g, x, dw, accumulate, n, k)
    elif m == 2:
        outer_rows(2, g, x, dw, accumulate, n, k)
    elif m == 3:
        outer_rows(3, g, x, dw, accumulate, n, k)
    elif m >= 4:
        outer_rows(4, g, x, dw, accumulate, n, k)
        if m > 4:
            thin_tn(g + 4 * n, x + 4 * k, dw, True, m - 4, n, k)


# Optimizers.

cdef inline floating clipped(const Update* u, floating g) noexcept nogil:
    cdef floating bound = <floating> (INFINITY if u.clip < 0 else u.clip)
    return bound if g > bound else (-bound if g < -bound else g)


cdef void sgd(
    const Update* u, const floating* grad, floating* weight, floating* state, Py_ssize_t n
) noexcept nogil:
    cdef Update step = u[0]
    cdef Py_ssize_t i
    cdef floating lr = <floating> u.lr, momentum = <floating> u.momentum, g
    cdef floating rescale = <floating> u.rescale, wd = <floating> u.wd
    if state == NULL:
        for i in range(n):
            g = clipped(&step, rescale * grad[i]) + wd * weight[i]
            weight[i] -= lr * g
    else:
        for i in range(n):
            g = clipped(&step, rescale * grad[i]) + wd * weight[i]
            state[i] = momentum * state[i] - lr * g
            weight[i] += state[i]


cdef void adam(
    const Update* u, const floating* grad, floating* weight, floating* mean, floating* var,
    Py_ssize_t n
) noexcept nogil:
    cdef Update step = u[0]
    cdef Py_ssize_t i
    cdef floating lr = <floating> u.lr, epsilon = <floating> u.epsilon
    cdef floating beta1 = <floating> u.beta1, beta2 = <floating> u.beta2
    cdef floating rest1 = <floating> (1 - u.beta1), rest2 = <floating> (1 - u.beta2), g
    cdef floating rescale = <floating> u.rescale, wd = <floating> u.wd
    for i in range(n):
        g = clipped(&step, rescale * grad[i] + wd * weight[i])
        mean[i] = beta1 * mean[i] + rest1 * g
        var[i] = beta2 * var[i] + rest2 * g * g
        weight[i] -= lr * mean[i] / (sqrt(var[i]) + epsilon)


# Random numbers: Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as
# 1, 2, 3", SC 2011), a tile of counter blocks at a time.

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


# The table.

cdef inline void put(void* slot, void* as_float, void* as_double) noexcept:
    (<void**> slot)[0] = as_float
    (<void**> slot)[1] = as_double


cdef KernelTable table

table.name = BUILD
put(table.unary, <void*> unary[float], <void*> unary[double])
put(table.unary_grad, <void*> unary_grad[float], <void*> unary_grad[double])
put(table.binary, <void*> binary[float], <void*> binary[double])
put(table.binary_scalar, <void*> binary_scalar[float], <void*> binary_scalar[double])
put(table.binary_grad, <void*> binary_grad[float], <void*> binary_grad[double])
put(table.compare, <void*> compare[float], <void*> compare[double])
put(table.compare_scalar, <void*> compare_scalar[float], <void*> compare_scalar[double])
put(table.select, <void*> select[float], <void*> select[double])
put(table.gather, <void*> gather[float], <void*> gather[double])
put(table.transpose, <void*> transpose[float], <void*> transpose[double])
put(table.fill, <void*> fill[float], <void*> fill[double])
put(table.add_to, <void*> add_to[float], <void*> add_to[double])
put(table.scale, <void*> scale[float], <void*> scale[double])
put(table.sum_alternate, <void*> sum_alternate[float], <void*> sum_alternate[double])
put(table.reduce_rows, <void*> reduce_rows[float], <void*> reduce_rows[double])
put(table.reduce_cols, <void*> reduce_cols[float], <void*> reduce_cols[double])
put(table.arg_rows, <void*> arg_rows[float], <void*> arg_rows[double])
put(table.arg_cols, <void*> arg_cols[float], <void*> arg_cols[double])
put(table.deviation_rows, <void*> deviation_rows[float], <void*> deviation_rows[double])
put(table.deviation_cols, <void*> deviation_cols[float], <void*> deviation_cols[double])
put(table.softmax, <void*> softmax[float], <void*> softmax[double])
put(table.softmax_grad, <void*> softmax_grad[float], <void*> softmax_grad[double])
put(table.softmax_cols, <void*> softmax_cols[float], <void*> softmax_cols[double])
put(table.softmax_cols_grad, <void*> softmax_cols_grad[float], <void*> softmax_cols_grad[double])
put(table.cross_entropy, <void*> cross_entropy[float], <void*> cross_entropy[double])
put(table.cross_entropy_grad, <void*> cross_entropy_grad[float],
    <void*> cross_entropy_grad[double])
put(table.add_bias, <void*> add_bias[float], <void*> add_bias[double])
put(table.thin_nt, <void*> thin_nt[float], <void*> thin_nt[double])
put(table.thin_nn, <void*> thin_nn[float], <void*> thin_nn[double])
put(table.thin_tn, <void*> thin_tn[float], <void*> thin_tn[double])
put(table.sgd, <void*> sgd[float], <void*> sgd[double])
put(table.adam, <void*> adam[float], <void*> adam[double])
put(table.uniform, <void*> uniform[float], <void*> uniform[double])
put(table.normal, <void*> normal[float], <void*> normal[double])
put(table.keep_mask, <void*> keep_mask[float], <void*> keep_mask[double])
table.randint = randint

capsule = PyCapsule_New(&table, "microlazy.KernelTable", NULL)
