"""NumPy's operators, ufuncs and functions on our arrays: they give our arrays, on the tape."""

import numpy
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from microlazy import autograd, gluon, nd, np
from microlazy.base import AbstractValueError, MXNetError
from microlazy.core.trace import abstract, tracing

both_faces = pytest.mark.parametrize("face", [nd, np], ids=["nd", "np"])


def dtype_of(x):
    return numpy.dtype(x.dtype).name  # nd's dtype is a type


def values(shape, dtype="float32"):
    n = int(numpy.prod(shape))
    return numpy.arange(1, n + 1).reshape(shape).astype(dtype)


def recorded(function, *inputs):
    """The gradients of the sum of function(*inputs)."""
    for x in inputs:
        x.attach_grad()
    with autograd.record():
        y = function(*inputs)
        y = y.sum()
    y.backward()
    return [x.grad.asnumpy() for x in inputs]


# ---- operators with NumPy's arrays ---------------------------------------------------------------

OPERATORS = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "**": lambda a, b: a**b,
    "%": lambda a, b: a % b,
    "<": lambda a, b: a < b,
    "==": lambda a, b: a == b,
    "@": lambda a, b: a @ b,
}


@pytest.mark.parametrize("name", OPERATORS)
@both_faces
def test_operators_work_both_ways(name, face):
    if face is nd and name == "@":
        pytest.skip("nd has no @")
    operator = OPERATORS[name]
    a, b = values((3, 3)), values((3, 3))[::-1].copy()
    x = face.array(b)
    for got, expected in ((operator(a, x), operator(a, b)), (operator(x, a), operator(b, a))):
        assert type(got) is type(x)
        assert dtype_of(got) == ("float32" if face is nd else expected.dtype.name)
        assert_allclose(got.asnumpy(), expected, rtol=1e-6)


@pytest.mark.parametrize("face, dtype", [(np, "float64"), (nd, "float32")], ids=["np", "nd"])
def test_dtypes_beside_numpys_arrays(face, dtype):
    x, a = face.ones((2,)), numpy.ones(2)
    for y in (x + a, a + x, x * numpy.ones(2, "int64") * a):
        assert dtype_of(y) == dtype
    for y in (x + numpy.ones(2, "int16"), numpy.float64(2) * x, x * numpy.float64(2)):
        assert dtype_of(y) == "float32"


def test_in_place_with_numpys_arrays():
    x, a = np.ones(2), numpy.array([1.0, 2.0])
    kept = x
    x += a.astype("float32")
    assert x is kept and x.tolist() == [2, 3]
    kept = a
    a *= x
    assert a is kept and a.tolist() == [2, 6]


@both_faces
def test_operators_with_numpys_arrays_are_recorded(face):
    a = values(3)
    (gradient,) = recorded(lambda x: a * x + x * a - a / x, face.array([1, 2, 4]))
    assert_allclose(gradient, 2 * a + a / numpy.array([1, 4, 16]))


def test_numpys_array_may_change_after_it_was_used():
    x, a = np.ones(2), numpy.array([1, 2], "float32")
    x.attach_grad()
    with autograd.record():
        y = (x * a).sum()
    a[:] = 100
    y.backward()
    assert_array_equal(x.grad.asnumpy(), [1, 2])


def test_operators_with_lists_and_foreign_things():
    x = np.ones(2)
    with pytest.raises(TypeError, match="not supported"):
        x + [1, 2]
    with pytest.raises(TypeError, match="not supported"):
        x + object()
    assert numpy.add(x, [1, 2]).tolist() == [2, 3]

    class Stronger:
        __array_ufunc__ = None

        def __radd__(self, other):
            return "theirs"

        __rmatmul__ = __radd__

    assert x + Stronger() == "theirs" and x @ Stronger() == "theirs"


