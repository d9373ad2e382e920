"""Reverse-mode differentiation on a tape (Wengert 1964; Griewank & Walther 2008).

Nodes stand on one tape in the order in which they ran, so that walking it backwards is a reverse
topological order. A node is owned by the arrays computed from it, not by the tape: what nobody can
reach any more leaves the tape by itself.
"""

cimport cython
from cpython.ref cimport Py_DECREF, Py_INCREF
from microlazy.core.kernels.select cimport kernels
from microlazy.core.storage cimport Block
from microlazy.core.strided cimport assign, overlap
from microlazy.core.tensor cimport (
    BOOL, FLOAT64, NP, Slot, Tensor, alias, allocate, ask_before_export, current_device, device_of,
    header, is_float, like, need_values, numpy_dtype, same_shape, shape_tuple, use_device,
    view_numpy,
)

import operator
import os
import sys
import warnings
from threading import get_ident
from time import perf_counter_ns as clock

from microlazy.base import MXNetError, ShapeError
from microlazy.context import manage

cdef extern from * nogil:
    "static MICROLAZY_THREAD_LOCAL ml_state the_state = {0, 0, 0, 1, 0, 0, 0};"
    State the_state

cdef void* tail = NULL                  # the newest node on the tape
cdef long long passes = 0
cdef list dying = []                    # inputs of dead nodes, dropped one by one: no recursion
cdef bint burying = False


cdef State* state() noexcept nogil:
    if several_devices:         # said by any thread
        the_state.plain = False
    return &the_state


# ---- profiling ---------------------------------------------------------------------------------

cdef bint observed = False
cdef bint profiling = False
cdef list timings = []                  # of ops: name, begin and end in nanoseconds, thread
cdef Node early = None                  # an op that began before its forward()
cdef object early_begin = None


cdef int begin_early(Node node) except -1:
    global early, early_begin
    early, early_begin = node, clock()
    return 0


cdef int note(str name, object begin) except -1:
    timings.append((name, begin, clock(), get_ident()))
    return 0


cdef int timed_forward(Node node) except -1:
    global early
    begin = early_begin if node is early else clock()
    early = None
    node.forward()
    return note(node.name(), begin)


cdef int timed_backward(Node node, Pass p) except -1:
    name, begin = node.name(), clock()
    node.backward(p)
    return note(f"_backward_{name}", begin)


def profile(bint on) -> None:
    """Note, or note no more, when each op begins and ends.

    Another thread that computes already is seen as soon as it enters a scope such as record().

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.core.tape import profile, take_timings
    >>> profile(True)
    >>> y = nd.ones((2,)) * 2
    >>> profile(False)
    >>> [name for name, begin, end, thread in take_timings()]
    ['multiply']
    """
    global profiling, early
    profiling = on
    early = None
    observe()


def take_timings() -> list:
    """Return what was noted since the last call: (op, begin, end, thread), in nanoseconds."""
    global timings
    taken, timings = timings, []
    return taken


# ---- contexts ----------------------------------------------------------------------------------

cdef bint several_devices = False


cdef int put(Tensor x, int device) except -1:
    if x.block is not None:
        x.block.device = device
    return mind_devices() if device else 0


cdef int mind_devices() noexcept:
    """From now on no op takes its fast path, so that run() sees all of them."""
    global several_devices
    several_devices = True
    set_mode(&the_state, the_state.recording, the_state.tracing)
    return 0


def _enter(int device) -> None:
    """Make arrays on this context from now on, in this thread.

    Examples
    --------
    >>> from microlazy import cpu, nd
    >>> with cpu(1):
    ...     nd.zeros((2,)).ctx
    cpu(1)
    """
    if device:
        mind_devices()
    use_device(device)


def _where() -> int:
    """The context that this thread makes arrays on."""
    return current_device()


manage(_enter, _where)


cdef int go_to_inputs(Node node) except -1:
    """Let this thread make arrays where a node's first input is; return where it made them."""
    cdef Tensor x = node.a
    if x is None and node.rest:
        x = <Tensor> node.rest[0]
    if x is None or x.block is None:
        return current_device()
    return use_device(x.block.device)


