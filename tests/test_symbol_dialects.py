"""Symbol files of older and newer versions of MXNet."""

import json

import numpy
import pytest
from oracle import symbol_versions

import microlazy as mx
from microlazy import gluon, nd, sym
from microlazy.base import MXNetError

# As version 0.8 wrote it: `param` and `attr`, pairs, no auxiliary states, lr_mult at the layer.
FILE_08 = {
    "nodes": [
        {"op": "null", "param": {}, "name": "data", "inputs": [], "backward_source_id": -1},
        {"op": "null", "param": {}, "name": "conv_weight", "inputs": [], "backward_source_id": -1},
        {"op": "null", "param": {}, "name": "conv_bias", "inputs": [], "backward_source_id": -1},
        {
            "op": "Convolution",
            "param": {
                "cudnn_off": "False",
                "cudnn_tune": "off",
                "dilate": "(1,1)",
                "kernel": "(3L, 3L)",
                "no_bias": "False",
                "num_filter": "4",
                "num_group": "1",
                "pad": "(1,1)",
                "stride": "(1,1)",
                "workspace": "1024",
            },
            "name": "conv",
            "inputs": [[0, 0], [1, 0], [2, 0]],
            "backward_source_id": -1,
            "attr": {"ctx_group": "stage1", "weight_lr_mult": "2.0", "lr_mult": "0.5"},
        },
        {"op": "null", "param": {}, "name": "bn_gamma", "inputs": [], "backward_source_id": -1},
        {"op": "null", "param": {}, "name": "bn_beta", "inputs": [], "backward_source_id": -1},
        {
            "op": "BatchNorm",
            "param": {
                "eps": "0.001",
                "fix_gamma": "True",
                "momentum": "0.9",
                "use_global_stats": "False",
            },
            "name": "bn",
            "inputs": [[3, 0], [4, 0], [5, 0]],
            "backward_source_id": -1,
        },
        {
            "op": "Pooling",
            "param": {
                "global_pool": "True",
                "kernel": "(1,1)",
                "pad": "(0,0)",
                "pool_type": "avg",
                "stride": "(1,1)",
            },
            "name": "pool",
            "inputs": [[6, 0]],
            "backward_source_id": -1,
        },
        {"op": "Flatten", "param": {}, "name": "flat", "inputs": [[7, 0]]},
        {"op": "null", "param": {}, "name": "softmax_label", "inputs": []},
        {
            "op": "SoftmaxOutput",
            "param": {
                "grad_scale": "1",
                "ignore_label": "-1",
                "multi_output": "False",
                "use_ignore": "False",
            },
            "name": "softmax",
            "inputs": [[8, 0], [9, 0]],
            "backward_source_id": -1,
        },
    ],
    "arg_nodes": [0, 1, 2, 4, 5, 9],
    "heads": [[10, 0]],
}


def parameters():
    return {
        "arg:conv_weight": nd.array(numpy.sin(numpy.arange(4 * 2 * 9)).reshape(4, 2, 3, 3)),
        "arg:conv_bias": nd.array([0.1, 0, -0.1, 0.2]),
        "arg:bn_gamma": nd.array([2, 2, 2, 2]),  # fixed to 1
        "arg:bn_beta": nd.array([0, 0.1, 0.2, 0.3]),
        "aux:bn_moving_mean": nd.array([0.1, 0.2, 0.3, 0.4]),
        "aux:bn_moving_var": nd.array([1, 0.5, 2, 1]),
    }


def expected(x):
    """The same network by functions of nd."""
    given = {name.partition(":")[2]: array for name, array in parameters().items()}
    y = nd.Convolution(
        x, given["conv_weight"], given["conv_bias"], kernel=(3, 3), num_filter=4, pad=(1, 1)
    )
    names = ("bn_gamma", "bn_beta", "bn_moving_mean", "bn_moving_var")
    y = nd.BatchNorm(y, *[given[name] for name in names])
    return nd.softmax(y.mean(axis=(2, 3))).asnumpy()


def as_09(found):
    """`attr` holds all attributes; what operators change is listed."""
    nodes = [dict(node) for node in found["nodes"]]
    for node in nodes:
        node["attr"] = node.pop("param", {}) | node.pop("attr", {})
        node.pop("backward_source_id", None)
        node["inputs"] = [[*entry, 0] for entry in node["inputs"]]
    # Two more variables before node 6: what lies behind moves by two.
    states = [
        {"op": "null", "name": f"bn_moving_{kind}", "inputs": [], "attr": {}}
        for kind in ("mean", "var")
    ]
    moved = [*nodes[:6], *states, *nodes[6:]]
    for node in moved[8:]:
        node["inputs"] = [[n + 2 if n >= 6 else n, i, v] for n, i, v in node["inputs"]]
    moved[8]["inputs"] += [[6, 0, 1], [7, 0, 1]]
    return {
        "nodes": moved,
        "arg_nodes": [0, 1, 2, 4, 5, 6, 7, 11],
        "node_row_ptr": list(range(len(moved) + 1)),
        "heads": [[12, 0, 0]],
        "attrs": {"mxnet_version": ["int", 905]},
    }


def as_1x(found):
    """`attrs` holds all attributes."""
    newer = as_09(found)
    nodes = [
        {("attrs" if key == "attr" else key): value for key, value in node.items()}
        for node in newer["nodes"]
    ]
    return newer | {"nodes": nodes, "attrs": {"mxnet_version": ["int", 10300]}}


DIALECTS = {"0.8": FILE_08, "0.9": as_09(FILE_08), "1.x": as_1x(FILE_08)}


