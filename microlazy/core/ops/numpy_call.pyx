"""Ops without a kernel of ours: a NumPy function, run on views and written into our memory.

The function and its options are data of the node, so a plan replays it like any other.
"""

cimport cython
from microlazy.core.tape cimport Node, Pass, run
from microlazy.core.tensor cimport Tensor, header, view_numpy

import numpy


@cython.no_gc
@cython.final
cdef class NumpyCall(Node):
    cdef object function
    cdef dict options

    cdef int forward(self) except -1:
        views = [view_numpy(x) for x in self.rest]
        with numpy.errstate(all="ignore"):
            result = self.function(*views, **self.options)
            numpy.copyto(view_numpy(self.out), result, casting="unsafe")
        return 0

    cdef int inspect(self, Pass p) except -1:
        return 0                      # no gradient passes: its inputs do not matter

    cdef str name(self):
        return getattr(self.function, "__name__", "numpy")


cdef Tensor numpy_call(object function, list inputs, dict options, int face, int dtype, int ndim,
                       const Py_ssize_t* shape):
    cdef NumpyCall node = NumpyCall.__new__(NumpyCall)
    node.function = function
    node.options = options
    node.rest = inputs
    return run(node, header(face, dtype, ndim, shape))
