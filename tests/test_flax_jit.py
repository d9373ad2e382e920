"""jit of the dialect of Flax: what JAX' own returns, and the same bits as without it."""

import gc
import json
import re
import warnings
from collections import OrderedDict
from functools import partial
from pathlib import Path

import numpy
import pytest
from oracle import dialect_cases as cases

from microlazy import autograd, gluon, np
from microlazy.core.storage import memory_info
from microlazy.dialects.faces import face_of
from microlazy.dialects.flax import jax
from microlazy.dialects.flax import linen as nn
from microlazy.dialects.flax.jax import numpy as jnp

ANSWERS = json.loads((Path(__file__).parent / "oracle/dialects.json").read_text(encoding="utf-8"))
KEY = jax.random.PRNGKey(0)


def sample(*shape, seed=0):
    return np.array(numpy.random.default_rng(seed).normal(size=shape), dtype="float32")


def leaves_equal(found, expected):
    """Compare two trees to the bit."""
    assert jax.tree_util.tree_structure(found) == jax.tree_util.tree_structure(expected)
    for a, b in zip(jax.tree_leaves(found), jax.tree_leaves(expected), strict=True):
        assert a.dtype == b.dtype and a.asnumpy().tobytes() == b.asnumpy().tobytes()


# ---- against JAX -------------------------------------------------------------------------------

with warnings.catch_warnings(record=True) as WARNED:
    warnings.simplefilter("always")
    FOUND = cases.flax_jit(jax, nn)


def flat(answer):
    if isinstance(answer, list | tuple):
        return [x for part in answer for x in flat(part)]
    return [answer]


@pytest.mark.parametrize("name", ANSWERS["jit"])
def test_answers(name):
    found, expected = FOUND[name], ANSWERS["jit"][name]
    if isinstance(expected, str):
        assert found == expected
    else:
        numpy.testing.assert_allclose(flat(found), flat(expected), rtol=1e-5, atol=1e-6)


def test_only_gradients_of_gradients_ran_op_by_op():
    told = [str(one.message) for one in WARNED]
    assert len(told) == 1 and "takes a gradient through a gradient" in told[0]


# ---- the same as without it --------------------------------------------------------------------


class Net(nn.Module):
    """A network with statistics that move."""

    @nn.compact
    def __call__(self, x, train=True):
        x = nn.Conv(4, (3, 3))(x)
        x = nn.BatchNorm(use_running_average=not train, momentum=0.9)(x)
        x = nn.max_pool(nn.relu(x), (2, 2), (2, 2))
        return nn.Dense(3)(nn.LayerNorm()(x.reshape((x.shape[0], -1))))


def training(net, images, classes, train=True):
    loss_of = gluon.loss.SoftmaxCrossEntropyLoss()

    def step(state, rate):
        def loss(params):
            variables = {"params": params, "batch_stats": state["batch_stats"]}
            scores, changed = net.apply(variables, images, train, mutable=["batch_stats"])
            return loss_of(scores, classes).mean(), (changed, scores)

        (value, (changed, scores)), grads = jax.value_and_grad(loss, has_aux=True)(state["params"])
        moved = jax.tree_map(lambda p, g: p - rate * g, state["params"], grads)
        return {"params": moved, "batch_stats": changed["batch_stats"]}, (value, scores.argmax(1))

    return step


@pytest.mark.parametrize("train", [True, False])
def test_a_training_step_gives_the_same_bits(train):
    images, classes = sample(8, 6, 6, 1), np.array(numpy.arange(8) % 3, dtype="int32")
    net = Net()
    step = training(net, images, classes, train)
    jitted = jax.jit(step)
    a = b = net.init(KEY, images)
    for rate in (0.1, 0.05, np.array(0.2), 0.1, 0.1):
        a, first = step(a, rate)
        b, second = jitted(b, rate)
        leaves_equal((a, first), (b, second))
    assert len(jitted._plans) == 1


