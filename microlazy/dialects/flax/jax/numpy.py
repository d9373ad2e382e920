"""jax.numpy: what `microlazy.np` has."""

from typing import TYPE_CHECKING, Any

from .... import numpy as np
from ....numpy import *  # noqa: F403

if not TYPE_CHECKING:  # a type checker would take it for a promise

    def __getattr__(name: str) -> Any:
        return getattr(np, name)
