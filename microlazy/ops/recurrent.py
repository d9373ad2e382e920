"""Recurrent layers over whole sequences: Elman, LSTM and GRU, stacked and in both directions.

LSTM: Hochreiter & Schmidhuber 1997, with forget gates (Gers et al. 2000). GRU: Cho et al. 2014,
with the reset gate applied behind the product, as cuDNN has it.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from microlazy.base import MXNetError, ShapeError
from microlazy.core import functions as f
from microlazy.core.ops import nn
from microlazy.core.tensor import Tensor
from microlazy.ops.arguments import op
from microlazy.ops.checks import check_shapes, required
from microlazy.ops.precision import at_least_single
from microlazy.ops.sequence_lengths import length_mask

States = tuple[Tensor, ...]
Clip = tuple[float | None, float | None]
Step = Callable[[Tensor, Tensor, States, Clip], States]


class Cell(NamedTuple):
    """How many gates a cell has, how many states, and what it does in one step."""

    gates: int
    states: int
    step: Step


def _elman(act_type: str) -> Step:
    def step(inputs: Tensor, hidden: Tensor, states: States, clip: Clip) -> States:
        return (nn.activation(inputs + hidden, act_type),)

    return step


def _lstm(inputs: Tensor, hidden: Tensor, states: States, clip: Clip) -> States:
    gates = f.split(inputs + hidden, 4, axis=1)
    enter, forget, leave = (nn.activation(gates[i], "sigmoid") for i in (0, 1, 3))
    cell = forget * states[1] + enter * nn.activation(gates[2], "tanh")
    if clip != (None, None):
        cell = f.clip(cell, *clip)
    return leave * nn.activation(cell, "tanh"), cell


def _gru(inputs: Tensor, hidden: Tensor, states: States, clip: Clip) -> States:
    reset_in, update_in, new_in = f.split(inputs, 3, axis=1)
    reset_hidden, update_hidden, new_hidden = f.split(hidden, 3, axis=1)
    reset = nn.activation(reset_in + reset_hidden, "sigmoid")
    keep = nn.activation(update_in + update_hidden, "sigmoid")
    new = nn.activation(new_in + reset * new_hidden, "tanh")
    return (new + keep * (states[0] - new),)


CELLS = {
    "rnn_relu": Cell(1, 1, _elman("relu")),
    "rnn_tanh": Cell(1, 1, _elman("tanh")),
    "lstm": Cell(4, 2, _lstm),
    "gru": Cell(3, 1, _gru),
}


class Weights(NamedTuple):
    """The parameters of one layer in one direction."""

    i2h_weight: Tensor
    h2h_weight: Tensor
    i2h_bias: Tensor
    h2h_bias: Tensor


def parameter_shapes(
    mode: str, input_size: int, state_size: int, num_layers: int, directions: int
) -> list[list[tuple[int, ...]]]:
    """The shapes of weights and biases for each layer and direction, as in `Weights`.

    Examples
    --------
    >>> from microlazy.ops.recurrent import parameter_shapes
    >>> parameter_shapes("lstm", 3, 2, 1, 1)
    [[(8, 3), (8, 2), (8,), (8,)]]
    """
    rows = CELLS[mode].gates * state_size
    return [
        [(rows, state_size * directions if layer else input_size), (rows, state_size)]
        + [(rows,)] * 2
        for layer in range(num_layers)
        for _ in range(directions)
    ]


def _unpacked(parameters: Tensor, shapes: list[list[tuple[int, ...]]]) -> list[Weights]:
    """Cut the flat parameters: all weights first, then all biases, each in order of layers."""
    flat = [shape for pair in (shapes_of[:2] for shapes_of in shapes) for shape in pair]
    flat += [shape for pair in (shapes_of[2:] for shapes_of in shapes) for shape in pair]
    edges = [0]
    for shape in flat:
        edges.append(edges[-1] + shape[0] * (shape[1] if len(shape) == 2 else 1))
    check_shapes("rnn", (edges[-1],), parameters=parameters)
    parts = [f.reshape(parameters[a:b], s) for a, b, s in zip(edges, edges[1:], flat, strict=False)]
    biases = parts[len(parts) // 2 :]
    return [Weights(*parts[i : i + 2], *biases[i : i + 2]) for i in range(0, len(biases), 2)]


class Options(NamedTuple):
    """What holds for all layers of a call."""

    cell: Cell
    clip: Clip  # bounds of an LSTM's cell state
    alive: Tensor | None  # 1 where a sequence has not ended, else 0: (steps, batch, 1)


def _run(
    inputs: Tensor, weights: Weights, states: States, reverse: bool, options: Options
) -> tuple[list[Tensor], States]:
    """One layer in one direction: its steps' outputs in order of time, and its last states."""
    steps = inputs.shape[0]
    projected = nn.fully_connected(inputs, weights.i2h_weight, weights.i2h_bias, flatten=False)
    outputs = []
    for t in range(steps)[::-1] if reverse else range(steps):
        hidden = nn.fully_connected(states[0], weights.h2h_weight, weights.h2h_bias)
        new = options.cell.step(projected[t], hidden, states, options.clip)
        out = new[0]
        if options.alive is not None:
            alive = options.alive[t]
            new = tuple(old + alive * (x - old) for x, old in zip(new, states, strict=True))
            out = out * alive
        states = new
        outputs.append(out)
    return (outputs[::-1] if reverse else outputs), states


