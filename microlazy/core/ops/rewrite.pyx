"""Writes in place that the graph takes part in.

The array takes the new values and a new place in the graph. What read it before keeps the old
place: the tape is searched for it. A node that needs the old values for its gradient will find
them changed, and backward() refuses; only constants that nobody but the tape sees, such as the
state of a loop behind detach(), are copied for it.
"""

cimport cython
from microlazy.core.ops.cast cimport cast, copied
from microlazy.core.ops.elementwise cimport masked
from microlazy.core.ops.indexing cimport gather, scattered
from microlazy.core.ops.shape cimport same_memory
from microlazy.core.ops.slots cimport give, hand_on
from microlazy.core.ops.writes cimport what_stayed
from microlazy.core.storage cimport Block
from microlazy.core.strided cimport assign, overlap
from microlazy.core.tape cimport (
    NEEDS_REST, Node, Pass, enlist, is_leaf, newest_node, place_of, refuse_write, state, tracked,
    tracked_integers, wrote,
)
from microlazy.core.tensor cimport (
    Slot, Tensor, alias, from_numpy, is_float, itemsize, like, need_values, shape_tuple, view_numpy,
)

import numpy

from microlazy.base import MXNetError

cdef extern from "Python.h":
    Py_ssize_t Py_REFCNT(object x)


# ---- what the tape holds of an array -----------------------------------------------------------

@cython.final
cdef class Use:
    """An array as an input of a node: its a, b, c (places 0 to 2) or one of its rest."""
    cdef Node node
    cdef Py_ssize_t place

    cdef Tensor array(self):
        if self.place == 0:
            return self.node.a
        if self.place == 1:
            return self.node.b
        if self.place == 2:
            return self.node.c
        return <Tensor>self.node.rest[self.place - 3]

    cdef bint needed(self) noexcept:
        return self.node.needs & (1 << self.place if self.place < 3 else NEEDS_REST) != 0

    cdef unsigned long version(self) except? 0:
        if self.place == 0:
            return self.node.version_a
        if self.place == 1:
            return self.node.version_b
        if self.place == 2:
            return self.node.version_c
        return self.node.versions[self.place - 3]

    cdef int keep(self, Tensor copy) except -1:
        """Let the node read a copy from now on."""
        self.replace(copy)
        if self.place == 0:
            self.node.version_a = copy.block.version
        elif self.place == 1:
            self.node.version_b = copy.block.version
        elif self.place == 2:
            self.node.version_c = copy.block.version
        else:
            self.node.versions[self.place - 3] = copy.block.version
        return 0

    cdef int replace(self, Tensor x) except -1:
        if self.place == 0:
            self.node.a = x
        elif self.place == 1:
            self.node.b = x
        elif self.place == 2:
            self.node.c = x
        else:
            self.node.rest[self.place - 3] = x
        return 0


cdef int add_use(list uses, Node node, Py_ssize_t place) except -1:
    cdef Use use = Use.__new__(Use)
    use.node = node
    use.place = place
    uses.append(use)
    return 0


cdef list uses_of(Tensor x, Slot oldest, int* own):
    """The nodes' inputs on x's memory; counts the arrays of their own there.

    What reads x is newer than `oldest`, the slot of x or what x is a view of. Beyond it
    the search goes on only for arrays on the memory that were not found yet.
    """
    cdef list uses = []
    cdef set found = {id(x)}
    cdef Block block = x.block
    cdef Node node
    cdef Tensor y
    cdef Py_ssize_t i
    cdef bint passed = False
    cdef void* position = newest_node()
    while position is not NULL and not (passed and own[0] + <int>len(found) >= block.users):
        node = <Node>position
        own[0] += node.sharing(block)
        if node.a is not None and node.a.block is block:
            found.add(id(node.a))
            add_use(uses, node, 0)
        if node.b is not None and node.b.block is block:
            found.add(id(node.b))
            add_use(uses, node, 1)
        if node.c is not None and node.c.block is block:
            found.add(id(node.c))
            add_use(uses, node, 2)
        if node.rest is not None:
            for i in range(len(node.rest)):
                y = <Tensor>node.rest[i]
                if y.block is block:
                    found.add(id(y))
                    add_use(uses, node, i + 3)
        passed = passed or node is oldest
        position = node.earlier
    return uses


