"""Floats: loops of what has no kernel, no tape."""

from microlazy.core.tensor cimport Tensor

cdef enum Op:
    SIGN, NAN_TEST, INFINITE, FINITE, PLUS_INFINITE, MINUS_INFINITE, ZERO, EXPONENT
    FIRST_NUMBER
    STEP = FIRST_NUMBER, COPY, FRACTION, MANTISSA, TOWARDS, HEAVISIDE, SINC
    OVER                          # a over the power of 2 that b's mantissa is multiplied by

# Of a function of NumPy's; -1: no loop.
cdef int float_op(object function) except -2
cdef int float_dtype(int op, int dtype) noexcept              # of the result
# Whether all threads together are faster than NumPy's one in large arrays.
cdef bint threads_help(int op, int dtype) noexcept
# out = op(a, b), with broadcasting, of inputs of one dtype; b is None where there is one input.
cdef int floats_into(int op, Tensor a, Tensor b, Tensor out) except -1
# Mantissas and, in int32, the powers of 2 of packed results, of an x of any layout.
cdef int frexp_into(Tensor x, Tensor mantissas, Tensor exponents) except -1
