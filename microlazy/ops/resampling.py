"""Images in other sizes: a product with a matrix for rows and one for columns.

Each row of a matrix says how much the old pixels count for a new one; so the gradient is the
product with the transposed matrices, and there is nothing else to derive.
"""

import math
from typing import Any, TypeVar

import numpy

from microlazy.base import MXNetError, ShapeError
from microlazy.core import functions as f
from microlazy.core.tensor import Tensor
from microlazy.ops.arguments import need_arrays, op
from microlazy.ops.convolution import deconvolution
from microlazy.ops.precision import at_least_single

A = TypeVar("A", bound=Tensor)


def _resampled(data: A, rows: numpy.ndarray, columns: numpy.ndarray) -> A:
    batch, channels, height, width = data.shape
    face, dtype = f.face_of(data), data.dtype
    wide = f.dot(f.reshape(data, (-1, width)), f.to_array(face, columns.T.copy(), dtype))
    wide = f.reshape(wide, (batch * channels, height, -1))
    weights = f.to_array(face, numpy.broadcast_to(rows, (batch * channels, *rows.shape)), dtype)
    return f.reshape(f.batch_dot(weights, wide), (batch, channels, len(rows), len(columns)))


def _need_images(op: str, data: Tensor) -> None:
    if data.ndim != 4:
        raise ShapeError(f"{op}: the data must have 4 axes (NCHW), but its shape is {data.shape}")


# ---- mean over areas -----------------------------------------------------------------------------


def _areas(old: int, new: int) -> numpy.ndarray:
    """Means over areas that cover the axis: place i from floor(i n / m) to ceil((i + 1) n / m)."""
    matrix = numpy.zeros((new, old))
    for i in range(new):
        first, last = i * old // new, -(-(i + 1) * old // new)
        matrix[i, first:last] = 1 / (last - first)
    return matrix


@op
@at_least_single
def adaptive_average(data: Tensor, output_size: Any = ()) -> Tensor:
    """Average areas so that the result has a given height and width.

    Parameters
    ----------
    data : array, shape (batch, channels, height, width)
    output_size : int or tuple of int
        Height and width, or one number for both; 1 if left out.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.contrib.AdaptiveAvgPooling2D(nd.array([[[[1, 2], [3, 4]]]]), 1).asscalar().item()
    2.5
    """
    _need_images("AdaptiveAvgPooling2D", data)
    sizes = (output_size,) if isinstance(output_size, int) else tuple(output_size) or (1,)
    if len(sizes) > 2 or min(sizes) < 1:
        raise MXNetError(f"AdaptiveAvgPooling2D: output_size is 1 or 2 sizes, not {output_size!r}")
    height, width = data.shape[2:]
    return _resampled(data, _areas(height, sizes[0]), _areas(width, sizes[-1]))


# ---- linear between pixels -----------------------------------------------------------------------


def _between(old: int, new: int, align_corners: bool) -> numpy.ndarray:
    """Weights of the two old pixels on both sides of each new one."""
    if align_corners:
        places = numpy.arange(new) * ((old - 1) / (new - 1) if new > 1 else 0.0)
    else:
        places = numpy.maximum((numpy.arange(new) + 0.5) * (old / new) - 0.5, 0)
    first = places.astype(int)
    share = places - first
    matrix = numpy.zeros((new, old))
    numpy.add.at(matrix, (numpy.arange(new), first), 1 - share)
    numpy.add.at(matrix, (numpy.arange(new), numpy.minimum(first + 1, old - 1)), share)
    return matrix


def _even(n: int, step: int) -> int:
    return n if n % 2 == 0 else n + step


def _odd(n: int, step: int) -> int:
    return n if n % 2 else n + step


RESIZED = {
    "to_even_down": lambda n: _even(n, -1),
    "to_even_up": lambda n: _even(n, 1),
    "to_odd_down": lambda n: _odd(n, -1),
    "to_odd_up": lambda n: _odd(n, 1),
}


def _new_sizes(
    data: Tensor,
    like: Tensor | None,
    size: tuple[int, int],
    scales: tuple[float | None, float | None],
    mode: str,
) -> list[int]:
    old = data.shape[2:]
    if mode == "like":
        if like is None or like.ndim != 4:
            raise MXNetError("BilinearResize2D: mode 'like' needs an array `like` with 4 axes")
        return list(like.shape[2:])
    if mode in RESIZED:
        return [RESIZED[mode](n) for n in old]
    if mode not in ("size", "odd_scale"):
        raise MXNetError(f"BilinearResize2D: unknown mode {mode!r}")
    if scales == (None, None):
        return list(size)
    if None in scales:
        raise MXNetError("BilinearResize2D: give scale_height and scale_width, or neither")
    odd = mode == "odd_scale"
    return [
        int((n - 1) * scale) + 1 if odd and n % 2 else int(n * scale)
        for n, scale in zip(old, scales, strict=True)
        if scale is not None
    ]


