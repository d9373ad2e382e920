"""The dialect of Keras: the lesson's cells, and what the real Keras returns and prints."""

import copy
import inspect
import json
import pickle
import re
import threading
from pathlib import Path

import numpy
import pytest
from oracle import dialect_cases as cases

from microlazy import autograd, gluon, init, nd, np, random
from microlazy.base import ShapeError
from microlazy.dialects import keras
from microlazy.dialects.flax import linen
from microlazy.dialects.flax.bridge import ToGluon
from microlazy.dialects.keras import layers, tf
from microlazy.gluon import nn

ANSWERS = json.loads((Path(__file__).parent / "oracle/dialects.json").read_text(encoding="utf-8"))


@pytest.fixture(autouse=True)
def seeded():
    keras.utils.clear_session()
    keras.utils.set_random_seed(0)


def close(found, expected, tolerance=2e-6):
    """Compare nested lists of numbers."""
    if isinstance(expected, dict):
        assert found.keys() == expected.keys()
        for name, part in expected.items():
            close(found[name], part, tolerance)
    elif isinstance(expected, list) and expected and isinstance(expected[0], list | str):
        assert len(found) == len(expected)
        for a, b in zip(found, expected, strict=True):
            close(a, b, tolerance)
    elif isinstance(expected, str):
        assert found == expected
    else:
        numpy.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


def str_only(part):
    """What a case is called."""
    return part if isinstance(part, str) else ""


# ---- the lesson --------------------------------------------------------------------------------


def lesson_net():
    return tf.keras.models.Sequential(
        [
            tf.keras.layers.Dense(256, activation=tf.nn.relu),
            tf.keras.layers.Dense(10),
        ]
    )


def test_layers_have_no_weights_before_they_see_data():
    net = lesson_net()
    assert repr([net.layers[i].get_weights() for i in range(len(net.layers))]) == "[[], []]"


def test_the_weights_of_an_unbuilt_model_are_refused():
    expected = (
        "Weights for model 'sequential' have not yet been created. Weights are created when the "
        "model is first called on inputs or `build()` is called with an `input_shape`."
    )
    with pytest.raises(ValueError, match=re.escape(expected)):
        lesson_net().get_weights()


def test_the_first_call_builds():
    net = lesson_net()
    X = tf.random.uniform((2, 20))  # noqa: N806
    net(X)
    shown = repr([w.shape for w in net.get_weights()])
    assert shown == "[(20, 256), (256,), (256, 10), (10,)]"


def test_apply_init():
    class Model(keras.Model):
        def __init__(self, net):
            super().__init__()
            self.net = net

        def call(self, inputs):
            return self.net(inputs)

    def apply_init(self, inputs, init=None):
        self.forward(*inputs)
        if init is not None:
            self.net.apply(init)

    def ones(layer):
        if type(layer) is layers.Dense:
            layer.set_weights([numpy.ones(w.shape) for w in layer.get_weights()])

    model = Model(lesson_net())
    apply_init(model, [tf.random.uniform((2, 20))], ones)
    assert all((w == 1).all() for w in model.net.get_weights())


# ---- against Keras -----------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "layer", "x"), list(cases.keras_layers(keras)), ids=str_only)
def test_layer(name, layer, x):
    close(cases.layer_answers(layer, x), ANSWERS["layers"][name], 1e-5)


@pytest.mark.parametrize(("name", "loss", "y", "p"), list(cases.keras_losses(keras)))
def test_loss(name, loss, y, p):
    close(cases.numbers(loss(y, p)), ANSWERS["losses"][name])


@pytest.mark.parametrize(("name", "metric", "labels", "scores"), list(cases.keras_metrics(keras)))
def test_metric(name, metric, labels, scores):
    metric.reset_state()
    for y, p in zip(labels, scores, strict=True):
        metric.update_state(y, p)
    close(metric.result(), ANSWERS["metrics"][name])


