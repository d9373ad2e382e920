"""Boxes of a detector: anchors, what they are trained for, and what they found (Liu et al. 2016).

A corner box is (left, top, right, bottom), a center box (x, y, width, height). All but `box_nms`
decide by comparing; what they return has a gradient of zeros, as in MXNet.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy

from microlazy.base import MXNetError, ShapeError
from microlazy.core import functions as f
from microlazy.core.ops.numpy_call import call, call_many
from microlazy.core.tensor import Tensor
from microlazy.ops.checks import as_tuple

A = TypeVar("A", bound=Tensor)
Array = numpy.ndarray

FORMATS = ("corner", "center")
LEAST_OVERLAP = 1e-6  # below, an anchor is not even the best one of a labelled box


def _need(op: str, axes: tuple[Any, ...], **arrays: Any) -> None:
    """Refuse what is not an array of these axes: a number is a size, a text names a free one."""
    for name, array in arrays.items():
        if not isinstance(array, Tensor):
            raise TypeError(f"{op}: {name} must be an array, not {type(array).__name__}")
        shape = array.shape
        if len(shape) != len(axes) or any(
            isinstance(size, int) and size != n for size, n in zip(axes, shape, strict=True)
        ):
            expected = ", ".join(map(str, axes))
            raise ShapeError(f"{op}: {name} must have shape ({expected}), but it has {shape}")


def _need_format(op: str, name: str, value: str) -> None:
    if value not in FORMATS:
        raise MXNetError(f"{op}: {name} is 'corner' or 'center', not {value!r}")


def _four(op: str, variances: Sequence[float]) -> tuple[float, ...]:
    numbers = tuple(map(float, variances))
    if len(numbers) != 4 or min(numbers) <= 0:
        raise MXNetError(f"{op}: variances are 4 positive numbers, not {variances!r}")
    return numbers


def _zeros(count: int) -> tuple[Callable[..., Any], ...]:
    """For each of `count` inputs the rule of a gradient that is zero."""

    def rule(place: int) -> Callable[..., Any]:
        def zero(g: Any, y: Any, *arrays: Any, **options: Any) -> Any:
            x = arrays[place]
            return f.new_array(f.face_of(x), x.shape, x.dtype, 0)

        return zero

    return tuple(rule(place) for place in range(count))


# ---- boxes in NumPy ------------------------------------------------------------------------------


def _overlaps(a: Array, b: Array) -> Array:
    """The shared area of corner boxes over the covered one; 0 where nothing is covered."""
    low = numpy.maximum(a[..., :2], b[..., :2])
    high = numpy.minimum(a[..., 2:4], b[..., 2:4])
    shared = numpy.maximum(high - low, 0).prod(-1)
    covered = (a[..., 2:4] - a[..., :2]).prod(-1) + (b[..., 2:4] - b[..., :2]).prod(-1) - shared
    return numpy.where(covered > 0, shared / numpy.where(covered > 0, covered, 1), 0)


def _centered(boxes: Array) -> Array:
    low, high = boxes[..., :2], boxes[..., 2:4]
    return numpy.concatenate([(low + high) / 2, high - low], -1)


def _cornered(boxes: Array) -> Array:
    center, half = boxes[..., :2], boxes[..., 2:4] / 2
    return numpy.concatenate([center - half, center + half], -1)


def _offsets(anchors: Array, boxes: Array) -> Array:
    """How corner boxes differ from their anchors, in the anchors' sizes (Girshick et al. 2014)."""
    anchors, boxes = _centered(anchors), _centered(boxes)
    shift = (boxes[..., :2] - anchors[..., :2]) / anchors[..., 2:]
    return numpy.concatenate([shift, numpy.log(boxes[..., 2:] / anchors[..., 2:])], -1)


def _moved(anchors: Array, offsets: Array) -> Array:
    """Corner boxes at offsets from center anchors: the inverse of `_offsets`."""
    center = anchors[..., :2] + offsets[..., :2] * anchors[..., 2:]
    sizes = anchors[..., 2:] * numpy.exp(offsets[..., 2:])
    return _cornered(numpy.concatenate([center, sizes], -1))


