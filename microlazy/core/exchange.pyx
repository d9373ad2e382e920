"""Arrays on the memory of other libraries' arrays and the reverse, without a copy.

Two ways: NumPy's and the buffer protocol, and DLPack 1.0 (https://dmlc.github.io/dlpack).
A gradient does not travel with the memory, and what the other side writes is not counted as a write
in place: the tape cannot notice it.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_STRIDES, PyBuffer_Release, PyObject_GetBuffer
from cpython.mem cimport PyMem_RawFree, PyMem_RawMalloc
from cpython.pycapsule cimport (
    PyCapsule_CheckExact, PyCapsule_GetName, PyCapsule_GetPointer, PyCapsule_IsValid, PyCapsule_New,
    PyCapsule_SetName,
)
from cpython.ref cimport Py_DECREF, Py_INCREF
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from microlazy.core.ops.shape cimport same_memory
from microlazy.core.storage cimport Block, borrow
from microlazy.core.strided cimport assign
from microlazy.core.tape cimport may_write, state, tracked, wrote
from microlazy.core.tensor cimport (
    MAX_NDIM, N_DTYPES, ND, NP, Tensor, alias, dtype_number, from_numpy, header, is_contiguous,
    itemsize, like, look_at, need_values, numpy_dtype, parse_shape, view_numpy,
)

import numpy

from microlazy.base import not_an_array
from microlazy.context import Context
from microlazy.core.tensor import nearest_dtype

cdef extern from "Python.h":
    int Py_IsInitialized() nogil


# ---- NumPy and the buffer protocol -------------------------------------------------------------

def from_buffer(int face, obj):
    """An array on the memory of a NumPy array or of another object with a buffer.

    A write to one is seen in the other.

    Parameters
    ----------
    face : int
        0 for nd, 1 for np.
    obj : numpy.ndarray, bytes, memoryview, array.array ...
        Of a dtype that microlazy has; read-only memory stays read-only.

    Raises
    ------
    TypeError
        If it has no buffer, or elements of another type or byte order.
    ValueError
        If its memory or its strides are not aligned to its elements: a field of packed records.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.core.exchange import from_buffer
    >>> a = numpy.zeros(2, "float32")
    >>> x = from_buffer(1, a)
    >>> a[0] = 5
    >>> x
    array([5., 0.])
    """
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef Py_buffer memory
    cdef Tensor x
    cdef int i, ndim
    if isinstance(obj, numpy.ndarray):
        array = obj
    else:
        try:
            array = numpy.asarray(memoryview(obj))
        except TypeError:
            raise TypeError("expected a numpy.ndarray or an object with a buffer, got "
                            f"{type(obj).__name__}") from None
    if not array.dtype.isnative:
        raise TypeError(f"cannot share memory of byte order {array.dtype.byteorder!r}; use "
                        "array() to copy")
    ndim = parse_shape(array.shape, shape)
    x = header(face, dtype_number(array.dtype), ndim, shape)
    PyObject_GetBuffer(array, &memory, PyBUF_STRIDES)     # which `array` keeps
    PyBuffer_Release(&memory)
    if ndim:
        for i, step in enumerate(array.strides):
            x.strides_[i] = step
    x.contiguous = is_contiguous(x)
    place_at(x, root_of(array), <char*>memory.buf, not array.flags.writeable)
    return x


def vector_on(obj, dtype, Py_ssize_t offset):
    """A vector of np on the bytes of an object from `offset` on; None where NumPy has to say.

    Examples
    --------
    >>> from microlazy.core.exchange import vector_on
    >>> vector_on(bytes([1, 2, 3]), "uint8", 1)
    array([2, 3], dtype=uint8)
    """
    cdef Py_buffer memory
    cdef Py_ssize_t n
    cdef Tensor x
    cdef int number = dtype_number(dtype), size = itemsize(number)
    view = memoryview(obj)
    n = view.nbytes - offset
    if offset < 0 or n <= 0 or n % size or not view.c_contiguous:
        return None
    PyObject_GetBuffer(view, &memory, PyBUF_SIMPLE)       # which `view` keeps
    PyBuffer_Release(&memory)
    n //= size
    x = header(NP, number, 1, &n)
    place_at(x, view, <char*>memory.buf + offset, view.readonly)
    return x


cdef object root_of(object array):
    """What keeps an array's memory: the first of our arrays if it came from here, else itself."""
    cdef Tensor x
    base = array
    while isinstance(base, numpy.ndarray):
        base = base.base
    if not isinstance(base, memoryview) or not isinstance(base.obj, Tensor):
        return array
    x = base.obj
    while isinstance(x.block.owner, Tensor):
        x = x.block.owner
    return alias(x)                       # without x's place on the tape


