"""Plans: a tape that is kept, and replayed without Python.

The first call of a hybridized block for given shapes, strides, dtypes and mode runs its Python code
once on abstract arrays, which gives the list of nodes. A plan gives every node's output memory of
its own and from then on a call is: point the plan's inputs at the caller's arrays, run each node's
forward(), hand out the outputs. Eager calls run the very same nodes, so both give the same bits.

Making a plan takes as long as several eager calls. A block makes its first plans at once; later
ones must be paid for by runs of those that it has. A call of a new kind that is not paid for runs
eagerly, so that a program whose batches all differ is not slower than without plans. A plan that
another one of its block follows gives its memory back, which the other finds warm in the cache.
"""

cimport cython
from cpython.list cimport PyList_GET_ITEM, PyList_GET_SIZE
from microlazy.core.lifetimes cimport (
    OUTSIDE, allocate_gradients, allocate_groups, bytes_of, groups_of_results, inputs_of, lifetimes,
)
from microlazy.core.loops.elementwise cimport fill
from microlazy.core.storage cimport Block
from microlazy.core.strided cimport add_to, assign
from microlazy.core.tape cimport (
    NEEDS_OUT, Node, Pass, State, enlist, enlist_before, hand, lead_to, new_pass, profiling, reach,
    set_mode, several_devices, snapshot, state, timed_backward, timed_forward, tracked,
)
from microlazy.core.tensor cimport (
    Slot, Tensor, alias, allocate, current_device, deeper, device_of, header, like, look_at,
    itemsize, look_away, need_values, numpy_dtype, shape_tuple, take_layout, use_device,
)

import gc

import numpy

from microlazy.base import AbstractValueError
from microlazy.core.tape import backward as go_back_from

cdef extern from "Python.h":
    Py_ssize_t Py_REFCNT(object x)

cdef enum:
    MOST_PLANS = 1024             # kept by one block
    FREE_PLANS = 64               # that a block makes before its runs must pay for more
    PRICE = 16                    # runs that pay for making one plan

cdef Py_ssize_t MOST_BYTES = <Py_ssize_t>1 << 30      # in the plans of one block


# ---- a call's arguments and results ------------------------------------------------------------

cdef object flatten(object value, list tensors, int depth=0):
    """Put the arrays in nested lists, tuples and dicts into `tensors`; return what is left."""
    if isinstance(value, Tensor):
        tensors.append(value)
        return Tensor
    if type(value) is dict:
        depth = deeper(depth)
        return (dict, list(value), [flatten(item, tensors, depth) for item in value.values()])
    if isinstance(value, (list, tuple)):
        depth = deeper(depth)
        return (type(value), None, [flatten(item, tensors, depth) for item in value])
    return (None, value, None)


cdef object unflatten(object structure, list tensors):
    """The inverse of flatten; takes arrays from the front of `tensors`."""
    if structure is Tensor:
        return tensors.pop(0)
    kind, kept, parts = structure
    if kind is None:
        return kept
    items = [unflatten(part, tensors) for part in parts]
    if kind is dict:
        return dict(zip(kept, items))
    return kind(*items) if hasattr(kind, "_fields") else kind(items)


cdef bint alike(object a, object b):
    """Whether two structures are equal, types included."""
    if type(a) is not tuple or type(b) is not tuple:
        return a is b or (type(a) is int and type(b) is int and a == b)
    if a[0] is not b[0] or not same_value(a[1], b[1]):
        return False
    if a[2] is None or b[2] is None:
        return a[2] is b[2]
    if len(a[2]) != len(b[2]):
        return False
    for x, y in zip(a[2], b[2]):
        if not alike(x, y):
            return False
    return True


cdef bint same_value(object a, object b):
    if isinstance(a, numpy.ndarray):
        return False              # it may have been written to since
    if a is b:
        return True
    if type(a) is not type(b):
        return False
    if isinstance(a, numpy.generic):
        return bool(a == b)
    try:
        return (a == b) is True
    except Exception:             # an == of a user's class may fail: then only identity counts
        return False


cdef frozenset PLAIN = frozenset((int, float, bool, str, type(None)))


