"""Exchange with other libraries: DLPack, buffers, and NumPy's functions on our arrays."""

import array as standard_array
import ctypes
import gc

import numpy
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from microlazy import autograd, gluon, nd, np
from microlazy.base import AbstractValueError, MXNetError, ShapeError
from microlazy.core import exchange
from microlazy.core.storage import memory_info
from microlazy.core.trace import abstract, tracing

DTYPES = ("float32", "float64", "float16", "int8", "int32", "int64", "uint8", "bool")
both_faces = pytest.mark.parametrize("face", [nd, np], ids=["nd", "np"])
of_dtypes = pytest.mark.parametrize("dtype", DTYPES)


def address(x):
    return x.__array_interface__["data"][0]


def values(shape, dtype="float32"):
    n = int(numpy.prod(shape))
    return numpy.arange(1, n + 1).reshape(shape).astype(dtype)


def dtype_of(x):
    return numpy.dtype(x.dtype).name  # nd's dtype is a type


def recorded(function, *inputs):
    """The gradients of the sum of function(*inputs)."""
    for x in inputs:
        x.attach_grad()
    with autograd.record():
        y = function(*inputs)
        y = y.sum()
    y.backward()
    return [x.grad.asnumpy() for x in inputs]


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


class DLTensor(ctypes.Structure):
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


# ---- operators with NumPy's arrays ---------------------------------------------------------------

OPERATORS = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "**": lambda a, b: a**b,
    "%": lambda a, b: a % b,
    "<": lambda a, b: a < b,
    "==": lambda a, b: a == b,
    "@": lambda a, b: a @ b,
}


@pytest.mark.parametrize("name", OPERATORS)
@both_faces
def test_operators_work_both_ways(name, face):
    if face is nd and name == "@":
        pytest.skip("nd has no @")
    operator = OPERATORS[name]
    a, b = values((3, 3)), values((3, 3))[::-1].copy()
    x = face.array(b)
    for got, expected in ((operator(a, x), operator(a, b)), (operator(x, a), operator(b, a))):
        assert type(got) is type(x)
        assert dtype_of(got) == ("float32" if face is nd else expected.dtype.name)
        assert_allclose(got.asnumpy(), expected, rtol=1e-6)


@pytest.mark.parametrize("face, dtype", [(np, "float64"), (nd, "float32")], ids=["np", "nd"])
def test_dtypes_beside_numpys_arrays(face, dtype):
    x, a = face.ones((2,)), numpy.ones(2)
    for y in (x + a, a + x, x * numpy.ones(2, "int64") * a):
        assert dtype_of(y) == dtype
    for y in (x + numpy.ones(2, "int16"), numpy.float64(2) * x, x * numpy.float64(2)):
        assert dtype_of(y) == "float32"


def test_in_place_with_numpys_arrays():
    x, a = np.ones(2), numpy.array([1.0, 2.0])
    kept = x
    x += a.astype("float32")
    assert x is kept and x.tolist() == [2, 3]
    kept = a
    a *= x
    assert a is kept and a.tolist() == [2, 6]


@both_faces
def test_operators_with_numpys_arrays_are_recorded(face):
    a = values(3)
    (gradient,) = recorded(lambda x: a * x + x * a - a / x, face.array([1, 2, 4]))
    assert_allclose(gradient, 2 * a + a / numpy.array([1, 4, 16]))


def test_numpys_array_may_change_after_it_was_used():
    x, a = np.ones(2), numpy.array([1, 2], "float32")
    x.attach_grad()
    with autograd.record():
        y = (x * a).sum()
    a[:] = 100
    y.backward()
    assert_array_equal(x.grad.asnumpy(), [1, 2])


def test_operators_with_lists_and_foreign_things():
    x = np.ones(2)
    with pytest.raises(TypeError, match="not supported"):
        x + [1, 2]
    with pytest.raises(TypeError, match="not supported"):
        x + object()
    assert numpy.add(x, [1, 2]).tolist() == [2, 3]

    class Stronger:
        __array_ufunc__ = None

        def __radd__(self, other):
            return "theirs"

        __rmatmul__ = __radd__

    assert x + Stronger() == "theirs" and x @ Stronger() == "theirs"


