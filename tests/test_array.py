"""Arrays: their memory, their values against NumPy, and the ways in and out."""

import copy
import ctypes
import gc
import io
import operator
import pickle
import sys
import warnings

import numpy
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from microlazy import autograd, nd, np
from microlazy.base import MXNetError, ShapeError
from microlazy.core.storage import empty_cache, memory_info

DTYPES = ("float32", "float64", "float16", "int8", "int32", "int64", "uint8", "bool")
FLOATS = ("float32", "float64")
quick = settings(max_examples=60, deadline=None)
both_faces = pytest.mark.parametrize("face", [nd, np], ids=["nd", "np"])


def address(x):
    return x.__array_interface__["data"][0]


def same(x, expected):
    """x has the shape and the values of a NumPy array."""
    got = x.asnumpy()
    assert got.shape == numpy.shape(expected)
    numpy.testing.assert_array_equal(got, expected)


# ---- memory ------------------------------------------------------------------------------------


@both_faces
def test_memory_is_aligned_to_64_bytes(face):
    kept = [face.ones((n,), dtype=d) for n in range(1, 200, 7) for d in DTYPES]
    assert all(address(x) % 64 == 0 for x in kept)
    assert len({address(x) for x in kept}) == len(kept)


@pytest.mark.skipif(sys.platform != "linux", reason="huge pages are asked for on Linux")
def test_large_arrays_begin_where_a_huge_page_does():
    kept = [nd.ones((n,)) for n in (524_288, 524_289, 3_000_000)]
    assert all(address(x) % (2 << 20) == 0 for x in kept)


def test_memory_is_used_again():
    x = nd.ones((1000,))
    before = address(x)
    del x
    assert address(nd.zeros((1000,))) == before


def test_memory_of_arrays_in_use_is_not():
    x = nd.ones((100,))
    view = x[10:20]
    array = numpy.asarray(x[20:30])
    del x
    others = [nd.zeros((100,)) for _ in range(50)]
    assert (view.asnumpy() == 1).all()
    assert (array == 1).all()
    assert all((y.asnumpy() == 0).all() for y in others)


@both_faces
def test_a_steady_loop_allocates_nothing(face):
    def step():
        x = face.ones((100, 10)) * 2 + 1
        x += x.sum()
        return (x.T.reshape(-1) * 3)[5:].mean()

    for _ in range(10):
        step()
    gc.collect()
    before = memory_info()
    for _ in range(3000):
        step()
    assert memory_info() == before


def test_empty_cache_gives_memory_back():
    x = nd.ones((5000,))
    before = memory_info()
    del x
    assert memory_info()["cached"] >= before["cached"] + 20_000
    empty_cache()
    after = memory_info()
    assert after["cached"] == 0
    assert after["allocated"] < before["allocated"]
    assert (nd.zeros((5000,)).asnumpy() == 0).all()


@quick
@given(st.lists(st.integers(0, 5000), max_size=30), st.randoms())
def test_arrays_of_any_sizes_keep_their_values(sizes, random):
    kept = {}
    for i, n in enumerate(sizes):
        kept[i] = nd.full((n,), i, dtype="float64") if n else np.full((n,), i)
        if random.random() < 0.4:
            kept.pop(random.choice(list(kept)))
    for i, x in kept.items():
        assert (x.asnumpy() == i).all()


# ---- to and from NumPy -------------------------------------------------------------------------


@both_faces
@pytest.mark.parametrize("dtype", DTYPES)
def test_numpy_sees_the_same_memory(face, dtype):
    x = face.ones((2, 3), dtype=dtype)
    for view in (numpy.asarray(x), numpy.array(x, copy=False), numpy.frombuffer(x, dtype)):
        assert view.dtype == dtype
        assert view.ctypes.data == address(x)
        assert numpy.shares_memory(view, numpy.asarray(x))
    numpy.asarray(x)[0, 1] = 0
    assert x.asnumpy().tolist() == [[1, 0, 1], [1, 1, 1]]


@both_faces
def test_asnumpy_is_a_copy(face):
    x = face.ones((2,))
    x.asnumpy()[:] = 5
    same(x, [1, 1])
    assert x.asnumpy().flags.writeable


