"""Gradients at the edges: norms and powers at zero, integers, float16, lists, SciPy."""

import os
import subprocess
import sys

import gradients as check
import numpy
import pytest
import scipy.linalg
import scipy.special
import scipy.stats

from microlazy import autograd, nd, np, npx
from microlazy.base import MXNetError, ShapeError
from microlazy.ops import special


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
    "singular values": lambda x: np.linalg.norm(x, 2),
    "smallest singular value": lambda x: np.linalg.norm(x, -2),
    "nuclear": lambda x: np.linalg.norm(x, "nuc"),
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


# ---- integers ----------------------------------------------------------------------------------

INTEGERS = {
    "flip": (lambda x: np.flip(x), [[1, 1, 1], [1, 1, 1]]),
    "transpose": (lambda x: x.T * np.array([[1, 2]] * 3, dtype="int32"), [[1, 1, 1], [2, 2, 2]]),
    "reshape": (lambda x: x.reshape(3, 2), [[1, 1, 1], [1, 1, 1]]),
    "slice": (lambda x: x[0], [[1, 1, 1], [0, 0, 0]]),
    "index": (lambda x: x[[0, 0]], [[2, 2, 2], [0, 0, 0]]),
    "take": (lambda x: np.take(x, np.array([1], dtype="int32"), axis=0), [[0, 0, 0], [1, 1, 1]]),
    "concatenate": (lambda x: np.concatenate([x, x]), [[2, 2, 2], [2, 2, 2]]),
    "stack": (lambda x: np.stack([x, x + x]), [[3, 3, 3], [3, 3, 3]]),
    "sum": (lambda x: x.sum(), [[1, 1, 1], [1, 1, 1]]),
    "sum over an axis": (lambda x: x.sum(axis=1) * np.array([1, 2], dtype="int32"),
                         [[1, 1, 1], [2, 2, 2]]),
    "product": (lambda x: x.prod(axis=1), [[6, 3, 2], [30, 24, 20]]),
    "multiply": (lambda x: x * x, [[2, 4, 6], [8, 10, 12]]),
    "numbers": (lambda x: 5 - x * 3, [[-3, -3, -3], [-3, -3, -3]]),
    "negative": (lambda x: -x, [[-1, -1, -1], [-1, -1, -1]]),
    "square": (np.square, [[2, 4, 6], [8, 10, 12]]),
    "max": (lambda x: x.max(axis=0), [[0, 0, 0], [1, 1, 1]]),
    "maximum": (lambda x: np.maximum(x, 4), [[0, 0, 0], [1, 1, 1]]),
    "broadcast": (lambda x: np.broadcast_to(x, (2, 2, 3)), [[2, 2, 2], [2, 2, 2]]),
    "cumsum": (lambda x: np.cumsum(x, axis=1), [[3, 2, 1], [3, 2, 1]]),
    "repeat": (lambda x: np.repeat(x, 2, axis=0), [[2, 2, 2], [2, 2, 2]]),
    "where": (lambda x: np.where(x > 2, x, -x), [[-1, -1, 1], [1, 1, 1]]),
    "in place": (lambda x: doubled(np.flip(x)), [[2, 2, 2], [2, 2, 2]]),
    "to floats": (lambda x: x.astype("float32") * 2.5, [[2, 2, 2], [2, 2, 2]]),
}  # fmt: skip


def doubled(x):
    x += x
    return x


@pytest.mark.parametrize("name", INTEGERS)
@pytest.mark.parametrize("dtype", ["int8", "int32", "int64"])
def test_integers_have_gradients(name, dtype):
    function, expected = INTEGERS[name]
    x = leaf([[1, 2, 3], [4, 5, 6]], dtype)
    assert gradients(function, x) == [expected]
    assert x.grad.dtype == numpy.dtype(dtype)


def test_integers_have_gradients_under_nd():
    x = leaf([[1, 2], [3, 4]], "int32", nd)
    assert gradients(lambda x: nd.flip(x, axis=0), x) == [[[1, 1], [1, 1]]]
    assert gradients(lambda x: (x * x).sum(), x) == [[[2, 4], [6, 8]]]
    assert gradients(lambda x: nd.concat(x, x, dim=0), x) == [[[2, 2], [2, 2]]]


def test_floats_that_become_integers_lose_their_gradient():
    x = leaf([1.5, 2.5])
    with autograd.record():
        y = x.astype("int32") * 2
    with pytest.raises(MXNetError, match="Cannot differentiate"):
        y.backward()


