"""Matrix products by the BLAS that SciPy brings.

The routines are fetched at the first product, from the one module of SciPy that has them: all of
scipy.linalg takes longer to import than the rest of the package. Large products are cut in two or
more by our own threads and each piece is computed by a BLAS that is told to use one: a pool of its
own would fight with ours for the cores, and it wakes up for products that one core finishes sooner.
"""

from cpython.pycapsule cimport PyCapsule_GetName, PyCapsule_GetPointer
from cython.parallel cimport prange
from libc.stdint cimport uintptr_t
from libc.string cimport memset
from microlazy.core.parallel cimport threads
from microlazy.core.tensor cimport FLOAT32, itemsize

import os
import sys
from threading import RLock

ctypedef void (*sgemm_t)(char* ta, char* tb, int* m, int* n, int* k, float* alpha, float* a,
                         int* lda, float* b, int* ldb, float* beta, float* c,
                         int* ldc) noexcept nogil
ctypedef void (*dgemm_t)(char* ta, char* tb, int* m, int* n, int* k, double* alpha, double* a,
                         int* lda, double* b, int* ldb, double* beta, double* c,
                         int* ldc) noexcept nogil
ctypedef void (*sgemv_t)(char* trans, int* m, int* n, float* alpha, float* a, int* lda, float* x,
                         int* incx, float* beta, float* y, int* incy) noexcept nogil
ctypedef void (*dgemv_t)(char* trans, int* m, int* n, double* alpha, double* a, int* lda, double* x,
                         int* incx, double* beta, double* y, int* incy) noexcept nogil
ctypedef int (*get_threads_t)() noexcept nogil
ctypedef void (*set_threads_t)(int n) noexcept nogil

cdef enum:
    WORTH_THREADS = 1 << 19       # multiplications from which a second core pays
    LARGEST = 0x7FFFFFFF          # size or row length: BLAS counts in 32 bits

cdef sgemm_t sgemm = NULL
cdef dgemm_t dgemm = NULL
cdef sgemv_t sgemv = NULL
cdef dgemv_t dgemv = NULL
cdef get_threads_t blas_threads = NULL
cdef set_threads_t set_blas_threads = NULL
cdef str library = ""

# A process forked while another thread imports would wait for that import's lock for ever: a fork
# waits until the routines are there.
cdef object fetching = RLock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=fetching.acquire, after_in_parent=fetching.release,
                        after_in_child=fetching.release)


cdef void* routine(object module, str name) except NULL:
    capsule = module.__pyx_capi__[name]
    return PyCapsule_GetPointer(capsule, PyCapsule_GetName(capsule))


cdef int need_blas() except -1:
    global sgemm, dgemm, sgemv, dgemv
    if sgemm is NULL:
        with fetching:
            module = _routines()
            find_thread_control()
            sgemv = <sgemv_t>routine(module, "sgemv")
            dgemv = <dgemv_t>routine(module, "dgemv")
            dgemm = <dgemm_t>routine(module, "dgemm")
            sgemm = <sgemm_t>routine(module, "sgemm")
    return 0


def _routines():
    """The module scipy.linalg.cython_blas, without the rest of scipy.linalg where that works.

    Examples
    --------
    >>> from microlazy.core.blas import _routines
    >>> "dgemm" in _routines().__pyx_capi__
    True
    """
    from importlib.machinery import PathFinder
    from importlib.util import module_from_spec

    name = "scipy.linalg.cython_blas"
    if name in sys.modules:
        return sys.modules[name]
    try:
        import scipy                        # on Windows it says where its libraries are
        spec = PathFinder.find_spec(name, [os.path.join(scipy.__path__[0], "linalg")])
        module = module_from_spec(spec)
        spec.loader.exec_module(module)
        sys.modules.pop(name, None)         # so that scipy.linalg, once imported, gets it whole
        routine(module, "dgemm")
        return module
    except Exception:                       # another layout of SciPy's
        import scipy.linalg.cython_blas as cython_blas
        return cython_blas


