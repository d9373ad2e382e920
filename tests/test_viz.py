"""Pictures and tables of networks and of their training."""

import re
import struct
import sys
from html.parser import HTMLParser

import numpy
import pytest

import microlazy as mx
from microlazy import autograd, gluon, nd, sym, viz
from microlazy.base import MXNetError
from microlazy.gluon import nn
from microlazy.gluon.contrib.estimator import (
    CheckpointHandler,
    Estimator,
    HistoryHandler,
    TensorBoardHandler,
)
from microlazy.gluon.model_zoo import vision


class Residual(gluon.HybridBlock):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        with self.name_scope():
            self.layer = nn.Dense(4, activation="relu", prefix="layer_")

    def hybrid_forward(self, F, x):
        return F.exp(x + self.layer(x) * 2)


def residual():
    net = Residual(prefix="")
    net.initialize()
    return net


def edges(source):
    return re.findall(r'"(\S+)" -> "(\S+)"', source)


def test_a_graph_has_layers_and_the_ops_between():
    graph = viz.plot_network(residual(), shape=(2, 4))
    assert edges(graph.source) == [
        ("data", "layer"),
        ("layer", "multiply"),
        ("data", "add"),
        ("multiply", "add"),
        ("add", "exp"),
    ]
    assert '"layer" [label="Dense\\n4 -> 4, Activation(relu)", fillcolor="#fb8072"]' in graph.source


@pytest.mark.parametrize("hybridize", [False, True])
def test_sizes_are_found_and_nothing_is_left_behind(hybridize):
    net = nn.HybridSequential()
    net.add(nn.Conv2D(4, 3), nn.Dense(2))
    net.initialize()
    net.hybridize(hybridize)
    graph = viz.plot_network(net, shape=(1, 3, 8, 8))
    assert net[0].weight.shape == (4, 3, 3, 3)
    assert [label for label in re.findall(r'-> .* \[label="(.*)"\]', graph.source)] == [
        "3x8x8",
        "4x6x6",
    ]
    assert not any(layer._forward_hooks or layer._forward_pre_hooks for layer in net)
    assert net(nd.ones((1, 3, 8, 8))).shape == (1, 2)


def test_a_layer_that_is_used_twice_stands_there_twice():
    class Twice(gluon.HybridBlock):
        def __init__(self):
            super().__init__(prefix="")
            self.layer = nn.Dense(4, in_units=4, prefix="layer_")

        def hybrid_forward(self, F, x):
            return self.layer(self.layer(x))

    net = Twice()
    net.initialize()
    assert edges(viz.plot_network(net, shape=(1, 4)).source) == [
        ("data", "layer"),
        ("layer", "layer_1"),
    ]


def test_layers_that_do_nothing_stand_in_a_row_but_not_beside_others():
    both = nn.HybridConcatenate(axis=1, prefix="")
    both.add(nn.Identity(prefix="same_"), nn.Dense(4, prefix="dense_"))
    net = nn.HybridSequential(prefix="")
    net.add(nn.Dropout(0.5, prefix="drop_"), both)
    net.initialize()
    assert edges(viz.plot_network(net, shape=(1, 4)).source)[:4] == [
        ("data", "drop"),
        ("drop", "dense"),
        ("drop", "concatenate"),
        ("dense", "concatenate"),
    ]


def test_weights_and_dtypes_are_shown_when_asked_for():
    graph = viz.plot_network(
        residual(), "net", shape={"x": (2, 4)}, dtype="float32", hide_weights=False
    )
    assert ("layer_weight", "layer") in edges(graph.source)
    assert ("x", "layer") in edges(graph.source)
    assert 'label="4x4(float32)"' in graph.source and 'digraph "net"' in graph.source


def test_several_inputs_and_attributes():
    class Sum(gluon.HybridBlock):
        def hybrid_forward(self, F, x, y):
            return x + y

    net = Sum(prefix="sum_")
    graph = viz.plot_network(net, shape=[(2, 3), (2, 3)], node_attrs={"shape": 'o"val'})
    assert edges(graph.source) == [("data", "sum"), ("data1", "sum")]
    assert 'shape="o\\"val"' in graph.source


