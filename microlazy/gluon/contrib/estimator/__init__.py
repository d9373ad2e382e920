"""The training loop: `Estimator`, and handlers of what happens in it."""

from . import batch_processor, estimator, event_handler, records
from .batch_processor import *  # noqa: F403
from .estimator import *  # noqa: F403
from .event_handler import *  # noqa: F403
from .records import *  # noqa: F403

__all__ = [
    *batch_processor.__all__,
    *estimator.__all__,
    *event_handler.__all__,
    *records.__all__,
]
