"""Metrics: values against scikit-learn and formulas, and what bad input leaves behind.

What MXNet answers is in `oracle/cases/nd_metric.txt`.
"""

import math

import numpy
import pytest
from sklearn import metrics as sk

import microlazy as mx
from microlazy import gluon, metric, np

rng = numpy.random.default_rng(0)
N, CLASSES = 60, 4
LABEL = rng.integers(CLASSES, size=N)
SCORES = rng.random((N, CLASSES)).astype("float32")
SCORES /= SCORES.sum(1, keepdims=True)
EXACT = SCORES / SCORES.sum(1, keepdims=True, dtype=float)
YES = rng.integers(2, size=N)
P_YES = rng.random(N).astype("float32")
X, Y = rng.normal(100, 1, (2, N, 3))

VALUES = {
    "acc": (LABEL, SCORES, sk.accuracy_score(LABEL, SCORES.argmax(1))),
    "binaryaccuracy": (YES, P_YES, sk.accuracy_score(YES, P_YES > 0.5)),
    "pcc": (LABEL, SCORES, sk.matthews_corrcoef(LABEL, SCORES.argmax(1))),
    "ce": (LABEL, SCORES, sk.log_loss(LABEL, EXACT)),
    "nll_loss": (LABEL, SCORES, sk.log_loss(LABEL, EXACT)),
    "meanpairwisedistance": (X, Y, numpy.linalg.norm(X - Y, axis=1).mean()),
    "meancosinesimilarity": (X, Y, numpy.diag(sk.pairwise.cosine_similarity(X, Y)).mean()),
}
AVERAGED = {
    "mcc": (YES, P_YES, lambda y, p: sk.matthews_corrcoef(y, p > 0.5)),
    "f1": (YES, P_YES, lambda y, p: sk.f1_score(y, p > 0.5)),
    "fbeta": (YES, P_YES, lambda y, p: sk.fbeta_score(y, p > 0.5, beta=1)),
    "pearsonr": (X, Y, lambda y, p: numpy.corrcoef(y.ravel(), p.ravel())[0, 1]),
}
NAMES = sorted(set(metric.__all__) - {"CustomMetric", "EvalMetric"})
CLASSES_OF_METRICS = [name for name in NAMES if isinstance(getattr(metric, name), type)]
ARGUMENTS = {"TopKAccuracy": {"top_k": 3}, "Perplexity": {"ignore_label": -1}}


def in_batches(made, label, pred, size=17):
    for start in range(0, len(label), size):
        made.update(np.array(label[start : start + size]), np.array(pred[start : start + size]))
    return made


@pytest.mark.parametrize("name", VALUES)
def test_value(name):
    label, pred, expected = VALUES[name]
    made = in_batches(metric.create(name), label, pred)
    assert made.get()[1] == pytest.approx(expected, rel=1e-5)
    assert made.get_global() == made.get()


@pytest.mark.parametrize("name", AVERAGED)
def test_micro_is_of_all_examples_and_macro_a_mean(name):
    label, pred, function = AVERAGED[name]
    micro = in_batches(metric.create(name, average="micro"), label, pred)
    assert micro.get()[1] == pytest.approx(function(label, pred), rel=1e-5)
    macro = in_batches(metric.create(name, average="macro"), label, pred, 20)
    parts = [function(label[i : i + 20], pred[i : i + 20]) for i in range(0, N, 20)]
    assert macro.get()[1] == pytest.approx(numpy.mean(parts), rel=1e-5)
    # The global value goes on where the local one begins anew.
    micro.reset_local()
    assert math.isnan(micro.get()[1])
    in_batches(micro, label[:20], pred[:20])
    assert micro.get()[1] == pytest.approx(parts[0], rel=1e-5)
    twice = numpy.concatenate([label, label[:20]]), numpy.concatenate([pred, pred[:20]])
    assert micro.get_global()[1] == pytest.approx(function(*twice), rel=1e-5)
    with pytest.raises(ValueError, match="average must be 'macro' or 'micro', but it is 'mean'"):
        metric.create(name, average="mean")


@pytest.mark.parametrize("beta", [0.5, 2])
def test_fbeta(beta):
    made = in_batches(metric.Fbeta(beta=beta, threshold=0.3), YES, P_YES)
    assert made.get()[1] == pytest.approx(sk.fbeta_score(YES, P_YES > 0.3, beta=beta))


@pytest.mark.parametrize("k", [2, 3])
def test_top_k(k):
    made = in_batches(metric.TopKAccuracy(top_k=k), LABEL, SCORES)
    assert made.get()[1] == pytest.approx(sk.top_k_accuracy_score(LABEL, SCORES, k=k))


def test_perplexity_of_sequences_without_padding():
    label, scores = LABEL.reshape(6, 10), SCORES.reshape(6, 10, CLASSES)
    made = in_batches(metric.Perplexity(ignore_label=0), label, scores, 2)
    counted = LABEL != 0
    chosen = SCORES[numpy.arange(N), LABEL][counted]
    assert made.get()[1] == pytest.approx(math.exp(-numpy.log(chosen).mean()), rel=1e-5)
    first = metric.Perplexity(ignore_label=0, axis=1)
    first.update(np.array(label), np.array(scores.swapaxes(1, 2)))
    assert first.get()[1] == pytest.approx(made.get()[1], rel=1e-6)


def test_differences_of_unsigned_integers_do_not_wrap():
    made = metric.MAE()
    made.update(np.array([1], dtype="uint8"), np.array([3], dtype="uint8"))
    assert made.get()[1] == 2


