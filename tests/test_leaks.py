"""Training for many epochs keeps nothing: no object, array, file, thread, process or shared memory.

pytest tests/test_leaks.py -m exhaustive   # 100 epochs of each program
"""

import gc
import logging
import multiprocessing
import os
import threading

import numpy
import pytest

import microlazy as mx
from microlazy import autograd, gluon, nd
from microlazy.gluon.contrib.estimator import CheckpointHandler, Estimator

WARM_UP = 3  # epochs in which caches are filled
rng = numpy.random.default_rng(0)
ROWS = rng.normal(size=(24, 5)).astype("float32")
CLASSES = rng.integers(3, size=24).astype("float32")


def network(hybrid):
    net = gluon.nn.HybridSequential()
    net.add(gluon.nn.Dense(8, activation="relu"), gluon.nn.BatchNorm(), gluon.nn.Dropout(0.5),
            gluon.nn.Dense(3))  # fmt: skip
    net.initialize()
    if hybrid:
        net.hybridize()
    return net


def noisy(x, y):
    return x + nd.random.normal(shape=x.shape), y


def loader(**how):
    data = gluon.data.ArrayDataset(ROWS, CLASSES)
    if not how:
        return gluon.data.DataLoader(data, 7, shuffle=True)
    # Samples one by one: what is made of them differs in size from batch to batch.
    return gluon.data.DataLoader(data.transform(noisy, lazy=True), 7, shuffle=True, **how)


def by_loop(_folder, hybrid, **how):
    net, batches = network(hybrid), loader(**how)
    loss = gluon.loss.SoftmaxCrossEntropyLoss()
    trainer = gluon.Trainer(net.collect_params(), "adam")
    metrics = mx.metric.CompositeEvalMetric([mx.metric.Accuracy(), mx.metric.Loss()])

    def epoch():
        for x, y in batches:
            with autograd.record():
                scores = net(x)
                error = loss(scores, y)
            error.backward()
            trainer.step(len(x))
            metrics.metrics[0].update([y], [scores])
            metrics.metrics[1].update(None, [error])
        metrics.get()
        metrics.reset()

    return epoch


def by_estimator(folder, hybrid, **how):
    net, batches = network(hybrid), loader(**how)
    trainer = gluon.Trainer(net.collect_params(), "adam")
    loss = gluon.loss.SoftmaxCrossEntropyLoss()
    made = Estimator(net, loss, train_metrics=mx.metric.Accuracy(), trainer=trainer)
    made.logger.setLevel(logging.CRITICAL)
    handler = CheckpointHandler(str(folder), max_checkpoints=2)

    def epoch():
        made.fit(batches, val_data=batches, epochs=1, event_handlers=[handler])

    return epoch


def by_iterator(_folder, hybrid):
    net = network(hybrid)
    loss = gluon.loss.SoftmaxCrossEntropyLoss()
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"momentum": 0.9})
    batches = mx.io.PrefetchingIter(mx.io.NDArrayIter(ROWS, CLASSES, 7, shuffle=True))

    def epoch():
        batches.reset()
        for batch in batches:
            with autograd.record():
                error = loss(net(batch.data[0]), batch.label[0])
            error.backward()
            trainer.step(7)

    return epoch


PROGRAMS = {
    "loop": (by_loop, {"hybrid": False}),
    "hybridized": (by_loop, {"hybrid": True}),
    "threads": (by_loop, {"hybrid": True, "num_workers": 2, "thread_pool": True}),
    "processes": (by_loop, {"hybrid": True, "num_workers": 2}),
    "estimator": (by_estimator, {"hybrid": True}),
    "estimator with a process": (by_estimator, {"hybrid": False, "num_workers": 1}),
    "iterator": (by_iterator, {"hybrid": True}),
}


def held():
    """What this process holds, by kind."""
    gc.collect()
    memory = mx.core.storage.memory_info()
    here = {
        "objects": len(gc.get_objects()),
        "threads": threading.active_count(),
        "processes": len(multiprocessing.active_children()),
        "bytes": memory["allocated"] - memory["cached"],
    }
    if os.path.isdir("/proc/self/fd"):
        here["files"] = len(os.listdir("/proc/self/fd"))
    if os.path.isdir("/dev/shm"):
        mine = f"ml_{os.getpid()}_"
        here["shared"] = sum(name.startswith(mine) for name in os.listdir("/dev/shm"))
    return here


def check(name, epochs, folder):
    make, arguments = PROGRAMS[name]
    outside = held()
    epoch = make(folder, **arguments)
    for _ in range(WARM_UP):
        epoch()
    before = held()
    for _ in range(epochs):
        epoch()
    after = held()
    # Fewer than one object for each epoch; other modules fill caches of a few entries meanwhile.
    grown = {kind: after[kind] - before[kind] for kind in after}
    assert grown.pop("objects") < epochs, grown
    assert grown.pop("bytes") <= 0, grown
    # Which worker has made how many blocks depends on who was faster.
    assert abs(grown.pop("shared", 0)) <= 8, grown
    assert not any(grown.values()), grown
    del epoch
    left = held()
    assert all(left[kind] <= outside[kind] for kind in ("processes", "shared") if kind in left)


@pytest.mark.parametrize("name", PROGRAMS)
def test_training_keeps_nothing(name, tmp_path):
    check(name, 12, tmp_path)


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", PROGRAMS)
def test_training_for_a_hundred_epochs_keeps_nothing(name, tmp_path):
    check(name, 100, tmp_path)
