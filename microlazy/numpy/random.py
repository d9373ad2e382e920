"""`mx.np.random`: random arrays of the np face."""

from typing import Any

from microlazy.context import Context, check_ctx
from microlazy.core import functions as _f
from microlazy.core.array import ndarray
from microlazy.core.generator import seed

__all__ = ["normal", "rand", "randint", "randn", "seed", "shuffle", "uniform"]

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
    if low >= high:
        raise ValueError(f"random.randint: low ({low}) must be below high ({high})")
    return _f.random_array(
        "randint", low, high - low, _NP, _size(size, out), dtype or "int64", out
    )


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
