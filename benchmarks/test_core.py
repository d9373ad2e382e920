"""The floors above the kernels, from a single operation up to a first forward pass."""

import subprocess
import sys

import numpy as onp
import pytest

import microlazy as mx
from benchmarks.gluon_steps import perceptron
from benchmarks.workloads import CHAIN, SMALL
from microlazy import autograd, gluon, nd
from microlazy.gluon import nn

LENGTHS = [SMALL, 1_000, 100_000, 10_000_000]


def normal(*shape):
    return nd.random.normal(shape=shape)


# Operations: at four elements the time is overhead, at ten million it is memory's.

OPERATIONS = {
    "add": lambda x: x + x,
    "add_scalar": lambda x: x + 1.5,
    "add_row": lambda x: x.reshape((2, -1)) + x[: x.size // 2],
    "in_place": lambda x: x.__iadd__(0.0),
    "exp": nd.exp,
    "tanh": nd.tanh,
    "sum": lambda x: x.sum(),
    "reshape": lambda x: x.reshape((-1, 2)),
    "slice": lambda x: x[1:3],
}


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_operation(benchmark, operation, length):
    benchmark(OPERATIONS[operation], normal(length))


@pytest.mark.parametrize("length", LENGTHS)
def test_create(benchmark, length):
    benchmark(nd.zeros, (length,))


@pytest.mark.parametrize("length", LENGTHS)
def test_to_and_from_numpy(benchmark, length):
    numbers = onp.ones(length, dtype="float32")
    benchmark(lambda: nd.array(numbers).asnumpy())


@pytest.mark.parametrize("length", LENGTHS)
def test_random_normal(benchmark, length):
    benchmark(normal, length)


# The tape


def test_record_a_chain(benchmark):
    a, b = normal(SMALL), normal(SMALL)
    a.attach_grad()

    def record():
        with autograd.record():
            product = a
            for _ in range(CHAIN):
                product = product * b
        return product

    benchmark(record)


def test_record_and_go_back(benchmark):
    a = normal(SMALL)
    a.attach_grad()

    def step():
        with autograd.record():
            y = a * a
        y.backward()

    benchmark(step)


def test_record_scope(benchmark):
    def enter_and_leave():
        with autograd.record():
            pass

    benchmark(enter_and_leave)


# Dense and the loss: (batch, features, units)

PRODUCTS = [
    (1, 10, 10),
    (2, 32, 32),
    (2, 20, 256),
    (64, 64, 64),
    (256, 784, 256),
    (512, 1024, 4096),
]
by_product = pytest.mark.parametrize("batch, features, units", PRODUCTS)


def dense(features, units):
    layer = nn.Dense(units, in_units=features, activation="relu")
    layer.initialize()
    return layer


@by_product
def test_dense_forward(benchmark, batch, features, units):
    benchmark(dense(features, units), normal(batch, features))


@by_product
def test_dense_forward_and_backward(benchmark, batch, features, units):
    layer, x = dense(features, units), normal(batch, features)
    x.attach_grad()

    def step():
        with autograd.record():
            y = layer(x)
        y.backward()

    benchmark(step)


@pytest.mark.parametrize("batch, classes", [(2, 10), (256, 10), (256, 1000)])
def test_softmax_cross_entropy(benchmark, batch, classes):
    loss_of = gluon.loss.SoftmaxCrossEntropyLoss()
    scores, labels = normal(batch, classes), nd.array(onp.arange(batch) % classes)
    scores.attach_grad()

    def step():
        with autograd.record():
            loss = loss_of(scores, labels)
        loss.backward()

    benchmark(step)


# The optimizer, on many small and on a few large parameters

OPTIMIZERS = {
    "sgd": ("sgd", {"learning_rate": 1e-3}),
    "momentum": ("sgd", {"learning_rate": 1e-3, "momentum": 0.9}),
    "adam": ("adam", {"learning_rate": 1e-3}),
}


@pytest.mark.parametrize("sizes", [(32,) * 101, (1024, 4096, 4096)], ids=["many", "large"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_trainer_step(benchmark, optimizer, sizes):
    net = perceptron(sizes)
    net.initialize()
    x = normal(1, sizes[0])
    trainer = gluon.Trainer(net.collect_params(), *OPTIMIZERS[optimizer])
    with autograd.record():
        y = net(x)
    y.backward()
    benchmark(trainer.step, 1, ignore_stale_grad=True)


# Metrics: what a batch costs beside the step that it belongs to

METRICS = {
    "acc": {}, "topkaccuracy": {"top_k": 3}, "ce": {}, "perplexity": {"ignore_label": None},
    "mae": {}, "mse": {}, "loss": {},
}  # fmt: skip


@pytest.mark.parametrize("name", METRICS)
def test_metric_update(benchmark, name):
    preds, labels = nd.softmax(normal(32, 10)), nd.array(onp.arange(32) % 10)
    if name in ("mae", "mse"):
        labels = normal(32, 10)
    benchmark(mx.metric.create(name, **METRICS[name]).update, labels, preds)


# Initialization


@pytest.mark.parametrize("name", ["zeros", "uniform", "normal", "xavier"])
def test_initialize_large(benchmark, name):
    layer = dense(4096, 4096)
    benchmark(layer.initialize, mx.init.create(name), force_reinit=True)


@pytest.mark.parametrize("first_call", ["forward", "dry_run"])
def test_find_sizes(benchmark, first_call):
    x = nd.zeros((2, 32))

    def build_and_call():
        net = perceptron((32,) * 27 + (10,))
        net.initialize(mx.init.Zero())
        if first_call == "forward":
            net(x)
        else:
            net.dry_run(x)

    benchmark(build_and_call)


@pytest.mark.parametrize("module", ["numpy", "microlazy"])
def test_import(benchmark, module):
    benchmark(subprocess.run, [sys.executable, "-c", f"import {module}"], check=True)
