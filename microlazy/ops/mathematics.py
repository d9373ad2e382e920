"""Elementwise mathematics without a kernel of ours: NumPy's or SciPy's function beside its rules.

A rule takes the gradient of the result, the result and the inputs. It is written with functions
that have gradients themselves, so there are gradients of every order.
"""

import math
import numbers
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import numpy

from microlazy.base import not_an_array
from microlazy.core import functions as f
from microlazy.core.loops.special import Special
from microlazy.core.ops.numpy_call import call, call_elementwise, call_ufunc
from microlazy.core.tensor import Tensor
from microlazy.ops.arguments import op

_exp, _log = (partial(f.unary_op, name) for name in ("exp", "log"))
A = TypeVar("A", bound=Tensor)
_LN2 = math.log(2.0)
_DEGREE = math.pi / 180.0


def _ldexp(x: numpy.ndarray, exponent: numpy.ndarray) -> numpy.ndarray:
    if exponent.dtype.kind in "iu":
        return numpy.ldexp(x, exponent)
    return x * numpy.exp2(exponent)


def _rcbrt(x: numpy.ndarray) -> numpy.ndarray:
    return 1 / numpy.cbrt(x)


def _none(g: Tensor, _y: Tensor, *_inputs: Tensor) -> Tensor:
    """The gradient of a function made of steps."""
    return f.new_array(f.face_of(g), g.shape, g.dtype, 0)


def _same(g: Tensor, a: Tensor, b: Tensor | float) -> Tensor:
    """1 where the elements are equal, else 0, in g's dtype."""
    return f.as_dtype(a == b, g.dtype)


def _share(g: Tensor, part: Tensor, total: Tensor) -> Tensor:
    """g * part / total, and at a total of 0 nothing, nor any derivative."""
    nothing = _same(g, total, 0)
    return g * part * (1 - nothing) / (total + nothing)


def _sign(g: Tensor, x: Tensor) -> Tensor:
    """1 or -1 by the sign, also of zero, in g's dtype."""
    return 1 - 2 * f.as_dtype(apply("signbit", x), g.dtype)


def _gradient_of_spherical_jn(g: Tensor, _y: Tensor, x: Tensor, n: int) -> Tensor:
    """Abramowitz and Stegun 1964, 10.1.20."""
    slope = -(n + 1) * apply("spherical_jn", x, n=n + 1)
    if n:
        slope = slope + n * apply("spherical_jn", x, n=n - 1)
    return g * slope / (2 * n + 1)


# Name: what computes it, and one rule for each input.
CALLS: dict[str, tuple[Callable[..., numpy.ndarray], tuple[Callable[..., Tensor], ...] | None]] = {
    # sinc(x) is the spherical Bessel function j0 at pi x, and j0' = -j1
    "sinc": (
        numpy.sinc,
        (lambda g, _y, x: -math.pi * g * apply("spherical_jn", math.pi * x, n=1),),
    ),
    "spherical_jn": (Special("spherical_jn"), (_gradient_of_spherical_jn,)),
    "i0": (Special("i0"), (lambda g, _y, x: g * apply("iv", x, v=1),)),
    "iv": (
        Special("iv"),
        (lambda g, _y, x, v: g * (apply("iv", x, v=v - 1) + apply("iv", x, v=v + 1)) / 2,),
    ),
    "gamma": (Special("gamma"), (lambda g, y, x: g * y * apply("digamma", x),)),
    "gammaln": (Special("gammaln"), (lambda g, _y, x: g * apply("digamma", x),)),
    "digamma": (Special("digamma"), (lambda g, _y, x: g * apply("polygamma", x, n=1),)),
    "polygamma": (
        Special("polygamma"),
        (lambda g, _y, x, n: g * apply("polygamma", x, n=n + 1),),
    ),
    "erfinv": (Special("erfinv"), (lambda g, y, _x: g * (math.sqrt(math.pi) / 2) * _exp(y * y),)),
    "signbit": (numpy.signbit, None),
    "spacing": (numpy.spacing, (_none,)),
    "heaviside": (numpy.heaviside, (_none, lambda g, _y, a, _b: g * _same(g, a, 0))),
    "ldexp": (
        _ldexp,
        (lambda g, _y, _a, b: apply("ldexp", g, b), lambda g, y, _a, _b: g * y * _LN2),
    ),
    "nextafter": (numpy.nextafter, (lambda g, _y, _a, _b: g, _none)),
    "invert": (numpy.invert, None),
    "bitwise_and": (numpy.bitwise_and, None),
    "bitwise_or": (numpy.bitwise_or, None),
    "bitwise_xor": (numpy.bitwise_xor, None),
    "gcd": (numpy.gcd, None),
    "lcm": (numpy.lcm, None),
    "left_shift": (numpy.left_shift, None),
    "right_shift": (numpy.right_shift, None),
}


