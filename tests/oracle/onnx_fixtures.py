"""Write the ONNX files that are read in tests: networks of PyTorch and models of scikit-learn.

Run it with an interpreter that has torch, onnx, onnxscript, skl2onnx and scikit-learn:
`python tests/oracle/onnx_fixtures.py`. Beside each file stands an .npz of inputs and outputs.
"""

import io
import warnings
from contextlib import redirect_stdout
from pathlib import Path

import numpy
import onnx
import skl2onnx
import torch
from sklearn import linear_model, neural_network, pipeline, preprocessing
from torch import nn

HERE = Path(__file__).parent.parent / "fixtures" / "onnx"


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(
            nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.ReLU()
        )
        self.body = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1, groups=2), nn.BatchNorm2d(8),
                                  nn.SiLU(), nn.Conv2d(8, 8, 1))  # fmt: skip
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.last = nn.Linear(8, 4)

    def forward(self, x):
        x = self.first(x)
        x = torch.relu(x + self.body(x))
        return self.last(torch.flatten(self.pool(x), 1))


class Images(nn.Module):
    """Layers of images: upsampling, transposed convolution, padding, group and instance norm."""

    def __init__(self):
        super().__init__()
        self.down = nn.Sequential(nn.ReflectionPad2d(1), nn.Conv2d(2, 4, 3),
                                  nn.InstanceNorm2d(4, affine=True), nn.LeakyReLU(0.1),
                                  nn.MaxPool2d(2, ceil_mode=True))  # fmt: skip
        self.up = nn.Sequential(nn.Upsample(scale_factor=2), nn.ConvTranspose2d(4, 4, 4, 2, 1),
                                nn.GroupNorm(2, 4), nn.GELU(), nn.AvgPool2d(3, 1, 1))  # fmt: skip

    def forward(self, x):
        y = self.up(self.down(x))
        return torch.cat([y.clamp(-1, 1), y.mean(dim=1, keepdim=True)], dim=1).permute(0, 2, 3, 1)


class Recurrent(nn.Module):
    def __init__(self, kind, **options):
        super().__init__()
        self.embed = nn.Embedding(11, 5)
        self.layer = kind(5, 6, batch_first=True, **options)
        self.last = nn.Linear(6 * (2 if self.layer.bidirectional else 1), 3)

    def forward(self, x):
        out, _ = self.layer(self.embed(x))
        return self.last(out[:, -1])


class Transformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Embedding(13, 8)
        self.place = nn.Parameter(torch.randn(6, 8))
        layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, activation="gelu")
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.last = nn.Linear(8, 3)

    def forward(self, x):
        x = self.embed(x) + self.place[: x.shape[1]]
        return self.last(self.encoder(x).mean(dim=1))


class Attention(nn.Module):
    """Attention written out, with shapes taken from the input."""

    def __init__(self):
        super().__init__()
        self.norm = nn.LayerNorm(8)
        self.joined = nn.Linear(8, 24)
        self.out = nn.Linear(8, 8)

    def forward(self, x):
        batch, steps, width = x.shape
        q, k, v = self.joined(self.norm(x)).view(batch, steps, 3, 2, 4).permute(2, 0, 3, 1, 4)
        scores = q @ k.transpose(-2, -1) / 2
        mask = torch.ones(steps, steps, dtype=torch.bool).tril()
        scores = scores.masked_fill(~mask, float("-inf"))
        y = (scores.softmax(-1) @ v).transpose(1, 2).reshape(batch, steps, width)
        return x + self.out(y)


class Elementwise(nn.Module):
    """Functions of each element, reductions, parts."""

    def forward(self, x, y):
        a = torch.exp(-x.abs()).sqrt() + torch.sin(x) * torch.erf(y) - torch.tanh(x) ** 2
        b = torch.where(x > y, x, y * 0.5).clamp(min=-0.5)
        c = torch.stack([a, b], dim=1).flip(2)
        first, second = c.chunk(2, dim=-1)
        d = torch.maximum(first, second).sum(dim=(1, 2)) / (1 + x.var(dim=1))
        return nn.functional.hardswish(d), x.argmax(dim=1), torch.log_softmax(x, 1)


GROWING = "batch"
ROWS, IMAGE = torch.randn(2, 4), torch.randn(2, 3, 8, 8)
WORDS = torch.randint(0, 11, (2, 6))