def _matched(scores: Array, threshold: float, most: int) -> tuple[Array, Array]:
    """Pair rows and columns, the best pair first; -1 for what is left alone."""
    rows, columns = (numpy.full(n, -1) for n in scores.shape)
    left = scores.astype("float64")
    for _ in range(min(*scores.shape, most)):
        row, column = numpy.unravel_index(left.argmax(), left.shape)
        if not left[row, column] > threshold:
            break
        rows[row], columns[column] = column, row
        left[row] = left[:, column] = -numpy.inf
    return rows, columns


def _survivors(boxes: Array, ids: Array | None, hides: Callable[[Array], Array]) -> Array:
    """Which boxes, the best first, are not hidden by a better one that is seen itself."""
    seen, left = numpy.zeros(len(boxes), bool), numpy.arange(len(boxes))
    while len(left):
        best, left = left[0], left[1:]
        seen[best] = True
        hidden = hides(_overlaps(boxes[best], boxes[left]))
        if ids is not None:
            hidden &= ids[left] == ids[best]
        left = left[~hidden]
    return seen


# ---- anchors -------------------------------------------------------------------------------------


def multibox_prior(
    data: A,
    sizes: float | Sequence[float] = (1.0,),
    ratios: float | Sequence[float] = (1.0,),
    clip: bool = False,
    steps: Sequence[float] = (-1.0, -1.0),
    offsets: Sequence[float] = (0.5, 0.5),
) -> A:
    """Return anchor boxes around every pixel: each size with the first ratio, then the others.

    Parameters
    ----------
    data : array, shape (batch, channels, height, width)
        Only its height, width and dtype count.
    sizes : sequence of float
        Scales, 1 being the height of the image.
    ratios : sequence of float
        Widths over heights.
    clip : bool
        Cut what lies outside of the image.
    steps : (float, float)
        From one center to the next, along height and width; -1 for one pixel.
    offsets : (float, float)
        Where in its pixel a center lies, along height and width.

    Returns
    -------
    array, shape (1, height * width * (len(sizes) + len(ratios) - 1), 4)
        Corner boxes, the image reaching from 0 to 1.

    Raises
    ------
    MXNetError
        If the data have not 4 axes, or a size or ratio is not positive.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> npx.multibox_prior(np.zeros((1, 3, 1, 2)), sizes=(0.5,), ratios=(1, 4))
    array([[[0.125, 0.25 , 0.375, 0.75 ],
            [0.   , 0.375, 0.5  , 0.625],
            [0.625, 0.25 , 0.875, 0.75 ],
            [0.5  , 0.375, 1.   , 0.625]]])
    """
    _need("multibox_prior", ("batch", "channels", "height", "width"), data=data)
    sizes, ratios = as_tuple(sizes), as_tuple(ratios)
    for name, numbers in (("sizes", sizes), ("ratios", ratios)):
        if not numpy.size(numbers) or not (numpy.asarray(numbers) > 0).all():
            raise MXNetError(f"multibox_prior: {name} must be positive numbers, not {numbers}")
    height, width = data.shape[2:]
    scale = numpy.array([*sizes, *[sizes[0]] * (len(ratios) - 1)])
    root = numpy.sqrt([*[ratios[0]] * len(sizes), *ratios[1:]])
    half = numpy.stack([scale * root * height / max(width, 1), scale / root], -1) / 2
    y, x = (
        (numpy.arange(n) + offset) * (step if step > 0 else 1 / max(n, 1))
        for n, offset, step in zip((height, width), offsets, steps, strict=True)
    )
    centers = numpy.stack(numpy.meshgrid(x, y), -1)[:, :, None]
    boxes = numpy.concatenate([centers - half, centers + half], -1).reshape(1, -1, 4)
    boxes = boxes.clip(0, 1) if clip else boxes
    return f.from_numpy_result(f.face_of(data), boxes, data.dtype)


def _background_share(scores: Array) -> Array:
    powers = numpy.exp(scores - scores.max(0))
    return powers[0] / powers.sum(0)