@pytest.mark.parametrize(("name", "optimizer"), list(cases.keras_optimizers(keras)))
def test_optimizer(name, optimizer):
    # Adamax' epsilon, which Gluon has not, and where AdamW adds it make the last digits differ.
    tolerance = 1e-4 if name in ("adamw", "adamax") else 1e-5
    close(cases.keras_training(keras, optimizer), ANSWERS["training"][name], tolerance)


def test_fit():
    close(cases.keras_fit(keras), ANSWERS["fit"], 1e-5)


def test_texts():
    assert cases.keras_texts(keras) == ANSWERS["keras"]


# ---- one mechanism -----------------------------------------------------------------------------


def test_a_layer_is_gluons_with_gluons_parameters():
    layer, twin = layers.Dense(3, activation="relu"), nn.Dense(3, activation="relu")
    x = np.array(cases.values(5, 4))
    layer(x)
    assert isinstance(layer, nn.Dense)
    assert isinstance(layer.kernel.parameter, gluon.Parameter)
    twin.initialize()
    nn.Sequential().add(twin)
    x_nd = nd.array(x.asnumpy())
    twin(x_nd)
    twin.weight.set_data(layer.weight.data().asnumpy())
    with autograd.record():
        a, b = (layer(x) ** 2).sum(), (twin(x_nd) ** 2).sum()
    a.backward()
    b.backward()
    assert a.item() == b.asscalar()
    assert (layer.weight.grad().asnumpy() == twin.weight.grad().asnumpy()).all()


def test_the_gradient_of_a_kernel_against_differences():
    layer = layers.Dense(2, activation="tanh", dtype="float64")
    x = np.array(cases.values(3, 4), dtype="float64")
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(x))
    (slope, _) = tape.gradient(loss, layer.trainable_weights)
    kernel, step = layer.kernel.numpy(), 1e-6
    for place in numpy.ndindex(*kernel.shape):
        sides = []
        for sign in (1, -1):
            moved = kernel.copy()
            moved[place] += sign * step
            layer.kernel.assign(moved)
            sides.append(layer(x).sum().item())
        assert abs((sides[0] - sides[1]) / (2 * step) - slope[place].item()) < 1e-7
    assert slope.shape == layer.kernel.shape


@pytest.mark.parametrize(
    ("name", "layer", "x"),
    [case for case in cases.keras_layers(keras) if case[2].dtype.kind == "f"],
    ids=str_only,
)
def test_gradients_of_layers_against_differences(name, layer, x):
    if "max" in name.lower():  # no two elements of a window may be near each other
        x = numpy.random.default_rng(1).permutation(x.size).reshape(x.shape) / 10
    layer(x.astype("float32"))
    cases.fill(layer)
    layer.cast("float64")
    inputs = np.array(x, dtype="float64")
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        out = layer(inputs)
        direction = cases.values(*out.shape, seed=2).astype("float64")
        loss = (out * np.array(direction, dtype="float64")).sum()
    arrays = [inputs, *layer.trainable_weights]
    slopes = tape.gradient(loss, arrays)
    rng, step = numpy.random.default_rng(0), 1e-6
    for array, slope in zip(arrays, slopes, strict=True):
        values = numpy.array(array, dtype="float64")
        for _ in range(4):
            place = tuple(rng.integers(0, n) for n in values.shape)
            sides = []
            for sign in (1, -1):
                moved = values.copy()
                moved[place] += sign * step
                if array is inputs:
                    moved_out = layer(np.array(moved, dtype="float64"))
                else:
                    array.assign(moved)
                    moved_out = layer(inputs)
                sides.append((moved_out.asnumpy() * direction).sum())
            if array is not inputs:
                array.assign(values)
            expected = (sides[0] - sides[1]) / (2 * step)
            assert abs(slope[place].item() - expected) < 1e-6 * max(1, abs(expected))


@pytest.mark.parametrize(
    ("name", "layer", "x"),
    [
        case
        for case in cases.keras_layers(keras)
        if case[0] in ("dense", "conv", "lstm", "embedding")
    ],
    ids=str_only,
)
def test_layers_of_another_dtype(name, layer, x):
    made = type(layer)
    sizes = {"Dense": (5,), "Conv2D": (4, 3), "LSTM": (3,), "Embedding": (6, 3)}[made.__name__]
    wide = made(*sizes, dtype="float64")
    assert wide(x).dtype == "float64"
    assert {w.dtype for w in wide.weights} == {"float64"}