@both_faces
def test_array_conversions_follow_numpys_protocol(face):
    x = face.ones((2,))
    assert numpy.asarray(x, dtype="float64").dtype == numpy.float64
    assert numpy.array(x).ctypes.data != address(x)
    with pytest.raises(ValueError, match="copy"):
        numpy.array(x, dtype="float64", copy=False)
    assert numpy.sqrt(numpy.asarray(x * 4)).tolist() == [2, 2]


@both_faces
@pytest.mark.parametrize("dtype", DTYPES)
def test_from_numpy_shares_memory(face, dtype):
    array = numpy.ones((3, 4), dtype)
    for view in (array, array.T, array[::2], array[:, ::-1], array[1:, 2]):
        x = face.from_numpy(view)
        assert x.shape == view.shape
        assert x.strides == view.strides
        same(x, view)
        view[0] = 0
        same(x, view)
        x[:] = 1
        assert (view == 1).all()


def test_shared_memory_lives_as_long_as_its_users():
    x = np.from_numpy(numpy.full(1000, 3.0))
    gc.collect()
    same(x, numpy.full(1000, 3.0))
    view = numpy.asarray(np.full((1000,), 4.0))
    kept = [np.zeros((1000,)) for _ in range(20)]
    gc.collect()
    assert (view == 4).all()
    assert len(kept) == 20


def test_read_only_memory_stays_read_only():
    array = numpy.arange(3.0)
    array.flags.writeable = False
    x = np.from_numpy(array)
    view = numpy.asarray(x)
    assert not view.flags.writeable
    for change in (
        lambda: x.__setitem__(0, 5),
        lambda: x.__iadd__(1),
        lambda: np.exp(x, out=x),
        lambda: x[1:].__setitem__(0, 5),
        lambda: np.random.shuffle(x),
        lambda: np.ones((3,), dtype="float64").copyto(x),
    ):
        with pytest.raises((ValueError, BufferError), match="read-only"):
            change()
    same(x, [0, 1, 2])
    assert (x + 1).tolist() == [1, 2, 3]
    y = x.copy()
    y += 1
    assert y.tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    "array",
    [
        numpy.ones(3, ">f4"),
        numpy.ones(3, "complex64"),
        numpy.ones(3, "int16"),
        numpy.array(["a"]),
        numpy.array([object()]),
        [1.0],
        5,
    ],
)
def test_memory_that_cannot_be_shared_is_refused(array):
    with pytest.raises(TypeError):
        np.from_numpy(array)


def test_unaligned_memory_is_refused():
    array = numpy.frombuffer(bytearray(17), numpy.uint8)[1:].view("float32")
    with pytest.raises(ValueError, match="aligned"):
        np.from_numpy(array)


def test_the_buffer_protocol():
    x = nd.array([[1, 2], [3, 4]])
    with memoryview(x) as view:
        assert (view.format, view.shape, view.strides, view.itemsize, view.readonly) == (
            "f", (2, 2), (8, 4), 4, False,
        )  # fmt: skip
        assert view.tolist() == [[1, 2], [3, 4]]
    assert bytes(nd.array([1, 2], dtype="uint8")) == b"\x01\x02"
    assert ctypes.c_float.from_buffer(nd.array([2.5])).value == 2.5
    transposed = np.array([[1, 2], [3, 4]]).T
    assert memoryview(transposed).tolist() == [[1, 3], [2, 4]]
    with pytest.raises(BufferError, match="contiguous"):
        io.BytesIO(transposed)


def test_attributes():
    x = np.zeros((2, 0, 3), dtype="float64")
    assert (x.shape, x.ndim, x.size, x.itemsize, x.nbytes) == ((2, 0, 3), 3, 0, 8, 0)
    x = np.zeros((2, 3))
    assert (x.size, x.nbytes, x.strides, x.T.strides) == (6, 24, (12, 4), (4, 12))
    assert np.zeros(()).shape == ()
    for name in ("shape", "dtype", "size", "T", "ctx", "context"):
        with pytest.raises(AttributeError):
            setattr(x, name, 5)


