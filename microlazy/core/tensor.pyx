"""The core tensor, NumPy's view of it, and the helpers that every op builds on."""

cimport cython
from cpython.buffer cimport (
    PyBUF_ANY_CONTIGUOUS, PyBUF_C_CONTIGUOUS, PyBUF_F_CONTIGUOUS, PyBUF_FORMAT, PyBUF_ND,
    PyBUF_SIMPLE, PyBUF_STRIDES, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer,
)
from cpython.object cimport PyObject
from cpython.tuple cimport PyTuple_New, PyTuple_SET_ITEM
from cpython.ref cimport Py_INCREF
from libc.string cimport memcpy
from microlazy.core.storage cimport Block, acquire, recycle

import operator

import numpy

from microlazy.base import AbstractValueError, ShapeError, shown

cdef extern from "device.h" nogil:
    int the_device

cdef extern from "Python.h":
    ctypedef object (*newfunc)(type, object, void*)
    ctypedef struct PyTypeObject:
        newfunc tp_new

cdef Py_ssize_t[N_DTYPES] ITEMSIZE = [4, 8, 2, 1, 4, 1, 8, 1]
cdef const char* FORMAT[N_DTYPES]     # for the buffer protocol
FORMAT[:] = [b"f", b"d", b"e", b"B", b"i", b"b", b"q", b"?"]
cdef tuple NUMPY_DTYPES = tuple(
    numpy.dtype(name)
    for name in ("float32", "float64", "float16", "uint8", "int32", "int8", "int64", "bool"))
cdef dict DTYPE_NUMBERS = {}
for _number, _dtype in enumerate(NUMPY_DTYPES):
    for _key in (_dtype, _dtype.type, _dtype.name):
        DTYPE_NUMBERS[_key] = _number
DTYPE_NUMBERS.update({None: FLOAT32, float: FLOAT64, int: INT64, bool: BOOL})

# NumPy's integers that we lack, and the dtype that holds all their values.
cdef dict WIDER = {numpy.dtype(name): numpy.dtype(wider) for name, wider in (
    ("int16", "int32"), ("uint16", "int32"), ("uint32", "int64"))}

cdef enum:
    MOST_NESTED = 64              # as in NumPy

cdef bint viewing = False         # the memory is for our own functions
cdef int (*may_be_seen)(Tensor) except -1   # refuses to show an array's memory to others
cdef bint elsewhere = False           # a thread made arrays on another context than cpu(0)
cdef PyObject* face_types[2]
cdef tuple EMPTY = ()
cdef Py_ssize_t LARGEST = <Py_ssize_t>1 << 62     # bytes of an array, axes of size 0 left out


@cython.no_gc
cdef class Slot:
    pass


