"""The elementwise functions that have kernels: one row says all about each.

The build (`setup.py`) writes from these rows the enums of the ops, their loops and the dispatch
among them. At run time `core/ops/elementwise.pyx` takes the flags and the rules, and `op_table` the
names and the documentation. This file imports nothing of microlazy, for the build reads it too.

A formula is Cython text, compiled for float and for double: its numbers get that type. In it x, or
a and b, are the inputs, y is the result and g the gradient of the result. It may use the functions
of `core/kernels/mathfuncs.h` and of other rows, and may begin with definitions, as in
``"s = sigmoid(x); g * s"``.

A rule is the gradient in recorded operations, for gradients of gradients; None means 0. It gets the
functions of these rows as attributes of `f`; comparisons there give constants of 0 and 1. One of a
and b may be a plain number. y is None unless the gradient's formula reads it.
"""

import re
from collections.abc import Callable
from math import log, pi, sqrt
from typing import Any, NamedTuple

Rule = Callable[..., Any]


class Unary(NamedTuple):
    """A function of one number."""

    op: str
    value: str  # the formula; if empty, mathfuncs.h has a function of that name
    gradient: str
    rule: Rule | None
    nd: str  # names in each namespace, separated by blanks
    np: str
    npx: str
    summary: str
    arguments: str  # of the example, arrays in brackets
    result: str
    dtype: str = "float64"  # of the example
    light: bool = False  # a few instructions an element
    makes_floats: bool = False  # under np, of integers as well
    numpy: str = ""  # what NumPy calls it, for integers; if empty, they go through float32
    before: str = ""  # computed first, in a loop of its own; the formula has it as e
    loop: str = ""  # a call that runs the loop, for functions that need more than a formula
    gradient_loop: str = ""


class Binary(NamedTuple):
    """A function of two numbers."""

    op: str
    value: str
    gradients: tuple[str, str]  # by a and by b
    rules: tuple[Rule | None, Rule | None] | None
    nd: str
    np: str
    npx: str
    summary: str
    arguments: str
    result: str
    dtype: str = "float64"
    light: bool = True
    makes_floats: bool = False  # of integers as well
    loop: str = ""
    scalar_loop: str = ""  # of an array and a number s, which is the first operand if `swapped`
    mirrored: str = ""  # of a comparison: the op that gives the same with its operands swapped


NO_GRADIENTS = ("0", "0")


def _share(f: Any, g: Any, part: Any, total: Any) -> Any:
    """g * part / total, and at a total of 0 nothing, nor any derivative."""
    return f.masked(g * part / (total + f.equal(total, 0.0)), f.not_equal(total, 0.0))


def reads(row: Unary | Binary, names: str) -> bool:
    """Whether a gradient's formula reads one of the values with these names.

    Examples
    --------
    >>> from microlazy.core.kernels.elementwise_rows import UNARY, reads
    >>> [row.op for row in UNARY if reads(row, "y")][:3]
    ['sqrt', 'rsqrt', 'reciprocal']
    """
    formulas = (row.gradient,) if isinstance(row, Unary) else row.gradients
    return any(formula_reads(formula, names) for formula in formulas)


def formula_reads(formula: str, names: str) -> bool:
    """Whether a formula reads one of the values with these names.

    Examples
    --------
    >>> from microlazy.core.kernels.elementwise_rows import formula_reads
    >>> formula_reads("g * (a / y)", "y"), formula_reads("g", "ab")
    (True, False)
    """
    return not set(names).isdisjoint(re.findall(r"\w+", formula))