# ---- watching ops ------------------------------------------------------------------------------

cdef object watcher = None              # called with each op's name, inputs and result


cdef int observe() except -1:
    global observed
    observed = profiling or watcher is not None
    set_mode(&the_state, the_state.recording, the_state.tracing)
    return 0


def watch(function):
    """Have ``function(name, inputs, out)`` called after each op, of any thread, that is seen.

    Those of initializers are not shown. Another thread that computes already is seen as soon as it
    enters a scope such as record().

    Parameters
    ----------
    function : callable or None
        None to watch no more.

    Returns
    -------
    callable or None
        The function that watched before.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.core.tape import watch
    >>> before = watch(lambda name, inputs, out: print(name, len(inputs), out.shape))
    >>> y = nd.ones((2,)) * 2
    multiply 1 (2,)
    >>> _ = watch(before)
    """
    global watcher
    before = watcher
    watcher = function
    observe()
    return before


cdef int show(Node node, list inputs, Tensor out) except -1:
    watcher(node.name(), inputs, out)
    return 0


cdef list arrays_into(Node node):
    cdef list inputs = [x for x in (node.a, node.b, node.c) if x is not None]
    return inputs if node.rest is None else inputs + node.rest


# ---- slots -------------------------------------------------------------------------------------

@cython.no_gc
cdef class Variable(Slot):
    pass


cdef class Pass:
    cdef Tensor target(self, Tensor x, bint* accumulate):
        """The array that takes x's gradient, or None. It is overwritten first, then added to."""
        cdef Slot slot = x.slot
        cdef Variable variable
        if slot is None:
            return None
        if type(slot) is Variable:
            variable = <Variable>slot
            if variable.req == NULL_REQ:
                return None
            if self.asked is not None:
                return self.asked_target(variable, x, accumulate)
            accumulate[0] = slot.written == self.number or (
                variable.req == ADD and slot.grad is not None)
            slot.written = self.number
            variable.fresh = True
        elif is_cut(self, <Node>slot):
            return None
        else:
            accumulate[0] = slot.written == self.number
            if not accumulate[0]:
                reach(self, <Node>slot)
            elif slot.grad.block.users > 1 and not (<Node>slot).planned:
                own_gradient(slot)
        if slot.grad is None:
            slot.grad = like(x)
        return slot.grad

    cdef Tensor asked_target(self, Variable variable, Tensor x, bint* accumulate):
        """The pass keeps these itself: other threads may want gradients by the same variable."""
        cdef Tensor grad
        if variable not in self.asked:
            return None
        grad = self.asked[variable]
        accumulate[0] = grad is not None
        if grad is None:
            grad = self.asked[variable] = like(x)
        return grad

    cdef bint wants(self, Tensor x) noexcept:
        """Whether target(x) would give an array."""
        cdef Slot slot
        if x is None or x.slot is None:
            return False
        slot = x.slot
        if type(slot) is Variable:
            return (<Variable>slot).req != NULL_REQ and (
                self.asked is None or slot in self.asked)
        if self.recorded is None:
            return not is_cut(self, <Node>slot)
        return slot.wanted == self.number or (<Node>slot).leading == self.number


cdef bint is_cut(Pass p, Node node) noexcept:
    """Whether the graph ends here: an earlier pass used it before its reader was recorded."""
    return node.done and node.inspected != p.number and node.written < p.number


cdef int own_gradient(Slot slot) except -1:
    """A gradient that other nodes read too is copied before it is added to."""
    cdef Tensor shared = slot.grad
    slot.grad = like(shared)
    return assign(slot.grad, shared)


cdef bint may_share(Pass p, Tensor x, Tensor grad) noexcept:
    """Whether x's node can read `grad` where it lies: it is the first gradient that comes there.

    Not a leaf's, nor one that autograd.grad() hands out: those are the program's. A node of a plan
    has memory of its own, and one without an input hands the array itself to others.
    """
    cdef Slot slot = x.slot
    if slot is None or type(slot) is Variable or slot.grad is not None:
        return False
    if slot.written == p.number or slot.wanted == p.number:
        return False
    if (<Node>slot).planned or (<Node>slot).done or (<Node>slot).a is None:
        return False
    return grad.contiguous and grad.dtype == x.dtype and grad.face == x.face and (
        same_shape(grad, x) and device_of(grad) == device_of(x))


