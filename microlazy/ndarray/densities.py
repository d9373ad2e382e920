"""`random_pdf_*`: the densities of the distributions, differentiable in samples and parameters."""

import math
from collections.abc import Callable
from typing import Any

from microlazy.core import functions as _f
from microlazy.core.array import NDArray
from microlazy.ops.arguments import REQUIRED, bind, op, signature_of
from microlazy.ops.mathematics import compute


def _log(x: NDArray) -> NDArray:
    return _f.unary_op("log", x)


def _gammaln(x: NDArray) -> NDArray:
    return compute("gammaln", x)


def _uniform(x: NDArray, low: NDArray, high: NDArray) -> NDArray:
    return -_log(high - low) + 0.0 * x


def _normal(x: NDArray, mu: NDArray, sigma: NDArray) -> NDArray:
    return -0.5 * ((x - mu) / sigma) ** 2 - _log(sigma) - 0.5 * math.log(2 * math.pi)


def _exponential(x: NDArray, lam: NDArray) -> NDArray:
    return _log(lam) - lam * x


def _gamma(x: NDArray, alpha: NDArray, beta: NDArray) -> NDArray:
    return alpha * _log(beta) + (alpha - 1.0) * _log(x) - beta * x - _gammaln(alpha)


def _poisson(x: NDArray, lam: NDArray) -> NDArray:
    return x * _log(lam) - lam - _gammaln(x + 1.0)


def _negative_binomial(x: NDArray, k: NDArray, p: NDArray) -> NDArray:
    ways = _gammaln(x + k) - _gammaln(x + 1.0) - _gammaln(k)
    return ways + k * _log(p) + x * _log(1.0 - p)


def _generalized_negative_binomial(x: NDArray, mu: NDArray, alpha: NDArray) -> NDArray:
    return _negative_binomial(x, 1.0 / alpha, 1.0 / (1.0 + mu * alpha))


def _dirichlet(x: NDArray, alpha: NDArray) -> NDArray:
    terms = (alpha - 1.0) * _log(x) - _gammaln(alpha)
    return _f.reduction("sum", terms, -1) + _gammaln(_f.reduction("sum", alpha, -1))


_DENSITY = """Return the density of the {law} distribution at samples.

    Parameters
    ----------
    sample : NDArray
        Samples for each of the parameters, along further axes at the end{shape}.
    {parameters} : NDArray
    is_log : bool
        Return its logarithm.{note}

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.random_pdf_{name}({example}).astype("float64").asnumpy().round(4).tolist()
    {result}
    """


def _density(
    logarithm: Callable[..., NDArray], parameters: str, example: str, result: str, note: str = ""
) -> Callable[..., NDArray]:
    """`random_pdf_LAW` from the logarithm of the density."""
    law = logarithm.__name__.lstrip("_")
    name = f"random_pdf_{law}"
    needed = dict.fromkeys(["sample", *parameters.split(", ")], REQUIRED)
    signature = signature_of(needed | {"is_log": False})

    def function(*args: Any, **kwargs: Any) -> NDArray:
        sample, *arrays, is_log = bind(name, signature, args, kwargs).values()
        if law != "dirichlet":
            arrays = [_f.reshape(x, x.shape + (1,) * (sample.ndim - x.ndim)) for x in arrays]
        elif sample.ndim > arrays[0].ndim > 1:
            arrays = [_f.expand_dims(arrays[0], -2)]
        value = logarithm(sample, *arrays)
        return value if is_log else _f.unary_op("exp", value)

    function.__signature__ = signature  # type: ignore[attr-defined]
    function.__name__ = function.__qualname__ = name
    function.__doc__ = _DENSITY.format(
        law=law.replace("_", " "),
        name=law,
        parameters=parameters,
        example=example,
        result=result,
        note=f"\n\n    {note}" if note else "",
        shape=", each of which is the last axis" if law == "dirichlet" else "",
    )
    return op(function)


_RATE = "beta is a rate here, 1 / scale, and not the scale as in `nd.random.gamma`."
_DENSITIES = [
    _density(_uniform, "low, high", "nd.array([[1]]), nd.array([0]), nd.array([2])", "[[0.5]]"),
    _density(_normal, "mu, sigma", "nd.array([[0]]), nd.array([0]), nd.array([1])", "[[0.3989]]"),
    _density(_exponential, "lam", "nd.array([[1]]), nd.array([2])", "[[0.2707]]"),
    _density(
        _gamma, "alpha, beta", "nd.array([[1]]), nd.array([2]), nd.array([3])", "[[0.4481]]", _RATE
    ),
    _density(_poisson, "lam", "nd.array([[1]]), nd.array([2])", "[[0.2707]]"),
    _density(
        _negative_binomial, "k, p", "nd.array([[1]]), nd.array([2]), nd.array([0.5])", "[[0.25]]"
    ),
    _density(
        _generalized_negative_binomial,
        "mu, alpha",
        "nd.array([[1]]), nd.array([2]), nd.array([0.5])",
        "[[0.25]]",
    ),
    _density(_dirichlet, "alpha", "nd.array([[0.3, 0.7]]), nd.array([2, 3])", "[1.764]"),
]

_MADE = {function.__name__: function for function in _DENSITIES}
globals().update(_MADE)

__all__ = [*_MADE]
