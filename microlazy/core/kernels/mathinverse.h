/* Part of mathfuncs.h, as mathreal.h is: tangents, hyperbolic functions, roots, and inverses.

   asin, acos and atan are s + s z P(z), z = s^2, of an argument that is made small first. Inverse
   hyperbolic functions are log1p of what is small where x is. */

#define PI_2 C(0x1.921fb6p+0f, 0x1.921fb54442d18p+0)
#define PI_2_LO C(-0x1.777a5cp-25f, 0x1.1a62633145c07p-54)
#define LN2 C(0x1.62e43p-1f, 0x1.62e42fefa39efp-1)

INLINE REAL M(tan)(REAL x)
{
    REAL shifted, r = M(rest_of_quarters)(x, &shifted), s = M(sin_poly)(r), c = M(cos_poly)(r);
    int odd = M(bits)(shifted) & 1;
    REAL y = (odd ? -c : s) / (odd ? s : c);
    return x == 0 ? x : y;
}

INLINE REAL M(libm_tan)(REAL x) { return C(tanf, tan)(x); }

/* e^x / 2, where e^x itself may be too large, and half of expm1(x). */
INLINE REAL M(half_exp)(REAL a, REAL *half_expm1)
{
    a = a > C(90.0f, 711.0) ? C(90.0f, 711.0) : a;
    REAL n, q = M(exp_parts)(a, &n), half = M(nearest)(n * C(0.5f, 0.5));
    REAL rest = M(pow2)(n - half - 1), power = M(pow2)(half);
    *half_expm1 = (q * rest + (rest - M(pow2)(-half - 1))) * power;
    return (1 + q) * rest * power;
}

/* With E = e^a - 1: (E + E / (E + 1)) / 2 */
INLINE REAL M(sinh)(REAL x)
{
    REAL h, y;
    (void)M(half_exp)(M(abs)(x), &h);
    y = h + C(0.5f, 0.5) * h / (h + C(0.5f, 0.5));
    return M(copysign)(h < (REAL)INFINITY ? y : h, x);
}

INLINE REAL M(cosh)(REAL x)
{
    REAL h, e = M(half_exp)(M(abs)(x), &h);
    return e + C(0.25f, 0.25) / e;
}

INLINE REAL M(exp2)(REAL x)
{
    x = x > C(130.0f, 1026.0) ? C(130.0f, 1026.0) : x;
    x = x < C(-152.0f, -1077.0) ? C(-152.0f, -1077.0) : x;
    REAL n = M(nearest)(x), q = M(expm1_poly)((x - n) * LN2), half = M(nearest)(n * C(0.5f, 0.5));
    return (1 + q) * M(pow2)(half) * M(pow2)(n - half);
}

/* A first guess from a third of the bits, with an error below 4%, and Halley's iteration, which takes
   the error to its third power. */
INLINE REAL M(cbrt)(REAL x)
{
    const int low = C(8, 32); /* bits that the guess does without */
    REAL a = M(abs)(x), scale = 1, t;
    scale = a < C(0x1p-90f, 0x1p-900) ? C(0x1p-12f, 0x1p-30) : scale;
    scale = a > C(0x1p+90f, 0x1p+900) ? C(0x1p+12f, 0x1p+30) : scale;
    a = a * (1 / scale) * (1 / scale) * (1 / scale);
    t = M(real)((M(bits)(a) >> low) | M(bits)(TWO_TO_MANTISSA)) - TWO_TO_MANTISSA;
    t = t * C(0.333333333f, 0.333333333) + C(2773274.0f, 715094163.0);
    t = M(real)(M(bits)(t + TWO_TO_MANTISSA) << low);
    for (int i = 0; i < C(2, 3); i++) {
        REAL cube = t * t * t;
        t = t - t * ((cube - a) / (2 * cube + a));
    }
    return ((x == 0) | !(M(abs)(x) < (REAL)INFINITY)) ? x : M(copysign)(t * scale, x);
}

INLINE REAL M(arctan)(REAL x)
{
    REAL a = M(abs)(x), base, low, z, p;
    int large = a > C(2.41421356f, 2.414213562373095), middle = a > C(0.414213562f, 0.4142135623730950);
    REAL t = (large ? -1 : middle ? a - 1 : a) / (large ? a : middle ? a + 1 : 1);
    base = large ? PI_2 : middle ? PI_2 / 2 : 0;
    low = large ? PI_2_LO : middle ? PI_2_LO / 2 : 0;
    z = t * t;
    p = C(POLY5(z, -3.33333151e-01f, 1.99984660e-01f, -1.42434220e-01f, 1.05929444e-01f,
                -6.07591087e-02f),
          POLY10(z, -3.33333333333301216e-01, 1.99999999990814969e-01, -1.42857141946097302e-01,
                 1.11111066258554038e-01, -9.09078174843772377e-02, 7.69005874365343704e-02,
                 -6.64103681420421663e-02, 5.69209179980360612e-02, -4.35779002411669520e-02,
                 2.12437239256194719e-02));
    return M(copysign)(base + (t + (t * z * p + low)), x);
}

