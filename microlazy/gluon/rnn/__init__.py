"""Recurrent networks: layers over whole sequences, and cells that make one step."""

from typing import TYPE_CHECKING, Any

from . import rnn_cell, rnn_layer
from .rnn_cell import *  # noqa: F403
from .rnn_layer import *  # noqa: F403

__all__ = [*rnn_cell.__all__, *rnn_layer.__all__]


if not TYPE_CHECKING:  # a type checker would take it for a promise

    def __getattr__(name: str) -> Any:
        from ...foreign import missing

        raise missing(__name__, name, __all__)
