"""Weights that go from one dialect to another: the networks compute the same afterwards."""

import copy

import numpy
import pytest
from oracle import dialect_cases as cases

from microlazy import gluon, npx
from microlazy import numpy as np
from microlazy.dialects import copy_weights, keras, torch
from microlazy.dialects.flax import jax, linen
from microlazy.dialects.flax.bridge import ToGluon
from microlazy.dialects.flax.carrying import Bound
from microlazy.dialects.weights import weights_of
from microlazy.gluon import nn

IMAGES = cases.values(2, 6, 7, 3)  # channels last


class FlaxNet(linen.Module):
    """Names that do not stand in the order of the layers."""

    @linen.compact
    def __call__(self, x):
        x = linen.Conv(4, (3, 2), padding="VALID", name="z_first")(x)
        x = linen.relu(linen.BatchNorm(use_running_average=True, epsilon=1e-3)(x))
        return linen.Dense(5, name="a_last")(x.mean(axis=(1, 2)))


def in_gluon():
    net = nn.Sequential()
    net.add(nn.Conv2D(4, (3, 2)), nn.BatchNorm(epsilon=1e-3), nn.Activation("relu"))
    net.add(nn.GlobalAvgPool2D(), nn.Dense(5))
    with npx.np_shape(True), npx.np_array(True):
        net.initialize()
    return net, lambda: net(np.array(IMAGES.transpose(0, 3, 1, 2)))


def in_torch():
    net = torch.nn.Sequential(
        torch.nn.LazyConv2d(4, (3, 2)),
        torch.nn.LazyBatchNorm2d(eps=1e-3),
        torch.nn.ReLU(),
        torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(),
        torch.nn.LazyLinear(5),
    ).eval()
    x = torch.tensor(IMAGES.transpose(0, 3, 1, 2))
    return net, lambda: net(x).detach()


def in_keras():
    net = keras.Sequential(
        [
            keras.layers.Conv2D(4, (3, 2)),
            keras.layers.BatchNormalization(),
            keras.layers.ReLU(),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(5),
        ]
    )
    return net, lambda: net(IMAGES)


def in_flax():
    net, x = FlaxNet(), np.array(IMAGES)
    variables = jax.tree_map(lambda leaf: leaf, net.init(jax.random.PRNGKey(0), x))  # sorted
    return Bound(net, variables, x), lambda: net.apply(variables, x)


def in_flax_in_gluon():
    net, made = nn.Sequential(), ToGluon(FlaxNet())
    net.add(made)
    made(np.array(IMAGES))  # whose weights are in no network before
    return net, lambda: net(np.array(IMAGES))


class Swap(gluon.Block):
    """Channels first, behind layers that have them last."""

    def forward(self, x):
        return x.transpose(0, 3, 1, 2)


def in_all_of_them():
    net, norm = nn.Sequential(), torch.nn.LazyBatchNorm2d(eps=1e-3)
    net.add(keras.Sequential([keras.layers.Conv2D(4, (3, 2)), Swap(), norm]), nn.Activation("relu"))
    net.add(nn.GlobalAvgPool2D(), torch.nn.Sequential(torch.nn.Flatten(), torch.nn.LazyLinear(5)))
    return net, lambda: net(np.array(IMAGES))


def in_all_of_them_in_torch():
    dense = nn.Dense(5)
    with npx.np_shape(True), npx.np_array(True):
        dense.initialize()
    net = torch.nn.Sequential(
        *(keras.layers.Conv2D(4, (3, 2)), Swap(), torch.nn.LazyBatchNorm2d(eps=1e-3)),
        *(nn.Activation("relu"), nn.GlobalAvgPool2D(), dense),
    ).eval()
    x = torch.tensor(IMAGES)
    return net, lambda: net(x).detach()


MAKERS = {
    "gluon": in_gluon,
    "torch": in_torch,
    "keras": in_keras,
    "flax": in_flax,
    "flax in gluon": in_flax_in_gluon,
    "all of them": in_all_of_them,
    "all of them in torch": in_all_of_them_in_torch,
}


def run(call):
    with npx.np_shape(True), npx.np_array(True):
        out = call()
        return out.numpy() if isinstance(out, torch.Tensor) else out.asnumpy()


