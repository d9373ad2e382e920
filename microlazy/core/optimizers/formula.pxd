"""A rule as steps and numbers in C, and what runs it on weights."""

cdef enum:
    MAX_ARRAYS = 12             # the gradient, the weight, the states and the kept arrays of a rule
    MAX_STATES = 6
    MAX_TILES = 16              # intermediate results of a rule at a time, with sums and randoms
    MAX_STEPS = 96              # steps, numbers and constants of a rule, each
    MAX_PASSES = 8
    TILE = 512                  # elements of an intermediate result: they stay in the cache

cdef enum Operation:
    BINARY, UNARY, COPY, CLIP                           # of arrays
    INPUT, LITERAL, LR, WD, T, MARK, SIZE, SUM, STATE, BOUND,       # numbers that are there,
    ADD, SUBTRACT, MULTIPLY, DIVIDE, POWER, REMAINDER, NEGATIVE,    # and that are computed
    SQRT, MAXIMUM, MINIMUM, LIMIT, RATIO

cdef struct Step:
    int operation, kernel, a, b, result

cdef struct Number:
    int operation, a, b, stage
    double value

cdef struct Pass:
    int kernel                  # the pass's own; -1 if the build did not see it
    int first, count            # its steps
    int sum_count, normal_count, normals_before
    int[MAX_TILES] sums, totals, normals        # tiles that are summed, to which numbers; filled

cdef struct Formula:            # a rule
    int arrays, kept, pass_count, number_count, constant_count, state_count, normal_count
    bint by_row, uses_size
    Step[MAX_STEPS] steps
    Number[MAX_STEPS] numbers
    int[MAX_STEPS] constants
    Pass[MAX_PASSES] passes
    int[MAX_STATES] stored      # the numbers that go to the states of a row

cdef struct Task:               # a step of one weight, or of one row of it
    const Formula* formula
    const double* given         # the optimizer's numbers
    double lr_mult, wd_mult, t, mark
    int dtype
    Py_ssize_t size
    unsigned long long key, block, blocks       # of the random numbers
    double[MAX_STEPS] numbers, constants
    char* data[MAX_ARRAYS]

cdef void evaluate(Task* task, int stage, Py_ssize_t size) noexcept nogil
cdef void update_small(Task* task) noexcept nogil
cdef int update_large(Task* task) except -1
cdef void update_together(Task* tasks, Py_ssize_t n) noexcept
cdef int update_all_rows(const Task* task, char** states, Py_ssize_t rows,
                         Py_ssize_t width) noexcept
