"""Random distributions, made of our uniform and normal numbers or drawn by NumPy's generator.

Where a law is a function of such numbers and its parameters, it is written so: then it is
differentiable in them (reparametrization; Kingma and Welling 2014), and its bits do not depend on
the number of threads. The others are drawn from a Philox generator that takes one place of our own
sequence, when the op runs, so a plan draws anew at every call.
"""

import math
from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any, NamedTuple, TypeVar

import numpy

from microlazy.base import RangeError
from microlazy.core import functions as f
from microlazy.core.generator import stream
from microlazy.core.ops.numpy_call import call, call_shaped
from microlazy.core.ops.random import Permutation
from microlazy.core.tensor import Tensor

A = TypeVar("A", bound=Tensor)


class Numbers(NamedTuple):
    """Where random numbers of one shape come from."""

    face: int
    shape: tuple[int, ...]
    dtype: str

    def uniform(self) -> Tensor:
        """In [0, 1)."""
        return f.random_array("uniform", 0.0, 1.0, self.face, self.shape, self.dtype)

    def inside(self) -> Tensor:
        """In (0, 1)."""
        return f.clip(self.uniform(), 2.0**-26 if self.dtype == "float32" else 2.0**-54)

    def normal(self) -> Tensor:
        """Of mean 0 and deviation 1."""
        return f.random_array("normal", 0.0, 1.0, self.face, self.shape, self.dtype)

    def exponential(self) -> Tensor:
        """Of mean 1, above 0."""
        return -f.unary_op("log1p", -self.inside())

    def laplace(self) -> Tensor:
        """Of mean 0 and scale 1."""
        x = f.random_array("uniform", -1.0, 1.0, self.face, self.shape, self.dtype)
        return -f.unary_op("sign", x) * f.unary_op("log1p", -f.unary_op("abs", x))

    def logistic(self) -> Tensor:
        """Of mean 0 and scale 1."""
        x = self.inside()
        return f.unary_op("log", x) - f.unary_op("log1p", -x)

    def drawn(self, law: str, *parameters: Tensor | float) -> Tensor:
        """By a method of NumPy's generator, without a gradient."""
        arrays = [
            f.detach(x) if isinstance(x, Tensor) else f.new_array(self.face, (), "float64", x)
            for x in parameters
        ]
        return call_shaped(
            _by_library("Draw", _draw),
            arrays,
            self.shape,
            self.dtype,
            {"law": law, "size": self.shape},
        )


@cache
def _by_library(kind: str, slow: Callable[..., Any]) -> Callable[..., Any]:
    """A function that draws by NumPy's generator, by its C functions if the build had them."""
    try:
        draws = import_module("microlazy.core.ops.draws")
    except ModuleNotFoundError:
        return slow
    return getattr(draws, kind)(slow)


def _draw(*parameters: numpy.ndarray, law: str, size: tuple[int, ...]) -> numpy.ndarray:
    if law in _DRAWN:
        return _DRAWN[law](stream(), *parameters, size)
    return getattr(stream(), law)(*parameters, size=size)


def _binomial(generator: Any, n: Any, p: Any, size: Any) -> Any:
    return generator.binomial(n.astype("int64"), p, size)


def _integers(generator: Any, low: Any, high: Any, size: Any) -> Any:
    return generator.integers(low.astype("int64"), high.astype("int64"), size)


def _poisson_of_gamma(generator: Any, mu: Any, alpha: Any, size: Any) -> Any:
    """Poisson numbers whose mean is gamma-distributed, with mean mu and variance alpha * mu**2."""
    mixed = generator.gamma(1.0 / numpy.maximum(alpha, 1e-30), mu * alpha, size)
    return generator.poisson(numpy.where(numpy.broadcast_to(alpha, size) == 0, mu, mixed))


# What draws where it is not NumPy's method of that name.
_DRAWN: dict[str, Callable[..., Any]] = {
    "binomial": _binomial,
    "integers": _integers,
    "poisson_of_gamma": _poisson_of_gamma,
}


