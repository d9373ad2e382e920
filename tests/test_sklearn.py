"""Networks as estimators of scikit-learn."""

import pickle
import random

import numpy
import pytest

import microlazy as mx
from microlazy import gluon, init
from microlazy.base import MXNetError
from microlazy.gluon import nn
from microlazy.gluon.contrib.estimator import EpochEnd

pytest.importorskip("sklearn")

from sklearn.base import clone  # noqa: E402
from sklearn.compose import TransformedTargetRegressor  # noqa: E402
from sklearn.datasets import load_diabetes, load_digits, load_iris  # noqa: E402
from sklearn.exceptions import NotFittedError  # noqa: E402
from sklearn.model_selection import GridSearchCV, cross_val_score  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import StandardScaler  # noqa: E402
from sklearn.utils.estimator_checks import parametrize_with_checks  # noqa: E402

from microlazy.sklearn import LazyClassifier, LazyRegressor  # noqa: E402


@parametrize_with_checks([LazyClassifier(), LazyRegressor()])
def test_scikit_learns_own_checks_pass(estimator, check):
    check(estimator)


def test_a_pipeline_is_cross_validated():
    model = make_pipeline(StandardScaler(), LazyClassifier(random_state=0, epochs=30))
    scores = cross_val_score(model, *load_iris(return_X_y=True), cv=3)
    assert scores.mean() > 0.93


def test_a_grid_is_searched_in_processes():
    x, y = load_digits(return_X_y=True)
    model = make_pipeline(StandardScaler(), LazyClassifier(random_state=0, epochs=8))
    grid = {"lazyclassifier__hidden_units": [(), (32,), (32, 16)]}
    search = GridSearchCV(model, grid, cv=2, n_jobs=2).fit(x[:600], y[:600])
    assert search.best_score_ > 0.8
    assert search.best_estimator_[-1].net_[-1].weight.shape[0] == 10


def test_targets_are_scaled():
    x, y = load_diabetes(return_X_y=True)
    model = TransformedTargetRegressor(
        make_pipeline(StandardScaler(), LazyRegressor(random_state=0, epochs=20)),
        transformer=StandardScaler(),
    )
    assert cross_val_score(model, x, y, cv=3).mean() > 0.25


def test_images_and_a_network_of_ones_own():
    def make(classes):
        net = nn.HybridSequential()
        net.add(nn.Conv2D(8, 3, activation="relu"), nn.MaxPool2D(2), nn.Dense(classes))
        return net

    digits = load_digits()
    images = digits.images[:, None] / 16
    model = LazyClassifier(make, epochs=4, random_state=0).fit(images[:1000], digits.target[:1000])
    assert model.score(images[1000:], digits.target[1000:]) > 0.85
    assert model.net_[0].weight.shape == (8, 1, 3, 3)
    assert model.predict_proba(images[:3]).shape == (3, 10)


def test_a_block_is_copied():
    block = nn.Dense(2)
    x, y = numpy.array([[-1.0], [1.0]] * 8), numpy.array([0, 1] * 8)
    model = LazyClassifier(block, random_state=0).fit(x, y)
    assert block.weight.shape == (2, 0) and model.net_.weight.shape == (2, 1)
    assert model.score(x, y) == 1
    assert clone(model).net is not block


def test_a_network_that_looks_at_values_is_trained():
    class Peeking(gluon.Block):
        def __init__(self):
            super().__init__()
            self.layer = nn.Dense(2)

        def forward(self, x):
            return self.layer(x if x.max().asscalar() > 0 else -x)

    model = LazyClassifier(lambda units: Peeking(), epochs=2).fit([[0.0], [1.0]], [0, 1])
    assert model.net_.layer.weight.shape == (2, 1)


def test_what_is_given_is_used():
    rule = mx.optimizer.SGD(learning_rate=0.5)
    seen = []

    class Watch(EpochEnd):
        def epoch_end(self, estimator, *args, **kwargs):
            seen.append((type(estimator.trainer.optimizer).__name__, type(estimator.loss).__name__))

        def __deepcopy__(self, memo):
            return self

    model = LazyRegressor(
        loss=gluon.loss.L1Loss(),
        optimizer=rule,
        initializer=init.Zero(),
        hidden_units=(),
        dtype="float32",
        epochs=2,
        event_handlers=[Watch()],
    ).fit([[0.0], [1.0]], [0.0, 1.0])
    assert seen == [("SGD", "L1Loss")] * 2 and rule.num_update == 0
    assert len(model.loss_curve_) == 2
    assert model.net_[0].weight.dtype == "float32"
    with_numbers = LazyRegressor(optimizer="sgd", optimizer_params={"momentum": 0.9}, epochs=1)
    assert with_numbers.fit([[0.0], [1.0]], [0.0, 1.0]).loss_curve_


def test_equal_seeds_give_equal_networks_and_no_generator_moves():
    x, y = load_iris(return_X_y=True)
    numpy.random.seed(4), mx.random.seed(4), random.seed(4)
    before = numpy.random.rand(), mx.nd.random.uniform().asscalar(), random.random()
    numpy.random.seed(4), mx.random.seed(4), random.seed(4)
    one, other = (LazyClassifier(epochs=2, random_state=3).fit(x, y) for _ in range(2))
    assert before == (numpy.random.rand(), mx.nd.random.uniform().asscalar(), random.random())
    assert (one.predict_proba(x) == other.predict_proba(x)).all()
    third = LazyClassifier(epochs=2, random_state=4).fit(x, y)
    assert (one.predict_proba(x) != third.predict_proba(x)).any()


def test_a_fitted_estimator_is_pickled():
    x, y = load_iris(return_X_y=True)
    model = LazyClassifier(epochs=1).fit(x, y)
    again = pickle.loads(pickle.dumps(model))
    assert (again.predict_proba(x) == model.predict_proba(x)).all()


def test_np_mode_changes_nothing():
    mx.npx.set_np()
    model = LazyRegressor(epochs=1, random_state=0).fit([[0.0], [1.0]], [0.0, 1.0])
    assert model.predict([[0.5]]).shape == (1,) and mx.util.is_np_array()


def test_verbose_tells_of_epochs(capsys):
    LazyClassifier(epochs=2, verbose=1).fit([[0.0], [1.0]], [0, 1])
    assert "[Epoch 1] Finished" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"epochs": 0}, ValueError, "^epochs must be at least 1, but it is 0"),
        ({"hidden_units": 32}, TypeError, r"a sequence of sizes.* such as \(32,\), but it is 32"),
        ({"batch_size": 0}, ValueError, "^batch_size must be at least 1"),
        ({"net": nn.Dense(3)}, ValueError, "must give 2 numbers for each sample.*has shape"),
        ({"net": lambda units: None}, TypeError, "must return a Block, but it returned None"),
        ({"optimizer": "unknown"}, ValueError, "unknown"),
        ({"activation": "unknown"}, (ValueError, MXNetError), "unknown"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_does_not_fit_is_refused(options, error, message):
    with pytest.raises(error, match=message):
        LazyClassifier(**options).fit([[0.0], [1.0]], [0, 1])


def test_what_is_not_fitted_says_so():
    with pytest.raises(NotFittedError):
        LazyClassifier().predict([[0.0]])
