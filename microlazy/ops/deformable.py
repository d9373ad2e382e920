"""Convolutions whose windows are shifted by learned, fractional offsets (Dai et al. 2017)."""

import math
from typing import Any, TypeVar

import numpy

from microlazy.base import MXNetError, ShapeError
from microlazy.core import functions as f
from microlazy.core.tensor import Tensor
from microlazy.ops.arguments import op
from microlazy.ops.checks import as_tuple, check_tuning, required

A = TypeVar("A", bound=Tensor)
Pair = tuple[int, ...]


@op
def deformable_convolution(
    data: A,
    offset: A,
    weight: A,
    bias: A | None = None,
    kernel: Any = None,
    stride: Any = (),
    dilate: Any = (),
    pad: Any = (),
    num_filter: int | None = None,
    num_group: int = 1,
    num_deformable_group: int = 1,
    no_bias: bool = False,
    layout: str | None = None,
    **tuning: Any,
) -> A:
    """Convolve images, with each place of each window shifted by an offset.

    Parameters
    ----------
    data : array, shape (batch, channels, height, width)
    offset : array, shape (batch, num_deformable_group * places * 2, rows, columns)
        For each group of channels, each place of the window and each window, how far down and how
        far across the place is shifted.
    weight : array, shape ``(num_filter, channels / num_group, *kernel)``
    bias : array, shape (num_filter,), optional
    kernel, stride, dilate, pad : int or tuple of 2 int
        Of the windows, as in a convolution.
    num_filter : int
    num_group : int
        The channels are divided into this many groups, which do not see each other.
    num_deformable_group : int
        The channels are divided into this many groups with shifts of their own.
    no_bias : bool
    layout : {None, 'NCHW'}
    **tuning
        Of no effect: `workspace`.

    Returns
    -------
    array, shape (batch, num_filter, rows, columns)

    Raises
    ------
    ShapeError
        If an array does not suit the windows.
    MXNetError
        If an option is no size.

    Notes
    -----
    Between pixels the images are interpolated; beyond the edge they are 0. Dai et al.,
    "Deformable convolutional networks", 2017.

    Examples
    --------
    >>> from microlazy import nd
    >>> x, w = nd.array([[[[1, 2], [3, 4]]]]), nd.ones((1, 1, 1, 1))
    >>> across = nd.array([0, 0.5]).reshape((1, 2, 1, 1)) * nd.ones((1, 2, 2, 1))
    >>> options = {"kernel": (1, 1), "num_filter": 1, "no_bias": True}
    >>> nd.contrib.DeformableConvolution(x[:, :, :, :1], 0 * across, w, **options).asnumpy()
    array([[[[1.],
             [3.]]]], dtype=float32)
    """
    check_tuning("deformable_convolution", tuning)
    options = _options("deformable_convolution", kernel, stride, dilate, pad, layout)
    groups = (num_group, num_deformable_group)
    return _convolved(data, offset, None, weight, None if no_bias else bias, options, groups)


@op
def modulated_deformable_convolution(
    data: A,
    offset: A,
    mask: A,
    weight: A,
    bias: A | None = None,
    kernel: Any = None,
    stride: Any = (),
    dilate: Any = (),
    pad: Any = (),
    num_filter: int | None = None,
    num_group: int = 1,
    num_deformable_group: int = 1,
    no_bias: bool = False,
    im2col_step: int = 64,
    layout: str | None = None,
    **tuning: Any,
) -> A:
    """Convolve images, with each place of each window shifted and multiplied by a factor.

    Parameters
    ----------
    data, offset, weight, bias
        As in `deformable_convolution`.
    mask : array, shape (batch, num_deformable_group * places, rows, columns)
        The factors.
    kernel, stride, dilate, pad, num_filter, num_group, num_deformable_group, no_bias, layout
        As in `deformable_convolution`.
    im2col_step, **tuning
        Of no effect.

    Returns
    -------
    array, shape (batch, num_filter, rows, columns)

    Notes
    -----
    Pixels fade out over one place beyond the edge. Zhu et al., "Deformable ConvNets v2", 2019.

    Examples
    --------
    >>> from microlazy import nd
    >>> x, w, shifts = nd.ones((1, 1, 2, 1)), nd.ones((1, 1, 1, 1)), nd.zeros((1, 2, 2, 1))
    >>> options = {"kernel": (1, 1), "num_filter": 1, "no_bias": True}
    >>> nd.contrib.ModulatedDeformableConvolution(x, shifts, 2 * x, w, **options).asnumpy().ravel()
    array([2., 2.], dtype=float32)
    """
    check_tuning("modulated_deformable_convolution", tuning)
    options = _options("modulated_deformable_convolution", kernel, stride, dilate, pad, layout)
    groups = (num_group, num_deformable_group)
    return _convolved(data, offset, mask, weight, None if no_bias else bias, options, groups)