@cython.no_gc
cdef class Tensor:
    """An array: the memory, shape, strides and gradient that both faces share.

    Users meet it as `microlazy.nd.NDArray` and `microlazy.np.ndarray`; this class holds what NumPy
    and the buffer protocol need.
    """

    def __init__(self, *args, **kwargs):
        raise TypeError("make arrays with nd.array(), np.array() or another creation function")

    def __dealloc__(self):
        cdef Block block = self.block
        if block is not None:
            leave_block(self, block)

    @property
    def shape(self) -> tuple:
        """Size of each axis, a tuple of int."""
        return shape_tuple(self)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self.ndim

    @property
    def size(self) -> int:
        """Number of elements."""
        return self.size

    @property
    def itemsize(self) -> int:
        """Bytes of one element."""
        return ITEMSIZE[self.dtype]

    @property
    def nbytes(self) -> int:
        """Bytes of all elements."""
        return self.size * ITEMSIZE[self.dtype]

    @property
    def strides(self) -> tuple:
        """Bytes from one element to the next along each axis."""
        return tuple([self.strides_[i] for i in range(self.ndim)])

    @property
    def is_abstract(self) -> bool:
        """Whether the array has a shape and dtype but no memory (dry run, tracing)."""
        return self.abstract

    def __getbuffer__(self, Py_buffer* buffer, int flags):
        need_values(self, "its memory was asked for")
        if not viewing:
            may_be_seen(self)
        cdef Tensor owner = alias(self) if self.movable else self     # what keeps the memory
        if flags & PyBUF_WRITABLE and self.block.readonly:
            raise BufferError("this array is read-only: its memory belongs to a read-only array")
        if not self.contiguous and (
                (flags & PyBUF_STRIDES) != PyBUF_STRIDES
                or (flags & PyBUF_C_CONTIGUOUS) == PyBUF_C_CONTIGUOUS
                or (flags & PyBUF_ANY_CONTIGUOUS) == PyBUF_ANY_CONTIGUOUS):
            raise BufferError("this array is not contiguous; copy() it first")
        if (flags & PyBUF_F_CONTIGUOUS) == PyBUF_F_CONTIGUOUS and self.ndim > 1:
            raise BufferError("this array is not in Fortran order")
        buffer.buf = self.data
        buffer.obj = owner
        buffer.len = self.size * ITEMSIZE[self.dtype]
        buffer.itemsize = ITEMSIZE[self.dtype]
        buffer.readonly = self.block.readonly
        buffer.ndim = self.ndim
        buffer.format = <char*>FORMAT[self.dtype] if flags & PyBUF_FORMAT else NULL
        buffer.shape = owner.shape_ if flags & PyBUF_ND else NULL
        buffer.strides = owner.strides_ if (flags & PyBUF_STRIDES) == PyBUF_STRIDES else NULL
        buffer.suboffsets = NULL
        buffer.internal = NULL

    @property
    def __array_interface__(self) -> dict:
        need_values(self, "its memory was asked for")
        may_be_seen(self)
        data = (<size_t>self.data, self.block.readonly)
        if self.movable:              # an address would not keep the memory from the plan
            if not self.contiguous:
                raise AttributeError("__array_interface__")
            data = alias(self)
        return {
            "version": 3,
            "shape": shape_tuple(self),
            "typestr": NUMPY_DTYPES[self.dtype].str,
            "data": data,
            "strides": None if self.contiguous else self.strides,
        }

    def __array__(self, dtype=None, copy=None):
        may_be_seen(self)
        array = view_numpy(self)
        if dtype is not None and numpy.dtype(dtype) != array.dtype:
            if copy is False:
                raise ValueError(f"a {array.dtype} array cannot become {dtype} without a copy")
            return array.astype(dtype)
        return array.copy() if copy else array


cdef Py_ssize_t itemsize(int dtype) noexcept nogil:
    return ITEMSIZE[dtype]


cdef bint is_float(int dtype) noexcept nogil:
    return dtype <= FLOAT16


cdef object numpy_dtype(int dtype):
    return NUMPY_DTYPES[dtype]


cdef int dtype_number(object dtype) except -1:
    if isinstance(dtype, Tensor):   # stands for its dtype, as for NumPy
        return (<Tensor>dtype).dtype
    hashable = type(dtype) is str or dtype.__hash__ is not None
    number = DTYPE_NUMBERS.get(dtype, -1) if hashable else -1
    found = None
    if number == -1:
        try:
            found = numpy.dtype(dtype)
            number = DTYPE_NUMBERS.get(found, -1)
        except TypeError:
            pass
    if number == -1:
        names = ", ".join([d.name for d in NUMPY_DTYPES])
        raise TypeError(f"unknown dtype {shown(dtype)}; an array's dtype is one of {names}"
                        f"{instead_of(found)}")
    return number


cdef str instead_of(object dtype):
    """What to write instead of a dtype that is NumPy's only."""
    if dtype is None:
        return ""
    wider = nearest_dtype(dtype)
    if wider in DTYPE_NUMBERS:
        return f"; write dtype={wider.name!r}, which holds all its values"
    if dtype.kind == "u":
        return "; write dtype='int64' for numbers below 2**63"
    return ""


