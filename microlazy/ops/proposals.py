"""Regions that a detector proposes (Ren et al. 2015), and the means of their parts."""

import math
from collections.abc import Sequence
from typing import Any, TypeVar

import numpy

from microlazy.base import MXNetError, ShapeError
from microlazy.core import functions as f
from microlazy.core.ops.numpy_call import call, call_many
from microlazy.core.tensor import Tensor
from microlazy.ops.arguments import op
from microlazy.ops.checks import as_tuple

A = TypeVar("A", bound=Tensor)
Array = numpy.ndarray


# ---- proposals -----------------------------------------------------------------------------------


@op
def proposal(
    cls_prob: A,
    bbox_pred: A,
    im_info: A,
    rpn_pre_nms_top_n: int = 6000,
    rpn_post_nms_top_n: int = 300,
    threshold: float = 0.7,
    rpn_min_size: int = 16,
    scales: Any = (4.0, 8.0, 16.0, 32.0),
    ratios: Any = (0.5, 1.0, 2.0),
    feature_stride: int = 16,
    output_score: bool = False,
    iou_loss: bool = False,
) -> Any:
    """Return the best regions that a network proposes, for one or several images.

    Parameters
    ----------
    cls_prob : array, shape (batch, 2 * anchors, rows, columns)
        How probable background and an object are, for each anchor at each place.
    bbox_pred : array, shape (batch, 4 * anchors, rows, columns)
        How anchors are moved and stretched.
    im_info : array, shape (batch, 3)
        Height, width and scale of each image.
    rpn_pre_nms_top_n, rpn_post_nms_top_n : int
        How many regions are looked at, and how many are returned for each image; if fewer are
        left, they are repeated.
    threshold : float
        Above this overlap with a better region a region is dropped.
    rpn_min_size : int
        The least width and height, in pixels of the image before scaling.
    scales, ratios : tuple of float
        Of the anchors, of which there is one for each pair.
    feature_stride : int
        How many pixels there are between places.
    output_score : bool
        Return the scores too.
    iou_loss : bool
        Whether `bbox_pred` moves the corners.

    Returns
    -------
    array, shape (batch * rpn_post_nms_top_n, 5)
        The number of the image, and left, top, right and bottom; with `output_score` a list of it
        and scores of shape (batch * rpn_post_nms_top_n, 1). They have no gradient.

    Raises
    ------
    ShapeError
        If the arrays do not fit each other or the anchors.

    Notes
    -----
    Ren et al., "Faster R-CNN", 2015.

    Examples
    --------
    >>> from microlazy import nd
    >>> scores, moves = nd.ones((1, 2, 1, 1)), nd.zeros((1, 4, 1, 1))
    >>> options = {"scales": (1,), "ratios": (1,), "rpn_min_size": 1, "rpn_post_nms_top_n": 1}
    >>> nd.contrib.Proposal(scores, moves, nd.array([[16, 12, 1]]), **options).asnumpy()
    array([[ 0.,  0.,  0., 11., 15.]], dtype=float32)
    """
    options: dict[str, Any] = {
        "scales": tuple(map(float, as_tuple(scales))),
        "ratios": tuple(map(float, as_tuple(ratios))),
        "stride": int(feature_stride),
        "looked_at": int(rpn_pre_nms_top_n),
        "kept": int(rpn_post_nms_top_n),
        "threshold": float(threshold),
        "least": float(rpn_min_size),
        "corners": bool(iou_loss),
    }
    count = len(options["scales"]) * len(options["ratios"])
    _need_maps(cls_prob, bbox_pred, im_info, count)
    if options["kept"] < 1 or options["stride"] < 1:
        raise MXNetError(
            f"Proposal: rpn_post_nms_top_n={rpn_post_nms_top_n} and "
            f"feature_stride={feature_stride} must be at least 1"
        )
    found = call_many(_proposed, [cls_prob, bbox_pred, im_info], options, results=_proposed_results)
    return list(found) if output_score else found[0]


def _need_maps(cls_prob: Tensor, bbox_pred: Tensor, im_info: Tensor, anchors: int) -> None:
    if cls_prob.ndim != 4:
        raise ShapeError(f"Proposal: cls_prob must have 4 axes, not the shape {cls_prob.shape}")
    batch, _, rows, columns = cls_prob.shape
    expected = {
        "cls_prob": (cls_prob, (batch, 2 * anchors, rows, columns)),
        "bbox_pred": (bbox_pred, (batch, 4 * anchors, rows, columns)),
        "im_info": (im_info, (batch, 3)),
    }
    for name, (array, shape) in expected.items():
        if array.shape != shape:
            raise ShapeError(
                f"Proposal: with {anchors} anchors {name} must have shape {shape}, not "
                f"{array.shape}"
            )


