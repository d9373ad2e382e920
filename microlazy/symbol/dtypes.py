"""Dtypes of a graph, from those of some variables.

What an operator makes has the dtype that its attributes or its function's defaults say, or else
that of its inputs, which share one dtype. Dtypes go both ways, as in MXNet.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy

from microlazy.symbol.graph import Entry, Node, auxiliary_of, in_order, variables_of
from microlazy.symbol.symbol import Symbol

__all__ = ["infer_types"]

# Inputs whose dtype says nothing of the other inputs and of the outputs.
_APART = frozenset(
    ["indices", "index", "condition", "sequence_length", "length", "data_lengths", "label_lengths"]
)
_APART_OF = {"Embedding": {"data"}, "_contrib_SparseEmbedding": {"data"}}
_WHOLE = ("shape_array", "size_array")  # int64, whatever the input is
_STATISTICS = frozenset(["gamma", "beta", "moving_mean", "moving_var"])
_TRUTH = ("equal", "not_equal", "greater", "greater_equal", "less", "less_equal", "logical_not")


def infer_types(symbol: Symbol, dtypes: Mapping[str, Any]) -> tuple[list[Any], ...]:
    """The dtypes of arguments, outputs and auxiliary states, as NumPy's classes.

    Parameters
    ----------
    symbol : Symbol
    dtypes : dict of str
        What is known of variables; float32 is what nothing says.

    Examples
    --------
    >>> import microlazy as mx
    >>> from microlazy.symbol.dtypes import infer_types
    >>> infer_types(mx.sym.argsort(mx.sym.var("x")), {"x": "float64"})[:2]
    ([<class 'numpy.float64'>], [<class 'numpy.float32'>])
    """
    nodes = in_order(symbol.heads)
    found: dict[Entry, Any] = {}
    for node in variables_of(nodes):
        found[node, 0] = dtypes.get(node.name, node.dtype)
    operators = [node for node in nodes if node.operator is not None]
    before = None
    while before != (before := {entry: dtype for entry, dtype in found.items() if dtype}):
        for node in [*operators, *reversed(operators)]:
            _settle(node, found)
    for node in operators:  # what nothing says is float32, and so is what follows from it
        for entry in node.inputs:
            if not found.get(entry):
                found[entry] = numpy.float32
        _settle(node, found)
    changed = auxiliary_of(nodes)

    def types(entries: list[Entry]) -> list[Any]:
        return [numpy.dtype(found.get(entry) or "float32").type for entry in entries]

    variables = variables_of(nodes)
    return (
        types([(node, 0) for node in variables if id(node) not in changed]),
        types(list(symbol.heads)),
        types([(node, 0) for node in variables if id(node) in changed]),
    )


def _settle(node: Node, found: dict[Entry, Any]) -> None:
    """Say what one node tells of its inputs and outputs."""
    operator = node.operator
    assert operator is not None
    names = [""] * len(node.inputs) if operator.variadic else operator.input_names(node.values)
    apart = _APART | _APART_OF.get(operator.name, set())
    together = [
        (name, entry) for name, entry in zip(names, node.inputs, strict=False) if name not in apart
    ]
    outputs = [(node, i) for i in range(len(node.outputs))]
    stated = _stated(node)
    known = next((found[entry] for _, entry in together if found.get(entry)), None)
    if operator.name in _APART_OF:
        known, stated = stated, None
    if known is None and stated is None:
        known = next((found[entry] for entry in outputs if found.get(entry)), None)
    if known is not None:
        for name, entry in together:
            if not found.get(entry):
                found[entry] = _of_input(name, known)
    for entry, dtype in zip(outputs, _of_outputs(node, known, stated), strict=True):
        if dtype is not None:
            found[entry] = dtype


def _stated(node: Node) -> Any:
    """The dtype that a node's attributes or its function's defaults say."""
    operator = node.operator
    assert operator is not None
    if operator.name in _WHOLE:
        return "int64"
    if operator.is_numpy and operator.name.removesuffix("_scalar")[5:] in _TRUTH:
        return "bool"
    return node.values.get("dtype") or operator.default("dtype")


def _of_input(name: str, known: Any) -> Any:
    """Means and factors of normalizations are not of half precision."""
    return "float32" if name in _STATISTICS and numpy.dtype(known) == "float16" else known


def _of_outputs(node: Node, known: Any, stated: Any) -> list[Any]:
    count = len(node.outputs)
    if node.operator is not None and node.operator.name == "topk":
        kind = node.values.get("ret_typ", "indices")
        return {"both": [known, stated], "indices": [stated]}.get(kind, [known] * count)
    return [stated or known] * count
