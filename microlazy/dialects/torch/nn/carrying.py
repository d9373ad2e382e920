"""Weights of blocks of other dialects inside of modules, as they are carried to others."""

from __future__ import annotations

from typing import Any

from ...weights import Weight, register, weights_of
from .module import GluonBlock


@register
def _of_gluon_block(network: Any) -> list[Weight] | None:
    """The weights of the block itself, which its own dialect reads."""
    return weights_of(network.block) if isinstance(network, GluonBlock) else None
