"""Numbers taken apart: fractions, mantissas and powers of 2."""

from microlazy.core.tensor cimport Tensor

cdef Tensor fraction(Tensor x)                # what is left of numbers without their whole part
# Numbers in [0.5, 1) without their sign, and in int32 the powers of 2 that they are multiplied by.
cdef tuple frexp(Tensor x)
