"""`python -m microlazy`, and programs of mxnet that run as they stand."""

import json
import subprocess
import sys
from pathlib import Path

import numpy
import pytest

from microlazy import nd, np, npx, sym
from microlazy.command import main, migration


def run(*arguments, cwd=None, env=None):
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, cwd=cwd, env=env
    )


# ---- show and convert ----------------------------------------------------------------------------


@pytest.fixture
def arrays(tmp_path):
    nd.save(str(tmp_path / "net.params"), {"arg:w": nd.ones((2, 3)), "file": nd.arange(4)})
    return tmp_path / "net.params"


def test_show(arrays, capsys):
    assert main(["show", str(arrays)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split() for line in lines[1:3]] == [
        ["arg:w", "(2,", "3)", "float32", "24", "B"],
        ["file", "(4,)", "float32", "16", "B"],
    ]
    assert lines[3] == "2 arrays, 10 numbers, 40 B"


def test_show_a_list_and_a_number(tmp_path, capsys):
    path = str(tmp_path / "list.params")
    npx.set_np()
    npx.save(path, [np.array(3.0), np.ones((0, 2), dtype="int8")])
    npx.reset_np()
    assert main(["show", path]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["0", "()", "float32", "4", "B"]
    assert lines[2].split() == ["1", "(0,", "2)", "int8", "0", "B"]


def test_convert_there_and_back(arrays, tmp_path, capsys):
    pytest.importorskip("safetensors")
    steps = [arrays, *(tmp_path / name for name in ("a.npz", "b.safetensors", "c.params"))]
    for source, target in zip(steps, steps[1:], strict=False):
        assert main(["convert", str(source), str(target)]) == 0
    found, expected = nd.load(str(steps[-1])), nd.load(str(arrays))
    assert found.keys() == expected.keys()
    assert all((found[k].asnumpy() == expected[k].asnumpy()).all() for k in found)
    assert set(numpy.load(tmp_path / "a.npz")) == {"arg:w", "file"}
    nd.save(str(tmp_path / "one.params"), [nd.ones(3)])
    assert main(["convert", str(tmp_path / "one.params"), str(tmp_path / "one.npy")]) == 0
    assert (numpy.load(tmp_path / "one.npy") == 1).all()
    assert "one.npy: 1 array from" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "nothing.params"], "there is no file|cannot read"),
        (["show", "damaged.params"], "damaged.params"),
        (["show", "."], "cannot read"),
        (["convert", "net.params", "net.onnx"], "suffix must be one of"),
        (["convert", "net.params", "net.npy"], ".npy holds one array, but .* has 2"),
        (["migrate", "nowhere"], "nothing at nowhere"),
    ],
)
def test_refusals(arrays, arguments, message, monkeypatch, capsys):
    monkeypatch.chdir(arrays.parent)
    Path("damaged.params").write_bytes(arrays.read_bytes()[:-3])
    before = sorted(Path().iterdir())
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert error.startswith(f"microlazy {arguments[0]}: ")
    assert __import__("re").search(message, error)
    assert sorted(Path().iterdir()) == before


def test_the_module_runs():
    found = run("-m", "microlazy", "config")
    assert found.returncode == 0 and found.stdout.startswith("kernels")
    found = run("-m", "microlazy")
    assert found.returncode == 2 and "COMMAND" in found.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="pipes of POSIX")
