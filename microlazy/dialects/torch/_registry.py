"""Where functions of tensors are found, and how they are made of functions of arrays."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ._errors import axis_of
from ._tensor import Tensor, operation

A = Any  # an array of the core with NumPy's rules

FUNCTIONS: dict[str, Callable[..., Any]] = {}  # torch.<name>
METHODS: dict[str, Callable[..., Any]] = {}  # Tensor.<name>
PROPERTIES: dict[str, Callable[[Any], Any]] = {}  # Tensor.<name>, without a call


def camel(name: str) -> str:
    """A name of several words as one.

    Examples
    --------
    >>> from microlazy.dialects.torch._registry import camel
    >>> camel("log_softmax")
    'LogSoftmax'
    """
    return "".join(part.capitalize() for part in name.split("_"))


def of_arrays(method: bool = True, op: str = "") -> Callable[..., Any]:
    """A function of arrays becomes one of `torch`, and a method unless told otherwise.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> torch.sum is torch.Tensor.sum
    True
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        name = function.__name__.rstrip("_")
        made = operation(op or camel(name))(function)
        made.__name__ = made.__qualname__ = name
        FUNCTIONS[name] = made
        if method:
            METHODS[name] = made
        return made

    return decorate


def dims_of(input: A, dim: Any) -> Any:
    """Axes that are there, as NumPy takes them.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.dialects.torch._registry import dims_of
    >>> dims_of(np.ones((2, 3)), -1)
    1
    """
    if dim is None:
        return None
    if isinstance(dim, Sequence):
        return tuple(axis_of(each, input.ndim) for each in dim) or None
    return axis_of(dim, input.ndim) if input.ndim else None


class Found(tuple):
    """Values that a function found along an axis, and their places.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> torch.max(torch.tensor([[1, 5], [7, 2]]), dim=1).indices
    tensor([1, 0])
    """

    values = property(lambda self: self[0])
    indices = property(lambda self: self[1])

    _finder: str

    def __new__(cls, finder: str, values: Tensor, indices: Tensor) -> Found:
        found = super().__new__(cls, (values, indices))
        found._finder = finder
        return found

    def __repr__(self) -> str:
        return f"torch.return_types.{self._finder}(\nvalues={self[0]!r},\nindices={self[1]!r})"
