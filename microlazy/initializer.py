"""Initializers: how a parameter gets its first values (``mx.init``, ``mx.initializer``).

An initializer is called with an :class:`InitDesc` (the parameter's name and wishes) and an array,
which it fills in place. All random numbers come from microlazy's own generator, so that
``mx.random.seed`` makes a network reproducible.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Mapping, Sequence
from math import prod, sqrt
from typing import TYPE_CHECKING, Any

import numpy

from . import ndarray as nd
from . import numpy as np
from .base import ArgumentError
from .core.tensor import Tensor
from .registry import get_alias_func, get_create_func, get_register_func

__all__ = [
    "ArgumentError",
    "Bilinear",
    "Constant",
    "FusedRNN",
    "InitDesc",
    "Initializer",
    "LSTMBias",
    "Load",
    "MSRAPrelu",
    "Mixed",
    "Normal",
    "One",
    "Orthogonal",
    "TruncNorm",
    "Uniform",
    "Xavier",
    "Zero",
    "alias",
    "create",
    "register",
]

# Which method fills a parameter of that role. A role is the end of the parameter's name.
_ROLES = (
    ("weight", "_init_weight"),
    ("bias", "_init_bias"),
    ("gamma", "_init_gamma"),
    ("beta", "_init_beta"),
    ("min", "_init_zero"),
    ("max", "_init_one"),
)
# Roles that are known only when the name is a plain string.
_PLAIN_ROLES = (
    *_ROLES,
    ("moving_mean", "_init_zero"),
    ("moving_var", "_init_one"),
    ("moving_inv_var", "_init_zero"),
    ("moving_avg", "_init_zero"),
)


class InitDesc(str):
    """The name of a parameter, with what it wishes for its initialization.

    Parameters
    ----------
    name : str
        Name of the parameter; its end is its role (``weight``, ``bias``, ...).
    attrs : dict, optional
        Attributes. The initializer in ``attrs["__init__"]``, an object or a string, wins over
        the one that is called.
    global_init : Initializer, optional
        The network's initializer; set to the one that is called.

    Examples
    --------
    >>> import microlazy as mx
    >>> desc = mx.init.InitDesc("dense0_bias", {"__init__": "ones"})
    >>> desc, desc.attrs
    ('dense0_bias', {'__init__': 'ones'})
    """

    attrs: dict[str, Any]
    global_init: Initializer | None

    def __new__(
        cls,
        name: str,
        attrs: dict[str, Any] | None = None,
        global_init: Initializer | None = None,
    ) -> InitDesc:
        self = super().__new__(cls, name)
        self.attrs = attrs or {}
        self.global_init = global_init
        return self


class Initializer:
    """Base class of the initializers. A subclass overrides ``_init_weight(self, name, data)``.

    Parameters
    ----------
    **kwargs
        What the initializer was made with, for :meth:`dumps`, comparison and printing.

    Examples
    --------
    >>> import microlazy as mx
    >>> class Sevens(mx.init.Initializer):
    ...     def _init_weight(self, name, data):
    ...         data[:] = 7
    >>> x = mx.nd.zeros((2,))
    >>> Sevens()(mx.init.InitDesc("dense0_weight"), x)
    >>> x.asnumpy()
    array([7., 7.], dtype=float32)
    """

    _kwargs: dict[str, Any] = {}  # of a subclass that does not call __init__
    _verbose = False
    _print_func: Callable[[Tensor], str] | None = None

    def __init__(self, **kwargs: Any) -> None:
        self._kwargs = kwargs

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={value!r}" for name, value in self._kwargs.items())
        return f"{type(self).__name__}({given})"

    def set_verbosity(
        self, verbose: bool = False, print_func: Callable[[Tensor], str] | None = None
    ) -> Initializer:
        """Log each array that is initialized, through ``logging.info``.

        Parameters
        ----------
        verbose : bool
            Whether to log.
        print_func : callable, optional
            Makes the text to log from the array; by default its root mean square.

        Returns
        -------
        Initializer
            This object.

        Examples
        --------
        >>> import microlazy as mx
        >>> mx.init.One().set_verbosity(True)
        One()
        """
        self._verbose = verbose
        self._print_func = print_func or _root_mean_square
        return self

    def dumps(self) -> str:
        """Return a JSON text from which :func:`create` makes an equal initializer.

        Examples
        --------
        >>> import microlazy as mx
        >>> mx.init.Normal(0.5).dumps()
        '["normal", {"sigma": 0.5}]'
        """
        import json  # which most programs do not need

        return json.dumps([type(self).__name__.lower(), self._kwargs])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Initializer):
            return NotImplemented
        return type(self) is type(other) and self._kwargs == other._kwargs

    def __call__(self, desc: str, arr: Tensor) -> None:
        """Fill an array in place.

        Parameters
        ----------
        desc : InitDesc or str
            The parameter's name. An initializer in ``desc.attrs["__init__"]`` fills the array as
            a weight; otherwise the end of the name says which method of this one does. A plain
            string is deprecated, as in MXNet.
        arr : Tensor
            The array, of any shape and dtype that the initializer can do.

        Raises
        ------
        ValueError
            If the name ends in no known role, or the array does not suit the initializer.
        TypeError
            If a plain `desc` is no string or `arr` is no array.
        """
        if not isinstance(desc, InitDesc):
            warnings.warn(
                "Calling initializer with init(str, array) is deprecated: "
                "call init(mx.init.InitDesc(name), array)",
                DeprecationWarning,
                stacklevel=2,
            )
            if not isinstance(desc, str):
                raise TypeError(f"name must be a string, not {type(desc).__name__}")
            if not isinstance(arr, Tensor):
                raise TypeError(f"arr must be an array of microlazy, not {type(arr).__name__}")
            getattr(self, _method(desc, _PLAIN_ROLES)[1])(desc, arr)
            return
        if desc.global_init is None:
            desc.global_init = self
        own = desc.attrs.get("__init__")
        if own:
            create(own)._init_weight(desc, arr)
            self._log(desc, own, arr)
            return
        role, method = _method(desc, _ROLES)
        getattr(self, method)(desc, arr)
        if role:
            self._log(desc, role, arr)

    def _log(self, desc: str, init: object, arr: Tensor) -> None:
        if self._verbose and self._print_func:
            _log("Initialized %s as %s: %s", desc, init, self._print_func(arr))

    def _init_zero(self, name: str, arr: Tensor) -> None:
        arr[...] = 0

    def _init_one(self, name: str, arr: Tensor) -> None:
        arr[...] = 1

    def _init_bias(self, name: str, arr: Tensor) -> None:
        arr[...] = 0

    def _init_gamma(self, name: str, arr: Tensor) -> None:
        arr[...] = 1

    def _init_beta(self, name: str, arr: Tensor) -> None:
        arr[...] = 0

    def _init_weight(self, name: str, arr: Tensor) -> None:
        raise NotImplementedError(
            f"{type(self).__name__} must override _init_weight(self, name, data) to initialize "
            f"{name!s}"
        )

    def _init_default(self, name: str, arr: Tensor) -> None:
        raise ValueError(
            f"Unknown initialization pattern for {name!s}: a name without an initializer of its "
            f"own must end in one of {', '.join(role for role, _ in _ROLES)}. Give the parameter "
            "its own initializer with init="
        )


def _log(message: str, *args: Any) -> None:
    import logging  # slow to import, and few initialize verbosely

    logging.info(message, *args)


def _method(name: str, roles: Sequence[tuple[str, str]]) -> tuple[str, str]:
    return next((row for row in roles if name.endswith(row[0])), ("", "_init_default"))


def _root_mean_square(arr: Tensor) -> str:
    return str(numpy.float32(numpy.linalg.norm(arr.asnumpy().ravel()) / sqrt(arr.size)))


def _random(arr: Tensor) -> Any:
    """The random functions of the array's own face."""
    return np.random if isinstance(arr, np.ndarray) else nd.random


