"""Layers that normalize."""

from __future__ import annotations

from typing import Any

from .... import autograd
from ....core.tensor import Tensor
from ....gluon import nn
from .. import initializers
from .._layer import Known

__all__ = ["BatchNormalization", "LayerNormalization"]


class _Normalization(Known):
    """Gluon keeps a factor and an offset that are not learned; Keras does not show them."""

    def _hide_fixed(self, center: bool, scale: bool) -> None:
        shown = {"gamma": scale, "beta": center}
        self._named = [row for row in type(self)._named if shown.get(row[0], True)]


class BatchNormalization(_Normalization, nn.BatchNorm):
    """Normalize each channel over the batch; to predict, with the statistics seen so far.

    Parameters
    ----------
    axis : int
        That of the channels.
    momentum : float
        How much of the moving statistics a batch leaves.
    epsilon : float
        Added to the variance.
    center, scale : bool
        Whether an offset `beta` and a factor `gamma` are learned.
    beta_initializer, gamma_initializer : str, callable or Initializer
        For `beta` and `gamma`, of shape (channels,).
    moving_mean_initializer, moving_variance_initializer : str, callable or Initializer
        For the statistics, of shape (channels,), which training moves but does not learn.
    **kwargs
        As in `Layer`.

    Notes
    -----
    Ioffe and Szegedy, "Batch normalization", 2015. With ``trainable = False`` the moving
    statistics are used while training too.

    Examples
    --------
    >>> from microlazy.dialects.keras import tf
    >>> layer = BatchNormalization()
    >>> _ = layer(tf.ones((2, 3)))
    >>> [w.name for w in layer.weights]
    ['gamma', 'beta', 'moving_mean', 'moving_variance']
    """

    _named = (
        ("gamma", "gamma", None),
        ("beta", "beta", None),
        ("moving_mean", "running_mean", None),
        ("moving_variance", "running_var", None),
    )

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        **kwargs: Any,
    ) -> None:
        self._hide_fixed(center, scale)
        super().__init__(
            gluon={
                "axis": axis,
                "momentum": momentum,
                "epsilon": epsilon,
                "center": center,
                "scale": scale,
                "beta_initializer": initializers.for_gluon(beta_initializer),
                "gamma_initializer": initializers.for_gluon(gamma_initializer),
                "running_mean_initializer": initializers.for_gluon(moving_mean_initializer),
                "running_variance_initializer": initializers.for_gluon(moving_variance_initializer),
            },
            **kwargs,
        )

    def forward(self, x: Tensor) -> Tensor:
        if autograd.is_training() and not autograd.is_recording():
            with autograd.record():  # the only mode in which Gluon moves the statistics
                return nn.BatchNorm.forward(self, x).detach()
        return nn.BatchNorm.forward(self, x)

    @property
    def trainable(self) -> bool:
        """Whether training changes the weights and moves the statistics."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        Known.trainable.fset(self, value)  # type: ignore[attr-defined]
        self._kwargs["use_global_stats"] = not value
        self._changed()


class LayerNormalization(_Normalization, nn.LayerNorm):
    """Normalize along one axis, each example by itself.

    Parameters
    ----------
    axis : int
        The axis.
    epsilon : float
        Added to the variance.
    center, scale, beta_initializer, gamma_initializer, **kwargs
        As in `BatchNormalization`.

    Notes
    -----
    Ba et al., "Layer normalization", 2016.

    Examples
    --------
    >>> from microlazy.dialects.keras import tf
    >>> LayerNormalization()(tf.constant([[1.0, 3.0]])).round(2)
    array([[-1.,  1.]])
    """

    _named = (("gamma", "gamma", None), ("beta", "beta", None))

    def __init__(
        self,
        axis: int = -1,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        **kwargs: Any,
    ) -> None:
        self._hide_fixed(center, scale)
        super().__init__(
            gluon={
                "axis": axis,
                "epsilon": epsilon,
                "center": center,
                "scale": scale,
                "beta_initializer": initializers.for_gluon(beta_initializer),
                "gamma_initializer": initializers.for_gluon(gamma_initializer),
            },
            **kwargs,
        )

    forward = nn.LayerNorm.forward
