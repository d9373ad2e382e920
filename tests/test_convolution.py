"""The kernels of convolution, its transpose and pooling: against compositions of other functions,
central differences and themselves on another number of threads or from a plan."""

import itertools
import pickle
from functools import partial

import numpy
import pytest

from microlazy import autograd, gluon, nd, np, npx
from microlazy.core.differentiation import ops_behind
from microlazy.core.ops import convolution
from microlazy.core.ops.pooling import Pooling
from microlazy.core.parallel import set_num_threads
from microlazy.ops import convolution as ops
from microlazy.ops.windows import Windows, largest

TOLERANCE = {"float32": 2e-5, "float64": 1e-12}


def normal(*shape, seed=0):
    return numpy.random.default_rng([seed, *shape]).standard_normal(shape)


def arrays(values, dtype):
    found = [None if value is None else np.array(value, dtype=dtype) for value in values]
    for array in found:
        if array is not None:
            array.attach_grad()
    return found


def gradients(function, values, dtype, seed=3):
    """The value, and the gradients of all arrays from a fixed gradient of the result."""
    own = arrays(values, dtype)
    with autograd.record():
        y = function(*own)
    y.backward(np.array(normal(*y.shape, seed=seed), dtype=dtype))
    return [y.asnumpy()] + [array.grad.asnumpy() for array in own if array is not None]


def close(found, expected, dtype):
    for one, other in zip(found, expected, strict=True):
        scale = max(1.0, numpy.abs(other).max()) if other.size else 1.0
        numpy.testing.assert_allclose(one, other, rtol=0, atol=TOLERANCE[dtype] * scale)


