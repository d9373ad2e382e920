"""Gluon: networks, parameters, losses and the trainer."""

from typing import TYPE_CHECKING, Any

from ..foreign import BLOCK, PARAMETER, TRAINER, give_hints
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

give_hints(block.Block, BLOCK)
give_hints(trainer.Trainer, TRAINER)
give_hints(parameter.Parameter, PARAMETER)


if not TYPE_CHECKING:  # a type checker would take it for a promise

    def __getattr__(name: str) -> Any:
        from ..foreign import missing

        raise missing(__name__, name, __all__)
