"""How many threads, and from what size on they pay."""

cdef enum:
    # Elements below which one core is faster: of work that is mostly arithmetic (exp, random
    # numbers), and of work that is mostly reading and writing (sums, products).
    GRAIN = 1 << 15
    LIGHT_GRAIN = 1 << 17
    CHUNK = 1 << 14               # elements in a piece; fixed, so that results ignore the threads
    COLUMNS = 128                 # of a matrix, that one thread works on together

cdef int threads() noexcept nogil
cdef int thread_number() noexcept nogil       # of the thread that asks, from 0, in a prange
