"""Layers without a window: dense ones, functions, embeddings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NoReturn

from ....core.tensor import Tensor
from ....gluon import HybridBlock, nn
from ....gluon.block.hybrid import without_namespace
from .. import activations, initializers
from .._layer import Known

__all__ = ["Activation", "Dense", "Dropout", "Embedding", "Flatten", "Input", "ReLU"]


class Input:
    """The shape of an example, in the place of a first layer: the network is built at once.

    Parameters
    ----------
    shape : tuple of int
        Without the batch.
    batch_size : int, optional
        The size of a batch; any by default.
    dtype : str
        Of the examples.
    name : str, optional
        Of no effect.

    Examples
    --------
    >>> from microlazy.dialects import keras
    >>> net = keras.Sequential([keras.Input((20,)), keras.layers.Dense(10)])
    >>> [w.shape for w in net.get_weights()]
    [(20, 10), (10,)]
    """

    def __init__(
        self,
        shape: Sequence[int | None],
        batch_size: int | None = None,
        dtype: str = "float32",
        name: str | None = None,
    ) -> None:
        self.shape = (batch_size, *shape)
        self.dtype = dtype
        self.name = name

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NoReturn:
        raise TypeError(
            "a layer was called on an Input, but there are no symbolic inputs here. Write a "
            "Sequential, or a subclass of Model with call()"
        )

    def __repr__(self) -> str:
        return f"<Input shape={self.shape}, dtype={self.dtype}>"


class Activated(Known):
    """A layer of Gluon that computes an activation function itself where it knows it."""

    def _gluon_activation(self, given: Any) -> str | None:
        self.activation: Callable[[Any], Any] = activations.get(given)
        return activations.gluon_name(self.activation)

    def _put_activation(self) -> None:
        """Let Gluon's layer call a function that it does not know by name."""
        if self.activation is not activations.linear and self.act is None:
            self.act: Any = Activation(self.activation, name="activation")


class Dense(Activated, nn.Dense):
    """A dense layer on the last axis: ``activation(dot(inputs, kernel) + bias)``.

    Parameters
    ----------
    units : int
        The size of the output.
    activation : str or callable, optional
        By name, or a function; none by default.
    use_bias : bool
        Whether there is a bias.
    kernel_initializer, bias_initializer : str, callable or Initializer
        For the kernel of shape (in, units) and the bias of shape (units,).
    **kwargs
        As in `Layer`.

    Raises
    ------
    ValueError
        If `units` is no size or a name is not known; in a call, if the input's last axis has
        another size than the kernel.

    Examples
    --------
    >>> from microlazy.dialects.keras import tf
    >>> layer = Dense(3, activation="relu")
    >>> layer(tf.ones((2, 5, 4))).shape
    (2, 5, 3)
    >>> layer.kernel.shape
    (4, 3)
    """

    _named = (("kernel", "weight", (1, 0)), ("bias", "bias", None))

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        **kwargs: Any,
    ) -> None:
        self.units = units
        super().__init__(
            gluon={
                "units": units,
                "activation": self._gluon_activation(activation),
                "use_bias": use_bias,
                "flatten": False,
                "weight_initializer": initializers.for_gluon(kernel_initializer, (1, 0)),
                "bias_initializer": initializers.for_gluon(bias_initializer),
            },
            **kwargs,
        )
        self._put_activation()

    forward = nn.Dense.forward


class Embedding(Known, nn.Embedding):
    """A learned vector for each number from 0 on.

    Parameters
    ----------
    input_dim : int
        How many numbers there are.
    output_dim : int
        The size of the vectors.
    embeddings_initializer : str, callable or Initializer
        For the weights of shape (input_dim, output_dim).
    **kwargs
        As in `Layer`.

    Raises
    ------
    IndexError
        In a call, if a number is not from 0 to ``input_dim - 1``.

    Examples
    --------
    >>> import numpy
    >>> Embedding(10, 4)(numpy.array([[1, 2, 3]])).shape
    (1, 3, 4)
    """

    _named = (("embeddings", "weight", None),)

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: Any = "uniform",
        **kwargs: Any,
    ) -> None:
        super().__init__(
            gluon={
                "input_dim": input_dim,
                "output_dim": output_dim,
                "weight_initializer": initializers.for_gluon(embeddings_initializer),
            },
            **kwargs,
        )

    forward = nn.Embedding.forward


class Flatten(Known, nn.Flatten):
    """Take all axes but the first together.

    Examples
    --------
    >>> from microlazy.dialects.keras import tf
    >>> Flatten()(tf.ones((2, 3, 4))).shape
    (2, 12)
    """

    def forward(self, x: Tensor) -> Tensor:
        return nn.Flatten.hybrid_forward(self, None, x)


class Dropout(Known, nn.Dropout):
    """Set a random part of the input to 0 while training, and scale the rest up.

    Parameters
    ----------
    rate : float
        The part to drop, from 0 to 1.
    **kwargs
        As in `Layer`.

    Examples
    --------
    >>> from microlazy.dialects.keras import tf
    >>> layer = Dropout(0.5)
    >>> print(layer(tf.ones(3)))
    [1. 1. 1.]
    >>> sorted(set(layer(tf.ones(100), training=True).tolist()))
    [0.0, 2.0]
    """

    def __init__(self, rate: float, **kwargs: Any) -> None:
        self.rate = rate
        super().__init__(gluon={"rate": rate}, **kwargs)

    forward = nn.Dropout.forward


class Activation(Known, HybridBlock):
    """An activation function as a layer.

    Parameters
    ----------
    activation : str or callable
        By name, or a function.
    **kwargs
        As in `Layer`.

    Examples
    --------
    >>> from microlazy.dialects.keras import tf
    >>> print(Activation("relu")(tf.constant([-1.0, 2.0])))
    [0. 2.]
    """

    def __init__(self, activation: Any, **kwargs: Any) -> None:
        self.activation = activations.get(activation)
        super().__init__(**kwargs)

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(x)

    hybrid_forward = without_namespace(forward)


class ReLU(Activation):
    """max(x, 0) as a layer.

    Examples
    --------
    >>> from microlazy.dialects.keras import tf
    >>> print(ReLU()(tf.constant([-1.0, 2.0])))
    [0. 2.]
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__("relu", **kwargs)
