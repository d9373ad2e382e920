"""Optimizers' updates: a rule makes a step of all parameters in one call, in place."""

from cpython.list cimport PyList_GET_ITEM, PyList_GET_SIZE
from cython.parallel cimport prange
from libc.math cimport INFINITY, fmod, pow, sqrt
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy
from microlazy.core.generator cimport draw, generator_key
from microlazy.core.kernels.select cimport kernels
from microlazy.core.kernels.table cimport (
    B_ADD, B_DIVIDE, B_MAXIMUM, B_MINIMUM, B_MULTIPLY, B_SUBTRACT, R_SUM, U_ABS, U_NEGATIVE,
    U_SIGN, U_SQRT,
)
from microlazy.core.parallel cimport CHUNK, GRAIN, LIGHT_GRAIN, threads
from microlazy.core.strided cimport assign
from microlazy.core.storage cimport Block
from microlazy.core.tape cimport NULL_REQ, Variable, wrote, wrote_to
from microlazy.core.tensor cimport (
    FLOAT64, Tensor, itemsize, need_values, new, numpy_dtype, same_shape, shape_tuple,
)

from microlazy.base import ShapeError
from microlazy.core.rules import Rule

include "kernels/generated/rule_table.pxi"        # written by the build

RULES = tuple([Rule(**arguments) for arguments in BUILT_RULES])

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

STEPS = {
    "add": (BINARY, B_ADD), "subtract": (BINARY, B_SUBTRACT), "multiply": (BINARY, B_MULTIPLY),
    "divide": (BINARY, B_DIVIDE), "maximum": (BINARY, B_MAXIMUM), "minimum": (BINARY, B_MINIMUM),
    "negative": (UNARY, U_NEGATIVE), "abs": (UNARY, U_ABS), "sign": (UNARY, U_SIGN),
    "sqrt": (UNARY, U_SQRT), "copy": (COPY, 0), "clip": (CLIP, 0),
}
NUMBERS = {
    "input": INPUT, "literal": LITERAL, "lr": LR, "wd": WD, "t": T, "mark": MARK, "size": SIZE,
    "sum": SUM, "state": STATE, "bound": BOUND, "add": ADD, "subtract": SUBTRACT,
    "multiply": MULTIPLY, "divide": DIVIDE, "power": POWER, "remainder": REMAINDER,
    "negative": NEGATIVE, "sqrt": SQRT, "maximum": MAXIMUM, "minimum": MINIMUM, "clip": LIMIT,
    "ratio": RATIO,
}


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


cdef int check_length(list weights, list others, Py_ssize_t each=1) except -1:
    if len(others) != each * len(weights):
        raise ValueError(f"{len(weights)} weights need as many gradients, states, factors and "
                         f"counts; got {len(others)} of one of them")
    return 0


cdef int check_fit(Tensor weight, Tensor other, str what, bint by_row=False) except -1:
    need_values(weight, "it was to be updated")
    need_values(other, "it was to update a weight")
    if weight.dtype > FLOAT64 or other.dtype != weight.dtype:
        raise TypeError(f"{what} is {numpy_dtype(other.dtype)} and its weight is "
                        f"{numpy_dtype(weight.dtype)}: both must be float32, or both float64")
    if by_row:
        if weight.ndim != 2:
            raise ShapeError(f"a rule by row needs weights of two axes, not {shape_tuple(weight)}")
        if shape_tuple(other) != (weight.shape_[0], 1):
            raise ShapeError(f"{what} has shape {shape_tuple(other)}, but the weight of shape "
                             f"{shape_tuple(weight)} needs ({weight.shape_[0]}, 1)")
    elif not same_shape(weight, other):
        raise ShapeError(f"{what} has shape {shape_tuple(other)}, but its weight has shape "
                         f"{shape_tuple(weight)}")
    if not (weight.contiguous and other.contiguous):
        raise ValueError("weights, gradients and states must be contiguous")
    if weight.block.readonly or (other.block.readonly and what != "a gradient"):
        raise ValueError("a read-only weight, or state, cannot be updated")
    return 0


