"""Images of shape (height, width, channels), or batches: cut, resized, mirrored, recoloured.

Random functions draw with the generator of `mx.random.seed`, each time that they run: a hybridized
block draws anew at every call. Images of uint8 stay such: values are cut to 0 to 255, and what is
behind the point is dropped.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy

from microlazy.base import MXNetError, RangeError, ShapeError
from microlazy.core import functions as f
from microlazy.core.generator import stream
from microlazy.core.ops.numpy_call import call
from microlazy.core.tensor import Tensor
from microlazy.ops.arguments import op
from microlazy.ops.checks import check_arrays
from microlazy.ops.interpolation import LINEAR, check_interp, resized, spread

A = TypeVar("A", bound=Tensor)

__all__ = [
    "adjust_lighting",
    "crop",
    "flip_left_right",
    "flip_top_bottom",
    "normalize",
    "random_brightness",
    "random_color_jitter",
    "random_contrast",
    "random_flip_left_right",
    "random_flip_top_bottom",
    "random_hue",
    "random_lighting",
    "random_saturation",
    "resize",
    "to_tensor",
]

GRAY = numpy.array([0.299, 0.587, 0.114], "float32")  # of red, green, blue; ITU-R BT.601

TO_GRAY = numpy.repeat([[0.21], [0.72], [0.07]], 3, 1)  # ITU-R BT.709, as MXNet rounds it

# How the colours of ImageNet vary (Krizhevsky et al. 2012): eigenvalues and eigenvectors of their
# covariance. A row of the product says what an alpha adds to red, green and blue.
EIGENVALUES = numpy.array([55.46, 4.794, 1.148])
EIGENVECTORS = numpy.array(
    [[-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140], [-0.5836, -0.6948, 0.4203]]
)
LIGHT = (EIGENVECTORS * EIGENVALUES).T.astype("float32")


def _image(name: str, data: Tensor, batches: bool = True) -> None:
    check_arrays(f"image.{name}", image=data)
    if data.ndim != 3 and not (batches and data.ndim == 4):
        what = "an image has 3 axes and a batch 4" if batches else "it takes an image of 3 axes"
        raise ShapeError(f"image.{name}: {what}, but the shape is {data.shape}")


# ---- layout --------------------------------------------------------------------------------------


@op
def to_tensor(data: A) -> A:
    """Turn (height, width, channels) of 0 to 255 into (channels, height, width) of 0 to 1, floats.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.image.to_tensor(nd.array([[[0, 255]]], dtype="uint8")).asnumpy().ravel()
    array([0., 1.], dtype=float32)
    """
    _image("to_tensor", data)
    if numpy.dtype(data.dtype).kind != "f":
        return call(_shares, [data], result=_planes)  # in one pass; there is no gradient
    axes = (2, 0, 1) if data.ndim == 3 else (0, 3, 1, 2)
    floats = data if data.dtype == numpy.float64 else f.as_dtype(data, "float32")
    return f.transpose(floats / 255.0, axes)


def _shares(x: numpy.ndarray) -> numpy.ndarray:
    return numpy.moveaxis(x / numpy.float32(255), -1, -3).astype("float32", copy=False)


def _planes(x: Any) -> Any:
    return (*x.shape[:-3], x.shape[-1], *x.shape[-3:-1]), "float32"


@op
def normalize(data: A, mean: Any = 0.0, std: Any = 1.0) -> A:
    """Return (x - mean) / std, of images of shape (channels, height, width).

    Parameters
    ----------
    data : array
    mean, std : float or tuple of float
        One number, or one for each channel.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.image.normalize(nd.ones((2, 1, 1)), mean=(1, 2), std=2).asnumpy().ravel()
    array([ 0. , -0.5], dtype=float32)
    """
    _image("normalize", data)
    mean, std = (
        f.to_array(f.face_of(data), numpy.reshape(numbers, (-1, 1, 1)), data.dtype)
        for numbers in (mean, std)
    )
    return (data - mean) / std


@op
def crop(data: A, x: int, y: int, width: int, height: int) -> A:
    """Return the part of `width` by `height` whose left upper corner is at (x, y).

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.image.crop(nd.zeros((5, 6, 3)), x=1, y=0, width=4, height=2).shape
    (2, 4, 3)
    """
    _image("crop", data)
    rows, columns = data.shape[-3:-1]
    if min(x, y) < 0 or min(width, height) < 1 or x + width > columns or y + height > rows:
        raise ShapeError(
            f"image.crop: {width} by {height} from ({x}, {y}) is not inside an image {columns} "
            f"wide and {rows} high"
        )
    return data[..., y : y + height, x : x + width, :].copy()


def new_size(name: str, shape: Sequence[int], size: Any, keep_ratio: bool) -> tuple[int, int]:
    """Width and height that `size` says, for images of a shape (..., height, width, channels).

    Examples
    --------
    >>> from microlazy.ops.images import new_size
    >>> new_size("resize", (40, 60, 3), 20, keep_ratio=True)
    (30, 20)
    """
    sizes = tuple(size) if isinstance(size, (tuple, list)) else (size,)
    whole = all(isinstance(n, (int, numpy.integer)) for n in sizes)
    if not whole or len(sizes) not in (1, 2) or min(sizes) < 1:
        raise ShapeError(
            f"image.{name}: size must be a number of pixels or (width, height), but it is {size!r}"
        )
    if len(sizes) == 2 or not keep_ratio:
        return int(sizes[0]), int(sizes[-1])
    rows, columns = shape[-3:-1]
    short = int(sizes[0])
    if rows > columns:
        return short, max(1, short * rows // columns)
    return max(1, short * columns // rows), short


@op
def resize(data: A, size: Any, keep_ratio: bool = False, interp: int = LINEAR) -> A:
    """Return images in another size, with the values of OpenCV's `resize`.

    Parameters
    ----------
    data : array, shape (..., height, width, channels)
        uint8, or floats.
    size : int or (int, int)
        Width and height, or one number for both.
    keep_ratio : bool
        One number is the size of the shorter side; the other one follows.
    interp : int
        0 takes the nearest pixel, 1 is bilinear, 2 bicubic, 3 takes means of areas, 4 is Lanczos'
        method over 8 pixels.

    Raises
    ------
    ShapeError
        If the data are no images, or the size is none.
    MXNetError
        If the dtype or `interp` is another one.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.image.resize(nd.array([[[0], [4]]]), (4, 1)).asnumpy().ravel()
    array([0., 1., 3., 4.], dtype=float32)
    >>> nd.image.resize(nd.zeros((40, 60, 3)), 20, keep_ratio=True).shape
    (20, 30, 3)
    """
    _image("resize", data)
    width, height = new_size("resize", data.shape, size, keep_ratio)
    return resized_to(data, height, width, interp)


def resized_to(data: A, height: int, width: int, interp: int) -> A:
    """Images in another size; the gradient counts each old pixel as often as it was used."""
    check_interp("image.resize", interp)
    if 0 in data.shape:
        raise ShapeError(f"image.resize: an image of shape {data.shape} has no pixels")
    if data.dtype == numpy.float16:
        wide = resized_to(f.as_dtype(data, "float32"), height, width, interp)
        return f.as_dtype(wide, "float16")
    if data.dtype not in (numpy.uint8, numpy.float32, numpy.float64):
        raise MXNetError(
            f"image.resize: the dtype must be uint8 or a float, not {numpy.dtype(data.dtype).name}"
        )
    options = {"height": height, "width": width, "interp": interp}
    return call(resized, [data], options, (_resize_back,), _resized_shape)


def _resized_shape(x: Any, height: int, width: int, interp: int) -> Any:
    return (*x.shape[:-3], height, width, x.shape[-1]), x.dtype


def _resize_back(g: Any, _y: Any, x: Any, height: int, width: int, interp: int) -> Any:
    options = {"rows": x.shape[-3], "columns": x.shape[-2], "interp": interp}
    return call(spread, [g], options, (_spread_back,), _spread_shape)


def _spread_shape(g: Any, rows: int, columns: int, interp: int) -> Any:
    return (*g.shape[:-3], rows, columns, g.shape[-1]), g.dtype


def _spread_back(h: Any, _y: Any, g: Any, rows: int, columns: int, interp: int) -> Any:
    return resized_to(h, g.shape[-3], g.shape[-2], interp)


# ---- mirrored ------------------------------------------------------------------------------------


@op
def flip_left_right(data: A) -> A:
    """Return the image mirrored, left for right.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.image.flip_left_right(nd.array([[[1], [2]]])).asnumpy().ravel()
    array([2., 1.], dtype=float32)
    """
    _image("flip_left_right", data)
    return f.flip(data, -2)


@op
def flip_top_bottom(data: A) -> A:
    """Return the image mirrored, top for bottom.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.image.flip_top_bottom(nd.array([[[1]], [[2]]])).asnumpy().ravel()
    array([2., 1.], dtype=float32)
    """
    _image("flip_top_bottom", data)
    return f.flip(data, -3)


def _drawn(data: Tensor, low: float, high: float) -> Any:
    """One uniform number, of one axis for each of the image's."""
    shape = (1,) * data.ndim
    return f.random_array("uniform", low, high, f.face_of(data), shape, "float32")


