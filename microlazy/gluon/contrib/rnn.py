"""Recurrent cells of `gluon.contrib.rnn`: of images, with projection, and with fixed dropout."""

from __future__ import annotations

from typing import Any

from ... import ndarray as nd
from ...base import ShapeError
from ...core.tensor import Tensor
from ...initializer import ArgumentError, Initializer
from ..nn._layer import (
    LAYOUTS,
    choice_of,
    fraction_of,
    given_source,
    shown_size,
    size_of,
    sizes_known,
    sizes_of,
)
from ..rnn import BidirectionalCell, RecurrentCell
from ..rnn.rnn_cell import (
    GatedCell,
    RememberingCell,
    SteppingCell,
    activated,
    checked_activation,
    gru_step,
    lstm_step,
)
from ..rnn.sequences import merged, split_steps

__all__ = [
    "Conv1DGRUCell",
    "Conv1DLSTMCell",
    "Conv1DRNNCell",
    "Conv2DGRUCell",
    "Conv2DLSTMCell",
    "Conv2DRNNCell",
    "Conv3DGRUCell",
    "Conv3DLSTMCell",
    "Conv3DRNNCell",
    "LSTMPCell",
    "VariationalDropoutCell",
]

Init = Initializer | str | None
Sizes = int | tuple[int, ...]
States = list[Tensor]