@pytest.mark.parametrize("name", ["resnet18_v2", "mobilenetv2_0.25", "squeezenet1.1"])
def test_graphs_of_the_zoo_hang_together(name):
    net = vision.get_model(name, classes=10)
    net.initialize()
    pairs = edges(viz.plot_network(net, shape=(1, 3, 224, 224)).source)
    above = {}
    for source, target in pairs:
        above.setdefault(target, set()).add(source)
    seen, waiting = set(), {pairs[-1][1]}
    while waiting:
        vertex = waiting.pop()
        seen.add(vertex)
        waiting |= above.get(vertex, set()) - seen
    assert seen == {vertex for pair in pairs for vertex in pair} and "data" in seen


def test_a_summary_counts_each_parameter_once(capsys):
    net = vision.resnet18_v1(classes=10, thumbnail=True)
    net.initialize()
    viz.print_summary(net, (1, 3, 32, 32))
    lines = capsys.readouterr().out.splitlines()
    total = sum(p.data().size for p in net.collect_params().values())
    assert lines[-2] == f"Total params: {total}"
    assert all(len(line) <= 120 for line in lines) and lines[0] == "_" * 120
    assert any(line.startswith("data(null)") and "3x32x32" in line for line in lines)
    place = next(i for i, line in enumerate(lines) if line.startswith("add("))
    assert lines[place + 1].strip().endswith("batchnorm1")  # its second input

    tied = nn.HybridSequential()
    tied.add(nn.Dense(3, in_units=3))
    tied.add(nn.Dense(3, in_units=3, params=tied[0].params))
    tied.initialize()
    viz.print_summary(tied, (1, 3))
    assert "Total params: 12" in capsys.readouterr().out


@pytest.mark.parametrize("make", [viz.plot_network, viz.print_summary])
def test_what_is_no_network_or_has_no_shape_is_refused(make):
    with pytest.raises(TypeError, match="net must be a Block"):
        make(3, shape=(1, 2))
    with pytest.raises(ValueError, match="shape is needed"):
        make(residual())


def a_program(folder, monkeypatch, text):
    """Put a program of the name dot into the path."""
    program = folder / "dot"
    program.write_text(f"#!{sys.executable}\nimport sys\n{text}")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


def test_without_graphviz_a_picture_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    graph = viz.Digraph("digraph {}")
    with pytest.raises(MXNetError, match="the program dot is not installed"):
        graph.render(tmp_path / "net")
    assert graph._repr_svg_() is None and not list(tmp_path.iterdir())


@pytest.mark.skipif(sys.platform == "win32", reason="a script is no program there")
def test_graphviz_draws(tmp_path, monkeypatch):
    a_program(tmp_path, monkeypatch, "print(sys.argv[1:], sys.stdin.read())")
    path = viz.Digraph("digraph {}", format="png").render(tmp_path / "net")
    assert path == str(tmp_path / "net.png")
    assert (tmp_path / "net.png").read_text() == "['-Tpng'] digraph {}\n"
    assert viz.Digraph("digraph {}")._repr_svg_() == "['-Tsvg'] digraph {}\n"
    a_program(tmp_path, monkeypatch, "sys.exit('syntax error')")
    with pytest.raises(MXNetError, match="cannot draw the graph: syntax error"):
        viz.Digraph("x").render(tmp_path / "other")
    assert not (tmp_path / "other.pdf").exists()


# ---- charts ----


def lines_of(axes):
    return {line.get_label(): line.get_ydata().tolist() for line in axes.lines}


def trained(*handlers, val=True, epochs=3):
    rng = numpy.random.default_rng(0)
    x = rng.normal(size=(16, 4)).astype("float32")
    data = gluon.data.ArrayDataset(x, x.sum(1) > 0)
    net = nn.HybridSequential()
    net.add(nn.Dense(8, activation="relu"), nn.BatchNorm(), nn.Dense(2))
    net.initialize()
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1})
    made = Estimator(net, gluon.loss.SoftmaxCrossEntropyLoss(), trainer=trainer)
    made.logger.handlers = []
    loader = gluon.data.DataLoader(data, 4)
    made.fit(loader, loader if val else None, epochs=epochs, event_handlers=[*handlers])
    return made


def test_a_history_is_drawn(tmp_path):
    history = HistoryHandler()
    trained(history)
    figure = viz.plot_training(history)
    accuracy, loss = figure.axes
    assert accuracy.get_title() == "accuracy" and loss.get_title() == "softmaxcrossentropyloss"
    assert lines_of(accuracy) == {
        "training": history.values["training accuracy"],
        "validation": history.values["validation accuracy"],
    }
    assert len(history.values["training accuracy"]) == 3
    figure.savefig(tmp_path / "training.png")
    assert (tmp_path / "training.png").stat().st_size > 1000
    with pytest.raises(ValueError, match="no values"):
        viz.plot_training({})