cdef int share(Pass p, Tensor x, Tensor grad) except -1:
    reach(p, <Node>x.slot)
    x.slot.grad = alias(grad)
    return 0


cdef Pass new_pass():
    global passes
    cdef Pass p = Pass.__new__(Pass)
    passes += 1
    p.number = passes
    p.recorded_at = -1
    return p


cdef int reach(Pass p, Node node) except -1:
    if node.done:                           # by user code that this pass ran after looking at it
        return refuse_graph(node)
    node.written = p.number
    if not node.planned:
        Py_INCREF(node)
        node.awaited = True
        p.pending += 1
    return 0


cdef int lead_to(Pass p, Node node) except -1:
    if node.inspected == p.number:
        node.read_at = min(node.read_at, p.recorded_at)
        return 0
    if node.done and node.written <= p.recorded_at:     # MXNet takes what it computed as a constant
        p.cut = node
        return 0
    if node.done or node.awaited:
        return refuse_graph(node)
    node.inspected = p.number
    node.read_at = p.recorded_at
    if not node.planned:
        p.unseen += 1
    return 0


cdef int refuse_graph(Node node) except -1:
    if node.done:
        raise MXNetError(
            f"the graph behind this array (its {node.name()} op) was already used by a backward "
            "pass, which frees it. To go through the same graph again, pass retain_graph=True "
            "to the first backward()")
    raise MXNetError(
        f"the graph behind this array (its {node.name()} op) is just being gone through by "
        "another backward pass. Inside a Function's backward(), compute on detach()ed arrays")


cdef Tensor output_of(Node node):
    cdef Tensor y = alias(node.y)
    y.slot = node
    return y


cdef int hand(Pass p, Tensor x, Tensor g) except -1:
    cdef Slot slot = x.slot
    if type(slot) is Variable:
        before = p.asked[slot]
        p.asked[slot] = g if before is None else before + g
        return 0
    if slot.written == p.number:
        slot.grad = slot.grad + g
        return 0
    if is_cut(p, <Node>slot):
        return 0
    slot.grad = g
    return reach(p, <Node>slot)


cdef int lead_to_array(Pass p, Tensor x) except -1:
    if x is None or x.slot is None:
        return 0
    if type(x.slot) is Variable:
        p.found_leaf = True
        if p.given is not None and x.slot.grad is not None:
            keep_apart(p.given, x.slot.grad)
        return 0 if p.readers is None else note_reader(p, x)
    if (<Node>x.slot).planned and not p.in_plan:
        raise MXNetError(
            f"a gradient cannot go back through an array of shape {shape_tuple(x)} that the "
            "forward() of a hybridized block kept (as self.h = ...): return it from forward(), "
            "detach() it, or call hybridize(False)")
    return lead_to(p, <Node>x.slot)


cdef int keep_apart(list given, Tensor grad) except -1:
    """Head gradients that a write to a leaf's gradient would change are not read where they lie."""
    cdef Py_ssize_t i
    for i in range(len(given)):
        if given[i] is not None and overlap(<Tensor>given[i], grad):
            given[i] = None
    return 0


# ---- nodes -------------------------------------------------------------------------------------

