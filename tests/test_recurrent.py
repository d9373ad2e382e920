"""Recurrent layers and cells by one node: against their composition, differences and plans."""

import itertools

import numpy
import pytest
from gradients import central_differences, gradients, leaf

from microlazy import autograd, nd, np
from microlazy.core.differentiation import ops_behind
from microlazy.core.ops.recurrent import recurrent_layer
from microlazy.core.parallel import set_num_threads
from microlazy.gluon import rnn
from microlazy.ops.recurrent import layer_composed

MODES = {"rnn_relu": 1, "rnn_tanh": 1, "lstm": 4, "gru": 3}
SIZES = [(1, 1, 1, 1), (3, 2, 4, 5), (5, 7, 3, 6), (4, 33, 3, 70)]  # steps, batch, features, size
TOLERANCE = {"float64": 1e-10, "float32": 3e-4}
RESULTS = ((True, False), (True, True), (False, True))  # outputs, states


class Layer:
    """A layer with everything that it is given, by the node and composed, as one row of numbers."""

    def __init__(self, mode, sizes, ways, states, lengths, results, dtype="float64"):
        rng = numpy.random.default_rng(3)
        steps, batch, features, size = sizes
        self.mode, self.ways, self.results = mode, ways, results
        self.count = (2 if mode == "lstm" else 1) if states else 0
        rows = MODES[mode] * size
        values = [rng.normal(size=(steps, batch, features))]
        values += [rng.normal(size=(ways, batch, size)) for _ in range(self.count)]
        for _ in range(ways):
            values += [rng.normal(0, 0.5, (rows, features)), rng.normal(0, 0.5, (rows, size))]
            values += [rng.normal(size=rows), rng.normal(size=rows)]
        self.values = [v.astype(dtype) for v in values]
        self.lengths = np.array(rng.integers(0, steps + 1, batch)) if lengths else None

    def parts(self, arrays):
        x, *rest = arrays
        states = list(rest[: self.count]) or [None] * (2 if self.mode == "lstm" else 1)
        return x, states, list(rest[self.count :])

    def node(self, *arrays):
        x, states, weights = self.parts(arrays)
        found = recurrent_layer(self.mode, x, states, self.lengths, weights, *self.results)
        return np.concatenate([part.reshape(-1) for part in found])

    def composed(self, *arrays):
        x, states, weights = self.parts(arrays)
        state, cell = [*states, None][:2]
        rest = weights if self.lengths is None else [*weights, self.lengths]
        options = (self.mode, self.ways, *self.results, self.lengths is not None)
        return layer_composed(x, state, cell, *rest, *options).reshape(-1)


def run(function, values):
    results, slopes = gradients(function, [leaf(x, "np") for x in values])
    return results + slopes


