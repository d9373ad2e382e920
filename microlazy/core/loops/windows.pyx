"""Tasks of a sum over sliding windows, shared by threads.

What a task is depends on the sizes alone, so that the number of threads changes no bit.
"""

from cython.parallel cimport prange
from libc.string cimport memcpy
from microlazy.core.blas cimport need_blas, one_blas_thread, restore_blas_threads
from microlazy.core.kernels.select cimport kernels
from microlazy.core.parallel cimport thread_number, threads
from microlazy.core.storage cimport borrow
from microlazy.core.tensor cimport FLOAT32, ND, Tensor, header, itemsize, look_at, new

cdef enum:
    WORTH_THREADS = 1 << 18       # multiplications from which a second core pays


cdef Tensor workspace(Job* job, int dtype, Py_ssize_t n):
    cdef Py_ssize_t nbytes = whole_lines(n * itemsize(dtype))
    cdef Tensor x
    if nbytes > job.lent_bytes:
        return new(ND, dtype, 1, &n)
    x = header(ND, dtype, 1, &n)
    look_at(x, borrow(None, job.lent, nbytes, False), job.lent)
    job.lent += nbytes
    job.lent_bytes -= nbytes
    return x


cdef int run_tasks(Job* job, Task task, Py_ssize_t numbers, bint blas) except -1:
    cdef const Sizes* s = &job.s
    cdef Py_ssize_t i, total
    cdef int team = 1, before = 1
    cdef Tensor scratch
    cdef char* lent = job.lent
    cdef Py_ssize_t lent_bytes = job.lent_bytes
    if s.batch * s.groups * s.filters * s.count * s.places >= WORTH_THREADS:
        team = <int>min(<Py_ssize_t>threads(), job.tasks)
    job.tiles = whole_lines(numbers * job.size)
    job.room = room_of_task(job, numbers)
    total = job.room * team // 4
    scratch = workspace(job, FLOAT32, total)
    job.lent, job.lent_bytes = lent, lent_bytes       # the scratch memory is used in here only
    job.scratch = scratch.data
    if blas:
        need_blas()
    with nogil:
        if blas:
            before = one_blas_thread()
        if team == 1:
            for i in range(job.tasks):
                task(job, i, job.scratch)
        elif job.alike:
            for i in prange(job.tasks, schedule="static", num_threads=team):
                task(job, i, job.scratch + thread_number() * job.room)
        else:
            for i in prange(job.tasks, schedule="dynamic", num_threads=team):
                task(job, i, job.scratch + thread_number() * job.room)
        if blas:
            restore_blas_threads(before)
    return 0


cdef void divide_sum(Job* job) noexcept:
    cdef const Sizes* s = &job.s
    cdef Py_ssize_t most = min(job.blocks, PARTIAL // (s.groups * s.filters * s.places))
    job.parts = max(<Py_ssize_t>1, min(divided_up(FEW, job.steps * s.groups), most))
    job.tasks = job.parts * s.groups * job.steps


cdef void add_parts(const Job* job, const char* parts, char* out, Py_ssize_t n,
                    bint accumulate) noexcept:
    cdef Py_ssize_t i
    for i in range(job.parts):
        if i or accumulate:
            kernels.add_to[job.dtype](parts + i * n * job.size, out, n)
        else:
            memcpy(out, parts, n * job.size)


cdef int sum_parts(Job* job, Task task, Py_ssize_t numbers, bint blas) except -1:
    cdef const Sizes* s = &job.s
    cdef Py_ssize_t filters = s.groups * s.filters, n = filters * s.places, total
    cdef char* w = job.w
    cdef Tensor partial, bias_sums
    if job.to.bias is not NULL:
        total = filters * job.parts
        bias_sums = new(ND, job.dtype, 1, &total)
        job.bias_sums = bias_sums.data
    if w is not NULL and job.parts > 1:
        total = n * job.parts
        partial = new(ND, job.dtype, 1, &total)
        job.w = partial.data
    run_tasks(job, task, numbers, blas)
    if job.w is not w:
        add_parts(job, job.w, w, n, job.accumulate)
    if job.to.bias is not NULL:
        add_parts(job, job.bias_sums, job.to.bias, filters, job.to.add_bias)
    return 0