UNARY = (
    Unary(
        "negative", "-x", "-g", lambda f, g, x, y: -g,
        "negative", "negative", "", "-x.", "[1, -2]", "[-1.0, 2.0]",
        light=True, numpy="negative",
    ),
    Unary(
        "abs", "", "g * sign(x)", lambda f, g, x, y: g * f.sign(f.detached(x)),
        "abs", "abs absolute fabs", "", "The absolute value.", "[1, -2]", "[1.0, 2.0]",
        light=True, numpy="abs",
    ),
    Unary(
        "sign", "<floating> (x > 0) - <floating> (x < 0) if x == x else x", "0", None,
        "sign", "sign", "", "-1, 0 or 1 by the sign.", "[3, 0, -2]", "[1.0, 0.0, -1.0]",
        light=True, numpy="sign",
    ),
    Unary(
        "square", "x * x", "(g + g) * x", lambda f, g, x, y: g * x * 2.0,
        "square", "square", "", "x**2.", "[3, -2]", "[9.0, 4.0]",
        light=True, numpy="square",
    ),
    Unary(
        "sqrt", "", "0.5 * g / y", lambda f, g, x, y: g / y * 0.5,
        "sqrt", "sqrt", "", "The square root.", "[4, 9]", "[2.0, 3.0]",
        light=True, makes_floats=True, numpy="sqrt",
    ),
    Unary(
        "rsqrt", "1 / sqrt(x)", "-0.5 * g * y / x", lambda f, g, x, y: g * y * y * y * -0.5,
        "rsqrt", "", "rsqrt", "1 / sqrt(x).", "[4, 16]", "[0.5, 0.25]",
    ),
    Unary(
        "reciprocal", "1 / x", "-g * y * y", lambda f, g, x, y: -g * y * y,
        "reciprocal", "reciprocal", "", "1 / x.", "[2, 4]", "[0.5, 0.25]",
        light=True,
    ),
    Unary(
        "exp", "", "g * y", lambda f, g, x, y: g * y,
        "exp", "exp", "", "The exponential, e**x.", "[0, 1]", "[1.0, 2.7183]",
        makes_floats=True, numpy="exp",
    ),
    Unary(
        "expm1", "", "g * exp(x)", lambda f, g, x, y: g * f.exp(x),
        "expm1", "expm1", "", "e**x - 1, accurate near 0.", "[0, 1]", "[0.0, 1.7183]",
        makes_floats=True, numpy="expm1",
    ),
    Unary(
        "log", "", "g / x", lambda f, g, x, y: g / x,
        "log", "log", "", "The natural logarithm.", "[1, 2]", "[0.0, 0.6931]",
        makes_floats=True, numpy="log",
    ),
    Unary(
        "log1p", "", "g / (1 + x)", lambda f, g, x, y: g / (x + 1.0),
        "log1p", "log1p", "", "log(1 + x), accurate near 0.", "[0, 1]", "[0.0, 0.6931]",
        makes_floats=True, numpy="log1p",
    ),
    Unary(
        "log2", "", "g / (x * M_LN2)", lambda f, g, x, y: g / (x * log(2.0)),
        "log2", "log2", "", "The logarithm to base 2.", "[1, 8]", "[0.0, 3.0]",
        makes_floats=True, numpy="log2",
    ),
    Unary(
        "log10", "", "g / (x * M_LN10)", lambda f, g, x, y: g / (x * log(10.0)),
        "log10", "log10", "", "The logarithm to base 10.", "[1, 100]", "[0.0, 2.0]",
        makes_floats=True, numpy="log10",
    ),
    Unary(
        "sin", "", "g * cos(x)", lambda f, g, x, y: g * f.cos(x),
        "sin", "sin", "", "The sine of angles in radians.", "[0, 1]", "[0.0, 0.8415]",
        makes_floats=True, numpy="sin",
        loop="map_trig(sin[floating], libm_sin[floating], x, out, n)",
        gradient_loop="map_trig_grad(U_COS, 1, x, g, dx, accumulate, n)",
    ),
    Unary(
        "cos", "", "-g * sin(x)", lambda f, g, x, y: -g * f.sin(x),
        "cos", "cos", "", "The cosine of angles in radians.", "[0, 1]", "[1.0, 0.5403]",
        makes_floats=True, numpy="cos",
        loop="map_trig(cos[floating], libm_cos[floating], x, out, n)",
        gradient_loop="map_trig_grad(U_SIN, -1, x, g, dx, accumulate, n)",
    ),
    Unary(
        "tan", "", "g * (1 + y * y)", lambda f, g, x, y: g * (y * y + 1.0),
        "tan", "tan", "", "The tangent of angles in radians.", "[0, 1]", "[0.0, 1.5574]",
        loop="map_trig(tan[floating], libm_tan[floating], x, out, n)",
    ),
    Unary(
        "arcsin", "", "g / sqrt((1 - x) * (1 + x))", lambda f, g, x, y: g * f.rsqrt(1.0 - x * x),
        "arcsin", "arcsin asin", "", "The angle with this sine.", "[0, 1]", "[0.0, 1.5708]",
    ),
    Unary(
        "arccos", "", "-g / sqrt((1 - x) * (1 + x))", lambda f, g, x, y: -g * f.rsqrt(1.0 - x * x),
        "arccos", "arccos acos", "", "The angle with this cosine.", "[0, 1]", "[1.5708, 0.0]",
    ),
    Unary(
        "arctan", "", "g / (1 + x * x)", lambda f, g, x, y: g / (x * x + 1.0),
        "arctan", "arctan atan", "", "The angle with this tangent.", "[0, 1]", "[0.0, 0.7854]",
    ),
    Unary(
        "sinh", "", "g * cosh(x)", lambda f, g, x, y: g * f.cosh(x),
        "sinh", "sinh", "", "The hyperbolic sine.", "[0, 1]", "[0.0, 1.1752]",
    ),
    Unary(
        "cosh", "", "g * sinh(x)", lambda f, g, x, y: g * f.sinh(x),
        "cosh", "cosh", "", "The hyperbolic cosine.", "[0, 1]", "[1.0, 1.5431]",
    ),
    Unary(
        "arcsinh", "", "g / sqrt(x * x + 1)", lambda f, g, x, y: g * f.rsqrt(x * x + 1.0),
        "arcsinh", "arcsinh asinh", "", "The inverse of sinh.", "[0, 1]", "[0.0, 0.8814]",
    ),
    Unary(
        "arccosh", "", "g / sqrt((x - 1) * (x + 1))", lambda f, g, x, y: g * f.rsqrt(x * x - 1.0),
        "arccosh", "arccosh acosh", "", "The inverse of cosh.", "[1, 2]", "[0.0, 1.317]",
    ),
    Unary(
        "arctanh", "", "g / ((1 - x) * (1 + x))", lambda f, g, x, y: g / (1.0 - x * x),
        "arctanh", "arctanh atanh", "", "The inverse of tanh.", "[0, 0.5]", "[0.0, 0.5493]",
    ),
    Unary(
        "degrees", "x * 57.29577951308232", "g * 57.29577951308232",
        lambda f, g, x, y: g * (180.0 / pi),
        "degrees", "degrees rad2deg", "", "Radians as degrees.", "[0, 1]", "[0.0, 57.2958]",
        light=True,
    ),
    Unary(
        "radians", "x * 0.017453292519943295", "g * 0.017453292519943295",
        lambda f, g, x, y: g * (pi / 180.0),
        "radians", "radians deg2rad", "", "Degrees as radians.", "[0, 180]", "[0.0, 3.1416]",
        light=True,
    ),
    Unary(
        "exp2", "", "g * y * M_LN2", lambda f, g, x, y: g * y * log(2.0),
        "", "exp2", "", "2**x.", "[0, 3]", "[1.0, 8.0]",
    ),
    Unary(
        "cbrt", "", "g / (3 * y * y)", lambda f, g, x, y: g / (y * y * 3.0),
        "cbrt", "cbrt", "", "The cube root.", "[8, -27]", "[2.0, -3.0]",
    ),
    Unary(
        "rcbrt", "1 / cbrt(x)", "-g * y / (3 * x)", lambda f, g, x, y: -g * y / (x * 3.0),
        "rcbrt", "", "rcbrt", "1 / cbrt(x).", "[8, -1]", "[0.5, -1.0]",
    ),
    Unary(
        "tanh", "", "g * (1 - y * y)", lambda f, g, x, y: g * (1.0 - y * y),
        "tanh", "tanh", "", "The hyperbolic tangent.", "[0, 1]", "[0.0, 0.7616]",
        makes_floats=True, numpy="tanh",
    ),
    Unary(
        "sigmoid", "", "g * y * (1 - y)", lambda f, g, x, y: g * y * (1.0 - y),
        "sigmoid", "", "sigmoid", "1 / (1 + e**-x).", "[0, 1]", "[0.5, 0.7311]",
    ),
    Unary(
        "log_sigmoid", "-softrelu(-x, e)", "g * sigmoid(-x)", lambda f, g, x, y: g * f.sigmoid(-x),
        "log_sigmoid", "", "log_sigmoid", "-log(1 + e**-x).", "[0, 1]", "[-0.6931, -0.3133]",
        before="exp(-abs(x))",
    ),
    Unary(
        "relu", "0 if x <= 0 else x", "g if x > 0 else (0 if x <= 0 else x)",
        lambda f, g, x, y: f.masked(g, f.greater(x, 0.0)),
        "relu", "", "relu", "max(x, 0); the gradient at 0 is 0.", "[-1, 2]", "[0.0, 2.0]",
        light=True,
    ),
    Unary(
        "softrelu", "relu(x) + log1p(e)", "g * sigmoid(x)", lambda f, g, x, y: g * f.sigmoid(x),
        "softrelu", "", "softrelu", "log(1 + e**x).", "[0, 1]", "[0.6931, 1.3133]",
        before="exp(-abs(x))",
    ),
    Unary(
        "softsign", "x / (1 + abs(x))", "r = 1 / (1 + abs(x)); g * r * r",
        lambda f, g, x, y: g / f.square(f.abs(x) + 1.0),
        "softsign", "", "softsign", "x / (1 + abs(x)).", "[0, 1]", "[0.0, 0.5]",
    ),
    Unary(
        "gelu", "0.5 * x * (1 + erf(x * M_SQRT1_2))",
        "cdf = 0.5 * (1 + erf(x * M_SQRT1_2)); "
        "pdf = 0.3989422804014327 * exp(-0.5 * x * x); g * (cdf + x * pdf)",
        lambda f, g, x, y: g * (
            (f.erf(x * sqrt(0.5)) + 1.0) * 0.5
            + x * f.exp(x * x * -0.5) * (1.0 / sqrt(2.0 * pi))),
        "gelu", "", "gelu", "x times the normal distribution function.", "[0, 1]", "[0.0, 0.8413]",
    ),
    Unary(
        "silu", "x * sigmoid(x)", "s = sigmoid(x); g * s * (1 + x * (1 - s))",
        lambda f, g, x, y: g * (f.sigmoid(x) * (x * (1.0 - f.sigmoid(x)) + 1.0)),
        "silu", "", "silu", "x * sigmoid(x).", "[0, 1]", "[0.0, 0.7311]",
    ),
    Unary(
        "mish",
        "n = 1 + 2 * e if x >= 0 else e * (e + 2); x * n / (n + (2 * e * e if x >= 0 else 2))",
        "t = tanh(log1p(exp(-abs(x))) + relu(x)); g * (t + x * (1 - t * t) * sigmoid(x))",
        lambda f, g, x, y: g * (
            (t := f.tanh(f.softrelu(x))) + x * (1.0 - t * t) * f.sigmoid(x)),
        "", "", "mish", "x * tanh(log(1 + e**x)).", "[0, 1]", "[0.0, 0.8651]",
        before="exp(-abs(x))",
    ),
    Unary(
        "erf", "", "g * M_2_SQRTPI * exp(-x * x)",
        lambda f, g, x, y: g * f.exp(-x * x) * (2.0 / sqrt(pi)),
        "erf", "", "erf", "The error function.", "[0, 1]", "[0.0, 0.8427]",
    ),
    Unary(
        "floor", "", "0", None,
        "floor", "floor", "", "The next whole number down.", "[1.5, -1.5]", "[1.0, -2.0]",
        light=True, numpy="floor",
    ),
    Unary(
        "ceil", "", "0", None,
        "ceil", "ceil", "", "The next whole number up.", "[1.5, -1.5]", "[2.0, -1.0]",
        light=True, numpy="ceil",
    ),
    Unary(
        "rint", "", "0", None,
        "rint", "rint", "", "The nearest whole number, halves to even.", "[0.6, 2.5]",
        "[1.0, 2.0]",
        light=True, numpy="rint",
    ),
    Unary(
        "trunc", "", "0", None,
        "trunc fix", "trunc fix", "", "x without its fraction.", "[1.5, -1.5]", "[1.0, -1.0]",
        light=True, numpy="trunc",
    ),
)  # fmt: skip

