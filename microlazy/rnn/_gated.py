"""Cells that make one step with gates: Elman, LSTM and GRU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from microlazy import initializer as init
from microlazy import symbol as sym
from microlazy.rnn._base import BaseRNNCell, RNNParams, States
from microlazy.symbol import Symbol

__all__ = ["GRUCell", "LSTMCell", "RNNCell"]


class _GatedCell(BaseRNNCell):
    """A cell whose gates are made of two dense layers: of the input, and of the state."""

    _state_count = 1

    def __init__(
        self, num_hidden: int, prefix: str, params: RNNParams | None, bias: Any = None
    ) -> None:
        super().__init__(prefix, params)
        self._num_hidden = num_hidden
        get = self._params.get
        self._i2h = get("i2h_weight"), get("i2h_bias", init=bias)
        self._h2h = get("h2h_weight"), get("h2h_bias")

    @property
    def state_info(self) -> list[dict[str, Any]]:
        return [
            {"shape": (0, self._num_hidden), "__layout__": "NC"} for _ in range(self._state_count)
        ]

    def _products(self, inputs: Symbol, state: Symbol, name: str) -> list[Any]:
        rows = self._num_hidden * len(self._gates)
        pairs = ((inputs, self._i2h, "i2h"), (state, self._h2h, "h2h"))
        return [
            sym.FullyConnected(x, *variables, num_hidden=rows, name=name + group)
            for x, variables, group in pairs
        ]


class RNNCell(_GatedCell):
    """An Elman cell: the activation of a dense layer of the input and of the state.

    Parameters
    ----------
    num_hidden : int
        The size of the state.
    activation : str or callable
        As `sym.Activation` has it.
    prefix, params
        As in `BaseRNNCell`.

    Examples
    --------
    >>> import microlazy as mx
    >>> cell = mx.rnn.RNNCell(3)
    >>> cell(mx.sym.var("x"), cell.begin_state())[0].list_arguments()
    ['x', 'rnn_i2h_weight', 'rnn_i2h_bias', 'rnn_h2h_weight', 'rnn_h2h_bias']
    """

    _gates = ("",)

    def __init__(
        self,
        num_hidden: int,
        activation: str | Callable[..., Symbol] = "tanh",
        prefix: str = "rnn_",
        params: RNNParams | None = None,
    ) -> None:
        super().__init__(num_hidden, prefix, params)
        self._activation = activation

    def __call__(self, inputs: Symbol, states: States) -> tuple[Symbol, States]:
        name = self._next()
        i2h, h2h = self._products(inputs, states[0], name)
        if callable(self._activation):
            output = self._activation(i2h + h2h, name=f"{name}out")
        else:
            output = sym.Activation(i2h + h2h, act_type=self._activation, name=f"{name}out")
        return output, [output]


class LSTMCell(_GatedCell):
    """A cell of long short-term memory (Hochreiter & Schmidhuber 1997).

    Parameters
    ----------
    num_hidden : int
        The size of the states.
    prefix, params
        As in `BaseRNNCell`.
    forget_bias : float
        With which the bias of the forget gate begins.

    Examples
    --------
    >>> import microlazy as mx
    >>> cell = mx.rnn.LSTMCell(3)
    >>> cell(mx.sym.var("x"), cell.begin_state())[1]
    [<Symbol lstm_t0_out>, <Symbol lstm_t0_state>]
    """

    _gates = ("_i", "_f", "_c", "_o")
    _state_count = 2

    def __init__(
        self,
        num_hidden: int,
        prefix: str = "lstm_",
        params: RNNParams | None = None,
        forget_bias: float = 1.0,
    ) -> None:
        super().__init__(num_hidden, prefix, params, init.LSTMBias(forget_bias))

    def __call__(self, inputs: Symbol, states: States) -> tuple[Symbol, States]:
        name = self._next()
        i2h, h2h = self._products(inputs, states[0], name)
        parts = sym.SliceChannel(i2h + h2h, num_outputs=4, name=f"{name}slice")
        kinds = ("sigmoid", "sigmoid", "tanh", "sigmoid")
        write, keep, new, out = (
            sym.Activation(part, act_type=kind, name=f"{name}{gate[1:]}")
            for part, kind, gate in zip(parts, kinds, self._gates, strict=True)
        )
        cell = sym._internal._plus(keep * states[1], write * new, name=f"{name}state")
        output = sym._internal._mul(out, sym.Activation(cell, act_type="tanh"), name=f"{name}out")
        return output, [output, cell]


class GRUCell(_GatedCell):
    """A gated recurrent unit, with the reset gate behind the product, as cuDNN has it.

    Parameters
    ----------
    num_hidden : int
        The size of the state.
    prefix, params
        As in `BaseRNNCell`.

    Examples
    --------
    >>> import microlazy as mx
    >>> cell = mx.rnn.GRUCell(3)
    >>> cell(mx.sym.var("x"), cell.begin_state())[1]
    [<Symbol gru_t0_out>]
    """

    _gates = ("_r", "_z", "_o")

    def __init__(
        self, num_hidden: int, prefix: str = "gru_", params: RNNParams | None = None
    ) -> None:
        super().__init__(num_hidden, prefix, params)

    def __call__(self, inputs: Symbol, states: States) -> tuple[Symbol, States]:
        step = self._next()
        name = f"{step}_"
        i2h, h2h = (
            sym.SliceChannel(x, num_outputs=3, name=f"{name}{group}_slice")
            for x, group in zip(
                self._products(inputs, states[0], name), ("i2h", "h2h"), strict=True
            )
        )
        reset = sym.Activation(i2h[0] + h2h[0], act_type="sigmoid", name=f"{name}r_act")
        update = sym.Activation(i2h[1] + h2h[1], act_type="sigmoid", name=f"{name}z_act")
        new = sym.Activation(i2h[2] + reset * h2h[2], act_type="tanh", name=f"{name}h_act")
        output = sym._internal._plus((1.0 - update) * new, update * states[0], name=f"{step}out")
        return output, [output]
