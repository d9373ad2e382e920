"""Writes in place inside hybridized blocks: plans hold them, with the bits of eager calls."""

import warnings

import numpy
import pytest

from microlazy import autograd, gluon, init, nd, np
from microlazy.base import ShapeError
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


def masked(x):
    return (x > 0.2).astype("bool")


def multiply_where(x, y):
    z = nd.sin(x) + y
    z[masked(x)] *= -0.3
    z[masked(y)] /= 7
    return z * y


def add_where(x, y):
    z = x * y
    z[masked(y)] += y[0, :1]
    z[masked(x)] -= 2
    return nd.tanh(z)


def rows_where(x, y):
    z = x + y
    rows = masked(x[:, 0])
    z[rows] *= y[1]
    z[rows] -= x[0]
    z[rows] += 0.1
    return z * x


def divide_where(x, y):
    z = x * 2
    z[masked(y[:, 1]), 1:] /= y[0, 1:] + 3
    return z


def constants_too(x, y):
    z = nd.ones((3, 4), dtype=x.dtype)
    z[1] = 4
    return x * z * y


FUNCTIONS = [
    fill_a_row, fill_a_column, write_a_row, write_with_steps, write_over_all, broadcast,
    one_element, twice, a_column_of_itself, mask_with_a_number, mask_with_a_row, places,
    several_places, add_to_a_row, write_into_a_part, add_to_a_column, add_to_all, constants_too,
    multiply_where, add_where, rows_where, divide_where,
]  # fmt: skip

CHANGES = [multiply_where, add_where, rows_where, divide_where]


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
    for function in (write_a_row, twice, add_to_a_row, places, mask_with_a_row, *CHANGES):
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


def masked_part_kept(x):
    y = x * 2
    part = y[masked(y)]
    part += 1
    y[0] = 5
    return y


def masked_part_changed_twice(x):
    y = x * 2
    part = y[masked(y)]
    part *= 2
    part += 1
    y[masked(y)] = part
    return y


def masked_part_in_a_function(x):
    y = x * 2
    y[masked(y)] = nd.exp(y[masked(y)])
    return y


def masked_part_to_a_power(x):
    y = nd.abs(x)
    y[masked(y)] **= 2
    return y


def masked_part_elsewhere(x):
    y, z = x * 2, x * 3
    part = y[masked(x)]
    part += 1
    z[masked(x)] = part
    return y + z


def unknown_number(x):
    y = x * 1
    return y[(y > 0).astype("bool")]


def made_here(x):
    y = nd.zeros((3, 4))
    y[1] = x[0]
    return y


@pytest.mark.parametrize(
    "function",
    [
        kept_view,
        row_of_itself,
        reshaped,
        unknown_number,
        made_here,
        masked_part_changed_twice,
        masked_part_in_a_function,
        masked_part_to_a_power,
        masked_part_elsewhere,
    ],  # fmt: skip
)
def test_what_is_left_to_eager_calls(function):
    assert fell_back(function, arrays()[0])


def test_a_masked_part_that_is_not_written_back_changes_nothing():
    assert not fell_back(masked_part_kept, arrays()[0])


def test_a_value_that_does_not_fit_a_masked_part_is_refused_and_leaves_the_plan_usable():
    def function(x, y):
        z = x * 1
        z[masked(x)] += y
        return z

    block = Function(function)
    block.hybridize()
    x = nd.array([1, -1, 2])
    assert bits(block(x, nd.array([3, 4]))) == bits(function(x, nd.array([3, 4])))
    with pytest.raises(ShapeError, match=r"of shape \(1,\) cannot hold a result of shape \(2,\)"):
        block(nd.array([1, -1, 0]), nd.array([3, 4]))
    assert bits(block(x, nd.array([5, 6]))) == bits(function(x, nd.array([5, 6])))


def test_values_that_do_not_fit_a_mask_are_refused_as_in_eager_calls():
    def function(x, y):
        z = x * 1
        z[masked(x)] = y
        return z

    block = Function(function)
    block.hybridize()
    assert block(nd.array([1, -1, 2]), nd.array([3, 4])).asnumpy().tolist() == [3, -1, 4]
    for call in (function, block):
        with pytest.raises(ShapeError, match="cannot assign 2 input values to the 3 output values"):
            call(nd.array([1, 1, 2]), nd.array([3, 4]))


