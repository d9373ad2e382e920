"""Elementwise operators of ONNX, arithmetic and activations."""

from __future__ import annotations

import math
from typing import Any

import numpy

from microlazy.onnx.library import dtype_of
from microlazy.onnx.reading.call import Call, reads
from microlazy.onnx.reading.graph import Value

# ONNX's name, and the operator of MXNet's that does the same.
_SAME = {
    "Relu": "relu",
    "Sigmoid": "sigmoid",
    "Softsign": "softsign",
    "Erf": "erf",
    "Exp": "exp",
    "Log": "log",
    "Sqrt": "sqrt",
    "Abs": "abs",
    "Neg": "negative",
    "Floor": "floor",
    "Ceil": "ceil",
    "Round": "rint",
    "Sign": "sign",
    "Reciprocal": "reciprocal",
    "Sin": "sin",
    "Cos": "cos",
    "Tan": "tan",
    "Asin": "arcsin",
    "Acos": "arccos",
    "Atan": "arctan",
    "Sinh": "sinh",
    "Cosh": "cosh",
    "Tanh": "tanh",
    "Asinh": "arcsinh",
    "Acosh": "arccosh",
    "Atanh": "arctanh",
}
# Name of two arrays, of an array and a number, and of a number and an array.
_ARITHMETIC = {
    "Add": ("broadcast_add", "_plus_scalar", "_plus_scalar"),
    "Sub": ("broadcast_sub", "_minus_scalar", "_rminus_scalar"),
    "Mul": ("broadcast_mul", "_mul_scalar", "_mul_scalar"),
    "Div": ("broadcast_div", "_div_scalar", "_rdiv_scalar"),
    "Pow": ("broadcast_power", "_power_scalar", "_rpower_scalar"),
    "Max": ("broadcast_maximum", "_maximum_scalar", "_maximum_scalar"),
    "Min": ("broadcast_minimum", "_minimum_scalar", "_minimum_scalar"),
    "Equal": ("broadcast_equal", "_equal_scalar", "_equal_scalar"),
    "Greater": ("broadcast_greater", "_greater_scalar", "_lesser_scalar"),
    "GreaterOrEqual": ("broadcast_greater_equal", "_greater_equal_scalar", "_lesser_equal_scalar"),
    "Less": ("broadcast_lesser", "_lesser_scalar", "_greater_scalar"),
    "LessOrEqual": ("broadcast_lesser_equal", "_lesser_equal_scalar", "_greater_equal_scalar"),
}
_COMPARED = ("Equal", "Greater", "GreaterOrEqual", "Less", "LessOrEqual")


@reads(*_SAME)
def _unary(call: Call) -> Value:
    return call.call(_SAME[call.operator], call.input())


@reads("Identity")
def _identity(call: Call) -> Value:
    return call.input()


@reads("Cast")
def _cast(call: Call) -> Value:
    return call.cast(call.input(), dtype_of(call.need("to")))


@reads("CastLike")
def _cast_like(call: Call) -> Value:
    return call.cast(call.input(), call.input(1).dtype)


def _two(call: Call, a: Value, b: Value) -> Value:
    """Arithmetic of two values, of which one may be a number."""
    arrays, second, first = _ARITHMETIC[call.operator]
    if b.scalar is not None and len(b.pair.first) <= len(a.pair.first):
        return call.call(second, a, scalar=b.scalar)
    if a.scalar is not None and len(a.pair.first) <= len(b.pair.first):
        return call.call(first, b, scalar=a.scalar)
    return call.call(arrays, a, b)


@reads(*(name for name in _ARITHMETIC if name not in ("Div", *_COMPARED)))
def _arithmetic(call: Call) -> Value:
    found, *rest = call.inputs
    for other in rest:
        found = _two(call, found, other)
    if not rest and call.operator not in ("Max", "Min"):
        raise call.refusal("it needs two inputs")
    return found


@reads("Div")
def _div(call: Call) -> Value:
    dtype = call.input().dtype
    if numpy.dtype(dtype).kind == "f":
        return _two(call, call.input(0), call.input(1))
    exact = [call.cast(x, "float64") if x.scalar is None else x for x in call.inputs]
    return call.cast(call.call("trunc", _two(call, *exact)), dtype)


@reads(*_COMPARED)
def _compare(call: Call) -> Value:
    return call.cast(_two(call, call.input(0), call.input(1)), "bool")


@reads("Sum")
def _sum(call: Call) -> Value:
    found, *rest = call.inputs
    for other in rest:
        found = call.call("broadcast_add", found, other)
    return found


@reads("Mean")
def _mean(call: Call) -> Value:
    return call.call("_div_scalar", _sum(call), scalar=float(len(call.inputs)))


@reads("Mod")
def _mod(call: Call) -> Value:
    if call.attribute("fmod"):
        a, b = call.inputs
        whole = call.call("trunc", call.call("broadcast_div", a, b))
        return call.call("broadcast_sub", a, call.call("broadcast_mul", whole, b))
    if call.input(1).scalar is not None:
        return call.call("_mod_scalar", call.input(), scalar=call.input(1).scalar)
    return call.call("broadcast_mod", *call.inputs)


@reads("And", "Or", "Xor")
def _logic(call: Call) -> Value:
    found = call.call(f"broadcast_logical_{call.operator.lower()}", call.input(0), call.input(1))
    return call.cast(found, "bool")


@reads("Not")
def _not(call: Call) -> Value:
    return call.cast(call.call("logical_not", call.input()), "bool")


@reads("IsNaN", "IsInf")
def _not_finite(call: Call) -> Value:
    if call.attribute("detect_negative", 1) + call.attribute("detect_positive", 1) < 2:
        raise call.refusal("infinities of one sign alone cannot be read")
    return call.call({"IsNaN": "_npi_isnan", "IsInf": "_npi_isinf"}[call.operator], call.input())


