"""Programs in the words of Keras and of Flax, which run under the real ones and under microlazy.

Each returns numbers, shapes and texts. `record_dialects.py` writes what the real ones return to
`dialects.json`; `tests/test_keras.py` and `tests/test_flax.py` compare.
"""

import contextlib
import io

import numpy


def values(*shape, seed=0):
    """Numbers between -1 and 1."""
    return numpy.random.default_rng([seed, *shape]).uniform(-1, 1, shape).astype("float32")


def numbers(x):
    """An array as nested lists."""
    return numpy.asarray(x, dtype="float64").tolist()


def message(call, *args, **options):
    """What an error says, in one line."""
    try:
        call(*args, **options)
    except Exception as error:
        return str(error).partition(" (https://")[0]
    return None


# ---- Keras -------------------------------------------------------------------------------------


def fill(layer):
    """Give every weight values of its own; variances must be positive."""
    layer.set_weights([abs(values(*w.shape, seed=i)) for i, w in enumerate(layer.get_weights())])


def layer_answers(layer, x):
    """The shapes of a layer's weights, and outputs to predict and to train."""
    layer(x)
    fill(layer)
    return {
        "weights": [list(w.shape) for w in layer.get_weights()],
        "names": [w.name for w in layer.weights],
        "trainable": len(layer.trainable_weights),
        "predicted": numbers(layer(x, training=False)),
        "trained": numbers(layer(x, training=True)),
        "after": [numbers(w) for w in layer.get_weights()],
    }


def keras_layers(keras):
    """Layers by name, each made anew, with an input."""
    layers = keras.layers
    image, row = values(2, 7, 6, 3), values(3, 4)
    yield "dense", layers.Dense(5), row
    yield "dense of three axes", layers.Dense(5, use_bias=False), values(2, 3, 4)
    for name in ("relu", "sigmoid", "tanh", "softplus", "softsign", "softmax", "elu", "selu"):
        yield f"dense {name}", layers.Dense(5, activation=name), row
    for name in ("gelu", "silu", "exponential", "hard_sigmoid", "leaky_relu", "log_softmax"):
        yield f"activation {name}", layers.Activation(name), row
    yield "relu", layers.ReLU(), row
    yield "flatten", layers.Flatten(), image
    yield "conv", layers.Conv2D(4, 3), image
    yield "conv same", layers.Conv2D(4, 3, padding="same", activation="relu"), image
    yield "conv even same", layers.Conv2D(4, 2, padding="same"), image
    yield "conv strided same", layers.Conv2D(4, (3, 2), strides=2, padding="same"), image
    yield "conv dilated", layers.Conv2D(4, 2, dilation_rate=2, padding="same"), image
    yield "conv groups", layers.Conv2D(6, 3, groups=3, use_bias=False), image
    for kind in ("MaxPooling2D", "AveragePooling2D"):
        pooling = getattr(layers, kind)
        yield kind, pooling(2), image
        yield f"{kind} same", pooling((3, 2), padding="same"), image
        yield f"{kind} overlapping same", pooling(2, strides=1, padding="same"), image
    yield "global average", layers.GlobalAveragePooling2D(), image
    yield "global max", layers.GlobalMaxPooling2D(keepdims=True), image
    yield "batch norm", layers.BatchNormalization(), image
    yield "batch norm plain", layers.BatchNormalization(scale=False, center=False), row
    yield "batch norm of axis 1", layers.BatchNormalization(axis=1, momentum=0.5), image
    yield "layer norm", layers.LayerNormalization(), row
    yield "layer norm plain", layers.LayerNormalization(scale=False), row
    yield "embedding", layers.Embedding(6, 3), numpy.array([[1, 5], [0, 2]])
    yield "lstm", layers.LSTM(3), values(2, 5, 4)
    yield "lstm sequences", layers.LSTM(3, return_sequences=True), values(2, 5, 4)


def keras_optimizers(keras):
    """Optimizers by name."""
    made = keras.optimizers
    yield "sgd", made.SGD(0.1)
    yield "momentum", made.SGD(0.1, momentum=0.9)
    yield "nesterov", made.SGD(0.1, momentum=0.9, nesterov=True)
    yield "clipped", made.SGD(0.1, clipvalue=0.01)
    yield "rmsprop", made.RMSprop(0.01)
    yield "adam", made.Adam(0.01)
    yield "adamw", made.AdamW(0.01, weight_decay=0.1)
    yield "adamax", made.Adamax(0.01)


