"""Random arrays from the counter-based generator, filled in parallel."""

cimport cython
from cython.parallel cimport prange
from libc.string cimport memset
from microlazy.core.generator cimport draw, generator_key
from microlazy.core.kernels.select cimport kernels
from microlazy.core.loops.ordering cimport order_of_draws
from microlazy.core.ops.numpy_call cimport Direct, short_view
from microlazy.core.parallel cimport CHUNK, GRAIN, threads
from microlazy.core.strided cimport assign
from microlazy.core.tape cimport Node, run, state
from microlazy.core.tensor cimport (
    FLOAT32, FLOAT64, INT64, ND, Tensor, allocate, header, itemsize, new,
)


cdef int fill_random(Law law, Tensor x) except -1:
    """Fill a packed float32, float64 or int64 array."""
    cdef Py_ssize_t n = x.size, per_block = 4 if x.dtype == FLOAT32 else 2, i
    cdef Py_ssize_t size = itemsize(x.dtype), dtype = x.dtype
    cdef unsigned long long key = generator_key()
    cdef unsigned long long offset = draw((n + per_block - 1) // per_block)
    cdef char* out = x.data
    if n < GRAIN:
        fill_piece(law, key, offset, out, n, dtype)
        return 0
    for i in prange((n + CHUNK - 1) // CHUNK, nogil=True, schedule="static",
                    num_threads=threads()):
        fill_piece(law, key, offset + i * (CHUNK // per_block), out + i * CHUNK * size,
                   min(<Py_ssize_t>CHUNK, n - i * CHUNK), dtype)
    return 0


cdef void fill_piece(Law law, unsigned long long key, unsigned long long offset, char* out,
                     Py_ssize_t n, Py_ssize_t dtype) noexcept nogil:
    if law.distribution == UNIFORM:
        kernels.uniform[dtype](key, offset, law.p, law.q, out, n)
    elif law.distribution == NORMAL:
        kernels.normal[dtype](key, offset, law.p, law.q, out, n)
    else:
        kernels.randint(key, offset, law.low, law.span, <long long*>out, n)


cdef int sample_into(Law law, Tensor out) except -1:
    cdef int native = INT64 if law.distribution == RANDINT else (
        out.dtype if out.dtype <= FLOAT64 else FLOAT32)
    cdef Tensor x
    if out.dtype == native and out.contiguous:
        return fill_random(law, out)
    x = new(out.face, native, out.ndim, out.shape_)
    fill_random(law, x)
    return assign(out, x)


@cython.no_gc
@cython.final
cdef class Sample(Node):
    cdef Law law

    cdef int forward(self) except -1:
        return sample_into(self.law, self.out)


cdef Tensor sample(Law law, int face, int dtype, int ndim, const Py_ssize_t* shape):
    cdef Tensor out = header(face, dtype, ndim, shape)
    cdef Sample node
    if state().plain:
        allocate(out)
        sample_into(law, out)
        return out
    node = Sample.__new__(Sample)
    node.law = law
    return run(node, out)


cdef int fill_mask(double rate, double keep_value, Tensor mask) except -1:
    """0 with probability `rate`, else keep_value."""
    cdef Py_ssize_t n = mask.size, per_block = 4 if mask.dtype == FLOAT32 else 2, i
    cdef Py_ssize_t size = itemsize(mask.dtype), dtype = mask.dtype
    cdef unsigned long long key = generator_key()
    cdef unsigned long long offset = draw((n + per_block - 1) // per_block)
    cdef char* out = mask.data
    if n < GRAIN:
        kernels.keep_mask[dtype](key, offset, rate, keep_value, out, n)
        return 0
    for i in prange((n + CHUNK - 1) // CHUNK, nogil=True, schedule="static",
                    num_threads=threads()):
        kernels.keep_mask[dtype](key, offset + i * (CHUNK // per_block), rate, keep_value,
                                 out + i * CHUNK * size, min(<Py_ssize_t>CHUNK, n - i * CHUNK))
    return 0


cdef enum:
    FEW = 4096                    # places that are ordered here: buckets of more leave the cache


cdef int order_few(const double* keys, Py_ssize_t n, long long* starts, long long* places) noexcept:
    """The places of up to FEW numbers in [0, 1) in ascending order, equal ones as they come.

    Each of n buckets has few of the numbers, so what is left to do is done by insertion.
    """
    cdef Py_ssize_t i, j
    cdef long long place
    memset(starts, 0, (n + 1) * sizeof(long long))
    for i in range(n):
        starts[<Py_ssize_t>(keys[i] * n) + 1] += 1
    for i in range(1, n):
        starts[i] += starts[i - 1]
    for i in range(n):
        j = <Py_ssize_t>(keys[i] * n)
        places[starts[j]] = i
        starts[j] += 1
    for i in range(1, n):
        place = places[i]
        j = i
        while j > 0 and keys[places[j - 1]] > keys[place]:
            places[j] = places[j - 1]
            j -= 1
        places[j] = place
    return 0


cdef int permutation_into(Tensor places) except -1:
    cdef long long[FEW + 1] starts
    cdef Tensor keys = new(ND, FLOAT64, 1, places.shape_)
    cdef Law law
    law.distribution = UNIFORM
    law.p, law.q = 0.0, 1.0
    fill_random(law, keys)
    if keys.size <= FEW:
        return order_few(<const double*>keys.data, keys.size, starts, <long long*>places.data)
    return order_of_draws(short_view(keys), short_view(places))


@cython.final
cdef class Permutation(Direct):
    """A random order of range(n), of int64: the order of n random numbers.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.ops.numpy_call import call_shaped
    >>> from microlazy.core.ops.random import Permutation
    >>> sorted(call_shaped(Permutation(), [np.zeros(())], (4,), "int64").tolist())
    [0, 1, 2, 3]
    """
    __name__ = "permutation"

    cdef bint into(self, list inputs, dict options, Tensor out) except -1:
        permutation_into(out)
        return True
