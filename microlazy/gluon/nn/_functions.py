"""Functions as layers, and layers that only change the shape."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from ... import ndarray as nd
from ...core.functions import reshape
from ...core.tensor import Tensor
from ...initializer import ArgumentError
from ..block import Block, HybridBlock
from ._layer import Layer

__all__ = ["Flatten", "HybridLambda", "Lambda"]


class Flatten(Layer):
    """Take all axes but the first together.

    Parameters
    ----------
    **kwargs
        `prefix` and `params`, as in `Block`.

    Notes
    -----
    An input of shape (n, a, b, ...) gives an output of shape (n, a * b * ...).

    Examples
    --------
    >>> from microlazy import nd
    >>> Flatten()(nd.ones((2, 3, 4))).shape
    (2, 12)
    """

    def hybrid_forward(self, F: Any, x: Tensor) -> Tensor:
        if isinstance(x, Tensor):
            return reshape(x, (x.shape[0], math.prod(x.shape[1:])))  # on the same memory
        return F.Flatten(x)

    forward = Layer.forward

    def __repr__(self) -> str:
        return type(self).__name__


class Lambda(Block):
    """A function as a block.

    Parameters
    ----------
    function : str or callable
        The name of a function of `microlazy.nd`, or a function of the inputs.
    prefix
        As in `Block`.

    Raises
    ------
    AssertionError
        If there is no function of that name.
    ValueError
        If it is neither a name nor callable.

    Examples
    --------
    >>> from microlazy import nd
    >>> print(Lambda(lambda x: x + 1)(nd.array([1, 2])).asnumpy())
    [2. 3.]
    """

    def __init__(self, function: str | Callable[..., Any], prefix: str | None = None) -> None:
        super().__init__(prefix=prefix)
        self._func_impl = _find_function(function)

    def forward(self, *args: Any) -> Any:
        return self._func_impl(*args)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({_function_name(self._func_impl)})"


class HybridLambda(HybridBlock):
    """A function as a hybrid block.

    Parameters
    ----------
    function : str or callable
        The name of a function of `microlazy.nd`, or a function of `F` and the inputs.
    prefix
        As in `Block`.

    Raises
    ------
    AssertionError
        If there is no function of that name.
    ValueError
        If it is neither a name nor callable.

    Examples
    --------
    >>> from microlazy import nd
    >>> print(HybridLambda(lambda F, x: F.relu(x))(nd.array([-1, 2])).asnumpy())
    [0. 2.]
    """

    def __init__(self, function: str | Callable[..., Any], prefix: str | None = None) -> None:
        super().__init__(prefix=prefix)
        self._function = _find_function(function)
        self._takes_namespace = not isinstance(function, str)
        self._name_of_op = function if isinstance(function, str) else ""

    def hybrid_forward(self, F: Any, x: Any, *args: Any) -> Any:
        if self._takes_namespace:
            return self._function(F, x, *args)
        function = self._function if isinstance(x, Tensor) else getattr(F, self._name_of_op)
        return function(x, *args)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({_function_name(self._function)})"


def _find_function(function: str | Callable[..., Any]) -> Callable[..., Any]:
    if isinstance(function, str):
        if not hasattr(nd, function):
            raise ArgumentError(f"Function name {function} is not found in ndarray.")
        return getattr(nd, function)
    if callable(function):
        return function
    raise ValueError(f"Unrecognized function in lambda: {function} of type {type(function)}")


def _function_name(function: Callable[..., Any]) -> str:
    return getattr(function, "__name__", type(function).__name__)
