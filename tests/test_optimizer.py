"""Optimizers and schedules: the answers of MXNet, formulas in float64, and refusals."""

import copy
import json
from pathlib import Path

import numpy
import pytest

import microlazy as mx
from microlazy import lr_scheduler, nd, optimizer
from microlazy.base import MXNetError, ShapeError
from microlazy.core.parallel import set_num_threads

ORACLE = Path(__file__).parent / "oracle"
RECORDED = json.loads((ORACLE / "training.json").read_text())
LONG = json.loads((ORACLE / "optimizers.json").read_text())
START = [1.0, -2.0, 0.5, 3.0]


def ids(case):
    return f"{case['name']}-{case['arguments']}"


@pytest.mark.parametrize("case", RECORDED["optimizers"], ids=ids)
def test_mxnets_answers(case):
    weight = nd.array(START)
    update = optimizer.get_updater(optimizer.create(case["name"], **case["arguments"]))
    for grad, expected in zip(case["grads"], case["weights"], strict=True):
        update(0, nd.array(grad), weight)
        numpy.testing.assert_allclose(weight.asnumpy(), expected, rtol=1e-5, atol=2e-6)


def made_from(case, kind=None):
    """The optimizer of a case; a schedule is given by its arguments."""
    arguments = dict(case["arguments"])
    if "lr_scheduler" in arguments:
        arguments["lr_scheduler"] = lr_scheduler.FactorScheduler(**arguments["lr_scheduler"])
    names = {0: "dense_weight", 1: "dense_bias"}
    kind = kind or optimizer.Optimizer.opt_registry[case["name"]]
    return kind(param_idx2name=names, **arguments)


def two_weights(made, dtype="float32", steps=100):
    """Make the steps of tests/oracle/record_optimizers.py; give the weights after each."""
    rng = numpy.random.RandomState(7)
    shape = (1, 5) if made.rule.by_row else (5,)

    def arrays():
        return [nd.array(each.reshape(shape), dtype=dtype) for each in rng.uniform(-2, 2, (2, 5))]

    weights = arrays()
    made.set_lr_mult({0: 0.5})
    made.set_wd_mult({"dense_bias": 2.0})
    update = optimizer.get_updater(made)
    for _ in range(steps):
        update([0, 1], arrays(), weights)
        yield [w.asnumpy().ravel() for w in weights]


