"""Encoded images, as NumPy arrays: Pillow reads and writes them."""

import contextlib
import io
from collections.abc import Iterator
from typing import Any

import numpy

from .base import MXNetError

EXTENSIONS = (".jpg", ".jpeg", ".png")  # of the images in a folder


def pillow() -> Any:
    """The module `PIL.Image`; an error that says how to install it if it is missing.

    Examples
    --------
    >>> from microlazy.pictures import pillow
    >>> pillow().__name__
    'PIL.Image'
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(
            "images are read and written by Pillow, which is not installed: "
            "pip install 'microlazy[image]'"
        ) from error
    return Image


def decode(content: Any, color: bool = True, rgb: bool = True, name: str = "") -> numpy.ndarray:
    """Decode an image.

    Parameters
    ----------
    content : bytes-like
        JPEG, PNG, or what else Pillow reads. Transparency is dropped, and so is the orientation
        in the metadata.
    color : bool
        Three channels, else one of gray.
    rgb : bool
        In the order red, green, blue; else blue, green, red, as OpenCV has them.
    name : str
        Of the file, for the error.

    Returns
    -------
    numpy.ndarray, shape (height, width, 3 or 1), uint8

    Raises
    ------
    MXNetError
        If it is no image, or damaged.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.pictures import decode, encode
    >>> decode(encode(numpy.full((2, 3, 3), 7, "uint8"), ".png")).shape
    (2, 3, 3)
    """
    with _opened(content, name) as image:
        pixels = _pixels(image, "RGB" if color else "L")
    if not color:
        return pixels[..., None]
    return pixels if rgb else numpy.ascontiguousarray(pixels[..., ::-1])


@contextlib.contextmanager
def _opened(content: Any, name: str = "") -> Iterator[Any]:
    """An image of Pillow; what goes wrong with it, then or later, is an MXNetError."""
    image_module = pillow()
    try:
        with image_module.open(io.BytesIO(content)) as image:
            yield image
    except (OSError, ValueError, SyntaxError, image_module.DecompressionBombError) as error:
        what = name or f"{len(content)} bytes"
        unknown = type(error).__name__ == "UnidentifiedImageError"  # its text names an object
        why = "its first bytes are those of no format" if unknown else error
        raise MXNetError(f"{what}: not an image that Pillow can read, or damaged: {why}") from error


def _pixels(image: Any, mode: str) -> numpy.ndarray:
    if mode == "L" and image.format == "JPEG":
        image.draft("L", image.size)  # the luminance as the file has it
    if image.mode.startswith("I") or image.mode == "F":  # wider than a byte
        wide = numpy.asarray(image)
        gray = (wide >> 8 if wide.dtype.kind in "iu" else wide).clip(0, 255)
        image = pillow().fromarray(gray.astype("uint8"))
    return numpy.array(image if image.mode == mode else image.convert(mode))


def decode_as_is(content: Any) -> numpy.ndarray:
    """Decode an image with the channels that it has, in OpenCV's order.

    Returns
    -------
    numpy.ndarray, uint8
        Of shape (height, width) if it is gray, else (height, width, 3 or 4): blue, green, red,
        and transparency where there is one.

    Raises
    ------
    MXNetError
        If it is no image, or damaged.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.pictures import decode_as_is, encode
    >>> decode_as_is(encode(numpy.zeros((2, 3), "uint8"), ".png")).shape
    (2, 3)
    """
    with _opened(content) as image:
        if image.mode.startswith("I") or image.mode in ("1", "F", "L"):
            return _pixels(image, "L")
        if image.mode in ("LA", "PA", "RGBA"):
            return _pixels(image, "RGBA")[..., [2, 1, 0, 3]]
        return numpy.ascontiguousarray(_pixels(image, "RGB")[..., ::-1])


def read(path: Any, color: bool = True, rgb: bool = True) -> numpy.ndarray:
    """Decode the image of a file, as `decode` does."""
    with open(path, "rb") as file:
        return decode(file.read(), color, rgb, str(path))


def encode(pixels: numpy.ndarray, extension: str, quality: int = 95, rgb: bool = True) -> bytes:
    """Encode an image.

    Parameters
    ----------
    pixels : numpy.ndarray, uint8
        Of shape (height, width), (height, width, 1) or (height, width, 3).
    extension : str
        ".jpg", ".jpeg" or ".png".
    quality : int
        Of JPEG from 1 to 100; for PNG from 1 to 9, how much time to take to make it small.
    rgb : bool
        Whether three channels are red, green, blue; else blue, green, red.

    Raises
    ------
    MXNetError
        If it cannot be encoded so.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.pictures import encode
    >>> encode(numpy.zeros((2, 3), "uint8"), ".png")[1:4]
    b'PNG'
    """
    image_module = pillow()
    kind = {".jpg": "JPEG", ".jpeg": "JPEG", ".png": "PNG"}.get(extension.lower())
    if kind is None:
        raise MXNetError(f"an image is written as .jpg, .jpeg or .png, not {extension!r}")
    pixels = numpy.asarray(pixels)
    if pixels.ndim == 3 and pixels.shape[-1] == 1:
        pixels = pixels[..., 0]
    if pixels.dtype != numpy.uint8 or pixels.ndim not in (2, 3) or 0 in pixels.shape or (
        pixels.ndim == 3 and pixels.shape[-1] != 3
    ):  # fmt: skip
        raise MXNetError(
            "an image to write has shape (height, width), (height, width, 1) or (height, width, 3) "
            f"and dtype uint8, not {pixels.shape} and {pixels.dtype}"
        )
    if pixels.ndim == 3 and not rgb:
        pixels = pixels[..., ::-1]
    options = (
        {"quality": quality} if kind == "JPEG" else {"compress_level": min(max(quality, 0), 9)}
    )
    out = io.BytesIO()
    image_module.fromarray(numpy.ascontiguousarray(pixels)).save(out, kind, **options)
    return out.getvalue()
