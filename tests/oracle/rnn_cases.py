"""Unrolled cells of `mx.rnn`: their graphs, outputs and unpacked weights are compared.

`mx` is either package. A case gives a cell and the options of `unroll`.
"""

import json


def _stack(mx):
    stack = mx.rnn.SequentialRNNCell()
    stack.add(mx.rnn.LSTMCell(4, prefix="l0_"))
    stack.add(mx.rnn.DropoutCell(0.3))
    stack.add(mx.rnn.ResidualCell(mx.rnn.GRUCell(4, prefix="l1_")))
    return stack


def _both(mx):
    return mx.rnn.BidirectionalCell(mx.rnn.GRUCell(3, "l_"), mx.rnn.LSTMCell(3, "r_"))


def _fused(mx, mode, *args, **options):
    return mx.rnn.FusedRNNCell(3, *args, mode=mode, **options)


CASES = {
    "rnn": (lambda mx: mx.rnn.RNNCell(3), {}),
    "rnn relu": (lambda mx: mx.rnn.RNNCell(3, "relu", "r_"), {"merge_outputs": True}),
    "lstm": (lambda mx: mx.rnn.LSTMCell(3, forget_bias=2.0), {"merge_outputs": True}),
    "gru": (lambda mx: mx.rnn.GRUCell(3), {"layout": "TNC", "merge_outputs": False}),
    "fused": (
        lambda mx: _fused(mx, "lstm", 2, bidirectional=True, get_next_state=True),
        {"merge_outputs": True},
    ),
    "fused gru": (lambda mx: _fused(mx, "gru", prefix="g_"), {"layout": "TNC"}),
    "fused rnn": (lambda mx: _fused(mx, "rnn_tanh", 2), {"merge_outputs": False}),
    "unfused": (
        lambda mx: _fused(mx, "lstm", 2, dropout=0.2).unfuse(),
        {"merge_outputs": True},
    ),
    "unfused both ways": (lambda mx: _fused(mx, "gru", bidirectional=True).unfuse(), {}),
    "unfused relu": (lambda mx: _fused(mx, "rnn_relu").unfuse(), {}),
    "both ways": (_both, {"merge_outputs": True}),
    "both ways, in steps": (_both, {"merge_outputs": False}),
    "stack": (_stack, {}),
    "residual": (
        lambda mx: mx.rnn.ResidualCell(mx.rnn.RNNCell(4)),
        {"merge_outputs": True},
    ),
    "zoneout": (lambda mx: mx.rnn.ZoneoutCell(mx.rnn.RNNCell(3), 0.3, 0.2), {}),
}
SHAPE = {"NTC": (2, 3, 4), "TNC": (3, 2, 4)}


def flat(states):
    """The states, which a cell of two directions has in two lists."""
    parts = [flat(state) if isinstance(state, list) else [state] for state in states]
    return [state for part in parts for state in part]


def graph_of(mx, case):
    """The cell, and its unrolled graph."""
    make, options = CASES[case]
    with mx.name.NameManager():
        cell = make(mx)
        outputs, states = cell.unroll(3, mx.sym.var("data"), **options)
        outputs = outputs if isinstance(outputs, list) else [outputs]
        return cell, mx.sym.Group(outputs + flat(states))


def nodes_of(graph):
    """Operators, names and inputs of a graph's nodes, and how its variables are initialized."""
    return [
        [node["op"], node["name"], [entry[:2] for entry in node["inputs"]]]
        + ([node["attrs"]["__init__"]] if "__init__" in node.get("attrs", {}) else [])
        for node in json.loads(graph.tojson())["nodes"]
    ]


def outputs_of(mx, graph, case, values):
    """The outputs for `values(name, shape)`."""
    shape = SHAPE[CASES[case][1].get("layout", "NTC")]
    run = graph.simple_bind(mx.cpu(), grad_req="null", data=shape)
    for name, array in run.arg_dict.items():
        array[:] = mx.nd.array(values(name, array.shape))
    return [x.asnumpy() for x in run.forward()]


def unpacked(mx, cell, graph, case, values):
    """Sums of the unpacked weights, by name."""
    shape = SHAPE[CASES[case][1].get("layout", "NTC")]
    shapes = dict(zip(graph.list_arguments(), graph.infer_shape(data=shape)[0], strict=True))
    arrays = {n: mx.nd.array(values(n, s)) for n, s in shapes.items() if n != "data"}
    return {name: x.asnumpy() for name, x in cell.unpack_weights(arrays).items()}
