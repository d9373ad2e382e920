"""Convolutions in a plan whose results are pooled as they are stored.

Where images lie side by side in what a convolution computes, a function of its results, and the
sums or means of squares of 2 by 2, are computed while a block of them is in the cache. What the
gradient reads is kept as it lies there, so going back nothing but what was pooled is turned. All
kernels are those of the single nodes, and so are all bits.
"""

cimport cython
from libc.string cimport memset
from microlazy.core.kernels.table cimport U_RELU, W_COUNT
from microlazy.core.loops.convolution cimport sums_lie_side_by_side
from microlazy.core.loops.windows cimport MAX_AXES, Job, Pooled, divided_up
from microlazy.core.ops.chain cimport Chain, is_calm
from microlazy.core.ops.convolution cimport (
    RESULTS, WindowProduct, compute, fill_job, go_back_side_by_side,
)
from microlazy.core.ops.elementwise cimport UnaryOp
from microlazy.core.ops.pooling cimport WindowPool
from microlazy.core.strided cimport packed
from microlazy.core.tape cimport NEEDS_A, NEEDS_B, NEEDS_OUT, Node, Pass
from microlazy.core.tensor cimport ND, Tensor, itemsize, new


@cython.no_gc
@cython.final
cdef class PooledConvolution(Node):

    cdef int forward(self) except -1:
        cdef Job job
        cdef Pooled pool
        cdef WindowProduct first = <WindowProduct>self.members[0]
        cdef Tensor bias = None if self.c is None else packed(self.c)
        cdef Py_ssize_t n = 0
        memset(&job, 0, sizeof(job))
        if self.out.slot is not None and self.function >= 0 and self.kept is None:
            n = bytes_kept(self) // itemsize(self.out.dtype)
            self.kept = new(ND, self.out.dtype, 1, &n)
        describe(self, &job, &pool)
        job.relu = first.relu
        if bias is not None:
            job.bias = bias.data
        return compute(&job, &first.s, RESULTS, packed(self.a), packed(self.b), self.out)

    cdef int backward(self, Pass p) except -1:
        cdef Job job
        cdef Pooled pool
        memset(&job, 0, sizeof(job))
        describe(self, &job, &pool)
        fill_job(&job, &(<WindowProduct>self.members[0]).s, self.grad.dtype)
        return go_back_side_by_side(self, p, self.grad, &job)

    cdef str name(self):
        return "+".join([(<Node>node).name() + "+relu" * (<Node>node).with_relu
                         for node in self.members])


cdef int describe(PooledConvolution node, Job* job, Pooled* pool) except -1:
    pool.divide = (<WindowPool>node.members[len(node.members) - 1]).s.divide
    pool.function = node.function
    pool.kept = NULL if node.kept is None else node.kept.data
    job.pool = pool
    return 0


cdef Py_ssize_t bytes_kept(Node node) noexcept:
    cdef PooledConvolution pooled
    cdef Tensor out = node.out
    cdef Job job
    if type(node) is not PooledConvolution or out.slot is None or (
            (<PooledConvolution>node).function < 0):
        return 0
    pooled = <PooledConvolution>node
    memset(&job, 0, sizeof(job))
    fill_job(&job, &(<WindowProduct>pooled.members[0]).s, out.dtype)
    sums_lie_side_by_side(&job)
    return (4 * out.size // out.shape_[0] * itemsize(out.dtype)
            * divided_up(out.shape_[0], job.images) * job.images)


cdef list members_of(Node node):
    if type(node) is Chain:
        return (<Chain>node).members
    return (<PooledConvolution>node).members if type(node) is PooledConvolution else []


cdef bint suits(WindowProduct node, bint with_function) noexcept:
    """Whether squares of a convolution's results can be pooled as they are stored."""
    cdef Job job
    memset(&job, 0, sizeof(job))
    if node.role != RESULTS or (with_function and node.relu) or (
            node.a.slot is node.b.slot is not None):
        return False
    fill_job(&job, &node.s, node.out.dtype)
    return sums_lie_side_by_side(&job) and job.together == 2 and (
        job.s.w[W_COUNT + MAX_AXES - 1] % 2 == 0)


cdef bint is_taken(Node node) except -1:
    """Whether a node is a function that can be taken: its gradient reads only its result."""
    return type(node) is UnaryOp and node.needs == NEEDS_OUT and is_calm(node)


cdef list ending_with(list found, Node node, dict readers):
    """A pooling node and those before it that are joined with it, or []."""
    cdef list members = [node]
    cdef Node before
    if type(node) is not WindowPool or not (<WindowPool>node).sums_squares():
        return []
    for before in reversed(found[max(0, len(found) - 2):]):
        if before.out is not (<Node>members[0]).a or len(readers[id(before.out)]) > 1:
            return []
        members.insert(0, before)
        if type(before) is WindowProduct:
            return members if suits(<WindowProduct>before, len(members) == 3) else []
        if not is_taken(before):
            return []
    return []


cdef list with_pools(list nodes, dict readers):
    cdef list found = [], members
    for node in nodes:
        members = ending_with(found, <Node>node, readers)
        if members:
            del found[len(found) + 1 - len(members):]
            node = join_pooled(members)
        found.append(node)
    return found


cdef PooledConvolution join_pooled(list members):
    cdef PooledConvolution joined = PooledConvolution.__new__(PooledConvolution)
    cdef WindowProduct first = <WindowProduct>members[0]
    cdef Node node
    joined.members = members
    joined.results = [(<Node>node).out for node in members]
    joined.a, joined.b, joined.c = first.a, first.b, first.c
    joined.needs = NEEDS_A | NEEDS_B
    joined.function = U_RELU if first.relu else -1
    if len(members) == 3:
        joined.function = (<UnaryOp>members[1]).op
    node = <Node>members[len(members) - 1]
    joined.out = node.out
    if joined.out.slot is node:
        joined.out.slot = joined
    for node in members:
        node.out = None               # which has the node as its slot
    return joined
