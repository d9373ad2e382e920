"""Blocks: a layer or a network, as a tree of parameters and child blocks."""

from .block import Block
from .hybrid import HybridBlock
from .nested import flatten as _flatten  # by MXNet's names, which programs import
from .nested import regroup as _regroup
from .symbol import SymbolBlock

__all__ = ["Block", "HybridBlock", "SymbolBlock"]

# Messages, pickles and printed types name the module that MXNet's programs import from.
for _public in (Block, HybridBlock, SymbolBlock):
    _public.__module__ = __name__
