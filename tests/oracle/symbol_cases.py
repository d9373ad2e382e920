"""Networks that MXNet and microlazy both export: their graphs and outputs are compared.

`mx` is either package. A case gives a block and the shapes of its inputs. Values of parameters and
inputs are made from names and sizes alone, so that no file of them is needed.
"""

import zlib

import numpy


def values(name, shape):
    """Numbers for an array of a name: the same everywhere; positive for variances."""
    size = int(numpy.prod(shape))
    start = zlib.crc32(name.encode()) % 1000
    found = numpy.sin(0.7 * numpy.arange(size) + start) * 0.5
    if name.endswith("var"):
        found = abs(found) + 0.5
    return found.reshape(shape).astype("float32")


def sequential(mx, *layers):
    net = mx.gluon.nn.HybridSequential(prefix="net_")
    net.add(*layers)
    return net


def _concurrent(mx):
    net = mx.gluon.contrib.nn.HybridConcurrent(axis=1, prefix="side_")
    net.add(mx.gluon.nn.Dense(2, prefix="a_"), mx.gluon.contrib.nn.Identity())
    return net


def _unrolled(mx, cell, layout="NTC", **options):
    class Unrolled(mx.gluon.HybridBlock):
        def __init__(self):
            super().__init__(prefix="unrolled_")
            with self.name_scope():
                self.cell = cell

        def hybrid_forward(self, F, x):
            return self.cell.unroll(3, x, layout=layout, merge_outputs=True, **options)[0]

    return Unrolled()


def _residual(mx):
    class Residual(mx.gluon.HybridBlock):
        def __init__(self):
            super().__init__(prefix="residual_")
            with self.name_scope():
                self.body = mx.gluon.nn.Conv2D(3, 3, padding=1)
                self.factor = self.params.get("factor", shape=(1,))

        def hybrid_forward(self, F, x, factor):
            y = F.broadcast_mul(self.body(x), factor) + x
            parts = F.split(F.relu(y) - 0.5, num_outputs=3, axis=1)
            return 2 / (1 + F.exp(-F.concat(parts[0], parts[2] ** 2, dim=1)))

    return Residual()


def _attention(mx):
    class Attention(mx.gluon.HybridBlock):
        def __init__(self):
            super().__init__(prefix="attention_")
            with self.name_scope():
                self.query = mx.gluon.nn.Dense(4, flatten=False)
                self.key = mx.gluon.nn.Dense(4, flatten=False)

        def hybrid_forward(self, F, x):
            scores = F.batch_dot(self.query(x), self.key(x), transpose_b=True) / 2
            weights = F.softmax(scores, axis=-1)
            return F.batch_dot(weights, x).reshape((0, -1)).mean(axis=1, keepdims=True)

    return Attention()


def _loop(mx):
    class Loop(mx.gluon.HybridBlock):
        def __init__(self):
            super().__init__(prefix="loop_")
            with self.name_scope():
                self.step = mx.gluon.nn.Dense(4, activation="tanh")
                self.factor = self.params.get("factor", shape=(1,))

        def hybrid_forward(self, F, x, factor):
            first = F.broadcast_mul(F.zeros_like(F.slice_axis(x, axis=0, begin=0, end=1)), factor)

            def body(row, states):
                out = self.step(row + states[0]) + F.broadcast_mul(states[1], factor)
                return [out, row], [out, states[1] + 1]

            states = [F.reshape(first, (-3, -2)), F.ones((3, 4))]
            (outputs, rows), last = F.contrib.foreach(body, x, states)
            return F.concat(outputs + rows, F.expand_dims(last[0], 0), dim=0)

    return Loop()


def _while(mx):
    class While(mx.gluon.HybridBlock):
        def hybrid_forward(self, F, x):
            total = F.sum(x * x)

            def func(i, s):
                return [s, F.broadcast_add(s, i)], [i + 1, F.broadcast_mul(s, i) - total]

            first = [F.ones((1,)), F.reshape(total, (1,))]
            outputs, last = F.contrib.while_loop(lambda i, s: i < 4, func, first, 6)
            return F.concat(*[F.slice_axis(y, axis=0, begin=0, end=3) for y in outputs], dim=0)

    return While(prefix="while_")


