"""The slow path: an op computed by NumPy on views of our memory."""

from microlazy.core.tensor cimport Tensor

cdef Tensor numpy_call(object function, list inputs, dict options, int face, int dtype, int ndim,
                       const Py_ssize_t* shape)
# A ufunc of one or two arrays by a loop of ours; None if there is none, or it must be recorded.
cdef Tensor small_ufunc(object function, Tensor a, Tensor b)
cdef object short_view(Tensor x)      # a NumPy array for one call that keeps nothing
