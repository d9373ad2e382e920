"""What test_distributed.py has every worker do: mpiexec -n 4 python worker_checks.py NAMES."""

import copy
import sys
import threading
import weakref
import zlib

import numpy
from mpi4py import MPI

import microlazy as mx
from microlazy import autograd, gluon, nd
from microlazy.base import MXNetError
from microlazy.gluon import nn
from microlazy.kvstore import gradients

WORLD = MPI.COMM_WORLD
STORE = mx.kv.create("dist_sync")
RANK, SIZE = STORE.rank, STORE.num_workers
RNG = numpy.random.default_rng(7)
X = RNG.normal(size=(23, 5)).astype("float32")
Y = RNG.normal(size=(23, 3)).astype("float32")


def refused(message, use, *arguments):
    try:
        use(*arguments)
    except (MXNetError, ValueError, AssertionError) as error:
        assert message in str(error), error
    else:
        raise AssertionError(f"not refused: {message}")


def bits(arrays):
    return zlib.crc32(b"".join(numpy.ascontiguousarray(array).tobytes() for array in arrays))


def the_same_everywhere(arrays):
    assert len(set(WORLD.allgather(bits(arrays)))) == 1


def values_of(net):
    return [p.data().asnumpy() for p in net.collect_params().values()]


def store():
    assert (STORE.type, RANK, SIZE) == ("dist_sync", WORLD.rank, WORLD.size)
    made = mx.kv.create("dist_device_sync")
    made.init([3, 5], [nd.ones(2) * (RANK + 1), nd.ones(2)])
    out = nd.zeros(2)
    made.pull(3, out=out)
    assert out.asnumpy().tolist() == [1, 1]  # of worker 0
    made.push([3, 5], [[nd.ones(2) * RANK, nd.ones(2)], nd.ones(2)])
    made.pull(3, out=out)
    everyone = sum(range(SIZE)) + SIZE
    assert out.asnumpy().tolist() == [everyone, everyone]
    for dtype in ("float16", "float64", "int32"):
        grads = [nd.ones(2, dtype=dtype) * (RANK + 1)]
        made = mx.kv.create("dist_sync")
        made.init("x", nd.zeros(2, dtype=dtype))
        made.pushpull("x", grads)
        assert grads[0].asnumpy().tolist() == [sum(range(SIZE + 1))] * 2
    made.broadcast("w", nd.ones(2) * (RANK + 8), out=[out])
    assert out.asnumpy().tolist() == [8, 8]
    made = mx.kv.create("dist")
    made.init(0, nd.ones(2))
    made.set_optimizer(mx.optimizer.SGD(learning_rate=0.5))
    made.push(0, nd.ones(2) / SIZE)
    made.pull(0, out=out)
    assert out.asnumpy().tolist() == [0.5, 0.5]
    made.barrier()
    assert copy.deepcopy(made).type == "dist"
    refused("'2bit'", made.set_gradient_compression, {"type": "2bit"})
    refused("above zero", setattr, made, "timeout", 0)


def train(kvstore, kind="eager", norm=nn.BatchNorm, steps=3, contexts=None, **options):
    """Some epochs of 23 samples in batches of 11, the last of one sample."""
    alone = kvstore is None
    mx.random.seed(1 if alone or RANK == 0 else 100 + RANK)  # the values come from worker 0
    numpy.random.seed(3)
    net = nn.HybridSequential()
    net.add(nn.Dense(16, activation="tanh"), norm(), nn.Dense(16, activation="tanh"), nn.Dense(3))
    net.initialize(mx.init.Xavier(), ctx=contexts)
    if kind == "hybrid":
        net.hybridize()
    trainer = gluon.Trainer(
        net.collect_params(), "adam", {"learning_rate": 0.01}, kvstore=kvstore, **options
    )
    loss = gluon.loss.L2Loss()
    step = gluon.compile_step(net, loss, trainer) if kind == "step" else None
    batches = gluon.data.BatchSampler(gluon.data.RandomSampler(23), 11)
    if not alone:
        batches = gluon.data.SplitBatchSampler(batches, SIZE, RANK)
    loader = gluon.data.DataLoader(gluon.data.ArrayDataset(X, Y), batch_sampler=batches)
    sent = []
    for _ in range(steps):
        for x, y in loader:
            if step:
                step(x, y)
                continue
            with autograd.record():
                pairs = zip(
                    *(gluon.utils.split_and_load(z, contexts or [mx.cpu()]) for z in (x, y)),
                    strict=True,
                )
                losses = [loss(net(a), b) for a, b in pairs]
            autograd.backward(losses)
            if not alone:
                sent.append(
                    (trainer._sums._sent, len(trainer._sums._buckets)) if trainer._sums else 0
                )
            trainer.step(trainer.whole_batch(len(x)))
    assert net[1].running_mean.data().shape == (16,)
    return net, trainer, sent


