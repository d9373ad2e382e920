"""Operators that move elements: shapes, parts, joined and repeated arrays, arrays from nothing."""

from __future__ import annotations

import math
from typing import Any

import numpy

from microlazy.onnx.free_sizes import Pair
from microlazy.onnx.writing.call import Call, writes

_FAR = (1 << 62) - 1  # an end that no axis reaches


@writes("Reshape", "_npx_reshape", "_np_reshape", "Flatten", "reshape_like", "squeeze")
@writes("_np_squeeze", "expand_dims")
def _reshape(call: Call) -> str:
    return call.reshaped(call.inputs[0], call.pairs[0], call.out_pairs[0])


@writes("transpose", "_np_transpose")
def _transpose(call: Call) -> str:
    axes = call.value("axes") or range(call.rank())[::-1]
    return call.permuted(call.inputs[0], [axis % call.rank() for axis in axes])


@writes("SwapAxis")
def _swap(call: Call) -> str:
    axes = list(range(call.rank()))
    a, b = (call.axis(name) for name in ("dim1", "dim2"))
    axes[a], axes[b] = b, a
    return call.permuted(call.inputs[0], axes)


@writes("_np_moveaxis")
def _moveaxis(call: Call) -> str:
    source, target = (
        [axis % call.rank() for axis in call.value(name)] for name in ("source", "destination")
    )
    axes = [axis for axis in range(call.rank()) if axis not in source]
    for place, axis in sorted(zip(target, source, strict=True)):
        axes.insert(place, axis)
    return call.permuted(call.inputs[0], axes)


@writes("_rnn_param_concat", "Concat", "_npi_concatenate")
def _concat(call: Call) -> str:
    axis = call.value("axis" if call.operator == "_npi_concatenate" else "dim")
    axis = {"Concat": 1}.get(call.operator, 0) if axis is None else axis
    parts = [call.cast_input(i, call.out_dtypes[0]) for i in range(len(call.inputs))]
    return call.add("Concat", *parts, axis=axis)


@writes("stack", "_npi_stack")
def _stack(call: Call) -> str:
    axis = call.value("axis", 0) % (call.rank() + 1)
    parts = [call.add("Unsqueeze", x, call.integers(axis)) for x in call.inputs]
    return call.add("Concat", *parts, axis=axis)


@writes("SliceChannel", "_split_v2")
def _split(call: Call) -> list[str] | str:
    axis, count = call.axis("axis", 1), len(call.out_pairs)
    places = [pair.first[axis] if not call.value("squeeze_axis") else 1 for pair in call.out_pairs]
    if call.operator == "SliceChannel" and count == 1 and not call.value("squeeze_axis"):
        return call.inputs[0]
    parts = call.add_some("Split", [call.inputs[0], call.integers(*places)], count, axis=axis)
    if call.value("squeeze_axis"):
        parts = [call.add("Squeeze", part, call.integers(axis)) for part in parts]
    return parts


def _sliced(call: Call, begin: Any, end: Any, axes: Any, step: Any = None) -> str:
    given = [call.integers(*values) for values in (begin, end, axes)]
    if step is not None:
        given.append(call.integers(*step))
    return call.add("Slice", call.inputs[0], *given)


@writes("slice")
def _slice(call: Call) -> str:
    begin, end = call.value("begin"), call.value("end")
    step = [s or 1 for s in call.value("step") or ()] or [1] * len(begin)
    first = [(0 if s > 0 else _FAR) if b is None else b for b, s in zip(begin, step, strict=True)]
    last = [(_FAR if s > 0 else -_FAR) if e is None else e for e, s in zip(end, step, strict=True)]
    return _sliced(call, first, last, range(len(begin)), step)


@writes("slice_axis")
def _slice_axis(call: Call) -> str:
    end = call.value("end")
    return _sliced(call, [call.value("begin")], [_FAR if end is None else end], [call.axis()])


@writes("slice_like")
def _slice_like(call: Call) -> str:
    axes = [axis % call.rank() for axis in call.value("axes") or range(call.rank(1))]
    shape = call.add("Shape", call.inputs[1])
    ends = call.add("Gather", shape, call.integers(*axes), axis=0)
    starts = call.integers(*[0] * len(axes))
    return call.add("Slice", call.inputs[0], starts, ends, call.integers(*axes))


@writes("reverse", "_npi_flip")
def _reverse(call: Call) -> str:
    axes = call.value("axis")
    axes = range(call.rank()) if axes is None else [axes] if isinstance(axes, int) else axes
    many = len(axes)
    return _sliced(call, [-1] * many, [-_FAR] * many, axes, [-1] * many)


@writes("tile")
def _tile(call: Call) -> str:
    reps = call.value("reps")
    reps = (reps,) if isinstance(reps, int) else tuple(reps)
    x, rank = call.inputs[0], call.rank()
    if len(reps) > rank:
        x = call.add("Unsqueeze", x, call.integers(*range(len(reps) - rank)))
    reps = (1,) * (rank - len(reps)) + reps
    return call.add("Tile", x, call.integers(*reps))


