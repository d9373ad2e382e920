"""Gluon's layers, cells and losses: gradients, dtypes, batches, lazy sizes, plans, refusals."""

import copy
import pathlib
import pickle
import sys
import zlib

import numpy
import pytest

import microlazy as mx
from microlazy import autograd, gluon, nd, np, npx
from microlazy.gluon import contrib, loss, nn, rnn

sys.path.insert(0, str(pathlib.Path(__file__).with_name("oracle")))
from gluon_cases import CASES, flat, stack, values  # noqa: E402

SCOPE = {"mx": mx, "nn": nn, "rnn": rnn, "loss": loss, "contrib": contrib, "stack": stack, "F": nd}

# Their code asks for states in float32.
FLOAT32_ONLY = ("zoneout_begin", "conv_gru_3d", "lstm_begin_state")
ANY_DTYPE = [name for name in CASES if name not in FLOAT32_ONLY]


def make(name, dtype="float32", batch=None):
    """A case's layer, its inputs, those of them that are differentiated, and how to call it."""
    case, generator = CASES[name], numpy.random.default_rng(zlib.crc32(name.encode()))
    layer = eval(case.make, SCOPE)
    mx.random.seed(1)
    layer.initialize(mx.init.Normal(0.5))
    layer.cast(dtype)
    inputs, leaves = [], []
    for given in case.inputs:
        kind, shape = given if isinstance(given[0], str) else ("any", given)
        x = nd.array(values(kind, shape, generator), dtype=dtype)
        inputs.append(x)
        if kind in ("any", "positive"):
            leaves.append(x)

    def call(inputs=inputs):
        return flat(eval(case.call, SCOPE | {"layer": layer, "x": inputs}))

    return layer, inputs, leaves, call


def weighted_sum(outputs):
    total = 0
    for i, y in enumerate(outputs):
        weights = numpy.random.default_rng(i).uniform(0.5, 1.5, y.shape)
        total = total + (y * nd.array(weights, dtype=y.dtype)).sum()
    return total


def step(layer, leaves, call):
    """Outputs and all gradients of one training step."""
    for x in leaves:
        x.attach_grad()
    with autograd.record():
        outputs = call()
        total = weighted_sum(outputs)
    total.backward()
    learned = [p for p in layer.collect_params().values() if p.grad_req != "null"]
    fixed = [p for p in layer.collect_params().values() if p.grad_req == "null"]
    arrays = [*outputs, *(x.grad for x in leaves), *(p.grad() for p in learned)]
    return [a.asnumpy().copy() for a in (*arrays, *(p.data() for p in fixed))]


def all_leaves(layer, leaves):
    learned = [p.data() for p in layer.collect_params().values() if p.grad_req != "null"]
    return [*leaves, *learned]


# ---- gradients ---------------------------------------------------------------------------------


# Their shifts are 0 at first, where windows jump over the edge of the image.
SHIFTED = ("deformable", "deformable_groups")


@pytest.mark.parametrize("name", [name for name in ANY_DTYPE if name not in SHIFTED])
def test_gradients_against_differences(name):
    layer, _, leaves, call = make(name, "float64")
    call()
    check_gradients(all_leaves(layer, leaves), call)


@pytest.mark.parametrize("kind", ["DeformableConvolution", "ModulatedDeformableConvolution"])
def test_gradients_of_shifts(kind):
    layer = getattr(contrib.cnn, kind)(
        2,
        3,
        padding=1,
        offset_weight_initializer=mx.init.Normal(0.05),
        offset_bias_initializer=mx.init.Constant(0.4),
        num_deformable_group=2,
    )
    layer.initialize(mx.init.Normal(0.5))
    layer.cast("float64")
    x = nd.random.normal(shape=(2, 4, 5, 4), dtype="float64")
    layer(x)
    check_gradients(all_leaves(layer, [x]), lambda: [layer(x)])


@pytest.mark.parametrize("hybrid", [False, True])
def test_modulated_places(hybrid):
    """As the operator of MXNet 1.9.1 answers: beyond the edge pixels fade out."""
    layer = contrib.cnn.ModulatedDeformableConvolution(1, use_bias=False)
    layer.initialize(mx.init.One())
    if hybrid:
        layer.hybridize()
    x = nd.arange(1, 13).reshape((1, 1, 3, 4))
    numpy.testing.assert_array_equal(layer(x).asnumpy(), x.asnumpy())
    layer.offset_bias.set_data(nd.array([-0.5, 0, 0]))
    right = [[0.5, 1, 1.5, 2], [3, 4, 5, 6], [7, 8, 9, 10]]
    numpy.testing.assert_allclose(layer(x).asnumpy()[0, 0], right)
    layer.offset_bias.set_data(nd.array([0, 0.5, 0]))
    right = [[1.5, 2.5, 3.5, 2], [5.5, 6.5, 7.5, 4], [9.5, 10.5, 11.5, 6]]
    numpy.testing.assert_allclose(layer(x).asnumpy()[0, 0], right)


def check_gradients(leaves, call):
    """In a random direction of each input and parameter, in float64."""
    for x in leaves:
        x.attach_grad()
    with autograd.record():
        total = weighted_sum(call())
    total.backward()
    gradients = [x.grad.asnumpy().copy() for x in leaves]
    generator = numpy.random.default_rng(3)
    for x, gradient in zip(leaves, gradients, strict=True):
        direction, start, ends = generator.normal(size=x.shape), x.asnumpy().copy(), []
        for sign in (1, -1):
            x[:] = nd.array(start + sign * 1e-6 * direction, dtype="float64")
            with autograd.train_mode():
                ends.append(weighted_sum(call()).asscalar())
        x[:] = nd.array(start, dtype="float64")
        expected = (ends[0] - ends[1]) / 2e-6
        numpy.testing.assert_allclose((gradient * direction).sum(), expected, 1e-5, 1e-6)


