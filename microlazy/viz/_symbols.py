"""The vertices of a graph that is a symbol: its nodes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

from ..symbol import Symbol
from ..symbol.graph import Node, in_order
from ..symbol.running import labels_of
from ..symbol.shapes import Run
from ._graph import Vertex, named_shapes

__all__ = ["PARAMETER_ENDS", "vertices_of"]

# How the names of parameters end that automatic names make.
PARAMETER_ENDS = (
    *("_weight", "_bias", "_gamma", "_beta", "_alpha", "_parameters"),
    *("_moving_mean", "_moving_var", "_running_mean", "_running_var"),
)


def vertices_of(symbol: Symbol, shape: Any, dtype: Any, weights: bool) -> list[Vertex]:
    """The nodes of a graph in the order in which they run.

    Parameters
    ----------
    symbol : Symbol
    shape : tuple of int, list of them, or dict of name to tuple, optional
        Of each input; without it no shapes are told.
    dtype : dtype or dict of name to dtype, optional
    weights : bool
        Whether parameters are vertices too.
    """
    given = {} if shape is None else _by_variable(symbol, named_shapes(shape))
    dtypes = dtype if isinstance(dtype, Mapping) else dict.fromkeys(given, dtype or "float32")
    run = Run(symbol, given, dtypes)
    labels = labels_of(symbol)
    made: dict[int, Vertex] = {}
    counted: set[int] = set()
    found = []
    for node in in_order(symbol.heads):
        vertex = _vertex(node, run)
        made[id(node)] = vertex
        vertex.is_parameter = _is_parameter(node, given, labels)
        for source, _ in node.inputs:
            other = made[id(source)]
            if other.is_parameter and id(source) not in counted:
                counted.add(id(source))
                vertex.parameters += math.prod(other.shape) if other.shape else 0
            if (weights or not other.is_parameter) and other not in vertex.inputs:
                vertex.inputs.append(other)
        if weights or not vertex.is_parameter:
            found.append(vertex)
    return found


def _by_variable(symbol: Symbol, shapes: Mapping[str, Any]) -> dict[str, Any]:
    """Shapes by the names of variables: those that nobody named are of the first data."""
    names = symbol.list_arguments()
    if all(name in symbol.list_inputs() for name in shapes):
        return dict(shapes)
    labels = labels_of(symbol)
    data = [name for name in names if not name.endswith(PARAMETER_ENDS) and name not in labels]
    if len(data) < len(shapes):
        raise ValueError(f"{len(shapes)} shapes are given for the inputs {', '.join(data)}")
    return dict(zip(data, shapes.values(), strict=False))


def _is_parameter(node: Node, given: Mapping[str, Any], labels: list[str]) -> bool:
    if node.operator is not None or node.name in given or node.name in labels:
        return False
    return bool(given) or node.name.endswith(PARAMETER_ENDS)


def _vertex(node: Node, run: Run) -> Vertex:
    shape = run.shape_of((node, 0))
    output = None
    if shape is not None:
        outputs = run.outputs.get(id(node))
        dtype = outputs[0].dtype if outputs else run.dtypes.get(id(node)) or "float32"
        output = SimpleNamespace(shape=shape, dtype=dtype)
    if node.operator is None:
        return Vertex(node.name, "null", node.name, output)
    options = ", ".join(
        f"{name}={text}" for name, text in node.attributes.items() if not name.startswith("__")
    )
    label = f"{node.operator.name}({options})" if options else node.operator.name
    return Vertex(node.name, node.operator.name, label, output)