cdef bint mix_structure(size_t* kind, object structure) except -1:
    """Mix what plain values tell into a kind; False if it holds NumPy arrays, which change."""
    if type(structure) is not tuple:
        return True
    value = structure[1]
    if structure[2] is not None:
        mix(kind, len(structure[2]))
        for part in structure[2]:
            if not mix_structure(kind, part):
                return False
    elif type(value) in PLAIN:
        mix(kind, <size_t>hash(value))
    elif isinstance(value, numpy.ndarray):
        return False
    return True


cdef inline void mix(size_t* kind, size_t value) noexcept:
    kind[0] = (kind[0] ^ value) * <size_t>0x9E3779B97F4A7C15
    kind[0] ^= kind[0] >> 29


cdef inline int mode(State* s) noexcept:
    """The bit of a thread's mode: recording or not, training or not."""
    return 1 << (2 * (s.recording != 0) + (s.training != 0))


cdef size_t kind_of(list args, State* s) noexcept:
    """A number that calls have in common which one plan can run; others may have it too."""
    cdef size_t kind = 4 * current_device() + 2 * (s.recording != 0) + (s.training != 0)
    cdef Tensor x
    cdef Py_ssize_t i
    cdef int axis
    for i in range(PyList_GET_SIZE(args)):
        x = <Tensor>PyList_GET_ITEM(args, i)
        mix(&kind, (x.ndim << 8) | (x.dtype << 2) | (x.face << 1) | x.contiguous)
        for axis in range(x.ndim):
            mix(&kind, <size_t>x.shape_[axis])
            if not x.contiguous:
                mix(&kind, <size_t>x.strides_[axis])
    return kind


# ---- nodes on the outer tape -------------------------------------------------------------------

@cython.no_gc
@cython.final
cdef class PlanRun(Node):
    """One recorded run of a plan, as the outer tape sees it."""
    cdef Plan plan

    cdef int backward(self, Pass p) except -1:
        self.plan.go_back(p)
        return self.plan.let_go_of_heads()

    cdef int inspect(self, Pass p) except -1:
        cdef list nodes = self.plan.nodes
        cdef Py_ssize_t i
        cdef Node node
        p.in_plan = True
        try:
            for i in range(PyList_GET_SIZE(nodes) - 1, -1, -1):
                node = <Node>PyList_GET_ITEM(nodes, i)
                if node.inspected == p.number:
                    node.inspect(p)
        finally:
            p.in_plan = False
        return 0

    cdef int release(self) except -1:
        self.done = True
        self.let_go()
        return 0

    cdef int sharing(self, Block block) noexcept:
        cdef Tensor x
        cdef int count = 0
        if self.plan is not None:
            for x in self.plan.inputs:
                count += x.block is block
        return count

    cdef int let_go(self) except -1:
        if self.plan is not None and self.plan.pending == <void*>self:
            self.plan.pending = NULL
            self.plan.unbind()
        return 0

    def __dealloc__(self):
        self.let_go()

    cdef str name(self):
        return "hybridized block"


@cython.no_gc
@cython.final
cdef class PlanOutput(Node):
    """An output of a run: hands its gradient to the node in the plan that computed it."""
    cdef PlanRun source
    cdef Tensor inside
    cdef int users                # arrays of the plan on this memory, unless another output has it

    cdef int backward(self, Pass p) except -1:
        cdef Slot slot = self.inside.slot
        cdef Tensor target
        cdef bint accumulate
        if self.source.plan.unrolled:
            target = p.target(self.inside, &accumulate)
            return add_to(target, self.grad) if accumulate else assign(target, self.grad)
        if self.source.written != p.number:
            reach(p, self.source)
        if slot.written == p.number:
            return add_to(slot.grad, self.grad)
        slot.written = p.number
        slot.grad = self.grad
        if self.wanted == p.number:           # autograd.grad() hands this array out
            slot.grad = like(self.grad)
            assign(slot.grad, self.grad)
        return 0

    cdef int derive(self, Pass p, Tensor g) except -1:
        return hand(p, self.inside, g)

    cdef bint leads(self, Pass p) noexcept:
        return p.wants(self.inside)

    cdef int inspect(self, Pass p) except -1:
        lead_to(p, self.source)           # refuses a graph that was freed
        if p.recorded is not None and not self.source.plan.unrolled:
            self.source.plan.unroll(self.source)
        return lead_to(p, <Node>self.inside.slot)

    cdef int release(self) except -1:
        self.done = True
        self.source = None
        return 0

    cdef int sharing(self, Block block) noexcept:
        return self.users if self.inside.block is block else 0

    cdef str name(self):
        return "hybridized block"


