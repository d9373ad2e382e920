"""compile_step: the bits of a loop written by hand, whatever changes between steps."""

import copy
import gc
import threading
import warnings
import weakref

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import microlazy as mx
from microlazy import autograd, gluon, nd, np
from microlazy.core.storage import memory_info
from microlazy.core.tape import watch_gradients
from microlazy.gluon import HybridBlock, nn, rnn
from microlazy.gluon import loss as losses
from microlazy.optimizer.group import RuleGroup


def mlp():
    net = nn.HybridSequential()
    net.add(nn.Dense(8, activation="relu"), nn.Dropout(0.3), nn.BatchNorm(), nn.Dense(3))
    return net


def dense_layers():
    """Layers whose weights are moved while the backward pass goes on; places as in `mlp`."""
    net = nn.HybridSequential()
    net.add(nn.Dense(8, activation="relu"), nn.Dropout(0.3), nn.Activation("tanh"), nn.Dense(3))
    return net


def lenet():
    net = nn.HybridSequential()
    net.add(nn.Conv2D(4, 3, activation="sigmoid"), nn.AvgPool2D(2, 2), nn.Conv2D(4, 3))
    net.add(nn.BatchNorm(), nn.Activation("relu"), nn.MaxPool2D(2, 2), nn.Dense(3))
    return net


class Recurrent(HybridBlock):
    def __init__(self):
        super().__init__()
        self.lstm, self.out = rnn.LSTM(5, layout="NTC"), nn.Dense(3)

    def forward(self, x):
        return self.out(self.lstm(x))


class Residual(HybridBlock):
    """A layer that is used twice, a branch, and a view."""

    def __init__(self):
        super().__init__()
        self.first, self.shared, self.last = nn.Dense(6), nn.Dense(6, in_units=6), nn.Dense(3)

    def forward(self, x):
        h = nd.tanh(self.first(x))
        return self.last((h + self.shared(self.shared(h))).reshape((-1, 2, 3)))


NETS = {
    "mlp": (mlp, (6, 5)),
    "dense": (dense_layers, (6, 5)),
    "dense, two rows": (dense_layers, (2, 5)),
    "lenet": (lenet, (6, 1, 10, 10)),
    "lstm": (Recurrent, (6, 4, 5)),
    "residual": (Residual, (6, 5)),
}
LOSSES = {
    "SoftmaxCrossEntropyLoss": "classes",
    "L1Loss": "like",
    "L2Loss": "like",
    "HuberLoss": "like",
    "SigmoidBinaryCrossEntropyLoss": "unit",
    "KLDivLoss": "unit",
    "HingeLoss": "signs",
    "SquaredHingeLoss": "signs",
    "LogisticLoss": "signs",
    "PoissonNLLLoss": "unit",
}


def labels(kind, generator, rows):
    if kind == "classes":
        return nd.array(generator.integers(0, 3, rows))
    if kind == "signs":
        return nd.array(generator.choice([-1.0, 1.0], (rows, 3)))
    values = generator.random((rows, 3)) if kind == "unit" else generator.normal(size=(rows, 3))
    return nd.array(values)


@pytest.fixture
def updates(monkeypatch):
    """The groups of weights that were updated when a backward pass was over."""
    seen, update = [], RuleGroup.update
    monkeypatch.setattr(RuleGroup, "update", lambda group: (seen.append(group), update(group))[1])
    return seen


def by_hand(net, loss, trainer):
    def step(*batch):
        with autograd.record():
            value = loss(net(*batch[:-1]), batch[-1])
        value.backward()
        trainer.step(value.shape[0] if value.ndim else 1)
        return value

    return step


def bits(*arrays):
    return [x.asnumpy().tobytes() for x in arrays]


def ten_steps(
    make_step, make_net=mlp, shape=(6, 5), loss=None, kind="classes", steps=10, **trainer
):
    """Bytes of losses, gradients, parameters and outputs."""
    mx.random.seed(3)
    generator = numpy.random.default_rng(4)
    net = make_net()
    net.initialize(mx.init.Xavier())
    net.dry_run(shape)
    trainer = {"optimizer": "sgd", "optimizer_params": {"learning_rate": 0.1}} | trainer
    trainer = gluon.Trainer(net.collect_params(), **trainer)
    step = make_step(net, loss or losses.SoftmaxCrossEntropyLoss(), trainer)
    record = []
    for _ in range(steps):
        x = nd.array(generator.normal(size=shape))
        record += bits(step(x, labels(kind, generator, shape[0])))
        parameters = net.collect_params().values()
        record += bits(*[p.grad() for p in parameters if p.grad_req != "null"])
        record += bits(*[p.data() for p in parameters])
    return record + bits(net(x))


