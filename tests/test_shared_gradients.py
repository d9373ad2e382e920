"""A gradient that passes through sums and reshapes lies where several nodes read it."""

import numpy
import pytest
from numpy.testing import assert_allclose

from microlazy import autograd, np, npx
from microlazy.base import MXNetError
from microlazy.core.storage import empty_cache, memory_info
from microlazy.gluon import nn


def leaf(seed, *shape):
    x = np.array(numpy.random.default_rng(seed).normal(size=shape), dtype="float64")
    x.attach_grad()
    return x


def differences(function, *arrays, step=1e-6):
    """Central differences of a scalar function by each element of each array."""
    found = []
    for k, x in enumerate(arrays):
        slope = numpy.zeros(x.shape)
        for place in numpy.ndindex(x.shape):
            ends = []
            for sign in 1, -1:
                values = [y.asnumpy().copy() for y in arrays]
                values[k][place] += sign * step
                ends.append(float(function(*[np.array(v, dtype="float64") for v in values])))
            slope[place] = (ends[0] - ends[1]) / (2 * step)
        found.append(slope)
    return found


def both_read_and_add(x, y):
    h, k = np.tanh(x), np.exp(y)
    s = h + k  # h and k share one gradient, and get more of their own
    return (np.sin(s) * 2 + h * h - k * s).sum()


def the_same_twice(x, y):
    h = np.tanh(x)
    return ((h + h) * (h + y) + (h + 1.0) * (h - 2.0)).sum()


def chain_of_sums(x, y):
    h = np.sin(x)
    for _ in range(5):
        h = h + np.cos(h) * y
    return h.sum()


def reshaped(x, y):
    h = np.exp(x)
    r = h.reshape(-1) + y.reshape(-1)
    return (r.reshape(3, 2) * h.reshape(3, 2) + r.reshape(3, 2)).sum() + (h.T + 1).sum()


def unused_branch(x, y):
    h = np.sin(x) + np.cos(y)
    return (h + np.ones_like(h)).sum() + (h * x).sum()


def dropped(x, y):
    h = np.tanh(x)
    return (npx.relu(h + y) + npx.relu(h) + (h + y)).sum()


PROGRAMS = (both_read_and_add, the_same_twice, chain_of_sums, reshaped, unused_branch, dropped)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda f: f.__name__)
def test_gradients(program):
    x, y = leaf(1, 2, 3), leaf(2, 2, 3)
    expected = differences(program, x, y)
    with autograd.record():
        z = program(x, y)
    z.backward(retain_graph=True)
    once = [a.grad.asnumpy().copy() for a in (x, y)]
    for found, wanted in zip(once, expected, strict=True):
        assert_allclose(found, wanted, rtol=1e-6, atol=1e-7)
    z.backward()
    for a, before in zip((x, y), once, strict=True):
        assert (a.grad.asnumpy() == before).all()
    with autograd.record():
        slopes = autograd.grad(program(x, y), [x, y], create_graph=True)
    for found, wanted in zip(slopes, expected, strict=True):
        assert_allclose(found.asnumpy(), wanted, rtol=1e-6, atol=1e-7)


def test_gradients_handed_out_are_arrays_of_their_own():
    x = leaf(1, 4)
    with autograd.record():
        a, b = np.sin(x), np.cos(x)
        s = a + b
        y = (s.reshape(2, 2) * 3).sum()
    for by in ([a, b], [s, a], [a, b, s, x]):
        grads = autograd.grad(y, by, retain_graph=True)
        before = [g.asnumpy().copy() for g in grads]
        for g in grads:
            g[:] = 7
            for other, kept in zip(grads, before, strict=True):
                if other is not g:
                    assert (other.asnumpy() == kept).all()
            g[:] = np.array(before[[h is g for h in grads].index(True)], dtype="float64")
    y.backward()
    head = np.ones((4,), dtype="float64")
    with autograd.record():
        y = np.sin(x) + np.cos(x)
    y.backward(head)
    assert (head.asnumpy() == 1).all()


class Scribbler(autograd.Function):
    """Writes to the gradient it is given."""

    def forward(self, x):
        return x * 2

    def backward(self, g):
        g *= 2
        return g


def test_a_function_that_writes_to_its_gradient_changes_no_other():
    x = leaf(3, 5)
    with autograd.record():
        h = np.sin(x)
        y = (Scribbler()(h) + h).sum()
    y.backward()
    assert_allclose(x.grad.asnumpy(), 3 * numpy.cos(x.asnumpy()))


