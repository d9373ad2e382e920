# cython: language_level=3
"""Calls any kernel of any build on NumPy arrays; for tests and benchmarks.

>>> import numpy as np
>>> from microlazy.core.kernels.probe import Kernels
>>> x = np.array([-1.0, 0.0, 2.0])
>>> Kernels("baseline").unary("relu", x, np.empty(3))
array([0., 0., 2.])
"""

from importlib import import_module

from cpython.pycapsule cimport PyCapsule_GetPointer

from microlazy.core.kernels.table cimport KernelTable

UNARY = (
    "negative abs sign square sqrt rsqrt reciprocal exp expm1 log log1p log2 log10 sin cos tanh "
    "sigmoid log_sigmoid relu softrelu softsign erf gelu silu floor ceil rint trunc"
).split()
BINARY = (
    "add subtract multiply divide power maximum minimum mod "
    "equal not_equal less less_equal greater greater_equal"
).split()
REDUCTIONS = "sum prod max min".split()


cdef void* data(array) except? NULL:
    if not array.flags.c_contiguous:
        raise ValueError("kernels work on contiguous arrays")
    return <void*> <size_t> array.ctypes.data


cdef class Kernels:
    """
    The kernels of one build.

    Each method runs the kernel of its name `repeat` times, on the build's slot for the type of its
    first array, and returns the array it wrote. Sizes and types are the caller's care.

    Parameters
    ----------
    name : str
        ``"baseline"``, ``"avx2"`` or ``"avx512"``; one of `select.available()`.
    repeat : int, optional
        How often each call runs its kernel, for timing.
    """

    cdef const KernelTable* table
    cdef public Py_ssize_t repeat

    def __init__(self, str name, Py_ssize_t repeat=1):
        module = import_module(f"microlazy.core.kernels.{name}")
        self.table = <const KernelTable*> PyCapsule_GetPointer(
            module.capsule, "microlazy.KernelTable"
        )
        self.repeat = repeat

    def unary(self, str op, x, out):
        cdef int op_ = UNARY.index(op)
        cdef void* x_ = data(x)
        cdef void* out_ = data(out)
        cdef Py_ssize_t n = x.size
        cdef int t = x.dtype.itemsize == 8
        with nogil:
            for _ in range(self.repeat):
                self.table.unary[t](op_, x_, out_, n)
        return out

    def unary_grad(self, str op, x, y, g, dx, bint accumulate=False):
        cdef int op_ = UNARY.index(op)
        cdef void* x_ = data(x)
        cdef void* y_ = data(y)
        cdef void* g_ = data(g)
        cdef void* dx_ = data(dx)
        cdef Py_ssize_t n = x.size
        cdef int t = x.dtype.itemsize == 8
        with nogil:
            for _ in range(self.repeat):
                self.table.unary_grad[t](op_, x_, y_, g_, dx_, accumulate, n)
        return dx

    def binary(self, str op, a, b, out):
        cdef int op_ = BINARY.index(op)
        cdef void* a_ = data(a)
        cdef void* b_ = data(b)
        cdef void* out_ = data(out)
        cdef Py_ssize_t n = a.size
        cdef int t = a.dtype.itemsize == 8
        with nogil:
            for _ in range(self.repeat):
                self.table.binary[t](op_, a_, b_, out_, n)
        return out

    def binary_scalar(self, str op, a, double s, bint swapped, out):
        cdef int op_ = BINARY.index(op)
        cdef void* a_ = data(a)
        cdef void* out_ = data(out)
        cdef Py_ssize_t n = a.size
        cdef int t = a.dtype.itemsize == 8
        with nogil:
            for _ in range(self.repeat):
                self.table.binary_scalar[t](op_, a_, s, swapped, out_, n)
        return out

    def binary_grad(self, str op, int which, a, b, y, g, dx, bint accumulate=False):
        cdef int op_ = BINARY.index(op)
        cdef void* a_ = data(a)
        cdef void* b_ = data(b)
        cdef void* y_ = data(y)
        cdef void* g_ = data(g)
        cdef void* dx_ = data(dx)
        cdef Py_ssize_t n = a.size
        cdef int t = a.dtype.itemsize == 8
        with nogil:
            for _ in range(self.repeat):
                self.table.binary_grad[t](op_, which, a_, b_, y_, g_, dx_, accumulate, n)
        return dx

    def compare(self, str op, a, b, out):
        cdef int op_ = BINARY.index(op)
        cdef void* a_ = data(a)
        cdef void* b_ = data(b)
        cdef void* out_ = data(out)
        cdef Py_ssize_t n = a.size
        cdef int t = a.dtype.itemsize == 8
        with nogil:
            for _ in range(self.repeat):
                self.table.compare[t](op_, a_, b_, <unsigned char*> out_, n)
        return out

    def compare_scalar(self, str op, a, double s, out):
        cdef int op_ = BINARY.index(op)
        cdef void* a_ = data(a)
        cdef void* out_ = data(out)
        cdef Py_ssize_t n = a.size
        cdef int t = a.dtype.itemsize == 8
        with nogil:
            for _ in range(self.repeat):
                self.table.compare_scalar[t](op_, a_, s, <unsigned char*> out_, n)
        return out

    def select(self, condition, a, b, out):
        cdef void* condition_ = data(condition)
        cdef void* a_ = data(a)
        cdef void* b_ = data(b)
        cdef void* out_ = data(out)
        cdef Py_ssize_t n = out.size
        cdef bint one_a = a.size == 1, one_b = b.size == 1
        cdef int t = a.dtype.itemsize == 8
        with nogil:
            for _ in range(self.repeat):
                self.table.select[t](<const unsigned char*> condition_, a_, one_a, b_, one_b, out_,
                                     n)
        return out

    def gather(self, x, Py_ssize_t step, out):
        cdef void* x_ = data(x)
        cdef void* out_ = data(out)
        cdef Py_ssize_t n = out.size
        cdef int t = x.dtype.itemsize == 8
        if step < 0:
            x_ = <char*> x_ + (n - 1) * -step * (8 if t else 4)
        with nogil:
            for _ in range(self.repeat):
                self.table.gather[t](x_, step, out_, n)
        return out

    def transpose(self, x, out):
        cdef void* x_ = data(x)
        cdef void* out_ = data(out)
        cdef Py_ssize_t rows = out.shape[0]
        cdef Py_ssize_t cols = out.shape[1]
        cdef int t = x.dtype.itemsize == 8
        with nogil:
            for _ in range(self.repeat):
                self.table.transpose[t](<const char*> x_, rows * (8 if t else 4), out_, cols, rows,
                                        cols)
        return out

    def fill(self, out, double value):
        cdef void* out_ = data(out)
        cdef Py_ssize_t n = out.size
        cdef int t = out.dtype.itemsize == 8
        with nogil:
            for _ in range(self.repeat):
                self.table.fill[t](value, out_, n)
        return out

    def add_to(self, src, dst):
        cdef void* src_ = data(src)
        cdef void* dst_ = data(dst)
        cdef Py_ssize_t n = src.size
        cdef int t = src.dtype.itemsize == 8
        with nogil:
            for _ in range(self.repeat):
                self.table.add_to[t](src_, dst_, n)
        return dst

    def scale(self, src, double alpha, dst, bint accumulate=False):
        cdef void* src_ = data(src)
        cdef void* dst_ = data(dst)
        cdef Py_ssize_t n = src.size
        cdef int t = src.dtype.itemsize == 8
        with nogil:
            for _ in range(self.repeat):
                self.table.scale[t](alpha, src_, dst_, accumulate, n)
        return dst

    def reduce_rows(self, str op, x, out):
        cdef int op_ = REDUCTIONS.index(op)
        cdef void* x_ = data(x)
        cdef void* out_ = data(out)
        cdef Py_ssize_t rows = x.shape[0]
        cdef Py_ssize_t cols = x.shape[1]
        cdef int t = x.dtype.itemsize == 8
        with nogil:
            for _ in range(self.repeat):
                self.table.reduce_rows[t](op_, x_, out_, rows, cols)
        return out

    def reduce_cols(self, str op, x, out, bint accumulate=False):
        cdef int op_ = REDUCTIONS.index(op)
        cdef void* x_ = data(x)
        cdef void* out_ = data(out)
        cdef Py_ssize_t rows = x.shape[0]
        cdef Py_ssize_t cols = x.shape[1]
        cdef int t = x.dtype.itemsize == 8
        with nogil:
            for _ in range(self.repeat):
                self.table.reduce_cols[t](op_, x_, out_, accumulate, rows, cols)
        return out

    def arg_rows(self, str op, x, out):
        cdef int op_ = REDUCTIONS.index(op)
        cdef void* x_ = data(x)
        cdef void* out_ = data(out)
        cdef Py_ssize_t rows = x.shape[0]
        cdef Py_ssize_t cols = x.shape[1]
        cdef int t = x.dtype.itemsize == 8
        with nogil:
            for _ in range(self.repeat):
                self.table.arg_rows[t](op_, x_, <long long*> out_, rows, cols)
        return out

    def arg_cols(self, str op, x, out):
        cdef int op_ = REDUCTIONS.index(op)
        cdef void* x_ = data(x)
        cdef void* out_ = data(out)
        cdef Py_ssize_t rows = x.shape[0]
        cdef Py_ssize_t cols = x.shape[1]
        cdef int t = x.dtype.itemsize == 8
        with nogil:
            for _ in range(self.repeat):
                self.table.arg_cols[t](op_, x_, <long long*> out_, rows, cols, cols)
        return out

    def sum_alternate(self, x, out):
        cdef void* x_ = data(x)
        cdef void* out_ = data(out)
        cdef Py_ssize_t rows = out.size
        cdef Py_ssize_t cols = (x.size // rows + 1) // 2
        cdef int t = x.dtype.itemsize == 8
        with nogil:
            for _ in range(self.repeat):
                self.table.sum_alternate[t](x_, out_, rows, cols)
        return out

    def deviation_rows(self, x, mean, out):
        cdef void* x_ = data(x)
        cdef void* mean_ = data(mean)
        cdef void* out_ = data(out)
        cdef Py_ssize_t rows = x.shape[0]
        cdef Py_ssize_t cols = x.shape[1]
        cdef int t = x.dtype.itemsize == 8
        with nogil:
            for _ in range(self.repeat):
                self.table.deviation_rows[t](x_, mean_, out_, rows, cols)
        return out

    def deviation_cols(self, x, mean, out):
        cdef void* x_ = data(x)
        cdef void* mean_ = data(mean)
        cdef void* out_ = data(out)
        cdef Py_ssize_t rows = x.shape[0]
        cdef Py_ssize_t cols = x.shape[1]
        cdef int t = x.dtype.itemsize == 8
        with nogil:
            for _ in range(self.repeat):
                self.table.deviation_cols[t](x_, mean_, out_, rows, cols)
        return out

    def softmax_cols(self, x, y, bint log=False):
        cdef void* x_ = data(x)
        cdef void* y_ = data(y)
        cdef Py_ssize_t rows = x.shape[0]
        cdef Py_ssize_t cols = x.shape[1]
        cdef int t = x.dtype.itemsize == 8
        with nogil:
            for _ in range(self.repeat):
                self.table.softmax_cols[t](log, x_, y_, rows, cols, cols)
        return y

    def softmax_cols_grad(self, y, g, dx, bint log=False, bint accumulate=False):
        cdef void* y_ = data(y)
        cdef void* g_ = data(g)
        cdef void* dx_ = data(dx)
        cdef Py_ssize_t rows = y.shape[0]
        cdef Py_ssize_t cols = y.shape[1]
        cdef int t = y.dtype.itemsize == 8
        with nogil:
            for _ in range(self.repeat):
                self.table.softmax_cols_grad[t](log, y_, g_, dx_, accumulate, rows, cols, cols)
        return dx

    def softmax(self, x, y, bint log=False):
        cdef void* x_ = data(x)
        cdef void* y_ = data(y)
        cdef Py_ssize_t rows = x.shape[0]
        cdef Py_ssize_t cols = x.shape[1]
        cdef int t = x.dtype.itemsize == 8
        with nogil:
            for _ in range(self.repeat):
                self.table.softmax[t](log, x_, y_, rows, cols)
        return y

    def softmax_grad(self, y, g, dx, bint log=False, bint accumulate=False):
        cdef void* y_ = data(y)
        cdef void* g_ = data(g)
        cdef void* dx_ = data(dx)
        cdef Py_ssize_t rows = y.shape[0]
        cdef Py_ssize_t cols = y.shape[1]
        cdef int t = y.dtype.itemsize == 8
        with nogil:
            for _ in range(self.repeat):
                self.table.softmax_grad[t](log, y_, g_, dx_, accumulate, rows, cols)
        return dx

    def cross_entropy(self, x, label, logp, loss):
        cdef void* x_ = data(x)
        cdef void* label_ = data(label)
        cdef void* logp_ = data(logp)
        cdef void* loss_ = data(loss)
        cdef Py_ssize_t rows = x.shape[0]
        cdef Py_ssize_t cols = x.shape[1]
        cdef int t = x.dtype.itemsize == 8
        with nogil:
            for _ in range(self.repeat):
                self.table.cross_entropy[t](
                    x_, <const long long*> label_, logp_, loss_, rows, cols
                )
        return loss

    def cross_entropy_grad(self, logp, label, g, dx, bint accumulate=False):
        cdef void* logp_ = data(logp)
        cdef void* label_ = data(label)
        cdef void* g_ = data(g)
        cdef void* dx_ = data(dx)
        cdef Py_ssize_t rows = logp.shape[0]
        cdef Py_ssize_t cols = logp.shape[1]
        cdef int t = logp.dtype.itemsize == 8
        with nogil:
            for _ in range(self.repeat):
                self.table.cross_entropy_grad[t](
                    logp_, <const long long*> label_, g_, dx_, accumulate, rows, cols
                )
        return dx

    def add_bias(self, bias, out, bint relu=False):
        cdef void* bias_ = data(bias)
        cdef void* out_ = data(out)
        cdef Py_ssize_t rows = out.shape[0]
        cdef Py_ssize_t cols = out.shape[1]
        cdef int t = bias.dtype.itemsize == 8
        with nogil:
            for _ in range(self.repeat):
                self.table.add_bias[t](bias_, out_, relu, rows, cols)
        return out

    def thin_nt(self, x, w, out):
        cdef void* x_ = data(x)
        cdef void* w_ = data(w)
        cdef void* out_ = data(out)
        cdef Py_ssize_t m = x.shape[0]
        cdef Py_ssize_t n = w.shape[0]
        cdef Py_ssize_t k = x.shape[1]
        cdef int t = x.dtype.itemsize == 8
        with nogil:
            for _ in range(self.repeat):
                self.table.thin_nt[t](x_, w_, out_, m, n, k)
        return out

    def thin_nn(self, g, w, dx, bint accumulate=False):
        cdef void* g_ = data(g)
        cdef void* w_ = data(w)
        cdef void* dx_ = data(dx)
        cdef Py_ssize_t m = g.shape[0]
        cdef Py_ssize_t n = g.shape[1]
        cdef Py_ssize_t k = w.shape[1]
        cdef int t = g.dtype.itemsize == 8
        with nogil:
            for _ in range(self.repeat):
                self.table.thin_nn[t](g_, w_, dx_, accumulate, m, n, k)
        return dx

    def thin_tn(self, g, x, dw, bint accumulate=False):
        cdef void* g_ = data(g)
        cdef void* x_ = data(x)
        cdef void* dw_ = data(dw)
        cdef Py_ssize_t m = g.shape[0]
        cdef Py_ssize_t n = g.shape[1]
        cdef Py_ssize_t k = x.shape[1]
        cdef int t = g.dtype.itemsize == 8
        with nogil:
            for _ in range(self.repeat):
                self.table.thin_tn[t](g_, x_, dw_, accumulate, m, n, k)
        return dw

    def update(self, int rule, double[::1] constants, list arrays):
        cdef void* arrays_[16]
        cdef Py_ssize_t i, n = arrays[1].size
        cdef int t = arrays[1].dtype.itemsize == 8
        for i in range(len(arrays)):
            arrays_[i] = data(arrays[i])
        with nogil:
            for _ in range(self.repeat):
                self.table.update[t](rule, &constants[0], arrays_, n)
        return arrays[1]

    def uniform(self, key, offset, double low, double high, out):
        cdef unsigned long long key_ = key
        cdef unsigned long long offset_ = offset
        cdef void* out_ = data(out)
        cdef Py_ssize_t n = out.size
        cdef int t = out.dtype.itemsize == 8
        with nogil:
            for _ in range(self.repeat):
                self.table.uniform[t](key_, offset_, low, high, out_, n)
        return out

    def normal(self, key, offset, double mean, double std, out):
        cdef unsigned long long key_ = key
        cdef unsigned long long offset_ = offset
        cdef void* out_ = data(out)
        cdef Py_ssize_t n = out.size
        cdef int t = out.dtype.itemsize == 8
        with nogil:
            for _ in range(self.repeat):
                self.table.normal[t](key_, offset_, mean, std, out_, n)
        return out

    def keep_mask(self, key, offset, double rate, double keep_value, out):
        cdef unsigned long long key_ = key
        cdef unsigned long long offset_ = offset
        cdef void* out_ = data(out)
        cdef Py_ssize_t n = out.size
        cdef int t = out.dtype.itemsize == 8
        with nogil:
            for _ in range(self.repeat):
                self.table.keep_mask[t](key_, offset_, rate, keep_value, out_, n)
        return out

    def randint(self, key, offset, long long low, span, out):
        cdef unsigned long long key_ = key
        cdef unsigned long long offset_ = offset
        cdef unsigned long long span_ = span
        cdef void* out_ = data(out)
        cdef Py_ssize_t n = out.size
        with nogil:
            for _ in range(self.repeat):
                self.table.randint(key_, offset_, low, span_, <long long*> out_, n)
        return out
