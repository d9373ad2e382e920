"""`mx.nd.random`: random arrays of the nd face.

Parameters may be numbers, or arrays: then each of their elements gets its own draws, and `shape` is
that of the draws for one element.
"""

from typing import Any

import numpy

from microlazy.base import MXNetError
from microlazy.context import Context, check_ctx
from microlazy.core import functions as _f
from microlazy.core.array import NDArray
from microlazy.core.generator import stream
from microlazy.core.ops.numpy_call import call
from microlazy.ops import distributions as _d
from microlazy.ops.arguments import ND, REQUIRED, bind, op, signature_of
from microlazy.ops.checks import as_tuple

__all__ = [
    "exponential",
    "exponential_like",
    "gamma",
    "gamma_like",
    "generalized_negative_binomial",
    "generalized_negative_binomial_like",
    "multinomial",
    "negative_binomial",
    "negative_binomial_like",
    "normal",
    "normal_like",
    "poisson",
    "poisson_like",
    "randint",
    "randn",
    "shuffle",
    "uniform",
    "uniform_like",
]

_NO_SHAPE = object()


# ---- drawing -------------------------------------------------------------------------------------


# What `random_*`, `sample_*` and `*_like` call the parameters of a law, and their defaults.
PARAMETERS: dict[str, dict[str, Any]] = {
    "uniform": {"low": 0.0, "high": 1.0},
    "normal": {"loc": 0.0, "scale": 1.0},
    "exponential": {"lam": 1.0},
    "gamma": {"alpha": 1.0, "beta": 1.0},
    "poisson": {"lam": 1.0},
    "negative_binomial": {"k": 1, "p": 1.0},
    "generalized_negative_binomial": {"mu": 1.0, "alpha": 1.0},
}
_NAMES = {"exponential": ("scale",), "randint": ("low", "high")}  # where nd.random has others


def _drawn(
    law: str, values: tuple[Any, ...], shape: Any, dtype: Any, ctx: Any, out: NDArray | None
) -> NDArray:
    """Draw from a law with numbers or arrays as parameters."""
    check_ctx(ctx)
    if dtype is not None:
        kinds, expected = ("iu", "an integer") if law == "randint" else ("f", "a floating")
        if numpy.dtype(_f.new_array(ND, (0,), dtype).dtype).kind not in kinds:
            raise MXNetError(f"random.{law}: expected {expected} dtype, not {dtype}")
    arrays = [_f.detach(x) for x in values if isinstance(x, NDArray)]
    if arrays and len(arrays) < len(values):
        raise AssertionError(
            f"random.{law}: the parameters must be all numbers or all arrays, not "
            f"{' and '.join(type(x).__name__ for x in values)}"
        )
    if arrays:
        if any(x.shape != arrays[0].shape for x in arrays):
            shapes = " and ".join(str(x.shape) for x in arrays)
            raise MXNetError(f"random.{law}: the parameters must have one shape, not {shapes}")
        draws = () if shape is _NO_SHAPE else as_tuple(shape)
        shape = arrays[0].shape + draws
        dtype = dtype or arrays[0].dtype
        values = tuple([_f.reshape(x, x.shape + (1,) * len(draws)) for x in arrays])
    elif shape is _NO_SHAPE or shape is None:
        shape = (1,) if out is None else out.shape
    if not arrays and law in ("uniform", "normal", "randint"):
        p, q = values
        drawn = _d.of_numbers(law, p, q, ND, shape, dtype, out)
        return drawn if out is not None else _f.on_context(drawn, ctx)
    names = _NAMES[law] if law in _NAMES else PARAMETERS[law]
    parameters = dict(zip(names, values, strict=True))
    drawn = _d.sample(law, parameters, ND, shape, dtype or "float32", out)
    return drawn if out is not None else _f.on_context(drawn, ctx)


# ---- distributions -------------------------------------------------------------------------------


