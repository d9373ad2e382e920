"""Networks written to ONNX compute the same in onnxruntime."""

import math

import numpy
import pytest
from onnx_cases import LAYERS, LEFT_OUT

import microlazy as mx
from microlazy import autograd, gluon, nd, npx, sym
from microlazy.base import MXNetError
from microlazy.gluon import contrib, nn, rnn
from microlazy.gluon.model_zoo import vision
from microlazy.onnx.writing import WRITERS
from microlazy.symbol.operators import own_names

onnx = pytest.importorskip("onnx")
runtime = pytest.importorskip("onnxruntime")
runtime.set_default_logger_severity(3)


def arrays_of(shapes, batch=None, whole=None):
    """Random arrays nested as shapes are; whole is a bound of whole numbers."""
    if isinstance(shapes, tuple):
        shape = shapes if batch is None else (batch, *shapes[1:])
        if whole is not None:
            return nd.random.randint(0, whole, shape).astype("float32")
        return nd.random.uniform(-2, 2, shape)
    return [arrays_of(part, batch, whole) for part in shapes]


def flat(outputs):
    if not isinstance(outputs, list | tuple):
        return [outputs]
    return [x for part in outputs for x in flat(part)]


def answers(path, inputs):
    session = runtime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [entry.name for entry in session.get_inputs()]
    return session.run(None, dict(zip(names, inputs, strict=True)))


def check(path, inputs, outputs, rtol=1e-4, atol=1e-5):
    found = answers(path, [x.asnumpy() for x in flat(inputs)])
    for ours, theirs in zip(flat(outputs), found, strict=True):
        ours = ours.asnumpy()
        assert ours.shape == theirs.shape and ours.dtype == theirs.dtype
        numpy.testing.assert_allclose(ours, theirs, rtol, atol)


def start(net, inputs):
    """Initialize, and give normalization something to do."""
    net.initialize(mx.init.Normal(0.5))
    net(*inputs)
    for name, parameter in net.collect_params().items():
        if name.endswith(("gamma", "var", "beta", "mean", "alpha")):
            parameter.set_data(nd.random.uniform(0.5, 1.5, parameter.shape))


# ---- layers --------------------------------------------------------------------------------------


def test_every_layer_is_written_or_has_a_reason():
    spaces = (nn, rnn, contrib.nn, contrib.rnn, contrib.cnn)
    names = {name for space in spaces for name in space.__all__}
    assert names == {*LAYERS, *LEFT_OUT}
    assert not set(LAYERS) & set(LEFT_OUT)


@pytest.mark.parametrize("name", LAYERS)
def test_layers(name, tmp_path):
    mx.random.seed(7)
    net, shapes, options = LAYERS[name]()
    whole = 7 if name == "Embedding" else None
    start(net, arrays_of(shapes, whole=whole))
    path = net.export_onnx(tmp_path / "net.onnx", *shapes, **options)
    loaded = mx.onnx.load(path)
    for batch in (1, 3) if options.get("dynamic_batch", True) else (None,):
        inputs = arrays_of(shapes, batch, whole)
        outputs = net(*inputs)
        check(path, inputs, outputs)
        for ours, again in zip(flat(outputs), flat(loaded(*flat(inputs))), strict=True):
            numpy.testing.assert_allclose(ours.asnumpy(), again.asnumpy(), 1e-4, 1e-5)


MORE = {
    "channels last": lambda: (
        nn.Conv2D(4, 3, strides=2, layout="NHWC", in_channels=3), [(2, 7, 7, 3)]
    ),
    "pooling to the end": lambda: (nn.MaxPool2D(4, 3, ceil_mode=True), [(2, 3, 6, 6)]),
    "average to the end": lambda: (
        nn.AvgPool2D(3, 2, 1, ceil_mode=True, count_include_pad=False), [(2, 3, 6, 6)]
    ),
    "average with padding": lambda: (nn.AvgPool2D(3, 2, 1), [(2, 3, 6, 6)]),
    "flattened": lambda: (nn.Dense(3, use_bias=False), [(2, 3, 4)]),
    "batch norm of rows": lambda: (nn.BatchNorm(scale=False, center=False), [(2, 5)]),
    "layer norm": lambda: (nn.LayerNorm(), [(2, 3, 4)]),
    "prelu of rows": lambda: (nn.PReLU(in_channels=5), [(2, 5)]),
}  # fmt: skip