# batch, channels, filters, groups, sizes, kernel, stride, dilate, pad
CASES = {
    "3x3": (3, 4, 6, 1, (9, 7), (3, 3), (1, 1), (1, 1), (1, 1)),
    "toy": (1, 1, 1, 1, (8, 8), (3, 3), (1, 1), (1, 1), (1, 1)),
    "many filters": (3, 5, 40, 1, (9, 10), (3, 2), (1, 1), (1, 1), (1, 0)),
    "many filters, stride": (3, 5, 40, 1, (9, 10), (3, 2), (2, 3), (1, 1), (1, 1)),
    "many places": (2, 70, 40, 1, (20, 21), (3, 3), (1, 1), (1, 1), (1, 1)),
    "small images": (9, 40, 33, 1, (3, 3), (3, 3), (1, 1), (1, 1), (1, 1)),
    "large padding": (2, 3, 5, 1, (4, 5), (2, 3), (1, 1), (1, 1), (3, 4)),
    "large padding, many filters": (2, 3, 30, 1, (4, 5), (2, 3), (2, 1), (1, 1), (3, 4)),
    "planes of padding only": (16, 3, 6, 1, (1, 1, 4), (1, 5, 3), (3, 1, 1), (1, 1, 2), (1, 5, 1)),
    "dilation": (2, 3, 5, 1, (9, 11), (3, 2), (1, 1), (2, 3), (2, 1)),
    "dilation and stride": (2, 3, 5, 1, (9, 11), (3, 3), (2, 3), (3, 2), (2, 1)),
    "stride beyond the kernel": (2, 3, 5, 1, (9, 11), (1, 2), (3, 4), (1, 1), (0, 0)),
    "groups": (3, 6, 9, 3, (6, 5), (3, 3), (1, 2), (1, 1), (1, 0)),
    "groups of many": (3, 6, 60, 2, (6, 5), (3, 3), (1, 2), (1, 1), (1, 0)),
    "each channel": (2, 7, 7, 7, (6, 8), (3, 3), (1, 1), (1, 1), (1, 1)),
    "each channel twice": (2, 7, 14, 7, (6, 8), (3, 3), (2, 2), (1, 1), (1, 1)),
    "1x1": (2, 30, 50, 1, (6, 7), (1, 1), (1, 1), (1, 1), (0, 0)),
    "1x1 of a large image": (2, 7, 50, 1, (20, 20), (1, 1), (1, 1), (1, 1), (0, 0)),
    "1x1, stride": (2, 30, 50, 1, (6, 7), (1, 1), (2, 2), (1, 1), (0, 0)),
    "1x1, padding": (2, 3, 50, 1, (6, 7), (1, 1), (1, 1), (1, 1), (1, 2)),
    "one filter sees all": (2, 3, 4, 1, (5, 4), (5, 4), (1, 1), (1, 1), (0, 0)),
    "large": (2, 3, 4, 1, (70, 90), (5, 5), (1, 1), (1, 1), (2, 2)),
    "large, many filters": (1, 3, 140, 1, (30, 40), (3, 3), (1, 1), (1, 1), (1, 1)),
    "tiles": (3, 33, 34, 1, (10, 11), (3, 3), (1, 1), (1, 1), (1, 1)),
    "tiles of groups": (2, 64, 66, 2, (9, 8), (3, 3), (1, 1), (1, 1), (0, 2)),
    "tiles of a large image": (2, 32, 70, 1, (45, 50), (3, 3), (1, 1), (1, 1), (1, 1)),
    "tiles of small images": (70, 40, 130, 1, (4, 4), (3, 3), (1, 1), (1, 1), (1, 1)),
    "tiles of planes": (2, 32, 32, 1, (3, 6, 7), (1, 3, 3), (1, 1, 1), (2, 1, 1), (0, 1, 1)),
    "many filters, many places": (2, 20, 52, 1, (15, 16), (5, 5), (1, 1), (1, 1), (2, 2)),
    "large, many filters, stride": (2, 30, 45, 1, (33, 34), (3, 3), (2, 2), (1, 1), (1, 1)),
    "phases": (2, 24, 20, 1, (17, 18), (3, 3), (2, 2), (1, 1), (1, 1)),
    "phases of a large image": (1, 32, 30, 1, (100, 90), (4, 4), (2, 2), (1, 1), (1, 1)),
    "phases of groups": (2, 16, 24, 2, (23, 24), (4, 5), (2, 3), (1, 1), (1, 2)),
    "phases of planes": (2, 12, 16, 1, (6, 17, 18), (3, 2, 4), (2, 1, 2), (1, 1, 1), (1, 0, 1)),
    "panels of small images": (21, 12, 40, 1, (7, 6), (3, 3), (2, 2), (1, 1), (1, 1)),
    "panels of groups": (9, 24, 66, 2, (8, 9), (3, 2), (2, 1), (1, 2), (1, 1)),
    "panels of a large image": (2, 30, 28, 1, (61, 90), (5, 3), (2, 3), (1, 1), (2, 1)),
    "panels of planes": (2, 8, 30, 1, (4, 9, 10), (2, 3, 3), (1, 2, 2), (2, 1, 1), (1, 1, 1)),
    "panels of many places": (2, 512, 33, 1, (5, 4), (3, 3), (2, 2), (1, 1), (1, 1)),
    "panels of columns": (2, 30, 40, 1, (9, 10), (3, 1), (1, 3), (1, 1), (1, 0)),
    "1x1 of planes": (2, 30, 40, 1, (2, 3, 5), (1, 1, 1), (1, 1, 1), (1, 1, 1), (0, 0, 0)),
    "tiles of many channels": (3, 130, 132, 1, (9, 10), (3, 3), (1, 1), (1, 1), (1, 1)),
    "tiles, stride": (3, 33, 34, 1, (20, 24), (3, 3), (2, 2), (1, 1), (1, 1)),
    "tiles, stride, one more": (3, 32, 40, 1, (24, 23), (3, 3), (2, 2), (1, 1), (1, 1)),
    "tiles, stride, large padding": (2, 32, 40, 1, (20, 21), (3, 3), (2, 2), (1, 1), (2, 3)),
    "tiles, stride, groups": (2, 64, 70, 2, (40, 44), (3, 3), (2, 2), (1, 1), (1, 1)),
    "tiles, stride, planes": (2, 32, 32, 1, (3, 8, 12), (1, 3, 3), (1, 2, 2), (1, 1, 1), (0, 1, 1)),
    "tiles, stride, 4x4": (3, 32, 33, 1, (24, 21), (4, 4), (2, 2), (1, 1), (1, 1)),
    "tiles, stride, large 4x4": (2, 32, 40, 1, (76, 80), (4, 4), (2, 2), (1, 1), (0, 1)),
    "tiles, stride, 4x4 of planes": (
        *(2, 32, 32, 1, (2, 16, 16), (1, 4, 4)),
        *((1, 2, 2), (1, 1, 1), (0, 1, 1)),
    ),
    "small images, 600 filters": (70, 4, 600, 1, (4, 4), (3, 3), (2, 2), (1, 1), (1, 1)),
    "blocks of unequal lines": (10, 24, 4, 1, (31, 130), (5, 5), (1, 1), (1, 1), (2, 2)),
    "images side by side": (32, 6, 16, 1, (14, 14), (5, 5), (1, 1), (1, 1), (0, 0)),
    "side by side, padding": (32, 1, 6, 1, (13, 12), (5, 5), (1, 1), (1, 1), (2, 2)),
    "side by side, one missing": (31, 2, 7, 1, (5, 6), (3, 3), (1, 1), (1, 1), (1, 1)),
    "side by side, dilation": (32, 3, 11, 1, (9, 8), (3, 2), (1, 1), (2, 3), (3, 2)),
    "side by side, groups": (32, 8, 12, 2, (6, 5), (4, 4), (1, 1), (1, 1), (2, 3)),
    "side by side, large padding": (32, 3, 5, 1, (4, 5), (2, 4), (1, 1), (1, 1), (3, 4)),
    "side by side, many lines": (16, 12, 24, 1, (40, 6), (5, 5), (1, 1), (1, 1), (2, 1)),
    "side by side, 1 axis": (32, 4, 6, 2, (13,), (6,), (1,), (1,), (3,)),
    "tiles side by side": (30, 8, 12, 1, (8, 10), (5, 5), (1, 1), (1, 1), (2, 1)),
    "tiles side by side, groups": (16, 16, 22, 2, (6, 8), (5, 5), (1, 1), (1, 1), (2, 3)),
    "tiles side by side, large padding": (32, 5, 15, 1, (4, 2), (5, 5), (1, 1), (1, 1), (5, 4)),
    "tiles side by side, many channels": (16, 80, 24, 1, (6, 6), (5, 5), (1, 1), (1, 1), (0, 0)),
    "whole vectors": (9, 3, 40, 1, (40, 32), (3, 3), (1, 1), (1, 1), (1, 1)),
    "whole vectors, depthwise": (16, 6, 6, 6, (9, 32), (3, 3), (1, 1), (1, 1), (1, 1)),
    "whole vectors of one image": (1, 3, 30, 1, (37, 96), (3, 3), (1, 1), (1, 1), (1, 1)),
    "whole vectors, stride": (2, 4, 30, 2, (21, 32), (3, 3), (2, 2), (1, 1), (1, 1)),
    "1 axis": (3, 4, 6, 2, (13,), (4,), (2,), (1,), (2,)),
    "1 long axis": (2, 2, 3, 1, (9000,), (5,), (1,), (2,), (4,)),
    "1 longer axis": (1, 8, 3, 1, (30000,), (3,), (1,), (1,), (1,)),
    "1 axis, many filters": (3, 4, 30, 1, (700,), (4,), (2,), (1,), (2,)),
    "3 axes": (2, 3, 4, 1, (5, 4, 6), (2, 3, 2), (1, 1, 1), (1, 1, 1), (1, 1, 0)),
    "3 axes, stride": (2, 4, 6, 2, (5, 6, 7), (3, 2, 3), (2, 1, 3), (1, 2, 1), (1, 0, 2)),
    "3 axes, many filters": (2, 3, 30, 1, (5, 4, 6), (2, 3, 2), (1, 2, 1), (2, 1, 1), (1, 1, 0)),
}


