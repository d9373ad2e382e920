"""Arithmetic, comparison and logic of integers and booleans.

In a small array the call of NumPy is what takes the time, and these loops save it. In a large one
its loops are, which use wider vector units than these; where memory sets the pace, all threads
together are faster. Integers wrap around, as in NumPy.
"""

from cython.parallel cimport prange
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libc.string cimport memset
from microlazy.core.parallel cimport LIGHT_GRAIN, threads
from microlazy.core.strided cimport (
    Pieces, cut, expanded, packed, piece, piece_length, piece_start,
)
from microlazy.core.tensor cimport BOOL, INT8, INT32, INT64, Tensor, itemsize

import numpy

cdef enum Op:
    ADD, SUBTRACT, MULTIPLY, AND, OR, XOR, NOT, FIRST_ORDERED
    LARGER = FIRST_ORDERED, SMALLER, UP, DOWN, DIVISOR, MULTIPLE, FIRST_TEST
    EQUAL = FIRST_TEST, DIFFERENT, LESS, LESS_EQUAL, GREATER, GREATER_EQUAL, BOTH, EITHER, ONE
    FALSE

cdef dict OPS = {
    numpy.add: ADD, numpy.subtract: SUBTRACT, numpy.multiply: MULTIPLY,
    numpy.bitwise_and: AND, numpy.bitwise_or: OR, numpy.bitwise_xor: XOR,
    numpy.invert: NOT, numpy.logical_not: FALSE,
    numpy.maximum: LARGER, numpy.minimum: SMALLER,
    numpy.left_shift: UP, numpy.right_shift: DOWN, numpy.gcd: DIVISOR, numpy.lcm: MULTIPLE,
    numpy.equal: EQUAL, numpy.not_equal: DIFFERENT,
    numpy.less: LESS, numpy.less_equal: LESS_EQUAL,
    numpy.greater: GREATER, numpy.greater_equal: GREATER_EQUAL,
    numpy.logical_and: BOTH, numpy.logical_or: EITHER, numpy.logical_xor: ONE,
}
cdef dict OPS_OF_BOOLS = OPS | {        # whose sum is whether one is true
    numpy.add: OR, numpy.multiply: AND, numpy.maximum: OR, numpy.minimum: AND,
    numpy.invert: FALSE,
}
for _function in (numpy.subtract, numpy.left_shift, numpy.right_shift, numpy.gcd, numpy.lcm):
    del OPS_OF_BOOLS[_function]         # which NumPy refuses, or makes integers of

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
    elif op == XOR:
        for i in range(n):
            out[i] = a[i * sa] ^ b[i * sb]
    else:
        for i in range(n):
            out[i] = ~a[i]


cdef inline whole shifted_up(whole a, whole b) noexcept nogil:
    """a * 2**b, and 0 where all bits leave, or b is negative."""
    return <whole>(<uint64_t>a << b) if 0 <= b < <whole>(8 * sizeof(whole)) else 0


cdef inline whole shifted_down(whole a, whole b) noexcept nogil:
    """a / 2**b, rounded down; where all bits leave, or b is negative, the sign is left."""
    if 0 <= b < <whole>(8 * sizeof(whole)):
        return a >> b
    return -1 if a < 0 else 0


cdef inline uint64_t size_of(whole a) noexcept nogil:
    return 0 - <uint64_t>a if a < 0 else <uint64_t>a


cdef inline uint64_t common_divisor(uint64_t a, uint64_t b) noexcept nogil:
    """Euclid's algorithm."""
    while a:
        a, b = b % a, a
    return b


