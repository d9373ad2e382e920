"""Keras' fit from plans: the same bits as eagerly, and changes of a model that it has to notice."""

import copy
import gc
import pickle
import warnings
import weakref

import numpy
import pytest

from microlazy import gluon, np, random
from microlazy.dialects import keras
from microlazy.dialects.keras import layers, tf

RNG = numpy.random.default_rng(0)
X, Y = RNG.normal(size=(20, 8, 8, 2)).astype("float32"), numpy.arange(20) % 3
ROWS, TARGETS = X[:, 0, 0], X[:, 0, 1, :1]


def images():
    return keras.Sequential(
        [
            layers.Conv2D(4, 3, padding="same", activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(),
            layers.Conv2D(3, 2, strides=2, padding="same", activation="gelu"),
            layers.GlobalAveragePooling2D(),
            layers.Dropout(0.3),
            layers.Dense(3),
        ]
    )


def same_weights(a, b):
    for p, q in zip(a.get_weights(), b.get_weights(), strict=True):
        assert p.tobytes() == q.tobytes()


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "rmsprop"])
def test_fit_gives_the_bits_of_an_eager_fit(optimizer):
    found = []
    for eagerly in (False, True):
        random.seed(5)
        net = images()
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        net.compile(optimizer, loss, metrics=["accuracy"], run_eagerly=eagerly)
        weights = numpy.linspace(0, 1, 20)
        history = net.fit(X, Y, batch_size=8, epochs=3, verbose=0, sample_weight=weights)
        net.train_on_batch(X[:8], Y[:8])
        found.append((net, history.history))
        assert (net._plan is None) == eagerly
    same_weights(found[0][0], found[1][0])
    assert found[0][1] == found[1][1]


def test_the_code_of_a_model_runs_once_for_each_shape():
    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self.out = layers.Dense(1)

        def call(self, x):
            seen.append(x.shape)
            return self.out(x)

    seen, net = [], Net()
    net.compile("sgd", "mse")
    net.train_on_batch(ROWS, TARGETS)
    seen.clear()
    for count in (20, 20, 7, 20, 7):
        net.train_on_batch(ROWS[:count], TARGETS[:count])
    assert seen == [(20, 2), (7, 2)]
    net.compile("sgd", "mse", run_eagerly=True)
    for _ in range(3):
        net.train_on_batch(ROWS, TARGETS)
    assert len(seen) == 5


def trained(call, steps=4, **attributes):
    """A model of one's own after some steps, and the warnings."""

    class Net(keras.Model):
        def __init__(self):
            super().__init__()
            self.out = layers.Dense(1, kernel_initializer="ones")
            self.count = self.add_weight(trainable=False, name="count")

        def call(self, x):
            return call(self, x)

    net = Net()
    for name, value in attributes.items():
        setattr(net, name, value)
    net.compile("sgd", "mse")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for _ in range(steps):
            net.train_on_batch(ROWS, TARGETS)
    return net, [str(one.message) for one in told]


def test_decisions_by_values_run_eagerly():
    def call(self, x):
        return self.out(x) if float(x.sum()) > 0 else self.out(2 * x)

    net, told = trained(call)
    assert len(told) == 1 and "runs eagerly" in told[0] and "test_keras_plans.py" in told[0]
    other, _ = trained(lambda self, x: self.out(x if float(ROWS.sum()) > 0 else 2 * x))
    same_weights(net, other)


def test_attributes_and_variables_that_a_call_changes_go_on_changing():
    def count_attribute(self, x):
        self._calls += 1
        return self.out(x)

    def count_variable(self, x):
        self.count.assign_add(1)
        return self.out(x)

    net, _ = trained(count_attribute, steps=6, _calls=0)
    assert net._calls == 6
    net, _ = trained(count_variable, steps=6)
    assert float(net.count.numpy()) == 6


