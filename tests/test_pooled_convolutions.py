"""Convolutions in a plan whose results are pooled as they are stored."""

import numpy
import pytest

from microlazy import autograd, gluon, init, nd, test_utils
from microlazy.core import parallel
from microlazy.core.storage import empty_cache, memory_info
from microlazy.gluon import HybridBlock, nn
from tests.test_chains import bits, ops_of, planned

# Each lies side by side: images; filters, kernel and padding.
CONVOLUTIONS = {
    "lanes": ((16, 1, 28, 28), 6, 5, 2),
    "lanes, images missing": ((30, 3, 12, 10), 7, 3, 1),
    "lanes, blocks": ((80, 2, 8, 6), 5, (3, 5), (1, 2)),
    "tiles": ((16, 6, 14, 14), 16, 5, 0),
    "tiles, images missing": ((30, 8, 12, 8), 12, 5, (2, 1)),
    "tiles, blocks": ((70, 6, 8, 10), 16, 5, 0),
    "tiles, a line": ((16, 12, 6, 16), 12, 5, 0),
}


def network(name, activation="sigmoid", pool=nn.AvgPool2D, groups=1):
    _, filters, kernel, pad = CONVOLUTIONS[name]
    net = nn.HybridSequential()
    net.add(nn.Conv2D(filters, kernel, padding=pad, groups=groups, activation=activation))
    net.add(pool(2, 2))
    net.initialize(init.Normal(0.3))
    return net


def images(name, dtype="float32"):
    generator = numpy.random.default_rng(1)
    return nd.array(generator.normal(size=CONVOLUTIONS[name][0]), dtype=dtype)


def results(net, x, head):
    """The result, and all gradients after two passes, as bytes."""
    wanted = [p for p in net.collect_params().values() if p.grad_req != "null"]
    for _ in range(2):
        with autograd.record():
            y = net(x)
        y.backward(head)
    return [bits(y), *(bits(p.grad()) for p in wanted)] + ([] if x.grad is None else [bits(x.grad)])


def is_joined(net, x):
    with autograd.record():
        return any("pools as it stores" in step.fusions for step in net.plan(x).steps)


def compare(net, x):
    """Eager calls, and plans with any number of threads, give the same bits."""
    head = nd.array(numpy.random.default_rng(2).normal(size=net(x).shape), dtype=x.dtype)
    found = []
    before = parallel.get_num_threads()
    try:
        for hybridized in (False, True):
            net.hybridize(hybridized)
            for count in (1, 2, 3):
                parallel.set_num_threads(count)
                found.append(results(net, x, head))
    finally:
        parallel.set_num_threads(before)
    assert all(each == found[0] for each in found)
    assert is_joined(net, x)


@pytest.mark.parametrize("activation", [None, "relu", "sigmoid", "tanh"])
@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_the_bits_of_eager_calls(name, activation):
    net, x = network(name, activation), images(name)
    x.attach_grad()
    compare(net, x)


@pytest.mark.parametrize("name", ["lanes, images missing", "tiles, images missing"])
@pytest.mark.parametrize("frozen", ["weight", "bias", "weight and bias", "images"])
def test_what_is_not_wanted_is_left_out(name, frozen):
    net, x = network(name), images(name)
    net(x)
    for parameter in ("weight", "bias"):
        if parameter in frozen:
            getattr(net[0], parameter).grad_req = "null"
    if frozen != "images":
        x.attach_grad()
    compare(net, x)


@pytest.mark.parametrize("name", ["lanes, blocks", "tiles, blocks", "tiles"])
def test_gradients_are_added(name):
    net, x = network(name), images(name)
    net(x)
    net.collect_params().setattr("grad_req", "add")
    x.attach_grad("add")
    found = []
    for hybridized in (False, True):
        net.hybridize(hybridized)
        net.collect_params().zero_grad()
        x.grad[:] = 0
        head = nd.ones(net(x).shape)
        found.append(results(net, x, head))
    assert found[0] == found[1]


@pytest.mark.parametrize("name", ["lanes, images missing", "tiles, images missing"])
def test_doubles_groups_sums_and_no_bias(name):
    x = images(name, "float64")
    x.attach_grad()
    net = network(name)
    net.cast("float64")
    compare(net, x)
    x = nd.concat(images(name), images(name), dim=1)
    x.attach_grad()
    _, filters, kernel, pad = CONVOLUTIONS[name]
    conv = nn.Conv2D(2 * filters, kernel, padding=pad, groups=2, use_bias=False)
    net = planned(lambda x: nd.Pooling(nd.tanh(conv(x)), (2, 2), "sum", stride=(2, 2)))
    net.conv = conv
    net.initialize(init.Normal(0.3))
    compare(net, x)


def test_numbers_that_are_not_finite():
    net, x = network("tiles"), images("tiles")
    x[0, 1, 3, 3], x[3, 0, 0, 0], x[7, 5, 9, 2] = numpy.nan, numpy.inf, 1e30
    x.attach_grad()
    compare(net, x)


