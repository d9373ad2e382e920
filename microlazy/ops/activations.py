"""Layers without windows: softmax with lengths and masks, rectifiers, embedding."""

from typing import Any, TypeVar

import numpy

from microlazy import autograd
from microlazy.base import MXNetError, ShapeError
from microlazy.core import functions as f
from microlazy.core.ops import nn
from microlazy.core.tensor import Tensor
from microlazy.ops.checks import axis_of, check_arrays
from microlazy.ops.sequence_lengths import length_mask

A = TypeVar("A", bound=Tensor)

# The fixed point of Klambauer et al. 2017: mean 0 and variance 1 stay so.
SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805


# ---- softmax -------------------------------------------------------------------------------------


def _scaled(data: A, temperature: float | None, dtype: Any) -> A:
    data = f.as_dtype(data, dtype)
    return data if temperature is None or temperature == 1 else data / temperature


def softmax(
    data: A,
    length: A | None = None,
    axis: int = -1,
    temperature: float | None = None,
    dtype: Any = None,
    use_length: bool = False,
) -> A:
    """exp(data / temperature) over its sum, of the first `length` elements along an axis.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.ops.activations import softmax
    >>> softmax(np.zeros((1, 4)), np.array([2], dtype="int32"), use_length=True)
    array([[0.5, 0.5, 0. , 0. ]])
    """
    if use_length != (length is not None):
        raise MXNetError("softmax: length and use_length=True belong together")
    if length is None:
        return nn.softmax(_scaled(data, temperature, dtype), axis)
    axis = axis_of("softmax", axis, data)
    rows = data.shape[:axis] + data.shape[axis + 1 :]
    if length.shape != rows:
        raise ShapeError(f"softmax: length must have shape {rows}, not {length.shape}")
    if numpy.dtype(length.dtype).kind not in "iu":
        raise MXNetError(f"softmax: length must hold integers, not {length.dtype}")
    mask = length_mask(length, data.shape, axis)
    return masked_softmax(f.as_dtype(data, dtype), mask, axis, temperature)


def log_softmax(data: A, axis: int = -1, temperature: float | None = None, dtype: Any = None) -> A:
    """Compute the logarithm of the softmax of data / temperature along an axis.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.ops.activations import log_softmax
    >>> log_softmax(np.zeros((1, 2)))
    array([[-0.6931472, -0.6931472]])
    """
    return nn.log_softmax(_scaled(data, temperature, dtype), axis)


def _hidden(data: A, mask: A, temperature: float | None) -> A:
    """The data with the most negative number where the mask is 0: exp() of it is 0."""
    data = _scaled(data, temperature, None)
    least = float(numpy.finfo(data.dtype).min)
    return f.where(_full_mask(data, mask), data, least)


def _full_mask(data: A, mask: A) -> A:
    return mask if mask.shape == data.shape else f.broadcast_to(mask, data.shape)


def masked_softmax(data: A, mask: A, axis: int = -1, temperature: float | None = None) -> A:
    """Softmax of the elements where a mask is true; the others are 0.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.ops.activations import masked_softmax
    >>> masked_softmax(np.zeros((1, 3)), np.array([[1, 0, 1]], dtype="bool"))
    array([[0.5, 0. , 0.5]])
    """
    return f.where(_full_mask(data, mask), nn.softmax(_hidden(data, mask, temperature), axis), 0.0)


def masked_log_softmax(data: A, mask: A, axis: int = -1, temperature: float | None = None) -> A:
    """Logarithm of the softmax of the elements where a mask is true; the others are -inf.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.ops.activations import masked_log_softmax
    >>> masked_log_softmax(np.zeros((1, 3)), np.array([[1, 0, 1]], dtype="bool"))
    array([[-0.6931472,       -inf, -0.6931472]])
    """
    logarithms = nn.log_softmax(_hidden(data, mask, temperature), axis)
    return f.where(_full_mask(data, mask), logarithms, -numpy.inf)


# ---- rectifiers ----------------------------------------------------------------------------------


def leaky_relu(
    data: A,
    gamma: A | None = None,
    act_type: str = "leaky",
    slope: float = 0.25,
    lower_bound: float = 0.125,
    upper_bound: float = 0.334,
) -> A:
    """Apply one of the rectifiers that let something through below 0; see `npx.leaky_relu`.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.ops.activations import leaky_relu
    >>> leaky_relu(np.array([-1, 1]), slope=0.5)
    array([-0.5,  1. ])
    """
    if act_type == "gelu":
        return f.unary_op("gelu", data)
    positive = f.unary_op("relu", data)
    negative = data - positive
    if act_type == "leaky":
        return positive + slope * negative
    if act_type == "prelu":
        return positive + _channel_slopes(data, gamma) * negative
    if act_type == "elu":
        return positive + slope * f.unary_op("expm1", negative)
    if act_type == "selu":
        return SELU_SCALE * (positive + SELU_ALPHA * f.unary_op("expm1", negative))
    if act_type == "rrelu":
        if not autograd.is_training():
            return positive + (lower_bound + upper_bound) / 2 * negative
        bounds = lower_bound, upper_bound
        face = f.face_of(data)
        return positive + negative * f.random_array(
            "uniform", *bounds, face, data.shape, data.dtype
        )
    raise ValueError(
        "leaky_relu: act_type is 'leaky', 'prelu', 'elu', 'selu', 'gelu' or 'rrelu', not "
        f"{act_type!r}"
    )


def _channel_slopes(data: A, gamma: A | None) -> A:
    if gamma is None:
        raise MXNetError("leaky_relu: act_type 'prelu' needs gamma, the slopes")
    if gamma.ndim == 1 and data.ndim > 1 and gamma.shape[0] > 1:
        return f.reshape(gamma, (-1, *(1,) * (data.ndim - 2)))
    return gamma


# ---- embedding -----------------------------------------------------------------------------------


def embedding(data: A, weight: A, input_dim: int | None = None, output_dim: int | None = None) -> A:
    """Return the rows of `weight` at the places in `data`; see `npx.embedding`.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.ops.activations import embedding
    >>> embedding(np.array([1, 0]), np.array([[1, 2], [3, 4]]))
    array([[3., 4.],
           [1., 2.]])
    """
    check_arrays("embedding", data=data, weight=weight)
    expected = (input_dim or weight.shape[0], output_dim or weight.shape[-1])
    if weight.shape != expected:
        raise ShapeError(
            f"embedding: weight has shape {weight.shape}, but input_dim and output_dim say "
            f"{expected}"
        )
    return f.take(weight, data, 0, "clip")
