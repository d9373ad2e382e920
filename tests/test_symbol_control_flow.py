"""Loops and branches of symbols: values, gradients, files, refusals."""

import json

import numpy
import pytest

import microlazy as mx
from microlazy import autograd, gluon, nd, sym
from microlazy.base import MXNetError

x, s = sym.var("x"), sym.var("s")


def running_sums(row, state):
    return row * state, row + state


def values(shape, start=0):
    return numpy.sin(numpy.arange(numpy.prod(shape)) + start).reshape(shape)


def test_foreach_against_a_loop():
    outputs, last = sym.contrib.foreach(running_sums, x, s)
    assert outputs.infer_shape(x=(4, 3), s=(3,))[1] == [(4, 3)]
    rows, state = values((4, 3)), values((3,), 5)
    found = sym.Group([outputs, last]).eval(x=nd.array(rows), s=nd.array(state))
    expected = []
    for row in rows:
        expected.append(row * state)
        state = state + row
    numpy.testing.assert_allclose(found[0].asnumpy(), expected, 1e-6)
    numpy.testing.assert_allclose(found[1].asnumpy(), state, 1e-6)


def test_a_layer_inside_finds_its_sizes():
    outer = sym.var("z") * 2

    def body(row, states):
        out = sym.FullyConnected(row, num_hidden=4, name="fc") + states[0] * outer
        return [out, row], [out, states[1] + 1]

    outputs, last = sym.contrib.foreach(body, x, [s, sym.var("t")])
    graph = sym.Group([*outputs, *last])
    assert graph.list_arguments() == ["x", "s", "t", "fc_weight", "fc_bias", "z"]
    shapes = graph.infer_shape(x=(3, 2, 5), s=(2, 4), t=(1,), z=(2, 4))
    assert shapes[0][3:5] == [(4, 5), (4,)]
    assert shapes[1] == [(3, 2, 4), (3, 2, 5), (2, 4), (1,)]


def _square(i, total):
    return total, [i + 1, total * total + i]