def uniform(
    low: Any = 0,
    high: Any = 1,
    shape: Any = _NO_SHAPE,
    dtype: Any = None,
    ctx: Context | None = None,
    out: NDArray | None = None,
    name: str | None = None,
) -> NDArray:
    """Draw numbers from [low, high), all equally likely.

    Parameters
    ----------
    low, high : float or NDArray
    shape : int or tuple of int
        (1,) by default; () for arrays as parameters.
    dtype : dtype or str
        float32 by default.
    out : NDArray, optional
        An array to fill.
    name : str, optional
        Accepted for compatibility; it changes nothing.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.random.uniform(shape=(2, 3)).shape
    (2, 3)
    >>> nd.random.uniform(nd.array([0, 5]), nd.array([1, 9]), shape=3).shape
    (2, 3)
    """
    return _drawn("uniform", (low, high), shape, dtype, ctx, out)


def normal(
    loc: Any = 0,
    scale: Any = 1,
    shape: Any = _NO_SHAPE,
    dtype: Any = None,
    ctx: Context | None = None,
    out: NDArray | None = None,
    name: str | None = None,
) -> NDArray:
    """Draw numbers from the normal distribution of mean `loc` and standard deviation `scale`.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.random.normal(0, 0.1, shape=(2,)).shape
    (2,)
    """
    return _drawn("normal", (loc, scale), shape, dtype, ctx, out)


def randn(
    *shape: int,
    loc: Any = 0,
    scale: Any = 1,
    dtype: Any = None,
    ctx: Context | None = None,
    out: NDArray | None = None,
    name: str | None = None,
) -> NDArray:
    """Draw numbers from a normal distribution; the shape is given as numbers.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.random.randn(2, 3).shape
    (2, 3)
    """
    return normal(loc, scale, shape or _NO_SHAPE, dtype, ctx, out)


def exponential(
    scale: Any = 1,
    shape: Any = _NO_SHAPE,
    dtype: Any = None,
    ctx: Context | None = None,
    out: NDArray | None = None,
    name: str | None = None,
) -> NDArray:
    """Draw numbers from the exponential distribution of mean `scale`.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.random.exponential(2, shape=(2,)).shape
    (2,)
    """
    return _drawn("exponential", (scale,), shape, dtype, ctx, out)


def gamma(
    alpha: Any = 1,
    beta: Any = 1,
    shape: Any = _NO_SHAPE,
    dtype: Any = None,
    ctx: Context | None = None,
    out: NDArray | None = None,
    name: str | None = None,
) -> NDArray:
    """Draw numbers from the gamma distribution of shape `alpha` and scale `beta`.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.random.gamma(2, 3, shape=(2,)).shape
    (2,)
    """
    return _drawn("gamma", (alpha, beta), shape, dtype, ctx, out)


def poisson(
    lam: Any = 1,
    shape: Any = _NO_SHAPE,
    dtype: Any = None,
    ctx: Context | None = None,
    out: NDArray | None = None,
    name: str | None = None,
) -> NDArray:
    """Draw numbers from the Poisson distribution of mean `lam`, as floats.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.random.poisson(4, shape=(2,)).shape
    (2,)
    """
    return _drawn("poisson", (lam,), shape, dtype, ctx, out)


def negative_binomial(
    k: Any = 1,
    p: Any = 1,
    shape: Any = _NO_SHAPE,
    dtype: Any = None,
    ctx: Context | None = None,
    out: NDArray | None = None,
    name: str | None = None,
) -> NDArray:
    """Draw how many trials succeed before the k-th failure, each failing with probability p.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.random.negative_binomial(3, 0.5, shape=(2,)).shape
    (2,)
    """
    return _drawn("negative_binomial", (k, p), shape, dtype, ctx, out)


def generalized_negative_binomial(
    mu: Any = 1,
    alpha: Any = 1,
    shape: Any = _NO_SHAPE,
    dtype: Any = None,
    ctx: Context | None = None,
    out: NDArray | None = None,
    name: str | None = None,
) -> NDArray:
    """Draw numbers from the negative binomial distribution of mean `mu` and dispersion `alpha`.

    The variance is mu + alpha * mu**2.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.random.generalized_negative_binomial(3, 0.5, shape=(2,)).shape
    (2,)
    """
    return _drawn("generalized_negative_binomial", (mu, alpha), shape, dtype, ctx, out)


def randint(
    low: Any,
    high: Any = None,
    shape: Any = _NO_SHAPE,
    dtype: Any = None,
    ctx: Context | None = None,
    out: NDArray | None = None,
    name: str | None = None,
) -> NDArray:
    """Draw whole numbers from [low, high), or [0, low) if high is left out; int32 by default.

    Examples
    --------
    >>> from microlazy import nd
    >>> int(nd.random.randint(3, 4).asscalar())
    3
    """
    low, high = (0, low) if high is None else (low, high)
    return _drawn("randint", (low, high), shape, dtype or "int32", ctx, out)


