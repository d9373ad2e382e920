"""Symbols, executors, blocks made of symbols, and modules."""

import logging
import pickle
from copy import copy, deepcopy

import numpy
import pytest

import microlazy as mx
from microlazy import autograd, gluon, nd, sym
from microlazy.base import MXNetError, ShapeError


def network():
    """A small network with a loss at its end."""
    x = sym.Convolution(sym.var("data"), kernel=(3, 3), num_filter=3, name="conv")
    x = sym.Activation(sym.BatchNorm(x, fix_gamma=False, name="bn"), act_type="tanh")
    return sym.SoftmaxOutput(sym.FullyConnected(x, num_hidden=4, name="fc"), name="softmax")


def values(shape, seed=0):
    return nd.array(numpy.random.default_rng(seed).uniform(-1, 1, shape), dtype="float64")


# ---- symbols -------------------------------------------------------------------------------------


def test_copies_and_pickles():
    net = network()
    for again in (copy(net), deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert again.list_arguments() == net.list_arguments()
        assert again.tojson() == net.tojson()
    assert deepcopy(net).heads[0][0] is not net.heads[0][0]


def test_what_symbols_do_not_have():
    x = sym.var("x")
    for name in ("shape", "dtype", "grad"):
        assert not hasattr(x, name)
        with pytest.raises(AttributeError, match=f"has no {name}: a symbol has no values"):
            getattr(x, name)
    for name in ("asnumpy", "backward", "copyto"):
        with pytest.raises(sym.NotImplementedForSymbol, match=f"has no {name}: a symbol"):
            getattr(x, name)()
    for other in ("1", nd.ones((1,)), None):
        with pytest.raises(TypeError):
            x * other
    with pytest.raises(AttributeError, match="no attribute 'foo'"):
        x.foo  # noqa: B018
    with pytest.raises(TypeError, match="lhs must be a Symbol"):
        sym.broadcast_add(nd.ones((1,)), x)
    with pytest.raises(MXNetError, match="must have one output"):
        sym.exp(sym.split(x, num_outputs=2))
    with pytest.raises(TypeError, match="axis is given twice"):
        sym.softmax(x, None, 1, axis=1)
    with pytest.raises(MXNetError, match="several nodes"):
        sym.Group([x, x + 1]).attr("a")
    with pytest.raises(ValueError, match="__mine__"):
        sym.var("x", mine="1")
    with pytest.raises(IndexError, match="output 3 of 1"):
        x[3]


def test_a_name_that_is_missing_is_explained():
    with pytest.raises(AttributeError, match="the nearest name is 'FullyConnected'"):
        sym.FulyConnected  # noqa: B018
    with pytest.raises(AttributeError, match="microlazy has no operator '_contrib_RROIAlign'"):
        sym.contrib.RROIAlign  # noqa: B018
    assert {"Convolution", "exp", "random", "zeros"} <= set(dir(sym))
    assert "gemm2" in dir(sym.linalg) and "box_nms" in dir(sym.contrib)
    assert "num_hidden" in str(mx.sym.FullyConnected.__signature__)


def test_shapes_that_do_not_agree_name_the_node():
    net = network()
    with pytest.raises(MXNetError, match=r"node 'conv' \(Convolution\).*weight must have"):
        net.infer_shape(data=(1, 2, 5, 5), conv_weight=(3, 1, 3, 3))
    with pytest.raises(MXNetError, match=r"node 'c' \(Concat\) with inputs \(2, 3\), \(4, 5\)"):
        sym.concat(sym.var("a"), sym.var("b"), dim=1, name="c").infer_shape(a=(2, 3), b=(4, 5))
    with pytest.raises(ValueError, match="no argument 'date'"):
        net.infer_shape(date=(1, 2, 5, 5))
    with pytest.raises(MXNetError, match="needs the attribute 'num_filter'"):
        sym.Convolution(sym.var("x"), kernel=(3, 3)).infer_shape(x=(1, 2, 5, 5))
    assert net.infer_shape_partial(data=(0, 2, 5, 5))[0][0] == (0, 2, 5, 5)


def test_first_states_of_no_batch():
    cell = gluon.rnn.LSTMCell(3, prefix="l_")
    outputs, states = cell.unroll(2, sym.var("data"), merge_outputs=True)
    assert outputs.infer_shape(data=(5, 2, 4))[1] == [(5, 2, 3)]
    assert len(states) == 2


def test_a_recurrent_layer_with_states_given():
    layer = gluon.rnn.GRU(3, input_size=4, prefix="l_")
    layer.initialize()
    outputs, states = layer(sym.var("data"), [sym.var("state")])
    net = gluon.SymbolBlock(
        sym.Group([outputs, *states]),
        [sym.var("data"), sym.var("state")],
        layer.collect_params(),
    )
    x, state = nd.random.uniform(shape=(2, 5, 4)), nd.random.uniform(shape=(1, 5, 3))
    expected, (last,) = layer(x, [state])
    found = net(x, state)
    assert numpy.array_equal(found[0].asnumpy(), expected.asnumpy())
    assert numpy.array_equal(found[1].asnumpy(), last.asnumpy())


def test_blocks_that_cannot_give_symbols(tmp_path):
    class Plain(gluon.HybridBlock):
        def forward(self, x):
            return mx.npx.relu(x)

    with pytest.raises(MXNetError, match="'plain0' .*hybrid_forward"):
        Plain()(sym.var("x"))
    layer = gluon.nn.Dense(2)
    with pytest.raises(MXNetError, match="dense"):
        layer.export(str(tmp_path / "net"))
    assert not list(tmp_path.iterdir())


def test_two_parameters_of_one_name_are_not_exported(tmp_path):
    net = gluon.nn.HybridSequential(prefix="")
    net.add(gluon.nn.Dense(3, in_units=3, prefix="same_", use_bias=False))
    net.add(gluon.nn.Dense(3, in_units=3, prefix="same_", use_bias=False))
    for layer in net:
        layer.initialize()
    with pytest.raises((MXNetError, ValueError), match="same_weight"):
        net.export(str(tmp_path / "net"))
    assert not list(tmp_path.iterdir())


def test_importing_does_not_move_the_random_numbers(tmp_path):
    layer = gluon.nn.Dense(3, in_units=4)
    layer.initialize()
    files = layer.export(str(tmp_path / "net"))
    mx.random.seed(5)
    expected = nd.random.uniform(shape=(3,)).asnumpy()
    mx.random.seed(5)
    gluon.SymbolBlock.imports(files[0], "data", files[1])
    assert numpy.array_equal(nd.random.uniform(shape=(3,)).asnumpy(), expected)


def test_a_block_that_calls_blocks_gives_symbols():
    class Two(gluon.HybridBlock):
        def __init__(self):
            super().__init__(prefix="two_")
            with self.name_scope():
                self.one, self.other = gluon.nn.Dense(3), gluon.nn.Dense(3)

        def forward(self, x):
            return self.one(x) + self.other(x)

    assert Two()(sym.var("x")).list_arguments() == [
        "x",
        *("two_dense0_weight", "two_dense0_bias", "two_dense1_weight", "two_dense1_bias"),
    ]


def test_a_layer_that_is_used_twice_has_one_variable():
    layer = gluon.nn.Dense(3, in_units=3, prefix="l_")
    out = layer(layer(sym.var("x")))
    assert out.list_arguments() == ["x", "l_weight", "l_bias"]


def _unrolled(cell):
    class Unrolled(gluon.HybridBlock):
        def __init__(self):
            super().__init__(prefix="unrolled_")
            self.cell = cell

        def hybrid_forward(self, F, x):
            return self.cell.unroll(3, x, merge_outputs=True)[0]

    return Unrolled()


def _stacked(*cells):
    stack = gluon.rnn.HybridSequentialRNNCell()
    for cell in cells:
        stack.add(cell)
    return stack


# What MXNet's exports are not compared with: cells made of others, layers of gluon.contrib.
OTHERS = {
    "both ways": lambda: gluon.rnn.BidirectionalCell(gluon.rnn.LSTMCell(3), gluon.rnn.GRUCell(3)),
    "stack": lambda: _stacked(gluon.rnn.LSTMCell(3), gluon.rnn.DropoutCell(0.5)),
    "zoneout": lambda: gluon.rnn.ZoneoutCell(gluon.rnn.RNNCell(3), 0.3, 0.3),
    "projected": lambda: gluon.contrib.rnn.LSTMPCell(3, 2),
    "same dropout": lambda: gluon.contrib.rnn.VariationalDropoutCell(
        gluon.rnn.GRUCell(3), 0.3, 0.3, 0.3
    ),
    "conv": lambda: gluon.contrib.rnn.Conv1DLSTMCell((3, 4), 2, 3, 3, i2h_pad=1),
}


@pytest.mark.parametrize("name", OTHERS)
def test_unrolled_cells_export(name, tmp_path):
    net = _unrolled(OTHERS[name]())
    net.initialize()
    x = nd.random.uniform(shape=(2, 3, 3, 4) if name == "conv" else (2, 3, 4))
    expected = net(x).asnumpy()
    files = net.export(str(tmp_path / "net"))
    again = gluon.SymbolBlock.imports(files[0], "data", files[1])
    assert numpy.array_equal(again(x).asnumpy(), expected)


def test_symbols_do_not_disturb_a_network_that_runs():
    net = gluon.nn.HybridSequential()
    net.add(gluon.nn.Dense(3), gluon.rnn.ZoneoutCell(gluon.rnn.RNNCell(3), 0.5))
    layer = net[0]
    layer.initialize()
    layer.hybridize()
    x = nd.ones((2, 4))
    before = layer(x).asnumpy()
    assert isinstance(layer(sym.var("x")), sym.Symbol)
    assert numpy.array_equal(layer(x).asnumpy(), before)
    cell = net[1]
    cell.initialize()
    cell(sym.var("x"), [sym.var("s")])
    assert cell(nd.ones((2, 4)), cell.begin_state(batch_size=2))[0].shape == (2, 3)


LABELS = {"data": (4, 3), "label": (4, 3)}
LOSSES = {
    "l2": (gluon.loss.L2Loss(), LABELS),
    "l1": (gluon.loss.L1Loss(weight=0.5), LABELS),
    "huber": (gluon.loss.HuberLoss(0.4), LABELS),
    "hinge": (gluon.loss.HingeLoss(), LABELS),
    "squared hinge": (gluon.loss.SquaredHingeLoss(), LABELS),
    "logistic": (gluon.loss.LogisticLoss(), LABELS),
    "sigmoid": (gluon.loss.SigmoidBCELoss(), LABELS),
    "sigmoid of probabilities": (gluon.loss.SigmoidBCELoss(from_sigmoid=True), LABELS),
    "softmax": (gluon.loss.SoftmaxCELoss(), {"data": (4, 3), "label": (4,)}),
    "softmax of pixels": (gluon.loss.SoftmaxCELoss(axis=1), {"data": (4, 3, 2), "label": (4, 2)}),
    "softmax of logits": (
        gluon.loss.SoftmaxCELoss(from_logits=True),
        {"data": (4, 3), "label": (4,)},
    ),
    "softmax of shares": (gluon.loss.SoftmaxCELoss(sparse_label=False), LABELS),
    "divergence": (gluon.loss.KLDivLoss(from_logits=False), LABELS),
    "triplet": (gluon.loss.TripletLoss(), LABELS | {"other": (4, 3)}),
    "poisson": (gluon.loss.PoissonNLLLoss(), LABELS),
    "ctc": (gluon.loss.CTCLoss(), {"data": (2, 5, 4), "label": (2, 2)}),
}


@pytest.mark.parametrize("name", LOSSES)
def test_losses_of_symbols(name):
    loss, shapes = LOSSES[name]
    arrays = {key: nd.random.uniform(0.1, 0.9, shape) for key, shape in shapes.items()}
    if name.startswith(("softmax", "ctc")) and "shares" not in name:
        arrays["label"] = (arrays["label"] * 3).floor()
    graph = loss(*[sym.var(key) for key in arrays])
    expected = loss(*arrays.values()).asnumpy()
    found = sym.load_json(graph.tojson()).eval(**arrays)[0].asnumpy()
    numpy.testing.assert_allclose(found.reshape(expected.shape), expected, 1e-5, 1e-6)


def test_losses_without_symbols():
    with pytest.raises(MXNetError, match="cannot be called on symbols"):  # nor can MXNet's
        gluon.loss.SDMLLoss()(sym.var("x1"), sym.var("x2"))


@pytest.mark.parametrize("options", [{}, {"bidirectional": True, "layout": "NTC", "num_layers": 2}])
def test_a_projected_layer_as_a_graph(options, tmp_path):
    layer = gluon.rnn.LSTM(5, projection_size=2, prefix="l_", **options)
    layer.initialize(mx.init.Normal(0.4))
    x = nd.random.normal(shape=(3, 4, 6))
    expected = layer(x).asnumpy()
    files = layer.export(str(tmp_path / "net"))
    again = gluon.SymbolBlock.imports(files[0], "data", files[1])
    numpy.testing.assert_allclose(again(x).asnumpy(), expected, 1e-6)
    graph = sym.load(files[0])
    node = graph.get_internals().attr_dict()["l_rnn0"]
    assert (node["projection_size"], node["state_size"]) == ("2", "5")
    if not options:  # as MXNet 1.9.1 writes it
        assert graph.list_arguments() == [
            "data",
            "l_l0_i2h_weight",
            "l_l0_h2h_weight",
            "l_l0_h2r_weight",
            "l_l0_i2h_bias",
            "l_l0_h2h_bias",
        ]
        assert graph.infer_shape(data=(3, 4, 6))[0][1:4] == [(20, 6), (20, 2), (2, 5)]


def test_weights_of_samples_as_symbols():
    arrays = {"x": nd.array([[1], [2]]), "y": nd.array([[0], [0]]), "w": nd.array([[1], [3]])}
    graph = gluon.loss.L2Loss()(*[sym.var(name) for name in arrays])
    assert graph.eval(**arrays)[0].asnumpy().tolist() == [0.5, 6]


# ---- executors -----------------------------------------------------------------------------------


def test_gradients_of_an_executor_are_central_differences():
    x = sym.Convolution(sym.var("data"), kernel=(2, 2), num_filter=2, name="conv")
    net = sym.sum(sym.tanh(sym.BatchNorm(x, fix_gamma=False, name="bn")) ** 2)
    run = net.simple_bind(type_dict={"data": "float64"}, data=(2, 2, 3, 3))
    for place, array in enumerate(run.arg_arrays):
        array[:] = values(array.shape, place)
    run.aux_dict["bn_moving_var"][:] = 1
    for _ in range(3):  # the second and third time by a plan
        run.forward(is_train=True)
        run.backward()
    for name, gradient in run.grad_dict.items():
        array = run.arg_dict[name]
        for place in range(0, array.size, 3):
            index = numpy.unravel_index(place, array.shape)
            sums = []
            for step in (1e-5, -1e-5):
                array[index] += step
                sums.append(run.forward(is_train=True)[0].asscalar())
                array[index] -= step
            found = gradient[index].asnumpy().item()
            assert found == pytest.approx((sums[0] - sums[1]) / 2e-5, rel=1e-4, abs=1e-7)


def test_an_executor_sees_what_is_written_to_its_arrays():
    run = (sym.var("a") * sym.var("b")).simple_bind(a=(2,), b=(2,))
    run.arg_dict["a"][:], run.arg_dict["b"][:] = 2, 3
    assert run.forward()[0].asnumpy().tolist() == [6, 6]
    run.arg_dict["b"][0] = 5
    assert run.forward()[0].asnumpy().tolist() == [10, 6]
    kept = run.forward()[0]
    run.arg_dict["a"][:] = 0
    assert run.forward()[0].asnumpy().tolist() == [0, 0]
    assert kept.asnumpy().tolist() == [10, 6]


def test_gradients_that_are_added():
    run = (sym.var("a") * 3).simple_bind(grad_req="add", a=(2,))
    for _ in range(3):
        run.forward(is_train=True)
        run.backward()
    assert run.grad_dict["a"].asnumpy().tolist() == [9, 9]


def test_labels_may_be_left_out():
    net = network()
    arrays = dict(zip(net.list_arguments(), net.infer_shape(data=(2, 2, 5, 5))[0], strict=True))
    given = {name: values(shape).astype("float32") for name, shape in arrays.items()}
    label = given.pop("softmax_label")
    states = {"bn_moving_mean": nd.zeros((3,)), "bn_moving_var": nd.ones((3,))}
    without = net.bind(mx.cpu(), given, aux_states=states).forward()[0]
    with_label = net.bind(mx.cpu(), {**given, "softmax_label": label}, aux_states=states)
    assert numpy.array_equal(without.asnumpy(), with_label.forward()[0].asnumpy())


@pytest.mark.parametrize(
    ("op", "function"),
    [
        ("LinearRegressionOutput", lambda x: x),
        ("MAERegressionOutput", lambda x: x),
        ("LogisticRegressionOutput", nd.sigmoid),
        ("SVMOutput", lambda x: x),
        ("SoftmaxOutput", nd.softmax),
    ],
)
def test_output_layers_without_a_label(op, function):
    x = nd.array([[1, 2, -1], [0, 3, 1]])
    graph = getattr(sym, op)(sym.var("data"))
    assert numpy.array_equal(graph.eval(data=x)[0].asnumpy(), function(x).asnumpy())
    assert numpy.array_equal(
        graph.eval(data=x, **{graph.list_arguments()[1]: nd.zeros((2,))})[0].asnumpy()
        if op in ("SoftmaxOutput", "SVMOutput")
        else function(x).asnumpy(),
        function(x).asnumpy(),
    )


def test_softmax_output_over_channels_without_a_label():
    x = values((2, 3, 4))
    graph = sym.SoftmaxOutput(sym.var("data"), multi_output=True)
    assert numpy.array_equal(graph.eval(data=x)[0].asnumpy(), nd.softmax(x, axis=1).asnumpy())


REFUSED = [
    (lambda x: x.bind(mx.cpu(), {}), ValueError, "the argument 'x' has no array"),
    (lambda x: x.bind(mx.cpu(), [1, 2]), ValueError, "2 are given for 1"),
    (lambda x: x.bind(mx.cpu(), {"x": 3}), TypeError, "'x' must be an array"),
    (lambda x: x.simple_bind(grad_req="some", x=(2,)), ValueError, "grad_req must be"),
    (lambda x: x.simple_bind(), MXNetError, "the shape of 'x' cannot be told"),
    (lambda x: x.simple_bind(x=(2,)).backward(), MXNetError, r"call forward\(is_train=True\)"),
    (lambda x: x.simple_bind(x=(2,)).forward(x=nd.ones((3,))), ShapeError, r"\(2,\).*\(3,\)"),
    (lambda x: x.simple_bind(x=(2,)).copy_params_from({"y": 1}), ValueError, "'y'"),
    (lambda x: x.eval(), MXNetError, "the variable 'x' has no array"),
    (lambda x: x.eval(y=nd.ones((1,))), ValueError, "no argument 'y'"),
    (lambda x: sym.BatchNorm(x, name="b").bind(mx.cpu(), [nd.ones((2, 1))] + [nd.ones((1,))] * 2),
     ValueError, "the auxiliary state 'b_moving_mean' has no array"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "kind", "message"), REFUSED)
def test_what_executors_refuse(call, kind, message):
    with pytest.raises(kind, match=message):
        call(sym.exp(sym.var("x")))


def test_reshaping_keeps_parameters():
    net = sym.FullyConnected(sym.var("data"), num_hidden=3, name="fc")
    run = net.simple_bind(data=(2, 4))
    other = run.reshape(data=(5, 4))
    assert other.arg_dict["fc_weight"] is run.arg_dict["fc_weight"]
    with pytest.raises(MXNetError, match="'fc_weight' would get shape"):
        run.reshape(data=(2, 5))
    assert run.reshape(partial_shaping=True, data=(2, 5)).arg_dict["fc_weight"].shape == (3, 5)


def test_a_monitor_watches_an_executor():
    run = network().simple_bind(data=(2, 2, 5, 5))
    monitor = mx.monitor.Monitor(1, pattern=".*output|fc_bias.*")
    monitor.install(run)
    monitor.tic()
    run.forward(is_train=True)
    run.backward()
    names = [name for _, name, _ in monitor.toc()]
    assert names[:2] == ["conv_output", "bn_output"] and names[-2:] == ["fc_bias", "fc_bias_grad"]


class _Scaled(mx.operator.CustomOp):
    def __init__(self, factor):
        self._factor = factor

    def forward(self, is_train, req, in_data, out_data, aux):
        self.assign(out_data[0], req[0], in_data[0] * in_data[1] * self._factor)

    def backward(self, req, out_grad, in_data, out_data, in_grad, aux):
        self.assign(in_grad[0], req[0], out_grad[0] * in_data[1] * self._factor)
        self.assign(in_grad[1], req[1], (out_grad[0] * in_data[0]).sum(axis=0) * self._factor)


@mx.operator.register("scaled_for_symbols")
class _ScaledProp(mx.operator.CustomOpProp):
    def __init__(self, factor="2"):
        super().__init__()
        self._factor = float(factor)

    def list_arguments(self):
        return ["data", "weight"]

    def infer_shape(self, in_shape):
        return [in_shape[0], in_shape[0][1:]], [in_shape[0]], []

    def create_operator(self, ctx, in_shapes, in_dtypes):
        return _Scaled(self._factor)


def test_an_operator_of_a_user():
    graph = sym.Custom(sym.var("x"), op_type="scaled_for_symbols", factor=3, name="c")
    assert graph.list_arguments() == ["x", "c_weight"]
    assert graph.infer_shape(x=(2, 4)) == ([(2, 4), (4,)], [(2, 4)], [])
    graph = sym.load_json((graph + 1).tojson())
    run = graph.simple_bind(x=(2, 4))
    run.arg_dict["x"][:], run.arg_dict["c_weight"][:] = 2, 5
    assert (run.forward(is_train=True)[0] == 31).asnumpy().all()
    run.backward()
    assert (run.grad_dict["x"] == 15).asnumpy().all()
    assert (run.grad_dict["c_weight"] == 12).asnumpy().all()
    with pytest.raises(MXNetError, match=r"scaled_for_symbols takes the keywords \['factor'\]"):
        sym.Custom(sym.var("x"), op_type="scaled_for_symbols", size=3)


# ---- SymbolBlock ---------------------------------------------------------------------------------


def test_a_block_of_a_graph_is_a_block(tmp_path):
    net = gluon.SymbolBlock(network(), sym.var("data"))
    assert list(net.collect_params("fc.*")) == ["fc_weight", "fc_bias"]
    assert "softmax_label" not in net.collect_params()
    net.initialize(mx.init.Normal(0.3))
    x = nd.random.uniform(shape=(2, 2, 5, 5))
    out = net(x)
    assert net.dry_run((7, 2, 5, 5)) == (7, 4)
    net.hybridize()
    assert numpy.array_equal(net(x).asnumpy(), out.asnumpy())
    net.save_parameters(str(tmp_path / "net.params"))
    other = gluon.SymbolBlock(network(), sym.var("data"))
    other.load_parameters(str(tmp_path / "net.params"))
    assert numpy.array_equal(other(x).asnumpy(), out.asnumpy())
    assert "(data) -> (softmax_output): 5 operators, 8 parameters" in repr(net)
    again = pickle.loads(pickle.dumps(net))
    assert numpy.array_equal(again(x).asnumpy(), out.asnumpy())


def test_a_block_of_a_graph_trains_inside_another():
    net = gluon.nn.HybridSequential()
    net.add(gluon.SymbolBlock(network().get_internals()["fc_output"], sym.var("data")))
    net.add(gluon.nn.Dense(2))
    net.initialize(mx.init.Normal(0.3))
    net.hybridize()
    trainer = gluon.Trainer(net.collect_params(), "adam", {"learning_rate": 0.05})
    x, label = nd.random.uniform(shape=(8, 2, 5, 5)), nd.array([0, 1] * 4)
    losses = []
    for _ in range(25):
        with autograd.record():
            loss = gluon.loss.SoftmaxCELoss()(net(x), label).mean()
        loss.backward()
        trainer.step(1)
        losses.append(loss.asscalar())
    assert losses[-1] < losses[0] / 2
    mean = net[0].collect_params()["bn_moving_mean"].data().asnumpy()
    assert numpy.abs(mean).max() > 0


def test_an_initializer_that_nobody_knows(tmp_path):
    x, w = sym.var("data"), sym.var("w", init='["mine", {"size": 1}]', shape=(2, 3))
    graph = sym.FullyConnected(x, w, num_hidden=2, no_bias=True)
    graph.save(tmp_path / "net-symbol.json")
    nd.save(str(tmp_path / "net.params"), {"arg:w": nd.ones((2, 3))})
    net = gluon.SymbolBlock.imports(tmp_path / "net-symbol.json", "data", tmp_path / "net.params")
    assert net(nd.ones((1, 3))).asnumpy().tolist() == [[3, 3]]
    net = gluon.SymbolBlock.imports(tmp_path / "net-symbol.json", "data")
    with pytest.raises(MXNetError, match="mine is not registered"):
        net.initialize()


def test_initializers_of_variables():
    x, w = sym.var("data"), sym.var("w", init=mx.init.Constant(3))
    net = gluon.SymbolBlock(sym.FullyConnected(x, w, num_hidden=2, no_bias=True), x)
    net.initialize()
    assert net(nd.ones((1, 2))).asnumpy().tolist() == [[6, 6]]


def test_blocks_share_parameters():
    x = sym.var("data")
    first = gluon.SymbolBlock(sym.FullyConnected(x, num_hidden=2, name="fc"), x)
    first.initialize()
    first(nd.ones((1, 3)))
    hidden = sym.tanh(sym.FullyConnected(x, num_hidden=2, name="fc"))
    second = gluon.SymbolBlock(hidden, x, params=first.collect_params())
    assert second.collect_params()["fc_weight"] is first.collect_params()["fc_weight"]
    assert numpy.array_equal(
        second(nd.ones((1, 3))).asnumpy(), nd.tanh(first(nd.ones((1, 3)))).asnumpy()
    )


def test_what_symbol_blocks_refuse():
    x = sym.var("data")
    graph = sym.FullyConnected(x, num_hidden=2, name="fc")
    for call, kind, message in (
        (lambda: gluon.SymbolBlock(None, x), TypeError, "outputs must be a symbol"),
        (lambda: gluon.SymbolBlock([graph, 3], x), TypeError, "outputs must be symbols"),
        (lambda: gluon.SymbolBlock(graph, sym.var("y")), ValueError, "no variable 'y'"),
        (lambda: gluon.SymbolBlock(graph, graph), ValueError, "an operator's output"),
        (lambda: gluon.SymbolBlock(graph, x)(nd.ones((1, 3)), x), ValueError, "takes 1 inputs"),
    ):
        with pytest.raises(kind, match=message):
            call()
    dot = gluon.SymbolBlock(sym.broadcast_add(x, sym.var("w")), x)
    dot.initialize()
    with pytest.raises(ShapeError, match="the shape of 'w' cannot be told"):
        dot(nd.ones((2, 3)))


def test_values_decide_shapes_outside_of_plans():
    x = sym.var("data")
    net = gluon.SymbolBlock(sym.contrib.boolean_mask(x, x.sum(axis=1) > 0), x)
    given = nd.array([[1, 2], [-1, -2]])
    assert net(given).asnumpy().tolist() == [[1, 2]]
    net.hybridize()
    with pytest.warns(UserWarning, match="runs eagerly"):
        assert net(given).asnumpy().tolist() == [[1, 2]]


# ---- modules -------------------------------------------------------------------------------------


def data_of(count=64):
    x = numpy.random.default_rng(3).normal(size=(count, 5)).astype("float32")
    return mx.io.NDArrayIter(x, (x[:, 0] > x[:, 1]).astype("float32"), batch_size=16)


def classifier():
    x = sym.Activation(sym.FullyConnected(sym.var("data"), num_hidden=8), act_type="relu")
    return sym.SoftmaxOutput(sym.FullyConnected(x, num_hidden=2), name="softmax")


def test_a_module_learns_and_goes_on_from_its_checkpoint(tmp_path, caplog):
    caplog.set_level(logging.INFO)
    mx.random.seed(1)
    data, model = data_of(), mx.mod.Module(classifier())
    prefix = str(tmp_path / "net")
    options = {"optimizer_params": {"learning_rate": 0.5, "momentum": 0.9}}
    model.fit(
        data,
        eval_data=data,
        num_epoch=12,
        initializer=mx.init.Xavier(),
        epoch_end_callback=mx.callback.do_checkpoint(prefix, 12),
        batch_end_callback=mx.callback.Speedometer(16, 2),
        **options,
    )
    ((_, accuracy),) = model.score(data, "acc")
    assert accuracy > 0.9
    assert any("Epoch[11] Validation-accuracy" in line for line in caplog.messages)
    model.save_checkpoint(prefix, 13, save_optimizer_states=True)
    again = mx.mod.Module.load(prefix, 13, load_optimizer_states=True)
    again.bind(data.provide_data, data.provide_label)
    again.init_optimizer(**options)
    assert again.score(data, "acc") == model.score(data, "acc")
    for module in (model, again):
        data.reset()
        for batch in data:
            module.forward_backward(batch)
            module.update()
    for name, array in model.get_params()[0].items():
        assert numpy.array_equal(again.get_params()[0][name].asnumpy(), array.asnumpy())
    assert mx.model.load_checkpoint(prefix, 12)[0].list_outputs() == ["softmax_output"]


def test_a_module_takes_batches_of_other_sizes():
    model = mx.mod.Module(classifier())
    model.bind([("data", (4, 5))], [("softmax_label", (4,))])
    model.init_params()
    before = model.get_params()[0]
    model.forward(mx.io.DataBatch([nd.ones((3, 5))], [nd.ones((3,))]), is_train=True)
    model.backward()
    assert model.get_outputs()[0].shape == (3, 2)
    for name, array in model.get_params()[0].items():
        assert numpy.array_equal(array.asnumpy(), before[name].asnumpy())
    assert model.data_shapes[0].shape == (3, 5)


def test_factors_of_variables_reach_the_optimizer():
    weight = sym.var("own_weight", lr_mult=0.0)
    net = sym.LinearRegressionOutput(
        sym.FullyConnected(sym.var("data"), weight, num_hidden=1, name="fc"), name="out"
    )
    model = mx.mod.Module(net, label_names=["out_label"])
    model.bind([("data", (2, 3))], [("out_label", (2, 1))])
    model.init_params(mx.init.One())
    model.init_optimizer()
    model.forward_backward(mx.io.DataBatch([nd.ones((2, 3))], [nd.zeros((2, 1))]))
    model.update()
    found = model.get_params()[0]
    assert found["own_weight"].asnumpy().tolist() == [[1, 1, 1]]
    assert found["fc_bias"].asscalar() != 0


def test_parameters_of_a_module_in_a_file(tmp_path):
    model = mx.mod.Module(classifier())
    model.bind([("data", (4, 5))], [("softmax_label", (4,))])
    model.init_params()
    model.save_params(str(tmp_path / "net.params"))
    other = mx.mod.Module(model.symbol)
    other.bind([("data", (2, 5))], [("softmax_label", (2,))])
    other.load_params(str(tmp_path / "net.params"))
    for name, array in model.get_params()[0].items():
        assert numpy.array_equal(other.get_params()[0][name].asnumpy(), array.asnumpy())


def bound():
    model = mx.mod.Module(classifier())
    model.bind([("data", (4, 5))], [("softmax_label", (4,))])
    return model


MODULE_REFUSED = [
    (lambda: mx.mod.Module(classifier(), data_names=["x"]), ValueError, "data_names has 'x'"),
    (lambda: mx.mod.Module(classifier()).forward(None), AssertionError, r"call bind\(\)"),
    (lambda: bound().forward(None), AssertionError, r"call init_params\(\)"),
    (lambda: bound().update(), AssertionError, r"call init_params\(\)"),
    (lambda: bound().init_params(arg_params={"a": nd.ones(1)}), ValueError, "no parameter 'a'"),
    (lambda: bound().bind([("x", (1, 5))], force_rebind=True), ValueError, "data_shapes names"),
    (lambda: bound().get_input_grads(), AssertionError, "inputs_need_grad"),
    (lambda: bound().fit(data_of()), AssertionError, "number of epochs"),
    (lambda: mx.mod.BucketingModule(None), AssertionError, "default_bucket_key"),
    (lambda: mx.model.load_checkpoint("/nowhere/net", 1), MXNetError, "cannot read"),
]


@pytest.mark.parametrize(("call", "kind", "message"), MODULE_REFUSED)
def test_what_modules_refuse(call, kind, message):
    with pytest.raises(kind, match=message):
        call()


def test_buckets_share_their_parameters():
    def graph(length):
        x = sym.FullyConnected(sym.mean(sym.var("data"), axis=1), num_hidden=2, name="fc")
        return sym.SoftmaxOutput(x, name="softmax"), ["data"], ["softmax_label"]

    model = mx.mod.BucketingModule(graph, default_bucket_key=6)
    model.bind([("data", (2, 6, 3))], [("softmax_label", (2,))])
    model.init_params()
    model.init_optimizer(optimizer="adam")
    for length in (6, 2, 4, 2):
        shape = (2, length, 3)
        batch = mx.io.DataBatch(
            [nd.ones(shape)],
            [nd.zeros((2,))],
            bucket_key=length,
            provide_data=[("data", shape)],
            provide_label=[("softmax_label", (2,))],
        )
        before = model.get_params()[0]["fc_bias"].asnumpy()
        model.forward_backward(batch)
        model.update()
        assert (model.get_params()[0]["fc_bias"].asnumpy() != before).all()
    assert model.output_names == ["softmax_output"] and len(model._buckets) == 3


def test_what_programs_look_for():
    x = sym.var("x").exp(name="e")
    assert {"exp", "sum", "reshape", "get_internals", "optimize_for"} <= set(dir(x))
    for other in (x.get_backend_symbol("MKLDNN"), x.optimize_for("MKLDNN", {}, static_alloc=True)):
        assert other.tojson() == x.tojson()
    assert x.infer_type_partial(x="float64")[1] == [numpy.float64]


# Functions of sym.np of a symbol and a number: operator and values, as MXNet 1.9.1 has them.
OF_NUMBERS = {
    "where(c, x, 3)": ("_npi_where_rscalar", [1, 3]),
    "where(c, 3, x)": ("_npi_where_lscalar", [3, 6]),
    "where(c, x, x * 2)": ("_npi_where", [1, 12]),
    "zeros_like(x)": ("_npi_full_like", [0, 0]),
    "ones_like(x)": ("_npi_full_like", [1, 1]),
    "bitwise_and(x, 3)": ("_npi_bitwise_and_scalar", [1, 2]),
    "bitwise_or(x, 3)": ("_npi_bitwise_or_scalar", [3, 7]),
    "bitwise_xor(3, x)": ("_npi_bitwise_xor_scalar", [2, 5]),
    "lcm(x, 4)": ("_npi_lcm_scalar", [4, 12]),
    "ldexp(x, 3)": ("_npi_ldexp_scalar", [8, 48]),
    "ldexp(3, x)": ("_npi_rldexp_scalar", [6, 192]),
}


@pytest.mark.parametrize("text", OF_NUMBERS)
def test_numpy_functions_of_a_symbol_and_a_number(text):
    operator, expected = OF_NUMBERS[text]
    scope = {name: getattr(sym.np, name) for name in (text.partition("(")[0],)}
    scope |= {"x": sym.var("x").as_np_ndarray(), "c": sym.var("c").as_np_ndarray()}
    graph = eval(text, scope)
    assert graph.heads[0][0].operator.name == operator
    dtype = "int32" if "bitwise" in text or "lcm" in text else "float32"
    arrays = {"x": mx.np.array([1, 6], dtype=dtype), "c": mx.np.array([1, 0])}
    given = {name: arrays[name] for name in graph.list_arguments()}
    assert sym.load_json(graph.tojson()).eval(**given)[0].tolist() == expected


def test_a_choice_needs_a_symbol():
    with pytest.raises(TypeError, match="one of 1 and 2 must be a symbol"):
        sym.np.add(1, 2)
    assert "to_tensor" in dir(sym.npx.image)