cdef list bases_of(Tensor x):
    """The arrays that x is a view of, from x on."""
    cdef list bases = []
    cdef Node node
    while isinstance(x.slot, Node):
        node = <Node>x.slot
        if not node.views or node.a is None or node.a.block is not x.block:
            break
        x = node.a
        bases.append(x)
    return bases


cdef list whole_of(Tensor x):
    """The array without a place in the graph that x is known to be a view of, if there is one."""
    cdef Tensor whole
    if x.slot is not None or x.block.whole is NULL or x.block.whole is <void*>x:
        return []
    whole = <Tensor>x.block.whole
    if not whole.contiguous or whole.dtype != x.dtype or x.size == 0:
        return []
    cdef char* first = x.data
    cdef char* last = x.data + itemsize(x.dtype)
    cdef Py_ssize_t length
    cdef int i
    for i in range(x.ndim):
        length = (x.shape_[i] - 1) * x.strides_[i]
        if length < 0:
            first += length
        else:
            last += length
    if first < whole.data or last > whole.data + whole.size * itemsize(whole.dtype):
        return []
    return [whole]


# ---- a write -----------------------------------------------------------------------------------

cdef class Rewrite:
    pass


cdef bint rewrites(Tensor x, Tensor source) except -1:
    if not state().recording or not (tracked(x) or tracked(source)):
        return False
    need_values(x, "it was to be changed in place")
    if x.block.readonly:
        raise ValueError("this array is read-only: its memory belongs to a read-only array")
    if tracked(x) and (is_leaf(x) or state().tracing):
        refuse_write(x)
    return True


cdef Rewrite begin(Tensor x, Tensor part, Tensor source):
    cdef Rewrite r = Rewrite.__new__(Rewrite)
    cdef list bases = bases_of(x) or whole_of(x), uses
    cdef Slot oldest = (<Tensor>bases[len(bases) - 1]).slot if bases else x.slot
    cdef Tensor y
    cdef int hidden = part is not x       # arrays on the memory that the program cannot see
    cdef int apart = 0                # arrays that it can see, beside the part
    cdef dict counts = {}
    cdef set seen = set()             # all that it can see, but for x
    cdef Use use
    uses = uses_of(x, oldest, &hidden)
    for use in uses:
        y = use.array()
        counts[id(y)] = counts.get(id(y), 0) + 1
    counts.pop(id(x), None)
    for use in uses:
        y = use.array()
        if id(y) in counts and id(y) not in seen and Py_REFCNT(y) > (
                1 + <int>counts[id(y)] + <int>any([base is y for base in bases])):
            seen.add(id(y))
            apart += not overlap(y, part)
    hidden += len(counts) - len(seen)
    if bases and x.slot is None and id(bases[0]) not in counts:
        seen.add(id(bases[0]))        # no node reads it, and it is there: the program has it
    r.x = x
    r.before = place_of(x)
    r.bases = [(base, place_of(base)) for base in bases if id(base) in seen]
    if source is not None and source is not x and source.block is x.block and (
            id(source) not in seen and not overlap(source, part)):
        seen.add(id(source))
        apart += 1
    if x.block.users - 1 > hidden + apart + <int>len(r.bases):
        raise MXNetError(
            "under record(), what leads to a gradient cannot be written into an array that shares "
            "its memory with another one (a view, or what it is a view of): the other would lose "
            "the gradient. Write into a copy(), or drop the views first")
    for base, _ in r.bases:
        if is_leaf(<Tensor>base) or not (<Tensor>base).contiguous:
            refuse_write(<Tensor>base)
        seen.discard(id(base))
    leave(x, uses, seen)
    return r


