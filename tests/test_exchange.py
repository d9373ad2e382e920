"""Memory shared with other libraries: DLPack and the buffer protocol."""

import array as standard_array
import ctypes
import gc

import numpy
import pytest
from numpy.testing import assert_array_equal

from microlazy import autograd, gluon, nd, np
from microlazy.base import AbstractValueError, MXNetError, ShapeError
from microlazy.core import exchange
from microlazy.core.storage import memory_info
from microlazy.core.trace import abstract

DTYPES = ("float32", "float64", "float16", "int8", "int32", "int64", "uint8", "bool")
both_faces = pytest.mark.parametrize("face", [nd, np], ids=["nd", "np"])
of_dtypes = pytest.mark.parametrize("dtype", DTYPES)


class DLTensor(ctypes.Structure):
    """What a capsule named "dltensor" points to."""

    _fields_ = (
        ("data", ctypes.c_void_p),
        ("device", ctypes.c_int32 * 2),
        ("ndim", ctypes.c_int32),
        ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
        ("context", ctypes.c_void_p),
        ("deleter", ctypes.c_void_p),
    )


def address(x):
    return x.__array_interface__["data"][0]


def values(shape, dtype="float32"):
    n = int(numpy.prod(shape))
    return numpy.arange(1, n + 1).reshape(shape).astype(dtype)


def dtype_of(x):
    return numpy.dtype(x.dtype).name  # nd's dtype is a type


# ---- DLPack: out ---------------------------------------------------------------------------------


@both_faces
@of_dtypes
def test_numpy_takes_our_memory(face, dtype):
    x = face.array(values((2, 3)), dtype=dtype)
    a = numpy.from_dlpack(x)
    assert a.dtype == dtype and a.ctypes.data == address(x)
    a[0, 0] = 0
    assert x[0, 0].item() == 0


@pytest.mark.parametrize("shape", [(), (0,), (3, 0, 2), (1, 1), (4,), (2, 3, 4)])
def test_shapes_survive_the_round_trip(shape):
    x = np.array(values(shape))
    y = np.from_dlpack(numpy.from_dlpack(x))
    assert y.shape == shape
    assert_array_equal(y.asnumpy(), x.asnumpy())


def test_strides_survive():
    x = np.array(values((2, 3))).T
    a = numpy.from_dlpack(x)
    assert a.strides == x.strides and a.ctypes.data == address(x)
    assert_array_equal(a, values((2, 3)).T)


def test_memory_outlives_the_exporter_and_is_not_used_again():
    x = np.array(values(1000))
    where = address(x)
    a = numpy.from_dlpack(x)
    del x
    gc.collect()
    others = [np.zeros(1000) for _ in range(10)]
    assert where not in [address(o) for o in others]
    assert_array_equal(a, values(1000))
    del a, others
    gc.collect()
    assert where in [address(o) for o in [np.zeros(1000) for _ in range(12)]]


def test_a_hybridized_block_leaves_an_exported_result_alone():
    net = gluon.nn.Dense(4, in_units=4, use_bias=False)
    net.initialize()
    net.weight.set_data(nd.eye(4))
    net.hybridize()
    kept = [numpy.from_dlpack(net(nd.full((1, 4), i))) for i in range(4)]
    for i, a in enumerate(kept):
        assert_array_equal(a, numpy.full((1, 4), i))


def test_a_capsule_that_nobody_takes_gives_the_memory_back():
    x = np.ones(5000)
    where = address(x)
    capsules = [x.__dlpack__(), x.__dlpack__(max_version=(1, 0))]
    del x
    assert address(np.ones(5000)) != where
    del capsules
    gc.collect()
    assert where in [address(o) for o in [np.ones(5000) for _ in range(3)]]