# ---- the registry ------------------------------------------------------------------------------


def alias(*names: str) -> Callable[[type[Initializer]], type[Initializer]]:
    """Return a class decorator that registers an initializer under further names.

    Parameters
    ----------
    *names : str
        The names, in any case.

    Examples
    --------
    >>> import microlazy as mx
    >>> @mx.init.alias("sevens")
    ... class Seven(mx.init.Initializer):
    ...     def _init_weight(self, name, data):
    ...         data[:] = 7
    >>> mx.init.create("sevens")
    Seven()
    """

    return _alias(*names)


def register(klass: type[Initializer]) -> type[Initializer]:
    """Class decorator: make an initializer known to :func:`create` by its class's name.

    Parameters
    ----------
    klass : type
        A subclass of :class:`Initializer`. A name taken already is taken over, with a warning.

    Raises
    ------
    ArgumentError
        If `klass` is no subclass of :class:`Initializer`.

    Examples
    --------
    >>> import microlazy as mx
    >>> @mx.init.register
    ... class Nines(mx.init.Initializer):
    ...     def _init_weight(self, name, data):
    ...         data[:] = 9
    >>> mx.init.create("nines")
    Nines()
    """
    return _register(klass)


def create(initializer: Any, *args: Any, **kwargs: Any) -> Initializer:
    """Return an initializer by name.

    Parameters
    ----------
    initializer : str, Initializer or dict
        A registered name, the JSON text of :meth:`Initializer.dumps`, a dictionary with the key
        ``initializer`` and the arguments, or an initializer, which is returned.
    *args, **kwargs
        Arguments of the class that is named.

    Raises
    ------
    ArgumentError
        If the name is not registered, or what was given names no initializer.

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.init.create("xavier", magnitude=2)
    Xavier(rnd_type='uniform', factor_type='avg', magnitude=2)
    >>> mx.init.create('["normal", {"sigma": 0.1}]')
    Normal(sigma=0.1)
    """
    return _create(initializer, *args, **kwargs)


