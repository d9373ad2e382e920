"""Layer: a Gluon block with Keras' face, built when it is first called."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import nullcontext
from functools import lru_cache, wraps
from inspect import signature
from itertools import count
from typing import Any, ClassVar

import numpy

from ... import autograd
from ...core.tensor import Tensor
from ...foreign import give_hints
from ...gluon import Block, HybridBlock
from ...gluon.block.first_call import remember
from ...gluon.block.hybrid import plain_call
from ...gluon.block.running import NOTES
from ...gluon.block.tree import Tree, children_of, own_parameters, parameters_of
from ...gluon.parameter import Parameter
from ...gluon.parameter.parameter import lock, to_numpy
from ..faces import as_array, face_of
from ..initializers import Axes
from ..parameters import hold, is_left_over
from . import initializers
from ._variable import Named, Variable

Shape = tuple[int, ...]

# Attributes that a layer notes about itself while it is built, runs and trains.
_NOTES = NOTES | {"_forward_backward", "_input_shape", "_is_built", "_runs_build", "stop_training"}


class _Names(threading.local):
    """Per thread: how often each name was given."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()


_names = _Names()


def forget_names() -> None:
    """Let automatic names begin anew."""
    _names.counts.clear()


def automatic_name(cls: type) -> str:
    """The class's name in snake case, with a number from the second on.

    Examples
    --------
    >>> forget_names()
    >>> class MaxPooling2D: pass
    >>> automatic_name(MaxPooling2D), automatic_name(MaxPooling2D)
    ('max_pooling2d', 'max_pooling2d_1')
    """
    name = re.sub(r"([a-z])([A-Z])", r"\1_\2", re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", cls.__name__))
    name = name.lower().lstrip("_")
    count = _names.counts[name]
    _names.counts[name] += 1
    return f"{name}_{count}" if count else name


class Layer(Block):
    """A layer that makes its weights when it first sees data.

    A subclass makes them in `build` by `add_weight`, and computes in `call`.

    Parameters
    ----------
    name : str, optional
        By default the name of the class in snake case, with a number from the second on.
    trainable : bool
        Whether training changes the weights.
    dtype : str
        Of the weights.
    input_shape : tuple of int, optional
        The shape of an example, for the first layer of a `Sequential`, which builds it at once.
    gluon : dict, optional
        Arguments of the Gluon layer that a subclass stands on.

    Notes
    -----
    A layer is a block of Gluon: it may stand in networks of Gluon and hold blocks of Gluon.
    Parameters that no `initialize()` was called for get their initializers at the first call. A
    first call that fails leaves no weights behind.

    Examples
    --------
    >>> from microlazy.dialects import keras
    >>> from microlazy.dialects.keras import tf
    >>> class Linear(keras.layers.Layer):
    ...     def __init__(self, units):
    ...         super().__init__()
    ...         self.units = units
    ...     def build(self, input_shape):
    ...         self.w = self.add_weight(shape=(input_shape[-1], self.units))
    ...     def call(self, inputs):
    ...         return tf.matmul(inputs, self.w)
    >>> layer = Linear(3)
    >>> layer.get_weights()
    []
    >>> layer(tf.ones((2, 4))).shape
    (2, 3)
    >>> [w.shape for w in layer.get_weights()]
    [(4, 3)]
    """

    # What Keras calls the parameters of the Gluon layer below, in Keras' order: name, attribute,
    # axes.
    _named: Sequence[tuple[str, str, Axes]] = ()

    _input_shape: tuple[int | None, ...] | None = None
    _given_shape: tuple[int | None, ...] | None = None
    _is_built = False
    _runs_build = False  # within a first call, which has chosen the type of arrays
    _trainable = True

    _keyword_hints: ClassVar[Mapping[str, str]] = {
        f"{weight}_{what}": text
        for weight in ("kernel", "bias", "recurrent", "embeddings", "gamma", "beta", "activity")
        for what, text in (
            ("regularizer", "AdamW's weight_decay, or add the penalty to the loss"),
            ("constraint", "assign() of the variable after each step"),
        )
    }

    def __init__(
        self,
        *,
        name: str | None = None,
        trainable: bool = True,
        dtype: str = "float32",
        input_shape: Sequence[int | None] | None = None,
        gluon: dict[str, Any] | None = None,
        **unknown: Any,
    ) -> None:
        super().__init__(
            prefix=(automatic_name(type(self)) if name is None else name) + "_",
            **(gluon or {}),
            **unknown,
        )
        self._dtype = dtype
        if numpy.dtype(dtype) != numpy.float32:
            self.cast(dtype)
        if input_shape is not None:
            self._given_shape = (None, *input_shape)
        if not trainable:
            self.trainable = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for row in cls.__dict__.get("_named", ()):
            setattr(cls, row[0], Named(*row))
        if "build" in cls.__dict__:
            cls.build = _noting_shape(cls.build)  # type: ignore[method-assign]
        # Whichever of the two a subclass overrides is the one that runs.
        if "call" in cls.__dict__ and "forward" not in cls.__dict__:
            cls.forward = Layer.forward  # type: ignore[method-assign]
        elif "forward" in cls.__dict__:
            cls.call = cls.forward  # type: ignore[method-assign]

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in _NOTES and not isinstance(self, HybridBlock):  # which looks itself
            self._look_at_change(name, value)
        super().__setattr__(name, value)
        if isinstance(value, list | tuple) and not name.startswith("_"):
            for place, part in enumerate(value):
                if isinstance(part, Tree):
                    self.register_child(part, f"{name}_{place}")

    # ---- running ---------------------------------------------------------------------------

    @plain_call
    def __call__(self, *inputs: Any, training: bool | None = None, **options: Any) -> Any:
        if self._only_forward and training is None and not options:
            if isinstance(inputs[0], Tensor):
                return self.forward(*inputs)
        elif training is not None:
            with autograd.train_mode() if training else autograd.predict_mode():
                return self(*inputs, **options)
        if options:
            inputs = _by_position(self.call, inputs, options)
        return super().__call__(*_as_arrays(inputs, self._dtype))

    def _call(self, args: tuple[Any, ...]) -> Any:
        with face_of(_first(args)):
            return super()._call(args)

    def _run(self, args: tuple[Any, ...]) -> Any:
        before = self._is_built, self._input_shape
        try:
            self._welcome(args)
            out = super()._run(args)
        except Exception:
            self._is_built, self._input_shape = before
            raise
        self._is_built = True
        return out

    def _welcome(self, args: tuple[Any, ...]) -> None:
        """Before the first run: build, and initialize what no `initialize()` was called for."""
        with lock:  # of several threads, the first one builds
            if self._is_built:
                return
            if self._input_shape is None:
                self._input_shape = tuple(_first(args).shape)
            if type(self).build is not Layer.build:
                self._runs_build = True
                try:
                    self.build(_shapes_of(args[0]))
                finally:
                    self._runs_build = False
            for child in children_of(self).values():
                if not isinstance(child, Layer):
                    _initialize(child.collect_params().values())

    def forward(self, *inputs: Any) -> Any:
        """Run `call`, telling it whether this is training if it asks.

        Examples
        --------
        >>> from microlazy.dialects.keras import layers, tf
        >>> class Twice(layers.Layer):
        ...     def call(self, inputs, training=None):
        ...         return inputs * 2
        >>> print(Twice()(tf.ones(2), training=True))
        [2. 2.]
        """
        if _wants_training(type(self).call, len(inputs)):
            return self.call(*inputs, training=autograd.is_training())
        return self.call(*inputs)

    def cast(self, dtype: Any) -> None:
        """Change the dtype of all weights, and of what NumPy's inputs become.

        Parameters
        ----------
        dtype : str or numpy.dtype
            The new dtype.

        Examples
        --------
        >>> from microlazy.dialects.keras import layers
        >>> layer = layers.Conv2D(2, 3)
        >>> layer.cast("float64")
        >>> layer(numpy.ones((1, 3, 3, 1))).dtype
        dtype('float64')
        """
        super().cast(dtype)
        self._dtype = numpy.dtype(dtype).name

    def call(self, *inputs: Any, **options: Any) -> Any:
        """Compute the output; a subclass overrides this.

        Raises
        ------
        NotImplementedError
            If it is not overridden.
        """
        raise NotImplementedError(
            f"Layer {type(self).__name__} does not have a `call()` method implemented."
        )

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Make the weights for inputs of a shape; a subclass that has weights overrides this.

        Parameters
        ----------
        input_shape : tuple of int or None
            With the batch first; None stands for any size.

        Examples
        --------
        >>> from microlazy.dialects.keras import layers
        >>> layer = layers.Dense(3)
        >>> layer.build((None, 4))
        >>> layer.kernel.shape
        (4, 3)
        """
        known = tuple(input_shape)
        if None in known[1:]:
            raise ValueError(
                f"{self.name} cannot be built for {known}: all sizes but the batch's must be "
                "known. Call it on data, or leave the Input out"
            )
        if type(self).build is Layer.build:
            with face_of(None):
                self.dry_run(tuple(1 if n is None else n for n in known), dtype=self._dtype)
        self._input_shape = known

    # ---- weights ---------------------------------------------------------------------------

    def add_weight(
        self,
        shape: Sequence[int] = (),
        initializer: Any = None,
        dtype: str | None = None,
        trainable: bool = True,
        name: str | None = None,
    ) -> Variable:
        """Make a weight.

        Parameters
        ----------
        shape : tuple of int
            Its shape.
        initializer : str, callable or Initializer, optional
            For its values; by default ``'glorot_uniform'``, and zeros for a vector or number.
        dtype : str, optional
            That of the layer by default.
        trainable : bool
            Whether training changes it.
        name : str, optional
            ``'variable'`` with a number by default.

        Returns
        -------
        Variable

        Raises
        ------
        ValueError
            If the layer has a weight of that name.
        """
        taken = parameters_of(self)
        names = (f"variable_{n}" if n else "variable" for n in count())
        name = name or next(n for n in names if n not in taken or is_left_over(self, n))
        if initializer is None:
            initializer = "glorot_uniform" if len(shape) > 1 else "zeros"
        with nullcontext() if self._runs_build else face_of(None):
            parameter = hold(
                self,
                name,
                shape=tuple(shape),
                init=initializers.for_gluon(initializer),
                dtype=dtype or self._dtype,
                grad_req="write" if trainable and self._trainable else "null",
            )
        return Variable(parameter, name, self)

    @property
    def built(self) -> bool:
        """Whether the weights exist."""
        return self._is_built or self._has_weights()

    @built.setter
    def built(self, value: bool) -> None:
        self._is_built = bool(value)

    def _has_weights(self) -> bool:
        """Whether all have values, as after they were loaded."""
        variables = variables_below(self)
        return bool(variables) and all(variable.array is not None for variable in variables)

    @property
    def weights(self) -> list[Variable]:
        """All weights, each layer's trainable ones first; none before the first call."""
        return [v for v in variables_below(self) if v.array is not None]

    variables = weights

    @property
    def trainable_weights(self) -> list[Variable]:
        """The weights that training changes."""
        return [variable for variable in self.weights if variable.trainable]

    trainable_variables = trainable_weights

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """The weights that training does not change, such as running means."""
        return [variable for variable in self.weights if not variable.trainable]

    non_trainable_variables = non_trainable_weights

    @property
    def trainable(self) -> bool:
        """Whether training changes the weights; setting it holds for all layers below."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(value)
        for variable in own_variables(self):
            variable.parameter.grad_req = "write" if value else "null"
        for child in children_of(self).values():
            if isinstance(child, Layer):
                child.trainable = value
            else:
                child.collect_params().setattr("grad_req", "write" if value else "null")

    def get_weights(self) -> list[numpy.ndarray]:
        """The values of all weights, kernels of shape (in, out); ``[]`` before the first call.

        Examples
        --------
        >>> from microlazy.dialects.keras import layers, tf
        >>> layer = layers.Dense(256)
        >>> layer.get_weights()
        []
        >>> _ = layer(tf.random.uniform((2, 20)))
        >>> [w.shape for w in layer.get_weights()]
        [(20, 256), (256,)]
        """
        return [variable.numpy() for variable in self.weights]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Set the values of all weights, in the order of `get_weights`.

        Parameters
        ----------
        weights : list of array
            The values.

        Raises
        ------
        ValueError
            If there are more or fewer, or one has another shape; nothing is set then.

        Examples
        --------
        >>> from microlazy.dialects.keras import layers
        >>> layer = layers.Dense(1)
        >>> layer.build((None, 2))
        >>> layer.set_weights([[[1], [2]], [3]])
        >>> layer.get_weights()[1]
        array([3.], dtype=float32)
        """
        known, given = self.weights, [to_numpy(w) for w in weights]
        if len(known) != len(given):
            raise ValueError(
                f"You called `set_weights(weights)` on layer '{self.name}' with a weight list of "
                f"length {len(given)}, but the layer was expecting {len(known)} weights."
            )
        for variable, values in zip(known, given, strict=True):
            if variable.shape != values.shape:
                raise ValueError(
                    f"Layer {self.name} weight shape {variable.shape} is not compatible with "
                    f"provided weight shape {values.shape}."
                )
        for variable, values in zip(known, given, strict=True):
            variable.assign(values)

    def count_params(self) -> int:
        """How many numbers the weights hold.

        Examples
        --------
        >>> from microlazy.dialects.keras import layers
        >>> layer = layers.Dense(3)
        >>> layer.build((None, 4))
        >>> layer.count_params()
        15
        """
        return sum(int(numpy.prod(variable.shape)) for variable in self.weights)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


give_hints(
    Layer,
    {
        "parameters": "weights has all variables",
        "named_parameters": "weights has all variables, each with its path",
        "state_dict": "get_weights() gives the values",
        "load_state_dict": "set_weights(weights) sets the values",
        "zero_grad": "each step of an optimizer begins with new gradients",
        "train": "call the layer with training=True",
        "eval": "call the layer with training=False",
        "save": "save_weights(filepath) of a model saves the values; its class is its structure",
        "get_config": "the class of a layer is its structure",
        "input": "there are no symbolic inputs; call the layer on data",
        "output": "there are no symbolic outputs; call the layer on data",
    },
)


class Known(Layer):
    """A layer of Keras that stands on a layer of Gluon, which finds sizes and computes."""

    def _finish(self, args: tuple[Any, ...]) -> None:
        """Find sizes as Gluon does, after an `initialize()` of what nobody initialized."""
        _initialize(own_parameters(self))
        super()._finish(args)  # type: ignore[misc]


def variables_below(block: Any) -> list[Variable]:
    """The variables of a block and of those below, whether they have values or not."""
    own = own_variables(block)
    own.sort(key=lambda variable: not variable.trainable)
    return own + [v for child in children_of(block).values() for v in variables_below(child)]


def own_variables(block: Any) -> list[Variable]:
    """The variables of a block itself; those of Gluon's blocks have Gluon's names."""
    if isinstance(block, Layer) and block._named:
        found = [getattr(block, name) for name, _, _ in block._named]
        return [variable for variable in found if variable is not None]
    return [Variable(p, name, block) for name, p in parameters_of(block).items()]


def _initialize(parameters: Iterable[Parameter]) -> None:
    """Initialize the parameters that nobody initialized."""
    with lock:
        waiting = [p for p in parameters if p.state == "declared"]
        remember(waiting)
        for parameter in waiting:
            parameter.initialize()


def _noting_shape(build: Callable[..., None]) -> Callable[..., None]:
    """A subclass's build, after which the layer is built."""

    @wraps(build)
    def build_and_note(self: Layer, input_shape: Any) -> None:
        build(self, input_shape)
        self._is_built = True
        self._input_shape = tuple(input_shape)

    return build_and_note


def _first(args: Any) -> Any:
    """The first array among nested inputs."""
    while isinstance(args, list | tuple):
        args = args[0]
    return args


def _shapes_of(x: Any) -> Any:
    if isinstance(x, list | tuple):
        return [_shapes_of(part) for part in x]
    return tuple(x.shape)


def _as_arrays(inputs: tuple[Any, ...], floats: str) -> tuple[Any, ...]:
    """NumPy's arrays as ours; what is nested or no array stays, as options of `call` are."""
    return tuple(
        type(x)(_as_arrays(tuple(x), floats))
        if isinstance(x, list | tuple) and any(hasattr(part, "shape") for part in x)
        else as_array(x, floats)
        if place == 0 or isinstance(x, numpy.ndarray)
        else x
        for place, x in enumerate(inputs)
    )


def _by_position(
    call: Callable[..., Any], inputs: tuple[Any, ...], options: dict[str, Any]
) -> tuple[Any, ...]:
    """The arguments of a call in their order."""
    bound = signature(call).bind(*inputs, **options)
    if bound.kwargs:
        raise TypeError(
            f"call() of a layer cannot be given {', '.join(map(repr, bound.kwargs))}: let it be "
            "an argument by position"
        )
    return bound.args


@lru_cache(256)
def _wants_training(call: Any, given: int) -> bool:
    """Whether `call` takes `training` and is not given it by position."""
    names = list(signature(call).parameters)[1:]
    return "training" in names[given:]
