"""The part of TensorFlow that stands around Keras: arrays, their functions and gradients.

Arrays are `microlazy.np.ndarray`; functions take variables of layers too.
"""

from typing import TYPE_CHECKING

from ... import keras
from .._absent import teller
from . import arrays, nn, random
from .arrays import *  # noqa: F403
from .gradients import GradientTape

__all__ = ["GradientTape", "keras", "nn", "random", *arrays.__all__]


if not TYPE_CHECKING:  # a type checker would take it for a promise
    __getattr__ = teller(__name__, __all__)
