"""Runs of elementwise nodes in a plan, joined into one that works block by block.

What is between the members is never in memory: a block of it is in the cache, and going back it is
computed again where a gradient reads it. The kernels, and the order in which gradients are added,
are those of the members, so all results are theirs to the bit.
"""

cimport cython
from microlazy.core.kernels.table cimport B_ADD, FIRST_COMPARISON
from microlazy.core.loops.chain cimport (
    ASKED, BINARY, BINARY_GRAD, FILL, MOST_ARRAYS, NORM, NUMBER, PASS, SPREAD, TIMES, UNARY,
    UNARY_GRAD, Tail, assemble,
)
from microlazy.core.loops.reductions cimport sum_to
from microlazy.core.ops.elementwise cimport BinaryOp, BinaryScalar, UnaryOp
from microlazy.core.ops.normalization cimport BatchNorm
from microlazy.core.strided cimport expanded
from microlazy.core.tape cimport NEEDS_OUT, NEEDS_REST, Node, Pass, check, snapshot, tracked
from microlazy.core.tensor cimport Tensor, allocate, like, same_shape

from microlazy.core.kernels import elementwise_rows

cdef enum:
    MOST_MEMBERS = 20             # whose inputs and their gradients are less than MOST_ARRAYS

# By stretches of the array these choose how to compute, which begin at each row of a broadcast.
cdef list looks_around = [bool(row.loop) for row in elementwise_rows.BINARY]
cdef list looks_around_alone = [bool(row.loop) for row in elementwise_rows.UNARY]


# ---- writing programs ----------------------------------------------------------------------------

