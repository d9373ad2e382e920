# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The kernels built for any processor of this architecture."""

cdef const char* BUILD = "baseline"

include "kernels.pxi"
