/* The body of mathfuncs.h, included once for each type: M(exp) is f32_exp or f64_exp, C(a, b) is
   a for float and b for double. */

#define TWO_TO_MANTISSA C(8388608.0f, 4503599627370496.0)
#define SHIFTER (C(1.5f, 1.5) * TWO_TO_MANTISSA) /* x + SHIFTER has round(x) in its lowest bits */
#define LN2_HI C(0x1.62e4p-1f, 0x1.62e42fefa38p-1) /* with zeros at its end: k * LN2_HI is exact */
#define LN2_LO C(0x1.7f7d1cp-20f, 0x1.ef35793c7673p-45)

INLINE BITS M(bits)(REAL x)
{
    BITS b;
    memcpy(&b, &x, sizeof b);
    return b;
}

INLINE REAL M(real)(BITS b)
{
    REAL x;
    memcpy(&x, &b, sizeof x);
    return x;
}

INLINE REAL M(abs)(REAL x) { return C(fabsf, fabs)(x); }

INLINE REAL M(copysign)(REAL x, REAL sign) { return C(copysignf, copysign)(x, sign); }

INLINE REAL M(sqrt)(REAL x) { return C(sqrtf, sqrt)(x); }

INLINE REAL M(nextafter)(REAL x, REAL to) { return C(nextafterf, nextafter)(x, to); }

/* Rounding. */

INLINE REAL M(rint)(REAL x)
{
    REAL a = M(abs)(x), r = (a + TWO_TO_MANTISSA) - TWO_TO_MANTISSA;
    return M(copysign)(a < TWO_TO_MANTISSA ? r : a, x);
}

INLINE REAL M(floor)(REAL x)
{
    REAL r = M(rint)(x);
    return r > x ? r - 1 : r;
}

INLINE REAL M(ceil)(REAL x) { return -M(floor)(-x); }

INLINE REAL M(trunc)(REAL x) { return M(copysign)(M(floor)(M(abs)(x)), x); }

/* The nearest whole number, for small x. */
INLINE REAL M(nearest)(REAL x) { return (x + SHIFTER) - SHIFTER; }

/* 2^n for a whole number n of a normal result. */
INLINE REAL M(pow2)(REAL n) { return M(real)(M(bits)(n + (SHIFTER + BIAS)) << MANTISSA); }

/* Exponentials: x = n ln 2 + r, e^x = 2^n (1 + q) with q = e^r - 1. 2^n is applied in two steps
   where it may exceed the largest number, or be a denormal, when e^x does not. */

/* q for |r| up to ln 2 / 2 and a little more. */
INLINE REAL M(expm1_poly)(REAL r)
{
    REAL p = C(POLY5(r, 5.000000000e-01f, 1.666653973e-01f, 4.166639430e-02f, 8.367089083e-03f,
                     1.394154823e-03f),
               POLY11(r, 5.00000000000000000e-01, 1.66666666666666768e-01,
                      4.16666666666667060e-02, 8.33333333332068188e-03, 1.38888888888649004e-03,
                      1.98412698888375148e-04, 2.48015873643669543e-05, 2.75572412102649337e-06,
                      2.75572395244364325e-07, 2.51101654742425017e-08,
                      2.09254356341113075e-09));
    return r + r * r * p;
}

INLINE REAL M(exp_parts)(REAL x, REAL *n)
{
    *n = M(nearest)(x * C(0x1.715476p+0f, 0x1.71547652b82fep+0));
    return M(expm1_poly)((x - *n * LN2_HI) - *n * LN2_LO);
}

INLINE REAL M(exp)(REAL x)
{
    x = x > C(89.0f, 710.0) ? C(89.0f, 710.0) : x;
    x = x < C(-104.0f, -746.0) ? C(-104.0f, -746.0) : x;
    REAL n, q = M(exp_parts)(x, &n), half = M(nearest)(n * C(0.5f, 0.5));
    return (1 + q) * M(pow2)(half) * M(pow2)(n - half);
}

