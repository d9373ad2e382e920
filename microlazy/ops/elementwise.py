"""The table of elementwise functions, and how a row becomes a function of nd, np and npx.

A row names an op, the names it has in each namespace, what it computes, and an example. Adding an
elementwise function is adding a row. Those of functions with kernels, UNARY and BINARY, stand in
`core/kernels/elementwise_rows.py`; the others run through NumPy or SciPy, or are composed
(`ops/mathematics.py`).
"""

import numbers
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy

from microlazy.core import functions
from microlazy.core.kernels.elementwise_rows import BINARY, UNARY, Binary, Unary
from microlazy.core.tensor import Tensor
from microlazy.ops.mathematics import compute


class Row(NamedTuple):
    """One elementwise function."""

    op: str
    nd: str  # names in each namespace, separated by blanks
    np: str
    npx: str
    summary: str
    arguments: str  # of the example, arrays in brackets
    result: str
    dtype: str = "float64"  # of the example


UNARY_CALLS = (
    Row("sinc", "", "sinc", "", "sin(pi x) / (pi x), and 1 at 0.", "[0, 0.5]", "[1.0, 0.6366]"),
    Row("i0", "", "i0", "", "The modified Bessel function of the first kind, order 0.", "[0, 1]",
        "[1.0, 1.2661]"),
    Row("gamma", "gamma", "", "gamma", "The gamma function: (x - 1)! at whole numbers.", "[4, 0.5]",
        "[6.0, 1.7725]"),
    Row("gammaln", "gammaln", "", "gammaln", "The logarithm of abs(gamma(x)).", "[4, 0.5]",
        "[1.7918, 0.5724]"),
    Row("digamma", "", "", "digamma", "The derivative of gammaln.", "[1, 0.5]",
        "[-0.5772, -1.9635]"),
    Row("erfinv", "erfinv", "", "erfinv", "The inverse of the error function.", "[0, 0.5]",
        "[0.0, 0.4769]"),
    Row("positive", "", "positive", "", "A copy of x.", "[1, -2]", "[1.0, -2.0]"),
    Row("signbit", "", "signbit", "", "Whether the sign is minus, also of zero.", "[1, -0.0]",
        "[0.0, 1.0]"),
    Row("spacing", "", "spacing", "", "The distance to the next number.", "[1, 2**52]",
        "[0.0, 1.0]"),
    Row("invert", "", "invert bitwise_not bitwise_invert", "",
        "The complement of each bit of integers, or of booleans.", "[0, 5]", "[-1.0, -6.0]",
        "int64"),
)  # fmt: skip

BINARY_CALLS = (
    Row("float_power", "", "float_power", "", "a**b in float64.", "[2, 3], 2", "[4.0, 9.0]"),
    Row("heaviside", "", "heaviside", "", "0 for a < 0, 1 for a > 0, b for a = 0.",
        "[-1, 0, 2], 0.5", "[0.0, 0.5, 1.0]"),
    Row("ldexp", "", "ldexp", "", "a * 2**b.", "[1, 3], 2", "[4.0, 12.0]"),
    Row("nextafter", "", "nextafter", "", "The next number after a in the direction of b.",
        "[1, 2], 2", "[1.0, 2.0]"),
    Row("gcd", "", "gcd", "", "The greatest common divisor of integers.", "[4, 6], 8",
        "[4.0, 2.0]", "int64"),
    Row("lcm", "", "lcm", "", "The least common multiple of integers.", "[4, 6], 8",
        "[8.0, 24.0]", "int64"),
    Row("bitwise_and", "", "bitwise_and", "", "The bits in both a and b.", "[4, 6], 2",
        "[0.0, 2.0]", "int64"),
    Row("bitwise_or", "", "bitwise_or", "", "The bits in a or b.", "[4, 6], 2", "[6.0, 6.0]",
        "int64"),
    Row("bitwise_xor", "", "bitwise_xor", "", "The bits in one of a and b.", "[4, 6], 2",
        "[6.0, 4.0]", "int64"),
    Row("left_shift", "", "left_shift bitwise_left_shift", "", "a * 2**b of integers.", "[4, 6], 2",
        "[16.0, 24.0]", "int64"),
    Row("right_shift", "", "right_shift bitwise_right_shift", "", "floor(a / 2**b) of integers.",
        "[4, 6], 2", "[1.0, 1.0]", "int64"),
)  # fmt: skip

