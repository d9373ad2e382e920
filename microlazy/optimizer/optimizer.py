"""All optimizers under the name that this module has in MXNet."""

from .adaptive import *  # noqa: F403
from .base import *  # noqa: F403
from .descent import *  # noqa: F403
from .large_batch import *  # noqa: F403
from .updater import *  # noqa: F403
