"""Networks and graphs made of ONNX files."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy

from microlazy import ndarray as nd
from microlazy.base import MXNetError
from microlazy.context import Context
from microlazy.core.tensor import Tensor
from microlazy.gluon.parameter.loading import load_arrays
from microlazy.onnx.block import ONNXBlock
from microlazy.onnx.free_sizes import Pair, Shape, assumed, is_free
from microlazy.onnx.library import library
from microlazy.onnx.model_file import array_of, metadata_of, model_from, shape_of
from microlazy.onnx.reading import READERS
from microlazy.onnx.reading.call import Call
from microlazy.onnx.reading.folding import FOLDED, fold
from microlazy.onnx.reading.graph import Graph, Value
from microlazy.symbol import Symbol, composing

__all__ = [
    "get_model_metadata",
    "import_model",
    "import_to_gluon",
    "load",
]

_WRONG = (TypeError, ValueError, LookupError, ArithmeticError, AttributeError)
_DOMAINS = {"": "", "ai.onnx": "", "ai.onnx.ml": "ai.onnx.ml."}


def load(
    path: str | os.PathLike[str],
    *shapes: Sequence[int | str | None],
    ctx: Context | list[Context] | None = None,
) -> ONNXBlock:
    """Make a network of an ONNX file.

    Parameters
    ----------
    path : path
        The file.
    *shapes : tuple of int, str or None
        Shapes of the inputs, in order, where those of the file will not do; None, or a name, for a
        size that may be any.
    ctx : Context or list of Context, optional
        Where its parameters live.

    Returns
    -------
    ONNXBlock
        A `SymbolBlock`: it hybridizes, trains, saves, and prints. Weights are parameters; numbers
        that the file has as constants are not trained.

    Raises
    ------
    MXNetError
        If there is no such file, or it is damaged, or has what microlazy cannot read: the message
        names the node.

    Notes
    -----
    Nothing of the file is run. A classifier of scikit-learn gives the classes' numbers and an
    array of probabilities, a column for each class.

    Examples
    --------
    >>> import os, tempfile
    >>> import microlazy as mx
    >>> layer = mx.gluon.nn.Dense(3, in_units=4)
    >>> layer.initialize()
    >>> path = layer.export_onnx(os.path.join(tempfile.mkdtemp(), "dense.onnx"), (1, 4))
    >>> net = mx.onnx.load(path)
    >>> net(mx.nd.ones((2, 4))).shape
    (2, 3)
    >>> net.metadata["producer_name"]
    'microlazy'
    """
    model = model_from(path)
    read = _read(model, path, shapes)
    block = ONNXBlock(read.symbol, read.inputs, metadata_of(model))
    parameters = block.collect_params()
    for name in read.fixed:
        parameters[name].grad_req = "null"
    arrays = {name: nd.array(x, dtype=x.dtype) for name, x in read.arrays.items()}
    load_arrays(dict(parameters), arrays, os.fspath(path), ctx, False, False, True, "saved")
    return block


def import_model(
    model_file: str | os.PathLike[str],
) -> tuple[Symbol, dict[str, Tensor], dict[str, Tensor]]:
    """Make a graph, arguments and auxiliary states of an ONNX file.

    Parameters
    ----------
    model_file : path

    Raises
    ------
    MXNetError
        As in `load`.

    Examples
    --------
    >>> import os, tempfile
    >>> import microlazy as mx
    >>> layer = mx.gluon.nn.Dense(3, in_units=4, prefix="fc_")
    >>> layer.initialize()
    >>> path = layer.export_onnx(os.path.join(tempfile.mkdtemp(), "dense.onnx"), (1, 4))
    >>> symbol, arguments, auxiliary = mx.contrib.onnx.import_model(path)
    >>> sorted(arguments)
    ['fc_bias', 'fc_weight']
    """
    read = _read(model_from(model_file), model_file, ())
    auxiliary = set(read.symbol.list_auxiliary_states())
    arrays: dict[str, Tensor] = {n: nd.array(x, dtype=x.dtype) for n, x in read.arrays.items()}
    return (
        read.symbol,
        {name: x for name, x in arrays.items() if name not in auxiliary},
        {name: x for name, x in arrays.items() if name in auxiliary},
    )


def import_to_gluon(
    model_file: str | os.PathLike[str], ctx: Context | list[Context] | None = None
) -> ONNXBlock:
    """Make a network of an ONNX file; the name that MXNet has for `load`.

    Parameters
    ----------
    model_file : path
    ctx : Context or list of Context, optional

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.contrib.onnx.import_to_gluon("nowhere.onnx")
    Traceback (most recent call last):
    microlazy.base.MXNetError: cannot read 'nowhere.onnx': No such file or directory
    """
    return load(model_file, ctx=ctx)


def get_model_metadata(model_file: str | os.PathLike[str]) -> dict[str, Any]:
    """The inputs and outputs of an ONNX file, and what it says about itself.

    Parameters
    ----------
    model_file : path

    Returns
    -------
    dict
        ``input_tensor_data`` and ``output_tensor_data``, pairs of a name and a shape in which 0
        stands for a free size, and ``metadata``.

    Examples
    --------
    >>> import os, tempfile
    >>> import microlazy as mx
    >>> layer = mx.gluon.nn.Dense(3, in_units=4, prefix="fc_")
    >>> layer.initialize()
    >>> path = layer.export_onnx(os.path.join(tempfile.mkdtemp(), "dense.onnx"), (1, 4))
    >>> mx.contrib.onnx.get_model_metadata(path)["output_tensor_data"]
    [('fc_fwd_output', (0, 3))]
    """
    model = model_from(model_file)
    known = {tensor.name for tensor in model.graph.initializer}

    def described(values: Any) -> list[tuple[str, tuple[int, ...]]]:
        return [
            (value.name, tuple(size.dim_value for size in value.type.tensor_type.shape.dim))
            for value in values
            if value.name not in known
        ]

    return {
        "input_tensor_data": described(model.graph.input),
        "output_tensor_data": described(model.graph.output),
        "metadata": metadata_of(model),
    }


# ---- a model becomes a graph ---------------------------------------------------------------------


class _Read:
    """A graph, the variables that it takes, and the values of the others."""

    def __init__(self, symbol: Symbol, inputs: list[Symbol], graph: Graph) -> None:
        self.symbol, self.inputs = symbol, inputs
        used = set(symbol.list_inputs())
        self.arrays = {name: x for name, x in graph.arrays.items() if name in used}
        self.fixed = graph.fixed & used


def _read(model: Any, path: str | os.PathLike[str], shapes: Sequence[Any]) -> _Read:
    name = repr(os.fspath(path))
    try:
        return _Reader(model, Path(path).parent, shapes).read()
    except MXNetError as error:
        raise MXNetError(f"{name}: {error}") from error


class _Reader:
    """Reads the nodes of one model."""

    def __init__(self, model: Any, folder: Path, shapes: Sequence[Any]) -> None:
        self.model, self.folder = model, folder
        self.opsets = {entry.domain: entry.version for entry in model.opset_import}
        if model.graph.sparse_initializer:
            raise MXNetError("sparse tensors cannot be read")
        self.tensors: dict[str, numpy.ndarray] = {}
        for tensor in model.graph.initializer:
            if not tensor.name or tensor.name in self.tensors:
                raise MXNetError(f"two tensors, or one without a name: {tensor.name!r}")
            self.tensors[tensor.name] = array_of(tensor, folder, "tensor")
        self.inputs = self._inputs(shapes)

    def _inputs(self, given: Sequence[Any]) -> dict[str, tuple[str, Shape]]:
        """Dtypes and shapes of the inputs; those of the file, or what the caller gave."""
        values = [value for value in self.model.graph.input if value.name not in self.tensors]
        if given and len(given) != len(values):
            names = ", ".join(value.name for value in values)
            raise MXNetError(f"{len(given)} shapes are given for {len(values)} inputs: {names}")
        found: dict[str, tuple[str, Shape]] = {}
        for place, value in enumerate(values):
            if not value.name or value.name in found:
                raise MXNetError(f"two inputs, or one without a name: {value.name!r}")
            if given and not value.type.tensor_type.HasField("shape"):
                value.type.tensor_type.shape.SetInParent()
            dtype, shape = shape_of(value)
            if given:
                shape = _agreed(value.name, shape, given[place])
            found[value.name] = dtype, shape
        return found

    def read(self) -> _Read:
        """The graph, with two sizes assumed for each free one."""
        shapes = [shape for _, shape in self.inputs.values()]
        first_error = None
        for free in assumed(shapes):
            try:
                return self._graph(free)
            except MXNetError as error:
                first_error = first_error or error
                if not is_free(shapes):
                    break
        assert first_error is not None
        raise first_error

    def _graph(self, free: Mapping[str, tuple[int, int]]) -> _Read:
        graph = Graph()
        values = {name: Value.of(name, array) for name, array in self.tensors.items()}
        for name, (dtype, shape) in self.inputs.items():
            both = [(size, size) if isinstance(size, int) else free[size] for size in shape]
            pair = Pair(tuple(a for a, _ in both), tuple(b for _, b in both))
            values[name] = graph.input(name, pair, dtype)
        inputs = [graph.symbol_of(values[name]) for name in self.inputs]
        for place, node in enumerate(self.model.graph.node):
            self._node(graph, values, node, node.name or f"{node.op_type}_{place}")
        heads = []
        for output in self.model.graph.output:
            if output.name not in values:
                raise MXNetError(f"no node gives the output {output.name!r}")
            symbol = graph.symbol_of(values[output.name])
            if symbol.heads[0][0].operator is None:
                symbol = composing.call("_copy", [symbol], {}, graph.fresh(output.name))
            heads.append(symbol)
        return _Read(heads[0] if len(heads) == 1 else composing.group(heads), inputs, graph)

    def _node(self, graph: Graph, values: dict[str, Value], node: Any, name: str) -> None:
        where = f"node {name!r} ({node.op_type})"
        if node.domain not in _DOMAINS:
            raise MXNetError(f"{where}: operators of {node.domain!r} cannot be read")
        operator = _DOMAINS[node.domain] + node.op_type
        if operator not in READERS and operator not in FOLDED:
            raise MXNetError(f"{where}: there is no operator {operator!r} that can be read")
        inputs: list[Value | None] = []
        for given in node.input:
            if given and given not in values:
                raise MXNetError(f"{where} takes {given!r}, which nothing before it gives")
            inputs.append(values[given] if given else None)
        if not node.output:
            raise MXNetError(f"{where} has no output")
        attributes = self._attributes(node, where)
        outputs = list(node.output)
        found: Sequence[Value | None] | None = _folded(operator, attributes, inputs, outputs, where)
        if found is None:
            if operator not in READERS:
                raise MXNetError(f"{where} can be read of constants alone")
            version = self.opsets.get(node.domain, self.opsets.get("ai.onnx", 1))
            call = Call(graph, name, node.op_type, attributes, inputs, version, outputs)
            try:
                made = READERS[operator](call)
            except _WRONG as error:  # attributes or inputs are of a kind that no reader expects
                raise MXNetError(f"{where}: {type(error).__name__}: {error}") from error
            found = [made] if isinstance(made, Value) else list(made)
        for output, value in zip(node.output, found, strict=False):
            if output and value is not None:
                if output in values:
                    raise MXNetError(f"{where} gives {output!r}, which is there already")
                values[output] = value

    def _attributes(self, node: Any, where: str) -> dict[str, Any]:
        found = {}
        for attribute in node.attribute:
            try:
                found[attribute.name] = self._value(attribute)
            except (MXNetError, ValueError, UnicodeDecodeError) as error:
                raise MXNetError(f"{where}: attribute {attribute.name!r}: {error}") from None
        return found

    def _value(self, attribute: Any) -> Any:
        value = library().helper.get_attribute_value(attribute)
        if isinstance(value, bytes):
            return value.decode()
        if isinstance(value, int | float):
            return value
        if attribute.type == attribute.TENSOR:
            return array_of(value, self.folder, "tensor")
        if attribute.type in (attribute.INTS, attribute.FLOATS):
            return list(value)
        if attribute.type == attribute.STRINGS:
            return [part.decode() for part in value]
        raise MXNetError("graphs within nodes, and what is no tensor, cannot be read")


def _folded(
    operator: str,
    attributes: dict[str, Any],
    inputs: list[Value | None],
    outputs: list[str],
    where: str,
) -> list[Value] | None:
    """The outputs of a node whose inputs are all constants."""
    if operator not in FOLDED or not inputs or operator == "Identity":
        return None
    if not all(value is None or value.constant is not None for value in inputs):
        return None
    runs = []
    try:
        for run in range(2):
            arrays = [value and value.constant and value.constant[run] for value in inputs]
            runs.append(fold(operator, attributes, arrays))
    except ValueError as error:
        raise MXNetError(f"{where}: {error}") from None
    inline = all(value is None or value.inline for value in inputs)
    found = [
        Value.of(name, first, second, inline)
        for name, first, second in zip(outputs, runs[0] or [], runs[1] or [], strict=False)
    ]
    if operator == "Transpose" and attributes.get("perm", [1, 0]) == [1, 0]:
        found[0].turned = inputs[0]
    return found


def _agreed(name: str, told: Shape, given: Any) -> Shape:
    """A shape that the caller gave, where the file leaves sizes open."""
    if told and len(given) != len(told):
        raise MXNetError(f"input {name!r} has {len(told)} axes, but {tuple(given)} is given")
    found: list[int | str] = []
    for axis, size in enumerate(given):
        if size is not None and not (isinstance(size, str) or (isinstance(size, int) and size > 0)):
            raise MXNetError(f"input {name!r}: {size!r} in {tuple(given)} is no size")
        known = told[axis] if told else f"{name}_axis{axis}"
        if isinstance(known, int) and isinstance(size, int) and known != size:
            raise MXNetError(f"input {name!r} has shape {told}, but {tuple(given)} is given")
        found.append(known if size is None else size)
    return tuple(found)