def _targets(
    anchor: Array,
    label: Array,
    cls_pred: Array,
    overlap_threshold: float,
    ignore_label: float,
    negative_mining_ratio: float,
    negative_mining_thresh: float,
    minimum_negative_samples: int,
    variances: tuple[float, ...],
) -> tuple[Array, Array, Array]:
    anchors, (batch, count) = anchor[0], (len(label), anchor.shape[1])
    offsets, mask = numpy.zeros((2, batch, count, 4), anchor.dtype)
    classes = numpy.full((batch, count), ignore_label, anchor.dtype)
    for i, objects in enumerate(label):
        objects = objects[: numpy.append(objects[:, 0] == -1, True).argmax()]
        if not len(objects):
            continue
        overlaps = _overlaps(anchors[:, None], objects[:, 1:5])
        match, _ = _matched(overlaps, LEAST_OVERLAP, count)
        best = overlaps.max(1)
        if overlap_threshold > 0:
            match = numpy.where((match < 0) & (best > overlap_threshold), overlaps.argmax(1), match)
        positive, chosen = match >= 0, match[match >= 0]
        (negative,) = numpy.nonzero(~positive)
        if negative_mining_ratio > 0:
            hard = negative[best[negative] < negative_mining_thresh]
            hard = hard[numpy.argsort(_background_share(cls_pred[i][:, hard]), kind="stable")]
            wanted = int(positive.sum() * negative_mining_ratio)
            negative = hard[: max(wanted, minimum_negative_samples)]
        classes[i, negative] = 0
        classes[i, positive] = objects[chosen, 0] + 1
        mask[i, positive] = 1
        offsets[i, positive] = _offsets(anchors[positive], objects[chosen, 1:5]) / variances
    return offsets.reshape(batch, -1), mask.reshape(batch, -1), classes


def _targets_result(
    anchor: Tensor, label: Tensor, cls_pred: Tensor, **options: Any
) -> tuple[list[tuple[int, ...]], Any]:
    batch, count = label.shape[0], anchor.shape[1]
    return [(batch, 4 * count), (batch, 4 * count), (batch, count)], anchor.dtype


def multibox_target(
    anchor: A,
    label: A,
    cls_pred: A,
    overlap_threshold: float = 0.5,
    ignore_label: float = -1.0,
    negative_mining_ratio: float = -1.0,
    negative_mining_thresh: float = 0.5,
    minimum_negative_samples: int = 0,
    variances: Sequence[float] = (0.1, 0.1, 0.2, 0.2),
) -> list[A]:
    """Say what each anchor should predict: which class, and how far its box must move.

    Each labelled box takes the anchor that overlaps it most; further anchors take the box that they
    overlap by more than the threshold. The others are background.

    Parameters
    ----------
    anchor : array, shape (1, anchors, 4)
        Corner boxes.
    label : array, shape (batch, objects, 5 or more)
        Class (from 0) and corner box; a class of -1 ends the list.
    cls_pred : array, shape (batch, classes + 1, anchors)
        Scores, the background first; used by the mining.
    overlap_threshold : float
    ignore_label : float
        The class target of anchors that count for nothing, and of all if an image has no object.
    negative_mining_ratio : float
        How many background anchors count for one that has a box: those whose background share is
        smallest. Not positive: all count.
    negative_mining_thresh : float
        An anchor that overlaps a box by as much is not mined.
    minimum_negative_samples : int
        How many background anchors are mined at least.
    variances : 4 floats
        The offsets are divided by them.

    Returns
    -------
    list of arrays
        Offsets and their mask, shape (batch, 4 * anchors); class targets, shape (batch, anchors),
        0 being the background.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> anchors = np.array([[[0, 0, 0.5, 0.5], [0.5, 0.5, 1, 1]]])
    >>> labels = np.array([[[2, 0, 0, 0.5, 0.6]]])
    >>> offsets, mask, classes = npx.multibox_target(anchors, labels, np.zeros((1, 4, 2)))
    >>> classes, mask
    (array([[3., 0.]]), array([[1., 1., 1., 1., 0., 0., 0., 0.]]))
    """
    op = "multibox_target"
    _need(op, (1, "anchors", 4), anchor=anchor)
    _need(op, ("batch", "objects", "5 or more"), label=label)
    if label.shape[2] < 5:
        raise ShapeError(f"{op}: a label has 5 numbers or more, but the labels have {label.shape}")
    _need(op, (label.shape[0], "classes", anchor.shape[1]), cls_pred=cls_pred)
    options = {
        "overlap_threshold": overlap_threshold,
        "ignore_label": ignore_label,
        "negative_mining_ratio": negative_mining_ratio,
        "negative_mining_thresh": negative_mining_thresh,
        "minimum_negative_samples": minimum_negative_samples,
        "variances": _four(op, variances),
    }
    inputs = [anchor, label, cls_pred]
    return list(call_many(_targets, inputs, options, _zeros(3), _targets_result))


