"""np's functions for shapes, places, order, sets and lines: the corners, against NumPy."""

import numpy
import pytest
from gradients import Wrapped

from microlazy import autograd, np
from microlazy.base import MXNetError
from microlazy.core.tensor import Tensor

ARRAYS = {
    "x": numpy.array([[3.0, -1.0, 2.0, 2.0], [0.5, 4.0, -2.0, 2.0], [7.0, 0.0, 1.0, -3.0]]),
    "t": numpy.arange(24.0).reshape(2, 3, 4),
    "v": numpy.array([3.0, -1.0, 2.0, 2.0, 5.0]),
    "a0": numpy.array(2.5),
    "none": numpy.zeros((0, 3)),
    "empty": numpy.zeros(0),
    "n": numpy.array([[3, -1, 2], [0, 3, -2]]),
    "k": numpy.array([2, 0, 1, 2]),
    "u8": numpy.array([3, 200, 0], "uint8"),
    "b": numpy.array([[True, False, True], [False, False, True]]),
    "f": numpy.array([1.5, numpy.nan, -numpy.inf, 0.0, numpy.nan, 2.0]),
}

SAME = """
np.moveaxis(t, [0, -1], [-1, 0])
np.moveaxis(a0, (), ())
np.rollaxis(t, -1, -2)
np.rollaxis(t, 1, 3)
np.expand_dims(a0, (0, 1))
np.expand_dims(x, (1, -1))
np.squeeze(a0)
np.ravel(a0)
np.ravel(none)
np.reshape(t, (4, -1), order="F")
np.reshape(none, (3, 0))
np.matrix_transpose(none)
np.roll(empty, 2)
np.roll(x, -7)
np.roll(x, (1, 1), axis=1)
np.roll(n, [1, 2], axis=(0, 1))
np.roll(none, 1, axis=0)
np.rot90(n, 3)
np.rot90(n, -2)
np.rot90(t, 1, (-1, 0))
np.rot90(n, 4)
np.flip(a0)
np.flip(t, (0, -1))
np.flipud(v)
np.atleast_3d(t)
np.broadcast_arrays(a0, n, b)
np.broadcast_to(a0, (2, 0))
np.concatenate([n, x[:, :3]])
np.concatenate([n, b], axis=1)
np.concatenate([empty, v])
np.concatenate([n, n], axis=-1, dtype="float32")
np.hstack([a0, v])
np.vstack([a0, a0])
np.dstack([n, n])
np.column_stack([v, x.T[[0, 1, 2, 3, 0]]])
np.append(empty, v)
np.append(n, n, axis=-1)
np.block([[n, n], [n, n]])
np.block([a0, v])
np.array_split(v, 7)
np.array_split(empty, 2)
np.array_split(x, 3, axis=-1)
np.split(v, [1, 1, 9])
np.split(v, k[:2])
np.hsplit(v, 5)
np.dsplit(t, [1])
np.repeat(v, 0)
np.repeat(n, k[:2], axis=0)
np.repeat(a0, 3)
np.tile(a0, (2, 1))
np.tile(n, (0, 2))
np.tile(empty, 3)
np.resize(n, (5,))
np.resize(empty, (2, 2))
np.insert(v, [1, -1], 9.0)
np.insert(n, 1, 7, axis=1)
np.insert(n, 0, [[7], [8]], axis=1)
np.insert(empty, 0, 4.0)
np.insert(v, b[0].nonzero()[0], 9.0)
np.delete(v, [])
np.delete(v, [1, -1])
np.delete(n, slice(None, None, 2), axis=1)
np.delete(v, v > 2)
np.pad(a0, 0)
np.pad(empty, (1, 2))
np.pad(v, {0: (1, 2)}, "edge")
np.pad(n, 2, "mean")
np.pad(n, ((1, 2), (0, 3)), "linear_ramp", end_values=9)
np.pad(n, 1, "median")
np.pad(v, 12, "reflect")
np.pad(v, 7, "reflect", reflect_type="odd")
np.pad(v, 2, "maximum", stat_length=2)
np.pad(b, 1)
np.pad(v[:1], 3, "reflect")
np.pad(n, ((0, 0), (5, 4)), "wrap")
np.take(n, [[0, -1]], axis=1)
np.take_along_axis(x, k[None], axis=0)
np.take_along_axis(t, k[None, None], axis=1)
np.choose(k, [v[:4], 7, x[1], v[1:]])
np.choose(k - 5, [v[:4], x[1]], mode="wrap")
np.choose(k - 1, [v[:4], x[1]], mode="clip")
np.choose(1, [v, -v])
np.compress([True, False], n, axis=1)
np.extract(n > 5, n)
np.select([n > 0, n < -1], [n, 10 * n])
np.select([b], [n], default=n * 2)
np.piecewise(v, [v < 0], [-1.0])
np.piecewise(a0, [a0 > 0, a0 <= 0], [lambda z: z * 3, 1.0])
np.piecewise(v, v > 2, [lambda z: z + 1, 0.5])
np.unravel_index(17, (3, 3, 2))
np.unravel_index(k, (2, 2), order="F")
np.ravel_multi_index([k, k], (3, 3), order="F")
np.ravel_multi_index([k - 1, k], (2, 2), mode="wrap")
np.ravel_multi_index([k - 1, k], (2, 2), mode="clip")
np.diag(v, -2)
np.diag(x, 5)
np.diag(empty)
np.diagflat(n, 1)
np.diagflat(a0)
np.diagonal(t, -1, 2, 1)
np.tril(n, -1)
np.triu(b)
np.triu(v, 1)
np.sort(f)
np.sort(n, axis=0)
np.sort(b)
np.sort(a0[None])
np.sort(none)
np.argsort(f)
np.argsort(b, axis=None)
np.argsort(none, axis=0)
np.partition(v, -1)
np.partition(x, (0, 2), axis=0)
np.partition(n, 2, axis=None)
np.argpartition(v, 4)
np.lexsort(n)
np.lexsort((k, k[::-1]))
np.searchsorted(v, 2.0, sorter=np.argsort(v))
np.searchsorted(empty, v)
np.searchsorted(np.sort(v), x, "right")
np.nonzero(none)
np.nonzero(b)
np.argwhere(a0[None])
np.flatnonzero(empty)
np.unique(f)
np.unique(f, equal_nan=False)
np.unique(empty, True, True, True)
np.unique(n, True, True, True)
np.unique(n, return_inverse=True, axis=1)
np.unique_counts(k)
np.unique_inverse(n)
np.isin(n, [])
np.isin(a0, v)
np.intersect1d(n, k, return_indices=True)
np.intersect1d(empty, v)
np.union1d(n, v)
np.union1d(empty, empty)
np.setdiff1d(v, empty)
np.setxor1d(n, k)
np.bincount(k, minlength=6)
np.bincount(k, weights=k)
np.digitize(v, [5.0, 2.0, 0.0])
np.digitize(a0, v[:1])
np.histogram(empty, 3)
np.histogram(v, 3, density=True)
np.histogram(n, [0, 1, 5])
np.histogram(v - v, 2)
np.histogram(v, "sturges")
np.histogram2d(v, v, [2, 3], weights=v)
np.histogramdd(t.reshape(-1, 2), ([0.0, 5.0, 30.0], 2), density=True)
np.diff(n, n=0)
np.diff(v, n=9)
np.diff(b, axis=0)
np.diff(n, prepend=1, append=[[5], [6]])
np.diff(t, 2, axis=1)
np.ediff1d(empty)
np.ediff1d(n, to_begin=[1, 2])
np.gradient(v[:2])
np.gradient(x, axis=-1, edge_order=2)
np.gradient(n, 2.0)
np.gradient(v, np.cumsum(k[[0, 0, 2, 2, 0]] + 1.0))
np.unwrap(n, period=4)
np.trapezoid(t, axis=1)
np.trapezoid(n, [1.0, 2.0, 4.0])
np.interp(v, [0.0, 2.0, 3.0], [1.0, -1.0, 5.0])
np.interp(v, [1.0], [7.0], left=0.0, right=9.0)
np.interp(a0, [2.0, 3.0], [1.0, 5.0])
np.interp(v * 100, [10.0, 350.0], [1.0, 2.0], period=360.0)
np.interp(f, [0.0, 2.0], [1.0, 5.0])
np.convolve(k, k[:2], "same")
np.convolve(a0, v)
np.convolve(v[:2], v, "same")
np.correlate(k[:3], k)
np.correlate(v, v[:2], "same")
np.polyval([], v)
np.polyval(v, a0)
np.polyval([2, 1], n)
np.polyadd(v, [1.0])
np.polymul(k, k)
np.polydiv(v, [2.0, 1.0])
np.polydiv([1.0], v)
np.polydiv([2.0, 3.0, 1.0], [1.0, 1.0])
np.polyder(v, 7)
np.polyint(v, 2, k=3)
np.poly(empty)
np.poly(x[:, :3])
np.roots([0.0, 1.0, -3.0, 2.0, 0.0])
np.polyfit(v, x[0][[0, 1, 2, 3, 0]], 2)
np.polyfit([0.0, 1.0, 2.0], n.T[:3] * 1.0, 1)
np.apply_along_axis(np.diff, 1, t)
np.apply_along_axis(np.outer, 0, n, v)
np.apply_over_axes(np.max, t, [-1])
np.isclose(f, f, equal_nan=True)
np.allclose(n, n + 1)
np.array_equal(f, f, equal_nan=True)
np.array_equal(n, v)
np.array_equiv(n, n[:1])
np.clip(n, 0, None)
np.clip(v, max=1.0)
np.clip(x, v[:4], v[1:])
np.clip(n, -1, 2)
np.round(n, 1)
np.round(u8)
np.nan_to_num(f, nan=-1.0, neginf=0.0)
np.nan_to_num(n)
np.isneginf(f)
np.isreal(n)
np.logical_and(n, b)
np.logical_not(f)
np.where(n, x[:2, :3], 0)
np.packbits(b)
np.unpackbits(u8[:, None], axis=1, bitorder="little")
np.vander(k)
np.vander(v, 0)
np.linspace(2.0, 3.0, 1)
np.linspace(v, 0.0, 4, endpoint=False)
np.linspace(n, n + 1, 0)
np.linspace(v, 9.0, 3, axis=-1)
np.linspace(k, 9, 1)
np.logspace(v, 1.0, 3)
np.meshgrid(v)
np.meshgrid(a0, v)
np.meshgrid(v, k, n[0], sparse=True)
np.indices((2, 0))
np.tri(2, 5, 1)
np.tril_indices(2, 1, 3)
np.triu_indices_from(x, 2)
np.ix_([True, False, True], [0, 1])
np.fromfunction(lambda i, j: i * j, (2, 3))
np.full((2, 3), v[:3])
np.full_like(n, 2.7)
np.zeros_like(n)
np.unstack(none)
np.unstack(n, axis=-1)
np.trim_zeros(np.pad(v, 2), "b")
np.trim_zeros(empty)
np.trim_zeros(np.pad(n, ((1, 2), (0, 1))), axis=0)
np.trim_zeros(np.pad(n, ((1, 2), (0, 1))))
np.isscalar(a0)
np.r_[v, 5.0, 0:3, 0:1:3j]
np.r_[a0, v]
np.c_[v, v]
np.c_[n, n]
np.c_[0:3, n.T]
np.mgrid[0:3]
np.mgrid[0:3, 1:2:4j]
np.ogrid[0:3, 1:7:2]
x[np.s_[1:, ::2]]
np.diag(x, -2)
np.diag(v[:0], 2)
np.diagonal(none)
np.diagonal(t, 3, -1, 0)
np.resize(v, 12)
np.resize(n, (0, 2))
np.delete(none, 1, axis=-1)
np.size(t, (0, 2))
np.can_cast(u8, "int32")
np.isdtype(n.dtype, "integral")
np.astype(x, "int32")
""".strip().splitlines()