/* The arcsine of s, |s| up to 1/2, with z = s^2. */
INLINE REAL M(arcsin_poly)(REAL s, REAL z)
{
    REAL p = C(POLY5(z, 1.66667527e-01f, 7.49528891e-02f, 4.54715782e-02f, 2.41730879e-02f,
                     4.21780138e-02f),
               POLY12(z, 1.66666666666654019e-01, 7.50000000033875277e-02,
                      4.46428568268362391e-02, 3.03819592006295023e-02, 2.23717564773190973e-02,
                      1.73597291322510233e-02, 1.38849888532325252e-02, 1.21708671694290590e-02,
                      6.52066670675610802e-03, 1.95486538120239599e-02, -1.62568299844842069e-02,
                      3.19349848453195645e-02));
    return s + s * z * p;
}

/* Beyond 1/2: asin(a) = pi/2 - 2 asin(sqrt((1 - a) / 2)). */
INLINE REAL M(arcsin)(REAL x)
{
    REAL a = M(abs)(x), z = a > C(0.5f, 0.5) ? C(0.5f, 0.5) * (1 - a) : a * a;
    REAL y = M(arcsin_poly)(a > C(0.5f, 0.5) ? M(sqrt)(z) : a, z);
    return M(copysign)(a > C(0.5f, 0.5) ? PI_2 - (2 * y - PI_2_LO) : y, x);
}

INLINE REAL M(arccos)(REAL x)
{
    REAL a = M(abs)(x), z = a > C(0.5f, 0.5) ? C(0.5f, 0.5) * (1 - a) : a * a;
    REAL y = M(arcsin_poly)(a > C(0.5f, 0.5) ? M(sqrt)(z) : x, z), twice = 2 * y;
    REAL far = x < 0 ? 2 * PI_2 - (twice - 2 * PI_2_LO) : twice;
    return a > C(0.5f, 0.5) ? far : PI_2 - (y - PI_2_LO);
}

/* log(2 a) for large a, where the squares may be infinite: log1p(a - 1) + ln 2 */
#define LARGE C(0x1p+13f, 0x1p+28)

INLINE REAL M(arcsinh)(REAL x)
{
    REAL a = M(abs)(x), square = a * a, u = a + square / (1 + M(sqrt)(1 + square));
    u = a > LARGE ? a - 1 : u;
    return M(copysign)(M(log1p)(u) + (a > LARGE ? LN2 : 0), x);
}

INLINE REAL M(arccosh)(REAL x)
{
    REAL t = x - 1, u = x > LARGE ? t : t + M(sqrt)(t * (t + 2));
    REAL y = M(log1p)(u) + (x > LARGE ? LN2 : 0);
    return x < 1 ? (REAL)NAN : y;
}

INLINE REAL M(arctanh)(REAL x)
{
    REAL a = M(abs)(x);
    return M(copysign)(C(0.5f, 0.5) * M(log1p)(2 * a / (1 - a)), x);
}

/* max sqrt(1 + (min / max)^2) */
INLINE REAL M(hypot)(REAL x, REAL y)
{
    REAL a = M(abs)(x), b = M(abs)(y), most = a > b ? a : b, least = a > b ? b : a;
    REAL ratio = least / most, h = most * M(sqrt)(1 + ratio * ratio);
    h = most == 0 ? 0 : h;
    return ((a == (REAL)INFINITY) | (b == (REAL)INFINITY)) ? (REAL)INFINITY : a == a ? h : a;
}

/* The angle of (b, a), from that of (max, min) in the first eighth of the plane. */
INLINE REAL M(arctan2)(REAL x, REAL y)
{
    REAL a = M(abs)(x), b = M(abs)(y), most = a > b ? a : b, least = a > b ? b : a;
    REAL ratio = most == least ? 1 : least / most;
    ratio = most == 0 ? 0 : ratio;
    REAL angle = M(arctan)(ratio);
    angle = a > b ? PI_2 - (angle - PI_2_LO) : angle;
    angle = M(bits)(y) >> (8 * sizeof(REAL) - 1) ? 2 * PI_2 - (angle - 2 * PI_2_LO) : angle;
    return M(copysign)(((x == x) & (y == y)) ? angle : x + y, x);
}

#undef PI_2
#undef PI_2_LO
#undef LN2
#undef LARGE