def test_in_networks_of_gluon():
    net = nn.Sequential()
    net.add(nn.Dense(8, activation="relu"), layers.Dense(3))
    net.initialize(init.Xavier())
    x = nd.ones((2, 5))
    with autograd.record():
        loss = net(x).sum()
    loss.backward()
    assert net[1].kernel.shape == (8, 3)
    assert (net[1].weight.grad().asnumpy() != 0).any()
    assert isinstance(net[1].weight.data(), nd.NDArray)


def test_networks_of_gluon_in_a_model():
    inner = nn.HybridSequential()
    inner.add(nn.Dense(8, activation="relu"))
    net = keras.Sequential([layers.Dense(5), inner, layers.Dense(2)])
    net.compile("sgd", "mse")
    before = net.train_on_batch(cases.values(6, 4), numpy.ones((6, 2)))
    for _ in range(20):
        after = net.train_on_batch(cases.values(6, 4), numpy.ones((6, 2)))
    assert after < before
    shapes = [w.shape for w in net.get_weights()]
    assert shapes == [(4, 5), (5,), (8, 5), (8,), (8, 2), (2,)]  # Gluon's order in the middle


def test_parameters_are_shared_with_gluon():
    theirs, ours = layers.Dense(3), nn.Dense(3, flatten=False)
    theirs(np.ones((2, 4)))
    ours.share_parameters(theirs)
    assert ours.weight is theirs.weight
    assert (ours(np.ones((2, 4))) == theirs(np.ones((2, 4)))).all()


def test_a_dry_run_finds_what_the_first_call_finds():
    net = lesson_net()
    assert net.dry_run(np.ones((2, 20))) == (2, 10)
    assert [w.shape for w in net.get_weights()] == [(20, 256), (256,), (256, 10), (10,)]


def test_weights_do_not_depend_on_how_sizes_are_found():
    found = []
    for build in (
        lambda net: net.build((None, 20)),
        lambda net: net(tf.ones((2, 20))),
        lambda net: net.dry_run(np.ones((3, 20))),
    ):
        random.seed(5)
        net = lesson_net()
        build(net)
        found.append(net.get_weights())
    for others in found[1:]:
        assert all((a == b).all() for a, b in zip(found[0], others, strict=True))


def test_the_first_call_from_several_threads_builds_once():
    net, made = keras.Sequential([Linear(8), ToGluon(linen.Dense(4)), layers.Dense(3)]), []
    start = threading.Barrier(6)

    def call():
        start.wait()
        net(tf.ones((2, 5)))
        made.append([id(w.parameter.array) for w in net.weights])

    threads = [threading.Thread(target=call) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 6 and all(ids == made[0] for ids in made) and len(made[0]) == 6


def test_a_hybridized_layer_gives_the_same():
    layer, x = layers.Dense(3, activation="relu"), tf.random.normal((4, 5))
    before = layer(x)
    layer.hybridize()
    assert (layer(x) == before).all()


# ---- layers of one's own -----------------------------------------------------------------------


class Linear(layers.Layer):
    """A layer with weights of its own."""

    def __init__(self, units):
        super().__init__()
        self.units = units

    def build(self, input_shape):
        self.w = self.add_weight(shape=(input_shape[-1], self.units), name="w")
        self.b = self.add_weight(shape=(self.units,), initializer="ones", trainable=False)

    def call(self, inputs):
        return inputs @ self.w + self.b


def test_build_is_called_once_with_the_shape():
    layer = Linear(3)
    assert layer.get_weights() == [] and not layer.built
    x = cases.values(2, 4)
    out = layer(x)
    assert layer.built and [w.shape for w in layer.get_weights()] == [(4, 3), (3,)]
    numpy.testing.assert_allclose(out.asnumpy(), x @ layer.get_weights()[0] + 1, rtol=1e-6)
    kept = layer.get_weights()[0]
    layer(x)
    assert (layer.get_weights()[0] == kept).all()
    assert [w.name for w in layer.trainable_weights] == ["w"]


def test_gradients_reach_weights_of_ones_own():
    layer = Linear(2)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(tf.ones((3, 4))))
    (slope,) = tape.gradient(loss, layer.trainable_weights)
    assert slope.tolist() == [[3.0, 3.0]] * 4


