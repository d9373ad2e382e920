"""Losses: the answers of MXNet, formulas in float64, gradients, and refusals."""

import json
from pathlib import Path

import numpy
import pytest

import microlazy as mx
from microlazy import autograd, gluon, nd, npx
from microlazy.base import MXNetError

RECORDED = json.loads((Path(__file__).parent / "oracle" / "training.json").read_text())["losses"]
RNG = numpy.random.default_rng(3)
PRED = RNG.normal(size=(4, 5))
LABEL = RNG.normal(size=(4, 5))
SIGNS = numpy.sign(RNG.normal(size=(4, 5)))
CLASSES = numpy.array([0, 4, 2, 2])


@pytest.fixture(params=["nd", "np"])
def face(request):
    if request.param == "np":
        npx.set_np()
    yield mx.np if request.param == "np" else nd
    npx.reset_np()


def softmax(x):
    e = numpy.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def softplus(x):
    return numpy.logaddexp(0, x)


@pytest.mark.parametrize("case", RECORDED, ids=lambda case: f"{case['name']}-{case['arguments']}")
def test_mxnets_answers(case, face):
    pred, *others = (value if value is None else face.array(value) for value in case["inputs"])
    pred.attach_grad()
    with autograd.record():
        loss = getattr(gluon.loss, case["name"])(**case["arguments"])(pred, *others)
    loss.backward()
    numpy.testing.assert_allclose(loss.asnumpy(), case["loss"], rtol=2e-5, atol=2e-6)
    numpy.testing.assert_allclose(pred.grad.asnumpy(), case["grad"], rtol=2e-5, atol=2e-6)
    assert type(loss) is type(pred)


