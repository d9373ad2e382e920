"""`mx.io.ImageDetRecordIter`: batches of images with objects in them, from a file of records."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy

from ..base import MXNetError
from .records import (
    UNSUPPORTED,
    ImageRecordIter,
    Numbers,
    Pixels,
    Random,
    arguments,
    in_size,
    normal,
    shifted_hls,
    shorter,
)

__all__ = ["ImageDetRecordIter"]

_UNSUPPORTED = UNSUPPORTED | {"aug_seq": "det_aug_default", "std_a": 0.0}

Box = tuple[float, float, float, float]  # left, upper, right and lower edge, as shares of the image


class _Sampler(NamedTuple):
    """What a part that is cut out must be; fields are MXNet's arguments of one sampler."""

    min_crop_scales: float = 0.0
    max_crop_scales: float = 1.0
    min_crop_aspect_ratios: float = 1.0
    max_crop_aspect_ratios: float = 1.0
    min_crop_overlaps: float = 0.0
    max_crop_overlaps: float = 1.0
    min_crop_sample_coverages: float = 0.0
    max_crop_sample_coverages: float = 1.0
    min_crop_object_coverages: float = 0.0
    max_crop_object_coverages: float = 1.0
    max_crop_trials: int = 25

    def boxes(self, ratio: float, random: Random) -> Iterator[Box]:
        """Parts to try, of an image whose width is `ratio` times its height."""
        for _ in range(self.max_crop_trials):
            scale = random.uniform(self.min_crop_scales, self.max_crop_scales) + 1e-12
            low = max(self.min_crop_aspect_ratios / ratio, scale**2)
            high = min(self.max_crop_aspect_ratios / ratio, scale**-2)
            if low > high:
                continue
            shape = math.sqrt(random.uniform(low, high))
            width, height = min(1.0, scale * shape), min(1.0, scale / shape)
            left, upper = random.uniform(0, 1 - width), random.uniform(0, 1 - height)
            yield left, upper, left + width, upper + height

    def accepts(self, shared: Pixels, objects: Pixels, part: float) -> bool:
        """Whether an object fits; the areas of what it shares with the part, of both."""
        bounds = (
            (self.min_crop_overlaps, self.max_crop_overlaps, objects + part - shared),
            (self.min_crop_sample_coverages, self.max_crop_sample_coverages, part),
            (self.min_crop_object_coverages, self.max_crop_object_coverages, objects),
        )
        fits = numpy.ones(len(shared), bool)
        for least, most, area in bounds:
            if least > 0 or most < 1:
                share = shared / numpy.maximum(area, 1e-12)
                fits &= (least <= share) & (share <= most)
        return bool(fits.any())