def assert_close(got, want, tolerance):
    for x, y in zip(got, want, strict=True):
        numpy.testing.assert_allclose(x, y, tolerance, tolerance * max(1, abs(y).max()))


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("sizes", SIZES)
def test_a_layer_is_its_composition(mode, sizes, dtype):
    for ways, states, lengths, results in itertools.product(
        (1, 2), (False, True), (False, True), RESULTS
    ):
        layer = Layer(mode, sizes, ways, states, lengths, results, dtype)
        got, want = run(layer.node, layer.values), run(layer.composed, layer.values)
        assert_close(got, want, TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("mode", ["rnn_tanh", "lstm", "gru"])
@pytest.mark.parametrize("features, size", [(17, 20), (3, 20), (17, 5)])
def test_weights_of_many_rows(mode, features, size, dtype):
    """More rows than are summed at once, and weights that are too narrow for packed products."""
    layer = Layer(mode, (9, 131, features, size), 2, True, False, (True, True), dtype)
    got, want = run(layer.node, layer.values), run(layer.composed, layer.values)
    assert_close(got, want, TOLERANCE[dtype])


@pytest.mark.parametrize("mode", ["rnn_tanh", "lstm", "gru"])
@pytest.mark.parametrize("batch, size", [(20, 300), (40, 60)])
def test_steps_are_shared_out(mode, batch, size):
    """By units or by sequences, and on the way back among other threads than on the way there."""
    layer = Layer(mode, (4, batch, 5, size), 1, True, True, (True, True), "float32")
    found = []
    for there, back in ((1, 1), (2, 2), (3, 1), (1, 3)):
        arrays = [leaf(x, "np") for x in layer.values]
        for x in arrays:
            x.attach_grad()
        before = set_num_threads(there)
        try:
            with autograd.record():
                y = layer.node(*arrays)
            set_num_threads(back)
            y.backward(y)
        finally:
            set_num_threads(before)
        found.append([y.asnumpy(), *(x.grad.asnumpy() for x in arrays)])
    for other in found[1:]:
        numpy.testing.assert_array_equal(other[0], found[0][0])
        assert_close(other, found[0], 1e-5)
    assert_close(found[0][:1], run(layer.composed, layer.values)[:1], 1e-5)


@pytest.mark.parametrize("mode", ["lstm", "gru"])
@pytest.mark.parametrize("size, wide", [(40, 28_000), (200, 5_600)])  # by sequences, by units
def test_weights_beyond_the_caches(mode, size, wide):
    """Inputs of all steps are multiplied at once; features that are all zero change no bit."""
    layer = Layer(mode, (3, 9, 20, size), 2, True, True, (True, True), "float32")
    narrow = layer.values
    assert narrow[-4].nbytes + narrow[-3].nbytes < 12 << 20 < MODES[mode] * size * wide * 4
    want = layer.node(*map(np.array, narrow)).asnumpy()
    padded = [
        numpy.pad(x, [(0, 0)] * (x.ndim - 1) + [(0, wide - 20)]) if x.shape[-1] == 20 else x
        for x in narrow
    ]
    for count in (1, 2, 3):
        before = set_num_threads(count)
        try:
            got = layer.node(*map(np.array, padded)).asnumpy()
        finally:
            set_num_threads(before)
        numpy.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("wanted", [1, 2])
def test_one_weight_alone_gets_its_gradient(wanted):
    layer = Layer("lstm", (4, 6, 18, 17), 1, False, False, (True, False))
    everything = run(layer.node, layer.values)[1:]
    arrays = [np.array(value) for value in layer.values]

    def of_one(weight):
        return layer.node(*arrays[:wanted], weight, *arrays[wanted + 1 :])

    _, (alone,) = gradients(of_one, [leaf(layer.values[wanted], "np")])
    numpy.testing.assert_array_equal(alone, everything[wanted])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("ways, states, lengths", [(1, True, False), (2, True, True), (1, 0, 0)])
def test_gradients_of_a_layer(mode, ways, states, lengths):
    layer = Layer(mode, (3, 2, 2, 3), ways, states, lengths, (True, True))
    want = central_differences(layer.node, layer.values, "np")
    assert_close(run(layer.node, layer.values)[1:], want, 1e-6)
    found = []
    for function in (layer.node, layer.composed):
        arrays = [leaf(x, "np") for x in layer.values]
        for x in arrays:
            x.attach_grad()
        with autograd.record():
            first = autograd.grad(function(*arrays) ** 2, arrays, create_graph=True)
            total = sum((g**2).sum() for g in first)
        total.backward()
        found.append([x.grad.asnumpy() for x in arrays])
    assert_close(*found, 1e-8)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("batch", [1, 3, 40])
def test_a_single_step(mode, batch):
    layer = Layer(mode, (1, batch, 4, 30), 1, True, False, (False, True))
    flat = [v[0] if v.ndim == 3 else v for v in layer.values]
    assert_close(
        [x.ravel() for x in run(layer.node, flat)],
        [x.ravel() for x in run(layer.composed, flat)],
        1e-10,
    )


LAYERS = {
    "lstm": lambda: rnn.LSTM(70, num_layers=2, dropout=0.5),
    "gru": lambda: rnn.GRU(70, bidirectional=True, layout="NTC"),
    "rnn": lambda: rnn.RNN(70, bidirectional=True, num_layers=2),
    "lengths": lambda: rnn.LSTM(70, bidirectional=True, use_sequence_length=True),
}


@pytest.mark.parametrize("name", LAYERS)
def test_plans_and_threads(name):
    import microlazy as mx

    rng = numpy.random.default_rng(0)
    x = nd.array(rng.normal(size=(5, 5, 6)), dtype="float32")
    lengths = nd.array([1, 5, 3, 2, 4]) if name == "lengths" else None
    results = []
    for hybrid, count in itertools.product((False, True), (1, 2, 3)):
        mx.random.seed(2)
        layer = LAYERS[name]()
        layer.initialize(mx.init.Normal(0.3))
        if hybrid:
            layer.hybridize()
        before = set_num_threads(count)
        try:
            for part in (x, x * 2, x):
                part.attach_grad()
                with autograd.record():
                    states = layer.begin_state(5)
                    y, last = layer(part, states, lengths)
                    mx.random.seed(3)
                    y = layer(part, sequence_length=lengths)
                y.backward(y)
        finally:
            set_num_threads(before)
        results.append([y.asnumpy(), last[0].asnumpy(), part.grad.asnumpy()])
        results[-1] += [p.grad().asnumpy() for p in layer.collect_params().values()]
    for got in results[1:]:
        for a, b in zip(got, results[0], strict=True):
            numpy.testing.assert_allclose(a, b, 1e-5, 1e-5)  # products are cut by the threads


@pytest.mark.parametrize("kind", [rnn.RNN, rnn.LSTM, rnn.GRU])
def test_one_node_for_a_layer(kind):
    layer = kind(4, num_layers=3, bidirectional=True)
    layer.initialize()
    with autograd.record():
        y = layer(nd.ones((5, 2, 3)))
    assert len(ops_behind(y)) == 3


@pytest.mark.parametrize("kind", [rnn.RNNCell, rnn.LSTMCell, rnn.GRUCell])
def test_cells_are_layers(kind):
    """A cell unrolled over a sequence gives what the layer gives with its weights."""
    cell = kind(6, input_size=4)
    layer = {rnn.RNNCell: rnn.RNN, rnn.LSTMCell: rnn.LSTM, rnn.GRUCell: rnn.GRU}[kind](
        6, input_size=4, **({"activation": "tanh"} if kind is rnn.RNNCell else {})
    )
    cell.initialize()
    layer.initialize()
    for name in ("i2h_weight", "h2h_weight", "i2h_bias", "h2h_bias"):
        value = nd.random.normal(shape=getattr(cell, name).shape)
        getattr(cell, name).set_data(value)
        getattr(layer, f"l0_{name}").set_data(value)
    x = nd.random.normal(shape=(5, 3, 4))
    found = []
    for run_all in (layer, lambda x: cell.unroll(5, x, layout="TNC", merge_outputs=True)[0]):
        x.attach_grad()
        with autograd.record():
            y = run_all(x)
        y.backward(y)
        found.append([y.asnumpy(), x.grad.asnumpy()])
    found[0].append(layer.l0_h2h_weight.grad().asnumpy())
    found[1].append(cell.h2h_weight.grad().asnumpy())
    assert_close(*found, 1e-5)
    with autograd.record():
        output, states = cell(nd.ones((3, 4)), cell.begin_state(3))
    assert len(ops_behind(output)) == (2 if kind is rnn.LSTMCell else 1)


def test_what_the_node_does_not_take_is_composed_or_refused():
    x = nd.ones((3, 2, 4))
    layer = rnn.LSTM(5, state_clip_min=-0.1, state_clip_max=0.1)
    layer.initialize()
    with autograd.record():
        y = layer(x)
    assert "lstm" not in ops_behind(y)
    half = rnn.GRU(5)
    half.initialize()
    half.cast("float16")
    assert half(x.astype("float16")).dtype == numpy.float16
    assert rnn.GRU(5).state_info(0)[0]["shape"] == (1, 0, 5)
    empty = rnn.GRU(5)
    empty.initialize()
    assert empty(nd.ones((3, 0, 4))).shape == (3, 0, 5)
    with pytest.raises(Exception, match="Expecting"):
        layer(x, [nd.ones((1, 3, 5))] * 2)