ARITHMETIC = (
    Binary(
        "add", "a + b", ("g", "g"), (lambda f, g, a, b: g, lambda f, g, a, b: g),
        "add broadcast_add broadcast_plus elemwise_add", "add", "",
        "a + b.", "[1, 2], 1", "[2.0, 3.0]",
    ),
    Binary(
        "subtract", "a - b", ("g", "-g"), (lambda f, g, a, b: g, lambda f, g, a, b: -g),
        "subtract broadcast_sub broadcast_minus elemwise_sub", "subtract", "",
        "a - b.", "[1, 2], 1", "[0.0, 1.0]",
    ),
    Binary(
        "multiply", "a * b", ("g * b", "g * a"),
        (lambda f, g, a, b: g * b, lambda f, g, a, b: g * a),
        "multiply broadcast_mul elemwise_mul", "multiply", "",
        "a * b.", "[1, 2], 3", "[3.0, 6.0]",
    ),
    Binary(
        "divide", "a / b", ("g / b", "-g * y / b"),
        (lambda f, g, a, b: g / b, lambda f, g, a, b: -g * a / (b * b)),
        "divide true_divide broadcast_div elemwise_div", "divide true_divide", "",
        "a / b.", "[1, 2], 2", "[0.5, 1.0]",
    ),
    Binary(
        "mod", "", ("g", "-g * floor(a / b)"),
        (lambda f, g, a, b: g, lambda f, g, a, b: -g * f.detached(f.floor(a / b))),
        "modulo broadcast_mod", "mod remainder", "",
        "The remainder of a / b, with the sign of b.", "[5, -5], 3", "[2.0, 1.0]",
        loop="map_mod(a, b, out, n)",
        scalar_loop="map_tiles(map_mod[floating], a, s, swapped, out, n)",
    ),
    Binary(
        "power", "",
        ("g * b * pow(a, b - 1) if b != 0 else 0", "0 if (a == 0) & (b >= 0) else g * y * log(a)"),
        (lambda f, g, a, b: g * f.slope_of_power(a, b),
         lambda f, g, a, b: g * f.growth_of_power(a, b)),
        "power broadcast_power", "power pow", "",
        "a**b.", "[2, 3], 2", "[4.0, 9.0]",
        light=False,
        loop="map_pow(a, b, out, n)", scalar_loop="map_pow_scalar(a, s, swapped, out, n)",
    ),
    Binary(
        "maximum", "b if (a <= b) | (b != b) else a", ("g if a >= b else 0", "g if a < b else 0"),
        (lambda f, g, a, b: f.masked(g, f.greater_equal(a, b)),
         lambda f, g, a, b: f.masked(g, f.less(a, b))),
        "maximum broadcast_maximum", "maximum", "",
        "The larger of a and b; where they are equal, a has the gradient.", "[1, 3], 2",
        "[2.0, 3.0]",
    ),
    Binary(
        "minimum", "b if (a >= b) | (b != b) else a", ("g if a <= b else 0", "g if a > b else 0"),
        (lambda f, g, a, b: f.masked(g, f.less_equal(a, b)),
         lambda f, g, a, b: f.masked(g, f.greater(a, b))),
        "minimum broadcast_minimum", "minimum", "",
        "The smaller of a and b; where they are equal, a has the gradient.", "[1, 3], 2",
        "[1.0, 2.0]",
    ),
    Binary(
        "fmax", "a if (a >= b) | (b != b) else b",
        ("g if (a >= b) | (b != b) else 0", "0 if (a >= b) | (b != b) else g"),
        (lambda f, g, a, b: f.masked(g, f.equal(f.fmax(a, b), a)),
         lambda f, g, a, b: f.masked(g, f.not_equal(f.fmax(a, b), a))),
        "", "fmax", "",
        "The larger of a and b, or the one that is a number.", "[1, 3], 2", "[2.0, 3.0]",
    ),
    Binary(
        "fmin", "a if (a <= b) | (b != b) else b",
        ("g if (a <= b) | (b != b) else 0", "0 if (a <= b) | (b != b) else g"),
        (lambda f, g, a, b: f.masked(g, f.equal(f.fmin(a, b), a)),
         lambda f, g, a, b: f.masked(g, f.not_equal(f.fmin(a, b), a))),
        "", "fmin", "",
        "The smaller of a and b, or the one that is a number.", "[1, 3], 2", "[1.0, 2.0]",
    ),
    Binary(
        "fmod", "", ("g", "-g * trunc(a / b)"),
        (lambda f, g, a, b: g, lambda f, g, a, b: -g * f.detached(f.trunc(a / b))),
        "", "fmod", "",
        "The remainder of a / b, with the sign of a.", "[5, -5], 3", "[2.0, -2.0]",
        loop="map_fmod(a, b, out, n)",
        scalar_loop="map_tiles(map_fmod[floating], a, s, swapped, out, n)",
    ),
    Binary(
        "floor_divide", "", NO_GRADIENTS, None,
        "", "floor_divide", "",
        "floor(a / b).", "[5, -5], 3", "[1.0, -2.0]",
        loop="map_floor_divide(a, b, out, n)",
        scalar_loop="map_tiles(map_floor_divide[floating], a, s, swapped, out, n)",
    ),
    Binary(
        "copysign", "", ("g * copysign(1, a) * copysign(1, b)", "0"),
        (lambda f, g, a, b: g * (f.copysign(1.0, a) * f.copysign(1.0, b)), None),
        "", "copysign", "",
        "a with the sign of b.", "[1, -2], -1", "[-1.0, -2.0]",
        makes_floats=True,
    ),
    Binary(
        "hypot", "", ("g * (a / y) if y != 0 else 0", "g * (b / y) if y != 0 else 0"),
        (lambda f, g, a, b: _share(f, g, a, f.hypot(a, b)),
         lambda f, g, a, b: _share(f, g, b, f.hypot(a, b))),
        "broadcast_hypot", "hypot", "",
        "sqrt(a**2 + b**2).", "[3, 5], 4", "[5.0, 6.4031]",
        light=False, makes_floats=True,
    ),
    Binary(
        "arctan2", "",
        ("s = a * a + b * b; g * b / s if s != 0 else 0",
         "s = a * a + b * b; -g * a / s if s != 0 else 0"),
        (lambda f, g, a, b: _share(f, g, b, a * a + b * b),
         lambda f, g, a, b: _share(f, -g, a, a * a + b * b)),
        "", "arctan2 atan2", "",
        "The angle of the point (b, a) in the plane.", "[0, 1], 1", "[0.0, 0.7854]",
        light=False, makes_floats=True,
    ),
    Binary(
        "logaddexp", "m = a if a > b else b; d = 0 if a == b else -abs(a - b); m + log1p(exp(d))",
        ("g * exp(a - y)", "g * exp(b - y)"),
        (lambda f, g, a, b: g * f.exp(a - f.logaddexp(a, b)),
         lambda f, g, a, b: g * f.exp(b - f.logaddexp(a, b))),
        "", "logaddexp", "",
        "log(e**a + e**b).", "[0, 1], 0", "[0.6931, 1.3133]",
        light=False, makes_floats=True,
    ),
    Binary(
        "logaddexp2",
        "m = a if a > b else b; d = 0 if a == b else -abs(a - b); m + log1p(exp2(d)) * M_LOG2E",
        ("g * exp2(a - y)", "g * exp2(b - y)"),
        (lambda f, g, a, b: g * f.exp2(a - f.logaddexp2(a, b)),
         lambda f, g, a, b: g * f.exp2(b - f.logaddexp2(a, b))),
        "", "logaddexp2", "",
        "log2(2**a + 2**b).", "[0, 1], 0", "[1.0, 1.585]",
        light=False, makes_floats=True,
    ),
)  # fmt: skip