# Whose result for integers is integers; others compute in floats.
_WHOLE = {
    "bitwise_and", "bitwise_or", "bitwise_xor", "gcd", "invert", "lcm", "ldexp", "left_shift",
    "right_shift",
}  # fmt: skip


def apply(name: str, *arrays: A, **options: Any) -> A:
    """Call the function of that name from CALLS; integers become float32 where it needs floats.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.ops.mathematics import apply
    >>> apply("heaviside", np.array([-1, 0]), np.array([0.5, 0.5]))
    array([0. , 0.5])
    """
    function, gradients = CALLS[name]
    inputs = list(arrays)
    if name not in _WHOLE:
        inputs = [f.as_float(x) for x in inputs]
    if isinstance(function, numpy.ufunc):
        return call_ufunc(function, inputs, gradients)
    if isinstance(function, Special) or function is numpy.sinc:
        rule = None if gradients is None else gradients[0]
        return call_elementwise(function, inputs[0], options, rule)
    return call(function, inputs, options, gradients)


# Name: what composes it of functions that have gradients already, or of integer operations.
COMPOSED: dict[str, Callable[..., Any]] = {
    "positive": lambda x: x.copy(),
    "frexp": f.frexp,
    "modf": f.modf,
    "float_power": lambda a, b: f.as_dtype(a, "float64") ** f.as_dtype(b, "float64"),
    "divmod": lambda a, b: (f.binary_op("floor_divide", a, b), a % b),
}


def compute(name: str, *inputs: Any) -> Any:
    """Apply the function of that name from CALLS or COMPOSED to arrays and numbers.

    A number takes the dtype of the arrays; beside integers one with a fraction is float32.

    Raises
    ------
    TypeError
        If an input is neither an array nor a number, or none is an array.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.ops.mathematics import compute
    >>> compute("heaviside", np.array([0]), 4)
    array([4.])
    """
    first = None
    plain = False
    for x in inputs:
        if not isinstance(x, Tensor):
            plain = True
        elif first is None:
            first = x
    if first is None:
        raise not_an_array(name, inputs[0])
    # Floats are divided by a float as it is.
    divided = plain and name == "divmod" and float in map(type, inputs)
    if plain and not (divided and first.dtype.kind == "f"):
        first = first if name in _WHOLE or name in COMPOSED else f.as_float(first)
        inputs = tuple([x if isinstance(x, Tensor) else _beside(name, x, first) for x in inputs])
    return COMPOSED[name](*inputs) if name in COMPOSED else apply(name, *inputs)


def _beside(name: str, number: Any, array: Tensor) -> Tensor:
    if not isinstance(number, (numbers.Real, numpy.bool_)):
        raise TypeError(f"{name}: expected an array or a number, got {type(number).__name__}")
    dtype = numpy.dtype(array.dtype)
    if dtype.kind != "f" and not float(number).is_integer():
        dtype = "float32"
    elif dtype.kind == "b" and not isinstance(number, (bool, numpy.bool_)):
        dtype = "int64"
    return f.new_array(f.face_of(array), (), dtype, number)


@op
def hard_sigmoid(data: Tensor, alpha: float = 0.2, beta: float = 0.5) -> Tensor:
    """Limit alpha * x + beta to [0, 1].

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.hard_sigmoid(nd.array([-5, 0, 1])).asnumpy()
    array([0. , 0.5, 0.7], dtype=float32)
    """
    line = alpha * data + beta
    ends = f.detach(f.clip(line, 0.0, 1.0))
    return f.where((ends > 0) * (ends < 1), line, ends)


@op
def smooth_l1(data: Tensor, scalar: float = 1.0) -> Tensor:
    """Return (scalar * x)**2 / 2 where abs(x) < 1 / scalar**2, else abs(x) - 1 / (2 * scalar**2).

    Source: Girshick 2015, "Fast R-CNN", equation 3.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.smooth_l1(nd.array([-2, 0.5])).asnumpy()
    array([1.5  , 0.125], dtype=float32)
    """
    width = 1.0 / (scalar * scalar)
    size = f.unary_op("abs", data)
    return f.where(size < width, f.unary_op("square", scalar * data) / 2, size - width / 2)


def logsumexp(x: A, axis: Any = None, keepdims: bool = False) -> A:
    """Return log(sum(exp(x))) over axes, without overflow.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.ops.mathematics import logsumexp
    >>> logsumexp(np.array([1000, 1000]))
    array(1000.6932)
    """
    if x.ndim == 0:
        return x.copy()
    top = f.detach(f.reduction("max", x, axis, True))
    top = f.where(f.test("isfinite", top), top, 0)
    total = _log(f.reduction("sum", _exp(x - top), axis, True)) + top
    if keepdims:
        return total
    axes = tuple(range(x.ndim)) if axis is None else axis
    return f.squeeze(total, axes)
