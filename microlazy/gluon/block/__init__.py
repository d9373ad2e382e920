"""Blocks: a layer or a network, as a tree of parameters and child blocks."""

from typing import TYPE_CHECKING, Any

from .block import Block
from .hybrid import HybridBlock
from .nested import flatten as _flatten  # by MXNet's names, which programs import
from .nested import regroup as _regroup

__all__ = ["Block", "HybridBlock", "SymbolBlock"]

# Messages, pickles and printed types name the module that MXNet's programs import from.
for _public in (Block, HybridBlock):
    _public.__module__ = __name__

if TYPE_CHECKING:
    from .symbol import SymbolBlock
else:  # a type checker would take it for a promise

    def __getattr__(name: str) -> Any:
        if name == "SymbolBlock":  # with symbols, which few programs use
            from .symbol import SymbolBlock

            SymbolBlock.__module__ = __name__
            return globals().setdefault(name, SymbolBlock)
        from ...foreign import missing

        raise missing(__name__, name, __all__)