INLINE REAL M(expm1)(REAL x)
{
    REAL y = x > C(89.0f, 710.0) ? C(89.0f, 710.0) : x;
    y = y < C(-20.0f, -40.0) ? C(-20.0f, -40.0) : y;
    REAL n, q = M(exp_parts)(y, &n), half = M(nearest)(n * C(0.5f, 0.5));
    REAL rest = M(pow2)(n - half);
    y = (q * rest + (rest - M(pow2)(-half))) * M(pow2)(half);
    return x == 0 ? x : y;
}

/* Logarithms: x = 2^k (1 + f) with 1 + f between sqrt(1/2) and sqrt(2), s = f / (2 + f), and
   log(1 + f) = f - f^2/2 + t with t = s (f^2/2 + R(s^2)). */

typedef struct {
    REAL k, f, square, t; /* square is f^2 / 2 */
} M(log_parts);

INLINE M(log_parts) M(split_log)(REAL x)
{
    const BITS one = (BITS)BIAS << MANTISSA;
    const BITS sqrt_half = C(0x3f3504f3u, 0x3fe6a09e667f3bcdu);
    M(log_parts) p;
    REAL denormal = x < C(0x1p-126f, 0x1p-1022) ? (REAL)1 : (REAL)0;
    BITS b = M(bits)(x * (1 + denormal * (TWO_TO_MANTISSA - 1))) + (one - sqrt_half);
    p.k = M(real)((b >> MANTISSA) | M(bits)(TWO_TO_MANTISSA));
    p.k -= TWO_TO_MANTISSA + BIAS + denormal * MANTISSA;
    p.f = M(real)((b & (((BITS)1 << MANTISSA) - 1)) + sqrt_half) - 1;
    REAL s = p.f / (2 + p.f), z = s * s;
    p.square = C(0.5f, 0.5) * p.f * p.f;
    p.t = s * (p.square + z * C(POLY3(z, 6.666677594e-01f, 3.997750282e-01f, 2.987297475e-01f),
                                POLY7(z, 6.66666666666673402e-01, 3.99999999994129662e-01,
                                      2.85714287429300551e-01, 2.22221985041822806e-01,
                                      1.81835685063304137e-01, 1.53139300871080380e-01,
                                      1.47972782071869063e-01)));
    return p;
}

/* y, or what the logarithm of a number outside of (0, infinity) is. */
INLINE REAL M(log_edges)(REAL x, REAL y)
{
    y = x < (REAL)INFINITY ? y : x;
    y = x == 0 ? -(REAL)INFINITY : y;
    return x < 0 ? (REAL)NAN : y;
}

INLINE REAL M(log)(REAL x)
{
    M(log_parts) p = M(split_log)(x);
    return M(log_edges)(x, p.k * LN2_HI - ((p.square - (p.t + p.k * LN2_LO)) - p.f));
}

/* log(1 + x) with u = 1 + x rounded: the rounding error, over u, is the derivative's share. */
INLINE REAL M(log1p)(REAL x)
{
    REAL u = 1 + x, v = u - 1, c = ((1 - (u - v)) + (x - v)) / u;
    M(log_parts) p = M(split_log)(u);
    REAL y = p.k * LN2_HI - ((p.square - (p.t + (p.k * LN2_LO + c))) - p.f);
    return x == 0 ? x : M(log_edges)(u, y);
}

/* In another base: unit is the logarithm of 2, factor is 1 / ln base, each in two parts such that
   the products with k and with the upper part of log(1 + f) are exact. */
INLINE REAL M(log_base)(REAL x, REAL unit_hi, REAL unit_lo, REAL factor_hi, REAL factor_lo)
{
    M(log_parts) p = M(split_log)(x);
    REAL hi = M(real)(M(bits)(p.f - p.square) & C(0xfffff000u, 0xffffffff00000000u));
    REAL lo = ((p.f - hi) - p.square) + p.t;
    REAL a = p.k * unit_hi, b = hi * factor_hi, sum = a + b;
    lo = p.k * unit_lo + ((lo + hi) * factor_lo + lo * factor_hi);
    return M(log_edges)(x, sum + (lo + ((a - sum) + b)));
}