cdef class Program:
    """
    A rule, ready to run.

    Parameters
    ----------
    parsed : microlazy.core.rules.Parsed
    states : tuple of str
        Names of the states.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.core.rules import Rule
    >>> program = Rule("weight -= lr * scale * grad").program
    >>> program.inputs
    ('scale',)
    >>> weight = nd.array([1, 2])
    >>> program.run([weight], [nd.ones((2,))], [], (0.5, 0.0, 3.0), [1.0], [1.0], [0], 1)
    >>> weight.asnumpy()
    array([-0.5,  0.5], dtype=float32)
    """

    cdef readonly tuple inputs          # names of the numbers behind lr and wd
    cdef readonly int kernel            # of its first pass; -1 if the build did not see the rule
    cdef tuple states                   # what errors call them
    cdef tuple bounds                   # which of `inputs` limit something
    cdef tuple carried                  # which of `inputs` change, and the numbers they become
    cdef Formula formula

    def __init__(self, parsed, tuple states, bint by_row=False):
        cdef Formula* formula = &self.formula
        cdef Pass* now
        cdef int i, k, first = 0, arrays = parsed.arrays
        steps = [step for each in parsed.passes for step in each.steps]
        tiles = 1 + max([place for _, *places in steps for place in places]) - arrays
        longest = max(len(steps), len(parsed.numbers))
        if (len(states) > MAX_STATES or tiles > MAX_TILES or longest > MAX_STEPS
                or arrays > MAX_ARRAYS or len(parsed.passes) > MAX_PASSES):
            raise ValueError(f"a rule has at most {MAX_STATES} states, {MAX_STEPS} operations, "
                             f"{MAX_PASSES} passes, and {MAX_TILES} intermediate results at a "
                             "time")
        self.inputs = parsed.inputs
        self.bounds = parsed.bounds
        self.carried = parsed.carried
        self.states = tuple([f"the state {name}" for name in states])
        formula.by_row, formula.state_count = by_row, <int> len(states)
        formula.uses_size = ("size",) in parsed.numbers
        formula.arrays, formula.kept, formula.normal_count = arrays, parsed.kept, 0
        formula.pass_count, formula.number_count = len(parsed.passes), len(parsed.numbers)
        formula.constant_count = len(parsed.constants)
        own = [BUILT_KERNELS.get((arrays + parsed.tiles, each.steps), -1)
               for each in parsed.passes]
        self.kernel = min(own) if -1 in own else own[0]
        for i, each in enumerate(parsed.passes):
            now = &formula.passes[i]
            now.kernel, now.first, now.count = own[i], first, len(each.steps)
            now.sum_count, now.normal_count = len(each.sums), len(each.normals)
            now.normals_before = formula.normal_count
            formula.normal_count += now.normal_count
            for k, (tile, total) in enumerate(each.sums):
                now.sums[k], now.totals[k] = tile, total
            for k, tile in enumerate(each.normals):
                now.normals[k] = tile
            first += now.count
        for i, (name, a, b, result) in enumerate(steps):
            operation, kernel = STEPS[name]
            formula.steps[i] = Step(operation, kernel, a, b, result)
        for i, (name, *operands) in enumerate(parsed.numbers):
            a, b = (*operands, 0, 0)[:2]
            formula.numbers[i] = Number(NUMBERS[name], a if name != "literal" else 0, b,
                                        parsed.stages[i], a if name == "literal" else 0)
        for i, place in enumerate(parsed.constants):
            formula.constants[i] = place
        for i, place in enumerate(parsed.stored):
            formula.stored[i] = place

    def run(self, list weights, list grads, list states, tuple values, list lr_mults,
            list wd_mults, list counts, long long steps, list marks=None) -> dict | None:
        """
        Make one step of every weight, or none if something does not fit.

        Parameters
        ----------
        weights, grads, states
            As in `bind`.
        values, lr_mults, wd_mults, counts, steps, marks
            As in `BoundProgram.step`.

        Returns
        -------
        dict or None
            What the carried numbers became, by name, if there are any.
        """
        return self.bind(weights, grads, states).step(values, lr_mults, wd_mults, counts, steps,
                                                      marks)

    def bind(self, list weights, list grads, list states) -> BoundProgram:
        """
        Check arrays, for any number of steps.

        Parameters
        ----------
        weights, grads : list of arrays
            Each weight and its gradient: of the same shape, both float32 or both float64.
        states : list of arrays
            The states of the first weight, then those of the second, and so on.

        Raises
        ------
        TypeError, ShapeError, ValueError
            If they do not fit each other, or cannot be written to.

        Examples
        --------
        >>> from microlazy import nd
        >>> from microlazy.core.rules import Rule
        >>> weight, program = nd.array([1, 2]), Rule("weight -= lr * grad").program
        >>> bound = program.bind([weight], [nd.ones((2,))], [])
        >>> for _ in range(2):
        ...     bound.step((0.5, 0.0), [1.0], [1.0], [0], 1)
        >>> weight.asnumpy()
        array([0., 1.], dtype=float32)
        """
        return BoundProgram(self, weights, grads, states)

    cdef int take_numbers(self, tuple values, double* given) except -1:
        """Put the numbers `lr`, `wd` and `inputs` there."""
        cdef Py_ssize_t k
        if len(values) != 2 + len(self.inputs):
            raise ValueError(f"the rule needs lr, wd and {self.inputs}; got {len(values)} numbers")
        for k in range(len(values)):
            given[k] = values[k] if type(values[k]) is float else self.number(k, values[k])
        return 0

    cdef double number(self, Py_ssize_t k, object value) except? -1:
        """The value of one of the numbers `lr`, `wd` and `inputs`; None is no bound of a clip."""
        name = ("lr", "wd", *self.inputs)[k]
        if value is None and name in self.bounds:
            return -1.0
        try:
            return value
        except (TypeError, OverflowError):
            raise TypeError(f"the rule's `{name}` must be a number, not {value!r}") from None


