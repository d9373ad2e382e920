"""Dense layers whose products are made by packed panels, beside those that BLAS computes."""

import numpy
import pytest

from microlazy import autograd, np, npx
from microlazy.core.kernels import select
from microlazy.core.ops.nn import fully_connected
from microlazy.core.parallel import set_num_threads

# rows, inputs, units: around what a panel, a share and a tile take, and where panels begin to pay
SIZES = [
    *((64, 128, 130), (130, 100, 65), (17, 400, 120), (15, 400, 120), (16, 64, 256)),
    *((300, 1024, 64), (70, 1025, 64), (97, 96, 113), (256, 65, 71), (1100, 70, 64)),
]


def normal(*shape):
    return numpy.random.default_rng(shape).standard_normal(shape)


def layer(rows, inputs, units, dtype, times=1):
    """The result, and the gradients of x, weight and bias, added up over some passes."""
    own = [np.array(normal(*shape), dtype=dtype) for shape in ((rows, inputs), (units, inputs))]
    own.append(np.array(normal(units), dtype=dtype))
    for array in own:
        array.attach_grad("add" if times > 1 else "write")
    g = np.array(normal(rows, units), dtype=dtype)
    for _ in range(times):
        with autograd.record():
            y = npx.fully_connected(*own, num_hidden=units)
        y.backward(g)
    return [y.asnumpy(), *(array.grad.asnumpy() for array in own)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("times", [1, 2])
def test_dense_layers_are_those_of_numpy(sizes, dtype, times):
    rows, inputs, units = sizes
    x, w, b = normal(rows, inputs), normal(units, inputs), normal(units)
    g = normal(rows, units)
    wanted = [x @ w.T + b, times * g @ w, times * g.T @ x, times * g.sum(0)]
    for found, want in zip(layer(*sizes, dtype, times), wanted, strict=True):
        atol = numpy.finfo(dtype).eps * 30 * numpy.abs(want).max()
        numpy.testing.assert_allclose(found, want, rtol=0, atol=atol)


@pytest.mark.skipif(select.chosen() == "baseline", reason="BLAS's products are cut by threads")
@pytest.mark.parametrize("sizes", SIZES[:3])
def test_threads_change_no_bit(sizes):
    before = set_num_threads(1)
    try:
        one = layer(*sizes, "float32")
        set_num_threads(3)
        three = layer(*sizes, "float32")
    finally:
        set_num_threads(before)
    for single, several in zip(one[:3], three[:3], strict=True):
        numpy.testing.assert_array_equal(single, several)


def test_weights_with_the_inputs_first():
    """The products of a kernel (inputs, units), as Flax has it."""
    x, w, g = normal(130, 100), normal(100, 70), normal(130, 70)
    own = [np.array(value, dtype="float32") for value in (x, w)]
    for array in own:
        array.attach_grad()
    with autograd.record():
        y = fully_connected(*own, in_first=True)
    y.backward(np.array(g, dtype="float32"))
    for found, want in zip((y, own[0].grad, own[1].grad), (x @ w, g @ w.T, x.T @ g), strict=True):
        numpy.testing.assert_allclose(found.asnumpy(), want, rtol=0, atol=2e-4)