def nearest_dtype(dtype):
    """The dtype of ours that holds all values of one of NumPy's, or that in this machine's order.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.core.tensor import nearest_dtype
    >>> nearest_dtype(numpy.dtype(">f4")), nearest_dtype(numpy.dtype("uint16"))
    (dtype('float32'), dtype('int32'))
    """
    native = dtype.newbyteorder("=")
    return WIDER.get(native, native)


cdef void register_face(int face, type cls):
    Py_INCREF(cls)
    face_types[face] = <PyObject*>cls


cdef object too_large(tuple shape):
    return MemoryError(f"an array of shape {shape} is larger than any memory")


cdef Tensor header(int face, int dtype, int ndim, const Py_ssize_t* shape):
    cdef type cls = <type>face_types[face]
    cdef Tensor x = (<PyTypeObject*>cls).tp_new(cls, EMPTY, NULL)
    cdef Py_ssize_t step = ITEMSIZE[dtype], size = 1, span = step, n
    cdef int i
    x.face = face
    x.dtype = dtype
    x.ndim = ndim
    x.contiguous = True
    for i in range(ndim - 1, -1, -1):
        n = shape[i]
        x.shape_[i] = n
        x.strides_[i] = step
        if (span | n) >> 31 and n > LARGEST // span:      # no product of these sizes may wrap
            raise too_large(tuple([shape[j] for j in range(ndim)]))
        step *= n
        size *= n
        if n:
            span *= n
    x.size = size
    return x


cdef Tensor new(int face, int dtype, int ndim, const Py_ssize_t* shape):
    cdef Tensor x = header(face, dtype, ndim, shape)
    allocate(x)
    return x


cdef Tensor like(Tensor x):
    cdef Tensor y = new(x.face, x.dtype, x.ndim, x.shape_)
    if x.block is not None:
        y.block.device = x.block.device
    return y


cdef int allocate(Tensor x) except -1:
    cdef Block block = acquire(x.size * ITEMSIZE[x.dtype])
    block.device = the_device if elsewhere else 0
    look_at(x, block, block.data)
    return 0


cdef int current_device() noexcept nogil:
    return the_device


cdef int use_device(int device) noexcept nogil:
    global the_device, elsewhere
    cdef int before = the_device
    if device:
        elsewhere = True
    the_device = device
    return before


cdef int device_of(Tensor x) noexcept:
    return the_device if x.block is None else x.block.device


cdef inline void leave_block(Tensor x, Block block) noexcept:
    if block.whole is <void*>x:
        block.whole = NULL
    block.users -= 1
    if block.users == 0:
        recycle(block)


cdef void look_at(Tensor x, Block block, char* data) noexcept:
    cdef Block before = x.block
    block.users += 1
    x.block = block
    x.data = data
    x.abstract = False
    if before is not None:
        leave_block(x, before)


cdef void look_away(Tensor x) noexcept:
    cdef Block before = x.block
    x.block = None
    x.data = NULL
    x.abstract = True
    if before is not None:
        leave_block(x, before)


cdef Tensor alias(Tensor x):
    cdef type cls = <type>face_types[x.face]
    cdef Tensor y = (<PyTypeObject*>cls).tp_new(cls, EMPTY, NULL)
    y.face = x.face
    y.dtype = x.dtype
    y.ndim = x.ndim
    y.size = x.size
    y.contiguous = x.contiguous
    y.abstract = x.abstract
    memcpy(y.shape_, x.shape_, x.ndim * sizeof(Py_ssize_t))
    memcpy(y.strides_, x.strides_, x.ndim * sizeof(Py_ssize_t))
    if x.block is not None:
        look_at(y, x.block, x.data)
    return y


cdef void set_strides(Tensor x) noexcept:
    cdef Py_ssize_t step = ITEMSIZE[x.dtype]
    cdef int i
    for i in range(x.ndim - 1, -1, -1):
        x.strides_[i] = step
        step *= x.shape_[i]
    x.contiguous = True


cdef void take_layout(Tensor y, Tensor x) noexcept:
    memcpy(y.strides_, x.strides_, x.ndim * sizeof(Py_ssize_t))
    y.contiguous = x.contiguous