def _exp(x: Tensor) -> Tensor:
    return f.unary_op("exp", x)


class Law(NamedTuple):
    """A distribution: its formula, and what its parameters must be."""

    formula: Callable[..., Tensor]
    demands: tuple[str, ...]
    discrete: bool = False


ANY, POSITIVE, NOT_NEGATIVE = "a number", "positive", "0 or more"
PROBABILITY, CHANCE = "in [0, 1]", "in (0, 1]"

LAWS: dict[str, Law] = {
    "uniform": Law(lambda r, low, high: low + (high - low) * r.uniform(), (ANY, ANY)),
    "normal": Law(lambda r, loc, scale: loc + scale * r.normal(), (ANY, NOT_NEGATIVE)),
    "lognormal": Law(lambda r, mean, sigma: _exp(mean + sigma * r.normal()), (ANY, NOT_NEGATIVE)),
    "logistic": Law(lambda r, loc, scale: loc + scale * r.logistic(), (ANY, NOT_NEGATIVE)),
    "gumbel": Law(
        lambda r, loc, scale: loc - scale * f.unary_op("log", r.exponential()), (ANY, NOT_NEGATIVE)
    ),
    "laplace": Law(lambda r, loc, scale: loc + scale * r.laplace(), (ANY, NOT_NEGATIVE)),
    "rayleigh": Law(
        lambda r, scale: scale * f.unary_op("sqrt", 2 * r.exponential()), (NOT_NEGATIVE,)
    ),
    "exponential": Law(lambda r, scale: scale * r.exponential(), (NOT_NEGATIVE,)),
    "weibull": Law(lambda r, a: r.exponential() ** (1.0 / a), (POSITIVE,)),
    "pareto": Law(lambda r, a: f.unary_op("expm1", r.exponential() / a), (POSITIVE,)),
    "power": Law(lambda r, a: r.inside() ** (1.0 / a), (POSITIVE,)),
    "gamma": Law(
        lambda r, shape, scale: scale * r.drawn("standard_gamma", shape), (POSITIVE, NOT_NEGATIVE)
    ),
    "chisquare": Law(lambda r, df: r.drawn("chisquare", df), (POSITIVE,)),
    "beta": Law(lambda r, a, b: r.drawn("beta", a, b), (POSITIVE, POSITIVE)),
    "f": Law(lambda r, dfnum, dfden: r.drawn("f", dfnum, dfden), (POSITIVE, POSITIVE)),
    "standard_t": Law(lambda r, df: r.drawn("standard_t", df), (POSITIVE,)),
    "poisson": Law(lambda r, lam: r.drawn("poisson", lam), (NOT_NEGATIVE,), True),
    "binomial": Law(lambda r, n, p: r.drawn("binomial", n, p), (NOT_NEGATIVE, PROBABILITY), True),
    "negative_binomial": Law(
        lambda r, n, p: r.drawn("negative_binomial", n, p), (POSITIVE, CHANCE), True
    ),
    "generalized_negative_binomial": Law(
        lambda r, mu, alpha: r.drawn("poisson_of_gamma", mu, alpha), (POSITIVE, NOT_NEGATIVE), True
    ),
    "geometric": Law(lambda r, p: r.drawn("geometric", p), (CHANCE,), True),
    "randint": Law(lambda r, low, high: r.drawn("integers", low, high), (ANY, ANY), True),
    "bernoulli": Law(lambda r, prob: r.uniform() < prob, (PROBABILITY,)),
}

# The least number, whether it is left out, and the largest.
_BOUNDS: dict[str, tuple[float, bool, float]] = {
    POSITIVE: (0.0, True, math.inf),
    NOT_NEGATIVE: (0.0, False, math.inf),
    PROBABILITY: (0.0, False, 1.0),
    CHANCE: (0.0, True, 1.0),
}


