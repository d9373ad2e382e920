"""One layer as a step of each framework; `benchmarks.layers` compares them.

A case says its sizes and how each framework makes the layer. To add one is to add a line.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from benchmarks.workloads import Step

PREFIX = "layer "
PRODUCT = PREFIX + "product"  # no layer: one of two square float32 matrices of WIDTH rows
WIDTH = 1024
MODES = ("forward", "gradient")
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Case:
    """A layer and the shapes of its input: a toy, an image of 32, one of 112 (or what is like it).

    `gluon` is given `microlazy.gluon`, `torch` is given `torch`, and both the number of channels,
    the size `along` an axis. With `integers`, the input holds numbers below 1000; else, floats,
    which get a gradient too. `products` is given the shape of the input, and says how many
    multiplications of numbers the layer is, where it is a product of matrices; its gradients are
    as many each.
    """

    gluon: Callable[[Any, int], Any]
    torch: Callable[[Any, int], Any]
    shapes: dict[str, Shape]
    along: int = 1
    integers: bool = False
    products: Callable[[Shape], int] | None = None

    def flops(self, size: str, mode: str) -> int:
        """Return the additions and multiplications of a step; 0 if they are no products."""
        if self.products is None:
            return 0
        return 2 * self.products(self.shapes[size]) * (3 if mode == "gradient" else 1)


def images(toy: Shape, small: Shape, large: Shape) -> dict[str, Shape]:
    return {"toy": toy, "32": small, "112": large}


SOME = images((1, 1, 8, 8), (32, 64, 32, 32), (8, 64, 112, 112))
THIN = images((1, 1, 8, 8), (32, 3, 32, 32), (8, 3, 112, 112))
CHANNELS = images((2, 4, 4, 4), (32, 64, 32, 32), (8, 64, 112, 112))
FEATURES = images((2, 16), (32, 128, 256), (32, 128, 1024))
SEQUENCES = images((5, 2, 8), (35, 32, 64), (35, 64, 512))  # steps, batch, features
TOKENS = images((2, 5), (32, 64), (64, 512))


def slides(kernel: int, filters: int | None = None, seen: int | None = None) -> Any:
    """Products of a layer that puts `kernel` multiplications at each place of the images.

    It has as many filters as channels, and each sees all of them, if nothing else is said.
    """

    def products(shape: Shape) -> int:
        batch, channels, *sizes = shape
        return math.prod((batch, *sizes, kernel, filters or channels, seen or channels))

    return products


def steps(gates: int, layers: int = 1, ways: int = 1) -> Any:
    """Products of recurrent layers on top of each other, for their inputs and for their states."""

    def products(shape: Shape) -> int:
        count, batch, size = shape
        seen = 2 * size + (layers - 1) * (ways + 1) * size
        return count * batch * ways * gates * size * seen

    return products


def _first_result(torch: Any, layer: Any) -> Any:
    """The layer without the states that it gives beside its outputs."""

    class First(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = layer

        def forward(self, x: Any) -> Any:
            return self.layer(x)[0]

    return First()


CASES = {
    "dense": Case(
        lambda gluon, c: gluon.nn.Dense(c),
        lambda torch, c: torch.nn.Linear(c, c),
        images((2, 16), (256, 256), (1024, 1024)),
        products=lambda shape: shape[0] * shape[1] ** 2,
    ),
    "conv 3x3": Case(
        lambda gluon, c: gluon.nn.Conv2D(c, 3, padding=1),
        lambda torch, c: torch.nn.Conv2d(c, c, 3, padding=1),
        SOME,
        products=slides(9),
    ),
    "conv 3x3, stride 2": Case(
        lambda gluon, c: gluon.nn.Conv2D(c, 3, strides=2, padding=1),
        lambda torch, c: torch.nn.Conv2d(c, c, 3, stride=2, padding=1),
        SOME,
        products=lambda shape: slides(9)(shape) // 4,
    ),
    "conv 3x3 to 64, 3 channels": Case(
        lambda gluon, c: gluon.nn.Conv2D(64, 3, padding=1),
        lambda torch, c: torch.nn.Conv2d(c, 64, 3, padding=1),
        THIN,
        products=slides(9, filters=64),
    ),
    "conv 5x5 to 6, relu": Case(
        lambda gluon, c: gluon.nn.Conv2D(6, 5, padding=2, activation="relu"),
        lambda torch, c: torch.nn.Sequential(torch.nn.Conv2d(c, 6, 5, padding=2), torch.nn.ReLU()),
        THIN,
        products=slides(25, filters=6),
    ),
    "conv 1x1": Case(
        lambda gluon, c: gluon.nn.Conv2D(c, 1),
        lambda torch, c: torch.nn.Conv2d(c, c, 1),
        SOME,
        products=slides(1),
    ),
    "conv 3x3 of each channel": Case(
        lambda gluon, c: gluon.nn.Conv2D(c, 3, padding=1, groups=c),
        lambda torch, c: torch.nn.Conv2d(c, c, 3, padding=1, groups=c),
        SOME,
        products=slides(9, seen=1),
    ),
    "transposed conv 4x4, stride 2": Case(
        lambda gluon, c: gluon.nn.Conv2DTranspose(c, 4, strides=2, padding=1),
        lambda torch, c: torch.nn.ConvTranspose2d(c, c, 4, stride=2, padding=1),
        images((1, 1, 8, 8), (16, 64, 16, 16), (8, 32, 56, 56)),
        products=slides(16),
    ),
    "max pool 2x2": Case(
        lambda gluon, c: gluon.nn.MaxPool2D(2, 2),
        lambda torch, c: torch.nn.MaxPool2d(2, 2),
        SOME,
    ),
    "max pool 3x3, stride 2": Case(
        lambda gluon, c: gluon.nn.MaxPool2D(3, 2, 1),
        lambda torch, c: torch.nn.MaxPool2d(3, 2, 1),
        SOME,
    ),
    "average pool 2x2": Case(
        lambda gluon, c: gluon.nn.AvgPool2D(2, 2),
        lambda torch, c: torch.nn.AvgPool2d(2, 2),
        SOME,
    ),
    "global average pool": Case(
        lambda gluon, c: gluon.nn.GlobalAvgPool2D(),
        lambda torch, c: torch.nn.AdaptiveAvgPool2d(1),
        SOME,
    ),
    "batch norm": Case(
        lambda gluon, c: gluon.nn.BatchNorm(),
        lambda torch, c: torch.nn.BatchNorm2d(c),
        CHANNELS,
    ),
    "batch norm of features": Case(
        lambda gluon, c: gluon.nn.BatchNorm(),
        lambda torch, c: torch.nn.BatchNorm1d(c),
        images((2, 16), (256, 256), (4096, 1024)),
    ),
    "layer norm": Case(
        lambda gluon, c: gluon.nn.LayerNorm(),
        lambda torch, c: torch.nn.LayerNorm(c),
        FEATURES,
        along=-1,
    ),
    "group norm": Case(
        lambda gluon, c: gluon.nn.GroupNorm(4),
        lambda torch, c: torch.nn.GroupNorm(4, c),
        CHANNELS,
    ),
    "instance norm": Case(
        lambda gluon, c: gluon.nn.InstanceNorm(),
        lambda torch, c: torch.nn.InstanceNorm2d(c, affine=True),
        CHANNELS,
    ),
    "RNN": Case(
        lambda gluon, c: gluon.rnn.RNN(c, activation="tanh"),
        lambda torch, c: _first_result(torch, torch.nn.RNN(c, c)),
        SEQUENCES,
        along=-1,
        products=steps(1),
    ),
    "GRU": Case(
        lambda gluon, c: gluon.rnn.GRU(c),
        lambda torch, c: _first_result(torch, torch.nn.GRU(c, c)),
        SEQUENCES,
        along=-1,
        products=steps(3),
    ),
    "LSTM": Case(
        lambda gluon, c: gluon.rnn.LSTM(c),
        lambda torch, c: _first_result(torch, torch.nn.LSTM(c, c)),
        SEQUENCES,
        along=-1,
        products=steps(4),
    ),
    "LSTM, two layers both ways": Case(
        lambda gluon, c: gluon.rnn.LSTM(c, 2, bidirectional=True),
        lambda torch, c: _first_result(torch, torch.nn.LSTM(c, c, 2, bidirectional=True)),
        SEQUENCES,
        along=-1,
        products=steps(4, layers=2, ways=2),
    ),
    "embedding": Case(
        lambda gluon, c: gluon.nn.Embedding(1000, 256),
        lambda torch, c: torch.nn.Embedding(1000, 256),
        TOKENS,
        integers=True,
    ),
}


def workload(name: str, size: str, mode: str) -> str:
    """Return the name of a workload; `build` takes it apart.

    Examples
    --------
    >>> workload("conv 1x1", "toy", "gradient")
    'layer toy gradient conv 1x1'
    """
    return f"{PREFIX}{size} {mode} {name}"


def build(framework: str, name: str) -> Step | None:
    """Return the step of a workload: the layer on a fixed batch, or with the gradients of all."""
    if name == PRODUCT:
        module = import_module("torch" if framework == "torch" else "microlazy.numpy")
        a, b = module.ones((WIDTH, WIDTH)), module.ones((WIDTH, WIDTH))
        return lambda: module.matmul(a, b)
    size, mode, kind = name.removeprefix(PREFIX).split(" ", 2)
    case = CASES[kind]
    generator = np.random.default_rng(0)
    x = generator.standard_normal(case.shapes[size], dtype=np.float32)
    if case.integers:
        x = generator.integers(0, 1000, case.shapes[size])
    make = _torch if framework == "torch" else _gluon
    return make(case, x, mode == "gradient", framework.endswith("-hybrid"))


def _gluon(case: Case, values: np.ndarray, gradient: bool, hybrid: bool) -> Step:
    mx = import_module("microlazy")
    layer = case.gluon(mx.gluon, values.shape[case.along])
    layer.initialize()
    if hybrid:
        layer.hybridize(static_alloc=True, static_shape=True)
    x = mx.nd.array(values, dtype=values.dtype)
    if not gradient:
        return lambda: layer(x)
    if not case.integers:
        x.attach_grad()
    head = mx.nd.ones_like(layer(x))

    def step() -> None:
        with mx.autograd.record():
            y = layer(x)
        y.backward(head)

    return step


def _torch(case: Case, values: np.ndarray, gradient: bool, hybrid: bool) -> Step:
    torch = import_module("torch")
    layer = case.torch(torch, values.shape[case.along])
    x = torch.from_numpy(values)

    def forward() -> None:
        with torch.no_grad():
            layer(x)

    if not gradient:
        return forward
    if not case.integers:
        x.requires_grad_()
    head = torch.ones_like(layer(x))

    def step() -> None:
        x.grad = None
        layer.zero_grad(set_to_none=True)
        layer(x).backward(head)

    return step
