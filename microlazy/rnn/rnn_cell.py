"""MXNet's path to the cells of symbols."""

from microlazy.rnn._base import BaseRNNCell, RNNParams
from microlazy.rnn._fused import FusedRNNCell
from microlazy.rnn._gated import GRUCell, LSTMCell, RNNCell
from microlazy.rnn._modifiers import ModifierCell, ResidualCell, ZoneoutCell
from microlazy.rnn._stacks import BidirectionalCell, DropoutCell, SequentialRNNCell

__all__ = [
    "BaseRNNCell",
    "BidirectionalCell",
    "DropoutCell",
    "FusedRNNCell",
    "GRUCell",
    "LSTMCell",
    "ModifierCell",
    "RNNCell",
    "RNNParams",
    "ResidualCell",
    "SequentialRNNCell",
    "ZoneoutCell",
]
