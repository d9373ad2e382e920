/* Mathematical functions of one number, for float (f32_exp, ...) and double (f64_exp, ...).

   Plain arithmetic without branches, table look-ups or library calls, so that every compiler can
   turn a loop over them into vector code and every build gives the same bits. Errors stay within
   4 units in the last place; infinities, NaN, signed zeros and denormals are treated as IEEE 754
   asks. The polynomials are minimax fits (Remez) of the relative error of the whole function. */

#ifndef MICROLAZY_MATHFUNCS_H
#define MICROLAZY_MATHFUNCS_H

#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "transforms.h"

/* A loop becomes vector code only if all that it calls is inlined, and compilers stop inlining
   into functions that grow large. So Cython's inline functions are inlined always, too. */
#if defined(_MSC_VER)
#define ALWAYS_INLINE __forceinline
#define NOINLINE __declspec(noinline)
#else
#define ALWAYS_INLINE inline __attribute__((always_inline))
#define NOINLINE __attribute__((noinline))
#endif
#undef CYTHON_INLINE
#define CYTHON_INLINE ALWAYS_INLINE
#define INLINE static ALWAYS_INLINE

/* Horner's scheme, lowest coefficient first. */
#define POLY1(x, a) (a)
#define POLY2(x, a, b) ((a) + (x) * POLY1(x, b))
#define POLY3(x, a, b, c) ((a) + (x) * POLY2(x, b, c))
#define POLY4(x, a, b, c, d) ((a) + (x) * POLY3(x, b, c, d))
#define POLY5(x, a, b, c, d, e) ((a) + (x) * POLY4(x, b, c, d, e))
#define POLY6(x, a, b, c, d, e, f) ((a) + (x) * POLY5(x, b, c, d, e, f))
#define POLY7(x, a, b, c, d, e, f, g) ((a) + (x) * POLY6(x, b, c, d, e, f, g))
#define POLY8(x, a, b, c, d, e, f, g, h) ((a) + (x) * POLY7(x, b, c, d, e, f, g, h))
#define POLY9(x, a, b, c, d, e, f, g, h, i) ((a) + (x) * POLY8(x, b, c, d, e, f, g, h, i))
#define POLY10(x, a, b, c, d, e, f, g, h, i, j) ((a) + (x) * POLY9(x, b, c, d, e, f, g, h, i, j))
#define POLY11(x, a, b, c, d, e, f, g, h, i, j, k) \
    ((a) + (x) * POLY10(x, b, c, d, e, f, g, h, i, j, k))
#define POLY12(x, a, b, c, d, e, f, g, h, i, j, k, l) \
    ((a) + (x) * POLY11(x, b, c, d, e, f, g, h, i, j, k, l))
#define POLY13(x, a, b, c, d, e, f, g, h, i, j, k, l, m) \
    ((a) + (x) * POLY12(x, b, c, d, e, f, g, h, i, j, k, l, m))
#define POLY14(x, a, b, c, d, e, f, g, h, i, j, k, l, m, n) \
    ((a) + (x) * POLY13(x, b, c, d, e, f, g, h, i, j, k, l, m, n))
#define POLY15(x, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o) \
    ((a) + (x) * POLY14(x, b, c, d, e, f, g, h, i, j, k, l, m, n, o))
#define POLY16(x, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p) \
    ((a) + (x) * POLY15(x, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p))
#define POLY17(x, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q) \
    ((a) + (x) * POLY16(x, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q))
#define POLY18(x, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r) \
    ((a) + (x) * POLY17(x, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r))
#define POLY19(x, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s) \
    ((a) + (x) * POLY18(x, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s))

#if defined(__GNUC__) && defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define HAS_LANES
#endif
#endif

#if defined(__AVX512F__)
#define VECTOR_BYTES 64
#elif defined(__AVX__)
#define VECTOR_BYTES 32
#else
#define VECTOR_BYTES 16
#endif
#if defined(HAS_LANES) && (defined(__AVX512F__) || defined(__FMA__))
#include <immintrin.h>
#define HAS_STREAMS
#endif

#if VECTOR_BYTES == 64 /* rows of two vectors whose sums the registers hold */
#define TILE_ROWS 12
#else
#define TILE_ROWS 6
#endif
/* Ask for memory that will be read soon. */
INLINE void prefetch(const void *x, ptrdiff_t nbytes)
{
#if defined(__GNUC__)
    for (ptrdiff_t i = 0; i < nbytes; i += 64)
        __builtin_prefetch((const char *)x + i);
#else
    (void)x, (void)nbytes;
#endif
}

/* Wait until what went to memory past the caches is seen by other threads. */
INLINE void end_streams(void)
{
#ifdef HAS_STREAMS
    _mm_sfence();
#endif
}

#if VECTOR_BYTES == 64 /* rows of 64 bytes whose sums the registers hold */
#define TILE_HEIGHT 8
#elif VECTOR_BYTES == 32
#define TILE_HEIGHT 6
#else
#define TILE_HEIGHT 3
#endif

#define M(name) f32_##name
#define C(f32, f64) f32
#define REAL float
#define BITS uint32_t
#define MANTISSA 23
#define BIAS 127
#include "mathreal.h"
#undef M
#undef C
#undef REAL
#undef BITS
#undef MANTISSA
#undef BIAS

