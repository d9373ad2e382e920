"""Hooks that see each op of a block."""

import copy
import threading

import pytest

from microlazy import autograd, gluon, nd, np
from microlazy.gluon import nn
from microlazy.test_utils import same as same_values


def make_net():
    net = nn.HybridSequential(prefix="net_")
    with net.name_scope():
        net.add(nn.Dense(3, activation="tanh"), nn.Dense(2))
    net.initialize()
    return net


def same(x, y):
    return x.shape == y.shape and same_values(x.asnumpy(), y.asnumpy())


class Seen(list):
    def __call__(self, name, op, array):
        self.append((name, op, array))


def test_each_op_is_shown_once_with_the_name_of_its_block():
    net, seen = make_net(), Seen()
    x = nd.random.normal(shape=(4, 5))
    expected = net(x)
    net.register_op_hook(seen)
    y = net(x)
    assert same(y, expected)
    names = [name for name, _, _ in seen]
    assert len(set(names)) == len(names) > 2
    assert {name.split("_")[1] for name in names} == {"dense0", "dense1"}
    assert all(name.startswith("net_dense") and name.endswith("_output") for name in names)
    assert all(
        name.removesuffix("_output").rstrip("0123456789").endswith(op) for name, op, _ in seen
    )
    (tanh,) = (array for _, op, array in seen if op == "tanh")
    assert type(tanh) is nd.NDArray and tanh.shape == (4, 3)
    hidden = net[0](x)
    assert same(tanh, hidden) and same(seen[-1][2], hidden)
    assert same(seen[len(names) - 1][2], y)


def test_all_of_an_op_is_its_inputs_first():
    layer, seen = nn.Dense(2, in_units=3, prefix="d_"), Seen()
    layer.initialize()
    layer.register_op_hook(seen, monitor_all=True)
    x = nd.ones((1, 3))
    y = layer(x)
    op = seen[-1][1]
    inputs = [array for name, _, array in seen if name.startswith(f"d_{op}0_input")]
    assert any(same(array, x) for array in inputs)
    assert any(array.shape == (2, 3) for array in inputs)
    assert seen[-1][0] == f"d_{op}0_output" and same(seen[-1][2], y)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_hybridized_network_runs_eagerly_until_the_hook_is_gone(when):
    net, seen = make_net(), Seen()
    if when == "before":
        net.hybridize()
        net(nd.ones((1, 5)))
    hook = net.register_op_hook(seen)
    if when == "after":
        with pytest.warns(UserWarning, match="runs eagerly"):
            net.hybridize()
    net(nd.ones((1, 5)))
    count = len(seen)
    assert count
    net(nd.ones((1, 5)))
    assert len(seen) == 2 * count
    hook.detach()
    hook.detach()
    net(nd.ones((1, 5)))
    assert len(seen) == 2 * count
    with net[1].register_op_hook(seen):
        net(nd.ones((1, 5)))
    assert {name.split("_")[1] for name, _, _ in seen[2 * count :]} == {"dense1"}


def test_initializers_and_the_callback_itself_are_not_shown():
    names = []

    def callback(name, op, array):
        names.append(name)
        (array * 2).sum()

    layer = nn.Dense(3, prefix="d_")
    layer.initialize()
    layer.register_op_hook(callback)
    layer(nd.ones((1, 2)))
    first = list(names)
    layer(nd.ones((1, 2)))
    assert names == first * 2 and not any("uniform" in name for name in names)


def test_gradients_do_not_see_the_hooks():
    x = np.array([[1.0, 2.0]])
    x.attach_grad()
    grads = []
    for hooked in (False, True):
        layer, seen = nn.Activation("tanh"), Seen()
        if hooked:
            layer.register_op_hook(seen)
        with autograd.record():
            y = layer(x).sum()
        y.backward()
        grads.append(x.grad.tolist())
    assert grads[0] == grads[1] and len(seen) == 1
    with pytest.raises(Exception, match="Cannot differentiate"):
        seen[0][2].backward()


def test_an_error_in_a_callback_comes_out_and_leaves_nothing_behind():
    def bad(name, op, array):
        raise RuntimeError("of the callback")

    layer = nn.Activation("relu")
    hook = layer.register_op_hook(bad)
    with pytest.raises(RuntimeError, match="of the callback"):
        layer(nd.ones((2,)))
    hook.detach()
    assert same(layer(nd.ones((2,))), nd.ones((2,)))
    with pytest.raises(TypeError, match="callback must be callable, not 3"):
        layer.register_op_hook(3)


def test_other_threads_are_not_shown():
    seen, inside, done = Seen(), threading.Event(), threading.Event()

    class Waits(gluon.Block):
        def forward(self, x):
            inside.set()
            assert done.wait(60)
            return x * 2

    block = Waits()
    block.register_op_hook(seen)
    thread = threading.Thread(target=block, args=(nd.ones((2,)),))
    thread.start()
    assert inside.wait(60)
    with autograd.record():
        nd.ones((3,)) + nd.ones((3,))
    done.set()
    thread.join()
    assert [(op, array.shape) for _, op, array in seen] == [("multiply", (2,))]


def test_a_copied_block_keeps_its_hook():
    seen = Seen()
    layer = nn.Activation("relu", prefix="a_")
    layer.register_op_hook(lambda *args: seen(*args))
    copy.deepcopy(layer)(nd.ones((2,)))
    assert [name for name, _, _ in seen] == ["a_relu0_output"]
