"""The Trainer: the answers of MXNet, what it refuses, and its file."""

import copy
import json
import math
import pickle
import struct
from pathlib import Path

import numpy
import pytest

import microlazy as mx
from microlazy import autograd, gluon, lr_scheduler, nd, npx, optimizer
from microlazy.base import MXNetError

HERE = Path(__file__).parent
RECORDED = json.loads((HERE / "oracle" / "training.json").read_text())["trainers"]
X = numpy.random.default_rng(5).normal(size=(6, 4)).astype("float32")
Y = numpy.random.default_rng(6).normal(size=(6, 2)).astype("float32")


@pytest.fixture(params=["nd", "np"])
def face(request):
    if request.param == "np":
        npx.set_np()
    yield mx.np if request.param == "np" else nd
    npx.reset_np()


def make_net(*units):
    net = gluon.nn.HybridSequential()
    for n in units:
        net.add(gluon.nn.Dense(n, activation="tanh"))
    return net


def one_parameter():
    w = gluon.Parameter("w", shape=(1,), init="ones")
    w.initialize()
    return w


def backward(net, face, x=X, y=Y):
    with autograd.record():
        loss = gluon.loss.L2Loss()(net(face.array(x)), face.array(y))
    loss.backward()


def values(net):
    return [p.data().asnumpy().tobytes() for p in net.collect_params().values()]


def make(name="sgd", arguments=None, units=(3, 2), face=nd):
    mx.random.seed(1)
    net = make_net(*units)
    net.initialize(mx.init.Xavier())
    net(face.array(X))
    return net, gluon.Trainer(net.collect_params(), name, arguments)