@pytest.mark.parametrize("name", MORE)
def test_other_options_of_layers(name, tmp_path):
    net, shapes = MORE[name]()
    inputs = arrays_of(shapes, 3)
    start(net, inputs)
    check(net.export_onnx(tmp_path / "net.onnx", *shapes), inputs, net(*inputs))


class Function(gluon.HybridBlock):
    """A function of F and arrays as a block."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def hybrid_forward(self, F, *inputs):
        return self.function(F, *inputs)


ROWS, BOX = (2, 4), (2, 3, 4)
NAMES = """
relu sigmoid softsign erf exp log sqrt abs negative floor ceil rint sign reciprocal sin cos
tan arcsin arccos arctan sinh cosh tanh arcsinh arctanh square rsqrt cbrt rcbrt log1p expm1
log2 log10 degrees radians trunc fix round zeros_like ones_like logical_not hard_sigmoid
smooth_l1 softmin identity BlockGrad make_loss size_array shape_array argmax_channel
"""
FUNCTIONS = {
    **{
        name: (lambda F, x, name=name: getattr(F, name)(F.abs(x) * 0.3 + 0.1), [BOX])
        for name in NAMES.split()
    },
    "arccosh": (lambda F, x: F.arccosh(F.abs(x) + 1.5), [BOX]),
    "log_sigmoid": (lambda F, x: F.Activation(x, act_type="log_sigmoid"), [BOX]),
    **{f"activation {kind}": (lambda F, x, kind=kind: F.Activation(x, act_type=kind), [BOX])
       for kind in ("gelu", "silu")},
    "ends": (lambda F, x, y: F.LinearRegressionOutput(x, y) + F.MAERegressionOutput(x, y)
             + F.LogisticRegressionOutput(x, y) + F.MakeLoss(x), [BOX, BOX]),
    "gemm": (lambda F, x, y, z: F.linalg_gemm(x, y, z, transpose_b=True, alpha=2.0, beta=0.5),
             [BOX, (2, 5, 4), (2, 3, 5)]),
    "regions": (lambda F, x, y: F.ROIPooling(x, y * 0, pooled_size=(2, 2), spatial_scale=1.0),
                [(2, 3, 6, 6), (4, 5)]),
    "made": (lambda F, x: F.broadcast_add(x, F.arange(4)) + F.broadcast_mul(x, F.full((4,), 3))
             + F.dot(x, F.eye(4)), [BOX]),
    "more": (lambda F, x, y: F.broadcast_sub(x, y) * F.broadcast_lesser(x, y)
             + F.broadcast_greater_equal(x, y) + F.broadcast_lesser_equal(x, y)
             + F.broadcast_logical_or(x > 0, y > 0) + F.nanprod(x, axis=1, keepdims=True)
             + F.broadcast_to(F.sum(x, axis=1, keepdims=True), shape=(0, 3, 0)), [BOX, BOX]),
    "reshape_like": (lambda F, x, y: F.reshape_like(x, y), [BOX, (2, 12)]),
    "clip": (lambda F, x: F.clip(x, -0.5, 0.7), [BOX]),
    "cast": (lambda F, x: F.cast(x * 3, dtype="int32"), [BOX]),
    "numbers": (lambda F, x: 2 / (3 - (x * 2 + 1 - 0.5) / 4) ** 2, [BOX]),
    "number first": (lambda F, x: 2.0 ** x + 3 % (F.abs(x) + 1), [BOX]),
    "compared": (lambda F, x: (x > 0) + (x >= 0) + (x < 1) + (x <= 1) + (x == 0) + (x != 0), [BOX]),
    "maxima": (lambda F, x, y: F.broadcast_maximum(x, y) - F.broadcast_minimum(x, y), [BOX, BOX]),
    "compared arrays": (lambda F, x, y: F.broadcast_greater(x, y) + F.broadcast_equal(x, y)
                        + F.broadcast_not_equal(x, y), [BOX, BOX]),
    "power": (lambda F, x, y: F.broadcast_power(F.abs(x), y) + F.broadcast_mod(x, F.abs(y) + 1),
              [BOX, BOX]),
    "hypot": (lambda F, x, y: F.broadcast_hypot(x, y) / F.add_n(F.abs(x), F.abs(y)), [BOX, BOX]),
    "logic": (lambda F, x, y: F.broadcast_logical_xor(x > 0, y > 0)
              + F.broadcast_logical_and(x > 0, y > 0), [BOX, BOX]),
    "where": (lambda F, x, y: F.where(x > 0, x, y), [BOX, BOX]),
    "sums": (lambda F, x: F.broadcast_div(F.sum(x, axis=1, keepdims=True), F.norm(x, axis=2,
             keepdims=True) + 1) + F.mean(x, axis=(0, 2), exclude=True, keepdims=True), [BOX]),
    "all of it": (lambda F, x: F.max(x), [BOX]),
    "product": (lambda F, x: F.prod(x, axis=0) + F.min(x, axis=0), [BOX]),
    "nansum": (lambda F, x: F.nansum(F.log(x), axis=1), [BOX]),
    "moments": (lambda F, x: list(F.moments(x, axes=(1, 2))), [BOX]),
    "argmax": (lambda F, x: F.argmax(x, axis=1) + F.argmin(x, axis=1), [BOX]),
    "topk": (lambda F, x: list(F.topk(x, k=2, axis=2, ret_typ="both")), [BOX]),
    "sort": (lambda F, x: F.concat(F.sort(x, axis=1), F.argsort(x, axis=1, is_ascend=False), dim=1),
             [BOX]),
    "cumsum": (lambda F, x: F.cumsum(x, axis=1), [BOX]),
    "softmax": (lambda F, x: F.softmax(x, axis=1, temperature=2.0) + F.log_softmax(x), [BOX]),
    "softmax activation": (lambda F, x: F.SoftmaxActivation(x) + F.SoftmaxActivation(
        x, mode="channel"), [BOX]),
    "reshape": (lambda F, x: F.reshape(x, shape=(0, -3)).reshape((-1, 2)), [BOX]),
    "reshape and swap": (lambda F, x: F.swapaxes(F.reshape(x, shape=(0, 0, 2, -1)), 0, 3), [BOX]),
    "transpose": (lambda F, x: F.transpose(x) + F.sum(F.transpose(x, axes=(2, 1, 0))), [BOX]),
    "squeeze": (lambda F, x: F.squeeze(F.expand_dims(x, axis=1), axis=1), [BOX]),
    "split": (lambda F, x: list(F.split(x, num_outputs=2, axis=2, squeeze_axis=False)), [BOX]),
    "split at": (lambda F, x: list(F.split_v2(x, (1, 3), axis=2)), [BOX]),
    "stack": (lambda F, x, y: F.stack(x, y, axis=2), [BOX, BOX]),
    "slices": (lambda F, x: F.slice(x, begin=(None, 2, None), end=(None, None, 3),
                                    step=(1, -1, 2)), [BOX]),
    "slice axis": (lambda F, x: F.slice_axis(x, axis=2, begin=-3, end=None), [BOX]),
    "slice like": (lambda F, x, y: F.slice_like(x, y, axes=(1, 2)), [BOX, (2, 2, 3)]),
    "reverse": (lambda F, x: F.reverse(x, axis=2) + F.flip(x, axis=(0, 1)), [BOX]),
    "tile": (lambda F, x: F.concat(F.tile(x, reps=(1, 2, 1)), F.repeat(x, repeats=2, axis=1),
                                   dim=2), [BOX]),
    "repeat": (lambda F, x: F.repeat(x, repeats=3, axis=2), [BOX]),
    "broadcast": (lambda F, x: F.broadcast_like(F.sum(x, axis=1, keepdims=True), x)
                  + F.broadcast_axis(F.sum(x, axis=2, keepdims=True), axis=2, size=4), [BOX]),
    "pad": (lambda F, x: F.pad(x, mode="constant", pad_width=(0, 0, 0, 0, 1, 2, 0, 3),
                               constant_value=2.5), [(2, 2, 3, 3)]),
    "pad edges": (lambda F, x: F.pad(x, mode="edge", pad_width=(0, 0, 0, 0, 1, 2, 0, 3)),
                  [(2, 2, 3, 3)]),
    "blocks": (lambda F, x: F.space_to_depth(F.depth_to_space(x, 2), 4), [(2, 4, 2, 2)]),
    "take": (lambda F, x, y: F.take(x, F.abs(y) * 3, axis=1, mode="clip"), [BOX, (2, 2)]),
    "take around": (lambda F, x, y: F.take(x, F.round(y * 4), axis=2, mode="wrap"), [BOX, (2, 2)]),
    "pick": (lambda F, x, y: F.pick(x, F.abs(y) * 2, axis=2), [BOX, (2, 3)]),
    "one hot": (lambda F, x: F.one_hot(F.round(x), depth=3, on_value=2), [ROWS]),
    "gather_nd": (lambda F, x, y: F.gather_nd(x, F.abs(y)), [(3, 3, 2), (2, 4)]),
    "dot": (lambda F, x, y: F.dot(x, y, transpose_b=True), [ROWS, (3, 4)]),
    "batch dot": (lambda F, x, y: F.batch_dot(x, y, transpose_a=True), [BOX, (2, 3, 5)]),
    "gemm2": (lambda F, x, y: F.linalg_gemm2(x, y, transpose_b=True, alpha=2.0), [BOX, (2, 5, 4)]),
    "syrk": (lambda F, x: F.linalg_syrk(x, alpha=0.5), [BOX]),
    "l2": (lambda F, x: F.L2Normalization(x) + F.L2Normalization(x, mode="channel")
           + F.L2Normalization(x, mode="spatial"), [(2, 3, 4, 4)]),
    "lrn": (lambda F, x: F.LRN(x, nsize=3, alpha=0.5), [(2, 5, 3, 3)]),
    "upsampling": (lambda F, x: F.UpSampling(x, scale=3, sample_type="nearest"), [(2, 3, 3, 3)]),
    "bilinear": (lambda F, x: F.contrib.BilinearResize2D(x, height=7, width=5), [(2, 3, 3, 4)]),
    "half pixels": (lambda F, x: F.contrib.BilinearResize2D(x, height=7, width=5,
                                                           align_corners=False), [(2, 3, 3, 4)]),
    "adaptive": (lambda F, x: F.contrib.AdaptiveAvgPooling2D(x, output_size=(3, 2)),
                 [(2, 3, 7, 5)]),
    "arange": (lambda F, x: F.broadcast_add(x, F.contrib.arange_like(x, axis=2)), [BOX]),
    "sequence last": (lambda F, x: F.SequenceLast(x) + F.SequenceReverse(x), [(3, 2, 4)]),
    "div_sqrt_dim": (lambda F, x: F.contrib.div_sqrt_dim(x), [BOX]),
    "softmax of lengths": (lambda F, x, y: F.softmax(x, F.cast(F.abs(y) * 2 + 1, "int32"),
                                                     use_length=True, axis=1), [(3, 4), (3,)]),
    "sequence mask": (lambda F, x, y: F.SequenceMask(
        x, F.floor(F.abs(y)) + 1, use_sequence_length=True, value=-1, axis=1), [(2, 4, 3), (2,)]),
    "sequence last of lengths": (lambda F, x, y: F.SequenceLast(
        x, F.floor(F.abs(y)) + 1, use_sequence_length=True, axis=1), [(2, 4, 3), (2,)]),
}  # fmt: skip
FIXED = {"gather_nd", "transpose", "dot", "sequence last", "all of it", "product", "reverse",
         "slice like", "take", "regions", "take around", "sums", "shape_array", "size_array",
         "reshape and swap"}  # fmt: skip
CONSTANT = ("size_array", "shape_array")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions(name, tmp_path):
    mx.random.seed(3)
    function, shapes = FUNCTIONS[name]
    net = Function(function)
    options = {"dynamic_batch": name not in FIXED}
    inputs = arrays_of(shapes, 3 if options["dynamic_batch"] and name != "gather_nd" else None)
    if name == "nansum":
        inputs = [x - 0.5 for x in inputs]
    outputs = net(*inputs)
    path = net.export_onnx(tmp_path / "net.onnx", *shapes, **options)
    check(path, inputs, outputs)
    if name in CONSTANT:
        with pytest.raises(MXNetError, match="its outputs depend on no input"):
            mx.onnx.load(path)
        return
    loaded = mx.onnx.load(path)
    for ours, again in zip(flat(outputs), flat(loaded(*inputs)), strict=True):
        numpy.testing.assert_allclose(ours.asnumpy(), again.asnumpy(), 1e-4, 1e-5)


NP_NAMES = """
abs negative floor ceil rint sign reciprocal sqrt cbrt square exp expm1 log log1p log2 log10 sin cos
tan arcsin arccos arctan sinh cosh tanh arcsinh arctanh degrees radians trunc fix logical_not isnan
isinf
"""
NP_FUNCTIONS = {
    **{
        name: (lambda F, x, name=name: getattr(F.np, name)(F.np.abs(x) * 0.3 + 0.1), [BOX])
        for name in NP_NAMES.split()
    },
    "arccosh": (lambda F, x: F.np.arccosh(F.np.abs(x) + 1.5), [BOX]),
    "numbers": (lambda F, x: 2 / (3 - (x * 2 + 1 - 0.5) / 4) ** 2 + 2.0 ** x + x % 3, [BOX]),
    "compared": (lambda F, x: [x > 0, x >= 0, x < 1, x <= 1, x == 0, x != 0], [BOX]),
    "arrays": (lambda F, x, y: (x + y) * (x - y) / (F.np.abs(y) + 1) + F.np.maximum(x, y)
               - F.np.minimum(x, y) + F.np.abs(x) ** y + x % (F.np.abs(y) + 1), [BOX, BOX]),
    "compared arrays": (lambda F, x, y: [x > y, x >= y, x < y, x <= y, x == y, x != y], [BOX, BOX]),
    "where": (lambda F, x, y: F.np.where(x > 0, x, y), [BOX, BOX]),
    "sums": (lambda F, x: F.np.sum(x, axis=1, keepdims=True)
             + F.np.mean(x, axis=(1, 2), keepdims=True)
             + F.np.max(x, axis=2, keepdims=True) - F.np.min(x, axis=2, keepdims=True)
             * F.np.prod(x, axis=1, keepdims=True), [BOX]),
    "variance": (lambda F, x: F.np.var(x, axis=1) + F.np.std(x, axis=1, ddof=1), [BOX]),
    "argmax": (lambda F, x: F.np.argmax(x, axis=1) + F.np.argmin(x, axis=1), [BOX]),
    "flip": (lambda F, x: F.np.flip(x, axis=2), [BOX]),
    "stack": (lambda F, x, y: F.np.stack([x, y], axis=1), [BOX, BOX]),
    "moved": (lambda F, x: F.np.moveaxis(x, 1, 2), [BOX]),
    "cumsum": (lambda F, x: F.np.cumsum(x, axis=1), [BOX]),
    "matmul": (lambda F, x, y: F.np.matmul(x, y), [BOX, (2, 4, 5)]),
    "einsum": (lambda F, x, y: F.np.einsum("abc,acd->ad", x, y), [BOX, (2, 4, 5)]),
    "tensordot": (lambda F, x, y: F.np.tensordot(x, y, axes=([1], [1])), [BOX, (2, 3, 5)]),
    "tril": (lambda F, x: F.np.tril(x, 1), [BOX]),
    "full_like": (lambda F, x: F.np.full_like(x, 3) + x, [BOX]),
}  # fmt: skip


@pytest.mark.parametrize("name", NP_FUNCTIONS)
def test_functions_of_np(name, tmp_path):
    function, shapes = NP_FUNCTIONS[name]
    mx.random.seed(4)
    with mx.util.np_shape(True), mx.util.np_array(True):
        net = Function(function)
        inputs = [mx.np.random.uniform(-2, 2, (3, *shape[1:])) for shape in shapes]
        dynamic = name != "tensordot"
        inputs = inputs if dynamic else [mx.np.random.uniform(size=shape) for shape in shapes]
        outputs = net(*inputs)
        path = net.export_onnx(tmp_path / "net.onnx", *shapes, dynamic_batch=dynamic)
        check(path, inputs, outputs)
        loaded = mx.onnx.load(path)
        for ours, again in zip(flat(outputs), flat(loaded(*inputs)), strict=True):
            assert ours.dtype == again.dtype
            numpy.testing.assert_allclose(ours.asnumpy(), again.asnumpy(), 1e-4, 1e-5)


def test_which_operators_there_are():
    assert set(WRITERS) <= own_names()
    assert mx.onnx.get_operator_support() == sorted(WRITERS)
    assert len(WRITERS) > 200


# ---- networks ------------------------------------------------------------------------------------

NETWORKS = {
    "alexnet": 63,
    "mobilenet0_25": 32,
    "mobilenet_v2_0_25": 32,
    "resnet18_v1": 32,
    "resnet18_v2": 32,
    "vgg11_bn": 32,
    "densenet121": 224,
    "squeezenet1_1": 224,
    "inception_v3": 299,
}


@pytest.mark.parametrize("name", NETWORKS)
def test_networks_of_the_zoo(name, tmp_path):
    net = getattr(vision, name)(classes=5)
    net.initialize(mx.init.Xavier())
    shape = (1, 3, NETWORKS[name], NETWORKS[name])
    inputs = [nd.random.uniform(0, 1, shape)]
    outputs = net(*inputs)
    path = net.export_onnx(tmp_path / "net.onnx", shape)
    check(path, inputs, outputs, 1e-3, 1e-4)
    again = mx.onnx.load(path)(*inputs)
    numpy.testing.assert_allclose(outputs.asnumpy(), again.asnumpy(), 1e-3, 1e-4)


class Attention(gluon.HybridBlock):
    """Several heads, written with ops; batch and steps may be free."""

    def __init__(self):
        super().__init__()
        self.joined = nn.Dense(24, flatten=False, in_units=8)
        self.norm = nn.LayerNorm(in_channels=8)

    def hybrid_forward(self, F, x, mask):
        parts = F.split(self.joined(self.norm(x)), num_outputs=3, axis=2)
        heads = [F.reshape(F.transpose(F.reshape(part, shape=(0, 0, 2, 4)), axes=(0, 2, 1, 3)),
                           shape=(-3, 0, 0)) for part in parts]  # fmt: skip
        scores = F.batch_dot(heads[0], heads[1], transpose_b=True) / math.sqrt(4)
        scores = F.reshape(scores, shape=(-4, -1, 2, 0, 0))
        scores = F.broadcast_add(scores, F.reshape((1 - mask) * -1e9, shape=(0, 1, 1, -1)))
        weights = F.reshape(F.softmax(scores), shape=(-3, 0, 0))
        found = F.reshape(F.batch_dot(weights, heads[2]), shape=(-4, -1, 2, 0, 0))
        return x + F.reshape(F.transpose(found, axes=(0, 2, 1, 3)), shape=(0, 0, -3))


def test_attention_with_two_free_sizes(tmp_path):
    net = Attention()
    net.initialize(mx.init.Normal(0.5))
    shapes = [("batch", "steps", 8), ("batch", "steps")]
    path = net.export_onnx(tmp_path / "net.onnx", *shapes)
    loaded = mx.onnx.load(path)
    for batch, steps in ((1, 5), (3, 2)):
        x, mask = nd.random.uniform(-1, 1, (batch, steps, 8)), nd.ones((batch, steps))
        mask[0, 1:] = 0
        check(path, [x, mask], net(x, mask))
        numpy.testing.assert_allclose(loaded(x, mask).asnumpy(), net(x, mask).asnumpy(), 1e-4, 1e-5)
    graph = onnx.load(path).graph
    sizes = [[size.dim_param or size.dim_value for size in value.type.tensor_type.shape.dim]
             for value in (*graph.input, *graph.output)]  # fmt: skip
    assert sizes == [["batch", "steps", 8], ["batch", "steps"], ["batch", "steps", 8]]


@pytest.mark.parametrize("kind", ["selfatt", "encdec"])
def test_interleaved_attention(kind, tmp_path):
    def own(F, x):
        scores = F.contrib.interleaved_matmul_selfatt_qk(x, heads=2)
        return F.contrib.interleaved_matmul_selfatt_valatt(x, F.softmax(scores), heads=2)

    def cross(F, x, y):
        scores = F.contrib.interleaved_matmul_encdec_qk(x, y, heads=2)
        return F.contrib.interleaved_matmul_encdec_valatt(y, F.softmax(scores), heads=2)

    shapes = [(4, 3, 24)] if kind == "selfatt" else [(5, 3, 8), (4, 3, 16)]
    net = Function(own if kind == "selfatt" else cross)
    inputs = arrays_of(shapes)
    free = [(shape[0], None, shape[2]) for shape in shapes]
    check(net.export_onnx(tmp_path / "net.onnx", *free), inputs, net(*inputs))


def test_networks_under_np(tmp_path):
    npx.set_np()
    try:

        class Net(gluon.HybridBlock):
            def __init__(self):
                super().__init__()
                self.dense = nn.Dense(6, in_units=4)

            def hybrid_forward(self, F, x):
                y = F.np.tanh(self.dense(x)) ** 2 - 0.5 * F.np.exp(-self.dense(x))
                turned = F.np.transpose(F.npx.reshape(y, (-2, 2, 3)), axes=(0, 2, 1))
                y = F.np.concatenate([y, F.npx.reshape(turned, (-2, -1))], axis=1)
                return F.npx.softmax(y / (1 + y.mean(axis=1, keepdims=True) ** 2)), y > 0

        net = Net()
        net.initialize()
        x = mx.np.random.uniform(size=(3, 4))
        path = net.export_onnx(tmp_path / "net.onnx", (1, 4))
        check(path, [x], net(x))
        loaded = mx.onnx.load(path)
        assert isinstance(loaded(x)[0], mx.np.ndarray)
        check(path, [x], loaded(x))
    finally:
        npx.reset_np()


@pytest.mark.parametrize("layout", ["TNC", "NTC"])
@pytest.mark.parametrize("kind", [rnn.RNN, rnn.LSTM, rnn.GRU])
def test_recurrent_layers_under_np(kind, layout, tmp_path):
    npx.set_np()
    try:
        layer = kind(4, 2, layout=layout, bidirectional=True)
        layer.initialize()
        x = mx.np.random.uniform(size=(5, 6, 3))
        layer.hybridize()
        expected = layer(x)
        path = layer.export_onnx(tmp_path / "net.onnx", (None, "steps", 3))
        check(path, [x], expected)
        check(path, [x], mx.onnx.load(path)(x))
        graph, parameters = layer.export(tmp_path / "net")
        check(path, [x], gluon.SymbolBlock.imports(graph, ["data"], parameters)(x))
    finally:
        npx.reset_np()


# ---- graphs and files ----------------------------------------------------------------------------


def trained():
    x = sym.Activation(sym.FullyConnected(sym.var("data"), num_hidden=4, name="fc1"), "tanh")
    x = sym.FullyConnected(sym.Dropout(x, p=0.5), num_hidden=3, name="fc2")
    graph = sym.SoftmaxOutput(x, name="softmax")
    arrays = {"arg:fc1_weight": nd.random.normal(shape=(4, 5)), "arg:fc1_bias": nd.ones(4),
              "arg:fc2_weight": nd.random.normal(shape=(3, 4)),
              "arg:fc2_bias": nd.ones(3)}  # fmt: skip
    return graph, arrays


def test_export_model_as_in_mxnet(tmp_path):
    graph, arrays = trained()
    graph.save(tmp_path / "net-symbol.json")
    nd.save(str(tmp_path / "net-0000.params"), arrays)
    path = str(tmp_path / "net.onnx")
    files = str(tmp_path / "net-symbol.json"), str(tmp_path / "net-0000.params")
    x = numpy.random.default_rng(0).normal(size=(7, 5)).astype("float32")
    options = {"dynamic": True, "dynamic_input_shapes": [(None, 5)], "onnx_file_path": path}
    assert mx.onnx.export_model(*files, [(1, 5)], numpy.float32, **options) == path
    (first,) = answers(path, [x])
    plain = {name.removeprefix("arg:"): value for name, value in arrays.items()}
    mx.contrib.onnx.export_model(graph, [plain, {}], [(7, 5)], onnx_file_path=path)
    (second,) = answers(path, [x])
    mx.onnx.export_model(graph, plain, input_shape=[(7, 5)], input_type=[numpy.float32],
                         onnx_file_path=path)  # fmt: skip
    assert numpy.array_equal(first, second) and numpy.allclose(first.sum(1), 1)
    assert [value.name for value in onnx.load(path).graph.input] == ["data"]
    symbol, arguments, auxiliary = mx.contrib.onnx.import_model(path)
    assert set(arguments) == set(plain) and not auxiliary
    assert symbol.list_arguments()[0] == "data"


def test_training_is_left_out(tmp_path):
    net = nn.HybridSequential()
    net.add(nn.Dense(4), nn.Dropout(0.5), nn.BatchNorm())
    net.initialize()
    x = nd.random.uniform(shape=(3, 5))
    with autograd.record():
        net(x)
        path = net.export_onnx(tmp_path / "net.onnx", (3, 5))
    check(path, [x], net(x))


def test_metadata_is_kept_both_ways(tmp_path):
    net = nn.Dense(2, in_units=3)
    net.initialize()
    given = {"model_version": "7", "author": "someone", "classes": "cat,dog"}
    path = net.export_onnx(tmp_path / "net.onnx", (1, 3), metadata=given)
    loaded = mx.onnx.load(path)
    expected = {**given, "producer_name": "microlazy", "producer_version": mx.__version__}
    assert loaded.metadata == expected
    assert onnx.load(path).model_version == 7
    again = loaded.export_onnx(tmp_path / "again.onnx", (1, 3))
    assert mx.onnx.load(again).metadata == expected
    about = mx.contrib.onnx.get_model_metadata(again)
    assert about["input_tensor_data"] == [("data", (0, 3))]
    assert about["metadata"]["author"] == "someone"
    with pytest.raises(MXNetError, match="model_version must be a number, not 'new'"):
        net.export_onnx(path, (1, 3), metadata={"model_version": "new"})


def test_float64(tmp_path):
    net = nn.Dense(2, in_units=3, dtype="float64")
    net.initialize()
    x = nd.array([[1, 2, 3]], dtype="float64")
    check(net.export_onnx(tmp_path / "net.onnx", (1, 3), dtypes="float64"), [x], net(x))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_shapes_given_find_sizes(dtype, tmp_path):
    net, cell = nn.HybridSequential(), gluon.rnn.LSTMCell(4)
    net.add(nn.Conv2D(2, 3), nn.BatchNorm(), nn.Dense(3))
    shapes = {net: [(1, 3, 8, 8)], cell: [(1, 3), [(1, 4), (1, 4)]]}
    for block in shapes:
        block.cast(dtype)
        block.initialize()
    with pytest.raises(MXNetError, match="deferred"):
        net.export_onnx(tmp_path / "net.onnx", ("batch", 3, 8, 8), dtypes=dtype)
    for block, given in shapes.items():
        count = 3 if block is cell else 1
        path = block.export_onnx(tmp_path / "net.onnx", *given, dtypes=[dtype] * count)
        assert mx.onnx.load(path).collect_params().keys() == block.collect_params().keys()
    x = nd.random.uniform(shape=(5, 3, 8, 8), dtype=dtype)
    path = net.export_onnx(tmp_path / "net.onnx", (1, 3, 8, 8), dtypes=dtype)
    numpy.testing.assert_allclose(mx.onnx.load(path)(x).asnumpy(), net(x).asnumpy(), 1e-5, 1e-6)


def test_refusals(tmp_path):
    path = tmp_path / "net.onnx"

    class Special(gluon.HybridBlock):
        def hybrid_forward(self, F, x):
            return F.gammaln(x)

    class Fixed(gluon.HybridBlock):
        def hybrid_forward(self, F, x):
            return F.broadcast_add(x, F.ones((2, 3)), name="sum")

    dense = nn.Dense(2)
    cases = (
        (
            Special(),
            [(1, 3)],
            {},
            r"node .special0_gammaln0. \(gammaln\) cannot be written",
        ),
        (Fixed(), [(2, 3)], {}, r"free sizes, batch: .*dynamic_batch=False"),
        (Special(), [(1, 3)] * 2, {}, "with 2 inputs: too many positional arguments"),
        (dense, [(1, 3)], {}, "initialize"),
        (Special(), [], {}, "needs the shape of each input"),
        (Special(), [(1, -3)], {}, r"-3 in \('batch', -3\) is no size"),
        (Special(), [(1, 3)], {"dtypes": ["float32"] * 2}, "2 dtypes are given for 1 inputs"),
    )
    for net, shapes, options, message in cases:
        with pytest.raises(MXNetError, match=message):
            net.export_onnx(path, *shapes, **options)
    graph, arrays = trained()
    for given, shapes, message in (
        (arrays, None, "needs in_shapes, one for each of data"),
        (arrays, [(1, 5), (1, 5)], "2 shapes are given for 1 inputs"),
        ({}, [(1, 5)], "1 shapes are given for 5 inputs: data, fc1_weight"),
        (arrays, [(1, 6)], "fc1"),
    ):
        with pytest.raises(MXNetError, match=message):
            mx.onnx.export_model(graph, given, shapes, onnx_file_path=str(path))
    assert not path.exists()
    Fixed().export_onnx(path, (2, 3), dynamic_batch=False)
    assert path.exists()