NETWORKS = {
    "mlp": (lambda: nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(), nn.Linear(8, 3),
                                  nn.Softmax(-1)), (ROWS,)),
    "residual": (Residual, (IMAGE,)),
    "images": (Images, (torch.randn(2, 2, 6, 6),)),
    "lstm": (lambda: Recurrent(nn.LSTM, num_layers=2), (WORDS,)),
    "lstm_both_ways": (lambda: Recurrent(nn.LSTM, bidirectional=True), (WORDS,)),
    "gru": (lambda: Recurrent(nn.GRU), (WORDS,)),
    "rnn": (lambda: Recurrent(nn.RNN, nonlinearity="relu"), (WORDS,)),
    "transformer": (Transformer, (WORDS,)),
    "attention": (Attention, (torch.randn(2, 5, 8),)),
    "elementwise": (Elementwise, (ROWS, torch.randn(2, 4))),
}  # fmt: skip


def write_torch(name, make, inputs):
    torch.manual_seed(len(name))
    net = make().eval()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.uniform_(-1, 1)
            module.running_var.uniform_(0.5, 1.5)
    names = [f"x{i}" for i in range(len(inputs))]
    with torch.no_grad():
        outputs = net(*inputs)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    record(f"torch_{name}", inputs, [x.numpy() for x in outputs])
    old = {"dynamic_axes": {n: {0: GROWING} for n in names}, "dynamo": False, "opset_version": 17}
    new = {"dynamic_shapes": tuple({0: torch.export.Dim.DYNAMIC} for _ in inputs), "dynamo": True}
    for kind, options in (("script", old), ("dynamo", new)):
        path = HERE / f"torch_{name}_{kind}.onnx"
        try:
            with redirect_stdout(io.StringIO()):
                torch.onnx.export(net, inputs, path, input_names=names, external_data=False,
                                  verbose=False, **options)  # fmt: skip
        except Exception as error:
            print(f"{path.name}: {type(error).__name__}: {str(error)[:200]}")
            continue
        strip(path)


def strip(path):
    """Take away what tells of the machine: where in which program each node comes from."""
    model = onnx.load(path)
    for part in (*model.graph.node, *model.graph.initializer, *model.graph.input,
                 *model.graph.output, *model.graph.value_info, model.graph):  # fmt: skip
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    onnx.save(model, path)


def record(name, inputs, outputs):
    arrays = {f"x{i}": numpy.asarray(x) for i, x in enumerate(inputs)}
    numpy.savez(HERE / f"{name}.npz", **arrays, **{f"y{i}": y for i, y in enumerate(outputs)})


def models():
    generator = numpy.random.default_rng(0)
    rows = generator.normal(size=(60, 4)).astype("float32")
    three = (rows[:, 0] > 0).astype(int) + (rows[:, 1] > 0.3)
    two, number = (rows[:, 0] > 0.2).astype(int), rows @ [1.0, -2.0, 0.5, 3.0]
    options = {"max_iter": 60, "random_state": 0}
    scaled = preprocessing.StandardScaler()
    yield "mlp_classifier", neural_network.MLPClassifier((6,), **options), rows, three
    yield "mlp_two_classes", neural_network.MLPClassifier((6,), "tanh", **options), rows, two
    yield (
        "mlp_regressor",
        neural_network.MLPRegressor(hidden_layer_sizes=(6,), **options),
        rows,
        number,
    )
    yield "logistic", linear_model.LogisticRegression(), rows, three
    yield "logistic_two_classes", linear_model.LogisticRegression(), rows, two
    yield "linear", linear_model.LinearRegression(), rows, number
    yield "scaled", pipeline.make_pipeline(scaled, linear_model.LogisticRegression()), rows, three
    yield (
        "normalized",
        pipeline.make_pipeline(
            preprocessing.Normalizer(), preprocessing.MinMaxScaler(), linear_model.Ridge()
        ),
        rows,
        number,
    )


def write_sklearn(name, model, rows, target):
    model.fit(rows, target)
    few = rows[:7]
    outputs = [model.predict(few)]
    if hasattr(model, "predict_proba"):
        outputs.append(model.predict_proba(few))
    elif name != "linear":
        outputs = [outputs[0].reshape(-1, 1)]
    if name == "linear":
        outputs = [outputs[0].reshape(-1, 1)]
    record(f"sklearn_{name}", [few], outputs)
    made = skl2onnx.to_onnx(model, few[:1], target_opset={"": 18, "ai.onnx.ml": 3})
    (HERE / f"sklearn_{name}.onnx").write_bytes(made.SerializeToString())


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    HERE.mkdir(exist_ok=True)
    torch.manual_seed(0)
    for name, (make, inputs) in NETWORKS.items():
        write_torch(name, make, inputs)
    for each in models():
        write_sklearn(*each)
    files = sorted(HERE.iterdir())
    print(f"{len(files)} files, {sum(path.stat().st_size for path in files)} bytes")