cdef int place_at(Tensor x, object owner, char* data, bint readonly) except -1:
    """Let x look at foreign memory, which `owner` keeps alive."""
    cdef Block block
    cdef int i
    if x.size and <size_t>data % itemsize(x.dtype):
        raise ValueError("cannot share memory that is not aligned to its elements; use array() to "
                         "copy")
    for i in range(x.ndim):
        if x.strides_[i] % itemsize(x.dtype) == 0:
            continue
        if x.size and x.shape_[i] > 1:
            raise ValueError(
                f"cannot share memory whose elements are {x.strides_[i]} bytes apart along axis "
                f"{i}, which is no multiple of their {itemsize(x.dtype)} bytes (a field of packed "
                "records is so); use array() to copy")
        x.strides_[i] = itemsize(x.dtype)     # of an axis that nobody steps along
    block = borrow(owner, data, x.size * itemsize(x.dtype), readonly)
    look_at(x, block, block.data)
    return 0


def is_plain(array) -> bool:
    """Whether this is an array of NumPy's that means what it holds.

    Masked arrays and matrices mean more, and say so by a priority of their own.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.core.exchange import is_plain
    >>> is_plain(numpy.ones(2)), is_plain(numpy.ma.ones(2)), is_plain([1, 2])
    (True, False, False)
    """
    return isinstance(array, numpy.ndarray) and array.__array_priority__ <= 0


def operand(Tensor x, array):
    """A NumPy array that meets x in an operator: copied, so that NumPy cannot change it meanwhile.

    Under nd it takes x's dtype, since nd mixes none; under np it keeps its own, or the next wider
    one that microlazy has.

    Examples
    --------
    >>> import numpy
    >>> from microlazy import nd
    >>> from microlazy.core.exchange import operand
    >>> operand(nd.ones((2,)), numpy.array([1, 2])).dtype
    <class 'numpy.float32'>
    """
    if x.face == ND:
        return from_numpy(array.astype(numpy_dtype(x.dtype), copy=False), ND)
    return from_result(NP, array)


def from_result(int face, array, bint float64=True):
    """An array with the values of a NumPy result, in the dtype that stands for NumPy's.

    Parameters
    ----------
    face : int
        0 for nd, 1 for np.
    array : numpy.ndarray or numpy.generic
    float64 : bool
        Whether float64 stays; else it becomes float32, our default.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.core.exchange import from_result
    >>> from_result(1, numpy.array([1], "int16"))
    array([1], dtype=int32)
    """
    array = numpy.asarray(array)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"microlazy has no arrays of dtype {array.dtype}")
    dtype = nearest_dtype(array.dtype)
    if dtype == numpy.uint64:             # of counts and of hashes, in NumPy's results
        dtype = numpy.int64
    elif not float64 and dtype == numpy.float64:
        dtype = numpy.float32
    array = array.astype(dtype, copy=False)
    if array.ndim == 0 and face == ND:
        array = array.reshape(1)          # nd has no arrays without axes
    return from_numpy(array, face)


def for_writing(x):
    """A NumPy view that NumPy will write to: refused as any write in place, and counted as one."""
    may_write(x)
    wrote(x)
    return view_numpy(x)


def is_recorded(x) -> bool:
    """Whether an op on x would be recorded now."""
    return bool(state().recording) and tracked(x)


# ---- DLPack ------------------------------------------------------------------------------------

DLPACK_CPU = (1, 0)                   # the device of all our arrays

cdef enum:
    DLPACK_MAJOR = 1
    CPU = 1                           # kDLCPU
    READ_ONLY = 1
    IS_COPIED = 2

cdef struct DLVersion:
    uint32_t major, minor

cdef struct DLDevice:
    int32_t device_type, device_id

cdef struct DLDataType:
    uint8_t code, bits
    uint16_t lanes

cdef struct DLTensor:
    void* data
    DLDevice device
    int32_t ndim
    DLDataType dtype
    int64_t* shape
    int64_t* strides                  # in elements
    uint64_t byte_offset

cdef struct Plain:                    # DLManagedTensor
    DLTensor tensor
    void* manager_ctx
    void (*deleter)(Plain*) noexcept nogil

