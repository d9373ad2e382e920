"""The dialect of Flax: the lesson's cells, and what the real Flax returns and prints."""

import copy
import json
import pickle
import re
from collections import OrderedDict, namedtuple
from pathlib import Path

import numpy
import pytest
from oracle import dialect_cases as cases

from microlazy import autograd, gluon, nd, npx, random
from microlazy.base import AbstractValueError, ShapeError
from microlazy.dialects import keras
from microlazy.dialects.flax import d2l, errors, jax
from microlazy.dialects.flax import linen as nn
from microlazy.dialects.flax.bridge import ToGluon
from microlazy.dialects.flax.jax import numpy as jnp

ANSWERS = json.loads((Path(__file__).parent / "oracle/dialects.json").read_text(encoding="utf-8"))
KEY = jax.random.PRNGKey(0)


def close(found, expected, tolerance=1e-5):
    """Compare nested lists of numbers."""
    numpy.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


def lesson_net():
    return nn.Sequential([nn.Dense(256), nn.relu, nn.Dense(10)])


# ---- the lesson --------------------------------------------------------------------------------


def test_the_lessons_cells():
    net = lesson_net()
    params = net.init(d2l.get_key(), jnp.zeros((2, 20)))
    shown = jax.tree_util.tree_map(lambda x: x.shape, params).tree_flatten_with_keys()
    assert repr(shown) == (
        "(((DictKey(key='params'), {'layers_0': {'bias': (256,), 'kernel': (20, 256)}, "
        "'layers_2': {'bias': (10,), 'kernel': (256, 10)}}),), ('params',))"
    )


def test_there_are_no_parameters_in_the_module():
    net = lesson_net()
    with pytest.raises(AttributeError, match='"Sequential" object has no attribute "params"'):
        net.params  # noqa: B018
    params = net.init(KEY, jnp.zeros((2, 20)))
    net.apply(params, jnp.zeros((2, 20)))
    with pytest.raises(AttributeError):
        net.params  # noqa: B018
    arrays = [x for bound in vars(net)["_spare"] for x in _arrays(bound)]
    assert arrays == []


def _arrays(part, seen=()):
    """The arrays that an object holds."""
    if isinstance(part, jnp.ndarray):
        return [part]
    if isinstance(part, dict):
        part = list(part.values())
    if isinstance(part, list | tuple):
        return [x for each in part for x in _arrays(each, seen)]
    if isinstance(part, nn.Module) and part not in seen:
        return _arrays(vars(part), (*seen, part))
    if hasattr(part, "_run"):
        return _arrays([part._run and part._run.variables], seen)
    return []


def test_apply_init():
    class Model(d2l.Module):
        def setup(self):
            self.net = lesson_net()

    @d2l.add_to_class(d2l.Module)
    def apply_init(self, dummy_input, key):
        params = self.init(key, *dummy_input)
        return params

    params = Model().apply_init((jnp.zeros((2, 20)),), d2l.get_key())
    assert params["params"]["net"]["layers_0"]["kernel"].shape == (20, 256)


# ---- against Flax ------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "module", "x"), list(cases.flax_modules(nn)))
def test_module(name, module, x):
    found, expected = cases.flax_answers(jax, module, x), ANSWERS["modules"][name]
    assert found["shapes"] == expected["shapes"]
    close(found["out"], expected["out"])
    assert len(found["gradients"]) == len(expected["gradients"])
    for a, b in zip(found["gradients"], expected["gradients"], strict=True):
        close(a, b, 1e-4)


@pytest.mark.parametrize(("name", "function", "x"), list(cases.flax_functions(nn)))
def test_function(name, function, x):
    close(cases.numbers(function(jnp.array(x))), ANSWERS["functions"][name])


def test_statistics():
    found, expected = cases.flax_statistics(jax, nn), ANSWERS["statistics"]
    close(found["out"], expected["out"])
    for a, b in zip(found["changed"], expected["changed"], strict=True):
        close(a, b)


def _lines(text):
    return [line.rstrip() for line in text.strip().splitlines()]


TEXTS = cases.flax_texts(jax, nn)


@pytest.mark.parametrize("name", ANSWERS["flax"])
def test_text(name):
    found, expected = TEXTS[name], ANSWERS["flax"][name]
    if name.startswith("table"):
        assert _lines(found) == _lines(expected)
    else:
        assert found == expected


