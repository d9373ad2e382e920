"""Memory by lifetime: a plan's results, or gradients, that are never needed at once share it.

Nodes run one after the other, forward from the first and backward from the last. A result is
needed until its last reader has run; while recording, longer if a backward() reads it. A gradient
is needed from its first writer, the last reader of the result, until its own node's backward().
Gradients may have the memory of results that no backward() reads; where there is one pass only,
also that of results which were read for the last time.
"""

from microlazy.core.loops.windows cimport whole_lines
from microlazy.core.ops.chain cimport Chain, is_link, operands_of
from microlazy.core.ops.convolution cimport WindowProduct, tail_of
from microlazy.core.ops.normalization cimport BatchNorm
from microlazy.core.ops.writes cimport Write
from microlazy.core.storage cimport Block
from microlazy.core.tape cimport NEEDS_A, NEEDS_B, NEEDS_C, NEEDS_OUT, NEEDS_REST, Node
from microlazy.core.tensor cimport (
    ND, UINT8, Tensor, allocate, header, itemsize, look_at, new,
)

cdef Py_ssize_t MOST_BYTES = <Py_ssize_t>1 << 46      # in an arena


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


cdef tuple split_inputs(Node node):
    """The inputs of which a node reads an element before it writes the result's; the others."""
    cdef Chain chain = <Chain>node if type(node) is Chain else tail_of(node)
    cdef list operands, others
    if chain is not None:
        operands = chain.rest[:chain.operands]
        others = chain.rest[chain.operands:]
        if chain is not node:
            del operands[(<WindowProduct>node).raw]
            others = others + [node.a, node.b, node.c]
    elif type(node) is Write:
        operands, others = [node.a], [node.b, *(node.rest or ())]
    elif is_link(node, node.out):
        operands = list(operands_of(node))
        others = [node.b, node.c, *node.rest] if type(node) is BatchNorm else []
    else:
        return [], inputs_of(node)
    whole = [x for x in operands if fills(x, node.out)]
    return whole, others + [x for x in operands if not fills(x, node.out)]


cdef bint fills(Tensor x, Tensor out) noexcept:
    """Whether x has as many elements as out, in the same order, of the same dtype."""
    return x is not None and x.contiguous and x.size == out.size and x.dtype == out.dtype


cdef list gaps_between(list taken, Py_ssize_t nbytes):
    """Where so many bytes are free, and how far, beside the (offset, bytes) that are taken."""
    cdef list gaps = []
    cdef Py_ssize_t start = 0, offset, size
    for offset, size in [*sorted(taken), (nbytes, 0)]:
        if offset > start:
            gaps.append((start, offset - start))
        start = max(start, whole_lines(offset + size))
    return gaps


cdef class Tenant:
    """Some bytes that are needed from a step to another: of results, each over the one before."""
    cdef Py_ssize_t first, last, size, offset
    cdef list nodes

    def __cinit__(self, Py_ssize_t first, Py_ssize_t last, Py_ssize_t size, list nodes):
        self.first, self.last, self.size, self.nodes = first, last, size, nodes


cdef Py_ssize_t base_of(Tensor x, dict places, list bases) except -2:
    return bases[places[id(x)]] if id(x) in places else OUTSIDE


cdef Py_ssize_t overwritten_by(Py_ssize_t i, list nodes, dict places, tuple lives) except -2:
    """Whose memory a result may take while its node, the last to read it, runs; -1: nobody's."""
    cdef Node node = <Node>nodes[i]
    cdef Tensor x
    cdef Py_ssize_t base
    cdef list bases, ends, whole, others
    bases, ends = lives
    whole, others = split_inputs(node)
    cdef set read = {base_of(x, places, bases) for x in others if x is not None}
    for x in whole:
        base = base_of(x, places, bases)
        if base != OUTSIDE and ends[base] == i and base not in read and (
                size_of(<Node>nodes[base]) == size_of(node)):
            return base
    return -1


cdef list tenants_of(list nodes, tuple lives):
    """The results that are not needed after the last step, and what convolutions work with."""
    cdef Py_ssize_t i, base, count = len(nodes)
    cdef Node node
    cdef Tenant tenant
    cdef list ends = lives[1], found = []
    cdef dict places = {id((<Node>node).out): i for i, node in enumerate(nodes)}
    cdef dict tenants = {}              # by the number of a node
    for i in range(count):
        node = <Node>nodes[i]
        if type(node) is WindowProduct and (<WindowProduct>node).workspace():
            found.append(Tenant(i, i, (<WindowProduct>node).workspace(), []))
        if node.views or ends[i] == count:
            continue
        base = overwritten_by(i, nodes, places, lives)
        if base < 0:
            tenant = Tenant(i, i, size_of(node), [])
            found.append(tenant)
        else:
            tenant = tenants[base]
        tenant.last = ends[i]
        tenant.nodes.append(node)
        tenants[i] = tenant
    return found


cdef Py_ssize_t size_of_tenant(Tenant tenant) noexcept:
    return tenant.size