def test_results_are_new_arrays():
    f = jax.jit(lambda x: (x, x * 2, np.ones(2), {"c": 3.0}))
    x = sample(2)
    first, second = f(x), f(x)
    first[1][:] = 7
    first[2][:] = 7
    numpy.testing.assert_array_equal(second[1], 2 * x.asnumpy())
    numpy.testing.assert_array_equal(second[2], [1, 1])
    numpy.testing.assert_array_equal(f(x)[2], [1, 1])
    assert second[3]["c"].item() == 3.0


def test_gradients_inside_reach_what_the_function_was_made_with():
    """Arrays of the plan around, and constants, which the differentiated function closes over."""

    @jax.jit
    def f(w, x):
        scale = np.exp(x)
        offset = np.array([1.0, 2.0, 3.0])
        value, slope = jax.value_and_grad(lambda w: (np.tanh(w * scale) * offset + w).sum())(w)
        return value, slope * scale, scale

    for seed in range(3):
        w, x = sample(4, 3, seed=seed), sample(4, 3, seed=seed + 5)
        s = numpy.exp(x.asnumpy().astype("float64"))
        t = numpy.tanh(w.asnumpy() * s)
        value, slope, scale = f(w, x)
        numpy.testing.assert_allclose(scale, s, rtol=1e-5)
        numpy.testing.assert_allclose(value, (t * [1, 2, 3] + w.asnumpy()).sum(), rtol=1e-4)
        numpy.testing.assert_allclose(
            slope, ((1 - t**2) * s * [1, 2, 3] + 1) * s, rtol=1e-3, atol=1e-5
        )


def test_two_gradients_in_one_function():
    @jax.jit
    def f(a, b):
        first = jax.grad(lambda a: (a * b).sum())(a)
        second = jax.grad(lambda b: (b**2 * first).sum())(b)
        return first, second, jax.grad(lambda a: b.sum())(a)

    a, b = sample(3), sample(3, seed=1)
    for factor in (1, 2):
        first, second, nothing = f(a, factor * b)
        numpy.testing.assert_allclose(first, factor * b.asnumpy(), rtol=1e-6)
        numpy.testing.assert_allclose(second, 2 * (factor * b.asnumpy()) ** 2, rtol=1e-6)
        numpy.testing.assert_array_equal(nothing, numpy.zeros(3))


def test_gradients_against_differences():
    f = jax.jit(jax.value_and_grad(lambda p: np.tanh(p["x"] @ p["w"]).sum()))
    p = {"x": sample(2, 3).astype("float64"), "w": sample(3, 2, seed=1).astype("float64")}
    _, slopes = f(p)
    for name in p:
        for place in numpy.ndindex(p[name].shape):
            above, below = ({k: v.copy() for k, v in p.items()} for _ in range(2))
            above[name][place] += 1e-6
            below[name][place] -= 1e-6
            difference = (f(above)[0].item() - f(below)[0].item()) / 2e-6
            assert abs(difference - slopes[name][place].item()) < 1e-8


def test_gradients_of_a_whole_function():
    f = jax.jit(lambda p, x: (np.tanh(p["w"] * x).sum(), p["w"] * 2))
    p, x = {"w": sample(3)}, sample(3, seed=1)
    for _ in range(3):
        value, slope = jax.value_and_grad(lambda p: f(p, x)[0] + f(p, 2 * x)[0])(p)
        expected = sum(
            k * x.asnumpy() * (1 - numpy.tanh(k * p["w"].asnumpy() * x.asnumpy()) ** 2)
            for k in (1, 2)
        )
        numpy.testing.assert_allclose(slope["w"], expected, rtol=1e-5)
    leaves_equal(f(p, x), (np.tanh(p["w"] * x).sum(), p["w"] * 2))


def test_trees_keep_their_types():
    f = jax.jit(lambda tree: jax.tree_map(lambda x: x + 1, tree))
    tree = OrderedDict(b=sample(2), a=[sample(1), None, (2, sample(2))])
    found = f(tree)
    assert type(found) is OrderedDict and list(found) == ["a", "b"]
    assert type(found["a"][2]) is tuple and found["a"][1] is None and found["a"][2][0].item() == 3
    params = nn.Dense(2).init(KEY, sample(1, 3))
    assert type(f(params)) is type(params)
    assert f({"b": 1, "a": 2}) == f({"a": 2, "b": 1}) == {"a": 3, "b": 2}


