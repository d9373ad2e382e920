"""ONNX files of PyTorch and scikit-learn compute what they did there, and train."""

from pathlib import Path

import numpy
import pytest

import microlazy as mx
from microlazy import autograd, gluon, nd, npx
from microlazy.base import MXNetError

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")
helper = onnx.helper

FIXTURES = Path(__file__).parent / "fixtures" / "onnx"
FILES = sorted(path.stem for path in FIXTURES.glob("*.onnx"))


def recorded(name):
    base = name.removesuffix("_script").removesuffix("_dynamo")
    with numpy.load(FIXTURES / f"{base}.npz") as found:
        return ([found[key] for key in found if key[0] == "x"],
                [found[key] for key in found if key[0] == "y"])  # fmt: skip


def listed(outputs):
    return list(outputs) if isinstance(outputs, list | tuple) else [outputs]


def compare(outputs, expected, rows=None):
    for ours, theirs in zip(listed(outputs), expected, strict=True):
        assert ours.shape == theirs[:rows].shape
        numpy.testing.assert_allclose(ours.asnumpy(), theirs[:rows], 1e-4, 1e-5)


@pytest.mark.parametrize("is_np", [False, True], ids=["nd", "np"])
@pytest.mark.parametrize("name", FILES)
def test_files_of_other_exporters(name, is_np):
    inputs, outputs = recorded(name)
    with mx.util.np_shape(is_np), mx.util.np_array(is_np):
        face = mx.np if is_np else nd
        net = mx.onnx.load(FIXTURES / f"{name}.onnx")
        arrays = [face.array(x, dtype=x.dtype) for x in inputs]
        found = net(*arrays)
        assert all(type(x) is type(arrays[0]) for x in listed(found))
        compare(found, outputs)
        net.hybridize()
        compare(net(*arrays), outputs)
        compare(net(*[x[:1] for x in arrays]), outputs, 1)  # the batch is free


def test_both_exporters_are_there():
    kinds = {"script", "dynamo"}
    names = {name.removeprefix("torch_") for name in FILES if name.startswith("torch_")}
    bases = {name.rsplit("_", 1)[0] for name in names}
    assert names == {f"{base}_{kind}" for base in bases for kind in kinds} and len(bases) == 10
    assert len([name for name in FILES if name.startswith("sklearn_")]) == 8
    assert sum(path.stat().st_size for path in FIXTURES.iterdir()) < 2e6


@pytest.mark.parametrize("name", ["torch_mlp_script", "torch_residual_dynamo", "torch_gru_script"])
def test_a_loaded_network_trains_and_saves(name, tmp_path):
    inputs, _ = recorded(name)
    net = mx.onnx.load(FIXTURES / f"{name}.onnx")
    x = [nd.array(x, dtype=x.dtype) for x in inputs]
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.05})
    losses = []
    for _ in range(5):
        with autograd.record():
            loss = ((net(*x) - 0.3) ** 2).sum()
        loss.backward()
        trainer.step(1)
        losses.append(loss.asscalar())
    assert losses[-1] < losses[0]
    net.save_parameters(str(tmp_path / "net.params"))
    other = mx.onnx.load(FIXTURES / f"{name}.onnx")
    assert not numpy.allclose(other(*x).asnumpy(), net(*x).asnumpy())
    other.load_parameters(str(tmp_path / "net.params"))
    assert numpy.array_equal(other(*x).asnumpy(), net(*x).asnumpy())
    path = net.export_onnx(tmp_path / "again.onnx", *[x.shape for x in inputs],
                           dtypes=[x.dtype for x in inputs])  # fmt: skip
    numpy.testing.assert_allclose(mx.onnx.load(path)(*x).asnumpy(), net(*x).asnumpy(), 1e-4, 1e-5)
    assert "operators" in repr(net)


def test_the_names_of_weights_are_kept():
    net = mx.onnx.load(FIXTURES / "torch_mlp_script.onnx")
    assert list(net.collect_params()) == ["0.weight", "0.bias", "3.weight", "3.bias"]
    assert net.metadata["producer_name"] == "pytorch"
    masked = mx.onnx.load(FIXTURES / "torch_attention_dynamo.onnx").collect_params()
    kinds = {p.grad_req for p in masked.values() if numpy.dtype(p.dtype) == bool}
    assert kinds == {"null"}