def test_a_history_goes_on_with_a_run(tmp_path):
    whole = HistoryHandler()
    for epochs in (2, 4):
        mx.random.seed(1)
        history = HistoryHandler()
        checkpoint = CheckpointHandler(tmp_path, resume_from_checkpoint=True)
        trained(history, checkpoint, epochs=epochs)
    mx.random.seed(1)
    trained(whole, epochs=4)
    assert history.values == whole.values and len(history.lines[0]) == 4


def test_histograms():
    net = trained(val=False).net
    figure = viz.plot_histograms(net, bins=10)
    paths = list(net._collect_params_with_prefix())
    assert [axes.get_title() for axes in figure.axes] == paths
    heights = [bar.get_height() for bar in figure.axes[0].patches]
    values = net[0].weight.data().asnumpy()
    assert heights == numpy.histogram(values, 10)[0].tolist()
    gradients = viz.plot_histograms(net, "gradient")
    assert len(gradients.axes) == len(paths) - 2  # running statistics have none
    net[0].weight.data()[0, 0] = float("nan")
    assert viz.plot_histograms(net).axes[0].get_title() == "0.weight (1 not finite)"
    with pytest.raises(ValueError, match="'weight' or 'gradient', but it is 'bias'"):
        viz.plot_histograms(net, "bias")
    with pytest.raises(ValueError, match="no parameter with a weight"):
        viz.plot_histograms(nn.Dense(2))


@pytest.mark.parametrize("make", [numpy.array, nd.array])
def test_a_confusion_matrix(make):
    labels, scores = [0, 1, 2, 2], [[9, 1, 0], [1, 0, 9], [0, 1, 2], [0, 0, 1]]
    expected = [1, 0, 0, 0, 0, 1, 0, 0, 2]
    for predictions in (scores, numpy.argmax(scores, axis=1)):
        axes = viz.plot_confusion(make(labels), make(predictions)).axes[0]
        assert [int(text.get_text()) for text in axes.texts] == expected
    axes = viz.plot_confusion(labels, scores, ["a", "b", "c"]).axes[0]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("labels", "predictions", "message"),
    [
        ([0, 1], [0], "2 labels do not fit 1 predictions"),
        ([], [], "0 labels"),
        ([0, -1], [0, 1], "-1 is no class"),
        ([0, 2], [0, 1], "2 is no class: there are 2"),
    ],
)
def test_a_confusion_matrix_refuses(labels, predictions, message):
    with pytest.raises(ValueError, match=message):
        viz.plot_confusion(labels, predictions, ["a", "b"])


# ---- notebooks ----


