# Elements of one type as another; float16 in integers, which every vector unit has.

cdef extern from "mathfuncs.h" nogil:
    u32 f32_bits(float x)
    float f32_real(u32 bits)


cdef inline u32 widened(u32 half) noexcept nogil:
    cdef u32 size = half & 0x7fff
    cdef u32 bits = (size << 13) + 0x38000000       # the exponents' biases differ by 112
    bits = bits + 0x38000000 if size >= 0x7c00 else bits            # infinity and NaN
    bits = f32_bits(<float> <int> size * <float> 5.9604644775390625e-08) if size < 0x400 else bits
    return bits | (half & 0x8000) << 16


cdef inline u32 narrowed(u32 bits) noexcept nogil:
    """Rounded to the nearest, and to even between two."""
    cdef u32 size = bits & 0x7fffffff
    cdef u32 half = (size - 0x38000000 + 0xfff + (size >> 13 & 1)) >> 13
    # Below the least normal number: adding 0.5 leaves the rounded number in the lowest bits.
    half = f32_bits(f32_real(size) + <float> 0.5) - 0x3f000000 if size < 0x38800000 else half
    half = 0x7c00 if size >= 0x477ff000 else half                   # too large
    half = 0x7e00 if size > 0x7f800000 else half                    # NaN
    return half | (bits >> 16 & 0x8000)


cdef void widen(const unsigned short* x, unsigned int* out, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        out[i] = widened(x[i])


cdef void narrow(const unsigned int* x, unsigned short* out, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        out[i] = <unsigned short> narrowed(x[i])


ctypedef fused source_t:
    float
    double
    unsigned char
    int
    signed char
    long long

ctypedef fused target_t:
    float
    double
    int
    long long


cdef inline void convert_each(const source_t* x, target_t* out, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        out[i] = <target_t> x[i]


cdef inline void convert_to(
    int source, const void* x, target_t* out, Py_ssize_t n
) noexcept nogil:
    if source == NUMBER_FLOAT32:
        convert_each(<const float*> x, out, n)
    elif source == NUMBER_FLOAT64:
        convert_each(<const double*> x, out, n)
    elif source == NUMBER_UINT8:
        convert_each(<const unsigned char*> x, out, n)
    elif source == NUMBER_INT32:
        convert_each(<const int*> x, out, n)
    elif source == NUMBER_INT8:
        convert_each(<const signed char*> x, out, n)
    else:
        convert_each(<const long long*> x, out, n)


cdef void convert(
    int source, int target, const void* x, void* out, Py_ssize_t n
) noexcept nogil:
    if target == NUMBER_FLOAT32:
        convert_to(source, x, <float*> out, n)
    elif target == NUMBER_FLOAT64:
        convert_to(source, x, <double*> out, n)
    elif target == NUMBER_INT32:
        convert_to(source, x, <int*> out, n)
    else:
        convert_to(source, x, <long long*> out, n)