# Functions with two results.
PAIRS = (
    Row("frexp", "", "frexp", "", "Fraction and exponent of 2.", "[3]", "([0.75], [2])"),
    Row("modf", "", "modf", "", "Fraction and whole number.", "[3.5]", "([0.5], [3.0])"),
    Row("divmod", "", "divmod", "", "floor(a / b) and the remainder.", "[5], 3", "([1.0], [2.0])"),
)  # fmt: skip

_INPUTS = {
    ("np", 1): "x : array",
    ("nd", 1): "data : array",
    ("np", 2): "x1, x2 : array or number\n        a and b; broadcast to one shape.",
    ("nd", 2): "lhs, rhs : array or number\n        a and b; broadcast to one shape.",
}
_OPTIONS = {
    "np": """where : bool or array of bool
        Which elements of `out` are written; it needs `out`.
    dtype : dtype or str, optional
        What to compute in, if `casting` allows to cast the inputs to it.
    casting, order, subok : optional
        As in NumPy; results are always in C's order.""",
    "nd": """name, axis, dtype : optional
        Accepted for compatibility; they change nothing, as in MXNet.""",
}
_SHOWN = {
    "y": 'y.astype("float64").asnumpy().round(4).tolist()',
    "y, z": "y.tolist(), z.tolist()",
}


_Row = Row | Unary | Binary
_Operands = Callable[..., list[Any]] | None


def _finish(result: Any, out: Any) -> Any:
    if out is None:
        return result
    if isinstance(result, tuple):
        return tuple(map(functions.write_into, out, result))
    if isinstance(out, tuple) and len(out) == 1:  # as NumPy's ufuncs have it
        (out,) = out
    return functions.write_into(out, result)


def _with_options(
    op: str, inputs: list[Any], out: Any, where: Any, dtype: Any, casting: str, order: str
) -> Tensor:
    function = partial(compute, op)
    return functions.with_options(op, function, inputs, out, where, dtype, casting, order)


def _number_function(row: _Row, namespace: str) -> Callable[..., Any] | None:
    """NumPy's function of that name, for plain numbers; np alone takes them."""
    return getattr(numpy, row.np.split()[0]) if namespace == "np" else None


def _quick(number: Any, function: Callable[..., Any], two: bool) -> Callable[..., Any]:
    """A function for which small arrays need no call of NumPy, where it is a ufunc of np."""
    if not isinstance(number, numpy.ufunc):
        return function
    quick = functions.loop_first(number, function, two)
    quick.__annotations__ = function.__annotations__
    return quick


def _one_input(row: _Row, namespace: str, operands: _Operands) -> Callable[..., Any]:
    op, number = row.op, _number_function(row, namespace)
    if isinstance(row, Unary):
        return functions.one_input(op, number, namespace == "nd", operands)

    def function(
        x: Tensor,
        out: Tensor | None = None,
        *,
        where: Any = True,
        dtype: Any = None,
        casting: str = "same_kind",
        order: str = "K",
        subok: bool = True,
    ) -> Tensor:
        plain = out is None and where is True and dtype is None
        if plain and isinstance(x, Tensor):
            return compute(op, x)
        if plain and number is not None and isinstance(x, (numbers.Number, numpy.generic)):
            return number(x)
        inputs = operands(x) if operands else [x]
        if where is True and dtype is None:
            return _finish(compute(op, *inputs), out)
        return _with_options(op, inputs, out, where, dtype, casting, order)

    def nd_function(
        data: Tensor,
        out: Tensor | None = None,
        name: str | None = None,
        *,
        axis: Any = None,
        dtype: Any = None,
    ) -> Tensor:
        return _finish(compute(op, data), out)

    return nd_function if namespace == "nd" else _quick(number, function, False)