def leaves(value):
    if isinstance(value, (tuple, list)):
        return [leaf for part in value for leaf in leaves(part)]
    return [value]


def ours():
    return {name: np.array(a, dtype=a.dtype) for name, a in ARRAYS.items()}


@pytest.mark.parametrize("text", SAME)
def test_numpy_gives_the_same(text):
    got = leaves(eval(text, {"np": np, **ours()}))
    wanted = leaves(eval(text, {"np": numpy, **ARRAYS}))
    assert len(got) == len(wanted)
    for mine, theirs in zip(got, wanted, strict=True):
        theirs = numpy.asarray(theirs)
        values = mine.asnumpy() if isinstance(mine, Tensor) else numpy.asarray(mine)
        assert values.shape == theirs.shape
        assert values.dtype.kind == theirs.dtype.kind.replace("u", "i") or (
            values.dtype == theirs.dtype
        )
        tolerance = 1e-12 if values.dtype == theirs.dtype else 1e-6
        numpy.testing.assert_allclose(values, theirs, rtol=tolerance, atol=tolerance)


REFUSED = """
np.moveaxis(t, 0, 3)
np.moveaxis(t, (0, 1), 0)
np.moveaxis(t, (0, 0), (1, 2))
np.rollaxis(t, 3)
np.rollaxis(t, 0, 4)
np.expand_dims(x, (0, 0))
np.expand_dims(x, 3)
np.squeeze(x, 0)
np.reshape(x, (5, -1))
np.reshape(x, (3, 4), order="Z")
np.matrix_transpose(v)
np.roll(v, 1, axis=1)
np.rot90(x, 1, (0, 0))
np.rot90(v)
np.fliplr(v)
np.flip(v, 1)
np.broadcast_arrays(v, x)
np.concatenate([v, x])
np.concatenate([])
np.stack([v, x])
np.column_stack([v, x])
np.block([[x], x])
np.block([])
np.split(v, 2)
np.array_split(v, 0)
np.vsplit(v, 1)
np.dsplit(x, 2)
np.unstack(a0)
np.repeat(v, [1, 2])
np.repeat(v, -1)
np.insert(v, 9, 1.0)
np.insert(x, 0, v, axis=1)
np.delete(v, 5)
np.delete(x, 0, axis=2)
np.pad(v, -1)
np.pad(v, 1, "nonsense")
np.pad(v, 1, "edge", constant_values=3)
np.pad(v, [(1, 2), (3, 4)])
np.pad(empty, 1, "edge")
np.take(v, [9])
np.take_along_axis(x, k, axis=0)
np.take_along_axis(x, k[None] + 5, axis=0)
np.choose(k, [v[:4], v[1:]])
np.choose(k, [v[:4], v[1:]], mode="other")
np.compress(b, x)
np.select([b], [n, n])
np.select([n], [n])
np.piecewise(v, [v > 0], [1, 2, 3])
np.unravel_index(9, (2, 3))
np.ravel_multi_index([k], (2,))
np.diagonal(v)
np.diag_indices_from(x)
np.tril_indices_from(v)
np.sort(v, axis=1)
np.sort(v, kind="bubble")
np.argsort(x, axis=-3)
np.partition(v, 5)
np.searchsorted(x, 1.0)
np.searchsorted(v, 1.0, side="middle")
np.bincount(-k)
np.bincount(x)
np.bincount(k, weights=v)
np.digitize(v, [1.0, 3.0, 2.0])
np.histogram(v, 0)
np.histogram(v, [3.0, 1.0])
np.histogram(v, 3, (2.0, 1.0))
np.histogram(v, weights=k)
np.histogram(v, "nonsense")
np.histogram(f, 2)
np.diff(a0)
np.diff(v, n=-1)
np.diff(x, axis=2)
np.gradient(v[:1])
np.gradient(v[:2], edge_order=2)
np.gradient(v, edge_order=3)
np.gradient(v, [1.0, 2.0])
np.gradient(x, 1.0, 2.0, 3.0)
np.interp(v, [], [])
np.interp(v, [1.0, 2.0], [1.0])
np.interp(v, [1.0, 2.0], [1.0, 2.0], period=0)
np.convolve(v, empty)
np.convolve(v, v, "nonsense")
np.polyder(v, -1)
np.polyint(v, -1)
np.polyint(v, 3, k=[1.0, 2.0])
np.polyfit(v, v, -1)
np.polyfit(v, v[:2], 1)
np.apply_along_axis(np.sum, 2, x)
np.apply_along_axis(np.sum, 0, none.T)
np.where(b, n)
np.vander(x)
np.meshgrid(v, v, indexing="yx")
np.fill_diagonal(v, 1)
np.put(v, [9], 1.0)
np.place(v, v > 0, [])
np.packbits(x)
np.unpackbits(n)
np.isdtype(n.dtype, "nonsense")
np.resize(v, -1)
np.c_[v, n]
np.diag(t[0, 0, 0])
np.result_type()
""".strip().splitlines()


