"""Convolution, transposed convolution and pooling, over one, two or three spatial axes.

Arrays of float32 and float64 have kernels of their own (`core/ops/convolution` and `pooling`). What
these leave, such as arrays without elements, is composed of others: a convolution is a product of
the filters with the packed windows (Chellapilla et al. 2006); its transpose is a product followed
by adding the windows back (Zeiler et al. 2010).
"""

import functools
import math
import operator
from collections.abc import Sequence
from typing import Any, TypeVar

from microlazy.base import MXNetError, ShapeError
from microlazy.core import functions as f
from microlazy.core.ops.convolution import Filters
from microlazy.core.ops.pooling import Pooling
from microlazy.core.tensor import Tensor
from microlazy.ops.arguments import op
from microlazy.ops.checks import LARGEST, check_arrays, check_shapes, check_tuning, required
from microlazy.ops.precision import at_least_single
from microlazy.ops.windows import Windows, elements, fold, largest, totals, unfold

A = TypeVar("A", bound=Tensor)

CHANNELS_FIRST = {1: "NCW", 2: "NCHW", 3: "NCDHW"}
CHANNELS_LAST = {1: "NWC", 2: "NHWC", 3: "NDHWC"}


# ---- arguments -----------------------------------------------------------------------------------


def _sizes(what: str, value: Any, default: int, axes: int, least: int) -> tuple[int, ...]:
    """A number for each spatial axis, from a tuple, a number for all, or nothing."""
    if value is None or (isinstance(value, Sequence) and not len(value)):
        return (default,) * axes
    sizes = tuple(value) if isinstance(value, Sequence) else (value,) * axes
    sizes = tuple(map(operator.index, sizes))
    if len(sizes) != axes or not least <= min(sizes) <= max(sizes) <= LARGEST:
        raise MXNetError(
            f"{what} must be {axes} numbers of at least {least}, one for each spatial axis of the "
            f"data, and below 2**31; got {value!r}"
        )
    return sizes


def _spatial_axes(op: str, data: Tensor, layout: str | None) -> tuple[int, bool]:
    """How many spatial axes the data has, and whether its channels are the last axis."""
    axes = data.ndim - 2
    if axes not in CHANNELS_FIRST:
        raise ShapeError(
            f"{op}: the data must have 3, 4 or 5 axes (batch, channels and 1 to 3 spatial ones), "
            f"but its shape is {data.shape}"
        )
    if layout not in (None, CHANNELS_FIRST[axes], CHANNELS_LAST[axes]):
        raise MXNetError(
            f"{op}: layout {layout!r} does not fit data of {data.ndim} axes; expected "
            f"{CHANNELS_FIRST[axes]!r} or {CHANNELS_LAST[axes]!r}"
        )
    return axes, layout == CHANNELS_LAST[axes]


def channels_second(x: A) -> A:
    """Move the channels from the last axis to the second.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.ops.convolution import channels_second
    >>> channels_second(np.ones((2, 4, 5, 3))).shape
    (2, 3, 4, 5)
    """
    return f.channels_second(x)


def channels_last(x: A) -> A:
    """Move the channels from the second axis to the last.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.ops.convolution import channels_last
    >>> channels_last(np.ones((2, 3, 4, 5))).shape
    (2, 4, 5, 3)
    """
    return f.transpose(x, (0, *range(2, x.ndim), 1))


def _with_bias(x: A, bias: A | None, filters: int, op: str) -> A:
    """x of shape (filters, ...) plus a number for each filter."""
    if bias is None:
        return x
    check_shapes(op, (filters,), bias=bias)
    return x + f.reshape(bias, (filters, *(1,) * (x.ndim - 1)))


# ---- convolution ---------------------------------------------------------------------------------

Sizes = tuple[int, ...]


@functools.lru_cache(maxsize=256)
def _filters(
    kernel: Sizes,
    stride: Sizes,
    dilate: Sizes,
    pad: Sizes,
    num_filter: int,
    num_group: int,
    adj: Sizes | None = None,
) -> Filters:
    return Filters(kernel, stride, dilate, pad, num_filter, num_group, adj)


