"""Key-value stores of one process, and what a trainer does with them."""

import numpy
import pytest

import microlazy as mx
from microlazy import autograd, gluon, nd
from microlazy.base import MXNetError


def pulled(store, key):
    out = nd.zeros((2,))
    store.pull(key, out=out)
    return out.asnumpy().tolist()


@pytest.mark.parametrize("name", ["local", "device"])
def test_what_is_pushed_is_summed_and_replaces(name):
    store = mx.kv.create(name)
    assert (store.type, store.rank, store.num_workers) == (name, 0, 1)
    store.init(3, nd.ones((2,)))
    assert pulled(store, 3) == [1, 1]
    store.push(3, nd.ones((2,)) * 8)
    assert pulled(store, 3) == [8, 8]
    given = [nd.ones((2,)), nd.ones((2,), ctx=mx.cpu(1))]
    store.push(3, given)
    assert pulled(store, 3) == [2, 2]
    assert [each.asnumpy().tolist() for each in given] == [[1, 1], [1, 1]]
    assert isinstance(store, mx.kvstore.KVStore)


def test_the_store_has_arrays_of_its_own():
    store, first = mx.kv.create(), nd.ones((2,))
    store.init("a", first)
    first[:] = 5
    pushed = nd.ones((2,)) * 2
    store.push("a", pushed)
    pushed[:] = 7
    assert pulled(store, "a") == [2, 2]


def test_lists_of_keys():
    store = mx.kv.create()
    store.init(["a", "b"], [nd.ones((2,)), nd.ones((2,)) * 2])
    outs = [nd.zeros((2,)), nd.zeros((2,))]
    store.pull(["a", "b"], out=outs)
    assert [out.asnumpy()[0] for out in outs] == [1, 2]
    store.pull("b", out=outs)
    assert [out.asnumpy()[0] for out in outs] == [2, 2]
    store.broadcast("c", nd.ones((2,)) * 7, out=outs)
    assert [out.asnumpy()[0] for out in outs] == [7, 7]


def test_pushpull():
    store = mx.kv.create("device")
    store.init("a", nd.zeros((2,)))
    out, grads = nd.zeros((2,)), [nd.ones((2,)) * 5, nd.ones((2,))]
    store.pushpull("a", nd.ones((2,)) * 5, out=out)
    assert out.asnumpy().tolist() == [5, 5]
    store.pushpull("a", grads)
    assert [each.asnumpy()[0] for each in grads] == [6, 6]


def test_an_optimizer_updates_the_store(tmp_path):
    stores = [mx.kv.create() for _ in range(2)]
    for store in stores:
        store.init(0, nd.ones((2,)))
        store.set_optimizer(mx.optimizer.SGD(learning_rate=0.5, momentum=0.5))
    stores[0].push(0, nd.ones((2,)))
    assert pulled(stores[0], 0) == [0.5, 0.5]
    path = str(tmp_path / "sgd.states")
    stores[0].save_optimizer_states(path)
    stores[1].load_optimizer_states(path)
    stores[1].push(0, nd.ones((2,)))
    assert pulled(stores[1], 0) == [0.25, 0.25]  # the momentum came with the file


def test_a_function_updates_the_store():
    store = mx.kv.create()
    store.init("a", nd.ones((2,)))
    seen = []

    def update(key, pushed, stored):
        seen.append(key)
        stored += 2 * pushed

    store._set_updater(update)
    store.push("a", [nd.ones((2,)), nd.ones((2,))])
    assert (pulled(store, "a"), seen) == ([5, 5], ["a"])


def test_a_store_prints_its_place_among_the_workers():
    assert repr(mx.kv.create("local")) == "<KVStore 'local': worker 0 of 1>"


