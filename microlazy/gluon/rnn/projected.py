"""LSTM layers whose outputs are projected to a smaller size at each step (Sak et al. 2014)."""

from __future__ import annotations

from collections.abc import Sequence

from ... import ndarray as nd
from ... import numpy_extension as npx
from ...core.tensor import Tensor
from .rnn_cell import lstm_step
from .sequences import (
    join_features,
    last_states,
    mask_steps,
    merge_steps,
    reverse_steps,
    split_steps,
    stack_layers,
)

Bounds = tuple[float | None, float | None]


def run_projected(
    x: Tensor,
    states: Sequence[Tensor],
    lengths: Tensor | None,
    weights: Sequence[Sequence[Tensor]],
    ways: int,
    dropout: float,
    clip: Bounds,
) -> list[Tensor]:
    """Run a stack of layers over inputs of shape (steps, batch, features).

    `weights` holds those of each layer and direction, in the order of `LSTM`'s parameters.
    Returned are the outputs and both last states.
    """
    last: list[list[Tensor]] = []
    for layer in range(0, len(weights), ways):
        if layer and dropout:
            x = npx.dropout(x, p=dropout)
        steps = split_steps(None, x, "TNC")
        outputs = []
        for way in range(ways):
            place = layer + way
            first = [state[place] for state in states]
            ordered = reverse_steps(steps, lengths) if way else steps
            done, final = _run_way(ordered, first, weights[place], lengths, clip)
            outputs.append(reverse_steps(done, lengths) if way else done)
            last.append(final)
        x = join_features([merge_steps(done, "TNC") for done in outputs])
    return [x, *(stack_layers(parts) for parts in zip(*last, strict=True))]


def _run_way(
    steps: Sequence[Tensor],
    states: list[Tensor],
    weights: Sequence[Tensor],
    lengths: Tensor | None,
    clip: Bounds,
) -> tuple[list[Tensor], list[Tensor]]:
    """One layer in one direction: its outputs and its last states."""
    i2h_weight, h2h_weight, i2h_bias, h2h_bias, h2r_weight = weights
    rows, size = i2h_weight.shape[0], h2r_weight.shape[0]
    outputs, all_states = [], []
    for x in steps:
        i2h = npx.fully_connected(x, i2h_weight, i2h_bias, num_hidden=rows)
        h2h = npx.fully_connected(states[0], h2h_weight, h2h_bias, num_hidden=rows)
        hidden, cell = lstm_step(nd, i2h + h2h, states[1], clip=clip)
        out = npx.fully_connected(hidden, h2r_weight, num_hidden=size, no_bias=True)
        states = [out, cell]
        outputs.append(out)
        all_states.append(states)
    if lengths is not None:
        states = last_states(all_states, lengths)
        outputs = mask_steps(outputs, lengths)
    return outputs, states
