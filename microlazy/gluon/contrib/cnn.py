"""Convolutions of `gluon.contrib.cnn`, whose filters look where the input tells them to."""

from __future__ import annotations

import math
from typing import Any

from ...base import ShapeError
from ...core.tensor import Tensor
from ...initializer import ArgumentError, Initializer
from ..block.symbolic import functions_of
from ..block.tree import where
from ..nn import Activation
from ..nn._activation import check_activation
from ..nn._convolution import described
from ..nn._layer import Layer, choice_of, given_source, size_of, sizes_known, sizes_of

__all__ = ["DeformableConvolution", "ModulatedDeformableConvolution"]

Init = Initializer | str | None
Sizes = int | tuple[int, int]


class DeformableConvolution(Layer):
    """A convolution over height and width whose filters' places are shifted.

    Another convolution of the same input says by how much, for each window and each place of the
    filter.

    Parameters
    ----------
    channels : int
        How many filters, which is the number of channels of the output.
    kernel_size, strides, padding, dilation : int or tuple of int
        As in `nn.Conv2D`.
    groups : int
        The channels are divided into this many groups, which do not see each other.
    num_deformable_group : int
        The channels of the input are divided into this many groups with shifts of their own.
    layout : {'NCHW'}
        The order of the axes.
    use_bias : bool
        Whether there is a bias.
    in_channels : int
        The number of channels of the input; 0 finds it from the first input.
    activation : str or None
        The name of an activation function, as in `nn.Activation`; None for none.
    weight_initializer : Initializer or str or None
        For the filters, of shape (channels, in_channels / groups, height, width); None for that
        of the network.
    bias_initializer : Initializer or str
        For the bias, of shape (channels,).
    offset_weight_initializer, offset_bias_initializer : Initializer or str
        For the convolution that says the shifts.
    offset_use_bias : bool
        Whether that one has a bias.
    op_name : str
        Of no effect.
    adj : None
        Must be left out.
    prefix, params
        As in `Block`.

    Raises
    ------
    ValueError
        If an argument is no size, the groups do not divide the channels, or there is no such
        activation function.
    ShapeError
        In the forward pass, if the input does not suit.

    Notes
    -----
    Between pixels the input is interpolated; beyond the edge it is 0.  Dai et al., "Deformable
    convolutional networks", 2017.

    Examples
    --------
    >>> from microlazy import nd
    >>> layer = DeformableConvolution(8, kernel_size=3, padding=1)
    >>> layer.initialize()
    >>> layer(nd.ones((2, 3, 6, 6))).shape
    (2, 8, 6, 6)
    >>> layer
    DeformableConvolution(3 -> 8, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1))
    """

    _op = "DeformableConvolution"
    _numbers = 2  # for each place: how far down, how far across
    _order = ("offset", "deformable_conv")  # of the parameters

    def __init__(
        self,
        channels: int,
        kernel_size: Sizes = 1,
        strides: Sizes = 1,
        padding: Sizes = 0,
        dilation: Sizes = 1,
        groups: int = 1,
        num_deformable_group: int = 1,
        layout: str = "NCHW",
        use_bias: bool = True,
        in_channels: int = 0,
        activation: str | None = None,
        weight_initializer: Init = None,
        bias_initializer: Init = "zeros",
        offset_weight_initializer: Init = "zeros",
        offset_bias_initializer: Init = "zeros",
        offset_use_bias: bool = True,
        op_name: str = "DeformableConvolution",
        adj: None = None,
        prefix: str | None = None,
        params: Any = None,
    ) -> None:
        super().__init__(prefix=prefix, params=params)
        kind = type(self).__name__
        if adj:
            raise ArgumentError(f"{kind}: adj belongs to transposes of convolutions")
        if activation:
            check_activation(kind, activation)
        choice_of(kind, "layout", layout, ("NCHW",))
        self._in_channels = size_of(kind, "in_channels", in_channels, 0)
        self._num_deformable_group = size_of(kind, "num_deformable_group", num_deformable_group, 1)
        self._kwargs: dict[str, Any] = {
            "kernel": sizes_of(kind, "kernel_size", kernel_size, 2, 1),
            "stride": sizes_of(kind, "strides", strides, 2, 1),
            "dilate": sizes_of(kind, "dilation", dilation, 2, 1),
            "pad": sizes_of(kind, "padding", padding, 2, 0),
            "num_filter": size_of(kind, "channels", channels, 1),
            "num_group": size_of(kind, "groups", groups, 1),
            "layout": layout,
        }
        places = math.prod(self._kwargs["kernel"])
        self._shifts = self._numbers * places * num_deformable_group
        if any(count % groups for count in (channels, in_channels, self._shifts)):
            raise ArgumentError(
                f"{kind}: groups={groups} must divide channels={channels}, "
                f"in_channels={in_channels} and the {self._shifts} channels of shifts"
            )
        with self.name_scope():
            inits = {
                "offset": (self._shifts, offset_weight_initializer, offset_bias_initializer),
                "deformable_conv": (channels, weight_initializer, bias_initializer),
            }
            biases = {"offset": offset_use_bias, "deformable_conv": use_bias}
            for role in self._order:
                count, weight_init, bias_init = inits[role]
                weight = self._declare(
                    f"{role}_weight", self._filters(count, self._in_channels), weight_init
                )
                given_source("in_channels", self._in_channels, weight)
                setattr(self, f"{role}_weight", weight)
                bias = self._declare(f"{role}_bias", (count,), bias_init) if biases[role] else None
                setattr(self, f"{role}_bias", bias)
            self.act: Activation | None = None
            if activation:
                self.act = Activation(activation, prefix=f"{activation}_")

    def _filters(self, count: int, in_channels: int) -> tuple[int, ...]:
        return (count, in_channels // self._kwargs["num_group"], *self._kwargs["kernel"])

    def infer_shape(self, x: Tensor, *args: Any) -> None:
        channels = self._size_along(x, 1, 4)
        for count in (self._kwargs["num_group"], self._num_deformable_group):
            if channels % count:
                raise ShapeError(
                    f"{where(self)} cannot divide {channels} channels of an input of shape "
                    f"{x.shape} into {count} groups"
                )
        for role, count in (("offset", self._shifts), ("deformable_conv", None)):
            weight = self._reg_params[f"{role}_weight"]
            self._settle(x, (weight, self._filters(count or self._kwargs["num_filter"], channels)))

    def hybrid_forward(
        self,
        F: Any,
        x: Tensor,
        offset_weight: Tensor,
        deformable_conv_weight: Tensor,
        offset_bias: Tensor | None = None,
        deformable_conv_bias: Tensor | None = None,
    ) -> Tensor:
        functions = functions_of(x)
        shifts = functions.Convolution(
            x,
            offset_weight,
            offset_bias,
            no_bias=offset_bias is None,
            **self._kwargs | {"num_filter": self._shifts},
        )
        out = getattr(functions.contrib, self._op)(
            x,
            *self._split(functions, shifts),
            deformable_conv_weight,
            deformable_conv_bias,
            name="fwd",
            no_bias=deformable_conv_bias is None,
            num_deformable_group=self._num_deformable_group,
            **self._kwargs,
        )
        return out if self.act is None else self.act(out)

    forward = Layer.forward

    def _split(self, F: Any, shifts: Tensor) -> tuple[Tensor, ...]:
        """Shifts, and factors of what is found there."""
        return (shifts,)

    def _alias(self) -> str:
        return "deformable_conv"

    def __repr__(self) -> str:
        weight, bias = (getattr(self, f"deformable_conv_{kind}") for kind in ("weight", "bias"))
        return described(self, sizes_known(weight)[1], self._kwargs, bias, self.act)


class ModulatedDeformableConvolution(DeformableConvolution):
    """`DeformableConvolution` that also says how much each place counts, from 0 to 2.

    Notes
    -----
    Zhu et al., "Deformable ConvNets v2", 2019.  With shifts and factors still at their first
    values, which are zeros, it is a plain convolution.

    Examples
    --------
    >>> from microlazy import nd
    >>> layer = ModulatedDeformableConvolution(8, kernel_size=3, padding=1)
    >>> layer.initialize()
    >>> layer(nd.ones((2, 3, 6, 6))).shape
    (2, 8, 6, 6)
    """

    _op = "ModulatedDeformableConvolution"
    _numbers = 3
    _order = ("deformable_conv", "offset")

    def _split(self, F: Any, shifts: Tensor) -> tuple[Tensor, ...]:
        cut = self._shifts // 3 * 2
        offset = F.slice_axis(shifts, axis=1, begin=0, end=cut)
        return offset, F.sigmoid(F.slice_axis(shifts, axis=1, begin=cut, end=None)) * 2

    def _alias(self) -> str:
        return "modulated_deformable_conv"
