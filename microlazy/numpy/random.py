"""`mx.np.random`: random arrays of the np face."""

import math
from typing import Any

import numpy as onp

from microlazy.context import Context, check_ctx
from microlazy.core import functions as _f
from microlazy.core.array import ndarray
from microlazy.core.generator import seed

__all__ = ["choice", "normal", "rand", "randint", "randn", "seed", "shuffle", "uniform"]

_NP = 1


def uniform(
    low: float = 0.0,
    high: float = 1.0,
    size: Any = None,
    dtype: Any = None,
    ctx: Context | None = None,
    out: ndarray | None = None,
) -> ndarray:
    """Draw numbers from [low, high), all equally likely.

    Parameters
    ----------
    low, high : float
    size : int or tuple of int, optional
        One number of shape () by default.
    dtype : dtype or str
        float32 by default.
    out : ndarray, optional
        An array to fill.

    Examples
    --------
    >>> from microlazy import np
    >>> np.random.uniform(size=(2, 3)).shape
    (2, 3)
    """
    check_ctx(ctx)
    if low > high:
        raise ValueError(f"random.uniform: low ({low}) must not be above high ({high})")
    return _f.random_array("uniform", low, high, _NP, _size(size, out), dtype, out)


def normal(
    loc: float = 0.0,
    scale: float = 1.0,
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
    if scale < 0:
        raise ValueError(f"random.normal: scale must not be negative, but it is {scale}")
    return _f.random_array("normal", loc, scale, _NP, _size(size, out), dtype, out)


def randn(*size: int, dtype: Any = None, ctx: Context | None = None) -> ndarray:
    """Draw from the standard normal distribution; the shape is given as numbers.

    Examples
    --------
    >>> from microlazy import np
    >>> np.random.randn(2, 3).shape
    (2, 3)
    """
    return normal(0.0, 1.0, size, dtype, ctx)


def rand(*size: int, dtype: Any = None, ctx: Context | None = None) -> ndarray:
    """Draw numbers from [0, 1); the shape is given as numbers.

    Examples
    --------
    >>> from microlazy import np
    >>> np.random.rand(2, 3).shape
    (2, 3)
    """
    return uniform(0.0, 1.0, size, dtype, ctx)


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
    return _f.random_array(
        "randint", low, high, _NP, _size(size, out), dtype or "int64", out
    )


def choice(
    a: Any,
    size: Any = None,
    replace: bool = True,
    p: ndarray | None = None,
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
    n = len(a) if isinstance(a, ndarray) else a
    count = math.prod(size) if isinstance(size, tuple) else 1 if size is None else size
    if n < 1 or (not replace and count > n):
        raise ValueError(f"random.choice: cannot draw {count} of {n} elements")
    if not replace and p is None:
        places = ndarray_of(_f.shuffled_places(n)[:count], size)
    elif p is None:
        places = randint(0, n, size)
    else:
        places = ndarray_of(_weighted(onp.asarray(p, "float64"), n, count, replace), size)
    result = a[places] if isinstance(a, ndarray) else places
    return result if out is None else _f.write_into(out, result)


def _weighted(p: onp.ndarray, n: int, count: int, replace: bool) -> onp.ndarray:
    if p.shape != (n,) or (p < 0).any() or abs(p.sum() - 1) > 1e-5:
        raise ValueError(f"random.choice: p must be {n} probabilities that add up to 1")
    draws = onp.asarray(uniform(size=count if replace else n, dtype="float64"))
    if replace:
        return onp.minimum(onp.searchsorted(onp.cumsum(p) / p.sum(), draws, "right"), n - 1)
    if (p > 0).sum() < count:
        raise ValueError(f"random.choice: p has fewer than {count} probabilities above 0")
    with onp.errstate(divide="ignore"):  # the first of n exponential waiting times, and so on
        return onp.argsort(-onp.log1p(-draws) / p, kind="stable")[:count]


def ndarray_of(places: onp.ndarray, size: Any) -> ndarray:
    """Make an int64 array of a size from NumPy's places.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.numpy.random import ndarray_of
    >>> ndarray_of(numpy.arange(2), 2)
    array([0, 1], dtype=int64)
    """
    return _f.from_numpy_result(_NP, places.reshape(() if size is None else size), "int64")


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
    x[:] = x[_f.shuffled_places(len(x))]


def _size(size: Any, out: ndarray | None) -> Any:
    return () if size is None and out is None else size