def _branch(mx, sign):
    class Branch(mx.gluon.HybridBlock):
        def hybrid_forward(self, F, x):
            y = F.exp(x)
            other = F.contrib.cond(sign * F.sum(x * x) > 0, lambda: x * y, lambda: F.square(x) - y)
            return F.concat(y, other, dim=0)

    return Branch(prefix="branch_")


def _loss(mx, kind, prepare=lambda F, x: x, outputs=lambda F, x: x, **options):
    """A loss of the last three columns of the input, with the first three for the label."""

    class Scored(mx.gluon.HybridBlock):
        def __init__(self):
            super().__init__(prefix="scored_")
            with self.name_scope():
                self.loss = getattr(mx.gluon.loss, kind)(**options)

        def hybrid_forward(self, F, x):
            label, found = (F.slice_axis(x, axis=1, begin=i, end=i + 3) for i in (0, 3))
            return self.loss(outputs(F, found), prepare(F, label))

    return Scored()


def _compared(mx, kind, prepare=None, **options):
    """A loss of two vectors, and a third or a label."""

    class Compared(mx.gluon.HybridBlock):
        def __init__(self):
            super().__init__(prefix="compared_")
            with self.name_scope():
                self.loss = getattr(mx.gluon.loss, kind)(**options)

        def hybrid_forward(self, F, x):
            a, b, c = (F.slice_axis(x, axis=1, begin=i, end=i + 2) for i in (0, 2, 4))
            return self.loss(a, b, c if prepare is None else prepare(F, c))

    return Compared()


def _alignment(mx):
    class Alignment(mx.gluon.HybridBlock):
        def __init__(self):
            super().__init__(prefix="alignment_")
            with self.name_scope():
                self.loss = mx.gluon.loss.CTCLoss()

        def hybrid_forward(self, F, x):
            labels = F.slice_axis(F.round(F.abs(x * 4)), axis=1, begin=0, end=2)
            return self.loss(x, F.clip(F.max(labels, axis=2), a_min=0, a_max=2))

    return Alignment()


def _images_cell(mx, kind):
    make = getattr(mx.gluon.contrib.rnn, kind)
    shape = (2, 4) if "1D" in kind else (2, 4, 4)
    return _unrolled(mx, make(shape, 3, 3, 3, i2h_pad=1, prefix="l_"))


def _sign(F, x):
    return F.sign(F.max(x, axis=1))


LOSSES = {
    "l2_loss": lambda mx: _loss(mx, "L2Loss"),
    "l1_loss": lambda mx: _loss(mx, "L1Loss", weight=0.5),
    "binary_loss": lambda mx: _loss(mx, "SigmoidBCELoss", lambda F, x: x > 0),
    "binary_loss_of_sigmoid": lambda mx: _loss(
        mx, "SigmoidBCELoss", lambda F, x: x > 0, lambda F, x: F.sigmoid(x), from_sigmoid=True
    ),
    "softmax_loss": lambda mx: _loss(mx, "SoftmaxCELoss", lambda F, x: F.argmax(x, axis=1)),
    "softmax_loss_dense": lambda mx: _loss(
        mx, "SoftmaxCELoss", lambda F, x: F.softmax(x), sparse_label=False
    ),
    "divergence_loss": lambda mx: _loss(
        mx, "KLDivLoss", lambda F, x: F.softmax(x * 9), from_logits=False
    ),
    "huber_loss": lambda mx: _loss(mx, "HuberLoss", rho=0.3),
    "hinge_loss": lambda mx: _loss(mx, "HingeLoss", lambda F, x: F.sign(x)),
    "squared_hinge_loss": lambda mx: _loss(mx, "SquaredHingeLoss", lambda F, x: F.sign(x)),
    "logistic_loss": lambda mx: _loss(mx, "LogisticLoss", lambda F, x: F.sign(x)),
    "poisson_loss": lambda mx: _loss(mx, "PoissonNLLLoss", lambda F, x: F.abs(x)),
    "triplet_loss": lambda mx: _compared(mx, "TripletLoss"),
    "cosine_loss": lambda mx: _compared(mx, "CosineEmbeddingLoss", _sign, margin=0.1),
}

