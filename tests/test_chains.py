"""Runs of elementwise ops in plans: joined into one pass, with the bits of eager calls."""

import operator

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from microlazy import autograd, gluon, nd, np, npx
from microlazy.base import MXNetError
from microlazy.core import parallel
from microlazy.core.kernels import elementwise_rows
from microlazy.core.ops import elementwise
from microlazy.core.storage import memory_info
from microlazy.gluon import HybridBlock, nn


class Function(HybridBlock):
    """A function as a block."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *args):
        return self.function(*args)


def planned(function):
    block = Function(function)
    block.hybridize()
    return block


def ops_of(block, *args):
    return [step.op for step in block.plan(*args).steps]


def bits(x):
    """The bytes of an array; a NaN has no sign, for compilers choose whose it gets."""
    a = x.asnumpy()
    return numpy.where(numpy.isnan(a), a.dtype.type("nan"), a).tobytes()


def values(generator, shape, dtype="float32"):
    """Numbers of all kinds: small and huge, zeros of both signs, infinite, none."""
    x = generator.normal(size=shape) * generator.choice([0.1, 1, 30, 3e5], shape)
    special = generator.choice([0.0, -0.0, 1.0, -1.0, 2.0, numpy.inf, -numpy.inf, numpy.nan], shape)
    return numpy.where(generator.random(shape) < 0.1, special, x).astype(dtype)


def gradients(call, arrays, head=None):
    """The result of a call and all gradients, as bytes."""
    for x in arrays:
        x.attach_grad()
    with autograd.record():
        y = call(*arrays)
    y.backward(head)
    return [bits(a) for a in (y, *(x.grad for x in arrays))]


def check_bits(function, arrays, head=None, joined=True):
    block = planned(function)
    expected = bits(function(*arrays))
    if joined:
        assert any("+" in op for op in ops_of(block, *arrays))
    for _ in range(2):
        assert bits(block(*arrays)) == expected
        eager = gradients(function, arrays, head)
        assert gradients(block, arrays, head) == eager


# ---- each function -------------------------------------------------------------------------------

COMPARISONS = {
    **{"equal": "eq", "not_equal": "ne", "less": "lt", "less_equal": "le"},
    **{"greater": "gt", "greater_equal": "ge"},
}
SIZES = (1, 7, 2600, 40000)  # the last is large enough for several threads


@pytest.mark.parametrize("row", elementwise_rows.UNARY, ids=lambda row: row.op)
def test_each_function_of_one_array(row):
    generator = numpy.random.default_rng(0)
    function = getattr(elementwise.Recorded, row.op)
    for size, dtype in zip(SIZES, ("float32", "float64", "float64", "float32"), strict=True):
        x, y, g = (nd.array(values(generator, size, dtype), dtype=dtype) for _ in range(3))
        check_bits(lambda x, y: function(x * y) + x, [x, y], g)
        check_bits(lambda x, y: function(x + y), [x, y], g)


@pytest.mark.parametrize(
    "row", (*elementwise_rows.ARITHMETIC, *elementwise_rows.COMPARISONS), ids=lambda row: row.op
)
def test_each_function_of_two_arrays_or_an_array_and_a_number(row):
    generator = numpy.random.default_rng(0)
    function = getattr(operator, COMPARISONS.get(row.op, ""), None) or getattr(
        elementwise.Recorded, row.op
    )
    for size, dtype in zip(SIZES, ("float32", "float64", "float64", "float32"), strict=True):
        x, y, g = (nd.array(values(generator, size, dtype), dtype=dtype) for _ in range(3))
        check_bits(lambda x, y: function(x, y) * (x + 1), [x, y], g)
        check_bits(lambda x, y: function(nd.abs(x), y + x), [x, y], g)
        for number in (3.0, 0.0, -1.5):
            check_bits(lambda x, y, s=number: function(x - y, s) * y, [x, y], g)
            check_bits(lambda x, y, s=number: function(s, x - y) + y, [x, y], g)


# ---- programs ------------------------------------------------------------------------------------

SHAPES = [(3, 4, 5), (4, 5), (5,), (1,), (3, 1, 1), (4, 1), (3, 4, 1), (1, 4, 1), (3, 1, 5)]
MIXTURE = [
    lambda a, b: a + b,
    lambda a, b: a - b,
    lambda a, b: a * b,
    lambda a, b: a / (b * b + 1),
    lambda a, b: np.tanh(a),
    lambda a, b: np.exp(-a * a),
    lambda a, b: np.sin(a) * b,
    lambda a, b: np.maximum(a, b),
    lambda a, b: 2 - a,
    lambda a, b: 0.5 / (1 + a * a),
    lambda a, b: (a * a + 1) ** 1.5,
    lambda a, b: np.sqrt(a * a + 1),
    lambda a, b: np.hypot(a, b + 1),
    lambda a, b: (a * a + 1) ** np.tanh(b),
    lambda a, b: a,
]
steps = st.tuples(st.sampled_from(MIXTURE), st.integers(0, 99), st.integers(0, 99))


def program_of(chosen, returned):
    def program(*arrays):
        found = list(arrays)
        for function, i, j in chosen:
            a, b = found[i % len(found)], found[j % len(found)]
            if a.size < b.size:
                a, b = b, a
            result = function(a, b)
            if result.size <= 60:
                found.append(result)
        axes = [None, (0,), (1,), (2,), (0, 1), (1, 2), (0, 2), ()]
        total = 0
        for i in returned:
            x = found[-1 - i % len(found)]
            total = total + (x.mean if i % 2 else x.sum)(
                tuple(axis for axis in axes[i % 8] if axis < x.ndim) if axes[i % 8] else None,
                keepdims=x.ndim > 0,
            )
        return total + found[-1]

    return program


@settings(max_examples=150, deadline=None)
@given(
    st.lists(steps, min_size=2, max_size=30),
    st.lists(st.integers(0, 99), min_size=1, max_size=3),
    st.lists(st.sampled_from(SHAPES), min_size=1, max_size=4),
    st.integers(0, 2**32 - 1),
)
def test_any_program_of_elementwise_ops(chosen, returned, shapes, seed):
    generator = numpy.random.default_rng(seed)
    arrays = [np.array(generator.normal(size=s).astype("float32")) for s in [(3, 4, 5), *shapes]]
    check_bits(program_of(chosen, returned), arrays, joined=False)


@settings(max_examples=25, deadline=None)
@given(st.lists(steps, min_size=2, max_size=12), st.integers(0, 2**32 - 1))
@npx.use_np
def test_any_program_in_a_compiled_step(chosen, seed):
    generator = numpy.random.default_rng(seed)
    program, records = program_of(chosen, [0, 3]), []
    batches = [np.array(generator.normal(size=(8, 5)).astype("float32")) for _ in range(6)]
    start = np.array(generator.normal(size=(4, 5)).astype("float32"))
    for compiled in (False, True):
        net = nn.HybridSequential()
        net.add(nn.Dense(4), Function(lambda y: program(y, y)), nn.Dense(2))
        net.initialize()
        net(batches[0])
        net[0].weight.set_data(start)
        net[2].weight.set_data(start[:2, :4])
        trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1})
        loss = gluon.loss.L2Loss()
        step = gluon.compile_step(net, loss, trainer)
        for x, y in zip(batches[::2], batches[1::2], strict=True):
            if compiled:
                step(x, y[:, :2])
            else:
                with autograd.record():
                    value = loss(net(x), y[:, :2])
                value.backward()
                trainer.step(len(x))
        records.append([bits(p.data()) for p in net.collect_params().values()])
    assert records[0] == records[1]


@pytest.mark.parametrize("axis", [None, 0, 1, 2, (0, 1), (1, 2), (0, 2)])
def test_a_sum_or_mean_behind_a_chain(axis):
    generator = numpy.random.default_rng(0)
    arrays = [nd.array(generator.normal(size=(40, 30, 50))) for _ in range(2)]
    for reduce in ("sum", "mean", "max"):
        check_bits(lambda x, y, r=reduce: getattr(nd.tanh(x * y + x), r)(axis=axis), arrays)
        check_bits(lambda x, y, r=reduce: nd.exp(-getattr(x * y + x, r)(axis=axis)), arrays)


def test_as_many_ops_as_there_are():
    def function(x, y):
        for i in range(100):
            x = nd.tanh(x * y + i) if i % 3 else x - y * x
        return x

    generator = numpy.random.default_rng(0)
    check_bits(function, [nd.array(generator.normal(size=(50, 60))) for _ in range(2)])


def test_gradients_that_add_up_and_gradients_of_some_arrays():
    def function(x, y, z):
        return nd.tanh(x * y + z) * x

    block, generator = planned(function), numpy.random.default_rng(0)
    arrays = [nd.array(generator.normal(size=(3000,))) for _ in range(3)]
    record = []
    for call in (function, block):
        for x, req in zip(arrays, ("add", "write", "null"), strict=True):
            x.attach_grad(req)
        for wanted in ([0, 1], [1], [0]):
            with autograd.record():
                y = call(*arrays)
            found = autograd.grad(y, [arrays[i] for i in wanted], retain_graph=True)
            y.backward()
            record.append([a.asnumpy().tobytes() for a in (*found, arrays[0].grad, arrays[1].grad)])
    assert record[:3] == record[3:]


def test_any_number_of_threads_gives_the_same_bits():
    def function(x, y):
        return nd.sin(x * y) + nd.exp(x) * y - nd.relu(y)

    generator, before, results = numpy.random.default_rng(0), parallel.get_num_threads(), []
    arrays = [nd.array(values(generator, (300, 701))), nd.array(values(generator, (701,)))]
    try:
        for threads in (1, 2, 3):
            parallel.set_num_threads(threads)
            results.append(
                gradients(planned(lambda x, y: function(x, nd.broadcast_like(y, x))), arrays)
            )
            results.append(gradients(planned(function_of_rows), arrays))
    finally:
        parallel.set_num_threads(before)
    assert results[0] == results[2] == results[4]
    assert results[1] == results[3] == results[5]


def function_of_rows(x, y):
    return nd.exp(nd.broadcast_mul(nd.tanh(x), y)) - x


# ---- relu in the op before it --------------------------------------------------------------------


@pytest.mark.parametrize("train", [True, False])
@pytest.mark.parametrize(
    "make",
    [
        lambda: nn.Conv2D(6, 3, padding=1, in_channels=4),
        lambda: nn.Conv2DTranspose(6, 3, strides=2, in_channels=4),
        lambda: nn.BatchNorm(in_channels=4),
        lambda: nn.BatchNorm(in_channels=4, scale=False, axis=1),
        lambda: nn.BatchNorm(in_channels=8, axis=-1),
        lambda: nn.Dense(5, flatten=False, in_units=8),
        lambda: nn.Dense(3, use_bias=False, in_units=4 * 64),
    ],
)
def test_relu_goes_into_the_layer_before_it(make, train):
    layer, records = make(), []
    layer.initialize()
    if isinstance(layer, nn.BatchNorm):  # with values around 0 on both sides
        layer.gamma.set_data(nd.random.normal(shape=layer.gamma.shape))
        layer.beta.set_data(nd.random.normal(shape=layer.beta.shape))
    start = {path: p.data().copy() for path, p in layer.collect_params().items()}
    block = planned(lambda x: nd.relu(layer(x)))
    block.layer = layer
    generator = numpy.random.default_rng(0)
    x = nd.array(numpy.round(generator.normal(size=(3, 4, 8, 8)), 1))
    parameters = layer.collect_params()
    for call in (block.function, block):
        for path, p in parameters.items():
            p.set_data(start[path])
        x.attach_grad()
        for _ in range(2):
            with autograd.record(train_mode=train):
                y = call(x)
            y.backward()
        arrays = [y, x.grad, *(p.data() for p in parameters.values())]
        arrays += [p.grad() for p in parameters.values() if p.grad_req != "null"]
        arrays.append(call(x))
        records.append([a.asnumpy().tobytes() for a in arrays])
    assert records[0] == records[1]
    with autograd.record(train_mode=train):
        assert [op[-5:] for op in ops_of(block, x)] in (["+relu"], ["shape", "+relu"])


def test_relu_stays_where_its_input_is_read_elsewhere():
    layer = nn.BatchNorm(in_channels=4)
    layer.initialize()

    def twice(x):
        y = layer(x)
        return nd.relu(y) + y.sum()

    assert "batch_norm" in ops_of(Function(twice), nd.ones((2, 4)))
    both = Function(lambda x: [y := layer(x), nd.relu(y)])
    assert ops_of(both, nd.ones((2, 4))) == ["batch_norm", "relu"]


def test_gradients_of_gradients_through_a_relu_in_a_layer():
    layer = nn.Dense(4, in_units=3)
    layer.initialize()

    def slopes(call):
        x = nd.array([[0.3, -1.2, 2.0]])
        x.attach_grad()
        with autograd.record():
            y = nd.square(call(x))
            slope = autograd.grad(y, x, create_graph=True)[0]
        slope.backward()
        return slope.asnumpy().tobytes(), x.grad.asnumpy().tobytes()

    block = planned(lambda x: nd.relu(layer(x)))
    for _ in range(3):
        assert slopes(block) == slopes(block.function)


# ---- which ops are joined ------------------------------------------------------------------------


def test_what_is_seen_from_outside_ends_a_chain():
    x = nd.ones((2, 3))
    assert ops_of(Function(lambda x: nd.exp(x * 2) + 1), x) == ["multiply+exp+add"]
    assert ops_of(Function(lambda x: (x * 2, nd.exp(x * 2 + 1))), x) == [
        "multiply",
        "multiply+add+exp",
    ]

    def kept(x):
        y = x * 2
        return y, nd.exp(y + 1)

    assert ops_of(Function(kept), x) == ["multiply", "add+exp"]
    assert ops_of(Function(lambda x: nd.exp(x * 2).sum(axis=0) * 3 + 1), x) == [
        "multiply+exp",
        "sum",
        "multiply+add",
    ]


def test_broadcast_arrays_are_read_as_they_are():
    x = nd.ones((2, 3, 4))
    for shape in [(1,), (4,), (3, 1), (3, 4), (2, 1, 1), (2, 3, 1), (1, 3, 1), (2, 1, 1)]:
        block = Function(lambda x, y: nd.relu(nd.broadcast_add(x, y)))
        assert ops_of(block, x, nd.ones((1,) * (3 - len(shape)) + shape)) == ["add+relu"]
    two_gaps, turned = nd.ones((2, 1, 4)), np.ones((4, 3, 2)).T
    assert ops_of(block, x, two_gaps) == ["add", "relu"]
    assert ops_of(Function(lambda x, y: np.tanh(x + y)), np.ones((2, 3, 4)), turned) == [
        "add",
        "tanh",
    ]


def test_what_is_between_takes_no_memory():
    def function(x):
        for _ in range(10):
            x = nd.tanh(x) * 0.5 + x
        return x

    x = nd.ones((1000, 1000))
    block = planned(function)
    x.attach_grad()
    with autograd.record():
        before = memory_info()["allocated"] - memory_info()["cached"]
        y = block(x)
        kept = memory_info()["allocated"] - memory_info()["cached"] - before
    y.backward()
    assert kept < 2.5 * x.size * 4


def test_an_input_changed_in_place_before_backward_is_refused():
    block, x = planned(lambda x: nd.tanh(x * x) + x), nd.ones((3,))
    x.attach_grad()
    with autograd.record():
        y = block(x)
    x[:] = 5
    with pytest.raises(MXNetError, match=r"the gradient of multiply\+tanh\+add needs was changed"):
        y.backward()
    with autograd.record():
        y = block(x)
    x[:] = 1
    with pytest.raises(MXNetError, match="changed"):
        autograd.grad(y, x, create_graph=True)


def test_gradients_of_gradients_go_through_the_members():
    def slopes(call):
        x = nd.array([0.3, -1.2, 2.0])
        x.attach_grad()
        with autograd.record():
            y = call(x)
            slope = autograd.grad(y, x, create_graph=True)[0]
        slope.backward()
        return slope.asnumpy().tobytes(), x.grad.asnumpy().tobytes()

    def function(x):
        return nd.tanh(x * x) * nd.exp(x) + x

    block = planned(function)
    for _ in range(3):
        assert slopes(block) == slopes(function)


def test_no_memory_stays_behind():
    def use():
        block, x = planned(lambda x: nd.tanh(x * x) + x), nd.ones((1000,))
        x.attach_grad()
        with autograd.record():
            y = block(x)
        y.backward()
        with autograd.record():
            y = block(x)
            autograd.grad(y, x, create_graph=True)

    use()
    before = memory_info()["allocated"] - memory_info()["cached"]
    for _ in range(3):
        use()
    assert memory_info()["allocated"] - memory_info()["cached"] == before
