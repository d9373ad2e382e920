"""np.linalg and np's products: NumPy's values, gradients in corners, and refusals."""

import subprocess
import sys

import gradients as check
import numpy
import pytest

import microlazy as mx
from microlazy import autograd, np
from microlazy.base import MXNetError
from microlazy.core.loops import matrix_gradients, rotations
from microlazy.core.trace import abstract, tracing
from microlazy.ops import linear_algebra
from microlazy.ops.linear_algebra import _cheapest_cuts

GENERATOR = numpy.random.default_rng(8)
SQUARE = GENERATOR.normal(size=(2, 3, 3))
TALL = GENERATOR.normal(size=(2, 4, 3))
WIDE = GENERATOR.normal(size=(3, 4))
VECTOR = GENERATOR.normal(size=5)
SYMMETRIC = SQUARE @ SQUARE.swapaxes(-1, -2) + numpy.eye(3)


def agree(function, *values, numpy_function=None):
    """The function gives NumPy's values, shapes and dtypes, in float64 and in float32."""
    for dtype, limit in (("float64", 1e-10), ("float32", 2e-3)):
        inputs = [v.astype(dtype) if v.dtype.kind == "f" else v for v in values]
        got = check.as_list(function(np, *[np.array(v, dtype=v.dtype) for v in inputs]))
        expected = check.as_list((numpy_function or function)(numpy, *inputs))
        assert len(got) == len(expected)
        for ours, theirs in zip(got, expected, strict=True):
            theirs = numpy.asarray(theirs)
            assert ours.shape == theirs.shape
            assert ours.dtype == theirs.dtype or theirs.dtype.kind != "f"
            numpy.testing.assert_allclose(ours.asnumpy(), theirs, rtol=limit, atol=limit)


def differentiated(function, *values):
    """The gradients are central differences."""
    arrays = [check.leaf(v, "np") for v in values]
    slopes = check.gradients(function, arrays)[1]
    expected = check.central_differences(function, values, "np")
    for got, wanted in zip(slopes, expected, strict=True):
        numpy.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-5)


# ---- values --------------------------------------------------------------------------------------

