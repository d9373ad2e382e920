"""Augmenters and an iterator for images with objects in them.

A label is an array with a row for each object: its class, then left, top, right and bottom as
shares of the image's width and height, then whatever else there is. Rows of class -1 are empty.
"""

from __future__ import annotations

import json
import math
import random
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy

from ..core import functions as f
from ..pictures import pillow
from .augmenters import (
    Augmenter,
    CastAug,
    ForceResizeAug,
    ResizeAug,
    colour_augmenters,
    plain,
)
from .functions import copyMakeBorder, fixed_crop, to_array
from .iterator import ImageIter

__all__ = [
    "CreateDetAugmenter",
    "CreateMultiRandCropAugmenter",
    "DetAugmenter",
    "DetBorrowAug",
    "DetHorizontalFlipAug",
    "DetRandomCropAug",
    "DetRandomPadAug",
    "DetRandomSelectAug",
    "ImageDetIter",
]

Label = numpy.ndarray
Range = tuple[float, float]


class DetAugmenter:
    """Base class: called with an image and its label it returns others.

    Parameters
    ----------
    **kwargs
        What `dumps` lists.

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.image.DetHorizontalFlipAug(0.5).dumps()
    '["dethorizontalflipaug", {"p": 0.5}]'
    """

    def __init__(self, **kwargs: Any) -> None:
        self._kwargs = {name: plain(value) for name, value in kwargs.items()}

    def dumps(self) -> Any:
        """Return the name and the arguments as JSON; of what has other augmenters a list."""
        return json.dumps([type(self).__name__.lower(), self._kwargs])

    def __call__(self, src: Any, label: Label) -> tuple[Any, Label]:
        raise NotImplementedError(f"{type(self).__name__} has no __call__")


class DetBorrowAug(DetAugmenter):
    """An augmenter of images alone, which leaves the label as it is.

    Parameters
    ----------
    augmenter : Augmenter

    Raises
    ------
    TypeError
        If it is none.

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.image.DetBorrowAug(mx.image.CastAug()).dumps()
    ['detborrowaug', '["castaug", {"type": "float32"}]']
    """

    def __init__(self, augmenter: Augmenter) -> None:
        if not isinstance(augmenter, Augmenter):
            raise TypeError(f"DetBorrowAug: expected an Augmenter, not {type(augmenter).__name__}")
        super().__init__()
        self.augmenter = augmenter

    def dumps(self) -> Any:
        return [type(self).__name__.lower(), self.augmenter.dumps()]

    def __call__(self, src: Any, label: Label) -> tuple[Any, Label]:
        return self.augmenter(src), label


class DetRandomSelectAug(DetAugmenter):
    """One of several augmenters at random, or none.

    Parameters
    ----------
    aug_list : list of DetAugmenter
    skip_prob : float
        How likely none is taken.

    Raises
    ------
    ValueError
        If there is something else in the list.

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.image.DetRandomSelectAug([mx.image.DetHorizontalFlipAug(0.5)], 0.3).skip_prob
    0.3
    """

    def __init__(self, aug_list: Any, skip_prob: float = 0) -> None:
        super().__init__(skip_prob=skip_prob)
        aug_list = list(aug_list) if isinstance(aug_list, (list, tuple)) else [aug_list]
        for augmenter in aug_list:
            if not isinstance(augmenter, DetAugmenter):
                raise ValueError(
                    f"DetRandomSelectAug: expected a DetAugmenter, not {type(augmenter).__name__}"
                )
        self.aug_list = aug_list
        self.skip_prob = skip_prob if aug_list else 1

    def dumps(self) -> Any:
        return [type(self).__name__.lower(), [augmenter.dumps() for augmenter in self.aug_list]]

    def __call__(self, src: Any, label: Label) -> tuple[Any, Label]:
        if random.random() < self.skip_prob:
            return src, label
        return random.choice(self.aug_list)(src, label)


class DetHorizontalFlipAug(DetAugmenter):
    """Mirrors the image and its objects left for right, with a probability.

    Parameters
    ----------
    p : float

    Examples
    --------
    >>> import numpy
    >>> import microlazy as mx
    >>> flip = mx.image.DetHorizontalFlipAug(1.0)
    >>> flip(mx.nd.ones((2, 2, 3)), numpy.array([[0, 0.25, 0, 0.5, 1]]))[1]
    array([[0.  , 0.5 , 0.  , 0.75, 1.  ]])
    """

    def __init__(self, p: float) -> None:
        super().__init__(p=p)
        self.p = p

    def __call__(self, src: Any, label: Label) -> tuple[Any, Label]:
        if random.random() >= self.p:
            return src, label
        label = label.copy()
        there = label[:, 0] >= 0
        label[there, 1], label[there, 3] = 1 - label[there, 3], 1 - label[there, 1]
        return f.flip(to_array(src), 1), label


