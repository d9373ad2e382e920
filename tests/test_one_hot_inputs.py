"""Recurrent layers whose inputs have one number in each row at most: looked up, not multiplied.

What they give is compared to the bit with the product's, which is asked for by two more features:
both are 1 in one row, and their weights are 0, so they change no sum.
"""

import numpy
import pytest
from gradients import central_differences, leaf
from test_recurrent import MODES, Layer, assert_close, run

from microlazy import autograd, init, nd, np
from microlazy.core.parallel import set_num_threads
from microlazy.gluon import rnn

FEATURES = 19


def single_entries(rng, steps, batch, dtype):
    """Inputs with numbers of all kinds at one place of each row, and rows of zeros."""
    x = numpy.zeros((steps, batch, FEATURES), dtype)
    places = rng.integers(0, FEATURES, (steps, batch, 1))
    values = rng.choice([1, 1, -2.5, 0.3, 0, -0.0, 1e-30], (steps, batch, 1)).astype(dtype)
    numpy.put_along_axis(x, places, values, 2)
    x[0, 0] = -0.0
    return x


def one_hot_layer(mode, ways, states, lengths, results, size=21, dtype="float32", steps=5, batch=7):
    layer = Layer(mode, (steps, batch, FEATURES, size), ways, states, lengths, results, dtype)
    layer.values[0] = single_entries(numpy.random.default_rng(1), steps, batch, dtype)
    return layer


def with_two_entries(layer, values):
    """The same values with two more features, and the places of weights from inputs."""
    wider, weights = [], []
    for i, x in enumerate(values):
        if i == 0:
            x = numpy.pad(x, [(0, 0), (0, 0), (0, 2)])
            x[-1, -1, -2:] = 1
        elif i > layer.count and (i - 1 - layer.count) % 4 == 0:
            x = numpy.pad(x, [(0, 0), (0, 2)])
            weights.append(i)
        wider.append(x)
    return wider, weights


def gradients_of(layer, values, head=None):
    arrays = [leaf(x, "np") for x in values]
    for x in arrays:
        x.attach_grad()
    with autograd.record():
        y = layer.node(*arrays)
    y.backward(np.ones_like(y) if head is None else np.array(head))
    return [y.asnumpy(), *(x.grad.asnumpy() for x in arrays)]


def assert_looked_up(layer, head=None):
    """Outputs and gradients are those of the product, which has two more features."""
    wider, weights = with_two_entries(layer, layer.values)
    got, want = gradients_of(layer, layer.values, head), gradients_of(layer, wider, head)
    for i in weights:
        want[i + 1] = want[i + 1][:, :-2]
    numpy.testing.assert_allclose(got[1], want[1][..., :-2], 1e-4, 1e-5)  # a product either way
    for i, (x, y) in enumerate(zip(got, want, strict=True)):
        if i != 1:
            numpy.testing.assert_array_equal(x, y)
    return got


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("mode", MODES)
def test_look_ups_are_products_to_the_bit(mode, dtype):
    for ways, states, lengths, results in (
        (1, False, False, (True, False)),
        (2, True, True, (True, True)),
        (2, False, True, (False, True)),
    ):
        layer = one_hot_layer(mode, ways, states, lengths, results, dtype=dtype)
        got = assert_looked_up(layer)
        assert_close(
            run(layer.node, layer.values), run(layer.composed, layer.values),
            1e-10 if dtype == "float64" else 3e-4,
        )  # fmt: skip
        assert all(numpy.isfinite(x).all() for x in got)


@pytest.mark.parametrize("mode", ["lstm", "gru"])
@pytest.mark.parametrize("batch, size, steps", [(20, 300, 4), (40, 60, 4), (101, 20, 11)])
def test_look_ups_are_the_same_for_all_threads(mode, batch, size, steps):
    """Steps shared out by units and by sequences, and more rows than are summed at once."""
    sizes = {"size": size, "steps": steps, "batch": batch}
    layer = one_hot_layer(mode, 2, True, True, (True, True), **sizes)
    found = []
    for count in (1, 2, 3):
        before = set_num_threads(count)
        try:
            found.append(assert_looked_up(layer))
        finally:
            set_num_threads(before)
    for other in found[1:]:
        numpy.testing.assert_array_equal(other[0], found[0][0])
        for weight in (-8, -7, -4, -3):
            numpy.testing.assert_array_equal(other[weight], found[0][weight])


