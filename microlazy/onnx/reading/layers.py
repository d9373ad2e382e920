"""Convolutions, pooling, normalization and images in other sizes."""

from __future__ import annotations

import math
from typing import Any

from microlazy.onnx.reading.call import Call, reads
from microlazy.onnx.reading.graph import Value
from microlazy.onnx.reading.reductions import normalized
from microlazy.onnx.reading.shapes import padded


class _Window:
    """The attributes that convolutions and pooling share."""

    def __init__(self, call: Call, kernel: list[int]) -> None:
        self.axes = call.rank() - 2
        if len(kernel) != self.axes or not 1 <= self.axes <= 3:
            raise call.refusal(f"a kernel {kernel} for an input with {call.rank()} axes")
        self.kernel = kernel
        self.stride = self._numbers(call, "strides", 1)
        self.dilate = self._numbers(call, "dilations", 1)
        self.before, self.behind = self._pads(call)

    def _numbers(self, call: Call, name: str, default: int) -> list[int]:
        found = call.attribute(name) or [default] * self.axes
        if len(found) != self.axes:
            raise call.refusal(f"{name} = {found} for {self.axes} axes")
        return [int(number) for number in found]

    def _pads(self, call: Call) -> tuple[list[int], list[int]]:
        call.only("auto_pad", "NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER")
        auto = call.attribute("auto_pad", "NOTSET")
        if auto in ("NOTSET", "VALID"):
            pads = call.attribute("pads") if auto == "NOTSET" else None
            pads = [int(pad) for pad in pads or [0] * 2 * self.axes]
            if len(pads) != 2 * self.axes or min(pads) < 0:
                raise call.refusal(f"pads = {pads} for {self.axes} axes")
            return pads[: self.axes], pads[self.axes :]
        before, behind = [], []
        for axis in range(self.axes):
            size = call.shape()[axis + 2]
            if size is None and self.stride[axis] != 1:
                raise call.refusal(f"auto_pad = {auto!r} needs a size that is not free")
            spread = (self.kernel[axis] - 1) * self.dilate[axis] + 1
            steps = -(-(size or 1) // self.stride[axis])
            total = max((steps - 1) * self.stride[axis] + spread - (size or 1), 0)
            small, large = total // 2, total - total // 2
            before.append(large if auto == "SAME_LOWER" else small)
            behind.append(small if auto == "SAME_LOWER" else large)
        return before, behind

    def even(self, call: Call, x: Value, fill: float) -> tuple[Value, list[int]]:
        """The input and the same padding on both sides; what is more becomes a part of it."""
        if self.before == self.behind:
            return x, self.before
        widths = [0] * 4
        for pair in zip(self.before, self.behind, strict=True):
            widths += pair
        return padded(call, x, widths, "constant", fill), [0] * self.axes


@reads("Conv")
def _conv(call: Call) -> Value:
    weight = call.input(1)
    filters, _, *kernel = weight.pair.first
    window = _Window(call, call.attribute("kernel_shape") or kernel)
    x, pad = window.even(call, call.input(), 0.0)
    return call.call(
        "Convolution",
        x,
        *call.inputs[1:],
        kernel=tuple(window.kernel),
        stride=tuple(window.stride),
        dilate=tuple(window.dilate),
        pad=tuple(pad),
        num_filter=filters,
        num_group=call.attribute("group", 1),
        no_bias=not call.has(2),
    )


@reads("ConvTranspose")
def _conv_transpose(call: Call) -> Value:
    call.only("auto_pad", "NOTSET", "VALID")
    call.only("output_shape")
    _, filters, *kernel = call.input(1).pair.first
    window = _Window(call, call.attribute("kernel_shape") or kernel)
    group = call.attribute("group", 1)
    adj = call.attribute("output_padding") or [0] * window.axes
    pad = [min(pair) for pair in zip(window.before, window.behind, strict=True)]
    found = call.call(
        "Deconvolution",
        call.input(),
        *call.inputs[1:],
        kernel=tuple(window.kernel),
        stride=tuple(window.stride),
        dilate=tuple(window.dilate),
        pad=tuple(pad),
        adj=tuple(adj),
        num_filter=filters * group,
        num_group=group,
        no_bias=not call.has(2),
    )
    cut = [0] * 4
    for axis in range(window.axes):
        cut += [pad[axis] - window.before[axis], pad[axis] - window.behind[axis]]
    return padded(call, found, cut, "constant", 0.0)


@reads("MaxPool", "AveragePool", "LpPool")
def _pool(call: Call) -> list[Value]:
    window = _Window(call, call.need("kernel_shape"))
    if any(step != 1 for step in window.dilate):
        raise call.refusal("dilations cannot be read")
    call.only("storage_order", 0)
    kind = {"MaxPool": "max", "AveragePool": "avg", "LpPool": "lp"}[call.operator]
    options: dict[str, Any] = {"pool_type": kind}
    if kind == "avg":
        counted = bool(call.attribute("count_include_pad", 0))
        options["count_include_pad"] = counted
        if not counted and window.before != window.behind:
            raise call.refusal("uneven pads that do not count cannot be read")
    if kind == "lp":
        options["p_value"] = call.attribute("p", 2)
    x, pad = window.even(call, call.input(), -math.inf if kind == "max" else 0.0)
    full = bool(call.attribute("ceil_mode", 0)) and _is_uneven(call, window)
    found = call.call(
        "Pooling",
        x,
        kernel=tuple(window.kernel),
        stride=tuple(window.stride),
        pad=tuple(pad),
        pooling_convention="full" if full else "valid",
        **options,
    )
    return [found]  # the places of the maxima are no output here


def _is_uneven(call: Call, window: _Window) -> bool:
    """Whether a last window is cut off, which ceil_mode keeps.

    Raises
    ------
    MXNetError
        If it would begin in the padding: MXNet keeps that one too, ONNX does not.
    """
    found = False
    for axis in range(window.axes):
        size = call.shape()[axis + 2]
        if size is None:
            if window.before[axis] + window.behind[axis]:
                raise call.refusal("ceil_mode with pads needs sizes that are not free")
            found = True
            continue
        whole = size + window.before[axis] + window.behind[axis] - window.kernel[axis]
        steps = -(-whole // window.stride[axis])
        if whole % window.stride[axis]:
            found = True
            if steps * window.stride[axis] >= size + window.before[axis]:
                raise call.refusal("a last window in the padding cannot be read")
    return found


@reads("GlobalAveragePool", "GlobalMaxPool")
def _global_pool(call: Call) -> Value:
    kind = "avg" if call.operator == "GlobalAveragePool" else "max"
    kernel = (1,) * (call.rank() - 2)
    return call.call("Pooling", call.input(), kernel=kernel, global_pool=True, pool_type=kind)


# ---- normalization -------------------------------------------------------------------------------


@reads("BatchNormalization")
def _batch_norm(call: Call) -> list[Value]:
    call.only("training_mode", 0)
    call.only("spatial", 1)
    return [
        call.call(
            "BatchNorm",
            *call.inputs,
            eps=float(call.attribute("epsilon", 1e-5)),
            momentum=float(call.attribute("momentum", 0.9)),
            fix_gamma=False,
            axis=1,
        )
    ]


@reads("LayerNormalization", "RMSNormalization")
def _layer_norm(call: Call) -> list[Value]:
    axis, epsilon = call.axis(-1), float(call.attribute("epsilon", 1e-5))
    x, scale, *bias = call.inputs
    last = axis == call.rank() - 1 and call.rank(1) == 1
    if last and bias and call.operator == "LayerNormalization":
        return [call.call("LayerNorm", x, scale, *bias, axis=-1, eps=epsilon)]
    axes = tuple(range(axis, call.rank()))
    if call.operator == "LayerNormalization":
        found = normalized(call, x, axes, epsilon)
    else:
        square = call.call("mean", call.call("square", x), axis=axes, keepdims=True)
        factor = call.call("rsqrt", call.call("_plus_scalar", square, scalar=epsilon))
        found = call.call("broadcast_mul", x, factor)
    found = call.call("broadcast_mul", found, scale)
    return [call.call("broadcast_add", found, *bias) if bias else found]


@reads("InstanceNormalization")
def _instance_norm(call: Call) -> Value:
    epsilon = float(call.attribute("epsilon", 1e-5))
    return call.call("InstanceNorm", *call.inputs, eps=epsilon)


@reads("GroupNormalization")
def _group_norm(call: Call) -> Value:
    groups, epsilon = call.need("num_groups"), float(call.attribute("epsilon", 1e-5))
    x, scale, bias = call.inputs
    channels = call.shape()[1]
    if channels is None or channels % groups:
        raise call.refusal(f"{channels} channels in {groups} groups")
    if call.shape(1) != (channels,):  # before opset 21 there is one for each group
        scale, bias = (call.call("repeat", part, repeats=channels // groups, axis=0)
                       for part in (scale, bias))  # fmt: skip
    return call.call("GroupNorm", x, scale, bias, num_groups=groups, eps=epsilon)


@reads("LRN")
def _lrn(call: Call) -> Value:
    return call.call(
        "LRN",
        call.input(),
        nsize=call.need("size"),
        alpha=float(call.attribute("alpha", 1e-4)),
        beta=float(call.attribute("beta", 0.75)),
        knorm=float(call.attribute("bias", 1.0)),
    )


# ---- images in other sizes -----------------------------------------------------------------------


@reads("Resize", "Upsample")
def _resize(call: Call) -> Value:
    mode = call.attribute("mode", "nearest")
    place = call.attribute("coordinate_transformation_mode", "half_pixel")
    if call.operator == "Upsample":
        place, scales = "asymmetric", call.attribute("scales")
        scales = [float(s) for s in call.array(1)] if scales is None else scales
    else:
        scales = _scales(call)
    if call.rank() != 4 or len(scales) != 4 or list(scales[:2]) != [1, 1]:
        raise call.refusal("only images, (batch, channels, height, width), can be read")
    call.only("antialias", 0)
    if mode == "nearest":
        return _nearest(call, scales, place)
    if mode != "linear" or place not in ("align_corners", "half_pixel", "pytorch_half_pixel"):
        raise call.refusal(f"mode {mode!r} with {place!r} cannot be read")
    if None in call.shape()[2:]:
        raise call.refusal("it needs sizes that are not free: give shapes to load()")
    known = call.input().pair.first[2:]
    height, width = (
        math.floor(size * scale + 1e-6) for size, scale in zip(known, scales[2:], strict=True)
    )
    return call.call(
        "_contrib_BilinearResize2D",
        call.input(),
        height=height,
        width=width,
        align_corners=place == "align_corners",
    )


def _scales(call: Call) -> list[float]:
    """By what each axis is multiplied, told by scales or by sizes."""
    rank = call.rank()
    axes = [call.in_range(axis, rank) for axis in call.attribute("axes") or range(rank)]
    found = [1.0] * rank
    if call.has(3):
        for run in range(2):
            sizes = call.both(3)[run]
            ratios = [size / call.input().pair[run][axis]
                      for size, axis in zip(sizes, axes, strict=True)]  # fmt: skip
            for axis, ratio in zip(axes, ratios, strict=True):
                if run and not math.isclose(found[axis], ratio, rel_tol=1e-6):
                    raise call.refusal("its scales depend on a free size: give shapes to load()")
                found[axis] = ratio
        return found
    place = 1 if call.opset < 11 else 2
    for axis, scale in zip(axes, call.array(place).reshape(-1), strict=True):
        found[axis] = float(scale)
    return found


def _nearest(call: Call, scales: list[float], place: str) -> Value:
    rounding = call.attribute("nearest_mode", "round_prefer_floor")
    whole = scales[2] == scales[3] and float(scales[2]).is_integer() and scales[2] >= 1
    same = (place == "asymmetric" and rounding == "floor") or (
        place in ("half_pixel", "pytorch_half_pixel") and rounding.startswith("round")
    )
    if call.operator == "Upsample":
        same = True
    if not (whole and same):
        raise call.refusal(f"scales {scales[2:]} with {place!r} and {rounding!r} cannot be read")
    return call.call(
        "UpSampling", call.input(), scale=int(scales[2]), sample_type="nearest", num_args=1
    )


@reads("MaxRoiPool")
def _roi_pool(call: Call) -> Value:
    size, scale = tuple(call.need("pooled_shape")), float(call.attribute("spatial_scale", 1.0))
    return call.call("ROIPooling", *call.inputs, pooled_size=size, spatial_scale=scale)
