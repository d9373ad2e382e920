"""Matrix products by the BLAS that SciPy brings."""

cdef int need_blas() except -1        # fetch the routines, once

# Row-major c (m, n) = op(a) @ op(b) + beta * c, op a transpose where ta, tb say so; lda, ldb, ldc
# are the lengths of the rows in memory. dtype is FLOAT32 or FLOAT64.
cdef void gemm(int dtype, bint ta, bint tb, Py_ssize_t m, Py_ssize_t n, Py_ssize_t k,
               const void* a, Py_ssize_t lda, const void* b, Py_ssize_t ldb, double beta, void* c,
               Py_ssize_t ldc) noexcept nogil

# The same by the calling thread alone, between one_blas_thread(), which says how many there were,
# and restore_blas_threads(). k is at least 1.
cdef void gemm_cut(int dtype, bint ta, bint tb, Py_ssize_t m, Py_ssize_t n, Py_ssize_t k,
                   const char* a, Py_ssize_t lda, const char* b, Py_ssize_t ldb, double beta,
                   char* c, Py_ssize_t ldc) noexcept nogil
cdef int one_blas_thread() noexcept nogil
cdef void restore_blas_threads(int before) noexcept nogil
