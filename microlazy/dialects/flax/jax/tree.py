"""jax.tree: the functions of `jax.tree_util` by their short names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._absent import teller
from .tree_util import tree_flatten as flatten
from .tree_util import tree_leaves as leaves
from .tree_util import tree_map as map  # noqa: A004
from .tree_util import tree_reduce as reduce
from .tree_util import tree_structure as structure
from .tree_util import tree_unflatten as unflatten

__all__ = ["flatten", "leaves", "map", "reduce", "structure", "unflatten"]

if not TYPE_CHECKING:  # a type checker would take it for a promise
    __getattr__ = teller(__name__, __all__)
