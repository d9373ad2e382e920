"""What has no kernel, of small arrays of float32 and float64: the bits of numbers, and steps.

As in `loops/integers`, a call of NumPy's is what takes the time in a small array.
"""

from libc.math cimport (
    INFINITY, NAN, copysign, copysignf, isinf, isnan, nextafter, nextafterf, signbit,
)
from microlazy.core.loops.integers cimport operand
from microlazy.core.tensor cimport BOOL, FLOAT32, Tensor

import numpy

cdef enum Op:
    SIGN, STEP, COPY, TOWARDS, HEAVISIDE

cdef dict OPS = {
    numpy.signbit: SIGN, numpy.spacing: STEP, numpy.positive: COPY, numpy.nextafter: TOWARDS,
    numpy.heaviside: HEAVISIDE,
}

ctypedef fused real:
    float
    double


cdef inline real next_after(real x, real y) noexcept nogil:
    if real is float:
        return nextafterf(x, y)
    else:
        return nextafter(x, y)


cdef inline real step_at(real x) noexcept nogil:
    """The distance to the next number away from 0, with the sign of x."""
    if isinf(x):
        return <real>NAN
    if real is float:
        return nextafterf(x, copysignf(<float>INFINITY, x)) - x
    else:
        return nextafter(x, copysign(<double>INFINITY, x)) - x


cdef inline real heaviside(real x, real middle) noexcept nogil:
    if isnan(x):
        return x
    return middle if x == 0 else <real>(x > 0)


cdef void run(int op, const real* a, Py_ssize_t sa, const real* b, Py_ssize_t sb, char* out,
              Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    if op == SIGN:
        for i in range(n):
            out[i] = signbit(a[i]) != 0
    elif op == STEP:
        for i in range(n):
            (<real*>out)[i] = step_at(a[i])
    elif op == COPY:
        for i in range(n):
            (<real*>out)[i] = a[i]
    elif op == TOWARDS:
        for i in range(n):
            (<real*>out)[i] = next_after(a[i * sa], b[i * sb])
    else:
        for i in range(n):
            (<real*>out)[i] = heaviside(a[i * sa], b[i * sb])


cdef int float_op(object function) except -2:
    return OPS.get(function, -1)


cdef int float_dtype(int op, int dtype) noexcept:
    return BOOL if op == SIGN else dtype


cdef int floats_into(int op, Tensor a, Tensor b, Tensor out) except -1:
    cdef Py_ssize_t sa, sb
    a = operand(a, out)
    b = a if b is None else operand(b, out)
    sa, sb = a.size == out.size, b.size == out.size
    if a.dtype == FLOAT32:
        run(op, <const float*>a.data, sa, <const float*>b.data, sb, out.data, out.size)
    else:
        run(op, <const double*>a.data, sa, <const double*>b.data, sb, out.data, out.size)
    return 0
