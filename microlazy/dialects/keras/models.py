"""Models: layers that can be compiled and fitted."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ...gluon import nn
from ...gluon.block.tree import children_of
from ..faces import face_of
from ._absent import teller
from ._layer import Layer
from ._summary import summarize
from ._training import Training
from ._variable import Variable
from .layers import Input

__all__ = ["Model", "Sequential"]


class Model(Training):
    """A layer that can be compiled, fitted, saved and summarized; a subclass has `call`.

    Parameters
    ----------
    name : str, optional
        As in `Layer`.
    **kwargs
        As in `Layer`.

    Raises
    ------
    TypeError
        If it is called with inputs and outputs, as models of Keras' graphs of layers.

    Examples
    --------
    >>> from microlazy.dialects import keras
    >>> class Net(keras.Model):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.hidden = keras.layers.Dense(256, activation="relu")
    ...         self.out = keras.layers.Dense(10)
    ...     def call(self, inputs):
    ...         return self.out(self.hidden(inputs))
    >>> net = Net()
    >>> net(keras.tf.random.uniform((2, 20))).shape
    (2, 10)
    >>> [w.shape for w in net.get_weights()]
    [(20, 256), (256,), (256, 10), (10,)]
    """

    def __init__(self, *graph: Any, **kwargs: Any) -> None:
        if graph or {"inputs", "outputs"} & kwargs.keys():
            raise TypeError(
                f"{type(self).__name__} takes no inputs and outputs: there are no symbolic inputs "
                "here. Write a Sequential, or a subclass of Model with call()"
            )
        super().__init__(**kwargs)

    @property
    def layers(self) -> list[Any]:
        """The layers right below."""
        return list(children_of(self).values())

    @property
    def weights(self) -> list[Variable]:
        """All weights, each layer's trainable ones first.

        Raises
        ------
        ValueError
            Before the first call, as there are none yet.
        """
        if not self.built:
            raise ValueError(
                f"Weights for model '{self.name}' have not yet been created. Weights are created "
                "when the model is first called on inputs or `build()` is called with an "
                "`input_shape`."
            )
        return Layer.weights.fget(self)  # type: ignore[attr-defined]

    variables = weights

    def get_layer(self, name: str | None = None, index: int | None = None) -> Any:
        """The layer of a name or at a place.

        Raises
        ------
        ValueError
            If there is no such layer.

        Examples
        --------
        >>> from microlazy.dialects import keras
        >>> net = keras.Sequential([keras.layers.Dense(2, name="out")])
        >>> net.get_layer("out")
        <Dense name=out, built=False>
        """
        if index is not None and -len(self.layers) <= index < len(self.layers):
            return self.layers[index]
        for layer in self.layers:
            if name is not None and layer.name == name:
                return layer
        names = [layer.name for layer in self.layers]
        given = f"index {index}" if name is None else f"name {name!r}"
        raise ValueError(f"No such layer: {given}. Existing layers are: {names}.")

    def summary(self) -> None:
        """Print each layer's output shape and number of weights.

        Examples
        --------
        >>> from microlazy.dialects import keras
        >>> keras.Sequential([keras.layers.Dense(3, name="out")], name="net").summary()
        Model: "net"
        ┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━┓
        ┃ Layer (type)                    ┃ Output Shape           ┃       Param # ┃
        ┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━┩
        │ out (Dense)                     │ ?                      │   0 (unbuilt) │
        └─────────────────────────────────┴────────────────────────┴───────────────┘
         Total params: 0 (0.00 B)
         Trainable params: 0 (0.00 B)
         Non-trainable params: 0 (0.00 B)
        """
        print(summarize(self))

    def save_weights(self, filepath: str | os.PathLike) -> None:
        """Save the values of all weights, in Gluon's format of parameters.

        Parameters
        ----------
        filepath : str or path
            Where to write.
        """
        self.save_parameters(os.fspath(filepath))

    def load_weights(self, filepath: str | os.PathLike) -> None:
        """Load what `save_weights` wrote; a model that is not built gets its sizes from there.

        Parameters
        ----------
        filepath : str or path
            The file.
        """
        with face_of(None):
            self.load_parameters(os.fspath(filepath))


class Sequential(Model, nn.Sequential):
    """Layers that run one after the other.

    Parameters
    ----------
    layers : list of Layer, optional
        The layers; an `Input` as the first has all of them built at once. A function, such as
        ``tf.nn.relu``, is not a layer: put it into `Activation`.
    name : str, optional
        As in `Layer`.

    Raises
    ------
    ValueError
        If two layers have the same name.

    Examples
    --------
    >>> from microlazy.dialects import keras
    >>> net = Sequential([keras.layers.Dense(256, activation="relu"), keras.layers.Dense(10)])
    >>> [layer.get_weights() for layer in net.layers]
    [[], []]
    >>> _ = net(keras.tf.random.uniform((2, 20)))
    >>> [w.shape for w in net.get_weights()]
    [(20, 256), (256,), (256, 10), (10,)]
    """

    def __init__(self, layers: Sequence[Any] | None = None, name: str | None = None) -> None:
        super().__init__(name=name)
        self._wait = True
        for layer in layers or []:
            self.add(layer)
        self._wait = False
        self._build_if_known()

    forward = nn.Sequential.forward

    def add(self, *layers: Any) -> None:
        """Put layers on top.

        Parameters
        ----------
        *layers : Layer, Block or Input
            The layers.

        Examples
        --------
        >>> from microlazy.dialects import keras
        >>> net = Sequential()
        >>> net.add(keras.Input((4,)))
        >>> net.add(keras.layers.Dense(2))
        >>> net.count_params()
        10
        """
        for layer in layers:
            if isinstance(layer, Input):
                self._given_shape = layer.shape
                self._dtype = layer.dtype
                continue
            known = [other.name for other in children_of(self).values()]
            if getattr(layer, "name", None) in known:
                raise ValueError(
                    "All layers added to a Sequential model should have unique names. Name "
                    f"{layer.name!r} is already the name of a layer in this model. Update the "
                    "`name` argument to pass a unique name."
                )
            self.register_child(layer)
            if len(known) == 0 and self._given_shape is None:
                self._given_shape = getattr(layer, "_given_shape", None)
        self._build_if_known()

    def _build_if_known(self) -> None:
        known = self._given_shape is not None and None not in self._given_shape[1:]
        if known and children_of(self) and not self._wait:
            self.build(self._given_shape)  # type: ignore[arg-type]

    def __getitem__(self, key: int | slice) -> Any:
        layers = self.layers[key]
        return Sequential(layers) if isinstance(layers, list) else layers


if not TYPE_CHECKING:  # a type checker would take it for a promise
    __getattr__ = teller(__name__, __all__)