@pytest.mark.parametrize("text", REFUSED)
def test_numpy_refuses_it_too(text):
    with pytest.raises(Exception) as theirs:  # noqa: B017 (any: ours must be of its kind)
        eval(text, {"np": numpy, **{name: a.copy() for name, a in ARRAYS.items()}})
    arrays = ours()
    with pytest.raises((theirs.type, ValueError, TypeError, IndexError)) as mine:
        eval(text, {"np": np, **arrays})
    assert str(mine.value)
    for name, array in arrays.items():
        numpy.testing.assert_array_equal(array.asnumpy(), ARRAYS[name])


# ---- what NumPy's words do not say ---------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8", "int32", "uint8", "bool"])
def test_the_dtype_stays(dtype):
    x = np.array([[3, 0, 2], [1, 1, 0]], dtype=dtype)
    for y in (
        *(np.roll(x, 1), np.rot90(x), np.pad(x, 1), np.pad(x, 1, "edge"), np.tile(x, 2)),
        *(np.repeat(x, 2), np.insert(x, 1, 1), np.delete(x, 1), np.resize(x, 4), np.diag(x[0])),
        *(np.tril(x), np.diagonal(x), np.sort(x), np.partition(x, 1), np.unique(x)),
        *(np.take_along_axis(x, np.argsort(x), 1), np.moveaxis(x, 0, 1), np.trim_zeros(x[0])),
        *(np.full_like(x, 1), np.nan_to_num(x), np.real(x), np.round(x), np.choose([0], [x])),
    ):
        assert y.dtype == dtype


