"""Shapes of a graph, from those of some variables: the graph runs on shapes alone.

A rule says which shapes an operator needs of its parameters, given the shape of its data; the
operators say everything else themselves.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy

from microlazy import autograd
from microlazy.base import AbstractValueError, MXNetError, is_known
from microlazy.core import trace
from microlazy.core.tensor import Tensor
from microlazy.ops.recurrent import CELLS
from microlazy.symbol.custom import CustomOperator
from microlazy.symbol.graph import (
    Entry,
    Node,
    auxiliary_of,
    in_order,
    variables_of,
)
from microlazy.symbol.operators import Operator
from microlazy.symbol.running import computed
from microlazy.symbol.subgraphs import GraphOperator
from microlazy.symbol.symbol import Symbol

__all__ = ["RULES", "Run", "infer", "infer_partially", "merged"]

Shape = tuple[int, ...]
Shapes = Mapping[str, Shape]
Rule = Callable[[Shapes, Mapping[str, Any]], dict[str, Shape]]


def merged(known: Shape | None, found: Shape) -> Shape | None:
    """A shape that agrees with two, or None if there is none.

    Examples
    --------
    >>> from microlazy.symbol.shapes import merged
    >>> merged((3, 0), (3, 5)), merged((3, 4), (3, 5))
    ((3, 5), None)
    """
    if known is None or (len(known) == 0 and len(found) > 0):
        return found
    agrees = len(known) == len(found) and all(
        old in (new, 0, -1) or new <= 0 for old, new in zip(known, found, strict=True)
    )
    if not agrees:
        return None
    return tuple(new if new > 0 else old for old, new in zip(known, found, strict=True))


# ---- rules ---------------------------------------------------------------------------------------


def _fully_connected(shapes: Shapes, values: Mapping[str, Any]) -> dict[str, Shape]:
    data = shapes["data"]
    units = values.get("num_hidden") or shapes.get("weight", (0,))[0]
    flat = values.get("flatten", True)
    features = math.prod(data[1:]) if flat else data[-1]
    return {"weight": (units, features), "bias": (units,)}


def _filters(shapes: Shapes, values: Mapping[str, Any], is_transposed: bool) -> dict[str, Shape]:
    """Filters of (out, in / groups, *kernel), or of the transpose: (in, out / groups, *kernel).

    With channels last in the data, they are last in the filters too.
    """
    data, kernel = shapes["data"], values["kernel"]
    filters = values.get("num_filter") or shapes.get("bias", (0,))[0] or values["num_filter"]
    layout = values.get("layout") or "NC"
    channels = data[layout.index("C")]
    first, second = (channels, filters) if is_transposed else (filters, channels)
    places = kernel if isinstance(kernel, Sequence) else (kernel,) * (len(data) - 2)
    weight = [first, *places]
    weight.insert(layout.index("C"), second // (values.get("num_group") or 1))
    return {"weight": tuple(weight), "bias": (filters,)}


def _convolution(shapes: Shapes, values: Mapping[str, Any]) -> dict[str, Shape]:
    return _filters(shapes, values, is_transposed=False)


def _deconvolution(shapes: Shapes, values: Mapping[str, Any]) -> dict[str, Shape]:
    return _filters(shapes, values, is_transposed=True)


def _batch_norm(shapes: Shapes, values: Mapping[str, Any]) -> dict[str, Shape]:
    channels = (shapes["data"][values.get("axis", 1)],)
    return dict.fromkeys(("gamma", "beta", "moving_mean", "moving_var"), channels)


def _layer_norm(shapes: Shapes, values: Mapping[str, Any]) -> dict[str, Shape]:
    return dict.fromkeys(("gamma", "beta"), (shapes["data"][values.get("axis", -1)],))


def _instance_norm(shapes: Shapes, values: Mapping[str, Any]) -> dict[str, Shape]:
    return dict.fromkeys(("gamma", "beta"), (shapes["data"][1],))


def _group_norm(shapes: Shapes, values: Mapping[str, Any]) -> dict[str, Shape]:
    return dict.fromkeys(("gamma", "beta"), (values.get("num_groups", 1),))


def _embedding(shapes: Shapes, values: Mapping[str, Any]) -> dict[str, Shape]:
    known = shapes.get("weight") or (0, 0)
    sizes = (values.get("input_dim") or known[0], values.get("output_dim") or known[1])
    return {"weight": sizes}


def _leaky_relu(shapes: Shapes, values: Mapping[str, Any]) -> dict[str, Shape]:
    data = shapes["data"]
    return {"gamma": (data[1] if len(data) > 1 else data[0],)}


def _recurrent(shapes: Shapes, values: Mapping[str, Any]) -> dict[str, Shape]:
    _, batch, features = shapes["data"]
    size, layers = values["state_size"], values["num_layers"]
    ways = 2 if values.get("bidirectional") else 1
    given = values.get("projection_size") or size
    rows = CELLS[values["mode"]].gates * size
    numbers = 0
    for _ in range(layers):
        numbers += ways * rows * (features + given + 2)
        numbers += ways * given * size if values.get("projection_size") else 0
        features = given * ways
    return {
        "parameters": (numbers,),
        "state": (layers * ways, batch, given),
        "state_cell": (layers * ways, batch, size),
        "sequence_length": (batch,),
    }


def _class_label(shapes: Shapes, values: Mapping[str, Any]) -> dict[str, Shape]:
    data = shapes["data"]
    if values.get("multi_output"):
        return {"label": (data[0], *data[2:])}
    return {"label": data[:-1] if values.get("preserve_shape") else data[:1]}


def _number_label(shapes: Shapes, values: Mapping[str, Any]) -> dict[str, Shape]:
    data = shapes["data"]
    return {"label": data[:1] if len(data) == 2 and data[1] == 1 else data}


def _first_label(shapes: Shapes, values: Mapping[str, Any]) -> dict[str, Shape]:
    return {"label": shapes["data"][:1]}


def _alike(shapes: Shapes, values: Mapping[str, Any]) -> dict[str, Shape]:
    return {"lhs": shapes.get("rhs", ()), "rhs": shapes.get("lhs", ())}


def _dot(shapes: Shapes, values: Mapping[str, Any]) -> dict[str, Shape]:
    a, b = shapes.get("lhs", ()), shapes.get("rhs", ())
    found: dict[str, Shape] = {}
    if a and not is_known(a) and b:
        size = b[-1 if values.get("transpose_b") else max(-2, -len(b))]
        found["lhs"] = (size, *a[1:]) if values.get("transpose_a") else (*a[:-1], size)
    if b and not is_known(b) and a:
        size = a[0 if values.get("transpose_a") else -1]
        found["rhs"] = (*b[:-1], size) if values.get("transpose_b") else (size, *b[1:])
    return found


def _upsampling(shapes: Shapes, values: Mapping[str, Any]) -> dict[str, Shape]:
    if values.get("sample_type") != "bilinear":
        return {}
    scale = values["scale"]
    kernel = 2 * scale - scale % 2
    return {"arg1": (shapes["arg0"][1], 1, kernel, kernel)}


# Operators whose inputs have one shape.
_ALIKE = """
elemwise_add elemwise_sub elemwise_mul elemwise_div _maximum _minimum _power _mod _equal
_not_equal _greater _greater_equal _lesser _lesser_equal _hypot _grad_add
"""

RULES: dict[str, Rule] = {
    "FullyConnected": _fully_connected,
    "Convolution": _convolution,
    "Deconvolution": _deconvolution,
    "_contrib_DeformableConvolution": _convolution,
    "_contrib_ModulatedDeformableConvolution": _convolution,
    "BatchNorm": _batch_norm,
    "_contrib_BatchNormWithReLU": _batch_norm,
    "_contrib_SyncBatchNorm": _batch_norm,
    "LayerNorm": _layer_norm,
    "InstanceNorm": _instance_norm,
    "GroupNorm": _group_norm,
    "Embedding": _embedding,
    "LeakyReLU": _leaky_relu,
    "RNN": _recurrent,
    "SoftmaxOutput": _class_label,
    "LinearRegressionOutput": _number_label,
    "LogisticRegressionOutput": _number_label,
    "MAERegressionOutput": _number_label,
    "SVMOutput": _first_label,
    "softmax_cross_entropy": _first_label,
    "dot": _dot,
    "UpSampling": _upsampling,
    **dict.fromkeys(_ALIKE.split(), _alike),
}


# ---- a run on shapes -----------------------------------------------------------------------------


class Run:
    """What is known of a graph's variables and outputs.

    Parameters
    ----------
    symbol : Symbol
    shapes, dtypes : dict of str
        What is known of variables.

    Attributes
    ----------
    shapes, dtypes : dict
        Of variables, by the ids of their nodes.
    outputs : dict
        Abstract arrays that nodes give, by their ids; None where they cannot be told.

    Examples
    --------
    >>> import microlazy as mx
    >>> from microlazy.symbol.shapes import Run
    >>> x = mx.sym.var("x").sum(axis=1)
    >>> Run(x, {"x": (2, 3)}, {}).shape_of(x.heads[0])
    (2,)
    """

    def __init__(
        self, symbol: Symbol, shapes: Mapping[str, Any], dtypes: Mapping[str, Any]
    ) -> None:
        self.nodes = in_order(symbol.heads)
        self.heads = symbol.heads
        self.shapes: dict[int, Shape | None] = {}
        self.dtypes: dict[int, Any] = {}
        self.outputs: dict[int, list[Tensor] | None] = {}
        for node in variables_of(self.nodes):
            given = shapes.get(node.name)
            own = node.shape
            self.shapes[id(node)] = own if given is None else merged(own, _shape(given, node.name))
            if given is not None and self.shapes[id(node)] is None:
                raise MXNetError(f"{node.name!r} has shape {own}, but {tuple(given)} is given")
            self.dtypes[id(node)] = dtypes.get(node.name, node.dtype)
        with autograd.pause(), trace.tracing():
            waiting = [node for node in self.nodes if node.operator is not None]
            before = None
            while before != (before := (len(waiting), self.shapes.copy())):
                # What is used before it is known is known the next time.
                for node in waiting:
                    self.outputs[id(node)] = self._outputs(node)
                waiting = [node for node in waiting if self.outputs[id(node)] is None]

    def _outputs(self, node: Node) -> list[Tensor] | None:
        self._settle(node)
        arrays = [self._array(entry, node) for entry in node.inputs]
        if any(array is None for array in arrays):
            return None
        try:
            return computed(node, arrays, abstract=True)
        except AbstractValueError:
            return None  # its values decide

    def _settle(self, node: Node) -> None:
        """Find shapes of variables from how a node uses them."""
        operator = node.operator
        assert operator is not None
        names = _names(node)
        shapes = {
            name: shape
            for name, entry in zip(names, node.inputs, strict=False)
            if (shape := self.shape_of(entry)) is not None
        }
        rule = _rule(operator)
        unknown = [name for name in names if not is_known(shapes.get(name))]
        if operator.name == "RNN" and is_known(shapes.get("data")):
            self._settle_first_weights(node.inputs[1][0], shapes["data"][2])
        if rule is None or not unknown or ("data" in names and not is_known(shapes.get("data"))):
            return
        try:
            found = rule(shapes, node.values)
            if not all(size >= 0 for name in unknown for size in found.get(name, ())):
                raise ValueError(f"its parameters would have the shapes {found}")
        except (LookupError, ArithmeticError, ValueError, TypeError) as error:
            why = f"it needs the attribute {error}" if isinstance(error, KeyError) else error
            raise MXNetError(f"node {node.name!r} ({operator.name}): {why}") from None
        for name, (given, _) in zip(names, node.inputs, strict=False):
            if given.operator is None and found.get(name) and name in unknown:
                shape = merged(self.shapes[id(given)], found[name])
                if shape is None:
                    raise MXNetError(
                        f"node {node.name!r} ({operator.name}) needs {given.name!r} of shape "
                        f"{found[name]}, but it has {self.shapes[id(given)]}"
                    )
                self.shapes[id(given)] = shape

    def _settle_first_weights(self, row: Node, features: int) -> None:
        """Find the width of the weights that a recurrent layer has in a row: only those of its
        first layer are not known."""
        if row.operator is None or row.operator.name not in ("_rnn_param_concat", "Concat"):
            return
        for flat, _ in row.inputs:
            weight = flat.inputs[0][0] if flat.operator is not None and flat.inputs else flat
            shape = self.shapes.get(id(weight))
            if shape is not None and len(shape) == 2 and shape[0] > 0 and not is_known(shape):
                self.shapes[id(weight)] = (shape[0], features)

    def shape_of(self, entry: Entry) -> Shape | None:
        """The shape of an output, if it is known."""
        node, index = entry
        if node.operator is None:
            return self.shapes[id(node)]
        outputs = self.outputs.get(id(node))
        return None if outputs is None else outputs[index].shape

    def _array(self, entry: Entry, user: Node) -> Tensor | None:
        node, index = entry
        if node.operator is not None:
            outputs = self.outputs.get(id(node))
            return None if outputs is None else outputs[index]
        shape = self.shapes[id(node)]
        if shape is None or not is_known(shape):
            return None
        if self.dtypes[id(node)] is None:
            self.dtypes[id(node)] = self._dtype_beside(user)
        return trace.abstract(shape, self.dtypes[id(node)], _face(user))

    def _dtype_beside(self, user: Node) -> Any:
        """That of the other inputs of a node, if it is a floating one."""
        for node, index in user.inputs:
            outputs = self.outputs.get(id(node))
            dtype = outputs[index].dtype if outputs else self.dtypes.get(id(node))
            if dtype is not None and numpy.dtype(dtype).kind == "f":
                return dtype
        return "float32"


def _rule(operator: Operator) -> Rule | None:
    if isinstance(operator, CustomOperator):
        return operator.rule
    if isinstance(operator, GraphOperator):
        return partial(_inside, operator)
    return RULES.get(operator.name)


def _inside(operator: GraphOperator, shapes: Shapes, values: Mapping[str, Any]) -> dict[str, Shape]:
    """The shapes of inputs that follow from how the graphs of an operator use them."""
    found: dict[str, Shape] = {}
    for graph, places in zip(operator.subgraphs, operator.places, strict=True):
        inputs = [operator.inputs[place] for place in places]
        names = dict(zip(inputs, graph.list_inputs(), strict=True))
        sliced = operator.inputs[: operator.sliced]
        known = {
            name: shapes[given][1:] if given in sliced else shapes[given]
            for given, name in names.items()
            if is_known(shapes.get(given))
        }
        run = Run(graph, known, {})
        told = {node.name: run.shapes[id(node)] for node in variables_of(run.nodes)}
        for given, name in names.items():
            shape = told[name]
            if given not in sliced and shape is not None:
                found[given] = shape
    return found


def _face(node: Node) -> int:
    return int(node.operator is not None and node.operator.is_numpy)


def _names(node: Node) -> Sequence[str]:
    assert node.operator is not None
    if node.operator.variadic:
        return [f"arg{i}" for i in range(len(node.inputs))]
    return node.operator.input_names(node.values)


def _shape(given: Any, name: str) -> Shape:
    if isinstance(given, int):
        given = (given,)
    if not isinstance(given, list | tuple) or not all(isinstance(size, int) for size in given):
        raise TypeError(f"the shape of {name!r} must be a tuple of integers, not {given!r}")
    return tuple(given)


def infer(
    symbol: Symbol, shapes: Mapping[str, Any], dtypes: Mapping[str, Any] | None = None
) -> Any:
    """The shapes of arguments, outputs and auxiliary states; None for those that are not known.

    Parameters
    ----------
    symbol : Symbol
    shapes, dtypes : dict of str
        What is known of variables.
    """
    return _parts(Run(symbol, shapes, dtypes or {}))


def _parts(run: Run) -> tuple[list[Shape | None], list[Shape | None], list[Shape | None]]:
    changed = auxiliary_of(run.nodes)
    variables = variables_of(run.nodes)
    arguments = [run.shapes[id(node)] for node in variables if id(node) not in changed]
    auxiliary = [run.shapes[id(node)] for node in variables if id(node) in changed]
    return arguments, [run.shape_of(head) for head in run.heads], auxiliary


# Stand for a size that is not known. Many numbers divide them, so that they can be split, pooled
# and reshaped.
_PROBES = (5040, 10080)


def infer_partially(symbol: Symbol, shapes: dict[str, Any]) -> Any:
    """As `infer`, with 0 for each size that is not known, and () for a shape.

    A graph runs on known shapes only. So it runs twice, with two sizes in place of those that are
    not known: what differs between the runs depends on them.

    Examples
    --------
    >>> import microlazy as mx
    >>> from microlazy.symbol.shapes import infer_partially
    >>> infer_partially(mx.sym.FullyConnected(mx.sym.var("x"), num_hidden=3), {"x": (0, 5)})
    ([(0, 5), (3, 5), (3,)], [(0, 3)], [])
    """
    plain = Run(symbol, shapes, {})
    given = {
        node.name: shape
        for node in variables_of(plain.nodes)
        if (shape := plain.shapes[id(node)]) is not None and not is_known(shape)
    }
    first = second = _parts(plain)
    # The sizes may stand in a relation that the probes do not have.
    with contextlib.suppress(MXNetError, ValueError, MemoryError):
        if given:
            first, second = (
                _parts(Run(symbol, shapes | _filled(given, probe), {})) for probe in _PROBES
            )
    parts = zip(first, second, strict=True)
    return tuple([_common(a, b) for a, b in zip(*part, strict=True)] for part in parts)


def _filled(shapes: Mapping[str, Shape], size: int) -> dict[str, Shape]:
    return {name: tuple(n if n > 0 else size for n in shape) for name, shape in shapes.items()}


def _common(first: Shape | None, second: Shape | None) -> Shape:
    """What two runs agree on."""
    if first is None or second is None or len(first) != len(second):
        return ()
    return tuple(max(a, 0) if a == b else 0 for a, b in zip(first, second, strict=True))
