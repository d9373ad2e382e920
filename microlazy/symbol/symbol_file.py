"""Symbol files: MXNet's JSON of a graph, in the dialects of versions 0.8 to 2.0.

A file is one object::

    nodes      a list; each has op ("null" for a variable), name, inputs, and attributes
    arg_nodes  numbers of the variables
    heads      the outputs: [node, output] or [node, output, version]
    attrs      {"mxnet_version": ["int", 10901]}

Attributes of a node are in `attrs`, before version 1.0 in `attr`, and before 0.9 those of the
operator in `param` and others in `attr`. Before 0.9 what an operator changes was not listed.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from microlazy.base import MXNetError
from microlazy.symbol.attributes import HIDDEN, parse
from microlazy.symbol.custom import operator_with
from microlazy.symbol.graph import Entry, Node, in_order, missing_input
from microlazy.symbol.subgraphs import GraphOperator
from microlazy.symbol.symbol import Symbol
from microlazy.util import is_np_shape

__all__ = ["load", "load_json", "written"]

VERSION = 10901
_MOST_DEEP = 8  # graphs in graphs
_CASTS = ("amp_cast", "amp_multicast")


class _Refused(Exception):
    """What is wrong with a file."""


def load(fname: str | os.PathLike[str]) -> Symbol:
    """Read a graph from a symbol file of MXNet 0.8 to 2.0.

    Parameters
    ----------
    fname : path

    Returns
    -------
    Symbol

    Raises
    ------
    MXNetError
        If there is no such file, or it is no symbol file, or damaged, or has an operator or an
        attribute that microlazy does not know: the message names the node. Nothing is computed.

    Examples
    --------
    >>> import os, tempfile
    >>> import microlazy as mx
    >>> path = os.path.join(tempfile.mkdtemp(), "net-symbol.json")
    >>> mx.sym.FullyConnected(mx.sym.var("x"), num_hidden=3, name="fc").save(path)
    >>> mx.sym.load(path).list_arguments()
    ['x', 'fc_weight', 'fc_bias']
    """
    path = os.fspath(fname)
    try:
        with open(path, "rb") as file:
            text = file.read()
    except OSError as error:
        raise MXNetError(f"cannot read {path!r}: {error.strerror or error}") from error
    return _read(text, repr(path))


def load_json(json_str: str) -> Symbol:
    """Read a graph from the text of a symbol file.

    Parameters
    ----------
    json_str : str

    Raises
    ------
    TypeError
        If it is no text.
    MXNetError
        As in `load`.

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.sym.load_json(mx.sym.var("x").exp(name="e").tojson())
    <Symbol e>
    """
    if not isinstance(json_str, str):
        raise TypeError("fname required to be string")
    return _read(json_str, "the text")


def _read(text: str | bytes, source: str) -> Symbol:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MXNetError(f"{source} is no symbol file: {error}") from None
    try:
        return _graph(found)
    except _Refused as error:
        raise MXNetError(f"{source} is no valid symbol file: {error}") from None
    except MXNetError as error:
        raise MXNetError(f"{source}: {error}") from None


class _Kind(NamedTuple):
    version: int  # of the MXNet that wrote a file
    zero_is_open: bool  # whether 0 is a size that is not known, where it is one here


def _graph(found: Any, kind: _Kind | None = None, depth: int = 0) -> Symbol:
    if depth > _MOST_DEEP:
        raise _Refused(f"it has graphs in graphs, more than {_MOST_DEEP} deep")
    if not isinstance(found, dict) or not isinstance(found.get("nodes"), list):
        raise _Refused("it has no list of nodes")
    if kind is None:
        kind = _Kind(_stated(found, "mxnet_version"), is_np_shape() > _stated(found, "is_np_shape"))
    nodes: list[Node] = []
    for number, described in enumerate(found["nodes"]):
        nodes.append(_node(number, described, nodes, kind, depth))
    for number in _list(found.get("arg_nodes", []), "arg_nodes"):
        if _number(number, len(nodes), "arg_nodes") >= 0 and nodes[number].operator is not None:
            raise _Refused(f"arg_nodes has node {number}, {nodes[number].name!r}, no variable")
    heads = [
        _entry(head, nodes, f"head {i}")
        for i, head in enumerate(_list(found.get("heads"), "heads"))
    ]
    if not heads:
        raise _Refused("it has no heads")
    return Symbol(heads)


def _stated(found: Mapping[str, Any], about: str) -> int:
    """What a file says about itself; 0 if it says nothing."""
    attributes = found.get("attrs", {})
    stated = attributes.get(about) if isinstance(attributes, dict) else None
    if stated is None:
        return 0
    if not isinstance(stated, list) or len(stated) != 2 or type(stated[1]) is not int:
        raise _Refused(f"{about} is {stated!r}")
    return stated[1]


def _list(found: Any, what: str) -> list[Any]:
    if not isinstance(found, list):
        raise _Refused(f"{what} is no list")
    return found


def _number(found: Any, count: int, what: str) -> int:
    if type(found) is not int or not 0 <= found < count:
        raise _Refused(f"{what} has node {found!r}, but there are nodes 0 to {count - 1}")
    return found


def _node(number: int, found: Any, nodes: list[Node], kind: _Kind, depth: int) -> Node:
    where = f"node {number}"
    if not isinstance(found, dict):
        raise _Refused(f"{where} is no object")
    name, op = found.get("name"), found.get("op")
    if not isinstance(name, str) or not isinstance(op, str):
        raise _Refused(f"{where} has no name, or no op")
    where = f"{where}, {name!r}"
    inputs = []
    for entry in _list(found.get("inputs", []), f"inputs of {where}"):
        inputs.append(_entry(entry, nodes, f"{where},"))
    attributes = _attributes(found, where)
    if op == "null":
        if inputs:
            raise _Refused(f"{where} is a variable, but has inputs")
        return Node(None, name, _renamed(attributes))
    parts = _list(found.get("subgraphs", []), f"subgraphs of {where}")
    subgraphs = [_graph(part, kind, depth + 1) for part in parts]
    try:
        operator = operator_with(op, attributes, subgraphs)
    except MXNetError as error:
        raise MXNetError(f"{where}: {error}") from None
    if kind.zero_is_open and not operator.inputs and "shape" in attributes:
        attributes["shape"] = re.sub(r"\b0\b", "-1", attributes["shape"])
    is_extreme = operator.name in ("argmax", "argmin")
    if kind.version < 905 and is_extreme and attributes.get("axis") == "-1":
        del attributes["axis"]
    _hand_down(attributes, operator.inputs, inputs)
    node = Node(operator, name, _renamed(attributes), inputs)
    _complete(node, where)
    return node


def _attributes(found: Mapping[str, Any], where: str) -> dict[str, str]:
    attributes: dict[str, str] = {}
    for key in ("param", "attr", "attrs"):
        part = found.get(key, {})
        if not isinstance(part, dict) or not all(isinstance(text, str) for text in part.values()):
            raise _Refused(f"{key} of {where} is no object of texts")
        attributes |= part
    return attributes


def _renamed(attributes: Mapping[str, str]) -> dict[str, str]:
    return {f"__{key}__" if key in HIDDEN else key: text for key, text in attributes.items()}


def _hand_down(attributes: dict[str, str], names: tuple[str, ...], inputs: list[Entry]) -> None:
    """Give attributes such as weight_lr_mult, which old files have at the node, to the variable."""
    for key in [key for key in attributes if any(key.endswith(f"_{hidden}") for hidden in HIDDEN)]:
        hidden = next(hidden for hidden in HIDDEN if key.endswith(f"_{hidden}"))
        name = key.removesuffix(f"_{hidden}")
        if name in names:
            text = attributes.pop(key)
            if names.index(name) < len(inputs):
                inputs[names.index(name)][0].attributes[f"__{hidden}__"] = text


def _entry(found: Any, nodes: list[Node], where: str) -> Entry:
    if not isinstance(found, list) or not 2 <= len(found) <= 3:
        raise _Refused(f"{where} has {found!r} where [node, output] should stand")
    number, index = found[:2]
    if type(number) is not int or not 0 <= number < len(nodes):
        raise _Refused(
            f"{where} takes node {number!r}, but only nodes 0 to {len(nodes) - 1} stand before it"
        )
    node = nodes[number]
    if type(index) is not int or not 0 <= index < len(node.outputs):
        raise _Refused(f"{where} takes output {index!r} of {node.name!r}, which has "
                       f"{len(node.outputs)}")  # fmt: skip
    return node, index


def _complete(node: Node, where: str) -> None:
    """See whether a node has the inputs that it needs; add those that old files do not list."""
    operator = node.operator
    assert operator is not None
    if operator.variadic:
        text = node.attributes.get("num_args") if "num_args" in operator.kinds else None
        count = len(node.inputs) if text is None else parse("int", text)
        if count != len(node.inputs) or not count:
            raise _Refused(f"{where} ({operator.name}) has {len(node.inputs)} inputs, not {count}")
        return
    names = operator.input_names(node.values)
    optional = [name for name in operator.inputs if name in ("input1", "input2")]
    for name in names[len(node.inputs) :]:
        if name not in operator.auxiliary:
            break
        node.inputs.append((missing_input(node, name), 0))
    if not len(names) <= len(node.inputs) <= len(names) + len(optional):
        raise _Refused(
            f"{where} ({operator.name}) has {len(node.inputs)} inputs, but takes {len(names)}: "
            f"{', '.join(names)}"
        )


def written(symbol: Symbol, remove_amp_cast: bool) -> str:
    """The text of the file of a graph.

    Parameters
    ----------
    symbol : Symbol
    remove_amp_cast : bool
        Whether to leave out casts of mixed precision.
    """
    found = _described(symbol, remove_amp_cast)
    rows = ",\n    ".join(json.dumps(row) for row in found["nodes"])
    about = {"is_np_shape": ["int", 1]} if is_np_shape() else {}
    return (
        f'{{\n  "nodes": [\n    {rows}\n  ],\n  "arg_nodes": {found["arg_nodes"]},\n'
        f'  "heads": {found["heads"]},\n'
        f'  "attrs": {json.dumps(about | {"mxnet_version": ["int", VERSION]})}\n}}\n'
    )


def _described(symbol: Symbol, remove_amp_cast: bool) -> dict[str, Any]:
    """The nodes and heads of a graph, as files have them."""
    nodes = in_order(symbol.heads)
    if remove_amp_cast:
        nodes = [
            node for node in nodes if node.operator is None or node.operator.name not in _CASTS
        ]
    places = {id(node): place for place, node in enumerate(nodes)}

    def entry(node: Node, index: int, version: int = 0) -> list[int]:
        while id(node) not in places:
            node, index = node.inputs[index]
        return [places[id(node)], index, version]

    described = []
    for node in nodes:
        auxiliary = () if node.operator is None else node.operator.auxiliary
        names = node.operator.input_names(node.values) if auxiliary else ()  # type: ignore[union-attr]
        versions = [int(name in auxiliary) for name in names] or [0] * len(node.inputs)
        row: dict[str, Any] = {
            "op": "null" if node.operator is None else node.operator.name,
            "name": node.name,
        }
        if node.attributes:
            row["attrs"] = dict(sorted(node.attributes.items()))
        row["inputs"] = [
            entry(*part, version) for part, version in zip(node.inputs, versions, strict=True)
        ]
        if isinstance(node.operator, GraphOperator):
            parts = node.operator.subgraphs
            row["subgraphs"] = [_described(part, remove_amp_cast) for part in parts]
        described.append(row)
    variables = [places[id(node)] for node in nodes if node.operator is None]
    heads = [entry(*head) for head in symbol.heads]
    return {"nodes": described, "arg_nodes": variables, "heads": heads}