@pytest.mark.parametrize("dtype", ["float32", "int8", "uint8", "bool"])
@pytest.mark.parametrize("axis", [0, -1])
def test_descending_order_is_stable(dtype, axis):
    values = numpy.array([[2, 0, 2, 1], [0, 2, 1, 1], [1, 1, 1, 2]]).astype(dtype)
    x = np.array(values, dtype=dtype)
    places = np.argsort(x, axis=axis, descending=True).asnumpy()
    expected = numpy.argsort(-values.astype("float64"), axis=axis, kind="stable")
    numpy.testing.assert_array_equal(places, expected)
    numpy.testing.assert_array_equal(
        np.sort(x, axis=axis, descending=True).asnumpy(),
        numpy.take_along_axis(values, expected, axis),
    )


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sorting_gives_back_the_gradient_of_equal_elements(dtype):
    x = np.array([2, 1, 2, 1], dtype=dtype)
    x.attach_grad()
    with autograd.record():
        y = (np.sort(x) * np.array([1, 10, 100, 1000], dtype=dtype)).sum()
    y.backward()
    assert x.grad.tolist() == [100, 1, 1000, 10]


def test_padding_takes_a_function_of_numpys():
    def edges(vector, pad_width, axis, kwargs):
        vector[: pad_width[0]] = kwargs["start"]
        vector[-pad_width[1] :] = axis

    x = numpy.arange(6.0).reshape(2, 3)
    expected = numpy.pad(x, 1, edges, start=7)
    numpy.testing.assert_array_equal(np.pad(np.array(x), 1, edges, start=7).asnumpy(), expected)