# ---- float16 -----------------------------------------------------------------------------------

SQUARE = numpy.array([[2.0, 0.5], [0.5, 1.0]])
LINALG = {
    "inv": np.linalg.inv, "det": np.linalg.det, "cholesky": np.linalg.cholesky,
    "slogdet": lambda x: np.linalg.slogdet(x)[1], "pinv": np.linalg.pinv,
    "svd": lambda x: np.linalg.svd(x)[1], "eigvalsh": np.linalg.eigvalsh,
    "eigh": lambda x: np.linalg.eigh(x)[0], "qr": lambda x: np.linalg.qr(x)[1],
    "solve": lambda x: np.linalg.solve(x, np.ones((2, 1), dtype="float16")),
    "norm": np.linalg.norm, "nuc": lambda x: np.linalg.norm(x, "nuc"),
    "matrix_rank": lambda x: np.linalg.matrix_rank(x) * x, "cond": np.linalg.cond,
    "matrix_power": lambda x: np.linalg.matrix_power(x, -2),
    "tensorinv": lambda x: np.linalg.tensorinv(x, ind=1),
    "lstsq": lambda x: np.linalg.lstsq(x, np.ones((2, 1), dtype="float16"), rcond=None)[0],
}  # fmt: skip


@pytest.mark.parametrize("name", LINALG)
def test_linear_algebra_of_float16(name):
    half, single = leaf(SQUARE, "float16"), leaf(SQUARE, "float32")
    with autograd.record():
        y, z = LINALG[name](half), LINALG[name](single)
    assert y.dtype == numpy.float16
    assert numpy.allclose(y.asnumpy(), z.asnumpy(), rtol=2e-3, atol=1e-3)
    y.backward()
    z.backward()
    assert half.grad.dtype == numpy.float16
    assert numpy.allclose(half.grad.asnumpy(), single.grad.asnumpy(), rtol=5e-3, atol=5e-3)


# ---- lists of recorded arrays ------------------------------------------------------------------

LISTS = {
    "array": lambda a, b: np.array([a, b]),
    "asarray": lambda a, b: np.asarray([a, b]),
    "nested": lambda a, b: np.array([[a, 1.0], [2, b]]),
    "mean": lambda a, b: np.mean([a, b]),
    "sum": lambda a, b: np.sum([a, b]),
    "std": lambda a, b: np.std([a, b]),
    "var": lambda a, b: np.var([a, b]),
    "max": lambda a, b: np.max([a, b]),
    "prod": lambda a, b: np.prod([a, b]),
    "exp": lambda a, b: np.exp([a, b]),
    "add": lambda a, b: np.add([a, b], [b, b]),
    "maximum": lambda a, b: np.maximum([a, b], 2.5),
    "where": lambda a, b: np.where(np.array([True, False]), [a, b], [b, b]),
    "dot": lambda a, b: np.dot([a, b], [b, b]),
    "median": lambda a, b: np.median([a, b, a * b]),
    "norm": lambda a, b: np.linalg.norm([a, b]),
    "sort": lambda a, b: np.sort([a, b]),
    "cumsum": lambda a, b: np.cumsum([a, b]),
    "average": lambda a, b: np.average([a, b], weights=np.array([1.0, 3.0])),
    "stack": lambda a, b: np.stack([a, b]),
    "concatenate": lambda a, b: np.concatenate([[a, b], [b]]),
    "operator": lambda a, b: np.ones(2) * np.array((a, b)),
}


@pytest.mark.parametrize("name", LISTS)
def test_lists_of_recorded_arrays_are_recorded(name):
    def function(x):
        return LISTS[name](x[0] * 2, x[1] * 3)

    values = numpy.array([1.0, 2.0])
    x = leaf(values, "float32")
    (slope,) = gradients(function, x)
    step = 0.05
    for i in range(2):
        shift = step * numpy.eye(2)[i]
        high, low = [float(function(np.array(values + s)).sum()) for s in (shift, -shift)]
        assert slope[i] == pytest.approx((high - low) / (2 * step), rel=0.02, abs=1e-3)


def test_a_list_that_holds_itself_is_refused_under_record():
    x = leaf([1.0])
    circle = [x]
    circle.append(circle)
    with autograd.record(), pytest.raises(ShapeError, match="nested"):
        np.array(circle)