class Table(HTMLParser):
    """Reads a table, and sees that every tag is closed."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.caption, self._open = [], "", []
        self.feed(text)
        assert not self._open

    def handle_starttag(self, tag, attrs):
        self._open.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, text):
        if self._open and self._open[-1] in ("td", "th"):
            self.rows[-1][-1] += text
        elif self._open and self._open[-1] == "caption":
            self.caption += text


def test_networks_show_as_tables():
    net = nn.HybridSequential(prefix="net_")
    net.add(nn.Dense(3, in_units=400), nn.HybridLambda("relu"), nn.Dense(2))
    table = Table(net._repr_html_())
    assert table.caption == "HybridSequential net"
    assert table.rows == [
        ["Path", "Layer", "Numbers"],
        ["0", "Dense(400 -> 3, linear)", "1,203"],
        ["1", "HybridLambda(relu)", "0"],
        ["2", "Dense(None -> 2, linear)", "?"],
    ]


def test_parameters_show_as_tables():
    layer = nn.Dense(3, prefix="out_")
    table = Table(layer.collect_params()._repr_html_())
    assert table.rows == [
        ["name", "shape", "dtype", "grad_req", "state"],
        ["out_weight", "(3, ?)", "float32", "write", "declared"],
        ["out_bias", "(3,)", "float32", "write", "declared"],
    ]
    layer.initialize("xavier")
    table = Table(layer.weight._repr_html_())
    facts = dict(row for row in table.rows if row[0])
    assert table.caption == "Parameter out_weight"
    assert facts["state"] == "deferred" and "Xavier" in facts["initializer"]


def test_explanations_show_as_tables():
    class Odd(nn.Dense):
        def __repr__(self):
            return "<b>&amp;"

    layer = Odd(3)
    table = Table(layer.explain()._repr_html_())
    assert table.rows[0] == ["Path", "Layer", "Shape", "Why", "Init", "State"]
    assert table.rows[1][1] == "<b>&amp;" and len(table.rows) == 3


# ---- TensorBoard ----


def events(folder):
    """What TensorBoard would read."""
    event_pb2 = pytest.importorskip("tensorboardX.proto.event_pb2")
    for path in sorted(folder.iterdir()):
        content, place = path.read_bytes(), 0
        while place < len(content):
            (length,) = struct.unpack_from("<Q", content, place)
            event = event_pb2.Event.FromString(content[place + 12 : place + 12 + length])
            yield from ((event.step, value) for value in event.summary.value)
            place += length + 16


def test_tensorboard_gets_metrics_and_histograms(tmp_path):
    pytest.importorskip("tensorboardX")
    history = HistoryHandler()
    made = trained(TensorBoardHandler(tmp_path, batch_period=2, histograms=True), history)
    scalars, histograms = {}, {}
    for step, value in events(tmp_path):
        if value.HasField("histo"):
            histograms.setdefault(value.tag, []).append((step, value.histo.num))
        else:
            scalars.setdefault(value.tag, {})[step] = value.simple_value
    for name, line in history.values.items():
        assert scalars[name.replace(" ", "/")] == pytest.approx(dict(enumerate(line, 1)))
    assert scalars["learning_rate"] == pytest.approx({1: 0.1, 2: 0.1, 3: 0.1})
    assert list(scalars["batch/training/accuracy"]) == [2, 4, 6, 8, 10, 12]
    assert histograms["weight/0.weight"] == [(1, 32), (2, 32), (3, 32)]
    assert "gradient/0.weight" in histograms and "gradient/1.running_mean" not in histograms
    assert made.net[1].running_mean.grad_req == "null"


def test_without_tensorboardx_the_handler_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(ImportError, match=r"pip install 'microlazy\[tensorboard\]'"):
        TensorBoardHandler(tmp_path)


def test_without_matplotlib_charts_say_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"pip install 'microlazy\[viz\]'"):
        viz.plot_training({"loss": [1]})


def test_recording_is_left_as_it_was():
    with autograd.record():
        viz.plot_network(residual(), shape=(2, 4))
        assert autograd.is_recording()


# ---- symbols -------------------------------------------------------------------------------------


def graph():
    x = sym.FullyConnected(sym.var("data"), num_hidden=3, name="fc")
    x = sym.FullyConnected(x, sym.var("own"), num_hidden=3, no_bias=True, name="again")
    return sym.SoftmaxOutput(x, name="softmax")


def test_a_graph_as_a_table(capsys):
    viz.print_summary(graph(), {"data": (2, 4)}, line_length=60)
    lines = capsys.readouterr().out.splitlines()
    rows = [line for line in lines if not line.startswith(("_", "="))]
    assert rows == [
        "Layer (type)              Output ShapeParam Previous Layer",
        "data(null)                4           0",
        "fc(FullyConnected)        3           15    data",
        "again(FullyConnected)     3           9     fc",
        "softmax_label(null)                   0",
        "softmax(SoftmaxOutput)    3           0     again",
        "                                            softmax_label",
        "Total params: 24",
    ]
    viz.print_summary(graph(), (2, 4), line_length=60)
    assert capsys.readouterr().out.splitlines() == lines


def test_a_graph_without_shapes():
    source = viz.plot_network(graph()).source
    assert '"fc" [label="FullyConnected\\nnum_hidden=3", fillcolor="#fb8072"]' in source
    assert '"data" -> "fc"' in source and "fc_weight" not in source
    source = viz.plot_network(graph(), shape={"data": (2, 4)}, hide_weights=False).source
    assert '"fc_weight" -> "fc" [label="3x4"]' in source


def test_a_graph_and_shapes_that_do_not_fit():
    with pytest.raises(ValueError, match="2 shapes are given for the inputs data"):
        viz.print_summary(sym.exp(sym.var("data")), [(2, 4), (2, 4)])
