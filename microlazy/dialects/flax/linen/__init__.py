"""Flax' linen: networks as descriptions, their parameters as trees outside."""

from typing import TYPE_CHECKING, Any

from . import _functions, _layers, initializers
from ._functions import *  # noqa: F403
from ._layers import *  # noqa: F403
from ._module import Module, Variable, compact

__all__ = [
    "Module",
    "Variable",
    "compact",
    "initializers",
    *_functions.__all__,
    *_layers.__all__,
]


if not TYPE_CHECKING:  # a type checker would take it for a promise

    def __getattr__(name: str) -> Any:
        from .._absent import absent

        raise absent(__name__, name, __all__)