def test_a_consumer_may_let_go_without_pythons_lock():
    x = np.ones(3000)
    where = address(x)
    capsule = x.__dlpack__()
    del x
    point, name = ctypes.pythonapi.PyCapsule_GetPointer, ctypes.pythonapi.PyCapsule_SetName
    point.restype, point.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    name.argtypes = [ctypes.py_object, ctypes.c_char_p]
    managed = point(capsule, b"dltensor")
    used = ctypes.create_string_buffer(b"used_dltensor")
    name(capsule, used)
    deleter = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(DLTensor.from_address(managed).deleter)
    deleter(managed)  # ctypes gives the lock up for the call
    assert where in [address(o) for o in [np.ones(3000) for _ in range(3)]]
    del capsule  # was taken: does nothing


def test_many_round_trips_leak_nothing():
    x = np.ones(256)
    for _ in range(3):
        np.from_dlpack(numpy.from_dlpack(x))
        x.__dlpack__()
    gc.collect()
    before = memory_info()
    for _ in range(200):
        np.from_dlpack(numpy.from_dlpack(x))
        np.from_dlpack(x.__dlpack__(max_version=(1, 0)))
        x.__dlpack__()
    gc.collect()
    assert memory_info() == before


def test_copies_when_asked():
    x = np.ones(3)
    a = numpy.from_dlpack(x, copy=True)
    a[:] = 5
    assert_array_equal(x.asnumpy(), numpy.ones(3))
    y = np.from_dlpack(x.__dlpack__(copy=True))
    assert address(y) != address(x)


def test_read_only_memory_stays_read_only():
    a = values(3)
    a.flags.writeable = False
    x = np.from_numpy(a)
    b = numpy.from_dlpack(x)
    assert not b.flags.writeable and b.ctypes.data == a.ctypes.data
    y = np.from_dlpack(b)
    with pytest.raises(ValueError, match="read-only"):
        y[0] = 1
    with pytest.raises(ValueError, match="read-only"):
        y += 1
    with pytest.raises(BufferError, match="DLPack before 1.0"):
        x.__dlpack__()
    with pytest.raises(BufferError, match="DLPack before 1.0"):
        x.to_dlpack_for_read()
    with pytest.raises(ValueError, match="read-only"):
        x.to_dlpack_for_write()
    assert address(np.from_dlpack(x.__dlpack__(copy=True))) != a.ctypes.data


def test_where_an_array_is():
    assert np.ones(2).__dlpack_device__() == (1, 0)
    assert nd.ones((2,)).__dlpack_device__() == (1, 0)


def test_refusals_of_the_exporter():
    x = np.ones(2)
    with pytest.raises(ValueError, match="stream must be None"):
        x.__dlpack__(stream=1)
    with pytest.raises(BufferError, match=r"device \(2, 0\)"):
        x.__dlpack__(dl_device=(2, 0))
    assert x.__dlpack__(dl_device=(1, 0)) is not None
    with pytest.raises(AbstractValueError):
        abstract((2,), face=1).__dlpack__()
    backwards = np.from_numpy(values(4)[::-1])
    with pytest.raises(BufferError, match="forward steps"):
        backwards.__dlpack__(max_version=(1, 0))
    assert_array_equal(numpy.from_dlpack(backwards, copy=True), values(4)[::-1])
    record = numpy.zeros(3, [("a", "float32"), ("b", "int8"), ("c", "int8"), ("d", "int16")])
    uneven = np.from_numpy(numpy.zeros(9, "int8").view([("a", "int8"), ("b", "V2")])["a"])
    assert_array_equal(numpy.from_dlpack(uneven), numpy.zeros(3))  # 3 elements of one byte
    assert_array_equal(numpy.from_dlpack(np.from_numpy(record["a"])), numpy.zeros(3))


# ---- DLPack: in ----------------------------------------------------------------------------------