@pytest.mark.parametrize("mode", MODES)
def test_gradients_by_differences(mode):
    """A step to a side gives a row a second number, so these are the product's."""
    layer = one_hot_layer(mode, 2, True, True, (True, True), size=2, dtype="float64", steps=3)
    want = central_differences(layer.node, layer.values, "np")
    assert_close(run(layer.node, layer.values)[1:], want, 1e-6)


@pytest.mark.parametrize("mode", ["rnn_tanh", "lstm", "gru"])
@pytest.mark.parametrize("number", [numpy.inf, -numpy.inf, numpy.nan])
def test_what_is_not_finite(mode, number):
    """Zeros count: times an infinite weight or gradient they are nan."""
    layer = one_hot_layer(mode, 1, False, False, (True, False))
    plain = layer.values
    for i, place in ((0, (2, 3, 4)), (1, (3, 5)), (1, (0, 0)), (2, (0, 1))):
        layer.values = [x.copy() for x in plain]
        if i == 0:
            layer.values[0][place[:2]] = 0
        layer.values[i][place] = number
        assert_looked_up(layer)
    layer.values = plain
    for place in ((4, 3, 2), (2, 6, 20), (0, 0, 0)):
        head = numpy.ones((5, 7, 21), "float32")
        head[place] = number
        weight = assert_looked_up(layer, head.ravel())[2]
        assert numpy.isnan(weight).any()
    assert numpy.isfinite(weight).any()  # what goes back from the first step is one unit's


def test_a_row_with_two_numbers_is_a_product():
    layer = one_hot_layer("lstm", 1, True, False, (True, True), dtype="float64")
    for row in ((0, 0), (4, 6), (2, 3)):
        layer.values[0][row] = 0
        layer.values[0][row][2:4] = 0.5, -3
        assert_close(run(layer.node, layer.values), run(layer.composed, layer.values), 1e-10)


def test_many_characters():
    """Weights that would be multiplied for all steps at once."""
    layer = Layer("lstm", (3, 9, 20, 40), 2, True, False, (True, True), "float32")
    layer.values[0] = numpy.eye(20, dtype="float32")[numpy.arange(27).reshape(3, 9) % 20]
    want = layer.node(*map(np.array, layer.values)).asnumpy()
    padded = [
        numpy.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, 15_000)]) if x.shape[-1] == 20 else x
        for x in layer.values
    ]
    numpy.testing.assert_array_equal(layer.node(*map(np.array, padded)).asnumpy(), want)


@pytest.mark.parametrize("kind", [rnn.RNN, rnn.LSTM, rnn.GRU])
def test_plans_whose_inputs_change(kind):
    """A plan looks at the values in each run, and agrees with eager calls."""
    rng = numpy.random.default_rng(2)
    hot = single_entries(rng, 4, 6, "float32")
    dense = rng.normal(size=hot.shape).astype("float32")
    layer = kind(18, num_layers=2, bidirectional=True)
    layer.initialize(init.Normal(0.3))
    found = []
    for hybrid in (False, True):
        layer.hybridize(hybrid)
        for values in (hot, dense, hot[::-1].copy(), dense * 2, hot):
            with autograd.record():
                y = layer(nd.array(values))
            y.backward()
            found.append(
                [y.asnumpy(), *(p.grad().asnumpy() for p in layer.collect_params().values())]
            )
    for eager, planned in zip(found[:5], found[5:], strict=True):
        for x, y in zip(eager, planned, strict=True):
            numpy.testing.assert_array_equal(x, y)
    numpy.testing.assert_array_equal(found[0][0], found[4][0])
    assert abs(found[0][0] - found[2][0]).max() > 0.01