def are_numbers(*values: Any) -> bool:
    """Whether parameters are numbers, not arrays nor what becomes one.

    Examples
    --------
    >>> from microlazy.ops.distributions import are_numbers
    >>> are_numbers(0, 1.0), are_numbers(0, [1.0])
    (True, False)
    """
    for x in values:  # all() takes longer
        if isinstance(x, (Tensor, numpy.ndarray, list, tuple)):
            break
    else:
        return True
    return False


def of_numbers(
    name: str, p: Any, q: Any, face: int, size: Any, dtype: Any, out: Tensor | None
) -> Any:
    """Draw from "uniform", "normal" or "randint", which have kernels, with numbers as parameters.

    Examples
    --------
    >>> from microlazy.ops.distributions import of_numbers
    >>> of_numbers("randint", 3, 4, 1, (2,), "int64", None)
    array([3, 3], dtype=int64)
    """
    if name == "uniform" and p > q:
        raise RangeError(f"random.uniform: low ({p}) must not be above high ({q})")
    if name == "normal" and q < 0:
        raise RangeError(f"random.normal: scale must be {NOT_NEGATIVE}, but it is {q}")
    size = () if size is None and out is None else size
    return f.random_array(name, p, q, face, size, dtype, out)


def sample(
    name: str, parameters: dict[str, Any], face: int, size: Any, dtype: Any, out: Tensor | None
) -> Any:
    """Draw from the law of that name.

    Parameters
    ----------
    name : str
        A key of LAWS.
    parameters : dict of (array or number)
    face : {0, 1}
        0 for nd, 1 for np.
    size : int or tuple of int or None
        What the parameters are broadcast to; None for their own shape, or that of `out`.
    dtype : dtype or None
        float32 by default, float64 if a parameter is, and int64 for whole numbers.
    out : array, optional
        What to fill.

    Raises
    ------
    ValueError
        If a parameter is out of its range, or does not broadcast to `size`.

    Examples
    --------
    >>> from microlazy.ops.distributions import sample
    >>> sample("poisson", {"lam": 0.0}, 1, (2,), None, None)
    array([0, 0], dtype=int64)
    """
    law = LAWS[name]
    values = [x if isinstance(x, (Tensor, int, float)) else _number_or_array(x, face)
              for x in parameters.values()]  # fmt: skip
    for key, value, demand in zip(parameters, values, law.demands, strict=True):
        check(f"random.{name}", key, value, demand)
    if size is None and dtype is None and out is None:
        drawn, shape, values = f.as_parameters(values, law.discrete)
        return f.as_dtype(law.formula(Numbers(face, shape, drawn), *values), drawn)
    if dtype is None:
        dtype = out.dtype if out is not None else f.as_parameters(values, law.discrete)[0]
    dtype = numpy.dtype(dtype)
    computed = dtype if law.discrete or dtype == "float64" else numpy.dtype("float32")
    values = [
        f.as_dtype(x, computed) if isinstance(x, Tensor) and not law.discrete else x for x in values
    ]
    shape = shape_for(name, size, values, out)
    result = law.formula(Numbers(face, shape, computed.name), *values)
    result = f.as_dtype(result, dtype)
    return result if out is None else f.write_into(out, result)


def _number_or_array(x: Any, face: int) -> Any:
    array = f.to_array(face, x)
    return array if array.ndim else array.item()


def check(name: str, key: str, value: Any, demand: str) -> None:
    """Refuse a parameter out of its range; an abstract one has no values to look at."""
    if demand is ANY or (isinstance(value, Tensor) and value.is_abstract):
        return
    if not f.all_within(value, *_BOUNDS[demand]):
        raise RangeError(f"{name}: {key} must be {demand}, but it is {value}")


