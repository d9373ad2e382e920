"""Random arrays from the counter-based generator, filled in parallel."""

cimport cython
from cython.parallel cimport prange
from microlazy.core.generator cimport draw, generator_key
from microlazy.core.kernels.select cimport kernels
from microlazy.core.ops.cast cimport cast
from microlazy.core.parallel cimport CHUNK, GRAIN, threads
from microlazy.core.strided cimport assign
from microlazy.core.tape cimport Node, run
from microlazy.core.tensor cimport (
    FLOAT32, FLOAT64, INT64, Tensor, header, is_float, itemsize, like, new, numpy_dtype,
)

import numpy

# Distributions' parameters (p, q): uniform low and high, normal mean and standard deviation,
# randint low and the number of values.


cdef int fill_random(int kind, double p, double q, Tensor x) except -1:
    """Fill a packed float32, float64 or int64 array."""
    cdef Py_ssize_t n = x.size, per_block = 4 if x.dtype == FLOAT32 else 2, i, pieces
    cdef Py_ssize_t size = itemsize(x.dtype), dtype = x.dtype
    cdef unsigned long long key = generator_key()
    cdef unsigned long long offset = draw((n + per_block - 1) // per_block)
    cdef char* out = x.data
    pieces = (n + CHUNK - 1) // CHUNK
    if n < GRAIN:
        fill_piece(kind, key, offset, p, q, out, n, dtype)
        return 0
    for i in prange(pieces, nogil=True, schedule="static", num_threads=threads()):
        fill_piece(kind, key, offset + i * (CHUNK // per_block), p, q, out + i * CHUNK * size,
                   min(<Py_ssize_t>CHUNK, n - i * CHUNK), dtype)
    return 0


cdef void fill_piece(int kind, unsigned long long key, unsigned long long offset, double p,
                     double q, char* out, Py_ssize_t n, Py_ssize_t dtype) noexcept nogil:
    if kind == UNIFORM:
        kernels.uniform[dtype](key, offset, p, q, out, n)
    elif kind == NORMAL:
        kernels.normal[dtype](key, offset, p, q, out, n)
    else:
        kernels.randint(key, offset, <long long>p, <unsigned long long>q, <long long*>out, n)


cdef int sample_into(int kind, double p, double q, Tensor out) except -1:
    cdef int native = INT64 if kind == RANDINT else out.dtype if out.dtype <= FLOAT64 else FLOAT32
    cdef Tensor x
    if out.dtype == native and out.contiguous:
        return fill_random(kind, p, q, out)
    x = new(out.face, native, out.ndim, out.shape_)
    fill_random(kind, p, q, x)
    return assign(out, x)


@cython.no_gc
@cython.final
cdef class Sample(Node):
    cdef int kind
    cdef double p, q

    cdef int forward(self) except -1:
        return sample_into(self.kind, self.p, self.q, self.out)


cdef Tensor sample(int kind, double p, double q, int face, int dtype, int ndim,
                   const Py_ssize_t* shape):
    cdef Sample node = Sample.__new__(Sample)
    node.kind = kind
    node.p = p
    node.q = q
    return run(node, header(face, dtype, ndim, shape))


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



def permutation(Py_ssize_t n):
    """A random order of range(n), as a NumPy array of int64: the order of n random numbers.

    Examples
    --------
    >>> from microlazy.core.ops.random import permutation
    >>> sorted(permutation(4).tolist())
    [0, 1, 2, 3]
    """
    cdef Tensor x = new(0, FLOAT64, 1, &n)
    fill_random(UNIFORM, 0.0, 1.0, x)
    return numpy.argsort(memoryview(x), kind="stable")