def test_a_first_call_that_fails_leaves_nothing():
    class Picky(Linear):
        def call(self, inputs):
            out = super().call(inputs)
            if inputs.shape[-1] != 4:
                raise ValueError("only four")
            return out

    layer = Picky(3)
    with pytest.raises(ValueError, match="only four"):
        layer(tf.ones((2, 5)))
    assert layer.get_weights() == [] and not layer.built
    assert layer(tf.ones((2, 4))).shape == (2, 3)
    net = keras.Sequential([layers.Dense(3), layers.Conv2D(2, 2)])
    with pytest.raises(ValueError, match="conv2d"):
        net(tf.ones((2, 5)))
    assert net.layers[0].get_weights() == []


def test_call_is_told_whether_it_trains():
    seen = []

    class Telling(layers.Layer):
        def call(self, inputs, training=None):
            seen.append(training)
            return inputs

    net = keras.Sequential([Telling(), layers.Dense(1)])
    net.compile("sgd", "mse")
    x = numpy.ones((2, 3))
    net(x)
    net(x, training=True)
    net.train_on_batch(x, numpy.ones((2, 1)))
    net.predict(x, verbose=0)
    assert seen == [False, True, True, False]


def test_options_of_call():
    class Scaled(layers.Layer):
        def call(self, inputs, factor=1.0):
            return inputs * factor

    layer = Scaled()
    assert layer(tf.ones(1), factor=3.0).tolist() == [3.0]
    assert layer(tf.ones(1)).tolist() == [1.0]
    with pytest.raises(TypeError, match="other"):
        layer(tf.ones(1), other=2)


def test_training_behind_several_inputs():
    class Sum(layers.Layer):
        def call(self, a, b, training=None):
            return a + b + training

    assert Sum()(tf.ones(1), tf.ones(1)).tolist() == [2.0]
    assert Sum()(tf.ones(1), tf.ones(1), training=True).tolist() == [3.0]

    class Named(layers.Layer):
        def call(self, a, *, scale):
            return a * scale

    with pytest.raises(TypeError, match="'scale'.*by position"):
        Named()(tf.ones(1), scale=2)


def test_sizes_that_are_not_known():
    net = keras.Sequential([keras.Input((None, None, 3)), layers.Conv2D(2, 3)])
    assert not net.built
    assert net(tf.ones((1, 5, 7, 3))).shape == (1, 3, 5, 2)
    with pytest.raises(ValueError, match="all sizes but the batch's"):
        layers.Dense(3).build((None, None))


def test_networks_are_pickled():
    net = keras.Sequential([layers.LSTM(3), layers.Dense(2, activation="softmax")])
    x = tf.ones((2, 4, 5))
    fresh = pickle.loads(pickle.dumps(net))
    assert not fresh.built and fresh(x).shape == (2, 2)
    out = net(x)
    assert (pickle.loads(pickle.dumps(net))(x) == out).all()


def test_a_subclass_of_a_known_layer_may_call_it():
    class Twice(layers.Dense):
        def call(self, inputs):
            return super().call(inputs) * 2

    layer = Twice(3, kernel_initializer="ones")
    assert layer(tf.ones((1, 4))).tolist() == [[8.0] * 3]


def test_layers_in_lists_are_seen():
    class Deep(keras.Model):
        def __init__(self):
            super().__init__()
            self.blocks = [layers.Dense(3) for _ in range(2)]

        def call(self, inputs):
            for block in self.blocks:
                inputs = block(inputs)
            return inputs

    net = Deep()
    net(tf.ones((1, 2)))
    assert [w.shape for w in net.get_weights()] == [(2, 3), (3,), (3, 3), (3,)]


