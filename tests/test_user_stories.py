"""What users of NumPy, of Python and of MXNet do with arrays without a thought."""

import copy
import json
import math
import pickle

import numpy
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import microlazy as mx
from microlazy import autograd, nd, np
from microlazy.base import MXNetError

both_faces = pytest.mark.parametrize("face", [nd, np], ids=["nd", "np"])

# ---- np takes lists, tuples, numbers and NumPy's arrays, as NumPy does ---------------------------

CALLS = """
np.sum([1, 2, 3])
np.prod((1, 2, 3))
np.mean([[1, 2], [3, 4]], axis=0)
np.std([1, 2, 4])
np.var(numpy.arange(3.0))
np.max([1, 3, 2])
np.min(numpy.ones((2, 3)), axis=1)
np.ptp([1, 5])
np.cumsum([1, 2, 3])
np.cumprod([1, 2, 3])
np.cumulative_sum([1, 2, 3], include_initial=True)
np.all([1, 0])
np.any([1, 0])
np.argmax([1, 3, 2])
np.argmin(3.0)
np.count_nonzero([1, 0, 2])
np.average([1, 2, 3], weights=[1, 0, 3])
np.average(x, axis=0, weights=[1, 2, 3])
np.cov([[1, 2, 3], [3, 1, 2]], aweights=[1, 2, 3])
np.cov([1, 2, 3], [3, 1, 2], fweights=[1, 2, 3])
np.median([1, 2, 4])
np.quantile([1, 2, 4], 0.3)
np.percentile((1, 2, 4), [10, 50])
np.nanmedian([1, math.nan, 4])
np.nansum([1, math.nan, 4])
np.nanmax([1, math.nan, 4])
np.nanmean(numpy.array([1, math.nan, 4]))
np.nanargmin([math.nan, 4, 1])
np.exp([1, 2])
np.abs(numpy.array([-0.5]))
np.arctan((1, 2))
np.add(x, [1, 2])
np.maximum([1, 2], x)
np.multiply(x, numpy.ones(2))
np.power([2.0, 3.0], 2)
np.hypot([3], [4])
np.floor_divide([5, 7], 2)
np.modf([1.5, 2.25])
np.clip([1, 5], (2, 2), [3, 3])
np.transpose([[1, 2], [3, 4]])
np.reshape([1, 2], (2, 1))
np.take([1, 2, 3], [2, 0])
np.where([True, False], [1, 2], (3, 4))
np.where(True, x, 0)
np.dot([1, 2], [3, 4])
np.dot(2, x)
np.matmul([[1, 2]], x[:2])
np.vdot([1, 2], [3, 4])
np.inner([1, 2], [3, 4])
np.outer([1, 2], [3, 4])
np.tensordot([1, 2], [3, 4], 1)
np.vecdot([1, 2], [3, 4])
np.einsum("ij,ij", x, [[1, 2]] * 3)
np.kron([1, 2], x)
np.cross([1, 0, 0], [0, 1, 0])
np.trace([[1, 2], [3, 4]])
np.linalg.norm([3, 4])
np.linalg.vector_norm([3, 4], ord=1)
np.linalg.inv([[2, 0], [0, 4]])
np.linalg.pinv([[2], [0]])
np.linalg.det([[2, 0], [0, 4]])
np.linalg.slogdet([[2, 0], [0, 4]])
np.linalg.cond([[2, 0], [0, 4]])
np.linalg.solve([[2, 0], [0, 4]], [1, 2])
np.linalg.lstsq([[1], [1]], [1, 3])[0]
np.linalg.matrix_rank([[1, 2], [2, 4]])
np.linalg.matrix_power([[1, 1], [0, 1]], 3)
np.linalg.multi_dot([[[1, 2]], [[1], [2]], [[3]]])
np.linalg.cholesky([[4, 2], [2, 5]])
np.linalg.qr([[3.0], [4.0]], mode="r")
np.linalg.svdvals([[0, 2], [1, 0]])
np.linalg.eigvalsh([[2, 0], [0, 1]])
np.linalg.matrix_transpose([[1, 2]])
np.linalg.diagonal([[1, 2], [3, 4]])
""".strip().splitlines()


