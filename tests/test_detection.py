"""Detection layers: plain loops, plans, bad input; test_recorded.py has MXNet's answers."""

import subprocess
import sys

import numpy
import pytest
from gradients import Wrapped

import microlazy as mx
from microlazy import autograd, nd, np, npx
from microlazy.base import MXNetError, ShapeError


def values(x):
    return x.asnumpy().tolist()


def random_boxes(count, seed=0):
    generator = numpy.random.default_rng(seed)
    low = generator.uniform(0, 1, (count, 2))
    return numpy.concatenate([low, low + generator.uniform(0.1, 0.5, (count, 2))], 1)


def overlap(a, b):
    width = max(0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0, min(a[3], b[3]) - max(a[1], b[1]))
    areas = [(x[2] - x[0]) * (x[3] - x[1]) for x in (a, b)]
    return width * height / (sum(areas) - width * height)


# ---- against plain loops -------------------------------------------------------------------------


def test_box_nms_is_the_greedy_loop():
    boxes, scores = random_boxes(60), numpy.random.default_rng(1).permutation(60) / 60
    kept = []
    for i in numpy.argsort(-scores):
        if all(overlap(boxes[i], boxes[j]) <= 0.3 for j in kept):
            kept.append(i)
    rows = numpy.column_stack([numpy.arange(60), scores, boxes])
    found = nd.contrib.box_nms(nd.array(rows, dtype="float64"), 0.3, valid_thresh=-1)
    assert 5 < len(kept) < 55
    assert found.asnumpy()[: len(kept), 0].tolist() == kept
    assert (found.asnumpy()[len(kept) :] == -1).all()