@op
@at_least_single
def bilinear(
    data: Tensor,
    like: Tensor | None = None,
    height: int = 1,
    width: int = 1,
    scale_height: float | None = None,
    scale_width: float | None = None,
    mode: str = "size",
    align_corners: bool = True,
) -> Tensor:
    """Resize images, linear between pixels.

    Parameters
    ----------
    data : array, shape (batch, channels, height, width)
    like : array, optional
        For mode "like": an array with 4 axes of which the last two are the new size.
    height, width : int
        The new size, unless scales are given.
    scale_height, scale_width : float, optional
    mode : str
        "size", "odd_scale" (odd sizes stay odd), "like", or "to_even_down", "to_even_up",
        "to_odd_down", "to_odd_up" (one pixel more or less where needed).
    align_corners : bool
        Whether the centers of the corner pixels stay where they are, or the corners of the image.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.contrib.BilinearResize2D(nd.array([[[[1, 3]]]]), height=1, width=3).asnumpy()
    array([[[[1., 2., 3.]]]], dtype=float32)
    """
    _need_images("BilinearResize2D", data)
    height, width = _new_sizes(data, like, (height, width), (scale_height, scale_width), mode)
    if height < 1 or width < 1:
        raise MXNetError(f"BilinearResize2D: the new size must be positive, not {(height, width)}")
    rows = _between(data.shape[2], height, align_corners)
    return _resampled(data, rows, _between(data.shape[3], width, align_corners))


# ---- by whole numbers ----------------------------------------------------------------------------


def _nearest(data: A, scale: int) -> A:
    """Each pixel `scale` times in both directions."""
    batch, channels, height, width = data.shape
    wide = f.reshape(data, (batch, channels, height, 1, width, 1))
    wide = f.broadcast_to(wide, (batch, channels, height, scale, width, scale))
    return f.reshape(wide, (batch, channels, height * scale, width * scale))


@op
def upsampling(
    *data: Tensor,
    scale: int,
    sample_type: str,
    num_filter: int = 0,
    multi_input_mode: str = "concat",
    num_args: int | None = None,
    workspace: int = 512,
) -> Tensor:
    """Enlarge images by a whole number.

    Parameters
    ----------
    *data : array, shape (batch, channels, height, width)
        Several for "nearest": all get the size of the first. For "bilinear" the image and a weight
        of shape (channels, 1, k, k) with k = 2 * scale - scale % 2, as `init.Bilinear` fills it.
    scale : int
    sample_type : {'nearest', 'bilinear'}
    num_filter : int
        The number of channels, for "bilinear".
    multi_input_mode : {'concat', 'sum'}
        Whether several are joined along the channels or added.
    num_args : int, optional
        How many arrays were given.
    workspace : int
        Of no effect.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.UpSampling(nd.ones((1, 1, 2, 2)), scale=2, sample_type="nearest").shape
    (1, 1, 4, 4)
    """
    need_arrays(data, num_args)
    return _upsampled(
        *data,
        scale=scale,
        sample_type=sample_type,
        num_filter=num_filter,
        multi_input_mode=multi_input_mode,
    )


@at_least_single
def _upsampled(
    first: A,
    *others: A,
    scale: int,
    sample_type: str,
    num_filter: int,
    multi_input_mode: str,
) -> A:
    _need_images("UpSampling", first)
    if scale < 1:
        raise MXNetError(f"UpSampling: scale must be at least 1, not {scale}")
    if sample_type == "bilinear":
        if len(others) != 1:
            raise MXNetError("UpSampling: sample_type 'bilinear' takes data and a weight")
        kernel, channels = 2 * scale - scale % 2, num_filter or first.shape[1]
        pad = math.ceil((scale - 1) / 2)
        shape = (kernel, scale, 1, pad, None, None, channels, channels, True, None)
        return deconvolution(first, others[0], None, *shape)
    if sample_type != "nearest":
        raise MXNetError(f"UpSampling: sample_type is 'nearest' or 'bilinear', not {sample_type!r}")
    height = first.shape[2] * scale
    grown = []
    for x in (first, *others):
        if x.ndim != 4 or height % x.shape[2]:
            raise ShapeError(f"UpSampling: an input of shape {x.shape} cannot have height {height}")
        grown.append(_nearest(x, height // x.shape[2]))
    if multi_input_mode == "concat":
        return f.concatenate(grown, axis=1) if len(grown) > 1 else grown[0]
    if multi_input_mode != "sum":
        raise MXNetError(
            f"UpSampling: multi_input_mode is 'concat' or 'sum', not {multi_input_mode!r}"
        )
    total = grown[0]
    for x in grown[1:]:
        total = total + x
    return total