def test_an_attribute_that_is_written_between_batches_counts():
    def call(self, x):
        return self.out(x * self.factor)

    net, _ = trained(call, factor=1.0)
    other = copy.deepcopy(net)
    other.run_eagerly = True
    for factor in (3.0, 3.0, 0.5, 1.0):
        net.factor = other.factor = factor
        assert net.train_on_batch(ROWS, TARGETS) == other.train_on_batch(ROWS, TARGETS)
    same_weights(net, other)
    assert net._plan is not None and other._plan is None


def test_what_is_done_to_a_model_between_batches_counts():
    net = keras.Sequential([layers.Dense(4, activation="tanh"), layers.Dense(1)])
    net.compile("sgd", "mse")
    for _ in range(3):
        net.train_on_batch(ROWS, TARGETS)
    net.set_weights([numpy.zeros_like(w) for w in net.get_weights()])
    assert net.train_on_batch(ROWS, TARGETS) == pytest.approx((TARGETS**2).mean(), rel=1e-5)

    seen = []
    handle = net.layers[0].register_forward_hook(lambda *given: seen.append(1))
    for _ in range(3):
        net.train_on_batch(ROWS, TARGETS)
    handle.detach()
    assert len(seen) == 3

    net.layers[0].trainable = False
    net.compile("sgd", "mse")
    before = net.get_weights()
    for _ in range(3):
        net.train_on_batch(ROWS, TARGETS)
    after = net.get_weights()
    assert [bool((p == q).all()) for p, q in zip(before, after, strict=True)] == [
        True,
        True,
        bool((before[2] == after[2]).all()),
        False,
    ]

    net.add(layers.Dense(1, kernel_initializer="zeros"))
    assert net.train_on_batch(ROWS, TARGETS) == pytest.approx((TARGETS**2).mean(), rel=1e-5)
    net.optimizer.learning_rate = 0.0
    before = net.get_weights()
    net.train_on_batch(ROWS, TARGETS)
    assert all((p == q).all() for p, q in zip(before, net.get_weights(), strict=True))


def test_blocks_that_are_not_hybrid_run_eagerly():
    class Twice(gluon.Block):
        runs = 0

        def forward(self, x):
            self.runs += 1
            return 2 * x

    net = keras.Sequential([Twice(), layers.Dense(1)])
    net.compile("sgd", "mse")
    for _ in range(4):
        net.train_on_batch(ROWS, TARGETS)
    assert net.layers[0].runs == 4 and net._plan is None


def test_errors_of_a_batch_leave_the_weights():
    net = keras.Sequential([layers.Dense(1)])
    net.compile("sgd", "mse")
    for _ in range(2):
        net.train_on_batch(ROWS, TARGETS)
    before = net.get_weights()
    with pytest.raises(Exception, match="dense"):
        net.train_on_batch(X[:, 0, :, 0], TARGETS)
    assert all((p == q).all() for p, q in zip(before, net.get_weights(), strict=True))
    assert numpy.isfinite(net.train_on_batch(ROWS, TARGETS))


def test_own_losses_and_reductions():
    for loss in (
        lambda y_true, y_pred: tf.reduce_mean(tf.square(y_true - y_pred), axis=-1),
        keras.losses.MeanSquaredError(reduction="sum"),
    ):
        nets = []
        for eagerly in (False, True):
            net = keras.Sequential([layers.Dense(1, kernel_initializer="ones")])
            net.compile(keras.optimizers.SGD(0.001), loss, run_eagerly=eagerly)
            for _ in range(4):
                net.train_on_batch(ROWS, TARGETS)
            nets.append(net)
        same_weights(*nets)


def test_a_trained_model_is_copied_and_freed():
    net = keras.Sequential([layers.Dense(1)])
    net.compile("sgd", "mse")
    for _ in range(3):
        net.train_on_batch(ROWS, TARGETS)
    for twin in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        same_weights(net, twin)
        assert twin(np.array(ROWS)).shape == (20, 1)
    gc.collect()
    gc.disable()
    try:
        watched = weakref.ref(net)
        del net
        assert watched() is None
    finally:
        gc.enable()


def test_a_layer_called_on_an_input_says_what_there_is():
    with pytest.raises(TypeError, match="no symbolic inputs here. Write a Sequential"):
        layers.Dense(2)(keras.Input((4,)))
