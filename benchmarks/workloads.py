"""The work that is measured, said once for every framework: names, sizes, data, and the clock."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Step = Callable[[], object]
Arrays = list[np.ndarray]


@dataclass(frozen=True)
class Program:
    """A workload in a framework: its step, and what it computes as NumPy arrays.

    The arrays are in the same order and layout in every framework, those of Gluon.
    """

    step: Step
    result: Callable[[], np.ndarray]  # of one more step: the mean loss, or what the step is about
    arrays: Callable[[], Arrays]  # what a step changes: the weights that are trained, or gradients
    load: Callable[[Arrays], None]  # set the weights, or the inputs that the gradients are of


@dataclass(frozen=True)
class Mlp:
    """One training step of a perceptron with ReLU between its layers.

    The loss is softmax cross-entropy; the optimizer is SGD or Adam.
    """

    batch: int
    sizes: tuple[int, ...]  # features of the input, then the units of each layer
    optimizer: str = "sgd"
    momentum: float = 0.0
    learning_rate: float = 1e-3

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """Return a float32 batch of shape (batch, features) and its int64 labels (batch,)."""
        generator = np.random.default_rng(0)
        features = generator.standard_normal((self.batch, self.sizes[0]), dtype=np.float32)
        return features, generator.integers(0, self.sizes[-1], self.batch)


MLPS = {
    "toy": Mlp(2, (20, 256, 10)),
    "deep": Mlp(2, (32,) * 101 + (10,)),
    "mnist": Mlp(256, (784, 256, 10), momentum=0.9),
    "wide": Mlp(512, (1024, 4096, 4096, 10)),
    "narrow": Mlp(128, (10, 46, 46, 10)),
    "adam": Mlp(128, (10, 46, 46, 10), optimizer="adam"),
}


@dataclass(frozen=True)
class Images:
    """One training step of a convolutional network; loss and optimizer are a perceptron's."""

    batch: int
    channels: int
    side: int
    classes: int = 10
    optimizer: str = "sgd"
    momentum: float = 0.0
    learning_rate: float = 1e-3

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """Return float32 images (batch, channels, side, side) and their int64 labels (batch,)."""
        generator = np.random.default_rng(0)
        shape = (self.batch, self.channels, self.side, self.side)
        images = generator.standard_normal(shape, dtype=np.float32)
        return images, generator.integers(0, self.classes, self.batch)


IMAGES = {
    "lenet": Images(256, 1, 28),
    "lenet16": Images(16, 1, 28),
    "resnet18": Images(32, 3, 32),
}
STAGES = (64, 128, 256, 512)  # channels of a ResNet-18


@dataclass(frozen=True)
class Text:
    """One training step of a language model of characters: an LSTM and a Dense on its outputs."""

    steps: int
    batch: int
    characters: int
    hidden: int
    optimizer: str = "sgd"
    momentum: float = 0.0
    learning_rate: float = 1e-3

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """Return one-hot characters (steps, batch, characters), and the numbers of the next."""
        generator = np.random.default_rng(0)
        places = generator.integers(0, self.characters, (self.steps, self.batch))
        following = generator.integers(0, self.characters, self.steps * self.batch)
        return np.eye(self.characters, dtype=np.float32)[places], following


TEXTS = {"lstm": Text(35, 32, 28, 256)}
# What trains.
NETWORKS: dict[str, Mlp | Images | Text] = {**MLPS, **IMAGES, **TEXTS}
ACT = Mlp(1, (4, 64, 64, 2))  # scores of two actions for an observation: forward only
# What can be hybridized, compiled, and compared by what it computes.
PROGRAMS = (*NETWORKS, "act", "elementwise")

CHAIN = 100  # small operations in one step of op_nograd and op_grad
SMALL = 4  # elements of a small array
LARGE = 1_000_000  # elements of a large one
INIT_SIZES = (1024,) * 27 + (10,)  # 27 million weights

DESCRIPTIONS = {
    **{
        name: f"MLP {mlp.sizes[0]}-{'-'.join(map(str, mlp.sizes[1:]))}, batch {mlp.batch}"
        for name, mlp in MLPS.items()
        if name not in ("deep", "adam")
    },
    "deep": "MLP of 100 hidden layers of 32, batch 2",
    "adam": "MLP 10-46-46-10, batch 128, Adam",
    "act": "MLP 4-64-64-2 on one row, and the argmax",
    "lenet": "LeNet on 1x28x28, batch 256",
    "lenet16": "LeNet on 1x28x28, batch 16",
    "resnet18": "ResNet-18 on 3x32x32, batch 32",
    "lstm": "LSTM of 256 on 35 characters, batch 32",
    "op_nograd": f"{CHAIN} additions of {SMALL} numbers",
    "op_grad": f"{CHAIN} chained products of {SMALL} numbers, and their gradient",
    "init_deep": "build, initialize and first forward of 26 layers of 1024",
    "elementwise": f"tanh(x y + exp(x)).sum() and its gradient, {LARGE:,} elements",
}


def seconds_per_step(
    step: Step, budget: float, clock: Callable[[], float] = time.perf_counter
) -> float:
    """Return the mean time of one step, run for about ``budget`` seconds.

    Parameters
    ----------
    step : callable without arguments
        Was called before: the first call of many steps is a slow one.
    budget : float
        Seconds to spend; the step runs at least once.
    clock : callable, optional
        Gives seconds; `time.thread_time` counts only those in which this thread ran.
    """
    start = clock()
    count, spent = 0, 0.0
    burst = 1
    while spent < budget:
        for _ in range(burst):
            step()
        count += burst
        spent = clock() - start
        if spent < budget / 16:  # look at the clock rarely when steps are short
            burst *= 2
    return spent / count