def test_other_trees_after_another_take_their_own_plans():
    f = jax.jit(lambda tree: sum(jax.tree_leaves(tree)))
    for _ in range(3):
        assert f({"a": 1, "b": 2}).item() == 3
        assert f({"a": 1, "c": [2, 3]}).item() == 6
        assert f([1, 2, None]).item() == 3
        assert f((1.5, 2)).item() == 3.5


def test_arguments_of_numpy_may_change():
    f = jax.jit(lambda x: x * 2)
    x = numpy.ones(2, dtype="float32")
    assert f(x).tolist() == [2, 2]
    x[:] = 3
    assert f(x).tolist() == [6, 6]


def test_memory_does_not_grow():
    images, classes = sample(8, 6, 6, 1), np.array(numpy.arange(8) % 3, dtype="int32")
    net = Net()
    step, state = jax.jit(training(net, images, classes)), net.init(KEY, images)
    for _ in range(5):
        state, _ = step(state, 0.1)
    before = memory_info()["allocated"]
    for _ in range(50):
        state, _ = step(state, 0.1)
    assert memory_info()["allocated"] == before
    del step, state
    gc.collect()


def test_many_shapes_and_back():
    f = jax.jit(lambda w, x: jax.value_and_grad(lambda w: ((x @ w) ** 2).sum())(w))
    w = sample(3, 2)
    for count in [*range(1, 90), *range(1, 90)]:
        x = sample(count, 3, seed=count)
        value, slope = f(w, x)
        a, b = x.asnumpy().astype("float64"), w.asnumpy()
        numpy.testing.assert_allclose(value, ((a @ b) ** 2).sum(), rtol=1e-4)
        numpy.testing.assert_allclose(slope, 2 * a.T @ a @ b, rtol=1e-3, atol=1e-3)


# ---- JAX' ways ---------------------------------------------------------------------------------


def test_methods_with_a_static_self():
    class Model:
        def __init__(self, k):
            self.k, self.runs = k, 0

        @partial(jax.jit, static_argnums=0)
        def scaled(self, x, *, by=1):
            self.runs += 1
            return self.k * x * by

    a, b = Model(2), Model(3)
    assert [a.scaled(1.0).item(), b.scaled(1.0).item(), a.scaled(2.0, by=5).item()] == [2, 3, 20]
    assert [a.scaled(3.0).item(), a.runs, b.runs] == [6, 2, 1]


def test_static_values_of_other_types_are_others():
    f = jax.jit(lambda x, kind: x + (10 if kind is True else 20), static_argnums=1)
    assert [f(1.0, kind).item() for kind in (True, 1, 1.0, True)] == [11, 21, 21, 11]


def test_places_of_static_arguments_may_be_numbers_of_numpy():
    double = jax.jit(lambda x, n: x * n, static_argnums=numpy.int64(1))
    assert double(np.ones(2), 2).tolist() == [2.0, 2.0]
    for wrong in ({"static_argnums": 1.0}, {"static_argnums": "1"}, {"static_argnames": 1}):
        option, value = next(iter(wrong.items()))
        with pytest.raises(TypeError, match=f"jit: {option} must be an? .*, not {value!r}"):
            jax.jit(lambda x, n: x * n, **wrong)


def test_dicts_whose_keys_have_no_order_are_refused():
    tree = {1: np.ones(2), "a": np.ones(2)}
    for call in (
        lambda: jax.tree_map(lambda x: x, tree),
        lambda: jax.jit(lambda t: 1)(tree),
        lambda: jax.jit(lambda x: {1: x, "a": x})(1),
    ):
        with pytest.raises(ValueError, match=r"\[1, 'a'\] have none"):
            call()


