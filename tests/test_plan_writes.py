"""Writes in place inside hybridized blocks: plans hold them, with the bits of eager calls."""

import warnings

import numpy
import pytest

from microlazy import autograd, gluon, init, nd, np
from microlazy.gluon import nn
from tests.test_chains import Function, bits


def fill_a_row(x, y):
    y = nd.exp(x) * y
    y[1] = 3
    return nd.tanh(y) + x


def fill_a_column(x, y):
    y = x + y
    y[:, 0] = -1
    return y * x


def write_a_row(x, y):
    z = x * 2
    z[0] = y[1] * 3
    return z * y


def write_with_steps(x, y):
    z = x * y
    z[::-2, 1:] = nd.tanh(y[::2, 1:])
    return z


def write_over_all(x, y):
    z = x * 3
    z[:] = y * 2
    return z + x


def broadcast(x, y):
    z = nd.sin(x)
    z[1:] = y[0] * 2
    return z


def one_element(x, y):
    z = x * 1
    z[1, 2] = y[0, 0]
    z[2, -1] = 5
    return z


def twice(x, y):
    z = x * y
    z[0] = y[1]
    z[0, 1:] = x[2, 1:] * 2
    return z.sum(axis=0)


def a_column_of_itself(x, y):
    z = x * y
    z[:, 0] = z[:, 1]
    z[:, 2:] = z[:, :2]
    return z


def mask_with_a_number(x, y):
    z = x * y
    z[(x > 0.2).astype("bool")] = 0.5
    return z * z


def mask_with_a_row(x, y):
    z = x * y
    z[(x[:, 0] > 0).astype("bool")] = y[0]
    return z + 1


def places(x, y):
    z = x * y
    z[nd.array([2, 0, 2])] = y
    return z * 2


def several_places(x, y):
    z = nd.sin(x)
    z[nd.array([0, 1]), nd.array([3, 2])] = y[0, :2]
    return z


def add_to_a_row(x, y):
    z = x * y
    z[0] += x[1]
    z[1:] *= 2
    return nd.tanh(z)


def write_into_a_part(x, y):
    z = x * y
    z[0][1] = y[2, 2]
    z[1:][0, 1:] = 3
    return z


def add_to_a_column(x, y):
    z = x + y
    z[:, 1] += x[:, 0]
    z[:, 2] -= 1
    return z


def add_to_all(x, y):
    z = x * y
    other = z
    z += x
    z *= 2
    return other * 1


def add_to_a_named_part(x, y):
    z = x * y
    part = z[1]
    part += 1
    del part
    return z


def constants_too(x, y):
    z = nd.ones((3, 4), dtype=x.dtype)
    z[1] = 4
    return x * z * y


FUNCTIONS = [
    fill_a_row, fill_a_column, write_a_row, write_with_steps, write_over_all, broadcast,
    one_element, twice, a_column_of_itself, mask_with_a_number, mask_with_a_row, places,
    several_places, add_to_a_row, write_into_a_part, add_to_a_column, add_to_all, constants_too,
]  # fmt: skip


def arrays(dtype="float32"):
    generator = numpy.random.default_rng(0)
    return [nd.array(generator.normal(size=(3, 4)), dtype=dtype) for _ in range(2)]


def outcome(call, tracked, dtype="float32"):
    """The result, and the gradients of the arrays whose numbers are given."""
    found = []
    for _ in range(2):
        both = arrays(dtype)
        for number in tracked:
            both[number].attach_grad()
        with autograd.record() if tracked else autograd.pause():
            result = call(*both)
        if tracked:
            result.backward()
        found += [bits(result), *(bits(both[number].grad) for number in tracked)]
    return found


@pytest.mark.parametrize("tracked", [(), (0,), (1,), (0, 1)], ids=str)
@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_the_bits_of_eager_calls(function, tracked):
    block = Function(function)
    block.hybridize()
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # nothing falls back
        assert outcome(block, tracked) == outcome(function, tracked)


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
def test_the_gradients_are_those_of_differences(function):
    block = Function(function)
    block.hybridize()
    x, y = arrays("float64")
    for a in (x, y):
        a.attach_grad()
    with autograd.record():
        total = (block(x, y) * nd.arange(1, 5, dtype="float64")).sum()
    total.backward()
    for a in (x, y):
        for place in ((0, 1), (1, 2), (2, 3)):
            ends = []
            for step in (1e-6, -1e-6):
                with autograd.pause():
                    moved = [b.copy() for b in (x, y)]
                    moved[0 if a is x else 1][place] += step
                    ends.append((block(*moved) * nd.arange(1, 5, dtype="float64")).sum().asscalar())
            slope = (ends[0] - ends[1]) / 2e-6
            assert a.grad[place].asscalar() == pytest.approx(slope, abs=1e-6)


