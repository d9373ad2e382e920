"""Flax' and JAX' names: networks as descriptions, parameters as trees, keys for what is random.

``from flax import linen as nn`` becomes ``from microlazy.dialects.flax import linen as nn``, and
``import jax`` becomes ``from microlazy.dialects.flax import jax``.
"""

from typing import TYPE_CHECKING, Any

from . import errors, jax, linen

__all__ = ["errors", "jax", "linen"]


if not TYPE_CHECKING:  # a type checker would take it for a promise

    def __getattr__(name: str) -> Any:
        from ._absent import absent

        raise absent(__name__, name, __all__)
