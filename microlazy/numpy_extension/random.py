"""`mx.npx.random`: the seed, coins, and batches of draws."""

from typing import Any

from microlazy.context import Context, check_ctx
from microlazy.core import functions as _f
from microlazy.core.array import ndarray
from microlazy.core.generator import seed
from microlazy.core.tensor import Tensor
from microlazy.numpy.random import normal, uniform
from microlazy.ops import distributions as _d

__all__ = ["bernoulli", "normal_n", "seed", "uniform_n"]


def bernoulli(
    prob: float | ndarray | None = None,
    logit: float | ndarray | None = None,
    size: Any = None,
    dtype: Any = None,
    ctx: Context | None = None,
    out: ndarray | None = None,
) -> ndarray:
    """Draw 1 with a probability, else 0.

    Parameters
    ----------
    prob, logit : float or ndarray, optional
        The probability, or the log of its odds: one of both.
    size : int or tuple of int, optional
        By default the shape of the parameter.
    dtype : dtype or str, optional
        float32 by default.
    ctx : Context, optional
    out : ndarray, optional
        An array to fill.

    Raises
    ------
    ValueError
        If not exactly one of `prob` and `logit` is given, or prob is not in [0, 1].

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.random.bernoulli(np.array([0, 1]))
    array([0., 1.])
    """
    check_ctx(ctx)
    if (prob is None) == (logit is None):
        raise ValueError(f"bernoulli: give prob or logit, not both; got {prob} and {logit}")
    if prob is None:
        logit = logit if isinstance(logit, Tensor) else _f.to_array(1, logit)
        prob = _f.unary_op("sigmoid", logit)
    drawn = _d.sample("bernoulli", {"prob": prob}, 1, size, dtype, out)
    return drawn if out is not None else _f.on_context(drawn, ctx)


def _batch(batch_shape: Any, *parameters: Any) -> tuple[int, ...] | None:
    """The shape of a batch of draws for each element of the parameters."""
    if batch_shape is None:
        return None
    batch = tuple(batch_shape) if isinstance(batch_shape, (tuple, list)) else (batch_shape,)
    return batch + _d.shape_for("batch", None, list(parameters), None)


def uniform_n(
    low: float | ndarray = 0.0,
    high: float | ndarray = 1.0,
    batch_shape: Any = None,
    dtype: Any = None,
    ctx: Context | None = None,
) -> ndarray:
    """Draw a batch of numbers from [low, high) for each element of the parameters.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.random.uniform_n(np.zeros(2), 1.0, batch_shape=(3,)).shape
    (3, 2)
    """
    return uniform(low, high, _batch(batch_shape, low, high), dtype, ctx)


def normal_n(
    loc: float | ndarray = 0.0,
    scale: float | ndarray = 1.0,
    batch_shape: Any = None,
    dtype: Any = None,
    ctx: Context | None = None,
) -> ndarray:
    """Draw a batch of normal numbers for each element of the parameters.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.random.normal_n(np.zeros(2), 1.0, batch_shape=(3,)).shape
    (3, 2)
    """
    return normal(loc, scale, _batch(batch_shape, loc, scale), dtype, ctx)
