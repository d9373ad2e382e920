"""What Keras on MXNet, and programs like it, ask of graphs, executors, modules and optimizers."""

import numpy
import pytest

import microlazy as mx
from microlazy import nd

S = mx.sym


def batch(*shape):
    return S.var("x", shape=(0, *shape))


# What MXNet 1.9.1 answers.
PARTIAL = {
    "nothing known": (
        lambda: S.FullyConnected(S.var("x"), num_hidden=3),
        ([(), (), ()], [()], []),
    ),
    "dense": (
        lambda: S.softmax(S.FullyConnected(batch(20), num_hidden=3)),
        ([(0, 20), (3, 20), (3,)], [(0, 3)], []),
    ),
    "any image": (
        lambda: S.Convolution(batch(3, 0, 0), num_filter=4, kernel=(3, 3)),
        ([(0, 3, 0, 0), (4, 3, 3, 3), (4,)], [(0, 4, 0, 0)], []),
    ),
    "convolution": (
        lambda: S.FullyConnected(
            S.Pooling(
                S.Convolution(batch(3, 28, 28), num_filter=4, kernel=(3, 3)),
                kernel=(2, 2),
                stride=(2, 2),
            ),
            num_hidden=10,
        ),
        ([(0, 3, 28, 28), (4, 3, 3, 3), (4,), (10, 676), (10,)], [(0, 10)], []),
    ),
    "batch norm": (
        lambda: S.BatchNorm(batch(3, 0, 0)),
        ([(0, 3, 0, 0), (3,), (3,)], [(0, 3, 0, 0)], [(3,), (3,)]),
    ),
    "mean": (lambda: S.mean(batch(3, 0, 0), axis=(2, 3)), ([(0, 3, 0, 0)], [(0, 3)], [])),
    "sum": (lambda: S.sum(batch(20)), ([(0, 20)], [(1,)], [])),
    "reshape": (lambda: S.reshape(batch(20), shape=(-1, 4)), ([(0, 20)], [(0, 4)], [])),
    "transpose": (lambda: S.transpose(batch(20)), ([(0, 20)], [(20, 0)], [])),
    "concat": (lambda: S.concat(batch(20), batch(20), dim=0), ([(0, 20)] * 2, [(0, 20)], [])),
    "alike": (lambda: batch(20) + S.var("y"), ([(0, 20), (0, 20)], [(0, 20)], [])),
    "embedding": (
        lambda: S.Embedding(S.var("i", shape=(0, 0)), input_dim=5, output_dim=6),
        ([(0, 0), (5, 6)], [(0, 0, 6)], []),
    ),
    "output": (
        lambda: S.SoftmaxOutput(S.FullyConnected(batch(20), num_hidden=3)),
        ([(0, 20), (3, 20), (3,), (0,)], [(0, 3)], []),
    ),
    "split": (
        lambda: S.split(batch(20), num_outputs=2, axis=1),
        ([(0, 20)], [(0, 10), (0, 10)], []),
    ),
    "recurrent": (
        lambda: S.RNN(
            S.var("d", shape=(5, 0, 4)), S.var("p"), S.var("h"), S.var("c"),
            state_size=6, num_layers=1, mode="lstm",
        ),
        ([(5, 0, 4), (288,), (1, 0, 6), (1, 0, 6)], [(5, 0, 6)], []),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", PARTIAL)
def test_shapes_known_in_part(case):
    make, answer = PARTIAL[case]
    if (
        case == "concat"
    ):  # two variables of one name are one argument for us, as for MXNet's binding
        x = S.var("x", shape=(0, 20))
        make, answer = (lambda: S.concat(x, x, dim=0)), ([(0, 20)], [(0, 20)], [])
    assert make().infer_shape_partial() == answer


def test_shapes_known_in_part_that_contradict_each_other():
    graph = S.broadcast_add(S.var("x", shape=(0, 7)), S.var("y", shape=(3, 0)).reshape((4, -1)))
    _, outputs, _ = graph.infer_shape_partial()
    assert outputs == [()]


def test_an_operator_without_attributes_takes_any():
    logarithm = S.log(S.var("x"), axis=1)
    assert logarithm.list_attr() == {"axis": "1"}
    assert mx.sym.load_json(logarithm.tojson()).list_attr() == {"axis": "1"}
    assert logarithm.eval(x=nd.ones((2,)))[0].asnumpy().tolist() == [0, 0]
    with pytest.raises(mx.MXNetError, match="softmax has no attribute 'axes'"):
        S.softmax(S.var("x"), axes=1)


def test_outputs_without_a_gradient_go_nowhere():
    x = S.var("x")
    graph = S.Group([S.MakeLoss(S.square(x)), S.BlockGrad(S.argmax(x, axis=0))])
    run = graph.simple_bind(x=(3,))
    run.forward(is_train=True, x=nd.array([1, 3, 2]))
    run.backward()
    assert run.grad_dict["x"].asnumpy().tolist() == [2, 6, 4]
    with pytest.raises(mx.MXNetError, match="1 gradients are given for 2 outputs"):
        run.backward([nd.ones((3,))])
    idle = S.Group([S.BlockGrad(x)]).simple_bind(x=(2,))
    idle.forward(is_train=True)
    idle.backward()
    assert idle.grad_dict["x"].asnumpy().tolist() == [0, 0]


def test_what_programs_read_of_a_module():
    def graph(key):
        net = S.FullyConnected(S.var("data"), num_hidden=2, name="dense")
        return S.LinearRegressionOutput(net, name="out"), ("data",), ("out_label",)

    module = mx.mod.BucketingModule(graph, "train")
    module.bind([("data", (4, 3))], [("out_label", (4, 2))])
    group = module._curr_module._exec_group
    assert group.batch_size == 4
    assert [sorted(run.arg_dict) for run in group.execs] == [
        ["data", "dense_bias", "dense_weight", "out_label"]
    ]
    module._curr_module.reshape([("data", (2, 3))], [("out_label", (2, 2))])
    assert module._curr_module._exec_group.batch_size == 2


class Decaying(mx.optimizer.SGD):
    """Tells the rate itself, one weight at a time, as Keras on MXNet does."""

    def _get_lr(self, index):
        return 1.0 / (1 + self.num_update)

    def _get_wds(self, indices):
        return [0.5 if index == 1 else 0.0 for index in indices]


@pytest.mark.parametrize("momentum", [0.0, 0.5])
def test_an_optimizer_that_tells_its_rates_itself(momentum):
    optimizer = Decaying(momentum=momentum)
    updater = mx.optimizer.get_updater(optimizer)
    weights = [nd.ones((2,)), nd.ones((2,))]
    expected, velocity = numpy.ones((2, 2)), numpy.zeros((2, 2))
    for step in (1, 2, 3):
        updater([0, 1], [nd.ones((2,)), nd.ones((2,))], weights)
        gradient = 1 + numpy.array([[0.0], [0.5]]) * expected
        velocity = momentum * velocity - gradient / (1 + step)
        expected = expected + velocity
    numpy.testing.assert_allclose([w.asnumpy() for w in weights], expected, rtol=1e-6)


@pytest.mark.parametrize("kind", [mx.gluon.rnn.RNN, mx.gluon.rnn.LSTM, mx.gluon.rnn.GRU])
def test_a_recurrent_network_of_nd_read_under_np(kind, tmp_path):
    """Its first states are zeros of no known batch: 0 in its file, where np has -1."""
    net = kind(3, input_size=4)
    net.initialize()
    x = nd.random.normal(shape=(5, 2, 4))
    expected = net(x).asnumpy()
    symbol, params = net.export(str(tmp_path / "net"))
    mx.npx.set_np()
    try:
        again = mx.gluon.SymbolBlock.imports(symbol, ["data"], params)
        assert (again(x.as_np_ndarray()).asnumpy() == expected).all()
        kept, values = again.export(str(tmp_path / "kept"))
        once_more = mx.gluon.SymbolBlock.imports(kept, ["data"], values)
        assert (once_more(x.as_np_ndarray()).asnumpy() == expected).all()
    finally:
        mx.npx.reset_np()


def test_a_rate_told_by_a_class_corrects_the_momentum_as_any():
    class Told(mx.optimizer.LARS):
        def _get_lr(self, index):
            return super()._get_lr(index)

    found = []
    for kind in (mx.optimizer.LARS, Told):
        optimizer, weight = kind(learning_rate=0.5, momentum=0.5), nd.array([1.0, 2.0])
        updater = mx.optimizer.get_updater(optimizer)
        for rate in (0.5, 0.25, 0.125):
            optimizer.set_learning_rate(rate)
            updater(0, nd.array([0.5, -0.25]), weight)
        found.append(weight.asnumpy())
    numpy.testing.assert_allclose(*found, rtol=1e-6)
