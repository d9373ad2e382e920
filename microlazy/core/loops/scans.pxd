"""Running sums and products along an axis: kernels and threads, no tape."""

from microlazy.core.tensor cimport Tensor

# Float arrays, packed, of one shape. Backwards: from the axis's end to its start.
cdef int scan_into(bint product, bint backwards, Tensor x, int axis, Tensor out) except -1
# out[i] = b[i] + a[i] * out[i - 1]; backwards: b[i] + a[i + 1] * out[i + 1]
cdef int recur_into(bint backwards, Tensor a, Tensor b, int axis, Tensor out) except -1