# ---- shaped like another array -------------------------------------------------------------------


def _like(law: Any) -> Any:
    name, parameters = f"{law.__name__}_like", PARAMETERS[law.__name__]
    signature = signature_of({"data": REQUIRED, **parameters})

    def function(*args: Any, **kwargs: Any) -> NDArray:
        data, *values = bind(name, signature, args, kwargs).values()
        if law is exponential:
            values = [1.0 / values[0]]
        return law(*values, shape=data.shape, dtype=data.dtype)

    function.__signature__ = signature  # type: ignore[attr-defined]
    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""Draw numbers as `random.{law.__name__}` does, for an array's shape.

    The parameters are {", ".join(f"`{name}` = {value:g}" for name, value in parameters.items())}.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.random.{name}(nd.zeros((2, 3))).shape
    (2, 3)
    """
    return op(function)


uniform_like = _like(uniform)
normal_like = _like(normal)
exponential_like = _like(exponential)
gamma_like = _like(gamma)
poisson_like = _like(poisson)
negative_binomial_like = _like(negative_binomial)
generalized_negative_binomial_like = _like(generalized_negative_binomial)


# ---- choosing ------------------------------------------------------------------------------------


def _chosen(probabilities: numpy.ndarray, shape: tuple[int, ...]) -> numpy.ndarray:
    """Places, each as often as its probability says: where the running sum passes a number."""
    rows = probabilities.reshape(-1, probabilities.shape[-1]).astype("float64")
    sums = rows.cumsum(1)
    count = int(numpy.prod(shape))
    drawn = stream().uniform(size=(len(rows), count)) * sums[:, -1:]
    places = [
        numpy.searchsorted(row, numbers, "right") for row, numbers in zip(sums, drawn, strict=True)
    ]
    return numpy.array(places, "int64").reshape(probabilities.shape[:-1] + shape)


def _chosen_shape(probabilities: NDArray, shape: tuple[int, ...]) -> tuple[Any, Any]:
    return probabilities.shape[:-1] + shape, numpy.int64


def multinomial(
    data: NDArray,
    shape: Any = _NO_SHAPE,
    get_prob: bool = False,
    out: NDArray | None = None,
    dtype: Any = "int32",
    name: str | None = None,
) -> Any:
    """Draw places along the last axis, with the probabilities that stand there.

    Parameters
    ----------
    data : NDArray, shape (..., k)
        Probabilities, which add to 1 along the last axis.
    shape : int or tuple of int
        Of the draws for each row.
    get_prob : bool
        Return the logarithms of the probabilities of what was drawn as well; gradients pass
        through them, as REINFORCE needs (Williams 1992).
    dtype : dtype or str
        Of the places.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.random.multinomial(nd.array([[0, 1, 0], [0, 0, 1]]), shape=2).asnumpy()
    array([[1, 1],
           [2, 2]], dtype=int32)
    """
    draws = () if shape is _NO_SHAPE else as_tuple(shape)
    places = call(_chosen, [_f.detach(data)], {"shape": draws}, result=_chosen_shape)
    result = places.astype(dtype)
    if out is not None:
        result = _f.write_into(out, result)
    if not get_prob:
        return result
    classes = data.shape[-1]
    rows = _f.to_array(ND, range(data.size // classes), "int64") * classes
    rows = _f.reshape(rows, data.shape[:-1] + (1,) * len(draws) if data.ndim > 1 else (1,))
    chosen = _f.take(_f.reshape(data, -1), places + rows, 0)
    return [result, _f.unary_op("log", chosen)]


def shuffle(data: NDArray, out: NDArray | None = None, name: str | None = None) -> NDArray:
    """Return the array with its first axis in a random order.

    Examples
    --------
    >>> from microlazy import nd
    >>> sorted(nd.random.shuffle(nd.array([1, 2, 3])).asnumpy().tolist())
    [1.0, 2.0, 3.0]
    """
    result = _f.take(data, _d.permutation(len(data), ND), 0)
    return result if out is None else _f.write_into(out, result)
