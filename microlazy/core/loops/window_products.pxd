"""Sliding windows, packed and multiplied by BLAS."""

from microlazy.core.loops.windows cimport Job

cdef int convolve_packed(Job* job) except -1
cdef int gradient_packed(Job* job) except -1      # of the filters
cdef int add_back(Job* job) except -1             # the images from results and filters