# ---- detections ----------------------------------------------------------------------------------


def _detections(
    cls_prob: Array,
    loc_pred: Array,
    anchor: Array,
    clip: bool,
    threshold: float,
    background_id: int,
    nms_threshold: float,
    force_suppress: bool,
    variances: tuple[float, ...],
    nms_topk: int,
) -> Array:
    batch, count = len(cls_prob), anchor.shape[1]
    out = numpy.full((batch, count, 6), -1, cls_prob.dtype)
    scores = numpy.delete(cls_prob, background_id, 1)
    boxes = _moved(_centered(anchor), loc_pred.reshape(batch, count, 4) * variances)
    boxes = boxes.clip(0, 1) if clip else boxes
    best, classes = scores.max(1), scores.argmax(1)
    for i in range(batch):
        (found,) = numpy.nonzero(best[i] >= threshold)
        rows = numpy.column_stack([classes[i], best[i], boxes[i]])[found]
        if 0 < nms_threshold <= 1:
            order = numpy.argsort(-rows[:, 1], kind="stable")
            top = rows[order[:nms_topk] if nms_topk > 0 else order]
            seen = _survivors(
                top[:, 2:], None if force_suppress else top[:, 0], lambda x: x >= nms_threshold
            )
            top[~seen, 0] = -1
            rows[: len(top)] = top
            rows[len(top) :, 0] = -1
        out[i, : len(rows)] = rows
    return out


def _detections_result(
    cls_prob: Tensor, loc_pred: Tensor, anchor: Tensor, **options: Any
) -> tuple[tuple[int, ...], Any]:
    return (cls_prob.shape[0], anchor.shape[1], 6), cls_prob.dtype


def multibox_detection(
    cls_prob: A,
    loc_pred: A,
    anchor: A,
    clip: bool = True,
    threshold: float = 0.01,
    background_id: int = 0,
    nms_threshold: float = 0.5,
    force_suppress: bool = False,
    variances: Sequence[float] = (0.1, 0.1, 0.2, 0.2),
    nms_topk: int = -1,
) -> A:
    """Return what anchors found: their best classes and moved boxes, the surest first.

    Parameters
    ----------
    cls_prob : array, shape (batch, classes + 1, anchors)
    loc_pred : array, shape (batch, 4 * anchors)
        Offsets, as `multibox_target` gives them.
    anchor : array, shape (1, anchors, 4)
        Corner boxes.
    clip : bool
        Cut what lies outside of the image.
    threshold : float
        An anchor whose best class has less found nothing.
    background_id : int
        Which of the classes is the background.
    nms_threshold : float
        A box hides less sure ones that overlap it by as much; outside of (0, 1] nothing is hidden
        and nothing sorted.
    force_suppress : bool
        Whether a box hides those of other classes too.
    variances : 4 floats
        The offsets are multiplied by them.
    nms_topk : int
        How many boxes are looked at; -1 for all.

    Returns
    -------
    array, shape (batch, anchors, 6)
        Rows of class, probability and corner box. The class is -1 for what was hidden or left
        out, and whole rows are -1 where anchors found nothing.

    Examples
    --------
    >>> from microlazy import np, npx
    >>> anchors = np.array([[[0, 0, 0.5, 0.5], [0, 0, 0.5, 0.6], [0.5, 0.5, 1, 1]]])
    >>> shares = np.array([[[0.1, 0.2, 1], [0.9, 0.8, 0]]])
    >>> npx.multibox_detection(shares, np.zeros((1, 12)), anchors)[0, :, :2]
    array([[ 0. ,  0.9],
           [-1. ,  0.8],
           [-1. , -1. ]])
    """
    op = "multibox_detection"
    _need(op, (1, "anchors", 4), anchor=anchor)
    _need(op, ("batch", "classes", anchor.shape[1]), cls_prob=cls_prob)
    _need(op, (cls_prob.shape[0], 4 * anchor.shape[1]), loc_pred=loc_pred)
    if cls_prob.shape[1] < 2 or not 0 <= background_id < cls_prob.shape[1]:
        raise MXNetError(
            f"{op}: {cls_prob.shape[1]} classes with background {background_id}: there must be the "
            "background and one more"
        )
    options = {
        "clip": clip,
        "threshold": threshold,
        "background_id": background_id,
        "nms_threshold": nms_threshold,
        "force_suppress": force_suppress,
        "variances": _four(op, variances),
        "nms_topk": nms_topk,
    }
    inputs = [cls_prob, loc_pred, anchor]
    return call(_detections, inputs, options, _zeros(3), _detections_result)