_register = get_register_func(Initializer, "initializer")
_alias = get_alias_func(Initializer, "initializer")
_create = get_create_func(Initializer, "initializer")


# ---- values that are given ---------------------------------------------------------------------


@register
@alias("zeros")
class Zero(Initializer):
    """Fills with zeros.

    Examples
    --------
    >>> import microlazy as mx
    >>> x = mx.nd.ones((2,))
    >>> mx.init.Zero()(mx.init.InitDesc("weight"), x)
    >>> x.asnumpy()
    array([0., 0.], dtype=float32)
    """

    def __init__(self) -> None:
        super().__init__()

    def _init_weight(self, name: str, arr: Tensor) -> None:
        arr[...] = 0


@register
@alias("ones")
class One(Initializer):
    """Fills with ones.

    Examples
    --------
    >>> import microlazy as mx
    >>> x = mx.nd.zeros((2,))
    >>> mx.init.One()(mx.init.InitDesc("weight"), x)
    >>> x.asnumpy()
    array([1., 1.], dtype=float32)
    """

    def __init__(self) -> None:
        super().__init__()

    def _init_weight(self, name: str, arr: Tensor) -> None:
        arr[...] = 1


@register
class Constant(Initializer):
    """Fills with a number, or with the values of an array.

    Parameters
    ----------
    value : float or array
        The value; an array must have the parameter's shape or broadcast to it.

    Examples
    --------
    >>> import microlazy as mx
    >>> x = mx.nd.zeros((2,))
    >>> mx.init.Constant([3, 4])(mx.init.InitDesc("weight"), x)
    >>> x.asnumpy()
    array([3., 4.], dtype=float32)
    """

    def __init__(self, value: Any) -> None:
        super().__init__(value=value)
        self.value = numpy.asarray(value) if isinstance(value, list | tuple) else value

    def _init_weight(self, name: str, arr: Tensor) -> None:
        arr[...] = self.value

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return super().__eq__(other)
        return numpy.array_equal(_to_numpy(self.value), _to_numpy(other.value))

    def dumps(self) -> str:
        """Return the JSON text, with an array as nested lists.

        Examples
        --------
        >>> import microlazy as mx
        >>> mx.init.Constant(mx.nd.array([1, 2])).dumps()
        '["constant", {"value": [1.0, 2.0]}]'
        """
        import json  # which most programs do not need

        return json.dumps([type(self).__name__.lower(), {"value": _to_numpy(self.value).tolist()}])