cdef bint is_contiguous(Tensor x) noexcept:
    cdef Py_ssize_t step = ITEMSIZE[x.dtype]
    cdef int i
    if x.size == 0:
        return True
    for i in range(x.ndim - 1, -1, -1):
        if x.shape_[i] != 1:
            if x.strides_[i] != step:
                return False
            step *= x.shape_[i]
    return True


cdef bint same_shape(Tensor a, Tensor b) noexcept:
    cdef int i
    if a.ndim != b.ndim:
        return False
    for i in range(a.ndim):
        if a.shape_[i] != b.shape_[i]:
            return False
    return True


cdef tuple shape_tuple(Tensor x):
    cdef tuple shape = PyTuple_New(x.ndim)
    cdef int i
    cdef object n
    for i in range(x.ndim):
        n = x.shape_[i]
        Py_INCREF(n)
        PyTuple_SET_ITEM(shape, i, n)
    return shape


cdef int parse_shape(object shape, Py_ssize_t* out) except -1:
    cdef Py_ssize_t n
    cdef int ndim = 0
    if not isinstance(shape, (tuple, list)):
        try:
            shape = (operator.index(shape),)
        except TypeError:
            try:
                shape = tuple(shape)
            except TypeError:
                raise TypeError(
                    f"a shape is an int or a tuple of ints, not {shape!r}") from None
    if len(shape) > MAX_NDIM:
        raise ShapeError(f"an array has at most {MAX_NDIM} axes, but the shape has {len(shape)}")
    for item in shape:
        try:
            n = item if type(item) is int else operator.index(item)
        except OverflowError:
            raise too_large(tuple(shape)) from None
        if n < 0:
            raise ShapeError(f"negative size {n} in the shape {tuple(shape)}")
        out[ndim] = n
        ndim += 1
    return ndim


cdef int parse_axis(object axis, int ndim) except -1:
    cdef Py_ssize_t n
    if type(axis) is int:
        n = axis
    else:
        try:
            n = operator.index(axis)
        except TypeError:
            raise TypeError(f"an axis is an int, not {shown(axis)}") from None
    if n < -ndim or n >= ndim:
        raise numpy.exceptions.AxisError(
            f"axis {n} is out of bounds for an array of {ndim} dimension{'s' * (ndim != 1)}")
    return <int>(n + ndim if n < 0 else n)


cdef int deeper(int depth) except -1:
    if depth >= MOST_NESTED:
        raise ValueError(f"lists stand in lists more than {MOST_NESTED} deep; one that contains "
                         "itself has no end")
    return depth + 1


cdef int need_values(Tensor x, str what) except -1:
    if x.abstract:
        raise AbstractValueError(
            f"this array of shape {shape_tuple(x)} has no values yet: it stands for one while "
            f"shapes are worked out (dry_run, summary, hybridize), and {what}. Code that decides "
            "on values cannot run there")
    return 0


cdef object view_numpy(Tensor x):
    global viewing
    need_values(x, "its values were asked for")
    viewing = True
    try:
        view = memoryview(x)
    finally:
        viewing = False
    return numpy.asarray(view)


cdef void ask_before_export(int (*question)(Tensor) except -1) noexcept:
    global may_be_seen
    may_be_seen = question


cdef int seen_by_all(Tensor x) except -1:
    return 0


may_be_seen = seen_by_all


cdef Tensor from_numpy(object array, int face):
    cdef int dtype = dtype_number(array.dtype)
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef int ndim = parse_shape(array.shape, shape)
    cdef Tensor x = new(face, dtype, ndim, shape)
    cdef Py_buffer source
    if array.flags.c_contiguous:
        PyObject_GetBuffer(array, &source, PyBUF_SIMPLE)
        memcpy(x.data, source.buf, x.size * ITEMSIZE[dtype])
        PyBuffer_Release(&source)
    else:
        numpy.copyto(view_numpy(x), array, casting="unsafe")
    return x
