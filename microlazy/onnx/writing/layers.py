"""Convolutions, pooling, normalization, images in other sizes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy

from microlazy.onnx.free_sizes import Pair
from microlazy.onnx.writing.call import Call, writes


def _window(call: Call, name: str, axes: int, default: int) -> list[int]:
    given = call.value(name)
    if isinstance(given, int):
        return [given] * axes
    return [int(size) for size in given] if given else [default] * axes


def _channels_first(call: Call, name: str, layout: str | None) -> str:
    """A tensor whose channels may be last, as one where they are the second axis."""
    if layout is None or layout.index("C") == 1:
        return name
    rank = len(layout)
    return call.permuted(name, [0, rank - 1, *range(1, rank - 1)])


def _channels_back(call: Call, name: str, layout: str | None) -> str:
    if layout is None or layout.index("C") == 1:
        return name
    return call.permuted(name, [0, *range(2, len(layout)), 1])


@writes("Convolution")
def _convolution(call: Call) -> str:
    layout, axes = call.value("layout"), call.rank() - 2
    x, weight = (_channels_first(call, name, layout) for name in call.inputs[:2])
    pads = _window(call, "pad", axes, 0)
    found = call.add(
        "Conv",
        x,
        weight,
        *call.inputs[2:],
        kernel_shape=_window(call, "kernel", axes, 1),
        strides=_window(call, "stride", axes, 1),
        dilations=_window(call, "dilate", axes, 1),
        pads=pads * 2,
        group=call.value("num_group", 1),
    )
    return _channels_back(call, found, layout)


@writes("Deconvolution")
def _deconvolution(call: Call) -> str:
    layout, axes = call.value("layout"), call.rank() - 2
    x, weight = (_channels_first(call, name, layout) for name in call.inputs[:2])
    kernel, strides, dilations = (
        _window(call, name, axes, 1) for name in ("kernel", "stride", "dilate")
    )
    pads, adj = _window(call, "pad", axes, 0), _window(call, "adj", axes, 0)
    if call.value("target_shape"):
        start = 1 if layout is not None and layout.index("C") != 1 else 2
        for axis, target in enumerate(call.value("target_shape")):
            spread = dilations[axis] * (kernel[axis] - 1) + 1
            over = strides[axis] * (call.size(start + axis) - 1) + spread - target
            pads[axis], adj[axis] = (over + 1) // 2, over % 2
    found = call.add(
        "ConvTranspose",
        x,
        weight,
        *call.inputs[2:],
        kernel_shape=kernel,
        strides=strides,
        dilations=dilations,
        pads=pads * 2,
        output_padding=adj,
        group=call.value("num_group", 1),
    )
    return _channels_back(call, found, layout)


@writes("Pooling")
def _pooling(call: Call) -> str:
    layout, kind = call.value("layout"), call.value("pool_type")
    x, axes = _channels_first(call, call.inputs[0], layout), call.rank() - 2
    if call.value("global_pool"):
        return _channels_back(call, _global_pool(call, x, kind, axes), layout)
    options = {
        "kernel_shape": _window(call, "kernel", axes, 1),
        "strides": _window(call, "stride", axes, 1),
        "pads": _window(call, "pad", axes, 0) * 2,
    }
    convention = call.value("pooling_convention")
    if convention == "same":
        raise call.refusal("ONNX has no pooling_convention 'same'")
    ceil = int(convention == "full")
    if kind == "max":
        found = call.add("MaxPool", x, **options, ceil_mode=ceil)
    elif kind == "avg":
        counted = int(call.value("count_include_pad", True))
        found = call.add("AveragePool", x, **options, ceil_mode=ceil, count_include_pad=counted)
    elif kind == "lp":
        found = call.add("LpPool", x, **options, ceil_mode=ceil, p=call.value("p_value"))
    elif kind == "sum":
        found = call.add("AveragePool", x, **options, ceil_mode=ceil, count_include_pad=1)
        found = call.add("Mul", found, call.number(math.prod(options["kernel_shape"])))
    else:
        raise call.refusal(f"ONNX has no pooling {kind!r}")
    return _channels_back(call, found, layout)


def _global_pool(call: Call, x: str, kind: str, axes: int) -> str:
    if kind == "sum":
        return call.add("ReduceSum", x, call.integers(*range(2, axes + 2)))
    if kind == "lp":
        return call.add("GlobalLpPool", x, p=call.value("p_value"))
    return call.add({"max": "GlobalMaxPool", "avg": "GlobalAveragePool"}[kind], x)


@writes("_contrib_AdaptiveAvgPooling2D")
def _adaptive(call: Call) -> str:
    """Means of windows that differ in size: a product with a matrix of weights on either side."""
    size = call.value("output_size") or (1, 1)
    size = (size,) if isinstance(size, int) else tuple(size)
    height, width = size * 2 if len(size) == 1 else size
    if (height, width) == (1, 1):
        return call.add("GlobalAveragePool", call.inputs[0])
    rows = call.constant(_means(call.size(2), height), call.dtypes[0])
    columns = call.constant(_means(call.size(3), width).T, call.dtypes[0])
    return call.add("MatMul", call.add("MatMul", rows, call.inputs[0]), columns)


def _means(size: int, count: int) -> numpy.ndarray:
    """A matrix whose row i is the mean over the window i."""
    found = numpy.zeros((count, size))
    for i in range(count):
        begin, end = i * size // count, -(-(i + 1) * size // count)
        found[i, begin:end] = 1 / (end - begin)
    return found


# ---- normalization -------------------------------------------------------------------------------


@writes("BatchNorm", "_contrib_SyncBatchNorm", "_contrib_BatchNormWithReLU")
def _batch_norm(call: Call) -> str | list[str]:
    """What a trained network computes: with the running mean and variance."""
    x, gamma, beta, mean, variance = call.inputs
    axis, rank = call.axis(default=1), call.rank()
    if call.value("fix_gamma"):
        gamma = call.constant(numpy.ones(call.size(0, 1)), call.dtypes[1])
    axes = [0, axis, *(i for i in range(1, rank) if i != axis)]
    moved = call.permuted(x, axes)
    found = call.add(
        "BatchNormalization", moved, gamma, beta, mean, variance, epsilon=float(call.value("eps"))
    )
    found = call.permuted(found, [axes.index(i) for i in range(rank)])
    if call.operator == "_contrib_BatchNormWithReLU":
        found = call.add("Relu", found)
    return [found, mean, variance] if call.value("output_mean_var") else found


@writes("LayerNorm")
def _layer_norm(call: Call) -> str:
    _need_one_output(call)
    axis, rank = call.axis(default=-1), call.rank()
    axes = [*(i for i in range(rank) if i != axis), axis]
    x = call.permuted(call.inputs[0], axes)
    epsilon = float(call.value("eps"))
    found = call.add("LayerNormalization", x, *call.inputs[1:], axis=-1, epsilon=epsilon)
    return call.permuted(found, [axes.index(i) for i in range(rank)])


def _need_one_output(call: Call) -> None:
    if call.value("output_mean_var"):
        raise call.refusal("output_mean_var cannot be written")


@writes("InstanceNorm")
def _instance_norm(call: Call) -> str:
    return call.add("InstanceNormalization", *call.inputs, epsilon=float(call.value("eps")))


@writes("GroupNorm")
def _group_norm(call: Call) -> str:
    """A group is normalized as a channel is in InstanceNormalization."""
    _need_one_output(call)
    groups, epsilon = call.value("num_groups"), float(call.value("eps"))
    grouped = call.add("Reshape", call.inputs[0], call.integers(0, groups, -1))
    by_group = call.shape(1) == (groups,)
    factors = call.inputs[1:] if by_group else [
        call.constant(numpy.full(groups, fill), call.dtypes[0]) for fill in (1, 0)
    ]  # fmt: skip
    found = call.add("InstanceNormalization", grouped, *factors, epsilon=epsilon)
    middle = _flat_groups(call.pairs[0], groups)
    found = call.reshaped(found, middle, call.pairs[0])
    if by_group:
        return found
    places = call.integers(*range(1, call.rank() - 1))
    gamma, beta = (call.add("Unsqueeze", name, places) for name in call.inputs[1:])
    return call.add("Add", call.add("Mul", found, gamma), beta)


def _flat_groups(pair: Pair, groups: int) -> Pair:
    first, second = ((sizes[0], groups, math.prod(sizes[1:]) // groups) for sizes in pair)
    return Pair(first, second)


@writes("L2Normalization")
def _l2(call: Call) -> str:
    rank, mode = call.rank(), call.value("mode")
    axes: Sequence[int] = {"instance": range(1, rank), "channel": [1], "spatial": range(2, rank)}[
        mode
    ]
    squares = call.add("ReduceSumSquare", call.inputs[0], call.integers(*axes), keepdims=1)
    length = call.add("Sqrt", call.add("Add", squares, call.number(float(call.value("eps")))))
    return call.add("Div", call.inputs[0], length)


@writes("LRN")
def _lrn(call: Call) -> str:
    return call.add(
        "LRN",
        call.inputs[0],
        size=call.value("nsize"),
        alpha=float(call.value("alpha")),
        beta=float(call.value("beta")),
        bias=float(call.value("knorm")),
    )


# ---- images in other sizes -----------------------------------------------------------------------


@writes("UpSampling")
def _upsampling(call: Call) -> str:
    scale = call.value("scale")
    if call.value("sample_type") == "bilinear":
        kernel, pad = 2 * scale - scale % 2, math.ceil((scale - 1) / 2)
        return call.add(
            "ConvTranspose",
            *call.inputs,
            kernel_shape=[kernel] * 2,
            strides=[scale] * 2,
            pads=[pad] * 4,
            group=call.size(1),
        )
    if len(call.inputs) != 1:
        raise call.refusal("several inputs of UpSampling cannot be written")
    scales = call.constant([1, 1, scale, scale], "float32")
    return call.add(
        "Resize",
        call.inputs[0],
        "",
        scales,
        mode="nearest",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
    )


@writes("_contrib_BilinearResize2D")
def _bilinear(call: Call) -> str:
    height, width = call.out_pairs[0].first[2:]
    if None in call.out_shape()[2:]:
        raise call.refusal("the size of its output must be numbers")
    corners = bool(call.value("align_corners"))
    sizes = call.add("Shape", call.inputs[0], start=0, end=2)
    sizes = call.add("Concat", sizes, call.integers(height, width), axis=0)
    return call.add(
        "Resize",
        call.inputs[0],
        "",
        "",
        sizes,
        mode="linear",
        coordinate_transformation_mode="align_corners" if corners else "half_pixel",
    )


@writes("ROIPooling")
def _roi_pooling(call: Call) -> str:
    return call.add(
        "MaxRoiPool",
        *call.inputs,
        pooled_shape=list(call.value("pooled_size")),
        spatial_scale=float(call.value("spatial_scale")),
    )
