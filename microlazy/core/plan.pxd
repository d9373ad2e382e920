"""A plan: the nodes of one block for one kind of call."""

cimport cython
from microlazy.core.optimizers.moves cimport Moves
from microlazy.core.tape cimport Node, Pass, State
from microlazy.core.tensor cimport Tensor


@cython.final
cdef class Plan:
    cdef list nodes, inputs, outputs
    cdef list groups              # of nodes whose results share memory; see core/lifetimes
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
    cdef list gradients           # but the outputs', each with the array whose memory it shares
    cdef bint has_gradients       # they have memory
    cdef bint inspected           # its backward pass from the first output was allowed once
    cdef long long trained        # the number of its last pass by train()
    cdef object bound             # what `moves` are of
    cdef Moves moves              # made while train() goes back; None if they cannot be
    cdef bint unrolled            # its nodes are on the outer tape, for create_graph
    cdef bint fits(self, object structure, list args, State* s)      # can run a call now
    cdef bint reads(self, dict live)                  # its parameters are still these arrays
    cdef object run(self, list args)
    cdef object train(self, list args, Moves moves)   # and go back from the first output
    cdef Moves moves_of(self, object bound, list args)    # for train(), or None
    cdef int find_moves(self, object bound) except -1     # after a pass by train()
    cdef Moves order(self, object bound)
    cdef Py_ssize_t length(self) noexcept             # of the first output; 1 if it is one number
    cdef bint goes_straight(self, list args) noexcept     # train() may be used
    cdef int note_inspected(self) except -1
    cdef bint rest(self) noexcept                     # give memory back
    cdef list steps(self)
    cdef int bind(self, list args) except -1
    cdef int unbind(self) except -1
    cdef int run_nodes(self, bint remember) except -1
    cdef int count_holders(self, dict counts) except -1
    cdef int compute(self, list args, bint remember) except -1
    cdef int go_back(self, Pass p, Moves moves) except -1
    cdef int count(self) except -1
    cdef Tensor kept(self)
    cdef int unroll(self, Node run) except -1
    cdef int wake(self) except -1
    cdef int let_go_of_heads(self) except -1
    cdef object hand_out(self, list args, bint record)

cdef class PlanStep(Node):
    """An op that runs a plan of its own."""
    cdef Plan plan
    cdef int count_holders(self, dict counts) except -1   # how often it holds arrays, inputs aside

cdef int count_each(list arrays, dict counts) except -1

cdef Plan build(object forward, object structure, list args, list variables=*)    # from a trace