def shape_for(name: str, size: Any, values: list[Any], out: Tensor | None) -> tuple[int, ...]:
    """The shape of what is drawn."""
    shapes = [x.shape for x in values if isinstance(x, Tensor)]
    if size is None:
        return numpy.broadcast_shapes(*shapes) if out is None else out.shape
    size = tuple(size) if isinstance(size, (tuple, list)) else (int(size),)
    try:
        wide = numpy.broadcast_shapes(size, *shapes)
    except ValueError:
        wide = ()
    if wide != size:
        raise ValueError(f"random.{name}: parameters of shapes {shapes} do not fit size={size}")
    return size


# ---- vectors and places --------------------------------------------------------------------------


def _root(cov: numpy.ndarray) -> numpy.ndarray:
    """A matrix whose square is cov: the triangular one, or any if cov is singular."""
    try:
        return numpy.linalg.cholesky(cov)
    except numpy.linalg.LinAlgError:
        w, v = numpy.linalg.eigh(cov)
        if (w < -1e-5 * numpy.abs(w).max()).any():
            raise ValueError(
                "random.multivariate_normal: cov is not positive semidefinite"
            ) from None
        return v * numpy.sqrt(numpy.maximum(w, 0))[..., None, :]


def multivariate_normal(mean: A, cov: A, size: tuple[int, ...]) -> A:
    """Vectors of mean `mean` and covariances `cov`, differentiable in both."""
    from microlazy.ops.linear_algebra import gradient_of_cholesky  # seldom needed

    root = call(
        _root, [cov], gradients=(gradient_of_cholesky,), result=lambda cov: (cov.shape, cov.dtype)
    )
    n = mean.shape[-1]
    if cov.shape[-2:] != (n, n):
        raise ValueError(
            f"random.multivariate_normal: cov of shape {cov.shape} does not fit a mean of {n} "
            "elements"
        )
    stack = numpy.broadcast_shapes(mean.shape[:-1], cov.shape[:-2])
    face, dtype = f.face_of(mean), numpy.dtype(mean.dtype).name
    noise: Any = Numbers(face, (*size, *stack, n), dtype).normal()
    return mean + f.reshape(f.matmul(root, f.expand_dims(noise, -1)), noise.shape)


def _probabilities(name: str, p: numpy.ndarray) -> numpy.ndarray:
    p = p.astype("float64")
    total = p.sum(-1, keepdims=True)
    if p.min(initial=0) < 0 or abs(total - 1).max(initial=0) > 1e-5:
        raise ValueError(f"random.{name}: probabilities must not be negative and add up to 1")
    return p / total


def _counts(p: numpy.ndarray, n: int, size: tuple[int, ...]) -> numpy.ndarray:
    return stream().multinomial(n, _probabilities("multinomial", p), size=size)


def multinomial(n: int, p: A, size: tuple[int, ...]) -> A:
    """How often each of the outcomes of probabilities p occurs in n trials."""
    stack = (*size, *p.shape[:-1])
    return call_shaped(
        _by_library("Counts", _counts),
        [p],
        (*stack, p.shape[-1]),
        "int64",
        {"n": n, "size": stack},
    )


def _choice(
    p: numpy.ndarray, n: int, size: tuple[int, ...], replace: bool, weighted: bool
) -> numpy.ndarray:
    if replace and not weighted:
        return stream().integers(0, n, size)  # as choice() does, sooner
    weights = _probabilities("choice", p) if weighted else None
    return stream().choice(n, size, replace, weights)


def choice(n: int, size: tuple[int, ...], replace: bool, p: Tensor | None, face: int) -> Any:
    """Places in range(n), with probabilities p if given."""
    return call_shaped(
        _by_library("Places", _choice),
        [f.new_array(face, (), None, 0) if p is None else p],
        size,
        "int64",
        {"n": n, "size": size, "replace": replace, "weighted": p is not None},
    )


_PERMUTATION = Permutation()


def permutation(n: int, face: int) -> Any:
    """The places 0 ... n - 1 in a random order."""
    return call_shaped(_PERMUTATION, [f.new_array(face, (), None, 0)], (n,), "int64")