def test_refusals_change_nothing():
    store = mx.kv.create()
    store.init(3, nd.ones((2,)))
    zeros = nd.zeros((2,))
    for use, error, message in [
        (lambda: store.init(3, zeros), MXNetError, "duplicate init of key 3"),
        (lambda: store.init([4, 3], [zeros, zeros]), MXNetError, "duplicate init of key 3"),
        (lambda: store.init("w", zeros), MXNetError, "Mixed key types"),
        (lambda: store.init([5, 6], [zeros]), ValueError, "2 keys need as many"),
        (lambda: store.init(1.5, zeros), TypeError, "an int or a str"),
        (lambda: store.push(4, zeros), MXNetError, "key 4 has not been inited"),
        (lambda: store.push([3, 4], [zeros, zeros]), MXNetError, "key 4 has not been inited"),
        (lambda: store.push(3, nd.zeros((3,))), MXNetError, r"shape \(2,\), not \(3,\)"),
        (lambda: store.push(3, [zeros, 2]), TypeError, "needs arrays"),
        (lambda: store.push(3, []), ValueError, "empty list"),
        (lambda: store.pull(4, out=zeros), MXNetError, "key 4 has not been inited"),
        (lambda: store.pull(3), ValueError, "out must be"),
        (lambda: store.pull(3, out=nd.ones((1,))), MXNetError, "shape"),
        (lambda: store.row_sparse_pull(3, out=zeros, row_ids=zeros), MXNetError, "row_sparse"),
        (lambda: store.set_gradient_compression({"type": "2bit"}), ValueError, "not supported"),
        (lambda: store.set_optimizer("sgd"), TypeError, "takes an Optimizer"),
        (lambda: store.set_updater(3), TypeError, "takes a function"),
        (lambda: store.save_optimizer_states("x"), MXNetError, "set_optimizer"),
        (lambda: store.is_capable("flying"), MXNetError, "Unknown capability"),
        (lambda: mx.kv.create("dist_async"), MXNetError, "needs servers"),
        (lambda: mx.kv.create("horovod"), MXNetError, "for several processes use 'dist_sync'"),
        (lambda: mx.kv.create("foo"), ValueError, "no kvstore 'foo'"),
        (lambda: mx.kv.create(3), TypeError, "name must be a string"),
    ]:
        with pytest.raises(error, match=message):
            use()
    assert pulled(store, 3) == [1, 1]
    with pytest.raises(MXNetError, match="key 4"):
        store.pull(4, out=zeros)


@pytest.mark.parametrize(
    "arguments",
    [
        {"kvstore": None},
        {"kvstore": "local"},
        {"kvstore": mx.kv.create("device")},
        {"kvstore": "device", "update_on_kvstore": True},
        {"update_on_kvstore": False, "compression_params": {"type": "2bit", "threshold": 0.5}},
    ],
)
def test_on_one_context_a_trainer_needs_no_store(arguments):
    weight = gluon.Parameter("weight", shape=(1,), init="zeros")
    weight.initialize()
    trainer = gluon.Trainer([weight], "sgd", {"learning_rate": 0.5}, **arguments)
    with autograd.record():
        loss = weight.data() * 2
    loss.backward()
    trainer.allreduce_grads()
    trainer.update(1)
    assert weight.data().asnumpy().tolist() == [-1]


@pytest.mark.parametrize(
    "arguments, error, message",
    [
        ({"kvstore": 3}, TypeError, "kvstore must be KVStore, str or None"),
        ({"kvstore": "dist_async"}, MXNetError, "needs servers"),
        ({"kvstore": "foo"}, ValueError, "no kvstore"),
        ({"kvstore": None, "update_on_kvstore": True}, ValueError, "needs a kvstore"),
        ({"compression_params": 2}, TypeError, "compression_params is a dict"),
    ],
)
def test_stores_that_a_trainer_refuses(arguments, error, message):
    weight = gluon.Parameter("weight", shape=(1,))
    weight.initialize()
    with pytest.raises(error, match=message):
        gluon.Trainer([weight], "sgd", **arguments)


def test_a_trainers_store_may_be_shared():
    store = mx.kv.create("device")
    for _ in range(2):
        weight = gluon.Parameter("weight", shape=(1,), init="zeros")
        weight.initialize(ctx=[mx.cpu(0), mx.cpu(1)])
        trainer = gluon.Trainer([weight], "sgd", {"learning_rate": 0.5}, kvstore=store)
        with autograd.record():
            losses = [weight.data(ctx) * 2 for ctx in weight.list_ctx()]
        autograd.backward(losses)
        trainer.step(2)
        assert [each.asscalar() for each in weight.list_data()] == [-1, -1]
        assert numpy.isfinite(weight.data().asnumpy()).all()
