"""Graphs of well-known networks as old versions of MXNet wrote them.

`python tests/oracle/symbol_versions.py`, with an interpreter that has MXNet 1.9.1, shows that it
reads all of them, and that each gives what the network gives.
"""

import json

import numpy

OLD = ("ctx_group", "lr_mult", "wd_mult", "force_mirroring")  # what 0.8 had for nodes
VERSIONS = ("0.8", "0.9", "1.x")


def lenet(mx):
    x = mx.sym.var("data")
    for count, name in ((4, "conv1"), (6, "conv2")):
        x = mx.sym.Convolution(x, kernel=(3, 3), num_filter=count, name=name)
        x = mx.sym.Activation(x, act_type="tanh")
        x = mx.sym.Pooling(x, pool_type="max", kernel=(2, 2), stride=(2, 2))
    x = mx.sym.FullyConnected(mx.sym.Flatten(x), num_hidden=8, name="fc1")
    x = mx.sym.FullyConnected(mx.sym.Activation(x, act_type="tanh"), num_hidden=3, name="fc2")
    return mx.sym.SoftmaxOutput(x, name="softmax")


def residual_unit(mx):
    x = mx.sym.var("data")
    y = x
    for number in (1, 2):
        y = mx.sym.BatchNorm(y, fix_gamma=False, eps=2e-5, momentum=0.9, name=f"bn{number}")
        y = mx.sym.Activation(y, act_type="relu", name=f"relu{number}")
        y = mx.sym.Convolution(
            y, num_filter=4, kernel=(3, 3), pad=(1, 1), no_bias=True, name=f"conv{number}"
        )
    short = mx.sym.Convolution(x, num_filter=4, kernel=(1, 1), no_bias=True, name="short")
    y = mx.sym.Pooling(y + short, global_pool=True, pool_type="avg", kernel=(7, 7), name="pool")
    return mx.sym.SoftmaxOutput(mx.sym.Flatten(y), name="softmax")


def unrolled_lstm(mx):
    x = mx.sym.Embedding(mx.sym.var("data"), input_dim=9, output_dim=4, name="embed")
    cell = mx.rnn.LSTMCell(5, prefix="lstm_")
    outputs, _ = cell.unroll(3, x, layout="NTC", merge_outputs=True)
    x = mx.sym.FullyConnected(mx.sym.Reshape(outputs, shape=(-1, 5)), num_hidden=9, name="pred")
    label = mx.sym.Reshape(mx.sym.var("softmax_label"), shape=(-1,))
    return mx.sym.SoftmaxOutput(x, label, name="softmax")


# A network, the shape of its data and that of its labels.
NETWORKS = {
    "lenet": (lenet, (2, 1, 14, 14), (2,)),
    "residual_unit": (residual_unit, (2, 3, 6, 6), (2,)),
    "unrolled_lstm": (unrolled_lstm, (2, 3), (2, 3)),
}


def written(graph, version):
    """A graph of 1.9 as another version has it.

    0.8 has `param` for an operator and `attr` for the rest, names without underscores, pairs for
    inputs, and no variables for what operators change; 0.9 has all in `attr`.
    """
    nodes = [dict(node) for node in graph["nodes"]]
    if version == "1.x":
        return graph
    if version == "0.9":
        for node in nodes:
            node["attr"] = node.pop("attrs", {})
        return {**graph, "nodes": nodes, "attrs": {"mxnet_version": ["int", 904]}}
    for node in nodes:
        attributes = node.pop("attrs", {})
        node["param"] = {k: v for k, v in attributes.items() if not k.startswith("__")}
        hidden = {name: attributes[f"__{name}__"] for name in OLD if f"__{name}__" in attributes}
        if hidden:
            node["attr"] = hidden
        node["inputs"] = [entry[:2] for entry in node["inputs"]]
        node["backward_source_id"] = -1
    states = {i for i, node in enumerate(nodes) if "_moving_" in node["name"]}
    kept = [i for i in range(len(nodes)) if i not in states]
    places = {old: new for new, old in enumerate(kept)}
    for node in nodes:
        node["inputs"] = [[places[n], i] for n, i in node["inputs"] if n in places]
    return {
        "nodes": [nodes[i] for i in kept],
        "arg_nodes": [places[n] for n in graph["arg_nodes"] if n in places],
        "heads": [[places[entry[0]], entry[1]] for entry in graph["heads"]],
    }


def outputs(mx, symbol, data_shape, label_shape):
    """What a graph gives, with parameters and data made from names and sizes."""
    run = symbol.simple_bind(mx.cpu(), grad_req="null", data=data_shape, softmax_label=label_shape)
    for name, array in {**run.arg_dict, **run.aux_dict}.items():
        made = numpy.sin(0.7 * numpy.arange(array.size) + len(name)).reshape(array.shape) / 2
        if name.endswith("var") or name == "data" and len(data_shape) == 2:
            made = abs(made * 16).round() + (name != "data")  # variances, and words
        array[:] = mx.nd.array(made)
    return run.forward(is_train=False)[0].asnumpy()


def same(mx, name, version):
    """Whether a network gives in one version what it gives in 1.9."""
    make, *shapes = NETWORKS[name]
    symbol = make(mx)
    old = mx.sym.load_json(json.dumps(written(json.loads(symbol.tojson()), version)))
    return numpy.allclose(outputs(mx, old, *shapes), outputs(mx, symbol, *shapes), 1e-5, 1e-6)


if __name__ == "__main__":
    import mxnet

    for name in NETWORKS:
        print(name, {version: same(mxnet, name, version) for version in VERSIONS})
