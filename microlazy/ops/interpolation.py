"""Images in other sizes: each new pixel is a weighted sum of old ones along both axes.

The places and weights are those of OpenCV's `resize`, which MXNet uses, and so is the arithmetic of
uint8: weights are multiples of 1/2048 and sums are integers. A product of two sparse matrices, one
for rows and one for columns, is all there is; its transpose is the gradient.
"""

from functools import lru_cache
from typing import NamedTuple

import numpy

from microlazy.base import MXNetError
from microlazy.core.loops.resampling import blended

NEAREST, LINEAR, CUBIC, AREA, LANCZOS = range(5)
_ONE = 2048  # the weight 1 among those of uint8


class Taps(NamedTuple):
    """What each new place of an axis is made of: old places and their weights, a row for each."""

    places: numpy.ndarray
    weights: numpy.ndarray


def _around(old: int, new: int) -> tuple[numpy.ndarray, numpy.ndarray]:
    """The old place before each new one, and how far behind it the new one lies."""
    at = ((numpy.arange(new) + 0.5) * (old / new) - 0.5).astype("float32")
    first = numpy.floor(at).astype(int)
    return first, (at - first).astype("float32")


def _cubic(x: numpy.ndarray) -> numpy.ndarray:
    """Keys 1981 with a = -0.75, at the four nearest places."""
    a = numpy.float32(-0.75)
    y = 1 - x
    weights = [
        ((a * (x + 1) - 5 * a) * (x + 1) + 8 * a) * (x + 1) - 4 * a,
        ((a + 2) * x - (a + 3)) * x * x + 1,
        ((a + 2) * y - (a + 3)) * y * y + 1,
    ]
    return numpy.stack([*weights, 1 - weights[0] - weights[1] - weights[2]], 1)


def _lanczos(x: numpy.ndarray) -> numpy.ndarray:
    """Lanczos' window of four lobes, at the eight nearest places; the weights add to 1."""
    distance = x[:, None].astype("float64") + 3 - numpy.arange(8)
    weights = numpy.sinc(distance) * numpy.sinc(distance / 4)
    return (weights / weights.sum(1, keepdims=True)).astype("float32")


def _areas(old: int, new: int) -> Taps:
    """Means over areas that cover the axis; pixels at their ends count in part."""
    scale = old / new
    start = numpy.arange(new) * scale
    end = numpy.minimum(start + scale, old)
    first = numpy.floor(start + 1e-3).astype(int)
    places = first[:, None] + numpy.arange(int(numpy.ceil(scale)) + 1)
    overlap = numpy.minimum(places + 1, end[:, None]) - numpy.maximum(places, start[:, None])
    weights = numpy.where(overlap > 1e-3, overlap, 0)
    weights /= weights.sum(1, keepdims=True)
    return Taps(numpy.minimum(places, old - 1), weights.astype("float32"))


@lru_cache(256)
def taps(old: int, new: int, interp: int, shrinks: bool) -> Taps:
    """The taps of an axis; `shrinks` says whether no axis of the image grows.

    Examples
    --------
    >>> from microlazy.ops.interpolation import LINEAR, taps
    >>> taps(2, 4, LINEAR, False).weights
    array([[0.25, 0.75],
           [0.75, 0.25],
           [0.25, 0.75],
           [0.75, 0.25]], dtype=float32)
    """
    if interp == NEAREST:
        places = numpy.minimum(numpy.floor(numpy.arange(new) * (old / new)).astype(int), old - 1)
        return Taps(places[:, None], numpy.ones((new, 1), "float32"))
    if interp == AREA and shrinks:
        return _areas(old, new)
    if interp == AREA:  # a grown pixel keeps its colour, but for one place on its edge
        first = numpy.floor(numpy.arange(new) * (old / new)).astype(int)
        share = ((numpy.arange(new) + 1) - (first + 1) * (new / old)).astype("float32")
        share = numpy.where(share <= 0, 0, share - numpy.floor(share)).astype("float32")
    else:
        first, share = _around(old, new)
    before, weights = {
        LINEAR: (0, numpy.stack([1 - share, share], 1)),
        AREA: (0, numpy.stack([1 - share, share], 1)),
        CUBIC: (1, _cubic(share) if interp == CUBIC else None),
        LANCZOS: (3, _lanczos(share) if interp == LANCZOS else None),
    }[interp]
    assert weights is not None
    places = first[:, None] - before + numpy.arange(weights.shape[1])
    return Taps(numpy.clip(places, 0, old - 1), weights)


def taps_of(shape: tuple[int, ...], height: int, width: int, interp: int) -> tuple[Taps, Taps]:
    """The taps of rows and of columns, for images of a shape (..., height, width, channels)."""
    rows, columns = shape[-3:-1]
    shrinks = height <= rows and width <= columns
    return taps(rows, height, interp, shrinks), taps(columns, width, interp, shrinks)


def check_interp(name: str, interp: int) -> None:
    """Refuse what is no method of interpolation.

    Examples
    --------
    >>> from microlazy.ops.interpolation import check_interp
    >>> check_interp("resize", 1)
    """
    if interp not in range(5):
        raise MXNetError(
            f"{name}: interp must be 0 (nearest), 1 (bilinear), 2 (bicubic), 3 (area) or 4 "
            f"(Lanczos), but it is {interp!r}"
        )