# ---- operators -----------------------------------------------------------------------------------

A = numpy.random.default_rng(5).uniform(-2, 2, (2, 3, 4)).astype("float32")
I = numpy.random.default_rng(6).uniform(-2, 2, (2, 4, 6, 6)).astype("float32")  # noqa: E741
NODES = {
    "Softmax before 13": ("Softmax", [A], {"axis": 1}, 11),
    "LogSoftmax": ("LogSoftmax", [A], {"axis": 1}, 17),
    "Gelu": ("Gelu", [A], {"approximate": "tanh"}, 20),
    "Mish": ("Mish", [A], {}, 18),
    "Shrink": ("Shrink", [A], {"lambd": 0.7, "bias": 0.3}, 17),
    "ThresholdedRelu": ("ThresholdedRelu", [A], {"alpha": 0.4}, 17),
    "HardSigmoid": ("HardSigmoid", [A], {"alpha": 0.3}, 17),
    "Selu": ("Selu", [A], {}, 17),
    "PRelu": ("PRelu", [A, A[:1, :1, :4].copy()], {}, 17),
    "Mod": ("Mod", [A, abs(A) + 0.5], {"fmod": 1}, 17),
    "Mean": ("Mean", [A, A + 1, A * 2], {}, 17),
    "Sum": ("Sum", [A, A + 1], {}, 17),
    "Xor": ("Xor", [A > 0, A < 1], {}, 17),
    "Clip before 11": ("Clip", [A], {"min": -0.5, "max": 1.0}, 6),
    "Div of integers": ("Div", [numpy.arange(-4, 5), numpy.full(9, 2)], {}, 17),
    "IsNaN": ("IsNaN", [numpy.where(A > 1, numpy.nan, A).astype("float32")], {}, 17),
    "ReduceL1": ("ReduceL1", [A], {"axes": [1]}, 17),
    "ReduceL2": ("ReduceL2", [A], {"axes": [1, 2], "keepdims": 0}, 17),
    "ReduceLogSumExp": ("ReduceLogSumExp", [A], {"axes": [-1]}, 17),
    "ReduceLogSum": ("ReduceLogSum", [abs(A)], {"axes": [-1]}, 17),
    "ReduceMean": ("ReduceMean", [A], {}, 17),
    "TopK": ("TopK", [A, numpy.array([2])], {"axis": 1, "largest": 0}, 17),
    "CumSum": ("CumSum", [A, numpy.array(1)], {"reverse": 1}, 17),
    "LpNormalization": ("LpNormalization", [A], {"axis": 1, "p": 1}, 17),
    "MeanVarianceNormalization": ("MeanVarianceNormalization", [I], {}, 17),
    "LayerNormalization": ("LayerNormalization", [A, A[0], A[1]], {"axis": 1}, 17),
    "RMSNormalization": ("RMSNormalization", [A, A[0, 0]], {"axis": -1}, 23),
    "GroupNormalization": ("GroupNormalization", [I, I[0, :4, 0, 0], I[1, :4, 0, 0]],
                           {"num_groups": 2}, 21),
    "CastLike": ("CastLike", [A, numpy.array([1])], {}, 17),
    "Dropout": ("Dropout", [A, numpy.float32(0.7)], {}, 17),
    "IsInf": ("IsInf", [numpy.where(A > 1, numpy.inf, A).astype("float32")], {}, 17),
    "Or": ("Or", [A > 0, A < 1], {}, 17),
    "Swish": ("Swish", [A], {"alpha": 0.5}, 24),
    "LpPool": ("LpPool", [I], {"kernel_shape": [2, 3], "strides": [2, 1], "p": 2}, 17),
    "Upsample": ("Upsample", [I, numpy.float32([1, 1, 3, 3])], {"mode": "nearest"}, 9),
    "MaxRoiPool": ("MaxRoiPool", [I, numpy.float32([[0, 0, 0, 4, 4], [1, 1, 2, 5, 3]])],
                   {"pooled_shape": [2, 2]}, 17),
    "Binarizer": ("ai.onnx.ml.Binarizer", [A[0]], {"threshold": 0.2}, 17),
    "Imputer": ("ai.onnx.ml.Imputer", [numpy.where(A[0] > 1, numpy.nan, A[0]).astype("float32")],
                {"imputed_value_floats": [1.0, 2.0, 3.0, 4.0],
                 "replaced_value_float": float("nan")}, 17),
    "Transpose": ("Transpose", [A], {}, 17),
    "Flatten": ("Flatten", [A], {"axis": 2}, 17),
    "Squeeze": ("Squeeze", [A[:, :1]], {}, 17),
    "Unsqueeze before 13": ("Unsqueeze", [A], {"axes": [0, -1]}, 11),
    "Split": ("Split", [A, numpy.array([1, 3])], {"axis": 2}, 17),
    "Slice": ("Slice", [A, numpy.array([3, -1]), numpy.array([0, -9]), numpy.array([2, 1]),
                        numpy.array([-1, -2])], {}, 17),
    "Slice before 10": ("Slice", [A], {"starts": [1], "ends": [1000], "axes": [1]}, 9),
    "Gather": ("Gather", [A, numpy.array([[0, -1], [1, 1]])], {"axis": 1}, 17),
    "Gather one": ("Gather", [A, numpy.array(-1)], {"axis": 2}, 17),
    "GatherElements": ("GatherElements", [A, numpy.array([[[1, 0, 2, 2]]] * 2)], {"axis": 1}, 17),
    "GatherND": ("GatherND", [A, numpy.array([[0, 1], [1, 2]])], {}, 17),
    "Expand": ("Expand", [A[:, :1], numpy.array([5, 1, 3, 1])], {}, 17),
    "Tile": ("Tile", [A, numpy.array([1, 2, 1])], {}, 17),
    "Pad": ("Pad", [A, numpy.array([0, 1, 0, 1, 2, 0]), numpy.float32(2.5)], {}, 17),
    "Pad that cuts": ("Pad", [A, numpy.array([0, -1, 0, 0, 0, -2])], {}, 17),
    "Pad of three axes": ("Pad", [A, numpy.array([0, 0, 1, 0, 0, 2])], {"mode": "reflect"}, 17),
    "DepthToSpace": ("DepthToSpace", [I], {"blocksize": 2}, 17),
    "SpaceToDepth": ("SpaceToDepth", [I], {"blocksize": 2}, 17),
    "Trilu": ("Trilu", [A], {}, 17),
    "OneHot": ("OneHot", [numpy.array([0, 2]), numpy.array(4), numpy.float32([1, 5])], {}, 17),
    "ReverseSequence": ("ReverseSequence", [A, numpy.array([2, 1, 2])],
                        {"time_axis": 0, "batch_axis": 1}, 17),
    "MatMul that broadcasts": ("MatMul", [I, I[0, :1].copy()], {}, 17),
    "Gemm": ("Gemm", [A[0], A[1], A[0, :, :3].copy()], {"transA": 0, "transB": 1, "alpha": 0.5,
                                                        "beta": 2.0}, 17),
    "Einsum": ("Einsum", [A, A], {"equation": "abc, abd -> acd"}, 17),
    "Conv": ("Conv", [I, I[:, :, :3, :2].copy()], {"auto_pad": "SAME_LOWER",
                                                   "strides": [2, 2]}, 17),
    "Conv with uneven pads": ("Conv", [I, I[:, :2, :3, :2].copy()], {"pads": [1, 0, 2, 1],
                                                                     "group": 2}, 17),
    "ConvTranspose": ("ConvTranspose", [I, I[0, :, None, :3, :3].copy()],
                      {"strides": [2, 2], "pads": [1, 0, 0, 1]}, 17),
    "MaxPool": ("MaxPool", [I], {"kernel_shape": [3, 2], "pads": [1, 0, 0, 1]}, 17),
    "AveragePool": ("AveragePool", [I], {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}, 17),
    "AveragePool to the end": ("AveragePool", [I], {"kernel_shape": [3, 3], "strides": [2, 2],
                                                    "ceil_mode": 1}, 17),
    "LRN": ("LRN", [I], {"size": 3, "alpha": 0.4}, 17),
    "Resize": ("Resize", [I, None, numpy.float32([1, 1, 2, 2])],
               {"mode": "nearest", "nearest_mode": "floor",
                "coordinate_transformation_mode": "asymmetric"}, 17),
    "Resize to sizes": ("Resize", [I, None, None, numpy.array([2, 4, 9, 5])],
                        {"mode": "linear", "coordinate_transformation_mode": "align_corners"}, 17),
    "LSTM in reverse": ("LSTM", [A, A[:1, :, :1].repeat(4, 2).repeat(4, 1)[:, :12],
                                 A[:1, :, :3].repeat(4, 1)], {"hidden_size": 3,
                                                              "direction": "reverse"}, 17),
}  # fmt: skip