# ---- weights and training ----------------------------------------------------------------------


def test_set_weights_refuses_and_changes_nothing():
    layer = layers.Dense(2)
    layer.build((None, 3))
    before = layer.get_weights()
    with pytest.raises(ValueError, match="not compatible"):
        layer.set_weights([numpy.zeros((3, 2)), numpy.zeros(3)])
    assert all((a == b).all() for a, b in zip(before, layer.get_weights(), strict=True))


def test_weights_that_are_not_trained():
    net = keras.Sequential([layers.Dense(3), layers.BatchNormalization(), layers.Dense(1)])
    net.layers[0].trainable = False
    net.compile("sgd", "mse")
    x, y = cases.values(8, 4), numpy.ones((8, 1))
    net(x)
    before = net.layers[0].get_weights()
    net.train_on_batch(x, y)
    assert all((a == b).all() for a, b in zip(before, net.layers[0].get_weights(), strict=True))
    assert len(net.trainable_weights) == 4 and len(net.non_trainable_weights) == 4
    assert (net.layers[1].get_weights()[2] != 0).any()  # the moving mean moves
    net.layers[1].trainable = False
    still = net.layers[1].get_weights()[2]
    net.train_on_batch(x, y)
    assert (net.layers[1].get_weights()[2] == still).all()


def test_saved_weights_tell_a_new_model_its_sizes(tmp_path):
    net, fresh = lesson_net(), lesson_net()
    net(tf.ones((1, 20)))
    net.save_weights(tmp_path / "net.params")
    fresh.load_weights(tmp_path / "net.params")
    assert fresh.built and fresh.layers[0].built
    assert (fresh(tf.ones((1, 20))) == net(tf.ones((1, 20)))).all()
    assert all((a == b).all() for a, b in zip(net.get_weights(), fresh.get_weights(), strict=True))


def test_a_copy_has_its_own_weights():
    net = lesson_net()
    net(tf.ones((1, 20)))
    twin = copy.deepcopy(net)
    twin.layers[0].bias.assign(numpy.ones(256))
    assert (net.layers[0].bias.numpy() == 0).all()
    assert twin.layers[0].bias.parameter is twin.layers[0]._reg_params["bias"]


def test_the_bar_and_the_lines(capsys):
    net = keras.Sequential([layers.Dense(1)])
    net.compile("sgd", "mse", metrics=["mae"])
    x = numpy.ones((64, 2))
    net.fit(x, x[:, :1], epochs=2, validation_split=0.5)
    number = r"\d\.\d{4}(e-\d\d)?"
    passed = r"1/1 ━{20} \d+s \d+(us|ms|s)/step"
    names = [f"{n}: {number}" for n in ("loss", "mae", "val_loss", "val_mae")]
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Epoch 1/2" and lines[2] == "Epoch 2/2" and len(lines) == 4
    assert re.fullmatch(" - ".join([passed, *names]), lines[3])
    net.fit(x, x[:, :1], verbose=2)
    assert re.fullmatch(
        rf"2/2 - \d+s - \d+(us|ms|s)/step - loss: {number} - mae: {number}",
        capsys.readouterr().out.splitlines()[1],
    )
    net.fit(x, x[:, :1], verbose=0)
    assert capsys.readouterr().out == ""


def test_a_bar_that_moves(capsys, monkeypatch):
    clock = iter(range(100))
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setattr("time.perf_counter", lambda: float(next(clock)))
    net = keras.Sequential([layers.Dense(1)])
    net.predict(numpy.ones((64, 2)))
    lines = capsys.readouterr().out.split("\r")
    assert lines == ["", f"1/2 {'━' * 10}{' ' * 10} 1s 1s/step", *lines[2:]]
    assert lines[-1] == f"2/2 {'━' * 20} 3s 2s/step\n"


