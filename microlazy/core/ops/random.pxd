"""Random arrays."""

from microlazy.core.tensor cimport Tensor

cdef enum Distribution:
    UNIFORM, NORMAL, RANDINT

cdef Tensor sample(int kind, double p, double q, int face, int dtype, int ndim,
                   const Py_ssize_t* shape)
cdef int sample_into(int kind, double p, double q, Tensor out) except -1
cdef int fill_mask(double rate, double keep_value, Tensor mask) except -1
