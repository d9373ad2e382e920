"""Arithmetic, comparison and logic of small arrays of integers and booleans.

In a large array NumPy's loops, which use vector units, are what takes the time; in a small one the
call of NumPy is, and these loops save it. Integers wrap around, as in NumPy.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from microlazy.core.strided cimport expanded, packed
from microlazy.core.tensor cimport BOOL, INT8, INT32, INT64, UINT8, Tensor

import numpy

cdef enum:
    FEW = 1 << 12                 # elements; NumPy's loops are faster from about here on

cdef enum Op:
    ADD, SUBTRACT, MULTIPLY, AND, OR, XOR, FIRST_ORDERED
    LARGER = FIRST_ORDERED, SMALLER, FIRST_TEST
    EQUAL = FIRST_TEST, DIFFERENT, LESS, LESS_EQUAL, GREATER, GREATER_EQUAL, BOTH, EITHER, ONE

cdef dict OPS = {
    numpy.add: ADD, numpy.subtract: SUBTRACT, numpy.multiply: MULTIPLY,
    numpy.bitwise_and: AND, numpy.bitwise_or: OR, numpy.bitwise_xor: XOR,
    numpy.maximum: LARGER, numpy.minimum: SMALLER,
    numpy.equal: EQUAL, numpy.not_equal: DIFFERENT,
    numpy.less: LESS, numpy.less_equal: LESS_EQUAL,
    numpy.greater: GREATER, numpy.greater_equal: GREATER_EQUAL,
    numpy.logical_and: BOTH, numpy.logical_or: EITHER, numpy.logical_xor: ONE,
}
cdef dict OPS_OF_BOOLS = OPS | {        # whose sum is whether one is true
    numpy.add: OR, numpy.multiply: AND, numpy.maximum: OR, numpy.minimum: AND,
}
del OPS_OF_BOOLS[numpy.subtract]        # which NumPy refuses

ctypedef fused word:                    # sums and products wrap around; signs do not matter
    unsigned char
    uint32_t
    uint64_t

ctypedef fused whole:
    signed char
    unsigned char
    int32_t
    int64_t


cdef void combine(int op, const word* a, Py_ssize_t sa, const word* b, Py_ssize_t sb, word* out,
                  Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    if op == ADD:
        for i in range(n):
            out[i] = a[i * sa] + b[i * sb]
    elif op == SUBTRACT:
        for i in range(n):
            out[i] = a[i * sa] - b[i * sb]
    elif op == MULTIPLY:
        for i in range(n):
            out[i] = a[i * sa] * b[i * sb]
    elif op == AND:
        for i in range(n):
            out[i] = a[i * sa] & b[i * sb]
    elif op == OR:
        for i in range(n):
            out[i] = a[i * sa] | b[i * sb]
    else:
        for i in range(n):
            out[i] = a[i * sa] ^ b[i * sb]


cdef void choose(int op, const whole* a, Py_ssize_t sa, const whole* b, Py_ssize_t sb, whole* out,
                 Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    if op == LARGER:
        for i in range(n):
            out[i] = max(a[i * sa], b[i * sb])
    else:
        for i in range(n):
            out[i] = min(a[i * sa], b[i * sb])


cdef void test(int op, const whole* a, Py_ssize_t sa, const whole* b, Py_ssize_t sb,
               unsigned char* out, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    if op == EQUAL:
        for i in range(n):
            out[i] = a[i * sa] == b[i * sb]
    elif op == DIFFERENT:
        for i in range(n):
            out[i] = a[i * sa] != b[i * sb]
    elif op == LESS:
        for i in range(n):
            out[i] = a[i * sa] < b[i * sb]
    elif op == LESS_EQUAL:
        for i in range(n):
            out[i] = a[i * sa] <= b[i * sb]
    elif op == GREATER:
        for i in range(n):
            out[i] = a[i * sa] > b[i * sb]
    elif op == GREATER_EQUAL:
        for i in range(n):
            out[i] = a[i * sa] >= b[i * sb]
    elif op == BOTH:
        for i in range(n):
            out[i] = (a[i * sa] != 0) & (b[i * sb] != 0)
    elif op == EITHER:
        for i in range(n):
            out[i] = (a[i * sa] != 0) | (b[i * sb] != 0)
    else:
        for i in range(n):
            out[i] = (a[i * sa] != 0) != (b[i * sb] != 0)


cdef void run_words(int op, Tensor a, Py_ssize_t sa, Tensor b, Py_ssize_t sb, Tensor out) noexcept:
    if a.dtype == INT64:
        combine(op, <const uint64_t*>a.data, sa, <const uint64_t*>b.data, sb, <uint64_t*>out.data,
                out.size)
    elif a.dtype == INT32:
        combine(op, <const uint32_t*>a.data, sa, <const uint32_t*>b.data, sb, <uint32_t*>out.data,
                out.size)
    else:
        combine(op, <const unsigned char*>a.data, sa, <const unsigned char*>b.data, sb,
                <unsigned char*>out.data, out.size)


cdef void run_ordered(int op, const whole* a, Py_ssize_t sa, const whole* b, Py_ssize_t sb,
                      Tensor out) noexcept:
    if op < FIRST_TEST:
        choose(op, a, sa, b, sb, <whole*>out.data, out.size)
    else:
        test(op, a, sa, b, sb, <unsigned char*>out.data, out.size)


cdef Tensor operand(Tensor x, Tensor out):
    """x as one number, or packed and as large as the result."""
    if x.contiguous and (x.size == out.size or x.size == 1):
        return x
    return packed(expanded(x, out.ndim, out.shape_))


cdef bint integers_into(object function, Tensor a, Tensor b, Tensor out) except -1:
    cdef Py_ssize_t sa, sb
    cdef int op
    if a.dtype != b.dtype or out.size > FEW or a.dtype not in (INT8, UINT8, INT32, INT64, BOOL):
        return False
    op = (OPS_OF_BOOLS if a.dtype == BOOL else OPS).get(function, -1)
    if op < 0 or out.dtype != (BOOL if op >= FIRST_TEST else a.dtype):
        return False
    a, b = operand(a, out), operand(b, out)
    sa, sb = a.size == out.size, b.size == out.size
    if op < FIRST_ORDERED:
        run_words(op, a, sa, b, sb, out)
    elif a.dtype == INT64:
        run_ordered(op, <const int64_t*>a.data, sa, <const int64_t*>b.data, sb, out)
    elif a.dtype == INT32:
        run_ordered(op, <const int32_t*>a.data, sa, <const int32_t*>b.data, sb, out)
    elif a.dtype == INT8:
        run_ordered(op, <const signed char*>a.data, sa, <const signed char*>b.data, sb, out)
    else:
        run_ordered(op, <const unsigned char*>a.data, sa, <const unsigned char*>b.data, sb, out)
    return True


cdef bint set_integer(Tensor x, object number) except -1:
    cdef long long value
    try:
        value = number
    except OverflowError:
        return False
    if x.dtype == INT64:
        (<int64_t*>x.data)[0] = value
    elif x.dtype == INT32:
        if not -0x80000000LL <= value <= 0x7fffffffLL:
            return False
        (<int32_t*>x.data)[0] = <int32_t>value
    elif x.dtype == INT8:
        if not -128 <= value <= 127:
            return False
        (<signed char*>x.data)[0] = <signed char>value
    else:
        if not 0 <= value <= (1 if x.dtype == BOOL else 255):
            return False
        (<unsigned char*>x.data)[0] = <unsigned char>value
    return True