def _proposed_results(
    cls_prob: Tensor, bbox_pred: Tensor, im_info: Tensor, **options: Any
) -> tuple[list[tuple[int, ...]], Any]:
    rows = cls_prob.shape[0] * _kept(cls_prob.shape, options)
    return [(rows, 5), (rows, 1)], cls_prob.dtype


def _kept(shape: Sequence[int], options: dict[str, Any]) -> int:
    """How many regions are returned for an image: no more than are looked at."""
    regions = shape[1] // 2 * shape[2] * shape[3]
    looked_at = min(options["looked_at"], regions) if options["looked_at"] > 0 else regions
    return min(options["kept"], looked_at)


def _proposed(
    cls_prob: Array, bbox_pred: Array, im_info: Array, **options: Any
) -> tuple[Array, Array]:
    options |= {"kept": _kept(cls_prob.shape, options)}
    parts = []
    for image, (scores, moves, info) in enumerate(zip(cls_prob, bbox_pred, im_info, strict=True)):
        boxes, values = _of_image(scores, moves, info, **options)
        parts.append((numpy.insert(boxes, 0, image, axis=1), values[:, None]))
    boxes, values = (numpy.concatenate(part) for part in zip(*parts, strict=True))
    return boxes.astype(cls_prob.dtype), values.astype(cls_prob.dtype)


def _of_image(
    probabilities: Array,
    moves: Array,
    info: Array,
    scales: Sequence[float],
    ratios: Sequence[float],
    stride: int,
    looked_at: int,
    kept: int,
    threshold: float,
    least: float,
    corners: bool,
) -> tuple[Array, Array]:
    """The boxes of one image, best first, and their scores."""
    count, (rows, columns) = len(scales) * len(ratios), probabilities.shape[1:]
    scores = probabilities[count:].transpose(1, 2, 0).copy()
    down, across = (numpy.arange(n) * stride for n in (rows, columns))
    places = numpy.stack(numpy.broadcast_arrays(across[None, :], down[:, None]) * 2, -1)
    boxes = places[:, :, None] + _anchors(scales, ratios, stride)
    deltas = moves.reshape(count, 4, rows, columns).transpose(2, 3, 0, 1)
    boxes = boxes + deltas if corners else _moved(boxes, deltas)
    height, width, scale = info
    boxes = boxes.clip(0, [width - 1, height - 1] * 2)
    scores[int(height / stride) :] = -1
    scores[:, int(width / stride) :] = -1
    boxes, scores = boxes.reshape(-1, 4), scores.reshape(-1)
    small = (boxes[:, 2:] - boxes[:, :2] + 1 < least * scale).any(1)
    boxes[small] += numpy.array([-0.5, -0.5, 0.5, 0.5]) * least * scale
    scores[small] = -1
    order = numpy.argsort(-scores, kind="stable")[: looked_at if looked_at > 0 else None]
    boxes, scores = boxes[order], scores[order]
    best = _suppressed(boxes, threshold, kept)
    chosen = best[numpy.arange(kept) % len(best)]
    return boxes[chosen], scores[chosen]


def _anchors(scales: Sequence[float], ratios: Sequence[float], stride: int) -> Array:
    """Boxes of all ratios and scales around the middle of a square of `stride` pixels."""
    middle = (stride - 1) / 2
    found = []
    for ratio in ratios:
        wide = math.floor(math.sqrt(math.floor(stride * stride / ratio)) + 0.5)
        high = math.floor(wide * ratio + 0.5)
        for scale in scales:
            x, y = (wide * scale - 1) / 2, (high * scale - 1) / 2
            found.append([middle - x, middle - y, middle + x, middle + y])
    return numpy.array(found)


def _moved(boxes: Array, deltas: Array) -> Array:
    """Boxes moved by parts of their size, and stretched by exponential functions."""
    sizes = boxes[..., 2:] - boxes[..., :2] + 1
    middle = boxes[..., :2] + (sizes - 1) / 2 + deltas[..., :2] * sizes
    half = (numpy.exp(deltas[..., 2:]) * sizes - 1) / 2
    return numpy.concatenate([middle - half, middle + half], -1)


def _suppressed(boxes: Array, threshold: float, most: int) -> Array:
    """The places of boxes that do not overlap a better one; they are sorted, best first."""
    areas = (boxes[:, 2:] - boxes[:, :2] + 1).prod(1)
    left = numpy.arange(len(boxes))
    found: list[int] = []
    while len(left) and len(found) < most:
        best, left = left[0], left[1:]
        found.append(best)
        low = numpy.maximum(boxes[left, :2], boxes[best, :2])
        high = numpy.minimum(boxes[left, 2:], boxes[best, 2:])
        shared = numpy.maximum(high - low + 1, 0).prod(1)
        left = left[shared / (areas[left] + areas[best] - shared) <= threshold]
    return numpy.array(found)


