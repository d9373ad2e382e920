"""Layers of `gluon.contrib.nn`: most are those of `gluon.nn` under older names."""

from __future__ import annotations

from typing import Any

from ...initializer import Initializer
from ..nn import (
    Concatenate,
    Embedding,
    HybridConcatenate,
    Identity,
    PixelShuffle1D,
    PixelShuffle2D,
    PixelShuffle3D,
    SyncBatchNorm,
)

__all__ = [
    "Concurrent",
    "HybridConcurrent",
    "Identity",
    "PixelShuffle1D",
    "PixelShuffle2D",
    "PixelShuffle3D",
    "SparseEmbedding",
    "SyncBatchNorm",
]


class Concurrent(Concatenate):
    """Layers that all get the same input; their outputs are joined: `gluon.nn.Concatenate`.

    Examples
    --------
    >>> from microlazy import nd
    >>> both = Concurrent(axis=1)
    >>> both.add(Identity(), Identity())
    >>> both(nd.ones((2, 4))).shape
    (2, 8)
    """


class HybridConcurrent(HybridConcatenate):
    """Hybrid layers that all get the same input: `gluon.nn.HybridConcatenate`.

    Examples
    --------
    >>> from microlazy import nd
    >>> both = HybridConcurrent(axis=1)
    >>> both.add(Identity(), Identity())
    >>> both(nd.ones((2, 4))).shape
    (2, 8)
    """


class SparseEmbedding(Embedding):
    """`gluon.nn.Embedding`: its gradients are dense here, and it can be hybridized.

    Examples
    --------
    >>> from microlazy import nd
    >>> layer = SparseEmbedding(10, 4)
    >>> layer.initialize()
    >>> layer(nd.array([1, 2, 3])).shape
    (3, 4)
    """

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        dtype: Any = "float32",
        weight_initializer: Initializer | str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(input_dim, output_dim, dtype, weight_initializer, **kwargs)
