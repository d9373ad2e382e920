"""Layers, cells and losses of Gluon: how each is made and called, and what it then shows.

`run` works with MXNet 1.9.1 and with microlazy alike; `record_gluon.py` stores MXNet's answers.
"""

import threading
import zlib
from typing import Any, NamedTuple

import numpy

Shape = tuple[int, ...]


class Case(NamedTuple):
    """One layer, by the code that makes it and the code that calls it."""

    make: str  # over mx, nn, rnn, loss, contrib, stack
    inputs: tuple[Any, ...]  # of each input x[i]: its shape, or (kind, shape), as `values` has them
    call: str = "layer(*x)"  # over layer, x, F (nd or np)
    printed: bool = True  # whether it prints as in MXNet; README.md tells why not
    trained: bool = True  # whether MXNet trains it on a CPU


def values(kind: str, shape: Shape, generator: numpy.random.Generator) -> numpy.ndarray:
    """Fixed numbers: "any", "positive", "sign" (-1 and 1), "length" (integers from 1 to 3),
    "labels" (from 1 to 3, then -1), or a number: integers below it."""
    if kind == "positive":
        return generator.uniform(0.1, 1, shape).round(3)
    if kind == "sign":
        return generator.integers(0, 2, shape) * 2.0 - 1
    if kind in ("length", "labels"):
        drawn = generator.integers(1, 4, shape).astype(float)
        if kind == "labels":
            drawn[0, -1:] = -1
        return drawn
    if kind.isdigit():
        return generator.integers(0, int(kind), shape).astype(float)
    return generator.uniform(-1.5, 1.5, shape).round(3)


def flat(outputs: Any) -> list[Any]:
    if isinstance(outputs, list | tuple):
        return [y for part in outputs for y in flat(part)]
    return [] if outputs is None else [outputs]


def _numbers(arrays: Any) -> list[Any]:
    return [[float(f"{v:.6g}") for v in numpy.asarray(a.asnumpy(), float).ravel()] for a in arrays]


def stack(container: Any, *parts: Any) -> Any:
    """The container with these parts added."""
    for part in parts:
        container.add(part)
    return container


def run(mx: Any, name: str, case: Case, face: str = "nd", hybrid: bool = False) -> dict[str, Any]:
    """Make and call a layer in a new thread, where automatic names start at 0."""
    answers: dict[str, Any] = {}
    raised: list[Exception] = []

    def work() -> None:
        if face == "np":
            mx.npx.set_np()
        try:
            answers.update(_run(mx, name, case, face, hybrid))
        except Exception as error:
            raised.append(error)
        finally:
            if face == "np":
                mx.npx.reset_np()

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    if raised:
        raise raised[0]
    return answers