def keras_losses(keras):
    """Losses by name, with targets and predictions."""
    losses = keras.losses
    logits, chances = values(4, 3), abs(values(4, 3)) + 0.05
    chances /= chances.sum(1, keepdims=True)
    numbered, one_hot = numpy.array([0, 2, 1, 1]), numpy.eye(3, dtype="float32")[[0, 2, 1, 1]]
    yes = numpy.array([[1], [0], [1], [1]], dtype="float32")
    for reduction in ("sum_over_batch_size", "sum", None):
        named = {"reduction": reduction}
        yield f"mse {reduction}", losses.MeanSquaredError(**named), one_hot, logits
        yield f"mae {reduction}", losses.MeanAbsoluteError(**named), one_hot, logits
        yield f"huber {reduction}", losses.Huber(delta=0.5, **named), one_hot, logits
        sparse, dense = losses.SparseCategoricalCrossentropy, losses.CategoricalCrossentropy
        yield f"sparse {reduction}", sparse(**named), numbered, chances
        yield f"sparse logits {reduction}", sparse(from_logits=True, **named), numbered, logits
        yield f"dense {reduction}", dense(**named), one_hot, chances
        yield f"dense logits {reduction}", dense(from_logits=True, **named), one_hot, logits
        binary = losses.BinaryCrossentropy
        yield f"binary {reduction}", binary(**named), yes, chances[:, :1]
        yield f"binary logits {reduction}", binary(from_logits=True, **named), yes, logits[:, :1]


def keras_metrics(keras):
    """Metrics by name, with batches of targets and predictions."""
    metrics = keras.metrics
    sizes, rng = (4, 3), numpy.random.default_rng(1)
    scores = [values(n, 6, seed=3) for n in sizes]
    numbered = [rng.integers(0, 6, n) for n in sizes]
    one_hot = [numpy.eye(6, dtype="float32")[n] for n in numbered]
    yes = [(abs(s) > 0.5).astype("float32") for s in scores]
    yield "sparse accuracy", metrics.SparseCategoricalAccuracy(), numbered, scores
    yield "accuracy", metrics.CategoricalAccuracy(), one_hot, scores
    yield "top 2", metrics.SparseTopKCategoricalAccuracy(k=2), numbered, scores
    yield "binary", metrics.BinaryAccuracy(), yes, [abs(s) for s in scores]
    yield "mse", metrics.MeanSquaredError(), one_hot, scores
    yield "rmse", metrics.RootMeanSquaredError(), one_hot, scores
    yield "mae", metrics.MeanAbsoluteError(), one_hot, scores


def small_net(keras):
    """A network of two layers with weights that are always the same."""
    net = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(5, activation="tanh"), keras.layers.Dense(3)]
    )
    fill(net)
    return net