def _range(value: Any) -> Range:
    return tuple(value) if isinstance(value, (tuple, list)) else (value, value)


def _usable(kind: str, aspect_ratio_range: Range, area_range: Range) -> bool:
    for name, (low, high) in (("area", area_range), ("aspect_ratio", aspect_ratio_range)):
        if not high > 0 or low > high or low < 0 or (name == "aspect_ratio" and low == 0):
            warnings.warn(f"{kind} does nothing: {name}_range is {(low, high)}", stacklevel=3)
            return False
    return True


class DetRandomCropAug(DetAugmenter):
    """Cuts a random part out of the image that shows enough of its objects.

    (Liu et al., "SSD: single shot multibox detector", 2016.)

    Parameters
    ----------
    min_object_covered : float
        Of every object that the part touches it must show more than this share.
    aspect_ratio_range : (float, float)
        Width divided by height.
    area_range : (float, float)
        Shares of the image's area.
    min_eject_coverage : float
        Objects of which this share or less is left are dropped.
    max_attempts : int
        How many parts to try; if none will do, the image stays as it is.

    Examples
    --------
    >>> import numpy
    >>> import microlazy as mx
    >>> crop = mx.image.DetRandomCropAug(min_object_covered=0.5, area_range=(0.5, 1.0))
    >>> image, label = crop(mx.nd.ones((20, 30, 3)), numpy.array([[0, 0.4, 0.4, 0.6, 0.6]]))
    >>> label.shape, bool((label[:, 1:] >= 0).all())
    ((1, 5), True)
    """

    def __init__(
        self,
        min_object_covered: float = 0.1,
        aspect_ratio_range: Any = (0.75, 1.33),
        area_range: Any = (0.05, 1.0),
        min_eject_coverage: float = 0.3,
        max_attempts: int = 50,
    ) -> None:
        self.aspect_ratio_range, self.area_range = _range(aspect_ratio_range), _range(area_range)
        super().__init__(
            min_object_covered=min_object_covered,
            aspect_ratio_range=self.aspect_ratio_range,
            area_range=self.area_range,
            min_eject_coverage=min_eject_coverage,
            max_attempts=max_attempts,
        )
        self.min_object_covered = min_object_covered
        self.min_eject_coverage = min_eject_coverage
        self.max_attempts = max_attempts
        self.enabled = _usable(type(self).__name__, self.aspect_ratio_range, self.area_range)

    def __call__(self, src: Any, label: Label) -> tuple[Any, Label]:
        src = to_array(src)
        if self.enabled:
            for _ in range(self.max_attempts):
                box = self._part(*src.shape[:2])
                if box is None:
                    continue
                found = self._left(label, box, *src.shape[:2])
                if found is not None:
                    return fixed_crop(src, *box), found
        return src, label

    def _part(self, height: int, width: int) -> tuple[int, int, int, int] | None:
        shape = random.uniform(*self.aspect_ratio_range)
        area = random.uniform(*self.area_range) * height * width
        w, h = round(math.sqrt(area * shape)), round(math.sqrt(area / shape))
        if not (0 < w <= width and 0 < h <= height):
            return None
        return random.randint(0, width - w), random.randint(0, height - h), w, h

    def _left(
        self, label: Label, box: tuple[int, int, int, int], height: int, width: int
    ) -> Label | None:
        """The objects in a part of the image, if it shows enough of them."""
        x, y, w, h = box
        objects = label[label[:, 0] >= 0]
        areas = _areas(objects)
        objects = objects.copy()
        objects[:, 1:5:2] = (objects[:, 1:5:2] * width - x) / w
        objects[:, 2:5:2] = (objects[:, 2:5:2] * height - y) / h
        objects[:, 1:5] = objects[:, 1:5].clip(0, 1)
        shown = _areas(objects) * (w * h) / (width * height) / numpy.maximum(areas, 1e-12)
        touched = shown[shown > 0]
        if not touched.size or touched.min() <= self.min_object_covered:
            return None
        left = objects[shown > self.min_eject_coverage]
        return left if len(left) else None