def filters_of(case):
    batch, channels, filters, groups, sizes, kernel, stride, dilate, pad = CASES[case]
    x = normal(batch, channels, *sizes)
    w = normal(filters, channels // groups, *kernel)
    return x, w, normal(filters), (kernel, stride, dilate, pad, filters, groups)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("case", CASES)
def test_convolution_and_its_gradients_are_those_of_packed_windows(case, dtype):
    x, w, b, numbers = filters_of(case)
    windows = Windows(*numbers[:4], numbers[3])
    sliding = convolution.Filters(*numbers)
    found = gradients(sliding.convolution, (x, w, b), dtype)
    expected = gradients(
        lambda x, w, b: ops.composed_convolution(x, w, b, windows, *numbers[4:]),
        (x, w, b),
        "float64",
    )
    close(found, expected, dtype)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("case", CASES)
def test_deconvolution_and_its_gradients_are_those_of_windows_added_back(case, dtype):
    x, w, _, numbers = filters_of(case)
    kernel, stride, dilate, pad, filters, groups = numbers
    windows = Windows(kernel, stride, dilate, pad, pad)
    counts = windows.counts(x.shape[2:])
    g = normal(x.shape[0], filters, *counts)
    adj = tuple(
        n - ((count - 1) * s + d * (k - 1) + 1 - 2 * p)
        for n, count, k, s, d, p in zip(x.shape[2:], counts, *numbers[:4], strict=True)
    )
    channels = x.shape[1]
    sliding = convolution.Filters(kernel, stride, dilate, pad, channels, groups, adj)
    bias = normal(channels)
    found = gradients(sliding.deconvolution, (g, w, bias), dtype)
    assert found[0].shape == x.shape
    expected = gradients(
        lambda g, w, b: ops.composed_deconvolution(g, w, b, windows, x.shape[2:], channels, groups),
        (g, w, bias),
        "float64",
    )
    close(found, expected, dtype)


def test_relu_and_bias_are_fused_bit_for_bit():
    cases = ("3x3", "many filters", "small images", "1x1 of a large image", "tiles", "phases")
    cases += ("side by side, padding", "side by side, groups", "panels of small images")
    cases += ("tiles side by side", "tiles side by side, groups")
    cases += ("tiles, stride", "tiles, stride, 4x4")
    for case, kind in itertools.product(cases, ("convolution", "deconvolution")):
        x, w, b, numbers = filters_of(case)
        if kind == "deconvolution":
            w = normal(x.shape[1], numbers[4] // numbers[5], *w.shape[2:])
        slide = getattr(convolution.Filters(*numbers), kind)
        fused = gradients(partial(slide, relu=True), (x, w, b), "float32")
        apart = gradients(lambda *own, slide=slide: npx.relu(slide(*own)), (x, w, b), "float32")
        for one, other in zip(fused, apart, strict=True):
            numpy.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    "case", ["toy", "3x3", "many filters, stride", "groups", "1 axis", "3 axes"]
)
def test_second_derivatives(case):
    """The gradient of a function of the gradients, against that of the composed ones."""
    x, w, b, numbers = filters_of(case)
    windows = Windows(*numbers[:4], numbers[3])
    sliding = convolution.Filters(*numbers)

    def twice(function):
        own = arrays((x, w, b), "float64")
        with autograd.record():
            y = function(*own)
            first = autograd.grad((y * y * y).sum(), own, create_graph=True)
            total = sum((g * g).sum() for g in first)
        total.backward()
        return [array.grad.asnumpy() for array in own]

    for relu in (False, True):
        found = twice(lambda x, w, b, relu=relu: sliding.convolution(x, w, b, relu))
        expected = twice(
            lambda x, w, b, relu=relu: (npx.relu if relu else np.positive)(
                ops.composed_convolution(x, w, b, windows, *numbers[4:])
            )
        )
        for one, other in zip(found, expected, strict=True):
            numpy.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9 * abs(other).max())


