"""Layers: what networks are made of.

Most are those of `npx`, which take arrays of either face, under MXNet's older names.
"""

import inspect
from typing import Any

from microlazy import numpy_extension as npx
from microlazy.base import MXNetError
from microlazy.core.array import NDArray
from microlazy.core.tensor import Tensor
from microlazy.ndarray.arguments import need_arrays, op
from microlazy.ops import convolution as _convolution
from microlazy.ops import resampling as _resampling
from microlazy.ops.normalization import local_response_norm as _local_response_norm

__all__ = [
    "Activation",
    "BatchNorm",
    "CTCLoss",
    "Convolution",
    "Deconvolution",
    "Dropout",
    "Embedding",
    "FullyConnected",
    "GroupNorm",
    "InstanceNorm",
    "L2Normalization",
    "LRN",
    "LayerNorm",
    "LeakyReLU",
    "Pooling",
    "RNN",
    "UpSampling",
    "col2im",
    "ctc_loss",
    "im2col",
]

Activation = npx.activation
BatchNorm = npx.batch_norm
Convolution = npx.convolution
Deconvolution = npx.deconvolution
Dropout = npx.dropout
Embedding = npx.embedding
FullyConnected = npx.fully_connected
GroupNorm = npx.group_norm
InstanceNorm = npx.instance_norm
L2Normalization = npx.l2_normalization
LayerNorm = npx.layer_norm
LeakyReLU = npx.leaky_relu
Pooling = npx.pooling
RNN = npx.rnn
CTCLoss = ctc_loss = npx.ctc_loss


