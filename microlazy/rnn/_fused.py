"""A stack of recurrent layers as one node."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from microlazy import initializer as init
from microlazy import ndarray as nd
from microlazy import symbol as sym
from microlazy.base import MXNetError
from microlazy.core.tensor import Tensor
from microlazy.ops.recurrent import CELLS, parameter_shapes
from microlazy.rnn._base import Arrays, BaseRNNCell, RNNParams, States, steps_of, taken
from microlazy.rnn._gated import GRUCell, LSTMCell, RNNCell
from microlazy.rnn._stacks import BidirectionalCell, DropoutCell, SequentialRNNCell
from microlazy.symbol import Symbol

__all__ = ["FusedRNNCell"]

_GATES = {
    "rnn_relu": ("",),
    "rnn_tanh": ("",),
    "lstm": ("_i", "_f", "_c", "_o"),
    "gru": ("_r", "_z", "_o"),
}


class FusedRNNCell(BaseRNNCell):
    """Layers of recurrent cells over a whole sequence, with their weights in one row.

    Parameters
    ----------
    num_hidden, num_layers : int
        The size of the states, and how many layers there are.
    mode : {"rnn_relu", "rnn_tanh", "lstm", "gru"}
        The kind of cell.
    bidirectional : bool
        Whether each layer has two directions.
    dropout : float
        Which part of what goes from layer to layer is left out in training.
    get_next_state : bool
        Whether `unroll` gives the last states too.
    forget_bias : float
        With which the bias of an LSTM's forget gate begins.
    prefix, params
        As in `BaseRNNCell`; by default the prefix is the mode.

    Raises
    ------
    MXNetError
        If there is no such mode.

    Examples
    --------
    >>> import microlazy as mx
    >>> cell = mx.rnn.FusedRNNCell(3, num_layers=2, mode="lstm")
    >>> outputs, _ = cell.unroll(4, mx.sym.var("data"), layout="TNC", merge_outputs=True)
    >>> outputs.infer_shape(data=(4, 2, 5))[:2]
    ([(4, 2, 5), (216,)], [(4, 2, 3)])
    """

    def __init__(
        self,
        num_hidden: int,
        num_layers: int = 1,
        mode: str = "lstm",
        bidirectional: bool = False,
        dropout: float = 0.0,
        get_next_state: bool = False,
        forget_bias: float = 1.0,
        prefix: str | None = None,
        params: RNNParams | None = None,
    ) -> None:
        if mode not in _GATES:
            raise MXNetError(f"mode must be one of {', '.join(_GATES)}, not {mode!r}")
        super().__init__(f"{mode}_" if prefix is None else prefix, params)
        self._num_hidden, self._num_layers, self._mode = num_hidden, num_layers, mode
        self._bidirectional, self._dropout = bidirectional, dropout
        self._get_next_state = get_next_state
        self._directions = ("l", "r") if bidirectional else ("l",)
        first = init.FusedRNN(None, num_hidden, num_layers, mode, bidirectional, forget_bias)
        self._parameters = self.params.get("parameters", init=first)

    @property
    def state_info(self) -> list[dict[str, Any]]:
        shape = (len(self._directions) * self._num_layers, 0, self._num_hidden)
        return [{"shape": shape, "__layout__": "LNC"} for _ in range(CELLS[self._mode].states)]

    def _places(self, inputs: int) -> Iterator[tuple[str, int, tuple[int, ...]]]:
        """Name, first place and shape of each gate's weights and biases in the row."""
        shapes = parameter_shapes(
            self._mode, inputs, self._num_hidden, self._num_layers, len(self._directions)
        )
        layers = [f"{way}{i}" for i in range(self._num_layers) for way in self._directions]
        start = 0
        for kind, first in (("weight", 0), ("bias", 2)):
            for layer, parts in zip(layers, shapes, strict=True):
                for group, shape in zip(("i2h", "h2h"), parts[first : first + 2], strict=True):
                    for gate in _GATES[self._mode]:
                        own = (self._num_hidden, *shape[1:])
                        yield f"{self._prefix}{layer}_{group}{gate}_{kind}", start, own
                        start += own[0] * (own[1] if len(own) == 2 else 1)

    def _size(self, inputs: int) -> int:
        *_, (_, start, shape) = self._places(inputs)
        return start + shape[0]

    def unpack_weights(self, args: Arrays) -> dict[str, Tensor]:
        found = dict(args)
        name = str(self._parameters.name)
        row = taken(found, name)
        each = self._size(1) - self._size(0)  # what one more input takes
        inputs, rest = divmod(row.size - self._size(0), each)
        if rest or inputs < 1:
            raise MXNetError(f"{name!r} has {row.size} numbers, which are none of a "
                             f"{type(self).__name__} like this")  # fmt: skip
        for part, start, shape in self._places(inputs):
            size = shape[0] * (shape[1] if len(shape) == 2 else 1)
            found[part] = row[start : start + size].reshape(shape).copy()
        return found

    def pack_weights(self, args: Arrays) -> dict[str, Tensor]:
        found = dict(args)
        first = f"{self._prefix}l0_i2h{_GATES[self._mode][0]}_weight"
        if first not in found:
            raise MXNetError(f"there is no array {first!r}")
        inputs = found[first].shape[1]
        parts = [taken(found, part).reshape((-1,)) for part, _, _ in self._places(inputs)]
        found[str(self._parameters.name)] = nd.concat(*parts, dim=0)
        return found

    def __call__(self, inputs: Symbol, states: States) -> tuple[Symbol, States]:
        raise NotImplementedError("a FusedRNNCell makes no single step: use unroll, or unfuse()")

    def unroll(
        self,
        length: int,
        inputs: Symbol | Sequence[Symbol],
        begin_state: States | None = None,
        layout: str = "NTC",
        merge_outputs: bool | None = None,
    ) -> tuple[Any, States]:
        self.reset()
        data = steps_of(length, inputs, layout, True)
        if layout not in ("NTC", "TNC"):
            raise ValueError(f"unroll: layout must be 'NTC' or 'TNC', not {layout!r}")
        if layout == "NTC":
            data = sym.swapaxes(data, dim1=0, dim2=1)
        states = self.begin_state() if begin_state is None else begin_state
        found = sym.RNN(
            data,
            self._parameters,
            *states,
            state_size=self._num_hidden,
            num_layers=self._num_layers,
            bidirectional=self._bidirectional,
            p=self._dropout,
            state_outputs=self._get_next_state,
            mode=self._mode,
            name=f"{self._prefix}rnn",
        )
        outputs, *last = found
        for state in last:
            state._set_attr(__layout__="LNC")
        if layout == "NTC":
            outputs = sym.swapaxes(outputs, dim1=0, dim2=1)
        return steps_of(length, outputs, layout, merge_outputs), last

    def unfuse(self) -> BaseRNNCell:
        """The same layers as cells, which take the weights that `unpack_weights` gives, packed.

        Returns
        -------
        SequentialRNNCell

        Examples
        --------
        >>> import microlazy as mx
        >>> stack = mx.rnn.FusedRNNCell(3, num_layers=2, mode="gru").unfuse()
        >>> stack.unroll(2, mx.sym.var("data"))[0]
        [<Symbol gru_l1_t0_out>, <Symbol gru_l1_t1_out>]
        """
        stack = SequentialRNNCell()
        for layer in range(self._num_layers):
            cell = self._cell(f"{self._prefix}l{layer}_")
            if self._bidirectional:
                other = self._cell(f"{self._prefix}r{layer}_")
                name = f"{self._prefix}bi_l{layer}_"
                cell = BidirectionalCell(cell, other, output_prefix=name)
            stack.add(cell)
            if self._dropout > 0 and layer < self._num_layers - 1:
                name = f"{self._prefix}_dropout{layer}_"
                stack.add(DropoutCell(self._dropout, prefix=name))
        return stack

    def _cell(self, prefix: str) -> BaseRNNCell:
        if self._mode == "lstm":
            return LSTMCell(self._num_hidden, prefix=prefix)
        if self._mode == "gru":
            return GRUCell(self._num_hidden, prefix=prefix)
        kind = self._mode.removeprefix("rnn_")
        return RNNCell(self._num_hidden, activation=kind, prefix=prefix)