def set_a_row(x, y):
    x[0] = y[1] * 2
    return x * y


def add_to_it(x, y):
    z = nd.exp(x)
    x += y
    x *= 2
    return x + z


def write_into_its_parts(x, y):
    z = nd.exp(x) + 1
    x[1] += 3
    x[:, 1:][0] = y[2, 1:]
    part = x[2]
    part -= y[0]
    return z * x + part


def mask_it(x, y):
    x[masked(x)] = 0.5
    return x + y


def write_another(x, y):
    z = x + y
    y[:] = x
    return y * z, y


def give_it_back(x, y):
    x[0, 0] = 9
    return x


ARGUMENTS = [set_a_row, add_to_it, write_into_its_parts, mask_it, write_another, give_it_back]


@pytest.mark.parametrize("function", ARGUMENTS, ids=lambda function: function.__name__)
@pytest.mark.parametrize("kind", ["two", "one twice", "overlapping", "strided"])
def test_writes_to_arguments_reach_the_callers_arrays(function, kind):
    def given():
        x, y = arrays()
        if kind == "one twice":
            return x, x
        if kind == "overlapping":
            both = nd.concat(x, y, dim=0)
            return both[:3], both[1:4]
        if kind == "strided":
            both = np.array(nd.concat(x, y, dim=1).asnumpy())
            return both[:, ::2].as_nd_ndarray(), both[:, 1::2].as_nd_ndarray()
        return x, y

    block = Function(function)
    block.hybridize()
    seen = []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for call in (function, block):
            x, y = given()
            for _ in range(3):
                found = call(x, y)
                found = found if isinstance(found, tuple) else (found,)
                seen.append([bits(each) for each in (*found, x, y)])
    assert seen[:3] == seen[3:]


@pytest.mark.parametrize("function", ARGUMENTS, ids=lambda function: function.__name__)
def test_writes_to_arguments_under_record_are_left_to_eager_calls(function):
    net = nn.Dense(4, in_units=4)
    net.initialize(init.Constant(0.1))
    found = []
    for call in (function, Function(function)):
        if call is not function:
            call.hybridize()
        x, y = arrays()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for _ in range(2):
                with autograd.record():
                    result = call(x, y)
                    loss = net(result[0] if isinstance(result, tuple) else result).sum()
                loss.backward()
                found.append([bits(a) for a in (x, y, loss, net.weight.grad())])
    assert found[:2] == found[2:]


def test_a_read_only_argument_is_refused_as_by_eager_calls():
    values = numpy.ones((3, 4), "float32")
    block = Function(set_a_row)
    block.hybridize()
    block(*arrays())
    values.flags.writeable = False
    with pytest.raises(ValueError, match="read-only"):
        block(nd.from_numpy(values), arrays()[1])


def test_a_residual_that_is_written_later_is_read_before():
    convolution = nn.Conv2D(4, 3, padding=1, in_channels=4)
    convolution.initialize(init.Xavier())

    class Net(nn.HybridSequential):
        def forward(self, x):
            y = self[0](x)
            x[:] = 5
            return nd.relu(y + x)

    found = []
    for hybrid in (False, True):
        net = Net()
        net.add(convolution)
        net.hybridize(hybrid)
        for _ in range(3):
            x = nd.array(numpy.random.default_rng(0).normal(size=(1, 4, 6, 6)))
            found.append((bits(net(x)), bits(x)))
    assert found[:3] == found[3:]


def test_an_array_from_outside_is_written_in_each_call():
    found = []
    for hybrid in (False, True):
        kept = [nd.zeros((2,)), nd.ones((2,))]

        def function(x, kept=kept):
            kept[0][1] += 1
            part = kept[1]
            part *= 2
            return x + kept[0] * kept[1]

        block = Function(function)
        block.hybridize(hybrid)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found.append([bits(block(nd.ones((2,)))) for _ in range(4)])
    assert found[0] == found[1]


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


def test_a_masked_part_that_is_looked_at_has_no_plan():
    """A program may ask whether it is an array: it is one in eager calls."""
    net = nn.HybridLambda(lambda F, x: [y * 2 for y in [x[x > 0]] if isinstance(y, np.ndarray)])
    net.hybridize()
    with pytest.warns(UserWarning, match="runs eagerly"):
        assert [y.shape for y in net(np.array([1.0, -1.0, 2.0]))] == [(2,)]