def training():
    gradients.BUCKET_BYTES = 100
    expected = values_of(train(None, norm=nn.BatchNorm)[0])
    found = {}
    for kind in ("eager", "hybrid", "step"):
        net, trainer, sent = train("dist_sync", kind, nn.SyncBatchNorm)
        found[kind] = values_of(net)
        the_same_everywhere(found[kind])
        for a, b in zip(expected, found[kind], strict=True):
            numpy.testing.assert_allclose(b, a, rtol=2e-4, atol=2e-6)
        if kind != "step":  # all buckets but the last go while the backward pass runs
            assert sent[-1] == (len(trainer._sums._buckets) - 1, len(trainer._sums._buckets))
            assert sent[-1][0] >= 3
        assert trainer._sums._ahead
        trainer = copy.deepcopy(trainer)
        assert trainer.rank == RANK
    again = values_of(train("dist_sync", "eager", nn.SyncBatchNorm)[0])
    assert bits(found["eager"]) == bits(again)
    if RANK == 0:
        print("bits", bits(again), flush=True)
    gradients.BUCKET_BYTES = 1 << 20
    net, trainer, sent = train("dist_sync", "eager", nn.SyncBatchNorm)
    assert len(trainer._sums._buckets) == 1
    for a, b in zip(expected, values_of(net), strict=True):
        numpy.testing.assert_allclose(b, a, rtol=2e-4, atol=2e-6)


def half():
    gradients.BUCKET_BYTES = 100
    full = values_of(train("dist_sync", norm=nn.SyncBatchNorm)[0])
    net, trainer, sent = train(
        "dist_sync", norm=nn.SyncBatchNorm, compression_params={"type": "fp16"}
    )
    assert sent[-1][0] >= 3
    the_same_everywhere(values_of(net))
    assert bits(full) != bits(values_of(net))
    values = numpy.array([60000, 1 + 2.0**-9, -1, 2.0**-20], "float32")
    pending = STORE.workers.start_half_sum(values, "numbers")
    STORE.workers.wait(pending)
    # The mean of equal numbers is exact; the second is rounded to float16 once.
    assert values.tolist() == [60000 * SIZE, SIZE * (1 + 2.0**-9), -SIZE, SIZE * 2.0**-20]
    values = numpy.random.default_rng(RANK).normal(size=1001).astype("float32")
    exact = sum(numpy.random.default_rng(rank).normal(size=1001) for rank in range(SIZE))
    STORE.workers.wait(STORE.workers.start_half_sum(values, "numbers"))
    assert 0 < abs(values - exact).max() < SIZE * 5 * 2.0**-11


def one_weight(req="write", **options):
    weight = gluon.Parameter("weight", shape=(2,), init="ones", grad_req=req)
    other = gluon.Parameter("other", shape=(2,), init="ones")
    for each in (weight, other):
        each.initialize()
    return (
        weight,
        other,
        gluon.Trainer(
            [weight, other], "sgd", {"learning_rate": 1.0}, kvstore="dist_sync", **options
        ),
    )


def back(*losses):
    for loss in losses:
        with autograd.record():
            value = loss()
        value.backward()


