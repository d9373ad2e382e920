"""Recurrent layers over whole sequences: Elman, LSTM and GRU, stacked and in both directions.

LSTM: Hochreiter & Schmidhuber 1997, with forget gates (Gers et al. 2000). GRU: Cho et al. 2014,
with the reset gate applied behind the product, as cuDNN has it.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from microlazy.base import MXNetError, ShapeError
from microlazy.core import functions as f
from microlazy.core.differentiation import results_with_others
from microlazy.core.ops import nn
from microlazy.core.ops import recurrent as nodes
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
    h2r_weight: Tensor | None = None  # projects the output, which is the first state


def parameter_shapes(
    mode: str,
    input_size: int,
    state_size: int,
    num_layers: int,
    directions: int,
    projection_size: int | None = None,
) -> list[list[tuple[int, ...]]]:
    """The shapes of weights and biases for each layer and direction, as in `Weights`.

    Examples
    --------
    >>> from microlazy.ops.recurrent import parameter_shapes
    >>> parameter_shapes("lstm", 3, 2, 1, 1)
    [[(8, 3), (8, 2), (8,), (8,)]]
    """
    rows, size = CELLS[mode].gates * state_size, projection_size or state_size
    projection = ((projection_size, state_size),) if projection_size else ()
    return [
        [
            (rows, size * directions if layer else input_size),
            *((rows, size), (rows,), (rows,)),
            *projection,
        ]
        for layer in range(num_layers)
        for _ in range(directions)
    ]


def _unpacked(parameters: Tensor, shapes: list[list[tuple[int, ...]]]) -> list[Tensor]:
    """Cut the flat parameters: all weights first, then all biases, each in order of layers.

    Returned are those of each layer and direction together, as in `Weights`; a projection is
    among the weights, behind those of its layer and direction.
    """
    flat = [shape for shapes_of in shapes for shape in shapes_of]
    order = sorted(range(len(flat)), key=lambda place: len(flat[place]) == 1)  # weights first
    check_shapes("rnn", (sum(map(math.prod, flat)),), parameters=parameters)
    parts: dict[int, Tensor] = {}
    end = 0
    for place in order:
        start, end = end, end + math.prod(flat[place])
        parts[place] = f.reshape(parameters[start:end], flat[place])
    return [parts[place] for place in range(len(flat))]


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
        if weights.h2r_weight is not None:
            new = (nn.fully_connected(new[0], weights.h2r_weight, None), *new[1:])
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
    mask = length_mask(f.reshape(lengths, (batch, 1)), (steps, batch, 1), 0)
    return f.as_dtype(mask, data.dtype)


def _layer(
    data: Tensor, states: list[Tensor], weights: list[Tensor], directions: int, options: Options
) -> list[Tensor]:
    """One layer, composed: the outputs, and the last states of all its directions."""
    ways, last = [], []
    count = len(weights) // directions
    for way in range(directions):
        outputs, final = _run(
            data,
            Weights(*weights[count * way : count * (way + 1)]),
            tuple(state[way] for state in states),
            way == 1,
            options,
        )
        ways.append(f.stack(outputs))
        last.append(final)
    joined = ways[0] if len(ways) == 1 else f.concatenate(ways, axis=2)
    return [joined, *(f.stack(parts) for parts in zip(*last, strict=True))]


def _zeros(mode: str, data: Tensor, directions: int, weights: Sequence[Tensor]) -> list[Tensor]:
    """The first states, with the parameters of one direction."""
    rows, size = weights[1].shape
    cell = CELLS[mode]
    sizes = (size, rows // cell.gates)[: cell.states]  # an LSTM's output may be projected
    shapes = [(directions, data.shape[1], size) for size in sizes]
    return [f.new_array(f.face_of(data), shape, data.dtype, 0.0) for shape in shapes]


def layer_composed(
    data: Tensor,
    state: Tensor | None,
    cell: Tensor | None,
    *rest: Any,
) -> Tensor:
    """One layer for gradients of gradients, as the node in the core has its inputs and result.

    Parameters
    ----------
    data : array, shape (steps, batch, features)
    state, cell : array, shape (directions, batch, size), or None for zeros
    *rest
        Weights and biases of each direction, lengths if there are any; then the mode, the number
        of directions, and whether outputs and states are given and lengths are there.

    Returns
    -------
    array
        The outputs, or the states; or, if both are asked for, all in one row.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.ops.recurrent import layer_composed
    >>> weights = np.ones((1, 1)), np.ones((1, 1)), np.zeros(1), np.zeros(1)
    >>> options = "rnn_relu", 1, True, False, False
    >>> layer_composed(np.ones((2, 1, 1)), None, None, *weights, *options)[:, 0, 0]
    array([1., 2.])
    """
    *arrays, mode, directions, with_outputs, with_states, with_lengths = rest
    shape = (directions, data.shape[-2], arrays[1].shape[1])[-data.ndim :]
    if data.ndim == 2:
        data = f.expand_dims(data, 0)
        state, cell = (None if x is None else f.expand_dims(x, 0) for x in (state, cell))
    weights = arrays[: 4 * directions]
    alive = _alive(data, arrays[-1]) if with_lengths else None
    zeros = _zeros(mode, data, directions, weights)
    both = zip((state, cell), zeros, strict=False)
    states = [zero if x is None else x for x, zero in both]
    options = Options(CELLS[mode], (None, None), alive)
    outputs, *last = _layer(data, states, weights, directions, options)
    if not with_states:
        return outputs
    parts = [outputs, *last] if with_outputs else last
    if len(parts) == 1:
        return f.reshape(parts[0], shape)
    return f.concatenate([f.reshape(part, (-1,)) for part in parts], axis=0)


@at_least_single
def recurrent(
    data: Tensor,
    states: list[Tensor] | None,
    lengths: Tensor | None,
    weights: list[Tensor],
    mode: str,
    directions: int = 1,
    p: float = 0.0,
    clip: Clip = (None, None),
    with_states: bool = True,
    projects: bool = False,
) -> list[Tensor]:
    """Run a stack of recurrent layers over a batch of sequences.

    Parameters
    ----------
    data : array, shape (steps, batch, features)
    states : list of arrays, shape (layers * directions, batch, size), or None
        The first state, and for lstm the cell state; None for zeros.
    lengths : array, shape (batch,), optional
        Of the sequences.
    weights : list of arrays
        For each layer and direction those from input and from state to the gates, and their
        biases; and that of the projection, if there is one.
    mode : {'rnn_relu', 'rnn_tanh', 'lstm', 'gru'}
    directions : {1, 2}
    p : float
        Dropout between layers, while training.
    clip : tuple of float or None
        Bounds of lstm's cell state.
    with_states : bool
        Whether the last states are wanted.
    projects : bool
        Whether each step's output, which is the next state, is a projection of lstm's.

    Returns
    -------
    list of arrays
        The outputs, of shape (steps, batch, size * directions), and the last states.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.ops.recurrent import recurrent
    >>> weights = [np.ones((1, 1)), np.ones((1, 1)), np.zeros(1), np.zeros(1)]
    >>> recurrent(np.ones((2, 1, 1)), None, None, weights, "rnn_relu")[1]
    array([[[2.]]])
    """
    if not data.shape[0]:
        raise ShapeError(f"rnn: the data of shape {data.shape} has no steps")
    if lengths is not None:
        check_shapes("rnn", (data.shape[1],), sequence_length=lengths)
    cell = CELLS[mode]
    count = directions * (5 if projects else 4)
    layers = len(weights) // count
    plain = clip == (None, None) and not projects
    last: list[list[Tensor]] = []
    for layer in range(layers):
        if p and layer:
            data = nn.dropout(data, p)
        own = weights[count * layer : count * (layer + 1)]
        first: list[Tensor | None] = [None] * cell.states
        if states is not None:
            a, b = layer * directions, (layer + 1) * directions
            first = [state if layers == 1 else state[a:b] for state in states]
        found = None
        if plain:
            found = nodes.recurrent_layer(mode, data, first, lengths, own, True, with_states)
        if found is None:
            alive = None if lengths is None else _alive(data, lengths)
            zeros = _zeros(mode, data, directions, own)
            given = [z if x is None else x for x, z in zip(first, zeros, strict=True)]
            found = _layer(data, given, own, directions, Options(cell, clip, alive))
        data = found[0]
        last.append(found[1:])
    if not with_states:
        return [data]
    if layers == 1:
        return [data, *last[0]]
    joined = [f.concatenate(parts, axis=0) for parts in zip(*last, strict=True)]
    return [data, *results_with_others(joined)]


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
        hidden before the projection, then all biases in the same order. Gates: input, forget,
        new, output of lstm; reset, update, new of gru.
    state : array, shape (num_layers * directions, batch, projection_size or state_size)
        The first state.
    state_cell : array, shape (num_layers * directions, batch, state_size)
        The first cell state, for lstm alone.
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
    projection_size : int, optional
        Of lstm: each step's output is projected to this size; Sak et al. 2014. (MXNet computes
        it on GPUs only.)
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
    if lstm_state_clip_nan:
        raise MXNetError("rnn: lstm_state_clip_nan is outside: MXNet has it on GPUs only")
    if mode not in CELLS:
        raise MXNetError(f"rnn: mode is one of {', '.join(CELLS)}, not {mode!r}")
    if data.ndim != 3:
        raise ShapeError(
            f"rnn: the data must have shape (steps, batch, features), not {data.shape}"
        )
    if (mode == "lstm") != (state_cell is not None):
        raise MXNetError(f"rnn: mode {mode!r} {'needs' if mode == 'lstm' else 'has no'} state_cell")
    if mode != "lstm" and (lstm_state_clip_min, lstm_state_clip_max) != (None, None):
        raise MXNetError(f"rnn: lstm_state_clip_min and _max belong to mode 'lstm', not {mode!r}")
    if projection_size and mode != "lstm":
        raise MXNetError(f"rnn: projection_size belongs to mode 'lstm', not {mode!r}")
    directions = 2 if bidirectional else 1
    first = [state] if state_cell is None else [state, state_cell]
    for given, size in zip(first, (projection_size or state_size, state_size), strict=False):
        check_shapes("rnn", (num_layers * directions, data.shape[1], size), state=given)
    lengths = None
    if use_sequence_length:
        if sequence_length is None:
            raise MXNetError("rnn: use_sequence_length needs sequence_length")
        lengths = sequence_length
    sizes = (data.shape[2], state_size, num_layers, directions, projection_size)
    weights = _unpacked(parameters, parameter_shapes(mode, *sizes))
    clip = (lstm_state_clip_min, lstm_state_clip_max)
    found = recurrent(
        *(data, first, lengths, weights, mode, directions, p, clip, state_outputs),
        projects=bool(projection_size),
    )
    return found if state_outputs else found[0]


nodes.compose_with(layer_composed)
