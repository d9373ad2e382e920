"""Optimizers: how a gradient changes a weight."""

from ..core.rules import Rule
from . import contrib
from .adaptive import *  # noqa: F403
from .base import *  # noqa: F403
from .descent import *  # noqa: F403
from .large_batch import *  # noqa: F403
from .updater import *  # noqa: F403
