"""Recurrent layers: a stack of recurrent networks run over whole sequences at once."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from ... import ndarray as nd
from ...base import MXNetError, ShapeError
from ...core.ops.recurrent import recurrent_layer
from ...core.tensor import Tensor
from ...initializer import ArgumentError, Initializer
from ...ops.recurrent import CELLS, recurrent
from ...symbol import Symbol
from ...util import is_np_shape
from ..nn._layer import (
    Layer,
    choice_of,
    fraction_of,
    given_source,
    shown_size,
    size_of,
    sizes_known,
)
from ..parameter import Parameter
from .rnn_cell import (
    BidirectionalCell,
    DropoutCell,
    GRUCell,
    HybridSequentialRNNCell,
    LSTMCell,
    RNNCell,
    make_states,
)

__all__ = ["GRU", "LSTM", "RNN"]

Init = Initializer | str | None
States = list[Tensor]


class _RNNLayer(Layer):
    """What all recurrent layers share."""

    def __init__(
        self,
        mode: str,
        hidden_size: int,
        num_layers: int,
        layout: str,
        dropout: float,
        bidirectional: bool,
        input_size: int,
        initializers: dict[str, Init],
        dtype: Any,
        projection_size: int | None = None,
        clip: tuple[float | None, float | None] = (None, None),
        /,  # what its subclasses hand on; the user's keywords follow
        *,
        use_sequence_length: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        kind = type(self).__name__
        self._mode = mode
        self._hidden_size = size_of(kind, "hidden_size", hidden_size, 1)
        self._num_layers = size_of(kind, "num_layers", num_layers, 1)
        self._layout = choice_of(kind, "layout", layout, ("TNC", "NTC"))
        self._dropout = fraction_of(kind, "dropout", dropout)
        self._directions = "lr" if bidirectional else "l"
        self._input_size = size_of(kind, "input_size", input_size, 0)
        self._initializers = initializers
        self._dtype = dtype
        self._use_sequence_length = use_sequence_length
        self._projection_size = size_of(kind, "projection_size", projection_size, 0)
        self._clip = clip
        self._is_plain = (num_layers, layout, use_sequence_length) == (1, "TNC", False) and not (
            self._projection_size or clip != (None, None)
        )
        self._no_states = [None] * (2 if mode == "lstm" else 1)
        for name, shape in self._shapes():
            init = initializers[name.split("_", 1)[1]]
            setattr(self, name, self._declare(name, shape, init, dtype=dtype))
        given_source("input_size", self._input_size, *self._first_weights())

    def _shapes(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        """The names and shapes of all parameters."""
        rows = CELLS[self._mode].gates * self._hidden_size
        features, size = self._input_size, self._output_size
        for layer in range(self._num_layers):
            for way in self._directions:
                yield f"{way}{layer}_i2h_weight", (rows, features)
                yield f"{way}{layer}_h2h_weight", (rows, size)
                yield f"{way}{layer}_i2h_bias", (rows,)
                yield f"{way}{layer}_h2h_bias", (rows,)
                if self._projection_size:
                    yield f"{way}{layer}_h2r_weight", (size, self._hidden_size)
            features = size * len(self._directions)

    @property
    def _output_size(self) -> int:
        return self._projection_size or self._hidden_size

    def _first_weights(self) -> list[Parameter]:
        return [self._reg_params[f"{way}0_i2h_weight"] for way in self._directions]

    def state_info(self, batch_size: int = 0) -> list[dict[str, Any]]:
        """The shape, layout and dtype of each state.

        Parameters
        ----------
        batch_size : int
            The size of the batch.

        Returns
        -------
        list of dict
            With keys ``shape``, ``__layout__`` and ``dtype``.

        Examples
        --------
        >>> GRU(3, num_layers=2).state_info(5)
        [{'shape': (2, 5, 3), '__layout__': 'LNC', 'dtype': 'float32'}]
        """
        count = self._num_layers * len(self._directions)
        sizes = [self._output_size]
        if self._mode == "lstm":
            sizes.append(self._hidden_size)
        return [
            {"shape": (count, batch_size, size), "__layout__": "LNC", "dtype": self._dtype}
            for size in sizes
        ]

    def begin_state(
        self, batch_size: int = 0, func: Callable[..., Any] = nd.zeros, **kwargs: Any
    ) -> States:
        """The states before the first step.

        Parameters
        ----------
        batch_size : int
            The size of the batch.
        func : callable
            Makes an array from ``shape=``, ``dtype=`` and `kwargs`: `nd.zeros`,
            `nd.random.uniform`, ...
        **kwargs
            Passed on to `func`.

        Returns
        -------
        list of array, shape (num_layers * directions, batch_size, hidden_size)

        Examples
        --------
        >>> [state.shape for state in LSTM(3).begin_state(batch_size=2)]
        [(1, 2, 3), (1, 2, 3)]
        """
        return make_states(self.state_info(batch_size), func, kwargs)

    def cast(self, dtype: Any) -> None:
        """Change the dtype of all parameters and states.

        Parameters
        ----------
        dtype : str or numpy.dtype
            The new dtype.

        Examples
        --------
        >>> layer = GRU(3, input_size=2)
        >>> layer.cast("float64")
        >>> layer.l0_i2h_bias.dtype
        'float64'
        """
        super().cast(dtype)
        self._dtype = dtype

    def __call__(
        self, inputs: Any, states: Any = None, sequence_length: Tensor | None = None
    ) -> Any:
        """Run over a sequence.

        Parameters
        ----------
        inputs : array
            With axes as the layout says: steps, batch and features.
        states : array or list of array, optional
            The first states, of the shapes that `state_info` tells; zeros if left out.
        sequence_length : array of shape (batch,), optional
            With `use_sequence_length`: states stop changing behind a sequence's end, and outputs
            are 0 there.

        Returns
        -------
        array
            The outputs of all steps; with `states`, a tuple of them and the list of last states.

        Raises
        ------
        ShapeError
            If the input or a state does not suit.
        """
        args = [inputs, states, sequence_length]
        while args[-1] is None and len(args) > 1:
            args.pop()
        return super().__call__(*args)

    def hybrid_forward(
        self,
        F: Any,
        x: Tensor,
        states: Any = None,
        sequence_length: Tensor | None = None,
        **parameters: Tensor,
    ) -> Any:
        if self._use_sequence_length != (sequence_length is not None):
            raise MXNetError(
                "sequence_length must be given if, and only if, the layer was made with "
                "use_sequence_length=True"
            )
        if isinstance(x, Symbol):
            return self._graph(F, x, states, sequence_length, parameters)
        self._size_along(x, 2, 3)
        turned = self._layout == "NTC"
        batch = x.shape[0 if turned else 1]
        first = None if states is None else self._given_states(states, batch)
        steps = F.swapaxes(x, 0, 1) if turned else x
        outputs, *last = recurrent(
            steps,
            first,
            sequence_length,
            list(parameters.values()),
            self._mode,
            len(self._directions),
            self._dropout,
            self._clip,
            states is not None,
            bool(self._projection_size),
        )
        outputs = F.swapaxes(outputs, 0, 1) if turned else outputs
        return outputs if states is None else (outputs, last)

    def forward(self, x: Any, *args: Any) -> Any:
        if self._is_plain and not args:  # one call, where nothing else would be done
            arrays = [parameter.array for parameter in self._reg_params.values()]
            found = recurrent_layer(self._mode, x, self._no_states, None, arrays, True, False)
            if found is not None:
                return found[0]
        return Layer.forward(self, x, *args)

    def _graph(self, F: Any, x: Any, given: Any, lengths: Any, parameters: dict[str, Any]) -> Any:
        """The operator RNN, on parameters in a row: all weights, then all biases."""
        turned = self._layout == "NTC"
        # Those of a layer and direction stay together; a projection is behind its weights.
        names = sorted(parameters, key=lambda name: name.endswith("bias"))
        flat = [F.reshape(parameters[name], shape=(-1,)) for name in names]
        unknown = -1 if is_np_shape() else 0
        states = self.begin_state(unknown, func=F.zeros) if given is None else list(given)
        low, high = self._clip
        outputs, *last = F.RNN(
            F.swapaxes(x, 0, 1) if turned else x,
            F._internal._rnn_param_concat(*flat, dim=0),
            *states,
            **({} if lengths is None else {"sequence_length": lengths}),
            state_size=self._hidden_size,
            num_layers=self._num_layers,
            bidirectional=len(self._directions) == 2,
            mode=self._mode,
            p=self._dropout,
            state_outputs=True,
            projection_size=self._projection_size or None,
            lstm_state_clip_min=low,
            lstm_state_clip_max=high,
            use_sequence_length=lengths is not None,
        )
        outputs = F.swapaxes(outputs, 0, 1) if turned else outputs
        return outputs if given is None else (outputs, last)

    def _given_states(self, given: Any, batch: int) -> States:
        states = [given] if isinstance(given, Tensor) else list(given)
        expected = [info["shape"] for info in self.state_info(batch)]
        shapes = [state.shape if isinstance(state, Tensor) else state for state in states]
        if shapes != expected:
            raise ShapeError(f"Invalid recurrent state shape. Expecting {expected}, got {shapes}.")
        return states

    def infer_shape(self, x: Tensor, *args: Any) -> None:
        size = self._size_along(x, 2, 3)
        rows = CELLS[self._mode].gates * self._hidden_size
        self._settle(x, *((weight, (rows, size)) for weight in self._first_weights()))

    def _collect_params_with_prefix(self, prefix: str = "") -> dict[str, Parameter]:
        """The paths that files of MXNet have: those of the cells that the layer stands for."""
        both = len(self._directions) == 2
        return {
            prefix + _cell_path(name, both): parameter
            for name, parameter in self._reg_params.items()
        }

    def _unfuse(self) -> HybridSequentialRNNCell:
        """Cells that compute the same with the same parameters."""
        if self._projection_size or self._clip != (None, None):
            raise ArgumentError(
                f"{self.name}: there are no cells for projection_size or state_clip"
            )
        stack = HybridSequentialRNNCell(prefix=self.prefix, params=self.params)
        with stack.name_scope():
            features = self._input_size
            for layer in range(self._num_layers):
                cells = [self._cell(f"{way}{layer}_", features) for way in self._directions]
                stack.add(cells[0] if len(cells) == 1 else BidirectionalCell(*cells))
                if self._dropout and layer < self._num_layers - 1:
                    stack.add(DropoutCell(self._dropout))
                features = self._hidden_size * len(cells)
        return stack

    def _cell(self, prefix: str, features: int) -> Any:
        options: dict[str, Any] = {f"{k}_initializer": v for k, v in self._initializers.items()}
        options |= {"input_size": features, "prefix": prefix}
        options.pop("h2r_weight_initializer", None)
        if self._mode == "lstm":
            return LSTMCell(self._hidden_size, **options)
        if self._mode == "gru":
            return GRUCell(self._hidden_size, **options)
        return RNNCell(self._hidden_size, self._mode.removeprefix("rnn_"), **options)

    def __repr__(self) -> str:
        rows, size = sizes_known(self._first_weights()[0])
        shown = [f"{shown_size(size)} -> {rows // CELLS[self._mode].gates}", self._layout]
        if self._num_layers != 1:
            shown.append(f"num_layers={self._num_layers}")
        if self._dropout:
            shown.append(f"dropout={self._dropout}")
        if len(self._directions) == 2:
            shown.append("bidirectional")
        return f"{type(self).__name__}({', '.join(shown)})"


def _cell_path(name: str, both: bool) -> str:
    way, layer, role = re.fullmatch(r"([lr])(\d+)_(.*)", name).groups()  # type: ignore[union-attr]
    return f"_unfused.{layer}.{f'{way}_cell.' if both else ''}{role}"


class RNN(_RNNLayer):
    """Elman networks on top of each other, run over whole sequences.

    Parameters
    ----------
    hidden_size : int
        The size of the states and of the output of each direction.
    num_layers : int
        How many there are on top of each other.
    activation : {'relu', 'tanh'}
        The activation function.
    layout : {'TNC', 'NTC'}
        The order of steps, batch and features in inputs and outputs.
    dropout : float
        The part of the outputs to drop between layers while training, from 0 to 1.
    bidirectional : bool
        Whether a second network in each layer runs from the end to the beginning; the outputs of
        both are joined.
    i2h_weight_initializer, h2h_weight_initializer : Initializer or str or None
        For the weights, of shapes (hidden_size, input_size) and (hidden_size, hidden_size); None
        for that of the network.
    i2h_bias_initializer, h2h_bias_initializer : Initializer or str
        For the biases, of shape (hidden_size,).
    input_size : int
        The size of the input; 0 finds it from the first input.
    dtype : str or numpy.dtype
        Of the parameters and of the states.
    **kwargs
        `use_sequence_length`: whether each call gives the lengths of its sequences; and `prefix`
        and `params`, as in `Block`.

    Raises
    ------
    ValueError
        If an argument is not one of these.
    ShapeError
        In the forward pass, if the input or a state does not suit.

    Notes
    -----
    An input of shape (steps, batch, features) and a state of shape
    (num_layers * directions, batch, hidden_size) give outputs of shape
    (steps, batch, hidden_size * directions) and the last state.  The parameters are named
    ``l0_i2h_weight`` and so on: ``l`` for the forward direction, ``r`` for the other, and the
    number of the layer.  Elman, "Finding structure in time", 1990.

    Examples
    --------
    >>> layer = RNN(4, num_layers=2, bidirectional=True)
    >>> layer.initialize()
    >>> layer(nd.ones((5, 2, 3))).shape
    (5, 2, 8)
    >>> outputs, states = layer(nd.ones((5, 2, 3)), layer.begin_state(batch_size=2))
    >>> states[0].shape
    (4, 2, 4)
    >>> layer
    RNN(3 -> 4, TNC, num_layers=2, bidirectional)
    """

    def __init__(
        self,
        hidden_size: int,
        num_layers: int = 1,
        activation: str = "relu",
        layout: str = "TNC",
        dropout: float = 0,
        bidirectional: bool = False,
        i2h_weight_initializer: Init = None,
        h2h_weight_initializer: Init = None,
        i2h_bias_initializer: Init = "zeros",
        h2h_bias_initializer: Init = "zeros",
        input_size: int = 0,
        dtype: Any = "float32",
        **kwargs: Any,
    ) -> None:
        super().__init__(
            "rnn_" + choice_of(type(self).__name__, "activation", activation, ("relu", "tanh")),
            hidden_size,
            num_layers,
            layout,
            dropout,
            bidirectional,
            input_size,
            {
                "i2h_weight": i2h_weight_initializer,
                "h2h_weight": h2h_weight_initializer,
                "i2h_bias": i2h_bias_initializer,
                "h2h_bias": h2h_bias_initializer,
            },
            dtype,
            **kwargs,
        )


class LSTM(_RNNLayer):
    """Long short-term memories on top of each other, run over whole sequences.

    Parameters
    ----------
    hidden_size : int
        The size of the cell states, and of the output of each direction without projection.
    num_layers, layout, dropout, bidirectional, input_size
        As in `RNN`.
    i2h_weight_initializer, h2h_weight_initializer : Initializer or str or None
        For the weights, of shapes (4 * hidden_size, input_size) and
        (4 * hidden_size, hidden_size), with rows as in `LSTMCell`.
    i2h_bias_initializer, h2h_bias_initializer : Initializer or str
        For the biases, of shape (4 * hidden_size,).
    projection_size : int or None
        Outputs are projected to this size before anyone sees them.
    h2r_weight_initializer : Initializer or str or None
        For the weight of the projection, of shape (projection_size, hidden_size).
    state_clip_min, state_clip_max : float or None
        Bounds of the cell state at each step.
    state_clip_nan : bool
        Must be False: NaN passes on.
    dtype : str or numpy.dtype
        Of the parameters and of the states.
    **kwargs
        As in `RNN`.

    Raises
    ------
    ValueError
        If an argument is not one of these.
    ShapeError
        In the forward pass, if the input or a state does not suit.

    Notes
    -----
    Shapes are as in `RNN`, with two states: the output before, of shape
    (num_layers * directions, batch, projection_size or hidden_size), and the cell state, of shape
    (num_layers * directions, batch, hidden_size).  Sources are those of `LSTMCell`; for the
    projection, Sak et al., "Long short-term memory based recurrent neural network architectures",
    2014.

    Examples
    --------
    >>> layer = LSTM(4, layout="NTC")
    >>> layer.initialize()
    >>> outputs, states = layer(nd.ones((2, 5, 3)), layer.begin_state(batch_size=2))
    >>> outputs.shape, len(states)
    ((2, 5, 4), 2)
    >>> layer
    LSTM(3 -> 4, NTC)
    """

    def __init__(
        self,
        hidden_size: int,
        num_layers: int = 1,
        layout: str = "TNC",
        dropout: float = 0,
        bidirectional: bool = False,
        input_size: int = 0,
        i2h_weight_initializer: Init = None,
        h2h_weight_initializer: Init = None,
        i2h_bias_initializer: Init = "zeros",
        h2h_bias_initializer: Init = "zeros",
        projection_size: int | None = None,
        h2r_weight_initializer: Init = None,
        state_clip_min: float | None = None,
        state_clip_max: float | None = None,
        state_clip_nan: bool = False,
        dtype: Any = "float32",
        **kwargs: Any,
    ) -> None:
        if state_clip_nan:
            raise ArgumentError("LSTM: state_clip_nan=True is outside: a NaN in a state passes on")
        super().__init__(
            "lstm",
            hidden_size,
            num_layers,
            layout,
            dropout,
            bidirectional,
            input_size,
            {
                "i2h_weight": i2h_weight_initializer,
                "h2h_weight": h2h_weight_initializer,
                "i2h_bias": i2h_bias_initializer,
                "h2h_bias": h2h_bias_initializer,
                "h2r_weight": h2r_weight_initializer,
            },
            dtype,
            projection_size,
            (state_clip_min, state_clip_max),
            **kwargs,
        )


class GRU(_RNNLayer):
    """Gated recurrent units on top of each other, run over whole sequences.

    Parameters
    ----------
    hidden_size, num_layers, layout, dropout, bidirectional, input_size
        As in `RNN`.
    i2h_weight_initializer, h2h_weight_initializer : Initializer or str or None
        For the weights, of shapes (3 * hidden_size, input_size) and
        (3 * hidden_size, hidden_size), with rows as in `GRUCell`.
    i2h_bias_initializer, h2h_bias_initializer : Initializer or str
        For the biases, of shape (3 * hidden_size,).
    dtype : str or numpy.dtype
        Of the parameters and of the states.
    **kwargs
        As in `RNN`.

    Raises
    ------
    ValueError
        If an argument is not one of these.
    ShapeError
        In the forward pass, if the input or a state does not suit.

    Notes
    -----
    Shapes are as in `RNN`, the source is that of `GRUCell`.

    Examples
    --------
    >>> layer = GRU(4, use_sequence_length=True)
    >>> layer.initialize()
    >>> outputs = layer(nd.ones((3, 2, 1)), sequence_length=nd.array([1, 3]))
    >>> (outputs.asnumpy() != 0).all(axis=2).astype(int)
    array([[1, 1],
           [0, 1],
           [0, 1]])
    """

    def __init__(
        self,
        hidden_size: int,
        num_layers: int = 1,
        layout: str = "TNC",
        dropout: float = 0,
        bidirectional: bool = False,
        input_size: int = 0,
        i2h_weight_initializer: Init = None,
        h2h_weight_initializer: Init = None,
        i2h_bias_initializer: Init = "zeros",
        h2h_bias_initializer: Init = "zeros",
        dtype: Any = "float32",
        **kwargs: Any,
    ) -> None:
        super().__init__(
            "gru",
            hidden_size,
            num_layers,
            layout,
            dropout,
            bidirectional,
            input_size,
            {
                "i2h_weight": i2h_weight_initializer,
                "h2h_weight": h2h_weight_initializer,
                "i2h_bias": i2h_bias_initializer,
                "h2h_bias": h2h_bias_initializer,
            },
            dtype,
            **kwargs,
        )
