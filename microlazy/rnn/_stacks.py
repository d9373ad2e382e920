"""Cells made of cells, one above the other or in two directions, and dropout between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from microlazy import symbol as sym
from microlazy.core.tensor import Tensor
from microlazy.rnn._base import Arrays, BaseRNNCell, RNNParams, States, steps_of
from microlazy.symbol import Symbol

__all__ = ["BidirectionalCell", "DropoutCell", "SequentialRNNCell"]


class _Cells(BaseRNNCell):
    """A cell that is made of others."""

    def __init__(self, prefix: str, params: RNNParams | None) -> None:
        self._cells: list[BaseRNNCell] = []
        super().__init__(prefix, params)
        self._shares = params is not None

    def _append(self, cell: BaseRNNCell) -> None:
        if self._shares:
            if not cell._own_params:
                raise AssertionError("give params either to the whole or to its cells, not to both")
            cell.params.share(self.params)
        self._cells.append(cell)
        self.params.share(cell.params)

    def reset(self) -> None:
        super().reset()
        for cell in self._cells:
            cell.reset()

    @property
    def state_info(self) -> list[dict[str, Any]]:
        return [info for cell in self._cells for info in cell.state_info]

    def begin_state(self, func: Callable[..., Symbol] = sym.zeros, **kwargs: Any) -> States:
        self._need_unmodified()
        return [state for cell in self._cells for state in cell.begin_state(func, **kwargs)]

    def unpack_weights(self, args: Arrays) -> dict[str, Tensor]:
        for cell in self._cells:
            args = cell.unpack_weights(args)
        return dict(args)

    def pack_weights(self, args: Arrays) -> dict[str, Tensor]:
        for cell in self._cells:
            args = cell.pack_weights(args)
        return dict(args)

    def _shared_out(self, states: States) -> list[States]:
        """The states of each cell."""
        found, start = [], 0
        for cell in self._cells:
            count = len(cell.state_info)
            found.append(states[start : start + count])
            start += count
        return found


class SequentialRNNCell(_Cells):
    """Cells one above the other.

    Parameters
    ----------
    params
        As in `BaseRNNCell`.

    Examples
    --------
    >>> import microlazy as mx
    >>> stack = mx.rnn.SequentialRNNCell()
    >>> for i in range(2):
    ...     stack.add(mx.rnn.LSTMCell(3, prefix=f"l{i}_"))
    >>> len(stack.unroll(4, mx.sym.var("data"))[1])
    4
    """

    def __init__(self, params: RNNParams | None = None) -> None:
        super().__init__("", params)

    def add(self, cell: BaseRNNCell) -> None:
        """Put a cell on top.

        Parameters
        ----------
        cell : BaseRNNCell

        Examples
        --------
        >>> import microlazy as mx
        >>> stack = mx.rnn.SequentialRNNCell()
        >>> stack.add(mx.rnn.GRUCell(3))
        >>> stack.state_shape
        [(0, 3)]
        """
        self._append(cell)

    def __call__(self, inputs: Symbol, states: States) -> tuple[Symbol, States]:
        found: States = []
        for cell, own in zip(self._cells, self._shared_out(states), strict=True):
            inputs, own = cell(inputs, own)
            found += own
        return inputs, found

    def unroll(
        self,
        length: int,
        inputs: Symbol | Sequence[Symbol],
        begin_state: States | None = None,
        layout: str = "NTC",
        merge_outputs: bool | None = None,
    ) -> tuple[Any, States]:
        self.reset()
        states = self.begin_state() if begin_state is None else begin_state
        found: States = []
        for cell, own in zip(self._cells, self._shared_out(states), strict=True):
            merge = merge_outputs if cell is self._cells[-1] else None
            inputs, own = cell.unroll(length, inputs, own, layout, merge)
            found += own
        return inputs, found


class BidirectionalCell(_Cells):
    """Two cells, one of which goes through the sequence from its end; their outputs are joined.

    Parameters
    ----------
    l_cell, r_cell : BaseRNNCell
        Forward and backward.
    params
        As in `BaseRNNCell`.
    output_prefix : str
        What the names of outputs begin with.

    Examples
    --------
    >>> import microlazy as mx
    >>> both = mx.rnn.BidirectionalCell(mx.rnn.GRUCell(3, "l_"), mx.rnn.GRUCell(3, "r_"))
    >>> outputs, states = both.unroll(4, mx.sym.var("data"), merge_outputs=True)
    >>> outputs.infer_shape(data=(2, 4, 5))[1]
    [(2, 4, 6)]
    """

    def __init__(
        self,
        l_cell: BaseRNNCell,
        r_cell: BaseRNNCell,
        params: RNNParams | None = None,
        output_prefix: str = "bi_",
    ) -> None:
        super().__init__("", params)
        self._output_prefix = output_prefix
        self._append(l_cell)
        self._append(r_cell)

    def __call__(self, inputs: Symbol, states: States) -> tuple[Symbol, States]:
        raise NotImplementedError("a BidirectionalCell makes no single step: use unroll")

    def unroll(
        self,
        length: int,
        inputs: Symbol | Sequence[Symbol],
        begin_state: States | None = None,
        layout: str = "NTC",
        merge_outputs: bool | None = None,
    ) -> tuple[Any, Any]:
        self.reset()
        steps = steps_of(length, inputs, layout, False)
        states = self.begin_state() if begin_state is None else begin_state
        own = self._shared_out(states)
        left, l_states = self._cells[0].unroll(length, steps, own[0], layout, merge_outputs)
        right, r_states = self._cells[1].unroll(length, steps[::-1], own[1], layout, merge_outputs)
        if merge_outputs is None and isinstance(left, Symbol) and isinstance(right, Symbol):
            merge_outputs = True
        if merge_outputs:
            turned = sym.reverse(right, axis=layout.index("T"))
            outputs: Any = sym.concat(left, turned, dim=2, name=f"{self._output_prefix}out")
        else:
            pairs = zip(
                steps_of(length, left, layout, False),
                steps_of(length, right, layout, False)[::-1],
                strict=True,
            )
            outputs = [
                sym.concat(*pair, dim=1, name=f"{self._output_prefix}t{i}")
                for i, pair in enumerate(pairs)
            ]
        return outputs, [l_states, r_states]


class DropoutCell(BaseRNNCell):
    """A cell without a state, whose output is its input with elements left out in training.

    Parameters
    ----------
    dropout : float
        Which part is left out.
    prefix, params
        As in `BaseRNNCell`.

    Raises
    ------
    AssertionError
        If `dropout` is no number.

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.rnn.DropoutCell(0.5)(mx.sym.var("x"), [])[0].attr("p")
    '0.5'
    """

    def __init__(
        self, dropout: float, prefix: str = "dropout_", params: RNNParams | None = None
    ) -> None:
        super().__init__(prefix, params)
        if not isinstance(dropout, int | float):
            raise AssertionError(f"dropout probability must be a number, not {dropout!r}")
        self.dropout = dropout

    @property
    def state_info(self) -> list[dict[str, Any]]:
        return []

    def __call__(self, inputs: Symbol, states: States) -> tuple[Symbol, States]:
        if self.dropout > 0:
            inputs = sym.Dropout(data=inputs, p=self.dropout)
        return inputs, states

    def unroll(
        self,
        length: int,
        inputs: Symbol | Sequence[Symbol],
        begin_state: States | None = None,
        layout: str = "NTC",
        merge_outputs: bool | None = None,
    ) -> tuple[Any, States]:
        self.reset()
        inputs = steps_of(length, inputs, layout, merge_outputs)
        if isinstance(inputs, Symbol):
            return self(inputs, [])
        return super().unroll(length, inputs, begin_state, layout, merge_outputs)
