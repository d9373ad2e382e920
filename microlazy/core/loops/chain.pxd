"""Chains of elementwise loops, run block by block: what is between them stays in the cache."""

cdef enum Loop:
    UNARY, BINARY, NUMBER         # f(a), f(a, b), f(a, number) or f(number, a)
    UNARY_GRAD, BINARY_GRAD       # g times the slope
    SCALE, PASS                   # number * a; a itself
    FILL                          # the number
    SPREAD                        # a, broadcast

ctypedef struct Step:
    Loop loop
    int op, which                 # of the gradient: the operand; NUMBER: whether it is the first
    int a, b, y, g, out           # places of arrays, and from MOST_ARRAYS on of tiles
    int accumulate                # 0 or 1: whether to add to `out`; ASKED: as run() is told
    double number
    Py_ssize_t repeat, period     # SPREAD: each of `period` elements so often, and all that again

cdef enum:
    ASKED = 2
    MOST_ARRAYS = 64
    MOST_TILES = 96

cdef class Program:
    cdef Step* steps
    cdef int count, arrays, tiles
    cdef Py_ssize_t grain
    # Run on n elements of each array; `asked` says of each whether its first writer adds to it.
    cdef int run(self, char** arrays, const bint* asked, Py_ssize_t n, int dtype) except -1

# A program of steps that are dicts of a Step's fields. Tiles have any numbers from MOST_ARRAYS on;
# those that are not needed at once get one place.
cdef Program assemble(list steps, int arrays)
