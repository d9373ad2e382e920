"""A training run that test_estimator.py kills: killed_run.py FOLDER EVENT BATCH, 0 to let it live.

It kills itself when it opens, renames or removes a file in FOLDER for the EVENT-th time, or behind
so many batches.
"""

import logging
import os
import signal
import sys

import numpy

import microlazy as mx
from microlazy import gluon
from microlazy.gluon.contrib import estimator as e

EVENTS = ("open", "os.link", "os.rename", "os.remove")


def watcher(folder, kill_at):
    """A hook that counts what happens to files, and ends the process as a power cut would."""
    seen = 0

    def watch(event, args):
        nonlocal seen
        if event in EVENTS and any(folder in str(arg) for arg in args[:2]):
            seen += 1
            if seen == kill_at:
                end()

    return watch


def end():
    os.kill(os.getpid(), signal.SIGKILL)


class Killer(e.BatchEnd):
    """Ends the process behind a number of batches; never if it is 0."""

    def __init__(self, batches):
        self.left = batches

    def batch_end(self, estimator, *args, **kwargs):
        self.left -= 1
        if self.left == 0:
            end()


def main(folder, kill_behind):
    mx.random.seed(3)
    numpy.random.seed(3)
    rng = numpy.random.default_rng(0)
    x = rng.normal(size=(40, 6)).astype("float32")
    data = gluon.data.ArrayDataset(x, x.sum(1) > 0)
    net = gluon.nn.HybridSequential()
    net.add(gluon.nn.Dense(16, activation="relu"), gluon.nn.BatchNorm(), gluon.nn.Dropout(0.4))
    net.add(gluon.nn.Dense(2))
    net.initialize()
    net.hybridize()
    schedule = mx.lr_scheduler.FactorScheduler(5, 0.9, base_lr=0.05)
    trainer = gluon.Trainer(net.collect_params(), "adam", {"lr_scheduler": schedule})
    made = e.Estimator(net, gluon.loss.SoftmaxCrossEntropyLoss(), trainer=trainer)
    made.logger.setLevel(logging.ERROR)
    handlers = [
        e.CheckpointHandler(
            folder,
            monitor=made.val_metrics[1],
            save_best=True,
            mode="min",
            batch_period=3,
            max_checkpoints=2,
            resume_from_checkpoint=True,
        ),
        Killer(kill_behind),
    ]
    train = gluon.data.DataLoader(data, 6, shuffle=True, last_batch="rollover")
    try:
        made.fit(train, gluon.data.DataLoader(data, 20), epochs=4, event_handlers=handlers)
    except ValueError as error:  # killed after the end of fit()
        assert "maximum number" in str(error)
        last = handlers[0].saved_checkpoints[-1]
        net.load_parameters(os.path.join(folder, f"{last}.params"))
    net.save_parameters(os.path.join(folder, "result.params"))


if __name__ == "__main__":
    sys.addaudithook(watcher(sys.argv[1], int(sys.argv[2])))
    main(sys.argv[1], int(sys.argv[3]))
