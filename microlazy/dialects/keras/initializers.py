"""Initializers by Keras' names; Gluon's draw the values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

from ... import initializer as gluon
from ... import numpy as np
from ..faces import face_of
from ..generator import keyed
from ..initializers import Axes, InOrder, scaled_to
from ._absent import teller
from ._lookup import found

__all__ = [
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "Orthogonal",
    "RandomNormal",
    "RandomUniform",
    "TruncatedNormal",
    "VarianceScaling",
    "Zeros",
    "get",
]


class Initializer:
    """What gives a weight its first values: called with a shape, it returns an array.

    Examples
    --------
    >>> import numpy
    >>> class Sevens(Initializer):
    ...     def __call__(self, shape, dtype="float32"):
    ...         return numpy.full(shape, 7, dtype)
    >>> from microlazy.dialects.keras import layers
    >>> layer = layers.Dense(1, kernel_initializer=Sevens())
    >>> layer.build((None, 2))
    >>> layer.kernel.numpy().tolist()
    [[7.0], [7.0]]
    """

    seed: int | None = None

    def __call__(self, shape: Sequence[int], dtype: Any = "float32") -> Any:
        """Values of a shape, in Keras' order of axes."""
        with face_of(None), nullcontext() if self.seed is None else keyed(self.seed):
            values = np.zeros(tuple(shape), dtype=dtype)
            self._rule(tuple(shape))._init_weight(gluon.InitDesc("weight"), values)
        return values

    def _rule(self, shape: tuple[int, ...]) -> gluon.Initializer:
        """Gluon's initializer for this shape."""
        raise NotImplementedError(f"{type(self).__name__} must override __call__")


class _Fixed(Initializer):
    """One that does not look at the shape."""

    def __init__(self, rule: gluon.Initializer, seed: int | None = None) -> None:
        self._gluon, self.seed = rule, seed

    def _rule(self, shape: tuple[int, ...]) -> gluon.Initializer:
        return self._gluon


class Zeros(_Fixed):
    """All 0.

    Examples
    --------
    >>> Zeros()((2,))
    array([0., 0.])
    """

    def __init__(self) -> None:
        super().__init__(gluon.Zero())


class Ones(_Fixed):
    """All 1."""

    def __init__(self) -> None:
        super().__init__(gluon.One())


class Constant(_Fixed):
    """All the same value."""

    def __init__(self, value: float = 0.0) -> None:
        super().__init__(gluon.Constant(value))


class RandomUniform(Initializer):
    """Uniform between two values.

    Examples
    --------
    >>> values = RandomUniform(1.0, 2.0, seed=3)((4,))
    >>> bool((values >= 1).all() and (values < 2).all())
    True
    """

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: int | None = None):
        self.minval, self.maxval, self.seed = minval, maxval, seed

    def __call__(self, shape: Sequence[int], dtype: Any = "float32") -> Any:
        """Values of a shape."""
        with face_of(None), nullcontext() if self.seed is None else keyed(self.seed):
            return np.random.uniform(self.minval, self.maxval, tuple(shape), dtype=dtype)


class RandomNormal(_Fixed):
    """Normal, with a mean and a deviation."""

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        super().__init__(gluon.Normal(stddev), seed)
        self.mean = mean

    def __call__(self, shape: Sequence[int], dtype: Any = "float32") -> Any:
        """Values of a shape."""
        return super().__call__(shape, dtype) + self.mean


class TruncatedNormal(_Fixed):
    """Normal, with what lies two deviations from the mean drawn again."""

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None) -> None:
        super().__init__(gluon.TruncNorm(mean, stddev), seed)


class Orthogonal(_Fixed):
    """An orthogonal matrix times `gain` (Saxe et al. 2014)."""

    def __init__(self, gain: float = 1.0, seed: int | None = None) -> None:
        super().__init__(gluon.Orthogonal(gain, "normal"), seed)


