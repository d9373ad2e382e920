"""hybridize(): plans give eager's bits, see what changed, and keep out of the caller's way."""

import gc
import threading

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import microlazy as mx
from microlazy import autograd, gluon, nd, np, npx
from microlazy.base import MXNetError
from microlazy.core.cached_plan import CachedPlan
from microlazy.core.ops import numpy_call
from microlazy.core.storage import memory_info
from microlazy.gluon import HybridBlock, nn
from microlazy.gluon import loss as losses


class Function(HybridBlock):
    """A function of arrays as a block."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *args):
        return self.function(*args)


def planned(function):
    """The function as a hybridized block."""
    block = Function(function)
    block.hybridize()
    return block


def bits(*arrays):
    """Bytes of arrays, to be compared."""
    return [x.asnumpy().tobytes() for x in arrays]


class Branches(HybridBlock):
    """Nested blocks, a shared layer, several outputs, one of them an intermediate result."""

    def __init__(self):
        super().__init__()
        with self.name_scope():
            self.first = nn.HybridSequential()
            self.first.add(nn.Dense(8, activation="tanh"), nn.Dropout(0.3))
            self.shared = nn.Dense(8, activation="relu")
            self.last = nn.Dense(3)

    def hybrid_forward(self, F, x):
        h = self.first(x)
        again = self.shared(self.shared(h))
        return self.last(h + again), h


def mlp():
    net = nn.HybridSequential()
    net.add(nn.Dense(16, activation="relu"), nn.Dropout(0.5))
    net.add(nn.Dense(8, activation="sigmoid"), nn.Dropout(0.2), nn.Dense(3))
    return net


def tied():
    net = nn.HybridSequential()
    first = nn.Dense(6, activation="tanh", in_units=6)
    net.add(first, nn.Dense(6, params=first.params, in_units=6), first, nn.Dense(3))
    return net


class OwnParameters(HybridBlock):
    """Parameters used directly, with a constant beside them."""

    def __init__(self):
        super().__init__()
        with self.name_scope():
            self.scale = self.params.get("scale", shape=(1, 6), init=mx.init.One())
            self.table = self.params.get_constant("table", nd.array(numpy.eye(6)[:, :3]))

    def hybrid_forward(self, F, x, scale, table):
        return F.dot(F.tanh(x * scale), table) + scale.sum()


NETS = {
    "mlp": mlp,
    "branches": Branches,
    "tied": tied,
    "own parameters": OwnParameters,
    "one layer": lambda: nn.Dense(3),
    "lambda": lambda: nn.HybridLambda(lambda F, x: F.softmax(x)[:, 1:4] * 2),
}
LOSSES = {
    "cross-entropy": losses.SoftmaxCrossEntropyLoss(),
    "dense cross-entropy": losses.SoftmaxCrossEntropyLoss(sparse_label=False),
    "l2": losses.L2Loss(),
    "l1": losses.L1Loss(weight=0.5),
    "sigmoid": losses.SigmoidBinaryCrossEntropyLoss(),
}


def target_of(loss, generator):
    if loss == "cross-entropy":
        return nd.array(generator.integers(0, 3, 5))
    return nd.array(generator.dirichlet([1, 1, 1], 5))


def train(net_name, loss_name, hybrid, steps=10, optimizer="sgd"):
    """Parameters' and losses' bytes of some training steps, from fixed seeds."""
    mx.random.seed(3)
    generator = numpy.random.default_rng(4)
    net, loss = NETS[net_name](), LOSSES[loss_name]
    net.initialize(mx.init.Xavier())
    net.dry_run((5, 6))
    loss.hybridize(hybrid)
    if hybrid:
        net.hybridize()
    trainer = None
    record = []
    for _ in range(steps):
        x = nd.array(generator.normal(size=(5, 6)))
        y = target_of(loss_name, generator)
        with autograd.record():
            out = net(x)
            value = loss(out[0] if isinstance(out, (list, tuple)) else out, y)
            if isinstance(out, (list, tuple)):
                value = value + (out[1] ** 2).mean(axis=1)
        parameters = net.collect_params()
        if parameters and any(p.grad_req != "null" for p in parameters.values()):
            value.backward()
            trainer = trainer or gluon.Trainer(parameters, optimizer, {"learning_rate": 0.1})
            trainer.step(5)
        record += bits(value, *[p.data() for p in parameters.values()])
    record += bits(*as_tuple(net(x)))
    return record


def as_tuple(out):
    return tuple(out) if isinstance(out, (list, tuple)) else (out,)


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("loss", LOSSES)
def test_ten_training_steps_have_the_bits_of_eager_ones(net, loss):
    assert train(net, loss, hybrid=True) == train(net, loss, hybrid=False)


@pytest.mark.parametrize("net", ["mlp", "branches"])
def test_adam_has_the_bits_of_eager_steps(net):
    adam = {"optimizer": "adam"}
    assert train(net, "l2", True, **adam) == train(net, "l2", False, **adam)


def test_deferred_parameters_and_dropout_draw_in_one_order():
    results = []
    for hybrid in (False, True):
        mx.random.seed(1)
        net = mlp()
        net.initialize()
        net.hybridize(hybrid)
        with autograd.record():
            y = net(nd.ones((4, 5)))
        results.append(bits(y, *[p.data() for p in net.collect_params().values()]))
    assert results[0] == results[1]


def test_outer_blocks_may_be_eager_around_hybrid_ones():
    results = []
    for hybrid in (False, True):
        mx.random.seed(1)
        net = mlp()
        net.initialize()
        outer = nn.Sequential()
        outer.add(net, nn.Dense(2))
        outer[1].initialize()
        outer.dry_run((4, 5))
        if hybrid:
            net.hybridize()
        with autograd.record():
            y = outer(nd.ones((4, 5)))
        y.backward()
        results.append(bits(y, *[p.grad() for p in outer.collect_params().values()]))
    assert results[0] == results[1]


def test_other_shapes_dtypes_faces_and_modes_have_other_plans():
    block = planned(lambda x: (x * 2).sum(axis=0))
    for _ in range(2):
        for shape in ((2, 3), (4, 3), (2,), (1, 1, 1), (0, 2), (2, 3)):
            numpy.testing.assert_array_equal(
                block(nd.ones(shape)).asnumpy(),
                numpy.full(shape[1:] or (1,), 2.0 * shape[0]),
            )
        for dtype in ("float64", "int32", "float16", "float32"):
            assert block(nd.ones((2, 2), dtype=dtype)).dtype == numpy.dtype(dtype)
        assert type(block(np.ones((2, 2)))) is np.ndarray
        assert type(block(nd.ones((2, 2)))) is nd.NDArray


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.sum(axis=0),
        lambda x: (x.mean(), x.var(axis=1), x.std(), x.prod(axis=1)),
        lambda x: (x.reshape(-1) * 2, x.T.reshape(-1) * 2),
        lambda x: (x.reshape(-1), x.T, x.detach().reshape(-1)),
        lambda x: x.as_nd_ndarray().reshape((-1,)).as_np_ndarray().cumsum(),
        lambda x: np.dot(x, x.T) + np.dot(x, x.T.copy()),
    ],
)
def test_inputs_of_any_layout_as_eager_calls_do(function):
    values = numpy.random.default_rng(0).standard_normal((40, 40), dtype="float32")
    views = values, values.T, values[:, :30], values[:30].T, values[::-1, ::2], values[::2, ::2]
    layouts = [np.from_dlpack(view) for view in views]
    assert [x.strides for x in layouts] == [view.strides for view in views]
    block = planned(function)
    for _ in range(2):
        for x in layouts:
            for recording in (False, True):
                x = x.detach()
                x.attach_grad()
                results = []
                for call in (function, block):
                    with autograd.record() if recording else autograd.pause():
                        y = call(x)
                        ys = y if isinstance(y, tuple) else (y,)
                        total = sum((y * y).sum() for y in ys)
                    if recording:
                        total.backward()
                    results.append(bits(*ys, x.grad))
                assert results[0] == results[1]


def test_a_transposed_constant_is_packed_before_it_is_reshaped():
    weight = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    for function in (
        lambda x: x * weight.T.reshape(-1),
        lambda x: x * weight.T.detach().reshape(-1),
    ):
        assert planned(function)(np.ones(6)).asnumpy().tolist() == [1, 4, 2, 5, 3, 6]


def test_the_other_face_of_a_transposed_input_is_packed_before_it_is_reshaped():
    block = planned(lambda x: x.T.as_nd_ndarray().reshape((-1,)) + 0)
    assert block(np.array([[1.0, 2.0], [3.0, 4.0]])).asnumpy().tolist() == [1, 3, 2, 4]


def test_more_shapes_than_plans_are_kept():
    block = planned(lambda x: x + 1)
    for _ in range(2):
        for n in range(1, 101):
            assert block(nd.zeros((n,))).shape == (n,)


class Counted(Function):
    """How often its Python code computed values, and how often shapes for a plan."""

    def __init__(self, function):
        super().__init__(function)
        self.calls = bytearray()  # whether each was on abstract arrays; plans see no change in it

    def forward(self, *args):
        self.calls.append(next(x for x in args if isinstance(x, nd.NDArray)).is_abstract)
        return super().forward(*args)

    @property
    def made(self):
        return self.calls.count(True)

    @property
    def eager(self):
        return self.calls.count(False)


def counted(function):
    block = Counted(function)
    block.hybridize()
    return block


def test_sizes_that_come_again_are_all_planned_in_time():
    block = counted(lambda x: x + 1)
    for _ in range(20):
        for n in range(1, 98):
            assert block(nd.zeros((n,))).shape == (n,)
    made, eager = block.made, block.eager
    for n in range(1, 98):
        block(nd.zeros((n,)))
    assert (block.made, block.eager) == (97, eager)
    assert made == 97


def test_sizes_that_never_come_again_are_computed_eagerly_after_a_while():
    block = counted(lambda x: x * 2)
    for n in range(1, 500):
        x = nd.ones((n,))
        x.attach_grad()
        with autograd.record():
            y = block(x)
        y.backward()
        assert x.grad.sum().asscalar() == 2 * n
    assert block.made == 64
    assert block.eager == 499 - 64
    block(x)
    assert block.eager == 499 - 64 + 1, "nothing has paid for a plan"


def test_the_blocks_inside_of_an_eager_call_run_eagerly_too():
    net = nn.HybridSequential()
    inner = Counted(lambda x: x * 2)
    net.add(nn.Dense(3, in_units=2), inner)
    net.initialize()
    net.hybridize()
    for n in range(1, 200):
        assert net(nd.ones((n, 2))).shape == (n, 3)
    assert (inner.made, inner.eager) == (64, 199 - 64)
    inner(nd.ones((2,)))
    assert inner.made == 65, "called by itself it has plans of its own"


class PlanSource:
    """What a CachedPlan asks of its block."""

    def __init__(self):
        self.made = 0

    def forward(self, x):
        self.made += x.is_abstract
        return x * 2

    def arrays(self):
        return []

    def attributes(self):
        return []


def test_plans_share_a_limit_of_memory_and_the_one_unused_for_longest_goes():
    source = PlanSource()
    plan = CachedPlan(source, 5 * 8192)
    used = memory_info()["allocated"] - memory_info()["cached"]
    graphs = []  # they keep the plans' memory from being given back
    for n in range(1000, 1024):
        for size in (n, 1000):
            x = nd.ones((size,))
            x.attach_grad()
            with autograd.record():
                graphs.append((size, plan(x)))
            if size == 1000:
                graphs.pop()
    assert source.made == 24, "1000 was used all the time"
    del graphs[:-4], x
    assert memory_info()["allocated"] - memory_info()["cached"] - used <= 10 * 8192
    plan(nd.ones((10**6,)))
    plan(nd.ones((10**6,)))
    assert source.made == 25, "the last one is kept, whatever it takes"


def test_plans_that_do_not_run_hold_a_megabyte_at_most():
    source = PlanSource()
    plan, used = CachedPlan(source), memory_info()["allocated"] - memory_info()["cached"]
    for _ in range(3):
        for n in range(50_000, 50_030):
            x = nd.ones((n,))
            x.attach_grad()
            with autograd.record():
                y = plan(x)
            y.backward()
            assert x.grad.asnumpy().tolist() == [2] * n
            assert plan(x).asnumpy().tolist() == [2] * n
    del x, y
    assert source.made == 60
    kept = memory_info()["allocated"] - memory_info()["cached"] - used
    assert kept <= (1 << 20) + 2 * 4 * 4 * 50_030, "beside the last plan's own"


def test_modes_are_told_apart():
    net = nn.HybridSequential()
    net.add(nn.Dropout(0.5))
    net.hybridize()
    x = nd.ones((50, 50))
    for _ in range(2):
        assert (net(x) == x).asnumpy().all()
        with autograd.train_mode():
            assert 0.3 < (net(x).asnumpy() == 0).mean() < 0.7
        with autograd.record(train_mode=False):
            assert (net(x) == x).asnumpy().all()
        with autograd.record():
            assert 0.3 < (net(x).asnumpy() == 0).mean() < 0.7


def test_random_numbers_are_drawn_anew_each_call_as_eager_calls_do():
    def noisy(x):
        return nd.Dropout(x + nd.random.uniform(shape=(40,)), p=0.5)

    block, results = planned(noisy), []
    for function in (noisy, block):
        mx.random.seed(5)
        with autograd.train_mode():
            results.append([function(nd.ones((40,))).asnumpy().tobytes() for _ in range(4)])
        results[-1].append(nd.random.normal(shape=(3,)).asnumpy().tobytes())
    assert results[0] == results[1]
    assert len(set(results[0])) == 5


MIXTURE = [
    lambda a, b: a + b,
    lambda a, b: a * b,
    lambda a, b: a - b * 0.5,
    lambda a, b: np.tanh(a),
    lambda a, b: npx.sigmoid(a) * b,
    lambda a, b: np.exp(-a * a),
    lambda a, b: np.maximum(a, b),
    lambda a, b: np.clip(a, -0.5, 0.5) + b,
    lambda a, b: np.sqrt(a * a + 1),
    lambda a, b: a.T.reshape(4, 3).T,
    lambda a, b: a[::-1],
    lambda a, b: a[:, ::-1] + b,
    lambda a, b: a[[0, 2, 1]],
    lambda a, b: a.reshape(-1)[::-1].reshape(3, 4),
    lambda a, b: np.expand_dims(a, 0).squeeze(),
    lambda a, b: np.concatenate([a[1:], b[:1]], axis=0),
    lambda a, b: np.stack([a, b])[1],
    lambda a, b: np.split(np.concatenate([a, b], axis=1), 2, axis=1)[1],
    lambda a, b: np.broadcast_to(a[:1], (3, 4)) * b,
    lambda a, b: npx.softmax(a, axis=0),
    lambda a, b: npx.log_softmax(a) * 0.1,
    lambda a, b: a.sum(axis=0, keepdims=True) + b,
    lambda a, b: a.max(axis=1, keepdims=True) * b,
    lambda a, b: a.prod(axis=0, keepdims=True) * 0.1 + b,
    lambda a, b: a - b.mean(),
    lambda a, b: np.cumsum(a, axis=0) * 0.3,
    lambda a, b: (a @ b.T) @ b * 0.1,
    lambda a, b: npx.fully_connected(a, b, num_hidden=3, no_bias=True) @ a,
    lambda a, b: npx.relu(npx.fully_connected(a, b[:2], num_hidden=2, no_bias=True)) @ b[1:] * 0.1,
    lambda a, b: npx.dropout(a, 0.3),
    lambda a, b: np.random.uniform(0, 1, (3, 4)) * a,
    lambda a, b: a.copy(),
    lambda a, b: a.astype("float64").astype("float32"),
]
steps = st.tuples(st.sampled_from(MIXTURE), st.integers(0, 99), st.integers(0, 99))


@settings(max_examples=100, deadline=None)
@given(
    st.lists(steps, min_size=1, max_size=20),
    st.sets(st.integers(0, 99), min_size=1, max_size=4),
    st.integers(0, 2**32 - 1),
)
def test_any_program_has_the_bits_of_eager_calls(program, returned, seed):
    def function(x, y):
        values = [x, y]
        for op, first, second in program:
            values.append(op(values[first % len(values)], values[second % len(values)]))
        return [values[i] * 1 for i in sorted({n % len(values) for n in returned})]

    def run(call, x, y):
        for array in (x, y):
            array.attach_grad()
        mx.random.seed(seed)
        with autograd.record():
            return call(x, y)

    def back(outputs, x, y):
        autograd.backward(outputs, [output + 1 for output in outputs])
        return bits(*outputs, x.grad, y.grad)

    generator = numpy.random.default_rng(seed)
    values = [generator.uniform(-1, 1, (2, 3, 4)).astype("float32") for _ in range(3)]
    inputs = [[np.array(v) for v in pair] for pair in values]
    expected = [back(run(function, *pair), *pair) for pair in inputs]
    block = planned(function)
    inputs = [[np.array(v) for v in pair] for pair in values]
    assert [back(run(block, *pair), *pair) for pair in inputs] == expected
    outstanding = [run(block, *pair) for pair in inputs]
    order = generator.permutation(3)
    for i in order:
        assert back(outstanding[i], *inputs[i]) == expected[i]
    for pair in inputs:
        mx.random.seed(seed)
        eager = bits(*function(*pair))
        mx.random.seed(seed)
        assert bits(*block(*pair)) == eager


# ---- what changed since ------------------------------------------------------------------------


def dense_net():
    net = nn.Dense(2, in_units=3, use_bias=False)
    net.initialize(mx.init.One())
    net.hybridize()
    return net


def test_set_data_is_seen():
    net, x = dense_net(), nd.ones((1, 3))
    assert net(x).asnumpy().tolist() == [[3, 3]]
    net.weight.set_data(nd.array([[1, 2, 3], [0, 0, 0]]))
    assert net(x).asnumpy().tolist() == [[6, 0]]
    net.weight.data()[:] = 5
    assert net(x).asnumpy().tolist() == [[15, 15]]


def test_force_reinit_is_seen():
    net, x = dense_net(), nd.ones((1, 3))
    net(x)
    net.initialize(mx.init.Constant(2), force_reinit=True)
    assert net(x).asnumpy().tolist() == [[6, 6]]
    with autograd.record():
        y = net(x)
    y.backward()
    assert net.weight.grad().asnumpy().tolist() == [[1, 1, 1], [1, 1, 1]]


def test_the_trainer_is_seen():
    net, x = dense_net(), nd.ones((1, 3))
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 1.0})
    for expected in (3, 0, -3):
        with autograd.record():
            y = net(x)
        assert y.asnumpy().tolist() == [[expected, expected]]
        y.backward()
        trainer.step(1)


def test_cast_is_seen():
    net, x = dense_net(), nd.ones((1, 3))
    net(x)
    net.cast("float64")
    assert net(x.astype("float64")).dtype == numpy.float64
    with pytest.raises(MXNetError, match="float32"):
        net(x)
    net.cast("float32")
    assert net(x).asnumpy().tolist() == [[3, 3]]


def test_loaded_parameters_are_seen(tmp_path):
    net, x = dense_net(), nd.ones((1, 3))
    path = str(tmp_path / "net.params")
    net.save_parameters(path)
    net.weight.set_data(nd.zeros((2, 3)))
    assert net(x).asnumpy().tolist() == [[0, 0]]
    net.load_parameters(path)
    assert net(x).asnumpy().tolist() == [[3, 3]]


def test_grad_req_is_seen():
    net, x = dense_net(), nd.ones((1, 3))
    for req, expected in (("write", 1), ("add", 2), ("null", None), ("write", 1)):
        net.collect_params().setattr("grad_req", req)
        x.attach_grad()
        for _ in range(2):
            with autograd.record():
                y = net(x)
            y.backward()
        assert x.grad.asnumpy().tolist() == [[2, 2, 2]]
        if expected is not None:
            assert net.weight.grad().asnumpy().tolist() == [[expected] * 3] * 2


def test_a_replaced_layer_is_seen():
    net, x = nn.HybridSequential(), nd.ones((1, 3))
    net.add(nn.Dense(2, weight_initializer="ones"))
    net.initialize()
    net.hybridize()
    assert net(x).asnumpy().tolist() == [[3, 3]]
    net.add(nn.Dense(1, weight_initializer="ones"))
    net[1].initialize()
    assert net(x).asnumpy().tolist() == [[6]]


# ---- results and inputs ------------------------------------------------------------------------


def test_a_dense_layer_with_relu_that_is_looked_at_in_two_ways():
    net = nn.HybridSequential()
    net.add(nn.Dense(4, activation="relu", in_units=3), nn.Dense(2, in_units=4))
    net.initialize(mx.init.Normal(1))
    x = nd.array(numpy.random.default_rng(0).normal(size=(6, 3)))

    def function(x):
        hidden = net[0](x)
        return net[1](hidden), hidden, nd.relu(hidden) + hidden

    found = []
    for call in (function, planned(function)):
        for _ in range(2):
            x.attach_grad()
            with autograd.record():
                outputs = call(x)
            autograd.backward(list(outputs), [y * 2 for y in outputs])
            grads = [p.grad() for p in net.collect_params().values()]
            found.append(bits(*outputs, x.grad, *grads))
    assert all(f == found[0] for f in found)


def test_held_results_are_not_overwritten():
    block = planned(lambda x: (x * 2, (x * 3).reshape((-1,)), (x + 1)[0]))
    held = [block(nd.array([[i, i]])) for i in range(5)]
    for i, results in enumerate(held):
        assert [r.asnumpy().ravel().tolist() for r in results] == [
            [2 * i] * 2,
            [3 * i] * 2,
            [i + 1] * 2,
        ]


def test_held_views_and_numpy_arrays_are_not_overwritten():
    block = planned(lambda x: x * 2)
    held = [
        (block(nd.array([i, i]))[0:1], numpy.asarray(block(nd.array([i + 10, i]))))
        for i in range(5)
    ]
    for i, (view, array) in enumerate(held):
        assert view.asscalar() == 2 * i
        assert array.tolist() == [2 * i + 20, 2 * i]


def test_held_results_of_recorded_calls_are_not_overwritten():
    net, x = dense_net(), nd.ones((1, 3))
    held = []
    for i in range(5):
        with autograd.record():
            y = net(x * i)
        y.backward()
        held.append((y, net.weight.grad().copy()))
    for i, (y, grad) in enumerate(held):
        assert y.asnumpy().tolist() == [[3 * i] * 2]
        assert grad.asnumpy().tolist() == [[i] * 3] * 2


def test_results_fed_back_as_inputs():
    block = planned(lambda x: x * 2)
    x = nd.ones((2,))
    for _ in range(5):
        x = block(x)
    assert x.asnumpy().tolist() == [32, 32]


def test_results_written_in_place_stay_the_callers():
    block, x = planned(lambda x: (x * 2, x + 1)), nd.ones((2,))
    y, z = block(x)
    y[:] = 100
    z += 5
    again = block(x)
    assert [a.asnumpy().tolist() for a in again] == [[2, 2], [2, 2]]
    assert y.asnumpy().tolist() == [100, 100]


def test_memory_does_not_grow():
    net, x = mlp(), nd.ones((8, 5))
    net.initialize()
    net.hybridize()

    def step():
        with autograd.record():
            y = net(x)
        y.backward()

    for _ in range(3):
        step()
    before = memory_info()["allocated"]
    for _ in range(500):
        step()
    assert memory_info()["allocated"] == before


def bytes_in_use():
    gc.collect()  # what other tests left is not to be freed between two calls
    info = memory_info()
    return info["allocated"] - info["cached"]


def test_results_that_are_not_needed_at_once_share_memory():
    def function(x):
        for _ in range(20):
            x = nd.tanh((x + 1).reshape((-1, 10))).reshape((100, 100))
        return x

    block, x = planned(function), nd.ones((100, 100))
    y, used = block(x), bytes_in_use()
    expected = function(x).asnumpy()
    for _ in range(2):
        y = block(x)
        assert y.asnumpy().tobytes() == expected.tobytes()
    del y, block
    assert used - bytes_in_use() <= 3 * 40960


def test_gradients_and_what_no_gradient_reads_share_memory():
    def function(x):
        for _ in range(20):
            x = x * 0.5 + 1  # no gradient reads these
        return nd.tanh(x)

    block, x = planned(function), nd.ones((100, 100))
    x.attach_grad()
    with autograd.record():
        y = block(x)
    y.backward()
    used, before = bytes_in_use(), x.grad.asnumpy()
    for _ in range(2):
        with autograd.record():
            y = block(x)
        y.backward()
        assert x.grad.asnumpy().tobytes() == before.tobytes()
    assert bytes_in_use() == used
    del y, block
    assert used - bytes_in_use() <= 4 * 40960, "gradients are where results were"
    assert before[0, 0] == pytest.approx(0.5**20 * (1 - numpy.tanh(2) ** 2), rel=1e-3)


def test_a_freed_graph_is_refused_under_create_graph_too():
    block, x = planned(lambda x: (x * x, x * 3)), nd.ones((2,))
    x.attach_grad()
    for _ in range(2):
        with autograd.record():
            a, b = block(x)
        a.backward()
        with pytest.raises(MXNetError, match="already used"):
            autograd.grad(b, x, create_graph=True)
    assert x.grad.asnumpy().tolist() == [2, 2]


def test_an_input_returned_is_the_input():
    block = planned(lambda x: x)
    for x in (nd.ones((2,)), np.ones((2, 3)).T):
        assert block(x) is x
        assert block(x) is x


def test_a_view_of_an_input_shares_its_memory_as_eager_calls_do():
    for function in (lambda x: x[1], lambda x: x.reshape((3, 2)), lambda x: x[0:1]):
        block = planned(function)
        for _ in range(2):
            x = nd.zeros((2, 3))
            y = block(x)
            x[:] = 7
            assert (y.asnumpy() == 7).all()
            x = nd.zeros((2, 3))
            x.attach_grad()
            with autograd.record():
                y = block(x) * 3
            y.backward()
            eager = x.grad.asnumpy()
            with autograd.record():
                y = function(x) * 3
            y.backward()
            assert (x.grad.asnumpy() == eager).all()


def test_a_view_of_an_input_stays_with_that_input():
    block = planned(lambda x: x[1])
    first, second = nd.array([[1, 1], [2, 2]]), nd.array([[3, 3], [4, 4]])
    a, b = block(first), block(second)
    assert a.asnumpy().tolist() == [2, 2]
    assert b.asnumpy().tolist() == [4, 4]


def test_one_array_given_twice():
    block, x = planned(lambda x, y: x * y + x), nd.array([3.0])
    x.attach_grad()
    for _ in range(2):
        with autograd.record():
            z = block(x, x)
        z.backward()
        assert z.asscalar() == 12
        assert x.grad.asscalar() == 7


def test_one_array_returned_twice_is_one_array():
    block = planned(lambda x: [y := x * 2, y, (y, x + 1)])
    for _ in range(2):
        a, b, (c, d) = block(nd.ones((1,)))
        assert a is b
        assert a is c
        assert a is not d


def test_one_array_returned_twice():
    block, x = planned(lambda x: [y := x * 2, y, (y, y)]), nd.array([3.0])
    x.attach_grad()
    for _ in range(2):
        with autograd.record():
            a, b, (c, d) = block(x)
        autograd.backward([a, b, c, d])
        assert x.grad.asscalar() == 8
        with autograd.record():
            a, b, (c, d) = block(x)
        c.backward()
        assert x.grad.asscalar() == 2


def test_strided_inputs():
    block = planned(lambda x: x * 2)
    x = np.array([[1, 2], [3, 4]]).T
    x.attach_grad()
    for _ in range(2):
        with autograd.record():
            y = block(x)
        y.backward(np.array([[1, 2], [3, 4]]))
        assert y.tolist() == [[2, 6], [4, 8]]
        assert x.grad.tolist() == [[2, 4], [6, 8]]


def test_constants_are_captured_as_they_are_now():
    table = nd.array([1.0, 2.0])
    block, x = planned(lambda x: x * table), nd.ones((2,))
    assert block(x).asnumpy().tolist() == [1, 2]
    table[:] = 5
    assert block(x).asnumpy().tolist() == [5, 5]


def test_a_constant_returned_is_the_constant():
    table = nd.array([1.0, 2.0])
    block = planned(lambda x: (x * table, table))
    assert block(nd.ones((2,)))[1] is table


def test_arrays_made_inside_are_made_anew():
    block = planned(lambda x: x + nd.ones((2,)) * 3 + nd.arange(2))
    for _ in range(2):
        assert block(nd.zeros((2,))).asnumpy().tolist() == [3, 4]


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda x: x * x.detach(), 3.0),
        (lambda x: x * nd.BlockGrad(x * 2), 6.0),
        (lambda x: x * (x * 2).detach(), 6.0),
    ],
)
def test_detached_arrays_inside(function, expected):
    x = nd.array([3.0])
    x.attach_grad()
    for call in (function, planned(function)):
        for _ in range(2):
            with autograd.record():
                y = call(x)
            y.backward()
            assert x.grad.asscalar() == expected


def test_a_detached_result_has_no_graph():
    block, x = planned(lambda x: (x * 2).detach()), nd.ones((2,))
    x.attach_grad()
    with autograd.record():
        y = block(x)
    assert y.asnumpy().tolist() == [2, 2]
    with pytest.raises(MXNetError, match="Cannot differentiate"):
        y.backward()


def test_faces_converted_inside():
    block, x = planned(lambda x: (x.as_np_ndarray() ** 2).as_nd_ndarray()), nd.array([3.0])
    x.attach_grad()
    for _ in range(2):
        with autograd.record():
            y = block(x)
        y.backward()
        assert y.asscalar() == 9
        assert x.grad.asscalar() == 6


def test_an_index_may_be_an_input():
    block, x = planned(lambda x, i: x[i]), np.array([1.0, 2.0, 3.0])
    x.attach_grad()
    for places in ([0, 2], [1, 1]):
        with autograd.record():
            y = block(x, np.array(places, dtype="int64"))
        y.backward()
        assert y.tolist() == [x.tolist()[i] for i in places]
        assert x.grad.tolist() == [places.count(i) for i in range(3)]


# ---- arguments that are no arrays --------------------------------------------------------------


def test_nested_arguments_and_results():
    block = planned(lambda x, pair: [x + pair[0], (pair[1][0] * 2, None, "text")])
    for i in range(3):
        total, (double, nothing, text) = block(nd.ones((1,)), [nd.array([i]), [nd.array([5])]])
        assert (total.asscalar(), double.asscalar(), nothing, text) == (i + 1, 10, None, "text")


def test_numbers_and_names_among_the_arguments():
    def function(x, factor, mode=None):
        return x * factor if mode is None else getattr(nd, mode)(x)

    block, x = planned(function), nd.array([4.0])
    for _ in range(2):
        assert block(x, 2).asscalar() == 8
        assert block(x, 3.5).asscalar() == 14
        assert block(x, 1, "sqrt").asscalar() == 2
        assert block(x, 1, None).asscalar() == 4


def test_arguments_of_different_types_are_told_apart():
    block, x = planned(lambda x, flag: x * (2 if flag is True else 3)), nd.ones((1,))
    assert block(x, 1).asscalar() == 3
    assert block(x, True).asscalar() == 2
    assert block(x, 1.0).asscalar() == 3


def test_dictionaries_of_arrays():
    block = planned(lambda d: d["a"] * d["b"])
    for i in range(3):
        assert block({"a": nd.array([i, i]), "b": nd.array([2, 3])}).asnumpy().tolist() == [
            2 * i,
            3 * i,
        ]


def test_labels_of_numpy_or_lists_make_no_plans_without_end():
    block, x = counted(lambda x, labels: x * numpy.sum(labels)), nd.ones((1,))
    for n in range(200):
        assert block(x, numpy.array([n, 1])).asscalar() == n + 1
    assert (block.made, block.eager) == (0, 200)
    for n in range(200):
        assert block(x, [n, 1]).asscalar() == n + 1
    assert block.made == 64
    loss = losses.SoftmaxCrossEntropyLoss()
    expected = loss(nd.array([[1.0, 2.0]]), nd.array([1])).asnumpy()
    loss.hybridize()
    for labels in (numpy.array([1]), [1], nd.array([1])):
        assert loss(nd.array([[1.0, 2.0]]), labels).asnumpy() == expected


def test_a_number_of_numpy_among_the_arguments_is_one_kind_of_call():
    block, x = counted(lambda x, factor: x * float(factor)), nd.ones((1,))
    for n in (2, 3, 2, 3):
        assert block(x, numpy.float32(n)).asscalar() == n
    assert (block.made, block.eager) == (2, 0)


def test_numpy_arrays_among_the_arguments():
    block, x = planned(lambda x, sizes: x * float(sizes.sum())), nd.ones((2,))
    for n in (2, 3):
        for _ in range(2):
            assert block(x, numpy.ones(n)).asnumpy().tolist() == [n, n]


# ---- the graph ---------------------------------------------------------------------------------


def test_two_recorded_calls_before_one_backward():
    net = dense_net()
    with autograd.record():
        a = net(nd.array([[1, 2, 3]]))
        b = net(nd.array([[10, 20, 30]]))
        loss = (a + b).sum()
    loss.backward()
    assert net.weight.grad().asnumpy().tolist() == [[11, 22, 33]] * 2
    with autograd.record():
        a = net(nd.array([[1, 2, 3]]))
        b = net(nd.array([[10, 20, 30]]))
    a.backward()
    assert net.weight.grad().asnumpy().tolist() == [[1, 2, 3]] * 2
    b.backward()
    assert net.weight.grad().asnumpy().tolist() == [[10, 20, 30]] * 2


def test_a_block_called_on_its_own_result():
    block, x = planned(lambda x: x * x), nd.array([2.0])
    x.attach_grad()
    for _ in range(2):
        with autograd.record():
            y = block(block(block(x)))
        y.backward()
        assert y.asscalar() == 256
        assert x.grad.asscalar() == 8 * 2**7


def test_a_long_chain_of_calls():
    block, x = planned(lambda x: x + 1), nd.zeros((1,))
    x.attach_grad()
    for backward in (True, False):
        with autograd.record():
            y = x
            for _ in range(2_000):
                y = block(y)
        assert y.asscalar() == 2_000
        if backward:
            y.backward()
            assert x.grad.asscalar() == 1


def test_retain_graph():
    net, x = dense_net(), nd.ones((1, 3))
    net.weight.grad_req = "add"
    with autograd.record():
        y = net(x)
    y.backward(retain_graph=True)
    y.backward(retain_graph=True)
    net(x * 100)
    with autograd.record():
        net(x * 100)
    y.backward()
    assert net.weight.grad().asnumpy().tolist() == [[3, 3, 3]] * 2
    with pytest.raises(MXNetError, match="retain_graph"):
        y.backward()


def test_one_of_several_results_goes_back():
    block, x = planned(lambda x: (x * 2, x * 3)), nd.ones((1,))
    x.attach_grad()
    with autograd.record():
        a, b = block(x)
    a.backward(retain_graph=True)
    assert x.grad.asscalar() == 2
    b.backward()
    assert x.grad.asscalar() == 3


def test_head_gradients_are_left_alone():
    block, x = planned(lambda x: (h := nd.tanh(x), h * 2, h)), nd.zeros((2,))
    x.attach_grad()
    head = nd.ones((2,))
    with autograd.record():
        outputs = block(x)
    autograd.backward(list(outputs), [head, head, head])
    assert head.asnumpy().tolist() == [1, 1]
    assert x.grad.asnumpy().tolist() == [4, 4]


def test_grad_of_an_intermediate_result_is_the_callers():
    block, x = planned(lambda x: (h := nd.tanh(x), h * 2)), nd.zeros((2,))
    x.attach_grad()
    with autograd.record():
        h, y = block(x)
    found = autograd.grad([h, y], [h], retain_graph=True)[0]
    before = found.asnumpy()
    y.backward(nd.array([9, 9]))
    assert (found.asnumpy() == before).all()


def test_autograd_grad_through_a_plan():
    net, x = dense_net(), nd.ones((1, 3))
    x.attach_grad()
    for _ in range(2):
        with autograd.record():
            y = net(x)
        found = autograd.grad(y, [x, net.weight.data()])
        assert found[0].asnumpy().tolist() == [[2, 2, 2]]
        assert found[1].asnumpy().tolist() == [[1, 1, 1]] * 2
    assert net.weight.grad().asnumpy().tolist() == [[0, 0, 0]] * 2


def test_changes_in_place_that_the_gradient_needs_are_refused():
    block, x = planned(lambda x: x * x), nd.ones((2,))
    x.attach_grad()
    with autograd.record():
        y = block(x)
    x[:] = 5
    with pytest.raises(MXNetError, match="in place"):
        y.backward()
    with autograd.record():
        y = block(x)
    y.backward()
    assert x.grad.asnumpy().tolist() == [10, 10]


def test_a_result_changed_in_place_that_the_gradient_needs_is_refused():
    block, x = planned(nd.exp), nd.ones((2,))
    x.attach_grad()
    with autograd.record():
        y = block(x)
    y[:] = 0
    with pytest.raises(MXNetError, match="in place"):
        y.backward()


def test_an_input_with_and_without_gradient():
    block, x = planned(lambda x: x * 2), nd.ones((1,))
    with autograd.record():
        y = block(x)
    with pytest.raises(MXNetError, match="Cannot differentiate"):
        y.backward()
    x.attach_grad()
    with autograd.record():
        y = block(x)
    y.backward()
    assert x.grad.asscalar() == 2
    with autograd.record():
        y = block(x.detach())
    with pytest.raises(MXNetError, match="Cannot differentiate"):
        y.backward()


def test_a_graph_goes_on_before_and_after():
    block, x = planned(lambda x: x * x), nd.array([3.0])
    x.attach_grad()
    for _ in range(3):
        with autograd.record():
            y = block(x * 2) * 5
        y.backward()
        assert x.grad.asscalar() == 120


def test_pause_inside():
    def function(x):
        with autograd.pause():
            factor = x * 2
        return x * factor

    x = nd.array([3.0])
    x.attach_grad()
    for call in (function, planned(function)):
        for _ in range(2):
            with autograd.record():
                y = call(x)
            y.backward()
            assert x.grad.asscalar() == 6


def test_constants_that_get_a_gradient_later():
    weight = nd.array([2.0])
    block, x = planned(lambda x: x * weight), nd.array([3.0])
    x.attach_grad()
    with autograd.record():
        y = block(x)
    y.backward()
    weight.attach_grad()
    with autograd.record():
        y = block(x)
    y.backward()
    assert weight.grad.asscalar() == 3


# ---- errors, hooks and threads -------------------------------------------------------------------


def test_errors_inside_leave_the_block_usable():
    fail = [True]

    def function(x):
        if fail[0]:
            raise KeyError("inside")
        return x * 2

    block, x = planned(function), nd.ones((2,))
    x.attach_grad()
    with autograd.record():
        with pytest.raises(KeyError, match="inside"):
            block(x)
        assert autograd.is_recording()
        fail[0] = False
        y = block(x)
    y.backward()
    assert x.grad.asnumpy().tolist() == [2, 2]


def test_errors_of_values_leave_the_block_usable():
    loss = losses.SoftmaxCrossEntropyLoss()
    loss.hybridize()
    x = nd.zeros((2, 3))
    x.attach_grad()
    for _ in range(2):
        with autograd.record():
            with pytest.raises(ValueError, match="7"):
                loss(x, nd.array([0, 7]))
            y = loss(x, nd.array([0, 2]))
        y.backward()
        numpy.testing.assert_allclose(y.asnumpy(), numpy.log([3, 3]), rtol=1e-6)
        numpy.testing.assert_allclose(x.grad.asnumpy().sum(axis=1), [0, 0], atol=1e-6)


def test_shape_errors_leave_the_block_usable():
    net = dense_net()
    for _ in range(2):
        with pytest.raises(MXNetError, match="5"):
            net(nd.ones((1, 5)))
        assert net(nd.ones((1, 3))).shape == (1, 2)


def test_a_hooked_block_runs_eagerly():
    net, seen = dense_net(), []
    net(nd.ones((1, 3)))
    handle = net.register_forward_hook(lambda block, inputs, output: seen.append(output.asnumpy()))
    net(nd.ones((1, 3)))
    net(nd.ones((2, 3)))
    assert [s.shape for s in seen] == [(1, 2), (2, 2)]
    handle.detach()
    net(nd.ones((1, 3)))
    assert len(seen) == 2


def test_a_hooked_child_is_heard():
    net, seen = mlp(), []
    net.initialize()
    net.hybridize()
    x = nd.ones((2, 4))
    net(x)
    net[0].register_forward_hook(lambda block, inputs, output: seen.append(output.asnumpy()))
    net(x)
    net(x)
    assert len(seen) == 2


def test_hybridize_turned_off_again():
    net, x = mlp(), nd.ones((2, 4))
    net.initialize()
    eager = bits(net(x))
    net.hybridize()
    assert bits(net(x)) == eager
    net.hybridize(False)
    assert bits(net(x)) == eager


def test_two_threads_at_once():
    net = mlp()
    net.initialize()
    inputs = [nd.array(numpy.full((64, 20), i)) for i in range(8)]
    expected = [bits(net(x)) for x in inputs]
    net.hybridize()
    wrong = []

    def work(which):
        try:
            for turn in range(200):
                i = (turn + which) % 8
                if bits(net(inputs[i])) != expected[i]:
                    wrong.append((which, turn))
        except Exception as error:  # noqa: BLE001 - whatever it is, the test shows it
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(which,)) for which in (0, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_two_threads_train_through_one_plan():
    block = planned(lambda x: nd.dot(nd.tanh(nd.dot(x, x)), x))
    values = numpy.random.default_rng(0).normal(size=(60, 60)).astype("float32")
    wrong = []

    def gradient(function, scale):
        x = nd.array(values * scale)
        x.attach_grad()
        with autograd.record():
            y = function(x)
        y.backward()
        return bits(y, x.grad)

    expected = {scale: gradient(block.function, scale) for scale in (0.5, 1.0)}

    def work(scale):
        try:
            for _ in range(50):
                if gradient(block, scale) != expected[scale]:
                    wrong.append(scale)
        except Exception as error:  # noqa: BLE001 - whatever it is, the test shows it
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(scale,)) for scale in (0.5, 1.0)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


class Constants(HybridBlock):
    """Calls a NumPy function on parameters alone, after one of them was updated."""

    def __init__(self, function, **options):
        super().__init__()
        self.function, self.options = function, options
        self.mean = self.params.get("mean", shape=(2,), init="zeros", grad_req="null")

    def forward(self, x):
        numpy_call.update(self.mean.data(), x, 0.5)
        return numpy_call.call(self.function, [self.mean.data()], **self.options) + x


def test_numpy_call_on_a_parameter_reads_it_when_the_plan_runs():
    x, results = nd.array([1.0, 2.0]), []
    for hybridized in (False, True):
        net = Constants(numpy.sin)
        net.initialize()
        net.hybridize(hybridized)
        results.append([net(x).asnumpy().tolist() for _ in range(3)])
    assert results[0] == results[1]
