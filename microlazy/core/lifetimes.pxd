"""Memory by lifetime: a plan's results, or gradients, that are never needed at once share it."""

from microlazy.core.tape cimport Node

cdef enum:
    OUTSIDE = -1

cdef list inputs_of(Node node)

# For each node: which one's memory its result is in, OUTSIDE if that is an input's or a captured
# array's; and the last step that needs this memory, the number of nodes if all do.
cdef tuple lifetimes(list nodes, list outputs, bint recording)
# Groups whose results have one memory: lists of the nodes, and in which byte each result begins.
cdef list groups_of_results(list nodes, tuple lives)
cdef int allocate_groups(list groups) except -1           # one block for each
cdef Py_ssize_t bytes_of(list groups) except -1
# Tell each convolution where it may work: in memory of the groups that nothing else needs then.
cdef int lend_memory(list nodes, list groups, list ends) except -1
# All but the outputs', after allocate_groups(); `once` if there will not be a second backward pass.
# Returns each with an array in the same memory, None if it has its own, and its first byte there.
cdef list allocate_gradients(list nodes, list outputs, list groups, tuple lives, bint once)
cdef int allocate_again(list gradients) except -1         # what a call before returned
