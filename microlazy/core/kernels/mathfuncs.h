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

/* A loop becomes vector code only if all that it calls is inlined, and compilers stop inlining
   into functions that grow large. So Cython's inline functions are inlined always, too. */
#if defined(_MSC_VER)
#define ALWAYS_INLINE __forceinline
#else
#define ALWAYS_INLINE inline __attribute__((always_inline))
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

#endif
