# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The kernels built for processors with AVX-512 F, CD, DQ, BW and VL."""

cdef const char* BUILD = "avx512"

include "kernels.pxi"
