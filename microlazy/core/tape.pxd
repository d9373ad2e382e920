"""The tape: which ops ran, and how gradients go back through them.  It knows no op."""

from microlazy.core.storage cimport Block
from microlazy.core.tensor cimport Slot, Tensor

cdef extern from "state.h" nogil:
    ctypedef struct State "ml_state":
        int recording
        int training
        int tracing
        int plain
        int stream
        int unplanned
        void* trace

cdef bint profiling               # forward() and backward() are timed
cdef bint several_devices         # an array was put elsewhere than on cpu(0)
cdef bint observed                # somebody times or watches ops, so none takes the fast path

cdef inline void set_mode(State* s, bint recording, bint tracing) noexcept nogil:
    """Say what a thread does; whether that is plain computing follows."""
    s.recording = recording
    s.tracing = tracing
    s.plain = not (recording or tracing or observed or several_devices)

cdef enum GradReq:
    NULL_REQ, WRITE, ADD

cdef enum Needs:                  # whose values a backward() reads
    NEEDS_A = 1, NEEDS_B = 2, NEEDS_C = 4, NEEDS_OUT = 8, NEEDS_REST = 16

cdef class Variable(Slot):
    """The slot of a leaf: the array that attach_grad() was called on."""
    cdef int req
    cdef bint fresh               # written since the optimizer last used it

cdef class Node(Slot)

cdef class Pass:
    """One walk back over the tape."""
    cdef long long number
    cdef Py_ssize_t pending       # nodes reached and not yet done
    cdef Py_ssize_t unseen        # nodes that lead to the heads and are not yet inspected
    cdef dict asked               # autograd.grad(): its variables' slots and their gradients
    cdef list recorded            # the nodes that lead to the heads; None unless create_graph
    cdef bint in_plan             # the nodes of a plan are being inspected
    cdef long long recorded_at    # when what is being inspected was recorded; -1 for the heads
    cdef bint found_leaf          # something that leads to the heads has attach_grad()
    cdef Node cut                 # a node that the graph was used up to before its reader came
    cdef void* reading            # the node that is being inspected
    cdef dict readers             # leaves' slots: the node that read each first; None if not asked
    cdef dict finals              # nodes: the leaves whose gradients are final after it; or None
    cdef list given               # the heads' gradients, None for what shares a leaf's memory
    cdef Tensor target(self, Tensor x, bint* accumulate)
    cdef Tensor asked_target(self, Variable variable, Tensor x, bint* accumulate)
    cdef bint wants(self, Tensor x) noexcept

cdef class Node(Slot):
    """An op bound to its tensors. `a`, `b`, `c` are its inputs, `rest` any further ones."""
    cdef Tensor a, b, c
    cdef list rest
    cdef Tensor out               # while running or in a plan; the tape itself holds no output
    cdef Tensor y                 # under NEEDS_OUT: the result, off the tape
    cdef unsigned long version_a, version_b, version_c, version_y
    cdef list versions            # of `rest`, under NEEDS_REST
    cdef int needs
    cdef long long recorded_at    # how many passes there had been
    cdef long long read_at        # in a pass: when the earliest node that reads it was recorded
    cdef long long inspected      # the pass that last inspected it
    cdef long long leading        # the pass that wants something behind it (create_graph)
    cdef bint done                # its inputs were released by a backward pass
    cdef bint awaited             # reached by a pass that has not yet come to it
    cdef bint views               # its output shares its input's memory
    cdef bint part                # it hands out one of several results of another node
    cdef bint with_relu           # in a plan: it took over the relu behind it; see take_relu
    cdef bint takes_broadcast     # in a plan: the one gradient of its output may be broadcast
    cdef bint planned             # belongs to a plan: it keeps its buffers, and no tape lists it
    cdef int users                # in a plan: how many of its arrays look at the output's memory
    cdef void* earlier            # neighbours on the tape (unowned)
    cdef void* later
    cdef bint listed
    cdef int forward(self) except -1
    cdef int backward(self, Pass p) except -1
    cdef int derive(self, Pass p, Tensor g) except -1     # backward() in recorded operations
    cdef bint leads(self, Pass p) noexcept        # whether p wants a gradient of what is behind it
    cdef int inspect(self, Pass p) except -1      # before any backward(): refuse what is not usable
    cdef int release(self) except -1
    cdef bint steady(self) noexcept       # its backward() fails for want of memory at most
    cdef bint take_relu(self) noexcept    # compute relu of the result from now on, if it can
    cdef int sharing(self, Block block) noexcept  # how many arrays of its own look at this memory
    cdef str name(self)

cdef State* state() noexcept nogil

cdef int begin_early(Node node) except -1     # forward() will follow, but the op begins here
cdef int timed_forward(Node node) except -1
cdef int timed_backward(Node node, Pass p) except -1

cdef int put(Tensor x, int device) except -1  # say on which context an array is
cdef Tensor run(Node node, Tensor out)        # forward now, and keep what the tape needs
cdef Tensor output_of(Node node)              # under NEEDS_OUT: the result, on the tape
cdef bint tracked(Tensor x) noexcept
cdef bint is_leaf(Tensor x) noexcept
cdef bint tracked_integers(Tensor x) noexcept
cdef Tensor place_of(Tensor x)                # where x stands in the graph, without its values
cdef void* newest_node() noexcept             # the tape's end
cdef int may_write(Tensor x) except -1        # before a write in place that is not recorded
cdef int refuse_write(Tensor x) except -1
cdef void wrote(Tensor x) noexcept            # after any write in place
cdef void wrote_to(Block block) noexcept      # the same, of its memory
cdef Pass new_pass()
cdef bint gradients_watched() noexcept
cdef int note_reader(Pass p, Tensor leaf) except -1
cdef int arrange_finals(Pass p) except -1     # when all readers are noted
cdef int tell_final(Pass p, Node node) except -1      # the leaves that it was the last to write to
cdef list as_list(object arrays, str what)     # one array, or a sequence of them
cdef int inspect_graph(Pass p, void* newest) except -1    # look at all that leads to the heads
cdef int lead_to_array(Pass p, Tensor x) except -1        # let the pass inspect what is behind x
cdef int give_head_gradient(Pass p, Tensor head, Tensor grad, bint in_place) except -1
cdef int go_back(Pass p, list heads, object head_grads, bint retain, bint train_mode) except -1
cdef int hand(Pass p, Tensor x, Tensor g) except -1       # a recorded gradient, of x's shape, to x
cdef bint is_cut(Pass p, Node node) noexcept
cdef int reach(Pass p, Node node) except -1
cdef bint may_share(Pass p, Tensor x, Tensor grad) noexcept
cdef int share(Pass p, Tensor x, Tensor grad) except -1   # let x's node read a gradient where it is
cdef int snapshot(Node node) except -1        # remember the versions of what backward reads
cdef int check(Node node) except -1           # ... refuse if they have changed since
cdef int lead_to(Pass p, Node node) except -1     # let the pass inspect this node
cdef void enlist(Node node) noexcept          # put a node at the tape's end
cdef void enlist_before(Node node, Node later) noexcept       # the same, but before a node there
