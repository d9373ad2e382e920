"""Normalization by compiled nodes: against its composition, central differences and plans."""

import itertools

import numpy
import pytest
from gradients import central_differences, gradients, leaf

from microlazy import autograd, nd, np, npx
from microlazy.core.differentiation import ops_behind
from microlazy.core.ops import normalization as nodes
from microlazy.core.parallel import set_num_threads
from microlazy.gluon import nn
from microlazy.ops import normalization as composed

SHAPES = [
    ((3, 4), 1),
    ((3, 4), 0),
    ((1, 3, 5, 7), -1),
    ((2, 3, 5, 7), 1),
    ((1, 1, 3), 1),
    ((64, 17, 3, 3), 1),
    ((700, 37), 1),
    ((7, 1100), 1),
    ((3, 2, 1100), 1),
]
TOLERANCE = {"float64": 1e-11, "float32": 3e-4}


@pytest.fixture
def rng():
    return numpy.random.default_rng(5)


def run(function, values):
    """The result and all gradients of a function of np's arrays."""
    results, slopes = gradients(function, [leaf(x, "np") for x in values])
    return results + slopes


def slopes_of_slopes(function, values):
    """Gradients of the sum of all gradients' cubes."""
    arrays = [leaf(x, "np") for x in values]
    for x in arrays:
        x.attach_grad()
    with autograd.record():
        first = autograd.grad(function(*arrays) ** 2, arrays, create_graph=True)
        total = sum((g**3).sum() for g in first)
    total.backward()
    return [x.grad.asnumpy() for x in arrays]


def assert_close(got, want, tolerance):
    for x, y in zip(got, want, strict=True):
        numpy.testing.assert_allclose(x, y, tolerance, tolerance * max(1, abs(y).max()))


class Batch:
    """Batch norm of a kind, by the node and composed, with moving statistics of its own."""

    def __init__(
        self,
        rng,
        shape,
        axis,
        dtype,
        training,
        fix_gamma=False,
        use_global=False,
        relu=False,
    ):
        self.axis, self.fix_gamma, self.use_global, self.relu = axis, fix_gamma, use_global, relu
        self.training = training
        channels = (shape[axis],)
        self.values = [
            rng.normal(5, 2, shape).astype(dtype),
            rng.normal(1, 1, channels).astype(dtype),
            rng.normal(0, 1, channels).astype(dtype),
        ]
        self.moving = [
            rng.normal(5, 1, channels).astype(dtype),
            rng.uniform(1, 4, channels).astype(dtype),
        ]
        self.reset()

    def reset(self):
        self.arrays = [np.array(x, dtype=x.dtype) for x in self.moving]

    def mode(self):
        return autograd.train_mode() if self.training else autograd.predict_mode()

    def node(self, x, gamma, beta):
        options = (self.axis, 1e-3, 0.8, self.fix_gamma, self.use_global, self.relu)
        with self.mode():
            y = nodes.batch_norm(x, gamma, beta, *self.arrays, *options)
        assert y is not None
        return y

    def composed(self, x, gamma, beta):
        options = (1e-3, 0.8, self.fix_gamma, self.use_global, False, self.axis % x.ndim)
        with self.mode():
            y = composed._batch_norm_composed(x, gamma, beta, *self.arrays, *options)
        return npx.relu(y) if self.relu else y


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("shape, axis", SHAPES)
def test_batch_norm_is_its_composition(rng, shape, axis, dtype):
    for options in itertools.product((True, False), repeat=4):
        batch = Batch(rng, shape, axis, dtype, *options)
        got = run(batch.node, batch.values)
        moved = [x.asnumpy() for x in batch.arrays]
        batch.reset()
        want = run(batch.composed, batch.values)
        if batch.fix_gamma:  # gamma has no gradient, and keeps what it had
            got.pop(2), want.pop(2)
        assert_close(got, want, TOLERANCE[dtype])
        assert_close(moved, [x.asnumpy() for x in batch.arrays], TOLERANCE[dtype])