def _run(mx: Any, name: str, case: Case, face: str, hybrid: bool) -> dict[str, Any]:
    import importlib

    package = mx.__name__
    scope = {
        "mx": mx,
        "nn": mx.gluon.nn,
        "rnn": importlib.import_module(f"{package}.gluon.rnn"),
        "loss": mx.gluon.loss,
        "stack": stack,
        "contrib": importlib.import_module(f"{package}.gluon.contrib"),
    }
    generator = numpy.random.default_rng(zlib.crc32(name.encode()))
    space = getattr(mx, face)
    if "contrib.cnn" in case.make:
        importlib.import_module(f"{package}.gluon.contrib.cnn")
    layer = eval(case.make, scope)
    answers: dict[str, Any] = {"name": layer.name, "before": repr(layer)}
    layer.initialize()
    x, wanted = [], []
    for given in case.inputs:
        kind, shape = given if isinstance(given[0] if given else 0, str) else ("any", given)
        array = space.array(values(kind, shape, generator), dtype="float32")
        if kind in ("any", "positive"):
            array.attach_grad()
            wanted.append(array)
        x.append(array)
    scope.update(layer=layer, x=x, F=space)
    if hybrid:
        layer.hybridize()
    eval(case.call, scope)
    answers["after"] = repr(layer)
    parameters = layer.collect_params()
    answers["parameters"] = {
        key: [list(p.shape), p.grad_req, str(numpy.dtype(p.dtype))] for key, p in parameters.items()
    }
    answers["paths"] = list(layer._collect_params_with_prefix())
    for key, p in parameters.items():
        kind = "positive" if key.endswith("running_var") else "any"
        p.set_data(space.array(values(kind, p.shape, generator), dtype="float32"))
    answers["predicted"] = _numbers(flat(eval(case.call, scope)))
    if not case.trained:
        return answers
    with mx.autograd.record():
        outputs = flat(eval(case.call, scope))
        weights = [
            space.array(numpy.random.default_rng(i).uniform(0.5, 1.5, y.shape), dtype="float32")
            for i, y in enumerate(outputs)
        ]
        total = sum((y * w).sum() for y, w in zip(outputs, weights, strict=True))
    total.backward()
    mx.nd.waitall()
    answers["shapes"] = [list(y.shape) for y in outputs]
    answers["outputs"] = _numbers(outputs)
    answers["input gradients"] = _numbers(a.grad for a in wanted)
    learned = [p for p in parameters.values() if p.grad_req != "null"]
    answers["gradients"] = _numbers(p.grad() for p in learned)
    fixed = [p for p in parameters.values() if p.grad_req == "null"]
    answers["statistics"] = _numbers(p.data() for p in fixed if "running" in p.name)
    other = eval(case.make, scope)
    other.initialize(mx.init.Constant(3))
    eval(case.call, scope | {"layer": other})
    answers["initialized"] = _numbers(p.data().mean() for p in other.collect_params().values())
    return answers


X1, X2, X3 = (2, 3, 7), (2, 4, 5, 6), (2, 2, 4, 5, 3)

