"""Elementwise operators, arithmetic and activations in ONNX."""

from __future__ import annotations

import math

import numpy

from microlazy.onnx.writing.call import Call, writes
from microlazy.symbol.operators import own_names

# MXNet's name, and the operator of ONNX that does the same.
_SAME = {
    "relu": "Relu",
    "sigmoid": "Sigmoid",
    "softsign": "Softsign",
    "erf": "Erf",
    "exp": "Exp",
    "log": "Log",
    "sqrt": "Sqrt",
    "abs": "Abs",
    "absolute": "Abs",
    "negative": "Neg",
    "floor": "Floor",
    "ceil": "Ceil",
    "rint": "Round",
    "sign": "Sign",
    "reciprocal": "Reciprocal",
    "sin": "Sin",
    "cos": "Cos",
    "tan": "Tan",
    "arcsin": "Asin",
    "arccos": "Acos",
    "arctan": "Atan",
    "sinh": "Sinh",
    "cosh": "Cosh",
    "tanh": "Tanh",
    "arcsinh": "Asinh",
    "arccosh": "Acosh",
    "arctanh": "Atanh",
}
# Names of what a number multiplies.
_FACTORS = {"degrees": 180 / math.pi, "radians": math.pi / 180}
_BASES = {"log2": math.log(2), "log10": math.log(10)}
_UNCHANGED = """
_copy _copyto _np_copy BlockGrad MakeLoss make_loss Dropout _identity_with_attr_like_rhs
LinearRegressionOutput MAERegressionOutput SVMOutput
_contrib_gradientmultiplier amp_multicast
"""
_ARITHMETIC = {
    "add": "Add",
    "plus": "Add",
    "sub": "Sub",
    "subtract": "Sub",
    "minus": "Sub",
    "mul": "Mul",
    "multiply": "Mul",
    "div": "Div",
    "true_divide": "Div",
    "power": "Pow",
    "maximum": "Max",
    "minimum": "Min",
}
_COMPARED = {
    "equal": "Equal",
    "greater": "Greater",
    "greater_equal": "GreaterOrEqual",
    "lesser": "Less",
    "less": "Less",
    "lesser_equal": "LessOrEqual",
    "less_equal": "LessOrEqual",
}
_LOGICAL = {"logical_and": "And", "logical_or": "Or", "logical_xor": "Xor"}
_ACTIVATIONS = {
    "relu": "Relu",
    "sigmoid": "Sigmoid",
    "tanh": "Tanh",
    "softrelu": "Softplus",
    "softsign": "Softsign",
}


def _stem(operator: str) -> str:
    """A name without what says which arrays it takes."""
    for prefix in ("_npi_", "_npx_", "_np_", "broadcast_", "elemwise_", "_"):
        operator = operator.removeprefix(prefix)
    return operator


def _named(stems: dict[str, str], *forms: str) -> list[str]:
    """The operators whose names are made of some parts; not all that can be made exist."""
    names = [form.format(stem) for stem in stems for form in forms]
    return [name for name in names if name in own_names()]


@writes(*_named(_SAME, "{}", "_npi_{}", "_npx_{}"))
def _unary(call: Call) -> str:
    x = call.cast_input(0, call.out_dtypes[0])
    return call.add(_SAME[_stem(call.operator)], x)


@writes(*_UNCHANGED.split())
def _unchanged(call: Call) -> str | list[str]:
    return call.inputs if call.operator == "amp_multicast" else call.inputs[0]


@writes("Cast", "amp_cast")
def _cast(call: Call) -> str:
    return call.cast_input(0, call.out_dtypes[0])


@writes("degrees", "radians", "_npi_degrees", "_npi_radians")
def _scaled(call: Call) -> str:
    return call.add("Mul", call.inputs[0], call.number(_FACTORS[_stem(call.operator)]))


@writes("log2", "log10", "_npi_log2", "_npi_log10")
def _logarithm(call: Call) -> str:
    x = call.add("Log", call.inputs[0])
    return call.add("Div", x, call.number(_BASES[_stem(call.operator)]))