cdef class Moves:
    cdef bint ready(self, object numbers) except -1:
        raise NotImplementedError

    cdef void after(self, Py_ssize_t node) noexcept:
        pass

    cdef bint touches(self, Block block) noexcept:
        return True


cdef class BoundProgram:
    """
    A rule and the arrays that it works on; made by `Program.bind`.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.core.rules import Rule
    >>> weight = nd.array([3, 4])
    >>> bound = Rule("weight -= lr * grad").program.bind([weight], [weight.copy()], [])
    >>> bound.step((1.0, 0.0), [1.0], [1.0], [0], 1)
    >>> weight.asnumpy()
    array([0., 0.], dtype=float32)
    """

    cdef readonly list weights
    cdef Program program
    cdef list grads, states
    cdef Py_ssize_t n, width      # how many weights, and arrays for each
    cdef void** arrays            # of each weight: the gradient, the weight, the states
    cdef void** blocks            # of the weights' memory, which the weights own
    cdef Py_ssize_t* sizes
    cdef bint together            # a kernel makes the step of all weights, on one thread
    cdef bint twice               # some weight is there twice
    cdef list lr_mults, wd_mults, counts      # by which the weights were put into runs
    cdef list runs                # (first, end) of weights in a row with the same numbers

    def __init__(self, Program program, list weights, list grads, list states):
        cdef Py_ssize_t i, k, n = len(weights), each = len(program.states), small = 0
        cdef const Formula* formula = &program.formula
        cdef Tensor x
        check_length(weights, grads)
        check_length(weights, states, each)
        self.program, self.n, self.width = program, n, 2 + each
        self.weights, self.grads, self.states = list(weights), list(grads), list(states)
        self.arrays = <void**> malloc(max(n, <Py_ssize_t> 1) * self.width * sizeof(void*))
        self.blocks = <void**> malloc(max(n, <Py_ssize_t> 1) * sizeof(void*))
        self.sizes = <Py_ssize_t*> malloc(max(n, <Py_ssize_t> 1) * sizeof(Py_ssize_t))
        if self.arrays == NULL or self.blocks == NULL or self.sizes == NULL:
            raise MemoryError("no memory for a step of an optimizer")
        self.twice = len(set(map(id, weights))) < n
        self.together = (formula.pass_count == 1 and formula.passes[0].kernel >= 0
                         and formula.passes[0].sum_count == 0 and formula.normal_count == 0
                         and formula.kept == 0 and not formula.by_row and not formula.uses_size
                         and len(program.carried) == 0 and not self.twice)
        for i in range(n):
            x = <Tensor?> weights[i]
            check_fit(x, <Tensor?> grads[i], "a gradient")
            for k in range(each):
                check_fit(x, <Tensor?> states[i * each + k], <str> program.states[k],
                          formula.by_row)
            self.blocks[i], self.sizes[i] = <void*> x.block, x.size
            small += x.size
            row = [grads[i], x, *states[i * each:(i + 1) * each]]
            for k in range(self.width):
                x = <Tensor> row[k]
                self.arrays[i * self.width + k] = x.data
                self.together = self.together and not x.movable
        self.together = self.together and small < LIGHT_GRAIN

    def __dealloc__(self):
        free(self.arrays)
        free(self.blocks)
        free(self.sizes)

    def step(self, tuple values, list lr_mults, list wd_mults, list counts, long long steps,
             list marks=None) -> dict | None:
        """
        Make one step of every weight, or none if something does not fit.

        Parameters
        ----------
        values : tuple of float or None
            The learning rate, the weight decay, and the numbers that the program's `inputs` name.
        lr_mults, wd_mults : list of float
            Each weight's factors of the first two.
        counts : list of int
        steps : int
            A weight's count of updates, this one included, is its number in `counts` plus `steps`.
        marks : list of float, optional
            What the rule knows as each weight's `mark`; 1 if not given.

        Returns
        -------
        dict or None
            What the carried numbers became, by name, if there are any.
        """
        cdef double[MAX_STEPS] given
        cdef Py_ssize_t i, first, end
        cdef Task task
        self.program.take_numbers(values, given)
        if marks is not None or not self.together:
            return self.step_each(given, lr_mults, wd_mults, counts, steps, marks)
        self.put_into_runs(lr_mults, wd_mults, counts)
        task.formula, task.given, task.mark = &self.program.formula, given, 1.0
        for first, end in self.runs:
            self.evaluate_run(&task, first, steps)
            kernels.update[task.dtype](
                task.formula.passes[0].kernel, task.constants, self.arrays + first * self.width,
                self.width, self.sizes + first, end - first)
        for i in range(self.n):
            wrote_to(<Block> self.blocks[i])
        return None

    cdef int put_into_runs(self, list lr_mults, list wd_mults, list counts) except -1:
        """Find the weights in a row that have the same numbers, if these lists are new."""
        cdef Py_ssize_t i, first = 0
        if self.lr_mults is lr_mults and self.wd_mults is wd_mults and self.counts is counts:
            return 0
        for factors in (lr_mults, wd_mults, counts):
            check_length(self.weights, factors)
        same = [(<double> lr, <double> wd, <long long> count, (<Tensor> x).dtype)
                for lr, wd, count, x in zip(lr_mults, wd_mults, counts, self.weights)]
        self.runs = []
        for i in range(1, self.n + 1):
            if i == self.n or same[i] != same[first]:
                self.runs.append((first, i))
                first = i
        self.lr_mults, self.wd_mults, self.counts = lr_mults, wd_mults, counts
        return 0

    cdef int evaluate_run(self, Task* task, Py_ssize_t first, long long steps) except -1:
        """Compute the numbers of a run of weights."""
        task.dtype = (<Tensor> self.weights[first]).dtype
        task.lr_mult, task.wd_mult = self.lr_mults[first], self.wd_mults[first]
        task.t = <long long> self.counts[first] + steps
        evaluate(task, 0, 0)
        return 0

    cdef object step_each(self, double* given, list lr_mults, list wd_mults, list counts,
                          long long steps, list marks):
        """Make a step of one weight after the other; large ones, and many, by several threads."""
        cdef const Formula* formula = &self.program.formula
        cdef list weights = self.weights, grads = self.grads, states = self.states
        cdef Py_ssize_t i, k, n = self.n, each = self.width - 2
        cdef double lr_mult = 0, wd_mult = 0
        cdef long long count = -1
        cdef Py_ssize_t per_block, shared = formula.arrays - formula.kept, total = 0
        cdef int widest = 0
        cdef bint again = len(self.program.carried) > 0 or marks is not None
        cdef Tensor weight, room = None
        cdef char* state_data[MAX_STATES]
        cdef char* free_room = NULL
        cdef Py_ssize_t small = 0, many = 0
        cdef Task one
        cdef Task* tasks = NULL
        cdef Task* task = &one
        for factors in (lr_mults, wd_mults, counts):
            check_length(weights, factors)
        if marks is not None:
            check_length(weights, marks)
        for i in range(n):
            weight = <Tensor> weights[i]
            lr_mult, wd_mult, count = lr_mults[i], wd_mults[i], counts[i]
            if marks is not None:
                lr_mult = marks[i]
            total, widest = total + weight.size, max(widest, weight.dtype)
            if weight.size < LIGHT_GRAIN:
                small += weight.size
        if formula.kept and n:
            total *= formula.kept
            room = new(weight.face, widest, 1, &total)
            free_room = room.data
        # A weight that is there twice is moved twice, one after the other.
        if small >= LIGHT_GRAIN and not formula.by_row and not self.twice:
            tasks = <Task*> malloc(n * sizeof(Task))
            if tasks == NULL:
                raise MemoryError("no memory for a step of an optimizer")
        try:
            for i in range(n):
                weight = <Tensor> weights[i]
                task.formula, task.given = formula, given
                task.dtype, task.size = weight.dtype, weight.size
                if (i == 0 or again or lr_mult != <double> lr_mults[i]
                        or wd_mult != <double> wd_mults[i] or count != <long long> counts[i]
                        or formula.uses_size):
                    lr_mult, wd_mult, count = lr_mults[i], wd_mults[i], counts[i]
                    task.lr_mult, task.wd_mult, task.t = lr_mult, wd_mult, count + steps
                    task.mark = 1.0 if marks is None else marks[i]
                    evaluate(task, 0, weight.size)
                    for place, number in self.program.carried:
                        given[2 + <int> place] = task.numbers[<int> number]
                task.data[0] = (<Tensor> grads[i]).data
                task.data[1] = weight.data
                for k in range(each):
                    state_data[k] = (<Tensor> states[i * each + k]).data
                    if not formula.by_row:
                        task.data[2 + k] = state_data[k]
                for k in range(formula.kept):
                    task.data[shared + k] = free_room
                    free_room += weight.size * itemsize(weight.dtype)
                if formula.normal_count:
                    per_block = 2 if weight.dtype == FLOAT64 else 4
                    task.key = generator_key()
                    task.blocks = (weight.size + per_block - 1) // per_block
                    task.block = draw(formula.normal_count * task.blocks)
                wrote(weight)
                if formula.by_row:
                    if weight.size:
                        update_all_rows(task, state_data, weight.shape_[0], weight.shape_[1])
                elif weight.size >= LIGHT_GRAIN:
                    update_large(task)
                elif tasks == NULL:
                    update_small(task)
                else:
                    tasks[many] = task[0]
                    many += 1
            if many:
                update_together(tasks, many)
        finally:
            free(tasks)
        if not again:
            return None
        return {self.program.inputs[place]: given[2 + <int> place]
                for place, _ in self.program.carried}

    def in_order(self, list last, Py_ssize_t nodes, list others) -> Moves | None:
        """The step as a pass back over some nodes goes; None if it would not be what step() does.

        `last` has the number of the node which is the last to write to each weight's gradient;
        `others` are the arrays that the nodes read.
        """
        cdef OrderedMoves moves
        cdef Py_ssize_t i, place, node
        cdef Tensor x
        if not self.together or self.n == 0 or shares_memory(
                [*self.weights, *self.grads, *self.states, *others]):
            return None
        moves = OrderedMoves.__new__(OrderedMoves)
        moves.bound, moves.done, moves.weights = self, self.n, []
        moves.arrays = <void**> malloc(self.n * (self.width + 3) * sizeof(void*))
        moves.sizes = <Py_ssize_t*> malloc((self.n + nodes) * sizeof(Py_ssize_t))
        if moves.arrays == NULL or moves.sizes == NULL:
            raise MemoryError("no memory for a step of an optimizer")
        moves.slots = moves.arrays + self.n * self.width
        moves.begins = <size_t*> (moves.slots + self.n)
        moves.stops = moves.begins + self.n
        moves.ends = moves.sizes + self.n
        order = sorted(range(self.n), key=last.__getitem__, reverse=True)
        for place in range(self.n):
            i = order[place]
            x = <Tensor> self.weights[i]
            memcpy(moves.arrays + place * self.width, self.arrays + i * self.width,
                   self.width * sizeof(void*))
            moves.sizes[place], moves.slots[place] = x.size, <void*> x.slot
            moves.weights.append(x)
        place = 0
        for node in range(nodes - 1, -1, -1):
            while place < self.n and last[order[place]] >= node:
                place += 1
            moves.ends[node] = place
        places = sorted([(<size_t> (<Tensor> x).data, end_of(x)) for x in self.weights])
        for place in range(self.n):
            moves.begins[place], moves.stops[place] = places[place]
        return moves