cdef struct Versioned:                # DLManagedTensorVersioned
    DLVersion version
    void* manager_ctx
    void (*deleter)(Versioned*) noexcept nogil
    uint64_t flags
    DLTensor tensor

cdef struct Export:                   # one allocation: what a consumer holds of ours
    Plain plain
    Versioned versioned
    int64_t[MAX_NDIM] shape
    int64_t[MAX_NDIM] strides
    void* owner                       # a reference to a tensor of our own on the block

cdef const char* PLAIN = b"dltensor"
cdef const char* USED_PLAIN = b"used_dltensor"
cdef const char* VERSIONED = b"dltensor_versioned"
cdef const char* USED_VERSIONED = b"used_dltensor_versioned"

cdef tuple KINDS = ("int", "uint", "float", "handle", "bfloat", "complex", "bool")
cdef DLDataType[N_DTYPES] DLPACK_DTYPES
for _number in range(N_DTYPES):
    _name = numpy_dtype(_number).name
    DLPACK_DTYPES[_number].code = KINDS.index(_name.rstrip("0123456789"))
    DLPACK_DTYPES[_number].bits = 8 * itemsize(_number)
    DLPACK_DTYPES[_number].lanes = 1


cdef void release_export(Export* export) noexcept nogil:
    if not Py_IsInitialized():
        return                        # the interpreter is gone, and our memory with it
    with gil:
        Py_DECREF(<object>export.owner)
    PyMem_RawFree(export)


cdef void delete_plain(Plain* managed) noexcept nogil:
    release_export(<Export*>managed.manager_ctx)


cdef void delete_versioned(Versioned* managed) noexcept nogil:
    release_export(<Export*>managed.manager_ctx)


cdef void drop_capsule(object capsule) noexcept:
    """What a capsule does that nobody consumed."""
    cdef Plain* plain
    cdef Versioned* versioned
    if PyCapsule_IsValid(capsule, PLAIN):
        plain = <Plain*>PyCapsule_GetPointer(capsule, PLAIN)
        plain.deleter(plain)
    elif PyCapsule_IsValid(capsule, VERSIONED):
        versioned = <Versioned*>PyCapsule_GetPointer(capsule, VERSIONED)
        versioned.deleter(versioned)


def to_dlpack(x, stream=None, max_version=None, dl_device=None, copy=None):
    """A capsule with an array's memory, for the `from_dlpack` of another library.

    Parameters
    ----------
    x : array
    stream : None
        The CPU has no streams.
    max_version : tuple of int, optional
        The newest DLPack that the consumer knows. Without it, or below 1.0, the capsule cannot say
        that memory is read-only: such an array is refused.
    dl_device : tuple of int, optional
        (1, 0), the CPU.
    copy : bool, optional
        True for a copy; otherwise the memory is shared.

    Raises
    ------
    BufferError
        If the array cannot be handed out in this way.

    Examples
    --------
    >>> import numpy
    >>> from microlazy import np
    >>> x = np.zeros(2)
    >>> numpy.from_dlpack(x)[0] = 1
    >>> x
    array([1., 0.])
    """
    cdef Tensor t = x
    cdef Export* export
    cdef DLTensor* tensor
    cdef Py_ssize_t step = itemsize(t.dtype)
    cdef bint versioned
    cdef int i
    if stream is not None:
        raise ValueError(f"stream must be None, as the CPU has no streams; got {stream!r}")
    if dl_device is not None and tuple(dl_device) != DLPACK_CPU:
        raise BufferError(f"cannot export to the device {tuple(dl_device)}: the array is on the "
                          "CPU, (1, 0)")
    need_values(t, "its memory was asked for")
    versioned = max_version is not None and max_version[0] >= DLPACK_MAJOR
    if copy:
        t = packed_copy(t)
    elif t.block.readonly and not versioned:
        raise BufferError("this array is read-only, which DLPack before 1.0 cannot say; ask with "
                          "max_version=(1, 0) or copy=True")
    for i in range(t.ndim):
        if t.strides_[i] < 0 or t.strides_[i] % step:     # PyTorch ends the process at such strides
            raise BufferError(f"the array's strides {x.strides} are not forward steps of whole "
                              "elements; ask with copy=True, or copy() it first")
    t = alias(t)                          # it holds the block, whatever becomes of x
    export = <Export*>PyMem_RawMalloc(sizeof(Export))
    if export is NULL:
        raise MemoryError("cannot allocate a DLPack header")
    tensor = &export.versioned.tensor if versioned else &export.plain.tensor
    tensor.data = t.data
    tensor.device = DLDevice(CPU, 0)
    tensor.ndim = t.ndim
    tensor.dtype = DLPACK_DTYPES[t.dtype]
    tensor.shape = export.shape
    tensor.strides = export.strides
    tensor.byte_offset = 0
    for i in range(t.ndim):
        export.shape[i] = t.shape_[i]
        export.strides[i] = t.strides_[i] // step
    export.owner = <void*>t
    Py_INCREF(t)
    if versioned:
        export.versioned.version = DLVersion(DLPACK_MAJOR, 0)
        export.versioned.manager_ctx = export
        export.versioned.deleter = delete_versioned
        export.versioned.flags = (READ_ONLY if t.block.readonly else 0) | (IS_COPIED if copy else 0)
        return PyCapsule_New(&export.versioned, VERSIONED, drop_capsule)
    export.plain.manager_ctx = export
    export.plain.deleter = delete_plain
    return PyCapsule_New(&export.plain, PLAIN, drop_capsule)


