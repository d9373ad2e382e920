"""Plans: a tape that is kept, and replayed without Python.

The first call of a hybridized block for given shapes, strides, dtypes and mode runs its Python code
once on abstract arrays, which gives the list of nodes. A plan gives their outputs memory and from
then on a call is: point the plan's inputs at the caller's arrays, run each node's forward(), hand
out the outputs. Eager calls run the very same nodes, so both give the same bits.
"""

cimport cython
from cpython.list cimport PyList_GET_ITEM, PyList_GET_SIZE
from libc.string cimport memcpy
from microlazy.core.calls cimport alike, flatten, unflatten
from microlazy.core.fuse cimport fuse, fusions_of
from microlazy.core.lifetimes cimport (
    OUTSIDE, allocate_again, allocate_gradients, allocate_groups, bytes_of, groups_of_results,
    inputs_of, lend_memory, lifetimes,
)
from microlazy.core.loops.elementwise cimport fill
from microlazy.core.ops.chain cimport Chain, take_apart
from microlazy.core.ops.convolution cimport tail_of
from microlazy.core.ops.pooled_convolution cimport PooledConvolution, bytes_kept, members_of
from microlazy.core.ops.writes cimport Write, note_arguments
from microlazy.core.optimizers.moves cimport Moves, order_moves
from microlazy.core.storage cimport Block
from microlazy.core.strided cimport add_to, assign
from microlazy.core.tape cimport (
    NEEDS_OUT, Node, Pass, State, Variable, arrange_finals, enlist, enlist_before,
    gradients_watched, hand, is_cut, is_leaf, lead_to, new_pass, note_reader, profiling, reach,
    set_mode, snapshot, state, tell_final, timed_backward, timed_forward, tracked,
)
from microlazy.core.tensor cimport (
    Slot, Tensor, alias, allocate, current_device, header, itemsize, like, look_at, look_away,
    need_values, numpy_dtype, shape_tuple, take_layout,
)

import gc

from microlazy.base import AbstractValueError
from microlazy.core.tape import traced_writes

cdef extern from "Python.h":
    Py_ssize_t Py_REFCNT(object x)


# ---- nodes of the outer tape, or plan ----------------------------------------------------------

@cython.no_gc
cdef class PlanStep(Node):
    cdef int count_holders(self, dict counts) except -1:
        self.plan.count_holders(counts)
        count_each(self.plan.captured, counts)
        return count_each(self.plan.outputs, counts)


cdef int count_each(list arrays, dict counts) except -1:
    for x in arrays:
        counts[id(x)] = counts.get(id(x), 0) + 1
    return 0