def resized(x: numpy.ndarray, height: int, width: int, interp: int = LINEAR) -> numpy.ndarray:
    """Images of shape (..., height, width, channels) in another size, of their own dtype.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.ops.interpolation import resized
    >>> resized(numpy.array([[[0], [100]]], "uint8"), 1, 4).ravel()
    array([  0,  25,  75, 100], dtype=uint8)
    """
    rows, columns = x.shape[-3:-1]
    if (rows, columns) == (height, width):
        return x.copy()
    if interp == LINEAR and (rows, columns) == (2 * height, 2 * width):
        interp = AREA  # the same mean of four, which OpenCV rounds in another way
    down, across = taps_of(x.shape, height, width, interp)
    if interp == NEAREST:
        return x.take(down.places[:, 0], -3).take(across.places[:, 0], -2)
    if x.dtype == numpy.uint8:
        return _bytes(x, down, across, interp == AREA and height <= rows and width <= columns)
    return _summed(_summed(x, across, -2), down, -3)


def _summed(x: numpy.ndarray, taps: Taps, axis: int) -> numpy.ndarray:
    """The weighted sums along an axis, of x's dtype."""
    *batch, rows, columns, channels = x.shape
    places, weights = taps.places, taps.weights.astype(x.dtype)
    if axis == -2:
        # NumPy is fast where it need not begin anew for each few channels: one axis for both.
        shape = (*batch, rows, len(places), channels)
        x = x.reshape(*batch, rows, columns * channels)
        places, weights = _interleaved(Taps(places, weights), channels)
        axis = -1
    else:
        shape = (*batch, len(places), columns, channels)
        weights = weights[:, None, None, :]
    total = None
    for i in range(places.shape[1]):
        part = x.take(places[:, i], axis)
        part *= weights[..., i]
        if total is None:
            total = part
        else:
            total += part
    assert total is not None
    return total.reshape(shape)


def _interleaved(taps: Taps, channels: int) -> Taps:
    """The taps of an axis whose places have several channels, each a place of its own."""
    places = taps.places[:, None] * channels + numpy.arange(channels)[:, None]
    return Taps(places.reshape(-1, places.shape[-1]), taps.weights.repeat(channels, 0))


def _bytes(x: numpy.ndarray, down: Taps, across: Taps, means: bool) -> numpy.ndarray:
    """Sums of uint8, rounded as OpenCV rounds them."""
    if means:
        ways = x.shape[-3] / len(down.places), x.shape[-2] / len(across.places)
        if all(way.is_integer() for way in ways):
            return _means(x, int(ways[0]), int(ways[1]))
        sums = _summed(_summed(x.astype("float32"), across, -2), down, -3)
        return numpy.rint(sums).astype("uint8")
    down, across = (
        Taps(t.places, numpy.rint(t.weights * _ONE).astype("int32")) for t in (down, across)
    )
    *batch, rows, columns, channels = x.shape
    if down.places.shape[1] == 2:
        across = _interleaved(across, channels)
        pixels = x.reshape(-1, rows, columns * channels)
        if pixels.strides[-1] != 1:
            pixels = numpy.ascontiguousarray(pixels)
        made = blended(pixels, *(numpy.ascontiguousarray(part) for part in (*down, *across)))
        return made.reshape(*batch, len(down.places), -1, channels)
    wide = _summed(x.astype("int32"), across, -2)
    sums = _summed(wide.astype("float32"), down, -3) * numpy.float32(1 / _ONE**2)
    return numpy.rint(sums).clip(0, 255).astype("uint8")


def _means(x: numpy.ndarray, down: int, across: int) -> numpy.ndarray:
    """Means of uint8 over areas of `down` by `across`."""
    *batch, rows, columns, channels = x.shape
    areas = x.reshape(*batch, rows // down, down, columns // across, across, channels)
    sums = areas.sum(axis=(-4, -2), dtype="int32")
    if down == across == 2:
        return ((sums + 2) >> 2).astype("uint8")
    return numpy.rint(sums.astype("float32") * numpy.float32(1 / (down * across))).astype("uint8")


def spread(g: numpy.ndarray, rows: int, columns: int, interp: int) -> numpy.ndarray:
    """The transpose of `resized`: how much each old pixel counts, weighted with the new ones' g.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.ops.interpolation import LINEAR, spread
    >>> spread(numpy.ones((1, 4, 1)), 1, 2, LINEAR).ravel()
    array([2., 2.])
    """
    height, width = g.shape[-3:-1]
    down, across = taps_of((rows, columns, 1), height, width, interp)
    return _scattered(_scattered(g, down, rows, -3), across, columns, -2)


def _scattered(g: numpy.ndarray, taps: Taps, size: int, axis: int) -> numpy.ndarray:
    matrix = numpy.zeros((size, len(taps.places)), g.dtype)
    numpy.add.at(matrix, (taps.places.T, numpy.arange(len(taps.places))), taps.weights.T)
    return numpy.moveaxis(numpy.tensordot(matrix, g, (1, axis)), 0, axis)
