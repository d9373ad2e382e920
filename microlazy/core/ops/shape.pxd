"""Views (reshape, transpose, slices) and joining."""

cimport cython
from microlazy.core.tape cimport Node
from microlazy.core.tensor cimport MAX_NDIM, Tensor


@cython.final
cdef class View(Node):
    """A part of `a`: axis i steps step[i] along a's axis source[i], from the element at `start`."""
    cdef Py_ssize_t[MAX_NDIM] start
    cdef Py_ssize_t[MAX_NDIM] step
    cdef int[MAX_NDIM] source
    cdef int look(self, Tensor base, Tensor part) except -1
    cdef bint moves_channels_last(self, Tensor part) noexcept

cdef Tensor reshape(Tensor x, int ndim, const Py_ssize_t* shape)      # sizes match already
# A view whose axis i steps `step[i]` elements along x's axis `source[i]` (-1: a new axis of size
# 1), from the element at `start` (one index for each axis of x).
cdef Tensor view(Tensor x, const Py_ssize_t* start, int ndim, const Py_ssize_t* shape,
                 const int* source, const Py_ssize_t* step)
# An array of a shape: x's axis i from `start[i]` on, in steps, and a number elsewhere.
cdef Tensor placed(Tensor x, const Py_ssize_t* start, const Py_ssize_t* step,
                   const Py_ssize_t* shape, double border)
cdef Tensor roll(Tensor x, int axis, Py_ssize_t shift)    # 0 < shift < the axis's size
cdef Tensor transpose(Tensor x, const int* axes)
# Images (batch, ..., channels), of at least three axes, and (batch, channels, ...).
cdef bint has_channels_second(Tensor x) noexcept          # in memory, of images with them last
cdef Tensor channels_second(Tensor x)
cdef Tensor channels_last(Tensor x)
# x's memory in an array of a face; `detached`: no gradient passes
cdef Tensor same_memory(Tensor x, int face, bint detached)
cdef Tensor broadcast_to(Tensor x, int ndim, const Py_ssize_t* shape)
cdef Tensor expand_dims(Tensor x, int axis)
cdef Tensor concatenate(list arrays, int axis)
cdef Tensor stack(list arrays, int axis)
# Copies of x between edges along an axis, which goes if `drop`; None where one would be a view of
# x, or nothing is recorded.
cdef list parts(Tensor x, int axis, list edges, bint drop)
cdef Tensor section(Tensor x, int axis, Py_ssize_t start, Py_ssize_t stop)
