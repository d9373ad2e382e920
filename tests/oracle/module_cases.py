"""Programs that train modules: what they print is compared.

`mx` is either package, `folder` a place for checkpoints. A program gives numbers by name. Weights
and data are made here, so both packages begin alike.
"""

import random

import numpy
from numpy.random import RandomState


def digits(count, seed=0, size=10):
    """Noisy pictures of ten kinds, and which they are."""
    kinds = RandomState(7).rand(10, 1, size, size)
    rng = RandomState(seed)
    labels = rng.randint(0, 10, count)
    pictures = kinds[labels] + 0.35 * rng.randn(count, 1, size, size)
    return pictures.astype("float32"), labels.astype("float32")


def first_values(mx, graph, shapes, scale=0.1):
    """Values of parameters and states to begin with."""
    rng = RandomState(3)
    arguments, _, states = graph.infer_shape(**shapes)
    found, kept = {}, {}
    for name, shape in zip(graph.list_arguments(), arguments, strict=True):
        if name in shapes or name.endswith("label"):
            continue
        value = rng.uniform(-scale, scale, shape)
        fixed = {"bias": 0, "beta": 0, "gamma": 1}.get(name.rpartition("_")[2])
        found[name] = mx.nd.array(value if fixed is None else numpy.full(shape, fixed))
    for name, shape in zip(graph.list_auxiliary_states(), states, strict=True):
        kept[name] = mx.nd.array(numpy.full(shape, float(name.endswith("var"))))
    return found, kept


class Curve:
    """A callback that keeps the values of a metric."""

    def __init__(self):
        self.values = []

    def __call__(self, about):
        self.values += [value for _, value in about.eval_metric.get_name_value()]


def _mlp(mx, data):
    x = mx.sym.FullyConnected(mx.sym.flatten(data), num_hidden=32, name="fc1")
    x = mx.sym.FullyConnected(mx.sym.Activation(x, act_type="relu"), num_hidden=10, name="fc2")
    return mx.sym.SoftmaxOutput(x, name="softmax")


def mlp(mx, folder):
    """A perceptron: fit, checkpoints, load, score, predict, and training that goes on."""
    train = mx.io.NDArrayIter(*digits(300), 50)
    checked = mx.io.NDArrayIter(*digits(100, 1), 32)
    net = _mlp(mx, mx.sym.var("data"))
    arguments, states = first_values(mx, net, {"data": (50, 1, 10, 10)})
    curve, scores, prefix = Curve(), Curve(), f"{folder}/mlp"
    model = mx.mod.Module(net, context=mx.cpu())
    model.fit(
        train, checked, eval_metric=["acc", "ce"], validation_metric="acc", optimizer="sgd",
        optimizer_params={"learning_rate": 0.1, "momentum": 0.9, "wd": 1e-3},
        arg_params=arguments, aux_params=states, num_epoch=4,
        batch_end_callback=[curve, mx.callback.Speedometer(50, 3)], eval_end_callback=scores,
        epoch_end_callback=mx.callback.do_checkpoint(prefix),
    )  # fmt: skip
    again = mx.mod.Module.load(prefix, 2)
    again.bind(checked.provide_data, checked.provide_label, for_training=False)
    graph, *kept = mx.model.load_checkpoint(prefix, 2)
    further = mx.mod.Module(graph)
    further.fit(
        train, num_epoch=3, begin_epoch=2, optimizer="adam",
        optimizer_params=(("learning_rate", 0.005),),
        arg_params=kept[0], aux_params=kept[1],
    )  # fmt: skip
    return {
        "curve": curve.values,
        "scores": scores.values,
        "loaded": [again.score(checked, "ce")[0][1]],
        "predicted": model.predict(checked).asnumpy().sum(axis=0),
        "parts": [float(x[0].shape[0]) for x, _, _ in model.iter_predict(checked)],
        "further": [x.asnumpy().sum() for _, x in sorted(further.get_params()[0].items())],
    }


