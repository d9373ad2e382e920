"""Functions of `mx.sym.np.random` and `mx.sym.npx.random`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from microlazy.symbol.composing import call
from microlazy.symbol.symbol import Symbol

__all__ = ["NPX", "WRITTEN"]


def _law(operator: str, size: str = "size", **numbers: float | None) -> Callable[..., Any]:
    """A function that samples from a law; symbols among its numbers are inputs of the node."""

    def function(*args: Any, **kwargs: Any) -> Symbol:
        order = [*numbers, size, "dtype", "ctx", "out"]
        if len(args) > len(order):
            raise TypeError(f"{operator}: {len(args)} arguments, but there are {len(order)}")
        given = dict(zip(order, args, strict=False)) | kwargs
        unknown = set(given) - set(order)
        if unknown:
            raise TypeError(f"{operator} has no argument {min(unknown)!r}")
        values = {name: given.get(name, default) for name, default in numbers.items()}
        inputs = [value for value in values.values() if isinstance(value, Symbol)]
        attributes: dict[str, Any] = {
            name: None if isinstance(value, Symbol) else value for name, value in values.items()
        }
        shape = given.get(size)
        attributes["size"] = (shape,) if isinstance(shape, int) else shape
        if given.get("dtype") is not None:
            attributes["dtype"] = given["dtype"]
        return call(f"_npi_{operator}", inputs, attributes, numpy=True)

    function.__name__ = function.__qualname__ = operator
    return function


_normal = _law("normal", loc=0.0, scale=1.0)
_uniform = _law("uniform", low=0.0, high=1.0)
_gamma = _law("gamma", shape=None, scale=1.0)
_bernoulli = _law("bernoulli", prob=None, logit=None)


def _rand(*size: int, **options: Any) -> Symbol:
    return _uniform(size=size or None, **options)


def _randint(
    low: int, high: int | None = None, size: Any = None, dtype: Any = None, **options: Any
) -> Symbol:
    low, high = (0, low) if high is None else (low, high)
    shape = () if size is None else (size,) if isinstance(size, int) else size
    attributes = {"low": low, "high": high, "shape": shape, "dtype": dtype or "int64"}
    return call("_npi_random_randint", [], attributes, numpy=True)


def _lognormal(mean: Any = 0.0, sigma: Any = 1.0, size: Any = None, **options: Any) -> Symbol:
    return call("_npi_exp", [_normal(mean, sigma, size, **options)], {}, numpy=True)


def _beta(a: Any, b: Any, size: Any = None, **options: Any) -> Symbol:
    first, second = _gamma(a, 1.0, size, **options), _gamma(b, 1.0, size, **options)
    return first / (first + second)


def _chisquare(df: Any, size: Any = None, **options: Any) -> Symbol:
    return _gamma(df / 2, 2.0, size, **options)


def _choice(
    a: int, size: Any = None, replace: bool = True, p: Symbol | None = None, **options: Any
) -> Symbol:
    if not isinstance(a, int):
        raise TypeError(f"choice: a must be an integer here, the number of choices, not {a!r}")
    attributes = {"a": a, "size": size, "replace": replace, "weighted": p is not None}
    return call("_npi_choice", [] if p is None else [p], attributes, numpy=True)


def _shuffle(x: Symbol) -> Symbol:
    return call("_npi_shuffle", [x], {}, numpy=True)


def _drawn(prob: Any = None, logit: Any = None, size: Any = None, **options: Any) -> Symbol:
    if (prob is None) == (logit is None):
        raise ValueError("Either `prob` or `logit` must be specified, but not both.")
    return _bernoulli(prob, logit, size, **options)


WRITTEN = {
    "beta": _beta,
    "chisquare": _chisquare,
    "choice": _choice,
    "exponential": _law("exponential", scale=1.0),
    "gamma": _gamma,
    "gumbel": _law("gumbel", loc=0.0, scale=1.0),
    "logistic": _law("logistic", loc=0.0, scale=1.0),
    "lognormal": _lognormal,
    "normal": _normal,
    "pareto": _law("pareto", a=None),
    "power": _law("powerd", a=None),
    "rand": _rand,
    "randint": _randint,
    "rayleigh": _law("rayleigh", scale=0.0),
    "shuffle": _shuffle,
    "uniform": _uniform,
    "weibull": _law("weibull", a=None),
}
NPX = {
    "bernoulli": _drawn,
    "normal_n": _law("normal_n", "batch_shape", loc=0.0, scale=1.0),
    "uniform_n": _law("uniform_n", "batch_shape", low=0.0, high=1.0),
}