# ---- SciPy -------------------------------------------------------------------------------------

UNIT = numpy.array([0.2, 0.35, 0.7])
INPUTS = {"logit": UNIT, "ndtri": UNIT, "erfcinv": UNIT * 2, "entr": UNIT}
ORDERS = {"jv": 1.5, "yv": 1.5, "iv": 1.5, "kv": 1.5, "ive": 1.5, "kve": 1.5}


@pytest.mark.parametrize("name", special.RULES)
def test_ufuncs_of_scipy_are_recorded(name):
    ufunc = getattr(scipy.special, name)
    first = numpy.array([0.4, 1.3, 2.2])
    if name == "betainc":
        function, arrays = lambda x: ufunc(1.5, 2.0, x), [UNIT]
    elif name in ("gammainc", "gammaincc"):
        function, arrays = lambda x: ufunc(1.5, x), [first]
    elif name in ORDERS:
        function, arrays = lambda x: ufunc(ORDERS[name], x), [first]
    elif ufunc.nin == 2:
        function, arrays = ufunc, [first, first[::-1] + 0.5]
    else:
        function, arrays = ufunc, [INPUTS.get(name, first)]
    slopes = check.gradients(function, [check.leaf(v, "np") for v in arrays])[1]
    for got, wanted in zip(slopes, check.central_differences(function, arrays, "np"), strict=True):
        numpy.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-6)
    x = leaf(arrays[0], "float16")
    assert function(x, *arrays[1:]).dtype in (numpy.float16, numpy.float64)


def test_a_parameter_without_a_rule_is_refused():
    order = leaf([1.5])
    with autograd.record():
        y = scipy.special.jv(order, np.array([1.0], dtype="float64"))
    with pytest.raises(MXNetError, match="order of jv"):
        y.backward()


def test_xlogy_at_zero():
    x, y = leaf([0.0, 0.0]), leaf([0.0, 2.0])
    (by_x, by_y) = gradients(scipy.special.xlogy, x, y)
    assert by_x == [0, 0] and by_y[1] == 0


# ---- einsum ------------------------------------------------------------------------------------


def test_einsum_with_lists():
    a, b = leaf(numpy.arange(6).reshape(2, 3)), leaf(numpy.arange(12).reshape(3, 4))
    for items in (
        (a, [0, 1], b, [1, 2], [0, 2]),
        (a, [0, 1], b, [1, 2]),
        (a, [0, 1]),
        (a, [5, 2], [2, 5]),
        (a, [Ellipsis, 1], [Ellipsis]),
    ):
        with autograd.record():
            y = np.einsum(*items)
        plain = [x.asnumpy() if not isinstance(x, list) else x for x in items]
        assert numpy.allclose(y.asnumpy(), numpy.einsum(*plain))
        y.backward()
    assert a.grad.tolist() == [[1] * 3] * 2
    with pytest.raises(TypeError, match="subscripts"):
        np.einsum(a, b)
    with pytest.raises(ValueError, match="0 to 51"):
        np.einsum(a, [0, 52])


# ---- numbers -----------------------------------------------------------------------------------


@pytest.mark.parametrize("face", [np, nd])
def test_a_range_of_large_integers_is_exact(face):
    start = 2**53
    assert face.arange(start, start + 4, dtype="int64").asnumpy().tolist() == [
        start, start + 1, start + 2, start + 3
    ]  # fmt: skip


def test_where_beside_numbers_and_bool_plus_bool():
    mask, whole = np.array([1, 0]) > 0, np.array([1, 2], dtype="int32")
    assert np.where(mask, whole, 1.5).tolist() == [1, 1.5]
    assert np.where(mask, 1.5, whole).tolist() == [1.5, 2]
    assert np.where(mask, whole, 7).dtype == numpy.int32
    assert np.where(mask, mask, 2).tolist() == [1, 2]
    assert (mask + True).dtype == bool and (mask + True).tolist() == [True, True]
    assert (mask + 1).dtype == numpy.int64


@pytest.mark.parametrize("face", [np, nd])
def test_fractions_do_not_go_into_integers_in_place(face):
    x = face.array([1, 2], dtype="int32")
    for change in (lambda: x.__iadd__(1.5), lambda: x.__imul__(0.5), lambda: x.__isub__(0.1)):
        with pytest.raises(MXNetError, match="fraction"):
            change()
    x += 2.0
    assert x.asnumpy().tolist() == [3, 4]