CASES = {
    # ---- convolutions
    "conv1d": Case("nn.Conv1D(4, 3)", (X1,)),
    "conv1d_strides": Case("nn.Conv1D(4, 3, 2, 1, 2, activation='tanh')", (X1,)),
    "conv2d": Case("nn.Conv2D(3, kernel_size=(3, 2))", (X2,)),
    "conv2d_all": Case(
        "nn.Conv2D(6, 3, strides=(2, 1), padding=(1, 2), dilation=(1, 2), groups=2,"
        " activation='relu', use_bias=False)",
        (X2,),
    ),
    "conv2d_given": Case("nn.Conv2D(2, 1, in_channels=4)", (X2,)),
    "conv2d_depthwise": Case("nn.Conv2D(4, 3, padding=1, groups=4, in_channels=4)", (X2,)),
    "conv2d_one": Case("nn.Conv2D(2, (2, 2), activation='sigmoid')", ((1, 1, 3, 3),)),
    "conv3d": Case("nn.Conv3D(2, (2, 3, 1), strides=(1, 2, 1), padding=1)", (X3,)),
    "conv1d_transpose": Case("nn.Conv1DTranspose(4, 3, 2, 1, 1)", (X1,), printed=False),
    "conv2d_transpose": Case(
        "nn.Conv2DTranspose(3, (3, 2), strides=2, padding=(1, 0))", (X2,), printed=False
    ),
    "conv2d_transpose_all": Case(
        "nn.Conv2DTranspose(6, 3, strides=(2, 3), padding=1, output_padding=(1, 2), groups=2,"
        " activation='relu', use_bias=False, in_channels=4)",
        (X2,),
        printed=False,
    ),
    "conv3d_transpose": Case("nn.Conv3DTranspose(2, 2, strides=(2, 1, 2))", (X3,), printed=False),
    "deformable": Case("contrib.cnn.DeformableConvolution(2, 3, padding=1)", ((2, 2, 4, 5),)),
    "deformable_groups": Case(
        "contrib.cnn.DeformableConvolution(4, (2, 3), strides=(1, 2), padding=(0, 1),"
        " dilation=(2, 1), groups=2, num_deformable_group=2, use_bias=False, activation='relu',"
        " in_channels=4)",
        ((1, 4, 4, 5),),
        printed=False,
    ),
    # ---- pooling
    "max1d": Case("nn.MaxPool1D()", (X1,)),
    "max1d_ceil": Case("nn.MaxPool1D(3, 2, 1, ceil_mode=True)", ((2, 3, 8),)),
    "max2d": Case("nn.MaxPool2D((2, 3), strides=(1, 2), padding=(1, 1))", (X2,)),
    "max2d_ceil": Case("nn.MaxPool2D(2, ceil_mode=True)", (X2,)),
    "max3d": Case("nn.MaxPool3D((2, 2, 1))", (X3,)),
    "avg1d": Case("nn.AvgPool1D(3, 1)", (X1,)),
    "avg2d": Case("nn.AvgPool2D(3, 2, 1)", (X2,)),
    "avg2d_without_padding": Case("nn.AvgPool2D(3, 2, 1, count_include_pad=False)", (X2,)),
    "avg2d_ceil": Case("nn.AvgPool2D(3, 2, 1, ceil_mode=True)", ((2, 2, 6, 8),)),
    "avg3d": Case("nn.AvgPool3D(2, strides=1)", (X3,)),
    "global_max1d": Case("nn.GlobalMaxPool1D()", (X1,)),
    "global_max2d": Case("nn.GlobalMaxPool2D()", (X2,)),
    "global_max3d": Case("nn.GlobalMaxPool3D()", (X3,)),
    "global_avg1d": Case("nn.GlobalAvgPool1D()", (X1,)),
    "global_avg2d": Case("nn.GlobalAvgPool2D()", (X2,)),
    "global_avg3d": Case("nn.GlobalAvgPool3D()", (X3,)),
    "reflection": Case("nn.ReflectionPad2D(2)", (X2,)),
    "reflection_sides": Case("nn.ReflectionPad2D((0, 0, 0, 0, 1, 0, 2, 3))", (X2,)),
    "shuffle1d": Case("contrib.nn.PixelShuffle1D(3)", ((2, 6, 4),)),
    "shuffle2d": Case("contrib.nn.PixelShuffle2D((3, 2))", ((2, 12, 2, 3),)),
    "shuffle3d": Case("contrib.nn.PixelShuffle3D((2, 1, 3))", ((1, 12, 2, 1, 3),)),
    # ---- normalization
    "batch_norm": Case("nn.BatchNorm()", (X2,)),
    "batch_norm_rows": Case("nn.BatchNorm(momentum=0.5, epsilon=0.1, in_channels=3)", ((5, 3),)),
    "batch_norm_last": Case("nn.BatchNorm(axis=-1, center=False)", (X2,)),
    "batch_norm_unscaled": Case("nn.BatchNorm(axis=2, scale=False)", (X1,)),
    "batch_norm_global": Case("nn.BatchNorm(use_global_stats=True)", (X1,)),
    "sync_batch_norm": Case("contrib.nn.SyncBatchNorm(num_devices=1)", (X2,), printed=False),
    "layer_norm": Case("nn.LayerNorm()", (X2,)),
    "layer_norm_axis": Case("nn.LayerNorm(axis=1, epsilon=0.1, scale=False)", (X1,)),
    "instance_norm": Case("nn.InstanceNorm()", (X2,)),
    "instance_norm_last": Case("nn.InstanceNorm(axis=3, scale=True, center=False)", (X2,)),
    "group_norm": Case("nn.GroupNorm(2)", (X2,)),
    "group_norm_one": Case("nn.GroupNorm(center=False)", (X1,)),
    # ---- others
    "embedding": Case("nn.Embedding(5, 3)", (("5", (2, 4)),)),
    "concurrent": Case("stack(contrib.nn.Concurrent(1), nn.Dense(2), nn.Dense(3))", ((2, 4),)),
    "hybrid_concurrent": Case(
        "stack(contrib.nn.HybridConcurrent(), nn.Dense(2), contrib.nn.Identity())", ((2, 4),)
    ),
    "identity": Case("contrib.nn.Identity()", ((2, 4),)),
    # ---- recurrent layers
    "rnn": Case("rnn.RNN(3)", ((4, 2, 3),)),
    "rnn_tanh": Case("rnn.RNN(2, 2, 'tanh', bidirectional=True)", ((3, 2, 3),)),
    "rnn_state": Case("rnn.RNN(3, layout='NTC')", ((2, 4, 2), (1, 2, 3)), "layer(x[0], x[1])"),
    "lstm": Case("rnn.LSTM(3, input_size=2)", ((4, 2, 2),)),
    "lstm_states": Case(
        "rnn.LSTM(2, 2, layout='NTC', bidirectional=True)",
        ((2, 3, 3), (4, 2, 2), (4, 2, 2)),
        "layer(x[0], [x[1], x[2]])",
    ),
    "lstm_begin_state": Case(
        "rnn.LSTM(2)", ((3, 2, 3),), "layer(x[0], layer.begin_state(2, func=F.ones))"
    ),
    "gru": Case("rnn.GRU(3, 2, dropout=0.0)", ((4, 2, 2), (2, 2, 3)), "layer(x[0], [x[1]])"),
    "gru_both": Case("rnn.GRU(2, bidirectional=True)", ((4, 1, 2),)),
    "lstm_dropout": Case("rnn.LSTM(3, 2, dropout=0.3)", ((2, 1, 2),), "layer(x[0]) * 0"),
    "lstm_projected": Case("rnn.LSTM(4, projection_size=2)", ((3, 2, 3),), trained=False),
    "lstm_projected_states": Case(
        "rnn.LSTM(3, 2, 'NTC', bidirectional=True, projection_size=2)",
        ((2, 3, 3), (4, 2, 2), (4, 2, 3)),
        "layer(x[0], [x[1], x[2]])",
        trained=False,
    ),
    # ---- recurrent cells
    "rnn_cell": Case("rnn.RNNCell(3)", ((2, 4), (2, 3)), "layer(x[0], [x[1]])"),
    "rnn_cell_relu": Case(
        "rnn.RNNCell(3, 'relu', input_size=4)", ((2, 4), (2, 3)), "layer(x[0], [x[1]])"
    ),
    "rnn_cell_leaky": Case(
        "rnn.RNNCell(3, nn.LeakyReLU(0.2))", ((2, 4), (2, 3)), "layer(x[0], [x[1]])", printed=False
    ),
    "lstm_cell": Case("rnn.LSTMCell(3)", ((2, 4), (2, 3), (2, 3)), "layer(x[0], x[1:])"),
    "lstm_cell_activations": Case(
        "rnn.LSTMCell(3, activation='softsign', recurrent_activation='tanh')",
        ((2, 4), (2, 3), (2, 3)),
        "layer(x[0], x[1:])",
    ),
    "gru_cell": Case("rnn.GRUCell(3)", ((2, 4), (2, 3)), "layer(x[0], [x[1]])"),
    "unroll": Case("rnn.LSTMCell(3)", ((2, 3, 4),), "layer.unroll(3, x[0])"),
    "unroll_merged": Case(
        "rnn.GRUCell(3)", ((3, 2, 4),), "layer.unroll(3, x[0], layout='TNC', merge_outputs=True)"
    ),
    "unroll_list": Case("rnn.RNNCell(2)", ((2, 4), (2, 4)), "layer.unroll(2, x)"),
    "unroll_valid_length": Case(
        "rnn.LSTMCell(2)",
        ((3, 3, 2), ("length", (3,))),
        "layer.unroll(3, x[0], valid_length=x[1])",
    ),
    "unroll_valid_length_list": Case(
        "rnn.GRUCell(2)",
        ((3, 3, 2), ("length", (3,))),
        "layer.unroll(3, x[0], layout='TNC', merge_outputs=False, valid_length=x[1])",
    ),
    "unroll_images": Case(
        "contrib.rnn.Conv2DLSTMCell((2, 4, 3), 2, 3, 3, i2h_pad=1)",
        ((3, 2, 2, 4, 3),),
        "layer.unroll(2, x[0], layout='NTCHW', merge_outputs=True)",
    ),
    "unroll_time_last": Case(
        "rnn.GRUCell(3)", ((2, 4, 3),), "layer.unroll(3, x[0], layout='NCT', merge_outputs=True)"
    ),
    "stack": Case(
        "stack(rnn.SequentialRNNCell(), rnn.LSTMCell(3), rnn.DropoutCell(0.0), rnn.GRUCell(2))",
        ((2, 3, 4),),
        "layer.unroll(3, x[0], merge_outputs=True)",
    ),
    "stack_step": Case(
        "stack(rnn.HybridSequentialRNNCell(), rnn.RNNCell(3), rnn.RNNCell(2))",
        ((2, 4), (2, 3), (2, 2)),
        "layer(x[0], x[1:])",
    ),
    "bidirectional": Case(
        "rnn.BidirectionalCell(rnn.LSTMCell(2), rnn.GRUCell(3))",
        ((2, 3, 4),),
        "layer.unroll(3, x[0], merge_outputs=True)",
    ),
    "bidirectional_list": Case(
        "rnn.BidirectionalCell(rnn.RNNCell(2), rnn.RNNCell(2))",
        ((2, 3, 4),),
        "layer.unroll(3, x[0])",
    ),
    "bidirectional_valid_length": Case(
        "rnn.BidirectionalCell(rnn.RNNCell(2), rnn.GRUCell(2))",
        ((3, 3, 2), ("length", (3,))),
        "layer.unroll(3, x[0], valid_length=x[1], merge_outputs=True)",
    ),
    "residual": Case("rnn.ResidualCell(rnn.GRUCell(4))", ((2, 3, 4),), "layer.unroll(3, x[0])"),
    "residual_valid_length": Case(
        "rnn.ResidualCell(rnn.RNNCell(2))",
        ((3, 3, 2), ("length", (3,))),
        "layer.unroll(3, x[0], valid_length=x[1], merge_outputs=True)",
    ),
    "residual_step": Case(
        "rnn.ResidualCell(rnn.RNNCell(4))", ((2, 4), (2, 4)), "layer(x[0], [x[1]])"
    ),
    "zoneout": Case(
        "rnn.ZoneoutCell(rnn.LSTMCell(2), 0.0, 0.0)", ((2, 3, 4),), "layer.unroll(3, x[0])"
    ),
    "zoneout_begin": Case(
        "rnn.ZoneoutCell(rnn.RNNCell(2))",
        ((2, 4),),
        "layer(x[0], layer.begin_state(func=F.ones, batch_size=2))",
    ),
    "dropout_cell": Case("rnn.DropoutCell(0.0)", ((2, 3, 4),), "layer.unroll(3, x[0])"),
    # ---- recurrent cells of contrib
    "lstmp_cell": Case(
        "contrib.rnn.LSTMPCell(4, 3)", ((2, 2), (2, 3), (2, 4)), "layer(x[0], x[1:])"
    ),
    "variational_dropout": Case(
        "contrib.rnn.VariationalDropoutCell(rnn.LSTMCell(2), 0.0, 0.0, 0.0)",
        ((2, 3, 4),),
        "layer.unroll(3, x[0], merge_outputs=True)",
    ),
    "conv_rnn": Case(
        "contrib.rnn.Conv1DRNNCell((2, 5), 3, 3, 3, i2h_pad=1)",
        ((2, 2, 5), (2, 3, 5)),
        "layer(x[0], [x[1]])",
    ),
    "conv_lstm": Case(
        "contrib.rnn.Conv2DLSTMCell((2, 4, 5), 2, (3, 2), 3, activation='relu')",
        ((1, 2, 4, 5), (1, 2, 2, 4), (1, 2, 2, 4)),
        "layer(x[0], x[1:])",
    ),
    "conv_gru": Case(
        "contrib.rnn.Conv2DGRUCell((2, 3, 3), 2, 1, 3, h2h_dilate=2)",
        ((1, 2, 2, 3, 3),),
        "layer.unroll(2, x[0])",
    ),
    "conv_gru_3d": Case(
        "contrib.rnn.Conv3DGRUCell((1, 2, 3, 2), 1, 1, 1)",
        ((1, 1, 2, 3, 2),),
        "layer(x[0], layer.begin_state(batch_size=1))",
    ),
    # ---- losses
    "l2": Case("loss.L2Loss()", ((3, 4), (3, 4))),
    "l2_weights": Case("loss.L2Loss(weight=0.5, batch_axis=1)", ((3, 4), (3, 4), (3, 1))),
    "kl": Case("loss.KLDivLoss()", ((3, 4), ("positive", (3, 4)))),
    "kl_softmax": Case(
        "loss.KLDivLoss(from_logits=False, axis=1)", ((2, 4, 3), ("positive", (2, 4, 3)))
    ),
    "ctc": Case("loss.CTCLoss()", ((2, 6, 5), ("labels", (2, 3)))),
    "ctc_turned": Case("loss.CTCLoss('TNC', 'TN', weight=0.5)", ((6, 2, 5), ("length", (3, 2)))),
    "ctc_lengths": Case(
        "loss.CTCLoss()",
        ((2, 6, 5), ("length", (2, 3)), ("length", (2,)), ("length", (2,))),
        "layer(x[0], x[1], x[2] + 3, x[3])",
    ),
    "ctc_sample_weight": Case(
        "loss.CTCLoss()",
        ((2, 6, 5), ("length", (2, 3)), ("positive", (2,))),
        "layer(x[0], x[1], None, None, x[2])",
    ),
    "huber": Case("loss.HuberLoss(rho=0.7)", ((3, 4), (3, 4))),
    "hinge": Case("loss.HingeLoss(0.5)", ((3, 4), ("sign", (3, 4)))),
    "squared_hinge": Case("loss.SquaredHingeLoss(weight=2)", ((3, 4), ("sign", (3, 4)))),
    "logistic": Case("loss.LogisticLoss()", ((3, 4), ("sign", (3, 4)))),
    "logistic_binary": Case(
        "loss.LogisticLoss(label_format='binary')", ((3, 4), ("2", (3, 4)), (3, 1))
    ),
    "triplet": Case("loss.TripletLoss(weight=0.5)", ((3, 4), (3, 4), (3, 4))),
    "triplet_margin": Case("loss.TripletLoss(margin=3)", ((3, 2, 2), (3, 2, 2), (3, 2, 2))),
    "poisson": Case("loss.PoissonNLLLoss()", ((3, 4), ("5", (3, 4)))),
    "poisson_rates": Case(
        "loss.PoissonNLLLoss(0.5, from_logits=False)", (("positive", (3, 4)), ("5", (3, 4)))
    ),
    "cosine": Case("loss.CosineEmbeddingLoss()", ((3, 4), (3, 4), ("sign", (3,)))),
    "cosine_margin": Case(
        "loss.CosineEmbeddingLoss(weight=2, margin=0.1)", ((4, 2), (4, 2), ("sign", (4,)), (4, 1))
    ),
    "sdml": Case("loss.SDMLLoss()", ((3, 4), (3, 4))),
    "sdml_smooth": Case("loss.SDMLLoss(smoothing_parameter=0.1)", ((5, 2), (5, 2))),
}
