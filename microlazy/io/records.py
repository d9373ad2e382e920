"""`mx.io.ImageRecordIter`: batches of images from a file of records, made by threads."""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy

from .. import recordio
from ..base import MXNetError
from ..data_iter import DataBatch
from ..image.iterator import read_list
from ..ops.images import LIGHT, jittered
from ..ops.interpolation import resized
from ..pictures import decode, pillow
from .tables import MXDataIter, part

__all__ = ["ImageRecordInt8Iter", "ImageRecordIter", "ImageRecordUInt8Iter"]

Pixels = numpy.ndarray
Random = numpy.random.Generator
Numbers = Sequence[float]


class _Recipe(NamedTuple):
    """What is done to an image before it is in a batch, with MXNet's names and defaults."""

    pad: int = 0
    fill_value: int = 255
    resize: int = -1
    max_rotate_angle: int = 0
    rotate: int = -1
    rand_crop: bool = False
    random_resized_crop: bool = False
    min_random_area: float = 1.0
    max_random_area: float = 1.0
    min_aspect_ratio: float | None = None
    max_aspect_ratio: float = 0.0
    rand_mirror: bool = False
    mirror: bool = False
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    pca_noise: float = 0.0
    random_h: int = 0
    random_s: int = 0
    random_l: int = 0
    inter_method: int = 1
    mean_r: float = 0.0
    mean_g: float = 0.0
    mean_b: float = 0.0
    std_r: float = 1.0
    std_g: float = 1.0
    std_b: float = 1.0
    scale: float = 1.0

    def apply(self, x: Pixels, shape: Sequence[int], random: Random) -> Pixels:
        """The image (channels, height, width), float32 unless nothing asks for it."""
        if self.pad > 0:
            widths = ((self.pad, self.pad), (self.pad, self.pad), (0, 0))
            x = numpy.pad(x, widths, constant_values=self.fill_value)
        if self.resize > 0:
            x = shorter(x, self.resize, self.inter_method)
        x = self._turned(x, random)
        x = self._cut(x, shape[1], shape[2], random)
        if self.mirror or (self.rand_mirror and random.random() < 0.5):
            x = x[:, ::-1]
        x = self._coloured(x, random)
        mean, std = (self.mean_r, self.mean_g, self.mean_b), (self.std_r, self.std_g, self.std_b)
        return normal(x.transpose(2, 0, 1), mean, std, self.scale)

    def _turned(self, x: Pixels, random: Random) -> Pixels:
        angle: float = self.rotate
        if self.rotate <= 0:
            if not self.max_rotate_angle:
                return x
            angle = random.uniform(-self.max_rotate_angle, self.max_rotate_angle)
        image_module = pillow()
        gray = x.shape[-1] == 1
        picture = image_module.fromarray(x[..., 0] if gray else x)
        fill = self.fill_value if gray else (self.fill_value,) * 3
        turned = picture.rotate(angle, image_module.Resampling.BILINEAR, fillcolor=fill)
        return numpy.asarray(turned).reshape(x.shape)

    def _cut(self, x: Pixels, height: int, width: int, random: Random) -> Pixels:
        if self.random_resized_crop:
            box = self._part(x.shape[0], x.shape[1], random)
            if box is not None:
                top, left, h, w = box
                part = x[top : top + h, left : left + w]
                return in_size(part, height, width, self.inter_method)
        rows, columns = x.shape[:2]
        if rows < height or columns < width:  # enlarge it until it fits
            ratio = max(height / rows, width / columns)
            rows, columns = max(height, int(rows * ratio)), max(width, int(columns * ratio))
            x = in_size(x, rows, columns, self.inter_method)
        top, left = (rows - height) // 2, (columns - width) // 2
        if self.rand_crop:
            top = int(random.integers(rows - height + 1))
            left = int(random.integers(columns - width + 1))
        return x[top : top + height, left : left + width]

    def _part(self, rows: int, columns: int, random: Random) -> tuple[int, int, int, int] | None:
        """A part of random area and ratio, if ten tries find one inside the image."""
        low, high = self.min_aspect_ratio, self.max_aspect_ratio
        if low is None:
            low, high = 1 - high, 1 + high
        for _ in range(10):
            area = random.uniform(self.min_random_area, self.max_random_area) * rows * columns
            ratio = math.exp(random.uniform(math.log(low), math.log(high)))
            w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
            if 0 < w <= columns and 0 < h <= rows:
                return (
                    int(random.integers(rows - h + 1)),
                    int(random.integers(columns - w + 1)),
                    h,
                    w,
                )
        return None

    def _coloured(self, x: Pixels, random: Random) -> Pixels:
        if self.brightness or self.contrast or self.saturation:
            amounts = (self.brightness, self.contrast, self.saturation, 0.0)
            x = jittered(x.astype("float32"), amounts, random)
        if x.shape[-1] == 3:
            if self.pca_noise:
                x = x + random.normal(0, self.pca_noise, 3).astype("float32") @ LIGHT
            if self.random_h or self.random_s or self.random_l:
                most = (self.random_h, self.random_l, self.random_s)
                x = shifted_hls(x, *(random.uniform(-each, each) for each in most))
        return x