INLINE REAL M(log2)(REAL x)
{
    return M(log_base)(x, 1, 0, C(0x1.714p+0f, 0x1.71547652p+0),
                       C(0x1.47652cp-12f, 0x1.705fc2eefa2p-33));
}

INLINE REAL M(log10)(REAL x)
{
    return M(log_base)(x, C(0x1.344p-2f, 0x1.34413509f78p-2),
                       C(0x1.3509f8p-18f, 0x1.fef311f12b358p-46),
                       C(0x1.bcap-2f, 0x1.bcb7b152p-2),
                       C(0x1.7b1526p-14f, 0x1.b9438ca9aadd5p-36));
}

/* Sine and cosine of r, |r| up to pi/4 and a little more. */

INLINE REAL M(sin_poly)(REAL r)
{
    REAL z = r * r;
    return r + r * z * C(POLY3(z, -1.666665226e-01f, 8.332051337e-03f, -1.950006263e-04f),
                         POLY6(z, -1.66666666666666186e-01, 8.33333333331918481e-03,
                               -1.98412698271658157e-04, 2.75573127606144132e-06,
                               -2.50506105932775019e-08, 1.58881739188863765e-10));
}

INLINE REAL M(cos_poly)(REAL r)
{
    REAL z = r * r;
    REAL p = z * C(POLY3(z, 4.166664183e-02f, -1.388720120e-03f, 2.441917786e-05f),
                   POLY6(z, 4.16666666666665741e-02, -1.38888888888698725e-03,
                         2.48015872867520616e-05, -2.75573135469206240e-07,
                         2.08756120550081905e-09, -1.13538213225512414e-11));
    return 1 + z * (p - C(0.5f, 0.5));
}

/* The sine, when quarter = 0, of r + (pi/2) quarter. */
INLINE REAL M(sin_quarters)(REAL r, BITS quarter)
{
    REAL y = quarter & 1 ? M(cos_poly)(r) : M(sin_poly)(r);
    return M(real)(M(bits)(y) ^ ((quarter & 2) << (8 * sizeof(REAL) - 2)));
}

/* r of x = n pi/2 + r for |x| up to TRIG_LIMIT, with n in the lowest bits of `shifted`: pi/2 in parts
   whose products with n are exact, and r has full precision even where it is close to 0. */
INLINE REAL M(rest_of_quarters)(REAL x, REAL *shifted)
{
    *shifted = x * C(0x1.45f306p-1f, 0x1.45f306dc9c883p-1) + SHIFTER;
    REAL n = *shifted - SHIFTER;
    double hi = x - n * 0x1.921fb544p+0;
    return C((REAL)(hi - n * 0x1.0b4611a626331p-34),
             (hi - n * 0x1.0b4611a6p-34) - n * 0x1.3198a2e037073p-69);
}

/* sin(x + (pi/2) quarter) */
INLINE REAL M(sin_shifted)(REAL x, BITS quarter)
{
    REAL shifted, r = M(rest_of_quarters)(x, &shifted);
    return M(sin_quarters)(r, M(bits)(shifted) + quarter);
}

INLINE REAL M(sin)(REAL x) { return x == 0 ? x : M(sin_shifted)(x, 0); }

INLINE REAL M(cos)(REAL x) { return M(sin_shifted)(x, 1); }

INLINE REAL M(libm_sin)(REAL x) { return C(sinf, sin)(x); }

INLINE REAL M(libm_cos)(REAL x) { return C(cosf, cos)(x); }

/* (e^2a - 1) / (e^2a + 1) */
INLINE REAL M(tanh)(REAL x)
{
    REAL a = M(abs)(x), n, q = M(exp_parts)(2 * (a > C(10.0f, 20.0) ? C(10.0f, 20.0) : a), &n);
    REAL power = M(pow2)(n), e = q * power + (power - 1);
    return M(copysign)(e / (e + 2), x);
}