def keras_training(keras, optimizer):
    """Losses of three steps, and the weights after them."""
    net = small_net(keras)
    net.compile(optimizer, keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    x, y = values(6, 4, seed=7), numpy.array([0, 1, 2, 2, 1, 0])
    found = [float(net.train_on_batch(x, y)) for _ in range(3)]
    return {"losses": found, "weights": [numbers(w) for w in net.get_weights()]}


def keras_fit(keras):
    """What fit, evaluate and predict give for batches in their order."""
    net = small_net(keras)
    net.compile("sgd", "mse", metrics=["mae"])
    x, y = values(10, 4, seed=8), values(10, 3, seed=9)
    history = net.fit(x, y, batch_size=4, epochs=2, shuffle=False, verbose=0, validation_split=0.2)
    measured = net.evaluate(x, y, batch_size=4, verbose=0)
    return {
        "history": {name: numbers(v) for name, v in history.history.items()},
        "epochs": history.epoch,
        "evaluated": numbers(measured),
        "predicted": numbers(net.predict(x, verbose=0)),
    }


def printed(call):
    """What a call prints."""
    with contextlib.redirect_stdout(io.StringIO()) as out:
        call()
    return out.getvalue()


def keras_texts(keras):
    """What is printed: names, representations, tables and refusals."""
    layers = keras.layers
    keras.utils.clear_session()
    net = keras.Sequential([layers.Dense(256, activation="relu"), layers.Dense(10)])
    texts = {"unbuilt": printed(net.summary), "layer": repr(net.layers[0]), "net": repr(net)}
    net(values(2, 20))
    texts |= {"built": printed(net.summary), "path": net.weights[0].path}
    images = keras.Sequential(
        [
            layers.Input((28, 28, 1)),
            layers.Conv2D(8, 3, padding="same", activation="relu"),
            layers.BatchNormalization(),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(10),
        ]
    )
    texts |= {
        "images": printed(images.summary),
        "too few": message(net.set_weights, [1]),
        "wrong shape": message(
            net.layers[0].set_weights, [numpy.zeros((30, 256)), numpy.zeros(256)]
        ),
        "not compiled": message(net.fit, values(2, 20), values(2, 10)),
        "one name twice": message(
            keras.Sequential, [layers.Dense(1, name="a"), layers.Dense(2, name="a")]
        ),
    }
    return texts


# ---- Flax --------------------------------------------------------------------------------------


def filled(jax, tree, seed=0):
    """A tree of the same shapes with values that are always the same, all positive."""
    leaves, structure = jax.tree_util.tree_flatten(tree)
    arrays = [abs(values(*leaf.shape, seed=seed + i)) for i, leaf in enumerate(leaves)]
    return jax.tree_util.tree_unflatten(structure, [jax.numpy.array(a) for a in arrays])


def shapes(jax, tree):
    """The shapes of a tree's leaves, as text."""
    return repr(jax.tree_util.tree_map(lambda leaf: leaf.shape, tree))


def flax_modules(nn):
    """Modules by name, with an input."""
    image, row = values(2, 7, 6, 3), values(3, 4)
    yield "dense", nn.Dense(5), row
    yield "dense of three axes", nn.Dense(5, use_bias=False), values(2, 3, 4)
    yield "conv", nn.Conv(4, (3, 3)), image
    yield "conv valid", nn.Conv(4, (3, 2), padding="VALID", strides=2), image
    yield "conv strided", nn.Conv(4, (3, 3), strides=(2, 2)), image
    yield "conv padded", nn.Conv(4, (3, 3), padding=[(1, 0), (2, 1)]), image
    yield "conv dilated", nn.Conv(4, (2, 2), kernel_dilation=2), image
    yield "conv groups", nn.Conv(6, (3, 3), feature_group_count=3), image
    yield "conv of one axis", nn.Conv(4, 3), values(2, 7, 3)
    yield "batch norm", nn.BatchNorm(use_running_average=True), image
    yield "layer norm", nn.LayerNorm(), row
    yield "layer norm plain", nn.LayerNorm(use_scale=False), row
    yield "embed", nn.Embed(6, 3), numpy.array([[1, 5], [0, 2]], dtype="int32")
    yield "sequential", nn.Sequential([nn.Dense(8), nn.relu, nn.Dense(3)]), row


def flax_answers(jax, module, x):
    """The shapes of a module's variables, its output for some values, and gradients."""
    x = jax.numpy.array(x)
    variables = module.init(jax.random.PRNGKey(0), x)
    given = filled(jax, variables)

    def loss(params):
        return (module.apply({**given, "params": params}, x) ** 2).sum()

    gradients = jax.grad(loss)(given["params"])
    return {
        "shapes": shapes(jax, variables),
        "out": numbers(module.apply(given, x)),
        "gradients": [numbers(g) for g in jax.tree_util.tree_leaves(gradients)],
    }


def flax_functions(nn):
    """Functions by name."""
    for name in (
        *("relu", "sigmoid", "tanh", "softplus", "soft_sign", "silu", "elu", "selu"),
        *("gelu", "leaky_relu", "log_sigmoid", "softmax", "log_softmax"),
    ):
        yield name, getattr(nn, name), values(3, 4) * 3
    image = values(2, 7, 6, 3)
    for name in ("max_pool", "avg_pool"):
        pool = getattr(nn, name)
        yield name, lambda x, pool=pool: pool(x, (2, 2), (2, 2)), image
        yield f"{name} same", lambda x, pool=pool: pool(x, (3, 2), padding="SAME"), image
    yield (
        "avg_pool without padding",
        lambda x: nn.avg_pool(x, (3, 2), padding="SAME", count_include_pad=False),
        image,
    )


def flax_texts(jax, nn):
    """What is printed and refused, and the shapes of trees of networks of several kinds."""
    key, jnp = jax.random.PRNGKey(0), jax.numpy

    class Images(nn.Module):
        features: int = 8

        @nn.compact
        def __call__(self, x, train: bool = False):
            x = nn.Conv(self.features, (3, 3))(x)
            x = nn.BatchNorm(use_running_average=not train)(x)
            x = nn.avg_pool(nn.relu(x), (2, 2), (2, 2))
            x = x.reshape((x.shape[0], -1))
            x = nn.Dropout(0.5, deterministic=not train)(x)
            return nn.Dense(3, name="out")(x)

    class Setup(nn.Module):
        n: int

        def setup(self):
            self.a = nn.Dense(self.n)
            self.layers = [nn.Dense(2), nn.Dense(3)]

        def __call__(self, x):
            x = self.a(x)
            for layer in self.layers:
                x = layer(x)
            return x

    class Nested(nn.Module):
        @nn.compact
        def __call__(self, x):
            x = nn.Sequential([nn.Dense(4), nn.relu, nn.Dense(3)])(x)
            shared = nn.Dense(3)
            return shared(shared(x))

    class Holder(nn.Module):
        body: nn.Module

        @nn.compact
        def __call__(self, x):
            return nn.Dense(2, name="last")(self.body(x))

    class Own(nn.Module):
        @nn.compact
        def __call__(self, x):
            w = self.param("w", nn.initializers.ones, (x.shape[-1], 2))
            calls = self.variable("counts", "n", lambda: jnp.zeros(()))
            calls.value = calls.value + 1
            return x @ w

    class Sets(nn.Module):
        @nn.compact
        def __call__(self, x):
            self.bar = 3
            return x

    net = nn.Sequential([nn.Dense(256), nn.relu, nn.Dense(10)])
    params = net.init(key, jnp.zeros((2, 20)))
    images, x = Images(), jnp.zeros((1, 8, 8, 1))
    variables = images.init(key, x)
    rows = jnp.array(values(2, 3))
    shared = nn.Dense(3)
    own = Own().init(key, rows)
    wide = {"console_kwargs": {"width": 160, "force_terminal": False, "no_color": True}}
    return {
        "shapes": shapes(jax, params),
        "eval_shape": repr(jax.eval_shape(net.apply, params, jnp.zeros((2, 20)))),
        "eval_shape of init": repr(jax.eval_shape(net.init, key, jnp.zeros((2, 20)))),
        "images": shapes(jax, variables),
        "setup": shapes(jax, Setup(4).init(key, rows)),
        "nested": shapes(jax, Nested().init(key, rows)),
        "holder": shapes(jax, Holder(nn.Sequential([nn.Dense(4), nn.relu])).init(key, rows)),
        "shared": shapes(jax, nn.Sequential([shared, shared]).init(key, rows)),
        "own": shapes(jax, own),
        "counted": numbers(Own().apply(own, rows, mutable=["counts"])[1]["counts"]["n"]),
        "module": repr(images),
        "keys": numbers(jax.random.PRNGKey(3)),
        "structure": repr(jax.tree_util.tree_structure({"a": [1, (2, None)]})),
        "table": net.tabulate(key, jnp.zeros((2, 20)), **wide),
        "table of images": images.tabulate(key, x, **wide),
        "immutable": message(images.apply, variables, x, train=True),
        "other images": message(images.apply, variables, jnp.zeros((1, 4, 8, 1))),
        "other rows": message(net.apply, params, jnp.zeros((1, 30))),
        "other rows of its own": message(Own().apply, own, jnp.zeros((2, 4)), mutable=["counts"]),
        "no parameters": message(net.apply, {}, jnp.zeros((1, 20))),
        "unbound": message(nn.Dense(3), jnp.zeros((1, 20))),
        "no attribute": message(lambda: net.params),
        "frozen": message(Sets().init, key, rows),
        "no average": message(nn.BatchNorm().init, key, rows),
        "no rate": message(nn.Dropout(0.5).apply, {}, rows),
        "no number": message(jax.grad(lambda x: x), jnp.ones(2)),
    }


def flax_statistics(jax, nn):
    """A step of batch normalization."""
    norm, x = nn.BatchNorm(use_running_average=False), jax.numpy.array(values(6, 3, seed=4))
    given = filled(jax, norm.init(jax.random.PRNGKey(0), x))
    out, changed = norm.apply(given, x, mutable=["batch_stats"])
    leaves = jax.tree_util.tree_leaves(changed)
    return {"out": numbers(out), "changed": [numbers(leaf) for leaf in leaves]}


def error_name(function, *args, **options):
    """The name of the class of the error that a call raises."""
    try:
        function(*args, **options)
    except Exception as error:
        return type(error).__name__
    return None


def flax_jit(jax, nn):
    """What functions under `jit` return, when their Python code runs, and what is refused."""
    jnp, jit = jax.numpy, jax.jit
    seen = []

    def traced(f, **options):
        def call(*args, **named):
            seen.append(f.__name__)
            return f(*args, **named)

        return jit(call, **options)

    def runs(f, *calls):
        """How often the code ran after each call, and the results."""
        seen.clear()
        found = []
        for args in calls:
            result = f(*args)
            found.append((len(seen), [numbers(x) for x in jax.tree_util.tree_leaves(result)]))
        return found

    def power(x, n):
        return x**n

    def scaled(tree, rate):
        return {"b": tree["w"] * rate, "a": (tree["w"].sum(), None, 2)}

    def cube(x):
        return (x**3).sum()

    def branch(x):
        return x if x.sum() > 0 else -x

    def step(params, x, y):
        def loss(p):
            return ((net.apply(p, x) - y) ** 2).mean()

        value, grads = jax.value_and_grad(loss)(params)
        return value, jax.tree_util.tree_map(lambda p, g: p - 0.1 * g, params, grads)

    def product(p, q, r):
        return (p * q).sum(), {"r": r, "p": p}

    def twice(x):
        return traced(cube)(x) + jnp.exp(x).sum()

    a, b, x = jnp.array(values(3)), jnp.array(values(2, 3)), jnp.array(values(4, 3, seed=1))
    net, y = nn.Sequential([nn.Dense(5), nn.tanh, nn.Dense(2)]), jnp.array(values(4, 2, seed=2))
    params = filled(jax, net.init(jax.random.PRNGKey(0), x))
    trained, losses, move = params, [], traced(step)
    seen.clear()
    for _ in range(4):
        loss, trained = move(trained, x, y)
        losses.append(numbers(loss))
    inner = traced(cube)
    slopes, mixed = traced(jax.grad(cube)), jax.grad(lambda x: inner(2 * x))
    return {
        "losses": losses,
        "traced in training": len(seen),
        "trained": [numbers(leaf) for leaf in jax.tree_util.tree_leaves(trained)],
        "shapes": runs(traced(cube), (a,), (2 * a,), (b,), (a,), (b,)),
        "numbers": runs(traced(scaled), ({"w": a}, 2.0), ({"w": a}, 3.0), ({"w": b}, 3.0)),
        "static place": runs(traced(power, static_argnums=1), (a, 2), (b, 2), (a, 3), (a, 2)),
        "static name": runs(
            lambda x, n: jit(power, static_argnames="n")(x, n=n), (a, 2), (a, 3), (a, 2)
        ),
        "donated": runs(traced(cube, donate_argnums=0), (a + 0,), (a + 1,)),
        "nested": runs(traced(twice), (a,), (a,)),
        "jit of grad": runs(slopes, (a,), (2 * a,)),
        "grad of jit": runs(mixed, (a,), (2 * a,)),
        "second": runs(jit(jax.grad(lambda x: jax.grad(cube)(x).sum())), (a,), (2 * a,)),
        "several": runs(
            jit(
                jax.value_and_grad(lambda p, q, r: ((p * q).sum(), {"r": r, "p": p}), (0, 2), True)
            ),
            (a, 2 * a, a),
            (b, b, b),
        ),
        "truth": error_name(jit(branch), a),
        "float": error_name(jit(lambda x: float(x.sum())), a),
        "item": error_name(jit(lambda x: x.item()), a),
        "text": error_name(jit(lambda x: x), "a"),
        "text as result": error_name(jit(lambda x: "a"), a),
        "no hash": error_name(jit(power, static_argnums=1), a, [1]),
        "no function": error_name(jit, 3),
        "no place": error_name(jit, power, static_argnums=5),
        "no name": error_name(jit, power, static_argnames="z"),
        "no number": error_name(jit(jax.grad(lambda x: x)), a),
        "kept": error_name(lambda: leaked(jit, a) + 1),
    }


def leaked(jit, x):
    """An array of a function under `jit` that is no result of it."""
    kept = []
    jit(lambda x: (kept.append(2 * x), x)[1])(x)
    return kept[0]