cdef list groups_of_results(list nodes, tuple lives):
    """The largest are placed first, each as low as it can be (Pisarchyk & Lee 2020)."""
    cdef list placed = [], arena = [], ends = lives[1]
    cdef Tenant tenant, other
    cdef Py_ssize_t i
    for tenant in sorted(tenants_of(nodes, lives), key=size_of_tenant, reverse=True):
        taken = [(other.offset, other.size) for other in placed
                 if other.first <= tenant.last and tenant.first <= other.last]
        tenant.offset = min([start for start, room in gaps_between(taken, MOST_BYTES)
                             if room >= tenant.size])
        placed.append(tenant)
        arena += [(node, tenant.offset) for node in tenant.nodes]
    groups = [arena] if arena else []
    return groups + [[(node, 0)] for i, node in enumerate(nodes)
                     if ends[i] == len(nodes) and not (<Node>node).views]


cdef int lend_memory(list nodes, list groups, list ends) except -1:
    cdef dict numbers = {id(node): i for i, node in enumerate(nodes)}
    cdef list workers = [(i, node) for i, node in enumerate(nodes) if type(node) is WindowProduct]
    cdef WindowProduct worker
    if not workers:
        return 0
    for members in groups:
        lives = [(numbers[id(node)], ends[numbers[id(node)]], offset, size_of(<Node>node))
                 for node, offset in members]
        if lives[0][1] == len(nodes):
            continue
        lender = members[0][0]
        for i, node in workers:
            worker = <WindowProduct>node
            live = [(offset, size) for first, last, offset, size in lives if first <= i <= last]
            for start, room in gaps_between(live, (<Node>lender).out.block.nbytes):
                if room > worker.lent:
                    worker.lender, worker.lent_from, worker.lent = lender, start, room
    return 0


cdef int allocate_groups(list groups) except -1:
    cdef Tensor whole, x
    cdef Py_ssize_t nbytes, offset
    for members in groups:
        nbytes = max([offset + size_of(<Node>node) for node, offset in members])
        whole = new(ND, UINT8, 1, &nbytes)
        for node, offset in members:
            x = (<Node>node).out
            look_at(x, whole.block, whole.data + offset)
    return 0


cdef Py_ssize_t bytes_of(list groups) except -1:
    cdef Py_ssize_t total = 0
    for members in groups:
        total += (<Node>members[0][0]).out.block.nbytes
    return total


cdef class Regions:
    """Free memory, as (block, first byte, bytes)."""
    cdef list free

    def __cinit__(self):
        self.free = []

    cdef tuple take(self, Py_ssize_t nbytes):
        """The beginning of the smallest region of at least so many bytes, or None."""
        fitting = [region for region in self.free if region[2] >= nbytes]
        if not fitting:
            return None
        best = min(fitting, key=size_of_region)
        self.free.remove(best)
        block, first, room = best
        nbytes = whole_lines(nbytes)
        if room > nbytes:
            self.free.append((block, first + nbytes, room - nbytes))
        return block, first, min(room, nbytes)

    cdef int give(self, tuple region) except -1:
        """Take a region back, joined with its neighbours."""
        block, first, room = region
        for other in list(self.free):
            if other[0] is block and (other[1] + other[2] == first or first + room == other[1]):
                self.free.remove(other)
                first, room = min(first, other[1]), room + other[2]
        self.free.append((block, first, room))
        return 0


cdef Py_ssize_t size_of_region(tuple region):
    return region[2]


cdef tuple whole_block(Block block):
    return block, 0, block.nbytes


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
    cdef tuple region
    cdef list bases, ends, done
    cdef Regions regions = Regions()
    cdef dict taken = {}                # by the id of a node: where its gradient is
    cdef dict producers = {id((<Node>node).out): node for node in nodes}
    cdef set given = {id(x) for x in outputs}       # their gradients come from outside
    bases, ends = lives
    cdef dict numbers = {id(node): i for i, node in enumerate(nodes)}
    cdef dict dead = dead_results(nodes, outputs, bases, ends) if once else {}
    cdef dict lent = {}                 # what is not free before a node's backward()
    cdef dict owners = {}               # by the id of a block: an array in it
    cdef list found = []
    for members in groups:
        node = <Node>members[0][0]
        owners[id(node.out.block)] = node.out
        if ends[numbers[id(node)]] < len(nodes):
            regions.give(whole_block(node.out.block))
    for i in range(len(nodes) - 1, -1, -1):
        node = <Node>nodes[i]
        done = [taken[id(node)]] if id(node) in taken else []
        done += [whole_block((<Node>each).out.block) for each in dead.get(i, ())]
        done += lent.pop(id(node), [])
        for x in inputs_of(node):
            source = producers.get(id(x))
            if source is None or id(x) in given or x.slot is not source or (
                    source.grad is not None):
                continue
            if source.takes_broadcast:
                lent[id(source)], done = done, []     # which reads this node's gradient
                continue
            source.grad = header(x.face, x.dtype, x.ndim, x.shape_)
            region = regions.take(size_of(source))
            if region is None:
                allocate(source.grad)
                owners[id(source.grad.block)] = source.grad
                region = whole_block(source.grad.block)
                found.append((source.grad, None, 0))
            else:
                look_at(source.grad, region[0], (<Block>region[0]).data + <Py_ssize_t>region[1])
                found.append((source.grad, owners[id(region[0])], region[1]))
            taken[id(source)] = region
        for region in done:
            regions.give(region)
    return found


cdef int allocate_again(list gradients) except -1:
    cdef Tensor grad, owner
    cdef Py_ssize_t offset
    for grad, owner, offset in gradients:
        if owner is None:
            allocate(grad)
        else:
            look_at(grad, owner.block, owner.block.data + offset)
    return 0
