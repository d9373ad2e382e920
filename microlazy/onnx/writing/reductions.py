"""Sums, means, extremes along axes, and the order of elements."""

from __future__ import annotations

from typing import Any

import numpy

from microlazy.onnx.writing.call import Call, writes

_REDUCED = {
    "sum": "ReduceSum",
    "mean": "ReduceMean",
    "max": "ReduceMax",
    "min": "ReduceMin",
    "prod": "ReduceProd",
}


def _axes(call: Call, attribute: str = "axis") -> list[int]:
    """The axes that are reduced."""
    given, rank = call.value(attribute), call.rank()
    if given is None or given == ():
        found = list(range(rank))
    else:
        found = [axis % rank for axis in ((given,) if isinstance(given, int) else given)]
    if call.value("exclude"):
        return [axis for axis in range(rank) if axis not in found]
    return found


def _reduced(call: Call, op: str, x: str, axes: list[int], keepdims: Any = None) -> str:
    """A reduction; where an array has at least one axis, that of nothing has one too."""
    kept = bool(call.value("keepdims") if keepdims is None else keepdims)
    if not axes:
        return x
    found = call.add(op, x, call.integers(*axes), keepdims=int(kept))
    if not kept and len(axes) == call.rank() and len(call.out_pairs[0].first) == 1:
        found = call.add("Reshape", found, call.integers(1))
    return found


@writes("sum", "mean", "max", "min", "prod", "_np_sum", "_np_max", "_np_min", "_np_prod")
@writes("_npi_mean")
def _reduce(call: Call) -> str:
    kind = call.operator.removeprefix("_npi_").removeprefix("_np_")
    x = call.cast_input(0, call.out_dtypes[0])
    return _reduced(call, _REDUCED[kind], x, _axes(call))


@writes("nansum", "nanprod")
def _without_nan(call: Call) -> str:
    x, kind = call.inputs[0], call.operator.removeprefix("nan")
    x = call.add("Where", call.add("IsNaN", x), call.number(kind == "prod"), x)
    return _reduced(call, _REDUCED[kind], x, _axes(call))


@writes("norm")
def _norm(call: Call) -> str:
    op = {1: "ReduceL1", 2: "ReduceL2"}.get(call.value("ord"))
    if op is None:
        raise call.refusal(f"ONNX has no norm of order {call.value('ord')}")
    return _reduced(call, op, call.inputs[0], _axes(call))


@writes("_square_sum")
def _square_sum(call: Call) -> str:
    return _reduced(call, "ReduceSumSquare", call.inputs[0], _axes(call))


@writes("moments")
def _moments(call: Call) -> list[str]:
    x, axes = call.inputs[0], _axes(call, "axes")
    mean = _reduced(call, "ReduceMean", x, axes)
    return [mean, _reduced(call, "ReduceMean", _squares(call, x, axes), axes)]


def _squares(call: Call, x: str, axes: list[int]) -> str:
    """The squares of the distances from the mean."""
    middle = call.add("ReduceMean", x, call.integers(*axes), keepdims=1)
    apart = call.add("Sub", x, middle)
    return call.add("Mul", apart, apart)


@writes("_npi_var", "_npi_std")
def _variance(call: Call) -> str:
    axes, ddof = _axes(call), int(call.value("ddof", 0))
    found = _reduced(call, "ReduceMean", _squares(call, call.inputs[0], axes), axes)
    if ddof:
        count = numpy.prod([call.size(axis) for axis in axes])
        found = call.add("Mul", found, call.number(count / (count - ddof)))
    return call.add("Sqrt", found) if call.operator == "_npi_std" else found


@writes("argmax", "argmin", "_npi_argmax", "_npi_argmin", "argmax_channel")
def _place(call: Call) -> str:
    op = "ArgMin" if call.operator.endswith("argmin") else "ArgMax"
    axis = 1 if call.operator == "argmax_channel" else call.value("axis")
    x = call.inputs[0]
    if axis is None:
        x, axis = call.add("Reshape", x, call.integers(-1)), 0
    found = call.add(op, x, axis=axis, keepdims=int(bool(call.value("keepdims"))))
    if call.value("axis") is None and len(call.out_pairs[0].first) == 1:
        found = call.add("Reshape", found, call.integers(1))
    return call.cast(found, "int64", call.out_dtypes[0])


def _ordered(call: Call, count: Any, largest: bool) -> list[str]:
    """The first elements along an axis, and their places."""
    axis = call.axis(default=-1)
    size = call.add("Shape", call.inputs[0], start=axis, end=axis + 1)
    wanted = call.integers(count) if count else size
    return call.add_some("TopK", [call.inputs[0], wanted], 2, axis=axis, largest=int(largest))


@writes("topk")
def _topk(call: Call) -> str | list[str]:
    kind = call.value("ret_typ")
    values, places = _ordered(call, call.value("k"), not call.value("is_ascend"))
    found = {
        "value": [values],
        "indices": [call.cast(places, "int64", call.out_dtypes[-1])],
    }
    found["both"] = found["value"] + found["indices"]
    if kind not in found:
        raise call.refusal(f"ONNX has no topk that returns a {kind}")
    return found[kind]


@writes("sort", "argsort")
def _sort(call: Call) -> str:
    values, places = _ordered(call, None, not call.value("is_ascend", True))
    if call.operator == "sort":
        return values
    return call.cast(places, "int64", call.out_dtypes[0])
