# Special functions of float32.

cdef extern from "mathfuncs.h" nogil:
    float f32_digamma(float x) noexcept
    float f32_trigamma(float x) noexcept
    float f32_gammaln(float x) noexcept
    float f32_erfinv(float x) noexcept
    float f32_i0(float x) noexcept
    float f32_i1(float x) noexcept
    float f32_spherical_j1(float x) noexcept
    float f32_libm_spherical_j1(float x) noexcept


cdef void special(int function, const float* x, float* out, Py_ssize_t n) noexcept nogil:
    if function == DIGAMMA:
        map_unary(f32_digamma, x, out, n)
    elif function == TRIGAMMA:
        map_unary(f32_trigamma, x, out, n)
    elif function == GAMMALN:
        map_unary(f32_gammaln, x, out, n)
    elif function == ERFINV:
        map_unary(f32_erfinv, x, out, n)
    elif function == BESSEL_I0:
        map_unary(f32_i0, x, out, n)
    elif function == BESSEL_I1:
        map_unary(f32_i1, x, out, n)
    else:
        map_trig(f32_spherical_j1, f32_libm_spherical_j1, x, out, n)