SECOND = [
    "conv1d_strides",
    "conv2d",
    "conv2d_transpose",
    "max2d",
    "avg2d",
    "global_avg2d",
    "batch_norm",
    "batch_norm_global",
    "layer_norm",
    "instance_norm",
    "group_norm",
    "embedding",
    "rnn_cell",
    "lstm_cell",
    "gru_cell",
    "lstm",
    "gru_both",
    "bidirectional",
    "conv_lstm",
    "lstmp_cell",
    "cosine",
    "triplet",
    "sdml",
]


@pytest.mark.parametrize("name", SECOND)
def test_second_gradients(name):
    """The derivative of all gradients along a direction, against differences of the gradients."""
    layer, _, leaves, call = make(name, "float64")
    call()
    leaves = all_leaves(layer, leaves)

    def gradient_sum(create_graph):
        for x in leaves:
            x.attach_grad()
        with autograd.record():
            squares = sum((y * y).sum() for y in call())
            gradients = autograd.grad(squares, leaves, create_graph=create_graph)
            return weighted_sum(gradients)

    gradient_sum(True).backward()
    found = [x.grad.asnumpy().copy() for x in leaves]
    generator = numpy.random.default_rng(5)
    for x, gradient in zip(leaves, found, strict=True):
        direction, start, ends = generator.normal(size=x.shape), x.asnumpy().copy(), []
        for sign in (1, -1):
            x[:] = nd.array(start + sign * 1e-5 * direction, dtype="float64")
            ends.append(gradient_sum(False).asscalar())
        x[:] = nd.array(start, dtype="float64")
        expected = (ends[0] - ends[1]) / 2e-5
        numpy.testing.assert_allclose((gradient * direction).sum(), expected, 1e-4, 1e-5)


# ---- plans -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "dtype"),
    [(name, "float32") for name in CASES] + [(name, "float64") for name in ANY_DTYPE],
)
def test_hybridized_to_the_bit(name, dtype):
    layer, _, leaves, call = make(name, dtype)
    mx.random.seed(2)
    eager = [step(layer, leaves, call) for _ in range(2)]
    layer, _, leaves, call = make(name, dtype)
    layer.hybridize()
    mx.random.seed(2)
    for right in eager:
        for ours, theirs in zip(step(layer, leaves, call), right, strict=True):
            numpy.testing.assert_array_equal(ours, theirs)


def digits(generator):
    return nd.array(generator.normal(size=(4, 1, 8, 8))), nd.array(generator.integers(0, 3, 4))


def small_network():
    net = nn.HybridSequential()
    net.add(nn.Conv2D(4, 3, padding=1), nn.BatchNorm(), nn.Activation("relu"), nn.MaxPool2D())
    net.add(nn.Conv2D(6, 3), nn.BatchNormReLU(), nn.GlobalAvgPool2D(), nn.Flatten(), nn.Dense(3))
    return net


def trained(hybrid):
    mx.random.seed(3)
    net, generator = small_network(), numpy.random.default_rng(0)
    net.initialize(mx.init.Xavier())
    if hybrid:
        net.hybridize()
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1})
    objective = loss.SoftmaxCrossEntropyLoss()
    for _ in range(4):
        x, y = digits(generator)
        with autograd.record():
            error = objective(net(x), y)
        error.backward()
        trainer.step(4)
    arrays = [p.data().asnumpy() for p in net.collect_params().values()]
    return [*arrays, net(digits(generator)[0]).asnumpy()]


def test_training_with_running_statistics():
    for eager, hybrid in zip(trained(False), trained(True), strict=True):
        numpy.testing.assert_array_equal(eager, hybrid)


@pytest.mark.parametrize("change", ["set_data", "force_reinit", "load"])
def test_plans_see_new_running_statistics(change, tmp_path):
    layer = nn.BatchNorm(in_channels=2, epsilon=0)
    layer.initialize()
    layer.running_mean.set_data(nd.array([1, 2]))
    layer.save_parameters(tmp_path / "norm.params")
    layer.running_mean.set_data(nd.array([0, 0]))
    layer.hybridize()
    x = nd.array([[5, 5]])
    numpy.testing.assert_array_equal(layer(x).asnumpy(), [[5, 5]])
    if change == "set_data":
        layer.running_mean.set_data(nd.array([1, 2]))
    elif change == "load":
        layer.load_parameters(tmp_path / "norm.params")
    else:
        layer.running_mean.initialize(mx.init.Constant(nd.array([1, 2])), force_reinit=True)
    numpy.testing.assert_array_equal(layer(x).asnumpy(), [[4, 3]])


# ---- batches, dtypes, layouts ------------------------------------------------------------------

BATCHED = {
    "nn.Conv1D(2, 3)": (3, 5),
    "nn.Conv2D(2, 3, strides=2, padding=1, groups=2)": (4, 5, 5),
    "nn.Conv3D(2, 2)": (2, 3, 3, 3),
    "nn.Conv2DTranspose(2, 3, strides=2)": (3, 4, 4),
    "contrib.cnn.DeformableConvolution(2, 3, padding=1)": (2, 4, 5),
    "contrib.cnn.ModulatedDeformableConvolution(2, 3)": (2, 4, 5),
    "nn.MaxPool2D()": (2, 4, 5),
    "nn.AvgPool2D(3, 1, 1)": (2, 4, 5),
    "nn.GlobalMaxPool2D()": (2, 4, 5),
    "nn.ReflectionPad2D(1)": (2, 4, 5),
    "nn.PixelShuffle2D(2)": (8, 2, 3),
    "nn.LayerNorm()": (3, 4),
    "nn.InstanceNorm()": (3, 4),
    "nn.GroupNorm(2)": (4, 3),
    "nn.BatchNorm()": (3, 4),
    "nn.BatchNormReLU()": (3, 4),
    "nn.SiLU()": (3,),
    "nn.Identity()": (3,),
    "stack(nn.HybridConcatenate(), nn.Dense(2), nn.Dense(3))": (4,),
    "rnn.LSTM(2, layout='NTC')": (3, 4),
    "rnn.GRU(2, 2, bidirectional=True, layout='NTC')": (3, 4),
    "rnn.LSTM(3, projection_size=2, layout='NTC')": (3, 4),
}


