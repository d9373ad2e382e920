"""Memory by lifetime: a plan's results, or gradients, that are never needed at once share it.

Nodes run one after the other, forward from the first and backward from the last. A result is
needed until its last reader has run; while recording, longer if a backward() reads it. A gradient
is needed from its first writer, the last reader of the result, until its own node's backward().
Gradients may have the memory of results that no backward() reads; where there is one pass only,
also that of results which were read for the last time.
"""

from microlazy.core.storage cimport Block
from microlazy.core.tape cimport NEEDS_A, NEEDS_B, NEEDS_C, NEEDS_OUT, NEEDS_REST, Node
from microlazy.core.tensor cimport Tensor, allocate, header, itemsize, look_at

cdef list inputs_of(Node node):
    cdef list found = [x for x in (node.a, node.b, node.c) if x is not None]
    return found + node.rest if node.rest is not None else found


cdef list needed_by(Node node):
    """The arrays whose values the node's backward() reads."""
    cdef list found = []
    if node.needs & NEEDS_A:
        found.append(node.a)
    if node.needs & NEEDS_B:
        found.append(node.b)
    if node.needs & NEEDS_C:
        found.append(node.c)
    if node.needs & NEEDS_REST:
        found += node.rest
    if node.needs & NEEDS_OUT:
        found.append(node.out)
    return found


cdef Py_ssize_t size_of(Node node) noexcept:
    return node.out.size * itemsize(node.out.dtype)


cdef int group_by_fit(list free, Py_ssize_t nbytes, list sizes) except -2:
    """The smallest free group that holds so much, else the largest, which grows; -1 if none is."""
    if not free:
        return -1
    fitting = [group for group in free if sizes[group] >= nbytes]
    return min(fitting, key=sizes.__getitem__) if fitting else max(free, key=sizes.__getitem__)


cdef tuple lifetimes(list nodes, list outputs, bint recording):
    cdef Py_ssize_t i, count = len(nodes), base
    cdef Node node
    cdef dict places = {}               # of results among the nodes
    cdef list bases = [], ends = list(range(count))
    cdef set kept = set()
    for i in range(count):
        node = <Node>nodes[i]
        places[id(node.out)] = i
        base = i
        if node.views:
            base = bases[places[id(node.a)]] if id(node.a) in places else OUTSIDE
        bases.append(base)
        for x in inputs_of(node):
            if id(x) in places:
                base = bases[places[id(x)]]
                if base != OUTSIDE:
                    ends[base] = i
        if recording and node.out.slot is node:
            kept.update([bases[places[id(x)]] for x in needed_by(node) if id(x) in places])
    kept.update([bases[places[id(x)]] for x in outputs if id(x) in places])
    for base in kept:
        if base != OUTSIDE:
            ends[base] = count
    return bases, ends


cdef list groups_of_results(list nodes, list ends):
    cdef Py_ssize_t i, count = len(nodes)
    cdef Node node
    cdef list groups = [], sizes = [], free = []
    cdef dict ending = {}               # the groups that a step is the last to need
    cdef int group
    for i in range(count):
        node = <Node>nodes[i]
        if not node.views:
            group = -1 if ends[i] == count else group_by_fit(free, size_of(node), sizes)
            if group < 0:
                group = <int>len(groups)
                groups.append([])
                sizes.append(0)
            else:
                free.remove(group)
            sizes[group] = max(<Py_ssize_t>sizes[group], size_of(node))
            groups[group].append(node)
            ending.setdefault(ends[i], []).append(group)
        free += ending.get(i, ())
    return [sorted(members, key=size_of, reverse=True) for members in groups]


cdef int allocate_groups(list groups) except -1:
    cdef Tensor first, x
    cdef Py_ssize_t i
    for members in groups:
        first = (<Node>members[0]).out
        allocate(first)
        for i in range(1, len(members)):
            x = (<Node>members[i]).out
            look_at(x, first.block, first.data)
    return 0


cdef Py_ssize_t bytes_of(list groups) except -1:
    cdef Py_ssize_t total = 0
    for members in groups:
        total += (<Node>members[0]).out.block.nbytes
    return total


cdef Block block_by_fit(list free, Py_ssize_t nbytes):
    """The smallest free block of at least so many bytes, or None."""
    cdef Block best = None, block
    for block in free:
        if block.nbytes >= nbytes and (best is None or block.nbytes < best.nbytes):
            best = block
    return best


cdef dict dead_results(list nodes, list outputs, list bases, list ends):
    """For each node, the results that nothing reads after its backward(), if there is one pass."""
    cdef Py_ssize_t i, base, count = len(nodes)
    cdef Node node
    cdef dict places = {id((<Node>node).out): i for i, node in enumerate(nodes)}
    cdef set given = {bases[places[id(x)]] for x in outputs if id(x) in places}
    cdef dict last = {}                 # the last node, going back, that reads a result
    cdef dict dead = {}
    for i in range(count - 1, -1, -1):
        node = <Node>nodes[i]
        if node.out.slot is node:
            for x in needed_by(node):
                if id(x) in places:
                    last[bases[places[id(x)]]] = i
    for base, i in last.items():
        if base != OUTSIDE and base not in given:
            dead.setdefault(i, []).append(nodes[base])
    return dead


cdef list allocate_gradients(list nodes, list outputs, list groups, tuple lives, bint once):
    cdef Py_ssize_t i
    cdef Node node, source
    cdef Tensor x
    cdef Block block
    cdef list bases, ends
    cdef dict producers = {id((<Node>node).out): node for node in nodes}
    cdef set given = {id(x) for x in outputs}       # their gradients come from outside
    bases, ends = lives
    cdef dict numbers = {id(node): i for i, node in enumerate(nodes)}
    cdef dict dead = dead_results(nodes, outputs, bases, ends) if once else {}
    cdef dict lent = {}                 # what is not free before a node's backward()
    cdef dict owners = {id((<Node>members[0]).out.block): (<Node>members[0]).out
                        for members in groups}
    cdef list found = []
    cdef list free = [(<Node>members[0]).out.block for members in groups
                      if ends[numbers[id(members[0])]] < len(nodes)]
    for i in range(len(nodes) - 1, -1, -1):
        node = <Node>nodes[i]
        done = [node.grad.block] if node.grad is not None and id(node.out) not in given else []
        done += [(<Node>each).out.block for each in dead.get(i, ())] + lent.pop(id(node), [])
        for x in inputs_of(node):
            source = producers.get(id(x))
            if source is None or id(x) in given or x.slot is not source or (
                    source.grad is not None):
                continue
            if source.takes_broadcast:
                lent[id(source)], done = done, []     # which reads this node's gradient
                continue
            source.grad = header(x.face, x.dtype, x.ndim, x.shape_)
            block = block_by_fit(free, size_of(source))
            if block is None:
                allocate(source.grad)
                owners[id(source.grad.block)] = source.grad
                found.append((source.grad, None))
            else:
                free.remove(block)
                look_at(source.grad, block, block.data)
                found.append((source.grad, owners[id(block)]))
        free += done
    return found


cdef int allocate_again(list gradients) except -1:
    cdef Tensor grad, owner
    for grad, owner in gradients:
        if owner is None:
            allocate(grad)
        else:
            look_at(grad, owner.block, owner.data)
    return 0
