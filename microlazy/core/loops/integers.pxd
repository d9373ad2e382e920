"""Integers and booleans: loops without a kernel, no tape."""

from microlazy.core.tensor cimport Tensor

cdef int integer_op(object function, int dtype) except -2     # of a ufunc of NumPy's; -1: no loop
cdef int integer_dtype(int op, int dtype) noexcept            # of the result
# Whether memory sets the pace, so that all threads together are faster than NumPy's one.
cdef bint memory_bound(int op, int dtype) noexcept
# A loop over packed numbers, of which each operand has n, or one where its step is 0.
ctypedef void (*Loop)(int op, int dtype, const char* a, Py_ssize_t sa, const char* b,
                      Py_ssize_t sb, char* out, Py_ssize_t n) noexcept nogil
# out = op(a, b), with broadcasting, of inputs of one dtype; b is None where there is one input.
cdef int run_into(Loop loop, int op, Tensor a, Tensor b, Tensor out) except -1
cdef int integers_into(int op, Tensor a, Tensor b, Tensor out) except -1
# Whether all, or any, of a packed bool x, seen as (outer, n, inner), are true along its second axis
cdef int truth_into(bint every, Tensor x, Py_ssize_t outer, Py_ssize_t n, Py_ssize_t inner,
                    Tensor out) except -1
# x, an integer or bool array of one element, becomes a number; False if it cannot hold it.
cdef bint set_integer(Tensor x, object number) except -1
# x as one number, or packed and as large as the result.
cdef Tensor operand(Tensor x, Tensor out)