# ---- a plan ------------------------------------------------------------------------------------

cdef enum:
    COMPUTED = -1                 # an output that a node of the plan computes
    CAPTURED = -2                 # an output that is an array from outside; else: an input's place


@cython.no_gc
@cython.final
cdef class Plan:
    """The nodes of one block for one kind of call, bound to memory of their own."""
    cdef list nodes, inputs, outputs
    cdef list groups              # of nodes whose results have one memory
    cdef tuple lives              # of the results' memory; see core/lifetimes
    cdef list handed              # the nodes on whose memory outputs are
    cdef bint once                # no graph is retained for a second backward pass
    cdef list origins             # of each output: COMPUTED, CAPTURED or an input's place
    cdef list firsts              # where an output first stands among the outputs
    cdef list sole                # of each output: whether none before is on the same memory
    cdef list captured            # parameters and constants that nodes read
    cdef list was_tracked         # whether they had gradients
    cdef object structure         # of the arguments
    cdef object result            # of what is returned
    cdef bint in_a_row            # a tuple of arrays is returned
    cdef bint recording, training, running
    cdef bint counted             # whether the nodes know how many arrays look at their memory
    cdef list tracked_inputs
    cdef void* pending            # the run whose backward pass may still come
    cdef int device               # where it makes its arrays
    cdef size_t kind              # of the calls that it can run
    cdef Py_ssize_t nbytes        # of its results, and of their gradients
    cdef long long used           # when it last ran, in calls of its block
    cdef bint resting             # its results have no memory
    cdef bint has_gradients       # its gradients have memory, but for the outputs'
    cdef bint inspected           # its backward pass from the first output was allowed once
    cdef bint unrolled            # its nodes are on the outer tape, for create_graph

    def __init__(self):
        raise TypeError("plans are made by hybridized blocks")

    def __dealloc__(self):
        cdef Node node
        for node in self.nodes or ():
            node.out.slot = None
            node.out = None
            node.y = None
            node.grad = None

    cdef bint fits(self, object structure, list args, State* s):
        """Whether this plan can run a call now."""
        cdef Py_ssize_t i
        cdef Tensor x, y
        cdef int axis
        if (self.recording != s.recording or self.training != s.training or self.running
                or self.pending is not NULL or self.unrolled or self.device != current_device()
                or PyList_GET_SIZE(args) != PyList_GET_SIZE(self.inputs)):
            return False
        for i in range(PyList_GET_SIZE(args)):
            x = <Tensor>PyList_GET_ITEM(args, i)
            y = <Tensor>PyList_GET_ITEM(self.inputs, i)
            if x.ndim != y.ndim or x.dtype != y.dtype or x.face != y.face:
                return False
            if x.contiguous != y.contiguous:
                return False
            for axis in range(x.ndim):
                if x.shape_[axis] != y.shape_[axis] or (
                        not x.contiguous and x.strides_[axis] != y.strides_[axis]):
                    return False
            if s.recording and tracked(x) != <bint>self.tracked_inputs[i]:
                return False
        return alike(structure, self.structure)

    cdef bint reads(self, dict live):
        """Whether the parameters are still the arrays that the plan reads."""
        cdef Tensor x
        for x, was_tracked in zip(self.captured, self.was_tracked):
            if tracked(x) != <bint>was_tracked or (was_tracked and id(x) not in live):
                return False
        return True

    cdef int bind(self, list args) except -1:
        """Point the inputs at the caller's arrays."""
        cdef Py_ssize_t i
        cdef Tensor x, y
        for i in range(PyList_GET_SIZE(args)):
            x = <Tensor>PyList_GET_ITEM(args, i)
            need_values(x, "it was used after that")
            y = <Tensor>PyList_GET_ITEM(self.inputs, i)
            look_at(y, x.block, x.data)
            y.slot = x.slot if self.recording else None
        return 0

    cdef int unbind(self) except -1:
        """Let go of the caller's arrays."""
        cdef Tensor y
        for y in self.inputs:
            y.slot = None
            look_away(y)
        return 0

    cdef int compute(self, list args, bint remember) except -1:
        """Run all nodes; `remember` what an inspection before the backward pass will look at."""
        cdef Py_ssize_t i
        cdef Node node
        self.bind(args)
        self.running = True
        try:
            if self.resting:
                self.wake()
            for i in range(PyList_GET_SIZE(self.handed)):
                node = <Node>PyList_GET_ITEM(self.handed, i)
                if self.counted and node.out.block.users > node.users:
                    allocate(node.out)      # somebody still holds what the last run computed
            for i in range(PyList_GET_SIZE(self.nodes)):
                node = <Node>PyList_GET_ITEM(self.nodes, i)
                if profiling:
                    timed_forward(node)
                else:
                    node.forward()
                if remember:
                    snapshot(node)
        except BaseException:
            self.unbind()
            raise
        finally:
            self.running = False
        return 0 if self.counted else self.count()

    cdef object run(self, list args):
        cdef object results
        self.compute(args, self.recording)
        results = self.hand_out(args, self.recording)
        if self.pending is NULL:
            self.unbind()
        return results

    cdef bint goes_straight(self, list args) noexcept:
        """Whether a backward pass from the first output would stay in this plan, and be allowed."""
        cdef Py_ssize_t i
        cdef Slot slot
        if not self.inspected:
            return False
        for i in range(PyList_GET_SIZE(args)):
            slot = (<Tensor>PyList_GET_ITEM(args, i)).slot
            if slot is not None and isinstance(slot, Node):
                return False
        return True

    cdef int note_inspected(self) except -1:
        """Say that a run's backward pass, from the first output, was inspected and not refused."""
        cdef Tensor head = <Tensor>self.outputs[0]
        self.inspected = self.origins[0] == COMPUTED and isinstance(head.slot, Node)
        return 0

    cdef object train(self, list args):
        """Run, and go back from the first output at once: no node of it is on the outer tape."""
        cdef State* s = state()
        cdef State before = s[0]
        cdef Tensor head = <Tensor>PyList_GET_ITEM(self.outputs, 0)
        cdef bint accumulate
        cdef Pass p = new_pass()
        self.compute(args, False)
        self.running = True
        set_mode(s, False, False)
        try:
            fill(p.target(head, &accumulate), 1.0)
            self.go_back(p)
        finally:
            set_mode(s, before.recording, before.tracing)
            self.running = False
            self.unbind()
        return self.hand_out(args, False)

    cdef int go_back(self, Pass p) except -1:
        """Run the backward of the nodes that a gradient reached, the last first."""
        cdef Py_ssize_t i
        cdef Node node
        if not self.has_gradients:
            allocate_gradients(self.nodes, self.outputs, self.groups, self.lives, self.once)
            self.has_gradients = True
        for i in range(PyList_GET_SIZE(self.nodes) - 1, -1, -1):
            node = <Node>PyList_GET_ITEM(self.nodes, i)
            if node.written == p.number:
                if profiling:
                    timed_backward(node, p)
                else:
                    node.backward(p)
        return 0

    cdef list steps(self):
        cdef Py_ssize_t i
        cdef Node node
        cdef Tensor x
        cdef dict places = {id(x): ("input", i) for i, x in enumerate(self.inputs)}
        cdef dict buffers = {id(node): i for i, group in enumerate(self.groups) for node in group}
        cdef list found = [], bases, ends
        bases, ends = self.lives
        for i in range(len(self.nodes)):
            node = <Node>self.nodes[i]
            base = bases[i]
            found.append((
                node.name(),
                [places.get(id(x), ("array", x)) for x in inputs_of(node)],
                shape_tuple(node.out),
                numpy_dtype(node.out.dtype).name,
                None if base == OUTSIDE else buffers[id(self.nodes[base])],
                node.out.size * itemsize(node.out.dtype),
                bool(node.views),
                None if base == OUTSIDE or ends[base] == len(self.nodes) else ends[base],
            ))
            places[id(node.out)] = ("step", i)
        return found

    cdef int count(self) except -1:
        """Note how many arrays of the plan look at the outputs' memory: more are the caller's."""
        cdef Node node
        cdef Tensor x
        for node in self.handed:
            node.users = node.out.block.users
        for x in self.outputs:
            if isinstance(x.slot, Node) and (<Node>x.slot).planned:
                (<Node>x.slot).users = x.block.users
        blocks = [id((<Tensor>x).block) for x in self.outputs]
        self.sole = [block not in blocks[:place] for place, block in enumerate(blocks)]
        self.counted = True
        return 0

    cdef Tensor kept(self):
        """An array that anybody but the plan has; nodes, their readers and the plan hold one."""
        cdef Node node
        cdef Tensor x
        cdef dict counts = {}
        for node in self.nodes:
            for x in inputs_of(node):
                counts[id(x)] = counts.get(id(x), 0) + 1
        for x in self.outputs:
            counts[id(x)] = counts.get(id(x), 0) + 1
        for x in [*self.inputs, *[node.out for node in self.nodes]]:
            # Held by the list of this loop, by `x`, and by the list of inputs or its node.
            if Py_REFCNT(x) > 3 + <Py_ssize_t>counts.get(id(x), 0):
                return x
        return None

    cdef int unroll(self, PlanRun run) except -1:
        """Put the nodes on the outer tape, before their run: the plan will not run again."""
        cdef Node node
        cdef list nodes = self.nodes
        self.unrolled = True
        self.nodes = self.groups = self.handed = []
        self.inputs = []                # they stay with the nodes
        for node in nodes:
            node.planned = False
            if node.needs & NEEDS_OUT:
                node.y = alias(node.out)
            if node.out.slot is node:
                enlist_before(node, run)
            node.out = None
        return 0

    cdef bint rest(self) noexcept:
        """Give the results' memory back, if nobody may still look at it."""
        cdef Node node
        if (self.resting or self.running or not self.counted or self.unrolled
                or self.pending is not NULL):
            return False
        for node in self.nodes:
            look_away(node.out)
            node.grad = None
        self.resting = True
        return True

    cdef int wake(self) except -1:
        allocate_groups(self.groups)
        self.resting = self.has_gradients = False
        return 0

    cdef int let_go_of_heads(self) except -1:
        """Let go of the outputs' gradients, which are the caller's."""
        cdef Tensor out
        for out in self.outputs:
            if isinstance(out.slot, Node) and (<Node>out.slot).planned:
                out.slot.grad = None
        return 0

    cdef object hand_out(self, list args, bint record):
        """What the call returns: new views of the outputs, on the outer tape under `record`."""
        cdef list results = []
        cdef Tensor out, y
        cdef PlanRun source = None
        cdef PlanOutput node
        cdef Py_ssize_t i, origin
        for i in range(PyList_GET_SIZE(self.outputs)):
            origin = self.origins[i]
            out = <Tensor>PyList_GET_ITEM(self.outputs, i)
            if origin >= 0:
                results.append(args[origin])
                continue
            if origin == CAPTURED:
                results.append(out)
                continue
            if self.firsts[i] < i:
                results.append(results[self.firsts[i]])
                continue
            y = alias(out)
            if record and out.slot is not None:
                if source is None:
                    source = PlanRun.__new__(PlanRun)
                    source.plan = self
                    enlist(source)
                    self.pending = <void*>source
                node = PlanOutput.__new__(PlanOutput)
                node.source = source
                node.inside = out
                if self.sole[i]:
                    node.users = (<Node>out.slot).users
                enlist(node)
                y.slot = node
            results.append(y)
        if self.result is Tensor:
            return results[0]
        return tuple(results) if self.in_a_row else unflatten(self.result, results)