@pytest.mark.filterwarnings("ignore:Arrays of 2-dimensional vectors:DeprecationWarning")
@pytest.mark.parametrize("text", CALLS)
def test_np_takes_what_numpy_takes(text):
    values = numpy.array([[1.0, -2.0], [0.5, 4.0], [3.0, 1.5]])
    names = {"numpy": numpy, "math": math}
    expected = eval(text, names | {"np": numpy, "x": values})
    found = eval(text, names | {"np": np, "x": np.array(values)})
    assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("value", [None, "a", object(), {1: 2}, [[1], [1, 2]]])
def test_np_refuses_what_is_no_numbers(value):
    for function in (np.sum, np.median, np.cumsum, np.nansum, np.exp, np.tan, np.linalg.inv):
        with pytest.raises(TypeError):
            function(value)


# ---- NumPy's answers in corners ------------------------------------------------------------------


def test_means_of_chosen_small_integers_do_not_wrap():
    x = np.array([250, 3, 9], dtype="uint8")
    assert np.mean(x, where=[True, False, True]).item() == 129.5
    assert_allclose(np.nanmean(x), 262 / 3, rtol=1e-6)


def test_a_mean_has_the_dtype_that_was_asked_for():
    mean = np.mean(np.array([1, 2]), dtype="int32")
    assert mean.dtype == "int32" and mean.item() == 1


def test_running_products_of_truths_are_counted():
    running = np.cumprod(np.array([True, True, False], dtype=bool))
    assert running.dtype == "int64" and running.tolist() == [1, 1, 0]


def test_cross_takes_vectors_in_the_plane_which_numpy_did_until_2_5():
    assert float(np.cross([1, 2], [3, 4])) == -2
    assert np.cross([1, 2, 3], [3, 4]).tolist() == [-12, 9, -2]


def test_cross_has_a_gradient_for_vectors_in_the_plane():
    x, y = np.array([1, 2]), np.array([3, 4, 5])
    x.attach_grad()
    with autograd.record():
        z = np.cross(x, y).sum()
    z.backward()
    assert x.grad.tolist() == [4 - 5, 5 - 3]
    with pytest.raises(ValueError, match="2 or 3 elements, got 4 and 2"):
        np.cross(np.ones(4), x)


def test_draws_from_lists():
    assert set(np.random.choice([5, 7], 20).tolist()) <= {5, 7}
    assert sorted(np.random.permutation([3, 1, 2]).tolist()) == [1, 2, 3]
    with pytest.raises(TypeError, match="expected an array, not list"):
        np.random.shuffle([1, 2])


@both_faces
def test_random_numbers_of_a_dtype_that_cannot_hold_them(face):
    for law in (face.random.uniform, face.random.normal):
        with pytest.raises((TypeError, MXNetError), match="floating dtype, not int32"):
            law(0, 1, (2,), dtype="int32")
    with pytest.raises(MXNetError, match="integer dtype, not float32"):
        nd.random.randint(0, 5, dtype="float32")


def test_slice_axis_names_the_axis_that_does_not_exist():
    with pytest.raises(IndexError, match="axis 3 is out of bounds"):
        nd.slice_axis(nd.ones((2, 2)), axis=3, begin=0, end=1)


# ---- exchange ------------------------------------------------------------------------------------


@both_faces
def test_numpy_sees_which_arrays_share_memory(face):
    x = face.array([3, 1, 2])
    view = numpy.asarray(x)
    assert numpy.may_share_memory(view, x) and numpy.shares_memory(x, view[1:])
    assert not numpy.may_share_memory(numpy.ones(3), x)
    for _ in range(5):  # it shuffles in place what it takes for a copy
        numpy.random.permutation(x)
    assert_array_equal(x, [3, 1, 2])


