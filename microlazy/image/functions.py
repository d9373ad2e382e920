"""Images read, resized, cut and turned: arrays of shape (height, width, channels)."""

from __future__ import annotations

import math
import os
import random
from collections.abc import Sequence
from typing import Any

import numpy

from .. import ndarray as nd
from .. import numpy as np
from .. import pictures
from ..base import MXNetError, ShapeError
from ..core import functions as f
from ..core.tensor import Tensor
from ..ops.images import resized_to
from ..ops.spatial import bilinear_sampler
from ..util import is_np_array

__all__ = [
    "center_crop",
    "color_normalize",
    "copyMakeBorder",
    "fixed_crop",
    "imdecode",
    "imread",
    "imresize",
    "imrotate",
    "random_crop",
    "random_rotate",
    "random_size_crop",
    "resize_short",
    "scale_down",
]

Size = tuple[int, int]
Box = tuple[int, int, int, int]


def to_array(values: Any, dtype: Any = None) -> Any:
    """Values as an array of the current face; an array stays as it is.

    Examples
    --------
    >>> from microlazy.image.functions import to_array
    >>> to_array([1, 2]).shape
    (2,)
    """
    if isinstance(values, Tensor):
        return values
    values = numpy.asarray(values)
    return (np if is_np_array() else nd).array(values, dtype=dtype or values.dtype)


def _picture(name: str, src: Any) -> Any:
    src = to_array(src)
    if src.ndim != 3:
        raise ShapeError(
            f"{name}: an image has shape (height, width, channels), but this has {src.shape}"
        )
    return src


def imdecode(buf: Any, flag: int = 1, to_rgb: bool = True, out: Any = None) -> Any:
    """Decode an image.

    Parameters
    ----------
    buf : bytes, bytearray, or an array of uint8
        JPEG, PNG, or what else Pillow reads.
    flag : int
        0 gives one channel of gray, any other three of colour.
    to_rgb : bool
        In the order red, green, blue; else blue, green, red.
    out : array, optional
        Where the result goes.

    Returns
    -------
    array, shape (height, width, 3 or 1), uint8
        Of the current face, nd or np.

    Raises
    ------
    ValueError
        If `buf` is a text.
    MXNetError
        If it is no image, or `flag` is negative.
    ImportError
        If Pillow is missing.

    Examples
    --------
    >>> import numpy
    >>> import microlazy as mx
    >>> from microlazy.pictures import encode
    >>> mx.image.imdecode(encode(numpy.zeros((2, 3, 3), "uint8"), ".png")).shape
    (2, 3, 3)
    """
    if isinstance(buf, (Tensor, numpy.ndarray)):
        buf = numpy.asarray(buf).tobytes()
    if not isinstance(buf, (bytes, bytearray, memoryview)):
        raise ValueError(
            f"imdecode: expected bytes, a bytearray or an array of uint8, not {type(buf).__name__}"
        )
    return _given(pictures.decode(buf, _color("imdecode", flag), bool(to_rgb)), out)


def imread(
    filename: str | os.PathLike[str], flag: int = 1, to_rgb: bool = True, out: Any = None
) -> Any:
    """Read and decode the image of a file.

    Parameters
    ----------
    filename : path
    flag, to_rgb, out
        As for `imdecode`.

    Returns
    -------
    array, shape (height, width, 3 or 1), uint8

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    MXNetError
        If it holds no image.

    Examples
    --------
    >>> import os, tempfile
    >>> import numpy
    >>> import microlazy as mx
    >>> from microlazy.pictures import encode
    >>> path = os.path.join(tempfile.mkdtemp(), "a.png")
    >>> with open(path, "wb") as file:
    ...     size = file.write(encode(numpy.zeros((2, 3, 3), "uint8"), ".png"))
    >>> mx.image.imread(path, flag=0).shape
    (2, 3, 1)
    """
    return _given(pictures.read(filename, _color("imread", flag), bool(to_rgb)), out)


def _color(name: str, flag: int) -> bool:
    if flag < 0:
        raise MXNetError(f"{name}: flag must be 0 (gray) or 1 (colour), but it is {flag}")
    return flag != 0


def _given(pixels: numpy.ndarray, out: Any) -> Any:
    made = to_array(pixels)
    return made if out is None else f.write_into(out, made)


