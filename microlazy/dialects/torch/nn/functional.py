"""Functions of networks: `torch.nn.functional`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy

from .... import autograd
from .... import numpy as np
from .... import numpy_extension as npx
from ....base import MXNetError
from ....core.ops.nn import fully_connected
from ....foreign import missing
from .. import _dtypes
from .._functions import FUNCTIONS
from .._tensor import Tensor, apply, operation
from ._activations import (
    elu,
    gelu,
    hardsigmoid,
    hardswish,
    hardtanh,
    leaky_relu,
    logsigmoid,
    mish,
    prelu,
    relu6,
    selu,
    silu,
    softplus,
    softsign,
)
from ._losses import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    huber_loss,
    kl_div,
    l1_loss,
    mse_loss,
    nll_loss,
    smooth_l1_loss,
)

__all__ = [
    "adaptive_avg_pool2d",
    "avg_pool1d",
    "avg_pool2d",
    "avg_pool3d",
    "batch_norm",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "conv1d",
    "conv2d",
    "conv3d",
    "cross_entropy",
    "dropout",
    "elu",
    "embedding",
    "flatten",
    "gelu",
    "hardsigmoid",
    "hardswish",
    "hardtanh",
    "huber_loss",
    "kl_div",
    "l1_loss",
    "layer_norm",
    "leaky_relu",
    "linear",
    "log_softmax",
    "logsigmoid",
    "max_pool1d",
    "max_pool2d",
    "max_pool3d",
    "mish",
    "mse_loss",
    "nll_loss",
    "normalize",
    "one_hot",
    "pad",
    "prelu",
    "relu",
    "relu6",
    "selu",
    "sigmoid",
    "silu",
    "smooth_l1_loss",
    "softmax",
    "softplus",
    "softsign",
    "tanh",
]

A = Any  # an array of the core with NumPy's rules
Sizes = int | tuple[int, ...]

relu, sigmoid, tanh = (FUNCTIONS[name] for name in ("relu", "sigmoid", "tanh"))
softmax, log_softmax = FUNCTIONS["softmax"], FUNCTIONS["log_softmax"]
flatten = FUNCTIONS["flatten"]


# ---- layers ----


def linear_of_arrays(x: A, weight: A, bias: A | None) -> A:
    """`linear` of arrays, with PyTorch's errors.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.dialects.torch.nn.functional import linear_of_arrays
    >>> linear_of_arrays(np.ones((2, 256)), np.ones((10, 64)), None)
    Traceback (most recent call last):
    RuntimeError: mat1 and mat2 shapes cannot be multiplied (2x256 and 64x10)
    """
    try:
        return fully_connected(x, weight, bias, None, bias is None, False)
    except (MXNetError, TypeError) as error:
        raise linear_error(x, weight, error) from None


def linear_error(x: A, weight: A, error: Exception) -> Exception:
    """The error of a dense layer in PyTorch's words.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.dialects.torch.nn.functional import linear_error
    >>> linear_error(np.ones((2, 3)), np.ones((4, 5)), ValueError())
    RuntimeError('mat1 and mat2 shapes cannot be multiplied (2x3 and 5x4)')
    """
    if x.dtype != weight.dtype:
        first, second = map(_dtypes.scalar_name, (x, weight))
        return RuntimeError(f"mat1 and mat2 must have the same dtype, but got {first} and {second}")
    if x.ndim and x.shape[-1] != weight.shape[1]:
        rows = math.prod(x.shape[:-1])
        return RuntimeError(
            f"mat1 and mat2 shapes cannot be multiplied ({rows}x{x.shape[-1]} and "
            f"{weight.shape[1]}x{weight.shape[0]})"
        )
    return RuntimeError(str(error))


def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """The product of the last axis with a weight of shape (out, in), and a bias.

    Raises
    ------
    RuntimeError
        If the sizes do not fit.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> from microlazy.dialects.torch.nn import functional as F
    >>> F.linear(torch.ones(1, 2), torch.ones(3, 2))
    tensor([[2., 2., 2.]])
    """
    op = "Mm" if bias is None else "Addmm"
    return apply(op, linear_of_arrays, input, weight, bias)


def convolution_of_arrays(
    x: A,
    weight: A,
    bias: A | None,
    stride: Sizes,
    padding: Sizes | str,
    dilation: Sizes,
    groups: int,
) -> A:
    """A convolution over one to three axes; `padding` may be "same" or "valid".

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.dialects.torch.nn.functional import convolution_of_arrays
    >>> x, weight = np.ones((1, 1, 4, 4)), np.ones((2, 1, 3, 3))
    >>> convolution_of_arrays(x, weight, None, 1, "same", 1, 1).shape
    (1, 2, 4, 4)
    """
    axes = weight.ndim - 2
    batched = x.ndim == axes + 2
    if not batched and x.ndim == axes + 1:
        x = np.expand_dims(x, 0)
    if x.ndim != axes + 2:
        raise RuntimeError(
            f"Expected {axes + 1}D (unbatched) or {axes + 2}D (batched) input to conv{axes}d, but "
            f"got input of size: {list(x.shape)}"
        )
    if x.shape[1] != weight.shape[1] * groups:
        raise RuntimeError(
            f"Given groups={groups}, weight of size {list(weight.shape)}, expected "
            f"input{list(x.shape)} to have {weight.shape[1] * groups} channels, but got "
            f"{x.shape[1]} channels instead"
        )
    kernel, steps = weight.shape[2:], spread(dilation, axes)
    pad = (0,) * axes if padding == "valid" else padding
    if padding == "same":
        total = [d * (k - 1) for d, k in zip(steps, kernel, strict=True)]
        pad = tuple(each // 2 for each in total)
        if any(each % 2 for each in total):  # one more behind than before
            behind = [(0, 0), (0, 0), *[(0, each % 2) for each in total]]
            x = np.pad(x, behind)
    out = npx.convolution(
        x,
        weight,
        bias,
        kernel=kernel,
        stride=spread(stride, axes),
        dilate=steps,
        pad=spread(pad, axes),
        num_filter=weight.shape[0],
        num_group=groups,
        no_bias=bias is None,
    )
    return out if batched else out[0]


def spread(sizes: Any, axes: int) -> tuple[int, ...]:
    """A size for each axis, from one for all or one for each.

    Examples
    --------
    >>> from microlazy.dialects.torch.nn.functional import spread
    >>> spread(2, 3)
    (2, 2, 2)
    """
    return (sizes,) * axes if isinstance(sizes, int) else tuple(sizes)


def _convolution(axes: int) -> Callable[..., Tensor]:
    def call(
        input: Tensor,
        weight: Tensor,
        bias: Tensor | None = None,
        stride: Sizes = 1,
        padding: Sizes | str = 0,
        dilation: Sizes = 1,
        groups: int = 1,
    ) -> Tensor:
        given = (input, weight, bias, stride, padding, dilation, groups)
        return apply("Convolution", convolution_of_arrays, *given)

    call.__name__ = call.__qualname__ = f"conv{axes}d"
    call.__doc__ = f"A convolution over {axes} axes; the weight has shape (out, in / groups, ...)."
    return call


conv1d, conv2d, conv3d = map(_convolution, (1, 2, 3))


def pooling_of_arrays(
    x: A,
    axes: int,
    kind: str,
    kernel_size: Sizes,
    stride: Sizes | None = None,
    padding: Sizes = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> A:
    """The largest or the mean of each window over one to three axes.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.dialects.torch.nn.functional import pooling_of_arrays
    >>> pooling_of_arrays(np.ones((1, 1, 4, 4)), 2, "max", 2).shape
    (1, 1, 2, 2)
    """
    if x.ndim not in (axes + 1, axes + 2):
        raise RuntimeError(
            f"{kind}_pool{axes}d: expected a tensor of {axes + 1} or {axes + 2} axes, but got size "
            f"{list(x.shape)}"
        )
    batched = x.ndim == axes + 2
    counted = count_include_pad if kind == "avg" else None
    out = npx.pooling(
        x if batched else np.expand_dims(x, 0),
        kernel=spread(kernel_size, axes),
        pool_type=kind,
        stride=spread(kernel_size if stride is None else stride, axes),
        pad=spread(padding, axes),
        pooling_convention="full" if ceil_mode else "valid",
        count_include_pad=counted,
    )
    return out if batched else out[0]


def _pooling(axes: int, kind: str) -> Callable[..., Tensor]:
    def call(
        input: Tensor,
        kernel_size: Sizes,
        stride: Sizes | None = None,
        padding: Sizes = 0,
        ceil_mode: bool = False,
        **options: Any,
    ) -> Tensor:
        op = f"{kind.capitalize()}Pool{axes}D"
        sizes = (kernel_size, stride, padding, ceil_mode)
        return apply(op, pooling_of_arrays, input, axes, kind, *sizes, **options)

    call.__name__ = call.__qualname__ = f"{kind}_pool{axes}d"
    what = "largest element" if kind == "max" else "mean"
    call.__doc__ = f"The {what} of each window over {axes} axes."
    return call


max_pool1d, max_pool2d, max_pool3d = (_pooling(axes, "max") for axes in (1, 2, 3))
avg_pool1d, avg_pool2d, avg_pool3d = (_pooling(axes, "avg") for axes in (1, 2, 3))


def adaptive_pooling_of_arrays(x: A, output_size: Sequence[int | None], kind: str) -> A:
    """The mean or largest of so many windows, which cover the last axes evenly.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.dialects.torch.nn.functional import adaptive_pooling_of_arrays
    >>> adaptive_pooling_of_arrays(np.arange(4).reshape(1, 1, 4), (2,), "avg")
    array([[[0.5, 2.5]]])
    """
    reduce = np.mean if kind == "avg" else np.max
    for back, wanted in enumerate(reversed(output_size), 1):
        size = x.shape[-back]
        count = size if wanted is None else wanted
        edges = [(i * size // count, -(-(i + 1) * size // count)) for i in range(count)]
        x = np.moveaxis(x, -back, -1)
        parts = [reduce(x[..., a:b], axis=-1, keepdims=True) for a, b in edges]
        x = np.moveaxis(np.concatenate(parts, -1), -1, -back)
    return x


def adaptive_avg_pool2d(input: Tensor, output_size: Any) -> Tensor:
    """The mean of so many windows, which cover height and width evenly.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> from microlazy.dialects.torch.nn import functional as F
    >>> F.adaptive_avg_pool2d(torch.ones(1, 3, 8, 8), 1).shape
    torch.Size([1, 3, 1, 1])
    """
    sizes = (output_size,) * 2 if isinstance(output_size, int) else tuple(output_size)
    return apply("AdaptiveAvgPool2D", adaptive_pooling_of_arrays, input, sizes, "avg")


def batch_norm_of_arrays(
    x: A,
    mean: A | None,
    var: A | None,
    weight: A | None,
    bias: A | None,
    training: bool,
    momentum: float,
    eps: float,
) -> A:
    """Batch normalization; running statistics move in place, the variance as of a sample.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.dialects.torch.nn.functional import batch_norm_of_arrays
    >>> x = np.array([[1.0], [3.0]])
    >>> batch_norm_of_arrays(x, None, None, None, None, True, 0.1, 0.0)
    array([[-1.],
           [ 1.]])
    """
    channels, kind = x.shape[1], x.dtype
    if mean is not None and mean.shape[0] != channels:
        raise RuntimeError(f"running_mean should contain {channels} elements not {mean.shape[0]}")
    count = x.size // channels
    if training and count == 1 and not x.is_abstract:
        raise ValueError(
            f"Expected more than 1 value per channel when training, got input size "
            f"torch.Size({list(x.shape)})"
        )
    kept = None if var is None or not training or x.is_abstract else var.copy()
    given = (
        np.ones(channels, dtype=kind) if weight is None else weight,
        np.zeros(channels, dtype=kind) if bias is None else bias,
        np.zeros(channels, dtype=kind) if mean is None else mean,
        np.ones(channels, dtype=kind) if var is None else var,
    )
    before = autograd.set_training(training)
    try:
        out = npx.batch_norm(
            x, *given, eps, 1 - momentum, fix_gamma=False, use_global_stats=not training
        )
    finally:
        autograd.set_training(before)
    if kept is not None:
        with autograd.pause(training):  # n / (n - 1) times what the op added
            factor = count / (count - 1)
            var[...] = var * factor + kept * ((1 - momentum) * (1 - factor))  # type: ignore[index]
    return out


def batch_norm(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Each channel with mean 0 and variance 1 over the batch, scaled and shifted.

    Source: Ioffe & Szegedy 2015. `momentum` is the part of a batch in the running statistics.
    """
    given = (input, running_mean, running_var, weight, bias, training, momentum, eps)
    return apply("NativeBatchNorm", batch_norm_of_arrays, *given)


