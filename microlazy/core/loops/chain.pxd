"""Chains of elementwise loops, run block by block: what is between them stays in the cache."""

cdef enum Loop:
    UNARY, BINARY, NUMBER         # f(a), f(a, b), f(a, number) or f(number, a)
    UNARY_GRAD, BINARY_GRAD       # g times the slope
    TIMES, PASS                   # number * a; a itself
    FILL                          # the number
    SPREAD                        # a, broadcast
    NORM                          # a batch norm of a; b has rows for each channel, as Kept says

cdef enum Kept:                   # of each channel, for NORM: rows of what it reads
    MEAN, SCALE, WEIGHT, SHIFT, KEPT

ctypedef struct Step:
    Loop loop
    int op                        # NORM: whether relu is taken
    int which                     # of the gradient: the operand; NUMBER: whether it is the first
    int a, b, y, g, out           # places of arrays, and from MOST_ARRAYS on of tiles
    int accumulate                # 0 or 1: whether to add to `out`; ASKED: as run() is told
    double number
    # SPREAD: each of `period` elements so often, and all that again. NORM: the same of channels.
    Py_ssize_t repeat, period

cdef enum:
    ASKED = 2
    MOST_ARRAYS = 64
    MOST_TILES = 96
    BLOCK = 1024                  # elements: the TILE of the kernels

ctypedef struct Tail:
    # A program that runs on stretches of one of its arrays as somebody computes them.
    const Step* steps
    int count, arrays, tiles
    int first                     # the place of that array
    char* data[MOST_ARRAYS]

cdef class Program:
    cdef Step* steps
    cdef int count, arrays, tiles
    cdef Py_ssize_t grain
    # Run on n elements of each array; `asked` says of each whether its first writer adds to it.
    cdef int run(self, char** arrays, const bint* asked, Py_ssize_t n, int dtype) except -1
    cdef void describe(self, Tail* tail) noexcept

# A program of steps that are dicts of a Step's fields. Tiles have any numbers from MOST_ARRAYS on;
# those that are not needed at once get one place.
cdef Program assemble(list steps, int arrays)

# Run on n elements from start on, which are at x; `scratch` has room for the tail's tiles.
cdef void run_tail(const Tail* tail, const char* x, Py_ssize_t start, Py_ssize_t n, int dtype,
                   char* scratch) noexcept nogil