CALLS = {
    "inv": (lambda f, a: f.linalg.inv(a), SQUARE),
    "det": (lambda f, a: f.linalg.det(a), SQUARE),
    "slogdet": (lambda f, a: f.linalg.slogdet(a), SQUARE),
    "solve": (lambda f, a, b: f.linalg.solve(a, b), SQUARE, WIDE),
    "solve vector": (lambda f, a, b: f.linalg.solve(a, b), SQUARE, VECTOR[:3]),
    "pinv tall": (lambda f, a: f.linalg.pinv(a), TALL),
    "pinv wide": (lambda f, a: f.linalg.pinv(a), WIDE),
    "lstsq": (lambda f, a, b: f.linalg.lstsq(a, b), TALL[0], WIDE.T),
    "lstsq vector": (lambda f, a, b: f.linalg.lstsq(a, b)[0], TALL[0], VECTOR[:4]),
    "lstsq wide": (lambda f, a, b: f.linalg.lstsq(a, b)[1:], WIDE, VECTOR[:3]),
    "cholesky": (lambda f, a: f.linalg.cholesky(a), SYMMETRIC),
    "cholesky upper": (lambda f, a: f.linalg.cholesky(a, upper=True), SYMMETRIC),
    "qr": (lambda f, a: f.linalg.qr(a), TALL),
    "qr wide": (lambda f, a: f.linalg.qr(a), WIDE),
    "qr complete": (lambda f, a: f.linalg.qr(a, "complete"), TALL),
    "qr r": (lambda f, a: f.linalg.qr(a, "r"), TALL),
    "svd": (lambda f, a: f.linalg.svd(a, full_matrices=False), TALL),
    "svd full": (lambda f, a: f.linalg.svd(a, full_matrices=True), TALL),
    "svd values": (lambda f, a: f.linalg.svd(a, compute_uv=False), WIDE),
    "svdvals": (lambda f, a: f.linalg.svdvals(a), TALL),
    "eigh": (lambda f, a: f.linalg.eigh(a), SYMMETRIC),
    "eigvalsh": (lambda f, a: f.linalg.eigvalsh(a, "U"), SQUARE),
    "eig": (lambda f, a: f.linalg.eig(a), SYMMETRIC),
    "eigvals": (lambda f, a: f.linalg.eigvals(a), SYMMETRIC),
    "matrix_rank": (lambda f, a: f.linalg.matrix_rank(a), TALL),
    "matrix_rank tol": (lambda f, a: f.linalg.matrix_rank(a, 1.5), TALL),
    "multi_dot": (lambda f, a, b, c: f.linalg.multi_dot([a, b, c]), WIDE, WIDE.T, VECTOR[:3]),
    "multi_dot two": (lambda f, a, b: f.linalg.multi_dot([a, b]), VECTOR[:3], WIDE),
    "tensorinv": (lambda f, a: f.linalg.tensorinv(a, ind=1), WIDE[:, :3].reshape(3, 3, 1)),
    "matrix_transpose": (lambda f, a: f.linalg.matrix_transpose(a), TALL),
    "diagonal": (lambda f, a: f.linalg.diagonal(a, offset=-2), TALL),
    "diagonal outside": (lambda f, a: f.linalg.diagonal(a, offset=9), TALL),
    "trace": (lambda f, a: f.linalg.trace(a, offset=1), TALL),
    "inner": (lambda f, a, b: f.inner(a, b), TALL, WIDE.T),
    "tensordot": (lambda f, a, b: f.tensordot(a, b, ((1, -1), (1, 0))), TALL, WIDE),
    "tensordot none": (lambda f, a, b: f.tensordot(a, b, 0), WIDE, VECTOR),
    "kron": (lambda f, a, b: f.kron(a, b), WIDE, TALL),
    "cross": (lambda f, a, b: f.cross(a, b, axisa=1, axisb=0, axisc=0), SQUARE, WIDE[:, :1]),
    "trace of axes": (lambda f, a: f.trace(a, -1, 2, 0), TALL),
    "vecdot": (lambda f, a, b: f.vecdot(a, b, axis=0), WIDE, WIDE[:, ::-1]),
    "matvec": (lambda f, a, b: f.matvec(a, b), TALL, VECTOR[:3]),
    "vecmat": (lambda f, a, b: f.vecmat(a, b), VECTOR[:4], TALL),
}


@pytest.mark.parametrize("name", CALLS)
def test_numpy_gives_the_same(name):
    function, *values = CALLS[name]
    agree(function, *values)


@pytest.mark.parametrize("n", [-3, -1, 0, 1, 2, 6, 7])
def test_matrix_power(n):
    agree(lambda f, a: f.linalg.matrix_power(a, n), SYMMETRIC)


@pytest.mark.parametrize("ord", [None, 0, 0.5, 1, 2, 3, -1, -2, numpy.inf, -numpy.inf])
def test_norms_of_vectors(ord):
    agree(lambda f, a: f.linalg.norm(a, ord), VECTOR)
    agree(lambda f, a: f.linalg.norm(a, ord, axis=1, keepdims=True), TALL)
    if ord is not None:
        agree(lambda f, a: f.linalg.vector_norm(a, ord=ord, axis=(0, 2)), TALL)
        agree(lambda f, a: f.linalg.vector_norm(a, ord=ord, keepdims=True), TALL)


@pytest.mark.parametrize("ord", [None, "fro", "nuc", 1, -1, 2, -2, numpy.inf, -numpy.inf])
def test_norms_of_matrices(ord):
    agree(lambda f, a: f.linalg.norm(a, ord), WIDE)
    agree(lambda f, a: f.linalg.norm(a, ord, axis=(2, 0), keepdims=True), TALL)
    agree(lambda f, a: f.linalg.matrix_norm(a, ord=ord or "fro"), TALL)
    agree(lambda f, a: f.linalg.cond(a, ord), SQUARE[0])


