"""Initializers that Keras and Flax share: a variance that suits the sizes of a kernel."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..initializer import Initializer, Normal, TruncNorm, Uniform

# The deviation of a standard normal distribution that is cut at two deviations.
_CUT = 0.87962566103423978


def fans(shape: Sequence[int]) -> tuple[int, int]:
    """How many inputs and outputs a kernel (..., in, out) has, its window counted.

    Examples
    --------
    >>> fans((3, 3, 4, 8))
    (36, 72)
    """
    if len(shape) < 2:
        size = shape[0] if shape else 1
        return size, size
    window = math.prod(shape[:-2])
    return shape[-2] * window, shape[-1] * window


def scaled_to(shape: Sequence[int], scale: float, mode: str, distribution: str) -> Initializer:
    """Gluon's initializer whose values have the variance ``scale / fan`` for a kernel of a shape.

    Parameters
    ----------
    shape : tuple of int
        As in `fans`.
    scale : float
        Above 0.
    mode : {"fan_in", "fan_out", "fan_avg"}
        What is divided by.
    distribution : {"uniform", "normal", "truncated_normal"}

    Examples
    --------
    >>> scaled_to((20, 10), 1.0, "fan_avg", "uniform")
    Uniform(scale=0.4472135954999579)
    """
    fan_in, fan_out = fans(shape)
    fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[mode]
    variance = scale / max(1.0, fan)
    if distribution == "uniform":
        return Uniform(math.sqrt(3 * variance))
    if distribution == "truncated_normal":
        return TruncNorm(stdev=math.sqrt(variance) / _CUT)
    return Normal(math.sqrt(variance))
