"""`mx.image`: images read, decoded, resized, cut and augmented. Pillow reads the files."""

from . import augmenters, detection, functions, iterator
from .augmenters import *  # noqa: F403
from .detection import *  # noqa: F403
from .functions import *  # noqa: F403
from .iterator import *  # noqa: F403

__all__ = [*augmenters.__all__, *detection.__all__, *functions.__all__, *iterator.__all__]