@op
def LRN(
    data: NDArray,
    alpha: float = 1e-4,
    beta: float = 0.75,
    knorm: float = 2.0,
    nsize: int | None = None,
) -> NDArray:
    """Divide by ``(knorm + alpha / nsize * total)**beta`` of neighbouring channels' squares.

    Parameters
    ----------
    data : NDArray of floats, shape (batch, channels, height, width)
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
    if nsize is None:
        raise MXNetError("LRN: the argument 'nsize' is required")
    return _local_response_norm(data, alpha, beta, knorm, nsize)


@op
def UpSampling(
    *data: NDArray,
    scale: int,
    sample_type: str,
    num_filter: int = 0,
    multi_input_mode: str = "concat",
    num_args: int | None = None,
    workspace: int = 512,
) -> NDArray:
    """Enlarge images by a whole number.

    Parameters
    ----------
    *data : NDArray, shape (batch, channels, height, width)
        Several for "nearest": all get the size of the first. For "bilinear" the image and a weight
        of shape (channels, 1, k, k) with k = 2 * scale - scale % 2, as `init.Bilinear` fills it.
    scale : int
    sample_type : {'nearest', 'bilinear'}
    num_filter : int
        The number of channels, for "bilinear".
    multi_input_mode : {'concat', 'sum'}
        Whether several are joined along the channels or added.
    num_args : int, optional
        How many arrays were given.
    workspace : int
        Of no effect.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.UpSampling(nd.ones((1, 1, 2, 2)), scale=2, sample_type="nearest").shape
    (1, 1, 4, 4)
    """
    need_arrays(data, num_args)
    return _resampling.upsampling(
        *data,
        scale=scale,
        sample_type=sample_type,
        num_filter=num_filter,
        multi_input_mode=multi_input_mode,
    )


@op
def im2col(data: NDArray, kernel: Any, stride: Any = (), dilate: Any = (), pad: Any = ()) -> Tensor:
    """Pack windows into columns.

    Parameters
    ----------
    data : NDArray, shape (batch, channels, *sizes)
    kernel, stride, dilate, pad : tuple of int

    Returns
    -------
    NDArray, shape (batch, channels * places in a window, windows)

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.im2col(nd.array([[[1, 2, 3]]]), kernel=(2,)).asnumpy()
    array([[[1., 2.],
            [2., 3.]]], dtype=float32)
    """
    return _convolution.im2col(data, kernel, stride, dilate, pad)


@op
def col2im(
    data: NDArray,
    output_size: Any,
    kernel: Any,
    stride: Any = (),
    dilate: Any = (),
    pad: Any = (),
) -> Tensor:
    """Add columns up at the places that `im2col` took them from.

    Parameters
    ----------
    data : NDArray, shape (batch, channels * places in a window, windows)
    output_size : tuple of int
        The spatial sizes of the result.
    kernel, stride, dilate, pad : tuple of int

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.col2im(nd.ones((1, 2, 2)), output_size=(3,), kernel=(2,)).asnumpy()
    array([[[1., 2., 1.]]], dtype=float32)
    """
    return _convolution.col2im(data, output_size, kernel, stride, dilate, pad)


# ---- nd.contrib ----------------------------------------------------------------------------------


@op
def AdaptiveAvgPooling2D(data: NDArray, output_size: Any = ()) -> NDArray:
    """Average areas so that the result has a given height and width.

    Parameters
    ----------
    data : NDArray, shape (batch, channels, height, width)
    output_size : int or tuple of int
        Height and width, or one number for both; 1 if left out.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.contrib.AdaptiveAvgPooling2D(nd.array([[[[1, 2], [3, 4]]]]), 1).asscalar().item()
    2.5
    """
    return _resampling.adaptive_average(data, output_size)


@op
def BilinearResize2D(
    data: NDArray,
    like: NDArray | None = None,
    height: int = 1,
    width: int = 1,
    scale_height: float | None = None,
    scale_width: float | None = None,
    mode: str = "size",
    align_corners: bool = True,
) -> NDArray:
    """Resize images, linear between pixels.

    Parameters
    ----------
    data : NDArray, shape (batch, channels, height, width)
    like : NDArray, optional
        For mode "like": an array with 4 axes of which the last two are the new size.
    height, width : int
        The new size, unless scales are given.
    scale_height, scale_width : float, optional
    mode : str
        "size", "odd_scale" (odd sizes stay odd), "like", or "to_even_down", "to_even_up",
        "to_odd_down", "to_odd_up" (one pixel more or less where needed).
    align_corners : bool
        Whether the centers of the corner pixels stay where they are, or the corners of the image.

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.contrib.BilinearResize2D(nd.array([[[[1, 3]]]]), height=1, width=3).asnumpy()
    array([[[[1., 2., 3.]]]], dtype=float32)
    """
    scales = scale_height, scale_width
    return _resampling.bilinear(data, like, (height, width), scales, mode, align_corners)


@op
def SyncBatchNorm(
    data: NDArray,
    gamma: NDArray,
    beta: NDArray,
    moving_mean: NDArray,
    moving_var: NDArray,
    eps: float = 1e-3,
    momentum: float = 0.9,
    fix_gamma: bool = True,
    use_global_stats: bool = False,
    output_mean_var: bool = False,
    ndev: int = 1,
    key: str = "",
) -> Any:
    """Compute `BatchNorm`; there is one device, so nothing has to be brought in step.

    Examples
    --------
    >>> from microlazy import nd
    >>> one, zero = nd.ones((1,)), nd.zeros((1,))
    >>> nd.contrib.SyncBatchNorm(nd.array([[3]]), one, zero, zero, one, eps=0).asscalar().item()
    3.0
    """
    if ndev != 1:
        raise MXNetError(f"SyncBatchNorm: there is one device, not {ndev}")
    return BatchNorm(
        *(data, gamma, beta, moving_mean, moving_var, eps, momentum),
        *(fix_gamma, use_global_stats, output_mean_var),
    )


@op
def BatchNormWithReLU(*args: Any, **kwargs: Any) -> Any:
    """Compute relu of `BatchNorm`, which has the same arguments.

    Examples
    --------
    >>> from microlazy import nd
    >>> one, zero = nd.ones((1,)), nd.zeros((1,))
    >>> nd.contrib.BatchNormWithReLU(nd.array([[-3]]), one, zero, zero, one).asscalar().item()
    0.0
    """
    out = BatchNorm(*args, **kwargs)
    if isinstance(out, list):
        return [Activation(out[0], "relu"), *out[1:]]
    return Activation(out, "relu")


BatchNormWithReLU.__signature__ = inspect.signature(BatchNorm)  # type: ignore[attr-defined]

# What `nd.contrib` has of these.
CONTRIB = {
    "AdaptiveAvgPooling2D": AdaptiveAvgPooling2D,
    "BatchNormWithReLU": BatchNormWithReLU,
    "BilinearResize2D": BilinearResize2D,
    "CTCLoss": CTCLoss,
    "SyncBatchNorm": SyncBatchNorm,
    "arange_like": npx.arange_like,
    "ctc_loss": ctc_loss,
}