def pooled(image, roi, parts, scale):
    """ROI pooling of one region by loops over its parts."""
    left, top, right, bottom = (int(numpy.floor(x * scale + 0.5)) for x in roi)
    out = numpy.zeros((len(image), *parts))
    height, width = (max(b - a + 1, 1) for a, b in ((top, bottom), (left, right)))
    for i, j in numpy.ndindex(*parts):
        rows = slice(i * height // parts[0] + top, -(-(i + 1) * height // parts[0]) + top)
        columns = slice(j * width // parts[1] + left, -(-(j + 1) * width // parts[1]) + left)
        part = image[:, rows, columns]
        if part.size:
            out[:, i, j] = part.max((1, 2))
    return out


def test_roi_pooling_is_the_loop_over_parts():
    generator = numpy.random.default_rng(3)
    images = generator.normal(size=(3, 4, 17, 13))
    low = generator.uniform(0, 20, (40, 2))
    rois = numpy.column_stack(
        [generator.integers(0, 3, 40), low, low + generator.uniform(0, 30, (40, 2))]
    )
    found = npx.roi_pooling(np.array(images, dtype="float64"), np.array(rois), (4, 3), 0.5)
    for row, roi in zip(found.asnumpy(), rois, strict=True):
        numpy.testing.assert_array_equal(row, pooled(images[int(roi[0])], roi[1:], (4, 3), 0.5))


def test_pieces_give_what_the_whole_gives(monkeypatch):
    generator = numpy.random.default_rng(4)
    x = np.array(generator.normal(size=(2, 3, 9, 8)), dtype="float64")
    low = generator.uniform(0, 5, (30, 2))
    rois = np.array(
        numpy.column_stack([generator.integers(0, 2, 30), low, low + 3]), dtype="float64"
    )
    whole = [f(x, rois, (2, 3), 1.0) for f in (npx.roi_pooling, npx.roi_align)]
    monkeypatch.setattr("microlazy.ops.spatial.PIECE", 40)
    for f, expected in zip((npx.roi_pooling, npx.roi_align), whole, strict=True):
        numpy.testing.assert_allclose(
            f(x, rois, (2, 3), 1.0).asnumpy(), expected.asnumpy(), rtol=1e-12
        )


def test_the_identity_samples_the_image_itself():
    x = nd.random.normal(shape=(2, 3, 4, 5))
    loc = nd.array([[1, 0, 0, 0, 1, 0]] * 2)
    y = nd.SpatialTransformer(x, loc, target_shape=(4, 5))
    numpy.testing.assert_allclose(y.asnumpy(), x.asnumpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("out_format", ["corner", "center"])
def test_no_suppression_among_no_boxes(out_format):
    """MXNet's answer to topk=0: the data itself, its gradient too."""
    rows = nd.array([[0.4, 0, 0, 1, 1], [0.5, 0, 0, 1, 1], [-1, 3, 3, 4, 4]])
    rows.attach_grad()
    options = {"topk": 0, "coord_start": 1, "score_index": 0, "out_format": out_format}
    with autograd.record():
        y = nd.contrib.box_nms(rows, **options)
    assert y.asnumpy().tolist() == rows.asnumpy().tolist()
    y.backward()
    assert (rows.grad.asnumpy() == 1).all()


# ---- where we do not follow MXNet ----------------------------------------------------------------


def test_no_more_pairs_than_topk():
    scores = nd.array([[0.5, 0.6], [0.1, 0.2], [0.3, 0.4]])
    rows, columns = nd.contrib.bipartite_matching(scores, threshold=0.01, topk=1)
    assert (values(rows), values(columns)) == ([1, -1, -1], [-1, 0])


def test_mining_keeps_to_its_minimum():
    anchors = nd.array([[[0, 0, 0.5, 0.5], [0.6, 0.6, 1, 1], [0.6, 0, 1, 0.4], [0, 0.6, 0.4, 1]]])
    labels, scores = nd.array([[[0, 0, 0, 0.5, 0.5]]]), nd.zeros((1, 2, 4))
    for least, expected in ((0, 1), (2, 2), (9, 3)):
        classes = nd.contrib.MultiBoxTarget(
            anchors, labels, scores, negative_mining_ratio=1, minimum_negative_samples=least
        )[2]
        assert (classes.asnumpy() == 0).sum() == expected


def test_a_region_of_no_image_is_aligned_to_zeros():
    rois = nd.array([[-1, 0, 0, 2, 2]])
    assert not nd.contrib.ROIAlign(nd.ones((1, 1, 3, 3)), rois, (2, 2), 1.0).asnumpy().any()


def test_a_grid_of_one_row_looks_at_the_middle():
    grid = nd.GridGenerator(nd.array([[1, 0, 0, 0, 1, 0]]), "affine", (1, 2))
    assert values(grid) == [[[[-1, 1]], [[0, 0]]]]


# ---- in networks ---------------------------------------------------------------------------------


def test_what_decides_by_comparing_has_a_gradient_of_zeros():
    x = nd.ones((1, 2, 4))
    x.attach_grad()
    x.grad[:] = 7
    with autograd.record():
        y = nd.contrib.box_decode(x, nd.ones((1, 2, 4)))
    y.backward()
    assert not x.grad.asnumpy().any()


def test_a_plan_finds_new_boxes_at_each_call():
    block = Wrapped(lambda x: npx.box_nms(x, 0.5))
    block.hybridize()
    boxes = numpy.column_stack([numpy.zeros(5), numpy.arange(5) / 5, random_boxes(5)])
    for order in (slice(None), slice(None, None, -1)):
        x = np.array(boxes[order], dtype="float64")
        assert values(block(x)) == values(npx.box_nms(x, 0.5))


def test_no_regions_give_an_empty_result():
    x, rois = nd.ones((1, 2, 3, 3)), np.zeros((0, 5)).as_nd_ndarray()
    for function in (nd.ROIPooling, nd.contrib.ROIAlign):
        assert function(x, rois, (2, 2), 1.0).shape == (0, 2, 2, 2)


def test_importing_the_package_does_not_import_the_layers():
    code = "import sys, microlazy; print([m for m in sys.modules if 'detection' in m])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_out_takes_the_result():
    out = nd.zeros((1, 1, 1, 1))
    x, rois = nd.ones((1, 1, 3, 3)), nd.zeros((1, 5))
    assert nd.ROIPooling(x, rois, (1, 1), 1.0, out=out) is out
    assert values(out) == [[[[1]]]]


# ---- bad input -----------------------------------------------------------------------------------

IMAGE = nd.ones((2, 1, 3, 3))


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: nd.ROIPooling(IMAGE, nd.array([[2, 0, 0, 1, 1]]), 2, 1), IndexError, "image 2"),
        (lambda: nd.ROIPooling(IMAGE, nd.array([[-1, 0, 0, 1, 1]]), 2, 1), IndexError, "there are"),
        (lambda: nd.ROIPooling(IMAGE, nd.zeros((1, 5)), (0, 2), 1), MXNetError, r"\(0, 2\)"),
        (lambda: nd.ROIPooling([1], nd.zeros((1, 5)), 2, 1), TypeError, "data must be an array"),
        (lambda: nd.contrib.ROIAlign(IMAGE, nd.zeros((5,)), 2, 1), ShapeError, "regions, 5"),
        (
            lambda: nd.contrib.ROIAlign(IMAGE, nd.zeros((1, 5)), 2, 1, position_sensitive=True),
            ShapeError,
            "1 channels",
        ),
        (lambda: nd.BilinearSampler(IMAGE, nd.zeros((1, 2, 3, 3))), ShapeError, r"\(2, 2, h, w\)"),
        (lambda: nd.GridGenerator(nd.zeros((1, 6)), "warp"), ShapeError, "2, h, w"),
        (lambda: nd.GridGenerator(3, "warp"), TypeError, "int"),
        (
            lambda: nd.SpatialTransformer(IMAGE, nd.zeros((2, 6)), (2, 2), "warp"),
            MXNetError,
            "'warp'",
        ),
        (lambda: nd.contrib.MultiBoxPrior(IMAGE, sizes=(0.5, -1)), MXNetError, "sizes"),
        (lambda: nd.contrib.MultiBoxPrior(IMAGE, ratios=()), MXNetError, "ratios"),
        (
            lambda: nd.contrib.MultiBoxTarget(
                nd.zeros((1, 2, 4)), nd.zeros((1, 1, 4)), nd.zeros((1, 2, 2))
            ),
            ShapeError,
            "5 numbers",
        ),
        (
            lambda: nd.contrib.MultiBoxTarget(
                nd.zeros((1, 2, 4)), nd.zeros((1, 1, 5)), nd.zeros((1, 2, 2)), variances=(1, 2)
            ),
            MXNetError,
            "variances",
        ),
        (
            lambda: nd.contrib.MultiBoxDetection(
                nd.zeros((1, 1, 2)), nd.zeros((1, 8)), nd.zeros((1, 2, 4))
            ),
            MXNetError,
            "background",
        ),
        (lambda: nd.contrib.box_nms(nd.zeros((3, 6)), score_index=6), MXNetError, "score at 6"),
        (lambda: nd.contrib.box_nms(nd.zeros((3, 6)), in_format="x"), MXNetError, "in_format"),
        (lambda: nd.contrib.box_nms(nd.zeros((6,))), ShapeError, r"\(6,\)"),
        (
            lambda: nd.contrib.box_decode(nd.zeros((1, 2, 4)), nd.zeros((1, 3, 4))),
            ShapeError,
            "anchors",
        ),
        (lambda: nd.contrib.bipartite_matching(nd.zeros((2,)), threshold=0), ShapeError, "rows"),
    ],
)
def test_bad_input_is_named(call, kind, message):
    with pytest.raises(kind, match=message):
        call()


def test_outside_names_of_detection_are_still_named():
    with pytest.raises(AttributeError, match="not part of microlazy"):
        mx.nd.contrib.RROIAlign  # noqa: B018


def test_boxes_without_area_overlap_by_nothing():
    box = nd.array([[0.5, 0.5, 0.5, 0.5]])
    assert nd.contrib.box_iou(box, box).asscalar() == 0


def test_suppression_drops_padded_rows():
    boxes = nd.array([[[-1, 0.9, 0, 0, 1, 1], [0, 0.5, 0, 0, 1, 1]]])
    kept = nd.contrib.box_nms(boxes, id_index=0).asnumpy()
    numpy.testing.assert_allclose(kept, [[[0, 0.5, 0, 0, 1, 1], [-1] * 6]], rtol=1e-6)
