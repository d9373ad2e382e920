"""Dropout."""

from __future__ import annotations

from typing import Any

from ...core.ops.nn import dropout
from ...core.tensor import Tensor
from ..block import HybridBlock
from ..block.hybrid import need_array
from ._layer import fraction_of

__all__ = ["Dropout"]


class Dropout(HybridBlock):
    """Set a random part of the input to 0 while training, and scale the rest up.

    Parameters
    ----------
    rate : float
        The part to drop, from 0 to 1.
    axes : tuple of int
        Axes along which elements are dropped or kept together.
    **kwargs
        `prefix` and `params`, as in `Block`.

    Raises
    ------
    ValueError
        If `rate` is not from 0 to 1.

    Notes
    -----
    Input and output have the same shape, any, and the same floating-point dtype.  Only
    ``autograd.record()`` and ``autograd.train_mode()`` drop anything.  Srivastava et al.,
    "Dropout", 2014.

    Examples
    --------
    >>> from microlazy import nd
    >>> print(Dropout(0.5)(nd.ones((3,))).asnumpy())
    [1. 1. 1.]
    """

    def __init__(self, rate: float, axes: tuple[int, ...] = (), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._rate = fraction_of(type(self).__name__, "rate", rate)
        self._axes = axes

    def forward(self, x: Tensor) -> Tensor:
        try:
            return dropout(x, self._rate, self._axes)
        except TypeError:
            need_array(self, x)
            raise

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        return F.Dropout(x, p=self._rate, axes=self._axes, name="fwd")

    def __repr__(self) -> str:
        return f"{type(self).__name__}(p = {self._rate}, axes={self._axes})"
