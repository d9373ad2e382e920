"""Blocks called on symbols: the graph of a network, as MXNet's files have it."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

from ... import ndarray as nd
from ... import symbol as sym
from ...base import MXNetError
from ...name import Prefix
from ...symbol import Symbol
from ...util import is_np_array
from .tree import Tree, where

__all__ = ["functions_of", "graph_of", "symbols_of"]


def functions_of(x: Any) -> Any:
    """The functions that take an array or a symbol: `nd` or `sym`."""
    return sym if isinstance(x, Symbol) else nd


def symbols_of(block: Any, args: tuple[Any, ...]) -> Any:
    """What a hybrid block gives for symbols: symbols, nested as its outputs are."""
    scope = nullcontext() if block.name_scope().transparent else Prefix(block.prefix)
    with scope:
        try:
            if not _has_namespace(block):
                return block.forward(*args)
            parameters = {name: p.var() for name, p in block._reg_params.items()}
            return block.hybrid_forward(sym, *args, **parameters)
        except (TypeError, AttributeError, MXNetError) as error:
            if isinstance(error, MXNetError) and _has_namespace(block):
                raise
            raise MXNetError(
                f"{where(block)} cannot be called on symbols: it computes with functions that take "
                f"arrays; compute in hybrid_forward(self, F, x), with functions of F. Seen: {error}"
            ) from error


def _has_namespace(block: Tree) -> bool:
    """Whether `hybrid_forward` says what the block computes, or `forward`."""
    for kind in type(block).__mro__:
        if "hybrid_forward" in kind.__dict__:
            return kind.__name__ != "HybridBlock"
        if "forward" in kind.__dict__:
            return False
    return False


def graph_of(block: Any) -> tuple[list[Symbol], Symbol]:
    """The inputs of a block, named as MXNet does, and its outputs as one symbol."""
    count = _inputs(block)
    names = ["data"] if count == 1 else [f"data{i}" for i in range(count)]
    inputs = [sym.var(name) for name in names]
    if is_np_array():
        inputs = [x.as_np_ndarray() for x in inputs]
    outputs = list(_flat(block(*inputs)))
    graph = outputs[0] if len(outputs) == 1 else sym.Group(outputs)
    seen = Counter(graph.list_inputs())
    if len(seen) < seen.total():
        doubled = next(name for name, count in seen.items() if count > 1)
        raise MXNetError(
            f"{where(block)} has two parameters or inputs that are named {doubled!r}, which a file "
            "cannot tell apart: give the layers other prefixes"
        )
    return inputs, graph


def _inputs(block: Any) -> int:
    """How many inputs a block must have: the parameters of its forward that have no default."""
    function = block.hybrid_forward if _has_namespace(block) else block.forward
    names = inspect.signature(function).parameters.values()
    needed = [
        p.name
        for p in names
        if p.kind is p.POSITIONAL_OR_KEYWORD and p.default is p.empty
        if p.name not in block._reg_params
    ]
    return max(len(needed) - _has_namespace(block), 1)


def _flat(outputs: Any) -> Iterator[Symbol]:
    if isinstance(outputs, Symbol):
        yield outputs
    elif isinstance(outputs, list | tuple):
        for part in outputs:
            yield from _flat(part)
    elif outputs is not None:
        raise MXNetError(f"a block gave {type(outputs).__name__} for symbols, not symbols")