cdef int refuse_kept(Plan plan) except -1:
    """Refuse a plan of which forward() kept an array: an eager call would give it another one."""
    cdef Tensor x = plan.kept()
    if x is None:
        return 0
    x = None
    gc.collect()                  # what holds it may be garbage
    x = plan.kept()
    if x is None:
        return 0
    made_by = [(<Node>node).name() for node in plan.nodes if (<Node>node).out is x]
    raise AbstractValueError(
        f"{f'what {made_by[0]} computed' if made_by else 'an input'}, of shape {shape_tuple(x)}, "
        "is kept after the call")


cdef Plan build(object forward, object structure, list args):
    """Trace `forward` on abstract arrays and bind what it did to memory."""
    cdef Plan plan = Plan.__new__(Plan)
    cdef State* s = state()
    cdef State before = s[0]
    cdef Tensor x, y, out
    cdef Node node
    cdef list stand_ins = [], inputs = []
    cdef dict producers = {}, seen = {}
    plan.nodes = []
    plan.structure = structure
    plan.recording = s.recording
    plan.training = s.training
    plan.device = current_device()
    plan.tracked_inputs = []
    for x in args:
        y = header(x.face, x.dtype, x.ndim, x.shape_)
        y.abstract = y.movable = True
        take_layout(y, x)
        plan.tracked_inputs.append(tracked(x))
        if s.recording:
            y.slot = x.slot
        inputs.append(y)
    plan.inputs = inputs
    stand_ins.extend(inputs)
    set_mode(s, s.recording, True)
    s.trace = <void*>plan.nodes
    s.unplanned = True
    try:
        if type(structure) is int:
            result = forward(*stand_ins)
        else:
            result = forward(*unflatten(structure, stand_ins))
    finally:
        s[0] = before
        set_mode(s, s.recording, s.tracing)     # whether that is plain may have changed
    plan.outputs = []
    plan.result = flatten(result, plan.outputs)
    plan.in_a_row = type(result) is tuple and plan.result[2] == [Tensor] * len(result)
    result = y = None
    stand_ins.clear()
    refuse_kept(plan)
    for node in plan.nodes:
        node.planned = node.out.movable = True
        producers[id(node.out)] = node
    plan.captured = []
    places = {id(y): i for i, y in enumerate(inputs)}
    for node in plan.nodes:
        for x in inputs_of(node):
            if id(x) not in producers and id(x) not in places and id(x) not in seen:
                if x.abstract:
                    raise AbstractValueError(
                        "a hybridized block used an array that was made in another dry run or "
                        "trace; make it inside forward(), or pass it in")
                seen[id(x)] = x
                plan.captured.append(x)
    plan.was_tracked = [tracked(t) for t in plan.captured]
    plan.origins = []
    order = [id(out) for out in plan.outputs]
    plan.firsts = [order.index(i) for i in order]
    for out in plan.outputs:
        if out.abstract and id(out) not in producers and id(out) not in places:
            raise AbstractValueError(
                "a hybridized block returned an array that was made in another dry run or trace; "
                "make it inside forward(), or pass it in")
        plan.origins.append(COMPUTED if id(out) in producers else places.get(id(out), CAPTURED))
    plan.lives = lifetimes(plan.nodes, plan.outputs, plan.recording)
    plan.groups = groups_of_results(plan.nodes, plan.lives[1])
    bases = {plan.lives[0][i] for i, node in enumerate(plan.nodes) if id(node.out) in order}
    plan.handed = [plan.nodes[base] for base in sorted(bases) if base != OUTSIDE]
    allocate_groups(plan.groups)
    plan.nbytes = bytes_of(plan.groups)
    for node in plan.nodes:
        if node.needs & NEEDS_OUT:
            node.y = node.out
    if plan.recording:
        plan.nbytes *= 2
    return plan