SUMS = [
    ("ii", [SQUARE[0]]),
    ("ii->i", [SQUARE[0]]),
    ("...ii->...i", [SQUARE]),
    ("ij->ji", [WIDE]),
    ("ba", [WIDE]),
    ("ij->", [WIDE]),
    ("bij,bjk->bik", [TALL, SQUARE]),
    ("bij,bij->b", [TALL, TALL]),
    ("...ij,...jk", [TALL, WIDE]),
    ("i...,j...->ij...", [WIDE, WIDE]),
    ("ij,jk,lk", [WIDE, WIDE.T, TALL[0]]),
    ("ij,ij,ij->j", [WIDE, WIDE, WIDE]),
    ("i,j", [VECTOR, VECTOR]),
    ("i,i", [VECTOR, VECTOR]),
    ("iji->j", [SQUARE[:, :, :2]]),
    ("ij,kl", [WIDE, TALL[0]]),
    ("ij,j", [WIDE, VECTOR[:1]]),  # an axis of size 1 is broadcast
    ("ij,ij->ij", [WIDE, WIDE[:1]]),
    ("...,...", [WIDE, VECTOR[:4]]),
    (" i j , j -> i ", [WIDE, VECTOR[:4]]),
    ("ab->ab", [WIDE[:1]]),
]


@pytest.mark.parametrize(("subscripts", "values"), SUMS)
@pytest.mark.parametrize("optimize", [False, True, "optimal"])
def test_einsum(subscripts, values, optimize):
    agree(
        lambda f, *arrays: f.einsum(subscripts, *arrays, optimize=optimize),
        *values,
        numpy_function=lambda f, *arrays: f.einsum(subscripts, *arrays),
    )


@pytest.mark.parametrize(
    ("subscripts", "values"),
    [
        ("ij,j", [WIDE]),
        ("ij", [VECTOR]),
        ("i->ii", [VECTOR]),
        ("i->j", [VECTOR]),
        ("i,i", [VECTOR, VECTOR[:3]]),
        ("i1", [WIDE]),
        ("i", [WIDE]),
    ],
)
def test_einsum_refuses_what_does_not_fit(subscripts, values):
    arrays = [np.array(v) for v in values]
    with pytest.raises((ValueError, MXNetError), match="einsum"):
        np.einsum(subscripts, *arrays)


# ---- gradients in corners ------------------------------------------------------------------------


def test_gradient_of_the_determinant_of_a_singular_matrix():
    matrix = SQUARE[0].copy()
    matrix[2] = matrix[0] + matrix[1]
    differentiated(np.linalg.det, matrix)
    matrix[1] = matrix[0]  # of rank 1: the determinant has slope 0
    matrix[2] = matrix[0]
    x = check.leaf(matrix, "np")
    numpy.testing.assert_allclose(check.gradients(np.linalg.det, [x])[1][0], 0, atol=1e-12)


def test_second_gradient_of_the_determinant():
    """The first one is det(x) inv(x).T, whose own gradient is found on another way."""
    results = []
    for slope_of in (
        lambda x: autograd.grad(np.linalg.det(x), x, create_graph=True)[0],
        lambda x: np.linalg.det(x) * np.linalg.inv(x).T,
    ):
        x = check.leaf(SQUARE[0], "np")
        x.attach_grad()
        with autograd.record():
            total = (slope_of(x) ** 2).sum()
        total.backward()
        results.append(x.grad.asnumpy())
    numpy.testing.assert_allclose(*results, rtol=1e-10)


def test_gradient_of_singular_values_that_are_equal():
    x = np.array(numpy.eye(3), dtype="float64")
    x.attach_grad()
    with autograd.record():
        y = np.linalg.norm(x, "nuc")
    y.backward()
    numpy.testing.assert_allclose(x.grad.asnumpy(), numpy.eye(3))


