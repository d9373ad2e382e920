"""Small arrays of floats."""

from microlazy.core.tensor cimport FLOAT32, Tensor

cdef Tensor vector(object x)      # small and of floats, one axis, not empty, not recorded; or None
cdef bint alike(Tensor a, Tensor b) noexcept      # of one dtype and face, and neither None


cdef inline void put_number(Tensor t, Py_ssize_t i, double value) noexcept:
    if t.dtype == FLOAT32:
        (<float*>t.data)[i] = <float>value
    else:
        (<double*>t.data)[i] = value


cdef inline double rounded(Tensor t, double value) noexcept:
    """A number as t's dtype holds it: each step is rounded, as where it is an operation."""
    return <float>value if t.dtype == FLOAT32 else value
