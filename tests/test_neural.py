"""The layers of npx and nd: recorded answers of PyTorch, statistics, precision, refusals."""

import itertools
import json
import math
import re
from pathlib import Path

import numpy as onp
import pytest
from gradients import assert_plan_agrees
from oracle.layer_cases import LAYERS, weights

import microlazy as mx
from microlazy import autograd, gluon, nd, np, npx
from microlazy.base import MXNetError, ShapeError
from microlazy.core.ops import nn as core_nn
from microlazy.ops import recurrent

ANSWERS = json.loads(
    (Path(__file__).parent / "oracle/torch_layers.json").read_text(encoding="utf-8")
)
FACES = {"np": np, "nd": nd}


# ---- PyTorch's answers ---------------------------------------------------------------------------


def arrays_of(layer, face, dtype="float64"):
    found = {name: FACES[face].array(x, dtype=dtype) for name, x in layer.arrays().items()}
    for x in found.values():
        x.attach_grad()
    return found


def run(layer, arrays):
    face = np if isinstance(arrays["x"], np.ndarray) else nd
    scope = {
        "npx": npx,
        "nd": nd,
        "like": lambda x, values: face.array(values, dtype=x.dtype),
        "lengths": lambda x: face.array([4, 3, 1], dtype=x.dtype),
        **arrays,
    }
    found = eval(layer.ours, scope)
    return found if isinstance(found, list) else [found]


def weighted(arrays):
    face = np if isinstance(arrays[0], np.ndarray) else nd
    parts = [
        (a * face.array(weights(a.shape, i), dtype=a.dtype)).sum() for i, a in enumerate(arrays)
    ]
    return sum(parts[1:], parts[0])


def assert_near(got, expected, accuracy, what=""):
    onp.testing.assert_allclose(
        got.asnumpy().ravel(), expected, rtol=accuracy, atol=accuracy, err_msg=what
    )


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize(("dtype", "accuracy"), [("float64", 1e-9), ("float32", 2e-4)])
@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.name)
def test_same_values_and_gradients_as_pytorch(layer, dtype, accuracy, face):
    arrays, answer = arrays_of(layer, face, dtype), ANSWERS[layer.name]
    with autograd.record():
        values = run(layer, arrays)
        total = weighted(values)
    total.backward()
    for got, expected in zip(values, answer["values"], strict=True):
        assert got.dtype == onp.dtype(dtype)
        assert_near(got, expected, accuracy)
    for name, expected in answer["gradients"].items():
        assert_near(arrays[name].grad, expected, accuracy, name)


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("layer", [x for x in LAYERS if x.second], ids=lambda layer: layer.name)
def test_same_gradients_of_gradients_as_pytorch(layer, face):
    arrays, answer = arrays_of(layer, face), ANSWERS[layer.name]
    known = [arrays[name] for name in answer["gradients"]]
    with autograd.record():
        total = weighted(run(layer, arrays))
        first = autograd.grad(total, known, create_graph=True)
        again = weighted(first)
    again.backward()
    for name, expected in answer["second"].items():
        assert_near(arrays[name].grad, expected, 1e-9, name)


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.name)
def test_a_plan_gives_the_same_bits(layer, face):
    values = {name: x.astype("float32") for name, x in layer.arrays().items() if x.size}
    empty = {name: x for name, x in arrays_of(layer, face, "float32").items() if not x.size}

    def function(*inputs):
        return run(layer, empty | dict(zip(values, inputs, strict=True)))

    assert_plan_agrees(function, list(values.values()), face, "packed")


@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.name)
def test_half_precision_stays_half_and_is_near(layer):
    arrays = arrays_of(layer, "np", "float16")
    with autograd.record():
        values = run(layer, arrays)
        total = weighted([y.astype("float32") for y in values])
    total.backward()
    for got, expected in zip(values, ANSWERS[layer.name]["values"], strict=True):
        assert got.dtype == onp.float16
        onp.testing.assert_allclose(got.asnumpy().ravel(), expected, rtol=0.03, atol=0.03)
    assert arrays["x"].grad.dtype == onp.float16