def test_gradients_pass_through_a_stack_that_is_broadcast():
    differentiated(np.linalg.solve, SQUARE[0], TALL.swapaxes(1, 2).copy())
    differentiated(np.linalg.solve, SQUARE, VECTOR[:3])


def test_gradient_of_a_solution_by_least_squares_of_lower_rank():
    a = numpy.outer(VECTOR[:4], VECTOR[:3])
    differentiated(lambda b: np.linalg.lstsq(np.array(a, dtype="float64"), b)[0], VECTOR[:4])


def test_distances_of_least_squares_have_a_gradient():
    differentiated(lambda a, b: np.linalg.lstsq(a, b)[1], TALL[0], VECTOR[:4])


# ---- refusals and dtypes -------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["inv", "det", "slogdet", "cholesky", "eigh", "eig", "eigvals"])
def test_matrices_must_be_square(name):
    with pytest.raises(np.linalg.LinAlgError):
        getattr(np.linalg, name)(np.array(WIDE))


@pytest.mark.parametrize("name", ["inv", "det", "slogdet", "cholesky", "eigh", "eig", "eigvals"])
def test_shapes_are_found_without_values(name):
    with tracing():
        found = check.as_list(getattr(np.linalg, name)(abstract((2, 3, 3), face=1)))
    expected = check.as_list(getattr(np.linalg, name)(np.array(SYMMETRIC, dtype="float32")))
    assert [(x.shape, x.dtype) for x in found] == [(x.shape, x.dtype) for x in expected]
    with tracing(), pytest.raises(np.linalg.LinAlgError, match=r"\(3, 4\)"):
        getattr(np.linalg, name)(abstract((3, 4), face=1))


def test_singular_and_indefinite_matrices():
    ones = np.ones((2, 2))
    for call in (np.linalg.inv, lambda a: np.linalg.solve(a, a), np.linalg.tensorinv):
        with pytest.raises(np.linalg.LinAlgError):
            call(ones if call is not np.linalg.tensorinv else np.ones((1, 2, 2)))
    with pytest.raises(np.linalg.LinAlgError):
        np.linalg.cholesky(-ones)


def test_complex_eigenvalues_are_refused():
    turn = np.array([[0, 1], [-1, 0]])
    for call in (np.linalg.eig, np.linalg.eigvals):
        with pytest.raises(MXNetError, match="complex"):
            call(turn)


@pytest.mark.parametrize(
    "call",
    [
        lambda: np.linalg.norm(np.ones((2, 2, 2)), 1),
        lambda: np.linalg.norm(np.ones(3), "fro"),
        lambda: np.linalg.norm(np.ones((2, 2)), 3),
        lambda: np.linalg.qr(np.ones((2, 2)), "raw"),
        lambda: np.linalg.multi_dot([np.ones((2, 2))]),
        lambda: np.linalg.multi_dot([np.ones((2, 2, 2)), np.ones((2, 2))]),
        lambda: np.linalg.tensorinv(np.ones((2, 2)), 0),
        lambda: np.linalg.tensorsolve(np.ones((2, 2)), np.ones(3)),
        lambda: np.linalg.matrix_power(np.ones((2, 3)), 2),
        lambda: np.linalg.cond(np.ones(3)),
        lambda: np.linalg.svd(np.ones(3)),
        lambda: np.linalg.lstsq(np.ones((2, 2)), np.ones(3)),
        lambda: np.tensordot(np.ones((2, 3)), np.ones((2, 3)), 1),
        lambda: np.cross(np.ones(4), np.ones(2)),
        lambda: np.vecdot(np.ones(2), np.ones(3)),
        lambda: np.trace(np.ones((2, 2)), axis1=0, axis2=-2),
    ],
)
def test_what_does_not_fit_is_refused(call):
    with pytest.raises((ValueError, np.linalg.LinAlgError, MXNetError)) as caught:
        call()
    assert len(str(caught.value)) > 20


