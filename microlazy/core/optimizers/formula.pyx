"""A rule's numbers are computed, and its passes made, on a weight: all of it, or row by row."""

from cython.parallel cimport prange
from libc.math cimport INFINITY, fmod, pow, sqrt
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy
from microlazy.core.kernels.select cimport kernels
from microlazy.core.kernels.table cimport B_MAXIMUM, B_MINIMUM, R_SUM
from microlazy.core.parallel cimport CHUNK, GRAIN, threads
from microlazy.core.tensor cimport FLOAT64, itemsize


cdef void evaluate(Task* task, int stage, Py_ssize_t size) noexcept nogil:
    """Compute the numbers that need so many passes, and the steps' constants."""
    cdef const Formula* formula = task.formula
    cdef double* x = task.numbers
    cdef const Number* number
    cdef int i, operation
    for i in range(formula.number_count):
        number = &formula.numbers[i]
        operation = number.operation
        if number.stage != stage:
            continue
        if operation == LR:
            x[i] = task.given[0] * task.lr_mult
        elif operation == WD:
            x[i] = task.given[1] * task.wd_mult
        elif operation == T:
            x[i] = task.t
        elif operation == MARK:
            x[i] = task.mark
        elif operation == SIZE:
            x[i] = size
        elif operation == INPUT:
            x[i] = task.given[2 + number.a]
        elif operation == LITERAL:
            x[i] = number.value
        elif operation == BOUND:
            x[i] = x[number.a] if x[number.a] > 0 else INFINITY
        elif operation == ADD:
            x[i] = x[number.a] + x[number.b]
        elif operation == SUBTRACT:
            x[i] = x[number.a] - x[number.b]
        elif operation == MULTIPLY:
            x[i] = x[number.a] * x[number.b]
        elif operation == DIVIDE:
            x[i] = x[number.a] / x[number.b]
        elif operation == POWER:
            x[i] = pow(x[number.a], x[number.b])
        elif operation == REMAINDER:
            x[i] = fmod(x[number.a], x[number.b])
        elif operation == NEGATIVE:
            x[i] = -x[number.a]
        elif operation == SQRT:
            x[i] = sqrt(x[number.a])
        elif operation == MAXIMUM:
            x[i] = max(x[number.a], x[number.b])
        elif operation == MINIMUM:
            x[i] = min(x[number.a], x[number.b])
        elif operation == LIMIT:
            x[i] = max(min(x[number.a], x[number.b]), -x[number.b])
        elif operation == RATIO:
            x[i] = x[number.a] / x[number.b] if x[number.a] > 0 and x[number.b] > 0 else 1.0
    for i in range(formula.constant_count):
        if formula.numbers[formula.constants[i]].stage == stage:
            task.constants[i] = x[formula.constants[i]]


cdef void make_step(const Step* step, const double* constants, char** at, Py_ssize_t n,
                    int dtype) noexcept nogil:
    """Do what a kernel of the rule's own does, by the kernels that all operators use."""
    cdef char* out = at[step.result]
    cdef double s
    if step.operation == UNARY:
        kernels.unary[dtype](step.kernel, at[step.a], out, n)
    elif step.operation == COPY:
        if step.a < 0:
            kernels.fill[dtype](constants[-1 - step.a], out, n)
        else:
            memcpy(out, at[step.a], n * itemsize(dtype))
    elif step.operation == CLIP:
        s = constants[-1 - step.b]
        kernels.binary_scalar[dtype](B_MINIMUM, at[step.a], s, False, out, n)
        kernels.binary_scalar[dtype](B_MAXIMUM, out, -s, False, out, n)
    elif step.a < 0:
        kernels.binary_scalar[dtype](step.kernel, at[step.b], constants[-1 - step.a], True, out, n)
    elif step.b < 0:
        kernels.binary_scalar[dtype](step.kernel, at[step.a], constants[-1 - step.b], False, out, n)
    else:
        kernels.binary[dtype](step.kernel, at[step.a], at[step.b], out, n)