cdef class Draft:
    """The steps of a program while they are written."""
    cdef Chain chain
    cdef list steps
    cdef dict places              # of the arrays and results that are at hand, by id
    cdef dict numbers             # of the inputs, by id
    cdef dict makers              # the members by their results' id
    cdef dict gradients           # of results: places
    cdef dict taken               # places of gradients of inputs that were written to
    cdef list targets
    cdef long long wanted
    cdef int tiles

    def __cinit__(self, Chain chain, long long wanted=0):
        cdef int i
        self.chain = chain
        self.wanted = wanted
        self.steps, self.targets = [], []
        self.gradients, self.taken = {}, {}
        operands = chain.rest[:chain.operands]
        self.places = {id(x): i for i, x in enumerate(operands)
                       if (<Tensor>x).size == chain.out.size}
        self.numbers = {id(x): i for i, x in enumerate(operands)}
        self.makers = {id(y): m for y, m in zip(chain.results, chain.members)}

    cdef int new_tile(self) except -1:
        self.tiles += 1
        return MOST_ARRAYS + self.tiles - 1

    cdef int write(self, int loop, int out, dict fields) except -1:
        self.steps.append({"loop": loop, "out": out, **fields})
        return out

    cdef int value(self, Tensor x) except -1:
        """Where x is, an input or a result: as it is needed first, it is put into a tile."""
        if id(x) not in self.places:
            if id(x) in self.makers:
                self.compute(<Node>self.makers[id(x)], x, self.new_tile())
            else:
                self.places[id(x)] = self.write(SPREAD, self.new_tile(), dict(
                    layout_of(x, self.chain.out), a=self.numbers[id(x)]))
        return self.places[id(x)]

    cdef int compute(self, Node node, Tensor y, int out) except -1:
        if type(node) is UnaryOp:
            self.write(UNARY, out, {"op": (<UnaryOp>node).op, "a": self.value(node.a)})
        elif type(node) is BinaryOp:
            self.write(BINARY, out, {"op": (<BinaryOp>node).op, "a": self.value(node.a),
                                     "b": self.value(node.b)})
        elif type(node) is BatchNorm:
            self.normalize(<BatchNorm>node, out)
        else:
            self.write(NUMBER, out, {
                "op": (<BinaryScalar>node).op, "a": self.value(node.a),
                "number": (<BinaryScalar>node).s, "which": (<BinaryScalar>node).swapped})
        self.places[id(y)] = out
        return 0

    cdef int normalize(self, BatchNorm node, int out) except -1:
        cdef int which = <int>[id(norm) for norm in self.chain.norms].index(id(node))
        return self.write(NORM, out, {
            "op": node.relu, "a": self.value(node.a), "b": self.chain.operands + which,
            "repeat": 1 if node.columns else node.cols, "period": node.channels})

    cdef object target(self, Tensor x):
        """Where a gradient of x goes, and whether it is added; None if none is wanted."""
        if id(x) in self.makers:
            if x.slot is not self.makers[id(x)]:
                return None
            if id(x) in self.gradients:
                return self.gradients[id(x)], 1
            self.gradients[id(x)] = self.new_tile()
            return self.gradients[id(x)], 0
        number = self.numbers[id(x)]
        if not self.wanted >> number & 1:
            return None
        if number in self.taken:
            return self.taken[number], 1
        place = len(self.chain.rest) + 2 + len(self.targets)
        self.targets.append(number)
        if not same_shape(x, self.chain.out):     # each is summed by itself
            return place, 0
        self.taken[number] = place
        return place, ASKED

    cdef int give(self, Tensor x, int loop, dict fields) except -1:
        where = self.target(x)
        if where is None:
            return 0
        return self.write(loop, where[0], dict(fields, accumulate=where[1]))

    cdef int hand_on(self, Tensor x, int g) except -1:
        """Give x the gradient that is there already."""
        if id(x) in self.makers and x.slot is self.makers[id(x)] and self.readers(x) == 1:
            self.gradients[id(x)] = g
            return 0
        return self.give(x, PASS, {"a": g})

    cdef int readers(self, Tensor x) except -1:
        cdef Node node
        cdef int count = 0
        for node in self.chain.members:
            count += (node.a is x) + (node.b is x)
        return count

    cdef int go_back(self, Node node, Tensor y, int g) except -1:
        """Write what node.backward() does, with the gradient of its result y at g."""
        if type(node) is UnaryOp:
            if self.wants(node.a):
                self.give(node.a, UNARY_GRAD, {
                    "op": (<UnaryOp>node).op, "g": g,
                    "a": self.value(node.a) if node.needs & ~NEEDS_OUT else g,
                    "y": self.value(y) if node.needs & NEEDS_OUT else g})
        elif type(node) is BinaryOp:
            self.go_back_by_two(<BinaryOp>node, y, g)
        else:
            self.go_back_by_number(<BinaryScalar>node, y, g)
        return 0

    cdef bint wants(self, Tensor x) except -1:
        if id(x) in self.makers:
            return x.slot is self.makers[id(x)]
        return self.wanted >> <int>self.numbers[id(x)] & 1

    cdef int go_back_by_two(self, BinaryOp node, Tensor y, int g) except -1:
        cdef int which
        cdef Tensor x
        for which in range(2):
            x = node.b if which else node.a
            if not self.wants(x):
                continue
            if node.op >= FIRST_COMPARISON:
                self.give(x, FILL, {"number": 0.0})
            elif node.op == B_ADD:
                self.hand_on(x, g)
            else:
                self.give(x, BINARY_GRAD, {
                    "op": node.op, "which": which, "g": g,
                    "a": self.value(node.a) if node.needs else g,
                    "b": self.value(node.b) if node.needs else g,
                    "y": self.value(y) if reads_result(node.op, which) else g})
        return 0

    cdef int go_back_by_number(self, BinaryScalar node, Tensor y, int g) except -1:
        cdef double slope
        cdef int a, s
        if not self.wants(node.a):
            return 0
        if node.op >= FIRST_COMPARISON:
            return self.give(node.a, FILL, {"number": 0.0})
        if node.is_linear(&slope):
            return self.hand_on(node.a, g) if slope == 1 else (
                self.give(node.a, TIMES, {"a": g, "number": slope}))
        a = self.value(node.a)
        s = self.write(FILL, self.new_tile(), {"number": node.s})
        return self.give(node.a, BINARY_GRAD, {
            "op": node.op, "which": node.swapped, "g": g, "a": s if node.swapped else a,
            "b": a if node.swapped else s,
            "y": self.value(y) if reads_result(node.op, node.swapped) else a})