def test_shifts_and_floor_division():
    x, a = np.array([5, -7, 9], dtype="int32"), numpy.array([5, -7, 9], "int32")
    for y, b in (
        (x // 2, a // 2),
        (100 // x, 100 // a),
        (x << 1, a << 1),
        (x >> 1, a >> 1),
        (x // numpy.array([2, 2, 2], "int32"), a // 2),
    ):
        assert y.dtype == "int32"
        assert_array_equal(y.asnumpy(), b)
    assert_array_equal((2 << np.array([1, 2], dtype="int64")).asnumpy(), [4, 8])
    assert_array_equal((64 >> np.array([1, 2], dtype="int64")).asnumpy(), [32, 16])
    for got, expected in zip(divmod(x, 4), divmod(a, 4), strict=True):
        assert_array_equal(got.asnumpy(), expected)
    for got, expected in zip(divmod(40, x), divmod(40, a), strict=True):
        assert_array_equal(got.asnumpy(), expected)
    kept = x
    x //= 2
    x <<= 3
    x >>= 1
    x |= 1
    x &= 31
    x ^= 2
    assert x is kept
    assert_array_equal(x.asnumpy(), ((((a // 2) << 3) >> 1) | 1) & 31 ^ 2)
    assert (np.array([7.5]) // 2).tolist() == [3.0]


# ---- ufuncs --------------------------------------------------------------------------------------


@both_faces
@pytest.mark.parametrize("name", ["sin", "exp", "log", "sqrt", "tanh", "negative", "absolute"])
def test_ufuncs_of_one_array(face, name):
    ufunc = getattr(numpy, name)
    x = face.array([0.5, 1.5])
    y = ufunc(x)
    assert type(y) is type(x) and dtype_of(y) == "float32"
    assert_allclose(y.asnumpy(), ufunc(numpy.array([0.5, 1.5], "float32")), rtol=1e-6)


@both_faces
def test_ufuncs_are_recorded(face):
    gradient, other = recorded(
        lambda x, y: numpy.multiply(numpy.sin(x), y), face.array([1, 2]), face.array([3, 4])
    )
    assert_allclose(gradient, numpy.cos([1, 2]) * [3, 4], rtol=1e-5)
    assert_allclose(other, numpy.sin([1, 2]), rtol=1e-5)


def test_ufuncs_with_out():
    x, out = np.array([1.0, 4.0]), np.zeros(2)
    assert numpy.sqrt(x, out=out) is out and out.tolist() == [1, 2]
    theirs = numpy.zeros(2)
    assert numpy.sqrt(x, out=theirs) is theirs and theirs.tolist() == [1, 2]
    old = nd.zeros((2,))
    assert numpy.add(nd.ones((2,)), 1, out=old) is old and old.asnumpy().tolist() == [2, 2]
    assert numpy.add(numpy.ones(2), numpy.ones(2), out=out) is out and out.tolist() == [2, 2]
    rows = np.zeros((2, 2))
    numpy.add(x, 1, out=rows)
    assert rows.tolist() == [[2, 5], [2, 5]]
    fraction, whole = np.zeros(2), np.zeros(2)
    numpy.modf(np.array([1.5, 2.25]), out=(fraction, whole))
    assert fraction.tolist() == [0.5, 0.25] and whole.tolist() == [1, 2]
    with pytest.raises(ValueError):
        numpy.add(x, 1, out=np.zeros(3))
    assert x.tolist() == [1, 4]


def test_ufuncs_with_where():
    x = np.array([1.0, -1.0])
    out = np.array([7.0, 7.0])
    assert numpy.sqrt(x, where=x > 0, out=out) is out
    assert out.tolist() == [1, 7]
    numpy.add(x, x, where=numpy.array([False, True]), out=out)
    assert out.tolist() == [1, -2]
    with pytest.raises(ValueError, match="needs out="):
        numpy.sqrt(x, where=x > 0)


def test_ufuncs_with_dtype():
    assert numpy.add(np.ones(2), 1, dtype="float64").dtype == "float64"
    assert numpy.sqrt(np.array([4], dtype="int32")).dtype == "float32"


@both_faces
def test_methods_of_ufuncs(face):
    a = values((2, 3))
    x = face.array(a)
    for got, expected in (
        (numpy.add.reduce(x), numpy.add.reduce(a)),
        (numpy.add.reduce(x, axis=1, keepdims=True), numpy.add.reduce(a, axis=1, keepdims=True)),
        (numpy.multiply.reduce(x, axis=-1), numpy.multiply.reduce(a, axis=-1)),
        (numpy.maximum.reduce(x, axis=None), numpy.array(6.0)),
        (numpy.add.accumulate(x, axis=1), numpy.add.accumulate(a, axis=1)),
        (numpy.multiply.accumulate(x), numpy.multiply.accumulate(a)),
        (numpy.add.outer(x, x), numpy.add.outer(a, a)),
        (numpy.multiply.outer(x, a), numpy.multiply.outer(a, a)),
        (numpy.add.reduceat(x, [0, 2], axis=1), numpy.add.reduceat(a, [0, 2], axis=1)),
        (numpy.hypot.reduce(x), numpy.hypot.reduce(a)),
    ):
        assert type(got) is type(x)
        assert_allclose(got.asnumpy(), expected.reshape(got.shape), rtol=1e-6)
        assert got.shape == expected.shape or (face is nd and expected.shape == ())
    numpy.add.at(x, ([0, 0], [1, 1]), 10)
    assert x.asnumpy()[0, 1] == 22


def test_methods_of_ufuncs_are_recorded():
    (gradient,) = recorded(lambda x: numpy.multiply.outer(x, x), np.array([1.0, 2.0]))
    assert_allclose(gradient, [6, 6])
    (gradient,) = recorded(lambda x: numpy.add.accumulate(x), np.array([1.0, 2.0, 3.0]))
    assert_allclose(gradient, [3, 2, 1])
    x = np.ones(3)
    x.attach_grad()
    with autograd.record():
        with pytest.raises(MXNetError, match="reduceat"):
            numpy.add.reduceat(x, [0, 1])
        with pytest.raises(MXNetError, match="at"):
            numpy.add.at(x, [0], 1.0)
    assert x.tolist() == [1, 1, 1]


def test_writes_of_numpy_are_counted():
    x = np.ones(3)
    x.attach_grad()
    with autograd.record():
        y = (x * x).sum()
    numpy.add.at(x, [0], 1.0)
    with pytest.raises(MXNetError):
        y.backward()


def test_ufuncs_of_scipy():
    special = pytest.importorskip("scipy.special")
    (gradient,) = recorded(special.expit, np.array([0.0]))
    assert_allclose(gradient, [0.25])
    y = special.jv(0, np.array([0.0]))
    assert type(y) is np.ndarray and y.tolist() == [1]


def test_faces_do_not_mix():
    with pytest.raises(TypeError, match="do not mix"):
        numpy.add(np.ones(2), nd.ones((2,)))
    with pytest.raises(TypeError, match="do not mix"):
        numpy.concatenate([np.ones(2), nd.ones((2,))])


def test_complex_results_are_refused():
    with pytest.raises(TypeError, match="complex"):
        numpy.emath.sqrt(np.array([-1.0]))


# ---- functions -----------------------------------------------------------------------------------


@both_faces
def test_functions_of_numpy_give_our_arrays(face):
    a = values((2, 3))
    x = face.array(a)
    for function in (
        lambda x: numpy.concatenate([x, x], axis=1),
        lambda x: numpy.stack([x, a]),
        numpy.sum,
        lambda x: numpy.mean(x, axis=0),
        lambda x: numpy.transpose(x),
        lambda x: numpy.where(a > 2, x, 0),
        numpy.linalg.norm,
        lambda x: numpy.median(x, axis=1),
        lambda x: numpy.cov(x),
        lambda x: numpy.clip(x, 2, 3),
        lambda x: numpy.reshape(x, (3, 2)),
        lambda x: numpy.linalg.pinv(x),
        lambda x: numpy.sum(x, axis=1, initial=3.0, where=a > 2),
    ):
        got, expected = function(x), function(a)
        assert type(got) is type(x) and dtype_of(got) == "float32"
        assert_allclose(
            got.asnumpy().reshape(numpy.shape(expected)), expected, rtol=2e-5, atol=1e-6
        )


def test_functions_are_recorded():
    gradients = recorded(
        lambda x, y: numpy.dot(numpy.concatenate([x, y]), numpy.array([1.0, 2.0, 3.0, 4.0])),
        np.array([1.0, 2.0], dtype="float64"),
        np.array([3.0, 4.0], dtype="float64"),
    )
    assert_array_equal(gradients, [[1, 2], [3, 4]])


def test_functions_with_lists_beside_our_arrays():
    x = np.array([1.0, 2.0])
    y = numpy.dot([3, 4], x)
    assert type(y) is np.ndarray and y.item() == 11
    assert numpy.concatenate([x, [3, 4]]).tolist() == [1, 2, 3, 4]
    x.attach_grad()
    with autograd.record():
        y = numpy.dot([3, 4], x)
    y.backward()
    assert x.grad.tolist() == [3, 4]
    with pytest.raises(ValueError):
        numpy.dot([3, 4, 5], x)


def test_several_results_keep_their_form():
    parts = numpy.array_split(np.ones(5), 2)
    assert [type(p) for p in parts] == [np.ndarray] * 2
    counts, edges = numpy.histogram(np.array([1.0, 2.0, 2.0]), bins=2)
    assert counts.tolist() == [1, 2] and edges.dtype == "float32"


def test_functions_that_write():
    x = np.zeros((3, 3))
    numpy.fill_diagonal(x, 5)
    assert numpy.trace(numpy.asarray(x)) == 15
    numpy.copyto(x, numpy.ones((3, 3)))
    assert x.sum().item() == 9
    numpy.put(x, [0], 4)
    assert x[0, 0].item() == 4
    out = np.zeros(3)
    assert numpy.sum(x, axis=0, out=out) is out and out.tolist() == [6, 3, 3]
    theirs = numpy.zeros(3)
    assert numpy.mean(x, axis=0, out=theirs) is theirs and theirs.tolist() == [2, 1, 1]


def test_what_has_no_gradient_is_refused_where_one_is_wanted():
    x = np.array([1.0, 2.0, 3.0])
    x.attach_grad()
    with autograd.record():
        with pytest.raises(MXNetError, match="no gradient"):
            numpy.fft.irfft(x)
        with pytest.raises(MXNetError, match="no gradient|in-place"):
            numpy.copyto(x, 1)
        assert numpy.array2string(x) == "[1. 2. 3.]"
        assert numpy.shape(x) == (3,)
        assert numpy.fft.fftshift(x.detach()).tolist() == [3, 1, 2]
    assert numpy.fft.fftshift(x).tolist() == [3, 1, 2]


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
def test_masked_arrays_and_matrices_keep_their_meaning():
    x, masked = np.ones(2), numpy.ma.array([1.0, 2.0], mask=[False, True])
    for total in (masked + x, x + masked):
        assert total[0] == 2 and total[1] is numpy.ma.masked
    for call in (
        lambda: numpy.add(masked, x),
        lambda: numpy.concatenate([masked, x]),
        lambda: numpy.asmatrix([1.0, 2.0]) + x,
    ):
        with pytest.raises(TypeError):
            call()


def test_like():
    assert type(numpy.zeros(2, like=np.ones(1))) is np.ndarray
    assert type(numpy.asarray([1, 2], like=nd.ones((1,)))) is nd.NDArray


def test_other_types_come_first():
    class Other:
        def __array_function__(self, function, types, args, kwargs):
            return "theirs"

        def __array_ufunc__(self, *args, **kwargs):
            return "theirs"

    assert numpy.concatenate([np.ones(1), Other()]) == "theirs"
    assert numpy.add(np.ones(1), Other()) == "theirs"


def test_abstract_arrays_have_no_values_for_numpy():
    x = abstract((2, 3), face=1)
    with tracing():
        assert numpy.exp(x).shape == numpy.add(x, numpy.ones(3)).shape == (2, 3)
    with pytest.raises(AbstractValueError):
        numpy.cov(x)


def test_numpys_functions_in_a_hybridized_block():
    class Net(gluon.HybridBlock):
        def forward(self, x):
            return numpy.tanh(x) + numpy.mean(x) * numpy.ones(3, "float32")

    net, x = Net(), np.array([1.0, 2.0, 3.0])
    eager = net(x)
    net.hybridize()
    for _ in range(2):
        assert_array_equal(net(x).asnumpy(), eager.asnumpy())
    assert_allclose(net(x + 1).asnumpy(), numpy.tanh([2, 3, 4]) + 3, rtol=1e-6)


# ---- pandas and scikit-learn ---------------------------------------------------------------------


def test_pandas():
    pandas = pytest.importorskip("pandas")
    x = np.array(values((2, 3)))
    frame = pandas.DataFrame(x, columns=["a", "b", "c"])
    assert frame["c"].tolist() == [3, 6] and frame.dtypes["a"] == "float32"
    series = pandas.Series(np.array([1.0, 2.0]), index=["a", "b"])
    assert series["b"] == 2 and series.dtype == "float32"
    assert pandas.Series(nd.array([1, 2])).tolist() == [1, 2]
    assert_array_equal((series + np.ones(2)).to_numpy(), [2, 3])
    assert_array_equal((np.ones(2) + series).to_numpy(), [2, 3])
    assert np.array(series).tolist() == [1, 2]
    assert np.array(frame).shape == (2, 3)
    frame["d"] = np.array([7.0, 8.0])
    assert frame["d"].tolist() == [7, 8]
    assert frame[numpy.asarray(np.array([1.0, 3.0]) > 2)]["d"].tolist() == [8]
    assert pandas.DataFrame([{"loss": np.ones(2).mean().item()}]).dtypes["loss"] == "float64"


def test_sparse_matrices_of_scipy():
    sparse = pytest.importorskip("scipy.sparse")
    s, x = sparse.csr_matrix(numpy.diag([1.0, 2.0])), np.ones((2, 2))
    assert_array_equal(s @ x, [[1, 1], [2, 2]])
    assert_array_equal(x @ s, [[1, 2], [1, 2]])
    with pytest.raises(TypeError):
        x + s


def test_scikit_learn_takes_our_arrays_as_numpys():
    linear_model = pytest.importorskip("sklearn.linear_model")
    x = np.array([[0.0], [1.0], [2.0]])
    model = linear_model.LinearRegression().fit(x, np.array([1.0, 3.0, 5.0]))
    assert_allclose(model.predict(x), [1, 3, 5], rtol=1e-5)
