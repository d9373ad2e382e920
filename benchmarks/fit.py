"""What the Estimator costs: an epoch of the digits by it and by a loop: `python -m benchmarks.fit`.

Both go through the same loader and update the same two metrics; a loop without metrics stands
beside them. Times are the processor's, on one thread, the least of many rounds in turns.
"""

import logging
import os
import sys
import time
from collections.abc import Callable

os.environ["MICROLAZY_NUM_THREADS"] = "1"  # the time of threads that wait would count

from sklearn.datasets import load_digits
from tqdm import trange

import microlazy as mx
from microlazy import autograd, gluon
from microlazy.gluon import nn
from microlazy.gluon.contrib.estimator import Estimator

LIMIT = 1.05  # times the loop
ROUNDS = 80
BATCH = 64


class Digits:
    """The network of tutorials/train_digits.py on its data."""

    def __init__(self, hybrid: bool) -> None:
        mx.random.seed(0)
        digits = load_digits()
        images = (digits.data / 16).astype("float32")
        data = gluon.data.ArrayDataset(images, digits.target.astype("float32"))
        self.loader = gluon.data.DataLoader(data, BATCH, shuffle=True)
        self.net = nn.HybridSequential()
        for _ in range(2):
            self.net.add(nn.Dense(256, activation="relu"), nn.Dropout(0.5))
        self.net.add(nn.Dense(10))
        self.net.initialize()
        self.loss = gluon.loss.SoftmaxCrossEntropyLoss()
        if hybrid:
            self.net.hybridize()
            self.loss.hybridize()
        self.trainer = gluon.Trainer(self.net.collect_params(), "adam")

    def loop(self, metrics: bool = True) -> Callable[[], object]:
        """An epoch by a loop."""
        accuracy, mean = mx.metric.Accuracy(), mx.metric.Loss()

        def epoch() -> object:
            accuracy.reset()
            mean.reset()
            for x, y in self.loader:
                with autograd.record():
                    scores = self.net(x)
                    loss = self.loss(scores, y)
                loss.backward()
                self.trainer.step(len(x))
                if metrics:
                    accuracy.update([y], [scores])
                    mean.update(None, loss)
            return accuracy.get(), mean.get()

        return epoch

    def estimator(self) -> Callable[[], object]:
        """An epoch by an Estimator, its log included, which goes nowhere."""
        made = Estimator(self.net, self.loss, trainer=self.trainer)
        made.logger.handlers = []
        made.logger.addHandler(Nowhere())
        return lambda: made.fit(self.loader, epochs=1)


class Nowhere(logging.Handler):
    """Formats what is logged and drops it."""

    def emit(self, record: logging.LogRecord) -> None:
        self.format(record)


def measured(epochs: list[Callable[[], object]], what: str) -> list[list[float]]:
    """The seconds of each in each round."""
    for epoch in epochs:
        epoch()
    rounds = []
    for _ in trange(ROUNDS, desc=what, leave=False):
        times = []
        for epoch in epochs:
            start = time.process_time()
            epoch()
            times.append(time.process_time() - start)
        rounds.append(times)
    return rounds


def main() -> int:
    """Print the times; return 1 if the Estimator costs too much."""
    within = True
    for hybrid in (False, True):
        name, digits = "hybridized" if hybrid else "eager", Digits(hybrid)
        rounds = measured([digits.estimator(), digits.loop(), digits.loop(False)], name)
        estimator, loop, bare = (1e3 * min(times) for times in zip(*rounds, strict=True))
        ratio = estimator / loop
        within = within and ratio <= LIMIT
        print(
            f"{name:10}  Estimator {estimator:6.2f} ms  loop {loop:6.2f} ms  "
            f"ratio {ratio:.3f}, at most {LIMIT}: {'holds' if ratio <= LIMIT else 'does not hold'}"
            f"  (loop without metrics {bare:6.2f} ms)"
        )
    return int(not within)


if __name__ == "__main__":
    sys.exit(main())