cdef int find_thread_control() except -1:
    """Look for the functions that set how many threads SciPy's OpenBLAS uses."""
    global blas_threads, set_blas_threads, library
    import ctypes
    from importlib.util import find_spec
    from pathlib import Path

    root = Path(find_spec("scipy").origin).parent
    for folder in (root.parent / "scipy.libs", root / ".dylibs"):
        for path in sorted(folder.glob("*openblas*")):
            blas = ctypes.CDLL(str(path))
            for prefix in ("scipy_openblas", "openblas"):
                for suffix in ("", "64_"):
                    getter = getattr(blas, f"{prefix}_get_num_threads{suffix}", None)
                    setter = getattr(blas, f"{prefix}_set_num_threads{suffix}", None)
                    core = getattr(blas, f"{prefix}_get_corename{suffix}", None)
                    if getter is not None and setter is not None:
                        blas_threads = <get_threads_t><uintptr_t>(
                            ctypes.cast(getter, ctypes.c_void_p).value)
                        set_blas_threads = <set_threads_t><uintptr_t>(
                            ctypes.cast(setter, ctypes.c_void_p).value)
                        library = path.name
                        if core is not None:
                            core.restype = ctypes.c_char_p
                            library += f" for {core().decode()}"
                        return 0
    return 0


def blas_name() -> str:
    """The BLAS that computes products, as far as it can be told.

    Examples
    --------
    >>> from microlazy.core.blas import blas_name
    >>> isinstance(blas_name(), str)
    True
    """
    need_blas()
    return library or "the BLAS of scipy.linalg"


cdef void one_gemv(int dtype, bint transposed, Py_ssize_t m, Py_ssize_t n, const void* a,
                   Py_ssize_t lda, const void* x, Py_ssize_t step_x, double beta, char* y,
                   Py_ssize_t step_y) noexcept nogil:
    """y = beta y + op(a) x, where a is (m, n) as BLAS has it, columns first."""
    cdef char op = b"T" if transposed else b"N"
    cdef int mm = <int>m, nn = <int>n, la = <int>lda, ix = <int>step_x, iy = <int>step_y
    cdef float one = 1, fbeta = <float>beta
    cdef double done = 1
    cdef Py_ssize_t i, size = itemsize(dtype)
    if beta == 0:                           # what is there may be NaN
        for i in range(n if transposed else m):
            memset(y + i * step_y * size, 0, size)
    if dtype == FLOAT32:
        sgemv(&op, &mm, &nn, &one, <float*>a, &la, <float*>x, &ix, &fbeta, <float*>y, &iy)
    else:
        dgemv(&op, &mm, &nn, &done, <double*>a, &la, <double*>x, &ix, &beta, <double*>y, &iy)


cdef void one_gemm(int dtype, bint ta, bint tb, Py_ssize_t m, Py_ssize_t n, Py_ssize_t k,
                   const void* a, Py_ssize_t lda, const void* b, Py_ssize_t ldb, double beta,
                   void* c, Py_ssize_t ldc) noexcept nogil:
    # BLAS has columns first: the transposed product of the same memory.
    cdef char opa = b"T" if ta else b"N"
    cdef char opb = b"T" if tb else b"N"
    cdef int mm = <int>m, nn = <int>n, kk = <int>k
    cdef int la = <int>lda, lb = <int>ldb, lc = <int>ldc
    cdef float one = 1, fbeta = <float>beta
    cdef double done = 1
    if n == 1:                              # a matrix and a vector
        one_gemv(dtype, not ta, m if ta else k, k if ta else m, a, lda, b, 1 if tb else ldb, beta,
                 <char*>c, ldc)
    elif m == 1:
        one_gemv(dtype, tb, k if tb else n, n if tb else k, b, ldb, a, lda if ta else 1, beta,
                 <char*>c, 1)
    elif dtype == FLOAT32:
        sgemm(&opb, &opa, &nn, &mm, &kk, &one, <float*>b, &lb, <float*>a, &la, &fbeta, <float*>c,
              &lc)
    else:
        dgemm(&opb, &opa, &nn, &mm, &kk, &done, <double*>b, &lb, <double*>a, &la, &beta,
              <double*>c, &lc)