def one_of(data: A, other: A, p: float) -> A:
    """The other array with a probability, else the data.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.ops.images import one_of
    >>> one_of(np.zeros(1), np.ones(1), 1.0)
    array([1.])
    """
    return call(_other_if, [_drawn(data, 0.0, 1.0), data, other], {"p": p}, _OF_ONE, _like_data)


def _other_if(drawn: Any, data: Any, other: Any, p: float) -> Any:
    return other if drawn.item() < p else data


def _like_data(_drawn: Any, data: Any, _other: Any, p: float) -> Any:
    return data.shape, data.dtype


_OF_ONE = (
    None,
    lambda g, _y, drawn, _data, _other, p: f.where(drawn < p, 0.0, g),
    lambda g, _y, drawn, _data, _other, p: f.where(drawn < p, g, 0.0),
)


@op
def random_flip_left_right(data: A) -> A:
    """Mirror the image left for right, or not, with equal probability.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.image.random_flip_left_right(nd.ones((2, 3, 1))).shape
    (2, 3, 1)
    """
    _image("random_flip_left_right", data)
    return one_of(data, f.flip(data, -2), 0.5)


@op
def random_flip_top_bottom(data: A) -> A:
    """Mirror the image top for bottom, or not, with equal probability.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.image.random_flip_top_bottom(nd.ones((2, 3, 1))).shape
    (2, 3, 1)
    """
    _image("random_flip_top_bottom", data)
    return one_of(data, f.flip(data, -3), 0.5)