def corners():
    gradients.BUCKET_BYTES = 1  # a bucket for each
    # Gradients that change after they were sent, in one worker only.
    weight, other, trainer = one_weight()
    for changing in (0, 0, 1):
        before = weight.data().asnumpy()
        back(lambda: (other.data() * weight.data().detach() + weight.data() * 2).sum())
        if changing and RANK == SIZE - 1:
            for param in (weight, other):
                param.grad()[:] = 0
        trainer.step(SIZE)
        scale = (SIZE - changing) / SIZE
        assert numpy.allclose(weight.data().asnumpy(), before - 2 * scale)
    assert not trainer._sums._ahead
    # A second backward pass before the step replaces what the first one sent.
    weight, other, trainer = one_weight()
    for _ in range(3):
        before = weight.data().asnumpy()
        back(
            lambda: (other.data() + weight.data() * 5).sum(),
            lambda: (other.data() + weight.data() * 2).sum(),
        )
        trainer.step(SIZE)
        assert (weight.data().asnumpy() == before - 2).all()
    # Gradients that add up are sent by the step.
    weight, other, trainer = one_weight("add")
    for _ in range(3):
        before = weight.data().asnumpy()
        back(*[lambda: (other.data() + weight.data()).sum()] * 3)
        trainer.step(SIZE)
        weight.zero_grad()
        assert (weight.data().asnumpy() == before - 3).all()
    # A parameter that only one worker reached is updated in all, by its gradient there.
    weight, other, trainer = one_weight()
    for _ in range(3):
        before, last = weight.data().asnumpy(), other.data().asnumpy()
        reached = weight if RANK == SIZE - 1 else other
        back(lambda reached=reached: (reached.data() * 2).sum())
        trainer.step(1, ignore_stale_grad=True)
        assert (weight.data().asnumpy() == before - 2).all()
        assert (other.data().asnumpy() == last - 2 * (SIZE - 1)).all()
    back(lambda: other.data().sum())
    before = weight.data().asnumpy()
    trainer.step(1, ignore_stale_grad=True)
    assert (weight.data().asnumpy() == before).all()  # nobody reached it
    # In two steps, as for clipping.
    weight, other, trainer = one_weight()
    back(lambda: (weight.data() * other.data() * (RANK + 1)).sum())
    trainer.allreduce_grads()
    assert weight.grad().asnumpy().tolist() == [sum(range(SIZE + 1))] * 2
    trainer.update(1)
    trainer = one_weight(update_on_kvstore=True)[2]
    refused("allreduce_grads() when parameters are updated on kvstore", trainer.allreduce_grads)
    # Several contexts in each worker.
    contexts = [mx.cpu(0), mx.cpu(1)]
    weight = gluon.Parameter("weight", shape=(2,), init="ones")
    weight.initialize(ctx=contexts)
    trainer = gluon.Trainer([weight], "sgd", {"learning_rate": 1.0}, kvstore="dist_sync")
    for _ in range(2):
        before = weight.data(mx.cpu(1)).asnumpy()
        with autograd.record():
            losses = [(data * (1 + k)).sum() for k, data in enumerate(weight.list_data())]
        autograd.backward(losses)
        trainer.step(SIZE)
        for data in weight.list_data():
            assert (data.asnumpy() == before - 3).all()
    # A reduced precision of parameters.
    weight = gluon.Parameter("weight", shape=(2,), init="ones", dtype="float16")
    wide = gluon.Parameter("wide", shape=(2,), init="ones", dtype="float64")
    for each in (weight, wide):
        each.initialize()
    options = {"learning_rate": 1.0, "multi_precision": True}
    trainer = gluon.Trainer([weight, wide], "sgd", options, kvstore="dist_sync")
    for _ in range(3):
        back(lambda: weight.data().sum(), lambda: wide.data().sum())
        trainer.step(SIZE)
    assert weight.data().asnumpy().tolist() == [-2, -2]
    assert wide.data().asnumpy().tolist() == [-2, -2]
    assert trainer.whole_batch(RANK) == sum(range(SIZE))


