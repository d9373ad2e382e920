"""Augmenters: objects that change an image, as a rule at random, and can be listed and saved.

What is random comes from `random` and `numpy.random`, as in MXNet.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy

from .. import ndarray as nd
from ..core import functions as f
from ..core.tensor import Tensor
from ..ops.images import (
    EIGENVALUES,
    EIGENVECTORS,
    TO_GRAY,
    brightened,
    contrasted,
    mapped,
    saturated,
    shifted,
)
from .functions import (
    Size,
    center_crop,
    color_normalize,
    imresize,
    random_crop,
    random_size_crop,
    resize_short,
    to_array,
)

__all__ = [
    "Augmenter",
    "BrightnessJitterAug",
    "CastAug",
    "CenterCropAug",
    "ColorJitterAug",
    "ColorNormalizeAug",
    "ContrastJitterAug",
    "CreateAugmenter",
    "ForceResizeAug",
    "HorizontalFlipAug",
    "HueJitterAug",
    "LightingAug",
    "RandomCropAug",
    "RandomGrayAug",
    "RandomOrderAug",
    "RandomSizedCropAug",
    "ResizeAug",
    "SaturationJitterAug",
    "SequentialAug",
]

IMAGENET_MEAN = numpy.array([123.68, 116.28, 103.53])
IMAGENET_STD = numpy.array([58.395, 57.12, 57.375])


def plain(value: Any) -> Any:
    """A value as JSON has it: arrays as lists.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.image.augmenters import plain
    >>> plain((1, numpy.ones(2)))
    (1, [1.0, 1.0])
    """
    if isinstance(value, (Tensor, numpy.ndarray, numpy.generic)):
        return numpy.asarray(value).tolist()
    return tuple(map(plain, value)) if isinstance(value, tuple) else value


class Augmenter:
    """Base class of augmenters: called with an image it returns another one.

    Parameters
    ----------
    **kwargs
        What `dumps` lists.

    Examples
    --------
    >>> import microlazy as mx
    >>> class Negative(mx.image.Augmenter):
    ...     def __call__(self, src):
    ...         return 255 - src
    >>> Negative(strength=1).dumps()
    '["negative", {"strength": 1}]'
    """

    def __init__(self, **kwargs: Any) -> None:
        self._kwargs = {name: plain(value) for name, value in kwargs.items()}

    def dumps(self) -> Any:
        """Return the name and the arguments as JSON; of a list of augmenters a list."""
        return json.dumps([type(self).__name__.lower(), self._kwargs])

    def __call__(self, src: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no __call__")


class SequentialAug(Augmenter):
    """Augmenters, one after the other.

    Parameters
    ----------
    ts : list of Augmenter

    Examples
    --------
    >>> import microlazy as mx
    >>> both = mx.image.SequentialAug([mx.image.ResizeAug(4), mx.image.CastAug()])
    >>> both(mx.nd.zeros((2, 2, 3), dtype="uint8")).dtype.__name__
    'float32'
    """

    def __init__(self, ts: Sequence[Augmenter]) -> None:
        super().__init__()
        self.ts = list(ts)

    def dumps(self) -> Any:
        return [type(self).__name__.lower(), [t.dumps() for t in self.ts]]

    def __call__(self, src: Any) -> Any:
        for augmenter in self.ts:
            src = augmenter(src)
        return src


class RandomOrderAug(SequentialAug):
    """Augmenters in a random order.

    Parameters
    ----------
    ts : list of Augmenter

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.image.RandomOrderAug([mx.image.CastAug()]).dumps()
    ['randomorderaug', ['["castaug", {"type": "float32"}]']]
    """

    def __call__(self, src: Any) -> Any:
        random.shuffle(self.ts)
        return super().__call__(src)


class _Sized(Augmenter):
    """What is resized or cut to a size."""

    def __init__(self, size: Any, interp: int = 2) -> None:
        super().__init__(size=size, interp=interp)
        self.size, self.interp = size, interp


class ResizeAug(_Sized):
    """Resizes an image so that its shorter side has a size.

    Parameters
    ----------
    size : int
    interp : int
        As for `imresize`.

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.image.ResizeAug(4)(mx.nd.zeros((2, 3, 3))).shape
    (4, 6, 3)
    """

    def __call__(self, src: Any) -> Any:
        return resize_short(src, self.size, self.interp)


class ForceResizeAug(_Sized):
    """Resizes an image to a width and a height.

    Parameters
    ----------
    size : (int, int)
    interp : int
        As for `imresize`.

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.image.ForceResizeAug((4, 5))(mx.nd.zeros((2, 3, 3))).shape
    (5, 4, 3)
    """

    def __call__(self, src: Any) -> Any:
        width, height = self.size
        return imresize(src, width, height, self.interp)


class RandomCropAug(_Sized):
    """Cuts a part of a width and a height out of an image, at a random place.

    Parameters
    ----------
    size : (int, int)
    interp : int
        As for `imresize`.

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.image.RandomCropAug((2, 1))(mx.nd.zeros((2, 3, 3))).shape
    (1, 2, 3)
    """

    def __call__(self, src: Any) -> Any:
        return random_crop(src, self.size, self.interp)[0]


class CenterCropAug(_Sized):
    """Cuts a width and a height out of the middle of an image.

    Parameters
    ----------
    size : (int, int)
    interp : int
        As for `imresize`.

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.image.CenterCropAug((2, 1))(mx.nd.zeros((2, 3, 3))).shape
    (1, 2, 3)
    """

    def __call__(self, src: Any) -> Any:
        return center_crop(src, self.size, self.interp)[0]


class RandomSizedCropAug(Augmenter):
    """Cuts a part of random size and ratio out of an image, and resizes it.

    Parameters
    ----------
    size : (int, int)
        Width and height of the result.
    area, ratio, interp, **kwargs
        As for `random_size_crop`.

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.image.RandomSizedCropAug((2, 1), 0.5, (0.7, 1.4))(mx.nd.zeros((4, 4, 3))).shape
    (1, 2, 3)
    """

    def __init__(
        self, size: Size, area: Any, ratio: tuple[float, float], interp: int = 2, **kwargs: Any
    ) -> None:
        area = kwargs.pop("min_area", area)
        if kwargs:
            raise TypeError(f"RandomSizedCropAug: unknown arguments {sorted(kwargs)}")
        super().__init__(size=size, area=area, ratio=ratio, interp=interp)
        self.size, self.area, self.ratio, self.interp = size, area, ratio, interp

    def __call__(self, src: Any) -> Any:
        return random_size_crop(src, self.size, self.area, self.ratio, self.interp)[0]


class BrightnessJitterAug(Augmenter):
    """Multiplies an image by a random factor.

    Parameters
    ----------
    brightness : float
        By how much the factor may differ from 1.

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.image.BrightnessJitterAug(0.0)(mx.nd.ones((1, 1, 3))).asnumpy().tolist()
    [[[1.0, 1.0, 1.0]]]
    """

    def __init__(self, brightness: float) -> None:
        super().__init__(brightness=brightness)
        self.brightness = brightness

    def __call__(self, src: Any) -> Any:
        return brightened(to_array(src), 1.0 + random.uniform(-self.brightness, self.brightness))


class ContrastJitterAug(Augmenter):
    """Moves all values away from the image's mean gray by a random factor, or towards it.

    Parameters
    ----------
    contrast : float
        By how much the factor may differ from 1.

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.image.ContrastJitterAug(0.5)(mx.nd.ones((2, 3, 3))).shape
    (2, 3, 3)
    """

    def __init__(self, contrast: float) -> None:
        super().__init__(contrast=contrast)
        self.contrast = contrast

    def __call__(self, src: Any) -> Any:
        return contrasted(to_array(src), 1.0 + random.uniform(-self.contrast, self.contrast))


class SaturationJitterAug(Augmenter):
    """Moves all colours away from their gray by a random factor, or towards it.

    Parameters
    ----------
    saturation : float
        By how much the factor may differ from 1.

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.image.SaturationJitterAug(0.5)(mx.nd.ones((2, 3, 3))).shape
    (2, 3, 3)
    """

    def __init__(self, saturation: float) -> None:
        super().__init__(saturation=saturation)
        self.saturation = saturation

    def __call__(self, src: Any) -> Any:
        return saturated(to_array(src), 1.0 + random.uniform(-self.saturation, self.saturation))


# From red, green, blue to luminance and two axes of colour, NTSC's YIQ, and back.
_TO_YIQ = numpy.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.321], [0.211, -0.523, 0.311]])
_FROM_YIQ = numpy.array([[1.0, 0.956, 0.621], [1.0, -0.272, -0.647], [1.0, -1.107, 1.705]])


class HueJitterAug(Augmenter):
    """Turns all colours about the axis of grays, in NTSC's YIQ.

    Parameters
    ----------
    hue : float
        The largest turn, of which 1 is half of the circle.

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.image.HueJitterAug(0.5)(mx.nd.ones((2, 3, 3))).shape
    (2, 3, 3)
    """

    def __init__(self, hue: float) -> None:
        super().__init__(hue=hue)
        self.hue = hue

    def __call__(self, src: Any) -> Any:
        angle = random.uniform(-self.hue, self.hue) * math.pi
        cos, sin = math.cos(angle), math.sin(angle)
        turn = numpy.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])
        return mapped(to_array(src), (_FROM_YIQ @ turn @ _TO_YIQ).T)


class ColorJitterAug(RandomOrderAug):
    """Changes brightness, contrast and saturation in a random order.

    Parameters
    ----------
    brightness, contrast, saturation : float
        By how much the factor of each may differ from 1; with 0 it is left out.

    Examples
    --------
    >>> import microlazy as mx
    >>> [type(t).__name__ for t in mx.image.ColorJitterAug(0.1, 0, 0.1).ts]
    ['BrightnessJitterAug', 'SaturationJitterAug']
    """

    def __init__(self, brightness: float, contrast: float, saturation: float) -> None:
        kinds: list[tuple[Callable[[float], Augmenter], float]] = [
            (BrightnessJitterAug, brightness),
            (ContrastJitterAug, contrast),
            (SaturationJitterAug, saturation),
        ]
        super().__init__([kind(amount) for kind, amount in kinds if amount > 0])


class LightingAug(Augmenter):
    """Adds the directions in which colours vary, each by a random amount.

    (Krizhevsky et al., "ImageNet classification with deep convolutional neural networks", 2012.)

    Parameters
    ----------
    alphastd : float
        The deviation of the amounts from 0.
    eigval : array, shape (3,)
    eigvec : array, shape (3, 3)
        Eigenvalues and eigenvectors, as columns, of the covariance of colours.

    Examples
    --------
    >>> import numpy
    >>> import microlazy as mx
    >>> mx.image.LightingAug(0.1, numpy.ones(3), numpy.eye(3))(mx.nd.ones((2, 3, 3))).shape
    (2, 3, 3)
    """

    def __init__(self, alphastd: float, eigval: Any, eigvec: Any) -> None:
        super().__init__(alphastd=alphastd, eigval=eigval, eigvec=eigvec)
        self.alphastd, self.eigval, self.eigvec = alphastd, eigval, eigvec

    def __call__(self, src: Any) -> Any:
        alpha = numpy.random.normal(0, self.alphastd, size=(3,))
        color = numpy.dot(numpy.asarray(self.eigvec) * alpha, numpy.asarray(self.eigval))
        return shifted(to_array(src), color)


class ColorNormalizeAug(Augmenter):
    """Subtracts a mean and divides by a standard deviation.

    Parameters
    ----------
    mean, std : array or number, or None
        As for `color_normalize`.

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.image.ColorNormalizeAug(1.0, 2.0)(mx.nd.ones((1, 1, 1))).asnumpy().tolist()
    [[[0.0]]]
    """

    def __init__(self, mean: Any, std: Any) -> None:
        super().__init__(mean=mean, std=std)
        self.mean, self.std = mean, std

    def __call__(self, src: Any) -> Any:
        return color_normalize(src, self.mean, self.std)


class RandomGrayAug(Augmenter):
    """Makes an image gray with a probability; it keeps three channels.

    Parameters
    ----------
    p : float

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.image.RandomGrayAug(1.0)(mx.nd.array([[[100, 0, 0]]])).asnumpy().round().tolist()
    [[[21.0, 21.0, 21.0]]]
    """

    def __init__(self, p: float) -> None:
        super().__init__(p=p)
        self.p = p

    def __call__(self, src: Any) -> Any:
        return mapped(to_array(src), TO_GRAY) if random.random() < self.p else src


class HorizontalFlipAug(Augmenter):
    """Mirrors an image left for right, with a probability.

    Parameters
    ----------
    p : float

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.image.HorizontalFlipAug(1.0)(mx.nd.array([[[1], [2]]])).asnumpy().ravel().tolist()
    [2.0, 1.0]
    """

    def __init__(self, p: float) -> None:
        super().__init__(p=p)
        self.p = p

    def __call__(self, src: Any) -> Any:
        return f.flip(to_array(src), 1) if random.random() < self.p else src


class CastAug(Augmenter):
    """Changes the dtype.

    Parameters
    ----------
    typ : dtype

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.image.CastAug()(mx.nd.zeros((1, 1, 1), dtype="uint8")).dtype.__name__
    'float32'
    """

    def __init__(self, typ: Any = "float32") -> None:
        super().__init__(type=typ)
        self.typ = typ

    def __call__(self, src: Any) -> Any:
        return f.as_dtype(to_array(src), self.typ)


def colour_augmenters(
    brightness: float,
    contrast: float,
    saturation: float,
    hue: float,
    pca_noise: float,
    rand_gray: float,
    mean: Any,
    std: Any,
) -> list[Augmenter]:
    """The augmenters of colours among those of `CreateAugmenter`, for images of floats.

    Examples
    --------
    >>> from microlazy.image.augmenters import colour_augmenters
    >>> len(colour_augmenters(0.1, 0, 0, 0.1, 0, 0, None, None))
    2
    """
    made: list[Augmenter] = []
    if brightness or contrast or saturation:
        made.append(ColorJitterAug(brightness, contrast, saturation))
    if hue:
        made.append(HueJitterAug(hue))
    if pca_noise > 0:
        made.append(LightingAug(pca_noise, EIGENVALUES, EIGENVECTORS))
    if rand_gray > 0:
        made.append(RandomGrayAug(rand_gray))
    mean, std = (
        default if given is True else None if given is False else given
        for given, default in ((mean, IMAGENET_MEAN), (std, IMAGENET_STD))
    )
    for name, numbers in (("mean", mean), ("std", std)):
        if numbers is not None and numpy.shape(numbers) not in ((1,), (3,)):
            raise ValueError(f"{name} must be True, or 1 or 3 numbers, not {numbers!r}")
    if mean is not None or std is not None:
        made.append(ColorNormalizeAug(*(None if x is None else nd.array(x) for x in (mean, std))))
    return made


def CreateAugmenter(
    data_shape: Sequence[int],
    resize: int = 0,
    rand_crop: bool = False,
    rand_resize: bool = False,
    rand_mirror: bool = False,
    mean: Any = None,
    std: Any = None,
    brightness: float = 0,
    contrast: float = 0,
    saturation: float = 0,
    hue: float = 0,
    pca_noise: float = 0,
    rand_gray: float = 0,
    inter_method: int = 2,
) -> list[Augmenter]:
    """Return the augmenters that images of one class need, as a rule.

    Parameters
    ----------
    data_shape : (int, int, int)
        Channels, height and width of the result.
    resize : int
        Resize the shorter side first, if it is positive.
    rand_crop : bool
        Cut at a random place, else out of the middle.
    rand_resize : bool
        Cut parts of random size, with `rand_crop`.
    rand_mirror : bool
        Mirror half of the images.
    mean, std : True or array, optional
        What to subtract and divide by; True means ImageNet's.
    brightness, contrast, saturation, hue : float
        The largest changes of colours.
    pca_noise : float
        As `LightingAug`'s `alphastd`.
    rand_gray : float
        The share of images that become gray.
    inter_method : int
        As `imresize`'s `interp`.

    Examples
    --------
    >>> import microlazy as mx
    >>> [type(a).__name__ for a in mx.image.CreateAugmenter((3, 8, 8), rand_mirror=True)]
    ['CenterCropAug', 'HorizontalFlipAug', 'CastAug']
    """
    size = (data_shape[2], data_shape[1])
    if rand_resize and not rand_crop:
        raise ValueError("CreateAugmenter: rand_resize=True needs rand_crop=True")
    made: list[Augmenter] = [ResizeAug(resize, inter_method)] if resize > 0 else []
    if rand_resize:
        made.append(RandomSizedCropAug(size, 0.08, (3.0 / 4.0, 4.0 / 3.0), inter_method))
    elif rand_crop:
        made.append(RandomCropAug(size, inter_method))
    else:
        made.append(CenterCropAug(size, inter_method))
    if rand_mirror:
        made.append(HorizontalFlipAug(0.5))
    made.append(CastAug())
    return made + colour_augmenters(
        brightness, contrast, saturation, hue, pca_noise, rand_gray, mean, std
    )
