"""net.plan(x): the steps and buffers of a plan, as a table and as a picture."""

import numpy
import pytest

import microlazy as mx
from microlazy import autograd, nd
from microlazy.base import AbstractValueError
from microlazy.core.storage import memory_info
from microlazy.gluon import HybridBlock, nn, rnn


def chain():
    net = nn.HybridSequential()
    net.add(nn.HybridLambda(lambda F, x: F.exp(x * 2)), nn.Dense(4, activation="relu"))
    net.add(nn.HybridLambda(lambda F, x: F.tanh(x.reshape((-1, 2))).sum(axis=1, keepdims=True) * 2))
    net.initialize()
    return net


def test_steps_name_their_inputs_and_share_buffers():
    net = chain()
    table = net.plan(nd.ones((10, 3)))
    assert [step[:4] for step in table.steps] == [
        (0, "multiply+exp", ("input 0",), (10, 3)),
        (1, "fully_connected", ("%0", "1.weight", "1.bias"), (10, 4)),
        (2, "reshape", ("%1",), (20, 2)),
        (3, "tanh", ("%2",), (20, 2)),
        (4, "sum", ("%3",), (20, 1)),
        (5, "multiply", ("%4",), (20, 1)),
    ]
    assert [step.buffer for step in table.steps] == [0, 0, 0, 0, 0, 1]
    assert [step.offset for step in table.steps] == [192, 0, 0, 0, 192, 0]
    assert [step.fusions for step in table.steps] == [
        ("2 ops in one pass",),
        (),
        (),
        ("over %2",),
        (),
        (),
    ]
    assert [step.until for step in table.steps] == [1, 3, 3, 4, 5, None]
    assert [step.view for step in table.steps] == [False, False, True, False, False, False]
    assert [step.bytes for step in table.steps] == [120, 160, 160, 160, 80, 80]
    assert table.buffers == [312, 80]


def test_in_training_what_gradients_need_stays():
    net, x = chain(), nd.ones((10, 3))
    net(x)
    x.attach_grad()
    with autograd.record():
        table = net.plan(x)
    kept = {step.op for step in table.steps if step.until is None}
    assert kept == {"multiply+exp", "fully_connected", "reshape", "tanh", "multiply"}
    assert not autograd.is_recording()


def test_a_hybridized_network_tells_of_the_plan_that_it_uses():
    net, x = chain(), nd.ones((10, 3))
    net.hybridize()
    y = net(x)
    before = memory_info()["allocated"]
    text = repr(net.plan(x))
    assert memory_info()["allocated"] == before, "no other plan is made"
    assert text == repr(net.plan(x))
    assert "6 steps in 2 buffers of 392 bytes; a buffer for each result would take 600" in text
    assert " 0 from 192 " in text
    assert "over %2" in text
    assert "<table>" in net.plan(x)._repr_html_()
    assert (net(x).asnumpy() == y.asnumpy()).all()


def test_parameters_have_the_paths_that_explain_tells():
    net = nn.HybridSequential()
    net.add(rnn.LSTM(3), nn.Dense(2))
    net.initialize()
    told = {name for step in net.plan(nd.ones((4, 2, 5))).steps for name in step.inputs}
    paths = {row.path for row in net.explain().rows}
    assert paths == {name for name in told if name.partition(" ")[0] != "input" and name[0] != "%"}


def test_views_and_arrays_from_outside():
    table_of = nd.ones((3,)) * 2
    net = nn.HybridLambda(lambda F, x: (x[0:2], x[0:2] * table_of))
    steps = net.plan(nd.ones((4, 3))).steps
    assert steps[0].view
    assert steps[0].buffer is None
    assert "array (3,)" in steps[-1].inputs
    assert "-" in repr(net.plan(nd.ones((4, 3))))


def test_what_has_no_plan_says_so():
    class Branch(HybridBlock):
        def forward(self, x):
            return x if x.sum() > 0 else -x

    with pytest.raises(AbstractValueError, match="truth"):
        Branch().plan(nd.ones((2,)))
    with pytest.raises(AbstractValueError, match="NumPy"):
        nn.HybridLambda(lambda F, x, y: x * y.sum()).plan(nd.ones((2,)), numpy.ones(2))


def test_a_picture_of_the_buffers():
    pytest.importorskip("matplotlib")
    figure = mx.viz.plot_plan(chain(), nd.ones((10, 3)))
    axes = figure.axes[0]
    assert [text.get_text() for text in axes.texts] == [
        "0 multiply+exp\n2 ops in one pass",
        "1 fully_connected",
        "3 tanh\nover %2",
        "4 sum",
        "5 multiply",
    ]
    bars = [(bar.get_x(), bar.get_width()) for bar in axes.patches]
    assert bars == [(0, 2), (1, 3), (3, 2), (4, 2), (5, 1)]
    short = mx.viz.plot_plan(nn.HybridLambda(lambda F, x: F.exp(x)), nd.ones((2,)))
    assert all(tick == int(tick) for tick in short.axes[0].get_xticks())
    with pytest.raises(TypeError, match="HybridBlock, not Dense0?|HybridBlock, not function"):
        mx.viz.plot_plan(lambda x: x, nd.ones((2,)))


def test_relu_is_fused_into_a_dense_layer_unless_somebody_listens():
    net, x = nn.HybridSequential(), nd.ones((2, 3))
    net.add(nn.Dense(4, activation="relu"), nn.Dense(2, activation="relu"))
    net.initialize()
    net.hybridize()
    y = net(x)
    assert [step.op for step in net.plan(x).steps] == ["fully_connected"] * 2
    seen = []
    handle = net[0].act.register_forward_hook(lambda block, inputs, out: seen.append(out.shape))
    assert (net(x).asnumpy() == y.asnumpy()).all()
    assert seen == [(2, 4)]
    handle.detach()
    net[1].act.forward = lambda x: x * 0 + 5
    assert net(x).asnumpy().tolist() == [[5, 5]] * 2
