"""Densely connected layers."""

from __future__ import annotations

import math
from operator import index
from typing import Any, NoReturn

from ...base import MXNetError, ShapeError
from ...core.ops.nn import fully_connected
from ...core.tensor import Tensor
from ...initializer import Initializer
from ..block import HybridBlock
from ..block.hybrid import need_array, only_forwards_in_trace
from ..block.tree import where
from ._activation import Activation, check_activation
from ._layer import shown_size

__all__ = ["Dense"]


class Dense(HybridBlock):
    """A densely connected layer: ``activation(dot(x, weight.T) + bias)``.

    Parameters
    ----------
    units : int
        The size of the output, at least 1.
    activation : str or None
        The name of an activation function, as in `Activation`; None for none.
    use_bias : bool
        Whether there is a bias.
    flatten : bool
        Take all axes of the input but the first together.  Otherwise the layer works on the
        last axis and keeps the others.
    dtype : str or numpy.dtype
        Of the parameters and of the input.
    weight_initializer : Initializer or str or None
        For the weight, of shape (units, in_units); None for that of the network.
    bias_initializer : Initializer or str
        For the bias, of shape (units,).
    in_units : int
        The size of the input; 0 finds it from the first input.
    **kwargs
        `prefix` and `params`, as in `Block`.

    Raises
    ------
    ValueError
        If `units` or `in_units` is no size, or there is no such activation function.
    TypeError
        If `activation` is no string.
    ShapeError
        In the forward pass, if the input's size is not `in_units`.

    Notes
    -----
    An input of shape (n, ...) gives an output of shape (n, units), or (..., units) without
    `flatten`.

    Examples
    --------
    >>> from microlazy import nd
    >>> layer = Dense(3, activation="relu")
    >>> layer
    Dense(None -> 3, Activation(relu))
    >>> layer.initialize()
    >>> layer(nd.ones((2, 4))).shape
    (2, 3)
    >>> layer
    Dense(4 -> 3, Activation(relu))
    """

    def __init__(
        self,
        units: int,
        activation: str | None = None,
        use_bias: bool = True,
        flatten: bool = True,
        dtype: Any = "float32",
        weight_initializer: Initializer | str | None = None,
        bias_initializer: Initializer | str | None = "zeros",
        in_units: int = 0,
        **kwargs: Any,
    ) -> None:
        if activation is not None:
            check_activation(type(self).__name__, activation)
        super().__init__(**kwargs)
        self._units = _size("units", units, 1)
        self._in_units = _size("in_units", in_units, 0)
        self._flatten = flatten
        with self.name_scope():
            self.weight = self.params.get(
                "weight",
                shape=(self._units, self._in_units),
                init=weight_initializer,
                dtype=dtype,
                allow_deferred_init=True,
            )
            if self._in_units:
                self.weight.settle(
                    self.weight.shape, f"in_units={in_units} given when the layer was made"
                )
            self.bias = None
            if use_bias:
                self.bias = self.params.get(
                    "bias",
                    shape=(self._units,),
                    init=bias_initializer,
                    dtype=dtype,
                    allow_deferred_init=True,
                )
            self.act: Activation | None = None
            if activation is not None:
                self.act = Activation(activation, prefix=f"{activation}_")

    def forward(
        self, x: Tensor, weight: Tensor | None = None, bias: Tensor | None = None
    ) -> Tensor:
        if weight is None:
            weight, held = self.weight.array, self.bias
            bias = None if held is None else held.array
            if weight is None or (bias is None and held is not None):
                live = self._live(x)
                weight, bias = live["weight"], live.get("bias")
        act, together = self.act, None
        # One call for both where calling the activation's layer would do nothing else.
        if act.__class__ is Activation and (act._only_forward or only_forwards_in_trace(act)):
            together = act._act_type
        try:
            out = fully_connected(x, weight, bias, None, False, self._flatten, together)
        except (MXNetError, TypeError) as error:
            self._refuse(x, error)
        return out if act is None or together else act(out)

    def hybrid_forward(self, F: Any, x: Any, weight: Any, bias: Any = None) -> Any:
        options = {"num_hidden": self._units, "no_bias": bias is None, "flatten": self._flatten}
        out = F.FullyConnected(x, weight, bias, name="fwd", **options)
        return out if self.act is None else self.act(out)

    def infer_shape(self, x: Tensor) -> None:
        """Take `in_units` from an input.

        Parameters
        ----------
        x : Tensor
            The input, abstract or not.

        Raises
        ------
        ShapeError
            If the input has no axis, no features, or another size than the layer expects.

        Examples
        --------
        >>> from microlazy import nd
        >>> layer = Dense(3)
        >>> layer.infer_shape(nd.ones((2, 4)))
        >>> layer.weight.shape
        (3, 4)
        """
        size = self._features(x)
        if not size:
            raise ShapeError(f"{where(self)} needs at least one feature, but got {x.shape}")
        known = max(self.weight.shape[1], 0)
        if known not in (0, size):
            self._refuse(x, None)
        if not known:
            self.weight.settle((self._units, size), f"inferred from the first input {x.shape}")

    def _features(self, x: Tensor) -> int:
        if not x.ndim:
            raise ShapeError(f"{where(self)} needs an input with axes, but got shape ()")
        return math.prod(x.shape[1:]) if self._flatten else x.shape[-1]

    def _refuse(self, x: Any, error: Exception | None) -> NoReturn:
        """Say which layer got what, and where the expected size came from."""
        need_array(self, x)
        known, given = max(self.weight.shape[1], 0), self._features(x)
        if error is not None and given == known:
            raise type(error)(f"{where(self)}: {error}") from None
        axes = "all axes but the first" if self._flatten else "the last axis"
        raise ShapeError(
            f"{where(self)} expected an input of size {known} along {axes}, but got size "
            f"{given} (input shape {x.shape}). The expected size: {self.weight.why}."
        ) from None

    def __repr__(self) -> str:
        units, size = self.weight.shape
        return f"{type(self).__name__}({shown_size(size)} -> {units}, {self.act or 'linear'})"


def _size(name: str, given: Any, least: int) -> int:
    try:
        size = index(given)
    except TypeError:
        raise ValueError(f"Dense: {name} must be an integer, but got {given!r}") from None
    if size == -1 and least == 0:
        return 0
    if size < least:
        raise ValueError(f"Dense: {name} must be at least {least}, but got {given!r}")
    return size