@pytest.mark.parametrize("code", BATCHED)
@pytest.mark.parametrize("face", [nd, np], ids=["nd", "np"])
def test_batches_of_every_size(code, face):
    """Each example is computed by itself; a batch of none gives none."""
    with_np = npx.np_array(face is np)
    with with_np:
        layer = eval(code, SCOPE)
        layer.initialize(mx.init.Normal(0.3))
        x = numpy.random.default_rng(0).normal(size=(3, *BATCHED[code]))
        whole = layer(face.array(x, dtype="float32"))
        assert type(whole) is type(face.ones((1,)))
        one = layer(face.array(x[1:2], dtype="float32"))
        numpy.testing.assert_allclose(one.asnumpy(), whole.asnumpy()[1:2], 1e-5, 1e-6)
        none = layer(np.zeros((0, *BATCHED[code]))) if face is np else None
        assert none is None or none.shape == (0, *whole.shape[1:])


@pytest.mark.parametrize("code", BATCHED)
def test_lazy_sizes(code, capsys):
    """dry_run, summary and explain work before any value is there, and agree with the real run."""
    layer = eval(code, SCOPE)
    layer.initialize()
    assert all(row.state != "declared" for row in layer.explain().rows)
    shape = (2, *BATCHED[code])
    out = layer.dry_run(shape)
    assert layer(nd.ones(shape)).shape == out
    assert all(row.state == "live" for row in layer.explain().rows)
    layer.summary(shape)
    assert "Unique parameters in model" in capsys.readouterr().out
    assert repr(layer)


@pytest.mark.parametrize("code", [c for c in BATCHED if "Identity" not in c])
def test_half_precision(code):
    layer = eval(code, SCOPE)
    layer.initialize(mx.init.Normal(0.3))
    x = nd.array(numpy.random.default_rng(0).normal(size=(2, *BATCHED[code])))
    exact = layer(x).asnumpy()
    layer.cast("float16")
    rough = layer(x.astype("float16"))
    assert rough.dtype == numpy.float16
    numpy.testing.assert_allclose(rough.asnumpy(), exact, 2e-2, 2e-2)


@pytest.mark.parametrize("kind", ["Conv", "ConvTranspose", "MaxPool", "AvgPool", "GlobalAvgPool"])
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_channels_last(kind, axes):
    first, last = {1: ("NCW", "NWC"), 2: ("NCHW", "NHWC"), 3: ("NCDHW", "NDHWC")}[axes]
    name = f"Conv{axes}DTranspose" if kind == "ConvTranspose" else f"{kind}{axes}D"
    options = {"channels": 4, "kernel_size": 2, "groups": 2} if "Conv" in kind else {}
    a, b = (getattr(nn, name)(layout=layout, **options) for layout in (first, last))
    a.initialize(mx.init.Normal())
    b.initialize()
    x = nd.random.normal(shape=(2, 6, *(4,) * axes))
    turned = (0, *range(2, axes + 2), 1)
    right = a(x).asnumpy().transpose(turned)
    b.dry_run(x.transpose(turned).shape)
    if "Conv" in kind:
        b.weight.set_data(a.weight.data().transpose(turned))
    numpy.testing.assert_allclose(b(x.transpose(turned)).asnumpy(), right, 1e-5, 1e-6)


@pytest.mark.parametrize("code", BATCHED)
def test_copied_pickled_and_shared(code):
    """Before its sizes are known and after; a layer that shares parameters computes the same."""
    layer, shape = eval(code, SCOPE), (2, *BATCHED[code])
    copies = [layer, copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))]
    for one in copies:
        one.initialize(mx.init.Constant(0.1))
    first, *others = (one(nd.ones(shape)).asnumpy() for one in copies)
    others.append(pickle.loads(pickle.dumps(layer))(nd.ones(shape)).asnumpy())
    if list(layer.params):
        gap = "" if code.endswith("()") else ", "
        tied = eval(f"{code[:-1]}{gap}params=shared)", SCOPE | {"shared": layer.params})
        others.append(tied(nd.ones(shape)).asnumpy())
    for other in others:
        numpy.testing.assert_array_equal(other, first)


GIVEN = {
    "nn.Conv2D(4, 3, in_channels=2)": ("nn.Conv2D(4, 3)", (2, 2, 5, 5)),
    "nn.Conv2DTranspose(4, 3, in_channels=2)": ("nn.Conv2DTranspose(4, 3)", (2, 2, 5, 5)),
    "nn.BatchNorm(in_channels=2)": ("nn.BatchNorm()", (2, 2, 5)),
    "nn.LayerNorm(in_channels=5)": ("nn.LayerNorm()", (2, 2, 5)),
    "nn.InstanceNorm(in_channels=2)": ("nn.InstanceNorm()", (2, 2, 5)),
    "rnn.LSTM(3, 2, input_size=5)": ("rnn.LSTM(3, 2)", (4, 2, 5)),
    "rnn.RNN(3, input_size=5)": ("rnn.RNN(3)", (4, 2, 5)),
}


@pytest.mark.parametrize("given", GIVEN)
def test_given_and_found_sizes_agree(given):
    outputs = []
    for code in (given, GIVEN[given][0]):
        layer = eval(code, SCOPE)
        layer.initialize(mx.init.Constant(0.1))
        outputs.append(layer(nd.ones(GIVEN[given][1])).asnumpy())
        assert repr(layer) == repr(eval(given, SCOPE))
    numpy.testing.assert_array_equal(*outputs)


# ---- normalization -----------------------------------------------------------------------------