@pytest.mark.parametrize("net", NETS)
def test_ten_steps_have_the_bits_of_those_by_hand(net):
    make, shape = NETS[net]
    expected = ten_steps(by_hand, make, shape)
    assert ten_steps(mx.compile_step, make, shape) == expected


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss(loss):
    made = getattr(losses, loss)()
    expected = ten_steps(by_hand, loss=made, kind=LOSSES[loss])
    assert ten_steps(mx.compile_step, loss=made, kind=LOSSES[loss]) == expected


OPTIMIZERS = (
    *("sgd", "signum", "nag", "adam", "adamw", "adamax", "nadam", "adagrad", "adadelta"),
    *("adabelief", "rmsprop", "ftrl", "ftml", "lamb", "lars", "lans", "lbsgd", "dcasgd", "sgld"),
)


@pytest.mark.parametrize("net", [mlp, dense_layers])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer(optimizer, net):
    expected = ten_steps(by_hand, net, optimizer=optimizer, optimizer_params=None)
    assert ten_steps(mx.compile_step, net, optimizer=optimizer, optimizer_params=None) == expected


def test_rows_of_group_adagrad():
    def make():
        net = nn.HybridSequential()
        net.add(nn.Dense(4, use_bias=False), nn.Dense(3, use_bias=False))
        return net

    expected = ten_steps(by_hand, make, optimizer="groupadagrad", optimizer_params=None)
    assert ten_steps(mx.compile_step, make, optimizer="groupadagrad", optimizer_params=None) == (
        expected
    )


LAYERS = {
    "dense": lambda width: nn.Dense(width),
    "dense relu": lambda width: nn.Dense(width, activation="relu"),
    "dense tanh": lambda width: nn.Dense(width, activation="tanh", flatten=False),
    "dropout": lambda width: nn.Dropout(0.1 * width),
    "batch norm": lambda width: nn.BatchNorm(),
    "layer norm": lambda width: nn.LayerNorm(),
    "prelu": lambda width: nn.PReLU(),
    "swish": lambda width: nn.Swish(),
    "flip": lambda width: nn.HybridLambda(lambda F, x: x[:, ::-1] * 2),
    "twice": lambda width: nn.HybridLambda(lambda F, x: F.concat(x, F.sin(x), dim=1)),
    "shift": lambda width: nn.HybridLambda(lambda F, x: x - F.mean(x, axis=0, keepdims=True)),
    "reshape": lambda width: nn.HybridLambda(lambda F, x: x.reshape((0, -1)) + 1),
}
layers = st.tuples(st.sampled_from(sorted(LAYERS)), st.integers(1, 6))


@settings(max_examples=40, deadline=None)
@given(
    st.lists(layers, min_size=1, max_size=7),
    st.lists(st.integers(1, 5), min_size=2, max_size=5),
    st.sampled_from(["sgd", "adam", "nag"]),
)
def test_any_network_and_any_batches(kinds, rows, optimizer):
    found = []
    for make in (by_hand, mx.compile_step):
        mx.random.seed(9)
        generator = numpy.random.default_rng(8)
        net = nn.HybridSequential()
        net.add(*[LAYERS[kind](width) for kind, width in kinds], nn.Dense(3))
        net.initialize(mx.init.Normal(0.5))
        trainer = gluon.Trainer(net.collect_params(), optimizer, {"learning_rate": 0.01})
        step = make(net, losses.SoftmaxCrossEntropyLoss(), trainer)
        record = []
        for n in (*rows, *rows):
            x, y = generator.normal(size=(n, 4)), generator.integers(0, 3, n)
            record += bits(step(nd.array(x), nd.array(y)))
        found.append(record + bits(*[p.data() for p in net.collect_params().values()]))
    assert found[0] == found[1]


# ---- what changes between steps ----------------------------------------------------------------