@cython.no_gc
cdef class Node(Slot):
    cdef int forward(self) except -1:
        raise NotImplementedError(self.name())

    cdef int backward(self, Pass p) except -1:
        return 0

    cdef int derive(self, Pass p, Tensor g) except -1:
        raise MXNetError(f"create_graph=True: the gradient of {self.name()} is not differentiable "
                         "again in microlazy")

    cdef bint leads(self, Pass p) noexcept:
        cdef Tensor x
        if p.wants(self.a) or p.wants(self.b) or p.wants(self.c):
            return True
        if self.rest is not None:
            for x in self.rest:
                if p.wants(x):
                    return True
        return False

    cdef int inspect(self, Pass p) except -1:
        cdef Tensor x
        check(self)
        lead_to_array(p, self.a)
        lead_to_array(p, self.b)
        lead_to_array(p, self.c)
        if self.rest is not None:
            for x in self.rest:
                lead_to_array(p, x)
        return 0

    cdef int release(self) except -1:
        """Drop what backward needed; a second backward is refused."""
        self.done = True
        bury(self)
        return 0

    cdef bint steady(self) noexcept:
        return False

    cdef bint take_relu(self) noexcept:
        return False

    cdef int sharing(self, Block block) noexcept:
        return self.y is not None and self.y.block is block

    cdef str name(self):
        return type(self).__name__.lower()

    def __dealloc__(self):
        if self.listed:
            unlist(self)
        bury(self)


cdef void bury(Node node) noexcept:
    """Drop a node's inputs without recursion: a chain may be a million nodes long."""
    global burying
    if node.a is not None:
        if node.a.slot is not None:
            dying.append(node.a)
        node.a = None
    if node.b is not None:
        if node.b.slot is not None:
            dying.append(node.b)
        node.b = None
    if node.c is not None:
        if node.c.slot is not None:
            dying.append(node.c)
        node.c = None
    node.y = None
    if node.rest is not None:
        dying.extend(node.rest)
        node.rest = None
    if not burying:
        burying = True
        while dying:
            dying.pop()
        burying = False


cdef void* newest_node() noexcept:
    return tail


cdef void enlist(Node node) noexcept:
    global tail
    node.recorded_at = passes
    node.earlier = tail
    node.later = NULL
    if tail is not NULL:
        (<Node>tail).later = <void*>node
    tail = <void*>node
    node.listed = True


cdef void enlist_before(Node node, Node later) noexcept:
    node.earlier = later.earlier
    node.later = <void*>later
    if later.earlier is not NULL:
        (<Node>later.earlier).later = <void*>node
    later.earlier = <void*>node
    node.listed = True


cdef void unlist(Node node) noexcept:
    global tail
    if node.earlier is not NULL:
        (<Node>node.earlier).later = node.later
    if node.later is not NULL:
        (<Node>node.later).earlier = node.earlier
    else:
        tail = node.earlier
    node.listed = False


cdef bint tracked(Tensor x) noexcept:
    """Whether a gradient is wanted of x or of what x was computed from."""
    if x is None or x.slot is None:
        return False
    return type(x.slot) is not Variable or (<Variable>x.slot).req != NULL_REQ


cdef bint is_leaf(Tensor x) noexcept:
    return type(x.slot) is Variable


cdef bint leads_to_gradient(Node node) noexcept:
    cdef Tensor x
    if tracked(node.a) or tracked(node.b) or tracked(node.c):
        return True
    if node.rest is not None:
        for x in node.rest:
            if tracked(x):
                return True
    return False


cdef bint tracked_integers(Tensor x) noexcept:
    return tracked(x) and not is_float(x.dtype)


cdef bint carries_gradient(Node node, Tensor out) noexcept:
    """Whether a gradient passes from `out` to what it was computed from.

    Floats that become integers lose it; integers keep the gradient of integers.
    """
    cdef Tensor x
    if is_float(out.dtype):
        return leads_to_gradient(node)
    if out.dtype == BOOL:
        return False
    if tracked_integers(node.a) or tracked_integers(node.b) or tracked_integers(node.c):
        return True
    if node.rest is not None:
        for x in node.rest:
            if tracked_integers(x):
                return True
    return False


cdef int snapshot(Node node) except -1:
    if node.needs & NEEDS_A:
        node.version_a = node.a.block.version
    if node.needs & NEEDS_B:
        node.version_b = node.b.block.version
    if node.needs & NEEDS_C:
        node.version_c = node.c.block.version
    if node.needs & NEEDS_OUT:
        node.version_y = node.y.block.version
    if node.needs & NEEDS_REST:
        node.versions = versions_of(node.rest)
    return 0


cdef list versions_of(list arrays):
    return [(<Tensor>x).block.version for x in arrays]


