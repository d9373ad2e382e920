"""Writes in place while a plan is made: nodes that give an array its next state."""

from microlazy.core.ops.indexing cimport Basic
from microlazy.core.ops.shape cimport View
from microlazy.core.tape cimport Node, Pass
from microlazy.core.tensor cimport Tensor


cdef class Write(Node):
    """a after the value b, or the number, was written into a part of it."""
    cdef View part                # where a basic key looks; None for another one
    cdef object key               # such a key; the arrays in it are `rest`
    cdef object resolved          # the same with their values
    cdef object number            # what is written if b is None
    cdef bint whole               # nothing is left of a
    cdef int change               # the op of the part and the value that is written; -1: the value
    cdef Tensor changed(self, Tensor x)           # that part of x
    cdef int put_value(self) except -1
    cdef Tensor part_of(self, Tensor x)           # of x as it is now, which has the shape of a
    cdef Tensor part_of_gradient(self)            # what b gets of the result's
    cdef int change_back(self, Pass p) except -1
    cdef int derive_change(self, Pass p, Tensor g) except -1
    cdef int clear(self, Tensor x) except -1      # put 0 where the value was written

# Elements of a value that no later one replaced, as a key of places may name one twice; None: all.
cdef object what_stayed(object key, tuple shape)
# Whether writes to x are steps of the plan that is being made: a step computed x.
cdef bint is_step(Tensor x) noexcept
# The inputs of a plan that a trace makes; None when it is made.
cdef int note_arguments(list trace, list inputs, bint recording) except -1
# Whether writes to x are to change an argument of the plan that is being made; refuses some.
cdef bint is_of_argument(Tensor x) except -1
# Whether an item of x has a shape that only the values of a mask tell.
cdef bint has_unknown_size(Tensor x, object key) noexcept
# x[key] = what a MaskedPart noted.
cdef int write_changed(Tensor x, object key, object part) except -1
# x[key] = value, or the number if that is None; b is the key, if it is a basic one.
cdef int write(Tensor x, const Basic* b, object key, Tensor value, object number) except -1
cdef int become(Tensor x, Tensor result) except -1        # x[...] = result, of its shape and dtype