IMAGE, ROWS, STEPS = (2, 3, 6, 6), (2, 5), (2, 3, 4)

CASES = {
    "dense": (lambda mx: mx.gluon.nn.Dense(3, prefix="l_"), [ROWS]),
    "dense_tanh": (lambda mx: mx.gluon.nn.Dense(3, "tanh", False, prefix="l_"), [ROWS]),
    "dense_last_axis": (lambda mx: mx.gluon.nn.Dense(3, flatten=False, prefix="l_"), [STEPS]),
    "conv1d": (lambda mx: mx.gluon.nn.Conv1D(2, 2, prefix="l_"), [(2, 3, 6)]),
    "conv2d": (
        lambda mx: mx.gluon.nn.Conv2D(
            4, (3, 2), strides=2, padding=1, dilation=(1, 2), activation="relu", prefix="l_"
        ),
        [IMAGE],
    ),
    "conv2d_groups": (lambda mx: mx.gluon.nn.Conv2D(6, 3, groups=3, prefix="l_"), [IMAGE]),
    "conv3d": (lambda mx: mx.gluon.nn.Conv3D(2, 2, use_bias=False, prefix="l_"), [(1, 2, 3, 4, 3)]),
    "conv1d_transpose": (lambda mx: mx.gluon.nn.Conv1DTranspose(2, 3, prefix="l_"), [(2, 3, 6)]),
    "conv2d_transpose": (
        lambda mx: mx.gluon.nn.Conv2DTranspose(
            2, 3, strides=2, padding=1, output_padding=1, prefix="l_"
        ),
        [IMAGE],
    ),
    "conv3d_transpose": (
        lambda mx: mx.gluon.nn.Conv3DTranspose(2, 2, prefix="l_"),
        [(1, 2, 3, 3, 3)],
    ),
    "max_pool1d": (lambda mx: mx.gluon.nn.MaxPool1D(prefix="l_"), [(2, 3, 6)]),
    "max_pool2d": (lambda mx: mx.gluon.nn.MaxPool2D(3, 2, 1, prefix="l_"), [IMAGE]),
    "max_pool2d_ceil": (
        lambda mx: mx.gluon.nn.MaxPool2D(4, 3, ceil_mode=True, prefix="l_"),
        [IMAGE],
    ),
    "max_pool3d": (lambda mx: mx.gluon.nn.MaxPool3D(prefix="l_"), [(1, 2, 4, 4, 4)]),
    "avg_pool1d": (lambda mx: mx.gluon.nn.AvgPool1D(prefix="l_"), [(2, 3, 6)]),
    "avg_pool2d": (
        lambda mx: mx.gluon.nn.AvgPool2D(3, 2, 1, count_include_pad=False, prefix="l_"),
        [IMAGE],
    ),
    "avg_pool3d": (lambda mx: mx.gluon.nn.AvgPool3D(prefix="l_"), [(1, 2, 4, 4, 4)]),
    "global_max_pool1d": (lambda mx: mx.gluon.nn.GlobalMaxPool1D(prefix="l_"), [(2, 3, 6)]),
    "global_max_pool2d": (lambda mx: mx.gluon.nn.GlobalMaxPool2D(prefix="l_"), [IMAGE]),
    "global_max_pool3d": (lambda mx: mx.gluon.nn.GlobalMaxPool3D(prefix="l_"), [(1, 2, 3, 3, 3)]),
    "global_avg_pool1d": (lambda mx: mx.gluon.nn.GlobalAvgPool1D(prefix="l_"), [(2, 3, 6)]),
    "global_avg_pool2d": (lambda mx: mx.gluon.nn.GlobalAvgPool2D(prefix="l_"), [IMAGE]),
    "global_avg_pool3d": (lambda mx: mx.gluon.nn.GlobalAvgPool3D(prefix="l_"), [(1, 2, 3, 3, 3)]),
    "batch_norm": (lambda mx: mx.gluon.nn.BatchNorm(prefix="l_"), [IMAGE]),
    "batch_norm_fixed": (
        lambda mx: mx.gluon.nn.BatchNorm(axis=-1, scale=False, center=False, prefix="l_"),
        [STEPS],
    ),
    "layer_norm": (lambda mx: mx.gluon.nn.LayerNorm(prefix="l_"), [STEPS]),
    "instance_norm": (lambda mx: mx.gluon.nn.InstanceNorm(prefix="l_"), [IMAGE]),
    "instance_norm_last": (lambda mx: mx.gluon.nn.InstanceNorm(axis=2, prefix="l_"), [IMAGE]),
    "group_norm": (lambda mx: mx.gluon.nn.GroupNorm(1, prefix="l_"), [IMAGE]),
    "embedding": (lambda mx: mx.gluon.nn.Embedding(7, 3, prefix="l_"), [ROWS]),
    "dropout": (lambda mx: mx.gluon.nn.Dropout(0.5, prefix="l_"), [ROWS]),
    "flatten": (lambda mx: mx.gluon.nn.Flatten(prefix="l_"), [IMAGE]),
    "leaky_relu": (lambda mx: mx.gluon.nn.LeakyReLU(0.3, prefix="l_"), [ROWS]),
    "prelu": (lambda mx: mx.gluon.nn.PReLU(prefix="l_"), [ROWS]),
    "elu": (lambda mx: mx.gluon.nn.ELU(0.7, prefix="l_"), [ROWS]),
    "selu": (lambda mx: mx.gluon.nn.SELU(prefix="l_"), [ROWS]),
    "gelu": (lambda mx: mx.gluon.nn.GELU(prefix="l_"), [ROWS]),
    "swish": (lambda mx: mx.gluon.nn.Swish(1.5, prefix="l_"), [ROWS]),
    **{
        f"activation_{kind}": (
            lambda mx, kind=kind: mx.gluon.nn.Activation(kind, prefix="l_"),
            [ROWS],
        )
        for kind in ("relu", "sigmoid", "tanh", "softrelu", "softsign")
    },
    "reflection_pad": (lambda mx: mx.gluon.nn.ReflectionPad2D(2, prefix="l_"), [IMAGE]),
    "lambda_name": (lambda mx: mx.gluon.nn.HybridLambda("tanh", prefix="l_"), [ROWS]),
    "lambda_function": (
        lambda mx: mx.gluon.nn.HybridLambda(lambda F, x: F.square(x) + 1, prefix="l_"),
        [ROWS],
    ),
    "pixel_shuffle1d": (lambda mx: mx.gluon.contrib.nn.PixelShuffle1D(3), [(2, 6, 4)]),
    "pixel_shuffle2d": (lambda mx: mx.gluon.contrib.nn.PixelShuffle2D((2, 3)), [(1, 12, 2, 3)]),
    "pixel_shuffle3d": (lambda mx: mx.gluon.contrib.nn.PixelShuffle3D(2), [(1, 8, 2, 1, 2)]),
    "concurrent": (_concurrent, [ROWS]),
    "sequential": (
        lambda mx: sequential(
            mx,
            mx.gluon.nn.Conv2D(4, 3, activation="relu", prefix="a_"),
            mx.gluon.nn.BatchNorm(prefix="b_"),
            mx.gluon.nn.MaxPool2D(prefix="c_"),
            mx.gluon.nn.Dense(3, prefix="d_"),
        ),
        [IMAGE],
    ),
    **{name: (make, [(4, 6)]) for name, make in LOSSES.items()},
    "alignment_loss": (_alignment, [(2, 5, 4)]),
    "sync_batch_norm": (lambda mx: mx.gluon.contrib.nn.SyncBatchNorm(prefix="l_"), [IMAGE]),
    "deformable": (
        lambda mx: mx.gluon.contrib.cnn.DeformableConvolution(
            4, 3, padding=1, in_channels=3, activation="relu", prefix="l_"
        ),
        [IMAGE],
    ),
    "deformable_modulated": (
        lambda mx: mx.gluon.contrib.cnn.ModulatedDeformableConvolution(
            4, 3, in_channels=3, use_bias=False, prefix="l_"
        ),
        [IMAGE],
    ),
    **{
        f"images_{kind.lower()}": (lambda mx, kind=kind: _images_cell(mx, kind), [(1, 3, 2, 4)])
        for kind in ("Conv1DRNNCell", "Conv1DLSTMCell", "Conv1DGRUCell")
    },
    "images_conv2dlstmcell": (lambda mx: _images_cell(mx, "Conv2DLSTMCell"), [(1, 3, 2, 4, 4)]),
    "projected_cell": (
        lambda mx: _unrolled(mx, mx.gluon.contrib.rnn.LSTMPCell(3, 2, prefix="l_")),
        [STEPS],
    ),
    "residual": (_residual, [IMAGE]),
    "attention": (_attention, [STEPS]),
    "loop": (_loop, [STEPS]),
    "while": (_while, [ROWS]),
    "branch_taken": (lambda mx: _branch(mx, 1), [ROWS]),
    "branch_not_taken": (lambda mx: _branch(mx, -1), [ROWS]),
    "rnn_relu": (lambda mx: mx.gluon.rnn.RNN(3, prefix="l_"), [STEPS]),
    "rnn_tanh": (lambda mx: mx.gluon.rnn.RNN(3, 2, "tanh", prefix="l_"), [STEPS]),
    "lstm": (lambda mx: mx.gluon.rnn.LSTM(3, prefix="l_"), [STEPS]),
    "lstm_both_ways": (
        lambda mx: mx.gluon.rnn.LSTM(3, 2, "NTC", bidirectional=True, prefix="l_"),
        [STEPS],
    ),
    "gru": (lambda mx: mx.gluon.rnn.GRU(3, 2, dropout=0.3, prefix="l_"), [STEPS]),
    "rnn_cell": (lambda mx: _unrolled(mx, mx.gluon.rnn.RNNCell(3, prefix="l_")), [STEPS]),
    "lstm_cell": (lambda mx: _unrolled(mx, mx.gluon.rnn.LSTMCell(3, prefix="l_")), [STEPS]),
    "gru_cell": (
        lambda mx: _unrolled(mx, mx.gluon.rnn.GRUCell(3, prefix="l_"), "TNC"),
        [(3, 2, 4)],
    ),
    "residual_cell": (
        lambda mx: _unrolled(mx, mx.gluon.rnn.ResidualCell(mx.gluon.rnn.GRUCell(4, prefix="l_"))),
        [STEPS],
    ),
}


