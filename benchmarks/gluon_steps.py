"""The workloads in microlazy, that is in Gluon."""

from collections.abc import Callable

import microlazy as mx
from benchmarks.workloads import CHAIN, INIT_SIZES, LARGE, MLPS, SMALL, Mlp, Step
from microlazy import autograd, gluon, nd
from microlazy.gluon import nn


def perceptron(sizes: tuple[int, ...]) -> nn.HybridSequential:
    """Return a network with the given sizes, its input size left to be found."""
    net = nn.HybridSequential()
    net.add(*(nn.Dense(units, activation="relu") for units in sizes[1:-1]), nn.Dense(sizes[-1]))
    return net


def train(mlp: Mlp, hybrid: bool = False) -> Step:
    """Return one training step: forward, loss, backward, update."""
    net = perceptron(mlp.sizes)
    net.initialize(mx.init.Normal(0.01))
    loss_of = gluon.loss.SoftmaxCrossEntropyLoss()
    if hybrid:
        net.hybridize(static_alloc=True, static_shape=True)
        loss_of.hybridize(static_alloc=True, static_shape=True)
    x, y = (nd.array(part, dtype="float32") for part in mlp.data())
    settings = {"learning_rate": mlp.learning_rate}
    if mlp.momentum:
        settings["momentum"] = mlp.momentum
    trainer = gluon.Trainer(net.collect_params(), "sgd", settings)

    def step():
        with autograd.record():
            loss = loss_of(net(x), y)
        loss.backward()
        trainer.step(mlp.batch)

    return step


def op_nograd() -> Step:
    a, b = nd.random.normal(shape=(SMALL,)), nd.random.normal(shape=(SMALL,))

    def step():
        for _ in range(CHAIN):
            a + b

    return step


def op_grad() -> Step:
    a, b = nd.random.normal(shape=(SMALL,)), nd.random.normal(shape=(SMALL,))
    a.attach_grad()

    def step():
        with autograd.record():
            product = a
            for _ in range(CHAIN):
                product = product * b
        product.backward()

    return step


def elementwise() -> Step:
    x, y = nd.random.normal(shape=(LARGE,)), nd.random.normal(shape=(LARGE,))
    x.attach_grad()
    y.attach_grad()

    def step():
        with autograd.record():
            total = nd.tanh(x * y + nd.exp(x)).sum()
        total.backward()

    return step


def init_deep() -> Step:
    x = nd.zeros((2, INIT_SIZES[0]))

    def step():
        net = perceptron(INIT_SIZES)
        net.initialize(mx.init.Normal(0.01))
        net(x)

    return step


OTHERS: dict[str, Callable[[], Step]] = {
    "op_nograd": op_nograd,
    "op_grad": op_grad,
    "init_deep": init_deep,
    "elementwise": elementwise,
}


def build(workload: str, hybrid: bool = False) -> Step:
    """Return the step of a workload; ``hybrid`` is for the networks that train."""
    return train(MLPS[workload], hybrid) if workload in MLPS else OTHERS[workload]()