def twice(scenario, make_net):
    """What a scenario records with steps by hand, and compiled."""
    found = []
    for make_step in (by_hand, mx.compile_step):
        mx.random.seed(5)
        net = make_net()
        net.initialize(mx.init.Xavier())
        net.dry_run((6, 5))
        trainer = gluon.Trainer(
            net.collect_params(), "sgd", {"learning_rate": 0.1, "momentum": 0.9}
        )
        step = make_step(net, losses.SoftmaxCrossEntropyLoss(), trainer)
        generator, record = numpy.random.default_rng(6), []

        def once(rows=6, step=step, record=record, generator=generator):
            x, y = generator.normal(size=(rows, 5)), generator.integers(0, 3, rows)
            record.extend(bits(step(nd.array(x), nd.array(y))))

        scenario(net, trainer, once)
        found.append(record + bits(*[p.data() for p in net.collect_params().values()]))
    return found


def shapes_that_change(net, trainer, once):
    for rows in (6, 2, 6, 1, 2, 6, 6):
        once(rows)


def learning_rate_that_changes(net, trainer, once):
    for rate in (0.1, 0.1, 0.5, 0.01):
        trainer.set_learning_rate(rate)
        once()


def multipliers(net, trainer, once):
    for multiplier in (1.0, 0.0, 2.0):
        net[0].weight.lr_mult = net[3].bias.wd_mult = multiplier
        once()
        once()


def gradients_that_add(net, trainer, once):
    net[0].weight.grad_req = "add"
    for _ in range(3):
        once()
        once()
        net[0].weight.zero_grad()


def a_layer_that_is_not_learnt(net, trainer, once):
    once()
    net[0].collect_params().setattr("grad_req", "null")
    once()
    once()
    net[0].collect_params().setattr("grad_req", "write")
    once()


def parameters_that_are_replaced(net, trainer, once):
    for _ in range(2):
        once()
        net[3].weight.set_data(nd.ones((3, 8)) * 0.1)
        once()
        net[0].initialize(mx.init.Constant(0.2), force_reinit=True)
        once()


def other_calls_between(net, trainer, once):
    for hybrid in (False, True, True, False):
        once()
        net.hybridize(hybrid)
        for scope in (autograd.record, autograd.pause):
            with scope():
                y = net(nd.ones((6, 5)))
        once()
        del y


def hooks(net, trainer, once):
    once()
    once()
    seen = []
    handle = net[0].register_forward_hook(lambda block, inputs, out: seen.append(out.asnumpy()))
    once()
    once()
    assert len(seen) == 2
    handle.detach()
    once()
    assert len(seen) == 2


def attributes_that_are_read(net, trainer, once):
    net.add(nn.HybridLambda(lambda F, x: x * net[1].factor))
    for factor in (1.0, 2.0, 0.5):
        net[1].factor = factor
        once()
        once()


SCENARIOS = [
    attributes_that_are_read,
    shapes_that_change,
    learning_rate_that_changes,
    multipliers,
    gradients_that_add,
    a_layer_that_is_not_learnt,
    parameters_that_are_replaced,
    other_calls_between,
    hooks,
]


@pytest.mark.parametrize("net", [mlp, dense_layers])
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.__name__)
def test_what_changes_between_steps_is_seen(scenario, net):
    by_hand, compiled = twice(scenario, net)
    assert by_hand == compiled


# ---- weights that are moved while the backward pass goes on ------------------------------------


@pytest.mark.parametrize("optimizer", ["sgd", "nag", "adam", "rmsprop"])
def test_weights_of_dense_layers_are_moved_on_the_way_back(optimizer, updates):
    ten_steps(mx.compile_step, dense_layers, optimizer=optimizer)
    assert len(updates) == 2  # the first pass is inspected, the second shows what is written to


def weights_that_are_moved_differently(net, trainer, once):
    net[0].weight.lr_mult = 0.5
    once()
    once()
    yield from ()


def gradients_that_are_somewhere_else(net, trainer, once):
    once()
    net[0].weight.data().attach_grad()
    once()
    yield from bits(net[0].weight.grad())


def gradients_that_are_watched(net, trainer, once):
    seen = []
    before = watch_gradients(lambda grad: seen.append(net[3].weight.data().asnumpy().tobytes()))
    try:
        once()
    finally:
        watch_gradients(before)
    yield from seen


