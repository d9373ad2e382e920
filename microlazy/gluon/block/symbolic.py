"""Blocks called on symbols: the graph of a network, as MXNet's files have it."""

from __future__ import annotations

import inspect
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any

from ... import ndarray as nd
from ... import symbol as sym
from ...base import MXNetError
from ...name import Prefix
from ...symbol import Symbol
from ...util import is_np_array
from .tree import Tree, where

__all__ = ["functions_of", "graph_of", "shapes_in", "symbols_of"]


def functions_of(x: Any) -> Any:
    """The functions that take an array or a symbol: `nd` or `sym`."""
    return sym if isinstance(x, Symbol) else nd


def symbols_of(block: Any, args: tuple[Any, ...]) -> Any:
    """What a hybrid block gives for symbols: symbols, nested as its outputs are."""
    scope = nullcontext() if block.name_scope().transparent else Prefix(block.prefix)
    with scope:
        function, parameters = block.forward, {}
        if _has_namespace(block):
            function = partial(block.hybrid_forward, sym)
            parameters = {name: p.var() for name, p in block._reg_params.items()}
        try:
            inspect.signature(function).bind(*args, **parameters)
        except TypeError as error:
            raise MXNetError(
                f"{where(block)} cannot be called with {len(args)} inputs: {error}"
            ) from error
        try:
            return function(*args, **parameters)
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


def graph_of(block: Any, shapes: Sequence[Any] | None = None) -> tuple[list[Symbol], Symbol]:
    """The inputs of a block, named as MXNet does, and its outputs as one symbol.

    Parameters
    ----------
    block : HybridBlock
    shapes : sequence of tuple, optional
        Shapes nested as the inputs are; without them there are as many inputs as forward needs.
    """
    places = [()] * _inputs(block) if shapes is None else shapes
    count = sum(1 for _ in shapes_in(places))
    names = iter(["data"] if count == 1 else [f"data{i}" for i in range(count)])
    inputs: list[Symbol] = []

    def variable() -> Symbol:
        x = sym.var(next(names))
        inputs.append(x.as_np_ndarray() if is_np_array() else x)
        return inputs[-1]

    def nested(part: Any) -> Any:
        return variable() if _is_shape(part) else [nested(inner) for inner in part]

    outputs = list(_flat(block(*[nested(part) for part in places])))
    graph = outputs[0] if len(outputs) == 1 else sym.Group(outputs)
    seen = Counter(graph.list_inputs())
    if len(seen) < seen.total():
        doubled = next(name for name, count in seen.items() if count > 1)
        raise MXNetError(
            f"{where(block)} has two parameters or inputs that are named {doubled!r}, which a file "
            "cannot tell apart: give the layers other prefixes"
        )
    return inputs, graph


def _is_shape(part: Any) -> bool:
    return isinstance(part, tuple) and all(
        size is None or isinstance(size, int | str) for size in part
    )


def shapes_in(shapes: Any) -> Iterator[Any]:
    """The shapes of nested inputs, one after the other."""
    for part in shapes:
        if _is_shape(part):
            yield part
        else:
            yield from shapes_in(part)


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
