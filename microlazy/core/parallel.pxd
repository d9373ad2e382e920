"""How many threads, and from what size on they pay."""

cdef enum:
    GRAIN = 32768                 # elements of elementwise work below which one core is faster
    CHUNK = 16384                 # elements in a piece; fixed, so that results ignore the threads

cdef int threads() noexcept nogil