def test_gradients_are_central_differences():
    x, w, b, numbers = filters_of("dilation and stride")
    sliding = convolution.Filters(*numbers)
    values = (x, w, b)
    y, *found = gradients(sliding.convolution, values, "float64")
    head = normal(*y.shape, seed=3)
    generator = numpy.random.default_rng(5)
    for place, gradient in enumerate(found):
        way = generator.standard_normal(gradient.shape)
        ends = []
        for sign in (1, -1):
            moved = [v + sign * 1e-4 * way if i == place else v for i, v in enumerate(values)]
            ends.append(sliding.convolution(*arrays(moved, "float64")).asnumpy())
        difference = ((ends[0] - ends[1]) / 2e-4 * head).sum()
        numpy.testing.assert_allclose((gradient * way).sum(), difference, rtol=1e-7)


@pytest.mark.parametrize("case", CASES)
def test_threads_change_no_bit(case):
    x, w, b, numbers = filters_of(case)
    sliding = convolution.Filters(*numbers)
    before = set_num_threads(1)
    try:
        one = gradients(sliding.convolution, (x, w, b), "float32")
        set_num_threads(3)
        three = gradients(sliding.convolution, (x, w, b), "float32")
    finally:
        set_num_threads(before)
    for single, several in zip(one, three, strict=True):
        numpy.testing.assert_array_equal(single, several)


