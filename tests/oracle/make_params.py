"""Make tests/fixtures: files as the real MXNet 1.9.1 writes them, and what is in them.

Run with an interpreter that has MXNet 1.9.1: ``python tests/oracle/make_params.py``.
"""

import struct
from pathlib import Path

import mxnet as mx
import numpy as np
from mxnet import autograd, gluon, nd, npx

FOLDER = Path(__file__).parent.parent / "fixtures"
DTYPES = ("float32", "float64", "float16", "uint8", "int32", "int8", "int64", "bool")
expected = {}


def write(name, save, arrays):
    save(str(FOLDER / name), arrays)
    named = arrays.items() if isinstance(arrays, dict) else enumerate(arrays)
    for key, array in named:
        expected[f"{name}:{key}"] = array.asnumpy()


def old(name, head, values):
    """Write a file of an older version by hand, and let MXNet say that it reads it."""
    data = struct.pack("<QQQ", 0x112, 0, 1) + head + struct.pack("<iii", 1, 0, 0)
    data += values.astype("<f4").tobytes() + struct.pack("<Q", 0)
    (read,) = nd.load_frombuffer(data)
    assert (read.asnumpy() == values).all()
    (FOLDER / name).write_bytes(data)
    expected[f"{name}:0"] = read.asnumpy()


def values(dtype):
    special = [np.nan, np.inf, -np.inf, -0.0] if dtype.startswith("float") else [0, 1]
    return np.array([1.5, 100, 0, 3] + special).astype(dtype).reshape(2, -1)


FOLDER.mkdir(exist_ok=True)
write("nd_list.params", nd.save, [nd.array(values(dtype), dtype=dtype) for dtype in DTYPES])
write("nd_dict.params", nd.save, {"arg:weight": nd.array([[1, 2, 3]]), "größe 数": nd.array([4])})
write("nd_empty.params", nd.save, [])

numbers = np.arange(6.0).reshape(3, 2)
old("v1.params", struct.pack("<IIqq", 0xF993FAC8, 2, 3, 2), numbers)
old("v0.params", struct.pack("<III", 2, 3, 2), numbers)
nd.save(str(FOLDER / "row_sparse.params"), [nd.ones((3, 2)).tostype("row_sparse")])
nd.save(str(FOLDER / "csr.params"), [nd.ones((3, 2)).tostype("csr")])

net = gluon.nn.HybridSequential()
net.add(gluon.nn.Dense(3, in_units=2, activation="relu"), gluon.nn.Dense(1, in_units=3))
net.initialize(mx.init.Xavier())
net.save_parameters(str(FOLDER / "net.params"))
x = nd.array([[1, 2], [-3, 0.5]])
expected["net.params:x"] = x.asnumpy()
expected["net.params:y"] = net(x).asnumpy()
for name, array in nd.load(str(FOLDER / "net.params")).items():
    expected[f"net.params:{name}"] = array.asnumpy()

trainer = gluon.Trainer(net.collect_params(), "sgd", {"momentum": 0.9})
with autograd.record():
    loss = net(x)
loss.backward()
trainer.step(2)
trainer.save_states(str(FOLDER / "trainer.states"))

npx.set_np()
write("np_list.params", npx.save, [mx.np.array(3.0), mx.np.zeros((0, 3)), mx.np.array([1, 2])])
write("np_dict.params", npx.save, {"b": mx.np.array([True, False], dtype=bool)})
np.savez_compressed(FOLDER / "expected.npz", **expected)
