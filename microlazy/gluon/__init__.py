"""Gluon: networks, parameters, losses and the trainer."""

# mypy: implicit-reexport

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ..foreign import BLOCK, PARAMETER, give_hints
from . import block, nn, parameter
from .block import Block, HybridBlock
from .parameter import *  # noqa: F403

__all__ = [
    "CompiledStep",
    "Trainer",
    "compile_step",
    "contrib",
    "data",
    "loss",
    "metric",
    "model_zoo",
    "nn",
    "rnn",
    "utils",
    *block.__all__,
    *parameter.__all__,
]

give_hints(block.Block, BLOCK)
give_hints(parameter.Parameter, PARAMETER)

# Modules and members of modules that are imported when they are used.
_LATE_MODULES = (
    "compiled_step",
    "contrib",
    "data",
    "loss",
    "metric",
    "model_zoo",
    "rnn",
    "trainer",
    "utils",
)
_LATE = {
    "CompiledStep": "compiled_step",
    "SymbolBlock": "block",
    "Trainer": "trainer",
    "compile_step": "compiled_step",
}

if TYPE_CHECKING:
    from . import compiled_step, contrib, data, loss, metric, model_zoo, rnn, trainer, utils
    from .block import SymbolBlock
    from .compiled_step import CompiledStep, compile_step
    from .trainer import Trainer
else:  # a type checker would take it for a promise

    def __getattr__(name: str) -> Any:
        if name in _LATE_MODULES:
            return import_module(f"{__name__}.{name}")
        if name in _LATE:
            return getattr(import_module(f"{__name__}.{_LATE[name]}"), name)
        from ..foreign import missing

        raise missing(__name__, name, __all__)

    def __dir__() -> list[str]:
        return sorted({*globals(), *_LATE, *_LATE_MODULES})