def test_integers_become_float32():
    whole = np.array([[2, 1], [1, 3]], dtype="int32")
    results = (
        np.linalg.inv(whole),
        np.linalg.norm(whole),
        np.linalg.svdvals(whole),
        np.linalg.solve(whole, whole),
        np.linalg.eigh(whole).eigenvectors,
    )
    assert [x.dtype.name for x in results] == ["float32"] * 5


def test_products_of_integers_are_integers():
    a = numpy.arange(6, dtype="int32").reshape(2, 3)
    stack = numpy.arange(12, dtype="int64").reshape(2, 3, 2)
    agree(lambda f, x, y: f.dot(x, y), a, stack)
    agree(lambda f, x, y: f.dot(x, y), a[0], a[1])
    agree(lambda f, x, y: f.matmul(x, y), a, stack)
    agree(lambda f, x, y: f.tensordot(x, y, 1), a, stack[0])
    agree(lambda f, x, y: f.einsum("ij,kj", x, y), a, a)
    agree(lambda f, x: f.linalg.matrix_power(x, 3), a[:, :2])
    agree(lambda f, x, y: f.matmul(x, y), a > 2, a.T > 2)
    assert np.dot(np.array(a), np.array(stack[0], dtype="int32")).dtype == "int32"
    for product in (np.matmul, np.dot):
        with pytest.raises((MXNetError, ValueError)):
            product(np.array(a), np.array(a))


def test_vectors_in_stacks_are_solved_as_in_mxnet():
    a, b = np.array(SQUARE, dtype="float64"), np.array(TALL[:, 0], dtype="float64")
    x = np.linalg.solve(a, b)
    numpy.testing.assert_allclose(np.matvec(a, x).asnumpy(), b.asnumpy())


def test_multi_dot_takes_the_cheapest_order():
    sizes = [30, 1, 40, 10, 25]
    arrays = [np.ones((m, n)) for m, n in zip(sizes[:-1], sizes[1:], strict=True)]
    out = np.zeros((30, 25))
    assert np.linalg.multi_dot(arrays, out=out) is out
    assert (out == 400).all()
    x = np.array(VECTOR)
    x.attach_grad()
    with autograd.record():
        y = np.linalg.multi_dot([np.ones((4, 5)), x.reshape(5, 1), np.ones((1, 9)), np.ones(9)])
    y.backward()
    numpy.testing.assert_allclose(x.grad.asnumpy(), 36)
    assert _cheapest_cuts(arrays) == {  # 1x40 by 40x10 first, then by 10x25, then 30x1
        (0, 1): 0,
        (1, 2): 1,
        (2, 3): 2,
        (0, 2): 0,
        (1, 3): 2,
        (0, 3): 0,
    }


def test_nothing_is_imported_from_scipy_until_it_is_needed():
    code = "import sys, microlazy; print(any(name.startswith('scipy') for name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
    assert mx.np.linalg.LinAlgError is numpy.linalg.LinAlgError


SHAPES = [(1, 1), (5, 5), (7, 3), (3, 7), (12, 12), (2, 3, 4, 4), (1, 5), (5, 1)]


def small_matrices(shape, dtype):
    """Random ones, of rank 1, of whole numbers, of extreme sizes, and zeros."""
    a = GENERATOR.normal(size=shape)
    rank_one = a[..., :1] @ a[..., :1, :]
    return [m.astype(dtype) for m in (a, rank_one, numpy.round(a), a * 1e25, a * 1e-25, 0 * a)]


@pytest.mark.parametrize("dtype, limit", [("float64", 1e-13), ("float32", 1e-5)])
@pytest.mark.parametrize("shape", SHAPES)
def test_rotations_find_singular_values_and_vectors(shape, dtype, limit):
    for a in small_matrices(shape, dtype):
        expected = numpy.linalg.svd(a, compute_uv=False)
        size = expected.max()
        u, s, vt = rotations.svd(a)
        assert u.dtype == s.dtype == vt.dtype == dtype
        numpy.testing.assert_allclose(s, expected, atol=10 * limit * size)
        numpy.testing.assert_array_equal(s, -numpy.sort(-s, -1))
        numpy.testing.assert_allclose((u * s[..., None, :]) @ vt, a, atol=10 * limit * size)
        for rows in u.swapaxes(-1, -2), vt:
            product = rows @ rows.swapaxes(-1, -2)
            identity = numpy.broadcast_to(numpy.eye(rows.shape[-2]), product.shape)
            numpy.testing.assert_allclose(product, identity, atol=10 * limit)