def _two_inputs(row: _Row, namespace: str, operands: _Operands) -> Callable[..., Any]:
    op, number = row.op, _number_function(row, namespace)
    if isinstance(row, Binary):
        numbers_too = not row.nd or any(not n.startswith("broadcast_") for n in row.nd.split())
        return functions.two_inputs(op, namespace == "nd", operands, numbers_too)

    def function(
        x1: Tensor | float,
        x2: Tensor | float,
        out: Tensor | None = None,
        *,
        where: Any = True,
        dtype: Any = None,
        casting: str = "same_kind",
        order: str = "K",
        subok: bool = True,
    ) -> Tensor:
        plain = out is None and where is True and dtype is None
        first, second = isinstance(x1, Tensor), isinstance(x2, Tensor)
        if plain and first and (second or type(x2) is float or type(x2) is int):
            return compute(op, x1, x2)
        if (
            plain
            and number
            and not (first or second)
            and (isinstance(x1, numbers.Number) and isinstance(x2, numbers.Number))
        ):
            return number(x1, x2)
        inputs = operands(x1, x2) if operands else [x1, x2]
        if where is True and dtype is None:
            return _finish(compute(op, *inputs), out)
        return _with_options(op, inputs, out, where, dtype, casting, order)

    def nd_function(
        lhs: Tensor | float,
        rhs: Tensor | float,
        out: Tensor | None = None,
        name: str | None = None,
        *,
        axis: Any = None,
        dtype: Any = None,
    ) -> Tensor:
        return _finish(compute(op, lhs, rhs), out)

    return nd_function if namespace == "nd" else _quick(number, function, True)


def _nd_power(
    base: Tensor | float,
    exp: Tensor | float,
    out: Tensor | None = None,
    name: str | None = None,
    *,
    axis: Any = None,
    dtype: Any = None,
) -> Tensor:
    return _finish(functions.binary_op("power", base, exp), out)


def functions_of(namespace: str, operands: _Operands = None) -> dict[str, Callable[..., Any]]:
    """Make the elementwise functions of "nd", "np" or "npx" from the table.

    `operands` makes arrays of the lists among its arguments; without it, lists are refused.

    Examples
    --------
    >>> from microlazy.ops.elementwise import functions_of
    >>> sorted(functions_of("npx"))[:3]
    ['digamma', 'erf', 'erfinv']
    """
    return {
        name: _documented(row, name, namespace, operands)
        for row in (*UNARY, *UNARY_CALLS, *BINARY, *BINARY_CALLS, *PAIRS)
        for name in getattr(row, namespace).split()
    }


def _documented(row: _Row, name: str, namespace: str, operands: _Operands) -> Callable[..., Any]:
    array = "nd" if namespace == "nd" else "np"
    first, _, second = row.arguments.partition("]")
    count = 2 if second else 1
    is_pair = row in PAIRS
    results = "y, z" if is_pair else "y"
    inputs = _INPUTS[array, count]
    if (namespace, name) == ("nd", "power"):  # MXNet has other names for its inputs
        function: Any = _nd_power
        inputs = inputs.replace("lhs, rhs", "base, exp").replace("a and b", "a and its exponent b")
    else:
        function = (_one_input if count == 1 else _two_inputs)(row, namespace, operands)
    function.__name__ = function.__qualname__ = name
    function.__module__ = f"microlazy.{_MODULES[namespace]}"
    kind = "tuple of array" if is_pair else "array"
    modules = "np, npx" if namespace == "npx" else namespace
    function.__doc__ = f"""{row.summary}

    Parameters
    ----------
    {inputs}
    out : {kind}, optional
        Where the result is written; of its shape.
    {_OPTIONS[array]}

    Returns
    -------
    {kind}

    Examples
    --------
    >>> from microlazy import {modules}
    >>> {results} = {namespace}.{name}({array}.array({first}], dtype="{row.dtype}"){second})
    >>> {_SHOWN[results]}
    {row.result}
    """
    return function


_MODULES = {"nd": "ndarray", "np": "numpy", "npx": "numpy_extension"}
