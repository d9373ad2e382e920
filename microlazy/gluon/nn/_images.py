"""Moving of elements: around an image's edges, and between channels and space."""

from __future__ import annotations

import math
from typing import Any

from ...base import ShapeError
from ...core.functions import reshape
from ...core.tensor import Tensor
from ...initializer import ArgumentError
from ..block.tree import where
from ._layer import Layer, sizes_of

__all__ = ["PixelShuffle1D", "PixelShuffle2D", "PixelShuffle3D", "ReflectionPad2D"]

Sizes = int | tuple[int, ...]


class ReflectionPad2D(Layer):
    """Put rows and columns around images: those inside, in reverse order.

    Parameters
    ----------
    padding : int or tuple of int
        How many on each side; or 8 numbers, before and after each axis of NCHW, the first four 0.
    **kwargs
        `prefix` and `params`, as in `Block`.

    Raises
    ------
    ValueError
        If `padding` is neither.
    MXNetError
        In the forward pass, if the padding is not smaller than the image.

    Examples
    --------
    >>> from microlazy import nd
    >>> ReflectionPad2D(1)(nd.array([[[[1, 2], [3, 4]]]])).asnumpy()[0, 0]
    array([[4., 3., 4., 3.],
           [2., 1., 2., 1.],
           [4., 3., 4., 3.],
           [2., 1., 2., 1.]], dtype=float32)
    """

    def __init__(self, padding: Sizes = 0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if isinstance(padding, int):
            padding = (0, 0, 0, 0, padding, padding, padding, padding)
        self._padding = sizes_of(type(self).__name__, "padding", padding, 8, 0)
        if any(self._padding[:4]):
            raise ArgumentError(
                f"{type(self).__name__}: only height and width can be padded, but got {padding}"
            )

    def hybrid_forward(self, F: Any, x: Tensor) -> Tensor:
        return F.pad(x, mode="reflect", pad_width=self._padding)

    forward = Layer.forward


class _PixelShuffle(Layer):
    """What all pixel shuffles share."""

    _axes: int

    def __init__(self, factor: Sizes, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._factors = sizes_of(type(self).__name__, "factor", factor, self._axes, 1)

    def hybrid_forward(self, F: Any, x: Tensor) -> Tensor:
        if not isinstance(x, Tensor):
            return self._graph(F, x)
        batch, channels, *sizes = x.shape
        axes, factors = self._axes, self._factors
        parts = reshape(x, (batch, channels // math.prod(factors), *factors, *sizes))
        order = [place for axis in range(2, axes + 2) for place in (axis + axes, axis)]
        enlarged = (size * factor for size, factor in zip(sizes, factors, strict=True))
        return reshape(parts.transpose((0, 1, *order)), (batch, parts.shape[1], *enlarged))

    def _graph(self, F: Any, x: Any) -> Any:
        """The same for sizes that are not known; MXNet transposes six axes at most."""
        axes, rest = self._axes, math.prod(self._factors)
        x = F.reshape(x, shape=(0, -4, -1, rest, *[0] * axes))
        for place, factor in enumerate(self._factors, 2):
            x, rest, behind = F.swapaxes(x, place, place + 1), rest // factor, axes + 1 - place
            x = F.reshape(x, shape=(*[0] * (place + 1), -4, factor, rest, *[0] * behind))
            x = F.reshape(x, shape=(*[0] * place, -3, 0, *[0] * behind))
        return F.reshape(x, shape=(*[0] * (axes + 1), -3))

    forward = Layer.forward

    def infer_shape(self, x: Tensor, *args: Any) -> None:
        channels = self._size_along(x, 1, self._axes + 2)
        if channels % math.prod(self._factors):
            raise ShapeError(
                f"{where(self)} needs a multiple of {math.prod(self._factors)} channels, but "
                f"got {channels} (input shape {x.shape})"
            )

    def __repr__(self) -> str:
        shown = self._factors if self._axes > 1 else self._factors[0]
        return f"{type(self).__name__}({shown})"


class PixelShuffle2D(_PixelShuffle):
    """Enlarge images by laying out channels side by side.

    Parameters
    ----------
    factor : int or tuple of int
        How many times height and width grow; the channels become fewer by their product.
    **kwargs
        `prefix` and `params`, as in `Block`.

    Raises
    ------
    ValueError
        If `factor` is no size.
    ShapeError
        In the forward pass, if the number of channels is not a multiple of the product.

    Notes
    -----
    Shi et al., "Real-time single image and video super-resolution using an efficient sub-pixel
    convolutional neural network", 2016.

    Examples
    --------
    >>> from microlazy import nd
    >>> PixelShuffle2D(2)(nd.arange(4).reshape((1, 4, 1, 1))).asnumpy()[0, 0]
    array([[0., 1.],
           [2., 3.]], dtype=float32)
    """

    _axes = 2


class PixelShuffle1D(_PixelShuffle):
    """Enlarge sequences by laying out channels side by side; as `PixelShuffle2D`.

    Examples
    --------
    >>> from microlazy import nd
    >>> PixelShuffle1D(2)(nd.ones((1, 6, 5))).shape
    (1, 3, 10)
    """

    _axes = 1


class PixelShuffle3D(_PixelShuffle):
    """Enlarge volumes by laying out channels side by side; as `PixelShuffle2D`.

    Examples
    --------
    >>> from microlazy import nd
    >>> PixelShuffle3D((1, 2, 3))(nd.ones((1, 12, 2, 2, 2))).shape
    (1, 2, 2, 4, 6)
    """

    _axes = 3
