"""Blocks of memory, pooled and aligned to 64 bytes."""

cdef class Block:
    cdef char* data
    cdef Py_ssize_t nbytes        # capacity
    cdef int users                # tensors that look at this memory
    cdef int bucket               # its free list; -1 when the memory belongs to `owner`
    cdef bint readonly
    cdef int device               # its context's number in microlazy/context.py
    cdef unsigned long version    # grows with every write in place
    cdef void* raw                # what the allocator gave
    cdef Block next_free
    cdef object owner             # the exporter of foreign memory
    cdef void* whole              # the Tensor here of which record() saw a view (unowned)
    cdef object views             # typed memoryviews of this block, made once (ops/dense.pyx)

cdef Block acquire(Py_ssize_t nbytes)                     # a block with no users yet
cdef void recycle(Block block) noexcept                   # back into the pool
cdef Block borrow(object owner, char* data, Py_ssize_t nbytes, bint readonly)
