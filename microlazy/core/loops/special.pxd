"""Special functions of one array, no tape."""

from microlazy.core.tensor cimport Tensor

# out = function(*inputs, **options); False if it is no Special, or has no kernel for that.
cdef bint special_into(object function, list inputs, dict options, Tensor out) except -1
