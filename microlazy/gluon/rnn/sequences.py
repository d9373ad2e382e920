"""Sequences as lists of steps or as one array: what `unroll` of every cell needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...base import ShapeError
from ...core.array import ndarray
from ...core.tensor import Tensor
from ...initializer import ArgumentError
from ...symbol import Symbol
from ..block.symbolic import functions_of

Steps = list[Tensor]


def time_axis(layout: str) -> int:
    """Where the steps are: 0 for TNC, 1 for NTC and NTCHW."""
    if layout.count("T") != 1 or not layout.replace("T", "").startswith("N"):
        raise ArgumentError(
            "unroll: layout must hold T once and N before all other axes, as NTC, TNC and NTCHW "
            f"do, but got {layout!r}"
        )
    return layout.index("T")


def split_steps(length: int | None, inputs: Any, layout: str) -> Steps:
    """The steps of a sequence that is one array or a list of them."""
    axis = time_axis(layout)
    if isinstance(inputs, Symbol):
        steps: Any = list(inputs) if len(inputs) > 1 else list(_split(inputs, length or 0, axis))
    elif not isinstance(inputs, Tensor):
        steps = list(inputs)
    elif inputs.ndim <= axis:
        raise ShapeError(f"unroll: inputs of shape {inputs.shape} have no steps in {layout}")
    else:
        count = inputs.shape[axis]
        parts = _split(inputs, count, axis) if count else []
        steps = [parts] if isinstance(parts, Tensor) else list(parts)
    if not steps or length not in (None, len(steps)):
        raise ArgumentError(
            f"unroll: length={length} steps were asked for, but the inputs have {len(steps)}"
        )
    return steps


def _split(inputs: Any, count: int, axis: int) -> Any:
    return functions_of(inputs).split(inputs, num_outputs=count, axis=axis, squeeze_axis=True)


def merge_steps(steps: Sequence[Tensor], layout: str) -> Tensor:
    """One array of all steps."""
    return functions_of(steps[0]).stack(*steps, axis=time_axis(layout))


def merged(
    steps: Steps, layout: str, merge: bool | None, valid_length: Tensor | None
) -> Tensor | Steps:
    """The outputs as `unroll` returns them: one array if that is asked for, or they are masked."""
    merge = valid_length is not None if merge is None else merge
    return merge_steps(steps, layout) if merge else steps


def mask_steps(steps: Sequence[Tensor], valid_length: Tensor) -> Steps:
    """The steps, with zeros for each sequence that has ended."""
    F = functions_of(steps[0])
    masked = F.SequenceMask(
        F.stack(*steps, axis=0), sequence_length=valid_length, use_sequence_length=True
    )
    return split_steps(len(steps), masked, "TNC")


def reverse_steps(steps: Sequence[Tensor], valid_length: Tensor | None) -> Steps:
    """The steps from the end of each sequence; what lies behind its end stays there."""
    if valid_length is None:
        return list(steps)[::-1]
    F = functions_of(steps[0])
    turned = F.SequenceReverse(
        F.stack(*steps, axis=0), sequence_length=valid_length, use_sequence_length=True
    )
    return split_steps(len(steps), turned, "TNC")


def last_states(states: Sequence[Sequence[Tensor]], valid_length: Tensor) -> Steps:
    """The states at the end of each sequence, from those of all steps."""
    F = functions_of(states[0][0])
    return [
        F.SequenceLast(
            F.stack(*steps, axis=0), sequence_length=valid_length, use_sequence_length=True
        )
        for steps in zip(*states, strict=True)
    ]


def like_face(state: Any, inputs: Tensor) -> Any:
    """A state as an array of the type that the inputs have, nd or np."""
    return state.as_np_ndarray() if isinstance(inputs, ndarray) else state.as_nd_ndarray()


def join_features(parts: Sequence[Tensor]) -> Tensor:
    """Arrays side by side along their last axis."""
    return functions_of(parts[0]).concat(*parts, dim=-1)
