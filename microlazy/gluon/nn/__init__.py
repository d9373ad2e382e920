"""Layers of neural networks."""

from typing import TYPE_CHECKING, Any

from ..block import Block, HybridBlock, SymbolBlock
from . import activations, basic_layers, conv_layers
from .activations import *  # noqa: F403
from .basic_layers import *  # noqa: F403
from .conv_layers import *  # noqa: F403

__all__ = [
    "Block",
    "HybridBlock",
    "SymbolBlock",
    *activations.__all__,
    *basic_layers.__all__,
    *conv_layers.__all__,
]


if not TYPE_CHECKING:  # a type checker would take it for a promise

    def __getattr__(name: str) -> Any:
        from ...foreign import missing

        raise missing(__name__, name, __all__)