def norm():
    """Outputs and gradients of batch norm in float64 are those of one process."""
    x = RNG.normal(size=(7, 3, 4))
    head = RNG.normal(size=x.shape)
    part = numpy.array_split(numpy.arange(7), SIZE)[RANK]
    results = []
    for layer, rows in ((nn.BatchNorm(), slice(None)), (nn.SyncBatchNorm(), part)):
        layer.initialize()
        layer.cast("float64")
        layer(nd.array(x, dtype="float64"))
        layer.gamma.set_data(nd.array([1.5, 0.5, -1]))
        for hybrid in (False, True):
            layer.hybridize(hybrid)
            a = nd.array(x[rows], dtype="float64")
            a.attach_grad()
            with autograd.record():
                y = layer(a)
            y.backward(nd.array(head[rows], dtype="float64"))
        numbers = [y, a.grad, layer.gamma.grad(), layer.beta.grad()]
        numbers += [layer.running_mean.data(), layer.running_var.data()]
        results.append([z.asnumpy() for z in numbers])
    whole, mine = results
    for place in (0, 1):
        numpy.testing.assert_allclose(mine[place], whole[place][part], rtol=1e-9, atol=1e-12)
    for place in (2, 3):
        total = WORLD.allreduce(mine[place])
        numpy.testing.assert_allclose(total, whole[place], rtol=1e-9, atol=1e-12)
    for place in (4, 5):
        numpy.testing.assert_allclose(mine[place], whole[place], rtol=1e-6)
    y = layer(nd.array(x, dtype="float64"))  # predicting needs nobody else
    assert y.shape == x.shape


def forgotten():
    """MPI writes to the numbers of a sum until it is over: they live until then, no longer."""
    values = numpy.ones(2)
    written = weakref.ref(values)
    pending = STORE.workers.start_sum(values, "a sum")
    del values
    assert written() is not None
    STORE.workers.wait(pending)
    assert written() is None


def time_out():
    """Whoever waits in vain says for whom."""
    last = SIZE - 1
    before, STORE.timeout = STORE.timeout, 0.2
    if last == RANK:
        assert [WORLD.recv(source=rank) for rank in range(last)] == [True] * last
        STORE.barrier()  # for which the others wait still
    else:
        message = f"barrier() was not over after 0.2 seconds: worker {last} gave no answer"
        refused(message, STORE.barrier)
        WORLD.send(True, dest=last)
    meet_and_answer()
    if last == RANK:
        refused("waited for something else", STORE.workers.sum, numpy.zeros(2), "a sum")
    else:
        refused(f"worker {last} waited for something else", wait_for_back)
    meet_and_answer()
    if last == RANK:
        wait_for_back()
    else:
        STORE.workers.sum(numpy.zeros(2), "a sum")
    STORE.timeout = before


def meet_and_answer():
    request = WORLD.Ibarrier()
    while not request.Test():
        STORE.workers._listen()


def wait_for_back():
    STORE.workers.wait(STORE.workers.start_sum(numpy.zeros(2), "a sum of gradients"))


def fails():
    """One worker raises; the others wait for it."""
    if RANK == SIZE - 1:
        raise RuntimeError("something of the program")
    STORE.barrier()


def leaves():
    """One worker comes to its end before the others."""
    if RANK < SIZE - 1:
        STORE.barrier()


def stays():
    """One worker never comes to its end."""
    STORE.timeout = 0.2
    if RANK == SIZE - 1:
        threading.Event().wait()


def mismatch():
    """The workers have different networks."""
    net = nn.Dense(2 + RANK, in_units=3, prefix="net_")
    net.initialize()
    gluon.Trainer(net.collect_params(), "sgd", kvstore="dist_sync")
    STORE.barrier()


if __name__ == "__main__":
    for name in sys.argv[1:]:
        globals()[name]()
        if RANK == 0:
            print("passed", name, flush=True)