#define M(name) f64_##name
#define C(f32, f64) f64
#define REAL double
#define BITS uint64_t
#define MANTISSA 52
#define BIAS 1023
#include "mathreal.h"
#undef M
#undef C
#undef REAL
#undef BITS
#undef MANTISSA
#undef BIAS

/* Remainders, and quotients rounded down. Below 2^28 quotients of floats, their products with b, and
   what these leave of a are exact in double. */

INLINE int f32_near(float a, float b)
{
    return (fabsf(a) < fabsf(b) * 0x1p28f) & (fabsf(b) < INFINITY);
}

INLINE float f32_near_fmod(float a, float b)
{
    return (float)((double)a - f64_trunc((double)a / (double)b) * (double)b);
}

INLINE float f32_fmod(float a, float b) { return fmodf(a, b); }

INLINE int f64_near(double a, double b) { return (void)a, (void)b, 0; }

INLINE double f64_near_fmod(double a, double b) { return fmod(a, b); }

INLINE double f64_fmod(double a, double b) { return fmod(a, b); }

INLINE float f32_near_quotient(float a, float b)
{
    return (float)f64_floor((double)a / (double)b);
}

INLINE double f64_far_quotient(double a, double b)
{
    double rest = fmod(a, b), q = (a - rest) / b, whole;
    q = ((rest != 0) & ((rest < 0) != (b < 0))) ? q - 1 : q;
    whole = f64_floor(q); /* (a - rest) / b is whole but for its rounding */
    whole = q - whole > 0.5 ? whole + 1 : whole;
    return b == 0 ? a / b : q == 0 ? copysign(0.0, a / b) : whole;
}

INLINE float f32_far_quotient(float a, float b) { return (float)f64_far_quotient(a, b); }

INLINE double f64_near_quotient(double a, double b) { return f64_far_quotient(a, b); }

/* Powers of floats: 2^t with t = y log2 |x| computed in double and handed on as two floats. Two
   loops, one for each half, overlap these long chains better than one. */

/* log2 of a positive normal number, less `shift`. */
INLINE double f32_log2_wide(float a, float shift)
{
    const uint32_t one = 0x3f800000u, sqrt_half = 0x3f3504f3u;
    uint32_t b = f32_bits(a) + (one - sqrt_half);
    float k = f32_real((b >> 23) | f32_bits(0x1p23f)) - (0x1p23f + 127 + shift);
    double f = f32_real((b & 0x7fffffu) + sqrt_half) - 1.0f, s = f / (2 + f), z = s * s;
    return k + s * POLY5(z, 2.8853900817900858976, 0.96179667334221494603, 0.5770835848675024778,
                         0.41167272564327522609, 0.34072997242330401123);
}

INLINE float f32_split(double t, float *low)
{
    double high = f64_real(f64_bits(t) & 0xffffffffe0000000u); /* what a float holds */
    *low = (float)(t - high);
    return (float)high;
}

/* Whether a number needs no care in a power. */
INLINE int f32_is_plain(float x) { return (x >= 0x1p-126f) & (x < INFINITY); }

/* t for such an x; 0 for x = 1, whatever y is. */
INLINE float f32_plain_exponent(float x, float y, float *low)
{
    return f32_split((x == 1 ? 0.0f : y) * f32_log2_wide(x, 0), low);
}

/* t for any x; 0 also for y = 0. */
INLINE float f32_exponent(float x, float y, float *low)
{
    float a = fabsf(x), denormal = a < 0x1p-126f ? 1.0f : 0.0f;
    double log2 = f32_log2_wide(a * (1 + denormal * (0x1p23f - 1)), denormal * 23);
    log2 = a == 0 ? -INFINITY : log2;
    log2 = a < INFINITY ? log2 : a;
    log2 = y == 0 ? 0 : log2;
    return f32_split((a == 1 ? 0.0f : y) * log2, low);
}

/* 2^(high + low) */
INLINE float f32_exp2_of(float high, float low)
{
    low = fabsf(high) < 200 ? low : 0;
    high = high > 200 ? 200 : high;
    high = high < -200 ? -200 : high;
    float n = f32_nearest(high), r = (high - n) + low, half = f32_nearest(n * 0.5f);
    float p = POLY6(r, 6.931472010e-01f, 2.402264780e-01f, 5.550334680e-02f, 9.618447630e-03f,
                    1.339832790e-03f, 1.535036790e-04f);
    return (1 + r * p) * f32_pow2(half) * f32_pow2(n - half);
}

/* A power with the sign of x, where y is odd, and NaN for the root of a negative number. */
INLINE float f32_signed_power(float power, float x, float y)
{
    float half = 0.5f * y, whole = f32_rint(y);
    uint32_t sign = f32_rint(half) == half ? 0 : 0x80000000u;
    sign &= f32_bits(x) & (whole == y ? 0x80000000u : 0);
    power = x < 0 ? (x > -INFINITY ? power + (whole == y ? 0.0f : NAN) : power) : power;
    return f32_real(f32_bits(power) | sign);
}

INLINE float f32_pow(float x, float y)
{
    float low, high = f32_exponent(x, y, &low);
    return f32_signed_power(f32_exp2_of(high, low), x, y);
}

INLINE double f64_pow(double x, double y) { return pow(x, y); }

#include "mathspecial.h"

#endif
