"""The table of elementwise functions, and how a row becomes a function of nd, np and npx.

A row names an op of `core/ops/elementwise.pyx`, the names it has in each namespace, what it
computes, and an example. Adding an elementwise function is adding a row.
"""

import numbers
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy

from microlazy.core import functions
from microlazy.core.tensor import Tensor


class Row(NamedTuple):
    """One elementwise function."""

    op: str
    nd: str  # names in each namespace, separated by blanks
    np: str
    npx: str
    summary: str
    arguments: str  # of the example, arrays in brackets
    result: str


UNARY = (
    Row("negative", "negative", "negative", "", "-x.", "[1, -2]", "[-1.0, 2.0]"),
    Row("abs", "abs", "abs absolute fabs", "", "The absolute value.", "[1, -2]", "[1.0, 2.0]"),
    Row("sign", "sign", "sign", "", "-1, 0 or 1 by the sign.", "[3, 0, -2]", "[1.0, 0.0, -1.0]"),
    Row("square", "square", "square", "", "x**2.", "[3, -2]", "[9.0, 4.0]"),
    Row("sqrt", "sqrt", "sqrt", "", "The square root.", "[4, 9]", "[2.0, 3.0]"),
    Row("rsqrt", "rsqrt", "", "rsqrt", "1 / sqrt(x).", "[4, 16]", "[0.5, 0.25]"),
    Row("reciprocal", "reciprocal", "reciprocal", "", "1 / x.", "[2, 4]", "[0.5, 0.25]"),
    Row("exp", "exp", "exp", "", "The exponential, e**x.", "[0, 1]", "[1.0, 2.7183]"),
    Row("expm1", "expm1", "expm1", "", "e**x - 1, accurate near 0.", "[0, 1]", "[0.0, 1.7183]"),
    Row("log", "log", "log", "", "The natural logarithm.", "[1, 2]", "[0.0, 0.6931]"),
    Row("log1p", "log1p", "log1p", "", "log(1 + x), accurate near 0.", "[0, 1]", "[0.0, 0.6931]"),
    Row("log2", "log2", "log2", "", "The logarithm to base 2.", "[1, 8]", "[0.0, 3.0]"),
    Row("log10", "log10", "log10", "", "The logarithm to base 10.", "[1, 100]", "[0.0, 2.0]"),
    Row("sin", "sin", "sin", "", "The sine of angles in radians.", "[0, 1]", "[0.0, 0.8415]"),
    Row("cos", "cos", "cos", "", "The cosine of angles in radians.", "[0, 1]", "[1.0, 0.5403]"),
    Row("tanh", "tanh", "tanh", "", "The hyperbolic tangent.", "[0, 1]", "[0.0, 0.7616]"),
    Row("sigmoid", "sigmoid", "", "sigmoid", "1 / (1 + e**-x).", "[0, 1]", "[0.5, 0.7311]"),
    Row("log_sigmoid", "log_sigmoid", "", "log_sigmoid", "-log(1 + e**-x).", "[0, 1]",
        "[-0.6931, -0.3133]"),
    Row("relu", "relu", "", "relu", "max(x, 0); the gradient at 0 is 0.", "[-1, 2]", "[0.0, 2.0]"),
    Row("softrelu", "softrelu", "", "softrelu", "log(1 + e**x).", "[0, 1]", "[0.6931, 1.3133]"),
    Row("softsign", "softsign", "", "softsign", "x / (1 + abs(x)).", "[0, 1]", "[0.0, 0.5]"),
    Row("gelu", "gelu", "", "gelu", "x times the normal distribution function.", "[0, 1]",
        "[0.0, 0.8413]"),
    Row("silu", "silu", "", "silu", "x * sigmoid(x).", "[0, 1]", "[0.0, 0.7311]"),
    Row("erf", "erf", "", "erf", "The error function.", "[0, 1]", "[0.0, 0.8427]"),
    Row("floor", "floor", "floor", "", "The next whole number down.", "[1.5, -1.5]", "[1.0, -2.0]"),
    Row("ceil", "ceil", "ceil", "", "The next whole number up.", "[1.5, -1.5]", "[2.0, -1.0]"),
    Row("rint", "rint", "rint", "", "The nearest whole number, halves to even.", "[0.6, 2.5]",
        "[1.0, 2.0]"),
    Row("trunc", "trunc fix", "trunc fix", "", "x without its fraction.", "[1.5, -1.5]",
        "[1.0, -1.0]"),
)  # fmt: skip

