"""Large arrays of any layout: the same values as packed ones, the same bits on all threads.

Elementwise work, extremes and softmax give the bits of packed arrays; sums may be rounded in
another order, that of the memory.
"""

import numpy as onp
import pytest

from microlazy import autograd, np, npx
from microlazy.core.differentiation import ops_behind
from microlazy.core.parallel import set_num_threads
from microlazy.gluon import nn
from microlazy.ops.convolution import channels_second
from microlazy.util import np_array

SHAPE = (420, 350)  # more than a piece, and not a multiple of anything

LAYOUTS = {
    "transposed": lambda x: x.T,
    "every other column": lambda x: np.asarray(x.asnumpy()[:, ::2]),
    "every other column of an odd number": lambda x: np.asarray(x.asnumpy()[:, 1::2][:, :-2]),
    "every third row": lambda x: np.asarray(x.asnumpy()[::3]),
    "reversed": lambda x: np.asarray(x.asnumpy()[::-1, ::-1]),
    "columns of a wider array": lambda x: np.asarray(x.asnumpy()[:, 3:]),
    "three axes": lambda x: x.reshape(42, 10, 350).transpose(2, 0, 1),
    "three axes, the middle last": lambda x: x.reshape(42, 10, 350).transpose(0, 2, 1),
    "one long axis": lambda x: np.asarray(x.asnumpy().reshape(-1)[::3]),
    "every other number": lambda x: np.asarray(x.asnumpy().reshape(-1)[::2]),
    "broadcast row": lambda x: np.asarray(onp.broadcast_to(x.asnumpy()[0], (420, 350))),
    "broadcast column": lambda x: np.asarray(onp.broadcast_to(x.asnumpy()[:, :1], (420, 350))),
}
FEW_ROWS = {
    "of a tall array": lambda x: x.reshape(-1, 5).T,
    "three axes backwards": lambda x: x.reshape(-1, 6, 5).transpose(2, 1, 0),
    "the middle axis last": lambda x: x.reshape(7, -1, 3).transpose(0, 2, 1),
}
FUNCTIONS = {
    "exp": np.exp,
    "sqrt of squares": lambda x: np.sqrt(x * x),
    "add": lambda x: x + x,
    "power": lambda x: np.power(np.abs(x), x),
    "with a packed array": lambda x: x * x.copy(),
    "with a row": lambda x: x - x[..., :1, :] if x.ndim > 1 else x - x[:1],
    "power of a number": lambda x: np.abs(x) ** 1.7,
    "number": lambda x: 2 - x,
    "compare": lambda x: x < x.copy() * 1.5,
    "compare with a number": lambda x: (x < 0.5) * (x >= 0.2),
    "where": lambda x: np.where(x > 0, x, -x),
    "where of a number": lambda x: np.where(x > 0, x, 0.0),
    "astype": lambda x: x.astype("float64"),
    **{
        f"{name}, axis {axis}": lambda x, name=name, axis=axis: getattr(x, name)(axis=axis)
        for name in ("sum", "mean", "max", "min", "argmax", "argmin", "var", "std")
        for axis in (None, 0, -1)
    },
    "softmax": npx.softmax,
    "softmax, axis 0": lambda x: npx.softmax(x, axis=0),
    "log_softmax, axis 0": lambda x: npx.log_softmax(x, axis=0),
}


@pytest.fixture(scope="module")
def x():
    values = onp.random.default_rng(2).standard_normal(SHAPE, dtype="float32")
    return np.array(values, dtype="float32")


@pytest.fixture(params=[1, 2, 3], ids="{} threads".format)
def threads(request):
    before = set_num_threads(request.param)
    yield
    set_num_threads(before)


SUMS = ("sum", "mean", "var", "std")


