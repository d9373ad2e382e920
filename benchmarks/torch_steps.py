"""The workloads in PyTorch, eager, as its tutorials write them."""

from collections.abc import Callable

import torch
from torch import nn

from benchmarks.workloads import CHAIN, INIT_SIZES, LARGE, MLPS, SMALL, Mlp, Step


def perceptron(sizes: tuple[int, ...]) -> nn.Sequential:
    """Return a network with the given sizes, its input size left to be found."""
    hidden = [layer for units in sizes[1:-1] for layer in (nn.LazyLinear(units), nn.ReLU())]
    return nn.Sequential(*hidden, nn.LazyLinear(sizes[-1]))


def train(mlp: Mlp) -> Step:
    """Return one training step: forward, loss, backward, update."""
    net = perceptron(mlp.sizes)
    x, y = map(torch.from_numpy, mlp.data())
    net(x)
    loss_of = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(net.parameters(), lr=mlp.learning_rate, momentum=mlp.momentum)

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


def build(workload: str) -> Step:
    """Return the step of a workload."""
    return train(MLPS[workload]) if workload in MLPS else OTHERS[workload]()
