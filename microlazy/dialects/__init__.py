"""Other frameworks' names for microlazy's parameters and operators, each loaded when it is used.

``from microlazy.dialects import torch`` takes the place of ``import torch``.
"""

from .weights import copy_weights

__all__ = ["copy_weights"]