@pytest.mark.parametrize("case", LONG, ids=ids)
def test_mxnets_weights_over_100_steps(case):
    every = list(two_weights(made_from(case)))
    for step, expected in zip(case["steps"], case["weights"], strict=True):
        numpy.testing.assert_allclose(every[step - 1], expected, rtol=2e-5, atol=5e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", LONG, ids=ids)
def test_a_rule_without_a_kernel_gives_the_same_bits(case, dtype):
    with_kernel = made_from(case)
    rule = with_kernel.rule
    assert rule.program.kernel >= 0
    # Work that nobody asks for makes each pass one that the build did not see.
    lines = rule.formula.splitlines()
    padded = [f"nobody_asks = weight + grad\n{line}" for line in lines]
    longer = rule.with_formula("\n".join(padded), numbers=rule.numbers)
    assert longer.program.kernel == -1
    interpreted = made_from(case, type("Interpreted", (type(with_kernel),), {"rule": longer}))
    for one, other in zip(
        two_weights(with_kernel, dtype, 20), two_weights(interpreted, dtype, 20), strict=True
    ):
        assert numpy.asarray(one).tobytes() == numpy.asarray(other).tobytes()


@pytest.mark.parametrize("size", [0, 1, 511, 513, 300_001])
def test_a_rule_of_ones_own_on_any_size(size):
    class Lion(optimizer.Optimizer):
        rule = optimizer.Rule(
            """
            g = rescale_grad * grad
            weight -= lr * (sign(beta1 * mean + (1 - beta1) * g) + wd * weight)
            mean = beta2 * mean + (1 - beta2) * g
            """,
            states="mean",
        )
        beta1, beta2 = 0.5, 0.75

    rng = numpy.random.default_rng(size)
    expected, mean = rng.normal(size=size), 0.0
    weight = nd.array(expected, dtype="float64")
    update = optimizer.get_updater(Lion(learning_rate=0.25, wd=0.5, rescale_grad=2.0))
    for _ in range(3):
        grad = rng.normal(size=size)
        update(0, nd.array(grad, dtype="float64"), weight)
        g = 2.0 * grad
        expected = expected - 0.25 * (numpy.sign(0.5 * mean + 0.5 * g) + 0.5 * expected)
        mean = 0.75 * mean + 0.25 * g
    numpy.testing.assert_allclose(weight.asnumpy(), expected, rtol=1e-12)


@pytest.mark.parametrize(
    "formula, reason",
    [
        ("weight -= lr * tanh(grad)", r"tanh\(grad\).*no such operation"),
        ("weight -= lr * grad ** 2", r"grad \*\* 2.*of numbers"),
        ("weight -= clip(grad, grad)", "the bound of a clip"),
        ("weight -= sign(lr) * grad", r"sign\(lr\).*needs an array"),
        ("weight[0] = grad", "a line assigns to the weight"),
        ("grad = weight", "a line assigns to the weight"),
        ("import os", "a line is an assignment"),
        ("weight -= __import__('os')", "no such operation"),
        ("weight -= (lambda: grad)()", "no such operation"),
        ("weight =", "lines of Python"),
        ("g = grad", "must change `weight`"),
        ("weight -= norm(lr) * grad", "norm needs an array"),
        ("weight -= ratio(grad, weight)", "are of numbers"),
        ("weight -= grad % 2", "are of numbers"),
        ("weight -= normal(3)", "no such operation"),
        ("weight -= " + " + ".join("abs(grad)" for _ in range(200)), "at most"),
    ],
)
def test_rules_with_something_else_in_them_are_refused(formula, reason):
    weight = nd.ones(2)
    kind = type("Odd", (optimizer.Optimizer,), {"rule": optimizer.Rule(formula)})
    with pytest.raises(ValueError, match=reason):
        kind().update(0, weight, nd.ones(2), None)
    assert weight.asnumpy().tolist() == [1, 1]


@pytest.mark.parametrize(
    "formula, options, reason",
    [
        ("history = grad\nweight -= grad", {"states": "history", "by_row": True}, "is a number"),
        ("weight -= normal()", {"by_row": True}, "by row has no random numbers"),
        ("best = grad\nweight -= grad", {"carried": "best"}, "is a number"),
        ("best = norm(grad)\nweight -= grad", {"carried": "best"}, "cannot depend on the weight"),
    ],
)
def test_numbers_that_a_rule_cannot_assign_to(formula, options, reason):
    with pytest.raises(ValueError, match=reason):
        optimizer.Rule(formula, **options).program  # noqa: B018


@pytest.mark.parametrize("states, options", [("a=3", {}), ("a=weight", {"by_row": True})])
def test_states_start_from_zeros_or_from_the_weight(states, options):
    with pytest.raises(ValueError, match="the state 'a' starts from zeros"):
        optimizer.Rule("weight -= grad", states=states, **options)


def norm(x):
    return numpy.sqrt((x * x).sum())


def trust(a, b):
    return a / b if a > 0 and b > 0 else 1.0


def moments(g, state, beta1, beta2):
    state["mean"] = beta1 * state.get("mean", 0) + (1 - beta1) * g
    state["var"] = beta2 * state.get("var", 0) + (1 - beta2) * g * g


def lamb(w, g, state, t, lr, wd):
    moments(g, state, 0.9, 0.999)
    step = state["mean"] / (1 - 0.9**t) / (numpy.sqrt(state["var"] / (1 - 0.999**t)) + 1e-6)
    step = step + wd * w
    return w - lr * trust(norm(w), norm(step)) * step


def lans(w, g, state, t, lr, wd):
    g = g * trust(1, norm(g))
    moments(g, state, 0.9, 0.999)
    root = numpy.sqrt(state["var"] / (1 - 0.999**t)) + 1e-6
    far = state["mean"] / (1 - 0.9**t) / root + wd * w
    near = g / root + wd * w
    far, near = trust(norm(w), norm(far)) * far, trust(norm(w), norm(near)) * near
    return w - lr * (0.9 * far + 0.1 * near)


def lars(w, g, state, t, lr, wd):
    scale = 0.001 * norm(w) / (norm(g) + wd * norm(w)) if norm(g) and norm(w) else 1.0
    state["mom"] = 0.9 * state.get("mom", 0) - lr * scale * (g + wd * w)
    return w + state["mom"]


def adamw(w, g, state, t, lr, wd):
    moments(g, state, 0.9, 0.999)
    step = state["mean"] / (1 - 0.9**t) / (numpy.sqrt(state["var"] / (1 - 0.999**t)) + 1e-6)
    return w - lr * (step + wd * w)


def adabelief(w, g, state, t, lr, wd):
    state["mean"] = 0.9 * state.get("mean", 0) + 0.1 * g
    state["var"] = 0.999 * state.get("var", 0) + 0.001 * (g - state["mean"]) ** 2 + 1e-6
    step = state["mean"] / (1 - 0.9**t) / (numpy.sqrt(state["var"] / (1 - 0.999**t)) + 1e-6)
    return w - lr * (step + wd * w)


def groupadagrad(w, g, state, t, lr, wd):
    state["history"] = state.get("history", 0) + (g * g).mean(axis=1, keepdims=True)
    return w - lr * g / numpy.sqrt(state["history"] + 1e-5)


def dcasgd(w, g, state, t, lr, wd):
    late = 0.04 * g * g * (w - state.get("previous", w))
    state["mom"] = 0.9 * state.get("mom", 0) - lr * (g + wd * w + late)
    state["previous"] = w
    return w + state["mom"]


@pytest.mark.parametrize("shape", [(1, 1), (3, 7), (7, 513), (401, 600)])
@pytest.mark.parametrize(
    "formula, arguments",
    [
        (lamb, {}),
        (lans, {}),
        (lars, {"momentum": 0.9}),
        (adamw, {}),
        (adabelief, {}),
        (groupadagrad, {"wd": 0}),
        (dcasgd, {"momentum": 0.9}),
    ],
)
def test_formulas_of_papers_in_float64(formula, arguments, shape):
    rng = numpy.random.default_rng(shape[1])
    expected, state = rng.normal(size=shape), {}
    weight = nd.array(expected, dtype="float64")
    arguments = {"learning_rate": 0.1, "wd": 0.05, "rescale_grad": 0.5, **arguments}
    update = optimizer.get_updater(optimizer.create(formula.__name__, **arguments))
    for t in range(1, 6):
        grad = rng.normal(size=shape)
        update(0, nd.array(grad, dtype="float64"), weight)
        expected = formula(expected, grad * 0.5, state, t, lr=0.1, wd=0.05)
        numpy.testing.assert_allclose(weight.asnumpy(), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ["lamb", "lans", "lars", "lbsgd"])
def test_norms_of_zero_are_no_trouble(name):
    arguments = {"warmup_strategy": "lars"} if name == "lbsgd" else {}
    update = optimizer.get_updater(optimizer.create(name, learning_rate=0.1, **arguments))
    weights = [nd.zeros((3,)), nd.ones((3,)), nd.zeros((0,))]
    grads = [nd.ones((3,)), nd.zeros((3,)), nd.zeros((0,))]
    for _ in range(2):
        update([0, 1, 2], grads, weights)
    assert all(numpy.isfinite(each.asnumpy()).all() for each in weights)
    assert weights[1].asnumpy().tolist() == [1, 1, 1]
    assert (weights[0].asnumpy() < 0).all()


@pytest.mark.parametrize("name", ["sgd", "adam", "lamb", "lans", "lars", "sgld", "groupadagrad"])
def test_the_number_of_threads_changes_no_bit(name):
    def weights_after(threads):
        before = set_num_threads(threads)
        try:
            mx.random.seed(5)
            rng = numpy.random.RandomState(5)
            shapes = [(700, 301), *[(40, 500)] * 10]
            weights = [nd.array(rng.normal(size=shape)) for shape in shapes]
            update = optimizer.get_updater(optimizer.create(name, learning_rate=0.1))
            for _ in range(2):
                grads = [nd.array(rng.normal(size=shape)) for shape in shapes]
                update(list(range(len(shapes))), grads, weights)
            return [each.asnumpy().tobytes() for each in weights]
        finally:
            set_num_threads(before)

    assert weights_after(1) == weights_after(2)


def test_a_weight_that_stands_in_a_list_twice_is_updated_twice():
    weight, grad = nd.zeros((200_000 // 2,)), nd.ones((100_000,))
    others = [nd.zeros((100_000,)) for _ in range(3)]
    update = optimizer.get_updater(optimizer.SGD(learning_rate=0.5))
    update([0, 1, 2, 3, 4], [grad] * 5, [weight, *others, weight])
    assert set(weight.asnumpy().tolist()) == {-1.0}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("size", [5, 1000, 200_001])
def test_langevin_noise_is_what_the_sampler_draws(dtype, size):
    start, grad = numpy.linspace(-1, 1, size), numpy.linspace(1, 2, size)
    weight = nd.array(start, dtype=dtype)
    made = optimizer.SGLD(learning_rate=0.25, wd=0.5, rescale_grad=2.0, clip_gradient=3.0)
    mx.random.seed(11)
    made.update(0, weight, nd.array(grad, dtype=dtype), None)
    mx.random.seed(11)
    noise = nd.random.normal(shape=(size,), dtype=dtype).asnumpy()
    expected = start - 0.125 * (numpy.minimum(2 * grad, 3) + 0.5 * start) + 0.5 * noise
    numpy.testing.assert_allclose(weight.asnumpy(), expected, rtol=2e-5, atol=2e-6)


def test_groups_of_rows_need_matrices():
    update = optimizer.get_updater(optimizer.GroupAdaGrad())
    with pytest.raises(ValueError, match=r"weights of two axes; weight 0 has shape \(3,\)"):
        update(0, nd.ones((3,)), nd.ones((3,)))
    assert update.states == {}
    with pytest.raises(ValueError, match="wd must be 0"):
        optimizer.GroupAdaGrad(wd=0.1)
    state, weight = nd.zeros((3, 1)), nd.ones((2, 2))
    with pytest.raises(ShapeError, match=r"state history has shape \(3, 1\)"):
        optimizer.GroupAdaGrad().update(0, weight, nd.ones((2, 2)), state)
    assert (weight.asnumpy() == 1).all()


def test_adamax_makes_no_step_without_a_gradient():
    weight = nd.array([1.0, 2.0])
    update = optimizer.get_updater(optimizer.Adamax(learning_rate=0.5))
    for _ in range(3):
        update(0, nd.array([1.0, 0.0]), weight)
    numpy.testing.assert_allclose(weight.asnumpy(), [-0.5, 2.0], rtol=1e-6)


def test_what_optimizers_carry_is_saved():
    for made in (optimizer.Nadam(), optimizer.LARS(momentum=0.9, learning_rate=0.5)):
        update = optimizer.get_updater(made)
        update([0, 1], [nd.ones(1), nd.ones(1)], [nd.ones(1), nd.ones(1)])
        other = optimizer.get_updater(
            type(made)(**({} if type(made) is optimizer.Nadam else {"momentum": 0.9}))
        )
        other.set_states(update.get_states(dump_optimizer=True))
        for name in ("m_schedule", "last_lr"):
            assert getattr(other.optimizer, name, None) == getattr(made, name, None)
    assert made.last_lr == 0.5


@pytest.mark.parametrize("name", ["lamb", "adamw", "lars", "dcasgd", "nadam", "sgld", "lbsgd"])
def test_float16_weights_of_every_kind_of_rule(name):
    mx.random.seed(1)
    wide = nd.array([1.0, -2.0, 0.5])
    half = wide.astype("float16")
    updates = [optimizer.get_updater(optimizer.create(name, learning_rate=0.01, **kwargs))
               for kwargs in ({}, {"multi_precision": True})]  # fmt: skip
    for step in range(5):
        grad = nd.array([0.5, 1.0, -0.25]) * (step + 1)
        for update, weight in zip(updates, (wide, half), strict=True):
            mx.random.seed(step)
            update(0, grad.astype(weight.dtype), weight)
    numpy.testing.assert_allclose(half.asnumpy(), wide.asnumpy(), rtol=2e-3, atol=2e-3)


def test_a_refused_step_does_not_count():
    made = optimizer.Adam()
    update = optimizer.get_updater(made)
    update(0, nd.ones(2), nd.ones(2))
    with pytest.raises(ValueError):
        update(0, nd.ones(3), nd.ones(2))
    assert made.num_update == 1
    assert made._index_update_count == {0: 1}


def sgd(w, g, state, t, lr, wd, momentum, clip):
    g = numpy.clip(g, -clip, clip) + wd * w
    state[0] = momentum * state[0] - lr * g
    return w + state[0]


def adam(w, g, state, t, lr, wd, beta1, beta2, epsilon, clip):
    g = numpy.clip(g + wd * w, -clip, clip)
    state[0] = beta1 * state[0] + (1 - beta1) * g
    state[1] = beta2 * state[1] + (1 - beta2) * g**2
    lr = lr * numpy.sqrt(1 - beta2**t) / (1 - beta1**t)
    return w - lr * state[0] / (numpy.sqrt(state[1]) + epsilon)


@pytest.mark.parametrize(
    "name, formula, arguments",
    [
        ("sgd", sgd, {"momentum": 0.0}),
        ("sgd", sgd, {"momentum": 0.9}),
        ("adam", adam, {"beta1": 0.8, "beta2": 0.95, "epsilon": 1e-6}),
    ],
)
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_formulas_in_float64(name, formula, arguments, size):
    rng = numpy.random.default_rng(size)
    expected = [rng.normal(size=size), rng.normal(size=(2, size))]
    weights = [nd.array(w, dtype="float64") for w in expected]
    states = [[0.0, 0.0], [0.0, 0.0]]
    made = optimizer.create(
        name, learning_rate=0.1, wd=0.05, clip_gradient=0.7, rescale_grad=0.5, **arguments
    )
    update = optimizer.get_updater(made)
    for t in range(1, 6):
        grads = [rng.normal(size=w.shape) for w in expected]
        update([0, 1], [nd.array(g, dtype="float64") for g in grads], weights)
        for i, g in enumerate(grads):
            expected[i] = formula(
                expected[i], g * 0.5, states[i], t, lr=0.1, wd=0.05, clip=0.7, **arguments
            )
            numpy.testing.assert_allclose(weights[i].asnumpy(), expected[i], rtol=1e-11)


@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_a_group_is_updated_as_its_members_are(name):
    rng = numpy.random.default_rng(1)
    start = [rng.normal(size=size) for size in (3, 1, 5)]
    grads = [rng.normal(size=size) for size in (3, 1, 5)]
    together, alone = ([nd.array(w) for w in start] for _ in range(2))
    group = optimizer.get_updater(optimizer.create(name))
    single = optimizer.get_updater(optimizer.create(name))
    for _ in range(3):
        group([0, 1, 2], [nd.array(g) for g in grads], together)
        for i in range(3):
            single(i, nd.array(grads[i]), alone[i])
    for a, b in zip(together, alone, strict=True):
        assert a.asnumpy().tobytes() == b.asnumpy().tobytes()
    assert group.optimizer._index_update_count == {0: 3, 1: 3, 2: 3}


def test_adam_corrects_each_weight_by_its_own_count():
    grad = nd.array([1.0])
    weights = [nd.zeros(1), nd.zeros(1)]
    update = optimizer.get_updater(optimizer.Adam(learning_rate=0.1))
    update(0, grad, weights[0])
    update([0, 1], [grad, grad], weights)
    numpy.testing.assert_allclose(weights[1].asnumpy(), [-0.1], rtol=1e-5)
    numpy.testing.assert_allclose(weights[0].asnumpy(), [-0.2], rtol=1e-5)
    assert update.optimizer.num_update == 2


def test_states_are_arrays_like_the_weight():
    weight = nd.ones((2, 3), dtype="float64")
    assert optimizer.SGD().create_state(0, weight) is None
    (mean, variance) = optimizer.Adam().create_state(0, weight)
    for state in (optimizer.SGD(momentum=0.1).create_state(0, weight), mean, variance):
        assert (state.shape, state.dtype) == (weight.shape, numpy.float64)
        assert not state.asnumpy().any()


def test_zero_size_weights_are_left_alone():
    update = optimizer.get_updater(optimizer.SGD(momentum=0.5))
    weight = nd.array(numpy.zeros((0, 3)))
    update(0, nd.array(numpy.zeros((0, 3))), weight)
    assert weight.shape == (0, 3)


# ---- learning rates and weight decay -----------------------------------------------------------


def test_default_learning_rates():
    assert optimizer.SGD().learning_rate == 0.01
    assert optimizer.Adam().learning_rate == 0.001


def test_a_scheduler_decides_the_learning_rate():
    schedule = lr_scheduler.FactorScheduler(1, factor=0.5, base_lr=1.0)
    made = optimizer.SGD(lr_scheduler=schedule)
    weight = nd.zeros(1)
    for _ in range(3):
        made.update(0, weight, nd.ones(1), None)
    assert weight.asnumpy().tolist() == [-(1 + 0.5 + 0.25)]
    with pytest.raises(UserWarning, match="LRScheduler"):
        made.set_learning_rate(1.0)


def test_a_learning_rate_given_with_a_scheduler_replaces_its_base():
    schedule = lr_scheduler.FactorScheduler(10, base_lr=1.0)
    with pytest.warns(UserWarning, match="learning_rate=0.5 replaces base_lr=1.0"):
        made = optimizer.SGD(learning_rate=0.5, lr_scheduler=schedule)
    assert made.learning_rate == schedule.base_lr == 0.5


@pytest.mark.parametrize(
    "kind, arguments, schedule, expected",
    [
        (optimizer.Adam, {}, {"base_lr": 1.0}, 0.001),
        (optimizer.SGD, {"learning_rate": 0.5}, {}, 0.5),
    ],
)
def test_a_learning_rate_that_nobody_wrote_is_no_reason_to_warn(
    kind, arguments, schedule, expected, recwarn
):
    made = kind(lr_scheduler=lr_scheduler.FactorScheduler(10, **schedule), **arguments)
    assert made.learning_rate == expected  # as in MXNet
    assert not recwarn


def test_multipliers_by_index_and_by_name():
    made = optimizer.SGD(learning_rate=1.0, wd=1.0, param_idx2name={0: "a_weight", 1: "a_bias"})
    made.set_lr_mult({0: 0.5, "a_bias": 0.25})
    assert made._get_lrs([0, 1, 2]) == [0.5, 0.25, 1.0]
    assert made._get_wds([0, 1, 2]) == [1.0, 0.0, 1.0]
    made.set_wd_mult({"a_bias": 3})
    assert made._get_wds([0, 1]) == [1.0, 3.0]


def test_a_copy_keeps_counts_and_leaves_the_parameters():
    made = optimizer.Adam(param_dict={})
    made.update(
        [0, 1],
        [nd.ones(1), nd.ones(1)],
        [nd.ones(1), nd.ones(1)],
        [made.create_state(i, nd.ones(1)) for i in range(2)],
    )
    other = copy.deepcopy(made)
    assert other._index_update_count == {0: 1, 1: 1}
    assert other.param_dict == {}


# ---- float16 -----------------------------------------------------------------------------------


def test_float16_weights_are_computed_in_float32():
    grad = nd.array([1.0, 1.0], dtype="float16")
    for multi_precision in (False, True):
        update = optimizer.get_updater(
            optimizer.SGD(learning_rate=0.1, momentum=0.9, multi_precision=multi_precision)
        )
        weight = nd.array([1.0, 2.0], dtype="float16")
        if multi_precision:
            update(0, grad, weight)
        else:
            with pytest.warns(UserWarning, match="multi_precision"):
                update(0, grad, weight)
        assert weight.dtype == numpy.float16
        numpy.testing.assert_allclose(weight.asnumpy(), [0.9, 1.9], rtol=1e-3)


def test_small_steps_survive_in_the_float32_copy():
    grad = nd.array([1.0], dtype="float16")
    update = optimizer.get_updater(optimizer.SGD(learning_rate=1e-4, multi_precision=True))
    weight = nd.array([1.0], dtype="float16")
    for _ in range(20):
        update(0, grad, weight)
    numpy.testing.assert_allclose(weight.asnumpy(), [0.998], atol=5e-4)


# ---- registry ----------------------------------------------------------------------------------


def test_names_ignore_case_and_unknown_ones_are_refused():
    assert type(optimizer.create("AdAm")) is optimizer.Adam
    with pytest.raises(ValueError, match="Cannot find optimizer nope; known are: .*adam.*sgd"):
        optimizer.create("nope")
    with pytest.raises(TypeError, match="named by a str"):
        optimizer.create(optimizer.SGD())
    with pytest.raises(TypeError, match="takes a class"):
        optimizer.register(3)


def test_registering_a_name_again_warns():
    try:
        with pytest.warns(UserWarning, match="overriding existing optimizer .*SGD"):
            optimizer.register(type("sgd", (optimizer.SGD,), {}))
    finally:
        optimizer.Optimizer.opt_registry["sgd"] = optimizer.SGD


# ---- refusals ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind, arguments, error",
    [
        (optimizer.SGD, {"learning_rate": "0.1"}, TypeError),
        (optimizer.SGD, {"learning_rate": float("nan")}, ValueError),
        (optimizer.SGD, {"momentum": -0.5}, ValueError),
        (optimizer.SGD, {"wd": None}, TypeError),
        (optimizer.SGD, {"clip_gradient": "1"}, TypeError),
        (optimizer.SGD, {"foo": 3}, TypeError),
        (optimizer.Adam, {"beta1": 1.0}, ValueError),
        (optimizer.Adam, {"beta2": -0.1}, ValueError),
        (optimizer.Adam, {"epsilon": -1}, ValueError),
        (optimizer.NAG, {"momentum": -1}, ValueError),
        (optimizer.RMSProp, {"gamma1": 1.0}, ValueError),
        (optimizer.RMSProp, {"clip_weights": "1"}, TypeError),
        (optimizer.Signum, {"momentum": 1.0}, ValueError),
        (optimizer.Ftrl, {"lamda1": -1}, ValueError),
        (optimizer.AdamW, {"beta1": 1.0}, ValueError),
        (optimizer.AdaBelief, {"epsilon": -1}, ValueError),
        (optimizer.Adamax, {"beta2": "0.9"}, TypeError),
        (optimizer.Nadam, {"schedule_decay": None}, TypeError),
        (optimizer.LAMB, {"lower_bound": "1"}, TypeError),
        (optimizer.LANS, {"beta2": 1.0}, ValueError),
        (optimizer.LARS, {"eta": -1}, ValueError),
        (optimizer.LBSGD, {"batch_scale": 0}, ValueError),
        (optimizer.DCASGD, {"momentum": -1}, ValueError),
        (optimizer.SGLD, {"foo": 1}, TypeError),
    ],
)
def test_bad_numbers_are_refused_by_name(kind, arguments, error):
    (name,) = arguments
    with pytest.raises(error, match=name):
        kind(**arguments)


@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_a_gradient_of_another_shape_is_refused_and_nothing_changes(name):
    update = optimizer.get_updater(optimizer.create(name))
    weights = [nd.ones(2), nd.ones(3)]
    with pytest.raises((MXNetError, ValueError)):
        update([0, 1], [nd.ones(2), nd.ones(2)], weights)
    assert [w.asnumpy().tolist() for w in weights] == [[1, 1], [1, 1, 1]]


def test_weights_of_whole_numbers_are_refused():
    update = optimizer.get_updater(optimizer.SGD())
    with pytest.raises(TypeError, match="float dtype.*int32"):
        update([0, 1], [nd.ones(2), nd.ones(2)], [nd.ones(2), nd.ones(2, dtype="int32")])
    assert update.states == {}


def test_the_base_class_updates_nothing():
    with pytest.raises(NotImplementedError, match="Optimizer"):
        optimizer.Optimizer().update(0, nd.ones(1), nd.ones(1), None)


# ---- schedules ---------------------------------------------------------------------------------


@pytest.mark.parametrize("case", RECORDED["schedulers"], ids=ids)
def test_mxnets_schedules(case):
    schedule = getattr(lr_scheduler, case["name"])(**case["arguments"])
    numpy.testing.assert_allclose(
        [schedule(n) for n in range(1, 15)], case["lrs"], rtol=1e-12, atol=1e-15
    )


@pytest.mark.parametrize("case", RECORDED["schedulers"], ids=ids)
def test_a_schedule_that_starts_late_catches_up(case):
    schedule = getattr(lr_scheduler, case["name"])(**case["arguments"])
    numpy.testing.assert_allclose(schedule(10), case["lrs"][9], rtol=1e-12)


@pytest.mark.parametrize(
    "make, error",
    [
        (lambda: lr_scheduler.FactorScheduler(0), ValueError),
        (lambda: lr_scheduler.FactorScheduler(1.5), TypeError),
        (lambda: lr_scheduler.FactorScheduler(1, factor=2), ValueError),
        (lambda: lr_scheduler.MultiFactorScheduler([]), ValueError),
        (lambda: lr_scheduler.MultiFactorScheduler((1, 2)), ValueError),
        (lambda: lr_scheduler.MultiFactorScheduler([2, 2]), ValueError),
        (lambda: lr_scheduler.MultiFactorScheduler([0]), ValueError),
        (lambda: lr_scheduler.MultiFactorScheduler([1], factor=1.1), ValueError),
        (lambda: lr_scheduler.PolyScheduler(0), ValueError),
        (lambda: lr_scheduler.PolyScheduler(2.5), TypeError),
        (lambda: lr_scheduler.CosineScheduler(0), ValueError),
        (lambda: lr_scheduler.FactorScheduler(1, warmup_steps=-1), ValueError),
        (lambda: lr_scheduler.FactorScheduler(1, warmup_steps=1.5), TypeError),
        (lambda: lr_scheduler.FactorScheduler(1, warmup_begin_lr=1), ValueError),
        (lambda: lr_scheduler.FactorScheduler(1, warmup_mode="x"), ValueError),
        (lambda: lr_scheduler.LRScheduler()(1), NotImplementedError),
    ],
)
def test_bad_schedules_are_refused(make, error):
    with pytest.raises(error):
        make()


def test_a_warmup_as_long_as_the_schedule_ends_at_the_final_rate():
    schedule = lr_scheduler.PolyScheduler(5, base_lr=1.0, final_lr=0.1, warmup_steps=5)
    assert [schedule(4), schedule(5), schedule(6)] == [0.8, 0.1, 0.1]


# ---- states as bytes ---------------------------------------------------------------------------


def trained(name, steps=2, **arguments):
    update = optimizer.get_updater(optimizer.create(name, **arguments))
    weight = nd.array(START)
    for i in range(steps):
        update(0, nd.array(START) * i, weight)
    return update, weight


@pytest.mark.parametrize("name, arguments", [("sgd", {"momentum": 0.9}), ("adam", {})])
def test_states_go_through_bytes_bit_for_bit(name, arguments):
    update, weight = trained(name, **arguments)
    other = optimizer.get_updater(optimizer.create(name, learning_rate=0.7))
    other.set_states(update.get_states(dump_optimizer=True))
    same = weight.copy()
    for each, w in ((update, weight), (other, same)):
        each(0, nd.array(START), w)
    assert weight.asnumpy().tobytes() == same.asnumpy().tobytes()


def test_states_without_the_optimizer_leave_its_numbers():
    update, _ = trained("sgd", momentum=0.9)
    other = optimizer.get_updater(optimizer.SGD(learning_rate=0.7, momentum=0.9))
    other.set_states(update.get_states())
    assert other.optimizer.learning_rate == 0.7
    assert other.states[0].asnumpy().tolist() == update.states[0].asnumpy().tolist()


def test_a_state_that_cannot_be_saved_is_named():
    update = optimizer.get_updater(optimizer.SGD())
    update.states[0] = object()
    with pytest.raises(TypeError, match="object"):
        update.get_states()


@pytest.mark.parametrize("value", [None, "a", 1j, nd.ones(2), 10**400])
def test_a_number_of_a_rule_that_is_none_is_refused(value):
    class Own(optimizer.Optimizer):
        rule = optimizer.Rule("weight -= factor * grad")
        factor = value

    weight = nd.ones(2)
    with pytest.raises(TypeError, match="the rule's `factor` must be a number"):
        Own().update(0, weight, nd.ones(2), None)
    assert weight.asnumpy().tolist() == [1, 1]


@pytest.mark.parametrize(
    ("formula", "options", "error", "message"),
    [
        ("weight -= grad", {"states": ["m"]}, TypeError, "names in one string"),
        ("weight -= grad", {"states": "m m"}, ValueError, "cannot be called 'm'"),
        ("weight -= grad", {"states": "weight"}, ValueError, "cannot be called 'weight'"),
        ("weight -= grad", {"states": "lr"}, ValueError, "cannot be called 'lr'"),
        ("weight -= " + "-" * 3000 + "grad", {}, ValueError, "a few lines of arithmetic"),
        ("weight -= 1" + "0" * 400 + " * grad", {}, ValueError, "a few lines of arithmetic"),
    ],
)
def test_rules_that_are_refused(formula, options, error, message):
    with pytest.raises(error, match=message):
        optimizer.Rule(formula, **options).program  # noqa: B018