def lenet(mx, folder):
    """Convolutions and batch normalization: a loop of one's own, features, other batches."""
    pictures, labels = digits(200)
    train = mx.io.NDArrayIter(pictures, labels, 40)
    with mx.name.NameManager():
        x = mx.sym.Convolution(data=mx.sym.Variable("data"), kernel=(5, 5), num_filter=8)
        x = mx.sym.Activation(mx.sym.BatchNorm(x, fix_gamma=False), act_type="tanh")
        x = mx.sym.Pooling(data=x, pool_type="max", kernel=(2, 2), stride=(2, 2))
        x = mx.sym.FullyConnected(data=mx.sym.Flatten(data=x), num_hidden=10)
        net = mx.sym.SoftmaxOutput(data=x, name="softmax")
    arguments, states = first_values(mx, net, {"data": (40, 1, 10, 10)}, 0.3)
    model = mx.mod.Module(net, fixed_param_names=["convolution0_bias"])
    model.bind(train.provide_data, train.provide_label, inputs_need_grad=True)
    model.init_params(arg_params=arguments, aux_params=states)
    schedule = mx.lr_scheduler.FactorScheduler(7, 0.7)
    options = {"learning_rate": 0.05, "momentum": 0.9, "lr_scheduler": schedule}
    model.init_optimizer(optimizer="nag", optimizer_params=options)
    found = []
    for _ in range(3):
        train.reset()
        metric = mx.metric.create("acc")
        for batch in train:
            model.forward(batch, is_train=True)
            model.update_metric(metric, batch.label)
            model.backward()
            model.update()
        found += [metric.get()[1], model.get_input_grads()[0].abs().sum().asscalar()]
    values = model.get_params()
    inner = net.get_internals()["flatten0_output"]
    features = mx.mod.Module(inner, label_names=None)
    features.bind([("data", (40, 1, 10, 10))], for_training=False)
    features.set_params(*values, allow_extra=True)
    small = mx.io.DataBatch([mx.nd.array(pictures[:10])], [mx.nd.array(labels[:10])])
    model.reshape([("data", (10, 1, 10, 10))], [("softmax_label", (10,))])
    model.forward(small, is_train=False)
    return {
        "curve": found,
        "states": [x.asnumpy().sum() for _, x in sorted(values[1].items())],
        "features": features.predict(train).asnumpy().sum(axis=0)[:9],
        "small": model.get_outputs()[0].asnumpy()[:2].ravel(),
    }


def _sentences(mx):
    rng = RandomState(0)
    words = [chr(97 + i) for i in range(12)]
    starts, steps, sizes = rng.randint(0, 12, 120), rng.choice([1, 2], 120), rng.choice([4, 6], 120)
    parts = zip(starts, steps, sizes, strict=True)
    made = [[words[(start + i * step) % 12] for i in range(size)] for start, step, size in parts]
    return mx.rnn.encode_sentences(made, start_label=1, invalid_label=0)


def _language(mx, folder, stack):
    random.seed(1)
    numpy.random.seed(1)
    encoded, vocabulary = _sentences(mx)
    train = mx.rnn.BucketSentenceIter(encoded, 16, buckets=[4, 6], invalid_label=0)
    count = len(vocabulary) + 1

    def graph(length):
        data, label = mx.sym.Variable("data"), mx.sym.Variable("softmax_label")
        embedded = mx.sym.Embedding(data=data, input_dim=count, output_dim=8, name="embed")
        stack.reset()
        outputs, _ = stack.unroll(length, inputs=embedded, merge_outputs=True)
        rows = mx.sym.Reshape(outputs, shape=(-1, 8))
        rows = mx.sym.FullyConnected(data=rows, num_hidden=count, name="pred")
        label = mx.sym.Reshape(label, shape=(-1,))
        options = {"name": "softmax", "use_ignore": True, "ignore_label": 0}
        return mx.sym.SoftmaxOutput(rows, label, **options), ("data",), ("softmax_label",)

    shapes = {"data": (16, 6), "softmax_label": (16, 6)}
    arguments, states = first_values(mx, graph(6)[0], shapes, 0.2)
    curve = Curve()
    model = mx.mod.BucketingModule(graph, default_bucket_key=train.default_bucket_key)
    model.fit(
        train, eval_metric=mx.metric.Perplexity(0), optimizer="adam", kvstore="device",
        optimizer_params={"learning_rate": 0.02}, arg_params=arguments, aux_params=states,
        num_epoch=3, batch_end_callback=curve,
        epoch_end_callback=mx.rnn.do_rnn_checkpoint(stack, f"{folder}/language"),
    )  # fmt: skip
    values = mx.rnn.load_rnn_checkpoint(stack, f"{folder}/language", 3)[1:]
    again = mx.mod.BucketingModule(graph, default_bucket_key=6)
    again.bind(train.provide_data, train.provide_label, for_training=False)
    again.set_params(*values)
    return {
        "curve": curve.values,
        "score": [again.score(train, mx.metric.Perplexity(0))[0][1]],
        "weights": [x.asnumpy().sum() for _, x in sorted(values[0].items())],
    }


