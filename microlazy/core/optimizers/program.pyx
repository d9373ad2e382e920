"""A rule makes a step of all parameters in one call, in place."""

from libc.stdlib cimport free, malloc
from microlazy.core.generator cimport draw, generator_key
from microlazy.core.kernels.select cimport kernels
from microlazy.core.kernels.table cimport (
    B_ADD, B_DIVIDE, B_MAXIMUM, B_MINIMUM, B_MULTIPLY, B_SUBTRACT, U_ABS, U_NEGATIVE, U_SIGN,
    U_SQRT,
)
from microlazy.core.optimizers.formula cimport (
    ADD, BINARY, BOUND, CLIP, COPY, DIVIDE, INPUT, LIMIT, LITERAL, LR, MARK, MAX_ARRAYS, MAX_PASSES,
    MAX_STATES, MAX_STEPS, MAX_TILES, MAXIMUM, MINIMUM, MULTIPLY, NEGATIVE, POWER, RATIO, REMAINDER,
    SIZE, SQRT, STATE, SUBTRACT, SUM, T, UNARY, WD, Formula, Number, Pass, Step, Task, evaluate,
    update_all_rows, update_large, update_small, update_together,
)
from microlazy.core.parallel cimport LIGHT_GRAIN
from microlazy.core.storage cimport Block
from microlazy.core.tape cimport wrote, wrote_to
from microlazy.core.tensor cimport (
    FLOAT64, Tensor, itemsize, need_values, new, numpy_dtype, same_shape, shape_tuple,
)

from microlazy.base import ShapeError
from microlazy.core.rules import Rule

include "../kernels/generated/rule_table.pxi"     # written by the build

RULES = tuple([Rule(**arguments) for arguments in BUILT_RULES])

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
        return self.move(values, lr_mults, wd_mults, counts, steps, marks)

    cdef object move(self, tuple values, list lr_mults, list wd_mults, list counts,
                     long long steps, list marks):
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