@pytest.mark.parametrize("version", DIALECTS)
@pytest.mark.parametrize("prefixes", [True, False])
def test_each_dialect_gives_the_same_block(version, prefixes, tmp_path):
    files = tmp_path / "net-symbol.json", tmp_path / "net-0000.params"
    files[0].write_text(json.dumps(DIALECTS[version]), encoding="utf-8")
    given = parameters()
    if not prefixes:
        given = {name.partition(":")[2]: array for name, array in given.items()}
    nd.save(files[1], given)
    net = gluon.SymbolBlock.imports(files[0], ["data"], files[1])
    x = nd.random.uniform(shape=(2, 2, 5, 5))
    numpy.testing.assert_allclose(net(x).asnumpy(), expected(x), 1e-5)
    parameters_of = net.collect_params()
    assert parameters_of["conv_weight"].lr_mult == 2.0
    assert parameters_of["bn_moving_mean"].grad_req == "null"
    symbol = sym.load(files[0])
    assert symbol.list_auxiliary_states() == ["bn_moving_mean", "bn_moving_var"]
    assert symbol.get_internals()["conv_output"].attr("ctx_group") == "stage1"
    again = sym.load_json(symbol.tojson())
    assert again.list_arguments() == symbol.list_arguments()


def test_argmax_of_the_last_axis_before_0_9_5():
    for version, shape in ((904, ()), (905, (2,))):
        graph = json.loads(sym.argmax(sym.var("x"), axis=-1, name="a").tojson())
        graph["attrs"]["mxnet_version"][1] = version
        out = sym.load_json(json.dumps(graph)).eval(x=nd.array([[1, 3, 2], [4, 0, 9]]))[0]
        assert out.shape == (shape or (1,))


BETA_2 = {
    "nodes": [
        {"op": "null", "name": "data", "inputs": []},
        {"op": "null", "name": "w", "attrs": {"__shape__": "(3, -1)"}, "inputs": []},
        {
            "op": "_npx_fully_connected",
            "name": "fc",
            "attrs": {"flatten": "True", "no_bias": "True", "num_hidden": "3"},
            "inputs": [[0, 0, 0], [1, 0, 0]],
        },
        {"op": "_npx_relu", "name": "r", "inputs": [[2, 0, 0]]},
        {"op": "_npi_transpose", "name": "t", "attrs": {"axes": "(1, 0)"}, "inputs": [[3, 0, 0]]},
        {"op": "_npi_sum", "name": "s", "attrs": {"axis": "(0,)"}, "inputs": [[4, 0, 0]]},
        {
            "op": "_npi_multiply_scalar",
            "name": "m",
            "attrs": {"is_int": "True", "scalar": "2.0"},
            "inputs": [[5, 0, 0]],
        },
    ],
    "arg_nodes": [0, 1],
    "heads": [[6, 0, 0]],
    "attrs": {"is_np_shape": ["int", 1], "mxnet_version": ["int", 20000]},
}


def test_a_file_of_the_betas_of_2_0():
    with mx.util.np_shape(True), mx.util.np_array(True):
        net = gluon.SymbolBlock(sym.load_json(json.dumps(BETA_2)), sym.var("data"))
        net.initialize(mx.init.Constant(0.5))
        out = net(mx.np.array([[1.0, 3.0], [-2.0, 1.0]]))
    assert isinstance(out, mx.np.ndarray) and out.tolist() == [12.0, 0.0]


def test_old_names_of_operators():
    graph = json.loads(sym.Pooling(sym.var("x"), kernel=(2, 2), name="p").tojson())
    graph["nodes"][1]["op"] = "Pooling_v1"
    assert sym.load_json(json.dumps(graph)).infer_shape(x=(1, 1, 4, 4))[1] == [(1, 1, 3, 3)]
    with pytest.raises(MXNetError, match="node 1, 'p': microlazy has no operator '_contrib_RR"):
        graph["nodes"][1]["op"] = "_contrib_RROIAlign"
        sym.load_json(json.dumps(graph))


@pytest.mark.parametrize("version", symbol_versions.VERSIONS)
@pytest.mark.parametrize("name", symbol_versions.NETWORKS)
def test_well_known_networks_in_files_of_old_versions(name, version):
    assert symbol_versions.same(mx, name, version)


@pytest.mark.parametrize("version", symbol_versions.VERSIONS)
@pytest.mark.parametrize("name", symbol_versions.NETWORKS)
def test_bad_nodes_of_old_versions_are_named(name, version):
    make, *_ = symbol_versions.NETWORKS[name]
    graph = symbol_versions.written(json.loads(make(mx).tojson()), version)
    key = {"0.8": "param", "0.9": "attr", "1.x": "attrs"}[version]
    last = next(node for node in graph["nodes"] if node["name"] == "softmax")
    place = graph["nodes"].index(last)
    last[key] = {**last.get(key, {}), "colour": "red"}
    with pytest.raises(MXNetError, match="'softmax': SoftmaxOutput has no attribute 'colour'"):
        sym.load_json(json.dumps(graph))
    last["op"] = "HardmaxOutput"
    with pytest.raises(MXNetError, match=f"node {place}, 'softmax': .*'HardmaxOutput'"):
        sym.load_json(json.dumps(graph))


@pytest.mark.parametrize("version", symbol_versions.VERSIONS)
def test_inference_needs_no_labels(version):
    make, shape, _ = symbol_versions.NETWORKS["lenet"]
    symbol = make(mx)
    graph = symbol_versions.written(json.loads(symbol.tojson()), version)
    net = gluon.SymbolBlock(sym.load_json(json.dumps(graph)), sym.var("data"))
    net.initialize()
    assert net(nd.ones(shape)).shape == (2, 3)