# ---- copies ------------------------------------------------------------------------------------


@both_faces
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_and_pickles(face, dtype, way):
    for x in (
        face.array([[1, 0], [1, 1], [0, 1]], dtype=dtype),
        face.ones((2, 2), dtype=dtype)[1:],
    ):
        y = way(x)
        assert type(y) is type(x)
        assert y.dtype == x.dtype
        same(y, x.asnumpy())
        assert address(y) != address(x)


def test_copies_of_strided_and_empty_arrays():
    for x in (np.array([[1, 2], [3, 4]]).T, np.zeros((0, 3)), np.array(5.0)):
        for y in (x.copy(), copy.deepcopy(x), pickle.loads(pickle.dumps(x))):
            same(y, x.asnumpy())


def test_one_memory_shared_in_a_deep_copied_list():
    x = nd.ones((2,))
    a, b = copy.deepcopy([x, x])
    assert a is b
    assert a is not x


@both_faces
@pytest.mark.parametrize("source", DTYPES)
@pytest.mark.parametrize("target", DTYPES)
def test_astype_is_numpys(face, source, target):
    values = numpy.array([0, 1, 3, 100, 1.75]).astype(source)
    same(face.array(values, dtype=source).astype(target), values.astype(target))


def test_astype_may_return_the_array_itself():
    x = np.ones((2,))
    assert x.astype("float32", copy=False) is x
    assert x.astype("float32") is not x


def test_faces_share_memory():
    x = nd.array([[1, 2], [3, 4]])
    y = x.as_np_ndarray()
    assert type(y) is np.ndarray
    assert y.as_np_ndarray() is y
    y[0, 0] = 9
    assert x[0, 0].asscalar() == 9
    assert type(y.as_nd_ndarray()) is nd.NDArray
    assert address(y.as_nd_ndarray()) == address(x)
    strided = np.array([[1, 2], [3, 4]]).T
    same(strided.as_nd_ndarray(), [[1, 3], [2, 4]])


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("value", [0, 1, 100.5, float("nan")])
def test_one_element_is_numpys_number(dtype, value):
    if value != value and dtype not in ("float16", "float32", "float64"):
        value = -1
    array = numpy.array([[7, value, 9]]).astype(dtype)
    x = np.array(array, dtype=dtype)[:, 1:2]
    expected = array[0, 1]
    for got, want in ((x.item(), expected.item()), (x.asscalar(), expected)):
        assert type(got) is type(want)
        assert repr(got) == repr(want)
    assert bool(x) is bool(expected)
    assert repr(float(x)) == repr(float(expected))


def test_numbers():
    x = np.array([2.5])
    assert (float(x), int(x), bool(x), x.item()) == (2.5, 2, True, 2.5)
    assert nd.array([2.5]).asscalar() == numpy.float32(2.5)
    assert [10, 20, 30][np.array(1, dtype="int64")] == 20
    assert not np.zeros((0,))
    for many in (np.ones((2,)), nd.ones((2,))):
        with pytest.raises(ValueError, match="ambiguous"):
            bool(many)
        with pytest.raises((TypeError, ValueError)):
            float(many)
    with pytest.raises(TypeError):
        operator.index(np.array(1.0))


def test_containers():
    x = np.array([[1, 2], [3, 4]])
    assert len(x) == 2
    assert [row.tolist() for row in x] == [[1, 2], [3, 4]]
    assert 3 in x
    assert 5 not in x
    for function in (len, list):
        with pytest.raises(TypeError):
            function(np.array(1.0))
    with pytest.raises(TypeError, match="unhashable type: 'ndarray'"):
        hash(x)


# ---- operators ---------------------------------------------------------------------------------

OPERATORS = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "%": operator.mod,
    "**": operator.pow,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
numbers = st.integers(-5, 5) | st.floats(-5, 5, width=16)
pairs = hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=4, min_side=0, max_side=4)


def expected_of(name, a, b):
    with numpy.errstate(all="ignore"):
        return OPERATORS[name](a, b)