def _to_numpy(value: Any) -> numpy.ndarray:
    return value.asnumpy() if isinstance(value, Tensor) else numpy.asarray(value)


# ---- random values -----------------------------------------------------------------------------


@register
class Uniform(Initializer):
    """Fills from the uniform distribution on [-scale, scale). What a network uses by default.

    Parameters
    ----------
    scale : float, default 0.07
        The bound.

    Examples
    --------
    >>> import microlazy as mx
    >>> x = mx.nd.zeros((100,))
    >>> mx.init.Uniform(0.5)(mx.init.InitDesc("weight"), x)
    >>> bool(abs(x.asnumpy()).max() <= 0.5)
    True
    """

    def __init__(self, scale: float = 0.07) -> None:
        super().__init__(scale=scale)
        self.scale = scale

    def _init_weight(self, name: str, arr: Tensor) -> None:
        _random(arr).uniform(-self.scale, self.scale, arr.shape, out=arr)


@register
class Normal(Initializer):
    """Fills from the normal distribution of mean 0.

    Parameters
    ----------
    sigma : float, default 0.01
        Standard deviation.

    Examples
    --------
    >>> import microlazy as mx
    >>> x = mx.nd.zeros((1000,))
    >>> mx.init.Normal(2.0)(mx.init.InitDesc("weight"), x)
    >>> bool(1.5 < x.asnumpy().std() < 2.5)
    True
    """

    def __init__(self, sigma: float = 0.01) -> None:
        super().__init__(sigma=sigma)
        self.sigma = sigma

    def _init_weight(self, name: str, arr: Tensor) -> None:
        _random(arr).normal(0, self.sigma, arr.shape, out=arr)


@register
class TruncNorm(Initializer):
    """Fills from a normal distribution whose far values are drawn again.

    Parameters
    ----------
    mean : float, default 0
        Mean.
    stdev : float, default 0.01
        Standard deviation before the cut.
    scale : float, default 2
        Values more than `scale` standard deviations from the mean are drawn again.

    Raises
    ------
    ArgumentError
        If `scale` is not above 0.

    Examples
    --------
    >>> import microlazy as mx
    >>> x = mx.nd.zeros((1000,))
    >>> mx.init.TruncNorm(stdev=1.0)(mx.init.InitDesc("weight"), x)
    >>> bool(abs(x.asnumpy()).max() <= 2)
    True
    """

    def __init__(self, mean: float = 0, stdev: float = 0.01, scale: float = 2) -> None:
        if not scale > 0:
            raise ArgumentError(f"TruncNorm needs a scale above 0, given {scale!r}")
        super().__init__(mean=mean, stdev=stdev, scale=scale)
        self.mean = mean
        self.stdev = stdev
        self.scale = scale

    def _init_weight(self, name: str, arr: Tensor) -> None:
        values = _draw("normal", arr.shape)
        far = abs(values) > self.scale
        while far.any():
            values[far] = _draw("normal", (int(far.sum()),))
            far = abs(values) > self.scale
        arr[...] = self.mean + self.stdev * values


def _draw(name: str, shape: tuple[int, ...]) -> numpy.ndarray:
    """Standard normal values, or uniform ones on [-1, 1), of microlazy's generator in float64."""
    low = {"uniform": -1.0, "normal": 0.0}[name]
    return getattr(nd.random, name)(low, 1.0, shape).asnumpy().astype(numpy.float64)


