"""Images cut to the size of others, and compared with others at shifted places."""

from typing import Any, TypeVar

from microlazy.base import MXNetError, ShapeError
from microlazy.core import functions as f
from microlazy.core.tensor import Tensor
from microlazy.ops.arguments import op
from microlazy.ops.checks import check_arrays

A = TypeVar("A", bound=Tensor)


@op
def crop(
    *data: A,
    num_args: int | None = None,
    offset: Any = (0, 0),
    h_w: Any = (0, 0),
    center_crop: bool = False,
) -> A:
    """Cut images to a size, or to that of other images.

    Parameters
    ----------
    *data : array, shape (batch, channels, height, width)
        The images; and others, whose size is wanted.
    num_args : int, optional
        How many arrays there are.
    offset : tuple of 2 int
        Where the part begins: down and across.
    h_w : tuple of 2 int
        The size, if there are no other images.
    center_crop : bool
        Cut the middle, whatever `offset` is.

    Raises
    ------
    ShapeError
        If the part is not inside the images.

    Examples
    --------
    >>> from microlazy import nd
    >>> x = nd.arange(9).reshape((1, 1, 3, 3))
    >>> nd.Crop(x, offset=(1, 0), h_w=(1, 2)).asnumpy()
    array([[[[3., 4.]]]], dtype=float32)
    """
    if len(data) not in (1, 2) or num_args not in (None, len(data)):
        raise MXNetError(f"Crop: one or two arrays, not {len(data)} with num_args={num_args}")
    check_arrays("Crop", **{f"arg{i}": array for i, array in enumerate(data)})
    for array in data:
        _need_images("Crop", array)
    sizes = tuple(h_w) if len(data) == 1 else data[1].shape[2:]
    whole = data[0].shape[2:]
    starts = tuple((n - size) // 2 for n, size in zip(whole, sizes, strict=True))
    starts = starts if center_crop else tuple(offset)
    parts = zip(starts, sizes, whole, strict=True)
    if not all(start >= 0 and size > 0 and start + size <= n for start, size, n in parts):
        raise ShapeError(
            f"Crop: a part of {sizes} from {starts} is not inside images of {data[0].shape}"
        )
    cut = data[0]
    for axis in (2, 3):
        start = starts[axis - 2]
        cut = f.slice_axis(cut, axis, start, start + sizes[axis - 2])
    return cut.copy() if cut is data[0] else cut


def _need_images(name: str, array: Tensor) -> None:
    if array.ndim != 4:
        raise ShapeError(f"{name}: images have 4 axes (NCHW), but the shape is {array.shape}")


@op
def correlation(
    data1: A,
    data2: A,
    kernel_size: int = 1,
    max_displacement: int = 1,
    stride1: int = 1,
    stride2: int = 1,
    pad_size: int = 0,
    is_multiply: bool = True,
) -> A:
    """Compare windows of images with windows of others, at many displacements.

    Parameters
    ----------
    data1, data2 : array, shape (batch, channels, height, width)
    kernel_size : int
        The size of a window; odd.
    max_displacement : int
        How far windows of `data2` are shifted, to all four sides.
    stride1, stride2 : int
        The steps between windows, and between displacements.
    pad_size : int
        How many zeros there are around the images.
    is_multiply : bool
        Whether products are averaged, or absolute differences.

    Returns
    -------
    array, shape (batch, displacements, rows, columns)

    Raises
    ------
    ShapeError
        If the images differ in shape, or are too small.
    MXNetError
        If a size is none.

    Notes
    -----
    The layer of FlowNet: Fischer et al., "FlowNet: learning optical flow with convolutional
    networks", 2015.

    Examples
    --------
    >>> from microlazy import nd
    >>> x = nd.arange(4).reshape((1, 1, 2, 2))
    >>> nd.Correlation(x, x, max_displacement=0).asnumpy()
    array([[[[0., 1.],
             [4., 9.]]]], dtype=float32)
    """
    check_arrays("Correlation", data1=data1, data2=data2)
    _need_images("Correlation", data1)
    if data1.shape != data2.shape:
        raise ShapeError(f"Correlation: images of shapes {data1.shape} and {data2.shape}")
    if kernel_size % 2 == 0 or min(kernel_size, stride1, stride2) < 1:
        raise MXNetError(
            f"Correlation: kernel_size must be odd, and strides at least 1; got {kernel_size}, "
            f"{stride1} and {stride2}"
        )
    if min(max_displacement, pad_size) < 0:
        raise MXNetError(
            f"Correlation: max_displacement={max_displacement} and pad_size={pad_size} must not "
            "be negative"
        )
    border = max_displacement + kernel_size // 2
    counts = [-(-(n + 2 * (pad_size - border)) // stride1) for n in data1.shape[2:]]
    if min(counts) < 1:
        raise ShapeError(f"Correlation: images of shape {data1.shape} are too small for {border}")
    first, second = (_padded(x, pad_size) for x in (data1, data2))
    reach = max_displacement // stride2
    shifts = [step * stride2 for step in range(-reach, reach + 1)]
    extents = [(count - 1) * stride1 + kernel_size for count in counts]
    start = _part(first, (max_displacement, max_displacement), extents)
    maps = []
    for down in shifts:
        for across in shifts:
            place = (max_displacement + down, max_displacement + across)
            other = _part(second, place, extents)
            pairs = start * other if is_multiply else f.unary_op("abs", start - other)
            maps.append(_summed(f.reduction("sum", pairs, 1), counts, kernel_size, stride1))
    return f.stack(maps, 1) / (kernel_size**2 * data1.shape[1])


def _padded(x: A, width: int) -> A:
    batch, channels, height, wide = x.shape
    shape = (batch, channels, height + 2 * width, wide + 2 * width)
    return f.placed(x, (0, 0, width, width), (1,) * 4, shape)


def _part(x: A, starts: tuple[int, int], sizes: list[int]) -> A:
    for axis, start, size in zip((2, 3), starts, sizes, strict=True):
        x = f.slice_axis(x, axis, start, start + size)
    return x


def _summed(x: A, counts: list[int], kernel: int, stride: int) -> A:
    """The sums over windows of images without channels."""
    rows, columns = ((count - 1) * stride + 1 for count in counts)
    total: Any = 0
    for i in range(kernel):
        for j in range(kernel):
            total = total + x[:, i : i + rows : stride, j : j + columns : stride]
    return total
