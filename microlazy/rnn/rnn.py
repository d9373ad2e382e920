"""Checkpoints of graphs with recurrent cells, whose files have an array for each gate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from microlazy.core.tensor import Tensor
from microlazy.model import load_checkpoint, save_checkpoint
from microlazy.rnn._base import BaseRNNCell
from microlazy.symbol import Symbol
from microlazy.symbol.composing import var

__all__ = ["do_rnn_checkpoint", "load_rnn_checkpoint", "rnn_unroll", "save_rnn_checkpoint"]

Cells = BaseRNNCell | Sequence[BaseRNNCell]


def _each(cells: Cells) -> Sequence[BaseRNNCell]:
    return [cells] if isinstance(cells, BaseRNNCell) else cells


def save_rnn_checkpoint(
    cells: Cells,
    prefix: str,
    epoch: int,
    symbol: Symbol,
    arg_params: Mapping[str, Tensor],
    aux_params: Mapping[str, Tensor],
) -> None:
    """Write a graph, and its parameters with an array for each gate.

    Parameters
    ----------
    cells : BaseRNNCell or list of BaseRNNCell
        Those of the graph.
    prefix, epoch, symbol, arg_params, aux_params
        As in `mx.model.save_checkpoint`.

    Examples
    --------
    >>> import os, tempfile
    >>> import microlazy as mx
    >>> cell = mx.rnn.FusedRNNCell(2, mode="rnn_tanh")
    >>> net = cell.unroll(3, mx.sym.var("data"), merge_outputs=True)[0]
    >>> prefix = os.path.join(tempfile.mkdtemp(), "net")
    >>> mx.rnn.save_rnn_checkpoint(cell, prefix, 1, net, {"rnn_tanh_parameters": mx.nd.ones((12,))},
    ...                            {})
    >>> mx.rnn.load_rnn_checkpoint(cell, prefix, 1)[1]["rnn_tanh_parameters"].shape
    (12,)
    """
    for cell in _each(cells):
        arg_params = cell.unpack_weights(arg_params)
    save_checkpoint(prefix, epoch, symbol, arg_params, aux_params)


def load_rnn_checkpoint(
    cells: Cells, prefix: str, epoch: int
) -> tuple[Symbol, dict[str, Any], dict[str, Any]]:
    """Read what `save_rnn_checkpoint` wrote.

    Parameters
    ----------
    cells, prefix, epoch
        As there.

    Returns
    -------
    symbol : Symbol
    arg_params, aux_params : dict of str to NDArray

    Raises
    ------
    MXNetError
        If a file cannot be read, or has not the cells' weights.

    Examples
    --------
    >>> import os, tempfile
    >>> import microlazy as mx
    >>> cell = mx.rnn.RNNCell(2)
    >>> net = cell.unroll(3, mx.sym.var("data"), merge_outputs=True)[0]
    >>> arrays = {name: mx.nd.ones((2,)) for name in net.list_arguments()[1:]}
    >>> prefix = os.path.join(tempfile.mkdtemp(), "net")
    >>> mx.rnn.save_rnn_checkpoint(cell, prefix, 1, net, arrays, {})
    >>> sorted(mx.rnn.load_rnn_checkpoint(cell, prefix, 1)[1]) == sorted(arrays)
    True
    """
    symbol, arguments, auxiliary = load_checkpoint(prefix, epoch)
    for cell in _each(cells):
        arguments = cell.pack_weights(arguments)
    return symbol, arguments, auxiliary


def rnn_unroll(
    cell: BaseRNNCell,
    length: int,
    inputs: Any = None,
    begin_state: Any = None,
    input_prefix: str = "",
    layout: str = "NTC",
) -> Any:
    """Unroll a cell; its method `unroll` under an older name.

    Parameters
    ----------
    cell : BaseRNNCell
    length, inputs, begin_state, layout
        As in `BaseRNNCell.unroll`; without inputs, variables are made.
    input_prefix : str
        What their names begin with.

    Returns
    -------
    outputs, states

    Examples
    --------
    >>> import microlazy as mx
    >>> outputs, states = mx.rnn.rnn_unroll(mx.rnn.RNNCell(2), 3, input_prefix="in_")
    >>> [name for name in mx.sym.Group(outputs).list_arguments() if name.startswith("in_")]
    ['in_t0_data', 'in_t1_data', 'in_t2_data']
    """
    if inputs is None:
        inputs = [var(f"{input_prefix}t{step}_data") for step in range(length)]
    return cell.unroll(length, inputs, begin_state, layout)


def do_rnn_checkpoint(cells: Cells, prefix: str, period: int = 1) -> Callable[..., None]:
    """A callback for `fit` that writes a checkpoint at the end of epochs.

    Parameters
    ----------
    cells, prefix
        As in `save_rnn_checkpoint`.
    period : int
        Every how many epochs.

    Examples
    --------
    >>> import microlazy as mx
    >>> callback = mx.rnn.do_rnn_checkpoint(mx.rnn.RNNCell(2), "net", period=10)
    >>> callback(0)
    """
    period = max(1, int(period))

    def callback(epoch: int, symbol: Any = None, arguments: Any = None, states: Any = None) -> None:
        if (epoch + 1) % period == 0:
            save_rnn_checkpoint(cells, prefix, epoch + 1, symbol, arguments, states)

    return callback
