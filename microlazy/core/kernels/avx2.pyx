# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The kernels built for processors with AVX2 and FMA."""

cdef const char* BUILD = "avx2"

include "kernels.pxi"