@pytest.mark.parametrize("target", MAKERS)
@pytest.mark.parametrize("source", MAKERS)
def test_the_same_network(source, target):
    (one, run_one), (other, run_other) = MAKERS[source](), MAKERS[target]()
    run(run_one)
    for place, weight in enumerate(weights_of(one)):  # statistics that are not 0 and 1 too
        weight.write(1 + cases.values(*weight.read().shape) / (2 + place))
    expected = run(run_one)
    with npx.np_array(
        target == "gluon" or target.startswith("all")
    ):  # whose arrays are as npx.set_np() says
        copy_weights(one, other)  # the target has seen no data, unless it is a tree
    numpy.testing.assert_allclose(run(run_other), expected, rtol=1e-5, atol=1e-6)


def test_a_layer_of_keras_is_built_by_its_weights():
    source, _ = in_keras()
    target, _ = in_keras()
    source(IMAGES)
    assert not target.built
    copy_weights(source, target)
    assert target.built
    pairs = zip(source.get_weights(), target.get_weights(), strict=True)
    assert all((a == b).all() for a, b in pairs)


def test_layers_of_several_dialects_in_one_network():
    net, twin = keras.Sequential(), keras.Sequential()
    for each in (net, twin):
        each.add(keras.layers.Conv2D(3, 2), nn.Flatten(), nn.Dense(4), keras.layers.Dense(2))
    net(IMAGES)
    copy_weights(net, twin)
    assert (net(IMAGES) == twin(IMAGES)).all()


def test_other_networks_are_refused_and_left_alone():
    (flax, _), (layer, _) = in_flax(), in_keras()
    before = copy.deepcopy(flax.variables)
    small = keras.Sequential([keras.layers.Dense(3)])
    small.build((None, 2))
    with pytest.raises(ValueError, match="2 weights.*8"):
        copy_weights(small, flax)
    layer.layers[0].build((None, 6, 7, 1))
    layer(IMAGES[..., :1])
    with pytest.raises(ValueError, match=r"0\.kernel.*\(4, 1, 3, 2\)"):
        copy_weights(layer, flax)
    same = jax.tree_map(lambda a, b: bool((a == b).all()), before, flax.variables)
    assert all(jax.tree_util.tree_leaves(same))


def test_gluons_own_layers_stay_gluons():
    dense = gluon.nn.Dense(3, in_units=2)
    dense.initialize()
    layer = keras.layers.Dense(3)
    copy_weights(dense, layer)
    assert (layer.weight.data().asnumpy() == dense.weight.data().asnumpy()).all()


def test_a_layer_of_keras_in_a_network_of_gluon_is_transposed():
    source, target = nn.Sequential(), nn.Sequential()
    source.add(keras.layers.Conv2D(4, (3, 2)))
    target.add(nn.Conv2D(4, (3, 2)))
    source(IMAGES)
    copy_weights(source, target)
    kernel = source[0].kernel.numpy()
    assert (target[0].weight.data().asnumpy() == kernel.transpose(3, 2, 0, 1)).all()


def test_what_layers_share_is_carried_once():
    net, twin = nn.Sequential(), nn.Sequential()
    for each in (net, twin):
        layer = nn.Dense(3, in_units=3)
        each.add(layer, torch.nn.Linear(3, 3), layer)
        layer.initialize()
    assert [weight.path for weight in weights_of(net)] == [
        "0.weight",
        "0.bias",
        "1.weight",
        "1.bias",
    ]
    copy_weights(net, twin)
    assert (twin[2].weight.data() == net[0].weight.data()).asnumpy().all()


def test_a_module_of_flax_in_a_block_needs_a_call_first():
    net = nn.Sequential()
    net.add(ToGluon(linen.Dense(3)))
    with pytest.raises(ValueError, match="togluon.* has no weights before its first call"):
        copy_weights(nn.Dense(3, in_units=2), net)


def test_a_module_of_flax_in_a_network_of_torch():
    def build():
        parts = (torch.nn.LazyLinear(4), ToGluon(linen.Dense(3)), torch.nn.LazyLinear(2))
        return torch.nn.Sequential(*parts)

    x, net, twin = torch.tensor(cases.values(3, 5)), build(), build()
    expected = net(x)
    twin(x)
    copy_weights(net, twin)
    assert torch.equal(twin(x), expected)
    assert [weight.shape for weight in weights_of(net)][2:4] == [(3, 4), (3,)]
    expected.sum().backward()
    assert all(p.grad is not None for p in net.parameters())


def test_variables_that_are_not_all_there_are_refused():
    net, x = linen.Dense(3), np.ones((1, 2))
    variables = net.init(jax.random.PRNGKey(0), x)
    for given in ({}, {"params": {"kernel": variables["params"]["kernel"]}}):
        with pytest.raises(ValueError, match="the variables have no 'params/(kernel|bias)'"):
            copy_weights(nn.Dense(3, in_units=2), Bound(net, given, x))