def _kept_rows(
    data: Array,
    overlap_thresh: float,
    valid_thresh: float,
    topk: int,
    coord_start: int,
    score_index: int,
    id_index: int,
    background_id: int,
    force_suppress: bool,
    in_format: str,
) -> Array:
    """For each row of the result, which row of (all batches, one behind the other) it is, or -1."""
    count, width = data.shape[-2:]
    batches = data.reshape(-1, count, width)
    out = numpy.full((len(batches), count), -1)
    for i, rows in enumerate(batches):
        valid = rows[:, score_index] > valid_thresh
        if id_index >= 0:
            valid &= rows[:, id_index] != background_id
        (places,) = numpy.nonzero(valid)
        places = places[numpy.argsort(-rows[places, score_index], kind="stable")]
        places = places[:topk] if topk > 0 else places
        boxes = rows[places, coord_start : coord_start + 4]
        boxes = _cornered(boxes) if in_format == "center" else boxes
        ids = rows[places, id_index] if id_index >= 0 and not force_suppress else None
        places = places[_survivors(boxes, ids, lambda x: x > overlap_thresh)]
        out[i, : len(places)] = places + i * count
    return out.reshape(-1)


def _kept_rows_result(data: Tensor, **options: Any) -> tuple[tuple[int, ...], Any]:
    return (math.prod(data.shape[:-1]),), "int64"


def _in_format(rows: A, start: int, old: str, new: str) -> A:
    if old == new:
        return rows
    first, second = rows[:, start : start + 2], rows[:, start + 2 : start + 4]
    if new == "corner":
        first, second = first - second / 2, first + second / 2
    else:
        first, second = (first + second) / 2, second - first
    return f.concatenate([rows[:, :start], first, second, rows[:, start + 4 :]], 1)