/* 1 / (1 + e^-x), both sides of the fraction made smaller: the result may be a denormal. */
INLINE REAL M(sigmoid)(REAL x)
{
    const REAL small = C(0x1p-40f, 0x1p-60);
    x = x > C(58.0f, 660.0) ? C(58.0f, 660.0) : x;
    x = x < C(-104.0f, -746.0) ? C(-104.0f, -746.0) : x;
    REAL n, q = M(exp_parts)(-x, &n);
    return small / (small + (1 + q) * M(pow2)(n - C(40, 60)));
}

/* a P(a^2) below 1, and 1 - e^-Q(a) above. */
INLINE REAL M(erf)(REAL x)
{
    REAL a = M(abs)(x), b = a > C(3.95f, 5.95) ? C(3.95f, 5.95) : a, z = a * a;
    REAL p = C(POLY7(z, 1.128379226e+00f, -3.761263192e-01f, 1.128366366e-01f, -2.685770579e-02f,
                     5.196952261e-03f, -8.097705431e-04f, 8.185100887e-05f),
               POLY13(z, 1.12837916709551256e+00, -3.76126389031837483e-01,
                      1.12837916709548569e-01, -2.68661706450729065e-02, 5.22397762478096512e-03,
                      -8.54832697874770156e-04, 1.20553310370939652e-04,
                      -1.49255935114018669e-05, 1.64609728868298438e-06,
                      -1.63500259362099241e-07, 1.46578844726372417e-08,
                      -1.13656832484569527e-09, 5.94529003103728540e-11));
    REAL q = C(POLY7(b, 2.564626629e-04f, 1.127426028e+00f, 6.376001835e-01f, 1.035667732e-01f,
                     -2.205193415e-02f, 2.999523655e-03f, -1.915022440e-04f),
               POLY19(b, 3.47793232160952503e-07, 1.12837565241254767e+00,
                      6.36636281802281490e-01, 1.02724829277850357e-01, -1.90334021286080041e-02,
                      -3.46268233864203880e-04, 1.84277453890199718e-03,
                      -7.05713434219831705e-04, 8.94637045565997013e-05, 4.57756829544462120e-05,
                      -3.42250553358014776e-05, 1.27288049655015808e-05,
                      -3.27996462028364711e-06, 6.24816581229408012e-07,
                      -8.86042628691995493e-08, 9.14272811422156463e-09,
                      -6.50407413527974191e-10, 2.85499041410242233e-11,
                      -5.82733187198189445e-13));
    REAL n, e = M(exp_parts)(-q, &n); /* e^-Q: a normal number, so one step will do */
    return M(copysign)(a < C(0.95f, 1.0) ? a * p : 1 - (1 + e) * M(pow2)(n), x);
}

#define PANEL ((int)(64 / sizeof(REAL)))

/* Vector types, where compilers have them. */

#ifdef HAS_LANES
#define PART (VECTOR_BYTES < 8 * sizeof(REAL) ? VECTOR_BYTES / sizeof(REAL) : 8)
#define VECTOR(type, count) \
    type __attribute__((vector_size((count) * sizeof(type)), aligned(sizeof(type)), may_alias))
typedef VECTOR(REAL, PART) M(part);
typedef VECTOR(REAL, 4) M(half);
typedef VECTOR(BITS, 4) M(half_bits);
#undef VECTOR

/* out[j] = sum of the lanes of sums[j], for 4 of them. */
INLINE void M(sum_lanes)(REAL *out, const REAL (*sums)[8])
{
    M(half) h[4];
    for (int j = 0; j < 4; j++)
        h[j] = *(const M(half) *)sums[j] + *(const M(half) *)(sums[j] + 4);
    M(half) a = __builtin_shufflevector(h[0], h[1], 0, 4, 1, 5)
                      + __builtin_shufflevector(h[0], h[1], 2, 6, 3, 7);
    M(half) b = __builtin_shufflevector(h[2], h[3], 0, 4, 1, 5)
                      + __builtin_shufflevector(h[2], h[3], 2, 6, 3, 7);
    *(M(half) *)out = __builtin_shufflevector(a, b, 0, 1, 4, 5)
                            + __builtin_shufflevector(a, b, 2, 3, 6, 7);
}

