"""Products with matrices that are packed into panels of our own."""

# Whether multiply_by_panels(), or weight_gradients() of so many units, features and rows, beats
# BLAS. With vectors of 16 bytes it does not: BLAS finds longer ones.
cdef bint suits_panels(int dtype, bint transposed, Py_ssize_t rows, Py_ssize_t cols,
                       Py_ssize_t k) noexcept nogil
# out (rows, cols) (+)= x (rows, k) @ b (k, cols), or by the transpose of b (cols, k).
cdef int multiply_by_panels(int dtype, const char* x, bint transposed, const char* b, char* out,
                            bint accumulate, Py_ssize_t rows, Py_ssize_t cols,
                            Py_ssize_t k) except -1

# Panels of b (k, n), or of the transpose of b (n, k): room for (n + 16) * k numbers.
cdef void pack(int dtype, bint transposed, const char* b, char* panels, Py_ssize_t n,
               Py_ssize_t k) noexcept nogil
# out (rows, cols) (+)= x (rows, k) @ a matrix that was packed.
cdef void panel_product(int dtype, const char* x, const char* panels, char* out, bint accumulate,
                        Py_ssize_t rows, Py_ssize_t cols, Py_ssize_t k) noexcept nogil

# dw (units, size) (+)= g (rows, units)^T @ x (rows, size)
cdef void weight_gradient(int dtype, const char* g, const char* x, char* dw, bint accumulate,
                          Py_ssize_t rows, Py_ssize_t units, Py_ssize_t size) noexcept nogil
# dx (units, features) (+)= g^T @ x and ds (units, size) (+)= g^T @ s; dx or ds may be NULL. Packed
# parts of g, x and s, which have many rows, are made once; BLAS, whose routines must be there,
# packs g for each of the products. If places are given, x has one number for each row, which is
# there, and the row's others are zero; that takes more than THIN rows and NARROW features or more.
cdef int weight_gradients(int dtype, const char* g, Py_ssize_t rows, Py_ssize_t units,
                          const char* x, const long long* places, char* dx, bint add_x,
                          Py_ssize_t features, const char* s, char* ds, bint add_s,
                          Py_ssize_t size) except -1