def inputs_of(shapes, case):
    """The inputs of a case: whole numbers for an embedding."""
    found = [values(f"data{i}", shape) for i, shape in enumerate(shapes)]
    return [abs(x * 12).round() for x in found] if case == "embedding" else found


def fill(block, inputs, array):
    """Find the sizes of a block by a run, and set its parameters by their names."""
    block.initialize()
    block(*inputs)
    for name, parameter in block.collect_params().items():
        parameter.set_data(array(values(name, parameter.shape)))


def _numpy_net(mx):
    class Net(mx.gluon.HybridBlock):
        def __init__(self):
            super().__init__(prefix="net_")
            with self.name_scope():
                self.hidden = mx.gluon.nn.Dense(4, activation="relu")
                self.scale = self.params.get("scale", shape=(4,))

        def hybrid_forward(self, F, x, scale):
            y = F.np.multiply(self.hidden(x), scale) + 1
            y = F.np.concatenate([y, F.np.exp(y - 2) / 3], axis=1)
            mean = F.np.mean(y, axis=1, keepdims=True)
            return F.npx.softmax(F.np.tanh(y - mean) ** 2, axis=-1)

    return Net()


def _numpy_shapes(mx):
    class Net(mx.gluon.HybridBlock):
        def hybrid_forward(self, F, x):
            y = F.np.transpose(F.npx.reshape(x, (-2, 2, -1)), (0, 2, 1))
            y = F.np.expand_dims(F.np.sum(y, axis=1), 0)
            return F.np.squeeze(F.np.maximum(y, 0.1) - F.np.matmul(y, F.np.ones((2, 2))))

    return Net(prefix="net_")


# Of MXNet's `np` and `npx`, where `npx.set_np()` must be on.
NUMPY_CASES = {"numpy": (_numpy_net, [ROWS]), "numpy_shapes": (_numpy_shapes, [(2, 6)])}