# ---- running statistics --------------------------------------------------------------------------


class Normalized(gluon.HybridBlock):
    """Batch normalization with arrays of its own for the statistics."""

    def __init__(self):
        super().__init__()
        self.mean, self.var = np.zeros(2), np.ones(2)

    def forward(self, x):
        return npx.batch_norm(x, np.ones(2), np.zeros(2), self.mean, self.var, momentum=0.75)


@pytest.mark.parametrize("hybridize", [False, True])
def test_batch_statistics_are_kept_at_every_training_step(hybridize):
    generator = onp.random.default_rng(1)
    block = Normalized()
    if hybridize:
        block.hybridize()
    mean, var = onp.zeros(2), onp.ones(2)
    for _ in range(3):
        x = generator.normal(size=(8, 2)).astype("float32")
        data = np.array(x)
        data.attach_grad()
        with autograd.record():
            y = block(data)
        y.backward()
        mean, var = 0.75 * mean + 0.25 * x.mean(0), 0.75 * var + 0.25 * x.var(0)
        onp.testing.assert_allclose(block.mean.asnumpy(), mean, rtol=1e-5)
        onp.testing.assert_allclose(block.var.asnumpy(), var, rtol=1e-5)
    expected = (x - mean) / onp.sqrt(var + 1e-3)
    onp.testing.assert_allclose(block(data).asnumpy(), expected, rtol=1e-4, atol=1e-6)
    onp.testing.assert_allclose(block.mean.asnumpy(), mean, rtol=1e-5)


@pytest.mark.parametrize("hybridize", [False, True])
def test_statistics_change_only_in_training_that_is_recorded(hybridize):
    block = Normalized()
    block.hybridize(hybridize)
    x = np.ones((4, 2))
    x.attach_grad()
    for scope, mean in (
        (autograd.train_mode(), 0.0),
        (autograd.record(train_mode=False), 0.0),
        (autograd.record(), 0.25),
        (autograd.train_mode(), 0.25),
    ):
        with scope:
            block(x)
        assert block.mean.asnumpy().tolist() == [mean, mean]


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_statistics_of_half_precision_data(dtype):
    x = np.array([[1, 2], [3, 6]], dtype="float16")
    mean, var = np.zeros(2, dtype=dtype), np.ones(2, dtype=dtype)
    with autograd.record():
        y = npx.batch_norm(x, np.ones(2), np.zeros(2), mean, var, momentum=0.5)
    assert y.dtype == onp.float16
    assert mean.asnumpy().tolist() == [1, 2]
    assert var.asnumpy().tolist() == [1, 2.5]


# ---- windows -------------------------------------------------------------------------------------


