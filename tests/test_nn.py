"""The layers: values against NumPy, gradients against differences, and what they refuse."""

import math

import numpy as onp
import pytest

import microlazy as mx
from microlazy import autograd, nd
from microlazy.gluon import nn

RNG = onp.random.default_rng(7)
X = RNG.normal(size=(4, 5))
UNIT = math.sqrt(2)


def normal_cdf(x):
    return onp.vectorize(lambda v: (1 + math.erf(v / UNIT)) / 2)(x)


def sigmoid(x):
    return 1 / (1 + onp.exp(-x))


ELEMENTWISE = {
    "relu": (lambda: nn.Activation("relu"), lambda x: onp.maximum(x, 0)),
    "sigmoid": (lambda: nn.Activation("sigmoid"), sigmoid),
    "tanh": (lambda: nn.Activation("tanh"), onp.tanh),
    "softrelu": (lambda: nn.Activation("softrelu"), lambda x: onp.log1p(onp.exp(x))),
    "softsign": (lambda: nn.Activation("softsign"), lambda x: x / (1 + abs(x))),
    "leaky": (lambda: nn.LeakyReLU(0.1), lambda x: onp.where(x > 0, x, 0.1 * x)),
    "prelu": (nn.PReLU, lambda x: onp.where(x > 0, x, 0.25 * x)),
    "elu": (lambda: nn.ELU(0.7), lambda x: onp.where(x > 0, x, 0.7 * onp.expm1(x))),
    "selu": (
        nn.SELU,
        lambda x: 1.0507009873554805 * onp.where(x > 0, x, 1.6732632423543772 * onp.expm1(x)),
    ),
    "gelu": (nn.GELU, lambda x: x * normal_cdf(x)),
    "swish": (lambda: nn.Swish(1.5), lambda x: x * sigmoid(1.5 * x)),
    "flatten": (nn.Flatten, lambda x: x),
    "lambda": (lambda: nn.Lambda("tanh"), onp.tanh),
    "hybrid lambda": (lambda: nn.HybridLambda(lambda F, x: F.tanh(x)), onp.tanh),
}


def gradient(layer, x, head):
    x = nd.array(x, dtype="float64")
    x.attach_grad()
    with autograd.record():
        y = layer(x)
    y.backward(nd.array(head, dtype="float64"))
    return x.grad.asnumpy()


def differences(layer, x, head, step=1e-6):
    """Central differences of sum(head * layer(x))."""
    found = onp.zeros_like(x)
    for i in onp.ndindex(x.shape):
        ends = []
        for sign in (1, -1):
            moved = x.copy()
            moved[i] += sign * step
            ends.append((head * layer(nd.array(moved, dtype="float64")).asnumpy()).sum())
        found[i] = (ends[0] - ends[1]) / (2 * step)
    return found


@pytest.mark.parametrize("hybrid", [False, True])
@pytest.mark.parametrize("name", ELEMENTWISE)
def test_elementwise_layers(name, hybrid):
    make, formula = ELEMENTWISE[name]
    layer = make()
    layer.initialize()
    layer.cast("float64")
    if hybrid:
        layer.hybridize()
    x = nd.array(X, dtype="float64")
    onp.testing.assert_allclose(layer(x).asnumpy(), formula(X), rtol=1e-6, atol=1e-9)
    head = RNG.normal(size=X.shape)
    onp.testing.assert_allclose(
        gradient(layer, X, head), differences(layer, X, head), rtol=1e-4, atol=1e-6
    )


def test_prelu_has_a_slope_per_channel():
    layer = nn.PReLU(in_channels=5)
    layer.initialize()
    layer.alpha.set_data(nd.arange(5))
    x = -onp.ones((2, 5))
    onp.testing.assert_array_equal(layer(nd.array(x)).asnumpy(), x * onp.arange(5))
    with autograd.record():
        y = layer(nd.array(x))
    y.backward()
    assert layer.alpha.grad().asnumpy().tolist() == [-2] * 5