cdef Tensor packed_copy(Tensor x):
    """A copy in memory of its own, off the tape."""
    cdef Tensor y = like(x)
    assign(y, x)
    return y


def to_dlpack_for_read(data):
    """A DLPack capsule of an array that the consumer only reads.

    Parameters
    ----------
    data : array

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.from_dlpack(nd.to_dlpack_for_read(nd.ones((2,)))).asnumpy()
    array([1., 1.], dtype=float32)
    """
    return to_dlpack(array_of(data, "to_dlpack_for_read"))


def to_dlpack_for_write(data):
    """A DLPack capsule of an array that the consumer changes.

    It counts as a write in place, now: a later one of the consumer goes unnoticed.

    Parameters
    ----------
    data : array

    Examples
    --------
    >>> from microlazy import nd
    >>> x = nd.ones((2,))
    >>> y = nd.from_dlpack(nd.to_dlpack_for_write(x))
    >>> y[:] = 3
    >>> x.asnumpy()
    array([3., 3.], dtype=float32)
    """
    cdef Tensor t = array_of(data, "to_dlpack_for_write")
    may_write(t)
    capsule = to_dlpack(t)
    wrote(t)
    return capsule


cdef Tensor array_of(object x, str what):
    if not isinstance(x, Tensor):
        raise not_an_array(what, x)
    return <Tensor>x


cdef class Foreign:
    """Memory of another library; when the last of our tensors is gone, its owner is told."""
    cdef Plain* plain
    cdef Versioned* versioned

    def __dealloc__(self):
        if self.plain is not NULL and self.plain.deleter is not NULL:
            self.plain.deleter(self.plain)
        if self.versioned is not NULL and self.versioned.deleter is not NULL:
            self.versioned.deleter(self.versioned)


def from_dlpack(int face, x, device=None, copy=None):
    """An array on the memory of another library's array.

    Parameters
    ----------
    face : int
        0 for nd, 1 for np.
    x : object with `__dlpack__`, or capsule
        A capsule is consumed: it serves once.
    device : Context or str, optional
        The CPU, or what the array has; "cpu" asks an array elsewhere to come here by copy.
    copy : bool, optional
        True for a copy in memory of our own, False to refuse where the other library would copy.

    Raises
    ------
    TypeError
        If it is neither, or of a dtype that microlazy has not.
    BufferError
        If the memory is not the CPU's, the capsule was consumed before, or a copy was refused.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.core.exchange import from_dlpack
    >>> from_dlpack(1, numpy.arange(3.))
    array([0., 1., 2.], dtype=float64)
    """
    cdef Tensor y
    check_device(device)
    if isinstance(x, Tensor):
        need_values(x, "its memory was asked for")
        y = same_memory(x, face, True)
    else:
        y = consume(face, x if PyCapsule_CheckExact(x) else capsule_of(x, device, copy),
                    copy is False)
    return packed_copy(y) if copy else y


def check_device(device) -> None:
    """Refuse a device that is not the CPU; None stands for the current one.

    Parameters
    ----------
    device : Context, str or None

    Examples
    --------
    >>> from microlazy.core.exchange import check_device
    >>> check_device("cpu")
    """
    if device is None or device == "cpu":
        return
    if not isinstance(device, Context):
        raise ValueError(f"a device is a context such as cpu() or \"cpu\", not {device!r}")
    device.require_cpu()


