"""Random arrays."""

from microlazy.core.tensor cimport Tensor

cdef enum Distribution:
    UNIFORM, NORMAL, RANDINT

ctypedef struct Law:
    int distribution
    double p, q                   # uniform: low and high; normal: mean and standard deviation
    long long low                 # randint: low + [0, span)
    unsigned long long span

cdef Tensor sample(Law law, int face, int dtype, int ndim, const Py_ssize_t* shape)
cdef int sample_into(Law law, Tensor out) except -1
cdef int fill_mask(double rate, double keep_value, Tensor mask) except -1
cdef int permutation_into(Tensor places) except -1        # a random order, into int64
