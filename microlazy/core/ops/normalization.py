"""Normalization: data with mean 0 and deviation 1 over a batch, a layer, groups or channels."""

import math
from typing import Any, TypeVar

import numpy

from microlazy import autograd
from microlazy.base import MXNetError, ShapeError
from microlazy.core import functions as f
from microlazy.core.ops.checks import axis_of, check_arrays, check_floats, check_shapes
from microlazy.core.ops.numpy_call import update
from microlazy.core.ops.precision import at_least_single
from microlazy.core.ops.windows import Windows, totals
from microlazy.core.tensor import Tensor

A = TypeVar("A", bound=Tensor)


def _moments(x: A, axes: Any) -> tuple[A, A, A]:
    """x without its mean, the mean and the variance, over axes that stay with size 1."""
    mean = f.reduction("mean", x, axes, keepdims=True)
    centered = x - mean
    return centered, mean, f.reduction("mean", f.unary_op("square", centered), axes, keepdims=True)


def batch_norm(
    data: Tensor,
    gamma: Tensor,
    beta: Tensor,
    moving_mean: Tensor,
    moving_var: Tensor,
    eps: float,
    momentum: float,
    fix_gamma: bool,
    use_global_stats: bool,
    output_mean_var: bool,
    axis: int,
) -> Any:
    """Normalize each channel over the batch; see `npx.batch_norm`.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.ops.normalization import batch_norm
    >>> one, zero = np.ones(1), np.zeros(1)
    >>> batch_norm(np.array([[3]]), one, zero, zero, one, 0.0, 0.9, True, False, False, 1)
    array([[3.]])
    """
    check_floats("batch_norm", data)
    axis = axis_of("batch_norm", axis, data)
    channels = data.shape[axis]
    check_shapes(
        "batch_norm",
        (channels,),
        gamma=gamma,
        beta=beta,
        moving_mean=moving_mean,
        moving_var=moving_var,
    )
    dtype = numpy.promote_types(data.dtype, "float32")  # float16 is too coarse for statistics
    gamma, beta = f.as_dtype(gamma, dtype), f.as_dtype(beta, dtype)
    shape = (1, channels, 1)
    flat = (math.prod(data.shape[:axis]), channels, math.prod(data.shape[axis + 1 :]))
    x = f.as_dtype(f.reshape(data, flat), dtype)
    if autograd.is_training() and not use_global_stats:
        centered, mean, var = _moments(x, (0, 2))
        if autograd.is_recording():
            update(moving_mean, f.reshape(mean, (channels,)), momentum)
            update(moving_var, f.reshape(var, (channels,)), momentum)
    else:
        moving = (f.as_dtype(f.detach(m), dtype) for m in (moving_mean, moving_var))
        mean, var = (f.reshape(m, shape) for m in moving)
        centered = x - mean
    scale = f.unary_op("rsqrt", var + eps)
    weight = scale if fix_gamma else scale * f.reshape(gamma, shape)
    out = f.as_dtype(f.reshape(centered * weight + f.reshape(beta, shape), data.shape), data.dtype)
    if output_mean_var:
        return [out, f.reshape(mean, (channels,)), f.reshape(scale, (channels,))]
    return out


@at_least_single
def layer_norm(
    data: Tensor, gamma: Tensor, beta: Tensor, axis: int, eps: float, output_mean_var: bool
) -> Any:
    """Normalize along an axis; see `npx.layer_norm`.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.ops.normalization import layer_norm
    >>> layer_norm(np.array([[1, 3]]), np.ones(2), np.zeros(2), -1, 0.0, False)
    array([[-1.,  1.]])
    """
    axis = axis_of("layer_norm", axis, data)
    size = data.shape[axis]
    check_shapes("layer_norm", (size,), gamma=gamma, beta=beta)
    centered, mean, var = _moments(data, axis)
    deviation = f.unary_op("sqrt", var + eps)
    shape = (size, *(1,) * (data.ndim - axis - 1))
    out = centered / deviation * f.reshape(gamma, shape) + f.reshape(beta, shape)
    return [out, mean, deviation] if output_mean_var else out


