"""What all cells of symbols share: their variables, and `unroll`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from microlazy import ndarray as nd
from microlazy import symbol as sym
from microlazy.base import MXNetError
from microlazy.core.tensor import Tensor
from microlazy.symbol import Symbol

__all__ = ["BaseRNNCell", "RNNParams", "steps_of"]

States = list[Symbol]
Arrays = Mapping[str, Tensor]


class RNNParams:
    """Variables by name, which cells may share.

    Parameters
    ----------
    prefix : str
        What all names begin with.

    Examples
    --------
    >>> import microlazy as mx
    >>> params = mx.rnn.RNNParams("lstm_")
    >>> params.get("i2h_weight") is params.get("i2h_weight")
    True
    """

    def __init__(self, prefix: str = "") -> None:
        self._prefix = prefix
        self._params: dict[str, Symbol] = {}

    def get(self, name: str, **kwargs: Any) -> Symbol:
        """The variable of a name; it is made when it is first asked for.

        Parameters
        ----------
        name : str
            Behind the prefix.
        **kwargs
            As `sym.var` has them.

        Examples
        --------
        >>> import microlazy as mx
        >>> mx.rnn.RNNParams("lstm_").get("i2h_weight")
        <Symbol lstm_i2h_weight>
        """
        name = self._prefix + name
        if name not in self._params:
            self._params[name] = sym.var(name, **kwargs)
        return self._params[name]

    def share(self, other: RNNParams) -> None:
        """Take the variables of others.

        Parameters
        ----------
        other : RNNParams

        Examples
        --------
        >>> import microlazy as mx
        >>> one, other = mx.rnn.RNNParams("a_"), mx.rnn.RNNParams("a_")
        >>> weight = one.get("weight")
        >>> other.share(one)
        >>> other.get("weight") is weight
        True
        """
        self._params.update(other._params)


def steps_of(
    length: int | None,
    inputs: Symbol | Sequence[Symbol],
    layout: str,
    merge: bool | None,
) -> Any:
    """A sequence as one symbol (`merge` is true), as a list of steps (false), or as it is (None).

    Raises
    ------
    ValueError
        If there are not as many steps as `length` says, or the layout has no T.
    """
    if "T" not in layout:
        raise ValueError(f"layout {layout!r} has no axis T of time")
    axis = layout.index("T")
    if isinstance(inputs, Symbol):
        if merge is not False:
            return inputs
        if len(inputs) != 1:
            raise ValueError("unroll: take the list of a symbol with several outputs: list(inputs)")
        found = sym.split(inputs, axis=axis, num_outputs=length, squeeze_axis=1)
        return list(found)
    if length is not None and len(inputs) != length:
        raise ValueError(f"unroll: {len(inputs)} inputs are given for {length} steps")
    if merge:
        return sym.concat(*[sym.expand_dims(x, axis=axis) for x in inputs], dim=axis)
    return list(inputs)


class BaseRNNCell:
    """A cell: one step of a recurrent network, as a graph.

    Parameters
    ----------
    prefix : str
        What the names of nodes and variables begin with.
    params : RNNParams, optional
        Those of another cell, to share them.

    Notes
    -----
    A subclass has `state_info` and ``__call__(inputs, states)``, which returns the output and the
    new states.

    Examples
    --------
    >>> import microlazy as mx
    >>> cell = mx.rnn.LSTMCell(3, prefix="lstm_")
    >>> outputs, states = cell.unroll(2, mx.sym.var("data"), merge_outputs=True)
    >>> outputs.infer_shape(data=(5, 2, 4))[1]
    [(5, 2, 3)]
    """

    _gates: tuple[str, ...] = ()  # how the weights of gates are called
    _modified = False  # whether another cell runs this one

    def __init__(self, prefix: str = "", params: RNNParams | None = None) -> None:
        self._own_params = params is None
        self._prefix = prefix
        self._params = RNNParams(prefix) if params is None else params
        self.reset()

    def reset(self) -> None:
        """Begin the numbers in the names of nodes anew, before another graph.

        Examples
        --------
        >>> import microlazy as mx
        >>> mx.rnn.RNNCell(3).reset()
        """
        self._states = self._steps = -1

    def __call__(self, inputs: Symbol, states: States) -> tuple[Symbol, States]:
        raise NotImplementedError(f"{type(self).__name__} is no cell that makes one step")

    @property
    def params(self) -> RNNParams:
        """The variables.

        Examples
        --------
        >>> import microlazy as mx
        >>> mx.rnn.RNNCell(3).params.get("i2h_bias")
        <Symbol rnn_i2h_bias>
        """
        self._own_params = False
        return self._params

    @property
    def state_info(self) -> list[dict[str, Any]]:
        """The shape, with 0 for the batch, and the layout of each state.

        Examples
        --------
        >>> import microlazy as mx
        >>> mx.rnn.RNNCell(3).state_info
        [{'shape': (0, 3), '__layout__': 'NC'}]
        """
        raise NotImplementedError(f"{type(self).__name__} does not define state_info")

    @property
    def state_shape(self) -> list[tuple[int, ...]]:
        """The shapes of the states.

        Examples
        --------
        >>> import microlazy as mx
        >>> mx.rnn.LSTMCell(3).state_shape
        [(0, 3), (0, 3)]
        """
        return [info["shape"] for info in self.state_info]

    def begin_state(self, func: Callable[..., Symbol] = sym.zeros, **kwargs: Any) -> States:
        """The states before the first step.

        Parameters
        ----------
        func : callable
            Makes them: `sym.zeros`, or `sym.Variable` to feed them.
        **kwargs
            As the function has them.

        Raises
        ------
        AssertionError
            If a modifier, such as ZoneoutCell, has this cell: call its `begin_state`.

        Examples
        --------
        >>> import microlazy as mx
        >>> mx.rnn.RNNCell(3).begin_state(mx.sym.Variable)
        [<Symbol rnn_begin_state_0>]
        """
        self._need_unmodified()
        states = []
        for info in self.state_info:
            self._states += 1
            name = f"{self._prefix}begin_state_{self._states}"
            states.append(func(name=name, **{**kwargs, **info}))
        return states

    def _need_unmodified(self) -> None:
        if self._modified:
            raise AssertionError(
                f"a modifier has this {type(self).__name__}: call the modifier instead"
            )

    def _rows(self) -> Iterator[tuple[str, list[str], int]]:
        """The matrices and rows of biases that have the gates one below the other."""
        for group in ("i2h", "h2h") if self._gates else ():
            for kind in ("weight", "bias"):
                parts = [f"{self._prefix}{group}{gate}_{kind}" for gate in self._gates]
                yield f"{self._prefix}{group}_{kind}", parts, len(parts)

    def unpack_weights(self, args: Arrays) -> dict[str, Tensor]:
        """Weights with an array for each gate.

        Parameters
        ----------
        args : dict of str to NDArray
            As a module has them; others stay as they are.

        Raises
        ------
        MXNetError
            If one is missing.

        Examples
        --------
        >>> import microlazy as mx
        >>> arrays = {f"gru_{a}_{b}": mx.nd.ones((6,) + (2,) * (b == "weight"))
        ...           for a in ("i2h", "h2h") for b in ("weight", "bias")}
        >>> sorted(mx.rnn.GRUCell(2).unpack_weights(arrays))[:3]
        ['gru_h2h_o_bias', 'gru_h2h_o_weight', 'gru_h2h_r_bias']
        """
        found = dict(args)
        for name, parts, count in self._rows():
            array = taken(found, name)
            size = array.shape[0] // count
            for place, part in enumerate(parts):
                found[part] = array[place * size : (place + 1) * size].copy()
        return found

    def pack_weights(self, args: Arrays) -> dict[str, Tensor]:
        """Weights as a module has them, from those with an array for each gate.

        Parameters
        ----------
        args : dict of str to NDArray
            As `unpack_weights` gave them.

        Raises
        ------
        MXNetError
            If one is missing.

        Examples
        --------
        >>> import microlazy as mx
        >>> cell = mx.rnn.RNNCell(2)
        >>> arrays = {name: mx.nd.ones((2,)) for name in (
        ...     "rnn_i2h_weight", "rnn_i2h_bias", "rnn_h2h_weight", "rnn_h2h_bias")}
        >>> sorted(cell.pack_weights(arrays)) == sorted(arrays)
        True
        """
        found = dict(args)
        for name, parts, _ in self._rows():
            found[name] = nd.concatenate([taken(found, part) for part in parts])
        return found

    def unroll(
        self,
        length: int,
        inputs: Symbol | Sequence[Symbol],
        begin_state: States | None = None,
        layout: str = "NTC",
        merge_outputs: bool | None = None,
    ) -> tuple[Any, States]:
        """The graph of a number of steps.

        Parameters
        ----------
        length : int
        inputs : Symbol or list of Symbol
            A sequence, or its steps.
        begin_state : list of Symbol, optional
        layout : str
            The order of axes of a sequence: "NTC", or "TNC".
        merge_outputs : bool, optional
            Whether the outputs are one symbol; None for what is at hand.

        Returns
        -------
        outputs : list of Symbol, or Symbol
        states : list of Symbol

        Examples
        --------
        >>> import microlazy as mx
        >>> outputs, states = mx.rnn.GRUCell(3).unroll(2, mx.sym.var("data"))
        >>> outputs
        [<Symbol gru_t0_out>, <Symbol gru_t1_out>]
        """
        self.reset()
        steps = steps_of(length, inputs, layout, False)
        states = self.begin_state() if begin_state is None else begin_state
        outputs = []
        for step in steps:
            output, states = self(step, states)
            outputs.append(output)
        return steps_of(length, outputs, layout, merge_outputs), states

    def _next(self) -> str:
        """What the names of nodes of the next step begin with."""
        self._steps += 1
        return f"{self._prefix}t{self._steps}_"


def taken(arrays: dict[str, Tensor], name: str) -> Any:
    """An array of a name, which is taken away.

    Raises
    ------
    MXNetError
        If there is none.
    """
    if name not in arrays:
        raise MXNetError(f"there is no array {name!r}; there are {', '.join(sorted(arrays))}")
    return arrays.pop(name)