@pytest.mark.parametrize("hybrid", [False, True])
def test_batch_norm_by_hand(hybrid):
    layer = nn.BatchNorm(momentum=0.75, epsilon=0.5)
    layer.initialize()
    if hybrid:
        layer.hybridize()
    generator = numpy.random.default_rng(0)
    mean, var = numpy.zeros(2), numpy.ones(2)
    for _ in range(3):
        x = generator.normal(2, 3, size=(4, 2, 3)).astype("float32")
        with autograd.record():
            y = layer(nd.array(x)).asnumpy()
        now, spread = x.mean((0, 2)), x.var((0, 2))
        right = (x - now[:, None]) / numpy.sqrt(spread + 0.5)[:, None]
        numpy.testing.assert_allclose(y, right, 1e-4, 1e-5)
        mean, var = 0.75 * mean + 0.25 * now, 0.75 * var + 0.25 * spread
        numpy.testing.assert_allclose(layer.running_mean.data().asnumpy(), mean, 1e-5)
        numpy.testing.assert_allclose(layer.running_var.data().asnumpy(), var, 1e-5)
        right = (x - mean[:, None]) / numpy.sqrt(var + 0.5)[:, None]
        numpy.testing.assert_allclose(layer(nd.array(x)).asnumpy(), right, 1e-4, 1e-4)


def test_batch_norm_keeps_statistics_in_float32():
    layer = nn.BatchNorm(in_channels=3)
    layer.cast("float16")
    layer.initialize()
    with autograd.record():
        y = layer(nd.ones((2, 3), dtype="float16"))
    assert y.dtype == numpy.float16
    assert layer.running_mean.data().dtype == layer.gamma.data().dtype == numpy.float32


def test_batch_norm_relu():
    layer = nn.BatchNormReLU()
    layer.initialize()
    y = layer(nd.array([[-2, 3]])).asnumpy()
    assert y[0, 0] == 0
    assert y[0, 1] > 2


def test_running_statistics_have_no_gradient():
    layer = nn.BatchNorm(in_channels=3, scale=False)
    assert [p.grad_req for p in layer.params.values()] == ["null", "write", "null", "null"]
    layer.collect_params().setattr("grad_req", "write")
    assert layer.running_var.grad_req == layer.gamma.grad_req == "null"


# ---- embedding, containers ---------------------------------------------------------------------


def test_embedding_refuses_what_it_has_not():
    layer = nn.Embedding(5, 2, sparse_grad=True)
    layer.initialize()
    for bad in (5, -1, float("nan")):
        with pytest.raises(IndexError, match=r"embedding0.*rows 0 to 4, but was given"):
            layer(nd.array([0, bad]))
    assert layer(nd.array([4], dtype="int32")).shape == (1, 2)
    assert layer(nd.array([[0, 1]])).shape == (1, 2, 2)


def test_embedding_dtype():
    layer = nn.Embedding(5, 2, dtype="float64")
    layer.initialize()
    assert layer(nd.array([1])).dtype == numpy.float64


def test_a_cast_embedding_gives_the_new_dtype_from_its_first_call_on():
    layer = nn.Embedding(5, 2)
    layer.cast("float64")
    layer.initialize()
    assert [layer(nd.array([1, 2])).dtype for _ in range(2)] == [numpy.float64] * 2
    assert repr(layer) == "Embedding(5 -> 2, float64)"


def test_concatenate():
    for kind in (nn.Concatenate, nn.HybridConcatenate):
        both = kind(axis=1)
        both.add(nn.Identity(), nn.Lambda("relu") if kind is nn.Concatenate else nn.Identity())
        x = nd.ones((2, 3, 4))
        assert both(x).shape == (2, 6, 4)
        assert both[:1].axis == 1
        assert isinstance(both[0], nn.Identity)


# ---- recurrent networks ------------------------------------------------------------------------

LAYERS = {
    "rnn": lambda **k: rnn.RNN(3, 2, "tanh", **k),
    "lstm": lambda **k: rnn.LSTM(3, 2, **k),
    "gru": lambda **k: rnn.GRU(3, 2, **k),
}


@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("lengths", [None, [1, 4, 3]])
@pytest.mark.parametrize("layout", ["TNC", "NTC"])
@pytest.mark.parametrize("kind", LAYERS)
def test_layers_agree_with_unrolled_cells(kind, layout, lengths, both):
    layer = LAYERS[kind](layout=layout, bidirectional=both, use_sequence_length=bool(lengths))
    layer.initialize(mx.init.Normal(0.5))
    x = nd.random.normal(shape=(4, 3, 2) if layout == "TNC" else (3, 4, 2))
    lengths = lengths and nd.array(lengths)
    states = layer.begin_state(3, func=nd.random.normal)
    outputs, last = layer(x, states, lengths)
    cells = layer._unfuse()
    first = [s for i in range(states[0].shape[0]) for s in (state[i] for state in states)]
    unrolled, ends = cells.unroll(4, x, first, layout, True, lengths)
    numpy.testing.assert_allclose(outputs.asnumpy(), unrolled.asnumpy(), 1e-4, 1e-5)
    ends = [nd.stack(*ends[i :: len(states)]).asnumpy() for i in range(len(states))]
    for ours, theirs in zip(last, ends, strict=True):
        numpy.testing.assert_allclose(ours.asnumpy(), theirs, 1e-4, 1e-5)


@pytest.mark.parametrize("lengths", [None, [1, 4, 3]])
def test_projection_agrees_with_cells(lengths):
    layer = rnn.LSTM(4, projection_size=2, use_sequence_length=bool(lengths), bidirectional=True)
    layer.initialize(mx.init.Normal(0.5))
    x = nd.random.normal(shape=(4, 3, 5))
    lengths = lengths and nd.array(lengths)
    outputs, last = layer(x, layer.begin_state(3), lengths)
    assert [state.shape for state in last] == [(2, 3, 2), (2, 3, 4)]
    cells = [contrib.rnn.LSTMPCell(4, 2, params=layer.params, prefix=p) for p in ("l0_", "r0_")]
    for cell, way in zip(cells, "lr", strict=True):
        cell.initialize()
        cell.infer_shape(x[0])
        for name, p in cell._reg_params.items():
            p.set_data(getattr(layer, f"{way}0_{name}").data())
    both = rnn.BidirectionalCell(*cells)
    unrolled, ends = both.unroll(4, x, None, "TNC", True, lengths)
    numpy.testing.assert_allclose(outputs.asnumpy(), unrolled.asnumpy(), 1e-4, 1e-5)
    for state, pair in zip(last, (ends[::2], ends[1::2]), strict=True):
        numpy.testing.assert_allclose(state.asnumpy(), nd.stack(*pair).asnumpy(), 1e-4, 1e-5)