def test_gradients_of_gradients():
    for function in (write_a_row, twice, add_to_a_row, places, mask_with_a_row):
        found = []
        block = Function(function)
        block.hybridize()
        for call in (function, block):
            x, y = arrays("float64")
            x.attach_grad()
            with autograd.record():
                z = (call(x, y) ** 2).sum()
                (g,) = autograd.grad(z, [x], create_graph=True)
                total = (g**2).sum()
            total.backward()
            found.append(bits(x.grad))
        assert found[0] == found[1]


def test_an_assignment_takes_no_memory_where_the_array_is_not_needed_as_it_was():
    block = Function(fill_a_row)
    steps = block.plan(*arrays()).steps
    assert [step.op for step in steps] == ["exp+multiply", "assignment", "tanh+add"]
    assert steps[1].fusions == ("over %0",)


def test_compile_step_holds_writes():
    def network():
        net = nn.HybridSequential()
        net.add(nn.Dense(4, in_units=4), Function(lambda h: add_to_a_row(h, h * 0.5)), nn.Dense(2))
        net.initialize(init.Constant(0.1))
        return net

    found = []
    loss = gluon.loss.L2Loss()
    for compiled in (False, True):
        net = network()
        trainer = gluon.Trainer(net.collect_params(), "adam", {"learning_rate": 0.01})
        step = gluon.compile_step(net, loss, trainer) if compiled else None
        x, y = nd.array(numpy.eye(3, 4)), nd.ones((3, 2))
        for _ in range(4):
            if step is not None:
                value = step(x, y)
            else:
                with autograd.record():
                    value = loss(net(x), y)
                value.backward()
                trainer.step(3)
        found.append([bits(value), *(bits(p.data()) for p in net.collect_params().values())])
    assert found[0] == found[1]


def fell_back(function, *args, record=False):
    """Whether a call warned that it runs eagerly; its result is that of the function."""
    block = Function(function)
    block.hybridize()
    expected = [a.copy() for a in args]
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        result = block(*args)
    assert bits(result) == bits(function(*expected))
    assert [bits(a) for a in args] == [bits(a) for a in expected]
    return any("runs eagerly" in str(w.message) for w in told)


def kept_view(x):
    y = x * 2
    part = y[0]
    y[0] = 7
    return y + part


def row_of_itself(x):
    y = x * 2
    y[0] = y[1]
    return y


def reshaped(x):
    y = x * 2
    z = y.reshape((-1,))
    z[3] = 9
    return y


def named_part(x):
    y = x * 2
    part = y[1]
    part += 1
    return y * part


def argument(x):
    x[0] = 3
    return x * 2


def unknown_number(x):
    y = x * 1
    return y[(y > 0).astype("bool")]


def made_here(x):
    y = nd.zeros((3, 4))
    y[1] = x[0]
    return y


@pytest.mark.parametrize(
    "function",
    [kept_view, row_of_itself, reshaped, argument, unknown_number, made_here],
)
def test_what_is_left_to_eager_calls(function):
    assert fell_back(function, arrays()[0])


def test_a_part_that_has_a_name_is_the_part_still():
    fell_back(named_part, arrays()[0])
    fell_back(lambda x: add_to_a_named_part(x, x + 1), arrays()[0])


def test_two_names_of_an_array_stay_one():
    def function(x):
        y = x * 2
        other = y
        y += 1
        part = y[0]
        part *= 3
        return other + y

    assert not fell_back(function, arrays()[0])


def test_what_a_gradient_needs_is_refused_as_eager_calls_refuse_it():
    from microlazy.base import MXNetError

    def function(x):
        y = nd.exp(x)
        z = y * x
        y[0] = 1
        return z + y

    block = Function(function)
    block.hybridize()
    for call in (function, block):
        x = arrays()[0]
        x.attach_grad()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with autograd.record():
                y = call(x)
        with pytest.raises(MXNetError, match="changed in place"):
            y.backward()


def test_the_numpy_face_and_a_value_of_the_wrong_shape():
    def function(x):
        y = x * 2
        y[x > 0] = -1
        y[:, 1] = x[:, 0]
        return y

    block = Function(function)
    block.hybridize()
    x = np.array(numpy.random.default_rng(0).normal(size=(3, 4)).astype("float32"))
    assert bits(block(x)) == bits(function(x))

    def wrong(x):
        y = x * 2
        y[0] = x
        return y

    block = Function(wrong)
    block.hybridize()
    messages = []
    for call in (wrong, block):
        with pytest.raises(ValueError, match="shape|broadcast") as error:
            call(x)
        messages.append(str(error.value))
    assert messages[0] in messages[1]