@pytest.mark.parametrize("name", ["lanes, images missing", "tiles, images missing"])
def test_gradients_are_those_of_differences(name):
    """In float64, where lanes compute both; float32 has the same bits as eager calls, see above."""
    net = network(name, "tanh")
    net.cast("float64")
    net.hybridize()
    x = images(name, "float64")
    x.attach_grad()
    head = nd.array(numpy.random.default_rng(2).normal(size=net(x).shape), dtype="float64")

    def loss():
        with autograd.record():
            return (net(x) * head).sum()

    loss().backward()
    assert is_joined(net, x)
    for array, grad in [(x, x.grad), *((p.data(), p.grad()) for p in (net[0].weight, net[0].bias))]:
        places = numpy.random.default_rng(3).integers(0, array.size, 5)
        slopes = grad.asnumpy().reshape(-1)[places]
        whole = array.asnumpy().reshape(-1)
        for place, slope in zip(places, slopes, strict=True):
            values = []
            for step in (1e-5, -1e-5):
                moved = whole.copy()
                moved[place] += step
                array[:] = moved.reshape(array.shape)
                values.append(loss().asscalar())
            array[:] = whole.reshape(array.shape)
            assert slope == pytest.approx((values[0] - values[1]) / 2e-5, rel=1e-5, abs=1e-8)


@pytest.mark.parametrize("name", ["lanes", "tiles"])
def test_gradients_of_gradients_take_it_apart(name):
    net, x = network(name), images(name)
    x.attach_grad()
    found = []
    for hybridized in (False, True):
        net.hybridize(hybridized)
        net(x)
        with autograd.record():
            grad = autograd.grad(net(x).sum(), x, create_graph=True)[0]
            loss = (grad**2).sum()
        loss.backward()
        found.append((grad.asnumpy(), x.grad.asnumpy(), net[0].weight.grad().asnumpy()))
    for eager, joined in zip(*found, strict=True):
        numpy.testing.assert_allclose(joined, eager, rtol=1e-4, atol=1e-5 * abs(eager).max())


def test_a_step_in_one_plan():
    """The weights move the same way in eager steps, hybridized ones and those of compile_step."""
    label = nd.array(numpy.arange(16) % 5)
    found = []
    for way in ("eager", "hybridized", "compiled"):
        net = nn.HybridSequential()
        net.add(nn.Conv2D(6, 5, padding=2, activation="sigmoid"), nn.AvgPool2D(2, 2))
        net.add(nn.Conv2D(16, 5, activation="relu"), nn.AvgPool2D(2, 2), nn.Dense(5))
        net.initialize(init.Constant(0.02))
        x = images("lanes")
        net(x)
        generator = numpy.random.default_rng(0)
        for parameter in net.collect_params().values():
            parameter.set_data(nd.array(generator.normal(0, 0.3, parameter.shape)))
        trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1})
        loss = gluon.loss.SoftmaxCrossEntropyLoss()
        if way == "hybridized":
            net.hybridize()
        if way == "compiled":
            step = gluon.compile_step(net, loss, trainer)
            for _ in range(3):
                step(x, label)
        else:
            for _ in range(3):
                with autograd.record():
                    value = loss(net(x), label)
                value.backward()
                trainer.step(16)
        found.append([bits(p.data()) for p in net.collect_params().values()])
    assert found[0] == found[1] == found[2]


def test_in_predict_mode_nothing_is_kept():
    net, x = network("tiles, blocks"), images("tiles, blocks")
    expected = bits(net(x))
    net.hybridize()
    assert bits(net(x)) == expected
    assert ops_of(net, x) == ["convolution+sigmoid+pooling"]


class Twice(HybridBlock):
    """What is between is read elsewhere, or pooled otherwise: nothing is joined."""

    def __init__(self, pool, read=None, conv=None):
        super().__init__()
        self.conv = nn.Conv2D(16, 5) if conv is None else conv
        self.pool, self.read = pool, read

    def forward(self, x):
        y = self.conv(x)
        z = nd.sigmoid(y)
        pooled = self.pool(z)
        return (pooled, z) if self.read == "z" else (pooled, y) if self.read == "y" else pooled


@pytest.mark.parametrize(
    "block",
    [
        lambda: Twice(nn.AvgPool2D(2, 2), "y"),
        lambda: Twice(nn.AvgPool2D(2, 2), "z"),
        lambda: Twice(nn.MaxPool2D(2, 2)),
        lambda: Twice(nn.AvgPool2D(2, 1)),
        lambda: Twice(nn.AvgPool2D(3, 2, 1)),
        lambda: Twice(nn.AvgPool2D(2, 2), conv=nn.Conv2D(16, 4)),  # an odd number of lines
        lambda: Twice(nn.AvgPool2D(2, 2), conv=nn.Conv2D(40, 5)),  # not side by side
        lambda: Twice(nn.AvgPool2D(2, 2), conv=nn.Conv2D(16, 5, activation="relu")),
    ],
)
def test_what_does_not_suit_is_not_joined(block):
    net, x = block(), images("tiles")
    net.initialize(init.Normal(0.3))
    x.attach_grad()
    found = []
    for hybridized in (False, True):
        net.hybridize(hybridized)
        with autograd.record():
            y = net(x)
            head = y[0].sum() + y[1].sum() if isinstance(y, tuple) else y
        head.backward()
        found.append([bits(net.conv.weight.grad()), bits(x.grad)])
    assert found[0] == found[1]
    assert not is_joined(net, x)


def test_a_plan_that_rests_gives_back_what_it_kept():
    net = network("tiles, blocks")
    net.hybridize()
    small, large = images("tiles"), nd.concat(*[images("tiles, blocks")] * 8, dim=0)

    def train(x):
        with autograd.record():
            y = net(x)
        y.backward()

    for _ in range(2):  # the large one rests while the small one runs
        train(large)
        train(small)
    empty_cache()
    resting = memory_info()["allocated"]
    train(large)
    # Results of 560 images, 16 filters, 4 by 6 places, whose pooled means take a quarter.
    assert memory_info()["allocated"] - resting > 1.25 * 4 * 560 * 16 * 4 * 6
    test_utils.assert_almost_equal(
        net(large).asnumpy()[:70], net(images("tiles, blocks")).asnumpy()
    )