/* Transposition of a tile: HEIGHT rows become columns. Elements move within lanes of 16 bytes, which
   is one cheap instruction for two vectors: each round interleaves the first half of the rows with
   the second. Where vectors are long, a vector has a lane of one row and a lane of another. */

#define WIDTH (16 / sizeof(REAL))
#if VECTOR_BYTES == 64
#define HEIGHT (2 * WIDTH)
#if MANTISSA == 23
#define JOINED(a, b) __builtin_shufflevector(a, b, 0, 1, 2, 3, 4, 5, 6, 7)
#define LOWER(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13)
#define UPPER(a, b) __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15)
#else
#define JOINED(a, b) __builtin_shufflevector(a, b, 0, 1, 2, 3)
#define LOWER(a, b) __builtin_shufflevector(a, b, 0, 4, 2, 6)
#define UPPER(a, b) __builtin_shufflevector(a, b, 1, 5, 3, 7)
#endif
#else
#define HEIGHT WIDTH
#define JOINED(a, b) (a)
#if MANTISSA == 23
#define LOWER(a, b) __builtin_shufflevector(a, b, 0, 4, 1, 5)
#define UPPER(a, b) __builtin_shufflevector(a, b, 2, 6, 3, 7)
#else
#define LOWER(a, b) __builtin_shufflevector(a, b, 0, 2)
#define UPPER(a, b) __builtin_shufflevector(a, b, 1, 3)
#endif
#endif

typedef REAL __attribute__((vector_size(16))) M(lane);
typedef REAL __attribute__((vector_size(HEIGHT * sizeof(REAL)))) M(short);

INLINE void M(transpose_tile)(const char *from, ptrdiff_t step, REAL *to, ptrdiff_t width)
{
    M(short) rows[WIDTH], mixed[WIDTH];
    for (size_t i = 0; i < WIDTH; i++) {
        M(lane) first, second;
        memcpy(&first, from + (ptrdiff_t)i * step, sizeof first);
        memcpy(&second, from + (ptrdiff_t)(i + HEIGHT - WIDTH) * step, sizeof second);
        rows[i] = JOINED(first, second);
    }
    for (size_t round = 1; round < WIDTH; round *= 2) {
        for (size_t i = 0; i < WIDTH / 2; i++) {
            mixed[2 * i] = LOWER(rows[i], rows[i + WIDTH / 2]);
            mixed[2 * i + 1] = UPPER(rows[i], rows[i + WIDTH / 2]);
        }
        for (size_t i = 0; i < WIDTH; i++)
            rows[i] = mixed[i];
    }
    for (size_t i = 0; i < WIDTH; i++)
        memcpy(to + (ptrdiff_t)i * width, &rows[i], sizeof rows[i]);
}

#undef JOINED
#undef LOWER
#undef UPPER

#else

INLINE void M(sum_lanes)(REAL *out, const REAL (*sums)[8])
{
    for (int j = 0; j < 4; j++) {
        const REAL *s = sums[j];
        out[j] = ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
    }
}

#define WIDTH 1
#define HEIGHT 1

INLINE void M(transpose_tile)(const char *from, ptrdiff_t step, REAL *to, ptrdiff_t width)
{
    (void)step, (void)width;
    memcpy(to, from, sizeof *to);
}

#endif