EXCEPTIONS = [
    weights_that_are_moved_differently,
    gradients_that_are_somewhere_else,
    gradients_that_are_watched,
]


@pytest.mark.parametrize("exception", EXCEPTIONS, ids=lambda exception: exception.__name__)
def test_where_they_cannot_be_moved_early(exception):
    found = []
    for make_step in (by_hand, mx.compile_step):
        mx.random.seed(5)
        net = dense_layers()
        net.initialize(mx.init.Xavier())
        net.dry_run((5, 5))
        trainer = gluon.Trainer(net.collect_params(), "adam")
        step = make_step(net, losses.SoftmaxCrossEntropyLoss(), trainer)
        generator, record = numpy.random.default_rng(6), []

        def once(step=step, record=record, generator=generator):
            x, y = generator.normal(size=(5, 5)), generator.integers(0, 3, 5)
            record.extend(bits(step(nd.array(x), nd.array(y))))

        for _ in range(3):
            once()
        record.extend(exception(net, trainer, once))
        once()
        found.append(record + bits(*[p.data() for p in net.collect_params().values()]))
    assert found[0] == found[1]


def test_data_in_a_weights_memory_is_read_before_the_weight_is_moved():
    found = []
    for make_step in (by_hand, mx.compile_step):
        net = nn.Dense(5, in_units=5)
        net.initialize(mx.init.Constant(0.1))
        trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.5})
        step = make_step(net, losses.L2Loss(), trainer)
        for _ in range(5):
            step(net.weight.data().detach(), nd.ones((5, 5)))
        found.append(bits(net.weight.data(), net.bias.data()))
    assert found[0] == found[1]


def test_a_parameter_without_a_gradient_is_refused_and_nothing_is_moved():
    net, other = dense_layers(), nn.Dense(2, in_units=2)
    for block in (net, other):
        block.initialize()
    net.dry_run((6, 5))
    params = [*net.collect_params().values(), *other.collect_params().values()]
    step = mx.compile_step(net, losses.L2Loss(), gluon.Trainer(params, "sgd"))
    before = bits(*[p.data() for p in params])
    for _ in range(4):
        with pytest.raises(UserWarning, match="has not been updated by backward"):
            step(nd.ones((6, 5)), nd.ones((6, 3)))
    assert bits(*[p.data() for p in params]) == before


@pytest.mark.parametrize("size", [0, -1, "two"])
def test_a_batch_size_that_is_refused_moves_nothing(size):
    net = dense_layers()
    net.initialize()
    trainer = gluon.Trainer(net.collect_params(), "sgd")
    step = mx.compile_step(net, losses.L2Loss(), trainer)
    for _ in range(4):
        step(nd.ones((6, 5)), nd.ones((6, 3)))
    before = bits(*[p.data() for p in net.collect_params().values()])
    with pytest.raises((ValueError, TypeError), match="batch_size must be"):
        step(nd.ones((6, 5)), nd.ones((6, 3)), batch_size=size)
    assert bits(*[p.data() for p in net.collect_params().values()]) == before
    assert trainer.optimizer.num_update == 4


def test_a_trainer_of_a_users_class_makes_the_step(updates):
    class Counting(gluon.Trainer):
        def step(self, *args, **kwargs):
            super().step(*args, **kwargs)

    net = dense_layers()
    net.initialize()
    step = mx.compile_step(net, losses.L2Loss(), Counting(net.collect_params(), "sgd"))
    for _ in range(5):
        step(nd.ones((6, 5)), nd.ones((6, 3)))
    assert len(updates) == 5


def test_a_schedule():
    schedule = mx.lr_scheduler.FactorScheduler(2, 0.5, base_lr=0.5)
    found = []
    for make in (by_hand, mx.compile_step):
        params = {"learning_rate": 0.5, "lr_scheduler": schedule}
        found.append(ten_steps(make, optimizer_params=params))
        schedule = mx.lr_scheduler.FactorScheduler(2, 0.5, base_lr=0.5)
    assert found[0] == found[1]


def dense(**options):
    net = nn.Dense(2, in_units=3, use_bias=False, **options)
    net.initialize(mx.init.One())
    return net, gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 1.0})