def test_sums_of_small_integers():
    """int64 under np, as in NumPy; their own dtype under nd, as in MXNet."""
    for dtype in ("int8", "uint8", "int32", "int64"):
        x = np.array([100, 100, 100], dtype=dtype)
        assert x.sum().dtype == x.prod().dtype == np.cumsum(x).dtype == numpy.int64
        assert x.sum().item() == 300 and np.cumsum(x).tolist() == [100, 200, 300]
        assert x.max().dtype == numpy.dtype(dtype)
    assert nd.array([100, 100], dtype="int8").sum().asnumpy().tolist() == [-56]


# ---- masks under nd ----------------------------------------------------------------------------


def test_a_mask_of_dtype_bool_is_a_mask_under_nd():
    x, mask = nd.array([1, 2, 3, 4]), nd.array([1, 0, 1, 0], dtype="bool")
    assert x[mask].asnumpy().tolist() == [1, 3]
    x.attach_grad()
    assert gradients(lambda x: x[mask] * 3, x) == [[3, 0, 3, 0]]
    x[mask] = 0
    assert x.asnumpy().tolist() == [0, 2, 0, 4]
    matrix = nd.ones((4, 2))
    matrix[mask] = nd.array([[5, 6], [7, 8]])
    assert matrix.asnumpy()[:, 0].tolist() == [5, 1, 7, 1]
    with pytest.raises(IndexError):
        x[nd.array([1, 0], dtype="bool")]


def test_floats_that_look_like_a_mask_get_a_hint():
    x = nd.array([1, 2, 3, 4])
    with pytest.warns(UserWarning, match="astype"):
        assert x[x > 2].asnumpy().tolist() == [1, 1, 2, 2]
    assert npx.relu(np.array([1.0])).tolist() == [1]


@pytest.mark.parametrize("shape", [(2, 0), (0, 3), (0,)])
def test_second_order_of_a_product_of_nothing(shape):
    x = np.zeros(shape)
    x.attach_grad()
    for options in ({}, {"axis": -1}, {"axis": 0, "keepdims": True}):
        with autograd.record():
            slope = autograd.grad(np.prod(x, **options), x, create_graph=True)
        assert slope[0].shape == shape if isinstance(slope, list) else slope.shape == shape


def test_a_value_that_the_same_assignment_replaces_has_no_gradient():
    v, places = np.array([1.0, 2.0, 3.0]), np.array([0, 0, 1], dtype="int64")
    v.attach_grad()
    with autograd.record():
        z = np.zeros(2)
        z[places] = v
        loss = (z * z).sum()
    loss.backward()
    assert v.grad.tolist() == [0, 4, 6]
    with autograd.record():
        z = np.zeros(2)
        z[places] = v * v
        (slope,) = autograd.grad((z * z).sum(), [v], create_graph=True)
    slope.backward()
    numpy.testing.assert_allclose(slope.asnumpy(), [0, 32, 108])
    numpy.testing.assert_allclose(v.grad.asnumpy(), [0, 48, 108])


def test_a_function_that_returns_no_gradient_leaves_no_old_one():
    class Without(autograd.Function):
        def forward(self, x):
            return x * 2

        def backward(self, dy):
            return None

    x = np.ones(2)
    x.attach_grad()
    x.grad[:] = 77
    with autograd.record():
        y = Without()(x)
    y.backward()
    assert x.grad.tolist() == [0, 0]

    class Number(Without):
        def backward(self, dy):
            return 3

    with autograd.record():
        y = Number()(x)
    with pytest.raises(TypeError, match="Number.backward must return an array, or a tuple"):
        y.backward()


@pytest.mark.parametrize("function", [np.hypot, np.arctan2])
def test_nothing_leads_away_from_the_origin_of_the_plane(function):
    a, b = leaf(numpy.array([0.0, 3.0])), leaf(numpy.array([0.0, 4.0]))
    with autograd.record():
        slopes = autograd.grad(function(a, b), [a, b], create_graph=True)
        total = (slopes[0] * 2 + slopes[1]).sum()
    assert [slope[0].item() for slope in slopes] == [0, 0]
    total.backward()
    assert a.grad[0] == 0 and b.grad[0] == 0
    assert a.grad[1] != 0 and numpy.isfinite(a.grad.asnumpy()).all()


