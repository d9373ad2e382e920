/* Special functions of floats, computed in double: so a result is the double that it should be, but
   for the last rounding, also beside zeros and poles. Errors stay within 1 unit in the last place
   of a float.

   Sources: Abramowitz and Stegun 1964 (6.1.17, 6.1.41, 6.3.7, 6.3.18, 6.4.7, 6.4.12, 9.6.10, 9.7.1,
   10.1.11); the variables in which erfinv is nearly a polynomial, Giles 2012, "Approximating the
   erfinv function". Polynomials whose numbers are not those of a series interpolate the function at
   Chebyshev's nodes; their error is below 4e-10. */

#define PI 3.14159265358979323846
#define EULER_SHIFT 8 /* from here on, the asymptotic series have all digits that a float needs */

/* r = x - n with n the nearest whole number, and sin and cos of pi r up to their signs. */
typedef struct {
    double r, sine, cosine;
} half_turns;

INLINE half_turns turns_of(double x)
{
    half_turns turn;
    turn.r = x - f64_rint(x);
    double size = f64_abs(turn.r);
    double t = PI * (size > 0.25 ? 0.5 - size : size), s = f64_sin_poly(t), c = f64_cos_poly(t);
    turn.sine = size > 0.25 ? c : s;
    turn.cosine = size > 0.25 ? s : c;
    return turn;
}

/* z (z + 1) ... (z + 7) with its derivatives: the gamma function of z + 8 over that of z. */
typedef struct {
    double value, slope, bend;
} rising;

INLINE rising rising_factorial(double z)
{
    rising p = {z, 1, 0};
    for (int k = 1; k < EULER_SHIFT; k++) {
        p.bend = p.bend * (z + k) + 2 * p.slope;
        p.slope = p.slope * (z + k) + p.value;
        p.value = p.value * (z + k);
    }
    return p;
}

/* The derivative of gammaln. At 0 infinite with the sign of -x, at the other poles NaN. */
INLINE float f32_digamma(float v)
{
    double x = v, z = x < 0 ? 1 - x : x;
    double w = z < EULER_SHIFT ? z + EULER_SHIFT : z, u = 1 / w, q = u * u;
    rising p = rising_factorial(z < EULER_SHIFT ? z : 1);
    double y = f64_log(w) - 0.5 * u;
    y -= q * POLY8(q, 1.0 / 12, -1.0 / 120, 1.0 / 252, -1.0 / 240, 1.0 / 132, -691.0 / 32760,
                   1.0 / 12, -3617.0 / 8160);
    y -= z < EULER_SHIFT ? p.slope / p.value : 0;
    half_turns turn = turns_of(x);
    double cotangent = f64_copysign(turn.cosine / turn.sine, turn.r);
    y -= x < 0 ? PI * cotangent : 0;
    return (float)(x < 0 ? (turn.r == 0 ? (double)NAN : y) : y);
}

/* The derivative of digamma. */
INLINE float f32_trigamma(float v)
{
    double x = v, z = x < 0 ? 1 - x : x;
    double w = z < EULER_SHIFT ? z + EULER_SHIFT : z, u = 1 / w, q = u * u;
    rising p = rising_factorial(z < EULER_SHIFT ? z : 1);
    double y = u + 0.5 * q;
    y += u * q * POLY7(q, 1.0 / 6, -1.0 / 30, 1.0 / 42, -1.0 / 30, 5.0 / 66, -691.0 / 2730,
                       7.0 / 6);
    double sum = (p.slope * p.slope - p.bend * p.value) / (p.value * p.value);
    y += z < EULER_SHIFT ? sum : 0;
    double sine = turns_of(x).sine;
    return (float)(x < 0 ? PI * PI / (sine * sine) - y : y);
}

/* log |gamma(x)| */
INLINE float f32_gammaln(float v)
{
    double x = v, z = x < 0 ? 1 - x : x;
    double w = z < EULER_SHIFT ? z + EULER_SHIFT : z, u = 1 / w, q = u * u;
    double p = z < EULER_SHIFT ? rising_factorial(z).value : 1;
    double series = u * POLY7(q, 1.0 / 12, -1.0 / 360, 1.0 / 1260, -1.0 / 1680, 1.0 / 1188,
                              -691.0 / 360360, 1.0 / 156);
    double y = (w - 0.5) * (f64_log(w) - 1) + (0.4189385332046727418 + series);
    double other = f64_log(x < 0 ? PI * p / turns_of(x).sine : p);
    y = x < 0 ? other - y : y - other;
    double t = x - 1.5; /* beside the zeros at 1 and 2 */
    double near = POLY14(t, 0.48312895055813915, -0.1459598959251156, 0.06291139641054289,
                         -0.03130848456274814, 0.016797304367854267, -0.009425752053685241,
                         0.005443079852672926, -0.003209946276467685, 0.0019490311151776983,
                         -0.0011808617719312364, 0.0006100413976621938, -0.000374100057853471,
                         0.00045692373542329846, -0.0002857124802992181);
    y = f64_abs(t) <= 0.6 ? near * ((x - 1) * (x - 2)) : y;
    y = x == 1 ? 0 : y; /* not -0 */
    return (float)(f64_abs(x) == (double)INFINITY ? (double)INFINITY : y);
}

