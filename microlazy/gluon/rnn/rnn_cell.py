"""Recurrent cells: one step of a recurrent network, and `unroll` to run it over a sequence."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ... import ndarray as nd
from ... import symbol as sym
from ...base import ShapeError
from ...core.ops.recurrent import recurrent_layer
from ...core.tensor import Tensor
from ...initializer import ArgumentError, Initializer
from ...symbol import Symbol
from ...util import is_np_array
from ..block import Block, HybridBlock
from ..block.hybrid import without_namespace
from ..block.tree import layer_text, where
from ..nn._activation import check_activation
from ..nn._layer import Layer, fraction_of, given_source, shown_size, size_of, sizes_known
from ..utils import _indent
from .sequences import (
    join_features,
    last_states,
    like_face,
    mask_steps,
    merge_steps,
    merged,
    reverse_steps,
    split_steps,
)

__all__ = [
    "BidirectionalCell",
    "DropoutCell",
    "GRUCell",
    "HybridRecurrentCell",
    "HybridSequentialRNNCell",
    "LSTMCell",
    "ModifierCell",
    "RNNCell",
    "RecurrentCell",
    "ResidualCell",
    "SequentialRNNCell",
    "ZoneoutCell",
]

Init = Initializer | str | None
States = list[Tensor]


class RecurrentCell(Block):
    """The base class of recurrent cells.

    A subclass says in `state_info` which states it keeps, and computes in
    ``forward(self, inputs, states)``, which returns the output and the new states.

    Parameters
    ----------
    prefix, params
        As in `Block`.

    Examples
    --------
    >>> from microlazy import nd
    >>> class Sum(RecurrentCell):
    ...     def state_info(self, batch_size=0):
    ...         return [{"shape": (batch_size, 1)}]
    ...     def forward(self, inputs, states):
    ...         total = states[0] + inputs
    ...         return total, [total]
    >>> outputs, states = Sum().unroll(3, nd.ones((1, 3, 1)), merge_outputs=True)
    >>> outputs.asnumpy().ravel()
    array([1., 2., 3.], dtype=float32)
    """

    # A modifier runs this cell, which must not be started by itself.
    _modified = False

    # The number of the step in `unroll`, from which cells written for MXNet name their ops.
    _counter = 0

    def reset(self) -> None:
        """Forget what was kept from the last sequence; `unroll` begins with this.

        Examples
        --------
        >>> RNNCell(3).reset()
        """
        self._counter = 0
        for cell in self._children.values():
            if isinstance(cell, RecurrentCell):
                cell.reset()

    def state_info(self, batch_size: int = 0) -> list[dict[str, Any]]:
        """The shape and layout of each state.

        Parameters
        ----------
        batch_size : int
            The size of the batch.

        Returns
        -------
        list of dict
            With keys ``shape`` and ``__layout__``.

        Raises
        ------
        NotImplementedError
            If a subclass does not override it.

        Examples
        --------
        >>> RNNCell(3).state_info(2)
        [{'shape': (2, 3), '__layout__': 'NC'}]
        """
        raise NotImplementedError(f"{type(self).__name__} does not define state_info()")

    def begin_state(
        self, batch_size: int = 0, func: Callable[..., Any] = nd.zeros, **kwargs: Any
    ) -> States:
        """The states before the first step.

        Parameters
        ----------
        batch_size : int
            The size of the batch.
        func : callable
            Makes an array from ``shape=`` and `kwargs`: `nd.zeros`, `nd.random.uniform`, ...
        **kwargs
            Passed on to `func`: ``dtype=``, ``ctx=``, ...

        Returns
        -------
        list of array

        Raises
        ------
        AssertionError
            If a modifier runs this cell: it is the modifier that is started.

        Examples
        --------
        >>> [state.shape for state in LSTMCell(3).begin_state(batch_size=2)]
        [(2, 3), (2, 3)]
        """
        self._check_not_modified()
        return make_states(self.state_info(batch_size), func, kwargs)

    def _check_not_modified(self) -> None:
        if self._modified:
            raise ArgumentError(
                f"{self.name} is modified by another cell, such as a ZoneoutCell: start that one"
            )

    def unroll(
        self,
        length: int | None,
        inputs: Any,
        begin_state: States | None = None,
        layout: str = "NTC",
        merge_outputs: bool | None = None,
        valid_length: Tensor | None = None,
    ) -> tuple[Any, States]:
        """Run over a sequence.

        Parameters
        ----------
        length : int
            The number of steps.
        inputs : array or list of array
            One array, with axes as `layout` says, or the steps, of shape (batch, features).
        begin_state : list of array, optional
            The first states; zeros if left out.
        layout : str
            The order of batch, steps and other axes, such as NTC, TNC or NTCHW.
        merge_outputs : bool, optional
            Whether the outputs are one array, or a list of steps.  If left out: one array if
            `valid_length` is given, else a list.
        valid_length : array of shape (batch,), optional
            The length of each sequence.  Outputs behind it are 0, and the states returned are
            those at its end.

        Returns
        -------
        outputs : array or list of array
        states : list of array

        Raises
        ------
        ValueError
            If the inputs have another number of steps, or the layout is unknown.

        Examples
        --------
        >>> cell = GRUCell(4)
        >>> cell.initialize()
        >>> outputs, states = cell.unroll(3, nd.ones((2, 3, 5)), merge_outputs=True)
        >>> outputs.shape, states[0].shape
        ((2, 3, 4), (2, 4))
        """
        steps = split_steps(length, inputs, layout)
        self.reset()
        states = self._first_states(steps[0], begin_state)
        outputs, all_states = [], []
        for step, x in enumerate(steps):
            self._counter = step
            output, states = self(x, states)
            outputs.append(output)
            all_states.append(states)
        if valid_length is not None:
            states = last_states(all_states, valid_length)
            outputs = mask_steps(outputs, valid_length)
        return merged(outputs, layout, merge_outputs, valid_length), states

    def _first_states(self, step: Tensor, given: States | None) -> States:
        """The given states, or zeros like the inputs."""
        if given is not None:
            return given
        if isinstance(step, Symbol):
            return self.begin_state(0, func=sym.zeros)  # of any batch
        made = self.begin_state(step.shape[0], func=nd.zeros, dtype=step.dtype)
        return [like_face(state, step) for state in made]


def make_states(
    info: list[dict[str, Any]], func: Callable[..., Any], options: dict[str, Any]
) -> States:
    """Arrays of the shapes that `state_info` tells."""
    made = []
    for about in info:
        wanted = {name: value for name, value in about.items() if name != "__layout__"}
        state = func(**(wanted | options))
        made.append(state.as_np_ndarray() if is_np_array() else state)
    return made


def need_cell(owner: str, given: Any) -> None:
    """Refuse what is no recurrent cell."""
    if not isinstance(given, RecurrentCell):
        raise TypeError(f"{owner} takes recurrent cells, but got {layer_text(given)}")


def check_states(cell: RecurrentCell, given: Any, count: int) -> None:
    """Refuse another number of states than a cell has."""
    if not isinstance(given, list | tuple) or len(given) != count:
        shown = len(given) if isinstance(given, list | tuple) else type(given).__name__
        raise ShapeError(
            f"{where(cell)} takes a list of {count} states, as begin_state() makes it, but got "
            f"{shown}"
        )


class HybridRecurrentCell(RecurrentCell, HybridBlock):
    """The base class of recurrent cells that can be hybridized.

    A subclass computes in ``hybrid_forward(self, F, inputs, states, **parameters)``.

    Parameters
    ----------
    prefix, params
        As in `Block`.

    Examples
    --------
    >>> class Decay(HybridRecurrentCell):
    ...     def state_info(self, batch_size=0):
    ...         return [{"shape": (batch_size, 1)}]
    ...     def hybrid_forward(self, F, inputs, states):
    ...         output = F.tanh(states[0] * 0.5 + inputs)
    ...         return output, [output]
    >>> outputs, states = Decay().unroll(3, nd.zeros((1, 3, 1)))
    >>> len(outputs)
    3
    """


# ---- cells with parameters ---------------------------------------------------------------------


def checked_activation(layer: str, name: str, activation: Any) -> Any:
    """The activation that a cell was given: a name that is known, a layer or a function."""
    if not callable(activation):
        check_activation(layer, activation, name)
    return activation


def activated(F: Any, x: Tensor, activation: Any) -> Tensor:
    """x through an activation function: a name, a layer or a function."""
    if isinstance(activation, str):
        return F.Activation(x, act_type=activation)
    return activation(x)


class SteppingCell(HybridRecurrentCell, Layer):
    """What the cells with parameters share."""

    _gates: int
    _states = 1

    def forward(self, x: Any, *args: Any) -> Any:
        check_states(self, args[0] if args else None, self._states)
        return Layer.forward(self, x, *args)


class GatedCell(SteppingCell):
    """What the cells with one matrix for the input and one for the state share."""

    def __init__(
        self,
        hidden_size: int,
        i2h_weight_initializer: Init = None,
        h2h_weight_initializer: Init = None,
        i2h_bias_initializer: Init = "zeros",
        h2h_bias_initializer: Init = "zeros",
        input_size: int = 0,
        prefix: str | None = None,
        params: Any = None,
    ) -> None:
        super().__init__(prefix=prefix, params=params)
        kind = type(self).__name__
        self._hidden_size = size_of(kind, "hidden_size", hidden_size, 1)
        self._input_size = size_of(kind, "input_size", input_size, 0)
        rows = self._gates * hidden_size
        self.i2h_weight = self._declare(
            "i2h_weight", (rows, self._input_size), i2h_weight_initializer
        )
        self.h2h_weight = self._declare(
            "h2h_weight", (rows, self._recurrent_size()), h2h_weight_initializer
        )
        given_source("input_size", self._input_size, self.i2h_weight)
        self._declare_rest(i2h_bias_initializer, h2h_bias_initializer, rows)

    def _declare_rest(self, i2h_bias: Init, h2h_bias: Init, rows: int) -> None:
        self.i2h_bias = self._declare("i2h_bias", (rows,), i2h_bias)
        self.h2h_bias = self._declare("h2h_bias", (rows,), h2h_bias)

    def _recurrent_size(self) -> int:
        """The size of the state that the next step sees."""
        return self._hidden_size

    def state_info(self, batch_size: int = 0) -> list[dict[str, Any]]:
        shape = (batch_size, self._hidden_size)
        return [{"shape": shape, "__layout__": "NC"} for _ in range(self._states)]

    def infer_shape(self, x: Tensor, *args: Any) -> None:
        self._size_along(x, 1)
        self._settle(
            x, (self.i2h_weight, (sizes_known(self.i2h_weight)[0], math.prod(x.shape[1:])))
        )

    def _products(
        self, F: Any, x: Tensor, state: Tensor, *parameters: Tensor
    ) -> tuple[Tensor, Tensor]:
        """What the input and the state give to the gates."""
        i2h_weight, h2h_weight, i2h_bias, h2h_bias = parameters
        rows = self._gates * self._hidden_size
        return (
            F.FullyConnected(x, i2h_weight, i2h_bias, num_hidden=rows, name="i2h"),
            F.FullyConnected(state, h2h_weight, h2h_bias, num_hidden=rows, name="h2h"),
        )

    def _in_one(
        self, mode: str, x: Tensor, states: States, parameters: tuple[Tensor, ...]
    ) -> States | None:
        """The new states by one op, where there is one for what was given."""
        if not isinstance(x, Tensor):
            return None
        return recurrent_layer(mode, x, states, None, parameters, with_outputs=False)

    def __repr__(self) -> str:
        rows, size = sizes_known(self.i2h_weight)
        return f"{type(self).__name__}({shown_size(size)} -> {rows}{self._shown()})"

    def _shown(self) -> str:
        """What else is printed."""
        return ""


class RNNCell(GatedCell):
    """Elman's recurrent cell: ``activation(i2h(inputs) + h2h(state))``.

    Parameters
    ----------
    hidden_size : int
        The size of the state and the output.
    activation : str or Block or callable
        The activation function, or its name as in `nn.Activation`.
    i2h_weight_initializer, h2h_weight_initializer : Initializer or str or None
        For the weights, of shapes (hidden_size, input_size) and (hidden_size, hidden_size); None
        for that of the network.
    i2h_bias_initializer, h2h_bias_initializer : Initializer or str
        For the biases, of shape (hidden_size,).
    input_size : int
        The size of the input; 0 finds it from the first input.
    prefix, params
        As in `Block`.

    Raises
    ------
    ValueError
        If a size is none, or there is no such activation function.
    ShapeError
        In the forward pass, if the input's size is not `input_size`.

    Notes
    -----
    Inputs of shape (batch, input_size) and one state of shape (batch, hidden_size) give an output
    and a new state of that shape.  Elman, "Finding structure in time", 1990.

    Examples
    --------
    >>> cell = RNNCell(4)
    >>> cell.initialize()
    >>> output, states = cell(nd.ones((2, 3)), cell.begin_state(batch_size=2))
    >>> output.shape
    (2, 4)
    >>> cell
    RNNCell(3 -> 4, tanh)
    """

    _gates = 1

    def __init__(
        self,
        hidden_size: int,
        activation: Any = "tanh",
        i2h_weight_initializer: Init = None,
        h2h_weight_initializer: Init = None,
        i2h_bias_initializer: Init = "zeros",
        h2h_bias_initializer: Init = "zeros",
        input_size: int = 0,
        prefix: str | None = None,
        params: Any = None,
    ) -> None:
        super().__init__(
            hidden_size,
            i2h_weight_initializer,
            h2h_weight_initializer,
            i2h_bias_initializer,
            h2h_bias_initializer,
            input_size,
            prefix,
            params,
        )
        self._activation = checked_activation(type(self).__name__, "activation", activation)

    def _alias(self) -> str:
        return "rnn"

    def hybrid_forward(
        self,
        F: Any,
        inputs: Tensor,
        states: States,
        i2h_weight: Tensor,
        h2h_weight: Tensor,
        i2h_bias: Tensor,
        h2h_bias: Tensor,
    ) -> tuple[Tensor, States]:
        parameters = (i2h_weight, h2h_weight, i2h_bias, h2h_bias)
        if self._activation in ("relu", "tanh"):
            found = self._in_one(f"rnn_{self._activation}", inputs, states, parameters)
            if found is not None:
                return found[0], found
        i2h, h2h = self._products(F, inputs, states[0], *parameters)
        output = activated(F, i2h + h2h, self._activation)
        return output, [output]

    forward = SteppingCell.forward

    def _shown(self) -> str:
        return f", {self._activation}"


class LSTMCell(GatedCell):
    """Long short-term memory: a cell state that gates let in, keep and let out.

    Parameters
    ----------
    hidden_size : int
        The size of both states and of the output.
    i2h_weight_initializer, h2h_weight_initializer : Initializer or str or None
        For the weights, of shapes (4 * hidden_size, input_size) and
        (4 * hidden_size, hidden_size), with the rows of the input gate, the forget gate, the new
        content and the output gate in this order; None for that of the network.
    i2h_bias_initializer, h2h_bias_initializer : Initializer or str
        For the biases, of shape (4 * hidden_size,); `init.LSTMBias` opens the forget gate.
    input_size : int
        The size of the input; 0 finds it from the first input.
    prefix, params
        As in `Block`.
    activation, recurrent_activation : str or Block or callable
        The function of the content and of the gates.

    Raises
    ------
    ValueError
        If a size is none, or there is no such activation function.
    ShapeError
        In the forward pass, if the input's size is not `input_size`.

    Notes
    -----
    Inputs of shape (batch, input_size) and two states of shape (batch, hidden_size), the output
    before and the cell state, give an output and two new states.  Hochreiter and Schmidhuber,
    "Long short-term memory", 1997, with the forget gate of Gers et al., 2000.

    Examples
    --------
    >>> cell = LSTMCell(4)
    >>> cell.initialize()
    >>> output, states = cell(nd.ones((2, 3)), cell.begin_state(batch_size=2))
    >>> output.shape, len(states)
    ((2, 4), 2)
    >>> cell
    LSTMCell(3 -> 16)
    """

    _gates = 4
    _states = 2

    def __init__(
        self,
        hidden_size: int,
        i2h_weight_initializer: Init = None,
        h2h_weight_initializer: Init = None,
        i2h_bias_initializer: Init = "zeros",
        h2h_bias_initializer: Init = "zeros",
        input_size: int = 0,
        prefix: str | None = None,
        params: Any = None,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
    ) -> None:
        super().__init__(
            hidden_size,
            i2h_weight_initializer,
            h2h_weight_initializer,
            i2h_bias_initializer,
            h2h_bias_initializer,
            input_size,
            prefix,
            params,
        )
        kind = type(self).__name__
        self._activation = checked_activation(kind, "activation", activation)
        self._recurrent_activation = checked_activation(
            kind, "recurrent_activation", recurrent_activation
        )

    def _alias(self) -> str:
        return "lstm"

    def hybrid_forward(
        self,
        F: Any,
        inputs: Tensor,
        states: States,
        i2h_weight: Tensor,
        h2h_weight: Tensor,
        i2h_bias: Tensor,
        h2h_bias: Tensor,
    ) -> tuple[Tensor, States]:
        parameters = (i2h_weight, h2h_weight, i2h_bias, h2h_bias)
        if (self._activation, self._recurrent_activation) == ("tanh", "sigmoid"):
            found = self._in_one("lstm", inputs, states, parameters)
            if found is not None:
                return found[0], found
        i2h, h2h = self._products(F, inputs, states[0], *parameters)
        output, cell = lstm_step(
            F, i2h + h2h, states[1], self._activation, self._recurrent_activation
        )
        return output, [output, cell]

    forward = SteppingCell.forward


def lstm_step(
    F: Any,
    gates: Tensor,
    cell: Tensor,
    activation: Any = "tanh",
    recurrent_activation: Any = "sigmoid",
    axis: int = 1,
    clip: tuple[float | None, float | None] = (None, None),
) -> tuple[Tensor, Tensor]:
    """The output and the cell state of an LSTM, from its gates before their activation."""
    enter, forget, new, leave = F.split(gates, num_outputs=4, axis=axis)
    enter, forget, leave = (
        activated(F, gate, recurrent_activation) for gate in (enter, forget, leave)
    )
    cell = forget * cell + enter * activated(F, new, activation)
    if clip != (None, None):
        cell = cell.clip(*clip)
    return leave * activated(F, cell, activation), cell


class GRUCell(GatedCell):
    """A gated recurrent unit: one gate resets the state, another keeps it.

    Parameters
    ----------
    hidden_size : int
        The size of the state and the output.
    i2h_weight_initializer, h2h_weight_initializer : Initializer or str or None
        For the weights, of shapes (3 * hidden_size, input_size) and
        (3 * hidden_size, hidden_size), with the rows of the reset gate, the update gate and the
        new content in this order; None for that of the network.
    i2h_bias_initializer, h2h_bias_initializer : Initializer or str
        For the biases, of shape (3 * hidden_size,).
    input_size : int
        The size of the input; 0 finds it from the first input.
    prefix, params
        As in `Block`.

    Raises
    ------
    ValueError
        If a size is none.
    ShapeError
        In the forward pass, if the input's size is not `input_size`.

    Notes
    -----
    Shapes are as in `RNNCell`.  Cho et al., "Learning phrase representations using RNN
    encoder-decoder", 2014; the reset gate acts behind the product with the weights, as in cuDNN.

    Examples
    --------
    >>> cell = GRUCell(4)
    >>> cell.initialize()
    >>> output, states = cell(nd.ones((2, 3)), cell.begin_state(batch_size=2))
    >>> output.shape
    (2, 4)
    >>> cell
    GRUCell(3 -> 12)
    """

    _gates = 3

    def _alias(self) -> str:
        return "gru"

    def hybrid_forward(
        self,
        F: Any,
        inputs: Tensor,
        states: States,
        i2h_weight: Tensor,
        h2h_weight: Tensor,
        i2h_bias: Tensor,
        h2h_bias: Tensor,
    ) -> tuple[Tensor, States]:
        parameters = (i2h_weight, h2h_weight, i2h_bias, h2h_bias)
        found = self._in_one("gru", inputs, states, parameters)
        if found is not None:
            return found[0], found
        i2h, h2h = self._products(F, inputs, states[0], *parameters)
        output = gru_step(F, i2h, h2h, states[0], "tanh")
        return output, [output]

    forward = SteppingCell.forward


def gru_step(
    F: Any, i2h: Tensor, h2h: Tensor, state: Tensor, activation: Any, axis: int = 1
) -> Tensor:
    """The new state of a gated recurrent unit, from what input and state give to its gates."""
    i2h_reset, i2h_update, i2h_new = F.split(i2h, num_outputs=3, axis=axis)
    h2h_reset, h2h_update, h2h_new = F.split(h2h, num_outputs=3, axis=axis)
    reset = activated(F, i2h_reset + h2h_reset, "sigmoid")
    keep = activated(F, i2h_update + h2h_update, "sigmoid")
    new = activated(F, i2h_new + reset * h2h_new, activation)
    return new + keep * (state - new)


# ---- cells made of others ----------------------------------------------------------------------


class _CellStack(RecurrentCell):
    """What cells on top of each other share."""

    def add(self, cell: RecurrentCell) -> None:
        """Put a cell on top.

        Parameters
        ----------
        cell : RecurrentCell
            Gets the outputs of those before as its inputs.

        Examples
        --------
        >>> stack = SequentialRNNCell()
        >>> stack.add(LSTMCell(4))
        >>> len(stack)
        1
        """
        need_cell(where(self), cell)
        self.register_child(cell)

    def state_info(self, batch_size: int = 0) -> list[dict[str, Any]]:
        return [info for cell in self for info in cell.state_info(batch_size)]

    def begin_state(
        self, batch_size: int = 0, func: Callable[..., Any] = nd.zeros, **kwargs: Any
    ) -> States:
        self._check_not_modified()
        return [s for cell in self for s in cell.begin_state(batch_size, func, **kwargs)]

    def _with_states(self, states: States) -> Iterator[tuple[RecurrentCell, States]]:
        """Each cell with its part of the states."""
        counts = [len(cell.state_info()) for cell in self]
        check_states(self, states, sum(counts))
        place = 0
        for cell, count in zip(self, counts, strict=True):
            yield cell, states[place : place + count]
            place += count

    def forward(self, inputs: Tensor, states: States) -> tuple[Tensor, States]:
        new_states: States = []
        for cell, own in self._with_states(states):
            inputs, new = cell(inputs, own)
            new_states += new
        return inputs, new_states

    def unroll(
        self,
        length: int | None,
        inputs: Any,
        begin_state: States | None = None,
        layout: str = "NTC",
        merge_outputs: bool | None = None,
        valid_length: Tensor | None = None,
    ) -> tuple[Any, States]:
        steps = split_steps(length, inputs, layout)
        self.reset()
        states = self._first_states(steps[0], begin_state)
        new_states: States = []
        outputs: Any = inputs
        last = len(self) - 1
        for i, (cell, own) in enumerate(self._with_states(states)):
            merge = merge_outputs if i == last else None
            outputs, new = cell.unroll(length, outputs, own, layout, merge, valid_length)
            new_states += new
        return outputs, new_states

    def __repr__(self) -> str:
        lines = "\n".join(f"({name}): {_indent(repr(c), 2)}" for name, c in self._children.items())
        return f"{type(self).__name__}(\n{lines}\n)"

    def __iter__(self) -> Iterator[Any]:
        return iter(self._children.values())

    def __getitem__(self, place: int) -> Any:
        return list(self)[place]

    def __len__(self) -> int:
        return len(self._children)


class SequentialRNNCell(_CellStack):
    """Cells on top of each other: each gets the outputs of the one before.

    Parameters
    ----------
    prefix, params
        As in `Block`.

    Notes
    -----
    The states are those of all cells, one after the other.

    Examples
    --------
    >>> stack = SequentialRNNCell()
    >>> stack.add(LSTMCell(4))
    >>> stack.add(GRUCell(3))
    >>> stack.initialize()
    >>> outputs, states = stack.unroll(5, nd.ones((2, 5, 1)), merge_outputs=True)
    >>> outputs.shape, len(states)
    ((2, 5, 3), 3)
    """


class HybridSequentialRNNCell(_CellStack, HybridRecurrentCell):
    """Cells on top of each other that can be hybridized; otherwise as `SequentialRNNCell`.

    Examples
    --------
    >>> stack = HybridSequentialRNNCell()
    >>> stack.add(LSTMCell(4))
    >>> stack.initialize()
    >>> stack.hybridize()
    >>> output, states = stack(nd.ones((2, 1)), stack.begin_state(batch_size=2))
    >>> output.shape
    (2, 4)
    """

    hybrid_forward = without_namespace(_CellStack.forward)


class DropoutCell(HybridRecurrentCell):
    """Dropout of what goes from cell to cell; it keeps no states.

    Parameters
    ----------
    rate : float
        The part to drop, from 0 to 1.
    axes : tuple of int
        Axes along which the same elements are dropped.
    prefix, params
        As in `Block`.

    Raises
    ------
    ValueError
        If `rate` is no number from 0 to 1.

    Examples
    --------
    >>> stack = SequentialRNNCell()
    >>> stack.add(LSTMCell(4))
    >>> stack.add(DropoutCell(0.5))
    >>> stack
    SequentialRNNCell(
    (0): LSTMCell(None -> 16)
    (1): DropoutCell(rate=0.5, axes=())
    )
    """

    def __init__(
        self,
        rate: float,
        axes: tuple[int, ...] = (),
        prefix: str | None = None,
        params: Any = None,
    ) -> None:
        super().__init__(prefix=prefix, params=params)
        self._rate = fraction_of(type(self).__name__, "rate", rate)
        self._axes = axes

    def _alias(self) -> str:
        return "dropout"

    def state_info(self, batch_size: int = 0) -> list[dict[str, Any]]:
        return []

    def hybrid_forward(self, F: Any, x: Tensor, states: States) -> tuple[Tensor, States]:
        return F.Dropout(x, p=self._rate, axes=self._axes, name="fwd"), states

    def unroll(
        self,
        length: int | None,
        inputs: Any,
        begin_state: States | None = None,
        layout: str = "NTC",
        merge_outputs: bool | None = None,
        valid_length: Tensor | None = None,
    ) -> tuple[Any, States]:
        if merge_outputs is None:
            merge_outputs = isinstance(inputs, Tensor | Symbol)
        if not merge_outputs:
            return super().unroll(length, inputs, begin_state, layout, False)
        whole = inputs if isinstance(inputs, Tensor | Symbol) else merge_steps(inputs, layout)
        return self(whole, begin_state or [])

    def __repr__(self) -> str:
        return f"{type(self).__name__}(rate={self._rate}, axes={self._axes})"


class BidirectionalCell(HybridRecurrentCell):
    """Two cells, of which one runs from the end to the beginning; their outputs are joined.

    Parameters
    ----------
    l_cell, r_cell : RecurrentCell
        The cell that runs forward and the one that runs backward.
    output_prefix : str
        Of no effect: outputs have no names.

    Raises
    ------
    NotImplementedError
        When it is called: it can only be unrolled.

    Examples
    --------
    >>> both = BidirectionalCell(GRUCell(4), GRUCell(3))
    >>> both.initialize()
    >>> outputs, states = both.unroll(5, nd.ones((2, 5, 1)), merge_outputs=True)
    >>> outputs.shape, [state.shape for state in states]
    ((2, 5, 7), [(2, 4), (2, 3)])
    """

    def __init__(
        self, l_cell: RecurrentCell, r_cell: RecurrentCell, output_prefix: str = "bi_"
    ) -> None:
        for cell in (l_cell, r_cell):
            need_cell(type(self).__name__, cell)
        super().__init__(prefix="")
        self.register_child(l_cell, "l_cell")
        self.register_child(r_cell, "r_cell")

    def _cells(self) -> list[Any]:
        return list(self._children.values())

    def __call__(self, inputs: Any, states: Any) -> Any:
        raise NotImplementedError(
            "BidirectionalCell cannot make a single step, for it needs the whole sequence: use "
            "unroll()"
        )

    def state_info(self, batch_size: int = 0) -> list[dict[str, Any]]:
        return [info for cell in self._cells() for info in cell.state_info(batch_size)]

    def begin_state(
        self, batch_size: int = 0, func: Callable[..., Any] = nd.zeros, **kwargs: Any
    ) -> States:
        self._check_not_modified()
        return [s for cell in self._cells() for s in cell.begin_state(batch_size, func, **kwargs)]

    def unroll(
        self,
        length: int | None,
        inputs: Any,
        begin_state: States | None = None,
        layout: str = "NTC",
        merge_outputs: bool | None = None,
        valid_length: Tensor | None = None,
    ) -> tuple[Any, States]:
        steps = split_steps(length, inputs, layout)
        self.reset()
        states = self._first_states(steps[0], begin_state)
        l_cell, r_cell = self._cells()
        cut = len(l_cell.state_info())
        left, l_states = l_cell.unroll(length, steps, states[:cut], layout, False, valid_length)
        turned = reverse_steps(steps, valid_length)
        right, r_states = r_cell.unroll(length, turned, states[cut:], layout, False, valid_length)
        right = reverse_steps(right, valid_length)
        outputs = [join_features([a, b]) for a, b in zip(left, right, strict=True)]
        return merged(outputs, layout, merge_outputs, valid_length), l_states + r_states

    def __repr__(self) -> str:
        l_cell, r_cell = self._cells()
        return f"{type(self).__name__}(forward={l_cell}, backward={r_cell})"


# ---- cells that change another -----------------------------------------------------------------


class ModifierCell(HybridRecurrentCell):
    """The base class of cells that change what another cell gets or gives.

    Parameters
    ----------
    base_cell : RecurrentCell
        The cell, which then cannot be started by itself.

    Raises
    ------
    AssertionError
        If the cell is modified already.

    Examples
    --------
    >>> class Double(ModifierCell):
    ...     def hybrid_forward(self, F, inputs, states):
    ...         output, states = self.base_cell(inputs, states)
    ...         return output * 2, states
    >>> cell = Double(RNNCell(3))
    >>> cell
    Double(RNNCell(None -> 3, tanh))
    """

    def __init__(self, base_cell: RecurrentCell) -> None:
        need_cell(type(self).__name__, base_cell)
        if base_cell._modified:
            raise ArgumentError(
                f"Cell {base_cell.name} is already modified. One cell cannot be modified twice"
            )
        super().__init__(prefix=base_cell.prefix + self._alias())
        base_cell._modified = True
        self.base_cell = base_cell

    @property
    def params(self) -> Any:
        """The parameters of the cell that is modified.

        Examples
        --------
        >>> list(ResidualCell(RNNCell(3, prefix="a_")).params)
        ['a_i2h_weight', 'a_h2h_weight', 'a_i2h_bias', 'a_h2h_bias']
        """
        return self.base_cell.params

    def state_info(self, batch_size: int = 0) -> list[dict[str, Any]]:
        return self.base_cell.state_info(batch_size)

    def begin_state(
        self, batch_size: int = 0, func: Callable[..., Any] = nd.zeros, **kwargs: Any
    ) -> States:
        self._check_not_modified()
        with self._base() as cell:
            return cell.begin_state(batch_size, func, **kwargs)

    @contextmanager
    def _base(self) -> Iterator[RecurrentCell]:
        """The cell, which inside this scope can be started."""
        self.base_cell._modified = False
        try:
            yield self.base_cell
        finally:
            self.base_cell._modified = True

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.base_cell})"


class RememberingCell(ModifierCell):
    """What the modifiers share that keep something from step to step, until `reset`.

    A plan would keep what the first step saw, so only the cell below runs from a plan.
    """

    def hybridize(self, active: bool = True, *args: Any, **options: Any) -> None:
        Block.hybridize(self, active, *args, **options)

    def _recall(self, name: str, like: Tensor, make: Callable[[Tensor], Tensor]) -> Tensor:
        """What was kept under a name; made anew in the first step, and behind a dry run."""
        kept = getattr(self, name)
        if not _is_of_run(kept, like):
            kept = make(like)
            setattr(self, name, kept)
        return kept


def _is_of_run(kept: Any, like: Any) -> bool:
    """Whether what was kept belongs to a run of the same kind: on values, shapes or symbols."""
    if isinstance(kept, Symbol) or isinstance(like, Symbol):
        return isinstance(kept, Symbol) and isinstance(like, Symbol)
    return kept is not None and kept.is_abstract == like.is_abstract


class ZoneoutCell(RememberingCell):
    """A random part of the outputs and states stays as it was a step before, while training.

    Parameters
    ----------
    base_cell : RecurrentCell
        The cell.
    zoneout_outputs, zoneout_states : float
        Which part, from 0 to 1.

    Raises
    ------
    AssertionError
        If the cell is bidirectional, or modified already.

    Notes
    -----
    It remembers the output of the step before until `reset`, so it runs eagerly after
    `hybridize`, and only the cell below from a plan.  Krueger et al., "Zoneout", 2017.

    Examples
    --------
    >>> cell = ZoneoutCell(RNNCell(3), zoneout_states=0.5)
    >>> cell
    ZoneoutCell(p_out=0.0, p_state=0.5, RNNCell(None -> 3, tanh))
    """

    def __init__(
        self,
        base_cell: RecurrentCell,
        zoneout_outputs: float = 0.0,
        zoneout_states: float = 0.0,
    ) -> None:
        if isinstance(base_cell, BidirectionalCell):
            raise ArgumentError(
                "BidirectionalCell makes no steps, so it has no zoneout: put a ZoneoutCell around "
                "each of its two cells"
            )
        super().__init__(base_cell)
        kind = type(self).__name__
        self.zoneout_outputs = fraction_of(kind, "zoneout_outputs", zoneout_outputs)
        self.zoneout_states = fraction_of(kind, "zoneout_states", zoneout_states)
        self._prev_output: Tensor | None = None

    def _alias(self) -> str:
        return "zoneout"

    def reset(self) -> None:
        super().reset()
        self._prev_output = None

    def hybrid_forward(self, F: Any, x: Tensor, states: States) -> tuple[Tensor, States]:
        output, new_states = self.base_cell(x, states)
        if self.zoneout_outputs:
            before = self._recall("_prev_output", output, F.zeros_like)
            output = self._kept(F, self.zoneout_outputs, output, before)
            self._prev_output = output
        if self.zoneout_states:
            pairs = zip(new_states, states, strict=True)
            new_states = [self._kept(F, self.zoneout_states, new, old) for new, old in pairs]
        return output, new_states

    def _kept(self, F: Any, rate: float, new: Tensor, old: Tensor) -> Tensor:
        return F.where(F.Dropout(F.ones_like(new), p=rate), new, old)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(p_out={self.zoneout_outputs}, p_state={self.zoneout_states}, "
            f"{self.base_cell})"
        )


class ResidualCell(ModifierCell):
    """Add the inputs to the outputs, which must have the same size.

    Parameters
    ----------
    base_cell : RecurrentCell
        The cell.

    Raises
    ------
    AssertionError
        If the cell is modified already.

    Notes
    -----
    Wu et al., "Google's neural machine translation system", 2016.

    Examples
    --------
    >>> cell = ResidualCell(GRUCell(3))
    >>> cell.initialize()
    >>> outputs, states = cell.unroll(4, nd.ones((2, 4, 3)), merge_outputs=True)
    >>> outputs.shape
    (2, 4, 3)
    """

    def hybrid_forward(self, F: Any, x: Tensor, states: States) -> tuple[Tensor, States]:
        output, states = self.base_cell(x, states)
        return output + x, states

    def unroll(
        self,
        length: int | None,
        inputs: Any,
        begin_state: States | None = None,
        layout: str = "NTC",
        merge_outputs: bool | None = None,
        valid_length: Tensor | None = None,
    ) -> tuple[Any, States]:
        steps = split_steps(length, inputs, layout)
        self.reset()
        with self._base() as cell:
            outputs, states = cell.unroll(length, steps, begin_state, layout, False, valid_length)
        if valid_length is not None:
            steps = mask_steps(steps, valid_length)
        added = [output + step for output, step in zip(outputs, steps, strict=True)]
        return merged(added, layout, merge_outputs, valid_length), states