@register
class Orthogonal(Initializer):
    """Fills with an orthogonal matrix, times `scale` (Saxe et al. 2014, arXiv 1312.6120).

    The array is seen as a matrix of its first axis by all others. The rows are orthogonal, or the
    columns where there are fewer of them.

    Parameters
    ----------
    scale : float, default 1.414
        Factor.
    rand_type : {"uniform", "normal"}
        Distribution of the matrix whose singular vectors are taken.

    Raises
    ------
    ArgumentError
        If `rand_type` is not known.

    Examples
    --------
    >>> import microlazy as mx
    >>> x = mx.nd.zeros((2, 3))
    >>> mx.init.Orthogonal(scale=1.0)(mx.init.InitDesc("weight"), x)
    >>> bool(abs((x.asnumpy() @ x.asnumpy().T) - [[1, 0], [0, 1]]).max() < 1e-6)
    True
    """

    def __init__(self, scale: float = 1.414, rand_type: str = "uniform") -> None:
        _check_choice("rand_type", rand_type, ("uniform", "normal"))
        super().__init__(scale=scale, rand_type=rand_type)
        self.scale = scale
        self.rand_type = rand_type

    def _init_weight(self, name: str, arr: Tensor) -> None:
        if not arr.shape:
            raise ValueError(f"Orthogonal cannot initialize {name!s}: a number is no matrix")
        rows = arr.shape[0]
        matrix = _draw(self.rand_type, (rows, prod(arr.shape[1:])))
        left, _, right = numpy.linalg.svd(matrix, full_matrices=False)
        vectors = left if left.shape == matrix.shape else right
        arr[...] = (self.scale * vectors).reshape(arr.shape)


@register
class Xavier(Initializer):
    """Keeps the size of signals about the same in all layers (Glorot and Bengio 2010).

    The variance is ``magnitude / factor`` for a Gaussian, and a third of it for the uniform
    distribution, whose bound is ``sqrt(magnitude / factor)``. The fan-in is the second axis and
    the fan-out the first, each times the size of the further axes (a convolution's window).

    Parameters
    ----------
    rnd_type : {"uniform", "gaussian"}
        Distribution.
    factor_type : {"avg", "in", "out"}
        Whether `factor` is the mean of fan-in and fan-out, or one of them.
    magnitude : float, default 3
        Size of the values.

    Raises
    ------
    ArgumentError
        If `rnd_type` or `factor_type` is not known.
    ValueError
        When it is called with an array of fewer than two axes.

    Examples
    --------
    >>> import microlazy as mx
    >>> x = mx.nd.zeros((10, 20))
    >>> mx.init.Xavier()(mx.init.InitDesc("weight"), x)
    >>> bool(abs(x.asnumpy()).max() <= (3 / 15) ** 0.5)
    True
    """

    def __init__(
        self, rnd_type: str = "uniform", factor_type: str = "avg", magnitude: float = 3
    ) -> None:
        _check_choice("rnd_type", rnd_type, ("uniform", "gaussian"))
        _check_choice("factor_type", factor_type, ("avg", "in", "out"))
        super().__init__(rnd_type=rnd_type, factor_type=factor_type, magnitude=magnitude)
        self.rnd_type = rnd_type
        self.factor_type = factor_type
        self.magnitude = float(magnitude)

    def _init_weight(self, name: str, arr: Tensor) -> None:
        shape = arr.shape
        if len(shape) < 2:
            raise ValueError(
                f"{type(self).__name__} initializer cannot be applied to vector {name!s}. "
                f"It requires at least 2D, and the shape is {shape}."
            )
        window = prod(shape[2:])
        fan_in, fan_out = shape[1] * window, shape[0] * window
        factor = {"avg": (fan_in + fan_out) / 2, "in": fan_in, "out": fan_out}[self.factor_type]
        scale = sqrt(self.magnitude / factor)
        if self.rnd_type == "uniform":
            _random(arr).uniform(-scale, scale, shape, out=arr)
        else:
            _random(arr).normal(0, scale, shape, out=arr)


@register
class MSRAPrelu(Xavier):
    """Xavier's Gaussian for layers followed by PReLU or ReLU (He et al. 2015, arXiv 1502.01852).

    Parameters
    ----------
    factor_type : {"avg", "in", "out"}
        As for :class:`Xavier`.
    slope : float, default 0.25
        Initial slope of the negative side; the magnitude is ``2 / (1 + slope**2)``.

    Examples
    --------
    >>> import microlazy as mx
    >>> mx.init.MSRAPrelu(slope=0).magnitude
    2.0
    """

    def __init__(self, factor_type: str = "avg", slope: float = 0.25) -> None:
        super().__init__("gaussian", factor_type, 2.0 / (1 + slope**2))
        self._kwargs = {"factor_type": factor_type, "slope": slope}


