"""Pooling."""

from __future__ import annotations

from typing import Any

from .functional import Sizes, adaptive_pooling_of_arrays, pooling_of_arrays
from .layer import Layer


class _Pooling(Layer):
    """What pooling over one to three axes shares.

    Parameters
    ----------
    kernel_size, padding : int or tuple of int
        Size of the windows, and how many places are put around the input on each side.
    stride : int or tuple of int or None
        Steps between windows; None for `kernel_size`.
    ceil_mode : bool
        Whether a window that lies partly behind the end counts too.
    """

    _axes: int
    _kind: str

    def __init__(
        self,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size, self.padding, self.ceil_mode = kernel_size, padding, ceil_mode
        self.stride = kernel_size if stride is None else stride

    def _compute(self, x: Any) -> Any:
        sizes = (self.kernel_size, self.stride, self.padding, self.ceil_mode)
        return pooling_of_arrays(x, self._axes, self._kind, *sizes, *self._options())

    def _options(self) -> tuple[bool, ...]:
        return ()


class _MaxPool(_Pooling):
    _kind = "max"
    _op = "MaxPool"

    def extra_repr(self) -> str:
        return (
            f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}, "
            f"dilation=1, ceil_mode={self.ceil_mode}"
        )


class MaxPool1d(_MaxPool):
    """The largest element of each window over one axis."""

    _axes = 1


class MaxPool2d(_MaxPool):
    """The largest element of each window over height and width.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> from microlazy.dialects.torch import nn
    >>> nn.MaxPool2d(2)(torch.tensor([[[1.0, 2.0], [4.0, 3.0]]]))
    tensor([[[4.]]])
    """

    _axes = 2
    _op = "MaxPool2DWithIndices"


class MaxPool3d(_MaxPool):
    """The largest element of each window over three axes."""

    _axes = 3


class _AvgPool(_Pooling):
    _kind = "avg"

    def __init__(self, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0,
                 ceil_mode: bool = False, count_include_pad: bool = True) -> None:  # fmt: skip
        super().__init__(kernel_size, stride, padding, ceil_mode)
        self.count_include_pad = count_include_pad

    def _options(self) -> tuple[bool, ...]:
        return (self.count_include_pad,)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class AvgPool1d(_AvgPool):
    """The mean of each window over one axis."""

    _axes = 1
    _op = "AvgPool1D"


class AvgPool2d(_AvgPool):
    """The mean of each window over height and width."""

    _axes = 2
    _op = "AvgPool2D"


class AvgPool3d(_AvgPool):
    """The mean of each window over three axes."""

    _axes = 3
    _op = "AvgPool3D"


class AdaptiveAvgPool2d(Layer):
    """The mean of so many windows, which cover height and width evenly.

    Parameters
    ----------
    output_size : int or tuple of int or None
        Windows along height and width; None keeps an axis.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> from microlazy.dialects.torch import nn
    >>> nn.AdaptiveAvgPool2d((1, 1))(torch.ones(1, 3, 8, 8)).shape
    torch.Size([1, 3, 1, 1])
    """

    _op = "AdaptiveAvgPool2D"
    _kind = "avg"

    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = output_size

    def _compute(self, x: Any) -> Any:
        sizes = self.output_size
        sizes = (sizes,) * 2 if isinstance(sizes, int) else tuple(sizes)
        return adaptive_pooling_of_arrays(x, sizes, self._kind)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveMaxPool2d(AdaptiveAvgPool2d):
    """The largest element of so many windows, which cover height and width evenly."""

    _op = "AdaptiveMaxPool2D"
    _kind = "max"
