"""Small arrays of integers and booleans: loops without a kernel, no tape."""

from microlazy.core.tensor cimport Tensor

# out = function(a, b), a ufunc of NumPy's, with broadcasting; False if there is no loop for it.
cdef bint integers_into(object function, Tensor a, Tensor b, Tensor out) except -1
# x, an integer or bool array of one element, becomes a number; False if it cannot hold it.
cdef bint set_integer(Tensor x, object number) except -1