def test_callbacks_and_early_stopping():
    net = keras.Sequential([layers.Dense(1)])
    net.compile("sgd", "mse")
    x, told = cases.values(8, 2), []
    stop = keras.callbacks.EarlyStopping("loss", min_delta=1e9, patience=1)
    tell = keras.callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: told.append(epoch))
    history = net.fit(x, x[:, :1], epochs=9, verbose=0, callbacks=[stop, tell])
    assert told == history.epoch == [0, 1, 2]
    with pytest.raises(ValueError, match="'val_loss'"):
        net.fit(x, x[:, :1], verbose=0, callbacks=[keras.callbacks.EarlyStopping()])


def test_the_order_of_examples_follows_the_seed():
    found = []
    for _ in range(2):
        keras.utils.set_random_seed(3)
        net = keras.Sequential([layers.Dense(4), layers.Dropout(0.5), layers.Dense(1)])
        net.compile("sgd", "mse")
        x = cases.values(40, 3)
        found.append(net.fit(x, x[:, :1], epochs=2, verbose=0, batch_size=8).history["loss"])
    assert found[0] == found[1]


def test_loaders_of_batches():
    data = gluon.data.ArrayDataset(cases.values(20, 3), cases.values(20, 1))
    net = keras.Sequential([layers.Dense(1)])
    net.compile("sgd", "mse")
    loader = gluon.data.DataLoader(data, batch_size=8)
    assert net.fit(loader, verbose=0).params["steps"] == 3
    assert net.evaluate(loader, verbose=0) > 0
    assert net.predict(loader, verbose=0).shape == (20, 1)


def test_a_loop_of_ones_own():
    net = keras.Sequential(
        [
            layers.Dense(16, activation=tf.nn.tanh, input_shape=(3,)),
            layers.BatchNormalization(momentum=0.9),
            layers.Dropout(0.1),
            layers.Dense(2),
        ]
    )
    assert net.built
    optimizer = keras.optimizers.Adam(0.02)
    loss_of = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    right = keras.metrics.SparseCategoricalAccuracy()
    x = cases.values(64, 3)
    y = (x.sum(axis=1) > 0).astype(int)
    for _ in range(60):
        with tf.GradientTape() as tape:
            scores = net(x, training=True)
            loss = loss_of(y, scores)
        weights = net.trainable_weights
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
    right.update_state(y, net(x))
    assert right.result() > 0.9
    assert (net.layers[1].moving_mean.numpy() != 0).all()


def test_a_persistent_tape():
    x = tf.constant([2.0])
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x)
        y = x * x
        z = y * x
    assert tape.gradient(y, x).tolist() == [4.0]
    assert tape.gradient(z, x).tolist() == [12.0]


def test_variables_in_arithmetic():
    layer = layers.Dense(2, kernel_initializer="ones")
    layer.build((None, 3))
    w = layer.kernel
    assert (w + 1).tolist() == (1 + w).tolist() == [[2.0] * 2] * 3
    assert tf.reduce_sum(tf.square(w)).item() == 6
    assert w.assign_add(numpy.ones((3, 2))).numpy().sum() == 12
    with pytest.raises(ValueError, match="must match"):
        w.assign(numpy.ones((2, 3)))


# ---- refusals ----------------------------------------------------------------------------------


def test_an_input_of_another_size_names_the_layer():
    net = lesson_net()
    net(tf.ones((2, 20)))
    with pytest.raises(ShapeError, match=r"dense, '0'.*size 20 .*size 30 .*first input \(2, 20\)"):
        net(tf.ones((2, 30)))


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda: layers.Dense(3, activation="rleu"),
            "activation function identifier: rleu; .*'relu'",
        ),
        (lambda: layers.Dense(3, kernel_initializer="foo"), "initializer identifier: foo"),
        (lambda: layers.Conv2D(3, 3, padding="some"), "padding must be 'valid' or 'same'"),
        (lambda: layers.Conv2D(3, 3, data_format="channels_first"), "channels_last"),
        (lambda: layers.LSTM(3, use_bias=False), "use_bias must be True"),
        (lambda: keras.Sequential().compile("foo"), "optimizer identifier: foo"),
        (lambda: keras.Sequential().compile("sgd", "mes"), "loss identifier: mes; .*'mse'"),
        (lambda: keras.losses.MeanSquaredError(reduction="all"), "reduction must be one of"),
        (lambda: keras.Sequential().compile("sgd", "mse", ["acuracy"]), "acuracy; .*'accuracy'"),
        (lambda: keras.Sequential().get_layer("a"), "No such layer: name 'a'"),
    ],
)
def test_wrong_arguments(call, text):
    with pytest.raises(ValueError, match=text):
        call()


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda: layers.Dense(3, kernel_regularizer="l2"), "write AdamW's weight_decay"),
        (lambda: layers.Conv2D(3, 3, bias_constraint="nonneg"), "write assign()"),
        (lambda: layers.Dense(3, kernel_initialiser="ones"), "nearest is 'kernel_initializer'"),
        (lambda: keras.Variable(numpy.ones(3)), "write layer.add_weight()"),
        (lambda: keras.Variable(initializer="ones", shape=(3,)), "write layer.add_weight()"),
    ],
)
def test_arguments_that_are_not_there(call, text):
    with pytest.raises(TypeError, match=re.escape(text)):
        call()


