"""Activation functions by Keras' names."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ... import numpy as np
from ... import numpy_extension as npx
from ..activations import elu, selu
from ._absent import teller
from ._lookup import found

__all__ = [
    "elu",
    "exponential",
    "gelu",
    "get",
    "hard_sigmoid",
    "leaky_relu",
    "linear",
    "log_softmax",
    "mish",
    "relu",
    "selu",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "softsign",
    "swish",
    "tanh",
]


def linear(x: Any) -> Any:
    """x itself.

    Examples
    --------
    >>> linear(3)
    3
    """
    return x


def relu(x: Any) -> Any:
    """max(x, 0)

    Examples
    --------
    >>> from microlazy import np
    >>> relu(np.array([-1.0, 2.0]))
    array([0., 2.])
    """
    return npx.relu(x)


def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x))"""
    return npx.sigmoid(x)


def tanh(x: Any) -> Any:
    """The hyperbolic tangent."""
    return np.tanh(x)


def softplus(x: Any) -> Any:
    """log(1 + exp(x))"""
    return npx.softrelu(x)


def softsign(x: Any) -> Any:
    """x / (1 + abs(x))"""
    return npx.softsign(x)


def exponential(x: Any) -> Any:
    """exp(x)"""
    return np.exp(x)


def softmax(x: Any, axis: int = -1) -> Any:
    """exp(x) over its sum along an axis.

    Examples
    --------
    >>> from microlazy import np
    >>> softmax(np.zeros((1, 2)))
    array([[0.5, 0.5]])
    """
    return npx.softmax(x, axis=axis)


def log_softmax(x: Any, axis: int = -1) -> Any:
    """The logarithm of `softmax`."""
    return npx.log_softmax(x, axis=axis)


def leaky_relu(x: Any, negative_slope: float = 0.2) -> Any:
    """x where it is positive, ``negative_slope * x`` elsewhere."""
    return npx.leaky_relu(x, act_type="leaky", slope=negative_slope)


def gelu(x: Any) -> Any:
    """x times the normal distribution's probability of less than x."""
    return npx.leaky_relu(x, act_type="gelu")


def silu(x: Any) -> Any:
    """x * sigmoid(x)"""
    return npx.silu(x)


swish = silu


def mish(x: Any) -> Any:
    """x * tanh(softplus(x))"""
    return npx.mish(x)


def hard_sigmoid(x: Any) -> Any:
    """x / 6 + 1 / 2, cut to 0 and 1."""
    return npx.hard_sigmoid(x, alpha=1 / 6)


_BY_NAME = {name: globals()[name] for name in __all__ if name != "get"}

# What layers of Gluon compute together with the product before it.
_FUSED: dict[Callable[[Any], Any], str] = {
    relu: "relu",
    sigmoid: "sigmoid",
    tanh: "tanh",
    softplus: "softrelu",
}


def get(identifier: Any) -> Callable[[Any], Any]:
    """An activation function by its name, or the function that is given; None is `linear`.

    Raises
    ------
    ValueError
        If there is none of that name.

    Examples
    --------
    >>> get("relu") is relu
    True
    """
    if identifier is None:
        return linear
    if callable(identifier):
        return identifier
    return found("activation function", identifier, _BY_NAME)


def gluon_name(function: Callable[[Any], Any]) -> str | None:
    """What Gluon's layers call it, if they compute it themselves.

    Examples
    --------
    >>> gluon_name(softplus), gluon_name(linear)
    ('softrelu', None)
    """
    return _FUSED.get(function)


if not TYPE_CHECKING:  # a type checker would take it for a promise
    __getattr__ = teller(__name__, __all__)
