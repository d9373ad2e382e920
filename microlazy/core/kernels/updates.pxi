# Optimizers: one kernel for each rule of microlazy/optimizer/, written by the build
# from their formulas. `arrays` are each weight's gradient, the weight itself and its states.

cdef inline floating limited(floating x, floating bound) noexcept nogil:
    # In this form compilers know it for a minimum and a maximum that let NaN pass.
    cdef floating y = bound if bound < x else x
    return -bound if -bound > y else y


include "generated/rules.pxi"
