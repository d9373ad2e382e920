"""What the Estimator costs: an epoch of the digits by it and by a loop: `python -m benchmarks.fit`.

Both go through the same loader and update the same two metrics. Times are the processor's, on one
thread, the least of many rounds in turns. The two epochs differ by less than the clock does on a
busy machine. So both are measured with a network that computes nothing, too: the difference there
is what the Estimator adds, and it is held against the loop's whole epoch.
"""

import logging
import sys
import time
from collections.abc import Callable
from typing import Any

from sklearn.datasets import load_digits
from tqdm import trange

import microlazy as mx
from microlazy import autograd, gluon
from microlazy.core import parallel
from microlazy.gluon import nn
from microlazy.gluon.contrib.estimator import BatchProcessor, Estimator, GradientUpdateHandler

LIMIT = 0.05  # of the loop's time
ROUNDS = 60
BATCH = 64

Epoch = Callable[[], object]


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
        batches = list(self.loader)
        self.batches = [batch for batch in batches if len(batch[0]) == BATCH]
        self.scores = self.net(self.batches[0][0])
        self.losses = self.loss(self.scores, self.batches[0][1])

    def loop(self, computes: bool = True) -> Epoch:
        """An epoch by a loop."""
        accuracy, mean = mx.metric.Accuracy(), mx.metric.Loss()

        def epoch() -> object:
            accuracy.reset()
            mean.reset()
            for x, y in self.loader if computes else self.batches:
                scores, loss = self.scores, self.losses
                if computes:
                    with autograd.record():
                        scores = self.net(x)
                        loss = self.loss(scores, y)
                    loss.backward()
                    self.trainer.step(len(x))
                accuracy.update([y], [scores])
                mean.update(None, loss)
            return accuracy.get(), mean.get()

        return epoch

    def estimator(self, computes: bool = True) -> Epoch:
        """An epoch by an Estimator, its log included, which goes nowhere."""
        processor = None if computes else Nothing(self)
        made = Estimator(self.net, self.loss, trainer=self.trainer, batch_processor=processor)
        made.logger.handlers = [Nowhere()]
        loader = self.loader if computes else Ready(self.batches)
        handlers = [] if computes else [NoStep()]
        return lambda: made.fit(loader, epochs=1, event_handlers=handlers)


class Nothing(BatchProcessor):
    """Has the results of a batch at hand."""

    def __init__(self, digits: Digits) -> None:
        self.digits = digits

    def fit_batch(self, estimator: Any, train_batch: Any, batch_axis: int = 0) -> Any:
        data, label = self._get_data_and_label(train_batch, estimator.context, batch_axis)
        return data, label, [self.digits.scores], [self.digits.losses]


class NoStep(GradientUpdateHandler):
    """Does everything but the step."""

    def batch_end(self, estimator: Any, *args: Any, **kwargs: Any) -> None:
        sum(part.shape[0] for part in kwargs["loss"])


class Ready(gluon.data.DataLoader):
    """Has its batches at hand."""

    def __init__(self, batches: list[Any]) -> None:
        super().__init__(batches, 1)
        self.batches = batches

    def __iter__(self) -> Any:
        return iter(self.batches)


class Nowhere(logging.Handler):
    """Formats what is logged and drops it."""

    def emit(self, record: logging.LogRecord) -> None:
        self.format(record)


def least(epochs: list[Epoch], what: str) -> list[float]:
    """The least milliseconds of each, run in turns."""
    for epoch in epochs:
        epoch()
    times: list[list[float]] = [[] for _ in epochs]
    for _ in trange(ROUNDS, desc=what, leave=False):
        for epoch, spent in zip(epochs, times, strict=True):
            start = time.process_time()
            epoch()
            spent.append(1e3 * (time.process_time() - start))
    return [min(spent) for spent in times]


def main() -> int:
    """Print the times; return 1 if the Estimator costs too much."""
    parallel.set_num_threads(1)  # the time of threads that wait would count
    within = True
    for hybrid in (False, True):
        name, digits = "hybridized" if hybrid else "eager", Digits(hybrid)
        estimator, loop, alone, without = least(
            [digits.estimator(), digits.loop(), digits.estimator(False), digits.loop(False)], name
        )
        share = (alone - without) / loop
        within = within and share <= LIMIT
        print(
            f"{name:10}  Estimator {estimator:6.2f} ms  loop {loop:6.2f} ms  "
            f"added {alone - without:5.2f} ms, {share:.1%} of the loop, at most {LIMIT:.0%}: "
            f"{'holds' if share <= LIMIT else 'does not hold'}"
        )
    return int(not within)


if __name__ == "__main__":
    sys.exit(main())