@pytest.mark.parametrize("case", RECORDED, ids=lambda case: case["name"])
def test_mxnets_answers(case, face):
    net = gluon.nn.HybridSequential()
    net.add(gluon.nn.Dense(3, activation="tanh"), gluon.nn.Dense(2))
    net.initialize(mx.init.Constant(0.3))
    net[0].weight.lr_mult = 0.5
    net[1].weight.wd_mult = 2.0
    trainer = gluon.Trainer(net.collect_params(), case["name"], case["arguments"])
    for batch_size in (4, 4, 2):
        backward(net, face, case["x"], case["y"])
        trainer.step(batch_size)
    trainer.set_learning_rate(0.01)
    backward(net, face, case["x"], case["y"])
    trainer.step(4)
    parameters = (net[0].weight, net[0].bias, net[1].weight, net[1].bias)
    for parameter, expected in zip(parameters, case["parameters"], strict=True):
        numpy.testing.assert_allclose(parameter.data().asnumpy(), expected, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_many_parameters_learn(name, face):
    net, trainer = make(name, {"learning_rate": 0.01}, units=(3,) * 20 + (2,), face=face)
    backward(net, face)
    trainer.step(6)
    before = values(net)
    backward(net, face)
    trainer.step(6)
    assert all(a != b for a, b in zip(before, values(net), strict=True))
    assert trainer.optimizer.num_update == 2


def test_a_list_of_parameters_and_an_optimizer_object():
    net, _ = make()
    made = optimizer.SGD(learning_rate=0.5)
    trainer = gluon.Trainer(list(net.collect_params().values()), made)
    assert trainer.optimizer is made
    backward(net, nd)
    trainer.step(6)
    assert made.num_update == 1


def test_a_parameter_that_is_there_twice_is_updated_once():
    w = gluon.Parameter("w", shape=(1,), init="ones")
    w.initialize()
    trainer = gluon.Trainer([w, w], "sgd", {"learning_rate": 1.0})
    with autograd.record():
        loss = w.data() * 2
    loss.backward()
    trainer.step(1)
    assert w.data().asnumpy().tolist() == [-1]


def test_the_optimizers_own_rescale_is_kept():
    w = gluon.Parameter("w", shape=(1,), init="ones")
    w.initialize()
    trainer = gluon.Trainer([w], "sgd", {"learning_rate": 1.0, "rescale_grad": 3.0})
    with autograd.record():
        loss = w.data() * 2
    loss.backward()
    trainer.step(4)
    assert w.data().asnumpy().tolist() == [-0.5]


def test_another_scale_of_the_trainer_is_heeded_in_the_next_step():
    w = gluon.Parameter("w", shape=(1,), init="zeros")
    w.initialize()
    trainer = gluon.Trainer([w], "sgd", {"learning_rate": 1.0})
    seen = []
    for scale in (1, 1, 0.5, 0.5, 2, 1):
        trainer._scale = scale
        with autograd.record():
            y = (w.data() * 4).sum()
        y.backward()
        trainer.step(2)
        seen.append(w.data().asscalar().item())
    assert seen == [-2, -4, -5, -6, -10, -12]


def test_a_learning_rate_that_a_users_class_computes_is_asked_for():
    class Halving(optimizer.SGD):
        @property
        def learning_rate(self):
            return self.lr / 2**self.num_update

    w = gluon.Parameter("w", shape=(1,), init="zeros")
    w.initialize()
    trainer = gluon.Trainer([w], Halving(learning_rate=1.0))
    seen = []
    for _ in range(4):
        with autograd.record():
            y = w.data().sum()
        y.backward()
        trainer.step(1)
        seen.append(w.data().asscalar().item())
    assert seen == [-0.5, -0.75, -0.875, -0.9375]


def test_update_after_allreduce_is_a_step():
    one, first = make()
    two, second = make()
    backward(one, nd)
    backward(two, nd)
    first.step(6)
    second.allreduce_grads()
    second.update(6)
    assert values(one) == values(two)


def test_changes_of_parameters_are_seen():
    net, trainer = make("sgd", {"learning_rate": 1.0})
    backward(net, nd)
    trainer.step(6)
    weight = net[0].weight
    weight.lr_mult = 0.0
    net[0].bias.grad_req = "null"
    before = [weight.data().asnumpy(), net[0].bias.data().asnumpy()]
    backward(net, nd)
    trainer.step(6)
    assert (weight.data().asnumpy() == before[0]).all()
    assert (net[0].bias.data().asnumpy() == before[1]).all()
    weight.set_data(nd.ones(weight.shape))
    weight.lr_mult = 1.0
    backward(net, nd)
    trainer.step(6)
    assert not (weight.data().asnumpy() == 1).all()


def test_the_optimizers_numbers_may_change_between_steps():
    w = gluon.Parameter("w", shape=(1,), init="ones")
    w.initialize()
    trainer = gluon.Trainer([w], "sgd", {"learning_rate": 1.0})

    def step():
        with autograd.record():
            loss = w.data() * 1
        loss.backward()
        trainer.step(1)
        return w.data().asscalar()

    assert step() == 0.0
    trainer.set_learning_rate(0.5)
    assert step() == -0.5
    trainer.optimizer.wd = 1.0
    assert step() == -0.75


def test_gradients_that_add_up_are_used_as_they_are():
    w = gluon.Parameter("w", shape=(1,), init="ones", grad_req="add")
    w.initialize()
    trainer = gluon.Trainer([w], "sgd", {"learning_rate": 1.0})
    for _ in range(3):
        with autograd.record():
            loss = w.data() * 1
        loss.backward()
    trainer.step(1)
    assert w.data().asscalar() == -2.0


def test_an_optimizer_of_ones_own():
    class Plain(optimizer.Optimizer):
        def create_state(self, index, weight):
            return [0]

        def update(self, index, weight, grad, state):
            self._update_count(index)
            state[0] += 1
            weight[:] -= self._get_lr(index) * self.rescale_grad * grad

    one, trainer = make(Plain(learning_rate=0.1))
    two, reference = make("sgd", {"learning_rate": 0.1})
    for _ in range(2):
        for net, each in ((one, trainer), (two, reference)):
            backward(net, nd)
            each.step(6)
    for a, b in zip(one.collect_params().values(), two.collect_params().values(), strict=True):
        numpy.testing.assert_allclose(a.data().asnumpy(), b.data().asnumpy(), rtol=1e-5, atol=1e-7)
    assert trainer.optimizer.num_update == 2


def test_float16_and_float32_parameters_together(tmp_path):
    def make_pair():
        pair = [
            gluon.Parameter("half", shape=(2,), dtype="float16", init="ones"),
            gluon.Parameter("single", shape=(2,), init="ones"),
        ]
        for parameter in pair:
            parameter.initialize()
        arguments = {"learning_rate": 0.1, "momentum": 0.9, "multi_precision": True}
        return pair, gluon.Trainer(pair, "sgd", arguments)

    def step(pair, trainer):
        with autograd.record():
            loss = pair[0].data().astype("float32") + pair[1].data()
        loss.backward()
        trainer.step(1)

    pair, trainer = make_pair()
    for _ in range(2):
        step(pair, trainer)
    trainer.save_states(tmp_path / "states")
    again, other = make_pair()
    for parameter, source in zip(again, pair, strict=True):
        parameter.set_data(source.data())
    other.load_states(tmp_path / "states")
    step(pair, trainer)
    step(again, other)
    for parameter, source in zip(again, pair, strict=True):
        assert parameter.data().dtype == source.data().dtype
        assert parameter.data().asnumpy().tobytes() == source.data().asnumpy().tobytes()
        numpy.testing.assert_allclose(parameter.data().asnumpy(), 0.439, rtol=1e-3)


@pytest.mark.parametrize("name, arguments", [("sgd", {"momentum": 0.9}), ("adam", {})])
@pytest.mark.parametrize("again", [copy.deepcopy, lambda both: pickle.loads(pickle.dumps(both))])
def test_a_copy_of_network_and_trainer_trains_the_copy(name, arguments, again):
    net, trainer = make(name, arguments)
    net[0].weight.lr_mult = 0.5
    for _ in range(2):
        backward(net, nd)
        trainer.step(6)
    before = values(net)
    other, other_trainer = again((net, trainer))
    for ignore_stale_grad in (False, True):
        backward(other, nd)
        other_trainer.step(6, ignore_stale_grad)
    assert values(net) == before
    for _ in range(2):
        backward(net, nd)
        trainer.step(6)
    assert values(other) == values(net) != before
    assert other_trainer.optimizer.num_update == trainer.optimizer.num_update == 4


def test_a_subclass_that_overrides_update_is_asked():
    class Halved(optimizer.SGD):
        def update(self, index, weight, grad, state):
            super().update(index, weight, grad * 0.5, state)

    w = one_parameter()
    trainer = gluon.Trainer([w], Halved(learning_rate=1.0))
    with autograd.record():
        loss = w.data() * 1
    loss.backward()
    trainer.step(1)
    assert w.data().asscalar() == 0.5


def test_float16_parameters_can_be_stale(recwarn):
    pair = [gluon.Parameter(name, shape=(2,), dtype="float16", init="ones") for name in "ab"]
    for parameter in pair:
        parameter.initialize()
    trainer = gluon.Trainer(
        pair, "nag", {"learning_rate": 0.5, "momentum": 0.5, "multi_precision": True}
    )
    for parameter in (*pair, pair[0]):
        with autograd.record():
            loss = parameter.data() * 1
        loss.backward()
        trainer.step(1, ignore_stale_grad=True)
    assert pair[1].data().asnumpy().tolist() == [0.25, 0.25]
    assert pair[0].data().asnumpy().tolist() == [-0.625, -0.625]


# ---- stale and uninitialized parameters --------------------------------------------------------


def test_stale_gradients_are_refused_by_name_and_nothing_changes():
    net, trainer = make("sgd", {"momentum": 0.9})
    before = values(net)
    with pytest.raises(UserWarning) as caught:
        trainer.step(6)
    for name in net.collect_params():
        assert f"`{name}`" in str(caught.value)
    with autograd.record():
        loss = net[0](nd.array(X))
    loss.backward()
    with pytest.raises(UserWarning) as caught:
        trainer.step(6)
    assert net[1].weight.name in str(caught.value)
    assert net[0].weight.name not in str(caught.value)
    assert values(net) == before


def test_stale_gradients_can_be_left_out():
    net, trainer = make("adam")
    backward(net, nd)
    trainer.step(6)
    before = values(net)
    with autograd.record():
        loss = net[0](nd.array(X))
    loss.backward()
    trainer.step(6, ignore_stale_grad=True)
    after = values(net)
    assert after[:2] != before[:2]
    assert after[2:] == before[2:]
    trainer.step(6, ignore_stale_grad=True)
    assert values(net) == after
    assert sorted(trainer.optimizer._index_update_count.values()) == [1, 1, 2, 2]


def test_a_step_uses_each_gradient_once():
    net, trainer = make()
    backward(net, nd)
    trainer.step(6)
    with pytest.raises(UserWarning, match="has not been updated by backward"):
        trainer.step(6)


def test_parameters_that_were_never_initialized_are_refused_at_once():
    net = make_net(3)
    with pytest.raises(RuntimeError, match="not been initialized"):
        gluon.Trainer(net.collect_params(), "sgd")


@pytest.mark.parametrize(
    "use",
    [
        lambda trainer: trainer.step(1),
        lambda trainer: trainer.update(1),
        lambda trainer: trainer.allreduce_grads(),
        lambda trainer: trainer.save_states("never"),
    ],
)
def test_deferred_parameters_are_refused_by_name(use):
    net = make_net(3)
    net.initialize()
    trainer = gluon.Trainer(net.collect_params(), "sgd")
    with pytest.raises(gluon.parameter.DeferredInitializationError, match=r"dense\d+_weight"):
        use(trainer)


def test_a_trainer_may_be_made_before_the_sizes_are_known():
    net = make_net(3, 2)
    net.initialize()
    trainer = gluon.Trainer(net.collect_params(), "sgd")
    backward(net, nd)
    before = values(net)
    trainer.step(6)
    assert values(net) != before


# ---- refusals ----------------------------------------------------------------------------------


@pytest.mark.parametrize("params", [5, [5], {"a": 3}, "abc", None])
def test_other_things_than_parameters_are_refused(params):
    with pytest.raises(ValueError, match="Parameters"):
        gluon.Trainer(params, "sgd")


@pytest.mark.parametrize(
    "arguments, error, reason",
    [
        ({"optimizer": "nope"}, ValueError, "Cannot find optimizer nope"),
        ({"optimizer": None}, TypeError, "named by a str"),
        ({"optimizer": "sgd", "optimizer_params": {"foo": 3}}, TypeError, "foo"),
        (
            {"optimizer": "sgd", "optimizer_params": {"lr": 0.1}},
            TypeError,
            "SGD has no argument 'lr', did you mean 'learning_rate'",
        ),
        (
            {"optimizer": "adam", "optimizer_params": {"beta_1": 0.1}},
            TypeError,
            "Adam has no argument 'beta_1', did you mean 'beta1'",
        ),
        (
            {"optimizer": "sgd", "optimizer_params": 0.1},
            TypeError,
            "optimizer_params is a dict such as.*0.1",
        ),
        (
            {"optimizer": optimizer.SGD(), "optimizer_params": {"wd": 3}},
            ValueError,
            "optimizer_params",
        ),
        ({"optimizer": "sgd", "kvstore": "dist_async"}, MXNetError, "dist_sync"),
        (
            {"optimizer": "sgd", "kvstore": None, "update_on_kvstore": True},
            ValueError,
            "update_on_kvstore",
        ),
    ],
)
def test_bad_arguments_are_refused(arguments, error, reason):
    with pytest.raises(error, match=reason):
        gluon.Trainer([one_parameter()], **arguments)


@pytest.mark.parametrize("batch_size", [0, -1, math.nan, 10**400, -(10**400)])
def test_a_batch_size_is_above_zero(batch_size):
    net, trainer = make()
    backward(net, nd)
    before = values(net)
    with pytest.raises(ValueError, match="batch_size"):
        trainer.step(batch_size)
    assert values(net) == before


@pytest.mark.parametrize("batch_size", ["2", None, [2], nd.ones((3,)), 1j])
def test_a_batch_size_is_a_number(batch_size):
    net, trainer = make()
    backward(net, nd)
    before = values(net)
    with pytest.raises(TypeError, match="batch_size must be a number"):
        trainer.step(batch_size)
    assert values(net) == before


@pytest.mark.parametrize(
    "params", [[], {}, (), gluon.nn.Sequential().params, make_net(3).collect_params("no such name")]
)
def test_nothing_to_train_is_refused(params):
    with pytest.raises(ValueError, match=r"nothing to train: give net.collect_params\(\)"):
        gluon.Trainer(params, "sgd")


@pytest.mark.parametrize("kvstore", ["device", "local", None])
def test_single_process_stores_are_accepted(kvstore):
    w = one_parameter()
    trainer = gluon.Trainer([w], "sgd", kvstore=kvstore, update_on_kvstore=False)
    with autograd.record():
        loss = w.data() * 2
    loss.backward()
    trainer.step(1)


# ---- the file of states ------------------------------------------------------------------------

ARGUMENTS = {
    "sgd": {"learning_rate": 0.1, "momentum": 0.9, "wd": 0.01},
    "adam": {"learning_rate": 0.05},
}


def scheduled():
    return lr_scheduler.MultiFactorScheduler([2, 4], factor=0.5, base_lr=0.1)


@pytest.mark.parametrize("name", ARGUMENTS)
@pytest.mark.parametrize("with_scheduler", [False, True])
def test_training_goes_on_bit_for_bit(name, with_scheduler, face, tmp_path):
    arguments = dict(ARGUMENTS[name])
    if with_scheduler:
        arguments["learning_rate"] = 0.1

    def fresh():
        extra = {"lr_scheduler": scheduled()} if with_scheduler else {}
        return make(name, arguments | extra, face=face)

    net, trainer = fresh()
    for step in range(6):
        if step == 3:
            net.save_parameters(str(tmp_path / "net"))
            trainer.save_states(str(tmp_path / "states"))
        backward(net, face)
        trainer.step(6)
    expected = values(net)

    net, trainer = fresh()
    backward(net, face)  # goes elsewhere first
    trainer.step(2)
    net.load_parameters(str(tmp_path / "net"))
    trainer.load_states(str(tmp_path / "states"))
    for _ in range(3):
        backward(net, face)
        trainer.step(6)
    assert values(net) == expected
    assert trainer.optimizer.num_update == 6


def test_states_bring_the_learning_rate_and_the_momentum(tmp_path):
    net, trainer = make("sgd", {"learning_rate": 0.1, "momentum": 0.9})
    backward(net, nd)
    trainer.step(6)
    trainer.set_learning_rate(0.05)
    trainer.save_states(tmp_path / "states")
    _, other = make("sgd", {"learning_rate": 7.0})
    other.load_states(tmp_path / "states")
    assert other.learning_rate == 0.05
    assert other.optimizer.momentum == 0.9


def test_states_of_weights_frozen_since_come_back(tmp_path):
    net, trainer = make("sgd", {"learning_rate": 0.1, "momentum": 0.9})
    backward(net, nd)
    trainer.step(6)
    net.collect_params(".*weight").setattr("grad_req", "null")
    trainer.save_states(tmp_path / "states")
    net.collect_params(".*weight").setattr("grad_req", "write")
    backward(net, nd)
    trainer.step(6)
    expected = values(net)
    again, other = make("sgd", {"learning_rate": 0.1, "momentum": 0.9})
    backward(again, nd)
    gluon.Trainer(again.collect_params(), "sgd", {"learning_rate": 0.1}).step(6)
    again.collect_params(".*weight").setattr("grad_req", "null")
    other.load_states(tmp_path / "states")
    again.collect_params(".*weight").setattr("grad_req", "write")
    backward(again, nd)
    other.step(6)
    assert values(again) == expected


def state_of(trainer):
    return trainer._updater.get_states(dump_optimizer=True)


def check_refused(path, trainer, reason):
    before = state_of(trainer)
    with pytest.raises(MXNetError, match=f"states.*{reason}"):
        trainer.load_states(path)
    assert state_of(trainer) == before


@pytest.mark.parametrize(
    "name, arguments, units, reason",
    [
        ("adam", {}, (3, 2), "optimizer SGD, here is Adam"),
        ("sgd", {}, (5, 2), "state of parameter 'dense.*_bias'.*3.*expected.*5"),
        ("sgd", {}, (3,), "weight [23]"),
        ("sgd", {"lr_scheduler": scheduled()}, (3, 2), "none for lr_scheduler.*here has one"),
    ],
)
def test_states_of_other_trainers_are_refused(name, arguments, units, reason, tmp_path):
    net, trainer = make("sgd", {"momentum": 0.9})
    backward(net, nd)
    trainer.step(6)
    trainer.save_states(tmp_path / "states")
    _, other = make(name, arguments, units)
    other.allreduce_grads()
    check_refused(tmp_path / "states", other, reason)


def test_foreign_files_are_refused(tmp_path):
    net, trainer = make("sgd", {"momentum": 0.9})
    trainer.allreduce_grads()
    check_refused(HERE / "fixtures" / "trainer.states", trainer, "Python pickle")
    path = tmp_path / "states"
    nd.save(str(path), {"header": nd.ones(3)})
    check_refused(path, trainer, "")
    nd.save(str(path), [nd.ones(3)])
    check_refused(path, trainer, "not the states of an optimizer")
    with pytest.raises(FileNotFoundError):
        trainer.load_states(tmp_path / "nowhere")


def test_every_truncation_is_refused(tmp_path):
    net, trainer = make("sgd", {"momentum": 0.9})
    backward(net, nd)
    trainer.step(6)
    whole = state_of(trainer)
    for size in range(0, len(whole), 7):
        (tmp_path / "states").write_bytes(whole[:size])
        check_refused(tmp_path / "states", trainer, "")


def with_header(header):
    text = numpy.frombuffer(json.dumps(header).encode(), "uint8")
    data = struct.pack("<QQQ", 0x112, 0, 1) + struct.pack("<IiIq", 0xF993FAC9, 0, 1, len(text))
    data += struct.pack("<iii", 1, 0, 3) + text.tobytes()
    return data + struct.pack("<QQ", 1, 6) + b"header"


def test_malformed_headers_are_refused(tmp_path):
    _, trainer = make("sgd", {"momentum": 0.9})
    trainer.allreduce_grads()
    good = {"format": "microlazy optimizer states 1", "states": [], "optimizer": None}
    (tmp_path / "states").write_bytes(with_header(good))
    trainer.load_states(tmp_path / "states")
    trainer.allreduce_grads()
    described = {"class": "SGD", "numbers": {}, "counts": [], "scheduler": None}
    for change in (
        {"format": "other"},
        {"states": 3},
        {"states": [[0, 0]]},
        {"states": [[0, 1.5]]},
        {"states": [[None, None]]},
        {"states": [[99, None]]},
        {"optimizer": 3},
        {"optimizer": {}},
        {"optimizer": described},
        {"optimizer": described | {"class": "Adam"}},
        {"optimizer": described | {"numbers": 3}},
        {"optimizer": described | {"counts": [[0]]}},
    ):
        (tmp_path / "states").write_bytes(with_header(good | change))
        check_refused(tmp_path / "states", trainer, "")


def test_numbers_of_another_type_are_refused(tmp_path):
    _, trainer = make("sgd", {"momentum": 0.9})
    trainer.allreduce_grads()
    whole = state_of(trainer)
    assert b'"momentum": 0.9' in whole
    (tmp_path / "states").write_bytes(whole.replace(b'"momentum": 0.9', b'"momentum": "9"'))
    check_refused(tmp_path / "states", trainer, "SGD.momentum cannot be '9'")


def test_saving_is_atomic(tmp_path, monkeypatch):
    _, trainer = make("sgd", {"momentum": 0.9})
    path = tmp_path / "states"
    path.write_bytes(b"old")
    trainer.allreduce_grads()
    trainer._updater.states[0] = object()
    with pytest.raises(TypeError):
        trainer.save_states(path)
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["states"]


def test_a_network_instead_of_its_parameters():
    net = gluon.nn.Dense(1)
    with pytest.raises(ValueError, match=r"Dense'>: give its collect_params\(\)$"):
        gluon.Trainer(net, "sgd")
    with pytest.raises(ValueError, match="got <class 'int'>$"):
        gluon.Trainer(3, "sgd")