def _options(
    name: str, kernel: Any, stride: Any, dilate: Any, pad: Any, layout: str | None
) -> dict[str, Pair]:
    """Two sizes of each kind."""
    if layout not in (None, "NCHW"):
        raise MXNetError(f"{name}: layout must be 'NCHW', not {layout!r}")
    given = {
        "kernel": required(name, "kernel", kernel),
        "stride": stride or 1,
        "dilate": dilate or 1,
        "pad": pad or 0,
    }
    options: dict[str, Pair] = {}
    for key, value in given.items():
        sizes = (value,) * 2 if isinstance(value, int) else as_tuple(value)
        least = 0 if key == "pad" else 1
        if len(sizes) != 2 or min(sizes) < least:
            raise MXNetError(f"{name}: {key} must be two sizes from {least} on, not {value!r}")
        options[key] = sizes
    return options


def _convolved(
    data: A,
    offset: A,
    mask: A | None,
    weight: A,
    bias: A | None,
    options: dict[str, Pair],
    groups: Pair,
) -> A:
    """The convolution at the shifted places: a product of the filters with packed windows."""
    name = "deformable_convolution" if mask is None else "modulated_deformable_convolution"
    if data.ndim != 4 or weight.ndim != 4:
        raise ShapeError(
            f"{name}: data and weight must have 4 axes, but their shapes are {data.shape} and "
            f"{weight.shape}"
        )
    (batch, channels), filters, (parts, shifted) = data.shape[:2], weight.shape[0], groups
    if min(groups) < 1 or channels % parts or channels % shifted or filters % parts:
        raise ShapeError(
            f"{name}: num_group={parts} and num_deformable_group={shifted} must divide "
            f"{channels} channels, and num_group {filters} filters"
        )
    rows, columns = _windows(name, data.shape[2:], options)
    places = math.prod(options["kernel"])
    expected = {"offset": (offset, 2), "mask": (mask, 1)}
    for key, (array, numbers) in expected.items():
        wanted = (batch, shifted * places * numbers, rows, columns)
        if array is not None and array.shape != wanted:
            raise ShapeError(f"{name}: {key} must have shape {wanted}, not {array.shape}")
    shape = (filters, channels // parts, *options["kernel"])
    if weight.shape != shape:
        raise ShapeError(f"{name}: weight must have shape {shape}, not {weight.shape}")
    size = channels // parts * places
    windows = _deformed_windows(data, offset, mask, options, shifted)
    out = f.batch_dot(
        f.reshape(weight, (parts, filters // parts, size)),
        f.reshape(windows, (parts, size, batch * rows * columns)),
    )
    out = f.swapaxes(f.reshape(out, (filters, batch, rows * columns)), 0, 1)
    if bias is not None:
        if bias.shape != (filters,):
            raise ShapeError(f"{name}: bias must have shape {(filters,)}, not {bias.shape}")
        out = out + f.reshape(bias, (1, filters, 1))
    return f.reshape(out, (batch, filters, rows, columns))


def _windows(name: str, sizes: Pair, options: dict[str, Pair]) -> Pair:
    """How many windows there are down and across."""
    counts = tuple(
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, k, s, d, p in zip(sizes, *options.values(), strict=True)
    )
    if min(counts) < 1:
        raise ShapeError(f"{name}: no window of {options} lies on images of {sizes}")
    return counts


def _deformed_windows(x: A, offset: A, mask: A | None, options: dict[str, Pair], groups: int) -> A:
    """The elements of all windows, between the pixels by bilinear interpolation.

    With `mask` pixels fade out over one place beyond the edge; otherwise they are those of the
    edge up to the image's size, and 0 elsewhere.

    The result has shape (channels, places, batch * rows * columns).
    """
    batch, channels, height, width = x.shape
    rows, columns = offset.shape[2:]
    places, per_group = math.prod(options["kernel"]), channels // groups
    shifts = f.reshape(offset, (batch * groups, places, 2, rows * columns))
    flat = (batch * groups, places * rows * columns)
    down, across = (
        f.reshape(f.squeeze(f.slice_axis(shifts, 2, i, i + 1), 2) + _like(x, start), flat)
        for i, start in enumerate(_starts((rows, columns), options))
    )
    reach = 0 if mask is None else -1
    pixels = f.reshape(
        _bordered(x, mask is None), (batch * groups, per_group, (height + 2) * (width + 2))
    )
    pixels = f.swapaxes(pixels, 1, 2)
    inside = _within(down, reach, height) * _within(across, reach, width)
    if mask is not None:
        inside = inside * f.reshape(mask, flat)
    (top, low), (left, right) = _ends(down, height), _ends(across, width)
    total: Any = 0
    for line, near in (top, low):
        for column, close in (left, right):
            weight = near * close * inside
            place = line * (width + 2) + column
            total = total + _gathered(pixels, place) * f.expand_dims(weight, 2)
    total = f.reshape(total, (batch, groups, places, rows * columns, per_group))
    total = f.transpose(total, (1, 4, 2, 0, 3))
    return f.reshape(total, (channels, places, batch * rows * columns))


def _bordered(x: A, repeats: bool) -> A:
    """Images with one more place at each end: the pixel of the edge again, or 0."""
    batch, channels, height, width = x.shape
    if not repeats:
        shape = (batch, channels, height + 2, width + 2)
        return f.placed(x, (0, 0, 1, 1), (1,) * 4, shape)
    for axis in (2, 3):
        last = x.shape[axis] - 1
        x = f.take(x, _indices(x, numpy.clip(numpy.arange(-1, last + 2), 0, last)), axis)
    return x


def _starts(counts: Pair, options: dict[str, Pair]) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Where each place of each window lies without a shift: (places, windows), for both axes."""
    axes = [
        numpy.arange(k)[:, None] * d + numpy.arange(n) * s - p
        for n, k, s, d, p in zip(counts, *options.values(), strict=True)
    ]
    whole = (*options["kernel"], *counts)
    down = numpy.broadcast_to(axes[0][:, None, :, None], whole)
    across = numpy.broadcast_to(axes[1][None, :, None, :], whole)
    flat = (math.prod(options["kernel"]), math.prod(counts))
    return down.reshape(flat), across.reshape(flat)


def _like(x: A, values: numpy.ndarray) -> Any:
    return f.from_numpy_result(f.face_of(x), values, x.dtype)


def _indices(x: A, values: numpy.ndarray) -> Any:
    return f.from_numpy_result(f.face_of(x), values, "int64")


def _within(position: A, reach: int, size: int) -> A:
    """1 where a position lies on the image, else 0."""
    fixed = f.detach(position)
    above = fixed >= 0 if reach == 0 else fixed > reach
    return f.as_dtype(above, position.dtype) * f.as_dtype(fixed < size, position.dtype)


def _ends(position: A, size: int) -> tuple[tuple[A, A], tuple[A, A]]:
    """The two places in the padded image around a position, and how near it is to each."""
    floor = f.clip(f.unary_op("floor", f.detach(position)), -1, size - 1)
    beyond, place = f.clip(position - floor, 0, 1), f.as_dtype(floor, "int64")
    return (place + 1, 1 - beyond), (place + 2, beyond)


def _gathered(pixels: A, place: A) -> A:
    """The pixels at some places of each image: (images, places, channels)."""
    images, size, channels = pixels.shape
    start = _indices(place, numpy.arange(images)[:, None] * size)
    return f.take(f.reshape(pixels, (images * size, channels)), place + start, 0)