@quick
@given(pairs, st.sampled_from(sorted(OPERATORS)), st.sampled_from(FLOATS), st.data())
def test_operators_broadcast_as_numpys(shapes, name, dtype, data):
    a, b = (
        data.draw(hnp.arrays(dtype, s, elements=st.integers(-4, 4))) for s in shapes.input_shapes
    )
    if name == "**":
        a = numpy.abs(a) + 1
    expected = expected_of(name, a, b)
    for x, y in (
        (np.array(a), np.array(b)),
        (np.from_numpy(numpy.array(a, order="F")), np.from_numpy(numpy.array(b, order="F"))),
    ):
        result = OPERATORS[name](x, y)
        assert result.dtype == expected.dtype
        assert result.shape == shapes.result_shape
        numpy.testing.assert_allclose(result.asnumpy(), expected, rtol=1e-6)
    if a.ndim and b.ndim and a.size and b.size:
        result = OPERATORS[name](nd.array(a, dtype=dtype), nd.array(b, dtype=dtype))
        assert result.dtype == numpy.dtype(dtype)
        numpy.testing.assert_allclose(result.asnumpy(), expected, rtol=1e-6)


@quick
@given(
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=0),
    numbers,
    st.sampled_from(sorted(OPERATORS)),
    st.sampled_from(FLOATS),
)
def test_operators_with_numbers(shape, number, name, dtype):
    values = (numpy.arange(numpy.prod(shape, dtype=int)).reshape(shape) - 3).astype(dtype)
    if name == "**":
        values = numpy.abs(values) + 1
        number = abs(number) + 0.5
    for x in (np.array(values), np.from_numpy(numpy.array(values, order="F"))):
        for swapped in (False, True):
            args = (number, values) if swapped else (values, number)
            expected = expected_of(name, *args)
            result = OPERATORS[name](*((number, x) if swapped else (x, number)))
            assert result.dtype == numpy.asarray(expected).dtype
            numpy.testing.assert_allclose(result.asnumpy(), expected, rtol=2e-6, atol=1e-12)


LARGE = [
    ((300, 257), (257,)),
    ((300, 1), (1, 257)),
    ((2, 40_000), (2, 1)),
    ((70_001,), ()),
    ((), (70_001,)),
    ((70_001,), (70_001,)),
    ((3, 1, 30_000), (2, 1)),
    ((40_000, 1, 3), (1, 2, 3)),
    ((1, 90_000), (1, 1)),
]


@pytest.mark.parametrize("name", ["-", "/", "<"])
@pytest.mark.parametrize("shapes", LARGE, ids=str)
def test_operators_on_large_arrays(name, shapes):
    generator = numpy.random.default_rng(0)
    a, b = (numpy.asarray(generator.uniform(1, 2, shape), "float32") for shape in shapes)
    expected = expected_of(name, a, b)
    same(OPERATORS[name](np.array(a), np.array(b)), expected)
    turned = np.from_numpy(numpy.array(a, order="F")), np.from_numpy(numpy.array(b, order="F"))
    same(OPERATORS[name](*turned), expected)
    if name == "-" and a.size >= b.size and expected.shape == a.shape:
        for x in (np.array(a), np.from_numpy(numpy.array(a, order="F"))):
            x -= np.array(b)
            same(x, expected)


@pytest.mark.parametrize("dtype", ["int8", "int32", "int64", "uint8"])
@pytest.mark.parametrize("name", ["+", "-", "*", "%", "==", "<", ">="])
def test_operators_on_integers(dtype, name):
    a, b = numpy.array([1, 2, 100, 7], dtype), numpy.array([3, 2, 5, 100], dtype)
    expected = expected_of(name, a, b)
    result = OPERATORS[name](np.array(a), np.array(b))
    assert result.dtype == expected.dtype
    same(result, expected)
    result = OPERATORS[name](nd.array(a, dtype=dtype), nd.array(b, dtype=dtype))
    assert result.dtype == numpy.dtype(dtype)
    same(result, expected.astype(dtype))


