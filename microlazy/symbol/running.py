"""Running a graph on arrays: each node calls its function of nd or np, in order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from microlazy import ndarray
from microlazy.base import AbstractValueError, MXNetError
from microlazy.core.tensor import Tensor
from microlazy.symbol.graph import Node, in_order, variables_of
from microlazy.symbol.symbol import Symbol

__all__ = ["Program", "computed", "labels_of"]

_nd: Any = ndarray  # its functions take arrays of either type


def _softmax(data: Tensor, values: Mapping[str, Any]) -> Tensor:
    if values.get("multi_output"):
        return _nd.softmax(data, axis=1)
    if values.get("preserve_shape") or data.ndim == 2:
        return _nd.softmax(data, axis=-1)
    return _nd.softmax(data.reshape((data.shape[0], -1)), axis=-1).reshape(data.shape)


# What output layers give that nobody tells the labels: they are needed for gradients alone.
_WITHOUT_LABEL: dict[str, Callable[[Tensor, Mapping[str, Any]], Tensor]] = {
    "SoftmaxOutput": _softmax,
    "LinearRegressionOutput": lambda data, values: data,
    "MAERegressionOutput": lambda data, values: data,
    "LogisticRegressionOutput": lambda data, values: _nd.sigmoid(data),
    "SVMOutput": lambda data, values: data,
}


def labels_of(symbol: Symbol) -> list[str]:
    """The variables that are labels of output layers and nothing else.

    Examples
    --------
    >>> import microlazy as mx
    >>> from microlazy.symbol.running import labels_of
    >>> labels_of(mx.sym.SoftmaxOutput(mx.sym.var("x"), name="softmax"))
    ['softmax_label']
    """
    nodes = in_order(symbol.heads)
    others = {id(node) for node, _ in symbol.heads}
    labels: set[int] = set()
    for node in nodes:
        for place, (given, _) in enumerate(node.inputs):
            is_label = (
                place == 1 and node.operator is not None and node.operator.name in _WITHOUT_LABEL
            )
            (labels if is_label else others).add(id(given))
    return [node.name for node in variables_of(nodes) if id(node) in labels - others]


class Program:
    """The nodes of a graph in the order in which they run.

    Parameters
    ----------
    symbol : Symbol

    Examples
    --------
    >>> import microlazy as mx
    >>> from microlazy.symbol.running import Program
    >>> Program(mx.sym.var("x") * 2).run({"x": mx.nd.array([1, 2])})[0].asnumpy()
    array([2., 4.], dtype=float32)
    """

    def __init__(self, symbol: Symbol) -> None:
        self.nodes = in_order(symbol.heads)
        self._places = {id(node): place for place, node in enumerate(self.nodes)}
        self._labels = frozenset(labels_of(symbol))
        self._heads = [(self._places[id(node)], index) for node, index in symbol.heads]
        self._inputs = [
            [(self._places[id(given)], index) for given, index in node.inputs]
            for node in self.nodes
        ]
        last = {place: step for step, given in enumerate(self._inputs) for place, _ in given}
        kept = {place for place, _ in self._heads}
        self._done: list[list[int]] = [[] for _ in self.nodes]
        for place, step in last.items():
            if place not in kept:
                self._done[step].append(place)

    def run(
        self,
        arrays: Mapping[str, Tensor],
        watch: Callable[[Node, list[Tensor]], None] | None = None,
        abstract: bool = False,
    ) -> list[Tensor]:
        """Compute the outputs.

        Parameters
        ----------
        arrays : dict of str to array
            Of the variables by name; labels of output layers may be left out.
        watch : callable, optional
            Is called with each node of an operator and its outputs.
        abstract : bool
            Whether the arrays have shapes and dtypes alone.

        Raises
        ------
        MXNetError
            If a variable has no array, or an operator refuses what it is given: the message names
            the node.
        """
        found: list[list[Any]] = []
        for node, inputs, done in zip(self.nodes, self._inputs, self._done, strict=True):
            if node.operator is None:
                found.append([self._array(node, arrays)])
                continue
            outputs = computed(node, [found[place][index] for place, index in inputs], abstract)
            found.append(outputs)
            if watch is not None:
                watch(node, outputs)
            for place in done:
                found[place] = []
        return [found[place][index] for place, index in self._heads]

    def _array(self, node: Node, arrays: Mapping[str, Tensor]) -> Tensor | None:
        array = arrays.get(node.name)
        if array is None and node.name not in self._labels:
            raise MXNetError(f"the variable {node.name!r} has no array")
        return array


def computed(node: Node, arrays: list[Any], abstract: bool = False) -> list[Tensor]:
    """What a node gives for some arrays, which may have shapes and dtypes alone."""
    operator = node.operator
    assert operator is not None
    try:
        if len(arrays) == 2 and arrays[1] is None and operator.name in _WITHOUT_LABEL:
            return [_WITHOUT_LABEL[operator.name](arrays[0], node.values)]
        run = operator.abstract if abstract else operator.compute
        outputs = run(arrays, node.values)
    except AbstractValueError:
        raise
    except (MXNetError, ValueError, TypeError, IndexError, AssertionError) as error:
        shapes = ", ".join(str(x.shape) for x in arrays if x is not None)
        raise MXNetError(
            f"node {node.name!r} ({operator.name}) with inputs {shapes}: {error}"
        ) from error
    if len(outputs) < len(node.outputs):
        raise MXNetError(
            f"node {node.name!r} ({operator.name}) should have {len(node.outputs)} outputs, but "
            f"gave {len(outputs)}"
        )
    return outputs