def in_size(x: Pixels, height: int, width: int, method: int) -> Pixels:
    """The image resized, by a method of `mx.image.imresize`."""
    if method == 9:
        grows = height > x.shape[0], width > x.shape[1]
        method = 2 if all(grows) else 1 if any(grows) else 3
    return resized(x, height, width, method)


def shorter(x: Pixels, size: int, method: int) -> Pixels:
    """The image with its shorter side resized to `size`."""
    rows, columns = x.shape[:2]
    if rows > columns:
        return in_size(x, size * rows // columns, size, method)
    return in_size(x, size, size * columns // rows, method)


def normal(x: Pixels, mean: Numbers, std: Numbers, scale: float) -> Pixels:
    """Channels less their mean, divided by `std` and multiplied by `scale`."""
    means = numpy.array(mean, "float32")
    factors = (scale / numpy.array(std, "float32")).astype("float32")
    if (means == 0).all() and (factors == 1).all():
        return x
    count = len(x)
    return (x - means[:count].reshape(-1, 1, 1)) * factors[:count].reshape(-1, 1, 1)


def shifted_hls(x: Pixels, hue: float, lightness: float, saturation: float) -> Pixels:
    """Colours with numbers added to hue (of 180), lightness and saturation (of 255)."""
    unit = x.astype("float32").clip(0, 255) / numpy.float32(255)
    high, low = unit.max(-1), unit.min(-1)
    spread = high - low
    light = (high + low) / 2
    red, green, blue = numpy.moveaxis(unit, -1, 0)
    which = unit.argmax(-1)
    above = numpy.choose(which, [green - blue, blue - red, red - green])
    turn = (above / numpy.where(spread == 0, 1, spread) + 2 * which) / 6 + hue / 180
    width = 1 - numpy.abs(2 * light - 1)
    strength = spread / numpy.where(width == 0, 1, width)
    light = (light + lightness / 255).clip(0, 1)
    strength = (strength + saturation / 255).clip(0, 1)
    spread = strength * (1 - numpy.abs(2 * light - 1))
    place = 6 * turn[..., None] + numpy.array([0, 4, 2])
    share = numpy.clip(numpy.abs(place % 6 - 3) - 1, 0, 1)
    return ((light - spread / 2)[..., None] + spread[..., None] * share).astype("float32") * 255


# Arguments of MXNet's iterator that change nothing here.
_MOOT = {"verbose", "ctx", "device_id", "shuffle_chunk_size", "shuffle_chunk_seed"}
# Those that no iterator over records supports, with the values that ask for nothing.
UNSUPPORTED = {"mean_a": 0.0, "mean_img": ""}
_UNSUPPORTED = UNSUPPORTED | {
    "aug_seq": "aug_default",
    "max_crop_size": -1,
    "min_crop_size": -1,
    "max_img_size": 1e10,
    "min_img_size": 0.0,
    "max_random_contrast": 0.0,
    "max_random_illumination": 0.0,
    "max_random_scale": 1.0,
    "min_random_scale": 1.0,
    "max_shear_ratio": 0.0,
    "std_a": 1.0,
}


def arguments(
    kind: str, fields: Sequence[str], unsupported: dict[str, Any], given: dict[str, Any]
) -> dict[str, Any]:
    """Those of the given arguments that are fields of a recipe; refuses what is not supported."""
    known = {}
    for name, value in given.items():
        if name in fields:
            known[name] = value
        elif name in unsupported:
            if value != unsupported[name]:
                raise MXNetError(f"{kind}: {name}={value!r} is not supported")
        elif name not in _MOOT:
            raise MXNetError(f"{kind}: there is no argument {name!r}")
    return known


class _Scanned(recordio.MXRecordIO):
    """Records by number: the file is searched for them once."""

    def __init__(self, path: Any) -> None:
        super().__init__(path, "r")
        self.keys: list[int] = []
        self._places: list[int] = []
        while True:
            place = self._file.tell()
            if self.read() is None:
                break
            self._places.append(place)
        self.keys = list(range(len(self._places)))

    def read_idx(self, idx: int) -> bytes | None:
        """The record with a number; threads may ask at once."""
        with self._lock:
            self._file.seek(self._places[idx])
            return self.read()


class ImageRecordIter(MXDataIter):
    """Batches of the images of a file of records, decoded and augmented by threads.

    Parameters
    ----------
    path_imgrec : path
        Records that `recordio.pack` or MXNet's im2rec made of encoded images.
    data_shape : (int, int, int)
        Channels, 3 or 1, height and width of the images in a batch.
    batch_size : int
    path_imgidx : path, optional
        The index of the records; without it the file is searched for them once.
    path_imglist : path, optional
        Labels by the images' numbers, in place of those in the records.
    label_width : int
        How many numbers a label has.
    shuffle : bool
        Another order in each epoch, which depends on `seed`.
    seed, seed_aug : int
        Of the order, and of what is random in an image; that depends on no thread.
    num_parts, part_index : int
        Take one of several equal parts.
    round_batch : bool
        Fill the last batch from the beginning, where the next epoch goes on; else with the batch
        before.
    preprocess_threads, prefetch_buffer : int
        How many threads decode, and how many batches they do so ahead.
    dtype : str, optional
        Of the data: float32 by default, float16, uint8 or int8.
    data_name, label_name : str
    **kwargs
        What is done to an image, in this order:
        `pad` and `fill_value` put a border around it;
        `resize` resizes its shorter side;
        `rotate`, or `max_rotate_angle` at random, turns it by degrees;
        `random_resized_crop` cuts a part whose area is a share from `min_random_area` to
        `max_random_area` and whose ratio is from `min_aspect_ratio` to `max_aspect_ratio` (without
        the first from 1 - max to 1 + max), and resizes it; `rand_crop` cuts at a random place, else
        the middle is cut out;
        `mirror` mirrors it, `rand_mirror` half of the images;
        `brightness`, `contrast`, `saturation` and `pca_noise` are as for
        `mx.image.CreateAugmenter`; `random_h`, `random_s`, `random_l` are the most that is added to
        hue (of 180), saturation and lightness (of 255);
        `mean_r`, `mean_g`, `mean_b` are subtracted, then it is divided by `std_r`, `std_g`, `std_b`
        and multiplied by `scale`.
        `inter_method` is as `mx.image.imresize`'s `interp`. Other arguments of MXNet's change
        nothing if they are about devices and messages, and are refused unless they have MXNet's
        default.

    Raises
    ------
    MXNetError
        If arguments are missing, unknown or not supported; while iterating, if a record is damaged.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy
    >>> import microlazy as mx
    >>> path = os.path.join(tempfile.mkdtemp(), "a.rec")
    >>> file = mx.recordio.MXRecordIO(path, "w")
    >>> for i in range(4):
    ...     image = numpy.full((9, 9, 3), i, "uint8")
    ...     file.write(mx.recordio.pack_img((0, i, i, 0), image, 9, ".png"))
    >>> file.close()
    >>> batches = mx.io.ImageRecordIter(path_imgrec=path, data_shape=(3, 8, 8), batch_size=2)
    >>> [(b.data[0].shape, b.label[0].asnumpy().tolist()) for b in batches]
    [((2, 3, 8, 8), [0.0, 1.0]), ((2, 3, 8, 8), [2.0, 3.0])]
    """

    _DTYPE = "float32"

    def __init__(
        self,
        *,
        path_imgrec: str | os.PathLike[str],
        data_shape: Sequence[int],
        batch_size: int,
        path_imgidx: Any = "",
        path_imglist: Any = "",
        label_width: int = 1,
        shuffle: bool = False,
        seed: int = 0,
        seed_aug: int | None = None,
        num_parts: int = 1,
        part_index: int = 0,
        round_batch: bool = True,
        preprocess_threads: int = 4,
        prefetch_buffer: int = 4,
        dtype: Any = None,
        data_name: str = "data",
        label_name: str = "softmax_label",
        **kwargs: Any,
    ) -> None:
        kind = type(self).__name__
        self._recipe = self._recipe_of(kwargs)
        if len(data_shape) != 3 or data_shape[0] not in (1, 3):
            raise MXNetError(
                f"{kind}: data_shape must be (3 or 1, height, width), but it is {tuple(data_shape)}"
            )
        self._dtype = numpy.dtype(dtype or self._DTYPE)
        if self._dtype.name not in ("float32", "float16", "uint8", "int8"):
            raise MXNetError(
                f"{kind}: dtype must be float32, float16, uint8 or int8, not {dtype!r}"
            )
        self._shape = tuple(data_shape)
        self._label_width = label_width
        self._labels = read_list(path_imglist) if path_imglist else None
        self._records: Any = (
            recordio.MXIndexedRecordIO(path_imgidx, path_imgrec, "r")
            if path_imgidx
            else _Scanned(path_imgrec)
        )
        keys = self._records.keys
        self._keys = keys[part(kind, len(keys), num_parts, part_index)]
        self._shuffled, self._seed = shuffle, seed
        self._seed_aug = seed if seed_aug is None else seed_aug
        self._epoch = 0
        super().__init__(
            len(self._keys),
            batch_size,
            round_batch,
            (data_name, self._shape, self._dtype),
            (label_name, self._label_shape(), "float32"),
        )
        self._prefetch = max(1, prefetch_buffer)
        self._pool = ThreadPoolExecutor(max(1, preprocess_threads))

    def _recipe_of(self, given: dict[str, Any]) -> Any:
        return _Recipe(**arguments(type(self).__name__, _Recipe._fields, _UNSUPPORTED, given))

    def _label_shape(self) -> tuple[int, ...]:
        return () if self._label_width == 1 else (self._label_width,)

    def _plan(self) -> list[tuple[numpy.ndarray, int]]:
        if self._shuffled:
            numpy.random.RandomState((self._seed + self._epoch) % 2**32).shuffle(self._order)
        self._epoch += 1
        return super()._plan()

    def _loaded(self, plan: list[tuple[numpy.ndarray, int]]) -> Iterator[DataBatch]:
        ahead: deque[list[Future[Any]]] = deque()
        epoch, asked = self._epoch, 0
        try:
            for number, (places, missing) in enumerate(plan):
                while asked < min(len(plan), number + 1 + self._prefetch):
                    ahead.append([
                        self._pool.submit(self._sample, int(place), epoch, row)
                        for row, place in enumerate(plan[asked][0], asked * self.batch_size)
                    ])  # fmt: skip
                    asked += 1
                samples = [future.result() for future in ahead.popleft()]
                data = numpy.stack([image for image, _ in samples])
                yield self._made(
                    places, missing, data, numpy.stack([label for _, label in samples])
                )
        finally:
            for futures in ahead:
                for future in futures:
                    future.cancel()

    def _sample(self, place: int, epoch: int, row: int) -> tuple[Pixels, Any]:
        """An image, and its label; `row` numbers the samples of an epoch."""
        label, content, name = self._record(place)
        x = decode(content, color=self._shape[0] == 3, name=name)
        x, label = self._prepared(x, self._checked(label, name), self._random(epoch, row))
        if self._dtype.kind in "iu" and x.dtype != self._dtype:
            limits = numpy.iinfo(self._dtype)
            x = numpy.clip(x, limits.min, limits.max)
        return x.astype(self._dtype), label

    def _record(self, place: int) -> tuple[Pixels, bytes, str]:
        """The numbers of a label, an encoded image, and what errors call them."""
        key = self._keys[place]
        header, content = recordio.unpack(self._records.read_idx(key))
        name = f"{self._records.uri}, record {key}"
        label = header.label
        if self._labels is not None:
            if header.id not in self._labels:
                raise MXNetError(f"{name}: path_imglist has no image {header.id}")
            label = self._labels[header.id][0]
        return numpy.asarray(label, "float32").ravel(), content, name

    def _random(self, epoch: int, row: int) -> Random:
        return numpy.random.Generator(
            numpy.random.Philox(key=[self._seed_aug % 2**64, epoch << 40 | row])
        )

    def _checked(self, label: Pixels, name: str) -> Any:
        if label.size != self._label_width:
            raise MXNetError(
                f"{name}: its label has {label.size} numbers, but label_width is "
                f"{self._label_width}"
            )
        return label if self._label_width > 1 else label[0]

    def _prepared(self, x: Pixels, label: Any, random: Random) -> tuple[Pixels, Any]:
        return self._recipe.apply(x, self._shape, random), label


class ImageRecordUInt8Iter(ImageRecordIter):
    """As `ImageRecordIter`, with data of uint8.

    Examples
    --------
    >>> import microlazy as mx
    >>> issubclass(mx.io.ImageRecordUInt8Iter, mx.io.ImageRecordIter)
    True
    """

    _DTYPE = "uint8"


class ImageRecordInt8Iter(ImageRecordIter):
    """As `ImageRecordIter`, with data of int8; what is above 127 becomes 127.

    Examples
    --------
    >>> import microlazy as mx
    >>> issubclass(mx.io.ImageRecordInt8Iter, mx.io.ImageRecordIter)
    True
    """

    _DTYPE = "int8"