@pytest.mark.parametrize("activation", [None, "relu", "sigmoid"])
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_a_plan_gives_the_same_bits(activation, layout):
    def run(hybrid):
        net = gluon.nn.HybridSequential()
        net.add(
            gluon.nn.Conv2D(6, 3, padding=1, activation=activation, layout=layout),
            gluon.nn.MaxPool2D(layout=layout),
            gluon.nn.Conv2DTranspose(4, 2, strides=2, activation=activation, layout=layout),
            gluon.nn.AvgPool2D(3, 2, 1, ceil_mode=True, layout=layout),
            gluon.nn.GlobalAvgPool2D(layout=layout),
        )
        net.initialize()
        x = nd.array(normal(2, 6, 6, 3) if layout == "NHWC" else normal(2, 3, 6, 6))
        net(x)
        for parameter in net.collect_params().values():
            parameter.set_data(nd.array(normal(*parameter.shape)))
        if hybrid:
            net.hybridize()
        x.attach_grad()
        for _ in range(2):
            with autograd.record():
                y = net(x)
            y.backward()
        grads = [p.grad().asnumpy() for p in net.collect_params().values()]
        return [y.asnumpy(), x.grad.asnumpy(), *grads]

    for eager, planned in zip(run(False), run(True), strict=True):
        numpy.testing.assert_array_equal(eager, planned)


def test_gradients_are_added_where_that_is_asked():
    cases = ("3x3", "many filters, stride", "small images", "1x1", "tiles", "phases")
    for case in (*cases, "images side by side", "side by side, groups"):
        x, w, b, numbers = filters_of(case)
        sliding = convolution.Filters(*numbers)
        once = gradients(sliding.convolution, (x, w, b), "float64")
        own = arrays((x, w, b), "float64")
        with autograd.record():
            y = sliding.convolution(*own) + sliding.convolution(*own)
        y.backward(np.array(normal(*y.shape, seed=3)))
        for array, single in zip(own, once[1:], strict=True):
            numpy.testing.assert_allclose(array.grad.asnumpy(), 2 * single, atol=1e-10)


