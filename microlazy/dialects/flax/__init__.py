"""Flax' and JAX' names: networks as descriptions, parameters as trees, keys for what is random.

``from flax import linen as nn`` becomes ``from microlazy.dialects.flax import linen as nn``, and
``import jax`` becomes ``from microlazy.dialects.flax import jax``.
"""

from typing import TYPE_CHECKING

from . import bridge, carrying, d2l, errors, jax, linen
from ._absent import teller

__all__ = ["bridge", "carrying", "d2l", "errors", "jax", "linen"]


if not TYPE_CHECKING:  # a type checker would take it for a promise
    __getattr__ = teller(__name__, __all__)
