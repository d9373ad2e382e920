"""What `Block.summary` prints."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..parameter import Parameter
from .dry_run import abstract, dry_run, shapes_of
from .tree import Tree, is_container


class _Row(NamedTuple):
    layer: str
    shape: str
    parameters: int
    trainable: int
    shared: int


def summarize(block: Any, inputs: tuple[Any, ...]) -> str:
    """The table of `block` for the given inputs, by a dry run with a hook on each layer."""
    rows: list[_Row] = []
    seen: set[Parameter] = set()

    def add_row(layer: Tree, _: tuple, outputs: Any) -> None:
        own = list(layer.params.values())
        rows.append(
            _Row(
                f"{type(layer).__name__}-{len(rows) + 1}",
                _shape_text(outputs),
                sum(p.list_data()[0].size for p in own),
                sum(p.list_data()[0].size for p in own if p.grad_req != "null"),
                sum(p.list_data()[0].size for p in own if p in seen),
            )
        )
        seen.update(own)

    handles = []

    def attach(layer: Any) -> None:
        if not is_container(layer):
            handles.append(layer.register_forward_hook(add_row))

    block.apply(attach)
    try:
        dry_run(block, inputs, method="summary")
    finally:
        for handle in handles:
            handle.detach()
    tensors = [abstract(given) for given in inputs]
    return _table([_Row("Input", _shape_text(tensors), 0, 0, 0), *rows])


def _shape_text(tensors: Any) -> str:
    shapes = shapes_of(list(tensors) if isinstance(tensors, tuple) else tensors)
    return str(shapes)[1:-1] if isinstance(shapes, list) else str(shapes)


def _table(rows: list[_Row]) -> str:
    total = sum(row.parameters for row in rows)
    trainable = sum(row.trainable for row in rows)
    shared = sum(row.shared for row in rows)

    def line(layer: str, shape: str, parameters: object) -> str:
        return f"{layer:>20}  {shape:>42} {parameters:>15}"

    return "\n".join(
        [
            "-" * 80,
            line("Layer (type)", "Output Shape", "Param #"),
            "=" * 80,
            *(line(row.layer, row.shape, row.parameters) for row in rows),
            "=" * 80,
            "Parameters in forward computation graph, duplicate included",
            f"   Total params: {total}",
            f"   Trainable params: {trainable}",
            f"   Non-trainable params: {total - trainable}",
            f"Shared params in forward computation graph: {shared}",
            f"Unique parameters in model: {total - shared}",
            "-" * 80,
        ]
    )
