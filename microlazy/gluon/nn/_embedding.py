"""Vectors for words, and for whatever else has a number."""

from __future__ import annotations

from typing import Any

from ...core.functions import take
from ...core.ops.gather import first_outside
from ...core.tensor import Tensor
from ...initializer import Initializer
from ..block.tree import where
from ._layer import Layer, size_of

__all__ = ["Embedding"]


class Embedding(Layer):
    """A learned vector for each number from 0 on.

    Parameters
    ----------
    input_dim : int
        How many numbers there are.
    output_dim : int
        The size of the vectors.
    dtype : str or numpy.dtype
        Of the vectors.
    weight_initializer : Initializer or str or None
        For the weight, of shape (input_dim, output_dim); None for that of the network.
    sparse_grad : bool
        Accepted for the sake of MXNet's code; gradients are always dense.
    **kwargs
        `prefix` and `params`, as in `Block`.

    Raises
    ------
    ValueError
        If a size is not at least 1.
    IndexError
        In the forward pass, if a number is not from 0 to ``input_dim - 1``; after `hybridize()`
        nobody looks, and it is clipped to that range.

    Notes
    -----
    An input of any shape and dtype gives an output with one more axis.

    Examples
    --------
    >>> from microlazy import nd
    >>> layer = Embedding(10, 4)
    >>> layer.initialize()
    >>> layer(nd.array([[1, 2, 3]])).shape
    (1, 3, 4)
    >>> layer
    Embedding(10 -> 4, float32)
    """

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        dtype: Any = "float32",
        weight_initializer: Initializer | str | None = None,
        sparse_grad: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        kind = type(self).__name__
        self._kwargs: dict[str, Any] = {
            "input_dim": size_of(kind, "input_dim", input_dim, 1),
            "output_dim": size_of(kind, "output_dim", output_dim, 1),
            "dtype": dtype,
        }
        shape = (self._kwargs["input_dim"], self._kwargs["output_dim"])
        self.weight = self._declare("weight", shape, weight_initializer, dtype=dtype)

    def hybrid_forward(self, F: Any, x: Tensor, weight: Tensor) -> Tensor:
        if isinstance(x, Tensor) and not x.is_abstract:
            self._check(x)
        return F.Embedding(x, weight, name="fwd", **self._kwargs)

    def forward(self, x: Any, *args: Any) -> Tensor:
        weight = self.weight.array
        if weight is None or args or type(x) is not type(weight):
            return Layer.forward(self, x, *args)
        if not x.is_abstract:
            self._check(x)
        return take(weight, x, 0)

    def cast(self, dtype: Any) -> None:
        """Change the dtype of the vectors."""
        super().cast(dtype)
        self._kwargs["dtype"] = self.weight.dtype

    def _check(self, places: Tensor) -> None:
        """Refuse numbers that the op would clip."""
        rows = self._kwargs["input_dim"]
        bad = first_outside(places, rows)
        if bad is not None:
            raise IndexError(f"{where(self)} has rows 0 to {rows - 1}, but was given {bad:g}")

    def __repr__(self) -> str:
        rows, size, dtype = self._kwargs.values()
        return f"{type(self).__name__}({rows} -> {size}, {dtype})"
