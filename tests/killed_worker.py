"""A run of several workers of which one dies: killed_worker.py FOLDER RANK, with -1 to let it live.

The worker kills itself in its fourth epoch, at the second batch.
"""

import os
import signal
import sys

import numpy

import microlazy as mx
from microlazy import gluon
from microlazy.gluon import nn
from microlazy.gluon.contrib import estimator as e


class Killed(e.BatchEnd):
    """Ends the process as a failing machine would."""

    seen = 0

    def batch_end(self, estimator, *args, **kwargs):
        self.seen += 1
        if self.seen == 3 * 4 + 2:
            os.kill(os.getpid(), signal.SIGKILL)


def fit(folder, store, dying):
    """Train for six epochs of four batches; give the parameters."""
    rank, size = (store.rank, store.num_workers) if store else (0, 1)
    mx.random.seed(3)
    numpy.random.seed(3)
    rng = numpy.random.default_rng(0)
    x = rng.normal(size=(38, 6)).astype("float32")
    data = gluon.data.ArrayDataset(x, (x.sum(1) > 0).astype("float32"))
    net = nn.HybridSequential()
    net.add(nn.Dense(8, activation="tanh"), nn.SyncBatchNorm() if store else nn.BatchNorm())
    net.add(nn.Dense(2))
    net.initialize(mx.init.Xavier())
    net.hybridize()
    trainer = gluon.Trainer(net.collect_params(), "adam", {"learning_rate": 0.01}, kvstore=store)
    made = e.Estimator(net, gluon.loss.SoftmaxCrossEntropyLoss(), trainer=trainer)
    batches = gluon.data.BatchSampler(gluon.data.RandomSampler(len(x)), 10)
    batches = gluon.data.SplitBatchSampler(batches, size, rank)
    handlers = [e.CheckpointHandler(folder, resume_from_checkpoint=True)]
    if rank == dying:
        handlers.append(Killed())
    loader = gluon.data.DataLoader(data, batch_sampler=batches)
    made.fit(loader, epochs=6, event_handlers=handlers)
    return [p.data().asnumpy() for p in net.collect_params().values()]


if __name__ == "__main__":
    folder = sys.argv[1]
    values = fit(folder, mx.kv.create("dist_sync"), int(sys.argv[2]))
    if mx.kv.create("dist_sync").rank == 0:
        numpy.savez(os.path.join(folder, "result.npz"), *values)
