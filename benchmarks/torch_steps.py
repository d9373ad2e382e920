"""The workloads in PyTorch, eager, as its tutorials write them."""

from collections.abc import Callable

import torch
from torch import nn

from benchmarks.workloads import (
    CHAIN,
    INIT_SIZES,
    LARGE,
    MLPS,
    NETWORKS,
    SMALL,
    STAGES,
    TEXTS,
    Images,
    Mlp,
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


def train(
    work: Mlp | Images | Text, net: nn.Module, wrap: Callable[[nn.Module], nn.Module] | None = None
) -> Step:
    """Return one training step: forward, loss, backward, update; of the network wrapped."""
    x, y = map(torch.from_numpy, work.data())
    net(x)
    net = wrap(net) if wrap else net
    loss_of = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(net.parameters(), lr=work.learning_rate, momentum=work.momentum)

    def step():
        optimizer.zero_grad(set_to_none=True)
        loss_of(net(x), y).backward()
        optimizer.step()

    return step


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


def elementwise() -> Step:
    x, y = torch.randn(LARGE, requires_grad=True), torch.randn(LARGE, requires_grad=True)

    def step():
        x.grad = y.grad = None
        torch.tanh(x * y + torch.exp(x)).sum().backward()

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
    "elementwise": elementwise,
}


def build(workload: str, wrap: Callable[[nn.Module], nn.Module] | None = None) -> Step:
    """Return the step of a workload; `wrap` is for the networks that train."""
    if workload not in NETWORKS:
        return OTHERS[workload]()
    net = NETS[workload]() if workload in NETS else perceptron(MLPS[workload].sizes)
    return train(NETWORKS[workload], net, wrap)