cdef object capsule_of(object x, object device, object copy):
    """Ask another library for its array's capsule."""
    if not hasattr(x, "__dlpack__") or not hasattr(x, "__dlpack_device__"):
        raise TypeError("from_dlpack: expected an object with __dlpack__ and __dlpack_device__, or "
                        f"a capsule; got {type(x).__name__}")
    wishes = {"max_version": (DLPACK_MAJOR, 0)}
    if copy is False:
        wishes["copy"] = False
    kind, number = x.__dlpack_device__()
    if kind != CPU:
        if device is None or copy is False:
            raise BufferError(f"the array is on the DLPack device ({int(kind)}, {number}); only "
                              "the CPU's memory can be shared. device=\"cpu\" asks for a copy")
        wishes["dl_device"] = DLPACK_CPU
    try:
        return x.__dlpack__(**wishes)
    except TypeError:                     # made before DLPack 1.0: no arguments, and no copies
        if "dl_device" in wishes:
            raise
        return x.__dlpack__()


cdef object consume(int face, object capsule, bint refuse_copy):
    """The array that a capsule holds; the capsule's memory is ours from here on."""
    cdef Foreign owner = Foreign.__new__(Foreign)
    cdef Versioned* versioned = NULL
    cdef Plain* plain = NULL
    cdef DLTensor* source
    cdef Py_ssize_t[MAX_NDIM] shape
    cdef Tensor x
    cdef bint readonly = False
    cdef int i, ndim, dtype
    if PyCapsule_IsValid(capsule, VERSIONED):
        versioned = <Versioned*>PyCapsule_GetPointer(capsule, VERSIONED)
        if versioned.version.major != DLPACK_MAJOR:
            raise BufferError(f"the capsule is of DLPack {versioned.version.major}."
                              f"{versioned.version.minor}; microlazy reads {DLPACK_MAJOR}.x")
        if refuse_copy and versioned.flags & IS_COPIED:
            raise BufferError("the other library made a copy, though copy=False was asked for")
        readonly = versioned.flags & READ_ONLY != 0
        source = &versioned.tensor
    elif PyCapsule_IsValid(capsule, PLAIN):
        plain = <Plain*>PyCapsule_GetPointer(capsule, PLAIN)
        source = &plain.tensor
    else:
        name = PyCapsule_GetName(capsule)
        if name in (USED_PLAIN, USED_VERSIONED):
            raise BufferError("the capsule was consumed before; ask the array for another")
        raise BufferError(f"expected a DLPack capsule, got one named {name!r}")
    if source.device.device_type != CPU:
        raise BufferError(f"the memory is on the DLPack device ({source.device.device_type}, "
                          f"{source.device.device_id}); only the CPU's can be shared")
    dtype = dtype_of(source.dtype)
    if not 0 <= source.ndim <= MAX_NDIM:
        raise BufferError(f"an array has at most {MAX_NDIM} axes, but the capsule's has "
                          f"{source.ndim}")
    ndim = parse_shape(tuple([source.shape[i] for i in range(source.ndim)]), shape)
    if ndim == 0 and face == ND:
        ndim, shape[0] = 1, 1             # nd has no arrays without axes
    x = header(face, dtype, ndim, shape)
    if source.strides is not NULL:
        for i in range(source.ndim):
            x.strides_[i] = source.strides[i] * itemsize(dtype)
        x.contiguous = is_contiguous(x)
    place_at(x, owner, <char*>source.data + source.byte_offset, readonly)
    if versioned is not NULL:             # nothing can fail any more
        PyCapsule_SetName(capsule, USED_VERSIONED)
        owner.versioned = versioned
    else:
        PyCapsule_SetName(capsule, USED_PLAIN)
        owner.plain = plain
    return x


cdef int dtype_of(DLDataType given) except -1:
    cdef int number
    for number in range(N_DTYPES):
        if (DLPACK_DTYPES[number].code == given.code and DLPACK_DTYPES[number].bits == given.bits
                and given.lanes == 1):
            return number
    kind = KINDS[given.code] if given.code < len(KINDS) else f"type {given.code} "
    lanes = "" if given.lanes == 1 else f" of {given.lanes} lanes"
    raise TypeError(f"from_dlpack: microlazy has no dtype {kind}{given.bits}{lanes}")