@pytest.mark.parametrize("projection", [None, 2])
def test_clipped_cell_state(projection):
    layer = rnn.LSTM(2, projection_size=projection, state_clip_min=-0.1, state_clip_max=0.1)
    layer.initialize(mx.init.Normal(2))
    _, states = layer(nd.ones((5, 1, 3)), layer.begin_state(1))
    assert abs(states[1].asnumpy()).max() <= 0.1


def test_deferred_sizes_with_sequence_length():
    for code in ("rnn.LSTM(3, use_sequence_length=True)", "rnn.GRU(3, use_sequence_length=True)"):
        layer = eval(code, SCOPE)
        layer.initialize()
        layer.hybridize()
        assert layer(nd.ones((4, 2, 5)), None, nd.array([1, 2])).shape == (4, 2, 3)
        assert layer.l0_i2h_weight.shape[1] == 5


@pytest.mark.parametrize("func", [nd.zeros, nd.ones, nd.random.uniform, nd.random.normal, nd.full])
def test_begin_state_of_every_func(func):
    options = {"val": 2} if func is nd.full else {}
    for cell in (rnn.RNNCell(3), rnn.LSTMCell(3), rnn.ResidualCell(rnn.GRUCell(3)), rnn.LSTM(3)):
        for state in cell.begin_state(batch_size=2, func=func, **options):
            assert state.shape[-2:] == (2, 3)
        for state in cell.begin_state(2, func, dtype="float64", **options):
            assert state.dtype == numpy.float64


def test_begin_state_has_the_face_of_np():
    with npx.np_array(True):
        assert type(rnn.RNNCell(3).begin_state(2)[0]) is np.ndarray
        assert type(rnn.GRU(3).begin_state(2)[0]) is np.ndarray


def test_states_of_nd_inputs_under_np():
    cell, layer = rnn.RNNCell(3), rnn.GRU(3)
    cell.initialize()
    layer.initialize()
    x = nd.ones((2, 4, 5))
    outputs, _ = cell.unroll(4, x)
    steps = layer(x)
    with npx.np_array(True):
        numpy.testing.assert_array_equal(cell.unroll(4, x)[0][3].asnumpy(), outputs[3].asnumpy())
        numpy.testing.assert_array_equal(layer(x).asnumpy(), steps.asnumpy())


def test_paths_of_saved_parameters(tmp_path):
    layer, other = (rnn.LSTM(3, 2, bidirectional=True) for _ in range(2))
    layer.initialize()
    layer(nd.ones((2, 1, 4)))
    layer.save_parameters(tmp_path / "lstm.params")
    assert "_unfused.1.r_cell.h2h_weight" in nd.load(str(tmp_path / "lstm.params"))
    other.load_parameters(tmp_path / "lstm.params")
    x = nd.ones((2, 1, 4))
    numpy.testing.assert_array_equal(other(x).asnumpy(), layer(x).asnumpy())


def test_lstm_bias_opens_the_forget_gate():
    cell = rnn.LSTMCell(2, i2h_bias_initializer=mx.init.LSTMBias(1.0))
    cell.initialize()
    assert cell.i2h_bias.data().asnumpy().tolist() == [0, 0, 1, 1, 0, 0, 0, 0]


@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize(("mode", "gates"), [("rnn_tanh", 1), ("gru", 3), ("lstm", 4)])
def test_fused_rnn_initializer(mode, gates, both):
    ways = 2 if both else 1
    weights = ways * gates * 2 * ((3 + 2) + (2 * ways + 2))
    biases = ways * gates * 2 * 2 * 2
    x = nd.zeros((weights + biases,))
    init = mx.init.FusedRNN(mx.init.Constant(2), 2, 2, mode, both, forget_bias=0.5)
    init(mx.init.InitDesc("rnn_weight"), x)
    expected = numpy.zeros(biases).reshape(-1, gates, 2)
    if mode == "lstm":
        expected[:, 1] = 0.5
    numpy.testing.assert_array_equal(x.asnumpy(), [2] * weights + expected.ravel().tolist())
    assert mx.init.create(init.dumps()) == init


def test_fused_rnn_takes_the_network_s_initializer():
    x = nd.zeros((16,))
    desc = mx.init.InitDesc("rnn_weight", global_init=mx.init.Constant(7))
    mx.init.FusedRNN(None, 1, 1, "lstm")(desc, x)
    assert x.asnumpy().tolist() == [7] * 8 + [0, 1, 0, 0] * 2
    with pytest.raises(ValueError, match="has 15 elements, which suit no size of input"):
        mx.init.FusedRNN(None, 1, 1, "lstm")(desc, nd.zeros((15,)))
    with pytest.raises(ValueError, match="mode"):
        mx.init.FusedRNN(None, 1, 1, "mlp")


@pytest.mark.parametrize("hybrid", [False, True])
def test_zoneout_keeps_a_part(hybrid):
    cell = rnn.ZoneoutCell(rnn.RNNCell(200), 0.5, 0.5)
    cell.initialize(mx.init.Normal())
    if hybrid:
        cell.hybridize()
    x = nd.random.normal(shape=(1, 3, 4))
    with autograd.train_mode():
        outputs, states = cell.unroll(3, x)
    same = (outputs[1].asnumpy() == outputs[0].asnumpy()).mean()
    assert 0.35 < same < 0.65
    outputs, states = cell.unroll(3, x)
    base = cell.base_cell
    with cell._base():
        right, _ = base.unroll(3, x)
    numpy.testing.assert_array_equal(outputs[2].asnumpy(), right[2].asnumpy())


