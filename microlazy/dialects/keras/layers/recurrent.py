"""Recurrent layers."""

from __future__ import annotations

from typing import Any

import numpy

from ....core.tensor import Tensor
from ....gluon import rnn
from .. import initializers
from .._layer import Known

__all__ = ["LSTM"]


class _OpenForgetGate:
    """An initializer of a bias whose second quarter is 1 (Jozefowicz et al. 2015)."""

    def __init__(self, initializer: Any) -> None:
        self._make = initializers.get(initializer)

    def __call__(self, shape: tuple[int, ...], dtype: Any = "float32") -> numpy.ndarray:
        values = numpy.array(self._make(shape, dtype=dtype), dtype=dtype)
        units = shape[0] // 4
        values[units : 2 * units] = 1
        return values


class LSTM(Known, rnn.LSTM):
    """Long short-term memory over sequences (batch, steps, features).

    Parameters
    ----------
    units : int
        The size of the output.
    use_bias : bool
        There is a bias in any case; other values are refused.
    kernel_initializer, recurrent_initializer, bias_initializer : str, callable or Initializer
        For the kernel of shape (in, 4 * units), the recurrent one of shape (units, 4 * units) and
        the bias of shape (4 * units,). The gates stand in the order input, forget, cell, output.
    unit_forget_bias : bool
        Let the bias of the forget gate begin with 1.
    return_sequences : bool
        Give the outputs of all steps, not of the last alone.
    **kwargs
        As in `Layer`.

    Notes
    -----
    The gates are sigmoid and the cell tanh. Hochreiter and Schmidhuber, "Long short-term memory",
    1997.

    Examples
    --------
    >>> from microlazy.dialects.keras import tf
    >>> layer = LSTM(3)
    >>> layer(tf.ones((2, 5, 4))).shape
    (2, 3)
    >>> [w.shape for w in layer.get_weights()]
    [(4, 12), (3, 12), (12,)]
    """

    _named = (
        ("kernel", "l0_i2h_weight", (1, 0)),
        ("recurrent_kernel", "l0_h2h_weight", (1, 0)),
        ("bias", "l0_i2h_bias", None),
    )

    def __init__(
        self,
        units: int,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
        return_sequences: bool = False,
        **kwargs: Any,
    ) -> None:
        if not use_bias:
            raise ValueError("LSTM: microlazy's has a bias in any case; use_bias must be True")
        self.units = units
        self.return_sequences = return_sequences
        if unit_forget_bias:
            bias_initializer = _OpenForgetGate(bias_initializer)
        super().__init__(
            gluon={
                "hidden_size": units,
                "layout": "NTC",
                "i2h_weight_initializer": initializers.for_gluon(kernel_initializer, (1, 0)),
                "h2h_weight_initializer": initializers.for_gluon(recurrent_initializer, (1, 0)),
                "i2h_bias_initializer": initializers.for_gluon(bias_initializer),
                "h2h_bias_initializer": "zeros",
            },
            **kwargs,
        )
        # Gluon adds two biases; Keras has one.
        self._reg_params["l0_h2h_bias"].grad_req = "null"

    def forward(self, x: Tensor) -> Tensor:
        out = rnn.LSTM.forward(self, x)
        return out if self.return_sequences else out[:, -1]