def layer_norm_of_arrays(
    x: A, shape: tuple[int, ...], weight: A | None, bias: A | None, eps: float
) -> A:
    """Layer normalization over the last axes.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.dialects.torch.nn.functional import layer_norm_of_arrays
    >>> layer_norm_of_arrays(np.array([[1.0, 3.0]]), (2,), None, None, 0.0)
    array([[-1.,  1.]])
    """
    if tuple(x.shape[-len(shape) :]) != tuple(shape):
        raise RuntimeError(
            f"Given normalized_shape={list(shape)}, expected input with shape "
            f"[*, {str(list(shape))[1:-1]}], but got input of size{list(x.shape)}"
        )
    count = math.prod(shape)
    flat = np.reshape(x, (*x.shape[: x.ndim - len(shape)], count))
    scale = np.ones(count, dtype=x.dtype) if weight is None else np.reshape(weight, count)
    shift = np.zeros(count, dtype=x.dtype) if bias is None else np.reshape(bias, count)
    return np.reshape(npx.layer_norm(flat, scale, shift, -1, eps), x.shape)


def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Each example with mean 0 and variance 1 over the last axes, scaled and shifted.

    Source: Ba, Kiros & Hinton 2016.
    """
    shape = tuple(normalized_shape)
    return apply("NativeLayerNorm", layer_norm_of_arrays, input, shape, weight, bias, eps)


def dropout(input: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
    """Elements become 0 with probability p, the others grow by 1 / (1 - p).

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> from microlazy.dialects.torch.nn import functional as F
    >>> F.dropout(torch.ones(2), training=False)
    tensor([1., 1.])
    """
    if not 0 <= p <= 1:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
    if not training or p == 0:
        return input
    if p == 1:
        return input * 0
    return apply("NativeDropout", npx.dropout, input, p, "always")


def embedding_of_arrays(places: A, weight: A, padding: int | None) -> A:
    """The rows of a weight at places; the row `padding` gets no gradient.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.dialects.torch.nn.functional import embedding_of_arrays
    >>> embedding_of_arrays(np.array([1], dtype="int64"), np.array([[1.0], [2.0]]), None)
    array([[2.]])
    """
    if numpy.dtype(places.dtype).kind != "i":
        raise RuntimeError(
            "Expected tensor for argument #1 'indices' to have one of the following scalar types: "
            f"Long, Int; but got torch.{_dtypes.scalar_name(places)}Tensor instead (while checking "
            "arguments for embedding)"
        )
    if not places.is_abstract and places.size:
        least, most = int(places.min()), int(places.max())
        if least < 0 or most >= weight.shape[0]:
            raise IndexError("index out of range in self")
    out = npx.embedding(places, weight, *weight.shape)
    if padding is None:
        return out
    return np.where(np.expand_dims(places == padding, -1), out.detach(), out)


def embedding(input: Tensor, weight: Tensor, padding_idx: int | None = None) -> Tensor:
    """The rows of a weight at the places that `input` names."""
    return apply("Embedding", embedding_of_arrays, input, weight, padding_idx)


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """Rows that are 1 at the element's place and 0 elsewhere.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> from microlazy.dialects.torch.nn import functional as F
    >>> F.one_hot(torch.tensor([1]), 3)
    tensor([[0, 1, 0]])
    """
    classes = int(tensor.max()) + 1 if num_classes == -1 else num_classes
    return apply("", npx.one_hot, tensor, classes, dtype="int64")


def normalize(input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Tensor:
    """Divided by the p-norm along an axis, or by `eps` where that is larger."""
    length = input.norm(p, dim, True)
    return input / length.clamp(min=eps)


@operation("ConstantPadNd")
def pad(input: A, pad: Sequence[int], mode: str = "constant", value: float = 0.0) -> A:
    """More elements around the last axes: pairs of numbers, from the last axis on.

    Examples
    --------
    >>> from microlazy.dialects import torch
    >>> from microlazy.dialects.torch.nn import functional as F
    >>> F.pad(torch.ones(2), (1, 0))
    tensor([0., 1., 1.])
    """
    pairs = [tuple(pad[i : i + 2]) for i in range(0, len(pad), 2)]
    widths = [(0, 0)] * (input.ndim - len(pairs)) + pairs[::-1]
    if mode == "constant":
        return np.pad(input, widths, constant_values=value)
    names = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}
    if mode not in names:
        raise NotImplementedError(f"Unrecognised padding mode {mode}")
    return np.pad(input, widths, mode=names[mode])


def __getattr__(name: str) -> Any:
    raise missing(__name__, name, globals())