def test_a_reader_that_has_seen_enough_is_no_error(arrays):
    command = [sys.executable, "-m", "microlazy", "show", str(arrays)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


# ---- migrate -------------------------------------------------------------------------------------

PROGRAM = '''\
# -*- coding: latin-1 -*-
"""mxnet, gr\xfc\xdfe"""
import os, mxnet as mx
import mxnet
import mxnet.gluon.nn
from mxnet import autograd, nd as F, sparse
from mxnet.gluon import (
    nn,
    rnn as recurrent,
)
from \\
    mxnet.gluon import loss
from . import mxnet as local

def f(x):
    "mxnet in a text stays"
    mx.nd.sparse.zeros(3)
    mxnet.gluon.nn.Dense(3)
    x.nd.anything
    return F.ones(3), recurrent.LSTM, nn.Desne, mx.np.ones(3).sum().foo
'''


@pytest.fixture
def program(tmp_path):
    path = tmp_path / "train.py"
    path.write_bytes(PROGRAM.encode("latin-1").replace(b"\n", b"\r\n"))
    return path


def test_migrate_names(program):
    report = migration.read(program)
    assert report.files == [program]
    names = [use.name for use in report.uses]
    for name in ("gluon.nn", "nd", "gluon.rnn", "gluon.rnn.LSTM", "gluon.nn.Dense", "nd.ones"):
        assert name in names
    assert not any("anything" in name for name in names)
    missing = {use.name: use for use in report.missing}
    assert set(missing) == {"sparse", "nd.sparse.zeros", "gluon.nn.Desne"}
    assert missing["nd.sparse.zeros"].line == 17
    assert "only dense arrays" in missing["nd.sparse.zeros"].missing
    assert "nearest name is 'Dense'" in missing["gluon.nn.Desne"].missing
    assert f"{program}:17" in str(report)


def test_migrate_writes(program, capsys):
    assert main(["migrate", str(program), "--write"]) == 1  # names are missing
    assert "imports replaced in 1 file\n" in capsys.readouterr().out
    expected = (
        PROGRAM.replace("os, mxnet as mx", "os, microlazy as mx")
        .replace("\nimport mxnet\n", "\nimport microlazy as mxnet\n")
        .replace("import mxnet.gluon.nn", "import microlazy.gluon.nn, microlazy as mxnet")
        .replace("from mxnet import", "from microlazy import")
        .replace("from mxnet.gluon", "from microlazy.gluon")
        .replace("    mxnet.gluon import loss", "    microlazy.gluon import loss")
    )
    assert program.read_bytes().replace(b"\r\n", b"\n").decode("latin-1") == expected
    assert program.read_bytes().count(b"\r\n") == PROGRAM.count("\n")
    assert migration.read(program).files == []
    assert main(["migrate", str(program)]) == 0


def test_migrate_notebooks_and_folders(tmp_path, capsys):
    cells = [
        {"cell_type": "markdown", "source": ["import mxnet"]},
        {"cell_type": "code", "source": ["%matplotlib inline\n", "import mxnet as mx\n", "!ls"]},
        {"cell_type": "code", "source": ["x = mx.nd.ones(3)\n", "mx.kvstore_of_old"]},
        {"cell_type": "code", "source": ["%%bash\n", "import mxnet"]},
    ]
    (tmp_path / "sub").mkdir()
    notebook = tmp_path / "sub" / "a.ipynb"
    notebook.write_text(json.dumps({"cells": cells, "nbformat": 4}))
    (tmp_path / "broken.py").write_text("import mxnet (")
    (tmp_path / "other.py").write_text("import gluoncv\n")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "b.py").write_text("import mxnet")
    report = migration.read(tmp_path)
    assert report.files == [notebook]
    assert [use.name for use in report.missing] == ["kvstore_of_old"]
    assert report.missing[0].line == 5
    text = str(report)
    assert "broken.py cannot be read" in text and "gluoncv is built upon mxnet" in text
    assert migration.write(report) == 1
    found = [cell["source"] for cell in json.loads(notebook.read_text())["cells"]]
    assert found[1] == ["%matplotlib inline\n", "import microlazy as mx\n", "!ls"]
    assert [found[i] for i in (0, 2, 3)] == [cells[i]["source"] for i in (0, 2, 3)]


# ---- as_mxnet ------------------------------------------------------------------------------------

UNCHANGED = """\
import sys
import mxnet as mx
import mxnet.gluon.nn as layers
from mxnet import autograd, gluon, init, nd
from mxnet.gluon import nn, rnn
from mxnet.gluon.data.vision import transforms
import microlazy
assert mx.gluon is microlazy.gluon and layers is nn is microlazy.gluon.nn
assert mx.__version__ == "1.9.1" and mx.__spec__.name == "mxnet" and "gluon" in dir(mx)
assert microlazy.gluon.nn.__spec__.name == "microlazy.gluon.nn"
net = nn.Dense(3)
net.initialize(init.Xavier())
with autograd.record():
    net(nd.ones((2, 4))).backward()
print(net.weight.grad().shape, type(mx.sym.Symbol), sys.argv[1:], __name__)
try:
    import mxnet.rtc
except ModuleNotFoundError as error:
    print(error.name, "|", error)
try:
    from mxnet import nothing
except ImportError as error:
    print("ImportError")
"""