@pytest.mark.parametrize("a", DTYPES)
@pytest.mark.parametrize("b", DTYPES)
def test_np_promotes_dtypes(a, b):
    floats = [d for d in ("float64", "float32", "float16") if d in (a, b)]
    expected = floats[0] if floats else numpy.result_type(a, b)
    expected = numpy.int32 if expected == numpy.int16 else expected
    assert (np.ones((2,), dtype=a) * np.ones((2,), dtype=b)).dtype == expected


def test_nd_does_not_mix_dtypes():
    for name in OPERATORS:
        with pytest.raises(MXNetError, match="int32"):
            OPERATORS[name](nd.ones((2,)), nd.ones((2,), dtype="int32"))


def test_faces_do_not_mix():
    for name in OPERATORS:
        with pytest.raises(TypeError):
            OPERATORS[name](nd.ones((2,)), np.ones((2,)))


@both_faces
def test_nan_and_infinity_compare_as_numpys(face):
    values = numpy.array([numpy.nan, numpy.inf, -numpy.inf, 0.0, -0.0, 1.0], "float32")
    x, column = face.array(values), face.array(values[:, None])
    for name in ("==", "!=", "<", "<=", ">", ">="):
        same(OPERATORS[name](x, column), OPERATORS[name](values, values[:, None]))


# ---- in place ----------------------------------------------------------------------------------

IN_PLACE = {
    "+=": operator.iadd,
    "-=": operator.isub,
    "*=": operator.imul,
    "/=": operator.itruediv,
    "**=": operator.ipow,
    "%=": operator.imod,
}


@both_faces
@pytest.mark.parametrize("name", IN_PLACE)
def test_operators_in_place_keep_the_array(face, name):
    values, other = numpy.arange(1, 7.0).reshape(2, 3), numpy.array([1.0, 2.0, 4.0])
    x = face.array(values, dtype="float64")
    view, before = x[1], x
    x = IN_PLACE[name](x, face.array(other, dtype="float64"))
    IN_PLACE[name](values, other)
    assert x is before
    same(x, values)
    same(view, values[1])
    x = IN_PLACE[name](x, 2)
    IN_PLACE[name](values, 2)
    assert x is before
    numpy.testing.assert_allclose(x.asnumpy(), values)


@both_faces
def test_results_that_would_grow_are_refused(face):
    x = face.ones((1, 3))
    for other in (face.ones((2, 3)), face.ones((2, 1, 3)), face.ones((4,))):
        with pytest.raises(ShapeError):
            x += other
    same(x, numpy.ones((1, 3)))


@both_faces
@pytest.mark.parametrize("first", [slice(1, None), slice(None, -1), slice(None, None, -1)])
@pytest.mark.parametrize("second", [slice(1, None), slice(None, -1), slice(0, 1)])
@pytest.mark.parametrize("shape", [(9,), (5, 3), (40, 8)])
def test_operands_in_place_may_overlap(face, first, second, shape):
    values = numpy.arange(numpy.prod(shape), dtype="float32").reshape(shape)
    x = face.array(values)
    if values[first].shape != values[second].shape and second != slice(0, 1):
        second = first
    x[first] += x[second]
    values[first] += values[second].copy()
    same(x, values)
    x[first] = x[second]
    values[first] = values[second].copy()
    same(x, values)


@both_faces
def test_borrowed_arrays_may_overlap(face):
    memory, expected = numpy.arange(40.0), numpy.arange(40.0)
    x, y = face.from_numpy(memory[1:]), face.from_numpy(memory[:-1])
    x += y
    expected[1:] += expected[:-1].copy()
    assert (memory == expected).all()
    x[:] = y
    expected[1:] = expected[:-1].copy()
    assert (memory == expected).all()
    y *= x
    expected[:-1] *= expected[1:].copy()
    assert (memory == expected).all()


def test_arrays_with_themselves_in_place():
    x = np.array([[1.0, 2.0], [3.0, 4.0]])
    x += x.T
    same(x, [[2, 5], [5, 8]])
    x *= x
    same(x, [[4, 25], [25, 64]])
    x[:] = x.T[::-1]
    same(x, [[25, 64], [4, 25]])
    x[0] += x[1]
    same(x, [[29, 89], [4, 25]])


# ---- indexing ----------------------------------------------------------------------------------

