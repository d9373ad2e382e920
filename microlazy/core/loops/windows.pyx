"""Tasks of a sum over sliding windows, shared by threads.

What a task is depends on the sizes alone, so that the number of threads changes no bit.
"""

from cython.parallel cimport prange
from libc.string cimport memcpy
from microlazy.core.blas cimport gemm_cut, need_blas, one_blas_thread, restore_blas_threads
from microlazy.core.kernels.select cimport kernels
from microlazy.core.parallel cimport thread_number, threads
from microlazy.core.tensor cimport FLOAT32, INT64, ND, Tensor, new

cdef enum:
    WORTH_THREADS = 1 << 18       # multiplications from which a second core pays


cdef Tensor offsets_of_rows(Job* job, Py_ssize_t rows, Py_ssize_t w_step, Py_ssize_t places,
                            Py_ssize_t out_step):
    cdef Py_ssize_t room = 2 * rows + places, i
    cdef Tensor owner = new(ND, INT64, 1, &room)
    job.begins = <Py_ssize_t*>owner.data
    job.goes = job.begins + rows
    job.offset = job.goes + rows
    for i in range(rows):
        job.begins[i] = i * w_step
        job.goes[i] = i * out_step
    for i in range(places):
        job.offset[i] = i
    return owner


cdef void multiply(const Job* job, Py_ssize_t rows, Py_ssize_t width, Py_ssize_t places,
                   const char* w, Py_ssize_t w_step, const char* x, Py_ssize_t x_step,
                   bint accumulate, char* out, Py_ssize_t out_step) noexcept nogil:
    cdef Py_ssize_t wide = panel_width(job), i
    if wide == 0:
        gemm_cut(job.dtype, False, False, rows, width, places, w, w_step, x, x_step,
                 1.0 if accumulate else 0.0, out, out_step)
        return
    for i in range(divided_up(width, wide)):
        kernels.gathered_product[job.dtype](
            w, job.begins, job.offset, places, x + i * wide * job.size, x_step,
            out + i * wide * job.size, job.goes, rows, accumulate)


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
