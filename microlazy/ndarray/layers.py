"""Layers: what networks are made of, under MXNet's older names."""

import inspect
from typing import Any

from microlazy.base import MXNetError
from microlazy.core.array import NDArray
from microlazy.ops.activations import activation as Activation
from microlazy.ops.activations import dropout as Dropout
from microlazy.ops.activations import leaky_relu as LeakyReLU
from microlazy.ops.arguments import op
from microlazy.ops.convolution import col2im, im2col
from microlazy.ops.convolution import convolution as Convolution
from microlazy.ops.convolution import deconvolution as Deconvolution
from microlazy.ops.convolution import pooling as Pooling
from microlazy.ops.correlation import correlation as Correlation
from microlazy.ops.correlation import crop as Crop
from microlazy.ops.ctc import ctc_loss
from microlazy.ops.deformable import deformable_convolution as DeformableConvolution
from microlazy.ops.deformable import (
    modulated_deformable_convolution as ModulatedDeformableConvolution,
)
from microlazy.ops.gathering import embedding as Embedding
from microlazy.ops.manipulation import arange_like
from microlazy.ops.normalization import batch_norm as BatchNorm
from microlazy.ops.normalization import group_norm as GroupNorm
from microlazy.ops.normalization import instance_norm as InstanceNorm
from microlazy.ops.normalization import l2_normalization as L2Normalization
from microlazy.ops.normalization import layer_norm as LayerNorm
from microlazy.ops.normalization import local_response_norm as LRN
from microlazy.ops.products import fully_connected as FullyConnected
from microlazy.ops.recurrent import rnn as RNN
from microlazy.ops.resampling import adaptive_average as AdaptiveAvgPooling2D
from microlazy.ops.resampling import bilinear as BilinearResize2D
from microlazy.ops.resampling import upsampling as UpSampling
from microlazy.ops.sequence_lengths import sequence_last as SequenceLast
from microlazy.ops.sequence_lengths import sequence_mask as SequenceMask
from microlazy.ops.sequence_lengths import sequence_reverse as SequenceReverse

__all__ = [
    "Activation",
    "BatchNorm",
    "CTCLoss",
    "Convolution",
    "Correlation",
    "Crop",
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
    "SequenceLast",
    "SequenceMask",
    "SequenceReverse",
    "UpSampling",
    "col2im",
    "ctc_loss",
    "im2col",
]

CTCLoss = ctc_loss


# ---- nd.contrib ----------------------------------------------------------------------------------


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
    "DeformableConvolution": DeformableConvolution,
    "ModulatedDeformableConvolution": ModulatedDeformableConvolution,
    "SyncBatchNorm": SyncBatchNorm,
    "arange_like": arange_like,
    "ctc_loss": ctc_loss,
}
