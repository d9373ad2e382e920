"""Reductions of ONNX, and the order of elements."""

from __future__ import annotations

from microlazy.onnx.reading.call import Call, reads
from microlazy.onnx.reading.graph import Value

_REDUCED = {
    "ReduceSum": "sum",
    "ReduceMean": "mean",
    "ReduceMax": "max",
    "ReduceMin": "min",
    "ReduceProd": "prod",
}


def _reduced(call: Call, operator: str, x: Value) -> Value:
    axes, kept = call.axes(), bool(call.attribute("keepdims", 1))
    if axes == [] or axes is None:
        if call.attribute("noop_with_empty_axes", 0):
            return x
        axes = list(range(call.rank()))
    return call.call(operator, x, axis=tuple(axes), keepdims=kept)


@reads(*_REDUCED)
def _reduce(call: Call) -> Value:
    return _reduced(call, _REDUCED[call.operator], call.input())


@reads("ReduceL1")
def _l1(call: Call) -> Value:
    return _reduced(call, "sum", call.call("abs", call.input()))


@reads("ReduceSumSquare")
def _square_sum(call: Call) -> Value:
    return _reduced(call, "sum", call.call("square", call.input()))


@reads("ReduceL2")
def _l2(call: Call) -> Value:
    return call.call("sqrt", _square_sum(call))


@reads("ReduceLogSum")
def _log_sum(call: Call) -> Value:
    return call.call("log", _reduced(call, "sum", call.input()))


@reads("ReduceLogSumExp")
def _log_sum_exp(call: Call) -> Value:
    return call.call("log", _reduced(call, "sum", call.call("exp", call.input())))


@reads("ArgMax", "ArgMin")
def _place(call: Call) -> Value:
    call.only("select_last_index", 0)
    operator, kept = call.operator.lower(), bool(call.attribute("keepdims", 1))
    found = call.call(operator, call.input(), axis=call.axis(0), keepdims=kept)
    return call.cast(found, "int64")


@reads("TopK")
def _topk(call: Call) -> list[Value]:
    count = int(call.number(1)) if call.has(1) else call.need("k")
    options = {"axis": call.axis(-1), "k": count, "is_ascend": not call.attribute("largest", 1)}
    values = call.call("topk", call.input(), ret_typ="value", **options)
    places = call.call("topk", call.input(), ret_typ="indices", **options)
    return [values, call.cast(places, "int64")]


@reads("CumSum")
def _cumsum(call: Call) -> Value:
    axis = call.in_range(int(call.number(1)), call.rank())
    call.only("exclusive", 0)
    x = call.input()
    if not call.attribute("reverse", 0):
        return call.call("cumsum", x, axis=axis)
    turned = call.call("cumsum", call.call("reverse", x, axis=(axis,)), axis=axis)
    return call.call("reverse", turned, axis=(axis,))


@reads("LpNormalization")
def _lp(call: Call) -> Value:
    axis, order = call.axis(-1), call.attribute("p", 2)
    call.only("p", 1, 2)
    length = call.call("norm", call.input(), ord=order, axis=(axis,), keepdims=True)
    return call.call("broadcast_div", call.input(), length)


@reads("MeanVarianceNormalization")
def _mean_variance(call: Call) -> Value:
    axes = tuple(call.attribute("axes", [0, 2, 3]))
    return normalized(call, call.input(), axes, 1e-9)


def normalized(call: Call, x: Value, axes: tuple[int, ...], epsilon: float) -> Value:
    """A value with mean 0 and variance 1 over some axes."""
    apart = call.call("broadcast_sub", x, call.call("mean", x, axis=axes, keepdims=True))
    variance = call.call("mean", call.call("square", apart), axis=axes, keepdims=True)
    scale = call.call("rsqrt", call.call("_plus_scalar", variance, scalar=epsilon))
    return call.call("broadcast_mul", apart, scale)
