"""Layers of `gluon.contrib.nn`: most are those of `gluon.nn` under older names."""

from __future__ import annotations

from typing import Any

from ...initializer import Initializer
from ..nn import (
    BatchNorm,
    Concatenate,
    Embedding,
    HybridConcatenate,
    Identity,
    PixelShuffle1D,
    PixelShuffle2D,
    PixelShuffle3D,
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


class SyncBatchNorm(BatchNorm):
    """Batch normalization over the batches of all devices, which here are one: `BatchNorm`.

    Parameters
    ----------
    in_channels : int
        The number of channels; 0 finds it from the first input.
    num_devices : int or None
        Of no effect.
    momentum, epsilon, center, scale, use_global_stats
        As in `BatchNorm`.
    beta_initializer, gamma_initializer : Initializer or str
        As in `BatchNorm`.
    running_mean_initializer, running_variance_initializer : Initializer or str
        As in `BatchNorm`.
    **kwargs
        `prefix` and `params`, as in `Block`.

    Examples
    --------
    >>> from microlazy import nd
    >>> layer = SyncBatchNorm()
    >>> layer.initialize()
    >>> layer(nd.ones((2, 3, 4, 4))).shape
    (2, 3, 4, 4)
    """

    def __init__(
        self,
        in_channels: int = 0,
        num_devices: int | None = None,
        momentum: float = 0.9,
        epsilon: float = 1e-5,
        center: bool = True,
        scale: bool = True,
        use_global_stats: bool = False,
        beta_initializer: Initializer | str | None = "zeros",
        gamma_initializer: Initializer | str | None = "ones",
        running_mean_initializer: Initializer | str | None = "zeros",
        running_variance_initializer: Initializer | str | None = "ones",
        **kwargs: Any,
    ) -> None:
        super().__init__(
            1,
            momentum,
            epsilon,
            center,
            scale,
            use_global_stats,
            beta_initializer,
            gamma_initializer,
            running_mean_initializer,
            running_variance_initializer,
            in_channels,
            **kwargs,
        )
