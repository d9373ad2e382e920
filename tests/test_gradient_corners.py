"""Gradients at the edges: norms and powers at zero, integers, float16, lists, SciPy."""

import gradients as check
import numpy
import pytest

from microlazy import autograd, nd, np


def leaf(values, dtype="float64", face=np):
    x = face.array(values, dtype=dtype)
    x.attach_grad()
    return x


def gradients(function, *arrays):
    with autograd.record():
        y = function(*arrays)
    y.backward()
    return [x.grad.asnumpy().tolist() for x in arrays]


# ---- where a derivative would be nan -----------------------------------------------------------

NORMS = {
    "norm": lambda x: np.linalg.norm(x),
    "norm over rows": lambda x: np.linalg.norm(x, axis=1),
    "norm over columns": lambda x: np.linalg.norm(x, axis=0, keepdims=True),
    "fro": lambda x: np.linalg.norm(x, "fro"),
    "vector norm 3": lambda x: np.linalg.norm(x, 3, axis=1),
    "vector norm 1": lambda x: np.linalg.norm(x, 1, axis=0),
    "vector norm 1.5": lambda x: np.linalg.vector_norm(x, ord=1.5),
    "vector norm 0.5": lambda x: np.linalg.vector_norm(x, ord=0.5),
    "vector norm -1": lambda x: np.linalg.norm(x, -1, axis=1),
    "vector norm inf": lambda x: np.linalg.norm(x, numpy.inf, axis=1),
    "hypot": lambda x: np.hypot(x, x * 2),
}


@pytest.mark.parametrize("name", NORMS)
def test_the_gradient_of_a_norm_at_zero_is_zero(name):
    x = leaf(numpy.zeros((2, 3)))
    assert gradients(NORMS[name], x) == [[[0] * 3] * 2]
    with autograd.record():
        (slope,) = autograd.grad(NORMS[name](x), x, create_graph=True)
    assert not slope.asnumpy().any()


@pytest.mark.parametrize("name", NORMS)
def test_norms_beside_zeros(name):
    values = numpy.array([[3.0, 0.0, -4.0], [1.0, 2.0, -2.5]])
    (slope,) = gradients(NORMS[name], leaf(values))
    step = 1e-6
    for place in numpy.ndindex(values.shape):
        if values[place]:
            shift = numpy.zeros_like(values)
            shift[place] = step
            sides = [NORMS[name](np.array(values + s, dtype="float64")).sum().item()
                     for s in (shift, -shift)]  # fmt: skip
            assert abs(slope[place[0]][place[1]] - (sides[0] - sides[1]) / (2 * step)) < 1e-5
    assert numpy.isfinite(slope).all()


@pytest.mark.parametrize("face", [np, nd])
def test_nd_and_np_norms_at_zero(face):
    assert gradients(lambda x: x.norm() if face is nd else np.linalg.norm(x),
                     leaf([0, 0], face=face)) == [[0, 0]]  # fmt: skip


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_powers_at_zero(dtype):
    assert gradients(lambda x: x**0, leaf([0, 1, -2], dtype)) == [[0, 0, 0]]
    assert gradients(lambda x: x ** np.array([0, 0, 2], dtype=dtype), leaf([0, 1, 3], dtype)) == [
        [0, 0, 6]
    ]
    base, exponent = leaf([0, 0, 2], dtype), leaf([0, 3, 1], dtype)
    by_base, by_exponent = gradients(lambda b, e: b**e, base, exponent)
    assert by_base == [0, 0, 1]
    assert numpy.allclose(by_exponent, [0, 0, 2 * numpy.log(2)])
    assert gradients(lambda e: 0**e, leaf([0, 1, 2.5], dtype)) == [[0, 0, 0]]
    assert gradients(lambda e: 0.0**e, leaf([-1], dtype)) == [[-numpy.inf]]
    assert numpy.isnan(gradients(lambda e: (-2.0) ** e, leaf([2], dtype))[0][0])
    with autograd.record():
        slopes = autograd.grad(base**exponent, [base, exponent], create_graph=True)
    assert slopes[0].tolist() == [0, 0, 1]
    assert numpy.allclose(slopes[1].tolist(), [0, 0, 2 * numpy.log(2)])
