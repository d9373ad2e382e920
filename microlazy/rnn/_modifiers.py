"""Cells that change what others do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from microlazy import symbol as sym
from microlazy.core.tensor import Tensor
from microlazy.rnn._base import Arrays, BaseRNNCell, RNNParams, States, steps_of
from microlazy.rnn._fused import FusedRNNCell
from microlazy.rnn._stacks import BidirectionalCell
from microlazy.symbol import Symbol

__all__ = ["ModifierCell", "ResidualCell", "ZoneoutCell"]


class ModifierCell(BaseRNNCell):
    """A cell that changes what another one does, which may then be called by this one only.

    Parameters
    ----------
    base_cell : BaseRNNCell

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.rnn.ZoneoutCell(mx.rnn.RNNCell(3), 0.5).state_shape
    [(0, 3)]
    """

    def __init__(self, base_cell: BaseRNNCell) -> None:
        self.base_cell = base_cell
        super().__init__()
        base_cell._modified = True

    def reset(self) -> None:
        super().reset()
        self.base_cell.reset()

    @property
    def params(self) -> RNNParams:
        """The variables of the cell.

        Examples
        --------
        >>> import microlazy as mx
        >>> mx.rnn.ResidualCell(mx.rnn.RNNCell(3)).params.get("i2h_bias")
        <Symbol rnn_i2h_bias>
        """
        self._own_params = False
        return self.base_cell.params

    @property
    def state_info(self) -> list[dict[str, Any]]:
        return self.base_cell.state_info

    def begin_state(self, func: Callable[..., Symbol] = sym.zeros, **kwargs: Any) -> States:
        self._need_unmodified()
        self.base_cell._modified = False
        try:
            return self.base_cell.begin_state(func, **kwargs)
        finally:
            self.base_cell._modified = True

    def unpack_weights(self, args: Arrays) -> dict[str, Tensor]:
        return self.base_cell.unpack_weights(args)

    def pack_weights(self, args: Arrays) -> dict[str, Tensor]:
        return self.base_cell.pack_weights(args)


class ZoneoutCell(ModifierCell):
    """A cell of which some outputs and states stay as they were, at random, in training.

    Parameters
    ----------
    base_cell : BaseRNNCell
        Not one that makes no single step.
    zoneout_outputs, zoneout_states : float
        Which part stays.

    Raises
    ------
    AssertionError
        If `base_cell` makes no single step.

    Notes
    -----
    Krueger et al., "Zoneout: regularizing RNNs by randomly preserving hidden activations", 2017.

    Examples
    --------
    >>> import microlazy as mx
    >>> cell = mx.rnn.ZoneoutCell(mx.rnn.RNNCell(3), 0.2, 0.2)
    >>> outputs, states = cell.unroll(2, mx.sym.var("data"))
    >>> outputs[1].infer_shape(data=(4, 2, 5))[1]
    [(4, 3)]
    """

    def __init__(
        self, base_cell: BaseRNNCell, zoneout_outputs: float = 0.0, zoneout_states: float = 0.0
    ) -> None:
        if isinstance(base_cell, FusedRNNCell | BidirectionalCell):
            raise AssertionError(f"{type(base_cell).__name__} makes no single step; zoneout needs "
                                 "cells that do: unfuse(), or modify the cells inside")  # fmt: skip
        super().__init__(base_cell)
        self.zoneout_outputs, self.zoneout_states = zoneout_outputs, zoneout_states

    def reset(self) -> None:
        super().reset()
        self.prev_output: Symbol | None = None

    def __call__(self, inputs: Symbol, states: States) -> tuple[Symbol, States]:
        output, new = self.base_cell(inputs, states)
        before = sym.zeros_like(output) if self.prev_output is None else self.prev_output
        output = _kept(self.zoneout_outputs, output, before)
        self.prev_output = output
        pairs = zip(new, states, strict=True)
        return output, [_kept(self.zoneout_states, after, old) for after, old in pairs]


def _kept(part: float, new: Symbol, old: Symbol) -> Symbol:
    """What is new, but for a part that stays as it was."""
    if not part:
        return new
    return sym.where(sym.Dropout(sym.ones_like(new), p=part), new, old)


class ResidualCell(ModifierCell):
    """A cell whose input is added to its output.

    Parameters
    ----------
    base_cell : BaseRNNCell

    Notes
    -----
    Wu et al., "Google's neural machine translation system", 2016.

    Examples
    --------
    >>> import microlazy as mx
    >>> cell = mx.rnn.ResidualCell(mx.rnn.GRUCell(3))
    >>> cell.unroll(2, mx.sym.var("data"))[0]
    [<Symbol gru_t0_out_plus_residual>, <Symbol gru_t1_out_plus_residual>]
    """

    def __call__(self, inputs: Symbol, states: States) -> tuple[Symbol, States]:
        output, states = self.base_cell(inputs, states)
        return _added(output, inputs), states

    def unroll(
        self,
        length: int,
        inputs: Symbol | Sequence[Symbol],
        begin_state: States | None = None,
        layout: str = "NTC",
        merge_outputs: bool | None = None,
    ) -> tuple[Any, States]:
        self.reset()
        self.base_cell._modified = False
        try:
            outputs, states = self.base_cell.unroll(
                length, inputs, begin_state, layout, merge_outputs
            )
        finally:
            self.base_cell._modified = True
        merge = isinstance(outputs, Symbol)
        inputs = steps_of(length, inputs, layout, merge)
        if merge:
            return _added(outputs, inputs), states
        return [_added(*pair) for pair in zip(outputs, inputs, strict=True)], states


def _added(output: Any, inputs: Any) -> Symbol:
    return sym.elemwise_add(output, inputs, name=f"{output.name}_plus_residual")
