"""Rows taken from places and put at places: what index, dtype, layout and size they come in."""

import numpy
import pytest

from microlazy import autograd, nd, np, npx
from microlazy.base import ShapeError
from microlazy.core import functions
from microlazy.core.trace import ops_of
from microlazy.gluon import HybridBlock
from tests.gradients import Wrapped

INDEX_DTYPES = ["float16", "float32", "float64", "uint8", "int8", "int32", "int64"]
DTYPES = [*INDEX_DTYPES, "bool"]


def values(shape, dtype="float64"):
    return numpy.random.default_rng(3).integers(-9, 9, shape).astype(dtype)


def with_gradient(function, x, head):
    """What the function gives, and the gradient by x."""
    x = np.array(x, dtype=x.dtype)
    x.attach_grad()
    with autograd.record():
        y = function(x)
    y.backward(np.array(head, dtype=y.dtype))
    return y.asnumpy(), x.grad.asnumpy()


@pytest.mark.parametrize("dtype", INDEX_DTYPES)
def test_the_dtype_of_an_index(dtype):
    x, index = values((5, 3)), numpy.array([[4, 0], [2, 4]], dtype)
    places, ours = index.astype(int), np.array(index, dtype=dtype)
    assert np.array_equal(np.array(x, dtype=x.dtype)[ours], x[places])
    assert np.array_equal(np.take(np.array(x, dtype=x.dtype), ours, axis=0), x[places])
    picked = npx.pick(np.array(x, dtype=x.dtype), ours[:, 0].repeat(3)[:5])
    want = x[range(5), numpy.clip([4, 4, 4, 2, 2], 0, 2)]
    assert numpy.array_equal(picked.asnumpy(), want)
    hot = npx.one_hot(ours, 3)
    assert numpy.array_equal(hot.asnumpy(), places[..., None] == numpy.arange(3))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(5,), (5, 3), (5, 2, 4)])
def test_the_dtype_of_the_array(dtype, shape):
    x, index = values(shape, dtype), np.array([4, 0, -1], dtype="int32")
    ours = np.array(x, dtype=dtype)
    assert numpy.array_equal(ours[index].asnumpy(), x[[4, 0, -1]])
    assert ours[index].dtype == dtype
    taken = np.take(ours, index, axis=-1, mode="wrap")
    assert numpy.array_equal(taken.asnumpy(), numpy.take(x, [4, 0, -1], -1, mode="wrap"))
    assert numpy.array_equal(ours[ours > 0].asnumpy(), x[x > 0])


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("width", [1, 3, 200])
def test_sums_of_what_is_taken_often(dtype, width):
    x = numpy.zeros((4, width), dtype)
    index = np.array([1, 3, 1, 1])
    head = numpy.arange(4 * width).reshape(4, width).astype(dtype) % 7
    y, grad = with_gradient(lambda x: x[index], x, head)
    want = numpy.zeros_like(x)
    numpy.add.at(want, [1, 3, 1, 1], head)
    assert numpy.array_equal(grad, want)


