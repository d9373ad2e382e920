"""What the lesson takes from its book's package, `d2l.torch`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from . import nn

__all__ = [
    "HyperParameters",
    "Module",
    "add_to_class",
]


def add_to_class(cls: type) -> Callable[[Callable[..., Any]], None]:
    """A decorator that makes a function a method of a class.

    Examples
    --------
    >>> from microlazy.dialects.torch import d2l
    >>> class Greeter:
    ...     pass
    >>> @d2l.add_to_class(Greeter)
    ... def greet(self):
    ...     return "hello"
    >>> Greeter().greet()
    'hello'
    """

    def wrapper(method: Callable[..., Any]) -> None:
        setattr(cls, method.__name__, method)

    return wrapper


class HyperParameters:
    """Keeps the arguments of `__init__` as attributes.

    Examples
    --------
    >>> from microlazy.dialects.torch import d2l
    >>> class Model(d2l.HyperParameters):
    ...     def __init__(self, lr):
    ...         self.save_hyperparameters()
    >>> Model(0.1).lr
    0.1
    """

    hparams: dict[str, Any]

    def save_hyperparameters(self, ignore: tuple[str, ...] | list[str] = ()) -> None:
        """Set the arguments of the function that calls this as attributes."""
        frame = inspect.currentframe()
        caller = frame.f_back if frame is not None else None
        if caller is None:
            raise RuntimeError("save_hyperparameters() must be called in a function")
        given = inspect.getargvalues(caller).locals
        self.hparams = {
            name: value
            for name, value in given.items()
            if name not in {*ignore, "self"} and not name.startswith("_")
        }
        for name, value in self.hparams.items():
            setattr(self, name, value)


class Module(nn.Module, HyperParameters):
    """The base of the book's models: `net` computes, `loss` compares.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> from microlazy.dialects.torch import d2l, nn
    >>> class Model(d2l.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.net = nn.LazyLinear(3)
    >>> Model()(torch.ones(1, 2)).shape
    torch.Size([1, 3])
    """

    def forward(self, *inputs: Any) -> Any:
        if not hasattr(self, "net"):
            raise AssertionError("Neural network is not defined")
        return self.net(*inputs)

    def loss(self, y_hat: Any, y: Any) -> Any:
        """Compare results with targets; a subclass defines it."""
        raise NotImplementedError

    def apply_init(self, inputs: Any, init: Any = None) -> None:
        """Find all sizes by a first forward, and let `init` set the values of the layers."""
        self.forward(*inputs)
        if init is not None:
            self.net.apply(init)
