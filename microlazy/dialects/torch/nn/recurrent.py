"""Recurrent networks over whole sequences."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from .... import autograd
from .... import numpy as np
from ....initializer import Uniform
from ....ops.recurrent import CELLS, recurrent
from .._tensor import Tensor, apply
from .module import Module


class _Recurrent(Module):
    """What recurrent networks share.

    Parameters
    ----------
    input_size, hidden_size : int
        Features of the input, and of the state.
    num_layers : int
        Layers, each on the outputs of the one before.
    bias : bool
        Whether there are biases.
    batch_first : bool
        Whether the batch is the first axis of input and output, and the steps the second.
    dropout : float
        Dropout between layers in training.
    bidirectional : bool
        Whether each layer runs backwards over the sequence too.

    Raises
    ------
    RuntimeError
        In the forward pass, if sizes do not fit.
    """

    _mode: str

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
    ) -> None:
        super().__init__()
        if hidden_size < 1 or num_layers < 1:
            raise ValueError("hidden_size and num_layers must be greater than zero")
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout = bias, batch_first, dropout
        self.bidirectional = bidirectional
        init = Uniform(1 / math.sqrt(hidden_size))
        for name, shape in self._shapes():
            self._declare(name, shape).initialize(init)

    @property
    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    def _shapes(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        """Names and shapes of all parameters, in the order of the core's."""
        rows, features = CELLS[self._mode].gates * self.hidden_size, self.input_size
        for layer in range(self.num_layers):
            for end in ("", "_reverse")[: self._directions]:
                yield f"weight_ih_l{layer}{end}", (rows, features)
                yield f"weight_hh_l{layer}{end}", (rows, self.hidden_size)
                if self.bias:
                    yield f"bias_ih_l{layer}{end}", (rows,)
                    yield f"bias_hh_l{layer}{end}", (rows,)
            features = self.hidden_size * self._directions

    def _weights(self, x: Any) -> list[Any]:
        arrays = [self._reg_params[name].data() for name, _ in self._shapes()]
        if self.bias:
            return arrays
        zeros = np.zeros(arrays[0].shape[0], dtype=x.dtype)
        pairs = zip(arrays[::2], arrays[1::2], strict=True)
        return [each for pair in pairs for each in (*pair, zeros, zeros)]

    def _run(self, x: Any, *states: Any) -> list[Any]:
        if x.ndim not in (2, 3):
            raise ValueError(f"{self._get_name()}: Expected input to be 2D or 3D, got {x.ndim}D")
        if x.shape[-1] != self.input_size:
            raise RuntimeError(
                f"input.size(-1) must be equal to input_size. Expected {self.input_size}, got "
                f"{x.shape[-1]}"
            )
        batched = x.ndim == 3
        if not batched:
            x, states = np.expand_dims(x, 1), tuple(np.expand_dims(each, 1) for each in states)
        elif self.batch_first:
            x = np.swapaxes(x, 0, 1)
        wanted = (self.num_layers * self._directions, x.shape[1], self.hidden_size)
        for each in states:
            if tuple(each.shape) != wanted:
                raise RuntimeError(f"Expected hidden size {wanted}, got {list(each.shape)}")
        trains = self._trains()
        before = autograd.set_training(trains)
        try:
            outputs, *last = recurrent(
                x,
                list(states) or None,
                None,
                self._weights(x),
                self._mode,
                self._directions,
                self.dropout if trains else 0.0,
            )
        finally:
            autograd.set_training(before)
        if not batched:
            return [each[:, 0] for each in (outputs, *last)]
        return [np.swapaxes(outputs, 0, 1) if self.batch_first else outputs, *last]

    def forward(self, input: Tensor, hx: Any = None) -> Any:
        states = () if hx is None else hx if isinstance(hx, tuple) else (hx,)
        output, *last = apply(self._get_name(), self._run, input, *states)
        return output, last[0] if len(last) == 1 else tuple(last)

    def extra_repr(self) -> str:
        text = f"{self.input_size}, {self.hidden_size}"
        for name, usual in (("num_layers", 1), ("bias", True), ("batch_first", False),
                            ("dropout", 0.0), ("bidirectional", False)):  # fmt: skip
            if getattr(self, name) != usual:
                text += f", {name}={getattr(self, name)}"
        return text


class RNN(_Recurrent):
    """Elman's recurrent network, ``h = tanh(W x + b + V h + c)``.

    Parameters
    ----------
    *args, **kwargs
        As of `LSTM`.
    nonlinearity : {"tanh", "relu"}
        The function of the state.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> from microlazy.dialects.torch import nn
    >>> output, state = nn.RNN(3, 4)(torch.ones(5, 2, 3))
    >>> output.shape, state.shape
    (torch.Size([5, 2, 4]), torch.Size([1, 2, 4]))
    """

    def __init__(self, *args: Any, nonlinearity: str = "tanh", **kwargs: Any) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(
                f"Unknown nonlinearity {nonlinearity!r}. Select from 'tanh' or 'relu'."
            )
        object.__setattr__(self, "_mode", f"rnn_{nonlinearity}")
        super().__init__(*args, **kwargs)


class LSTM(_Recurrent):
    """Long short-term memory (Hochreiter & Schmidhuber 1997; forget gates of Gers et al. 2000).

    Parameters
    ----------
    input_size, hidden_size : int
        Features of the input, and of the state.
    num_layers : int
        Layers, each on the outputs of the one before.
    bias : bool
        Whether there are biases.
    batch_first : bool
        Whether the batch is the first axis of input and output, and the steps the second.
    dropout : float
        Dropout between layers in training.
    bidirectional : bool
        Whether each layer runs backwards over the sequence too.

    Notes
    -----
    Called with an input of shape (steps, batch, features) and, if wanted, ``(h, c)`` of shape
    (layers * directions, batch, hidden_size), it returns the outputs and the last ``(h, c)``.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> from microlazy.dialects.torch import nn
    >>> lstm = nn.LSTM(3, 4, batch_first=True)
    >>> lstm
    LSTM(3, 4, batch_first=True)
    >>> output, (h, c) = lstm(torch.ones(2, 5, 3))
    >>> output.shape, h.shape
    (torch.Size([2, 5, 4]), torch.Size([1, 2, 4]))
    """

    _mode = "lstm"


class GRU(_Recurrent):
    """Gated recurrent units (Cho et al. 2014), the reset gate behind the product.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> from microlazy.dialects.torch import nn
    >>> output, state = nn.GRU(3, 4)(torch.ones(5, 2, 3))
    >>> output.shape, state.shape
    (torch.Size([5, 2, 4]), torch.Size([1, 2, 4]))
    """

    _mode = "gru"