def test_variational_dropout_drops_the_same_in_each_step():
    for drop in ("drop_inputs", "drop_outputs", "drop_states"):
        cell = contrib.rnn.VariationalDropoutCell(rnn.RNNCell(50), **{drop: 0.5})
        cell.initialize()
        with autograd.train_mode():
            outputs, _ = cell.unroll(3, nd.ones((1, 3, 50)), merge_outputs=False)
        if drop == "drop_outputs":
            zeros = [y.asnumpy() == 0 for y in outputs]
            assert 5 < zeros[0].sum() < 45
            assert (zeros[0] == zeros[1]).all()
    both = contrib.rnn.VariationalDropoutCell(
        rnn.BidirectionalCell(rnn.RNNCell(2), rnn.RNNCell(2)), 0.5, 0, 0.5
    )
    both.initialize()
    assert both.unroll(3, nd.ones((1, 3, 2)), merge_outputs=True)[0].shape == (1, 3, 4)


def test_modified_cells_are_started_by_the_modifier():
    cell = rnn.RNNCell(3)
    modifier = rnn.ZoneoutCell(cell)
    with pytest.raises(AssertionError, match="rnn0 is modified"):
        cell.begin_state(2)
    with pytest.raises(AssertionError, match="cannot be modified twice"):
        rnn.ResidualCell(cell)
    assert modifier.begin_state(2)[0].shape == (2, 3)


def test_a_plain_cell_in_a_stack():
    class Sum(rnn.RecurrentCell):
        def state_info(self, batch_size=0):
            return [{"shape": (batch_size, 3), "__layout__": "NC"}]

        def forward(self, inputs, states):
            total = states[0] + inputs
            return total, [total]

    both = stack(rnn.SequentialRNNCell(), rnn.RNNCell(3), Sum())
    both.initialize()
    outputs, states = both.unroll(4, nd.ones((2, 4, 5)), merge_outputs=True)
    assert outputs.shape == (2, 4, 3)
    assert len(states) == 2
    assert both(nd.ones((2, 5)), both.begin_state(2))[0].shape == (2, 3)


def test_a_hybrid_cell_written_for_mxnet():
    class Cell(rnn.HybridRecurrentCell):
        def __init__(self, size, **kwargs):
            super().__init__(**kwargs)
            self._size = size
            self.weight = self.params.get("weight", shape=(size, 0), allow_deferred_init=True)

        def state_info(self, batch_size=0):
            return [{"shape": (batch_size, self._size), "__layout__": "NC"}]

        def hybrid_forward(self, F, inputs, states, weight):
            prefix = f"t{self._counter}_"
            new = F.FullyConnected(
                inputs, weight, num_hidden=self._size, no_bias=True, name=prefix + "i2h"
            )
            output = F.elemwise_add(new, states[0], name=prefix + "out")
            return output, [output]

    cell = Cell(3)
    cell.initialize()
    cell.hybridize()
    outputs, _ = cell.unroll(4, nd.ones((2, 4, 5)))
    assert outputs[3].shape == (2, 3)


@pytest.mark.parametrize("kind", ["lstm", "gru"])
@pytest.mark.parametrize("hybrid", [False, True])
def test_a_network_learns_to_count(kind, hybrid):
    """The next of the numbers 0 to 4 in turn, from the first of them on."""
    mx.random.seed(0)
    net = nn.HybridSequential()
    layer = rnn.LSTM(16, layout="NTC") if kind == "lstm" else rnn.GRU(16, layout="NTC")
    net.add(nn.Embedding(5, 8), layer, nn.Dense(5, flatten=False))
    net.initialize(mx.init.Xavier())
    if hybrid:
        net.hybridize()
    trainer = gluon.Trainer(net.collect_params(), "adam", {"learning_rate": 0.03})
    objective = loss.SoftmaxCrossEntropyLoss()
    numbers = nd.array([[(start + i) % 5 for i in range(8)] for start in range(5)])
    for _ in range(40):
        with autograd.record():
            error = objective(net(numbers[:, :-1]), numbers[:, 1:])
        error.backward()
        trainer.step(5)
    assert error.mean().asscalar() < 0.1


# ---- losses ------------------------------------------------------------------------------------


def value_and_gradient(objective, *inputs):
    first = inputs[0]
    first.attach_grad()
    with autograd.record():
        y = objective(*inputs)
    y.backward()
    return y.asnumpy(), first.grad.asnumpy()


def test_losses_stay_finite_at_extremes():
    big, one = nd.array([[1e4, -1e4, 0]]), nd.array([[1, -1, 1]])
    zeros, half = nd.zeros((2, 3)), nd.array([[0, 0.5, 1], [0, 0, 0]])
    cases = [
        (loss.KLDivLoss(from_logits=False), big, nd.array([[1, 0, 0]])),
        (loss.LogisticLoss(), big, one),
        (loss.HuberLoss(), big, -big),
        (loss.SquaredHingeLoss(), big, one),
        (loss.SigmoidBCELoss(from_sigmoid=True), nd.array([[0, 1, 0.5]]), nd.array([[1, 0, 1]])),
        (loss.PoissonNLLLoss(from_logits=False), nd.zeros((1, 3)), nd.array([[0, 1, 5]])),
        (loss.PoissonNLLLoss(compute_full=True), nd.zeros((1, 3)), nd.array([[0, 1, 5]])),
        (loss.CosineEmbeddingLoss(), zeros, half, nd.array([1, -1])),
        (loss.CosineEmbeddingLoss(), zeros, zeros, nd.array([1, -1])),
        (loss.SDMLLoss(), nd.array([[1e3, 0], [0, 1e3]]), nd.array([[0, 0], [1e3, 1e3]])),
        (loss.SDMLLoss(), nd.ones((1, 2)), nd.zeros((1, 2))),
        (loss.CTCLoss(), nd.array([[[1e4, 0, -1e4]] * 3]), nd.array([[1, 0]])),
        (loss.TripletLoss(), big, big, -big),
    ]
    for objective, *inputs in cases:
        for array in value_and_gradient(objective, *inputs):
            assert numpy.isfinite(array).all(), objective


