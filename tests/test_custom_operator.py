"""Custom operators in Python: mx.operator and nd.Custom."""

import numpy
import pytest
from gradients import Wrapped

import microlazy as mx
from microlazy import autograd, nd, np
from microlazy.base import MXNetError, ShapeError
from microlazy.operator import CustomOp, CustomOpProp, register


def values(x):
    return x.asnumpy().tolist()


class Softmax(CustomOp):
    """MXNet's own example: softmax whose gradient is that of the cross-entropy."""

    def forward(self, is_train, req, in_data, out_data, aux):
        x = in_data[0].asnumpy()
        y = numpy.exp(x - x.max(axis=1, keepdims=True))
        self.assign(out_data[0], req[0], nd.array(y / y.sum(axis=1, keepdims=True)))

    def backward(self, req, out_grad, in_data, out_data, in_grad, aux):
        assert out_grad == []
        label = in_data[1].asnumpy().astype(int)
        y = out_data[0].asnumpy().copy()
        y[numpy.arange(len(label)), label] -= 1
        self.assign(in_grad[0], req[0], nd.array(y))


@register("softmax_of_mine")
class SoftmaxProp(CustomOpProp):
    def __init__(self):
        super().__init__(need_top_grad=False)

    def list_arguments(self):
        return ["data", "label"]

    def infer_shape(self, in_shape):
        return [in_shape[0], [in_shape[0][0]]], [in_shape[0]], []

    def create_operator(self, ctx, shapes, dtypes):
        return Softmax()


class MinMax(CustomOp):
    def __init__(self, scale):
        self.scale = scale

    def forward(self, is_train, req, in_data, out_data, aux):
        self.assign(out_data[0], req[0], in_data[0].min() * self.scale)
        self.assign(out_data[1], req[1], in_data[0].max() * self.scale)
        aux[0][:] = aux[0] + (1 if is_train else 100)

    def backward(self, req, out_grad, in_data, out_data, in_grad, aux):
        x = in_data[0]
        least = (x == x.min()) * out_grad[0]
        self.assign(in_grad[0], req[0], self.scale * (least + (x == x.max()) * out_grad[1]))


@register("min_max")
class MinMaxProp(CustomOpProp):
    seen: list = []

    def __init__(self, scale="1"):
        super().__init__()
        self.seen.append(scale)
        self.scale = float(scale)

    def list_outputs(self):
        return ["min", "max"]

    def list_auxiliary_states(self):
        return ["count"]

    def infer_shape(self, in_shape):
        return in_shape, [[1], [1]], [[1]]

    def create_operator(self, ctx, shapes, dtypes):
        assert (ctx, shapes, dtypes) == (mx.cpu(), [[3]], [numpy.float32])
        return MinMax(self.scale)


def test_a_loss_gets_no_head_gradient():
    x, label = nd.array([[0, 0], [0, 0]]), nd.array([0, 1])
    x.attach_grad()
    with autograd.record():
        y = nd.Custom(x, label, op_type="softmax_of_mine")
    y.backward()
    assert values(y) == [[0.5, 0.5]] * 2
    assert values(x.grad) == [[-0.5, 0.5], [0.5, -0.5]]


def test_several_outputs_states_and_options():
    x, count = nd.array([4, 1, 3]), nd.zeros((1,))
    x.attach_grad()
    with autograd.record():
        least, most = nd.Custom(x, count, op_type="min_max", scale=2.5, name="m")
        total = least + 3 * most
    total.backward()
    assert MinMaxProp.seen[-1] == "2.5"
    assert (values(least), values(most)) == ([2.5], [10])
    assert values(x.grad) == [7.5, 2.5, 0]
    assert values(count) == [1]
    nd.Custom(x, count, op_type="min_max")
    assert values(count) == [101]


def test_assign_does_what_the_request_says():
    op, x = CustomOp(), nd.ones((2,))
    for request, expected in (("null", 1), ("write", 2), ("add", 4), ("inplace", 2)):
        op.assign(x, request, nd.full((2,), 2))
        assert values(x) == [expected] * 2
    with pytest.raises(ValueError, match="'foo'"):
        op.assign(x, "foo", x)


def test_np_arrays_stay_np_arrays():
    class Half(CustomOp):
        def forward(self, is_train, req, in_data, out_data, aux):
            assert isinstance(in_data[0], np.ndarray)
            self.assign(out_data[0], req[0], in_data[0] / 2)

    @register("half_of_np")
    class HalfProp(CustomOpProp):
        def create_operator(self, ctx, shapes, dtypes):
            return Half()

    y = nd.Custom(np.array([3.0]), op_type="half_of_np")
    assert isinstance(y, np.ndarray) and y.item() == 1.5


@register("makes_nothing")
class MakesNothing(CustomOpProp):
    def create_operator(self, ctx, shapes, dtypes):
        pass


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda x: nd.Custom(x, op_type="foo"), MXNetError, "'foo' is not registered.*min_max"),
        (lambda x: nd.Custom(x), MXNetError, "op_type=None"),
        (lambda x: nd.Custom(x, op_type="min_max"), MXNetError, "1 inputs.*1 states.*1 arrays"),
        (
            lambda x: nd.Custom(x, x, op_type="softmax_of_mine"),
            ShapeError,
            r"label of shape \(3,\)",
        ),
        (lambda x: nd.Custom(3, op_type="min_max"), AssertionError, "NDArray"),
        (lambda x: nd.Custom(x, x, op_type="min_max", foo=1), TypeError, "min_max takes.*'foo'"),
        (lambda x: nd.Custom(x, op_type="makes_nothing"), TypeError, "CustomOp, not None"),
        (lambda x: register("x")(CustomOp), TypeError, "CustomOpProp"),
    ],
)
def test_bad_calls(call, kind, message):
    with pytest.raises(kind, match=message):
        call(nd.ones((3, 2)))


def test_what_is_not_written_says_so():
    @register("empty")
    class Empty(CustomOpProp):
        def create_operator(self, ctx, shapes, dtypes):
            return CustomOp()

    with pytest.raises(NotImplementedError, match="forward"):
        nd.Custom(nd.ones((1,)), op_type="empty")


def test_a_hybridized_block_runs_it_eagerly():
    block = Wrapped(lambda x: nd.Custom(x, nd.zeros((1,)), op_type="min_max")[0])
    assert values(block(nd.array([4, 1, 3]))) == [1]
    block.hybridize()
    with pytest.warns(UserWarning, match="runs eagerly"):
        assert values(block(nd.array([4, 1, 3]))) == [1]
    assert values(block(nd.array([5, 2, 3]))) == [2]


def test_the_example_of_mxnet_in_a_network():
    """A custom layer in a block that trains."""
    net = mx.gluon.nn.Dense(2, in_units=3)
    net.initialize()
    trainer = mx.gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.5})
    x, label = nd.array([[1, 0, 0], [0, 1, 0]]), nd.array([0, 1])
    for _ in range(50):
        with autograd.record():
            y = nd.Custom(net(x), label, op_type="softmax_of_mine")
        y.backward()
        trainer.step(2)
    assert values(y.argmax(axis=1)) == [0, 1] and y.asnumpy().max(1).min() > 0.8