def test_shifts_and_floor_division():
    x, a = np.array([5, -7, 9], dtype="int32"), numpy.array([5, -7, 9], "int32")
    for y, b in (
        (x // 2, a // 2),
        (100 // x, 100 // a),
        (x << 1, a << 1),
        (x >> 1, a >> 1),
        (x // numpy.array([2, 2, 2], "int32"), a // 2),
    ):
        assert y.dtype == "int32"
        assert_array_equal(y.asnumpy(), b)
    assert_array_equal((2 << np.array([1, 2], dtype="int64")).asnumpy(), [4, 8])
    assert_array_equal((64 >> np.array([1, 2], dtype="int64")).asnumpy(), [32, 16])
    for got, expected in zip(divmod(x, 4), divmod(a, 4), strict=True):
        assert_array_equal(got.asnumpy(), expected)
    for got, expected in zip(divmod(40, x), divmod(40, a), strict=True):
        assert_array_equal(got.asnumpy(), expected)
    kept = x
    x //= 2
    x <<= 3
    x >>= 1
    x |= 1
    x &= 31
    x ^= 2
    assert x is kept
    assert_array_equal(x.asnumpy(), ((((a // 2) << 3) >> 1) | 1) & 31 ^ 2)
    assert (np.array([7.5]) // 2).tolist() == [3.0]


# ---- ufuncs --------------------------------------------------------------------------------------


@both_faces
@pytest.mark.parametrize("name", ["sin", "exp", "log", "sqrt", "tanh", "negative", "absolute"])
def test_ufuncs_of_one_array(face, name):
    ufunc = getattr(numpy, name)
    x = face.array([0.5, 1.5])
    y = ufunc(x)
    assert type(y) is type(x) and dtype_of(y) == "float32"
    assert_allclose(y.asnumpy(), ufunc(numpy.array([0.5, 1.5], "float32")), rtol=1e-6)


@both_faces
def test_ufuncs_are_recorded(face):
    gradient, other = recorded(
        lambda x, y: numpy.multiply(numpy.sin(x), y), face.array([1, 2]), face.array([3, 4])
    )
    assert_allclose(gradient, numpy.cos([1, 2]) * [3, 4], rtol=1e-5)
    assert_allclose(other, numpy.sin([1, 2]), rtol=1e-5)


def test_ufuncs_with_out():
    x, out = np.array([1.0, 4.0]), np.zeros(2)
    assert numpy.sqrt(x, out=out) is out and out.tolist() == [1, 2]
    theirs = numpy.zeros(2)
    assert numpy.sqrt(x, out=theirs) is theirs and theirs.tolist() == [1, 2]
    old = nd.zeros((2,))
    assert numpy.add(nd.ones((2,)), 1, out=old) is old and old.asnumpy().tolist() == [2, 2]
    assert numpy.add(numpy.ones(2), numpy.ones(2), out=out) is out and out.tolist() == [2, 2]
    rows = np.zeros((2, 2))
    numpy.add(x, 1, out=rows)
    assert rows.tolist() == [[2, 5], [2, 5]]
    fraction, whole = np.zeros(2), np.zeros(2)
    numpy.modf(np.array([1.5, 2.25]), out=(fraction, whole))
    assert fraction.tolist() == [0.5, 0.25] and whole.tolist() == [1, 2]
    with pytest.raises(ValueError):
        numpy.add(x, 1, out=np.zeros(3))
    assert x.tolist() == [1, 4]


def test_ufuncs_with_where():
    x = np.array([1.0, -1.0])
    out = np.array([7.0, 7.0])
    assert numpy.sqrt(x, where=x > 0, out=out) is out
    assert out.tolist() == [1, 7]
    numpy.add(x, x, where=numpy.array([False, True]), out=out)
    assert out.tolist() == [1, -2]
    with pytest.raises(ValueError, match="needs out="):
        numpy.sqrt(x, where=x > 0)


def test_ufuncs_with_dtype():
    assert numpy.add(np.ones(2), 1, dtype="float64").dtype == "float64"
    assert numpy.sqrt(np.array([4], dtype="int32")).dtype == "float32"


@both_faces
def test_methods_of_ufuncs(face):
    a = values((2, 3))
    x = face.array(a)
    for got, expected in (
        (numpy.add.reduce(x), numpy.add.reduce(a)),
        (numpy.add.reduce(x, axis=1, keepdims=True), numpy.add.reduce(a, axis=1, keepdims=True)),
        (numpy.multiply.reduce(x, axis=-1), numpy.multiply.reduce(a, axis=-1)),
        (numpy.maximum.reduce(x, axis=None), numpy.array(6.0)),
        (numpy.add.accumulate(x, axis=1), numpy.add.accumulate(a, axis=1)),
        (numpy.multiply.accumulate(x), numpy.multiply.accumulate(a)),
        (numpy.add.outer(x, x), numpy.add.outer(a, a)),
        (numpy.multiply.outer(x, a), numpy.multiply.outer(a, a)),
        (numpy.add.reduceat(x, [0, 2], axis=1), numpy.add.reduceat(a, [0, 2], axis=1)),
        (numpy.hypot.reduce(x), numpy.hypot.reduce(a)),
    ):
        assert type(got) is type(x)
        assert_allclose(got.asnumpy(), expected.reshape(got.shape), rtol=1e-6)
        assert got.shape == expected.shape or (face is nd and expected.shape == ())
    numpy.add.at(x, ([0, 0], [1, 1]), 10)
    assert x.asnumpy()[0, 1] == 22


def test_methods_of_ufuncs_are_recorded():
    (gradient,) = recorded(lambda x: numpy.multiply.outer(x, x), np.array([1.0, 2.0]))
    assert_allclose(gradient, [6, 6])
    (gradient,) = recorded(lambda x: numpy.add.accumulate(x), np.array([1.0, 2.0, 3.0]))
    assert_allclose(gradient, [3, 2, 1])
    x = np.ones(3)
    x.attach_grad()
    with autograd.record():
        with pytest.raises(MXNetError, match="reduceat"):
            numpy.add.reduceat(x, [0, 1])
        with pytest.raises(MXNetError, match="at"):
            numpy.add.at(x, [0], 1.0)
    assert x.tolist() == [1, 1, 1]


def test_writes_of_numpy_are_counted():
    x = np.ones(3)
    x.attach_grad()
    with autograd.record():
        y = (x * x).sum()
    numpy.add.at(x, [0], 1.0)
    with pytest.raises(MXNetError):
        y.backward()


def test_ufuncs_of_scipy():
    special = pytest.importorskip("scipy.special")
    (gradient,) = recorded(special.expit, np.array([0.0]))
    assert_allclose(gradient, [0.25])
    y = special.jv(0, np.array([0.0]))
    assert type(y) is np.ndarray and y.tolist() == [1]


def test_faces_do_not_mix():
    with pytest.raises(TypeError, match="do not mix"):
        numpy.add(np.ones(2), nd.ones((2,)))
    with pytest.raises(TypeError, match="do not mix"):
        numpy.concatenate([np.ones(2), nd.ones((2,))])


def test_complex_results_are_refused():
    with pytest.raises(TypeError, match="complex"):
        numpy.fft.fft(np.ones(4))


# ---- functions -----------------------------------------------------------------------------------


@both_faces
def test_functions_of_numpy_give_our_arrays(face):
    a = values((2, 3))
    x = face.array(a)
    for function in (
        lambda x: numpy.concatenate([x, x], axis=1),
        lambda x: numpy.stack([x, a]),
        numpy.sum,
        lambda x: numpy.mean(x, axis=0),
        lambda x: numpy.transpose(x),
        lambda x: numpy.where(a > 2, x, 0),
        numpy.linalg.norm,
        lambda x: numpy.median(x, axis=1),
        lambda x: numpy.cov(x),
        lambda x: numpy.clip(x, 2, 3),
        lambda x: numpy.reshape(x, (3, 2)),
        lambda x: numpy.linalg.pinv(x),
        lambda x: numpy.sum(x, axis=1, initial=3.0, where=a > 2),
    ):
        got, expected = function(x), function(a)
        assert type(got) is type(x) and dtype_of(got) == "float32"
        assert_allclose(
            got.asnumpy().reshape(numpy.shape(expected)), expected, rtol=2e-5, atol=1e-6
        )


def test_functions_are_recorded():
    gradients = recorded(
        lambda x, y: numpy.dot(numpy.concatenate([x, y]), numpy.array([1.0, 2.0, 3.0, 4.0])),
        np.array([1.0, 2.0], dtype="float64"),
        np.array([3.0, 4.0], dtype="float64"),
    )
    assert_array_equal(gradients, [[1, 2], [3, 4]])


def test_several_results_keep_their_form():
    parts = numpy.array_split(np.ones(5), 2)
    assert [type(p) for p in parts] == [np.ndarray] * 2
    counts, edges = numpy.histogram(np.array([1.0, 2.0, 2.0]), bins=2)
    assert counts.tolist() == [1, 2] and edges.dtype == "float32"


def test_functions_that_write():
    x = np.zeros((3, 3))
    numpy.fill_diagonal(x, 5)
    assert numpy.trace(numpy.asarray(x)) == 15
    numpy.copyto(x, numpy.ones((3, 3)))
    assert x.sum().item() == 9
    numpy.put(x, [0], 4)
    assert x[0, 0].item() == 4
    out = np.zeros(3)
    assert numpy.sum(x, axis=0, out=out) is out and out.tolist() == [6, 3, 3]
    theirs = numpy.zeros(3)
    assert numpy.mean(x, axis=0, out=theirs) is theirs and theirs.tolist() == [2, 1, 1]


def test_what_has_no_gradient_is_refused_where_one_is_wanted():
    x = np.array([1.0, 2.0, 3.0])
    x.attach_grad()
    with autograd.record():
        with pytest.raises(MXNetError, match="no gradient"):
            numpy.nanmedian(x, overwrite_input=True)
        with pytest.raises(MXNetError, match="no gradient|in-place"):
            numpy.copyto(x, 1)
        assert numpy.array2string(x) == "[1. 2. 3.]"
        assert numpy.shape(x) == (3,)
        assert numpy.nanmedian(x.detach(), overwrite_input=True).item() == 2
    assert numpy.nanmedian(x, overwrite_input=True).item() == 2


def test_masked_arrays_and_matrices_keep_their_meaning():
    x, masked = np.ones(2), numpy.ma.array([1.0, 2.0], mask=[False, True])
    for total in (masked + x, x + masked):
        assert total[0] == 2 and total[1] is numpy.ma.masked
    for call in (
        lambda: numpy.add(masked, x),
        lambda: numpy.concatenate([masked, x]),
        lambda: numpy.asmatrix([1.0, 2.0]) + x,
    ):
        with pytest.raises(TypeError):
            call()


def test_like():
    assert type(numpy.zeros(2, like=np.ones(1))) is np.ndarray
    assert type(numpy.asarray([1, 2], like=nd.ones((1,)))) is nd.NDArray


def test_other_types_come_first():
    class Other:
        def __array_function__(self, function, types, args, kwargs):
            return "theirs"

        def __array_ufunc__(self, *args, **kwargs):
            return "theirs"

    assert numpy.concatenate([np.ones(1), Other()]) == "theirs"
    assert numpy.add(np.ones(1), Other()) == "theirs"


def test_abstract_arrays_have_no_values_for_numpy():
    x = abstract((2, 3), face=1)
    with tracing():
        assert numpy.exp(x).shape == numpy.add(x, numpy.ones(3)).shape == (2, 3)
    with pytest.raises(AbstractValueError):
        numpy.cov(x)


def test_numpys_functions_in_a_hybridized_block():
    class Net(gluon.HybridBlock):
        def forward(self, x):
            return numpy.tanh(x) + numpy.mean(x) * numpy.ones(3, "float32")

    net, x = Net(), np.array([1.0, 2.0, 3.0])
    eager = net(x)
    net.hybridize()
    for _ in range(2):
        assert_array_equal(net(x).asnumpy(), eager.asnumpy())
    assert_allclose(net(x + 1).asnumpy(), numpy.tanh([2, 3, 4]) + 3, rtol=1e-6)


# ---- pandas and scikit-learn ---------------------------------------------------------------------


def test_pandas():
    pandas = pytest.importorskip("pandas")
    x = np.array(values((2, 3)))
    frame = pandas.DataFrame(x, columns=["a", "b", "c"])
    assert frame["c"].tolist() == [3, 6] and frame.dtypes["a"] == "float32"
    series = pandas.Series(np.array([1.0, 2.0]), index=["a", "b"])
    assert series["b"] == 2 and series.dtype == "float32"
    assert pandas.Series(nd.array([1, 2])).tolist() == [1, 2]
    assert_array_equal((series + np.ones(2)).to_numpy(), [2, 3])
    assert_array_equal((np.ones(2) + series).to_numpy(), [2, 3])
    assert np.array(series).tolist() == [1, 2]
    assert np.array(frame).shape == (2, 3)
    frame["d"] = np.array([7.0, 8.0])
    assert frame["d"].tolist() == [7, 8]


def test_scikit_learn_takes_our_arrays_as_numpys():
    linear_model = pytest.importorskip("sklearn.linear_model")
    x = np.array([[0.0], [1.0], [2.0]])
    model = linear_model.LinearRegression().fit(x, np.array([1.0, 3.0, 5.0]))
    assert_allclose(model.predict(x), [1, 3, 5], rtol=1e-5)