FORMULAS = {
    "L2Loss": (LABEL, lambda p, t: (p - t) ** 2 / 2),
    "L1Loss": (LABEL, lambda p, t: abs(p - t)),
    "SigmoidBCELoss": ((SIGNS + 1) / 2, lambda p, t: softplus(p) - p * t),
    "HuberLoss": (
        LABEL,
        lambda p, t: numpy.where(abs(p - t) > 1, abs(p - t) - 0.5, (p - t) ** 2 / 2),
    ),
    "HingeLoss": (SIGNS, lambda p, t: numpy.maximum(0, 1 - p * t)),
    "SquaredHingeLoss": (SIGNS, lambda p, t: numpy.maximum(0, 1 - p * t) ** 2),
    "LogisticLoss": (SIGNS, lambda p, t: softplus(-p * t)),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_formulas_in_float64(name, face):
    label, formula = FORMULAS[name]
    loss = getattr(gluon.loss, name)()
    pred = face.array(PRED, dtype="float64")
    given = loss(pred, face.array(label, dtype="float64"))
    assert given.dtype == numpy.float64
    numpy.testing.assert_allclose(given.asnumpy(), formula(PRED, label).mean(axis=1), rtol=1e-12)


def test_softmax_cross_entropy_in_float64(face):
    expected = -numpy.log(softmax(PRED)[numpy.arange(4), CLASSES])
    pred = face.array(PRED, dtype="float64")
    for dtype in ("float32", "float64", "int32", "int64", "uint8"):
        loss = gluon.loss.SoftmaxCrossEntropyLoss()(pred, face.array(CLASSES, dtype=dtype))
        numpy.testing.assert_allclose(loss.asnumpy(), expected, rtol=1e-12)
    one_hot = numpy.eye(5)[CLASSES]
    dense = gluon.loss.SoftmaxCELoss(sparse_label=False)(pred, face.array(one_hot, dtype="float64"))
    numpy.testing.assert_allclose(dense.asnumpy(), expected, rtol=1e-12)


@pytest.mark.parametrize(
    "arguments, label",
    [
        ({}, CLASSES),
        ({"axis": 0, "batch_axis": 1}, numpy.array([0, 1, 2, 3, 0])),
        ({"sparse_label": False}, softmax(LABEL)),
        ({"weight": 3}, CLASSES),
    ],
)
def test_softmax_cross_entropy_gradient_by_central_differences(arguments, label, face):
    check_gradient(gluon.loss.SoftmaxCELoss(**arguments), face, label)


@pytest.mark.parametrize("name", [*FORMULAS, "KLDivLoss"])
def test_gradient_by_central_differences(name, face):
    label = softmax(LABEL) if name == "KLDivLoss" else FORMULAS[name][0]
    check_gradient(getattr(gluon.loss, name)(), face, label)


def check_gradient(loss, face, label):
    label = face.array(label, dtype="float64")
    sample_weight = face.array([[1.0]], dtype="float64") * 2

    def total(values):
        return loss(face.array(values, dtype="float64"), label, sample_weight).asnumpy().sum()

    pred = face.array(PRED, dtype="float64")
    pred.attach_grad()
    with autograd.record():
        value = loss(pred, label, sample_weight)
    value.backward()
    numeric = numpy.empty_like(PRED)
    for position in numpy.ndindex(PRED.shape):
        step = numpy.zeros_like(PRED)
        step[position] = 1e-6
        numeric[position] = (total(PRED + step) - total(PRED - step)) / 2e-6
    numpy.testing.assert_allclose(pred.grad.asnumpy(), numeric, rtol=1e-6, atol=1e-8)


def test_large_logits_stay_finite(face):
    pred = face.array([[1e4, -1e4], [-1e4, 1e4]])
    loss = gluon.loss.SoftmaxCELoss()(pred, face.array([0, 0]))
    assert loss.asnumpy().tolist() == [0, 2e4]
    bce = gluon.loss.SigmoidBCELoss()(pred, face.array([[1, 0], [1, 0]]))
    assert bce.asnumpy().tolist() == [0, 1e4]


def test_the_gradient_at_zero_is_the_sigmoids(face):
    pred = face.zeros((1, 2))
    pred.attach_grad()
    with autograd.record():
        loss = gluon.loss.SigmoidBCELoss()(pred, face.array([[1, 0]]))
    loss.backward()
    assert pred.grad.asnumpy().tolist() == [[-0.25, 0.25]]


def test_sample_weight_weighs_each_example(face):
    pred, label = face.array(PRED), face.array(CLASSES)
    loss = gluon.loss.SoftmaxCELoss()
    weighted = loss(pred, label, face.array([[0.0], [1.0], [2.0], [3.0]])).asnumpy()
    numpy.testing.assert_allclose(weighted, loss(pred, label).asnumpy() * [0, 1, 2, 3], rtol=1e-6)


def test_labels_of_whole_numbers_take_the_type_of_the_prediction(face):
    loss = gluon.loss.L2Loss()(face.array([[1.5, 2]]), face.array([[1, 2]], dtype="int32"))
    assert loss.dtype == numpy.float32
    assert loss.asnumpy().tolist() == [0.0625]


def test_no_examples_give_no_losses():
    npx.set_np()
    try:
        assert gluon.loss.L2Loss()(mx.np.zeros((0, 3)), mx.np.zeros((0, 3))).shape == (0,)
        assert gluon.loss.L2Loss()(mx.np.array(2.0), mx.np.array(1.0)).item() == 0.5
    finally:
        npx.reset_np()


@pytest.mark.parametrize("label", [[5, 0], [-1, 0], [numpy.nan, 0], [numpy.inf, 0]])
@pytest.mark.parametrize("arguments", [{}, {"from_logits": True}, {"weight": 2}])
def test_labels_out_of_range_are_refused(label, arguments, face):
    pred = face.array([[1, 2, 3], [3, 2, 1]])
    with pytest.raises(ValueError, match="class"):
        gluon.loss.SoftmaxCELoss(**arguments)(pred, face.array(label))


@pytest.mark.parametrize("label", [(3,), (2, 2), (1,), (2, 1, 1)])
def test_sparse_labels_of_another_shape_are_refused(label, face):
    with pytest.raises(MXNetError):
        gluon.loss.SoftmaxCELoss()(face.zeros((2, 3)), face.zeros(label))


@pytest.mark.parametrize(
    "name",
    [
        "L2Loss",
        "L1Loss",
        "SigmoidBCELoss",
        "HuberLoss",
        "HingeLoss",
        "SquaredHingeLoss",
        "LogisticLoss",
    ],
)
def test_labels_of_another_size_are_refused_with_both_shapes(name, face):
    with pytest.raises(MXNetError, match=r"\(2, 2\).*\(2, 3\)"):
        getattr(gluon.loss, name)()(face.zeros((2, 3)), face.zeros((2, 2)))


def test_axes_out_of_range_are_refused(face):
    with pytest.raises(MXNetError, match="axis=2"):
        gluon.loss.SoftmaxCELoss(axis=2, weight=1)(face.zeros((2, 3)), face.zeros(2))
    with pytest.raises(MXNetError, match="batch_axis=2"):
        gluon.loss.L2Loss(batch_axis=2)(face.zeros((2, 3)), face.zeros((2, 3)))


def test_bad_arguments_are_refused():
    with pytest.raises(TypeError, match="weight"):
        gluon.loss.L2Loss(weight="a")
    with pytest.raises(ValueError, match="label_format"):
        gluon.loss.LogisticLoss(label_format="x")
    with pytest.raises(NotImplementedError):
        gluon.loss.Loss(None, 0)(nd.zeros((2, 3)))


@pytest.mark.parametrize(
    "loss, text",
    [
        (gluon.loss.L2Loss(), "L2Loss(batch_axis=0, w=1.0)"),
        (gluon.loss.L1Loss(weight=2), "L1Loss(batch_axis=0, w=2)"),
        (gluon.loss.SigmoidBCELoss(), "SigmoidBinaryCrossEntropyLoss(batch_axis=0, w=None)"),
        (gluon.loss.SoftmaxCELoss(batch_axis=1), "SoftmaxCrossEntropyLoss(batch_axis=1, w=None)"),
    ],
)
def test_printing(loss, text):
    assert repr(loss) == text


def test_names():
    name = gluon.loss.SoftmaxCELoss().name
    assert name.startswith("softmaxcrossentropyloss") and name[-1].isdigit()


@pytest.mark.parametrize("name", [*FORMULAS, "SoftmaxCELoss"])
def test_hybridized_losses_agree_bit_for_bit(name, face):
    loss = getattr(gluon.loss, name)()
    label = face.array(CLASSES) if name == "SoftmaxCELoss" else face.array(FORMULAS[name][0])
    answers = []
    for _ in range(2):
        pred = face.array(PRED)
        pred.attach_grad()
        with autograd.record():
            value = loss(pred, label)
        value.backward()
        answers.append((value.asnumpy().tobytes(), pred.grad.asnumpy().tobytes()))
        loss.hybridize()
    assert answers[0] == answers[1]


def test_a_users_own_loss_in_the_older_style():
    class Own(gluon.loss.Loss):
        def hybrid_forward(self, F, pred, label):
            return F.abs(pred - label) * 2

    assert Own(None, 0)(nd.array([1, 2]), nd.array([0, 4])).asnumpy().tolist() == [2, 4]


@pytest.mark.parametrize(
    "options", [{"weight": 2.0}, {"from_logits": True}, {"batch_axis": 1}, {"sparse_label": False}]
)
def test_every_call_of_softmax_cross_entropy_heeds_its_options(options, face):
    loss = gluon.loss.SoftmaxCELoss(**options)
    pred, label = face.array([[0.0, -1.0], [2.0, 1.0]]), face.array([0, 1])
    if not options.get("sparse_label", True):
        label = face.array([[1.0, 0.0], [0.0, 1.0]])
    first = loss(pred, label).asnumpy()
    for _ in range(2):
        numpy.testing.assert_array_equal(loss(pred, label).asnumpy(), first)
    if "weight" in options:
        numpy.testing.assert_allclose(first, 2 * gluon.loss.SoftmaxCELoss()(pred, label).asnumpy())


LOSSES = sorted({*gluon.loss.__all__} - {"Loss"})
OTHER_INPUTS = {  # after the prediction, of losses that compare with more than a label and weights
    "CTCLoss": ([[0, 1], [1, 0]],),
    "TripletLoss": ([[0.5, 1.0], [0.0, 0.2]], [[1.0, 0.0], [0.1, 0.9]]),
    "CosineEmbeddingLoss": ([[1.0, 0.5], [0.2, 0.1]], [1, -1]),
    "SDMLLoss": ([[1.0, 0.5], [0.2, 0.1]],),
}


@pytest.mark.parametrize("hybrid", [False, True])
@pytest.mark.parametrize("kind", [list, numpy.asarray])
@pytest.mark.parametrize("name", LOSSES)
def test_labels_may_be_lists_and_numpys_arrays(name, kind, hybrid, face):
    loss = getattr(gluon.loss, name)()
    label = [1, 0] if name.startswith("Softmax") else [[1, 0], [0, 1]]
    inputs = OTHER_INPUTS.get(name, (label, [[2.0], [3.0]]))
    pred = face.array([[0.1, 0.2], [0.3, 0.4]])
    if name == "CTCLoss":
        pred = face.array([[[0.1, 0.2, 0.3], [0.3, 0.4, 0.1], [0.5, 0.1, 0.4]]] * 2)
    expected = loss(pred, *map(face.array, inputs))
    if hybrid:
        loss.hybridize()
    for _ in range(2):
        found = loss(pred, *map(kind, inputs))
        assert type(found) is type(expected)
        numpy.testing.assert_array_equal(found.asnumpy(), expected.asnumpy())
    pred.attach_grad()
    with autograd.record():
        y = loss(pred, *map(kind, inputs))
    y.backward()
    assert pred.grad.asnumpy().any()


@pytest.mark.parametrize("name", [name for name in LOSSES if name not in OTHER_INPUTS])
def test_a_prediction_that_is_none_asks_for_a_return(name):
    class Forgets(gluon.Block):
        def forward(self, x):
            x * 2

    loss, x = getattr(gluon.loss, name)(), nd.ones((2, 2))
    with pytest.raises(TypeError, match=f"{loss.__class__.__name__}: pred is None; does forward"):
        loss(Forgets()(x), x)
    with pytest.raises(TypeError, match="label is None, where an array"):
        loss(x, None)
    with pytest.raises(TypeError, match="pred must be an array, not .'a'"):
        loss(["a"], [1])


def test_a_hybridized_loss_sees_that_a_label_of_numpy_was_changed(face):
    loss = gluon.loss.L2Loss()
    loss.hybridize()
    label, pred = numpy.zeros((1, 2), "float32"), face.ones((1, 2))
    assert loss(pred, label).asnumpy().tolist() == [0.5]
    label[:] = 3
    assert loss(pred, label).asnumpy().tolist() == [2]


def test_a_users_own_loss_by_mxnets_helpers(face):
    class Squares(gluon.loss.Loss):
        def hybrid_forward(self, F, pred, label, sample_weight=None):
            error = pred - gluon.loss._reshape_like(F, label, pred)
            loss = gluon.loss._apply_weighting(F, error * error, self._weight, sample_weight)
            return loss.mean(axis=1)

    pred, label, weight = face.array([[1.0], [2.0]]), face.zeros((2,)), face.array([[1.0], [3.0]])
    assert Squares(2.0, 0)(pred, label, weight).asnumpy().tolist() == [2, 24]
    assert Squares(None, 0)(pred, label).asnumpy().tolist() == [1, 4]
    with pytest.raises(AssertionError, match="weight must be a number"):
        gluon.loss._apply_weighting(face, pred, "a")
