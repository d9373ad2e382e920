"""`mx.nd.random`: random arrays of the nd face."""

from typing import Any

from microlazy.base import MXNetError
from microlazy.context import Context, check_ctx
from microlazy.core import functions as _f
from microlazy.core.array import NDArray

__all__ = ["normal", "randint", "randn", "shuffle", "uniform"]

_ND = 0
_NO_SHAPE = object()


def _shape(shape: Any, out: NDArray | None) -> Any:
    if shape is _NO_SHAPE or shape is None:
        return (1,) if out is None else None
    return shape


def uniform(
    low: float = 0,
    high: float = 1,
    shape: Any = _NO_SHAPE,
    dtype: Any = None,
    ctx: Context | None = None,
    out: NDArray | None = None,
) -> NDArray:
    """Draw numbers from [low, high), all equally likely.

    Parameters
    ----------
    low, high : float
    shape : int or tuple of int
        (1,) by default.
    dtype : dtype or str
        float32 by default.
    out : NDArray, optional
        An array to fill.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.random.uniform(shape=(2, 3)).shape
    (2, 3)
    """
    check_ctx(ctx)
    if low > high:
        raise MXNetError(f"random.uniform: low ({low}) must not be above high ({high})")
    return _f.random_array("uniform", low, high, _ND, _shape(shape, out), dtype, out)


def normal(
    loc: float = 0,
    scale: float = 1,
    shape: Any = _NO_SHAPE,
    dtype: Any = None,
    ctx: Context | None = None,
    out: NDArray | None = None,
) -> NDArray:
    """Draw numbers from the normal distribution of mean `loc` and standard deviation `scale`.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.random.normal(0, 0.1, shape=(2,)).shape
    (2,)
    """
    check_ctx(ctx)
    if scale < 0:
        raise MXNetError(f"random.normal: scale must not be negative, but it is {scale}")
    return _f.random_array("normal", loc, scale, _ND, _shape(shape, out), dtype, out)


def randn(
    *shape: int,
    loc: float = 0,
    scale: float = 1,
    dtype: Any = None,
    ctx: Context | None = None,
    out: NDArray | None = None,
) -> NDArray:
    """Draw numbers from a normal distribution; the shape is given as numbers.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.random.randn(2, 3).shape
    (2, 3)
    """
    return normal(loc, scale, shape or _NO_SHAPE, dtype, ctx, out)


def randint(
    low: int,
    high: int | None = None,
    shape: Any = _NO_SHAPE,
    dtype: Any = None,
    ctx: Context | None = None,
    out: NDArray | None = None,
) -> NDArray:
    """Draw whole numbers from [low, high), or [0, low) if high is left out; int32 by default.

    Examples
    --------
    >>> from microlazy import nd
    >>> int(nd.random.randint(3, 4).asscalar())
    3
    """
    check_ctx(ctx)
    low, high = (0, low) if high is None else (low, high)
    return _f.random_array(
        "randint", low, high, _ND, _shape(shape, out), dtype or "int32", out
    )


def shuffle(data: NDArray) -> NDArray:
    """Return the array with its first axis in a random order.

    Examples
    --------
    >>> from microlazy import nd
    >>> sorted(nd.random.shuffle(nd.array([1, 2, 3])).asnumpy().tolist())
    [1.0, 2.0, 3.0]
    """
    return data[_f.shuffled_places(len(data))]