@cython.no_gc
@cython.final
cdef class PlanRun(Node):
    """One recorded run of a plan, as the outer tape sees it."""
    cdef Plan plan

    cdef int backward(self, Pass p) except -1:
        self.plan.go_back(p, None)
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
                    p.reading = <void*>node
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
        if is_cut(p, self.source):
            return 0
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
        if is_cut(p, self.source):
            return 0
        if p.recorded is not None and p.asked is not None and not self.source.plan.unrolled:
            self.source.plan.unroll(self.source)      # for create_graph
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
cdef class Plan:
    """The nodes of one block for one kind of call, bound to memory of their own."""

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
        return structure is self.structure or alike(structure, self.structure)

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
        try:
            if self.resting:
                self.wake()
            for i in range(PyList_GET_SIZE(self.handed)):
                node = <Node>PyList_GET_ITEM(self.handed, i)
                if self.counted and node.out.block.users > node.users:
                    allocate(node.out)      # somebody still holds what the last run computed
            self.run_nodes(remember)
        except BaseException:
            self.unbind()
            raise
        return 0 if self.counted else self.count()

    cdef int run_nodes(self, bint remember) except -1:
        cdef Py_ssize_t i
        cdef Node node
        for i in range(PyList_GET_SIZE(self.nodes)):
            node = <Node>PyList_GET_ITEM(self.nodes, i)
            if profiling:
                timed_forward(node)
            else:
                node.forward()
            if remember:
                snapshot(node)
        return 0

    cdef object run(self, list args):
        cdef object results
        self.running = True
        try:
            self.compute(args, self.recording)
            results = self.hand_out(args, self.recording)
            if self.pending is NULL:
                self.unbind()
        finally:
            self.running = False
        return results

    cdef bint goes_straight(self, list args) noexcept:
        """Whether a backward pass from the first output would stay in this plan, and be allowed."""
        return self.inspected and not has_node(args) and not has_node(self.captured)

    cdef int note_inspected(self) except -1:
        """Say that a run's backward pass, from the first output, was inspected and not refused."""
        cdef Tensor head = <Tensor>self.outputs[0]
        self.inspected = self.origins[0] == COMPUTED and isinstance(head.slot, Node)
        return 0

    cdef object train(self, list args, Moves moves):
        """Run, and go back from the first output at once: no node of it is on the outer tape.

        With `moves`, which are ready, weights are moved on the way.
        """
        cdef State* s = state()
        cdef State before = s[0]
        cdef Tensor head = <Tensor>PyList_GET_ITEM(self.outputs, 0)
        cdef bint accumulate
        cdef Pass p = new_pass()
        self.running = True
        try:
            self.compute(args, False)
            set_mode(s, False, False)
            if gradients_watched():
                expect_finals(p, self.nodes)
            fill(p.target(head, &accumulate), 1.0)
            self.go_back(p, moves)
            self.trained = p.number
            return self.hand_out(args, False)
        finally:
            set_mode(s, before.recording, before.tracing)
            self.running = False
            self.unbind()

    cdef Moves moves_of(self, object bound, list args):
        """The step of a bound program as this plan's passes back go; None if it has to wait.

        Nothing that is computed may depend on when a weight is moved, nor an error come between.
        """
        cdef Py_ssize_t i
        cdef Tensor x
        if self.bound is not bound or self.moves is None or gradients_watched():
            return None
        for i in range(PyList_GET_SIZE(args)):
            x = <Tensor>PyList_GET_ITEM(args, i)
            if x.block is None or self.moves.touches(x.block):
                return None
        return self.moves

    cdef int find_moves(self, object bound) except -1:
        """Find out, when a pass is over, whether the next ones may move weights."""
        if self.bound is not bound:
            self.bound, self.moves = bound, self.order(bound)
        return 0

    cdef Moves order(self, object bound):
        cdef Node node
        cdef Tensor x
        cdef dict last = {}           # by the id of an array, the first node that reads it
        for i, node in enumerate(self.nodes):
            if not node.steady():
                return None
            for x in inputs_of(node):
                last.setdefault(id(x), i)
        for x in bound.weights:
            if id(x) not in last or not is_leaf(x) or x.slot.written != self.trained:
                return None
        return order_moves(bound, [last[id(x)] for x in bound.weights], len(self.nodes),
                           self.captured)

    cdef Py_ssize_t length(self) noexcept:
        cdef Tensor head = <Tensor>PyList_GET_ITEM(self.outputs, 0)
        return head.shape_[0] if head.ndim else 1

    cdef int go_back(self, Pass p, Moves moves) except -1:
        """Run the backward of the nodes that a gradient reached, the last first."""
        cdef Py_ssize_t i
        cdef Node node
        if not self.has_gradients:
            if self.gradients is None:
                self.gradients = allocate_gradients(
                    self.nodes, self.outputs, self.groups, self.lives, self.once)
            else:
                allocate_again(self.gradients)
            self.has_gradients = True
        for i in range(PyList_GET_SIZE(self.nodes) - 1, -1, -1):
            node = <Node>PyList_GET_ITEM(self.nodes, i)
            if node.written == p.number:
                if profiling:
                    timed_backward(node, p)
                else:
                    node.backward(p)
            if p.finals is not None:
                tell_final(p, node)
            if moves is not None:
                moves.after(i)
        return 0

    cdef list steps(self):
        cdef Py_ssize_t i
        cdef Node node
        cdef Tensor x
        cdef dict places = {id(x): ("input", i) for i, x in enumerate(self.inputs)}
        cdef dict buffers = {id(node): (i, offset) for i, group in enumerate(self.groups)
                             for node, offset in group}
        cdef list found = [], bases, ends
        bases, ends = self.lives
        for i in range(len(self.nodes)):
            node = <Node>self.nodes[i]
            base = bases[i]
            found.append((
                node.name() + "+relu" * node.with_relu,
                [places.get(id(x), ("array", x)) for x in inputs_of(node)],
                shape_tuple(node.out),
                numpy_dtype(node.out.dtype).name,
                *((None, 0) if base == OUTSIDE else buffers[id(self.nodes[base])]),
                node.out.size * itemsize(node.out.dtype),
                bool(node.views),
                None if base == OUTSIDE or ends[base] == len(self.nodes) else ends[base],
                fusions_of(node),
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
        self.count_holders(counts)
        count_each(self.outputs, counts)
        for x in [*self.inputs, *[node.out for node in self.nodes]]:
            # Held by the list of this loop, by `x`, and by the list of inputs or its node.
            if Py_REFCNT(x) > 3 + <Py_ssize_t>counts.get(id(x), 0):
                return x
        return None

    cdef int count_holders(self, dict counts) except -1:
        """Count how often the nodes hold each array, those of plans inside too."""
        cdef Node node
        cdef Chain chain
        for node in self.nodes:
            count_each(inputs_of(node), counts)
            chain = <Chain>node if type(node) is Chain else tail_of(node)
            if chain is not None:
                if chain is not node:
                    count_each(chain.rest, counts)
            for member in members_of(node if chain is None else chain):
                count_each(inputs_of(<Node>member), counts)
            if isinstance(node, PlanStep):
                (<PlanStep>node).count_holders(counts)
        return 0

    cdef int unroll(self, Node run) except -1:
        """Put the nodes on the outer tape, before their run: the plan will not run again."""
        cdef Node node
        cdef list nodes = []
        for node in self.nodes:
            if type(node) is Chain:
                nodes += take_apart(node, (<Chain>node).members, (<Chain>node).results)
            elif type(node) is PooledConvolution:
                nodes += take_apart(node, (<PooledConvolution>node).members,
                                    (<PooledConvolution>node).results)
            else:
                nodes.append(node)
        self.unrolled = True
        self.nodes = self.groups = self.handed = []
        self.gradients = None
        self.inputs = []                # they stay with the nodes
        for node in nodes:
            node.planned = False
            if node.needs & NEEDS_OUT:
                node.y = alias(node.out)
            if node.out.slot is node:
                enlist_before(node, run)
            node.out = node.grad = None       # which shared memory by lifetime
        return 0

    cdef bint rest(self) noexcept:
        """Give the results' memory back, if nobody may still look at it."""
        cdef Node node
        cdef Tensor grad
        if (self.resting or self.running or not self.counted or self.unrolled
                or self.pending is not NULL):
            return False
        self.let_go_of_heads()
        if self.has_gradients:
            for grad, _owner, _offset in self.gradients:
                look_away(grad)
        for node in self.nodes:
            look_away(node.out)
            if type(node) is PooledConvolution:
                (<PooledConvolution>node).kept = None
            if isinstance(node, PlanStep):
                (<PlanStep>node).plan.rest()
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
                node.part = True
                if self.sole[i]:
                    node.users = (<Node>out.slot).users
                enlist(node)
                y.slot = node
            results.append(y)
        if self.result is Tensor:
            return results[0]
        return tuple(results) if self.in_a_row else unflatten(self.result, results)


cdef int expect_finals(Pass p, list nodes) except -1:
    """Note who read each leaf first, for a pass that was not inspected."""
    cdef Tensor x
    p.readers = {}
    for node in reversed(nodes):
        p.reading = <void*>node
        for x in inputs_of(<Node>node):
            if tracked(x) and is_leaf(x):
                note_reader(p, x)
    return arrange_finals(p)


cdef bint has_node(list arrays) noexcept:
    """Whether one of the arrays was computed under record(), so that a gradient goes on from it."""
    cdef Py_ssize_t i
    cdef Slot slot
    for i in range(PyList_GET_SIZE(arrays)):
        slot = (<Tensor>PyList_GET_ITEM(arrays, i)).slot
        if slot is not None and type(slot) is not Variable and isinstance(slot, Node):
            return True
    return False


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


cdef int refuse_writes_outside(Plan plan, dict writes) except -1:
    """Refuse writes to arrays that the program has too: a run of the plan would not make them."""
    cdef Block block
    cdef Tensor x
    arrays = {id(x): x for node in plan.nodes for x in inputs_of(<Node>node)}
    arrays |= {id(x): x for x in plan.outputs}
    for block, _ in writes.values():
        if block.users > sum([x.block is block for x in arrays.values()]):
            raise AbstractValueError("an array that is there before the call is changed in place, "
                                     "which a plan would not do again")
    return 0


cdef int undo_writes(dict writes) except -1:
    cdef Block block
    cdef bytes before
    for block, before in writes.values():
        memcpy(block.data, <const char*>before, block.nbytes)
    return 0


cdef int refuse_writes_beside_plans(list nodes) except -1:
    """Refuse writes in place beside plans inside steps, which know arrays as they were."""
    cdef Node node
    if any([isinstance(node, PlanStep) for node in nodes]):
        for node in nodes:
            if type(node) is Write:
                need_values(node.out, "it was to be changed in place")
    return 0


cdef Plan build(object forward, object structure, list args, list variables=None):
    """Trace `forward` on abstract arrays and bind what it did to memory.

    With `variables`, the slots of its inputs, it is a plan inside another, whose arrays it may use.
    """
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
        if variables is not None:
            y.slot = variables[len(inputs)]
        elif s.recording:
            y.slot = x.slot
        inputs.append(y)
    plan.inputs = inputs
    stand_ins.extend(inputs)
    set_mode(s, s.recording, True)
    s.trace = <void*>plan.nodes
    s.unplanned = True
    if variables is None:
        note_arguments(plan.nodes, inputs, s.recording)
    traced_writes[id(plan.nodes)] = writes = {}
    try:
        if type(structure) is int:
            result = forward(*stand_ins)
        else:
            result = forward(*unflatten(structure, stand_ins))
    except BaseException:
        undo_writes(writes)
        raise
    finally:
        del traced_writes[id(plan.nodes)]
        note_arguments(plan.nodes, None, False)
        s[0] = before
        set_mode(s, s.recording, s.tracing)     # whether that is plain may have changed
    plan.outputs = []
    plan.result = flatten(result, plan.outputs)
    plan.in_a_row = type(result) is tuple and plan.result[2] == [Tensor] * len(result)
    result = y = None
    stand_ins.clear()
    try:
        refuse_kept(plan)
        refuse_writes_outside(plan, writes)
        refuse_writes_beside_plans(plan.nodes)
    except BaseException:
        undo_writes(writes)
        raise
    plan.nodes = fuse(plan.nodes, plan.outputs)
    for node in plan.nodes:
        node.planned = node.out.movable = True
        producers[id(node.out)] = node
    plan.captured = []
    places = {id(y): i for i, y in enumerate(inputs)}
    for node in plan.nodes:
        for x in inputs_of(node):
            if id(x) not in producers and id(x) not in places and id(x) not in seen:
                if x.abstract and variables is None:
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
        if (out.abstract and id(out) not in producers and id(out) not in places
                and variables is None):
            raise AbstractValueError(
                "a hybridized block returned an array that was made in another dry run or trace; "
                "make it inside forward(), or pass it in")
        plan.origins.append(COMPUTED if id(out) in producers else places.get(id(out), CAPTURED))
    plan.lives = lifetimes(plan.nodes, plan.outputs, plan.recording)
    plan.groups = groups_of_results(plan.nodes, plan.lives)
    bases = {plan.lives[0][i] for i, node in enumerate(plan.nodes) if id(node.out) in order}
    plan.handed = [plan.nodes[base] for base in sorted(bases) if base != OUTSIDE]
    allocate_groups(plan.groups)
    lend_memory(plan.nodes, plan.groups, plan.lives[1])
    plan.nbytes = bytes_of(plan.groups)
    for node in plan.nodes:
        if node.needs & NEEDS_OUT:
            node.y = node.out
    if plan.recording:
        plan.nbytes *= 2
    plan.nbytes += sum([bytes_kept(<Node>node) for node in plan.nodes])
    plan.nbytes += sum([(<PlanStep>node).plan.nbytes for node in plan.nodes
                        if isinstance(node, PlanStep)])
    return plan