def _check_choice(name: str, given: str, known: tuple[str, ...]) -> None:
    if given not in known:
        raise ArgumentError(f"{name} must be one of {', '.join(map(repr, known))}, not {given!r}")


# ---- values for one kind of layer --------------------------------------------------------------


@register
class Bilinear(Initializer):
    """Makes a transposed convolution enlarge an image by bilinear interpolation.

    The window is the same for every pair of channels (Long et al. 2015, arXiv 1411.4038).

    Examples
    --------
    >>> import microlazy as mx
    >>> x = mx.nd.zeros((1, 1, 2, 4))
    >>> mx.init.Bilinear()(mx.init.InitDesc("weight"), x)
    >>> x.asnumpy()[0, 0, 0]
    array([0.0625, 0.1875, 0.1875, 0.0625], dtype=float32)
    """

    def __init__(self) -> None:
        super().__init__()

    def _init_weight(self, name: str, arr: Tensor) -> None:
        if len(arr.shape) != 4:
            raise ValueError(f"Bilinear needs four axes, and the shape of {name!s} is {arr.shape}")
        height, width = arr.shape[2:]
        half = (width + 1) // 2
        centre = (2 * half - 1 - half % 2) / (2 * half)
        columns = 1 - abs(numpy.arange(width) / half - centre)
        rows = 1 - abs(numpy.arange(height) / half - centre)
        arr[...] = numpy.broadcast_to(numpy.outer(rows, columns), arr.shape)


@register
class LSTMBias(Initializer):
    """Fills an LSTM's bias with 0, and with `forget_bias` for the forget gate, its second quarter.

    Parameters
    ----------
    forget_bias : float, default 1.0
        Bias of the forget gate (Jozefowicz et al. 2015 advise 1).

    Examples
    --------
    >>> import microlazy as mx
    >>> x = mx.nd.zeros((8,))
    >>> mx.init.LSTMBias()(mx.init.InitDesc("i2h", {"__init__": "lstmbias"}), x)
    >>> x.asnumpy()
    array([0., 0., 1., 1., 0., 0., 0., 0.], dtype=float32)
    """

    def __init__(self, forget_bias: float = 1.0) -> None:
        super().__init__(forget_bias=forget_bias)
        self.forget_bias = forget_bias

    def _init_weight(self, name: str, arr: Tensor) -> None:
        if not arr.shape:
            raise ValueError(f"LSTMBias cannot initialize {name!s}: a number has no gates")
        arr[...] = 0
        gate = arr.shape[0] // 4
        arr[gate : 2 * gate] = self.forget_bias


