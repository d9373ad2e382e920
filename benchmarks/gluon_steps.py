"""The workloads in microlazy, that is in Gluon."""

from collections.abc import Callable
from typing import Any

import numpy as np

import microlazy as mx
from benchmarks.workloads import (
    ACT,
    CHAIN,
    INIT_SIZES,
    LARGE,
    MLPS,
    NETWORKS,
    PROGRAMS,
    SMALL,
    STAGES,
    TEXTS,
    Arrays,
    Images,
    Mlp,
    Program,
    Step,
    Text,
)
from microlazy import autograd, gluon, nd
from microlazy.gluon import nn


def perceptron(sizes: tuple[int, ...]) -> nn.HybridSequential:
    """Return a network with the given sizes, its input size left to be found."""
    net = nn.HybridSequential()
    net.add(*(nn.Dense(units, activation="relu") for units in sizes[1:-1]), nn.Dense(sizes[-1]))
    return net


def lenet() -> nn.HybridSequential:
    net = nn.HybridSequential()
    net.add(
        nn.Conv2D(6, 5, padding=2, activation="sigmoid"),
        nn.AvgPool2D(2, 2),
        nn.Conv2D(16, 5, activation="sigmoid"),
        nn.AvgPool2D(2, 2),
        nn.Dense(120, activation="sigmoid"),
        nn.Dense(84, activation="sigmoid"),
        nn.Dense(10),
    )
    return net


class Residual(gluon.HybridBlock):
    """Two convolutions and what goes around them, from d2l's book."""

    def __init__(self, channels: int, halve: bool = False) -> None:
        super().__init__()
        strides = 2 if halve else 1
        self.conv1 = nn.Conv2D(channels, 3, padding=1, strides=strides)
        self.conv2 = nn.Conv2D(channels, 3, padding=1)
        self.conv3 = nn.Conv2D(channels, 1, strides=strides) if halve else None
        self.norm1, self.norm2 = nn.BatchNorm(), nn.BatchNorm()

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        y = F.relu(self.norm1(self.conv1(x)))
        y = self.norm2(self.conv2(y))
        return F.relu(y + (x if self.conv3 is None else self.conv3(x)))


def resnet18() -> nn.HybridSequential:
    net = nn.HybridSequential()
    net.add(nn.Conv2D(STAGES[0], 3, padding=1), nn.BatchNorm(), nn.Activation("relu"))
    for place, channels in enumerate(STAGES):
        net.add(Residual(channels, place > 0), Residual(channels))
    net.add(nn.GlobalAvgPool2D(), nn.Dense(10))
    return net


class Characters(gluon.HybridBlock):
    """A language model of characters: the scores of all that may follow."""

    def __init__(self, characters: int, hidden: int) -> None:
        super().__init__()
        self.memory = gluon.rnn.LSTM(hidden)
        self.scores = nn.Dense(characters, flatten=False)

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        return self.scores(self.memory(x)).reshape((-1, x.shape[-1]))


NETS: dict[str, Callable[[], gluon.HybridBlock]] = {
    "lenet": lenet,
    "lenet16": lenet,
    "resnet18": resnet18,
    "lstm": lambda: Characters(TEXTS["lstm"].characters, TEXTS["lstm"].hidden),
}


def program(
    workload: str, hybrid: bool = False, compiled: bool = False, kvstore: str = "device"
) -> Program:
    """Return one of `PROGRAMS`, hybridized or by compile_step if it is to be."""
    if workload in NETWORKS:
        net = NETS[workload]() if workload in NETS else perceptron(MLPS[workload].sizes)
        return train(NETWORKS[workload], net, hybrid, compiled, kvstore)
    if compiled:
        raise ValueError(f"{workload} has nothing that compile_step could update")
    return {"act": act, "elementwise": elementwise}[workload](hybrid)


def train(
    work: Mlp | Images | Text,
    net: gluon.HybridBlock,
    hybrid: bool = False,
    compiled: bool = False,
    kvstore: str = "device",
) -> Program:
    """Return one training step: forward, loss, backward, update; by compile_step if asked to."""
    net.initialize(mx.init.Normal(0.01))
    loss_of = gluon.loss.SoftmaxCrossEntropyLoss()
    if hybrid:
        net.hybridize(static_alloc=True, static_shape=True)
        loss_of.hybridize(static_alloc=True, static_shape=True)
    x, y = (nd.array(part, dtype="float32") for part in work.data())
    settings = {"learning_rate": work.learning_rate}
    if work.momentum:
        settings["momentum"] = work.momentum
    trainer = gluon.Trainer(net.collect_params(), work.optimizer, settings, kvstore=kvstore)
    rows = len(y)  # a text has one for each character

    if compiled:
        whole = gluon.compile_step(net, loss_of, trainer)

        def step():
            return whole(x, y, batch_size=rows)

    else:

        def step():
            with autograd.record():
                loss = loss_of(net(x), y)
            loss.backward()
            trainer.step(rows)
            return loss

    return with_weights(net, x, step, lambda: step().mean().asnumpy())


def act(hybrid: bool) -> Program:
    """Return the choice of an action: the forward pass of one observation and its argmax."""
    net = perceptron(ACT.sizes)
    net.initialize(mx.init.Normal(0.01))
    if hybrid:
        net.hybridize(static_alloc=True, static_shape=True)
    x = nd.array(ACT.data()[0])

    def step():
        return int(net(x).argmax(axis=1).asscalar())

    return with_weights(net, x, step, lambda: np.append(net(x).asnumpy(), step()))


def with_weights(
    net: gluon.HybridBlock, x: Any, step: Step, result: Callable[[], np.ndarray]
) -> Program:
    """Return a program whose arrays are a network's weights, whatever their names."""

    def weights() -> list[Any]:
        net(x)  # finds the sizes
        return [each for each in net.collect_params().values() if each.grad_req != "null"]

    def load(arrays: Arrays) -> None:
        for weight, array in zip(weights(), arrays, strict=True):
            weight.set_data(nd.array(array))

    return Program(step, result, lambda: [each.data().asnumpy() for each in weights()], load)


class Chain(gluon.HybridBlock):
    """The operations of the workload `elementwise`."""

    def hybrid_forward(self, F: Any, x: Any, y: Any) -> Any:
        return F.tanh(x * y + F.exp(x)).sum()


def elementwise(hybrid: bool) -> Program:
    """Return the sum of a chain of operations on large arrays, and its gradient."""
    x, y = nd.random.normal(shape=(LARGE,)), nd.random.normal(shape=(LARGE,))
    x.attach_grad()
    y.attach_grad()
    chain = Chain()
    if hybrid:
        chain.hybridize(static_alloc=True, static_shape=True)

    def step():
        with autograd.record():
            total = chain(x, y)
        total.backward()
        return total

    def load(arrays: Arrays) -> None:
        x[:], y[:] = arrays

    def gradients() -> Arrays:
        return [x.grad.asnumpy(), y.grad.asnumpy()]

    return Program(step, lambda: step().asnumpy(), gradients, load)


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
}


def build(
    workload: str, hybrid: bool = False, compiled: bool = False, kvstore: str = "device"
) -> Step:
    """Return the step of a workload; the flags are for the programs."""
    if workload in PROGRAMS:
        return program(workload, hybrid, compiled, kvstore).step
    return OTHERS[workload]()
