"""Layers, cells and losses at the edges: empty batches, odd lengths, states that do not fit."""

import numpy
import pytest

from microlazy import autograd, gluon, init, nd, np, npx
from microlazy.base import MXNetError
from microlazy.gluon import contrib, nn, rnn
from microlazy.gluon.block.infer import infer_from_use


def normal(*shape, dtype="float32"):
    values = numpy.random.default_rng(sum(shape)).standard_normal(shape)
    return nd.array(values, dtype=dtype)


# ---- empty batches -------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("kind", [nn.BatchNorm, nn.BatchNormReLU, contrib.nn.SyncBatchNorm])
@pytest.mark.parametrize("is_hybrid", [False, True])
def test_an_empty_batch_moves_no_statistics(kind, dtype, is_hybrid):
    layer = kind(in_channels=2)
    layer.initialize()
    layer.cast(dtype)
    layer.hybridize(is_hybrid)
    for count in (3, 0):
        with autograd.record():
            out = layer(normal(count, 2, 3, dtype=dtype))
        found = [layer.running_mean.data().asnumpy(), layer.running_var.data().asnumpy()]
        if count:
            before = [values.copy() for values in found]
            assert (before[0] != 0).all()
    assert out.shape == (0, 2, 3)
    numpy.testing.assert_array_equal(found, before)


@pytest.mark.parametrize("name", ["DeformableConvolution", "ModulatedDeformableConvolution"])
def test_deformable_convolution_of_an_empty_batch(name):
    layer = getattr(contrib.cnn, name)(
        6, kernel_size=3, groups=2, num_deformable_group=2, padding=1
    )
    layer.initialize()
    x = nd.zeros((0, 4, 5, 7))
    x.attach_grad()
    with autograd.record():
        out = layer(x)
    out.backward()
    assert (out.shape, x.grad.shape) == ((0, 6, 5, 7), x.shape)
    assert layer(nd.ones((1, 4, 5, 7))).shape == (1, 6, 5, 7)


@pytest.mark.parametrize(
    ("layer", "shape", "expected"),
    [
        (nn.Flatten, (2, 3, 0), (2, 0)),
        (lambda: contrib.nn.PixelShuffle2D(2), (2, 4, 0, 3), (2, 1, 0, 6)),
        (lambda: contrib.nn.PixelShuffle1D(3), (0, 6, 2), (0, 2, 6)),
    ],
)
def test_layers_that_reshape_keep_empty_axes(layer, shape, expected):
    assert layer()(nd.ones(shape)).shape == expected


# ---- sequences -----------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(1,), (3,), (2, 1), (0,)])
@pytest.mark.parametrize("options", [{}, {"bidirectional": True}, {"num_layers": 2}])
def test_lengths_of_another_shape_are_refused(shape, options):
    layer = rnn.GRU(3, use_sequence_length=True, **options)
    layer.initialize()
    with pytest.raises(ValueError, match=r"gru0.*sequence_length must have shape \(2,\)"):
        layer(normal(4, 2, 3), sequence_length=nd.ones(shape))
    assert layer(normal(4, 2, 3), sequence_length=nd.array([4, 1])).shape[:2] == (4, 2)


@pytest.mark.parametrize("lengths", [[1, 3], numpy.array([1, 3])])
def test_lengths_are_arrays(lengths):
    cell = rnn.BidirectionalCell(rnn.GRUCell(3), rnn.LSTMCell(3))
    layer = rnn.LSTM(3, use_sequence_length=True)
    cell.initialize()
    layer.initialize()
    with pytest.raises(TypeError, match="sequence_length must be an array"):
        cell.unroll(3, normal(2, 3, 4), valid_length=lengths)
    with pytest.raises(TypeError, match="lstm.*sequence_length must be an array"):
        layer(normal(3, 2, 4), sequence_length=lengths)


@pytest.mark.parametrize("layer", [rnn.RNN, rnn.LSTM, rnn.GRU])
def test_layers_refuse_inputs_without_steps(layer):
    layer = layer(3)
    layer.initialize()
    with pytest.raises(ValueError, match=rf"'{layer.name}'.*has no steps"):
        layer(nd.ones((0, 2, 5)))
    for shape in ((4,), (2, 4), (2, 3, 4, 5)):
        with pytest.raises(ValueError, match=rf"'{layer.name}'.*input of 3 axes"):
            layer(nd.ones(shape))
    assert layer.l0_i2h_weight.state == "deferred"
    with pytest.raises(ValueError, match=rf"'{layer.name}'.*Expecting .* got \[None"):
        layer(nd.ones((4, 2, 5)), [None] * len(layer.state_info()))