# ---- means of parts ------------------------------------------------------------------------------


@op
def psroi_pooling(
    data: A,
    rois: A,
    spatial_scale: float,
    output_dim: int,
    pooled_size: int,
    group_size: int = 0,
) -> A:
    """Cut regions of images into equal parts and return the mean of each part in its own channels.

    Parameters
    ----------
    data : array, shape (batch, output_dim * group_size**2, height, width)
    rois : array, shape (regions, 5)
        The number of the image, and the left, top, right and bottom place, before scaling.
    spatial_scale : float
        What the places are multiplied by: the data's size over the image's.
    output_dim : int
        How many channels the result has.
    pooled_size : int
        How many parts a region has, along height and along width.
    group_size : int
        How many groups of channels there are along each; 0 for one for each part.

    Returns
    -------
    array, shape (regions, output_dim, pooled_size, pooled_size)
        The regions have no gradient.

    Raises
    ------
    ShapeError
        If the channels do not fit.
    IndexError
        If there is no such image.

    Notes
    -----
    Dai et al., "R-FCN: object detection via region-based fully convolutional networks", 2016.

    Examples
    --------
    >>> from microlazy import nd
    >>> x = nd.arange(8).reshape((1, 4, 1, 2))
    >>> nd.contrib.PSROIPooling(x, nd.array([[0, 0, 0, 1, 0]]), 1.0, 1, 2).asnumpy()
    array([[[[0., 3.],
             [4., 7.]]]], dtype=float32)
    """
    groups = group_size or pooled_size
    if min(output_dim, pooled_size, groups) < 1:
        raise MXNetError(
            f"PSROIPooling: output_dim={output_dim}, pooled_size={pooled_size} and "
            f"group_size={group_size} must be at least 1"
        )
    if data.ndim != 4 or data.shape[1] != output_dim * groups**2:
        raise ShapeError(
            f"PSROIPooling: data must have {output_dim * groups**2} channels, but its shape is "
            f"{data.shape}"
        )
    if rois.ndim != 2 or rois.shape[1] != 5:
        raise ShapeError(f"PSROIPooling: rois must have shape (regions, 5), not {rois.shape}")
    batch, _, height, width = data.shape
    options = {"scale": float(spatial_scale), "parts": pooled_size}
    image = call(_image, [rois], {"batch": batch}, result=_image_result, dtype="int64")
    rows, columns = (
        call(_bin_weights, [rois], {**options, "axis": axis, "size": size}, result=_bin_shape)
        for axis, size in ((2, height), (1, width))
    )
    regions = rois.shape[0]
    images = f.reshape(data, (batch, output_dim, groups, groups, height, width))
    images = f.take(images, image, 0)
    if groups != pooled_size:
        which = numpy.arange(pooled_size) * groups // pooled_size
        place = f.from_numpy_result(f.face_of(data), which, "int64")
        images = f.take(f.take(images, place, 2), place, 3)
    down = f.reshape(f.as_dtype(rows, data.dtype), (regions, 1, pooled_size, 1, height, 1))
    across = f.reshape(f.as_dtype(columns, data.dtype), (regions, 1, 1, pooled_size, width))
    return f.reduction("sum", f.reduction("sum", images * down, 4) * across, 4)


def _image(rois: Array, batch: int) -> Array:
    images = rois[:, 0].astype("int64")
    if len(images) and not (images.min() >= 0 and images.max() < batch):
        raise IndexError(
            f"PSROIPooling: regions of images {images.min()} to {images.max()}, but there are "
            f"{batch}"
        )
    return images


def _image_result(rois: Tensor, **options: Any) -> tuple[tuple[int, ...], Any]:
    return rois.shape[:1], "int64"


def _bin_weights(rois: Array, axis: int, size: int, parts: int, scale: float) -> Array:
    """How much each line of an image counts in each part of each region: (regions, parts, size)."""
    low = numpy.floor(rois[:, axis] + 0.5) * scale
    high = (numpy.floor(rois[:, axis + 2] + 0.5) + 1) * scale
    step = numpy.maximum(high - low, 0.1)[:, None] / parts
    number = numpy.arange(parts, dtype=rois.dtype)  # the rounding decides on whole lines
    first = numpy.floor(number * step + low[:, None]).clip(0, size)[..., None]
    last = numpy.ceil((number + 1) * step + low[:, None]).clip(0, size)[..., None]
    line = numpy.arange(size)
    inside = (line >= first) & (line < last)
    return (inside / numpy.maximum(last - first, 1)).astype(rois.dtype)


def _bin_shape(
    rois: Tensor, axis: int, size: int, parts: int, scale: float
) -> tuple[tuple[int, ...], Any]:
    return (rois.shape[0], parts, size), rois.dtype