def composed_convolution(
    data: A, weight: A, bias: A | None, windows: Windows, num_filter: int, num_group: int
) -> A:
    """Multiply the filters with the packed windows: a convolution of arrays that were checked.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.ops.convolution import composed_convolution
    >>> from microlazy.ops.windows import Windows
    >>> windows = Windows((3,), (1,), (1,), (0,), (0,))
    >>> composed_convolution(np.ones((1, 1, 4)), np.ones((1, 1, 3)), None, windows, 1, 1)
    array([[[3., 3.]]])
    """
    batch, channels, *sizes = data.shape
    counts = windows.counts(tuple(sizes))
    columns = channels // num_group * math.prod(windows.kernel)
    places = batch * math.prod(counts)
    out = f.batch_dot(
        f.reshape(weight, (num_group, num_filter // num_group, columns)),
        f.reshape(unfold(data, windows), (num_group, columns, places)),
    )
    out = _with_bias(f.reshape(out, (num_filter, places)), bias, num_filter, "convolution")
    out = f.swapaxes(f.reshape(out, (num_filter, batch, places // max(batch, 1))), 0, 1)
    return f.reshape(out, (batch, num_filter, *counts))


def composed_deconvolution(
    data: A,
    weight: A,
    bias: A | None,
    windows: Windows,
    out_sizes: Sizes,
    num_filter: int,
    num_group: int,
) -> A:
    """Multiply, and add the windows back: the transpose, of arrays that were checked.

    Examples
    --------
    >>> from microlazy import np
    >>> from microlazy.ops.convolution import composed_deconvolution
    >>> from microlazy.ops.windows import Windows
    >>> windows = Windows((2,), (1,), (1,), (0,), (0,))
    >>> composed_deconvolution(np.ones((1, 1, 2)), np.ones((1, 1, 2)), None, windows, (3,), 1, 1)
    array([[[1., 2., 1.]]])
    """
    batch, channels, *sizes = data.shape
    members, places = channels // num_group, math.prod(sizes)
    columns = num_filter // num_group * math.prod(windows.kernel)
    rows = f.swapaxes(f.reshape(data, (batch, channels, places)), 0, 1)
    packed = f.batch_dot(
        f.reshape(weight, (num_group, members, columns)),
        f.reshape(rows, (num_group, members, batch * places)),
        transpose_a=True,
    )
    packed = f.reshape(packed, (num_filter, math.prod(windows.kernel), batch, *sizes))
    out = fold(packed, windows, out_sizes)
    if bias is None:
        return out
    out = _with_bias(f.swapaxes(out, 0, 1), bias, num_filter, "deconvolution")
    return f.swapaxes(out, 0, 1)


@op
@at_least_single
def convolution(
    data: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    kernel: Any = None,
    stride: Any = (),
    dilate: Any = (),
    pad: Any = (),
    num_filter: int | None = None,
    num_group: int = 1,
    no_bias: bool = False,
    layout: str | None = None,
    **tuning: Any,
) -> Tensor:
    """Slide filters over one, two or three spatial axes.

    Parameters
    ----------
    data : array, shape ``(batch, channels, *sizes)``
    weight : array, shape ``(num_filter, channels / num_group, *kernel)``
    bias : array, shape (num_filter,), optional
    kernel : tuple of int
        One size for each spatial axis.
    stride, dilate, pad : tuple of int, optional
    num_filter : int
    num_group : int
        Into how many groups channels and filters are divided.
    no_bias : bool
        Leave the bias out.
    layout : str, optional
        "NCW", "NCHW", "NCDHW", or with the channels last (also in the weight).
    **tuning
        `workspace`, `cudnn_tune`, `cudnn_off`: of no effect, for they tune GPU libraries.

    Returns
    -------
    array, shape ``(batch, num_filter, *sizes)``
        Each size is floor((n + 2 pad - dilate (kernel - 1) - 1) / stride) + 1.

    Raises
    ------
    ShapeError
        If the shapes do not fit.

    Notes
    -----
    In float32, filters of 3 by 3 without stride that see 32 channels or more, 32 or more of them,
    are applied by minimal filtering (Winograd 1980; Lavin & Gray 2016): results and gradients are
    accurate to about 2e-5 of their largest number, others to about 1e-6 of it.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.convolution(np.ones((1, 1, 4)), np.ones((1, 1, 3)), kernel=(3,), num_filter=1)
    array([[[3., 3.]]])
    """
    check_tuning("convolution", tuning)
    kernel = required("convolution", "kernel", kernel)
    num_filter = required("convolution", "num_filter", num_filter)
    check_arrays("convolution", weight=weight)
    axes, last = _spatial_axes("convolution", data, layout)
    if last:
        data, weight = channels_second(data), channels_second(weight)
    kernel = _sizes("convolution: kernel", kernel, 1, axes, 1)
    padding = _sizes("convolution: pad", pad, 0, axes, 0)
    windows = Windows(
        kernel,
        _sizes("convolution: stride", stride, 1, axes, 1),
        _sizes("convolution: dilate", dilate, 1, axes, 1),
        padding,
        padding,
    )
    batch, channels, *sizes = data.shape
    if num_group < 1 or channels % num_group or num_filter % num_group:
        raise ShapeError(
            f"convolution: {channels} channels and {num_filter} filters cannot be divided into "
            f"{num_group} groups"
        )
    check_shapes("convolution", (num_filter, channels // num_group, *kernel), weight=weight)
    counts = windows.counts(tuple(sizes))
    if min(counts) < 1:
        raise ShapeError(
            f"convolution: kernel {kernel} with dilate {windows.dilate} exceeds the data of shape "
            f"{data.shape} with padding {padding}"
        )
    if no_bias:
        bias = None
    out = _filters(*windows[:4], num_filter, num_group).convolution(data, weight, bias)
    if out is None:
        out = composed_convolution(data, weight, bias, windows, num_filter, num_group)
    return channels_last(out) if last else out


@op
@at_least_single
def deconvolution(
    data: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    kernel: Any = None,
    stride: Any = (),
    dilate: Any = (),
    pad: Any = (),
    adj: Any = (),
    target_shape: Any = (),
    num_filter: int | None = None,
    num_group: int = 1,
    no_bias: bool = True,
    layout: str | None = None,
    **tuning: Any,
) -> Tensor:
    """Compute the transpose of a convolution: each element adds a multiple of the filters.

    Parameters
    ----------
    data : array, shape ``(batch, channels, *sizes)``
    weight : array, shape ``(channels, num_filter / num_group, *kernel)``
    bias : array, shape (num_filter,), optional
        Counts when `no_bias` is False.
    kernel : tuple of int
    stride, dilate, pad : tuple of int, optional
        Of the convolution.
    adj : tuple of int, optional
        How much longer the result is, of what the convolution's stride leaves open.
    target_shape : tuple of int, optional
        The result's sizes; `pad` and `adj` follow from it.
    num_filter, num_group : int
    no_bias : bool
    layout : str, optional
    **tuning
        `workspace`, `cudnn_tune`, `cudnn_off`: of no effect, for they tune GPU libraries.

    Returns
    -------
    array, shape ``(batch, num_filter, *sizes)``
        Each size is stride (n - 1) + dilate (kernel - 1) + 1 - 2 pad + adj.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.deconvolution(np.ones((1, 1, 2)), np.ones((1, 1, 2)), kernel=(2,), num_filter=1)
    array([[[1., 2., 1.]]])
    """
    check_tuning("deconvolution", tuning)
    kernel = required("deconvolution", "kernel", kernel)
    num_filter = required("deconvolution", "num_filter", num_filter)
    check_arrays("deconvolution", weight=weight)
    axes, last = _spatial_axes("deconvolution", data, layout)
    if last:
        data, weight = channels_second(data), channels_second(weight)
    kernel = _sizes("deconvolution: kernel", kernel, 1, axes, 1)
    stride = _sizes("deconvolution: stride", stride, 1, axes, 1)
    dilate = _sizes("deconvolution: dilate", dilate, 1, axes, 1)
    padding = _sizes("deconvolution: pad", pad, 0, axes, 0)
    extra = _sizes("deconvolution: adj", adj, 0, axes, 0)
    batch, channels, *sizes = data.shape
    full = [
        s * (n - 1) + d * (k - 1) + 1
        for n, k, s, d in zip(sizes, kernel, stride, dilate, strict=True)
    ]
    if target_shape and any(target_shape):
        target = _sizes("deconvolution: target_shape", target_shape, 1, axes, 1)
        if any(n > m for n, m in zip(target, full, strict=True)):
            raise ShapeError(
                f"deconvolution: target_shape {target} is too large: the windows cover {full}"
            )
        gone = [m - n for n, m in zip(target, full, strict=True)]
        padding, extra = tuple((n + 1) // 2 for n in gone), tuple(n % 2 for n in gone)
    if any(a >= s for a, s in zip(extra, stride, strict=True)):
        raise MXNetError(f"deconvolution: adj {extra} must be smaller than stride {stride}")
    out_sizes = tuple(n - 2 * p + a for n, p, a in zip(full, padding, extra, strict=True))
    if min(out_sizes) < 1:
        raise ShapeError(
            f"deconvolution: padding {padding} leaves nothing of {full} for data of shape "
            f"{data.shape}"
        )
    if num_group < 1 or channels % num_group or num_filter % num_group:
        raise ShapeError(
            f"deconvolution: {channels} channels and {num_filter} filters cannot be divided into "
            f"{num_group} groups"
        )
    filters = num_filter // num_group
    check_shapes("deconvolution", (channels, filters, *kernel), weight=weight)
    if no_bias:
        bias = None
    windows = Windows(kernel, stride, dilate, padding, padding)
    out = _filters(*windows[:4], num_filter, num_group, extra).deconvolution(data, weight, bias)
    if out is None:
        out = composed_deconvolution(data, weight, bias, windows, out_sizes, num_filter, num_group)
    return channels_last(out) if last else out


# ---- pooling -------------------------------------------------------------------------------------


def _pooling_windows(
    sizes: tuple[int, ...],
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    pad: tuple[int, ...],
    convention: str,
) -> Windows:
    """Windows with the padding behind that the convention for the last, partial window asks for."""
    if convention == "valid":
        before, after = pad, pad
    elif convention == "full":
        counts = [
            math.ceil((n + 2 * p - k) / s) + 1
            for n, k, s, p in zip(sizes, kernel, stride, pad, strict=True)
        ]
        before = pad
        after = tuple(
            max((count - 1) * s + k - n - p, p)
            for count, n, k, s, p in zip(counts, sizes, kernel, stride, pad, strict=True)
        )
    elif convention == "same":
        if any(pad):
            raise MXNetError("pooling: pooling_convention 'same' works out the padding; leave pad")
        gaps = [
            max((math.ceil(n / s) - 1) * s + k - n, 0)
            for n, k, s in zip(sizes, kernel, stride, strict=True)
        ]
        before = tuple(gap // 2 for gap in gaps)
        after = tuple(gap - gap // 2 for gap in gaps)
    else:
        raise MXNetError(
            f"pooling: pooling_convention is 'valid', 'full' or 'same', not {convention!r}"
        )
    return Windows(kernel, stride, (1,) * len(sizes), before, after)


def _average(x: A, windows: Windows, pad: tuple[int, ...], count_padding: bool) -> A:
    """Window means. Places of the padding that the user gave count, those added behind do not."""
    sizes = x.shape[2:]
    margin = pad if count_padding else (0,) * len(sizes)
    counts = elements(windows, sizes, margin).clip(1)
    total = totals(x, windows)
    if (counts == counts.flat[0]).all():
        return total / int(counts.flat[0])
    return total / f.to_array(f.face_of(x), counts, x.dtype)


def _power_mean(x: A, windows: Windows, p_value: int | None) -> A:
    """The p-th root of the windows' sums of p-th powers; at 0 the gradient is 0."""
    if p_value not in (1, 2, 3):
        raise MXNetError(f"pooling: pool_type 'lp' needs a p_value of 1, 2 or 3, not {p_value!r}")
    if p_value == 1:
        return totals(x, windows)
    total = totals(x**p_value, windows)
    zero = f.as_dtype(total == 0, total.dtype)
    return f.unary_op("sign", total) * (f.unary_op("abs", total) + zero) ** (1 / p_value)


@functools.lru_cache(maxsize=256)
def _pooled(
    kind: str, kernel: Sizes, stride: Sizes, pad: Sizes, full: bool, count_padding: bool
) -> Pooling:
    return Pooling(kind, kernel, stride, pad, full, count_padding)


@op
@at_least_single
def pooling(
    data: Tensor,
    kernel: Any = (),
    pool_type: str = "max",
    global_pool: bool = False,
    pooling_convention: str = "valid",
    stride: Any = (),
    pad: Any = (),
    p_value: int | None = None,
    count_include_pad: bool | None = None,
    layout: str | None = None,
    **tuning: Any,
) -> Tensor:
    """Reduce each window to one number.

    Parameters
    ----------
    data : array of floats, shape ``(batch, channels, *sizes)``
    kernel, stride, pad : tuple of int, optional
        One for each spatial axis.
    pool_type : {'max', 'avg', 'sum', 'lp'}
        Of equal largest elements the first has the gradient; "lp" is the `p_value`-th root of the
        sum of `p_value`-th powers.
    global_pool : bool
        One window over everything.
    pooling_convention : {'valid', 'full', 'same'}
        Whole windows only; also the partial one at the end; or as many as there are strides.
    p_value : {1, 2, 3}, optional
    count_include_pad : bool, optional
        Whether the padding counts in an average; it does by default.
    layout : str, optional
    **tuning
        `workspace`, `cudnn_tune`, `cudnn_off`: of no effect, for they tune GPU libraries.

    Returns
    -------
    array, shape ``(batch, channels, *sizes)``

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.pooling(np.array([[[1, 4, 3, 2]]]), kernel=(2,), stride=(2,))
    array([[[4., 3.]]])
    """
    check_tuning("pooling", tuning)
    axes, last = _spatial_axes("pooling", data, layout)
    if last:
        data = channels_second(data)
    sizes = data.shape[2:]
    if global_pool:
        kernel, stride, pad, pooling_convention = sizes, None, None, "valid"
    elif kernel is None or (isinstance(kernel, Sequence) and not len(kernel)):
        raise MXNetError("pooling: give a kernel, or global_pool=True")
    kernel = _sizes("pooling: kernel", kernel, 1, axes, 1)
    stride = _sizes("pooling: stride", stride, 1, axes, 1)
    pad = _sizes("pooling: pad", pad, 0, axes, 0)
    if any(p >= k for p, k in zip(pad, kernel, strict=True)):
        raise MXNetError(f"pooling: pad {pad} must be smaller than kernel {kernel}")
    windows = _pooling_windows(sizes, kernel, stride, pad, pooling_convention)
    if min(windows.counts(sizes)) < 1:
        raise ShapeError(f"pooling: kernel {kernel} exceeds the data of shape {data.shape} with "
                         f"padding {pad}")  # fmt: skip
    out = None
    if pooling_convention in ("valid", "full") and pool_type in ("max", "avg", "sum"):
        full = pooling_convention == "full"
        out = _pooled(pool_type, kernel, stride, pad, full, count_include_pad is not False)(data)
    if out is not None:
        pass
    elif pool_type == "max":
        out = largest(data, windows)
    elif pool_type == "avg":
        out = _average(data, windows, pad, count_include_pad is not False)
    elif pool_type == "sum":
        out = totals(data, windows)
    elif pool_type == "lp":
        out = _power_mean(data, windows, p_value)
    else:
        raise MXNetError(f"pooling: pool_type is 'max', 'avg', 'sum' or 'lp', not {pool_type!r}")
    return channels_last(out) if last else out


# ---- packed windows as MXNet shows them ----------------------------------------------------------


def _packing(op: str, axes: int, kernel: Any, stride: Any, dilate: Any, pad: Any) -> Windows:
    padding = _sizes(f"{op}: pad", pad, 0, axes, 0)
    return Windows(
        _sizes(f"{op}: kernel", kernel, 1, axes, 1),
        _sizes(f"{op}: stride", stride, 1, axes, 1),
        _sizes(f"{op}: dilate", dilate, 1, axes, 1),
        padding,
        padding,
    )


@op
def im2col(data: Tensor, kernel: Any, stride: Any = (), dilate: Any = (), pad: Any = ()) -> Tensor:
    """Pack windows into columns.

    Parameters
    ----------
    data : array, shape ``(batch, channels, *sizes)``
    kernel, stride, dilate, pad : tuple of int

    Returns
    -------
    Tensor, shape (batch, channels * places in a window, windows)

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.im2col(nd.array([[[1, 2, 3]]]), kernel=(2,)).asnumpy()
    array([[[1., 2.],
            [2., 3.]]], dtype=float32)
    """
    axes, _ = _spatial_axes("im2col", data, None)
    windows = _packing("im2col", axes, kernel, stride, dilate, pad)
    packed = unfold(data, windows)
    channels, places, batch = packed.shape[:3]
    packed = f.transpose(f.reshape(packed, (channels * places, batch, -1)), (1, 0, 2))
    return f.reshape(packed, packed.shape)


@op
def col2im(
    data: Tensor,
    output_size: Any,
    kernel: Any,
    stride: Any = (),
    dilate: Any = (),
    pad: Any = (),
) -> Tensor:
    """Add columns up at the places that `im2col` took them from.

    Parameters
    ----------
    data : array, shape (batch, channels * places in a window, windows)
    output_size : tuple of int
        The spatial sizes of the result.
    kernel, stride, dilate, pad : tuple of int

    Examples
    --------
    >>> from microlazy import nd
    >>> nd.col2im(nd.ones((1, 2, 2)), output_size=(3,), kernel=(2,)).asnumpy()
    array([[[1., 2., 1.]]], dtype=float32)
    """
    sizes = tuple(output_size)
    windows = _packing("col2im", len(sizes), kernel, stride, dilate, pad)
    places, counts = math.prod(windows.kernel), windows.counts(sizes)
    if data.ndim != 3 or data.shape[1] % places or data.shape[2] != math.prod(counts):
        raise ShapeError(
            f"col2im: data of shape {data.shape} does not fit output_size {sizes}: expected "
            f"(batch, channels * {places}, {math.prod(counts)})"
        )
    batch, rows, _ = data.shape
    packed = f.reshape(f.transpose(data, (1, 0, 2)), (rows // places, places, batch, *counts))
    return fold(packed, windows, sizes)
