"""jax.nn: functions of layers, and initializers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ..... import numpy as np
from ..... import numpy_extension as npx
from ....activations import elu, selu
from ..._absent import teller
from . import initializers

__all__ = [
    "elu",
    "gelu",
    "initializers",
    "leaky_relu",
    "log_sigmoid",
    "log_softmax",
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


if not TYPE_CHECKING:  # a type checker would take it for a promise
    __getattr__ = teller(__name__, __all__)
