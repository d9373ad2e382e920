"""What calls have in common that one plan can run: arguments and results, taken apart."""

from microlazy.core.tape cimport State

cdef object flatten(object value, list tensors, int depth=*, object leaf=*)     # arrays go there
# The same for a tree, if it has this structure; returns whether.
cdef bint flatten_as(object value, object structure, list tensors, object leaf) except -1
cdef object unflatten(object structure, list tensors)            # the inverse
cdef bint alike(object a, object b)                              # whether two structures are equal
cdef size_t kind_of(list args, State* s) noexcept                # a hash of the arrays and the mode
cdef bint mix_structure(size_t* kind, object structure) except -1


cdef class Contents:
    """What the lists, dicts, sets, objects and NumPy arrays among some values hold."""
    cdef list containers          # the objects by their `__dict__`, or with slots
    cdef list kept                # of each: its items, keys and values, or bytes
    cdef bint last(self) except -1                    # whether all hold the very same still
    cdef bint equals(self, Contents other) except -1  # whether they are the same, and held the same
    cdef int restore(self) except -1                  # have all hold that again


cdef inline int mode(State* s) noexcept:
    """The bit of a thread's mode: recording or not, training or not."""
    return 1 << (2 * (s.recording != 0) + (s.training != 0))
