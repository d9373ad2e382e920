"""A graph of MXNet's operators while it is made of an ONNX file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy

from microlazy import autograd
from microlazy.base import MXNetError
from microlazy.core import trace
from microlazy.core.tensor import Tensor
from microlazy.onnx.free_sizes import Pair
from microlazy.symbol import Symbol
from microlazy.symbol.composing import call, var
from microlazy.symbol.running import computed

__all__ = ["Graph", "Value"]


class Value:
    """A tensor of an ONNX graph.

    Attributes
    ----------
    name : str
    symbol : Symbol or None
        What computes it; None for a constant that nothing has used yet.
    constant : tuple of numpy.ndarray, or None
        Its values in both runs, if they are known.
    pair : Pair
        Its shape in both runs.
    dtype : str
    inline : bool
        Whether it is a constant of the graph, and no weight.
    turned : Value or None
        The constant whose transpose it is.
    """

    __slots__ = ("constant", "dtype", "inline", "name", "pair", "symbol", "turned")

    def __init__(
        self,
        name: str,
        pair: Pair,
        dtype: str,
        symbol: Symbol | None = None,
        constant: tuple[numpy.ndarray, numpy.ndarray] | None = None,
        inline: bool = False,
        turned: Value | None = None,
    ) -> None:
        self.name, self.pair, self.dtype = name, pair, dtype
        self.symbol, self.constant, self.inline = symbol, constant, inline
        self.turned = turned

    @classmethod
    def of(
        cls,
        name: str,
        first: numpy.ndarray,
        second: numpy.ndarray | None = None,
        inline: bool = False,
    ) -> Value:
        """A constant."""
        second = first if second is None else second
        pair = Pair(first.shape, second.shape)
        return cls(name, pair, first.dtype.name, None, (first, second), inline)

    @property
    def scalar(self) -> float | None:
        """The number that it is, if it is a constant and no weight."""
        if self.constant is None or self.constant[0].size != 1 or self.constant[1].size != 1:
            return None
        if not self.inline and self.constant[0].ndim > 0:
            return None
        first, second = (part.reshape(-1)[0].item() for part in self.constant)
        return first if first == second or (first != first and second != second) else None


class Graph:
    """Calls of operators, and the parameters that they need.

    Attributes
    ----------
    arrays : dict of str to numpy.ndarray
        The values of parameters.
    fixed : set of str
        Parameters that are not trained: constants of the graph.

    Examples
    --------
    >>> from microlazy.onnx.free_sizes import Pair
    >>> from microlazy.onnx.reading.graph import Graph
    >>> graph = Graph()
    >>> x = graph.input("x", Pair((3, 2), (5, 2)), "float32")
    >>> graph.call("sum", [x], {"axis": 1}, "s")[0].pair
    Pair(first=(3,), second=(5,))
    """

    def __init__(self) -> None:
        self.arrays: dict[str, numpy.ndarray] = {}
        self.fixed: set[str] = set()
        self.sources: dict[tuple[int, int], tuple[Value, int]] = {}
        self._names: Counter[str] = Counter()

    def fresh(self, hint: str) -> str:
        """A name that nothing has."""
        while True:
            count = self._names[hint]
            self._names[hint] += 1
            name = f"{hint}_{count}" if count else hint
            if count == 0 or not self._names[name]:
                self._names[name] += name != hint
                return name

    def input(self, name: str, pair: Pair, dtype: str) -> Value:
        """An input of the graph."""
        value = Value(name, pair, dtype, var(self.fresh(name)))
        for axis, (a, b) in enumerate(zip(*pair, strict=True)):
            if a != b:
                self.sources.setdefault((a, b), (value, axis))
        return value

    def parameter(self, name: str, array: numpy.ndarray, trained: bool = True) -> Value:
        """A parameter with values."""
        name = self.fresh(name)
        self.arrays[name] = array
        if not trained or array.dtype.kind != "f":
            self.fixed.add(name)
        symbol = var(name, shape=array.shape, dtype=array.dtype)
        return Value(name, Pair(array.shape, array.shape), array.dtype.name, symbol)

    def symbol_of(self, value: Value) -> Symbol:
        """What computes a value: a constant becomes a parameter.

        Raises
        ------
        MXNetError
            If its values depend on free sizes.
        """
        if value.symbol is None:
            assert value.constant is not None
            first, second = value.constant
            if first.shape == second.shape and _same(first, second):
                is_weight = not value.inline and first.ndim > 0
                array = first.reshape(1) if first.ndim == 0 else first
                value.symbol = self.parameter(value.name, array, is_weight).symbol
            else:
                value.symbol = self._made(value)
        assert value.symbol is not None
        return value.symbol

    def _made(self, value: Value) -> Symbol:
        """What makes a constant whose shape depends on free sizes: one number, or a range."""
        assert value.constant is not None
        first, second = value.constant
        sizes = list(zip(*value.pair, strict=True)) if first.ndim == second.ndim else []
        places = {axis: self.sources.get(pair) for axis, pair in enumerate(sizes)
                  if pair[0] != pair[1]}  # fmt: skip
        if places and None not in places.values():
            number = first.reshape(-1)[0].item()
            if (first == number).all() and (second == number).all():
                shape = tuple(1 if axis in places else pair[0] for axis, pair in enumerate(sizes))
                made = self._call("_full", [], shape=shape, value=number, dtype=value.dtype)
                for axis, source in places.items():
                    assert source is not None
                    axes = {"lhs_axes": (axis,), "rhs_axes": (source[1],)}
                    made = self._call("broadcast_like", [made, source[0].symbol], **axes)
                return made
            if len(places) == 1 and all(
                _same(part.reshape(-1), numpy.arange(part.size, dtype=part.dtype))
                for part in value.constant
            ):
                ((axis, source),) = places.items()
                assert source is not None
                made = self._call("_contrib_arange_like", [source[0].symbol], axis=source[1])
                row = tuple(-1 if i == axis else 1 for i in range(first.ndim))
                made = self._call("Reshape", [made], shape=row)
                return self._call("Cast", [made], dtype=value.dtype)
        raise MXNetError(
            f"the values of {value.name!r} depend on a size that is free: give shapes to load()"
        )

    def _call(self, operator: str, inputs: Sequence[Any], **attributes: Any) -> Symbol:
        return call(operator, inputs, attributes, self.fresh(operator.strip("_")))

    def call(
        self, operator: str, inputs: Sequence[Value], attributes: Mapping[str, Any], name: str
    ) -> list[Value]:
        """Call an operator of MXNet's.

        Parameters
        ----------
        operator : str
        inputs : sequence of Value
        attributes : dict of str
        name : str
            What the name of the node begins with.

        Raises
        ------
        MXNetError
            If the operator refuses its inputs.
        """
        symbols = [self.symbol_of(value) for value in inputs]
        made = call(operator, symbols, attributes, self.fresh(name))
        node = made.heads[0][0]
        with autograd.pause(), trace.tracing():
            runs = [
                computed(node, [_abstract(value, run, node) for value in inputs])
                for run in range(2)
            ]
        return [
            Value(
                symbol.list_outputs()[0],
                Pair(tuple(runs[0][index].shape), tuple(runs[1][index].shape)),
                numpy.dtype(runs[0][index].dtype).name,
                symbol,
            )
            for index, symbol in enumerate(made)
        ]


def _same(first: numpy.ndarray, second: numpy.ndarray) -> bool:
    return numpy.array_equal(first, second, equal_nan=first.dtype.kind == "f")


def _abstract(value: Value, run: int, node: Any) -> Tensor:
    shape = value.pair[run]
    if value.constant is not None and shape == ():
        shape = (1,)  # as its parameter has it
    return trace.abstract(shape, value.dtype, 0)