def test_full_poisson_by_hand():
    counts = numpy.array([0, 1, 2, 5])
    rates = numpy.array([0.5, 1, 2, 3])
    stirling = counts[2:] * numpy.log(counts[2:]) - counts[2:]
    stirling = numpy.concatenate([[0, 0], stirling + 0.5 * numpy.log(2 * numpy.pi * counts[2:])])
    objective = loss.PoissonNLLLoss(compute_full=True)
    found = objective(nd.array(numpy.log(rates)), nd.array(counts)).asscalar()
    right = (rates - counts * numpy.log(rates) + stirling).mean()
    numpy.testing.assert_allclose(found, right, 1e-5)


# ---- refusals ----------------------------------------------------------------------------------

NO_LAYER = [
    ("nn.Conv2D(0, 3)", "Conv2D: channels must be an integer of at least 1, but got 0"),
    ("nn.Conv2D(4, (3, 3, 3))", r"Conv2D: kernel_size must be .* or 2 of them"),
    ("nn.Dropout('a')", "Dropout: rate must be a number from 0 to 1, but got 'a'"),
    ("nn.Conv2D(4, 0)", "Conv2D: kernel_size must be"),
    ("nn.Conv2D(4, 3, padding=-1)", "Conv2D: padding must be an integer of at least 0"),
    ("nn.Conv2D(4, 3, strides=0)", "Conv2D: strides must be"),
    ("nn.Conv2D(4, 3, dilation=1.5)", "Conv2D: dilation must be"),
    ("nn.Conv2D(4, 3, groups=3)", "Conv2D: groups=3 must divide channels=4"),
    ("nn.Conv2D(4, 3, groups=2, in_channels=3)", "groups=2 must divide .*in_channels=3"),
    ("nn.Conv2D(4, 3, layout='HWCN')", "layout must be one of 'NCHW', 'NHWC', but got 'HWCN'"),
    ("nn.Conv1DTranspose(4, 3, output_padding=-1)", "Conv1DTranspose: output_padding must be"),
    ("nn.MaxPool2D(0)", "MaxPool2D: pool_size must be"),
    ("nn.AvgPool3D(2, 0)", "AvgPool3D: strides must be"),
    ("nn.GlobalAvgPool1D('NCHW')", "GlobalAvgPool1D: layout must be one of 'NCW', 'NWC'"),
    ("contrib.cnn.DeformableConvolution(3, 3, groups=2)", "groups=2 must divide channels=3"),
    ("contrib.cnn.DeformableConvolution(3, layout='NHWC')", "layout must be one of 'NCHW'"),
    ("nn.ReflectionPad2D((1, 1))", "ReflectionPad2D: padding must be"),
    ("nn.ReflectionPad2D((1, 0, 0, 0, 1, 1, 1, 1))", "only height and width"),
    ("nn.PixelShuffle2D(0)", "PixelShuffle2D: factor must be"),
    ("nn.Embedding(0, 3)", "Embedding: input_dim must be"),
    ("nn.GroupNorm(0)", "GroupNorm: num_groups must be"),
    ("nn.BatchNorm(in_channels=-3)", "BatchNorm: in_channels must be"),
    ("rnn.LSTM(0)", "LSTM: hidden_size must be"),
    ("rnn.LSTM(3, layout='CTN')", "LSTM: layout must be one of 'TNC', 'NTC'"),
    ("rnn.LSTM(3, state_clip_nan=True)", "state_clip_nan"),
    ("rnn.GRU(3, num_layers=0)", "GRU: num_layers must be"),
    ("rnn.GRU(3, dropout=2)", "GRU: dropout must be a number from 0 to 1"),
    ("rnn.RNN(3, activation='gelu')", "RNN: activation must be one of 'relu', 'tanh'"),
    ("nn.Activation('rellu')", "Activation: activation must be one of 'relu', .*, but got 'rellu'"),
    ("nn.Dense(3, activation='rellu')", "Dense: .*but got 'rellu'; the nearest name is 'relu'"),
    ("nn.Conv2D(3, 2, activation='Tanh')", "Conv2D: .*but got 'Tanh'; the nearest name is 'tanh'"),
    ("nn.Conv1DTranspose(3, 2, activation='')", "Conv1DTranspose: .*but got ''$"),
    ("contrib.cnn.DeformableConvolution(3, activation='gleu')", "nearest name is 'gelu'"),
    ("rnn.RNNCell(3, 'rellu')", "RNNCell: activation .*nearest name is 'relu'"),
    ("rnn.LSTMCell(3, recurrent_activation='sigmod')", "LSTMCell: recurrent_.*is 'sigmoid'"),
    ("contrib.rnn.Conv1DGRUCell((1, 4), 2, 3, 3, activation='tan')", "Conv1DGRUCell: .*is 'tanh'"),
    ("rnn.DropoutCell('a')", "DropoutCell: rate must be"),
    ("rnn.ZoneoutCell(rnn.BidirectionalCell(rnn.RNNCell(1), rnn.RNNCell(1)))", "no zoneout"),
    ("contrib.rnn.Conv2DRNNCell((1, 4, 4), 2, 3, 2)", "h2h_kernel must be odd"),
    ("loss.CTCLoss('NCT')", "CTCLoss: layout must be one of"),
]


@pytest.mark.parametrize(("code", "message"), NO_LAYER)
def test_bad_arguments(code, message):
    with pytest.raises(ValueError, match=message):
        eval(code, SCOPE)