@pytest.mark.parametrize("rcond", [1e-15, 1e-3])
@pytest.mark.parametrize("shape", SHAPES)
def test_small_pseudo_inverses(shape, rcond):
    for a in (GENERATOR.normal(size=shape), numpy.zeros(shape)):
        a[..., 0, :] *= 1e-6  # counts, or not
        expected = numpy.linalg.pinv(a, rcond)
        size = abs(expected).max()
        numpy.testing.assert_allclose(rotations.pinv(a, rcond), expected, atol=1e-8 * size)


@pytest.mark.parametrize("dtype, limit", [("float64", 1e-13), ("float32", 1e-5)])
@pytest.mark.parametrize("triangle", "LU")
def test_rotations_find_eigenvalues(dtype, limit, triangle):
    for a in small_matrices((2, 7, 7), dtype):  # one triangle of which is read
        w, v = rotations.eigh(a, triangle)
        expected = numpy.linalg.eigvalsh(a, triangle)
        size = abs(expected).max()
        half = numpy.tril(a) if triangle == "L" else numpy.triu(a)
        whole = half + half.swapaxes(-1, -2) - a * numpy.eye(7)
        numpy.testing.assert_allclose(w, expected, atol=10 * limit * size)
        numpy.testing.assert_allclose(whole @ v, v * w[..., None, :], atol=20 * limit * size)


@pytest.mark.parametrize("bad", [numpy.nan, numpy.inf])
def test_what_is_not_finite_is_left_to_lapack(bad):
    a = numpy.full((3, 3), bad)
    for function in rotations.svd, rotations.eigh, matrix_gradients.qr:
        theirs = getattr(numpy.linalg, function.__name__)
        try:
            expected = theirs(a)
        except numpy.linalg.LinAlgError as error:
            with pytest.raises(numpy.linalg.LinAlgError, match=str(error)):
                function(a)
        else:
            for ours, other in zip(function(a), expected, strict=True):
                numpy.testing.assert_array_equal(ours, other)


# LAPACK's decomposition of this matrix never ends.
ENDLESS = numpy.array(
    [
        [1.2186956, -numpy.inf, 0.21173914, numpy.inf],
        [1.7221739, 1.5543479, -1.8021740, 0.7152174],
        [0.3795652, 1.3865217, -1.1308695, 0.8830435],
    ],
    "float32",
)


