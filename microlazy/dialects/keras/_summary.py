"""The table that `summary` prints."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import Any

import numpy

from ..faces import face_of
from ._layer import variables_below
from ._variable import Variable

_WIDTHS = (31, 22, 13)
_HEAD = ("Layer (type)", "Output Shape", "Param #")


def summarize(model: Any) -> str:
    """The table of a model, its output shapes found by a dry run.

    Parameters
    ----------
    model : Model
        A model; one that is not built has no shapes yet.
    """
    shapes = _output_shapes(model) if model.built else {}
    rows = [
        (
            f"{layer.name} ({type(layer).__name__})",
            str(shapes.get(layer, "?")),
            f"{_count(variables_below(layer)):,}" if layer in shapes else "0 (unbuilt)",
        )
        for layer in model.layers
    ]
    lines = [f'Model: "{model.name}"', _rule("┏━┳┓"), _row(_HEAD, "┃"), _rule("┡━╇┩")]
    for place, row in enumerate(rows):
        lines += [_rule("├─┼┤")] * (place > 0) + [_row(row, "│")]
    lines.append(_rule("└─┴┘"))
    for what, variables in (
        ("Total", model.weights if model.built else []),
        ("Trainable", model.trainable_weights if model.built else []),
        ("Non-trainable", model.non_trainable_weights if model.built else []),
    ):
        lines.append(f" {what} params: {_count(variables):,} ({_size(variables)})")
    return "\n".join(lines)


def _output_shapes(model: Any) -> dict[Any, tuple[int | None, ...]]:
    """The output shape of each layer right below that is reached."""
    given = model._input_shape
    shapes: dict[Any, tuple[int | None, ...]] = {}

    def note(layer: Any, _: Any, out: Any) -> None:
        first = out[0] if isinstance(out, list | tuple) else out
        shapes[layer] = (given[0], *first.shape[1:])

    handles = [layer.register_forward_hook(note) for layer in model.layers]
    try:
        with face_of(next((v.array for v in variables_below(model)), None)):
            model.dry_run(tuple(1 if size is None else size for size in given))
    finally:
        for handle in handles:
            handle.detach()
    return shapes


def _count(variables: Iterable[Variable]) -> int:
    return sum(int(numpy.prod(variable.shape)) for variable in variables)


def _size(variables: Iterable[Variable]) -> str:
    """Bytes as people read them."""
    size = float(sum(int(numpy.prod(v.shape)) * numpy.dtype(v.dtype).itemsize for v in variables))
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1024 or unit == "GB":
            break
        size /= 1024
    return f"{size:.2f} {unit}"


def _rule(marks: str) -> str:
    left, line, cross, right = tuple(marks)
    return left + cross.join(line * (width + 2) for width in _WIDTHS) + right


def _row(cells: Sequence[str], mark: str) -> str:
    wrapped = [textwrap.wrap(cell, width) for cell, width in zip(cells, _WIDTHS, strict=True)]
    height = max(map(len, wrapped))
    lines = []
    for place in range(height):
        name, shape, count = (part[place] if place < len(part) else "" for part in wrapped)
        cell = f"{name:<{_WIDTHS[0]}} {mark} {shape:<{_WIDTHS[1]}} {mark} {count:>{_WIDTHS[2]}}"
        lines.append(f"{mark} {cell} {mark}")
    return "\n".join(lines)
