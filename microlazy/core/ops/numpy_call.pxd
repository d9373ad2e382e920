"""The slow path: an op computed by NumPy on views of our memory."""

from microlazy.core.tensor cimport Tensor

cdef class Direct:
    """A function of NumPy arrays that can also compute from our arrays, into our memory.

    What it leaves undone is the function's that it is made from.
    """
    cdef object slow
    # out = function(*inputs, **options); False where it is the function of NumPy arrays' to do.
    cdef bint into(self, list inputs, dict options, Tensor out) except -1

cdef Tensor numpy_call(object function, list inputs, dict options, int face, int dtype, int ndim,
                       const Py_ssize_t* shape)
# A ufunc of one or two arrays by a loop of ours; None if there is none, or it must be recorded.
cdef Tensor small_ufunc(object function, Tensor a, Tensor b)
cdef object short_view(Tensor x)      # a NumPy array for one call that keeps nothing