@register
class FusedRNN(Initializer):
    """Fills the flat parameters of `npx.rnn`, gate by gate.

    Parameters
    ----------
    init : Initializer or str or None
        For the matrix of each gate, as a weight, and for its bias, as a bias; None for the
        network's initializer.
    num_hidden, num_layers : int
        The size of the states, and how many layers there are.
    mode : {"rnn_relu", "rnn_tanh", "lstm", "gru"}
        The kind of cell.
    bidirectional : bool, default False
        Whether each layer has two directions.
    forget_bias : float, default 1.0
        Bias of the forget gate of an LSTM.

    Raises
    ------
    ArgumentError
        If the mode is unknown.

    Examples
    --------
    >>> import microlazy as mx
    >>> x = mx.nd.zeros((16,))  # four gates: from an input, from a state, and two biases
    >>> mx.init.FusedRNN(mx.init.One(), 1, 1, "lstm")(mx.init.InitDesc("weight"), x)
    >>> x.asnumpy()[8:]
    array([0., 1., 0., 0., 0., 1., 0., 0.], dtype=float32)
    """

    def __init__(
        self,
        init: Initializer | str | None,
        num_hidden: int,
        num_layers: int,
        mode: str,
        bidirectional: bool = False,
        forget_bias: float = 1.0,
    ) -> None:
        _check_choice("mode", mode, tuple(_GATES))
        self._init = None if init is None else create(init)
        super().__init__(
            init=None if self._init is None else self._init.dumps(),
            num_hidden=num_hidden,
            num_layers=num_layers,
            mode=mode,
            bidirectional=bidirectional,
            forget_bias=forget_bias,
        )
        self._num_hidden = num_hidden
        self._num_layers = num_layers
        self._gates = _GATES[mode]
        self._directions = "lr" if bidirectional else "l"
        self._forget_bias = forget_bias

    def _init_weight(self, name: str, arr: Tensor) -> None:
        zeros: Any = np.zeros if isinstance(arr, np.ndarray) else nd.zeros
        init = self._init or getattr(name, "global_init", None) or Uniform()
        place = 0
        for role, shape in self._parts(name, arr):
            part = zeros(shape, dtype=arr.dtype)
            if role.endswith("_f_bias"):
                part[...] = self._forget_bias
            else:
                init(InitDesc(role, global_init=init), part)
            arr[place : place + part.size] = part.reshape((part.size,))
            place += part.size

    def _parts(self, name: str, arr: Tensor) -> list[tuple[str, tuple[int, ...]]]:
        """The names and shapes of the gates' matrices, then of their biases."""
        size, ways = self._num_hidden, len(self._directions)
        rows = size * len(self._gates) * ways
        above = (self._num_layers - 1) * rows * (size * ways + size + 2)
        inputs = (arr.size - above) // max(rows, 1) - size - 2
        if inputs < 1 or arr.size != above + rows * (inputs + size + 2):
            raise ArgumentError(
                f"FusedRNN: {name!s} has {arr.size} elements, which suit no size of input for "
                f"num_hidden={size}, num_layers={self._num_layers}, {ways} direction(s) and "
                f"{len(self._gates)} gate(s)"
            )
        layers = range(self._num_layers)
        places = [(w, i, part) for i in layers for w in self._directions for part in ("i2h", "h2h")]
        weights, biases = [], []
        for way, layer, part in places:
            features = size if part == "h2h" else size * ways if layer else inputs
            for gate in self._gates:
                weights.append((f"{way}{layer}_{part}{gate}_weight", (size, features)))
                biases.append((f"{way}{layer}_{part}{gate}_bias", (size,)))
        return [*weights, *biases]


# The gates of each kind of recurrent cell, in the order of the rows of its weights.
_GATES = {
    "rnn_relu": ("",),
    "rnn_tanh": ("",),
    "lstm": ("_i", "_f", "_c", "_o"),
    "gru": ("_r", "_z", "_o"),
}


# ---- choosing among initializers ---------------------------------------------------------------


class Mixed(Initializer):
    """Uses, for each parameter, the first initializer whose pattern matches its name.

    Parameters
    ----------
    patterns : list of str
        Regular expressions, matched at the start of the name.
    initializers : list of Initializer or str
        One for each pattern.

    Raises
    ------
    ArgumentError
        If the two lists differ in length.
    ValueError
        When it is called with a name that no pattern matches.

    Notes
    -----
    Unlike MXNet 1.9's, it can be handed to ``net.initialize``. There a parameter's own
    initializer, such as the zeros of a layer's bias, still wins.

    Examples
    --------
    >>> import microlazy as mx
    >>> init = mx.init.Mixed(["dense0.*", ".*"], ["ones", mx.init.Uniform(0.1)])
    >>> x = mx.nd.zeros((2,))
    >>> init(mx.init.InitDesc("dense0_weight"), x)
    >>> x.asnumpy()
    array([1., 1.], dtype=float32)
    """

    def __init__(self, patterns: Sequence[str], initializers: Sequence[Initializer | str]) -> None:
        if len(patterns) != len(initializers):
            raise ArgumentError(
                f"Mixed needs one initializer for each pattern, given {len(patterns)} patterns "
                f"and {len(initializers)} initializers"
            )
        super().__init__(patterns=list(patterns), initializers=list(initializers))
        self.map = [
            (re.compile(pattern), create(init))
            for pattern, init in zip(patterns, initializers, strict=True)
        ]

    def _choose(self, name: str) -> Initializer:
        for pattern, init in self.map:
            if pattern.match(name):
                return init
        raise ValueError(
            f"Parameter name {name!s} did not match any pattern. Consider adding a '.*' pattern "
            "at the end with a default initializer."
        )

    def __call__(self, desc: str, arr: Tensor) -> None:
        """Fill an array with the initializer that suits its name."""
        self._choose(desc)(desc, arr)

    def _init_weight(self, name: str, arr: Tensor) -> None:
        self._choose(name)._init_weight(name, arr)

    def dumps(self) -> str:
        """Return a JSON text that describes it.

        Examples
        --------
        >>> import microlazy as mx
        >>> mx.init.Mixed([".*"], ["zeros"]).dumps()
        '["mixed", {"patterns": [".*"], "initializers": [["zero", {}]]}]'
        """
        import json  # which most programs do not need

        initializers = [json.loads(init.dumps()) for _, init in self.map]
        return json.dumps(
            ["mixed", {"patterns": self._kwargs["patterns"], "initializers": initializers}]
        )


