"""First values of parameters, written into them: `torch.nn.init`."""

from __future__ import annotations

import math
from typing import Any

from .... import numpy as np
from ....foreign import missing
from .._tensor import Tensor, with_recording

__all__ = [
    "calculate_gain",
    "constant_",
    "eye_",
    "kaiming_normal_",
    "kaiming_uniform_",
    "normal_",
    "ones_",
    "orthogonal_",
    "trunc_normal_",
    "uniform_",
    "xavier_normal_",
    "xavier_uniform_",
    "zeros_",
]

_GAINS = {"linear": 1.0, "sigmoid": 1.0, "tanh": 5 / 3, "relu": math.sqrt(2), "selu": 0.75} | {
    f"conv{axes}d": 1.0 for axes in (1, 2, 3)
}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor that keeps the size of signals behind an activation.

    Examples
    --------
    >>> from microlazy.dialects.torch.nn import init
    >>> init.calculate_gain("tanh")
    1.6666666666666667
    """
    if nonlinearity == "leaky_relu":
        return math.sqrt(2 / (1 + (0.01 if param is None else param) ** 2))
    if nonlinearity not in _GAINS:
        raise ValueError(f"Unsupported nonlinearity {nonlinearity}")
    return _GAINS[nonlinearity]


def _fans(tensor: Tensor) -> tuple[int, int]:
    """How many inputs and outputs an element of a weight has."""
    shape = tensor.shape
    if len(shape) < 2:
        raise ValueError(
            "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions"
        )
    field = math.prod(shape[2:])
    return shape[1] * field, shape[0] * field


def _write(tensor: Tensor, values: Any) -> Tensor:
    with_recording(False, tensor._array.__setitem__, ..., values)
    return tensor


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0) -> Tensor:
    """Numbers spread evenly from a to b.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> from microlazy.dialects.torch import nn
    >>> layer = nn.Linear(2, 3)
    >>> bool((nn.init.uniform_(layer.weight, 5, 6) >= 5).all())
    True
    """
    return _write(tensor, np.random.uniform(a, b, size=tensor.shape))


def normal_(tensor: Tensor, mean: float = 0.0, std: float = 1.0) -> Tensor:
    """Numbers of a normal distribution."""
    return _write(tensor, np.random.normal(mean, std, size=tensor.shape))


def trunc_normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0
) -> Tensor:
    """Numbers of a normal distribution, drawn again until they lie between a and b."""
    values = np.random.normal(mean, std, size=tensor.shape)
    while bool(((values < a) | (values > b)).any()):
        again = np.random.normal(mean, std, size=tensor.shape)
        values = np.where((values < a) | (values > b), again, values)
    return _write(tensor, values)


def constant_(tensor: Tensor, val: float) -> Tensor:
    """One number.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> from microlazy.dialects.torch import nn
    >>> nn.init.constant_(torch.empty(2), 0.5)
    tensor([0.5000, 0.5000])
    """
    return _write(tensor, val)


def zeros_(tensor: Tensor) -> Tensor:
    """Zeros."""
    return _write(tensor, 0)


def ones_(tensor: Tensor) -> Tensor:
    """Ones."""
    return _write(tensor, 1)


def eye_(tensor: Tensor) -> Tensor:
    """A matrix with ones on its diagonal."""
    return _write(tensor, np.eye(*tensor.shape))


def xavier_uniform_(tensor: Tensor, gain: float = 1.0) -> Tensor:
    """Spread evenly, of variance gain^2 2 / (inputs + outputs) (Glorot & Bengio 2010)."""
    bound = gain * math.sqrt(6 / sum(_fans(tensor)))
    return uniform_(tensor, -bound, bound)


def xavier_normal_(tensor: Tensor, gain: float = 1.0) -> Tensor:
    """Normal, of variance gain^2 2 / (inputs + outputs) (Glorot & Bengio 2010)."""
    return normal_(tensor, 0, gain * math.sqrt(2 / sum(_fans(tensor))))


def _kaiming(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"Mode {mode} not supported, please use one of ['fan_in', 'fan_out']")
    fan = _fans(tensor)[mode == "fan_out"]
    return calculate_gain(nonlinearity, a) / math.sqrt(fan)


def kaiming_uniform_(
    tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu"
) -> Tensor:
    """Spread evenly, of variance gain^2 / inputs (He et al. 2015)."""
    bound = math.sqrt(3) * _kaiming(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound)


def kaiming_normal_(
    tensor: Tensor, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu"
) -> Tensor:
    """Normal, of variance gain^2 / inputs (He et al. 2015)."""
    return normal_(tensor, 0, _kaiming(tensor, a, mode, nonlinearity))


def orthogonal_(tensor: Tensor, gain: float = 1.0) -> Tensor:
    """A matrix with orthogonal rows or columns (Saxe et al. 2014)."""
    rows, columns = tensor.shape[0], tensor.numel() // tensor.shape[0]
    flat = np.random.normal(size=(max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(flat)
    q = q * np.sign(np.diag(r))
    return _write(tensor, gain * np.reshape(q.T if rows < columns else q, tensor.shape))


def __getattr__(name: str) -> Any:
    raise missing(__name__, name, globals())
