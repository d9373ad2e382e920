"""Flax' linen: networks as descriptions, their parameters as trees outside."""

from typing import TYPE_CHECKING

from .._absent import teller
from ..jax import nn as _functions
from ..jax.nn import *  # noqa: F403
from . import _layers, _pooling
from ._layers import *  # noqa: F403
from ._module import Module, Variable, compact
from ._pooling import *  # noqa: F403

__all__ = [
    "Module",
    "Variable",
    "compact",
    *_functions.__all__,
    *_layers.__all__,
    *_pooling.__all__,
]


if not TYPE_CHECKING:  # a type checker would take it for a promise
    __getattr__ = teller(__name__, __all__)
