"""Initializers: functions of a key, a shape and a dtype; Gluon's draw the values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..... import initializer as gluon
from ..... import numpy as np
from .....core import trace
from ....generator import keyed
from ....initializers import scaled_to
from ..._absent import teller
from .. import random

__all__ = [
    "constant",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "kaiming_normal",
    "kaiming_uniform",
    "lecun_normal",
    "lecun_uniform",
    "normal",
    "ones",
    "ones_init",
    "orthogonal",
    "truncated_normal",
    "uniform",
    "variance_scaling",
    "xavier_normal",
    "xavier_uniform",
    "zeros",
    "zeros_init",
]

Init = Callable[..., Any]


def _filled(rule: gluon.Initializer, key: Any, shape: Sequence[int], dtype: Any) -> Any:
    with trace.suspended(), keyed(*random.words(key)):
        values = np.zeros(tuple(shape), dtype=dtype)
        rule._init_weight(gluon.InitDesc("weight"), values)
    return values


def zeros(key: Any, shape: Sequence[int], dtype: Any = "float32") -> Any:
    """All 0.

    Examples
    --------
    >>> zeros(random.PRNGKey(0), (2,))
    array([0., 0.])
    """
    return np.zeros(tuple(shape), dtype=dtype)


def ones(key: Any, shape: Sequence[int], dtype: Any = "float32") -> Any:
    """All 1."""
    return np.ones(tuple(shape), dtype=dtype)


def zeros_init() -> Init:
    """`zeros`."""
    return zeros


def ones_init() -> Init:
    """`ones`."""
    return ones


def _initializer(rule_for: Callable[[tuple[int, ...]], gluon.Initializer]) -> Init:
    def init(key: Any, shape: Sequence[int], dtype: Any = "float32") -> Any:
        return _filled(rule_for(tuple(shape)), key, shape, dtype)

    return init


def constant(value: float) -> Init:
    """An initializer of one value."""
    return _initializer(lambda shape: gluon.Constant(value))


def uniform(scale: float = 0.01) -> Init:
    """An initializer of values from 0 up to `scale`.

    Examples
    --------
    >>> values = uniform(2.0)(random.PRNGKey(0), (100,))
    >>> bool((values >= 0).all() and (values < 2).all())
    True
    """

    def init(key: Any, shape: Sequence[int], dtype: Any = "float32") -> Any:
        with trace.suspended():
            return random.uniform(key, shape, dtype, 0.0, scale)

    return init


def normal(stddev: float = 0.01) -> Init:
    """An initializer of normal values."""
    return _initializer(lambda shape: gluon.Normal(stddev))


def truncated_normal(stddev: float = 0.01) -> Init:
    """An initializer of normal values, those beyond two deviations drawn again."""
    return _initializer(lambda shape: gluon.TruncNorm(stdev=stddev))


def orthogonal(scale: float = 1.0) -> Init:
    """An initializer of an orthogonal matrix times `scale` (Saxe et al. 2014)."""
    return _initializer(lambda shape: gluon.Orthogonal(scale, "normal"))


def variance_scaling(scale: float, mode: str, distribution: str) -> Init:
    """An initializer with a variance of ``scale / fan``.

    Parameters
    ----------
    scale : float
        Above 0.
    mode : {"fan_in", "fan_out", "fan_avg"}
        The number of inputs or outputs of the kernel, or their mean.
    distribution : {"truncated_normal", "normal", "uniform"}
        Of the values.

    Examples
    --------
    >>> init = variance_scaling(1.0, "fan_avg", "uniform")
    >>> bool(abs(init(random.PRNGKey(0), (20, 10))).max() <= 5 ** -0.5)
    True
    """
    if mode not in ("fan_in", "fan_out", "fan_avg"):
        raise ValueError(f"mode must be fan_in, fan_out or fan_avg, not {mode!r}")
    if distribution not in ("truncated_normal", "normal", "uniform"):
        raise ValueError(f"invalid distribution for variance scaling initializer: {distribution}")
    return _initializer(lambda shape: scaled_to(shape, scale, mode, distribution))


def lecun_normal() -> Init:
    """`variance_scaling` by 1 / fan_in, normal (LeCun et al. 1998)."""
    return variance_scaling(1.0, "fan_in", "truncated_normal")


def lecun_uniform() -> Init:
    """`variance_scaling` by 1 / fan_in, uniform (LeCun et al. 1998)."""
    return variance_scaling(1.0, "fan_in", "uniform")


def glorot_normal() -> Init:
    """`variance_scaling` by 1 / fan_avg, normal (Glorot and Bengio 2010)."""
    return variance_scaling(1.0, "fan_avg", "truncated_normal")


def glorot_uniform() -> Init:
    """`variance_scaling` by 1 / fan_avg, uniform (Glorot and Bengio 2010)."""
    return variance_scaling(1.0, "fan_avg", "uniform")


def he_normal() -> Init:
    """`variance_scaling` by 2 / fan_in, normal (He et al. 2015)."""
    return variance_scaling(2.0, "fan_in", "truncated_normal")


def he_uniform() -> Init:
    """`variance_scaling` by 2 / fan_in, uniform (He et al. 2015)."""
    return variance_scaling(2.0, "fan_in", "uniform")


xavier_normal, xavier_uniform = glorot_normal, glorot_uniform
kaiming_normal, kaiming_uniform = he_normal, he_uniform


if not TYPE_CHECKING:  # a type checker would take it for a promise
    __getattr__ = teller(__name__, __all__)
