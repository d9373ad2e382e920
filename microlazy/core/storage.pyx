"""Memory for tensors: blocks from free lists, so that a steady loop allocates nothing.

Sizes are rounded up to a bucket: multiples of 64 bytes up to 1 KiB, then four steps to each power
of two.  A block whose last tensor is gone waits in its bucket for the next one of its size.
"""

from cpython.mem cimport PyMem_RawFree, PyMem_RawMalloc
from cpython.ref cimport Py_DECREF, Py_INCREF, PyObject
from libc.stdint cimport uintptr_t

cdef extern from "hugepages.h" nogil:
    const Py_ssize_t HUGE_PAGE
    void advise_huge_pages(void* data, size_t nbytes)

cdef extern from "guard.h" nogil:
    bint MICROLAZY_POOLED         # no, under AddressSanitizer
    void forbid_access(void* data, size_t nbytes)

cdef enum:
    ALIGNMENT = 64
    BUCKETS = 16 + 4 * 40
    LARGE = 2 << 20               # from here on, huge pages are asked for

cdef PyObject* free_blocks[BUCKETS]     # each holds a reference to the first block of its list
cdef Py_ssize_t cached = 0              # bytes waiting in the free lists
cdef Py_ssize_t cache_limit = 2 << 30
cdef Py_ssize_t allocated = 0           # bytes in blocks, in use or waiting
cdef list dying = []                    # owners of dead blocks, dropped one by one: no recursion
cdef bint burying = False


cdef class Block:
    """A piece of memory that tensors share; it frees what it owns when the last reference goes."""

    def __dealloc__(self):
        global allocated
        if self.raw is not NULL:
            allocated -= self.nbytes
            PyMem_RawFree(self.raw)
        if self.owner is not None:
            bury(self)


cdef void bury(Block block) noexcept:
    """Drop a block's owner without recursion: it may stand on another block, and so on."""
    global burying
    dying.append(block.owner)
    block.owner = None
    if not burying:
        burying = True
        while dying:
            dying.pop()
        burying = False


cdef inline Py_ssize_t capacity(Py_ssize_t nbytes, int* bucket) noexcept:
    """The bucket for a request, and the size of that bucket's blocks."""
    cdef int high = 10, quarter
    if nbytes <= 1024:
        bucket[0] = <int>((nbytes + 63) >> 6) - 1 if nbytes > 0 else 0
        return (bucket[0] + 1) << 6
    while (nbytes - 1) >> (high + 1):
        high += 1
    quarter = <int>((nbytes - 1) >> (high - 2)) & 3
    bucket[0] = 16 + 4 * (high - 10) + quarter
    return (<Py_ssize_t>(5 + quarter)) << (high - 2)


cdef Block acquire(Py_ssize_t nbytes):
    global cached, allocated
    cdef int bucket
    cdef Block block
    if nbytes > <Py_ssize_t>1 << 46:
        raise MemoryError(f"an array of {nbytes} bytes is larger than any memory")
    cdef Py_ssize_t size = capacity(nbytes, &bucket)
    cdef Py_ssize_t alignment = HUGE_PAGE if size >= LARGE else ALIGNMENT
    if free_blocks[bucket] is not NULL:
        block = <Block>free_blocks[bucket]
        Py_DECREF(block)                # the list's own reference
        if block.next_free is None:
            free_blocks[bucket] = NULL
        else:
            free_blocks[bucket] = <PyObject*>block.next_free
            Py_INCREF(block.next_free)
            block.next_free = None
        cached -= size
        block.users = 0
        return block
    block = Block.__new__(Block)
    block.raw = PyMem_RawMalloc(size + alignment)
    if block.raw is NULL:
        empty_cache()
        block.raw = PyMem_RawMalloc(size + alignment)
    if block.raw is NULL:
        raise MemoryError(f"cannot allocate {nbytes} bytes for an array")
    block.data = <char*>((<uintptr_t>block.raw + alignment - 1) & ~<uintptr_t>(alignment - 1))
    block.nbytes = size if MICROLAZY_POOLED else nbytes     # the rest is forbidden there
    allocated += block.nbytes
    block.bucket = bucket
    forbid_access(block.data + nbytes, <char*>block.raw + size + alignment - block.data - nbytes)
    if size >= LARGE:
        advise_huge_pages(block.data, size)
    return block


cdef void recycle(Block block) noexcept:
    global cached
    cdef int bucket = block.bucket
    if not MICROLAZY_POOLED or bucket < 0 or cached + block.nbytes > cache_limit:
        return
    if free_blocks[bucket] is not NULL:
        block.next_free = <Block>free_blocks[bucket]
        Py_DECREF(block.next_free)      # the list's reference moves into next_free
    Py_INCREF(block)
    free_blocks[bucket] = <PyObject*>block
    cached += block.nbytes


cdef Block borrow(object owner, char* data, Py_ssize_t nbytes, bint readonly):
    cdef Block block = Block.__new__(Block)
    block.data = data
    block.nbytes = nbytes
    block.bucket = -1
    block.readonly = readonly
    block.owner = owner
    return block


def empty_cache() -> None:
    """Give the memory that waits in the pool back to the system.

    Examples
    --------
    >>> from microlazy.core.storage import empty_cache, memory_info
    >>> empty_cache()
    >>> memory_info()["cached"]
    0
    """
    global cached
    cdef int bucket
    cdef Block block
    for bucket in range(BUCKETS):
        while free_blocks[bucket] is not NULL:
            block = <Block>free_blocks[bucket]
            Py_DECREF(block)
            free_blocks[bucket] = NULL
            if block.next_free is not None:
                free_blocks[bucket] = <PyObject*>block.next_free
                Py_INCREF(block.next_free)
                block.next_free = None
            cached -= block.nbytes


def memory_info() -> dict:
    """Bytes held in blocks, and how many of them wait in the pool.

    Returns
    -------
    dict
        ``allocated``: bytes in all blocks; ``cached``: bytes of those that no array uses.

    Examples
    --------
    >>> from microlazy.core.storage import memory_info
    >>> sorted(memory_info())
    ['allocated', 'cached']
    """
    return {"allocated": allocated, "cached": cached}
