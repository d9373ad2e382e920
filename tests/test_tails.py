"""Batch norms, additions and activations that run as a convolution stores its results."""

import numpy
import pytest

from microlazy import autograd, gluon, init, nd
from microlazy.core import parallel
from microlazy.core.storage import empty_cache, memory_info
from microlazy.gluon import HybridBlock, nn
from tests.test_chains import bits, planned


def filled(block, seed=0):
    """A block with parameters, and moving statistics, that are all different."""
    generator = numpy.random.default_rng(seed)
    for parameter in block.collect_params().values():
        low, high = (0.5, 2) if "var" in parameter.name else (-1, 1)
        if parameter.state == "live":
            values = generator.uniform(low, high, parameter.shape)
            parameter.set_data(nd.array(values, dtype=parameter.dtype))
    return block


class Unit(HybridBlock):
    """A convolution, a batch norm, the sum with another array, relu: what is asked for."""

    def __init__(self, conv, norm=True, add="after", end=nd.relu):
        super().__init__()
        self.conv, self.norm = conv, nn.BatchNorm() if norm else None
        self.add, self.end = add, end

    def forward(self, x, other):
        other = nd.tanh(other)  # in memory that the result may take
        y = self.conv(x)
        y = y if self.norm is None else self.norm(y)
        if self.add == "after":
            y = y + other
        elif self.add == "before":
            y = other - y
        return self.end(y) if self.end else y


# Each takes another way to compute a convolution: see core/loops/convolution.
CONVOLUTIONS = {
    "tiles, whole images": (lambda: nn.Conv2D(40, 3, padding=1), (4, 36, 17, 18)),
    "tiles, parts of an image": (lambda: nn.Conv2D(33, 3, padding=1), (2, 32, 50, 43)),
    "tiles, many images": (lambda: nn.Conv2D(64, 3, padding=1, use_bias=False), (20, 32, 8, 8)),
    "tiles in planes": (lambda: nn.Conv3D(32, (1, 3, 3), padding=(0, 1, 1)), (2, 32, 3, 37, 30)),
    "packed, many images": (lambda: nn.Conv2D(70, 3, 2, 1), (9, 50, 9, 8)),
    "packed, no bias": (lambda: nn.Conv2D(70, 3, 2, 1, use_bias=False), (9, 50, 9, 8)),
    "packed, parts of an image": (lambda: nn.Conv2D(70, 5, 2, 1), (3, 60, 41, 41)),
    "points": (lambda: nn.Conv2D(48, 1), (3, 64, 20, 19)),
    "groups": (lambda: nn.Conv2D(64, 3, groups=2), (3, 64, 12, 12)),
    "panels": (lambda: nn.Conv2D(50, 3), (3, 20, 4, 4)),
    "panels, of an image": (lambda: nn.Conv2D(33, 5), (2, 3, 40, 37)),
    "directly": (lambda: nn.Conv2D(6, 5), (3, 2, 40, 37)),
    "directly, strided": (lambda: nn.Conv2D(8, 3, 2, 1), (3, 3, 30, 33)),
    "depthwise": (lambda: nn.Conv2D(12, 3, padding=1, groups=12), (3, 12, 15, 14)),
    "lanes": (lambda: nn.Conv2D(16, 5), (50, 6, 12, 12)),
    "one axis": (lambda: nn.Conv1D(20, 4), (5, 7, 300)),
    "three axes": (lambda: nn.Conv3D(9, 3), (3, 4, 7, 8, 9)),
    "panels, strided": (lambda: nn.Conv2D(33, 2, 3, 1), (3, 33, 12, 5)),
    "panels, many images": (lambda: nn.Conv1D(26, 1, padding=2, use_bias=False), (40, 26, 21)),
    "panels, relu before": (lambda: nn.Conv2D(40, 2, 2, activation="relu"), (3, 5, 40, 31)),
    "panels in planes": (lambda: nn.Conv3D(50, 2, groups=2, padding=1), (3, 8, 4, 9, 7)),
    "relu before": (lambda: nn.Conv2D(40, 3, activation="relu"), (4, 36, 10, 11)),
}
ENDS = {
    "norm, add, relu": {},
    "norm alone": {"add": None, "end": None},
    "add alone": {"norm": False, "end": None},
    "subtract, leaky": {"add": "before", "end": lambda y: nd.maximum(y, y * 0.1) * 2 + 1},
    "tanh": {"end": nd.tanh, "norm": False},
}


@pytest.mark.parametrize(
    ("end", "dtype"), [*((end, "float32") for end in ENDS), ("norm, add, relu", "float64")]
)
@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_the_bits_of_eager_calls(name, end, dtype):
    make, shape = CONVOLUTIONS[name]
    generator = numpy.random.default_rng(1)
    unit = Unit(make(), **ENDS[end])
    unit.initialize(init.Normal(0.1))
    unit.cast(dtype)
    x = nd.array(generator.normal(size=shape), dtype=dtype)
    sizes = unit.conv(x).shape
    other = nd.array(generator.normal(size=sizes), dtype=dtype)
    unit(x, other)
    filled(unit)
    expected = [bits(unit(part, part_of)) for part, part_of in ((x, other), (x * 2, other - 1))]
    unit.hybridize()
    steps = unit.plan(x, other).steps
    assert [step.op.split("+")[0] for step in steps] == ["tanh", "convolution"][-len(steps) :]
    assert steps[-1].fusions[0].startswith("stores ")
    for count in (1, 2):
        before = parallel.get_num_threads()
        parallel.set_num_threads(count)
        try:
            assert bits(unit(x, other)) == expected[0]
            assert bits(unit(x * 2, other - 1)) == expected[1]
        finally:
            parallel.set_num_threads(before)


