/* Neighbours and parts of floats by their bits, without branches, so that loops become vector code. */
#ifndef MICROLAZY_FLOATPARTS_H
#define MICROLAZY_FLOATPARTS_H
#include <stdint.h>
#include <string.h>

#define FLOATPARTS(REAL, BITS, MANTISSA, BIAS, NAME)                                              \
    static inline BITS NAME##_bits(REAL x) { BITS b; memcpy(&b, &x, sizeof b); return b; }         \
    static inline REAL NAME##_real(BITS b) { REAL x; memcpy(&x, &b, sizeof x); return x; }         \
                                                                                                  \
    /* The next number after x on the way to y. */                                                \
    static inline REAL NAME##_next(REAL x, REAL y)                                                \
    {                                                                                             \
        const BITS sign = (BITS)1 << (8 * sizeof(BITS) - 1);                                      \
        BITS b = NAME##_bits(x), least = (NAME##_bits(y) & sign) | 1;                             \
        BITS away = ((x < y) == (x > 0)) ? b + 1 : b - 1;                                         \
        REAL step = NAME##_real((b & ~sign) == 0 ? least : away);                                 \
        step = x == y ? y : step;                                                                 \
        return ((x != x) | (y != y)) ? x + y : step;                                              \
    }                                                                                             \
                                                                                                  \
    /* What is left of x without its whole part, with its sign; of infinity 0. */                 \
    static inline REAL NAME##_fraction(REAL x)                                                    \
    {                                                                                             \
        const BITS sign = (BITS)1 << (8 * sizeof(BITS) - 1);                                      \
        const REAL large = (REAL)((BITS)1 << MANTISSA); /* from here on all numbers are whole */  \
        REAL a = NAME##_real(NAME##_bits(x) & ~sign), whole = (a + large) - large;                \
        REAL rest = a - (whole > a ? whole - 1 : whole);                                          \
        rest = a < large ? rest : 0;                                                              \
        rest = NAME##_real(NAME##_bits(rest) | (NAME##_bits(x) & sign));                          \
        return x != x ? x : rest;                                                                 \
    }                                                                                             \
                                                                                                  \
    /* x over a power of 2, in [0.5, 1) without its sign, and that power: of normal numbers. */   \
    static inline int NAME##_normal(REAL x)                                                       \
    {                                                                                             \
        const BITS least = (BITS)1 << MANTISSA, sign = (BITS)1 << (8 * sizeof(BITS) - 1);         \
        return (NAME##_bits(x) & ~sign) - least < sign - 2 * least;                               \
    }                                                                                             \
    static inline REAL NAME##_normal_mantissa(REAL x)                                             \
    {                                                                                             \
        const BITS exponents = ((BITS)2 * BIAS + 1) << MANTISSA;                                  \
        return NAME##_real((NAME##_bits(x) & ~exponents) | ((BITS)(BIAS - 1) << MANTISSA));       \
    }                                                                                             \
    static inline int32_t NAME##_normal_exponent(REAL x)                                          \
    {                                                                                             \
        return (int32_t)(NAME##_bits(x) >> MANTISSA & (2 * BIAS + 1)) - (BIAS - 1);               \
    }                                                                                             \
    /* g over that power, which has a reciprocal: below 2 to the -BIAS + 1 a denormal one. */     \
    static inline REAL NAME##_over_normal_exponent(REAL g, REAL x)                                \
    {                                                                                             \
        const int32_t power = BIAS - NAME##_normal_exponent(x);                                   \
        const BITS small = ((BITS)1 << (MANTISSA - 1)) >> (power & 1);                            \
        return g * NAME##_real(power > 0 ? (BITS)power << MANTISSA : small);                      \
    }                                                                                             \
                                                                                                  \
    /* Of any; of 0, infinity and NaN x itself and 0. A denormal is made a normal number first. */\
    static inline int NAME##_denormal(REAL x)                                                     \
    {                                                                                             \
        return (NAME##_bits(x) >> MANTISSA & (2 * BIAS + 1)) == 0;                                \
    }                                                                                             \
    static inline REAL NAME##_scaled(REAL x)                                                      \
    {                                                                                             \
        REAL larger = x * (REAL)((BITS)1 << (MANTISSA + 1));                                      \
        return NAME##_denormal(x) ? larger : x;                                                   \
    }                                                                                             \
    static inline int NAME##_has_parts(REAL x)                                                    \
    {                                                                                             \
        return (NAME##_bits(x) >> MANTISSA & (2 * BIAS + 1)) != 2 * BIAS + 1 && x != 0;           \
    }                                                                                             \
    static inline REAL NAME##_mantissa(REAL x)                                                    \
    {                                                                                             \
        REAL part = NAME##_normal_mantissa(NAME##_scaled(x));                                     \
        return NAME##_has_parts(x) ? part : x;                                                    \
    }                                                                                             \
    static inline int32_t NAME##_exponent(REAL x)                                                 \
    {                                                                                             \
        int32_t e = NAME##_normal_exponent(NAME##_scaled(x));                                     \
        e = NAME##_denormal(x) ? e - (MANTISSA + 1) : e;                                          \
        return NAME##_has_parts(x) ? e : 0;                                                       \
    }

FLOATPARTS(float, uint32_t, 23, 127, f32)
FLOATPARTS(double, uint64_t, 52, 1023, f64)
#undef FLOATPARTS
#endif