@writes("log1p", "_npi_log1p")
def _log1p(call: Call) -> str:
    return call.add("Log", call.add("Add", call.inputs[0], call.number(1)))


@writes("expm1", "_npi_expm1")
def _expm1(call: Call) -> str:
    return call.add("Sub", call.add("Exp", call.inputs[0]), call.number(1))


@writes("square", "_npi_square")
def _square(call: Call) -> str:
    return call.add("Mul", call.inputs[0], call.inputs[0])


@writes("rsqrt")
def _rsqrt(call: Call) -> str:
    return call.add("Reciprocal", call.add("Sqrt", call.inputs[0]))


@writes("cbrt", "rcbrt", "_npi_cbrt")
def _cbrt(call: Call) -> str:
    x = call.inputs[0]
    power = call.add("Pow", call.add("Abs", x), call.number(1 / 3))
    root = call.add("Mul", call.add("Sign", x), power)
    return call.add("Reciprocal", root) if call.operator == "rcbrt" else root


@writes("trunc", "fix", "_npi_trunc", "_npi_fix")
def _trunc(call: Call) -> str:
    x = call.inputs[0]
    return call.add("Mul", call.add("Sign", x), call.add("Floor", call.add("Abs", x)))


@writes("round")
def _round(call: Call) -> str:
    """Halves go away from zero here, and to the even number in ONNX."""
    x = call.inputs[0]
    up = call.add("Floor", call.add("Add", call.add("Abs", x), call.number(0.5)))
    return call.add("Mul", call.add("Sign", x), up)


@writes("zeros_like", "ones_like")
def _filled(call: Call) -> str:
    value = numpy.array([call.operator == "ones_like"], call.out_dtypes[0])
    tensor = call.graph.tensor(value)
    return call.add("ConstantOfShape", call.add("Shape", call.inputs[0]), value=tensor)


@writes("hard_sigmoid")
def _hard_sigmoid(call: Call) -> str:
    alpha, beta = float(call.value("alpha")), float(call.value("beta"))
    return call.add("HardSigmoid", call.inputs[0], alpha=alpha, beta=beta)


@writes("clip")
def _clip(call: Call) -> str:
    bounds = [call.value("a_min"), call.value("a_max")]
    given = ["" if bound is None else call.number(bound) for bound in bounds]
    return call.add("Clip", call.inputs[0], *given)


@writes("smooth_l1")
def _smooth_l1(call: Call) -> str:
    """Ross Girshick, Fast R-CNN, 2015: a square near zero, else the distance."""
    x, square = call.inputs[0], float(call.value("scalar", 1)) ** 2
    size = call.add("Abs", x)
    near = call.add("Mul", call.add("Mul", x, x), call.number(square / 2))
    far = call.add("Sub", size, call.number(0.5 / square))
    return call.add("Where", call.add("Less", size, call.number(1 / square)), near, far)


# ---- two arrays, or an array and a number -------------------------------------------------------


def _operands(call: Call) -> list[str]:
    """Both operands, in one dtype."""
    if "_scalar" in call.operator:
        number = call.value("scalar")
        kind = numpy.result_type(numpy.dtype(call.dtypes[0]), numpy.min_scalar_type(number))
        floating = numpy.dtype(call.dtypes[0]).kind == "f" or float(number).is_integer()
        dtype = call.dtypes[0] if floating else kind.name
        dtype = call.out_dtypes[0] if numpy.dtype(call.out_dtypes[0]).kind == "f" else dtype
        pair = [call.cast_input(0, dtype), call.constant(number, dtype)]
        return pair[::-1] if _is_reversed(call.operator) else pair
    found = numpy.result_type(*call.dtypes).name
    if numpy.dtype(call.out_dtypes[0]).kind == "f":
        found = call.out_dtypes[0]
    return [call.cast_input(index, found) for index in range(2)]


def _is_reversed(operator: str) -> bool:
    return operator.removeprefix("_npi").startswith("_r")


def _kind(operator: str) -> str:
    """What an operator of arithmetic does: its name without what says on what."""
    stem = _stem(operator.removesuffix("_scalar"))
    reverse = operator.endswith("_scalar") and _is_reversed(operator)
    return stem.removeprefix("r") if reverse else stem