BINARY = (
    Row("add", "add broadcast_add broadcast_plus elemwise_add", "add", "", "a + b.", "[1, 2], 1",
        "[2.0, 3.0]"),
    Row("subtract", "subtract broadcast_sub broadcast_minus elemwise_sub", "subtract", "",
        "a - b.", "[1, 2], 1", "[0.0, 1.0]"),
    Row("multiply", "multiply broadcast_mul elemwise_mul", "multiply", "", "a * b.", "[1, 2], 3",
        "[3.0, 6.0]"),
    Row("divide", "divide true_divide broadcast_div elemwise_div", "divide true_divide", "",
        "a / b.", "[1, 2], 2", "[0.5, 1.0]"),
    Row("mod", "modulo broadcast_mod", "mod remainder", "",
        "The remainder of a / b, with the sign of b.", "[5, -5], 3", "[2.0, 1.0]"),
    Row("power", "power broadcast_power", "power", "", "a**b.", "[2, 3], 2", "[4.0, 9.0]"),
    Row("maximum", "maximum broadcast_maximum", "maximum", "",
        "The larger of a and b; where they are equal, a has the gradient.", "[1, 3], 2",
        "[2.0, 3.0]"),
    Row("minimum", "minimum broadcast_minimum", "minimum", "",
        "The smaller of a and b; where they are equal, a has the gradient.", "[1, 3], 2",
        "[1.0, 2.0]"),
    Row("equal", "equal broadcast_equal", "equal", "", "Whether a == b.", "[1, 2], 2",
        "[0.0, 1.0]"),
    Row("not_equal", "not_equal broadcast_not_equal", "not_equal", "", "Whether a != b.",
        "[1, 2], 2", "[1.0, 0.0]"),
    Row("less", "lesser broadcast_lesser", "less", "", "Whether a < b.", "[1, 2], 2",
        "[1.0, 0.0]"),
    Row("less_equal", "lesser_equal broadcast_lesser_equal", "less_equal", "", "Whether a <= b.",
        "[1, 2], 2", "[1.0, 1.0]"),
    Row("greater", "greater broadcast_greater", "greater", "", "Whether a > b.", "[1, 2], 2",
        "[0.0, 0.0]"),
    Row("greater_equal", "greater_equal broadcast_greater_equal", "greater_equal", "",
        "Whether a >= b.", "[1, 2], 2", "[0.0, 1.0]"),
)  # fmt: skip

_DOC = """{summary}

    Parameters
    ----------
    {inputs}
    out : array, optional
        Where the result is written; of its shape.

    Returns
    -------
    array

    Examples
    --------
    >>> from microlazy import {array}, {namespace}
    >>> y = {namespace}.{name}({array}.array({first}){second})
    >>> y.astype("float64").asnumpy().round(4).tolist()
    {result}
    """


def _finish(op: str, result: Any, out: Tensor | None) -> Any:
    return result if out is None else functions.write_into(out, result)


def _one_input(row: Row, namespace: str) -> Callable[..., Any]:
    op = row.op
    number = getattr(numpy, row.np.split()[0]) if namespace == "np" else None

    def function(x: Tensor, out: Tensor | None = None) -> Tensor:
        if number is not None and isinstance(x, (numbers.Number, numpy.generic)):
            return number(x)
        return _finish(op, functions.unary_op(op, x), out)

    return function


def _two_inputs(row: Row, namespace: str) -> Callable[..., Any]:
    op = row.op

    def function(a: Tensor | float, b: Tensor | float, out: Tensor | None = None) -> Tensor:
        return _finish(op, functions.binary_op(op, a, b), out)

    return function


def functions_of(namespace: str) -> dict[str, Callable[..., Any]]:
    """Make the elementwise functions of "nd", "np" or "npx" from the table.

    Examples
    --------
    >>> from microlazy.op_table import functions_of
    >>> sorted(functions_of("npx"))[:3]
    ['erf', 'gelu', 'log_sigmoid']
    """
    made: dict[str, Callable[..., Any]] = {}
    for rows, build, inputs in (
        (UNARY, _one_input, "x : array"),
        (BINARY, _two_inputs, "a, b : array or number\n        Broadcast to one shape."),
    ):
        for row in rows:
            for name in getattr(row, namespace).split():
                function = build(row, namespace)
                first, closing, second = row.arguments.partition("]")
                function.__name__ = function.__qualname__ = name
                function.__module__ = f"microlazy.{_MODULES[namespace]}"
                function.__doc__ = _DOC.format(
                    summary=row.summary,
                    inputs=inputs,
                    array="nd" if namespace == "nd" else "np",
                    namespace=namespace,
                    name=name,
                    first=f'{first}{closing}, dtype="float64"',
                    second=second,
                    result=row.result,
                )
                made[name] = function
    return made


_MODULES = {"nd": "ndarray", "np": "numpy", "npx": "numpy_extension"}