@reads("Where")
def _where(call: Call) -> Value:
    return call.call("where", *call.inputs)


@reads("Clip")
def _clip(call: Call) -> Value:
    bounds: dict[str, Any] = {}
    for index, name, attribute in ((1, "a_min", "min"), (2, "a_max", "max")):
        if call.has(index):
            bounds[name] = call.number(index)
        elif call.attribute(attribute) is not None:  # before opset 11
            bounds[name] = float(call.attribute(attribute))
    lowest = {"a_min": -math.inf, "a_max": math.inf}
    return call.call("clip", call.input(), **(lowest | bounds)) if bounds else call.input()


# ---- activations ---------------------------------------------------------------------------------


@reads("LeakyRelu")
def _leaky(call: Call) -> Value:
    slope = float(call.attribute("alpha", 0.01))
    return call.call("LeakyReLU", call.input(), act_type="leaky", slope=slope)


@reads("Elu")
def _elu(call: Call) -> Value:
    alpha = float(call.attribute("alpha", 1.0))
    return call.call("LeakyReLU", call.input(), act_type="elu", slope=alpha)


@reads("Selu")
def _selu(call: Call) -> Value:
    known = (1.6732631921768188, 1.0507009873554805)
    for name, value in zip(("alpha", "gamma"), known, strict=True):
        if not math.isclose(call.attribute(name, value), value, rel_tol=1e-6):
            raise call.refusal(f"{name} = {call.attribute(name)} cannot be read")
    return call.call("LeakyReLU", call.input(), act_type="selu")


@reads("PRelu")
def _prelu(call: Call) -> Value:
    """A slope for each channel; others are written out."""
    x, slope = call.input(0), call.input(1)
    if slope.scalar is not None:
        return call.call("LeakyReLU", x, act_type="leaky", slope=slope.scalar)
    below = call.call("broadcast_mul", slope, call.call("_minimum_scalar", x, scalar=0.0))
    return call.call("broadcast_add", call.call("relu", x), below)


@reads("Gelu")
def _gelu(call: Call) -> Value:
    x = call.input()
    if call.attribute("approximate", "none") == "none":
        return call.call("LeakyReLU", x, act_type="gelu")
    cube = call.call("_mul_scalar", call.call("_power_scalar", x, scalar=3.0), scalar=0.044715)
    inner = call.call("broadcast_add", x, cube)
    inner = call.call("tanh", call.call("_mul_scalar", inner, scalar=math.sqrt(2 / math.pi)))
    half = call.call("_mul_scalar", x, scalar=0.5)
    return call.call("broadcast_mul", half, call.call("_plus_scalar", inner, scalar=1.0))


@reads("Softplus")
def _softplus(call: Call) -> Value:
    return call.call("Activation", call.input(), act_type="softrelu")


@reads("HardSigmoid")
def _hard_sigmoid(call: Call) -> Value:
    alpha, beta = float(call.attribute("alpha", 0.2)), float(call.attribute("beta", 0.5))
    return call.call("hard_sigmoid", call.input(), alpha=alpha, beta=beta)


@reads("HardSwish")
def _hard_swish(call: Call) -> Value:
    gate = call.call("hard_sigmoid", call.input(), alpha=1 / 6, beta=0.5)
    return call.call("broadcast_mul", call.input(), gate)


@reads("Swish")
def _swish(call: Call) -> Value:
    x = call.input()
    scaled = call.call("_mul_scalar", x, scalar=float(call.attribute("alpha", 1.0)))
    return call.call("broadcast_mul", x, call.call("sigmoid", scaled))


@reads("Mish")
def _mish(call: Call) -> Value:
    gate = call.call("tanh", call.call("Activation", call.input(), act_type="softrelu"))
    return call.call("broadcast_mul", call.input(), gate)


@reads("ThresholdedRelu")
def _thresholded(call: Call) -> Value:
    above = call.call("_greater_scalar", call.input(), scalar=float(call.attribute("alpha", 1.0)))
    return call.call("broadcast_mul", call.input(), call.cast(above, call.input().dtype))


@reads("Shrink")
def _shrink(call: Call) -> Value:
    x, edge = call.input(), float(call.attribute("lambd", 0.5))
    bias = float(call.attribute("bias", 0.0))
    outside = call.call("_greater_scalar", call.call("abs", x), scalar=edge)
    moved = call.call("_mul_scalar", call.call("sign", x), scalar=bias)
    found = call.call("broadcast_sub", x, moved)
    return call.call("broadcast_mul", found, call.cast(outside, x.dtype))


@reads("Softmax", "LogSoftmax")
def _softmax(call: Call) -> Value:
    operator = "softmax" if call.operator == "Softmax" else "log_softmax"
    if call.opset >= 13:
        return call.call(operator, call.input(), axis=call.axis(-1))
    axis, x = call.axis(1), call.input()
    if axis == call.rank() - 1:
        return call.call(operator, x, axis=-1)
    rows = call.call(operator, flattened(call, axis), axis=-1)  # as all that is behind the axis
    return call.call("reshape_like", rows, x)


def flattened(call: Call, axis: int) -> Value:
    """The first input as a matrix: the axes before one, and the rest."""
    wanted = [(math.prod(sizes[:axis]), math.prod(sizes[axis:])) for sizes in call.input().pair]
    return call.reshaped(call.input(), type(call.input().pair)(*wanted))


@reads("Dropout")
def _dropout(call: Call) -> list[Value]:
    """Trained with what is dropped; the mask is no output here."""
    rate = call.number(1) if call.has(1) else float(call.attribute("ratio", 0.5))
    return [call.call("Dropout", call.input(), p=rate)]
