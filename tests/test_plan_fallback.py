"""hybridize() never refuses: what a plan cannot hold runs eagerly, and one warning says why."""

import copy
import math
import re
import warnings
from argparse import Namespace
from collections import OrderedDict, defaultdict, deque
from dataclasses import dataclass

import numpy
import pytest

import microlazy as mx
from microlazy import autograd, nd, np
from microlazy.gluon import HybridBlock, nn


class Function(HybridBlock):
    """A function of arrays as a block, which counts how often its Python code runs."""

    def __init__(self, function):
        super().__init__()
        self.function, self.calls = function, bytearray(1)  # plans see no change in that

    def forward(self, *args):
        self.calls[0] += 1
        return self.function(*args)


def planned(function):
    """The function as a hybridized block."""
    block = Function(function)
    block.hybridize()
    return block


def warned(call, *args):
    """What a call returns, and the texts of its warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = call(*args)
    return result, [str(w.message) for w in caught]


def halve(x):
    return x * 0.5 if x.sum() > 10 else x * 2


CANNOT_BE_PLANNED = {
    "branch": (lambda x: x if x.sum() > 0 else -x, "values"),
    "number": (lambda x: x * float(x.sum().asscalar()), "values"),
    "asnumpy": (lambda x: x * x.asnumpy().max(), "values"),
    "loop": (lambda x: sum((x for _ in range(int(x[0].asscalar()))), x), "values"),
    "nonzero": (lambda x: mx.np.nonzero(x.as_np_ndarray())[0].as_nd_ndarray(), "shape.*values"),
    "mask": (lambda x: x.as_np_ndarray()[x.as_np_ndarray() > 1].as_nd_ndarray(), "values"),
}


@pytest.mark.parametrize("name", CANNOT_BE_PLANNED)
def test_what_a_plan_cannot_hold_runs_eagerly_and_one_warning_says_why(name):
    function, reason = CANNOT_BE_PLANNED[name]
    block, x = planned(function), nd.array([1.0, 2.0])
    result, texts = warned(block, x)
    assert (result.asnumpy() == function(x).asnumpy()).all()
    assert len(texts) == 1
    assert re.search(rf"'function\d+' .*runs eagerly because of line \d+ of .*{reason}", texts[0])
    assert __file__ in texts[0]
    again, texts = warned(block, x * 3)
    assert (again.asnumpy() == function(x * 3).asnumpy()).all()
    assert texts == []


def test_the_warning_stands_at_the_line_of_the_call():
    net = Around()
    net.hybridize()
    with pytest.warns(UserWarning, match="runs eagerly") as caught:
        net(nd.ones((2,)))
    assert [w.filename for w in caught] == [__file__]


def test_results_that_are_no_arrays_of_ours():
    block = planned(lambda x: x.asnumpy())
    result, texts = warned(block, nd.ones((2,)))
    assert result.tolist() == [1, 1]
    assert len(texts) == 1


def test_gradients_follow_the_branch_that_was_taken():
    block = planned(halve)
    for values, slope in (([1.0, 2.0], 2.0), ([10.0, 20.0], 0.5), ([1.0, 2.0], 2.0)):
        x = nd.array(values)
        x.attach_grad()
        with autograd.record():
            y, _ = warned(block, x)
        y.backward()
        assert x.grad.asnumpy().tolist() == [slope, slope]


def test_each_mode_falls_back_by_itself():
    block = planned(lambda x: halve(x) if autograd.is_training() else x + 1)
    x = nd.ones((2,))
    for _ in range(3):
        assert warned(block, x)[0].asnumpy().tolist() == [2, 2]
    assert block.calls[0] == 1, "a plan"
    with autograd.train_mode():
        for _ in range(3):
            assert warned(block, x)[0].asnumpy().tolist() == [2, 2]
    assert block.calls[0] == 1 + 4, "one trace, and three eager calls"
    assert block(x).asnumpy().tolist() == [2, 2]
    assert block.calls[0] == 5


class Around(HybridBlock):
    """A block that decides on values between two that do not."""

    def __init__(self):
        super().__init__()
        self.before, self.middle = Function(lambda x: x * 2), Function(halve)
        self.after = Function(lambda x: x + 1)

    def forward(self, x):
        return self.after(self.middle(self.before(x)))


def test_the_blocks_beside_keep_their_plans_and_one_warning_is_given():
    net = Around()
    net.hybridize()
    outer = nn.HybridSequential()
    outer.add(net)
    outer.hybridize()
    texts = []
    for i in range(5):
        result, more = warned(outer, nd.ones((2,)) * i)
        assert result.asnumpy().tolist() == [(2 * i) * (0.5 if 4 * i > 10 else 2) + 1] * 2
        texts += more
    assert len(texts) == 1
    assert "middle" in texts[0]
    before, after = net.before.calls[0], net.after.calls[0]
    outer(nd.ones((2,)))
    assert (net.before.calls[0], net.after.calls[0]) == (before, after), "replayed"


def test_deferred_parameters_of_a_block_that_falls_back():
    values = []
    for hybrid in (False, True):
        mx.random.seed(1)
        net = nn.HybridSequential()
        net.add(nn.Dense(3), Function(halve), nn.Dense(2))
        net.initialize(mx.init.Xavier())
        net.hybridize(hybrid)
        for _ in range(2):
            y, _ = warned(net, nd.ones((2, 4)))
        values.append(
            [a.asnumpy().tobytes() for a in (y, *(p.data() for p in net.collect_params().values()))]
        )
    assert values[0] == values[1]


def test_an_error_of_an_eager_call_is_the_error():
    def function(x):
        if x.sum() > 0:
            raise KeyError("positive")
        return x

    block = planned(function)
    with pytest.raises(KeyError, match="positive") as caught:
        block(nd.ones((2,)))
    assert caught.value.__context__ is None
    result, texts = warned(block, nd.zeros((2,)))
    assert result.asnumpy().tolist() == [0, 0]
    assert len(texts) == 1


def test_random_numbers_are_those_of_eager_calls():
    def function(x):
        y = nd.Dropout(x, p=0.5)
        return y if y.sum() > 0 else y + nd.random.uniform(shape=(50,))

    found = []
    for call in (function, planned(function)):
        mx.random.seed(3)
        with autograd.train_mode():
            found.append([warned(call, nd.ones((50,)))[0].asnumpy().tolist() for _ in range(3)])
    assert found[0] == found[1]


# ---- attributes --------------------------------------------------------------------------------


class Scaled(HybridBlock):
    def __init__(self):
        super().__init__()
        self.scale, self.shape = 2.0, (2,)

    def forward(self, x):
        return x.reshape(self.shape) * self.scale


def test_an_attribute_that_forward_reads_is_seen():
    inner = Scaled()
    net = nn.HybridSequential()
    net.add(inner)
    net.hybridize()
    assert net(nd.ones((2,))).asnumpy().tolist() == [2, 2]
    inner.scale = 5
    assert net(nd.ones((2,))).asnumpy().tolist() == [5, 5]
    inner.shape = (1, 2)
    assert net(nd.ones((2,))).shape == (1, 2)
    inner.scale = 5.0
    assert net(nd.ones((2,))).asnumpy().tolist() == [[5, 5]]


def test_an_attribute_set_to_the_same_value_keeps_the_plan():
    block = planned(lambda x: x * 2)
    block.factor = 3
    block(nd.ones((2,)))
    for _ in range(3):
        block.factor, block.sizes = 3, (2, 3)
        block(nd.ones((2,)))
    assert block.calls[0] == 2, "`sizes` was new once"


class Settings:
    def __init__(self):
        self.factor = 3

    def __call__(self):
        return self.factor


@dataclass(slots=True)
class Slots:
    factor: int = 3


class Options(dict):
    """A dict with attributes of its own."""


class Factors(list):
    """A list with attributes of its own."""


def itself():
    held = [3]
    held.append(held)
    return held


HELD = {
    "a list": ([3, 1], lambda held: held[0], lambda held: held.__setitem__(0, 5)),
    "a longer list": ([3], sum, lambda held: held.append(2)),
    "a dict": ({"factor": 3}, lambda held: held["factor"], lambda held: held.update(factor=5)),
    "a dict of another class": (
        OrderedDict(factor=3),
        lambda held: held["factor"],
        lambda held: held.update(factor=5),
    ),
    "a set": ({1, 2, 3}, len, lambda held: held.update((4, 5))),
    "a list in a tuple in a dict": (
        {"a": (1, [3])},
        lambda held: held["a"][1][0],
        lambda held: held["a"][1].__setitem__(0, 5),
    ),
    "an object": (
        Settings(),
        lambda held: held.factor,
        lambda held: setattr(held, "factor", 5),
    ),
    "an object that is called": (
        Settings(),
        lambda held: held(),
        lambda held: setattr(held, "factor", 5),
    ),
    "an object with slots": (
        Slots(),
        lambda held: held.factor,
        lambda held: setattr(held, "factor", 5),
    ),
    "a dict of a program's class": (
        Options(factor=3),
        lambda held: held["factor"],
        lambda held: held.update(factor=5),
    ),
    "a list of a program's class": (Factors([3]), sum, lambda held: held.append(2)),
    "an attribute of a list": (
        Factors(),
        lambda held: getattr(held, "factor", 3),
        lambda held: setattr(held, "factor", 5),
    ),
    "the order of a dict": (
        OrderedDict(a=3, b=5),
        lambda held: next(iter(held.values())),
        lambda held: held.move_to_end("a"),
    ),
    "a queue": (deque([3]), lambda held: held[0], lambda held: held.appendleft(5)),
    "a list that holds itself": (
        itself(),
        lambda held: held[1][0],
        lambda held: held.__setitem__(0, 5),
    ),
    "a namespace of options": (
        Namespace(factors=[3]),
        lambda held: held.factors[0],
        lambda held: held.factors.__setitem__(0, 5),
    ),
    "a NumPy array": (
        numpy.full((2,), 3.0, "float32"),
        nd.array,
        lambda held: held.__setitem__(slice(None), 5),
    ),
    "an array in a list": (
        [nd.full((2,), 3)],
        lambda held: held[0],
        lambda held: held.__setitem__(0, nd.full((2,), 5)),
    ),
}


@pytest.mark.parametrize("name", HELD)
@pytest.mark.parametrize("below", [False, True], ids=["own", "child's"])
def test_a_change_in_what_an_attribute_holds_is_seen(name, below):
    held, factor, change = copy.deepcopy(HELD[name][0]), *HELD[name][1:]
    block = inner = Function(lambda x: x * factor(inner.held))
    inner.held = held
    inner.initialize()
    if below:
        block = nn.HybridSequential()
        block.add(inner)
    block.hybridize()
    for _ in range(3):
        y, texts = warned(block, nd.ones((2,)))
        assert (y.asnumpy().tolist(), texts) == ([3, 3], [])
    assert inner.calls[0] == 1, "a plan"
    change(held)
    for _ in range(3):
        y, texts = warned(block, nd.ones((2,)))
        assert (y.asnumpy().tolist(), texts) == ([5, 5], [])
    assert inner.calls[0] == 2, "another plan"


def test_equal_numbers_put_into_a_list_keep_the_plan():
    block = planned(lambda x: x * block.held[0])
    block.held, block.array = [1234.5], numpy.ones(2)
    for _ in range(3):
        block.held[0] = float("1234.5")
        block(nd.ones((2,)))
    assert block.calls[0] == 1


def count_in_dict(held):
    held["count"] = held.get("count", 0) + 1
    return held["count"]


def count_in_set(held):
    held.add(len(held))
    return len(held)


def count_in_list(held):
    held.append(None)
    return len(held)


def count_in_array(held):
    held += 1
    return float(held[0])


def count_in_slots(held):
    held.factor += 1
    return held.factor


def count_in_object(held):
    return count_in_dict(vars(held))


COUNTERS = [
    (dict, count_in_dict),
    (set, count_in_set),
    (list, count_in_list),
    (lambda: numpy.zeros(1), count_in_array),
    (Namespace, count_in_object),
    (Settings, count_in_object),
    (Factors, count_in_list),
    (deque, count_in_list),
    (lambda: Slots(0), count_in_slots),
]


@pytest.mark.parametrize(("make", "count_up"), COUNTERS)
def test_a_counter_that_an_attribute_holds_counts(make, count_up):
    class Counts(HybridBlock):
        def __init__(self):
            super().__init__()
            self.held = make()

        def forward(self, x):
            return x * count_up(self.held)

    block = Counts()
    block.hybridize()
    texts = []
    for count in range(1, 5):
        y, more = warned(block, nd.ones((1,)))
        assert y.asscalar() == count
        texts += more
    assert len(texts) == 1
    assert "changes what a list, a dict, a set, an object or a NumPy array" in texts[0]


def test_a_list_that_grew_long_while_a_plan_was_tried_is_as_before():
    def forward(x):
        block.held.extend([None] * 300)
        return x * len(block.held)

    block = planned(forward)
    block.held = [None]
    assert (block(nd.ones((1,))).asscalar(), len(block.held)) == (301, 301)


def test_what_is_prepared_once_for_each_shape_does_not_cost_the_plans():
    block = Function(lambda x: x * block.sizes.setdefault(x.shape, len(block.sizes)))
    block.sizes = {}
    block.hybridize()
    for _ in range(4):
        for n in range(1, 4):
            y, texts = warned(block, nd.ones((n,)))
            assert (y.asnumpy().tolist(), texts) == ([n - 1] * n, [])
    assert block.calls[0] == 3 * 3, "of each, a trace and an eager call, and a trace for the plan"


def test_a_deleted_attribute_is_seen():
    block = planned(lambda x: x * getattr(block, "factor", 2))
    block.factor = 3
    assert [block(nd.ones((1,))).asscalar() for _ in range(3)] == [3, 3, 3]
    del block.factor
    assert [block(nd.ones((1,))).asscalar() for _ in range(3)] == [2, 2, 2]


def test_zeros_of_different_signs_are_different():
    block = planned(lambda x, sign: np.copysign(x, block.held[0]) * np.copysign(x, sign))
    block.held = [0.0]
    for held in (0.0, -0.0):
        block.held[0] = held
        for sign in (0.0, -0.0):
            for _ in range(2):
                expected = math.copysign(1, held) * math.copysign(1, sign)
                assert block(np.ones((1,)), sign).tolist() == [expected]


def test_large_containers_are_data():
    block = planned(lambda x: x * block.words["a"])
    block.words = dict.fromkeys("abc", 1) | {i: i for i in range(1000)}
    block(nd.ones((2,)))
    block.words["new"] = 3
    block(nd.ones((2,)))
    assert block.calls[0] == 1


class Keeps(HybridBlock):
    def forward(self, x):
        self.h = x * 3
        return self.h * 2


def test_an_array_kept_in_an_attribute_is_that_of_the_last_call():
    block, texts = Keeps(), []
    block.hybridize()
    for i in range(4):
        x = nd.ones((2,)) * i
        x.attach_grad()
        with autograd.record():
            y, more = warned(block, x)
            through = y + block.h * block.h
        through.backward()
        texts += more
        assert block.h.asnumpy().tolist() == [3 * i] * 2
        assert x.grad.asnumpy().tolist() == [6 + 18 * i] * 2
    assert len(texts) == 1
    assert "changes the attribute 'h'" in texts[0]


def test_an_input_kept_in_an_attribute():
    class KeepsInput(HybridBlock):
        def forward(self, x):
            self.kept = x
            return x * 2

    block = KeepsInput()
    block.hybridize()
    for i in range(3):
        x = nd.ones((2,)) * i
        warned(block, x)
        assert block.kept is x


def test_a_counter_counts():
    class Counts(HybridBlock):
        def __init__(self):
            super().__init__()
            self.count = 0

        def forward(self, x):
            self.count += 1
            return x * self.count

    block = Counts()
    block.hybridize()
    counts = [warned(block, nd.ones((1,)))[0].asscalar() for _ in range(5)]
    eager = Counts()
    expected = [eager(nd.ones((1,))).asscalar() for _ in range(5)]
    assert counts == expected == [1, 2, 3, 4, 5]


def test_what_forward_prepares_once_does_not_cost_the_plan():
    class Prepares(Function):
        def __init__(self):
            super().__init__(lambda x: x)
            self.mask = None

        def forward(self, x):
            self.calls[0] += 1
            if self.mask is None:
                self.mask = nd.array([0, 1])
            return x * self.mask

    block = Prepares()
    block.hybridize()
    texts = []
    for _ in range(5):
        y, more = warned(block, nd.ones((2,)))
        assert y.asnumpy().tolist() == [0, 1]
        texts += more
    assert texts == []
    assert block.calls[0] == 3, "a trace and an eager call, and a trace that became the plan"


def test_an_array_kept_in_a_list_is_that_of_each_call():
    kept = []

    def function(x):
        kept.append(x + 1)
        return kept[-1] * 2

    block, texts = planned(function), []
    for i in range(3):
        texts += warned(block, nd.ones((2,)) * i)[1]
    assert len(texts) == 1
    assert re.search(r"what add computed, of shape \(2,\), is kept", texts[0])
    assert [a.asnumpy().tolist() for a in kept if not a.is_abstract] == [[1, 1], [2, 2], [3, 3]]


def test_garbage_is_not_taken_for_a_kept_array():
    def function(x):
        holder = [x * 2]
        holder.append(holder)
        return holder[0] + 1

    block = planned(function)
    _, texts = warned(block, nd.ones((2,)))
    assert texts == []
    block(nd.ones((2,)))
    assert block.calls[0] == 1


# ---- writes in place, inside -------------------------------------------------------------------


@pytest.mark.parametrize("recording", [False, True])
def test_writes_in_place_inside(recording):
    def function(x, mask):
        y = x * 2
        y[0] = 5
        y[mask.asnumpy() > 0] = 7
        y[1:] += x[1:]
        return y * y

    found = []
    for call in (function, planned(function)):
        x = nd.array([1.0, 2.0, 3.0])
        x.attach_grad()
        for _ in range(2):
            with autograd.record() if recording else autograd.pause():
                y, _ = warned(call, x, nd.array([0, 0, 1]))
            if recording:
                y.backward()
        found.append([y.asnumpy().tolist(), x.grad.asnumpy().tolist()])
    assert found[0] == found[1]


# ---- gradients of gradients --------------------------------------------------------------------


def slopes(call, values):
    """First, second and third derivatives, each by create_graph but the last."""
    x = nd.array(values)
    x.attach_grad()
    with autograd.record():
        y = call(x)
        first = autograd.grad(y, x, create_graph=True)[0]
        second = autograd.grad(first, x, create_graph=True)[0]
    second.backward()
    return [a.asnumpy().tobytes() for a in (y, first, second, x.grad)]


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x * x * x,
        lambda x: nd.tanh(nd.exp(x) * x),
        lambda x: (x.reshape((2, 1)) * x).sum(axis=0),
        lambda x: nd.concat(x, nd.sin(x), dim=0) ** 2,
    ],
)
def test_gradients_of_gradients(function):
    block = planned(function)
    for values in ([0.5, -1.0], [2.0, 0.25]):
        assert slopes(block, values) == slopes(function, values)
    assert block.calls[0] == 2, "what was differentiated twice is not run again"


def test_gradients_of_gradients_of_a_network():
    found = []
    for hybrid in (False, True):
        mx.random.seed(2)
        net = nn.HybridSequential()
        net.add(nn.Dense(5, activation="tanh"), nn.LayerNorm(), nn.Dropout(0.3), nn.Dense(1))
        net.initialize(mx.init.Xavier())
        net.hybridize(hybrid)
        x = nd.array(numpy.random.default_rng(0).normal(size=(4, 3)))
        x.attach_grad()
        for _ in range(3):
            with autograd.record():
                y = net(x)
                slope = autograd.grad(y, x, create_graph=True, retain_graph=True)[0]
                penalty = ((slope**2).sum(axis=1) - 1) ** 2
                total = y.sum() + penalty.sum()
            total.backward()
            grads = [p.grad() for p in net.collect_params().values()]
            found.append([a.asnumpy().tobytes() for a in (total, x.grad, *grads)])
    assert found[:3] == found[3:]


def test_a_block_called_twice_before_gradients_of_gradients():
    def value(call):
        x = nd.array([0.5, 2.0])
        x.attach_grad()
        with autograd.record():
            y = call(call(x))
            slope = autograd.grad(y, x, create_graph=True)[0]
            z = slope * call(x)
        z.backward()
        return [a.asnumpy().tobytes() for a in (y, slope, x.grad)]

    block = planned(lambda x: nd.sin(x) * x)
    for _ in range(3):
        assert value(block) == value(block.function)


@pytest.mark.parametrize("retain", [False, True])
def test_gradients_of_gradients_after_ordinary_ones(retain):
    def function(x):
        for _ in range(3):
            x = nd.tanh(x * 2 + 1) * x + nd.exp(x * 0.1)
        return x

    def value(call, x):
        with autograd.record():
            y = call(x)
        y.backward(retain_graph=retain)
        first = x.grad.copy()
        with autograd.record():
            if not retain:
                y = call(x)
            slope = autograd.grad(y, x, create_graph=True)[0]
            z = slope * slope + y
        z.backward()
        return [a.asnumpy().tobytes() for a in (y, first, slope, x.grad)]

    x = nd.array([0.5, 0.25, -0.5])
    x.attach_grad()
    block = planned(function)
    for _ in range(3):
        assert value(block, x) == value(function, x)


def test_a_loop_of_gradients_of_gradients_makes_no_plans_without_end():
    block = planned(lambda x: x * x * x)
    for n in range(1, 30):
        x = nd.array([float(n)])
        x.attach_grad()
        with autograd.record():
            slope = autograd.grad(block(x), x, create_graph=True)[0]
        slope.backward()
        assert x.grad.asscalar() == 6 * n
    calls = block.calls[0]
    assert calls == 8 + (29 - 8), "a trace for each plan, then an eager call each time"
    block(x)
    block(x)
    assert block.calls[0] == calls + 1, "outside record() there is a plan"


class Named(dict):
    """A dict that is more than its keys."""

    def __init__(self, name):
        super().__init__()
        self.name = name


@pytest.mark.parametrize("make", [lambda: Named("n"), lambda: defaultdict(list), OrderedDict, dict])
def test_a_dict_of_any_class_comes_back_as_it_was_made(make):
    class Net(HybridBlock):
        def forward(self, x):
            out = make()
            out["y"] = x * 2
            return out

    net, eager, x = Net(), Net(), nd.ones((2,))
    net.hybridize()
    expected = eager(x)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # some run eagerly
        for _ in range(2):
            out = net(x)
            assert type(out) is type(expected)
            assert out["y"].asnumpy().tolist() == [2, 2]
            for name in ("name", "default_factory"):
                assert getattr(out, name, None) == getattr(expected, name, None)
