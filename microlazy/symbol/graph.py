"""Nodes of a graph, and their order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from microlazy.base import MXNetError
from microlazy.symbol.attributes import TextError, dtype_of, shape_of

if TYPE_CHECKING:
    from microlazy.symbol.operators import Operator

__all__ = ["Entry", "Node", "auxiliary_of", "in_order", "missing_input", "variables_of"]


class Node:
    """A variable, or a call of an operator.

    Attributes
    ----------
    operator : Operator or None
        What is called; None for a variable.
    name : str
    attributes : dict of str to str
        Those of the operator and others, as in files.
    inputs : list of (Node, int)
        From which nodes, and which of their outputs.
    values : dict of str
        The arguments that the operator's attributes stand for.
    outputs : tuple of str
        What its outputs are called behind its name; a variable has one, without a name.
    """

    __slots__ = ("attributes", "inputs", "name", "operator", "outputs", "values")

    def __init__(
        self,
        operator: Operator | None,
        name: str,
        attributes: Mapping[str, str],
        inputs: Sequence[Entry] = (),
    ) -> None:
        self.operator, self.name, self.inputs = operator, name, list(inputs)
        self.attributes: dict[str, str] = {}
        self.values: dict[str, Any] = {}
        self.outputs: tuple[str, ...] = ("",)
        self.change(attributes)

    def change(self, attributes: Mapping[str, str]) -> None:
        """Set some attributes, all of them or none."""
        changed = {**self.attributes, **attributes}
        if self.operator is None:
            self._check(changed)
        else:
            try:
                values = self.operator.values(changed)
                self.outputs = self.operator.output_names(values)
            except MXNetError as error:
                raise MXNetError(f"node {self.name!r}: {error}") from None
            self.values = values
        self.attributes = changed

    def _check(self, attributes: Mapping[str, str]) -> None:
        """Refuse a shape or a dtype that is none."""
        for attribute, read in (("__shape__", shape_of), ("__dtype__", dtype_of)):
            text = attributes.get(attribute)
            try:
                if text not in (None, "-1"):
                    read(text)
            except TextError as error:
                raise MXNetError(
                    f"variable {self.name!r}: attribute {attribute!r}: {error}"
                ) from None

    def __repr__(self) -> str:
        kind = "variable" if self.operator is None else self.operator.name
        return f"<Node {self.name!r} ({kind})>"

    @property
    def shape(self) -> tuple[int, ...] | None:
        """The shape that a variable says it has, with 0 for sizes that are not known."""
        text = self.attributes.get("__shape__")
        return None if text is None else shape_of(text)

    @property
    def dtype(self) -> str | None:
        """The dtype that a variable says it has."""
        text = self.attributes.get("__dtype__", "-1")
        return None if text == "-1" else dtype_of(text)

    def output_name(self, index: int) -> str:
        """The name of one output."""
        if self.operator is None:
            return self.name
        return f"{self.name}_{self.outputs[index]}"


Entry = tuple[Node, int]

# With which values MXNet starts what an operator changes.
_FIRST = {"moving_var": '["one", {}]', "moving_mean": '["zero", {}]'}


def missing_input(node: Node, name: str, attributes: Mapping[str, str] | None = None) -> Node:
    """A variable in the place of an input that is not given."""
    first = {"__init__": _FIRST[name]} if name in _FIRST else {}
    return Node(None, f"{node.name}_{name}", {**(attributes or {}), **first})


def in_order(heads: Iterable[Entry]) -> list[Node]:
    """All nodes that some lead to, each behind its inputs, and these in the order of the call."""
    found: list[Node] = []
    seen: set[int] = set()
    for head, _ in heads:
        waiting: list[tuple[Node, Iterator[Entry]]] = []
        if id(head) not in seen:
            seen.add(id(head))
            waiting.append((head, iter(head.inputs)))
        while waiting:
            node, inputs = waiting[-1]
            for given, _ in inputs:
                if id(given) not in seen:
                    seen.add(id(given))
                    waiting.append((given, iter(given.inputs)))
                    break
            else:
                found.append(node)
                waiting.pop()
    return found


def variables_of(nodes: Iterable[Node]) -> list[Node]:
    """The variables among some nodes."""
    return [node for node in nodes if node.operator is None]


def auxiliary_of(nodes: Iterable[Node]) -> set[int]:
    """Which variables some nodes change: their ids."""
    found = set()
    for node in nodes:
        if node.operator is not None and node.operator.auxiliary:
            names = node.operator.input_names(node.values)
            for name, (given, _) in zip(names, node.inputs, strict=False):
                if name in node.operator.auxiliary and given.operator is None:
                    found.add(id(given))
    return found
