"""Damaged and hostile ONNX files are refused by name and place."""

import random
import tracemalloc
import warnings
from pathlib import Path

import numpy
import pytest

import microlazy as mx
from microlazy import nd
from microlazy.base import MXNetError
from microlazy.command import main

onnx = pytest.importorskip("onnx")
FIXTURES = Path(__file__).parent / "fixtures" / "onnx"
MOST_BYTES = 64 << 20  # that reading a file of a few kilobytes may take


def model():
    """A small network: a convolution, a dense layer, shapes computed in between."""
    return onnx.load(FIXTURES / "torch_residual_script.onnx")


def node(found, op):
    return next(node for node in found.graph.node if node.op_type == op)


def attribute(op, name):
    return lambda found: next(a for a in node(found, op).attribute if a.name == name)


def changed(change):
    found = model()
    change(found)
    return found


def initializer(found):
    return found.graph.initializer[0]


def huge(found):
    del initializer(found).dims[:]
    initializer(found).dims.extend([1 << 30, 1 << 30])


def external(location, **more):
    def change(found):
        tensor = initializer(found)
        tensor.data_location = tensor.EXTERNAL
        tensor.ClearField("raw_data")
        for key, value in {"location": location, **more}.items():
            entry = tensor.external_data.add()
            entry.key, entry.value = key, value

    return change


def made(op, *constants, count=1, **attributes):
    """Put a node at the end whose inputs are constants."""

    def change(found):
        names = []
        for place, value in enumerate(constants):
            names.append(f"constant{place}")
            tensor = onnx.numpy_helper.from_array(numpy.asarray(value), names[-1])
            found.graph.initializer.append(tensor)
        added = onnx.helper.make_node(op, names, ["made"], "last", **attributes)
        found.graph.node.append(added)

    return change


def cycle(found):
    node(found, "Flatten").input[0] = found.graph.output[0].name


def loop(found):
    body = onnx.helper.make_graph([], "body", [], [])
    found.graph.node.insert(
        0, onnx.helper.make_node("If", ["x0"], ["y"], "branch", then_branch=body)
    )


def input_of(shape, dtype=1):
    def change(found):
        found.graph.input[0].CopyFrom(onnx.helper.make_tensor_value_info("x0", dtype, shape))

    return change


