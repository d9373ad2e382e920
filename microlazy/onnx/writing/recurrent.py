"""Recurrent layers: ONNX has one node for each layer, its gates in another order."""

from __future__ import annotations

import math
from typing import Any

import numpy

from microlazy.onnx.writing.call import Call, writes
from microlazy.ops.recurrent import parameter_shapes

__all__ = ["GATES"]

# For each gate of ONNX, its place in MXNet's order: input, forget, new, output of an LSTM; reset,
# update, new of a GRU.
GATES = {"lstm": (0, 3, 1, 2), "gru": (1, 0, 2), "rnn_tanh": (0,), "rnn_relu": (0,)}
_OPS = {"lstm": "LSTM", "gru": "GRU", "rnn_tanh": "RNN", "rnn_relu": "RNN"}


@writes("RNN")
def _rnn(call: Call) -> str | list[str]:
    mode, layers = call.value("mode"), call.value("num_layers")
    ways = 2 if call.value("bidirectional") else 1
    if call.value("projection_size") or call.value("lstm_state_clip_max") is not None:
        raise call.refusal("ONNX's recurrent layers have no projection and no clipped states")
    flat = call.need(1, "the weights of a recurrent layer")
    weights = _weights(call, flat, mode, layers, ways)
    states = _states(call, mode, layers, ways)
    lengths = _lengths(call, mode)
    options: dict[str, Any] = {"hidden_size": call.value("state_size")}
    options["direction"] = "bidirectional" if ways == 2 else "forward"
    if mode == "gru":
        options["linear_before_reset"] = 1
    if mode.startswith("rnn"):
        options["activations"] = [mode.removeprefix("rnn_").capitalize()] * ways
    x = call.inputs[0]
    last: list[list[str]] = []
    for layer in range(layers):
        named = [call.constant(part, call.dtypes[1]) for part in weights[layer]]
        inputs = [x, *named, lengths, *states[layer]]
        x, *final = call.add_some(_OPS[mode], inputs, 1 + len(states[layer]), **options)
        x = call.permuted(x, [0, 2, 1, 3])  # (steps, batch, ways, size)
        x = call.add("Reshape", x, call.integers(0, 0, ways * call.value("state_size")))
        last.append(final)
    joined = [parts[0] if layers == 1 else call.add("Concat", *parts, axis=0)
              for parts in zip(*last, strict=True)]  # fmt: skip
    return [x, *joined] if call.value("state_outputs") else x


def _weights(
    call: Call, flat: numpy.ndarray, mode: str, layers: int, ways: int
) -> list[list[numpy.ndarray]]:
    """W, R and B of each layer, cut from the flat parameters: all weights, then all biases."""
    size = call.value("state_size")
    shapes = parameter_shapes(mode, call.size(2), size, layers, ways)
    order = [shape for part in shapes for shape in part[:2]]
    order += [shape for part in shapes for shape in part[2:]]
    edges = numpy.cumsum([math.prod(shape) for shape in order])
    if flat.size != edges[-1]:
        raise call.refusal(f"it needs {edges[-1]} parameters, but has {flat.size}")
    pieces = [
        _reordered(piece.reshape(shape), GATES[mode])
        for piece, shape in zip(numpy.split(flat, edges[:-1]), order, strict=True)
    ]
    half = len(pieces) // 2
    found = []
    for layer in range(layers):
        part = slice(2 * layer * ways, 2 * (layer + 1) * ways)
        both, biases = pieces[part], pieces[half:][part]
        found.append([
            numpy.stack(both[::2]),
            numpy.stack(both[1::2]),
            numpy.stack([numpy.concatenate(biases[2 * way : 2 * way + 2]) for way in range(ways)]),
        ])  # fmt: skip
    return found


def _reordered(array: numpy.ndarray, gates: tuple[int, ...]) -> numpy.ndarray:
    parts = numpy.split(array, len(gates))
    return numpy.concatenate([parts[gate] for gate in gates])


def _states(call: Call, mode: str, layers: int, ways: int) -> list[list[str]]:
    """The first states of each layer; an empty name where they are zeros."""
    count = 2 if mode == "lstm" else 1
    found: list[list[str]] = [[] for _ in range(layers)]
    for index in range(2, 2 + count):
        values = call.array(index)
        zeros = values is not None and not values.any()
        for layer in range(layers):
            found[layer].append("" if zeros else _state(call, index, layer * ways, ways))
    return found


def _state(call: Call, index: int, first: int, ways: int) -> str:
    limits = call.integers(first), call.integers(first + ways), call.integers(0)
    part = call.add("Slice", call.inputs[index], *limits)
    if call.shape(index)[1] == 1 != call.shape(0)[1]:  # one state for every sequence
        batch = call.add("Shape", call.inputs[0], start=1, end=2)
        part = call.add("Expand", part, call.add(
            "Concat", call.integers(ways), batch, call.integers(call.size(2, index)), axis=0
        ))  # fmt: skip
    return part


def _lengths(call: Call, mode: str) -> str:
    place = 4 if mode == "lstm" else 3
    if not call.value("use_sequence_length") or len(call.inputs) <= place:
        return ""
    return call.cast_input(place, "int32")
