"""`mx.np.random`: random arrays of the np face.

Parameters are numbers or arrays, broadcast to `size`. What is a function of standard random numbers
and of its parameters is differentiable in them.
"""

import inspect
import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as onp

from microlazy.context import Context, check_ctx
from microlazy.core import functions as _f
from microlazy.core.array import ndarray
from microlazy.core.generator import seed as _seed
from microlazy.core.tensor import Tensor
from microlazy.numpy.arguments import as_array
from microlazy.ops import distributions as _d

__all__ = [
    "beta",
    "binomial",
    "chisquare",
    "choice",
    "exponential",
    "f",
    "gamma",
    "geometric",
    "gumbel",
    "laplace",
    "logistic",
    "lognormal",
    "multinomial",
    "multivariate_normal",
    "negative_binomial",
    "normal",
    "pareto",
    "permutation",
    "poisson",
    "power",
    "rand",
    "randint",
    "randn",
    "random",
    "random_sample",
    "rayleigh",
    "seed",
    "shuffle",
    "standard_normal",
    "standard_t",
    "uniform",
    "weibull",
]

_NP = 1


def seed(seed: int) -> None:
    """Start the generator's sequence anew: equal seeds give equal numbers; see `mx.random.seed`.

    Examples
    --------
    >>> from microlazy import np
    >>> np.random.seed(seed=7)
    """
    _seed(seed)


def _placed(drawn: ndarray, ctx: Context | None, out: ndarray | None) -> ndarray:
    """What was drawn, on a context if it is a new array."""
    return _f.on_context(drawn, ctx) if out is None else drawn


def uniform(
    low: float | ndarray = 0.0,
    high: float | ndarray = 1.0,
    size: Any = None,
    dtype: Any = None,
    ctx: Context | None = None,
    out: ndarray | None = None,
) -> ndarray:
    """Draw numbers from [low, high), all equally likely.

    Parameters
    ----------
    low, high : float or ndarray
    size : int or tuple of int, optional
        By default the shape of the parameters: one number of shape () if they are numbers.
    dtype : dtype or str
        float32 by default, float64 if a parameter is.
    out : ndarray, optional
        An array to fill.

    Examples
    --------
    >>> from microlazy import np
    >>> np.random.uniform(size=(2, 3)).shape
    (2, 3)
    """
    check_ctx(ctx)
    _check_floating("uniform", dtype)
    if _d.are_numbers(low, high):
        return _placed(_d.of_numbers("uniform", low, high, _NP, size, dtype, out), ctx, out)
    values = {"low": low, "high": high}
    return _placed(_d.sample("uniform", values, _NP, size, dtype, out), ctx, out)


def normal(
    loc: float | ndarray = 0.0,
    scale: float | ndarray = 1.0,
    size: Any = None,
    dtype: Any = None,
    ctx: Context | None = None,
    out: ndarray | None = None,
) -> ndarray:
    """Draw numbers from the normal distribution of mean `loc` and standard deviation `scale`.

    Examples
    --------
    >>> from microlazy import np
    >>> np.random.normal(0, 0.1, size=2).shape
    (2,)
    """
    check_ctx(ctx)
    _check_floating("normal", dtype)
    if _d.are_numbers(loc, scale):
        return _placed(_d.of_numbers("normal", loc, scale, _NP, size, dtype, out), ctx, out)
    values = {"loc": loc, "scale": scale}
    return _placed(_d.sample("normal", values, _NP, size, dtype, out), ctx, out)


def _check_floating(name: str, dtype: Any) -> None:
    if dtype is not None and _f.new_array(_NP, (0,), dtype).dtype.kind != "f":
        raise TypeError(f"random.{name}: expected a floating dtype, not {dtype}")


def _shape(size: Any) -> tuple[int, ...]:
    if size is None:
        return ()
    if isinstance(size, (tuple, list)):
        return tuple(operator.index(n) for n in size)
    return (operator.index(size),)


