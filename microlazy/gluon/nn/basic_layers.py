"""Where MXNet's programs look for the layers that every network has."""

from ..block import Block, HybridBlock  # noqa: F401  (they are asked for here too)
from .containers import HybridSequential, Sequential
from .dense import Dense
from .dropout import Dropout
from .functions import Flatten, HybridLambda, Lambda

__all__ = [
    "Dense",
    "Dropout",
    "Flatten",
    "HybridLambda",
    "HybridSequential",
    "Lambda",
    "Sequential",
]