# ---- what a block holds ------------------------------------------------------------------------

cdef long long changes = 0        # see generation()


def advance_generation():
    """Say that a plan or an optimizer's lists may be out of date; see generation()."""
    global changes
    changes += 1


cdef long long writes = 0         # to attributes of blocks that have run


def attribute_written():
    """Say that an attribute of a block has another value, which plans may have been made with."""
    global writes
    writes += 1


def is_building() -> bool:
    """Whether this thread runs Python code to make a plan of it.

    Examples
    --------
    >>> from microlazy.core.plan import is_building
    >>> is_building()
    False
    """
    cdef State* s = state()
    return s.tracing and s.unplanned


def same(a, b) -> bool:
    """Whether two values are one object, or equal plain values of one type.

    Examples
    --------
    >>> from microlazy.core.plan import same
    >>> same((2, 3), (2, 3)), same(1, True)
    (True, False)
    """
    if type(a) is tuple and type(b) is tuple and len(a) == len(b):
        return all([same(x, y) for x, y in zip(a, b)])
    return a is b or (type(a) is type(b) and type(a) in PLAIN and a == b)


def generation() -> int:
    """How often a parameter's array was replaced, or its grad_req, lr_mult or wd_mult changed."""
    return changes


class AttributeChange(AbstractValueError):
    """forward() gave an attribute another value, which a plan would not do again.

    Examples
    --------
    >>> from microlazy.core.plan import AttributeChange
    >>> issubclass(AttributeChange, RuntimeError)
    True
    """


