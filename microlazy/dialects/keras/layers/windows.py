"""Layers that slide a window over images: convolution and pooling, with the channels last."""

from __future__ import annotations

from typing import Any

import numpy

from .... import numpy as np
from .... import numpy_extension as npx
from ....core.tensor import Tensor
from ....gluon import nn
from ....gluon.nn._layer import Layer as GluonLayer
from ...windows import around, padded, same_padding
from .. import initializers
from .._layer import Known
from .core import Activated

__all__ = [
    "AveragePooling2D",
    "Conv2D",
    "GlobalAveragePooling2D",
    "GlobalMaxPooling2D",
    "MaxPooling2D",
]

Sizes = int | tuple[int, int]


def _checked_padding(layer: str, padding: str) -> str:
    if str(padding).lower() not in ("valid", "same"):
        raise ValueError(f"{layer}: padding must be 'valid' or 'same', not {padding!r}")
    return str(padding).lower()


def _need_channels_last(layer: str, data_format: str | None) -> None:
    if data_format not in (None, "channels_last"):
        raise ValueError(
            f"{layer}: data_format must be 'channels_last', not {data_format!r}; "
            "microlazy.gluon.nn has layers with the channels second"
        )


class Conv2D(Activated, nn.Conv2D):
    """Convolution over images (batch, height, width, channels).

    Parameters
    ----------
    filters : int
        The number of channels that come out.
    kernel_size : int or tuple of int
        Height and width of the window.
    strides : int or tuple of int
        Steps of the window.
    padding : {"valid", "same"}
        No padding, or as much as gives ceil(size / stride) places; the greater part stands behind.
    data_format : {"channels_last"}, optional
        There is no other.
    dilation_rate : int or tuple of int
        Distance of the window's elements.
    groups : int
        Groups of channels that do not see each other.
    activation : str or callable, optional
        As in `Dense`.
    use_bias : bool
        Whether there is a bias.
    kernel_initializer, bias_initializer : str, callable or Initializer
        For the kernel of shape (height, width, in, filters) and the bias of shape (filters,).
    **kwargs
        As in `Layer`.

    Raises
    ------
    ValueError
        If an argument is not one of these.

    Examples
    --------
    >>> from microlazy.dialects.keras import tf
    >>> layer = Conv2D(8, 3, padding="same")
    >>> layer(tf.ones((1, 5, 5, 2))).shape
    (1, 5, 5, 8)
    >>> layer.kernel.shape
    (3, 3, 2, 8)
    """

    _named = (("kernel", "weight", (1, 2, 3, 0)), ("bias", "bias", None))

    def __init__(
        self,
        filters: int,
        kernel_size: Sizes,
        strides: Sizes = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Sizes = 1,
        groups: int = 1,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **kwargs: Any,
    ) -> None:
        kind = type(self).__name__
        _need_channels_last(kind, data_format)
        self.padding = _checked_padding(kind, padding)
        super().__init__(
            gluon={
                "channels": filters,
                "kernel_size": kernel_size,
                "strides": strides,
                "dilation": dilation_rate,
                "groups": groups,
                "layout": "NHWC",
                "activation": self._gluon_activation(activation),
                "use_bias": use_bias,
                "weight_initializer": initializers.for_gluon(kernel_initializer, (1, 2, 3, 0)),
                "bias_initializer": initializers.for_gluon(bias_initializer),
            },
            **kwargs,
        )
        self._put_activation()
        # Whether inputs are padded before the op, which adds as much on both sides.
        self._pads = self.padding == "same"
        options = self._kwargs
        if self._pads and set(options["stride"]) == {1}:  # then it is the same for all sizes
            pairs = same_padding((1, 1), options["kernel"], (1, 1), options["dilate"])
            self._pads = around(pairs) is None
            options["pad"] = around(pairs) or options["pad"]

    def forward(self, x: Tensor) -> Tensor:
        if self._pads and x.ndim == 4:
            options = self._kwargs
            pairs = same_padding(
                x.shape[1:3], options["kernel"], options["stride"], options["dilate"]
            )
            x = padded(x, pairs)
        return GluonLayer.forward(self, x)