# ---- colours -------------------------------------------------------------------------------------


def _colours(name: str, data: Tensor, alone: bool = True) -> int:
    """Check an image whose colours are changed; returns its number of channels."""
    _image(name, data, batches=False)
    channels = data.shape[-1]
    if channels not in (1, 3) and alone:
        raise ShapeError(f"image.{name}: it takes 1 or 3 channels, but the shape is {data.shape}")
    return channels


def _floats(data: A) -> A:
    return data if numpy.dtype(data.dtype).kind == "f" else f.as_dtype(data, "float32")


def _as_before(data: A, floats: A) -> A:
    """The new values in the dtype of the image; of uint8 cut to its range."""
    if numpy.dtype(data.dtype) == numpy.uint8:
        floats = f.clip(floats, 0, 255)
    return f.as_dtype(floats, data.dtype)


def _gray(floats: Any) -> Any:
    """The gray of each pixel, (height, width, 1)."""
    if floats.shape[-1] == 1:
        return floats
    weights = f.to_array(f.face_of(floats), GRAY[:, None], floats.dtype)
    return f.reshape(f.dot(f.reshape(floats, (-1, 3)), weights), (*floats.shape[:-1], 1))


def _factors(name: str, low: float, high: float) -> None:
    if min(low, high) < 0:
        raise RangeError(
            f"image.{name}: factors must be 0 or more, but min_factor={low} and max_factor={high}"
        )


def _mixed(floats: Any, other: Any, alpha: Any) -> Any:
    if isinstance(alpha, Tensor):
        alpha = f.as_dtype(alpha, floats.dtype)
    return floats * alpha + other * (1 - alpha)


def brightened(data: A, alpha: Any) -> A:
    """The image times a factor, a number or an array of one.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.ops.images import brightened
    >>> brightened(np.ones((1, 1, 1)), 2.0)
    array([[[2.]]])
    """
    floats = _floats(data)
    if isinstance(alpha, Tensor):
        alpha = f.as_dtype(alpha, floats.dtype)
    return _as_before(data, floats * alpha)


def contrasted(data: A, alpha: Any) -> A:
    """The image moved away from its mean gray by a factor, a number or an array of one."""
    floats = _floats(data)
    return _as_before(data, _mixed(floats, f.reduction("mean", _gray(floats), None, True), alpha))


def saturated(data: A, alpha: Any) -> A:
    """The colours moved away from their gray by a factor, a number or an array of one."""
    floats = _floats(data)
    return _as_before(data, _mixed(floats, _gray(floats), alpha))


def mapped(data: A, matrix: numpy.ndarray) -> A:
    """Each pixel times a matrix, of shape (old channels, new channels)."""
    floats = _floats(data)
    rows = f.to_array(f.face_of(data), matrix, floats.dtype)
    pixels = f.dot(f.reshape(floats, (-1, floats.shape[-1])), rows)
    return _as_before(data, f.reshape(pixels, (*floats.shape[:-1], matrix.shape[1])))