def imresize(src: Any, w: int, h: int, interp: int = 1, out: Any = None) -> Any:
    """Resize an image, with the values of OpenCV's `resize`.

    Parameters
    ----------
    src : array, shape (height, width, channels)
        uint8, or floats.
    w, h : int
        The new width and height.
    interp : int
        0 takes the nearest pixel, 1 is bilinear, 2 bicubic, 3 takes means of areas, 4 is Lanczos'
        method over 8 pixels; 9 is bicubic to grow, areas to shrink, else bilinear; 10 is one of
        0 to 4 at random.
    out : array, optional
        Where the result goes.

    Raises
    ------
    ShapeError, MXNetError
        If it is no image, or the size or `interp` is none.

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.image.imresize(mx.nd.zeros((4, 6, 3)), 3, 2).shape
    (2, 3, 3)
    """
    src = _picture("imresize", src)
    if min(w, h) < 1:
        raise ShapeError(f"imresize: width and height must be 1 or more, not {w} and {h}")
    made = resized_to(src, int(h), int(w), method(interp, src.shape, w, h))
    return made if out is None else f.write_into(out, made)


def method(interp: int, shape: Sequence[int], w: int, h: int) -> int:
    """The interpolation that 9 and 10 stand for; others stay.

    Examples
    --------
    >>> from microlazy.image.functions import method
    >>> method(9, (4, 4, 3), 8, 8), method(9, (4, 4, 3), 2, 2), method(9, (4, 4, 3), 2, 8)
    (2, 3, 1)
    """
    if interp == 9:
        if h > shape[0] and w > shape[1]:
            return 2
        return 3 if h < shape[0] and w < shape[1] else 1
    return random.randint(0, 4) if interp == 10 else interp


def scale_down(src_size: Size, size: Size) -> Size:
    """Shrink a size until it fits into an image's, at the same ratio.

    Parameters
    ----------
    src_size, size : (int, int)
        Width and height of the image, and those wanted.

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.image.scale_down((640, 480), (720, 120))
    (640, 106)
    """
    w, h = map(float, size)
    columns, rows = src_size
    if rows < h:
        w, h = w * rows / h, rows
    if columns < w:
        w, h = columns, h * columns / w
    return int(w), int(h)