cdef int check(Node node) except -1:
    cdef Tensor x
    if node.needs & NEEDS_A and node.version_a != node.a.block.version:
        refuse_changed(node, node.a, node.version_a)
    if node.needs & NEEDS_B and node.version_b != node.b.block.version:
        refuse_changed(node, node.b, node.version_b)
    if node.needs & NEEDS_C and node.version_c != node.c.block.version:
        refuse_changed(node, node.c, node.version_c)
    if node.needs & NEEDS_OUT and node.version_y != node.y.block.version:
        refuse_changed(node, node.y, node.version_y)
    if node.needs & NEEDS_REST and node.versions != versions_of(node.rest):
        for x, version in zip(node.rest, node.versions):
            if x.block.version != version:
                refuse_changed(node, x, version)
    return 0


cdef int refuse_changed(Node node, Tensor x, unsigned long version) except -1:
    raise MXNetError(
        f"an array of shape {shape_tuple(x)} that the gradient of {node.name()} needs was changed "
        f"in place{line_that_wrote(x, version)} after it was used under record(). Change it after "
        "backward(), or work on a copy()")


cdef inline int compute(Node node, Tensor out) except -1:
    if not node.views:
        allocate(out)
    return timed_forward(node) if profiling else node.forward()


cdef int compute_there(Node node, Tensor out) except -1:
    """As MXNet does, give the result the context of the first input."""
    cdef int before = go_to_inputs(node)
    try:
        compute(node, out)
    finally:
        use_device(before)
    return 0


cdef Tensor run(Node node, Tensor out):
    cdef State* s = &the_state
    cdef list inputs = None
    node.out = out
    if s.tracing:
        out.abstract = True
        if s.trace is not NULL:
            (<list>s.trace).append(node)
        if s.recording and carries_gradient(node, out):
            out.slot = node
        return out
    refuse_abstract(node)
    if watcher is not None and s.stream == 0:
        inputs = arrays_into(node)
    if several_devices:
        compute_there(node, out)
    else:
        compute(node, out)
    node.out = None
    if s.recording:
        if carries_gradient(node, out):
            if node.needs & NEEDS_OUT:
                node.y = alias(out)
            snapshot(node)
            enlist(node)
            out.slot = node
        elif node.views and node.a.block.whole is NULL:
            node.a.block.whole = <void*>node.a      # a write into the view will have to find it
    if inputs is not None and watcher is not None:
        show(node, inputs, out)
    return out


cdef int refuse_abstract(Node node) except -1:
    """An array left over from a trace has no values to compute with."""
    cdef Tensor x
    if node.a is not None and node.a.abstract:
        need_values(node.a, "it was used after that")
    if node.b is not None and node.b.abstract:
        need_values(node.b, "it was used after that")
    if node.c is not None and node.c.abstract:
        need_values(node.c, "it was used after that")
    if node.rest is not None:
        for x in node.rest:
            need_values(x, "it was used after that")
    return 0


# ---- what leaves the tape ----------------------------------------------------------------------

cdef int may_be_seen(Tensor x) except -1:
    """Refuse recorded arrays to SciPy, whose functions would lose their gradient in silence."""
    if not (the_state.recording and tracked(x)):
        return 0
    frame, caller = sys._getframe(), None
    while frame is not None and package_of(frame) in ("numpy", "scipy"):
        if package_of(frame) == "scipy":
            caller = frame            # the function that the program called, in the end
        frame = frame.f_back
    if caller is not None:
        raise MXNetError(
            f"{caller.f_globals['__name__']}.{caller.f_code.co_name}: SciPy's functions in Python "
            "do not record, so the gradient would be lost. Use a function of np or npx; for "
            "numbers without a gradient give x.detach(), or call it outside record() or inside "
            "pause()")
    return 0


cdef str package_of(object frame):
    return str(frame.f_globals.get("__name__", "")).partition(".")[0]


ask_before_export(may_be_seen)


# ---- writes in place ---------------------------------------------------------------------------

cdef int may_write(Tensor x) except -1:
    need_values(x, "it was to be changed in place")
    if x.block.readonly:
        raise ValueError("this array is read-only: its memory belongs to a read-only array")
    if the_state.recording and tracked(x):
        refuse_write(x)
    return note_write(x.block) if the_state.tracing else 0


