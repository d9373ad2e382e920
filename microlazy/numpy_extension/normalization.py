"""Softmax with lengths and masks, and normalization.

They take arrays of either face; `nd` has them under MXNet's older names.
"""

from typing import Any

from microlazy.base import MXNetError
from microlazy.core.ops import nn as _nn
from microlazy.core.tensor import Tensor
from microlazy.ndarray.arguments import op
from microlazy.ops import activations as _neural
from microlazy.ops import normalization as _normalization

__all__ = [
    "batch_norm",
    "group_norm",
    "instance_norm",
    "l2_normalization",
    "layer_norm",
    "log_softmax",
    "masked_log_softmax",
    "masked_softmax",
    "softmax",
]


# ---- softmax -------------------------------------------------------------------------------------


softmax = _nn.softmax_or(op(_neural.softmax))
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
    return _neural.log_softmax(data, axis, temperature, dtype)


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
    return _neural.masked_softmax(data, mask, axis, temperature)


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
    return _neural.masked_log_softmax(data, mask, axis, temperature)


# ---- normalization -------------------------------------------------------------------------------


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
    return _normalization.batch_norm(
        *(data, gamma, beta, moving_mean, moving_var, eps, momentum),
        *(fix_gamma, use_global_stats, output_mean_var, axis),
    )


@op
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
    return _normalization.layer_norm(data, gamma, beta, axis, eps, output_mean_var)


@op
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
    return _normalization.group_norm(data, gamma, beta, num_groups, eps, output_mean_var)


@op
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
    return _normalization.instance_norm(data, gamma, beta, eps)


@op
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
    return _normalization.l2_normalization(data, eps, mode)
