"""Containers and the layers that every network has."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator
from operator import index
from typing import Any, NoReturn

from ... import ndarray as nd
from ...base import MXNetError, ShapeError
from ...core.ops.nn import dropout, fully_connected
from ...core.tensor import Tensor
from ...initializer import ArgumentError, Initializer
from ..block import Block, HybridBlock
from .activations import Activation

__all__ = [
    "Dense",
    "Dropout",
    "Flatten",
    "HybridLambda",
    "HybridSequential",
    "Lambda",
    "Sequential",
]


class _Stack(Block):
    """What the two containers share: layers that run one after the other."""

    # The children as plain functions, once all have run; looked up again when one changes.
    _steps: tuple[Callable[[Any], Any], ...] = ()

    def add(self, *blocks: Block) -> None:
        """Put layers on top.

        Parameters
        ----------
        *blocks : Block
            The layers, in order.

        Raises
        ------
        TypeError
            If one is not a block.
        ValueError
            If one is not hybrid and this is a `HybridSequential`.

        Examples
        --------
        >>> from microlazy.gluon import nn
        >>> net = nn.Sequential()
        >>> net.add(nn.Dense(4), nn.Dense(2))
        >>> len(net)
        2
        """
        for block in blocks:
            self.register_child(block)

    def forward(self, x: Any) -> Any:
        for step in self._steps or self._find_steps():
            x = step(x)
        return x

    def _find_steps(self) -> tuple[Callable[[Any], Any], ...]:
        children = tuple(self._children.values())
        if all(child._has_run for child in children):
            self._steps = tuple(child.forward if _is_plain(child) else child for child in children)
            return self._steps
        return children

    def _changed(self) -> None:
        self._steps = ()
        super()._changed()

    def __getstate__(self) -> dict[str, Any]:
        return super().__getstate__() | {"_steps": ()}

    def __repr__(self) -> str:
        return self._show(iter(self._children.items()))

    def __getitem__(self, key: int | slice) -> Any:
        layers = list(self._children.values())[key]
        if not isinstance(layers, list):
            return layers
        part = type(self)(prefix=self._prefix)
        part.add(*layers)
        return part

    def __iter__(self) -> Iterator[Block]:
        return iter(self._children.values())

    def __len__(self) -> int:
        return len(self._children)


def _is_plain(block: Block) -> bool:
    """Whether calling the block is nothing but calling its `forward`."""
    return block._plain and type(block).__call__ in (Block.__call__, HybridBlock.__call__)


class Sequential(_Stack):
    """Layers that run one after the other.

    Parameters
    ----------
    prefix, params
        As in `Block`.

    Notes
    -----
    A layer is looked up by its number, several by a slice, which makes a container of the same
    layers.

    Examples
    --------
    >>> from microlazy import nd
    >>> net = Sequential()
    >>> net.add(Dense(256, activation="relu"), Dense(10))
    >>> net.initialize()
    >>> net(nd.ones((2, 20))).shape
    (2, 10)
    >>> net[1]
    Dense(256 -> 10, linear)
    """

    def hybridize(self, active: bool = True, **options: Any) -> None:
        """Hybridize the children; the container itself always runs eagerly.

        Parameters
        ----------
        active : bool
            Whether the hybrid blocks below run from a plan.
        **options
            As in `HybridBlock.hybridize`.

        Warns
        -----
        UserWarning
            If a `HybridSequential` would do, which runs as one.

        Examples
        --------
        >>> net = Sequential()
        >>> net.add(Lambda("relu"), Dense(3))
        >>> net.hybridize()
        """
        if self._children and all(isinstance(child, HybridBlock) for child in self):
            warnings.warn(
                f"All children of this Sequential layer '{self.prefix}' are HybridBlocks. "
                "Consider using HybridSequential for the best performance.",
                stacklevel=2,
            )
        super().hybridize(active, **options)


class HybridSequential(_Stack, HybridBlock):
    """Hybrid layers that run one after the other, from one plan after `hybridize()`.

    Parameters
    ----------
    prefix, params
        As in `Block`.

    Examples
    --------
    >>> from microlazy import nd
    >>> net = HybridSequential()
    >>> net.add(Dense(256, activation="relu"), Dense(10))
    >>> net.initialize()
    >>> net.hybridize()
    >>> net(nd.ones((2, 20))).shape
    (2, 10)
    """

    forward = _Stack.forward

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        return _Stack.forward(self, x)


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
        If `units` or `in_units` is no size.
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
            if in_units and self.weight._source is None:
                self.weight._source = f"in_units={in_units} given when the layer was made"
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
                self.act = Activation(activation, prefix=activation + "_")

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight._data
        bias = None if self.bias is None else self.bias._data
        if weight is None or (bias is None and self.bias is not None):
            live = self._live(x)
            weight, bias = live["weight"], live.get("bias")
        act = self.act
        # One call for both where calling the activation's layer would do nothing else.
        plain = act is not None and act._plain and act.__class__ is Activation
        together = act._act_type if act is not None and plain else None
        try:
            out = fully_connected(x, weight, bias, None, False, self._flatten, together)
        except (MXNetError, TypeError) as error:
            self._refuse(x, error)
        return out if act is None or together else act(out)

    def hybrid_forward(
        self, F: Any, x: Tensor, weight: Tensor, bias: Tensor | None = None
    ) -> Tensor:
        out = fully_connected(x, weight, bias, None, False, self._flatten)
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
            raise ShapeError(f"{self._where()} needs at least one feature, but got {x.shape}")
        known = self.weight._shape[1]
        if known not in (0, size):
            self._refuse(x, None)
        if not known:
            self.weight.shape = (self._units, size)
            self.weight._source = f"inferred from the first input {x.shape}"

    def _features(self, x: Tensor) -> int:
        if not x.ndim:
            raise ShapeError(f"{self._where()} needs an input with axes, but got shape ()")
        return math.prod(x.shape[1:]) if self._flatten else x.shape[-1]

    def _refuse(self, x: Any, error: Exception | None) -> NoReturn:
        """Say which layer got what, and where the expected size came from."""
        self._need_array(x)
        known, given = self.weight._shape[1], self._features(x)
        if error is not None and given == known:
            raise type(error)(f"{self._where()}: {error}") from error
        axes = "all axes but the first" if self._flatten else "the last axis"
        raise ShapeError(
            f"{self._where()} expected an input of size {known} along {axes}, but got size "
            f"{given} (input shape {x.shape}). The expected size: {self.weight.why}."
        ) from error

    def __repr__(self) -> str:
        units, size = self.weight.shape
        return f"{type(self).__name__}({size or None} -> {units}, {self.act or 'linear'})"


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


class Dropout(HybridBlock):
    """Set a random part of the input to 0 while training, and scale the rest up.

    Parameters
    ----------
    rate : float
        The part to drop, from 0 to 1.
    axes : tuple of int
        Axes along which all elements share their fate.
    **kwargs
        `prefix` and `params`, as in `Block`.

    Raises
    ------
    ValueError
        If `rate` is not from 0 to 1.

    Notes
    -----
    Input and output have the same shape, any, and the same floating-point dtype.  Only
    ``autograd.record()`` and ``autograd.train_mode()`` drop anything.  Srivastava et al.,
    "Dropout", 2014.

    Examples
    --------
    >>> from microlazy import nd
    >>> print(Dropout(0.5)(nd.ones((3,))).asnumpy())
    [1. 1. 1.]
    """

    def __init__(self, rate: float, axes: tuple[int, ...] = (), **kwargs: Any) -> None:
        if not 0 <= rate <= 1:
            raise ValueError(f"Dropout: rate must be from 0 to 1, but got {rate}")
        super().__init__(**kwargs)
        self._rate = rate
        self._axes = axes

    def forward(self, x: Tensor) -> Tensor:
        return dropout(x, self._rate, self._axes)

    def hybrid_forward(self, F: Any, x: Tensor) -> Tensor:
        return dropout(x, self._rate, self._axes)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(p = {self._rate}, axes={self._axes})"


class Flatten(HybridBlock):
    """Take all axes but the first together.

    Parameters
    ----------
    **kwargs
        `prefix` and `params`, as in `Block`.

    Notes
    -----
    An input of shape (n, a, b, ...) gives an output of shape (n, a * b * ...).

    Examples
    --------
    >>> from microlazy import nd
    >>> Flatten()(nd.ones((2, 3, 4))).shape
    (2, 12)
    """

    def hybrid_forward(self, F: Any, x: Tensor) -> Tensor:
        return x.reshape((x.shape[0], math.prod(x.shape[1:])))

    def __repr__(self) -> str:
        return type(self).__name__


class Lambda(Block):
    """A function as a block.

    Parameters
    ----------
    function : str or callable
        The name of a function of `microlazy.nd`, or a function of the inputs.
    prefix
        As in `Block`.

    Raises
    ------
    AssertionError
        If there is no function of that name.
    ValueError
        If it is neither a name nor callable.

    Examples
    --------
    >>> from microlazy import nd
    >>> print(Lambda(lambda x: x + 1)(nd.array([1, 2])).asnumpy())
    [2. 3.]
    """

    def __init__(self, function: str | Callable[..., Any], prefix: str | None = None) -> None:
        super().__init__(prefix=prefix)
        self._func_impl = _find_function(function)

    def forward(self, *args: Any) -> Any:
        return self._func_impl(*args)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({_function_name(self._func_impl)})"


class HybridLambda(HybridBlock):
    """A function as a hybrid block.

    Parameters
    ----------
    function : str or callable
        The name of a function of `microlazy.nd`, or a function of `F` and the inputs.
    prefix
        As in `Block`.

    Raises
    ------
    AssertionError
        If there is no function of that name.
    ValueError
        If it is neither a name nor callable.

    Examples
    --------
    >>> from microlazy import nd
    >>> print(HybridLambda(lambda F, x: F.relu(x))(nd.array([-1, 2])).asnumpy())
    [0. 2.]
    """

    def __init__(self, function: str | Callable[..., Any], prefix: str | None = None) -> None:
        super().__init__(prefix=prefix)
        self._function = _find_function(function)
        self._takes_namespace = not isinstance(function, str)

    def hybrid_forward(self, F: Any, x: Any, *args: Any) -> Any:
        if self._takes_namespace:
            return self._function(F, x, *args)
        return self._function(x, *args)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({_function_name(self._function)})"


def _find_function(function: str | Callable[..., Any]) -> Callable[..., Any]:
    if isinstance(function, str):
        if not hasattr(nd, function):
            raise ArgumentError(f"Function name {function} is not found in ndarray.")
        return getattr(nd, function)
    if callable(function):
        return function
    raise ValueError(f"Unrecognized function in lambda: {function} of type {type(function)}")


def _function_name(function: Callable[..., Any]) -> str:
    return getattr(function, "__name__", type(function).__name__)