@pytest.mark.parametrize("layer", [rnn.RNN, rnn.GRU])
@pytest.mark.parametrize("name", ["projection_size", "clip", "mode", "initializers"])
def test_keywords_that_only_lstm_or_nobody_has(layer, name):
    with pytest.raises(TypeError, match=rf"{layer.__name__}\(\) got an unexpected .*'{name}'"):
        layer(3, **{name: 2})


# ---- states of cells -----------------------------------------------------------------------------

CELLS = {
    "rnn": (lambda: rnn.RNNCell(3), 1),
    "lstm": (lambda: rnn.LSTMCell(3), 2),
    "gru": (lambda: rnn.GRUCell(3), 1),
    "relu gates": (lambda: rnn.LSTMCell(3, recurrent_activation="relu"), 2),
    "projected": (lambda: contrib.rnn.LSTMPCell(4, 3), 2),
}


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("is_hybrid", [False, True])
def test_cells_refuse_another_number_of_states(name, is_hybrid):
    make, count = CELLS[name]
    cell = make()
    cell.initialize()
    cell.hybridize(is_hybrid)
    state = nd.ones((2, 3))
    for states in ([], [state] * (count - 1), [state] * (count + 1), state, None):
        with pytest.raises(ValueError, match=rf"'{cell.name}' .*a list of {count} states"):
            cell(nd.ones((2, 5)), states)
    assert cell.i2h_weight.state == "deferred"
    assert cell(nd.ones((2, 5)), tuple(cell.begin_state(2)))[0].shape == (2, 3)


def test_convolutional_cells_refuse_another_number_of_states():
    cell = contrib.rnn.Conv2DLSTMCell((3, 5, 6), 4, 3, 3, 1)
    cell.initialize()
    with pytest.raises(ValueError, match=rf"'{cell.name}' .*a list of 2 states.*got 1"):
        cell(nd.ones((2, 3, 5, 6)), cell.begin_state(2)[:1])


@pytest.mark.parametrize("kind", [rnn.SequentialRNNCell, rnn.HybridSequentialRNNCell])
def test_stacks_refuse_another_number_of_states(kind):
    stack = kind()
    stack.add(rnn.LSTMCell(3))
    stack.add(rnn.GRUCell(3))
    stack.initialize()
    states = stack.begin_state(2)
    for given in (states[:2], [*states, states[0]]):
        with pytest.raises(ValueError, match=rf"'{stack.name}' .*3 states.* got {len(given)}"):
            stack(nd.ones((2, 5)), given)
        with pytest.raises(ValueError, match=rf"'{stack.name}' .*3 states.* got {len(given)}"):
            stack.unroll(2, nd.ones((2, 2, 5)), given)
    with pytest.raises(TypeError, match=rf"'{stack.name}' .*recurrent cells, but got Dense"):
        stack.add(nn.Dense(3))
    assert len(stack) == 2


def test_a_hybrid_stack_has_a_hybrid_forward():
    class Twice(rnn.HybridSequentialRNNCell):
        def hybrid_forward(self, F, inputs, states):
            output, states = super().hybrid_forward(F, inputs, states)
            return output * 2, states

    stack = Twice()
    stack.add(rnn.GRUCell(3))
    stack.initialize(init.One())
    x, states = nd.ones((2, 5)), stack.begin_state(2)
    numpy.testing.assert_array_equal(
        stack(x, states)[0].asnumpy(), 2 * stack[0](x, states)[0].asnumpy()
    )


@pytest.mark.parametrize("face", [nd, np])
@pytest.mark.parametrize("is_hybrid", [False, True])
def test_cells_that_remember_take_both_kinds_of_arrays(face, is_hybrid):
    if face is np:
        npx.set_np()
    for cell in (
        contrib.rnn.VariationalDropoutCell(rnn.LSTMCell(4), 0.2, 0.2, 0.2),
        contrib.rnn.VariationalDropoutCell(rnn.LSTMCell(4), 0.2, 0, 0.2),
        rnn.ZoneoutCell(rnn.LSTMCell(4), 0.2, 0.2),
    ):
        cell.initialize()
        cell.hybridize(is_hybrid)
        with autograd.record():
            outputs, states = cell.unroll(3, face.ones((2, 3, 4)), merge_outputs=True)
        outputs.backward()
        assert {type(array) for array in (outputs, *states)} == {type(face.ones(1))}