def slow_convolution(x, w, stride, dilate, pad, groups):
    """One output element after the other."""
    x = onp.pad(x, ((0, 0), (0, 0), (pad, pad), (pad, pad)))
    filters, members, *kernel = w.shape
    span = [dilate * (k - 1) + 1 for k in kernel]
    sizes = [(n - m) // stride + 1 for n, m in zip(x.shape[2:], span, strict=True)]
    out = onp.zeros((len(x), filters, *sizes))
    for f, i, j in itertools.product(range(filters), *map(range, sizes)):
        first = f // (filters // groups) * members
        window = x[
            :,
            first : first + members,
            i * stride : i * stride + span[0] : dilate,
            j * stride : j * stride + span[1] : dilate,
        ]
        out[:, f, i, j] = (window * w[f]).sum((1, 2, 3))
    return out


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("pad", [0, 2])
@pytest.mark.parametrize("dilate", [1, 2])
@pytest.mark.parametrize("stride", [1, 2, 3])
def test_convolution_is_the_sum_over_windows(stride, dilate, pad, groups):
    generator = onp.random.default_rng(3)
    x, w = generator.normal(size=(2, 4, 7, 6)), generator.normal(size=(4, 4 // groups, 3, 2))
    y = npx.convolution(
        *(np.array(x), np.array(w)),
        no_bias=True,
        kernel=(3, 2),
        num_filter=4,
        stride=(stride,) * 2,
        dilate=(dilate,) * 2,
        pad=(pad,) * 2,
        num_group=groups,
    )
    expected = slow_convolution(x, w, stride, dilate, pad, groups)
    onp.testing.assert_allclose(y.asnumpy(), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("size", "kernel", "stride"), [(5, 2, 2), (6, 3, 2), (7, 4, 3), (5, 5, 1)])
def test_same_pooling_has_a_window_for_each_stride(size, kernel, stride):
    x = np.arange(size).reshape(1, 1, size)
    y = npx.pooling(x, (kernel,), stride=(stride,), pooling_convention="same")
    assert y.shape == (1, 1, math.ceil(size / stride))
    assert y[0, 0, -1] == size - 1


def test_of_equal_elements_the_first_has_the_gradient_of_a_maximum():
    x = np.ones((1, 1, 2, 3))
    x.attach_grad()
    with autograd.record():
        y = npx.pooling(x, kernel=(2, 2))
    y.backward()
    assert x.grad.asnumpy().tolist() == [[[[1, 1, 0], [0, 0, 0]]]]


def test_a_batch_may_be_empty():
    x, w = np.zeros((0, 2, 4, 4)), np.ones((3, 2, 2, 2))
    assert npx.convolution(x, w, kernel=(2, 2), num_filter=3).shape == (0, 3, 3, 3)
    assert npx.pooling(x, kernel=(2, 2)).shape == (0, 2, 3, 3)
    y = npx.deconvolution(x, np.ones((2, 3, 2, 2)), kernel=(2, 2), num_filter=3)
    assert y.shape == (0, 3, 5, 5)


# ---- sequences -----------------------------------------------------------------------------------


def flat_parameters(mode, features, size, layers, directions):
    shapes = recurrent.parameter_shapes(mode, features, size, layers, directions)
    count = sum(math.prod(shape) for of_layer in shapes for shape in of_layer)
    return np.array(onp.random.default_rng(5).normal(size=count))


def test_what_lies_behind_a_sequence_does_not_matter():
    weights_of = flat_parameters("gru", 2, 3, 2, 2)
    state, ends = np.zeros((4, 2, 3), dtype="float64"), np.array([2, 4])
    x = onp.random.default_rng(6).normal(size=(4, 2, 2))
    other = x.copy()
    other[2:, 0] = 100
    options = {"state_size": 3, "num_layers": 2, "mode": "gru", "bidirectional": True}
    results = [
        npx.rnn(
            *(np.array(data), weights_of, state, None, ends),
            use_sequence_length=True,
            state_outputs=True,
            **options,
        )
        for data in (x, other)
    ]
    for a, b in zip(*results, strict=True):
        assert a.asnumpy().tobytes() == b.asnumpy().tobytes()
    assert not results[0][0].asnumpy()[2:, 0].any()


def test_the_cell_of_an_lstm_stays_within_its_bounds():
    parameters, zero = np.ones(16), np.zeros((1, 1, 1))
    options = {"state_size": 1, "num_layers": 1, "mode": "lstm", "state_outputs": True}
    y, _, cell = npx.rnn(
        *(np.ones((3, 1, 1)), parameters, zero, zero),
        lstm_state_clip_min=-0.1,
        lstm_state_clip_max=0.1,
        **options,
    )
    assert cell.item() == pytest.approx(0.1)
    assert float(y.max()) < math.tanh(0.1)


def test_dropout_between_recurrent_layers_spares_the_last():
    parameters = flat_parameters("rnn_relu", 2, 3, 2, 1) + 2
    x, state = np.ones((2, 1, 2), dtype="float64"), np.ones((2, 1, 3), dtype="float64")
    options = {"state_size": 3, "num_layers": 2, "mode": "rnn_relu"}
    still = npx.rnn(x, parameters, state, p=0.9, **options)
    assert still.asnumpy().tobytes() == npx.rnn(x, parameters, state, **options).asnumpy().tobytes()
    mx.random.seed(3)
    with autograd.train_mode():
        dropped = npx.rnn(x, parameters, state, p=0.9, **options)
    assert (dropped.asnumpy() != still.asnumpy()).any()
    assert (dropped.asnumpy() > 0).all()


def all_alignments(classes, steps):
    """The labels that each path stands for: repeats joined, blanks (0) left out."""
    for path in itertools.product(range(classes), repeat=steps):
        yield path, tuple(c for c, _ in itertools.groupby(path) if c)


@pytest.mark.parametrize("label", [(), (1,), (2, 1), (1, 1), (2, 2, 1), (1, 2, 1)])
def test_ctc_is_the_sum_over_all_alignments(label):
    x = onp.random.default_rng(8).normal(size=(4, 1, 3))
    p = onp.exp(x[:, 0]) / onp.exp(x[:, 0]).sum(1, keepdims=True)
    total = sum(
        math.prod(p[t, c] for t, c in enumerate(path))
        for path, found in all_alignments(3, 4)
        if found == label
    )
    padded = np.array([[*label, *(0,) * (3 - len(label))]])
    assert npx.ctc_loss(np.array(x), padded).item() == pytest.approx(-math.log(total), rel=1e-10)


def test_ctc_of_a_label_too_long_is_0_with_gradient_0():
    x = np.ones((2, 1, 3))
    x.attach_grad()
    with autograd.record():
        y = npx.ctc_loss(x, np.array([[1, 1]]))
    y.backward()
    assert y.item() == 0
    assert not x.grad.asnumpy().any()


# ---- elements ------------------------------------------------------------------------------------


def test_a_row_that_is_masked_as_a_whole_has_no_part_in_anything():
    x = np.array([[1, 2], [3, 4]])
    x.attach_grad()
    with autograd.record():
        y = npx.masked_softmax(x, np.array([[1, 1], [0, 0]], dtype="bool")) * np.array([1, 2])
    y.backward()
    assert y.asnumpy()[1].tolist() == [0, 0]
    assert x.grad.asnumpy()[1].tolist() == [0, 0]
    assert onp.isfinite(x.grad.asnumpy()).all()


def test_random_slopes_of_rrelu_lie_between_the_bounds():
    x = -np.ones(1000)
    with autograd.train_mode():
        y = -npx.leaky_relu(x, act_type="rrelu", lower_bound=0.2, upper_bound=0.4).asnumpy()
    assert 0.2 <= y.min() < 0.21
    assert 0.39 < y.max() <= 0.4
    still = npx.leaky_relu(x[:1], act_type="rrelu", lower_bound=0.2, upper_bound=0.4)
    assert still.item() == pytest.approx(-0.3)


@pytest.mark.parametrize("act_type", ["leaky", "elu", "selu", "rrelu"])
def test_rectifiers_of_infinity(act_type):
    x = np.array([onp.inf, 0.0, -onp.inf])
    x.attach_grad()
    with autograd.record(train_mode=False):
        y = npx.leaky_relu(x, act_type=act_type)
    y.backward()
    assert y[0] == onp.inf and y[1] == 0 and not onp.isnan(y.asnumpy()).any()
    assert not onp.isnan(x.grad.asnumpy()).any()


@pytest.mark.parametrize(("function", "start"), [(npx.index_add, 10.0), (npx.index_update, 0.0)])
def test_indexed_writing_leaves_the_array_as_it_was(function, start):
    a = np.full((2, 3), 10.0)
    y = function(a, np.array([[1, 0], [2, 0]], dtype="int32"), np.array([1, 2]))
    assert y.asnumpy()[1, 2] == start + 1
    assert y.asnumpy()[0, 0] == start + 2
    assert y.asnumpy().sum() == 40 + 2 * start + 3
    assert (a.asnumpy() == 10).all()


def test_the_same_place_named_twice_is_added_to_twice_and_written_once():
    a, places = np.zeros(2), np.array([0, 0], dtype="int32")
    assert npx.index_add(a, places, np.array([1, 2])).asnumpy().tolist() == [3, 0]
    assert npx.index_update(a, places, np.array([1, 2])).asnumpy().tolist() == [2, 0]


# ---- refusals ------------------------------------------------------------------------------------

ONE = {"kernel": (2,), "num_filter": 2}
REFUSED = {
    "no axes for windows": (
        ShapeError,
        lambda: npx.convolution(np.ones((2, 3)), np.ones(1), **ONE),
    ),
    "a list for an array": (TypeError, lambda: npx.convolution([[[1]]], np.ones((1, 1, 1)), **ONE)),
    "whole numbers": (
        MXNetError,
        lambda: npx.convolution(np.ones((1, 1, 4), dtype="int32"), np.ones((2, 1, 2)), **ONE),
    ),
    "nothing for an array": (TypeError, lambda: npx.layer_norm(np.ones((2, 3)), None, None)),
    "no steps": (
        ShapeError,
        lambda: npx.rnn(
            np.ones((0, 1, 1)), np.ones(4), np.ones((1, 1, 1)),
            state_size=1, num_layers=1, mode="rnn_tanh",
        ),
    ),
    "no steps to align to": (
        ShapeError,
        lambda: npx.ctc_loss(np.ones((0, 1, 3)), np.array([[1]])),
    ),
    "an axis for topk that is not there": (ShapeError, lambda: npx.topk(np.ones((2, 3)), axis=2)),
    "two strides for one axis": (
        MXNetError,
        lambda: npx.convolution(np.ones((1, 1, 4)), np.ones((2, 1, 2)), stride=(1, 1), **ONE),
    ),
    "stride 0": (
        MXNetError,
        lambda: npx.convolution(np.ones((1, 1, 4)), np.ones((2, 1, 2)), stride=(0,), **ONE),
    ),
    "groups that do not divide": (
        ShapeError,
        lambda: npx.convolution(np.ones((1, 3, 4)), np.ones((2, 1, 2)), num_group=2, **ONE),
    ),
    "wrong bias": (
        ShapeError,
        lambda: npx.convolution(np.ones((1, 1, 4)), np.ones((2, 1, 2)), np.ones(3), **ONE),
    ),
    "layout of another number of axes": (
        MXNetError,
        lambda: npx.convolution(np.ones((1, 1, 4)), np.ones((2, 1, 2)), layout="NCHW", **ONE),
    ),
    "unknown argument": (
        TypeError,
        lambda: npx.convolution(np.ones((1, 1, 4)), np.ones((2, 1, 2)), strides=2, **ONE),
    ),
    "nothing left by the padding": (
        ShapeError,
        lambda: npx.deconvolution(np.ones((1, 1, 1)), np.ones((1, 2, 2)), pad=(1,), **ONE),
    ),
    "unknown pooling": (MXNetError, lambda: npx.pooling(np.ones((1, 1, 4)), (2,), "median")),
    "unknown convention": (
        MXNetError,
        lambda: npx.pooling(np.ones((1, 1, 4)), (2,), pooling_convention="half"),
    ),
    "padding beside 'same'": (
        MXNetError,
        lambda: npx.pooling(np.ones((1, 1, 4)), (2,), pad=(1,), pooling_convention="same"),
    ),
    "statistics of a wrong size": (
        ShapeError,
        lambda: npx.batch_norm(np.ones((2, 3)), *[np.ones(n) for n in (3, 3, 2, 3)]),
    ),
    "an axis that is not there": (
        ShapeError,
        lambda: npx.batch_norm(np.ones((2, 3)), *[np.ones(3)] * 4, axis=2),
    ),
    "groups of channels": (
        ShapeError,
        lambda: npx.group_norm(np.ones((2, 3, 4)), np.ones(2), np.ones(2), num_groups=2),
    ),
    "an instance without axes": (
        ShapeError,
        lambda: npx.instance_norm(np.ones((2, 3)), np.ones(3), np.ones(3)),
    ),
    "sparse gradients": (
        MXNetError,
        lambda: npx.embedding(np.ones(2), np.ones((2, 2)), sparse_grad=True),
    ),
    "no slopes for prelu": (MXNetError, lambda: npx.leaky_relu(np.ones(2), act_type="prelu")),
    "unknown rectifier": (ValueError, lambda: npx.leaky_relu(np.ones(2), act_type="nothing")),
    "an lstm without a cell state": (
        MXNetError,
        lambda: npx.rnn(
            np.ones((1, 1, 1)), np.ones(16), np.ones((1, 1, 1)),
            state_size=1, num_layers=1, mode="lstm",
        ),
    ),
    "projection": (
        MXNetError,
        lambda: npx.rnn(
            np.ones((1, 1, 1)), np.ones(16), np.ones((1, 1, 1)), np.ones((1, 1, 1)),
            state_size=1, num_layers=1, mode="lstm", projection_size=1,
        ),
    ),
    "states of another shape": (
        ShapeError,
        lambda: npx.rnn(
            np.ones((1, 1, 1)), np.ones(4), np.ones((1, 2, 1)),
            state_size=1, num_layers=1, mode="rnn_tanh",
        ),
    ),
    "a class that is not there": (
        ValueError,
        lambda: npx.ctc_loss(np.ones((2, 1, 3)), np.array([[3]])),
    ),
    "a sequence longer than the data": (
        ValueError,
        lambda: npx.ctc_loss(
            np.ones((2, 1, 3)), np.array([[1]]), np.array([3]), use_data_lengths=True
        ),
    ),
    "places that are not whole": (
        MXNetError,
        lambda: npx.index_add(np.ones(2), np.array([0.5]), np.ones(1)),
    ),
    "places along too many axes": (
        ShapeError,
        lambda: npx.gather_nd(np.ones(2), np.array([[0], [0]])),
    ),
    "a length longer than there is": (
        ShapeError,
        lambda: npx.slice_like(np.ones((2, 2)), np.ones((3, 2))),
    ),
    "both faces": (
        TypeError,
        lambda: npx.convolution(np.ones((1, 1, 4)), nd.ones((2, 1, 2)), **ONE),
    ),
    "columns that do not fit": (
        ShapeError,
        lambda: nd.col2im(nd.ones((1, 3, 4)), output_size=(5,), kernel=(2,)),
    ),
    "an image too few": (
        MXNetError,
        lambda: nd.UpSampling(nd.ones((1, 1, 2, 2)), scale=2, sample_type="bilinear"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_refused(what):
    error, call = REFUSED[what]
    with pytest.raises(error):
        call()


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("rows", [1, 4, 5, 40])
def test_a_dense_weight_with_the_inputs_first(dtype, rows):
    rng = onp.random.default_rng(rows)
    x, w, b = (rng.uniform(-1, 1, shape).astype(dtype) for shape in ((rows, 9), (9, 7), (7,)))
    out = core_nn.fully_connected(np.array(x), np.array(w), np.array(b), in_first=True)
    tolerance = 2e-2 if dtype == "float16" else 1e-5
    onp.testing.assert_allclose(out.asnumpy(), x @ w + b, rtol=tolerance, atol=tolerance)
    turned = core_nn.fully_connected(np.array(x), np.array(w.T), np.array(b))
    onp.testing.assert_allclose(out.asnumpy(), turned.asnumpy(), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(
    ("shapes", "text"),
    [
        (((2, 3), (4, 5), (5,)), "3 features, but the weight of shape (4, 5) expects 4"),
        (((2, 3), (3, 5), (3,)), "the bias must have shape (5,), not (3,)"),
        (((2, 3), (3,), (3,)), "the weight must have 2 axes (inputs, units), not (3,)"),
    ],
)
def test_a_dense_weight_with_the_inputs_first_is_checked(shapes, text):
    x, w, b = (np.ones(shape) for shape in shapes)
    with pytest.raises(ShapeError, match=re.escape(text)):
        core_nn.fully_connected(x, w, b, in_first=True)
