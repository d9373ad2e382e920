"""Normalization: data with mean 0 and deviation 1 over a batch, a layer, groups or channels."""

import math
from collections.abc import Callable
from typing import Any, TypeVar

import numpy

from microlazy import autograd
from microlazy.base import MXNetError, ShapeError
from microlazy.core import functions as f
from microlazy.core.ops import normalization as nodes
from microlazy.core.ops.numpy_call import update
from microlazy.core.tensor import Tensor
from microlazy.ops.arguments import op
from microlazy.ops.checks import axis_of, check_arrays, check_floats, check_shapes, required
from microlazy.ops.precision import at_least_single
from microlazy.ops.windows import Windows, totals

A = TypeVar("A", bound=Tensor)
Total = Callable[[Tensor], Any]  # the sum of an array over all workers


def _moments(x: A, axes: Any) -> tuple[A, A, A]:
    """x without its mean, the mean and the variance, over axes that stay with size 1."""
    mean = f.reduction("mean", x, axes, keepdims=True)
    centered = x - mean
    return centered, mean, f.reduction("mean", f.unary_op("square", centered), axes, keepdims=True)


def _total_moments(x: A, axes: Any, total: Total) -> tuple[A, A, A]:
    """The same over the x of all workers, which may differ in size."""
    sums = f.reduction("sum", x, axes, keepdims=True)
    size = f.from_numpy_result(f.face_of(x), numpy.full(1, x.size // sums.size), x.dtype)
    both = total(f.concatenate([f.reshape(sums, (sums.size,)), size]))
    mean, size = f.reshape(both[:-1], sums.shape) / both[-1:], both[-1:]
    centered = x - mean
    squares = f.reduction("sum", f.unary_op("square", centered), axes, keepdims=True)
    return centered, mean, total(squares) / size


@op
def batch_norm(
    data: Tensor,
    gamma: Tensor,
    beta: Tensor,
    moving_mean: Tensor,
    moving_var: Tensor,
    eps: float = 1e-3,
    momentum: float = 0.9,
    fix_gamma: bool = True,
    use_global_stats: bool = False,
    output_mean_var: bool = False,
    axis: int = 1,
    cudnn_off: bool = False,
    min_calib_range: float | None = None,
    max_calib_range: float | None = None,
) -> Any:
    """Normalize each channel with the batch's mean and variance, or those of all batches so far.

    While training, the batch's are used, and under `record()` the moving ones go towards them:
    ``moving = momentum * moving + (1 - momentum) * batch``.

    Parameters
    ----------
    data : array of floats
    gamma, beta : array, shape (channels,)
        What the normalized data is multiplied by, and what is added.
    moving_mean, moving_var : array, shape (channels,)
    eps : float
        Added to the variance.
    momentum : float
    fix_gamma : bool
        Take 1 for gamma; it has no gradient then.
    use_global_stats : bool
        Use the moving mean and variance while training too.
    output_mean_var : bool
        Return also the mean and 1 / sqrt(variance + eps).
    axis : int
        That of the channels.
    cudnn_off : bool
        Of no effect.

    Returns
    -------
    array of data's shape, or a list of three arrays

    Notes
    -----
    Ioffe & Szegedy 2015. The variance is that of the batch, not an estimate (no n - 1).

    Examples
    --------
    >>> from microlazy import np, npx
    >>> one, zero = np.ones(1), np.zeros(1)
    >>> npx.batch_norm(np.array([[3]]), one, zero, zero, one, eps=0)
    array([[3.]])
    """
    if (min_calib_range, max_calib_range) != (None, None):
        raise MXNetError("batch_norm: calibration for quantized networks is outside")
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
    if not output_mean_var:
        dtype = numpy.promote_types(data.dtype, "float32")  # float16 is too coarse for statistics
        x, gain, shift = (f.as_dtype(array, dtype) for array in (data, gamma, beta))
        out = nodes.batch_norm(
            *(x, gain, shift, moving_mean, moving_var),
            *(axis, eps, momentum, fix_gamma, use_global_stats),
        )
        if out is not None:
            return f.as_dtype(out, data.dtype)
    return _batch_norm_composed(
        *(data, gamma, beta, moving_mean, moving_var, eps, momentum, fix_gamma),
        *(use_global_stats, output_mean_var, axis),
    )


def _batch_norm_composed(
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
    total: Total | None = None,
) -> Any:
    """Batch normalization of any float dtypes; over all workers, if their total is given."""
    dtype = numpy.promote_types(data.dtype, "float32")
    gamma, beta = f.as_dtype(gamma, dtype), f.as_dtype(beta, dtype)
    x = f.as_dtype(_by_channel(data, axis), dtype)
    channels = x.shape[1]
    shape = (1, channels, 1)
    if autograd.is_training() and not use_global_stats:
        if total is None:
            centered, mean, var = _moments(x, (0, 2))
        else:
            centered, mean, var = _total_moments(x, (0, 2), total)
        if autograd.is_recording() and (
            x.size or total is not None
        ):  # of no elements there is no mean
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


def batch_norm_of_workers(
    total: Total,
    data: Tensor,
    gamma: Tensor,
    beta: Tensor,
    moving_mean: Tensor,
    moving_var: Tensor,
    axis: int,
    eps: float,
    momentum: float,
    fix_gamma: bool,
    use_global_stats: bool,
) -> Any:
    """Normalize as `batch_norm` does, with the mean and variance of all workers' batches.

    Parameters
    ----------
    total : callable
        Gives the sum of an array over all workers; every worker calls it at the same time.
    data, gamma, beta, moving_mean, moving_var, axis, eps, momentum, fix_gamma, use_global_stats
        As in `batch_norm`. The batches may differ in size, or be empty.

    Returns
    -------
    array of data's shape

    Examples
    --------
    >>> from microlazy import autograd, np
    >>> from microlazy.ops.normalization import batch_norm_of_workers
    >>> one, zero = np.ones(1), np.zeros(1)
    >>> with autograd.train_mode():  # as if another worker had the same batch
    ...     y = batch_norm_of_workers(
    ...         lambda x: 2 * x, np.array([[1], [3]]), one, zero, zero, one, 1, 0, 0.9, True, False
    ...     )
    >>> y
    array([[-1.],
           [ 1.]])
    """
    check_floats("batch_norm", data)
    axis = axis_of("batch_norm", axis, data)
    return _batch_norm_composed(
        *(data, gamma, beta, moving_mean, moving_var, eps, momentum, fix_gamma),
        *(use_global_stats, False, axis, total),
    )


def _by_channel(data: A, axis: int) -> A:
    """Data of shape (..., channels, ...) as three axes."""
    flat = (math.prod(data.shape[:axis]), data.shape[axis], math.prod(data.shape[axis + 1 :]))
    return f.reshape(data, flat)


def batch_composed(
    data: Tensor,
    gamma: Tensor | None,
    beta: Tensor,
    mean: Tensor | None,
    scale: Tensor | None,
    eps: float,
    axis: int,
    relu: bool,
) -> Tensor:
    """Batch normalization for gradients of gradients, with the batch's statistics or given ones.

    Parameters
    ----------
    data : array
    gamma, beta : array, shape (channels,)
        Without gamma, it is 1.
    mean, scale : array, shape (channels,), or None
        The mean and 1 / sqrt(variance + eps); those of the data if None.
    eps : float
    axis : int
        That of the channels.
    relu : bool
        Take max(., 0) of the result.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.ops.normalization import batch_composed
    >>> one = np.ones(1)
    >>> batch_composed(np.array([[3]]), None, one, one, one, 0, 1, False)
    array([[3.]])
    """
    x, shape = _by_channel(data, axis), (1, -1, 1)
    if mean is None or scale is None:
        centered, _, var = _moments(x, (0, 2))
        scale = f.unary_op("rsqrt", var + eps)
    else:
        centered, scale = x - f.reshape(mean, shape), f.reshape(scale, shape)
    weight = scale if gamma is None else scale * f.reshape(gamma, shape)
    out = f.reshape(centered * weight + f.reshape(beta, shape), data.shape)
    return f.unary_op("relu", out) if relu else out


@op
@at_least_single
def layer_norm(
    data: Tensor,
    gamma: Tensor,
    beta: Tensor,
    axis: int = -1,
    eps: float = 1e-5,
    output_mean_var: bool = False,
) -> Any:
    """Normalize along an axis, then multiply by gamma and add beta.

    Parameters
    ----------
    data : array of floats
    gamma, beta : array, shape (data.shape[axis],)
    axis : int
    eps : float
        Added to the variance.
    output_mean_var : bool
        Return also the mean and sqrt(variance + eps), with size 1 along the axis.

    Notes
    -----
    Ba et al. 2016.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.layer_norm(np.array([[1, 3]]), np.ones(2), np.zeros(2), eps=0)
    array([[-1.,  1.]])
    """
    axis = axis_of("layer_norm", axis, data)
    size = data.shape[axis]
    check_shapes("layer_norm", (size,), gamma=gamma, beta=beta)
    out = None if output_mean_var else nodes.layer_norm(data, gamma, beta, axis, eps)
    if out is not None:
        return out
    centered, mean, var = _moments(data, axis)
    deviation = f.unary_op("sqrt", var + eps)
    shape = (size, *(1,) * (data.ndim - axis - 1))
    out = centered / deviation * f.reshape(gamma, shape) + f.reshape(beta, shape)
    return [out, mean, deviation] if output_mean_var else out


@op
@at_least_single
def group_norm(
    data: Tensor,
    gamma: Tensor,
    beta: Tensor,
    num_groups: int = 1,
    eps: float = 1e-5,
    output_mean_var: bool = False,
) -> Any:
    """Normalize groups of channels of each sample.

    Parameters
    ----------
    data : array of floats, shape (batch, channels, ...)
    gamma, beta : array, shape (num_groups,) or (channels,)
    num_groups : int
    eps : float
        Added to the variance.
    output_mean_var : bool
        Return also the mean and sqrt(variance + eps), of shape (batch, num_groups).

    Notes
    -----
    Wu & He 2018.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.group_norm(np.array([[[1, 3], [5, 9]]]), np.ones(2), np.zeros(2), 2, eps=0)
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
    out = None if output_mean_var else nodes.group_norm(data, gamma, beta, num_groups, eps)
    if out is not None:
        return out
    out, *moments = _normalized_groups(data, gamma, beta, num_groups, eps)
    if output_mean_var:
        return [out, *(f.reshape(m, (batch, num_groups)) for m in moments)]
    return out


def _normalized_groups(
    data: A, gamma: Tensor, beta: Tensor, groups: int, eps: float
) -> tuple[Any, A, A]:
    """Data, its groups normalized, and their means and deviations."""
    batch = data.shape[0]
    elements = math.prod(data.shape[1:])
    centered, mean, var = _moments(f.reshape(data, (batch, groups, elements // groups)), 2)
    deviation = f.unary_op("sqrt", var + eps)
    rows = (batch, gamma.shape[0], elements // gamma.shape[0])
    out = f.reshape(centered / deviation, rows) * f.reshape(gamma, (-1, 1)) + f.reshape(
        beta, (-1, 1)
    )
    return f.reshape(out, data.shape), mean, deviation


def rows_composed(data: Tensor, gamma: Tensor, beta: Tensor, groups: int, eps: float) -> Tensor:
    """Group normalization for gradients of gradients; layer normalization if there are 0 groups.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.ops.normalization import rows_composed
    >>> rows_composed(np.array([[1, 3]]), np.ones(2), np.zeros(2), 0, 0)
    array([[-1.,  1.]])
    """
    if groups:
        return _normalized_groups(data, gamma, beta, groups, eps)[0]
    centered, _, var = _moments(data, -1)
    return centered / f.unary_op("sqrt", var + eps) * gamma + beta


@op
@at_least_single
def instance_norm(data: Tensor, gamma: Tensor, beta: Tensor, eps: float = 1e-3) -> Tensor:
    """Normalize each channel of each sample.

    Parameters
    ----------
    data : array of floats, shape (batch, channels, ...)
    gamma, beta : array, shape (channels,)
    eps : float
        Added to the variance.

    Notes
    -----
    Ulyanov et al. 2016.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.instance_norm(np.array([[[1, 3]]]), np.ones(1), np.zeros(1), eps=0)
    array([[[-1.,  1.]]])
    """
    if data.ndim < 3:
        raise ShapeError(
            "instance_norm: the data must have a batch, channels and at least one more axis, but "
            f"its shape is {data.shape}"
        )
    check_shapes("instance_norm", data.shape[1:2], gamma=gamma)
    return group_norm(data, gamma, beta, data.shape[1], eps, False)


@op
@at_least_single
def l2_normalization(data: Tensor, eps: float = 1e-10, mode: str = "instance") -> Tensor:
    """Divide by the Euclidean norm, sqrt(sum of squares + eps).

    Parameters
    ----------
    data : array of floats, shape (batch, channels, ...)
    eps : float
    mode : {'instance', 'channel', 'spatial'}
        The norm is that of each sample; over the channels (axis 1); or over the axes behind them.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.l2_normalization(np.array([[3, 4]]))
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


@op
@at_least_single
def local_response_norm(
    data: Tensor,
    alpha: float = 1e-4,
    beta: float = 0.75,
    knorm: float = 2.0,
    nsize: int | None = None,
) -> Tensor:
    """Divide by ``(knorm + alpha / nsize * total)**beta`` of neighbouring channels' squares.

    Parameters
    ----------
    data : array of floats, shape (batch, channels, height, width)
    alpha, beta, knorm : float
    nsize : int
        How many channels count, odd.

    Notes
    -----
    Krizhevsky et al. 2012, section 3.3.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.LRN(nd.ones((1, 1, 1, 1)), alpha=3, beta=1, knorm=1, nsize=3).asscalar().item()
    0.5
    """
    nsize = required("LRN", "nsize", nsize)
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


nodes.compose_with(batch_composed, rows_composed)