cdef void pass_by_tiles(const Task* task, int number, Py_ssize_t start, Py_ssize_t n,
                        double* sums) noexcept nogil:
    """Make a pass on some elements, then on the next ones; add to the sums."""
    cdef const Formula* formula = task.formula
    cdef const Pass* now = &formula.passes[number]
    cdef double[MAX_TILES][TILE] tiles
    cdef char* at[MAX_ARRAYS + MAX_TILES]
    cdef Py_ssize_t first, size, i, k, per_block = 4 if task.dtype != FLOAT64 else 2
    cdef double wide
    cdef float narrow
    for k in range(MAX_TILES):
        at[formula.arrays + k] = <char*> tiles[k]
    for i in range((n + TILE - 1) // TILE):
        first = start + i * TILE
        size = min(<Py_ssize_t> TILE, start + n - first)
        for k in range(formula.arrays):
            at[k] = task.data[k] + first * itemsize(task.dtype)
        for k in range(now.normal_count):
            kernels.normal[task.dtype](
                task.key, task.block + (now.normals_before + k) * task.blocks + first // per_block,
                0.0, 1.0, at[now.normals[k]], size)
        if now.kernel >= 0:
            kernels.update[task.dtype](now.kernel, task.constants, <void**> at, 0, &size, 1)
        else:
            for k in range(now.count):
                make_step(&formula.steps[now.first + k], task.constants, at, size, task.dtype)
        for k in range(now.sum_count):
            if task.dtype == FLOAT64:
                kernels.reduce_rows[task.dtype](R_SUM, at[now.sums[k]], &wide, 1, size)
                sums[k] += wide
            else:
                kernels.reduce_rows[task.dtype](R_SUM, at[now.sums[k]], &narrow, 1, size)
                sums[k] += narrow


cdef void pass_on(const Task* task, int number, Py_ssize_t start, Py_ssize_t n,
                  double* sums) noexcept nogil:
    """Make a pass on some elements; put their sums there."""
    cdef const Pass* now = &task.formula.passes[number]
    cdef char* data[MAX_ARRAYS]
    cdef Py_ssize_t k
    for k in range(now.sum_count):
        sums[k] = 0
    if now.kernel < 0 or now.sum_count or now.normal_count:
        pass_by_tiles(task, number, start, n, sums)
        return
    for k in range(task.formula.arrays):
        data[k] = task.data[k] + start * itemsize(task.dtype)
    kernels.update[task.dtype](now.kernel, task.constants, <void**> data, 0, &n, 1)


cdef int pass_in_pieces(const Task* task, int number, Py_ssize_t n, double* sums) except -1:
    """Make a pass on a large weight by several threads."""
    cdef int each = task.formula.passes[number].sum_count
    cdef Py_ssize_t i, k, pieces = (n + CHUNK - 1) // CHUNK
    cdef double* parts = NULL
    if each:
        parts = <double*> malloc(pieces * each * sizeof(double))
        if parts == NULL:
            raise MemoryError("no memory for the sums of an optimizer's rule")
    for i in prange(pieces, nogil=True, schedule="static", num_threads=threads()):
        pass_on(task, number, i * CHUNK, min(<Py_ssize_t> CHUNK, n - i * CHUNK),
                parts + i * each if each else NULL)
    for k in range(each):
        sums[k] = 0
        for i in range(pieces):
            sums[k] += parts[i * each + k]
    free(parts)
    return 0


cdef void take_sums(Task* task, int number, const double* sums, Py_ssize_t size) noexcept nogil:
    """Compute the numbers that waited for the sums of a pass over `size` elements."""
    cdef const Pass* now = &task.formula.passes[number]
    cdef int k
    for k in range(now.sum_count):
        task.numbers[now.totals[k]] = sums[k]
    if now.sum_count:
        evaluate(task, number + 1, size)


cdef void update_small(Task* task) noexcept nogil:
    """Make all passes on a weight by one thread; numbers of the first are there."""
    cdef double[MAX_TILES] sums
    cdef int number
    for number in range(task.formula.pass_count):
        pass_on(task, number, 0, task.size, sums)
        take_sums(task, number, sums, task.size)


cdef int update_large(Task* task) except -1:
    """The same by several threads."""
    cdef double[MAX_TILES] sums
    cdef int number
    for number in range(task.formula.pass_count):
        pass_in_pieces(task, number, task.size, sums)
        take_sums(task, number, sums, task.size)
    return 0


cdef void update_together(Task* tasks, Py_ssize_t n) noexcept:
    """Move many small weights by several threads."""
    cdef Py_ssize_t i
    for i in prange(n, nogil=True, schedule="dynamic", num_threads=threads()):
        update_small(&tasks[i])


cdef void update_rows(const Task* task, char** states, Py_ssize_t start, Py_ssize_t stop,
                      Py_ssize_t width) noexcept nogil:
    """Make all passes on some rows of a weight, whose states are numbers."""
    cdef const Formula* formula = task.formula
    cdef double[MAX_TILES] sums
    cdef Py_ssize_t row
    cdef int k, number, size = <int> itemsize(task.dtype)
    cdef Task mine = task[0]
    for row in range(start, stop):
        for k in range(formula.arrays):
            mine.data[k] = task.data[k] + row * width * size
        for k in range(formula.number_count):
            if formula.numbers[k].operation == STATE:
                mine.numbers[k] = read(states[formula.numbers[k].a] + row * size, task.dtype)
        evaluate(&mine, 0, width)
        for number in range(formula.pass_count):
            pass_on(&mine, number, 0, width, sums)
            take_sums(&mine, number, sums, width)
        for k in range(formula.state_count):
            write(mine.numbers[formula.stored[k]], states[k] + row * size, task.dtype)


cdef int update_all_rows(const Task* task, char** states, Py_ssize_t rows,
                         Py_ssize_t width) noexcept:
    # A row has its numbers computed too, which costs as much as some hundred elements.
    cdef Py_ssize_t i, each = max(<Py_ssize_t> 1, GRAIN // (width + 128))
    if rows <= 4 * each:
        update_rows(task, states, 0, rows, width)
        return 0
    for i in prange((rows + each - 1) // each, nogil=True, schedule="static",
                    num_threads=threads()):
        update_rows(task, states, i * each, min(rows, (i + 1) * each), width)
    return 0


cdef double read(const char* place, int dtype) noexcept nogil:
    return (<const double*> place)[0] if dtype == FLOAT64 else (<const float*> place)[0]


cdef void write(double value, char* place, int dtype) noexcept nogil:
    if dtype == FLOAT64:
        (<double*> place)[0] = value
    else:
        (<float*> place)[0] = <float> value