def shifted(data: A, color: Any) -> A:
    """The image plus a colour, an array of one number for each channel."""
    floats = _floats(data)
    return _as_before(data, floats + f.to_array(f.face_of(data), color, floats.dtype))


@op
def random_brightness(data: A, min_factor: float, max_factor: float) -> A:
    """Multiply an image by a random factor.

    Parameters
    ----------
    data : array, shape (height, width, channels)
    min_factor, max_factor : float
        Between these the factor is uniform; both are 0 or more.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.image.random_brightness(nd.array([[[10, 200]]], dtype="uint8"), 2, 2).asnumpy()
    array([[[ 20, 255]]], dtype=uint8)
    """
    _factors("random_brightness", min_factor, max_factor)
    _colours("random_brightness", data, alone=False)
    return brightened(data, _drawn(data, min_factor, max_factor))


@op
def random_contrast(data: A, min_factor: float, max_factor: float) -> A:
    """Move all values away from the image's mean gray by a random factor, or towards it.

    Parameters
    ----------
    data, min_factor, max_factor
        As for `random_brightness`, with 1 or 3 channels.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.image.random_contrast(nd.array([[[10], [30]]]), 2, 2).asnumpy().ravel()
    array([ 0., 40.], dtype=float32)
    """
    _factors("random_contrast", min_factor, max_factor)
    _colours("random_contrast", data)
    return contrasted(data, _drawn(data, min_factor, max_factor))


@op
def random_saturation(data: A, min_factor: float, max_factor: float) -> A:
    """Move all colours away from their gray by a random factor, or towards it.

    Parameters
    ----------
    data, min_factor, max_factor
        As for `random_brightness`, with 1 or 3 channels.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.image.random_saturation(nd.array([[[0, 100, 0]]]), 0, 0).asnumpy().round(1)
    array([[[58.7, 58.7, 58.7]]], dtype=float32)
    """
    _factors("random_saturation", min_factor, max_factor)
    _colours("random_saturation", data)
    return saturated(data, _drawn(data, min_factor, max_factor))


@op
def random_hue(data: A, min_factor: float, max_factor: float) -> A:
    """Turn all colours on the circle of hues by a random part of it; there is no gradient.

    Parameters
    ----------
    data, min_factor, max_factor
        As for `random_brightness`, with 1 or 3 channels. The factor 1 is a whole turn, 1.5 one
        and a half.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.image.random_hue(nd.array([[[100, 20, 20]]]), 0.5, 0.5).asnumpy().round()
    array([[[ 20., 100., 100.]]], dtype=float32)
    """
    _factors("random_hue", min_factor, max_factor)
    if _colours("random_hue", data) == 1:
        return data.copy()
    rules = _no_rule("random_hue"), None
    return call(_turned, [data, _drawn(data, min_factor, max_factor)], {}, rules, _same)


def _no_rule(name: str) -> Any:
    def refuse(_g: Any, _y: Any, *_arrays: Any, **_options: Any) -> Any:
        raise MXNetError(f"image.{name} has no gradient; detach() its result")

    return refuse


def _same(x: Any, *others: Any, **options: Any) -> Any:
    return x.shape, x.dtype


def _turned(x: numpy.ndarray, alpha: numpy.ndarray) -> numpy.ndarray:
    """Hue, lightness and saturation with another hue, back in red, green and blue.

    Lightness and saturation fix the largest and the smallest of the three, so only where each of
    them lies between the two changes.
    """
    floats = x if x.dtype == numpy.float64 else x.astype("float32")
    red, green, blue = (numpy.ascontiguousarray(floats[..., i]) for i in range(3))
    high = numpy.maximum(numpy.maximum(red, green), blue)
    low = numpy.minimum(numpy.minimum(red, green), blue)
    spread = high - low
    hue = numpy.where(
        high == red, green - blue, numpy.where(high == green, blue - red, red - green)
    )
    hue /= numpy.where(spread == 0, 1, spread)  # of 6, from the sixth of the largest
    hue += numpy.where(high == red, 0, numpy.where(high == green, 2, 4))
    hue += floats.dtype.type(6 * (float(alpha.ravel()[0]) % 1))
    turned = numpy.empty_like(floats)
    for channel, sixth in enumerate((0, 4, 2)):
        place = hue + floats.dtype.type(sixth)
        place -= 6 * numpy.floor(place / 6)
        share = (numpy.abs(place - 3) - 1).clip(0, 1)
        turned[..., channel] = low + spread * share
    if x.dtype == numpy.uint8:
        turned = numpy.rint(turned)
    return turned.astype(x.dtype, copy=False)


