"""Operators of users (`mx.operator`) in graphs: inputs and outputs are what their class says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from microlazy.base import MXNetError
from microlazy.core import trace
from microlazy.core.tensor import Tensor
from microlazy.operator import Custom, make_prop
from microlazy.symbol.attributes import HIDDEN
from microlazy.symbol.operators import Operator, operator_of
from microlazy.symbol.subgraphs import GRAPHS
from microlazy.symbol.symbol import Symbol

__all__ = ["CustomOperator", "operator_with"]


def operator_with(
    name: str, attributes: Mapping[str, str], subgraphs: Sequence[Symbol] = ()
) -> Operator:
    """The operator of a name; with some attributes, if they decide what its inputs are.

    Parameters
    ----------
    name : str
    attributes : dict of str to str
    subgraphs : sequence of Symbol
        The graphs that a loop or a branch holds.

    Raises
    ------
    MXNetError
        If there is none, or the attributes or graphs are not those of the operator.

    Examples
    --------
    >>> from microlazy.symbol.custom import operator_with
    >>> operator_with("concat", {})
    <Operator Concat>
    """
    if name in GRAPHS:
        return GRAPHS[name](attributes, subgraphs)
    operator = operator_of(name)
    if subgraphs:
        raise MXNetError(f"{operator.name} has no subgraphs")
    return CustomOperator(attributes) if operator.name == "Custom" else operator


class CustomOperator(Operator):
    """A user's operator.

    Parameters
    ----------
    attributes : dict of str to str
        `op_type`, and the keywords of its class.

    Raises
    ------
    MXNetError
        If nothing is registered under `op_type`, or its class does not take the keywords.
    """

    fits_plans = False

    def __init__(self, attributes: Mapping[str, str]) -> None:
        self._options = _own(attributes)
        kind = self._options.get("op_type")
        rest = {key: text for key, text in self._options.items() if key != "op_type"}
        try:
            self._prop = make_prop(kind, rest)
        except TypeError as error:
            raise MXNetError(str(error)) from None
        self._states = self._prop.list_auxiliary_states()
        self._arguments = self._prop.list_arguments()
        inputs = [*self._arguments, *(f"{name}*" for name in self._states)]
        super().__init__(["Custom"], " ".join(inputs), "", " ".join(self._prop.list_outputs()))

    def values(self, attributes: Mapping[str, str]) -> dict[str, Any]:
        return _own(attributes)

    def compute(self, arrays: Sequence[Tensor], values: Mapping[str, Any]) -> list[Tensor]:
        if trace.is_tracing():
            return self._abstract(arrays)
        found = Custom(*arrays, **values)
        return list(found) if isinstance(found, list | tuple) else [found]

    def _abstract(self, arrays: Sequence[Tensor]) -> list[Tensor]:
        """The outputs' shapes and dtypes, which the class tells."""
        given = arrays[: len(self._arguments)]
        shapes = self._prop.infer_shape([list(x.shape) for x in given])[1]
        dtypes = self._prop.infer_type([x.dtype for x in given])[1]
        return [
            trace.abstract(tuple(shape), dtype, 0)
            for shape, dtype in zip(shapes, dtypes, strict=True)
        ]

    def rule(
        self, shapes: Mapping[str, tuple[int, ...]], values: Mapping[str, Any]
    ) -> dict[str, tuple[int, ...]]:
        """Which shapes the class wants of its inputs, from that of the first."""
        given = [list(shapes.get(name, ())) for name in self._arguments]
        arguments, _, states = self._prop.infer_shape(given)
        names = [*self._arguments, *self._states]
        return {
            name: tuple(shape) for name, shape in zip(names, [*arguments, *states], strict=True)
        }


def _own(attributes: Mapping[str, str]) -> dict[str, str]:
    return {
        name: text
        for name, text in attributes.items()
        if name not in HIDDEN and not name.startswith("__")
    }
