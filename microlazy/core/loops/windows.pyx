"""Tasks of a sum over sliding windows, shared by threads.

What a task is depends on the sizes alone, so that the number of threads changes no bit.
"""

from cython.parallel cimport prange
from libc.string cimport memcpy
from microlazy.core.blas cimport need_blas, one_blas_thread, restore_blas_threads
from microlazy.core.kernels.select cimport kernels
from microlazy.core.parallel cimport thread_number, threads
from microlazy.core.tensor cimport FLOAT32, ND, Tensor, new

cdef enum:
    WORTH_THREADS = 1 << 18       # multiplications from which a second core pays


cdef int run_tasks(Job* job, Task task, Py_ssize_t numbers, bint blas) except -1:
    cdef const Sizes* s = &job.s
    cdef Py_ssize_t i, total
    cdef int team = 1, before = 1
    cdef Tensor scratch
    if s.batch * s.groups * s.filters * s.count * s.places >= WORTH_THREADS:
        team = <int>min(<Py_ssize_t>threads(), job.tasks)
    job.room = divided_up(numbers * job.size, 64) * 64
    total = job.room * team // 4
    scratch = new(ND, FLOAT32, 1, &total)
    job.scratch = scratch.data
    if blas:
        need_blas()
    with nogil:
        if blas:
            before = one_blas_thread()
        if team == 1:
            for i in range(job.tasks):
                task(job, i, job.scratch)
        else:
            for i in prange(job.tasks, schedule="dynamic", num_threads=team):
                task(job, i, job.scratch + thread_number() * job.room)
        if blas:
            restore_blas_threads(before)
    return 0


cdef int sum_parts(Job* job, Task task, Py_ssize_t numbers, bint blas) except -1:
    cdef const Sizes* s = &job.s
    cdef Py_ssize_t n = s.groups * s.filters * s.places, i, total
    cdef char* w = job.w
    cdef Tensor partial
    job.parts = max(<Py_ssize_t>1, min(divided_up(FEW, job.steps * s.groups),
                                       min(job.blocks, PARTIAL // n)))
    job.tasks = job.parts * s.groups * job.steps
    if job.parts == 1:
        return run_tasks(job, task, numbers, blas)
    total = n * job.parts
    partial = new(ND, job.dtype, 1, &total)
    job.w = partial.data
    run_tasks(job, task, numbers, blas)
    for i in range(job.parts):
        if i or job.accumulate:
            kernels.add_to[job.dtype](at(partial.data, i * n, job.size), w, n)
        else:
            memcpy(w, partial.data, n * job.size)
    return 0