cdef bint reads_result(int op, int which) except -1:
    return elementwise_rows.formula_reads(elementwise_rows.BINARY[op].gradients[which], "y")


cdef bint some_read(list steps, int first, int last) except -1:
    """Whether one of the steps reads one of the arrays at these places."""
    return any([first <= step.get(name, -1) <= last
                for step in steps for name in ("a", "b", "y", "g")])


cdef dict layout_of(Tensor x, Tensor out):
    cdef Py_ssize_t period = 1, repeat = 1
    cdef int axis
    cdef bint beyond = False      # past the axes that x has
    x = expanded(x, out.ndim, out.shape_)
    for axis in range(out.ndim - 1, -1, -1):
        if out.shape_[axis] == 1:
            continue
        if x.strides_[axis]:
            if beyond:
                return None
            period *= out.shape_[axis]
        elif period > 1:
            beyond = True
        else:
            repeat *= out.shape_[axis]
    return {"repeat": repeat, "period": period}


# ---- the node ------------------------------------------------------------------------------------

@cython.no_gc
@cython.final
cdef class Chain(Node):

    cdef int forward(self) except -1:
        cdef char* data[MOST_ARRAYS]
        self.find_arrays(data)
        return self.ahead.run(data, NULL, self.out.size, self.out.dtype)

    cdef int find_arrays(self, char** data) except -1:
        cdef int i
        for i in range(self.operands):
            data[i] = (<Tensor>self.rest[i]).data
        for i in range(<int>len(self.norms)):
            data[self.operands + i] = (<BatchNorm>self.norms[i]).find_kept(NULL)
        data[self.operands + len(self.norms)] = self.out.data
        return 0

    cdef int describe(self, Tail* tail, int first) except -1:
        self.ahead.describe(tail)
        tail.first = first
        return self.find_arrays(tail.data)

    cdef int backward(self, Pass p) except -1:
        cdef char* data[MOST_ARRAYS]
        cdef bint asked[MOST_ARRAYS]
        cdef bint accumulate
        cdef long long wanted = 0
        cdef bint spread = not self.grad.contiguous
        cdef int i, place, count = <int>len(self.rest)
        cdef Tensor x, target
        cdef list parts = []
        for i in range(count):
            x = <Tensor>self.rest[i]
            data[i] = x.data
            wanted |= <long long>p.wants(x) << i
        if wanted != self.wanted or spread != self.spread:
            self.write_back(wanted, self.grad if spread else None)
        data[count], data[count + 1] = self.out.data, self.grad.data
        for place, i in enumerate(self.targets, count + 2):
            x = <Tensor>self.rest[i]
            if same_shape(x, self.out):
                target = p.target(x, &accumulate)
                asked[place] = accumulate
            else:
                target = like(self.out)
                parts.append((x, target))
            data[place] = target.data
        self.back.run(data, asked, self.out.size, self.out.dtype)
        for x, target in parts:
            part = p.target(x, &accumulate)
            sum_to(target, part, accumulate)
        return 0

    cdef int write_ahead(self) except -1:
        cdef Draft draft = Draft(self)
        cdef int last = <int>len(self.members) - 1, i
        for i in range(last):
            draft.value(<Tensor>self.results[i])
        i = self.operands + <int>len(self.norms)
        draft.compute(<Node>self.members[last], self.out, i)
        self.ahead = assemble(draft.steps, i + 1)
        return 0

    cdef list write_back(self, long long wanted, Tensor g):
        cdef Draft draft = Draft(self, wanted)
        cdef int i, count = <int>len(self.rest)
        cdef Node last = <Node>self.members[len(self.members) - 1]
        if last.needs & NEEDS_OUT:
            draft.places[id(self.out)] = count
        draft.gradients[id(self.out)] = count + 1
        if g is not None:
            draft.gradients[id(self.out)] = draft.write(
                SPREAD, draft.new_tile(), dict(layout_of(g, self.out), a=count + 1))
        for i in range(<int>len(self.members) - 1, -1, -1):
            y = <Tensor>self.results[i]
            if id(y) in draft.gradients:
                draft.go_back(<Node>self.members[i], y, draft.gradients[id(y)])
        self.back = assemble(draft.steps, count + 2 + <int>len(draft.targets))
        self.targets = draft.targets
        self.wanted = wanted
        self.spread = g is not None
        return draft.steps

    cdef str name(self):
        return "+".join([(<Node>node).name() + "+relu" * (<Node>node).with_relu
                         for node in self.members])


