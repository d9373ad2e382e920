"""Damaged and hostile symbol files are refused by name and place."""

import json
from copy import deepcopy
from pathlib import Path

import pytest
from test_symbol_dialects import BETA_2, DIALECTS

from microlazy import gluon, nd, sym
from microlazy.base import MXNetError

ORACLE = Path(__file__).parent / "oracle"


def graph():
    """A network with operators of many kinds, as the object of its file."""
    x = sym.var("data", shape=(0, 3, 6, 6))
    x = sym.Convolution(x, kernel=(3, 3), num_filter=4, name="conv")
    x = sym.Activation(sym.BatchNorm(x, name="bn"), act_type="relu", name="act")
    x = sym.Pooling(x, kernel=(2, 2), stride=(2, 2), pool_type="max", name="pool")
    parts = sym.split(x + 1.5, num_outputs=2, axis=1, name="parts")
    x = sym.concat(parts[0], parts[1] * parts[1], dim=1, name="joined")
    x = sym.FullyConnected(sym.Reshape(x, shape=(0, -1)), num_hidden=3, name="fc")
    return json.loads(sym.SoftmaxOutput(x, name="softmax").tojson())


def node(found, name):
    return next(node for node in found["nodes"] if node["name"] == name)


def changed(change):
    found = graph()
    change(found)
    return found


def set_attribute(name, attribute, text):
    return lambda found: node(found, name).setdefault("attrs", {}).update({attribute: text})


def set_inputs(name, inputs):
    return lambda found: node(found, name).update(inputs=inputs)


BAD = {
    "no nodes": (lambda found: found.pop("nodes"), "no list of nodes"),
    "nodes is a number": (lambda found: found.update(nodes=3), "no list of nodes"),
    "no heads": (lambda found: found.pop("heads"), "heads is no list"),
    "empty heads": (lambda found: found.update(heads=[]), "no heads"),
    "head outside": (lambda found: found.update(heads=[[99, 0, 0]]), "head 0 takes node 99"),
    "head's output": (lambda found: found.update(heads=[[0, 3, 0]]), "output 3 of 'data'"),
    "negative node": (set_inputs("act", [[-1, 0, 0]]), "'act', takes node -1"),
    "a true node": (set_inputs("act", [[True, 0, 0]]), "takes node True"),
    "cycle": (set_inputs("act", [[15, 0, 0]]), "only nodes 0 to 8 stand before it"),
    "itself": (set_inputs("act", [[9, 0, 0]]), "node 9, 'act', takes node 9"),
    "no pair": (set_inputs("act", [7]), r"\[node, output\]"),
    "too few inputs": (set_inputs("fc", [[0, 0, 0]]), r"'fc' \(FullyConnected\) has 1 inputs"),
    "too many inputs": (set_inputs("act", [[0, 0, 0]] * 3), r"'act' \(Activation\) has 3 inputs"),
    "wrong count": (set_attribute("joined", "num_args", "7"), "has 2 inputs, not 7"),
    "many outputs": (set_attribute("parts", "num_outputs", str(1 << 39)), "cannot have"),
    "variable with inputs": (set_inputs("conv_weight", [[0, 0, 0]]), "is a variable, but"),
    "arg_nodes": (lambda found: found.update(arg_nodes=[8]), "arg_nodes has node 8, 'bn'"),
    "arg_nodes outside": (lambda found: found.update(arg_nodes=[99]), "arg_nodes has node 99"),
    "no name": (lambda found: node(found, "act").pop("name"), "has no name"),
    "name is a list": (lambda found: node(found, "act").update(name=[1]), "has no name"),
    "unknown operator": (lambda found: node(found, "act").update(op="Act"), "operator 'Act'"),
    "MXNet's alone": (lambda found: node(found, "act").update(op="_cvimread"), "_cvimread"),
    "unknown user's": (
        lambda found: node(found, "act").update(op="Custom", attrs={"op_type": "mine"}),
        "'act': Custom: op_type='mine' is not registered",
    ),
    "unknown attribute": (set_attribute("act", "kind", "relu"), "'act'.* no attribute 'kind'"),
    "no shape": (set_attribute("conv", "kernel", "(3; 3)"), "attribute 'kernel' of Convolution"),
    "code": (set_attribute("conv", "kernel", "__import__('os')"), "attribute 'kernel'"),
    "no truth": (set_attribute("conv", "no_bias", "maybe"), "neither True nor False"),
    "no number": (set_attribute("bn", "eps", "small"), "'small' is no number"),
    "too large": (set_attribute("conv", "num_filter", str(1 << 60)), "is too large"),
    "too long": (set_attribute("conv", "kernel", "1," * 99999), "too long"),
    "huge variable": (set_attribute("data", "__shape__", "(65536, 65536, 9)"), "elements"),
    "negative size": (set_attribute("data", "__shape__", "(-5, 3)"), "no shape"),
    "dtype": (set_attribute("data", "__dtype__", "77"), "no dtype"),
    "attributes": (lambda found: node(found, "conv").update(attrs=[1]), "no object of texts"),
    "no texts": (lambda found: node(found, "conv").update(attrs={"pad": 1}), "no object of texts"),
    "version": (lambda found: found.update(attrs={"mxnet_version": "1.9"}), "mxnet_version"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_is_named(name, tmp_path):
    change, message = BAD[name]
    path = tmp_path / "net-symbol.json"
    path.write_text(json.dumps(changed(change)), encoding="utf-8")
    with pytest.raises(MXNetError, match=message) as caught:
        sym.load(path)
    assert "net-symbol.json" in str(caught.value)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "1e999", '{"nodes": [}', "[" * 100_000, "\x80\x04\x95cos\nsystem"],
    ids=repr,
)
def test_what_is_no_symbol_file(text):
    with pytest.raises(MXNetError, match="symbol file"):
        sym.load_json(text[:200_000])