_TWO = ("elemwise_{}", "broadcast_{}", "_{}", "_{}_scalar", "_npi_{}", "_npi_{}_scalar")
_TURNED = ("_r{}_scalar", "_npi_r{}_scalar")


@writes(*_named(_ARITHMETIC, *_TWO, *_TURNED), "_grad_add")
def _arithmetic(call: Call) -> str:
    kind = "add" if call.operator == "_grad_add" else _kind(call.operator)
    return call.add(_ARITHMETIC[kind], *_operands(call))


@writes("broadcast_mod", "_mod", "_mod_scalar", "_rmod_scalar", "_npi_mod", "_npi_mod_scalar")
def _mod(call: Call) -> str:
    """The remainder has the sign of the divisor, as in Python."""
    a, b = _operands(call)
    return call.add("Sub", a, call.add("Mul", b, call.add("Floor", call.add("Div", a, b))))


@writes("broadcast_hypot", "_hypot", "_hypot_scalar")
def _hypot(call: Call) -> str:
    a, b = _operands(call)
    return call.add("Sqrt", call.add("Add", call.add("Mul", a, a), call.add("Mul", b, b)))


@writes(*_named(_COMPARED, "broadcast_{}", "_{}", "_{}_scalar", "_npi_{}", "_npi_{}_scalar"))
def _compare(call: Call) -> str:
    found = call.add(_COMPARED[_kind(call.operator)], *_operands(call))
    return call.cast(found, "bool", call.out_dtypes[0])


@writes("broadcast_not_equal", "_not_equal", "_not_equal_scalar")
@writes("_npi_not_equal", "_npi_not_equal_scalar")
def _differ(call: Call) -> str:
    found = call.add("Not", call.add("Equal", *_operands(call)))
    return call.cast(found, "bool", call.out_dtypes[0])


@writes(*_named(_LOGICAL, "broadcast_{}", "_{}", "_{}_scalar", "_npi_{}"))
def _logic(call: Call) -> str:
    if call.operator.endswith("_scalar"):
        second = call.constant(bool(call.value("scalar")), "bool")
    else:
        second = call.cast_input(1, "bool")
    found = call.add(_LOGICAL[_kind(call.operator)], call.cast_input(0, "bool"), second)
    return call.cast(found, "bool", call.out_dtypes[0])


@writes("logical_not", "_npi_logical_not")
def _not(call: Call) -> str:
    return call.cast(call.add("Not", call.cast_input(0, "bool")), "bool", call.out_dtypes[0])


@writes("_npi_isnan", "_npi_isinf")
def _not_finite(call: Call) -> str:
    return call.add({"_npi_isnan": "IsNaN", "_npi_isinf": "IsInf"}[call.operator], call.inputs[0])


@writes("add_n")
def _add_n(call: Call) -> str:
    return call.add("Sum", *call.inputs)


@writes("where", "_npi_where")
def _where(call: Call) -> str:
    condition = call.cast_input(0, "bool")
    if call.rank(0) == 1 < call.rank(1):  # MXNet's choice of rows
        axes = call.integers(*range(1, call.rank(1)))
        condition = call.add("Unsqueeze", condition, axes)
    pair = [call.cast_input(index, call.out_dtypes[0]) for index in (1, 2)]
    return call.add("Where", condition, *pair)


@writes("_npi_where_lscalar", "_npi_where_rscalar")
def _where_number(call: Call) -> str:
    pair = [call.constant(call.value("scalar"), call.out_dtypes[0])]
    pair.insert(call.operator == "_npi_where_lscalar", call.cast_input(1, call.out_dtypes[0]))
    if call.operator == "_npi_where_lscalar":
        pair.reverse()
    return call.add("Where", call.cast_input(0, "bool"), *pair)


# ---- activations --------------------------------------------------------------------------------


