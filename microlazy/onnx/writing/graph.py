"""The nodes and tensors of an ONNX graph while it is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy

from microlazy.onnx.free_sizes import Pair
from microlazy.onnx.library import library

__all__ = ["Graph"]


class Graph:
    """Nodes of ONNX, in order, and tensors with values.

    Parameters
    ----------
    arrays : dict of str to numpy.ndarray
        Parameters by name.
    inputs : dict of str to Pair
        The shapes of the inputs in two runs.

    Examples
    --------
    >>> import numpy
    >>> from microlazy.onnx.free_sizes import Pair
    >>> from microlazy.onnx.writing.graph import Graph
    >>> graph = Graph({}, {"x": Pair((3, 2), (5, 2))})
    >>> graph.add("Relu", ["x"], 1, "act", {})
    ['act_Relu']
    >>> graph.source_of((3, 5))
    ('x', 0)
    """

    def __init__(self, arrays: Mapping[str, numpy.ndarray], inputs: Mapping[str, Pair]) -> None:
        self.arrays = dict(arrays)
        self.nodes: list[Any] = []
        self._inputs = dict(inputs)
        self._seen: Counter[str] = Counter()
        self._taken = {*arrays, *inputs}
        self._constants: dict[tuple[str, tuple[int, ...], bytes], str] = {}

    def fresh(self, hint: str) -> str:
        """A name that no tensor has."""
        while True:
            count = self._seen[hint]
            self._seen[hint] += 1
            name = f"{hint}_{count}" if count else hint
            if name not in self._taken:
                self._taken.add(name)
                return name

    def reserve(self, names: Sequence[str]) -> None:
        """Keep names for tensors that come later."""
        self._taken.update(names)

    def add(
        self, op: str, inputs: Sequence[str], count: int, hint: str, attributes: Mapping[str, Any]
    ) -> list[str]:
        """Add a node and return the names of its outputs.

        Parameters
        ----------
        op : str
            ONNX's name.
        inputs : sequence of str
            Tensors; an empty name is an input that is left out.
        count : int
            How many outputs.
        hint : str
            What names begin with.
        attributes : dict of str
        """
        outputs = [self.fresh(f"{hint}_{op}") for _ in range(count)]
        make = library().helper.make_node
        self.nodes.append(make(op, list(inputs), outputs, name=outputs[0], **attributes))
        return outputs

    def constant(self, value: numpy.ndarray, hint: str) -> str:
        """A tensor with values; the same values are kept once."""
        key = (value.dtype.name, value.shape, value.tobytes())
        if key not in self._constants:
            name = self.fresh(f"{hint}_constant")
            self._constants[key] = name
            self.arrays[name] = value
        return self._constants[key]

    @staticmethod
    def tensor(value: numpy.ndarray) -> Any:
        """ONNX's form of an array."""
        return library().numpy_helper.from_array(value)

    def source_of(self, sizes: tuple[int, int]) -> tuple[str, int] | None:
        """The input, and its axis, that has some size in each of two runs."""
        for name, pair in self._inputs.items():
            for axis, found in enumerate(zip(*pair, strict=True)):
                if found == sizes:
                    return name, axis
        return None

    def rename(self, old: str, new: str) -> None:
        """Give the output of a node another name wherever it is used."""
        for node in self.nodes:
            for names in (node.input, node.output):
                for place, name in enumerate(names):
                    if name == old:
                        names[place] = new