@pytest.mark.parametrize("merge", [None, True, False])
@pytest.mark.parametrize("options", [{}, {"drop_inputs": 0.5}, {"drop_states": 0.5}])
def test_variational_dropout_merges_as_in_mxnet(merge, options):
    cell = contrib.rnn.VariationalDropoutCell(rnn.GRUCell(3), **options)
    cell.initialize()
    for inputs in (nd.ones((2, 4, 3)), [nd.ones((2, 3))] * 4):
        outputs, _ = cell.unroll(4, inputs, merge_outputs=merge)
        merges = merge if merge is not None else "drop_states" not in options
        assert isinstance(outputs, list) is not merges
        assert merges is False or outputs.shape == (2, 4, 3)


# ---- losses --------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_losses_of_certain_probabilities(dtype):
    p = nd.array([[0, 1], [1, 0]], dtype=dtype)
    for label in (p, 1 - p):
        for loss in (
            gluon.loss.SigmoidBCELoss(from_sigmoid=True),
            gluon.loss.KLDivLoss(from_logits=False),
            gluon.loss.PoissonNLLLoss(from_logits=False, compute_full=True),
        ):
            x = p.copy()
            x.attach_grad()
            with autograd.record():
                out = loss(x, label)
            out.backward()
            assert numpy.isfinite(out.asnumpy()).all() and numpy.isfinite(x.grad.asnumpy()).all()
    right = gluon.loss.SigmoidBCELoss(from_sigmoid=True)(p, p)
    numpy.testing.assert_allclose(right.asnumpy(), 0, atol=1e-4)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("label", [1, -1])
def test_cosine_of_zeros_has_no_gradient(dtype, label):
    x = nd.array([[0, 0, 0], [1, 2, 2], [0, 0, 0]], dtype=dtype)
    y = nd.array([[1, 2, 3], [0, 0, 0], [0, 0, 0]], dtype=dtype)
    for array in (x, y):
        array.attach_grad()
    with autograd.record():
        loss = gluon.loss.CosineEmbeddingLoss(margin=-0.5)(x, y, nd.array([label] * 3, dtype=dtype))
    loss.backward()
    numpy.testing.assert_array_equal(loss.asnumpy(), 1 if label == 1 else 0.5)
    for array in (x, y):
        numpy.testing.assert_array_equal(array.grad.asnumpy(), 0)


def test_losses_say_which_argument_does_not_fit():
    with pytest.raises(ValueError, match=r"sample_weight of shape \(2,\) .* shape \(2, 3\)"):
        gluon.loss.L2Loss()(nd.ones((2, 3)), nd.ones((2, 3)), nd.ones((2,)))
    with pytest.raises(ValueError, match=r"KLDivLoss: label of shape \(2, 4\) .* \(2, 3\)"):
        gluon.loss.KLDivLoss()(nd.ones((2, 3)), nd.ones((2, 4)))


@pytest.mark.parametrize("name", sorted(set(gluon.loss.__all__) - {"Loss"}))
def test_hybrid_forward_of_every_loss(name):
    args = {
        "CTCLoss": (normal(2, 5, 4), nd.array([[0, 1], [2, -1]])),
        "CosineEmbeddingLoss": (normal(2, 3), normal(2, 3) + 1, nd.array([1, -1])),
        "SoftmaxCELoss": (normal(2, 3), nd.array([0, 2])),
        "SoftmaxCrossEntropyLoss": (normal(2, 3), nd.array([0, 2])),
        "TripletLoss": (normal(2, 3), normal(2, 3) + 1, normal(2, 3) * 2),
    }.get(name, (normal(2, 3), nd.array([[0.25, 0.25, 0.5], [1, 0, 0]])))
    made = getattr(gluon.loss, name)()
    numpy.testing.assert_array_equal(
        made.hybrid_forward(nd, *args).asnumpy(), made(*args).asnumpy()
    )


@pytest.mark.parametrize("label_length", [0, 1, 2])
def test_ctc_of_no_steps_is_zero(label_length):
    # MXNet 1.9.1 gives 0 too
    x = normal(1, 5, 4)
    x.attach_grad()
    loss = gluon.loss.CTCLoss()
    with autograd.record():
        out = loss(x, nd.array([[1, 2]]), nd.array([0]), nd.array([label_length]))
    out.backward()
    assert out.asnumpy() == 0
    assert (x.grad.asnumpy() == 0).all()