def model(op, inputs, attributes, opset, outputs=1, fixed=1):
    """One node; its first inputs are inputs of the model, the rest are constants."""
    names = ["" if x is None else f"x{i}" for i, x in enumerate(inputs)]
    domain, _, kind = op.rpartition(".")
    made = [f"y{i}" for i in range(outputs)]
    node = helper.make_node(kind, names, made, "it", domain=domain, **attributes)
    types = [helper.np_dtype_to_tensor_dtype(x.dtype) if x is not None else 0 for x in inputs]
    given = [helper.make_tensor_value_info(names[i], types[i], inputs[i].shape)
             for i in range(fixed)]  # fmt: skip
    out = [helper.make_empty_tensor_value_info(f"y{i}") for i in range(outputs)]
    constants = [onnx.numpy_helper.from_array(numpy.asarray(x), names[i])
                 for i, x in enumerate(inputs) if i >= fixed and x is not None]  # fmt: skip
    graph = helper.make_graph([node], "g", given, out, constants)
    versions = [helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=versions, ir_version=8)


DATA = {"Mod": 2, "Mean": 3, "Sum": 2, "Xor": 2, "Or": 2, "Div": 2, "Einsum": 2, "MatMul": 2,
        "Gemm": 3}  # fmt: skip


@pytest.mark.parametrize("name", NODES)
def test_operators_as_onnx_defines_them(name, tmp_path):
    op, inputs, attributes, opset = NODES[name]
    outputs = {"TopK": 2, "Split": 2, "LSTM": 3}.get(op, 1)
    count = DATA.get(op, 1)
    made = model(op, inputs, attributes, opset, outputs, count)
    given = {f"x{i}": x for i, x in enumerate(inputs[:count])}
    path = tmp_path / "one.onnx"
    path.write_bytes(made.SerializeToString())
    arrays = [nd.array(x, dtype=x.dtype) for x in given.values()]
    found = listed(mx.onnx.load(path)(*arrays))
    expected = runtime.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, given)
    for ours, theirs in zip(found, expected, strict=True):
        theirs = numpy.asarray(theirs)
        assert ours.shape == (theirs.shape or (1,)) and ours.dtype == theirs.dtype
        numpy.testing.assert_allclose(ours.asnumpy(), theirs.reshape(ours.shape), 1e-4, 1e-5)


