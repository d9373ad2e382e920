"""Optimizers' updates: a rule makes a step of all parameters in one call, in place."""

from cpython.list cimport PyList_GET_SIZE
from cython.parallel cimport prange
from libc.math cimport INFINITY, pow, sqrt
from libc.string cimport memcpy
from microlazy.core.kernels.select cimport kernels
from microlazy.core.kernels.table cimport (
    B_ADD, B_DIVIDE, B_MAXIMUM, B_MINIMUM, B_MULTIPLY, B_SUBTRACT, U_ABS, U_NEGATIVE, U_SIGN,
    U_SQRT,
)
from microlazy.core.parallel cimport CHUNK, LIGHT_GRAIN, threads
from microlazy.core.strided cimport assign
from microlazy.core.tape cimport Variable, wrote
from microlazy.core.tensor cimport (
    FLOAT64, Tensor, itemsize, need_values, numpy_dtype, same_shape, shape_tuple,
)

from microlazy.base import ShapeError
from microlazy.core.rules import Rule

include "kernels/generated/rule_table.pxi"        # written by the build

RULES = tuple([Rule(**arguments) for arguments in BUILT_RULES])

cdef enum:
    MAX_ARRAYS = 8              # the gradient, the weight and the states of a rule
    MAX_TILES = 16              # intermediate results of a rule at a time
    MAX_STEPS = 96              # steps, numbers and constants of a rule, each
    TILE = 512                  # elements of an intermediate result: they stay in the cache

cdef enum Operation:
    BINARY, UNARY, COPY, CLIP                           # of arrays
    INPUT, LITERAL, LR, WD, T, BOUND, ADD, SUBTRACT, MULTIPLY, DIVIDE, POWER, NEGATIVE, SQRT

cdef struct Step:
    int operation, kernel, a, b, result

cdef struct Number:
    int operation, a, b
    double value

cdef struct Task:               # a step of one weight
    int kernel, dtype, arrays, count
    const Step* steps
    double[MAX_STEPS] constants
    char* data[MAX_ARRAYS]

STEPS = {
    "add": (BINARY, B_ADD), "subtract": (BINARY, B_SUBTRACT), "multiply": (BINARY, B_MULTIPLY),
    "divide": (BINARY, B_DIVIDE), "maximum": (BINARY, B_MAXIMUM), "minimum": (BINARY, B_MINIMUM),
    "negative": (UNARY, U_NEGATIVE), "abs": (UNARY, U_ABS), "sign": (UNARY, U_SIGN),
    "sqrt": (UNARY, U_SQRT), "copy": (COPY, 0), "clip": (CLIP, 0),
}
NUMBERS = {
    "input": INPUT, "literal": LITERAL, "lr": LR, "wd": WD, "t": T, "bound": BOUND, "add": ADD,
    "subtract": SUBTRACT, "multiply": MULTIPLY, "divide": DIVIDE, "power": POWER,
    "negative": NEGATIVE, "sqrt": SQRT,
}


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