cdef size_t end_of(Tensor x) noexcept:
    """Where an array's memory ends."""
    if x.contiguous:
        return <size_t> x.data + x.size * itemsize(x.dtype)
    return <size_t> x.block.data + x.block.nbytes


cdef bint shares_memory(list arrays) except -1:
    """Whether one of the arrays, which may be there twice, has memory of another."""
    cdef Tensor x
    cdef size_t end = 0
    places = sorted({(<size_t> (<Tensor> x).data if (<Tensor> x).contiguous
                      else <size_t> (<Tensor> x).block.data, end_of(<Tensor> x), id(x))
                     for x in arrays if (<Tensor> x).size})
    for start, stop, _ in places:
        if <size_t> start < end:
            return True
        end = stop
    return False


cdef class OrderedMoves(Moves):
    cdef BoundProgram bound
    cdef list weights             # in the order of the moves
    cdef void** arrays            # as in the bound program
    cdef void** slots             # of the weights, when this was made
    cdef Py_ssize_t* sizes
    cdef Py_ssize_t* ends         # how many weights are moved when a node's backward() is over
    cdef Py_ssize_t done
    cdef size_t* begins           # of the weights' memory, in its order
    cdef size_t* stops
    cdef Task task
    cdef double[MAX_STEPS] given

    def __dealloc__(self):
        free(self.arrays)
        free(self.sizes)

    cdef bint ready(self, object numbers) except -1:
        cdef BoundProgram bound = self.bound
        cdef Variable variable
        cdef Py_ssize_t k
        values, lr_mults, wd_mults, counts, steps = numbers
        bound.program.take_numbers(values, self.given)
        bound.put_into_runs(lr_mults, wd_mults, counts)
        if len(bound.runs) != 1:
            return False
        for k in range(bound.n):
            if <void*> (<Tensor> PyList_GET_ITEM(self.weights, k)).slot != self.slots[k]:
                return False
            variable = <Variable> self.slots[k]
            if variable.req == NULL_REQ or variable.grad is None or (
                    variable.grad.data != self.arrays[k * bound.width]):
                return False
        self.task.formula, self.task.given, self.task.mark = &bound.program.formula, self.given, 1.0
        bound.evaluate_run(&self.task, 0, steps)
        self.done = 0
        return True

    cdef void after(self, Py_ssize_t node) noexcept:
        cdef Py_ssize_t first = self.done, k, width = self.bound.width
        self.done = self.ends[node]
        if first == self.done:
            return
        kernels.update[self.task.dtype](
            self.task.formula.passes[0].kernel, self.task.constants, self.arrays + first * width,
            width, self.sizes + first, self.done - first)
        for k in range(first, self.done):
            wrote(<Tensor> PyList_GET_ITEM(self.weights, k))
            (<Variable> self.slots[k]).fresh = False

    cdef bint touches(self, Block block) noexcept:
        cdef Py_ssize_t low = 0, high = self.bound.n, k
        while low < high:             # the weights that begin before the block ends
            k = (low + high) // 2
            if self.begins[k] < <size_t> block.data + block.nbytes:
                low = k + 1
            else:
                high = k
        return low > 0 and self.stops[low - 1] > <size_t> block.data