@pytest.mark.parametrize("is_constant", [False, True], ids=["input", "table"])
def test_places_from_behind_and_beyond_the_end(is_constant, tmp_path):
    table = numpy.arange(6, dtype="float32").reshape(3, 2)
    places = helper.make_tensor_value_info("places", 7, ["n"])
    given = [] if is_constant else [helper.make_tensor_value_info("table", 1, [3, 2])]
    constants = [onnx.numpy_helper.from_array(table, "table")] if is_constant else []
    out = helper.make_tensor_value_info("y", 1, None)
    node = helper.make_node("Gather", ["table", "places"], ["y"])
    made = helper.make_model(helper.make_graph([node], "g", [*given, places], [out], constants),
                             opset_imports=[helper.make_opsetid("", 17)])  # fmt: skip
    (tmp_path / "net.onnx").write_bytes(made.SerializeToString())
    net = mx.onnx.load(tmp_path / "net.onnx")
    before = [] if is_constant else [nd.array(table)]
    for hybridized in (False, True):
        net.hybridize(hybridized)
        found = net(*before, nd.array([-1, 2, -3], dtype="int64"))
        assert numpy.array_equal(found.asnumpy(), table[[-1, 2, -3]])
        for place in (3, -4):
            with pytest.raises((MXNetError, IndexError), match=f"index {place} is out of bounds"):
                net(*before, nd.array([place], dtype="int64"))