def test_the_batch_size_divides():
    x, y = nd.ones((4, 3)), nd.zeros((4, 2))
    for batch_size, expected in ((None, -0.5), (8, 0.25)):
        net, trainer = dense()
        step = mx.compile_step(net, losses.L2Loss(), trainer)
        for _ in range(2):
            net.weight.set_data(nd.ones((2, 3)))
            step(x, y, batch_size=batch_size)
            numpy.testing.assert_allclose(net.weight.data().asnumpy(), expected)


def test_a_loss_that_is_a_mean_of_all_counts_as_one():
    class Mean(HybridBlock):
        def forward(self, output, label):
            return ((output - label) ** 2).mean()

    mx.npx.set_np()
    try:
        net, trainer = dense()
        step = mx.compile_step(net, Mean(), trainer)
        for expected in (-2.0, 4.0):
            assert step(np.ones((4, 3)), np.zeros((4, 2))).shape == ()
            numpy.testing.assert_allclose(net.weight.data().asnumpy(), expected)
    finally:
        mx.npx.reset_np()


def test_several_inputs_and_outputs():
    class Two(HybridBlock):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Dense(2, in_units=3), nn.Dense(2, in_units=3)

        def forward(self, x, pair):
            return self.a(x), [self.b(pair[0]) * pair[1], "text"]

    class Both(HybridBlock):
        def forward(self, output, label):
            return ((output[0] + output[1][0] - label) ** 2).mean(axis=1)

    found = []
    for make in (by_hand, mx.compile_step):
        net = Two()
        net.initialize(mx.init.One())
        trainer = gluon.Trainer(net.collect_params(), "adam")
        step = make(net, Both(), trainer)
        for i in range(3):
            value = step(nd.ones((4, 3)), [nd.ones((4, 3)) * i, 0.5], nd.ones((4, 2)))
        found.append(bits(value, *[p.data() for p in net.collect_params().values()]))
    assert found[0] == found[1]
    assert [step.output[0].shape, step.output[1][0].shape, step.output[1][1]] == [
        (4, 2),
        (4, 2),
        "text",
    ]


def test_gradients_of_the_data_are_written():
    net, trainer = dense()
    step = mx.compile_step(net, losses.L2Loss(), trainer)
    for _ in range(3):
        net.weight.set_data(nd.ones((2, 3)))
        x = nd.ones((1, 3))
        x.attach_grad()
        step(x, nd.zeros((1, 2)))
        numpy.testing.assert_allclose(x.grad.asnumpy(), 3.0)


def test_a_graph_before_the_step_is_gone_through():
    net, trainer = dense()
    step = mx.compile_step(net, losses.L2Loss(), trainer)
    for _ in range(3):
        net.weight.set_data(nd.ones((2, 3)))
        x = nd.ones((1, 3))
        x.attach_grad()
        with autograd.record():
            doubled = x * 2
        step(doubled, nd.zeros((1, 2)))
        numpy.testing.assert_allclose(x.grad.asnumpy(), 12.0)


def test_a_constant_that_got_a_graph_passes_the_gradient_on():
    found = []
    for make in (by_hand, mx.compile_step):
        net, trainer = dense()
        w, shift = nd.array([[2.0, 3.0]]), nd.ones((1, 2))
        w.attach_grad()

        class Shifted(HybridBlock):
            def forward(self, output, label, shift=shift):
                return ((output + shift - label) ** 2).mean(axis=1)

        step = make(net, Shifted(), trainer)
        for _ in range(3):
            net.weight.set_data(nd.ones((2, 3)))
            step(nd.ones((1, 3)), nd.zeros((1, 2)))
        with autograd.record():
            shift[:] = w * 3
        net.weight.set_data(nd.ones((2, 3)))
        value = step(nd.ones((1, 3)), nd.zeros((1, 2)))
        found.append(bits(value, w.grad, net.weight.data()))
        assert w.grad.asnumpy().tolist() == [[27, 36]]
    assert found[0] == found[1]