class _DetRecipe(NamedTuple):
    """What is done to an image and its objects, with MXNet's names and defaults."""

    resize: int = -1
    max_random_hue: int = 0
    random_hue_prob: float = 0.0
    max_random_saturation: int = 0
    random_saturation_prob: float = 0.0
    max_random_illumination: int = 0
    random_illumination_prob: float = 0.0
    max_random_contrast: float = 0.0
    random_contrast_prob: float = 0.0
    rand_mirror_prob: float = 0.0
    rand_pad_prob: float = 0.0
    max_pad_scale: float = 1.0
    fill_value: int = 127
    rand_crop_prob: float = 0.0
    num_crop_sampler: int = 1
    crop_emit_mode: str = "center"
    emit_overlap_thresh: float = 0.3
    resize_mode: str = "force"
    inter_method: int = 1
    mean_r: float = 0.0
    mean_g: float = 0.0
    mean_b: float = 0.0
    std_r: float = 0.0
    std_g: float = 0.0
    std_b: float = 0.0
    scale: float = 1.0
    samplers: Sequence[_Sampler] = (_Sampler(),)

    def apply(
        self, x: Pixels, objects: Pixels, shape: Sequence[int], random: Random
    ) -> tuple[Pixels, Pixels, tuple[int, ...]]:
        """The image (channels, height, width), its objects, and its size without the border."""
        if self.resize > 0:
            x = shorter(x, self.resize, self.inter_method)
        x = self._coloured(x, random)
        objects = objects.copy()
        if random.random() < self.rand_mirror_prob:
            x = x[:, ::-1]
            objects[:, [1, 3]] = 1 - objects[:, [3, 1]]
        if self.max_pad_scale > 1 and random.random() < self.rand_pad_prob:
            x = self._padded(x, objects, random)
        if random.random() < self.rand_crop_prob:
            x, objects = self._cut(x, objects, random)
        x = self._fitted(x, *shape[1:])
        full = numpy.zeros((*shape[1:], x.shape[-1]), x.dtype)
        full[: x.shape[0], : x.shape[1]] = x
        std = [each or 1.0 for each in (self.std_r, self.std_g, self.std_b)]
        mean = (self.mean_r, self.mean_g, self.mean_b)
        made = normal(full.transpose(2, 0, 1), mean, std, self.scale)
        return made, objects, (x.shape[-1], *x.shape[:2])

    def _coloured(self, x: Pixels, random: Random) -> Pixels:
        most = (
            (self.max_random_hue, self.random_hue_prob),
            (self.max_random_illumination, self.random_illumination_prob),
            (self.max_random_saturation, self.random_saturation_prob),
        )
        drawn = [random.uniform(-m, m) if random.random() < p else 0.0 for m, p in most]
        if x.shape[-1] == 3 and any(drawn):
            x = shifted_hls(x, *drawn).round().astype("uint8")
        if random.random() < self.random_contrast_prob:
            factor = 1 + random.uniform(-self.max_random_contrast, self.max_random_contrast)
            x = (x * numpy.float32(factor)).round().clip(0, 255).astype("uint8")
        return x

    def _padded(self, x: Pixels, objects: Pixels, random: Random) -> Pixels:
        """The image at a place of a larger one; its objects are moved."""
        rows, columns = x.shape[:2]
        scale = random.uniform(1, self.max_pad_scale)
        height, width = int(rows * scale), int(columns * scale)
        upper = int(random.integers(height - rows + 1))
        left = int(random.integers(width - columns + 1))
        full = numpy.full((height, width, x.shape[-1]), self.fill_value, x.dtype)
        full[upper : upper + rows, left : left + columns] = x
        objects[:, 1:5:2] = (objects[:, 1:5:2] * columns + left) / width
        objects[:, 2:5:2] = (objects[:, 2:5:2] * rows + upper) / height
        return full

    def _cut(self, x: Pixels, objects: Pixels, random: Random) -> tuple[Pixels, Pixels]:
        """A part that a sampler accepts and that shows an object, or all if none is found."""
        rows, columns = x.shape[:2]
        for place in random.permutation(len(self.samplers)):
            sampler = self.samplers[place]
            for box in sampler.boxes(columns / rows, random):
                left, upper = int(box[0] * columns), int(box[1] * rows)
                width = int((box[2] - box[0]) * columns)
                height = int((box[3] - box[1]) * rows)
                if width and height and (found := self._left(objects, box, sampler)) is not None:
                    return x[upper : upper + height, left : left + width], found
        return x, objects

    def _left(self, objects: Pixels, box: Box, sampler: _Sampler) -> Pixels | None:
        """The objects in a part of the image, if the sampler accepts it and there are any."""
        low, high = numpy.array(box[:2]), numpy.array(box[2:])
        starts, ends = objects[:, 1:3], objects[:, 3:5]
        shared = (numpy.minimum(ends, high) - numpy.maximum(starts, low)).clip(0).prod(1)
        areas = (ends - starts).clip(0).prod(1)
        if not sampler.accepts(shared, areas, float((high - low).prod())):
            return None
        if self.crop_emit_mode == "center":
            middle = (starts + ends) / 2
            stays = ((low <= middle) & (middle <= high)).all(1)
        else:
            stays = shared / numpy.maximum(areas, 1e-12) > self.emit_overlap_thresh
        if not stays.any():
            return None
        left = objects[stays]
        left[:, 1:3] = ((left[:, 1:3] - low) / (high - low)).clip(0, 1)
        left[:, 3:5] = ((left[:, 3:5] - low) / (high - low)).clip(0, 1)
        return left

    def _fitted(self, x: Pixels, height: int, width: int) -> Pixels:
        if self.resize_mode == "force":
            return in_size(x, height, width, self.inter_method)
        rows, columns = x.shape[:2]
        ratio = min(height / rows, width / columns)
        if self.resize_mode == "shrink" and ratio >= 1:
            return x
        rows, columns = max(1, int(rows * ratio + 1e-6)), max(1, int(columns * ratio + 1e-6))
        return in_size(x, rows, columns, self.inter_method)


