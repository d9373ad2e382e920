"""Convolutions and their transposes over one, two or three spatial axes."""

from __future__ import annotations

from typing import Any

from ...base import ShapeError
from ...core.ops.convolution import Filters
from ...core.tensor import Tensor
from ...initializer import ArgumentError, Initializer
from ..block.tree import where
from ._activation import Activation, check_activation
from ._layer import (
    LAYOUTS,
    Layer,
    Shape,
    choice_of,
    given_source,
    shown_size,
    size_of,
    sizes_known,
    sizes_of,
)

__all__ = [
    "Conv1D",
    "Conv1DTranspose",
    "Conv2D",
    "Conv2DTranspose",
    "Conv3D",
    "Conv3DTranspose",
]


class _Conv(Layer):
    """What all convolutions share."""

    _axes: int
    _op = "Convolution"

    def __init__(
        self,
        channels: int,
        kernel_size: int | tuple[int, ...],
        strides: int | tuple[int, ...] = 1,
        padding: int | tuple[int, ...] = 0,
        dilation: int | tuple[int, ...] = 1,
        groups: int = 1,
        layout: str | None = None,
        activation: str | None = None,
        use_bias: bool = True,
        weight_initializer: Initializer | str | None = None,
        bias_initializer: Initializer | str | None = "zeros",
        in_channels: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        kind, axes, layouts = type(self).__name__, self._axes, LAYOUTS[self._axes]
        if activation is not None:
            check_activation(kind, activation)
        self._channels = size_of(kind, "channels", channels, 1)
        self._in_channels = size_of(kind, "in_channels", in_channels, 0)
        self._kwargs: dict[str, Any] = {
            "kernel": sizes_of(kind, "kernel_size", kernel_size, axes, 1),
            "stride": sizes_of(kind, "strides", strides, axes, 1),
            "dilate": sizes_of(kind, "dilation", dilation, axes, 1),
            "pad": sizes_of(kind, "padding", padding, axes, 0),
            "num_filter": self._channels,
            "num_group": size_of(kind, "groups", groups, 1),
            "no_bias": not use_bias,
            "layout": choice_of(kind, "layout", layout or layouts[0], layouts),
        }
        if self._channels % groups or self._in_channels % groups:
            raise ArgumentError(
                f"{kind}: groups={groups} must divide channels={channels} and "
                f"in_channels={in_channels}"
            )
        self._sliding = self._take_apart()
        with self.name_scope():
            shape = self._weight_shape(self._in_channels)
            self.weight = self._declare("weight", shape, weight_initializer)
            given_source("in_channels", self._in_channels, self.weight)
            self.bias = None
            if use_bias:
                self.bias = self._declare("bias", (self._channels,), bias_initializer)
            self.act: Activation | None = None
            if activation is not None:
                self.act = Activation(activation, prefix=f"{activation}_")

    def hybrid_forward(
        self, F: Any, x: Tensor, weight: Tensor, bias: Tensor | None = None
    ) -> Tensor:
        out = getattr(F, self._op)(x, weight, bias, name="fwd", **self._kwargs)
        return out if self.act is None else self.act(out)

    def forward(self, x: Tensor, *args: Any) -> Tensor:
        weight, act = self.weight.array, self.act
        bias = None if self.bias is None else self.bias.array
        out = None
        if not args and weight is not None and (bias is not None or self.bias is None):
            # One call for both where calling the activation's layer would do nothing else.
            relu = act is not None and act._is_only("relu")
            out = self._slide(x, weight, bias, relu)
            if relu and out is not None:
                return out
        if out is None:
            return Layer.forward(self, x, *args)
        return out if act is None else act(out)

    def _slide(self, x: Tensor, weight: Tensor, bias: Tensor | None, relu: bool) -> Tensor | None:
        """The kernels' result, or None where they leave the work, or the error, to the op."""
        if self._sliding is None:
            return None
        return self._sliding.convolution(x, weight, bias, relu)

    def _take_apart(self) -> Filters | None:
        """What the kernels need to know, if the channels are where they expect them."""
        options = self._kwargs
        if options["layout"] != LAYOUTS[self._axes][0]:
            return None
        return Filters(
            options["kernel"],
            options["stride"],
            options["dilate"],
            options["pad"],
            options["num_filter"],
            options["num_group"],
            options.get("adj"),
        )

    def infer_shape(self, x: Tensor, *args: Any) -> None:
        channels = self._size_along(x, self._channel_axis, self._axes + 2)
        if channels % self._kwargs["num_group"]:
            raise ShapeError(
                f"{where(self)} cannot divide {channels} channels of an input of shape "
                f"{x.shape} into {self._kwargs['num_group']} groups"
            )
        self._settle(x, (self.weight, self._weight_shape(channels)))

    @property
    def _channel_axis(self) -> int:
        return self._kwargs["layout"].index("C")

    def _weight_shape(self, in_channels: int) -> Shape:
        return self._filters(self._channels, in_channels // self._kwargs["num_group"])

    def _filters(self, first: int, second: int) -> Shape:
        """The shape of filters: the second number of channels stands where the layout has C."""
        shape = [first, *self._kwargs["kernel"]]
        shape.insert(self._channel_axis, second)
        return tuple(shape)

    def _seen_channels(self) -> int:
        """How many channels each filter sees; 0 while it is unknown."""
        return sizes_known(self.weight)[self._channel_axis]

    def _alias(self) -> str:
        return "conv"

    def __repr__(self) -> str:
        return described(self, self._seen_channels(), self._kwargs, self.bias, self.act)


def described(layer: Layer, seen: int, options: dict[str, Any], bias: Any, act: Any) -> str:
    """How a convolution is printed; `seen` is the number of channels that a filter sees."""
    shown = [f"kernel_size={options['kernel']}", f"stride={options['stride']}"]
    for name, key in (("padding", "pad"), ("output_padding", "adj")):
        if any(options.get(key, ())):
            shown.append(f"{name}={options[key]}")
    if any(size != 1 for size in options["dilate"]):
        shown.append(f"dilation={options['dilate']}")
    if options["num_group"] != 1:
        shown.append(f"groups={options['num_group']}")
    if bias is None:
        shown.append("bias=False")
    if act:
        shown.append(f"{act}")
    channels = f"{shown_size(seen)} -> {options['num_filter']}"
    return f"{type(layer).__name__}({channels}, {', '.join(shown)})"


class Conv2D(_Conv):
    """A convolution over height and width: filters slide over the input.

    Parameters
    ----------
    channels : int
        How many filters, which is the number of channels of the output.
    kernel_size, strides, padding, dilation : int or tuple of int
        Height and width, or one number for both: of a filter; of its steps; how many zeros are
        put around the input on each side; how far apart the elements lie that a filter sees.
    groups : int
        The channels are divided into this many groups, which do not see each other.
    layout : {'NCHW', 'NHWC'}, optional
        The order of the input's and the output's axes; the first if left out.
    activation : str or None
        The name of an activation function, as in `Activation`; None for none.
    use_bias : bool
        Whether there is a bias.
    weight_initializer : Initializer or str or None
        For the weight, of shape (channels, in_channels / groups, height, width), with the second
        axis last for NHWC; None for that of the network.
    bias_initializer : Initializer or str
        For the bias, of shape (channels,).
    in_channels : int
        The number of channels of the input; 0 finds it from the first input.
    **kwargs
        `prefix` and `params`, as in `Block`.

    Raises
    ------
    ValueError
        If an argument is no size, the groups do not divide the channels, or there is no such
        activation function.
    ShapeError
        In the forward pass, if the input does not suit.

    Notes
    -----
    Along each spatial axis of size n the output has
    ``(n + 2 * padding - dilation * (kernel_size - 1) - 1) // strides + 1`` places.
    LeCun et al., "Gradient-based learning applied to document recognition", 1998.

    Examples
    --------
    >>> from microlazy import nd
    >>> layer = Conv2D(8, kernel_size=3, padding=1, activation="relu")
    >>> layer.initialize()
    >>> layer(nd.ones((2, 1, 28, 28))).shape
    (2, 8, 28, 28)
    >>> layer
    Conv2D(1 -> 8, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1), Activation(relu))
    """

    _axes = 2


class Conv1D(_Conv):
    """A convolution over one axis; all else is as in `Conv2D`, for layouts NCW and NWC.

    Examples
    --------
    >>> from microlazy import nd
    >>> layer = Conv1D(4, kernel_size=3, strides=2)
    >>> layer.initialize()
    >>> layer(nd.ones((2, 3, 9))).shape
    (2, 4, 4)
    """

    _axes = 1


class Conv3D(_Conv):
    """A convolution over depth, height and width; all else is as in `Conv2D`.

    The layouts are NCDHW and NDHWC.

    Examples
    --------
    >>> from microlazy import nd
    >>> layer = Conv3D(4, kernel_size=(1, 3, 3))
    >>> layer.initialize()
    >>> layer(nd.ones((2, 3, 4, 5, 6))).shape
    (2, 4, 4, 3, 4)
    """

    _axes = 3


class _ConvTranspose(_Conv):
    """What all transposes of convolutions share."""

    _op = "Deconvolution"

    def __init__(
        self,
        channels: int,
        kernel_size: int | tuple[int, ...],
        strides: int | tuple[int, ...] = 1,
        padding: int | tuple[int, ...] = 0,
        output_padding: int | tuple[int, ...] = 0,
        dilation: int | tuple[int, ...] = 1,
        groups: int = 1,
        layout: str | None = None,
        activation: str | None = None,
        use_bias: bool = True,
        weight_initializer: Initializer | str | None = None,
        bias_initializer: Initializer | str | None = "zeros",
        in_channels: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            channels,
            kernel_size,
            strides,
            padding,
            dilation,
            groups,
            layout,
            activation,
            use_bias,
            weight_initializer,
            bias_initializer,
            in_channels,
            **kwargs,
        )
        kind = type(self).__name__
        self._kwargs["adj"] = sizes_of(kind, "output_padding", output_padding, self._axes, 0)
        self._sliding = self._take_apart()

    def _slide(self, x: Tensor, weight: Tensor, bias: Tensor | None, relu: bool) -> Tensor | None:
        if self._sliding is None:
            return None
        return self._sliding.deconvolution(x, weight, bias, relu)

    def _weight_shape(self, in_channels: int) -> Shape:
        return self._filters(in_channels, self._channels // self._kwargs["num_group"])

    def _seen_channels(self) -> int:
        return sizes_known(self.weight)[0]


class Conv2DTranspose(_ConvTranspose):
    """The transpose of a convolution over height and width: it enlarges what that one reduces.

    Parameters
    ----------
    channels : int
        The number of channels of the output.
    kernel_size, strides, padding, dilation : int or tuple of int
        Those of the convolution that this is the transpose of.
    output_padding : int or tuple of int
        How many places more the output has at its end, fewer than `strides`: of all sizes that
        the convolution reduces to the input's, this chooses one.
    groups, layout, activation, use_bias, weight_initializer, bias_initializer, in_channels
        As in `Conv2D`, but the weight has shape
        (in_channels, channels / groups, height, width).
    **kwargs
        `prefix` and `params`, as in `Block`.

    Raises
    ------
    ValueError
        If an argument is no size, the groups do not divide the channels, or there is no such
        activation function.
    ShapeError
        In the forward pass, if the input does not suit.

    Notes
    -----
    Along each spatial axis of size n the output has
    ``(n - 1) * strides - 2 * padding + dilation * (kernel_size - 1) + output_padding + 1`` places.
    Zeiler et al., "Deconvolutional networks", 2010.

    Examples
    --------
    >>> from microlazy import nd
    >>> layer = Conv2DTranspose(3, kernel_size=4, strides=2, padding=1)
    >>> layer.initialize()
    >>> layer(nd.ones((2, 8, 7, 7))).shape
    (2, 3, 14, 14)
    """

    _axes = 2


class Conv1DTranspose(_ConvTranspose):
    """The transpose of `Conv1D`; all else is as in `Conv2DTranspose`.

    Examples
    --------
    >>> from microlazy import nd
    >>> layer = Conv1DTranspose(3, kernel_size=4, strides=2, padding=1)
    >>> layer.initialize()
    >>> layer(nd.ones((2, 8, 7))).shape
    (2, 3, 14)
    """

    _axes = 1


class Conv3DTranspose(_ConvTranspose):
    """The transpose of `Conv3D`; all else is as in `Conv2DTranspose`.

    Examples
    --------
    >>> from microlazy import nd
    >>> layer = Conv3DTranspose(3, kernel_size=2, strides=2)
    >>> layer.initialize()
    >>> layer(nd.ones((2, 8, 3, 4, 5))).shape
    (2, 3, 6, 8, 10)
    """

    _axes = 3