BAD_INPUT = [
    ("nn.Conv2D(4, 3)", (2, 3, 5), r"conv0.*Conv2D.* takes an input of 4 axes, but got shape"),
    ("nn.Conv2D(4, 3)", (2, 0, 5, 5), "needs an input with elements along axis 1"),
    ("nn.Conv2D(4, 3, groups=2)", (2, 3, 5, 5), "cannot divide 3 channels"),
    ("nn.Conv2D(4, 7)", (2, 3, 5, 5), r"'conv0' Conv2D.*kernel \(7, 7\)"),
    (
        "nn.Conv2D(4, 3, in_channels=2)",
        (2, 3, 5, 5),
        r"weight would need shape \(4, 3, 3, 3\), but has .*in_channels=2 given when",
    ),
    ("nn.Conv2DTranspose(4, 3, output_padding=1)", (2, 3, 5, 5), "'conv0' .*adj"),
    (
        "contrib.cnn.DeformableConvolution(4, 3, num_deformable_group=2)",
        (2, 3, 5, 5),
        "'deformable_conv0' .*cannot divide 3 channels",
    ),
    ("nn.MaxPool2D()", (2, 3, 5), "'pool0' .* takes an input of 4 axes"),
    ("nn.MaxPool2D(7)", (2, 3, 5, 5), "'pool0' MaxPool2D"),
    ("nn.ReflectionPad2D(5)", (1, 1, 3, 3), "'reflectionpad2d0' ReflectionPad2D"),
    ("nn.PixelShuffle2D(2)", (1, 3, 3, 3), "needs a multiple of 4 channels, but got 3"),
    ("nn.BatchNorm(in_channels=4)", (2, 3), "'batchnorm0' BatchNorm.*gamma would need shape"),
    ("nn.BatchNorm(axis=4)", (2, 3), "works along axis 4, but the input has shape"),
    ("nn.LayerNorm(in_channels=4)", (2, 3), "'layernorm0' LayerNorm"),
    ("nn.GroupNorm(2)", (2, 3, 4), "'groupnorm0' GroupNorm"),
    ("nn.InstanceNorm()", (2, 3), "'instancenorm0' InstanceNorm"),
    ("rnn.LSTM(3)", (2, 3), "'lstm0' LSTM.* takes an input of 3 axes"),
    ("rnn.LSTM(3, input_size=4)", (2, 1, 3), "'lstm0' LSTM.*l0_i2h_weight would need shape"),
    ("rnn.LSTM(3, use_sequence_length=True)", (2, 1, 3), "'lstm0' .*sequence_length must be"),
]


@pytest.mark.parametrize(("code", "shape", "message"), BAD_INPUT)
@pytest.mark.parametrize("hybrid", [False, True])
def test_bad_input(code, shape, message, hybrid):
    """The error names the layer, and what it had found from the bad input is forgotten."""
    layer = eval(code, SCOPE)
    layer.initialize()
    if hybrid:
        layer.hybridize()
    before = str(layer.explain())
    with pytest.raises((mx.MXNetError, ValueError, TypeError), match=message):
        layer(np.zeros(shape) if 0 in shape else nd.zeros(shape))
    assert str(layer.explain()) == before


def test_what_is_no_array():
    layer = nn.Conv2D(3, 2)
    layer.initialize()
    with pytest.raises(ValueError, match="takes an array of microlazy, but got list"):
        layer([[1, 2]])


@pytest.mark.parametrize("hybrid", [False, True], ids=["eager", "hybrid"])
@pytest.mark.parametrize(
    "code",
    ["nn.Activation('relu')", "nn.Dropout(0.5)", "nn.ELU()", "nn.Flatten()", "nn.GELU()"]
    + ["nn.LeakyReLU(0.1)", "nn.PReLU()", "nn.ReflectionPad2D(1)", "nn.SELU()", "nn.SiLU()"]
    + ["nn.Swish()", "nn.BatchNorm()", "nn.MaxPool2D()", "rnn.LSTM(3)", "nn.PixelShuffle1D(2)"],
)
def test_a_layer_after_one_that_returns_nothing_is_named(code, hybrid):
    network = nn.HybridSequential()
    network.add(nn.HybridLambda(lambda F, x: None), eval(code, SCOPE))
    network.initialize()
    if hybrid:
        network.hybridize()
    message = rf"{network[1].name}, '1' {type(network[1]).__name__}.* got None: does forward"
    with pytest.raises(ValueError, match=message):
        network(nd.ones((2, 3)))


def test_bad_states_and_sequences():
    layer, cell = rnn.GRU(3), rnn.GRUCell(3)
    layer.initialize()
    cell.initialize()
    with pytest.raises(ValueError, match=r"'gru0' .*Invalid recurrent state shape"):
        layer(nd.ones((2, 1, 4)), nd.ones((1, 2, 3)))
    with pytest.raises(ValueError, match="length=3 steps were asked for, but the inputs have 2"):
        cell.unroll(3, nd.ones((1, 2, 4)))
    with pytest.raises(ValueError, match="layout must hold T once and N before .* but got 'CTN'"):
        cell.unroll(2, nd.ones((1, 2, 4)), layout="CTN")
    with pytest.raises(mx.MXNetError, match="'gru1' GRUCell"):
        cell(nd.ones((1, 4)), [nd.ones((1, 2))])
    with pytest.raises(NotImplementedError, match=r"unroll\(\)"):
        rnn.BidirectionalCell(rnn.RNNCell(1), rnn.RNNCell(1))(nd.ones((1, 1)), [])


@pytest.mark.parametrize(
    "function", [nd.Activation, lambda x, act_type: nn.Activation(act_type)(x)]
)
def test_an_activation_is_named_by_a_string_of_numpy_too(function):
    name = numpy.array(["relu", "tanh"])[0]
    assert function(nd.array([-1, 2]), act_type=name).asnumpy().tolist() == [0, 2]


@pytest.mark.parametrize("given", [5, None, ["relu"]])
def test_what_is_no_name_of_an_activation_is_told_with_those_there_are(given):
    with pytest.raises(mx.MXNetError, match=r"unknown activation .*; known are .*relu"):
        nd.Activation(nd.ones(2), act_type=given)
