"""Weights that go from one dialect to another: the networks compute the same afterwards."""

import copy

import numpy
import pytest
from oracle import dialect_cases as cases

from microlazy import gluon, npx
from microlazy import numpy as np
from microlazy.dialects import copy_weights, keras
from microlazy.dialects.flax import jax, linen
from microlazy.dialects.flax.carrying import Bound
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


MAKERS = {"gluon": in_gluon, "keras": in_keras, "flax": in_flax}


def run(call):
    with npx.np_shape(True), npx.np_array(True):
        return call().asnumpy()


@pytest.mark.parametrize("target", MAKERS)
@pytest.mark.parametrize("source", MAKERS)
def test_the_same_network(source, target):
    (one, run_one), (other, run_other) = MAKERS[source](), MAKERS[target]()
    expected = run(run_one)
    with npx.np_array(target == "gluon"):  # whose arrays are as npx.set_np() says
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
    with pytest.raises(ValueError, match=r"sequential.*kernel.*\(4, 1, 3, 2\)"):
        copy_weights(layer, flax)
    same = jax.tree_map(lambda a, b: bool((a == b).all()), before, flax.variables)
    assert all(jax.tree_util.tree_leaves(same))


def test_gluons_own_layers_stay_gluons():
    dense = gluon.nn.Dense(3, in_units=2)
    dense.initialize()
    layer = keras.layers.Dense(3)
    copy_weights(dense, layer)
    assert (layer.weight.data().asnumpy() == dense.weight.data().asnumpy()).all()