BAD = {
    "unknown operator": (lambda f: setattr(node(f, "Gemm"), "op_type", "Gem"),
                         r"node '.*Gemm' \(Gem\): there is no operator 'Gem'"),
    "unknown domain": (lambda f: setattr(node(f, "Gemm"), "domain", "com.me"),
                       r"\(Gemm\): operators of 'com.me' cannot be read"),
    "cycle": (cycle, r"\(Flatten\) takes '.*', which nothing before it gives"),
    "nothing gives it": (lambda f: node(f, "Relu").input.__setitem__(0, "gone"),
                         r"\(Relu\) takes 'gone', which nothing before it gives"),
    "twice": (lambda f: f.graph.node.append(node(f, "Relu")), "which is there already"),
    "no output": (lambda f: node(f, "Relu").ClearField("output"), r"\(Relu\) has no output"),
    "output of nothing": (lambda f: setattr(f.graph.output[0], "name", "gone"),
                          "no node gives the output 'gone'"),
    "graph within": (loop, r"node 'branch' \(If\): there is no operator 'If'"),
    "huge tensor": (huge, r"tensor '.*': \(1073741824, 1073741824\) has 1152921504606846976"),
    "negative size": (lambda f: initializer(f).dims.__setitem__(0, -4), "is no shape"),
    "other size": (lambda f: initializer(f).dims.__setitem__(0, 9), r"needs \d+ bytes, but \d+"),
    "many axes": (lambda f: initializer(f).dims.extend([1] * 30), "is no shape"),
    "dtype of a tensor": (lambda f: setattr(initializer(f), "data_type", 8), "no dtype STRING"),
    "unknown dtype": (lambda f: setattr(initializer(f), "data_type", 99), "no dtype 99"),
    "two of a name": (lambda f: f.graph.initializer.append(initializer(f)), "two tensors"),
    "path": (external("../secret"), r"the file '../secret' does not lie in the model's folder"),
    "absolute path": (external("/etc/passwd"), "'/etc/passwd' does not lie in"),
    "no path": (external(""), "does not lie in the model's folder"),
    "a folder": (external("."), r"cannot read '\.'|no plain file"),
    "no such file": (external("gone.bin"), r"cannot read 'gone.bin' beside the model"),
    "link outside": (external("link.bin"), "does not lie in the model's folder"),
    "short file": (external("short.bin"), "is too short"),
    "place": (external("short.bin", offset="-3"), "'-3' is no place in a file"),
    "length": (external("short.bin", length="3"), "but 3 are told"),
    "input's dtype": (input_of(["n", 3, 8, 8], 8), "'x0': arrays have no dtype STRING"),
    "input's size": (input_of([1 << 20, 3, 1 << 20, 1 << 20]), "'x0': .* elements"),
    "input's rank": (input_of(["n"]), r"\(Conv\)"),
    "no features": (input_of(["n", 5, 8, 8]), r"node '.*' \(Conv\)"),
    "strides": (lambda f: attribute("Conv", "strides")(f).ints.append(3), r"strides = .* for 2"),
    "pads": (lambda f: attribute("Conv", "pads")(f).ints.__setitem__(0, -1), r"pads = \[-1"),
    "pads of 2**60": (lambda f: attribute("Conv", "pads")(f).ints.__setitem__(0, 1 << 60),
                      r"node '.*' \(Conv\)"),
    "auto_pad": (lambda f: node(f, "Conv").attribute.append(
                     onnx.helper.make_attribute("auto_pad", "SAME")),
                 r"node '.*' \(Conv\): auto_pad = 'SAME' cannot be read"),
    "kernel": (lambda f: attribute("Conv", "kernel_shape")(f).ints.append(3), "a kernel"),
    "fill": (made("ConstantOfShape", numpy.array([1 << 30, 1 << 30])), r"node 'last' .*array of"),
    "range": (made("Range", 0, 1 << 60, 1), r"node 'last' .*array of shape"),
    "endless range": (made("Range", 0, 5, 0), r"node 'last' \(Range\): division by zero"),
    "expand": (made("Expand", numpy.ones(1), numpy.array([1 << 30] * 2)), r"node 'last' .*array"),
    "tile": (made("Tile", numpy.ones(9), numpy.array([1 << 40])), r"node 'last' .*array of shape"),
    "divides": (made("Div", numpy.array(1), numpy.array(0)), r"node 'last' .*divides by zero"),
    "gathers": (made("Gather", numpy.ones(3), numpy.array(7)), r"node 'last' .*out of bounds"),
    "no graph": (lambda f: f.ClearField("graph"), "is no file of ONNX"),
    "no opset": (lambda f: f.ClearField("opset_import"), "is no file of ONNX"),
    "sparse": (lambda f: f.graph.sparse_initializer.add(), "sparse tensors cannot be read"),
}  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    inside = tmp_path / "model"
    inside.mkdir()
    (tmp_path / "secret").write_bytes(bytes(9999))
    (inside / "short.bin").write_bytes(b"123")
    (inside / "link.bin").symlink_to(tmp_path / "secret")
    return inside


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_is_named(name, folder):
    change, message = BAD[name]
    path = folder / "net.onnx"
    path.write_bytes(changed(change).SerializeToString())
    tracemalloc.start()
    try:
        with pytest.raises(MXNetError, match=message) as caught:
            mx.onnx.load(path)
        assert tracemalloc.get_traced_memory()[1] < MOST_BYTES
    finally:
        tracemalloc.stop()
    assert "net.onnx" in str(caught.value)


def test_tensors_in_another_file(folder):
    x = nd.random.uniform(shape=(1, 3, 8, 8))
    expected = mx.onnx.load(FIXTURES / "torch_residual_script.onnx")(x)
    onnx.save(model(), folder / "net.onnx", save_as_external_data=True, location="weights.bin",
              size_threshold=0)  # fmt: skip
    found = mx.onnx.load(folder / "net.onnx")(x)
    assert numpy.array_equal(found.asnumpy(), expected.asnumpy())