def test_grad_req_add_keeps_adding():
    x = leaf(4, 3)
    x.attach_grad("add")
    for times in 1, 2, 3:
        with autograd.record():
            h = x + 1
            y = (h + x).reshape(3, 1).sum()
        y.backward()
        assert (x.grad.asnumpy() == 2 * times).all()


def test_hybridized_blocks_between_sums():
    npx.set_np()
    net = nn.Dense(3, in_units=3, dtype="float64")
    net.initialize()
    x = leaf(5, 2, 3)

    def run():
        with autograd.record():
            h = np.tanh(x)
            y = net(h + x)
            z = (y + h + net(y + h)).sum()
        z.backward()
        return [x.grad.asnumpy().copy(), net.weight.grad().asnumpy().copy()]

    eager = run()
    net.hybridize()
    for _ in range(3):
        for found, expected in zip(run(), eager, strict=True):
            assert_allclose(found, expected, rtol=1e-12)


HEADS = {
    "an array of its own": lambda gradient: gradient.copy(),
    "the leaf's gradient": lambda gradient: gradient,
    "a view of it": lambda gradient: gradient.reshape(-1).reshape(gradient.shape),
    "its memory by NumPy": lambda gradient: np.from_numpy(numpy.asarray(gradient)),
}


@pytest.mark.parametrize("head_of", HEADS.values(), ids=HEADS)
@pytest.mark.parametrize("grad_req", ["write", "add"])
def test_a_head_gradient_may_be_what_is_written(head_of, grad_req):
    values = numpy.random.default_rng(3).normal(size=(2, 6, 8))
    x = np.array(values[0], dtype="float64")
    x.attach_grad(grad_req)
    x.grad[:] = values[1]
    head = head_of(x.grad)
    with autograd.record():
        y = npx.softmax(np.tanh(x) + x)
    y.backward(head)
    t = numpy.tanh(values[0])
    s = numpy.exp(t + values[0])
    s /= s.sum(-1, keepdims=True)
    slope = s * (values[1] - (s * values[1]).sum(-1, keepdims=True)) * (2 - t * t)
    assert_allclose(x.grad.asnumpy(), slope + (values[1] if grad_req == "add" else 0), 1e-12, 1e-14)


def test_a_head_gradient_that_is_read_where_it_lies_is_not_written_to():
    x, head = leaf(4, 3, 4), leaf(5, 3, 4)
    before = head.asnumpy().copy()
    with autograd.record():
        h = np.sin(x)
        y = (h + x) + (h + np.exp(h))  # sums that hand the head's gradient on, and get more
    y.backward(head, retain_graph=True)
    first = x.grad.asnumpy().copy()
    y.backward(head)
    h = numpy.sin(x.asnumpy())
    assert_allclose(first, before * (1 + numpy.cos(x.asnumpy()) * (2 + numpy.exp(h))), 1e-12)
    assert_allclose(x.grad.asnumpy(), first, 0)
    assert (head.asnumpy() == before).all()


SIDE = 400  # long enough that threads share the copies


def large(seed):
    x = np.array(numpy.random.default_rng(seed).normal(size=(SIDE, SIDE)), dtype="float64")
    x.attach_grad()
    return x


def test_a_large_head_gradient_stays_the_programs():
    x, y = large(1), large(2)
    head = np.array(numpy.random.default_rng(3).normal(size=(SIDE, SIDE)), dtype="float64")
    before = head.asnumpy().copy()
    with autograd.record():
        s = x + y  # hands its gradient to both leaves
        h = np.exp(x)
        joined = s + h
    autograd.backward([joined, s, h], [head, head, head])  # s and h get more than one
    numpy.testing.assert_array_equal(head.asnumpy(), before)
    assert_allclose(x.grad.asnumpy(), 2 * before + 2 * before * numpy.exp(x.asnumpy()))
    assert_allclose(y.grad.asnumpy(), 2 * before)
    head[:] = 0
    assert_allclose(y.grad.asnumpy(), 2 * before)


@pytest.mark.parametrize("hybridize", [False, True])
def test_a_leafs_gradient_can_be_the_head_gradient(hybridize):
    class Rolled(nn.HybridBlock):
        def forward(self, x):
            return np.roll(x, 7, axis=0)  # whose gradient is written in two pieces

    net = Rolled()
    net.initialize()
    if hybridize:
        net.hybridize()
    x = large(4)
    for _ in range(2):
        given = numpy.random.default_rng(5).normal(size=(SIDE, SIDE))
        x.grad[:] = given
        with autograd.record():
            y = net(x)
        y.backward(x.grad)
        assert_allclose(x.grad.asnumpy(), numpy.roll(given, -7, axis=0))


