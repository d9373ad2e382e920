"""Convolutions."""

from __future__ import annotations

import math
from typing import Any

from .functional import Sizes, convolution_of_arrays, spread
from .layer import Layer, LazyLayer, settle


class _Convolution(Layer):
    """What convolutions over one to three axes share.

    Parameters
    ----------
    in_channels, out_channels : int
        Channels of the input and of the output.
    kernel_size, stride, dilation : int or tuple of int
        Size of the filters, steps between windows, and steps between the places of a window.
    padding : int, tuple of int, "same" or "valid"
        Zeros around the input on each side.
    groups : int
        Parts of the channels that do not see each other.
    bias : bool
        Whether there is a bias.
    dtype : torch.dtype, optional
        Of the parameters.

    Raises
    ------
    ValueError
        If the channels cannot be divided by `groups`.
    RuntimeError
        In the forward pass, if the input has other channels or axes.
    """

    _op = "Convolution"
    _axes: int

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Sizes,
        stride: Sizes = 1,
        padding: Sizes | str = 0,
        dilation: Sizes = 1,
        groups: int = 1,
        bias: bool = True,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if in_channels % groups or out_channels % groups:
            side = "in" if in_channels % groups else "out"
            raise ValueError(f"{side}_channels must be divisible by groups")
        if isinstance(padding, str) and padding not in ("same", "valid"):
            raise ValueError(
                f"Invalid padding string {padding!r}, should be one of {{'valid', 'same'}}"
            )
        axes = self._axes
        self.in_channels, self.out_channels = in_channels, out_channels
        self.kernel_size, self.stride = spread(kernel_size, axes), spread(stride, axes)
        self.padding = padding if isinstance(padding, str) else spread(padding, axes)
        if padding == "same" and any(each != 1 for each in self.stride):
            raise ValueError("padding='same' is not supported for strided convolutions")
        self.dilation, self.groups = spread(dilation, axes), groups
        self._declare("weight", (out_channels, in_channels // groups, *self.kernel_size), dtype)
        if bias:
            self._declare("bias", (out_channels,), dtype)
        else:
            self.register_parameter("bias", None)
        if in_channels:
            self._begin()

    def _begin(self) -> None:
        fan_in = self.in_channels // self.groups * math.prod(self.kernel_size)
        self._start(fan_in, "weight", "bias")

    def _compute(self, x: Any) -> Any:
        return convolution_of_arrays(
            x,
            self._array("weight"),
            self._array("bias"),
            self.stride,
            self.padding,
            self.dilation,
            self.groups,
        )

    def extra_repr(self) -> str:
        axes = self._axes
        text = (
            f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, "
            f"stride={self.stride}"
        )
        if self.padding != (0,) * axes:
            shown = repr(self.padding) if isinstance(self.padding, tuple) else self.padding
            text += f", padding={shown}"
        if self.dilation != (1,) * axes:
            text += f", dilation={self.dilation}"
        if self.groups != 1:
            text += f", groups={self.groups}"
        return text if "bias" in self._reg_params else f"{text}, bias=False"


class Conv1d(_Convolution):
    """A convolution over one axis: (n, channels, length)."""

    _axes = 1


class Conv2d(_Convolution):
    """A convolution over height and width: (n, channels, height, width).

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> from microlazy.dialects.torch import nn
    >>> layer = nn.Conv2d(1, 6, 5, padding=2)
    >>> layer
    Conv2d(1, 6, kernel_size=(5, 5), stride=(1, 1), padding=(2, 2))
    >>> layer(torch.ones(2, 1, 28, 28)).shape
    torch.Size([2, 6, 28, 28])
    """

    _axes = 2


class Conv3d(_Convolution):
    """A convolution over three axes: (n, channels, depth, height, width)."""

    _axes = 3


class _LazyConvolution(LazyLayer, _Convolution):
    """What convolutions share that take `in_channels` from their first input."""

    def __init__(self, out_channels: int, kernel_size: Sizes, stride: Sizes = 1,
                 padding: Sizes | str = 0, dilation: Sizes = 1, groups: int = 1,
                 bias: bool = True, dtype: Any = None) -> None:  # fmt: skip
        _Convolution.__init__(self, 0, out_channels, kernel_size, stride, padding, dilation,
                              groups, bias, dtype)  # fmt: skip

    def _find_sizes(self, x: Any) -> None:
        axis = -self._axes - 1
        if x.ndim < -axis:
            raise RuntimeError(
                f"Expected {-axis}D (unbatched) or {1 - axis}D (batched) input to "
                f"{type(self).__name__}, but got input of size: {list(x.shape)}"
            )
        channels = x.shape[axis]
        if channels % self.groups:
            raise ValueError("in_channels must be divisible by groups")
        shape = (self.out_channels, channels // self.groups, *self.kernel_size)
        settle(self._reg_params["weight"], shape, x)
        self.in_channels = channels
        self._begin()


class LazyConv1d(_LazyConvolution, Conv1d):
    """A `Conv1d` that takes its channels from its first input."""


class LazyConv2d(_LazyConvolution, Conv2d):
    """A `Conv2d` that takes its channels from its first input.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> from microlazy.dialects.torch import nn
    >>> layer = nn.LazyConv2d(6, 5)
    >>> _ = layer(torch.ones(2, 1, 28, 28))
    >>> layer
    Conv2d(1, 6, kernel_size=(5, 5), stride=(1, 1))
    """


class LazyConv3d(_LazyConvolution, Conv3d):
    """A `Conv3d` that takes its channels from its first input."""
