"""Memory by lifetime: a plan's results, or gradients, that are never needed at once share it."""

from microlazy.core.tape cimport Node

cdef list inputs_of(Node node)
cdef list groups_of_results(list nodes, list outputs, bint recording)     # of nodes, largest first
cdef int allocate_groups(list groups) except -1           # one block for each
cdef Py_ssize_t bytes_of(list groups) except -1
cdef int allocate_gradients(list nodes, list outputs) except -1   # but those of the outputs