@both_faces
@of_dtypes
def test_we_take_numpys_memory(face, dtype):
    a = values((2, 3), dtype)
    x = face.from_dlpack(a)
    assert type(x) is type(face.ones((1,))) and dtype_of(x) == dtype
    assert address(x) == a.ctypes.data
    a[1, 1] = 0
    assert x[1, 1].item() == 0
    where = a.ctypes.data
    del a
    gc.collect()
    assert address(x) == where and x[1, 2].item() == values((2, 3), dtype)[1, 2]


@pytest.mark.parametrize(
    "view",
    [lambda a: a[::-1], lambda a: a[:, ::2], lambda a: a.T, lambda a: a[1:1], lambda a: a[1, 1]],
    ids=["backwards", "steps", "transposed", "empty", "0-d"],
)
def test_views_come_in_without_a_copy(view):
    a = values((3, 4))
    part = numpy.asarray(view(a)) if isinstance(view(a), numpy.ndarray) else a[1, 1, ...]
    x = np.from_dlpack(part)
    assert_array_equal(x.asnumpy(), part)
    assert_array_equal((x * 2).asnumpy(), part * 2)
    a += 1
    assert_array_equal(x.asnumpy(), part)


def test_nd_has_no_array_without_axes():
    assert nd.from_dlpack(numpy.array(3.0)).shape == (1,)


def test_our_own_arrays_share_their_block():
    x = np.ones(3)
    y = np.from_dlpack(x)
    assert address(y) == address(x)
    assert nd.from_dlpack(x).asnumpy().tolist() == [1, 1, 1]
    assert address(np.from_dlpack(x, copy=True)) != address(x)


def test_a_write_through_our_own_alias_is_noticed_by_the_tape():
    x = np.ones(3)
    x.attach_grad()
    y = np.from_dlpack(x)
    with autograd.record():
        z = (x * x).sum()
    y[:] = 5
    with pytest.raises(MXNetError):
        z.backward()


def test_a_capsule_serves_once():
    capsule = nd.ones((2,)).to_dlpack_for_read()
    nd.from_dlpack(capsule)
    with pytest.raises(BufferError, match="consumed before"):
        nd.from_dlpack(capsule)
    capsule = np.ones(2).__dlpack__(max_version=(1, 0))
    np.from_dlpack(capsule)
    with pytest.raises(BufferError, match="consumed before"):
        np.from_dlpack(capsule)


def test_a_refused_capsule_can_still_be_taken():
    capsule = numpy.ones(2, "int16").__dlpack__()
    with pytest.raises(TypeError, match="no dtype int16"):
        np.from_dlpack(capsule)

    class Holder:
        def __dlpack_device__(self):
            return (1, 0)

        def __dlpack__(self, **kwargs):
            return capsule

    assert_array_equal(numpy.from_dlpack(Holder()), numpy.ones(2))


def test_mxnets_names():
    x = nd.array([1, 2])
    y = nd.from_dlpack(nd.to_dlpack_for_write(x))
    y += 1
    assert_array_equal(x.asnumpy(), [2, 3])
    assert address(nd.from_dlpack(nd.to_dlpack_for_read(x))) == address(x)
    with pytest.raises(TypeError, match="expected an array"):
        nd.to_dlpack_for_read([1])
    x.attach_grad()
    with autograd.record():
        z = (x * x).sum()
        with pytest.raises(MXNetError, match="in-place"):
            x.to_dlpack_for_write()
    x.to_dlpack_for_write()
    with pytest.raises(MXNetError):
        z.backward()


def test_arrays_of_a_graph_are_exported_without_it():
    x = np.array([1.0, 2.0])
    x.attach_grad()
    with autograd.record():
        y = x * x
        assert_array_equal(numpy.from_dlpack(y), [1, 4])
        z = (np.from_dlpack(y) * x).sum()  # a constant to the tape
    z.backward()
    assert_array_equal(x.grad.asnumpy(), [1, 4])