def test_programs_run_unchanged(tmp_path):
    script = tmp_path / "train.py"
    script.write_text(UNCHANGED)
    found = run("-m", "microlazy.as_mxnet", str(script), "--epochs", "3")
    assert found.returncode == 0, found.stderr
    lines = found.stdout.splitlines()
    assert lines[0] == "(3, 4) <class 'type'> ['--epochs', '3'] __main__"
    assert lines[1].startswith("mxnet.rtc | mxnet.rtc: ")
    assert lines[2] == "ImportError"
    script.write_text("import microlazy.as_mxnet\n" + UNCHANGED)
    assert run(str(script)).returncode == 0
    assert run("-m", "microlazy.as_mxnet").returncode == 1
    found = run("-m", "microlazy.as_mxnet", "nowhere.py")
    assert found.returncode == 1
    assert found.stderr == "microlazy.as_mxnet: there is nothing at nowhere.py\n"


def test_the_real_one_must_not_be_there(tmp_path):
    (tmp_path / "mxnet.py").write_text("")
    (tmp_path / "train.py").write_text("import mxnet\nimport microlazy.as_mxnet\n")
    found = run("train.py", cwd=tmp_path)
    assert found.returncode == 1
    assert "mxnet is imported already, from " in found.stderr


# ---- graphs --------------------------------------------------------------------------------------


@pytest.fixture
def graph(tmp_path):
    """A symbol file and parameters."""
    x = sym.BatchNorm(sym.FullyConnected(sym.var("data"), num_hidden=3, name="fc"), name="bn")
    sym.SoftmaxOutput(x, name="softmax").save(tmp_path / "net-symbol.json")
    three = nd.ones((3,))
    arrays = {
        **{"arg:fc_weight": nd.ones((3, 4)), "arg:fc_bias": three, "arg:bn_gamma": three},
        **{"arg:bn_beta": three, "aux:bn_moving_mean": three, "aux:bn_moving_var": three},
    }
    nd.save(str(tmp_path / "net-0000.params"), arrays)
    return tmp_path / "net-symbol.json", tmp_path / "net-0000.params", arrays


def test_show_a_graph(graph, capsys):
    assert main(["show", str(graph[0]), "--shape", "data=2,4"]) == 0
    lines = capsys.readouterr().out.splitlines()
    row = next(line for line in lines if line.startswith("fc(FullyConnected)"))
    assert row.split() == ["fc(FullyConnected)", "3", "15", "data"]
    assert lines[-3:] == [
        "3 operators, 8 variables",
        "inputs: data, softmax_label",
        "outputs: softmax_output",
    ]
    assert main(["show", str(graph[0])]) == 0
    for shape, message in (
        ("x=1", "no variable 'x'; there are data"),
        ("data=a", "data=1,3"),
        ("data=1,2", "Total"),
    ):
        found = main(["show", str(graph[0]), "--shape", shape])
        printed = capsys.readouterr()
        assert message in (printed.out if message == "Total" else printed.err)
        assert found == (0 if message == "Total" else 1)


def test_check_what_fits(graph, capsys):
    files = [str(graph[0]), str(graph[1])]
    assert main(["check", *files]) == 0
    assert capsys.readouterr().out.strip().endswith("6 arrays; inputs: data")
    assert main(["check", *files, "--shape", "data=7,4"]) == 0
    assert main(["check", *files, "--shape", "data=7,5"]) == 1
    assert "shape: fc_weight is (3, 4), but the graph needs (3, 5)" in capsys.readouterr().out


def test_check_what_does_not_fit(graph, capsys):
    arrays = dict(graph[2])
    del arrays["arg:fc_bias"], arrays["aux:bn_moving_var"]
    nd.save(str(graph[1]), arrays | {"arg:other": nd.ones((1,))})
    assert main(["check", str(graph[0]), str(graph[1])]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "missing: fc_bias",
        "missing: bn_moving_var",
        "not in the graph: other",
    ]
    assert main(["check", str(graph[1]), str(graph[0])]) == 1
    assert "no symbol file" in capsys.readouterr().err


def test_convert_a_graph(graph, tmp_path, capsys):
    target = tmp_path / "new-symbol.json"
    found = json.loads(graph[0].read_text(encoding="utf-8"))
    for node in found["nodes"]:
        node["attr"] = node.pop("attrs", {})
    graph[0].write_text(json.dumps(found), encoding="utf-8")
    assert main(["convert", str(graph[0]), str(target)]) == 0
    nodes = json.loads(target.read_text(encoding="utf-8"))["nodes"]
    assert nodes[3]["attrs"] == {"num_hidden": "3"}
    assert sym.load(target).tojson() == sym.load(graph[0]).tojson()
    assert main(["convert", str(graph[0]), str(tmp_path / "new.npz")]) == 1
    assert "must be .json" in capsys.readouterr().err