traced_writes = {}        # by the id of a plan's trace: blocks that were there, and their memory


cdef int note_write(Block block) except -1:
    """Keep what is written while a plan is made: a call that runs eagerly then writes it again."""
    cdef dict noted = (<dict>traced_writes).get(<size_t>the_state.trace)
    if noted is not None and id(block) not in noted:
        noted[id(block)] = block, block.data[:block.nbytes]
    return 0


cdef int refuse_write(Tensor x) except -1:
    raise MXNetError(
        "in-place operations (+=, x[:] = ...) on an array with attach_grad(), or on memory that "
        "is shared with one, are not supported while recording with autograd; compute a new array, "
        "or change it outside record() or inside pause()")


cdef void wrote(Tensor x) noexcept:
    wrote_to(x.block)


cdef void wrote_to(Block block) noexcept:
    block.version += 1
    if tail is not NULL:
        remember_line(block)


cdef enum:
    LINES = 64

cdef list last_lines = [None] * LINES   # (a block's id, its version, file, line), newest anywhere
cdef unsigned int written_lines = 0
cdef str PACKAGE = os.path.dirname(os.path.dirname(__file__))


cdef int remember_line(Block block) noexcept:
    """Note which line of a program wrote to a block, for messages; done for live graphs only."""
    global written_lines
    frame = sys._getframe()
    while frame is not None and frame.f_code.co_filename.startswith(PACKAGE):
        frame = frame.f_back
    if frame is not None:
        last_lines[written_lines % LINES] = (
            <size_t><void*>block, block.version, frame.f_code.co_filename, frame.f_lineno)
        written_lines += 1
    return 0


cdef str line_that_wrote(Tensor x, unsigned long version):
    """The line that first changed x after it had a version, if it is still remembered."""
    places = [place for place in last_lines if place is not None
              and place[0] == <size_t><void*>x.block and place[1] > version]
    if not places:
        return ""
    place = min(places, key=operator.itemgetter(1))
    return f" at {place[2]}:{place[3]}"


# ---- watching gradients ------------------------------------------------------------------------

cdef object gradient_watcher = None     # called with each leaf's gradient as soon as it is final


def watch_gradients(function):
    """Have ``function(grad)`` called in each backward() as soon as a leaf's gradient is final.

    It is called while the pass still runs, with the array that a leaf has as `grad`, when the node
    that read the leaf first has been gone through. What `autograd.grad` returns is not shown.

    Parameters
    ----------
    function : callable or None
        None to watch no more.

    Returns
    -------
    callable or None
        The function that watched before.

    Examples
    --------
    >>> from microlazy import autograd, nd
    >>> from microlazy.core.tape import watch_gradients
    >>> a, b = nd.array([2.]), nd.array([5.])
    >>> a.attach_grad()
    >>> b.attach_grad()
    >>> with autograd.record():
    ...     y = (a * 3) * b
    >>> before = watch_gradients(lambda grad: print(grad.asscalar()))
    >>> y.backward()
    6.0
    15.0
    >>> _ = watch_gradients(before)
    """
    global gradient_watcher
    before = gradient_watcher
    gradient_watcher = function
    return before


cdef bint gradients_watched() noexcept:
    return gradient_watcher is not None


cdef int note_reader(Pass p, Tensor leaf) except -1:
    """Nodes are inspected newest first, so what stays noted is the one that read the leaf first."""
    p.readers[leaf.slot] = <size_t>p.reading
    return 0


cdef int arrange_finals(Pass p) except -1:
    p.finals = {}
    for slot, node in p.readers.items():
        p.finals.setdefault(node, []).append(slot)
    return 0


cdef int tell_final(Pass p, Node node) except -1:
    cdef Variable variable
    for variable in p.finals.pop(<size_t><void*>node, ()):
        if variable.written == p.number and gradient_watcher is not None:
            gradient_watcher(variable.grad)
    return 0


# ---- going back --------------------------------------------------------------------------------