def test_bytes_that_are_no_text(tmp_path):
    path = tmp_path / "net-symbol.json"
    path.write_bytes(b"\xff\xfe\x00{")
    with pytest.raises(MXNetError, match="no symbol file"):
        sym.load(path)
    with pytest.raises(MXNetError, match="cannot read"):
        sym.load(tmp_path)


def test_a_deep_graph():
    x = sym.var("x")
    for _ in range(3_000):
        x = x + 1
    again = sym.load_json(x.tojson())
    assert again.eval(x=nd.zeros((1,)))[0].asscalar() == 3_000


@pytest.mark.parametrize(
    "made",
    [
        lambda: sym.zeros((1 << 33,)),
        lambda: sym.ones((1 << 20, 1 << 20)),
        lambda: sym.full((1 << 39,), 3),
        lambda: sym.arange(1e300),
        lambda: sym.arange(0, 10, repeat=1 << 38),
        lambda: sym.arange(0, 1, 1e-12),
        lambda: sym.linspace(0, 1, 1 << 38),
        lambda: sym.eye(1 << 38),
        lambda: sym.eye(1 << 20, 1 << 20),
    ],
)
def test_large_arrays_are_not_made(made):
    graph = sym.load_json(made().tojson())
    with pytest.raises(MXNetError, match="node '_.* elements"):
        graph.eval()
    with pytest.raises(MXNetError, match="elements"):
        graph.infer_shape()


def test_parameters_that_do_not_fit(tmp_path):
    net = gluon.nn.Dense(3, in_units=4, prefix="fc_")
    net.initialize()
    files = net.export(str(tmp_path / "net"))
    arrays = nd.load(files[1])
    cases = [
        ({**arrays, "arg:fc_weight": nd.ones((3, 5))}, r"fc_weight.*\(3, 5\)"),
        ({"arg:fc_weight": arrays["arg:fc_weight"]}, "'fc_bias' is missing in .*net-0000"),
        ({**arrays, "arg:other": nd.ones((1,))}, "'other' loaded from .*net-0000.* is not present"),
        ({**arrays, "aux:fc_bias": nd.ones((3,))}, "two arrays 'fc_bias'"),
        ([nd.ones((1,))], "without names"),
    ]
    for given, message in cases:
        nd.save(files[1], given)
        with pytest.raises((MXNetError, AssertionError), match=message):
            gluon.SymbolBlock.imports(files[0], "data", files[1])
    nd.save(files[1], {"arg:fc_weight": nd.ones((3, 4)), "arg:more": nd.ones((1,))})
    block = gluon.SymbolBlock.imports(
        files[0], "data", files[1], allow_missing=True, ignore_extra=True
    )
    block.initialize()
    assert block(nd.ones((1, 4))).asnumpy().tolist() == [[4, 4, 4]]


# ---- what mutated_files.py begins with -----------------------------------------------------------

VALUES = [
    None,
    True,
    -1,
    0,
    1,
    3,
    1 << 31,
    1 << 62,
    0.5,
    "",
    "0",
    "-1",
    "(0,)",
    "(1, -1)",
    "None",
    "relu",
    "True",
    "1e999",
    "nan",
    "9" * 50,
    [],
    {},
    [[0, 0]],
    ["a"],
    {"a": "b"},
]
OPERATORS = [
    "null",
    "exp",
    "concat",
    "RNN",
    "Custom",
    "_zeros",
    "topk",
    "Embedding",
    "dot",
    "where",
]


def mutated(source, rng):
    """A file with some of its values, or its bytes, changed."""
    if rng.random() < 0.3:
        text = list(json.dumps(source))
        for _ in range(rng.randint(1, 6)):
            place = rng.randrange(len(text))
            text[place] = rng.choice(['"', "{", "]", ",", "9", "-", "e", text[rng.randrange(99)]])
        return "".join(text)
    found = json.loads(json.dumps(source))
    for _ in range(rng.randint(1, 4)):
        holder = found
        while True:
            keys = list(holder) if isinstance(holder, dict) else range(len(holder))
            if not keys:
                break
            key = rng.choice(keys)
            if isinstance(holder[key], dict | list) and rng.random() < 0.85:
                holder = holder[key]
                continue
            holder[key] = rng.choice(OPERATORS) if key == "op" else deepcopy(rng.choice(VALUES))
            break
    return json.dumps(found)


def sources():
    """Files to begin with: one of today, those of older and newer versions, some of MXNet's."""
    recorded = json.loads((ORACLE / "symbols.json").read_text(encoding="utf-8"))
    names = ("lstm_both_ways", "numpy", "numpy_shapes", "attention", "residual", "prelu")
    names += ("loop", "while", "branch_taken")
    return [graph(), *DIALECTS.values(), BETA_2, *(recorded[name]["graph"] for name in names)]
