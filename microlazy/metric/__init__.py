"""`mx.metric`: how good predictions are, summed up batch by batch."""

from .. import ndarray  # noqa: F401  (MXNet's programs import it from here)
from . import base, classification, combined, correlation, losses, probabilities, regression
from .base import *  # noqa: F403
from .classification import *  # noqa: F403
from .combined import *  # noqa: F403
from .correlation import *  # noqa: F403
from .losses import *  # noqa: F403
from .probabilities import *  # noqa: F403
from .regression import *  # noqa: F403

__all__ = [
    *base.__all__,
    *classification.__all__,
    *combined.__all__,
    *correlation.__all__,
    *losses.__all__,
    *probabilities.__all__,
    *regression.__all__,
]
