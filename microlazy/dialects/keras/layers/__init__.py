"""Layers by Keras' names."""

from typing import TYPE_CHECKING

from .._absent import teller
from .._layer import Layer
from . import core, normalization, recurrent, windows
from .core import *  # noqa: F403
from .normalization import *  # noqa: F403
from .recurrent import *  # noqa: F403
from .windows import *  # noqa: F403

AvgPool2D = windows.AveragePooling2D
MaxPool2D = windows.MaxPooling2D

__all__ = [
    "AvgPool2D",
    "Layer",
    "MaxPool2D",
    *core.__all__,
    *normalization.__all__,
    *recurrent.__all__,
    *windows.__all__,
]


if not TYPE_CHECKING:  # a type checker would take it for a promise
    __getattr__ = teller(__name__, __all__)