class VarianceScaling(Initializer):
    """A variance of ``scale / fan``.

    Parameters
    ----------
    scale : float
        Above 0.
    mode : {"fan_in", "fan_out", "fan_avg"}
        The number of inputs or outputs of the kernel, or their mean.
    distribution : {"truncated_normal", "untruncated_normal", "uniform"}
        Of the values.
    seed : int, optional
        For the same values at each call.

    Raises
    ------
    ValueError
        If an argument is not one of these.

    Examples
    --------
    >>> values = VarianceScaling(distribution="uniform", mode="fan_avg", seed=1)((20, 10))
    >>> bool(abs(values).max() <= 5 ** -0.5)
    True
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: int | None = None,
    ) -> None:
        if not scale > 0:
            raise ValueError(f"Argument `scale` must be positive float. Received: scale={scale}")
        if mode not in ("fan_in", "fan_out", "fan_avg"):
            raise ValueError(f"mode must be fan_in, fan_out or fan_avg, not {mode!r}")
        if distribution not in ("uniform", "truncated_normal", "untruncated_normal"):
            raise ValueError(
                "distribution must be uniform, truncated_normal or untruncated_normal, not "
                f"{distribution!r}"
            )
        self.scale, self.mode, self.distribution, self.seed = scale, mode, distribution, seed

    def _rule(self, shape: tuple[int, ...]) -> gluon.Initializer:
        return scaled_to(shape, self.scale, self.mode, self.distribution)


def _scaling(name: str, scale: float, mode: str, distribution: str, source: str) -> type:
    def __init__(self: VarianceScaling, seed: int | None = None) -> None:
        VarianceScaling.__init__(self, scale, mode, distribution, seed)

    text = f"{distribution} with the variance {scale:g} / {mode} ({source})."
    members = {"__init__": __init__, "__doc__": text.capitalize(), "__module__": __name__}
    return type(name, (VarianceScaling,), members)


_GLOROT, _HE, _LECUN = "Glorot and Bengio 2010", "He et al. 2015", "LeCun et al. 1998"
GlorotUniform = _scaling("GlorotUniform", 1.0, "fan_avg", "uniform", _GLOROT)
GlorotNormal = _scaling("GlorotNormal", 1.0, "fan_avg", "truncated_normal", _GLOROT)
HeUniform = _scaling("HeUniform", 2.0, "fan_in", "uniform", _HE)
HeNormal = _scaling("HeNormal", 2.0, "fan_in", "truncated_normal", _HE)
LecunUniform = _scaling("LecunUniform", 1.0, "fan_in", "uniform", _LECUN)
LecunNormal = _scaling("LecunNormal", 1.0, "fan_in", "truncated_normal", _LECUN)

_BY_NAME: dict[str, type[Initializer]] = {
    "constant": Constant,
    "glorot_normal": GlorotNormal,
    "glorot_uniform": GlorotUniform,
    "he_normal": HeNormal,
    "he_uniform": HeUniform,
    "lecun_normal": LecunNormal,
    "lecun_uniform": LecunUniform,
    "ones": Ones,
    "orthogonal": Orthogonal,
    "random_normal": RandomNormal,
    "random_uniform": RandomUniform,
    "truncated_normal": TruncatedNormal,
    "uniform": RandomUniform,
    "normal": RandomNormal,
    "variance_scaling": VarianceScaling,
    "zeros": Zeros,
}


def get(identifier: Any) -> Callable[..., Any]:
    """An initializer by its name, or what is given as it is.

    Raises
    ------
    ValueError
        If there is none of that name.

    Examples
    --------
    >>> type(get("glorot_uniform")).__name__
    'GlorotUniform'
    """
    if isinstance(identifier, type) and issubclass(identifier, Initializer):
        return identifier()
    if callable(identifier):
        return identifier
    return found("initializer", identifier, _BY_NAME)()


def for_gluon(identifier: Any, axes: Axes = None) -> gluon.Initializer:
    """An initializer that Gluon's parameters take, whose axes stand in another order.

    Examples
    --------
    >>> from microlazy import gluon as g
    >>> weight = g.Parameter("weight", shape=(3, 2), init=for_gluon("ones", (1, 0)))
    >>> weight.initialize()
    >>> weight.data().shape
    (3, 2)
    """
    if isinstance(identifier, gluon.Initializer):
        return identifier
    return InOrder(get(identifier), axes)


if not TYPE_CHECKING:  # a type checker would take it for a promise
    __getattr__ = teller(__name__, __all__)