cdef void interpret(const Task* task, char** data, Py_ssize_t n) noexcept nogil:
    """Make all steps on some elements, then on the next ones."""
    cdef double[MAX_TILES][TILE] tiles
    cdef char* at[MAX_ARRAYS + MAX_TILES]
    cdef Py_ssize_t tile, start, k
    for k in range(MAX_TILES):
        at[task.arrays + k] = <char*> tiles[k]
    for tile in range((n + TILE - 1) // TILE):
        start = tile * TILE
        for k in range(task.arrays):
            at[k] = data[k] + start * itemsize(task.dtype)
        for k in range(task.count):
            make_step(&task.steps[k], task.constants, at, min(<Py_ssize_t> TILE, n - start),
                      task.dtype)


cdef void update_piece(const Task* task, Py_ssize_t start, Py_ssize_t n) noexcept nogil:
    cdef char* data[MAX_ARRAYS]
    cdef Py_ssize_t k
    for k in range(task.arrays):
        data[k] = task.data[k] + start * itemsize(task.dtype)
    if task.kernel < 0:
        interpret(task, data, n)
    else:
        kernels.update[task.dtype](task.kernel, task.constants, <void**> data, n)


cdef void update_pieces(const Task* task, Py_ssize_t n) noexcept:
    cdef Py_ssize_t i
    for i in prange((n + CHUNK - 1) // CHUNK, nogil=True, schedule="static",
                    num_threads=threads()):
        update_piece(task, i * CHUNK, min(<Py_ssize_t> CHUNK, n - i * CHUNK))


cdef int check_length(list weights, list others, Py_ssize_t each=1) except -1:
    if len(others) != each * len(weights):
        raise ValueError(f"{len(weights)} weights need as many gradients, states, factors and "
                         f"counts; got {len(others)} of one of them")
    return 0


cdef int check_fit(Tensor weight, Tensor other, str what) except -1:
    need_values(weight, "it was to be updated")
    need_values(other, "it was to update a weight")
    if weight.dtype > FLOAT64 or other.dtype != weight.dtype:
        raise TypeError(f"{what} is {numpy_dtype(other.dtype)} and its weight is "
                        f"{numpy_dtype(weight.dtype)}: both must be float32, or both float64")
    if not same_shape(weight, other):
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
    cdef readonly int kernel            # the rule's own; -1 if the build did not see the rule
    cdef tuple states                   # what errors call them
    cdef tuple bounds                   # which of `inputs` limit something
    cdef int step_count, number_count, constant_count
    cdef Step[MAX_STEPS] steps
    cdef Number[MAX_STEPS] numbers
    cdef int[MAX_STEPS] constants

    def __init__(self, parsed, tuple states):
        cdef int i, arrays = 2 + len(states)
        tiles = 1 + max([place for _, *places in parsed.steps for place in places]) - arrays
        longest = max(len(parsed.steps), len(parsed.numbers))
        if arrays > MAX_ARRAYS or tiles > MAX_TILES or longest > MAX_STEPS:
            raise ValueError(f"a rule has at most {MAX_ARRAYS - 2} states, {MAX_STEPS} operations, "
                             f"and {MAX_TILES} intermediate results at a time")
        self.inputs = parsed.inputs
        self.bounds = parsed.bounds
        self.states = tuple([f"the state {name}" for name in states])
        self.kernel = BUILT_KERNELS.get((arrays, parsed.steps), -1)
        self.step_count, self.number_count = len(parsed.steps), len(parsed.numbers)
        self.constant_count = len(parsed.constants)
        for i, (name, a, b, result) in enumerate(parsed.steps):
            operation, kernel = STEPS[name]
            self.steps[i] = Step(operation, kernel, a, b, result)
        for i, (name, *operands) in enumerate(parsed.numbers):
            a, b = (*operands, 0, 0)[:2]
            self.numbers[i] = Number(NUMBERS[name], a if name != "literal" else 0, b,
                                     a if name == "literal" else 0)
        for i, place in enumerate(parsed.constants):
            self.constants[i] = place

    def run(self, list weights, list grads, list states, tuple values, list lr_mults,
            list wd_mults, list counts, long long steps) -> None:
        """
        Make one step of every weight, or none if something does not fit.

        Parameters
        ----------
        weights, grads : list of arrays
            Each weight and its gradient: of the same shape, both float32 or both float64.
        states : list of arrays
            The states of the first weight, then those of the second, and so on.
        values : tuple of float or None
            The learning rate, the weight decay, and the numbers that `inputs` names.
        lr_mults, wd_mults : list of float
            Each weight's factors of the first two.
        counts : list of int
        steps : int
            A weight's count of updates, this one included, is its number in `counts` plus `steps`.
        """
        cdef Py_ssize_t i, k, n = PyList_GET_SIZE(weights), each = len(self.states)
        cdef double[MAX_STEPS] given
        cdef double lr_mult = 0, wd_mult = 0
        cdef long long count = -1
        cdef Tensor weight
        cdef Task task
        for factors in (grads, lr_mults, wd_mults, counts):
            check_length(weights, factors)
        check_length(weights, states, each)
        if len(values) != 2 + len(self.inputs):
            raise ValueError(f"the rule needs lr, wd and {self.inputs}; got {len(values)} numbers")
        for k in range(len(values)):
            given[k] = values[k] if type(values[k]) is float else self.number(k, values[k])
        for i in range(n):
            weight = <Tensor?> weights[i]
            check_fit(weight, <Tensor?> grads[i], "a gradient")
            for k in range(each):
                check_fit(weight, <Tensor?> states[i * each + k], <str> self.states[k])
            lr_mult, wd_mult, count = lr_mults[i], wd_mults[i], counts[i]
        task.kernel, task.arrays = self.kernel, <int> (2 + each)
        task.steps, task.count = self.steps, self.step_count
        for i in range(n):
            weight = <Tensor> weights[i]
            if (i == 0 or lr_mult != <double> lr_mults[i] or wd_mult != <double> wd_mults[i]
                    or count != <long long> counts[i]):
                lr_mult, wd_mult, count = lr_mults[i], wd_mults[i], counts[i]
                self.compute(given, lr_mult, wd_mult, count + steps, task.constants)
            task.dtype = weight.dtype
            task.data[0] = (<Tensor> grads[i]).data
            task.data[1] = weight.data
            for k in range(each):
                task.data[2 + k] = (<Tensor> states[i * each + k]).data
            wrote(weight)
            if weight.size < LIGHT_GRAIN:
                update_piece(&task, 0, weight.size)
            else:
                update_pieces(&task, weight.size)

    cdef double number(self, Py_ssize_t k, object value) except? -1:
        """The value of one of the numbers `lr`, `wd` and `inputs`; None is no bound of a clip."""
        name = ("lr", "wd", *self.inputs)[k]
        if value is None and name in self.bounds:
            return -1.0
        try:
            return value
        except (TypeError, OverflowError):
            raise TypeError(f"the rule's `{name}` must be a number, not {value!r}") from None

    cdef void compute(self, const double* given, double lr_mult, double wd_mult, long long t,
                      double* constants) noexcept:
        """The constants of a step of one weight."""
        cdef double[MAX_STEPS] x
        cdef const Number* number
        cdef int i, operation
        for i in range(self.number_count):
            number = &self.numbers[i]
            operation = number.operation
            if operation == LR:
                x[i] = given[0] * lr_mult
            elif operation == WD:
                x[i] = given[1] * wd_mult
            elif operation == T:
                x[i] = t
            elif operation == INPUT:
                x[i] = given[2 + number.a]
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
            elif operation == NEGATIVE:
                x[i] = -x[number.a]
            else:
                x[i] = sqrt(x[number.a])
        for i in range(self.constant_count):
            constants[i] = x[self.constants[i]]


def convert(list targets, list sources) -> None:
    """
    Copy each source to its target, of the same shape and another dtype; the tape does not see it.

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