class Load(Initializer):
    """Takes the values from a file or a dictionary.

    Parameters
    ----------
    param : str or dict of str to Tensor
        A parameter file's path, or arrays by name. ``arg:`` and ``aux:`` before a name are dropped.
    default_init : Initializer or str, optional
        Fills the parameters that are not in `param`.
    verbose : bool
        Log where each parameter's values came from.

    Raises
    ------
    ArgumentError
        If `param` is no dictionary; when called, if a shape differs, or a name is not in `param`
        and there is no `default_init`.

    Examples
    --------
    >>> import microlazy as mx
    >>> init = mx.init.Load({"arg:weight": mx.nd.ones((2,))}, default_init="zeros")
    >>> x = mx.nd.zeros((2,))
    >>> init(mx.init.InitDesc("weight"), x)
    >>> x.asnumpy()
    array([1., 1.], dtype=float32)
    """

    def __init__(
        self,
        param: str | Mapping[str, Tensor],
        default_init: Initializer | str | None = None,
        verbose: bool = False,
    ) -> None:
        arrays = nd.load(param) if isinstance(param, str) else param
        if not isinstance(arrays, Mapping):
            raise ArgumentError(
                f"Load needs arrays by name, or a file of them, not a {type(arrays).__name__}"
            )
        super().__init__(default_init=default_init)
        self.param = {
            name[4:] if name.startswith(("arg:", "aux:")) else name: value
            for name, value in arrays.items()
        }
        self.default_init: Any = None if default_init is None else create(default_init)
        self.verbose = verbose

    def __eq__(self, other: object) -> bool:
        return self is other

    def _load(self, name: str, arr: Tensor) -> bool:
        """Fill the array if its name is known."""
        value = self.param.get(name)
        if value is None and self.default_init is None:
            raise ArgumentError(
                f"Cannot Initialize {name!s}. Not found in loaded param and no default "
                "Initializer is provided."
            )
        if value is not None:
            if tuple(value.shape) != arr.shape:
                raise ArgumentError(
                    f"Parameter {name!s} cannot be initialized from loading. Shape mismatch, "
                    f"target {arr.shape} vs loaded {tuple(value.shape)}"
                )
            arr[...] = value
        if self.verbose:
            _log("Initialized %s by %s", name, "default" if value is None else "loading")
        return value is not None

    def __call__(self, name: str, arr: Tensor) -> None:
        """Fill an array with the loaded values of that name, or by the default initializer."""
        if not self._load(name, arr):
            self.default_init(name, arr)

    def _init_weight(self, name: str, arr: Tensor) -> None:
        if not self._load(name, arr):
            self.default_init._init_weight(name, arr)


if not TYPE_CHECKING:  # a type checker would take it for a promise

    def __getattr__(name: str) -> Any:
        from .foreign import missing

        raise missing(__name__, name, __all__)