GRAPHS = {
    "foreach": lambda: sym.contrib.foreach(running_sums, x, s)[0],
    "foreach in foreach": lambda: sym.contrib.foreach(
        lambda row, state: sym.contrib.foreach(lambda a, b: (a * b, a + b), row, state), x, s
    )[0],
    "while": lambda: sym.contrib.while_loop(
        lambda i, total: i < 3, _square, [sym.sum(x), sym.sum(x * s)], 4
    )[0],
    "cond": lambda: sym.contrib.cond(sym.sum(x) < 9, lambda: x * s, lambda: x - s),
    "cond, the other": lambda: sym.contrib.cond(sym.sum(x) > 9, lambda: x, lambda: x * x * s),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_gradients_are_central_differences(name):
    graph = sym.load_json(sym.sum(sym.square(GRAPHS[name]())).tojson())
    shapes = {
        "x": (3, 2, 2) if " in " in name else (3, 2),
        "s": (2,) if "foreach" in name else (1,),
    }
    if "cond" in name:
        shapes["s"] = (3, 2)
    if name == "while":
        shapes["s"] = (3, 2)
    run = graph.simple_bind(type_dict=dict.fromkeys(shapes, "float64"), **shapes)
    for key, array in run.arg_dict.items():
        array[:] = values(shapes[key], len(name)) / 3
    for _ in range(2):
        run.forward(is_train=True)
        run.backward()
    for key, array in run.arg_dict.items():
        for place in numpy.ndindex(array.shape):
            sums = []
            for step in (1e-6, -1e-6):
                array[place] += step
                sums.append(run.forward(is_train=True)[0].asscalar())
                array[place] -= step
            gradient = run.grad_dict[key][place].asnumpy().item()
            assert gradient == pytest.approx((sums[0] - sums[1]) / 2e-6, rel=1e-5, abs=1e-7)


def test_a_loop_that_is_never_run():
    outputs, last = sym.contrib.while_loop(lambda i: i < 0, lambda i: (i * 2, [i + 1]), [x], 3)
    found = sym.Group([outputs, *last]).eval(x=nd.array([5]))
    assert found[0].asnumpy().tolist() == [[0], [0], [0]]
    assert found[1].asnumpy().tolist() == [5]


def test_a_block_with_a_loop_trains():
    class Recurrent(gluon.HybridBlock):
        def __init__(self):
            super().__init__(prefix="r_")
            with self.name_scope():
                self.cell = gluon.rnn.GRUCell(3)

        def hybrid_forward(self, F, x, state):
            return F.contrib.foreach(self.cell, x, [state])[0]

    net = Recurrent()
    net.initialize()
    data, state = nd.array(values((4, 2, 5))), nd.zeros((2, 3))
    expected = net(data, state).asnumpy()
    graph = net(sym.var("data"), sym.var("state"))
    again = gluon.SymbolBlock(graph, [sym.var("data"), sym.var("state")], net.collect_params())
    numpy.testing.assert_allclose(again(data, state).asnumpy(), expected, 1e-6)
    again.hybridize()
    grads = []
    for block in (net, again, again):
        with autograd.record():
            loss = block(data, state).square().sum()
        loss.backward()
        grads.append(net.cell.i2h_weight.grad().asnumpy())
    numpy.testing.assert_allclose(grads[1], grads[0], 1e-5, 1e-8)
    numpy.testing.assert_allclose(grads[2], grads[0], 1e-5, 1e-8)


def test_numpy_faces():
    with mx.util.np_shape(True), mx.util.np_array(True):
        data = sym.var("x").as_np_ndarray()
        outputs, _ = sym.contrib.foreach(
            lambda row, state: (sym.np.exp(row) + state, state + row), data, s.as_np_ndarray()
        )
        found = outputs.eval(x=mx.np.ones((2, 3)), s=mx.np.zeros((3,)))[0]
    assert isinstance(found, mx.np.ndarray)
    numpy.testing.assert_allclose(found, [[numpy.e] * 3, [numpy.e + 1] * 3], 1e-6)


REFUSED = [
    (lambda: sym.contrib.foreach(lambda a, b: (b, b), x, s), "does not use 'x-0'"),
    (lambda: sym.contrib.foreach(lambda a, b: (a, []), x, s), "got 1 states and gave 0"),
    (lambda: sym.contrib.foreach(lambda a, b: (3, b), x, s), "outputs must be symbols"),
    (lambda: sym.contrib.foreach(running_sums, 3, s), "data must be symbols"),
    (lambda: sym.contrib.while_loop(lambda i: i, lambda i: (i, i), x), "max_iterations should"),
    (lambda: sym.contrib.while_loop(lambda i: i, lambda i: (i, []), x, 3), "got 1 variables"),
    (lambda: sym.contrib.while_loop(lambda i: i, lambda i: (i, i), [], 3), "one symbol at least"),
    (lambda: sym.contrib.while_loop(lambda i: i, lambda i: (s, s), x, 3), "does not use 'x-0'"),
    (lambda: sym.contrib.cond(x, lambda: [x, s], lambda: x), "then_func gives 2 symbols"),
    (lambda: sym.contrib.cond(3, lambda: x, lambda: x), "pred must be symbols"),
]


@pytest.mark.parametrize(("made", "message"), REFUSED, ids=[message for _, message in REFUSED])
def test_refusals(made, message):
    with pytest.raises((MXNetError, TypeError, ValueError), match=message):
        made()


def test_slices_of_different_lengths():
    graph = sym.contrib.foreach(lambda a, b: (a[0] + a[1] + b, b), [x, sym.var("y")], s)[0]
    with pytest.raises(MXNetError, match=r"node '_foreach.* sizes \[2, 3\]"):
        graph.eval(x=nd.ones((2, 1)), y=nd.ones((3, 1)), s=nd.ones((1,)))


def loop():
    return json.loads(GRAPHS["foreach"]().tojson())


def node(found):
    return next(node for node in found["nodes"] if node["op"] == "_foreach")


def deep(found):
    for _ in range(20):
        found = {"nodes": [*found["nodes"][:2], {**node(found), "subgraphs": [found]}],
                 "heads": [[2, 0, 0]]}  # fmt: skip
    return found


BAD = {
    "no graph": (lambda found: node(found).pop("subgraphs"), "0 subgraphs, not 1"),
    "two graphs": (lambda found: node(found)["subgraphs"].append(loop()), "2 subgraphs, not 1"),
    "no list": (lambda found: node(found).update(subgraphs=3), "subgraphs of node 2"),
    "no object": (lambda found: node(found).update(subgraphs=[3]), "no list of nodes"),
    "at another": (
        lambda found: found["nodes"].append(
            {"op": "exp", "name": "e", "inputs": [[0, 0]], "subgraphs": [loop()]}
        ),
        "exp has no subgraphs",
    ),
    "places": (
        lambda found: node(found)["attrs"].update(in_data_locs="[7]"),
        r"places of its inputs are \[7, 1\]",
    ),
    "no places": (lambda found: node(found)["attrs"].pop("in_data_locs"), "needs the attribute"),
    "outputs": (lambda found: node(found)["attrs"].update(num_outputs="5"), "2 outputs, not 5"),
    "states": (lambda found: node(found)["attrs"].update(num_out_data="2"), "do not fit"),
    "unknown inside": (
        lambda found: node(found)["subgraphs"][0]["nodes"][2].update(op="mine"),
        "no operator 'mine'",
    ),
    "too deep": (lambda found: found.update(deep(loop())), "graphs in graphs"),
}


@pytest.mark.parametrize("name", BAD)
def test_damaged_files(name):
    change, message = BAD[name]
    found = loop()
    change(found)
    with pytest.raises(MXNetError, match=message):
        sym.load_json(json.dumps(found))


def test_a_loop_that_would_be_large():
    graph = sym.contrib.while_loop(lambda i: i < 2, lambda i: (i, i + 1), x, 1 << 39)[0]
    with pytest.raises(MXNetError, match="elements, which is more than"):
        graph.infer_shape(x=(1,))
    with pytest.raises(MXNetError, match="elements, which is more than"):
        graph.eval(x=nd.zeros((1,)))
