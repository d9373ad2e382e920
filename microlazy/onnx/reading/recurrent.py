"""Recurrent layers of ONNX: their weights are put into MXNet's order when they are read."""

from __future__ import annotations

import itertools
from typing import Any

import numpy

from microlazy.onnx.free_sizes import Pair
from microlazy.onnx.reading.call import Call, reads
from microlazy.onnx.reading.graph import Value
from microlazy.onnx.writing.recurrent import GATES

_ACTIVATIONS = {"LSTM": ["sigmoid", "tanh", "tanh"], "GRU": ["sigmoid", "tanh"], "RNN": ["tanh"]}


@reads("LSTM", "GRU", "RNN")
def _recurrent(call: Call) -> list[Value]:
    mode = _mode(call)
    size, direction = call.need("hidden_size"), call.attribute("direction", "forward")
    ways = 2 if direction == "bidirectional" else 1
    x = call.input()
    if call.rank() != 3:
        raise call.refusal(f"it takes (steps, batch, features), not {x.pair.first}")
    batch_first = bool(call.attribute("layout", 0))
    if batch_first:
        x = call.transposed(x, [1, 0, 2])
    states = [_state(call, x, index, ways, size) for index in (5, 6)[: 1 + (mode == "lstm")]]
    options: dict[str, Any] = {"state_size": size, "num_layers": 1, "mode": mode}
    options |= {"bidirectional": ways == 2, "state_outputs": True}
    lengths = []
    if call.has(4):
        lengths, options["use_sequence_length"] = [call.input(4)], True
    if direction == "reverse":
        x = _reversed(call, x, lengths)
    inputs = [x, _parameters(call, mode, size, ways), *states, *lengths]
    out, *last = call.call_some("RNN", inputs, **options)
    if direction == "reverse":
        out = _reversed(call, out, lengths)
    pairs = [(*sizes[:2], ways, size) for sizes in out.pair]
    out = call.transposed(call.reshaped(out, Pair(*pairs)), [0, 2, 1, 3])
    if batch_first:
        out = call.transposed(out, [2, 0, 1, 3])
        last = [call.transposed(part, [1, 0, 2]) for part in last]
    return [out, *last]


def _mode(call: Call) -> str:
    """MXNet's name of the cell; what it cannot do is refused."""
    call.only("clip")
    call.only("input_forget", 0)
    call.only("direction", "forward", "reverse", "bidirectional")
    if call.has(7):
        raise call.refusal("peepholes cannot be read")
    ways = 2 if call.attribute("direction") == "bidirectional" else 1
    usual = _ACTIVATIONS[call.operator] * ways
    given = [name.lower() for name in call.attribute("activations") or usual]
    if call.operator == "RNN" and given == ["relu"] * ways:
        return "rnn_relu"
    if given != usual:
        raise call.refusal(f"activations = {given} cannot be read")
    if call.operator == "GRU" and not call.attribute("linear_before_reset", 0):
        raise call.refusal(
            "linear_before_reset = 0 cannot be read: GRUs here apply the reset gate behind the "
            "product, as cuDNN does"
        )
    return {"LSTM": "lstm", "GRU": "gru", "RNN": "rnn_tanh"}[call.operator]


def _parameters(call: Call, mode: str, size: int, ways: int) -> Value:
    """One row of all weights and biases, as MXNet's operator takes them."""
    gates, order = len(GATES[mode]), GATES[mode]
    features = call.input().pair.first[2]
    rows = gates * size
    wanted = [(ways, rows, features), (ways, rows, size), (ways, 2 * rows)]
    arrays = [call.array(1), call.array(2)]
    arrays.append(call.array(3) if call.has(3) else numpy.zeros(wanted[2], arrays[0].dtype))
    for place, (array, shape) in enumerate(zip(arrays, wanted, strict=True)):
        if array.shape != shape:
            raise call.refusal(f"its input {place + 1} must be {shape}, not {array.shape}")
    places = numpy.argsort(order)  # for each gate of MXNet's, its place in ONNX's order

    def turned(array: numpy.ndarray) -> numpy.ndarray:
        parts = numpy.split(array, gates)
        return numpy.concatenate([parts[place] for place in places])

    weights = [[turned(arrays[0][way]), turned(arrays[1][way])] for way in range(ways)]
    biases = [[turned(part) for part in numpy.split(arrays[2][way], 2)] for way in range(ways)]
    flat = [part.reshape(-1) for part in itertools.chain(*weights, *biases)]
    name = f"{call.outputs[0] or call.name}_parameters"
    return call.graph.parameter(name, numpy.concatenate(flat))


def _state(call: Call, x: Value, index: int, ways: int, size: int) -> Value:
    """A first state; zeros if it is left out."""
    given = call.input(index) if call.has(index) else None
    if given is None or (given.constant is not None and not any(c.any() for c in given.constant)):
        return call.call("_zeros", shape=(ways, 1, size), dtype=x.dtype)
    if call.attribute("layout", 0):
        return call.transposed(given, [1, 0, 2])
    return given


def _reversed(call: Call, x: Value, lengths: list[Value]) -> Value:
    return call.call("SequenceReverse", x, *lengths, use_sequence_length=bool(lengths))