def box_nms(
    data: A,
    overlap_thresh: float = 0.5,
    valid_thresh: float = 0.0,
    topk: int = -1,
    coord_start: int = 2,
    score_index: int = 1,
    id_index: int = -1,
    background_id: int = -1,
    force_suppress: bool = False,
    in_format: str = "corner",
    out_format: str = "corner",
) -> A:
    """Return the boxes that no better one hides, best first: non-maximum suppression.

    Parameters
    ----------
    data : array, shape (..., boxes, numbers of a box)
    overlap_thresh : float
        A box hides worse ones that overlap it by more.
    valid_thresh : float
        Boxes whose score is not above it are left out.
    topk : int
        How many boxes are looked at; -1 for all. With 0 the data comes back as it is, in its
        format too, as in MXNet.
    coord_start, score_index : int
        Where in a box its 4 coordinates begin, and where its score is.
    id_index : int
        Where its class is: boxes of other classes are not hidden. -1 for none.
    background_id : int
        The class of boxes that are left out, where there are classes.
    force_suppress : bool
        Hide boxes of other classes too.
    in_format, out_format : "corner" or "center"

    Returns
    -------
    array
        Of the data's shape; the rows behind the last box are -1. A box's gradient goes back to
        where it came from.

    Examples
    --------
    >>> from microlazy import nd
    >>> boxes = nd.array([[0, 0.5, 0, 0, 2, 2], [0, 0.9, 0, 0, 2, 3], [0, 0.4, 5, 5, 6, 6]])
    >>> nd.contrib.box_nms(boxes).asnumpy()[:, 1]
    array([ 0.9,  0.4, -1. ], dtype=float32)
    """
    op = "box_nms"
    if not isinstance(data, Tensor) or data.ndim < 2:
        shape = getattr(data, "shape", type(data).__name__)
        raise ShapeError(f"{op}: data must be an array (..., boxes, numbers), but it is {shape}")
    width = data.shape[-1]
    if not 0 <= coord_start <= width - 4:
        raise MXNetError(f"{op}: a box of {width} numbers has no 4 from place {coord_start} on")
    if not 0 <= score_index < width or id_index >= width:
        raise MXNetError(
            f"{op}: a box of {width} numbers has no score at {score_index} or class at {id_index}"
        )
    _need_format(op, "in_format", in_format)
    _need_format(op, "out_format", out_format)
    if topk == 0:
        return data.copy()
    options = {
        "overlap_thresh": overlap_thresh,
        "valid_thresh": valid_thresh,
        "topk": topk,
        "coord_start": coord_start,
        "score_index": score_index,
        "id_index": id_index,
        "background_id": background_id,
        "force_suppress": force_suppress,
        "in_format": in_format,
    }
    rows = call(_kept_rows, [data], options, result=_kept_rows_result, dtype="int64")
    if not data.size:
        return data.copy()
    kept = f.take(f.reshape(data, (-1, width)), rows, 0)
    kept = _in_format(kept, coord_start, in_format, out_format)
    there = f.broadcast_to(f.expand_dims(rows >= 0, 1), kept.shape)
    return f.reshape(f.where(there, kept, -1.0), data.shape)


# ---- codes of boxes ------------------------------------------------------------------------------


def _encoded(
    samples: Array, matches: Array, anchors: Array, refs: Array, means: Array, stds: Array
) -> tuple[Array, Array]:
    chosen = numpy.take_along_axis(refs, matches.astype(int)[..., None], 1)
    mask = numpy.repeat((samples > 0.5)[..., None], 4, -1)
    codes = (_offsets(anchors, chosen) - means) / stds
    return numpy.where(mask, codes, 0), mask.astype(codes.dtype)


def _encoded_result(
    samples: Tensor, matches: Tensor, anchors: Tensor, *rest: Tensor
) -> tuple[list[tuple[int, ...]], Any]:
    return [anchors.shape, anchors.shape], anchors.dtype


def box_encode(samples: A, matches: A, anchors: A, refs: A, means: A, stds: A) -> list[A]:
    """Return how far anchors are from the boxes that they are matched to.

    Parameters
    ----------
    samples : array, shape (batch, anchors)
        1 for anchors that count; -1 and 0 for others.
    matches : array, shape (batch, anchors)
        The number of the box.
    anchors : array, shape (batch, anchors, 4)
    refs : array, shape (batch, boxes, 4)
        Corner boxes, as the anchors.
    means, stds : array, shape (4,)
        Subtracted from the offsets, which are divided then.

    Returns
    -------
    list of arrays
        Offsets and mask, of the anchors' shape; 0 for anchors that do not count.

    Examples
    --------
    >>> from microlazy import nd
    >>> one, box = nd.ones((1, 1)), nd.array([[[0, 0, 2, 2]]])
    >>> means, stds = nd.zeros((4,)), nd.ones((4,))
    >>> nd.contrib.box_encode(one, 0 * one, box, box + 1, means, stds)[0].asnumpy()
    array([[[0.5, 0.5, 0. , 0. ]]], dtype=float32)
    """
    op = "box_encode"
    _need(op, ("batch", "anchors", 4), anchors=anchors)
    batch, count = anchors.shape[:2]
    _need(op, (batch, count), samples=samples, matches=matches)
    _need(op, (batch, "boxes", 4), refs=refs)
    _need(op, (4,), means=means, stds=stds)
    inputs = [samples, matches, anchors, refs, means, stds]
    return list(call_many(_encoded, inputs, {}, _zeros(6), _encoded_result))