class _Pooling(Known):
    """What pooling layers share."""

    def __init__(
        self,
        pool_size: Sizes = (2, 2),
        strides: Sizes | None = None,
        padding: str = "valid",
        data_format: str | None = None,
        **kwargs: Any,
    ) -> None:
        kind = type(self).__name__
        _need_channels_last(kind, data_format)
        self.padding = _checked_padding(kind, padding)
        gluon = {
            "pool_size": pool_size,
            "strides": strides,
            "layout": "NHWC",
        }
        super().__init__(gluon=gluon, **kwargs)

    def _same_padding(self, x: Tensor) -> list[tuple[int, int]]:
        options = self._kwargs  # type: ignore[attr-defined]
        return same_padding(x.shape[1:3], options["kernel"], options["stride"], (1, 1))


class MaxPooling2D(_Pooling, nn.MaxPool2D):
    """The largest element of each window over height and width.

    Parameters
    ----------
    pool_size : int or tuple of int
        Height and width of the window.
    strides : int or tuple of int, optional
        Steps of the window; its size by default.
    padding : {"valid", "same"}
        As in `Conv2D`; what is added does not count.
    data_format : {"channels_last"}, optional
        There is no other.
    **kwargs
        As in `Layer`.

    Examples
    --------
    >>> from microlazy.dialects.keras import tf
    >>> MaxPooling2D()(tf.ones((1, 5, 5, 2))).shape
    (1, 2, 2, 2)
    """

    def forward(self, x: Tensor) -> Tensor:
        if self.padding == "same" and x.ndim == 4:
            x = padded(x, self._same_padding(x), -numpy.inf)
        return GluonLayer.forward(self, x)


class AveragePooling2D(_Pooling, nn.AvgPool2D):
    """The mean of each window over height and width.

    Parameters
    ----------
    pool_size, strides, padding, data_format, **kwargs
        As in `MaxPooling2D`.

    Examples
    --------
    >>> from microlazy.dialects.keras import tf
    >>> AveragePooling2D(padding="same")(tf.ones((1, 3, 3, 1))).tolist()
    [[[[1.0], [1.0]], [[1.0], [1.0]]]]
    """

    def forward(self, x: Tensor) -> Tensor:
        if self.padding != "same" or x.ndim != 4:
            return GluonLayer.forward(self, x)
        pairs = self._same_padding(x)
        share = npx.pooling(padded(np.ones_like(x), pairs), **self._kwargs)
        return GluonLayer.forward(self, padded(x, pairs)) / share


class _GlobalPooling(Known):
    """What pooling over whole images shares: the result is (batch, channels)."""

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any):
        _need_channels_last(type(self).__name__, data_format)
        self.keepdims = keepdims
        super().__init__(gluon={"layout": "NHWC"}, **kwargs)

    def forward(self, x: Tensor) -> Tensor:
        out = GluonLayer.forward(self, x)  # type: ignore[arg-type]
        return out if self.keepdims else out.reshape((out.shape[0], out.shape[3]))


class GlobalAveragePooling2D(_GlobalPooling, nn.GlobalAvgPool2D):
    """The mean of each channel.

    Parameters
    ----------
    data_format : {"channels_last"}, optional
        There is no other.
    keepdims : bool
        Whether the result is (batch, 1, 1, channels).
    **kwargs
        As in `Layer`.

    Examples
    --------
    >>> from microlazy.dialects.keras import tf
    >>> GlobalAveragePooling2D()(tf.ones((1, 3, 3, 2))).tolist()
    [[1.0, 1.0]]
    """


class GlobalMaxPooling2D(_GlobalPooling, nn.GlobalMaxPool2D):
    """The largest element of each channel; as `GlobalAveragePooling2D`.

    Examples
    --------
    >>> from microlazy.dialects.keras import tf
    >>> GlobalMaxPooling2D()(tf.ones((1, 3, 3, 2))).tolist()
    [[1.0, 1.0]]
    """