cdef int inspect_graph(Pass p, void* newest) except -1:
    """Look at all that leads to the heads, so that a refusal comes before anything is written."""
    cdef void* position = newest
    cdef Node node
    while p.unseen > 0 and position is not NULL:
        node = <Node>position
        if node.inspected == p.number:
            p.unseen -= 1
            p.recorded_at = node.read_at if node.views or node.part else node.recorded_at
            p.reading = <void*>node
            node.inspect(p)
            if p.recorded is not None:
                p.recorded.append(node)
        position = node.earlier
    if p.cut is None:
        return 0
    if not p.found_leaf:
        return refuse_graph(p.cut)
    warnings.warn(
        f"the graph behind an array (its {p.cut.name()} op) was used and freed by an earlier "
        "backward pass, so the array counts as a constant in what was computed from it later. "
        "detach() says so without this warning; retain_graph=True keeps the graph for another pass",
        UserWarning, stacklevel=1)
    return 0


cdef int walk(Pass p, void* newest, bint retain) except -1:
    """Run the reached nodes' backward, newest first, until none is pending."""
    cdef void* position = newest
    cdef Node node = None
    try:
        while p.pending > 0 and position is not NULL:
            node = <Node>position
            if node.written == p.number:
                if profiling:
                    timed_backward(node, p)
                else:
                    node.backward(p)
                if p.finals is not None:
                    tell_final(p, node)
                if not retain:
                    node.release()
                leave(p, node)
                position = node.earlier
                if not retain:
                    unlist(node)
            else:
                if p.finals is not None:
                    tell_final(p, node)
                position = node.earlier
    except BaseException:
        leave_all(p, <void*>node)
        raise
    return 0


cdef void leave(Pass p, Node node) noexcept:
    """The pass is done with a node that it reached."""
    if node.wanted != p.number:
        node.grad = None
    node.awaited = False
    p.pending -= 1
    Py_DECREF(node)                         # what reach() took


cdef void leave_all(Pass p, void* newest) noexcept:
    """The pass failed: leave the nodes that it reached and has not come to."""
    cdef void* position = newest
    cdef Node node
    while p.pending > 0 and position is not NULL:
        node = <Node>position
        if node.awaited and node.written == p.number:
            leave(p, node)
        position = node.earlier


cdef int walk_recorded(Pass p) except -1:
    """As walk(), by each node's derive(): what it computes is on the tape, and the graph stays."""
    cdef Node node
    cdef Tensor g
    for node in p.recorded:                 # newest first, as they were inspected
        if node.written == p.number:
            g = node.grad
            if node.wanted != p.number:
                node.grad = None
            if node.leads(p):
                node.derive(p, g)
            leave(p, node)
    return 0


cdef list as_list(object arrays, str what):
    if isinstance(arrays, Tensor):
        return [arrays]
    try:
        arrays = list(arrays)
    except TypeError:
        raise TypeError(f"{what} must be arrays, not {type(arrays).__name__}") from None
    for x in arrays:
        if not isinstance(x, Tensor):
            raise TypeError(f"{what} must be arrays, not {type(x).__name__}")
    return arrays


cdef int give_head_gradient(Pass p, Tensor head, Tensor grad, bint in_place) except -1:
    """Ones without a gradient; `in_place`: it may be read where it lies."""
    cdef bint accumulate
    cdef Tensor target
    if in_place and may_share(p, head, grad):
        return share(p, head, grad)
    target = p.target(head, &accumulate)
    if target is None:
        return 0
    if not accumulate and grad is not None:
        return assign(target, grad)
    if not accumulate and target.dtype <= FLOAT64:
        kernels.fill[target.dtype](1.0, target.data, target.size)
        return 0
    array = view_numpy(target)
    value = 1.0 if grad is None else view_numpy(grad)
    array[...] = array + value if accumulate else value
    return 0