def test_metrics_see_the_output():
    net = mlp()
    net.initialize()
    step = mx.compile_step(
        net, losses.SoftmaxCrossEntropyLoss(), gluon.Trainer(net.collect_params(), "sgd")
    )
    assert step.output is None
    metric, label = mx.metric.Accuracy(), nd.array([0, 1, 2, 0])
    held = []
    for i in range(3):
        step(nd.ones((4, 5)) * i, label)
        metric.update(label, step.output)
        held.append((step.output, step.output.asnumpy()))
    assert metric.num_inst == 12
    for output, before in held:
        assert (output.asnumpy() == before).all(), "a held output is not overwritten"


def test_held_losses_are_not_overwritten():
    net, trainer = dense()
    step = mx.compile_step(net, losses.L2Loss(), trainer)
    held = [step(nd.ones((2, 3)), nd.ones((2, 2)) * i) for i in range(4)]
    before = [h.asnumpy().copy() for h in held]
    step(nd.ones((2, 3)), nd.ones((2, 2)))
    assert all((h.asnumpy() == b).all() for h, b in zip(held, before, strict=True))
    with pytest.raises(mx.MXNetError):
        held[-1].backward()


# ---- what cannot be a plan, and errors ---------------------------------------------------------


def test_what_a_plan_cannot_hold_runs_eagerly():
    class Branch(HybridBlock):
        def forward(self, x):
            return x * 2 if x.sum() > 0 else x

    found = []
    for make in (by_hand, mx.compile_step):
        net = nn.HybridSequential()
        net.add(nn.Dense(2, in_units=3), Branch())
        net.initialize(mx.init.One())
        trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1})
        step = make(net, losses.L2Loss(), trainer)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            for i in range(-2, 2):
                value = step(nd.ones((4, 3)) * i, nd.ones((4, 2)))
        assert len(caught) == (make is mx.compile_step)
        found.append(bits(value, *[p.data() for p in net.collect_params().values()]))
    assert found[0] == found[1]


def test_a_network_that_is_not_hybrid_and_a_loss_that_is_a_function():
    found = []
    for make in (by_hand, mx.compile_step):
        net = nn.Sequential()
        net.add(nn.Dense(2, in_units=3))
        net.initialize(mx.init.One())
        trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1})
        step = make(net, lambda output, label: (output - label) ** 2, trainer)
        for _ in range(3):
            value = step(nd.ones((4, 3)), nd.ones((4, 2)))
        found.append(bits(value, net[0].weight.data()))
    assert found[0] == found[1]


def test_labels_of_numpy():
    net, trainer = dense()
    step = mx.compile_step(net, losses.SoftmaxCrossEntropyLoss(), trainer)
    for _ in range(3):
        assert step(nd.ones((2, 3)), numpy.array([0, 1])).shape == (2,)


def test_a_label_that_is_refused_changes_nothing():
    net, trainer = dense()
    step = mx.compile_step(net, losses.SoftmaxCrossEntropyLoss(), trainer)
    x = nd.ones((2, 3))
    for _ in range(2):
        before = bits(net.weight.data(), net.weight.grad())
        with pytest.raises(ValueError, match="7"):
            step(x, nd.array([0, 7]))
        assert bits(net.weight.data(), net.weight.grad()) == before
        assert not autograd.is_recording()
        assert not autograd.is_training()
        step(x, nd.array([0, 1]))
        step(x, nd.array([0, 1]))


@pytest.mark.filterwarnings("ignore:.*runs eagerly")
def test_a_change_in_place_that_eager_refuses_is_refused():
    class Overwrites(HybridBlock):
        def forward(self, x):
            y = nd.exp(x)
            with autograd.pause():
                y[:] = 0
            return y

    net = nn.HybridSequential()
    net.add(nn.Dense(2, in_units=3), Overwrites())
    net.initialize()
    step = mx.compile_step(net, losses.L2Loss(), gluon.Trainer(net.collect_params(), "sgd"))
    with pytest.raises(mx.MXNetError, match="in place"):
        step(nd.ones((4, 3)), nd.ones((4, 2)))


