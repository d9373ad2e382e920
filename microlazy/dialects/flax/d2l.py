"""What the lessons of "Dive into Deep Learning" take from the book's own package for JAX."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ...core.generator import stream
from .jax import random
from .linen import Module as _Module

__all__ = ["Module", "add_to_class", "get_key"]


def get_key() -> Any:
    """A key of `jax.random`, another one at each call, that follows from `mx.random.seed`.

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.random.seed(1)
    >>> key = get_key()
    >>> bool((key == get_key()).all())
    False
    """
    return random.PRNGKey(int(stream().integers(1 << 32)))


def add_to_class(cls: type) -> Callable[[Callable[..., Any]], None]:
    """A decorator that makes a function a method of a class.

    Examples
    --------
    >>> class A: pass
    >>> @add_to_class(A)
    ... def double(self, x):
    ...     return 2 * x
    >>> A().double(3)
    6
    """

    def add(function: Callable[..., Any]) -> None:
        setattr(cls, function.__name__, function)

    return add


class Module(_Module):
    """The book's base class of models, whose network is `net`.

    Examples
    --------
    >>> from microlazy.dialects.flax import jax, linen as nn
    >>> class Net(Module):
    ...     def setup(self):
    ...         self.net = nn.Dense(3)
    >>> params = Net().init(get_key(), jax.numpy.zeros((2, 4)))
    >>> Net().apply(params, jax.numpy.zeros((2, 4))).shape
    (2, 3)
    """

    def forward(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """The output of `net`."""
        return self.net(x, *args, **kwargs)

    def __call__(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        return self.forward(x, *args, **kwargs)