def convert(list targets, list sources) -> None:
    """
    Copy each source to its target, of the same shape and any dtype; the tape does not see it.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.core.optimizers import convert
    >>> half = nd.zeros((2,), dtype="float16")
    >>> convert([half], [nd.ones((2,))])
    >>> half.asnumpy()
    array([1., 1.], dtype=float16)
    """
    cdef Tensor target
    for target, source in zip(targets, sources, strict=True):
        assign(target, <Tensor?> source)
        wrote(target)


def stale(list weights) -> list:
    """Places of the weights whose gradient no backward pass wrote since mark_used().

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.core.optimizers import stale
    >>> w = nd.ones((1,))
    >>> w.attach_grad()
    >>> stale([w])
    [0]
    """
    cdef list found = []
    cdef Py_ssize_t i
    cdef Tensor weight
    for i in range(PyList_GET_SIZE(weights)):
        weight = <Tensor?>weights[i]
        if type(weight.slot) is not Variable or not (<Variable>weight.slot).fresh:
            found.append(i)
    return found


def versions(list arrays) -> list:
    """How often the memory of each array was written in place; a backward pass does not count.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.core.optimizers import versions
    >>> x = nd.ones((1,))
    >>> before = versions([x])
    >>> x *= 2
    >>> versions([x]) == before
    False
    """
    cdef Py_ssize_t i
    return [(<Tensor?>arrays[i]).block.version for i in range(PyList_GET_SIZE(arrays))]


def mark_used(list weights) -> None:
    """Count the weights' gradients as used, until a backward pass writes them again.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.core.optimizers import mark_used
    >>> w = nd.ones((1,))
    >>> w.attach_grad()
    >>> mark_used([w])
    >>> w.fresh_grad
    False
    """
    cdef Py_ssize_t i
    cdef Tensor weight
    for i in range(PyList_GET_SIZE(weights)):
        weight = <Tensor?>weights[i]
        if type(weight.slot) is Variable:
            (<Variable>weight.slot).fresh = False