def test_views_and_odd_dtypes():
    x, w, b, numbers = filters_of("3x3")
    kernel, _, _, pad, filters, _ = numbers
    options = {"kernel": kernel, "pad": pad, "num_filter": filters}
    expected = npx.convolution(*arrays((x, w, b), "float32"), **options).asnumpy()
    turned = np.array(x.transpose(3, 2, 1, 0), dtype="float32").transpose(3, 2, 1, 0)
    found = npx.convolution(turned, *arrays((w, b), "float32"), **options)
    numpy.testing.assert_array_equal(found.asnumpy(), expected)
    half = npx.convolution(*arrays((x, w, b), "float16"), **options)
    assert half.dtype == "float16"
    numpy.testing.assert_allclose(half.asnumpy(), expected, atol=0.05)


def test_what_ran():
    x, w, b, numbers = filters_of("3x3")
    own = arrays((x, w, b), "float32")
    with autograd.record():
        y = convolution.Filters(*numbers).convolution(*own)
        z = Pooling("max", (2, 2), (2, 2), (0, 0))(y)
    assert ops_behind(z) == ["convolution", "pooling"]


USED_TWICE = [case for case in CASES if {"panels", "1x1"} & set(case.split())]
USED_TWICE += ["tiles side by side", "tiles side by side, groups"]