@pytest.mark.parametrize("shape", [(200000,), (1000, 300), (3, 400, 150), (2, 3, 70000)])
@pytest.mark.parametrize("axis", [0, -1])
def test_large_arrays(shape, axis):
    """Threads share the work, and the sums are those of one."""
    x = numpy.random.default_rng(1).normal(size=shape).astype("float32")
    n = shape[axis]
    index = numpy.random.default_rng(2).integers(0, n, max(n, 150000 * n // x.size))
    head = numpy.random.default_rng(3).normal(size=numpy.take(x, index, axis).shape)
    head = head.astype("float32")
    ours = np.array(index, dtype="int64")
    y, grad = with_gradient(lambda x: np.take(x, ours, axis=axis), x, head)
    want = numpy.zeros_like(x)
    numpy.add.at(numpy.moveaxis(want, axis, 0), index, numpy.moveaxis(head, axis, 0))
    assert numpy.array_equal(y, numpy.take(x, index, axis))
    assert numpy.array_equal(grad, want)


def test_large_masks_and_float_places():
    x = numpy.random.default_rng(1).normal(size=(200000,)).astype("float32")
    ours = np.array(x)
    assert numpy.array_equal(ours[ours > 0].asnumpy(), x[x > 0])
    places = numpy.random.default_rng(1).permutation(200000)
    assert numpy.array_equal(ours[np.array(places)].asnumpy(), x[places])
    places[190000] = 200000
    with pytest.raises(IndexError, match="index 200000 is out of bounds for axis 0 with size 2000"):
        ours[np.array(places)]


def whole(places):
    return np.array(places, dtype="int64")


SIMPLE = {
    "places": lambda x: x[np.array([2, 0, 2])],
    "floats": lambda x: x[np.array([2.0, 0.0, 2.0, 1.0])],
    "a list": lambda x: x[[2, 0, 2]],
    "NumPy's places": lambda x: x[numpy.array([[2, 0, -1]])],
    "places in rows": lambda x: x[np.array([0, 1, 2]), np.array([3, 0, 3])],
    "a number and places": lambda x: x[1, np.array([3, 0, 3])],
    "broadcast places": lambda x: x[np.array([[0], [2]]), np.array([3, 0, 3])],
    "and slices": lambda x: x[np.array([0, 1, 2]), :, ...],
    "a mask": lambda x: x[x > 0.5],
    "a mask of rows": lambda x: x[np.array([True, False, True], dtype="bool")],
    "take": lambda x: np.take(x, np.array([3, 0, 3]), axis=1),
    "pick": lambda x: npx.pick(x, np.array([3, 0, 3])),
    "pick along the first axis": lambda x: npx.pick(x, np.array([2, 0, 1, 1]), axis=0),
    "along": lambda x: np.take_along_axis(x, whole([[3, 0, 3], [1, 1, -1], [0, 2, 0]]), axis=1),
    "along the first axis": lambda x: np.take_along_axis(x, whole([[2, 0, 1, 1]]), axis=0),
    "gather_nd": lambda x: npx.gather_nd(x, np.array([[0, 2], [1, 3]])),
    "scatter_nd": lambda x: npx.scatter_nd(x, np.array([[4, 0, 2]]), (5, 4)),
    "index_add": lambda x: npx.index_add(x, np.array([0, 0], dtype="int32"), x[1:]),
    "index_update": lambda x: npx.index_update(x, np.array([0, 2], dtype="int32"), x[:2] * 3),
}


@pytest.mark.parametrize("name", SIMPLE)
def test_no_numpy_stands_behind_plain_places(name):
    names = ops_of(SIMPLE["places" if "mask" in name else name], np.ones((3, 4)))
    assert not [name for name in names if name.startswith("numpy:")]


@pytest.mark.parametrize("name", SIMPLE)
def test_gradients_to_the_second_order(name, function=None):
    function = function or SIMPLE[name]
    start = numpy.random.default_rng(4).uniform(0.1, 1, (3, 4))
    way = numpy.random.default_rng(5).normal(size=(3, 4))
    x, direction = np.array(start, dtype="float64"), np.array(way, dtype="float64")
    x.attach_grad()

    def first(x, create_graph):
        with autograd.record():
            y = (function(x) ** 3).sum()
            return autograd.grad(y, [x], create_graph=create_graph)[0]

    step = 1e-5
    up, down = (np.array(start + s * step * way, dtype="float64") for s in (1, -1))
    for z in (up, down):
        z.attach_grad()
    slope = ((function(up) ** 3).sum() - (function(down) ** 3).sum()) / (2 * step)
    g = first(x, False)
    numpy.testing.assert_allclose((g * direction).sum().item(), slope.item(), rtol=1e-6)
    with autograd.record():
        g = first(x, True)
        along = (g * direction).sum()
    along.backward()
    want = (first(up, False) - first(down, False)).asnumpy() / (2 * step)
    numpy.testing.assert_allclose(x.grad.asnumpy(), want, rtol=1e-6, atol=1e-6)


ORDERED = {
    "sort": lambda x: np.sort(x, axis=0),
    "sort, descending": lambda x: np.sort(x, descending=True),
    "partition": lambda x: np.partition(x, 1),
    "topk": lambda x: npx.topk(x, k=2, ret_typ="value"),
    "the way back": lambda x: functions.put_along(x, whole([[4, 0, 1, 1]] * 3), 1, 5),
}


@pytest.mark.parametrize("name", ORDERED)
def test_gradients_of_what_is_ordered(name):
    test_gradients_to_the_second_order(name, ORDERED[name])


@pytest.mark.parametrize("shape", [(3, 4), (2, 3, 4), (200, 300), (7,)])
@pytest.mark.parametrize("axis", [0, -1])
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8", "int64", "bool"])
def test_places_along_an_axis(shape, axis, dtype):
    x, n = values(shape, dtype), shape[axis]
    wide = [*shape]
    wide[axis] = 5
    places = numpy.random.default_rng(8).integers(-n, n, wide)
    ours = np.array(x, dtype=dtype)
    got = np.take_along_axis(ours, np.array(places, dtype="int64"), axis)
    assert numpy.array_equal(got.asnumpy(), numpy.take_along_axis(x, places, axis))
    if dtype.startswith("float"):
        head = values(tuple(wide), dtype)
        _, grad = with_gradient(
            lambda x: np.take_along_axis(x, np.array(places, dtype="int64"), axis), x, head
        )
        want = numpy.zeros_like(x)
        rows = numpy.moveaxis(want, axis, -1).reshape(-1, n).copy()
        moved = [numpy.moveaxis(a, axis, -1).reshape(-1, 5) for a in (places, head)]
        for row, at, given in zip(rows, *moved, strict=True):
            numpy.add.at(row, at, given)
        rows = rows.reshape(numpy.moveaxis(want, axis, -1).shape)
        assert numpy.array_equal(grad, numpy.moveaxis(rows, -1, axis))


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64", "int8", "int64", "bool"])
@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("ascending", [False, True])
def test_the_first_of_many_are_those_of_all_in_order(dtype, axis, ascending):
    x = numpy.random.default_rng(9).integers(-99, 99, (40, 50, 60)).astype(dtype)
    if dtype.startswith("float"):
        x[::5, ::5, ::3] = numpy.nan
        x[3] = numpy.inf
        x[7, 7] = numpy.nan
    keys = x if ascending else -x if dtype.startswith("float") else ~x
    want = numpy.argsort(keys, axis, kind="stable").take(range(3), axis)
    ours = np.array(x, dtype=dtype)
    got = npx.topk(ours, axis, 3, is_ascend=ascending, dtype="int64")
    assert numpy.array_equal(got.asnumpy(), want)
    some = npx.topk(ours[:4], axis, 3, is_ascend=ascending, dtype="int64")
    want = numpy.argsort(keys[:4], axis, kind="stable").take(range(3), axis)
    assert numpy.array_equal(some.asnumpy(), want)


def test_a_plan_sorts_anew():
    block = Wrapped(lambda x: np.sort(x) * np.take_along_axis(x, np.argsort(-x), -1))
    plain = Wrapped(block.function)
    block.hybridize()
    for seed in (1, 2):
        start = numpy.random.default_rng(seed).normal(size=(4, 6)).astype("float32")
        found = []
        for net in (block, plain):
            y, grad = with_gradient(net, start, numpy.ones((4, 6)))
            found.append((net(np.array(start)).asnumpy(), y, grad))
        for a, b in zip(*found, strict=True):
            assert numpy.array_equal(a, b)


def test_what_is_no_place_along_an_axis():
    x = np.array(values((2, 3)))
    with pytest.raises(IndexError, match="take_along_axis: index 3 is out of bounds .* size 3"):
        np.take_along_axis(x, whole([[0, 3], [1, 1]]), 1)
    with pytest.raises(ShapeError, match=r"index has shape \(3, 1\).* \(2, 3\)"):
        functions.take_along(x, whole([[0], [0], [0]]), 1)


@pytest.mark.parametrize("dtype", INDEX_DTYPES)
def test_a_plan_finds_the_places_anew(dtype):
    block = Wrapped(lambda x, i: x[i] + np.take(x, i, axis=0) + npx.one_hot(i, 4)[:, :3])
    plain = Wrapped(block.function)
    block.hybridize()
    x = np.array(values((4, 3), "float32"))
    x.attach_grad()
    for places in ([0, 3, 3], [1, 2, 0]):
        index, found = np.array(places, dtype=dtype), []
        for net in (block, plain):
            with autograd.record():
                y = net(x, index)
            y.backward()
            found.append((y.asnumpy(), x.grad.asnumpy()))
        for a, b in zip(*found, strict=True):
            assert numpy.array_equal(a, b)


def test_a_plan_refuses_a_mask_of_another_count():
    mask = np.array([True, False, True], dtype="bool")

    class Masked(HybridBlock):
        def forward(self, x):
            return x[mask]

    block = Masked()
    block.hybridize()
    assert block(np.ones((3,))).shape == (2,)
    for other in (3, 1):
        mask[:] = np.arange(3) < other
        with pytest.raises(ValueError, match="no longer has the 2 true elements"):
            block(np.ones((3,)))


def test_an_index_may_change_before_backward():
    x, index = np.array(values((4, 3), "float32")), np.array([1, 2])
    x.attach_grad()
    with autograd.record():
        y = np.take(x, index, axis=0)
    index[:] = 0
    y.backward()
    assert x.grad.asnumpy().sum(1).tolist() == [0, 3, 3, 0]


@pytest.mark.parametrize("shape", [(0, 3), (3, 0)])
def test_empty_arrays(shape):
    x = np.ones(shape)
    x.attach_grad()
    none = np.array([], dtype="int32")
    with autograd.record():
        y = x[none]
    y.backward()
    assert y.shape == (0, *shape[1:])
    assert x.grad.shape == shape
    assert np.take(x, none, axis=1).shape == (shape[0], 0)
    assert npx.one_hot(none, 3).shape == (0, 3)
    assert x[np.zeros(shape, dtype="bool")].shape == (0,)


@pytest.mark.parametrize("face", [nd, np])
def test_what_is_no_place(face):
    x = face.array(values((2, 3)))
    for bad in (float("nan"), float("inf")):
        with pytest.raises(IndexError, match="nan or inf"):
            x[face.array([0, bad])]
        with pytest.raises(IndexError, match="nan or inf"):
            x[face.array([0, 1]), face.array([bad, 0])]
    for bad in (2, -3, 1e30):
        with pytest.raises(IndexError, match="out of bounds for axis 0 with size 2"):
            x[face.array([0, bad])]
    with pytest.raises(IndexError, match="index 3 is out of bounds for axis 1 with size 3"):
        x[face.array([0, 1]), face.array([3, 0])]


def test_columns_of_a_transposed_array():
    x = values((3, 5))
    assert numpy.array_equal(np.array(x).T[np.array([4, 0])].asnumpy(), x.T[[4, 0]])
    assert numpy.array_equal(np.take(np.array(x).T, np.array([1]), axis=1).asnumpy(), x.T[:, [1]])