@writes("repeat")
def _repeat(call: Call) -> str:
    axis, count = call.value("axis"), call.value("repeats")
    x, rank = call.inputs[0], call.rank()
    if axis is None:
        x, rank, axis = call.add("Reshape", x, call.integers(-1)), 1, 0
    axis %= rank
    x = call.add("Unsqueeze", x, call.integers(axis + 1))
    reps = [1] * (rank + 1)
    reps[axis + 1] = count
    x = call.add("Tile", x, call.integers(*reps))
    sizes = [0] * rank
    sizes[axis] = -1
    if axis == rank - 1:
        return call.add("Reshape", x, call.integers(*sizes))
    return call.reshaped(x, _with_axis(call, axis + 1, count), call.out_pairs[0])


def _with_axis(call: Call, axis: int, size: int) -> Pair:
    first, second = ([*sizes[:axis], size, *sizes[axis:]] for sizes in call.pairs[0])
    return Pair(tuple(first), tuple(second))


@writes("broadcast_to", "broadcast_axis", "broadcast_like", "_npi_broadcast_to")
def _broadcast(call: Call) -> str:
    return call.add("Expand", call.inputs[0], _sizes(call, call.out_pairs[0]))


def _sizes(call: Call, wanted: Pair) -> str:
    """A shape as a tensor, of which an input may have the free sizes; ONNX lets 1 stand for them
    in Expand."""
    given = call.pairs[0]
    ahead = len(wanted.first) - len(given.first)
    same = [
        axis >= ahead and sizes == (given.first[axis - ahead], given.second[axis - ahead])
        for axis, sizes in enumerate(zip(*wanted, strict=True))
    ]
    plain = [
        1 if kept else sizes[0] if sizes[0] == sizes[1] else None
        for kept, sizes in zip(same, zip(*wanted, strict=True), strict=True)
    ]
    if None not in plain:
        return call.integers(*[size for size in plain if size is not None])
    return call.computed_sizes(wanted)


@writes("Pad")
def _pad(call: Call) -> str:
    widths, mode = [int(width) for width in call.value("pad_width")], call.value("mode")
    pads = call.integers(*widths[::2], *widths[1::2])
    if mode == "constant":
        value = call.number(float(call.value("constant_value", 0)))
        return call.add("Pad", call.inputs[0], pads, value, mode=mode)
    if mode not in ("edge", "reflect"):
        raise call.refusal(f"ONNX has no padding {mode!r}")
    return call.add("Pad", call.inputs[0], pads, mode=mode)


@writes("depth_to_space", "space_to_depth")
def _blocks(call: Call) -> str:
    op = "DepthToSpace" if call.operator == "depth_to_space" else "SpaceToDepth"
    return call.add(op, call.inputs[0], blocksize=call.value("block_size"))


# ---- elements by their places --------------------------------------------------------------------


def _places(call: Call, index: int, size: str, mode: str) -> str:
    """Places along an axis, brought into its bounds as a mode says."""
    found = call.cast_input(index, "int64")
    if mode == "wrap":
        return call.add("Mod", found, size)
    one = call.add("Sub", size, call.constant(1, "int64"))
    return call.add("Min", call.add("Max", found, call.constant(0, "int64")), one)


def _size(call: Call, axis: int) -> str:
    fixed = call.shape()[axis]
    if fixed is not None:
        return call.constant(fixed, "int64")
    shape = call.add("Shape", call.inputs[0])
    return call.add("Gather", shape, call.constant(axis, "int64"), axis=0)


@writes("take")
def _take(call: Call) -> str:
    axis = call.axis()
    places = _places(call, 1, _size(call, axis), call.value("mode"))
    return call.add("Gather", call.inputs[0], places, axis=axis)


@writes("Embedding")
def _embedding(call: Call) -> str:
    rows = call.constant(call.size(0, 1), "int64")
    return call.add("Gather", call.inputs[1], _places(call, 0, rows, "clip"), axis=0)


@writes("pick")
def _pick(call: Call) -> str:
    axis = call.axis(default=-1)
    places = _places(call, 1, _size(call, axis), call.value("mode"))
    if call.rank(1) < call.rank():
        places = call.add("Unsqueeze", places, call.integers(axis))
    found = call.add("GatherElements", call.inputs[0], places, axis=axis)
    return found if call.value("keepdims") else call.add("Squeeze", found, call.integers(axis))


@writes("gather_nd")
def _gather_nd(call: Call) -> str:
    axes = [*range(1, call.rank(1)), 0]
    return call.add("GatherND", call.inputs[0], call.permuted(call.cast_input(1, "int64"), axes))