shapes = hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=4)


@settings(max_examples=200, deadline=None)
@given(shapes, st.data())
def test_basic_indexing_is_numpys(shape, data):
    key = data.draw(hnp.basic_indices(shape, allow_newaxis=True, max_dims=6))
    values = numpy.arange(numpy.prod(shape, dtype=int), dtype="float32").reshape(shape)
    same(np.array(values)[key], values[key])
    result = nd.array(values)[key] if values.size else None
    if result is not None:
        assert result.asnumpy().reshape(values[key].shape).tolist() == values[key].tolist()
    written = np.array(values)
    written[key] = -1
    values[key] = -1
    same(written, values)


@settings(max_examples=100, deadline=None)
@given(shapes, st.data())
def test_basic_assignment_is_numpys(shape, data):
    key = data.draw(hnp.basic_indices(shape, allow_newaxis=True, max_dims=6))
    values = numpy.zeros(shape, "float32")
    part = numpy.asarray(values[key])
    source = data.draw(
        hnp.arrays("float32", part.shape, elements=st.integers(1, 9))
        | hnp.arrays("float32", part.shape[1:], elements=st.integers(1, 9))
    )
    for make in (np.array, numpy.array, lambda v: v.tolist() if v.size else v):
        x = np.array(values)
        x[key] = make(source)
        expected = values.copy()
        expected[key] = source
        same(x, expected)


@settings(max_examples=150, deadline=None)
@given(hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=4), st.data())
def test_integer_array_indexing_is_numpys(shape, data):
    key = data.draw(hnp.integer_array_indices(shape, result_shape=hnp.array_shapes(max_dims=2)))
    values = numpy.arange(numpy.prod(shape), dtype="float32").reshape(shape)
    ours = tuple(np.array(k) for k in key)
    whole, first = values[key], values[key[0]]
    lists = tuple(k.tolist() for k in key)
    for k, expected in (
        (key, whole),
        (ours, whole),
        (lists, whole),
        (key[0], first),
        (ours[0], first),
    ):
        same(np.array(values)[k], expected)
        assert (nd.array(values)[k].asnumpy() == expected).all()
    x = np.array(values)
    x[key] = 99
    values[key] = 99
    same(x, values)


@settings(max_examples=80, deadline=None)
@given(hnp.arrays(bool, hnp.array_shapes(max_dims=3, min_side=0, max_side=4)), st.booleans())
def test_masks_are_numpys(mask, first_axis_only):
    values = numpy.arange(mask.size, dtype="float32").reshape(mask.shape)
    if first_axis_only and mask.ndim > 1:
        assume(mask.size)
        mask = mask[(slice(None),) + (0,) * (mask.ndim - 1)].copy()
    for key in (mask, np.array(mask)):
        x = np.array(values)
        same(x[key], values[mask])
        x[key] = -1
        expected = values.copy()
        expected[mask] = -1
        same(x, expected)
        x[key] = np.array(values)[key] * 2
        expected[mask] = values[mask] * 2
        same(x, expected)


@settings(max_examples=100, deadline=None)
@given(
    hnp.array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=5),
    st.sampled_from(["=", "+=", "*="]),
    st.sampled_from(FLOATS),
    st.data(),
)
def test_parts_of_one_array_written_into_each_other(shape, name, dtype, data):
    target = data.draw(hnp.basic_indices(shape))
    source = data.draw(hnp.basic_indices(shape))
    values = numpy.arange(1, numpy.prod(shape) + 1, dtype=dtype).reshape(shape)
    x, expected = np.array(values), values.copy()
    part = numpy.array(values[source])
    place = target if isinstance(target, tuple) else (target,)
    if Ellipsis not in place:
        place += (Ellipsis,)  # an array for NumPy, even where all axes have an integer
    operators = {"=": lambda a, b: b, **IN_PLACE}
    # An element takes an array of one number, as in MXNet; NumPy with an Ellipsis refuses it.
    assume(values[target].ndim or not part.ndim)
    try:
        expected[place] = operators[name](expected[place], part)
    except ValueError:
        with pytest.raises(ShapeError):
            x[target] = operators[name](x[target], x[source])
        same(x, values)
    else:
        x[target] = operators[name](x[target], x[source])
        same(x, expected)