class Elsewhere:
    """An array on a device of another kind, or made before DLPack 1.0."""

    def __init__(self, device=(2, 0), new=True):
        self.device, self.new, self.asked = device, new, None
        self.array = numpy.ones(2, "float32")

    def __dlpack_device__(self):
        return self.device

    def __dlpack__(self, **kwargs):
        self.asked = kwargs
        if kwargs and not self.new:
            raise TypeError("unexpected keyword argument")
        return self.array.__dlpack__()


def test_devices():
    with pytest.raises(BufferError, match=r"device \(2, 0\)"):
        np.from_dlpack(Elsewhere())
    with pytest.raises(BufferError):
        np.from_dlpack(Elsewhere(), device="cpu", copy=False)
    with pytest.raises(TypeError):
        np.from_dlpack(Elsewhere(new=False), device="cpu")
    other = Elsewhere()
    assert np.from_dlpack(other, device="cpu").tolist() == [1, 1]
    assert other.asked["dl_device"] == (1, 0)
    with pytest.raises(ValueError, match="a device is"):
        np.from_dlpack(numpy.ones(2), device="cuda")


def test_producers_from_before_version_1():
    assert np.from_dlpack(Elsewhere((1, 0), new=False)).tolist() == [1, 1]


@pytest.mark.parametrize("bad", [3, [1, 2], None, "x", object()])
def test_what_has_no_dlpack_is_refused(bad):
    with pytest.raises(TypeError, match="__dlpack__"):
        np.from_dlpack(bad)


def test_copies_that_the_other_side_makes():
    class Copies(Elsewhere):
        def __dlpack__(self, **kwargs):
            return self.array.__dlpack__(max_version=(1, 0), copy=True)

    assert np.from_dlpack(Copies((1, 0))).tolist() == [1, 1]
    with pytest.raises(BufferError, match="copy=False"):
        np.from_dlpack(Copies((1, 0)), copy=False)


def make_capsule(name, pointer):
    new = ctypes.pythonapi.PyCapsule_New
    new.restype = ctypes.py_object
    new.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    return new(pointer, name, None)


def test_foreign_capsules():
    future = (ctypes.c_uint32 * 40)(9, 1)
    with pytest.raises(BufferError, match="named b'other'"):
        np.from_dlpack(make_capsule(b"other", ctypes.addressof(future)))
    with pytest.raises(BufferError, match=r"DLPack 9\.1"):
        np.from_dlpack(make_capsule(b"dltensor_versioned", ctypes.addressof(future)))


@pytest.fixture
def given():
    memory = (ctypes.c_float * 8)(*range(8))
    shape = (ctypes.c_int64 * 20)(2, 3)
    tensor = DLTensor(ctypes.addressof(memory), (1, 0), 2, 2, 32, 1, shape, None, 8, None, None)
    tensor.kept = memory, shape
    return tensor


def test_a_capsule_without_strides_and_with_an_offset(given):
    x = np.from_dlpack(make_capsule(b"dltensor", ctypes.addressof(given)))
    assert x.tolist() == [[2, 3, 4], [5, 6, 7]]


@pytest.mark.parametrize(
    "field, value, error, message",
    [
        ("device", (ctypes.c_int32 * 2)(2, 1), BufferError, r"device \(2, 1\)"),
        ("ndim", 17, BufferError, "at most 16 axes"),
        ("ndim", -1, BufferError, "at most 16 axes"),
        ("bits", 16, None, ""),
        ("bits", 24, TypeError, "no dtype float24"),
        ("lanes", 4, TypeError, "of 4 lanes"),
        ("code", 4, TypeError, "no dtype bfloat32"),
        ("code", 77, TypeError, "type 77"),
        ("byte_offset", 1, ValueError, "not aligned"),
    ],
)
def test_capsules_that_do_not_fit(given, field, value, error, message):
    setattr(given, field, value)
    capsule = make_capsule(b"dltensor", ctypes.addressof(given))
    if error is None:
        assert np.from_dlpack(capsule).dtype == "float16"
        return
    with pytest.raises(error, match=message):
        np.from_dlpack(capsule)