def _standard(name: str, size: Any, dtype: Any, ctx: Context | None) -> ndarray:
    """Numbers in [0, 1), or of mean 0 and deviation 1."""
    check_ctx(ctx)
    if dtype is not None:
        _check_floating(name, dtype)
    drawn = _f.random_array(name, 0.0, 1.0, _NP, () if size is None else size, dtype)
    return drawn if ctx is None else _f.on_context(drawn, ctx)


def randn(*size: int, dtype: Any = None, ctx: Context | None = None) -> ndarray:
    """Draw from the standard normal distribution; the shape is given as numbers.

    Examples
    --------
    >>> from microlazy import np
    >>> np.random.randn(2, 3).shape
    (2, 3)
    """
    return _f.standard_numbers("normal", size, dtype, ctx, _standard)


def rand(*size: int, dtype: Any = None, ctx: Context | None = None) -> ndarray:
    """Draw numbers from [0, 1); the shape is given as numbers.

    Examples
    --------
    >>> from microlazy import np
    >>> np.random.rand(2, 3).shape
    (2, 3)
    """
    return _f.standard_numbers("uniform", size, dtype, ctx, _standard)


def random(size: Any = None, dtype: Any = None, ctx: Context | None = None) -> ndarray:
    """Draw numbers from [0, 1).

    Examples
    --------
    >>> from microlazy import np
    >>> np.random.random(3).shape
    (3,)
    """
    return _f.standard_numbers("uniform", size, dtype, ctx, _standard)


random_sample = random


def standard_normal(size: Any = None, dtype: Any = None, ctx: Context | None = None) -> ndarray:
    """Draw from the normal distribution of mean 0 and standard deviation 1.

    Examples
    --------
    >>> from microlazy import np
    >>> np.random.standard_normal((2, 3)).shape
    (2, 3)
    """
    return _f.standard_numbers("normal", size, dtype, ctx, _standard)


# ---- laws from the table -------------------------------------------------------------------------

_REQUIRED = inspect.Parameter.empty
_OPTIONS = {"size": None, "dtype": None, "ctx": None, "out": None}