cdef list take_apart(Node joined, list members, list results):
    cdef Node node
    cdef Tensor y
    check(joined)
    for node, y in zip(members, results):
        node.out = y
        if y is not joined.out:
            allocate(y)
            node.forward()
        elif y.slot is joined:
            y.slot = node
        if node.needs & NEEDS_OUT:
            node.y = y
        snapshot(node)
    joined.out = None
    return members


# ---- finding them --------------------------------------------------------------------------------

cdef tuple operands_of(Node node):
    return (node.a,) if type(node) is BatchNorm else (node.a, node.b)


cdef bint is_calm(Node node) except -1:
    if type(node) is UnaryOp:
        return not looks_around_alone[(<UnaryOp>node).op]
    if type(node) is BinaryOp:
        return not looks_around[(<BinaryOp>node).op]
    return type(node) is BatchNorm or not looks_around[(<BinaryScalar>node).op]


cdef bint is_link(Node node, Tensor out) except -1:
    cdef bint choosy = type(node) is BinaryOp and <bint>looks_around[(<BinaryOp>node).op]
    cdef Tensor x
    if type(node) is BatchNorm:           # whose gradient is no elementwise one
        if not (<BatchNorm>node).fixed or node.out.slot is not None:
            return False
    elif type(node) not in (UnaryOp, BinaryOp, BinaryScalar):
        return False
    if out.size == 0 or not same_shape(node.out, out) or node.out.dtype != out.dtype:
        return False
    for x in operands_of(node):
        if x is None or (x.contiguous and x.size == out.size):
            continue
        if choosy or not x.contiguous or layout_of(x, out) is None:
            return False
    return True


cdef Py_ssize_t end_of_chain(list nodes, Py_ssize_t start, dict readers) except -1:
    cdef Py_ssize_t i = start, last = start, far = 0
    cdef Tensor out = (<Node>nodes[start]).out
    cdef bint normed = False, recorded = False
    while i < len(nodes) and i < start + MOST_MEMBERS and is_link(<Node>nodes[i], out):
        normed |= type(nodes[i]) is BatchNorm
        recorded |= (<Node>nodes[i]).out.slot is not None
        if normed and recorded:
            break
        if far <= i:
            last = i
        far = max(far, <Py_ssize_t>max(readers.get(id((<Node>nodes[i]).out), (0,))))
        i += 1
    return last


cdef Chain join(list nodes):
    cdef Chain chain = Chain.__new__(Chain)
    cdef Node node
    cdef Tensor x
    cdef int i, count
    cdef long long wanted = 0
    chain.members = nodes
    chain.norms = [node for node in nodes if type(node) is BatchNorm]
    chain.results = [(<Node>node).out for node in nodes]
    chain.out = <Tensor>chain.results[len(nodes) - 1]
    chain.rest = []
    own = {id(y) for y in chain.results}
    for node in nodes:
        for x in operands_of(node):
            if x is not None and id(x) not in own:
                own.add(id(x))
                chain.rest.append(x)
    count = chain.operands = <int>len(chain.rest)
    for node in chain.norms:
        chain.rest += [x for x in (node.b, node.c, *node.rest) if x is not None]
    for i in range(count):
        wanted |= <long long>tracked(<Tensor>chain.rest[i]) << i
    chain.write_ahead()
    if chain.out.slot is chain.members[len(nodes) - 1]:
        steps = chain.write_back(wanted, None)
        chain.needs = (NEEDS_REST if some_read(steps, 0, count - 1) else 0) | (
            NEEDS_OUT if some_read(steps, count, count) else 0)
        chain.out.slot = chain
    for node in nodes:
        node.out = None               # which has the node as its slot
    return chain