/* The inverse of erf. */
INLINE float f32_erfinv(float v)
{
    double x = v, w = -f64_log((1 - x) * (1 + x)), t = w - 3;
    double p = POLY13(t, 1.62354200646483, 0.24163040187247808, -0.005738135424204101,
                      -0.0008361745723989561, 0.00019506195223054957, -1.2722979933734568e-05,
                      -1.748550295446641e-06, 4.525940647185144e-07, -2.3487272151417563e-08,
                      -5.989151375987241e-09, 1.0762571404759864e-09, 2.2566185420300257e-11,
                      -1.4854908961637757e-11);
    double s = f64_sqrt(w) - 3.2747448713915890;
    double tail = POLY12(s, 3.108763846900637, 1.0055180302324116, 0.005101369039597303,
                         -0.003514677725719317, 0.0022907684903675763, -0.0015509803942507319,
                         0.0008944899691809134, -0.00035076172904762874, 3.20519743140563e-05,
                         6.241597816110641e-05, -3.705786362822219e-05, 6.049751369586461e-06);
    double y = x * (w > 6 ? tail : p);
    return (float)(f64_abs(x) == 1 ? f64_copysign((double)INFINITY, x) : y);
}

/* The modified Bessel functions of the first kind, of orders 0 and 1. */
INLINE float f32_i0(float v)
{
    double x = f64_abs(v), a = x > 200 ? 200 : x, y = a * a * 0.25, t = 8 / a - 0.5;
    double near = POLY17(y, 1.0, 1.0, 0.25, 0.027777777777777776, 0.001736111111111111,
                         6.944444444444444e-05, 1.9290123456790124e-06, 3.936759889140842e-08,
                         6.151187326782565e-10, 7.594058428126624e-12, 7.594058428126623e-14,
                         6.276081345559193e-16, 4.358389823304995e-18, 2.5789288895295828e-20,
                         1.3157800456783586e-22, 5.8479113141260385e-25, 2.2843403570804838e-27);
    double far = POLY9(t, 0.4021765097810633, 0.006721104508701579, 0.0005448654057862214,
                       8.911939677104569e-05, 2.368267227532877e-05, 9.828007670578133e-06,
                       6.542695015715649e-06, 4.062039809600023e-06, 8.226381709558153e-07);
    return (float)(a > 8 ? far * f64_exp(a) / f64_sqrt(a) : near);
}

INLINE float f32_i1(float v)
{
    double x = f64_abs(v), a = x > 200 ? 200 : x, y = a * a * 0.25, t = 8 / a - 0.5;
    double p = POLY17(y, 1.0, 0.5, 0.08333333333333333, 0.006944444444444444,
                      0.00034722222222222224, 1.1574074074074073e-05, 2.755731922398589e-07,
                      4.920949861426052e-09, 6.834652585313961e-11, 7.594058428126623e-13,
                      6.903689480115112e-15, 5.230067787965994e-17, 3.352607556388458e-19,
                      1.842092063949702e-21, 8.771866971189057e-24, 3.654944571328774e-26,
                      1.3437296218120491e-28);
    double near = 0.5 * a * p;
    double far = POLY9(t, 0.3893984580509146, -0.019499154969962462, -0.0008769442316063926,
                       -0.00012028312876181391, -2.929634260274235e-05, -1.1462253835318231e-05,
                       -7.3110639809985565e-06, -4.59579423306241e-06, -1.0846447532378149e-06);
    return (float)f64_copysign(a > 8 ? far * f64_exp(a) / f64_sqrt(a) : near, v);
}

/* The spherical Bessel function of order 1, (sin x - x cos x) / x^2. */
INLINE double spherical_slope(double x, double sine, double cosine)
{
    double z = x * x;
    double near = x * POLY7(z, 1.0 / 3, -1.0 / 30, 1.0 / 840, -1.0 / 45360, 1.0 / 3991680,
                            -1.0 / 518918400, 1.0 / 93405312000.0);
    double far = (sine - x * cosine) / z;
    return z <= 1 ? near : z == (double)INFINITY ? 0 : far;
}

INLINE float f32_spherical_j1(float x) { return (float)spherical_slope(x, f64_sin(x), f64_cos(x)); }

INLINE float f32_libm_spherical_j1(float x) { return (float)spherical_slope(x, sin(x), cos(x)); }