def buckets(mx, folder):
    """A language model of two LSTMs, unrolled for each bucket."""
    stack = mx.rnn.SequentialRNNCell()
    for place in range(2):
        stack.add(mx.rnn.LSTMCell(num_hidden=8, prefix=f"lstm_l{place}_"))
    return _language(mx, folder, stack)


def fused_buckets(mx, folder):
    """The same in one node."""
    stack = mx.rnn.FusedRNNCell(8, num_layers=2, mode="gru", prefix="gru_")
    return _language(mx, folder, stack)


def feed_forward(mx, folder):
    """The model of the first versions."""
    pictures, labels = digits(150)
    train = mx.io.NDArrayIter(pictures, labels, 50)
    net = _mlp(mx, mx.sym.Variable("data"))
    arguments, states = first_values(mx, net, {"data": (50, 1, 10, 10)})
    curve = Curve()
    model = mx.model.FeedForward(
        net, num_epoch=4, learning_rate=0.1, momentum=0.9, arg_params=arguments, aux_params=states
    )
    model.fit(train, eval_data=train, batch_end_callback=curve)
    outputs, data, label = model.predict(train, return_data=True)
    model.save(f"{folder}/feed")
    again = mx.model.FeedForward.load(f"{folder}/feed", 4)
    return {
        "curve": curve.values,
        "score": [model.score(train, "ce"), again.score(train, "ce")],
        "predicted": model.predict(pictures).sum(axis=0),
        "sums": [outputs.sum(), data.sum(), label.sum()],
    }


def in_a_row(mx, folder):
    """Modules in a row, the last of which is Python's."""
    x = mx.sym.FullyConnected(mx.sym.flatten(mx.sym.var("data")), name="fc1", num_hidden=32)
    first = mx.sym.Activation(x, act_type="relu", name="act")
    second = mx.sym.FullyConnected(mx.sym.var("data"), name="fc2", num_hidden=10)
    values = first_values(mx, _mlp(mx, mx.sym.var("data")), {"data": (50, 1, 10, 10)})

    def gradient(scores, labels):
        scores, labels = scores.asnumpy(), labels.asnumpy().astype(int)
        shares = numpy.exp(scores - scores.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        shares[numpy.arange(len(labels)), labels] -= 1
        return shares

    model = mx.mod.SequentialModule()
    model.add(mx.mod.Module(first, label_names=[]))
    model.add(mx.mod.Module(second, label_names=[]), auto_wiring=True)
    loss = mx.mod.PythonLossModule(grad_func=gradient)
    model.add(loss, take_labels=True, auto_wiring=True)
    train = mx.io.NDArrayIter(*digits(150), 50)
    model.bind(train.provide_data, train.provide_label)
    model.init_params(arg_params=values[0], aux_params=values[1], allow_extra=True)
    model.init_optimizer(optimizer_params={"learning_rate": 0.05})
    metric, curve = mx.metric.create("acc"), []
    for _ in range(4):
        train.reset()
        metric.reset()
        for batch in train:
            model.forward(batch)
            model.update_metric(metric, batch.label)
            model.backward()
            model.update()
        curve.append(metric.get()[1])
    return {
        "curve": curve,
        "weights": [x.asnumpy().sum() for _, x in sorted(model.get_params()[0].items())],
        "shapes": [float(n) for _, shape in model.output_shapes for n in shape],
    }


PROGRAMS = {
    program.__name__: program
    for program in (mlp, lenet, buckets, fused_buckets, feed_forward, in_a_row)
}