def bits(result):
    return result.dtype, result.shape, result.asnumpy().tobytes()


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_layout_does_not_matter(x, layout, function):
    given = LAYOUTS[layout](x)
    assert given.strides != given.copy().strides  # not a copy already
    result, expected = FUNCTIONS[function](given), FUNCTIONS[function](given.copy())
    if function.startswith(SUMS):
        assert result.dtype == expected.dtype
        onp.testing.assert_allclose(result.asnumpy(), expected.asnumpy(), rtol=1e-6, atol=1e-5)
    else:
        assert bits(result) == bits(expected)


@pytest.mark.parametrize("layout", [*LAYOUTS, *FEW_ROWS])
def test_copies_are_numpys(x, layout):
    given = {**LAYOUTS, **FEW_ROWS}[layout](x)
    onp.testing.assert_array_equal(given.copy().asnumpy(), onp.array(given))
    whole = np.zeros(given.shape)
    whole[...] = given
    onp.testing.assert_array_equal(whole.asnumpy(), onp.array(given))


@pytest.mark.parametrize("function", [name for name in FUNCTIONS if "softmax" not in name])
def test_values_are_numpys(x, function):
    wide = x.asnumpy().astype("float64")
    numbers = {"exp": onp.exp, "sqrt of squares": onp.abs}
    numbers["power"] = lambda x: onp.abs(x) ** x
    numbers["power of a number"] = lambda x: onp.abs(x) ** 1.7
    numbers["where"] = onp.abs
    numbers["where of a number"] = lambda x: onp.maximum(x, 0)
    expected = numbers.get(function, FUNCTIONS[function])(wide)
    onp.testing.assert_allclose(FUNCTIONS[function](x).asnumpy(), expected, rtol=1e-6, atol=2e-5)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_the_number_of_threads_does_not_matter(x, threads, function):
    now = bits(FUNCTIONS[function](x.T))
    before = set_num_threads(1)
    assert now == bits(FUNCTIONS[function](x.T))
    set_num_threads(before)


GRADIENTS = {
    "max": lambda x: x.max(axis=0),
    "min of all": lambda x: x.min(),
    "var": lambda x: x.var(axis=1),
    "var of all": lambda x: x.var(ddof=1),
    "var of outer axes": lambda x: x.reshape(42, 10, 350).var(axis=(0, 2)),
    "where": lambda x: np.where(x > 0, x * 2, 3.0),
    "softmax, axis 0": lambda x: npx.softmax(x, axis=0) ** 2,
    "log_softmax, axis 0": lambda x: npx.log_softmax(x, axis=0) ** 2,
    "sum": lambda x: x.sum(axis=0) ** 2,
}


@pytest.mark.parametrize("function", GRADIENTS)
def test_gradients_along_a_direction(x, threads, function):
    wide = x.astype("float64")
    wide.attach_grad()
    with autograd.record():
        y = GRADIENTS[function](wide).sum()
    y.backward()
    direction = np.array(onp.random.default_rng(3).standard_normal(SHAPE), dtype="float64") * 1e-6
    change = GRADIENTS[function](wide + direction) - GRADIENTS[function](wide - direction)
    slope = (wide.grad * direction).sum().item()
    assert change.sum().item() / 2 == pytest.approx(slope, rel=1e-4, abs=1e-12)


def test_every_tie_of_a_maximum_has_the_gradient():
    x = np.array([[1.0, 3.0, 3.0], [2.0, 2.0, 0.0]])
    x.attach_grad("add")
    for _ in range(2):
        with autograd.record():
            y = x.max(axis=1)
        y.backward()
    onp.testing.assert_array_equal(x.grad.asnumpy(), [[0, 2, 2], [2, 2, 0]])


def test_large_ties_and_nan():
    x = np.zeros((500, 400))
    x[7, 9] = x[400, 1] = 5
    assert x.argmax().item() == 7 * 400 + 9
    assert x.T.argmax().item() == 500 + 400
    x[450, 3] = onp.nan
    assert x.argmax().item() == 450 * 400 + 3
    assert x.argmax(axis=0).asnumpy()[[1, 3, 9]].tolist() == [400, 450, 7]
    assert onp.isnan(x.max().item())