def _decoded(
    data: Array, anchors: Array, stds: tuple[float, ...], clip: float, format: str
) -> Array:
    offsets = data * numpy.array(stds, data.dtype)
    if clip > 0:
        offsets[..., 2:] = numpy.minimum(offsets[..., 2:], clip)
    return _moved(_centered(anchors) if format == "corner" else anchors, offsets)


def box_decode(
    data: A,
    anchors: A,
    std0: float = 1.0,
    std1: float = 1.0,
    std2: float = 1.0,
    std3: float = 1.0,
    clip: float = -1.0,
    format: str = "center",
) -> A:
    """Return the boxes at offsets from anchors, as corner boxes.

    Parameters
    ----------
    data : array, shape (batch, anchors, 4)
        Offsets, as `box_encode` gives them for means of 0.
    anchors : array, shape (1, anchors, 4)
    std0, std1, std2, std3 : float
        The offsets are multiplied by them.
    clip : float
        The most that the logarithm of a size may grow; not positive for no limit.
    format : "center" or "corner"
        Of the anchors.

    Examples
    --------
    >>> from microlazy import nd
    >>> anchors = nd.array([[[1, 1, 2, 2]]])
    >>> nd.contrib.box_decode(nd.array([[[0.5, 0, 0, 0]]]), anchors).asnumpy()
    array([[[1., 0., 3., 2.]]], dtype=float32)
    """
    op = "box_decode"
    _need(op, ("batch", "anchors", 4), data=data)
    _need(op, (1, data.shape[1], 4), anchors=anchors)
    _need_format(op, "format", format)
    options = {"stds": (std0, std1, std2, std3), "clip": clip, "format": format}
    return call(_decoded, [data, anchors], options, _zeros(2))


def _pairs(data: Array, is_ascend: bool, threshold: float, topk: int) -> tuple[Array, Array]:
    sign = -1 if is_ascend else 1
    batches = sign * data.reshape(-1, *data.shape[-2:])
    most = topk if topk > 0 else max(data.shape[-2:])
    found = [_matched(scores, sign * threshold, most) for scores in batches]
    rows, columns = (
        numpy.array([pair[i] for pair in found], data.dtype).reshape(
            *data.shape[:-2], data.shape[i - 2]
        )
        for i in (0, 1)
    )
    return rows, columns


def _pairs_result(data: Tensor, **options: Any) -> tuple[list[tuple[int, ...]], Any]:
    return [data.shape[:-1], (*data.shape[:-2], data.shape[-1])], data.dtype


def bipartite_matching(
    data: A, is_ascend: bool = False, threshold: float | None = None, topk: int = -1
) -> list[A]:
    """Pair the rows of a matrix of scores with its columns, the best pair first.

    Parameters
    ----------
    data : array, shape (..., rows, columns)
    is_ascend : bool
        Whether small scores are the good ones.
    threshold : float
        A score that is not better makes no pair; it must be given.
    topk : int
        How many pairs are made at most; -1 for no limit.

    Returns
    -------
    list of arrays
        The column of each row and the row of each column; -1 for those without.

    Examples
    --------
    >>> from microlazy import nd
    >>> scores = nd.array([[0.5, 0.6], [0.1, 0.2], [0.3, 0.4]])
    >>> [x.asnumpy().tolist() for x in nd.contrib.bipartite_matching(scores, threshold=0)]
    [[1.0, -1.0, 0.0], [2.0, 0.0]]
    """
    if threshold is None:
        raise MXNetError("bipartite_matching: threshold must be given, the least score of a pair")
    if not isinstance(data, Tensor) or data.ndim < 2:
        shape = getattr(data, "shape", type(data).__name__)
        raise ShapeError(
            f"bipartite_matching: data must be an array (..., rows, columns), but it is {shape}"
        )
    options = {"is_ascend": is_ascend, "threshold": threshold, "topk": topk}
    return list(call_many(_pairs, [data], options, _zeros(1), _pairs_result))
