"""One call of an operator of MXNet's, and the nodes of ONNX that it becomes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy

from microlazy.base import MXNetError
from microlazy.onnx.free_sizes import Pair, fixed
from microlazy.onnx.library import type_of
from microlazy.onnx.table import entering
from microlazy.onnx.writing.graph import Graph
from microlazy.symbol.graph import Node

__all__ = ["WRITERS", "Call", "writes"]

Names = str | list[str]
WRITERS: dict[str, Callable[[Call], Names]] = {}
Function = TypeVar("Function", bound=Callable[..., Names])


def writes(*operators: str) -> Callable[[Function], Function]:
    """Enter a function into the table: it writes calls of these operators.

    Parameters
    ----------
    *operators : str
        MXNet's names.

    Examples
    --------
    >>> import microlazy.onnx.writing
    >>> from microlazy.onnx.writing.call import WRITERS
    >>> WRITERS["FullyConnected"].__name__
    '_fully_connected'
    """

    return entering(WRITERS, operators)


class Call:
    """A node of a graph, and the tensors that it takes.

    Parameters
    ----------
    graph : Graph
        Where the nodes of ONNX go.
    node : Node
    inputs : list of str
        The tensors that it takes.
    shapes : list of Pair
        Of the inputs.
    dtypes : list of str
        Of the inputs.
    given, out_shapes, out_dtypes
        The inputs that are constants, or None; shapes and dtypes of the outputs.
    """

    def __init__(
        self,
        graph: Graph,
        node: Node,
        inputs: list[str],
        shapes: list[Pair],
        dtypes: list[str],
        out_shapes: list[Pair],
        out_dtypes: list[str],
    ) -> None:
        self.graph, self.node, self.inputs = graph, node, inputs
        self.pairs, self.dtypes = shapes, dtypes
        self.out_pairs, self.out_dtypes = out_shapes, out_dtypes
        assert node.operator is not None
        self.operator = node.operator.name

    def value(self, attribute: str, default: Any = None) -> Any:
        """An attribute of the node, or what it is by default.

        Parameters
        ----------
        attribute : str
        default : optional
            What stands for None.
        """
        assert self.node.operator is not None
        found = self.node.values.get(attribute)
        if found is None:
            found = self.node.operator.default(attribute)
        return default if found is None else found

    def shape(self, index: int = 0) -> tuple[int | None, ...]:
        """The sizes of an input; None for free ones."""
        return fixed(self.pairs[index])

    def out_shape(self, index: int = 0) -> tuple[int | None, ...]:
        """The sizes of an output; None for free ones."""
        return fixed(self.out_pairs[index])

    def rank(self, index: int = 0) -> int:
        """The number of an input's axes."""
        return len(self.pairs[index].first)

    def axis(self, attribute: str = "axis", default: int = 0) -> int:
        """An attribute that is an axis of the first input, counted from the front."""
        return self.value(attribute, default) % self.rank()

    def array(self, index: int) -> numpy.ndarray | None:
        """The values of an input that is a parameter."""
        return self.graph.arrays.get(self.inputs[index])

    def need(self, index: int, what: str) -> numpy.ndarray:
        """The values of an input that must be a parameter.

        Raises
        ------
        MXNetError
            If it is computed.
        """
        found = self.array(index)
        if found is None:
            raise self.refusal(f"{what} must be a parameter to be written to ONNX, not computed")
        return found

    def size(self, axis: int, index: int = 0) -> int:
        """A size of an input that must be fixed.

        Raises
        ------
        MXNetError
            If it is free.
        """
        found = self.shape(index)[axis]
        if found is None:
            raise self.refusal(f"the size of axis {axis} of its input must be a number, not free")
        return found

    def refusal(self, why: str) -> MXNetError:
        """The error that says why the node cannot be written."""
        return MXNetError(f"node {self.node.name!r} ({self.operator}): {why}")

    # ---- nodes -----------------------------------------------------------------------------------

    def add(self, op: str, *inputs: str, **attributes: Any) -> str:
        """Add a node of ONNX with one output, whose name is returned."""
        return self.graph.add(op, inputs, 1, self.node.name, attributes)[0]

    def add_some(self, op: str, inputs: Sequence[str], count: int, **attributes: Any) -> list[str]:
        """Add a node of ONNX with some outputs, whose names are returned."""
        return self.graph.add(op, inputs, count, self.node.name, attributes)

    def constant(self, value: Any, dtype: Any) -> str:
        """A constant tensor."""
        return self.graph.constant(numpy.asarray(value, dtype), self.node.name)

    def number(self, value: float, index: int = 0) -> str:
        """A number as a tensor of the dtype of an input."""
        return self.constant(value, self.dtypes[index])

    def integers(self, *values: int) -> str:
        """Integers as a tensor: shapes and axes are given so."""
        return self.constant(values, "int64")

    def cast(self, name: str, had: str, dtype: str) -> str:
        """A tensor as one of another dtype, if it has not that dtype."""
        return name if had == dtype else self.add("Cast", name, to=type_of(dtype))

    def cast_input(self, index: int, dtype: str) -> str:
        """An input as a tensor of some dtype."""
        return self.cast(self.inputs[index], self.dtypes[index], dtype)

    def permuted(self, name: str, axes: Sequence[int]) -> str:
        """A tensor with its axes in another order."""
        axes = list(axes)
        return name if axes == sorted(axes) else self.add("Transpose", name, perm=axes)

    def reshaped(self, name: str, had: Pair, wanted: Pair) -> str:
        """A tensor in another shape; free sizes stay so.

        Raises
        ------
        MXNetError
            If the shape cannot be told from that of the tensor.
        """
        if had == wanted:
            return name
        sizes: list[int] = []
        for place, size in enumerate(fixed(wanted)):
            if size is not None:
                sizes.append(size)
            elif place < len(had.first) and _at(had, place) == _at(wanted, place):
                sizes.append(0)  # as it was
            else:
                sizes.append(-1)
        if sizes.count(-1) > 1:
            return self.add("Reshape", name, self._sizes_of(name, had, wanted))
        return self.add("Reshape", name, self.integers(*sizes))

    def _sizes_of(self, name: str, had: Pair, wanted: Pair) -> str:
        """A shape as a tensor; free sizes are those of a tensor's own axes, but for one."""
        own = list(zip(*had, strict=True))
        left = [place for place, size in enumerate(fixed(wanted))
                if size is None and _at(wanted, place) not in own]  # fmt: skip
        if len(left) > 1:
            return self.computed_sizes(wanted)
        parts = []
        for place, size in enumerate(fixed(wanted)):
            if size is not None or place in left:
                parts.append(self.integers(-1 if size is None else size))
            else:
                axis = own.index(_at(wanted, place))
                parts.append(self.add("Shape", name, start=axis, end=axis + 1))
        return self.add("Concat", *parts, axis=0)

    def computed_sizes(self, wanted: Pair) -> str:
        """A shape as a tensor; free sizes are taken from the graph's inputs.

        Raises
        ------
        MXNetError
            If a size is no input's.
        """
        parts = []
        for place, size in enumerate(fixed(wanted)):
            if size is not None:
                parts.append(self.integers(size))
                continue
            source = self.graph.source_of(_at(wanted, place))
            if source is None:
                raise self.refusal(
                    f"the size of axis {place} cannot be told from the inputs: it is "
                    f"{wanted.first[place]} and {wanted.second[place]} for two of their shapes"
                )
            parts.append(self.add("Shape", source[0], start=source[1], end=source[1] + 1))
        return parts[0] if len(parts) == 1 else self.add("Concat", *parts, axis=0)


def _at(pair: Pair, place: int) -> tuple[int, int]:
    return pair.first[place], pair.second[place]
