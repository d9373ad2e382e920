"""The part of JAX that stands around Flax: keys, trees, gradients; `numpy` is microlazy's."""

from typing import TYPE_CHECKING

from .._absent import teller
from . import errors, nn, numpy, random, tree, tree_util
from .compilation import block_until_ready, jit
from .gradients import ShapeDtypeStruct, eval_shape, grad, value_and_grad
from .tree_util import tree_leaves, tree_map

__all__ = [
    "ShapeDtypeStruct",
    "block_until_ready",
    "errors",
    "eval_shape",
    "grad",
    "jit",
    "nn",
    "numpy",
    "random",
    "tree",
    "tree_leaves",
    "tree_map",
    "tree_util",
    "value_and_grad",
]


if not TYPE_CHECKING:  # a type checker would take it for a promise
    __getattr__ = teller(__name__, __all__)
