"""The table that `tabulate` returns."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy

from ..jax.tree_util import tree_leaves
from ._scope import Run

_UNITS = (("KB", 1e3), ("MB", 1e6), ("GB", 1e9), ("TB", 1e12), ("PB", 1e15))
_MARGINS = {"head": "┏━┳┓", "below": "┡━╇┩", "between": "├─┼┤", "end": "└─┴┘"}


def table(title: str, run: Run) -> str:
    """The table of a run of `init`.

    Parameters
    ----------
    title : str
        The name of the outermost module.
    run : Run
        With a row for each call of a module.
    """
    collections = sorted(run.variables)
    head = ["path", "module", "inputs", "outputs", *collections]
    rows = [
        [
            "/".join(row.scope.keys),
            row.kind,
            _arrays(row.inputs),
            _arrays((row.outputs,)),
            *(_variables(run, collection, row.scope.keys) for collection in collections),
        ]
        for row in run.rows or []
    ]
    totals = [_size(run.variables[collection]) for collection in collections]
    cells = [[cell.split("\n") for cell in row] for row in [head, *rows]]
    last = [[text] for text in ["", "", "", "Total", *totals]]
    widths = [
        max(len(line) for row in [*cells, last] for line in row[column])
        for column in range(len(head))
    ]
    lines = [_rule("head", widths), *_row(cells[0], widths, "┃"), _rule("below", widths)]
    for row in cells[1:]:
        lines += [*_row(row, widths, "│"), _rule("between", widths)]
    right = [f"{'Total':>{widths[3]}}"]
    lines += [*_row([*last[:3], right, *last[4:]], widths, "│"), _rule("end", widths)]
    width = len(lines[0])
    total = f"Total Parameters: {_size(run.variables)}"
    above = _centered(f"{title} Summary", width)
    return "\n".join(["", above, *lines, "", _centered(total, width), ""])


def _centered(text: str, width: int) -> str:
    return " " * ((width - len(text)) // 2) + text


def _arrays(values: Iterable[Any]) -> str:
    texts = [
        f"{numpy.dtype(x.dtype).name}[{','.join(map(str, x.shape))}]"
        if hasattr(x, "shape")
        else repr(x)
        for x in values
    ]
    return texts[0] if len(texts) == 1 else "\n".join(f"- {text}" for text in texts)


def _variables(run: Run, collection: str, keys: tuple[str, ...]) -> str:
    """A module's own variables, without those of the modules below."""
    part = run.variables[collection]
    for key in keys:
        part = part.get(key, {})
    own = {k: v for k, v in part.items() if not isinstance(v, dict)}
    if not own:
        return ""
    return "\n".join([*(f"{k}: {_arrays((own[k],))}" for k in sorted(own)), "", _size(own)])


def _size(tree: Any) -> str:
    leaves = [leaf for leaf in tree_leaves(tree) if hasattr(leaf, "shape")]
    count = sum(math.prod(leaf.shape) for leaf in leaves)
    size = float(sum(math.prod(x.shape) * numpy.dtype(x.dtype).itemsize for x in leaves))
    if size < 1000:
        return f"{count:,} ({size:.0f} B)"
    unit, size = next((u, size / f) for u, f in _UNITS if size < 1000 * f)
    return f"{count:,} ({size:.1f} {unit})"


def _rule(kind: str, widths: list[int]) -> str:
    left, line, cross, right = tuple(_MARGINS[kind])
    return left + cross.join(line * (width + 2) for width in widths) + right


def _row(cells: list[list[str]], widths: list[int], mark: str) -> list[str]:
    height = max(map(len, cells))
    filled = [cell + [""] * (height - len(cell)) for cell in cells]
    return [
        f"{mark} "
        + f" {mark} ".join(f"{text:<{w}}" for text, w in zip(line, widths, strict=True))
        + f" {mark}"
        for line in zip(*filled, strict=True)
    ]
