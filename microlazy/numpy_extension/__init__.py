"""`mx.npx`: what networks need beside NumPy's functions."""

from typing import Any

from microlazy.context import Context, cpu, cpu_pinned, current_context, gpu, num_gpus
from microlazy.core import functions as _f
from microlazy.core.array import ndarray
from microlazy.core.ops import nn as _nn
from microlazy.core.ops.nn import log_softmax, softmax
from microlazy.core.tensor import Tensor
from microlazy.ndarray.serialization import load, save
from microlazy.numpy_extension import random
from microlazy.numpy_extension.random import seed
from microlazy.op_table import functions_of as _functions_of
from microlazy.util import (
    is_np_array,
    is_np_default_dtype,
    is_np_shape,
    np_array,
    np_shape,
    reset_np,
    set_np,
    set_np_shape,
    use_np,
    use_np_array,
    use_np_shape,
)

globals().update(_functions_of("npx"))

pick = _nn.pick


def activation(data: ndarray, act_type: str = "relu") -> ndarray:
    """Apply the activation function relu, sigmoid, tanh, softrelu or softsign.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.activation(np.array([-1, 1]), "relu")
    array([0., 1.])
    """
    return _nn.activation(data, act_type)


def fully_connected(
    x: ndarray,
    weight: ndarray,
    bias: ndarray | None = None,
    num_hidden: int | None = None,
    no_bias: bool = True,
    flatten: bool = True,
) -> ndarray:
    """Compute the dense layer ``x @ weight.T + bias``; the bias counts when no_bias is False.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.fully_connected(np.ones((2, 3)), np.ones((4, 3)), num_hidden=4).shape
    (2, 4)
    """
    return _nn.fully_connected(x, weight, bias, num_hidden, no_bias, flatten)


def dropout(data: ndarray, p: float = 0.5, mode: str = "training", axes: Any = ()) -> ndarray:
    """Drop elements with probability p while training; see Srivastava et al. 2014.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.dropout(np.ones(2), 0.5)
    array([1., 1.])
    """
    return _nn.dropout(data, p, axes, mode)


def leaky_relu(
    data: Tensor,
    gamma: Tensor | None = None,
    act_type: str = "leaky",
    slope: float = 0.25,
    **kwargs: Any,
) -> Tensor:
    """Apply leaky, prelu, elu, selu or gelu.

    Sources: He et al. 2015 (prelu), Clevert et al. 2015 (elu), Klambauer et al. 2017 (selu),
    Hendrycks and Gimpel 2016 (gelu).

    Parameters
    ----------
    data : array
    gamma : array, optional
        The slopes of prelu, one for each channel (axis 1) or one for all.
    act_type : str
    slope : float
        The slope below 0 of leaky and elu.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.leaky_relu(np.array([-1, 1]), act_type="leaky", slope=0.5)
    array([-0.5,  1. ])
    """
    if act_type == "gelu":
        return _f.unary_op("gelu", data)
    positive = _f.unary_op("relu", data)
    negative = data - positive
    if act_type == "leaky":
        return positive + slope * negative
    if act_type == "prelu":
        if gamma.size > 1 and data.ndim > 1:
            gamma = gamma.reshape((1, -1) + (1,) * (data.ndim - 2))
        return positive + gamma * negative
    if act_type == "elu":
        return positive + slope * _f.unary_op("expm1", negative)
    if act_type == "selu":
        alpha, scale = 1.6732632423543772, 1.0507009873554805
        return scale * (positive + alpha * _f.unary_op("expm1", negative))
    raise ValueError(
        f"leaky_relu: act_type is 'leaky', 'prelu', 'elu', 'selu' or 'gelu', not {act_type!r}"
    )


def one_hot(
    data: ndarray,
    depth: int,
    on_value: float = 1.0,
    off_value: float = 0.0,
    dtype: Any = "float32",
) -> ndarray:
    """Return rows that are `on_value` at the element's place and `off_value` elsewhere.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.one_hot(np.array([1]), 3)
    array([[0., 1., 0.]])
    """
    return _f.one_hot(data, depth, on_value, off_value, dtype)


def batch_dot(
    a: ndarray, b: ndarray, transpose_a: bool = False, transpose_b: bool = False
) -> ndarray:
    """Return the products of the matrices in two stacks.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.batch_dot(np.ones((5, 2, 3)), np.ones((5, 3, 4))).shape
    (5, 2, 4)
    """
    return _f.batch_dot(a, b, transpose_a, transpose_b)


def batch_flatten(data: ndarray) -> ndarray:
    """Keep the first axis and join the others.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.batch_flatten(np.zeros((2, 3, 4))).shape
    (2, 12)
    """
    return _f.flatten(data)


def stop_gradient(data: ndarray) -> ndarray:
    """Return the array cut off from the graph: no gradient passes.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.stop_gradient(np.ones(1))
    array([1.])
    """
    return data.detach()


def waitall() -> None:
    """Do nothing: every result is there when its call returns.

    Examples
    --------
    >>> from microlazy import npx
    >>> npx.waitall()
    """


def __getattr__(name: str) -> Any:
    from microlazy.outside import explain

    raise AttributeError(explain("microlazy.npx", name))