/* to[i][j] = from[j][i]: `step` bytes between from's rows, `width` elements between to's. */
INLINE void M(transpose)(const char *from, ptrdiff_t step, REAL *to, ptrdiff_t width,
                         ptrdiff_t rows, ptrdiff_t cols)
{
    const ptrdiff_t across = WIDTH, down = HEIGHT;
    const ptrdiff_t whole_rows = rows - rows % across, whole_cols = cols - cols % down;
    if (rows < cols) /* the longer way inside: few rows' lines are at hand at a time */
        for (ptrdiff_t i = 0; i < whole_rows; i += across)
            for (ptrdiff_t j = 0; j < whole_cols; j += down)
                M(transpose_tile)(from + j * step + i * (ptrdiff_t)sizeof *to, step,
                                  to + i * width + j, width);
    else
        for (ptrdiff_t j = 0; j < whole_cols; j += down)
            for (ptrdiff_t i = 0; i < whole_rows; i += across)
                M(transpose_tile)(from + j * step + i * (ptrdiff_t)sizeof *to, step,
                                  to + i * width + j, width);
    for (ptrdiff_t j = 0; j < cols; j++)
        for (ptrdiff_t i = j < whole_cols ? whole_rows : 0; i < rows; i++)
            memcpy(to + i * width + j, from + j * step + i * (ptrdiff_t)sizeof *to, sizeof *to);
}

#undef WIDTH
#undef HEIGHT

#ifdef HAS_LANES
#define LANES_WIDE (VECTOR_BYTES / sizeof(REAL))
typedef REAL __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(REAL)), may_alias)) M(wide);
typedef BITS __attribute__((vector_size(VECTOR_BYTES))) M(wide_bits);
/* sum + a b, rounded once where there is such an instruction, as a BLAS does. */
#if defined(__AVX512F__)
#define ADD_PRODUCT(sum, a, b) C(_mm512_fmadd_ps, _mm512_fmadd_pd)(a, b, sum)
#elif defined(__FMA__)
#define ADD_PRODUCT(sum, a, b) C(_mm256_fmadd_ps, _mm256_fmadd_pd)(a, b, sum)
#else
#define ADD_PRODUCT(sum, a, b) ((sum) + (a) * (b))
#endif
#else
#define LANES_WIDE 4
#endif

/* max(x, 0), NaN passing */
INLINE REAL M(cut_off)(REAL x) { return x <= 0 ? 0 : x; }

/* A copy past the caches, for results so large that they would only drive other data out. */
INLINE void M(stream)(const REAL *x, REAL *out, ptrdiff_t n)
{
    ptrdiff_t i = 0;
#ifdef HAS_STREAMS
    i = (ptrdiff_t)(-(uintptr_t)out % VECTOR_BYTES / sizeof(REAL));
    i = i < n ? i : n;
    memcpy(out, x, i * sizeof *x);
    for (; i + (ptrdiff_t)LANES_WIDE <= n; i += LANES_WIDE)
#if defined(__AVX512F__)
        C(_mm512_stream_ps, _mm512_stream_pd)(out + i, C(_mm512_loadu_ps, _mm512_loadu_pd)(x + i));
#else
        C(_mm256_stream_ps, _mm256_stream_pd)(out + i, C(_mm256_loadu_ps, _mm256_loadu_pd)(x + i));
#endif
#endif
    memcpy(out + i, x + i, (n - i) * sizeof *x);
}

/* The numbers in a vector, for this type. */
INLINE ptrdiff_t M(lanes_of)(const REAL *x)
{
    (void)x;
    return LANES_WIDE;
}

/* Products with a matrix b (k, n) that is used often. It is cut into panels of PANEL columns, each
   of which lies in memory by itself; the last one is filled up with zeros. */

INLINE void M(pack_panels)(int transposed, const REAL *b, REAL *panels, ptrdiff_t n, ptrdiff_t k,
                           ptrdiff_t step)
{
    for (ptrdiff_t j = 0; j < n; j += PANEL) {
        const ptrdiff_t width = n - j < PANEL ? n - j : PANEL;
        REAL *panel = panels + j * k;
        if (width < PANEL)
            memset(panel, 0, PANEL * k * sizeof *panel);
        if (transposed) {
            M(transpose)((const char *)(b + j * step), step * (ptrdiff_t)sizeof *b, panel, PANEL,
                         k, width);
            continue;
        }
        if (width == PANEL) { /* a constant width becomes a vector */
            for (ptrdiff_t p = 0; p < k; p++)
                memcpy(panel + p * PANEL, b + p * step + j, PANEL * sizeof *panel);
            continue;
        }
        for (ptrdiff_t p = 0; p < k; p++)
            memcpy(panel + p * PANEL, b + p * step + j, width * sizeof *panel);
    }
}

