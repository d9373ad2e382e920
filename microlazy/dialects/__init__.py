"""Other frameworks' names for microlazy's parameters and operators, each loaded when it is used.

``from microlazy.dialects import torch`` takes the place of ``import torch``, `keras` and `flax` of
theirs.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .weights import copy_weights

__all__ = ["copy_weights", "flax", "keras", "torch"]

_DIALECTS = ("flax", "keras", "torch")

if TYPE_CHECKING:
    from microlazy.dialects import flax, keras, torch
else:  # a type checker would take it for a promise

    def __getattr__(name: str) -> Any:
        if name in _DIALECTS:
            return import_module(f"{__name__}.{name}")
        from microlazy.foreign import missing

        raise missing(__name__, name, __all__)