def test_a_large_head_gradient_is_not_copied():
    x = large(6)
    head = np.ones((SIDE, SIDE), dtype="float64")
    with autograd.record():
        y = np.negative(x)
    assert (x.grad.asnumpy() == 0).all()  # so its memory is there
    empty_cache()
    before = memory_info()["allocated"]
    y.backward(head)
    assert memory_info()["allocated"] - before < head.nbytes
    assert (x.grad.asnumpy() == -1).all()


def test_a_gradient_recorded_before_goes_on_from_its_own_gradient():
    x = leaf(7, 2, 3)
    with autograd.record():
        slope = autograd.grad((x**3).sum(), x, create_graph=True)[0]
        z = slope * slope
    z.backward(np.ones_like(x))  # of the shape that the slope has
    assert_allclose(x.grad.asnumpy(), 36 * x.asnumpy() ** 3)


@pytest.mark.parametrize("req", ["write", "add"])
def test_several_head_gradients_are_read_where_they_lie(req):
    x = leaf(8, 3, 4)
    x.attach_grad(req)
    heads = [np.array(w * numpy.ones((3, 4)), dtype="float64") for w in (2.0, 3.0)]
    with autograd.record():
        h = np.tanh(x)
        ys = [h * 2, h.reshape(3, 4)]
    autograd.backward([*ys, h], [*heads, heads[0]])
    slope = 1 - numpy.tanh(x.asnumpy()) ** 2
    assert_allclose(x.grad.asnumpy(), slope * (2 * 2 + 3 + 2))
    assert [float(w.asnumpy().mean()) for w in heads] == [2.0, 3.0]


def test_one_of_several_head_gradients_can_be_a_leafs():
    x, y = leaf(9, 4), leaf(10, 4)
    given = numpy.arange(4.0)
    x.grad[:] = given
    with autograd.record():
        heads = [np.flip(x * 1.0), y * 3.0]
    autograd.backward(heads, [x.grad, x.grad])
    assert_allclose(x.grad.asnumpy(), given[::-1])
    assert_allclose(y.grad.asnumpy(), 3 * given)


def test_more_head_gradients_than_are_compared_are_added_up():
    x = leaf(11, 3)
    with autograd.record():
        heads = [x * float(k) for k in range(100)]
    autograd.backward(heads, [np.ones(3, dtype="float64")] * 100)
    assert_allclose(x.grad.asnumpy(), sum(range(100)))


def halves(x):
    return np.split(x, 2, axis=1)


def slices(x):
    return np.unstack(x, axis=2)


def shrinking(x):
    return np.split(x, [1, 1, 3], axis=-1)


def crossing(x):  # its parts share elements
    return np.split(x, [3, 1], axis=1)


@pytest.mark.parametrize("cut", [halves, slices, shrinking, crossing])
@pytest.mark.parametrize("req", ["write", "add"])
def test_parts_write_their_gradients_side_by_side(cut, req):
    def function(x, used):
        parts = cut(np.sin(x))
        return sum((p**3).sum() * (k + 1) for k, p in enumerate(parts) if k in used)

    for used in ({0, 1, 2, 3}, {1}, {0}):
        x = leaf(12, 2, 4, 4)
        x.attach_grad(req)
        with autograd.record():
            y = function(x, used)
        y.backward()
        (expected,) = differences(lambda v: function(v, used), x)  # noqa: B023
        assert_allclose(x.grad.asnumpy(), expected, atol=1e-8)


@pytest.mark.parametrize("cut", [halves, slices])
def test_gradients_of_parts_are_differentiated_again(cut):
    def slope(x):
        first, second, *_ = cut(x)
        return autograd.grad((first * second**2).sum(), x, create_graph=True)[0]

    def size_of_slope(x):
        x.attach_grad()
        with autograd.record():
            return (slope(x) ** 2).sum()

    x = leaf(13, 2, 4, 3)
    (expected,) = differences(size_of_slope, x)
    size_of_slope(x).backward()
    assert_allclose(x.grad.asnumpy(), expected, rtol=1e-6, atol=1e-7)


def test_parts_of_a_freed_graph_are_refused_by_name():
    x = leaf(14, 2, 4)
    with autograd.record():
        first, second = halves(x)
    first.backward()
    with pytest.raises(MXNetError, match="its split op"):
        second.backward()
