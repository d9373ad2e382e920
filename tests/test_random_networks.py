"""Random networks of residual blocks with writes in place: eager, hybridized and by compile_step.

Convolutions of all ways to compute them, batch norms, sums, activations, masks and assignments are
put together at random. Training and prediction have to give the same bits in all three ways.

    pytest tests/test_random_networks.py                 # some networks
    pytest tests/test_random_networks.py -m exhaustive   # many
"""

import random
import warnings

import numpy
import pytest

from microlazy import autograd, gluon, init, nd
from microlazy.base import MXNetError
from microlazy.gluon import HybridBlock, nn
from tests.test_chains import bits

SEEDS = range(24)
MANY = range(1000, 1400)

ENDS = {
    "relu": nd.relu,
    "tanh": nd.tanh,
    "sigmoid": nd.sigmoid,
    "sin": nd.sin,
    "leaky": lambda y: nd.maximum(y, 0.1 * y),
    "clipped": lambda y: nd.minimum(nd.relu(y + 1), 2),
    "none": lambda y: y,
}


def fill_a_row(chance, y, other):
    y[:, chance % y.shape[1]] = 0.5
    return y


def write_a_part(chance, y, other):
    y[:, :, chance % y.shape[2] :] = other[:, :, chance % y.shape[2] :] * 2
    return y


def add_to_a_part(chance, y, other):
    y[chance % y.shape[0]] += other[0]
    return y


def put_zero_where(chance, y, other):
    y[(other > 0.3).astype("bool")] = 0
    return y


def add_in_place(chance, y, other):
    y += other
    y *= 0.5
    return y


def choose(chance, y, other):
    return nd.where(other > 0, y, other)


def multiply_by_mask(chance, y, other):
    return y * (other > -0.5)


WRITES = (fill_a_row, write_a_part, add_to_a_part, put_zero_where, add_in_place)
CHANGES = (*WRITES, choose, multiply_by_mask)


class Unit(HybridBlock):
    """A convolution and what follows it, in an order that chance chose."""

    def __init__(self, chance, channels):
        super().__init__()
        kernel = chance.choice([1, 3, 5])
        groups = chance.choice([1, 1, 1, channels])
        self.conv = nn.Conv2D(
            *(channels, kernel), padding=kernel // 2, groups=groups, use_bias=chance.random() < 0.5
        )
        self.norm = nn.BatchNorm(scale=chance.random() < 0.7) if chance.random() < 0.7 else None
        if self.norm is not None and chance.random() < 0.2:
            self.norm.use_global_stats = True
        self.end = ENDS[chance.choice(list(ENDS))]
        self.change = chance.choice(CHANGES) if chance.random() < 0.5 else None
        self.number = chance.randrange(8)
        self.shortcut_first = chance.random() < 0.5
        self.residual = chance.choice(["none", "before", "after"])

    def forward(self, x):
        other = nd.tanh(x) if self.shortcut_first else x
        y = self.conv(x)
        if self.norm is not None:
            y = self.norm(y)
        if self.change is not None:
            y = self.change(self.number, y, other)
        if self.residual == "before":
            y = y + other
        y = self.end(y)
        return other - y if self.residual == "after" else y


def network(seed):
    chance = random.Random(seed)
    channels = chance.choice([2, 6, 32])
    net = nn.HybridSequential()
    net.add(nn.Conv2D(channels, 3, strides=chance.choice([1, 2])))
    net.add(*[Unit(chance, channels) for _ in range(chance.randint(1, 4))])
    net.add(nn.GlobalAvgPool2D(), nn.Dense(3))
    net.initialize(init.Constant(0.1))
    size, batch = chance.choice([5, 12, 19]), chance.choice([2, 9])
    generator = numpy.random.default_rng(seed)
    x = nd.array(generator.normal(size=(batch, 3, size, size)))
    net(x)
    for parameter in net.collect_params().values():
        if parameter.name.endswith("weight"):
            parameter.set_data(nd.array(generator.normal(size=parameter.shape) * 0.2))
    return net, x, nd.array(generator.normal(size=(batch, 3)))


def train_by_hand(net, x, y, trainer, loss):
    for _ in range(3):
        with autograd.record():
            value = loss(net(x), y)
        value.backward()
        trainer.step(x.shape[0])
    return value


def train_compiled(net, x, y, trainer, loss):
    step = gluon.compile_step(net, loss, trainer)
    for _ in range(3):
        value = step(x, y)
    return value


def outcome(seed, way):
    """What is predicted before and after some steps, the last loss, and all parameters."""
    net, x, y = network(seed)
    loss = gluon.loss.L2Loss()
    if way != "eager":
        net.hybridize()
        loss.hybridize()
    found = [net(x), net(x * 0.5)]
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.05, "momentum": 0.9})
    train = train_compiled if way == "compile_step" else train_by_hand
    found.append(train(net, x, y, trainer, loss))
    found += [net(x), *[p.data() for p in net.collect_params().values()]]
    return [bits(a) for a in found]


def check(seed):
    """Compare the three ways; an error of eager calls has to be that of the others.

    Such are a value that a gradient needs and that was changed, or a loss without all parameters.
    """
    try:
        expected = outcome(seed, "eager")
    except (MXNetError, UserWarning) as error:
        for way in ("hybridized", "compile_step"):
            with warnings.catch_warnings(), pytest.raises(type(error)):
                warnings.simplefilter("ignore")
                outcome(seed, way)
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # nothing falls back
        assert outcome(seed, "hybridized") == expected
        assert outcome(seed, "compile_step") == expected
    return True


@pytest.mark.parametrize("seed", SEEDS)
def test_a_random_network(seed):
    check(seed)


def test_most_of_them_train():
    assert sum(check(seed) for seed in range(100, 108)) >= 4


@pytest.mark.exhaustive
@pytest.mark.parametrize("first", MANY[::50])
def test_many_random_networks(first):
    for seed in range(first, first + 50):
        check(seed)
