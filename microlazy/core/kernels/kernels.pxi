"""The kernels: every loop of the library, written once and compiled once per vector unit.

A file for each family. Those in `generated/` are written by the build.
"""

from cpython.pycapsule cimport PyCapsule_New
from cython cimport floating
from libc.math cimport INFINITY, M_LN2, M_LN10, M_LOG2E, M_2_SQRTPI, M_PI_2, M_SQRT1_2
from libc.string cimport memcpy

from microlazy.core.kernels.table cimport *


ctypedef unsigned int u32
ctypedef unsigned long long u64

cdef enum:
    LANES = 64          # accumulators side by side, for vector units and for accuracy
    EXTREMES = 32       # the same for maximum and minimum, each with a sum
    SUM_BLOCK = 1024    # longer sums are split in halves
    TILE = 1024         # columns reduced together
    ROW_BLOCK = 256     # rows summed before they join the total
    SHORT_BLOCK = 32    # the same where the sum is one chain
    EXACT_ROWS = 1 << 20    # row numbers that a float holds
    EXACT = 1 << 24         # the largest of them


include "generated/mathfuncs.pxi"
include "generated/functions.pxi"
include "elementwise.pxi"
include "special.pxi"
include "memory.pxi"
include "gather.pxi"
include "reductions.pxi"
include "scans.pxi"
include "ordering.pxi"
include "precision.pxi"
include "softmax.pxi"
include "normalization.pxi"
include "recurrent.pxi"
include "products.pxi"
include "convolution.pxi"
include "pooling.pxi"
include "updates.pxi"
include "random.pxi"


cdef inline void put(void* slot, void* as_float, void* as_double) noexcept:
    (<void**> slot)[0] = as_float
    (<void**> slot)[1] = as_double


cdef KernelTable table

table.name = BUILD
table.lanes[0] = lanes_of(<const float*> NULL)
table.lanes[1] = lanes_of(<const double*> NULL)
include "generated/slots.pxi"

capsule = PyCapsule_New(&table, "microlazy.KernelTable", NULL)
