"""Steps of recurrent layers, with the products that they wait for."""

cdef enum:
    THIN = 4                      # rows up to which our own products beat a call of BLAS
    WORTH_THREADS = 1 << 19       # multiplications from which a second core pays

ctypedef struct Step:               # of a layer in one direction, and the arrays of the moment
    int kind, dtype, gate_count, team
    Py_ssize_t batch, features
    Py_ssize_t width, size, out_step, item    # numbers in a row of gates, states, outputs
    Py_ssize_t rows, units        # sequences, and numbers of their states, in a piece
    const char* inputs            # unless their product was made for all steps; where there are
    const long long* places       # of them, in each row only the number that is not zero
    const char* i2h_panels        # of each gate one after the other
    const char* h2h_panels        # likewise; of all gates on the way back; NULL: product is made
    char* gates                   # of each piece, (rows, gates, units)
    char* hidden                  # likewise
    const char* bias
    const char* h2h_bias
    const char* state_before
    const char* cell_before
    char* state
    char* cell
    char* out                     # or, on the way back, its gradient
    char* dstate
    char* dcell
    char* dgates
    char* dhidden
    const char* dhidden_behind    # of the step that was gone through before, or NULL
    const double* lengths
    double time


cdef inline char* at(const char* x, Py_ssize_t offset) noexcept nogil:
    return NULL if x == NULL else <char*>x + offset


cdef inline Py_ssize_t whole_panels(Py_ssize_t n) noexcept nogil:
    return (n + 15) & ~<Py_ssize_t>15


# A step, or the way back through it. On the way back states' gradients get first what comes from
# the step that was gone through before, if weights are packed; else that is there already.
cdef void run_step(const Step* s, bint back) noexcept nogil
# What the inputs x (steps, batch, features) give to the gates of all steps, from panels: each is
# read once, and each sum is the one that a step makes.
cdef void inputs_products(const Step* s, const char* x, Py_ssize_t steps) noexcept nogil
# Weights (gates * size, k) in panels, those of each gate in some of their own.
cdef void pack_gates(int dtype, const char* weight, char* panels, int gates, Py_ssize_t size,
                     Py_ssize_t k) noexcept nogil
# Of n numbers: if it is, all of them are.
cdef bint sum_is_finite(int dtype, const char* x, Py_ssize_t n) noexcept nogil

# out (rows, units) (+)= x (rows, size) @ weight (units, size)^T; no accumulation for few rows
cdef void state_product(int dtype, const char* x, const char* weight, char* out, bint accumulate,
                        Py_ssize_t rows, Py_ssize_t units, Py_ssize_t size) noexcept nogil
# dx (rows, size) (+)= g (rows, units) @ weight, or its panels, if there are
cdef void state_gradient(int dtype, const char* g, const char* weight, const char* panels,
                         char* dx, bint accumulate, Py_ssize_t rows, Py_ssize_t units,
                         Py_ssize_t size) noexcept nogil
# The same for the inputs of all steps.
cdef int inputs_product(int dtype, const char* x, const char* weight, char* out, Py_ssize_t rows,
                        Py_ssize_t units, Py_ssize_t size) except -1
cdef int inputs_gradient(int dtype, const char* g, const char* weight, char* dx, bint accumulate,
                         Py_ssize_t rows, Py_ssize_t units, Py_ssize_t size) except -1