@pytest.mark.parametrize("relu", [True, False])
@pytest.mark.parametrize("training", [True, False])
def test_second_gradients_of_batch_norm(rng, training, relu):
    batch = Batch(rng, (3, 4, 5), 1, "float64", training, relu=relu)
    got = slopes_of_slopes(batch.node, batch.values)
    batch.reset()
    assert_close(got, slopes_of_slopes(batch.composed, batch.values), 1e-9)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shape, axis", [((4, 3), 1), ((2, 3, 5), 1), ((2, 2, 3), -1)])
def test_batch_norm_against_central_differences(rng, shape, axis, training):
    batch = Batch(rng, shape, axis, "float64", training)
    got = run(batch.node, batch.values)[1:]
    batch.reset()
    assert_close(got, central_differences(batch.node, batch.values, "np"), 1e-6)


def layer_cases(rng, dtype):
    for shape in [(3, 4), (5,), (2, 3, 4), (1, 1), (300, 64), (4, 70000), (33, 1025)]:
        yield (
            lambda x, g, b: nodes.layer_norm(x, g, b, -1, 1e-5),
            lambda x, g, b: composed.rows_composed(x, g, b, 0, 1e-5),
            [
                rng.normal(5, 2, shape).astype(dtype),
                *rng.normal(1, 1, (2, shape[-1])).astype(dtype),
            ],
        )


def group_cases(rng, dtype):
    shapes = [((2, 4), 2), ((2, 4, 3), 2), ((1, 6, 5, 5), 6), ((3, 6, 5, 5), 1)]
    for shape, groups in [*shapes, ((16, 32, 17, 17), 8), ((2, 4, 120, 120), 2)]:
        for size in {groups, shape[1]}:
            yield (
                lambda x, g, b, n=groups: nodes.group_norm(x, g, b, n, 1e-5),
                lambda x, g, b, n=groups: composed.rows_composed(x, g, b, n, 1e-5),
                [rng.normal(5, 2, shape).astype(dtype), *rng.normal(1, 1, (2, size)).astype(dtype)],
            )


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("cases", [layer_cases, group_cases])
def test_rows_are_their_composition(rng, cases, dtype):
    for node, composition, values in cases(rng, dtype):
        assert_close(run(node, values), run(composition, values), TOLERANCE[dtype])


@pytest.mark.parametrize("cases", [layer_cases, group_cases])
def test_gradients_of_rows(rng, cases):
    for node, composition, values in itertools.islice(cases(rng, "float64"), 3):
        assert_close(run(node, values)[1:], central_differences(node, values, "np"), 1e-6)
        got = slopes_of_slopes(node, values)
        assert_close(got, slopes_of_slopes(composition, values), 1e-9)


LAYERS = {
    "batch": lambda: nn.BatchNorm(),
    "batch, last axis": lambda: nn.BatchNorm(axis=-1),
    "batch, relu": lambda: nn.BatchNormReLU(),
    "batch, global": lambda: nn.BatchNorm(use_global_stats=True),
    "layer": lambda: nn.LayerNorm(),
    "group": lambda: nn.GroupNorm(2),
    "instance": lambda: nn.InstanceNorm(),
}


@pytest.mark.parametrize("name", LAYERS)
def test_plans_threads_and_batches(rng, name):
    x = nd.array(rng.normal(3, 2, (9, 4, 90, 61)), dtype="float32")
    results = []
    for hybrid, count in itertools.product((False, True), (1, 2, 3)):
        layer = LAYERS[name]()
        layer.initialize()
        if hybrid:
            layer.hybridize()
        before = set_num_threads(count)
        try:
            for part in (x, x[:1], x[:0], x):  # plans of each kind, and one that is used again
                part = part.copy()
                part.attach_grad()
                with autograd.record():
                    y = layer(part)
                assert y.shape == part.shape
                if not part.size:
                    continue
                y.backward(part)
            predicted = layer(x)
        finally:
            set_num_threads(before)
        parameters = layer.collect_params().values()
        grads = [p.grad().asnumpy() for p in parameters if p.grad_req != "null"]
        if "batch" not in name:
            results.append([predicted.asnumpy()])
            results[-1] += [y.asnumpy(), part.grad.asnumpy(), *grads]
        else:
            results.append([y.asnumpy(), part.grad.asnumpy(), *grads])
    for got in results[1:]:
        for a, b in zip(got, results[0], strict=True):
            numpy.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("hybrid", [False, True])
