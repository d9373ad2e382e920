"""Networks and graphs written to ONNX files."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy

from microlazy import ndarray as nd
from microlazy import params_file
from microlazy.base import MXNetError
from microlazy.core.tensor import Tensor
from microlazy.files import write_atomically
from microlazy.gluon.block.dry_run import abstract
from microlazy.gluon.block.symbol import without_kind
from microlazy.gluon.block.symbolic import graph_of, shapes_in
from microlazy.onnx.block import ONNXBlock
from microlazy.onnx.free_sizes import Pair, Shape, assumed, is_free
from microlazy.onnx.library import IR_VERSION, OPSET, library, type_of
from microlazy.onnx.writing import WRITERS
from microlazy.onnx.writing.call import Call
from microlazy.onnx.writing.graph import Graph
from microlazy.symbol import Symbol
from microlazy.symbol.graph import Entry, Node, in_order
from microlazy.symbol.running import labels_of
from microlazy.symbol.shapes import Run
from microlazy.symbol.symbol_file import load

__all__ = ["export_block", "export_model", "get_operator_support", "model_of"]

# Operators that are computed at once where all that they take are parameters.
_COMPUTED = frozenset(
    ("Reshape", "_npx_reshape", "_np_reshape", "Concat", "_npi_concatenate", "_rnn_param_concat")
)
_BATCH = "batch"


def export_model(
    sym: str | os.PathLike[str] | Symbol,
    params: Any,
    in_shapes: Sequence[Sequence[int]] | None = None,
    in_types: Any = numpy.float32,
    onnx_file_path: str = "model.onnx",
    verbose: bool = False,
    dynamic: bool = False,
    dynamic_input_shapes: Sequence[Sequence[int | str | None]] | None = None,
    run_shape_inference: bool = False,
    input_type: Any = None,
    input_shape: Sequence[Sequence[int]] | None = None,
    metadata: Mapping[str, str] | None = None,
) -> str:
    """Write a graph and its parameters to an ONNX file.

    Parameters
    ----------
    sym : Symbol or path
        The graph, or its symbol file.
    params : dict, list of dict, or path
        Parameters by name, with or without 'arg:' and 'aux:'; arguments and auxiliary states; or
        their file.
    in_shapes : list of tuple of int
        The shapes of the inputs, in the order in which the graph lists them.
    in_types : dtype or list of dtypes
        The inputs' dtypes.
    onnx_file_path : str
        The file, which is replaced as a whole.
    verbose : bool
        Whether to print what is written.
    dynamic : bool
        Whether some sizes are free.
    dynamic_input_shapes : list of tuple, optional
        The shapes with None, or a name, for each free size; without it all of them are free.
    run_shape_inference : bool
        Of no effect: the file has the shapes of its outputs anyway.
    input_type, input_shape
        Older names of in_types and in_shapes.
    metadata : dict of str to str, optional
        Kept in the file; ``model_version``, a number, as its version.

    Returns
    -------
    str
        The file.

    Raises
    ------
    MXNetError
        If shapes do not fit, or ONNX has nothing for an operator: the message names the node.
        Nothing is written then.

    Examples
    --------
    >>> import os, tempfile
    >>> import microlazy as mx
    >>> x = mx.sym.FullyConnected(mx.sym.var("data"), num_hidden=2, no_bias=True, name="fc")
    >>> path = os.path.join(tempfile.mkdtemp(), "fc.onnx")
    >>> written = mx.onnx.export_model(x, {"fc_weight": mx.nd.ones((2, 3))}, [(1, 3)],
    ...                                onnx_file_path=path)
    >>> mx.onnx.load(path)(mx.nd.ones((1, 3))).asnumpy()
    array([[3., 3.]], dtype=float32)
    """
    graph = sym if isinstance(sym, Symbol) else load(sym)
    arrays = _arrays(params)
    names = _input_names(graph, arrays)
    given = in_shapes if in_shapes is not None else input_shape
    if given is None:
        raise MXNetError(f"export_model needs in_shapes, one for each of {', '.join(names)}")
    shapes: list[Any] = [tuple(shape) for shape in given]
    if dynamic:
        shapes = [
            tuple(shape) for shape in dynamic_input_shapes or [(None,) * len(s) for s in shapes]
        ]
    named = [_named(shape, name) for shape, name in zip(shapes, names, strict=False)]
    if len(shapes) != len(names):
        raise MXNetError(
            f"{len(shapes)} shapes are given for {len(names)} inputs: {', '.join(names)}"
        )
    types = in_types if input_type is None else input_type
    types = list(types) if isinstance(types, list | tuple) else [types] * len(names)
    if len(types) != len(names):
        raise MXNetError(f"{len(types)} dtypes are given for {len(names)} inputs")
    model = model_of(graph, arrays, dict(zip(names, named, strict=True)), types, metadata or {})
    return _save(model, onnx_file_path, verbose)


def export_block(
    block: Any,
    path: str | os.PathLike[str],
    shapes: Sequence[Any],
    dtypes: Any = "float32",
    dynamic_batch: bool = True,
    metadata: Mapping[str, str] | None = None,
) -> str:
    """Write a network to an ONNX file: `HybridBlock.export_onnx`.

    Parameters
    ----------
    block : HybridBlock
    path : path
    shapes : sequence of tuple, nested as the inputs are
    dtypes : dtype or list of dtypes
    dynamic_batch : bool
    metadata : dict of str to str, optional

    Examples
    --------
    >>> import os, tempfile
    >>> from microlazy.gluon import nn
    >>> from microlazy.onnx.exporting import export_block
    >>> layer = nn.Dense(3, in_units=4)
    >>> layer.initialize()
    >>> path = export_block(layer, os.path.join(tempfile.mkdtemp(), "dense.onnx"), [(1, 4)])
    >>> os.path.basename(path)
    'dense.onnx'
    """
    flat = [*shapes_in(shapes)]
    if not flat:
        raise MXNetError("export_onnx needs the shape of each input: net.export_onnx(path, (1, 3))")
    inputs, graph = graph_of(block, shapes)
    types = list(dtypes) if isinstance(dtypes, list | tuple) else [dtypes] * len(inputs)
    if len(types) != len(inputs):
        raise MXNetError(f"{len(types)} dtypes are given for {len(inputs)} inputs")
    names = [x.name or "" for x in inputs]
    if dynamic_batch and not is_free(flat) and not any(None in shape for shape in flat):
        flat = [(_BATCH, *shape[1:]) for shape in flat]
    named = {name: _named(shape, name) for name, shape in zip(names, flat, strict=True)}
    parameters = block.collect_params()
    if any(p.state == "deferred" for p in parameters.values()):
        _find_sizes(block, shapes, types)
    arrays = {
        name: parameters[name].reduced().asnumpy()
        for name in graph.list_inputs()
        if name in parameters
    }
    if metadata is None:
        metadata = block.metadata if isinstance(block, ONNXBlock) else {}
    return _save(model_of(graph, arrays, named, types, metadata), path, False)


def _find_sizes(block: Any, shapes: Sequence[Any], dtypes: Sequence[Any]) -> None:
    """A dry run, where the shapes of all inputs are numbers."""
    if any(not isinstance(size, int) for shape in shapes_in(shapes) for size in shape):
        return
    each = iter(dtypes)

    def given(part: Any) -> Any:
        return abstract(part, next(each)) if isinstance(part, tuple) else [*map(given, part)]

    block.dry_run(*map(given, shapes))


def get_operator_support(opset_version: int | None = None) -> list[str]:
    """The operators of MXNet's that can be written to ONNX.

    Parameters
    ----------
    opset_version : int, optional
        Of no effect: one opset is written.

    Examples
    --------
    >>> import microlazy as mx
    >>> "Convolution" in mx.onnx.get_operator_support()
    True
    """
    return sorted(WRITERS)


def _arrays(params: Any) -> dict[str, numpy.ndarray]:
    if isinstance(params, str | os.PathLike):
        found = without_kind(params_file.load(params), params)
    else:
        parts = params if isinstance(params, list | tuple) else [params]
        found = {}
        for part in parts:
            found |= without_kind(dict(part), "params")
    return {
        name: x.asnumpy() if isinstance(x, Tensor) else numpy.asarray(x)
        for name, x in found.items()
    }


def _input_names(graph: Symbol, arrays: Mapping[str, Any]) -> list[str]:
    """The variables that the file takes: labels of output layers are not needed."""
    labels = labels_of(graph)
    return [name for name in graph.list_inputs() if name not in arrays and name not in labels]


def _named(shape: Sequence[Any], name: str) -> Shape:
    """A shape with a name for each free size."""
    found: list[int | str] = []
    for axis, size in enumerate(shape):
        if size is None:
            found.append(_BATCH if axis == 0 else f"axis{axis}")
        elif isinstance(size, str) or (isinstance(size, int) and size > 0):
            found.append(size)
        else:
            raise MXNetError(f"input {name!r}: {size!r} in {tuple(shape)} is no size")
    return tuple(found)


def _save(model: Any, path: str | os.PathLike[str], verbose: bool) -> str:
    name = os.fspath(path)
    try:
        library().checker.check_model(model)
        write_atomically(name, [model.SerializeToString()])
    except OSError as error:
        raise MXNetError(f"cannot write {name!r}: {error.strerror or error}") from error
    except Exception as error:  # the checker's, which has a class of its own, or more than 2 GB
        raise MXNetError(f"cannot write {name!r}: {error}") from error
    if verbose:
        print(library().helper.printable_graph(model.graph))
    return name


# ---- a graph becomes a model ---------------------------------------------------------------------


def model_of(
    graph: Symbol,
    arrays: Mapping[str, numpy.ndarray],
    inputs: Mapping[str, Shape],
    dtypes: Sequence[Any],
    metadata: Mapping[str, str],
) -> Any:
    """The model of ONNX that computes what a graph does.

    Parameters
    ----------
    graph : Symbol
    arrays : dict of str to numpy.ndarray
        Parameters by name.
    inputs : dict of str to tuple
        Shapes of the inputs, with names for free sizes.
    dtypes : sequence of dtypes
        Of the inputs.
    metadata : dict of str to str

    Raises
    ------
    MXNetError
        If it cannot be written: the message names the node.

    Examples
    --------
    >>> from microlazy import sym
    >>> from microlazy.onnx.exporting import model_of
    >>> model = model_of(sym.var("x").exp(), {}, {"x": ("batch", 2)}, ["float32"], {})
    >>> [node.op_type for node in model.graph.node]
    ['Exp']
    """
    return _Exporter(graph, arrays, inputs, dtypes).model(metadata)


class _Exporter:
    """Writes the nodes of one graph."""

    def __init__(
        self,
        graph: Symbol,
        arrays: Mapping[str, numpy.ndarray],
        inputs: Mapping[str, Shape],
        dtypes: Sequence[Any],
    ) -> None:
        self.symbol, self.inputs = graph, dict(inputs)
        self.labels = labels_of(graph)  # which the file leaves out
        self.dtypes = {
            name: numpy.dtype(dtype).name for name, dtype in zip(inputs, dtypes, strict=True)
        }
        used = set(graph.list_inputs())
        missing = [name for name in _input_names(graph, arrays) if name not in inputs]
        if missing:
            raise MXNetError(f"{missing[0]!r} has neither values nor the shape of an input")
        arrays = {name: x for name, x in arrays.items() if name in used}
        known = {name: x.dtype.name for name, x in arrays.items()} | self.dtypes
        fixed = {name: x.shape for name, x in arrays.items()}
        self.free, self.runs = self._run(fixed, known)
        pairs = {name: Pair(*self._sizes(shape)) for name, shape in self.inputs.items()}
        self.graph = Graph(arrays, pairs)
        self.graph.reserve(graph.list_outputs())
        self.tensors: dict[tuple[int, int], str] = {}

    def _sizes(self, shape: Shape) -> tuple[tuple[int, ...], tuple[int, ...]]:
        both = [(size, size) if isinstance(size, int) else self.free[size] for size in shape]
        return tuple(a for a, _ in both), tuple(b for _, b in both)

    def _run(
        self, fixed: Mapping[str, Any], dtypes: Mapping[str, str]
    ) -> tuple[dict[str, tuple[int, int]], tuple[Run, Run]]:
        """The graph on shapes alone, twice, with two sizes for each free one."""
        first_error = None
        for free in assumed(list(self.inputs.values())):
            self.free = free
            pairs = {name: self._sizes(shape) for name, shape in self.inputs.items()}
            try:
                runs = [
                    Run(self.symbol, dict(fixed) | {n: p[i] for n, p in pairs.items()}, dtypes)
                    for i in range(2)
                ]
            except MXNetError as error:
                first_error = first_error or error
                continue
            for node in runs[0].nodes:
                if node.operator is not None and not all(run.outputs[id(node)] for run in runs):
                    raise MXNetError(
                        f"node {node.name!r} ({node.operator.name}): the shape of its output "
                        "depends on values, or cannot be told"
                    )
            return free, (runs[0], runs[1])
        if is_free(list(self.inputs.values())):
            raise MXNetError(
                f"{first_error}. Numbers stood for the free sizes, {', '.join(self.free)}: if "
                "these do not fit, give all sizes (and dynamic_batch=False)"
            )
        raise first_error or MXNetError("the graph has no inputs")

    # ---- nodes -----------------------------------------------------------------------------------

    def _pair(self, entry: Entry) -> Pair:
        return Pair(*(tuple(run.shape_of(entry) or ()) for run in self.runs))

    def _dtype(self, entry: Entry) -> str:
        node, index = entry
        if node.operator is None:
            return numpy.dtype(self.runs[0].dtypes[id(node)] or "float32").name
        outputs = self.runs[0].outputs[id(node)]
        assert outputs is not None
        return numpy.dtype(outputs[index].dtype).name

    def _write(self, node: Node) -> None:
        assert node.operator is not None
        name = node.operator.name
        entries = [entry for entry in node.inputs if entry[0].name not in self.labels]
        outputs = [(node, index) for index in range(len(node.outputs))]
        taken = [self.tensors[id(given), index] for given, index in entries]
        if name in _COMPUTED and all(tensor in self.graph.arrays for tensor in taken):
            self._compute(node, taken)
            return
        if name not in WRITERS:
            raise MXNetError(f"node {node.name!r} ({name}) cannot be written to ONNX")
        call = Call(
            self.graph,
            node,
            taken,
            [self._pair(entry) for entry in entries],
            [self._dtype(entry) for entry in entries],
            [self._pair(entry) for entry in outputs],
            [self._dtype(entry) for entry in outputs],
        )
        found = WRITERS[name](call)
        for index, tensor in enumerate([found] if isinstance(found, str) else found):
            self.tensors[id(node), index] = tensor

    def _compute(self, node: Node, taken: Sequence[str]) -> None:
        """A node that takes parameters alone: what it gives is a constant."""
        assert node.operator is not None
        given = [self.graph.arrays[name] for name in taken]
        arrays = [nd.array(x, dtype=x.dtype) for x in given]
        made = node.operator.compute(arrays, node.values)[0]
        self.tensors[id(node), 0] = self.graph.constant(made.asnumpy(), node.name)

    def model(self, metadata: Mapping[str, str]) -> Any:
        """All nodes, in a model."""
        for node in in_order(self.symbol.heads):
            if node.operator is None:
                self.tensors[id(node), 0] = node.name
            else:
                self._write(node)
        outputs = [self._output(i) for i in range(len(self.symbol.heads))]
        helper = library().helper
        used = {name for node in self.graph.nodes for name in node.input}
        arrays = [
            library().numpy_helper.from_array(numpy.asarray(x, order="C"), name)
            for name, x in self.graph.arrays.items()
            if name in used
        ]
        inputs = [
            helper.make_tensor_value_info(name, type_of(self.dtypes[name]), shape)
            for name, shape in self.inputs.items()
        ]
        name = self.symbol.name or "graph"
        graph = helper.make_graph(self.graph.nodes, name, inputs, outputs, arrays)
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="microlazy",
            producer_version=import_module("microlazy").__version__,
        )
        return _with_metadata(model, metadata)

    def _output(self, place: int) -> Any:
        """An output of the model, under the name that the graph has for it."""
        node, index = self.symbol.heads[place]
        tensor, name = self.tensors[id(node), index], self.symbol.list_outputs()[place]
        made = {output for each in self.graph.nodes for output in each.output}
        others = [self.tensors[id(n), i] for n, i in self.symbol.heads[:place]]
        if tensor in made and tensor not in others:
            self.graph.rename(tensor, name)
            self.tensors = {key: name if t == tensor else t for key, t in self.tensors.items()}
        elif tensor != name:
            added = self.graph.add("Identity", [tensor], 1, name, {})
            self.graph.rename(added[0], name)
        pair, dtype = self._pair((node, index)), self._dtype((node, index))
        names = {sizes: free for free, sizes in self.free.items()}
        shape = [
            a if a == b else names.get((a, b), f"{name}_axis{axis}")
            for axis, (a, b) in enumerate(zip(*pair, strict=True))
        ]
        return library().helper.make_tensor_value_info(name, type_of(dtype), shape)


def _with_metadata(model: Any, metadata: Mapping[str, str]) -> Any:
    rest = {str(key): str(text) for key, text in metadata.items()}
    for field in ("producer_name", "producer_version"):  # of the file that a network is from
        rest.pop(field, None)
    for field in ("domain", "doc_string"):
        setattr(model, field, rest.pop(field, ""))
    version = rest.pop("model_version", None)
    if version is not None:
        try:
            model.model_version = int(version)
        except ValueError:
            raise MXNetError(f"metadata: model_version must be a number, not {version!r}") from None
    library().helper.set_model_props(model, rest)
    return model
