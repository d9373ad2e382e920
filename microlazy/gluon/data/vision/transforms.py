"""Transforms of images, as blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ....ndarray import image
from ...block import Block, HybridBlock
from ...nn import Sequential

__all__ = ["Cast", "Compose", "Normalize", "ToTensor"]


class Compose(Sequential):
    """Transforms, one after the other.

    Parameters
    ----------
    transforms : list of Block

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.gluon.data.vision import transforms
    >>> prepare = transforms.Compose([transforms.ToTensor(), transforms.Normalize(0.5, 0.5)])
    >>> prepare(nd.array([[[0, 255]]], dtype="uint8")).asnumpy().ravel()
    array([-1.,  1.], dtype=float32)
    """

    def __init__(self, transforms: Sequence[Block]) -> None:
        super().__init__()
        self.add(*transforms)


class Cast(HybridBlock):
    """Changes the dtype.

    Parameters
    ----------
    dtype : dtype

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.gluon.data.vision import transforms
    >>> transforms.Cast("float64")(nd.ones((1,))).dtype.__name__
    'float64'
    """

    def __init__(self, dtype: Any = "float32") -> None:
        super().__init__()
        self._dtype = dtype

    def forward(self, x: Any) -> Any:
        return x.astype(self._dtype)


class ToTensor(HybridBlock):
    """Turns (height, width, channels) of 0 to 255 into (channels, height, width) of 0 to 1, floats.

    Batches have an axis before these.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.gluon.data.vision import transforms
    >>> transforms.ToTensor()(nd.zeros((28, 20, 3), dtype="uint8")).shape
    (3, 28, 20)
    """

    def forward(self, x: Any) -> Any:
        return image.to_tensor(x)


class Normalize(HybridBlock):
    """Subtracts a mean and divides by a standard deviation, of images (channels, height, width).

    Parameters
    ----------
    mean, std : float or tuple of float
        One number, or one for each channel.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.gluon.data.vision import transforms
    >>> transforms.Normalize(mean=(1, 2), std=2)(nd.ones((2, 1, 1))).asnumpy().ravel()
    array([ 0. , -0.5], dtype=float32)
    """

    def __init__(self, mean: Any = 0.0, std: Any = 1.0) -> None:
        super().__init__()
        self._mean, self._std = mean, std

    def forward(self, x: Any) -> Any:
        return image.normalize(x, self._mean, self._std)
