"""Change of dtype. Floats keep their gradient: it is cast back."""

cimport cython
from microlazy.core.ops.slots cimport hand_on, pass_on
from microlazy.core.strided cimport assign, pack
from microlazy.core.tape cimport Node, Pass, run, state
from microlazy.core.tensor cimport (
    FLOAT16, FLOAT32, FLOAT64, INT32, N_DTYPES, Tensor, allocate, dtype_number, header, is_float,
    numpy_dtype,
)
import numpy


@cython.no_gc
@cython.final
cdef class Cast(Node):
    cdef int forward(self) except -1:
        return convert(self.a, self.out)

    cdef int backward(self, Pass p) except -1:
        return pass_on(p, self.a, self.grad)

    cdef int derive(self, Pass p, Tensor g) except -1:
        return hand_on(p, self.a, g)


cdef int convert(Tensor x, Tensor out) except -1:
    if x.dtype == out.dtype:
        return pack(x, out.data)
    return assign(out, x)


cdef Tensor converted(Tensor x, int dtype):
    cdef Tensor out = header(x.face, dtype, x.ndim, x.shape_)
    cdef Cast node
    if state().plain and not x.abstract:
        allocate(out)
        convert(x, out)
        return out
    node = Cast.__new__(Cast)
    node.a = x
    return run(node, out)


cdef Tensor cast(Tensor x, int dtype):
    if x.dtype == dtype:
        return x
    return converted(x, dtype)


cdef Tensor copied(Tensor x):
    return converted(x, x.dtype)


cdef int[N_DTYPES][N_DTYPES] of_two       # 1 + the dtype of a result, where it is known


cdef int promoted(int a, int b) except -1:
    """The dtype of a result under np: the widest float, else NumPy's integer that we have."""
    if a == b:
        return a
    if not of_two[a][b]:
        of_two[a][b] = 1 + promoted_by_numpy(a, b)
    return of_two[a][b] - 1


cdef int promoted_by_numpy(int a, int b) except -1:
    if is_float(a) or is_float(b):
        for dtype in (FLOAT64, FLOAT32, FLOAT16):
            if a == dtype or b == dtype:
                return dtype
    common = numpy.result_type(numpy_dtype(a), numpy_dtype(b))
    return INT32 if common == numpy.int16 else dtype_number(common)
