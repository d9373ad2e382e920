"""What has no kernel, of float32 and float64: tests, parts of numbers, steps.

As in `loops/integers`, a call of NumPy's is what takes the time in a small array. Large ones are
shared by all threads, where NumPy's loops use one.
"""

from cython.parallel cimport prange
from libc.math cimport INFINITY, M_PI, NAN, copysign, isinf, ldexp, signbit, sin
from microlazy.core.kernels.select cimport kernels
from microlazy.core.kernels.table cimport B_EQUAL, B_LESS, U_ABS
from microlazy.core.loops.integers cimport run_into
from microlazy.core.parallel cimport LIGHT_GRAIN, threads
from microlazy.core.strided cimport Pieces, cut, packed, piece, piece_length, piece_start
from microlazy.core.tensor cimport BOOL, FLOAT32, INT32, Tensor, itemsize

import numpy

cdef extern from "floatparts.h" nogil:
    float f32_next(float x, float y)
    double f64_next(double x, double y)
    float f32_fraction(float x)
    double f64_fraction(double x)
    float f32_mantissa(float x)
    double f64_mantissa(double x)
    int f32_exponent(float x)
    int f64_exponent(double x)
    bint f32_normal(float x)
    bint f64_normal(double x)
    float f32_normal_mantissa(float x)
    double f64_normal_mantissa(double x)
    int f32_normal_exponent(float x)
    int f64_normal_exponent(double x)
    float f32_over_normal_exponent(float g, float x)
    double f64_over_normal_exponent(double g, double x)

cdef dict OPS = {
    numpy.signbit: SIGN, numpy.spacing: STEP, numpy.positive: COPY, numpy.nextafter: TOWARDS,
    numpy.heaviside: HEAVISIDE, numpy.isnan: NAN_TEST, numpy.isinf: INFINITE,
    numpy.isfinite: FINITE, numpy.isposinf: PLUS_INFINITE, numpy.isneginf: MINUS_INFINITE,
    numpy.logical_not: ZERO, numpy.sinc: SINC,
}

cdef enum:
    TILE = 512                    # numbers that are compared together

ctypedef fused real:
    float
    double


cdef inline real next_after(real x, real y) noexcept nogil:
    if real is float:
        return f32_next(x, y)
    else:
        return f64_next(x, y)


cdef inline real step_at(real x) noexcept nogil:
    """The distance to the next number away from 0, with the sign of x; of -0.0 as of 0.0."""
    if isinf(x):
        return <real>NAN
    if x == 0:
        x = 0
    return next_after(x, <real>copysign(INFINITY, x)) - x


cdef inline real fraction_of(real x) noexcept nogil:
    """What is left of x without its whole part, with its sign."""
    if real is float:
        return f32_fraction(x)
    else:
        return f64_fraction(x)


cdef inline real mantissa_of(real x) noexcept nogil:
    """x over a power of 2, in [0.5, 1) without its sign."""
    if real is float:
        return f32_mantissa(x)
    else:
        return f64_mantissa(x)


cdef inline int exponent_of(real x) noexcept nogil:
    """The power of 2 that the mantissa belongs to."""
    if real is float:
        return f32_exponent(x)
    else:
        return f64_exponent(x)


cdef inline double sinc(double x) noexcept nogil:
    return sin(M_PI * x) / (M_PI * x) if x != 0 else 1


cdef bint all_normal(const real* x, Py_ssize_t n) noexcept nogil:
    """Whether neither 0, denormal, infinite nor nan is among them, so that less is to be done."""
    cdef Py_ssize_t i
    cdef int others = 0
    for i in range(n):
        if real is float:
            others += not f32_normal(x[i])
        else:
            others += not f64_normal(x[i])
    return others == 0


cdef inline real normal_mantissa(real x) noexcept nogil:
    if real is float:
        return f32_normal_mantissa(x)
    else:
        return f64_normal_mantissa(x)


cdef inline int normal_exponent(real x) noexcept nogil:
    if real is float:
        return f32_normal_exponent(x)
    else:
        return f64_normal_exponent(x)


cdef inline real over_normal_exponent(real g, real x) noexcept nogil:
    if real is float:
        return f32_over_normal_exponent(g, x)
    else:
        return f64_over_normal_exponent(g, x)


cdef inline real heaviside(real x, real middle) noexcept nogil:
    cdef real step = middle if x == 0 else <real>(x > 0)
    return x if x != x else step