def _alive(data: Tensor, lengths: Tensor) -> Tensor:
    """For each step, 1 for the sequences that have not ended, else 0: (steps, batch, 1)."""
    steps, batch = data.shape[:2]
    check_shapes("rnn", (batch,), sequence_length=lengths)
    mask = length_mask(f.reshape(lengths, (batch, 1)), (steps, batch, 1), 0)
    return f.as_dtype(mask, data.dtype)


@op
@at_least_single
def rnn(
    data: Tensor,
    parameters: Tensor,
    state: Tensor,
    state_cell: Tensor | None = None,
    sequence_length: Tensor | None = None,
    state_size: int | None = None,
    num_layers: int | None = None,
    bidirectional: bool = False,
    mode: str | None = None,
    p: float = 0.0,
    state_outputs: bool = False,
    projection_size: int | None = None,
    lstm_state_clip_min: float | None = None,
    lstm_state_clip_max: float | None = None,
    lstm_state_clip_nan: bool = False,
    use_sequence_length: bool = False,
) -> Any:
    """Run a stack of recurrent layers over a batch of sequences.

    Parameters
    ----------
    data : array, shape (steps, batch, features)
    parameters : array
        The weights of all layers and directions in one row, input to hidden before hidden to
        hidden, then all biases in the same order. Gates: input, forget, new, output of lstm;
        reset, update, new of gru.
    state, state_cell : array, shape (num_layers * directions, batch, state_size)
        The first states; the second for lstm alone.
    sequence_length : array, shape (batch,), optional
        With `use_sequence_length`: states do not change behind a sequence's end, outputs are 0
        there, and the other direction starts at the end.
    state_size, num_layers : int
    bidirectional : bool
    mode : {'rnn_relu', 'rnn_tanh', 'lstm', 'gru'}
    p : float
        Dropout between layers, while training.
    state_outputs : bool
        Return the last states too.
    lstm_state_clip_min, lstm_state_clip_max : float, optional
        Bounds of lstm's cell state at each step.

    Returns
    -------
    array, shape (steps, batch, state_size * directions)
        Or, with `state_outputs`, a list of it and the last states.

    Raises
    ------
    ShapeError
        If the parameters or states do not fit.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> x, h = np.ones((3, 1, 1)), np.zeros((1, 1, 1))
    >>> y = npx.rnn(x, np.array([1, 1, 0, 0]), h, state_size=1, num_layers=1, mode="rnn_relu")
    >>> y[:, 0, 0]
    array([1., 2., 3.])
    """
    state_size = required("rnn", "state_size", state_size)
    num_layers = required("rnn", "num_layers", num_layers)
    mode = required("rnn", "mode", mode)
    if projection_size is not None or lstm_state_clip_nan:
        raise MXNetError(
            "rnn: projection_size and lstm_state_clip_nan are outside: MXNet has them on GPUs only"
        )
    if mode not in CELLS:
        raise MXNetError(f"rnn: mode is one of {', '.join(CELLS)}, not {mode!r}")
    cell = CELLS[mode]
    if data.ndim != 3 or not data.shape[0]:
        raise ShapeError(
            f"rnn: the data must have shape (steps, batch, features), with steps, not {data.shape}"
        )
    if (mode == "lstm") != (state_cell is not None):
        raise MXNetError(f"rnn: mode {mode!r} {'needs' if mode == 'lstm' else 'has no'} state_cell")
    if mode != "lstm" and (lstm_state_clip_min, lstm_state_clip_max) != (None, None):
        raise MXNetError(f"rnn: lstm_state_clip_min and _max belong to mode 'lstm', not {mode!r}")
    directions = 2 if bidirectional else 1
    first = [state] if state_cell is None else [state, state_cell]
    expected = (num_layers * directions, data.shape[1], state_size)
    for given in first:
        check_shapes("rnn", expected, state=given)
    alive = None
    if use_sequence_length:
        if sequence_length is None:
            raise MXNetError("rnn: use_sequence_length needs sequence_length")
        alive = _alive(data, sequence_length)
    weights = _unpacked(
        parameters, parameter_shapes(mode, data.shape[2], state_size, num_layers, directions)
    )
    options = Options(cell, (lstm_state_clip_min, lstm_state_clip_max), alive)
    last: list[States] = []
    for layer in range(num_layers):
        ways = []
        for way in range(directions):
            place = layer * directions + way
            outputs, states = _run(
                data, weights[place], tuple(s[place] for s in first), way == 1, options
            )
            ways.append(f.stack(outputs))
            last.append(states)
        data = ways[0] if directions == 1 else f.concatenate(ways, axis=2)
        if p and layer < num_layers - 1:
            data = nn.dropout(data, p)
    if not state_outputs:
        return data
    return [data, *(f.stack([states[i] for states in last]) for i in range(cell.states))]