def test_the_imports_of_programs():
    import microlazy.dialects.flax.jax.numpy as renamed
    from microlazy.dialects.flax.jax import random as keys
    from microlazy.dialects.flax.linen import Dense, initializers  # noqa: F401

    assert renamed.ndarray is type(jnp.ones(1)) and renamed.float32 is numpy.float32
    assert keys.PRNGKey is jax.random.PRNGKey
    with pytest.raises(AttributeError, match="nearest name is 'zeros'"):
        renamed.zeross  # noqa: B018


# ---- gradients and trees -----------------------------------------------------------------------


def test_gradients_of_a_network_against_gluon():
    net, x, y = lesson_net(), jnp.array(cases.values(4, 20)), jnp.array([1, 0, 3, 9])
    variables = net.init(KEY, x)
    loss_of = gluon.loss.SoftmaxCrossEntropyLoss()
    value, slopes = jax.value_and_grad(lambda v: loss_of(net.apply(v, x), y).mean())(variables)
    twin = gluon.nn.Sequential()
    twin.add(gluon.nn.Dense(256, activation="relu"), gluon.nn.Dense(10))
    twin.initialize()
    x_nd, y_nd = nd.array(x.asnumpy()), nd.array(y.asnumpy())
    twin(x_nd)
    for layer, name in zip(twin, ("layers_0", "layers_2"), strict=True):
        part = variables["params"][name]
        layer.weight.set_data(part["kernel"].asnumpy().T)
        layer.bias.set_data(part["bias"].asnumpy())
    with autograd.record():
        loss = loss_of(twin(x_nd), y_nd).mean()
    loss.backward()
    close(value.item(), loss.asscalar())
    for layer, name in zip(twin, ("layers_0", "layers_2"), strict=True):
        slope = slopes["params"][name]
        close(slope["kernel"].asnumpy(), layer.weight.grad().asnumpy().T, 1e-6)
        close(slope["bias"].asnumpy(), layer.bias.grad().asnumpy(), 1e-6)


def test_gradients_against_differences():
    module, x = nn.Dense(2, param_dtype="float64"), jnp.array(cases.values(3, 4), dtype="float64")
    given = module.init(KEY, x)

    def loss(variables):
        return jnp.tanh(module.apply(variables, x)).sum()

    slope = jax.grad(loss)(given)["params"]["kernel"]
    kernel, step = given["params"]["kernel"].asnumpy(), 1e-6
    for place in numpy.ndindex(*kernel.shape):
        sides = []
        for sign in (1, -1):
            moved = kernel.copy()
            moved[place] += sign * step
            params = {**given["params"], "kernel": jnp.array(moved, dtype="float64")}
            sides.append(loss({"params": params}).item())
        assert abs((sides[0] - sides[1]) / (2 * step) - slope[place].item()) < 1e-8


def test_gradients_leave_their_arguments_alone():
    x = jnp.ones(3)
    jax.grad(lambda a: (a * a).sum())(x)
    assert x.grad is None and x.tolist() == [1.0, 1.0, 1.0]


def test_gradients_of_several_arguments_and_more_results():
    def f(a, b, factor):
        return (a["x"] * b).sum() * factor, a["x"] + 1

    both = jax.value_and_grad(f, argnums=(0, 1), has_aux=True)
    (value, aux), (da, db) = both({"x": jnp.array([1.0, 2.0])}, jnp.array([3.0, 4.0]), 2)
    assert value.item() == 22 and aux.tolist() == [2.0, 3.0]
    assert da["x"].tolist() == [6.0, 8.0] and db.tolist() == [2.0, 4.0]
    slope, aux = jax.grad(f, has_aux=True)({"x": jnp.array([1.0])}, 5.0, 1)
    assert slope["x"].tolist() == [5.0] and aux.tolist() == [2.0]


def test_gradients_of_gradients():
    third = jax.grad(jax.grad(jax.grad(lambda x: x**4)))
    assert third(2.0).item() == 48
    hessian_vector = jax.grad(lambda x: (jax.grad(lambda y: (y**3).sum())(x) * x).sum())
    assert hessian_vector(jnp.array([1.0, 2.0])).tolist() == [9.0, 36.0]