def test_a_triangle_does_not_multiply_by_zero():
    x = np.array([[1, np.inf], [np.nan, 1]])
    assert np.tril(x)[0].tolist() == [1, 0]
    assert np.triu(x)[1].tolist() == [0, 1]
    assert np.diag(np.array([np.inf, 1]))[0, 1] == 0


def test_complex_results_are_refused():
    with pytest.raises(MXNetError, match="complex"):
        np.roots(np.array([1, 0, 1]))


def test_the_default_dtypes():
    assert np.tri(2).dtype == np.eye(2).dtype == np.hanning(4).dtype == "float32"
    assert np.vander(np.array([1, 2])).dtype == np.interp([1], [1, 2], [3, 4]).dtype == "float32"
    assert np.bincount(np.array([1, 2], dtype="int32")).dtype == "int32"  # as MXNet
    assert np.argsort(np.array([1])).dtype == np.tril_indices(2)[0].dtype == "int64"
    assert np.indices((2, 2)).dtype == "int32"
    assert np.fromfunction(lambda i: i, (2,)).dtype == "float32"


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        (("int8", "float32"), "float32"),
        (("int64", "float32"), "float32"),
        (("float32", "float64"), "float64"),
        (("int8", 2), "int8"),
        (("bool", 2), "int64"),
        (("float16", 2.0), "float16"),
        ((True, 2), "int64"),
    ],
)
def test_result_type_is_that_of_operators(items, expected):
    assert np.result_type(*items) == expected
    if not isinstance(items[0], bool):
        arrays = [np.ones(1, dtype=i) if isinstance(i, str) else i for i in items]
        assert (arrays[0] * arrays[1]).dtype == expected


