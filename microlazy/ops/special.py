"""The ufuncs of scipy.special that np and npx do not have, with their gradients.

The rules are those of Abramowitz and Stegun 1964 (chapters 5 to 10). A parameter by which no rule
is known, such as the order of a Bessel function, is refused where a gradient by it is asked for.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import numpy

from microlazy.base import MXNetError
from microlazy.core import functions as f
from microlazy.core.loops.special import Special
from microlazy.core.ops.numpy_call import call, call_elementwise
from microlazy.core.tensor import Tensor
from microlazy.ops import mathematics

A = TypeVar("A", bound=Tensor)
Rule = Callable[..., Tensor]

_exp, _log, _log1p, _sign = (partial(f.unary_op, name) for name in ("exp", "log", "log1p", "sign"))
_psi = partial(mathematics.apply, "digamma")
_ROOT_PI = math.sqrt(math.pi)
_ROOT_2PI = math.sqrt(2.0 * math.pi)


def _no_rule(what: str) -> Rule:
    def refuse(g: Tensor, _y: Tensor, *_arrays: Tensor) -> Tensor:
        raise MXNetError(f"scipy.special: no gradient by {what} is known; detach() it")

    return refuse


def _log_or_zero(x: Tensor, factor: Tensor, log: Callable[[Tensor], Tensor]) -> Tensor:
    """log(x), and 0 where the factor before it is 0, as the product is then."""
    return f.where(factor == 0, 0.0, log(x))


def _mean_of_neighbours(name: str, sign: float, g: Tensor, y: Tensor, v: Tensor, x: Tensor) -> Any:
    """9.1.27 and 9.6.26: the slope of a Bessel function from those of the orders beside it."""
    return g * (apply(name, v - 1, x) + sign * apply(name, v + 1, x)) * 0.5


def _number(x: Tensor, value: float) -> Tensor:
    return f.new_array(f.face_of(x), (), x.dtype, value)


def _bessel(name: str, sign: float, scale: float, decay: Callable[..., Any] | None = None) -> Any:
    """The rules of a function of an order and a number, exponentially scaled or not."""

    def slope(g: Tensor, y: Tensor, v: Tensor, x: Tensor) -> Tensor:
        result = scale * _mean_of_neighbours(name, sign, g, y, v, x)
        return result if decay is None else result + g * y * decay(x)

    return _no_rule(f"the order of {name}"), slope


def _as(name: str, order: float, sign: float, scale: float, decay: Any = None) -> tuple[Rule]:
    """The rule of a Bessel function of a fixed order, as one of `name`."""
    rule = _bessel(name, sign, scale, decay)[1]
    return (lambda g, y, x: rule(g, y, _number(x, order), x),)


def _falls(x: Tensor) -> Tensor:
    return -_sign(x)


# Name: a rule for each input.
RULES: dict[str, tuple[Rule, ...]] = {
    "erfc": (lambda g, _y, x: g * _exp(-x * x) * (-2 / _ROOT_PI),),
    "erfcx": (lambda g, y, x: g * (2 * x * y - 2 / _ROOT_PI),),
    "erfcinv": (lambda g, y, _x: g * _exp(y * y) * (-_ROOT_PI / 2),),
    "dawsn": (lambda g, y, x: g * (1 - 2 * x * y),),
    "logit": (lambda g, _y, x: g / (x * (1 - x)),),
    "xlogy": (
        lambda g, _y, a, b: g * _log_or_zero(b, a, _log),
        lambda g, _y, a, b: g * a / b,
    ),
    "xlog1py": (
        lambda g, _y, a, b: g * _log_or_zero(b, a, _log1p),
        lambda g, _y, a, b: g * a / (1 + b),
    ),
    "entr": (lambda g, _y, x: g * (-_log(x) - 1),),
    "rel_entr": (lambda g, _y, a, b: g * (_log(a / b) + 1), lambda g, _y, a, b: -g * a / b),
    "kl_div": (lambda g, _y, a, b: g * _log(a / b), lambda g, _y, a, b: g * (1 - a / b)),
    "ndtr": (lambda g, _y, x: g * _exp(x * x * -0.5) / _ROOT_2PI,),
    "log_ndtr": (lambda g, y, x: g * _exp(x * x * -0.5 - y) / _ROOT_2PI,),
    "ndtri": (lambda g, y, _x: g * _exp(y * y * 0.5) * _ROOT_2PI,),
    "rgamma": (lambda g, y, x: -g * y * _psi(x),),
    "loggamma": (lambda g, _y, x: g * _psi(x),),
    "beta": (
        lambda g, y, a, b: g * y * (_psi(a) - _psi(a + b)),
        lambda g, y, a, b: g * y * (_psi(b) - _psi(a + b)),
    ),
    "betaln": (
        lambda g, _y, a, b: g * (_psi(a) - _psi(a + b)),
        lambda g, _y, a, b: g * (_psi(b) - _psi(a + b)),
    ),
    "betainc": (
        _no_rule("the first parameter of betainc"),
        _no_rule("the second parameter of betainc"),
        lambda g, _y, a, b, x: g * x ** (a - 1) * (1 - x) ** (b - 1) / apply("beta", a, b),
    ),
    "gammainc": (
        _no_rule("the parameter of gammainc"),
        lambda g, _y, a, x: g * x ** (a - 1) * _exp(-x) * apply("rgamma", a),
    ),
    "gammaincc": (
        _no_rule("the parameter of gammaincc"),
        lambda g, _y, a, x: -g * x ** (a - 1) * _exp(-x) * apply("rgamma", a),
    ),
    "poch": (
        lambda g, y, a, m: g * y * (_psi(a + m) - _psi(a)),
        lambda g, y, a, m: g * y * _psi(a + m),
    ),
    "expi": (lambda g, _y, x: g * _exp(x) / x,),
    "exp1": (lambda g, _y, x: -g * _exp(-x) / x,),
    "exp10": (lambda g, y, _x: g * y * math.log(10.0),),
    "cosm1": (lambda g, _y, x: -g * f.unary_op("sin", x),),
    "jv": _bessel("jv", -1, 1),
    "yv": _bessel("yv", -1, 1),
    "iv": _bessel("iv", 1, 1),
    "kv": _bessel("kv", 1, -1),
    "ive": _bessel("ive", 1, 1, _falls),
    "kve": _bessel("kve", 1, -1, lambda x: 1),
    "j0": _as("jv", 0, -1, 1),
    "j1": _as("jv", 1, -1, 1),
    "y0": _as("yv", 0, -1, 1),
    "y1": _as("yv", 1, -1, 1),
    "i0": _as("iv", 0, 1, 1),
    "i1": _as("iv", 1, 1, 1),
    "k0": _as("kv", 0, 1, -1),
    "k1": _as("kv", 1, 1, -1),
    "i0e": _as("ive", 0, 1, 1, _falls),
    "i1e": _as("ive", 1, 1, 1, _falls),
    "k0e": _as("kve", 0, 1, -1, lambda x: 1),
    "k1e": _as("kve", 1, 1, -1, lambda x: 1),
}


def apply(name: str, *inputs: Any) -> Any:
    """Call the function of that name in scipy.special on arrays and numbers.

    Integers become float32; the result has the widest dtype of the inputs.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.ops.special import apply
    >>> apply("erfc", np.array([0])), apply("entr", np.array([1.0]))
    (array([1.]), array([-0.]))
    """
    array = next(x for x in inputs if isinstance(x, Tensor))
    floats = [x for x in inputs if isinstance(x, Tensor) and numpy.dtype(x.dtype).kind == "f"]
    dtype = numpy.result_type(*(x.dtype for x in floats)) if floats else numpy.dtype("float32")
    arrays = [
        f.as_dtype(x, dtype) if isinstance(x, Tensor)
        else f.new_array(f.face_of(array), (), dtype, x)
        for x in inputs
    ]  # fmt: skip
    if len(arrays) == 1:
        return call_elementwise(Special(name), arrays[0], gradient=RULES[name][0])
    return call(Special(name), arrays, gradients=RULES[name], dtype=dtype)
