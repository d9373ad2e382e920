"""Layers that run side by side on the same input."""

from __future__ import annotations

from typing import Any

from ... import ndarray as nd
from ...core.tensor import Tensor
from ...initializer import ArgumentError
from ..block import HybridBlock
from ..block.tree import where
from ..utils import axis_of
from ._containers import HybridSequential, Sequential

__all__ = ["Concatenate", "HybridConcatenate", "Identity"]


def _side_by_side(F: Any, stack: Any, x: Any) -> Tensor:
    if not len(stack):
        raise ArgumentError(f"{where(stack)} has no layers whose outputs it could join")
    return F.concat(*[layer(x) for layer in stack], dim=stack.axis)


def _part(stack: Any, part: Any, key: int | slice) -> Any:
    """A slice of the layers is joined along the same axis."""
    if isinstance(key, slice):
        part.axis = stack.axis
    return part


class Concatenate(Sequential):
    """Layers that all get the same input; their outputs are joined.

    Parameters
    ----------
    axis : int
        Along which axis the outputs are joined.
    prefix, params
        As in `Block`.

    Raises
    ------
    ShapeError
        In the forward pass, if the outputs cannot be joined.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.gluon import nn
    >>> both = Concatenate()
    >>> both.add(nn.Dense(3), nn.Dense(2), Identity())
    >>> both.initialize()
    >>> both(nd.ones((2, 4))).shape
    (2, 9)
    """

    def __init__(self, axis: int = -1, prefix: str | None = None, params: Any = None) -> None:
        super().__init__(prefix=prefix, params=params)
        self.axis = axis_of(type(self).__name__, "axis", axis)

    def forward(self, x: Any) -> Any:
        return _side_by_side(nd, self, x)

    def __getitem__(self, key: int | slice) -> Any:
        return _part(self, super().__getitem__(key), key)


class HybridConcatenate(HybridSequential):
    """Hybrid layers that all get the same input; otherwise as `Concatenate`.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.gluon import nn
    >>> both = HybridConcatenate(axis=1)
    >>> both.add(nn.Dense(3), nn.Dense(2))
    >>> both.initialize()
    >>> both.hybridize()
    >>> both(nd.ones((2, 4))).shape
    (2, 5)
    """

    def __init__(self, axis: int = -1, prefix: str | None = None, params: Any = None) -> None:
        super().__init__(prefix=prefix, params=params)
        self.axis = axis_of(type(self).__name__, "axis", axis)

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        return _side_by_side(F, self, x)

    def __getitem__(self, key: int | slice) -> Any:
        return _part(self, super().__getitem__(key), key)


class Identity(HybridBlock):
    """Return the input.

    Parameters
    ----------
    prefix, params
        As in `Block`.

    Examples
    --------
    >>> from microlazy import nd
    >>> Identity()(nd.ones((2, 4))).shape
    (2, 4)
    """

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        return x
