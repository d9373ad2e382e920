"""A network with every kind of parameter, for MXNet 1.9.1 and for microlazy.

With an interpreter that has MXNet this writes `fixtures/layers.params`, `layer_names.params` and
`layers.npz`: its parameters, saved in both of Gluon's ways, and what it computes.
"""

import pathlib
from typing import Any

FIXTURES = pathlib.Path(__file__).parent.parent / "fixtures"


def network(mx: Any, rnn: Any) -> Any:
    nn = mx.gluon.nn

    class Net(mx.gluon.HybridBlock):
        def __init__(self) -> None:
            super().__init__(prefix="net_")
            with self.name_scope():
                self.body = nn.HybridSequential()
                self.body.add(nn.Conv2D(3, 3), nn.BatchNorm(), nn.Activation("relu"))
                self.body.add(nn.MaxPool2D(), nn.Flatten())
                self.embedding = nn.Embedding(6, 4)
                self.norm = nn.LayerNorm()
                self.lstm = rnn.LSTM(3, 2, bidirectional=True)
                self.cell = rnn.GRUCell(2)

        def forward(self, x: Any, words: Any) -> Any:
            steps = self.lstm(self.norm(self.embedding(words)))
            outputs, _ = self.cell.unroll(3, steps, layout="TNC", merge_outputs=True)
            return self.body(x), outputs

    return Net()


def inputs(mx: Any) -> Any:
    return mx.nd.arange(72).reshape((2, 1, 6, 6)) / 72, mx.nd.array([[0, 1], [2, 3], [4, 5]])


if __name__ == "__main__":
    import mxnet
    import numpy
    from mxnet.gluon import rnn

    mxnet.random.seed(3)
    net = network(mxnet, rnn)
    net.initialize(mxnet.init.Uniform(0.5))
    with mxnet.autograd.record():  # so that the running statistics are not the first ones
        net(*inputs(mxnet))[0].sum().backward()
    net.save_parameters(str(FIXTURES / "layers.params"))
    net.collect_params().save(str(FIXTURES / "layer_names.params"))
    image, sequence = (y.asnumpy() for y in net(*inputs(mxnet)))
    numpy.savez(FIXTURES / "layers.npz", image=image, sequence=sequence)