MIXED = [
    (slice(None), [0, 1]),
    ([0, 1], slice(None), [1, 0]),
    (..., [0, 1]),
    ([0, 1], None),
    (None, [1], ..., 0),
    (1, [0, 1]),
    (numpy.array([True, False]), 1),
    (slice(None, None, -1), numpy.array([[0], [1]])),
    ([True, False], [0]),
    (numpy.int64(1), numpy.int32(0)),
    [[0, 1], [1, 1]],
    [],
    (),
    (Ellipsis,),
]


@pytest.mark.parametrize("key", MIXED, ids=str)
def test_mixed_keys_are_numpys(key):
    values = numpy.arange(12.0).reshape(2, 2, 3)
    numpys = numpy.array(key, dtype=numpy.int64) if isinstance(key, list) else key
    same(np.array(values)[key], values[numpys])
    x = np.array(values)
    x[key] = 7
    values[numpys] = 7
    same(x, values)


def test_views_and_copies():
    x = nd.zeros((4, 3))
    for key in (0, slice(1, 3), slice(None), (2, 1), (slice(0, 1), slice(None))):
        y = x[key]
        y[:] = 5
        assert (x[key].asnumpy() == 5).all()
        x[:] = 0
    for key in ((slice(None), 1), slice(None, None, 2), [0, 1], slice(None, None, -1)):
        x[key][:] = 5
        assert (x.asnumpy() == 0).all()
    assert x[:] is x


def test_augmented_assignment_to_parts():
    x, values = np.zeros((3, 2)), numpy.zeros((3, 2))
    for array in (x, values):
        array[:, 1] += 5
        array[::2] *= 3
        array[[0, 1]] -= 1
        array[0] += array[2]
    same(x, values)


def test_full_integer_keys():
    x = np.array([[1.0, 2.0]])
    assert x[0, 1].shape == ()
    assert x[0, 1].item() == 2
    assert nd.array([[1, 2]])[0, 1].shape == (1,)
    y = np.array(5.0)
    assert y[()].item() == 5
    assert y[...].item() == 5
    assert y[None].shape == (1,)
    y[()] = 7
    y[...] += 1
    assert y.item() == 8


