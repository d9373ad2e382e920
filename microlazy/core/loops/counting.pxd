"""What is not 0, and what is close: counted and found in arrays of any size, by all threads."""

from microlazy.core.tensor cimport Tensor

# How many elements of the packed x are not 0 before each of its pieces, and in all of them: int64.
cdef Tensor counts_before(Tensor x)
# The places of those: axis k's go to every step-th number from outs[k] on. The axes of x are
# `shape`; a single one gives places in the flat array.
cdef int places_into(Tensor x, Tensor before, int ndim, const Py_ssize_t* shape, long long** outs,
                     Py_ssize_t step) except -1
# Where x's numbers belong in a sorted line of their dtype: before equal ones, or behind.
cdef int goals_into(Tensor line, Tensor x, bint right, Tensor out) except -1
# How often each number below `size` occurs in x, of int32 or int64, as int64; or the sums of the
# floats at its places, as float64. More elements follow those. None if x has another number.
cdef Tensor occurrences(Tensor x, Tensor weights, Py_ssize_t size, Py_ssize_t* most)
# Whether abs(x - y) <= absolute + relative * abs(y): packed floats of one dtype and size.
cdef int close_into(Tensor x, Tensor y, double relative, double absolute, bint equal_nan,
                    Tensor out) except -1
