"""Gluon: networks, parameters, losses and the trainer."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..foreign import BLOCK, PARAMETER, TRAINER, give_hints
from . import block, compiled_step, loss, nn, parameter, trainer, utils
from .block import *  # noqa: F403
from .compiled_step import *  # noqa: F403
from .parameter import *  # noqa: F403
from .trainer import *  # noqa: F403

__all__ = [
    "contrib",
    "data",
    "loss",
    "metric",
    "model_zoo",
    "nn",
    "rnn",
    "utils",
    *block.__all__,
    *compiled_step.__all__,
    *parameter.__all__,
    *trainer.__all__,
]

give_hints(block.Block, BLOCK)
give_hints(trainer.Trainer, TRAINER)
give_hints(parameter.Parameter, PARAMETER)

if TYPE_CHECKING:
    from . import contrib, data, metric, model_zoo, rnn
else:  # imported when they are used

    def __getattr__(name: str) -> Any:
        if name in ("contrib", "data", "metric", "model_zoo", "rnn"):
            return import_module(f"{__name__}.{name}")
        from ..foreign import missing

        raise missing(__name__, name, __all__)