def test_elementwise_ops_inside_a_gradient_hold_the_arguments_of_the_function_around():
    def slope(w, x, y):
        return jax.grad(lambda w: jnp.tanh((x @ w - y) * y + y).sum())(w)

    arrays = sample(3, 2), sample(4, 3), sample(4, 2)
    leaves_equal(jax.jit(slope)(*arrays), slope(*arrays))


def test_a_decorator_with_options():
    @jax.jit(static_argnames=("n",))
    def f(x, n=2):
        """Power."""
        return x**n

    assert f(3.0).item() == 9 and f(3.0, 3).item() == 27 and f(x=2.0, n=2).item() == 4
    assert f.__name__ == "f" and f.__doc__ == "Power."
    assert repr(f).startswith("<PjitFunction of <function")


def test_the_line_that_decides_by_a_value_is_named():
    def f(x):
        if x.sum() > 0:  # here
            return x
        return -x

    line = f.__code__.co_firstlineno + 1
    with pytest.raises(jax.errors.TracerBoolConversionError) as caught:
        jax.jit(f)(sample(3))
    told = str(caught.value)
    assert re.search(rf"jit: the function f at {re.escape(__file__)}:{line - 1} ", told)
    assert f"line {line} of {__file__}" in told and "np.where" in told
    with pytest.raises(jax.errors.ConcretizationTypeError, match="line .* asks|in line"):
        jax.jit(lambda x: float(x))(1.0)
    with pytest.raises(TypeError, match="static_argnums"):
        jax.jit(lambda x, kind: x)(1.0, "relu")


def test_errors_inside_are_those_of_the_function():
    f = jax.jit(lambda p, x: nn.Dense(3).apply(p, x))
    params = nn.Dense(3).init(KEY, sample(1, 4))
    for _ in range(2):
        with pytest.raises(Exception, match="is expected to generate shape") as caught:
            f(params, sample(2, 5))
        assert type(caught.value).__name__ == "ScopeParamShapeError"
    assert f(params, sample(2, 4)).shape == (2, 3)


def test_draws_run_op_by_op_and_follow_their_key():
    drop = nn.Dropout(0.5, deterministic=False)
    f = jax.jit(lambda key, x: drop.apply({}, x, rngs={"dropout": key}))
    x, other = sample(64), jax.random.PRNGKey(1)
    with pytest.warns(UserWarning, match="runs op by op.*draws by a key"):
        first = f(KEY, x)
    leaves_equal(first, f(KEY, x))
    leaves_equal(f(other, x), drop.apply({}, x, rngs={"dropout": other}))
    assert (first != f(other, x)).any()


def test_shapes_of_gradients():
    f = jax.value_and_grad(lambda p: (p["w"] ** 2).sum())
    value, slopes = jax.eval_shape(f, {"w": jnp.ones((2, 3))})
    assert value == jax.ShapeDtypeStruct((), "float32")
    assert slopes == {"w": jax.ShapeDtypeStruct((2, 3), "float32")}


def test_a_block_of_gluon_inside_is_looked_at_when_it_runs():
    with face_of(None):
        block = gluon.nn.Dense(2, in_units=3)
        block.initialize()
    f, x = jax.jit(lambda x: block(x).sum()), sample(4, 3)
    assert f(x).item() == pytest.approx(block(x).sum().item())
    block.weight.set_data(np.zeros((2, 3)))
    assert f(x).item() == pytest.approx(0.0)
    assert not autograd.is_recording()


def test_gradients_through_a_function_that_takes_gradients():
    f = jax.jit(lambda x: jax.grad(lambda z: (z**3).sum())(x).sum())
    x = sample(3)
    numpy.testing.assert_allclose(f(x), (3 * x.asnumpy() ** 2).sum(), rtol=1e-5)
    with pytest.warns(UserWarning, match="gradient through a gradient"):
        slope = jax.grad(f)(x)
    numpy.testing.assert_allclose(slope, 6 * x.asnumpy(), rtol=1e-5)
    numpy.testing.assert_allclose(f(2 * x), (12 * x.asnumpy() ** 2).sum(), rtol=1e-5)
