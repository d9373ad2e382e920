"""Operators of ONNX that move elements, tell shapes and are constants."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy

from microlazy.onnx.free_sizes import Pair
from microlazy.onnx.reading.call import Call, reads
from microlazy.onnx.reading.elementwise import flattened
from microlazy.onnx.reading.graph import Value


def _resolved(call: Call, shape: tuple[int, ...], wanted: list[int]) -> tuple[int, ...]:
    """A shape of Reshape with numbers for 0 and -1."""
    if not call.attribute("allowzero"):
        if any(size == 0 and i >= len(shape) for i, size in enumerate(wanted)):
            raise call.refusal(f"{shape} cannot become {tuple(wanted)}")
        wanted = [shape[i] if size == 0 else size for i, size in enumerate(wanted)]
    if wanted.count(-1) > 1 or any(size < -1 for size in wanted):
        raise call.refusal(f"{tuple(wanted)} is no shape")
    known = math.prod(size for size in wanted if size != -1)
    if -1 in wanted:
        if known == 0 or math.prod(shape) % known:
            raise call.refusal(f"{shape} cannot become {tuple(wanted)}")
        wanted = [math.prod(shape) // known if size == -1 else size for size in wanted]
    return tuple(wanted)


@reads("Reshape")
def _reshape(call: Call) -> Value:
    wanted = call.both(1) if call.has(1) else (call.need("shape"),) * 2
    pair = call.input().pair
    return call.reshaped(call.input(), Pair(
        _resolved(call, pair.first, list(wanted[0])), _resolved(call, pair.second, list(wanted[1]))
    ))  # fmt: skip


@reads("Flatten")
def _flatten(call: Call) -> Value:
    axis = call.attribute("axis", 1)
    if not -call.rank() <= axis <= call.rank():
        raise call.refusal(f"axis {axis} of an array with {call.rank()} axes")
    if axis == 1:
        return call.call("Flatten", call.input())
    return flattened(call, axis + call.rank() if axis < 0 else axis)


@reads("Transpose")
def _transpose(call: Call) -> Value:
    axes = call.attribute("perm") or list(range(call.rank()))[::-1]
    if sorted(axes) != list(range(call.rank())):
        raise call.refusal(f"perm = {axes} does not order {call.rank()} axes")
    found = call.transposed(call.input(), axes)
    if list(axes) == [1, 0]:
        found.turned = call.input()
    return found


@reads("Squeeze")
def _squeeze(call: Call) -> Value:
    axes = call.axes()
    pair = call.input().pair
    if axes is None:
        axes = [axis for axis, sizes in enumerate(zip(*pair, strict=True)) if sizes == (1, 1)]
    if any(sizes[axis] != 1 for sizes in pair for axis in axes):
        raise call.refusal(f"axes {axes} of {pair.first} are not all 1")
    kept = [axis for axis in range(call.rank()) if axis not in axes]
    first, second = (tuple(sizes[axis] for axis in kept) for sizes in pair)
    if not kept:
        return call.call("Reshape", call.input(), shape=(1,))
    return call.reshaped(call.input(), Pair(first, second))


@reads("Unsqueeze")
def _unsqueeze(call: Call) -> Value:
    given = call.attribute("axes") if call.attribute("axes") else call.integers(1)
    rank = call.rank() + len(given)
    return call.expanded(call.input(), [call.in_range(axis, rank) for axis in given])


@reads("Concat")
def _concat(call: Call) -> Value:
    if len(call.inputs) == 1:
        return call.input()
    return call.call("Concat", *call.inputs, dim=call.axis(0), num_args=len(call.inputs))


@reads("Split")
def _split(call: Call) -> list[Value]:
    axis, count = call.axis(0), len(call.outputs)
    sizes = call.attribute("split")
    if call.has(1):
        sizes = call.integers(1)
    whole = call.shape()[axis]
    if whole is None:
        raise call.refusal("an axis of free size cannot be split")
    if sizes is None:
        part = -(-whole // count)
        sizes = [part] * (count - 1) + [whole - part * (count - 1)]
    if len(sizes) != count or sum(sizes) != whole or min(sizes) < 0:
        raise call.refusal(f"{whole} cannot be split into {sizes}")
    if count == 1:
        return [call.input()]
    if len(set(sizes)) == 1:
        return call.call_some("SliceChannel", [call.input()], axis=axis, num_outputs=count)
    edges = [sum(sizes[:i]) for i in range(count + 1)]
    return [
        call.call("slice_axis", call.input(), axis=axis, begin=begin, end=end)
        for begin, end in zip(edges, edges[1:], strict=False)
    ]


@reads("Slice")
def _slice(call: Call) -> Value:
    if call.has(1):
        starts, ends = call.both(1), call.both(2)
        axes = call.integers(3) if call.has(3) else list(range(len(starts[0])))
        steps = call.integers(4) if call.has(4) else [1] * len(axes)
    else:
        starts, ends = ((call.need(name),) * 2 for name in ("starts", "ends"))
        axes = call.attribute("axes") or list(range(len(starts[0])))
        steps = [1] * len(axes)
    if not len(starts[0]) == len(ends[0]) == len(axes) == len(steps):
        raise call.refusal("starts, ends, axes and steps differ in length")
    rank = call.rank()
    begin: list[int | None] = [None] * rank
    end: list[int | None] = [None] * rank
    step = [1] * rank
    for place, axis in enumerate(axes):
        axis = call.in_range(axis, rank)
        if steps[place] == 0:
            raise call.refusal("a step is 0")
        sizes = [shape[axis] for shape in call.input().pair]
        step[axis] = steps[place]
        begin[axis] = _edge(call, [part[place] for part in starts], sizes, steps[place] < 0, True)
        end[axis] = _edge(call, [part[place] for part in ends], sizes, steps[place] < 0, False)
    if all(b is None and e is None and s == 1 for b, e, s in zip(begin, end, step, strict=True)):
        return call.input()
    return call.call("slice", call.input(), begin=tuple(begin), end=tuple(end), step=tuple(step))


def _edge(
    call: Call, places: Sequence[int], sizes: Sequence[int], back: bool, is_start: bool
) -> int | None:
    """Where a slice begins or ends: None at the end of the axis in that direction."""
    found = []
    for place, size in zip(places, sizes, strict=True):
        place += size if place < 0 else 0
        found.append(min(max(place, -1 if back else 0), size - 1 if back and is_start else size))
    outer = [size - 1 if back else 0 for size in sizes] if is_start else [
        -1 if back else size for size in sizes
    ]  # fmt: skip
    if found == outer:
        return None
    if found[0] == found[1]:
        return found[0]
    if found[0] - sizes[0] == found[1] - sizes[1] < 0:
        return found[0] - sizes[0]
    raise call.refusal("it ends at a place that depends on a free size: give shapes to load()")


@reads("Gather")
def _gather(call: Call) -> Value:
    axis, data = call.axis(0), call.input()
    places = call.input(1)
    if places.constant is not None and places.constant[0].ndim == 0:
        place = int(call.number(1))
        size = call.shape()[axis]
        if size is not None and not -size <= place < size:
            raise call.refusal(f"place {place} on an axis of {size}")
        part = call.call("slice_axis", data, axis=axis, begin=place, end=place + 1 or None)
        if call.rank() == 1:
            return part
        pairs = [sizes[:axis] + sizes[axis + 1 :] for sizes in data.pair]
        return call.reshaped(part, Pair(*pairs))
    return call.call("take", data, places, axis=axis, mode="raise")  # or from behind, below 0


@reads("GatherElements")
def _gather_elements(call: Call) -> Value:
    """Places along one axis, one for each element: those of the others count up."""
    axis, places = call.axis(0), call.input(1)
    if call.shape(1)[axis] == 1:
        return call.call("pick", call.input(), places, axis=axis, keepdims=True, mode="wrap")
    raise call.refusal("more than one element along its axis cannot be read")


@reads("GatherND")
def _gather_nd(call: Call) -> Value:
    rank = call.rank(1)
    if call.attribute("batch_dims", 0) == 1 and rank == 2 and call.shape(1)[1] == 1:
        x = call.transposed(call.input(), [1, 0, *range(2, call.rank())])  # one of each sequence
        behind = call.call("_plus_scalar", call.input(1), scalar=1)
        lengths = call.call("Reshape", behind, shape=(-1,))
        return call.call("SequenceLast", x, lengths, use_sequence_length=True)
    if call.attribute("batch_dims", 0):
        raise call.refusal("batch_dims cannot be read but for one place in each sequence")
    places = call.transposed(call.input(1), [rank - 1, *range(rank - 1)])
    return call.call("gather_nd", call.input(), places)


@reads("Expand")
def _expand(call: Call) -> Value:
    shapes = call.both(1)
    rank = max(call.rank(), len(shapes[0]))
    pair = call.input().pair
    x = (
        call.expanded(call.input(), range(rank - call.rank()))
        if rank > call.rank()
        else call.input()
    )
    wanted = []
    for had, shape in zip(pair, shapes, strict=True):
        had, shape = (1,) * (rank - len(had)) + had, [1] * (rank - len(shape)) + shape
        if any(a != b and 1 not in (a, b) for a, b in zip(had, shape, strict=True)):
            raise call.refusal(f"{had} cannot become {tuple(shape)}")
        wanted.append([b if a == 1 else a for a, b in zip(had, shape, strict=True)])
    axes, sizes = [], []
    for axis, size in enumerate(zip(*wanted, strict=True)):
        if size == tuple(part[axis] for part in x.pair):
            continue
        if size[0] == size[1]:
            axes.append(axis)
            sizes.append(size[0])
        else:
            x = _like_source(call, x, axis, size)
    return call.call("broadcast_axis", x, axis=tuple(axes), size=tuple(sizes)) if axes else x


def _like_source(call: Call, x: Value, axis: int, size: tuple[int, int]) -> Value:
    source = call.graph.sources.get(size)
    if source is None:
        raise call.refusal("a free size is no input's: give shapes to load()")
    return call.call("broadcast_like", x, source[0], lhs_axes=(axis,), rhs_axes=(source[1],))


@reads("Tile")
def _tile(call: Call) -> Value:
    reps = tuple(call.integers(1))
    if len(reps) != call.rank() or min(reps, default=1) < 0:
        raise call.refusal(f"repeats {reps} for {call.rank()} axes")
    return call.call("tile", call.input(), reps=reps)


@reads("Pad")
def _pad(call: Call) -> Value:
    pads = call.integers(1) if call.has(1) else call.need("pads")
    value = call.number(2) if call.has(2) else float(call.attribute("value", 0.0))
    rank = call.rank()
    axes = call.axes(3) or list(range(rank))
    if len(pads) != 2 * len(axes):
        raise call.refusal(f"{len(pads)} pads for {len(axes)} axes")
    widths = [0] * (2 * rank)
    for place, axis in enumerate(axes):
        widths[2 * axis], widths[2 * axis + 1] = pads[place], pads[place + len(axes)]
    return padded(call, call.input(), widths, call.attribute("mode", "constant"), value)


def padded(call: Call, x: Value, widths: list[int], mode: str, value: float) -> Value:
    """A value with edges; widths are before and behind each axis."""
    if min(widths) < 0:  # it is cut
        rank = len(widths) // 2
        begin = tuple(max(-width, 0) for width in widths[::2])
        end = tuple(width if width < 0 else None for width in widths[1::2])
        x = call.call("slice", x, begin=begin, end=end, step=(1,) * rank)
        widths = [max(width, 0) for width in widths]
    if not any(widths):
        return x
    names = {"constant": "constant", "edge": "edge", "reflect": "reflect"}
    if mode not in names:
        raise call.refusal(f"mode = {mode!r} cannot be read")
    options: dict[str, Any] = {"mode": mode, "pad_width": tuple(widths)}
    options |= {"constant_value": value} if mode == "constant" else {}
    rank = len(widths) // 2
    if rank in (4, 5) and not any(widths[:4]):
        return call.call("Pad", x, **options)
    if mode == "constant":
        return _joined(call, x, widths, value)
    if rank < 4:
        more = 4 - rank
        wide = call.expanded(x, range(more))
        found = call.call("Pad", wide, **(options | {"pad_width": (0, 0) * more + tuple(widths)}))
        pairs = [sizes[more:] for sizes in found.pair]
        return call.reshaped(found, Pair(*pairs))
    raise call.refusal(f"mode = {mode!r} of {rank} axes cannot be read")


def _joined(call: Call, x: Value, widths: list[int], value: float) -> Value:
    """A value with edges of one number, joined to it axis by axis."""
    for axis in range(len(widths) // 2):
        parts = [x]
        for width, place in ((widths[2 * axis], 0), (widths[2 * axis + 1], 1)):
            if width:
                one = call.call("slice_axis", x, axis=axis, begin=0, end=1)
                flat = call.call("_full", shape=(1,), value=value, dtype=x.dtype)
                edge = call.call("broadcast_like", flat_to(call, flat, x), one)
                edge = call.call("broadcast_axis", edge, axis=(axis,), size=(width,))
                parts.insert(len(parts) if place else 0, edge)
        if len(parts) > 1:
            x = call.call("Concat", *parts, dim=axis, num_args=len(parts))
    return x


def flat_to(call: Call, value: Value, like: Value) -> Value:
    """One number with as many axes as another value has."""
    return call.call("Reshape", value, shape=(1,) * len(like.pair.first))


@reads("DepthToSpace", "SpaceToDepth")
def _blocks(call: Call) -> Value:
    if call.operator == "DepthToSpace":
        call.only("mode", "DCR")
        return call.call("depth_to_space", call.input(), block_size=call.need("blocksize"))
    return call.call("space_to_depth", call.input(), block_size=call.need("blocksize"))


@reads("Trilu")
def _trilu(call: Call) -> Value:
    k = int(call.number(1)) if call.has(1) else 0
    if not call.attribute("upper", 1):
        return call.call("_npi_tril", call.input(), k=k)
    below = call.call("_npi_tril", call.input(), k=k - 1)
    return call.call("broadcast_sub", call.input(), below)


@reads("OneHot")
def _one_hot(call: Call) -> Value:
    off, on = (float(number) for number in call.array(2).reshape(-1))
    if call.attribute("axis", -1) not in (-1, call.rank()):
        raise call.refusal(f"axis = {call.attribute('axis')} cannot be read")
    depth, dtype = int(call.number(1)), call.array(2).dtype.name
    return call.call("one_hot", call.input(), depth=depth, on_value=on, off_value=off, dtype=dtype)


@reads("ReverseSequence")
def _reverse_sequence(call: Call) -> Value:
    time, batch = call.attribute("time_axis", 0), call.attribute("batch_axis", 1)
    if (time, batch) != (0, 1):
        raise call.refusal("only time_axis 0 and batch_axis 1 can be read")
    return call.call("SequenceReverse", *call.inputs, use_sequence_length=True)


# ---- constants -----------------------------------------------------------------------------------


@reads("Constant")
def _constant(call: Call) -> Value:
    for name in ("value", "value_float", "value_int", "value_floats", "value_ints"):
        if name in call.attributes:
            kind = "float32" if "float" in name else "int64"
            given = call.attributes[name]
            array = given if name == "value" else numpy.asarray(given, kind)
            return Value.of(call.outputs[0], array, inline=True)
    raise call.refusal(f"its value, {', '.join(call.attributes) or 'nothing'}, cannot be read")


@reads("Shape")
def _shape(call: Call) -> Value:
    start, end = call.attribute("start", 0), call.attribute("end")
    parts = [numpy.asarray(sizes[start:end], "int64") for sizes in call.input().pair]
    return Value.of(call.outputs[0], parts[0], parts[1], inline=True)


@reads("Size")
def _size(call: Call) -> Value:
    parts = [numpy.asarray(math.prod(sizes), "int64") for sizes in call.input().pair]
    return Value.of(call.outputs[0], parts[0], parts[1], inline=True)
