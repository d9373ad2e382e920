"""The slow path: an op computed by NumPy on views of our memory."""

from microlazy.core.tensor cimport Tensor

cdef Tensor numpy_call(object function, list inputs, dict options, int face, int dtype, int ndim,
                       const Py_ssize_t* shape)