# ---- reductions --------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(
    hnp.array_shapes(min_dims=0, max_dims=4, min_side=0, max_side=5),
    st.sampled_from(["sum", "prod", "max", "min", "mean", "argmax", "argmin", "var", "std"]),
    st.sampled_from(FLOATS),
    st.booleans(),
    st.data(),
)
def test_reductions_are_numpys(shape, name, dtype, strided, data):
    values = data.draw(hnp.arrays(dtype, shape, elements=st.integers(-3, 3)))
    options = {}
    if name in ("argmax", "argmin"):
        options["axis"] = data.draw(st.sampled_from([None, *range(-len(shape), len(shape))]))
    else:
        axes = st.lists(st.integers(0, max(len(shape) - 1, 0)), unique=True, max_size=len(shape))
        options["axis"] = data.draw(st.none() | axes.map(tuple))
        options["keepdims"] = data.draw(st.booleans())
    try:
        with numpy.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            expected = getattr(values, name)(**options)
    except ValueError:
        with pytest.raises(ValueError):
            getattr(np.array(values), name)(**options)
        return
    x = np.from_numpy(numpy.array(values, order="F")) if strided else np.array(values)
    result = getattr(x, name)(**options)
    assert result.dtype == expected.dtype
    assert result.shape == expected.shape
    numpy.testing.assert_allclose(result.asnumpy(), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("dtype", ["int8", "int32", "int64", "uint8", "bool", "float16"])
@pytest.mark.parametrize("name", ["sum", "max", "min", "prod", "mean", "argmax", "argmin"])
def test_reductions_of_other_dtypes(dtype, name):
    values = numpy.array([[1, 0, 3], [1, 1, 2]]).astype(dtype)
    for axis in (None, 0, 1):
        expected = getattr(values, name)(axis=axis)
        numpy.testing.assert_allclose(
            getattr(np.array(values), name)(axis=axis).asnumpy().astype("float64"),
            expected.astype("float64"),
            rtol=1e-3,
        )


@pytest.mark.parametrize("name", ["sum", "max", "min", "mean"])
@pytest.mark.parametrize("shape", [(300, 257), (70_000,), (3, 40_000), (40_000, 3), (20, 60, 70)])
def test_large_reductions(name, shape):
    values = numpy.random.default_rng(0).normal(size=shape)
    for axis in (None, *range(len(shape)), tuple(range(len(shape)))[1:]):
        expected = getattr(values, name)(axis=axis)
        got = getattr(np.array(values), name)(axis=axis).asnumpy()
        numpy.testing.assert_allclose(got, expected, rtol=1e-10, atol=1e-12)


def test_extremes_of_nan():
    values = numpy.array([[1, numpy.nan, 3], [4, 5, 6.0]])
    for name in ("max", "min", "argmax", "argmin", "sum", "prod"):
        same(getattr(np.array(values), name)(axis=1), getattr(values, name)(axis=1))


def test_cumsum_of_infinity_is_the_same_when_recorded():
    x = np.array([1.0, numpy.inf, 2.0])
    x.attach_grad()
    same(np.cumsum(x), [1, numpy.inf, numpy.inf])
    with autograd.record():
        same(np.cumsum(x), [1, numpy.inf, numpy.inf])


# ---- shapes ------------------------------------------------------------------------------------


@quick
@given(hnp.array_shapes(min_dims=1, max_dims=5, min_side=0, max_side=3), st.randoms())
def test_transposes_and_reshapes(shape, random):
    order = list(range(len(shape)))
    random.shuffle(order)
    values = numpy.arange(numpy.prod(shape, dtype=int), dtype="float32").reshape(shape)
    x = np.array(values).transpose(order)
    expected = values.transpose(order)
    same(x, expected)
    same(x.reshape(-1), expected.reshape(-1))
    same(x.T, expected.T)
    same(x + 1, expected + 1)
    same(np.exp(x * 0), numpy.exp(expected * 0))
    same(x.copy(), expected)
    same(np.concatenate([x, x], axis=0), numpy.concatenate([expected, expected]))
    same(np.stack([x, x], axis=-1), numpy.stack([expected, expected], axis=-1))
    same(x.swapaxes(0, -1), expected.swapaxes(0, -1))


def test_flattening_an_empty_batch():
    assert nd.flatten(nd.zeros((0, 3, 4))).shape == (0, 12)
    assert nd.flatten(nd.zeros((3, 0, 4))).shape == (3, 0)


@quick
@given(
    st.integers(0, 4), st.integers(0, 4), st.integers(0, 4), st.booleans(), st.booleans(), st.data()
)
def test_products_of_any_layout(m, k, n, turn_a, turn_b, data):
    numbers = st.integers(-3, 3)
    a = data.draw(hnp.arrays("float64", (k, m) if turn_a else (m, k), elements=numbers))
    b = data.draw(hnp.arrays("float64", (n, k) if turn_b else (k, n), elements=numbers))
    a, b = a.T if turn_a else a, b.T if turn_b else b
    for x, y in (
        (np.from_numpy(a), np.from_numpy(b)),
        (np.array(a), np.array(b)),
        (np.from_numpy(a[::-1])[::-1], np.from_numpy(b[:, ::-1])[:, ::-1]),
    ):
        same(x @ y, a @ b)


def test_an_array_that_came_back_through_numpy_overlaps_its_origin():
    x = np.arange(8)
    y = np.from_numpy(numpy.asarray(x)[:-1])  # another block, on x's memory
    x[1:] += y
    same(x, numpy.array([0, 1, 3, 5, 7, 9, 11, 13], "float32"))


@both_faces
def test_an_array_stands_for_its_dtype(face):
    half = face.ones((2,), dtype="float16")
    assert numpy.dtype(face.ones((2,)).astype(half).dtype) == "float16"
    assert numpy.dtype(face.zeros((2,), dtype=half).dtype) == "float16"