class _ConvCell(SteppingCell):
    """What the cells with convolutions share."""

    _axes: int

    def __init__(
        self,
        input_shape: tuple[int, ...],
        hidden_channels: int,
        i2h_kernel: Sizes,
        h2h_kernel: Sizes,
        i2h_pad: Sizes = 0,
        i2h_dilate: Sizes = 1,
        h2h_dilate: Sizes = 1,
        i2h_weight_initializer: Init = None,
        h2h_weight_initializer: Init = None,
        i2h_bias_initializer: Init = "zeros",
        h2h_bias_initializer: Init = "zeros",
        conv_layout: str | None = None,
        activation: Any = "tanh",
        prefix: str | None = None,
        params: Any = None,
    ) -> None:
        super().__init__(prefix=prefix, params=params)
        kind, axes, layouts = type(self).__name__, self._axes, LAYOUTS[self._axes]
        self._channels = size_of(kind, "hidden_channels", hidden_channels, 1)
        self._layout = choice_of(kind, "conv_layout", conv_layout or layouts[0], layouts)
        self._channel_axis = self._layout.index("C")
        self._activation = checked_activation(kind, "activation", activation)
        input_shape = sizes_of(kind, "input_shape", input_shape, axes + 1, 0)
        in_channels = input_shape[self._channel_axis - 1]
        sizes = [n for i, n in enumerate(input_shape, 1) if i != self._channel_axis]
        kernel = sizes_of(kind, "h2h_kernel", h2h_kernel, axes, 1)
        if not all(size % 2 for size in kernel):
            raise ArgumentError(f"{kind}: h2h_kernel must be odd, but got {h2h_kernel}")
        dilate = sizes_of(kind, "h2h_dilate", h2h_dilate, axes, 1)
        common: dict[str, Any] = {
            "num_filter": self._gates * hidden_channels,
            "layout": self._layout,
        }
        self._h2h = common | {
            "kernel": kernel,
            "dilate": dilate,
            "pad": tuple(d * (k - 1) // 2 for d, k in zip(dilate, kernel, strict=True)),
        }
        self._i2h = common | {
            "kernel": sizes_of(kind, "i2h_kernel", i2h_kernel, axes, 1),
            "dilate": sizes_of(kind, "i2h_dilate", i2h_dilate, axes, 1),
            "pad": sizes_of(kind, "i2h_pad", i2h_pad, axes, 0),
        }
        kernel, dilate, pad = (self._i2h[key] for key in ("kernel", "dilate", "pad"))
        windows = zip(sizes, kernel, dilate, pad, strict=True)
        out = [max(n + 2 * p - d * (k - 1), 0) if n else 0 for n, k, d, p in windows]
        out.insert(self._channel_axis - 1, hidden_channels)
        self._state_shape = tuple(out)
        rows = self._gates * hidden_channels
        self.i2h_weight = self._declare(
            "i2h_weight", self._filters(self._i2h, in_channels), i2h_weight_initializer
        )
        self.h2h_weight = self._declare(
            "h2h_weight", self._filters(self._h2h, hidden_channels), h2h_weight_initializer
        )
        self.i2h_bias = self._declare("i2h_bias", (rows,), i2h_bias_initializer)
        self.h2h_bias = self._declare("h2h_bias", (rows,), h2h_bias_initializer)
        given_source("input_shape's channels", in_channels, self.i2h_weight)

    def _filters(self, options: dict[str, Any], channels: int) -> tuple[int, ...]:
        shape = [self._gates * self._channels, *options["kernel"]]
        shape.insert(self._channel_axis, channels)
        return tuple(shape)

    def state_info(self, batch_size: int = 0) -> list[dict[str, Any]]:
        shape = (batch_size, *self._state_shape)
        return [{"shape": shape, "__layout__": self._layout} for _ in range(self._states)]

    def infer_shape(self, x: Tensor, *args: Any) -> None:
        channels = self._size_along(x, self._channel_axis, self._axes + 2)
        self._settle(x, (self.i2h_weight, self._filters(self._i2h, channels)))

    def _products(
        self, F: Any, x: Tensor, state: Tensor, *parameters: Tensor
    ) -> tuple[Tensor, Tensor]:
        """What the input and the state give to the gates."""
        i2h_weight, h2h_weight, i2h_bias, h2h_bias = parameters
        i2h = F.Convolution(x, i2h_weight, i2h_bias, **self._i2h)
        h2h = F.Convolution(state, h2h_weight, h2h_bias, **self._h2h)
        if isinstance(x, Tensor) and i2h.shape != h2h.shape:
            raise ShapeError(
                f"an input of shape {x.shape} does not fit a state of shape {state.shape}"
            )
        return i2h, h2h

    def __repr__(self) -> str:
        shape = sizes_known(self.i2h_weight)
        channels = f"{shown_size(shape[self._channel_axis])} -> {shape[0]}"
        return f"{type(self).__name__}({channels}, {self._activation}, {self._layout})"


class _ConvRNNCell(_ConvCell):
    """Elman's cell with convolutions."""

    _gates = 1

    def _alias(self) -> str:
        return "conv_rnn"

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
        i2h, h2h = self._products(F, inputs, states[0], i2h_weight, h2h_weight, i2h_bias, h2h_bias)
        output = activated(F, i2h + h2h, self._activation)
        return output, [output]

    forward = SteppingCell.forward


class _ConvLSTMCell(_ConvCell):
    """Long short-term memory with convolutions."""

    _gates = 4
    _states = 2

    def _alias(self) -> str:
        return "conv_lstm"

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
        i2h, h2h = self._products(F, inputs, states[0], i2h_weight, h2h_weight, i2h_bias, h2h_bias)
        output, cell = lstm_step(F, i2h + h2h, states[1], self._activation, axis=self._channel_axis)
        return output, [output, cell]

    forward = SteppingCell.forward


class _ConvGRUCell(_ConvCell):
    """A gated recurrent unit with convolutions."""

    _gates = 3

    def _alias(self) -> str:
        return "conv_gru"

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
        i2h, h2h = self._products(F, inputs, states[0], i2h_weight, h2h_weight, i2h_bias, h2h_bias)
        output = gru_step(F, i2h, h2h, states[0], self._activation, self._channel_axis)
        return output, [output]

    forward = SteppingCell.forward


class Conv2DRNNCell(_ConvRNNCell):
    """`RNNCell` for sequences of images: convolutions in place of products.

    Parameters
    ----------
    input_shape : tuple of int
        The shape of an input without the batch: (channels, height, width) for NCHW.  0 channels
        are found from the first input.
    hidden_channels : int
        The number of channels of the state and the output.
    i2h_kernel, i2h_pad, i2h_dilate : int or tuple of int
        Of the convolution of the input, as in `nn.Conv2D`; its steps are 1.
    h2h_kernel, h2h_dilate : int or tuple of int
        Of the convolution of the state, with odd sizes; it is padded so that its size stays.
    i2h_weight_initializer, h2h_weight_initializer : Initializer or str or None
        For the filters; None for that of the network.
    i2h_bias_initializer, h2h_bias_initializer : Initializer or str
        For the biases.
    conv_layout : {'NCHW', 'NHWC'}, optional
        The order of the axes; the first if left out.
    activation : str or Block or callable
        The activation function, or its name as in `nn.Activation`.
    prefix, params
        As in `Block`.

    Raises
    ------
    ValueError
        If an argument is no size, `h2h_kernel` is even, or there is no such activation function.
    ShapeError
        In the forward pass, if the input does not suit.

    Examples
    --------
    >>> from microlazy import nd
    >>> cell = Conv2DRNNCell((3, 8, 8), hidden_channels=4, i2h_kernel=3, h2h_kernel=3, i2h_pad=1)
    >>> cell.initialize()
    >>> output, states = cell(nd.ones((2, 3, 8, 8)), cell.begin_state(batch_size=2))
    >>> output.shape
    (2, 4, 8, 8)
    """

    _axes = 2


class Conv2DLSTMCell(_ConvLSTMCell):
    """`LSTMCell` for sequences of images; parameters are as in `Conv2DRNNCell`.

    Notes
    -----
    Shi et al., "Convolutional LSTM network", 2015, without their peepholes.

    Examples
    --------
    >>> cell = Conv2DLSTMCell((3, 8, 8), hidden_channels=4, i2h_kernel=3, h2h_kernel=3, i2h_pad=1)
    >>> [state.shape for state in cell.begin_state(batch_size=2)]
    [(2, 4, 8, 8), (2, 4, 8, 8)]
    """

    _axes = 2


class Conv2DGRUCell(_ConvGRUCell):
    """`GRUCell` for sequences of images; parameters are as in `Conv2DRNNCell`.

    Examples
    --------
    >>> cell = Conv2DGRUCell((3, 8, 8), hidden_channels=4, i2h_kernel=3, h2h_kernel=3)
    >>> [state.shape for state in cell.begin_state(batch_size=2)]
    [(2, 4, 6, 6)]
    """

    _axes = 2


class Conv1DRNNCell(_ConvRNNCell):
    """`Conv2DRNNCell` over one axis, for NCW and NWC.

    Examples
    --------
    >>> Conv1DRNNCell((3, 8), hidden_channels=4, i2h_kernel=3, h2h_kernel=3)
    Conv1DRNNCell(3 -> 4, tanh, NCW)
    """

    _axes = 1


class Conv1DLSTMCell(_ConvLSTMCell):
    """`Conv2DLSTMCell` over one axis, for NCW and NWC.

    Examples
    --------
    >>> Conv1DLSTMCell((3, 8), hidden_channels=4, i2h_kernel=3, h2h_kernel=3)
    Conv1DLSTMCell(3 -> 16, tanh, NCW)
    """

    _axes = 1


class Conv1DGRUCell(_ConvGRUCell):
    """`Conv2DGRUCell` over one axis, for NCW and NWC.

    Examples
    --------
    >>> Conv1DGRUCell((3, 8), hidden_channels=4, i2h_kernel=3, h2h_kernel=3)
    Conv1DGRUCell(3 -> 12, tanh, NCW)
    """

    _axes = 1


class Conv3DRNNCell(_ConvRNNCell):
    """`Conv2DRNNCell` over three axes, for NCDHW and NDHWC.

    Examples
    --------
    >>> Conv3DRNNCell((3, 8, 8, 8), hidden_channels=4, i2h_kernel=3, h2h_kernel=3)
    Conv3DRNNCell(3 -> 4, tanh, NCDHW)
    """

    _axes = 3


class Conv3DLSTMCell(_ConvLSTMCell):
    """`Conv2DLSTMCell` over three axes, for NCDHW and NDHWC.

    Examples
    --------
    >>> Conv3DLSTMCell((3, 8, 8, 8), hidden_channels=4, i2h_kernel=3, h2h_kernel=3)
    Conv3DLSTMCell(3 -> 16, tanh, NCDHW)
    """

    _axes = 3


class Conv3DGRUCell(_ConvGRUCell):
    """`Conv2DGRUCell` over three axes, for NCDHW and NDHWC.

    Examples
    --------
    >>> Conv3DGRUCell((3, 8, 8, 8), hidden_channels=4, i2h_kernel=3, h2h_kernel=3)
    Conv3DGRUCell(3 -> 12, tanh, NCDHW)
    """

    _axes = 3


class LSTMPCell(GatedCell):
    """`LSTMCell` whose output is projected to another size before the next step sees it.

    Parameters
    ----------
    hidden_size : int
        The size of the cell state.
    projection_size : int
        The size of the output.
    i2h_weight_initializer, h2h_weight_initializer : Initializer or str or None
        For the weights, of shapes (4 * hidden_size, input_size) and
        (4 * hidden_size, projection_size); None for that of the network.
    h2r_weight_initializer : Initializer or str or None
        For the weight of the projection, of shape (projection_size, hidden_size).
    i2h_bias_initializer, h2h_bias_initializer : Initializer or str
        For the biases, of shape (4 * hidden_size,).
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
    Sak et al., "Long short-term memory based recurrent neural network architectures", 2014.

    Examples
    --------
    >>> cell = LSTMPCell(4, 3)
    >>> [state.shape for state in cell.begin_state(batch_size=2)]
    [(2, 3), (2, 4)]
    >>> cell
    LSTMPCell(None -> 16 -> 3)
    """

    _gates = 4
    _states = 2

    def __init__(
        self,
        hidden_size: int,
        projection_size: int,
        i2h_weight_initializer: Init = None,
        h2h_weight_initializer: Init = None,
        h2r_weight_initializer: Init = None,
        i2h_bias_initializer: Init = "zeros",
        h2h_bias_initializer: Init = "zeros",
        input_size: int = 0,
        prefix: str | None = None,
        params: Any = None,
    ) -> None:
        self._projection_size = size_of("LSTMPCell", "projection_size", projection_size, 1)
        self._h2r_init = h2r_weight_initializer
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

    def _declare_rest(self, i2h_bias: Init, h2h_bias: Init, rows: int) -> None:
        shape = (self._projection_size, self._hidden_size)
        self.h2r_weight = self._declare("h2r_weight", shape, self._h2r_init)
        super()._declare_rest(i2h_bias, h2h_bias, rows)

    def _alias(self) -> str:
        return "lstmp"

    def _recurrent_size(self) -> int:
        return self._projection_size

    def state_info(self, batch_size: int = 0) -> list[dict[str, Any]]:
        sizes = (self._projection_size, self._hidden_size)
        return [{"shape": (batch_size, size), "__layout__": "NC"} for size in sizes]

    def hybrid_forward(
        self,
        F: Any,
        inputs: Tensor,
        states: States,
        i2h_weight: Tensor,
        h2h_weight: Tensor,
        h2r_weight: Tensor,
        i2h_bias: Tensor,
        h2h_bias: Tensor,
    ) -> tuple[Tensor, States]:
        i2h, h2h = self._products(F, inputs, states[0], i2h_weight, h2h_weight, i2h_bias, h2h_bias)
        hidden, cell = lstm_step(F, i2h + h2h, states[1])
        output = F.FullyConnected(
            hidden, h2r_weight, num_hidden=self._projection_size, no_bias=True
        )
        return output, [output, cell]

    forward = SteppingCell.forward

    def _shown(self) -> str:
        return f" -> {self._projection_size}"


class VariationalDropoutCell(RememberingCell):
    """Dropout that drops the same elements at each step of a sequence.

    Parameters
    ----------
    base_cell : RecurrentCell
        The cell.
    drop_inputs, drop_states, drop_outputs : float
        The part to drop of its inputs, of its first state and of its outputs, from 0 to 1.

    Raises
    ------
    AssertionError
        If states of a bidirectional cell are to be dropped, or the cell is modified already.

    Notes
    -----
    What is dropped is drawn in the first step behind `reset`, with which `unroll` begins.  If
    `merge_outputs` is left out, `unroll` returns one array, unless states are dropped.  Gal and
    Ghahramani, "A theoretically grounded application of dropout in recurrent neural networks",
    2016.

    Examples
    --------
    >>> from microlazy.gluon import rnn
    >>> VariationalDropoutCell(rnn.LSTMCell(3), drop_outputs=0.5)
    VariationalDropoutCell(p_out = 0.5, p_state = 0.0)
    """

    def __init__(
        self,
        base_cell: RecurrentCell,
        drop_inputs: float = 0.0,
        drop_states: float = 0.0,
        drop_outputs: float = 0.0,
    ) -> None:
        if drop_states and isinstance(base_cell, BidirectionalCell):
            raise ArgumentError(
                "BidirectionalCell makes no steps, so states cannot be dropped between them: put "
                "a VariationalDropoutCell around each of its two cells"
            )
        super().__init__(base_cell)
        kind = type(self).__name__
        self.drop_inputs = fraction_of(kind, "drop_inputs", drop_inputs)
        self.drop_states = fraction_of(kind, "drop_states", drop_states)
        self.drop_outputs = fraction_of(kind, "drop_outputs", drop_outputs)
        self._forget()

    def _forget(self) -> None:
        self.drop_inputs_mask: Tensor | None = None
        self.drop_states_mask: Tensor | None = None
        self.drop_outputs_mask: Tensor | None = None

    def _alias(self) -> str:
        return "vardrop"

    def reset(self) -> None:
        super().reset()
        self._forget()

    def hybrid_forward(self, F: Any, x: Tensor, states: States) -> tuple[Tensor, States]:
        first = self._dropped(F, "drop_states", states[0])
        x = self._dropped(F, "drop_inputs", x)
        output, new_states = self.base_cell(x, [first, *states[1:]])
        return self._dropped(F, "drop_outputs", output), new_states

    def unroll(
        self,
        length: int | None,
        inputs: Any,
        begin_state: States | None = None,
        layout: str = "NTC",
        merge_outputs: bool | None = None,
        valid_length: Tensor | None = None,
    ) -> tuple[Any, States]:
        if self.drop_states:
            return super().unroll(length, inputs, begin_state, layout, merge_outputs, valid_length)
        # The cell below may need the whole sequence.
        self.reset()
        steps = [self._dropped(nd, "drop_inputs", x) for x in split_steps(length, inputs, layout)]
        with self._base() as cell:
            outputs, states = cell.unroll(length, steps, begin_state, layout, False, valid_length)
        outputs = [self._dropped(nd, "drop_outputs", y) for y in outputs]
        return merged(outputs, layout, merge_outputs is not False, valid_length), states

    def _dropped(self, F: Any, which: str, x: Tensor) -> Tensor:
        rate = getattr(self, which)
        if not rate:
            return x
        return x * self._recall(
            f"{which}_mask", x, lambda like: F.Dropout(F.ones_like(like), p=rate)
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}(p_out = {self.drop_outputs}, p_state = {self.drop_states})"