# ---- arguments -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        (nn.BatchNorm, {"axis": 1.5}, "axis must be an integer, but got 1.5"),
        (nn.BatchNorm, {"momentum": "a"}, "momentum must be a number, but got 'a'"),
        (nn.BatchNormReLU, {"epsilon": None}, "epsilon must be a number, but got None"),
        (nn.LayerNorm, {"axis": (1, 2)}, r"axis must be an integer, but got \(1, 2\)"),
        (nn.InstanceNorm, {"axis": None}, "axis must be an integer, but got None"),
        (nn.GroupNorm, {"epsilon": "a"}, "epsilon must be a number, but got 'a'"),
        (nn.HybridConcatenate, {"axis": "a"}, "axis must be an integer, but got 'a'"),
        (nn.LeakyReLU, {"alpha": "a"}, "alpha must be a number, but got 'a'"),
        (nn.ELU, {"alpha": None}, "alpha must be a number, but got None"),
        (nn.Swish, {"beta": "a"}, "beta must be a number, but got 'a'"),
        (gluon.loss.HuberLoss, {"rho": 0}, "rho must be more than 0, but got 0"),
        (gluon.loss.HuberLoss, {"rho": "a"}, "rho must be a number, but got 'a'"),
        (gluon.loss.TripletLoss, {"margin": "a"}, "margin must be a number, but got 'a'"),
        (gluon.loss.L2Loss, {"batch_axis": 0.5}, "batch_axis must be an integer, but got 0.5"),
        (
            gluon.loss.SDMLLoss,
            {"smoothing_parameter": None},
            "smoothing_parameter must be a number, but got None",
        ),
    ],
)
def test_arguments_are_refused_when_a_layer_is_made(kind, arguments, message):
    with pytest.raises(ValueError, match=rf"^{kind.__name__}: {message}$"):
        kind(**arguments)


HUGE = 2**62


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: nn.Conv1D(2, 3, dilation=HUGE, padding=HUGE), "padding|dilation"),
        (lambda: nn.Conv1DTranspose(2, 3, strides=2 * HUGE), "strides"),
        (lambda: nn.MaxPool1D(HUGE, padding=HUGE // 2), "pool_size"),
        (lambda: nn.AvgPool2D(2**31, padding=2**30), "pool_size"),
        (lambda: contrib.cnn.DeformableConvolution(2, 3, padding=HUGE), "padding"),
        (lambda: nn.ReflectionPad2D(HUGE), "padding"),
    ],
)
def test_windows_beyond_32_bits_are_refused(make, name):
    # their products did not fit 64 bits, and elements beside the image were read
    with pytest.raises(ValueError, match=rf"({name}) must be an integer .* below 2\*\*31"):
        make()


@pytest.mark.parametrize("function", [nd.Convolution, nd.Deconvolution, nd.Pooling, nd.im2col])
def test_functions_refuse_windows_beyond_32_bits(function):
    x = nd.ones((1, 1, 5, 5))
    weights = [nd.ones((1, 1, 3, 3))] if function in (nd.Convolution, nd.Deconvolution) else []
    options = {"num_filter": 1, "no_bias": True} if weights else {}
    for pad in (2**31, HUGE, 4 * HUGE):
        with pytest.raises(MXNetError, match=r"below 2\*\*31"):
            function(x, *weights, kernel=(3, 3), pad=(pad, 0), **options)


@pytest.mark.parametrize("kind", [nn.Embedding, rnn.LSTM, rnn.LSTMCell])
def test_sizes_beyond_any_memory_are_refused(kind):
    for size in (2**49, 4 * HUGE):
        with pytest.raises(ValueError, match=rf"^{kind.__name__}: .* larger than any memory"):
            kind(*(size, 1)[: 2 if kind is nn.Embedding else 1])


@pytest.mark.parametrize("given", [nn.Dense(3), 3, None])
def test_cells_are_made_of_cells(given):
    for make in (
        rnn.ZoneoutCell,
        rnn.ResidualCell,
        contrib.rnn.VariationalDropoutCell,
        lambda cell: rnn.BidirectionalCell(rnn.GRUCell(3), cell),
    ):
        with pytest.raises(TypeError, match="takes recurrent cells, but got"):
            make(given)


@pytest.mark.parametrize("activation", [3, nn.Activation("relu")])
def test_activations_of_convolutions_are_names(activation):
    for kind in (nn.Conv2D, nn.Conv1DTranspose, contrib.cnn.DeformableConvolution):
        with pytest.raises(TypeError, match="activation must be a name such as 'relu'"):
            kind(3, 3, activation=activation)