def _areas(label: Label) -> numpy.ndarray:
    sides = numpy.maximum(label[:, 3:5] - label[:, 1:3], 0)
    return sides[:, 0] * sides[:, 1]


class DetRandomPadAug(DetAugmenter):
    """Puts the image at a random place of a larger one, so that its objects become smaller.

    (Liu et al., "SSD: single shot multibox detector", 2016.)

    Parameters
    ----------
    aspect_ratio_range : (float, float)
        Width divided by height of the larger image.
    area_range : (float, float)
        Its area, as a multiple of the image's.
    max_attempts : int
        How many sizes to try; if the image fits into none, it stays as it is.
    pad_val : tuple of float
        The colour around it.

    Examples
    --------
    >>> import numpy
    >>> import microlazy as mx
    >>> pad = mx.image.DetRandomPadAug(aspect_ratio_range=1.0, area_range=4.0)
    >>> pad(mx.nd.ones((10, 10, 3)), numpy.array([[0, 0.2, 0.2, 0.8, 0.8]]))[0].shape
    (20, 20, 3)
    """

    def __init__(
        self,
        aspect_ratio_range: Any = (0.75, 1.33),
        area_range: Any = (1.0, 3.0),
        max_attempts: int = 50,
        pad_val: Any = (128, 128, 128),
    ) -> None:
        self.pad_val = tuple(pad_val) if isinstance(pad_val, (tuple, list)) else (pad_val,)
        self.aspect_ratio_range, self.area_range = _range(aspect_ratio_range), _range(area_range)
        super().__init__(
            aspect_ratio_range=self.aspect_ratio_range,
            area_range=self.area_range,
            max_attempts=max_attempts,
            pad_val=self.pad_val,
        )
        self.max_attempts = max_attempts
        self.enabled = self.area_range[1] > 1.0 and _usable(
            type(self).__name__, self.aspect_ratio_range, self.area_range
        )

    def __call__(self, src: Any, label: Label) -> tuple[Any, Label]:
        src = to_array(src)
        height, width = src.shape[:2]
        for _ in range(self.max_attempts if self.enabled else 0):
            shape = random.uniform(*self.aspect_ratio_range)
            area = random.uniform(*self.area_range) * height * width
            w, h = round(math.sqrt(area * shape)), round(math.sqrt(area / shape))
            if w < width or h < height:
                continue
            x, y = random.randint(0, w - width), random.randint(0, h - height)
            borders = (y, h - height - y, x, w - width - x)
            values = self.pad_val * (src.shape[-1] if len(self.pad_val) == 1 else 1)
            label = label.copy()
            there = label[:, 0] >= 0
            label[there, 1:5:2] = (label[there, 1:5:2] * width + x) / w
            label[there, 2:5:2] = (label[there, 2:5:2] * height + y) / h
            return copyMakeBorder(src, *borders, values=values), label
        return src, label


def CreateMultiRandCropAugmenter(
    min_object_covered: Any = 0.1,
    aspect_ratio_range: Any = (0.75, 1.33),
    area_range: Any = (0.05, 1.0),
    min_eject_coverage: Any = 0.3,
    max_attempts: Any = 50,
    skip_prob: float = 0,
) -> DetRandomSelectAug:
    """Return a random choice among several `DetRandomCropAug`.

    Parameters
    ----------
    min_object_covered, aspect_ratio_range, area_range, min_eject_coverage, max_attempts
        As for `DetRandomCropAug`; or a list, with one for each.
    skip_prob : float
        How likely none is used.

    Raises
    ------
    ValueError
        If lists have different lengths.

    Examples
    --------
    >>> import microlazy as mx
    >>> len(mx.image.CreateMultiRandCropAugmenter([0.1, 0.5, 0.9]).aug_list)
    3
    """
    arguments = min_object_covered, aspect_ratio_range, area_range, min_eject_coverage, max_attempts
    lengths = {len(x) for x in arguments if isinstance(x, list)}
    if len(lengths) > 1:
        raise ValueError(f"CreateMultiRandCropAugmenter: lists of different lengths {lengths}")
    count = max(lengths, default=1)
    rows = zip(*(x if isinstance(x, list) else [x] * count for x in arguments), strict=True)
    return DetRandomSelectAug([DetRandomCropAug(*row) for row in rows], skip_prob)


