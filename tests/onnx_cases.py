"""Networks that are written to ONNX: every layer with a name, and why some are left out.

A case gives a block, the shapes of its inputs, and options of `export_onnx`.
"""

from microlazy import gluon
from microlazy.gluon import contrib, nn, rnn

LINE, IMAGE, VOLUME = (2, 3, 6), (2, 3, 6, 6), (2, 3, 4, 4, 4)
ROWS, STEPS = (2, 5), (4, 2, 3)  # steps come first in recurrent layers
TIME = {"dynamic_batch": False}


def _joined(kind):
    block = kind(axis=1)
    block.add(nn.Dense(2), nn.Dense(3, activation="tanh"))
    return block


def _sequence(kind, *cells):
    stack = kind()
    for cell in cells:
        stack.add(cell)
    return stack


class Unrolled(gluon.HybridBlock):
    """A cell over three steps of (batch, steps, features)."""

    def __init__(self, cell):
        super().__init__()
        self.cell = cell

    def hybrid_forward(self, F, x):
        return self.cell.unroll(3, x, merge_outputs=True)[0]


def unrolled(cell):
    return Unrolled(cell), [(2, 3, 4)], {}


def _cells(axes):
    space = (5, 6, 4)[:axes]
    pair, three = (1,) * axes, (3,) * axes
    name = f"Conv{axes}D"
    for kind, states in (("RNN", 1), ("GRU", 1), ("LSTM", 2)):

        def make(kind=kind, states=states):
            cell = getattr(contrib.rnn, f"{name}{kind}Cell")((2, *space), 3, three, three, pair)
            shapes = [(2, 2, *space), [(2, 3, *space)] * states]
            return cell, shapes, {}

        yield f"{name}{kind}Cell", make


def _pools():
    for axes, shape in ((1, LINE), (2, IMAGE), (3, VOLUME)):
        for kind in ("Avg", "Max"):
            for name in (f"{kind}Pool{axes}D", f"Global{kind}Pool{axes}D"):
                yield name, lambda name=name, shape=shape: (getattr(nn, name)(), [shape], {})


