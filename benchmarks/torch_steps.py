"""The workloads in PyTorch, as its tutorials write them."""

from collections.abc import Callable, Iterable

import numpy as np
import torch
from torch import nn

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


def perceptron(sizes: tuple[int, ...]) -> nn.Sequential:
    """Return a network with the given sizes, its input size left to be found."""
    hidden = [layer for units in sizes[1:-1] for layer in (nn.LazyLinear(units), nn.ReLU())]
    return nn.Sequential(*hidden, nn.LazyLinear(sizes[-1]))


def lenet() -> nn.Sequential:
    return nn.Sequential(
        nn.LazyConv2d(6, 5, padding=2),
        nn.Sigmoid(),
        nn.AvgPool2d(2, 2),
        nn.LazyConv2d(16, 5),
        nn.Sigmoid(),
        nn.AvgPool2d(2, 2),
        nn.Flatten(),
        nn.LazyLinear(120),
        nn.Sigmoid(),
        nn.LazyLinear(84),
        nn.Sigmoid(),
        nn.LazyLinear(10),
    )


class Residual(nn.Module):
    """Two convolutions and what goes around them, from d2l's book."""

    def __init__(self, channels: int, halve: bool = False) -> None:
        super().__init__()
        stride = 2 if halve else 1
        self.conv1 = nn.LazyConv2d(channels, 3, padding=1, stride=stride)
        self.conv2 = nn.LazyConv2d(channels, 3, padding=1)
        self.conv3 = nn.LazyConv2d(channels, 1, stride=stride) if halve else None
        self.norm1, self.norm2 = nn.LazyBatchNorm2d(), nn.LazyBatchNorm2d()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = torch.relu(self.norm1(self.conv1(x)))
        y = self.norm2(self.conv2(y))
        return torch.relu(y + (x if self.conv3 is None else self.conv3(x)))


def resnet18() -> nn.Sequential:
    blocks = [
        block
        for place, channels in enumerate(STAGES)
        for block in (Residual(channels, place > 0), Residual(channels))
    ]
    return nn.Sequential(
        nn.LazyConv2d(STAGES[0], 3, padding=1),
        nn.LazyBatchNorm2d(),
        nn.ReLU(),
        *blocks,
        nn.AdaptiveAvgPool2d((1, 1)),
        nn.Flatten(),
        nn.LazyLinear(10),
    )


class Characters(nn.Module):
    """A language model of characters: the scores of all that may follow."""

    def __init__(self, characters: int, hidden: int) -> None:
        super().__init__()
        self.memory = nn.LSTM(characters, hidden)
        self.scores = nn.Linear(hidden, characters)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.scores(self.memory(x)[0]).reshape(-1, x.shape[-1])


NETS: dict[str, Callable[[], nn.Module]] = {
    "lenet": lenet,
    "lenet16": lenet,
    "resnet18": resnet18,
    "lstm": lambda: Characters(TEXTS["lstm"].characters, TEXTS["lstm"].hidden),
}


Wrap = Callable[[nn.Module], nn.Module]


def program(workload: str, compiled: bool = False, wrap: Wrap | None = None) -> Program:
    """Return one of `PROGRAMS`, by torch.compile if it is to be; `wrap` is for networks."""
    if workload in NETWORKS:
        net = NETS[workload]() if workload in NETS else perceptron(MLPS[workload].sizes)
        return train(NETWORKS[workload], net, compiled, wrap)
    return {"act": act, "elementwise": elementwise}[workload](compiled)


def train(
    work: Mlp | Images | Text, net: nn.Module, compiled: bool = False, wrap: Wrap | None = None
) -> Program:
    """Return one training step: forward, loss, backward, update; of the network wrapped."""
    x, y = map(torch.from_numpy, work.data())
    net(x)
    net = wrap(net) if wrap else net
    loss_of = nn.CrossEntropyLoss()
    settings = {"momentum": work.momentum} if work.momentum else {}
    rule = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[work.optimizer]
    optimizer = rule(net.parameters(), lr=work.learning_rate, **settings)

    def forward(x, y):
        return loss_of(net(x), y)

    if compiled:
        forward = torch.compile(forward)

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss = forward(x, y)
        loss.backward()
        optimizer.step()
        return loss

    return Program(step, lambda: step().detach().numpy(), *access(net.parameters()))


def act(compiled: bool) -> Program:
    """Return the choice of an action: the forward pass of one observation and its argmax."""
    net = perceptron(ACT.sizes)
    x = torch.from_numpy(ACT.data()[0])
    net(x)
    forward = torch.compile(net) if compiled else net

    def step():
        with torch.no_grad():
            return int(forward(x).argmax())

    def result():
        return np.append(net(x).detach().numpy(), step())

    return Program(step, result, *access(net.parameters()))


def elementwise(compiled: bool = False) -> Program:
    """Return the sum of a chain of operations on large arrays, and its gradient."""
    x, y = torch.randn(LARGE, requires_grad=True), torch.randn(LARGE, requires_grad=True)

    def chain(x, y):
        return torch.tanh(x * y + torch.exp(x)).sum()

    if compiled:
        chain = torch.compile(chain)

    def step():
        x.grad = y.grad = None
        total = chain(x, y)
        total.backward()
        return total

    def gradients() -> Arrays:
        return [x.grad.numpy(), y.grad.numpy()]

    return Program(step, lambda: step().detach().numpy(), gradients, access([x, y])[1])


def access(tensors: Iterable[torch.Tensor]) -> tuple[Callable[[], Arrays], Callable]:
    """Return functions that read the tensors' values, and set them."""
    held = list(tensors)

    def load(arrays: Arrays) -> None:
        with torch.no_grad():
            for tensor, array in zip(held, arrays, strict=True):
                tensor.copy_(torch.from_numpy(array))

    return lambda: [tensor.detach().numpy().copy() for tensor in held], load


def op_nograd() -> Step:
    a, b = torch.randn(SMALL), torch.randn(SMALL)

    def step():
        for _ in range(CHAIN):
            a + b

    return step


def op_grad() -> Step:
    a, b, ones = torch.randn(SMALL, requires_grad=True), torch.randn(SMALL), torch.ones(SMALL)

    def step():
        product = a
        for _ in range(CHAIN):
            product = product * b
        a.grad = None
        product.backward(ones)

    return step


def init_deep() -> Step:
    x = torch.zeros(2, INIT_SIZES[0])

    def step():
        net = perceptron(INIT_SIZES)
        net(x)
        for parameter in net.parameters():
            if parameter.dim() > 1:
                nn.init.normal_(parameter, 0, 0.01)

    return step


OTHERS: dict[str, Callable[[], Step]] = {
    "op_nograd": op_nograd,
    "op_grad": op_grad,
    "init_deep": init_deep,
}


def build(workload: str, compiled: bool = False, wrap: Wrap | None = None) -> Step:
    """Return the step of a workload; the flags are for the programs."""
    if workload in PROGRAMS:
        return program(workload, compiled, wrap).step
    return OTHERS[workload]()
