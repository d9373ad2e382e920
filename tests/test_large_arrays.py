"""Large arrays go other ways than small ones, by threads and in pieces, to the same answers."""

import numpy
import pytest

from microlazy import autograd, np

SHAPE = (401, 503)  # more than one core's worth of elements, in no whole number of pieces


@pytest.fixture
def values():
    return numpy.random.default_rng(3).normal(size=SHAPE).astype("float32")


CALLS = {
    "flip": lambda f, x: f.flip(x),
    "flip rows": lambda f, x: f.flip(x, 0),
    "flip columns": lambda f, x: f.flip(x, 1),
    "rot90": lambda f, x: f.rot90(x),
    "transpose": lambda f, x: f.transpose(x),
    "roll": lambda f, x: f.roll(x, 7),
    "roll both": lambda f, x: f.roll(x, (3, -5), (0, 1)),
    "repeat": lambda f, x: f.repeat(x, 3),
    "repeat rows": lambda f, x: f.repeat(x, 2, 0),
    "repeat columns": lambda f, x: f.repeat(x, 2, 1),
    "tile": lambda f, x: f.tile(x, (2, 1, 2)),
    "pad": lambda f, x: f.pad(x, ((1, 2), (3, 0)), constant_values=2),
    "split": lambda f, x: f.concatenate(f.split(x, [100, 250], 1)[::-1], 1),
    "diagonal": lambda f, x: f.diagonal(x, -3),
    "diag": lambda f, x: f.diag(x[0], 2),
    "trace": lambda f, x: f.trace(x, 1),
    "einsum": lambda f, x: f.einsum("ii->i", x[:, :401]),
    "delete": lambda f, x: f.delete(x, -3, 1),
    "delete some": lambda f, x: f.delete(x, [5, 2, -1, 5], 0),
    "delete many": lambda f, x: f.delete(x, slice(3, 300, 2), 1),
    "insert": lambda f, x: f.insert(x, 7, x[3], 0),
    "insert columns": lambda f, x: f.insert(x, -1, x[:, :2].T, 1),
    "sort": lambda f, x: f.sort(x, 0),
    "any": lambda f, x: f.any(x),
    "all": lambda f, x: f.all(x),
    "all of columns": lambda f, x: f.all(x, 0),
    "all, kept": lambda f, x: f.all(x, keepdims=True),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_value_and_gradient(values, call):
    x = np.array(values)
    x.attach_grad()
    with autograd.record():
        y = call(np, x)
    expected = call(numpy, values)
    assert y.shape == expected.shape and y.dtype == expected.dtype
    numpy.testing.assert_allclose(y, expected, rtol=1e-5)
    if y.dtype == bool:
        return
    g = numpy.random.default_rng(4).normal(size=y.shape).astype("float32")
    y.backward(np.array(g))
    # All of these are linear in x near it: <g, f(d)> is <f'(g), d>, if f orders d as it does x.
    places = call(numpy, numpy.arange(1, values.size + 1).reshape(SHAPE).astype(float))
    if call is CALLS["sort"]:
        order = numpy.argsort(values, 0)
        places = numpy.take_along_axis(numpy.arange(1, values.size + 1).reshape(SHAPE), order, 0)
    wanted = numpy.zeros(values.size + 1)
    if call is CALLS["trace"]:
        wanted[1 + numpy.flatnonzero(numpy.eye(*SHAPE, 1))] = g
    else:
        border = call is CALLS["pad"] or call is CALLS["diag"]
        inside = call(numpy, numpy.ones(SHAPE)) == 1 if border else numpy.ones(y.shape, bool)
        if call is CALLS["diag"]:
            inside = places > 0
        numpy.add.at(wanted, places[inside].astype(int), g[inside])
    numpy.testing.assert_allclose(x.grad, wanted[1:].reshape(SHAPE), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_product_of_vectors(dtype):
    a, b = numpy.random.default_rng(5).normal(size=(2, 150_001)).astype(dtype)
    x, y = np.array(a, dtype=dtype), np.array(b, dtype=dtype)
    x.attach_grad()
    y.attach_grad("add")
    with autograd.record():
        product = np.dot(x, y)
    product.backward(np.array(2, dtype=dtype))
    numpy.testing.assert_allclose(product, a.astype("float64") @ b, rtol=1e-4)
    numpy.testing.assert_array_equal(x.grad, 2 * b)
    numpy.testing.assert_array_equal(y.grad, 2 * a)


@pytest.mark.parametrize("place", [0, 40_000, SHAPE[0] * SHAPE[1] - 1])
def test_truth_is_found_anywhere(place):
    x = np.zeros(SHAPE)
    assert not np.any(x)
    x.reshape(-1)[place] = numpy.nan
    assert np.any(x) and not np.all(x)
    assert np.all(x == x) == False  # noqa: E712  nan
    y = np.ones(SHAPE)
    assert np.all(y)
    y.reshape(-1)[place] = 0
    assert not np.all(y)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("zeros", [(), (1,), (0, 2), (3,)])
def test_running_products_with_zeros(axis, zeros):
    values = numpy.random.default_rng(6).uniform(0.5, 1.5, (4, 4, 4))
    numpy.moveaxis(values, axis, 0)[list(zeros)] = 0
    g = numpy.random.default_rng(7).normal(size=values.shape)
    x = np.array(values, dtype="float64")
    x.attach_grad()
    with autograd.record():
        y = np.cumprod(x, axis)
    y.backward(np.array(g, dtype="float64"))
    numpy.testing.assert_array_equal(y, numpy.cumprod(values, axis))
    wanted = numpy.empty_like(values)
    for place in numpy.ndindex(values.shape):
        step = numpy.zeros_like(values)
        step[place] = 1e-6
        change = numpy.cumprod(values + step, axis) - numpy.cumprod(values - step, axis)
        wanted[place] = (g * change).sum() / 2e-6
    numpy.testing.assert_allclose(x.grad, wanted, rtol=1e-7, atol=1e-8)


def test_running_products_of_integers_have_a_gradient():
    x = np.array([2, 0, 3], dtype="int32")
    x.attach_grad()
    with autograd.record():
        y = np.cumprod(x, dtype="int32")
    y.backward()
    numpy.testing.assert_array_equal(x.grad, [1, 8, 0])


@pytest.mark.parametrize("size", [5, 200_003])
def test_half_and_single(size):
    values = numpy.random.default_rng(8).normal(size=size).astype("float16")
    x = np.array(values, dtype="float16")
    numpy.testing.assert_array_equal(x.astype("float32"), values.astype("float32"))
    numpy.testing.assert_array_equal(x[::-1].astype("float32"), values[::-1].astype("float32"))
    numpy.testing.assert_array_equal((x.astype("float32") / 3).astype("float16"),
                                     (values.astype("float32") / 3).astype("float16"))  # fmt: skip


DTYPES = ["float32", "float64", "uint8", "int32", "int8", "int64", "bool"]


@pytest.mark.parametrize("source", DTYPES)
@pytest.mark.parametrize("target", DTYPES)
def test_every_dtype_as_another(source, target):
    values = numpy.random.default_rng(9).integers(0, 100, 200_003).astype(source)
    x = np.array(values, dtype=source)
    numpy.testing.assert_array_equal(x.astype(target), values.astype(target))
    numpy.testing.assert_array_equal(x[::-2].astype(target), values[::-2].astype(target))


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
@pytest.mark.parametrize("equal_nan", [True, False])
def test_distinct_elements(dtype, equal_nan):
    values = numpy.random.default_rng(10).integers(-99, 99, (50, 60)).astype(dtype)
    if dtype != "int32":
        values[::7, ::5] = numpy.nan
        values[values == 3] = -0.0
    x = np.array(values, dtype=dtype)
    got = np.unique(x, True, True, True, equal_nan=equal_nan)
    expected = numpy.unique(values, True, True, True, equal_nan=equal_nan)
    for ours, theirs in zip(got, expected, strict=True):
        numpy.testing.assert_array_equal(ours, theirs)
    numpy.testing.assert_array_equal(np.unique(x, equal_nan=equal_nan), expected[0])
    if dtype != "int32":
        x.attach_grad()
        with autograd.record():
            y = np.unique(x, equal_nan=equal_nan)
        y.backward(np.arange(y.size, dtype=dtype))
        wanted = numpy.zeros(values.size)
        wanted[expected[1]] = numpy.arange(len(expected[0]))
        numpy.testing.assert_array_equal(x.grad, wanted.reshape(values.shape))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scale", [1.0, 1e-30, 1e30])
def test_gradient_of_products_that_may_be_too_small_or_too_large(dtype, scale):
    values = numpy.random.default_rng(11).uniform(0.5, 1.5, (6, 3)) * scale
    values[0, 0] = 0
    x = np.array(values, dtype=dtype)
    x.attach_grad()
    with autograd.record():
        y = x.prod(axis=1)
    y.backward()
    values = values.astype(dtype).astype("longdouble")
    wanted = [values[:, [1, 2]].prod(1), values[:, [0, 2]].prod(1), values[:, [0, 1]].prod(1)]
    wanted = numpy.stack(wanted, 1).astype(dtype)
    numpy.testing.assert_allclose(x.grad, wanted, rtol=1e-5 if dtype == "float32" else 1e-13)


def test_places_that_do_not_fit_are_refused():
    from microlazy.base import ShapeError
    from microlazy.core import functions

    with pytest.raises(ShapeError, match="does not fit"):
        functions.placed(np.ones(3), (1,), (2,), (5,))
    with pytest.raises(ShapeError, match="axes"):
        functions.placed(np.ones(3), (1, 0), (2,), (8,))
    with pytest.raises(ValueError, match="-1"):
        np.repeat(np.ones(2), -1)