# ---- images whose memory has the channels second -----------------------------------------------


@pytest.mark.parametrize("shape", [(2, 3, 4), (2, 3, 4, 5), (2, 1, 4, 5), (1, 3, 2, 4, 5)])
@pytest.mark.parametrize("name", ["sigmoid", "relu", "exp"])
def test_functions_of_images_run_in_the_order_of_memory(name, shape):
    values = onp.random.default_rng(0).normal(size=shape).astype("float32")
    function = getattr(npx, name, None) or getattr(np, name)
    order = (0, *range(2, len(shape)), 1)
    x, packed = np.array(values), np.array(values.transpose(order))
    for a in (x, packed):
        a.attach_grad()
    heads = np.array(onp.random.default_rng(1).normal(size=packed.shape), dtype="float32")
    with autograd.record():
        moved = x.transpose(order)
        y = function(moved)
        z = y * heads + moved
        expected = function(packed) * heads + packed
    z.backward()
    expected.backward()
    assert y.shape == packed.shape
    if shape[1] > 1:
        assert y.strides == function(moved).strides == x.transpose(order).strides
    onp.testing.assert_array_equal(z, expected)
    onp.testing.assert_array_equal(x.grad.transpose(order), packed.grad)


def test_channels_go_back_without_a_step_of_the_graph():
    x = np.ones((2, 3, 4, 5))
    x.attach_grad()
    with autograd.record():
        y = np.exp(x)
        last = y.transpose(0, 2, 3, 1)
        assert channels_second(last) is y
        assert channels_second(y.transpose(0, 2, 1, 3)) is not y
        assert channels_second(last[:, :, :2]).shape == (2, 3, 4, 2)
        z = (channels_second(np.sin(last)) * channels_second(last[:, :3])[0, 0, 0, 0]).sum()
    z.backward()
    e = onp.exp(1)
    expected = onp.full(x.shape, e * e * onp.cos(e))
    expected[0, 0, 0, 0] += x.size * e * onp.sin(e)
    onp.testing.assert_allclose(x.grad, expected, rtol=1e-4)
    # The graph is gone, the array is as it was.
    onp.testing.assert_array_equal(channels_second(last), y)


def test_layers_of_images_pass_them_on_without_copies():
    conv, pool = nn.Conv2D(3, 3, layout="NHWC", in_channels=2), nn.MaxPool2D(layout="NHWC")
    with np_array(True):
        conv.initialize()
        with autograd.record():
            y = pool(npx.sigmoid(conv(np.ones((1, 8, 8, 2)))))
    ops = [op for op in ops_behind(y) if op != "view"]
    assert ops == ["convolution", "sigmoid", "pooling"] and len(ops_behind(y)) == 5


PARTS = {
    "some columns": np.s_[:, 3:301],
    "some rows": np.s_[5:411],
    "every other column": np.s_[:, ::2],
    "backwards": np.s_[::-1, 1:],
}


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int8", "float16", "int64"])
@pytest.mark.parametrize("part", PARTS)
def test_large_copies_between_layouts(part, dtype, threads):
    place = PARTS[part]
    x = onp.random.default_rng(3).integers(-99, 99, (2, *SHAPE)).astype(dtype)
    before = set_num_threads(threads)
    try:
        for shape in ((2, *SHAPE), (2 * SHAPE[0], SHAPE[1]), (SHAPE[0], 2 * SHAPE[1])):
            ours, want = np.array(x.reshape(shape), dtype=dtype), x.reshape(shape).copy()
            onp.testing.assert_array_equal(ours.copy().asnumpy(), want)
            values = (-want)[place]
            ours[place] = np.array(values, dtype=dtype)
            want[place] = values
            onp.testing.assert_array_equal(ours.asnumpy(), want)
            joined = np.concatenate([ours, ours[:, :50]], axis=1)
            onp.testing.assert_array_equal(
                joined.asnumpy(), onp.concatenate([want, want[:, :50]], axis=1)
            )
    finally:
        set_num_threads(before)