def resize_short(src: Any, size: int, interp: int = 2) -> Any:
    """Resize an image so that its shorter side has a size, at the same ratio.

    Parameters
    ----------
    src : array, shape (height, width, channels)
    size : int
    interp : int
        As for `imresize`.

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.image.resize_short(mx.nd.zeros((4, 6, 3)), 8).shape
    (8, 12, 3)
    """
    rows, columns, _ = _picture("resize_short", src).shape
    if rows > columns:
        return imresize(src, size, size * rows // columns, interp)
    return imresize(src, size * columns // rows, size, interp)


def copyMakeBorder(
    src: Any,
    top: int,
    bot: int,
    left: int,
    right: int,
    type: int = 0,
    value: float = 0.0,
    values: Sequence[float] = (),
    out: Any = None,
) -> Any:
    """Put a border around an image.

    Parameters
    ----------
    src : array, shape (height, width, channels)
    top, bot, left, right : int
        How wide the border is on each side.
    type : int
        0 fills it with `value`, 1 repeats the outermost pixel, 2 mirrors the image with it, 3 goes
        on at the other side, 4 mirrors without it.
    value : float
    values : tuple of float
        A value for each channel in place of `value`.
    out : array, optional
        Where the result goes.

    Examples
    --------
    >>> import microlazy as mx
    >>> x = mx.nd.array([[[1], [2], [3]]])
    >>> mx.image.copyMakeBorder(x, 0, 0, 2, 1, type=4).asnumpy().ravel()
    array([3., 2., 1., 2., 3., 2.], dtype=float32)
    """
    src = _picture("copyMakeBorder", src)
    modes = ("constant", "edge", "symmetric", "wrap", "reflect")
    if type not in range(5) or min(top, bot, left, right) < 0:
        raise MXNetError(
            f"copyMakeBorder: type must be 0 to 4 and a border 0 or wider, not type={type} and "
            f"{(top, bot, left, right)}"
        )
    pixels = src.asnumpy()
    width = ((top, bot), (left, right), (0, 0))
    if type:
        made = numpy.pad(pixels, width, modes[type])  # type: ignore[call-overload]
    else:
        made = numpy.pad(pixels, width)
        inside = numpy.zeros(made.shape[:2], bool)
        inside[top : top + pixels.shape[0], left : left + pixels.shape[1]] = True
        made[~inside] = numpy.asarray(values if len(values) else value).astype(made.dtype)
    made = f.to_array(f.face_of(src), made, made.dtype)
    return made if out is None else f.write_into(out, made)


def fixed_crop(
    src: Any, x0: int, y0: int, w: int, h: int, size: Size | None = None, interp: int = 2
) -> Any:
    """Cut a part out of an image, and resize it.

    Parameters
    ----------
    src : array, shape (height, width, channels)
    x0, y0, w, h : int
        The left upper corner, width and height of the part.
    size : (int, int), optional
        The width and height to resize it to.
    interp : int
        As for `imresize`.

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.image.fixed_crop(mx.nd.zeros((8, 6, 3)), 1, 2, 3, 4, (5, 5)).shape
    (5, 5, 3)
    """
    src = _picture("fixed_crop", src)
    if min(x0, y0) < 0 or min(w, h) < 1 or x0 >= src.shape[1] or y0 >= src.shape[0]:
        raise ShapeError(
            f"fixed_crop: {w} by {h} from ({x0}, {y0}) is not inside an image {src.shape[1]} wide "
            f"and {src.shape[0]} high"
        )
    part = src[y0 : y0 + h, x0 : x0 + w]
    if size is not None and (w, h) != tuple(size):
        return imresize(part, *size, interp)
    return part.copy()


def random_crop(src: Any, size: Size, interp: int = 2) -> tuple[Any, Box]:
    """Cut a part out of an image, at a random place.

    Parameters
    ----------
    src : array, shape (height, width, channels)
    size : (int, int)
        Width and height; of a smaller image a part as large as fits is resized to it.
    interp : int
        As for `imresize`.

    Returns
    -------
    array
    (x, y, width, height)
        Which part it was. The place comes from `random`, as in MXNet.

    Examples
    --------
    >>> import microlazy as mx
    >>> part, place = mx.image.random_crop(mx.nd.zeros((8, 6, 3)), (3, 4))
    >>> part.shape, place[2:]
    ((4, 3, 3), (3, 4))
    """
    rows, columns, _ = _picture("random_crop", src).shape
    w, h = scale_down((columns, rows), size)
    x0, y0 = random.randint(0, columns - w), random.randint(0, rows - h)
    return fixed_crop(src, x0, y0, w, h, size, interp), (x0, y0, w, h)


def center_crop(src: Any, size: Size, interp: int = 2) -> tuple[Any, Box]:
    """Cut the middle out of an image.

    Parameters
    ----------
    src : array, shape (height, width, channels)
    size : (int, int)
        Width and height; of a smaller image a part as large as fits is resized to it.
    interp : int
        As for `imresize`.

    Returns
    -------
    array
    (x, y, width, height)
        Which part it was.

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.image.center_crop(mx.nd.zeros((8, 6, 3)), (3, 4))[1]
    (1, 2, 3, 4)
    """
    rows, columns, _ = _picture("center_crop", src).shape
    w, h = scale_down((columns, rows), size)
    x0, y0 = (columns - w) // 2, (rows - h) // 2
    return fixed_crop(src, x0, y0, w, h, size, interp), (x0, y0, w, h)


def random_size_crop(
    src: Any, size: Size, area: Any, ratio: tuple[float, float], interp: int = 2, **kwargs: Any
) -> tuple[Any, Box]:
    """Cut a part of random size and ratio out of an image, and resize it.

    (Szegedy et al., "Going deeper with convolutions", 2015.)

    Parameters
    ----------
    src : array, shape (height, width, channels)
    size : (int, int)
        Width and height of the result.
    area : float or (float, float)
        The smallest and largest share of the image; one number is the smallest, the largest is 1.
    ratio : (float, float)
        The smallest and largest width divided by height.
    interp : int
        As for `imresize`.
    min_area : float, optional
        The older name of `area`.

    Returns
    -------
    array
    (x, y, width, height)
        Which part it was; the middle, if ten tries found none inside the image. Size and place come
        from `random` and `numpy.random`, as in MXNet.

    Examples
    --------
    >>> import microlazy as mx
    >>> part, place = mx.image.random_size_crop(mx.nd.zeros((8, 6, 3)), (5, 5), 0.3, (0.7, 1.4))
    >>> part.shape
    (5, 5, 3)
    """
    rows, columns, _ = _picture("random_size_crop", src).shape
    area = kwargs.pop("min_area", area)
    if kwargs:
        raise TypeError(f"random_size_crop: unknown arguments {sorted(kwargs)}")
    shares = tuple(area) if isinstance(area, (tuple, list)) else (area, 1.0)
    for _ in range(10):
        wanted = random.uniform(*shares) * rows * columns
        shape = math.exp(random.uniform(math.log(ratio[0]), math.log(ratio[1])))
        w, h = round(math.sqrt(wanted * shape)), round(math.sqrt(wanted / shape))
        if 0 < w <= columns and 0 < h <= rows:
            x0, y0 = random.randint(0, columns - w), random.randint(0, rows - h)
            return fixed_crop(src, x0, y0, w, h, size, interp), (x0, y0, w, h)
    return center_crop(src, size, interp)


def color_normalize(src: Any, mean: Any, std: Any = None) -> Any:
    """Subtract a mean and divide by a standard deviation.

    Parameters
    ----------
    src : array
        Whole numbers become float32.
    mean, std : array or number, or None
        One number, or one for each channel; None leaves the step out.

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.image.color_normalize(mx.nd.ones((1, 1, 2)), mx.nd.array([1, 3]), 2).asnumpy().ravel()
    array([ 0., -1.], dtype=float32)
    """
    src = to_array(src)
    if numpy.dtype(src.dtype).kind != "f":
        src = f.as_dtype(src, "float32")
    if mean is not None:
        src = src - _like(src, mean)
    return src if std is None else src / _like(src, std)


def _like(src: Any, numbers: Any) -> Any:
    if isinstance(numbers, Tensor):
        numbers = numbers.asnumpy()
    return f.to_array(f.face_of(src), numbers, src.dtype)


# ---- turned --------------------------------------------------------------------------------------


def imrotate(src: Any, rotation_degrees: Any, zoom_in: bool = False, zoom_out: bool = False) -> Any:
    """Turn an image, or a batch of them, about the middle.

    Parameters
    ----------
    src : array, shape (channels, height, width) or (batch, channels, height, width), float32
    rotation_degrees : float, or array of one for each image
        Counterclockwise.
    zoom_in : bool
        Enlarge the image until no corner is empty.
    zoom_out : bool
        Shrink it until all of it is seen.

    Returns
    -------
    array
        Of the same shape, linear between pixels; 0 where the image does not reach. It has a
        gradient.

    Raises
    ------
    ValueError
        If there are other axes, both zooms are asked for, or there are more or fewer angles than
        images.
    TypeError
        If the dtype is another one, or there are several angles for one image.

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.image.imrotate(mx.nd.array([[[1, 2], [3, 4]]]), 180).asnumpy().round(3)
    array([[[4., 3.],
            [2., 1.]]], dtype=float32)
    """
    if zoom_in and zoom_out:
        raise ValueError("imrotate: zoom_in and zoom_out cannot both be True")
    src = to_array(src)
    if src.ndim not in (3, 4):
        raise ValueError(
            "imrotate: the shape must be (channels, height, width), with or without a batch before "
            f"it, but it is {src.shape}"
        )
    if src.dtype != numpy.float32:
        raise TypeError(f"imrotate: images must be float32, not {numpy.dtype(src.dtype).name}")
    angles = numpy.asarray(rotation_degrees, "float64")
    batch = src if src.ndim == 4 else f.expand_dims(src, 0)
    if src.ndim == 3 and angles.ndim:
        raise TypeError(f"imrotate: one image is turned by one angle, not {rotation_degrees!r}")
    if angles.ndim and angles.shape != (len(batch),):
        raise ValueError(f"imrotate: {len(batch)} images need as many angles, not {angles.shape}")
    height, width = batch.shape[2:]
    grid = [
        _turned_grid(height, width, math.radians(angle), zoom_in, zoom_out)
        for angle in numpy.broadcast_to(angles, len(batch))
    ]
    places = f.to_array(f.face_of(src), numpy.stack(grid), "float32")
    turned = bilinear_sampler(batch, places)
    return turned if src.ndim == 4 else f.reshape(turned, src.shape)


def _turned_grid(
    height: int, width: int, angle: float, zoom_in: bool, zoom_out: bool
) -> numpy.ndarray:
    """Where each new pixel lies in the old image, from -1 to 1 between the middles of its edges."""
    cos, sin = math.cos(angle), math.sin(angle)
    # The turned image's width and height as multiples of the image's own.
    wide = abs(cos) + abs(sin) * height / width, abs(cos) + abs(sin) * width / height
    scale = 1.0
    if zoom_in:
        scale = 1 / max(wide)
    elif zoom_out:
        scale = max(wide)
    y, x = (
        (numpy.arange(size) - (size - 1) / 2).reshape(shape) * scale
        for size, shape in ((height, (-1, 1)), (width, (1, -1)))
    )
    to_one = [2 / (size - 1) if size > 1 else 0.0 for size in (width, height)]
    return numpy.stack([(cos * x - sin * y) * to_one[0], (sin * x + cos * y) * to_one[1]])


def random_rotate(
    src: Any, angle_limits: tuple[float, float], zoom_in: bool = False, zoom_out: bool = False
) -> Any:
    """Turn an image, or each of a batch, by a random angle.

    Parameters
    ----------
    src, zoom_in, zoom_out
        As for `imrotate`.
    angle_limits : (float, float)
        Between these the angle is uniform, in degrees; it comes from `numpy.random`, as in MXNet.

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.image.random_rotate(mx.nd.ones((3, 4, 5)), (-10, 10)).shape
    (3, 4, 5)
    """
    src = to_array(src)
    count = len(src) if src.ndim == 4 else None
    return imrotate(src, numpy.random.uniform(*angle_limits, size=count), zoom_in, zoom_out)
