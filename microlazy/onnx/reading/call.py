"""One node of an ONNX graph, and the calls of MXNet's operators that it becomes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy

from microlazy.base import MXNetError
from microlazy.onnx.free_sizes import Pair, fixed
from microlazy.onnx.reading.graph import Graph, Value
from microlazy.onnx.reading.reshaping import codes
from microlazy.onnx.table import entering

__all__ = ["READERS", "Call", "reads"]

Values = Value | Sequence[Value | None]
READERS: dict[str, Callable[[Call], Values]] = {}
Function = TypeVar("Function", bound=Callable[..., Values])


def reads(*operators: str) -> Callable[[Function], Function]:
    """Enter a function into the table: it reads nodes of these operators.

    Parameters
    ----------
    *operators : str
        ONNX's names; with the domain before, if it is another.

    Examples
    --------
    >>> import microlazy.onnx.reading
    >>> from microlazy.onnx.reading.call import READERS
    >>> READERS["Gemm"].__name__
    '_gemm'
    """

    return entering(READERS, operators)


class Call:
    """A node of an ONNX graph and the values that it takes.

    Parameters
    ----------
    graph : Graph
        Where calls of operators go.
    name, operator : str
        Of the node.
    attributes : dict of str
    inputs : list of Value or None
        None for those that are left out.
    opset : int
        The version of the operators.
    outputs : int
        How many outputs are named.
    """

    def __init__(
        self,
        graph: Graph,
        name: str,
        operator: str,
        attributes: dict[str, Any],
        inputs: list[Value | None],
        opset: int,
        outputs: list[str],
    ) -> None:
        self.graph, self.name, self.operator = graph, name, operator
        self.attributes, self._inputs = attributes, inputs
        self.opset, self.outputs = opset, outputs

    # ---- what is given ---------------------------------------------------------------------------

    def refusal(self, why: str) -> MXNetError:
        """The error that says why the node cannot be read."""
        return MXNetError(f"node {self.name!r} ({self.operator}): {why}")

    def has(self, index: int) -> bool:
        """Whether an input is there."""
        return index < len(self._inputs) and self._inputs[index] is not None

    def input(self, index: int = 0) -> Value:
        """An input.

        Raises
        ------
        MXNetError
            If it is left out.
        """
        found = self._inputs[index] if index < len(self._inputs) else None
        if found is None:
            raise self.refusal(f"it needs input {index}")
        return found

    @property
    def inputs(self) -> list[Value]:
        """All inputs, of which none may be left out."""
        return [self.input(index) for index in range(len(self._inputs))]

    def attribute(self, name: str, default: Any = None) -> Any:
        """An attribute, or what it is by default."""
        return self.attributes.get(name, default)

    def need(self, name: str) -> Any:
        """An attribute that must be there."""
        if name not in self.attributes:
            raise self.refusal(f"it has no attribute {name!r}")
        return self.attributes[name]

    def only(self, name: str, *allowed: Any) -> None:
        """Refuse an attribute that is there and not one of some values."""
        value = self.attributes.get(name)
        if value is not None and value not in allowed:
            raise self.refusal(f"{name} = {value!r} cannot be read")

    def rank(self, index: int = 0) -> int:
        """The number of an input's axes."""
        return len(self.input(index).pair.first)

    def shape(self, index: int = 0) -> tuple[int | None, ...]:
        """The sizes of an input; None for free ones."""
        return fixed(self.input(index).pair)

    def axis(self, default: int, name: str = "axis", index: int = 0) -> int:
        """An attribute that is an axis of an input, counted from the front."""
        return self.in_range(self.attribute(name, default), self.rank(index))

    def in_range(self, axis: int, rank: int) -> int:
        """An axis counted from the front.

        Raises
        ------
        MXNetError
            If there is no such axis.
        """
        if not isinstance(axis, int | numpy.integer) or not -rank <= axis < rank:
            raise self.refusal(f"axis {axis} of an array with {rank} axes")
        return int(axis) % rank

    def axes(self, index: int = 1, rank: int | None = None) -> list[int] | None:
        """Axes that are an attribute, in older opsets, or an input; None without either."""
        given = self.attribute("axes")
        if given is None and self.has(index):
            given = self.integers(index)
        if given is None:
            return None
        rank = self.rank() if rank is None else rank
        return [self.in_range(int(axis), rank) for axis in given]

    def array(self, index: int) -> numpy.ndarray:
        """The values of an input that must be a constant.

        Raises
        ------
        MXNetError
            If it is computed, or depends on a size that is free.
        """
        value = self.input(index)
        if value.constant is None:
            raise self.refusal(f"its input {index}, {value.name!r}, must be a constant")
        first, second = value.constant
        if first.shape != second.shape or not numpy.array_equal(first, second):
            raise self.refusal(
                f"its input {index}, {value.name!r}, depends on a size that is free: give shapes "
                "to load()"
            )
        return first

    def integers(self, index: int) -> list[int]:
        """The values of an input that must be constant integers."""
        found = self.array(index)
        if found.dtype.kind not in "iub":
            raise self.refusal(f"its input {index} must be integers, not {found.dtype.name}")
        return [int(number) for number in found.reshape(-1)]

    def number(self, index: int) -> float:
        """The value of an input that must be one constant number."""
        found = self.array(index)
        if found.size != 1:
            raise self.refusal(f"its input {index} must be one number, not {found.shape}")
        return found.reshape(-1)[0].item()

    def both(self, index: int) -> tuple[list[int], list[int]]:
        """The integers of an input in both runs: a shape may depend on free sizes."""
        value = self.input(index)
        if value.constant is None or value.constant[0].dtype.kind not in "iu":
            raise self.refusal(f"its input {index}, {value.name!r}, must be constant integers")
        first, second = ([int(i) for i in part.reshape(-1)] for part in value.constant)
        return first, second

    # ---- what it becomes -------------------------------------------------------------------------

    def call(self, operator: str, *inputs: Value, **attributes: Any) -> Value:
        """A call of an operator of MXNet's with one output."""
        return self.call_some(operator, inputs, **attributes)[0]

    def call_some(self, operator: str, inputs: Sequence[Value], **attributes: Any) -> list[Value]:
        """A call of an operator of MXNet's, and its outputs."""
        name = self.outputs[0].removesuffix("_output") or self.name
        try:
            return self.graph.call(operator, inputs, attributes, name)
        except MXNetError as error:
            raise self.refusal(str(error)) from error

    def cast(self, value: Value, dtype: str) -> Value:
        """A value in another dtype."""
        return self.call("Cast", value, dtype=dtype)

    def transposed(self, value: Value, axes: Sequence[int]) -> Value:
        """A value with its axes in another order."""
        axes = [int(axis) for axis in axes]
        return value if axes == sorted(axes) else self.call("transpose", value, axes=tuple(axes))

    def reshaped(self, value: Value, wanted: Pair) -> Value:
        """A value in another shape.

        Raises
        ------
        MXNetError
            If the numbers of elements differ, or free sizes cannot be told from the input's.
        """
        if value.pair == wanted:
            return value
        if any(math.prod(a) != math.prod(b) for a, b in zip(value.pair, wanted, strict=True)):
            raise self.refusal(f"{value.pair.first} cannot become {wanted.first}")
        found = codes(value.pair, wanted)
        if found is None:
            raise self.refusal(
                f"from {value.pair.first} to {wanted.first} several free sizes change: give shapes "
                "to load()"
            )
        return self.call("Reshape", value, shape=found)

    def expanded(self, value: Value, axes: Sequence[int]) -> Value:
        """A value with axes of size 1 put in, of which places in the result are given."""
        pairs = [list(sizes) for sizes in value.pair]
        for axis in sorted(axes):
            for sizes in pairs:
                sizes.insert(axis, 1)
        return self.reshaped(value, Pair(tuple(pairs[0]), tuple(pairs[1])))