class ImageDetRecordIter(ImageRecordIter):
    """Batches of images and the objects in them, from a file of records.

    A record's label is `[header width, object width, ..., class, left, upper, right, lower, ...]`,
    with edges as shares of the image. A row of a batch's label is `[channels, height, width, count,
    label..., padding]`: the image's size without the border that `resize_mode` may leave, how many
    numbers its label has, and the label. Rows are as long as the longest label needs, or
    `label_pad_width + 4`.

    Parameters
    ----------
    path_imgrec, data_shape, batch_size, path_imgidx, path_imglist, shuffle, seed, seed_aug, \
num_parts, part_index, round_batch, preprocess_threads, prefetch_buffer, data_name, label_name
        As for `ImageRecordIter`.
    label_width : int
        How many numbers each label has; -1 if that differs.
    label_pad_width : int
        How many numbers of label a row has room for; 0 or less to find it in the file.
    label_pad_value : float
    dtype : str, optional
        float32, as in MXNet.
    **kwargs
        What is done to an image, in this order:
        `resize` resizes its shorter side;
        `max_random_hue` (of 180), `max_random_illumination` and `max_random_saturation` (of 255)
        are the most that is added, each with its probability `random_hue_prob` and so on;
        `max_random_contrast` is how much a factor may differ from 1, with `random_contrast_prob`;
        `rand_mirror_prob` mirrors it;
        `rand_pad_prob` puts it into an image up to `max_pad_scale` times as wide and high, with
        `fill_value` around it;
        `rand_crop_prob` cuts a part out by one of `num_crop_sampler` samplers, each with its
        numbers (one number goes for all): `min_crop_scales`, `max_crop_scales`,
        `min_crop_aspect_ratios`, `max_crop_aspect_ratios`, the least and largest
        `crop_overlaps` (intersection over union), `crop_sample_coverages` (of the part) and
        `crop_object_coverages` with an object, and `max_crop_trials`. Objects stay whose centre is
        in the part (`crop_emit_mode="center"`), or of which more than `emit_overlap_thresh` is
        ("overlap"). A part without objects is not taken;
        `resize_mode` "force" resizes it to `data_shape`, "fit" as far as its ratio allows, "shrink"
        only if it is too large;
        `mean_r`, `std_r`, `scale` and so on are as for `ImageRecordIter`, and a `std` of 0 is 1.

    Raises
    ------
    MXNetError
        If arguments are missing, unknown or not supported, or labels do not fit; while iterating,
        if a record is damaged.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy
    >>> import microlazy as mx
    >>> path = os.path.join(tempfile.mkdtemp(), "a.rec")
    >>> file = mx.recordio.MXRecordIO(path, "w")
    >>> label = [2, 5, 7, 0.25, 0.5, 0.75, 1.0]  # class 7, in the lower half
    >>> image = numpy.zeros((8, 8, 3), "uint8")
    >>> file.write(mx.recordio.pack_img((0, label, 0, 0), image, 9, ".png"))
    >>> file.close()
    >>> batches = mx.io.ImageDetRecordIter(
    ...     path_imgrec=path, data_shape=(3, 8, 8), batch_size=1, rand_mirror_prob=1,
    ...     label_pad_width=8,
    ... )
    >>> print(batches.next().label[0].asnumpy()[0])
    [ 3.    8.    8.    7.    2.    5.    7.    0.25  0.5   0.75  1.   -1.  ]
    """

    def __init__(
        self,
        *,
        label_width: int = -1,
        label_pad_width: int = 0,
        label_pad_value: float = -1.0,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        if dtype is not None and numpy.dtype(dtype) != numpy.float32:
            raise MXNetError(f"{type(self).__name__}: dtype must be float32, not {dtype!r}")
        self._room, self._pad_value = label_pad_width, label_pad_value
        super().__init__(label_width=label_width, dtype=dtype, **kwargs)

    def _recipe_of(self, given: dict[str, Any]) -> Any:
        kind = type(self).__name__
        fields = {*_DetRecipe._fields, *_Sampler._fields} - {"samplers"}
        known = arguments(kind, sorted(fields), _UNSUPPORTED, given)
        for name, choices in (
            ("crop_emit_mode", ("center", "overlap")),
            ("resize_mode", ("force", "fit", "shrink")),
        ):
            if known.get(name, choices[0]) not in choices:
                raise MXNetError(f"{kind}: {name} must be one of {choices}, not {known[name]!r}")
        count = known.get("num_crop_sampler", 1)
        own: dict[str, Any] = {
            name: _each(kind, name, known.pop(name), count)
            for name in _Sampler._fields
            if name in known
        }
        samplers = [_Sampler(**{name: own[name][i] for name in own}) for i in range(count)]
        return _DetRecipe(**known, samplers=samplers)

    def _label_shape(self) -> tuple[int, ...]:
        longest = max(
            self._checked(label, name).size
            for label, _, name in map(self._record, range(len(self._keys)))
        )
        if 0 < self._room < longest:
            raise MXNetError(
                f"{type(self).__name__}: label_pad_width is {self._room}, but a label has "
                f"{longest} numbers"
            )
        self._room = self._room if self._room > 0 else longest
        return (4 + self._room,)

    def _checked(self, label: Pixels, name: str) -> Any:
        if 0 < self._label_width != label.size:
            raise MXNetError(
                f"{name}: its label has {label.size} numbers, but label_width is "
                f"{self._label_width}"
            )
        header, width = label[:2].astype(int) if self._has_widths(label) else (0, 0)
        if header < 2 or width < 5 or header > label.size or (label.size - header) % width:
            raise MXNetError(
                f"{name}: a label begins with the widths of its header, 2 or more, and of an "
                f"object, 5 or more, and fits to them; this one of {label.size} numbers begins "
                f"with {label[:2].tolist()}"
            )
        return label

    def _has_widths(self, label: Pixels) -> bool:
        return label.size >= 2 and bool((abs(label[:2]) <= label.size).all())  # NaN is not

    def _prepared(self, x: Pixels, label: Any, random: Random) -> tuple[Pixels, Any]:
        header, width = int(label[0]), int(label[1])
        objects = label[header:].reshape(-1, width)
        x, objects, size = self._recipe.apply(x, objects, self._shape, random)
        count = header + objects.size
        row = numpy.full(4 + self._room, self._pad_value, "float32")
        row[: 4 + count] = [*size, count, *label[:header], *objects.ravel()]
        return x, row


def _each(kind: str, name: str, given: Any, count: int) -> Numbers:
    """A number for each sampler."""
    numbers = tuple(given) if isinstance(given, (tuple, list)) else (given,)
    numbers = numbers * count if len(numbers) == 1 else numbers
    if len(numbers) != count:
        raise MXNetError(
            f"{kind}: {name} must be one number, or one for each of {count} samplers, not {given!r}"
        )
    return numbers
