"""Transforms of images, as blocks."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Sequence
from typing import Any

import numpy

from .... import image as mx_image
from ....ops import images as image
from ...block import Block, HybridBlock
from ...nn import HybridSequential, Sequential

__all__ = [
    "Cast",
    "CenterCrop",
    "Compose",
    "CropResize",
    "HybridCompose",
    "HybridRandomApply",
    "Normalize",
    "RandomApply",
    "RandomBrightness",
    "RandomColorJitter",
    "RandomContrast",
    "RandomCrop",
    "RandomFlipLeftRight",
    "RandomFlipTopBottom",
    "RandomGray",
    "RandomHue",
    "RandomLighting",
    "RandomResizedCrop",
    "RandomRotation",
    "RandomSaturation",
    "Resize",
    "Rotate",
    "ToTensor",
]


def _in_runs(transforms: Sequence[Any]) -> Iterator[Any]:
    """The transforms, with several hybrid ones in a row as one block, as in MXNet."""
    for hybrid, run in itertools.groupby(transforms, lambda t: isinstance(t, HybridBlock)):
        blocks = list(run)
        if hybrid and len(blocks) > 1:
            row = HybridSequential()
            row.add(*blocks)
            yield row
        else:
            yield from blocks


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
        self.add(*_in_runs(transforms))


class HybridCompose(HybridSequential):
    """Transforms that are all hybrid, one after the other, run from plans.

    Parameters
    ----------
    transforms : list of HybridBlock

    Raises
    ------
    ValueError
        If one is not hybrid.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.gluon.data.vision import transforms
    >>> prepare = transforms.HybridCompose([transforms.Resize(4), transforms.ToTensor()])
    >>> prepare(nd.zeros((6, 8, 3), dtype="uint8")).shape
    (3, 4, 4)
    """

    def __init__(self, transforms: Sequence[HybridBlock]) -> None:
        super().__init__()
        for transform in transforms:
            if not isinstance(transform, HybridBlock):
                raise ValueError(
                    f"HybridCompose: {type(transform).__name__} is no HybridBlock; use Compose"
                )
        self.add(*transforms)
        self.hybridize()


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


# ---- other sizes and parts -----------------------------------------------------------------------


def _pair(size: Any) -> tuple[int, int]:
    """Width and height, of one number for both."""
    return tuple(size) if isinstance(size, (tuple, list)) else (size, size)


class Resize(HybridBlock):
    """Resizes images, of shape (height, width, channels), or batches of them.

    Parameters
    ----------
    size : int or (int, int)
        Width and height, or one number for both.
    keep_ratio : bool
        One number is the size of the shorter side; the other one follows.
    interpolation : int
        As `mx.image.imresize`'s `interp`, but for 9 and 10.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.gluon.data.vision import transforms
    >>> transforms.Resize(4, keep_ratio=True)(nd.zeros((8, 6, 3))).shape
    (5, 4, 3)
    """

    def __init__(self, size: Any, keep_ratio: bool = False, interpolation: int = 1) -> None:
        super().__init__()
        self._size, self._keep, self._interpolation = size, keep_ratio, interpolation

    def forward(self, x: Any) -> Any:
        return image.resize(x, self._size, self._keep, self._interpolation)


class CropResize(HybridBlock):
    """Cuts a part out of images, of shape (height, width, channels), and resizes it.

    Parameters
    ----------
    x, y, width, height : int
        The left upper corner, width and height of the part.
    size : int or (int, int), optional
        The width and height to resize it to.
    interpolation : int, optional
        As for `Resize`; 1 by default.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.gluon.data.vision import transforms
    >>> transforms.CropResize(1, 2, 3, 4, size=(6, 5))(nd.zeros((8, 6, 3))).shape
    (5, 6, 3)
    """

    def __init__(
        self,
        x: int,
        y: int,
        width: int,
        height: int,
        size: Any = None,
        interpolation: int | None = None,
    ) -> None:
        super().__init__()
        self._box = x, y, width, height
        self._size = size
        self._interpolation = 1 if interpolation is None else interpolation

    def forward(self, x: Any) -> Any:
        part = image.crop(x, *self._box)
        if self._size is None:
            return part
        return image.resize(part, self._size, False, self._interpolation)


class CenterCrop(Block):
    """Cuts the middle out of an image, of shape (height, width, channels).

    Parameters
    ----------
    size : int or (int, int)
        Width and height; of a smaller image a part as large as fits is resized to it.
    interpolation : int
        As `mx.image.imresize`'s `interp`.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.gluon.data.vision import transforms
    >>> transforms.CenterCrop((3, 4))(nd.zeros((8, 6, 3))).shape
    (4, 3, 3)
    """

    def __init__(self, size: Any, interpolation: int = 1) -> None:
        super().__init__()
        self._arguments = _pair(size), interpolation

    def forward(self, x: Any) -> Any:
        return mx_image.center_crop(x, *self._arguments)[0]


class RandomCrop(Block):
    """Cuts a part out of an image, of shape (height, width, channels), at a random place.

    Parameters
    ----------
    size : int or (int, int)
        Width and height; of a smaller image a part as large as fits is resized to it.
    pad : int or ((int, int), (int, int)), optional
        How wide a border to put around it first: on all sides, or above and below, left and right.
    pad_value : float
        What is in the border.
    interpolation : int
        As `mx.image.imresize`'s `interp`.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.gluon.data.vision import transforms
    >>> transforms.RandomCrop(8, pad=2)(nd.zeros((8, 8, 3))).shape
    (8, 8, 3)
    """

    def __init__(
        self, size: Any, pad: Any = None, pad_value: float = 0, interpolation: int = 1
    ) -> None:
        super().__init__()
        self._arguments = _pair(size), interpolation
        sides = ((pad, pad), (pad, pad)) if isinstance(pad, int) else pad
        self._borders = None if sides is None else (*sides[0], *sides[1])
        self._value = pad_value

    def forward(self, x: Any) -> Any:
        if self._borders is not None:
            top, bottom, left, right = self._borders
            x = mx_image.copyMakeBorder(x, top, bottom, left, right, value=self._value)
        return mx_image.random_crop(x, *self._arguments)[0]


class RandomResizedCrop(Block):
    """Cuts a part of random size and ratio out of an image, and resizes it.

    Parameters
    ----------
    size : int or (int, int)
        Width and height of the result.
    scale : (float, float)
        The part's area, as a share of the image's.
    ratio : (float, float)
        The part's width divided by its height.
    interpolation : int
        As `mx.image.imresize`'s `interp`.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.gluon.data.vision import transforms
    >>> transforms.RandomResizedCrop(4)(nd.zeros((8, 6, 3))).shape
    (4, 4, 3)
    """

    def __init__(
        self,
        size: Any,
        scale: tuple[float, float] = (0.08, 1.0),
        ratio: tuple[float, float] = (3.0 / 4.0, 4.0 / 3.0),
        interpolation: int = 1,
    ) -> None:
        super().__init__()
        self._arguments = _pair(size), scale, ratio, interpolation

    def forward(self, x: Any) -> Any:
        return mx_image.random_size_crop(x, *self._arguments)[0]


# ---- mirrored and turned -------------------------------------------------------------------------


class RandomFlipLeftRight(HybridBlock):
    """Mirrors an image, of shape (height, width, channels), left for right, or not.

    Parameters
    ----------
    p : float
        How likely it is mirrored.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.gluon.data.vision import transforms
    >>> transforms.RandomFlipLeftRight(p=1)(nd.array([[[1], [2]]])).asnumpy().ravel()
    array([2., 1.], dtype=float32)
    """

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        self._p = p

    def forward(self, x: Any) -> Any:
        return image.one_of(x, image.flip_left_right(x), self._p)


class RandomFlipTopBottom(HybridBlock):
    """Mirrors an image, of shape (height, width, channels), top for bottom, or not.

    Parameters
    ----------
    p : float
        How likely it is mirrored.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.gluon.data.vision import transforms
    >>> transforms.RandomFlipTopBottom(p=1)(nd.array([[[1]], [[2]]])).asnumpy().ravel()
    array([2., 1.], dtype=float32)
    """

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        self._p = p

    def forward(self, x: Any) -> Any:
        return image.one_of(x, image.flip_top_bottom(x), self._p)


def _need_float32(name: str, x: Any) -> None:
    if x.dtype != numpy.float32:
        raise TypeError(
            f"{name}: This transformation only supports float32. Consider calling it after "
            f"ToTensor: the image has dtype {numpy.dtype(x.dtype).name}"
        )


class Rotate(Block):
    """Turns an image, of shape (channels, height, width) and float32, or a batch of them.

    Parameters
    ----------
    rotation_degrees : float
    zoom_in, zoom_out : bool
        As for `mx.image.imrotate`.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.gluon.data.vision import transforms
    >>> transforms.Rotate(180)(nd.array([[[1, 2]]])).asnumpy().ravel().round(3)
    array([2., 1.], dtype=float32)
    """

    def __init__(
        self, rotation_degrees: float, zoom_in: bool = False, zoom_out: bool = False
    ) -> None:
        super().__init__()
        self._arguments = rotation_degrees, zoom_in, zoom_out

    def forward(self, x: Any) -> Any:
        _need_float32("Rotate", x)
        return mx_image.imrotate(x, *self._arguments)


class RandomRotation(Block):
    """Turns an image, of shape (channels, height, width) and float32, by a random angle.

    Parameters
    ----------
    angle_limits : (float, float)
        Between these the angle is uniform, in degrees.
    zoom_in, zoom_out : bool
        As for `mx.image.imrotate`.
    rotate_with_proba : float
        How likely it is turned.

    Raises
    ------
    ValueError
        If the limits are in the wrong order, or the probability is not from 0 to 1.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.gluon.data.vision import transforms
    >>> transforms.RandomRotation((-10, 10))(nd.ones((3, 4, 5))).shape
    (3, 4, 5)
    """

    def __init__(
        self,
        angle_limits: tuple[float, float],
        zoom_in: bool = False,
        zoom_out: bool = False,
        rotate_with_proba: float = 1.0,
    ) -> None:
        super().__init__()
        low, high = angle_limits
        if low >= high:
            raise ValueError(f"`angle_limits` must be an ordered tuple, not {angle_limits}")
        if not 0 <= rotate_with_proba <= 1:
            raise ValueError(
                "Probability of rotating the image should be between 0 and 1, but it is "
                f"{rotate_with_proba}"
            )
        self._arguments = (low, high), zoom_in, zoom_out
        self._p = rotate_with_proba

    def forward(self, x: Any) -> Any:
        if random.random() > self._p:
            return x
        _need_float32("RandomRotation", x)
        return mx_image.random_rotate(x, *self._arguments)


# ---- colours -------------------------------------------------------------------------------------


class _RandomFactor(HybridBlock):
    """A function of an image and the limits of a factor, which may differ from 1 by an amount."""

    def __init__(self, function: Any, amount: float) -> None:
        super().__init__()
        self._function = function
        self._limits = max(0, 1 - amount), 1 + amount

    def forward(self, x: Any) -> Any:
        return self._function(x, *self._limits)


class RandomBrightness(_RandomFactor):
    """Multiplies an image, of shape (height, width, channels), by a random factor.

    Parameters
    ----------
    brightness : float
        By how much the factor may differ from 1.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.gluon.data.vision import transforms
    >>> transforms.RandomBrightness(0)(nd.ones((1, 1, 1))).asnumpy().ravel()
    array([1.], dtype=float32)
    """

    def __init__(self, brightness: float) -> None:
        super().__init__(image.random_brightness, brightness)


class RandomContrast(_RandomFactor):
    """Moves all values away from the image's mean gray by a random factor, or towards it.

    Parameters
    ----------
    contrast : float
        By how much the factor may differ from 1.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.gluon.data.vision import transforms
    >>> transforms.RandomContrast(0.5)(nd.ones((2, 3, 3))).shape
    (2, 3, 3)
    """

    def __init__(self, contrast: float) -> None:
        super().__init__(image.random_contrast, contrast)


class RandomSaturation(_RandomFactor):
    """Moves all colours away from their gray by a random factor, or towards it.

    Parameters
    ----------
    saturation : float
        By how much the factor may differ from 1.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.gluon.data.vision import transforms
    >>> transforms.RandomSaturation(0.5)(nd.ones((2, 3, 3))).shape
    (2, 3, 3)
    """

    def __init__(self, saturation: float) -> None:
        super().__init__(image.random_saturation, saturation)


class RandomHue(_RandomFactor):
    """Turns all colours on the circle of hues by a random part of it.

    Parameters
    ----------
    hue : float
        The largest part.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.gluon.data.vision import transforms
    >>> transforms.RandomHue(0.5)(nd.ones((2, 3, 3))).shape
    (2, 3, 3)
    """

    def __init__(self, hue: float) -> None:
        super().__init__(image.random_hue, hue)


class RandomColorJitter(HybridBlock):
    """Changes brightness, contrast, saturation and hue in a random order.

    Parameters
    ----------
    brightness, contrast, saturation, hue : float
        By how much the factor of each may differ from 1.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.gluon.data.vision import transforms
    >>> transforms.RandomColorJitter(0.1, 0.1, 0.1, 0.1)(nd.ones((2, 3, 3))).shape
    (2, 3, 3)
    """

    def __init__(
        self,
        brightness: float = 0,
        contrast: float = 0,
        saturation: float = 0,
        hue: float = 0,
    ) -> None:
        super().__init__()
        self._amounts = brightness, contrast, saturation, hue

    def forward(self, x: Any) -> Any:
        return image.random_color_jitter(x, *self._amounts)


class RandomLighting(HybridBlock):
    """Adds the directions in which colours of photographs vary, each by a random amount.

    Parameters
    ----------
    alpha : float
        The deviation of the amounts from 0.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.gluon.data.vision import transforms
    >>> transforms.RandomLighting(0.1)(nd.ones((2, 3, 3))).shape
    (2, 3, 3)
    """

    def __init__(self, alpha: float) -> None:
        super().__init__()
        self._alpha = alpha

    def forward(self, x: Any) -> Any:
        return image.random_lighting(x, self._alpha)


class RandomGray(HybridBlock):
    """Makes an image gray with a probability; it keeps three channels.

    Parameters
    ----------
    p : float

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.gluon.data.vision import transforms
    >>> transforms.RandomGray(p=1)(nd.array([[[100, 0, 0]]])).asnumpy().ravel().round()
    array([21., 21., 21.], dtype=float32)
    """

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        self._p = p

    def forward(self, x: Any) -> Any:
        return image.one_of(x, image.mapped(x, image.TO_GRAY), self._p)


# ---- by chance -----------------------------------------------------------------------------------


class RandomApply(Sequential):
    """Applies a transform, or several, or leaves an image as it is.

    Parameters
    ----------
    transforms : Block or list of Block
    p : float
        How likely they are applied; it is drawn from `random`.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.gluon.data.vision import transforms
    >>> transforms.RandomApply(transforms.Cast("int32"), p=1)(nd.ones((1, 1, 1))).dtype.__name__
    'int32'
    """

    def __init__(self, transforms: Any, p: float = 0.5) -> None:
        super().__init__()
        many = isinstance(transforms, (list, tuple))
        self.transforms = Compose(transforms) if many else transforms
        self.p = p

    def forward(self, x: Any) -> Any:
        return x if self.p < random.random() else self.transforms(x)


class HybridRandomApply(HybridSequential):
    """As `RandomApply`, for plans: applies the transform always, and then takes one of both.

    Parameters
    ----------
    transforms : HybridBlock or list of HybridBlock
        What keeps the image's shape and dtype.
    p : float
        How likely they are applied; it is drawn with the generator of `mx.random.seed`.

    Raises
    ------
    ValueError
        If one is not hybrid, or, when it is called, changes the image's shape or dtype.

    Examples
    --------
    >>> from microlazy import nd
    >>> from microlazy.gluon.data.vision import transforms
    >>> maybe = transforms.HybridRandomApply(transforms.RandomBrightness(0.5), p=0.3)
    >>> maybe(nd.ones((2, 3, 3))).shape
    (2, 3, 3)
    """

    def __init__(self, transforms: Any, p: float = 0.5) -> None:
        super().__init__()
        if isinstance(transforms, (list, tuple)):
            transforms = HybridCompose(transforms)
        if not isinstance(transforms, HybridBlock):
            raise ValueError(
                f"HybridRandomApply: {type(transforms).__name__} is no HybridBlock; use RandomApply"
            )
        self.transforms = transforms
        self.p = p

    def forward(self, x: Any) -> Any:
        other = self.transforms(x)
        if other.shape != x.shape or other.dtype != x.dtype:
            raise ValueError(
                f"HybridRandomApply: the transform makes {other.shape} of "
                f"{numpy.dtype(other.dtype)} from {x.shape} of {numpy.dtype(x.dtype)}; use "
                "RandomApply"
            )
        return image.one_of(x, other, self.p)