cdef inline whole common_multiple(whole a, whole b) noexcept nogil:
    cdef uint64_t divisor = common_divisor(size_of(a), size_of(b))
    return <whole>(size_of(a) // divisor * size_of(b)) if divisor else 0


cdef void choose(int op, const whole* a, Py_ssize_t sa, const whole* b, Py_ssize_t sb, whole* out,
                 Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    if op == LARGER:
        for i in range(n):
            out[i] = max(a[i * sa], b[i * sb])
    elif op == SMALLER:
        for i in range(n):
            out[i] = min(a[i * sa], b[i * sb])
    elif op == UP:
        for i in range(n):
            out[i] = shifted_up(a[i * sa], b[i * sb])
    elif op == DOWN:
        for i in range(n):
            out[i] = shifted_down(a[i * sa], b[i * sb])
    elif op == DIVISOR:
        for i in range(n):
            out[i] = <whole>common_divisor(size_of(a[i * sa]), size_of(b[i * sb]))
    else:
        for i in range(n):
            out[i] = common_multiple(a[i * sa], b[i * sb])


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
    elif op == ONE:
        for i in range(n):
            out[i] = (a[i * sa] != 0) != (b[i * sb] != 0)
    else:
        for i in range(n):
            out[i] = a[i] == 0


cdef void run_words(int op, int dtype, const char* a, Py_ssize_t sa, const char* b, Py_ssize_t sb,
                    char* out, Py_ssize_t n) noexcept nogil:
    if dtype == INT64:
        combine(op, <const uint64_t*>a, sa, <const uint64_t*>b, sb, <uint64_t*>out, n)
    elif dtype == INT32:
        combine(op, <const uint32_t*>a, sa, <const uint32_t*>b, sb, <uint32_t*>out, n)
    else:
        combine(op, <const unsigned char*>a, sa, <const unsigned char*>b, sb, <unsigned char*>out,
                n)


cdef void run_ordered(int op, const whole* a, Py_ssize_t sa, const whole* b, Py_ssize_t sb,
                      char* out, Py_ssize_t n) noexcept nogil:
    if op < FIRST_TEST:
        choose(op, a, sa, b, sb, <whole*>out, n)
    else:
        test(op, a, sa, b, sb, <unsigned char*>out, n)


cdef void run(int op, int dtype, const char* a, Py_ssize_t sa, const char* b, Py_ssize_t sb,
              char* out, Py_ssize_t n) noexcept nogil:
    if op < FIRST_ORDERED:
        run_words(op, dtype, a, sa, b, sb, out, n)
    elif dtype == INT64:
        run_ordered(op, <const int64_t*>a, sa, <const int64_t*>b, sb, out, n)
    elif dtype == INT32:
        run_ordered(op, <const int32_t*>a, sa, <const int32_t*>b, sb, out, n)
    elif dtype == INT8:
        run_ordered(op, <const signed char*>a, sa, <const signed char*>b, sb, out, n)
    else:
        run_ordered(op, <const unsigned char*>a, sa, <const unsigned char*>b, sb, out, n)


cdef Tensor operand(Tensor x, Tensor out):
    """x as one number, or packed and as large as the result."""
    if x.contiguous and (x.size == out.size or x.size == 1):
        return x
    return packed(expanded(x, out.ndim, out.shape_))


cdef int integer_op(object function, int dtype) except -2:
    if dtype == BOOL:
        return OPS_OF_BOOLS.get(function, -1)
    return OPS.get(function, -1)


cdef int integer_dtype(int op, int dtype) noexcept:
    return BOOL if op >= FIRST_TEST else dtype


cdef bint memory_bound(int op, int dtype) noexcept:
    if op < FIRST_ORDERED:
        return op != MULTIPLY or itemsize(dtype) == 1
    return itemsize(dtype) == 1 and (FIRST_TEST <= op < BOTH or op == FALSE)


cdef int run_into(Loop loop, int op, Tensor a, Tensor b, Tensor out) except -1:
    cdef Pieces p
    cdef Py_ssize_t n = out.size, size = itemsize(out.dtype), i
    cdef char* target = out.data
    cdef int dtype = a.dtype, last = 0 if b is None else 1
    if n < LIGHT_GRAIN:
        a = operand(a, out)
        b = a if b is None else operand(b, out)
        loop(op, dtype, a.data, a.size == n, b.data, b.size == n, target, n)
        return 0
    _scratch = cut(&p, out, last + 1, a, b, None)
    for i in prange(p.total, nogil=True, schedule="static", num_threads=threads()):
        loop(op, dtype, piece(&p, 0, i), 1, piece(&p, last, i), 1,
             target + piece_start(&p, i) * size, piece_length(&p, i))
    return 0


cdef int integers_into(int op, Tensor a, Tensor b, Tensor out) except -1:
    return run_into(run, op, a, b, out)


cdef enum:
    STRETCH = 1 << 12
    LINE = 64                     # bytes of a cache's line, which threads had better not share


cdef inline void note(bint zeros, const unsigned char* x, unsigned char* found,
                      Py_ssize_t n) noexcept nogil:
    """Note where there is a zero, or where there is none."""
    cdef Py_ssize_t i
    for i in range(n):
        found[i] |= (x[i] == 0) if zeros else (x[i] != 0)


cdef inline unsigned char occurs(bint zero, const unsigned char* x, Py_ssize_t n) noexcept nogil:
    """Whether there is a zero, or anything else; looked for stretch by stretch."""
    cdef unsigned char found = 0
    cdef Py_ssize_t done = 0, width, i
    while done < n and not found:
        width = min(n - done, <Py_ssize_t>STRETCH)
        for i in range(width):
            found |= (x[done + i] == 0) if zero else (x[done + i] != 0)
        done += width
    return found


cdef void truth_of(bint every, const unsigned char* x, unsigned char* found, Py_ssize_t outer,
                   Py_ssize_t n, Py_ssize_t inner, Py_ssize_t width) noexcept nogil:
    """The answers for the first columns of (outer, n, inner) numbers."""
    cdef Py_ssize_t _k, i
    for _k in range(outer):
        memset(found, 0, width)
        if inner == 1:
            found[0] = occurs(True, x, n) if every else occurs(False, x, n)
        elif every:                         # the loops know what they look for
            for i in range(n):
                note(True, x + i * inner, found, width)
        else:
            for i in range(n):
                note(False, x + i * inner, found, width)
        if every:
            for i in range(width):
                found[i] ^= 1
        x += n * inner
        found += inner


cdef int truth_into(bint every, Tensor x, Py_ssize_t outer, Py_ssize_t n, Py_ssize_t inner,
                    Tensor out) except -1:
    cdef const unsigned char* source = <const unsigned char*>x.data
    cdef unsigned char* target = <unsigned char*>out.data
    cdef int team = threads() if outer * n * inner >= LIGHT_GRAIN else 1
    cdef bint by_rows = outer >= team       # how threads share it out
    cdef Py_ssize_t whole = outer if by_rows else inner, share = (whole + team - 1) // team
    cdef Py_ssize_t first, count, i
    if not by_rows:
        share = (share + LINE - 1) & ~<Py_ssize_t>(LINE - 1)
    for i in prange(team, nogil=True, schedule="static", num_threads=team):
        first = i * share
        count = min(share, whole - first)
        if count > 0 and by_rows:
            truth_of(every, source + first * n * inner, target + first * inner, count, n, inner,
                     inner)
        elif count > 0:
            truth_of(every, source + first, target + first, outer, n, inner, count)
    return 0


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
