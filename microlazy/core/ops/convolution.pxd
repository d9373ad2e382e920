"""Products over sliding windows: convolution, its transpose, and their gradients."""

cimport cython
from microlazy.core.loops.windows cimport Job, Sizes
from microlazy.core.ops.chain cimport Chain
from microlazy.core.tape cimport Node, Pass
from microlazy.core.tensor cimport Tensor

cdef enum Role:                   # what is found from the other two
    IMAGES, FILTERS, RESULTS


@cython.final
cdef class WindowProduct(Node):
    """One of images, filters and results from the other two, a and b in this order.

    c is a bias for each channel of images or results, or None; relu is of the sum.
    """
    cdef Sizes s
    cdef int role                 # what the result is
    cdef bint relu                # whose gradient reads the result
    cdef Chain tail               # in a plan: what is computed of the results as they are stored;
    cdef int raw                  # where they stand among its operands. `rest` are the others
    cdef Node lender              # in a plan: in whose result's memory nothing else is needed now,
    cdef Py_ssize_t lent_from, lent       # from this byte on; so many bytes
    cdef Py_ssize_t workspace(self) except -1     # bytes that forward() works with, if many
    cdef bint may_have_tail(self) noexcept
    cdef int take_tail(self, Chain chain, Tensor raw) except -1
    cdef int find_from(self, int role, int other, Tensor x, Tensor g, Tensor out,
                       bint accumulate) except -1

cdef Chain tail_of(Node node)             # or None
cdef int fill_job(Job* job, const Sizes* s, int dtype) except -1
# What has a role, from the other two in order; the job has the rest.
cdef int compute(Job* job, const Sizes* s, int role, Tensor a, Tensor b, Tensor out) except -1
# The gradients of a, b and c of a convolution that lies side by side, from that of its results, or,
# with job.pool, of what is pooled of them.
cdef int go_back_side_by_side(Node node, Pass p, Tensor g, Job* job) except -1
cdef int one_for_each(object given, int axes, Py_ssize_t* numbers, Py_ssize_t missing) except -1
