"""A step of small weights, made one by one while a pass goes back over the nodes of a plan."""

from cpython.list cimport PyList_GET_ITEM
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy
from microlazy.core.kernels.select cimport kernels
from microlazy.core.optimizers.formula cimport MAX_STEPS, Task
from microlazy.core.optimizers.program cimport BoundProgram
from microlazy.core.optimizers.steps cimport RuleSteps
from microlazy.core.storage cimport Block
from microlazy.core.tape cimport NULL_REQ, Variable, wrote
from microlazy.core.tensor cimport Tensor, itemsize


cdef class Moves:
    cdef bint ready(self, RuleSteps group) except -1:
        raise NotImplementedError

    cdef void after(self, Py_ssize_t node) noexcept:
        pass

    cdef bint touches(self, Block block) noexcept:
        return True


cdef Moves order_moves(BoundProgram bound, list last, Py_ssize_t nodes, list others):
    """The step as a pass back over some nodes goes; None if it would not be what `bound.step` does.

    `last` has the number of the node which is the last to write to each weight's gradient;
    `others` are the arrays that the nodes read.
    """
    cdef OrderedMoves moves
    cdef Py_ssize_t i, place, node
    cdef Tensor x
    if not bound.together or bound.n == 0 or shares_memory(
            [*bound.weights, *bound.grads, *bound.states, *others]):
        return None
    moves = OrderedMoves.__new__(OrderedMoves)
    moves.bound, moves.done, moves.weights = bound, bound.n, []
    moves.arrays = <void**> malloc(bound.n * (bound.width + 3) * sizeof(void*))
    moves.sizes = <Py_ssize_t*> malloc((bound.n + nodes) * sizeof(Py_ssize_t))
    if moves.arrays == NULL or moves.sizes == NULL:
        raise MemoryError("no memory for a step of an optimizer")
    moves.slots = moves.arrays + bound.n * bound.width
    moves.begins = <size_t*> (moves.slots + bound.n)
    moves.stops = moves.begins + bound.n
    moves.ends = moves.sizes + bound.n
    order = sorted(range(bound.n), key=last.__getitem__, reverse=True)
    for place in range(bound.n):
        i = order[place]
        x = <Tensor> bound.weights[i]
        memcpy(moves.arrays + place * bound.width, bound.arrays + i * bound.width,
               bound.width * sizeof(void*))
        moves.sizes[place], moves.slots[place] = x.size, <void*> x.slot
        moves.weights.append(x)
    place = 0
    for node in range(nodes - 1, -1, -1):
        while place < bound.n and last[order[place]] >= node:
            place += 1
        moves.ends[node] = place
    places = sorted([(<size_t> (<Tensor> x).data, end_of(x)) for x in bound.weights])
    for place in range(bound.n):
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

    cdef bint ready(self, RuleSteps group) except -1:
        cdef BoundProgram bound = self.bound
        cdef Variable variable
        cdef Py_ssize_t k
        bound.program.take_numbers(group.begin(), self.given)
        bound.put_into_runs(group.lr_mults, group.wd_mults, group.counts)
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
        bound.evaluate_run(&self.task, 0, group.steps + 1)
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
