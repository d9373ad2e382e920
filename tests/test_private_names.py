"""Names that begin with an underscore in MXNet, and that its users' libraries build on."""

import pickle
from multiprocessing.pool import ThreadPool

import pytest

import microlazy as mx
from microlazy import autograd, gluon, nd
from microlazy.gluon.data.dataloader import _MultiWorkerIter


class WeightDrop(gluon.Parameter):
    """A parameter that stands in for another, as language models in GluonNLP have it."""

    def __init__(self, other, rate):
        super().__init__(
            other.name, other.grad_req, other._shape, init=other.init,
            allow_deferred_init=other._allow_deferred_init,
        )  # fmt: skip
        self.rate = rate
        for name in ("_var", "_data", "_grad", "_ctx_list", "_ctx_map", "_trainer"):
            setattr(self, name, getattr(other, name))

    def data(self, ctx=None):
        return nd.Dropout(self._check_and_get(self._data, ctx), self.rate)


@pytest.mark.parametrize("hybrid", [False, True])
@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize(
    ("layer", "shape"),
    [(gluon.nn.Dense, (2, 4)), (gluon.rnn.LSTM, (3, 2, 4)), (gluon.nn.BatchNorm, (3, 5))],
)
def test_a_parameter_of_a_users_class_gives_the_values(layer, shape, live, hybrid):
    net = layer() if layer is gluon.nn.BatchNorm else layer(50)
    x = nd.random.normal(shape=shape)
    if live:
        net.initialize()
        net(x)
    for name in [n for n in net._reg_params if n.endswith(("weight", "gamma"))]:
        dropped = WeightDrop(net._reg_params[name], 0.5)
        net._params._params[dropped.name] = net._reg_params[name] = dropped
        super(gluon.Block, net).__setattr__(name, dropped)
        assert (dropped._data is None) == (dropped._grad is None) == (not live)
    net.initialize() if not live else None
    net.hybridize(hybrid)
    plain = [net(x).asnumpy() for _ in range(2)]
    assert (plain[0] == plain[1]).all()
    assert dropped._data[0] is dropped.list_data()[0]
    with autograd.record():
        outputs = [net(x) for _ in range(3)]
        loss = (outputs[0] ** 3).sum()
    assert (outputs[0].asnumpy() != outputs[1].asnumpy()).any()
    before = dropped._data[0].asnumpy()
    loss.backward()
    gluon.Trainer(net.collect_params(), "sgd").step(1)
    changed = dropped._data[0].asnumpy() != before
    assert changed.any() and not changed.all()  # nothing comes to what was left out


def test_private_lists_of_a_parameter():
    weight = gluon.Parameter("weight", shape=(2,), grad_req="null")
    with pytest.raises(RuntimeError, match="'weight' has not been initialized"):
        weight._check_and_get(weight._data, None)
    weight.initialize(ctx=[mx.cpu(0), mx.cpu(1)])
    assert weight._ctx_list == [mx.cpu(0), mx.cpu(1)] and weight._grad is None
    assert weight._check_and_get(weight._data, list) == weight.list_data()
    assert weight._check_and_get(weight._data, mx.cpu(1)).ctx == mx.cpu(1)


@pytest.mark.parametrize("hybrid", [False, True])
def test_arrays_put_into_a_parameter_lead_on_to_what_they_were_computed_from(hybrid):
    """Bayesian networks sample weights so: MXFusion and Xfer do."""
    net = gluon.nn.Dense(2, use_bias=False, in_units=3)
    net.initialize(ctx=mx.cpu(1))
    net.hybridize(hybrid)
    means = [nd.ones((2, 3), ctx=mx.cpu(1)) * k for k in (1, 2)]
    x = nd.array([[1, 2, 3]], ctx=mx.cpu(1))
    for mean in means:
        mean.attach_grad()
        with autograd.record():
            place = net.weight._ctx_map[mean.ctx.device_typeid & 1][mean.ctx.device_id]
            net.weight._data[place] = mean * 2
            y = net(x)
        y.backward()
        assert y.asnumpy().tolist() == [[12 * mean.asnumpy()[0, 0]] * 2]
        assert mean.grad.asnumpy().tolist() == [[2, 4, 6]] * 2
    assert net.weight._ctx_map == [[], [None, 0]]


def _squares(indices, batchify, dataset):
    return pickle.dumps(batchify([i * i for i in indices]))


class Doubled(_MultiWorkerIter):
    """Begins without asking ahead, and asks in a way of its own, as a loader in GluonCV."""

    def _push_next(self):
        indices = next(self._iter, None)
        if indices is not None:
            arguments = [2 * i for i in indices], self._batchify_fn, None
            self._data_buffer[self._sent_idx] = self._worker_pool.apply_async(
                self._worker_fn, arguments
            )
            self._sent_idx += 1


@pytest.mark.parametrize(("kind", "factor"), [(_MultiWorkerIter, 1), (Doubled, 4)])
def test_the_iterator_under_users_loaders(kind, factor):
    with ThreadPool(2) as pool:
        batches = kind(pool, sum, [[1, 2], [3], [4, 5]], worker_fn=_squares, prefetch=2)
        assert len(batches) == 3
        assert list(batches) == [5 * factor, 9 * factor, 41 * factor]


def test_states_written_by_a_trainers_insides():
    """As Sockeye writes them."""
    weight = gluon.Parameter("weight", shape=(2,))
    weight.initialize()
    trainer = gluon.Trainer([weight], "sgd", {"momentum": 0.5})
    if not trainer._kv_initialized:
        trainer._init_kvstore()
    if trainer._params_to_init:
        trainer._init_params()
    with autograd.record():
        loss = weight.data().sum()
    loss.backward()
    trainer.step(1)
    assert not trainer._update_on_kvstore
    states = trainer._updaters[0].get_states(dump_optimizer=False)
    other = gluon.Trainer([weight], "sgd", {"momentum": 0.5})
    other._updaters[0].set_states(states)
    assert other._updaters[0].states[0].asnumpy().tolist() == pytest.approx([-0.01, -0.01])
