"""`mx.nd.image`: images of shape (height, width, channels), or batches of them."""

from typing import Any

import numpy

from microlazy.base import ShapeError
from microlazy.core import functions as _f
from microlazy.core.array import NDArray
from microlazy.ops.arguments import op

__all__ = ["crop", "flip_left_right", "flip_top_bottom", "normalize", "to_tensor"]


def _image(name: str, data: NDArray) -> None:
    if data.ndim not in (3, 4):
        raise ShapeError(
            f"image.{name}: an image has 3 axes and a batch 4, but the shape is {data.shape}"
        )


@op
def to_tensor(data: NDArray) -> NDArray:
    """Turn (height, width, channels) of 0 to 255 into (channels, height, width) of 0 to 1, floats.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.image.to_tensor(nd.array([[[0, 255]]], dtype="uint8")).asnumpy().ravel()
    array([0., 1.], dtype=float32)
    """
    _image("to_tensor", data)
    axes = (2, 0, 1) if data.ndim == 3 else (0, 3, 1, 2)
    floats = data if data.dtype == numpy.float64 else _f.as_dtype(data, "float32")
    return _f.transpose(floats / 255.0, axes)


@op
def normalize(data: NDArray, mean: Any = 0.0, std: Any = 1.0) -> NDArray:
    """Return (x - mean) / std, of images of shape (channels, height, width).

    Parameters
    ----------
    data : NDArray
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
        _f.to_array(_f.face_of(data), numpy.reshape(numbers, (-1, 1, 1)), data.dtype)
        for numbers in (mean, std)
    )
    return (data - mean) / std


@op
def crop(data: NDArray, x: int, y: int, width: int, height: int) -> NDArray:
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


@op
def flip_left_right(data: NDArray) -> NDArray:
    """Return the image mirrored, left for right.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.image.flip_left_right(nd.array([[[1], [2]]])).asnumpy().ravel()
    array([2., 1.], dtype=float32)
    """
    _image("flip_left_right", data)
    return _f.flip(data, -2)


@op
def flip_top_bottom(data: NDArray) -> NDArray:
    """Return the image mirrored, top for bottom.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.image.flip_top_bottom(nd.array([[[1]], [[2]]])).asnumpy().ravel()
    array([2., 1.], dtype=float32)
    """
    _image("flip_top_bottom", data)
    return _f.flip(data, -3)


def __getattr__(name: str) -> Any:
    from microlazy.outside import explain

    raise AttributeError(explain("microlazy.nd.image", name))