@pytest.mark.parametrize("content", [b"", b"\x80\x04\x95cos\nsystem", b"{}", bytes(100)], ids=repr)
def test_what_is_no_onnx_file(content, tmp_path):
    path = tmp_path / "net.onnx"
    path.write_bytes(content)
    with pytest.raises(MXNetError, match="is no file of ONNX"):
        mx.onnx.load(path)
    with pytest.raises(MXNetError, match="cannot read"):
        mx.onnx.load(tmp_path)


def mutated(content, generator):
    """The bytes of a file with some changed, taken away, doubled or cut off."""
    found = bytearray(content)
    for _ in range(generator.randint(1, 4)):
        place = generator.randrange(len(found))
        kind = generator.random()
        if kind < 0.6:
            found[place] = generator.choice([0, 1, 127, 128, 255, generator.randrange(256)])
        elif kind < 0.75:
            del found[place : place + generator.randint(1, 8)]
        elif kind < 0.9:
            found[place:place] = found[place : place + generator.randint(1, 16)]
        else:
            del found[generator.randrange(1, len(found)) :]
    return bytes(found)


def fuzz(count, folder):
    names = ("torch_mlp_script", "torch_residual_script", "torch_lstm_script",
             "torch_attention_script", "sklearn_scaled")  # fmt: skip
    contents = [(FIXTURES / f"{name}.onnx").read_bytes() for name in names]
    generator, path, refused = random.Random(1), folder / "net.onnx", 0
    for i in range(count):
        path.write_bytes(mutated(contents[i % len(contents)], generator))
        tracemalloc.start()
        try:
            mx.onnx.load(path)
        except MXNetError as error:
            refused += 1
            assert "net.onnx" in str(error)
        finally:
            most = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        assert most < MOST_BYTES
    assert 0.2 < refused / count < 1
    assert {entry.name for entry in folder.iterdir()} == {"net.onnx"}


def test_mutated_files(tmp_path):
    fuzz(150, tmp_path)


@pytest.mark.exhaustive
def test_many_mutated_files(tmp_path):
    fuzz(20_000, tmp_path)


# ---- the command ---------------------------------------------------------------------------------


def test_show_and_convert(tmp_path, capsys):
    source, prefix = FIXTURES / "torch_residual_script.onnx", tmp_path / "net"
    picture = tmp_path / "net.gv"
    assert main(["show", str(source), "--picture", str(picture)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[-4:-1] == [
        "inputs: x0 (?, 3, 8, 8)",
        f"outputs: {model().graph.output[0].name} (?, 4)",
        "producer_name: pytorch, producer_version: 2.13.0",
    ]
    assert any("(Convolution)" in line and "/first/first.0" in line for line in lines)
    assert picture.read_text(encoding="utf-8").startswith('digraph "net"')
    files = f"{prefix}-symbol.json", f"{prefix}-0000.params"
    assert main(["convert", str(source), files[0]]) == 0
    target = tmp_path / "again.onnx"
    assert main(["convert", *files, str(target), "--shape", "x0=0,3,8,8"]) == 0
    x = nd.random.uniform(shape=(3, 3, 8, 8))
    expected = mx.onnx.load(source)(x).asnumpy()
    numpy.testing.assert_allclose(mx.onnx.load(target)(x).asnumpy(), expected, 1e-5, 1e-6)
    block = mx.gluon.SymbolBlock.imports(files[0], ["x0"], files[1])
    assert numpy.array_equal(block(x).asnumpy(), expected)
    assert main(["show", str(target), "--shape", "x0=2,3,8,8"]) == 0
    capsys.readouterr()
    for arguments, message in (
        (["convert", str(source), "net.npz"], "must end in -symbol.json"),
        (["convert", files[0], str(target)], "give a symbol file and its parameters"),
        (["convert", *files, str(target)], "give the shape of each input"),
        (["convert", *files, "net.npz"], "2 files become one only as .onnx"),
        (["show", str(source), "--shape", "y=1"], "no input 'y'; there are x0"),
        (["show", files[1], "--picture", "net.gv"], "has no network to draw"),
        (["show", str(source), "--picture", "net"], "the suffix says the format"),
    ):
        assert main(arguments) == 1
        assert message in capsys.readouterr().err


def test_nothing_is_told_of_the_machine():
    """Fixtures hold no paths of the machine that wrote them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for path in FIXTURES.glob("*.onnx"):
            assert b"/work" not in path.read_bytes() and b"/tmp" not in path.read_bytes()