def test_arguments_that_are_refused():
    net, trainer = dense()
    with pytest.raises(TypeError, match="net must be a Block, not function"):
        mx.compile_step(lambda x: x, losses.L2Loss(), trainer)
    with pytest.raises(TypeError, match="loss must be callable, not str"):
        mx.compile_step(net, "l2", trainer)
    with pytest.raises(TypeError, match="trainer must be a gluon.Trainer, not SGD"):
        mx.compile_step(net, losses.L2Loss(), mx.optimizer.SGD())
    step = mx.compile_step(net, losses.L2Loss(), trainer)
    with pytest.raises(TypeError, match="takes data and a label, but got 1"):
        step(nd.ones((2, 3)))
    with pytest.raises(ValueError, match="above zero"):
        step(nd.ones((2, 3)), nd.ones((2, 2)), batch_size=0)


def test_a_copy_has_a_network_of_its_own():
    net, trainer = dense()
    step = mx.compile_step(net, losses.L2Loss(), trainer)
    step(nd.ones((2, 3)), nd.zeros((2, 2)))
    other = copy.deepcopy(step)
    before = bits(net.weight.data())
    for _ in range(3):
        other(nd.ones((2, 3)), nd.zeros((2, 2)))
    assert bits(net.weight.data()) == before
    assert bits(other.parts[0].weight.data()) != before


def test_paths_in_messages_stay():
    net, trainer = dense()
    mx.compile_step(net, losses.L2Loss(), trainer)
    with pytest.raises(mx.MXNetError, match="5") as caught:
        net(nd.ones((2, 5)))
    assert "compiled" not in str(caught.value).lower()
    assert gluon.block.tree.path_of(net) == ""


# ---- memory and threads ------------------------------------------------------------------------


def test_memory_does_not_grow_and_is_given_back():
    gc.collect()
    start = memory_info()["allocated"] - memory_info()["cached"]
    net = mlp()
    net.initialize()
    step = mx.compile_step(
        net, losses.SoftmaxCrossEntropyLoss(), gluon.Trainer(net.collect_params(), "adam")
    )
    x, y = nd.ones((50, 20)), nd.zeros((50,))
    for _ in range(3):
        step(x, y)
    before = memory_info()["allocated"]
    for _ in range(200):
        step(x, y)
    assert memory_info()["allocated"] == before
    freed = weakref.ref(net)
    del step, net
    gc.collect()
    assert freed() is None
    del x, y
    assert memory_info()["allocated"] - memory_info()["cached"] <= start + 4096


def test_gradients_take_the_memory_of_results_that_were_read_for_the_last_time():
    net = nn.HybridSequential()
    for _ in range(12):
        net.add(nn.Dense(50, activation="tanh", in_units=50))
    net.initialize(mx.init.Xavier())
    trainer = gluon.Trainer(net.collect_params(), "sgd")
    x, y = nd.ones((200, 50)), nd.ones((200, 50))
    net(x)
    trainer.allreduce_grads()
    start = memory_info()["allocated"] - memory_info()["cached"]
    step = mx.compile_step(net, losses.L2Loss(), trainer)
    for _ in range(2):
        step(x, y)
    used = memory_info()["allocated"] - memory_info()["cached"] - start
    # the results of 12 layers, one before its tanh, and a gradient or two beside them
    assert used <= 16 * 200 * 50 * 4 * 1.25


def test_a_network_freed_while_its_loss_lives():
    net, trainer = dense()
    step = mx.compile_step(net, losses.L2Loss(), trainer)
    for _ in range(3):
        loss = step(nd.ones((2, 3)), nd.zeros((2, 2)))
    before = loss.asnumpy().copy()
    del step, net, trainer
    gc.collect()
    nd.ones((2,)) * 7
    assert (loss.asnumpy() == before).all()


def test_threads_with_a_step_each():
    def final(seed):
        generator = numpy.random.default_rng(seed)
        net = nn.HybridSequential()
        net.add(nn.Dense(16, activation="tanh", in_units=10), nn.Dense(3, in_units=16))
        net.initialize(mx.init.Constant(0.01 * seed))
        step = mx.compile_step(
            net, losses.SoftmaxCrossEntropyLoss(), gluon.Trainer(net.collect_params(), "adam")
        )
        for _ in range(30):
            x, y = generator.normal(size=(20, 10)), generator.integers(0, 3, 20)
            step(nd.array(x), nd.array(y))
        return bits(*[p.data() for p in net.collect_params().values()])

    expected = [final(seed) for seed in (1, 2, 3)]
    found = [None] * 3

    def work(seed):
        found[seed - 1] = final(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in (1, 2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == expected