def test_gradients_of_what_leads_nowhere_are_zero():
    x = {"used": jnp.array([2.0]), "not": jnp.array([3.0])}
    slopes = jax.grad(lambda p: (p["used"] ** 2).sum())(x)
    assert slopes["used"].tolist() == [4.0] and slopes["not"].tolist() == [0.0]
    assert jax.grad(lambda p: jnp.array(1.0))(x)["not"].tolist() == [0.0]
    second = jax.grad(lambda p: jax.grad(lambda q: (q["used"] ** 2).sum())(p)["not"].sum())
    assert second(x)["used"].tolist() == [0.0]


def test_gradients_refuse_integers():
    with pytest.raises(TypeError, match="real-valued inputs.*int32"):
        jax.grad(lambda x: x.sum())(jnp.array([1, 2], dtype="int32"))


def test_trees():
    tree = {"b": [1, (2, None)], "a": 3}
    leaves, structure = jax.tree_util.tree_flatten(tree)
    assert leaves == [3, 1, 2]
    assert jax.tree_util.tree_unflatten(structure, [30, 10, 20]) == {"a": 30, "b": [10, (20, None)]}
    assert jax.tree_map(lambda a, b, c: a + b + c, tree, tree, tree) == {
        "b": [3, (6, None)],
        "a": 9,
    }
    with pytest.raises(ValueError, match="different structure.*keys"):
        jax.tree_map(lambda a, b: a, {"a": 1}, {"b": 1})
    with pytest.raises(ValueError, match="Expected 3 leaves"):
        structure.unflatten([1])
    assert structure == jax.tree_util.tree_structure({"a": 0, "b": [0, (0, None)]})


# ---- keys --------------------------------------------------------------------------------------


def test_samples_follow_the_key_alone():
    random.seed(1)
    before = jnp.random.uniform(size=3)
    random.seed(1)
    samples = [jax.random.normal(KEY, (4,)) for _ in range(2)]
    assert (samples[0] == samples[1]).all()
    assert (jnp.random.uniform(size=3) == before).all()  # programs' own sequence did not move
    first, second = jax.random.split(KEY)
    assert (jax.random.normal(first, (4,)) != jax.random.normal(second, (4,))).any()
    assert (jax.random.split(KEY, 3)[2] != jax.random.fold_in(KEY, 3)).any()


def test_what_samples_look_like():
    x = jax.random.uniform(KEY, (10_000,), minval=2, maxval=4).asnumpy()
    assert x.min() >= 2 and x.max() < 4 and abs(x.mean() - 3) < 0.03
    x = jax.random.normal(KEY, (10_000,)).asnumpy()
    assert abs(x.mean()) < 0.05 and abs(x.std() - 1) < 0.05
    x = jax.random.bernoulli(KEY, 0.3, (10_000,)).asnumpy()
    assert abs(x.mean() - 0.3) < 0.03
    x = jax.random.randint(KEY, (1000,), 2, 5)
    assert set(x.tolist()) == {2, 3, 4} and x.dtype == "int32"
    x = jax.random.categorical(KEY, jnp.log(jnp.array([[0.2, 0.8]] * 10_000)))
    assert abs(x.asnumpy().mean() - 0.8) < 0.03
    assert sorted(jax.random.permutation(KEY, 5).tolist()) == [0, 1, 2, 3, 4]
    assert set(jax.random.choice(KEY, 3, (100,), p=[0.5, 0, 0.5]).tolist()) == {0, 2}
    with pytest.raises(TypeError, match="a key of PRNGKey"):
        jax.random.normal(3, (2,))


def test_parameters_follow_the_key_alone():
    net, x = lesson_net(), jnp.zeros((2, 20))
    trees = [net.init(jax.random.PRNGKey(n), x) for n in (1, 1, 2)]
    kernels = [t["params"]["layers_0"]["kernel"].asnumpy() for t in trees]
    assert (kernels[0] == kernels[1]).all() and (kernels[0] != kernels[2]).any()
    assert abs(kernels[0].std() - 20**-0.5) < 0.01  # LeCun's
    second = trees[0]["params"]["layers_2"]["kernel"].asnumpy()
    assert abs(second.std() - 256**-0.5) < 0.005


# ---- modules -----------------------------------------------------------------------------------


class Net(nn.Module):
    rate: float = 0.5

    def setup(self):
        self.hidden = nn.Dense(8)
        self.drop = nn.Dropout(self.rate)

    def __call__(self, x, train=False):
        return self.drop(self.encode(x), deterministic=not train)

    def encode(self, x):
        return nn.relu(self.hidden(x))


