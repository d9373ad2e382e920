"""jax.errors: what a function under `jit` must not do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ....base import MXNetError
from .._absent import teller

__all__ = ["ConcretizationTypeError", "TracerBoolConversionError", "UnexpectedTracerError"]


class ConcretizationTypeError(TypeError, MXNetError):
    """A function under `jit` looked at the value of an array that stands for any value."""


class TracerBoolConversionError(ConcretizationTypeError):
    """A function under `jit` decided by the value of an array, as in ``if x > 0``."""


class UnexpectedTracerError(TypeError, MXNetError):
    """A function under `jit` kept an array, which has no value, beyond its call."""


if not TYPE_CHECKING:  # a type checker would take it for a promise
    __getattr__ = teller(__name__, __all__)