@pytest.mark.parametrize("shape", [(3, 4), (2, 3, 4), (14, 13)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "function",
    [
        np.linalg.svd,
        np.linalg.svdvals,
        np.linalg.pinv,
        lambda a: np.linalg.pinv(a, np.full(a.shape[:-2], 1e-5)),
        np.linalg.matrix_rank,
        lambda a: np.linalg.matrix_norm(a, ord="nuc"),
        lambda a: np.linalg.lstsq(a.reshape(-1, a.shape[-1]), np.ones(a.size // a.shape[-1])),
    ],
    ids=["svd", "svdvals", "pinv", "pinv, cuts", "matrix_rank", "norm", "lstsq"],
)
def test_singular_values_beside_infinity_are_refused_as_beside_nan(function, dtype, shape):
    a = numpy.ones(shape)
    a[..., :3, :4] = ENDLESS
    with pytest.raises(numpy.linalg.LinAlgError, match="did not converge"):
        function(np.array(a, dtype=dtype))


@pytest.mark.parametrize("shape", [(1, 1), (4, 4), (6, 3), (2, 3, 5, 5), (40, 3), (32, 32)])
def test_small_qr_has_lapacks_signs(shape):
    for a in (GENERATOR.normal(size=shape), numpy.eye(*shape[-2:]), -numpy.eye(*shape[-2:])):
        for ours, theirs in zip(matrix_gradients.qr(a), numpy.linalg.qr(a), strict=True):
            numpy.testing.assert_allclose(ours, theirs, atol=1e-13)


def composed(monkeypatch):
    """Have gradients computed by the rules alone."""
    original = linear_algebra.call

    def call(*args, direct=None, **options):
        return original(*args, direct=lambda *_, **__: None, **options)

    def call_many(*args, direct=None, **options):
        return original_of_many(*args, direct=lambda *_, **__: None, **options)

    original_of_many = linear_algebra.call_many
    monkeypatch.setattr(linear_algebra, "call", call)
    monkeypatch.setattr(linear_algebra, "call_many", call_many)


DIRECT = [
    ("inv", SQUARE),
    ("det", SQUARE),
    ("pinv", TALL),
    ("pinv", WIDE),
    ("qr", TALL),
    ("qr", SQUARE),
    ("svd", TALL),
    ("svd", WIDE),
    ("svd", SQUARE),
    ("svdvals", TALL),
    ("eigvalsh", SYMMETRIC),
    ("slogdet", SQUARE),
]


@pytest.mark.parametrize("add", [False, True])
@pytest.mark.parametrize("name, values", DIRECT)
def test_direct_gradients_are_those_of_the_rules(name, values, add, monkeypatch):
    def gradient():
        x = np.array(values, dtype="float64")
        x.attach_grad("add" if add else "write")
        x.grad[:] = 1
        with autograd.record():
            outputs = check.as_list(getattr(linear_algebra, name)(x))
        weights = check.head_weights(outputs)
        autograd.backward(outputs, [np.array(w, dtype="float64") for w in weights])
        return x.grad.asnumpy()

    found = gradient()
    composed(monkeypatch)
    numpy.testing.assert_allclose(found, gradient(), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("add", ["write", "add"])
@pytest.mark.parametrize("wanted", [(0, 1), (0,), (1,), (0, 0)])
@pytest.mark.parametrize(
    "shape, columns", [((3, 3), 4), ((2, 4, 4), 1), ((32, 32), 40), ((3, 3), 3)]
)
def test_direct_gradients_of_solutions(shape, columns, wanted, add, monkeypatch):
    """By both matrices, by one, and by one that is given twice."""
    values = [GENERATOR.normal(size=shape) + 3 * numpy.eye(shape[-1])]
    values.append(GENERATOR.normal(size=(*shape[:-1], columns)))
    head = np.array(GENERATOR.normal(size=values[1].shape), dtype="float64")

    def gradients():
        arrays = [np.array(x, dtype="float64") for x in values]
        for place in wanted:
            arrays[place].attach_grad(add)
            arrays[place].grad[:] = 1
        with autograd.record():
            y = np.linalg.solve(arrays[0], arrays[0 if wanted == (0, 0) else 1])
        y.backward(None if wanted == (0, 0) else head)
        return [arrays[place].grad.asnumpy() for place in wanted]

    found = gradients()
    composed(monkeypatch)
    for ours, theirs in zip(found, gradients(), strict=True):
        numpy.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)


def test_the_gradient_of_a_nearly_singular_determinant_is_exact():
    a = numpy.array([[1, 2, 3], [4, 5, 6], [7, 8, 9.0 + 1e-9]])
    for dtype, values in (("float64", a), ("float32", a), ("float64", numpy.zeros((3, 3)))):
        x = np.array(values, dtype=dtype)
        x.attach_grad()
        with autograd.record():
            y = np.linalg.det(x)
        y.backward()
        minors = [
            [
                (-1) ** (i + j) * numpy.linalg.det(numpy.delete(numpy.delete(values, i, 0), j, 1))
                for j in range(3)
            ]
            for i in range(3)
        ]
        numpy.testing.assert_allclose(x.grad.asnumpy(), minors, atol=2e-5)