@pytest.mark.parametrize("name", ["int16", "uint32", "complex64"])
def test_a_dtype_that_is_missing_names_those_that_are_there(name):
    with pytest.raises(AttributeError, match="float16, float32, .* uint8 and bool"):
        getattr(np, name)


# ---- memory --------------------------------------------------------------------------------------


def test_asarray_shares_what_it_can():
    source = numpy.arange(3.0)
    x = np.asarray(source)
    source[0] = 9
    assert x.tolist() == [9, 1, 2] and x.dtype == "float64"
    assert np.shares_memory(x, source)
    assert not np.shares_memory(np.asarray(source, copy=True), source)
    assert np.asarray(x) is x
    assert np.asarray(x, copy=True) is not x
    assert np.asarray([1, 2]).dtype == "int64"


def test_lists_take_the_dtype_of_the_array_beside_them():
    k, x = np.array([1, 2], dtype="int8"), np.ones(2, dtype="float64")
    assert np.append(k, [3]).dtype == "int8"
    assert np.append(k, [3.5]).dtype == "float32"
    assert np.append(x, [0.1])[2].item() == 0.1
    assert np.append(k > 1, [3]).dtype == "int64"
    assert np.result_type(k, 2.5) == "float32"


@pytest.mark.parametrize("source", [[1.0], numpy.ones(2, "int16"), numpy.ones(2)])
def test_asarray_without_a_copy_refuses_to_copy(source):
    with pytest.raises(ValueError, match="without a copy"):
        np.asarray(source, "float32", copy=False)


def test_views_share_memory():
    x = np.arange(12).reshape(3, 4)
    for view in (np.swapaxes(x, 0, 1), np.moveaxis(x, 0, 1), np.expand_dims(x, (0, 3)), x[1:]):
        assert np.shares_memory(x, view)
    for copy in (np.roll(x, 0, 0).copy(), np.flip(x), np.reshape(x, (4, 3), copy=True)):
        assert not np.shares_memory(x, copy)


