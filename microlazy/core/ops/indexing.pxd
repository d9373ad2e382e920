"""Reading parts of an array."""

from microlazy.core.tensor cimport MAX_NDIM, Tensor

cdef struct Basic:                    # a basic key, resolved: the arguments of view()
    int ndim
    Py_ssize_t[MAX_NDIM] start
    Py_ssize_t[MAX_NDIM] shape
    Py_ssize_t[MAX_NDIM] step
    int[MAX_NDIM] source

cdef object get_item(Tensor x, object key)
cdef int resolve(Tensor x, object key, Basic* b) except -1    # 1 for a basic key, 0 for another
cdef Tensor basic_part(Tensor x, Basic* b)                    # what the key names, outside the tape
cdef int hint_at_mask(Tensor x, object key) except -1
cdef object key_without_arrays(object key, list arrays)       # they are numbered in the key
cdef object key_with(object key, list values, int depth=*)    # ... and put at their places again
cdef object index_values(Tensor t)                            # of an index array, as NumPy takes it
cdef object resolved_key(object key)                          # any key, as NumPy takes it
cdef Tensor gather(Tensor x, object key)      # x[key] for a key with arrays
cdef Tensor scattered(Tensor values, object key, Tensor x)    # the adjoint: zeros elsewhere
cdef int put_values(Tensor x, object key, object values) except -1    # x[key] = numbers of NumPy's
cdef Tensor where(Tensor condition, Tensor x, Tensor y)
