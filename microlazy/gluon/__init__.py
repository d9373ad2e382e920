"""Gluon: networks, parameters, losses and the trainer."""

from . import block, loss, nn, parameter, trainer, utils
from .block import *  # noqa: F403
from .parameter import *  # noqa: F403
from .trainer import *  # noqa: F403

__all__ = [
    "loss",
    "nn",
    "utils",
    *block.__all__,
    *parameter.__all__,
    *trainer.__all__,
]