@pytest.mark.parametrize("use_bias", [False, True])
@pytest.mark.parametrize("activation", [None, "relu", "tanh"])
@pytest.mark.parametrize(
    ("flatten", "shape"), [(True, (4, 5)), (True, (2, 3, 4)), (False, (2, 3, 4)), (False, (5,))]
)
def test_dense_is_its_formula(use_bias, activation, flatten, shape):
    layer = nn.Dense(
        3,
        activation=activation,
        use_bias=use_bias,
        flatten=flatten,
        dtype="float64",
        weight_initializer=mx.init.Normal(1),
        bias_initializer=mx.init.Normal(1),
    )
    layer.initialize()
    x = RNG.normal(size=shape)
    y = layer(nd.array(x, dtype="float64")).asnumpy()
    rows = x.reshape(shape[0], -1) if flatten else x
    expected = rows @ layer.weight.data().asnumpy().T
    if use_bias:
        expected += layer.bias.data().asnumpy()
    function = {None: lambda v: v, "relu": lambda v: v.clip(0), "tanh": onp.tanh}[activation]
    expected = function(expected)
    onp.testing.assert_allclose(y, expected, rtol=1e-12)
    head = RNG.normal(size=y.shape)
    onp.testing.assert_allclose(
        gradient(layer, x, head), differences(layer, x, head), rtol=1e-5, atol=1e-7
    )


def test_dense_keeps_an_empty_batch():
    mx.npx.set_np()
    layer = nn.Dense(3, in_units=4)
    layer.initialize()
    assert layer(mx.np.zeros((0, 4))).shape == (0, 3)
    mx.npx.reset_np()


@pytest.mark.parametrize(
    "arguments",
    [{"units": 0}, {"units": -1}, {"units": 2.5}, {"units": "3"}, {"units": 3, "in_units": -2}],
)
def test_dense_refuses_what_is_no_size(arguments):
    with pytest.raises(ValueError, match="units must be"):
        nn.Dense(**arguments)


@pytest.mark.parametrize("bad", [5, None, [[1.0, 2.0]], onp.ones((1, 2)), "x"])
def test_dense_refuses_what_is_no_array(bad):
    layer = nn.Dense(3)
    layer.initialize()
    with pytest.raises(ValueError, match="takes an array"):
        layer(bad)
    assert layer.weight.state == "deferred"
    layer(nd.ones((1, 2)))
    with pytest.raises(ValueError, match="takes an array"):
        layer(bad)


@pytest.mark.parametrize("bad", [nd.ones((2, 5)), nd.ones((2, 4), dtype="int32")])
def test_what_dense_refuses_prints_one_traceback(bad):
    layer = nn.Dense(3, in_units=4)
    layer.initialize()
    with pytest.raises(mx.MXNetError) as caught:
        layer(bad)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_dense_takes_numpy_integers():
    assert nn.Dense(onp.int64(3), in_units=onp.int32(2)).weight.shape == (3, 2)


@pytest.mark.parametrize("rate", [-0.1, 1.5, math.nan])
def test_dropout_refuses_a_rate(rate):
    with pytest.raises(ValueError, match="from 0 to 1"):
        nn.Dropout(rate)


def test_dropout_drops_only_in_training():
    layer = nn.Dropout(0.25)
    x = nd.ones((100, 100))
    assert (layer(x).asnumpy() == 1).all()
    mx.random.seed(3)
    with autograd.record():
        y = layer(x).asnumpy()
    kept = y != 0
    onp.testing.assert_allclose(y[kept], 1 / 0.75, rtol=1e-6)
    assert abs(kept.mean() - 0.75) < 5 * math.sqrt(0.75 * 0.25 / y.size)
    with autograd.record(train_mode=False):
        assert (layer(x).asnumpy() == 1).all()


def test_dropout_shares_its_mask_along_axes():
    with autograd.train_mode():
        y = nn.Dropout(0.5, axes=(1,))(nd.ones((50, 7))).asnumpy()
    assert (y == y[:, :1]).all()
    assert len(onp.unique(y)) == 2


def test_lambda_takes_several_inputs_and_any_callable():
    assert nn.Lambda(lambda x, y: x + y)(nd.ones((1,)), nd.ones((1,))).asscalar() == 2
    assert nn.HybridLambda("broadcast_add")(nd.ones((1,)), nd.ones((1,))).asscalar() == 2

    class Call:
        def __call__(self, x):
            return x

    assert repr(nn.Lambda(Call())) == "Lambda(Call)"


def test_lambda_refuses():
    with pytest.raises(AssertionError, match="nosuch is not found"):
        nn.Lambda("nosuch")
    with pytest.raises(ValueError, match="Unrecognized function"):
        nn.HybridLambda(3)


def test_slices_share_layers():
    net = nn.HybridSequential()
    net.add(nn.Dense(1), nn.Dense(2), nn.Dense(3))
    part = net[::2]
    assert isinstance(part, nn.HybridSequential)
    assert [layer is net[i] for layer, i in zip(part, (0, 2), strict=True)] == [True, True]
    assert net[-3] is net[0]
    with pytest.raises(TypeError):
        net["0"]


def test_an_empty_stack_is_the_identity():
    x = nd.ones((1,))
    assert nn.Sequential()(x) is x
    assert nn.HybridSequential()(x) is x
