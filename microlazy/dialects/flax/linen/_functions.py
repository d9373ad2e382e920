"""Functions of layers by Flax' names."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy

from .... import numpy as np
from .... import numpy_extension as npx
from ...windows import padded
from ._layers import _LAYOUTS, _padding, _sizes

__all__ = [
    "avg_pool",
    "elu",
    "gelu",
    "leaky_relu",
    "log_sigmoid",
    "log_softmax",
    "max_pool",
    "one_hot",
    "relu",
    "selu",
    "sigmoid",
    "silu",
    "soft_sign",
    "softmax",
    "softplus",
    "swish",
    "tanh",
]

log_sigmoid = npx.log_sigmoid
log_softmax = npx.log_softmax
relu = npx.relu
sigmoid = npx.sigmoid
silu = swish = npx.silu
soft_sign = npx.softsign
softmax = npx.softmax
softplus = npx.softrelu
tanh = np.tanh


def elu(x: Any, alpha: float = 1.0) -> Any:
    """x where it is positive, ``alpha * (exp(x) - 1)`` elsewhere.

    Examples
    --------
    >>> elu(np.array([-1.0, 2.0])).round(2)
    array([-0.63,  2.  ])
    """
    return npx.leaky_relu(x, act_type="elu", slope=alpha)


def selu(x: Any) -> Any:
    """The scaled `elu` of self-normalizing networks (Klambauer et al. 2017)."""
    return npx.leaky_relu(x, act_type="selu")


def leaky_relu(x: Any, negative_slope: float = 0.01) -> Any:
    """x where it is positive, ``negative_slope * x`` elsewhere."""
    return npx.leaky_relu(x, act_type="leaky", slope=negative_slope)


def gelu(x: Any, approximate: bool = True) -> Any:
    """x times the normal distribution's probability of less than x, or near to it by tanh.

    Examples
    --------
    >>> gelu(np.array([1.0]), approximate=False).round(4)
    array([0.8413])
    """
    if not approximate:
        return npx.leaky_relu(x, act_type="gelu")
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def one_hot(x: Any, num_classes: int, dtype: Any = "float32") -> Any:
    """Rows of zeros with a one at the place that a number says.

    Examples
    --------
    >>> one_hot(np.array([1, 0]), 3)
    array([[0., 1., 0.],
           [1., 0., 0.]])
    """
    return npx.one_hot(x, num_classes, dtype=dtype)


def max_pool(
    inputs: Any,
    window_shape: Sequence[int],
    strides: Sequence[int] | None = None,
    padding: Any = "VALID",
) -> Any:
    """The largest element of each window, channels last.

    Parameters
    ----------
    inputs : array
        Of shape (batch, ..., channels).
    window_shape : tuple of int
        The window, for each axis between.
    strides : tuple of int, optional
        Steps of the window; 1 by default.
    padding : {"SAME", "VALID"}, int, or sequence of int or of pairs of int
        As in `Conv`; what is added does not count.

    Examples
    --------
    >>> max_pool(np.ones((1, 4, 4, 2)), (2, 2), (2, 2)).shape
    (1, 2, 2, 2)
    """
    return _pool("max", inputs, window_shape, strides, padding, -numpy.inf)


def avg_pool(
    inputs: Any,
    window_shape: Sequence[int],
    strides: Sequence[int] | None = None,
    padding: Any = "VALID",
    count_include_pad: bool = True,
) -> Any:
    """The mean of each window, channels last.

    Parameters
    ----------
    inputs, window_shape, strides, padding
        As in `max_pool`.
    count_include_pad : bool
        Whether what is added counts, as zeros.

    Examples
    --------
    >>> avg_pool(np.ones((1, 3, 3, 1)), (2, 2), padding="SAME")[0, 2, 2]
    array([0.25])
    """
    out = _pool("avg", inputs, window_shape, strides, padding, 0.0)
    if count_include_pad:
        return out
    return out / _pool("avg", np.ones_like(inputs), window_shape, strides, padding, 0.0)


def _pool(
    kind: str, x: Any, window: Sequence[int], strides: Any, padding: Any, outside: float
) -> Any:
    options = {
        "kernel": tuple(window),
        "stride": _sizes(strides, len(window)),
        "layout": _LAYOUTS[len(window)],
    }
    return npx.pooling(
        padded(x, _padding(padding, x, options), outside), pool_type=kind, **options
    )