cdef void run(int op, const real* a, Py_ssize_t sa, const real* b, Py_ssize_t sb, char* out,
              Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    if op == SIGN:
        for i in range(n):
            out[i] = signbit(a[i]) != 0
    elif op == NAN_TEST:
        for i in range(n):
            out[i] = a[i] != a[i]
    elif op == PLUS_INFINITE:
        for i in range(n):
            out[i] = a[i] == <real>INFINITY
    elif op == MINUS_INFINITE:
        for i in range(n):
            out[i] = a[i] == -<real>INFINITY
    elif op == ZERO:
        for i in range(n):
            out[i] = a[i] == 0
    elif op == EXPONENT:
        if all_normal(a, n):
            for i in range(n):
                (<int*>out)[i] = normal_exponent(a[i])
            return
        for i in range(n):
            (<int*>out)[i] = exponent_of(a[i])
    elif op == STEP:
        for i in range(n):
            (<real*>out)[i] = step_at(a[i])
    elif op == COPY:
        for i in range(n):
            (<real*>out)[i] = a[i]
    elif op == FRACTION:
        for i in range(n):
            (<real*>out)[i] = fraction_of(a[i])
    elif op == MANTISSA:
        if all_normal(a, n):
            for i in range(n):
                (<real*>out)[i] = normal_mantissa(a[i])
            return
        for i in range(n):
            (<real*>out)[i] = mantissa_of(a[i])
    elif op == TOWARDS:
        for i in range(n):
            (<real*>out)[i] = next_after(a[i * sa], b[i * sb])
    elif op == OVER:
        if sa and sb and all_normal(b, n):
            for i in range(n):
                (<real*>out)[i] = over_normal_exponent(a[i], b[i])
            return
        for i in range(n):
            (<real*>out)[i] = <real>ldexp(a[i * sa], -exponent_of(b[i * sb]))
    elif op == SINC:
        for i in range(n):
            (<real*>out)[i] = <real>sinc(a[i])
    else:
        for i in range(n):
            (<real*>out)[i] = heaviside(a[i * sa], b[i * sb])


cdef int float_op(object function) except -2:
    return OPS.get(function, -1)


cdef bint threads_help(int op, int dtype) noexcept:
    if op == SINC:
        return dtype != FLOAT32       # of which NumPy's sine uses vector units
    return op >= INFINITE             # NumPy's other tests use wider vector units


cdef int float_dtype(int op, int dtype) noexcept:
    if op == EXPONENT:
        return INT32
    return BOOL if op < FIRST_NUMBER else dtype


cdef void test_sizes(int op, int dtype, const char* a, unsigned char* out,
                     Py_ssize_t n) noexcept nogil:
    """Whether numbers are infinite, or finite: their sizes, compared by the kernels."""
    cdef double[TILE] sizes
    cdef Py_ssize_t done = 0, width
    cdef int comparison = B_EQUAL if op == INFINITE else B_LESS
    while done < n:
        width = min(n - done, <Py_ssize_t>TILE)
        kernels.unary[dtype](U_ABS, a + done * itemsize(dtype), sizes, width)
        kernels.compare_scalar[dtype](comparison, sizes, INFINITY, out + done, width)
        done += width


cdef void run_as(int op, int dtype, const char* a, Py_ssize_t sa, const char* b, Py_ssize_t sb,
                 char* out, Py_ssize_t n) noexcept nogil:
    if op == INFINITE or op == FINITE:
        test_sizes(op, dtype, a, <unsigned char*>out, n)
    elif dtype == FLOAT32:
        run(op, <const float*>a, sa, <const float*>b, sb, out, n)
    else:
        run(op, <const double*>a, sa, <const double*>b, sb, out, n)


cdef int floats_into(int op, Tensor a, Tensor b, Tensor out) except -1:
    return run_into(run_as, op, a, b, out)


cdef void take_apart(const real* x, real* mantissas, int* exponents, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    if all_normal(x, n):
        for i in range(n):
            mantissas[i] = normal_mantissa(x[i])
            exponents[i] = normal_exponent(x[i])
        return
    for i in range(n):
        mantissas[i] = mantissa_of(x[i])
        exponents[i] = exponent_of(x[i])


cdef void take_apart_as(int dtype, const char* x, char* mantissas, int* exponents,
                        Py_ssize_t n) noexcept nogil:
    if dtype == FLOAT32:
        take_apart(<const float*>x, <float*>mantissas, exponents, n)
    else:
        take_apart(<const double*>x, <double*>mantissas, exponents, n)


cdef int frexp_into(Tensor x, Tensor mantissas, Tensor exponents) except -1:
    cdef Pieces p
    cdef Py_ssize_t i, size = itemsize(x.dtype)
    cdef char* first = mantissas.data
    cdef int* second = <int*>exponents.data
    cdef int dtype = x.dtype
    if x.size < LIGHT_GRAIN:
        x = packed(x)
        take_apart_as(dtype, x.data, first, second, x.size)
        return 0
    _scratch = cut(&p, mantissas, 1, x, None, None)
    for i in prange(p.total, nogil=True, schedule="static", num_threads=threads()):
        take_apart_as(dtype, piece(&p, 0, i), first + piece_start(&p, i) * size,
                      second + piece_start(&p, i), piece_length(&p, i))
    return 0