@writes("Activation")
def _activation(call: Call) -> str:
    kind = call.value("act_type")
    if kind in _ACTIVATIONS:
        return call.add(_ACTIVATIONS[kind], call.inputs[0])
    if kind == "log_sigmoid":
        x = call.add("Softplus", call.add("Neg", call.inputs[0]))
        return call.add("Neg", x)
    if kind in ("silu", "swish"):
        return call.add("Mul", call.inputs[0], call.add("Sigmoid", call.inputs[0]))
    if kind == "gelu":
        return _gelu(call)
    raise call.refusal(f"ONNX has no activation {kind!r}")


def _gelu(call: Call) -> str:
    """Hendrycks and Gimpel 2016."""
    x = call.inputs[0]
    half = call.add("Mul", x, call.number(0.5))
    inner = call.add("Erf", call.add("Mul", x, call.number(math.sqrt(0.5))))
    return call.add("Mul", half, call.add("Add", inner, call.number(1)))


@writes("LogisticRegressionOutput")
def _logistic(call: Call) -> str:
    return call.add("Sigmoid", call.inputs[0])


@writes("LeakyReLU")
def _leaky(call: Call) -> str:
    kind, x = call.value("act_type"), call.inputs[0]
    slope = float(call.value("slope"))
    if kind == "prelu":
        gamma = call.inputs[1]
        if call.rank(0) > 2 and call.rank(1) == 1 and call.size(0, 1) > 1:
            gamma = call.add("Unsqueeze", gamma, call.integers(*range(1, call.rank(0) - 1)))
        return call.add("PRelu", x, gamma)
    if kind == "leaky":
        return call.add("LeakyRelu", x, alpha=slope)
    if kind == "rrelu":  # where nothing is trained it has the middle slope
        middle = (float(call.value("lower_bound")) + float(call.value("upper_bound"))) / 2
        return call.add("LeakyRelu", x, alpha=middle)
    if kind == "elu":
        return call.add("Elu", x, alpha=slope)
    if kind == "selu":
        return call.add("Selu", x)
    if kind == "gelu":
        return _gelu(call)
    raise call.refusal(f"ONNX has no activation {kind!r}")


@writes("softmax", "log_softmax", "softmin")
def _softmax(call: Call) -> str:
    x = call.inputs[0]
    if call.operator == "softmin":
        x = call.add("Neg", x)
    if call.value("temperature") is not None:
        x = call.add("Div", x, call.number(float(call.value("temperature"))))
    axis, op = call.axis(default=-1), "LogSoftmax" if call.operator == "log_softmax" else "Softmax"
    mask = _length_mask(call, axis) if len(call.inputs) > 1 else None
    if mask is not None:
        x = call.add("Where", mask, x, call.number(float(numpy.finfo(call.dtypes[0]).min)))
    found = call.add(op, x, axis=axis)
    if mask is not None:
        found = call.add("Where", mask, found, call.number(0))
    return call.cast(found, call.dtypes[0], call.out_dtypes[0])


def _length_mask(call: Call, axis: int) -> str:
    """Where a sequence along an axis has not ended."""
    places = call.add("Range", call.constant(0, "int64"), _length(call, axis),
                      call.constant(1, "int64"))  # fmt: skip
    if axis < call.rank() - 1:
        places = call.add("Unsqueeze", places, call.integers(*range(1, call.rank() - axis)))
    lengths = call.add("Unsqueeze", call.cast_input(1, "int64"), call.integers(axis))
    return call.add("Less", places, lengths)


def _length(call: Call, axis: int) -> str:
    shape = call.add("Shape", call.inputs[0])
    return call.add("Gather", shape, call.constant(axis, "int64"), axis=0)


@writes("SoftmaxActivation")
def _softmax_activation(call: Call) -> str:
    return call.add("Softmax", call.inputs[0], axis=1 if call.value("mode") == "channel" else -1)


@writes("SoftmaxOutput")
def _softmax_output(call: Call) -> str:
    if call.value("multi_output"):
        return call.add("Softmax", call.inputs[0], axis=1)
    if call.value("preserve_shape") or call.rank() == 2:
        return call.add("Softmax", call.inputs[0], axis=-1)
    return _over_rows(call)


def _over_rows(call: Call) -> str:
    x = call.add("Softmax", call.add("Flatten", call.inputs[0], axis=1), axis=-1)
    return call.add("Reshape", x, call.add("Shape", call.inputs[0]))