@pytest.mark.parametrize("case", USED_TWICE)
@pytest.mark.parametrize("kind", ["convolution", "deconvolution"])
def test_gradients_of_arrays_that_are_used_twice_are_added(case, kind):
    x, w, _, numbers = filters_of(case)
    if kind == "deconvolution":
        w = normal(x.shape[1], numbers[4] // numbers[5], *w.shape[2:])
    slide = getattr(convolution.Filters(*numbers), kind)
    _, *once = gradients(slide, (x, w), "float32")
    _, *twice = gradients(lambda x, w: slide(x, w) + slide(x, w), (x, w), "float32")
    close(twice, [2 * gradient for gradient in once], "float32")


def test_arrays_that_do_not_suit_are_left_to_others():
    sliding = convolution.Filters((3, 3), (1, 1), (1, 1), (0, 0), 4, 2)
    x, w = np.ones((1, 4, 5, 5)), np.ones((4, 2, 3, 3))
    assert sliding.convolution(x, w).shape == (1, 4, 3, 3)
    for data, weight, bias in (
        ([1], w, None),
        (x, nd.ones((4, 2, 3, 3)), None),
        (x, np.ones((4, 1, 3, 3)), None),
        (x, np.ones((4, 2, 3, 2)), None),
        (x, w.astype("float64"), None),
        (x.astype("int32"), w, None),
        (x[:0], w, None),
        (x[:, :, :2], w, None),
        (x[0], w, None),
        (x, w, np.ones(3)),
        (x, w, [1]),
    ):
        assert sliding.convolution(data, weight, bias) is None


def test_layers_are_copied_with_what_they_know():
    layer = gluon.nn.Conv2D(3, 2, strides=2)
    layer.initialize()
    x = nd.array(normal(1, 2, 6, 6))
    y = layer(x)
    numpy.testing.assert_array_equal(pickle.loads(pickle.dumps(layer))(x).asnumpy(), y.asnumpy())
    pool = pickle.loads(pickle.dumps(gluon.nn.AvgPool2D(2)))
    assert pool(x).shape == (1, 2, 3, 3)


# ---- pooling -------------------------------------------------------------------------------------

POOLS = {
    "halves": ((6, 8), (2, 2), (2, 2), (0, 0)),
    "overlapping": ((7, 9), (3, 3), (2, 2), (1, 1)),
    "each place": ((5, 6), (3, 2), (1, 1), (1, 0)),
    "thirds": ((8, 10), (2, 3), (3, 3), (0, 1)),
    "whole": ((5, 6), (5, 6), (1, 1), (0, 0)),
    "wide": ((3, 700), (3, 3), (1, 1), (1, 1)),
    "1 axis": ((11,), (4,), (3,), (2,)),
    "3 axes": ((5, 4, 6), (2, 3, 2), (2, 1, 2), (1, 1, 0)),
}
POOL_CASES = list(itertools.product(POOLS, ("valid", "full")))


def composed(kind, x, sizes, kernel, stride, pad, convention, count):
    windows = ops._pooling_windows(sizes, kernel, stride, pad, convention)
    if kind == "max":
        return largest(x, windows)
    return ops.totals(x, windows) if kind == "sum" else ops._average(x, windows, pad, count)


@pytest.mark.parametrize("kind", ["max", "avg", "sum", "avg without padding"])
@pytest.mark.parametrize(("case", "convention"), POOL_CASES)
def test_pooling_and_its_gradients_are_the_composed_ones(case, convention, kind):
    sizes, kernel, stride, pad = POOLS[case]
    count = kind != "avg without padding"
    kind = kind.split()[0]
    x = numpy.round(normal(3, 2, *sizes), 1)  # with numbers that are equal
    pool = Pooling(kind, kernel, stride, pad, convention == "full", count)

    def both(function, dtype):
        own = arrays([x], dtype)
        found = gradients(function, [x], dtype)
        with autograd.record():
            y = function(own[0])
            first = autograd.grad((y * y * y).sum(), own, create_graph=True)[0]
            total = (first * first * first).sum()
        total.backward()
        return [*found, own[0].grad.asnumpy()]

    def reference(x):
        return composed(kind, x, sizes, kernel, stride, pad, convention, count)

    expected = both(reference, "float64")
    close(both(pool, "float64"), expected, "float64")
    close(gradients(pool, [x], "float32"), gradients(reference, [x], "float32"), "float32")
    twice = np.array(x)
    twice.attach_grad()
    with autograd.record():
        y = pool(twice) + pool(twice)
    y.backward(np.array(normal(*y.shape, seed=3), dtype="float64").astype(y.dtype))
    numpy.testing.assert_allclose(twice.grad.asnumpy(), 2 * expected[1], atol=1e-4)


def test_what_is_largest_of_odd_numbers():
    inf, nan = numpy.inf, numpy.nan
    x = np.array([[[1, nan, 2, -inf, -inf, -inf, inf, inf]]])
    x.attach_grad()
    with autograd.record():
        y = Pooling("max", (2,), (2,), (0,))(x)
    y.backward()
    numpy.testing.assert_array_equal(y.asnumpy(), [[[nan, 2, -inf, inf]]])
    numpy.testing.assert_array_equal(x.grad.asnumpy(), [[[0, 1, 1, 0, 1, 0, 1, 0]]])
    low = Pooling("max", (2,), (2,), (1,))(np.array([[[-inf, -inf]]]))
    assert numpy.isfinite(low.asnumpy()).all()  # beside the padding, which is finite


def test_pooling_of_a_view_on_several_threads():
    values = normal(6, 40, 40, 5).astype("float32")
    view = np.array(values).transpose(0, 3, 1, 2)
    for kind, convention in itertools.product(("max", "avg"), (False, True)):
        pool = Pooling(kind, (3, 3), (2, 2), (1, 1), convention)
        before = set_num_threads(1)
        try:
            one = gradients(pool, [view.asnumpy()], "float32")
            set_num_threads(3)
            three = gradients(pool, [view.asnumpy()], "float32")
        finally:
            set_num_threads(before)
        for single, several in zip(one, three, strict=True):
            numpy.testing.assert_array_equal(single, several)
        numpy.testing.assert_array_equal(pool(view).asnumpy(), one[0])


def test_pooling_leaves_to_others_what_does_not_suit():
    pool = Pooling("max", (2, 2), (2, 2), (0, 0))
    for x in ([1], np.ones((1, 2, 3)), np.ones((0, 1, 2, 2)), np.ones((1, 1, 1, 4))):
        assert pool(x) is None
    assert pool(np.ones((1, 1, 2, 2), dtype="int32")) is None
    assert Pooling("avg", (1, 1), (1, 1), (0, 0), whole=True)(np.ones((2, 3, 4, 5))).shape == (
        *(2, 3, 1, 1),
    )
