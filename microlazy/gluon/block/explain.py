"""What is known of every parameter of a network, as a table."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

from ..parameter import Parameter
from ..parameter.shapes import shape_text
from ..utils import _html_table, _text_table
from .tree import Tree, children_of, layer_text, parameters_below, parameters_of

_WIDEST = {"path": 40, "layer": 36, "why": 40, "init": 20}


class Row(NamedTuple):
    """What is known of one parameter.

    Attributes
    ----------
    path : str
        Where it sits in the network, such as ``0.weight``.
    layer : str
        The layer that has it.
    shape : str
        Its shape, with ``?`` for each unknown axis.
    why : str
        Where its sizes came from, or what they wait for.
    init : str
        The initializer that is remembered.
    state : str
        'declared', 'deferred' or 'live'.

    Examples
    --------
    >>> from microlazy.gluon import nn
    >>> nn.Dense(3, in_units=4).explain().rows[0].shape
    '(3, 4)'
    """

    path: str
    layer: str
    shape: str
    why: str
    init: str
    state: str


class Explanation:
    """A table of every parameter of a block; its text is the table, long cells cut.

    Parameters
    ----------
    block : Block
        The network to explain.

    Attributes
    ----------
    rows : list of Row
        One per parameter and path; a shared parameter has a row for each of its paths. Nothing
        is cut in them.

    Examples
    --------
    >>> from microlazy.gluon import nn
    >>> [row.path for row in Explanation(nn.Dense(3)).rows]
    ['weight', 'bias']
    """

    def __init__(self, block: Tree) -> None:
        self.rows = list(_rows(block))

    def __repr__(self) -> str:
        return _text_table([name.capitalize() for name in Row._fields], map(_narrow, self.rows))

    def _repr_html_(self) -> str:
        head = [name.capitalize() for name in Row._fields]
        return _html_table("Parameters", head, self.rows)


def _narrow(row: Row) -> tuple[str, ...]:
    """The cells of a row, not wider than is easily read."""
    return tuple(
        text if len(text) <= _WIDEST.get(name, len(text)) else f"{text[: _WIDEST[name] - 3]}..."
        for name, text in zip(Row._fields, row, strict=True)
    )


def _rows(block: Tree) -> Iterator[Row]:
    seen: dict[Parameter, str] = {}
    for path, layer, parameter in parameters_below(block):
        first = seen.setdefault(parameter, path)
        yield Row(
            path,
            layer_text(layer),
            shape_text(parameter.shape),
            parameter.why if first == path else f"shared with {first}",
            str(parameter.remembered_init or ""),
            parameter.state,
        )


def layers_as_html(block: Tree) -> str:
    """A table of a network's layers: where each sits, and how many numbers its parameters have."""
    rows = []
    for path, layer in _layers(block, ""):
        shapes = [parameter.shape for parameter in parameters_of(layer).values()]
        known = all(shape is not None and min(shape, default=1) > 0 for shape in shapes)
        size = sum(math.prod(shape or ()) for shape in shapes) if known else "?"
        rows.append((path, layer_text(layer), f"{size:,}" if known else size))
    return _html_table(f"{type(block).__name__} {block.name}", ("Path", "Layer", "Numbers"), rows)


def _layers(block: Tree, path: str) -> Iterator[tuple[str, Tree]]:
    children = children_of(block)
    if parameters_of(block) or not children:
        yield path, block
    for name, child in children.items():
        yield from _layers(child, f"{path}.{name}" if path else name)