def test_dropout_follows_its_key():
    net, x = Net(), jnp.ones((4, 5))
    params = net.init(KEY, x)
    runs = [
        net.apply(params, x, train=True, rngs={"dropout": jax.random.PRNGKey(n)}) for n in (1, 1, 2)
    ]
    assert (runs[0] == runs[1]).all() and (runs[0] != runs[2]).any()
    with pytest.raises(errors.InvalidRngError, match="dropout"):
        net.apply(params, x, train=True)


def test_other_methods():
    net, x = Net(), jnp.ones((4, 5))
    params = net.init(KEY, x)
    by_name = net.apply(params, x, method="encode")
    assert (by_name == net.apply(params, x, method=Net.encode)).all()
    assert (by_name == net.bind(params).encode(x)).all()
    assert net.bind(params).hidden(x).shape == (4, 8)


def test_variables_are_not_changed():
    norm, x = nn.BatchNorm(use_running_average=False), jnp.array(cases.values(6, 3))
    variables = norm.init(KEY, x)
    before = copy.deepcopy(variables)
    _, changed = norm.apply(variables, x, mutable=["batch_stats"])
    stats = variables["batch_stats"]
    assert (stats["mean"] == before["batch_stats"]["mean"]).all()
    assert (changed["batch_stats"]["mean"] != stats["mean"]).all()
    _, all_of_them = norm.apply(variables, x, mutable=True)
    assert sorted(all_of_them) == ["batch_stats", "params"]


def test_a_module_that_is_applied_again_gives_the_same():
    net, x = lesson_net(), jnp.array(cases.values(2, 20))
    first, second = net.init(KEY, x), net.init(jax.random.PRNGKey(9), x)
    outs = [net.apply(v, x) for v in (first, second, first)]
    assert (outs[0] == outs[2]).all() and (outs[0] != outs[1]).any()
    with pytest.raises(ShapeError):
        net.apply(first, jnp.zeros((2, 3)))
    assert (net.apply(first, x) == outs[0]).all()


def test_modules_are_values():
    assert nn.Dense(3) == nn.Dense(3) and nn.Dense(3) != nn.Dense(4)
    assert hash(nn.Dense(3)) == hash(nn.Dense(3))
    net, x = lesson_net(), jnp.ones((2, 20))
    params = net.init(KEY, x)
    out = net.apply(params, x)
    assert (copy.deepcopy(net).apply(params, x) == out).all()
    assert (pickle.loads(pickle.dumps(Net())).rate) == 0.5
    net = Net()
    net.rate = 0.1  # a description may change while it is not running
    assert net.rate == 0.1


def test_a_shared_module_that_is_first_seen_by_another_method():
    class Holder(nn.Module):
        body: nn.Module

        def __call__(self, x):
            return self.body(x)

    class Pair(nn.Module):
        first: nn.Module
        second: nn.Module

        def __call__(self, x):
            return self.second(self.first(x))

        def half(self, x):
            return self.first(x)

    shared, x = nn.Dense(3), jnp.ones((2, 3))
    pair = Pair(Holder(shared), Holder(shared))
    expected = {"params": {"first": {"body": {"bias": (3,), "kernel": (3, 3)}}}}
    for method in ("half", None, "half"):
        params = pair.init(KEY, x, method=method)
        assert jax.tree_map(lambda leaf: leaf.shape, params) == expected


def test_init_looks_at_shapes_only():
    class Looks(nn.Module):
        @nn.compact
        def __call__(self, x):
            return nn.Dense(3)(x) if x.sum() > 0 else x

    with pytest.raises(AbstractValueError):
        Looks().init(KEY, jnp.ones((2, 3)))


def test_a_missing_parameter_is_named():
    net, x = lesson_net(), jnp.ones((2, 20))
    params = net.init(KEY, x)
    broken = {"params": {**params["params"], "layers_2": {"bias": jnp.zeros(10)}}}
    with pytest.raises(errors.ScopeParamNotFoundError, match='"kernel" in scope "/layers_2"'):
        net.apply(broken, x)


def test_names_that_are_taken():
    class Twice(nn.Module):
        @nn.compact
        def __call__(self, x):
            return nn.Dense(2, name="a")(nn.Dense(2, name="a")(x))

    with pytest.raises(errors.NameInUseError, match='"a"'):
        Twice().init(KEY, jnp.ones((2, 3)))


