"""Keras' names: layers that are built on their first call, models that are compiled and fitted.

Everything is Gluon's underneath: layers are blocks, weights are parameters, gradients come from
the tape. ``import keras`` becomes ``from microlazy.dialects import keras``, and
``import tensorflow as tf`` becomes ``from microlazy.dialects.keras import tf``.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from . import _carrying as _carrying
from . import (
    activations,
    callbacks,
    initializers,
    layers,
    losses,
    metrics,
    models,
    optimizers,
    utils,
)
from ._variable import Variable
from .layers import Input, Layer
from .models import Model, Sequential

if TYPE_CHECKING:
    from . import tf as tf

__all__ = [
    "Input",
    "Layer",
    "Model",
    "Sequential",
    "Variable",
    "activations",
    "callbacks",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "models",
    "optimizers",
    "tf",
    "utils",
]


if not TYPE_CHECKING:  # a type checker would take it for a promise

    def __getattr__(name: str) -> Any:
        if name == "tf":  # it stands on this module
            return import_module(f"{__name__}.tf")
        from ._absent import teller

        return teller(__name__, __all__)(name)