def test_explain_names_the_initializer():
    net = keras.Sequential([layers.Dense(2, kernel_initializer="he_normal")])
    assert [row.init for row in net.explain().rows] == ["HeNormal", "Zeros"]


@pytest.mark.parametrize("wrong", [("adamm", "mse"), ("sgd", "mes"), ("sgd", "mse", ["mea"])])
def test_a_compile_that_is_refused_changes_nothing(wrong):
    net = keras.Sequential([layers.Dense(1)])
    net.compile("sgd", "mse", metrics=["mae"])
    x, y = numpy.ones((4, 2), "float32"), numpy.ones((4, 1), "float32")
    before = net.evaluate(x, y, verbose=0, return_dict=True)
    with pytest.raises(ValueError, match="identifier"):
        net.compile(*wrong)
    assert net.evaluate(x, y, verbose=0, return_dict=True) == before
    assert before.keys() == {"loss", "mae"}


def test_wrong_data():
    net = keras.Sequential([layers.Dense(1)])
    net.compile("sgd", "mse")
    with pytest.raises(ValueError, match="Sizes: 3, 2"):
        net.fit(numpy.ones((3, 2)), numpy.ones((2, 1)))
    with pytest.raises(ValueError, match="batch_size"):
        net.fit(numpy.ones((3, 2)), numpy.ones((3, 1)), batch_size=0)
    with pytest.raises(ValueError, match="no examples"):
        net.fit(numpy.ones((0, 2)), numpy.ones((0, 1)), verbose=0)
    with pytest.raises(ValueError, match="verbose"):
        net.fit(numpy.ones((3, 2)), numpy.ones((3, 1)), verbose=7)


@pytest.mark.parametrize(
    ("module", "name", "text"),
    [
        (layers, "GRU", "layers.LSTM"),
        (layers, "Desne", "'Dense'"),
        (keras, "Sequentail", "'Sequential'"),
        (keras, "ops", "microlazy.np"),
        (tf, "function", "hybridize"),
        (tf, "Variable", "add_weight"),
        (keras, "datasets", "gluon.data.vision"),
        (layers, "Concatenate", "tf.concat"),
        (keras.optimizers, "Nadam", "optimizers.Adam"),
        (keras.losses, "Hubber", "'Huber'"),
    ],
)
def test_what_is_not_there_names_the_nearest(module, name, text):
    with pytest.raises(AttributeError, match=re.escape(text)):
        getattr(module, name)


def test_a_layer_tells_how_keras_does_it():
    with pytest.raises(AttributeError, match="weights has all variables"):
        layers.Dense(3).parameters()
    with pytest.raises(AttributeError, match="save_weights"):
        lesson_net().save("net.keras")


def test_models_of_inputs_and_outputs_are_refused():
    with pytest.raises(TypeError, match="subclass of Model"):
        keras.Model(inputs=1, outputs=2)


def test_every_public_thing_is_documented():
    for module in (keras.layers, keras.losses, keras.metrics, keras.optimizers, keras.callbacks):
        for name in module.__all__:
            assert inspect.getdoc(getattr(module, name)), name