@op
def random_color_jitter(
    data: A,
    brightness: float = 0.0,
    contrast: float = 0.0,
    saturation: float = 0.0,
    hue: float = 0.0,
) -> A:
    """Change brightness, contrast, saturation and hue in a random order; there is no gradient.

    Parameters
    ----------
    data : array, shape (height, width, channels)
        With 1 or 3 channels.
    brightness, contrast, saturation, hue : float
        By how much the factor of each, 0 or more, may differ from 1; with 0 it is left out.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.image.random_color_jitter(nd.ones((2, 3, 3)), brightness=0.5).shape
    (2, 3, 3)
    """
    _colours("random_color_jitter", data)
    amounts = brightness, contrast, saturation, hue
    if min(amounts) < 0:
        raise RangeError(f"image.random_color_jitter: amounts must be 0 or more, not {amounts}")
    options = {"amounts": tuple(map(float, amounts))}
    return call(_jittered, [data], options, (_no_rule("random_color_jitter"),), _same)


def _jittered(x: numpy.ndarray, amounts: tuple[float, ...]) -> numpy.ndarray:
    return jittered(x, amounts, stream())


def jittered(
    x: numpy.ndarray, amounts: tuple[float, ...], random: numpy.random.Generator
) -> numpy.ndarray:
    """What `random_color_jitter` does, in NumPy, with random numbers of one's own.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.ops.images import jittered
    >>> jittered(numpy.ones((1, 2, 3)), (0, 0.5, 0.5, 0), numpy.random.default_rng(0)).round(5)
    array([[[1., 1., 1.],
            [1., 1., 1.]]])
    """
    turns = [(random.uniform(max(0, 1 - a), 1 + a), i) for i, a in enumerate(amounts) if a > 0]
    floats = x if x.dtype == numpy.float64 else x.astype("float32")
    for place in random.permutation(len(turns)):
        alpha, kind = turns[place]
        if kind == 3:
            if x.shape[-1] == 3:
                floats = _turned(floats, numpy.array(alpha))
        elif kind == 0:
            floats = floats * floats.dtype.type(alpha)
        else:
            gray = floats if x.shape[-1] == 1 else (floats @ GRAY.astype(floats.dtype))[..., None]
            other = gray.mean() if kind == 1 else gray
            floats = floats * floats.dtype.type(alpha) + other * floats.dtype.type(1 - alpha)
        if x.dtype == numpy.uint8:
            floats = floats.clip(0, 255)
    return floats.astype(x.dtype)


def _lit(data: A, alpha: Any) -> A:
    """Add what three alphas say; an image of one channel stays as it is."""
    floats = _floats(data)
    rows = f.to_array(f.face_of(data), LIGHT, floats.dtype)
    added = f.reduction("sum", f.as_dtype(f.reshape(alpha, (3, 1)), floats.dtype) * rows, 0)
    return _as_before(data, floats + f.reshape(added, (1, 1, 3)))


@op
def adjust_lighting(data: A, alpha: Any) -> A:
    """Add multiples of the three directions in which the colours of photographs vary most.

    (Krizhevsky et al., "ImageNet classification with deep convolutional neural networks", 2012.)

    Parameters
    ----------
    data : array, shape (height, width, channels)
        With 3 channels; with 1 it is left as it is.
    alpha : tuple of 3 floats
        How much of each.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.image.adjust_lighting(nd.zeros((1, 1, 3)), (0, 1, 0)).asnumpy().round(2)
    array([[[ 3.45, -0.02, -3.33]]], dtype=float32)
    """
    if numpy.shape(alpha) != (3,):
        raise ShapeError(f"image.adjust_lighting: alpha must be three numbers, not {alpha!r}")
    if _colours("adjust_lighting", data) == 1:
        return data.copy()
    return _lit(data, f.to_array(f.face_of(data), alpha, "float32"))


@op
def random_lighting(data: A, alpha_std: float = 0.05) -> A:
    """Do what `adjust_lighting` does with normal alphas.

    Parameters
    ----------
    data : array, shape (height, width, channels)
    alpha_std : float
        The deviation of the alphas from 0.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.image.random_lighting(nd.ones((2, 3, 3))).shape
    (2, 3, 3)
    """
    if alpha_std < 0:
        raise RangeError(f"image.random_lighting: alpha_std must be 0 or more, not {alpha_std}")
    if _colours("random_lighting", data) == 1:
        return data.copy()
    normal = f.random_array("normal", 0.0, alpha_std, f.face_of(data), (3,), "float32")
    return _lit(data, normal)