@pytest.mark.parametrize("array", [np.array, mx.nd.array, numpy.array])
def test_it_takes_arrays_of_every_kind_in_lists_or_not(array):
    made = metric.create(["acc", "ce", "f1", metric.np(lambda y, p: float(p[0, 0]), "own")])
    made.update(array([1, 0]), array([[0.25, 0.75], [0.5, 0.5]]))
    made.update([array([1, 0])], [array([[0.25, 0.75], [0.5, 0.5]])])
    values = dict(made.get_name_value())
    assert values["accuracy"] == values["f1"] == 1 and values["own"] == 0.25


def test_a_function_may_write_to_what_it_gets():
    pred = np.ones((2,))

    def spoil(label, pred):
        pred += 1
        return 0

    metric.np(spoil).update(np.ones((2,)), pred)
    assert pred.tolist() == [1, 1]


@pytest.mark.parametrize("name", CLASSES_OF_METRICS)
def test_a_configuration_makes_an_equal_metric(name):
    made = getattr(metric, name)(**ARGUMENTS.get(name, {}), output_names=["a"])
    again = metric.create(**made.get_config())
    assert type(again) is type(made)
    assert again.get_config() == made.get_config()
    assert str(again) == str(made)
    assert getattr(gluon.metric, name) is getattr(mx.metric, name)


BAD = {
    "accuracy of fewer labels": ("acc", [1], [[0.5, 0.5]] * 2, ValueError, "labels 1 .* 2"),
    "accuracy of other axes": (
        "acc", [[1, 0]] * 3, [[0.5, 0.5, 0]] * 3, ValueError, "labels 6 does not match .* 3",
    ),
    "top k of fewer classes": (
        metric.TopKAccuracy(top_k=3), [1], [[0.5, 0.5]], ValueError, r"at least 3 .*\(1, 2\)",
    ),
    "three labels": ("f1", [0, 1, 2], [[0, 1]] * 3, ValueError, "f1 is for two classes"),
    "negative class": ("pcc", [-1, 0], [0, 1], ValueError, "counted from 0, but one is -1"),
    "class that is not there": ("ce", [5], [[0.5, 0.5]], IndexError, "from 0 to 1.* from 5 to 5"),
    "negative label": ("ce", [-1], [[0.5, 0.5]], IndexError, "from -1 to -1"),
    "perplexity": (
        metric.Perplexity(None), [2, 0], [[0.5, 0.5]] * 2, IndexError, "from 0 to 2",
    ),
    "one axis of probabilities": ("ce", [0, 0], [0.5, 0.5], ValueError, r"shape is \(2,\)"),
    "pearson": ("pearsonr", [1, 2], [[1], [2]], ValueError, r"\(2,\) does not match .* \(2, 1\)"),
    "cosine": ("meancosinesimilarity", [[1, 2]], [[1, 2, 3]], ValueError, r"\(1, 2\) does not"),
    "errors": ("mae", [[1, 2]], [[1, 2, 3]], ValueError, "broadcast"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_says_what_is_wrong_and_leaves_the_metric_as_it_was(case):
    made, label, pred, error, message = BAD[case]
    made = metric.create(made)
    before = dict(made.__dict__)
    good = np.array([0, 1]), np.array([[0.5, 0.25], [0.25, 0.5]])
    with pytest.raises(error, match=message):
        made.update([np.array(label)], [np.array(pred)])
    if isinstance(made, metric.Accuracy):  # a good pair before the bad one is not counted either
        with pytest.raises(error, match=message):
            made.update([good[0], np.array(label)], [good[1], np.array(pred)])
    assert str(made.__dict__) == str(before)


def test_names_that_are_not_there():
    with pytest.raises(ValueError, match="no metric is named 'acuracy'; the nearest is 'accuracy'"):
        metric.create("acuracy")
    with pytest.raises(TypeError, match="not int"):
        metric.create(3)
    with pytest.raises(TypeError, match="only a subclass of EvalMetric"):
        metric.register(int)
    with pytest.raises(ValueError, match="takes no arguments"):
        metric.create(metric.MAE(), name="x")
    with pytest.raises(ValueError, match="top_k must be 2 or more, but it is 1"):
        metric.TopKAccuracy()
    with pytest.raises(ValueError, match="there is no metric 1: composite has 1"):
        metric.create(["mae"]).get_metric(1)
    with pytest.raises(KeyError, match="mae: no array is named 'b', of"):
        metric.MAE(output_names=["b"]).update_dict({"y": 1}, {"a": 1})
    with pytest.raises(NotImplementedError, match="EvalMetric has no update"):
        metric.EvalMetric("x").update(1, 1)


def test_a_name_that_is_taken_again_is_said():
    with pytest.warns(UserWarning, match="metric 'mae' is now"):

        @metric.alias("mae")
        class Other(metric.MSE):
            pass

    assert isinstance(metric.create("mae"), Other)
    with pytest.warns(UserWarning):
        metric.register(metric.MAE)


def test_in_a_training_loop_with_a_speedometer():
    made = metric.create("acc")
    callback = mx.callback.log_train_metric(1, auto_reset=True)
    made.update(np.array([1]), np.array([[0, 1]]))
    callback(type("Batch", (), {"nbatch": 0, "epoch": 0, "eval_metric": made}))
    assert made.num_inst == 0 and made.get_global() == ("accuracy", 1.0)