def test_nothing_to_join():
    for kind in (nn.Concatenate, nn.HybridConcatenate):
        stack = kind()
        with pytest.raises(ValueError, match=f"'{stack.name}' .* has no layers"):
            stack(nd.ones((2, 3)))


@pytest.mark.parametrize("kind", [nn.Sequential, nn.HybridSequential])
def test_a_block_is_not_inside_itself(kind):
    inner, middle, outer = kind(), kind(), kind()
    outer.add(middle)
    middle.add(inner)
    for block in (inner, middle, outer):
        with pytest.raises(ValueError, match=f"{block.name} cannot be a child of {inner.name}"):
            inner.add(block)
    with pytest.raises(ValueError, match="cannot be a child"):
        middle.head = outer
    assert (len(inner), len(middle), len(outer)) == (0, 1, 1)
    outer.add(inner)  # in two places
    outer.initialize()
    assert outer(nd.ones((2, 3))).shape == (2, 3)


@pytest.mark.parametrize("name", ["save", "load", "optimize_for", "infer_type"])
def test_names_of_mxnet_that_are_outside_say_so(name):
    with pytest.raises(AttributeError, match=rf"'Dense' has no attribute '{name}': .*\("):
        getattr(nn.Dense(3), name)


# ---- sizes found from use ------------------------------------------------------------------------


class Own(gluon.HybridBlock):
    def __init__(self, function, **shapes):
        super().__init__()
        self._function = function
        for name, shape in shapes.items():
            setattr(self, name, self.params.get(name, shape=shape, allow_deferred_init=True))

    def hybrid_forward(self, F, x, **parameters):
        return self._function(F, x, **parameters)


@pytest.mark.parametrize(
    ("function", "shapes", "found"),
    [
        (
            lambda F, x, w: F.Convolution(
                x, w, no_bias=True, kernel=(3, 2), num_filter=6, num_group=2, layout="NHWC"
            ),
            {"w": (0, 0, 0, 0)},
            [(6, 3, 2, 3)],
        ),
        (
            lambda F, x, w, b: F.npx.convolution(x, w, b, kernel=(3, 2), num_filter=6),
            {"w": (6, 0, 3, 2), "b": (0,)},
            [(6, 4, 3, 2), (6,)],
        ),
        (lambda F, x, g, b: F.npx.layer_norm(x, g, b), {"g": (0,), "b": (0,)}, [(6,), (6,)]),
        (lambda F, x, w: F.dot(x, w, transpose_b=True), {"w": (3, 0)}, [(3, 6)]),
        (lambda F, x, w: F.dot(w, x[0, 0], transpose_a=True), {"w": (0, 3)}, [(5, 3)]),
        (lambda F, x, w: x / (2 - w), {"w": (2, 4, 0, 6)}, [(2, 4, 5, 6)]),
        (lambda F, x, w: x * F.tanh(-w) ** 2, {"w": (0, 0, 0, 0)}, [(2, 4, 5, 6)]),
        (lambda F, x, w: x + F.tanh(data=w), {"w": (0, 0, 0, 0)}, [(2, 4, 5, 6)]),
        (lambda F, x, w: F.np.exp(w) + x, {"w": None}, [(2, 4, 5, 6)]),
        (
            lambda F, x, w, u: F.FullyConnected(
                F.dot(F.dot(x, w), F.tanh(w).T) + w[0, 0] + w.sum(), u, num_hidden=2, no_bias=True
            ),
            {"w": (0, 3), "u": (0, 0)},
            [(6, 3), (2, 120)],
        ),
    ],
)
def test_sizes_found_in_other_ways(function, shapes, found):
    net = Own(function, **shapes)
    net.initialize()
    infer_from_use(net, (nd.ones((2, 4, 5, 6)),))
    assert [getattr(net, name).shape for name in shapes] == found


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda F, x, w: x + w, r"w \(1, 0\) is used as if it had \(2, 3\)"),
        (lambda F, x, w: w * w, "the other operand says too little"),
        (lambda F, x, w: x + w.T, "T of own0_w is asked for"),
    ],
)
def test_sizes_not_found_say_why(function, reason):
    net = Own(function, w=(1, 0))
    net.initialize()
    with pytest.raises(ValueError, match=reason):
        net(nd.ones((2, 3)))
    assert net.w.shape == (1, 0)