/* out (rows, width) (+)= x (rows, k) @ b (k, PANEL), each sum in the order of k. Builds differ in the
   last bits, as above. */
INLINE void M(panel_tile)(int rows, const REAL *x, ptrdiff_t x_row, ptrdiff_t x_step, const REAL *b,
                          REAL *out, int accumulate, ptrdiff_t width, ptrdiff_t k, ptrdiff_t step)
{
    REAL sums[TILE_HEIGHT][PANEL];
#ifdef HAS_LANES
    enum { PARTS = PANEL / LANES_WIDE };
    M(wide) sum[TILE_HEIGHT][PARTS];
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < PARTS; j++)
            sum[i][j] = (M(wide)){0};
    for (ptrdiff_t p = 0; p < k; p++) {
        const M(wide) *at = (const M(wide) *)(b + p * PANEL);
        for (int i = 0; i < rows; i++) {
            const M(wide) s = x[i * x_row + p * x_step] - (M(wide)){0};
            for (int j = 0; j < PARTS; j++)
                sum[i][j] = ADD_PRODUCT(sum[i][j], s, at[j]);
        }
    }
    if (width == PANEL) { /* straight from the registers */
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < PARTS; j++) {
                M(wide) *to = (M(wide) *)(out + i * step) + j;
                if (accumulate)
                    sum[i][j] += *to;
                *to = sum[i][j];
            }
        return;
    }
    memcpy(sums, sum, rows * sizeof *sums);
#else
    memset(sums, 0, rows * sizeof *sums);
    for (ptrdiff_t p = 0; p < k; p++)
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < PANEL; j++)
                sums[i][j] += x[i * x_row + p * x_step] * b[p * PANEL + j];
#endif
    for (int i = 0; i < rows; i++)
        for (ptrdiff_t j = 0; j < width; j++)
            out[i * step + j] = accumulate ? out[i * step + j] + sums[i][j] : sums[i][j];
}

/* out (m, n) (+)= x (m, k) @ b. x[i][p] is at i * x_row + p * x_step; rows of out are `step` apart. */
INLINE void M(panel_product)(const REAL *x, ptrdiff_t x_row, ptrdiff_t x_step, const REAL *panels,
                             REAL *out, int accumulate, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k,
                             ptrdiff_t step)
{
#define TILE_OF(rows) \
    M(panel_tile)(rows, row, x_row, x_step, b, to, accumulate, width, k, step)
    for (ptrdiff_t j = 0; j < n; j += PANEL) {
        const ptrdiff_t width = n - j < PANEL ? n - j : PANEL;
        const REAL *b = panels + j * k, *row = x;
        REAL *to = out + j;
        ptrdiff_t left = m;
        for (; left >= TILE_HEIGHT; left -= TILE_HEIGHT) {
            TILE_OF(TILE_HEIGHT);
            row += TILE_HEIGHT * x_row;
            to += TILE_HEIGHT * step;
        }
        switch (left) { /* a constant height keeps the sums in registers */
        case 1: TILE_OF(1); break;
        case 2: TILE_OF(2); break;
#if TILE_HEIGHT > 3
        case 3: TILE_OF(3); break;
        case 4: TILE_OF(4); break;
        case 5: TILE_OF(5); break;
#endif
#if TILE_HEIGHT > 6
        case 6: TILE_OF(6); break;
        case 7: TILE_OF(7); break;
#endif
        }
    }
#undef TILE_OF
}

#include "mathwindows.h"
#include "mathproducts.h"
#include "mathtiles.h"

#undef PANEL
#undef PART
#undef LANES_WIDE
#undef ADD_PRODUCT

#include "mathinverse.h"

#undef TWO_TO_MANTISSA
#undef SHIFTER
#undef LN2_HI
#undef LN2_LO
