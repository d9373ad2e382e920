"""Activations: softmax with lengths and masks, rectifiers; dropout."""

from typing import Any, TypeVar

import numpy

from microlazy import autograd
from microlazy.base import MXNetError, ShapeError
from microlazy.core import functions as f
from microlazy.core.ops import nn
from microlazy.core.tensor import Tensor
from microlazy.ops.arguments import op
from microlazy.ops.checks import axis_of, check_tuning
from microlazy.ops.sequence_lengths import length_mask

A = TypeVar("A", bound=Tensor)

# The fixed point of Klambauer et al. 2017: mean 0 and variance 1 stay so.
SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805


# ---- softmax -------------------------------------------------------------------------------------


def _scaled(data: A, temperature: float | None, dtype: Any) -> A:
    data = f.as_dtype(data, dtype)
    return data if temperature is None or temperature == 1 else data / temperature


def _general_softmax(
    data: Tensor,
    length: Tensor | None = None,
    axis: int = -1,
    temperature: float | None = None,
    dtype: Any = None,
    use_length: bool = False,
) -> Tensor:
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


softmax: Any = nn.softmax_or(op(_general_softmax))
softmax.__wrapped__ = _general_softmax  # whose types the stubs state
softmax.__name__ = softmax.__qualname__ = "softmax"
softmax.__module__ = __name__


@op
def log_softmax(
    data: Tensor,
    axis: int = -1,
    temperature: float | None = None,
    dtype: Any = None,
    use_length: bool = False,
) -> Tensor:
    """Return the logarithm of the softmax of data / temperature along an axis.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.log_softmax(np.zeros((1, 2)))
    array([[-0.6931472, -0.6931472]])
    """
    if use_length:
        raise MXNetError("log_softmax: there is no length to use; see masked_log_softmax")
    return nn.log_softmax(_scaled(data, temperature, dtype), axis)


def _hidden(data: A, mask: A, temperature: float | None) -> A:
    """The data with the most negative number where the mask is 0: exp() of it is 0."""
    data = _scaled(data, temperature, None)
    least = float(numpy.finfo(data.dtype).min)
    return f.where(_full_mask(data, mask), data, least)


def _full_mask(data: A, mask: A) -> A:
    return mask if mask.shape == data.shape else f.broadcast_to(mask, data.shape)


@op
def masked_softmax(
    data: Tensor, mask: Tensor, axis: int = -1, temperature: float | None = None
) -> Tensor:
    """Return the softmax of the elements where a mask is true, 0 elsewhere.

    Parameters
    ----------
    data : array of floats
    mask : array
        Broadcast to data's shape.
    axis : int
    temperature : float, optional

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.masked_softmax(np.zeros((1, 3)), np.array([[1, 0, 1]], dtype="bool"))
    array([[0.5, 0. , 0.5]])
    """
    return f.where(_full_mask(data, mask), nn.softmax(_hidden(data, mask, temperature), axis), 0.0)


@op
def masked_log_softmax(
    data: Tensor, mask: Tensor, axis: int = -1, temperature: float | None = None
) -> Tensor:
    """Return the logarithm of `masked_softmax`: -inf where the mask is false.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.masked_log_softmax(np.zeros((1, 3)), np.array([[1, 0, 1]], dtype="bool"))
    array([[-0.6931472,       -inf, -0.6931472]])
    """
    logarithms = nn.log_softmax(_hidden(data, mask, temperature), axis)
    return f.where(_full_mask(data, mask), logarithms, -numpy.inf)


# ---- rectifiers ----------------------------------------------------------------------------------


@op
def leaky_relu(
    data: Tensor,
    gamma: Tensor | None = None,
    act_type: str = "leaky",
    slope: float = 0.25,
    lower_bound: float = 0.125,
    upper_bound: float = 0.334,
) -> Tensor:
    """Apply a rectifier that lets something through below 0.

    Parameters
    ----------
    data : array
    gamma : array, optional
        The slopes of prelu: one for each channel (axis 1), one for all, or broadcast to the data.
    act_type : str
        "leaky" (Maas et al. 2013), "prelu" (He et al. 2015), "elu" (Clevert et al. 2015), "selu"
        (Klambauer et al. 2017), "gelu" (Hendrycks & Gimpel 2016) or "rrelu" (Xu et al. 2015).
    slope : float
        Below 0, of leaky and elu.
    lower_bound, upper_bound : float
        Of rrelu's slopes: random while training, in the middle else.

    Raises
    ------
    ValueError
        If there is no such function.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.leaky_relu(np.array([-1, 1]), act_type="leaky", slope=0.5)
    array([-0.5,  1. ])
    """
    if act_type == "gelu":
        return f.unary_op("gelu", data)
    positive = f.unary_op("relu", data)
    negative = f.binary_op("minimum", data, 0)  # data - positive is nan at infinity
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


@op
def activation(data: Tensor, act_type: str = "relu") -> Tensor:
    """Apply the activation function relu, sigmoid, tanh, softrelu or softsign.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.activation(np.array([-1, 1]), "relu")
    array([0., 1.])
    """
    return nn.activation(data, act_type)


@op
def dropout(
    data: Tensor, p: float = 0.5, mode: str = "training", axes: Any = (), **tuning: Any
) -> Tensor:
    """Drop elements with probability p while training, scale the others by 1 / (1 - p).

    Parameters
    ----------
    data : array of floats
    p : float
    mode : {'training', 'always'}
    axes : tuple of int
        Along these, the same elements are dropped.
    **tuning
        `workspace`, `cudnn_tune`, `cudnn_off`: of no effect, for they tune GPU libraries.

    Notes
    -----
    Srivastava et al. 2014.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.dropout(np.ones(2), 0.5)
    array([1., 1.])
    """
    check_tuning("dropout", tuning)
    return nn.dropout(data, p, axes, mode)
