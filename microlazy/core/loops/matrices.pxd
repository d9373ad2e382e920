"""What small matrices are made of: numbers in float64, and elimination."""

cdef enum:
    MOST = 32                     # rows; LAPACK's blocks are faster from about here on

cdef bint are_small(object x, Py_ssize_t most) except -1      # matrices of so many rows and columns
cdef Py_ssize_t rows_of(object x) except -2       # of small square matrices; -1 for other arrays
cdef double* numbers(object array) except NULL    # of a packed array, which the caller keeps
cdef object doubles(object x)                     # a packed copy in float64
cdef object in_dtype(object result, object dtype)
cdef bint factor(double* a, Py_ssize_t n, Py_ssize_t* order, int* sign) noexcept nogil
cdef void substitute(const double* a, Py_ssize_t n, const Py_ssize_t* order, double* b,
                     Py_ssize_t columns) noexcept nogil
