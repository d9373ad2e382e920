"""Symbol files: MXNet's are read and run, ours are as MXNet's."""

import json
from contextlib import ExitStack
from pathlib import Path

import numpy
import pytest
from oracle import symbol_cases

import microlazy as mx
from microlazy import gluon, nd, sym
from microlazy.symbol.operators import operator_of

ORACLE = Path(__file__).parent / "oracle"
RECORDED = json.loads((ORACLE / "symbols.json").read_text(encoding="utf-8"))
CASES = symbol_cases.CASES | symbol_cases.NUMPY_CASES


@pytest.fixture(autouse=True)
def semantics(request):
    """NumPy's, for cases that have them."""
    with ExitStack() as stack:
        if request.node.callspec.params["case"] in symbol_cases.NUMPY_CASES:
            stack.enter_context(mx.util.np_shape(True))
            stack.enter_context(mx.util.np_array(True))
        yield


def array_of(case):
    return mx.np.array if case in symbol_cases.NUMPY_CASES else nd.array


def block_of(graph, case):
    """A block of a graph, with the parameters that its case has."""
    symbol = sym.load_json(json.dumps(graph))
    names = [name for name in symbol.list_arguments() if name.startswith("data")]
    block = gluon.SymbolBlock(symbol, [sym.var(name) for name in names])
    inputs = [array_of(case)(x) for x in symbol_cases.inputs_of(CASES[case][1], case)]
    if len(names) > 1:  # MXNet exports the first states of recurrent layers as inputs
        found = symbol.infer_shape(data0=inputs[0].shape)[0]
        shapes = dict(zip(symbol.list_arguments(), found, strict=True))
        inputs += [nd.zeros(shapes[name]) for name in names[1:]]
    symbol_cases.fill(block, inputs, array_of(case))
    return block, inputs


def expected(case):
    about = RECORDED[case]
    return numpy.array(about["output"]).reshape(about["shape"])


@pytest.mark.parametrize("case", RECORDED)
def test_a_graph_of_mxnet_runs(case):
    block, inputs = block_of(RECORDED[case]["graph"], case)
    eager = first(block(*inputs))
    numpy.testing.assert_allclose(eager, expected(case), 1e-5, 1e-6)
    block.hybridize()
    assert numpy.array_equal(first(block(*inputs)), eager)
    assert numpy.array_equal(first(block(*inputs)), eager)


def first(outputs):
    return (outputs[0] if isinstance(outputs, list) else outputs).asnumpy()


@pytest.mark.parametrize("case", RECORDED)
def test_a_graph_is_written_as_it_was_read(case):
    symbol = sym.load_json(json.dumps(RECORDED[case]["graph"]))
    found, wanted = json.loads(symbol.tojson()), RECORDED[case]["graph"]
    assert essence(found) == essence(wanted)
    assert found["attrs"] == wanted["attrs"]


def essence(graph):
    """A graph without the third numbers of inputs, which count how often they were written to."""
    nodes = [
        node
        | {"inputs": [entry[:2] for entry in node["inputs"]]}
        | {"subgraphs": [essence(part) for part in node.get("subgraphs", ())]}
        for node in graph["nodes"]
    ]
    return nodes, graph["arg_nodes"], graph["heads"]


def steps(graph):
    """The operators of a graph and what they do, without attributes that have their defaults."""
    found = []
    for node in graph["nodes"]:
        if "subgraphs" in node:
            inside = tuple(step for part in node["subgraphs"] for step in steps(part))
            found.append((node["op"], inside, len(node["inputs"])))
        elif node["op"] != "null":
            operator = operator_of(node["op"])
            values = operator.values(node.get("attrs", {}))
            kept = {k: v for k, v in values.items() if v != operator._parameters.get(k)}
            found.append((node["op"], tuple(sorted(kept.items())), len(node["inputs"])))
    return sorted(found, key=repr)


# What is written with other operators here than in MXNet, to the same effect.
OTHERWISE = {"pixel_shuffle1d", "pixel_shuffle2d", "pixel_shuffle3d", "numpy_shapes"}
OTHERWISE |= {"rnn_cell", "lstm_cell", "gru_cell", "residual_cell", "projected_cell"}
OTHERWISE |= {case for case in CASES if case.startswith("images_")} | {"sync_batch_norm"}
OTHERWISE |= set(symbol_cases.LOSSES) - {"l1_loss", "softmax_loss", "softmax_loss_dense"}
# MXNet's branches have an input for each graph that takes it, ours have one.
OTHERWISE |= {"branch_taken", "branch_not_taken"}
# Recurrent layers, whose first states are inputs in files of MXNet, and zeros here.
STATES = {"rnn_relu", "rnn_tanh", "lstm", "lstm_both_ways", "gru"}


@pytest.mark.parametrize("case", CASES)
def test_a_network_exports_the_graph_of_mxnet(case, tmp_path):
    make, shapes = CASES[case]
    block = make(mx)
    inputs = [array_of(case)(x) for x in symbol_cases.inputs_of(shapes, case)]
    symbol_cases.fill(block, inputs, array_of(case))
    outputs = block(*inputs).asnumpy()
    numpy.testing.assert_allclose(outputs, expected(case), 1e-5, 1e-6)
    files = block.export(str(tmp_path / "net"), epoch=3)
    assert files[1].endswith("net-0003.params")
    graph = json.loads(Path(files[0]).read_text(encoding="utf-8"))
    if case not in OTHERWISE:
        assert [step for step in steps(graph) if step[0] != "_zeros"] == steps(
            RECORDED[case]["graph"]
        )
    again = gluon.SymbolBlock.imports(files[0], "data", files[1])
    numpy.testing.assert_allclose(again(*inputs).asnumpy(), outputs, 1e-6, 1e-7)
    names = {node["name"] for node in RECORDED[case]["graph"]["nodes"] if node["op"] == "null"}
    if case in STATES:
        names = {name for name in names if not name.startswith("data")} | {"data"}
    assert {node["name"] for node in graph["nodes"] if node["op"] == "null"} == names