LAYERS = {
    "ELU": lambda: (nn.ELU(0.7), [ROWS], {}),
    "GELU": lambda: (nn.GELU(), [ROWS], {}),
    "PReLU": lambda: (nn.PReLU(), [IMAGE], {}),
    "SELU": lambda: (nn.SELU(), [ROWS], {}),
    "Activation": lambda: (nn.Activation("softrelu"), [ROWS], {}),
    "LeakyReLU": lambda: (nn.LeakyReLU(0.3), [ROWS], {}),
    "SiLU": lambda: (nn.SiLU(), [ROWS], {}),
    "Swish": lambda: (nn.Swish(1.5), [ROWS], {}),
    "BatchNorm": lambda: (nn.BatchNorm(), [IMAGE], {}),
    "BatchNormReLU": lambda: (nn.BatchNormReLU(axis=-1), [IMAGE], {}),
    "SyncBatchNorm": lambda: (nn.SyncBatchNorm(), [IMAGE], {}),
    "HybridConcatenate": lambda: (_joined(nn.HybridConcatenate), [ROWS], {}),
    "HybridConcurrent": lambda: (_joined(contrib.nn.HybridConcurrent), [ROWS], {}),
    "Dense": lambda: (nn.Dense(3, flatten=False), [STEPS], {}),
    "Dropout": lambda: (nn.Dropout(0.5), [ROWS], {}),
    "Embedding": lambda: (nn.Embedding(7, 3), [ROWS], {}),
    "Flatten": lambda: (nn.Flatten(), [IMAGE], {}),
    "GroupNorm": lambda: (nn.GroupNorm(3), [(2, 6, 4, 4)], {}),
    "HybridLambda": lambda: (nn.HybridLambda("tanh"), [ROWS], {}),
    "HybridSequential": lambda: (_sequence(nn.HybridSequential, nn.Dense(3)), [ROWS], {}),
    "Identity": lambda: (nn.Identity(), [ROWS], {}),
    "InstanceNorm": lambda: (nn.InstanceNorm(), [IMAGE], {}),
    "LayerNorm": lambda: (nn.LayerNorm(axis=1), [STEPS], {}),
    "Conv1D": lambda: (nn.Conv1D(2, 3, dilation=2), [LINE], {}),
    "Conv2D": lambda: (nn.Conv2D(6, 3, 2, 1, groups=3, activation="relu"), [IMAGE], {}),
    "Conv3D": lambda: (nn.Conv3D(2, 3, use_bias=False), [VOLUME], {}),
    "Conv1DTranspose": lambda: (nn.Conv1DTranspose(2, 3), [LINE], {}),
    "Conv2DTranspose": lambda: (nn.Conv2DTranspose(4, 3, 2, 1, 1), [IMAGE], {}),
    "Conv3DTranspose": lambda: (nn.Conv3DTranspose(2, 2), [VOLUME], {}),
    "PixelShuffle1D": lambda: (nn.PixelShuffle1D(3), [LINE], {}),
    "PixelShuffle2D": lambda: (nn.PixelShuffle2D((1, 3)), [IMAGE], {}),
    "PixelShuffle3D": lambda: (nn.PixelShuffle3D((1, 3, 1)), [VOLUME], {}),
    "ReflectionPad2D": lambda: (nn.ReflectionPad2D(2), [IMAGE], {}),
    **dict(_pools()),
    "RNN": lambda: (rnn.RNN(3, 2, "relu"), [STEPS], TIME),
    "LSTM": lambda: (rnn.LSTM(3, 2, bidirectional=True, layout="NTC"), [STEPS], {}),
    "GRU": lambda: (rnn.GRU(3), [STEPS, [(1, 2, 3)]], TIME),
    "RNNCell": lambda: (rnn.RNNCell(3), [ROWS, [(2, 3)]], {}),
    "LSTMCell": lambda: (rnn.LSTMCell(3), [ROWS, [(2, 3), (2, 3)]], {}),
    "GRUCell": lambda: (rnn.GRUCell(3), [ROWS, [(2, 3)]], {}),
    "BidirectionalCell": lambda: unrolled(rnn.BidirectionalCell(rnn.GRUCell(2), rnn.GRUCell(2))),
    "DropoutCell": lambda: (rnn.DropoutCell(0.5), [ROWS, []], {}),
    "HybridSequentialRNNCell": lambda: unrolled(
        _sequence(rnn.HybridSequentialRNNCell, rnn.LSTMCell(3), rnn.GRUCell(2))
    ),
    "ResidualCell": lambda: unrolled(rnn.ResidualCell(rnn.RNNCell(4))),
    "ZoneoutCell": lambda: unrolled(rnn.ZoneoutCell(rnn.RNNCell(4), 0.2, 0.2)),
    "LSTMPCell": lambda: (contrib.rnn.LSTMPCell(4, 3), [ROWS, [(2, 3), (2, 4)]], {}),
    "VariationalDropoutCell": lambda: (
        contrib.rnn.VariationalDropoutCell(rnn.RNNCell(4), 0.1),
        [ROWS, [(2, 4)]],
        {},
    ),  # fmt: skip
    **{name: make for axes in (1, 2, 3) for name, make in _cells(axes)},
}
LEFT_OUT = {
    **dict.fromkeys(
        ("Block", "HybridBlock", "RecurrentCell", "HybridRecurrentCell", "ModifierCell"),
        "computes nothing itself",
    ),
    "SymbolBlock": "is what loading gives; a round trip exports one",
    "Lambda": "calls a function of arrays, which symbols are not",
    **dict.fromkeys(
        ("Sequential", "Concatenate", "Concurrent", "SequentialRNNCell"), "is no HybridBlock"
    ),
    "SparseEmbedding": "sparse arrays are not part of microlazy",
    **dict.fromkeys(
        ("DeformableConvolution", "ModulatedDeformableConvolution"), "are not part of microlazy"
    ),
}