def test_shapes_can_be_given(tmp_path):
    shape = helper.make_tensor_value_info("x", 1, ["n", "t"])
    nodes = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("Cast", ["s"], ["f"], to=1),
        helper.make_node("Mul", ["x", "f"], ["y"]),
    ]
    out = helper.make_tensor_value_info("y", 1, None)
    made = helper.make_model(helper.make_graph(nodes, "g", [shape], [out]),
                             opset_imports=[helper.make_opsetid("", 17)])  # fmt: skip
    path = tmp_path / "net.onnx"
    path.write_bytes(made.SerializeToString())
    with pytest.raises(MXNetError, match=r"node 'Mul_2' \(Mul\): .*give shapes to load"):
        mx.onnx.load(path)
    x = nd.ones((3, 2))
    expected = [[3, 2]] * 3
    assert mx.onnx.load(path, (3, 2))(x).asnumpy().tolist() == expected
    for shapes, message in (
        ([(3, 2), (1,)], "2 shapes are given for 1 inputs: x"),
        ([(3,)], r"'x' has 2 axes, but \(3,\) is given"),
        ([(3, 0)], r"0 in \(3, 0\) is no size"),
    ):
        with pytest.raises(MXNetError, match=message):
            mx.onnx.load(path, *shapes)


def test_what_is_made_of_free_sizes(tmp_path):
    """Arrays of zeros and ranges, whose size is that of the batch."""
    given = helper.make_tensor_value_info("x", 1, ["n", 3])
    one = onnx.numpy_helper.from_array(numpy.array([0]), "zero")
    nodes = [
        helper.make_node("Shape", ["x"], ["s"]),
        helper.make_node("ConstantOfShape", ["s"], ["c"],
                         value=helper.make_tensor("v", 1, [1], [2.0])),
        helper.make_node("Gather", ["s", "scalar"], ["n0"]),
        helper.make_node("Range", ["scalar", "n0", "step"], ["r"]),
        helper.make_node("Cast", ["r"], ["f"], to=1),
        helper.make_node("Unsqueeze", ["f", "last"], ["column"]),
        helper.make_node("Add", ["x", "c"], ["a"]),
        helper.make_node("Add", ["a", "column"], ["y"]),
    ]  # fmt: skip
    numbers = {"scalar": numpy.array(0), "step": numpy.array(1), "last": numpy.array([1])}
    constants = [onnx.numpy_helper.from_array(x, name) for name, x in numbers.items()] + [one]
    out = helper.make_tensor_value_info("y", 1, None)
    made = helper.make_model(helper.make_graph(nodes, "g", [given], [out], constants),
                             opset_imports=[helper.make_opsetid("", 17)])  # fmt: skip
    (tmp_path / "net.onnx").write_bytes(made.SerializeToString())
    net = mx.onnx.load(tmp_path / "net.onnx")
    for rows in (1, 4):
        found = net(nd.zeros((rows, 3))).asnumpy()
        assert numpy.array_equal(found, numpy.arange(rows)[:, None] + 2 + numpy.zeros((rows, 3)))


def test_missing_library(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(MXNetError, match=r"pip install microlazy\[onnx\]"):
        mx.onnx.load("net.onnx")


def test_np_is_what_npx_says():
    npx.set_np()
    try:
        net = mx.onnx.load(FIXTURES / "torch_mlp_script.onnx")
        assert isinstance(next(iter(net.collect_params().values())).data(), mx.np.ndarray)
    finally:
        npx.reset_np()