def _law(name: str, summary: str, **parameters: Any) -> Callable[..., ndarray]:
    """A sampler with its parameters and their defaults."""
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    signature = inspect.Signature(
        [
            inspect.Parameter(key, kind, default=default, annotation="float | ndarray")
            for key, default in parameters.items()
        ]
        + [
            inspect.Parameter(key, kind, default=default, annotation="Any")
            for key, default in _OPTIONS.items()
        ],
        return_annotation="ndarray",
    )

    defaults = dict(parameters)
    required = sum(default is _REQUIRED for default in defaults.values())

    def function(*args: Any, **options: Any) -> ndarray:
        if not options and required <= len(args) <= len(defaults):  # as usual
            check_ctx(None)
            values = {**defaults, **dict(zip(defaults, args, strict=False))}
            return _d.sample(name, values, _NP, None, None, None)
        bound = signature.bind(*args, **options)
        bound.apply_defaults()
        given = bound.arguments
        check_ctx(given["ctx"])
        values = {key: given[key] for key in parameters}
        drawn = _d.sample(name, values, _NP, given["size"], given["dtype"], given["out"])
        return _placed(drawn, given["ctx"], given["out"])

    demands = dict(zip(parameters, _d.LAWS[name].demands, strict=True))
    ranges = "\n    ".join(f"{key} : float or ndarray\n        {demand.capitalize()}."
                           for key, demand in demands.items())  # fmt: skip
    below_1 = _d.PROBABILITY, _d.CHANCE
    example = ", ".join("0.5" if demand in below_1 else "2" for demand in demands.values())
    vars(function)["__signature__"] = signature
    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""Draw from the {summary}.

    Parameters
    ----------
    {ranges}
    size : int or tuple of int, optional
        By default the shape of the parameters.
    dtype : dtype or str, optional
        {"int64" if _d.LAWS[name].discrete else "float32 by default, float64 if a parameter is"}.
    ctx : Context, optional
    out : ndarray, optional
        An array to fill.

    Raises
    ------
    ValueError
        If a parameter is out of its range.

    Examples
    --------
    >>> from microlazy import np
    >>> np.random.{name}({example}, size=(2, 3)).shape
    (2, 3)
    """
    return function


lognormal = _law("lognormal", "exponential function of normal numbers", mean=0.0, sigma=1.0)
logistic = _law("logistic", "logistic distribution", loc=0.0, scale=1.0)
gumbel = _law("gumbel", "Gumbel distribution, that of large maxima", loc=0.0, scale=1.0)
laplace = _law("laplace", "Laplace distribution", loc=0.0, scale=1.0)
rayleigh = _law("rayleigh", "Rayleigh distribution", scale=1.0)
exponential = _law("exponential", "exponential distribution of mean `scale`", scale=1.0)
weibull = _law("weibull", "Weibull distribution of shape a", a=_REQUIRED)
pareto = _law("pareto", "Pareto II (Lomax) distribution of shape a", a=_REQUIRED)
power = _law("power", "distribution on [0, 1] of density a * x**(a - 1)", a=_REQUIRED)
gamma = _law(
    "gamma",
    "gamma distribution of mean shape * scale; differentiable in `scale`",
    shape=_REQUIRED,
    scale=1.0,
)
chisquare = _law("chisquare", "chi-square distribution", df=_REQUIRED)
beta = _law("beta", "beta distribution of mean a / (a + b)", a=_REQUIRED, b=_REQUIRED)
f = _law("f", "F distribution of degrees of freedom", dfnum=_REQUIRED, dfden=_REQUIRED)
standard_t = _law("standard_t", "Student's t distribution", df=_REQUIRED)
poisson = _law("poisson", "Poisson distribution of mean `lam`", lam=1.0)
binomial = _law(
    "binomial", "number of successes in n trials of probability p", n=_REQUIRED, p=_REQUIRED
)
negative_binomial = _law(
    "negative_binomial",
    "number of failures before n successes of probability p",
    n=_REQUIRED,
    p=_REQUIRED,
)
geometric = _law("geometric", "number of trials to the first success", p=_REQUIRED)


def multinomial(n: int, pvals: Any, size: Any = None) -> ndarray:
    """Draw how often each of several outcomes occurs in `n` trials, as int64.

    Parameters
    ----------
    n : int
    pvals : array_like
        The probabilities of the outcomes along the last axis.
    size : int or tuple of int, optional

    Raises
    ------
    ValueError
        If the probabilities do not add up to 1.

    Examples
    --------
    >>> from microlazy import np
    >>> np.random.multinomial(3, [0.0, 1.0], size=2)
    array([[0, 3],
           [0, 3]], dtype=int64)
    """
    if type(n) is not int or n < 0:
        _d.check("random.multinomial", "n", n, _d.NOT_NEGATIVE)
        n = operator.index(n)
    return _d.multinomial(n, _floats(pvals), _shape(size))


def multivariate_normal(
    mean: ndarray, cov: ndarray, size: Any = None, check_valid: str | None = None, tol: Any = None
) -> ndarray:
    """Draw vectors of a mean and a matrix of covariances, differentiable in both.

    Parameters
    ----------
    mean : ndarray
        Of shape (..., N).
    cov : ndarray
        Of shape (..., N, N), symmetric.
    size : int or tuple of int, optional
        How many vectors for each mean.
    check_valid, tol : None
        Accepted for compatibility: the matrix is always checked.

    Raises
    ------
    ValueError
        If `cov` is not positive semidefinite, or does not fit `mean`.

    Examples
    --------
    >>> from microlazy import np
    >>> np.random.multivariate_normal(np.zeros(2), np.eye(2), size=3).shape
    (3, 2)
    """
    if check_valid is not None or tol is not None:
        raise ValueError("random.multivariate_normal: check_valid and tol cannot be chosen")
    mean, cov = _floats(mean), _floats(cov)
    if mean.dtype != cov.dtype:
        mean, cov = _f.as_dtype(mean, "float64"), _f.as_dtype(cov, "float64")
    return _d.multivariate_normal(mean, cov, _shape(size))


def _floats(x: Any) -> ndarray:
    x = x if isinstance(x, Tensor) else _f.to_array(_NP, x)
    return x if x.dtype.kind == "f" else _f.as_dtype(x, "float32")


# ---- places --------------------------------------------------------------------------------------


def randint(
    low: int,
    high: int | None = None,
    size: Any = None,
    dtype: Any = None,
    ctx: Context | None = None,
    out: ndarray | None = None,
) -> ndarray:
    """Draw whole numbers from [low, high), or [0, low) if high is left out; int64 by default.

    Examples
    --------
    >>> from microlazy import np
    >>> np.random.randint(3, 4, size=2)
    array([3, 3], dtype=int64)
    """
    check_ctx(ctx)
    low, high = (0, low) if high is None else (low, high)
    drawn = _d.of_numbers("randint", low, high, _NP, size, dtype or "int64", out)
    return _placed(drawn, ctx, out)


def choice(
    a: Any,
    size: Any = None,
    replace: bool = True,
    p: Any = None,
    ctx: Context | None = None,
    out: ndarray | None = None,
) -> ndarray:
    """Draw from range(a), or from the elements of `a`, with probabilities p if given.

    Examples
    --------
    >>> from microlazy import np
    >>> np.random.choice(1, 3)
    array([0, 0, 0], dtype=int64)
    """
    check_ctx(ctx)
    a = _many(a)
    n = len(a) if isinstance(a, ndarray) else a
    shape = _shape(size)
    count = math.prod(shape)
    if n < 1 or (not replace and count > n):
        raise ValueError(f"random.choice: cannot draw {count} of {n} elements")
    if p is not None:
        p = _floats(p)
        if p.shape != (n,):
            raise ValueError(f"random.choice: p must be {n} probabilities, not shape {p.shape}")
    places = _d.choice(n, shape, replace, p, _NP)
    result = _f.take(a, places, 0) if isinstance(a, ndarray) else places
    return _f.on_context(result, ctx) if out is None else _f.write_into(out, result)


def permutation(x: int | ndarray) -> ndarray:
    """Return range(x), or the array x along its first axis, in a random order.

    Examples
    --------
    >>> from microlazy import np
    >>> sorted(np.random.permutation(3).tolist())
    [0, 1, 2]
    """
    drawn = _f.permuted(x)
    if drawn is not None:
        return drawn
    x = _many(x)
    if isinstance(x, ndarray):
        return _f.take(x, _d.permutation(len(x), _NP), 0)
    return _d.permutation(x, _NP)


def _many(x: Any) -> ndarray | int:
    """The elements that are drawn from, or the number of whole numbers from 0."""
    many = type(x) is not int and (isinstance(x, (ndarray, list, tuple)) or onp.ndim(x))
    return as_array(x) if many else operator.index(x)


def shuffle(x: ndarray) -> None:
    """Put the array's first axis into a random order, in place.

    Examples
    --------
    >>> from microlazy import np
    >>> x = np.arange(3)
    >>> np.random.shuffle(x)
    >>> sorted(x.tolist())
    [0.0, 1.0, 2.0]
    """
    if not isinstance(x, ndarray):
        raise TypeError(f"random.shuffle: expected an array, not {type(x).__name__}")
    x[:] = permutation(x)


def __getattr__(name: str) -> Any:
    from microlazy.foreign import missing

    raise missing("microlazy.np.random", name, __all__)