COMPARISONS = (
    Binary(
        "equal", "a == b", NO_GRADIENTS, None,
        "equal broadcast_equal", "equal", "", "Whether a == b.", "[1, 2], 2", "[0.0, 1.0]",
        mirrored="equal",
    ),
    Binary(
        "not_equal", "a != b", NO_GRADIENTS, None,
        "not_equal broadcast_not_equal", "not_equal", "", "Whether a != b.", "[1, 2], 2",
        "[1.0, 0.0]",
        mirrored="not_equal",
    ),
    Binary(
        "less", "a < b", NO_GRADIENTS, None,
        "lesser broadcast_lesser", "less", "", "Whether a < b.", "[1, 2], 2", "[1.0, 0.0]",
        mirrored="greater",
    ),
    Binary(
        "less_equal", "a <= b", NO_GRADIENTS, None,
        "lesser_equal broadcast_lesser_equal", "less_equal", "", "Whether a <= b.", "[1, 2], 2",
        "[1.0, 1.0]",
        mirrored="greater_equal",
    ),
    Binary(
        "greater", "a > b", NO_GRADIENTS, None,
        "greater broadcast_greater", "greater", "", "Whether a > b.", "[1, 2], 2", "[0.0, 0.0]",
        mirrored="less",
    ),
    Binary(
        "greater_equal", "a >= b", NO_GRADIENTS, None,
        "greater_equal broadcast_greater_equal", "greater_equal", "", "Whether a >= b.",
        "[1, 2], 2", "[0.0, 1.0]",
        mirrored="less_equal",
    ),
)  # fmt: skip

BINARY = ARITHMETIC + COMPARISONS