def test_initializers():
    made = nn.initializers.variance_scaling(2.0, "fan_out", "normal")(KEY, (300, 200))
    assert abs(made.asnumpy().std() - 0.1) < 0.002
    dense = nn.Dense(3, kernel_init=nn.initializers.constant(2.0), bias_init=nn.initializers.ones)
    params = dense.init(KEY, jnp.zeros((1, 2)))["params"]
    assert params["kernel"].tolist() == [[2.0] * 3] * 2 and params["bias"].tolist() == [1.0] * 3
    own = nn.Dense(3, kernel_init=lambda key, shape, dtype: jnp.arange(6).reshape(shape))
    assert own.init(KEY, jnp.zeros((1, 2)))["params"]["kernel"].tolist() == [[0, 1, 2], [3, 4, 5]]
    with pytest.raises(ValueError, match="asked for shape"):
        nn.Dense(3, kernel_init=lambda *a: jnp.ones(2)).init(KEY, jnp.zeros((1, 2)))


@pytest.mark.parametrize("make", [nn.Dense, lambda n, **k: nn.Conv(n, (3, 3), **k)])
def test_parameters_of_another_dtype(make):
    module, x = make(3, param_dtype="float64"), jnp.ones((1, 4, 4, 2))
    params = module.init(KEY, x)
    assert {leaf.dtype.name for leaf in jax.tree_util.tree_leaves(params)} == {"float64"}
    assert module.apply(params, x).dtype == "float64"
    assert jax.eval_shape(module.apply, params, x).dtype == "float64"


def test_training_moves_a_network():
    net, x = nn.Sequential([nn.Dense(8), nn.tanh, nn.Dense(1)]), jnp.array(cases.values(16, 3))
    y, params = (x * x).sum(axis=1, keepdims=True), net.init(KEY, x)
    step = jax.value_and_grad(lambda p: ((net.apply(p, x) - y) ** 2).mean())
    losses = []
    for _ in range(50):
        loss, slopes = step(params)
        params = jax.tree_map(lambda p, g: p - 0.1 * g, params, slopes)
        losses.append(loss.item())
    assert losses[-1] < 0.2 * losses[0]


# ---- in other networks -------------------------------------------------------------------------


class Normed(nn.Module):
    @nn.compact
    def __call__(self, x):
        x = nn.BatchNorm(use_running_average=not autograd.is_training())(nn.Dense(8)(x))
        return nn.Dropout(0.5, deterministic=not autograd.is_training())(nn.relu(x))


@pytest.mark.parametrize("face", [nd, jnp])
def test_in_networks_of_gluon(face):
    net = gluon.nn.Sequential()
    net.add(gluon.nn.Dense(5), ToGluon(Normed()), gluon.nn.Dense(2))
    with npx.np_shape(face is jnp), npx.np_array(face is jnp):
        net.initialize()
        x = face.array(cases.values(6, 4))
        net(x)
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1})
    names = [name.partition("_")[2] for name in net[1].collect_params()]
    assert names == [
        "params_Dense_0_kernel",
        "params_Dense_0_bias",
        "params_BatchNorm_0_scale",
        "params_BatchNorm_0_bias",
        "batch_stats_BatchNorm_0_mean",
        "batch_stats_BatchNorm_0_var",
    ]
    before = {name: p.data().asnumpy() for name, p in net[1].collect_params().items()}
    with autograd.record():
        loss = (net(x) ** 2).sum()
    loss.backward()
    trainer.step(6)
    for name, p in net[1].collect_params().items():
        assert (p.data().asnumpy() != before[name]).any(), name
    assert (net(x) == net(x)).asnumpy().all()  # nothing drops or moves outside of record()


def test_a_module_in_gluon_prints_as_the_module():
    block = ToGluon(nn.Dense(3), prefix="told_")
    assert repr(block) == f"ToGluon({nn.Dense(3)!r})"
    block.initialize()
    block(jnp.ones((2, 4)))
    assert {row.init for row in block.explain().rows} == {"Dense.init"}


def test_a_first_call_in_another_network_that_fails():
    net = keras.Sequential([ToGluon(nn.Dense(3)), keras.layers.Conv2D(2, 2)])
    with pytest.raises(ValueError, match="conv2d"):
        net(jnp.ones((2, 4)))
    assert net.layers[0](jnp.ones((2, 7))).shape == (2, 3)