@at_least_single
def group_norm(
    data: Tensor, gamma: Tensor, beta: Tensor, num_groups: int, eps: float, output_mean_var: bool
) -> Any:
    """Normalize groups of channels of each sample; see `npx.group_norm`.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.ops.normalization import group_norm
    >>> x = np.array([[[1, 3], [5, 9]]])
    >>> group_norm(x, np.ones(2), np.zeros(2), 2, 0.0, False)
    array([[[-1.,  1.],
            [-1.,  1.]]])
    """
    if data.ndim < 2 or num_groups < 1 or data.shape[1] % num_groups:
        raise ShapeError(
            f"group_norm: data of shape {data.shape} has no channels (axis 1) that can be divided "
            f"into {num_groups} groups"
        )
    batch, channels = data.shape[:2]
    check_arrays("group_norm", gamma=gamma)
    if gamma.shape not in ((num_groups,), (channels,)):
        raise ShapeError(
            f"group_norm: gamma must have shape {(num_groups,)} or {(channels,)}, not {gamma.shape}"
        )
    check_shapes("group_norm", gamma.shape, beta=beta)
    elements = math.prod(data.shape[1:])
    centered, mean, var = _moments(f.reshape(data, (batch, num_groups, elements // num_groups)), 2)
    deviation = f.unary_op("sqrt", var + eps)
    rows = (batch, gamma.shape[0], elements // gamma.shape[0])
    out = f.reshape(centered / deviation, rows) * f.reshape(gamma, (-1, 1)) + f.reshape(
        beta, (-1, 1)
    )
    out = f.reshape(out, data.shape)
    if output_mean_var:
        return [out, *(f.reshape(m, (batch, num_groups)) for m in (mean, deviation))]
    return out


@at_least_single
def instance_norm(data: A, gamma: A, beta: A, eps: float) -> A:
    """Normalize each channel of each sample; see `npx.instance_norm`.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.ops.normalization import instance_norm
    >>> instance_norm(np.array([[[1, 3]]]), np.ones(1), np.zeros(1), 0.0)
    array([[[-1.,  1.]]])
    """
    if data.ndim < 3:
        raise ShapeError(
            "instance_norm: the data must have a batch, channels and at least one more axis, but "
            f"its shape is {data.shape}"
        )
    check_shapes("instance_norm", data.shape[1:2], gamma=gamma)
    return group_norm(data, gamma, beta, data.shape[1], eps, False)


@at_least_single
def l2_normalization(data: A, eps: float, mode: str) -> A:
    """Divide by the Euclidean norm; see `npx.l2_normalization`.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.ops.normalization import l2_normalization
    >>> l2_normalization(np.array([[3, 4]]), 0.0, "instance")
    array([[0.6, 0.8]])
    """
    axes: dict[str, Any] = {
        "instance": tuple(range(1, data.ndim)),
        "channel": 1,
        "spatial": tuple(range(2, data.ndim)),
    }
    if mode not in axes:
        raise MXNetError(
            f"l2_normalization: mode is 'instance', 'channel' or 'spatial', not {mode!r}"
        )
    if data.ndim < (3 if mode == "spatial" else 2):
        raise ShapeError(f"l2_normalization: data of shape {data.shape} has too few axes: {mode}")
    total = f.reduction("sum", f.unary_op("square", data), axes[mode], keepdims=True)
    return data * f.unary_op("rsqrt", total + eps)


@at_least_single
def local_response_norm(data: A, alpha: float, beta: float, knorm: float, nsize: int) -> A:
    """Divide by a power of the squares of neighbouring channels (Krizhevsky et al. 2012, 3.3).

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.core.ops.normalization import local_response_norm
    >>> local_response_norm(np.array([[[[3]], [[4]]]]), 3.0, 0.5, 0.0, 3).round(1)
    array([[[[0.6]],
            [[0.8]]]])
    """
    if data.ndim != 4:
        raise ShapeError(f"LRN: the data must have 4 axes (NCHW), but its shape is {data.shape}")
    if nsize < 1:
        raise MXNetError(f"LRN: nsize must be at least 1, not {nsize}")
    half = (nsize - 1) // 2
    batch, channels, height, width = data.shape
    windows = Windows((2 * half + 1, 1), (1, 1), (1, 1), (half, 0), (half, 0))
    squares = f.reshape(f.unary_op("square", data), (batch, 1, channels, height * width))
    total = f.reshape(totals(squares, windows), data.shape)
    return data * (total * (alpha / nsize) + knorm) ** -beta