cdef int leave(Tensor x, list uses, set seen) except -1:
    """Let the nodes' inputs stay what they were, but for values that can change a gradient."""
    cdef dict places = {}, copies = {}, shown = {}
    cdef Use use
    cdef Tensor y
    for use in uses:
        y = use.array()
        key = id(y)
        if key in seen:
            continue
        if not use.needed():
            if key not in places:
                places[key] = place_of(y)
            use.replace(places[key])
        elif not tracked(y) and use.version() == y.block.version:
            if key not in copies:
                copies[key] = like(y)
                assign(copies[key], y)
            use.keep(copies[key])
        else:
            if key not in shown:
                shown[key] = alias(y)
                (<Tensor>shown[key]).slot = y.slot
            use.replace(shown[key])
    return 0


cdef int finish(Rewrite r, Slot slot) except -1:
    cdef Tensor base
    cdef Shown node
    wrote(r.x)
    r.x.slot = slot
    for base, before in r.bases:
        key = places_in(base, r.x)
        base.slot = assigned(base, key, place_of(r.x), before)
        node = Shown.__new__(Shown)
        node.a = base
        node.key = key
        node.views = True
    if r.bases:                       # the view shows the outermost base as it is now
        enlist(node)
        r.x.slot = node
    return 0


cdef tuple places_in(Tensor base, Tensor part):
    """The places of a view in its contiguous base, as index arrays."""
    cdef Py_ssize_t size = itemsize(base.dtype), first = (part.data - base.data) // size
    places = numpy.arange(base.size)
    return numpy.unravel_index(numpy.lib.stride_tricks.as_strided(
        places[first:], shape_tuple(part),
        [part.strides_[i] // size * places.itemsize for i in range(part.ndim)]), shape_tuple(base))


cdef int become(Tensor x, Tensor result, Tensor source) except -1:
    cdef Rewrite r
    result = cast(result, x.dtype)
    if result.face != x.face:
        result = same_memory(result, x.face, False)
    if result.block is x.block or is_leaf(result):
        result = copied(result)
    r = begin(x, x, source)
    assign(x, result)
    return finish(r, result.slot)


# ---- x[key] = value ----------------------------------------------------------------------------

@cython.no_gc
@cython.final
cdef class Assigned(Node):
    """An array after `b[key] = a`: the gradient is a's at the key's places, else b's."""
    cdef object key

    cdef int backward(self, Pass p) except -1:
        cdef Tensor part
        if p.wants(self.a):
            grad = view_numpy(self.grad)
            stayed = what_stayed(self.key, grad.shape)
            grad = grad[self.key] if stayed is None else numpy.where(stayed, grad[self.key], 0)
            give(p, self.a, from_numpy(grad, self.a.face))
        if p.wants(self.b):
            part = from_numpy(view_numpy(self.grad), self.b.face)
            view_numpy(part)[self.key] = 0
            give(p, self.b, part)
        return 0

    cdef int derive(self, Pass p, Tensor g) except -1:
        cdef Tensor ones, part
        if p.wants(self.a):
            part = gather(g, self.key)
            stayed = what_stayed(self.key, shape_tuple(g))
            if stayed is not None:
                ones = like(part)
                view_numpy(ones)[...] = stayed
                part = masked(part, ones)
            hand_on(p, self.a, part)
        if p.wants(self.b):
            ones = like(g)
            array = view_numpy(ones)
            array[...] = 1
            array[self.key] = 0
            hand_on(p, self.b, masked(g, ones))
        return 0

    cdef str name(self):
        return "assignment"


@cython.no_gc
@cython.final
cdef class Shown(Node):
    """A view of `a` at a key's places, after one of them was written."""
    cdef object key

    cdef int backward(self, Pass p) except -1:
        return give(p, self.a, scattered(self.grad, self.key, self.a))

    cdef int derive(self, Pass p, Tensor g) except -1:
        return hand_on(p, self.a, scattered(g, self.key, self.a))

    cdef str name(self):
        return "view"


cdef Slot assigned(Tensor x, object key, Tensor value, Tensor before):
    cdef Assigned node
    value = value if tracked(value) else None
    before = before if tracked(before) else None
    if value is None and before is None:
        return None
    if not is_float(x.dtype) and not tracked_integers(value) and not tracked_integers(before):
        return None
    node = Assigned.__new__(Assigned)
    node.a = value
    node.b = before
    node.key = key
    enlist(node)
    return node
