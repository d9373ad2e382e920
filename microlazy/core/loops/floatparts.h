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
    /* x over a power of 2, in [0.5, 1) without its sign, and that power; of 0, infinity and NaN    \
       x itself and 0. */                                                                         \
    static inline BITS NAME##_scaled(REAL x)                                                      \
    {                                                                                             \
        const BITS exponents = (((BITS)1 << (8 * sizeof(BITS) - 1 - MANTISSA)) - 1) << MANTISSA;   \
        REAL larger = x * (REAL)((BITS)1 << (MANTISSA + 1));                                      \
        return NAME##_bits((NAME##_bits(x) & exponents) == 0 ? larger : x);                       \
    }                                                                                             \
    static inline int NAME##_whole(REAL x)                                                        \
    {                                                                                             \
        const BITS low = ((BITS)1 << (8 * sizeof(BITS) - 1)) - 1;                                 \
        BITS b = NAME##_bits(x) & low;                                                            \
        return (b == 0) | (b >= (low >> MANTISSA) << MANTISSA);                                   \
    }                                                                                             \
    static inline REAL NAME##_mantissa(REAL x)                                                    \
    {                                                                                             \
        const BITS exponents = (((BITS)1 << (8 * sizeof(BITS) - 1 - MANTISSA)) - 1) << MANTISSA;   \
        BITS b = (NAME##_scaled(x) & ~exponents) | ((BITS)(BIAS - 1) << MANTISSA);                \
        return NAME##_whole(x) ? x : NAME##_real(b);                                              \
    }                                                                                             \
    static inline int32_t NAME##_exponent(REAL x)                                                 \
    {                                                                                             \
        const BITS low = ((BITS)1 << (8 * sizeof(BITS) - 1)) - 1;                                 \
        int32_t e = (int32_t)((NAME##_scaled(x) & low) >> MANTISSA) - (BIAS - 1);                 \
        int denormal = (NAME##_bits(x) & low) >> MANTISSA == 0;                                   \
        e = denormal ? e - (MANTISSA + 1) : e;                                                    \
        return NAME##_whole(x) ? 0 : e;                                                           \
    }

FLOATPARTS(float, uint32_t, 23, 127, f32)
FLOATPARTS(double, uint64_t, 52, 1023, f64)
#undef FLOATPARTS
#endif