@both_faces
def test_python_takes_arrays_for_numbers_and_sequences(face):
    x, i = face.array([3, 1, 2]), face.array([2, 0], dtype="int32")
    assert [float(v) for v in sorted(x)] == [1, 2, 3]
    assert float(max(x)) == 3 and float(sum(x)) == 6
    assert [10, 20, 30][i[0]] == 30 and list(range(i[0])) == [0, 1]
    assert math.sqrt(face.array([2.25])) == 1.5 and math.floor(face.array([2.25])) == 2
    assert 2.0 in x and 9.0 not in x
    first, *rest = x
    assert float(first) == 3 and len(rest) == 2
    assert json.dumps([float(v) for v in x]) == "[3.0, 1.0, 2.0]"
    if face is nd:
        assert {x: "x", i: "i"}[x] == "x"
    else:  # as MXNet and NumPy
        with pytest.raises(TypeError, match="unhashable"):
            hash(x)
    assert "%.2f %d" % (x[0], i[0]) == "3.00 2"  # noqa: UP031


def test_elements_are_formatted_like_numbers():
    x = np.array([3, 1.25])
    assert f"{x.sum():.3f}|{x[1]:6.1f}|{np.array(7, dtype='int32'):03d}" == "4.250|   1.2|007"
    assert f"{x}" == "[3.   1.25]"


@both_faces
@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
)
def test_copies_are_independent(face, copied):
    x = face.array([[1, 2], [3, 4]], dtype="int32")
    y = copied(x)
    y[0] = 7
    assert type(y) is type(x) and y.dtype == x.dtype
    assert_array_equal(x, [[1, 2], [3, 4]])


@both_faces
def test_numpys_assertions_take_arrays(face):
    x = face.array([1, 2])
    assert_array_equal(x, x)
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        assert_allclose(x, x + 1)


@both_faces
def test_numpys_arrays_take_ours(face):
    x, i = face.array([3, 1, 2]), face.array([2, 0], dtype="int32")
    a = numpy.zeros(3)
    a[:] = x
    a += x
    assert a.tolist() == [6, 2, 4]
    assert a[i].tolist() == [4, 6] and x[numpy.array([2, 0])].asnumpy().tolist() == [2, 3]


@both_faces
def test_matplotlib_draws_arrays(face):
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("agg")
    x = face.arange(5)
    figure, axes = pyplot.subplots()
    (line,) = axes.plot(x, x * x)
    image = axes.imshow(face.ones((4, 3)))
    axes.hist(x), axes.scatter(x, x, c=x)
    assert line.get_ydata().tolist() == [0, 1, 4, 9, 16] and image.get_array().shape == (4, 3)
    pyplot.close(figure)


# ---- numbers -------------------------------------------------------------------------------------


def test_a_number_has_axis_0_and_minus_1_as_in_numpy():
    x = np.array(2.5)
    for axis in (0, -1):
        assert float(x.sum(axis=axis)) == 2.5
        assert float(np.max(x, axis=axis)) == 2.5
        assert int(x.argmax(axis=axis)) == 0
    with pytest.raises(numpy.exceptions.AxisError):
        x.sum(axis=1)
    with pytest.raises(numpy.exceptions.AxisError):
        np.mean(x, axis=(0,))


def test_python_rounds_and_formats_our_arrays():
    x = np.array(2.567)
    assert float(round(x, 1)) == pytest.approx(2.6)
    assert float(round(x)) == 3
    assert int(math.trunc(x)) == 2
    assert f"{x:.2f}" == "2.57"
    assert round(np.array([2.567, 1.2]), 1).tolist() == pytest.approx([2.6, 1.2])
    with pytest.raises(TypeError, match=r"shape \(2,\) as '.2f'"):
        f"{np.ones(2):.2f}"


def test_samplers_and_modes_under_their_short_names():
    for name in ("exponential", "gamma", "poisson", "negative_binomial"):
        assert getattr(mx.random, name)(shape=(2,)).shape == (2,)
    assert mx.use_np is mx.util.use_np
    assert not mx.is_np_array()