cdef void gemm_cut(int dtype, bint ta, bint tb, Py_ssize_t m, Py_ssize_t n, Py_ssize_t k,
                   const char* a, Py_ssize_t lda, const char* b, Py_ssize_t ldb, double beta,
                   char* c, Py_ssize_t ldc) noexcept nogil:
    """A product of any size: halved until BLAS can count it."""
    cdef Py_ssize_t size = itemsize(dtype), half
    cdef bint by_m, by_n, by_k
    if m == 1:                              # no second row, so its distance does not matter
        ldc = min(ldc, n)
    if (k if ta else m) == 1:
        lda = min(lda, m if ta else k)
    if (n if tb else k) == 1:
        ldb = min(ldb, k if tb else n)
    by_m = m > LARGEST or ldc > LARGEST or (lda > LARGEST and not ta)
    by_n = n > LARGEST or (ldb > LARGEST and tb)
    by_k = k > LARGEST or (lda > LARGEST and ta) or (ldb > LARGEST and not tb)
    if by_m and m > 1:
        half = m // 2
        gemm_cut(dtype, ta, tb, half, n, k, a, lda, b, ldb, beta, c, ldc)
        gemm_cut(dtype, ta, tb, m - half, n, k, a + half * size * (1 if ta else lda), lda, b, ldb,
                 beta, c + half * size * ldc, ldc)
    elif by_n and n > 1:
        half = n // 2
        gemm_cut(dtype, ta, tb, m, half, k, a, lda, b, ldb, beta, c, ldc)
        gemm_cut(dtype, ta, tb, m, n - half, k, a, lda, b + half * size * (ldb if tb else 1), ldb,
                 beta, c + half * size, ldc)
    elif by_k and k > 1:
        half = k // 2
        gemm_cut(dtype, ta, tb, m, n, half, a, lda, b, ldb, beta, c, ldc)
        gemm_cut(dtype, ta, tb, m, n, k - half, a + half * size * (lda if ta else 1), lda,
                 b + half * size * (1 if tb else ldb), ldb, 1.0, c, ldc)
    else:
        one_gemm(dtype, ta, tb, m, n, k, a, lda, b, ldb, beta, c, ldc)


cdef void piece(int dtype, bint ta, bint tb, Py_ssize_t m, Py_ssize_t n, Py_ssize_t k,
                const char* a, Py_ssize_t lda, const char* b, Py_ssize_t ldb, double beta, char* c,
                Py_ssize_t ldc, bint by_rows, Py_ssize_t first, Py_ssize_t last) noexcept nogil:
    """The rows, or columns, from first to last of a product."""
    cdef Py_ssize_t size = itemsize(dtype)
    if last <= first:
        return
    if by_rows:
        gemm_cut(dtype, ta, tb, last - first, n, k, a + first * size * (1 if ta else lda), lda, b,
                 ldb, beta, c + first * size * ldc, ldc)
    else:
        gemm_cut(dtype, ta, tb, m, last - first, k, a, lda,
                 b + first * size * (ldb if tb else 1), ldb, beta, c + first * size, ldc)


cdef int one_blas_thread() noexcept nogil:
    cdef int before
    if set_blas_threads is NULL:
        return 1
    before = blas_threads()
    if before != 1:
        set_blas_threads(1)
    return before


cdef void restore_blas_threads(int before) noexcept nogil:
    if before != 1:
        set_blas_threads(before)


cdef void gemm(int dtype, bint ta, bint tb, Py_ssize_t m, Py_ssize_t n, Py_ssize_t k,
               const void* a, Py_ssize_t lda, const void* b, Py_ssize_t ldb, double beta, void* c,
               Py_ssize_t ldc) noexcept nogil:
    cdef int before = 0, count = threads()
    cdef Py_ssize_t i, size = itemsize(dtype), step
    cdef bint by_rows = m > n
    if m == 0 or n == 0:
        return
    if k == 0:
        if beta == 0:
            for i in range(m):
                memset(<char*>c + i * ldc * size, 0, n * size)
        return
    if set_blas_threads is NULL:
        gemm_cut(dtype, ta, tb, m, n, k, <const char*>a, lda, <const char*>b, ldb, beta, <char*>c,
                 ldc)
        return
    before = one_blas_thread()
    if count == 1 or m * n * k < WORTH_THREADS:
        gemm_cut(dtype, ta, tb, m, n, k, <const char*>a, lda, <const char*>b, ldb, beta, <char*>c,
                 ldc)
    else:
        step = ((m if by_rows else n) + count - 1) // count
        step = (step + 15) & ~15
        for i in prange(count, schedule="static", num_threads=count):
            piece(dtype, ta, tb, m, n, k, <const char*>a, lda, <const char*>b, ldb, beta, <char*>c,
                  ldc, by_rows, i * step, min((i + 1) * step, m if by_rows else n))
    restore_blas_threads(before)