def test_a_capsule_with_a_negative_size(given):
    given.shape[0] = -2
    with pytest.raises(ShapeError, match="negative"):
        np.from_dlpack(make_capsule(b"dltensor", ctypes.addressof(given)))


# ---- PyTorch -------------------------------------------------------------------------------------


@of_dtypes
def test_pytorch_both_ways(dtype):
    torch = pytest.importorskip("torch")
    x = np.array(values((2, 3)), dtype=dtype)
    t = torch.from_dlpack(x)
    assert t.data_ptr() == address(x) and tuple(t.shape) == (2, 3)
    y = np.from_dlpack(t.T)
    assert address(y) == address(x) and y.shape == (3, 2) and y.dtype == x.dtype
    t[0, 0] = 0
    assert y[0, 0].item() == x[0, 0].item() == 0
    del x, y
    gc.collect()
    assert [address(o) for o in [np.ones((2, 3)) for _ in range(5)]].count(t.data_ptr()) == 0


def test_pytorchs_older_functions():
    torch = pytest.importorskip("torch")
    x = nd.array([1, 2])
    t = torch.utils.dlpack.from_dlpack(x.to_dlpack_for_write())
    t += 1
    assert_array_equal(x.asnumpy(), [2, 3])
    y = nd.from_dlpack(torch.utils.dlpack.to_dlpack(t))
    assert address(y) == address(x)
    with pytest.raises(BufferError, match="require gradient"):
        np.from_dlpack(torch.ones(2, requires_grad=True))
    with pytest.raises(TypeError, match="bfloat16"):
        np.from_dlpack(torch.ones(2, dtype=torch.bfloat16))


# ---- buffers -------------------------------------------------------------------------------------


def test_memoryview_of_ours():
    x = np.array(values((2, 3)))
    m = memoryview(x)
    assert (m.format, m.shape, m.readonly) == ("f", (2, 3), False)
    m[1, 2] = 9
    assert x[1, 2].item() == 9
    a = values(2)
    a.flags.writeable = False
    assert memoryview(np.from_numpy(a)).readonly


@pytest.mark.parametrize(
    "source, dtype, readonly",
    [
        (standard_array.array("d", [1, 2]), "float64", False),
        (bytearray(b"\1\2"), "uint8", False),
        (b"\1\2", "uint8", True),
        (memoryview(b"\1\2"), "uint8", True),
        ((ctypes.c_int32 * 2)(1, 2), "int32", False),
        (values(2, "int8"), "int8", False),
    ],
    ids=["array", "bytearray", "bytes", "memoryview", "ctypes", "numpy"],
)
def test_from_buffer_of_any_exporter(source, dtype, readonly):
    x = exchange.from_buffer(1, source)
    assert x.dtype == dtype and x.tolist() == [1, 2]
    if readonly:
        with pytest.raises(ValueError, match="read-only"):
            x[0] = 7
    else:
        x[0] = 7
        assert source[0] == 7


def test_from_buffer_refuses():
    with pytest.raises(TypeError, match="object with a buffer, got list"):
        exchange.from_buffer(1, [1, 2])
    with pytest.raises(TypeError, match="byte order"):
        exchange.from_buffer(1, numpy.ones(2, ">f4"))
    with pytest.raises(ValueError, match="not aligned"):
        exchange.from_buffer(1, numpy.zeros(9, "int8")[1:].view("float32"))


def test_array_protocol():
    x = np.array(values(3))
    assert numpy.asarray(x).ctypes.data == address(x)
    assert numpy.array(x).ctypes.data != address(x)
    assert numpy.asarray(x, dtype="float64").dtype == "float64"
    assert numpy.asarray(x, copy=False).ctypes.data == address(x)
    with pytest.raises(ValueError):
        numpy.asarray(x, dtype="float64", copy=False)