def test_a_block_of_gluon_in_a_module_keeps_its_own_parameters():
    inner = gluon.nn.Dense(8, flatten=False)
    with npx.np_array(True):
        inner.initialize()
        inner(jnp.ones((1, 4)))
    net, x = nn.Sequential([inner, nn.relu, nn.Dense(2)]), jnp.array(cases.values(3, 4))
    params = net.init(KEY, x)
    assert sorted(params["params"]) == ["layers_2"]
    slopes = jax.grad(lambda p: net.apply(p, x).sum())(params)
    assert slopes["params"]["layers_2"]["kernel"].shape == (8, 2)
    assert (inner.weight.grad().asnumpy() != 0).any()


def test_short_names_of_trees():
    tree = {"b": [1, None], "a": 2}
    assert jax.tree.map(lambda x: 2 * x, tree) == {"b": [2, None], "a": 4}
    leaves, structure = jax.tree.flatten(tree)
    assert jax.tree.leaves(tree) == leaves == [2, 1]
    assert jax.tree.unflatten(structure, leaves) == tree
    assert jax.tree.structure(tree) == structure
    assert jax.tree.reduce(lambda a, b: a + b, tree) == 3
    assert jax.tree.reduce(lambda a, b: a + b, {}, 5) == 5
    assert jax.block_until_ready(tree) is tree


def test_trees_keep_their_types():
    Pair = namedtuple("Pair", "left right")  # noqa: PYI024
    tree = OrderedDict(b=[1, (2, None)], a=Pair(3, {"c": jnp.array(4)}))
    for found in (jax.tree_map(lambda x: x, tree), jax.tree_map(lambda x, y: y, tree, tree)):
        assert type(found) is OrderedDict and list(found) == ["a", "b"]
        assert dict(found) == dict(tree) and type(found["a"]) is Pair


def test_a_tree_that_holds_itself_is_an_error():
    tree = []
    tree.append(tree)
    with pytest.raises(RecursionError, match="recursion depth|Stack overflow"):
        jax.tree_map(lambda x: x, tree)
    with pytest.raises(RecursionError, match="recursion depth|Stack overflow"):
        jax.tree_map(lambda x, y: x, tree, tree)


def test_a_function_that_is_a_fields_default_stays_as_it_is():
    def twice(x):
        return 2 * x

    class Net(nn.Module):
        after: object = twice

        def __call__(self, x):
            return self.after(x)

    assert Net.after is twice and Net().apply({}, 3) == 6
    dense = nn.Dense(2, kernel_init=nn.Dense.kernel_init)
    assert dense.init(KEY, jnp.ones((1, 3)))["params"]["kernel"].shape == (3, 2)


# ---- refusals ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "name", "text"),
    [
        (nn, "LSTMCell", "gluon.rnn.LSTMCell"),
        (nn, "Desne", "'Dense'"),
        (jax, "vmap", "whole batches"),
        (jax, "lax", "microlazy.np"),
        (jax, "device_get", "asnumpy"),
        (jax.tree, "mapp", "'map'"),
        (jax.random, "unifrom", "'uniform'"),
        (jax.tree_util, "tree_mp", "'tree_map'"),
        (nn.initializers, "lecun_norml", "'lecun_normal'"),
    ],
)
def test_what_is_not_there_names_the_nearest(module, name, text):
    with pytest.raises(AttributeError, match=re.escape(text)):
        getattr(module, name)


def test_wrong_arguments():
    with pytest.raises(ValueError, match="padding must be"):
        nn.Conv(3, (3, 3), padding="some").init(KEY, jnp.zeros((1, 5, 5, 1)))
    with pytest.raises(ShapeError, match="5 axes|4 axes"):
        nn.Conv(3, (3, 3)).init(KEY, jnp.zeros((5, 1)))
    with pytest.raises(ValueError, match="Empty Sequential"):
        nn.Sequential([]).init(KEY, jnp.zeros(1))
    embed = nn.Embed(3, 2)
    table = embed.init(KEY, jnp.array([0], dtype="int32"))
    with pytest.raises(IndexError, match="rows 0 to 2, but was given 3"):
        embed.apply(table, jnp.array([3], dtype="int32"))
