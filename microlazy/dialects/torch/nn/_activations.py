"""Activations: functions of `torch.nn.functional`."""

from __future__ import annotations

import math
from typing import Any

from .... import numpy as np
from .... import numpy_extension as npx
from .._tensor import operation

A = Any  # an array of the core with NumPy's rules


@operation("LeakyRelu")
def leaky_relu(input: A, negative_slope: float = 0.01) -> A:
    """x, or `negative_slope` times x where x is below 0."""
    return npx.leaky_relu(input, act_type="leaky", slope=negative_slope)


@operation("Elu")
def elu(input: A, alpha: float = 1.0) -> A:
    """x, or alpha (e^x - 1) where x is below 0 (Clevert et al. 2016)."""
    return npx.leaky_relu(input, act_type="elu", slope=alpha)


@operation("Elu")
def selu(input: A) -> A:
    """Self-normalizing linear units (Klambauer et al. 2017)."""
    return npx.leaky_relu(input, act_type="selu")


@operation("Gelu")
def gelu(input: A, approximate: str = "none") -> A:
    """Gaussian error linear units (Hendrycks & Gimpel 2016), exact or by "tanh"."""
    if approximate == "tanh":
        inner = math.sqrt(2 / math.pi) * (input + 0.044715 * input**3)
        return 0.5 * input * (1 + np.tanh(inner))
    return npx.gelu(input)


@operation("Silu")
def silu(input: A) -> A:
    """x sigmoid(x) (Elfwing et al. 2018)."""
    return npx.silu(input)


@operation("Mish")
def mish(input: A) -> A:
    """x tanh(softplus(x)) (Misra 2019)."""
    return npx.mish(input)


@operation("Softplus")
def softplus(input: A, beta: float = 1.0, threshold: float = 20.0) -> A:
    """log(1 + e^(beta x)) / beta; x itself where beta x is above `threshold`."""
    smooth = npx.softrelu(np.minimum(input * beta, threshold)) / beta
    return np.where(input * beta > threshold, input, smooth)


@operation("LogSigmoid")
def logsigmoid(input: A) -> A:
    """The logarithm of sigmoid."""
    return npx.log_sigmoid(input)


@operation("Div")
def softsign(input: A) -> A:
    """``x / (1 + |x|)``."""
    return npx.softsign(input)


def _cut(x: A, least: float, most: float) -> A:
    """x, cut to an interval, at whose ends it has no gradient."""
    inside = (x > least) & (x < most)
    return np.where(inside, x, np.clip(x.detach(), least, most))


@operation("Hardtanh")
def hardtanh(input: A, min_val: float = -1.0, max_val: float = 1.0) -> A:
    """x, cut to an interval; without a gradient at its ends."""
    return _cut(input, min_val, max_val)


@operation("Hardtanh")
def relu6(input: A) -> A:
    """x, cut to 0 to 6; without a gradient at the ends."""
    return _cut(input, 0, 6)


@operation("Hardsigmoid")
def hardsigmoid(input: A) -> A:
    """(x + 3) / 6, cut to 0 to 1."""
    return _cut(input + 3, 0, 6) / 6


@operation("Hardswish")
def hardswish(input: A) -> A:
    """x (x + 3) / 6, with the second factor cut to 0 to 1 (Howard et al. 2019)."""
    return input * _cut(input + 3, 0, 6) / 6


@operation("PreluKernel")
def prelu(input: A, weight: A) -> A:
    """x, or x times a weight, one for all channels or each, where x is below 0 (He et al. 2015)."""
    if weight.size > 1:
        weight = np.reshape(weight, (-1, *(1,) * (input.ndim - 2)))
    return np.maximum(input, 0) + weight * np.minimum(input, 0)