def CreateDetAugmenter(
    data_shape: Sequence[int],
    resize: int = 0,
    rand_crop: float = 0,
    rand_pad: float = 0,
    rand_gray: float = 0,
    rand_mirror: bool = False,
    mean: Any = None,
    std: Any = None,
    brightness: float = 0,
    contrast: float = 0,
    saturation: float = 0,
    pca_noise: float = 0,
    hue: float = 0,
    inter_method: int = 2,
    min_object_covered: Any = 0.1,
    aspect_ratio_range: Any = (0.75, 1.33),
    area_range: Any = (0.05, 3.0),
    min_eject_coverage: Any = 0.3,
    max_attempts: Any = 50,
    pad_val: Any = (127, 127, 127),
) -> list[DetAugmenter]:
    """Return the augmenters that images with objects need, as a rule.

    Parameters
    ----------
    data_shape : (int, int, int)
        Channels, height and width of the result.
    rand_crop, rand_pad : float
        The shares of images that are cut, and that are padded.
    rand_mirror : bool
        Mirror half of the images.
    area_range : (float, float)
        Of `DetRandomCropAug`; its second number, if above 1, of `DetRandomPadAug`.
    min_object_covered, aspect_ratio_range, min_eject_coverage, max_attempts, pad_val
        Of these two.
    resize, mean, std, brightness, contrast, saturation, hue, pca_noise, rand_gray, inter_method
        As for `CreateAugmenter`.

    Examples
    --------
    >>> import microlazy as mx
    >>> [a.dumps()[0] for a in mx.image.CreateDetAugmenter((3, 8, 8), rand_crop=0.5)]
    ['detrandomselectaug', 'detborrowaug', 'detborrowaug']
    """
    made: list[DetAugmenter] = []
    if resize > 0:
        made.append(DetBorrowAug(ResizeAug(resize, inter_method)))
    if rand_crop > 0:
        made.append(
            CreateMultiRandCropAugmenter(
                min_object_covered,
                aspect_ratio_range,
                area_range,
                min_eject_coverage,
                max_attempts,
                skip_prob=1 - rand_crop,
            )
        )
    if rand_mirror:
        made.append(DetHorizontalFlipAug(0.5))
    if rand_pad > 0:
        largest = max(x[1] for x in (area_range if isinstance(area_range, list) else [area_range]))
        ratios = (
            aspect_ratio_range[0] if isinstance(aspect_ratio_range, list) else (aspect_ratio_range)
        )
        tries = max_attempts[0] if isinstance(max_attempts, list) else max_attempts
        pad = DetRandomPadAug(ratios, (1.0, largest), tries, pad_val)
        made.append(DetRandomSelectAug([pad], 1 - rand_pad))
    made.append(DetBorrowAug(ForceResizeAug((data_shape[2], data_shape[1]), inter_method)))
    made.append(DetBorrowAug(CastAug()))
    colours = colour_augmenters(
        brightness, contrast, saturation, hue, pca_noise, rand_gray, mean, std
    )
    return made + [DetBorrowAug(augmenter) for augmenter in colours]


