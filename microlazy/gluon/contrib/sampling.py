"""Windows whose places are shifted by learned, fractional offsets (Dai et al. 2017)."""

from __future__ import annotations

from typing import Any

import numpy

from ... import ndarray as nd
from ... import numpy as np
from ...core.functions import reshape
from ...core.tensor import Tensor

Pair = tuple[int, int]

_F: Any = nd  # its functions take arrays of either type


def deformed_windows(
    x: Tensor,
    offset: Tensor,
    mask: Tensor | None,
    options: dict[str, Any],
    groups: int,
) -> Tensor:
    """The elements of all windows, between the pixels by bilinear interpolation.

    `x` has shape (batch, channels, height, width).  `offset` has a vertical and a horizontal shift
    for each group of channels, each place in the window and each window: shape
    (batch, groups * places * 2, rows, columns).  With `mask`, which has one number for each of
    these places, elements are multiplied by it and pixels fade out over one place beyond the edge;
    otherwise they are those of the edge up to the image's size, and 0 elsewhere.

    The result has shape (channels, places, batch * rows * columns).
    """
    batch, channels, height, width = x.shape
    rows, columns = offset.shape[2:]
    kernel = options["kernel"]
    places, per_group = kernel[0] * kernel[1], channels // groups
    shifts = reshape(offset, (batch * groups, places, 2, rows * columns))
    flat = (batch * groups, places * rows * columns)
    down, across = (
        (_F.squeeze(_F.slice_axis(shifts, axis=2, begin=i, end=i + 1), axis=2) + _like(x, start))
        for i, start in enumerate(_starts((rows, columns), options))
    )
    reach = 0 if mask is None else -1
    edges = "edge" if mask is None else "constant"
    pad = (0, 0, 0, 0, 1, 1, 1, 1)
    padded = _F.pad(x, mode=edges, pad_width=pad)
    pixels = reshape(padded, (batch * groups, per_group, (height + 2) * (width + 2)))
    pixels = _F.swapaxes(pixels, 1, 2)
    down, across = reshape(down, flat), reshape(across, flat)
    inside = _within(down, reach, height) * _within(across, reach, width)
    if mask is not None:
        inside = inside * reshape(mask, flat)
    (top, low), (left, right) = _ends(down, height), _ends(across, width)
    total: Any = 0
    for line, near in (top, low):
        for column, close in (left, right):
            weight = near * close * inside
            place = line * (width + 2) + column
            total = total + _gathered(pixels, place) * _F.expand_dims(weight, 2)
    total = reshape(total, (batch, groups, places, rows * columns, per_group))
    total = _F.transpose(total, (1, 4, 2, 0, 3))
    return reshape(total, (channels, places, batch * rows * columns))


def _starts(counts: Pair, options: dict[str, Any]) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Where each place of each window lies without a shift: (places, windows), for both axes."""
    kernel, stride, dilate, pad = (options[k] for k in ("kernel", "stride", "dilate", "pad"))
    axes = [
        numpy.arange(k)[:, None] * d + numpy.arange(n) * s - p
        for k, n, s, d, p in zip(kernel, counts, stride, dilate, pad, strict=True)
    ]
    whole = (*kernel, *counts)
    down = numpy.broadcast_to(axes[0][:, None, :, None], whole)
    across = numpy.broadcast_to(axes[1][None, :, None, :], whole)
    flat = (kernel[0] * kernel[1], counts[0] * counts[1])
    return down.reshape(flat), across.reshape(flat)


def _like(x: Tensor, values: numpy.ndarray) -> Tensor:
    return (np if isinstance(x, np.ndarray) else nd).array(values, dtype=x.dtype)


def _within(position: Tensor, reach: int, size: int) -> Tensor:
    """1 where a position lies on the image, else 0."""
    fixed = _F.stop_gradient(position)
    above = fixed >= 0 if reach == 0 else fixed > reach
    return above.astype(position.dtype) * (fixed < size).astype(position.dtype)


def _ends(position: Tensor, size: int) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """The two places in the padded image around a position, and how near it is to each."""
    floor = _F.stop_gradient(_F.floor(position)).clip(-1, size - 1)
    beyond = (position - floor).clip(0, 1)
    return (floor + 1, 1 - beyond), (floor + 2, beyond)


def _gathered(pixels: Tensor, place: Tensor) -> Tensor:
    """The pixels at some places of each image: (images, places, channels)."""
    images, count = place.shape
    image = _like(place, numpy.repeat(numpy.arange(images)[:, None], count, 1))
    return _F.gather_nd(pixels, _F.stack(image, place, axis=0))
