"""Mixed precision: scaled losses, steps left out, networks in float16."""

import copy
import pickle

import numpy
import pytest

import microlazy as mx
from microlazy import autograd, gluon, nd
from microlazy.base import MXNetError
from microlazy.contrib import amp


@pytest.fixture
def training():
    """A parameter of one number, and a trainer that amp looks after."""
    amp.init()
    weight = gluon.Parameter("weight", shape=(1,), init="zeros")
    weight.initialize()
    trainer = gluon.Trainer([weight], "sgd", {"learning_rate": 0.5})
    amp.init_trainer(trainer)
    return weight, trainer


def step(weight, trainer, factor, unscale=False):
    with autograd.record():
        loss = weight.data() * factor
        with amp.scale_loss(loss, trainer) as scaled:
            scaled.backward()
    if unscale:
        amp.unscale(trainer)
    gradient = weight.grad().asscalar()
    trainer.step(1)
    return gradient


@pytest.mark.parametrize("unscale", [False, True])
def test_the_trainer_divides_again(training, unscale):
    weight, trainer = training
    assert step(weight, trainer, 3.0, unscale) == (3.0 if unscale else 3.0 * 2**16)
    assert weight.data().asscalar() == -1.5
    step(weight, trainer, 3.0, unscale)
    assert weight.data().asscalar() == -3.0


def test_an_overflow_makes_no_step_and_halves_the_scale(training):
    weight, trainer = training
    step(weight, trainer, float("inf"))
    assert weight.data().asscalar() == 0
    assert trainer.optimizer.num_update == 0
    step(weight, trainer, 3.0)
    assert weight.data().asscalar() == -1.5
    assert step(weight, trainer, 3.0) == 3.0 * 2**15
    assert weight.data().asscalar() == -3.0


def test_the_scale_grows_when_long_nothing_overflowed():
    weight = gluon.Parameter("weight", shape=(1,))
    weight.initialize()
    scaler = amp.LossScaler(init_scale=4.0, scale_window=2)
    scales = []
    for _ in range(6):
        scaler.has_overflow([weight])
        scales.append(scaler.loss_scale)
    assert scales == [4, 4, 8, 8, 16, 16]


def test_lists_of_losses(training):
    _, trainer = training
    with amp.scale_loss([nd.ones((1,)), nd.ones((1,)) * 2], trainer) as scaled:
        assert [each.asscalar() / 2**16 for each in scaled] == [1, 2]


def test_what_must_come_first(monkeypatch):
    weight = gluon.Parameter("weight", shape=(1,))
    weight.initialize()
    trainer = gluon.Trainer([weight], "sgd")
    monkeypatch.setattr(amp, "_initialized", False)
    with pytest.raises(AssertionError, match=r"amp.init\(\)"):
        amp.init_trainer(trainer)
    for use in (lambda: amp.unscale(trainer), lambda: amp.scale_loss(1, trainer).__enter__()):
        with pytest.raises(AssertionError, match=r"amp.init_trainer\(\)"):
            use()
    amp.init()
    with pytest.raises(TypeError, match="takes a Trainer"):
        amp.init_trainer("sgd")


def network():
    net = gluon.nn.HybridSequential(prefix="net_")
    with net.name_scope():
        net.add(
            gluon.nn.Dense(8, activation="relu", in_units=4),
            gluon.nn.BatchNorm(in_channels=8),
            gluon.nn.Dense(2, in_units=8),
        )
    net.initialize(mx.init.Xavier())
    return net


@pytest.mark.parametrize("hybrid", [False, True])
def test_a_network_in_float16(hybrid):
    net = network()
    if hybrid:
        net.hybridize()
    half = amp.convert_hybrid_block(net)
    x = nd.random.normal(shape=(5, 4))
    y = half(x)
    assert y.dtype == numpy.float16
    numpy.testing.assert_allclose(y.asnumpy(), net(x).asnumpy(), rtol=2e-2, atol=2e-3)
    dtypes = {name: p.dtype for name, p in half.collect_params().items()}
    assert {numpy.dtype(d) for n, d in dtypes.items() if "dense" in n} == {numpy.dtype("float16")}
    assert {numpy.dtype(d) for n, d in dtypes.items() if "norm" in n} == {numpy.dtype("float32")}
    assert numpy.dtype(net[0].weight.dtype) == numpy.float32


def test_layers_that_stay_in_float32():
    half = amp.convert_hybrid_block(network(), excluded_sym_names=["net_dense1"])
    assert half.net[2].weight.data().dtype == numpy.float32
    assert half.net[0].weight.data().dtype == numpy.float16
    assert half(nd.ones((2, 4))).dtype == numpy.float16


def test_a_converted_network_trains():
    amp.init()
    half = amp.convert_hybrid_block(network())
    trainer = gluon.Trainer(
        half.collect_params(), "sgd", {"learning_rate": 0.1, "multi_precision": True}
    )
    amp.init_trainer(trainer)
    loss_of, losses = gluon.loss.L2Loss(), []
    x, y = nd.random.normal(shape=(16, 4)), nd.random.normal(shape=(16, 2))
    for _ in range(30):
        with autograd.record():
            loss = loss_of(half(x).astype("float32"), y)
            with amp.scale_loss(loss, trainer) as scaled:
                scaled.backward()
        trainer.step(16)
        losses.append(float(loss.mean().asscalar()))
    assert losses[-1] < 0.7 * losses[0]


def test_refusals():
    for use, error, message in [
        (lambda: amp.init("float32"), ValueError, "must be float16"),
        (lambda: amp.init("bfloat16"), ValueError, "must be float16"),
        (lambda: amp.convert_hybrid_block(gluon.nn.Sequential()), TypeError, "HybridBlock"),
        (lambda: amp.convert_hybrid_block(network(), "float64"), ValueError, "must be float16"),
        (
            lambda: amp.convert_hybrid_block(network(), excluded_sym_names=["x"]),
            ValueError,
            "no layer is called x",
        ),
        (lambda: amp.convert_model(None, {}, {}), MXNetError, "convert_hybrid_block"),
        (lambda: amp.list_fp32_ops("float32"), ValueError, "must be float16"),
    ]:
        with pytest.raises(error, match=message):
            use()


def test_the_lists_name_functions_of_nd():
    names = [
        *amp.list_lp16_ops(),
        *amp.list_fp32_ops(),
        *amp.list_lp16_fp32_ops(),
        *amp.list_widest_type_cast(),
        *amp.list_loss_output_functions(),
        *(name for name, _, _ in amp.list_conditional_fp32_ops()),
        *amp.list_lp16_use_fp32_params(),
    ]
    assert [name for name in names if not hasattr(nd, name)] == []
    assert mx.contrib.amp is amp
    assert mx.contrib.nd is mx.nd.contrib


def test_a_network_with_an_excluded_layer_can_be_copied_and_sent():
    net = gluon.nn.HybridSequential()
    net.add(gluon.nn.Dense(4, in_units=3), gluon.nn.Dense(2, in_units=4))
    net.initialize("ones")
    half = amp.convert_hybrid_block(net, excluded_sym_names=[net[0].name])
    copies = copy.deepcopy(half), pickle.loads(pickle.dumps(half))
    for made in copies:
        first = next(iter(made.collect_params().values()))
        assert first.dtype == "float32"
        first.set_data(nd.zeros((4, 3)))
        assert (made(nd.ones((1, 3))).asnumpy() == 0).all()
        assert (half(nd.ones((1, 3))).asnumpy() == 12).all()