def test_one_node_for_each(hybrid):
    for name, make in LAYERS.items():
        layer = make()
        layer.initialize()
        if hybrid:
            layer.hybridize()
        x = nd.ones((2, 4, 3, 3))
        x.attach_grad()
        layer(x)  # finds its sizes
        with autograd.record():
            y = layer(x)
        assert len(ops_behind(y)) == (2 if hybrid else 1), name


def test_means_far_from_zero():
    generator = numpy.random.default_rng(0)
    x = (1e4 + generator.normal(0, 1, (8, 3, 30, 30))).astype("float32")
    exact = x.astype("float64")
    right = exact - exact.mean((0, 2, 3), keepdims=True)
    right /= exact.std((0, 2, 3), keepdims=True)
    layer = nn.BatchNorm(epsilon=0)
    layer.initialize()
    with autograd.train_mode():
        y = layer(nd.array(x)).asnumpy()
        last = nn.BatchNorm(axis=-1, epsilon=0)
        last.initialize()
        z = last(nd.array(x.transpose(0, 2, 3, 1))).asnumpy()
    numpy.testing.assert_allclose(y, right, atol=2e-3)
    numpy.testing.assert_allclose(z, right.transpose(0, 2, 3, 1), atol=2e-3)
    one, zero = np.ones(900), np.zeros(900)
    rows = exact.reshape(24, 900)
    right = (rows - rows.mean(1, keepdims=True)) / rows.std(1, keepdims=True)
    y = npx.layer_norm(np.array(rows), one, zero, eps=0).asnumpy()
    numpy.testing.assert_allclose(y, right, atol=2e-3)


def test_views_and_mixtures_are_taken(rng):
    x = rng.normal(size=(4, 5, 3)).astype("float32")
    turned = np.array(x).transpose(0, 2, 1)
    layer = nn.BatchNorm()
    npx.set_np()
    try:
        layer.initialize()
        with autograd.train_mode():
            got = layer(turned).asnumpy()
            plain = layer(np.array(x.transpose(0, 2, 1))).asnumpy()
        wide = npx.layer_norm(np.array(x, dtype="float64"), np.ones(3), np.zeros(3))
    finally:
        npx.reset_np()
    numpy.testing.assert_array_equal(got, plain)
    assert wide.dtype == numpy.float64


def test_a_read_only_running_mean_is_refused():
    kept = numpy.zeros(3, "float32")
    kept.flags.writeable = False
    mean = nd.from_numpy(kept, zero_copy=True)
    one = nd.ones((3,))
    with autograd.record(), pytest.raises(ValueError, match="read-only"):
        nd.BatchNorm(nd.ones((2, 3)), one, one, mean, one)
    assert (kept == 0).all()


def test_layer_norm_that_no_cache_holds(rng):
    """It is written past the caches, by any number of threads, and is what its halves are."""
    x, head = rng.normal(size=(2, 2100, 1024))
    gamma, beta = rng.normal(size=(2, 1024))

    def layer_norm(rows):
        arrays = [leaf(value, "np") for value in (x[rows], gamma, beta)]
        for a in arrays:
            a.attach_grad()
        with autograd.record():
            y = nodes.layer_norm(*arrays, -1, 1e-5)
        y.backward(np.array(head[rows], dtype="float64"))
        return [y.asnumpy(), *(a.grad.asnumpy() for a in arrays)]

    before = set_num_threads(1)
    try:
        one = layer_norm(slice(None))
        set_num_threads(2)
        two = layer_norm(slice(None))
    finally:
        set_num_threads(before)
    first, second = layer_norm(slice(1050)), layer_norm(slice(1050, None))
    for got, want in zip(two, one, strict=True):
        numpy.testing.assert_array_equal(got, want)
    for k in range(2):
        numpy.testing.assert_allclose(one[k], numpy.vstack([first[k], second[k]]), 1e-12, 1e-12)
    for k in range(2, 4):
        assert_close([one[k]], [first[k] + second[k]], 1e-12)
