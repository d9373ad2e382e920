"""The graph of a network: what layers and operators hand to each other, from a run on shapes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy

from .. import autograd
from ..core.tensor import Tensor
from ..core.trace import listing
from ..gluon.block import Block
from ..gluon.block.dry_run import abstract
from ..gluon.block.tree import children_of, is_container
from ..gluon.nn import Concatenate, Dense, HybridConcatenate
from ..gluon.nn._layer import Layer


class Vertex:
    """A layer, an operator outside of all layers, an input or a parameter.

    Attributes
    ----------
    name : str
        Of its own in the graph.
    kind : str
        The class of the layer or the name of the operator; "null" for inputs and parameters.
    label : str
        What is to be read of it.
    shape : tuple of int
        Of what it gives.
    dtype : str
        Likewise.
    parameters : int
        How many numbers belong to it that no vertex before has.
    is_parameter : bool
        Whether it is one.
    inputs : list of Vertex
        From where it gets what it works on.
    """

    def __init__(self, name: str, kind: str, label: str, output: Any) -> None:
        self.name, self.kind, self.label = name, kind, label
        self.shape: tuple[int, ...] = tuple(output.shape) if output is not None else ()
        self.dtype = numpy.dtype(output.dtype).name if output is not None else ""
        self.parameters = 0
        self.is_parameter = False
        self.inputs: list[Vertex] = []


class _Call:
    """A call of a layer: which of the ops it ran, and on what."""

    def __init__(self, block: Block, start: int, inputs: list[Tensor]) -> None:
        self.block, self.start, self.stop = block, start, start
        self.inputs, self.outputs = inputs, inputs

    def passes_on(self) -> bool:
        """Whether the layer gave back the very array that it got."""
        return any(given is made for given in self.inputs for made in self.outputs)


def graph_of(net: Block, shape: Any, dtype: Any = None, weights: bool = False) -> list[Vertex]:
    """The vertices of a network in the order in which they run.

    Parameters
    ----------
    net : Block
        Whose parameters are initialized, or wait for their sizes.
    shape : tuple of int, list of them, or dict of name to tuple
        Of each input.
    dtype : dtype or dict of name to dtype, optional
        Of the inputs; float32 if left out.
    weights : bool
        Whether parameters are vertices too.
    """
    if not isinstance(net, Block):
        raise TypeError(f"net must be a Block or a Symbol, but got {net!r}")
    named = named_shapes(shape)
    given = [
        abstract(size, (dtype.get(name) if isinstance(dtype, Mapping) else dtype) or "float32")
        for name, size in named.items()
    ]
    net.dry_run(*given)  # finds what sizes are not known yet
    calls, ops = _run(net, given)
    # Of layers side by side, one that does nothing hands on what the others get too.
    beside = _side_by_side(net)
    calls = [call for call in calls if not (call.block in beside and call.passes_on())]
    names = _Names()
    sources: dict[int, Vertex] = {}
    found = []
    for name, array in zip(named, given, strict=True):
        found.append(Vertex(names.of(name), "null", name, array))
        sources[id(array)] = found[-1]
    if weights:
        for name, parameter in net.collect_params().items():
            found.append(Vertex(names.of(name), "null", name, parameter.data()))
            found[-1].is_parameter = True
            sources[id(parameter.data())] = found[-1]
    counted: set[Any] = set()
    place = 0
    for call in [*calls, None]:
        stop = len(ops) if call is None else call.start
        for name, inputs, output in ops[place:stop]:
            vertex = Vertex(names.of(name.removeprefix("numpy:")), name, name, output)
            _join(vertex, inputs, sources)
            sources[id(output)] = vertex
            found.append(vertex)
        if call is not None:
            found.append(_layer(call, ops[call.start : call.stop], sources, names, counted))
            place = call.stop
    return found


def named_shapes(shape: Any) -> dict[str, Any]:
    """The shapes of inputs by name: data, data1 and so on for those that nobody named."""
    if isinstance(shape, Mapping):
        return dict(shape)
    if shape is None:
        raise ValueError("shape is needed: a network's graph is found by running it on shapes")
    shapes = [shape] if isinstance(shape, Tensor | int) or _is_shape(shape) else list(shape)
    return {f"data{i if i else ''}": size for i, size in enumerate(shapes)}


def _is_shape(shape: Any) -> bool:
    return isinstance(shape, tuple) and all(isinstance(size, int) for size in shape)


def _run(net: Block, given: list[Any]) -> tuple[list[_Call], list[Any]]:
    """Run a network on shapes; give the calls of its layers, and all ops."""
    calls: list[_Call] = []
    open_calls: list[_Call] = []
    handles = []

    def watch(block: Any) -> None:
        if not _is_layer(block):
            return

        def begin(block: Block, inputs: Any) -> None:
            if open_calls:  # a part of a layer, such as its activation
                open_calls.append(open_calls[-1])
                return
            call = _Call(block, len(ops), list(_arrays(inputs)))
            calls.append(call)
            open_calls.append(call)

        def end(block: Block, inputs: Any, outputs: Any) -> None:
            call = open_calls.pop()
            call.stop, call.outputs = len(ops), list(_arrays(outputs))

        handles.append(block.register_forward_pre_hook(begin))
        handles.append(block.register_forward_hook(end))

    net.apply(watch)
    try:
        with autograd.pause(), listing() as ops:
            net(*given)
    finally:
        for handle in handles:
            handle.detach()
    return calls, ops.rows()


def _side_by_side(net: Block) -> set[Any]:
    """The layers that stand beside others."""
    found: set[Any] = set()

    def look(block: Any) -> None:
        if isinstance(block, Concatenate | HybridConcatenate):
            found.update(children_of(block).values())

    net.apply(look)
    return found


def _is_layer(block: Any) -> bool:
    return isinstance(block, Layer | Dense) or not (children_of(block) or is_container(block))


def _arrays(nested: Any) -> Iterator[Tensor]:
    if isinstance(nested, Tensor):
        yield nested
    elif isinstance(nested, list | tuple):
        for part in nested:
            yield from _arrays(part)


def _join(vertex: Vertex, inputs: list[Any], sources: dict[int, Vertex]) -> None:
    for array in inputs:
        source = sources.get(id(array))
        if source is not None and source is not vertex and source not in vertex.inputs:
            vertex.inputs.append(source)


def _layer(
    call: _Call, ops: list[Any], sources: dict[int, Vertex], names: _Names, counted: set[Any]
) -> Vertex:
    block = call.block
    output = call.outputs[0] if call.outputs else None
    vertex = Vertex(names.of(block.name), type(block).__name__, repr(block), output)
    own = [p for p in block.collect_params().values() if p not in counted]
    vertex.parameters = sum(p.data().size for p in own)
    counted.update(own)
    _join(vertex, call.inputs, sources)
    for _, inputs, made in ops:
        _join(vertex, inputs, sources)
        sources[id(made)] = vertex
    for array in call.outputs:
        sources[id(array)] = vertex
    return vertex


class _Names:
    """Gives names of which each is given once."""

    def __init__(self) -> None:
        self._given: set[str] = set()

    def of(self, name: str) -> str:
        number, unique = 0, name
        while unique in self._given:
            number += 1
            unique = f"{name}_{number}"
        self._given.add(unique)
        return unique
