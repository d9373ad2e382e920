"""Where MXNet's programs look for convolutions, pooling and the layers of images."""

from . import _convolution, _images, _pooling
from ._convolution import *  # noqa: F403
from ._images import *  # noqa: F403
from ._pooling import *  # noqa: F403

__all__ = [*_convolution.__all__, *_images.__all__, *_pooling.__all__]