cdef class CachedPlan:
    """The plans of a hybridized block, one for each kind of call.

    When they are too many or take too much memory, those go that were not used for longest. A call
    of a new kind runs eagerly when too few runs have paid for making its plan, or when NumPy arrays
    are among its arguments: a plan could not tell whether they have changed. What a plan cannot
    hold, such as control flow on values, runs eagerly too, in this mode from then on; blocks inside
    keep plans of their own.

    Parameters
    ----------
    source : object
        Has `forward(*args)`, which a plan records; `call(args)`, for calls inside another trace;
        `arrays()`, the arrays of the parameters, which tells whether one was replaced;
        `attributes()`, a list of what else a plan was made with; and `refused(error)`, told why
        there can be no plan.
    most_bytes : int
        How much memory the plans may take together; the one that was made last is always kept.
    once : bool
        Whether no graph will be retained for a second backward pass, as in `train`. Gradients then
        take the memory of results that were read for the last time.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.gluon import nn
    >>> net = nn.Dense(2, in_units=3)
    >>> net.initialize()
    >>> net.hybridize()
    >>> net(nd.ones((4, 3))).shape
    (4, 2)
    """
    cdef object source
    cdef long long generation     # when the plans were last checked
    cdef long long writes         # when the attributes were last looked at
    cdef list attributes
    cdef dict plans               # lists of them by their kind
    cdef Plan latest              # the last one that ran
    cdef long long calls
    cdef Py_ssize_t count, nbytes, most_bytes
    cdef bint once                # see the parameter
    cdef int paid                 # runs that have not yet paid for a plan
    cdef int eager                # bits of the modes in which no plan can be made
    cdef object refusal           # why the plan for the call that is going on could not be made
    cdef bint changing            # forward() changed an attribute, once

    def __init__(self, source, Py_ssize_t most_bytes=MOST_BYTES, bint once=False):
        self.source = source
        self.once = once
        self.most_bytes = most_bytes
        self.generation = changes
        self.plans = {}
        self.paid = FREE_PLANS * PRICE
        self.writes = -1

    def __call__(self, *args):
        cdef State* s = state()
        cdef int before
        if s.tracing:                 # inside another block's plan: run the Python code
            return self.source.call(args)
        if s.unplanned or self.eager & mode(s):
            return self.source.forward(*args)
        if not (several_devices and args and isinstance(args[0], Tensor)):
            return self.run(args)
        before = use_device(device_of(<Tensor> args[0]))
        try:
            return self.run(args)
        finally:
            use_device(before)

    cdef object run(self, tuple args):
        cdef list tensors = []
        cdef Plan plan = self.choose(args, tensors)
        return self.run_without(args) if plan is None else plan.run(tensors)

    def train(self, *args):
        """Call under record(), go back from the first array of the result, and return all of it."""
        cdef State* s = state()
        cdef State before = s[0]
        cdef list tensors = []
        cdef Plan plan = None
        set_mode(s, True, s.tracing)
        s.training = True
        try:
            if several_devices or s.tracing or s.unplanned or self.eager & mode(s):
                result = self(*args)
            else:
                plan = self.choose(args, tensors)
                if plan is not None and plan.goes_straight(tensors):
                    return plan.train(tensors)
                result = self.run_without(args) if plan is None else plan.run(tensors)
        finally:
            s[0] = before
            set_mode(s, s.recording, s.tracing)     # whether that is plain may have changed
        go_back_from(result[0])
        if plan is not None:
            plan.note_inspected()
        return result

    def steps(self, *args) -> list:
        """What a call with these arguments would do, in this thread's mode.

        Returns
        -------
        list of tuple
            For each step: its op; its operands, as ("input", number), ("array", array) or ("step",
            number); the result's shape and dtype; the number of the buffer that it is in, None for
            the memory of an input or array; its bytes; whether it is a view; and the last step
            that needs its memory, None if that is needed after the call.

        Raises
        ------
        AbstractValueError
            If there can be no plan for such a call.

        Examples
        --------
        >>> from microlazy import nd
        >>> from microlazy.gluon import nn
        >>> net = nn.HybridLambda(lambda F, x: F.exp(x * 2))
        >>> [step.op for step in net.plan(nd.ones((2,))).steps]
        ['multiply', 'exp']
        """
        cdef Plan plan = self.choose(args, [])
        if plan is not None:
            return plan.steps()
        refusal, self.refusal = self.refusal, None
        if refusal is not None:
            raise refusal
        raise AbstractValueError("a call with NumPy arrays among its arguments, or of a kind for "
                                 "which too few calls have paid, runs without a plan")

    cdef Plan choose(self, tuple args, list tensors):
        """A plan for a call, whose arrays go into `tensors`; None if it is to run eagerly."""
        cdef object structure = len(args)
        cdef Plan plan
        cdef size_t kind
        cdef State* s = state()
        for x in args:
            if not isinstance(x, Tensor):
                structure = flatten(args, tensors)
                break
        else:
            tensors.extend(args)
        if self.generation != changes:
            self.drop_stale()
        if self.writes != writes:
            self.look_at_attributes()
        plan = self.latest
        if plan is None or not plan.fits(structure, tensors, s):
            kind = kind_of(tensors, s)
            if not mix_structure(&kind, structure):
                return None
            plan = self.find(kind, structure, tensors)
            if plan is None:
                plan = self.make(kind, structure, tensors)
            if plan is None:
                return None
            if self.latest is not None and self.latest.rest():
                self.nbytes -= self.latest.nbytes
            if plan.resting:
                self.nbytes += plan.nbytes
            self.latest = plan
        self.paid += self.paid < FREE_PLANS * PRICE
        self.calls += 1
        plan.used = self.calls
        return plan

    cdef Plan make(self, size_t kind, object structure, list tensors):
        """A new plan; None if none is paid for, or if there is a `refusal`."""
        cdef Plan plan
        if self.paid < PRICE:
            return None
        self.paid -= PRICE + 1
        try:
            plan = build(self.source.forward, structure, tensors)
        except Exception as error:
            self.refusal = error
            return None
        self.generation = changes         # tracing may initialize parameters
        plan.kind = kind
        plan.once = self.once
        self.add(plan)
        return plan

    cdef object run_without(self, tuple args):
        refusal, self.refusal = self.refusal, None
        return self.run_eagerly(args) if refusal is None else self.fall_back(args, refusal)

    cdef object fall_back(self, tuple args, object refusal):
        """Run eagerly what a plan cannot hold; the blocks inside may have plans."""
        cdef State* s = state()
        result = self.source.forward(*args)   # raises what an eager call raises
        if isinstance(refusal, AttributeChange) and not self.changing:
            self.changing = True              # forward() may have prepared something for good
            return result
        self.eager |= mode(s)
        self.source.refused(refusal)
        return result

    cdef int look_at_attributes(self) except -1:
        """Drop the plans if they were made with other attributes."""
        cdef list found = self.source.attributes(), before = self.attributes
        self.writes = writes
        self.attributes = found
        if before is None or (len(found) == len(before)
                              and all([same(a, b) for a, b in zip(found, before)])):
            return 0
        self.plans, self.latest = {}, None
        self.count = self.nbytes = 0
        return 0

    cdef Plan find(self, size_t kind, object structure, list tensors):
        """A plan of this kind that can run now, or None."""
        cdef Plan plan
        cdef State* s = state()
        for plan in self.plans.get(kind, ()):
            if plan.fits(structure, tensors, s):
                return plan
        return None

    cdef object run_eagerly(self, tuple args):
        cdef State* s = state()
        s.unplanned = True
        try:
            return self.source.forward(*args)
        finally:
            s.unplanned = False

    cdef int add(self, Plan plan) except -1:
        """Keep a plan, and throw out those that were not used for longest if it is too much."""
        cdef Plan other, oldest
        while self.count and (
                self.count >= MOST_PLANS or self.nbytes + plan.nbytes > self.most_bytes):
            oldest = None
            for plans in self.plans.values():
                for other in plans:
                    if (oldest is None or other.used < oldest.used) and (
                            self.count >= MOST_PLANS or not other.resting):
                        oldest = other
            if oldest is None:
                break
            self.drop(oldest)
        self.plans.setdefault(plan.kind, []).append(plan)
        self.count += 1
        self.nbytes += plan.nbytes
        return 0

    cdef int drop(self, Plan plan) except -1:
        cdef list plans = self.plans[plan.kind]
        plans.remove(plan)
        if not plans:
            del self.plans[plan.kind]
        self.count -= 1
        if not plan.resting:
            self.nbytes -= plan.nbytes
        if self.latest is plan:
            self.latest = None
        return 0

    cdef int drop_stale(self) except -1:
        """Drop plans that read arrays which are no longer a parameter's."""
        cdef dict live = {id(array): None for array in self.source.arrays()}
        for plans in list(self.plans.values()):
            for plan in list(plans):
                if not (<Plan>plan).reads(live):
                    self.drop(plan)
        self.generation = changes
        return 0