# ---- products and means of integers ------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["int8", "int32", "int64"])
def test_products_of_integers_have_their_gradient(dtype):
    a, b = [[1, 2], [3, 4]], [[5, 6, 7], [8, 9, 10]]
    for function in (
        lambda x, y: x @ y,
        np.dot,
        lambda x, y: np.einsum("ij,jk->ik", x, y),
        lambda x, y: np.tensordot(x, y, 1),
        lambda x, y: np.matmul(y.T, x.T),
    ):
        found = gradients(function, leaf(a, dtype), leaf(b, dtype))
        assert found == gradients(function, leaf(a), leaf(b))
    v = leaf([1, 2, 3], dtype)
    assert gradients(lambda v: np.dot(v, v), v) == [[2, 4, 6]]
    assert v.grad.dtype == dtype
    m = leaf(a, dtype)
    assert gradients(lambda m: np.dot(m, np.array([1.0, 10.0])), m) == [[[1, 10], [1, 10]]]
    with autograd.record():
        (slope,) = autograd.grad(np.dot(v, v), [v], create_graph=True)
    slope.backward()
    assert v.grad.tolist() == [2, 2, 2]


def test_nd_refuses_products_of_integers():
    m = leaf([[1, 2], [3, 4]], "int32", nd)
    with autograd.record(), pytest.raises(MXNetError, match="int32.*astype"):
        nd.dot(m, m)


@pytest.mark.parametrize("face", [nd, np])
def test_a_mean_of_integers_has_mxnets_gradient(face):
    x = leaf([[1, 2], [3, 5]], "int32", face)
    with autograd.record():
        y = face.mean(x, axis=1)
    assert y.asnumpy().tolist() == ([1, 4] if face is nd else [1.5, 4.0])
    y.backward()
    assert x.grad.asnumpy().tolist() == [[0, 0], [0, 0]]
    with autograd.record():
        y = face.mean(x)
    y.backward(face.array([9] if face is nd else 9, dtype=y.dtype))
    assert x.grad.asnumpy().tolist() == [[2, 2], [2, 2]]


# ---- SciPy's functions in Python ---------------------------------------------------------------

IN_PYTHON = {
    "logsumexp": scipy.special.logsumexp,
    "softmax": scipy.special.softmax,
    "log_softmax": scipy.special.log_softmax,
    "polygamma": lambda x: scipy.special.polygamma(1, x),
    "logpdf": scipy.stats.norm.logpdf,
    "zscore": scipy.stats.zscore,
    "solve": lambda x: scipy.linalg.solve(numpy.eye(2), x),
}


@pytest.mark.parametrize("face", [nd, np])
@pytest.mark.parametrize("name", IN_PYTHON)
def test_functions_of_scipy_refuse_what_is_recorded(name, face):
    function, x = IN_PYTHON[name], leaf([1, 2], face=face)
    expected = function(numpy.array([1.0, 2.0]))
    with autograd.record():
        for given in (x, x * 2):
            with pytest.raises(MXNetError, match=r"^scipy\..*do not record.*detach"):
                function(given)
        assert numpy.array_equal(function(x.detach()), expected)
        with autograd.pause():
            assert numpy.array_equal(function(x), expected)
        assert (numpy.asarray(x * 2) == [2, 4]).all()  # NumPy's users may look
    assert numpy.array_equal(function(x), expected)


def test_scipy_with_the_array_api_gives_the_gradient_or_refuses():
    script = """
import numpy, scipy.special, scipy.stats
from microlazy import autograd, np
from microlazy.base import MXNetError
values, count = numpy.array([0.5, 1.0, 2.5]), 0
for function in (scipy.special.logsumexp, scipy.special.softmax, scipy.special.log_softmax,
                 scipy.stats.norm.logpdf, scipy.stats.gmean, scipy.stats.skew, scipy.stats.zscore):
    x = np.array(values, dtype="float64")
    x.attach_grad()
    try:
        with autograd.record():
            y = (function(x) * np.array([1.0, 2.0, 4.0], dtype="float64")).sum()
        y.backward()
    except MXNetError:
        continue
    count += 1
    for i in range(3):
        step = 1e-6 * (numpy.arange(3) == i)
        ends = [(function(values + s) * numpy.array([1.0, 2.0, 4.0])).sum() for s in (step, -step)]
        assert abs((ends[0] - ends[1]) / 2e-6 - x.grad[i].item()) < 1e-5, function
assert count > 0
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"SCIPY_ARRAY_API": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