def test_a_result_takes_the_memory_of_the_array_that_is_added():
    conv = nn.Conv2D(40, 3, padding=1)

    def function(x):
        added = nd.sin(x)
        return nd.tanh(nd.relu(conv(nd.exp(x)) + added).sum(axis=0))

    net = planned(function)
    net.conv = conv
    net.initialize(init.Normal(0.1))
    x = nd.array(numpy.random.default_rng(0).normal(size=(4, 40, 16, 16)))
    assert bits(net(x)) == bits(net.function(x))
    step = next(step for step in net.plan(x).steps if step.op == "convolution+add+relu")
    assert step.fusions == ("stores add+relu", "over %0")


def test_the_input_of_a_convolution_is_not_overwritten_while_it_is_read():
    conv = nn.Conv2D(40, 3, padding=1)

    def function(x):
        y = nd.exp(x)
        return nd.tanh(nd.relu(conv(y) + y).sum(axis=0))

    net = planned(function)
    net.conv = conv
    net.initialize(init.Normal(0.1))
    x = nd.array(numpy.random.default_rng(0).normal(size=(4, 40, 16, 16)))
    assert bits(net(x)) == bits(function(x))
    step = next(step for step in net.plan(x).steps if step.op == "convolution+add+relu")
    assert step.fusions == ("stores add+relu",)


def test_what_is_read_twice_or_comes_later_is_not_fused():
    first, second = nn.Conv2D(8, 3), nn.Conv2D(8, 3)

    def function(x):
        a = first(x)
        b = second(x)
        return a + 1, nd.tanh(a * b), b

    net = planned(function)
    net.first, net.second = first, second
    net.initialize(init.Normal(0.1))
    x = nd.array(numpy.random.default_rng(0).normal(size=(2, 3, 9, 9)))
    assert [bits(y) for y in net(x)] == [bits(y) for y in function(x)]
    assert not any("stores" in text for step in net.plan(x).steps for text in step.fusions)


def test_functions_that_choose_by_stretches_stay_outside():
    conv = nn.Conv2D(8, 3)
    net = planned(lambda x: nd.sin(conv(x) * 1e5))
    net.conv = conv
    net.initialize(init.Normal(0.1))
    x = nd.array(numpy.random.default_rng(0).normal(size=(2, 3, 40, 40)))
    assert bits(net(x)) == bits(net.function(x))
    assert [step.op for step in net.plan(x).steps] == ["convolution", "multiply+sin"]


def test_batch_norm_in_a_chain_of_a_dense_network():
    net = nn.HybridSequential()
    net.add(nn.Dense(30), nn.BatchNorm(), nn.Activation("tanh"), nn.Dense(3))
    net.add(nn.BatchNorm(scale=False), nn.Activation("sigmoid"))
    net.initialize(init.Normal(0.5))
    x = nd.array(numpy.random.default_rng(0).normal(size=(50, 7)))
    net(x)
    expected = bits(filled(net)(x))
    net.hybridize()
    assert bits(net(x)) == expected
    joined = ["fully_connected", "batch_norm+tanh", "fully_connected", "batch_norm+sigmoid"]
    assert [step.op for step in net.plan(x).steps] == joined


def test_new_statistics_and_parameters_are_seen():
    net = nn.HybridSequential()
    net.add(nn.Conv2D(8, 3), nn.BatchNorm(), nn.Activation("relu"), nn.Conv2D(4, 3))
    net.initialize(init.Normal(0.1))
    net.hybridize()
    generator = numpy.random.default_rng(0)
    x = nd.array(generator.normal(size=(4, 3, 12, 12)))
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1})
    for _ in range(3):
        with autograd.record():
            loss = (net(x) ** 2).mean()
        loss.backward()
        trainer.step(1)
        found = bits(net(x))
        net.hybridize(False)
        assert found == bits(net(x))
        net.hybridize()
    net[1].running_mean.data()[:] = 3
    found = bits(net(x))
    net.hybridize(False)
    assert found == bits(net(x))


def test_a_frozen_network_below_one_that_learns():
    """Fine-tuning: no gradient is wanted of the convolution, one is of what follows."""
    body, head = nn.HybridSequential(), nn.Dense(3)
    body.add(
        nn.Conv2D(40, 3, padding=1), nn.BatchNorm(use_global_stats=True), nn.Activation("relu")
    )
    net = nn.HybridSequential()
    net.add(body, head)
    net.initialize(init.Normal(0.1))
    body.collect_params().setattr("grad_req", "null")
    x = nd.array(numpy.random.default_rng(0).normal(size=(8, 3, 8, 8)))

    def gradients():
        with autograd.record():
            y = net(x)
        y.backward()
        return [bits(y), bits(head.weight.grad()), bits(head.bias.grad())]

    expected = gradients()
    net.hybridize()
    for _ in range(2):
        assert gradients() == expected
    with autograd.record():
        assert net.plan(x).steps[0].op == "convolution+batch_norm+relu"
    body.collect_params().setattr("grad_req", "write")
    net.hybridize(False)
    expected = gradients()
    net.hybridize()
    assert gradients() == expected


def test_a_residual_network_predicts_in_little_memory():
    def network():
        return gluon.model_zoo.vision.resnet18_v1(classes=10, thumbnail=True)

    def memory(hybrid):
        empty_cache()
        before = memory_info()["allocated"]
        net = network()
        net.initialize()
        net.hybridize(hybrid)
        x = nd.ones((32, 3, 32, 32))
        net(x)
        net(x)
        return memory_info()["allocated"] - before

    before = parallel.get_num_threads()
    parallel.set_num_threads(1)
    try:
        assert memory(True) <= 0.6 * memory(False)
    finally:
        parallel.set_num_threads(before)