def test_writing_functions():
    a, x = numpy.arange(12.0).reshape(3, 4), np.arange(12).reshape(3, 4)
    for call in (
        lambda f, x: f.put(x, [0, -1, 5], [7, 8]),
        lambda f, x: f.put(x, [12, -20], 3, mode="clip"),
        lambda f, x: f.put(x, [12, 14], [1, 2], mode="wrap"),
        lambda f, x: f.place(x, f.asarray(x) > 6, [1, 2]),
        lambda f, x: f.putmask(x, f.asarray(x) > 3, f.asarray(x) * 2),
        lambda f, x: f.put_along_axis(x, f.argsort(x, axis=1)[:, :1], 99, 1),
        lambda f, x: f.put_along_axis(x, f.flatnonzero(x > 90), 5, None),
        lambda f, x: f.fill_diagonal(x, [4, 5, 6]),
        lambda f, x: f.copyto(x, x * 2, where=f.asarray(x) < 20),
        lambda f, x: f.copyto(x, 5),
    ):
        call(numpy, a)
        call(np, x)
        numpy.testing.assert_array_equal(x.asnumpy(), a)
    tall, ours = numpy.zeros((7, 2)), np.zeros((7, 2))
    numpy.fill_diagonal(tall, 3, wrap=True)
    np.fill_diagonal(ours, 3, wrap=True)
    numpy.testing.assert_array_equal(ours.asnumpy(), tall)


def test_out():
    x = np.array([[3, 1], [2, 4]])
    for call in (
        lambda out: np.concatenate([x, x], out=out[:4]),
        lambda out: np.reshape(x, (4,), out=out[:, 0].copy()),
    ):
        out = np.zeros((4, 2))
        call(out)
    target = np.zeros((2, 2))
    assert np.flip(x, 0, out=target) is target
    assert target.tolist() == [[2, 4], [3, 1]]
    assert np.clip(x, 2, 3, out=target).tolist() == [[3, 2], [2, 3]]
    flags = np.zeros((2, 2), dtype="bool")
    assert np.isnan(x, out=flags) is flags
    with pytest.raises(ValueError, match="shape"):
        np.squeeze(x[None], out=np.zeros(3))


# ---- methods and plans ---------------------------------------------------------------------------


def test_methods():
    a = numpy.array([[3.0, 1.0, 2.0], [0.0, -1.0, 5.0]])
    for call in (
        lambda x: x.diagonal(1),
        lambda x: x.ravel(),
        lambda x: x.nonzero(),
        lambda x: x.trace(),
        lambda x: x.cumprod(1),
        lambda x: x[0].argpartition(1)[1],
        lambda x: x[0].compress([True, False, True]),
        lambda x: x.conj(),
        lambda x: x.tobytes() if isinstance(x, numpy.ndarray) else x.astype("float64").tobytes(),
    ):
        got, wanted = leaves(call(np.array(a))), leaves(call(a))
        for mine, theirs in zip(got, wanted, strict=True):
            if isinstance(theirs, bytes):
                assert mine == theirs
            else:
                numpy.testing.assert_array_equal(mine.asnumpy(), theirs)
    x = np.array([3, 1, 2])
    assert x.sort() is None and x.tolist() == [1, 2, 3]
    assert x.fill(4) is None and x.tolist() == [4, 4, 4]
    x.put([0], 9)
    assert x.partition(1) is None and x.tolist() == [4, 4, 9]
    assert x.searchsorted(5).item() == 2


@pytest.mark.parametrize("name", ["nonzero", "unique", "trim_zeros", "roots", "allclose"])
def test_what_depends_on_values_runs_without_a_plan(name):
    function = getattr(np, name)
    block = Wrapped(lambda x: function(x, x) if name == "allclose" else function(x))
    block.hybridize()
    with pytest.warns(UserWarning, match="runs eagerly"):
        found = block(np.array([1, 2, 0]))
    expected = block.function(np.array([1, 2, 0]))
    assert numpy.array_equal(numpy.asarray(found), numpy.asarray(expected))


def test_a_plan_looks_again_at_what_it_sorts():
    block = Wrapped(lambda x: np.take_along_axis(x, np.argsort(x), -1) + np.sort(x))
    block.hybridize()
    for values in ([3, 1, 2], [1, 3, 2], [2, 2, 1]):
        assert block(np.array(values)).tolist() == [2 * n for n in sorted(values)]


def test_a_plan_refuses_numbers_without_a_choice():
    block = Wrapped(lambda a: np.choose(a, [np.ones(2), np.zeros(2)]))
    block.hybridize()
    assert block(np.array([0, 1], dtype="int64")).tolist() == [1, 0]
    with pytest.raises(ValueError, match="choose"):
        block(np.array([0, 2], dtype="int64"))