class ImageDetIter(ImageIter):
    """Batches of images with objects in them.

    Parameters
    ----------
    batch_size, data_shape, path_imgrec, path_imglist, path_root, path_imgidx, shuffle, part_index,
    num_parts, imglist, data_name, label_name, last_batch_handle
        As for `ImageIter`. A label is a flat list: how many numbers its header has, how many each
        object has, the rest of the header, then the objects: class, left, top, right, bottom, ...
    aug_list : list of DetAugmenter, optional
        By default `CreateDetAugmenter(data_shape, **kwargs)`.
    **kwargs
        Arguments of `CreateDetAugmenter`.

    Attributes
    ----------
    label_shape : (int, int)
        The largest number of objects, and how many numbers each has. Labels of a batch are arrays
        of shape ``(batch_size, *label_shape)``, filled up with -1.

    Raises
    ------
    RuntimeError
        If a label is none, or has no object.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy
    >>> import microlazy as mx
    >>> from microlazy.pictures import encode
    >>> folder = tempfile.mkdtemp()
    >>> with open(os.path.join(folder, "a.png"), "wb") as file:
    ...     size = file.write(encode(numpy.zeros((9, 9, 3), "uint8"), ".png"))
    >>> names = [[[2, 5, 0, 0.25, 0.25, 0.5, 0.5], "a.png"]]
    >>> batches = mx.image.ImageDetIter(1, (3, 8, 8), imglist=names, path_root=folder)
    >>> batches.next().label[0].asnumpy().tolist()
    [[[0.0, 0.25, 0.25, 0.5, 0.5]]]
    """

    def __init__(
        self,
        batch_size: int,
        data_shape: Sequence[int],
        path_imgrec: Any = None,
        path_imglist: Any = None,
        path_root: Any = None,
        path_imgidx: Any = None,
        shuffle: bool = False,
        part_index: int = 0,
        num_parts: int = 1,
        aug_list: Sequence[DetAugmenter] | None = None,
        imglist: Sequence[Any] | None = None,
        data_name: str = "data",
        label_name: str = "label",
        last_batch_handle: str = "pad",
        **kwargs: Any,
    ) -> None:
        super().__init__(
            batch_size,
            data_shape,
            path_imgrec=path_imgrec,
            path_imglist=path_imglist,
            path_root=path_root,
            path_imgidx=path_imgidx,
            shuffle=shuffle,
            part_index=part_index,
            num_parts=num_parts,
            aug_list=aug_list,  # type: ignore[arg-type]
            imglist=imglist,
            data_name=data_name,
            label_name=label_name,
            last_batch_handle=last_batch_handle,
            **kwargs,
        )
        self.label_shape = self._largest_label()
        self.provide_label = [(label_name, (batch_size, *self.label_shape))]

    def _augmenters(self, kwargs: dict[str, Any]) -> list[Any]:
        return list(CreateDetAugmenter(self.data_shape, **kwargs))

    def _largest_label(self) -> tuple[int, int]:
        labels = []
        self._rewind()
        while True:
            try:
                labels.append(self._objects(self.next_sample()[0]).shape)
            except StopIteration:
                break
        self._rewind()
        if not labels:
            raise RuntimeError(f"{type(self).__name__}: there are no images")
        widths = {width for _, width in labels}
        if len(widths) > 1:
            raise RuntimeError(f"objects have different numbers of numbers: {sorted(widths)}")
        return max(count for count, _ in labels), widths.pop()

    def _objects(self, label: Any) -> Label:
        """The rows of a flat label that are objects."""
        flat = numpy.asarray(label, "float32").ravel()
        if flat.size < 7:
            raise RuntimeError(f"Label shape is invalid: {flat.shape}: {self._place()}")
        header, width = int(flat[0]), int(flat[1])
        if header < 2 or width < 5 or (flat.size - header) % width or flat.size <= header:
            raise RuntimeError(
                f"{self._place()}: a label with a header of {header} numbers and objects of "
                f"{width} cannot have {flat.size} numbers"
            )
        objects = flat[header:].reshape(-1, width)
        objects = objects[(objects[:, 3] > objects[:, 1]) & (objects[:, 4] > objects[:, 2])]
        if not len(objects):
            raise RuntimeError(f"{self._place()}: Encounter sample with no valid label.")
        return objects

    def _sample(self, image: Any, label: Any) -> tuple[Any, Any]:
        image, objects = self.augmentation_transform(image, self._objects(label))
        if objects.shape[0] > self.label_shape[0] or objects.shape[1] != self.label_shape[1]:
            raise ValueError(
                f"{self._place()}: a label of shape {objects.shape} does not fit into label_shape="
                f"{self.label_shape}"
            )
        full = numpy.full(self.label_shape, -1, "float32")
        full[: len(objects)] = objects
        image = self.postprocess_data(image)
        if tuple(image.shape) != self.data_shape:
            raise ValueError(
                f"{self._place()}: the augmenters made an image of shape {tuple(image.shape)}, but "
                f"data_shape is {self.data_shape}"
            )
        return full, image

    def _label_batch(self, labels: list[Any]) -> numpy.ndarray:
        return numpy.stack(labels)

    def augmentation_transform(  # type: ignore[override]
        self, data: Any, label: Label
    ) -> tuple[Any, Label]:
        """Apply the augmenters to an image and its label."""
        for augmenter in self.auglist:
            data, label = augmenter(data, label)
        return data, label

    def check_label_shape(self, label_shape: Sequence[int]) -> None:
        """Refuse a shape into which the labels would not fit."""
        if len(label_shape) != 2:
            raise ValueError(f"label_shape should have length 2, but it is {label_shape}")
        if label_shape[0] < self.label_shape[0]:
            raise ValueError(
                f"Attempts to reduce label count from {self.label_shape[0]} to {label_shape[0]}, "
                "not allowed."
            )
        if label_shape[1] != self.label_shape[1]:
            raise ValueError(
                f"label_shape object width inconsistent: {self.label_shape[1]} vs {label_shape[1]}."
            )

    def reshape(
        self, data_shape: Sequence[int] | None = None, label_shape: Sequence[int] | None = None
    ) -> None:
        """Change what the batches will be.

        Parameters
        ----------
        data_shape : (int, int, int), optional
            The augmenters that resize to the old size resize to this one from now on.
        label_shape : (int, int), optional
            With as many objects as now, or more.
        """
        if data_shape is not None:
            self.check_data_shape(data_shape)
        if label_shape is not None:
            self.check_label_shape(label_shape)
        if data_shape is not None:
            old = self.data_shape[:0:-1]
            for borrowed in self.auglist:
                inner = getattr(borrowed, "augmenter", None)
                if isinstance(inner, ForceResizeAug) and tuple(inner.size) == old:
                    inner.size = tuple(data_shape[:0:-1])
            self.data_shape = tuple(data_shape)
            self.provide_data = [(self.provide_data[0][0], (self.batch_size, *self.data_shape))]
        if label_shape is not None:
            self._set_label_shape(tuple(label_shape))

    def _set_label_shape(self, label_shape: tuple[int, ...]) -> None:
        self.label_shape = (label_shape[0], label_shape[1])
        self.provide_label = [(self.provide_label[0][0], (self.batch_size, *self.label_shape))]

    def sync_label_shape(self, it: ImageDetIter, verbose: bool = False) -> ImageDetIter:
        """Give this iterator and another the larger of their label shapes; returns the other one.

        Parameters
        ----------
        it : ImageDetIter
        verbose : bool
            Print what was changed.
        """
        if not isinstance(it, ImageDetIter):
            raise AssertionError(f"Synchronize with invalid iterator: {type(it).__name__}")
        if self.label_shape[1] != it.label_shape[1]:
            raise ValueError(
                f"objects have {self.label_shape[1]} numbers here and {it.label_shape[1]} there"
            )
        largest = max(self.label_shape, it.label_shape)
        for one in (self, it):
            if verbose and one.label_shape != largest:
                print(f"Resized label_shape from {one.label_shape} to {largest}")
            one._set_label_shape(largest)
        return it

    def draw_next(
        self,
        color: Any = None,
        thickness: int = 2,
        mean: Any = None,
        std: Any = None,
        clip: bool = True,
        waitKey: int | None = None,
        window_name: str = "draw_next",
        id2labels: dict[int, str] | None = None,
    ) -> Iterator[numpy.ndarray]:
        """Give the augmented images with their objects framed, for a look at them.

        Parameters
        ----------
        color : tuple of int, optional
            Of the frames; by default each object has one of its own.
        thickness : int
        mean, std : array or True, optional
            What was subtracted and divided by, to undo it.
        clip : bool
            Cut the values to 0 to 255.
        waitKey, window_name
            Of OpenCV's window; here nothing is shown on a screen, and they change nothing.
        id2labels : dict, optional
            Names by class, written into the frames.

        Yields
        ------
        numpy.ndarray, shape (height, width, 3), uint8
        """
        image_module = pillow()
        from PIL import ImageDraw

        normal = next(iter(colour_augmenters(0, 0, 0, 0, 0, 0, mean, std)), None)
        while True:
            try:
                label, content = self.next_sample()
            except StopIteration:
                return
            image, objects = self.augmentation_transform(
                self._decoded(content), self._objects(label)
            )
            pixels = numpy.asarray(image).astype("float32")
            if normal is not None:
                for numbers, undo in ((normal.std, numpy.multiply), (normal.mean, numpy.add)):  # type: ignore[attr-defined]
                    pixels = pixels if numbers is None else undo(pixels, numbers.asnumpy())
            if clip:
                pixels = pixels.clip(0, 255)
            picture = image_module.fromarray(pixels.astype("uint8"))
            drawing = ImageDraw.Draw(picture)
            for row in objects:
                frame = [float(x) for x in row[1:5] * (picture.size * 2)]
                ink = tuple(color or (random.randint(0, 255) for _ in range(3)))
                drawing.rectangle(frame, outline=ink, width=thickness)
                if id2labels and int(row[0]) in id2labels:
                    drawing.text((frame[0] + 3, frame[1] + 3), id2labels[int(row[0])], fill=ink)
            yield numpy.array(picture)