@writes("one_hot")
def _one_hot(call: Call) -> str:
    values = [call.value("off_value"), call.value("on_value")]
    depth = call.constant(call.value("depth"), "int64")
    dtype = call.out_dtypes[0]
    places = call.cast_input(0, "int64")
    # ONNX counts negative places from the end; here they are no place.
    outside = call.add("Less", places, call.constant(0, "int64"))
    places = call.add("Where", outside, depth, places)
    return call.add("OneHot", places, depth, call.constant(values, dtype), axis=-1)


# ---- arrays from nothing -------------------------------------------------------------------------


@writes("_zeros", "_ones", "_full", "_arange", "_linspace", "_eye", "_zeros_without_dtype")
@writes("_npi_zeros", "_npi_ones", "_npi_arange", "_npi_identity", "_npi_eye")
def _made(call: Call) -> str:
    """The values do not depend on any input: they become a constant."""
    if any(size is None for size in call.out_shape()):
        raise call.refusal("its shape must be numbers")
    assert call.node.operator is not None
    made = call.node.operator.compute([], call.node.values)[0]
    return call.constant(made.asnumpy(), call.out_dtypes[0])


@writes("_contrib_arange_like")
def _arange_like(call: Call) -> str:
    if call.value("axis") is None or call.value("repeat", 1) != 1:
        raise call.refusal("ONNX's Range needs an axis, and no repeat")
    start, step = float(call.value("start", 0)), float(call.value("step", 1))
    size = call.cast(_size(call, call.axis()), "int64", call.out_dtypes[0])
    dtype = call.out_dtypes[0]
    steps = call.add("Range", call.constant(0, dtype), size, call.constant(1, dtype))
    scaled = call.add("Mul", steps, call.constant(step, dtype))
    return call.add("Add", scaled, call.constant(start, dtype))


@writes("shape_array", "size_array")
def _shape_array(call: Call) -> str:
    if call.operator == "shape_array":
        return call.add("Shape", call.inputs[0])
    return call.add("Reshape", call.add("Size", call.inputs[0]), call.integers(1))


@writes("_npi_tril")
def _tril(call: Call) -> str:
    return call.add("Trilu", call.inputs[0], call.constant(call.value("k", 0), "int64"), upper=0)


# ---- sequences of their own lengths --------------------------------------------------------------


def _alive(call: Call, axis: int) -> str:
    """Where a sequence has not ended; time is the given axis of the first two, batch the other."""
    steps = call.add("Range", call.constant(0, "int64"), _size(call, axis),
                     call.constant(1, "int64"))  # fmt: skip
    steps = call.add("Unsqueeze", steps, call.integers(1 - axis))
    lengths = call.add("Unsqueeze", call.cast_input(1, "int64"), call.integers(axis))
    mask = call.add("Less", steps, lengths)
    if call.rank() > 2:
        mask = call.add("Unsqueeze", mask, call.integers(*range(2, call.rank())))
    return mask


@writes("SequenceMask")
def _sequence_mask(call: Call) -> str:
    if len(call.inputs) == 1:
        return call.inputs[0]
    value = call.number(float(call.value("value", 0)))
    return call.add("Where", _alive(call, call.axis()), call.inputs[0], value)


@writes("SequenceLast")
def _sequence_last(call: Call) -> str:
    axis = call.axis()
    if len(call.inputs) == 1:
        return call.add("Gather", call.inputs[0], call.constant(-1, "int64"), axis=axis)
    x = call.permuted(call.inputs[0], [1 - axis, axis, *range(2, call.rank())])
    last = call.add("Sub", call.cast_input(1, "int64"), call.constant(1, "int64"))
    return call.add("GatherND", x, call.add("Unsqueeze", last, call.integers(1)), batch_dims=1)


@writes("SequenceReverse")
def _sequence_reverse(call: Call) -> str:
    if len(call.inputs) == 1:
        return _sliced(call, [-1], [-_FAR], [0], [-1])
    lengths = call.cast_input(1, "int64")
    return call.add("ReverseSequence", call.inputs[0], lengths, batch_axis=1, time_axis=0)


@writes("_contrib_div_sqrt_dim")
def _div_sqrt(call: Call) -> str:
    return call.add("Div", call.inputs[0], call.number(math.sqrt(call.size(-1))))


@writes("_np_cumsum")
def _cumsum(call: Call) -> str:
    axis, x = call.value("axis"), call.cast_input(0, call.out_dtypes[0])
    if axis is None:
        x, axis = call.add("Reshape", x, call.integers(-1)), 0
    return call.add("CumSum", x, call.constant(axis, "int64"))


@writes("_npi_full_like")
def _full_like(call: Call) -> str:
    value = numpy.array([call.value("fill_value")], call.out_dtypes[0])
    shape = call.add("Shape", call.inputs[0])
    return call.add("ConstantOfShape", shape, value=call.graph.tensor(value))
