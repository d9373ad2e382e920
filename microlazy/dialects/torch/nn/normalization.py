"""Normalization."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import _dtypes
from .._creation import tensor
from .functional import batch_norm_of_arrays, layer_norm_of_arrays
from .layer import Layer, LazyLayer, settle


class _BatchNorm(Layer):
    """Each channel with mean 0 and variance 1 over the batch (Ioffe & Szegedy 2015).

    Parameters
    ----------
    num_features : int
        Channels.
    eps : float
        Added to the variance.
    momentum : float or None
        The part of each batch in the running statistics; None for their plain mean.
    affine : bool
        Whether the result is scaled and shifted, by parameters that are learnt.
    track_running_stats : bool
        Whether running statistics are kept, and used for prediction.
    dtype : torch.dtype, optional
        Of the parameters.
    bias : bool
        Whether the result is shifted, where it is scaled.

    Raises
    ------
    ValueError
        In the forward pass, if the input has other axes, or one value for each channel in training.
    RuntimeError
        In the forward pass, if the input has other channels.
    """

    _op = "NativeBatchNorm"
    _ranks: tuple[int, ...]

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.affine, self.track_running_stats = affine, track_running_stats
        for name, wanted in (("weight", affine), ("bias", affine and bias)):
            if wanted:
                self._declare(name, (num_features,), dtype)
            else:
                self.register_parameter(name, None)
        if track_running_stats:
            for name in ("running_mean", "running_var"):
                self._buffer_names[name] = True
                self._declare(name, (num_features,), dtype, buffer=True)
            self.register_buffer("num_batches_tracked", tensor(0, dtype=_dtypes.int64))
        if num_features:
            self._begin()

    def _begin(self) -> None:
        for name, init in (("weight", "ones"), ("bias", "zeros"),
                           ("running_mean", "zeros"), ("running_var", "ones")):  # fmt: skip
            self._start_with(init, name)

    def _compute(self, x: Any) -> Any:
        if x.ndim not in self._ranks:
            wanted = " or ".join(f"{rank}D" for rank in self._ranks)
            raise ValueError(f"expected {wanted} input (got {x.ndim}D input)")
        tracked = self.track_running_stats
        momentum, trains = self.momentum, self._trains()
        if trains and tracked:
            count = self._array("num_batches_tracked")
            count[...] = count.detach() + 1
            if momentum is None:
                momentum = 1 / count.item()
        return batch_norm_of_arrays(
            x,
            self._array("running_mean"),
            self._array("running_var"),
            self._array("weight"),
            self._array("bias"),
            trains or not tracked,
            momentum or 0.0,
            self.eps,
        )

    def reset_running_stats(self) -> None:
        """Begin the running statistics anew."""
        if self.track_running_stats:
            self.running_mean.zero_()
            self.running_var.fill_(1)
            self.num_batches_tracked.zero_()

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, "
            f"affine={self.affine}, bias={'bias' in self._reg_params}, "
            f"track_running_stats={self.track_running_stats}"
        )


class BatchNorm1d(_BatchNorm):
    """Batch normalization of (n, channels) or (n, channels, length).

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> from microlazy.dialects.torch import nn
    >>> nn.BatchNorm1d(1, affine=False)(torch.tensor([[1.0], [3.0]]))
    tensor([[-1.0000],
            [ 1.0000]])
    """

    _ranks = (2, 3)


class BatchNorm2d(_BatchNorm):
    """Batch normalization of (n, channels, height, width)."""

    _ranks = (4,)


class BatchNorm3d(_BatchNorm):
    """Batch normalization of (n, channels, depth, height, width)."""

    _ranks = (5,)


class _LazyBatchNorm(LazyLayer, _BatchNorm):
    """What batch normalizations share that take `num_features` from their first input."""

    def __init__(
        self,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        dtype: Any = None,
        *,
        bias: bool = True,
    ) -> None:
        _BatchNorm.__init__(self, 0, eps, momentum, affine, track_running_stats, dtype, bias=bias)

    def _find_sizes(self, x: Any) -> None:
        if x.ndim not in self._ranks:
            wanted = " or ".join(f"{rank}D" for rank in self._ranks)
            raise ValueError(f"expected {wanted} input (got {x.ndim}D input)")
        self.num_features = x.shape[1]
        for name in ("weight", "bias", "running_mean", "running_var"):
            settle(self._reg_params.get(name), (self.num_features,), x)
        self._begin()


class LazyBatchNorm1d(_LazyBatchNorm, BatchNorm1d):
    """A `BatchNorm1d` that takes its channels from its first input."""


class LazyBatchNorm2d(_LazyBatchNorm, BatchNorm2d):
    """A `BatchNorm2d` that takes its channels from its first input.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> from microlazy.dialects.torch import nn
    >>> layer = nn.LazyBatchNorm2d()
    >>> _ = layer(torch.rand(2, 3, 4, 4))
    >>> layer.num_features
    3
    """


class LazyBatchNorm3d(_LazyBatchNorm, BatchNorm3d):
    """A `BatchNorm3d` that takes its channels from its first input."""


class LayerNorm(Layer):
    """Each example with mean 0 and variance 1 over the last axes (Ba, Kiros & Hinton 2016).

    Parameters
    ----------
    normalized_shape : int or sequence of int
        The sizes of these axes.
    eps : float
        Added to the variance.
    elementwise_affine, bias : bool
        Whether the result is scaled, and shifted, by parameters that are learnt.
    dtype : torch.dtype, optional
        Of the parameters.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> from microlazy.dialects.torch import nn
    >>> nn.LayerNorm(2, elementwise_affine=False)(torch.tensor([[1.0, 3.0]]))
    tensor([[-1.0000,  1.0000]])
    """

    _op = "NativeLayerNorm"

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        shape = normalized_shape
        self.normalized_shape = (shape,) if isinstance(shape, int) else tuple(shape)
        self.eps, self.elementwise_affine = eps, elementwise_affine
        for name, wanted, init in (("weight", True, "ones"), ("bias", bias, "zeros")):
            if elementwise_affine and wanted:
                self._declare(name, self.normalized_shape, dtype)
                self._start_with(init, name)
            else:
                self.register_parameter(name, None)

    def _compute(self, x: Any) -> Any:
        given = (self._array("weight"), self._array("bias"), self.eps)
        return layer_norm_of_arrays(x, self.normalized_shape, *given)

    def extra_repr(self) -> str:
        return (
            f"{self.normalized_shape}, eps={self.eps}, "
            f"elementwise_affine={self.elementwise_affine}, bias={'bias' in self._reg_params}"
        )