cdef int check_head(Pass p, Tensor head, object grad) except -1:
    need_values(head, "backward() was called on it")
    if not tracked(head):
        raise MXNetError(
            "Cannot differentiate: this array was not computed under autograd.record() from an "
            "array with attach_grad() (or a parameter), so there is no graph behind it")
    lead_to_array(p, head)
    if grad is None:
        return 0
    if not isinstance(grad, Tensor):
        raise TypeError(f"a head gradient must be an array, not {type(grad).__name__}")
    if not same_shape(head, <Tensor>grad):
        raise ShapeError(
            f"the head gradient has shape {shape_tuple(<Tensor>grad)}, but its array has shape "
            f"{shape_tuple(head)}")
    return need_values(<Tensor>grad, "it was given as a head gradient")


cdef enum:
    MOST_GIVEN = 64               # head gradients, each of which is compared with each leaf's


cdef int start_and_walk(Pass p, list heads, object head_grads, bint retain) except -1:
    cdef Py_ssize_t i, n = len(heads)
    cdef Node newest
    cdef list grads = [None] * n if head_grads is None else (
        [head_grads] if isinstance(head_grads, Tensor) else list(head_grads))
    if len(grads) != n:
        raise ValueError(f"{n} heads need {n} head gradients, {len(grads)} were given")
    for i in range(n):
        check_head(p, <Tensor>heads[i], grads[i])
    if n == 0:
        return 0
    if head_grads is not None and p.recorded is None and n <= MOST_GIVEN:
        p.given = list(grads)
        for head in heads:
            if is_leaf(<Tensor>head) and (<Tensor>head).slot.grad is not None:
                keep_apart(p.given, (<Tensor>head).slot.grad)
    if gradients_watched() and p.asked is None and p.recorded is None:
        p.readers = {}
    newest = newest_of(p, heads)            # owned, as head gradients may run anybody's code
    cdef void* start = NULL if newest is None else <void*>newest
    inspect_graph(p, start)
    try:
        if p.recorded is not None:
            return start_recorded(p, heads, grads)
        if p.readers is not None:
            arrange_finals(p)
        for i in range(n):
            give_head_gradient(p, <Tensor>heads[i], grads[i],
                               p.given is not None and p.given[i] is not None)
    except BaseException:
        leave_all(p, start)
        raise
    return walk(p, start, retain)


cdef Node newest_of(Pass p, list heads):
    """The node of that head which stands last on the tape, None if all are leaves."""
    cdef void* position = tail if len(heads) > 1 else NULL
    while position is not NULL and (<Node>position).inspected != p.number:
        position = (<Node>position).earlier
    if position is not NULL:
        return <Node>position
    for x in heads:
        if isinstance((<Tensor>x).slot, Node):
            return <Node>(<Tensor>x).slot
    return None


cdef int start_recorded(Pass p, list heads, list grads) except -1:
    cdef Node node
    cdef Tensor head, ones
    for node in reversed(p.recorded):       # oldest first: what leads to something wanted
        if node.leads(p):
            node.leading = p.number
    for head, grad in zip(heads, grads):
        if grad is None:
            ones = like(head)
            view_numpy(ones)[...] = 1
            grad = ones
        if p.wants(head):
            hand(p, head, fitted(<Tensor>grad, head))
    return walk_recorded(p)


cdef Tensor fitted(Tensor grad, Tensor head):
    """A head gradient as a new array of its head's dtype and array type, recorded."""
    cdef Tensor same = alias(grad)
    same.slot = grad.slot
    grad = same
    if grad.dtype != head.dtype:
        grad = grad.astype(numpy_dtype(head.dtype))
    if grad.face != head.face:
        grad = grad.as_np_ndarray() if head.face == NP else grad.as_nd_ndarray()
    return grad


cdef int go_back(Pass p, list heads, object head_grads, bint retain, bint train_mode) except -1:
    cdef State before = the_state
    set_mode(&the_state, p.recorded is not None, the_state.tracing)
    the_state.training = train_mode
    try:
        start_and_walk(p, heads, head_grads, retain)
    finally:
        set_mode(&the_state, before.recording, the_state.tracing)
        the_state.training = before.training
    return 0


cdef Tensor place_of(Tensor x):
    """Where x stands in the graph: its shape and slot, without its values."""
    cdef Tensor y = header(x.face, x.dtype, x.ndim, x.shape_)
    y.abstract = True
    y.slot = x.slot
    return y
